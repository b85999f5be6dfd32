"""The form of a change's plan: what was typed, kept as it is, and what the service takes. Windows are company time."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from flask_babel import gettext
from google.protobuf.timestamp_pb2 import Timestamp
from throughline.changes.v1 import change_pb2 as pb
from throughline.changes.v1 import changes_service_pb2
from throughline.type.v1 import interval_pb2

from services.portal.web.shown.reader import instant, last_part

MOST_CHECKS = 50
_LOCAL = "%Y-%m-%dT%H:%M"
_TICKET = re.compile(r"(INC|REQ)-[0-9]{6,12}")
_FIELDS = ("type", "risk", "title", "reason", "plan", "rollback_plan", "services", "tickets", "implementer")
_WINDOW = ("window_start", "window_end")


@dataclass(frozen=True, slots=True)
class Typed:
    """The form as typed: values by field name; checks as (what is looked at, what counts as passed)."""

    values: Mapping[str, str] = field(default_factory=dict)
    checks: tuple[tuple[str, str], ...] = (("", ""),)

    def more_rows(self) -> Typed:
        """One more empty check, up to the most that a change may have."""
        return replace(self, checks=(*self.checks, ("", ""))[:MOST_CHECKS])

    def without_row(self, number: int) -> Typed:
        """Without the check of that number, from 1; the last row is emptied instead."""
        left = tuple(check for at, check in enumerate(self.checks, start=1) if at != number)
        return replace(self, checks=left or (("", ""),))


def typed(form: Mapping[str, str]) -> Typed:
    """What a browser sent; line ends as one character, as a browser counts them."""
    values = {name: form.get(name, "").replace("\r\n", "\n").strip() for name in (*_FIELDS, *_WINDOW)}
    count = sum(1 for name in form if name.startswith("check-"))
    checks = tuple(
        (form.get(f"check-{number}", "").strip(), form.get(f"mark-{number}", "").strip())
        for number in range(1, min(count, MOST_CHECKS) + 1)
    )
    return Typed(values, checks or (("", ""),))


def of_change(change: pb.Change, zone: ZoneInfo) -> Typed:
    """A kept plan, to be edited."""

    def local(stamp: Timestamp) -> str:
        return instant(stamp).astimezone(zone).strftime(_LOCAL)

    window = change.HasField("window")
    values = {
        "type": str(change.type),
        "risk": str(change.risk),
        "title": change.title,
        "reason": change.reason,
        "plan": change.plan,
        "rollback_plan": change.rollback_plan,
        "services": ", ".join(last_part(service) for service in change.services),
        "tickets": ", ".join(last_part(ticket) for ticket in change.tickets),
        "implementer": change.implementer,
        "window_start": local(change.window.start_time) if window else "",
        "window_end": local(change.window.end_time) if window else "",
    }
    return Typed(values, tuple((step.check, step.pass_mark) for step in change.steps) or (("", ""),))


def plan(given: Typed, zone: ZoneInfo) -> tuple[changes_service_pb2.ChangePlan, dict[str, str]]:
    """The plan for the service, and by field what cannot be read as typed; empty check rows are left out."""
    errors: dict[str, str] = {}
    values = given.values
    made = changes_service_pb2.ChangePlan(
        type=_number(values.get("type", "")),  # type: ignore[arg-type]  # any number; the service judges it
        risk=_number(values.get("risk", "")),  # type: ignore[arg-type]  # as above
        title=values.get("title", ""),
        reason=values.get("reason", ""),
        plan=values.get("plan", ""),
        rollback_plan=values.get("rollback_plan", ""),
        services=_named("services", values.get("services", "").lower()),
        tickets=_named("tickets", values.get("tickets", "").upper()),
        implementer=values.get("implementer", ""),
        steps=[pb.VerificationStep(check=check, pass_mark=mark) for check, mark in given.checks if check or mark],
    )
    if not made.type:
        errors["type"] = gettext("Choose the kind of change.")
    if not made.risk:
        errors["risk"] = gettext("Choose how risky it is.")
    if not made.title:
        errors["title"] = gettext("Say in one line what changes.")
    if any(not _TICKET.fullmatch(last_part(ticket)) for ticket in made.tickets):
        errors["tickets"] = gettext("Write ticket numbers such as INC-000123, separated by commas.")
    window = _window(values.get("window_start", ""), values.get("window_end", ""), zone, errors)
    if window is not None:
        made.window.CopyFrom(window)
    return made, {name: str(text) for name, text in errors.items()}


def field_of(path: str, given: Typed) -> str:
    """The form's field for a field of the request, "" when it has none."""
    name = path.removeprefix("plan.")
    step = re.match(r"steps\[(\d+)\](?:\.(\w+))?", name)
    if step:
        rows = [number for number, check in enumerate(given.checks, start=1) if any(check)]
        at = int(step[1])
        row = rows[at] if at < len(rows) else 1
        return f"{'mark' if step[2] == 'pass_mark' else 'check'}-{row}"
    name = name.partition("[")[0].partition(".")[0]
    known = {"window": "window_start", "steps": "check-1"} | {one: one for one in _FIELDS}
    return known.get(name, "")


def _named(collection: str, text: str) -> list[str]:
    """Names of what is listed, with or without their collection, each once."""
    parts = (last_part(part) for part in re.split(r"[\s,;，；、]+", text))
    return list(dict.fromkeys(f"{collection}/{part}" for part in parts if part))


def _number(text: str) -> int:
    return int(text) if re.fullmatch(r"[0-9]{1,2}", text) else 0


def _window(start: str, end: str, zone: ZoneInfo, errors: dict[str, str]) -> interval_pb2.Interval | None:
    if not start and not end:
        return None
    ends = {}
    for name, text in (("window_start", start), ("window_end", end)):
        try:
            ends[name] = datetime.strptime(text, _LOCAL).replace(tzinfo=zone).astimezone(UTC)
        except ValueError:
            errors[name] = gettext("Give both ends of the window as day and time.")
    if errors.keys() & set(_WINDOW):
        return None
    if ends["window_end"] <= ends["window_start"]:
        errors["window_end"] = gettext("The window must end after it starts.")
        return None
    window = interval_pb2.Interval()
    window.start_time.FromDatetime(ends["window_start"])
    window.end_time.FromDatetime(ends["window_end"])
    return window
