"""Every reason for which this service refuses is documented, in English and in Chinese."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
SAID = re.compile(
    r"(?:Refusal\.(?:forbidden|precondition|conflict)\(\s*|Refusal\.invalid\(\s*[^,]+?,\s*|\(Kind\.[A-Z]+, "
    r"|RefusalKind\.[A-Z]+,\s*|Refusal\(\s*Kind\.[A-Z]+,\s*)"
    r'"([A-Z]+(?:_[A-Z]+)+)"'
)


def test_every_reason_is_documented_in_both_languages() -> None:
    """What this service refuses is what its page of reasons lists, and every entry says what to do."""
    said = {one for path in (ROOT / "services" / "metrics").rglob("*.py") for one in SAID.findall(path.read_text())}
    listed = tomllib.loads((ROOT / "docs" / "reasons" / "metrics.toml").read_text())["reason"]
    assert {one["reason"] for one in listed} == said
    for one in listed:
        assert all(one[key].strip() for key in ("when", "when_zh", "do", "do_zh")), one["reason"]
