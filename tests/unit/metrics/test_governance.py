"""The backlog, the way and the register of risks: refusals first, then what the numbers say."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from services.metrics.rules import improvement as backlog
from services.metrics.rules import risk as register
from services.metrics.rules import roadmap as way
from services.metrics.rules.friction import Touchpoint, friction_map
from services.metrics.rules.improvement import Basis, Improvement, Loss, Source
from services.metrics.rules.period import FIRST, Period
from services.metrics.rules.registry import METRICS, REGISTRY
from services.metrics.rules.risk import Risk
from services.metrics.rules.roadmap import Roadmap, Verdict
from services.metrics.rules.stages import STAGES, Criterion, Stage
from services.metrics.rules.tally import Tally
from services.metrics.rules.values import Standing, Value, count, undefined, value_of, waiting
from services.runtime.actor import Actor
from services.runtime.refusal import Refusal

NOW = datetime(2026, 6, 1, tzinfo=UTC)
DAY = timedelta(days=1)
QUARTER = Period(NOW - 90 * DAY, NOW)
LEAD = Actor("people/lin", frozenset({"lead"}), unit="cn/east")
BOSS = Actor("people/boss", frozenset({"executive"}))
AGENT = Actor("people/ann", frozenset({"agent"}))
ROBOT = Actor("system/tickets", frozenset({"system"}))
LOSS = Loss("CNY", 1_000_001, 4, (), NOW)
DRAFT = backlog.Draft(
    " Two tills a store ", "Checkout never stands still", "teams/till", Basis("services/till", "", (), QUARTER, 250)
)
RISK = register.Draft("The only database fails", "people/lin", 100, "CNY", 1_000_000, 5_000_000, "CNY")


def proposed(draft: backlog.Draft = DRAFT, loss: Loss = LOSS) -> Improvement:
    """An item of the backlog."""
    return backlog.propose("improvements/0123456789ab", backlog.require_sound(draft), loss, by=LEAD)[0]


def risk(name: str = "risks/0123456789ab", **fields: Any) -> Risk:
    """A registered risk."""
    given = replace(RISK, **fields)
    return register.register(name, given, "CNY", 0, by=LEAD, now=NOW)[0]


def reason(refused: pytest.ExceptionInfo[Refusal]) -> tuple[str, str]:
    """The field and the reason."""
    return refused.value.field, refused.value.reason


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("title", {"title": " "}),
        ("goal", {"goal": ""}),
        ("owner", {"owner": "lin"}),
        ("basis", {"basis": replace(DRAFT.basis, service="")}),
        ("basis", {"basis": replace(DRAFT.basis, root="till-api")}),
        ("basis.period", {"basis": replace(DRAFT.basis, period=Period(FIRST, NOW))}),
        ("basis.share_per_mille", {"basis": replace(DRAFT.basis, share=0)}),
        ("metric", {"metric": "mttr"}),
        ("evidence", {"evidence": "https://elsewhere"}),
    ],
)
def test_what_cannot_be_right_is_named(field: str, wrong: dict[str, object]) -> None:
    """The field stands in the refusal."""
    with pytest.raises(Refusal) as refused:
        backlog.require_sound(replace(DRAFT, **wrong))  # type: ignore[arg-type]  # fields by name
    assert reason(refused) == (f"improvement.{field}", "IMPROVEMENT_INVALID")


def test_the_backlog_is_changed_by_people_who_answer_for_something() -> None:
    """Neither an agent nor a process."""
    for actor, why in ((AGENT, "ROLE_REQUIRED"), (ROBOT, "PERSON_REQUIRED")):
        with pytest.raises(Refusal) as refused:
            backlog.propose("improvements/1", DRAFT, LOSS, by=actor)
        assert refused.value.reason == why


def test_expected_money_is_the_ledgers_loss_by_the_stated_share() -> None:
    """A quarter of 1,000,001 is 250,000.25, half-even 250,000; of a loss without a row nothing is expected."""
    one = proposed()
    assert (one.expected, one.title, one.metric, one.source) == (
        250_000, "Two tills a store", "time_to_resolve", Source.OTHER,
    )  # fmt: skip
    assert proposed(loss=replace(LOSS, amount=10)).expected == 2  # 2.5: to the even one
    assert proposed(loss=replace(LOSS, amount=0, entries=0)).expected == 0


def test_an_improvement_begins_and_ends_once_and_in_order() -> None:
    """Neither in the future nor before it began; what is finished stays."""
    one = proposed()
    with pytest.raises(Refusal) as refused:
        backlog.finish(one, None, by=LEAD, now=NOW)
    assert refused.value.reason == "IMPROVEMENT_NOT_STARTED"
    with pytest.raises(Refusal) as refused:
        backlog.start(one, NOW + DAY, by=LEAD, now=NOW)
    assert reason(refused) == ("start_time", "IMPROVEMENT_TIME_WRONG")
    started, _ = backlog.start(one, NOW - 20 * DAY, by=LEAD, now=NOW)
    with pytest.raises(Refusal) as refused:
        backlog.start(started, None, by=LEAD, now=NOW)
    assert refused.value.reason == "IMPROVEMENT_STARTED"
    with pytest.raises(Refusal) as refused:
        backlog.finish(started, NOW - 21 * DAY, by=LEAD, now=NOW)
    assert reason(refused) == ("finish_time", "IMPROVEMENT_TIME_WRONG")
    done, (event,) = backlog.finish(started, NOW - 10 * DAY, by=LEAD, now=NOW)
    assert (done.state, event.improvement) == (backlog.State.FINISHED, done)
    with pytest.raises(Refusal) as refused:
        backlog.start(done, None, by=LEAD, now=NOW)
    assert refused.value.reason == "IMPROVEMENT_FINISHED"
    with pytest.raises(Refusal) as refused:
        backlog.rewrite(done, DRAFT, LOSS, by=LEAD)
    assert refused.value.reason == "IMPROVEMENT_FINISHED"


def test_before_and_after_are_of_equal_length() -> None:
    """Ten days since the finish: ten days before the start; never more than a quarter, never less than a day."""
    done = replace(proposed(), started_at=NOW - 20 * DAY, finished_at=NOW - 10 * DAY)
    before, after = backlog.sides(done, NOW)
    assert (before, after) == (Period(NOW - 30 * DAY, NOW - 20 * DAY), Period(NOW - 10 * DAY, NOW))
    before, after = backlog.sides(done, NOW + 400 * DAY)
    assert after.end - after.start == before.end - before.start == backlog.LONGEST
    for one in (proposed(), replace(done, finished_at=NOW)):
        with pytest.raises(Refusal) as refused:
            backlog.sides(one, NOW)
        assert refused.value.reason == "IMPROVEMENT_NOT_FINISHED"


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("title", {"title": ""}),
        ("owner", {"owner": "lin"}),
        ("probability_per_mille", {"probability": 0}),
        ("loss_p50", {"currency": "USD"}),
        ("loss_p50", {"middle": 0}),
        ("loss_p90", {"currency_high": "USD"}),
        ("loss_p90", {"high": 999_999}),
        ("loss_p90", {"high": 100_000_001}),
    ],
)
def test_a_risk_that_cannot_be_weighed_is_refused(field: str, wrong: dict[str, Any]) -> None:
    """The field stands in the refusal."""
    with pytest.raises(Refusal) as refused:
        risk(**wrong)
    assert reason(refused) == (f"risk.{field}", "RISK_INVALID")


def test_who_bears_a_risk_and_what_ends_it() -> None:
    """A lead may close one and not accept it; weighed anew it is open again; there is an end to the list."""
    one = risk()
    with pytest.raises(Refusal) as refused:
        register.settle(one, register.State.ACCEPTED, "we live with it", by=LEAD, now=NOW)
    assert refused.value.reason == "ROLE_REQUIRED"
    borne, _ = register.settle(one, register.State.ACCEPTED, "we live with it", by=BOSS, now=NOW)
    with pytest.raises(Refusal) as refused:
        register.settle(borne, register.State.CLOSED, "gone", by=LEAD, now=NOW)
    assert refused.value.reason == "RISK_NOT_OPEN"
    with pytest.raises(Refusal) as refused:
        register.settle(one, register.State.CLOSED, " ", by=LEAD, now=NOW)
    assert reason(refused) == ("note", "RISK_INVALID")
    again, _ = register.weigh(borne, RISK, "CNY", by=LEAD, now=NOW)
    assert again.state is register.State.OPEN
    with pytest.raises(Refusal) as refused:
        register.register("risks/1", RISK, "CNY", register.MOST_OPEN, by=LEAD, now=NOW)
    assert refused.value.reason == "RISKS_FULL"
    with pytest.raises(Refusal) as refused:
        register.register("risks/1", RISK, "CNY", 0, by=ROBOT, now=NOW)
    assert refused.value.reason == "PERSON_REQUIRED"


def test_a_certain_loss_has_the_percentiles_that_were_given() -> None:
    """Of a risk that surely happens, P50 and P90 come out within a few per cent, and the mean is the log-normal one."""
    found = register.total([risk(probability=1000)])
    assert found.middle == pytest.approx(1_000_000, rel=0.03)
    assert found.high == pytest.approx(5_000_000, rel=0.04)
    sigma = math.log(5) / 1.2815515655446004
    assert found.mean == round(1_000_000 * math.exp(sigma**2 / 2))
    assert register.drawn(risk(probability=1000)).mean() == pytest.approx(found.mean, rel=0.05)


def test_the_product_hides_the_tail() -> None:
    """One year in ten: in the middle nothing happens, nine times in ten hardly anything, and the mean is neither."""
    one = register.total([risk()])
    assert (one.low, one.middle) == (0, 0)
    assert one.mean > 0
    happened = np.count_nonzero(register.drawn(risk())) / register.DRAWS
    assert happened == pytest.approx(0.1, abs=0.01)


def test_the_sum_is_the_same_for_everybody_and_in_any_order() -> None:
    """Drawn from names alone; and two alike are not drawn alike, so that P90 is below twice the one."""
    alike = [risk(f"risks/{number:012x}", probability=1000) for number in range(2)]
    found = register.total(alike)
    assert found == register.total(list(reversed(alike)))
    assert found.high < 2 * register.total(alike[:1]).high
    assert register.total([]) == register.Total(0, 0, 0, 0, 0)


def test_the_ten_of_the_largest_expected_loss() -> None:
    """Of equals by name."""
    many = [risk(f"risks/{number:012x}", probability=10 + number // 2) for number in range(14)]
    found = register.top(many)
    assert [one.probability for one in found] == [16, 16, 15, 15, 14, 14, 13, 13, 12, 12]
    assert [one.name for one in found[:2]] == ["risks/00000000000c", "risks/00000000000d"]


def test_exposure_as_the_board_shows_it() -> None:
    """P50 in front and P90 beside it; without a risk there is nothing to show, and no zero."""
    assert register.exposure([], "CNY").standing is Standing.NOT_DEFINED
    risks = [risk(f"risks/{number:012x}", probability=600) for number in range(5)]
    found, whole = register.exposure(risks, "CNY"), register.total(risks)
    assert (found.value, found.p90, found.mean, found.n, found.note) == (
        whole.middle, whole.high, whole.mean, 5, "CNY",
    )  # fmt: skip


def given(**known: Value) -> dict[str, Value]:
    """A value of every metric: not defined unless given, waiting where the registry says so."""
    plain = {one.id: undefined(one, "nothing") if one.is_live else waiting(one) for one in REGISTRY}
    return plain | known


NOTHING = {"approved_cost_models": 0, "services_with_objective": 0, "finished_improvements": 0, "risks": 0}


def shown(metric: str, value: float, n: int) -> Value:
    """A value that is shown."""
    return Value(METRICS[metric].name, Standing.SHOWN, value, n)


def test_a_criterion_is_met_unmet_too_few_or_waits() -> None:
    """By the value of the registry, at least or at most; a waiting metric says what it waits for."""
    most = Criterion("x", ("x", "x"), ("x", "x"), 10.0, at_least=False, metric="ping_pong")
    for value, n, verdict in ((10.0, 30, Verdict.MET), (10.1, 30, Verdict.UNMET), (1.0, 29, Verdict.TOO_FEW)):
        assert way.judge(most, given(ping_pong=shown("ping_pong", value, n)), NOTHING).verdict is verdict
    least = replace(most, at_least=True)
    assert way.judge(least, given(ping_pong=shown("ping_pong", 9.9, 30)), NOTHING).verdict is Verdict.UNMET
    assert way.judge(most, given(), NOTHING).verdict is Verdict.TOO_FEW
    waits = next(one for one in REGISTRY if not one.is_live)
    found = way.judge(replace(most, metric=waits.id), given(), NOTHING)
    assert (found.verdict, found.waits_for) == (Verdict.WAITS, waits.waits_for)


def test_a_share_of_two_counts() -> None:
    """Three of ten tickets by phone are 30 %, which is just met; one more is not."""
    (past, *_) = STAGES[Stage.ENTRY].criteria
    opened = count(METRICS["tickets_opened"], 100)
    for part, verdict in ((30, Verdict.MET), (31, Verdict.UNMET)):
        values = given(tickets_opened=opened, answered_in_person=count(METRICS["answered_in_person"], part))
        found = way.judge(past, values, NOTHING)
        assert (found.verdict, found.value, found.n) == (verdict, float(part), 100)
    few = given(tickets_opened=count(METRICS["tickets_opened"], 29), answered_in_person=count(METRICS["reopened"], 1))
    assert way.judge(past, few, NOTHING).verdict is Verdict.TOO_FEW


def test_the_roadmap_and_the_map_of_friction_show_one_number_of_chases() -> None:
    """7 chases of 33 tickets that ended: 21.212121 for 100 on both pages; just 20 for 100 is met."""
    [criterion] = [one for one in STAGES[Stage.ENTRY].criteria if one.id == "few_chases"]
    tally = Tally()
    tally.counts["tickets_ended"] = 33
    tally.spreads[criterion.metric] = {0: 28, 1: 4, 3: 1}
    value = value_of(METRICS[criterion.metric], tally, Period(NOW, NOW + DAY), NOW + DAY)
    found = way.judge(criterion, given(**{criterion.metric: value}), NOTHING)
    [cell] = [one for one in friction_map(tally, {}).whole.cells if one.touchpoint is Touchpoint.CHASE]
    assert (found.value, found.unit, found.n) == (cell.rate.value, "count per 100 tickets", 33)
    assert (found.verdict, found.value) == (Verdict.UNMET, 21.212121)
    few = replace(value, value=0.2, numerator=7, n=35, denominator=35)
    assert way.judge(criterion, given(**{criterion.metric: few}), NOTHING).verdict is Verdict.MET


def test_every_stage_is_judged_and_none_is_complete_while_one_criterion_waits() -> None:
    """Kept things are counted; nothing at all is complete on an empty installation."""
    found = way.judged(given(), NOTHING | {"risks": 1})
    assert set(found) == set(Stage)
    assert not any(way.is_complete(one) for one in found.values())
    by_id = {one.criterion.id: one.verdict for one in found[Stage.BOARD]}
    assert (by_id["risks_weighed"], by_id["cost_models"]) == (Verdict.MET, Verdict.UNMET)


def test_criteria_are_whole() -> None:
    """Each has both languages, one source alone, and metrics that the registry knows; ids are given once."""
    every = [one for plan in STAGES.values() for one in plan.criteria]
    assert len({one.id for one in every}) == len(every)
    for one in every:
        assert one.names[0].isascii()
        assert not one.names[1].isascii()
        assert sum(map(bool, (one.metric, one.count, one.waits_for))) == 1
        assert {one.metric, one.of} - {""} <= set(METRICS)
        assert one.count in {*NOTHING, ""}


def test_every_hour_of_the_ledger_is_credited_to_one_stage() -> None:
    """Entered at 10:40 and left at 13:10: the hours from 10 to 12; the next stage has 13. Left at once: none."""
    at = NOW + timedelta(hours=10, minutes=40)
    left = at + timedelta(hours=2, minutes=30)
    first, then = way.credited(at, left, left + DAY), way.credited(left, None, left + DAY)
    assert first == Period(NOW + timedelta(hours=10), NOW + timedelta(hours=13))
    assert then == Period(NOW + timedelta(hours=13), left + DAY)
    assert way.credited(at, at + timedelta(minutes=5), left) is None


def test_a_stage_is_left_when_its_criteria_are_met_or_with_a_reason() -> None:
    """The first entering says where the way begins; back is always possible; the same stage twice is none."""
    unmet, met = dict.fromkeys(Stage, False), dict.fromkeys(Stage, True)
    for actor, why in ((LEAD, "ROLE_REQUIRED"), (ROBOT, "PERSON_REQUIRED")):
        with pytest.raises(Refusal) as refused:
            way.enter(None, Stage.ENTRY, "", complete=unmet, by=actor, now=NOW)
        assert refused.value.reason == why
    begun, (event,) = way.enter(None, Stage.PROCESS, "", complete=unmet, by=BOSS, now=NOW)
    assert (begun.stage, event.entered.by) == (Stage.PROCESS, "people/boss")
    with pytest.raises(Refusal) as refused:
        way.enter(begun, Stage.PROCESS, "", complete=met, by=BOSS, now=NOW)
    assert refused.value.reason == "STAGE_SAME"
    with pytest.raises(Refusal) as refused:
        way.enter(begun, Stage.AUTOMATION, " ", complete=unmet, by=BOSS, now=NOW)
    assert reason(refused) == ("note", "STAGE_INCOMPLETE")
    for note, complete, stage in (("the board wants it", unmet, Stage.AUTOMATION), ("", met, Stage.BOARD)):
        assert way.enter(begun, stage, note, complete=complete, by=BOSS, now=NOW)[0].stage is stage
    back, _ = way.enter(begun, Stage.ENTRY, "", complete=unmet, by=BOSS, now=NOW + DAY)
    lasted = back.lasted(Stage.PROCESS)
    assert lasted is not None
    assert (lasted[0].at, lasted[1]) == (NOW, NOW + DAY)
    assert Roadmap().lasted(Stage.ENTRY) is None
