"""Escalation: plans, chains of tickets, rotas and who is on call."""

from __future__ import annotations

from services.portal.web.rest.routes import Route

_TICKET = {"ticket": "tickets/{id}"}
_PLAN = {"name": "escalationPlans/{id}"}
_ROTA = {"name": "rotas/{id}"}

ROUTES = (
    Route("GET", "/tickets/{id}/escalation", "escalations", "GetEscalation", "What was told and what comes next",
          binds=_TICKET),
    Route("POST", "/tickets/{id}/acknowledge", "escalations", "AcknowledgeEscalation",
          "Take it in hand: no step is told meanwhile", binds=_TICKET),
    Route("GET", "/escalation-plans", "escalations", "ListEscalationPlans", "Plans, in the order tried"),
    Route("POST", "/escalation-plans", "escalations", "PublishEscalationPlan", "Publish a version of a plan"),
    Route("GET", "/escalation-plans/{id}", "escalations", "GetEscalationPlan", "One plan", binds=_PLAN),
    Route("POST", "/escalation-plans/{id}/retire", "escalations", "RetireEscalationPlan",
          "Let no further ticket take it", binds=_PLAN),
    Route("GET", "/escalation-preview", "escalations", "PreviewEscalation",
          "Who would be told when, for such a ticket opened now"),
    Route("POST", "/escalation-plans/preview", "escalations", "PreviewEscalationPlan",
          "Who would be told when by a plan that is not published"),
    Route("GET", "/rotas", "escalations", "ListRotas", "Rotas"),
    Route("POST", "/rotas", "escalations", "PublishRota", "Publish a version of a rota"),
    Route("POST", "/rotas/preview", "escalations", "PreviewRota",
          "Who would be on call by a rota that is not published, and its gaps"),
    Route("GET", "/rotas/{id}", "escalations", "GetRota", "One rota", binds=_ROTA),
    Route("GET", "/rotas/{id}/schedule", "escalations", "GetRotaSchedule", "Who is on call, shift by shift",
          binds=_ROTA),
    Route("POST", "/rotas/{id}/overrides", "escalations", "AddRotaOverride", "Put somebody in for a time",
          binds=_ROTA),
    Route("POST", "/rotas/{id}/overrides/remove", "escalations", "RemoveRotaOverride", "Take an override back",
          binds=_ROTA),
)  # fmt: skip
