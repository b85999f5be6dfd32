"""Lists: every order by pages that neither repeat nor skip, filters, words, and only what the reader may see."""

from __future__ import annotations

from typing import Any

import pytest
from throughline.tickets.v1 import ticket_pb2 as t
from throughline.tickets.v1 import tickets_service_pb2 as pb

from services.runtime.actor import Actor
from tests.service.tickets.counter import ANN, BEN, EVE, ROOT, WEI, Counter, person

LIN = person("lin", "lead", unit="cn")
MIA = person("mia", "requester", unit="cn/west")


async def names(counter: Counter, actor: Actor, size: int = 0, **asked: Any) -> list[str]:
    """All pages of a list, one after the other."""
    found: list[str] = []
    token = ""
    while True:
        page = await counter.ask(actor, "ListTickets", page_size=size, page_token=token, **asked)
        assert not size or len(page.tickets) <= size
        found += [one.name.removeprefix("tickets/") for one in page.tickets]
        token = page.next_page_token
        if not token:
            return found


async def test_pages_neither_repeat_nor_skip_while_tickets_come(counter: Counter) -> None:
    """New tickets between two pages change nothing of the pages that follow, in any order."""
    filed = [(await counter.filed(title=f"Ticket {number}")).name for number in range(7)]
    for number, name in enumerate(filed):
        await counter.ask(BEN, "TriageTicket", name=name, impact=1 + number % 3, urgency=2)
    expected = {
        pb.TICKET_ORDER_NEWEST_FIRST: filed[::-1],
        pb.TICKET_ORDER_RECENTLY_UPDATED: filed[::-1],
        pb.TICKET_ORDER_PRIORITY_THEN_OLDEST: [filed[index] for index in (0, 3, 6, 1, 4, 2, 5)],
    }
    for between, (order, whole) in enumerate(expected.items()):
        first = await counter.ask(BEN, "ListTickets", order=order, page_size=3)
        await counter.filed(title="Between", impact=3, urgency=3)
        second = await counter.ask(BEN, "ListTickets", order=order, page_size=3, page_token=first.next_page_token)
        seen = [one.name for one in (*first.tickets, *second.tickets)]
        assert len(seen) == 6
        old = [name for name in seen if name in filed]
        assert old == whole[: len(old)]
        assert len(old) >= 6 - between


async def test_every_page_size_gives_the_same_list(counter: Counter) -> None:
    """Pages of one, of two and of all."""
    for number in range(5):
        await counter.filed(title=f"Ticket {number}")
    whole = await names(counter, ANN)
    assert whole == [f"INC-00000{number}" for number in (5, 4, 3, 2, 1)]
    assert await names(counter, ANN, 1) == whole
    assert await names(counter, ANN, 2) == whole


async def test_a_token_belongs_to_its_list_and_its_reader(counter: Counter) -> None:
    """Another filter, another order or another reader does not take it; nor is a made-up one taken."""
    for _ in range(2):
        await counter.filed()
    page = await counter.ask(ANN, "ListTickets", page_size=1)
    for actor, asked in (
        (ANN, {"filter": {"team": "teams/a"}}),
        (ANN, {"order": pb.TICKET_ORDER_RECENTLY_UPDATED}),
        (EVE, {}),
        (ANN, {"page_token": "AAAA"}),
    ):
        refused = await counter.refused(actor, "ListTickets", **{"page_token": page.next_page_token, **asked})
        assert refused.reason == "PAGE_TOKEN_INVALID"


async def test_readers_see_their_units_and_their_own(counter: Counter) -> None:
    """A requester her own, an agent the unit, a lead all below, the unscoped everything; counts say the same."""
    await counter.filed(ANN)
    await counter.filed(EVE)
    await counter.filed(MIA)
    await counter.filed(WEI)
    await counter.ask(BEN, "CreateTicket", type=t.TICKET_TYPE_INCIDENT, title="For Mia", requester=MIA.sub)
    everything = [f"INC-00000{number}" for number in (5, 4, 3, 2, 1)]
    for actor, expected in (
        (ANN, ["INC-000001"]),
        (BEN, ["INC-000005", "INC-000002", "INC-000001"]),
        (MIA, ["INC-000005", "INC-000003"]),
        (WEI, ["INC-000004", "INC-000003"]),
        (LIN, everything),
        (ROOT, everything),
        (person("cfo", "finance", unit=""), []),
    ):
        assert await names(counter, actor) == expected, actor.sub
        assert (await counter.ask(actor, "CountTickets")).count == len(expected)
    assert await names(counter, ANN, filter={"requester": EVE.sub}) == []


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"states": [t.TICKET_STATE_NEW]}, [3, 2]),
        ({"states": [t.TICKET_STATE_IN_PROGRESS, t.TICKET_STATE_NEW]}, [3, 2, 1]),
        ({"types": [t.TICKET_TYPE_REQUEST]}, []),
        ({"priorities": [1]}, [2]),
        ({"team": "teams/a"}, [1]),
        ({"assignee": "people/ben", "team": "teams/a"}, [1]),
        ({"service": "services/mail"}, [3]),
        ({"requester": "people/eve"}, [3]),
        ({"text": "打印"}, [2, 1]),
        ({"text": "打印机 third"}, [2]),
        ({"text": "INC-000003"}, [3]),
        ({"text": "2"}, [2]),
        ({"text": "inc-0000"}, [3, 2, 1]),
        ({"text": ".*"}, []),
        ({"text": "打印", "priorities": [1], "states": [t.TICKET_STATE_NEW]}, [2]),
    ],
)
async def test_filters(counter: Counter, asked: dict[str, Any], expected: list[int]) -> None:
    """All conditions must hold; words are words and never a pattern."""
    first = await counter.filed(title="打印机 on floor two")
    await counter.filed(title="打印机 on the third floor", impact=1, urgency=1)
    await counter.filed(EVE, title="No mail", service="services/mail")
    await counter.ask(BEN, "AssignTicket", name=first.name, team="teams/a", assignee=BEN.sub)
    await counter.ask(BEN, "StartTicket", name=first.name)
    assert await names(counter, BEN, filter=asked) == [f"INC-00000{number}" for number in expected]


async def test_counting_stops_at_its_limit(counter: Counter) -> None:
    """It says that there are more."""
    for _ in range(3):
        await counter.filed()
    limited = await counter.ask(ANN, "CountTickets", limit=2)
    assert (limited.count, limited.limited) == (2, True)
    exact = await counter.ask(ANN, "CountTickets", limit=3)
    assert (exact.count, exact.limited) == (3, False)
