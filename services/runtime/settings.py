"""Environment and mounted secrets -> one frozen settings object; an unknown or missing name means no start.

Every name starts with TL_, a nested one continues with two underscores: TL_ADDRESSES__SLA=127.0.0.1:50052.
A folder named by TL_SECRETS_DIR may hold the same names, one file each; the environment wins.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

PREFIX = "TL_"

# Read where they are needed, not settings of a service: where secrets are mounted, and the fault tests' crash point.
_ELSEWHERE = frozenset({"TL_SECRETS_DIR", "TL_CRASH_AT"})


class Settings(BaseSettings):
    """What every service is told from outside. A service with more to be told subclasses it."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_nested_delimiter="__", frozen=True, extra="forbid", hide_input_in_errors=True
    )

    service: str
    # Addresses of stores carry passwords, so they stay out of every repr.
    mongo_uri: str = Field(repr=False)
    nats_url: str = Field(repr=False)
    keys_dir: Path
    database: str = ""  # the service's own name when nothing is said
    listen: str = "127.0.0.1:50051"
    metrics_listen: str = ""
    addresses: dict[str, str] = Field(default_factory=dict)
    otlp_endpoint: str = ""
    # Off where the endpoint is not metrics itself: a service's token is for metrics, and for nobody between.
    otlp_signed: bool = True
    trace_ratio: float = Field(default=1.0, ge=0.0, le=1.0)
    bus_manage: bool = False
    epoch: int = Field(default=1, ge=1)
    reflection: bool = False
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    store_timeout_ms: int = Field(default=4_500, ge=100)
    max_calls: int = Field(default=512, ge=1)
    max_request_bytes: int = Field(default=1_048_576, ge=1_024)
    stop_wait_seconds: float = Field(default=5.0, ge=0.0)
    stop_grace_seconds: float = Field(default=25.0, ge=0.0)

    @model_validator(mode="before")
    @classmethod
    def _own_database(cls, values: Any) -> Any:
        return {"database": values.get("service", ""), **values} if isinstance(values, dict) else values

    @classmethod
    def load(cls, service: str, **given: Any) -> Self:
        """Reads the environment for `service`; `given` overrides it (tests, tools).

        Raises:
            SystemExit: with one line for each name that is missing, unknown or unusable; never with a value.
        """
        unknown = sorted(_unknown(cls))
        if unknown:
            raise SystemExit(f"{service}: unknown setting {', '.join(unknown)}; remove it or correct its name")
        secrets = os.environ.get("TL_SECRETS_DIR") or None
        if secrets is not None and not Path(secrets).is_dir():
            raise SystemExit(f"{service}: TL_SECRETS_DIR names {secrets}, which is not a folder")
        try:
            return cls(service=service, _secrets_dir=secrets, **given)
        except ValidationError as error:
            raise SystemExit("\n".join(f"{service}: {_line(one)}" for one in error.errors())) from None


def _unknown(cls: type[Settings]) -> set[str]:
    """The names in the environment that look like ours and are not; pydantic itself ignores them."""
    ours = (name for name in os.environ if name.startswith(PREFIX) and name not in _ELSEWHERE)
    return {name for name in ours if name.removeprefix(PREFIX).partition("__")[0].lower() not in cls.model_fields}


def _line(error: Any) -> str:
    name = PREFIX + "__".join(str(part) for part in error["loc"]).upper()
    return f"{name} is missing" if error["type"] == "missing" else f"{name} is unusable: {error['msg']}"
