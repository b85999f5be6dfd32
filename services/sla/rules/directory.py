"""People and teams as far as somebody may be told something: what the portal's events say of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

REQUESTER = "requester"


@dataclass(frozen=True, slots=True)
class Colleague:
    """A person who may be told; gone: disabled. vip: whose tickets policies may single out, staff or not."""

    display_name: str
    staff: bool
    gone: bool = False
    vip: bool = False


@dataclass(frozen=True, slots=True)
class Group:
    """A team. lead: "people/<id>" or ""."""

    display_names: Mapping[str, str]
    lead: str = ""
    retired: bool = False


@dataclass(frozen=True, slots=True)
class Directory:
    """Staff and VIPs by name and teams by name; whoever is missing is nobody who can be told, and no VIP."""

    people: Mapping[str, Colleague] = field(default_factory=dict)
    teams: Mapping[str, Group] = field(default_factory=dict)

    def reaches(self, person: str) -> bool:
        """Whether there is such a person and he has not left."""
        found = self.people.get(person)
        return found is not None and not found.gone

    def called(self, person: str) -> str:
        """How a person is called; "" when nobody is known by that name."""
        found = self.people.get(person)
        return "" if found is None else found.display_name

    def is_vip(self, person: str) -> bool:
        """Whether policies may single out what such a person files."""
        found = self.people.get(person)
        return found is not None and found.vip
