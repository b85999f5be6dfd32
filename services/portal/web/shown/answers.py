"""The four answers of a ticket: who is next, when, what blocks, what the requester owes. None is ever empty."""

from __future__ import annotations

from flask_babel import gettext, ngettext
from throughline.sla.v1 import sla_pb2
from throughline.tickets.v1 import ticket_pb2

from services.portal.web import formats
from services.portal.web.shown import clock as clocks_shown
from services.portal.web.shown import expected
from services.portal.web.shown.reader import Reader, instant
from services.portal.web.shown.ticket import AWAITING, CANCELLED, ENDED, NEW, RESOLVED, hands, hold_words, is_own

Answer = dict[str, str]


def next_answer(ticket: ticket_pb2.Ticket, reader: Reader) -> Answer:
    """Who is next: {"value", "detail", "person", "tint"}; person is "" for teams and outside parties."""
    given = ticket.answers
    team = reader.called(ticket.team) if ticket.team else ""
    name = reader.called(given.next_name)
    if given.next == ticket_pb2.NEXT_ACTOR_REQUESTER:
        yours = is_own(ticket, reader)
        who = str(gettext("You")) if yours else name
        face = {"person": name, "tint": "experience" if yours else "ok"}
        if ticket.state == RESOLVED:
            return {"value": who, "detail": str(gettext("To say whether it works")), **face}
        value = gettext("%(first)s, then %(second)s", first=who, second=hands(ticket, reader))
        return {"value": str(value), "detail": team if ticket.assignee else "", **face}
    if given.next == ticket_pb2.NEXT_ACTOR_ASSIGNEE:
        return {"value": name, "detail": team, "person": name}
    if given.next == ticket_pb2.NEXT_ACTOR_TEAM:
        return {"value": name, "detail": str(gettext("The team decides who takes it")), "person": ""}
    if given.next == ticket_pb2.NEXT_ACTOR_UNBLOCKER:
        back = gettext("Then %(name)s goes on", name=hands(ticket, reader))
        return {"value": name, "detail": str(back), "person": name if given.next_name.startswith("people/") else ""}
    if given.next == ticket_pb2.NEXT_ACTOR_NOBODY and ticket.state in ENDED:
        return {"value": str(gettext("Nobody")), "detail": str(gettext("Nothing is left to do")), "person": ""}
    return {
        "value": reader.called(given.next_name or "teams/service-desk"),
        "detail": str(gettext("Reads it and gives it to the right team")),
        "person": "",
    }


def when_answer(ticket: ticket_pb2.Ticket, clocks: sla_pb2.TicketClocks | None, away: bool, reader: Reader) -> Answer:
    """When a result can be expected and on what that rests: {"value", "detail", "tone"}.

    A range where enough tickets were like it, else what is promised. clocks: None without a promise. away: whether
    nobody could be asked for the clocks.
    """
    clock = clocks_shown.leading(clocks)
    if ticket.state in ENDED:
        return _ended(ticket, clock, reader)
    if away:
        return {
            "value": str(gettext("Cannot be told now")),
            "detail": str(gettext("The clocks do not answer. What was promised still holds; this page asks again.")),
        }
    if clock is None or clocks_shown.is_stopped(clock):
        return _unpromised(ticket, reader)
    basis = str(gettext("Basis: promise of %(length)s", length=reader.hours(clock.target.ToTimedelta())))
    left = reader.hours(clocks_shown.remaining(clock, reader.now))
    overdue = clocks_shown.is_overdue(clock, reader.now)
    range_, like = expected.when(clocks, reader), expected.basis(clocks, reader)
    if clock.state == sla_pb2.CLOCK_STATE_PAUSED:
        basis = _joined([basis, like], reader)
        return _paused(ticket, overdue, left, expected.left(clocks, reader), basis, reader)
    if overdue:
        return _late(clock, left, range_, like, reader)
    if not clock.HasField("due_time"):
        detail = gettext("%(basis)s; no service hours lie ahead in the calendar", basis=basis)
        return {"value": str(gettext("Not known yet")), "detail": str(detail)}
    due = instant(clock.due_time)
    if clock.kind == clocks_shown.RESPONSE:
        return {"value": str(gettext("First answer by %(time)s", time=reader.near(due))), "detail": basis}
    first = clocks_shown.find(clocks, clocks_shown.RESPONSE)
    if first is not None and first.state == sla_pb2.CLOCK_STATE_RUNNING and first.HasField("due_time"):
        at = reader.near(instant(first.due_time))
        late = clocks_shown.is_overdue(first, reader.now)
        answered = (
            gettext("First answer late since %(time)s", time=at)
            if late
            else gettext("First answer by %(time)s", time=at)
        )
        basis = f"{answered}. {basis}" if reader.language == "en" else f"{answered}。{basis}"
    tone = "warn" if clocks_shown.is_at_risk(clock, reader.now) else ""
    if range_:
        basis = str(gettext("%(basis)s (by %(time)s)", basis=basis, time=reader.near(due)))
    return {"value": range_ or reader.by(due), "detail": _joined([basis, like], reader), "tone": tone}


def blocks_answer(ticket: ticket_pb2.Ticket, reader: Reader) -> Answer:
    """What blocks it, since when, and who can unblock it: {"value", "detail"}."""
    if ticket.answers.HasField("blocker"):
        hold = ticket.answers.blocker
        detail = gettext(
            "Since %(since)s; %(name)s can unblock it",
            since=reader.near(instant(hold.since_time)),
            name=reader.called(hold.unblocker),
        )
        return {"value": hold.note or hold_words(hold.reason), "detail": str(detail), "tone": ""}
    if ticket.state == AWAITING and ticket.HasField("question"):
        since = reader.near(instant(ticket.question.ask_time))
        if is_own(ticket, reader):
            detail = gettext("Since %(since)s; only you can unblock it", since=since)
            return {"value": str(gettext("Your answer is missing")), "detail": str(detail)}
        name = reader.called(ticket.requester)
        detail = gettext("Since %(since)s; %(name)s can unblock it", since=since, name=name)
        return {"value": str(gettext("An answer is missing")), "detail": str(detail)}
    ended = ticket.state in ENDED
    last = gettext("Last step %(time)s", time=reader.near(instant(ticket.update_time)))
    return {"value": str(gettext("Nothing") if ended else gettext("Nothing blocks it")), "detail": str(last)}


def owe_answer(ticket: ticket_pb2.Ticket, reader: Reader) -> Answer:
    """What the requester owes: {"value", "detail", "tone"}."""
    owed = ticket.answers.owed_answers
    if owed:
        value = ngettext("%(num)s answer", "%(num)s answers", owed)
        return {"value": str(value), "detail": str(gettext("The clock waits meanwhile")), "tone": "warn"}
    if ticket.state == RESOLVED and is_own(ticket, reader):
        return {
            "value": str(gettext("A look whether it works")),
            "detail": str(gettext("Then close it, or say what is missing")),
        }
    if ticket.state in ENDED:
        return {"value": str(gettext("Nothing")), "detail": str(gettext("It is over"))}
    return {"value": str(gettext("Nothing")), "detail": str(gettext("Just wait; news stands on this page"))}


def four_answers(
    ticket: ticket_pb2.Ticket, clocks: sla_pb2.TicketClocks | None, reader: Reader, *, away: bool = False
) -> dict[str, Answer]:
    """The arguments of macro `four_answers`, by name: next, when, blocks, owe."""
    answers = {
        "next": next_answer(ticket, reader),
        "when": when_answer(ticket, clocks, away, reader),
        "blocks": blocks_answer(ticket, reader),
        "owe": owe_answer(ticket, reader),
    }
    for answer in answers.values():
        answer["detail"] = reader.spaced(answer["detail"])
    answers["next"]["value"] = reader.spaced(answers["next"]["value"])
    return answers


def _ended(ticket: ticket_pb2.Ticket, clock: sla_pb2.Clock | None, reader: Reader) -> Answer:
    """When it was done, and how that compares with the promise."""
    if ticket.state == CANCELLED:
        return {"value": str(gettext("Not any more")), "detail": str(gettext("It was withdrawn"))}
    done = instant(ticket.resolve_time if ticket.HasField("resolve_time") else ticket.close_time)
    value = gettext("Done %(time)s", time=reader.near(done))
    detail = gettext("No promise was defined for it")
    if clock is not None:
        length = reader.hours(clock.target.ToTimedelta())
        if clock.state == sla_pb2.CLOCK_STATE_MISSED:
            late = formats.timer(clocks_shown.remaining(clock, reader.now))
            detail = gettext("%(late)s after the promise of %(length)s", late=late, length=length)
        else:
            detail = gettext("Within the promise of %(length)s", length=length)
    return {"value": str(value), "detail": str(detail)}


def _unpromised(ticket: ticket_pb2.Ticket, reader: Reader) -> Answer:
    """No promise: that is said, and what the next sign of life will be."""
    if not ticket.priority:
        detail = gettext("The promise follows from the priority, which %(name)s sets next", name=hands(ticket, reader))
    elif ticket.state == NEW:
        detail = gettext("No promise is defined for it; who takes it stands here once somebody does")
    else:
        detail = gettext("No promise is defined for it; %(name)s answers here", name=hands(ticket, reader))
    return {"value": str(gettext("Not known yet")), "detail": str(detail)}


def _late(clock: sla_pb2.Clock, left: str, range_: str, like: str, reader: Reader) -> Answer:
    """Past the promise: by how much, and what those like it say."""
    missed = reader.near(instant(clock.breach_time if clock.HasField("breach_time") else clock.due_time))
    if range_:
        detail = gettext("Late by %(length)s, promised by %(time)s", length=left, time=missed)
    else:
        detail = gettext("Promised by %(time)s; the work goes on", time=missed)
    value = range_ or str(gettext("Late by %(length)s", length=left))
    return {"value": value, "detail": _joined([str(detail), like], reader), "tone": "bad"}


def _joined(said: list[str], reader: Reader) -> str:
    """Several parts of one sentence, those that say something."""
    return ("；" if reader.language == "zh" else "; ").join(filter(None, said))


def _paused(ticket: ticket_pb2.Ticket, overdue: bool, left: str, range_: str, basis: str, reader: Reader) -> Answer:
    """The clock stands: what it waits for, and how much is left once it runs again. range_: of those like it, or ""."""
    yours = ticket.state == AWAITING and is_own(ticket, reader)
    if overdue:
        value = gettext("After your answer") if yours else gettext("Once it is unblocked")
        detail = gettext("%(length)s over the promise already; %(basis)s", length=left, basis=basis)
        return {"value": str(value), "detail": str(detail), "tone": "bad"}
    if range_ and ticket.state == AWAITING:
        value = (
            gettext("%(range)s after your answer", range=range_)
            if yours
            else gettext("%(range)s after the answer", range=range_)
        )
    elif range_:
        value = gettext("%(range)s after it is unblocked", range=range_)
    elif yours:
        value = gettext("Within %(length)s of your answer", length=left)
    elif ticket.state == AWAITING:
        value = gettext("Within %(length)s of the answer", length=left)
    else:
        value = gettext("%(length)s after it is unblocked", length=left)
    return {
        "value": str(value),
        "detail": str(gettext("In service hours; the clock is paused. %(basis)s", basis=basis)),
    }
