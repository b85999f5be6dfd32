"""What the board prints: never a fake zero, never a change that is not one, and only amounts that the ledger gives."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from throughline.changes.v1 import change_pb2
from throughline.metrics.v1 import board_pb2, metrics_pb2, metrics_service_pb2
from throughline.tickets.v1 import ticket_pb2
from throughline.type.v1 import money_pb2
from werkzeug.datastructures import MultiDict

from services.metrics.rules import board as board_rules
from services.metrics.rules.registry import METRICS, TILES
from services.metrics.wire.registry import metric_message
from services.portal.web import i18n
from services.portal.web.gallery import create_gallery_app
from services.portal.web.shown import axis, choices, ledger, period, progress, tile
from services.portal.web.shown import board as shown
from services.portal.web.shown.reader import Reader
from services.runtime.refusal import Refusal

TODAY = date(2026, 11, 23)
ZONE = ZoneInfo("Asia/Shanghai")
READER = Reader("people/ann", datetime(2026, 11, 23, 6, tzinfo=UTC), "en", ZONE)
LINKS = shown.Links(
    evidence=lambda slug: f"/e/{slug}",
    facts=lambda metric: f"/f/{metric}",
    ticket=lambda ticket: f"/{ticket}",
    loss_of=lambda ticket: f"/l/{ticket}",
    services="/s",
)


@pytest.fixture(autouse=True)
def request_context() -> Iterator[None]:
    """Words need a language."""
    with create_gallery_app().test_request_context("/", headers={"Accept-Language": "en"}):
        yield


def choice(**given: str) -> period.Choice:
    """The choice of an address."""
    return period.read(MultiDict(given), ZONE, TODAY)


def money(minor: int) -> money_pb2.Money:
    """An amount in CNY."""
    return money_pb2.Money(currency_code="CNY", minor_units=minor)


def line(category: int, minor: int, entries: int, waits: str = "") -> board_pb2.MoneyLine:
    """A line with an interval of half and one and a half."""
    return board_pb2.MoneyLine(
        category=category,  # type: ignore[arg-type]  # a number of the enum
        amount=money(minor),
        low=money(minor // 2),
        high=money(minor * 3 // 2),
        entries=entries,
        waits_for=waits,
    )


def board(*, fed: bool, loss: int = 0) -> board_pb2.Board:
    """A board of four lines, fed or waiting, and an incurred loss."""
    lines = [line(one, 100_000 if fed else 0, 3 if fed else 0, "" if fed else "x") for one in range(1, 5)]
    return board_pb2.Board(
        lines=lines,
        total=money(400_000 if fed else 0),
        incurred_loss=line(shown.LOSS, loss, 2 if loss else 0),
        tickets=7,
        days=[board_pb2.DayColumn(date="2026-10-01", opened=7, resolved=5)],
    )


def value(metric: str, state: int = tile.SHOWN, **fields: float | str | bool) -> metrics_pb2.Value:
    """A value of a metric of the registry."""
    return metrics_pb2.Value(metric=METRICS[metric].name, state=state, **fields)  # type: ignore[arg-type]  # fields by name


def drawn(
    metric: str, one: metrics_pb2.Value, change: metrics_pb2.Value | None = None, **more: bool
) -> dict[str, object]:
    """The tile of a value, with its change."""
    message = board_pb2.Tile(metric=metric_message(METRICS[metric]), value=one, change=change, sparkline=[1, 2, 3])
    return tile.tile(message, "en", href="/f", **more)


@pytest.mark.parametrize(
    ("given", "start", "end"),
    [
        ({}, date(2026, 11, 1), date(2026, 12, 1)),
        ({"month": "2026-02"}, date(2026, 2, 1), date(2026, 3, 1)),
        ({"from": "2026-10-03", "to": "2026-10-17"}, date(2026, 10, 3), date(2026, 10, 17)),
    ],
)
def test_period(given: dict[str, str], start: date, end: date) -> None:
    """An address chooses a month or days, half-open; without any it is this month."""
    assert choice(**given).days == period.Days(start, end)


@pytest.mark.parametrize(
    ("given", "reason", "field"),
    [
        ({"month": "2026-13"}, "PERIOD_UNKNOWN", "month"),
        ({"from": "2026-10-03"}, "PERIOD_UNKNOWN", "to"),
        ({"from": "2026-10-03", "to": "2026-10-03"}, "PERIOD_UNKNOWN", "to"),
        ({"baseline": "last"}, "BASELINE_UNKNOWN", "baseline"),
        ({"channel": "pigeon"}, "FILTER_UNKNOWN", "channel"),
        ({"priority": "9"}, "FILTER_UNKNOWN", "priority"),
    ],
)
def test_what_is_no_choice(given: dict[str, str], reason: str, field: str) -> None:
    """A wrong address is refused by name instead of showing another period than the one asked for."""
    with pytest.raises(Refusal) as refused:
        choice(**given)
    assert (refused.value.reason, refused.value.field) == (reason, field)


def test_midnight_is_the_readers() -> None:
    """A month begins at midnight of the reader's zone, not of UTC."""
    interval = choice(month="2026-10").days.interval(ZONE)
    assert interval.start_time.ToDatetime(tzinfo=UTC) == datetime(2026, 9, 30, 16, tzinfo=UTC)
    assert interval.end_time.ToDatetime(tzinfo=UTC) == datetime(2026, 10, 31, 16, tzinfo=UTC)


@pytest.mark.parametrize(
    ("baseline", "start"),
    [("", date(2026, 9, 1)), ("year", date(2025, 10, 1)), ("2026-04", date(2026, 4, 1))],
)
def test_baseline(baseline: str, start: date) -> None:
    """A month is compared with the month before, with the one a year earlier, or with a named one."""
    compared = choice(month="2026-10", **({"baseline": baseline} if baseline else {})).compared
    assert compared is not None
    assert compared.start == start
    assert compared.is_month


def test_no_baseline() -> None:
    """Nothing to compare with asks for no baseline at all."""
    assert not choice(baseline="none").request().HasField("baseline")
    assert choice(**{"from": "1970-01-02", "to": "1970-01-09"}).compared is None


def test_an_address_says_the_same_again() -> None:
    """What a choice writes into an address reads as the same choice; a change replaces the period whole."""
    given = {"month": "2026-10", "baseline": "year", "team": "teams/a", "channel": "phone", "type": "incident"}
    first = period.read(MultiDict([*given.items(), ("priority", "1"), ("priority", "3")]), ZONE, TODAY)
    query = first.query()
    again = MultiDict(
        [(name, one) for name, many in query.items() for one in ([many] if isinstance(many, str) else many)]
    )
    assert period.read(again, ZONE, TODAY) == first
    assert first.filter.channel == ticket_pb2.CHANNEL_PHONE
    assert "month" not in first.query(**{"from": "2026-10-03", "to": "2026-10-05"})


def test_headline_says_money_only_where_there_is_some() -> None:
    """The sentence tells what was kept when a line is fed; otherwise what is known, and never a zero amount."""
    month = choice(month="2026-10")
    assert shown.headline(board(fed=True), month, "en", TODAY) == "In October, IT service kept ¥4.00 k in the business"
    told = shown.headline(board(fed=False, loss=612_300_00), month, "en", TODAY)
    assert told == "In October, 5 tickets were resolved; incidents cost the business ¥612 k"
    assert shown.headline(board(fed=False), month, "en", TODAY) == "In October, 5 tickets were resolved"
    assert shown.headline(board_pb2.Board(), month, "en", TODAY) == "In October, no ticket came in"


def test_nothing_is_called_none_while_events_wait_to_be_counted() -> None:
    """An empty board says so only when all is counted; how much is missing is told, and what cannot be known too."""
    month = choice(month="2026-10")
    behind = progress.told(metrics_service_pb2.Progress(counted_events=12_000, waiting_events=400), "en")
    assert behind is not None
    assert behind.text.startswith("12,000 of 12,400 events are counted")
    assert shown.headline(board_pb2.Board(), month, "en", TODAY, behind.text) == "In October: still being counted"
    assert shown.headline(board(fed=False), month, "en", TODAY, behind.text) == "In October, 5 tickets were resolved"
    assert (shown.is_blank(board_pb2.Board()), shown.is_blank(board(fed=False))) == (True, False)
    last = progress.told(metrics_service_pb2.Progress(counted_events=12_390, waiting_events=10), "en")
    unknown = progress.told(metrics_service_pb2.Progress(), "en")
    assert (behind.matters, last and last.matters, unknown and unknown.matters) == (True, False, True)
    assert progress.told(metrics_service_pb2.Progress(counted_events=12_400, waiting_events=0), "en") is None


def test_a_line_that_waits_has_no_amount() -> None:
    """Nothing booked is never printed as 0: the line says what it waits for, the total is empty, nothing is a link."""
    found = shown.money(board(fed=False), LINKS, "en")
    assert found["amount"] == ""
    assert [one["amount"] for one in found["lines"]] == ["", "", "", ""]
    assert found["lines"][0]["waits"] == "Waits for x"
    assert all("href" not in one for one in found["lines"])
    assert found["loss"]["amount"] == ""


def test_money_is_the_ledgers() -> None:
    """Total, lines and loss are printed as given; one scale holds every interval and zero."""
    found = shown.money(board(fed=True, loss=50_000), LINKS, "en", "hours")
    assert found["amount"] == "¥4,000"
    assert [one["amount"] for one in found["lines"]] == ["¥1,000"] * 4
    assert found["loss"]["amount"] == "¥500"
    assert found["lines"][1]["href"] == "/e/hours"
    assert [one["current"] for one in found["lines"]] == [False, True, False, False]
    low, high = found["scale"]
    assert low < 0
    assert high > 150_000


def test_no_time_goes_by_a_bare_name() -> None:
    """The tile of the time to resolve names the other three readings, each with its value or why there is none."""
    times = {
        "time_to_resolve": value("time_to_resolve", value=7_200, median=7_200, mean=7_200, p90=9_000, n=40),
        "time_to_respond": value("time_to_respond", metrics_pb2.VALUE_STATE_TOO_FEW, note="3, 5 needed"),
        "time_to_repair": value("time_to_repair", value=3_600, n=40),
        "time_to_restore": value("time_to_restore", metrics_pb2.VALUE_STATE_WAITING),
    }
    message = board_pb2.Board(
        tiles=[board_pb2.Tile(metric=metric_message(METRICS[name]), value=one) for name, one in times.items()]
    )
    (only,) = dict(shown.bands(message, LINKS, "en", over=True))["efficiency"]
    assert (only["name"], only["value"], only["unit"]) == ("Time to resolve", "2.0", "h")
    assert [(one["name"], one["value"]) for one in only["beside"]] == [
        ("Time to respond", "Too few"), ("Time to repair", "1 h"), ("Time to restore", "Not measured yet"),
    ]  # fmt: skip
    names = [text for one in METRICS.values() for text in one.names]
    assert [text for text in names if "MTTR" in text] == []


def test_every_tile_has_a_sentence_a_unit_and_its_definition() -> None:
    """In both languages, for whoever knows no code of it."""
    for id in TILES:
        message = metric_message(METRICS[id])
        for language, stop in (("en", "."), ("zh", "。")):
            about = tile.definition(message, language)
            assert (about["text"][-1], about["text"].count(stop)) == (stop, 1), id
            assert about["unit"]
            assert about["href"] == f"/board/definitions#{id.replace('_', '-')}"


def test_an_item_is_a_filter_like_the_others() -> None:
    """It is in the address, in the form and, alone, in the words of the button."""
    asked = choice(item="items/notebook")
    assert (asked.filter.item, asked.filters, asked.query()["item"]) == ("items/notebook", 1, "items/notebook")
    assert choices.filter_words(asked, READER) == "notebook"
    assert choices.form(asked, {}, "en")["item"] == "items/notebook"


def test_tile_of_a_length() -> None:
    """A time stands with median or mean, P90 and n; the change is told by words and an arrow with its interval."""
    one = value("time_to_resolve", value=54_540, median=54_540, mean=595_476, p90=1_728_000, n=1276)
    found = drawn("time_to_resolve", one, value("time_to_resolve", value=-38.2, low=-44, high=-31))
    assert (found["value"], found["unit"]) == ("15.2", "h")
    assert found["detail"] == "mean 6.9 days · P90 20 days · n 1,276"
    assert (found["change"], found["direction"]) == ("38% less (31–44%)", "down")
    assert found["href"] == "/f"


def test_service_time_is_never_told_in_days() -> None:
    """A working day is none of 24 hours."""
    one = value("first_response_time", value=400_000, median=400_000, mean=1, p90=500_000, n=40)
    assert (drawn("first_response_time", one)["value"], drawn("first_response_time", one)["unit"]) == ("111.1", "h")


def test_tile_without_a_change() -> None:
    """A change that cannot be told apart from none is "not shown", grey and without an arrow."""
    one = value("sla_met_resolution", value=96.8, numerator=1276, denominator=1318, n=1318, low=95.7, high=97.6)
    found = drawn("sla_met_resolution", one, value("sla_met_resolution", metrics_pb2.VALUE_STATE_NOT_SHOWN))
    assert found["change"] == "Change not shown"
    assert found["grey"] is True
    assert "direction" not in found
    assert found["detail"] == "1,276 of 1,318"
    assert drawn("sla_met_resolution", one)["change"] == "95.7–97.6%"


@pytest.mark.parametrize(
    ("state", "note", "none", "why"),
    [
        (metrics_pb2.VALUE_STATE_TOO_FEW, "3, 5 needed", "Too few", "3, 5 needed"),
        (metrics_pb2.VALUE_STATE_WAITING, "survey answers", "Not measured yet", "Waits for survey answers"),
        (metrics_pb2.VALUE_STATE_NOT_DEFINED, "no outage", "Not defined", "no outage"),
    ],
)
def test_tile_without_a_value(state: int, note: str, none: str, why: str) -> None:
    """Words stand in place of a value, with the reason, and nothing leads anywhere."""
    found = drawn("reopened", value("reopened", state, note=note, n=3))
    assert (found["none"], found["change"]) == (none, why)
    assert not {"value", "href", "points"} & found.keys()


def test_provisional_of_a_period_that_is_over() -> None:
    """A value that may still change says so where the period itself does not say it for all."""
    one = value("reopened", value=1, numerator=1, denominator=100, n=100, provisional=True)
    assert drawn("reopened", one)["provisional"] == "Not final yet"
    assert "provisional" not in drawn("reopened", one, over=False)


def entry(**inputs: int) -> metrics_pb2.LedgerEntry:
    """1,200 people who lose 40 % of their work for 47 minutes at ¥80: ¥30,080."""
    given = {"users": 1200, "per_mille": 400, "hourly_rate": 8000, "ms": 47 * 60_000, "sign": 1} | inputs
    return metrics_pb2.LedgerEntry(
        name="ledgerEntries/INC-000001.1",
        ticket="tickets/INC-000001",
        formula="people/1",
        total=money(3_008_000),
        low=money(1_504_000),
        high=money(4_512_000),
        inputs=[metrics_pb2.FormulaInput(name=name, value=one) for name, one in given.items()],
        lines=[metrics_pb2.LedgerLine(amount=money(3_000_000)), metrics_pb2.LedgerLine(amount=money(8_000))],
        evidence=[metrics_pb2.Evidence(resource="costModels/people", version="3")],
    )


def test_recomputing_tells_right_from_wrong() -> None:
    """The inputs give the total exactly; any other input, line or sign is noticed; an unknown formula is not judged."""
    assert ledger.agrees(entry()) is True
    assert ledger.agrees(entry(users=1201)) is False
    assert ledger.agrees(entry(sign=-1)) is False
    broken = entry()
    broken.lines[1].amount.minor_units += 1
    assert ledger.agrees(broken) is False
    other = entry()
    other.formula = "sales/1"
    assert ledger.agrees(other) is None


def test_halves_go_to_the_even_one() -> None:
    """Half a minor unit rounds to even, as the ledger rounds."""
    for ms, minor in ((450, 0), (1350, 2)):
        half = entry(users=1, per_mille=1000, hourly_rate=4000, ms=ms)
        half.total.minor_units = minor
        del half.lines[1:]
        half.lines[0].amount.minor_units = minor
        assert ledger.agrees(half) is True, ms


def test_chain_and_largest() -> None:
    """The chain goes from ticket to amount; what was taken back is not the largest row."""
    one, taken = entry(), entry()
    taken.name, taken.reverses = "ledgerEntries/INC-000001.2", one.name
    small = entry()
    small.name, small.total.minor_units = "ledgerEntries/INC-000002.1", 5
    assert ledger.largest([one, taken, small]) == small
    steps = ledger.chain(one, READER, "/tickets/INC-000001")
    assert steps[0]["href"] == "/tickets/INC-000001"
    assert steps[-1]["title"] == "¥30,080"
    assert "1,200 people lost 40% of their work" in [step["title"] for step in steps]


def test_finding_and_table() -> None:
    """The busiest day is named against the median one, and the table holds every day of the chart."""
    days = [board_pb2.DayColumn(date=f"2026-10-{day:02}", opened=10, resolved=9) for day in range(1, 8)]
    days[4].opened, days[4].breached = 25, 2
    told = axis.finding(days, "en", TODAY)
    assert told == "Oct 5 brought 25 tickets, 2.5 times the median day; 2 promises ran out that day."
    assert axis.rows(days, "en")[4] == ["Oct 5", "25", "9", "0", "2"]
    assert axis.finding([], "en", TODAY) == "No ticket came in on these days."


def test_changes_lie_on_the_same_axis() -> None:
    """A change stands at its hour of its day in the reader's zone; one outside the days is left out."""
    days = [board_pb2.DayColumn(date=f"2026-10-{day:02}") for day in range(1, 4)]
    inside, outside = change_pb2.Change(name="changes/CHG-000001"), change_pb2.Change(name="changes/CHG-000002")
    inside.window.start_time.FromDatetime(datetime(2026, 10, 1, 22, tzinfo=UTC))
    outside.window.start_time.FromDatetime(datetime(2026, 10, 9, tzinfo=UTC))
    marks = axis.data(days, [inside, outside], ZONE, "en")["changes"]
    assert [mark["at"] for mark in marks] == [1.25]


def test_the_pages_speak_chinese() -> None:
    """Every sentence of the board's templates is translated."""
    catalogue = i18n.read_catalogue(i18n.CATALOGUES, "zh")
    folder = Path(shown.__file__).parents[1] / "templates"
    said = {text for path in folder.glob("board*.html") for text in re.findall(r'\b_\("([^"]+)"', path.read_text())}
    assert len(said) > 100
    assert sorted(text for text in said - {"SLA"} if catalogue.gettext(text) == text) == []


def test_the_registry_speaks_chinese() -> None:
    """Each word of the registry on the board is translated: what lines and tiles wait for, and edge cases."""
    catalogue = i18n.read_catalogue(i18n.CATALOGUES, "zh")
    said = {*board_rules.WAITS.values()}
    for one in TILES:
        said |= {*METRICS[one].edge_cases, METRICS[one].waits_for} - {""}
    assert sorted(text for text in said if catalogue.gettext(text) == text) == []
