"""Policies: which promise holds for which tickets. They are tried in order and the first that matches wins."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from services.runtime.actor import Actor
from services.runtime.refusal import Refusal
from services.sla.rules import match as match_rules
from services.sla.rules import target as target_rules
from services.sla.rules.access import may_configure
from services.sla.rules.calendar import checked_names
from services.sla.rules.match import Condition, Match
from services.sla.rules.target import MARKS, ClockKind, StopMark, Target

__all__ = [
    "MARKS",
    "ClockKind",
    "Condition",
    "Match",
    "Policy",
    "PolicyPublished",
    "StopMark",
    "Target",
    "check",
    "publish",
    "retire",
    "same",
]

NAME = re.compile(r"policies/[a-z0-9][a-z0-9-]{0,62}")
_ORDERS = 1_000_000
_NOTE = 2000


@dataclass(frozen=True, slots=True)
class Policy:
    """One version of a policy; a draft has the version 0. order: lower is tried first, equal ones by name.

    effective_at: from when on it holds, None for "as if it had always been so". author: who wrote it; reviewer: who
    published it for somebody else, "" when its author published it.
    """

    name: str
    order: int
    match: Match
    targets: tuple[Target, ...]
    calendar: str
    display_names: Mapping[str, str] = field(default_factory=dict)
    retired: bool = False
    version: int = 0
    effective_at: datetime | None = None
    author: str = ""
    reviewer: str = ""
    published_at: datetime | None = None
    note: str = ""

    @property
    def place(self) -> tuple[int, str]:
        """What policies are sorted by."""
        return self.order, self.name

    def target(self, kind: ClockKind) -> Target | None:
        """The promise for one kind of clock, if it makes one."""
        return next((one for one in self.targets if one.kind is kind), None)

    def holds_at(self, at: datetime) -> bool:
        """Whether its time has come."""
        return self.effective_at is None or self.effective_at <= at


@dataclass(frozen=True, slots=True)
class PolicyPublished:
    """A version was published, or the policy was retired."""

    policy: Policy


def publish(
    policy: Policy | None,
    draft: Policy,
    *,
    calendars: Collection[str],
    by: Actor,
    now: datetime | None = None,
    author: str = "",
) -> tuple[Policy, tuple[PolicyPublished, ...]]:
    """Puts the draft in force as the next version; a retired policy comes back. Nothing happens when nothing differs.

    calendars: the names of all that are published. author: who wrote it, when that is somebody else than `by`.

    Raises:
        Refusal: ROLE_REQUIRED, or INVALID with the field of the request that is at fault.
    """
    may_configure(by)
    published = replace(
        check(draft, calendars),
        version=(policy.version if policy is not None else 0) + 1,
        author=author or by.sub,
        reviewer=by.sub if author else "",
        published_at=now,
    )
    if policy is not None and same(published, policy):
        return policy, ()
    return published, (PolicyPublished(published),)


def retire(policy: Policy, *, by: Actor, now: datetime | None = None) -> tuple[Policy, tuple[PolicyPublished, ...]]:
    """Lets no new clock start from it; those that run keep it.

    Raises:
        Refusal: ROLE_REQUIRED, POLICY_RETIRED.
    """
    may_configure(by)
    if policy.retired:
        raise Refusal.precondition("POLICY_RETIRED", f"{policy.name} is retired already; publish it to use it again.")
    retired = replace(
        policy,
        retired=True,
        version=policy.version + 1,
        effective_at=None,
        author=by.sub,
        reviewer="",
        published_at=now,
        note="",
    )
    return retired, (PolicyPublished(retired),)


def same(one: Policy, other: Policy) -> bool:
    """Whether two versions say the same, whoever wrote them, and whatever they noted."""
    bare = {"version": 0, "author": "", "reviewer": "", "published_at": None, "note": ""}
    return replace(one, **bare) == replace(other, **bare)  # type: ignore[arg-type]  # fields by name


def check(draft: Policy, calendars: Collection[str]) -> Policy:
    """The draft with its names in order, fit to be published.

    Raises:
        Refusal: INVALID with the field of the request that is at fault.
    """
    if NAME.fullmatch(draft.name) is None:
        raise Refusal.invalid(
            "policy.name", "NAME_INVALID", 'Name it "policies/" and small letters, digits and dashes, 63 at most.'
        )
    if not 0 <= draft.order <= _ORDERS:
        raise Refusal.invalid("policy.order", "POLICY_ORDER_INVALID", f"Give an order of 0 to {_ORDERS:,}.")
    match_rules.check(draft.match)
    if draft.calendar not in calendars:
        raise Refusal.invalid(
            "policy.calendar", "CALENDAR_UNKNOWN", f"There is no {draft.calendar or 'calendar'}: publish it first."
        )
    if not draft.targets:
        raise Refusal.invalid("policy.targets", "TARGET_MISSING", "Promise something: give a target.")
    if len({one.kind for one in draft.targets}) < len(draft.targets):
        raise Refusal.invalid("policy.targets", "TARGET_REPEATED", "Give each kind of clock one target.")
    for at, target in enumerate(draft.targets):
        target_rules.check(target, f"policy.targets[{at}]")
    if len(draft.note) > _NOTE:
        raise Refusal.invalid("policy.note", "POLICY_NOTE_TOO_LONG", f"Give a note of up to {_NOTE:,} letters.")
    names = checked_names(draft.display_names, "policy.display_names")
    return replace(draft, display_names=names, retired=False, version=0)
