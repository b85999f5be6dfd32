"""What pages say of a ticket: the four answers are never empty, and each says who, when, why and what is owed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp
from throughline.sla.v1 import sla_pb2
from throughline.tickets.v1 import ticket_pb2

from services.portal.web.gallery import create_gallery_app
from services.portal.web.shown import ticket as shown
from services.portal.web.shown.answers import four_answers
from services.portal.web.shown.reader import Reader

NOW = datetime(2026, 11, 23, 4, 30, tzinfo=UTC)  # 12:30 in Shanghai
NAMES = {"people/zhou": "Zhou Yan", "people/su": "Su Wanqing", "teams/access": "Access & accounts"}
RUNNING, PAUSED = sla_pb2.CLOCK_STATE_RUNNING, sla_pb2.CLOCK_STATE_PAUSED
MET, MISSED = sla_pb2.CLOCK_STATE_MET, sla_pb2.CLOCK_STATE_MISSED


def reader(sub: str = "people/su", language: str = "en") -> Reader:
    """Somebody in Shanghai at half past twelve."""
    return Reader(sub, NOW, language, ZoneInfo("Asia/Shanghai"), lambda reference: NAMES.get(reference, reference))


def stamp(minutes: float) -> Timestamp:
    """So many minutes from now."""
    made = Timestamp()
    made.FromDatetime(NOW + timedelta(minutes=minutes))
    return made


def ticket(state: Any = shown.IN_PROGRESS, **fields: Any) -> ticket_pb2.Ticket:
    """A ticket of Su's in Zhou's hands, opened two hours ago."""
    answers = fields.pop("answers", None) or ticket_pb2.Answers(
        next=ticket_pb2.NEXT_ACTOR_ASSIGNEE, next_name="people/zhou"
    )
    given: dict[str, Any] = {
        "name": "tickets/INC-000001",
        "state": state,
        "title": "Receipts end in the middle",
        "requester": "people/su",
        "team": "teams/access",
        "assignee": "people/zhou",
        "priority": 2,
        "open_time": stamp(-120),
        "update_time": stamp(-60),
    }
    return ticket_pb2.Ticket(**{**given, **fields}, answers=answers)


def clocks(state: Any = RUNNING, left: float = 200, due: float | None = 200, **more: Any) -> sla_pb2.TicketClocks:
    """A promise of eight hours with `left` minutes to go; due that many minutes from now, None while it stands."""
    clock = sla_pb2.Clock(
        kind=sla_pb2.CLOCK_KIND_RESOLUTION,
        state=state,
        target=Duration(seconds=8 * 3600),
        start_time=stamp(-120),
        remaining=Duration(seconds=int(left * 60)),
        due_time=stamp(due) if due is not None else None,
        **more,
    )
    return sla_pb2.TicketClocks(clocks=[clock], policy="policies/p2")


@pytest.fixture(autouse=True)
def request_context() -> Iterator[None]:
    """Words need a language; outside of translations they are the English ids."""
    with create_gallery_app().test_request_context("/", headers={"Accept-Language": "en"}):
        yield


def asked() -> ticket_pb2.Ticket:
    """Zhou asked Su something 65 minutes ago."""
    return ticket(
        shown.AWAITING,
        answers=ticket_pb2.Answers(next=ticket_pb2.NEXT_ACTOR_REQUESTER, next_name="people/su", owed_answers=1),
        question=ticket_pb2.Question(text="Which till?", asker="people/zhou", ask_time=stamp(-65)),
    )


def held() -> ticket_pb2.Ticket:
    """A supplier is to send something, since 65 minutes."""
    hold = ticket_pb2.Hold(
        reason=ticket_pb2.HOLD_REASON_VENDOR, note="The reader is on its way", unblocker="Acme", since_time=stamp(-65)
    )
    answers = ticket_pb2.Answers(next=ticket_pb2.NEXT_ACTOR_UNBLOCKER, next_name="Acme", blocker=hold)
    return ticket(shown.ON_HOLD, hold=hold, answers=answers)


def ended(state: int) -> ticket_pb2.Ticket:
    """Solved half an hour ago."""
    who = ticket_pb2.NEXT_ACTOR_REQUESTER if state == shown.RESOLVED else ticket_pb2.NEXT_ACTOR_NOBODY
    name = "people/su" if state == shown.RESOLVED else ""
    return ticket(state, answers=ticket_pb2.Answers(next=who, next_name=name), resolve_time=stamp(-30))


def fresh() -> ticket_pb2.Ticket:
    """Nobody has touched it."""
    answers = ticket_pb2.Answers(next=ticket_pb2.NEXT_ACTOR_SERVICE_DESK, next_name="teams/service-desk")
    return ticket(shown.NEW, team="", assignee="", priority=0, answers=answers)


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("away", [True, False])
@pytest.mark.parametrize("promise", [None, clocks(), clocks(PAUSED, 90, None), clocks(RUNNING, -18, -18), clocks(MET)])
@pytest.mark.parametrize("sub", ["people/su", "people/zhou"])
def test_no_answer_is_ever_empty(sub: str, promise: sla_pb2.TicketClocks | None, away: bool, language: str) -> None:
    """Whatever the state, the promise and the reader: each answer has a value and says more about it."""
    tickets = [fresh(), ticket(), asked(), held(), *(ended(state) for state in shown.ENDED)]
    for one in tickets:
        answers = four_answers(one, promise, reader(sub, language), away=away)
        assert set(answers) == {"next", "when", "blocks", "owe"}
        for name, answer in answers.items():
            assert answer["value"].strip(), (name, one.state)
        for name in ("when", "blocks", "owe"):
            assert answers[name]["detail"].strip(), (name, one.state)


def test_in_work() -> None:
    """A person, the due time and the promise it rests on."""
    answers = four_answers(ticket(), clocks(), reader())
    assert answers["next"] == {"value": "Zhou Yan", "detail": "Access & accounts", "person": "Zhou Yan"}
    assert answers["when"] == {"value": "By 15:50 today", "detail": "Basis: promise of 8 h", "tone": ""}
    assert answers["blocks"]["value"] == "Nothing blocks it"
    assert answers["owe"]["value"] == "Nothing"


def test_first_answer() -> None:
    """Until somebody has answered, by when that is promised stands beside the result; late is said as late."""
    first = sla_pb2.Clock(kind=sla_pb2.CLOCK_KIND_RESPONSE, state=RUNNING, target=Duration(seconds=1800))
    for due, words in ((10, "First answer by 12:40"), (-10, "First answer late since 12:20")):
        first.due_time.CopyFrom(stamp(due))
        first.remaining.CopyFrom(Duration(seconds=due * 60))
        both = sla_pb2.TicketClocks(clocks=[*clocks().clocks, first])
        assert four_answers(ticket(), both, reader())["when"]["detail"] == f"{words}. Basis: promise of 8 h"


def outlook(half: float, most: float, *, paused: bool = False, **more: Any) -> sla_pb2.Outlook:
    """Half of 312 like it were done after so many minutes from now, nine in ten after so many."""
    return sla_pb2.Outlook(
        half_time=None if paused else stamp(half),
        most_time=None if paused else stamp(most),
        half_left=Duration(seconds=int(half * 60)),
        most_left=Duration(seconds=int(most * 60)),
        like_count=312,
        needed_count=30,
        **more,
    )


def expecting(promise: sla_pb2.TicketClocks, expected: sla_pb2.Outlook) -> sla_pb2.TicketClocks:
    """The clocks with what those like it say."""
    promise.outlook.CopyFrom(expected)
    return promise


def test_a_range_and_its_basis() -> None:
    """No finer than it is known: quarters of an hour far off, five minutes near; promise and history beside it."""
    said = "312 like it, half of them done by the first time and 90% by the second"
    far = four_answers(ticket(), expecting(clocks(), outlook(131, 187)), reader())["when"]
    assert far["value"] == "Today, 14:30–15:45"
    assert far["detail"] == f"Basis: promise of 8 h (by 15:50); {said}"
    assert (
        four_answers(ticket(), expecting(clocks(), outlook(31, 58)), reader())["when"]["value"] == "Today, 13:00–13:30"
    )
    days = four_answers(ticket(), expecting(clocks(), outlook(600, 1500, any_service=True)), reader())["when"]
    assert days["value"] == "Today, 22:30 – tomorrow 13:30"
    assert "312 like it in all services" in days["detail"]
    chinese = four_answers(ticket(), expecting(clocks(), outlook(131, 187)), reader(language="zh"))["when"]
    assert "14:30 – 15:45" in chinese["value"]


def test_a_range_when_it_is_late_or_waits() -> None:
    """Late stays said; a clock that stands gives lengths from the answer on; of too few their number is told."""
    late = expecting(clocks(RUNNING, -18, -18, breach_time=stamp(-18)), outlook(31, 58))
    told = four_answers(ticket(), late, reader())["when"]
    assert (told["value"], told["tone"]) == ("Today, 13:00–13:30", "bad")
    assert told["detail"].startswith("Late by 18 min, promised by 12:12; 312 like it")
    waits = expecting(clocks(PAUSED, 199, None), outlook(31, 187, paused=True))
    assert four_answers(asked(), waits, reader())["when"]["value"] == "30 min – 3 h 15 after your answer"
    few = expecting(clocks(), sla_pb2.Outlook(like_count=4, needed_count=30))
    assert four_answers(ticket(), few, reader())["when"] == {
        "value": "By 15:50 today",
        "detail": "Basis: promise of 8 h; only 4 like it so far, 30 needed for a range",
        "tone": "",
    }


def test_owed_answer() -> None:
    """The requester is next and alone can unblock; when counts from the answer, in service time."""
    answers = four_answers(asked(), clocks(PAUSED, 199, None), reader())
    assert answers["next"]["value"] == "You, then Zhou Yan"
    assert answers["when"]["value"] == "Within 3 h 19 of your answer"
    assert answers["blocks"] == {"value": "Your answer is missing", "detail": "Since 11:25; only you can unblock it"}
    assert (answers["owe"]["value"], answers["owe"]["tone"]) == ("1 answer", "warn")


def test_owed_answer_as_others_see_it() -> None:
    """An agent reads whose answer is missing, not that he owed it himself."""
    answers = four_answers(asked(), clocks(PAUSED, 199, None), reader("people/zhou"))
    assert answers["next"]["value"] == "Su Wanqing, then Zhou Yan"
    assert answers["when"]["value"] == "Within 3 h 19 of the answer"
    assert answers["blocks"]["detail"] == "Since 11:25; Su Wanqing can unblock it"


def test_hold() -> None:
    """What blocks, since when, and who can unblock it."""
    answers = four_answers(held(), clocks(PAUSED, 90, None), reader())
    assert answers["next"] == {"value": "Acme", "detail": "Then Zhou Yan goes on", "person": ""}
    assert answers["when"]["value"] == "1 h 30 after it is unblocked"
    assert answers["blocks"]["value"] == "The reader is on its way"
    assert answers["blocks"]["detail"] == "Since 11:25; Acme can unblock it"


def test_late() -> None:
    """Past the promise: how much, and by when it was promised; nothing is whitewashed while it is paused."""
    late = four_answers(ticket(), clocks(RUNNING, -18, -18, breach_time=stamp(-18)), reader())["when"]
    assert late == {"value": "Late by 18 min", "detail": "Promised by 12:12; the work goes on", "tone": "bad"}
    paused = four_answers(asked(), clocks(PAUSED, -18, None, breach_time=stamp(-70)), reader())["when"]
    assert (paused["value"], paused["tone"]) == ("After your answer", "bad")
    assert paused["detail"].startswith("18 min over the promise already")


def test_no_promise() -> None:
    """Without a promise that is said, with the next sign of life; an absent service is told from an absent promise."""
    none = four_answers(ticket(), None, reader())["when"]
    assert none == {"value": "Not known yet", "detail": "No promise is defined for it; Zhou Yan answers here"}
    assert "priority" in four_answers(fresh(), None, reader())["when"]["detail"]
    away = four_answers(ticket(), None, reader(), away=True)["when"]
    assert away["value"] == "Cannot be told now"


def test_ended() -> None:
    """When it was done and how that compares with the promise."""
    kept = four_answers(ended(shown.CLOSED), clocks(MET), reader())["when"]
    assert kept == {"value": "Done 12:00", "detail": "Within the promise of 8 h"}
    missed = four_answers(ended(shown.CLOSED), clocks(MISSED, -41), reader())["when"]
    assert missed["detail"] == "0:41 after the promise of 8 h"
    assert four_answers(ended(shown.CLOSED), None, reader())["next"]["value"] == "Nobody"


def test_row() -> None:
    """A line of a list: an owed answer goes before the state; who and when stand in one line."""
    owed = shown.row(asked(), clocks(PAUSED, 199, None), reader())
    assert owed["chip"] == {"text": "You owe an answer", "tone": "warn", "icon": "message-question"}
    assert owed["detail"] == "Zhou Yan waits for you"
    assert owed["href"] == "/tickets/INC-000001"
    work = shown.row(ticket(), clocks(), reader())
    assert (work["chip"]["text"], work["detail"]) == ("In work", "Zhou Yan, by 15:50")
    assert shown.row(ticket(), None, reader())["clock"] is None


def test_times_of_other_days() -> None:
    """Tomorrow is said as such, other days with their date, in the reader's zone."""
    late = four_answers(ticket(), clocks(due=60 * 14), reader())["when"]["value"]
    later = four_answers(ticket(), clocks(due=60 * 24 * 4), reader())["when"]["value"]
    assert (late, later) == ("By 02:30 tomorrow", "By Nov 27, 12:30")


def test_spaces_between_scripts() -> None:
    """A Chinese sentence parts Latin names from its signs; an English one stays as it is."""
    assert reader(language="zh").spaced("交给Zhou Yan处理") == "交给 Zhou Yan 处理"
    assert reader().spaced("交给Zhou") == "交给Zhou"
