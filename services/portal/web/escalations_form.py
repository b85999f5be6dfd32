"""The form of an escalation plan: what was typed, kept as it is, and the plan that it says; steps count from 1."""

from __future__ import annotations

import re
from collections.abc import Mapping

from flask_babel import gettext
from throughline.sla.v1 import escalation_pb2 as pb
from throughline.sla.v1 import sla_pb2
from throughline.tickets.v1 import ticket_pb2

from services.portal.web import people_typed
from services.portal.web.shown.reader import Reader, last_part

STEPS = 12
PRIORITIES = (1, 2, 3, 4, 0)
KINDS = tuple(value for value in sla_pb2.ClockKind.values() if value)
OWN = (pb.RECIPIENT_KIND_ASSIGNEE, pb.RECIPIENT_KIND_LEAD, pb.RECIPIENT_KIND_TEAM)
_LATER, _EARLIER = 1, -1
# What the amount of a step counts, from where, and in which direction.
WHENS: Mapping[str, tuple[pb.StepMeasure.ValueType, pb.StepAnchor.ValueType, int]] = {
    "share": (pb.STEP_MEASURE_PERCENT, pb.STEP_ANCHOR_DUE, _LATER),
    "before": (pb.STEP_MEASURE_BUSINESS_MINUTES, pb.STEP_ANCHOR_DUE, _EARLIER),
    "after": (pb.STEP_MEASURE_BUSINESS_MINUTES, pb.STEP_ANCHOR_DUE, _LATER),
    "opened": (pb.STEP_MEASURE_BUSINESS_MINUTES, pb.STEP_ANCHOR_START, _LATER),
    "before-wall": (pb.STEP_MEASURE_WALL_MINUTES, pb.STEP_ANCHOR_DUE, _EARLIER),
    "after-wall": (pb.STEP_MEASURE_WALL_MINUTES, pb.STEP_ANCHOR_DUE, _LATER),
    "opened-wall": (pb.STEP_MEASURE_WALL_MINUTES, pb.STEP_ANCHOR_START, _LATER),
}
_FIELDS = {
    "plan.name": "id",
    "plan.order": "order",
    "plan.display_names": "name_en",
    "plan.match": "services",
    "plan.match.priorities": "priorities",
    "plan.quiet_hours.time_zone": "quiet_zone",
    "plan.quiet_hours.start": "quiet_start",
    "plan.quiet_hours.end": "quiet_end",
    "plan.quiet_hours.break_through": "through",
}
_STEP = re.compile(r"plan\.steps\[(\d+)\]\.(\w+)")
_STEP_FIELDS = {"amount": "amount", "repeat_count": "repeats", "repeat_minutes": "every", "recipients": "to"}
_LIST = re.compile(r"[\s,;，；、]+")


def typed(plan: pb.EscalationPlan, reader: Reader) -> dict[str, str]:
    """A plan as the form's fields."""
    match, quiet = plan.match, plan.quiet_hours
    found = {
        "id": last_part(plan.name),
        "name_en": plan.display_names.get("en", ""),
        "name_zh": plan.display_names.get("zh", ""),
        "order": str(plan.order),
        "services": ", ".join(match.services),
        "teams": people_typed.teams_text(match.teams, reader),
        "steps": str(len(plan.steps)),
        "quiet_zone": quiet.time_zone,
        "quiet_start": quiet.start,
        "quiet_end": quiet.end,
        **{f"priority_{one}": "yes" for one in match.priorities},
        **{f"type_{one}": "yes" for one in match.types},
        **{f"through_{one}": "yes" for one in quiet.break_through},
    }
    for number, step in enumerate(plan.steps, 1):
        found |= _typed_step(step, number, reader)
    return found


def plan(form: Mapping[str, str]) -> tuple[pb.EscalationPlan, dict[str, str]]:
    """The plan that a form says, and by field what cannot be read."""
    errors: dict[str, str] = {}
    made = pb.EscalationPlan(
        name=f"escalationPlans/{form.get('id', '').strip()}", order=_whole(form.get("order", ""), "order", errors)
    )
    for language in ("en", "zh"):
        if given := form.get(f"name_{language}", "").strip():
            made.display_names[language] = given
    made.match.priorities.extend(one for one in PRIORITIES if form.get(f"priority_{one}"))
    made.match.types.extend(one for one in ticket_pb2.TicketType.values() if one and form.get(f"type_{one}"))
    made.match.services.extend(filter(None, _LIST.split(form.get("services", ""))))
    made.match.teams.extend(people_typed.teams(form.get("teams", ""), "teams", errors))
    for number in range(1, count(form) + 1):
        _step(made, form, number, errors)
    start, end = form.get("quiet_start", ""), form.get("quiet_end", "")
    if start or end:
        made.quiet_hours.time_zone = form.get("quiet_zone", "").strip()
        made.quiet_hours.start, made.quiet_hours.end = start, end
        made.quiet_hours.break_through.extend(one for one in PRIORITIES if form.get(f"through_{one}"))
        for name, text in (("quiet_start", start), ("quiet_end", end)):
            if not text:
                errors[name] = str(gettext("Give both ends of the quiet hours, or neither."))
    return made, errors


def count(form: Mapping[str, str]) -> int:
    """How many steps the form has."""
    text = form.get("steps", "")
    return min(int(text), STEPS) if text.isdecimal() and len(text) < 4 else 1


def with_step(form: Mapping[str, str]) -> dict[str, str]:
    """The form with one more step at its end."""
    return {**form, "steps": str(min(count(form) + 1, STEPS))}


def without_step(form: Mapping[str, str], number: int) -> dict[str, str]:
    """The form without a step; those behind it move up."""
    kept: dict[str, str] = {}
    for name, value in form.items():
        field = re.fullmatch(r"(\w+?)_s(\d+)(_[\w/-]+)?", name)
        at = int(field[2]) if field else 0
        if field is None or at < number:
            kept[name] = value
        elif at > number:
            kept[f"{field[1]}_s{at - 1}{field[3] or ''}"] = value
    return {**kept, "steps": str(max(count(form) - 1, 1))}


def field_of(path: str) -> str:
    """The form's field for a field of the request, "" when it has none."""
    step = _STEP.match(path)
    if step is None:
        return _FIELDS.get(path, "")
    return f"{_STEP_FIELDS.get(step[2], 'when')}_s{int(step[1]) + 1}"


def _typed_step(step: pb.EscalationStep, number: int, reader: Reader) -> dict[str, str]:
    found = {
        f"clock_s{number}": str(step.clock),
        f"amount_s{number}": str(abs(step.amount)),
        f"when_s{number}": _when(step),
        f"repeats_s{number}": str(step.repeat_count or ""),
        f"every_s{number}": str(step.repeat_minutes or ""),
    }
    named: dict[int, list[str]] = {}
    for to in step.recipients:
        if to.kind == pb.RECIPIENT_KIND_ON_CALL:
            found[f"call_s{number}_{last_part(to.name)}"] = "yes"
        elif to.name:
            named.setdefault(to.kind, []).append(to.name)
        else:
            found[f"own_s{number}_{to.kind}"] = "yes"
    found[f"people_s{number}"] = people_typed.people_text(named.get(pb.RECIPIENT_KIND_PERSON, []))
    found[f"teams_s{number}"] = people_typed.teams_text(named.get(pb.RECIPIENT_KIND_TEAM, []), reader)
    found[f"leads_s{number}"] = people_typed.teams_text(named.get(pb.RECIPIENT_KIND_LEAD, []), reader)
    return found


def _when(step: pb.EscalationStep) -> str:
    if step.measure == pb.STEP_MEASURE_PERCENT:
        return "share"
    anchor = pb.STEP_ANCHOR_START if step.anchor == pb.STEP_ANCHOR_START else pb.STEP_ANCHOR_DUE
    sign = _EARLIER if step.amount < 0 else _LATER
    return next(key for key, way in WHENS.items() if way == (step.measure, anchor, sign))


def _step(made: pb.EscalationPlan, form: Mapping[str, str], number: int, errors: dict[str, str]) -> None:
    def given(field: str) -> str:
        return form.get(f"{field}_s{number}", "").strip()

    measure, anchor, sign = WHENS.get(given("when"), WHENS["share"])
    kind = given("clock")
    step = made.steps.add(
        clock=sla_pb2.ClockKind.ValueType(int(kind)) if kind in {str(one) for one in KINDS} else KINDS[0],
        measure=measure,
        anchor=anchor,
        amount=sign * _whole(given("amount"), f"amount_s{number}", errors),
        repeat_count=_whole(given("repeats") or "0", f"repeats_s{number}", errors),
        repeat_minutes=_whole(given("every") or "0", f"every_s{number}", errors),
    )
    for own in OWN:
        if form.get(f"own_s{number}_{own}"):
            step.recipients.add(kind=own)
    start = f"call_s{number}_"
    for name in sorted(name for name, value in form.items() if name.startswith(start) and value):
        step.recipients.add(kind=pb.RECIPIENT_KIND_ON_CALL, name=f"rotas/{name.removeprefix(start)}")
    for name in people_typed.people(given("people"), f"people_s{number}", errors):
        step.recipients.add(kind=pb.RECIPIENT_KIND_PERSON, name=name)
    for field, role in (("leads", pb.RECIPIENT_KIND_LEAD), ("teams", pb.RECIPIENT_KIND_TEAM)):
        for name in people_typed.teams(given(field), f"{field}_s{number}", errors):
            step.recipients.add(kind=role, name=name)


def _whole(text: str, field: str, errors: dict[str, str]) -> int:
    """A whole number of at most seven digits; 0 with an error when it is none."""
    text = text.strip()
    if re.fullmatch(r"[0-9]{1,7}", text):
        return int(text)
    errors[field] = str(gettext("Write a whole number."))
    return 0
