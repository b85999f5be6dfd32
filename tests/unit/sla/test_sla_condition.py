"""Conditions of policies: typed when they are saved, bounded, and the same on both sides of a store."""

from __future__ import annotations

from dataclasses import replace

import pytest

from services.runtime.refusal import Refusal
from services.sla.rules import policy as policies
from services.sla.rules.match import COST_BUDGET, Condition, Match
from services.sla.rules.policy import Policy
from services.sla.rules.target import ClockKind
from services.sla.rules.ticket import Facts, TicketType
from services.sla.wire.condition import FIELDS, condition, values
from tests.unit.sla.history import ADMIN, OFFICE, target

FACTS = Facts(
    2, TicketType.INCIDENT, "services/pos", "", unit="cn/east/042", site="Store 042", category="till",
    channel="phone", impact=1, urgency=2, item="items/till-printer", vip=True,
)  # fmt: skip
POLICY = Policy("policies/x", 10, Match(), (target(ClockKind.RESOLUTION, 60),), OFFICE.name)


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("priority <= 2 && service == 'services/pos'", True),
        ("unit.startsWith('cn/east/') && channel in ['phone', 'chat']", True),
        ("site.matches('^Store [0-9]+$') || impact == 3", True),
        ("ticket_type == 'request'", False),
        ("vip && item == 'items/till-printer'", True),
        ("!vip || item == 'items/notebook'", False),
        ("urgency * 10 + impact > 21", False),
        ("source != '' ? category == 'till' : category == 'scale'", False),
    ],
)
def test_a_condition_is_held_against_what_is_known_of_a_ticket(text: str, holds: bool) -> None:
    """Text, numbers, lists and either-or; the finding names what it read."""
    match = Match(condition=condition(text))
    finding = next(iter(match.findings(FACTS)))

    assert match.holds(FACTS) is holds
    assert (finding.field, finding.wanted, finding.holds) == ("condition", (text,), holds)
    told = {name: str(value).lower() if value is True else str(value) for name, value in values(FACTS).items()}
    assert all(f"{name} = {told[name]}" in finding.given for name in FIELDS if name in text.split())


@pytest.mark.parametrize(
    ("text", "reason", "says"),
    [
        ("gold == true", "CONDITION_INVALID", "no 'gold'; known are priority"),
        ("priority == 'high'", "CONDITION_INVALID", "column 10"),
        ("vip == 'yes'", "CONDITION_INVALID", "column 5"),
        ("priority + 1", "CONDITION_INVALID", "INT"),
        ("priority ==", "CONDITION_INVALID", "Syntax error"),
        ("[1, 2].all(one, one < priority)", "CONDITION_INVALID", "all() walks through lists"),
        (" || ".join(["priority == 1"] * 100), "CONDITION_TOO_COSTLY", str(COST_BUDGET)),
    ],
)
def test_what_cannot_be_evaluated_is_refused_by_field(text: str, reason: str, says: str) -> None:
    """An unknown name, a wrong type, no truth value, a slip of the pen, a loop, and too much of it."""
    draft = replace(POLICY, match=Match(condition=condition(text)))
    with pytest.raises(Refusal) as caught:
        policies.publish(None, draft, calendars=[OFFICE.name], by=ADMIN)

    assert (caught.value.field, caught.value.reason) == ("policy.match.condition", reason)
    assert says in caught.value.message


def test_a_word_inside_a_text_is_no_name_and_no_loop() -> None:
    """Quotes and comments count as what they are."""
    found = condition("category == 'all(priority)' // priority")

    assert found is not None
    assert (found.reads, found.fault) == (("category",), "")
    assert condition("   ") is None


def test_what_fails_while_it_is_evaluated_matches_nothing() -> None:
    """Division by the urgency of a ticket that is not triaged: no match, and no error that stops a clock."""
    match = Match(condition=condition("priority / urgency == 1"))

    assert match.holds(replace(FACTS, urgency=2))
    assert not match.holds(replace(FACTS, urgency=0))
    assert not Match(condition=Condition("never compiled")).holds(FACTS)
