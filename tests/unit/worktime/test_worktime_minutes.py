"""The arithmetic against an oracle that looks at the local clock once a minute."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import pytest
from hypothesis import given

from services.runtime.refusal import Refusal
from services.runtime.worktime import Reading, SegmentKind, check, elapsed, is_open, read
from tests.unit.worktime.cases import CASES, Case, clocks, seeded
from tests.unit.worktime.minutes import NOTHING, Minutes, runs

AHEAD = timedelta(hours=4)


@pytest.mark.timeout(600 + CASES // 10)
def test_clocks_agree_with_stepping_through_the_minutes() -> None:
    """Elapsed, paused and closed time, the due instant and every segment are what a minute-stepping clock finds."""
    met: Counter[str] = Counter()

    @seeded(CASES)
    @given(clocks())
    def agree(case: Case) -> None:
        slow = Minutes(case.calendar, case.start, case.until + AHEAD)
        spans = runs(case.marks, case.until)
        assert elapsed(case.calendar, case.start, case.until) == slow.elapsed(case.start, case.until)
        assert is_open(case.calendar, case.start) == slow.is_open(case.start)
        reading = _read(case)
        if reading is None:
            assert slow.due(case.target, case.marks, case.until + AHEAD) is None
            met["unreachable"] += 1
            return
        check(reading)
        assert reading.elapsed == sum((slow.elapsed(mark.at, end) for mark, end in spans if mark.running), NOTHING)
        _agree_on_due(slow, case, reading)
        for segment in reading.segments:
            open_time = slow.elapsed(segment.start, segment.end)
            if segment.kind is not SegmentKind.PAUSED:
                assert open_time == (segment.length if segment.kind is SegmentKind.RUNNING else NOTHING)
        paused = any(not mark.running and mark.at < end for mark, end in spans)
        changed = slow.clock_changes(case.start, case.until)
        closed = slow.closed_date(case.start, case.until)
        made_up = slow.made_up(case.start, case.until)
        met.update({"cases": 1, "paused": paused, "changed": changed, "closed": closed, "made_up": made_up})
        met["any"] += paused or changed or closed

    agree()

    print(f"\n{dict(met)}")
    assert met["cases"] + met["unreachable"] >= CASES
    assert met["any"] >= CASES // 2
    assert min(met["paused"], met["changed"], met["closed"], met["made_up"]) >= CASES // 10


def _read(case: Case) -> Reading | None:
    """The reading; None for a calendar that never opens long enough."""
    try:
        return read(case.calendar, case.target, case.marks, case.until)
    except Refusal as refusal:
        if refusal.reason != "BEYOND_HORIZON":
            raise
        return None


def _agree_on_due(slow: Minutes, case: Case, reading: Reading) -> None:
    """Both find the same due instant, or both none up to where the oracle looked."""
    ahead = case.until + AHEAD
    due = slow.due(case.target, case.marks, ahead)
    if due is not None:
        assert reading.due_at == due
    elif case.marks[-1].running:
        assert reading.due_at is not None
        assert reading.due_at > ahead
    else:
        assert reading.due_at is None
