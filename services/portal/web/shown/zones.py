"""Time zones as forms offer them."""

from __future__ import annotations

from functools import cache
from zoneinfo import available_timezones


@cache
def known() -> list[str]:
    """Zones that are named by a place, such as "Asia/Shanghai", in order."""
    return sorted(one for one in available_timezones() if "/" in one and not one.startswith("Etc/"))
