"""The whole servicer, of its three parts."""

from __future__ import annotations

from throughline.sla.v1 import sla_service_pb2_grpc

from services.runtime.records import Records
from services.sla.rpc.calendars import Calendars
from services.sla.rpc.clocks import Clocks
from services.sla.rpc.policies import Policies
from services.sla.rules.calendar import Calendar
from services.sla.rules.clocks import TicketClocks
from services.sla.rules.publication import Publication
from services.sla.store import Alike, Roster, Shelf


class SlaRpc(Clocks, Calendars, Policies, sla_service_pb2_grpc.SlaServiceServicer):
    """throughline.sla.v1.SlaService."""

    def __init__(
        self,
        policies: Records[Publication],
        calendars: Records[Calendar],
        clocks: Records[TicketClocks],
        shelf: Shelf,
        alike: Alike,
        roster: Roster,
    ) -> None:
        self.policies = policies
        self.calendars = calendars
        self.clocks = clocks
        self.shelf = shelf
        self.alike = alike
        self.roster = roster
