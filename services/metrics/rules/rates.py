"""Rates of exchange: dated tables, approved like cost models; only through one of them do two currencies meet."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from services.metrics.rules import approval
from services.runtime.actor import Actor
from services.runtime.refusal import Refusal

RATES = "rateTables/main"
MOST_RATES, MOST_UNITS = 50, 10**12
_CURRENCY = re.compile(r"[A-Z]{3}")
_TEXT = 1000


@dataclass(frozen=True, slots=True)
class Rate:
    """`base` minor units of the table's currency are worth `units` minor units of another: an exact fraction."""

    base: int
    units: int


ONE = Rate(1, 1)


@dataclass(frozen=True, slots=True)
class RateVersion:
    """One version. base: the currency that others are turned into."""

    number: int
    effective_at: datetime
    base: str
    rates: Mapping[str, Rate]
    author: str
    note: str = ""
    approver: str = ""
    approved_at: datetime | None = None

    def rate(self, currency: str) -> Rate | None:
        """The rate of a currency; None when the table says nothing of it."""
        return ONE if currency == self.base else self.rates.get(currency)


@dataclass(frozen=True, slots=True)
class RateTable:
    """A table with all its versions, oldest first."""

    name: str
    versions: tuple[RateVersion, ...]

    def version(self, number: int) -> RateVersion:
        """The version of that number; 0 is the latest.

        Raises:
            Refusal: NOT_FOUND.
        """
        return approval.numbered(self.name, self.versions, number)


@dataclass(frozen=True, slots=True)
class RateDraft:
    """A version as somebody wrote it: (currency, base minor units, its minor units), what is said twice included."""

    name: str
    effective_at: datetime | None
    base: str
    rates: tuple[tuple[str, int, int], ...]
    note: str = ""


@dataclass(frozen=True, slots=True)
class RateTableDrafted:
    """A version was written and waits for approval."""

    table: RateTable
    number: int


@dataclass(frozen=True, slots=True)
class RateTableApproved:
    """A version was approved and never changes from here on."""

    table: RateTable
    number: int


def require_known(name: str) -> None:
    """Refuses a table of another name; asked before a document of that name is looked for.

    Raises:
        Refusal: RATE_TABLE_UNKNOWN.
    """
    if name != RATES:
        raise Refusal.invalid("rate_table.name", "RATE_TABLE_UNKNOWN", f'Rates are kept in "{RATES}".')


def draft(table: RateTable | None, draft: RateDraft, *, by: Actor) -> tuple[RateTable, tuple[RateTableDrafted, ...]]:
    """Adds the draft as the next version.

    Raises:
        Refusal: PERSON_REQUIRED, ROLE_REQUIRED, RATE_TABLE_UNKNOWN, RATE_TABLE_INVALID, COST_MODEL_VERSIONS_FULL.
    """
    approval.require_author(by, "a rate table")
    require_known(draft.name)
    before = table.versions if table is not None else ()
    if len(before) >= approval.VERSIONS_KEPT:
        raise Refusal.precondition(
            "COST_MODEL_VERSIONS_FULL", f"{draft.name} has {approval.VERSIONS_KEPT} versions; approve one of them."
        )
    effective_at = _checked(draft, before)
    rates = {currency: Rate(base, units) for currency, base, units in sorted(draft.rates)}
    version = RateVersion(len(before) + 1, effective_at, draft.base, rates, by.sub, draft.note.strip())
    after = RateTable(draft.name, (*before, version))
    return after, (RateTableDrafted(after, version.number),)


def approve(
    table: RateTable, number: int, *, by: Actor, now: datetime, note: str = ""
) -> tuple[RateTable, tuple[RateTableApproved, ...]]:
    """Lets a version hold from its effective time on.

    Raises:
        Refusal: PERSON_REQUIRED, ROLE_REQUIRED, NOT_FOUND, COST_MODEL_APPROVED, OWN_MODEL, EFFECTIVE_TIME_TAKEN.
    """
    after = replace(table, versions=approval.approved(table.name, table.versions, number, by, now, note))
    return after, (RateTableApproved(after, number),)


def _checked(draft: RateDraft, before: tuple[RateVersion, ...]) -> datetime:
    def refuse(field: str, message: str) -> Refusal:
        return Refusal.invalid(f"rate_table.{field}", "RATE_TABLE_INVALID", message)

    if draft.effective_at is None:
        raise refuse("effective_time", "Say from which instant on the rates hold.")
    if _CURRENCY.fullmatch(draft.base) is None:
        raise refuse("base_currency", 'Name the currency by its ISO 4217 code, such as "CNY".')
    if any(one.base != draft.base for one in before):
        raise refuse("base_currency", f"This table turns amounts into {before[0].base}; it stays so in every version.")
    named = [currency for currency, _, _ in draft.rates]
    if not named or len(named) > MOST_RATES or len(set(named)) != len(named) or draft.base in named:
        raise refuse("rates", f"Give 1 to {MOST_RATES} rates, each currency once and not {draft.base} itself.")
    if any(_CURRENCY.fullmatch(one) is None for one in named):
        raise refuse("rates", 'Name each currency by its ISO 4217 code, such as "USD".')
    if any(not 1 <= one <= MOST_UNITS for _, base, units in draft.rates for one in (base, units)):
        raise refuse("rates", "Both sides of a rate are 1 to 1,000,000,000,000 smallest units.")
    if len(draft.note) > _TEXT:
        raise refuse("note", f"A note has at most {_TEXT} letters.")
    return draft.effective_at
