"""Policies from draft to publication, and what they would promise to whom."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

from throughline.sla.v1 import sla_pb2, sla_service_pb2

from services.runtime.door import caller
from services.runtime.paging import PageRequest
from services.runtime.records import Record, Records
from services.sla.rules import access, promise, publication
from services.sla.rules.publication import Publication
from services.sla.store import POLICY_ORDER, Roster, Shelf, page_of_versions
from services.sla.wire import policy as policy_wire
from services.sla.wire import promise as promise_wire

_DRAFTED = {"state.draft": {"$ne": None}}
# Documents of the release before say nothing of it, and are all published.
_PUBLISHED = {"state.published": {"$ne": False}}


class Policies:
    """Everything that SlaService does with policies and with promises not yet given."""

    policies: Records[Publication]
    shelf: Shelf
    roster: Roster

    async def DraftPolicy(self, request: sla_service_pb2.DraftPolicyRequest, context: Any) -> sla_pb2.Policy:
        decide = partial(
            publication.draft,
            policy=policy_wire.draft(request.policy),
            calendars=await self._calendars(),
            by=caller().actor,
        )
        return _drafted(await self._written(request, decide))

    async def SubmitPolicy(self, request: sla_service_pb2.SubmitPolicyRequest, context: Any) -> sla_pb2.Policy:
        call = caller()
        decide = partial(publication.submit, by=call.actor, now=call.now)
        return _drafted(await self.policies.change(request.name, call.cause(request), decide, etag=request.etag))

    async def ReturnPolicy(self, request: sla_service_pb2.ReturnPolicyRequest, context: Any) -> sla_pb2.Policy:
        call = caller()
        decide = partial(publication.give_back, by=call.actor, note=request.note)
        return _drafted(await self.policies.change(request.name, call.cause(request), decide, etag=request.etag))

    async def PublishPolicy(self, request: sla_service_pb2.PublishPolicyRequest, context: Any) -> sla_pb2.Policy:
        call, calendars = caller(), await self._calendars()
        if request.name:
            decide = partial(publication.publish_draft, calendars=calendars, by=call.actor, now=call.now)
            return _latest(await self.policies.change(request.name, call.cause(request), decide, etag=request.etag))
        policy = policy_wire.draft(request.policy)
        publish = partial(publication.publish, policy=policy, calendars=calendars, by=call.actor, now=call.now)
        return _latest(await self._written(request, publish))

    async def RetirePolicy(self, request: sla_service_pb2.RetirePolicyRequest, context: Any) -> sla_pb2.Policy:
        call = caller()
        decide = partial(publication.retire, by=call.actor, now=call.now)
        return _latest(await self.policies.change(request.name, call.cause(request), decide, etag=request.etag))

    async def GetPolicy(self, request: sla_service_pb2.GetPolicyRequest, context: Any) -> sla_pb2.Policy:
        record = await self.policies.get(request.name)
        if request.draft:
            return _drafted(record)
        return policy_wire.policy(record.state.version(request.version), record.etag)

    async def ListPolicies(
        self, request: sla_service_pb2.ListPoliciesRequest, context: Any
    ) -> sla_service_pb2.ListPoliciesResponse:
        bind, where, shown = ("drafts", _DRAFTED, _drafted) if request.drafts else ("policies", _PUBLISHED, _latest)
        page = await self.policies.page(where, POLICY_ORDER, PageRequest(request.page_size, request.page_token, bind))
        return sla_service_pb2.ListPoliciesResponse(
            policies=[shown(one) for one in page.items], next_page_token=page.next_token
        )

    async def ListPolicyVersions(
        self, request: sla_service_pb2.ListPolicyVersionsRequest, context: Any
    ) -> sla_service_pb2.ListPolicyVersionsResponse:
        record = await self.policies.get(request.name)
        asked = PageRequest(request.page_size, request.page_token, f"versions {request.name}")
        page = page_of_versions(record.state, asked)
        return sla_service_pb2.ListPolicyVersionsResponse(
            policies=[policy_wire.policy(one, record.etag) for one in page.items], next_page_token=page.next_token
        )

    async def PreviewPromise(
        self, request: sla_service_pb2.PreviewPromiseRequest, context: Any
    ) -> sla_service_pb2.PreviewPromiseResponse:
        await asyncio.gather(self.shelf.refresh(), self.roster.refresh())
        call = caller()
        vip = self.roster.shelved.directory.is_vip(call.actor.sub)
        facts = promise_wire.asked(request, call.actor.unit, vip=vip)
        return promise_wire.preview(promise.preview(self.shelf.book, facts, call.now))

    async def ExplainPolicy(
        self, request: sla_service_pb2.ExplainPolicyRequest, context: Any
    ) -> sla_service_pb2.ExplainPolicyResponse:
        call = caller()
        access.may_explain(call.actor)
        await self.shelf.refresh()
        book = self.shelf.book.as_drafted() if request.with_drafts else self.shelf.book
        at = promise_wire.open_time(request, call.now)
        return promise_wire.explained(*promise.explain(book, promise_wire.tried(request), at))

    async def _calendars(self) -> frozenset[str]:
        await self.shelf.refresh()
        return frozenset(self.shelf.book.calendars)

    async def _written(self, request: Any, decide: Any) -> Record[Publication]:
        """The policy after a decision that may create it; with an etag it must be there."""
        name, cause = request.policy.name, caller().cause(request)
        if request.etag:
            return await self.policies.change(name, cause, decide, etag=request.etag)
        return await self.policies.upsert(name, cause, decide)


def _latest(record: Record[Publication]) -> sla_pb2.Policy:
    return policy_wire.policy(record.state.published, record.etag)


def _drafted(record: Record[Publication]) -> sla_pb2.Policy:
    return policy_wire.drafted(record.state.drafted, record.etag)
