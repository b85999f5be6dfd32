"""What filing a ticket costs over REST, signed in, traced and heard, beside the thinnest page server on bare writes."""

from __future__ import annotations

import os
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from throughline.portal.v1 import people_service_pb2
from throughline.portal.v1.people_service_pb2_grpc import PeopleServiceStub

from deploy.local.ports import free_port, in_use
from deploy.local.process import Child
from deploy.local.servers import ROOT
from deploy.local.system import WEB_COMMAND, System
from services.runtime.actor import Actor
from services.runtime.client import acting, sync_channel
from services.runtime.identity import Keys
from tests.load import peers, places, thin_web
from tests.load.rounds import ROUNDS, Rounds, paced_by_threads

CALLS = 400
CLIENTS = 8
TITLE = "VPN cannot connect 无法连接"
PASSWORD = "a long enough password"

pytestmark = pytest.mark.timeout(300)


@pytest.fixture
def floor(system: System, tmp_path: Path) -> Iterator[str]:
    """Flask on gRPC on the same MongoDB, under gunicorn as the portal is; its address."""
    port = free_port()
    command = [sys.executable, *WEB_COMMAND, "--bind", f"127.0.0.1:{port}"]
    command[command.index("services.portal.web:create_app()")] = "tests.load.thin_web:create_app()"
    with places.bare_server(tmp_path, system.mongod.uri) as address:
        paths = {"PYTHONPATH": os.pathsep.join((str(ROOT), str(ROOT / "proto" / "gen"))), thin_web.ADDRESS: address}
        child = Child("thin", command, tmp_path / "thin.log", {**os.environ, **paths}, ROOT)
        child.start()
        child.await_ready(lambda: in_use(port), 60)
        yield f"127.0.0.1:{port}"
        child.kill()


@pytest.fixture
def token(system: System) -> str:
    """The session token of a person who signed in with a password."""
    keys = Keys(system.keys, "portal")
    administrator = Actor("people/root", frozenset({"administrator"}))
    name = f"load-{uuid.uuid4().hex[:8]}"
    with sync_channel(system.addresses["portal"], "portal", keys) as channel:
        people = PeopleServiceStub(channel)
        with acting(keys.sign_person(administrator)):
            people.PutPerson(
                people_service_pb2.PutPersonRequest(
                    request_id=str(uuid.uuid4()), name=f"people/{name}", display_name="Load", roles=["requester"]
                )
            )
            people.SetPassword(
                people_service_pb2.SetPasswordRequest(
                    request_id=str(uuid.uuid4()), name=f"people/{name}", new_password=PASSWORD
                )
            )
        session = people.SignIn(
            people_service_pb2.SignInRequest(request_id=str(uuid.uuid4()), account=name, password=PASSWORD)
        )
    found: str = session.token
    return found


def test_filing_a_ticket_over_rest(system: System, floor: str, token: str) -> None:
    """Filing over REST reaches half the floor's rate and 2.5 times that of any peer that runs here; 8 clients."""
    text = places.filing().description
    filed = {"type": "INCIDENT", "title": TITLE, "description": text, "impact": 2, "urgency": 2}
    portal = urlsplit(system.web_url).netloc

    def signed() -> dict[str, str]:
        return {"Authorization": f"Bearer {token}", "Idempotency-Key": str(uuid.uuid4())}

    clients = {
        "thin Flask": [
            peers.Poster(floor, "/tickets", {"title": TITLE, "description": text}, dict[str, str])
            for _ in range(CLIENTS)
        ],
        "ours": [peers.Poster(portal, "/api/v1/tickets", filed, signed) for _ in range(CLIENTS)],
    }
    running = [peer for peer in peers.PEERS if peer.address]
    clients |= {peer.name: [peer.client(TITLE, text) for _ in range(CLIENTS)] for peer in running}
    rounds, slow = Rounds("file a ticket over REST, 8 clients"), Rounds("file a ticket over REST, 8 clients, p95", "ms")
    for post in clients.values():
        paced_by_threads(post, 2 * CLIENTS)
    for _ in range(ROUNDS):
        for name, posts in clients.items():
            pace = paced_by_threads(posts, CALLS if name in ("thin Flask", "ours") else CALLS // 4)
            rounds.add(name, pace.rate)
            slow.add(name, pace.percentile(0.95) * 1000)
    for one in (one for posts in clients.values() for one in posts):
        one.close()
    rounds.hold("create", "ours", "thin Flask", least=0.5)
    slow.hold("create", "ours", "thin Flask")
    for peer in peers.PEERS:
        if peer in running:
            rounds.hold_peer("create", "ours", peer.name, least=2.5)
            slow.hold_peer("create", "ours", peer.name, most=0.5)
        else:
            rounds.absent("create", "ours", peer.absence)
    slow.close()
    rounds.close()
