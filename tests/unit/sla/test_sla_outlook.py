"""When a ticket can be expected: told by those like it that took longer, by nobody when they are few."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from services.sla.rules.clocks import TicketClocks
from services.sla.rules.outlook import LEAST, Kind, Sample, foresee, kind_of
from services.sla.rules.policy import ClockKind
from services.sla.rules.ticket import TicketState, TicketType
from services.sla.wire import clocks as wire
from tests.unit.sla.history import ALWAYS_OPEN, MINUTE, OFFICE, Step, at, book, policy, run, target

PAUSES = frozenset({TicketState.AWAITING_REQUESTER})
BOOK = book(policy(3, target(ClockKind.RESOLUTION, 480, pauses=PAUSES), version=ALWAYS_OPEN))
NEW, ASKED = Step(0, TicketState.NEW), Step(20, TicketState.AWAITING_REQUESTER)


def ticket(*steps: Step, service: str = "services/tills") -> TicketClocks:
    """A ticket of the service with a promise of eight hours around the clock."""
    clocks, _ = run(list(steps or (NEW,)), BOOK)
    return replace(clocks, facts=replace(clocks.facts, service=service))


def took(*minutes: int, service: str = "services/tills") -> list[tuple[str, timedelta]]:
    """Tickets that took so many minutes."""
    return [(service, one * MINUTE) for one in minutes]


def test_half_and_nine_in_ten_of_those_that_took_longer() -> None:
    """After ten minutes the ten quickest of 50 say nothing; the 20th and the 36th of the other 40 are the ends."""
    told = foresee(ticket(), Sample(took(*range(1, 51))), BOOK, at(10))
    assert told is not None
    assert (told.like, told.any_service) == (40, False)
    assert (told.half, told.most) == (20 * MINUTE, 36 * MINUTE)
    assert (told.half_at, told.most_at) == (at(30), at(46))


def test_the_range_holds_still_while_nothing_happens() -> None:
    """As time goes by the ends move only where a ticket like it drops out."""
    sample = Sample(took(*[5] * 10, *range(100, 150)))
    ends = {
        (told.half_at, told.most_at) for minute in (5, 30, 99) if (told := foresee(ticket(), sample, BOOK, at(minute)))
    }
    assert ends == {(at(124), at(144))}


def test_a_few_say_nothing() -> None:
    """One short of thirty: how many there are, and no range."""
    told = foresee(ticket(), Sample(took(*range(100, 100 + LEAST - 1))), BOOK, at(1))
    assert told is not None
    assert (told.like, told.half, told.most, told.half_at, told.most_at) == (LEAST - 1, None, None, None, None)
    assert wire.expecting(wire.ticket_clocks(ticket(), ""), told).outlook.needed_count == LEAST


def test_other_services_tell_when_the_own_is_too_small() -> None:
    """Its own service first; with too few of it those of every service, and that is said."""
    many, few = took(*range(100, 130)), took(*range(300, 330), service="services/doors")
    own = foresee(ticket(), Sample([*many, *few]), BOOK, at(0))
    other = foresee(ticket(service="services/lifts"), Sample([*many, *few]), BOOK, at(0))
    assert own is not None
    assert other is not None
    assert (own.like, own.any_service, own.most) == (30, False, 126 * MINUTE)
    assert (other.like, other.any_service, other.most) == (60, True, 323 * MINUTE)


def test_a_paused_clock_has_a_length_and_no_time() -> None:
    """It counts on when the clock runs again."""
    told = foresee(ticket(NEW, ASKED), Sample(took(*range(100, 140))), BOOK, at(300))
    assert told is not None
    assert (told.half, told.half_at) == (99 * MINUTE, None)


def test_service_hours_count() -> None:
    """Two hours from half past four on a Thursday end half an hour into Friday."""
    rules = book(policy(3, target(ClockKind.RESOLUTION, 480), version=OFFICE))
    clocks, _ = run([Step(510, TicketState.NEW)], rules)
    told = foresee(clocks, Sample(took(*[120] * 30, service="")), rules, at(510))
    assert told is not None
    assert told.half_at == at(24 * 60 + 90)


def test_nothing_is_expected_of_what_is_over_or_imported() -> None:
    """A solved ticket, one without a promise, and one whose history still comes in."""
    solved = ticket(NEW, Step(30, TicketState.RESOLVED))
    coming, _ = run([replace(NEW, importing=True)], BOOK)
    unpromised, _ = run([NEW], book())
    for one in (solved, coming, unpromised):
        assert foresee(one, Sample(took(*range(100, 200))), BOOK, at(40)) is None
        assert kind_of(one) is None
    assert kind_of(ticket()) == Kind(TicketType.INCIDENT, 3, ALWAYS_OPEN.name)
    assert not wire.expecting(wire.ticket_clocks(solved, ""), None).HasField("outlook")
