"""The door for spans: OTLP over gRPC and over HTTP, counted and stored before it is acknowledged."""

from services.metrics.spans.door import TraceDoor, add_to_server
from services.metrics.spans.http import HttpDoor

__all__ = ["HttpDoor", "TraceDoor", "add_to_server"]
