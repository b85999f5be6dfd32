"""SlaService at the door: each method reads its request, takes one decision or makes one query, replies."""

from services.sla.rpc.sla_rpc import SlaRpc

__all__ = ["SlaRpc"]
