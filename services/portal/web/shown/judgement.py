"""A judgement as its pages show it: how far it is, what would flip, why, and that nothing published has changed."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Protocol

from flask import url_for
from flask_babel import gettext, ngettext
from throughline.sla.v1 import judgement_pb2 as pb
from throughline.sla.v1 import sla_pb2
from throughline.tickets.v1 import ticket_pb2

from services.portal.web import formats
from services.portal.web.shown.reader import Reader, instant, last_part

_TONES = {
    pb.JUDGEMENT_STATE_QUEUED: ("pause", "hourglass"),
    pb.JUDGEMENT_STATE_RUNNING: ("", "loader-dash"),
    pb.JUDGEMENT_STATE_DONE: ("ok", "check-circle"),
    pb.JUDGEMENT_STATE_FAILED: ("bad", "octagon"),
    pb.JUDGEMENT_STATE_CANCELLED: ("pause", "pause"),
}

_NAMED = 4


class _Named(Protocol):
    name: str

    @property
    def display_names(self) -> Any: ...


def called(one: _Named, reader: Reader) -> str:
    """A policy or calendar by its name in the reader's language, else by its last part."""
    return one.display_names.get(reader.language, "") or last_part(one.name)


def pause_choices() -> list[str]:
    """What can happen to the rule of the pause, in the order of the form's choices."""
    found = (gettext("As published"), gettext("Waiting stops the clock"), gettext("The clock runs on"))
    return [str(text) for text in found]


def state(one: pb.Judgement) -> dict[str, str]:
    """The chip of a judgement."""
    words = {
        pb.JUDGEMENT_STATE_QUEUED: gettext("Waits to begin"),
        pb.JUDGEMENT_STATE_RUNNING: gettext("Being judged"),
        pb.JUDGEMENT_STATE_DONE: gettext("Judged"),
        pb.JUDGEMENT_STATE_FAILED: gettext("Could not be judged"),
        pb.JUDGEMENT_STATE_CANCELLED: gettext("Stopped"),
    }
    tone, icon_name = _TONES[one.state]
    return {"text": str(words[one.state]), "tone": tone, "icon_name": icon_name}


def row(one: pb.Judgement, reader: Reader, href: str) -> dict[str, Any]:
    """A judgement in the list."""
    return {
        "title": one.note or _drafts(one, reader),
        "period": _period(one, reader),
        "href": href,
        "state": state(one),
        "flips": formats.number(one.flip_count, reader.language, 0),
        "who": reader.called(one.author),
        "when": formats.ago(instant(one.create_time), reader.now, reader.language, reader.zone),
    }


def progress(one: pb.Judgement, reader: Reader) -> dict[str, Any]:
    """How far it is, in tickets and per cent."""
    number, share = partial_number(reader), one.done_count * 100 // one.step_count if one.step_count else 0
    text = gettext(
        "%(share)s%% done: %(tickets)s tickets judged, %(flips)s verdicts would flip so far.",
        share=share,
        tickets=number(one.ticket_count),
        flips=number(one.flip_count),
    )
    return {"done": one.done_count, "total": max(one.step_count, 1), "text": str(text)}


def facts(one: pb.Judgement, reader: Reader) -> list[tuple[str, str]]:
    """What was tried, on what, by whom."""
    number = partial_number(reader)
    found = [
        (gettext("Opened between"), _period(one, reader)),
        (gettext("Drafts tried"), _drafts(one, reader)),
        (gettext("Tickets judged"), number(one.ticket_count)),
        (gettext("Of these no draft concerns"), number(one.unconcerned_count)),
    ]
    if one.unjudged_count:
        found.append((gettext("Left out, history not kept whole"), number(one.unjudged_count)))
    found.append((gettext("Tried by"), f"{reader.called(one.author)}, {_moment(one, reader)}"))
    return [(str(term), text) for term, text in found]


def headline(one: pb.Judgement, reader: Reader) -> str:
    """What came of it in one sentence."""
    number = partial_number(reader)
    total = next((each for each in one.groups if each.dimension == pb.JUDGEMENT_DIMENSION_TOTAL), pb.JudgementGroup())
    if not one.flip_count:
        return str(gettext("No verdict would have been another."))
    return str(
        gettext(
            "%(flips)s verdicts would have been others: %(missed)s missed, %(met)s kept, %(withdrawn)s not given. "
            "Kept in time: %(after)s instead of %(before)s.",
            flips=number(one.flip_count),
            missed=number(total.to_missed_count),
            met=number(total.to_met_count),
            withdrawn=number(total.withdrawn_count),
            before=_kept(total.met_before_count, total.missed_before_count, reader),
            after=_kept(total.met_after_count, total.missed_after_count, reader),
        )
    )


def tables(one: pb.Judgement, reader: Reader) -> list[dict[str, Any]]:
    """The groups by priority, policy and month: before, after, flips."""
    titles = {
        pb.JUDGEMENT_DIMENSION_PRIORITY: gettext("By priority"),
        pb.JUDGEMENT_DIMENSION_POLICY: gettext("By policy"),
        pb.JUDGEMENT_DIMENSION_MONTH: gettext("By month of opening"),
    }
    return [
        {
            "title": str(title),
            "rows": [_group(each, reader) for each in one.groups if each.dimension == dimension],
        }
        for dimension, title in titles.items()
    ]


def proof(one: pb.Judgement) -> dict[str, Any]:
    """Whether what is published stayed as it was, and the digests that say so."""
    if not one.digest_after:
        return {}
    same = one.digest_before == one.digest_after
    if same:
        text = gettext("Published verdicts are untouched: the same digest before and after.")
    else:
        text = ngettext(
            "Meanwhile %(num)s event turned these tickets' clocks, so the digests differ.",
            "Meanwhile %(num)s events turned these tickets' clocks, so the digests differ.",
            one.turned_count,
        )
    return {"same": same, "text": str(text), "before": one.digest_before, "after": one.digest_after}


def views(one: pb.Judgement, reader: Reader) -> dict[str, str]:
    """The lists of flips, by the word in their address."""
    number = partial_number(reader)
    total = next((each for each in one.groups if each.dimension == pb.JUDGEMENT_DIMENSION_TOTAL), pb.JudgementGroup())
    return {
        "": str(gettext("All %(count)s", count=number(one.flip_count))),
        "missed": str(gettext("Would be missed %(count)s", count=number(total.to_missed_count))),
        "met": str(gettext("Would be kept %(count)s", count=number(total.to_met_count))),
    }


def flip(one: pb.VerdictFlip, reader: Reader) -> dict[str, Any]:
    """One flip: the ticket, the verdicts, and why in a sentence."""
    response = one.kind == sla_pb2.CLOCK_KIND_RESPONSE
    return {
        "id": last_part(one.ticket),
        "href": url_for("queue.ticket", number=last_part(one.ticket)),
        "opened": reader.near(instant(one.open_time)),
        "priority": one.priority,
        "clock": str(gettext("First reply") if response else gettext("Solution")),
        "before": _verdict(one.before.verdict if one.HasField("before") else pb.VERDICT_NONE),
        "after": _verdict(one.after.verdict if one.HasField("after") else pb.VERDICT_NONE),
        "why": " ".join(_why(one, reason, reader) for reason in one.reasons),
        "span": _span(one, reader),
    }


def partial_number(reader: Reader) -> Any:
    """A count as the reader's language prints it."""
    return lambda count: formats.number(count, reader.language, 0)


def _why(one: pb.VerdictFlip, reason: int, reader: Reader) -> str:
    before, after = one.before, one.after
    if reason == pb.FLIP_REASON_POLICY:
        none = str(gettext("none"))
        return str(
            gettext(
                "Another policy: %(after)s instead of %(before)s.",
                before=last_part(before.policy) or none,
                after=last_part(after.policy) or none,
            )
        )
    if reason == pb.FLIP_REASON_TARGET:
        return str(
            gettext(
                "Target %(after)s instead of %(before)s; %(used)s were used.",
                before=_hours(before.target.ToTimedelta(), reader),
                after=_hours(after.target.ToTimedelta(), reader),
                used=_hours(after.elapsed.ToTimedelta(), reader),
            )
        )
    used = {
        "before": _hours(before.elapsed.ToTimedelta(), reader),
        "after": _hours(after.elapsed.ToTimedelta(), reader),
    }
    if reason == pb.FLIP_REASON_CALENDAR:
        return str(gettext("Other hours: %(after)s counted instead of %(before)s.", **used))
    if reason == pb.FLIP_REASON_PAUSES:
        return str(gettext("Other pauses: %(after)s counted instead of %(before)s.", **used))
    if reason == pb.FLIP_REASON_START:
        return str(gettext("Another start: %(after)s counted instead of %(before)s.", **used))
    return str(gettext("No draft: the published promise has changed since."))


def _span(one: pb.VerdictFlip, reader: Reader) -> str:
    """The span that decided it, "" when none did."""
    if not one.HasField("segment"):
        return ""
    segment = one.segment
    ends = {"start": reader.near(instant(segment.start_time)), "end": reader.near(instant(segment.end_time))}
    if segment.kind == sla_pb2.SEGMENT_KIND_RUNNING:
        return str(gettext("Used up while it ran from %(start)s to %(end)s.", **ends))
    if segment.ticket_state == ticket_pb2.TICKET_STATE_AWAITING_REQUESTER:
        return str(gettext("Waited for the requester from %(start)s to %(end)s.", **ends))
    return str(gettext("Stood still from %(start)s to %(end)s.", **ends))


def _verdict(verdict: int) -> dict[str, str]:
    words: dict[int, tuple[str, str]] = {
        pb.VERDICT_MET: ("met", gettext("Met")),
        pb.VERDICT_MISSED: ("breached", gettext("Missed")),
        pb.VERDICT_OPEN: ("running", gettext("Not decided")),
    }
    kind, text = words.get(verdict, ("paused", str(gettext("Not promised"))))
    return {"state": kind, "text": str(text)}


def _group(one: pb.JudgementGroup, reader: Reader) -> list[str]:
    number = partial_number(reader)
    names = {pb.JUDGEMENT_DIMENSION_PRIORITY: f"P{one.key}" if one.key != "0" else str(gettext("Not sorted yet"))}
    return [
        names.get(one.dimension, (reader.called(one.key) if one.key else "") or str(gettext("none"))),
        _kept(one.met_before_count, one.missed_before_count, reader),
        _kept(one.met_after_count, one.missed_after_count, reader),
        number(one.to_missed_count),
        number(one.to_met_count),
        number(one.withdrawn_count),
    ]


def _kept(met: int, missed: int, reader: Reader) -> str:
    """The share of verdicts that were kept, in tenths of a per cent, as text."""
    if not met + missed:
        return "–"
    tenths = met * 1000 // (met + missed)
    return f"{formats.number(tenths // 10, reader.language, 0)}.{tenths % 10}%"


def _hours(length: timedelta, reader: Reader) -> str:
    """A length of service time in hours and minutes, never in days."""
    minutes = round(length.total_seconds() / 60)
    whole = formats.number(minutes // 60, reader.language, 0)
    return str(gettext("%(hours)s h %(minutes)s min", hours=whole, minutes=f"{minutes % 60:02}"))


def _period(one: pb.Judgement, reader: Reader) -> str:
    start, end = instant(one.period.start_time), instant(one.period.end_time) - timedelta(milliseconds=1)
    local = [at.astimezone(reader.zone).date().isoformat() for at in (start, end)]
    return formats.span(local[0], local[1], reader.language)


def _drafts(one: pb.Judgement, reader: Reader) -> str:
    names = [*(called(each, reader) for each in one.policies), *(called(each, reader) for each in one.calendars)]
    listed = ("、" if reader.language == "zh" else ", ").join(names[:_NAMED])
    if len(names) <= _NAMED:
        return listed
    return str(gettext("%(names)s and %(num)s more", names=listed, num=len(names) - _NAMED))


def _moment(one: pb.Judgement, reader: Reader) -> str:
    return formats.moment(instant(one.create_time), reader.language, reader.zone)
