"""The interface for programs on the whole system: its promises by name, then its description held against it."""

from __future__ import annotations

import os
import time
import uuid
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.strategies import booleans
from schemathesis.checks import CHECKS

from deploy.local.system import System
from services.runtime.actor import Actor
from tests.support.office import PASSWORD, Office

PROBLEM = "application/problem+json"
# Long enough to meet each address, short enough for every run; the seed makes two runs the same.
# REST_EXAMPLES=50 tries each operation with more.
EXAMPLES, SEED = int(os.environ.get("REST_EXAMPLES", "4")), 20261123
HELD = ("not_a_server_error", "status_code_conformance", "content_type_conformance", "response_schema_conformance")


class Caller:
    """Calls in somebody's name by a token."""

    def __init__(self, url: str, actor: Actor) -> None:
        self.root = f"{url}/api/v1"
        given = {"account": actor.sub.removeprefix("people/"), "password": PASSWORD}
        answer = httpx.post(f"{self.root}/session", json=given, timeout=30)
        assert answer.status_code == 201, answer.text
        self.token = answer.json()["token"]

    def __call__(
        self, method: str, path: str, body: Any = None, *, key: str | None = None, **more: Any
    ) -> httpx.Response:
        """One call; a change gets a key of its own unless one is given, "" sends none."""
        headers = {"Authorization": f"Bearer {self.token}", **more.pop("headers", {})}
        if method in ("POST", "PUT") and key != "":
            headers["Idempotency-Key"] = key or str(uuid.uuid4())
        return httpx.request(method, self.root + path, json=body, headers=headers, timeout=30, **more)


@pytest.fixture(scope="module")
def office(system: System) -> Office:
    """The module's people."""
    made = Office(system)
    made.team("rest-team", "Rest team", "接口组")
    return made


@pytest.fixture(scope="module")
def ann(office: Office) -> Caller:
    """A requester."""
    return Caller(office.url, office.person("rest-ann", "Ann", "requester"))


@pytest.fixture(scope="module")
def bob(office: Office) -> Caller:
    """An agent who leads, writes articles and plans changes."""
    roles = ("requester", "agent", "lead", "knowledge_author", "change_manager")
    return Caller(office.url, office.person("rest-bob", "Bob", *roles, team="rest-team"))


@pytest.fixture(scope="module")
def cat(office: Office) -> Caller:
    """A second reviewer and approver, who may see numbers."""
    roles = ("agent", "lead", "knowledge_author", "approver", "finance")
    return Caller(office.url, office.person("rest-cat", "Cat", *roles))


def refused(answer: httpx.Response, status: int, reason: str) -> dict[str, Any]:
    """The problem of a refusal, whole."""
    assert (answer.status_code, answer.headers["Content-Type"]) == (status, PROBLEM), answer.text
    body: dict[str, Any] = answer.json()
    assert (body["title"], body["status"], body["instance"]) == (reason, status, answer.request.url.path)
    assert body["type"].endswith(f"#{reason}")
    assert len(body["trace_id"]) == 32
    return body


def done(answer: httpx.Response, status: int = 200) -> dict[str, Any]:
    """The body of a success."""
    assert answer.status_code == status, answer.text
    body: dict[str, Any] = answer.json()
    return body


def number(answer: httpx.Response) -> str:
    """The number of what was created, which Location names too."""
    name = str(done(answer, 201)["name"])
    assert answer.headers["Location"] == f"/api/v1/{name}"
    return name.rpartition("/")[2]


def filed(caller: Caller, title: str = "Printer") -> str:
    """A new incident."""
    return number(caller("POST", "/tickets", {"type": "INCIDENT", "title": title}))


def test_session(office: Office) -> None:
    """A wrong password is refused, a right one gives a token, signing out ends it, and without one nothing is told."""
    office.person("rest-dan", "Dan", "requester")
    root = f"{office.url}/api/v1"
    wrong = httpx.post(f"{root}/session", json={"account": "rest-dan", "password": "no"}, timeout=30)
    refused(wrong, 401, "SIGN_IN_FAILED")
    dan = Caller(office.url, Actor("people/rest-dan"))
    assert done(dan("GET", "/people/me"))["display_name"] == "Dan"
    assert dan("DELETE", "/session").status_code == 204
    # Another worker may believe the session for 15 seconds more.
    until = time.monotonic() + 20
    while (ended := dan("GET", "/people/me")).status_code == 200 and time.monotonic() < until:
        time.sleep(0.5)
    refused(ended, 401, "UNAUTHENTICATED")
    assert ended.headers["WWW-Authenticate"] == "Bearer"


def test_same_key_same_effect(ann: Caller) -> None:
    """Sent twice with one key a ticket is filed once; the key with another body is refused, and so is none."""
    key, body = str(uuid.uuid4()), {"type": "INCIDENT", "title": "Twice"}
    first, second = (ann("POST", "/tickets", body, key=key) for _ in range(2))
    assert number(first) == number(second)
    refused(ann("POST", "/tickets", {**body, "title": "Other"}, key=key), 400, "REQUEST_ID_REUSED")
    refused(ann("POST", "/tickets", body, key=""), 400, "IDEMPOTENCY_KEY_REQUIRED")
    refused(ann("POST", "/tickets", body, key="seven"), 400, "IDEMPOTENCY_KEY_INVALID")


def test_every_fault_is_named(ann: Caller) -> None:
    """Fields at fault are named all at once, by the portal's reading and by the contract's rules."""
    body = refused(ann("POST", "/tickets", {"type": "FIRE", "titel": "x"}), 400, "INVALID_FIELDS")
    assert [one["field"] for one in body["errors"]] == ["type", "titel"]
    body = refused(ann("POST", "/tickets", {"type": "INCIDENT", "title": "", "impact": 4}), 400, "INVALID_FIELDS")
    assert sorted(one["field"] for one in body["errors"]) == ["impact", "title"]
    text = httpx.post(
        f"{ann.root}/tickets", content=b"{", headers=_headers(ann) | {"Content-Type": "application/json"}, timeout=30
    )
    refused(text, 400, "BODY_INVALID")
    refused(ann("GET", "/tickets", params={"colour": "red"}), 400, "INVALID_FIELDS")


def test_etag(ann: Caller, bob: Caller) -> None:
    """A change that names a stale etag is refused, the present one goes through, and each answer carries the next."""
    one = filed(ann)
    before = ann("GET", f"/tickets/{one}").headers["ETag"]
    triage = {"impact": 2, "urgency": 2}
    after = bob("POST", f"/tickets/{one}/triage", triage, headers={"If-Match": before})
    assert done(after)["priority"] > 0
    stale = bob("POST", f"/tickets/{one}/triage", {"impact": 1, "urgency": 1}, headers={"If-Match": before})
    refused(stale, 409, "ETAG_MISMATCH")
    fresh = bob(
        "POST", f"/tickets/{one}/triage", {"impact": 1, "urgency": 1}, headers={"If-Match": after.headers["ETag"]}
    )
    assert done(fresh)["etag"] == fresh.headers["ETag"] != before


def test_cookie_needs_the_pages_token(office: Office, ann: Caller) -> None:
    """A page's cookie is enough to read; a change also needs the page's token, so that no other site can send one."""
    with httpx.Client(cookies={"tl_session": ann.token}, timeout=30) as page:
        assert page.get(f"{ann.root}/people/me").status_code == 200
        body, key = {"type": "INCIDENT", "title": "By cookie"}, {"Idempotency-Key": str(uuid.uuid4())}
        refused(page.post(f"{ann.root}/tickets", json=body, headers=key), 403, "CSRF_TOKEN_REQUIRED")
        form = page.get(f"{office.url}/submit").text
        token = form.partition('name="csrf_token" value="')[2].partition('"')[0]
        filed_ = page.post(f"{ann.root}/tickets", json=body, headers=key | {"X-CSRFToken": token})
        assert filed_.status_code == 201, filed_.text


def test_a_tickets_life(ann: Caller, bob: Caller) -> None:
    """Every verb by its address: from filing to closing and back, talk, file, links, timeline and clocks."""
    one, other = filed(ann, "Scanner dead"), filed(ann, "Scanner slow")

    def verb(caller: Caller, name: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        return done(caller("POST", f"/tickets/{one}/{name}", body or {}))

    verb(bob, "triage", {"impact": 2, "urgency": 1})
    verb(bob, "assign", {"team": "teams/rest-team", "assignee": "people/rest-bob"})
    assert verb(bob, "start")["state"] == "IN_PROGRESS"
    assert verb(bob, "ask", {"question": "Which till?"})["answers"]["owed_answers"] == 1
    assert verb(ann, "answer", {"answer": "Till 3."})["state"] == "IN_PROGRESS"
    hold = {"reason": "VENDOR", "note": "A part is on its way.", "unblocker": "Scanner Ltd"}
    assert verb(bob, "hold", hold)["hold"]["reason"] == "VENDOR"
    verb(bob, "resume")
    verb(bob, "comments", {"text": "Serial number noted.", "visibility": "INTERNAL"})
    link = {"link": {"relation": "DUPLICATES", "target": f"tickets/{other}"}}
    assert len(verb(bob, "link", link)["links"]) == 1
    assert verb(bob, "unlink", link)["links"] == []
    assert verb(bob, "resolve", {"code": "FIXED", "note": "New part."})["state"] == "RESOLVED"
    assert verb(ann, "reopen", {"reason": "Dead again."})["reopens"] == 1
    verb(bob, "resolve", {"code": "WORKAROUND", "note": "Spare scanner."})
    assert verb(ann, "close")["state"] == "CLOSED"
    assert done(ann("POST", f"/tickets/{other}/cancel", {"reason": "Fast now."}))["state"] == "CANCELLED"
    mine = done(ann("GET", f"/tickets/{one}/timeline"))["entries"]
    theirs = done(bob("GET", f"/tickets/{one}/timeline"))["entries"]
    assert {"TicketOpened", "TicketResolved", "TicketReopened", "TicketClosed"} <= {entry["kind"] for entry in theirs}
    assert "Serial number noted." not in str(mine)
    assert done(bob("GET", f"/tickets/{one}/clocks"))["ticket"] == f"tickets/{one}"
    refused(bob("POST", f"/tickets/{one}/hold", hold), 409, "TICKET_IS_CLOSED")


def test_attachment(ann: Caller, bob: Caller) -> None:
    """A file goes in as a form and comes out as it was, as a download whatever it says it is."""
    one, page = filed(ann), b"<script>alert(1)</script>"
    sent = httpx.post(
        f"{ann.root}/tickets/{one}/attachments",
        files={"file": ("照片.html", page, "text/html")},
        data={"visibility": "PUBLIC"},
        headers=_headers(ann),
        timeout=30,
    )
    attached = done(sent, 201)["attachments"][0]
    got = bob("GET", f"/tickets/{one}/attachments/{attached['id']}")
    assert (got.content, got.headers["Content-Type"]) == (page, "application/octet-stream")
    assert got.headers["Content-Disposition"].startswith("attachment;")
    assert got.headers["X-Content-Type-Options"] == "nosniff"
    refused(ann("GET", f"/tickets/{one}/attachments/none"), 404, "NOT_FOUND")


def test_others_tickets_are_not_there(office: Office, ann: Caller) -> None:
    """A requester finds neither another's ticket nor the numbers, and the answer does not tell whether it exists."""
    eve = Caller(office.url, office.person("rest-eve", "Eve", "requester"))
    one = filed(ann, "Ann's own")
    refused(eve("GET", f"/tickets/{one}"), 404, "NOT_FOUND")
    assert one not in str(done(eve("GET", "/tickets")))
    refused(eve("GET", "/board", params={"from": "2026-01-01", "to": "2026-02-01"}), 403, "ROLE_REQUIRED")


def test_pages_of_a_list(ann: Caller) -> None:
    """Pages follow each other without gap or repetition; a token of another question is refused."""
    word = f"paged{uuid.uuid4().hex[:8]}"
    wanted = {filed(ann, f"{word} {place}") for place in range(5)}
    found, token = [], ""
    while True:
        page = done(ann("GET", "/tickets", params={"text": word, "page_size": 2, "page_token": token}))
        found += [ticket["name"].rpartition("/")[2] for ticket in page["tickets"]]
        token = page["next_page_token"]
        if not token:
            break
        refused(ann("GET", "/tickets", params={"text": "else", "page_token": token}), 400, "PAGE_TOKEN_INVALID")
    assert (sorted(found), len(found)) == (sorted(wanted), len(wanted))


def test_articles_and_changes(bob: Caller, cat: Caller) -> None:
    """An article goes from draft to a search hit, a change from plan to approval; nobody approves their own."""
    word = f"lachs{uuid.uuid4().hex[:8]}"
    draft = {"title": f"Reset the {word}", "body": "Hold the button for ten seconds.", "language": "en"}
    article = number(bob("POST", "/articles", draft))
    done(bob("PUT", f"/articles/{article}", {"title": draft["title"], "body": "Hold it for five seconds."}))
    done(bob("POST", f"/articles/{article}/submit", {}))
    refused(bob("POST", f"/articles/{article}/publish", {}), 403, "OWN_ARTICLE")
    assert done(cat("POST", f"/articles/{article}/publish", {}))["state"] == "PUBLISHED"
    until = time.monotonic() + 20
    while not (hits := done(bob("GET", "/articles/search", params={"query": word}))["hits"]):
        assert time.monotonic() < until, "the article is not found within 20 s"
    assert hits[0]["article"]["name"] == f"articles/{article}"
    done(bob("POST", f"/articles/{article}/use", {"usefulness": "SOLVED"}))
    plan = {
        "type": "NORMAL", "risk": "LOW", "title": "New scanner firmware", "reason": "It hangs.",
        "plan": "Roll out.", "rollback_plan": "Put the old one back.", "services": ["services/scanner"],
        "steps": [{"check": "A scan works", "pass_mark": "within a second"}], "implementer": "people/rest-bob",
        "window": {"start_time": "2099-01-01T20:00:00Z", "end_time": "2099-01-01T22:00:00Z"},
    }  # fmt: skip
    change = number(bob("POST", "/changes", {"plan": plan}))
    assert done(bob("POST", f"/changes/{change}/submit", {}))["state"] == "AWAITING_APPROVAL"
    refused(bob("POST", f"/changes/{change}/approve", {}), 403, "OWN_CHANGE")
    assert done(cat("POST", f"/changes/{change}/approve", {}))["state"] == "APPROVED"
    refused(bob("POST", f"/changes/{change}/start", {}), 409, "OUTSIDE_WINDOW")
    listed = done(bob("GET", "/changes", params={"from": "2099-01-01", "to": "2099-01-02"}))["changes"]
    assert f"changes/{change}" in [one["name"] for one in listed]


def test_numbers(cat: Caller) -> None:
    """Board, registry, values, facts and ledger answer for one period, and the values are those of the registry."""
    month = {"from": "2026-10-01", "to": "2026-11-01", "time_zone": "Asia/Shanghai"}
    board = done(cat("GET", "/board", params=month | {"baseline_from": "2026-09-01", "baseline_to": "2026-10-01"}))
    assert [line["category"] for line in board["lines"]] == ["STOP_LOSS", "HOURS", "RISK", "COMPLIANCE"]
    assert board["period"] == {"start_time": "2026-09-30T16:00:00Z", "end_time": "2026-10-31T16:00:00Z"}
    metrics = done(cat("GET", "/metrics"))["metrics"]
    values = done(cat("GET", "/values", params=month))["values"]
    assert [one["metric"] for one in values] == [one["name"] for one in metrics]
    for path in ("/facts", "/ledgerEntries", "/services/availability", "/services/edges"):
        done(cat("GET", path, params=month))
    done(cat("GET", "/costModels"))
    refused(cat("GET", "/board", params={"from": "2026-11-01", "to": "2026-10-01"}), 400, "INVALID_FIELDS")


def test_nothing_but_problems(office: Office, ann: Caller) -> None:
    """What does not exist, or not by that method, is a problem too; the description is open to everybody."""
    refused(ann("GET", "/nothing"), 404, "NOT_FOUND")
    refused(ann("DELETE", "/tickets"), 405, "METHOD_NOT_ALLOWED")
    described = httpx.get(f"{office.url}/api/v1/openapi.json", timeout=30)
    assert done(described)["openapi"] == "3.1.0"


@pytest.fixture(scope="module")
def described(office: Office) -> Any:
    """The description as schemathesis reads it."""
    return schemathesis.openapi.from_url(f"{office.url}/api/v1/openapi.json")


@pytest.mark.timeout(300)
def test_description_holds(office: Office, described: Any, bob: Caller) -> None:
    """Requests made up from the description, by somebody who may do everything, meet only answers that it describes."""
    everything = (
        *("requester", "agent", "lead", "problem_manager", "change_manager", "approver"),
        *("knowledge_author", "finance", "executive", "operator"),
    )
    headers = _headers(Caller(office.url, office.person("rest-fay", "Fay", *everything)))
    plan = {"type": "STANDARD", "risk": "LOW", "title": "Made up"}
    real = {
        "tickets": filed(bob),
        "articles": number(bob("POST", "/articles", {"title": "Made up", "language": "en"})),
        "changes": number(bob("POST", "/changes", {"plan": plan})),
        "people": "rest-bob",
    }
    checks = [check for check in CHECKS.get_all() if check.__name__ in HELD]
    assert len(checks) == len(HELD)
    met: dict[str, set[int]] = {}
    for found in described.get_all_operations():
        operation = found.ok()
        if operation.path == "/session":  # its own test; ending the session would end this one
            continue

        @seed(SEED)
        @settings(
            max_examples=EXAMPLES,
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy(), exists=booleans())
        def hold(case: Any, exists: bool) -> None:
            known = real.get(case.path.split("/")[1])
            if exists and known and "id" in (case.path_parameters or {}):
                case.path_parameters["id"] = known
            given_key = headers | {"Idempotency-Key": str(uuid.uuid4())}
            answer = case.call(headers=given_key)
            met.setdefault(f"{case.method} {case.path}", set()).add(answer.status_code)
            assert answer.status_code < 500, (case.as_curl_command(), answer.text)
            case.validate_response(answer, checks=checks)

        hold()
    assert len(met) > 60, met
    succeeded = [address for address, statuses in met.items() if min(statuses) < 300]
    assert len(succeeded) > 25, met


def _headers(caller: Caller) -> dict[str, str]:
    return {"Authorization": f"Bearer {caller.token}", "Idempotency-Key": str(uuid.uuid4())}
