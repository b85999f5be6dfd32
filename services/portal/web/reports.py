"""Reports: those that one may open, and one with its numbers, its files and its due times."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from flask import Blueprint, abort, flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from google.protobuf.timestamp_pb2 import Timestamp
from throughline.metrics.v1 import metrics_service_pb2, report_pb2
from throughline.metrics.v1 import reports_service_pb2 as pb

from services.portal.web import i18n, report_files, reports_edit
from services.portal.web.backends import backends, new_request_id
from services.portal.web.names import names
from services.portal.web.session import with_roles
from services.portal.web.shown import fact
from services.portal.web.shown import report as shown
from services.portal.web.shown.reader import instant, last_part, reader

blueprint = Blueprint("reports", __name__, url_prefix="/reports")
blueprint.register_blueprint(reports_edit.blueprint)

READERS = reports_edit.READERS
_LISTED = 50
_RUN_SECONDS = 9.5


@blueprint.get("")
@with_roles(*READERS)
def page() -> ResponseReturnValue:
    """Those that the reader may open, the latest changed first."""
    token = request.args.get("page", "")
    answer = backends().reports.ListReports(pb.ListReportsRequest(page_size=_LISTED, page_token=token))
    names().people([one.owner for one in answer.reports])
    now = reader()
    return render_template(
        "reports.html",
        rows=[shown.row(one, now, url_for(".one", report=last_part(one.name))) for one in answer.reports],
        following=url_for(".page", page=answer.next_page_token) if answer.next_page_token else "",
        first=url_for(".page") if token else "",
    )


@blueprint.get("/<report>")
@with_roles(*READERS)
def one(report: str) -> ResponseReturnValue:
    """Its numbers as of now, or of the due time in the address; always within the reader's own unit."""
    as_of = _as_of()
    table = backends().reports.RunReport(
        pb.RunReportRequest(name=f"reports/{report}", as_of_time=as_of), timeout=_RUN_SECONDS
    )
    found, now = table.report, reader()
    names().people([found.owner, *found.schedule.recipients])
    zone = ZoneInfo(found.time_zone)
    same = {"report": report, "as_of": request.args.get("as_of") or None}
    return render_template(
        "report.html",
        id=report,
        name=shown.title(found, now.language),
        period=shown.stretch(table.period, zone, now),
        about=_about(table, now, zone),
        compared=table.HasField("baseline"),
        groups=shown.groups(table, now),
        left_out=table.groups_left_out,
        ungrouped=table.ungrouped_tickets,
        files=_files(same),
        runs=[_run(report, each, now, zone) for each in found.runs],
        scheduled=found.HasField("schedule"),
        as_of=now.near(as_of.ToDatetime(now.zone)) if as_of is not None else "",
        may_change=found.owner == now.sub or "administrator" in g.person.roles,
        etag=found.etag,
        request_id=new_request_id(),
    )


@blueprint.post("/<report>/delete")
@with_roles(*READERS)
def delete(report: str) -> ResponseReturnValue:
    """Asks it no more."""
    form = request.form
    asked = pb.DeleteReportRequest(
        name=f"reports/{report}", request_id=form.get("request_id", ""), etag=form.get("etag", "")
    )
    backends().reports.DeleteReport(asked)
    flash(gettext("Deleted. Nobody finds it any more, and it is no longer due."), "success")
    return redirect(url_for(".page"), 303)


@blueprint.get("/<report>/export")
@with_roles(*READERS)
def export(report: str) -> ResponseReturnValue:
    """The file in the reader's language."""
    asked = {name: request.args.get(name, "") for name in ("format", "content", "mark")}
    if asked["format"] not in report_files.FORMATS:
        abort(404)
    return report_files.sent(
        pb.ExportReportRequest(
            name=f"reports/{report}",
            as_of_time=_as_of(),
            format=report_files.FORMATS[asked["format"]],
            content=report_files.CONTENTS.get(asked["content"], pb.EXPORT_CONTENT_TABLE),
            language=i18n.language(),
            # A spreadsheet that is opened by a click does not ask how the file is written.
            byte_order_mark=True,
            mark=fact.MARKS.get(asked["mark"], metrics_service_pb2.PERIOD_MARK_UNSPECIFIED),
        )
    )


def _about(table: report_pb2.ReportTable, now: Any, zone: ZoneInfo) -> list[tuple[str, str]]:
    """What is asked, of which tickets, when it is due and whose numbers these are."""
    report = table.report
    found = [
        (gettext("Period"), f"{shown.period_words()[report.period]} ({report.time_zone})"),
        (gettext("Tickets"), shown.filter_words(report, now)),
        (gettext("Owner"), now.called(report.owner)),
        (gettext("Due"), shown.schedule_words(report, now)),
        (gettext("Whose numbers"), table.scope or gettext("every unit")),
        (gettext("Data as of"), now.near(instant(table.make_time))),
    ]
    if table.HasField("baseline"):
        found.insert(1, (gettext("Compared with"), shown.stretch(table.baseline, zone, now)))
    if report.HasField("schedule"):
        told = ", ".join(now.called(one) for one in report.schedule.recipients)
        found.insert(-2, (gettext("Recipients"), told or gettext("nobody yet")))
    return [(str(term), str(text)) for term, text in found]


def _files(same: dict[str, Any]) -> list[tuple[str, list[tuple[str, str]]]]:
    """What can be written as a file: its name, and its forms with their addresses."""

    def at(format: str, **more: Any) -> str:
        return url_for(".export", **same, format=format, **more)

    table = [(one.upper(), at(one)) for one in report_files.FORMATS]
    return [
        (str(gettext("This table")), table),
        *(
            (words, [(one.upper(), at(one, content="tickets", mark=mark)) for one in ("csv", "xlsx")])
            for mark, words in (
                ("opened", str(gettext("Tickets opened in the period"))),
                ("resolved", str(gettext("Tickets resolved in the period"))),
            )
        ),
    ]


def _run(report: str, run: report_pb2.ReportRun, now: Any, zone: ZoneInfo) -> dict[str, Any]:
    as_of = run.due_time.ToJsonString()
    return {
        "due": now.near(instant(run.due_time)),
        "period": shown.stretch(run.period, zone, now),
        "href": url_for(".one", report=report, as_of=as_of),
        "files": [(one.upper(), url_for(".export", report=report, as_of=as_of, format=one))
                  for one in report_files.FORMATS],
    }  # fmt: skip


def _as_of() -> Timestamp | None:
    """The moment in the address from which the period is reckoned."""
    text = request.args.get("as_of", "")
    if not text:
        return None
    found = Timestamp()
    try:
        found.FromDatetime(datetime.fromisoformat(text))
    except (ValueError, OverflowError):
        abort(404)
    return found
