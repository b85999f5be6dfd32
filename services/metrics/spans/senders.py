"""Who may send spans: our own processes by their service tokens, everybody else by a secret of their own."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from services.runtime.identity import Keys
from services.runtime.refusal import Kind, Refusal

SERVICE_TOKEN, AUTHORIZATION = "x-service-token", "authorization"
_BEARER = "bearer"


class Senders:
    """Proves senders. secrets: by a sender's name; without any the door is open to whoever reaches it.

    Both protocols ask it, gRPC with its metadata and HTTP with its headers; what is given must be genuine either way.
    """

    def __init__(self, keys: Keys, secrets: Mapping[str, str] | None = None) -> None:
        self._keys = keys
        # Looked up by digest: how long that takes tells nothing of a secret.
        self._names = {_digest(secret): name for name, secret in (secrets or {}).items()}

    def prove(self, headers: Mapping[str, str]) -> str:
        """Who sends: a sender's name, a service of ours, or "" where the door is open. headers: names in lower case.

        Raises:
            Refusal: SENDER_UNKNOWN, or what a service token that is not genuine deserves.
        """
        token = headers.get(SERVICE_TOKEN, "")
        if token:
            return self._keys.prove("", token).service
        kind, _, secret = headers.get(AUTHORIZATION, "").partition(" ")
        if not kind and not self._names:
            return ""
        name = self._names.get(_digest(secret.strip())) if kind.casefold() == _BEARER else None
        if name is None:
            unknown = "Senders of spans prove themselves: send `authorization: Bearer` with the secret given to you."
            raise Refusal(Kind.UNAUTHENTICATED, "SENDER_UNKNOWN", unknown)
        return name


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).digest()
