"""The whole servicer."""

from __future__ import annotations

from throughline.metrics.v1 import metrics_service_pb2_grpc

from services.metrics.rpc.numbers import Numbers
from services.metrics.rules.fact import Fact
from services.metrics.store.board import Boards
from services.runtime.records import Records


class MetricsRpc(Numbers, metrics_service_pb2_grpc.MetricsServiceServicer):
    """throughline.metrics.v1.MetricsService."""

    def __init__(self, facts: Records[Fact], boards: Boards) -> None:
        self.facts = facts
        self.boards = boards
