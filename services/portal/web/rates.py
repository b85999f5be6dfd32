"""Rates of exchange: dated, written by one person of finance and approved by another, with their whole journal."""

from __future__ import annotations

from functools import partial

from flask import Blueprint, current_app, flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from throughline.metrics.v1 import ledger_pb2, ledger_service_pb2, metrics_pb2

from services.portal.web.backends import backends, calm, new_request_id
from services.portal.web.cost_models import APPROVERS, READERS, WRITERS
from services.portal.web.names import names
from services.portal.web.own import count_own
from services.portal.web.problems import STATUS, field_errors, said
from services.portal.web.session import with_roles
from services.portal.web.shown import rates as shown
from services.portal.web.shown.reader import reader
from services.runtime.refusal import Kind, Refusal

blueprint = Blueprint("rates", __name__, url_prefix="/rates")

_VERSIONS = 20
_FIELDS = {
    "rate_table.rates": "rate",
    "rate_table.effective_time": "effective",
    "rate_table.note": "note",
    "rate_table.base_currency": "currency",
}


@blueprint.get("")
@with_roles(*READERS)
def page() -> ResponseReturnValue:
    """The journal of the table, newest first, and the form of another dated rate."""
    return _page()


@blueprint.post("")
@with_roles(*WRITERS)
def draft() -> ResponseReturnValue:
    """Writes the next version, which waits for somebody else's approval."""
    message, errors = shown.read(request.form, _version(0), _base())
    if errors:
        return _page(errors, status=400)
    asked = ledger_service_pb2.DraftRateTableRequest(request_id=request.form.get("request_id", ""), rate_table=message)
    try:
        backends().ledger.DraftRateTable(asked)
    except Refusal as refusal:
        told = {_FIELDS.get(name, name): text for name, text in field_errors(refusal).items()}
        return _page(told, status=STATUS[refusal.kind])
    flash(gettext("Drafted. Somebody else of finance approves it."), "success")
    return redirect(url_for(".page"), 303)


@blueprint.post("/approve")
@with_roles(*APPROVERS)
def approve() -> ResponseReturnValue:
    """Lets a version hold from its effective time on."""
    version = request.form.get("version", "")
    asked = ledger_service_pb2.ApproveRateTableRequest(
        name=shown.TABLE,
        version=int(version) if version.isdecimal() and len(version) < 10 else 0,
        request_id=request.form.get("request_id", ""),
    )
    try:
        backends().ledger.ApproveRateTable(asked)
    except Refusal as refusal:
        if refusal.kind is Kind.NOT_FOUND:
            raise
        return _page({"": said(refusal)}, status=STATUS[refusal.kind])
    flash(gettext("Approved. It holds from its effective time on."), "success")
    return redirect(url_for(".page"), 303)


def _page(errors: dict[str, str] | None = None, status: int = 200) -> ResponseReturnValue:
    latest = _version(0)
    versions = [latest] if latest is not None else []
    if latest is not None:
        for number in range(latest.version - 1, max(0, latest.version - _VERSIONS), -1):
            older = calm(partial(_version, number), None)
            versions += [older] if older is not None else []
    names().people([who for one in versions for who in (one.author, one.approver)])
    now = reader()
    count_own()
    open_ = [one for one in versions if one.state == metrics_pb2.COST_MODEL_STATE_DRAFT]
    roles = set(g.person.roles)
    html = render_template(
        "board_rates.html",
        rows=[shown.row(one, now, f"#v{one.version}") for one in versions],
        waiting=[(one.version, shown.row(one, now, "")) for one in open_ if one.author != now.sub],
        base=_base(),
        given=request.form if errors else {},
        errors=errors or {},
        may_draft=bool(roles & set(WRITERS)),
        may_approve=bool(roles & set(APPROVERS)),
        request_id=new_request_id(),
        approve_ids=[new_request_id() for _ in open_],
    )
    return html, status


def _base() -> str:
    latest = _version(0)
    currency: str = current_app.extensions["throughline.settings"].currency
    return latest.base_currency if latest is not None else currency


def _version(number: int) -> ledger_pb2.RateTable | None:
    """One version, 0 the latest; None before there is a table."""
    asked = ledger_service_pb2.GetRateTableRequest(name=shown.TABLE, version=number)
    try:
        found: ledger_pb2.RateTable = backends().ledger.GetRateTable(asked)
    except Refusal as refusal:
        if refusal.kind is not Kind.NOT_FOUND:
            raise
        return None
    return found
