"""Inputs of the ledger as they are kept: one a document, never changed, and taken once in an order of their own."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime

from services.metrics.rules.business_model import Basis
from services.metrics.rules.claims import Gain
from services.metrics.rules.cost_model import CostModel
from services.metrics.rules.money import GAINS, Category
from services.runtime.actor import Actor
from services.runtime.refusal import Refusal

_WRITERS = ("finance", "lead", "problem_manager", "change_manager", "operator", "administrator")


@dataclass(frozen=True, slots=True)
class Input:
    """An event that the ledger reads. resource, sequence: whose it was, and its place among that resource's events.

    turn: its place among the inputs of its cause, from 1 without a gap for a ticket; the sequence for all else.
    event: its id. digest: SHA-256 of its bytes. data: what of it the ledger keeps.
    """

    name: str
    resource: str
    sequence: int
    turn: int
    type: str
    event: str
    at: datetime
    digest: bytes
    data: bytes
    ordered: bool = False


@dataclass(frozen=True, slots=True)
class GainBooked:
    """Somebody answers for a gain."""

    gain: Gain


def input_name(resource: str, turn: int) -> str:
    """("tickets/INC-000123", 1) -> "ledgerInputs/INC-000123.1"; of others with their collection."""
    collection, _, id = resource.partition("/")
    return f"ledgerInputs/{id}.{turn}" if collection == "tickets" else f"ledgerInputs/{collection}~{id}.{turn}"


def chained(before: bytes, seq: int, name: str, digest: bytes, data: bytes) -> bytes:
    """The hash of an input as taken: over the one before, its place, its name and what it says."""
    parts = (before, str(seq).encode(), name.encode(), digest, data)
    return hashlib.sha256(b"".join(len(one).to_bytes(4, "big") + one for one in parts)).digest()


def gain_name(cause: str) -> str:
    """The name of the input that a cause books: the same for the same cause."""
    return f"ledgerInputs/gain-{hashlib.sha256(cause.encode()).hexdigest()[:24]}"


def booked(one: Input, gain: Gain) -> tuple[Input, tuple[GainBooked, ...]]:
    """The input, and the event that tells of the gain."""
    return one, (GainBooked(gain),)


def require_gain(category: Category | None, model: CostModel | None, name: str, *, by: Actor) -> None:
    """Refuses a gain that nobody may answer for, or that is of no category.

    Raises:
        Refusal: ROLE_REQUIRED, CATEGORY_REQUIRED, CATEGORY_MISMATCH, COST_MODEL_UNKNOWN.
    """
    if not by.is_system:
        by.require(*_WRITERS, to="book a gain")
    if category is None:
        raise Refusal.invalid(
            "gain.category", "CATEGORY_REQUIRED", "Say what is gained: stop_loss, hours, risk or compliance."
        )
    if category not in GAINS:
        raise Refusal.invalid(
            "gain.category", "CATEGORY_MISMATCH", "A gain is stop_loss, hours, risk or compliance; a loss is no gain."
        )
    if model is None or model.basis is not Basis.GAIN or all(one.approved_at is None for one in model.versions):
        raise Refusal.invalid(
            "gain.cost_model", "COST_MODEL_UNKNOWN", f"{name} is no approved model of the type gain; draft one."
        )
    if all(one.category is not category for one in model.versions if one.approved_at is not None):
        raise Refusal.invalid(
            "gain.category", "CATEGORY_MISMATCH", f"{name} values another category; name that one, or another model."
        )
