"""Two pages of the board: every metric in two periods side by side, and what goes together in the same tickets."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from flask import Blueprint, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import get_timezone
from throughline.metrics.v1 import comparisons_service_pb2, metrics_service_pb2

from services.portal.web.backends import backends
from services.portal.web.cost_models import READERS
from services.portal.web.names import names
from services.portal.web.session import with_roles
from services.portal.web.shown import choices
from services.portal.web.shown import comparison as shown
from services.portal.web.shown import period as periods
from services.portal.web.shown.period import Choice
from services.portal.web.shown.reader import reader

blueprint = Blueprint("compare", __name__)


@blueprint.get("/compare")
@with_roles(*READERS)
def page() -> ResponseReturnValue:
    """Every metric before and after, with the difference and its interval, and whether faster was worth more."""
    choice, now = chosen(), reader()
    compared = choice.compared or choice.days.before()
    answer = backends().comparisons.ComparePeriods(
        comparisons_service_pb2.ComparePeriodsRequest(
            period=choice.days.interval(choice.zone),
            baseline=compared.interval(choice.zone),
            filter=choice.filter,
        )
    )
    today = now.now.astimezone(now.zone).date()
    return render_template(
        "board_compare.html",
        worth=shown.worth(answer, now.language),
        bands=shown.bands(answer.comparisons, now.language),
        after=choice.days.told(now.language, today),
        before=compared.told(now.language, today),
        **frame(choice, ".page"),
    )


@blueprint.get("/together")
@with_roles(*READERS)
def together() -> ResponseReturnValue:
    """Pairs of readings that rise or fall together, with n and interval; none below the minimum."""
    choice, now = chosen(), reader()
    asked = comparisons_service_pb2.ListCorrelationsRequest(
        period=choice.days.interval(choice.zone), filter=choice.filter
    )
    answer = backends().comparisons.ListCorrelations(asked)
    registry = backends().metrics.ListMetrics(metrics_service_pb2.ListMetricsRequest()).metrics
    return render_template(
        "board_together.html",
        **shown.together(answer, {one.name: one for one in registry}, now.language),
        **frame(choice, ".together"),
    )


def chosen() -> Choice:
    """What the address chooses."""
    zone = ZoneInfo(str(get_timezone()))
    return periods.read(request.args, zone, reader().now.astimezone(zone).date())


def frame(choice: Choice, endpoint: str) -> dict[str, object]:
    """The choice as words and links, all of them to the same page."""
    now = reader()
    today = now.now.astimezone(now.zone).date()

    def at(**changes: str) -> str:
        return url_for(endpoint, **choice.query(**changes))

    return {
        "back": url_for("board.page", **choice.query()),
        "action": url_for(endpoint),
        "menus": choices.menus(choice, now, today, at),
        "form": choices.form(choice, names().teams(), now.language),
        "previous": at(**choice.days.before().query()),
        "next": at(**choice.days.after().query()),
        "period": choice.days.told(now.language, today),
    }
