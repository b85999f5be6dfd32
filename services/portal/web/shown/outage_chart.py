"""An outage on one axis of time: the data of its chart, and the same as a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from flask_babel import gettext
from throughline.changes.v1 import change_pb2
from throughline.metrics.v1 import availability_service_pb2, metrics_pb2, outage_pb2

from services.portal.web import formats
from services.portal.web.shown.reader import Reader, instant, last_part


def data(
    one: outage_pb2.Outage,
    minutes: Sequence[availability_service_pb2.ServiceMinute],
    changes: Sequence[change_pb2.Change],
    opened: Mapping[str, datetime | None],
    entries: Sequence[metrics_pb2.LedgerEntry],
    reader: Reader,
) -> dict[str, Any]:
    """What the chart's script draws, by the reader's clock: minutes, and marks of tickets, changes, hours of cost."""

    def place(at: datetime) -> int:
        # The script knows no zones but its own and UTC: what the reader's clock shows is given to it as UTC.
        return int(at.astimezone(reader.zone).replace(tzinfo=UTC).timestamp() * 1000)

    marks = [
        {"at": place(instant(each.start_time)), "title": f"{last_part(each.name)} · {each.title}"}
        for each in changes
        if each.HasField("start_time")
    ]
    end = instant(one.end_time) if one.HasField("end_time") else reader.now
    return {
        "language": reader.language,
        "minutes": [
            [place(instant(each.minute_time)), round(100 * each.good / each.valid, 3)] for each in minutes if each.valid
        ],
        "tickets": [{"at": place(at), "title": last_part(name)} for name, at in opened.items() if at is not None],
        "changes": marks,
        "costs": [
            {"at": place(max(instant(line.hour_time), instant(one.start_time))), "title": _cost(line, reader)}
            for each in entries
            for line in each.lines
            if line.amount.minor_units
        ],
        "start": place(instant(one.start_time)),
        "end": place(end),
        "words": {
            "availability": gettext("Availability"),
            "tickets": gettext("Tickets"),
            "changes": gettext("Changes"),
            "costs": gettext("Cost by hour"),
            "outage": gettext("Outage"),
        },
    }


def rows(minutes: Sequence[availability_service_pb2.ServiceMinute], reader: Reader) -> list[tuple[str, str, str, str]]:
    """The chart as a table: minute, availability, valid and bad requests."""
    return [
        (
            reader.near(instant(each.minute_time)),
            formats.percent(each.good / each.valid, reader.language, 1),
            formats.number(round(each.valid), reader.language, 0),
            formats.number(round(each.valid - each.good), reader.language, 0),
        )
        for each in minutes
        if each.valid
    ]


def _cost(line: metrics_pb2.LedgerLine, reader: Reader) -> str:
    amount = formats.money(line.amount.minor_units, line.amount.currency_code, reader.language)
    return f"{amount} · {last_part(line.service)}"
