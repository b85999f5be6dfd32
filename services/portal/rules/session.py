"""Sign-in: who gets a session, how many tries there are, and when a session has ended."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from services.portal.rules.person import PORTAL, Person
from services.runtime.actor import Actor
from services.runtime.refusal import Kind, Refusal

LIFETIME = timedelta(hours=12)
TRIES = 10
WINDOW = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Session:
    """person: "people/<id>". epoch: the person's session_epoch when it began. Instants are aware UTC."""

    person: str
    epoch: int
    expires_at: datetime
    ended: bool = False


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A session began; person: "people/<id>"."""

    person: str


@dataclass(frozen=True, slots=True)
class SignedOut:
    """A session was ended by its owner; person: "people/<id>"."""

    person: str


@dataclass(frozen=True, slots=True)
class Tries:
    """Recent failed tries of one account from one address, oldest first."""

    failed_at: tuple[datetime, ...] = ()


def require_portal(by: Actor) -> None:
    """Sessions are the business of the portal's own process, of nobody else.

    Raises:
        Refusal: PORTAL_ONLY.
    """
    if by.sub != PORTAL:
        raise Refusal.forbidden("PORTAL_ONLY", "Sign in at the portal's page or at /api/v1/session.")


def require_tries_left(tries: Tries, now: datetime) -> None:
    """Refuses TOO_MANY_TRIES when the last minute holds ten failed ones; says how long to wait."""
    recent = [at for at in tries.failed_at if now - at < WINDOW]
    if len(recent) >= TRIES:
        wait = recent[-TRIES] + WINDOW - now
        seconds = max(1, int(wait.total_seconds()))
        raise Refusal(
            Kind.EXHAUSTED,
            "TOO_MANY_TRIES",
            f"Too many failed tries; wait {seconds} seconds.",
            "account",
            retry_after=wait,
        )


def count_failure(tries: Tries | None, now: datetime) -> tuple[Tries, tuple[object, ...]]:
    """One more failed try; only the last minute is kept."""
    kept = [at for at in (tries or Tries()).failed_at if now - at < WINDOW][-TRIES:]
    return Tries((*kept, now)), ()


def begin(name: str, person: Person | None, *, proven: bool, now: datetime) -> tuple[Session, tuple[SignedIn, ...]]:
    """A session for somebody whose password was proven; unknown, disabled and wrong are told apart by nobody.

    Raises:
        Refusal: SIGN_IN_FAILED.
    """
    if person is None or person.disabled or not proven:
        raise Refusal(Kind.UNAUTHENTICATED, "SIGN_IN_FAILED", "The account or the password is not right.", "password")
    return Session(name, person.session_epoch, now + LIFETIME), (SignedIn(name),)


def live(session: Session | None, person: Person | None, now: datetime) -> Session:
    """The session, unless it was ended, ran out, or its person was disabled or got another password.

    Raises:
        Refusal: SESSION_ENDED.
    """
    if (
        session is None
        or person is None
        or session.ended
        or now >= session.expires_at
        or person.disabled
        or session.epoch != person.session_epoch
    ):
        raise Refusal(Kind.UNAUTHENTICATED, "SESSION_ENDED", "Your session has ended; sign in again.", "token")
    return session


def end(session: Session) -> tuple[Session, tuple[SignedOut, ...]]:
    """Ends a session; ending it twice changes nothing."""
    if session.ended:
        return session, ()
    return replace(session, ended=True), (SignedOut(session.person),)
