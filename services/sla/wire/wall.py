"""Local times as texts."""

from __future__ import annotations


def clock_text(seconds: int) -> str:
    """Seconds since local midnight as "09:00", or "09:00:30" where they are not whole minutes."""
    hours, rest = divmod(seconds, 3600)
    text = f"{hours:02}:{rest // 60:02}"
    return f"{text}:{rest % 60:02}" if rest % 60 else text
