"""What a board is made of, read at one instant: cells for whole days, facts for everything else, by the same rules."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from pymongo import ASCENDING, DESCENDING
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.asynchronous.database import AsyncDatabase

from services.metrics.rules import board as rules
from services.metrics.rules.board import Backlog, Board, GreenRedRow, Sums, summed
from services.metrics.rules.cells import ALL, CellKey, roll
from services.metrics.rules.fact import DONE, OUT_OF_ALL, Fact
from services.metrics.rules.lengths import Lengths
from services.metrics.rules.money import Ledger, MoneyLine
from services.metrics.rules.period import FIRST, Filter, Period, Windows
from services.metrics.rules.registry import METRICS, REGISTRY
from services.metrics.rules.tally import Tally
from services.metrics.rules.values import Value, growth, length, share, undefined, value_of
from services.metrics.store import cells as cell_store
from services.metrics.store.facts import chosen, decode, seen_by, within
from services.runtime.records import Records
