"""The ticket systems that ours is held against over REST: how a ticket is filed in each, and how each is installed.

A peer takes part when PEER_<NAME> gives its address with an account in it; what is absent is named with its line.
"""

from __future__ import annotations

import base64
import http.client
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

Body = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Peer:
    """One of them. install: the line; header: how the account of its address signs in."""

    name: str
    variable: str
    install: str
    path: str
    header: Callable[[str, str], Mapping[str, str]]
    body: Callable[[str, str], Body]

    @property
    def address(self) -> str:
        """Where it runs, "" when nobody said."""
        return os.environ.get(self.variable, "")

    @property
    def absence(self) -> str:
        """What the table says instead of a figure."""
        return f"{self.name} is not here: {self.install}; then {self.variable}=http://USER:SECRET@127.0.0.1:PORT"

    def client(self, title: str, text: str) -> Poster:
        """Files one ticket at each call, over a connection of its own."""
        at = urlsplit(self.address)
        headers = self.header(unquote(at.username or ""), unquote(at.password or ""))
        return Poster(f"{at.hostname}:{at.port}", self.path, self.body(title, text), lambda: headers)


class Poster:
    """POSTs one body as JSON at each call, over one kept connection. headers: of each call, beside the usual ones."""

    def __init__(self, address: str, path: str, body: Body, headers: Callable[[], Mapping[str, str]]) -> None:
        self._connection = http.client.HTTPConnection(address, timeout=60)
        self._path = path
        self._body = json.dumps(body)
        self._headers = headers

    def __call__(self) -> None:
        """One POST.

        Raises:
            AssertionError: the answer is no success.
        """
        sent = {"Content-Type": "application/json", "Accept": "application/json", **self._headers()}
        try:
            answer = self._answer(sent)
        except (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError):
            # The server closed the kept connection between two calls.
            self._connection.close()
            answer = self._answer(sent)
        text = answer.read()
        assert answer.status < 300, (self._path, answer.status, text[:300])

    def close(self) -> None:
        """Ends the connection."""
        self._connection.close()

    def _answer(self, sent: Mapping[str, str]) -> http.client.HTTPResponse:
        self._connection.request("POST", self._path, self._body, dict(sent))
        return self._connection.getresponse()


def _basic(user: str, secret: str) -> Mapping[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{secret}".encode()).decode()}


def _roundup(user: str, secret: str) -> Mapping[str, str]:
    return {**_basic(user, secret), "X-Requested-With": "rest", "Referer": os.environ.get("PEER_ROUNDUP_REFERER", "")}


PEERS = (
    Peer(
        "RT 5",
        "PEER_RT",
        "apt-get install request-tracker5 rt5-standalone rt5-db-postgresql starman",
        "/REST/2.0/ticket",
        _basic,
        lambda title, text: {"Queue": "General", "Subject": title, "Requestor": "load@example.com", "Content": text},
    ),
    Peer(
        "Redmine",
        "PEER_REDMINE",
        "apt-get install redmine redmine-pgsql puma",
        "/issues.json",
        _basic,
        lambda title, text: {"issue": {"project_id": "desk", "subject": title, "description": text}},
    ),
    Peer(
        "Roundup",
        "PEER_ROUNDUP",
        "pip install roundup gunicorn",
        "/rest/data/issue",
        _roundup,
        lambda title, _text: {"title": title, "priority": "bug"},
    ),
    Peer(
        "django-helpdesk",
        "PEER_HELPDESK",
        "pip install 'django-helpdesk[rest]' gunicorn",
        "/api/tickets/",
        lambda _user, secret: {"Authorization": f"Token {secret}"},
        lambda title, text: {
            "queue": 1,
            "title": title,
            "description": text,
            "submitter_email": "load@example.com",
            "priority": 3,
        },
    ),
)
