"""`tl demo outage` against the whole system, compressed: its fault began two minutes ago and is told all at once."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import expect

from deploy.local.system import System
from tests.support.office import Office, chromium, window
from tool.connection import Connection
from tool.demo.outage import Play, Stage, prepare
from tool.demo.shop import Kind, Shop, chosen
from tool.demo.story import rows

SECRET = secrets.token_urlsafe(32)


@pytest.fixture
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """The whole system, which takes spans from one sender alone."""
    whole = System(tmp_path_factory.mktemp("system"), senders={"demo": SECRET})
    whole.start()
    yield whole
    whole.abandon()


@pytest.mark.long
@pytest.mark.row("A147")
def test_the_board_tells_the_outage_of_the_shop(system: System) -> None:
    """Opened, root named, scope, tickets and loss; a sender without the secret is not heard. From the loss on the board
    the outage and the traces that show it are two clicks.
    """
    connection = Connection(system.addresses, system.keys)
    stage = Stage(connection, system.web_url, system.addresses["metrics"], SECRET)
    at = datetime.now(UTC)
    fault = chosen(Kind.ERRORS, "payments", at - timedelta(seconds=125))
    with Shop(stage.endpoint, "", rate=3.0, fault=fault) as stranger:
        stranger.play(fault.start, at)
    with Shop(stage.endpoint, stage.secret, rate=3.0) as shop:
        play = Play(stage, shop, print)
        prepare(stage, at)
        shop.fault = fault
        shop.play(fault.start - timedelta(minutes=2), at)
        told = play.until_told(timedelta(seconds=125 + 60))
    connection.close()
    assert (told.service, told.root) == ("shop-payments", "shop-payments")
    assert told.affected == ("shop-orders", "shop-web")
    assert stranger.lost > 200
    assert 0.75 * shop.lost <= told.requests <= shop.lost
    assert {name for name, tier in told.tickets if tier != "C"} == set(play.customers.filed)
    assert told.loss is not None
    assert told.loss == pytest.approx(told.requests * 1_240 * 0.7, rel=0.05)
    assert told.provisional
    assert told.board_loss >= told.loss
    assert dict(rows(told, fault, stage.url))["root named"] == "shop-payments: the injected one"
    office = Office(system)
    lead = office.person("outage-lead", "Lin Yuan", "lead", "agent")
    with chromium() as browser, window(browser, office, lead) as reader:
        page = reader.open("/board")
        page.click(".total-loss a.money")
        evidence, drawer = page.url, page.locator("#drawer")
        assert {text.strip() for text in drawer.locator(".trail-incidents a").all_inner_texts()} <= {
            name.removeprefix("tickets/") for name in play.customers.filed
        }
        for step, anchor in (("outage", ""), ("traces", "#traces")):
            drawer.locator(f".trail-{step} a").first.click()
            page.wait_for_url(f"**/board/outages/*{anchor}")
            expect(page.locator("#traces tbody tr").first).to_be_visible()
            page.goto(evidence)
