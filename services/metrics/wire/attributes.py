"""What attributes of spans tell, read once by their bytes and looked up after that.

Most attributes of a batch repeat each other byte for byte; a key whose values hardly repeat is not remembered, so that
it cannot push out the others.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Any, Literal

from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Status

from services.metrics.rules import span as spans

GRPC, HTTP, NOBODYS, CALLEE, ADDRESS, STORE = 1, 2, 3, 4, 5, 6
"""What is said: a status of gRPC, of HTTP; that it is nobody's request; who is called, at which host; a database."""
LONGEST_NAME = 100
_MOST_KNOWN, _MOST_OF_A_KEY = 20_000, 500

_GRPC_CODES = ("rpc.grpc.status_code", "rpc.response.status_code")
_HTTP_CODES = ("http.response.status_code", "http.status_code")
_PATHS = ("url.path", "http.route", "http.target")
_STORES = ("db.system", "db.system.name", "messaging.system")
_USERS = ("enduser.id", "user.id")
_SITES = ("site", "site.id")
_READ = frozenset(
    name.encode()
    for name in (
        *_GRPC_CODES,
        *_HTTP_CODES,
        *_PATHS,
        *_STORES,
        "rpc.service",
        "peer.service",
        "server.address",
        "net.peer.name",
        "user_agent.synthetic.type",
    )
)
_PATH_KEYS = frozenset(name.encode() for name in _PATHS)
_LONGEST_OWN = max(map(len, spans.OWN_PATHS))
_OF_CALLS = frozenset(name.encode() for name in (*_STORES, "peer.service", "server.address", "net.peer.name"))
# As an attribute begins: with the tag of its key, its length, and the key.
_OF_PEOPLE = tuple(b"\n%c%s" % (len(name), name.encode()) for name in (*_USERS, *_SITES, "http.route"))
_CODE_KEYS = frozenset(name.encode() for name in (*_GRPC_CODES, *_HTTP_CODES))
OK = b"\x18\x01"
"""A status, as its bytes, that says that all went well; most say nothing."""
_PLAIN_ERROR, _MESSAGE = b"\x18\x02", 0x12
Said = tuple[int, Any] | Literal[False]
"""(what, value), False when its key is none that counts."""
_NOTHING = (0, None)

known: dict[bytes, Said] = {}
fine: set[bytes] = set()
"""Of what is known, that which leaves a request good: nothing that counts, or no fault of its server."""
_of_key: dict[bytes, int] = {}


def learnt(attribute: bytes) -> Said:
    """What an attribute says that is not in `known`; kept there for the next span that says the same."""
    # A key comes first and is short: tag, length, then its letters.
    key = attribute[2 : 2 + attribute[1]] if attribute[:1] == b"\n" and len(attribute) > 2 else b""
    said: Said
    if key and key not in _READ:
        said = False
    elif key in _PATH_KEYS and _is_long(attribute, len(key)):
        said = _NOTHING
    else:
        said = _read(KeyValue.FromString(attribute))
    seen = _of_key.get(key, 0)
    if seen < _MOST_OF_A_KEY:
        if len(known) >= _MOST_KNOWN:
            known.clear()
            fine.clear()
            _of_key.clear()
        _of_key[key] = seen + 1
        known[attribute] = said
        if not said or _is_fine(*said):
            fine.add(attribute)
    return said


def said(found: Iterable[bytes]) -> list[tuple[int, Any]]:
    """What attributes tell, without those whose keys do not count."""
    get = known.get
    told: list[Any] = []
    for attribute in found:
        one = get(attribute)
        if one is None:
            one = learnt(attribute)
        if one:
            told.append(one)
    return told


def unwanted(name: bytes, *, is_call: bool) -> frozenset[bytes]:
    """The keys that tell nothing more of spans of a name that went well."""
    if is_call:
        return _PATH_KEYS | _CODE_KEYS
    # A name with a path in it tells already whose request it is.
    return _OF_CALLS | _PATH_KEYS if b" /" in name else _OF_CALLS


def may_tell(attribute: bytes, unwanted: frozenset[bytes]) -> bool:
    """Whether an attribute is of a key that counts."""
    key = attribute[2 : 2 + attribute[1]] if attribute[:1] == b"\n" else b""
    return not key or (key in _READ and key not in unwanted)


def _is_fine(what: int, value: Any) -> bool:
    if what == GRPC:
        return spans.of_grpc(value) is spans.Outcome.GOOD
    if what == HTTP:
        return spans.of_http(value) is spans.Outcome.GOOD
    return what != NOBODYS


def is_error(status: bytes) -> bool:
    """Whether a status, as its bytes, says that the span failed; most say nothing."""
    if status[-2:] == _PLAIN_ERROR and (len(status) == 2 or (status[0] == _MESSAGE and status[1] == len(status) - 4)):
        # A short message before the code, or none: as nearly all are that failed.
        return True
    return b"\x18" in status and Status.FromString(status).code == Status.STATUS_CODE_ERROR


def _is_long(attribute: bytes, key: int) -> bool:
    """Whether a path, written with its key of so many letters, is longer than any that belongs to machines."""
    return len(attribute) > key + 6 + _LONGEST_OWN and b"?" not in attribute


@lru_cache(maxsize=4096)
def is_own(name: bytes) -> bool:
    """Whether a span's name says that it is no request of anybody: an RPC, or a method and a path."""
    text = name.decode(errors="replace")
    return spans.is_own(text) or spans.is_own_path(text.partition(" ")[2])


def service_of(attributes: Any) -> tuple[str, str]:
    """The name of a resource's service, "" when it has none, and its site."""
    service = site = ""
    for attribute in attributes:
        one = KeyValue.FromString(attribute)
        if one.key == "service.name":
            service = one.value.string_value[:LONGEST_NAME]
        elif one.key in _SITES:
            site = one.value.string_value[:LONGEST_NAME]
    return service, site


def hit_by(attributes: Any) -> tuple[str, str, str]:
    """Whom a request was for, where, and by which route, as its span says; "" for what it does not."""
    user = site = route = ""
    for attribute in attributes:
        if not attribute.startswith(_OF_PEOPLE) and attribute[:1] == b"\n":
            continue
        key, text = _person(attribute)
        if key in _USERS:
            user = text
        elif key in _SITES:
            site = text[:LONGEST_NAME]
        elif key == "http.route":
            route = text[:LONGEST_NAME]
    return user, site, route


@lru_cache(maxsize=16_384)
def _person(attribute: bytes) -> tuple[str, str]:
    one = KeyValue.FromString(attribute)
    text = one.value.string_value
    if not text and one.key in _USERS and one.value.HasField("int_value"):
        text = str(one.value.int_value)
    return one.key, text


def _read(attribute: KeyValue) -> tuple[int, Any]:
    key, value = attribute.key, attribute.value
    text = value.string_value
    if key == "rpc.grpc.status_code":
        return GRPC, value.int_value
    if key == "rpc.response.status_code" and text in spans.GRPC_NUMBERS:
        return GRPC, spans.GRPC_NUMBERS[text]
    if key in _HTTP_CODES and value.int_value:
        return HTTP, value.int_value
    if key == "peer.service" and text:
        return CALLEE, text[:LONGEST_NAME]
    if key in ("server.address", "net.peer.name") and (host := spans.host_service(text)):
        return ADDRESS, host[:LONGEST_NAME]
    if key in _STORES and text:
        return STORE, text[:LONGEST_NAME]
    own_path = key in _PATHS and spans.is_own_path(text)
    own_service = key == "rpc.service" and spans.is_own(text)
    return (NOBODYS, None) if own_path or own_service or key == "user_agent.synthetic.type" else _NOTHING
