"""Attachments: the bytes first, then the name; and back to whoever may see them."""

from __future__ import annotations

from functools import partial
from typing import Any

from throughline.tickets.v1 import ticket_pb2
from throughline.tickets.v1 import tickets_service_pb2 as pb

from services.runtime.door import caller
from services.tickets.rpc.desk import Desk
from services.tickets.rules import attachment
from services.tickets.rules.ticket import Attachment
from services.tickets.store.attachments import part_id
from services.tickets.wire.ticket import attachment_message
from services.tickets.wire.words import VISIBILITIES


class Files(Desk):
    """Files beside a ticket."""

    async def AddAttachment(self, request: pb.AddAttachmentRequest, context: Any) -> ticket_pb2.Ticket:
        call = caller()
        record = await self._seen(request.name, call)
        visibility = VISIBILITIES.word(request.visibility)
        named = attachment.safe_name(request.file_name)
        attachment.require_takeable(named, request.content)
        id_ = part_id(request.name, call.cause(request))
        attachment.require_attachable(record.state, call.actor, visibility, id_)
        await self.stores.parts.keep(id_, request.name, request.content)
        file = Attachment(
            id=id_,
            file_name=named,
            content_type=attachment.safe_type(named, request.content),
            size=len(request.content),
            uploader=call.actor.sub,
            uploaded_at=call.now,
            visibility=visibility,
        )
        return await self._decide(request, partial(attachment.attach, attachment=file))

    async def GetAttachment(self, request: pb.GetAttachmentRequest, context: Any) -> pb.GetAttachmentResponse:
        call = caller()
        record = await self._seen(request.name, call)
        file = attachment.visible(record.state, call.actor, request.attachment_id)
        content = await self.stores.parts.read(file.id)
        return pb.GetAttachmentResponse(attachment=attachment_message(file), content=content)
