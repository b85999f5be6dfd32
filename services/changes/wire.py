"""Changes to protobuf and back, events too."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from throughline.changes.v1 import change_pb2, changes_service_pb2, events_pb2

from services.changes.rules import change as told
from services.changes.rules.change import Approval, Change, Check, Plan, Result, Risk, State, Type, Window
from services.changes.rules.work import checks_of
from services.runtime.journal import moment
from services.runtime.records import Record, Stamp


def _stamp(at: datetime | None) -> Timestamp | None:
    if at is None:
        return None
    stamp = Timestamp()
    stamp.FromDatetime(at)
    return stamp


def instant(stamp: Timestamp) -> datetime:
    """An instant of a message as aware UTC, cut to the milliseconds that the store keeps."""
    return moment(stamp.ToDatetime(tzinfo=UTC))


def plan_from_proto(plan: changes_service_pb2.ChangePlan) -> Plan:
    """What an author sent; results of checks are not theirs to send."""
    return Plan(
        type=Type(change_pb2.ChangeType.Name(plan.type).removeprefix("CHANGE_TYPE_")),
        risk=Risk(change_pb2.Risk.Name(plan.risk).removeprefix("RISK_")),
        title=plan.title.strip(),
        reason=plan.reason,
        plan=plan.plan,
        rollback_plan=plan.rollback_plan,
        checks=checks_of(tuple((step.check, step.pass_mark) for step in plan.steps)),
        services=tuple(dict.fromkeys(plan.services)),
        window=Window(instant(plan.window.start_time), instant(plan.window.end_time))
        if plan.HasField("window")
        else None,
        implementer=plan.implementer,
        tickets=tuple(dict.fromkeys(plan.tickets)),
    )


def result_from_proto(number: change_pb2.StepResult.ValueType) -> Result:
    """A recorded result."""
    return Result(change_pb2.StepResult.Name(number).removeprefix("STEP_RESULT_"))


def state_from_proto(number: change_pb2.ChangeState.ValueType) -> State:
    """A state of a filter."""
    return State(change_pb2.ChangeState.Name(number).removeprefix("CHANGE_STATE_"))


def check_to_proto(check: Check) -> change_pb2.VerificationStep:
    """A check."""
    return change_pb2.VerificationStep(
        id=check.id,
        check=check.check,
        pass_mark=check.pass_mark,
        result=change_pb2.StepResult.Value(f"STEP_RESULT_{check.result or 'UNSPECIFIED'}"),
        note=check.note,
        verifier=check.verifier,
        verify_time=_stamp(check.verified_at),
    )


def _approval_to_proto(one: Approval) -> change_pb2.Approval:
    return change_pb2.Approval(
        approver=one.approver,
        vote=change_pb2.Vote.Value(f"VOTE_{one.vote}"),
        note=one.note,
        vote_time=_stamp(one.voted_at),
    )


def change_to_proto(name: str, etag: str, change: Change) -> change_pb2.Change:
    """The change."""
    plan = change.plan
    message = change_pb2.Change(
        name=name,
        etag=etag,
        state=change_pb2.ChangeState.Value(f"CHANGE_STATE_{change.state}"),
        type=change_pb2.ChangeType.Value(f"CHANGE_TYPE_{plan.type}"),
        risk=change_pb2.Risk.Value(f"RISK_{plan.risk}"),
        title=plan.title,
        reason=plan.reason,
        plan=plan.plan,
        rollback_plan=plan.rollback_plan,
        steps=[check_to_proto(check) for check in plan.checks],
        services=plan.services,
        author=change.author,
        implementer=plan.implementer,
        approvals=[_approval_to_proto(one) for one in change.approvals],
        create_time=_stamp(change.created_at),
        submit_time=_stamp(change.submitted_at),
        approve_time=_stamp(change.approved_at),
        start_time=_stamp(change.started_at),
        finish_time=_stamp(change.finished_at),
        outcome_note=change.outcome_note,
        tickets=plan.tickets,
        unit=change.unit,
        update_time=_stamp(change.updated_at),
    )
    if plan.window is not None:
        message.window.start_time.FromDatetime(plan.window.start)
        message.window.end_time.FromDatetime(plan.window.end)
    return message


def record_to_proto(record: Record[Change]) -> change_pb2.Change:
    """The change as kept."""
    return change_to_proto(record.name, record.etag, record.state)


_MORE: Mapping[type[told.ChangeEvent], Callable[[Any], dict[str, Any]]] = {
    told.ChangeVerified: lambda event: {"step": check_to_proto(event.check)},
    told.ChangeCancelled: lambda event: {"reason": event.reason},
}


def event_to_proto(event: told.ChangeEvent, stamp: Stamp) -> Message:
    """The event's message: its name is the event's own, and it holds the whole change."""
    more = _MORE.get(type(event), lambda _event: {})(event)
    made: Message = getattr(events_pb2, type(event).__name__)(
        change=change_to_proto(stamp.name, stamp.etag, event.change), **more
    )
    return made
