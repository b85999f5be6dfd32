"""The form of a policy's draft: what was typed, kept as it is, and the policy that it says."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from zoneinfo import ZoneInfo

from flask_babel import get_timezone, gettext
from throughline.sla.v1 import sla_pb2
from throughline.tickets.v1 import ticket_pb2

from services.portal.web.shown.reader import instant

KINDS = tuple(value for value in sla_pb2.ClockKind.values() if value)
HOLDS = tuple(value for value in ticket_pb2.HoldReason.values() if value)
# What a form can say; other states that a policy pauses in are kept as they are.
PAUSES = (ticket_pb2.TICKET_STATE_AWAITING_REQUESTER, ticket_pb2.TICKET_STATE_ON_HOLD)
# The form's fields by the request's.
FIELDS = {
    "policy.name": "id",
    "policy.order": "order",
    "policy.calendar": "calendar",
    "policy.match.priorities": "priorities",
    "policy.match.condition": "condition",
    "policy.match": "services",
    "policy.targets": f"hours_{KINDS[0]}",
    "policy.note": "note",
    "policy.display_names": "name_en",
}
_LIST = re.compile(r"[\s,;，；、]+")
_HOUR = 3600


def typed(policy: sla_pb2.Policy) -> dict[str, str]:
    """A policy as the form's fields."""
    found = {
        "id": policy.name.removeprefix("policies/"),
        "order": str(policy.order),
        "calendar": policy.calendar,
        "name_zh": policy.display_names.get("zh", ""),
        "name_en": policy.display_names.get("en", ""),
        "priorities": ", ".join(str(one) for one in policy.match.priorities),
        "services": ", ".join(policy.match.services),
        "condition": policy.match.condition,
        **{f"type_{one}": "yes" for one in policy.match.types},
    }
    if policy.HasField("effective_time"):
        found["effective"] = instant(policy.effective_time).astimezone(ZoneInfo(str(get_timezone()))).date().isoformat()
    for target in policy.targets:
        kind = target.kind
        found[f"hours_{kind}"] = f"{Decimal(target.duration.seconds) / _HOUR:f}"
        found[f"warn_{kind}"] = str(target.warn_percent or "")
        found[f"reopen_{kind}"] = str(target.reopen_rule or "")
        found[f"team_{kind}"] = target.team
        found[f"impact_{kind}"] = "yes" if target.start_mark == sla_pb2.START_MARK_IMPACT else ""
        found |= {f"pause_{kind}_{state}": "yes" for state in target.pause_states}
        found |= {f"hold_{kind}_{hold}": "yes" for hold in target.pause_hold_reasons}
    return found


def policy(form: Mapping[str, str], before: sla_pb2.Policy | None) -> tuple[sla_pb2.Policy, dict[str, str]]:
    """The policy that a form says, and what of it is no value. before: what the form was filled with, whose parts that
    a form cannot say are kept.
    """
    errors: dict[str, str] = {}
    made = sla_pb2.Policy(name=f"policies/{form.get('id', '').strip()}", calendar=form.get("calendar", ""))
    made.order = _whole(form.get("order", ""), "order", errors)
    made.note = form.get("note", "").replace("\r\n", "\n").strip()
    for language in ("zh", "en"):
        if given := form.get(f"name_{language}", "").strip():
            made.display_names[language] = given
    for text in filter(None, _LIST.split(form.get("priorities", "").upper().replace("P", ""))):
        made.match.priorities.append(_whole(text, "priorities", errors))
    made.match.types.extend(one for one in ticket_pb2.TicketType.values() if one and form.get(f"type_{one}"))
    made.match.services.extend(filter(None, _LIST.split(form.get("services", ""))))
    made.match.condition = form.get("condition", "").replace("\r\n", "\n").strip()
    if form.get("effective"):
        _effective(made, form["effective"], errors)
    if before is not None:
        made.match.sources.extend(before.match.sources)
    old = {one.kind: one for one in before.targets} if before is not None else {}
    for kind in KINDS:
        if form.get(f"hours_{kind}", "").strip():
            _target(made, kind, form, old.get(kind), errors)
    return made, errors


def _target(
    made: sla_pb2.Policy,
    kind: sla_pb2.ClockKind.ValueType,
    form: Mapping[str, str],
    old: sla_pb2.Target | None,
    errors: dict[str, str],
) -> None:
    target = made.targets.add()
    if old is not None:
        target.CopyFrom(old)
    target.kind = kind
    try:
        hours = Decimal(form[f"hours_{kind}"].strip())
        target.duration.FromTimedelta(timedelta(seconds=int(hours * _HOUR)))
    except (InvalidOperation, OverflowError, ValueError):
        errors[f"hours_{kind}"] = str(gettext("Write hours, such as 4 or 0.5."))
    target.warn_percent = _whole(form.get(f"warn_{kind}", "") or "0", f"warn_{kind}", errors)
    target.reopen_rule = sla_pb2.ReopenRule.ValueType(_whole(form.get(f"reopen_{kind}", "") or "0", "", errors))
    target.team = form.get(f"team_{kind}", "").strip()
    target.start_mark = sla_pb2.START_MARK_IMPACT if form.get(f"impact_{kind}") else sla_pb2.START_MARK_OPENED
    kept = [state for state in target.pause_states if state not in PAUSES]
    del target.pause_states[:]
    target.pause_states.extend([*kept, *(state for state in PAUSES if form.get(f"pause_{kind}_{state}"))])
    del target.pause_hold_reasons[:]
    target.pause_hold_reasons.extend(hold for hold in HOLDS if form.get(f"hold_{kind}_{hold}"))


def _effective(made: sla_pb2.Policy, text: str, errors: dict[str, str]) -> None:
    """The start of a day in the reader's zone."""
    try:
        day = datetime.combine(date.fromisoformat(text), time(), ZoneInfo(str(get_timezone())))
        made.effective_time.FromDatetime(day.astimezone(UTC))
    except (ValueError, OverflowError):
        errors["effective"] = str(gettext("Choose a day, or leave it empty."))


def _whole(text: str, field: str, errors: dict[str, str]) -> int:
    """A whole number of at most seven digits; 0 with an error when it is none."""
    text = text.strip()
    if re.fullmatch(r"[0-9]{1,7}", text):
        return int(text)
    errors[field] = str(gettext("Write a whole number."))
    return 0
