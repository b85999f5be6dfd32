"""Who calls, proven: a person by the portal's short assertion, a service by its own token, both signed by Ed25519 keys.

A service that only brings its own token acts as `system/<service>`. Clocks may differ by 30 s (LEEWAY).
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from pkgutil import iter_modules
from typing import Any, NoReturn

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey

from services.runtime.actor import Actor, system
from services.runtime.refusal import Kind, Refusal

AUDIENCE = "throughline"
LIFE = timedelta(seconds=60)
LEEWAY = timedelta(seconds=30)
PUBLIC = "public.jwks.json"
# The only ones who may say which person acts: where people sign in, and the operator's tool.
ISSUERS_OF_PERSONS = frozenset({"portal", "tl"})

# RFC 9864 names the curve; "EdDSA" alone would leave the choice to the token.
_ALGORITHMS = ["Ed25519"]
_PERSON, _SERVICE = "person+jwt", "service+jwt"
_CACHED = 4096


@dataclass(frozen=True, slots=True)
class Proven:
    """The outcome of a verification: who acts, and which service made the call."""

    actor: Actor
    service: str


class Keys:
    """A service's private key and everybody's public keys, from one folder of files, re-read when they change.

    directory: holds `<service>.pem` (PKCS8, Ed25519) and `public.jwks.json`, where each key's `kid` is
    "<service>.<thumbprint>"; a service may have several public keys there, so that a new one overlaps the old.
    """

    def __init__(self, directory: Path | str, service: str) -> None:
        self.service = service
        self._directory = Path(directory)
        self._lock = threading.Lock()
        self._looked_at = -1.0
        self._stamp: tuple[int, int] = (0, 0)
        self._cache: dict[str, tuple[float, Any]] = {}
        self._own_tokens: dict[str, tuple[float, str]] = {}
        self._read()

    def sign_person(self, actor: Actor, ttl: timedelta = LIFE) -> str:
        """The assertion that `actor` acts, for `ttl` (60 s at most); only the portal and `tl` are believed.

        Raises:
            ValueError: for another issuer, a system actor or a longer life.
        """
        if self.service not in ISSUERS_OF_PERSONS or actor.is_system or not timedelta() < ttl <= LIFE:
            raise ValueError(f"{self.service} cannot sign that {actor.sub} acts for {ttl}")
        self._refresh()
        claims = {"sub": actor.sub, "roles": sorted(actor.roles), "teams": sorted(actor.teams), "unit": actor.unit}
        return self._sign(_PERSON, AUDIENCE, ttl, claims)

    def sign_service(self, audience: str) -> str:
        """The proof that this service calls the service `audience`; good for at least half of its 60 s."""
        now = time.time()
        self._refresh()
        kept = self._own_tokens.get(audience)
        if kept is not None and kept[0] > now:
            return kept[1]
        token = self._sign(_SERVICE, audience, LIFE, {})
        self._own_tokens[audience] = (now + LIFE.total_seconds() / 2, token)
        return token

    def prove(self, person_token: str, service_token: str) -> Proven:
        """Who acts and which service calls. Without a person assertion the service acts by itself.

        Raises:
            Refusal: UNAUTHENTICATED, when a token is absent, forged, expired or meant for another.
        """
        self._refresh()
        now = time.time()
        if not service_token:
            _refuse("SERVICE_TOKEN_REQUIRED", "The call carries no x-service-token.")
        service: str = self._cached(service_token, _SERVICE, now)
        if not person_token:
            return Proven(system(service), service)
        return Proven(self._cached(person_token, _PERSON, now), service)

    def sign_bytes(self, data: bytes) -> tuple[str, bytes]:
        """This service's signature over `data`, as (key id, Ed25519 signature)."""
        self._refresh()
        return self._kid, self._signing.sign(data)

    def genuine(self, kid: str, signature: bytes, data: bytes) -> bool:
        """Whether this service signed `data` with the key `kid`; old keys stay in the public set for that."""
        found = self._public.get(kid)
        key = found.public_key if found is not None and kid.startswith(f"{self.service}.") else None
        if not isinstance(key, Ed25519PublicKey):
            return False
        try:
            key.verify(signature, data)
        except InvalidSignature:
            return False
        return True

    def verify(self, person_token: str, service_token: str) -> Actor:
        """Who acts; see `prove`."""
        return self.prove(person_token, service_token).actor

    def _cached(self, token: str, kind: str, now: float) -> Any:
        # The kind is part of the key: a person's assertion must never answer for a service's token.
        key = kind + token
        kept = self._cache.get(key)
        if kept is not None and kept[0] > now:
            return kept[1]
        claims = self._check(token, kind, now)
        who: Any = claims["iss"] if kind == _SERVICE else _person(claims)
        with self._lock:
            while len(self._cache) >= _CACHED:
                del self._cache[next(iter(self._cache))]
            self._cache[key] = (claims["exp"] + LEEWAY.total_seconds(), who)
        return who

    def _check(self, token: str, kind: str, now: float) -> dict[str, Any]:
        try:
            decoded = jwt.decode(token, self._key_of, algorithms=_ALGORITHMS)
        except (JoseError, ValueError, KeyError, TypeError):
            _refuse("TOKEN_INVALID", "The token is not signed by a key that this service knows; sign in again.")
        claims, kid = decoded.claims, str(decoded.header.get("kid", ""))
        leeway = LEEWAY.total_seconds()
        issuer, issued, expires = claims.get("iss"), claims.get("iat"), claims.get("exp")
        if not (isinstance(issued, int) and isinstance(expires, int)):
            _refuse("TOKEN_INVALID", "The token does not say how long it is good; sign in again.")
        right = (
            decoded.header.get("typ") == kind
            and isinstance(issuer, str)
            and kid.startswith(issuer + ".")
            and claims.get("aud") == (AUDIENCE if kind == _PERSON else self.service)
            and issued <= now + leeway
            and expires - issued <= LIFE.total_seconds()
        )
        if not right or (kind == _PERSON and issuer not in ISSUERS_OF_PERSONS):
            _refuse("TOKEN_INVALID", "The token was not made for this call; sign in again.")
        if expires + leeway <= now:
            _refuse("TOKEN_EXPIRED", "The token has expired; sign in again, or correct this machine's clock.")
        return claims

    def _key_of(self, asked: Any) -> OKPKey:
        return self._public[asked.headers()["kid"]]

    def _sign(self, kind: str, audience: str, ttl: timedelta, claims: Mapping[str, Any]) -> str:
        now = int(time.time())
        exact = {"iss": self.service, "aud": audience, "iat": now, "exp": now + int(ttl.total_seconds()), **claims}
        header = {"alg": _ALGORITHMS[0], "kid": self._kid, "typ": kind}
        return jwt.encode(header, exact, self._private, algorithms=_ALGORITHMS)

    def _refresh(self) -> None:
        """Looks at the files at most once a second, and reads them again when one has changed."""
        now = time.monotonic()
        if now - self._looked_at < 1.0:
            return
        self._looked_at = now
        # A secret that is being swapped may be absent for a moment: the keys in memory stay good until it is back.
        try:
            changed = self._stamps() != self._stamp
            if changed:
                self._read()
        except (OSError, ValueError, KeyError, JoseError):
            return

    def _stamps(self) -> tuple[int, int]:
        own, public = self._directory / f"{self.service}.pem", self._directory / PUBLIC
        return own.stat().st_mtime_ns, public.stat().st_mtime_ns

    def _read(self) -> None:
        stamp = self._stamps()
        private = OKPKey.import_key((self._directory / f"{self.service}.pem").read_bytes())
        signing = private.private_key
        if not isinstance(signing, Ed25519PrivateKey):
            raise ValueError(f"{self.service}.pem holds no private Ed25519 key")  # noqa: TRY004 - a wrong file, not type
        listed = json.loads((self._directory / PUBLIC).read_text("utf-8"))["keys"]
        public = {key["kid"]: OKPKey.import_key(key) for key in listed}
        with self._lock:
            self._private, self._signing, self._public, self._stamp = private, signing, public, stamp
            self._kid = _kid(self.service, private)
            # A key that was withdrawn must stop opening the door at once.
            self._cache.clear()
            self._own_tokens.clear()


def make(directory: Path, services: list[str]) -> list[str]:
    """Makes the keys that are missing, keeps those that are there, lists all in public. Returns whose are new."""
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = directory / PUBLIC
    listed: dict[str, dict[str, Any]] = {}
    if path.exists():
        listed = {key["kid"]: key for key in json.loads(path.read_text("utf-8"))["keys"]}
    made = []
    for service in services:
        file = directory / f"{service}.pem"
        if not file.exists():
            _write(file, OKPKey.generate_key("Ed25519").as_pem(private=True), 0o600)
            made.append(service)
        key = OKPKey.import_key(file.read_bytes())
        kid = _kid(service, key)
        listed[kid] = {**key.as_dict(private=False), "kid": kid, "alg": _ALGORITHMS[0], "use": "sig"}
    _write(path, json.dumps({"keys": list(listed.values())}, indent=2).encode() + b"\n", 0o644)
    return made


def _write(path: Path, data: bytes, mode: int) -> None:
    """Whole or not at all: a service may read at any moment."""
    part = path.with_name(f".{path.name}.{os.getpid()}")
    part.unlink(missing_ok=True)
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        file.write(data)
    part.replace(path)


def _kid(service: str, key: OKPKey) -> str:
    return f"{service}.{key.thumbprint()[:16]}"


def _person(claims: Mapping[str, Any]) -> Actor:
    sub, roles, teams, unit = (claims.get(name) for name in ("sub", "roles", "teams", "unit"))
    if not (isinstance(sub, str) and sub.startswith("people/") and isinstance(unit, str)):
        _refuse("TOKEN_INVALID", "The assertion names no person; sign in again.")
    if not (isinstance(roles, list) and isinstance(teams, list)):
        _refuse("TOKEN_INVALID", "The assertion lists no roles; sign in again.")
    return Actor(sub, frozenset(map(str, roles)), frozenset(map(str, teams)), unit)


def _refuse(reason: str, message: str) -> NoReturn:
    raise Refusal(Kind.UNAUTHENTICATED, reason, message)


def _services() -> list[str]:
    import services  # noqa: PLC0415 - only the command line asks which services there are

    return [one.name for one in iter_modules(services.__path__) if one.ispkg and one.name != "runtime"] + ["tl"]


def main(arguments: list[str]) -> int:
    """`make DIR [SERVICE ...]`: keys for the services named, or for all services of this tree and `tl`."""
    if len(arguments) < 2 or arguments[0] != "make":
        sys.stderr.write("usage: python -m services.runtime.identity make DIR [SERVICE ...]\n")
        return 2
    made = make(Path(arguments[1]), arguments[2:] or _services())
    sys.stdout.write(f"{arguments[1]}: {len(made)} keys made{': ' if made else ''}{' '.join(made)}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
