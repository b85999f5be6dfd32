"""Policies, and what they would promise now."""

from __future__ import annotations

from functools import partial
from typing import Any

from throughline.sla.v1 import sla_pb2, sla_service_pb2

from services.runtime.door import caller
from services.runtime.paging import PageRequest
from services.runtime.records import Records
from services.sla.rules import policy, promise
from services.sla.rules.policy import Policy
from services.sla.store import POLICY_ORDER, Shelf
from services.sla.wire import policy as policy_wire
from services.sla.wire import promise as promise_wire


class Policies:
    """PublishPolicy, RetirePolicy, GetPolicy, ListPolicies, PreviewPromise."""

    policies: Records[Policy]
    shelf: Shelf

    async def PublishPolicy(self, request: sla_service_pb2.PublishPolicyRequest, context: Any) -> sla_pb2.Policy:
        call = caller()
        await self.shelf.refresh()
        draft = policy_wire.draft(request.policy)
        decide = partial(policy.publish, draft=draft, calendars=self.shelf.book.calendars, by=call.actor)
        if request.etag:
            record = await self.policies.change(draft.name, call.cause(request), decide, etag=request.etag)
        else:
            record = await self.policies.upsert(draft.name, call.cause(request), decide)
        return policy_wire.policy(record.state, record.etag)

    async def RetirePolicy(self, request: sla_service_pb2.RetirePolicyRequest, context: Any) -> sla_pb2.Policy:
        call = caller()
        record = await self.policies.change(
            request.name, call.cause(request), partial(policy.retire, by=call.actor), etag=request.etag
        )
        return policy_wire.policy(record.state, record.etag)

    async def GetPolicy(self, request: sla_service_pb2.GetPolicyRequest, context: Any) -> sla_pb2.Policy:
        record = await self.policies.get(request.name)
        return policy_wire.policy(record.state, record.etag)

    async def ListPolicies(
        self, request: sla_service_pb2.ListPoliciesRequest, context: Any
    ) -> sla_service_pb2.ListPoliciesResponse:
        page = await self.policies.page(
            {}, POLICY_ORDER, PageRequest(request.page_size, request.page_token, "policies")
        )
        return sla_service_pb2.ListPoliciesResponse(
            policies=[policy_wire.policy(one.state, one.etag) for one in page.items], next_page_token=page.next_token
        )

    async def PreviewPromise(
        self, request: sla_service_pb2.PreviewPromiseRequest, context: Any
    ) -> sla_service_pb2.PreviewPromiseResponse:
        await self.shelf.refresh()
        return promise_wire.preview(promise.preview(self.shelf.book, promise_wire.asked(request), caller().now))
