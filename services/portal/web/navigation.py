"""Where a person can go: the menu as data, grouped, without what the person's roles cannot use."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

EVERYONE: frozenset[str] = frozenset()
DESK = frozenset({"agent", "lead", "problem_manager"})
GOVERNANCE = frozenset({"problem_manager", "change_manager", "lead", "operator"})
MONEY = frozenset({"finance", "executive"})
ADMINISTRATION = frozenset({"administrator"})
JUDGES = frozenset({"administrator", "change_manager"})
SERVICE_READERS = DESK | GOVERNANCE | MONEY | ADMINISTRATION
SET_UP = frozenset({"lead", "operator", "administrator"})


@dataclass(frozen=True, slots=True)
class Place:
    """One page of the menu.

    roles: who may use it, empty for everyone. chord: the key after G. tab: its short label on the phone's bar, or "".
    """

    key: str
    label: str
    path: str
    icon: str
    group: str = ""
    roles: frozenset[str] = EVERYONE
    chord: str = ""
    tab: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """A place as one reader sees it now."""

    place: Place
    current: bool
    count: int | None = None


@dataclass(frozen=True, slots=True)
class Group:
    """Entries under one heading; the first group has none."""

    label: str
    entries: tuple[Entry, ...]


# Labels are message ids; the order is the order on screen. A new page is one line.
PLACES: tuple[Place, ...] = (
    Place("home", "Home", "/", "home", chord="h", tab="Home"),
    Place("tickets", "My tickets", "/tickets", "ticket", chord="t", tab="Tickets"),
    Place("submit", "New request", "/submit", "plus", chord="n", tab="New"),
    Place("knowledge", "Knowledge", "/knowledge", "book", chord="k"),
    Place("queue", "Queue", "/queue", "inbox", "Service desk", DESK, "q", "Queue"),
    Place("rota", "On call", "/rota", "bell-ring", "Service desk", DESK | ADMINISTRATION | {"operator"}, "o"),
    Place("changes", "Changes", "/changes", "change", "Service desk", DESK | GOVERNANCE, "c"),
    Place("board", "Value board", "/board", "chart", "Evidence", DESK | GOVERNANCE | MONEY, "b", "Board"),
    Place("roadmap", "Roadmap", "/board/roadmap", "flag", "Evidence", ADMINISTRATION),
    Place("business-services", "Business services", "/business-services", "network", "Evidence", SERVICE_READERS),
    Place("reports", "Reports", "/reports", "clipboard-chart", "Evidence", SERVICE_READERS),
    Place("policies", "Promises", "/policies", "clock", "Set-up", SET_UP),
    Place("escalations", "Escalation plans", "/escalation-plans", "escalate", "Set-up", ADMINISTRATION | {"lead"}),
    Place("calendars", "Calendars", "/calendars", "calendar", "Set-up", ADMINISTRATION),
    Place("judgements", "What would have been", "/judgements", "scales", "Set-up", JUDGES),
)
TABS_AT_MOST = 4  # the phone's bar holds five, and the last is always "Me"


def groups(
    roles: Collection[str],
    current: str = "",
    counts: Mapping[str, int] | None = None,
    places: Collection[Place] = PLACES,
) -> tuple[Group, ...]:
    """The menu for `roles`, in order; the group of pages for everyone comes first. counts: open items by place key."""
    found: dict[str, list[Entry]] = {}
    for place in places:
        if not place.roles or not place.roles.isdisjoint(roles):
            entry = Entry(place, place.key == current, (counts or {}).get(place.key))
            found.setdefault(place.group, []).append(entry)
    return tuple(Group(label, tuple(entries)) for label, entries in found.items())


def tabs(menu: Collection[Group]) -> tuple[Entry, ...]:
    """The entries of the phone's bar, in menu order; what does not fit is reached through "Me"."""
    return tuple(entry for group in menu for entry in group.entries if entry.place.tab)[:TABS_AT_MOST]


def landing(roles: Collection[str], places: Collection[Place] = PLACES) -> str:
    """The path a person lands on, of those there are: board or roadmap for managers, changes, the queue, else home."""
    offered = {place.path for place in places}
    if not MONEY.isdisjoint(roles):
        return "/board" if "/board" in offered else "/board/roadmap"
    if "change_manager" in roles and "/changes" in offered:
        return "/changes"
    return "/queue" if not DESK.isdisjoint(roles) else "/"
