"""What a cause is worth: its inputs by the version that it is judged by, less what others have of the same time.

A pure function of the claim, the claims around it and what is known; nothing that nobody counted or approved is valued.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from services.metrics.rules import formulas, people_model
from services.metrics.rules.business_model import TIMED, Basis, BusinessModel, Terms
from services.metrics.rules.claims import End, Evidence, Gain, Origin, Outage, OutageHour, Place, Standing
from services.metrics.rules.exact import HOUR_MS, MILLE, half_even
from services.metrics.rules.fact import EPOCH
from services.metrics.rules.formulas import AnyInputs, HourInput, Measured
from services.metrics.rules.known import Known
from services.metrics.rules.ledger import EXCLUDED, Booking, Judged, LeftOut, Unbooked, Valued
from services.metrics.rules.people_model import PeopleModel, inputs_of
from services.metrics.rules.sharing import Span, away, counted, intersect, millis, subtract, union
from services.runtime.worktime import segments

_ALREADY = "its loss in that time counts there"


@dataclass(frozen=True, slots=True)
class _Time:
    """The time that counts. free: of the claim; left_out: what is not in it."""

    free: list[Span]
    left_out: tuple[LeftOut, ...]
    why_none: Unbooked


def value(booking: Booking, around: Iterable[Booking], known: Known) -> Valued | Unbooked:
    """What the claim says now, or why it says nothing."""
    others = list(around)
    if booking.gain is not None:
        return _gain(booking.gain, booking.judged, known)
    if booking.outage is not None:
        return _outage(booking, booking.outage, others, known)
    return Unbooked.NONE if booking.end is None else _incident(booking, booking.end, others, known)


def supposed(hour: HourInput, level: int, judged: Judged, known: Known) -> Valued | Unbooked:
    """What an invented hour would cost of all that a model counts. level: criticality. Nothing of it is booked."""
    terms = known.terms(judged)
    if terms is None or (isinstance(terms, BusinessModel) and terms.basis is Basis.GAIN):
        return Unbooked.NO_MODEL
    places = _places(terms, 1)
    share = terms.level(level) if isinstance(terms, BusinessModel) else terms.per_mille.get(level)
    if places is None:
        return Unbooked.IMPACT_UNKNOWN
    if share is None:
        return Unbooked.PRIORITY_UNKNOWN
    return _valued(terms, judged, [hour], places, share, known)


def _incident(booking: Booking, end: End, around: list[Booking], known: Known) -> Valued | Unbooked:
    if end.exclusion in EXCLUDED:
        return EXCLUDED[end.exclusion]
    terms, judged = known.terms(booking.judged), booking.judged
    if terms is None or judged is None:
        return Unbooked.NO_MODEL
    lost = _places(terms, end.impact)
    share = (
        terms.per_mille.get(end.place.priority) if isinstance(terms, PeopleModel) else terms.level(end.place.priority)
    )
    if lost is None:
        return Unbooked.IMPACT_UNKNOWN
    if share is None:
        return Unbooked.PRIORITY_UNKNOWN
    until = min(end.ended_at, end.opened_at + terms.longest)
    time = _time(booking, (millis(end.opened_at), millis(until)), terms, judged, around, known)
    if isinstance(time, Unbooked):
        return time
    if not time.free:
        return time.why_none
    rows = _rows({hour: HourInput(hour * HOUR_MS, ms) for hour, ms in _by_hour(time.free).items()})
    cause = Evidence(end.ticket, end.etag, f"impact {end.impact}, priority {end.place.priority}")
    found = _valued(terms, judged, rows, lost, share, known)
    if isinstance(terms, PeopleModel) and not time.left_out and found.formula == formulas.PEOPLE:
        _, _, table = known.rate(judged, terms.currency)
        if table is None:
            inputs = inputs_of(terms, lost, share, end.opened_at, end.ended_at)
            found = replace(found, formula=people_model.FORMULA, inputs=inputs)
    return replace(
        found,
        place=end.place,
        evidence=(cause, *found.evidence, *_service_evidence(booking, known)),
        occurred_at=end.opened_at,
        left_out=time.left_out,
    )


def _outage(booking: Booking, outage: Outage, around: list[Booking], known: Known) -> Valued | Unbooked:
    why = _no_outage(booking, outage, known)
    if why is not Unbooked.NONE:
        return why
    terms, judged, service = known.terms(booking.judged), booking.judged, known.services[booking.service]
    if terms is None or judged is None:
        return Unbooked.NO_MODEL
    places = outage.users if isinstance(terms, PeopleModel) and outage.users else _places(terms, 1)
    if isinstance(terms, BusinessModel) and terms.basis in TIMED and outage.sites and places is not None:
        places = min(places, len(outage.sites))
    share = (
        terms.level(service.criticality)
        if isinstance(terms, BusinessModel)
        else terms.per_mille.get(service.criticality)
    )
    if places is None:
        return Unbooked.IMPACT_UNKNOWN
    if share is None:
        return Unbooked.PRIORITY_UNKNOWN
    until = min(outage.until, outage.started_at + terms.longest)
    time = _time(booking, (millis(outage.started_at), millis(until)), terms, judged, around, known)
    if isinstance(time, Unbooked):
        return time
    sources = counted(booking, around, known)
    if not sources and isinstance(terms, BusinessModel) and terms.basis is Basis.TRANSACTIONS:
        return Unbooked.NOT_COUNTED
    rows = _rows(_counts(sources or [outage], time.free, declared=isinstance(terms, PeopleModel)))
    if not rows:
        return time.why_none
    measured = all(one.recovered is not None for source in sources for one in source.hours) and bool(sources)
    found = _valued(terms, judged, rows, places, share, known, outage=outage, kept_all=measured)
    seen = tuple(
        Evidence(one.name, one.etag, f"counted at {one.service}") for one in sources if one.name != outage.name
    )
    traces = tuple(Evidence(f"traces/{one}", "1", "shows it") for one in outage.traces)
    tickets = tuple(Evidence(one, "", "belongs to the outage") for one in outage.tickets)
    note = f"{outage.origin.value.lower()} at {outage.service}" + (
        ", inside planned maintenance" if outage.planned else ""
    )
    return replace(
        found,
        place=Place(service=f"services/{booking.service.partition('/')[2]}", priority=service.criticality),
        evidence=(
            Evidence(outage.name, outage.etag, note),
            *found.evidence,
            *_service_evidence(booking, known),
            *seen,
            *tickets,
            *traces,
        ),
        occurred_at=outage.started_at,
        provisional=outage.standing is not Standing.CLOSED,
        left_out=time.left_out,
    )


def _no_outage(booking: Booking, outage: Outage, known: Known) -> Unbooked:
    if outage.standing is Standing.RETRACTED:
        return Unbooked.RETRACTED
    if outage.origin is Origin.SYMPTOMATIC:
        return Unbooked.SYMPTOMATIC
    if outage.origin is Origin.UNDETERMINED:
        return Unbooked.UNDETERMINED
    if booking.service not in known.services:
        return Unbooked.NO_SERVICE
    return Unbooked.NONE if known.services[booking.service].cost_model else Unbooked.NO_COST_MODEL


def _gain(gain: Gain, judged: Judged | None, known: Known) -> Valued | Unbooked:
    terms = known.terms(judged)
    if not isinstance(terms, BusinessModel) or judged is None:
        return Unbooked.NO_MODEL
    hour = millis(gain.occurred_at) // HOUR_MS
    rows = (HourInput(hour * HOUR_MS, HOUR_MS, gain.quantity),)
    found = _valued(terms, judged, rows, 1, MILLE, known)
    note = f"{gain.by}: {gain.baseline}"
    return replace(
        found,
        place=gain.place,
        evidence=(Evidence(gain.name, "1", note), *found.evidence, *gain.evidence),
        occurred_at=gain.occurred_at,
    )


def _valued(
    terms: Terms,
    judged: Judged,
    rows: Sequence[HourInput],
    places: int,
    share: int,
    known: Known,
    *,
    outage: Outage | None = None,
    kept_all: bool = False,
) -> Valued:
    currency, rate, table = known.rate(judged, terms.currency)
    formula, numbers = _numbers(terms, places, share, kept_all=kept_all)
    counts = {}
    if isinstance(terms, BusinessModel) and terms.basis is not Basis.GAIN:
        counts = {
            "count_low_per_mille": outage.low_per_mille if outage is not None else MILLE,
            "count_high_per_mille": outage.high_per_mille if outage is not None else MILLE,
        }
    given = {**numbers, **counts, "rate_base": rate.base, "rate_units": rate.units, "sign": 1}
    inputs: AnyInputs = Measured(tuple(given.items()), tuple(rows), "named later" if counts else "")
    version = known.version(judged)
    evidence = [Evidence(judged.model, str(judged.version), "in force when it began")]
    if table is not None:
        evidence.append(Evidence("rateTables/main", str(table.number), f"{terms.currency} into {currency}"))
    if judged.calendar and isinstance(terms, BusinessModel):
        evidence.append(Evidence(terms.calendar, str(judged.calendar), "when business is open"))
    return Valued(version.category, currency, formula, inputs, Place(), tuple(evidence), EPOCH)


def _numbers(terms: Terms, places: int, share: int, *, kept_all: bool) -> tuple[str, dict[str, int]]:
    if isinstance(terms, PeopleModel):
        return formulas.PEOPLE, {
            "users": places,
            "per_mille": share,
            "hourly_rate": terms.hourly_rate,
            "low_per_mille": people_model.LOW_PER_MILLE,
            "high_per_mille": people_model.HIGH_PER_MILLE,
        }
    kept = MILLE if kept_all else MILLE - terms.recovered
    ends = {"low_per_mille": terms.low, "high_per_mille": terms.high}
    common = {"level_per_mille": share, "kept_per_mille": kept, **ends}
    value = {"unit_value": terms.unit_value}
    if terms.basis is Basis.TRANSACTIONS:
        return formulas.TRANSACTIONS, {**value, **common}
    if terms.basis is Basis.SALES:
        return formulas.SALES, {**value, "margin_per_mille": terms.margin, "places": places, **common}
    if terms.basis is Basis.CAPACITY:
        return formulas.CAPACITY, {**value, "units_per_hour_milli": terms.units_per_hour, "places": places, **common}
    return formulas.GAIN, {**value, **ends}


def _places(terms: Terms, impact: int) -> int | None:
    return terms.users.get(impact) if isinstance(terms, PeopleModel) else terms.places_at(impact)


def _service_evidence(booking: Booking, known: Known) -> tuple[Evidence, ...]:
    if booking.service not in known.services:
        return ()
    return (Evidence(booking.service, "", "what the business lost"),)


def _time(
    booking: Booking, span: Span, terms: Terms, judged: Judged, around: list[Booking], known: Known
) -> _Time | Unbooked:
    """The span without what others have and without the hours in which business is closed."""
    if span[0] >= span[1]:
        return Unbooked.NO_TIME
    free = [span]
    calendar = known.calendar(judged)
    if isinstance(terms, BusinessModel) and terms.calendar:
        if calendar is None:
            return Unbooked.CALENDAR_UNKNOWN
        free = [
            (millis(one.start), millis(one.end))
            for one in segments(calendar, _instant(span[0]), _instant(span[1]))
            if one.open
        ]
    closed = span[1] - span[0] - sum(end - start for start, end in free)
    left: dict[str, int] = {}
    for part, cause in away(booking, around, known):
        taken = intersect(free, [part])
        free = subtract(free, taken)
        if ms := sum(end - start for start, end in taken):
            left[cause] = left.get(cause, 0) + ms
    out = tuple(LeftOut(cause, ms, _ALREADY) for cause, ms in sorted(left.items()))
    if closed and isinstance(terms, BusinessModel):
        out = (LeftOut(terms.calendar, closed, "business is closed then"), *out)
    return _Time(free, out, Unbooked.SHARED if left else Unbooked.CLOSED_HOURS)


def _counts(sources: Sequence[Outage], free: list[Span], *, declared: bool) -> dict[int, HourInput]:
    """What was counted in the free time, by hour; of an hour that counts in part, the same part of its requests."""
    found: dict[int, HourInput] = {}
    for outage in sources:
        whole = (millis(outage.started_at), millis(outage.until))
        for hour in outage.hours:
            at = hour.start_ms // HOUR_MS
            stretch = intersect([whole], [(hour.start_ms, hour.start_ms + HOUR_MS)])
            of, ms = _length(stretch), _length(intersect(stretch, free))
            if not of or not ms:
                continue
            row = HourInput(hour.start_ms, ms) if declared else _part(hour, ms, of)
            kept = found.get(at)
            if kept is not None:
                row = HourInput(
                    row.start_ms,
                    min(HOUR_MS, max(kept.ms, row.ms)),
                    *(getattr(kept, one) + getattr(row, one) for one in ("expected", "actual", "recovered")),
                )
            found[at] = row
    return found


def _part(hour: OutageHour, ms: int, of: int) -> HourInput:
    """What was asked counts as expected where nobody knows what was to be expected."""
    expected = hour.expected or hour.valid
    good, recovered = max(0, hour.valid - hour.bad), hour.recovered or 0
    return HourInput(hour.start_ms, ms, *(half_even(one * ms, of) for one in (expected, good, recovered)))


def _rows(found: dict[int, HourInput]) -> tuple[HourInput, ...]:
    """The hours from the first to the last without a gap."""
    if not found:
        return ()
    first, last = min(found), max(found)
    return tuple(found.get(at) or HourInput(at * HOUR_MS, 0, 0) for at in range(first, last + 1))


def _by_hour(spans: Sequence[Span]) -> dict[int, int]:
    found: dict[int, int] = {}
    for start, end in union(spans):
        at = start
        while at < end:
            hour = at // HOUR_MS
            until = min(end, (hour + 1) * HOUR_MS)
            found[hour] = found.get(hour, 0) + until - at
            at = until
    return found


def _length(spans: Sequence[Span]) -> int:
    return sum(end - start for start, end in spans)


def _instant(ms: int) -> datetime:
    return EPOCH + timedelta(milliseconds=ms)
