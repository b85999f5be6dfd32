"""Tickets in every state, and people who meet them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from services.runtime.actor import Actor
from services.tickets.rules.ticket import (
    Channel,
    Hold,
    HoldReason,
    Question,
    Resolution,
    ResolutionCode,
    State,
    Ticket,
    Type,
)

OPENED = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
NOW = OPENED + timedelta(days=2)
ANN = Actor("people/ann", frozenset({"requester"}), frozenset(), "cn/east")
EVE = Actor("people/eve", frozenset({"requester"}), frozenset(), "cn/east")
BEN = Actor("people/ben", frozenset({"agent"}), frozenset({"teams/desk"}), "cn/east")
LIN = Actor("people/lin", frozenset({"lead"}), frozenset(), "cn")
WEI = Actor("people/wei", frozenset({"agent"}), frozenset(), "cn/west")
PAT = Actor("people/pat", frozenset({"problem_manager"}), frozenset(), "")
OLA = Actor("people/ola", frozenset({"operator"}), frozenset(), "")
ROOT = Actor("people/root", frozenset({"administrator"}), frozenset(), "")

FRESH = Ticket(
    type=Type.INCIDENT,
    state=State.NEW,
    title="打印机 offline",
    opened_at=OPENED,
    updated_at=OPENED,
    requester=ANN.sub,
    channel=Channel.PORTAL,
    unit="cn/east",
    team="teams/desk",
    teams=("teams/desk",),
)
IN_STATE = {
    State.NEW: FRESH,
    State.IN_PROGRESS: replace(FRESH, state=State.IN_PROGRESS),
    State.AWAITING_REQUESTER: replace(
        FRESH, state=State.AWAITING_REQUESTER, question=Question("Which floor?", BEN.sub, OPENED)
    ),
    State.ON_HOLD: replace(
        FRESH, state=State.ON_HOLD, hold=Hold(HoldReason.VENDOR, "Part ordered", "Acme Printers", OPENED)
    ),
    State.RESOLVED: replace(
        FRESH, state=State.RESOLVED, resolution=Resolution(ResolutionCode.FIXED, "Cable"), resolved_at=OPENED
    ),
    State.CLOSED: replace(
        FRESH,
        state=State.CLOSED,
        resolution=Resolution(ResolutionCode.FIXED, "Cable"),
        resolved_at=OPENED,
        closed_at=OPENED + timedelta(hours=1),
    ),
    State.CANCELLED: replace(FRESH, state=State.CANCELLED),
}
