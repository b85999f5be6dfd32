"""Changes: plan, approve, execute inside the window, verify."""

from __future__ import annotations

from services.portal.web.rest.routes import Route

_ONE = {"name": "changes/{id}"}
_VERBS = (
    ("submit", "SubmitChange", "Ask for approval"),
    ("approve", "ApproveChange", "Approve it; never its author or implementer"),
    ("reject", "RejectChange", "Reject it with a note"),
    ("start", "StartChange", "Start inside the window"),
    ("verify", "VerifyChange", "Record the result of one check"),
    ("finish", "FinishChange", "End it: succeeded when every check passed"),
    ("roll-back", "RollBackChange", "Take it back"),
    ("cancel", "CancelChange", "Cancel it before it starts"),
)

ROUTES = (
    Route("POST", "/changes", "changes", "CreateChange", "Plan a change", 201),
    Route("GET", "/changes", "changes", "ListChanges", "Changes by state, service, author, ticket or window"),
    Route("GET", "/changes/{id}", "changes", "GetChange", "One change", binds=_ONE),
    Route("PUT", "/changes/{id}", "changes", "UpdateChange", "Replace the plan of a draft", binds=_ONE),
    *(Route("POST", f"/changes/{{id}}/{verb}", "changes", rpc, text, binds=_ONE) for verb, rpc, text in _VERBS),
)
