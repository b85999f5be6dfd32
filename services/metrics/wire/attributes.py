"""What attributes of spans tell, read once by their bytes and looked up after that.

Most attributes of a batch repeat each other byte for byte; a key whose values hardly repeat is not remembered, so that
it cannot push out the others.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

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
_MOST_LAYOUTS, _MOST_SERVICES = 4_096, 500
_PATH_KEYS = frozenset(name.encode() for name in _PATHS)
_LONGEST_OWN = max(map(len, spans.OWN_PATHS))
_OF_CALLS = frozenset(name.encode() for name in (*_STORES, "peer.service", "server.address", "net.peer.name"))
_OF_PEOPLE = frozenset(name.encode() for name in (*_USERS, *_SITES, "http.route"))
_CODE_KEYS = frozenset(name.encode() for name in (*_GRPC_CODES, *_HTTP_CODES))
_SEVERAL = -2
_PLAIN_ERROR = b"\x18\x02"
_FULL_READS, _READ_AGAIN = 16, 32
Said = tuple[int, Any] | bool
"""(what, value), or False when it tells nothing that counts."""

known: dict[bytes, Said] = {}
_of_key: dict[bytes, int] = {}


def learnt(attribute: bytes) -> Said:
    """What an attribute says that is not in `known`; kept there for the next span that says the same."""
    # A key comes first and is short: tag, length, then its letters.
    key = attribute[2 : 2 + attribute[1]] if attribute[:1] == b"\n" and len(attribute) > 2 else b""
    said: Said
    if (key and key not in _READ) or (key in _PATH_KEYS and _is_long(attribute, len(key))):
        said = False
    else:
        said = _read(KeyValue.FromString(attribute))
    seen = _of_key.get(key, 0)
    if seen < _MOST_OF_A_KEY:
        if len(known) >= _MOST_KNOWN:
            known.clear()
            _of_key.clear()
        _of_key[key] = seen + 1
        known[attribute] = said
    return said


def is_error(status: bytes) -> bool:
    """Whether a status, as its bytes, says that the span failed; most say nothing."""
    return status == _PLAIN_ERROR or (b"\x18" in status and Status.FromString(status).code == Status.STATUS_CODE_ERROR)


class Layout:
    """Where spans of one kind, name and number of attributes keep those that count.

    Instrumentation writes its attributes in one order, so after some spans were read whole only those places are looked
    at; every 32nd span is read whole again, and one that failed always is. is_own: spans of this name are nobody's.
    """

    __slots__ = ("_places", "_unwanted", "is_own", "left", "place")

    def __init__(self, name: bytes, *, is_call: bool) -> None:
        self.is_own = is_own(name)
        # The one place to look at, -1 while there is none or more; and how often, before a span is read whole again.
        self.place, self.left = -1, _FULL_READS
        # A name with a path in it tells already whose request it is.
        named = b" /" in name
        self._unwanted = _PATH_KEYS | _CODE_KEYS if is_call else _OF_CALLS | (_PATH_KEYS if named else frozenset())
        self._places: tuple[int, ...] = ()

    def said(self, found: Any, *, whole: bool) -> list[tuple[int, Any]]:
        """What the attributes of a span tell; of a call that went well, only whom it was to."""
        get = known.get
        told: list[Any] = []
        if not whole and self.left > 0 and self.place != -1:
            self.left -= 1
            for place in self._places:
                attribute = found[place]
                one = get(attribute)
                if one is None:
                    one = learnt(attribute)
                if one:
                    told.append(one)
            return told
        for attribute in found:
            one = get(attribute)
            if one is None:
                one = learnt(attribute)
            if one:
                told.append(one)
        # One that failed is read whole for what it tells; while the places are known it teaches nothing.
        if self.left <= 0 or self.place == -1:
            self._learn(found)
        return told

    def _learn(self, found: Any) -> None:
        for place, attribute in enumerate(found):
            if place not in self._places and self._may_tell(attribute):
                self._places = (*self._places, place)
        self.left -= 1
        if self.left <= 0:
            self.left = _READ_AGAIN
            self.place = self._places[0] if len(self._places) == 1 else _SEVERAL

    def _may_tell(self, attribute: bytes) -> bool:
        key = attribute[2 : 2 + attribute[1]] if attribute[:1] == b"\n" else b""
        return not key or (key in _READ and key not in self._unwanted)


Layouts = dict[tuple[int, bytes, int], Layout]
_layouts: dict[str, Layouts] = {}


def layouts_of(service: str) -> Layouts:
    """The layouts of a service's spans: another may write other attributes under the same names."""
    found = _layouts.get(service)
    if found is None:
        if len(_layouts) >= _MOST_SERVICES:
            _layouts.clear()
        found = _layouts[service] = {}
    return found


def new_layout(layouts: Layouts, kind: int, name: bytes, count: int, *, is_call: bool) -> Layout:
    """The layout of spans that were not seen before; kept among those of their service."""
    if len(layouts) >= _MOST_LAYOUTS:
        layouts.clear()
    found = layouts[kind, name, count] = Layout(name, is_call=is_call)
    return found


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
        if attribute[:1] == b"\n" and attribute[2 : 2 + attribute[1]] not in _OF_PEOPLE:
            continue
        one = KeyValue.FromString(attribute)
        if one.key in _USERS:
            user = one.value.string_value or (str(one.value.int_value) if one.value.HasField("int_value") else "")
        elif one.key in _SITES:
            site = one.value.string_value[:LONGEST_NAME]
        elif one.key == "http.route":
            route = one.value.string_value[:LONGEST_NAME]
    return user, site, route


def _read(attribute: KeyValue) -> Said:
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
    return (NOBODYS, None) if own_path or own_service or key == "user_agent.synthetic.type" else False
