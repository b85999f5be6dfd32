"""What is promised goes out as a file, comes back, and changes nothing when it says what holds."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

from throughline.sla.v1 import sla_pb2
from throughline.tickets.v1 import ticket_pb2

from tests.service.sla.desk import ASKED, BEN, HELD, RESOLUTION, ROOT, Desk, seconds
from tool import configuration, lint
from tool.configuration import WRITER
from tool.connection import Connection

HOUR = 3600


async def test_export_apply_export(desk: Desk, keys_dir: Path) -> None:
    """Every field survives; applied to what it came from it changes nothing, then exactly what was edited, once."""
    days = [sla_pb2.CalendarDay(date="2026-10-01", reason="国庆节")]
    await desk.calendar("office", "Asia/Shanghai", ("09:00", "18:00"), days=days, verified_years=[2026])
    policy = sla_pb2.Policy(
        name="policies/p1", order=3, calendar="calendars/office", display_names={"zh": "一级", "en": "First"}
    )
    policy.match.priorities.append(1)
    policy.match.condition = "channel == 'phone'"
    policy.targets.add(
        kind=RESOLUTION,
        duration=seconds(4 * HOUR),
        pause_states=[ASKED, HELD],
        pause_hold_reasons=[ticket_pb2.HOLD_REASON_VENDOR],
        warn_percent=75,
        start_mark=sla_pb2.START_MARK_IMPACT,
        reopen_rule=sla_pb2.REOPEN_RULE_RESTART,
    )
    policy.targets.add(kind=sla_pb2.CLOCK_KIND_OPERATIONAL, duration=seconds(HOUR), team="teams/net")
    await desk.ask(ROOT, "PublishPolicy", policy=policy)
    await desk.policy("old", "office", sla_pb2.Target(kind=RESOLUTION, duration=seconds(HOUR)))
    await desk.ask(ROOT, "RetirePolicy", name="policies/old")
    addresses = {"sla": f"127.0.0.1:{desk.run.port}"}
    connection = Connection(addresses, keys_dir, WRITER, timedelta(seconds=20))

    def together(text: str) -> list[Any]:
        file = lint.read(text)
        assert file.faults == []
        found = configuration.differences(file.items, configuration.fetched(connection))
        return [configuration.apply(connection, one).name for one in found if one.text]

    text = configuration.written(await asyncio.to_thread(configuration.fetched, connection))
    assert "国庆节" in text
    assert "policies/old" not in text
    assert await asyncio.to_thread(together, text) == []

    edited = text.replace("14400s", "7200s").replace("'18:00'", "'17:30'")
    assert await asyncio.to_thread(together, edited) == ["calendars/office", "policies/p1"]
    assert await asyncio.to_thread(together, edited) == []
    assert configuration.written(await asyncio.to_thread(configuration.fetched, connection)) == edited
    changed = await desk.ask(BEN, "GetPolicy", name="policies/p1")
    assert (changed.version, changed.targets[0].duration.ToTimedelta()) == (2, timedelta(hours=2))

    fewer = lint.read(edited[: edited.index("policies:")])
    found = configuration.differences(fewer.items, await asyncio.to_thread(configuration.fetched, connection))
    assert [(one.name, one.text) for one in found] == [("policies/p1", "")]
    connection.close()
