"""Forms whose parts are added and taken away, and which show what would be before anything is published."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from flask import request
from flask.typing import ResponseReturnValue

from services.portal.web.backends import new_request_id
from services.portal.web.problems import STATUS, field_errors
from services.runtime.refusal import Kind, Refusal

M = TypeVar("M")
Given = Mapping[str, str]
_REMOVE = "remove-"


class Shows(Protocol):
    """Answers with the form of `known` ("" for a new one) as it was given, with errors by field."""

    def __call__(
        self,
        known: str,
        given: Given,
        errors: Given,
        status: int = 200,
        *,
        preview: dict[str, Any] | None = None,
    ) -> ResponseReturnValue: ...


@dataclass(frozen=True, slots=True)
class Previewed(Generic[M]):
    """What differs from one such form to the next.

    read: what was given -> the message and errors by field. field_of: a path in a refusal -> the field of the form.
    """

    read: Callable[[dict[str, str]], tuple[M, Given]]
    with_part: Callable[[dict[str, str]], dict[str, str]]
    without_part: Callable[[dict[str, str], int], dict[str, str]]
    field_of: Callable[[str], str]
    form: Shows
    preview: Callable[[M], dict[str, Any]]
    publish: Callable[[str, Given, M], ResponseReturnValue]

    def sent(self, known: str) -> ResponseReturnValue:
        """Answers the form that was sent: adds or removes a part, previews or publishes; nothing typed is lost.

        known: the id of what is edited, "" for a new one.
        """
        given = request.form.to_dict() | ({"id": known} if known else {})
        act = given.pop("act", "preview")
        if act == "add":
            return self.form(known, self.with_part(given), {})
        if act.startswith(_REMOVE) and act.removeprefix(_REMOVE).isdecimal():
            return self.form(known, self.without_part(given, int(act.removeprefix(_REMOVE))), {})
        made, errors = self.read(given)
        if errors:
            return self.form(known, given, errors, STATUS[Kind.INVALID])
        try:
            if act == "publish":
                return self.publish(known, given, made)
            return self.form(known, given, {}, preview=self.preview(made))
        except Refusal as refusal:
            if refusal.kind is Kind.UNAUTHENTICATED:
                raise
            told = {self.field_of(path): text for path, text in field_errors(refusal).items()}
            again = {} if refusal.kind is Kind.UNAVAILABLE else {"request_id": new_request_id()}
            return self.form(known, given | again, told, STATUS[refusal.kind])
