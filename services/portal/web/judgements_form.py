"""The form of a trial: which promises it changes and how, as whole drafts of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from flask_babel import get_timezone, gettext
from google.protobuf.duration_pb2 import Duration
from throughline.sla.v1 import judgement_pb2 as pb
from throughline.sla.v1 import sla_pb2
from throughline.tickets.v1 import ticket_pb2

NOTHING: Mapping[str, str] = {}
LEAST, MOST = 1, 1000
_ASKED = ticket_pb2.TICKET_STATE_AWAITING_REQUESTER


class Choice(StrEnum):
    """What happens to the rule that waiting for the requester stops the clock."""

    KEEP = ""
    PAUSE = "pause"
    RUN = "run"


def drafted(given: Mapping[str, str], policies: Sequence[sla_pb2.Policy]) -> tuple[pb.Judgement, dict[str, str]]:
    """The request that a form asks for, and by field what is wrong with it. The last day counts as a whole."""
    errors: dict[str, str] = {}
    start, end = _midnight(given.get("start", "")), _midnight(given.get("end", ""), 1)
    if start is None:
        errors["start"] = str(gettext("Choose the first day."))
    if end is None:
        errors["end"] = str(gettext("Choose the last day."))
    elif start is not None and end <= start:
        errors["end"] = str(gettext("The last day lies before the first."))
    share = _share(given.get("share", "100"))
    if share is None:
        errors["share"] = str(gettext("Write a whole number from %(least)s to %(most)s.", least=LEAST, most=MOST))
    wanted = given.get("policy", "")
    chosen = [one for one in policies if wanted in ("", one.name)]
    if not chosen:
        errors["policy"] = str(gettext("Choose a policy that is in force."))
    drafts = [draft(one, share or 100, given.get("calendar", ""), given.get("pauses", "")) for one in chosen]
    changed = [new for new, old in zip(drafts, chosen, strict=True) if new != old]
    if not errors and not changed:
        errors["share"] = str(gettext("Change something: the target, the calendar or the pause."))
    asked = pb.Judgement(policies=changed, note=given.get("note", "").strip())
    if start is not None and end is not None:
        asked.period.start_time.FromDatetime(start)
        asked.period.end_time.FromDatetime(end)
    return asked, errors


def draft(policy: sla_pb2.Policy, share: int, calendar: str, pauses: str) -> sla_pb2.Policy:
    """A policy with its targets at `share` per cent, perhaps another calendar, and another rule of the pause."""
    made = sla_pb2.Policy()
    made.CopyFrom(policy)
    made.calendar = calendar or policy.calendar
    for target in made.targets:
        seconds = max(1, target.duration.seconds * share // 100)
        target.duration.CopyFrom(Duration(seconds=seconds))
        states = set(target.pause_states)
        if pauses == Choice.PAUSE:
            states.add(_ASKED)
        elif pauses == Choice.RUN:
            states.discard(_ASKED)
        if states != set(target.pause_states):
            del target.pause_states[:]
            target.pause_states.extend(sorted(states))
    return made


def _share(text: str) -> int | None:
    text = text.strip()
    if not text.isdecimal() or len(text) > 4 or not LEAST <= int(text) <= MOST:
        return None
    return int(text)


def _midnight(text: str, later: int = 0) -> datetime | None:
    """The start of a day, or of one `later` days on, in the reader's zone."""
    try:
        day = date.fromisoformat(text) + timedelta(days=later)
        return datetime.combine(day, time(), ZoneInfo(str(get_timezone()))).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
