"""Escalation in sentences: when a step comes and whom it tells, what was told of a ticket and what comes next."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from flask_babel import gettext, ngettext, pgettext
from throughline.sla.v1 import escalation_pb2, escalation_service_pb2, sla_pb2
from throughline.tickets.v1 import ticket_pb2

from services.portal.web.shown.reader import Reader, instant, last_part

_PERCENT = escalation_pb2.STEP_MEASURE_PERCENT
_BUSINESS = escalation_pb2.STEP_MEASURE_BUSINESS_MINUTES
_START = escalation_pb2.STEP_ANCHOR_START
_MINUTE = timedelta(minutes=1)


def listed(words: Iterable[str], reader: Reader) -> str:
    """Several things in a row, as a sentence lists them."""
    return ("、" if reader.language == "zh" else ", ").join(words)


def named(names: Any, reference: str, reader: Reader) -> str:
    """The display name of a plan, a rota or a team in the reader's language; else the last part of its name."""
    told = dict(names)
    return str(told.get(reader.language) or told.get("en") or next(iter(told.values()), "") or last_part(reference))


def sentence(step: escalation_pb2.EscalationStep, reader: Reader) -> str:
    """A step in one sentence: when, whom, and how often again."""
    whom = listed([recipient(one, reader) for one in step.recipients], reader)
    told = str(gettext("%(when)s, tell %(whom)s", when=when(step, reader), whom=whom))
    if step.repeat_count:
        told = str(
            ngettext(
                "%(told)s; again %(num)s time, after %(every)s",
                "%(told)s; again %(num)s times, every %(every)s",
                step.repeat_count,
                told=told,
                every=_length(step.repeat_minutes, step.measure, reader),
            )
        )
    return reader.spaced(told)


def when(step: escalation_pb2.EscalationStep, reader: Reader) -> str:
    """The moment of a step in words."""
    what = clock_words(step.clock)
    if step.measure == _PERCENT:
        return str(gettext("When %(share)s%% of the time for %(what)s is used", share=step.amount, what=what))
    time = _length(abs(step.amount), step.measure, reader)
    if step.anchor == _START and not step.amount:
        return str(gettext("When the ticket is opened"))
    if step.anchor == _START:
        return str(gettext("%(time)s after the ticket is opened", time=time))
    if not step.amount:
        return str(gettext("When %(what)s is due", what=what))
    if step.amount < 0:
        return str(gettext("%(time)s before %(what)s is due", time=time, what=what))
    return str(gettext("%(time)s after %(what)s was due", time=time, what=what))


def clock_words(kind: int) -> str:
    """What a clock waits for, inside a sentence."""
    words: dict[int, str] = {
        sla_pb2.CLOCK_KIND_RESPONSE: pgettext("escalation", "the first reply"),
        sla_pb2.CLOCK_KIND_RESOLUTION: pgettext("escalation", "the solution"),
        sla_pb2.CLOCK_KIND_UPDATE: pgettext("escalation", "our next word"),
        sla_pb2.CLOCK_KIND_OPERATIONAL: pgettext("escalation", "the team's part"),
        sla_pb2.CLOCK_KIND_UNDERPINNING: pgettext("escalation", "the supplier's part"),
    }
    return str(words[kind])


def whens() -> list[tuple[str, str]]:
    """The ways to say when a step comes, by the key that the form has for each."""
    return [
        ("share", str(gettext("per cent of the time used"))),
        ("before", str(gettext("service minutes before it is due"))),
        ("after", str(gettext("service minutes after it was due"))),
        ("opened", str(gettext("service minutes after the ticket is opened"))),
        ("before-wall", str(gettext("minutes by the clock before it is due"))),
        ("after-wall", str(gettext("minutes by the clock after it was due"))),
        ("opened-wall", str(gettext("minutes by the clock after the ticket is opened"))),
    ]


def recipient(one: escalation_pb2.StepRecipient, reader: Reader) -> str:
    """Whom a step means."""
    match one.kind:
        case escalation_pb2.RECIPIENT_KIND_ASSIGNEE:
            return str(gettext("whoever has the ticket"))
        case escalation_pb2.RECIPIENT_KIND_LEAD:
            if one.name:
                return str(gettext("the lead of %(team)s", team=reader.called(one.name)))
            return str(gettext("the lead of the team"))
        case escalation_pb2.RECIPIENT_KIND_TEAM:
            return reader.called(one.name) if one.name else str(gettext("the whole team"))
        case escalation_pb2.RECIPIENT_KIND_ON_CALL:
            return str(gettext("who is on call (%(rota)s)", rota=reader.called(one.name)))
    return reader.called(one.name)


def told(one: escalation_pb2.ToldRecipient, reader: Reader) -> str:
    """Whom a step reached, or why nobody."""
    if one.name.startswith("teams/"):
        name = named(one.display_names, one.name, reader)
        if one.outcome == escalation_pb2.RECIPIENT_OUTCOME_STAND_IN:
            return str(gettext("%(team)s, because nobody else was there", team=name))
        return name
    if one.name:
        name = one.display_name or reader.called(one.name)
        return str(gettext("%(name)s, on call", name=name)) if one.rota else name
    match one.outcome:
        case escalation_pb2.RECIPIENT_OUTCOME_NOBODY_ASSIGNED:
            return str(gettext("nobody has the ticket"))
        case escalation_pb2.RECIPIENT_OUTCOME_NO_TEAM:
            return str(gettext("no team has the ticket"))
        case escalation_pb2.RECIPIENT_OUTCOME_NO_LEAD:
            return str(gettext("the team has no lead"))
        case escalation_pb2.RECIPIENT_OUTCOME_NOBODY_ON_CALL:
            return str(gettext("nobody is on call"))
    return str(gettext("somebody who has left"))


def coming(steps: Iterable[escalation_pb2.ComingStep], reader: Reader) -> list[dict[str, Any]]:
    """What comes next: at which time, to whom, and whether quiet hours hold it."""
    return [
        {
            "at": reader.near(instant(one.due_time)),
            "iso": instant(one.due_time).isoformat(),
            "whom": listed([told(to, reader) for to in one.recipients], reader),
            "held": reader.near(instant(one.plan_time)) if one.plan_time != one.due_time else "",
            "step": one.step,
            "round": one.round,
        }
        for one in steps
    ]


def plan(one: escalation_pb2.EscalationPlan, reader: Reader) -> dict[str, Any]:
    """A plan as its page and the list show it."""
    return {
        "id": last_part(one.name),
        "name": named(one.display_names, one.name, reader),
        "version": one.version,
        "retired": one.retired,
        "order": one.order,
        "match": matches(one.match, reader),
        "steps": [sentence(step, reader) for step in one.steps],
        "quiet": quiet(one, reader),
    }


def matches(match: escalation_pb2.EscalationMatch, reader: Reader) -> str:
    """Which tickets a plan is for."""
    parts = [
        listed([f"P{number}" if number else str(gettext("Not sorted yet")) for number in match.priorities], reader),
        listed([_type(kind) for kind in match.types], reader),
        listed([last_part(one) for one in match.services], reader),
        listed([reader.called(one) for one in match.teams], reader),
    ]
    return " · ".join(part for part in parts if part) or str(gettext("All tickets"))


def quiet(one: escalation_pb2.EscalationPlan, reader: Reader) -> str:
    """The quiet hours of a plan in a sentence, "" for none."""
    if not one.HasField("quiet_hours"):
        return ""
    hours = one.quiet_hours
    span = {"start": hours.start, "end": hours.end, "zone": hours.time_zone}
    if not hours.break_through:
        return reader.spaced(gettext("From %(start)s to %(end)s (%(zone)s) steps wait for their end", **span))
    through = listed([f"P{number}" for number in hours.break_through], reader)
    return reader.spaced(
        gettext(
            "From %(start)s to %(end)s (%(zone)s) steps wait for their end, except for %(through)s",
            **span,
            through=through,
        )
    )


def panel(chain: escalation_pb2.Escalation | None, reader: Reader) -> dict[str, Any] | None:
    """The chain of a ticket beside it; None when no plan was ever meant for it."""
    if chain is None or (not chain.plan and not chain.reached_steps):
        return None
    taken = chain.acknowledgement
    return {
        "plan": last_part(chain.plan),
        "state": _state(chain),
        "running": chain.state == escalation_pb2.ESCALATION_STATE_RUNNING,
        "taken": _taken(taken, reader) if chain.state == escalation_pb2.ESCALATION_STATE_ACKNOWLEDGED else "",
        "note": taken.note if chain.state == escalation_pb2.ESCALATION_STATE_ACKNOWLEDGED else "",
        "reached": [
            {
                "at": reader.near(instant(one.fire_time)),
                "iso": instant(one.fire_time).isoformat(),
                "whom": listed([told(to, reader) for to in one.recipients], reader),
                "why": when(one.terms, reader),
            }
            for one in chain.reached_steps
        ],
        "coming": coming(chain.coming_steps, reader)[:3],
    }


def preview(answer: escalation_service_pb2.PreviewEscalationResponse, reader: Reader) -> dict[str, Any]:
    """What would be told of a ticket that is opened now."""
    return {"promised": bool(answer.policy), "steps": coming(answer.steps, reader)}


def _taken(one: escalation_pb2.Acknowledgement, reader: Reader) -> str:
    who = reader.called(one.person)
    if one.HasField("until_time"):
        words = gettext("%(who)s has it in hand until %(time)s", who=who, time=reader.near(instant(one.until_time)))
    else:
        words = gettext("%(who)s has it in hand until a promise breaks anew", who=who)
    return reader.spaced(words)


def _state(chain: escalation_pb2.Escalation) -> dict[str, str]:
    match chain.state:
        case escalation_pb2.ESCALATION_STATE_ACKNOWLEDGED:
            return {"text": str(gettext("In hand")), "tone": "ok", "icon_name": "hand"}
        case escalation_pb2.ESCALATION_STATE_ENDED:
            return {"text": str(gettext("Over")), "tone": "", "icon_name": "check-circle"}
        case escalation_pb2.ESCALATION_STATE_RUNNING if chain.reached_steps:
            return {"text": str(gettext("Escalated")), "tone": "warn", "icon_name": "siren"}
    return {"text": str(gettext("Watching")), "tone": "", "icon_name": "clock"}


def _length(minutes: int, measure: int, reader: Reader) -> str:
    if measure in (_PERCENT, _BUSINESS):
        return str(gettext("%(time)s of service time", time=reader.hours(minutes * _MINUTE)))
    return reader.length(minutes * _MINUTE)


def _type(kind: int) -> str:
    return str(gettext("Incident") if kind == ticket_pb2.TICKET_TYPE_INCIDENT else gettext("Request"))
