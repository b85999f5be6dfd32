"""People, teams and sessions to protobuf and back."""

from __future__ import annotations

from typing import Any

from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from throughline.portal.v1 import events_pb2, people_pb2, people_service_pb2

from services.portal.rules.person import Person, PersonChanged
from services.portal.rules.session import Session, SignedIn, SignedOut
from services.portal.rules.team import Team, TeamChanged
from services.runtime.records import Record, Stamp


def person_to_proto(name: str, etag: str, person: Person) -> people_pb2.Person:
    """The person as others see it: of the password only whether there is one."""
    message = people_pb2.Person(
        name=name,
        etag=etag,
        display_name=person.display_name,
        email=person.email,
        roles=sorted(person.roles),
        teams=sorted(person.teams),
        unit=person.unit,
        language=person.language,
        time_zone=person.time_zone,
        disabled=person.disabled,
        has_password=bool(person.password_hash),
        title=person.title,
        vip=person.vip,
    )
    if person.updated_at is not None:
        message.update_time.FromDatetime(person.updated_at)
    return message


def person_from_request(request: people_service_pb2.PutPersonRequest) -> Person:
    """What an administrator wants a person to be."""
    return Person(
        display_name=request.display_name.strip(),
        email=request.email.strip().lower(),
        roles=frozenset(request.roles),
        teams=frozenset(request.teams),
        unit=request.unit.strip(),
        language=request.language,
        time_zone=request.time_zone,
        disabled=request.disabled,
        title=request.title.strip(),
        vip=request.vip,
    )


def team_to_proto(name: str, etag: str, team: Team) -> people_pb2.Team:
    """The team."""
    return people_pb2.Team(
        name=name,
        etag=etag,
        display_names=dict(team.display_names),
        lead=team.lead,
        unit=team.unit,
        retired=team.retired,
    )


def session_to_proto(token: str, session: Session, person: Record[Person]) -> people_pb2.Session:
    """The session; token is "" unless it has just begun."""
    expires = Timestamp()
    expires.FromDatetime(session.expires_at)
    return people_pb2.Session(
        token=token, person=person_to_proto(person.name, person.etag, person.state), expire_time=expires
    )


def event_to_proto(event: Any, stamp: Stamp) -> Message:
    """The event message: people and teams travel whole."""
    match event:
        case PersonChanged(changed):
            return events_pb2.PersonChanged(person=person_to_proto(stamp.name, stamp.etag, changed))
        case TeamChanged(team):
            return events_pb2.TeamChanged(team=team_to_proto(stamp.name, stamp.etag, team))
        case SignedIn(person):
            return events_pb2.SignedIn(person=person)
        case SignedOut(person):
            return events_pb2.SignedOut(person=person)
    raise TypeError(f"no event of the portal: {type(event).__name__}")
