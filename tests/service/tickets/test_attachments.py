"""Files: bytes first, then the name; nobody reads what is not theirs, and what was never named is swept."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

from throughline.tickets.v1 import ticket_pb2 as t

from services.tickets.store.attachments import Parts
from services.tickets.store.tickets import TICKETS
from tests.service.tickets.counter import ANN, BEN, Counter

PNG = b"\x89PNG\r\n\x1a\n" + bytes(600_000)
PUBLIC, INTERNAL = t.VISIBILITY_PUBLIC, t.VISIBILITY_INTERNAL


def file(name: str, **said: Any) -> dict[str, Any]:
    return {
        "name": name,
        "file_name": "../photo\u202e.png",
        "content_type": "text/html;x",
        "content": PNG,
        "visibility": PUBLIC,
        **said,
    }


def parts(counter: Counter) -> Parts:
    return Parts(counter.run.db, counter.run.records(TICKETS))


async def test_a_file_comes_back_under_a_safe_name_and_its_true_type(counter: Counter) -> None:
    """More than one chunk, byte for byte; neither the name nor the type is believed."""
    name = (await counter.filed()).name
    (kept,) = (await counter.ask(ANN, "AddAttachment", **file(name))).attachments
    assert (kept.file_name, kept.content_type, kept.size_bytes) == ("photo.png", "image/png", len(PNG))
    assert (kept.uploader, kept.visibility) == (ANN.sub, PUBLIC)
    read = await counter.ask(BEN, "GetAttachment", name=name, attachment_id=kept.id)
    assert (read.content, read.attachment) == (PNG, kept)


async def test_the_same_file_again_is_kept_once(counter: Counter) -> None:
    """The call repeated under its request_id adds neither a name nor bytes."""
    name = (await counter.filed()).name
    said = file(name, request_id=str(uuid.uuid4()))
    first = await counter.ask(ANN, "AddAttachment", **said)
    assert await counter.ask(ANN, "AddAttachment", **said) == first
    assert await counter.run.db["attachments.files"].count_documents({}) == 1
    refused = await counter.refused(ANN, "AddAttachment", **{**said, "content": b"%PDF-1.7"})
    assert refused.reason == "REQUEST_ID_REUSED"


async def test_an_internal_file_is_not_there_for_the_requester(counter: Counter) -> None:
    """Neither listed, nor in her timeline, nor read by its id; and she adds none."""
    name = (await counter.filed()).name
    added = await counter.ask(BEN, "AddAttachment", **file(name, visibility=INTERNAL))
    assert not (await counter.ask(ANN, "GetTicket", name=name)).attachments
    assert [one.kind for one in (await counter.ask(ANN, "ListTimelineEntries", name=name)).entries] == ["TicketOpened"]
    refused = await counter.refused(ANN, "GetAttachment", name=name, attachment_id=added.attachments[0].id)
    assert refused.reason == "NOT_FOUND"
    refused = await counter.refused(ANN, "AddAttachment", **file(name, visibility=INTERNAL))
    assert refused.reason == "INTERNAL_IS_FOR_AGENTS"


async def test_programs_are_refused_before_a_byte_is_kept(counter: Counter) -> None:
    """Under whatever name and type they come."""
    name = (await counter.filed()).name
    refused = await counter.refused(ANN, "AddAttachment", **file(name, content=b"MZ\x90\x00", content_type="image/png"))
    assert (refused.reason, refused.field) == ("ATTACHMENT_IS_PROGRAM", "content")
    assert await counter.run.db["attachments.files"].count_documents({}) == 0


async def test_an_id_of_another_ticket_or_of_no_ticket_opens_nothing(counter: Counter) -> None:
    """Bytes that no ticket names are not there; nor are those of another ticket."""
    one, other = (await counter.filed()).name, (await counter.filed()).name
    (kept,) = (await counter.ask(ANN, "AddAttachment", **file(one))).attachments
    await parts(counter).keep("orphan", other, b"never named")
    for id_ in (kept.id, "orphan", '{"$ne": ""}'):
        refused = await counter.refused(ANN, "GetAttachment", name=other, attachment_id=id_)
        assert refused.reason == "NOT_FOUND"


async def test_the_sweep_takes_what_no_ticket_names_and_nothing_else(counter: Counter) -> None:
    """A part that was never named, and chunks whose writer died; a named file stays, and so does a fresh part."""
    name = (await counter.filed()).name
    (kept,) = (await counter.ask(ANN, "AddAttachment", **file(name))).attachments
    swept = parts(counter)
    await swept.keep("orphan", name, b"never named")
    await swept.keep("unfinished", name, b"half of it")
    await counter.run.db["attachments.files"].delete_one({"_id": "unfinished"})
    assert await swept.sweep(datetime.now(UTC) - timedelta(hours=24)) == 0
    assert await swept.sweep(datetime.now(UTC) + timedelta(seconds=2)) == 2
    assert await counter.run.db["attachments.files"].distinct("_id") == [kept.id]
    assert await counter.run.db["attachments.chunks"].distinct("files_id") == [kept.id]
    assert (await counter.ask(ANN, "GetAttachment", name=name, attachment_id=kept.id)).content == PNG
    assert await swept.sweep(datetime.now(UTC) + timedelta(seconds=2)) == 0
