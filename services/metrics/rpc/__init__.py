"""MetricsService and AvailabilityService: each method reads its request, asks once, and replies."""

from services.metrics.rpc.comparisons import Comparisons
from services.metrics.rpc.metrics_rpc import MetricsRpc
from services.metrics.rpc.outages import OutagesRpc

__all__ = ["Comparisons", "MetricsRpc", "OutagesRpc"]
