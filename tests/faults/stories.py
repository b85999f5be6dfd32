"""What people do while something breaks: one story follows one resource through its verbs, drawn from a seed.

A story stops where an operation stayed in doubt or was refused, because it no longer knows where its resource stands.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from throughline.changes.v1 import change_pb2, changes_service_pb2
from throughline.knowledge.v1 import events_pb2 as article_events
from throughline.metrics.v1 import metrics_pb2
from throughline.sla.v1 import sla_pb2
from throughline.tickets.v1 import ticket_pb2
from throughline.type.v1 import interval_pb2

from services.runtime.actor import Actor
from tests.faults.callers import ANN, BEN, LEE, MAY, ROOT, UNIT, Callers

Story = Callable[["Teller"], Awaitable[None]]
Pace = Callable[[random.Random], Awaitable[None]]
TEAMS = ("teams/desk", "teams/network", "teams/store")


class StoryEnds(Exception):
    """The last operation gave no answer to go on from."""


class Teller:
    """One story's hands: a chance of its own, and calls that end the story when they give no answer.

    pace: waited for before each operation; may end the story.
    """

    def __init__(self, callers: Callers, chance: random.Random, pace: Pace) -> None:
        self._callers = callers
        self._pace = pace
        self.chance = chance

    @property
    def mark(self) -> str:
        """Words that no other operation says."""
        return f"said {self.chance.getrandbits(64):016x}"

    async def does(
        self, service: str, actor: Actor, method: str, event: str, shows: Mapping[str, Any] | None = None, **fields: Any
    ) -> Any:
        """One change.

        Raises:
            StoryEnds: it was refused or stayed in doubt.
        """
        await self._pace(self.chance)
        answer = await self._callers.change(service, actor, method, event, shows or {}, **fields)
        if answer is None:
            raise StoryEnds
        return answer


async def ticket(teller: Teller) -> None:
    """Somebody files a ticket, and it goes from hand to hand until it is solved, closed or cancelled."""
    chance, mark = teller.chance, teller.mark
    asked = {
        "type": chance.choice([ticket_pb2.TICKET_TYPE_INCIDENT] * 4 + [ticket_pb2.TICKET_TYPE_REQUEST]),
        "title": mark,
        "category": chance.choice(["mail", "network", ""]),
    }
    if chance.random() < 0.7:
        asked |= {"impact": chance.randint(1, 3), "urgency": chance.randint(1, 3)}
    kept = await teller.does(
        "tickets", chance.choice([ANN, BEN]), "CreateTicket", "TicketOpened", {"ticket.title": mark}, **asked
    )
    for _ in range(chance.randint(2, 9)):
        verbs = list(_verbs(teller, kept))
        if not verbs:
            return
        actor, method, event, shows, fields = chance.choice(verbs)
        if chance.random() < 0.2:
            fields["etag"] = kept.etag
        if chance.random() < 0.1:
            # Two at once: both must count, in whatever order.
            other = teller.mark
            internal = ticket_pb2.VISIBILITY_INTERNAL
            said = {"name": kept.name, "text": other, "visibility": internal}
            both = await asyncio.gather(
                teller.does("tickets", actor, method, event, shows, name=kept.name, **fields | {"etag": ""}),
                teller.does("tickets", BEN, "AddComment", "CommentAdded", {"comment.text": other}, **said),
                return_exceptions=True,
            )
            answers = [one for one in both if not isinstance(one, BaseException)]
            if len(answers) < len(both):
                raise StoryEnds
            kept = max(answers, key=lambda one: int(one.etag.strip('"')))
        else:
            kept = await teller.does("tickets", actor, method, event, shows, name=kept.name, **fields)


_Verb = tuple[Actor, str, str, dict[str, Any], dict[str, Any]]


def _verbs(teller: Teller, kept: ticket_pb2.Ticket) -> Iterator[_Verb]:
    """What may be done with a ticket as it stands: who, method, event, what the event shows, and the fields."""
    chance, mark = teller.chance, teller.mark
    requester = ANN if kept.requester == ANN.sub else BEN
    public = chance.random() < 0.5
    visibility = ticket_pb2.VISIBILITY_PUBLIC if public else ticket_pb2.VISIBILITY_INTERNAL
    if kept.state != ticket_pb2.TICKET_STATE_CANCELLED:
        yield BEN, "AddComment", "CommentAdded", {"comment.text": mark}, {"text": mark, "visibility": visibility}
    at_work = kept.state in (ticket_pb2.TICKET_STATE_NEW, ticket_pb2.TICKET_STATE_IN_PROGRESS)
    if at_work:
        impact, urgency, team = chance.randint(1, 3), chance.randint(1, 3), chance.choice(TEAMS)
        levels = {"impact": impact, "urgency": urgency}
        yield BEN, "TriageTicket", "TicketTriaged?", {f"ticket.{key}": at for key, at in levels.items()}, levels
        assigned = {"team": team, "assignee": chance.choice(["", BEN.sub, LEE.sub])}
        shows = {f"ticket.{key}": at for key, at in assigned.items()}
        yield BEN, "AssignTicket", "TicketAssigned?", shows, assigned
        yield BEN, "AskRequester", "RequesterAsked", {"ticket.question.text": mark}, {"question": mark}
        held = {"reason": ticket_pb2.HOLD_REASON_VENDOR, "note": mark, "unblocker": "the vendor"}
        yield BEN, "HoldTicket", "TicketHeld", {"ticket.hold.note": mark}, held
        code = chance.choice([ticket_pb2.RESOLUTION_CODE_FIXED] * 4 + [ticket_pb2.RESOLUTION_CODE_NO_FAULT])
        shown = {"ticket.resolution.note": mark}
        yield BEN, "ResolveTicket", "TicketResolved", shown, {"code": code, "note": mark}
        yield BEN, "ResolveTicket", "TicketResolved", shown, {"code": code, "note": mark}
    if kept.state == ticket_pb2.TICKET_STATE_NEW and kept.team:
        yield BEN, "StartTicket", "TicketStarted", {}, {}
    if kept.state == ticket_pb2.TICKET_STATE_NEW:
        yield requester, "CancelTicket", "TicketCancelled", {"reason": mark}, {"reason": mark}
    if kept.state in (ticket_pb2.TICKET_STATE_ON_HOLD, ticket_pb2.TICKET_STATE_AWAITING_REQUESTER):
        yield BEN, "ResumeTicket", "TicketResumed", {}, {}
    if kept.state == ticket_pb2.TICKET_STATE_AWAITING_REQUESTER:
        yield requester, "AnswerQuestion", "QuestionAnswered", {"answer": mark}, {"answer": mark}
    if kept.state == ticket_pb2.TICKET_STATE_RESOLVED:
        yield requester, "CloseTicket", "TicketClosed", {}, {}
        yield requester, "ReopenTicket", "TicketReopened", {"reason": mark}, {"reason": mark}


async def change(teller: Teller) -> None:
    """Somebody plans a change, somebody else approves it, and it is executed and verified."""
    mark, chance = teller.mark, teller.chance
    plan = _plan(mark)
    kept = await teller.does("changes", BEN, "CreateChange", "ChangeDrafted", {"change.title": mark}, plan=plan)
    name = kept.name

    async def verb(actor: Actor, method: str, event: str, shows: Mapping[str, Any], **fields: Any) -> None:
        await teller.does("changes", actor, method, event, shows, name=name, **fields)

    if chance.random() < 0.5:
        plan.reason = mark
        await verb(BEN, "UpdateChange", "ChangeEdited", {"change.reason": mark}, plan=plan)
    await verb(BEN, "SubmitChange", "ChangeSubmitted", {})
    if chance.random() < 0.3:
        await verb(MAY, "RejectChange", "ChangeRejected", {}, note=mark)
        plan.plan = mark
        await verb(BEN, "UpdateChange", "ChangeEdited", {"change.plan": mark}, plan=plan)
        await verb(BEN, "SubmitChange", "ChangeSubmitted", {})
    await verb(MAY, "ApproveChange", "ChangeApproved", {}, note=mark)
    if chance.random() < 0.2:
        await verb(BEN, "CancelChange", "ChangeCancelled", {"reason": mark}, reason=mark)
        return
    await verb(BEN, "StartChange", "ChangeStarted", {})
    passed = chance.random() < 0.8
    for step in ("1", "2"):
        result = change_pb2.STEP_RESULT_PASSED if passed else change_pb2.STEP_RESULT_FAILED
        await verb(BEN, "VerifyChange", "ChangeVerified", {"step.note": mark}, step_id=step, result=result, note=mark)
    ended = "ChangeSucceeded" if passed else "ChangeFailed"
    await verb(BEN, "FinishChange", ended, {"change.outcome_note": mark}, outcome_note=mark)


def _plan(mark: str) -> changes_service_pb2.ChangePlan:
    now = datetime.now(UTC)
    window = interval_pb2.Interval()
    window.start_time.FromDatetime(now - timedelta(minutes=1))
    window.end_time.FromDatetime(now + timedelta(hours=2))
    return changes_service_pb2.ChangePlan(
        type=change_pb2.CHANGE_TYPE_NORMAL,
        risk=change_pb2.RISK_LOW,
        title=mark,
        plan="Replace the disk.",
        rollback_plan="Put the old disk back.",
        steps=[change_pb2.VerificationStep(check=check, pass_mark="yes") for check in ("Does it boot?", "Is it on?")],
        services=["services/checkout"],
        window=window,
    )


async def article(teller: Teller) -> None:
    """An agent writes an article, a lead publishes it, people read it."""
    mark, chance = teller.mark, teller.chance
    words = {"title": mark, "body": f"Turn it off and on. {mark}"}
    kept = await teller.does(
        "knowledge", BEN, "CreateArticle", "ArticleDrafted", {"article.title": mark}, language="en", **words
    )
    name = kept.name

    async def verb(actor: Actor, method: str, event: str, shows: Mapping[str, Any], **fields: Any) -> None:
        await teller.does("knowledge", actor, method, event, shows, name=name, **fields)

    for _ in range(chance.randint(1, 2)):
        words["body"] = f"Again: {teller.mark}"
        await verb(BEN, "UpdateArticle", "ArticleEdited", {"article.body": words["body"]}, **words)
        await verb(BEN, "SubmitArticle", "ArticleSubmitted", {})
        if chance.random() < 0.3:
            await verb(LEE, "ReturnArticle", "ArticleReturned", {"article.review_note": mark}, note=mark)
            await verb(BEN, "SubmitArticle", "ArticleSubmitted", {})
        await verb(LEE, "PublishArticle", "ArticlePublished", {"article.body": words["body"]})
        for _ in range(chance.randint(1, 4)):
            useful = chance.choice([article_events.USEFULNESS_VIEWED, article_events.USEFULNESS_SOLVED])
            await verb(ANN, "RecordUse", "ArticleUsed", {"usefulness": useful}, usefulness=useful)
    if chance.random() < 0.3:
        await verb(LEE, "RetireArticle", "ArticleRetired", {}, reason=mark)


async def staff(teller: Teller) -> None:
    """An administrator keeps people and teams."""
    chance = teller.chance
    name, team = f"people/p{chance.randint(1, 400)}", f"teams/t{chance.randint(1, 60)}"
    for _ in range(chance.randint(2, 6)):
        mark = teller.mark
        if chance.random() < 0.6:
            fields: dict[str, Any] = {"name": name, "display_name": mark, "roles": ["agent"], "unit": UNIT}
            await teller.does("portal", ROOT, "PutPerson", "PersonChanged", {"person.display_name": mark}, **fields)
        else:
            fields = {"name": team, "display_names": {"en": mark, "zh": "门店"}, "unit": UNIT}
            await teller.does("portal", ROOT, "PutTeam", "TeamChanged", {}, **fields)


async def promise(teller: Teller) -> None:
    """An administrator publishes policies for a source that no ticket has, so that no clock depends on them."""
    chance = teller.chance
    name = f"policies/idle-{chance.randint(1, 200)}"
    for _ in range(chance.randint(2, 5)):
        policy = sla_pb2.Policy(name=name, order=chance.randint(1000, 9999), calendar="calendars/always")
        policy.match.sources.append("nowhere")
        policy.display_names["en"] = teller.mark
        target = policy.targets.add(kind=sla_pb2.CLOCK_KIND_RESOLUTION)
        target.duration.FromTimedelta(timedelta(hours=chance.randint(1, 99)))
        shows = {"policy.order": policy.order}
        await teller.does("sla", ROOT, "PublishPolicy", "PolicyPublished", shows, policy=policy)


async def value(teller: Teller) -> None:
    """Somebody drafts versions of the cost model that nobody approves, so that no amount depends on them."""
    mark = teller.mark
    model, shows = cost_model(datetime(2090, 1, 1, tzinfo=UTC), mark), {"cost_model.note": mark}
    await teller.does("metrics", ROOT, "DraftCostModel", "CostModelDrafted", shows, cost_model=model)
    # The model takes a hundred versions, no more.
    await asyncio.sleep(5.0)


def cost_model(effective_at: datetime, note: str) -> metrics_pb2.CostModel:
    """A version of the model that incidents are valued by."""
    model = metrics_pb2.CostModel(name="costModels/people", type=metrics_pb2.COST_MODEL_TYPE_PEOPLE, note=note)
    model.effective_time.FromDatetime(effective_at)
    model.people.hourly_rate.currency_code = "CNY"
    model.people.hourly_rate.minor_units = 12_000
    for level in range(1, 4):
        model.people.scopes.add(impact=level, users=10 ** (4 - level))
    for priority in range(1, 5):
        model.people.effects.add(priority=priority, per_mille=1000 // priority)
    model.people.longest.FromTimedelta(timedelta(days=10))
    return model


STORIES: Mapping[str, Story] = {
    "tickets": ticket,
    "changes": change,
    "knowledge": article,
    "portal": staff,
    "sla": promise,
    "metrics": value,
}
