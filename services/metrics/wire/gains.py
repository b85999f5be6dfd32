"""Gains as messages."""

from __future__ import annotations

from throughline.metrics.v1 import ledger_pb2 as pb
from throughline.metrics.v1 import metrics_pb2

from services.metrics.rules.claims import Evidence, Gain, Place
from services.metrics.rules.money import Category
from services.metrics.wire.board import CATEGORIES
from services.metrics.wire.instants import instant, timestamp

_CATEGORY_OF = {value: one for one, value in CATEGORIES.items()}


def category_of(message: pb.Gain) -> Category | None:
    """The category that it names; None when it names none."""
    return _CATEGORY_OF.get(message.category)


def gain_of(one: pb.Gain, name: str = "", author: str = "") -> Gain:
    """A gain as its message says it. name, author: given by us when it is booked.

    Raises:
        KeyError: it names no category.
    """
    return Gain(
        name=name or one.name,
        category=_CATEGORY_OF[one.category],
        model=one.cost_model,
        quantity=one.quantity_milli,
        baseline=one.baseline,
        by=author or one.author,
        place=Place(service=one.service, team=one.team),
        evidence=tuple(Evidence(given.resource, given.version, given.note) for given in one.evidence),
        occurred_at=instant(one.occur_time),
    )


def gain_message(gain: Gain) -> pb.Gain:
    """A gain as its readers see it."""
    return pb.Gain(
        name=gain.name,
        category=CATEGORIES[gain.category],
        cost_model=gain.model,
        quantity_milli=gain.quantity,
        baseline=gain.baseline,
        occur_time=timestamp(gain.occurred_at),
        service=gain.place.service,
        team=gain.place.team,
        evidence=[
            metrics_pb2.Evidence(resource=one.resource, version=one.version, note=one.note) for one in gain.evidence
        ],
        author=gain.by,
    )
