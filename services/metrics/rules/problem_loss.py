"""E23: what incidents of known problems have cost. Tickets are linked to a problem; it is known from its first link.

An incident belongs to a problem when it is linked to it, or when it was opened after an incident of the same signature
had been linked to it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from services.metrics.rules.fact import Exclusion, Fact
from services.metrics.rules.losses import Part, Sum, summed

SIGNATURES_KEPT = 200


@dataclass(frozen=True, slots=True)
class KnownProblem:
    """A problem as links tell of it. known_at: its first link.

    signatures: since when each fault was known to be its, those known earliest.
    """

    name: str
    known_at: datetime
    signatures: Mapping[str, datetime]

    def known_of(self, incident: Fact) -> datetime | None:
        """Since when the problem was known when it came to this incident; None when the incident is none of its."""
        if any(name == self.name for name, _ in incident.problems):
            return self.known_at
        alike = incident.signature if incident.exclusion is Exclusion.NONE else ""
        since = self.signatures.get(alike)
        return since if since is not None and since < incident.opened_at else None


@dataclass(frozen=True, slots=True)
class Occurrence:
    """An incident of a problem. linked: by somebody, not by its signature. again: it began when the problem was known.

    parts: what it has cost, by cause.
    """

    fact: Fact
    linked: bool
    again: bool
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class ProblemLoss:
    """What the incidents of a problem have cost, each cause once.

    with_amount: the incidents that have an amount. again: those that began when it was known, and what they have cost.
    left_out: incidents that are too many to be in the sums, the oldest ones.
    """

    problem: KnownProblem
    incidents: int
    with_amount: int
    sums: tuple[Sum, ...]
    again: int
    again_sums: tuple[Sum, ...]
    left_out: int = 0


@dataclass(frozen=True, slots=True)
class RepeatLoss:
    """What was paid again in a period, by problem, the most money first. total: each cause once over all of them."""

    rows: tuple[ProblemLoss, ...]
    total: tuple[Sum, ...]
    incidents: int
    left_out: int = 0


Link = tuple[str, str, datetime]
"""Problem, signature of the incident or "", and when it was linked."""


def known_problems(links: Iterable[Link]) -> dict[str, KnownProblem]:
    """The problems of some links by name; the order of the links does not matter."""
    first: dict[str, datetime] = {}
    signatures: dict[str, dict[str, datetime]] = {}
    for problem, signature, at in links:
        first[problem] = min(first.get(problem, at), at)
        kept = signatures.setdefault(problem, {})
        if signature:
            kept[signature] = min(kept.get(signature, at), at)
    return {name: KnownProblem(name, at, _earliest(signatures[name])) for name, at in first.items()}


def occurrences(problem: KnownProblem, incidents: Iterable[Fact], parts: Iterable[Part]) -> list[Occurrence]:
    """Those of the incidents that are of the problem, with what they have cost.

    The impact of an incident began when the first of its causes did; with no cause that has claimed time, when it was
    opened.
    """
    of_ticket = _by_ticket(parts)
    found = (_occurrence(problem, one, of_ticket.get(one.ticket, ())) for one in incidents)
    return [one for one in found if one is not None]


def problem_loss(problem: KnownProblem, of_it: Sequence[Occurrence], left_out: int = 0) -> ProblemLoss:
    """What they come to."""
    again = [one for one in of_it if one.again]
    return ProblemLoss(
        problem,
        incidents=len(of_it) + left_out,
        with_amount=sum(any(part.currency for part in one.parts) for one in of_it),
        sums=tuple(_summed(of_it)),
        again=len(again),
        again_sums=tuple(_summed(again)),
        left_out=left_out,
    )


def repeat_loss(
    problems: Iterable[KnownProblem], incidents: Sequence[Fact], parts: Sequence[Part], currency: str, left_out: int = 0
) -> RepeatLoss:
    """What was paid again. currency: the one that the rows are ordered by; problems that nothing repeated are out."""
    rows, paid = [], []
    for problem, of_it in _by_problem(problems, incidents, parts):
        row = problem_loss(problem, of_it)
        if row.again:
            rows.append(row)
            paid += [one for one in of_it if one.again]
    rows.sort(key=lambda one: (-_in(currency, one.again_sums), -one.again, one.problem.name))
    return RepeatLoss(tuple(rows), tuple(_summed(paid)), len({one.fact.ticket for one in paid}), left_out)


def _by_problem(
    problems: Iterable[KnownProblem], incidents: Iterable[Fact], parts: Iterable[Part]
) -> list[tuple[KnownProblem, list[Occurrence]]]:
    """The occurrences of each problem: an incident is looked at once for each problem that it may be of."""
    found = {one.name: (one, list[Occurrence]()) for one in problems}
    alike: dict[str, list[str]] = {}
    for problem, _ in found.values():
        for signature in problem.signatures:
            alike.setdefault(signature, []).append(problem.name)
    of_ticket = _by_ticket(parts)
    for fact in incidents:
        own = of_ticket.get(fact.ticket, ())
        names = {name for name, _ in fact.problems} | set(alike.get(fact.signature, ()))
        for name in names & found.keys():
            problem, of_it = found[name]
            if (one := _occurrence(problem, fact, own)) is not None:
                of_it.append(one)
    return list(found.values())


def _by_ticket(parts: Iterable[Part]) -> dict[str, list[Part]]:
    found: dict[str, list[Part]] = {}
    for part in parts:
        for ticket in part.tickets:
            found.setdefault(ticket, []).append(part)
    return found


def _occurrence(problem: KnownProblem, fact: Fact, own: Sequence[Part]) -> Occurrence | None:
    since = problem.known_of(fact)
    if since is None:
        return None
    began = min((one.start for one in own), default=fact.opened_at)
    linked = any(name == problem.name for name, _ in fact.problems)
    # The incident that makes a problem known may be linked as it is opened; it repeats nothing.
    return Occurrence(fact, linked, began > since, tuple(own))


def _earliest(signatures: Mapping[str, datetime]) -> dict[str, datetime]:
    return dict(sorted(signatures.items(), key=lambda one: (one[1], one[0]))[:SIGNATURES_KEPT])


def _summed(of_it: Iterable[Occurrence]) -> list[Sum]:
    return summed(part for one in of_it for part in one.parts)


def _in(currency: str, sums: Iterable[Sum]) -> int:
    return next((one.amount for one in sums if one.currency == currency), 0)
