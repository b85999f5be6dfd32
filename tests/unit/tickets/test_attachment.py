"""Files: names that no system trips over, types that the bytes show, and what no ticket takes."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.runtime.refusal import Refusal
from services.tickets.rules.attachment import (
    LARGEST,
    LONGEST_NAME,
    MOST,
    OPAQUE,
    attach,
    require_takeable,
    safe_name,
    safe_type,
    visible,
)
from services.tickets.rules.ticket import Attachment, Visibility
from tests.unit.tickets.cases import ANN, BEN, FRESH, NOW

PNG = b"\x89PNG\r\n\x1a\n" + bytes(8)


@pytest.mark.parametrize(
    ("given_name", "kept"),
    [
        ("报告 2026.pdf", "报告 2026.pdf"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\ann\\photo.png", "photo.png"),
        ("photo\u202egnp.exe", "photognp.exe"),
        ("a\x00b\r\n.txt", "ab.txt"),
        ("...", "attachment"),
        ("", "attachment"),
        (".htaccess", "htaccess"),
        ("nul.txt", "_nul.txt"),
        ('a<b>"c|d?.txt', "abcd.txt"),
        ("x" * 300 + ".pdf", "x" * (LONGEST_NAME - 4) + ".pdf"),
    ],
)
def test_names(given_name: str, kept: str) -> None:
    """The last part of the path, without what deceives."""
    assert safe_name(given_name) == kept


@given(st.text(max_size=400))
def test_no_name_is_dangerous(name: str) -> None:
    """Whatever comes, what is kept is short, has no path and no control character, and keeps itself."""
    kept = safe_name(name)
    assert 0 < len(kept) <= LONGEST_NAME + 1
    assert not set(kept) & set('/\\<>:"|?*\r\n\0')
    assert not kept.startswith(".")
    assert safe_name(kept) == kept


@pytest.mark.parametrize(
    ("name", "content", "kind"),
    [
        ("a.png", PNG, "image/png"),
        ("a.txt", PNG, "image/png"),
        ("a.png", b"<script>alert(1)</script>", OPAQUE),
        ("a.html", b"<html></html>", OPAQUE),
        ("a.svg", b"<svg onload='x'/>", OPAQUE),
        ("a.log", "错误: timeout".encode(), "text/plain"),
        ("a.log", b"\xff\xfe\x00", OPAQUE),
        ("a.csv", b"a,b\n", "text/csv"),
        ("a.xlsx", b"PK\x03\x04rest", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
        ("a.zip", b"PK\x03\x04rest", "application/zip"),
        ("a.pdf", b"%PDF-1.7", "application/pdf"),
        ("a.webp", b"RIFF\x00\x00\x00\x00WEBP", "image/webp"),
        ("noextension", b"hello", OPAQUE),
    ],
)
def test_types_are_shown_by_the_bytes(name: str, content: bytes, kind: str) -> None:
    """What the name or the sender says makes nothing active."""
    assert safe_type(name, content) == kind


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("a.txt", b"", "ATTACHMENT_EMPTY"),
        ("a.txt", bytes(LARGEST + 1), "ATTACHMENT_TOO_LARGE"),
        ("holiday.jpg", b"MZ\x90\x00", "ATTACHMENT_IS_PROGRAM"),
        ("tool", b"\x7fELF\x02", "ATTACHMENT_IS_PROGRAM"),
        ("Setup.EXE", b"whatever", "ATTACHMENT_IS_PROGRAM"),
        ("run.ps1", b"Get-Item", "ATTACHMENT_IS_PROGRAM"),
    ],
)
def test_what_no_ticket_takes(name: str, content: bytes, reason: str) -> None:
    """Nothing, too much, and programs under any name."""
    with pytest.raises(Refusal, match=reason):
        require_takeable(name, content)


def test_internal_files_are_not_there_for_the_requester_and_fifty_are_enough() -> None:
    """The requester's look-up of an internal file is NOT_FOUND; the fifty-first file is refused."""
    inside = Attachment("a", "notes.txt", "text/plain", 1, BEN.sub, NOW, Visibility.INTERNAL)
    ticket, _ = attach(FRESH, BEN, NOW, attachment=inside)
    assert visible(ticket, BEN, "a") == inside
    with pytest.raises(Refusal, match="NOT_FOUND"):
        visible(ticket, ANN, "a")
    full = replace(FRESH, attachments=tuple(replace(inside, id=str(number)) for number in range(MOST)))
    with pytest.raises(Refusal, match="ATTACHMENTS_FULL"):
        attach(full, BEN, NOW, attachment=inside)
