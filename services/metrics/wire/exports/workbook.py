"""XLSX written line by line and given away at once, so that a million lines take no more memory than a hundred.

Libraries for this form keep a sheet in memory or in a file until it is complete; here there is room for neither. Texts
stand in their cells (ECMA-376 part 1, 18.3.1.53), and a text is never a formula.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import IO
from xml.sax.saxutils import escape, quoteattr

from services.metrics.wire.exports.book import Cell, Line
from services.metrics.wire.exports.separated import number

LINES_A_SHEET = 500_000
"""Spreadsheets hold 1,048,576 lines, and a part of a plain ZIP two gigabytes."""
_TEXT = 32_767
_DAY_ZERO = datetime(1899, 12, 30)  # noqa: DTZ001 - the day that spreadsheets count from has no zone
_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]")
_TITLE = re.compile(r"[\[\]:*?/\\']")
_STAMP = (1980, 1, 1, 0, 0, 0)
_HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_KIND = "application/vnd.openxmlformats-officedocument.spreadsheetml"
_STYLES = (
    f'<styleSheet xmlns="{_MAIN}"><numFmts count="1"><numFmt numFmtId="164" formatCode="yyyy\\-mm\\-dd\\ hh:mm:ss"/>'
    '</numFmts><fonts count="2"><font><sz val="11"/><name val="Calibri"/></font><font><b/><sz val="11"/>'
    '<name val="Calibri"/></font></fonts><fills count="2"><fill><patternFill patternType="none"/></fill><fill>'
    '<patternFill patternType="gray125"/></fill></fills><borders count="1"><border/></borders><cellStyleXfs count="1">'
    '<xf/></cellStyleXfs><cellXfs count="3"><xf/><xf numFmtId="164" applyNumberFormat="1"/>'
    '<xf fontId="1" applyFont="1"/></cellXfs><cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/>'
    "</cellStyles></styleSheet>"
)


class _Sink:
    """Where the ZIP is written to: it cannot be read, nor gone back in."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def write(self, data: bytes) -> int:
        self._parts.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        """Nothing waits to be written."""

    def close(self) -> None:
        """What was written stays to be taken."""

    def take(self) -> bytes:
        """What was written since the last time."""
        taken, self._parts = b"".join(self._parts), []
        return taken


class Workbook:
    """Sheets of lines; one that grows too long is continued on the next."""

    def __init__(self) -> None:
        self._sink = _Sink()
        self._zip = zipfile.ZipFile(self._sink, "w", zipfile.ZIP_DEFLATED, compresslevel=6)
        self._titles: list[str] = []
        self._heads: Sequence[str] = ()
        self._title = ""
        self._open: IO[bytes] | None = None
        self._count = 0

    def sheet(self, title: str, heads: Sequence[str]) -> bytes:
        """Begins a sheet."""
        self._title, self._heads = title, heads
        self._begin(title)
        return self._sink.take()

    def lines(self, lines: Iterable[Line]) -> bytes:
        """Lines; what the compression has ready of them."""
        for line in lines:
            if self._count >= LINES_A_SHEET:
                self._begin(f"{self._title[:24]} {len(self._titles) + 1}")
            self._put(line)
        return self._sink.take()

    def close(self) -> bytes:
        """Ends the last sheet and says what the file holds."""
        self._end()
        sheets = range(1, len(self._titles) + 1)
        listed = "".join(
            f'<sheet name={quoteattr(title)} sheetId="{number}" r:id="rId{number}"/>'
            for number, title in zip(sheets, self._titles, strict=True)
        )
        self._part(
            "xl/workbook.xml", f'<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}"><sheets>{listed}</sheets></workbook>'
        )
        related = "".join(_related(number, "worksheet", f"worksheets/sheet{number}.xml") for number in sheets)
        related += _related(len(self._titles) + 1, "styles", "styles.xml")
        self._part("xl/_rels/workbook.xml.rels", _relations(related))
        self._part("xl/styles.xml", _STYLES)
        self._part("_rels/.rels", _relations(_related(1, "officeDocument", "xl/workbook.xml")))
        kinds = "".join(
            f'<Override PartName="/xl/worksheets/sheet{number}.xml" ContentType="{_KIND}.worksheet+xml"/>'
            for number in sheets
        )
        self._part(
            "[Content_Types].xml",
            f'<Types xmlns="{_PACKAGE}/content-types"><Default Extension="rels" '
            'ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
            f'<Override PartName="/xl/workbook.xml" ContentType="{_KIND}.sheet.main+xml"/>'
            f'<Override PartName="/xl/styles.xml" ContentType="{_KIND}.styles+xml"/>{kinds}</Types>',
        )
        self._zip.close()
        return self._sink.take()

    def _begin(self, title: str) -> None:
        self._end()
        self._titles.append(_TITLE.sub(" ", title).strip()[:31] or f"{len(self._titles) + 1}")
        self._open = self._zip.open(_named(f"xl/worksheets/sheet{len(self._titles)}.xml"), "w")
        self._count = 0
        pane = '<pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/>'
        views = f'<sheetViews><sheetView workbookViewId="0">{pane}</sheetView></sheetViews>'
        self._write(f'{_HEAD}<worksheet xmlns="{_MAIN}">{views}<sheetData>')
        self._put(self._heads, style=' s="2"')

    def _put(self, line: Line, style: str = "") -> None:
        self._count += 1
        self._write(f"<row>{''.join(_cell(cell, style) for cell in line)}</row>")

    def _end(self) -> None:
        if self._open is not None:
            self._write("</sheetData></worksheet>")
            self._open.close()
            self._open = None

    def _write(self, text: str) -> None:
        assert self._open is not None, "a line belongs to a sheet"  # noqa: S101 - a fault of ours, not of a caller's
        self._open.write(text.encode())

    def _part(self, name: str, text: str) -> None:
        self._zip.writestr(_named(name), _HEAD + text)


def _named(name: str) -> zipfile.ZipInfo:
    """A part of the ZIP; the same content gives the same bytes, whenever it is written."""
    info = zipfile.ZipInfo(name, _STAMP)
    info.compress_type = zipfile.ZIP_DEFLATED
    return info


def _cell(cell: Cell, style: str) -> str:
    if cell is None:
        return "<c/>"
    if isinstance(cell, bool):
        return f'<c t="b"><v>{cell:d}</v></c>'
    if isinstance(cell, datetime):
        since = cell.replace(tzinfo=None) - _DAY_ZERO
        return f'<c s="1"><v>{since.total_seconds() / 86_400:.8f}</v></c>'
    if isinstance(cell, str):
        text = escape(_UNPRINTABLE.sub("", cell)[:_TEXT])
        return f'<c t="inlineStr"{style}><is><t xml:space="preserve">{text}</t></is></c>'
    return f"<c><v>{number(cell)}</v></c>"


def _relations(related: str) -> str:
    return f'<Relationships xmlns="{_PACKAGE}/relationships">{related}</Relationships>'


def _related(number: int, kind: str, target: str) -> str:
    return f'<Relationship Id="rId{number}" Type="{_OFFICE}/{kind}" Target="{target}"/>'
