"""Names as people read them: of persons, teams and services, asked for once a page and remembered for a minute."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from functools import partial

from flask import Flask, current_app
from throughline.portal.v1 import people_pb2, people_service_pb2

from services.portal.web import i18n
from services.portal.web.backends import backends, calm

REMEMBERED_SECONDS = 60.0
_UNHEARD_SECONDS = 2.0
_MOST = 5_000
_PAGE = 200


class Names:
    """Persons and teams that were asked for lately, per worker."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._people: dict[str, tuple[float, people_pb2.Person | None]] = {}
        self._teams: tuple[float, dict[str, people_pb2.Team]] = (-REMEMBERED_SECONDS, {})

    def people(self, wanted: Iterable[str]) -> dict[str, people_pb2.Person]:
        """The persons by name ("people/zhou-yan"); unknown ones are left out."""
        names = [name for name in dict.fromkeys(wanted) if name.startswith("people/")]
        now = time.monotonic()
        stale = [name for name in names if self._people.get(name, (0.0, None))[0] <= now]
        for start in range(0, len(stale), _PAGE):
            part = stale[start : start + _PAGE]
            request = people_service_pb2.BatchGetPeopleRequest(names=part)
            answer = calm(partial(backends().people.BatchGetPeople, request), None)
            if answer is None:
                continue
            found = {person.name: person for person in answer.people}
            with self._lock:
                if len(self._people) > _MOST:
                    self._people.clear()
                self._people.update({name: (now + REMEMBERED_SECONDS, found.get(name)) for name in part})
        known = ((name, self._people.get(name, (0.0, None))[1]) for name in names)
        return {name: person for name, person in known if person is not None}

    def teams(self, no_older: float = REMEMBERED_SECONDS) -> dict[str, people_pb2.Team]:
        """All teams by name, as they were at most so many seconds ago; older ones when nobody can be asked."""
        now = time.monotonic()
        asked, kept = self._teams
        if now - asked < no_older:
            return kept
        found: dict[str, people_pb2.Team] = {}
        token = ""
        while True:
            request = people_service_pb2.ListTeamsRequest(page_size=_PAGE, page_token=token)
            page = calm(partial(backends().people.ListTeams, request), None)
            if page is None:
                return kept
            found.update({team.name: team for team in page.teams})
            token = page.next_page_token
            if not token:
                break
        self._teams = (now, found)
        return found

    def told(self, reference: str) -> str:
        """The display name behind "people/...", "teams/..." or "services/..."; other texts as they are."""
        collection, _, rest = reference.partition("/")
        if not rest:
            return reference
        if collection == "people":
            person = self.people([reference]).get(reference)
            return person.display_name if person else rest
        if collection == "teams":
            # A team that nobody has heard of may be a new one.
            team = self.teams().get(reference) or self.teams(_UNHEARD_SECONDS).get(reference)
            if team is not None:
                return team.display_names.get(i18n.language(), "") or next(iter(team.display_names.values()), rest)
        return rest


def register(app: Flask) -> None:
    """Gives the app its names and templates the filter `told`: {{ ticket.team | told }}."""
    app.extensions["throughline.names"] = Names()
    app.jinja_env.filters["told"] = lambda reference: names().told(reference)


def names() -> Names:
    """The names of this worker."""
    found: Names = current_app.extensions["throughline.names"]
    return found
