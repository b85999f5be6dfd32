"""Files that the system writes, read as others would: lines of a CSV, cells of a workbook, texts of a PDF."""

from __future__ import annotations

import base64
import csv
import io
import re
import zipfile
import zlib
from xml.etree import ElementTree as ET

_MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
_NEEDED = {"[Content_Types].xml", "_rels/.rels", "xl/styles.xml", "xl/_rels/workbook.xml.rels"}
_STREAM = re.compile(rb"stream\r?\n(.*?)endstream", re.DOTALL)
_SHOWN = re.compile(rb"\(((?:[^()\\]|\\.)*)\) Tj", re.DOTALL)
_ESCAPED = re.compile(rb"\\([0-7]{3}|.)", re.DOTALL)


def separated(data: bytes) -> list[dict[str, str]]:
    """The lines of a CSV by their heads."""
    return list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline="")))


def sheets(data: bytes) -> dict[str, list[list[str]]]:
    """The texts and numbers of an XLSX by sheet, its heads first."""
    with zipfile.ZipFile(io.BytesIO(data)) as file:
        assert file.testzip() is None
        parts = {name: ET.fromstring(file.read(name)) for name in file.namelist()}
    assert parts.keys() >= _NEEDED
    titles = [one.attrib["name"] for one in parts["xl/workbook.xml"].iter(f"{_MAIN}sheet")]
    found = {}
    for number, title in enumerate(titles, 1):
        lines = parts[f"xl/worksheets/sheet{number}.xml"].iter(f"{_MAIN}row")
        found[title] = [["".join(cell.itertext()) for cell in line] for line in lines]
    return found


def printed(data: bytes) -> str:
    """The texts of a PDF in the order in which its pages draw them, without what stands between them."""
    found = []
    for stream in _STREAM.findall(data):
        text = stream.strip()
        if text.endswith(b"~>"):
            text = zlib.decompress(base64.a85decode(b"<~" + text, adobe=True))
        found += [_ESCAPED.sub(_unescaped, part).decode("utf-16-be") for part in _SHOWN.findall(text)]
    return "".join(found)


def _unescaped(found: re.Match[bytes]) -> bytes:
    return bytes([int(found[1], 8)]) if len(found[1]) == 3 else {b"n": b"\n", b"r": b"\r"}.get(found[1], found[1])
