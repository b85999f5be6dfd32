"""Clocks of every kind against a walk through every minute: what a team, a supplier and our next word are owed.

The walk knows no segments and no turns: of each minute it asks anew what the ticket was like, and counts.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from hypothesis import given, settings
from hypothesis import strategies as st

from services.runtime.worktime import SegmentKind
from services.sla.rules.clock import Clock, ClockState
from services.sla.rules.clocks import TicketClocks
from services.sla.rules.fold import fold
from services.sla.rules.target import ClockKind, ReopenRule, StopMark, Target
from services.sla.rules.ticket import HoldReason, TicketState
from services.sla.rules.verdict import KEPT, Supersession
from tests.unit.sla.history import ALWAYS_OPEN, MINUTE, OFFICE, Step, at, book, cause, policy, seen
from tests.unit.sla.minutes import is_open

WORK, ASKED, HELD, DONE = (
    TicketState.IN_PROGRESS,
    TicketState.AWAITING_REQUESTER,
    TicketState.ON_HOLD,
    TicketState.RESOLVED,
)
TEAMS = ("", "teams/desk", "teams/net")
_settings = settings(max_examples=150, deadline=None, derandomize=True)


@dataclass(frozen=True)
class Moment:
    """What a ticket is like from `minute` on, and whether that minute brings a public word of ours."""

    minute: int
    state: TicketState
    team: str
    hold: HoldReason | None
    word: bool


@st.composite
def stories(draw: st.DrawFn) -> list[Moment]:
    """Up to twenty moments within a few days, each a change of state, hand, reason, or a word."""
    minute, found = 0, [Moment(0, TicketState.NEW, draw(st.sampled_from(TEAMS)), None, word=False)]
    for _ in range(draw(st.integers(1, 20))):
        minute += draw(st.one_of(st.integers(1, 90), st.integers(1, 1200)))
        state = draw(st.sampled_from((WORK, WORK, WORK, ASKED, HELD, HELD, DONE)))
        hold = draw(st.sampled_from(HoldReason)) if state is HELD else None
        word = state is not DONE and draw(st.booleans())
        found.append(Moment(minute, state, draw(st.sampled_from(TEAMS)), hold, word=word))
    return found


def _targets() -> st.SearchStrategy[Target]:
    lengths = st.integers(1, 600).map(lambda minutes: minutes * MINUTE)
    holds = st.frozensets(st.sampled_from(HoldReason), max_size=2)
    reopens = st.sampled_from(ReopenRule)
    resolved = StopMark.RESOLVED
    paused = frozenset({ASKED, HELD})
    return st.one_of(
        st.builds(
            lambda length, why, reopen: Target(
                ClockKind.RESOLUTION, length, resolved, paused, pause_holds=why, reopen=reopen
            ),
            lengths,
            holds,
            reopens,
        ),
        st.builds(lambda length: Target(ClockKind.UPDATE, length, resolved, frozenset({ASKED})), lengths),
        st.builds(
            lambda length, team: Target(ClockKind.OPERATIONAL, length, resolved, frozenset({ASKED}), team=team),
            lengths,
            st.sampled_from(TEAMS),
        ),
        st.builds(lambda length: Target(ClockKind.UNDERPINNING, length, resolved), lengths),
    )


def _counts(terms: Target, one: Moment) -> bool:
    """Whether a minute that began like this counts, the hours aside."""
    if terms.kind is ClockKind.UNDERPINNING:
        return one.state is HELD and one.hold is HoldReason.VENDOR
    if terms.kind is ClockKind.OPERATIONAL and (not one.team or terms.team not in ("", one.team)):
        return False
    if one.state is HELD and terms.pause_holds:
        return one.hold not in terms.pause_holds
    return one.state not in terms.pause_states


def _walk(terms: Target, story: list[Moment], office: bool) -> tuple[list[list[int]], bool]:
    """The minutes that counted, round by round, and whether the last round was stopped."""
    calendar = OFFICE if office else ALWAYS_OPEN
    rounds: list[list[int]] = [[]]
    owner, stopped = story[0].team, False
    for index, one in enumerate(story):
        if stopped and one.state is not DONE and terms.reopens is not ReopenRule.NOTHING:
            stopped = False
            if terms.reopens is ReopenRule.RESTART:
                rounds.append([])
                owner = one.team
        elif not stopped and index and one.state is not DONE:
            handed = terms.kind is ClockKind.OPERATIONAL and not terms.team and one.team
            mine = rounds[-1] or owner
            if (terms.kind is ClockKind.UPDATE and one.word) or (handed and one.team != owner and mine):
                rounds.append([])
        if not stopped and terms.kind is ClockKind.OPERATIONAL:
            owner = one.team
        stopped = stopped or one.state is DONE
        following = story[index + 1].minute if index + 1 < len(story) else one.minute
        if not stopped and _counts(terms, one):
            rounds[-1] += [minute for minute in range(one.minute, following) if is_open(calendar, at(minute))]
    return rounds, stopped


def _fold(terms: Target, story: list[Moment], office: bool) -> Clock:
    rules = book(policy(3, terms, version=OFFICE if office else ALWAYS_OPEN))
    clocks: TicketClocks | None = None
    for index, one in enumerate(story):
        ticket = replace(
            seen(Step(one.minute, one.state), None, story[0].minute), team=one.team, hold=one.hold, updated=one.word
        )
        clocks, _ = fold(clocks, ticket, at(one.minute), cause(index), rules)
    assert clocks is not None
    return clocks.clocks[0]


@_settings
@given(terms=_targets(), story=stories(), office=st.booleans())
def test_every_kind_of_clock_counts_what_a_walk_counts(terms: Target, story: list[Moment], office: bool) -> None:
    """Used time of this round and of those before it, breach and state, to the minute; segments without a gap."""
    clock = _fold(terms, story, office)
    rounds, stopped = _walk(terms, story, office)
    needed = terms.duration // MINUTE
    running = [one for one in clock.segments if one.kind is SegmentKind.RUNNING]

    # A clock that runs on has not told what it did since its last turn.
    told = [minute for minute in rounds[-1] if at(minute) < clock.since.at]
    assert clock.elapsed == len(told) * MINUTE == sum((one.length for one in running), 0 * MINUTE)
    expected = at(rounds[-1][needed - 1] + 1) if len(rounds[-1]) >= needed else None
    assert clock.breached_at == expected
    assert (clock.state in (ClockState.MET, ClockState.MISSED)) is stopped
    before = [one for one in clock.verdicts if one.reason is Supersession.REARMED]
    assert [one.elapsed for one in before] == [len(minutes) * MINUTE for minutes in rounds[:-1]][-len(before) :]
    assert len(before) == min(len(rounds) - 1, KEPT - (len(clock.verdicts) - len(before)))
    missed = [one.breached_at is not None for one in before]
    assert missed == [len(minutes) >= needed for minutes in rounds[:-1]][-len(before) :] or not before
