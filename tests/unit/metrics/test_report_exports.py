"""Files of a report: what stands in them, that no text is a formula, and that a large one takes no memory."""

from __future__ import annotations

import csv
import io
import tracemalloc
import zipfile
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from services.metrics.rules.fact import Channel, Exclusion, Fact, Judged, Type
from services.metrics.rules.period import Period
from services.metrics.rules.registry import METRICS
from services.metrics.rules.report_record import Grouping, Report, Visibility
from services.metrics.rules.report_table import Cell, Row, Table
from services.metrics.rules.stretch import Relative
from services.metrics.rules.values import Standing, Value
from services.metrics.wire import exports
from services.metrics.wire.exports import workbook
from services.metrics.wire.exports.book import Book, Line
from tests.support.files import printed, sheets

AT = datetime(2026, 10, 31, 6, 20, tzinfo=UTC)


def table() -> Table:
    """Two metrics of all and of one team; the second stands on too little."""
    report = Report(
        "reports/one", (("en", "Speed & care"), ("zh", "速度与用心")), ("time_to_resolve", "csat"), Relative.LAST_MONTH,
        "Asia/Shanghai", Visibility.OWNER, grouping=Grouping.TEAM, owner="people/may",
    )  # fmt: skip
    shown = Value("metrics/E03-resolve", Standing.SHOWN, 54720.123456, 312, median=1.0, low=50000.5, high=60000.0)
    few = Value("metrics/E15", Standing.TOO_FEW, n=11, note="11, 30 needed")
    change = Value("metrics/E03-resolve", Standing.NOT_SHOWN, n=312, low=-3.5, high=2.0)
    cells = (Cell(shown, shown, change), Cell(few, few, few))
    period = Period(datetime(2026, 9, 30, 16, tzinfo=UTC), datetime(2026, 10, 31, 16, tzinfo=UTC))
    rows = (Row("", cells), Row("teams/=evil", cells))
    return Table(report, period, period, AT, "cn/east", rows, left_out=2, ungrouped=7)


def written(book: Book, lines: list[Line], heads: list[str]) -> bytes:
    """A whole file of one sheet."""
    return book.sheet("Tickets", heads) + book.lines(lines) + book.close()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("=1+1", "'=1+1"), ("+49 30", "'+49 30"), ("-2", "'-2"), ("@SUM(A1)", "'@SUM(A1)"), ("\t=1", "'\t=1"),
        (" =1", "' =1"), ("＝1", "'＝1"), ("a=1", "a=1"), ('say "no", or\r\nyes', 'say "no", or\r\nyes'), ("", ""),
    ],
)  # fmt: skip
def test_no_text_is_a_formula(text: str, told: str) -> None:
    """In a CSV it is held by an apostrophe; in a workbook it is a text by its kind. Numbers stay numbers."""
    data = written(exports.Separated(), [[text, -2, 0.5, None, True]], ["=head", "b", "c", "d", "e"])
    rows = list(csv.reader(io.StringIO(data.decode(), newline="")))
    assert rows == [["'=head", "b", "c", "d", "e"], [told, "-2", "0.5", "", "1"]]
    assert data.endswith(b"\r\n")
    with zipfile.ZipFile(io.BytesIO(written(exports.Workbook(), [[text]], ["a"]))) as file:
        sheet = file.read("xl/worksheets/sheet1.xml").decode()
    assert "<f>" not in sheet
    assert sheet.count('t="inlineStr"') == 2


def test_a_mark_stands_before_everything_once() -> None:
    """By which some spreadsheets tell UTF-8; a second sheet has no place in a CSV."""
    book = exports.Separated(mark=True)
    data = book.sheet("a", ["团队"]) + book.lines([["网络"]]) + book.sheet("b", ["x"]) + book.lines([["y"]])
    assert data == "\ufeff团队\r\n网络\r\n".encode()


def test_a_table_tells_every_part_of_a_value() -> None:
    """Not rounded anew; without a value nothing but what it stands on."""
    lines = [dict(zip(exports.TABLE, one, strict=True)) for one in exports.table_lines(table(), "en")]
    first, few = lines[0], lines[1]
    assert (len(lines), first["group"], lines[2]["group"]) == (4, "All", "teams/=evil")
    assert (first["value"], first["low"], first["baseline"], first["change"]) == (
        54720.123456,
        50000.5,
        54720.123456,
        None,
    )
    assert (first["change_state"], first["change_low"], few["state"], few["value"]) == (
        "NOT_SHOWN",
        -3.5,
        "TOO_FEW",
        None,
    )
    assert (few["n"], few["note"], few["name"]) == (11, "11, 30 needed", METRICS["csat"].names[0])
    assert len(exports.heads(exports.TABLE, "zh")) == len(exports.TABLE)
    assert next(iter(exports.table_lines(table(), "zh")))[0] == "全部"


def test_a_ticket_is_a_line_in_the_reports_zone() -> None:
    """As the metrics see it; promises that never ended say nothing."""
    fact = Fact(
        "tickets/INC-000007", True, Type.INCIDENT, priority=2, team="teams/a", channel=Channel.PHONE, opened_at=AT,
        exclusion=Exclusion.TEST, response=Judged(AT, met=True),
    )  # fmt: skip
    line = dict(zip(exports.TICKETS, exports.ticket_line(fact, ZoneInfo("Asia/Shanghai")), strict=True))
    told = {"ticket": "INC-000007", "response_met": True, "resolution_met": None, "resolved": None, "excluded": "test"}
    assert told.items() <= line.items()
    data = written(exports.Separated(), [list(line.values())], list(line)).decode()
    assert "2026-10-31T14:20:00+08:00" in data


def test_a_workbook_opens_and_goes_on_when_a_sheet_is_full(monkeypatch: pytest.MonkeyPatch) -> None:
    """Heads again on each sheet; times are days of a spreadsheet, marks that XML cannot hold are left out."""
    monkeypatch.setattr(workbook, "LINES_A_SHEET", 3)
    lines: list[Line] = [[f"<{number}>\x00", number, AT] for number in range(5)]
    found = sheets(written(exports.Workbook(), lines, ["a", "b", "c"]))
    assert list(found) == ["Tickets", "Tickets 2", "Tickets 3"]
    assert [len(one) for one in found.values()] == [3, 3, 2]
    assert {tuple(one[0]) for one in found.values()} == {("a", "b", "c")}
    assert found["Tickets 2"][1] == ["<2>", "2", "46326.26388889"]
    assert written(exports.Workbook(), lines, ["a"]) == written(exports.Workbook(), lines, ["a"])


@pytest.mark.parametrize("book", [exports.Separated, exports.Workbook])
def test_a_large_file_takes_no_more_memory_than_a_small_one(book: Any) -> None:
    """Forty thousand lines and four hundred: what is written is given away."""

    def most(pages: int) -> int:
        made, page = book(), [[f"tickets/INC-{number:06d}", number, AT, "teams/network"] for number in range(200)]
        tracemalloc.start()
        made.sheet("a", ["a", "b", "c", "d"])
        for _ in range(pages):
            made.lines(page)
        made.close()
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return peak

    most(2)
    small, large = most(2), most(200)
    assert large < small + 200_000


def test_paper_tells_it_in_chinese() -> None:
    """Title, period, whose numbers, every value with all of its digits, and what each means; no font is embedded."""
    data = exports.paper(table(), "zh")
    text = printed(data)
    assert data.startswith(b"%PDF-")
    wanted = ("速度与用心", "2026-10-01 00:00", "cn/east", "54720.123456", "样本不足", "未列出的分组：2", "teams/=evil")
    for told in wanted:
        assert told in text, told
    assert METRICS["csat"].names[1] in text
    assert b"FontFile" not in data
    assert b"UniGB" in data
    assert exports.paper(table(), "zh") == data
    assert "Speed & care" in printed(exports.paper(table(), "en"))
