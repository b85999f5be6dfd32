"""Loads the demo data, and says in a few lines what it loads."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from throughline.metrics.v1 import metrics_pb2, metrics_service_pb2
from throughline.portal.v1 import people_service_pb2
from throughline.sla.v1 import sla_service_pb2
from throughline.sla.v1.sla_service_pb2_grpc import SlaServiceStub

from deploy.local.demo import alarms, articles, changes, company, promises, tickets
from deploy.local.demo.histories import DAYS
from deploy.local.demo.loader import Loader
from services.runtime.refusal import Kind, Refusal
from tool.connection import Connection, connect, fail

ADMINISTRATOR, FINANCE, ANALYST = "zheng-an", "he-shuning", "jin-wei"
_ZONE = ZoneInfo(company.TIME_ZONE)
# From here on the office's calendar and the cost model hold: before the first ticket.
_BEFORE = timedelta(days=DAYS + 8)


def main() -> None:
    """Loads everything into the system that TL_ settings name."""
    connection = connect(company.person(ADMINISTRATOR).actor)
    try:
        loader = Loader(connection, _anchor(connection))
        _say("people and teams", lambda: _people(loader))
        _say("calendars and promises", lambda: _promises(loader))
        _say("rota and escalation plans", lambda: alarms.publish(loader))
        _say("the cost model", lambda: _cost_model(loader))
        texts: dict[str, str] = _say("articles", lambda: articles.load(loader))
        _say("tickets of three months", lambda: tickets.load_past(loader))
        of_the_day: dict[str, str] = _say("tickets of the day", lambda: tickets.load_today(loader, texts))
        cures: dict[str, str] = _say("changes", lambda: changes.load(loader, of_the_day))
        tickets.link_changes(loader, of_the_day, cures)
    except Refusal as refusal:
        raise fail(refusal) from refusal
    finally:
        connection.close()


def _say(what: str, load: Callable[[], Any]) -> Any:
    began = time.monotonic()
    loaded = load()
    print(f"  {what}: {time.monotonic() - began:.1f} s", flush=True)
    return loaded


def _anchor(connection: Connection) -> datetime:
    """Midnight of the day of the first load: what a load that was broken off has published, else today's."""
    stub = connection.stub("sla", SlaServiceStub)
    try:
        first = connection.call(stub.GetCalendar, sla_service_pb2.GetCalendarRequest(name=promises.OFFICE, version=1))
    except Refusal as refusal:
        if refusal.kind is not Kind.NOT_FOUND:
            raise
        return datetime.now(_ZONE).replace(hour=0, minute=0, second=0, microsecond=0)
    return first.effective_time.ToDatetime(tzinfo=_ZONE) + _BEFORE


def _people(loader: Loader) -> None:
    def put_team(team: company.Team) -> None:
        put = people_service_pb2.PutTeamRequest(
            name=team.name, display_names={"zh": team.zh, "en": team.en}, lead=team.lead, unit="cn"
        )
        loader.act(ADMINISTRATOR, loader.people.PutTeam, put, team.name)

    def put_person(person: company.Person) -> None:
        wanted = people_service_pb2.PutPersonRequest(
            name=person.name,
            display_name=person.display_name,
            email=f"{person.key}@qihe.example",
            title=person.title,
            roles=sorted(person.roles.split()),
            teams=sorted(person.actor.teams),
            unit=person.unit,
            language=person.language,
            time_zone=company.TIME_ZONE,
        )
        loader.act(ADMINISTRATOR, loader.people.PutPerson, wanted, person.name)

    def set_password(account: tuple[str, str, str]) -> None:
        _, key, password = account
        name = company.person(key).name
        secret = people_service_pb2.SetPasswordRequest(name=name, new_password=password)
        loader.act(ADMINISTRATOR, loader.people.SetPassword, secret, f"{name}/password")

    loader.each(put_team, company.TEAMS)
    loader.each(put_person, company.PEOPLE)
    loader.each(set_password, company.ACCOUNTS)


def _promises(loader: Loader) -> None:
    for calendar in promises.calendar_messages(loader.anchor - _BEFORE):
        publish = sla_service_pb2.PublishCalendarRequest(calendar=calendar)
        loader.act(ADMINISTRATOR, loader.sla.PublishCalendar, publish, calendar.name)
    for policy in promises.policy_messages():
        put = sla_service_pb2.PublishPolicyRequest(policy=policy)
        loader.act(ADMINISTRATOR, loader.sla.PublishPolicy, put, policy.name)


def _cost_model(loader: Loader) -> None:
    """What an incident costs the people whom it stops: drafted by one of finance, approved by another."""
    model = metrics_pb2.CostModel(
        name="costModels/people",
        type=metrics_pb2.COST_MODEL_TYPE_PEOPLE,
        category=metrics_pb2.LEDGER_CATEGORY_INCURRED_LOSS,
        note="人力成本按 2026 年预算的全口径小时工资；影响人数取各级影响的中位数。",
    )
    model.effective_time.FromDatetime(loader.anchor - _BEFORE)
    model.people.hourly_rate.currency_code = "CNY"
    model.people.hourly_rate.minor_units = 6_800
    for impact, users in ((1, 240), (2, 12), (3, 2)):
        model.people.scopes.add(impact=impact, users=users)
    for priority, per_mille in ((1, 600), (2, 300), (3, 120), (4, 40)):
        model.people.effects.add(priority=priority, per_mille=per_mille)
    model.people.longest.FromTimedelta(timedelta(hours=24))
    draft = metrics_service_pb2.DraftCostModelRequest(cost_model=model)
    loader.act(ANALYST, loader.metrics.DraftCostModel, draft, model.name)
    approve = metrics_service_pb2.ApproveCostModelRequest(name=model.name, version=1, note="同意，季度末复核。")
    loader.act(FINANCE, loader.metrics.ApproveCostModel, approve, f"{model.name}/1")


if __name__ == "__main__":
    main()
