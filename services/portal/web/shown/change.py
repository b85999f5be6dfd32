"""A change as its pages show it: words, stages, who is next, what its reader may do, and its window among others."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta, tzinfo
from typing import Any

from flask_babel import gettext, lazy_gettext, ngettext
from google.protobuf.timestamp_pb2 import Timestamp
from throughline.changes.v1 import change_pb2 as pb
from throughline.portal.v1 import people_pb2

from services.portal.web import formats
from services.portal.web.shown.reader import Reader, instant, last_part

PLANNERS = frozenset({"agent", "lead", "problem_manager", "change_manager"})
VOTERS = frozenset({"change_manager", "approver"})

# Words, tone and icon of the chip.
STATES: dict[int, tuple[Any, str, str]] = {
    pb.CHANGE_STATE_DRAFT: (lazy_gettext("Draft"), "outline", "edit"),
    pb.CHANGE_STATE_AWAITING_APPROVAL: (lazy_gettext("Waits for approval"), "warn", "hourglass"),
    pb.CHANGE_STATE_APPROVED: (lazy_gettext("Approved"), "ok", "check-circle"),
    pb.CHANGE_STATE_REJECTED: (lazy_gettext("Sent back"), "warn", "return"),
    pb.CHANGE_STATE_IN_PROGRESS: (lazy_gettext("Being executed"), "", "play"),
    pb.CHANGE_STATE_SUCCEEDED: (lazy_gettext("Succeeded"), "ok", "check-circle"),
    pb.CHANGE_STATE_FAILED: (lazy_gettext("Failed"), "bad", "octagon"),
    pb.CHANGE_STATE_ROLLED_BACK: (lazy_gettext("Rolled back"), "warn", "undo"),
    pb.CHANGE_STATE_CANCELLED: (lazy_gettext("Cancelled"), "outline", "close"),
}
TYPES: dict[int, tuple[Any, str, str]] = {
    pb.CHANGE_TYPE_STANDARD: (lazy_gettext("Standard change"), "outline", "circle"),
    pb.CHANGE_TYPE_NORMAL: (lazy_gettext("Normal change"), "efficiency", "diamond"),
    pb.CHANGE_TYPE_EMERGENCY: (lazy_gettext("Emergency change"), "bad", "triangle"),
}
RISKS: dict[int, tuple[Any, str, str]] = {
    pb.RISK_LOW: (lazy_gettext("Low risk"), "outline", "shield"),
    pb.RISK_MEDIUM: (lazy_gettext("Medium risk"), "warn", "warning"),
    pb.RISK_HIGH: (lazy_gettext("High risk"), "bad", "flame"),
}
RESULTS: dict[int, tuple[Any, str, str]] = {
    pb.STEP_RESULT_UNSPECIFIED: (lazy_gettext("No result yet"), "outline", "hourglass"),
    pb.STEP_RESULT_PASSED: (lazy_gettext("Passed"), "ok", "check-circle"),
    pb.STEP_RESULT_FAILED: (lazy_gettext("Failed"), "bad", "octagon"),
}
ENDED = frozenset(
    {
        pb.CHANGE_STATE_SUCCEEDED,
        pb.CHANGE_STATE_FAILED,
        pb.CHANGE_STATE_ROLLED_BACK,
        pb.CHANGE_STATE_CANCELLED,
    }
)


def chip(words: dict[int, tuple[Any, str, str]], value: int) -> dict[str, str]:
    """What the macro `chip` takes for one value of a table above; a value of a later release is shown as unknown."""
    text, tone, icon = words.get(value, (lazy_gettext("Unknown"), "outline", "help"))
    return {"text": str(text), "tone": tone, "icon_name": icon}


def doer(change: pb.Change) -> str:
    """Who executes it: its implementer, or its author while nobody is named."""
    return change.implementer or change.author


def acts(change: pb.Change, person: people_pb2.Person) -> frozenset[str]:
    """What the page offers this reader; the service decides again.

    Of: edit, submit, vote, start, verify, finish, roll-back, cancel.
    """
    roles = set(person.roles)
    manages = "change_manager" in roles
    writes = manages or person.name == change.author
    executes = manages or person.name == doer(change)
    votes = bool(roles & VOTERS) and person.name not in (change.author, change.implementer)
    offered: dict[int, dict[str, bool]] = {
        pb.CHANGE_STATE_DRAFT: {"edit": writes, "submit": writes, "cancel": writes},
        pb.CHANGE_STATE_REJECTED: {"edit": writes, "cancel": writes},
        pb.CHANGE_STATE_AWAITING_APPROVAL: {"vote": votes, "cancel": writes},
        pb.CHANGE_STATE_APPROVED: {"start": executes, "cancel": writes},
        pb.CHANGE_STATE_IN_PROGRESS: {"verify": executes, "finish": executes, "roll-back": executes},
        pb.CHANGE_STATE_SUCCEEDED: {"roll-back": executes},
        pb.CHANGE_STATE_FAILED: {"roll-back": executes},
    }
    return frozenset(verb for verb, may in offered.get(change.state, {}).items() if may)


def vote_refused(change: pb.Change, person: people_pb2.Person) -> str:
    """Why a reader whose role votes has no vote here; "" when there is nothing to explain."""
    if change.state != pb.CHANGE_STATE_AWAITING_APPROVAL or not set(person.roles) & VOTERS:
        return ""
    if person.name == change.author:
        return gettext("You wrote this change, so somebody else approves it.")
    if person.name == change.implementer:
        return gettext("You will execute this change, so somebody else approves it.")
    return ""


def open_checks(change: pb.Change) -> int:
    """How many checks have no result yet."""
    return sum(1 for step in change.steps if step.result == pb.STEP_RESULT_UNSPECIFIED)


def sentence(change: pb.Change, reader: Reader) -> str:
    """Where it stands and who is next, in one or two sentences."""
    state, who, author = change.state, reader.called(doer(change)), reader.called(change.author)
    if state == pb.CHANGE_STATE_DRAFT:
        return gettext("Not submitted yet. Next: %(who)s completes the plan and asks for approval.", who=author)
    if state == pb.CHANGE_STATE_AWAITING_APPROVAL:
        return gettext(
            "Waits for one approval since %(when)s. Next: an approver or change manager other than %(who)s.",
            when=reader.near(instant(change.submit_time)),
            who=author,
        )
    if state == pb.CHANGE_STATE_APPROVED:
        return _approved(change, reader, who)
    if state == pb.CHANGE_STATE_REJECTED:
        return gettext("It was sent back. Next: %(who)s mends the plan and submits it again.", who=author)
    if state == pb.CHANGE_STATE_IN_PROGRESS:
        left = open_checks(change)
        if left:
            return ngettext(
                "Next: %(who)s records the result of the last check.",
                "Next: %(who)s records the results of %(num)s checks.",
                left,
                who=who,
            )
        return gettext("Every check has its result. Next: %(who)s finishes it.", who=who)
    return _ended(change, reader)


def _approved(change: pb.Change, reader: Reader, who: str) -> str:
    start, end = instant(change.window.start_time), instant(change.window.end_time)
    if reader.now < start:
        return gettext(
            "Approved. Next: %(who)s starts it in its window, from %(when)s.", who=who, when=reader.near(start)
        )
    if reader.now < end:
        return gettext("Its window is open. Next: %(who)s starts it before %(when)s.", who=who, when=reader.near(end))
    return gettext("Approved, but its window is over. Next: %(who)s cancels it and plans another.", who=who)


def _ended(change: pb.Change, reader: Reader) -> str:
    failed = sum(1 for step in change.steps if step.result == pb.STEP_RESULT_FAILED)
    if change.state == pb.CHANGE_STATE_SUCCEEDED:
        return gettext("Every check passed. It ended on %(when)s.", when=reader.near(instant(change.finish_time)))
    if change.state == pb.CHANGE_STATE_FAILED:
        return ngettext(
            "%(num)s of %(all)s checks failed. It ended on %(when)s.",
            "%(num)s of %(all)s checks failed. It ended on %(when)s.",
            failed,
            all=len(change.steps),
            when=reader.near(instant(change.finish_time)),
        )
    if change.state == pb.CHANGE_STATE_ROLLED_BACK:
        return gettext("It was taken back on %(when)s.", when=reader.near(instant(change.finish_time)))
    return gettext("It was cancelled and will not be done.")


def stages(change: pb.Change, reader: Reader) -> list[dict[str, str]]:
    """The way of a change for the macro `stages`, oldest first; what did not happen is to come or is missing."""
    state = change.state

    def day(stamp: Timestamp) -> str:
        return formats.day(instant(stamp), reader.language, reader.zone, reader.now.astimezone(reader.zone).date())

    checked = len(change.steps) - open_checks(change)
    shown = [{"state": "done", "title": gettext("Proposed"), "detail": day(change.create_time)}]
    if change.HasField("submit_time"):
        shown.append({"state": "done", "title": gettext("Submitted"), "detail": day(change.submit_time)})
    elif state == pb.CHANGE_STATE_DRAFT:
        shown.append({"state": "now", "title": gettext("Being planned"), "detail": ""})
    if state == pb.CHANGE_STATE_REJECTED:
        shown.append({"state": "waiting", "title": gettext("Sent back"), "detail": ""})
    if change.HasField("approve_time"):
        shown.append({"state": "done", "title": gettext("Approved"), "detail": day(change.approve_time)})
    elif state == pb.CHANGE_STATE_AWAITING_APPROVAL:
        shown.append({"state": "now", "title": gettext("Waits for approval"), "detail": gettext("needs 1")})
    if change.HasField("start_time"):
        shown.append({"state": "done", "title": gettext("Executed"), "detail": reader.near(instant(change.start_time))})
    elif state == pb.CHANGE_STATE_APPROVED:
        detail = reader.near(instant(change.window.start_time))
        shown.append({"state": "now", "title": gettext("Waits for its window"), "detail": detail})
    if state == pb.CHANGE_STATE_CANCELLED:
        return [*shown, {"state": "now", "title": gettext("Cancelled"), "detail": day(change.update_time)}]
    if state == pb.CHANGE_STATE_IN_PROGRESS:
        detail = gettext("%(done)s of %(all)s checks", done=checked, all=len(change.steps))
        shown.append({"state": "now", "title": gettext("Being verified"), "detail": detail})
    elif state in ENDED:
        detail = gettext("%(done)s of %(all)s checks", done=checked, all=len(change.steps))
        shown.append({"state": "done", "title": gettext("Verified"), "detail": detail})
        end = day(change.finish_time)
        return [*shown, {"state": "now", "title": str(STATES[state][0]), "detail": end}]
    order = [gettext("Submitted"), gettext("Approved"), gettext("Executed"), gettext("Verified"), gettext("Ended")]
    reached = {
        pb.CHANGE_STATE_DRAFT: 1,
        pb.CHANGE_STATE_REJECTED: 1,
        pb.CHANGE_STATE_AWAITING_APPROVAL: 2,
        pb.CHANGE_STATE_APPROVED: 3,
        pb.CHANGE_STATE_IN_PROGRESS: 4,
    }
    return shown + [{"state": "todo", "title": title, "detail": ""} for title in order[reached.get(state, 5) :]]


def overlaps(first: pb.Change, second: pb.Change) -> bool:
    """Whether both windows share an instant; a change without a window meets nothing."""
    if not first.HasField("window") or not second.HasField("window"):
        return False
    return instant(first.window.start_time) < instant(second.window.end_time) and instant(
        second.window.start_time
    ) < instant(first.window.end_time)


def axis(change: pb.Change, zone: tzinfo) -> tuple[datetime, datetime]:
    """The days that its window is shown among: one before it to one after, at least four, at most fourteen."""
    start, end = instant(change.window.start_time).astimezone(zone), instant(change.window.end_time).astimezone(zone)
    first = start.replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=1)
    days = min(14, max(4, (end.date() - first.date()).days + 2))
    return first, first + timedelta(days=days)


def neighbours(change: pb.Change, others: Iterable[pb.Change]) -> list[tuple[pb.Change, list[str]]]:
    """Other planned changes of these days with the services they share with this one; those that share come first."""
    mine = set(change.services)
    found = [
        (other, [service for service in other.services if service in mine])
        for other in others
        if other.name != change.name and other.state not in ENDED
    ]
    return sorted(found, key=lambda pair: (not pair[1], pair[0].window.start_time.seconds))


def lanes(change: pb.Change, others: Sequence[tuple[pb.Change, list[str]]], reader: Reader) -> dict[str, Any]:
    """What the macro `lanes` takes: rows, days, now (place in percent, word) and the finding in one sentence."""
    first, last = axis(change, reader.zone)

    def place(at: datetime) -> float:
        return round((at - first) / (last - first) * 100, 2)

    def bar(kind: str, start: datetime, end: datetime, text: str = "") -> dict[str, Any]:
        begin, finish = max(0.0, place(start)), min(100.0, place(end))
        late = finish > 60
        spot: dict[str, Any] = {"text_at": begin - 1, "text_end": True} if late else {"text_at": finish + 1}
        return {"kind": kind, "from": begin, "to": max(finish, begin + 0.6), "text": text} | spot

    own = [bar("planned", instant(change.window.start_time), instant(change.window.end_time))]
    if change.HasField("start_time"):
        end = instant(change.finish_time) if change.HasField("finish_time") else reader.now
        own.append(bar("run", instant(change.start_time), end))
    rows: list[dict[str, Any]] = [{"name": gettext("This change"), "bars": own}]
    for other, shared in others:
        both = (
            gettext("also touches %(services)s", services=", ".join(last_part(one) for one in shared)) if shared else ""
        )
        span = bar("other", instant(other.window.start_time), instant(other.window.end_time), both)
        rows.append({"name": last_part(other.name), "bars": [span]})
    count = (last - first).days
    days = [
        {
            "text": day(first + timedelta(days=at)),
            "short": str((first + timedelta(days=at)).day),
            "at": at / count * 100,
        }
        for at in range(count)
    ]
    meets = [last_part(other.name) for other, shared in others if shared and overlaps(change, other)]
    return {
        "rows": rows,
        "days": days if count <= 7 else [one | {"text": one["short"]} for one in days],
        "now": (place(reader.now), gettext("now") if 0 <= place(reader.now) <= 100 else ""),
        "label": gettext("%(names)s touch the same services in the same window.", names=", ".join(meets))
        if meets
        else gettext("No other change touches the same services in this window."),
        "meets": meets,
    }
