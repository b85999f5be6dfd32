"""Which files a ticket takes, under which name and type: both are decided here, never believed."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import replace
from datetime import datetime

from services.runtime.actor import Actor
from services.runtime.refusal import Refusal
from services.tickets.rules import access
from services.tickets.rules.conversation import ANYTIME, require_own_visibility
from services.tickets.rules.events import AttachmentAdded, Decided
from services.tickets.rules.ticket import Attachment, Ticket, Visibility

MOST = 50
LARGEST = 5 * 1024 * 1024
LONGEST_NAME = 120
OPAQUE = "application/octet-stream"

_PROGRAMS = (b"MZ", b"\x7fELF", b"\xfe\xed\xfa\xce", b"\xfe\xed\xfa\xcf", b"\xce\xfa\xed\xfe", b"\xcf\xfa\xed\xfe")
_PROGRAM_NAMES = re.compile(
    r"\.(?:bat|chm|cmd|com|cpl|dll|exe|hta|jar|js|jse|lnk|msi|msp|pif|ps1|reg|scr|sys|vb|vbe|vbs|ws|wsf|wsh)\Z"
)
_ZIP = b"PK\x03\x04"
_ZIPPED = {
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
}
_SIGNS = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"%PDF-", "application/pdf"),
    (b"\x1f\x8b", "application/gzip"),
)
_TEXTS = {"txt": "text/plain", "log": "text/plain", "csv": "text/csv", "json": "application/json", "md": "text/plain"}
_DEVICES = re.compile(r"(?i)(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:\.|\Z)")


def safe_name(given: str) -> str:
    """A file name for any system: the last part of a path, without what deceives the eye or the shell."""
    name = unicodedata.normalize("NFC", given).replace("\\", "/").rsplit("/", 1)[-1]
    # Category C holds control, bidirectional and zero-width characters: "gpj.exe" must not read "exe.jpg".
    name = "".join(char for char in name if unicodedata.category(char)[0] != "C" and char not in '<>:"|?*')
    name = " ".join(name.split()).strip(". ")
    if _DEVICES.match(name):
        name = f"_{name}"
    if len(name) > LONGEST_NAME:
        stem, dot, extension = name.rpartition(".")
        kept = f"{dot}{extension}" if stem and len(extension) <= 10 else ""
        name = name[: LONGEST_NAME - len(kept)].rstrip(". ") + kept
    return name or "attachment"


def safe_type(name: str, content: bytes) -> str:
    """The content type that the bytes themselves show; what could act in a browser or hides itself is OPAQUE."""
    extension = name.rpartition(".")[2].lower()
    for sign, kind in _SIGNS:
        if content.startswith(sign):
            return kind
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "image/webp"
    if content.startswith(_ZIP):
        return _ZIPPED.get(extension, "application/zip")
    return _TEXTS[extension] if extension in _TEXTS and _is_text(content) else OPAQUE


def require_takeable(name: str, content: bytes) -> None:
    """Refuses what no ticket takes, whatever it says of itself.

    Raises:
        Refusal: ATTACHMENT_EMPTY, ATTACHMENT_TOO_LARGE (5 MB), ATTACHMENT_IS_PROGRAM.
    """
    if not content:
        raise Refusal.invalid("content", "ATTACHMENT_EMPTY", "The file is empty; attach one that holds something.")
    if len(content) > LARGEST:
        raise Refusal.invalid(
            "content", "ATTACHMENT_TOO_LARGE", f"A file may hold {LARGEST // 1024**2} MB; share larger ones by a link."
        )
    if content.startswith(_PROGRAMS) or _PROGRAM_NAMES.search(name.lower()):
        raise Refusal.invalid(
            "content", "ATTACHMENT_IS_PROGRAM", "Programs and scripts cannot be attached; put them into a zip archive."
        )


def require_attachable(ticket: Ticket, actor: Actor, visibility: Visibility, id_: str) -> None:
    """Refuses before the bytes are kept what `attach` would refuse after; a file that is named already may come again.

    Raises:
        Refusal: NOT_YOURS, INTERNAL_IS_FOR_AGENTS, ATTACHMENTS_FULL, TICKET_IMPORTING.
    """
    access.require_party_or_worker(actor, ticket, "attach a file to this ticket")
    access.require_state(ticket, ANYTIME, "attach a file to this ticket")
    require_own_visibility(actor, ticket, visibility)
    if len(ticket.attachments) >= MOST and all(one.id != id_ for one in ticket.attachments):
        raise Refusal.precondition("ATTACHMENTS_FULL", f"It has {MOST} files already; use a link.", "attachments")


def attach(ticket: Ticket, actor: Actor, now: datetime, *, attachment: Attachment) -> Decided:
    """Names a file whose bytes are kept already; until then nobody sees it.

    Raises:
        Refusal: as `require_attachable`.
    """
    require_attachable(ticket, actor, attachment.visibility, attachment.id)
    attached = replace(ticket, attachments=(*ticket.attachments, attachment), updated_at=now)
    return attached, (AttachmentAdded(attached, attachment),)


def visible(ticket: Ticket, actor: Actor, attachment_id: str) -> Attachment:
    """The file of that id, if the ticket names it and the actor may see it.

    Raises:
        Refusal: NOT_FOUND.
    """
    inside = access.sees_internal(actor, ticket)
    for one in ticket.attachments:
        if one.id == attachment_id and (inside or one.visibility is Visibility.PUBLIC):
            return one
    raise Refusal.not_found(f"attachment {attachment_id}")


def _is_text(content: bytes) -> bool:
    if b"\0" in content:
        return False
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
