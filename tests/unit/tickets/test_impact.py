"""When the impact began: who may say so, within which bounds, and what is told of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from services.runtime.actor import Actor
from services.runtime.refusal import Refusal
from services.tickets.rules import impact, work
from services.tickets.rules.impact import EARLIEST
from services.tickets.rules.ticket import Type
from services.tickets.rules.triage import DEFAULT
from services.tickets.rules.work import Filing
from tests.unit.tickets.cases import ANN, BEN, FRESH, NOW, OPENED

HOUR = timedelta(hours=1)
METRICS = Actor("system/metrics", frozenset({"system"}))


def test_a_start_is_said_corrected_and_taken_back() -> None:
    """Each is told once with what was said before; saying the same again tells nothing."""
    dated, (first,) = impact.set_start(FRESH, BEN, NOW, started_at=OPENED - HOUR)
    same = impact.set_start(dated, BEN, NOW + HOUR, started_at=OPENED - HOUR)
    moved, (second,) = impact.set_start(dated, BEN, NOW, started_at=OPENED)
    back, (third,) = impact.set_start(moved, BEN, NOW, started_at=None)

    assert (dated.impact_started_at, dated.updated_at, same) == (OPENED - HOUR, NOW, (dated, ()))
    assert (back.impact_started_at, back.opened_at) == (None, OPENED)
    told = [getattr(one, "previous_at", "") for one in (first, second, third)]
    assert told == [None, OPENED - HOUR, OPENED]


@pytest.mark.parametrize("late", [timedelta(milliseconds=1), NOW - OPENED, 100 * EARLIEST, -EARLIEST - HOUR])
def test_a_start_after_the_opening_or_long_before_it_is_refused(late: timedelta) -> None:
    """Between opening and now, in the future, and a typo in the year; to the millisecond at the opening."""
    with pytest.raises(Refusal, match="IMPACT_START_INVALID") as caught:
        impact.set_start(FRESH, BEN, NOW, started_at=OPENED + late)

    assert (caught.value.field, "2026-03-02 09:00:00 UTC" in caught.value.message) == ("impact_start_time", True)
    for allowed in (OPENED, OPENED - EARLIEST):
        assert impact.set_start(FRESH, BEN, NOW, started_at=allowed)[0].impact_started_at == allowed


def test_a_request_has_no_impact() -> None:
    """Neither when it is filed nor later."""
    with pytest.raises(Refusal, match="INCIDENT_REQUIRED"):
        impact.set_start(replace(FRESH, type=Type.REQUEST), BEN, NOW, started_at=OPENED)
    with pytest.raises(Refusal, match="INCIDENT_REQUIRED"):
        work.file(Filing(Type.REQUEST, "A notebook", impact_started_at=NOW), BEN, DEFAULT, NOW)


def test_it_may_be_said_on_filing_by_who_may_know() -> None:
    """An agent, and a service that measured it; not the requester, and not of the future. The item comes along."""
    filing = Filing(Type.INCIDENT, "Tills are down", requester=ANN.sub, item="items/till", impact_started_at=NOW - HOUR)
    ticket, _ = work.file(filing, BEN, DEFAULT, NOW)
    measured, _ = work.file(filing, METRICS, DEFAULT, NOW)

    assert (ticket.impact_started_at, ticket.item, ticket.opened_at) == (NOW - HOUR, "items/till", NOW)
    assert measured.impact_started_at == NOW - HOUR
    with pytest.raises(Refusal, match="ROLE_REQUIRED"):
        work.file(replace(filing, requester=""), ANN, DEFAULT, NOW)
    with pytest.raises(Refusal, match="IMPACT_START_INVALID"):
        work.file(replace(filing, impact_started_at=NOW + HOUR), BEN, DEFAULT, NOW)


def test_the_service_that_filed_it_may_correct_it() -> None:
    """An outage is found to have begun earlier; another service may not say so."""
    filed = replace(FRESH, opener=METRICS.sub)

    assert impact.set_start(filed, METRICS, NOW, started_at=OPENED - HOUR)[0].impact_started_at == OPENED - HOUR
    with pytest.raises(Refusal, match="ROLE_REQUIRED"):
        impact.set_start(FRESH, METRICS, NOW, started_at=OPENED - HOUR)
