"""The incident of an outage: decided with it, once, for the most critical service that wants one; noted at its end."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from services.metrics.rules.business_service import BusinessService, Component, Incidents
from services.metrics.rules.outage_incident import AGAIN, NONE_AFTER_ALL, Filing, Voice, speakers, wanted
from services.metrics.rules.outage_record import Attributed, Outage, State, Tier, filed, judged, noted, retracted
from services.metrics.wire.outage_incident import incident_request, note_request

AT = datetime(2026, 11, 28, 12, tzinfo=UTC)
NAME = "outages/shop.1795824000"
FILING = Filing("businessServices/checkout", "Outage", "", "people/li", "services/checkout", 1, 1)
OWN = Attributed("tickets/INC-000007", Tier.A, "opened by the outage")
OTHER = Attributed("tickets/INC-000001", Tier.B, "names an affected service")


def service(name: str, criticality: int, *parts: str, asks: bool = True, retired: bool = False) -> BusinessService:
    """One that wants incidents for Li."""
    return BusinessService(
        f"businessServices/{name}",
        (("en", name.capitalize()), ("zh", "结账")),
        "teams/payments",
        criticality,
        tuple(map(Component, parts)),
        incidents=Incidents("people/li") if asks else None,
        retired=retired,
    )


def outage(state: State, minute: int, **fields: object) -> Outage:
    """One that was looked at so many minutes after noon."""
    first = 179_582_400
    given = {"service": "shop", "first": first, "last": first + 30, "root": "shop", **fields}
    return Outage(state=state, looked_at=AT + timedelta(minutes=minute), **given)  # type: ignore[arg-type]  # fields by name


def test_the_most_critical_service_that_wants_one_opens_it() -> None:
    """By default none does; of two the vital one; one that is hit only through a symptom counts too."""
    checkout, stock = service("checkout", 1, "web"), service("stock", 2, "shop")
    assert wanted([service("checkout", 1, "shop", asks=False)], NAME, ["shop"], AT, AT) is None
    assert wanted([service("checkout", 1, "shop", retired=True)], NAME, ["shop"], AT, AT) is None
    assert wanted([service("checkout", 1, "other")], NAME, ["shop"], AT, AT) is None
    found = wanted([stock, checkout], NAME, ["shop", "web"], AT, AT, "abc")
    assert found is not None
    assert (found.business_service, found.service) == ("businessServices/checkout", "services/checkout")
    assert (found.impact, found.urgency, found.requester) == (1, 1, "people/li")
    assert "Checkout" in found.title
    assert "结账" in found.title
    assert "abc" in found.description
    assert "criticality of Checkout, 1 of 4" in found.description
    lowest = wanted([service("stock", 4, "shop")], NAME, ["shop"], AT, AT)
    assert lowest is not None
    assert (lowest.impact, lowest.urgency) == (3, 3)


def test_it_is_dated_to_the_start_of_the_outage() -> None:
    """Its impact began when requests began to fail; the ticket service takes no start of more than a year ago."""
    asking = [service("stock", 2, "shop")]
    found = wanted(asking, NAME, ["shop"], AT - timedelta(days=364), AT)
    assert found is not None
    told = incident_request(NAME, found).impact_start_time.ToDatetime(UTC)
    assert told == found.impact_started_at == AT - timedelta(days=364)
    old = wanted(asking, NAME, ["shop"], AT - timedelta(days=366), AT)
    assert old is not None
    assert not incident_request(NAME, old).HasField("impact_start_time")


def test_one_speaks_for_each_root() -> None:
    """The root itself; of a root without an outage the symptom that began first, and ever after the one that filed."""
    stock, cart = Voice("stock", 10, "stock", False, False), Voice("cart", 12, "stock", True, False)
    web = Voice("web", 14, "stock", True, False)
    assert speakers([stock, cart, web]) == {0}
    assert speakers([web, cart]) == {1}
    assert speakers([replace(web, filed=True), cart]) == {0}
    assert speakers([replace(web, root="bank"), cart]) == {0, 1}
    assert speakers([Voice("web", 14, "", False, False)]) == {0}


def test_a_provisional_outage_files_nothing_and_an_open_one_once() -> None:
    """What is decided to be filed stays as it was decided, whatever later looks would file."""
    first, _ = judged(None, outage(State.PROVISIONAL, 1, filing=FILING))
    assert first.filing is None
    second, _ = judged(first, outage(State.OPEN, 2, filing=FILING))
    assert second.filing == FILING
    third, told = judged(second, outage(State.OPEN, 3, filing=replace(FILING, title="Other")))
    assert third.filing == FILING
    assert told == ()


def test_one_that_is_over_before_incidents_are_wanted_opens_none() -> None:
    """Publishing the wish does not file what is past; an outage that was found late is filed with its end."""
    before, _ = judged(None, outage(State.CLOSED, 1))
    assert judged(before, outage(State.CLOSED, 2, filing=FILING))[0].filing is None
    late, _ = judged(None, outage(State.CLOSED, 1, filing=FILING))
    assert late.filing is not None
    assert len(late.filing.notes) == 1


def test_the_end_is_noted_once_each_time() -> None:
    """Over, again, over: three notes; amendments of one that is over add none."""
    one, _ = judged(None, outage(State.OPEN, 1, filing=FILING))
    for minute, state, count in ((2, State.CLOSED, 1), (3, State.CLOSED, 1), (4, State.OPEN, 2), (5, State.CLOSED, 3)):
        last = 179_582_400 + 30 + minute
        one, _ = judged(one, outage(state, minute, filing=FILING, last=last))
        assert one.filing is not None
        assert len(one.filing.notes) == count
    assert one.filing is not None
    assert one.filing.notes[1] == AGAIN
    assert "is over" in one.filing.notes[0]


def test_one_that_was_none_is_said_to_be_none() -> None:
    """The incident learns that its outage has been taken back."""
    one, _ = judged(None, outage(State.OPEN, 1, filing=FILING))
    gone, _ = retracted(one, AT + timedelta(minutes=2))
    assert gone.filing is not None
    assert gone.filing.notes == (NONE_AFTER_ALL,)
    assert retracted(judged(None, outage(State.OPEN, 1))[0], AT + timedelta(minutes=2))[0].filing is None


def test_its_own_ticket_belongs_to_it_for_certain_and_is_told_once() -> None:
    """It stands first, whatever a look finds; filing it again changes nothing."""
    one, _ = judged(None, outage(State.OPEN, 1, filing=FILING, tickets=(OTHER,)))
    done, told = filed(one, OWN.ticket)
    assert done.incident == OWN.ticket
    assert done.tickets == (OWN, OTHER)
    assert [type(each).__name__ for each in told] == ["OutageAmended"]
    assert filed(done, "tickets/INC-000008") == (done, ())
    assert judged(done, outage(State.OPEN, 2, filing=FILING, tickets=(OTHER,))) == (done, ())
    assert judged(done, outage(State.OPEN, 2, filing=FILING, tickets=(OWN, OTHER)))[0].tickets == (OWN, OTHER)


def test_tickets_that_are_reports_no_more_leave_it_visibly() -> None:
    """The last one too; its own incident stays, whoever cancels that."""
    before, _ = judged(None, outage(State.OPEN, 1, tickets=(OTHER,)))
    after, told = judged(before, outage(State.OPEN, 2))
    assert (after.tickets, after.revision) == ((), 2)
    assert [type(each).__name__ for each in told] == ["OutageAmended"]
    own, _ = filed(judged(None, outage(State.OPEN, 1, filing=FILING, tickets=(OTHER,)))[0], OWN.ticket)
    assert judged(own, outage(State.OPEN, 2, filing=FILING))[0].tickets == (OWN,)


def test_notes_are_counted_and_wait_until_they_are_said() -> None:
    """A count that is behind changes nothing, so a second saying is harmless."""
    one, _ = judged(None, outage(State.OPEN, 1, filing=FILING))
    assert one.filing is not None
    assert one.filing.waits
    done, _ = filed(one, OWN.ticket)
    assert done.filing is not None
    assert not done.filing.waits
    over, _ = judged(done, outage(State.CLOSED, 2, filing=FILING))
    assert over.filing is not None
    assert over.filing.waits
    said, told = noted(over, 1)
    assert told == ()
    assert said.filing is not None
    assert not said.filing.waits
    assert noted(said, 1) == (said, ())


def test_request_ids_come_of_the_outage_alone() -> None:
    """Whoever says it, and when, the id is the same; another outage or note has another."""
    noted = replace(FILING, notes=("One", "Two"))
    ids = [incident_request(one, noted).request_id for one in (NAME, "outages/web.1")]
    ids += [note_request(NAME, noted, OWN.ticket, place).request_id for place in (0, 1)]
    assert len(set(ids)) == 4
    assert incident_request(NAME, replace(FILING, title="Other")).request_id == ids[0]


@pytest.mark.parametrize("state", [State.PROVISIONAL, State.OPEN])
def test_without_a_wish_nothing_is_filed(state: State) -> None:
    """The default."""
    assert judged(None, outage(state, 1))[0].filing is None
