"""Improvements as their pages show them: what each is worth by the ledger, and the form of one both ways."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from flask_babel import gettext, ngettext
from throughline.metrics.v1 import governance_pb2 as pb
from throughline.metrics.v1 import metrics_pb2

from services.portal.web import formats
from services.portal.web.shown import fields
from services.portal.web.shown import tile as tiles
from services.portal.web.shown.board import amount
from services.portal.web.shown.reader import Reader, instant, last_part

STATES = {
    "proposed": pb.IMPROVEMENT_STATE_PROPOSED,
    "started": pb.IMPROVEMENT_STATE_STARTED,
    "finished": pb.IMPROVEMENT_STATE_FINISHED,
}
_SOURCES = ("GREEN_BUT_RED", "RECURRENCE", "BOTTLENECK", "OUTAGES", "OTHER")
_NUMBERS = re.compile(r"[\s,，;]+")
_TICKET = re.compile(r"(?:INC|REQ)-[0-9]{6,12}")
_WAYS = ("service", "root", "tickets")
_QUARTER = timedelta(days=90)


def state_words() -> dict[str, str]:
    """The words of each state."""
    return {
        "proposed": str(gettext("Proposed")),
        "started": str(gettext("Under way")),
        "finished": str(gettext("Finished")),
    }


def source_words() -> list[tuple[str, str]]:
    """Where a need shows, by the name of the contract."""
    words = (
        gettext("Every clock met, and it cost something"),
        gettext("The same fault again"),
        gettext("A bottleneck"),
        gettext("Outages of one root"),
        gettext("Elsewhere"),
    )
    return [(name, str(text)) for name, text in zip(_SOURCES, words, strict=True)]


def state(one: pb.Improvement) -> dict[str, str]:
    """The chip of a state: text, tone and icon_name."""
    key = next((name for name, value in STATES.items() if value == one.state), "proposed")
    tone, icon = {"proposed": ("outline", "bulb"), "started": ("", "play"), "finished": ("ok", "check-circle")}[key]
    return {"text": state_words()[key], "tone": tone, "icon_name": icon}


def row(one: pb.Improvement, reader: Reader, href: str) -> dict[str, Any]:
    """An item of the list."""
    return {
        "title": one.title,
        "goal": one.goal,
        "href": href,
        "state": state(one),
        "expected": worth(one, reader.language),
        "basis": basis_words(one, reader),
        "owner": reader.called(one.owner),
        "due": _day(one, "due_time", reader),
    }


def worth(one: pb.Improvement, language: str) -> str:
    """The expected money; words when the ledger has nothing to expect by."""
    return amount(one.expected, language) if one.entries else str(gettext("No loss booked"))


def basis_words(one: pb.Improvement, reader: Reader) -> str:
    """By what it is worth so much: "25% of the loss of services/till, Mar 1–May 31"."""
    share = formats.percent(one.basis.share_per_mille / 1000, reader.language, 0 if _whole(one) else 1)
    return reader.spaced(str(gettext("%(share)s of the loss of %(what)s", share=share, what=_what(one, reader))))


def facts(one: pb.Improvement, metric: metrics_pb2.Metric | None, reader: Reader) -> list[tuple[str, str]]:
    """What is known of an item, as (term, description)."""
    language = reader.language
    start, end = instant(one.basis.period.start_time), instant(one.basis.period.end_time)
    today = reader.now.astimezone(reader.zone).date()
    first, last = (formats.day(at, language, reader.zone, today) for at in (start, end))
    loss = amount(one.loss, language) if one.entries else str(gettext("No loss booked"))
    rows = ngettext("%(num)s row", "%(num)s rows", one.entries)
    found = [
        (gettext("Expected to be stopped"), worth(one, language)),
        (gettext("Basis"), basis_words(one, reader)),
        (gettext("Loss of the basis"), f"{loss} · {rows}"),
        (gettext("Read from the ledger"), reader.near(instant(one.read_time))),
        (gettext("Hours of the ledger"), formats.span(first, last, language)),
        (gettext("Goal"), one.goal),
        (gettext("Owner"), reader.called(one.owner)),
        (gettext("Need shown by"), dict(source_words()).get(_source(one), "")),
        (gettext("Is to move"), tiles.named(metric, language) if metric is not None else one.metric),
        (gettext("Due"), _day(one, "due_time", reader)),
        (gettext("Started"), _day(one, "start_time", reader)),
        (gettext("Finished"), _day(one, "finish_time", reader)),
    ]
    if one.other_currencies:
        found.insert(3, (gettext("Not added"), formats.listed(one.other_currencies, language)))
    return [(str(term), text) for term, text in found]


def given(one: pb.Improvement | None, reader: Reader) -> dict[str, str]:
    """An item as the fields of its form; a new one stands on the last quarter."""
    if one is None:
        today = reader.now.astimezone(reader.zone).date()
        return {"way": "service", "from": (today - _QUARTER).isoformat(), "to": today.isoformat()}
    basis = one.basis
    way = "tickets" if basis.tickets else "root" if basis.root else "service"
    what = ", ".join(map(last_part, basis.tickets)) or basis.root or last_part(basis.service)
    return {
        **{name: getattr(one, name) for name in ("title", "goal", "owner", "metric", "evidence", "etag")},
        "way": way,
        "what": what,
        "share": fields.percent(basis.share_per_mille),
        "from": _date(one.basis.period, "start_time", reader),
        "to": _date(one.basis.period, "end_time", reader),
        "due": _date(one, "due_time", reader),
        "source": _source(one),
    }


def read(form: Mapping[str, str]) -> tuple[pb.Improvement, dict[str, str]]:
    """The item that a form says, and what of it cannot be read."""
    errors: dict[str, str] = {}
    title, goal, owner = (form.get(name, "").strip() for name in ("title", "goal", "owner"))
    metric, evidence = form.get("metric", ""), form.get("evidence", "").strip()
    message = pb.Improvement(title=title, goal=goal, owner=owner, metric=metric, evidence=evidence)
    what = form.get("what", "").strip()
    way = form.get("way", "")
    if not what or way not in _WAYS:
        errors["what"] = str(gettext("Name the service, the root or the tickets whose loss it stands on."))
    elif way == "tickets":
        numbers = [one for one in _NUMBERS.split(what) if one]
        if not all(_TICKET.fullmatch(one) for one in numbers):
            errors["what"] = str(gettext("Write numbers such as INC-000123, separated by commas."))
        message.basis.tickets.extend(f"tickets/{one}" for one in numbers)
    elif way == "root":
        message.basis.root = what
    else:
        message.basis.service = what if what.startswith("services/") else f"services/{what}"
    message.basis.share_per_mille = fields.share(form, "share", errors)
    for name, field in (("from", "start_time"), ("to", "end_time")):
        at = fields.day(form, name, errors)
        if at is not None:
            getattr(message.basis.period, field).FromDatetime(at)
    due = fields.day(form, "due", errors, optional=True)
    if due is not None:
        message.due_time.FromDatetime(due)
    if form.get("source") in _SOURCES:
        message.source = pb.ImprovementSource.Value(f"IMPROVEMENT_SOURCE_{form['source']}")
    return message, errors


def _what(one: pb.Improvement, reader: Reader) -> str:
    basis = one.basis
    if basis.tickets:
        return str(ngettext("%(num)s ticket", "%(num)s tickets", len(basis.tickets)))
    if basis.root:
        return str(gettext("outages of %(root)s", root=basis.root))
    return reader.called(basis.service)


def _whole(one: pb.Improvement) -> bool:
    return one.basis.share_per_mille % 10 == 0


def _source(one: pb.Improvement) -> str:
    return pb.ImprovementSource.Name(one.source).removeprefix("IMPROVEMENT_SOURCE_")


def _day(one: pb.Improvement, field: str, reader: Reader) -> str:
    if not one.HasField(field):  # type: ignore[arg-type]  # a field's name, from this module alone
        return "–"
    today = reader.now.astimezone(reader.zone).date()
    return formats.day(instant(getattr(one, field)), reader.language, reader.zone, today)


def _date(message: Any, field: str, reader: Reader) -> str:
    if not message.HasField(field):
        return ""
    at: datetime = getattr(message, field).ToDatetime(tzinfo=UTC)
    return at.astimezone(reader.zone).date().isoformat()
