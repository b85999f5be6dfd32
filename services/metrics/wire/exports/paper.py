"""A report on paper: A4, the table first and what each number means last; Chinese by the fonts that every reader of PDF
brings along (Adobe-GB1), so that none is embedded or shipped.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from xml.sax.saxutils import escape
from zoneinfo import ZoneInfo

from reportlab.lib import colors
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.platypus import LongTable, Paragraph, SimpleDocTemplate, Spacer, TableStyle

from services.metrics.rules.period import Period
from services.metrics.rules.registry import METRICS, Metric, Unit
from services.metrics.rules.report_table import Cell, Row, Table
from services.metrics.rules.values import Standing, Value
from services.metrics.wire.exports.columns import definitions
from services.metrics.wire.exports.separated import number
from services.metrics.wire.exports.words import LANGUAGES, state_word, title_of, unit_word, word

_FONT = "STSong-Light"
_MARGIN = 16 * mm
_WIDTHS = (56 * mm, 34 * mm, 12 * mm, 32 * mm, 22 * mm, 22 * mm)
_HOUR = 3_600
_INK, _LINE, _SOFT = colors.HexColor("#14201C"), colors.HexColor("#DDE3E0"), colors.HexColor("#EEF1EF")
_GRID = TableStyle(
    [
        ("BACKGROUND", (0, 0), (-1, 0), _SOFT),
        ("LINEBELOW", (0, 0), (-1, -1), 0.5, _LINE),
        ("VALIGN", (0, 0), (-1, -1), "TOP"),
        *((side, (0, 0), (-1, -1), 2) for side in ("LEFTPADDING", "RIGHTPADDING", "TOPPADDING", "BOTTOMPADDING")),
    ]
)

pdfmetrics.registerFont(UnicodeCIDFont(_FONT))


def _style(size: float, line: float, **more: Any) -> ParagraphStyle:
    name = f"{size} on {line}"
    return ParagraphStyle(name, fontName=_FONT, fontSize=size, leading=line, textColor=_INK, wordWrap="CJK", **more)


_TITLE, _GROUP, _BODY = _style(16, 21, spaceAfter=4), _style(12, 16, spaceBefore=10, spaceAfter=4), _style(9, 12.5)


def paper(table: Table, language: str) -> bytes:
    """The whole file; a table has at most a few hundred lines."""
    told = io.BytesIO()
    title = title_of(table.report, language)
    document = SimpleDocTemplate(
        told, pagesize=A4, leftMargin=_MARGIN, rightMargin=_MARGIN, topMargin=_MARGIN, bottomMargin=_MARGIN,
        title=title, author="Throughline", subject=_span(table.period, table.report.zone), lang=language, invariant=1,
    )  # fmt: skip

    def foot(canvas: Any, page: Any) -> None:
        canvas.setFont(_FONT, 8)
        canvas.drawRightString(A4[0] - _MARGIN, 9 * mm, str(page.page))

    parts: list[Any] = [_text(title, _TITLE), *(_text(line, _BODY) for line in _head(table, language))]
    for row in table.rows:
        parts.append(_text(row.group or word("all", language), _GROUP))
        parts.append(_grid(_lines(table, row, language), _WIDTHS))
    parts += [Spacer(1, 6 * mm), _text(word("definitions", language), _GROUP)]
    meanings = [[word(one, language) for one in ("name", "about", "formula", "version")]]
    meanings += [[str(name), str(about), str(formula), str(version)]
                 for _, name, about, _, formula, version in definitions(table, language)]  # fmt: skip
    parts.append(_grid(meanings, (40 * mm, 62 * mm, 62 * mm, 14 * mm)))
    document.build(parts, onFirstPage=foot, onLaterPages=foot)
    return told.getvalue()


def _head(table: Table, language: str) -> list[str]:
    """What stands over the numbers: period, baseline, time of data, whose numbers, and what is not in the rows."""

    def line(key: str, text: object) -> str:
        return f"{word(key, language)}: {text}" if language == "en" else f"{word(key, language)}：{text}"

    zone = table.report.zone
    found = [line("period", f"{_span(table.period, zone)} ({zone})")]
    if table.baseline is not None:
        found.append(line("baseline", _span(table.baseline, zone)))
    found.append(line("made", _minute(table.made_at, ZoneInfo(zone))))
    found.append(line("rights", table.scope or word("everything", language)))
    if table.left_out:
        found.append(line("left_out", table.left_out))
    if table.ungrouped:
        found.append(line("ungrouped", table.ungrouped))
    return found


def _lines(table: Table, row: Row, language: str) -> list[list[str]]:
    heads = [word(one, language) for one in ("metric", "value", "n", "interval", "baseline", "change")]
    at = LANGUAGES.index(language)
    lines = [heads]
    for id, cell in zip(table.report.metrics, row.cells, strict=True):
        metric = METRICS[id]
        lines.append([metric.names[at], *_figures(metric, cell, language)])
    return lines


def _figures(metric: Metric, cell: Cell, language: str) -> list[str]:
    value, change = cell.value, cell.change
    own = _told(value, metric, language) + (f" ({word('provisional', language)})" if value.provisional else "")
    before = _told(cell.baseline, metric, language) if cell.baseline is not None else ""
    moved = ""
    if change is not None:
        moved = state_word(change.standing.value, language) or f"{change.value:+g} ({change.low:g} – {change.high:g})"
    return [own, str(value.n), _interval(value), before, moved]


def _told(value: Value, metric: Metric, language: str) -> str:
    """A value with its unit and all of its digits, and in hours beside seconds; why there is none otherwise."""
    if value.standing is not Standing.SHOWN:
        standing = state_word(value.standing.value, language)
        return f"{standing} ({value.note})" if value.note else standing
    text = f"{number(value.value)} {unit_word(metric, language)}".strip()
    return f"{text} ({value.value / _HOUR:.1f} h)" if metric.unit is Unit.SECONDS else text


def _interval(value: Value) -> str:
    if value.standing is not Standing.SHOWN or value.low == value.high:
        return ""
    return f"{number(value.low)} – {number(value.high)}"


def _grid(lines: Sequence[Sequence[str]], widths: Sequence[float]) -> LongTable:
    return LongTable([[_text(cell, _BODY) for cell in line] for line in lines], widths, repeatRows=1, style=_GRID)


def _text(text: str, style: ParagraphStyle) -> Paragraph:
    return Paragraph(escape(text), style)


def _span(period: Period, zone: str) -> str:
    return " – ".join(_minute(one, ZoneInfo(zone)) for one in (period.start, period.end))


def _minute(at: datetime, zone: ZoneInfo) -> str:
    return f"{at.astimezone(zone):%Y-%m-%d %H:%M}"
