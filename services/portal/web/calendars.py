"""Calendars: their list, the year of one with its versions, and the form that shows what would hold before it does."""

from __future__ import annotations

from functools import partial
from io import BytesIO
from typing import Any

from babel import Locale
from flask import Blueprint, abort, flash, g, redirect, render_template, request, send_file, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext, ngettext
from throughline.sla.v1 import sla_pb2
from throughline.sla.v1 import sla_service_pb2 as calls

from services.portal.web import calendars_form
from services.portal.web.backends import backends, calm, new_request_id
from services.portal.web.calendars_form import Typed
from services.portal.web.problems import STATUS, field_errors
from services.portal.web.session import signed_in, with_roles
from services.portal.web.shown import calendar as shown
from services.portal.web.shown import zones
from services.portal.web.shown.calendar_changes import changes
from services.portal.web.shown.reader import Reader, last_part, reader
from services.runtime.refusal import Kind, Refusal

blueprint = Blueprint("calendars", __name__, url_prefix="/calendars")

EDITORS = ("administrator",)
PAGE = 50
VERSIONS = 20


@blueprint.get("")
@signed_in
def listing() -> ResponseReturnValue:
    """Every calendar with its latest version."""
    asked = calls.ListCalendarsRequest(page_size=PAGE, page_token=request.args.get("page", ""))
    page, told = backends().sla.ListCalendars(asked), reader()
    return render_template(
        "calendars.html",
        rows=[_row(one, told) for one in page.calendars],
        next_page=url_for(".listing", page=page.next_page_token) if page.next_page_token else "",
        first_page=url_for(".listing") if asked.page_token else "",
        may_edit=_may_edit(),
    )


@blueprint.get("/<id>")
@signed_in
def page(id: str) -> ResponseReturnValue:
    """One version, the latest unless the address names another: its year, its days, and the versions beside it."""
    told = reader()
    chosen = _get(id, _number(request.args.get("version", "")))
    year = _number(request.args.get("year", "")) or told.now.astimezone(told.zone).year
    if not shown.FIRST_YEAR <= year <= shown.LAST_YEAR:
        abort(404)
    asked = calls.ListCalendarVersionsRequest(name=chosen.name, page_size=VERSIONS + 1)
    versions = list(backends().sla.ListCalendarVersions(asked).calendars)
    before = _before(chosen, versions)
    return render_template(
        "calendar.html",
        calendar=chosen,
        title=shown.title(chosen, told.language),
        week=shown.week_rows(chosen, told.language),
        facts=_facts(chosen, told),
        certainty=_certainty(chosen, [year - 1, year, year + 1]),
        versions=[_version(one, chosen, year, told) for one in versions[:VERSIONS]],
        latest=versions[0].version,
        changes=changes(before, chosen, told),
        before=before.version if before is not None else 0,
        may_edit=_may_edit(),
        **_year(chosen, year, told),
    )


@blueprint.get("/<id>/days.ics")
@signed_in
def export(id: str) -> ResponseReturnValue:
    """The days as a file for other calendars."""
    asked = calls.ExportCalendarRequest(name=f"calendars/{id}", version=_number(request.args.get("version", "")))
    found = backends().sla.ExportCalendar(asked)
    return send_file(BytesIO(found.content), "text/calendar", as_attachment=True, download_name=found.file_name)


@blueprint.get("/new")
@with_roles(*EDITORS)
def new() -> ResponseReturnValue:
    """The form of a new calendar: office hours, this year and the next."""
    told = reader()
    year = told.now.astimezone(told.zone).year
    week = {f"hours_{day}": "09:00-12:00,13:00-18:00" for day in range(1, 6)}
    given = Typed({"time_zone": str(told.zone), "holiday_years": f"{year}, {year + 1}", **week})
    return _form(None, given, {}, new_request_id())


@blueprint.post("/new")
@with_roles(*EDITORS)
def create() -> ResponseReturnValue:
    """Reads a file, previews or publishes."""
    return _sent(None)


@blueprint.get("/<id>/edit")
@with_roles(*EDITORS)
def edit(id: str) -> ResponseReturnValue:
    """The form of the latest version."""
    kept = _get(id)
    return _form(kept, calendars_form.of_calendar(kept), {}, new_request_id())


@blueprint.post("/<id>/edit")
@with_roles(*EDITORS)
def update(id: str) -> ResponseReturnValue:
    """Reads a file, previews or publishes the next version."""
    return _sent(_get(id))


def _sent(kept: sla_pb2.Calendar | None) -> ResponseReturnValue:
    given, request_id = calendars_form.typed(request.form), request.form.get("request_id", "")
    act = request.form.get("act", "preview")
    if act == "import":
        return _read_file(kept, given, request_id)
    made, years, errors = calendars_form.calendar(given, kept)
    if errors:
        return _form(kept, given, errors, request_id), STATUS[Kind.INVALID]
    asked = calls.PublishCalendarRequest(
        request_id=request_id,
        calendar=made,
        etag=request.form.get("etag", ""),
        holiday_years=years,
        validate_only=act != "publish",
    )
    try:
        published = backends().sla.PublishCalendar(asked)
    except Refusal as refusal:
        if refusal.kind is Kind.UNAUTHENTICATED:
            raise
        told = {calendars_form.field_of(path): text for path, text in field_errors(refusal).items()}
        again = request_id if refusal.kind is Kind.UNAVAILABLE else new_request_id()
        return _form(kept, given, told, again), STATUS[refusal.kind]
    if act != "publish":
        return _form(kept, given, {}, request_id, preview=published)
    flash(gettext("Published as version %(number)s.", number=published.version), "success")
    return redirect(url_for(".page", id=last_part(published.name)), 303)


def _read_file(kept: sla_pb2.Calendar | None, given: Typed, request_id: str) -> ResponseReturnValue:
    """Puts the days of a pasted file below those typed, and names what could not be read."""
    text = given["ics"] if given["ics"].endswith("\n") else given["ics"] + "\n"
    asked = calls.ImportCalendarDaysRequest(content=text.encode(), time_zone=given["time_zone"])
    try:
        found = backends().sla.ImportCalendarDays(asked)
    except Refusal as refusal:
        told = {calendars_form.field_of(path): said for path, said in field_errors(refusal).items()}
        return _form(kept, given, told, request_id), STATUS[refusal.kind]
    days = "\n".join(part for part in (given["days"], calendars_form.lines(found.days)) if part)
    notes = [ngettext("%(num)s day read from the file", "%(num)s days read from the file", len(found.days))]
    if found.left_out_count:
        notes.append(
            ngettext(
                "%(num)s entry has no date in this year or the next",
                "%(num)s entries have no date in this year or the next",
                found.left_out_count,
            )
        )
    notes += [
        gettext("Entry %(number)s, “%(entry)s”: %(why)s", number=one.number, entry=one.entry, why=_why(one))
        for one in found.problems
    ]
    return _form(kept, given.having(days=days, ics=""), {}, request_id, notes=[str(note) for note in notes])


def _why(problem: calls.EntryProblem) -> str:
    key = f"reason.{problem.reason}"
    told = str(gettext(key))
    return problem.message if told == key else told


def _form(
    kept: sla_pb2.Calendar | None,
    given: Typed,
    errors: dict[str, str],
    request_id: str,
    *,
    preview: sla_pb2.Calendar | None = None,
    notes: list[str] | None = None,
) -> str:
    told = reader()
    locale = Locale.parse(told.language)
    countries = {code: name for code, name in locale.territories.items() if len(code) == 2 and code.isalpha()}
    year = told.now.astimezone(told.zone).year
    return render_template(
        "calendar_form.html",
        kept=kept,
        title=shown.title(kept, told.language) if kept is not None else gettext("New calendar"),
        id=last_part(kept.name) if kept is not None else "",
        given=given,
        errors=errors,
        notes=notes or [],
        request_id=request_id,
        etag=kept.etag if kept is not None else "",
        weekdays=shown.weekday_names(told.language, "wide"),
        countries=sorted(countries.items(), key=lambda one: one[1]),
        regions=calendars_form.REGIONS,
        zones=zones.known(),
        preview=_preview(kept, preview, year, told) if preview is not None else None,
    )


def _preview(kept: sla_pb2.Calendar | None, made: sla_pb2.Calendar, year: int, told: Reader) -> dict[str, Any]:
    """What would hold: what changes, how certain its years are, and the year to look at."""
    told_changes = changes(kept, made, told)
    years = sorted({int(day.date[:4]) for day in made.days} | {year})
    shown_year = year if year in years else years[0]
    return {
        "version": made.version,
        "same": kept is not None and made.version == kept.version,
        "changes": told_changes,
        "certainty": _certainty(made, years),
        **_year(made, shown_year, told),
    }


def _year(calendar: sla_pb2.Calendar, year: int, told: Reader) -> dict[str, Any]:
    return {
        "year": year,
        "months": shown.year_view(calendar, year, told),
        "weekdays": shown.weekday_names(told.language, "narrow"),
        "weekdays_wide": shown.weekday_names(told.language, "wide"),
        "legend": shown.legend(),
        "days": shown.day_rows(calendar, year, told),
    }


def _certainty(calendar: sla_pb2.Calendar, years: list[int]) -> list[dict[str, Any]]:
    """Of each year whether its holidays are confirmed, and why not."""
    wanted = [year for year in years if shown.FIRST_YEAR <= year <= shown.LAST_YEAR]
    doubts: dict[int, str] = {}
    open_years = [year for year in wanted if year not in calendar.verified_years]
    for region in calendar.regions if open_years else ():
        asked = calls.SuggestHolidaysRequest(
            country=region.country, subdivision=region.subdivision, years=open_years[:30]
        )
        found = calm(partial(backends().sla.SuggestHolidays, asked), calls.SuggestHolidaysResponse())
        for one in found.years:
            if not one.verified:
                doubts.setdefault(one.year, shown.doubt_words(one.doubt))
    keeps = bool(calendar.regions or calendar.verified_years)
    return [
        {
            "year": year,
            "verified": year in calendar.verified_years,
            "why": doubts.get(year, str(gettext("nobody has confirmed it"))),
        }
        for year in wanted
        if keeps
    ]


def _facts(calendar: sla_pb2.Calendar, told: Reader) -> list[tuple[str, str]]:
    pairs = [
        (gettext("Time zone"), calendar.time_zone),
        (gettext("Public holidays of"), shown.regions_words(calendar, told.language)),
        (gettext("Holds from"), shown.effective(calendar, told)),
        (gettext("Verified years"), ", ".join(map(str, calendar.verified_years)) or gettext("none")),
    ]
    return [(str(term), str(text)) for term, text in pairs]


def _row(calendar: sla_pb2.Calendar, told: Reader) -> dict[str, Any]:
    id = last_part(calendar.name)
    year = told.now.astimezone(told.zone).year
    return {
        "id": id,
        "href": url_for(".page", id=id),
        "title": shown.title(calendar, told.language),
        "week": shown.week_words(calendar, told.language),
        "zone": calendar.time_zone,
        "regions": shown.regions_words(calendar, told.language),
        "version": calendar.version,
        "doubtful": [one["year"] for one in _plain_certainty(calendar, (year, year + 1)) if not one["verified"]],
    }


def _plain_certainty(calendar: sla_pb2.Calendar, years: tuple[int, ...]) -> list[dict[str, Any]]:
    keeps = bool(calendar.regions or calendar.verified_years)
    return [{"year": year, "verified": year in calendar.verified_years} for year in years if keeps]


def _version(one: sla_pb2.Calendar, chosen: sla_pb2.Calendar, year: int, told: Reader) -> dict[str, Any]:
    href = url_for(".page", id=last_part(one.name), version=one.version, year=year)
    return {
        "number": one.version,
        "href": href,
        "effective": shown.effective(one, told),
        "current": one.version == chosen.version,
    }


def _before(chosen: sla_pb2.Calendar, versions: list[sla_pb2.Calendar]) -> sla_pb2.Calendar | None:
    """The version before, out of those listed or asked for."""
    if chosen.version <= 1:
        return None
    listed = next((one for one in versions if one.version == chosen.version - 1), None)
    return listed or _get(last_part(chosen.name), chosen.version - 1)


def _get(id: str, version: int = 0) -> sla_pb2.Calendar:
    try:
        found: sla_pb2.Calendar = backends().sla.GetCalendar(
            calls.GetCalendarRequest(name=f"calendars/{id}", version=version)
        )
    except Refusal as refusal:
        if refusal.kind is Kind.INVALID:
            abort(404)
        raise
    return found


def _number(text: str) -> int:
    return int(text) if text.isdecimal() and len(text) < 10 else 0


def _may_edit() -> bool:
    return bool(set(EDITORS) & set(g.person.roles))
