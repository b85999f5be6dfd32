"""Entries of the ledger: what each end of an incident books, and that each can be recomputed from its inputs alone."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import bson
import pytest
from bson.codec_options import CodecOptions

from services.metrics.rules.cost_model import CostModel, Version
from services.metrics.rules.fact import Channel, Exclusion, State
from services.metrics.rules.ledger import (
    Booking,
    End,
    Entry,
    EntryRecorded,
    Place,
    Unbooked,
    book,
    recompute,
    take_back,
)
from services.metrics.rules.money import Category
from services.metrics.rules.people_model import HOUR_MS, PeopleModel
from services.metrics.store.ledger import BOOKINGS, decode_entry, encode_entry
from services.metrics.wire.ledger import entry_message, entry_of, told

NINE = datetime(2026, 3, 2, 9, tzinfo=UTC)
PEOPLE = PeopleModel("CNY", 12_345, {1: 251, 2: 43, 3: 1}, {1: 1000, 2: 500, 3: 123}, timedelta(days=30))
VERSION = Version(1, Category.INCURRED_LOSS, NINE, PEOPLE, "people/fan", "", "people/qiu", NINE)
MODEL = CostModel("costModels/people", (VERSION,))
PLACE = Place("services/pay", "teams/pay", "sites/shanghai", "cn/east", Channel.CHAT, priority=2, source="log")
END = End("tickets/INC-000001", '"4"', State.RESOLVED, 2, PLACE, Exclusion.NONE, NINE, NINE + timedelta(hours=2))


def _booked(end: End = END, number: int = 1) -> Entry:
    _, (recorded,) = book(None, end, number, end.ended_at, MODEL)
    return recorded.entry


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
    model = CostModel(MODEL.name, (replace(VERSION, people=people),))
    booking, (recorded,) = book(None, end, 1, end.ended_at, model)
    if rng.random() < 0.3:
        _, (recorded,) = take_back(booking, end.ticket, '"5"', 2, end.ended_at)
    return recorded.entry


def test_500_random_entries_recompute_to_the_minor_unit() -> None:
    """From their inputs alone, after a way through message and document and back, lines and interval included."""
    rng = random.Random(500)
    for _ in range(500):
        entry = _random(rng)
        heard = entry_of(type(told(EntryRecorded(entry))).FromString(told(EntryRecorded(entry)).SerializeToString()))
        aware: CodecOptions[Mapping[str, Any]] = CodecOptions(tz_aware=True, tzinfo=UTC)
        kept = decode_entry(bson.decode(bson.encode(encode_entry(heard)), aware))
        assert heard == kept == entry
        assert recompute(kept) == entry.total == entry_message(entry).total.minor_units
        message = entry_message(entry)
        assert sum(line.amount.minor_units for line in message.lines) == entry.total
        assert abs(entry.low) <= abs(entry.total) <= abs(entry.high)


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
    """The sums of an entry and what takes it back are nothing, hour by hour."""
    booking, (booked,) = book(None, END, 1, END.ended_at, MODEL)
    after, (back,) = take_back(booking, END.ticket, '"5"', 2, END.ended_at + timedelta(hours=1))
    assert (after.open, back.entry.reverses, back.entry.name) == (None, booked.entry.name, "ledgerEntries/INC-000001.2")
    for row in ("amounts", "lows", "highs"):
        pairs = zip(getattr(booked.entry.amounts, row), getattr(back.entry.amounts, row), strict=True)
        assert all(one + other == 0 for one, other in pairs)
    assert (back.entry.occurred_at, back.entry.recorded_at) == (NINE, END.ended_at + timedelta(hours=1))
    assert take_back(after, END.ticket, '"6"', 4, END.ended_at)[1] == ()


@pytest.mark.parametrize(
    ("end", "reason"),
    [
        (replace(END, opened_at=NINE - timedelta(seconds=1)), Unbooked.NO_MODEL),
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
    booking, events = book(None, end, 1, END.ended_at, MODEL)
    assert (booking.unbooked, booking.open, events) == (reason, None, ())
    assert BOOKINGS.decode(BOOKINGS.encode(booking)) == booking


def test_a_booking_survives_its_document() -> None:
    """With the open entry in it."""
    booking, _ = book(Booking(END.ticket), END, 3, END.ended_at, MODEL)
    assert booking.open is not None
    assert BOOKINGS.decode(BOOKINGS.encode(booking)) == booking


def test_a_longest_entry_fits_a_document_and_an_event() -> None:
    """Sixty days at the highest rate stay far below 128 KB and 256 KB, and below what 64 bits hold."""
    people = replace(PEOPLE, hourly_rate=10**8, users={2: 10**7}, per_mille={2: 1000}, longest=timedelta(days=60))
    model = CostModel(MODEL.name, (replace(VERSION, people=people),))
    booking, (recorded,) = book(None, replace(END, ended_at=NINE + timedelta(days=99)), 1, NINE, model)
    assert len(bson.encode(BOOKINGS.encode(booking))) < 100_000
    assert told(recorded).ByteSize() < 200_000
    assert recorded.entry.high < 2**63


def test_live_work_is_judged_by_what_was_approved_by_then() -> None:
    """Approved an hour after the end: nothing for live work, an entry for a history that is imported."""
    late = CostModel(MODEL.name, (replace(VERSION, approved_at=END.ended_at + timedelta(hours=1)),))
    assert book(None, END, 1, END.ended_at, late)[0].unbooked is Unbooked.NO_MODEL
    assert book(None, replace(END, importing=True), 1, END.ended_at, late)[1]
