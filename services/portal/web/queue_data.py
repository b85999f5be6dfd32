"""What the agent's workspace asks of the services: lists with their clocks, a ticket's journal, and its context."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

from flask import g, url_for
from flask_babel import gettext
from throughline.knowledge.v1 import article_pb2, knowledge_service_pb2
from throughline.portal.v1 import people_pb2, people_service_pb2
from throughline.sla.v1 import sla_pb2, sla_service_pb2
from throughline.tickets.v1 import ticket_pb2
from throughline.tickets.v1 import tickets_service_pb2 as calls

from services.portal.web import i18n
from services.portal.web.backends import backends, calm
from services.portal.web.profile import in_stage
from services.portal.web.shown import queue as shown
from services.portal.web.shown import ticket as ticket_shown
from services.portal.web.shown import why, work
from services.portal.web.shown.reader import Reader

# The service lists and the clocks are told for so many at once.
MOST = 200
_TIMELINE_PAGES = 5
_ARTICLES = 4
_OTHERS = 5


@dataclass(frozen=True, slots=True)
class Queue:
    """One list of the queue, in order. more: there are tickets beyond the ones read. away: the clocks do not answer."""

    which: str
    tickets: list[ticket_pb2.Ticket]
    clocks: dict[str, sla_pb2.TicketClocks]
    more: bool = False
    away: bool = False


def queue(which: str, told: Reader, besides: str) -> Queue:
    """The open tickets of one of the lists, in order. besides: a ticket whose clocks are wanted too, or ""."""
    states = ticket_shown.OPEN
    filters = {
        "mine": [calls.TicketFilter(states=states, assignee=told.sub)],
        "team": [calls.TicketFilter(states=states, team=team) for team in g.person.teams],
    }.get(which, [calls.TicketFilter(states=states)])
    found: dict[str, ticket_pb2.Ticket] = {}
    more = False
    for one in filters:
        asked = calls.ListTicketsRequest(
            filter=one, order=calls.TicketOrder.TICKET_ORDER_PRIORITY_THEN_OLDEST, page_size=MOST
        )
        listed = backends().tickets.ListTickets(asked)
        more = more or bool(listed.next_page_token)
        found.update({each.name: each for each in listed.tickets})
    if which == "unassigned":
        mine = set(g.person.teams)
        found = {name: one for name, one in found.items() if not one.assignee and (not one.team or one.team in mine)}
    tickets = shown.ordered(found.values(), {}, told.now)
    kept = tickets[: MOST - 1]
    clocks = _clocks([*(one.name for one in kept), *([besides] if besides and besides not in found else [])])
    ordered = shown.ordered(kept, clocks or {}, told.now)
    return Queue(which, ordered, clocks or {}, more or len(tickets) > len(kept), clocks is None)


def _clocks(tickets: list[str]) -> dict[str, sla_pb2.TicketClocks] | None:
    """Clocks by ticket in one call; None when they cannot be asked for now."""
    if not tickets or not in_stage("policies.page"):
        return {}
    asked = sla_service_pb2.BatchGetTicketClocksRequest(tickets=tickets)
    answer = calm(partial(backends().sla.BatchGetTicketClocks, asked), None)
    return None if answer is None else {one.ticket: one for one in answer.clocks}


def take_team(found: ticket_pb2.Ticket) -> str:
    """Whose ticket it becomes when the reader takes it: its own team's when they are in it, else their first team's."""
    teams = list(g.person.teams)
    return found.team if found.team in teams or not teams else teams[0]


def entries(name: str) -> tuple[list[calls.TimelineEntry], bool]:
    """The ticket's journal, oldest first, and whether that is all of it."""
    found: list[calls.TimelineEntry] = []
    token = ""
    for _ in range(_TIMELINE_PAGES):
        asked = calls.ListTimelineEntriesRequest(name=name, page_size=MOST, page_token=token)
        listed = backends().tickets.ListTimelineEntries(asked)
        found += listed.entries
        token = listed.next_page_token
        if not token:
            return found, True
    return found, False


def stories(
    found: ticket_pb2.Ticket, clocks: sla_pb2.TicketClocks | None, journal: list[calls.TimelineEntry], told: Reader
) -> list[dict[str, Any]]:
    """Why its clocks are due when they are, by the very version of the calendar that they run by."""
    calendar = None
    if clocks is not None and clocks.calendar:
        asked = sla_service_pb2.GetCalendarRequest(name=clocks.calendar, version=clocks.calendar_version)
        calendar = calm(partial(backends().sla.GetCalendar, asked), None)
    return why.stories(clocks, calendar, found, journal, told)


def articles(words: str) -> tuple[list[dict[str, str]], bool]:
    """Published articles that match, and whether nobody could be asked."""
    if not words or not in_stage("articles.page"):
        return [], False
    asked = knowledge_service_pb2.SearchArticlesRequest(query=words, page_size=_ARTICLES)
    answer = calm(partial(backends().knowledge.SearchArticles, asked), None)
    if answer is None:
        return [], True
    hits: list[article_pb2.Article] = [hit.article for hit in answer.hits]
    return [_article(one) for one in hits], False


def _article(one: article_pb2.Article) -> dict[str, str]:
    number = one.name.rpartition("/")[2]
    asked = one.solved + one.not_solved
    words = gettext("%(solved)s of %(all)s say it helped", solved=one.solved, all=asked) if asked else ""
    lang = "" if one.language == i18n.language() else {"zh": "zh-CN"}.get(one.language, one.language)
    return {"id": number, "title": one.title, "href": f"/knowledge/{number}", "about": str(words), "lang": lang}


def others(found: ticket_pb2.Ticket, which: str) -> list[dict[str, Any]] | None:
    """Other tickets of the same requester, newest first; None when they cannot be told."""
    if not found.requester:
        return []
    asked = calls.ListTicketsRequest(
        filter=calls.TicketFilter(requester=found.requester),
        order=calls.TicketOrder.TICKET_ORDER_NEWEST_FIRST,
        page_size=_OTHERS + 1,
    )
    answer = calm(partial(backends().tickets.ListTickets, asked), None)
    if answer is None:
        return None
    return [
        {
            "id": ticket_shown.number(one),
            "title": one.title,
            "state": ticket_shown.state_words(one.state),
            "href": url_for("queue.ticket", number=ticket_shown.number(one), list=which),
        }
        for one in answer.tickets
        if one.name != found.name
    ][:_OTHERS]


def workers(team: str) -> list[tuple[str, str]]:
    """Who works in a team, by name."""
    if not team:
        return []
    asked = people_service_pb2.ListPeopleRequest(team=team, page_size=MOST)
    answer = calm(partial(backends().people.ListPeople, asked), people_service_pb2.ListPeopleResponse())
    found: list[people_pb2.Person] = [
        one for one in answer.people if not one.disabled and work.WORKERS & set(one.roles)
    ]
    return [(one.name, one.display_name) for one in sorted(found, key=lambda one: one.display_name)]


def matching(words: str) -> list[ticket_pb2.Ticket]:
    """Tickets by words of the title or by number, the latest first."""
    asked = calls.ListTicketsRequest(
        filter=calls.TicketFilter(text=words),
        order=calls.TicketOrder.TICKET_ORDER_RECENTLY_UPDATED,
        page_size=_OTHERS,
    )
    return list(calm(partial(backends().tickets.ListTickets, asked), calls.ListTicketsResponse()).tickets)
