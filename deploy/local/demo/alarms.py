"""Who is told at Qihe Retail when a promise is in danger: one rota of the store systems team, and two plans."""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from typing import Any

from throughline.sla.v1 import escalation_pb2 as pb
from throughline.sla.v1 import escalation_service_pb2 as calls
from throughline.sla.v1 import sla_pb2

from deploy.local.demo import company
from deploy.local.demo.loader import Loader
from services.runtime.refusal import Refusal

ROTA = "rotas/store-systems"
ADMINISTRATOR = "zheng-an"
_PATIENCE_S = 60.0
_RESPONSE, _RESOLUTION = sla_pb2.CLOCK_KIND_RESPONSE, sla_pb2.CLOCK_KIND_RESOLUTION
_ASSIGNEE, _LEAD, _TEAM = pb.RECIPIENT_KIND_ASSIGNEE, pb.RECIPIENT_KIND_LEAD, pb.RECIPIENT_KIND_TEAM
_CALL = (pb.RECIPIENT_KIND_ON_CALL, ROTA)
_BOSS = (pb.RECIPIENT_KIND_PERSON, "people/xu-heng")


def publish(loader: Loader) -> None:
    """Publishes rota and plans, before the first ticket."""
    asked = calls.PublishRotaRequest(rota=_rota(loader.anchor))
    patient = time.monotonic() + _PATIENCE_S
    while True:
        try:
            loader.act(ADMINISTRATOR, loader.escalations.PublishRota, asked, ROTA)
            break
        except Refusal as refusal:
            # The sla service hears of people a moment after they were entered.
            if refusal.reason != "PERSON_UNKNOWN" or time.monotonic() > patient:
                raise
            time.sleep(0.2)
    for plan in (_critical(), _others()):
        put = calls.PublishEscalationPlanRequest(plan=plan)
        loader.act(ADMINISTRATOR, loader.escalations.PublishEscalationPlan, put, plan.name)


def _rota(anchor: datetime) -> pb.Rota:
    """A week each, handed over on Monday morning; on Saturday and Sunday nobody is up before the shops open."""
    monday = anchor.date() - timedelta(days=anchor.weekday() + 28)
    around, shops = [("00:00", "24:00")], [("08:00", "24:00")]
    layer = pb.RotaLayer(
        people=["people/lin-yuan", "people/gao-xing", "people/xu-heng"],
        hand_over=pb.HAND_OVER_WEEKLY,
        first_date=monday.isoformat(),
        time="09:00",
        hours=[
            sla_pb2.WeeklyHours(
                weekday=day,
                segments=[sla_pb2.Segment(start=a, end=b) for a, b in (shops if day > 5 else around)],
            )
            for day in range(1, 8)
        ],
    )
    return pb.Rota(
        name=ROTA,
        time_zone=company.TIME_ZONE,
        display_names={"zh": "门店系统值班", "en": "Store systems on call"},
        layers=[layer],
        notice_days=7,
    )


def _critical() -> pb.EscalationPlan:
    return pb.EscalationPlan(
        name="escalationPlans/critical",
        display_names={"zh": "严重故障", "en": "Critical"},
        order=10,
        match=pb.EscalationMatch(priorities=[1, 2]),
        steps=[
            _step(_RESPONSE, pb.STEP_MEASURE_PERCENT, 50, _ASSIGNEE, _CALL),
            _step(_RESPONSE, pb.STEP_MEASURE_WALL_MINUTES, 0, _TEAM, _LEAD, repeat_count=2, repeat_minutes=15),
            _step(_RESOLUTION, pb.STEP_MEASURE_PERCENT, 75, _ASSIGNEE, _LEAD),
            _step(_RESOLUTION, pb.STEP_MEASURE_WALL_MINUTES, 0, _LEAD, _BOSS),
        ],
    )


def _others() -> pb.EscalationPlan:
    return pb.EscalationPlan(
        name="escalationPlans/standard",
        display_names={"zh": "一般工单", "en": "Standard"},
        order=20,
        steps=[
            _step(_RESOLUTION, pb.STEP_MEASURE_PERCENT, 80, _ASSIGNEE),
            _step(_RESOLUTION, pb.STEP_MEASURE_BUSINESS_MINUTES, 60, _LEAD),
        ],
        quiet_hours=pb.QuietHours(time_zone=company.TIME_ZONE, start="20:00", end="08:30", break_through=[1]),
    )


def _step(
    clock: sla_pb2.ClockKind.ValueType,
    measure: pb.StepMeasure.ValueType,
    amount: int,
    *to: Any,
    repeat_count: int = 0,
    repeat_minutes: int = 0,
) -> pb.EscalationStep:
    step = pb.EscalationStep(clock=clock, measure=measure, amount=amount)
    step.repeat_count, step.repeat_minutes = repeat_count, repeat_minutes
    for one in to:
        kind, name = one if isinstance(one, tuple) else (one, "")
        step.recipients.add(kind=kind, name=name)
    return step
