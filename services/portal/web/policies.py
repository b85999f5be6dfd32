"""What is promised to whom: the ordered list with its test bench, drafts, review, publication, and history."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial
from typing import Any

from flask import Blueprint, abort, flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from throughline.sla.v1 import sla_pb2
from throughline.sla.v1 import sla_service_pb2 as calls
from throughline.tickets.v1 import ticket_pb2

from services.portal.web import policies_form as forms
from services.portal.web.backends import backends, calm, new_request_id
from services.portal.web.names import names
from services.portal.web.problems import STATUS, field_errors, said
from services.portal.web.session import with_roles
from services.portal.web.shown import policy as shown
from services.portal.web.shown import ticket as ticket_shown
from services.portal.web.shown import why
from services.portal.web.shown.reader import Reader, last_part, reader
from services.runtime.refusal import Kind, Refusal

blueprint = Blueprint("policies", __name__, url_prefix="/policies")

READERS = ("agent", "lead", "problem_manager", "change_manager", "executive", "operator", "administrator")
WRITERS = ("lead", "administrator")
PUBLISHERS = ("administrator",)
_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_MOST = 200
_TARGET = re.compile(r"policy\.targets\[(\d+)\]\.(\w+)")
_TARGET_FIELDS = {"duration": "hours", "warn_percent": "warn", "team": "team"}
_ASKED = ("service", "item", "site", "category", "unit", "source")


@blueprint.get("")
@with_roles(*READERS)
def page() -> ResponseReturnValue:
    """Every policy in the order in which it is tried, and beside it the bench on which a made-up ticket is tried."""
    now, sla = reader(), backends().sla
    published = sla.ListPolicies(calls.ListPoliciesRequest(page_size=_MOST)).policies
    drafts = sla.ListPolicies(calls.ListPoliciesRequest(page_size=_MOST, drafts=True)).policies
    bench, trouble = _bench(now)
    html = render_template(
        "policies.html",
        rows=[shown.row(one, now, url_for(".one", id=last_part(one.name))) for one in published],
        drafts=[shown.row(one, now, url_for(".one", id=last_part(one.name))) for one in drafts],
        may_draft=_is(WRITERS),
        asked=request.args,
        types=[(str(one), ticket_shown.type_words(one)) for one in ticket_pb2.TicketType.values() if one],
        channels=[(str(one), ticket_shown.channel_words(one)) for one in ticket_pb2.Channel.values() if one],
        bench=bench,
        trouble=trouble,
    )
    return html, STATUS[Kind.INVALID] if trouble else 200


@blueprint.get("/new")
@with_roles(*WRITERS)
def new() -> ResponseReturnValue:
    """The form of a policy that is not there yet."""
    return _form({"order": "100"}, {}, "")


@blueprint.get("/<id>/edit")
@with_roles(*WRITERS)
def edit(id: str) -> ResponseReturnValue:
    """The form filled with the draft, else with the latest version."""
    before = _before(id)
    if before is None:
        abort(404)
    return _form(forms.typed(before) | {"etag": before.etag}, {}, id)


@blueprint.post("/new")
@with_roles(*WRITERS)
def draft() -> ResponseReturnValue:
    """Writes a version; it holds when somebody else has reviewed and published it."""
    given = request.form
    known = given.get("known", "")
    made, errors = forms.policy(given, _before(known) if known else None)
    if errors:
        return _form(given, errors, known, 400)
    asked = calls.DraftPolicyRequest(
        request_id=given.get("request_id", ""), policy=made, etag=given.get("etag", "") if known else ""
    )
    try:
        backends().sla.DraftPolicy(asked)
    except Refusal as refusal:
        told = {_field(name, made): text for name, text in field_errors(refusal).items()}
        return _form(given, told, known, STATUS[refusal.kind])
    flash(gettext("Drafted. Submit it when somebody else shall review it."), "success")
    return redirect(url_for(".one", id=last_part(made.name)), 303)


@blueprint.get("/<id>")
@with_roles(*READERS)
def one(id: str) -> ResponseReturnValue:
    """A policy: the version asked for, its draft, and the versions before."""
    return _one(id)


@blueprint.post("/<id>/<verb>")
@with_roles(*WRITERS)
def act(id: str, verb: str) -> ResponseReturnValue:
    """Submits, gives back, publishes or retires."""
    given, sla = request.form, backends().sla
    asked: dict[str, Any] = {
        "name": f"policies/{id}",
        "request_id": given.get("request_id", ""),
        "etag": given.get("etag", ""),
    }
    acts = {
        "submit": (lambda: sla.SubmitPolicy(calls.SubmitPolicyRequest(**asked)), gettext("Submitted for review.")),
        "return": (
            lambda: sla.ReturnPolicy(calls.ReturnPolicyRequest(**asked, note=given.get("note", "").strip())),
            gettext("Given back to its author."),
        ),
        "publish": (
            lambda: sla.PublishPolicy(calls.PublishPolicyRequest(**asked)),
            gettext("Published. Clocks that start from its time on take it."),
        ),
        "retire": (
            lambda: sla.RetirePolicy(calls.RetirePolicyRequest(**asked)),
            gettext("Retired. Clocks that run keep it; no new one starts from it."),
        ),
    }
    if verb not in acts or not _ID.fullmatch(id):
        abort(404)
    try:
        acts[verb][0]()
    except Refusal as refusal:
        if refusal.kind is Kind.NOT_FOUND:
            raise
        return _one(id, refusal)
    flash(acts[verb][1], "success")
    return redirect(url_for(".one", id=id), 303)


def _one(id: str, refusal: Refusal | None = None) -> ResponseReturnValue:
    if not _ID.fullmatch(id):
        abort(404)
    sla, policy, now = backends().sla, f"policies/{id}", reader()
    draft = calm(partial(sla.GetPolicy, calls.GetPolicyRequest(name=policy, draft=True)), None)
    asked = calls.ListPolicyVersionsRequest(name=policy, page_size=_MOST)
    versions = list(sla.ListPolicyVersions(asked).policies)
    number = request.args.get("version", "")
    chosen = next((each for each in versions if str(each.version) == number), versions[0] if versions else None)
    latest = draft or chosen
    if latest is None:
        abort(404)
    names().people([who for each in (*versions, *([draft] if draft else [])) for who in (each.author, each.reviewer)])
    html = render_template(
        "policy.html",
        id=id,
        name=shown.name(chosen or latest, now),
        current_version=_version(chosen, now),
        draft=_version(draft, now),
        versions=[shown.version(each, now, url_for(".one", id=id, version=each.version)) for each in versions],
        etag=latest.etag,
        retired=bool(versions) and versions[0].retired,
        latest=chosen is not None and chosen is versions[0],
        submitted=draft is not None and draft.state == sla_pb2.POLICY_STATE_SUBMITTED,
        own=draft is not None and draft.author == now.sub,
        may_draft=_is(WRITERS),
        may_publish=_is(PUBLISHERS),
        trouble=said(refusal) if refusal is not None else "",
        request_id=new_request_id,
    )
    return html, STATUS[refusal.kind] if refusal is not None else 200


def _version(policy: sla_pb2.Policy | None, now: Reader) -> dict[str, Any] | None:
    if policy is None:
        return None
    asked = calls.GetCalendarRequest(name=policy.calendar)
    calendar = calm(partial(backends().sla.GetCalendar, asked), None)
    hours = shown.name(calendar, now) if calendar is not None else last_part(policy.calendar)
    return {
        "facts": shown.facts(policy, hours, now),
        "targets": shown.targets(policy, now),
        "state": shown.state(policy),
        "version": policy.version,
    }


def _before(id: str) -> sla_pb2.Policy | None:
    """The draft of a policy, else its latest version; None when there is neither."""
    if not _ID.fullmatch(id):
        return None
    sla, name = backends().sla, f"policies/{id}"
    found: sla_pb2.Policy | None = calm(partial(sla.GetPolicy, calls.GetPolicyRequest(name=name, draft=True)), None)
    return found or calm(partial(sla.GetPolicy, calls.GetPolicyRequest(name=name)), None)


def _form(given: Mapping[str, str], errors: Mapping[str, str], known: str, status: int = 200) -> ResponseReturnValue:
    """known: the id of the policy that is edited, "" for a new one."""
    now = reader()
    calendars = backends().sla.ListCalendars(calls.ListCalendarsRequest(page_size=_MOST)).calendars
    html = render_template(
        "policy_form.html",
        given=given,
        errors=errors,
        known=known,
        calendars=[(each.name, shown.name(each, now)) for each in calendars],
        kinds=[(kind, why.title(kind)) for kind in forms.KINDS],
        types=[(each, ticket_shown.type_words(each)) for each in ticket_pb2.TicketType.values() if each],
        pauses=[(each, ticket_shown.state_words(each)) for each in forms.PAUSES],
        holds=[(each, ticket_shown.hold_words(each)) for each in forms.HOLDS],
        folded_open=lambda kind: any(given.get(f"hold_{kind}_{each}") for each in forms.HOLDS),
        operational=sla_pb2.CLOCK_KIND_OPERATIONAL,
        underpinning=sla_pb2.CLOCK_KIND_UNDERPINNING,
        request_id=given.get("request_id") or new_request_id(),
    )
    return html, status


def _bench(now: Reader) -> tuple[dict[str, Any] | None, str]:
    """What the bench says of the ticket in the address; None before one is described."""
    given = request.args
    if "type" not in given:
        return None, ""
    numbers = {name: given.get(name, "") for name in ("type", "priority", "channel", "impact", "urgency")}
    asked = calls.ExplainPolicyRequest(with_drafts=bool(given.get("drafts")), vip=bool(given.get("vip")))
    for name, text in numbers.items():
        if text.isdecimal() and len(text) < 3:
            setattr(asked, name, int(text))
    for name in _ASKED:
        setattr(asked, name, given.get(name, "").strip()[:100])
    try:
        return shown.bench(backends().sla.ExplainPolicy(asked), now), ""
    except Refusal as refusal:
        return None, said(refusal)


def _field(name: str, made: sla_pb2.Policy) -> str:
    """The form's field for a field of the request."""
    found = _TARGET.fullmatch(name)
    if found is None:
        return forms.FIELDS.get(name, name)
    kind = made.targets[int(found[1])].kind
    field = _TARGET_FIELDS.get(found[2])
    return f"{field}_{kind}" if field else f"pause_{kind}_{forms.PAUSES[0]}"


def _is(roles: tuple[str, ...]) -> bool:
    return bool(set(roles) & set(g.person.roles))
