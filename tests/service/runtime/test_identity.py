"""Identity: only the right signatures open the door, and only for as long as they say."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import time_machine
from joserfc import jwt
from joserfc.jwk import OctKey, OKPKey

from services.runtime.actor import Actor
from services.runtime.identity import LIFE, PUBLIC, Keys, make
from services.runtime.refusal import Kind, Refusal

ANN = Actor("people/ann", frozenset({"agent"}), frozenset({"teams/network"}), "emea")


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    """Keys of the portal, the tool and two services."""
    make(tmp_path, ["portal", "tl", "tickets", "sla"])
    return tmp_path


def refused(act: Callable[[], Any]) -> str:
    """The reason of the UNAUTHENTICATED refusal that `act` must end in."""
    with pytest.raises(Refusal) as found:
        act()
    assert found.value.kind is Kind.UNAUTHENTICATED
    return found.value.reason


def forged(keys: Path, by: str, kind: str, **claims: Any) -> str:
    """A token signed by the key of `by` with claims of one's own."""
    key = OKPKey.import_key((keys / f"{by}.pem").read_bytes())
    header = {"alg": "Ed25519", "kid": f"{by}.{key.thumbprint()[:16]}", "typ": kind}
    return jwt.encode(header, claims, key, algorithms=["Ed25519"])


def test_person_and_service_are_proven(keys: Path) -> None:
    """The actor arrives as the portal signed it; without an assertion the calling service acts as itself."""
    portal, tickets = Keys(keys, "portal"), Keys(keys, "tickets")
    service = portal.sign_service("tickets")
    assert tickets.verify(portal.sign_person(ANN), service) == ANN
    assert tickets.verify("", service).sub == "system/portal"
    assert tickets.prove(portal.sign_person(ANN), Keys(keys, "sla").sign_service("tickets")).service == "sla"


def test_an_assertion_alone_is_refused(keys: Path) -> None:
    """Who got hold of a person's assertion, but is no service, stays outside."""
    portal, tickets = Keys(keys, "portal"), Keys(keys, "tickets")
    assert refused(lambda: tickets.verify(portal.sign_person(ANN), "")) == "SERVICE_TOKEN_REQUIRED"


def test_tokens_do_not_stand_in_for_each_other(keys: Path) -> None:
    """A person's assertion is no service token, nor the other way round, also when the cache knows both."""
    portal, tickets = Keys(keys, "portal"), Keys(keys, "tickets")
    person, service = portal.sign_person(ANN), portal.sign_service("tickets")
    tickets.verify(person, service)
    assert refused(lambda: tickets.verify(person, person)) == "TOKEN_INVALID"
    assert refused(lambda: tickets.verify(service, service)) == "TOKEN_INVALID"


def test_a_service_token_is_for_one_callee(keys: Path) -> None:
    """A callee cannot turn round and use the token it was shown at another service."""
    token = Keys(keys, "portal").sign_service("tickets")
    assert refused(lambda: Keys(keys, "sla").verify("", token)) == "TOKEN_INVALID"


def test_only_portal_and_tool_speak_for_persons(keys: Path) -> None:
    """Another service's signature over a person's name is worth nothing, neither made nor believed."""
    with pytest.raises(ValueError, match="cannot sign"):
        Keys(keys, "sla").sign_person(ANN)
    now = 1_800_000_000
    claims = {"iss": "sla", "sub": "people/ann", "roles": ["administrator"], "teams": [], "unit": ""}
    with time_machine.travel(now, tick=False):
        tickets = Keys(keys, "tickets")
        service = Keys(keys, "sla").sign_service("tickets")
        for issuer in ("sla", "portal"):
            token = forged(
                keys,
                "sla",
                "person+jwt",
                **{**claims, "iss": issuer, "aud": "throughline", "iat": now, "exp": now + 60},
            )
            assert refused(partial(tickets.verify, token, service)) == "TOKEN_INVALID"
        right = forged(
            keys,
            "portal",
            "person+jwt",
            **{**claims, "iss": "portal", "aud": "throughline", "iat": now, "exp": now + 60},
        )
        assert tickets.verify(right, service).sub == "people/ann"


@pytest.mark.parametrize(
    "change",
    [{"aud": "elsewhere"}, {"exp": 1_800_003_600}, {"iat": 1_800_000_100, "exp": 1_800_000_160}, {"exp": "soon"}],
    ids=["audience", "too long a life", "from the future", "no number"],
)
def test_claims_are_checked(keys: Path, change: dict[str, Any]) -> None:
    """A right signature over wrong claims opens nothing."""
    now = 1_800_000_000
    claims = {"iss": "portal", "aud": "throughline", "iat": now, "exp": now + 60, **change}
    person = {"sub": "people/ann", "roles": [], "teams": [], "unit": ""}
    with time_machine.travel(now, tick=False):
        tickets, service = Keys(keys, "tickets"), Keys(keys, "portal").sign_service("tickets")
        token = forged(keys, "portal", "person+jwt", **claims, **person)
        assert refused(lambda: tickets.verify(token, service)) == "TOKEN_INVALID"


def test_algorithms_are_an_allow_list(keys: Path) -> None:
    """A token without a signature, or signed with the public key as a password, is refused."""
    tickets, portal = Keys(keys, "tickets"), Keys(keys, "portal")
    head, body, _ = portal.sign_person(ANN).split(".")
    service = portal.sign_service("tickets")
    none = jwt.encode({"alg": "HS256"}, {}, OctKey.generate_key(), algorithms=["HS256"]).split(".")[0]
    assert refused(lambda: tickets.verify(f"{none}.{body}.", service)) == "TOKEN_INVALID"
    public = json.loads((keys / PUBLIC).read_text())["keys"][0]
    shared = OctKey.import_key(public["x"])
    header = {"alg": "HS256", "kid": public["kid"], "typ": "person+jwt"}
    confused = jwt.encode(header, {"iss": "portal"}, shared, algorithms=["HS256"])
    assert refused(lambda: tickets.verify(confused, service)) == "TOKEN_INVALID"
    assert refused(lambda: tickets.verify(f"{head}.{body}.AAAA", service)) == "TOKEN_INVALID"


def test_expiry_holds_in_the_cache_too(keys: Path) -> None:
    """A token that was good a minute ago is not, though it was seen; 30 s of clock difference are forgiven."""
    with time_machine.travel(1_800_000_000, tick=False) as clock:
        portal, tickets = Keys(keys, "portal"), Keys(keys, "tickets")
        person = portal.sign_person(ANN)
        assert tickets.verify(person, portal.sign_service("tickets")) == ANN
        clock.shift(LIFE + timedelta(seconds=29))
        assert tickets.verify(person, portal.sign_service("tickets")) == ANN
        clock.shift(timedelta(seconds=2))
        assert refused(lambda: tickets.verify(person, portal.sign_service("tickets"))) == "TOKEN_EXPIRED"


def test_the_cache_is_bounded(keys: Path) -> None:
    """Many callers cannot fill the memory."""
    portal, tickets = Keys(keys, "portal"), Keys(keys, "tickets")
    service = portal.sign_service("tickets")
    for number in range(5_000):
        tickets._cache[f"person+jwt{number}"] = (9e9, ANN)
    tickets.verify(portal.sign_person(ANN), service)
    assert len(tickets._cache) <= 4_097


def test_keys_are_read_again(keys: Path) -> None:
    """A withdrawn key stops opening the door without a restart, and its replacement opens it."""
    portal, tickets = Keys(keys, "portal"), Keys(keys, "tickets")
    person, service = portal.sign_person(ANN), portal.sign_service("tickets")
    tickets.verify(person, service)
    (keys / "portal.pem").unlink()
    listed = json.loads((keys / PUBLIC).read_text())["keys"]
    kept = [key for key in listed if not key["kid"].startswith("portal.")]
    (keys / PUBLIC).write_text(json.dumps({"keys": kept}))
    make(keys, ["portal"])
    time.sleep(1.1)
    assert refused(lambda: tickets.verify(person, service)) == "TOKEN_INVALID"
    assert tickets.verify(portal.sign_person(ANN), portal.sign_service("tickets")) == ANN


def test_a_service_signs_for_itself_only(keys: Path) -> None:
    """A journal's checkpoint is genuine only with the service's own key."""
    tickets, sla = Keys(keys, "tickets"), Keys(keys, "sla")
    kid, signature = tickets.sign_bytes(b"checkpoint")
    assert tickets.genuine(kid, signature, b"checkpoint")
    assert not tickets.genuine(kid, signature, b"another")
    assert not sla.genuine(kid, signature, b"checkpoint")
    assert not tickets.genuine(*sla.sign_bytes(b"checkpoint"), b"checkpoint")


def test_make_keeps_what_is_there(tmp_path: Path) -> None:
    """Making keys again adds what is new and changes nothing; private files are the owner's alone."""
    folder = tmp_path / "keys"
    command = [sys.executable, "-m", "services.runtime.identity", "make", str(folder)]
    subprocess.run([*command, "portal"], check=True, capture_output=True)
    before = (folder / "portal.pem").read_bytes()
    subprocess.run([*command, "portal", "tl"], check=True, capture_output=True)
    assert (folder / "portal.pem").read_bytes() == before
    assert (folder / "portal.pem").stat().st_mode & 0o777 == 0o600
    assert len(json.loads((folder / PUBLIC).read_text())["keys"]) == 2
    assert Keys(folder, "tl").verify("", Keys(folder, "portal").sign_service("tl")).sub == "system/portal"
