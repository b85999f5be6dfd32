"""Brings histories in, many tickets a write; every row once, however often it comes.

What became of a row is read from what its cause left, so that every run says the same of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from services.runtime.actor import Actor
from services.runtime.numbers import Numbers
from services.runtime.records import Cause, Change, Mode, Record, Records, change_many
from services.runtime.records.kind import current_traceparent
from services.runtime.refusal import Kind, Refusal
from services.tickets.rules import history
from services.tickets.rules.events import Decided
from services.tickets.rules.history import Opening, Outcome, Past, Step
from services.tickets.rules.ticket import Ticket, Type
from services.tickets.rules.triage import PriorityMatrix

# A document takes so many rows at once, so that their events fit its outbox; a write takes so many rows in all.
ROWS_OF_ONE = 60
ROWS_OF_ALL = 500
_OF_THE_ROW = (Kind.INVALID, Kind.PRECONDITION)


@dataclass(slots=True)
class _Row:
    """told: whether its cause told something; None until known."""

    step: Step
    cause: Cause
    told: bool | None = None
    refused: Refusal | None = None


@dataclass(slots=True)
class _Import:
    """One history on its way in. takeable: the rows that are tried. name: "" while there is no ticket for it."""

    past: Past
    rows: list[_Row]
    takeable: list[_Row]
    actor: Actor
    name: str = ""
    is_new: bool = False

    @property
    def key(self) -> tuple[str, str]:
        return self.past.opening.source, self.past.opening.external_id


class Histories:
    """Where the rows of a log become tickets."""

    def __init__(self, tickets: Records[Ticket], numbers: Mapping[Type, Numbers]) -> None:
        self._tickets = tickets
        self._numbers = numbers

    async def bring_in(
        self, pasts: Sequence[Past], actor: Actor, matrix: PriorityMatrix, now: datetime
    ) -> list[Outcome]:
        """Carries all rows out, those of a ticket in their order; one outcome a row, in the order given.

        Raises:
            Refusal: OUTBOX_FULL, CONTENTION or HISTORY_RACED: send the same rows again, none is taken twice.
        """
        imports = [_prepared(past, actor, now) for past in pasts]
        await self._name(imports)
        for batch in _batches(imports):
            changes = [pair for one, begin in batch for pair in self._changes(one, begin, matrix)]
            results = await change_many([change for change, _ in changes])
            for (change, row), result in zip(changes, results, strict=True):
                _settle(change, row, result)
        await self._look_up(imports)
        return [
            Outcome(one.past.opening.external_id, row.step.id, one.name, bool(row.told), row.refused)
            for one in imports
            for row in one.rows
        ]

    async def _name(self, imports: Sequence[_Import]) -> None:
        """Gives each the name of the ticket that has this history, or that is going to have it."""
        where = {
            "state.source": {"$in": sorted({one.key[0] for one in imports})},
            "state.external_id": {"$in": sorted({one.key[1] for one in imports})},
        }
        found = self._tickets.collection.find(where, {"state.source": 1, "state.external_id": 1})
        known = {(row["state"]["source"], row["state"]["external_id"]): row["_id"] async for row in found}
        for one in imports:
            if one.key not in known and one.takeable:
                known[one.key] = f"tickets/{await self._numbers[one.past.opening.type].next()}"
                one.is_new = True
            one.name = known.get(one.key, "")

    def _changes(self, one: _Import, begin: int, matrix: PriorityMatrix) -> Iterator[tuple[Change, _Row | None]]:
        """The changes of one document's turn, each with its row; the birth and the completion have none."""
        rows = one.takeable
        if one.is_new and begin == 0:
            yield self._birth(one, rows[0].step, matrix), None
        for row in rows[begin : begin + ROWS_OF_ONE]:
            yield self._tickets.entry(one.name, row.cause, _taking(row, matrix)), row
        if one.past.complete and begin + ROWS_OF_ONE >= len(rows):
            at = rows[-1].step.at if rows else one.past.opening.opened_at
            cause = Cause(f"{_birth_id(one.past.opening)}/complete", one.actor, at)
            yield self._tickets.entry(one.name, cause, lambda ticket: history.complete(_present(ticket))), None

    def _birth(self, one: _Import, first: Step, matrix: PriorityMatrix) -> Change:
        opening = one.past.opening
        actor = Actor(one.actor.sub, behalf=opening.opener or opening.requester)
        return Change(
            records=self._tickets,
            name=one.name,
            cause=Cause(_birth_id(opening), actor, opening.opened_at),
            decide=lambda _state: history.open_past(opening, first, matrix),
            mode=Mode.CREATE,
            traceparent=current_traceparent(),
        )

    async def _look_up(self, imports: Iterable[_Import]) -> None:
        """What the rows of an earlier run did."""
        rows = [(one.name, row) for one in imports for row in one.rows if row.told is None and row.refused is None]
        if not rows:
            return
        causes: dict[str, list[str]] = {}
        for name, row in rows:
            causes.setdefault(name, []).append(row.cause.id)
        told: set[tuple[str, str]] = set()
        # The outbox first: what leaves it meanwhile is already in the journal.
        outboxes = self._tickets.collection.find(
            {"_id": {"$in": sorted(causes)}}, {"outbox.cause": 1, "outbox.type": 1}
        )
        async for document in outboxes:
            told |= {(document["_id"], entry["cause"]) for entry in document["outbox"] if entry.get("type")}
        where = {"$or": [{"resource": name, "cause": {"$in": ids}} for name, ids in causes.items()]}
        kept = self._tickets.journal.entries.find(where, {"_id": 0, "resource": 1, "cause": 1, "type": 1})
        told |= {(entry["resource"], entry["cause"]) async for entry in kept if entry.get("type")}
        for name, row in rows:
            row.told = (name, row.cause.id) in told


def _prepared(past: Past, actor: Actor, now: datetime) -> _Import:
    rows = []
    for step in past.steps:
        on_behalf = Actor(actor.sub, behalf=step.actor)
        row = _Row(step, Cause(f"{_birth_id(past.opening)}/{step.id}", on_behalf, step.at, step.digest))
        row.refused = history.untakeable(past.opening, step, now)
        rows.append(row)
    return _Import(past, rows, [row for row in rows if row.refused is None], Actor(actor.sub))


def _birth_id(opening: Opening) -> str:
    return f"import/{opening.source}/{opening.external_id}"


def _taking(row: _Row, matrix: PriorityMatrix) -> Callable[[Ticket | None], Decided]:
    def decide(ticket: Ticket | None) -> Decided:
        after, events = history.take(_present(ticket), row.step, matrix)
        row.told = bool(events)
        return after, events

    return decide


def _present(ticket: Ticket | None) -> Ticket:
    if ticket is None:
        raise Refusal.conflict(
            "HISTORY_RACED", "Another import of this history was faster; send the same rows again, none is taken twice."
        )
    return ticket


def _settle(change: Change, row: _Row | None, result: Record[Ticket] | Exception) -> None:
    """Notes why a row was refused; raises what is not the row's own fault."""
    if isinstance(result, Record):
        if result.name != change.name:
            _present(None)
        return
    if row is None or not isinstance(result, Refusal):
        raise result
    if result.kind not in _OF_THE_ROW and result.reason != "RESOURCE_TOO_LARGE":
        raise result
    row.refused = result
    if result.reason == "REQUEST_ID_REUSED":
        row.refused = Refusal.invalid(
            "id", "STEP_CHANGED", "A row with this id came before and said something else; give it another id."
        )


def _batches(imports: Sequence[_Import]) -> Iterator[list[tuple[_Import, int]]]:
    """(history, first row) in turns: a document's next rows only after those before them are written."""
    longest = max((len(one.takeable) for one in imports), default=0)
    for begin in range(0, max(longest, 1), ROWS_OF_ONE):
        batch: list[tuple[_Import, int]] = []
        rows = 0
        for one in imports:
            count = len(one.takeable[begin : begin + ROWS_OF_ONE])
            if not one.name or (begin and not count):
                continue
            batch.append((one, begin))
            rows += count
            if rows >= ROWS_OF_ALL:
                yield batch
                batch, rows = [], 0
        if batch:
            yield batch
