"""Promises made: policies from draft to publication, and what they would promise to a ticket."""

from __future__ import annotations

from services.portal.web.rest.routes import Route

_ONE = {"name": "policies/{id}"}
_VERBS = (
    ("submit", "SubmitPolicy", "Ask for the review of its draft"),
    ("return", "ReturnPolicy", "Give its draft back with a note"),
    ("retire", "RetirePolicy", "Let no new clock start from it"),
)

ROUTES = (
    Route("GET", "/policies", "sla", "ListPolicies", "What is promised, in the order tried; or the drafts"),
    Route("POST", "/policies", "sla", "PublishPolicy", "Publish a policy, or by name its submitted draft"),
    Route("POST", "/policies/drafts", "sla", "DraftPolicy", "Write a version for somebody else to review"),
    Route("GET", "/policies/{id}", "sla", "GetPolicy", "One policy, one version of it, or its draft", binds=_ONE),
    Route("GET", "/policies/{id}/versions", "sla", "ListPolicyVersions", "Its versions, the latest first", binds=_ONE),
    *(Route("POST", f"/policies/{{id}}/{verb}", "sla", rpc, text, binds=_ONE) for verb, rpc, text in _VERBS),
    Route("GET", "/promise", "sla", "PreviewPromise", "What would be promised now for such a ticket"),
    Route("GET", "/promise/explained", "sla", "ExplainPolicy", "Which policy would win for a ticket, and why"),
)
