"""Documents with version, causes, head and outbox: every change of every resource goes through here, once."""

from services.runtime.records.kind import Cause, Change, Deadline, Decide, Follow, Kind, Mode, Record, Stamp, due_id
from services.runtime.records.store import Records, change_many

__all__ = [
    "Cause",
    "Change",
    "Deadline",
    "Decide",
    "Follow",
    "Kind",
    "Mode",
    "Record",
    "Records",
    "Stamp",
    "change_many",
    "due_id",
]
