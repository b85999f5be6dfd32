"""A change as its pages show it: words, stages, who is next, and what its reader may do."""

from __future__ import annotations

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
ENDED: frozenset[pb.ChangeState.ValueType] = frozenset(
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
        return str(gettext("You wrote this change, so somebody else approves it."))
    if person.name == change.implementer:
        return str(gettext("You will execute this change, so somebody else approves it."))
    return ""


def next_words(change: pb.Change, reader: Reader) -> str:
    """Who is next, in a few words; "" when it is over."""
    if change.state in ENDED:
        return ""
    if change.state == pb.CHANGE_STATE_AWAITING_APPROVAL:
        return str(gettext("Next: an approver"))
    planning = change.state in (pb.CHANGE_STATE_DRAFT, pb.CHANGE_STATE_REJECTED)
    return str(gettext("Next: %(name)s", name=reader.called(change.author if planning else doer(change))))


def window_words(change: pb.Change, reader: Reader) -> str:
    """`Nov 25, 02:00–04:00`; says so when it has no window yet."""
    if not change.HasField("window"):
        return str(gettext("No window yet"))
    return reader.stretch(instant(change.window.start_time), instant(change.window.end_time))


def row(change: pb.Change, reader: Reader) -> dict[str, Any]:
    """One line of the list: id, title, the chips `type`, `risk`, `state`, next and window in words."""
    return {
        "id": last_part(change.name),
        "title": change.title,
        "type": chip(TYPES, change.type),
        "risk": chip(RISKS, change.risk),
        "state": chip(STATES, change.state),
        "next": next_words(change, reader),
        "window": window_words(change, reader),
    }


def check_row(step: pb.VerificationStep, reader: Reader) -> dict[str, Any]:
    """One check: id, check, pass_mark, result (a chip), note, and who looked when ("" before)."""
    looked = ""
    if step.HasField("verify_time"):
        when = reader.near(instant(step.verify_time))
        looked = str(gettext("%(name)s, %(when)s", name=reader.called(step.verifier), when=when))
    return {
        "id": step.id,
        "check": step.check,
        "pass_mark": step.pass_mark,
        "result": chip(RESULTS, step.result),
        "note": step.note,
        "looked": looked,
    }


def approvals(change: pb.Change, reader: Reader) -> list[dict[str, Any]]:
    """The votes and the one that is still needed, as steps of macro `journey`, oldest first."""
    steps: list[dict[str, Any]] = []
    for one in change.approvals:
        approved = one.vote == pb.VOTE_APPROVED
        step: dict[str, Any] = {
            "state": "done" if approved else "waiting",
            "title": reader.called(one.approver),
            "time": reader.near(instant(one.vote_time)),
            "detail": str(gettext("Approved") if approved else gettext("Sent back")),
        }
        if one.note:
            step["quote"] = {"text": one.note}
        steps.append(step)
    if change.state == pb.CHANGE_STATE_AWAITING_APPROVAL:
        title = str(gettext("An approver or change manager"))
        detail = str(gettext("One approval is needed; nobody approves their own change"))
        steps.append({"state": "now", "title": title, "detail": detail})
    elif not steps:
        detail = str(gettext("Asked for once the plan is submitted"))
        steps.append({"state": "todo", "title": str(gettext("An approver or change manager")), "detail": detail})
    return steps


def open_checks(change: pb.Change) -> int:
    """How many checks have no result yet."""
    return sum(1 for step in change.steps if step.result == pb.STEP_RESULT_UNSPECIFIED)


def sentence(change: pb.Change, reader: Reader) -> str:
    """Where it stands and who is next, in one or two sentences."""
    state, who, author = change.state, reader.called(doer(change)), reader.called(change.author)
    if state == pb.CHANGE_STATE_DRAFT:
        return str(gettext("Not submitted yet. Next: %(who)s completes the plan and asks for approval.", who=author))
    if state == pb.CHANGE_STATE_AWAITING_APPROVAL:
        return str(
            gettext(
                "Waits for one approval since %(when)s. Next: an approver or change manager other than %(who)s.",
                when=reader.near(instant(change.submit_time)),
                who=author,
            )
        )
    if state == pb.CHANGE_STATE_APPROVED:
        return _approved(change, reader, who)
    if state == pb.CHANGE_STATE_REJECTED:
        return str(gettext("It was sent back. Next: %(who)s mends the plan and submits it again.", who=author))
    if state == pb.CHANGE_STATE_IN_PROGRESS:
        left = open_checks(change)
        if left:
            return str(
                ngettext(
                    "Next: %(who)s records the result of the last check.",
                    "Next: %(who)s records the results of %(num)s checks.",
                    left,
                    who=who,
                )
            )
        return str(gettext("Every check has its result. Next: %(who)s finishes it.", who=who))
    return _ended(change, reader)


def _approved(change: pb.Change, reader: Reader, who: str) -> str:
    start, end = instant(change.window.start_time), instant(change.window.end_time)
    if reader.now < start:
        return str(
            gettext("Approved. Next: %(who)s starts it in its window, from %(when)s.", who=who, when=reader.near(start))
        )
    if reader.now < end:
        return str(
            gettext("Its window is open. Next: %(who)s starts it before %(when)s.", who=who, when=reader.near(end))
        )
    return str(gettext("Approved, but its window is over. Next: %(who)s cancels it and plans another.", who=who))


def _ended(change: pb.Change, reader: Reader) -> str:
    failed = sum(1 for step in change.steps if step.result == pb.STEP_RESULT_FAILED)
    if change.state == pb.CHANGE_STATE_SUCCEEDED:
        return str(gettext("Every check passed. It ended on %(when)s.", when=reader.near(instant(change.finish_time))))
    if change.state == pb.CHANGE_STATE_FAILED:
        return str(
            ngettext(
                "%(num)s of %(all)s checks failed. It ended on %(when)s.",
                "%(num)s of %(all)s checks failed. It ended on %(when)s.",
                failed,
                all=len(change.steps),
                when=reader.near(instant(change.finish_time)),
            )
        )
    if change.state == pb.CHANGE_STATE_ROLLED_BACK:
        return str(gettext("It was taken back on %(when)s.", when=reader.near(instant(change.finish_time))))
    return str(gettext("It was cancelled and will not be done."))


def stages(change: pb.Change, reader: Reader) -> list[dict[str, str]]:
    """The way of a change for the macro `stages`, oldest first; a step that never came is left out once it ended."""
    state = change.state
    done = str(
        gettext("%(done)s of %(all)s checks", done=len(change.steps) - open_checks(change), all=len(change.steps))
    )
    way = [
        _stage(gettext("Proposed"), change, "create_time", reader),
        _stage(gettext("Submitted"), change, "submit_time", reader),
        _stage(gettext("Approved"), change, "approve_time", reader),
        _stage(gettext("Executed"), change, "start_time", reader),
        _stage(gettext("Verified"), change, "finish_time", reader) | {"detail": done},
    ]
    if state in ENDED:
        when = change.finish_time if change.HasField("finish_time") else change.update_time
        end = {"state": "now", "title": str(STATES[state][0]), "detail": _day(when, reader)}
        return [one for one in way if one["state"] == "done"] + [end]
    way.append({"state": "todo", "title": str(gettext("Ended")), "detail": ""})
    at, title, detail = {
        pb.CHANGE_STATE_DRAFT: (1, gettext("Being planned"), ""),
        pb.CHANGE_STATE_REJECTED: (1, gettext("Sent back"), ""),
        pb.CHANGE_STATE_AWAITING_APPROVAL: (2, gettext("Waits for approval"), gettext("needs 1")),
        pb.CHANGE_STATE_APPROVED: (3, gettext("Waits for its window"), _day(change.window.start_time, reader)),
        pb.CHANGE_STATE_IN_PROGRESS: (4, gettext("Being verified"), done),
    }.get(state, (5, "", ""))
    mark = "waiting" if state == pb.CHANGE_STATE_REJECTED else "now"
    way[at] = {"state": mark, "title": str(title), "detail": str(detail)}
    return way


def _stage(title: Any, change: pb.Change, field: str, reader: Reader) -> dict[str, str]:
    """A step that happened, with its day, or one to come."""
    if not change.HasField(field):  # type: ignore[arg-type]  # the name of a Timestamp field
        return {"state": "todo", "title": str(title), "detail": ""}
    return {"state": "done", "title": str(title), "detail": _day(getattr(change, field), reader)}


def _day(stamp: Timestamp, reader: Reader) -> str:
    return formats.day(instant(stamp), reader.language, reader.zone, reader.now.astimezone(reader.zone).date())


def page(change: pb.Change, person: people_pb2.Person, reader: Reader) -> dict[str, Any]:
    """What the page of one change prints, by name."""
    opens_at = instant(change.window.start_time) if change.HasField("window") else reader.now
    early = change.state == pb.CHANGE_STATE_APPROVED and reader.now < opens_at
    passed = sum(1 for step in change.steps if step.result == pb.STEP_RESULT_PASSED)
    return {
        "acts": acts(change, person),
        "why_no_vote": vote_refused(change, person),
        "lead": sentence(change, reader),
        "stages": stages(change, reader),
        "type": chip(TYPES, change.type),
        "risk": chip(RISKS, change.risk),
        "tickets": [last_part(ticket) for ticket in change.tickets],
        "services": [last_part(service) for service in change.services],
        "checks": [check_row(step, reader) for step in change.steps],
        "checks_said": str(gettext("%(done)s of %(all)s passed", done=passed, all=len(change.steps))),
        "open_checks": open_checks(change),
        "approvals": approvals(change, reader),
        "people": _facts(change, reader),
        "too_early": str(gettext("Start: from %(when)s", when=reader.near(opens_at))) if early else "",
    }


def _facts(change: pb.Change, reader: Reader) -> list[tuple[str, str]]:
    """Who and when, as (term, description)."""
    pairs = [
        (gettext("Planned by"), reader.called(change.author)),
        (gettext("Executed by"), reader.called(doer(change))),
        (gettext("Window"), window_words(change, reader)),
        (gettext("Planned"), reader.near(instant(change.create_time))),
    ]
    for term, name in ((gettext("Started"), "start_time"), (gettext("Ended"), "finish_time")):
        if change.HasField(name):  # type: ignore[arg-type]  # the name of a Timestamp field
            pairs.append((term, reader.near(instant(getattr(change, name)))))
    return [(str(term), said) for term, said in pairs]
