"""What was promised, and what would be: the promise card of a ticket and the sentence before one is filed."""

from __future__ import annotations

from typing import Any

from flask_babel import gettext
from throughline.sla.v1 import sla_pb2, sla_service_pb2

from services.portal.web.shown import clock as clocks_shown
from services.portal.web.shown import why
from services.portal.web.shown.reader import Reader, instant, last_part


def policy_words(reference: str, policy: sla_pb2.Policy | None, reader: Reader) -> str:
    """The name of a policy in the reader's language; its id when it cannot be asked for."""
    names = policy.display_names if policy is not None else {}
    return names.get(reader.language, "") or next(iter(names.values()), "") or last_part(reference)


def card(clocks: sla_pb2.TicketClocks, policy: sla_pb2.Policy | None, reader: Reader) -> dict[str, Any]:
    """{"facts": pairs for macro `facts`, "bar", "legend", "pauses"} of the clocks of a ticket."""
    facts = []
    labels = {clocks_shown.RESPONSE: gettext("First answer"), clocks_shown.RESOLUTION: gettext("Done")}
    for kind, label in labels.items():
        clock = clocks_shown.find(clocks, kind)
        if clock is not None:
            warned = why.warning(clock.unverified_years)
            facts.append((str(label), " ".join(filter(None, (_target(clock, reader), warned)))))
    facts.append((str(gettext("Policy")), policy_words(clocks.policy, policy, reader)))
    leading = clocks_shown.leading(clocks)
    if leading is not None:
        facts.append((str(gettext("Used so far")), _used(leading, reader)))
    return {
        "facts": facts,
        "chip": clocks_shown.chip(leading, reader.now) if leading is not None else None,
        "bar": clocks_shown.bar(leading, reader, narrow=True) if leading is not None else None,
        "legend": clocks_shown.legend(leading, reader) if leading is not None else [],
        "pauses": clocks_shown.pauses(leading, reader) if leading is not None else [],
    }


def preview(promised: sla_service_pb2.PreviewPromiseResponse, reader: Reader) -> dict[str, Any]:
    """What would be promised, as {"title", "text", "details", "warning"}; said plainly when no policy matches."""
    if not promised.policy:
        return {
            "title": str(gettext("No promise is defined for this")),
            "text": str(
                gettext("The service desk reads it and answers here; you see who is next from the first minute.")
            ),
        }
    response = instant(promised.response_due_time) if promised.HasField("response_due_time") else None
    done = instant(promised.resolution_due_time) if promised.HasField("resolution_due_time") else None
    name = policy_words(promised.policy, sla_pb2.Policy(display_names=promised.display_names), reader)
    text = str(gettext("Sent now, under the policy “%(name)s”. Time that waits for you does not count.", name=name))
    if response is not None and done is not None:
        title = gettext(
            "Answered by %(answered)s, done by %(done)s", answered=reader.near(response), done=reader.near(done)
        )
    elif response is not None:
        title = gettext("Answered by %(answered)s; no time is promised for the result", answered=reader.near(response))
    elif done is not None:
        title = gettext("Done by %(done)s", done=reader.near(done))
    else:
        title = gettext("The calendar has no service hours ahead")
    years = sorted({year for one in promised.targets for year in one.unverified_years})
    return {"title": str(title), "text": text, "details": _details(promised, reader), "warning": why.warning(years)}


def _details(promised: sla_service_pb2.PreviewPromiseResponse, reader: Reader) -> list[str]:
    """Each target with its length and its due time, what pauses, and the hours and version that count."""
    told = []
    for one in promised.targets:
        words = {"title": why.title(one.kind), "length": reader.hours(one.duration.ToTimedelta())}
        if one.HasField("due_time"):
            words["time"] = reader.near(instant(one.due_time))
            told.append(gettext("%(title)s: within %(length)s of service time, by %(time)s.", **words))
        else:
            told.append(gettext("%(title)s: within %(length)s of service time.", **words))
    names = promised.calendar.display_names
    hours = names.get(reader.language, "") or next(iter(names.values()), "") or last_part(promised.calendar.name)
    told.append(gettext("Service hours: %(name)s. Version %(number)s.", name=hours, number=promised.policy_version))
    return [str(one) for one in told]


def _target(clock: sla_pb2.Clock, reader: Reader) -> str:
    """`within 30 min: done 10:48`, `within 8 h: by 16:00`, `within 8 h: paused`."""
    within = gettext("within %(length)s", length=reader.hours(clock.target.ToTimedelta()))
    if clock.HasField("stop_time") and clocks_shown.is_stopped(clock):
        stopped = reader.near(instant(clock.stop_time))
        if clock.state == sla_pb2.CLOCK_STATE_MISSED:
            return str(gettext("%(within)s; happened %(time)s, too late", within=within, time=stopped))
        if clock.state == sla_pb2.CLOCK_STATE_MET:
            return str(gettext("%(within)s; happened %(time)s", within=within, time=stopped))
        return str(gettext("%(within)s; stopped", within=within))
    if clock.state == sla_pb2.CLOCK_STATE_PAUSED:
        return str(gettext("%(within)s; paused", within=within))
    if clocks_shown.is_overdue(clock, reader.now) and clock.HasField("breach_time"):
        return str(gettext("%(within)s; was due %(time)s", within=within, time=reader.near(instant(clock.breach_time))))
    if clock.HasField("due_time"):
        return str(gettext("%(within)s; due %(time)s", within=within, time=reader.near(instant(clock.due_time))))
    return str(within)


def _used(clock: sla_pb2.Clock, reader: Reader) -> str:
    target = clock.target.ToTimedelta()
    used = target - clocks_shown.remaining(clock, reader.now)
    return str(gettext("%(used)s of %(target)s", used=reader.hours(used), target=reader.hours(target)))
