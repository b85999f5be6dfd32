"""A policy from draft to review to publication, and which of its versions holds when."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from functools import partial

import pytest

from services.runtime.actor import Actor
from services.runtime.refusal import Refusal
from services.sla.rules import publication
from services.sla.rules.book import Book
from services.sla.rules.policy import Match, Policy, PolicyPublished
from services.sla.rules.publication import VERSIONS_KEPT, Draft, PolicyDrafted, PolicySubmitted, Publication
from services.sla.rules.target import ClockKind
from services.sla.rules.ticket import Facts, TicketType
from tests.unit.sla.history import ADMIN, OFFICE, at, target

LEAD = Actor("people/lin-tao", roles=frozenset({"lead"}))
OTHER = Actor("people/other", roles=frozenset({"administrator"}))
AGENT = Actor("people/agent", roles=frozenset({"agent"}))
POLICY = Policy("policies/x", 10, Match(), (target(ClockKind.RESOLUTION, 60),), OFFICE.name)
CALENDARS = (OFFICE.name,)
FACTS = Facts(3, TicketType.INCIDENT, "", "")


def _drafted(by: Actor = LEAD, **fields: object) -> Publication:
    return publication.draft(None, replace(POLICY, **fields), calendars=CALENDARS, by=by)[0]  # type: ignore[arg-type]  # by name


def _submitted(by: Actor = LEAD, **fields: object) -> Publication:
    return publication.submit(_drafted(by, **fields), by=by, now=at(5))[0]


def _published(*effective: datetime | None) -> Publication:
    file: Publication | None = None
    for number, since in enumerate(effective):
        policy = replace(POLICY, order=number, effective_at=since)
        file, _ = publication.publish(file, policy, calendars=CALENDARS, by=ADMIN, now=at(0))
    assert file is not None
    return file


def test_what_one_wrote_another_publishes() -> None:
    """The version names both; the draft is gone, and nothing held before the publication."""
    written, told = publication.draft(None, POLICY, calendars=CALENDARS, by=LEAD)
    submitted, asked = publication.submit(written, by=LEAD, now=at(5))
    published, done = publication.publish_draft(submitted, calendars=CALENDARS, by=OTHER, now=at(9))

    assert [type(one) for one in (*told, *asked, *done)] == [PolicyDrafted, PolicySubmitted, PolicyPublished]
    assert (written.latest, submitted.latest) == (None, None)
    version = published.version(1)
    assert (version.author, version.reviewer, version.published_at) == (LEAD.sub, OTHER.sub, at(9))
    assert published.draft is None


@pytest.mark.parametrize(
    ("act", "reason"),
    [
        (lambda: publication.draft(None, POLICY, calendars=CALENDARS, by=AGENT), "ROLE_REQUIRED"),
        (lambda: publication.submit(_published(None), by=LEAD, now=at(0)), "POLICY_DRAFT_MISSING"),
        (lambda: publication.submit(_submitted(), by=LEAD, now=at(9)), "DRAFT_SUBMITTED"),
        (partial(publication.publish_draft, _submitted(), calendars=CALENDARS, by=LEAD, now=at(9)), "ROLE_REQUIRED"),
        (
            partial(publication.publish_draft, _drafted(), calendars=CALENDARS, by=OTHER, now=at(9)),
            "DRAFT_NOT_SUBMITTED",
        ),
        (
            partial(publication.publish_draft, _submitted(ADMIN), calendars=CALENDARS, by=ADMIN, now=at(9)),
            "REVIEWER_IS_AUTHOR",
        ),
        (partial(publication.publish_draft, _submitted(), calendars=(), by=OTHER, now=at(9)), "CALENDAR_UNKNOWN"),
        (partial(publication.give_back, _drafted(), by=OTHER, note="no"), "DRAFT_NOT_SUBMITTED"),
        (partial(publication.retire, _drafted(), by=OTHER, now=at(9)), "NOT_FOUND"),
    ],
)
def test_nobody_skips_a_step(act: Callable[[], object], reason: str) -> None:
    """Roles, order of the steps, four eyes, and what was withdrawn meanwhile."""
    with pytest.raises(Refusal) as caught:
        act()

    assert caught.value.reason == reason


def test_a_draft_given_back_is_written_and_submitted_again() -> None:
    """The note says why; writing it anew takes back a submission too."""
    returned, _ = publication.give_back(_submitted(), by=OTHER, note="Too short for the night shift.")
    assert returned.draft is not None
    assert (returned.draft.policy.note, returned.draft.submitted_at) == ("Too short for the night shift.", None)

    again, _ = publication.draft(_submitted(), replace(POLICY, order=3), calendars=CALENDARS, by=LEAD)
    assert again.draft == Draft(replace(POLICY, order=3, author=LEAD.sub))
    assert publication.draft(again, replace(POLICY, order=3), calendars=CALENDARS, by=LEAD) == (again, ())


def test_the_youngest_version_whose_time_has_come_holds() -> None:
    """One that comes later waits for its time; one without a time replaces all; retiring is such a version."""
    file = _published(None, at(100), at(50))
    held = [Book(file.versions).tried(at(minute))[0].version for minute in (0, 49, 50, 100, 200)]
    retired, _ = publication.retire(file, by=ADMIN, now=at(10))

    assert held == [1, 1, 3, 3, 3]
    assert Book(_published(at(100)).versions).choose(FACTS, at(99)) is None
    assert Book(retired.versions).choose(FACTS, at(200)) is None
    assert Book(retired.versions).tried(at(0))[0].version == 4


def test_versions_that_never_hold_again_make_room() -> None:
    """The oldest of them goes when there are too many; when all may still hold, the next one is refused."""
    many = _published(*[None] * (VERSIONS_KEPT + 3))
    assert [many.versions[0].version, len(many.versions)] == [4, VERSIONS_KEPT]

    with pytest.raises(Refusal) as caught:
        _published(*(at(minute) for minute in range(VERSIONS_KEPT + 1)))
    assert caught.value.reason == "POLICY_VERSIONS_FULL"


def test_the_same_again_is_no_version() -> None:
    """Whoever sends it; a draft that says what holds already ends without one."""
    file = _published(None)
    assert publication.publish(file, replace(POLICY, order=0), calendars=CALENDARS, by=OTHER, now=at(9)) == (file, ())

    drafted, _ = publication.draft(file, replace(POLICY, order=0), calendars=CALENDARS, by=LEAD)
    submitted, _ = publication.submit(drafted, by=LEAD, now=at(9))
    assert publication.publish_draft(submitted, calendars=CALENDARS, by=OTHER, now=at(9)) == (file, ())


def test_drafts_can_be_tried_before_they_hold() -> None:
    """In the book as drafted a draft stands for its policy, also for one that was never published."""
    held = replace(POLICY, version=1)
    draft, new = replace(POLICY, order=1), replace(POLICY, name="policies/new", order=2)
    tried = Book((held,), {}, (draft, new)).as_drafted().tried(at(0))

    assert [(one.name, one.version) for one in tried] == [("policies/x", 0), ("policies/new", 0)]
