"""Three months of tickets up to the day of the load, told step by step in their own time; one day, one telling."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache

from throughline.tickets.v1 import ticket_pb2, tickets_service_pb2

from deploy.local.demo import company
from deploy.local.demo.faults import FAULTS, Fault
from deploy.local.demo.promises import PRIORITIES, Promise, calendars, promise_of
from services.runtime.worktime import CalendarVersion, add

TICKETS = 900
DAYS = 92
_SEED = "qihe-retail"
_MONTH = 31
_LATEST_MONTH = 2
# Mondays are long and shops are open on Sundays.
_WEEKDAYS = (1.3, 1.1, 1.0, 1.0, 1.1, 0.7, 0.6)
# Sales days, counted back from the day of the load, on which more goes wrong.
_RUSH_DAYS = {12: 2.4, 11: 1.6, 53: 1.8, 54: 1.4}
_OFFICE_HOURS = (0, 0, 0, 0, 0, 0, 0, 0, 3, 10, 12, 9, 4, 7, 11, 10, 8, 5, 2, 1, 0, 0, 0, 0)
_STORE_HOURS = (0, 0, 0, 0, 0, 0, 0, 1, 4, 9, 8, 7, 6, 5, 6, 6, 7, 8, 10, 10, 8, 4, 0, 0)
_SPOTS = {"stores": "{n} 号机", "warehouse": "{n} 区", "office": "{n} 楼"}
_CHANNELS = {
    ticket_pb2.CHANNEL_PORTAL: 44,
    ticket_pb2.CHANNEL_CHAT: 24,
    ticket_pb2.CHANNEL_PHONE: 18,
    ticket_pb2.CHANNEL_EMAIL: 10,
    ticket_pb2.CHANNEL_MONITORING: 4,
}
# How many of a priority keep their promise, as the mean of a normal law over the logarithm of target and time.
_KEPT = {1: -0.55, 2: -0.75, 3: -0.95, 4: -1.15}
_SPREAD = 0.72
# The share of the tickets of the last days whose work is still under way.
_STUCK = 0.22
_STUCK_DAYS = 8

_NEW, _WORK = ticket_pb2.TICKET_STATE_NEW, ticket_pb2.TICKET_STATE_IN_PROGRESS
_ASKED, _HELD = ticket_pb2.TICKET_STATE_AWAITING_REQUESTER, ticket_pb2.TICKET_STATE_ON_HOLD
_RESOLVED, _CLOSED = ticket_pb2.TICKET_STATE_RESOLVED, ticket_pb2.TICKET_STATE_CLOSED
_CANCELLED = ticket_pb2.TICKET_STATE_CANCELLED


@dataclass
class _Teller:
    """One ticket being told: what it looks like now, and the steps up to `until`, after which nothing is known."""

    history: tickets_service_pb2.TicketHistory
    calendar: CalendarVersion
    now: datetime
    until: datetime
    looks: dict[str, object] = field(default_factory=dict)

    def work(self, minutes: float) -> None:
        """Business time goes by."""
        self.now = add(self.calendar, self.now, timedelta(seconds=max(30, round(minutes * 60))))

    def wait(self, minutes: float) -> None:
        """Time goes by, at night too."""
        self.now += timedelta(seconds=round(minutes * 60))

    def pause(self, state: ticket_pb2.TicketState.ValueType, asker: str, ender: str, minutes: float) -> None:
        """It waits in the state, and goes on; not at all when that would still last."""
        asked = self.now
        self.wait(minutes)
        if self.now < self.until:
            self.now = asked
            self.say(state, asker)
            self.wait(minutes)
            self.say(_WORK, ender)

    def say(self, state: ticket_pb2.TicketState.ValueType, by: str = "", **changed: object) -> None:
        """The next step, unless the present is reached."""
        self.looks |= changed
        if self.now < self.until:
            step = self.history.steps.add(id=str(len(self.history.steps) + 1), state=state, actor=by, **self.looks)
            step.time.FromDatetime(self.now)


def histories(anchor: datetime) -> list[tickets_service_pb2.TicketHistory]:
    """All of them, oldest first. anchor: midnight of the day of the load; nothing is told of that day or later."""
    told = [_told(number, anchor) for number in range(1, TICKETS + 1)]
    return sorted(told, key=lambda one: (one.open_time.ToDatetime(), one.external_id))


def _told(number: int, anchor: datetime) -> tickets_service_pb2.TicketHistory:
    chance = random.Random(f"{_SEED}/{number}")
    days_ago = _day(chance, anchor)
    month = max(0, _LATEST_MONTH - (days_ago - 1) // _MONTH)
    fault = chance.choices(FAULTS, [one.months[month] for one in FAULTS])[0]
    site, unit, requester = _place(chance, fault)
    hours = _OFFICE_HOURS if fault.places == "office" else _STORE_HOURS
    opened = anchor - timedelta(days=days_ago)
    opened += timedelta(hours=chance.choices(range(24), hours)[0], seconds=chance.randrange(3600))
    # One of some twenty spots of a site, so that most faults are the first of their kind there.
    spot = chance.randrange(2, 9) + 7 * (number % 3)
    impact, urgency = chance.choices(list(fault.levels), list(fault.levels.values()))[0]
    promise = promise_of(fault.type, PRIORITIES[impact, urgency], fault.service)
    history = tickets_service_pb2.TicketHistory(
        external_id=f"QH-{number:04d}",
        type=fault.type,
        title=chance.choice(fault.titles).format(site=site, n=spot),
        requester=requester,
        channel=chance.choices(list(_CHANNELS), list(_CHANNELS.values()))[0],
        unit=unit,
        complete=True,
    )
    history.open_time.FromDatetime(opened)
    teller = _Teller(history, calendars()[promise.calendar], opened, anchor)
    # A fault comes back when the same thing fails at the same spot, so an incident's category names both.
    category = (
        f"{fault.category} · {site} {_SPOTS[fault.places].format(n=spot)}" if _is_incident(fault) else fault.category
    )
    teller.looks = {"category": category, "service": fault.service, "site": site}
    _tell(teller, chance, fault, promise, (impact, urgency), month)
    return history


def _tell(
    teller: _Teller, chance: random.Random, fault: Fault, promise: Promise, levels: tuple[int, int], month: int
) -> None:
    """From filing to closing, along one of the ways that work takes."""
    desk = chance.choice(list(company.members(company.SERVICE_DESK))).name
    ratio = chance.lognormvariate(_KEPT[promise.priority], _SPREAD)
    # Later months are a little faster: the printing fault is cured and articles are at hand.
    minutes = promise.resolution * ratio * (1.25, 1.0, 0.75)[month]
    # Nobody has it yet: the first team is where it was routed to, not a reassignment.
    teller.say(_NEW, team="")
    teller.work(min(minutes * 0.1, chance.uniform(3, 45)))
    if chance.random() < 0.025:
        teller.say(_CANCELLED, str(teller.history.requester))
        return
    teller.say(_NEW, desk, impact=levels[0], urgency=levels[1])
    team = fault.team
    if chance.random() < 0.16 + fault.knowledge * 0.4:
        team = company.SERVICE_DESK
    stray = chance.random() < fault.stray * (1.2, 1.0, 0.7)[month]
    if stray and team != company.SERVICE_DESK:
        _stray(teller, chance, desk, team, minutes)
    agent = desk if team == company.SERVICE_DESK else chance.choice(list(company.members(team))).name
    teller.say(_NEW, desk, team=team)
    teller.work(minutes * chance.uniform(0.02, 0.14))
    teller.say(_WORK, agent, team=team, assignee=agent)
    _interrupt(teller, chance, agent, fault)
    if teller.until - teller.now < timedelta(days=_STUCK_DAYS) and chance.random() < _STUCK:
        return
    teller.work(minutes * chance.uniform(0.4, 0.6))
    teller.say(_RESOLVED, agent, knowledge_used=chance.random() < fault.knowledge * (0.6, 1.0, 1.5)[month])
    if chance.random() < 0.055:
        teller.wait(chance.uniform(60, 60 * 40))
        teller.say(_WORK, str(teller.history.requester))
        teller.work(minutes * chance.uniform(0.2, 0.6))
        teller.say(_RESOLVED, agent)
    happy = chance.random() < 0.35
    teller.wait(chance.uniform(20, 600) if happy else 3 * 24 * 60)
    teller.say(_CLOSED, str(teller.history.requester) if happy else "")


def _stray(teller: _Teller, chance: random.Random, desk: str, team: str, minutes: float) -> None:
    """It goes to a wrong team first, and now and then back and forth."""
    wrong = chance.choice([one.name for one in company.TEAMS if one.name not in (team, company.SERVICE_DESK)])
    teller.say(_NEW, desk, team=wrong)
    teller.work(minutes * 0.22)
    if chance.random() < 0.2:
        teller.say(_NEW, "", team=team)
        teller.work(minutes * 0.1)
        teller.say(_NEW, "", team=wrong)
        teller.work(minutes * 0.1)


def _interrupt(teller: _Teller, chance: random.Random, agent: str, fault: Fault) -> None:
    """Some tickets wait: for their requester, or for somebody outside; the wait is over by now."""
    if chance.random() < (0.14 if _is_incident(fault) else 0.28):
        teller.work(chance.uniform(5, 40))
        teller.pause(_ASKED, agent, str(teller.history.requester), chance.lognormvariate(4.6, 1.0))
    if chance.random() < 0.09:
        teller.work(chance.uniform(10, 60))
        waits = [ticket_pb2.HOLD_REASON_VENDOR] * 5 + [ticket_pb2.HOLD_REASON_CHANGE, ticket_pb2.HOLD_REASON_PROBLEM]
        teller.looks["hold_reason"] = chance.choice(waits)
        teller.pause(_HELD, agent, agent, chance.lognormvariate(6.6, 0.9))
        teller.looks["hold_reason"] = ticket_pb2.HOLD_REASON_UNSPECIFIED


def _day(chance: random.Random, anchor: datetime) -> int:
    """How many days before the anchor it was opened, 1 to DAYS."""
    return chance.choices(range(1, DAYS + 1), _busyness(anchor.weekday()))[0]


@cache
def _busyness(weekday: int) -> list[float]:
    """The weights of the days before a day of that weekday, the latest first."""
    return [_WEEKDAYS[(weekday - ago) % 7] * _RUSH_DAYS.get(ago, 1.0) for ago in range(1, DAYS + 1)]


def _is_incident(fault: Fault) -> bool:
    return fault.type == ticket_pb2.TICKET_TYPE_INCIDENT


def _place(chance: random.Random, fault: Fault) -> tuple[str, str, str]:
    """Where it happened: (site, unit, who reports it)."""
    if fault.places == "office":
        # Su Wanqing files little, so that her own list stays short.
        key = chance.choices(company.HEAD_OFFICE_PEOPLE, (20, 20, 18, 12, 6, 2))[0]
        return company.HEAD_OFFICE, "cn/hq", company.person(key).name
    sites = [one for one in company.SITES if (one.name == company.WAREHOUSE) == (fault.places == "warehouse")]
    site = chance.choice(sites)
    return site.name, site.unit, company.person(site.manager).name
