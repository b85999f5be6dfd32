"""The form of a business service: what was typed, kept as it is, and the service that it says; parts stand by line."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from decimal import Decimal, InvalidOperation

from flask_babel import gettext
from throughline.metrics.v1 import business_service_pb2 as pb

from services.portal.web.shown.reader import instant, last_part

NAMES = (
    *("id", "name_en", "name_zh", "owner", "criticality", "components", "calendar", "cost_model", "maintenance"),
    *("objective", "days", "threshold", "incidents", "requester", "service"),
)
_FIELDS = {
    "name": "id",
    "display_names": "name_en",
    "owner": "owner",
    "criticality": "criticality",
    "components": "components",
    "objective.parts_per_million": "objective",
    "objective.window_days": "days",
    "objective.latency_threshold": "threshold",
    "objective": "objective",
    "calendar": "calendar",
    "maintenance": "maintenance",
    "cost_model": "cost_model",
    "incidents.requester": "requester",
    "incidents.service": "service",
}
_MILLION = 1_000_000
_LOCAL = "%Y-%m-%d %H:%M"
_WINDOW = re.compile(
    r"(\d{4}-\d{1,2}-\d{1,2})[ T](\d{1,2}:\d{2})\s*(?:-|–|—|~|～|至|to)\s*"
    r"(?:(\d{4}-\d{1,2}-\d{1,2})[ T])?(\d{1,2}:\d{2})\s*(.*)"
)
_ROUTES = re.compile(r"\s*[,，、;；]\s*")
_PART = re.compile(r"(.+?)(?::\s+|：\s*)(.+)")
_EVENTS = " [events]"


def typed(form: Mapping[str, str]) -> dict[str, str]:
    """What a browser sent; line ends as one character."""
    return {name: form.get(name, "").replace("\r\n", "\n").strip() for name in NAMES}


def blank() -> dict[str, str]:
    """The form of a new one."""
    return {**typed({}), "criticality": "2", "objective": "99.9", "days": "30"}


def of_service(service: pb.BusinessService, zone: tzinfo) -> dict[str, str]:
    """One that is published, to be edited."""
    found = {
        **typed({}),
        "id": last_part(service.name),
        "name_en": service.display_names.get("en", ""),
        "name_zh": service.display_names.get("zh", ""),
        "owner": service.owner,
        "criticality": str(service.criticality),
        "components": "\n".join(map(_line, service.components)),
        "calendar": service.calendar,
        "cost_model": service.cost_model,
        "maintenance": "\n".join(_window(one, zone) for one in service.maintenance),
    }
    if service.HasField("objective"):
        objective = service.objective
        percent = Decimal(objective.parts_per_million) * 100 / _MILLION
        found |= {"objective": f"{percent.normalize():f}", "days": str(objective.window_days)}
        if objective.HasField("latency_threshold"):
            found["threshold"] = str(objective.latency_threshold.ToMilliseconds())
    if service.HasField("incidents"):
        told = service.incidents
        found |= {"incidents": "yes", "requester": told.requester, "service": told.service}
    return found


def service(
    given: Mapping[str, str], kept: pb.BusinessService | None, zone: tzinfo, now: datetime
) -> tuple[pb.BusinessService, dict[str, str]]:
    """The business service that the form says, and by field what cannot be read.

    kept: the version that the form was filled with. zone: in which maintenance is typed; now: when a new window of it
    is announced.
    """
    errors: dict[str, str] = {}
    made = pb.BusinessService(
        name=kept.name if kept is not None else f"businessServices/{given['id'].lower()}",
        display_names={tag: given[f"name_{tag}"] for tag in ("en", "zh") if given[f"name_{tag}"]},
        owner=given["owner"],
        criticality=_whole(given, "criticality", errors),
        components=[_part(line) for line in given["components"].splitlines() if line.strip()],
        calendar=given["calendar"],
        cost_model=given["cost_model"],
    )
    _objective(given, made, errors)
    announced = {(_key(one)): one for one in kept.maintenance} if kept is not None else {}
    for number, line in enumerate(given["maintenance"].splitlines(), 1):
        if line.strip():
            _maintenance(line.strip(), number, zone, made, errors)
    for one in made.maintenance:
        before = announced.get(_key(one))
        if before is None:
            one.announce_time.FromDatetime(now)
        elif before.HasField("announce_time"):
            one.announce_time.CopyFrom(before.announce_time)
    if given["incidents"]:
        made.incidents.requester, made.incidents.service = given["requester"], given["service"]
    return made, {name: str(text) for name, text in errors.items()}


def field_of(path: str) -> str:
    """The form's field for a field of the request, "" when it has none."""
    inner = re.sub(r"\[[^\]]*\]", "", path.removeprefix("business_service."))
    while inner and inner not in _FIELDS:
        inner = inner.rpartition(".")[0]
    return _FIELDS.get(inner, "")


def _line(component: pb.ServiceComponent) -> str:
    kind = _EVENTS if component.kind == pb.COMPONENT_KIND_EVENTS else ""
    routes = f": {', '.join(component.routes)}" if component.routes else ""
    return f"{component.service}{kind}{routes}"


def _part(line: str) -> pb.ServiceComponent:
    """`checkout-api`, `checkout-api: POST /orders, GET /cart`, or `mailer [events]` for what it consumes."""
    told = _PART.fullmatch(line.strip())
    named, routes = (line.strip().rstrip(":："), "") if told is None else (told[1].strip(), told[2].strip())
    service = named.removesuffix(_EVENTS.strip()).rstrip()
    return pb.ServiceComponent(
        service=service,
        routes=[one for one in _ROUTES.split(routes) if one],
        kind=pb.COMPONENT_KIND_EVENTS if service != named else pb.COMPONENT_KIND_UNSPECIFIED,
    )


def _window(one: pb.MaintenanceWindow, zone: tzinfo) -> str:
    start, end = (instant(at).astimezone(zone) for at in (one.period.start_time, one.period.end_time))
    return f"{start:{_LOCAL}} - {end:{_LOCAL}} {one.reason}".strip()


def _key(one: pb.MaintenanceWindow) -> tuple[int, int]:
    """Windows are typed in minutes."""
    return one.period.start_time.seconds // 60, one.period.end_time.seconds // 60


def _maintenance(line: str, number: int, zone: tzinfo, made: pb.BusinessService, errors: dict[str, str]) -> None:
    told = _WINDOW.fullmatch(line)
    try:
        if told is None:
            raise ValueError(line)
        start = datetime.strptime(f"{told[1]} {told[2]}", _LOCAL).replace(tzinfo=zone)
        end = datetime.strptime(f"{told[3] or told[1]} {told[4]}", _LOCAL).replace(tzinfo=zone)
    except ValueError:
        words = gettext("Line %(number)s: write 2026-12-01 22:00 - 2026-12-02 02:00 and why.", number=number)
        errors.setdefault("maintenance", words)
        return
    one = made.maintenance.add(reason=told[5].strip())
    one.period.start_time.FromDatetime(start.astimezone(UTC))
    one.period.end_time.FromDatetime(end.astimezone(UTC))


def _objective(given: Mapping[str, str], made: pb.BusinessService, errors: dict[str, str]) -> None:
    if not given["objective"]:
        if given["threshold"]:
            errors["objective"] = gettext("A threshold belongs to a promise; write one such as 99.9.")
        return
    try:
        exact = Decimal(given["objective"].rstrip("%").strip()) * _MILLION / 100
        if exact != exact.to_integral_value() or not 0 < exact < _MILLION:
            raise ValueError(given["objective"])
        made.objective.parts_per_million = int(exact)
    except (InvalidOperation, ValueError):
        errors["objective"] = gettext("Write per cent above 0 and below 100, at most four decimals: 99.9.")
    made.objective.window_days = _whole(given, "days", errors)
    if given["threshold"]:
        milliseconds = _whole(given, "threshold", errors)
        if milliseconds:
            made.objective.latency_threshold.FromTimedelta(timedelta(milliseconds=milliseconds))


def _whole(given: Mapping[str, str], name: str, errors: dict[str, str]) -> int:
    text = given[name]
    if text.isascii() and text.isdecimal() and len(text) < 7 and int(text):
        return int(text)
    errors[name] = gettext("Write a whole number above 0.")
    return 0
