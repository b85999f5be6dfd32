"""Risks as their pages show them, their sum with P50 and P90, and the form of one both ways."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC
from typing import Any

from flask_babel import gettext, ngettext, pgettext
from throughline.metrics.v1 import governance_pb2 as pb

from services.portal.web import formats
from services.portal.web.shown import fields
from services.portal.web.shown.board import amount
from services.portal.web.shown.reader import Reader, instant


def state(one: pb.Risk) -> dict[str, str]:
    """The chip of a state: text, tone and icon_name."""
    return {
        pb.RISK_STATE_ACCEPTED: {"text": str(gettext("Accepted")), "tone": "pause", "icon_name": "hand"},
        pb.RISK_STATE_CLOSED: {"text": str(gettext("Closed")), "tone": "", "icon_name": "check-circle"},
    }.get(one.state, {"text": str(pgettext("risk", "Open")), "tone": "warn", "icon_name": "umbrella"})


def row(one: pb.Risk, reader: Reader, href: str) -> dict[str, Any]:
    """A risk of a list."""
    probability = formats.percent(one.probability_per_mille / 1000, reader.language, 1)
    return {
        "title": one.title,
        "href": href,
        "owner": reader.called(one.owner),
        "probability": probability,
        "within": str(gettext("%(probability)s within a year", probability=probability)),
        "range": formats.span(
            amount(one.loss_p50, reader.language), amount(one.loss_p90, reader.language), reader.language
        ),
        "expected": amount(one.expected, reader.language),
        "state": state(one),
    }


def exposure(one: pb.RiskExposure, language: str) -> list[tuple[str, str]]:
    """What all open risks may cost in a year, those accepted apart; words while there is none."""
    if not one.open:
        found = [(gettext("Open risks"), str(gettext("None is in the register")))]
    else:
        found = [
            (gettext("In the middle (P50)"), amount(one.p50, language)),
            (gettext("Nine times in ten no more than (P90)"), amount(one.p90, language)),
            (gettext("On average"), amount(one.mean, language)),
            (gettext("Open risks"), formats.number(one.open, language, 0)),
        ]
    if one.accepted:
        range_ = formats.span(amount(one.accepted_p50, language), amount(one.accepted_p90, language), language)
        many = ngettext("%(num)s risk", "%(num)s risks", one.accepted)
        found.append((gettext("Accepted, not in it (P50 to P90)"), f"{range_} · {many}"))
    method = gettext(
        "%(days)s days, %(draws)s draws, formula %(formula)s",
        days=one.horizon_days, draws=formats.number(one.draws, language, 0), formula=one.formula,
    )  # fmt: skip
    return [(str(term), text) for term, text in (*found, (gettext("Method"), str(method)))]


def facts(one: pb.Risk, reader: Reader) -> list[tuple[str, str]]:
    """What is known of a risk, as (term, description)."""
    shown, today = row(one, reader, ""), reader.now.astimezone(reader.zone).date()
    review = "–"
    if one.HasField("review_time"):
        review = formats.day(instant(one.review_time), reader.language, reader.zone, today)
    found = [
        (gettext("Happens within a year"), shown["probability"]),
        (gettext("Costs then, P50 to P90"), shown["range"]),
        (gettext("Expected in a year"), shown["expected"]),
        (gettext("Owner"), shown["owner"]),
        (gettext("About"), one.subject or "–"),
        (gettext("Review"), review),
        (gettext("Weighed"), f"{reader.near(instant(one.update_time))} · {reader.called(one.author)}"),
    ]
    return [(str(term), text) for term, text in found]


def given(one: pb.Risk) -> dict[str, str]:
    """A risk as the fields of its form."""
    review = ""
    if one.HasField("review_time"):
        review = one.review_time.ToDatetime(tzinfo=UTC).date().isoformat()
    return {
        **{name: getattr(one, name) for name in ("title", "owner", "subject", "note", "etag")},
        "probability": fields.percent(one.probability_per_mille),
        "p50": fields.major(one.loss_p50),
        "p90": fields.major(one.loss_p90),
        "review": review,
    }


def read(form: Mapping[str, str], currency: str) -> tuple[pb.Risk, dict[str, str]]:
    """The risk that a form says, and what of it cannot be read."""
    errors: dict[str, str] = {}
    title, owner, subject, note = (form.get(name, "").strip() for name in ("title", "owner", "subject", "note"))
    message = pb.Risk(title=title, owner=owner, subject=subject, note=note)
    message.probability_per_mille = fields.share(form, "probability", errors)
    message.loss_p50.CopyFrom(fields.money(form, "p50", currency, errors))
    message.loss_p90.CopyFrom(fields.money(form, "p90", currency, errors))
    review = fields.day(form, "review", errors, optional=True)
    if review is not None:
        message.review_time.FromDatetime(review)
    return message, errors
