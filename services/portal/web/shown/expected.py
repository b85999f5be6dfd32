"""What tickets like one say of when it will be done: a range from half to nine in ten of them, and on what it rests."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from flask_babel import gettext
from throughline.sla.v1 import sla_pb2

from services.portal.web import formats
from services.portal.web.shown.reader import Reader, instant

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NEAR, _FINE, _COARSE = timedelta(hours=2), timedelta(minutes=5), timedelta(minutes=15)


def when(clocks: sla_pb2.TicketClocks | None, reader: Reader) -> str:
    """`Today, 16:00–17:30`, printed no finer than it is known; "" when too few are like it, or the clock stands."""
    if clocks is None or not clocks.outlook.HasField("half_time") or not clocks.outlook.HasField("most_time"):
        return ""
    half, most = instant(clocks.outlook.half_time), instant(clocks.outlook.most_time)
    grain = _grain(most - reader.now)
    low, high = half - (half - _EPOCH) % grain, most + (_EPOCH - most) % grain
    first, last = (one.astimezone(reader.zone).date() for one in (low, high))
    today = reader.now.astimezone(reader.zone).date()
    if first == last == today:
        span = formats.span(reader.clock(low), reader.clock(high), reader.language)
        return reader.spaced(gettext("Today, %(time)s", time=span))
    if first == last:
        span = formats.span(reader.clock(low), reader.clock(high), reader.language)
        if first == today + timedelta(days=1):
            return reader.spaced(gettext("Tomorrow, %(time)s", time=span))
        day = formats.day(low, reader.language, reader.zone, today)
        return reader.spaced(gettext("%(day)s, %(time)s", day=day, time=span))
    begins = str(gettext("Today, %(time)s", time=reader.clock(low))) if first == today else reader.near(low)
    return reader.spaced(f"{begins} – {reader.near(high)}")


def left(clocks: sla_pb2.TicketClocks | None, reader: Reader) -> str:
    """`2 h – 3 h 15` of service time; "" when too few are like it."""
    if clocks is None or not clocks.outlook.HasField("half_left"):
        return ""
    half, most = clocks.outlook.half_left.ToTimedelta(), clocks.outlook.most_left.ToTimedelta()
    grain = _grain(most)
    return f"{reader.hours(half - half % grain)} – {reader.hours(most + -most % grain)}"


def basis(clocks: sla_pb2.TicketClocks | None, reader: Reader) -> str:
    """How many are like it and what the ends mean, or how many it takes; "" when nothing was looked up."""
    if clocks is None or not clocks.HasField("outlook"):
        return ""
    outlook = clocks.outlook
    if not outlook.HasField("half_left"):
        return reader.spaced(
            gettext(
                "only %(count)s like it so far, %(needed)s needed for a range",
                count=outlook.like_count,
                needed=outlook.needed_count,
            )
        )
    if outlook.any_service:
        like = gettext("%(count)s like it in all services", count=outlook.like_count)
    else:
        like = gettext("%(count)s like it", count=outlook.like_count)
    return reader.spaced(gettext("%(like)s, half of them done by the first time and 90%% by the second", like=like))


def _grain(until: timedelta) -> timedelta:
    """To what a time is rounded that lies so far ahead."""
    return _FINE if until <= _NEAR else _COARSE
