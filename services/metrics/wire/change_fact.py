"""Events of changes as a fact sees them."""

from __future__ import annotations

from throughline.changes.v1 import change_pb2

from services.metrics.rules.change_fact import ChangeFact, ChangeType, End
from services.metrics.wire.instants import instant, set_instant

_TYPE_OF = {change_pb2.ChangeType.Value(f"CHANGE_TYPE_{one.name}"): one for one in ChangeType}
_END_OF = {change_pb2.ChangeState.Value(f"CHANGE_STATE_{one.name}"): one for one in End if one is not End.NONE}


def seen_change(change: change_pb2.Change) -> ChangeFact:
    """What an event of a change says of it.

    Raises:
        KeyError: a type that this release does not know.
    """
    end = _END_OF.get(change.state, End.NONE)
    return ChangeFact(
        change=change.name,
        type=_TYPE_OF[change.type],
        end=end,
        services=tuple(change.services),
        unit=change.unit,
        drafted_at=instant(change.create_time),
        ended_at=set_instant(change, "finish_time") if end is not End.NONE else None,
    )
