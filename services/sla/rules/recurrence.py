"""Dates that recur by a rule of iCalendar (RFC 5545, 3.3.10), daily or slower, within a bound of work.

Walks the periods from the first date on and looks at each date in them once, so a rule without any date, or with
millions, ends as soon as any other: it is refused when the dates looked at run out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from itertools import islice

from services.runtime.refusal import Refusal

OCCURRENCES = 1000
INTERVAL = 10_000


class Every(StrEnum):
    """How often, as iCalendar says it."""

    DAILY = "DAILY"
    WEEKLY = "WEEKLY"
    MONTHLY = "MONTHLY"
    YEARLY = "YEARLY"


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule.

    count: of occurrences. until: the last date that may occur. weekdays: (0 for each of them, else which one of the
    period, from its end when negative; 0 Monday ... 6 Sunday). positions: which of a period's dates are kept.
    """

    every: Every
    interval: int = 1
    count: int | None = None
    until: date | None = None
    months: tuple[int, ...] = ()
    month_days: tuple[int, ...] = ()
    weekdays: tuple[tuple[int, int], ...] = ()
    positions: tuple[int, ...] = ()
    week_start: int = 0


class Effort:
    """How many dates may still be looked at."""

    def __init__(self, dates: int) -> None:
        self.left = dates

    def spend(self, dates: int) -> None:
        """Takes some of it.

        Raises:
            Refusal: RECURRENCE_TOO_LONG, when there is no more.
        """
        self.left -= dates
        if self.left < 0:
            raise Refusal.invalid(
                "content",
                "RECURRENCE_TOO_LONG",
                "Its rule looks at too many dates: let it start later, or write the dates themselves.",
            )


def occurrences(rule: Rule, start: date, since: date, last: date, effort: Effort) -> list[date]:
    """The dates from `since` to `last`, in order, of a rule that starts at `start`.

    Raises:
        Refusal: RECURRENCE_INVALID, RECURRENCE_TOO_LONG.
    """
    _check(rule)
    end = last if rule.until is None else min(last, rule.until)
    counted = _dates(rule, start, end, effort)
    wanted = (day for day in islice(counted, rule.count) if day >= since)
    found = list(islice(wanted, OCCURRENCES + 1))
    if len(found) > OCCURRENCES:
        raise Refusal.invalid(
            "content", "RECURRENCE_TOO_LONG", f"It occurs more than {OCCURRENCES} times: say UNTIL when, or COUNT."
        )
    return found


def _check(rule: Rule) -> None:
    wrong = (
        not 1 <= rule.interval <= INTERVAL
        or (rule.count is not None and (rule.count < 1 or rule.until is not None))
        or not all(1 <= month <= 12 for month in rule.months)
        or not all(1 <= abs(day) <= 31 for day in rule.month_days)
        or not all(-53 <= nth <= 53 and 0 <= weekday <= 6 for nth, weekday in rule.weekdays)
        or (rule.every in (Every.DAILY, Every.WEEKLY) and any(nth for nth, _ in rule.weekdays))
        or (rule.every is Every.WEEKLY and bool(rule.month_days))
        or not all(1 <= abs(place) <= 366 for place in rule.positions)
    )
    if wrong:
        raise Refusal.invalid(
            "content", "RECURRENCE_INVALID", "Its rule means nothing: check INTERVAL, COUNT, UNTIL and the BY parts."
        )


def _dates(rule: Rule, start: date, end: date, effort: Effort) -> Iterator[date]:
    matching = _matching(rule, start)
    for first, days in _periods(rule, start, end):
        effort.spend(days)
        chosen = [day for day in map(date.fromordinal, range(first, first + days)) if matching(day)]
        if rule.positions:
            places = {place - 1 if place > 0 else len(chosen) + place for place in rule.positions}
            chosen = [day for at, day in enumerate(chosen) if at in places]
        yield from (day for day in chosen if start <= day <= end)


def _periods(rule: Rule, start: date, end: date) -> Iterator[tuple[int, int]]:
    """Each day, week, month or year of the rule that begins up to `end`: the ordinal of its first date, its days."""
    if rule.every is Every.MONTHLY:
        for month in range(start.year * 12 + start.month - 1, end.year * 12 + end.month, rule.interval):
            first = date(month // 12, month % 12 + 1, 1)
            yield first.toordinal(), _month_length(first)
    elif rule.every is Every.YEARLY:
        for year in range(start.year, end.year + 1, rule.interval):
            first = date(year, 1, 1)
            yield first.toordinal(), date(year, 12, 31).toordinal() - first.toordinal() + 1
    else:
        length = 1 if rule.every is Every.DAILY else 7
        back = 0 if length == 1 else (start.weekday() - rule.week_start) % 7
        for first_day in range(start.toordinal() - back, end.toordinal() + 1, length * rule.interval):
            # The first week may begin before the first date that there is.
            yield max(first_day, 1), length + min(first_day - 1, 0)


def _matching(rule: Rule, start: date) -> Callable[[date], bool]:
    """Whether a date of a period is one of the rule's."""
    plain = not rule.weekdays and not rule.month_days
    months = rule.months or ((start.month,) if rule.every is Every.YEARLY and plain else ())
    days = rule.month_days or ((start.day,) if rule.every in (Every.MONTHLY, Every.YEARLY) and plain else ())
    weekdays = rule.weekdays or (((0, start.weekday()),) if rule.every is Every.WEEKLY else ())
    # The nth weekday of the year, unless the rule speaks of months.
    of_year = rule.every is Every.YEARLY and not rule.months

    def matching(day: date) -> bool:
        if months and day.month not in months:
            return False
        if days and day.day not in days and day.day - _month_length(day) - 1 not in days:
            return False
        return not weekdays or any(
            day.weekday() == weekday and (nth == 0 or _is_nth(day, nth, of_year=of_year)) for nth, weekday in weekdays
        )

    return matching


def _is_nth(day: date, nth: int, *, of_year: bool) -> bool:
    if of_year:
        at, length = day.timetuple().tm_yday, date(day.year, 12, 31).timetuple().tm_yday
    else:
        at, length = day.day, _month_length(day)
    return (at - 1) // 7 + 1 == nth if nth > 0 else (length - at) // 7 + 1 == -nth


def _month_length(day: date) -> int:
    return 31 if day.month == 12 else (date(day.year, day.month + 1, 1) - day.replace(day=1)).days
