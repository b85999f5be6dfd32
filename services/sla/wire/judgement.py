"""Judgements as messages, the drafts that they hold, and their flips as rows and messages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from throughline.sla.v1 import judgement_pb2 as pb
from throughline.sla.v1 import judgement_service_pb2

from services.sla.rules import trial
from services.sla.rules.book import Book
from services.sla.rules.judgement import Flip, Outcome, Reason, Verdict
from services.sla.rules.proof import Checked
from services.sla.rules.tally import Count, Dimension, Tally
from services.sla.rules.trial import Period, Trial
from services.sla.wire import calendar as calendar_wire
from services.sla.wire import policy as policy_wire
from services.sla.wire.clocks import segment as segment_message
from services.sla.wire.instants import duration, instant, timestamp
from services.sla.wire.policy import KINDS
from services.sla.wire.ticket import STATES

_VERDICTS = {one: pb.Verdict.Value(f"VERDICT_{one.name}") for one in Verdict}
_VERDICT_OF: dict[int, Verdict] = {value: one for one, value in _VERDICTS.items()}
_REASONS = {one: pb.FlipReason.Value(f"FLIP_REASON_{one.name}") for one in Reason}
_DIMENSIONS = {one: pb.JudgementDimension.Value(f"JUDGEMENT_DIMENSION_{one.name}") for one in Dimension}


def verdict(value: int) -> Verdict | None:
    """The verdict that a request names; None for any."""
    return _VERDICT_OF.get(value)


def period(message: pb.Judgement) -> Period:
    """The period that is to be judged.

    Raises:
        Refusal: JUDGEMENT_PERIOD_INVALID.
    """
    asked = message.period
    start = instant(asked.start_time) if asked.HasField("start_time") else None
    return trial.period(start, instant(asked.end_time) if asked.HasField("end_time") else None)


def drafted(message: pb.Judgement, book: Book) -> Trial:
    """The book with the drafts.

    Raises:
        Refusal: as `trial.draft`.
    """
    policies = [policy_wire.draft(one) for one in message.policies]
    return trial.draft(book, policies, [calendar_wire.draft(one) for one in message.calendars])


def asked(message: pb.Judgement) -> bytes:
    """What is kept of a request: all that is not output."""
    kept = pb.Judgement(
        period=message.period, policies=message.policies, calendars=message.calendars, note=message.note.strip()
    )
    return kept.SerializeToString(deterministic=True)


def found(tally: Tally, tickets: int, unconcerned: int, unjudged: int) -> pb.Judgement:
    """What a judgement has counted."""
    total = tally.get((Dimension.TOTAL, ""), Count())
    return pb.Judgement(
        ticket_count=tickets - unjudged,
        unconcerned_count=unconcerned,
        unjudged_count=unjudged,
        flip_count=total.to_missed + total.to_met + total.withdrawn,
        groups=groups(tally),
    )


def checked(proof: Checked, next_token: str) -> judgement_service_pb2.CheckClocksResponse:
    """What a page of clocks came to."""
    return judgement_service_pb2.CheckClocksResponse(
        ticket_count=proof.tickets,
        clock_count=proof.clocks,
        segment_count=proof.segments,
        faults=[judgement_service_pb2.ClockFault(ticket=ticket, finding=why) for ticket, why in proof.faults],
        next_page_token=next_token,
    )


def groups(tally: Tally) -> list[pb.JudgementGroup]:
    """The counts, the total first."""
    ordered = sorted(tally.items(), key=lambda one: (_DIMENSIONS[one[0][0]], one[0][1]))
    return [_group(dimension, key, count) for (dimension, key), count in ordered]


def row(flip: Flip) -> dict[str, Any]:
    """A flip as it is kept: what lists look for, and the message that they answer."""
    filed = flip.filed
    message = pb.VerdictFlip(
        ticket=filed.ticket,
        kind=KINDS[flip.kind],
        priority=filed.priority,
        open_time=timestamp(filed.opened_at),
        before=None if flip.before is None else _judged(flip.before),
        after=None if flip.after is None else _judged(flip.after),
        reasons=[_REASONS[one] for one in flip.reasons],
        segment=None if flip.segment is None else segment_message(flip.segment),
    )
    return {
        "_id": f"{filed.ticket}/{flip.kind}",
        "opened": filed.opened_at,
        "unit": filed.unit,
        "would": (Verdict.NONE if flip.after is None else flip.after.verdict).value,
        "flip": message.SerializeToString(deterministic=True),
    }


def flip(document: Mapping[str, Any]) -> pb.VerdictFlip:
    """A kept flip as a message."""
    return pb.VerdictFlip.FromString(document["flip"])


def _judged(one: Outcome) -> pb.JudgedClock:
    return pb.JudgedClock(
        verdict=_VERDICTS[one.verdict],
        policy=one.policy,
        calendar=one.calendar,
        target=duration(one.target),
        elapsed=duration(one.elapsed),
        pause_states=sorted(STATES[state] for state in one.pauses),
        due_time=timestamp(one.due_at),
    )


def _group(dimension: Dimension, key: str, count: Count) -> pb.JudgementGroup:
    return pb.JudgementGroup(
        dimension=_DIMENSIONS[dimension],
        key=key,
        met_before_count=count.met_before,
        missed_before_count=count.missed_before,
        met_after_count=count.met_after,
        missed_after_count=count.missed_after,
        to_missed_count=count.to_missed,
        to_met_count=count.to_met,
        withdrawn_count=count.withdrawn,
    )
