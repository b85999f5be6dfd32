"""Checks the hash chains and checkpoints of every service's journal, and names the first entry that does not fit."""

from __future__ import annotations

from dataclasses import dataclass

from throughline.type.v1 import journal_pb2
from throughline.type.v1.journal_pb2_grpc import JournalServiceStub

from tool.connection import Connection


@dataclass(frozen=True, slots=True)
class Finding:
    """What a journal showed. bad: the first entry that does not fit, "" when all do; why: what is wrong with it."""

    service: str
    entries: int
    resources: int
    checkpoints: int
    bad: str = ""
    why: str = ""


def verify(connection: Connection, service: str) -> Finding:
    """Reads the whole journal of one service, page by page.

    Raises:
        Refusal: the service refused or was away.
    """
    stub = connection.stub(service, JournalServiceStub)
    entries = resources = checkpoints = 0
    token = ""
    while True:
        request = journal_pb2.VerifyJournalRequest(page_token=token)
        page = connection.call(stub.VerifyJournal, request)
        entries += page.entry_count
        resources += page.resource_count
        checkpoints += page.checkpoint_count
        token = page.next_page_token
        if page.bad_entry or not token:
            return Finding(service, entries, resources, checkpoints, page.bad_entry, page.finding)
