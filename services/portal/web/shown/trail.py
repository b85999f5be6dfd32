"""The chain of evidence in words: each step with its links, or why there is none."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from flask_babel import gettext, ngettext
from throughline.changes.v1 import change_pb2
from throughline.metrics.v1 import comparisons_service_pb2, metrics_pb2

from services.portal.web.shown import change as change_shown
from services.portal.web.shown import comparison
from services.portal.web.shown.reader import instant, last_part


class Gap(Enum):
    """Why an owner did not say what was asked."""

    NOT_SHOWN = "not shown"
    AWAY = "away"


@dataclass(frozen=True, slots=True)
class Link:
    """One thing that a step leads to. href: "" where the reader may not go."""

    text: str
    href: str
    about: str = ""


def about(gap: Gap) -> str:
    """What stands beside a thing of which only the name is known."""
    return str(gettext("does not answer now") if gap is Gap.AWAY else gettext("not shown to you"))


def worse(gaps: Iterable[Gap | None]) -> Gap | None:
    """Of several questions behind one step: away when one of them waits, since its answer may still come."""
    found = {one for one in gaps if one is not None}
    return Gap.AWAY if Gap.AWAY in found else next(iter(found), None)


def incidents_of(entry: metrics_pb2.LedgerEntry) -> list[str]:
    """The tickets that an entry is about, its own cause first."""
    named = [entry.cause, *(one.resource for one in entry.evidence)]
    return [one for one in dict.fromkeys(named) if one.startswith("tickets/")]


def outages_of(entry: metrics_pb2.LedgerEntry, causes: Iterable[str]) -> list[str]:
    """The outages behind it: its cause, what has some of its time, those that its tickets belong to."""
    left_out = [one.resource for one in entry.left_out]
    evidence = [one.resource for one in entry.evidence]
    named = [entry.cause, *left_out, *evidence, *causes]
    return [one for one in dict.fromkeys(named) if one.startswith("outages/")]


def problems_of(links: Iterable[str]) -> list[str]:
    """The problems among the targets of links, each once."""
    return [one for one in dict.fromkeys(links) if one.startswith("problems/")]


def cure(changes: Sequence[change_pb2.Change]) -> change_pb2.Change | None:
    """The change whose effect can be looked at: of those that succeeded the last to finish."""
    done = [one for one in changes if one.state == change_pb2.CHANGE_STATE_SUCCEEDED and one.HasField("finish_time")]
    return max(done, key=lambda one: (instant(one.finish_time), one.name), default=None)


def incidents(links: Sequence[Link], counted: int, gap: Gap | None = None) -> dict[str, Any]:
    """The incidents that cost it. gap: why the title of one is not known."""
    more = counted - len(links)
    told = ngettext("One more incident stands in the evidence.", "%(num)s more incidents stand in the evidence.", more)
    none = gettext("No incident is named by this row.")
    return _step("incidents", gettext("Incidents"), links, none, gap) | {"more": told if more > 0 else ""}


def outages(links: Sequence[Link], gap: Gap | None = None) -> dict[str, Any]:
    """The outage that spans show. gap: why which ones there are is not known."""
    return _step("outage", gettext("Outage"), links, gettext("No outage of any service belongs to it."), gap)


def traces(links: Sequence[Link], gap: Gap | None = None) -> dict[str, Any]:
    """Spans that show it."""
    return _step("traces", gettext("Traces"), links, gettext("No trace was kept that shows it."), gap)


def own_journey(ticket: str, href: str) -> Link:
    """The incident's own trace."""
    return Link(gettext("Journey of %(ticket)s", ticket=last_part(ticket)), href, gettext("every span of the ticket"))


def problems(links: Sequence[Link], gap: Gap | None = None) -> dict[str, Any]:
    """The problem behind the incidents. gap: why what the incidents are linked to is not known."""
    return _step("problem", gettext("Problem"), links, gettext("None of the incidents is linked to a problem."), gap)


def named_by(problem: str, ticket: str, href: str) -> Link:
    """A problem, and the ticket that names it."""
    return Link(last_part(problem), href, gettext("linked by %(ticket)s", ticket=last_part(ticket)))


def changes(links: Sequence[Link], gap: Gap | None = None) -> dict[str, Any]:
    """The changes that shall cure it."""
    none = gettext("No change names these incidents as what it shall cure.")
    return _step("change", gettext("Change"), links, none, gap)


def change_words(one: change_pb2.Change) -> str:
    """Its title and where it stands."""
    return f"{one.title} · {change_shown.chip(change_shown.STATES, one.state)['text']}"


def later(
    moved: Sequence[comparisons_service_pb2.Comparison],
    href: str,
    *,
    language: str = "en",
    period: str = "",
    gap: Gap | None = None,
) -> dict[str, Any]:
    """What the service's numbers were before the change and are after it. href: "" while no change has succeeded."""
    title = gettext("Metric before and after the change")
    if not href:
        return _step("later", title, [], gettext("Waits for a change that names these incidents and succeeds."), gap)
    rows = [comparison.row(one, language) for one in moved]
    told = [
        gettext("%(name)s: %(before)s → %(after)s", name=row["name"], before=row["before"][0], after=row["after"][0])
        for row in rows
    ]
    words = " · ".join(told) if gap is None else about(gap)
    link = Link(gettext("%(period)s, against as many days before", period=period), href, words)
    return _step("later", title, [link], "", gap)


def _step(id: str, title: str, links: Sequence[Link], none: str, gap: Gap | None = None) -> dict[str, Any]:
    """A step as the template takes it; without a link it is a gap, and says why. again: to be asked once more."""
    if gap is Gap.AWAY:
        none = gettext("This part does not answer now; it is asked again every 15 seconds.")
    elif gap is Gap.NOT_SHOWN:
        none = gettext("You may not read this part.")
    return {
        "id": id,
        "title": str(title),
        "state": "done" if links else "gap",
        "links": list(links),
        "none": "" if links else str(none),
        "more": "",
        "again": gap is Gap.AWAY,
    }
