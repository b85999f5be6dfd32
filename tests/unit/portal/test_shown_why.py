"""Why a clock is due then, sentence by sentence, in both languages, against texts written by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp
from throughline.sla.v1 import sla_pb2
from throughline.tickets.v1 import ticket_pb2, tickets_service_pb2

from services.portal.web.gallery import create_gallery_app
from services.portal.web.shown import why
from services.portal.web.shown.reader import Reader

ZONE = ZoneInfo("Asia/Shanghai")
RUN, WAIT, OFF = sla_pb2.SEGMENT_KIND_RUNNING, sla_pb2.SEGMENT_KIND_PAUSED, sla_pb2.SEGMENT_KIND_CLOSED
NAMES = {"people/li": "Li Na", "people/zhou": "Zhou Yan", "teams/net": "Network"}
ASKED, HELD = ticket_pb2.TICKET_STATE_AWAITING_REQUESTER, ticket_pb2.TICKET_STATE_ON_HOLD


def local(day: int, hour: int, minute: int = 0) -> datetime:
    """A time of Shanghai at the turn from September to October 2026; the 1st and 2nd are holidays."""
    return datetime(2026, 9, 1, hour, minute, tzinfo=ZONE).astimezone(UTC) + timedelta(days=day - 1)


def stamp(at: datetime) -> Timestamp:
    """An instant as a message."""
    made = Timestamp()
    made.FromDatetime(at)
    return made


def reader(language: str, sub: str = "people/zhou", now: datetime | None = None) -> Reader:
    """Somebody who reads at 14:00 on Wednesday the 30th."""
    return Reader(sub, now or local(30, 14), language, ZONE, lambda one: NAMES.get(one, one))


@pytest.fixture
def app() -> Any:
    """Words need a language."""
    return create_gallery_app()


def calendar() -> sla_pb2.Calendar:
    """Office hours; Thursday and Friday are holidays."""
    spans = [sla_pb2.Segment(start="09:00", end="12:00"), sla_pb2.Segment(start="13:00", end="18:00")]
    return sla_pb2.Calendar(
        name="calendars/office",
        version=3,
        time_zone="Asia/Shanghai",
        weekly_hours=[sla_pb2.WeeklyHours(weekday=day, segments=spans) for day in range(1, 6)],
        days=[
            sla_pb2.CalendarDay(date="2026-10-01", reason="National Day"),
            sla_pb2.CalendarDay(date="2026-10-02", reason="National Day"),
        ],
    )


def segment(kind: Any, start: datetime, end: datetime | None, cause: str = "e1", **more: Any) -> sla_pb2.ClockSegment:
    """One stretch."""
    return sla_pb2.ClockSegment(
        kind=kind, start_time=stamp(start), end_time=stamp(end) if end else None, cause=cause, **more
    )


def clocks() -> sla_pb2.TicketClocks:
    """Filed on Tuesday at 17:00, asked at 17:30, answered on Wednesday at 10:00; 9 h are up on Monday at 10:30."""
    return sla_pb2.TicketClocks(
        calendar="calendars/office",
        calendar_version=3,
        clocks=[
            sla_pb2.Clock(
                kind=sla_pb2.CLOCK_KIND_RESOLUTION,
                state=sla_pb2.CLOCK_STATE_RUNNING,
                target=Duration(seconds=9 * 3600),
                elapsed=Duration(seconds=1800),
                remaining=Duration(seconds=5 * 3600 + 1800),
                due_time=stamp(local(35, 10, 30)),
                segments=[
                    segment(RUN, local(29, 17), local(29, 17, 30)),
                    segment(WAIT, local(29, 17, 30), local(30, 10), "e2", ticket_state=ASKED),
                ],
                current=segment(RUN, local(30, 10), None, "e3"),
                unverified_years=[2026],
            )
        ],
    )


def entries() -> list[tickets_service_pb2.TimelineEntry]:
    """The events behind the stretches."""
    kinds = [("e1", "people/li", "TicketOpened"), ("e2", "people/zhou", "RequesterAsked")]
    kinds += [("e3", "people/li", "QuestionAnswered"), ("e4", "people/zhou", "TicketHeld")]
    return [tickets_service_pb2.TimelineEntry(id=id, actor=actor, kind=kind) for id, actor, kind in kinds]


ENGLISH = [
    "run | yesterday 17:00–17:30 | Counts, because Li Na filed it.",
    "wait | yesterday 17:30–10:00 | Paused: we wait for Li Na to answer (Zhou Yan asked a question).",
    "run | 10:00–12:00 | Counts, because Li Na answered.",
    "off | 12:00–13:00 | Does not count: break.",
    "run | 13:00–18:00 | Counts: service hours begin.",
    "off | 18:00–Oct 5, 09:00 | Does not count: evening, National Day, weekend.",
    "run | Oct 5, 09:00–10:30 | Will count: service hours.",
]
CHINESE = [
    "run | 昨天 17:00 – 17:30 | 计时：Li Na 提交了服务单。",
    "wait | 昨天 17:30 – 10:00 | 暂停：等 Li Na 回答（Zhou Yan 提了问题）。",
    "run | 10:00 – 12:00 | 计时：Li Na 回答了。",
    "off | 12:00 – 13:00 | 不计时：午休。",
    "run | 13:00 – 18:00 | 计时：服务时间开始。",
    "off | 18:00 – 10 月 5 日 09:00 | 不计时：晚间、National Day、周末。",
    "run | 10 月 5 日 09:00 – 10:30 | 将计时：服务时间。",
]


@pytest.mark.parametrize(("language", "expected"), [("en", ENGLISH), ("zh", CHINESE)])
def test_each_stretch_has_its_sentence(app: Any, language: str, expected: list[str]) -> None:
    """What was, what is and what is to come: the event behind it, whom it waits for, and the holiday by its name."""
    with app.test_request_context("/", headers={"Accept-Language": language}):
        (story,) = why.stories(
            clocks(), calendar(), ticket_pb2.Ticket(requester="people/li"), entries(), reader(language)
        )

    told = [f"{one['kind']} | {one['when']} | {one['text']}" for one in story["sentences"]]
    assert told == expected
    assert "2026" in story["warning"]


def test_who_waits_reads_of_himself(app: Any) -> None:
    """The requester is told that it is his answer; a hold says what for; an event nobody may see has no name."""
    one = clocks()
    one.clocks[0].segments.append(
        segment(
            WAIT, local(30, 10), local(30, 11), "hidden", ticket_state=HELD,
            hold_reason=ticket_pb2.HOLD_REASON_VENDOR,
        )
    )  # fmt: skip
    with app.test_request_context("/", headers={"Accept-Language": "en"}):
        (story,) = why.stories(
            one, None, ticket_pb2.Ticket(requester="people/li"), entries(), reader("en", "people/li")
        )

    texts = [part["text"] for part in story["sentences"]]
    assert texts[1] == "Paused: we wait for your answer (Zhou Yan asked a question)."
    assert texts[2] == "Paused: it waits for a supplier (the ticket changed)."
    # Without a calendar nobody can say which hours are closed.
    assert texts[3] == "Counts, because Li Na answered."


def test_the_old_verdict_stands_beside_the_new_one(app: Any) -> None:
    """Late before, and why not any more; in time before, and opened again; another team's time is not counted."""
    one = clocks()
    late = one.clocks[0].verdicts.add(superseded_by="e2", supersede_time=stamp(local(30, 9)))
    late.target.FromTimedelta(timedelta(hours=8))
    late.breach_time.CopyFrom(stamp(local(30, 8)))
    fine = one.clocks[0].verdicts.add(superseded_by="e3", supersede_time=stamp(local(30, 10)))
    fine.target.FromTimedelta(timedelta(hours=8))
    fine.elapsed.FromTimedelta(timedelta(hours=2))
    team = one.clocks.add(kind=sla_pb2.CLOCK_KIND_OPERATIONAL, state=sla_pb2.CLOCK_STATE_PAUSED, team="teams/desk")
    team.current.CopyFrom(segment(WAIT, local(30, 10), None, "e3", team="teams/net"))
    with app.test_request_context("/", headers={"Accept-Language": "en"}):
        done, hands = why.stories(one, calendar(), ticket_pb2.Ticket(), entries(), reader("en"))

    assert done["verdicts"] == [
        "Judged late until 09:00: 8 h used up at 08:00. Then Zhou Yan asked a question.",
        "Judged in time until 10:00: 2 h of 8 h used. Then Li Na answered.",
    ]
    assert hands["title"] == "Time in a team's hands"
    assert hands["sentences"][0]["text"] == "Does not count: Network has it (Li Na answered)."


def test_what_counted_before_it_was_filed_says_so(app: Any) -> None:
    """From the start of the impact, dated by an event of its own; from the opening on the sentence is the usual one."""
    one = clocks()
    one.clocks[0].segments.insert(0, segment(RUN, local(29, 16), local(29, 17), "e9"))
    late = one.clocks[0].verdicts.add(superseded_by="e9", supersede_time=stamp(local(30, 9)))
    late.target.FromTimedelta(timedelta(hours=8))
    dated = tickets_service_pb2.TimelineEntry(id="e9", actor="people/zhou", kind="ImpactStartSet")
    ticket = ticket_pb2.Ticket(requester="people/li", open_time=stamp(local(29, 17)))
    with app.test_request_context("/", headers={"Accept-Language": "en"}):
        (story,) = why.stories(one, calendar(), ticket, [*entries(), dated], reader("en"))

    assert [part["text"] for part in story["sentences"][:2]] == [
        "Counts: the impact had begun before it was filed.",
        "Counts, because Li Na filed it.",
    ]
    assert story["verdicts"][0].endswith("Then Zhou Yan said when the impact began.")
