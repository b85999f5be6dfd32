"""The whole servicer, of its three parts."""

from __future__ import annotations

from throughline.metrics.v1 import metrics_service_pb2_grpc

from services.metrics.rpc.availability import Availability
from services.metrics.rpc.ledger import Ledger
from services.metrics.rpc.numbers import Numbers
from services.metrics.rules.cost_model import CostModel
from services.metrics.rules.fact import Fact
from services.metrics.rules.ledger import Entry
from services.metrics.store.board import Boards
from services.metrics.store.progress import Progress
from services.metrics.store.traffic import Traffic
from services.runtime.records import Records


class MetricsRpc(Numbers, Ledger, Availability, metrics_service_pb2_grpc.MetricsServiceServicer):
    """throughline.metrics.v1.MetricsService."""

    def __init__(
        self,
        facts: Records[Fact],
        boards: Boards,
        entries: Records[Entry],
        cost_models: Records[CostModel],
        traffic: Traffic,
        progress: Progress,
    ) -> None:
        self.facts = facts
        self.boards = boards
        self.entries = entries
        self.cost_models = cost_models
        self.traffic = traffic
        self.progress = progress
