"""The service's three contracts at the door: each method reads its request, takes one decision or makes one query,
replies.
"""

from services.sla.rpc.escalations import EscalationRpc
from services.sla.rpc.judgements import JudgementRpc
from services.sla.rpc.sla_rpc import SlaRpc

__all__ = ["EscalationRpc", "JudgementRpc", "SlaRpc"]
