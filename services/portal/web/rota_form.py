"""The form of a rota: what was typed, kept as it is, and the rota that it says. Layers are numbered from 1."""

from __future__ import annotations

import re
from collections.abc import Mapping

from flask_babel import gettext
from throughline.sla.v1 import escalation_pb2, sla_pb2

from services.portal.web import people_typed
from services.portal.web.calendars_form import spans_text, spans_typed
from services.portal.web.shown.reader import last_part

LAYERS = 8
_FIELDS = {
    "rota.name": "id",
    "rota.time_zone": "time_zone",
    "rota.display_names": "name_en",
    "rota.notice_days": "notice",
}
_LAYER = re.compile(r"rota\.layers\[(\d+)\]\.(\w+)")
_LAYER_FIELDS = {
    "people": "people",
    "hand_over": "turn",
    "first_date": "first",
    "time": "time",
    "last_date": "last",
    "hours": "hours",
}


def typed(rota: escalation_pb2.Rota) -> dict[str, str]:
    """A rota as the form's fields."""
    found = {
        "id": last_part(rota.name),
        "name_en": rota.display_names.get("en", ""),
        "name_zh": rota.display_names.get("zh", ""),
        "time_zone": rota.time_zone,
        "notice": str(rota.notice_days),
        "layers": str(len(rota.layers)),
        "retired": "yes" if rota.retired else "",
    }
    for number, layer in enumerate(rota.layers, 1):
        found |= {
            f"people_l{number}": people_typed.people_text(layer.people, "\n"),
            f"turn_l{number}": str(layer.hand_over),
            f"first_l{number}": layer.first_date,
            f"time_l{number}": layer.time,
            f"last_l{number}": layer.last_date,
            **{f"hours_l{number}_{day.weekday}": spans_text(day.segments) for day in layer.hours},
        }
    return found


def rota(form: Mapping[str, str]) -> tuple[escalation_pb2.Rota, dict[str, str]]:
    """The rota that a form says, and by field what cannot be read."""
    errors: dict[str, str] = {}
    made = escalation_pb2.Rota(
        name=f"rotas/{form.get('id', '').strip()}",
        time_zone=form.get("time_zone", "").strip(),
        retired=bool(form.get("retired")),
    )
    for language in ("en", "zh"):
        if given := form.get(f"name_{language}", "").strip():
            made.display_names[language] = given
    notice = form.get("notice", "").strip()
    if re.fullmatch(r"[0-9]{1,7}", notice):
        made.notice_days = int(notice)
    else:
        errors["notice"] = str(gettext("Write a whole number."))
    for number in range(1, count(form) + 1):
        _layer(made, form, number, errors)
    return made, errors


def count(form: Mapping[str, str]) -> int:
    """How many layers the form has."""
    text = form.get("layers", "")
    return min(int(text), LAYERS) if text.isdecimal() and len(text) < 4 else 1


def with_layer(form: Mapping[str, str]) -> dict[str, str]:
    """The form with one more layer below the others."""
    return {**form, "layers": str(min(count(form) + 1, LAYERS))}


def without_layer(form: Mapping[str, str], number: int) -> dict[str, str]:
    """The form without a layer; those below it move up."""
    kept: dict[str, str] = {}
    for name, value in form.items():
        field = re.fullmatch(r"(\w+?)_l(\d+)(_\d)?", name)
        at = int(field[2]) if field else 0
        if field is None or at < number:
            kept[name] = value
        elif at > number:
            kept[f"{field[1]}_l{at - 1}{field[3] or ''}"] = value
    return {**kept, "layers": str(max(count(form) - 1, 1))}


def is_narrowed(form: Mapping[str, str], number: int) -> bool:
    """Whether anything is said, or wrong, of when a layer ends or in which hours it has somebody."""
    return any(form.get(name) for name in (f"last_l{number}", *(f"hours_l{number}_{day}" for day in range(1, 8))))


def field_of(path: str) -> str:
    """The form's field for a field of the request, "" when it has none."""
    layer = _LAYER.match(path)
    if layer is None:
        return _FIELDS.get(path, "")
    field, number = _LAYER_FIELDS.get(layer[2], "people"), int(layer[1]) + 1
    return f"{field}_l{number}_1" if field == "hours" else f"{field}_l{number}"


def _layer(made: escalation_pb2.Rota, form: Mapping[str, str], number: int, errors: dict[str, str]) -> None:
    def given(field: str) -> str:
        return form.get(f"{field}_l{number}", "").strip()

    weekly = str(escalation_pb2.HAND_OVER_WEEKLY)
    layer = made.layers.add(
        people=people_typed.people(given("people"), f"people_l{number}", errors),
        hand_over=escalation_pb2.HAND_OVER_WEEKLY if given("turn") == weekly else escalation_pb2.HAND_OVER_DAILY,
        first_date=given("first"),
        time=given("time"),
        last_date=given("last"),
    )
    written = False
    for weekday in range(1, 8):
        name = f"hours_l{number}_{weekday}"
        text = form.get(name, "").strip()
        segments = spans_typed(text, name, errors)
        written = written or bool(text)
        if segments:
            layer.hours.append(sla_pb2.WeeklyHours(weekday=weekday, segments=segments))
    if written and not layer.hours:
        # Without hours a layer has somebody around the clock, which is not what "closed" on every day says.
        errors.setdefault(f"hours_l{number}_1", str(gettext("Give hours to one day at least, or leave all empty.")))
