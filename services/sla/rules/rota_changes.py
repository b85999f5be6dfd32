"""How rotas come about: published whole as versions, with stand-ins for a time entered beside them."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime, timedelta

from services.runtime.actor import Actor
from services.runtime.refusal import NotYet, Refusal
from services.sla.rules.calendar import checked_names
from services.sla.rules.directory import Directory
from services.sla.rules.rota import Layer, Override, Rota, RotaPublished
from services.sla.rules.wall import zone_of

NAME = re.compile(r"rotas/[a-z0-9][a-z0-9-]{0,62}")
PLANNERS = ("lead", "operator", "administrator")
LAYERS, PEOPLE, OVERRIDES = 8, 60, 200
LONGEST_NOTICE = 30
LONGEST_OVERRIDE = timedelta(days=62)
_KEPT = timedelta(days=31)

Changed = tuple[Rota, tuple[RotaPublished, ...]]


def may_plan(actor: Actor) -> None:
    """Who is on call is for leads, operators and administrators.

    Raises:
        Refusal: ROLE_REQUIRED.
    """
    actor.require(*PLANNERS, to="change who is on call")


def publish(rota: Rota | None, draft: Rota, directory: Directory, *, by: Actor, now: datetime) -> Changed:
    """Puts the draft in force as the next version; overrides and announced gaps stay. Nothing happens when it says what
    the latest version says.

    Raises:
        Refusal: ROLE_REQUIRED, or INVALID with the field of the request that is at fault.
    """
    may_plan(by)
    _check(draft, directory)
    names = checked_names(draft.display_names, "rota.display_names")
    before = rota or replace(draft, version=0)
    published = replace(
        before,
        zone=draft.zone,
        layers=draft.layers,
        notice_days=draft.notice_days,
        display_names=names,
        retired=draft.retired,
    )
    if rota is not None and published == rota:
        return rota, ()
    return _told(replace(published, version=before.version + 1), now)


def rehearse(rota: Rota | None, draft: Rota, directory: Directory) -> Rota:
    """The rota that the draft would make, with the overrides that are there; nothing is announced by it.

    Raises:
        Refusal: INVALID with the field of the request that is at fault.
    """
    _check(draft, directory)
    return replace(draft, overrides=() if rota is None else rota.overrides)


def put_in(rota: Rota, override: Override, directory: Directory, *, by: Actor, now: datetime) -> Changed:
    """Somebody stands in for a time; overrides that ended a month ago are forgotten.

    Raises:
        Refusal: ROLE_REQUIRED, OVERRIDE_REASON_MISSING, OVERRIDE_TIMES_INVALID, PERSON_UNKNOWN, ROTA_RETIRED,
            ROTA_OVERRIDES_FULL.
    """
    may_plan(by)
    if rota.retired:
        raise Refusal.precondition("ROTA_RETIRED", f"{rota.name} is retired; publish it to use it again.")
    if not override.reason.strip():
        raise Refusal.invalid("reason", "OVERRIDE_REASON_MISSING", "Say why somebody stands in.")
    if not override.start < override.end <= override.start + LONGEST_OVERRIDE or override.end <= now:
        raise Refusal.invalid(
            "end_time",
            "OVERRIDE_TIMES_INVALID",
            f"Let it end after it starts, in the future, and last {LONGEST_OVERRIDE.days} days at most.",
        )
    _known(override.person, directory, "person")
    kept = tuple(one for one in rota.overrides if one.end > now - _KEPT)
    if len(kept) >= OVERRIDES:
        raise Refusal.precondition(
            "ROTA_OVERRIDES_FULL", f"{rota.name} has {OVERRIDES} overrides: publish the rota as it shall be instead."
        )
    return _told(replace(rota, overrides=(*kept, override)), now)


def take_back(rota: Rota, override: str, *, by: Actor, now: datetime) -> Changed:
    """Removes an override that is not over; one under way ends now.

    Raises:
        Refusal: ROLE_REQUIRED, NOT_FOUND, OVERRIDE_OVER.
    """
    may_plan(by)
    found = next((one for one in rota.overrides if one.id == override), None)
    if found is None:
        raise Refusal.not_found(f"{rota.name} override {override}")
    if found.end <= now:
        raise Refusal.precondition("OVERRIDE_OVER", "It is over; what has been stays on record.")
    after = [one for one in rota.overrides if one is not found or one.start < now]
    return _told(replace(rota, overrides=tuple(replace(one, end=now) if one is found else one for one in after)), now)


def look_again(rota: Rota | None, *, at: datetime) -> tuple[Rota, tuple[()]]:
    """Has the gaps looked for at once, because one of its people has changed.

    Raises:
        NotYet: there is no such rota yet.
    """
    if rota is None:
        raise NotYet("the rota is not there yet")
    return (rota if rota.retired else replace(rota, look_at=at, looks=rota.looks + 1)), ()


def _told(rota: Rota, now: datetime) -> Changed:
    """The rota as changed, whose gaps are looked for at once."""
    after = replace(rota, look_at=now, looks=rota.looks + 1)
    return after, (RotaPublished(after),)


def _check(draft: Rota, directory: Directory) -> None:
    check(draft)
    for at, layer in enumerate(draft.layers):
        for place, person in enumerate(layer.people):
            _known(person, directory, f"rota.layers[{at}].people[{place}]")


def check(draft: Rota) -> None:
    """Refuses what cannot be published whoever works here.

    Raises:
        Refusal: INVALID with the field of the request that is at fault.
    """
    if NAME.fullmatch(draft.name) is None:
        raise Refusal.invalid(
            "rota.name", "NAME_INVALID", 'Name it "rotas/" and small letters, digits and dashes, 63 at most.'
        )
    checked_names(draft.display_names, "rota.display_names")
    zone_of(draft.zone, "rota.time_zone")
    if not 0 <= draft.notice_days <= LONGEST_NOTICE:
        raise Refusal.invalid(
            "rota.notice_days", "ROTA_NOTICE_INVALID", f"Announce gaps 0 to {LONGEST_NOTICE} days ahead."
        )
    if not 1 <= len(draft.layers) <= LAYERS:
        raise Refusal.invalid("rota.layers", "ROTA_LAYERS_INVALID", f"Give it 1 to {LAYERS} layers.")
    for at, layer in enumerate(draft.layers):
        _check_layer(layer, f"rota.layers[{at}]")


def _check_layer(layer: Layer, where: str) -> None:
    if not 1 <= len(layer.people) <= PEOPLE:
        raise Refusal.invalid(f"{where}.people", "ROTA_PEOPLE_INVALID", f"Name 1 to {PEOPLE} people in their order.")
    for at, person in enumerate(layer.people):
        if not person.startswith("people/"):
            raise Refusal.invalid(f"{where}.people[{at}]", "PERSON_UNKNOWN", 'Name a person such as "people/zhou-yan".')
    if layer.last is not None and layer.last <= layer.first:
        raise Refusal.invalid(
            f"{where}.last_date", "ROTA_DATES_INVALID", "Let the layer end after the day on which it begins."
        )
    if layer.hours and not any(layer.hours):
        raise Refusal.invalid(f"{where}.hours", "ROTA_HOURS_INVALID", "Give hours to one day at least, or to none.")


def _known(person: str, directory: Directory, where: str) -> None:
    if not directory.reaches(person):
        raise Refusal.invalid(
            where,
            "PERSON_UNKNOWN",
            f"There is no {person or 'person'} who works here; take somebody with a team or a role, who has not left.",
        )
