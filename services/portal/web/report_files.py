"""Reports as files: sent in parts while they are made, so that no number of tickets is too large."""

from __future__ import annotations

import re

from flask import Response
from throughline.metrics.v1 import reports_service_pb2 as pb

from services.portal.web import i18n
from services.portal.web.backends import backends, opened

FORMATS = {"csv": pb.EXPORT_FORMAT_CSV, "xlsx": pb.EXPORT_FORMAT_XLSX, "pdf": pb.EXPORT_FORMAT_PDF}
CONTENTS = {"table": pb.EXPORT_CONTENT_TABLE, "tickets": pb.EXPORT_CONTENT_TICKETS}
# A million tickets take minutes; who has gone away by then has cancelled it.
LONGEST_SECONDS = 1800.0
MEDIA = {
    "csv": "text/csv",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "pdf": "application/pdf",
}
_UNSAFE = re.compile(r'[\x00-\x1f\x7f<>:"/\\|?*]+')


def sent(asked: pb.ExportReportRequest) -> Response:
    """The file that is asked for, with the reader's rights; what is refused is refused before the first byte."""
    ending = next((one for one, format in FORMATS.items() if format == asked.format), "csv")
    report = backends().reports.GetReport(pb.GetReportRequest(name=asked.name))
    parts = opened(backends().reports.ExportReport(asked, timeout=LONGEST_SECONDS))
    answer = Response((one.data for one in parts), mimetype=MEDIA[ending])
    language = asked.language or i18n.language()
    title = report.titles.get(language) or next(iter(report.titles.values()), "report")
    answer.headers.set("Content-Disposition", "attachment", filename=f"{_UNSAFE.sub(' ', title).strip()[:80]}.{ending}")
    return answer
