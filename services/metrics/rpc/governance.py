"""GovernanceService: what tickets cost while they last, the backlog of improvements, the way, and the risks."""

from __future__ import annotations

from throughline.metrics.v1 import governance_service_pb2_grpc

from services.metrics.rpc.improvements import Improvements
from services.metrics.rpc.problem_losses import Problems
from services.metrics.rpc.risks import Risks
from services.metrics.rpc.way import OnTheWay
from services.metrics.rules.improvement import Improvement
from services.metrics.rules.risk import Risk
from services.metrics.store.board import Boards
from services.metrics.store.losses import Losses
from services.metrics.store.problem_losses import ProblemLosses
from services.metrics.store.roadmaps import Way
from services.runtime.records import Records


class Governance(Improvements, Problems, Risks, OnTheWay, governance_service_pb2_grpc.GovernanceServiceServicer):
    """throughline.metrics.v1.GovernanceService."""

    def __init__(
        self,
        losses: Losses,
        problem_losses: ProblemLosses,
        improvements: Records[Improvement],
        risks: Records[Risk],
        way: Way,
        boards: Boards,
        currency: str,
    ) -> None:
        self.losses = losses
        self.problem_losses = problem_losses
        self.improvements = improvements
        self.risks = risks
        self.way = way
        self.boards = boards
        self.currency = currency
