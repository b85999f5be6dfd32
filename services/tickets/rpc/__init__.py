"""TicketsService at the door: each method reads its request, takes one decision and replies."""

from services.tickets.rpc.desk import Stores
from services.tickets.rpc.service import TicketsRpc

__all__ = ["Stores", "TicketsRpc"]
