"""Services: outages as spans tell them, and business services with what is promised of them."""

from __future__ import annotations

from services.portal.web.rest.routes import Route

_OUTAGE, _ONE = {"name": "outages/{id}"}, {"name": "businessServices/{id}"}

ROUTES = (
    Route("GET", "/outages", "availability", "ListOutages", "Outages that touch a period"),
    Route("GET", "/outages/{id}", "availability", "GetOutage", "One outage: blame, scope, tickets", binds=_OUTAGE),
    Route("GET", "/services/minutes", "availability", "ListServiceMinutes", "Requests of one service by minute"),
    Route("GET", "/businessServices", "availability", "ListBusinessServices", "Business services"),
    Route("POST", "/businessServices", "availability", "PublishBusinessService", "Publish one, or change it", 201),
    Route("GET", "/businessServices/{id}", "availability", "GetBusinessService", "One business service", binds=_ONE),
    Route("POST", "/businessServices/{id}/retire", "availability", "RetireBusinessService", "Retire one", binds=_ONE),
    Route("GET", "/businessServices/{id}/objective", "availability", "GetObjectiveReport",
          "Its objective against what happened, its budget in minutes and money, its burn", binds=_ONE),
    Route("GET", "/businessServices/{id}/versions", "availability", "ListBusinessServiceVersions",
          "Its versions with who made them", binds=_ONE),
    Route("GET", "/burnAlerts", "availability", "ListBurnAlerts", "Budgets that burn too fast, or once did"),
)  # fmt: skip
