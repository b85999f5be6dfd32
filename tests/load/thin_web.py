"""The thinnest page server that the design allows: Flask, one gRPC call, JSON back. The floor of the portal's REST."""

from __future__ import annotations

import os
from typing import Any

import grpc
from flask import Flask, request
from throughline.tickets.v1 import ticket_pb2
from throughline.tickets.v1 import tickets_service_pb2 as pb

from tests.load import bare_server

ADDRESS = "FLOOR_ADDRESS"


def create_app() -> Flask:
    """The app of one worker; its channel is made here, after the fork."""
    app = Flask(__name__)
    create = grpc.insecure_channel(os.environ[ADDRESS]).unary_unary(
        bare_server.CREATE,
        request_serializer=pb.CreateTicketRequest.SerializeToString,
        response_deserializer=ticket_pb2.Ticket.FromString,
    )

    @app.post("/tickets")
    def file() -> tuple[dict[str, Any], int]:
        body = request.get_json()
        ticket = create(pb.CreateTicketRequest(title=body["title"], description=body["description"]))
        shown = {"name": ticket.name, "etag": ticket.etag, "title": ticket.title, "description": ticket.description}
        return shown, 201

    @app.get("/")
    def here() -> str:
        return ""

    return app
