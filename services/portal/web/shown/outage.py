"""Outages as words and rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from flask_babel import gettext, ngettext
from throughline.metrics.v1 import availability_service_pb2, metrics_pb2, outage_pb2

from services.portal.web import formats
from services.portal.web.shown import tile as tiles
from services.portal.web.shown.reader import Reader, instant, last_part

_TONES = {
    outage_pb2.OUTAGE_STATE_PROVISIONAL: ("provisional", ""),
    outage_pb2.OUTAGE_STATE_OPEN: ("bad", "octagon"),
    outage_pb2.OUTAGE_STATE_CLOSED: ("", "check-circle"),
    outage_pb2.OUTAGE_STATE_RETRACTED: ("outline", "undo"),
}
_TIERS = {
    outage_pb2.ATTRIBUTION_TIER_A: "A",
    outage_pb2.ATTRIBUTION_TIER_B: "B",
    outage_pb2.ATTRIBUTION_TIER_C: "C",
}


def row(one: outage_pb2.Outage, reader: Reader, href: str) -> dict[str, Any]:
    """One outage of the list."""
    return {
        "service": one.service,
        "href": href,
        "when": reader.stretch(instant(one.start_time), _end(one)),
        "state": _state(one),
        "root": _root(one),
        "requests": formats.number(round(one.scope.requests), reader.language, 0),
        "tickets": formats.number(len(one.tickets), reader.language, 0),
    }


def promise(one: availability_service_pb2.ObjectiveReport, reader: Reader) -> dict[str, Any]:
    """One objective against what happened; words when too few requests came to say anything."""
    language = reader.language
    service = one.business_service
    name = service.display_names.get(language) or service.display_names.get("en") or last_part(service.name)
    left = one.budget_minutes_left
    return {
        "name": name,
        "window": ngettext("last day", "last %(num)s days", service.objective.window_days),
        "value": formats.percent(one.availability, language, 3) if one.enough else gettext("Too few"),
        "objective": formats.percent(service.objective.parts_per_million / 1_000_000, language, 3),
        "good": formats.number(round(one.good), language, 0),
        "valid": formats.number(round(one.valid), language, 0),
        "burn": gettext("%(times)s times", times=formats.number(one.burn, language, 2)) if one.enough else "–",
        "left": gettext("%(minutes)s min", minutes=formats.number(round(left), language, 0)) if one.enough else "–",
        "overspent": one.enough and left < 0,
    }


def outage(one: outage_pb2.Outage, reader: Reader) -> dict[str, Any]:
    """The head of an outage's page."""
    return {
        "service": one.service,
        "state": _state(one),
        "planned": one.planned,
        "when": reader.stretch(instant(one.start_time), _end(one)),
    }


def facts(one: outage_pb2.Outage, reader: Reader) -> list[tuple[str, str]]:
    """What is known of it, as pairs."""
    language, scope = reader.language, one.scope

    def counted(value: float, low: float, high: float) -> str:
        told = formats.number(round(value), language, 0)
        if round(low) == round(high):
            return told
        first, last = (formats.number(round(end), language, 0) for end in (low, high))
        return f"{told} ({formats.span(first, last, language)})"

    end = _end(one)
    found = [
        (gettext("Cause"), _root(one)),
        (gettext("Failed requests"), counted(scope.requests, scope.requests_low, scope.requests_high)),
        (gettext("Users"), counted(scope.users, scope.users_low, scope.users_high)),
        (gettext("Sites"), formats.listed(scope.sites, language) or "–"),
        (gettext("Services it took along"), formats.listed(one.affected_services, language) or "–"),
    ]
    if end is not None:
        found.insert(0, (gettext("Lasted"), reader.length(end - instant(one.start_time))))
    if one.incident:
        found.append((gettext("Incident"), last_part(one.incident)))
    if one.HasField("first_ticket_lag"):
        lag = " ".join(tiles.length_parts(one.first_ticket_lag.seconds, language))
        found.append((gettext("First ticket after"), lag))
    found.append((gettext("Revision"), str(one.revision)))
    return found


def blame(one: outage_pb2.Outage, language: str) -> list[list[str]]:
    """The shares of the votes as rows."""
    words = {
        "error": gettext("failed by itself"),
        "unreachable": gettext("did not answer"),
        "slow": gettext("was too slow"),
        "bad caller": gettext("asked wrongly"),
        "": gettext("cannot be told"),
    }
    return [
        [
            share.service or gettext("nobody"),
            words.get(share.failure, share.failure),
            formats.percent(share.per_mille / 1000, language, 0),
        ]
        for share in one.blame
    ]


def tickets(
    one: outage_pb2.Outage, opened: Mapping[str, datetime | None], reader: Reader, href: Callable[[str], str]
) -> list[dict[str, str]]:
    """The tickets that belong to it."""
    reasons = {
        "A": gettext("names a trace of the outage"),
        "B": gettext("names an affected service, beyond the usual number"),
        "C": gettext("possible: within the usual number"),
    }
    found = []
    for each in one.tickets:
        tier = _TIERS.get(each.tier, "C")
        at = opened.get(each.ticket)
        found.append(
            {
                "ticket": last_part(each.ticket),
                "href": href(each.ticket),
                "tier": tier,
                "reason": gettext("opened by the outage") if each.ticket == one.incident else reasons[tier],
                "opened": reader.near(at) if at is not None else "–",
            }
        )
    return found


def in_force(entries: Sequence[metrics_pb2.LedgerEntry]) -> list[metrics_pb2.LedgerEntry]:
    """The rows of the ledger that nothing has taken back, without those that take something back."""
    taken = {one.reverses for one in entries if one.reverses}
    return [one for one in entries if not one.reverses and one.name not in taken]


def costs(
    entries: Sequence[metrics_pb2.LedgerEntry], reader: Reader, href: Callable[[str], str]
) -> list[dict[str, str]]:
    """What the ledger has booked for it, row by row; nothing is added up here."""
    return [
        {
            "amount": formats.money(each.total.minor_units, each.total.currency_code, reader.language),
            "services": formats.listed(sorted({last_part(line.service) for line in each.lines}), reader.language),
            "recorded": reader.near(instant(each.record_time)),
            "href": href(last_part(each.name)),
        }
        for each in entries
    ]


def exemplars(one: outage_pb2.Outage, reader: Reader, links: Mapping[str, str]) -> list[dict[str, Any]]:
    """Traces that show it, each with a door to every store of traces that is known."""
    return [
        {
            "trace": each.trace_id,
            "route": each.route,
            "at": reader.near(instant(each.end_time)),
            "links": [
                (name.capitalize(), link.replace("{trace_id}", each.trace_id).replace("{span_id}", each.span_id))
                for name, link in sorted(links.items())
                if link.startswith(("https://", "http://"))
            ],
        }
        for each in one.exemplars
    ]


def _state(one: outage_pb2.Outage) -> dict[str, str]:
    words = {
        outage_pb2.OUTAGE_STATE_PROVISIONAL: gettext("provisional"),
        outage_pb2.OUTAGE_STATE_OPEN: gettext("Going on"),
        outage_pb2.OUTAGE_STATE_CLOSED: gettext("Over"),
        outage_pb2.OUTAGE_STATE_RETRACTED: gettext("Retracted"),
    }
    tone, icon = _TONES.get(one.state, ("", ""))
    return {"text": words.get(one.state, ""), "tone": tone, "icon_name": icon}


def _root(one: outage_pb2.Outage) -> str:
    if one.origin == outage_pb2.OUTAGE_ORIGIN_SYMPTOMATIC:
        return str(gettext("because of %(service)s", service=one.root_service))
    if one.origin == outage_pb2.OUTAGE_ORIGIN_UNDETERMINED:
        return str(gettext("undetermined"))
    return str(gettext("its own"))


def _end(one: outage_pb2.Outage) -> datetime | None:
    return instant(one.end_time) if one.HasField("end_time") else None
