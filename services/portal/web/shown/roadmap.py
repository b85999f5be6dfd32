"""The way in four stages as its page shows it: criteria with their numbers, gains, and what data the next one has."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask_babel import gettext, ngettext
from throughline.metrics.v1 import board_pb2
from throughline.metrics.v1 import governance_pb2 as pb

from services.portal.web import formats
from services.portal.web.shown import tile as tiles
from services.portal.web.shown.board import amount, category_words
from services.portal.web.shown.reader import Reader, instant

MET, UNMET = pb.CRITERION_STATE_MET, pb.CRITERION_STATE_UNMET
TOO_FEW, WAITS = pb.CRITERION_STATE_TOO_FEW, pb.CRITERION_STATE_WAITS
STAGES = {
    "entry": pb.ROADMAP_STAGE_ENTRY,
    "process": pb.ROADMAP_STAGE_PROCESS,
    "automation": pb.ROADMAP_STAGE_AUTOMATION,
    "board": pb.ROADMAP_STAGE_BOARD,
}


def stages(roadmap: pb.Roadmap, reader: Reader) -> list[dict[str, Any]]:
    """Every stage in order, each with the data that its next one has."""
    found = []
    for at, one in enumerate(roadmap.stages):
        following = roadmap.stages[at + 1] if at + 1 < len(roadmap.stages) else None
        found.append(
            {
                "number": at + 1,
                "name": named(one, reader.language),
                "state": _state(one, roadmap),
                "lasted": _lasted(one, reader),
                "note": one.note,
                "criteria": [_criterion(each, reader.language) for each in one.criteria],
                "met": gettext(
                    "%(met)s of %(all)s criteria met",
                    met=sum(each.state == MET for each in one.criteria),
                    all=len(one.criteria),
                ),
                "gains": [_gain(line, reader.language) for line in one.gains],
                "entered": one.HasField("start_time"),
                "next": readiness(following, reader.language) if following is not None else None,
            }
        )
    return found


def named(one: pb.StageReport, language: str) -> str:
    """A stage's name in the reader's language."""
    return _told(one.display_names, language)


def readiness(one: pb.StageReport, language: str) -> dict[str, Any]:
    """Whether there are data to judge a stage by: what is counted, what is too little, what is still to come."""
    ready = [each for each in one.criteria if each.state in (MET, UNMET)]
    few = [
        (_told(each.display_names, language), gettext("%(n)s of %(needed)s", n=each.n, needed=each.needed))
        for each in one.criteria
        if each.state == TOO_FEW
    ]
    waits = [
        (_told(each.display_names, language), tiles.told(each.waits_for))
        for each in one.criteria
        if each.state == WAITS
    ]
    return {
        "name": named(one, language),
        "ready": gettext("%(ready)s of %(all)s measures have data", ready=len(ready), all=len(one.criteria)),
        "few": few,
        "waits": waits,
    }


def missing(roadmap: pb.Roadmap, stage: int, language: str) -> list[dict[str, Any]]:
    """The criteria of a stage, by its number, that are not met; what waits or stands on too little is among them."""
    [found] = [one for one in roadmap.stages if one.stage == stage]
    return [_criterion(one, language) for one in found.criteria if one.state != MET]


def choices(roadmap: pb.Roadmap, language: str) -> list[tuple[str, str]]:
    """The stages that may be entered."""
    names = {one.stage: named(one, language) for one in roadmap.stages}
    return [(slug, names.get(value, slug)) for slug, value in STAGES.items() if value != roadmap.stage]


def _state(one: pb.StageReport, roadmap: pb.Roadmap) -> dict[str, str]:
    if one.stage == roadmap.stage:
        return {"text": str(gettext("Here now")), "tone": "value", "icon_name": "target"}
    if one.HasField("start_time") and one.stage < roadmap.stage:
        return {"text": str(gettext("Left behind")), "tone": "", "icon_name": "check"}
    return {"text": str(gettext("To come")), "tone": "outline", "icon_name": "hourglass"}


def _lasted(one: pb.StageReport, reader: Reader) -> str:
    if not one.HasField("start_time"):
        return ""
    who, start = reader.called(one.actor), reader.near(instant(one.start_time))
    if one.HasField("end_time"):
        end = reader.near(instant(one.end_time))
        return str(gettext("From %(start)s to %(end)s, entered by %(who)s", start=start, end=end, who=who))
    return str(gettext("Since %(start)s, entered by %(who)s", start=start, who=who))


def _criterion(one: pb.StageCriterion, language: str) -> dict[str, Any]:
    verdicts = {
        MET: (gettext("Met"), "ok", "check-circle"),
        UNMET: (gettext("Not met"), "warn", "warning"),
        TOO_FEW: (gettext("Too few"), "outline", ""),
        WAITS: (gettext("Waits"), "pause", "hourglass"),
    }
    text, tone, icon = verdicts[one.state]
    found: dict[str, Any] = {
        "about": {
            "id": one.id.replace("_", "-"),
            "name": _told(one.display_names, language),
            "text": _told(one.descriptions, language),
            "formula": one.source,
        },
        "name": _told(one.display_names, language),
        "verdict": {"text": str(text), "tone": tone, "icon_name": icon},
    }
    if one.state == WAITS:
        return found | {"value": str(gettext("Waits for %(what)s", what=tiles.told(one.waits_for))), "needs": ""}
    if one.state == TOO_FEW:
        few = ngettext("%(num)s, %(needed)s needed", "%(num)s, %(needed)s needed", one.n, needed=one.needed)
        return found | {"value": str(few), "needs": _bound(one, language)}
    return found | {"value": _number(one, one.value, language), "needs": _bound(one, language)}


def _bound(one: pb.StageCriterion, language: str) -> str:
    bound = _number(one, one.threshold, language)
    words = gettext("at least %(bound)s", bound=bound) if one.at_least else gettext("at most %(bound)s", bound=bound)
    return str(words)


def _number(one: pb.StageCriterion, value: float, language: str) -> str:
    if one.unit == "%":
        return formats.percent(value / 100, language, 1)
    if one.unit == "count per 100 tickets":
        return str(gettext("%(number)s per 100 tickets", number=formats.number(value, language, 1)))
    if one.unit == "minor units":
        return formats.money(round(value), language=language)
    return formats.number(value, language, None if value != round(value) else 0)


def _gain(line: board_pb2.MoneyLine, language: str) -> tuple[str, str]:
    """A category and what the ledger has of it, or what it waits for."""
    name, _ = category_words(line.category)
    if line.entries:
        rows = ngettext("%(num)s row", "%(num)s rows", line.entries)
        return name, f"{amount(line.amount, language)} · {rows}"
    if not line.waits_for:
        return name, str(gettext("Nothing booked"))
    return name, str(gettext("Waits for %(what)s", what=tiles.told(line.waits_for)))


def _told(texts: Mapping[str, str], language: str) -> str:
    return texts.get(language, "") or texts.get("en", "")
