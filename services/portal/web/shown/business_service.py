"""Business services as words: parts, the objective against what happened, its alerts, and what versions change."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any

from flask_babel import gettext, ngettext
from throughline.metrics.v1 import availability_service_pb2, burn_alert_pb2
from throughline.metrics.v1 import business_service_pb2 as pb

from services.portal.web import formats
from services.portal.web.shown.reader import Reader, instant, last_part


def title(one: pb.BusinessService, language: str) -> str:
    """Its name in the reader's language, else in English, else its short one."""
    return one.display_names.get(language) or one.display_names.get("en") or last_part(one.name)


def criticality(level: int) -> str:
    """What a criticality means."""
    words = {
        1: gettext("1 · vital"),
        2: gettext("2 · important"),
        3: gettext("3 · useful"),
        4: gettext("4 · convenient"),
    }
    return str(words.get(level, level))


def promise(one: pb.BusinessService, language: str) -> str:
    """`99.9% in 30 days, each within 800 ms`; a dash when nothing is promised."""
    if not one.HasField("objective"):
        return "–"
    objective = one.objective
    percent = formats.percent(objective.parts_per_million / 1_000_000, language, 4).rstrip("%").rstrip("0").rstrip(".")
    told = ngettext(
        "%(percent)s in %(num)s day", "%(percent)s in %(num)s days", objective.window_days, percent=f"{percent}%"
    )
    if objective.HasField("latency_threshold"):
        milliseconds = formats.number(objective.latency_threshold.ToMilliseconds(), language, 0)
        return str(gettext("%(promise)s, each within %(count)s ms", promise=told, count=milliseconds))
    return str(told)


def row(
    one: pb.BusinessService, alerts: Iterable[burn_alert_pb2.BurnAlert], reader: Reader, href: str
) -> dict[str, Any]:
    """One of the list. alerts: those open, of all."""
    burning = [each for each in alerts if each.business_service == one.name]
    return {
        "name": title(one, reader.language),
        "href": href,
        "owner": reader.called(one.owner),
        "criticality": criticality(one.criticality),
        "promise": promise(one, reader.language),
        "components": formats.listed((part.service for part in one.components), reader.language),
        "burning": str(ngettext("%(num)s alert", "%(num)s alerts", len(burning))) if burning else "",
    }


def lead(one: pb.BusinessService, reader: Reader) -> str:
    """Who answers for it and how much it matters."""
    return f"{reader.called(one.owner)} · {criticality(one.criticality)}"


def facts(one: pb.BusinessService, reader: Reader) -> list[tuple[str, str]]:
    """What it is, as pairs."""
    pairs = [
        (gettext("Owner"), reader.called(one.owner)),
        (gettext("Criticality"), criticality(one.criticality)),
        (gettext("Made of"), "; ".join(_part(part) for part in one.components)),
        (gettext("Promise"), promise(one, reader.language)),
        (gettext("Hours of service"), last_part(one.calendar) if one.calendar else gettext("around the clock")),
        (gettext("Cost model"), last_part(one.cost_model) if one.cost_model else "–"),
        (gettext("Incident when it fails"), _incidents(one, reader)),
        (gettext("Version"), str(one.version)),
    ]
    return [(str(term), str(text)) for term, text in pairs]


def maintenance(one: pb.BusinessService, reader: Reader) -> list[list[str]]:
    """Planned windows, the latest first: when, why, when it was announced."""
    windows = sorted(one.maintenance, key=lambda each: each.period.start_time.ToNanoseconds(), reverse=True)
    return [
        [
            reader.stretch(instant(each.period.start_time), instant(each.period.end_time)),
            each.reason or "–",
            reader.near(instant(each.announce_time)) if each.HasField("announce_time") else "–",
        ]
        for each in windows
    ]


def objective(report: availability_service_pb2.ObjectiveReport, reader: Reader) -> dict[str, Any]:
    """Numerator, denominator, window, and what is left in minutes and in money; words where too little is known."""
    language, enough = reader.language, report.enough
    few = gettext("Too few requests")
    low, high = (formats.percent(end, language, 3) for end in (report.low, report.high))
    today = reader.now.astimezone(reader.zone).date()
    start, end = (
        formats.moment(instant(at), language, reader.zone, today)
        for at in (report.window.start_time, report.window.end_time)
    )
    period = formats.span(start, end, language)
    left = _minutes(report.budget_minutes_left, language)
    pairs = [
        (gettext("Window"), period),
        (gettext("Good requests"), formats.number(round(report.good), language, 0)),
        (gettext("Valid requests"), formats.number(round(report.valid), language, 0)),
        (gettext("Availability"), formats.percent(report.availability, language, 3) if enough else few),
        (gettext("Certain within"), formats.span(low, high, language) if enough else "–"),
        (gettext("Bad requests allowed"), formats.number(report.allowed, language, 1)),
        (gettext("Bad requests spent"), formats.number(round(report.spent), language, 0)),
        (gettext("Burn rate"), _times(report.burn, language) if enough else "–"),
        (gettext("Budget in minutes"), _minutes(report.budget_minutes, language)),
        (gettext("Left in minutes"), left if enough else "–"),
        *_money(report, language),
    ]
    return {
        "pairs": [(str(term), str(text)) for term, text in pairs],
        "left": left if enough else str(few),
        "overspent": enough and report.budget_minutes_left < 0,
        "enough": enough,
    }


def burns(report: availability_service_pb2.ObjectiveReport, reader: Reader) -> list[dict[str, Any]]:
    """How fast the budget burns over the windows of each rule."""
    language = reader.language
    return [
        {
            "rule": rule(one.rule, reader),
            "urgency": _urgency(one.rule.urgency),
            "long": _times(one.burn_long, language),
            "short": _times(one.burn_short, language),
            "bad": formats.number(round(one.bad_long), language, 0),
            "open": one.open,
        }
        for one in report.burn_windows
    ]


def alerts(found: Sequence[burn_alert_pb2.BurnAlert], reader: Reader) -> list[dict[str, Any]]:
    """Every episode of every alert, the latest first."""
    rows = []
    for one in found:
        latest = burn_alert_pb2.BurnEpisode(open_time=one.open_time, burn_long=one.burn_long, burn_short=one.burn_short)
        if one.HasField("close_time"):
            latest.close_time.CopyFrom(one.close_time)
        for each in (latest, *one.earlier):
            begun = instant(each.open_time)
            over = instant(each.close_time) if each.HasField("close_time") else None
            rows.append(
                {
                    "begun": begun,
                    "rule": rule(one.rule, reader),
                    "urgency": _urgency(one.rule.urgency),
                    "when": reader.stretch(begun, over),
                    "burn": _times(each.burn_long, reader.language),
                    "open": over is None,
                }
            )
    return sorted(rows, key=lambda each: each["begun"], reverse=True)


def rule(one: burn_alert_pb2.BurnRule, reader: Reader) -> str:
    """`14.4× over 1 h and 5 min`."""
    long, short = (reader.hours(timedelta(seconds=each.seconds)) for each in (one.long_window, one.short_window))
    factor = formats.number(one.factor, reader.language)
    return str(gettext("%(factor)s× over %(long)s and %(short)s", factor=factor, long=long, short=short))


def versions(found: Sequence[availability_service_pb2.BusinessServiceVersion], reader: Reader) -> list[dict[str, str]]:
    """The newest first: who made it, when, and what it changed."""
    rows = []
    for place, one in enumerate(found):
        before = found[place + 1].business_service if place + 1 < len(found) else None
        changed = [term for term, _, _ in differences(one.business_service, before, reader)] if before else []
        retired = gettext("retired") if one.business_service.retired else ""
        rows.append(
            {
                "number": str(one.business_service.version),
                "by": reader.called(one.actor),
                "at": reader.near(instant(one.change_time)),
                "changed": str(retired)
                or formats.listed(changed, reader.language)
                or str(gettext("published") if before is None else "–"),
            }
        )
    return rows


def differences(mine: pb.BusinessService, theirs: pb.BusinessService, reader: Reader) -> list[list[str]]:
    """Where two versions differ: what, in the first, in the second."""
    first, second = (_told(one, reader) for one in (mine, theirs))
    return [[term, first[term] or "–", second[term] or "–"] for term in first if first[term] != second[term]]


def _told(one: pb.BusinessService, reader: Reader) -> dict[str, str]:
    names = " · ".join(one.display_names[tag] for tag in sorted(one.display_names))
    windows = "; ".join(" ".join(each[:2]) for each in maintenance(one, reader))
    pairs = dict(facts(one, reader))
    pairs.pop(str(gettext("Version")))
    return {str(gettext("Names")): names, **pairs, str(gettext("Planned maintenance")): windows}


def _part(part: pb.ServiceComponent) -> str:
    name = str(gettext("events of %(service)s", service=part.service)) if part.kind else part.service
    return f"{name} ({', '.join(part.routes)})" if part.routes else name


def _incidents(one: pb.BusinessService, reader: Reader) -> str:
    if not one.HasField("incidents"):
        return str(gettext("none is opened"))
    return str(gettext("opened for %(name)s", name=reader.called(one.incidents.requester)))


def _money(report: availability_service_pb2.ObjectiveReport, language: str) -> list[tuple[str, str]]:
    if not report.HasField("money"):
        why = {
            "NO_COST_MODEL": gettext("no cost model is named"),
            "NO_MODEL": gettext("no version of the cost model is in force"),
            "IMPACT_UNKNOWN": gettext("the cost model says nothing of this extent"),
            "PRIORITY_UNKNOWN": gettext("the cost model says nothing of this criticality"),
        }.get(report.money_missing, gettext("the cost model cannot value it"))
        return [(gettext("Budget in money"), why)]
    told = report.money
    whole, left = (formats.money(one.minor_units, one.currency_code, language) for one in (told.budget, told.left))
    source = gettext("%(model)s, version %(number)s", model=last_part(told.cost_model), number=told.version)
    return [
        (gettext("Budget in money"), whole),
        (gettext("Left in money"), left if report.enough else "–"),
        (gettext("Estimated by"), source),
    ]


def _times(rate: float, language: str) -> str:
    return str(gettext("%(times)s times", times=formats.number(rate, language, 2)))


def _minutes(minutes: float, language: str) -> str:
    return str(gettext("%(minutes)s min", minutes=formats.number(minutes, language, 1)))


def _urgency(urgency: int) -> str:
    return str(gettext("Look now") if urgency == burn_alert_pb2.BURN_URGENCY_PAGE else gettext("Look these days"))
