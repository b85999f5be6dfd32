"""Which stage of the way brings which page and which resource: one table, read by the menu, the guard and the pages.

A page stands under its blueprint, or under its endpoint where it comes later than the rest of that blueprint; a
resource under its address below /api/v1, as far as all that begins with it belongs together.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum

REST = "/api/v1/"


class Stage(IntEnum):
    """A stage; each has all that the ones before it have."""

    ENTRY = 1
    PROCESS = 2
    AUTOMATION = 3
    BOARD = 4


# Message ids: the words of the roadmap, for readers who may not see it.
NAMES: Mapping[Stage, str] = {
    Stage.ENTRY: "One entry",
    Stage.PROCESS: "One process",
    Stage.AUTOMATION: "Automation and knowledge",
    Stage.BOARD: "The board and its loop",
}

PAGES: Mapping[str, Stage] = {
    # What every page rests on.
    **dict.fromkeys(("static", "health", "shell", "signin", "gallery"), Stage.ENTRY),
    # Whoever asks, and whoever answers: an entry at whose end nobody works would be none.
    **dict.fromkeys(("home", "submit", "my_tickets", "my_tickets.ticket", "journeys", "queue"), Stage.ENTRY),
    # What is still missing must be read before it is there.
    **dict.fromkeys(("board.roadmap", "counting"), Stage.ENTRY),
    "submit.promise": Stage.PROCESS,
    **dict.fromkeys(("policies", "calendars", "judgements", "changes"), Stage.PROCESS),
    **dict.fromkeys(("rota", "rota_edit", "escalations", "escalations_edit"), Stage.PROCESS),
    "articles": Stage.AUTOMATION,
    "home.suggest": Stage.AUTOMATION,
    **dict.fromkeys(("board", "board.cost_models", "board.cost_model_form", "board.rates"), Stage.BOARD),
    **dict.fromkeys(("board.bottlenecks", "board.channels", "board.compare", "board.definitions"), Stage.BOARD),
    **dict.fromkeys(
        ("board.outages", "board.improvements", "board.risks", "board.friction", "problem_losses"), Stage.BOARD
    ),
    **dict.fromkeys(("business_services", "reports", "reports.edit"), Stage.BOARD),
}

RESOURCES: Mapping[str, Stage] = {
    **dict.fromkeys(("openapi.json", "session", "people", "teams", "tickets", "roadmap", "reuse"), Stage.ENTRY),
    **dict.fromkeys(
        (
            *("tickets/<id>/clocks", "tickets/<id>/impact-start"),
            *("tickets/<id>/escalation", "tickets/<id>/acknowledge"),
            *("clocks", "clock-check", "promise", "policies", "calendars", "holidays", "judgements", "changes"),
            *("rotas", "escalation-plans", "escalation-preview"),
        ),
        Stage.PROCESS,
    ),
    "articles": Stage.AUTOMATION,
    **dict.fromkeys(
        (
            *("board", "progress", "metrics", "values", "facts", "comparison", "correlations", "bottlenecks"),
            *("friction", "problems", "repeatLoss"),
            *("channels", "channelRule", "channelDivergences", "services", "outages", "businessServices", "burnAlerts"),
            *("costModels", "rateTables", "gains", "bookings", "ledgerEntries", "ledgerInputs", "ledgerJobs"),
            *("losses", "improvements", "risks", "riskExposure", "reports"),
        ),
        Stage.BOARD,
    ),
}


def stage_of(endpoint: str, rule: str) -> Stage:
    """The stage that brings an address, by its endpoint and its rule ("/board/risks/<risk>").

    Raises:
        KeyError: the table names nothing that it belongs to; a new page or resource takes its place there.
    """
    if rule.startswith(REST):
        return _nearest(RESOURCES, rule.removeprefix(REST), "/")
    return _nearest(PAGES, endpoint, ".")


def _nearest(table: Mapping[str, Stage], name: str, separator: str) -> Stage:
    """What the table says of a name, else of the longest part of it that it names."""
    part = name
    while part not in table:
        part, found, _ = part.rpartition(separator)
        if not found:
            raise KeyError(f"{name} has no stage; give it one in services/portal/web/stages.py")
    return table[part]
