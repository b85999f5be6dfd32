"""PeopleService: people, teams, passwords and sessions. One decision a call; hashing happens beside the event loop."""

from __future__ import annotations

import asyncio
import secrets
from functools import partial
from typing import Any

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from throughline.portal.v1 import people_pb2, people_service_pb2, people_service_pb2_grpc

from services.portal import store, wire
from services.portal.rules import person as people_rules
from services.portal.rules import session as session_rules
from services.portal.rules import team as team_rules
from services.portal.rules.person import Person
from services.portal.rules.session import Session, Tries
from services.portal.rules.team import Team
from services.runtime.door import caller
from services.runtime.paging import PageRequest
from services.runtime.records import Cause, Record, Records

# The floor that OWASP names for argon2id: about 30 ms on one core, where the default of the library takes 0.9 s.
HASHER = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
# Verified when there is no such account, so that its answer takes as long as a wrong password's.
_NOBODY = HASHER.hash(secrets.token_urlsafe(16))


def _proves(encoded: str, password: str) -> bool:
    try:
        HASHER.verify(encoded or _NOBODY, password)
    except (VerificationError, InvalidHashError):
        return False
    return bool(encoded)


class PeopleRpc(people_service_pb2_grpc.PeopleServiceServicer):
    """people, teams, sessions, tries: the portal's records."""

    def __init__(
        self, people: Records[Person], teams: Records[Team], sessions: Records[Session], tries: Records[Tries]
    ) -> None:
        self.people = people
        self.teams = teams
        self.sessions = sessions
        self.tries = tries

    async def PutPerson(self, request: people_service_pb2.PutPersonRequest, _context: Any) -> people_pb2.Person:
        call = caller()
        wanted = wire.person_from_request(request)
        people_rules.require_not_self(request.name, wanted, by=call.actor)
        put = partial(people_rules.put, wanted=wanted, by=call.actor, now=call.now)
        cause = call.cause(request)
        if request.etag:
            return _person(await self.people.change(request.name, cause, put, etag=request.etag))
        return _person(await self.people.upsert(request.name, cause, put))

    async def GetPerson(self, request: people_service_pb2.GetPersonRequest, _context: Any) -> people_pb2.Person:
        return _person(await self.people.get(request.name))

    async def BatchGetPeople(
        self, request: people_service_pb2.BatchGetPeopleRequest, _context: Any
    ) -> people_service_pb2.BatchGetPeopleResponse:
        found = await self.people.find(request.names)
        known = [found[name] for name in dict.fromkeys(request.names) if name in found]
        return people_service_pb2.BatchGetPeopleResponse(people=[_person(record) for record in known])

    async def ListPeople(
        self, request: people_service_pb2.ListPeopleRequest, _context: Any
    ) -> people_service_pb2.ListPeopleResponse:
        bind = f"people/{request.team}/{request.prefix}"
        page = await store.page_of_people(
            self.people,
            PageRequest(request.page_size, request.page_token, bind),
            team=request.team,
            prefix=request.prefix,
        )
        return people_service_pb2.ListPeopleResponse(
            people=[_person(record) for record in page.items], next_page_token=page.next_token
        )

    async def SetPassword(self, request: people_service_pb2.SetPasswordRequest, _context: Any) -> people_pb2.Person:
        call = caller()
        kept = await self.people.get(request.name)
        proven = await asyncio.to_thread(_proves, kept.state.password_hash, request.old_password)
        encoded = await asyncio.to_thread(HASHER.hash, request.new_password)
        record = await self.people.change(
            request.name,
            call.cause(request),
            partial(
                people_rules.set_password,
                name=request.name,
                new_hash=encoded,
                proven=proven,
                by=call.actor,
                now=call.now,
            ),
        )
        return _person(record)

    async def PutTeam(self, request: people_service_pb2.PutTeamRequest, _context: Any) -> people_pb2.Team:
        call = caller()
        put = partial(
            team_rules.put,
            names=request.display_names,
            lead=request.lead,
            unit=request.unit,
            retired=request.retired,
            by=call.actor,
        )
        cause = call.cause(request)
        if request.etag:
            return _team(await self.teams.change(request.name, cause, put, etag=request.etag))
        return _team(await self.teams.upsert(request.name, cause, put))

    async def ListTeams(
        self, request: people_service_pb2.ListTeamsRequest, _context: Any
    ) -> people_service_pb2.ListTeamsResponse:
        page = await self.teams.page({}, [("_id", 1)], PageRequest(request.page_size, request.page_token, "teams"))
        return people_service_pb2.ListTeamsResponse(
            teams=[_team(record) for record in page.items], next_page_token=page.next_token
        )

    async def SignIn(self, request: people_service_pb2.SignInRequest, _context: Any) -> people_pb2.Session:
        call = caller()
        session_rules.require_portal(call.actor)
        tried = f"tries/{store.digest(f'{request.account.strip().lower()} {request.client_address}')}"
        before = (await self.tries.find([tried])).get(tried)
        session_rules.require_tries_left(before.state if before else Tries(), call.now)
        person = await store.person_of_account(self.people, request.account)
        encoded = person.state.password_hash if person else ""
        proven = await asyncio.to_thread(_proves, encoded, request.password)
        if person is None or not proven:
            await self.tries.upsert(tried, call.cause(request), partial(session_rules.count_failure, now=call.now))
        token = secrets.token_urlsafe(32)
        named = f"sessions/{store.digest(token)}"
        # The token is told once, so a repeated call gets a session of its own: the token's digest is the cause.
        cause = Cause(f"{call.actor.sub}/{named}", call.actor, call.now)
        session = await self.sessions.create(
            named,
            cause,
            lambda: session_rules.begin(
                person.name if person else "", person.state if person else None, proven=proven, now=call.now
            ),
        )
        return wire.session_to_proto(token, session.state, await self.people.get(session.state.person))

    async def GetSession(self, request: people_service_pb2.GetSessionRequest, _context: Any) -> people_pb2.Session:
        call = caller()
        session_rules.require_portal(call.actor)
        named = f"sessions/{store.digest(request.token)}"
        found = (await self.sessions.find([named])).get(named)
        owner = found.state.person if found else ""
        person = (await self.people.find([owner])).get(owner)
        session = session_rules.live(found.state if found else None, person.state if person else None, call.now)
        return wire.session_to_proto("", session, await self.people.get(session.person))

    async def SignOut(
        self, request: people_service_pb2.SignOutRequest, _context: Any
    ) -> people_service_pb2.SignOutResponse:
        call = caller()
        session_rules.require_portal(call.actor)
        named = f"sessions/{store.digest(request.token)}"
        await self.sessions.change(named, call.cause(request), session_rules.end)
        return people_service_pb2.SignOutResponse()


def _person(record: Record[Person]) -> people_pb2.Person:
    return wire.person_to_proto(record.name, record.etag, record.state)


def _team(record: Record[Team]) -> people_pb2.Team:
    return wire.team_to_proto(record.name, record.etag, record.state)
