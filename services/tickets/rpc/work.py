"""The verbs that move a ticket, one decision each."""

from __future__ import annotations

from functools import partial
from typing import Any

from throughline.tickets.v1 import ticket_pb2
from throughline.tickets.v1 import tickets_service_pb2 as pb

from services.runtime.door import caller
from services.tickets.rpc.desk import Desk, reply
from services.tickets.rules import assignment, conversation, impact, links, triage, work
from services.tickets.wire.requests import filing, impact_start
from services.tickets.wire.ticket import link_state
from services.tickets.wire.words import HOLD_REASONS, RESOLUTION_CODES, VISIBILITIES


class Work(Desk):
    """From filing to closing, and what is said on the way."""

    async def CreateTicket(self, request: pb.CreateTicketRequest, context: Any) -> ticket_pb2.Ticket:
        call = caller()
        filed = filing(request)
        matrix = (await self.stores.matrices.current()).state
        name = f"tickets/{await self.stores.numbers[filed.type].next()}"
        decide = partial(work.file, filed, call.actor, matrix, call.now)
        return reply(call, await self.stores.tickets.create(name, call.cause(request), decide))

    async def TriageTicket(self, request: pb.TriageTicketRequest, context: Any) -> ticket_pb2.Ticket:
        verb = partial(
            triage.triage,
            matrix=(await self.stores.matrices.current()).state,
            impact=request.impact,
            urgency=request.urgency,
            service=request.service,
            category=request.category,
        )
        return await self._decide(request, verb)

    async def SetImpactStart(self, request: pb.SetImpactStartRequest, context: Any) -> ticket_pb2.Ticket:
        return await self._decide(request, partial(impact.set_start, started_at=impact_start(request)))

    async def AssignTicket(self, request: pb.AssignTicketRequest, context: Any) -> ticket_pb2.Ticket:
        return await self._decide(request, partial(assignment.assign, team=request.team, assignee=request.assignee))

    async def StartTicket(self, request: pb.StartTicketRequest, context: Any) -> ticket_pb2.Ticket:
        return await self._decide(request, work.start)

    async def AskRequester(self, request: pb.AskRequesterRequest, context: Any) -> ticket_pb2.Ticket:
        return await self._decide(request, partial(conversation.ask, question=request.question))

    async def AnswerQuestion(self, request: pb.AnswerQuestionRequest, context: Any) -> ticket_pb2.Ticket:
        return await self._decide(request, partial(conversation.answer, text=request.answer))

    async def HoldTicket(self, request: pb.HoldTicketRequest, context: Any) -> ticket_pb2.Ticket:
        reason = HOLD_REASONS.word(request.reason)
        return await self._decide(
            request, partial(work.hold, reason=reason, note=request.note, unblocker=request.unblocker)
        )

    async def ResumeTicket(self, request: pb.ResumeTicketRequest, context: Any) -> ticket_pb2.Ticket:
        return await self._decide(request, work.resume)

    async def ResolveTicket(self, request: pb.ResolveTicketRequest, context: Any) -> ticket_pb2.Ticket:
        code, articles = RESOLUTION_CODES.word(request.code), tuple(request.articles)
        verb = partial(
            work.resolve, code=code, note=request.note, articles=articles, closes_after=self.stores.closes_after
        )
        return await self._decide(request, verb)

    async def CloseTicket(self, request: pb.CloseTicketRequest, context: Any) -> ticket_pb2.Ticket:
        return await self._decide(request, work.close)

    async def ReopenTicket(self, request: pb.ReopenTicketRequest, context: Any) -> ticket_pb2.Ticket:
        return await self._decide(request, partial(work.reopen, reason=request.reason))

    async def CancelTicket(self, request: pb.CancelTicketRequest, context: Any) -> ticket_pb2.Ticket:
        return await self._decide(request, partial(work.cancel, reason=request.reason))

    async def AddComment(self, request: pb.AddCommentRequest, context: Any) -> ticket_pb2.Ticket:
        visibility = VISIBILITIES.word(request.visibility)
        return await self._decide(request, partial(conversation.comment, text=request.text, visibility=visibility))

    async def LinkTicket(self, request: pb.LinkTicketRequest, context: Any) -> ticket_pb2.Ticket:
        return await self._decide(request, partial(links.link, name=request.name, to=link_state(request.link)))

    async def UnlinkTicket(self, request: pb.UnlinkTicketRequest, context: Any) -> ticket_pb2.Ticket:
        return await self._decide(request, partial(links.unlink, to=link_state(request.link)))
