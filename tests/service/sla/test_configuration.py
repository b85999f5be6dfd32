"""What is promised goes out as a file, comes back, and changes nothing when it says what holds."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from throughline.sla.v1 import escalation_pb2, sla_pb2
from throughline.tickets.v1 import ticket_pb2

from tests.service.sla.alarm import LEAD, ON_CALL, ONCE, PERCENT, Alarm, step
from tests.service.sla.desk import ASKED, BEN, HELD, RESOLUTION, ROOT, Desk, Paper, now, seconds, stamp
from tool import configuration, lint
from tool.configuration import WRITER
from tool.connection import Connection

HOUR = 3600


async def test_export_apply_export(desk: Desk, keys_dir: Path, paper: Callable[[str], Paper]) -> None:
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
    alarm = Alarm(desk)
    await alarm.known(paper("INC-000001").bus)
    weekly = escalation_pb2.HAND_OVER_WEEKLY
    hours = [sla_pb2.WeeklyHours(weekday=1, segments=[sla_pb2.Segment(start="09:00", end="18:00")])]
    layer = escalation_pb2.RotaLayer(
        people=[LEAD.sub, ONCE.sub], hand_over=weekly, first_date="2026-01-05", time="09:00", hours=hours
    )
    rota = escalation_pb2.Rota(name="rotas/desk", time_zone="Asia/Shanghai", layers=[layer], notice_days=7)
    await alarm.ask(ROOT, "PublishRota", rota=rota)
    times = {"start_time": stamp(now()), "end_time": stamp(now() + timedelta(days=1))}
    await alarm.ask(ROOT, "AddRotaOverride", name=rota.name, person=BEN.sub, reason="Leave", **times)
    quiet = escalation_pb2.QuietHours(time_zone="Asia/Shanghai", start="22:00", end="07:30", break_through=[1])
    on_call = (ON_CALL, rota.name)
    await alarm.plan("critical", step(75, PERCENT, on_call), quiet_hours=quiet)
    await alarm.plan("old", step(75, PERCENT, on_call))
    await alarm.ask(ROOT, "RetireEscalationPlan", name="escalationPlans/old")
    addresses = {"sla": f"127.0.0.1:{desk.run.port}"}
    connection = Connection(addresses, keys_dir, WRITER, timedelta(seconds=20))

    def together(text: str) -> list[Any]:
        file = lint.read(text)
        assert file.faults == []
        found = configuration.differences(file.items, configuration.fetched(connection))
        return [configuration.apply(connection, one).name for one in found if one.text]

    text = configuration.written(await asyncio.to_thread(configuration.fetched, connection))
    assert "国庆节" in text
    assert not {"policies/old", "escalationPlans/old", "Leave"} & set(re.findall(r"[\w/]+", text))
    assert await asyncio.to_thread(together, text) == []

    edited = text.replace("14400s", "7200s").replace("'18:00'", "'17:30'").replace("amount: 75", "amount: 80")
    changed_items = ["calendars/office", "policies/p1", "rotas/desk", "escalationPlans/critical"]
    assert await asyncio.to_thread(together, edited) == changed_items
    assert await asyncio.to_thread(together, edited) == []
    assert configuration.written(await asyncio.to_thread(configuration.fetched, connection)) == edited
    changed = await desk.ask(BEN, "GetPolicy", name="policies/p1")
    assert (changed.version, changed.targets[0].duration.ToTimedelta()) == (2, timedelta(hours=2))

    fewer = lint.read(edited[: edited.index("policies:")])
    found = configuration.differences(fewer.items, await asyncio.to_thread(configuration.fetched, connection))
    assert [(one.name, one.text) for one in found] == [(name, "") for name in changed_items[1:]]
    rotas = await alarm.ask(ROOT, "ListRotas")
    assert [one.reason for one in rotas.rotas[0].overrides] == ["Leave"]
    connection.close()
