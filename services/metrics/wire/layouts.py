"""Where spans of one service and name keep the attributes that count, learnt from the first of them.

Instrumentation writes its attributes in one order, so after some spans were read whole only those places are looked at;
every 32nd span is searched for others again, and one that failed is always read whole.
"""

from __future__ import annotations

from typing import Any

from services.metrics.wire import attributes

_MOST_LAYOUTS, _MOST_SERVICES = 2_048, 500
_FULL_READS, _READ_AGAIN = 16, 32


class Layout:
    """Where spans of one name and number of attributes keep those that count. is_own: they are nobody's requests.

    left: how many may be looked at by their places alone, before one is searched whole again. place: the one place to
    look at, -1 when it is not one.
    """

    __slots__ = ("_places", "_unread", "_unwanted", "count", "is_own", "left", "place")

    def __init__(self, name: bytes, count: int, *, is_call: bool) -> None:
        self.is_own = attributes.is_own(name)
        self.count = count
        self.place, self.left = -1, 0
        self._unread = _FULL_READS
        self._unwanted = attributes.unwanted(name, is_call=is_call)
        self._places: tuple[int, ...] = ()

    def at_places(self, found: Any) -> tuple[bytes, ...]:
        """The attributes that count."""
        return tuple([found[place] for place in self._places])

    def is_fine(self, found: Any) -> bool:
        """Whether all attributes that count are known to say nothing but good of a request."""
        fine = attributes.fine
        return all(found[place] in fine for place in self._places)

    def said(self, found: Any, *, whole: bool) -> list[tuple[int, Any]]:
        """What the attributes of a span tell; of a call that went well, only whom it was to."""
        # One that failed is read whole for what it tells; while the places are known it teaches nothing.
        if not self.left:
            self._learn(found)
        if not self.left or whole:
            return attributes.said(found)
        self.left -= 1
        return attributes.said(self.at_places(found))

    def _learn(self, found: Any) -> None:
        known = attributes.known.get
        for place, attribute in enumerate(found):
            # Most attributes are known for a key that does not count.
            if (
                known(attribute) is not False
                and place not in self._places
                and attributes.may_tell(attribute, self._unwanted)
            ):
                self._places = (*self._places, place)
        self._unread -= 1
        if self._unread <= 0:
            self.left = _READ_AGAIN
            self.place = self._places[0] if len(self._places) == 1 else -1


class Layouts:
    """The layouts of one service's requests, or of its calls. latest: by name, the one that was asked for last."""

    def __init__(self, *, is_call: bool) -> None:
        self._is_call = is_call
        self._all: dict[tuple[bytes, int], Layout] = {}
        self.latest: dict[bytes, Layout] = {}

    def find(self, name: bytes, count: int) -> Layout:
        """The layout of spans of a name with so many attributes."""
        found = self._all.get((name, count))
        if found is None:
            if len(self._all) >= _MOST_LAYOUTS:
                self._all.clear()
                self.latest.clear()
            found = self._all[name, count] = Layout(name, count, is_call=self._is_call)
        self.latest[name] = found
        return found


_services: dict[str, tuple[Layouts, Layouts]] = {}


def of_requests(service: str) -> Layouts:
    """The layouts of requests to a service: another may write other attributes under the same names."""
    return _of(service)[0]


def of_calls(service: str) -> Layouts:
    """The layouts of the calls of a service."""
    return _of(service)[1]


def _of(service: str) -> tuple[Layouts, Layouts]:
    found = _services.get(service)
    if found is None:
        if len(_services) >= _MOST_SERVICES:
            _services.clear()
        found = _services[service] = Layouts(is_call=False), Layouts(is_call=True)
    return found
