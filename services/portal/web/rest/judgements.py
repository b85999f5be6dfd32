"""What would have been: the past judged by drafts, and the proof that clocks add up."""

from __future__ import annotations

from services.portal.web.rest.routes import Route

_ONE = {"name": "judgements/{id}"}

ROUTES = (
    Route("POST", "/judgements", "judgements", "CreateJudgement", "Judge a past period by drafts", 201),
    Route("GET", "/judgements", "judgements", "ListJudgements", "What was tried, newest first"),
    Route("GET", "/judgements/{id}", "judgements", "GetJudgement", "How far it is, and what it found", binds=_ONE),
    Route("POST", "/judgements/{id}/cancel", "judgements", "CancelJudgement", "Stop it", binds=_ONE),
    Route("GET", "/judgements/{id}/flips", "judgements", "ListVerdictFlips", "Verdicts that would have been others",
          binds={"judgement": "judgements/{id}"}),
    Route("GET", "/clock-check", "judgements", "CheckClocks", "Whether every clock's segments add up, page by page"),
)  # fmt: skip
