"""Policies: which promise holds for which tickets. They are tried in order and the first that matches wins."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from enum import StrEnum

from services.runtime.actor import Actor
from services.runtime.refusal import Refusal
from services.sla.rules.access import may_configure
from services.sla.rules.calendar import checked_names
from services.sla.rules.ticket import OPEN_STATES, Facts, TicketState, TicketType

NAME = re.compile(r"policies/[a-z0-9][a-z0-9-]{0,62}")
LONGEST = timedelta(days=3650)
_ORDERS = 1_000_000
_MATCHES = 200


class ClockKind(StrEnum):
    """What a clock measures: until somebody of ours answers, or until it is solved."""

    RESPONSE = "response"
    RESOLUTION = "resolution"


class StopMark(StrEnum):
    """What ends a clock."""

    RESPONDED = "responded"
    RESOLVED = "resolved"
    CLOSED = "closed"


MARKS: Mapping[ClockKind, tuple[StopMark, ...]] = {
    ClockKind.RESPONSE: (StopMark.RESPONDED,),
    ClockKind.RESOLUTION: (StopMark.RESOLVED, StopMark.CLOSED),
}
"""The marks that may end each kind of clock, the usual one first."""


@dataclass(frozen=True, slots=True)
class Target:
    """What is promised: so much business time until the mark, in whole seconds.

    pause_states: ticket states in which the clock stands still. warn_percent: of the target; 0 never warns.
    """

    kind: ClockKind
    duration: timedelta
    stop_mark: StopMark
    pause_states: frozenset[TicketState] = frozenset()
    warn_percent: int = 0

    @property
    def warn_after(self) -> timedelta | None:
        """The business time at which to warn; None for never."""
        return self.duration * self.warn_percent / 100 if self.warn_percent else None


@dataclass(frozen=True, slots=True)
class Match:
    """Which tickets a policy is for: an empty set is for all, all sets must hold."""

    priorities: frozenset[int] = frozenset()
    types: frozenset[TicketType] = frozenset()
    services: frozenset[str] = frozenset()
    sources: frozenset[str] = frozenset()

    def holds(self, facts: Facts) -> bool:
        """Whether a ticket with these facts is meant."""
        return (
            (not self.priorities or facts.priority in self.priorities)
            and (not self.types or facts.type in self.types)
            and (not self.services or facts.service in self.services)
            and (not self.sources or facts.source in self.sources)
        )


@dataclass(frozen=True, slots=True)
class Policy:
    """One version of a policy; a draft has the version 0. order: lower is tried first, equal ones by name."""

    name: str
    order: int
    match: Match
    targets: tuple[Target, ...]
    calendar: str
    display_names: Mapping[str, str] = field(default_factory=dict)
    retired: bool = False
    version: int = 0

    @property
    def place(self) -> tuple[int, str]:
        """What policies are sorted by."""
        return self.order, self.name

    def target(self, kind: ClockKind) -> Target | None:
        """The promise for one kind of clock, if it makes one."""
        return next((one for one in self.targets if one.kind is kind), None)


@dataclass(frozen=True, slots=True)
class PolicyPublished:
    """A version was published, or the policy was retired."""

    policy: Policy


def publish(
    policy: Policy | None, draft: Policy, *, calendars: Collection[str], by: Actor
) -> tuple[Policy, tuple[PolicyPublished, ...]]:
    """Puts the draft in force as the next version; a retired policy comes back. Nothing happens when nothing differs.

    calendars: the names of all that are published.

    Raises:
        Refusal: ROLE_REQUIRED, or INVALID with the field of the request that is at fault.
    """
    may_configure(by)
    _check(draft, calendars)
    names = checked_names(draft.display_names, "policy.display_names")
    version = policy.version if policy is not None else 0
    published = replace(draft, display_names=names, retired=False, version=version + 1)
    if policy is not None and replace(published, version=version) == policy:
        return policy, ()
    return published, (PolicyPublished(published),)


def retire(policy: Policy, *, by: Actor) -> tuple[Policy, tuple[PolicyPublished, ...]]:
    """Lets no new clock start from it; those that run keep it.

    Raises:
        Refusal: ROLE_REQUIRED, POLICY_RETIRED.
    """
    may_configure(by)
    if policy.retired:
        raise Refusal.precondition("POLICY_RETIRED", f"{policy.name} is retired already; publish it to use it again.")
    retired = replace(policy, retired=True, version=policy.version + 1)
    return retired, (PolicyPublished(retired),)


def _check(draft: Policy, calendars: Collection[str]) -> None:
    if NAME.fullmatch(draft.name) is None:
        raise Refusal.invalid(
            "policy.name", "NAME_INVALID", 'Name it "policies/" and small letters, digits and dashes, 63 at most.'
        )
    if not 0 <= draft.order <= _ORDERS:
        raise Refusal.invalid("policy.order", "POLICY_ORDER_INVALID", f"Give an order of 0 to {_ORDERS:,}.")
    match = draft.match
    if any(not 0 <= one <= 4 for one in match.priorities):
        raise Refusal.invalid("policy.match.priorities", "PRIORITY_INVALID", "Match priorities 0 (not triaged) to 4.")
    if max(len(match.services), len(match.sources)) > _MATCHES:
        raise Refusal.invalid("policy.match", "POLICY_MATCH_TOO_LONG", f"List {_MATCHES} services or sources at most.")
    if draft.calendar not in calendars:
        raise Refusal.invalid(
            "policy.calendar", "CALENDAR_UNKNOWN", f"There is no {draft.calendar or 'calendar'}: publish it first."
        )
    if not draft.targets:
        raise Refusal.invalid("policy.targets", "TARGET_MISSING", "Promise something: give a target.")
    if len({one.kind for one in draft.targets}) < len(draft.targets):
        raise Refusal.invalid("policy.targets", "TARGET_REPEATED", "Give each kind of clock one target.")
    for at, target in enumerate(draft.targets):
        _check_target(target, f"policy.targets[{at}]")


def _check_target(target: Target, where: str) -> None:
    if not timedelta() < target.duration <= LONGEST or target.duration.microseconds:
        raise Refusal.invalid(
            f"{where}.duration", "TARGET_DURATION_INVALID", "Promise whole seconds, one at least and ten years at most."
        )
    if target.stop_mark not in MARKS[target.kind]:
        raise Refusal.invalid(
            f"{where}.stop_mark",
            "STOP_MARK_INVALID",
            f"A {target.kind} clock ends when the ticket is {' or '.join(MARKS[target.kind])}.",
        )
    allowed = OPEN_STATES | ({TicketState.RESOLVED} if target.stop_mark is StopMark.CLOSED else frozenset())
    if not target.pause_states <= allowed:
        raise Refusal.invalid(
            f"{where}.pause_states", "PAUSE_STATE_INVALID", f"Pause in {', '.join(sorted(allowed))} alone."
        )
    if not 0 <= target.warn_percent <= 99:
        raise Refusal.invalid(
            f"{where}.warn_percent", "WARN_PERCENT_INVALID", "Warn at 1 to 99 per cent, or give 0 for never."
        )
