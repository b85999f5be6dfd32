"""People, teams and sign-in through gRPC: who may change them, and what ends a session."""

from __future__ import annotations

import uuid

import pytest

from services.runtime.refusal import Kind, Refusal
from tests.service.portal.conftest import ADMIN, ANN, Ask

PASSWORD = "correct horse battery"
PERSON = {"name": "people/ann", "display_name": "Ann", "email": "Ann@example.org", "roles": ["requester"]}


async def ann_with_password(ask: Ask) -> None:
    await ask(ADMIN, "PutPerson", **PERSON)
    await ask(ADMIN, "SetPassword", name="people/ann", new_password=PASSWORD)


async def test_an_administrator_makes_people_and_nobody_else_does(ask: Ask) -> None:
    """A requester who would give herself a role is refused, and nothing changed."""
    made = await ask(ADMIN, "PutPerson", vip=True, **PERSON)
    assert (made.display_name, made.email, list(made.roles)) == ("Ann", "ann@example.org", ["requester"])
    assert made.vip
    with pytest.raises(Refusal) as refused:
        await ask(ANN, "PutPerson", **{**PERSON, "roles": ["administrator"]})
    assert (refused.value.kind, refused.value.reason) == (Kind.FORBIDDEN, "ROLE_REQUIRED")
    kept = await ask(ANN, "GetPerson", name="people/ann")
    assert (list(kept.roles), kept.vip) == (["requester"], True)


async def test_the_same_request_twice_is_one_change(ask: Ask) -> None:
    """A retried call answers the same person with the same etag; another body under its id is refused."""
    once = str(uuid.uuid4())
    first = await ask(ADMIN, "PutPerson", request_id=once, **PERSON)
    assert await ask(ADMIN, "PutPerson", request_id=once, **PERSON) == first
    with pytest.raises(Refusal) as refused:
        await ask(ADMIN, "PutPerson", request_id=once, **{**PERSON, "title": "Lead"})
    assert refused.value.reason == "REQUEST_ID_REUSED"


async def test_a_stale_etag_is_refused(ask: Ask) -> None:
    """Two administrators on one page: the second is told instead of overwriting the first."""
    seen = await ask(ADMIN, "PutPerson", **PERSON)
    await ask(ADMIN, "PutPerson", etag=seen.etag, **{**PERSON, "title": "Lead"})
    with pytest.raises(Refusal) as refused:
        await ask(ADMIN, "PutPerson", etag=seen.etag, **{**PERSON, "title": "Chief"})
    assert refused.value.reason == "ETAG_MISMATCH"


async def test_signing_in_by_account_and_by_mail(ask: Ask) -> None:
    """Both lead to a session that names the person; the session ends by sign-out, for that session alone."""
    await ann_with_password(ask)
    one = await ask(None, "SignIn", account="ann", password=PASSWORD)
    two = await ask(None, "SignIn", account=" ANN@example.org ", password=PASSWORD)
    assert one.token != two.token
    assert (await ask(None, "GetSession", token=one.token)).person.name == "people/ann"
    await ask(None, "SignOut", token=one.token)
    with pytest.raises(Refusal) as refused:
        await ask(None, "GetSession", token=one.token)
    assert refused.value.reason == "SESSION_ENDED"
    assert (await ask(None, "GetSession", token=two.token)).person.name == "people/ann"


@pytest.mark.parametrize("account", ["ann", "nobody", "people/ann", "$ne"])
async def test_a_wrong_password_and_no_account_look_alike(ask: Ask, account: str) -> None:
    """Nobody learns which accounts exist."""
    await ann_with_password(ask)
    with pytest.raises(Refusal) as refused:
        await ask(None, "SignIn", account=account, password="wrong")
    assert (refused.value.kind, refused.value.reason, refused.value.field) == (
        Kind.UNAUTHENTICATED,
        "SIGN_IN_FAILED",
        "password",
    )


async def test_the_eleventh_wrong_try_in_a_minute_is_not_tried(ask: Ask) -> None:
    """Even the right password is refused then, with the time to wait; another address is not locked out."""
    await ann_with_password(ask)
    for _ in range(10):
        with pytest.raises(Refusal):
            await ask(None, "SignIn", account="ann", password="wrong", client_address="10.0.0.1")
    with pytest.raises(Refusal) as refused:
        await ask(None, "SignIn", account="ann", password=PASSWORD, client_address="10.0.0.1")
    assert refused.value.reason == "TOO_MANY_TRIES"
    assert refused.value.retry_after is not None
    assert (await ask(None, "SignIn", account="ann", password=PASSWORD, client_address="10.0.0.2")).token


@pytest.mark.parametrize("ending", ["password", "disabled"])
async def test_a_new_password_and_disabling_end_all_sessions(ask: Ask, ending: str) -> None:
    """Who was signed in is out."""
    await ann_with_password(ask)
    session = await ask(None, "SignIn", account="ann", password=PASSWORD)
    if ending == "password":
        await ask(ANN, "SetPassword", name="people/ann", old_password=PASSWORD, new_password="another horse")
    else:
        await ask(ADMIN, "PutPerson", disabled=True, **PERSON)
    with pytest.raises(Refusal) as refused:
        await ask(None, "GetSession", token=session.token)
    assert refused.value.reason == "SESSION_ENDED"


async def test_only_the_portal_itself_asks_for_sessions(ask: Ask) -> None:
    """A person's assertion opens no session, whatever the roles."""
    with pytest.raises(Refusal) as refused:
        await ask(ADMIN, "SignIn", account="ann", password=PASSWORD)
    assert refused.value.reason == "PORTAL_ONLY"


async def test_teams_have_names_in_two_languages_and_lists_page(ask: Ask) -> None:
    """Every team comes exactly once over the pages; a token of another list is refused."""
    for number in range(5):
        names = {"zh": f"第 {number} 组", "en": f"Team {number}"}
        await ask(ADMIN, "PutTeam", name=f"teams/t{number}", display_names=names)
    seen, token = [], ""
    while True:
        page = await ask(ANN, "ListTeams", page_size=2, page_token=token)
        seen += [team.name for team in page.teams]
        token = page.next_page_token
        if not token:
            break
        last = token
    assert seen == [f"teams/t{number}" for number in range(5)]
    with pytest.raises(Refusal) as refused:
        await ask(ANN, "ListPeople", page_token=last)
    assert refused.value.reason == "PAGE_TOKEN_INVALID"
