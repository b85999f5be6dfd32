"""What the ledger knows when it values something: approved models and rates, business services, calendars.

It learns from its inputs alone, in the order in which they were taken, so that a replay knows the same at each of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from services.metrics.rules import approval
from services.metrics.rules.approval import V
from services.metrics.rules.business_model import TIMED, Basis, BusinessModel, Terms, basis_of
from services.metrics.rules.claims import BusinessService
from services.metrics.rules.cost_model import INCIDENTS, CostModel, Version, version_in_force
from services.metrics.rules.ledger import Judged
from services.metrics.rules.rates import ONE, Rate, RateTable, RateVersion
from services.runtime.worktime import CalendarVersion, in_force

Lesson = CostModel | RateTable | BusinessService | CalendarVersion


@dataclass(frozen=True, slots=True)
class Known:
    """All of it, by name; models and tables hold approved versions only, under their own numbers."""

    models: Mapping[str, CostModel] = field(default_factory=dict)
    services: Mapping[str, BusinessService] = field(default_factory=dict)
    calendars: Mapping[str, tuple[CalendarVersion, ...]] = field(default_factory=dict)
    rates: RateTable | None = None

    def learned(self, lesson: Lesson) -> Known:
        """The same and what the lesson tells; a version that is known already stays as it is, and of a business service
        the newest holds, in whichever order they come.
        """
        if isinstance(lesson, CostModel):
            kept = self.models.get(lesson.name)
            versions = _merged(kept.versions if kept else (), lesson.versions)
            return replace(self, models={**self.models, lesson.name: CostModel(lesson.name, versions)})
        if isinstance(lesson, RateTable):
            kept_rates = self.rates.versions if self.rates is not None else ()
            return replace(self, rates=RateTable(lesson.name, _merged(kept_rates, lesson.versions)))
        if isinstance(lesson, BusinessService):
            known = self.services.get(lesson.name)
            if known is not None and known.version > lesson.version:
                return self
            return replace(self, services={**self.services, lesson.name: lesson})
        others = [one for one in self.calendars.get(lesson.name, ()) if one.version != lesson.version]
        ordered = tuple(sorted((*others, lesson), key=lambda one: one.version))
        return replace(self, calendars={**self.calendars, lesson.name: ordered})

    def service_of(self, service: str) -> BusinessService | None:
        """The business service that a ticket's service is: "services/checkout" is "businessServices/checkout"."""
        found = self.services.get(f"businessServices/{service.partition('/')[2]}")
        return None if found is None or found.retired else found

    def services_hit(self, components: frozenset[str]) -> list[BusinessService]:
        """The business services that are made of any of these services of spans, by name."""
        found = [one for one in self.services.values() if not one.retired and one.components & components]
        return sorted(found, key=lambda one: one.name)

    def incident_model(self, service: BusinessService | None) -> str:
        """By which model an incident of the service is valued: its own when that counts time, else that of people."""
        model = self.models.get(service.cost_model) if service is not None else None
        return model.name if model is not None and model.basis in TIMED else INCIDENTS

    def judge(self, model: str, at: datetime, known_at: datetime | None) -> Judged | None:
        """By which versions something of that instant is valued; None when no version of the model was in force.

        known_at: only by what was approved by then; None for whenever.
        """
        version = version_in_force(self.models.get(model), at, known_at)
        if version is None:
            return None
        table = approval.in_force(self.rates.versions, at, known_at) if self.rates is not None else None
        terms = version.terms
        calendar = None
        if isinstance(terms, BusinessModel) and terms.calendar:
            versions = self.calendars.get(terms.calendar, ())
            calendar = in_force(versions, at) or next(iter(versions), None)
        return Judged(model, version.number, table.number if table else 0, calendar.version if calendar else 0)

    def version(self, judged: Judged) -> Version:
        """The version that something was judged by."""
        return next(one for one in self.models[judged.model].versions if one.number == judged.version)

    def terms(self, judged: Judged | None) -> Terms | None:
        """What that version says."""
        return None if judged is None else self.version(judged).terms

    def basis(self, judged: Judged | None) -> Basis | None:
        """What that version counts."""
        terms = self.terms(judged)
        return None if terms is None else basis_of(terms)

    def rate(self, judged: Judged, currency: str) -> tuple[str, Rate, RateVersion | None]:
        """Into which currency an amount is turned, by what rate, of which table; its own when no table knows it."""
        found = None
        if self.rates is not None and judged.rates:
            found = next(one for one in self.rates.versions if one.number == judged.rates)
        rate = found.rate(currency) if found is not None else None
        if found is None or rate is None or currency == found.base:
            return currency, ONE, None
        return found.base, rate, found

    def calendar(self, judged: Judged) -> CalendarVersion | None:
        """The calendar that the version counts by."""
        terms = self.terms(judged)
        named = terms.calendar if isinstance(terms, BusinessModel) else ""
        return next((one for one in self.calendars.get(named, ()) if one.version == judged.calendar), None)


def _merged(known: tuple[V, ...], told: tuple[V, ...]) -> tuple[V, ...]:
    """Approved versions only; those known first, so that nothing that was judged by can change."""
    numbers = {one.number for one in known}
    new = [one for one in told if one.approved_at is not None and one.number not in numbers]
    return tuple(sorted((*known, *new), key=lambda one: one.number))
