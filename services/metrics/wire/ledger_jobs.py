"""Jobs, inputs and examples of the ledger as messages."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from throughline.metrics.v1 import ledger_pb2 as pb
from throughline.metrics.v1 import ledger_service_pb2
from throughline.type.v1 import interval_pb2, money_pb2

from services.metrics.rules.explain import Fault, words
from services.metrics.rules.formulas import Measured, numbers_of
from services.metrics.rules.intake import Input
from services.metrics.rules.ledger import Entry, Unbooked
from services.metrics.wire.inputs import named
from services.metrics.wire.instants import set_instant, timestamp
from services.metrics.wire.ledger import hour_message, left_out_message
from services.runtime.jobs import Job

# A Monday, noon: shops are open and shifts run.
_EXAMPLE = datetime(2026, 6, 1, 4, tzinfo=UTC)


def job_message(job: Job) -> pb.LedgerJob:
    """A job with what it has found, once it is done."""
    given, found = job.input, job.result
    return pb.LedgerJob(
        name=job.name,
        state=pb.LedgerJobState.Value(f"LEDGER_JOB_STATE_{job.state.name}"),
        done=job.done,
        total=job.total,
        error=job.error,
        create_time=timestamp(job.created_at),
        author=job.submitted_by,
        what_if=pb.WhatIf(
            cost_model=given["model"],
            version=given["version"],
            period=interval_pb2.Interval(start_time=timestamp(given["start"]), end_time=timestamp(given["end"])),
            rows=[_row(key, one) for key, one in sorted(found.get("rows", {}).items())],
            digest=found.get("digest", b""),
            digest_after=found.get("digest_after", b""),
        )
        if "model" in given
        else None,
        replay=pb.Replay(
            inputs=found["inputs"],
            entries=found["entries"],
            digest=found["digest"],
            replayed_digest=found["replayed"],
            difference=found["difference"],
            sequence=found["until"],
        )
        if "replayed" in found
        else None,
    )


def _row(key: str, one: list[int]) -> pb.WhatIfRow:
    service, month, was, now = key.split("\n")
    return pb.WhatIfRow(
        service=service,
        month=month,
        causes=one[0],
        before=money_pb2.Money(currency_code=was, minor_units=one[1]),
        after=money_pb2.Money(currency_code=now, minor_units=one[2]),
    )


def input_message(one: Input, seq: int, hash_: bytes) -> pb.LedgerInput:
    """An input with its place."""
    return pb.LedgerInput(
        name=one.name,
        sequence=seq,
        resource=one.resource,
        resource_sequence=one.sequence,
        type=one.type,
        event_id=one.event,
        event_time=timestamp(one.at),
        digest=one.digest,
        data=one.data,
        hash=hash_,
    )


def fault_of(request: ledger_service_pb2.WorkExampleRequest) -> Fault:
    """The invented fault that is asked for."""
    start = set_instant(request, "start_time") or _EXAMPLE
    end = set_instant(request, "end_time") or start + timedelta(hours=1)
    expected = request.expected_milli or 100_000
    return Fault(start, end, request.impact or 1, request.level or 1, expected, request.actual_milli)


def example_message(found: Entry | Unbooked) -> ledger_service_pb2.WorkedExample:
    """What a draft makes of a fault."""
    if isinstance(found, Unbooked):
        return ledger_service_pb2.WorkedExample(nothing=found.value)

    def money(amount: int) -> money_pb2.Money:
        return money_pb2.Money(currency_code=found.currency, minor_units=amount)

    return ledger_service_pb2.WorkedExample(
        total=money(found.total),
        low=money(found.low),
        middle=money(found.middle),
        high=money(found.high),
        formula=found.formula,
        formula_words=words(found.formula),
        inputs=[named(found.formula, name, value) for name, value in numbers_of(found.inputs).items()],
        hours=[hour_message(one) for one in found.inputs.hours] if isinstance(found.inputs, Measured) else [],
        left_out=[left_out_message(one) for one in found.left_out],
    )
