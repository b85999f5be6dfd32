"""A mapping file: which column of a log means what. docs/import.md says how to write one."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

MAPPINGS = Path(__file__).parent / "mappings"
STATES = ("NEW", "IN_PROGRESS", "AWAITING_REQUESTER", "ON_HOLD", "RESOLVED", "CLOSED", "CANCELLED")
HOLDS = ("VENDOR", "PROBLEM", "CHANGE", "EVIDENCE", "OTHER")
CHANNELS = ("PORTAL", "EMAIL", "CHAT", "PHONE", "WALK_UP", "API", "MONITORING")

_NOT_A_NAME = re.compile(r"[^a-z0-9]+")


class RowRejected(Exception):
    """A row that cannot be taken. reason: UPPER_SNAKE; the message names column and value."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Column(_Strict):
    """One field's column. values: log value -> ours; without them the text is taken as it is.

    otherwise: for values that are not listed; without it such a row is rejected. name: a collection ("teams"), when the
    text is to become a resource name.
    """

    column: str
    values: dict[str, str | int | bool] | None = None
    otherwise: str | int | bool | None = None
    name: str = ""

    def read(self, row: Mapping[str, str], missing: frozenset[str]) -> Any:
        """The field's value in this row; None when it is missing.

        Raises:
            RowRejected: VALUE_UNKNOWN.
        """
        text = row[self.column].strip()
        if text in missing:
            return None
        if self.values is not None:
            if text in self.values:
                return self.values[text]
            if self.otherwise is not None:
                return self.otherwise
            raise RowRejected("VALUE_UNKNOWN", f"{self.column} holds {text!r}, which the mapping does not know.")
        if self.name:
            return f"{self.name}/{_NOT_A_NAME.sub('-', text.lower()).strip('-')}"
        return text


class Fields(_Strict):
    """Which columns the fields of a step come from; open_time and the rest of the opening count in the first row."""

    external_id: Column
    open_time: Column
    time: Column
    state: Column
    hold_reason: Column | None = None
    impact: Column | None = None
    urgency: Column | None = None
    team: Column | None = None
    assignee: Column | None = None
    requester: Column | None = None
    opener: Column | None = None
    actor: Column | None = None
    channel: Column | None = None
    category: Column | None = None
    service: Column | None = None
    site: Column | None = None
    knowledge_used: Column | None = None

    @field_validator("state", "hold_reason", "channel")
    @classmethod
    def _listed(cls, column: Column | None, info: Any) -> Column | None:
        allowed = {"state": STATES, "hold_reason": (*HOLDS, ""), "channel": CHANNELS}[info.field_name]
        if column is not None:
            if column.values is None:
                raise ValueError("lists its values")
            given = [*column.values.values(), *([] if column.otherwise is None else [column.otherwise])]
            unknown = [value for value in given if value not in allowed]
            if unknown:
                raise ValueError(f"{unknown[0]!r} is none of {', '.join(map(repr, allowed))}")
        return column


class TicketMapping(_Strict):
    """A whole mapping file.

    source: names the log; part of every cause, so the same log under another source comes in again. order_by: columns
    of whole numbers that order the rows of one ticket; rows that are equal keep the file's order. title: text with
    {column} in it.
    """

    source: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,30}$")
    type: Literal["INCIDENT", "REQUEST"] = "INCIDENT"
    encoding: str = "utf-8"
    delimiter: str = Field(default=",", min_length=1, max_length=1)
    time_zone: str
    time_format: str
    missing: frozenset[str] = frozenset({""})
    order_by: list[str] = Field(default_factory=list)
    title: str
    unit: str = ""
    fields: Fields

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (KeyError, ValueError) as error:
            raise ValueError("is no IANA zone, such as Europe/Lisbon") from error
        return name

    def columns(self) -> set[str]:
        """Every column that the log must have."""
        named = {column.column for column in self.fields.__dict__.values() if column is not None}
        return named | set(self.order_by) | set(re.findall(r"\{([^{}]+)\}", self.title))

    def moment(self, row: Mapping[str, str], column: Column) -> datetime:
        """An instant of this row as aware UTC.

        Raises:
            RowRejected: TIME_UNREADABLE.
        """
        text = row[column.column].strip()
        try:
            return _moment(text, self.time_format, self.time_zone)
        except ValueError as error:
            raise RowRejected(
                "TIME_UNREADABLE", f"{column.column} holds {text!r}, which is no time of the form {self.time_format}."
            ) from error


# A log says the same minute many times, and parsing one is most of the cost of reading a row.
@lru_cache(maxsize=200_000)
def _moment(text: str, form: str, zone: str) -> datetime:
    local = datetime.strptime(text, form)  # noqa: DTZ007 - the zone is the mapping's
    return (local if local.tzinfo else local.replace(tzinfo=ZoneInfo(zone))).astimezone(UTC)


def load(name: str) -> TicketMapping:
    """A mapping that ships with the tool, by name, or a file of one's own, by path.

    Raises:
        ValueError: there is none, or the file is wrong; one line for each thing wrong with it, naming the field.
    """
    path = MAPPINGS / f"{name}.yaml" if "/" not in name and not name.endswith((".yaml", ".yml")) else Path(name)
    if not path.exists():
        shipped = ", ".join(sorted(one.stem for one in MAPPINGS.glob("*.yaml")))
        raise ValueError(f"There is no mapping {name!r}; shipped are {shipped}, or give the path of a file.")
    try:
        return TicketMapping.model_validate(yaml.safe_load(path.read_text("utf-8")))
    except ValidationError as error:
        lines = (f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
        raise ValueError(f"{path}:\n" + "\n".join(lines)) from error
    except yaml.YAMLError as error:
        raise ValueError(f"{path} is no YAML: {error}") from error
