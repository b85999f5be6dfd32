"""A policy from draft to review to publication, with the versions that were published before."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from services.runtime.actor import Actor
from services.runtime.refusal import Refusal
from services.sla.rules import policy as policy_rules
from services.sla.rules.access import may_configure, may_draft
from services.sla.rules.book import Book
from services.sla.rules.calendar import Calendar
from services.sla.rules.policy import Policy, PolicyPublished

VERSIONS_KEPT = 40


@dataclass(frozen=True, slots=True)
class Draft:
    """What somebody wrote, with the version 0. submitted_at: since when it waits for a reviewer, None before."""

    policy: Policy
    submitted_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Publication:
    """A policy with its versions, oldest first; of those that can never hold again the latest are kept."""

    name: str
    versions: tuple[Policy, ...] = ()
    draft: Draft | None = None

    @property
    def latest(self) -> Policy | None:
        """The version published last; None while there is only a draft."""
        return self.versions[-1] if self.versions else None

    @property
    def published(self) -> Policy:
        """The version published last.

        Raises:
            Refusal: NOT_FOUND.
        """
        return self.version(0)

    @property
    def drafted(self) -> Draft:
        """The draft.

        Raises:
            Refusal: NOT_FOUND.
        """
        if self.draft is None:
            raise Refusal.not_found(f"{self.name} as a draft")
        return self.draft

    def version(self, number: int) -> Policy:
        """The version of that number; 0 is the latest.

        Raises:
            Refusal: NOT_FOUND.
        """
        for one in reversed(self.versions):
            if number in (0, one.version):
                return one
        raise Refusal.not_found(f"{self.name} version {number}" if number else self.name)


@dataclass(frozen=True, slots=True)
class PolicyDrafted:
    """Written or written anew."""

    draft: Draft


@dataclass(frozen=True, slots=True)
class PolicySubmitted:
    """It waits for a reviewer."""

    draft: Draft


@dataclass(frozen=True, slots=True)
class PolicyReturned:
    """The reviewer gave it back; the policy's note says why."""

    draft: Draft


PolicyEvent = PolicyDrafted | PolicySubmitted | PolicyReturned | PolicyPublished
Decided = tuple[Publication, tuple[PolicyEvent, ...]]


def bound(files: Collection[Publication], calendars: Iterable[Calendar]) -> Book:
    """All of them as one book."""
    versions = [version for file in files for version in file.versions]
    return Book(
        tuple(sorted(versions, key=lambda one: (one.place, one.version))),
        {calendar.name: calendar for calendar in calendars},
        tuple(file.draft.policy for file in files if file.draft is not None),
    )


def draft(file: Publication | None, policy: Policy, *, calendars: Collection[str], by: Actor) -> Decided:
    """Writes the next version for somebody else to review; what was written before is replaced, and not submitted.

    Raises:
        Refusal: ROLE_REQUIRED, or INVALID with the field of the request that is at fault.
    """
    may_draft(by)
    written = Draft(replace(policy_rules.check(policy, calendars), author=by.sub, reviewer="", published_at=None))
    file = file or Publication(policy.name)
    if file.draft == written:
        return file, ()
    return replace(file, draft=written), (PolicyDrafted(written),)


def submit(file: Publication, *, by: Actor, now: datetime) -> Decided:
    """Asks for the review of what was written.

    Raises:
        Refusal: ROLE_REQUIRED, POLICY_DRAFT_MISSING, DRAFT_SUBMITTED.
    """
    may_draft(by)
    written = _written(file)
    if written.submitted_at is not None:
        raise Refusal.precondition("DRAFT_SUBMITTED", f"The draft of {file.name} waits for its reviewer already.")
    submitted = replace(written, submitted_at=now)
    return replace(file, draft=submitted), (PolicySubmitted(submitted),)


def give_back(file: Publication, *, by: Actor, note: str) -> Decided:
    """Returns a submitted draft to its author, who can change and submit it again.

    Raises:
        Refusal: ROLE_REQUIRED, POLICY_DRAFT_MISSING, DRAFT_NOT_SUBMITTED.
    """
    may_configure(by)
    written = _submitted(file)
    returned = Draft(replace(written.policy, note=note))
    return replace(file, draft=returned), (PolicyReturned(returned),)


def publish_draft(file: Publication, *, calendars: Collection[str], by: Actor, now: datetime) -> Decided:
    """Puts the submitted draft in force as the next version.

    Raises:
        Refusal: ROLE_REQUIRED, POLICY_DRAFT_MISSING, DRAFT_NOT_SUBMITTED, REVIEWER_IS_AUTHOR, or why it is unfit now.
    """
    may_configure(by)
    written = _submitted(file)
    if written.policy.author == by.sub:
        raise Refusal.forbidden(
            "REVIEWER_IS_AUTHOR", "You wrote this version; another administrator reviews and publishes it."
        )
    published, told = policy_rules.publish(
        file.latest, written.policy, calendars=calendars, by=by, now=now, author=written.policy.author
    )
    return replace(_with(file, published), draft=None), told


def publish(
    file: Publication | None, policy: Policy, *, calendars: Collection[str], by: Actor, now: datetime
) -> Decided:
    """Puts a policy in force without a review; a draft stays as it is.

    Raises:
        Refusal: ROLE_REQUIRED, or INVALID with the field of the request that is at fault.
    """
    file = file or Publication(policy.name)
    published, told = policy_rules.publish(file.latest, policy, calendars=calendars, by=by, now=now)
    return (_with(file, published), told) if told else (file, ())


def retire(file: Publication, *, by: Actor, now: datetime) -> Decided:
    """Lets no new clock start from it; those that run keep it.

    Raises:
        Refusal: ROLE_REQUIRED, POLICY_RETIRED, NOT_FOUND.
    """
    retired, told = policy_rules.retire(file.published, by=by, now=now)
    return _with(file, retired), told


def _with(file: Publication, published: Policy) -> Publication:
    """The file with one version more, and without the oldest that never holds again when it has too many."""
    if file.latest == published:
        return file
    versions = (*file.versions, published)
    if len(versions) > VERSIONS_KEPT:
        spare = next((one for one in versions[:-1] if _is_over(one, versions)), None)
        if spare is None:
            raise Refusal.precondition(
                "POLICY_VERSIONS_FULL",
                f"{file.name} has {VERSIONS_KEPT} versions that hold at some time: publish one without a time, or go on"
                " under another name.",
            )
        versions = tuple(one for one in versions if one is not spare)
    return replace(file, versions=versions)


def _is_over(one: Policy, versions: Collection[Policy]) -> bool:
    """Whether a younger version holds whenever this one could."""
    return any(
        later.version > one.version
        and (later.effective_at is None or (one.effective_at is not None and later.effective_at <= one.effective_at))
        for later in versions
    )


def _written(file: Publication) -> Draft:
    if file.draft is None:
        raise Refusal.precondition("POLICY_DRAFT_MISSING", f"Nothing is drafted of {file.name}: draft it first.")
    return file.draft


def _submitted(file: Publication) -> Draft:
    written = _written(file)
    if written.submitted_at is None:
        raise Refusal.precondition("DRAFT_NOT_SUBMITTED", f"The draft of {file.name} is not submitted for review yet.")
    return written
