"""The value board: three bands over one period and filter, the evidence behind an amount, the facts behind a value.

It prints what metrics and the ledger give; no amount is computed here.
"""

from __future__ import annotations

from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from flask import Blueprint, abort, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import get_timezone
from throughline.changes.v1 import changes_service_pb2
from throughline.metrics.v1 import board_pb2, ledger_service_pb2, metrics_pb2, metrics_service_pb2
from throughline.tickets.v1 import tickets_service_pb2

from services.portal.web import (
    board_bottlenecks,
    board_channels,
    board_compare,
    board_definitions,
    board_friction,
    cost_model_form,
    cost_models,
    counting,
    improvements,
    outages,
    rates,
    risks,
    roadmap,
)
from services.portal.web import evidence as trails
from services.portal.web.addresses import ticket_href
from services.portal.web.backends import backends, calm
from services.portal.web.names import names
from services.portal.web.own import count_own
from services.portal.web.problems import said, trace_id
from services.portal.web.session import with_roles
from services.portal.web.shown import axis, channels, choices, explained, fact, ledger, plain_terms, traffic
from services.portal.web.shown import board as shown
from services.portal.web.shown import drawer as drawers
from services.portal.web.shown import period as periods
from services.portal.web.shown import tile as tiles
from services.portal.web.shown.period import Choice
from services.portal.web.shown.reader import Reader, instant, last_part, reader
from services.runtime.refusal import Kind, Refusal

blueprint = Blueprint("board", __name__, url_prefix="/board")
blueprint.register_blueprint(cost_model_form.blueprint)
blueprint.register_blueprint(cost_models.blueprint)
blueprint.register_blueprint(outages.blueprint)
for each in (rates, improvements, roadmap, risks):
    blueprint.register_blueprint(each.blueprint)
blueprint.register_blueprint(board_compare.blueprint)
blueprint.register_blueprint(board_bottlenecks.blueprint)
blueprint.register_blueprint(board_channels.blueprint)
blueprint.register_blueprint(board_friction.blueprint)
blueprint.register_blueprint(board_definitions.blueprint)

READERS = cost_models.READERS
_DRAWER_ROWS = 30
_FACTS = 50
_MODELS = 3


@blueprint.get("")
@with_roles(*READERS)
def page() -> ResponseReturnValue:
    """The board of the period and filter in the address."""
    return _board("")


@blueprint.get("/evidence/<category>")
@with_roles(*READERS)
def evidence(category: str) -> ResponseReturnValue:
    """The board with the ledger's rows of one category open beside it. `ticket`: only the rows of that ticket."""
    if category not in shown.CATEGORIES:
        abort(404)
    return _board(category)


@blueprint.get("/entries/<entry>")
@with_roles(*READERS)
def entry(entry: str) -> ResponseReturnValue:
    """One row of the ledger: its formula, inputs, lines, and what it rests on."""
    asked = ledger_service_pb2.ExplainLedgerEntryRequest(name=f"ledgerEntries/{entry}")
    told = backends().ledger.ExplainLedgerEntry(asked)
    found, now = told.entry, reader()
    names().people([who for one in told.cost_models for who in (one.author, one.approver)])
    count_own()
    return render_template(
        "board_entry.html",
        entry=ledger.entry_facts(found, now) | explained.facts(told, now),
        agreed=[explained.agreed(one, now) for one in told.cost_models],
        history=explained.history(told, now),
        ticket=last_part(found.ticket),
        ticket_href=ticket_href(found.ticket),
        steps=ledger.chain(found, now, ticket_href(found.ticket)),
        along=trails.trail(found, now),
        evidence=[(one, _evidence_href(one), ledger.noted(one.note)) for one in found.evidence],
    )


@blueprint.get("/facts")
@with_roles(*READERS)
def facts() -> ResponseReturnValue:
    """The tickets behind a metric, by the mark that it counts them by."""
    choice, now = _choice(), reader()
    known = {
        metric.id: metric for metric in backends().metrics.ListMetrics(metrics_service_pb2.ListMetricsRequest()).metrics
    }
    wanted = request.args.get("metric", "")
    metric = known.get(wanted)
    if metric is None and wanted:
        abort(404)
    mark = request.args.get("mark", "") or fact.mark_of(wanted)
    if mark not in fact.MARKS:
        abort(404)
    answer = backends().metrics.ListFacts(
        metrics_service_pb2.ListFactsRequest(
            period=choice.days.interval(choice.zone),
            filter=choice.filter,
            mark=fact.MARKS[mark],
            page_size=_FACTS,
            page_token=request.args.get("page", ""),
        )
    )
    names().people([one.team for one in answer.facts])
    count_own()
    same = choice.query(metric=wanted, mark=mark)
    today = now.now.astimezone(now.zone).date()
    return render_template(
        "board_facts.html",
        about=tiles.definition(metric, now.language) if metric is not None else None,
        period=choice.days.told(now.language, today),
        mark=fact.mark_words(mark),
        rows=[fact.row(one, now, ticket_href(one.ticket)) for one in answer.facts],
        back=_at(choice),
        following=url_for(".facts", **same, page=answer.next_page_token) if answer.next_page_token else "",
        first=url_for(".facts", **same) if request.args.get("page") else "",
    )


@blueprint.get("/services")
@with_roles(*READERS)
def services() -> ResponseReturnValue:
    """Availability by service, as spans tell it."""
    choice, now = _choice(), reader()
    period = choice.days.interval(choice.zone)
    answer = backends().metrics.ListServiceAvailability(
        metrics_service_pb2.ListServiceAvailabilityRequest(period=period)
    )
    count_own()
    today = now.now.astimezone(now.zone).date()
    return render_template(
        "board_services.html",
        rows=[traffic.row(one, now) for one in answer.services],
        period=choice.days.told(now.language, today),
        back=_at(choice),
        outages=url_for(".outages.page", **choice.query()),
    )


def _board(category: str) -> ResponseReturnValue:
    choice, now = _choice(), reader()
    count_own()
    try:
        board = backends().metrics.GetBoard(choice.request())
        drawer = _drawer(category, board, choice, now) if category else None
    except Refusal as refusal:
        if refusal.kind is not Kind.UNAVAILABLE:
            raise
        html = render_template("board.html", board=None, trouble=said(refusal), trace=trace_id(), **_frame(choice, now))
        return html, 503
    return render_template(
        "board.html", board=board, drawer=drawer, **_frame(choice, now), **_content(board, choice, now, category)
    )


def _frame(choice: Choice, now: Reader) -> dict[str, Any]:
    """What stands around the numbers: the choice as words and as links."""
    today = now.now.astimezone(now.zone).date()
    return {
        "choice": choice,
        "period": choice.days.told(now.language, today),
        "menus": choices.menus(choice, now, today, lambda **changes: _at(choice, **changes)),
        "form": choices.form(choice, names().teams(), now.language),
        "previous": _at(choice, **choice.days.before().query()),
        "next": _at(choice, **choice.days.after().query()),
    }


def _content(board: board_pb2.Board, choice: Choice, now: Reader, category: str) -> dict[str, Any]:
    links = shown.Links(
        evidence=lambda slug: url_for(".evidence", category=slug, **choice.query()),
        facts=lambda metric: url_for(".facts", **choice.query(metric=metric)),
        ticket=ticket_href,
        loss_of=lambda ticket: url_for(".evidence", category="incurred-loss", **choice.query(ticket=last_part(ticket))),
        services=url_for(".services", **choice.query()),
        risks=url_for(".risks.page"),
    )
    today = now.now.astimezone(now.zone).date()
    alerts = board_channels.alerts_of(choice)
    over = instant(board.period.end_time) <= now.now if board.period.HasField("end_time") else False
    registry = {one.metric.name: one.metric for one in board.tiles}
    return {
        "headline": shown.headline(board, choice, now.language, today, counting.uncounted()),
        "blank": shown.is_blank(board) and bool(counting.uncounted()),
        "money": shown.money(board, links, now.language, category),
        "bands": shown.bands(board, links, now.language, over=over),
        "over": over,
        "terms": plain_terms.rows(board, links, now.language),
        "priorities": shown.priorities(board, registry, now.language),
        "green_red": shown.green_red(board, links, now.language),
        "channel_alerts": channels.alerts(alerts, now) if alerts is not None else None,
        "finding": axis.finding(board.days, now.language, today),
        "chart": axis.data(board.days, _changes(choice), choice.zone, now.language),
        "days": axis.rows(board.days, now.language),
        "definitions": [tiles.definition(one.metric, now.language) for one in board.tiles],
        "data_time": now.near(instant(board.data_time)) if board.HasField("data_time") else "",
    }


def _drawer(category: str, board: board_pb2.Board, choice: Choice, now: Reader) -> dict[str, Any]:
    """What stands in the drawer: the category's amount, its largest row as a chain, the others, the models."""
    ticket = request.args.get("ticket", "")
    metrics = backends().metrics
    answer = metrics.ListLedgerEntries(
        metrics_service_pb2.ListLedgerEntriesRequest(
            period=choice.days.interval(choice.zone),
            category=shown.CATEGORIES[category],  # type: ignore[arg-type]  # stubs take enums, not their numbers
            ticket=f"tickets/{ticket}" if ticket else "",
            filter=choice.filter,
            page_size=_DRAWER_ROWS,
            page_token=request.args.get("page", ""),
        )
    )
    models = []
    for name, version in ledger.cost_models(answer.entries)[:_MODELS]:
        asked = metrics_service_pb2.GetCostModelRequest(name=name, version=version)
        model = calm(partial(metrics.GetCostModel, asked), None)
        if model is not None:
            models.append(model)
    top = ledger.largest(answer.entries)
    same = choice.query(ticket=ticket)
    more = answer.next_page_token
    drawer = drawers.drawer(board, answer.entries, models, now, category, choice, ticket=ticket, more=bool(more))
    return drawer | {
        "title": _title(top.ticket) if top is not None else "",
        "steps": ledger.chain(top, now, ticket_href(top.ticket)) if top is not None else [],
        "trail": trails.trail(top, now) if top is not None else [],
        "top_href": url_for(".entry", entry=last_part(top.name)) if top is not None else "",
        "rows": [
            drawers.row(one, now, url_for(".entry", entry=last_part(one.name)))
            for one in answer.entries
            if top is None or one.name != top.name
        ],
        "close": _at(choice),
        "link": request.full_path.rstrip("?"),
        "following": url_for(".evidence", category=category, **same, page=more) if more else "",
        "export": _export(choice, category, f"tickets/{ticket}" if ticket else ""),
    }


def _choice() -> Choice:
    zone = ZoneInfo(str(get_timezone()))
    return periods.read(request.args, zone, reader().now.astimezone(zone).date())


def _at(choice: Choice, **changes: str) -> str:
    return url_for(".page", **choice.query(**changes))


def _rest_query(choice: Choice, **more: str) -> dict[str, Any]:
    """The same choice as the REST address takes it."""
    query = choice.query(**{"from": choice.days.start.isoformat(), "to": choice.days.end.isoformat()}, **more)
    query.pop("baseline", None)
    for name in ("channel", "type"):
        if name in query:
            query[name] = query[name].upper()
    if priorities := query.pop("priority", None):
        query["priorities"] = ",".join(priorities)
    return {**query, "time_zone": choice.zone.key}


def _export(choice: Choice, category: str, ticket: str) -> str:
    """The same rows as JSON."""
    named = {"category": category.replace("-", "_").upper(), "ticket": ticket}
    return url_for("rest.list_ledger_entries", **_rest_query(choice, **named))


def _changes(choice: Choice) -> list[Any]:
    """The changes whose window lies in the period; none when nobody can say."""
    asked = changes_service_pb2.ListChangesRequest(
        window=choice.days.interval(choice.zone), service=choice.filter.service, page_size=200
    )
    answer = calm(lambda: backends().changes.ListChanges(asked), None)
    return list(answer.changes) if answer is not None else []


def _title(ticket: str) -> str:
    """A ticket's title; its number for readers who may not see it."""
    answer = calm(lambda: backends().tickets.GetTicket(tickets_service_pb2.GetTicketRequest(name=ticket)), None)
    return answer.title if answer is not None and answer.title else last_part(ticket)


def _evidence_href(one: metrics_pb2.Evidence) -> str:
    collection, _, id = one.resource.partition("/")
    if collection == "tickets":
        return ticket_href(one.resource)
    if collection == "costModels":
        return url_for(".cost_models.one", model=id, version=one.version)
    return ""
