"""One change as the metrics see it, and how changes end: E17, and what of E18 they can tell."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from services.metrics.rules.fact import EPOCH
from services.metrics.rules.lengths import Lengths
from services.metrics.rules.measures import Sort
from services.metrics.rules.period import Filter
from services.metrics.rules.tally import Tally

WARRANTY = timedelta(days=7)
"""An incident that is laid to a change and opens within this time of its end takes the success back."""


class ChangeType(StrEnum):
    """How a change is approved."""

    STANDARD = "STANDARD"
    NORMAL = "NORMAL"
    EMERGENCY = "EMERGENCY"


class End(StrEnum):
    """How a change ended in service; NONE while it has not, or never will."""

    NONE = ""
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    ROLLED_BACK = "ROLLED_BACK"


@dataclass(frozen=True, slots=True)
class ChangeFact:
    """One change. ended_at: when it was verified, failed or rolled back."""

    change: str
    type: ChangeType = ChangeType.NORMAL
    end: End = End.NONE
    services: tuple[str, ...] = ()
    unit: str = ""
    drafted_at: datetime = EPOCH
    ended_at: datetime | None = None


SORTS: Mapping[str, Sort] = {
    "change_success": Sort.SHARE,
    "change_success_standard": Sort.SHARE,
    "change_with_issues": Sort.SHARE,
    "change_failed": Sort.SHARE,
    "change_fail_rate": Sort.SHARE,
    "changes_implemented": Sort.COUNT,
    "change_lead_time": Sort.LENGTH,
}
"""What changes feed, and how it adds up."""


def change_fact_name(change: str) -> str:
    """The fact of a change: "changes/CHG-000012" -> "changeFacts/CHG-000012"."""
    return f"changeFacts/{change.partition('/')[2]}"


def fold_change(before: ChangeFact | None, seen: ChangeFact, at: datetime) -> tuple[ChangeFact, tuple[()]]:
    """The fact after the next event of its change; it ended when it was first told to have."""
    if seen.end is End.NONE:
        return seen, ()
    return replace(seen, ended_at=(before.ended_at if before else None) or seen.ended_at or at), ()


def is_about_changes(filter: Filter) -> bool:
    """Whether a filter asks only for what changes have: a service."""
    return filter == Filter(service=filter.service)


def add_changes(tally: Tally, changes: Iterable[ChangeFact], blamed: Mapping[str, Iterable[datetime]]) -> None:
    """Counts changes that ended in a period. blamed: when incidents that are laid to each had opened."""
    for change in changes:
        if change.ended_at is None:
            continue
        until = change.ended_at + WARRANTY
        trouble = any(change.ended_at <= at < until for at in blamed.get(change.change, ()))
        verified = change.end is End.SUCCEEDED
        standard = change.type is ChangeType.STANDARD
        _share(tally, "change_success_standard" if standard else "change_success", verified and not trouble)
        _share(tally, "change_with_issues", verified and trouble)
        _share(tally, "change_failed", not verified)
        _share(tally, "change_fail_rate", trouble or not verified)
        tally.counts["changes_implemented"] = tally.count("changes_implemented") + 1
        if verified:
            lengths = tally.lengths.setdefault("change_lead_time", Lengths())
            lengths.add(max(0, (change.ended_at - change.drafted_at) // timedelta(seconds=1)))


def _share(tally: Tally, name: str, yes: bool) -> None:
    share = tally.shares.setdefault(name, [0, 0])
    share[0] += yes
    share[1] += 1
