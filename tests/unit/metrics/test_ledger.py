"""Entries of the ledger: what each end of an incident books, and that each can be recomputed from its inputs alone."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, timedelta
from typing import Any

import bson
import pytest
from bson.codec_options import CodecOptions

from services.metrics.rules.books import Reopened
from services.metrics.rules.claims import End
from services.metrics.rules.cost_model import CostModel
from services.metrics.rules.exact import HOUR_MS
from services.metrics.rules.fact import Exclusion
from services.metrics.rules.ledger import Booking, Entry, EntryRecorded, Unbooked, recompute
from services.metrics.store.bookings import BOOKINGS
from services.metrics.store.ledger import decode_entry, encode_entry
from services.metrics.wire.ledger import entry_message, entry_of, told
from tests.unit.metrics import ledger_stories as shop
from tests.unit.metrics.ledger_stories import END, HOUR, NINE, PEOPLE, PLACE, outage, pay

_AWARE: CodecOptions[Mapping[str, Any]] = CodecOptions(tz_aware=True, tzinfo=UTC)


def _booked(end: End = END) -> Entry:
    (entry,) = shop.told().tell(end)
    return entry


def _kept(booking: Booking) -> Booking:
    return BOOKINGS.decode(bson.decode(bson.encode(BOOKINGS.encode(booking)), _AWARE))


def _random(rng: random.Random) -> Entry:
    start = NINE + timedelta(milliseconds=rng.randrange(10**11))
    end = replace(
        END,
        impact=rng.randint(1, 3),
        place=replace(PLACE, priority=rng.randint(1, 3)),
        opened_at=start,
        ended_at=start + timedelta(milliseconds=rng.randrange(1, rng.choice([9, 99, 999]) * HOUR_MS)),
    )
    people = replace(PEOPLE, hourly_rate=rng.randrange(1, 10**8), users={n: rng.randrange(1, 10**7) for n in (1, 2, 3)})
    books = shop.Shop()
    (entry,) = books.tell(shop.model("costModels/people", people), end)
    if rng.random() < 0.3:
        (entry,) = books.tell(Reopened(end.ticket, '"5"'))
    return entry


def test_500_random_entries_recompute_to_the_minor_unit() -> None:
    """From their inputs alone, after a way through message and document and back, lines and interval included."""
    rng = random.Random(500)
    for _ in range(500):
        entry = _random(rng)
        heard = entry_of(type(told(EntryRecorded(entry))).FromString(told(EntryRecorded(entry)).SerializeToString()))
        kept = decode_entry(bson.decode(bson.encode(encode_entry(heard)), _AWARE))
        assert heard == kept == entry
        assert recompute(kept) == entry.total == entry_message(entry).total.minor_units
        message = entry_message(entry)
        assert sum(line.amount.minor_units for line in message.lines) == entry.total
        assert abs(entry.low) <= abs(entry.total) <= abs(entry.high)


def test_an_entry_is_filed_by_how_long_after_its_first_hour_it_was_recorded() -> None:
    """Within 2, 8, 32 and 128 days, later, and what was recorded before its last hour for itself."""
    entry = _booked()
    first = entry.amounts.first_hour
    assert len(entry.amounts.amounts) > 1
    found = [
        encode_entry(replace(entry, recorded_at=first + after))["lag"]
        for days in (2, 8, 32, 128)
        for after in (timedelta(days=days, milliseconds=-1), timedelta(days=days))
    ]
    assert found == [0, 1, 1, 2, 2, 3, 3, 4]
    assert encode_entry(replace(entry, recorded_at=first))["lag"] == -1


def test_an_entry_whose_inputs_do_not_give_its_total_is_not_filed() -> None:
    """A changed input or a changed total is found before anything is kept."""
    for change in ("inputs", "total"):
        message = told(EntryRecorded(_booked()))
        if change == "inputs":
            next(one for one in message.entry.inputs if one.name == "users").value += 1
        else:
            message.entry.total.minor_units += 1
        with pytest.raises(ValueError, match=r"ledgerEntries/INC-000001\.1 says"):
            entry_of(message)


def test_a_reversal_cancels_every_line_and_both_ends_of_the_interval() -> None:
    """The sums of an entry and what takes it back are nothing, hour by hour; a second reopening takes back nothing."""
    books = shop.told()
    (booked,) = books.tell(END)
    (back,) = books.tell(Reopened(END.ticket, '"5"'), at=END.ended_at + HOUR)
    assert (books.booking("INC-000001").open, back.reverses, back.name) == (
        None,
        booked.name,
        "ledgerEntries/INC-000001.2",
    )
    for row in ("amounts", "lows", "highs"):
        pairs = zip(getattr(booked.amounts, row), getattr(back.amounts, row), strict=True)
        assert all(one + other == 0 for one, other in pairs)
    assert (back.occurred_at, back.recorded_at) == (NINE, END.ended_at + HOUR)
    assert [one.version for one in back.evidence] == ['"5"', "1"]
    assert books.tell(Reopened(END.ticket, '"6"')) == []


@pytest.mark.parametrize(
    ("end", "reason"),
    [
        (replace(END, opened_at=NINE - timedelta(days=61)), Unbooked.NO_MODEL),
        (replace(END, impact=0), Unbooked.IMPACT_UNKNOWN),
        (replace(END, place=replace(PLACE, priority=0)), Unbooked.PRIORITY_UNKNOWN),
        (replace(END, ended_at=NINE), Unbooked.NO_TIME),
        (replace(END, exclusion=Exclusion.CANCELLED), Unbooked.CANCELLED),
        (replace(END, exclusion=Exclusion.TEST), Unbooked.TEST),
        (replace(END, exclusion=Exclusion.NO_FAULT), Unbooked.NO_FAULT),
        (replace(END, exclusion=Exclusion.DUPLICATE), Unbooked.DUPLICATE),
    ],
)
def test_what_is_not_booked_says_why(end: End, reason: Unbooked) -> None:
    """No entry, and the reason is kept, through the document too."""
    books = shop.told()
    assert books.tell(end) == []
    booking = books.booking("INC-000001")
    assert (booking.unbooked, booking.open) == (reason, None)
    assert _kept(booking) == booking


def test_a_booking_survives_its_document() -> None:
    """With the open entry in it; also that of an outage, with its hours and what it was judged by."""
    books = shop.told(pay(), shop.model("costModels/pay", shop.SALES))
    books.tell(
        replace(END, place=replace(PLACE, service="services/hr")),
        outage(30, tickets=("tickets/INC-000009",), sites=("sites/one",), traces=("ab" * 16,)),
    )
    for name in ("INC-000001", "pay-api.1~pay"):
        booking = books.booking(name)
        assert booking.open is not None
        assert _kept(booking) == booking


def test_a_longest_entry_fits_a_document_and_an_event() -> None:
    """Sixty days at the highest rate stay far below 128 KB and 256 KB, and below what 64 bits hold."""
    people = replace(PEOPLE, hourly_rate=10**8, users={2: 10**7}, per_mille={2: 1000}, longest=timedelta(days=60))
    books = shop.Shop()
    (entry,) = books.tell(shop.model("costModels/people", people), replace(END, ended_at=NINE + timedelta(days=99)))
    business = replace(shop.SALES, longest=timedelta(days=60), high=1300)
    books.tell(pay(), shop.model("costModels/pay", business))
    (hit,) = books.tell(outage(24 * 60, valid=123_457, bad=77_777, expected=123_999))
    for one in books.books.bookings.values():
        assert len(bson.encode(BOOKINGS.encode(one))) < 120_000
    assert all(told(EntryRecorded(one)).ByteSize() < 240_000 for one in (entry, hit))
    assert entry.high < 2**63


def test_live_work_is_judged_by_what_was_approved_by_then() -> None:
    """Approved an hour after the end: nothing for live work, an entry for a history that is imported."""
    held = shop.model("costModels/people", PEOPLE)
    late = CostModel(held.name, (replace(held.versions[0], approved_at=END.ended_at + HOUR),))
    for importing, count in ((False, 0), (True, 1)):
        books = shop.Shop()
        books.tell(late)
        assert len(books.tell(replace(END, importing=importing))) == count
