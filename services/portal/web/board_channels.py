"""The same service by every entry: first response, promises and satisfaction by channel, the rule and its alerts."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from flask import Blueprint, flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from throughline.metrics.v1 import channels_pb2
from throughline.metrics.v1 import comparisons_service_pb2 as calls

from services.portal.web.backends import backends, calm, new_request_id
from services.portal.web.board_compare import chosen, frame
from services.portal.web.cost_models import READERS
from services.portal.web.names import names
from services.portal.web.own import count_own
from services.portal.web.problems import STATUS, field_errors
from services.portal.web.session import with_roles
from services.portal.web.shown import channels as shown
from services.portal.web.shown.period import Choice
from services.portal.web.shown.reader import reader
from services.runtime.refusal import Kind, Refusal

blueprint = Blueprint("channels", __name__, url_prefix="/channels")

SETTERS = ("executive", "lead", "operator", "administrator")
_ALERTS = 50
_LARGEST = 10**9


@blueprint.get("")
@with_roles(*READERS)
def page() -> ResponseReturnValue:
    """The report of the period and filter in the address."""
    return _page({}, {})


@blueprint.post("/rule")
@with_roles(*SETTERS)
def set_rule() -> ResponseReturnValue:
    """Sets by how much channels may differ."""
    given = {name: request.form.get(name, "").strip() for name in shown.FIELDS}
    numbers = {name: int(text) for name, text in given.items() if text.isascii() and text.isdecimal()}
    errors = {name: gettext("Write a whole number.") for name in given if numbers.get(name, _LARGEST) >= _LARGEST}
    if errors:
        return _page(given, errors, 400)
    rule = channels_pb2.ChannelRule()
    for name, number in numbers.items():
        setattr(rule, name, number)
    asked = calls.SetChannelRuleRequest(
        request_id=request.form.get("request_id", ""), channel_rule=rule, etag=request.form.get("etag", "")
    )
    try:
        backends().comparisons.SetChannelRule(asked)
    except Refusal as refusal:
        if refusal.kind is Kind.UNAUTHENTICATED:
            raise
        told = {name.removeprefix("channel_rule."): text for name, text in field_errors(refusal).items()}
        return _page(given, told, STATUS[refusal.kind])
    flash(gettext("Set. The next look, within a minute, goes by it."), "success")
    return redirect(url_for(".page", **chosen().query()), 303)


def alerts_of(choice: Choice) -> list[channels_pb2.ChannelDivergence] | None:
    """The alerts of the months that a period touches; None for who reads the numbers of one unit alone."""
    asked = calls.ListChannelDivergencesRequest(period=choice.days.interval(choice.zone), page_size=_ALERTS)
    answer = calm(partial(backends().comparisons.ListChannelDivergences, asked), None)
    return list(answer.divergences) if answer is not None else None


def _page(given: Mapping[str, str], errors: Mapping[str, str], status: int = 200) -> ResponseReturnValue:
    choice, now = chosen(), reader()
    answer = backends().comparisons.CompareChannels(
        calls.CompareChannelsRequest(period=choice.days.interval(choice.zone), filter=choice.filter)
    )
    found = alerts_of(choice)
    names().people([answer.rule.author])
    count_own()
    html = render_template(
        "board_channels.html",
        cards=shown.cards(answer, now.language),
        gaps=[shown.gap(one, now.language) for one in answer.gaps],
        alerts=shown.alerts(found, now) if found is not None else None,
        rule=shown.rule(answer.rule, now),
        may_set=bool(set(SETTERS) & set(g.person.roles)),
        given=given,
        errors=errors,
        request_id=new_request_id(),
        set_href=url_for(".set_rule", **choice.query()),
        **frame(choice, ".page"),
    )
    return html, status
