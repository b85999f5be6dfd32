"""How far counting is, in words."""

from __future__ import annotations

from dataclasses import dataclass

from flask_babel import gettext
from throughline.metrics.v1 import metrics_service_pb2 as pb

from services.portal.web import formats

# Fewer are counted within the moment in which the page is read.
_WORTH_SAYING = 100


@dataclass(frozen=True, slots=True)
class Told:
    """What is not counted yet. matters: so much that the numbers of a page are not to be relied on."""

    text: str
    matters: bool


def told(progress: pb.Progress, language: str) -> Told | None:
    """What to say of it; None when everything is counted."""
    if not progress.HasField("waiting_events"):
        return Told(
            str(gettext("Whether everything is counted cannot be told now; what came in last may be missing.")), True
        )
    waiting, counted = progress.waiting_events, progress.counted_events
    if not waiting:
        return None
    text = gettext(
        "%(counted)s of %(all)s events are counted; what is missing here may still come.",
        counted=formats.number(counted, language, 0),
        all=formats.number(counted + waiting, language, 0),
    )
    return Told(str(text), waiting >= _WORTH_SAYING)
