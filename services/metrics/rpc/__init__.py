"""The gRPC services of metrics: each method reads its request, asks once, and replies."""

from services.metrics.rpc.comparisons import Comparisons
from services.metrics.rpc.governance import Governance
from services.metrics.rpc.ledger_rpc import LedgerRpc
from services.metrics.rpc.metrics_rpc import MetricsRpc
from services.metrics.rpc.outages import OutagesRpc
from services.metrics.rpc.reports import ReportsRpc

__all__ = ["Comparisons", "Governance", "LedgerRpc", "MetricsRpc", "OutagesRpc", "ReportsRpc"]
