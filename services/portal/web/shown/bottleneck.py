"""What late tickets waited for longest, as the board's page shows it: causes with their shares, tickets as examples."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from flask_babel import gettext
from throughline.metrics.v1 import bottlenecks_pb2 as pb
from throughline.metrics.v1 import metrics_pb2

from services.portal.web import formats
from services.portal.web.shown import tile as tiles
from services.portal.web.shown.fact import state_words
from services.portal.web.shown.reader import Reader, last_part

CAUSES: dict[str, pb.BottleneckCause.ValueType] = {
    name.removeprefix("BOTTLENECK_CAUSE_").lower().replace("_", "-"): number
    for name, number in pb.BottleneckCause.items()
    if number
}
"""By the word that stands in an address."""
_WORDS = {number: word for word, number in CAUSES.items()}


def cause_words(cause: int) -> tuple[str, str]:
    """The name of a cause, and the rule by which a wait is laid to it."""
    words: dict[int, tuple[str, str]] = {
        pb.BOTTLENECK_CAUSE_POOR_INTAKE: (
            gettext("Poor intake"),
            gettext("The requester was asked again, or evidence was missing."),
        ),
        pb.BOTTLENECK_CAUSE_WRONG_ROUTING: (
            gettext("Wrong class or routing"),
            gettext("It stood in queues, and more than one team had it."),
        ),
        pb.BOTTLENECK_CAUSE_MISSING_KNOWLEDGE: (
            gettext("Missing knowledge"),
            gettext("It was worked on and no article was used, or waited until its cause was found."),
        ),
        pb.BOTTLENECK_CAUSE_VENDOR: (gettext("Supplier"), gettext("It was on hold for a supplier.")),
        pb.BOTTLENECK_CAUSE_CHANGE: (
            gettext("Change or approval"),
            gettext("It was on hold for a change, or for the approval of one."),
        ),
        pb.BOTTLENECK_CAUSE_TEAM_QUEUE: (
            gettext("Team queue"),
            gettext("It stood in the queue of its only team, or of the service desk."),
        ),
        pb.BOTTLENECK_CAUSE_WORK: (gettext("The work itself"), gettext("It was worked on, and an article was used.")),
        pb.BOTTLENECK_CAUSE_OTHER: (gettext("Something else"), gettext("It was on hold for another reason.")),
        pb.BOTTLENECK_CAUSE_UNTOLD: (gettext("Not told"), gettext("Its history tells of no wait.")),
    }
    name, rule = words.get(cause, (str(cause), ""))
    return str(name), str(rule)


def report(answer: pb.BottleneckReport, reader: Reader) -> dict[str, Any]:
    """{"rows", "late", "ended", "few"}: few says how many late tickets a share needs, "" when there are enough."""
    rows = [_row(one, reader.language) for one in answer.causes]
    short = next(
        (tiles.why(one.share, metrics_pb2.Metric()) for one in answer.causes if one.share.state != tiles.SHOWN), ""
    )
    return {
        "rows": rows,
        "late": formats.number(answer.late_tickets, reader.language, 0),
        "ended": formats.number(answer.ended_tickets, reader.language, 0),
        "few": short,
    }


def example(one: pb.BottleneckTicket, reader: Reader, href: str) -> dict[str, Any]:
    """A late ticket: what it waited for longest, how long, and whose it was."""
    fact = one.fact
    return {
        "id": last_part(fact.ticket),
        "title": one.title or last_part(fact.ticket),
        "href": href,
        "cause": cause_words(one.cause)[0],
        "waited": reader.length(one.waited.ToTimedelta()),
        "team": reader.called(fact.team) if fact.team else "–",
        "state": state_words(fact.state),
        "priority": fact.priority,
    }


def _row(one: pb.BottleneckCauseRow, language: str) -> dict[str, Any]:
    name, rule = cause_words(one.cause)
    share = one.share
    shown = share.state == tiles.SHOWN
    low, high = (formats.percent(end / 100, language, 0) for end in (share.low, share.high))
    range_ = formats.span(low, high, language)
    return {
        "slug": _WORDS.get(one.cause, ""),
        "name": name,
        "rule": rule,
        "tickets": formats.number(one.tickets, language, 0),
        "hours": gettext("%(hours)s hours", hours=formats.number(_hours(one.waited.ToTimedelta()), language, 1)),
        "share": f"{formats.percent(share.value / 100, language, 0)} ({range_})" if shown else "–",
        "plot": (share.low, share.value, share.high) if shown else None,
        "range": range_ if shown else "",
    }


def _hours(length: timedelta) -> float:
    return length / timedelta(hours=1)
