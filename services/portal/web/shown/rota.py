"""A rota day by day: who is on call from when to when, where somebody stands in, and where nobody is."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from flask_babel import gettext, pgettext
from throughline.sla.v1 import escalation_pb2

from services.portal.web import formats
from services.portal.web.shown.escalation import named
from services.portal.web.shown.reader import Reader, instant, last_part

DAYS = 14


def row(one: escalation_pb2.Rota, answer: Any, reader: Reader) -> dict[str, Any]:
    """A rota in the list: who is on call now, who is next, and its gaps."""
    return {
        "id": last_part(one.name),
        "name": named(one.display_names, one.name, reader),
        "zone": one.time_zone,
        "retired": one.retired,
        "now": person(answer.on_call, reader) if answer is not None else "",
        "next": following(answer, reader) if answer is not None else "",
        "gaps": len(one.gaps),
    }


def person(shift: escalation_pb2.RotaShift, reader: Reader) -> str:
    """Who is on call in a shift; "" for nobody."""
    return shift.display_name or (reader.called(shift.person) if shift.person else "")


def following(answer: Any, reader: Reader) -> str:
    """Who comes next, and from when."""
    if not answer.HasField("next_on_call"):
        return ""
    shift = answer.next_on_call
    words = gettext("%(name)s from %(time)s", name=person(shift, reader), time=reader.near(instant(shift.start_time)))
    return reader.spaced(words)


def midnight(reader: Reader) -> datetime:
    """The start of the reader's day."""
    return datetime.combine(reader.now.astimezone(reader.zone).date(), time(), reader.zone).astimezone(UTC)


def days(shifts: Iterable[escalation_pb2.RotaShift], overrides: dict[str, str], reader: Reader) -> list[dict[str, Any]]:
    """The reader's days with the shifts that touch each, cut at midnight. overrides: reasons by id."""
    today = reader.now.astimezone(reader.zone).date()
    told = [(instant(one.start_time), instant(one.end_time), one) for one in shifts]
    found: list[dict[str, Any]] = []
    for number in range(DAYS):
        day = today + timedelta(days=number)
        start, end = _midnight(day, reader), _midnight(day + timedelta(days=1), reader)
        found.append(
            {
                "day": formats.day(day, reader.language, today=today),
                "weekday": weekday(day),
                "today": number == 0,
                "shifts": [
                    {
                        "person": person(one, reader),
                        "span": _span(max(begin, start), min(stop, end), start, end, reader),
                        "instead": overrides.get(one.override_id, "") if one.override_id else "",
                        "gap": not one.person,
                        "override": bool(one.override_id),
                    }
                    for begin, stop, one in told
                    if begin < end and stop > start
                ],
            }
        )
    return found


def gaps(one: escalation_pb2.Rota, reader: Reader) -> list[str]:
    """The gaps that were announced."""
    return stretches(one.gaps, reader)


def stretches(found: Iterable[escalation_pb2.RotaGap], reader: Reader) -> list[str]:
    """Gaps in words: from when to when."""
    return [
        reader.stretch(instant(gap.start_time), instant(gap.end_time) if gap.HasField("end_time") else None)
        for gap in found
    ]


def overrides(one: escalation_pb2.Rota, reader: Reader) -> list[dict[str, Any]]:
    """The overrides that are not over, soonest first."""
    coming = [each for each in one.overrides if instant(each.end_time) > reader.now]
    return [
        {
            "id": each.id,
            "person": reader.called(each.person),
            "span": reader.stretch(instant(each.start_time), instant(each.end_time)),
            "reason": each.reason,
            "author": reader.called(each.author),
        }
        for each in sorted(coming, key=lambda each: instant(each.start_time))
    ]


def layers(one: escalation_pb2.Rota, reader: Reader) -> list[str]:
    """Each layer in a sentence."""
    return [_layer(layer, one.time_zone, reader) for layer in one.layers]


def weekday(day: date) -> str:
    """The short name of a weekday."""
    names = (
        pgettext("weekday", "Mon"),
        pgettext("weekday", "Tue"),
        pgettext("weekday", "Wed"),
        pgettext("weekday", "Thu"),
        pgettext("weekday", "Fri"),
        pgettext("weekday", "Sat"),
        pgettext("weekday", "Sun"),
    )
    return str(names[day.weekday()])


def _layer(layer: escalation_pb2.RotaLayer, zone: str, reader: Reader) -> str:
    names = " → ".join(reader.called(one) for one in layer.people)
    given = {"names": names, "time": layer.time, "zone": zone}
    if layer.hand_over == escalation_pb2.HAND_OVER_DAILY:
        words = gettext("%(names)s, hand-over every day at %(time)s (%(zone)s)", **given)
    else:
        day = weekday(date.fromisoformat(layer.first_date))
        words = gettext("%(names)s, hand-over every %(day)s at %(time)s (%(zone)s)", day=day, **given)
    if layer.hours:
        words = gettext("%(words)s, in its hours only", words=words)
    return reader.spaced(str(words))


def _midnight(day: date, reader: Reader) -> datetime:
    return datetime.combine(day, time(), reader.zone).astimezone(UTC)


def _span(begin: datetime, stop: datetime, start: datetime, end: datetime, reader: Reader) -> str:
    if (begin, stop) == (start, end):
        return str(gettext("all day"))
    return formats.span(reader.clock(begin), "24:00" if stop == end else reader.clock(stop), reader.language)
