"""Puts the sla service together and runs it."""

from __future__ import annotations

import asyncio

from throughline.sla.v1 import escalation_service_pb2_grpc, judgement_service_pb2_grpc, sla_service_pb2_grpc

from services.runtime.run import Runtime
from services.runtime.settings import Settings
from services.sla import events, store, timer
from services.sla.jobs import Judging
from services.sla.rpc import EscalationRpc, JudgementRpc, SlaRpc


def compose(run: Runtime) -> None:
    """Declares what the service keeps, answers, hears and waits for."""
    policies, calendars, clocks = run.records(store.POLICIES), run.records(store.CALENDARS), run.records(store.CLOCKS)
    shelf = store.Shelf(policies, calendars)
    plans, rotas, chains = run.records(store.PLANS), run.records(store.ROTAS), run.records(store.CHAINS)
    people, teams = run.records(store.PEOPLE), run.records(store.TEAMS)
    roster = store.Roster(plans, rotas, people, teams)
    rpc = SlaRpc(policies, calendars, clocks, shelf, store.Alike(clocks), roster)
    run.serve(sla_service_pb2_grpc.add_SlaServiceServicer_to_server, rpc)
    escalations = EscalationRpc(plans, rotas, chains, roster, shelf)
    run.serve(escalation_service_pb2_grpc.add_EscalationServiceServicer_to_server, escalations)
    judgements = store.Judgements(run.db, run.jobs)
    judging = judgement_service_pb2_grpc.add_JudgementServiceServicer_to_server
    run.serve(judging, JudgementRpc(judgements, clocks, shelf))
    run.job("judgement", Judging(run.jobs, judgements, store.Past(clocks), shelf).run)
    also = events.ticket_changes(chains, shelf, roster)

    async def look_up() -> None:
        await asyncio.gather(shelf.refresh(), roster.refresh())

    run.hear("tickets", events.handlers(clocks, shelf, roster, also), before_batch=look_up)
    run.hear("sla", events.clock_handlers(chains, shelf, roster), before_batch=look_up)
    run.hear("portal", events.portal_handlers(people, teams, rotas, roster), before_batch=roster.refresh)
    run.on_due(clocks, timer.decide)
    run.on_due(chains, timer.next_step(roster), before_batch=roster.refresh)
    run.on_due(rotas, timer.look_for_gaps(roster), before_batch=roster.refresh)


async def main() -> None:
    """Runs until SIGTERM."""
    async with Runtime("sla", Settings.load("sla")) as run:
        compose(run)
        await run.until_stopped()


if __name__ == "__main__":
    asyncio.run(main())
