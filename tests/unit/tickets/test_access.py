"""Who sees which ticket, and who files for whom."""

from __future__ import annotations

from dataclasses import replace

import pytest

from services.runtime.actor import Actor, system
from services.runtime.refusal import Refusal
from services.tickets.rules import access
from services.tickets.rules.conversation import comment
from services.tickets.rules.events import CommentAdded
from services.tickets.rules.ticket import Channel, Type, Visibility
from services.tickets.rules.triage import DEFAULT
from services.tickets.rules.work import Filing, file, start
from tests.unit.tickets.cases import ANN, BEN, EVE, FRESH, LIN, NOW, OLA, PAT, WEI


@pytest.mark.parametrize(
    ("actor", "sees", "inside", "works"),
    [
        (ANN, True, False, False),
        (EVE, False, False, False),
        (BEN, True, True, True),
        (LIN, True, True, True),
        (WEI, False, False, False),
        (PAT, True, True, False),
        (OLA, True, True, False),
        (system("sla"), True, True, False),
        (Actor("people/cfo", frozenset({"finance"}), frozenset(), ""), False, False, False),
        (Actor("people/ea", frozenset({"agent"}), frozenset(), "cn/eas"), False, False, False),
    ],
)
def test_sight(actor: Actor, sees: bool, inside: bool, works: bool) -> None:
    """The unit itself and what lies below it, one's own, and nothing else; a prefix of letters is no unit above."""
    assert access.may_see(actor, FRESH) is sees
    assert access.sees_internal(actor, FRESH) is inside
    assert access.works(actor, FRESH) is works


def test_an_agent_outside_the_unit_is_a_requester_of_their_own() -> None:
    """They see it, and neither its inside nor its work is theirs."""
    own = replace(FRESH, requester=WEI.sub)
    assert access.may_see(WEI, own)
    assert not access.sees_internal(WEI, own)
    with pytest.raises(Refusal, match="OUTSIDE_YOUR_UNIT"):
        access.require_worker(WEI, own, "start this ticket")


def test_what_may_not_be_seen_does_not_exist() -> None:
    """The refusal is the one of a ticket that is not there."""
    with pytest.raises(Refusal) as caught:
        access.require_sight(EVE, FRESH, "tickets/INC-000001")
    assert str(caught.value) == str(Refusal.not_found("tickets/INC-000001"))


def test_anybody_files_for_themselves_and_an_agent_for_anybody() -> None:
    """The ticket takes the unit of who files it, and says who filed it for whom."""
    own, _ = file(Filing(Type.REQUEST, " A chair "), ANN, DEFAULT, NOW)
    assert (own.title, own.requester, own.opener, own.unit, own.channel) == (
        "A chair",
        ANN.sub,
        "",
        "cn/east",
        Channel.API,
    )
    filed, _ = file(Filing(Type.INCIDENT, "Down", requester=EVE.sub, impact=1, urgency=2), BEN, DEFAULT, NOW)
    assert (filed.requester, filed.opener, filed.priority) == (EVE.sub, BEN.sub, 2)
    with pytest.raises(Refusal, match="ROLE_REQUIRED"):
        file(Filing(Type.INCIDENT, "Down", requester=EVE.sub), ANN, DEFAULT, NOW)


@pytest.mark.parametrize(
    ("filing", "actor", "reason"),
    [
        (Filing(Type.INCIDENT, "Down"), system("sla"), "PERSON_REQUIRED"),
        (Filing(Type.INCIDENT, "Down", requester=ANN.sub), system("sla"), "PERSON_REQUIRED"),
        (Filing(Type.INCIDENT, "Down"), system("metrics"), "PERSON_REQUIRED"),
        (Filing(Type.INCIDENT, "  "), ANN, "TITLE_REQUIRED"),
        (Filing(Type.INCIDENT, "Down", impact=1), ANN, "TRIAGE_INCOMPLETE"),
    ],
)
def test_what_is_not_filed(filing: Filing, actor: Actor, reason: str) -> None:
    """A service alone, one that watches but names nobody, no title, half a triage."""
    with pytest.raises(Refusal, match=reason):
        file(filing, actor, DEFAULT, NOW)


def test_a_service_that_watches_others_files_for_a_person_and_says_what_became_of_it() -> None:
    """It may do no more than that with a ticket, and nothing at all with one that it did not file."""
    metrics = system("metrics")
    filed, _ = file(Filing(Type.INCIDENT, "Outage", requester=ANN.sub, impact=1, urgency=1), metrics, DEFAULT, NOW)
    assert (filed.requester, filed.opener, filed.priority, filed.unit) == (ANN.sub, metrics.sub, 1, "")
    commented, (told,) = comment(filed, metrics, NOW, text="It is over.", visibility=Visibility.PUBLIC)
    assert isinstance(told, CommentAdded)
    assert (told.comment.author, commented.first_responded_at) == (metrics.sub, None)
    assert access.is_party(ANN, filed)
    for by, ticket in ((metrics, FRESH), (system("sla"), filed)):
        with pytest.raises(Refusal, match="NOT_YOURS"):
            comment(ticket, by, NOW, text="It is over.", visibility=Visibility.PUBLIC)
    with pytest.raises(Refusal, match="INTERNAL_IS_FOR_AGENTS"):
        comment(filed, metrics, NOW, text="It is over.", visibility=Visibility.INTERNAL)
    with pytest.raises(Refusal, match="ROLE_REQUIRED"):
        start(filed, metrics, NOW)
