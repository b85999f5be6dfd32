"""Policies as their pages show them: for whom, what is promised, how each of them was tried on a made-up ticket."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask_babel import gettext
from throughline.sla.v1 import sla_pb2, sla_service_pb2
from throughline.tickets.v1 import ticket_pb2

from services.portal.web import formats
from services.portal.web.shown import promise as promise_shown
from services.portal.web.shown import ticket as ticket_shown
from services.portal.web.shown import why
from services.portal.web.shown.reader import Reader, instant, last_part

_SEPARATORS = {"zh": "、", "en": ", "}
_TYPES = {"incident": ticket_pb2.TICKET_TYPE_INCIDENT, "request": ticket_pb2.TICKET_TYPE_REQUEST}


def name(policy: Any, reader: Reader) -> str:
    """What people call it, else its id."""
    names = policy.display_names
    return names.get(reader.language, "") or next(iter(names.values()), "") or last_part(policy.name)


def state(policy: sla_pb2.Policy) -> dict[str, str]:
    """The chip of a version: text, tone and icon_name."""
    words = {
        sla_pb2.POLICY_STATE_DRAFT: (gettext("Draft"), "pause", "edit"),
        sla_pb2.POLICY_STATE_SUBMITTED: (gettext("Waits for a reviewer"), "warn", "hourglass"),
        sla_pb2.POLICY_STATE_PUBLISHED: (gettext("Published"), "ok", "check-circle"),
        sla_pb2.POLICY_STATE_RETIRED: (gettext("Not promised any more"), "pause", "minus"),
    }
    text, tone, icon = words[policy.state]
    return {"text": str(text), "tone": tone, "icon_name": icon}


def row(policy: sla_pb2.Policy, reader: Reader, href: str) -> dict[str, Any]:
    """A policy in the ordered list."""
    return {
        "name": name(policy, reader),
        "about": " · ".join(matches(policy, reader)),
        "href": href,
        "state": state(policy),
        "order": str(policy.order),
        "targets": [target_words(one, reader) for one in policy.targets],
    }


def matches(policy: sla_pb2.Policy, reader: Reader) -> list[str]:
    """For whom it is, part by part; one sentence when it is for everybody."""
    match, joined = policy.match, _SEPARATORS[reader.language]
    parts = [
        joined.join(_priority(one) for one in match.priorities),
        joined.join(ticket_shown.type_words(one) for one in match.types),
        joined.join(reader.called(one) for one in match.services),
        joined.join(one or str(gettext("live tickets")) for one in match.sources),
        match.condition,
    ]
    return [part for part in parts if part] or [str(gettext("Every ticket"))]


def target_words(target: sla_pb2.Target, reader: Reader) -> str:
    """`Done within 4 h`; with the team that owes it."""
    words = {"title": why.title(target.kind), "length": reader.hours(target.duration.ToTimedelta())}
    if target.team:
        told = gettext("%(title)s (%(team)s): %(length)s", team=reader.called(target.team), **words)
    else:
        told = gettext("%(title)s: %(length)s", **words)
    if target.start_mark == sla_pb2.START_MARK_IMPACT:
        return str(gettext("%(promise)s, from the start of the impact", promise=told))
    return str(told)


def targets(policy: sla_pb2.Policy, reader: Reader) -> list[list[str]]:
    """Each target as a row: what, how long, when it stands still, when it warns, what a reopening does."""
    reopens = {
        sla_pb2.REOPEN_RULE_CONTINUE: gettext("goes on"),
        sla_pb2.REOPEN_RULE_RESTART: gettext("starts anew"),
        sla_pb2.REOPEN_RULE_NOTHING: gettext("stays as judged"),
    }
    usual = gettext("as usual")
    return [
        [
            target_words(one, reader),
            pauses(one, reader),
            gettext("at %(percent)s%%", percent=one.warn_percent) if one.warn_percent else gettext("never"),
            str(reopens.get(one.reopen_rule, usual)),
        ]
        for one in policy.targets
    ]


def pauses(target: sla_pb2.Target, reader: Reader) -> str:
    """In which states it stands still, a hold with what it waits for."""
    holds = _SEPARATORS[reader.language].join(ticket_shown.hold_words(one) for one in target.pause_hold_reasons)
    told = []
    for one in target.pause_states:
        words = ticket_shown.state_words(one)
        told.append(f"{words} ({holds})" if one == ticket_pb2.TICKET_STATE_ON_HOLD and holds else words)
    return _SEPARATORS[reader.language].join(told) or str(gettext("never"))


def facts(policy: sla_pb2.Policy, calendar: str, reader: Reader) -> list[tuple[str, str]]:
    """Order, match, hours, time and people of a version."""
    found = [
        (gettext("Tried at place"), str(policy.order)),
        (gettext("For"), "; ".join(matches(policy, reader))),
        (gettext("Service hours"), calendar),
        (gettext("Holds from"), _day(policy, "effective_time", reader) or gettext("as if it had always been so")),
        (gettext("Author"), reader.called(policy.author) if policy.author else ""),
        (gettext("Review"), _review(policy, reader)),
        (gettext("Note"), policy.note),
    ]
    return [(str(term), str(text)) for term, text in found if text]


def version(policy: sla_pb2.Policy, reader: Reader, href: str) -> dict[str, Any]:
    """A version in the history."""
    number = gettext("Version %(number)s", number=policy.version)
    when = _day(policy, "publish_time", reader)
    return {"name": str(number), "about": when, "href": href, "state": state(policy)}


def bench(found: sla_service_pb2.ExplainPolicyResponse, reader: Reader) -> dict[str, Any]:
    """{"promise", "missed", "tried": [{"name", "about", "chosen", "matched", "verdict", "findings"}]}.

    missed: how many do not match.
    """
    return {
        "promise": promise_shown.preview(found.promise, reader),
        "missed": sum(not one.chosen and not one.matched for one in found.tried),
        "tried": [
            {
                "name": one.display_names.get(reader.language, "") or last_part(one.policy),
                "about": _version(one),
                "href": last_part(one.policy),
                "chosen": one.chosen,
                "matched": one.matched,
                "verdict": _tried(one),
                "findings": [{"holds": each.matched, "text": finding(each, reader)} for each in one.findings],
            }
            for one in found.tried
        ],
    }


def finding(one: sla_service_pb2.MatchFinding, reader: Reader) -> str:
    """What the policy asks for and what the ticket has, in one line."""
    joined = _SEPARATORS[reader.language]
    if one.field == "condition":
        read = joined.join(one.given)
        return str(gettext("Condition %(condition)s, with %(read)s", condition=one.wanted[0], read=read or "–"))
    words: dict[str, tuple[Any, Callable[[str], str]]] = {
        "priorities": (gettext("Priority"), lambda text: _priority(int(text))),
        "types": (gettext("Kind"), lambda text: ticket_shown.type_words(_TYPES[text])),
        "services": (gettext("Service"), lambda text: reader.called(text) if text else str(gettext("none"))),
        "sources": (gettext("Source"), lambda text: text or str(gettext("live tickets"))),
    }
    title, told = words[one.field]
    given, wanted = (joined.join(told(text) for text in each) for each in (one.given, one.wanted))
    return str(gettext("%(title)s: asks for %(wanted)s, has %(given)s", title=title, wanted=wanted, given=given))


def _tried(one: sla_service_pb2.TriedPolicy) -> str:
    if one.chosen:
        return str(gettext("Wins: the first that matches"))
    if one.state == sla_pb2.POLICY_STATE_RETIRED:
        return str(gettext("Retired: not tried"))
    return str(gettext("Matches, but comes later") if one.matched else gettext("Does not match"))


def _version(one: sla_service_pb2.TriedPolicy) -> str:
    if one.state == sla_pb2.POLICY_STATE_DRAFT:
        return str(gettext("Draft"))
    return str(gettext("Version %(number)s", number=one.policy_version))


def _review(policy: sla_pb2.Policy, reader: Reader) -> str:
    if policy.reviewer:
        day = _day(policy, "publish_time", reader)
        return str(gettext("published by %(who)s, %(day)s", who=reader.called(policy.reviewer), day=day))
    return str(gettext("published without a review")) if policy.version else ""


def _priority(level: int) -> str:
    return f"P{level}" if level else str(gettext("not triaged"))


def _day(policy: sla_pb2.Policy, field: str, reader: Reader) -> str:
    if not policy.HasField(field):  # type: ignore[arg-type]  # a time's name
        return ""
    today = reader.now.astimezone(reader.zone).date()
    return formats.moment(instant(getattr(policy, field)), reader.language, reader.zone, today)
