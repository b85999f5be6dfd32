"""What incidents of known problems have cost: which are of a problem, which were paid again, and each cause once."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.metrics.rules.fact import Exclusion, Fact
from services.metrics.rules.losses import Part, Sum, summed
from services.metrics.rules.problem_loss import (
    SIGNATURES_KEPT,
    KnownProblem,
    Link,
    known_problems,
    occurrences,
    problem_loss,
    repeat_loss,
)
from services.metrics.wire.problem_loss import occurrence_message, problem_message, repeat_message
from tests.unit.metrics.stories import at, story

ONE, TWO = "problems/PRB-000001", "problems/PRB-000002"
SIGNATURE = story().signature


def incident(number: int, hours: float, *problems: str, linked: float | None = None, **fields: Any) -> Fact:
    """An incident opened at an hour and linked at another, with a fault of its own unless a title is given."""
    fact = replace(story(), ticket=f"tickets/INC-{number:06d}", opened_at=at(hours))
    since = at(hours if linked is None else linked)
    return replace(fact, problems=tuple((one, since) for one in problems), **{"title": f"F {'x' * number}", **fields})


def cost(fact: Fact, amount: int, hours: float | None = None, **fields: Any) -> Part:
    """What an incident has cost, from its opening or another hour on."""
    start = fact.opened_at if hours is None else at(hours)
    given = {"currency": "CNY", "amount": amount, "provisional": False, "entry": f"ledgerEntries/{fact.ticket[8:]}"}
    return Part(fact.ticket, (fact.ticket,), start, at(500), **{**given, **fields})


def links(*facts: Fact) -> list[Link]:
    """As the store reads them."""
    return [(name, one.signature, since) for one in facts for name, since in one.problems]


def test_the_first_incident_makes_the_problem_known_and_later_ones_are_paid_again() -> None:
    """100.00 before it was known; 20.00 and 3.00 after, the last by its fault alone; 0.40 is of another fault."""
    first = incident(1, 0, ONE, linked=2, title="Till dead 17")
    linked, alike = incident(2, 3, ONE, linked=9), incident(3, 4, title="Till dead 99")
    early, other = incident(4, 1, title="Till dead 5"), incident(5, 5)
    facts = [first, linked, alike, early, other]
    (problem,) = known_problems(links(*facts)).values()
    assert (problem.name, problem.known_at) == (ONE, at(2))
    parts = [cost(first, 10_000), cost(linked, 2_000), cost(alike, 300), cost(early, 77), cost(other, 40)]
    found = occurrences(problem, facts, parts)
    assert [(one.fact.ticket[-1], one.linked, one.again) for one in found] == [
        ("1", True, False), ("2", True, True), ("3", False, True),
    ]  # fmt: skip
    loss = problem_loss(problem, found)
    assert (loss.incidents, loss.with_amount, loss.again) == (3, 3, 2)
    assert loss.sums == (Sum("CNY", 12_300, 0, 3),)
    assert loss.again_sums == (Sum("CNY", 2_300, 0, 2),)


def test_the_impact_began_with_the_outage_and_not_with_the_ticket() -> None:
    """Filed after the problem was known, of an outage from before: not paid again. With no cause the filing counts."""
    first, filed = incident(1, 0, ONE, linked=2), incident(2, 3, ONE)
    (problem,) = known_problems(links(first, filed)).values()
    outage = replace(cost(filed, 500, 1), cause="outages/1")
    assert [one.again for one in occurrences(problem, [first, filed], [outage])] == [False, False]
    assert [one.again for one in occurrences(problem, [first, filed], [])] == [False, True]
    assert [one.again for one in occurrences(problem, [filed], [replace(outage, start=at(2))])] == [False]
    assert [one.again for one in occurrences(problem, [filed], [replace(outage, start=at(2.1))])] == [True]


def test_one_cause_of_two_incidents_or_two_problems_is_added_once() -> None:
    """And currencies apart; what is open is provisional; what has no amount is an incident without one."""
    a, b, c, d = incident(1, 0, ONE), incident(2, 5, ONE, TWO), incident(3, 6, ONE, TWO), incident(4, 7, ONE)
    problems = known_problems([*links(a, b, c, d), (TWO, "", at(1))])
    outage = replace(cost(b, 900), cause="outages/1", tickets=(b.ticket, c.ticket))
    dollars = cost(c, 11, currency="USD", provisional=True, entry="")
    bare = replace(cost(d, 0), currency="", entry="")
    parts = [outage, dollars, bare]
    loss = problem_loss(problems[ONE], occurrences(problems[ONE], [a, b, c, d], parts))
    assert (loss.incidents, loss.with_amount) == (4, 2)
    assert loss.sums == (Sum("CNY", 900, 0, 1), Sum("USD", 11, 11, 1))
    found = repeat_loss(problems.values(), [a, b, c, d], parts, "CNY")
    assert found.total == (Sum("CNY", 900, 0, 1), Sum("USD", 11, 11, 1))
    assert [(one.problem.name, one.again) for one in found.rows] == [(ONE, 3), (TWO, 2)]
    assert found.incidents == 3
    assert repeat_message(found, 1).problems_left_out == 1
    assert problem_message(loss).incidents_with_amount == 2
    (shown,) = occurrences(problems[ONE], [d], [bare])
    assert not occurrence_message(shown).parts[0].HasField("amount")


def test_the_most_money_first_and_nothing_that_did_not_repeat() -> None:
    """By the board's currency; a problem with one incident has cost, but nothing again."""
    facts = [
        incident(1, 0, ONE),
        incident(2, 1, TWO),
        incident(3, 5, ONE),
        incident(4, 6, TWO),
        incident(5, 7, "problems/PRB-000003"),
    ]
    parts = [cost(facts[2], 100), cost(facts[3], 200), cost(facts[4], 999)]
    found = repeat_loss(known_problems(links(*facts)).values(), facts, parts, "CNY")
    assert [(one.problem.name, one.again_sums[0].amount) for one in found.rows] == [(TWO, 200), (ONE, 100)]


def test_a_named_rule_leaves_a_likeness_out_and_signatures_are_bounded() -> None:
    """What was no fault is no recurrence of one; a problem knows at most two hundred faults, the earliest."""
    problem = KnownProblem(ONE, at(0), {SIGNATURE: at(0)})
    again = replace(story(), opened_at=at(1))
    assert problem.known_of(again) == at(0)
    assert problem.known_of(story()) is None
    assert problem.known_of(replace(again, exclusion=Exclusion.NO_FAULT)) is None
    assert problem.known_of(replace(again, service="")) is None
    many = known_problems((ONE, f"s{number:03d}", at(number)) for number in range(300, 0, -1))[ONE]
    assert (len(many.signatures), min(many.signatures), max(many.signatures)) == (SIGNATURES_KEPT, "s001", "s200")


@given(st.permutations([(ONE, "a", at(3)), (ONE, "", at(1)), (ONE, "a", at(2)), (TWO, "a", at(5)), (ONE, "b", at(4))]))
def test_the_order_of_links_changes_nothing(told: list[Link]) -> None:
    """Late events come in any order."""
    found = known_problems(told)
    assert found[ONE] == KnownProblem(ONE, at(1), {"a": at(2), "b": at(4)})
    assert found[TWO].known_at == at(5)


@given(
    st.lists(
        st.tuples(
            st.integers(0, 9), st.sets(st.sampled_from([ONE, TWO, "problems/PRB-000003"]), max_size=2),
            st.integers(0, 12), st.sampled_from("abc"), st.booleans(), st.integers(0, 500),
        ),
        max_size=14,
    )
)  # fmt: skip
def test_one_walk_finds_what_a_walk_for_each_problem_finds(
    drawn: list[tuple[int, set[str], int, str, bool, int]],
) -> None:
    """Whatever is linked when, and whatever is alike: row by row, and the total."""
    facts, parts = [], []
    for number, (hour, problems, linked, letter, out, amount) in enumerate(drawn):
        exclusion = Exclusion.NO_FAULT if out else Exclusion.NONE
        fact = incident(number, hour, *sorted(problems), linked=linked, title=f"Till {letter}", exclusion=exclusion)
        facts.append(fact)
        # Some share a cause with the one before, some have cost nothing.
        before = facts[max(0, number - 1)].ticket
        if amount % 3:
            named = (before, fact.ticket) if amount % 2 and number else (fact.ticket,)
            parts.append(replace(cost(fact, amount, hour - amount % 2), tickets=named))
    known = known_problems(links(*facts))
    found = repeat_loss(known.values(), facts, parts, "CNY")
    walked = [problem_loss(one, occurrences(one, facts, parts)) for one in known.values()]
    assert {one.problem.name: one for one in found.rows} == {one.problem.name: one for one in walked if one.again}
    again = [each for one in known.values() for each in occurrences(one, facts, parts) if each.again]
    assert found.incidents == len({one.fact.ticket for one in again})
    assert found.total == tuple(summed(part for one in again for part in one.parts))


def test_many_problems_and_incidents_are_walked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A thousand problems with two incidents each: an incident is asked of about its own problem alone."""
    # In letters: numbers are taken out of a title before it is compared.
    words = [str(number).translate(str.maketrans("0123456789", "abcdefghij")) for number in range(2_000)]
    facts = [
        incident(number, number, f"problems/PRB-{number % 1_000:06d}", title=word) for number, word in enumerate(words)
    ]
    asked = []

    def known_of(problem: KnownProblem, fact: Fact) -> Any:
        asked.append(problem.name)
        return of(problem, fact)

    of = KnownProblem.known_of
    monkeypatch.setattr(KnownProblem, "known_of", known_of)
    found = repeat_loss(known_problems(links(*facts)).values(), facts, [], "CNY")
    assert (len(found.rows), found.incidents) == (1_000, 1_000)
    assert len(asked) == len(facts)
