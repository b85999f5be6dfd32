"""What the running system says of the shop's outage: asked as an executive, read from the board, in a few lines."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from throughline.metrics.v1 import (
    availability_service_pb2,
    board_pb2,
    metrics_service_pb2,
    outage_pb2,
)
from throughline.metrics.v1.availability_service_pb2_grpc import AvailabilityServiceStub
from throughline.metrics.v1.metrics_service_pb2_grpc import MetricsServiceStub

from deploy.local.demo.company import TIME_ZONE, person
from tool.board import period
from tool.connection import Connection
from tool.demo.shop import BANK, CALLS, Fault

EXECUTIVE = "liu-mingyuan"
_PAGE = 50
_AROUND = timedelta(minutes=1)
_STATES = {
    outage_pb2.OUTAGE_STATE_PROVISIONAL: "provisional",
    outage_pb2.OUTAGE_STATE_OPEN: "open",
    outage_pb2.OUTAGE_STATE_CLOSED: "closed",
}
_ORIGINS = (outage_pb2.OUTAGE_ORIGIN_ROOT, outage_pb2.OUTAGE_ORIGIN_SYMPTOMATIC)
_TIERS = {
    outage_pb2.ATTRIBUTION_TIER_A: "A",
    outage_pb2.ATTRIBUTION_TIER_B: "B",
    outage_pb2.ATTRIBUTION_TIER_C: "C",
}


@dataclass(frozen=True, slots=True)
class Story:
    """outage: its name, "" before there is one. root: whom it blames, "" while it cannot tell. requests: affected, with
    their interval. tickets: each with its tier. loss: in minor units, of this outage alone; None before it is booked.
    """

    outage: str = ""
    service: str = ""
    state: str = ""
    root: str = ""
    requests: float = 0.0
    low: float = 0.0
    high: float = 0.0
    users: int = 0
    sites: tuple[str, ...] = ()
    affected: tuple[str, ...] = ()
    tickets: tuple[tuple[str, str], ...] = ()
    loss: int | None = None
    provisional: bool = False
    currency: str = ""
    board_loss: int = 0
    board_provisional: int = 0

    @property
    def whole(self) -> bool:
        """Whether all that the board can tell of an outage under way has been told."""
        return bool(self.root and self.requests and any(tier != "C" for _, tier in self.tickets) and self.loss)


class Reader:
    """Asks the metrics service."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection.acting_as(person(EXECUTIVE).actor)
        self._availability = self._connection.stub("metrics", AvailabilityServiceStub)
        self._metrics = self._connection.stub("metrics", MetricsServiceStub)

    def read(self, fault: Fault, until: datetime) -> Story:
        """What is told of the fault by now: the outage that is the root, else the first that a customer would see.

        Raises:
            Refusal: the service refused or was away.
        """
        asked = availability_service_pb2.ListOutagesRequest(
            period=period(fault.start - _AROUND, until + _AROUND), page_size=_PAGE
        )
        found = [
            one
            for one in self._connection.call(self._availability.ListOutages, asked).outages
            if one.service in (*CALLS, BANK)
            and (not one.HasField("end_time") or one.end_time.ToDatetime(UTC) >= fault.start)
        ]
        if not found:
            return Story()
        # The root before its symptoms, and what is new before what goes on from before.
        chosen = min(found, key=lambda one: (one.service != one.root_service, -one.start_time.seconds, one.service))
        return self._told(chosen, until)

    def _told(self, one: outage_pb2.Outage, until: datetime) -> Story:
        asked = metrics_service_pb2.ListLedgerEntriesRequest(
            period=period(until - timedelta(days=1), until + timedelta(days=1)), cause=one.name, page_size=_PAGE
        )
        hour = until.replace(minute=0, second=0, microsecond=0)
        entries = self._connection.call(self._metrics.ListLedgerEntries, asked).entries
        board = self._connection.call(
            self._metrics.GetBoard,
            # Money lies on whole hours: this one and the last.
            board_pb2.GetBoardRequest(
                period=period(hour - timedelta(hours=1), hour + timedelta(hours=1)), time_zone=TIME_ZONE
            ),
        )
        scope = one.scope
        return Story(
            outage=one.name,
            service=one.service,
            state=_STATES.get(one.state, ""),
            root=one.root_service if one.origin in _ORIGINS else "",
            requests=scope.requests,
            low=scope.requests_low,
            high=scope.requests_high,
            users=scope.users,
            sites=tuple(scope.sites),
            affected=tuple(one.affected_services),
            tickets=tuple((each.ticket, _TIERS.get(each.tier, "C")) for each in one.tickets),
            loss=sum(entry.total.minor_units for entry in entries) if entries else None,
            provisional=any(entry.provisional for entry in entries),
            currency=entries[0].total.currency_code if entries else "",
            board_loss=board.incurred_loss.amount.minor_units,
            board_provisional=board.incurred_loss.provisional.minor_units,
        )


def news(before: Story, now: Story) -> list[str]:
    """What is told now and was not before, a line each."""
    lines = []
    if now.outage and (not before.outage or now.outage != before.outage):
        lines.append(f"outage opened on {now.service}, {now.state}")
    elif now.state != before.state:
        lines.append(f"the outage is {now.state}")
    if now.root and now.root != before.root:
        lines.append(f"root named: {now.root}")
    if now.requests and not before.requests:
        lines.append(f"scope: {now.requests:,.0f} requests, {now.users:,} users so far")
    known = {ticket for ticket, _ in before.tickets}
    lines += [f"{_number(name)} belongs to it (tier {tier})" for name, tier in now.tickets if name not in known]
    if now.loss and not before.loss:
        lines.append(f"loss on the board: {money(now.loss, now.currency)}{', provisional' if now.provisional else ''}")
    return lines


def money(minor_units: int, currency: str) -> str:
    """1,240 CNY minor units as "12.40 CNY"."""
    sign = "-" if minor_units < 0 else ""
    whole, part = divmod(abs(minor_units), 100)
    return f"{sign}{whole:,}.{part:02d} {currency}"


def rows(told: Story, fault: Fault, url: str) -> list[tuple[str, str]]:
    """The story as a table: what it is, and what the board says."""
    identity = told.outage.partition("/")[2]
    named = told.root or "not yet"
    verdict = "the injected one" if told.root == fault.service else f"injected was {fault.service}"
    counts = f"{told.requests:,.0f}" + ("" if told.low == told.high else f" ({told.low:,.0f} to {told.high:,.0f})")
    loss = "not booked yet" if told.loss is None else money(told.loss, told.currency)
    return [
        ("outage", f"{identity}, {told.state}" if identity else "none"),
        ("root named", f"{named}: {verdict}"),
        ("fail because of it", ", ".join(told.affected) or "none"),
        ("affected requests", counts),
        ("affected users", f"{told.users:,} in {', '.join(told.sites) or 'no known site'}"),
        ("tickets", ", ".join(f"{_number(name)} ({tier})" for name, tier in told.tickets) or "none"),
        ("loss", loss + (", provisional" if told.provisional else "")),
        (
            "board, two hours",
            f"loss {money(told.board_loss, told.currency)}, provisional {money(told.board_provisional, told.currency)}",
        ),
        ("see", f"{url}/board/outages/{identity}" if identity else f"{url}/board"),
    ]


def _number(ticket: str) -> str:
    return ticket.partition("/")[2]
