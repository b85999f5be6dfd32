"""The metric registry: every number that may be shown, with its one definition."""

from __future__ import annotations

from collections.abc import Mapping

from services.metrics.rules.registry.business import BUSINESS
from services.metrics.rules.registry.change import CHANGE
from services.metrics.rules.registry.experience import EXPERIENCE
from services.metrics.rules.registry.flow import FLOW
from services.metrics.rules.registry.metric import Band, Metric, Shown, Unit
from services.metrics.rules.registry.times import TIMES

REGISTRY: tuple[Metric, ...] = tuple(sorted((*TIMES, *FLOW, *EXPERIENCE, *CHANGE, *BUSINESS), key=lambda one: one.code))
METRICS: Mapping[str, Metric] = {one.id: one for one in REGISTRY}

TILES: tuple[str, ...] = (
    "time_to_resolve",
    "time_to_respond",
    "time_to_repair",
    "time_to_restore",
    "first_contact_resolution",
    "first_assignment_resolution",
    "reassignments",
    "sla_met_resolution",
    "reopened",
    "duplicates",
    "backlog_growth",
    "first_response_time",
    "mtta",
    "re_asks",
    "csat",
    "chases",
    "self_solved",
    "availability",
    "incident_loss",
    "change_success",
    "risk_exposure",
    "time_between_failures",
    "time_to_restore_service",
    "error_budget",
    "cost_per_ticket",
    "downtime",
    "user_hours_returned",
)
"""The board's tiles in their order, band by band; those that wait say what for."""

__all__ = ["METRICS", "REGISTRY", "TILES", "Band", "Metric", "Shown", "Unit"]
