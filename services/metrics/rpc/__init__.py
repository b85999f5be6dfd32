"""MetricsService at the door: each method reads its request, asks once, and replies."""

from services.metrics.rpc.metrics_rpc import MetricsRpc

__all__ = ["MetricsRpc"]
