"""The verbs of an article, who may use them, and what readers see meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from services.knowledge.rules import access, work
from services.knowledge.rules.article import Article, State, Text, Usefulness
from services.runtime.actor import Actor, system
from services.runtime.refusal import Refusal

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
ANN = Actor("people/ann", frozenset({"agent"}), unit="cn/east")
LEE = Actor("people/lee", frozenset({"knowledge_author"}), unit="cn/east")
SU = Actor("people/su", frozenset({"requester"}), unit="cn/east")
FAR = Actor("people/far", frozenset({"agent"}), unit="cn/west")
NAME = "articles/KB-000001"
TEXT = Text("VPN 连不上", "重启客户端。")


def in_state(state: State) -> Article:
    article, _ = work.draft(TEXT, "zh", "", by=ANN, now=NOW)
    return replace(article, state=state)


def published() -> Article:
    article, _ = work.publish(in_state(State.IN_REVIEW), name=NAME, by=LEE, now=NOW)
    return article


VERBS: dict[str, tuple[Callable[[Article], work.Decision], set[State]]] = {
    "edit": (
        lambda one: work.edit(one, replace(TEXT, body="换一个。"), name=NAME, by=ANN, now=NOW),
        {State.DRAFT, State.PUBLISHED},
    ),
    "submit": (lambda one: work.submit(one, name=NAME, by=ANN, now=NOW), {State.DRAFT}),
    "return": (lambda one: work.send_back(one, "短", name=NAME, by=LEE, now=NOW), {State.IN_REVIEW}),
    "publish": (lambda one: work.publish(one, name=NAME, by=LEE, now=NOW), {State.IN_REVIEW}),
    "retire": (
        lambda one: work.retire(one, "旧", name=NAME, by=ANN, now=NOW),
        {State.DRAFT, State.IN_REVIEW, State.PUBLISHED},
    ),
}


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_in_every_state(verb: str, state: State) -> None:
    """The whole table; a refusal says the way out."""
    decide, allowed = VERBS[verb]
    if state in allowed:
        _, events = decide(in_state(state))
        assert len(events) == 1
        return
    with pytest.raises(Refusal) as refused:
        decide(in_state(state))
    assert refused.value.reason == "ARTICLE_STATE"


def test_readers_keep_the_last_edition_while_the_next_is_written() -> None:
    """An edit after publication changes the draft only; the next publication raises the edition."""
    edited, _ = work.edit(published(), replace(TEXT, title="VPN 打不开"), name=NAME, by=ANN, now=NOW)
    assert (edited.state, edited.text.title) == (State.DRAFT, "VPN 打不开")
    assert edited.live is not None
    assert (edited.live.text, edited.live.number) == (TEXT, 1)
    again, _ = work.publish(replace(edited, state=State.IN_REVIEW), name=NAME, by=LEE, now=NOW + timedelta(days=1))
    assert again.live is not None
    assert (again.live.text.title, again.live.number) == ("VPN 打不开", 2)


@pytest.mark.parametrize(
    ("by", "reason"),
    [
        (replace(ANN, roles=frozenset({"knowledge_author"})), "OWN_ARTICLE"),
        (replace(LEE, roles=frozenset({"agent"})), "ROLE_REQUIRED"),
        (system("tickets"), "REVIEW_NEEDS_A_PERSON"),
        (replace(FAR, roles=frozenset({"knowledge_author"})), "NOT_FOUND"),
    ],
)
def test_who_may_not_publish(by: Actor, reason: str) -> None:
    """Not the author, not without the role, no service, nobody from elsewhere."""
    with pytest.raises(Refusal) as refused:
        work.publish(in_state(State.IN_REVIEW), name=NAME, by=by, now=NOW)
    assert refused.value.reason == reason


def test_a_reader_sees_live_articles_only() -> None:
    """A draft does not exist for a requester; a live one does, above and below their unit, not beside it."""
    assert not access.may_see(SU, in_state(State.DRAFT))
    live = published()
    assert access.may_see(SU, live)
    assert access.may_see(replace(SU, unit="cn"), live)
    assert access.may_see(replace(SU, unit="cn/east/sh"), live)
    assert not access.may_see(replace(SU, unit="cn/west"), live)


def test_use_is_counted_by_what_came_of_it() -> None:
    """Three readings, three counters; a draft is not judged."""
    article = published()
    for usefulness in Usefulness:
        article, _ = work.use(article, usefulness, "", name=NAME, by=SU)
    assert (article.views, article.solved, article.not_solved) == (1, 1, 1)
    with pytest.raises(Refusal) as refused:
        work.use(in_state(State.DRAFT), Usefulness.SOLVED, "", name=NAME, by=ANN)
    assert refused.value.reason == "NOT_PUBLISHED"


def test_an_empty_text_is_not_reviewed() -> None:
    """The refusal names the field."""
    with pytest.raises(Refusal) as refused:
        work.submit(replace(in_state(State.DRAFT), text=replace(TEXT, body="  ")), name=NAME, by=ANN, now=NOW)
    assert (refused.value.reason, refused.value.field) == ("BODY_MISSING", "body")
