"""What the web process is told from outside: no store, only whom to call and how the company is called."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from services.portal.web.stages import Stage
from services.runtime.settings import Settings


class WebSettings(Settings):
    """secure_cookies: off only where the portal is reached by plain http. stage: how far the way is gone, 1 to 4."""

    mongo_uri: str = Field(default="", repr=False)
    nats_url: str = Field(default="", repr=False)
    company: str = "Throughline"
    company_zh: str = ""
    currency: str = "CNY"
    time_zone: str = "Asia/Shanghai"
    stage: Stage = Stage.BOARD
    secure_cookies: bool = False
    # How many proxies in front are trusted to say where a request came from.
    proxies: int = Field(default=0, ge=0, le=5)
    # Where a trace opens, by the name of the place: {"jaeger": "https://jaeger.example/trace/{trace_id}"}.
    trace_links: dict[str, Annotated[str, Field(pattern=r"^https?://.*\{trace_id\}")]] = Field(default_factory=dict)
