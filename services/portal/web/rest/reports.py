"""Reports: kept, run with one's own rights, and written as files."""

from __future__ import annotations

from flask.typing import ResponseReturnValue
from throughline.metrics.v1 import reports_service_pb2

from services.portal.web import report_files
from services.portal.web.rest import routes
from services.portal.web.rest.routes import Route

_REPORT = {"name": "reports/{id}"}


def export(id: str) -> ResponseReturnValue:
    """The file, sent in parts as it is made."""
    asked = routes.asked(EXPORT, {"id": id})
    assert isinstance(asked, reports_service_pb2.ExportReportRequest)  # noqa: S101 - the message of its own route
    return report_files.sent(asked)


EXPORT = Route(
    "GET", "/reports/{id}/export", "reports", "ExportReport", "The table, or the tickets behind it, as a file",
    binds=_REPORT, view=export, answer=", ".join(report_files.MEDIA.values()),
)  # fmt: skip

ROUTES = (
    Route("GET", "/reports", "reports", "ListReports", "Reports that one may open, the latest changed first"),
    Route("POST", "/reports", "reports", "CreateReport", "Keep a report of one's own", 201),
    Route("GET", "/reports/{id}", "reports", "GetReport", "One report: what it asks, when it is due", binds=_REPORT),
    Route("PUT", "/reports/{id}", "reports", "UpdateReport", "The report as it shall be", binds=_REPORT),
    Route("POST", "/reports/{id}/delete", "reports", "DeleteReport", "Ask it no more", binds=_REPORT),
    Route("GET", "/reports/{id}/run", "reports", "RunReport", "Its numbers, within the reader's unit", binds=_REPORT),
    EXPORT,
)
