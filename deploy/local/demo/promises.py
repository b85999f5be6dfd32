"""When Qihe Retail is open and what it promises: calendars with China's public holidays, policies by priority."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache

import holidays
from throughline.sla.v1 import sla_pb2
from throughline.tickets.v1 import ticket_pb2

from deploy.local.demo.company import TIME_ZONE
from services.runtime.worktime import ALL_DAY, CalendarVersion, DateOverride, Hours, hours

ALWAYS, OFFICE, STORES = "calendars/always", "calendars/head-office", "calendars/stores"
SOURCE = "demo"
STORE_SERVICES = ("services/pos", "services/payment", "services/price-tags", "services/membership")

YEARS = (2026, 2027)
# The State Council has announced the make-up days of these years; later years hold the statutory days alone.
VERIFIED_YEARS = (2026,)
PRIORITIES = {(1, 1): 1, (1, 2): 2, (2, 1): 2, (2, 2): 3, (3, 1): 3, (1, 3): 4, (2, 3): 4, (3, 2): 4, (3, 3): 4}
"""(impact, urgency) -> priority: the matrix that a new system starts with."""

_OFFICE_HOURS = hours("09:00-12:00", "13:00-18:00")
_STORE_HOURS = hours("09:00-22:00")

_INCIDENT, _REQUEST = ticket_pb2.TICKET_TYPE_INCIDENT, ticket_pb2.TICKET_TYPE_REQUEST
_ANY = ticket_pb2.TICKET_TYPE_UNSPECIFIED
_PAUSES = (ticket_pb2.TICKET_STATE_AWAITING_REQUESTER, ticket_pb2.TICKET_STATE_ON_HOLD)
_WARN_PERCENT = 80


@dataclass(frozen=True, slots=True)
class Promise:
    """What tickets of a type and priority are promised. response, resolution: minutes of the calendar's time.

    services: only for these; empty for all. resolution 0: nothing is promised before triage but a reply.
    """

    key: str
    zh: str
    en: str
    order: int
    type: ticket_pb2.TicketType.ValueType
    priority: int
    calendar: str
    response: int
    resolution: int
    services: tuple[str, ...] = ()


PROMISES = (
    Promise("incident-p1", "P1 故障", "P1 incidents", 10, _INCIDENT, 1, ALWAYS, 15, 4 * 60),
    Promise("incident-p2", "P2 故障", "P2 incidents", 20, _INCIDENT, 2, ALWAYS, 30, 8 * 60),
    Promise(
        "store-incident-p3", "P3 门店故障", "P3 store incidents", 25, _INCIDENT, 3, STORES, 60, 13 * 60, STORE_SERVICES
    ),
    Promise("incident-p3", "P3 故障", "P3 incidents", 30, _INCIDENT, 3, OFFICE, 120, 16 * 60),
    Promise("incident-p4", "P4 故障", "P4 incidents", 40, _INCIDENT, 4, OFFICE, 240, 40 * 60),
    Promise("request-p1", "特急申请", "Critical requests", 45, _REQUEST, 1, ALWAYS, 30, 4 * 60),
    Promise("request-p2", "加急申请", "Urgent requests", 50, _REQUEST, 2, OFFICE, 60, 8 * 60),
    Promise("request-p3", "一般申请", "Requests", 60, _REQUEST, 3, OFFICE, 120, 8 * 60),
    Promise("request-p4", "可排期申请", "Planned requests", 70, _REQUEST, 4, OFFICE, 240, 40 * 60),
    Promise("not-triaged", "未分级", "Not triaged yet", 90, _ANY, 0, STORES, 60, 0),
)


def promise_of(type: ticket_pb2.TicketType.ValueType, priority: int, service: str) -> Promise:
    """The promise that holds for such a ticket: the first that fits, as the sla service chooses it."""
    return next(
        one
        for one in PROMISES
        if one.type in (_ANY, type) and one.priority == priority and (not one.services or service in one.services)
    )


@cache
def calendars() -> dict[str, CalendarVersion]:
    """The three calendars as business-time arithmetic takes them."""
    verified = frozenset(VERIFIED_YEARS)
    since = datetime.fromisoformat("2020-01-01T00:00:00+08:00")
    week = {
        ALWAYS: (ALL_DAY,) * 7,
        OFFICE: (*((_OFFICE_HOURS,) * 5), (), ()),
        STORES: (_STORE_HOURS,) * 7,
    }
    days = {OFFICE: tuple(_days())}
    return {
        name: CalendarVersion(name, 1, TIME_ZONE, since, weekly, days.get(name, ()), verified)
        for name, weekly in week.items()
    }


def _days() -> Iterator[DateOverride]:
    """Public holidays that fall on a weekday, and the days on which they are made up for."""
    china = holidays.country_holidays("CN", years=YEARS, language="zh_CN")
    closed: Hours = ()
    found: dict[date, DateOverride] = {
        day: DateOverride(day, closed, reason) for day, reason in china.items() if day.isoweekday() <= 5
    }
    found |= {day: DateOverride(day, _OFFICE_HOURS, "调休上班") for day in china.weekend_workdays if day.year in YEARS}
    return (found[day] for day in sorted(found))


def calendar_messages(first_day: datetime) -> Iterator[sla_pb2.Calendar]:
    """The calendars as they are published. first_day: the day from which the office's holds."""
    names = {ALWAYS: ("全年无休", "Always open"), OFFICE: ("总部工作时间", "Head office hours")}
    names[STORES] = ("门店营业时间", "Store hours")
    for name, version in calendars().items():
        zh, en = names[name]
        calendar = sla_pb2.Calendar(
            name=name,
            time_zone=TIME_ZONE,
            display_names={"zh": zh, "en": en},
            verified_years=VERIFIED_YEARS if name == OFFICE else YEARS,
        )
        for weekday, opening in enumerate(version.weekly, 1):
            if opening:
                calendar.weekly_hours.add(weekday=weekday, segments=_segments(opening))
        for day in version.overrides:
            kind = sla_pb2.DAY_KIND_MAKE_UP_WORKDAY if day.hours else sla_pb2.DAY_KIND_HOLIDAY
            calendar.days.add(
                date=day.day.isoformat(), reason=day.note, segments=_segments(day.hours), kind=kind, region="CN"
            )
        if version.overrides:
            calendar.regions.add(country="CN")
        calendar.effective_time.FromDatetime(first_day)
        yield calendar


def _segments(opening: Hours) -> list[sla_pb2.Segment]:
    return [sla_pb2.Segment(start=start, end=end) for start, _, end in (str(one).partition("-") for one in opening)]


def policy_messages() -> Iterator[sla_pb2.Policy]:
    """Each promise twice: for live work, and for the three months, of which nobody knows who first replied when."""
    for promise in PROMISES:
        yield _policy(promise, "", promise.key, promise.order)
        if promise.resolution:
            yield _policy(promise, SOURCE, f"{promise.key}-history", promise.order + 1)


def _policy(promise: Promise, source: str, key: str, order: int) -> sla_pb2.Policy:
    past = {"zh": "（历史）", "en": " (history)"} if source else {"zh": "", "en": ""}
    policy = sla_pb2.Policy(
        name=f"policies/{key}",
        order=order,
        calendar=promise.calendar,
        display_names={"zh": promise.zh + past["zh"], "en": promise.en + past["en"]},
    )
    policy.match.priorities.append(promise.priority)
    policy.match.types.extend([promise.type] if promise.type != _ANY else [])
    policy.match.services.extend(promise.services)
    policy.match.sources.append(source)
    response, resolution = sla_pb2.CLOCK_KIND_RESPONSE, sla_pb2.CLOCK_KIND_RESOLUTION
    for kind, minutes in ((response, 0 if source else promise.response), (resolution, promise.resolution)):
        if minutes:
            target = policy.targets.add(kind=kind, warn_percent=_WARN_PERCENT)
            target.duration.FromTimedelta(timedelta(minutes=minutes))
            target.pause_states.extend(_PAUSES if kind == resolution else ())
    return policy
