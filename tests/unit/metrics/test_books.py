"""The books: who has shared time, what an amendment takes back, and that the set of claims decides what is open."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import timedelta
from itertools import permutations

from services.metrics.rules.books import Books, Reopened, Told
from services.metrics.rules.claims import BusinessService, End, Origin, Standing
from services.metrics.rules.exact import HOUR_MS
from services.metrics.rules.ledger import Unbooked
from tests.unit.metrics import ledger_stories as shop
from tests.unit.metrics.ledger_stories import END, HOUR, NINE, PLACE, SALES, TRANSACTIONS, Shop, outage, pay

SOLD = replace(SALES, margin=1000, levels={1: 1000, 2: 500})
KNOWN = (pay(), shop.model("costModels/pay", SOLD))
GRAVE = replace(END, ticket="tickets/INC-000002", impact=1, place=replace(PLACE, priority=1))


def test_an_outage_has_the_time_that_an_incident_of_its_service_claims() -> None:
    """Counted from nine to ten: the incident from nine to eleven keeps the second hour, and says where the first is."""
    books = shop.told(*KNOWN)
    books.tell(END)
    assert books.open() == {"INC-000001": 600_000}
    back, anew, hit = books.tell(outage())
    assert (back.reverses, back.total, anew.total) == ("ledgerEntries/INC-000001.1", -600_000, 300_000)
    assert [(one.resource, one.ms) for one in anew.left_out] == [("outages/pay-api.1", HOUR_MS)]
    assert hit.total == 4 * 600_000 * 600 // 1000
    assert [one.resource for one in back.evidence][:2] == ["outages/pay-api.1", "tickets/INC-000001"]


def test_the_graver_of_two_incidents_has_the_time_of_both() -> None:
    """P1 in all shops from ten on beside P2 in one from nine: the hour that both claim counts once, as P1."""
    books = shop.told(*KNOWN)
    books.tell(END, replace(GRAVE, opened_at=NINE + HOUR, ended_at=NINE + 3 * HOUR))
    assert books.open() == {"INC-000001": 300_000, "INC-000002": 2 * 4 * 600_000}


def test_incidents_of_people_do_not_compete_and_an_outage_that_names_them_has_their_time() -> None:
    """Of a service that is no business service: each counts its own people, but for the time of its outage."""
    books = shop.told(*KNOWN)
    other = replace(PLACE, service="services/mail")
    books.tell(*(replace(END, ticket=f"tickets/INC-00000{n}", place=other) for n in (1, 2)))
    whole = books.open()["INC-000001"]
    assert books.open()["INC-000002"] == whole
    books.tell(outage(tickets=("tickets/INC-000002",)))
    open_ = books.open()
    # Half of 5,308.35 is 2,654.175, rounded half to even.
    assert (open_["INC-000001"], open_["INC-000002"]) == (whole, 265_418)
    assert books.booking("INC-000002").open is not None
    assert books.booking("INC-000002").open.formula == "people/2"  # type: ignore[union-attr]  # it is open


def test_an_outage_is_provisional_until_it_closes_and_each_amendment_takes_back() -> None:
    """Open, amended with more hours, closed, retracted: reversals and new entries, and nothing in the end."""
    books = shop.told(*KNOWN)
    (first,) = books.tell(outage(standing=Standing.OPEN))
    back, longer = books.tell(outage(2, standing=Standing.OPEN))
    back2, closed = books.tell(outage(2))
    assert (first.provisional, longer.provisional, closed.provisional) == (True, True, False)
    assert (back.reverses, back2.reverses) == (first.name, longer.name)
    assert (first.total, longer.total, closed.total) == (1_440_000, 2_880_000, 2_880_000)
    assert books.tell(outage(2)) == []
    (gone,) = books.tell(outage(2, standing=Standing.RETRACTED))
    assert sum(one.total for one in books.entries) == 0
    assert gone.reverses == closed.name
    assert books.booking("pay-api.1~pay").unbooked is Unbooked.RETRACTED


def test_a_symptomatic_outage_is_listed_with_nothing_and_counts_for_its_root() -> None:
    """The database is to blame and the shop counts what it lost: booked once, under the root, by the shop's count."""
    books = shop.told(pay(), shop.model("costModels/pay", TRANSACTIONS))
    root = outage(name="outages/db.1", service="db", root="db", affected=("pay-api",))
    assert books.tell(root) == []
    assert books.booking("db.1~pay").unbooked is Unbooked.NOT_COUNTED
    (entry,) = books.tell(outage(origin=Origin.SYMPTOMATIC, root="db"))
    assert (entry.cause, entry.total) == ("outages/db.1", 300_000)
    assert ("outages/pay-api.1", "counted at pay-api") in [(one.resource, one.note) for one in entry.evidence]
    assert books.booking("pay-api.1~pay").unbooked is Unbooked.SYMPTOMATIC


def test_what_no_business_service_is_made_of_says_so() -> None:
    """Listed, with the reason; so is one whose business service names no model."""
    books = shop.told()
    books.tell(outage())
    assert books.booking("pay-api.1").unbooked is Unbooked.NO_SERVICE
    books.tell(BusinessService("businessServices/pay", 1, frozenset({"pay-api"})), outage(name="outages/pay-api.2"))
    assert books.booking("pay-api.2~pay").unbooked is Unbooked.NO_COST_MODEL


def test_only_the_set_of_claims_decides_what_is_open() -> None:
    """Incidents, outages, an amendment and a retraction in every order: the same is open, to the minor unit."""
    second = outage(name="outages/pay-api.2", started_at=NINE + HOUR / 2, until=NINE + 2 * HOUR, hours=outage(2).hours)
    claims: tuple[Told, ...] = (
        END,
        GRAVE,
        outage(tickets=("tickets/INC-000001",)),
        second,
        replace(END, ticket="tickets/INC-000003", opened_at=NINE - HOUR, ended_at=NINE + 4 * HOUR),
    )
    found = set()
    for order in permutations(claims):
        books = shop.told(*KNOWN)
        books.tell(*order)
        found.add(tuple(books.open().items()))
    assert len(found) == 1


def test_an_older_word_that_comes_again_late_changes_nothing() -> None:
    """Of an outage the newest word counts, of a business service the newest version, in whichever order they come."""
    books = shop.told(*KNOWN)
    closed, first = outage(2), outage(standing=Standing.OPEN)
    books.tell(closed, turn=2)
    open_ = books.open()
    assert books.tell(first, turn=1) == []
    assert books.open() == open_
    # Taken again after a crash it finds what it found before.
    assert books.tell(closed, turn=2) == []
    later = replace(pay(), cost_model="costModels/other", version=2)
    books.tell(later, replace(pay(), version=1))
    assert books.books.known.services["businessServices/pay"] == later


def test_one_changed_event_changes_only_what_names_it() -> None:
    """Of forty causes one ends later: every entry that differs names that ticket, or shares time with it."""
    rng = random.Random(4)
    claims: list[End] = []
    for number in range(40):
        start = NINE + timedelta(minutes=rng.randrange(6_000))
        place = replace(PLACE, service=rng.choice(["services/pay", "services/mail"]))
        end = start + timedelta(minutes=rng.randrange(1, 300))
        claims.append(replace(END, ticket=f"tickets/INC-{number:06d}", place=place, opened_at=start, ended_at=end))
    changed = 17
    other = replace(claims[changed], ended_at=claims[changed].ended_at + HOUR)
    ledgers = []
    for told in (claims, [*claims[:changed], other, *claims[changed + 1 :]]):
        books = shop.told(*KNOWN)
        books.tell(*told)
        ledgers.append({one.name: one for one in books.entries})
    one, two = ledgers
    differ = {name for name in one.keys() | two.keys() if one.get(name) != two.get(name)}
    ticket = f"tickets/INC-{changed:06d}"
    assert differ
    for name in differ:
        entries = [ledger[name] for ledger in ledgers if name in ledger]
        assert any(
            entry.cause == ticket
            or any(named.resource == ticket for named in entry.left_out)
            or any(named.resource == ticket for named in entry.evidence)
            for entry in entries
        ), name


def test_a_replay_of_the_same_inputs_is_equal_entry_by_entry() -> None:
    """Everything is in the inputs: no clock, no chance, no order of a set."""

    def run() -> Shop:
        books = shop.told(*KNOWN)
        books.tell(END, outage(standing=Standing.OPEN), GRAVE, Reopened(END.ticket, '"9"'), outage(3), END)
        return books

    one, two = run(), run()
    assert one.entries == two.entries
    assert Books(one.books.known, one.books.bookings.values()).bookings == two.books.bookings
