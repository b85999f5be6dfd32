"""The kept, hash-chained events of a service: append, read, seal with signed checkpoints, verify."""

from services.runtime.journal.audit import Fault, Flaw, Verdict, check_chain, verify
from services.runtime.journal.entry import KEPT, NEW, SENT, Entry, entry_id, moment
from services.runtime.journal.seal import Checkpoint, checkpoint
from services.runtime.journal.store import Journal

__all__ = [
    "KEPT",
    "NEW",
    "SENT",
    "Checkpoint",
    "Entry",
    "Fault",
    "Flaw",
    "Journal",
    "Verdict",
    "check_chain",
    "checkpoint",
    "entry_id",
    "moment",
    "verify",
]
