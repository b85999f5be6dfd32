"""Judgements through gRPC: what would have been is told, published verdicts stay, a killed job counts nothing twice."""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
import pytest
from throughline.sla.v1 import judgement_pb2 as pb
from throughline.sla.v1 import judgement_service_pb2, sla_pb2
from throughline.sla.v1.judgement_service_pb2_grpc import JudgementServiceStub
from throughline.type.v1 import interval_pb2

from services.runtime.actor import Actor
from services.runtime.client import acting, refusal_of
from services.runtime.jobs import Progress
from services.runtime.records import Records
from services.sla.jobs import Judging, judging
from services.sla.store import CALENDARS, CLOCKS, POLICIES, Judgements, Past, Shelf
from tests.service.sla.desk import ASKED, BEN, DONE, RESOLUTION, ROOT, WORK, Desk, Paper, clock_of, seconds, stamp

Papers = Callable[[str], Paper]
CHAO = Actor("people/chao", frozenset({"change_manager"}))
THEN = datetime(2016, 3, 4, 9, 0, tzinfo=UTC)
TICKETS = 12
MISSED = pb.VERDICT_MISSED


async def ask(desk: Desk, actor: Actor, method: str, **fields: Any) -> Any:
    """Calls JudgementService as the actor."""
    request = getattr(judgement_service_pb2, f"{method}Request")(**fields)
    if "request_id" in request.DESCRIPTOR.fields_by_name and not request.request_id:
        request.request_id = str(uuid.uuid4())
    with acting(desk._keys.sign_person(actor)):
        return await getattr(JudgementServiceStub(desk.channel), method)(request, timeout=9)


def draft(hours: float, *pauses: Any) -> sla_pb2.Policy:
    """The policy p3 with another promise."""
    target = sla_pb2.Target(kind=RESOLUTION, duration=seconds(hours * 3600), pause_states=pauses)
    match = sla_pb2.PolicyMatch(priorities=[3])
    return sla_pb2.Policy(name="policies/p3", order=10, calendar="calendars/always", match=match, targets=[target])


def asked(*policies: sla_pb2.Policy, days: float = 30) -> pb.Judgement:
    """A judgement of the tickets of these tests."""
    period = interval_pb2.Interval(start_time=stamp(THEN), end_time=stamp(THEN + timedelta(days=days)))
    return pb.Judgement(period=period, policies=policies)


async def ended(desk: Desk, judgement: Any) -> Any:
    """The judgement when it has ended."""
    found = judgement
    for _ in range(1200):
        found = await ask(desk, ROOT, "GetJudgement", name=judgement.name)
        if found.state in (pb.JUDGEMENT_STATE_DONE, pb.JUDGEMENT_STATE_FAILED):
            return found
        await asyncio.sleep(0.025)
    raise AssertionError(found)


async def past(desk: Desk, paper: Papers) -> list[str]:
    """Twelve tickets, the n-th of them solved n hours after it was opened, of which it waited half with its requester;
    promised were nine and a half hours around the clock, pauses counted.
    """
    await desk.calendar("always", "UTC")
    await desk.ask(ROOT, "PublishPolicy", policy=draft(9.5))
    names = []
    for number in range(1, TICKETS + 1):
        ticket = paper(f"INC-{number:06}")
        opened = THEN + timedelta(days=number)
        ticket.opened(opened)
        ticket.moved("TicketStarted", opened, WORK)
        ticket.moved("RequesterAsked", opened, ASKED)
        ticket.moved("QuestionAnswered", opened + timedelta(hours=number / 2), WORK)
        ticket.moved("TicketResolved", opened + timedelta(hours=number), DONE)
        await ticket.tell()
        names.append(ticket.name)
    for name in names:
        await desk.clocks(name, lambda found: clock_of(found, RESOLUTION).HasField("stop_time"))
    return names


@pytest.mark.row("A060")
async def test_a_judgement_tells_what_would_flip_and_changes_nothing(desk: Desk, paper: Papers) -> None:
    """Ten to twelve hours are late for nine and a half; for five and a half six to nine are too; nothing kept moves."""
    names = await past(desk, paper)
    before = [await desk.clocks(name) for name in names]
    found = await ended(desk, await ask(desk, CHAO, "CreateJudgement", judgement=asked(draft(5.5))))
    assert found.state == pb.JUDGEMENT_STATE_DONE, found.error
    assert (found.ticket_count, found.unjudged_count, found.flip_count) == (TICKETS, 0, 4)
    assert found.digest_before == found.digest_after
    assert len(found.digest_before) == 64
    assert found.turned_count == 0
    total = found.groups[0]
    assert (total.dimension, total.missed_before_count, total.missed_after_count) == (1, 3, 7)
    assert {(one.dimension, one.key) for one in found.groups} == {
        (pb.JUDGEMENT_DIMENSION_TOTAL, ""),
        (pb.JUDGEMENT_DIMENSION_POLICY, "policies/p3"),
        (pb.JUDGEMENT_DIMENSION_PRIORITY, "3"),
        (pb.JUDGEMENT_DIMENSION_MONTH, "2016-03"),
    }
    first = await ask(desk, ROOT, "ListVerdictFlips", judgement=found.name, page_size=3, verdict=MISSED)
    rest = await ask(
        desk, ROOT, "ListVerdictFlips", judgement=found.name, page_token=first.next_page_token, verdict=MISSED
    )
    flips = [*first.flips, *rest.flips]
    assert [one.ticket for one in flips] == names[5:9]
    assert all(list(one.reasons) == [pb.FLIP_REASON_TARGET] for one in flips)
    assert flips[0].segment.kind == sla_pb2.SEGMENT_KIND_RUNNING
    assert [await desk.clocks(name) for name in names] == before


async def test_pauses_are_tried(desk: Desk, paper: Papers) -> None:
    """When waiting for the requester does not count, the ten- to twelve-hour tickets would have been kept."""
    names = await past(desk, paper)
    found = await ended(desk, await ask(desk, ROOT, "CreateJudgement", judgement=asked(draft(9.5, ASKED))))
    flips = (await ask(desk, ROOT, "ListVerdictFlips", judgement=found.name)).flips
    assert [one.ticket for one in flips] == names[9:]
    assert {(one.after.verdict, *one.reasons) for one in flips} == {(pb.VERDICT_MET, pb.FLIP_REASON_PAUSES)}
    assert flips[0].segment.kind == sla_pb2.SEGMENT_KIND_PAUSED


async def test_who_may_judge_and_what(desk: Desk) -> None:
    """Agents may not; a period without an end, drafts of nothing and unknown judgements are refused by their field."""
    await desk.calendar("always", "UTC")

    async def refused(actor: Actor, method: str, **fields: Any) -> tuple[str, str]:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await ask(desk, actor, method, **fields)
        refusal = refusal_of(caught.value)
        return refusal.reason, refusal.field

    unknown = f"judgements/{'0' * 24}"
    assert await refused(BEN, "CreateJudgement", judgement=asked(draft(5.5))) == ("ROLE_REQUIRED", "")
    assert await refused(BEN, "CheckClocks") == ("ROLE_REQUIRED", "")
    assert await refused(ROOT, "CreateJudgement", judgement=asked()) == ("DRAFT_MISSING", "judgement")
    assert (await refused(ROOT, "CreateJudgement", judgement=asked(draft(5.5), days=9000)))[0] == (
        "JUDGEMENT_PERIOD_INVALID"
    )
    assert (await refused(ROOT, "GetJudgement", name=unknown))[0] == "NOT_FOUND"
    assert (await refused(ROOT, "ListVerdictFlips", judgement=unknown))[0] == "NOT_FOUND"
    made = await ask(desk, ROOT, "CreateJudgement", judgement=asked(draft(5.5)))
    listed = await ask(desk, ROOT, "ListJudgements")
    assert [one.name for one in listed.judgements] == [made.name]
    assert (await ended(desk, made)).ticket_count == 0
    done = await ask(desk, ROOT, "CancelJudgement", name=made.name)
    assert done.state == pb.JUDGEMENT_STATE_DONE


class Killed(Exception):
    """The process died here."""


async def test_a_judgement_killed_anywhere_counts_nothing_twice(
    desk: Desk, paper: Papers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed after each batch's flips are written and before the count of them is kept, it ends with the same."""
    await past(desk, paper)
    monkeypatch.setattr(judging, "BATCH", 5)
    whole = await ended(desk, await ask(desk, ROOT, "CreateJudgement", judgement=asked(draft(5.5))))
    run = desk.run
    clocks: Records[Any] = Records(run.db, CLOCKS, run.journal)
    shelf = Shelf(Records(run.db, POLICIES, run.journal), Records(run.db, CALENDARS, run.journal))
    judgements = Judgements(run.db, run.jobs)
    job = Judging(run.jobs, judgements, Past(clocks), shelf)
    name = "jobs/" + whole.name.rpartition("/")[2]
    message = asked(draft(5.5)).SerializeToString(deterministic=True)
    saved: list[tuple[Any, int]] = [(None, 0)]
    lives = 0

    async def save(progress: Progress) -> bool:
        # Of each life the first save lands, and the second is where it dies.
        if len(saved) > lives + 1:
            raise Killed
        saved.append((progress.cursor, progress.done))
        return False

    def life() -> Progress:
        cursor, done = saved[-1]
        return Progress(name, "judgement", {"judgement": message}, cursor, done, 0, save)

    progress = life()
    while not progress.result:
        with contextlib.suppress(Killed):
            await job.run(progress)
            break
        lives += 1
        progress = life()
    assert lives > 2
    assert progress.result["judged"] == progress.result["proved"] | {
        key: progress.result["judged"][key] for key in ("groups", "unconcerned", "unjudged")
    }
    counted = {group[0]: group[2:] for group in progress.result["judged"]["groups"]}
    assert counted["total"] == [9, 3, 5, 7, 4, 0, 0]
    assert await run.db["verdict_flips"].count_documents({"judgement": whole.name}) == 4


async def test_every_second_is_in_exactly_one_segment(desk: Desk, paper: Papers) -> None:
    """All stored clocks add up, page by page; one that was tampered with is named."""
    names = await past(desk, paper)
    first = await ask(desk, ROOT, "CheckClocks", page_size=5)
    second = await ask(desk, ROOT, "CheckClocks", page_size=50, page_token=first.next_page_token)
    assert (first.ticket_count, second.ticket_count) == (5, TICKETS - 5)
    assert first.segment_count >= first.clock_count > 0
    assert not [*first.faults, *second.faults]
    where = {"_id": f"clocks/{names[0].partition('/')[2]}"}
    await desk.run.db["clocks"].update_one(where, {"$inc": {"state.clocks.0.elapsed": 1}})
    (fault,) = (await ask(desk, ROOT, "CheckClocks")).faults
    assert fault.ticket == names[0]
