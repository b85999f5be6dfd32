"""The heat map and what problems cost as pages show them: shades within a column, no rate of too few, sums as told."""

from __future__ import annotations

from throughline.metrics.v1 import friction_pb2 as pb
from throughline.metrics.v1 import governance_pb2, metrics_pb2, problem_loss_pb2
from throughline.type.v1 import money_pb2

from services.portal.web.shown import friction, problem_loss
from tests.unit.portal.test_shown_board import READER, request_context, value

__all__ = ["request_context"]

FEW = metrics_pb2.VALUE_STATE_TOO_FEW


def _cell(touchpoint: int, times: int, rate: float | None) -> pb.FrictionCell:
    shown = (
        value("re_asks", FEW, n=3, note="3, 5 needed") if rate is None else value("re_asks", value=rate, low=1, high=9)
    )
    return pb.FrictionCell(touchpoint=pb.Touchpoint.ValueType(touchpoint), times=times, rate=shown)


def _row(place: str, *cells: tuple[int, float | None]) -> pb.FrictionRow:
    kinds = (pb.TOUCHPOINT_QUESTION, pb.TOUCHPOINT_CHASE)
    drawn = [_cell(kind, *one) for kind, one in zip(kinds, cells, strict=True)]
    return pb.FrictionRow(place=place, ended_tickets=10, cells=drawn)


def test_shades_compare_places_within_a_touchpoint() -> None:
    """The most of a column is the darkest, nothing and too few have none; only what happened is a door."""
    rows = [
        _row("services/a", (8, 80.0), (1, 2.0)),
        _row("services/b", (1, 10.0), (0, 0.0)),
        _row("c", (2, None), (0, None)),
    ]
    answer = pb.FrictionMap(whole=_row("", (11, 40.0), (1, 1.0)), rows=rows, places_left_out=2)
    found = friction.heat(answer, READER, lambda place, slug: f"{place}?{slug}")
    assert [[one["shade"] for one in row["cells"]] for row in found["rows"]] == [[5, 5], [1, 0], [0, 0]]
    assert [one["shade"] for one in found["whole"]["cells"]] == [0, 0]
    assert [one["href"] for one in found["rows"][0]["cells"]] == ["services/a?question", "services/a?chase"]
    assert found["rows"][1]["cells"][1]["href"] == ""
    assert [one["rate"] for one in found["rows"][2]["cells"]] == ["", ""]
    assert (found["rows"][2]["cells"][0]["times"], found["left_out"]) == ("2 times", "2 more are not shown.")
    assert "5" in found["few"]
    assert set(friction.TOUCHPOINTS.values()) == set(pb.Touchpoint.values()) - {0}


def test_a_problem_says_what_is_provisional_and_why_there_is_no_amount() -> None:
    """Sums by currency as they were told; each amount a door; an incident without one says so."""
    money = money_pb2.Money(currency_code="CNY", minor_units=180_000)
    sums = [governance_pb2.LossSum(amount=money, provisional=money, causes=2)]
    loss = problem_loss_pb2.ProblemLoss(name="problems/PRB-000003", incidents=2, repeated_incidents=1, sums=sums)
    told = problem_loss.problem(loss, READER)
    assert [one["amount"] for one in told["sums"]] == ["¥1,800"]
    assert told["sums"][0]["provisional"] == "¥1,800 provisional"
    assert (told["incidents"], told["again"], told["again_sums"]) == ("2 incidents", "1 incident", [])
    part = governance_pb2.LossPart(amount=money, entry="ledgerEntries/INC-000001.1")
    paid = problem_loss_pb2.ProblemIncident(linked=True, parts=[part])
    (amount,) = problem_loss.incident(paid, READER, "", lambda one, _: one.entry)["amounts"]
    assert (amount["amount"], amount["href"]) == ("¥1,800", part.entry)
    bare = problem_loss.incident(problem_loss_pb2.ProblemIncident(), READER, "", lambda _one, _reader: "")
    assert (bare["amounts"], bare["by"], bare["why"]) == ([], "same fault", "The ledger has no amount of it.")
