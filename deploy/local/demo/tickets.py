"""Brings the tickets in: three months by import, the work of the day by the verbs that people use."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from throughline.tickets.v1 import ticket_pb2
from throughline.tickets.v1 import tickets_service_pb2 as pb

from deploy.local.demo import company
from deploy.local.demo.histories import histories
from deploy.local.demo.loader import Loader
from deploy.local.demo.promises import SOURCE
from deploy.local.demo.stories import STORIES, Act, Story

OPERATOR = "wu-chen"
_HISTORIES_A_CALL = 40
_QUESTIONS = {
    ticket_pb2.TICKET_TYPE_INCIDENT: "现在还会出现吗？方便的话发一张屏幕照片，我好直接定位。",
    ticket_pb2.TICKET_TYPE_REQUEST: "需要从哪天开始用，用到什么时候？",
}
_UNITS = {site.name: site.unit for site in company.SITES} | {company.HEAD_OFFICE: "cn/hq"}


def load_past(loader: Loader) -> None:
    """Three months of tickets; what is in work at the end of them waits for somebody today."""
    told = histories(loader.anchor)
    calls = [told[at : at + _HISTORIES_A_CALL] for at in range(0, len(told), _HISTORIES_A_CALL)]
    # One call after another, so that a later ticket has a higher number.
    names: dict[str, str] = {}
    for call in calls:
        results = _import(loader, call)
        _require_taken(results)
        names |= {one.external_id: one.ticket for one in results}
    loader.each(lambda history: _wait(loader, history, names[history.external_id]), _in_work(told))


def load_today(loader: Loader, articles: dict[str, str]) -> dict[str, str]:
    """The work of the day; the tickets' names by the keys of their stories. articles: names by key."""
    # Filed one after another, so that each gets the same number every time.
    names = {story.key: (_begun if story.hours_ago else _filed)(loader, story) for story in STORIES}
    loader.each(lambda story: _play(loader, story, names[story.key], articles), STORIES)
    return names


def _in_work(told: list[pb.TicketHistory]) -> list[pb.TicketHistory]:
    return [one for one in told if one.steps[-1].state == ticket_pb2.TICKET_STATE_IN_PROGRESS]


def _wait(loader: Loader, history: pb.TicketHistory, name: str) -> None:
    """One in three asks its requester, one in three waits for a vendor, and one is simply late."""
    turn = int(history.external_id.partition("-")[2]) % 3
    agent = history.steps[-1].assignee.partition("/")[2]
    if turn == 0:
        asked = pb.AskRequesterRequest(name=name, question=_QUESTIONS[history.type])
        loader.act(agent, loader.tickets.AskRequester, asked, f"tickets/{history.external_id}/ask")
    elif turn == 1:
        vendor = ticket_pb2.HOLD_REASON_VENDOR
        held = pb.HoldTicketRequest(name=name, reason=vendor, note="已请供应商处理，等他们答复", unblocker="联测科技")
        loader.act(agent, loader.tickets.HoldTicket, held, f"tickets/{history.external_id}/hold")


def _import(loader: Loader, told: list[pb.TicketHistory]) -> list[pb.StepResult]:
    request = pb.ImportStepsRequest(source=SOURCE, histories=told)
    return list(loader.act(OPERATOR, loader.tickets.ImportSteps, request).results)


def _require_taken(results: list[pb.StepResult]) -> None:
    for one in results:
        if one.outcome == pb.STEP_OUTCOME_REJECTED:
            raise SystemExit(f"{one.external_id}, step {one.step_id}: {one.reason}: {one.message}")


def _play(loader: Loader, story: Story, name: str, articles: dict[str, str]) -> None:
    for index, act in enumerate(story.acts):
        method, request = _request(loader, act)
        request.name = name
        if act.articles:
            request.articles.extend(articles[key] for key in act.articles)
        loader.act(act.who, method, request, f"tickets/{story.key}/{index}/{act.verb}")


def _filed(loader: Loader, story: Story) -> str:
    request = pb.CreateTicketRequest(
        type=story.type,
        title=story.title,
        description=story.description,
        channel=story.channel,
        service=story.service,
        category=story.category,
        site=story.site,
    )
    ticket: ticket_pb2.Ticket = loader.act(
        story.requester, loader.tickets.CreateTicket, request, f"tickets/{story.key}"
    )
    return ticket.name


def _begun(loader: Loader, story: Story) -> str:
    """A ticket that was filed before the day: its past is one row, all else is live."""
    opened = loader.anchor - timedelta(hours=story.hours_ago)
    history = pb.TicketHistory(
        external_id=f"QH-{story.key}",
        type=story.type,
        title=story.title,
        requester=f"people/{story.requester}",
        channel=story.channel,
        unit=_UNITS[story.site],
        complete=True,
    )
    history.open_time.FromDatetime(opened)
    step = history.steps.add(id="1", state=ticket_pb2.TICKET_STATE_NEW, team=company.SERVICE_DESK, site=story.site)
    step.service, step.category = story.service, story.category
    step.time.FromDatetime(opened)
    results = _import(loader, [history])
    _require_taken(results)
    return results[0].ticket


def _request(loader: Loader, act: Act) -> tuple[Any, Any]:
    """The method of a verb and its request, but for the ticket's name."""
    service = loader.tickets
    methods: dict[str, tuple[Any, Any]] = {
        "triage": (service.TriageTicket, pb.TriageTicketRequest),
        "assign": (service.AssignTicket, pb.AssignTicketRequest),
        "start": (service.StartTicket, pb.StartTicketRequest),
        "ask": (service.AskRequester, pb.AskRequesterRequest),
        "answer": (service.AnswerQuestion, pb.AnswerQuestionRequest),
        "hold": (service.HoldTicket, pb.HoldTicketRequest),
        "comment": (service.AddComment, pb.AddCommentRequest),
        "resolve": (service.ResolveTicket, pb.ResolveTicketRequest),
        "close": (service.CloseTicket, pb.CloseTicketRequest),
        "reopen": (service.ReopenTicket, pb.ReopenTicketRequest),
        "cancel": (service.CancelTicket, pb.CancelTicketRequest),
    }
    method, request = methods[act.verb]
    return method, request(**act.given)


def link_changes(loader: Loader, tickets: dict[str, str], changes: dict[str, str]) -> None:
    """Links each ticket to the change that is to cure it. Both: names by the key of the ticket's story."""
    for key, change in changes.items():
        link = ticket_pb2.Link(relation=ticket_pb2.LINK_RELATION_SOLVED_BY, target=change)
        request = pb.LinkTicketRequest(name=tickets[key], link=link)
        loader.act("lin-yuan", loader.tickets.LinkTicket, request, f"tickets/{key}/link")
