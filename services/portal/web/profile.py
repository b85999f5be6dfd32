"""What an installation offers: the pages and resources of the stages that its setting `stage` names, and no others.

Nothing else depends on the stage: every service records from the first day, so that a later stage begins with data.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from flask import Flask, current_app

from services.portal.web import stages
from services.portal.web.navigation import PLACES, SERVICE_READERS, Place
from services.portal.web.stages import Stage

_KEY = "throughline.profile"


class Profile:
    """The stages that are in force, for the addresses of one app; every one of them must be known by now."""

    def __init__(self, app: Flask, in_force: Stage) -> None:
        self.in_force = in_force
        self._brought = {rule.endpoint: stages.stage_of(rule.endpoint, rule.rule) for rule in app.url_map.iter_rules()}
        self.places = tuple(self._offered(app, PLACES))

    def brought_by(self, endpoint: str) -> Stage:
        """The stage that brings a page or a resource."""
        return self._brought[endpoint]

    def offers(self, endpoint: str) -> bool:
        """Whether it belongs to a stage that is in force."""
        return self._brought[endpoint] <= self.in_force

    def _offered(self, app: Flask, places: Iterable[Place]) -> Iterable[Place]:
        """The menu. The roadmap stands in it for whoever may read it as long as no board leads there."""
        address = app.url_map.bind("")
        for place in places:
            endpoint, _ = address.match(place.path, method="GET")
            if not self.offers(endpoint):
                continue
            alone = place.key == "roadmap" and not self.offers("board.page")
            yield replace(place, roles=SERVICE_READERS) if alone else place


def keep(app: Flask, in_force: Stage) -> None:
    """Makes the app's profile; templates may ask `in_stage(endpoint)`."""
    app.extensions[_KEY] = Profile(app, in_force)
    app.jinja_env.globals["in_stage"] = in_stage


def profile() -> Profile:
    """The profile of this app."""
    found: Profile = current_app.extensions[_KEY]
    return found


def in_stage(endpoint: str) -> bool:
    """Whether a page belongs to a stage that is in force; a part of a page asks by the page that it leads to."""
    return profile().offers(endpoint)
