"""What must hold after every fault, checked without the system's help on what it keeps and on what callers were told.

Each check yields one sentence a violation, beginning with the invariant's name; nothing means that it holds.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from throughline.changes.v1 import events_pb2 as changes_events
from throughline.knowledge.v1 import events_pb2 as knowledge_events
from throughline.metrics.v1 import events_pb2 as metrics_events
from throughline.portal.v1 import events_pb2 as portal_events
from throughline.sla.v1 import events_pb2 as sla_events
from throughline.tickets.v1 import events_pb2 as tickets_events

from services.runtime.journal import Entry
from services.sla.store import CLOCKS
from tests.faults.evidence import DUE, Evidence, Kept, due_of
from tests.faults.folds import wrong_clocks, wrong_facts
from tests.faults.operations import Operation, Operations, Outcome

_FILES = (changes_events, knowledge_events, metrics_events, portal_events, sla_events, tickets_events)
EVENTS: dict[str, type[Message]] = {
    one.full_name: GetMessageClass(one) for file in _FILES for one in file.DESCRIPTOR.message_types_by_name.values()
}
SEALED = ".JournalSealed"
LOST, TWICE = "acknowledged and lost", "applied twice"
MOST_SHOWN = 20
Places = Mapping[str, list[Entry]]
_SETTLED = timedelta(seconds=2)


def violations(evidence: Evidence, operations: Operations) -> list[str]:
    """Everything that does not hold, of all invariants that need no call."""
    found: list[str] = []
    for kept in evidence.services.values():
        found += journal_whole(kept)
        found += stream_equals_journal(kept)
        found += at_rest(kept)
    found += operations_once(evidence, operations)
    found += folds(evidence)
    found += deadlines_once(evidence)
    found += [f"parked: {one}" for one in evidence.parked]
    return found


def operations_once(evidence: Evidence, operations: Operations) -> Iterator[str]:
    """I1: what was acknowledged is there exactly once with its content, what was refused is not, and what stayed in
    doubt is there at most once; and nothing is there that nobody asked for.
    """
    left: dict[str, dict[str, list[Entry]]] = defaultdict(lambda: defaultdict(list))
    told = {entry.id for entry in evidence.services["portal"].everything()} if "portal" in evidence.services else set()
    for service, kept in evidence.services.items():
        for entry in kept.everything():
            if entry.cause in told:
                continue  # What the portal told of a person is named as a caller's request is.
            if entry.cause.startswith("people/"):
                left[f"{service} {entry.cause}"][f"{entry.resource}/{entry.version}"].append(entry)
    for one in operations:
        said = f"I1 {one.service} {one.method} {one.cause} on {one.resource or 'a new resource'} ({one.outcome})"
        yield from (f"{said}: {fault}" for fault in _not_once(one, left.pop(f"{one.service} {one.cause}", {})))
    for cause, places in left.items():
        yield f"I1 {cause}: nobody asked for it, and it is kept as {sorted(places)}"


def _not_once(one: Operation, places: Places) -> Iterator[str]:
    if one.outcome is Outcome.ASKED:
        yield "the caller never came back"
    elif one.outcome is Outcome.FAIL and places:
        yield f"refused with {one.reason}, and yet applied as {sorted(places)}"
    elif len(places) > 1:
        yield f"{TWICE}, as {sorted(places)}"
    elif one.outcome is Outcome.OK and not places:
        yield LOST
    for place, entries in places.items():
        if one.outcome is Outcome.OK and entries[0].resource != one.resource:
            yield f"acknowledged, and applied to {entries[0].resource}"
        yield from (f"{place} {fault}" for fault in _other_content(one, entries))


def _other_content(one: Operation, entries: Sequence[Entry]) -> Iterator[str]:
    told = [entry for entry in entries if entry.type]
    name = one.event.removesuffix("?")
    if one.event.endswith("?") and not told:
        return
    matching = [entry for entry in told if entry.type.rpartition(".")[2] == name]
    if len(matching) != 1:
        yield f"told {[entry.type for entry in told]}, not one {name}"
        return
    event = message_of(matching[0])
    for path, wanted in one.shows.items():
        value: Any = event
        for part in path.split("."):
            value = getattr(value, part)
        if value != wanted:
            yield f"shows {path} {value!r}, not {wanted!r}"


def replayed(operation: Operation, answer: Any, kept: Kept) -> Iterator[str]:
    """I2: what was done and is asked for again answers with the same resource, as it is now."""
    said = f"I2 {operation.service} {operation.method} {operation.cause}"
    if answer.name != operation.resource:
        yield f"{said}: asked again it answers {answer.name}, not {operation.resource}"
        return
    document = kept.documents.get(answer.name)
    if document is None or answer.etag != f'"{document["sequence"]}"':
        yield f"{said}: asked again it answers {answer.name} as of {answer.etag}, not as it is kept"


def versions_unmoved(before: Evidence, after: Evidence) -> Iterator[str]:
    """I2: asking again for what was done changed no resource and left no entry but those of deadlines that passed."""
    more = [
        (service, entry)
        for service, kept in after.services.items()
        for name, entries in kept.entries.items()
        for entry in entries[len(before.services[service].entries.get(name, [])) :]
    ]
    passed: set[str] = set()
    while led_to := {one.id for _, one in more if one.cause.startswith(DUE) or one.cause in passed} - passed:
        passed |= led_to
    for service, entry in more:
        if entry.id not in passed:
            yield f"I2 {service} {entry.resource}: asking again for what was done left {entry.cause}"


def journal_whole(kept: Kept) -> Iterator[str]:
    """I3: per resource versions 1..n and sequences 1..m without gap, each cause once, up to where the document is."""
    for name in sorted(kept.documents.keys() | kept.entries.keys()):
        entries, document = kept.entries.get(name, []), kept.documents.get(name)
        said = f"I3 {kept.service} {name}"
        places = [(entry.version, entry.n) for entry in entries]
        wanted: list[tuple[int, int]] = []
        for version, n in places:
            last = wanted[-1] if wanted else (0, 0)
            wanted.append((version, n) if (version, n) == (last[0], last[1] + 1) and wanted else (last[0] + 1, 0))
        if places != wanted:
            gap = next(pair for pair in zip(places, wanted, strict=True) if pair[0] != pair[1])
            yield f"{said}: entry {gap[0]} stands where {gap[1]} must"
        sequences = [entry.sequence for entry in entries if entry.type]
        if sequences != list(range(1, len(sequences) + 1)):
            yield f"{said}: published sequences {sequences}"
        twice = [
            cause for cause, count in Counter(entry.cause for entry in entries if entry.n == 0).items() if count > 1
        ]
        if twice:
            yield f"{said}: {TWICE}: {twice}"
        if document is None:
            yield f"{said}: {len(entries)} entries and no document"
            continue
        at = (entries[-1].version, entries[-1].hash, len(sequences)) if entries else (0, b"", 0)
        if at != (document["version"], document["head"], document["sequence"]):
            yield f"{said}: the document is at version {document['version']}, its journal at {at[0]}"


def stream_equals_journal(kept: Kept) -> Iterator[str]:
    """I3: the stream holds the journal's published events, all of them and nothing else, byte by byte."""
    journal = {entry.id: entry for entries in kept.entries.values() for entry in entries if entry.type}
    told = {message.id: message for message in kept.told if not message.type.endswith(SEALED)}
    for missing in sorted(journal.keys() - told.keys()):
        yield f"I3 {kept.service} {missing}: in the journal and not on the stream"
    for more in sorted(told.keys() - journal.keys()):
        yield f"I3 {kept.service} {more}: on the stream and not in the journal"
    for id_ in sorted(journal.keys() & told.keys()):
        if hashlib.sha256(journal[id_].data).digest() != hashlib.sha256(told[id_].payload).digest():
            yield f"I3 {kept.service} {id_}: the stream says something else than the journal"
        if journal[id_].state != "sent":
            yield f"I3 {kept.service} {id_}: on the stream and not marked as sent"


def folds(evidence: Evidence) -> Iterator[str]:
    """I4: what consumers keep equals the fold of what was told, each event once and in order."""
    if "sla" in evidence.services:
        yield from (f"I4 sla {one}" for one in wrong_clocks(evidence))
    if "metrics" in evidence.services:
        yield from (f"I4 metrics {one}" for one in wrong_facts(evidence))


def deadlines_once(evidence: Evidence) -> Iterator[str]:
    """I5: no deadline fired early or twice, and none that has passed is still waited for."""
    for kept in evidence.services.values():
        fired: Counter[str] = Counter()
        for entry in kept.everything():
            if entry.n or not entry.cause.startswith(DUE):
                continue
            name, _, at = due_of(entry.cause)
            fired[entry.cause] += 1
            if name != entry.resource:
                yield f"I5 {kept.service} {entry.cause}: fired on {entry.resource}"
            if min(entry.time, entry.recorded_at) < at:
                yield f"I5 {kept.service} {entry.cause}: fired early, at {entry.time.isoformat()}"
        yield from (f"I5 {kept.service} {cause}: fired {count} times" for cause, count in fired.items() if count > 1)
    if "sla" in evidence.services:
        yield from _never_fired(evidence.services["sla"], evidence.at - _SETTLED)


def _never_fired(kept: Kept, by: datetime) -> Iterator[str]:
    for name, document in kept.documents.items():
        if document["collection"] == CLOCKS.collection:
            for deadline in CLOCKS.deadlines(CLOCKS.decode(document["state"])):
                if deadline.at < by:
                    yield f"I5 {kept.service} {name}: {deadline.step} of {deadline.at.isoformat()} never fired"


def at_rest(kept: Kept) -> Iterator[str]:
    """I9: nothing is stuck: no outbox, no run of a message that never ended."""
    for name, document in kept.documents.items():
        if document["outbox"] or "pending" in document:
            yield f"I9 {kept.service} {name}: {len(document['outbox'])} entries wait in its outbox"
    for attempt in kept.attempts:
        yield f"I9 {kept.service} {attempt}: its handling began and never ended"


def message_of(entry: Entry) -> Message:
    """The event that an entry holds."""
    return EVENTS[entry.type].FromString(entry.data)


def figures(operations: Operations, found: Sequence[str]) -> str:
    """What a run shows: how many changes were acknowledged, and how many of them were lost or applied twice."""
    lost, twice = (sum(words in one for one in found) for words in (LOST, TWICE))
    counts = operations.counted()
    return (
        f"{counts['ok']} changes acknowledged: {lost} lost, {twice} applied twice; "
        f"{counts['fail']} refused, {counts['unknown']} left in doubt; {len(found)} violations in all"
    )


def shown(found: Sequence[str]) -> str:
    """The violations as a failure shows them."""
    return "\n".join([f"{len(found)} violations", *found[:MOST_SHOWN]])
