"""What follows from the numbers: losses of tickets, the backlog of improvements, the way in stages, risks."""

from __future__ import annotations

from services.portal.web.rest.routes import Route

_ONE, _RISK = {"name": "improvements/{id}"}, {"name": "risks/{id}"}
_PROBLEM = {"name": "problems/{id}"}
_SERVICE = "governance"

ROUTES = (
    Route("GET", "/losses", _SERVICE, "SumLosses", "What a set of tickets has cost so far; each cause is in once"),
    Route("GET", "/problems/{id}/loss", _SERVICE, "GetProblemLoss", "The sum over its incidents", binds=_PROBLEM),
    Route("GET", "/problems/{id}/incidents", _SERVICE, "ListProblemIncidents", "They and what each has cost",
          binds=_PROBLEM),
    Route("GET", "/repeatLoss", _SERVICE, "GetRepeatLoss", "What was paid again though its problem was known"),
    Route("GET", "/improvements", _SERVICE, "ListImprovements", "The backlog, the largest expected money first"),
    Route("POST", "/improvements", _SERVICE, "CreateImprovement", "Propose one; the ledger says what it is worth", 201),
    Route("GET", "/improvements/{id}", _SERVICE, "GetImprovement", "One improvement", binds=_ONE),
    Route("POST", "/improvements/{id}", _SERVICE, "UpdateImprovement", "Write it anew; reads the ledger", binds=_ONE),
    Route("POST", "/improvements/{id}/start", _SERVICE, "StartImprovement", "Work on it begins", binds=_ONE),
    Route("POST", "/improvements/{id}/finish", _SERVICE, "FinishImprovement", "It is done", binds=_ONE),
    Route("GET", "/improvements/{id}/comparison", _SERVICE, "CompareImprovement",
          "Before it was started and after it was finished", binds=_ONE),
    Route("GET", "/roadmap", _SERVICE, "GetRoadmap", "Four stages with their criteria, gains and the data they have"),
    Route("GET", "/reuse", _SERVICE, "GetReuse", "Reuse by month, and the shares that are to grow with it"),
    Route("POST", "/roadmap/stage", _SERVICE, "EnterStage", "Say which stage the installation is in"),
    Route("GET", "/risks", _SERVICE, "ListRisks", "The register, the largest expected loss first"),
    Route("POST", "/risks", _SERVICE, "CreateRisk", "Register a risk", 201),
    Route("GET", "/risks/{id}", _SERVICE, "GetRisk", "One risk", binds=_RISK),
    Route("POST", "/risks/{id}", _SERVICE, "UpdateRisk", "Weigh it anew; it is open again", binds=_RISK),
    Route("POST", "/risks/{id}/accept", _SERVICE, "AcceptRisk", "Bear it, with a reason", binds=_RISK),
    Route("POST", "/risks/{id}/close", _SERVICE, "CloseRisk", "It is none any more, with a reason", binds=_RISK),
    Route("GET", "/riskExposure", _SERVICE, "GetRiskExposure", "What all open risks may cost in a year, P50 and P90"),
)  # fmt: skip
