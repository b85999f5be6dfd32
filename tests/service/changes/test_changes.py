"""The changes service through gRPC on real stores: rows A105, A107, A108 acted out."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import grpc
import pytest
from throughline.changes.v1 import change_pb2, changes_service_pb2, changes_service_pb2_grpc

from services.changes.main import compose
from services.runtime.actor import Actor
from services.runtime.client import acting, channel, refusal_of
from services.runtime.identity import Keys, make
from services.runtime.refusal import Refusal
from services.runtime.run import Runtime
from services.runtime.settings import Settings

ANN = Actor("people/ann", frozenset({"agent"}), unit="cn/east")
MAY = Actor("people/may", frozenset({"approver"}), unit="cn")
FAR = Actor("people/far", frozenset({"agent"}), unit="cn/west")

Ask = Callable[..., Awaitable[Any]]


@pytest.fixture
async def ask(mongo_uri: str, nats_url: str, database: str, tmp_path: Path) -> AsyncIterator[Ask]:
    """ask(actor, method, **fields): one call; raises the Refusal."""
    make(tmp_path, ["changes", "portal"])
    settings = Settings.load(
        "changes",
        mongo_uri=mongo_uri,
        nats_url=nats_url,
        database=database,
        keys_dir=tmp_path,
        listen="127.0.0.1:0",
        bus_manage=True,
        stop_wait_seconds=0.0,
        stop_grace_seconds=2.0,
    )
    keys = Keys(tmp_path, "portal")
    async with Runtime("changes", settings) as run:
        compose(run)
        await run.start()
        assert await run.ready(30), "the service did not become ready"
        async with channel(f"127.0.0.1:{run.port}", "changes", keys) as opened:
            stub = changes_service_pb2_grpc.ChangesServiceStub(opened)

            async def call(actor: Actor, method: str, **fields: Any) -> Any:
                request = getattr(changes_service_pb2, f"{method}Request")(**fields)
                if "request_id" in request.DESCRIPTOR.fields_by_name and not request.request_id:
                    request.request_id = str(uuid.uuid4())
                with acting(keys.sign_person(actor)):
                    try:
                        return await getattr(stub, method)(request)
                    except grpc.aio.AioRpcError as error:
                        raise refusal_of(error) from error

            yield call


def plan(*lacking: str) -> changes_service_pb2.ChangePlan:
    made = changes_service_pb2.ChangePlan(
        type=change_pb2.CHANGE_TYPE_NORMAL,
        risk=change_pb2.RISK_LOW,
        title="提高会话上限 Raise the session limit",
        plan="Set it to 400.",
        rollback_plan="Set it to 200.",
        steps=[change_pb2.VerificationStep(check="Open sessions", pass_mark="under 400")],
        services=["services/checkout"],
    )
    now = datetime.now(UTC)
    made.window.start_time.FromDatetime(now - timedelta(hours=1))
    made.window.end_time.FromDatetime(now + timedelta(hours=1))
    if "rollback_plan" in lacking:
        made.rollback_plan = ""
    return made


async def refusal(call: Awaitable[Any]) -> str:
    with pytest.raises(Refusal) as refused:
        await call
    return refused.value.reason


@pytest.mark.row("A105")
async def test_nothing_is_executed_outside_approval(ask: Ask) -> None:
    """A draft and a submitted change do not start; one's own approval is refused; an approver's lets it start."""
    change = await ask(ANN, "CreateChange", plan=plan())
    assert change.name == "changes/CHG-000001"
    assert await refusal(ask(ANN, "StartChange", name=change.name)) == "CHANGE_STATE"
    await ask(ANN, "SubmitChange", name=change.name)
    assert await refusal(ask(ANN, "StartChange", name=change.name)) == "CHANGE_STATE"
    own = Actor(ANN.sub, frozenset({"approver"}), unit="cn")
    assert await refusal(ask(own, "ApproveChange", name=change.name)) == "OWN_CHANGE"
    approved = await ask(MAY, "ApproveChange", name=change.name, note="fine")
    assert [vote.approver for vote in approved.approvals] == ["people/may"]
    started = await ask(ANN, "StartChange", name=change.name)
    assert started.state == change_pb2.CHANGE_STATE_IN_PROGRESS


@pytest.mark.row("A107")
async def test_no_rollback_plan_no_submission(ask: Ask) -> None:
    """The refusal names the field; with the plan the same change is submitted."""
    change = await ask(ANN, "CreateChange", plan=plan("rollback_plan"))
    with pytest.raises(Refusal) as refused:
        await ask(ANN, "SubmitChange", name=change.name)
    assert (refused.value.reason, refused.value.field) == ("ROLLBACK_PLAN_MISSING", "plan.rollback_plan")
    await ask(ANN, "UpdateChange", name=change.name, plan=plan(), etag=change.etag)
    submitted = await ask(ANN, "SubmitChange", name=change.name)
    assert submitted.state == change_pb2.CHANGE_STATE_AWAITING_APPROVAL


@pytest.mark.row("A108")
@pytest.mark.parametrize(
    ("result", "state"),
    [
        (change_pb2.STEP_RESULT_PASSED, change_pb2.CHANGE_STATE_SUCCEEDED),
        (change_pb2.STEP_RESULT_FAILED, change_pb2.CHANGE_STATE_FAILED),
    ],
)
async def test_the_end_needs_results_and_follows_them(ask: Ask, result: int, state: int) -> None:
    """Without a result no end; with one the check decides whether it succeeded."""
    change = await ask(ANN, "CreateChange", plan=plan())
    await ask(ANN, "SubmitChange", name=change.name)
    await ask(MAY, "ApproveChange", name=change.name)
    await ask(ANN, "StartChange", name=change.name)
    assert await refusal(ask(ANN, "FinishChange", name=change.name)) == "CHECKS_OPEN"
    await ask(ANN, "VerifyChange", name=change.name, step_id="1", result=result, note="seen")
    assert (await ask(ANN, "FinishChange", name=change.name, outcome_note="done")).state == state


async def test_the_list_shows_what_one_may_see(ask: Ask) -> None:
    """Newest first, by state and service, page by page; another unit sees none of them."""
    names = [(await ask(ANN, "CreateChange", plan=plan())).name for _ in range(5)]
    await ask(ANN, "CancelChange", name=names[0], reason="not needed")
    page = await ask(ANN, "ListChanges", page_size=3)
    rest = await ask(ANN, "ListChanges", page_size=3, page_token=page.next_page_token)
    assert [change.name for change in (*page.changes, *rest.changes)] == names[::-1]
    drafts = await ask(ANN, "ListChanges", states=[change_pb2.CHANGE_STATE_DRAFT], service="services/checkout")
    assert [change.name for change in drafts.changes] == names[:0:-1]
    named = plan()
    named.tickets.extend(["tickets/INC-000007", "tickets/INC-000008"])
    cure = await ask(ANN, "CreateChange", plan=named)
    cures = await ask(ANN, "ListChanges", ticket="tickets/INC-000008")
    assert [change.name for change in cures.changes] == [cure.name]
    assert not (await ask(ANN, "ListChanges", ticket="tickets/INC-000009")).changes
    assert not (await ask(FAR, "ListChanges")).changes
    assert await refusal(ask(FAR, "GetChange", name=names[0])) == "NOT_FOUND"


async def test_a_retried_command_is_one_change(ask: Ask) -> None:
    """The same request_id makes one change; a stale etag changes nothing."""
    once = str(uuid.uuid4())
    given = plan()
    first = await ask(ANN, "CreateChange", request_id=once, plan=given)
    assert await ask(ANN, "CreateChange", request_id=once, plan=given) == first
    await ask(ANN, "SubmitChange", name=first.name, etag=first.etag)
    assert await refusal(ask(ANN, "CancelChange", name=first.name, etag=first.etag, reason="late")) == "ETAG_MISMATCH"
