"""Escalation plans: who is told when, before and after a promise breaks; the first plan that matches a ticket wins."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from services.runtime.actor import Actor
from services.runtime.refusal import Refusal
from services.sla.rules.access import may_configure
from services.sla.rules.calendar import checked_names
from services.sla.rules.policy import ClockKind
from services.sla.rules.ticket import TicketType
from services.sla.rules.wall import first_shown, local, time_of_day, zone_of

NAME = re.compile(r"escalationPlans/[a-z0-9][a-z0-9-]{0,62}")
STEPS, REPEATS, RECIPIENTS = 12, 10, 8
MINUTES, PER_CENT = 60 * 24 * 62, 1000
_ORDERS, _MATCHES = 1_000_000, 200
_NAMED = {"on_call": "rotas/", "person": "people/", "team": "teams/", "lead": "teams/"}


class Measure(StrEnum):
    """What the amount of a step counts."""

    PERCENT = "percent"
    BUSINESS = "business_minutes"
    WALL = "wall_minutes"


class Anchor(StrEnum):
    """From where it counts."""

    DUE = "due"
    START = "start"


class Role(StrEnum):
    """Whom a step tells."""

    ASSIGNEE = "assignee"
    LEAD = "lead"
    TEAM = "team"
    ON_CALL = "on_call"
    PERSON = "person"


@dataclass(frozen=True, slots=True)
class Recipient:
    """name: a rota of an on-call person, a person, or a team that is not the ticket's own; else ""."""

    role: Role
    name: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """amount: minutes, negative before the due time, or per cent of the target.

    repeats: how often it comes again, every so often: in wall time for a step in wall time, else in business time.
    """

    clock: ClockKind
    measure: Measure
    anchor: Anchor
    amount: int
    recipients: tuple[Recipient, ...]
    repeats: int = 0
    every: timedelta = timedelta()


@dataclass(frozen=True, slots=True)
class Quiet:
    """Local hours in which nothing is told, from `start` to `end` in seconds since midnight; may pass midnight.

    through: priorities that are told all the same.
    """

    zone: str
    start: int
    end: int
    through: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a plan is chosen by."""

    priority: int
    type: TicketType
    service: str
    team: str


@dataclass(frozen=True, slots=True)
class PlanMatch:
    """Which tickets a plan is for: an empty set is for all, all sets must hold."""

    priorities: frozenset[int] = frozenset()
    types: frozenset[TicketType] = frozenset()
    services: frozenset[str] = frozenset()
    teams: frozenset[str] = frozenset()

    def holds(self, ticket: Wanted) -> bool:
        """Whether such a ticket is meant."""
        return (
            (not self.priorities or ticket.priority in self.priorities)
            and (not self.types or ticket.type in self.types)
            and (not self.services or ticket.service in self.services)
            and (not self.teams or ticket.team in self.teams)
        )


@dataclass(frozen=True, slots=True)
class Plan:
    """One version of a plan; a draft has the version 0. order: lower is tried first, equal ones by name."""

    name: str
    order: int
    match: PlanMatch
    steps: tuple[Step, ...]
    quiet: Quiet | None = None
    display_names: Mapping[str, str] = field(default_factory=dict)
    retired: bool = False
    version: int = 0

    @property
    def place(self) -> tuple[int, str]:
        """What plans are sorted by."""
        return self.order, self.name


@dataclass(frozen=True, slots=True)
class EscalationPlanPublished:
    """A version was published, or the plan was retired."""

    plan: Plan


def choose(plans: Iterable[Plan], ticket: Wanted) -> Plan | None:
    """The first plan in force that matches, of plans in their order."""
    return next((one for one in plans if not one.retired and one.match.holds(ticket)), None)


def held(quiet: Quiet | None, priority: int, at: datetime) -> datetime:
    """When something is told that is due at an instant: then, or when the quiet hours that hold it end."""
    if quiet is None or priority in quiet.through or quiet.start == quiet.end:
        return at
    zone = zone_of(quiet.zone, "plan.quiet_hours.time_zone")
    today = local(zone, at).date()
    for days in (-1, 0):
        day = today + timedelta(days=days)
        over = day if quiet.start < quiet.end else day + timedelta(days=1)
        end = first_shown(zone, over, quiet.end)
        if first_shown(zone, day, quiet.start) <= at < end:
            return end
    return at


def publish(
    plan: Plan | None, draft: Plan, rotas: Iterable[str], *, by: Actor
) -> tuple[Plan, tuple[EscalationPlanPublished, ...]]:
    """Puts the draft in force as the next version; a retired plan comes back. Nothing happens when nothing differs.

    rotas: the names of all that are published.

    Raises:
        Refusal: ROLE_REQUIRED, or INVALID with the field of the request that is at fault.
    """
    may_configure(by)
    check(draft, rotas)
    names = checked_names(draft.display_names, "plan.display_names")
    version = plan.version if plan is not None else 0
    published = replace(draft, display_names=names, retired=False, version=version + 1)
    if plan is not None and replace(published, version=version) == plan:
        return plan, ()
    return published, (EscalationPlanPublished(published),)


def retire(plan: Plan, *, by: Actor) -> tuple[Plan, tuple[EscalationPlanPublished, ...]]:
    """Lets no further ticket take it; chains that run keep it.

    Raises:
        Refusal: ROLE_REQUIRED, PLAN_RETIRED.
    """
    may_configure(by)
    if plan.retired:
        raise Refusal.precondition("PLAN_RETIRED", f"{plan.name} is retired already; publish it to use it again.")
    retired = replace(plan, retired=True, version=plan.version + 1)
    return retired, (EscalationPlanPublished(retired),)


def quiet_hours(zone: str, start: str, end: str, through: Iterable[int]) -> Quiet:
    """Quiet hours as somebody wrote them.

    Raises:
        Refusal: LOCAL_TIME_INVALID, with the field.
    """
    where = "plan.quiet_hours"
    return Quiet(zone, time_of_day(start, f"{where}.start"), time_of_day(end, f"{where}.end"), frozenset(through))


def check(draft: Plan, rotas: Iterable[str]) -> None:
    """Refuses what cannot be published. rotas: the names of all that are published.

    Raises:
        Refusal: INVALID with the field of the request that is at fault.
    """
    if NAME.fullmatch(draft.name) is None:
        raise Refusal.invalid(
            "plan.name", "NAME_INVALID", 'Name it "escalationPlans/" and small letters, digits and dashes, 63 at most.'
        )
    if not 0 <= draft.order <= _ORDERS:
        raise Refusal.invalid("plan.order", "PLAN_ORDER_INVALID", f"Give an order of 0 to {_ORDERS:,}.")
    match, quiet = draft.match, draft.quiet
    if any(not 0 <= one <= 4 for one in match.priorities):
        raise Refusal.invalid("plan.match.priorities", "PRIORITY_INVALID", "Match priorities 0 (not triaged) to 4.")
    if max(len(match.services), len(match.teams)) > _MATCHES:
        raise Refusal.invalid("plan.match", "PLAN_MATCH_TOO_LONG", f"List {_MATCHES} services or teams at most.")
    if quiet is not None:
        zone_of(quiet.zone, "plan.quiet_hours.time_zone")
        if any(not 0 <= one <= 4 for one in quiet.through):
            raise Refusal.invalid(
                "plan.quiet_hours.break_through", "PRIORITY_INVALID", "Let priorities 0 (not triaged) to 4 through."
            )
    if not 1 <= len(draft.steps) <= STEPS:
        raise Refusal.invalid("plan.steps", "PLAN_STEPS_INVALID", f"Give it 1 to {STEPS} steps.")
    known = frozenset(rotas)
    for at, step in enumerate(draft.steps):
        _check_step(step, known, f"plan.steps[{at}]")


def _check_step(step: Step, rotas: frozenset[str], where: str) -> None:
    if step.measure is Measure.PERCENT:
        low, high = 1, PER_CENT
    else:
        low, high = (0 if step.anchor is Anchor.START else -MINUTES), MINUTES
    if not low <= step.amount <= high:
        raise Refusal.invalid(
            f"{where}.amount", "STEP_AMOUNT_INVALID", f"Give an amount of {low:,} to {high:,} for such a step."
        )
    if not 0 <= step.repeats <= REPEATS:
        raise Refusal.invalid(f"{where}.repeat_count", "STEP_REPEAT_INVALID", f"Repeat it {REPEATS} times at most.")
    if step.repeats and not timedelta(minutes=1) <= step.every <= timedelta(minutes=MINUTES):
        raise Refusal.invalid(
            f"{where}.repeat_minutes", "STEP_REPEAT_INVALID", f"Repeat it every 1 to {MINUTES:,} minutes."
        )
    if not 1 <= len(step.recipients) <= RECIPIENTS:
        raise Refusal.invalid(
            f"{where}.recipients", "STEP_RECIPIENTS_INVALID", f"Tell 1 to {RECIPIENTS} recipients in a step."
        )
    for at, one in enumerate(step.recipients):
        _check_recipient(one, rotas, f"{where}.recipients[{at}].name")


def _check_recipient(one: Recipient, rotas: frozenset[str], where: str) -> None:
    prefix = _NAMED.get(one.role, "")
    needed = one.role in (Role.ON_CALL, Role.PERSON)
    if (
        bool(one.name) > bool(prefix)
        or (needed and not one.name)
        or not one.name.startswith(prefix if one.name else "")
    ):
        wanted = f'a name such as "{prefix}..."' if prefix else "no name"
        raise Refusal.invalid(where, "RECIPIENT_INVALID", f"Give {wanted} for {one.role.replace('_', ' ')}.")
    if one.role is Role.ON_CALL and one.name not in rotas:
        raise Refusal.invalid(where, "ROTA_UNKNOWN", f"There is no {one.name}: publish the rota first.")
