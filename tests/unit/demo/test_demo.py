"""The invented retailer is the same every time, and hangs together."""

from __future__ import annotations

from collections import Counter
from datetime import date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from throughline.tickets.v1 import ticket_pb2

from deploy.local.demo import ACCOUNTS, articles, changes, company, promises, stories
from deploy.local.demo.histories import DAYS, TICKETS, histories
from deploy.local.twin import rows
from services.tickets.rules.triage import DEFAULT

ANCHOR = datetime(2026, 11, 23, tzinfo=ZoneInfo(company.TIME_ZONE))
ROLES = (
    *("requester", "agent", "lead", "problem_manager", "change_manager", "approver", "knowledge_author", "finance"),
    *("executive", "operator", "administrator"),
)


def test_the_same_day_gives_the_same_three_months() -> None:
    """Byte for byte; another day gives as many tickets, of the same kinds and in the same states."""
    first, again = (histories(ANCHOR) for _ in range(2))
    other = histories(ANCHOR + timedelta(days=140))

    assert [one.SerializeToString() for one in first] == [one.SerializeToString() for one in again]
    assert len(first) == len(other) == TICKETS
    assert Counter(one.type for one in first) == pytest.approx(Counter(one.type for one in other), rel=0.05)


def test_nothing_is_told_of_the_day_itself_or_before_the_three_months() -> None:
    """Every step lies within them and in its order, so that no import refuses it, whatever the hour of the load."""
    for one in histories(ANCHOR):
        told = [one.open_time.ToDatetime(), *(step.time.ToDatetime() for step in one.steps)]

        assert told == sorted(told)
        assert ANCHOR - timedelta(days=DAYS) <= one.open_time.ToDatetime(tzinfo=ANCHOR.tzinfo)
        assert one.steps[-1].time.ToDatetime(tzinfo=ANCHOR.tzinfo) < ANCHOR


def test_some_tickets_are_left_open_and_all_states_occur() -> None:
    """Some dozens are open at the end, among them work that waits."""
    ends = Counter(one.steps[-1].state for one in histories(ANCHOR))
    states = {step.state for one in histories(ANCHOR) for step in one.steps}

    assert 25 <= ends[ticket_pb2.TICKET_STATE_NEW] + ends[ticket_pb2.TICKET_STATE_IN_PROGRESS] <= 80
    assert states == set(range(1, 8))


def test_there_is_one_account_for_each_role_and_it_has_that_role() -> None:
    """What `make run` prints is true."""
    assert [role for role, _, _ in ACCOUNTS] == list(ROLES)
    for role, login, password in ACCOUNTS:
        assert role in company.person(login).actor.roles
        assert len(password) >= 10


def test_whoever_acts_in_a_story_is_there() -> None:
    """People, teams, articles and tickets that stories name exist, once each."""
    keys = [one.key for one in company.PEOPLE]
    teams = {one.name for one in company.TEAMS}
    told = [one.key for one in stories.STORIES]
    written = {one.key for one in articles.TEXTS}

    assert len(keys) == len(set(keys)) >= 30
    assert len(told) == len(set(told)) >= 15
    assert {one.lead.partition("/")[2] for one in company.TEAMS} <= set(keys)
    assert {f"teams/{team}" for one in company.PEOPLE for team in one.teams.split()} == teams
    assert {act.who for one in stories.STORIES for act in one.acts} | {one.requester for one in stories.STORIES} <= set(
        keys
    )
    assert {key for one in stories.STORIES for act in one.acts for key in act.articles} <= written
    assert {one.ticket for one in changes.STORIES} - {""} <= set(told)
    assert {who for one in articles.TEXTS for who in (one.author, one.reviewer)} <= set(keys)
    assert not [one.key for one in articles.TEXTS if one.author == one.reviewer]


def test_there_is_a_promise_for_every_ticket_and_its_matrix_is_that_of_a_new_system() -> None:
    """Both types, every priority; impact and urgency give what the tickets service gives."""
    types = (ticket_pb2.TICKET_TYPE_INCIDENT, ticket_pb2.TICKET_TYPE_REQUEST)

    assert dict(promises.PRIORITIES) == dict(DEFAULT.cells)
    for type in types:
        for priority in range(5):
            assert promises.promise_of(type, priority, "services/pos").response


def test_the_office_is_closed_on_public_holidays_and_open_on_the_days_that_make_up_for_them() -> None:
    """National Day of 2026 and its make-up Sunday, by the hours that the calendar holds."""
    office = promises.calendars()[promises.OFFICE]

    assert office.hours_on(date(2026, 10, 1)) == ()
    assert office.hours_on(date(2026, 9, 20)) == office.hours_on(date(2026, 9, 21)) != ()
    assert office.hours_on(date(2026, 9, 19)) == ()


def test_the_twin_of_a_log_has_its_oddities() -> None:
    """Groups that are unknown, first rows that are not New, equal counts, a state that is none, times that go back."""
    found = list(rows())
    by_number: dict[str, list[dict[str, str]]] = {}
    for row in found:
        by_number.setdefault(row["number"], []).append(row)
    tickets = list(by_number.values())

    def minutes(row: dict[str, str]) -> datetime:
        return datetime.strptime(row["sys_updated_at"], "%d/%m/%Y %H:%M")  # noqa: DTZ007 - the log names no zone

    assert (len(tickets), len(found[0])) == (400, 36)
    assert 2100 <= len(found) <= 2500
    assert any(row["assignment_group"] == "?" for row in found)
    assert {one[0]["incident_state"] for one in tickets} >= {"New", "Active", "Resolved", "Awaiting User Info"}
    assert any(len({row["sys_mod_count"] for row in one}) < len(one) for one in tickets)
    assert any(row["incident_state"] == "-100" for row in found)
    assert any(minutes(later) < minutes(row) for one in tickets for row, later in pairwise(one))
    states = [[row["incident_state"] for row in one] for one in tickets]
    assert any("Resolved" not in one and one[-1] == "Closed" for one in states)
    for ended in ("Resolved", "Closed"):
        assert any(pair == (ended, "Active") for one in states for pair in pairwise(one))
