"""MetricsService, LedgerService and AvailabilityService: each method reads its request, asks once, and replies."""

from services.metrics.rpc.ledger_rpc import LedgerRpc
from services.metrics.rpc.metrics_rpc import MetricsRpc
from services.metrics.rpc.outages import OutagesRpc

__all__ = ["LedgerRpc", "MetricsRpc", "OutagesRpc"]
