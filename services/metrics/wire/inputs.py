"""The inputs of formulas as their readers see them: what each is counted in, and where it is from."""

from __future__ import annotations

from throughline.metrics.v1 import metrics_pb2 as pb

_TICKET = "the ticket, as of the event that ended it"
_MODEL = "the cost model"
_ASSUMED = "assumed by people/1: the number of users is uncertain by half"
_SPANS = "the sampling weights of the spans"
_RATES = "the rate table; 1 to 1 when nothing was turned into another currency"
# What each input is counted in, and where it is from.
_UNITS = {
    "users": ("people", f"{_MODEL}, by the ticket's impact; counted where an outage counted them"),
    "per_mille": ("per mille of their work", f"{_MODEL}, by the ticket's priority"),
    "hourly_rate": ("minor units per person and hour", _MODEL),
    "start_ms": ("milliseconds since 1970-01-01 UTC", "the ticket's opening"),
    "ms": ("milliseconds", f"{_TICKET}: from its opening, wall clock, capped by the cost model"),
    "low_per_mille": ("per mille of the users", _ASSUMED),
    "high_per_mille": ("per mille of the users", _ASSUMED),
    "sign": ("factor", "1 books, -1 takes back"),
    "unit_value": ("minor units", f"{_MODEL}: the value of one"),
    "margin_per_mille": ("per mille of sales", _MODEL),
    "units_per_hour_milli": ("thousandths of a unit per line and hour", _MODEL),
    "places": ("stores or lines", f"{_MODEL}, by impact; no more than the outage was seen in"),
    "level_per_mille": ("per mille of the value", f"{_MODEL}, by priority or criticality"),
    "kept_per_mille": ("per mille that never came back", f"{_MODEL}; 1,000 where it was counted"),
    "count_low_per_mille": ("per mille of the count, 95 %", _SPANS),
    "count_high_per_mille": ("per mille of the count, 95 %", _SPANS),
    "rate_base": ("minor units of the ledger's currency", _RATES),
    "rate_units": ("minor units of the model's currency", _RATES),
}
_VALUE_ENDS = ("per mille of the value", f"{_MODEL}: its 10th and 90th percentile")


def named(formula: str, name: str, value: int) -> pb.FormulaInput:
    """One input with its unit and source."""
    unit, source = _UNITS[name]
    if name in ("low_per_mille", "high_per_mille") and not formula.startswith("people/"):
        unit, source = _VALUE_ENDS
    return pb.FormulaInput(name=name, value=value, unit=unit, source=source)
