"""The profile of a stage: one table, and what follows from it for menu and landing."""

from __future__ import annotations

from pathlib import Path

import pytest
from flask import Flask

from services.metrics.rules import stages as criteria
from services.portal.web import i18n, later_stage, navigation, profile, stages
from services.portal.web.app import create_app
from services.portal.web.settings import WebSettings
from services.portal.web.stages import PAGES, RESOURCES, Stage
from services.runtime.identity import make

SERVICES = ("portal", "tickets", "sla", "knowledge", "changes", "metrics")
ALL = {"requester", "agent", "lead", "change_manager", "operator", "finance", "executive", "administrator"}


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Keys of the portal."""
    folder = tmp_path_factory.mktemp("keys")
    make(folder, ["portal"])
    return folder


@pytest.fixture(scope="module")
def whole(keys: Path) -> Flask:
    """The whole web process, as a deployment of the second stage tells it; it calls nobody."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("TL_STAGE", "2")
        told = WebSettings.load("portal", keys_dir=keys, addresses=dict.fromkeys(SERVICES, "127.0.0.1:1"))
    made = create_app(told)
    with made.app_context():
        assert profile.profile().in_force is Stage.PROCESS
    return made


@pytest.fixture
def app(whole: Flask, request: pytest.FixtureRequest) -> Flask:
    """It in a stage, the last one unless the test names another."""
    profile.keep(whole, getattr(request, "param", Stage.BOARD))
    return whole


def test_every_page_and_every_resource_names_its_stage(app: Flask) -> None:
    """A new blueprint or a new collection stands in the table itself, and the table names nothing that is not there."""
    pages, resources = set(), set()
    for rule in app.url_map.iter_rules():
        if rule.rule.startswith(stages.REST):
            resources.add(rule.rule.removeprefix(stages.REST))
        else:
            pages.add(rule.endpoint)
    assert {page.rpartition(".")[0] or page for page in pages} - set(PAGES) == set()
    assert {one.partition("/")[0] for one in resources} - set(RESOURCES) == set()
    assert [one for one in PAGES if not any(f"{page}.".startswith(f"{one}.") for page in pages)] == []
    assert [one for one in RESOURCES if not any(f"{each}/".startswith(f"{one}/") for each in resources)] == []


@pytest.mark.parametrize(
    ("endpoint", "rule", "stage"),
    [
        ("queue.act", "/queue/<number>/<verb>", Stage.ENTRY),
        ("board.roadmap.enter", "/board/roadmap", Stage.ENTRY),
        ("submit.promise", "/submit/promise", Stage.PROCESS),
        ("home.suggest", "/suggest", Stage.AUTOMATION),
        ("board.evidence", "/board/evidence/<category>", Stage.BOARD),
        ("rest.list_tickets", "/api/v1/tickets", Stage.ENTRY),
        ("rest.get_ticket_clocks", "/api/v1/tickets/<id>/clocks", Stage.PROCESS),
        ("rest.get_board", "/api/v1/board", Stage.BOARD),
    ],
)
def test_the_nearest_entry_decides(endpoint: str, rule: str, stage: Stage) -> None:
    """A page by its blueprint unless it has an entry of its own; a resource by as much of its address as is named."""
    assert stages.stage_of(endpoint, rule) is stage


def test_what_the_table_does_not_know_stops_the_start() -> None:
    """Nothing is offered in a stage that nobody chose."""
    with pytest.raises(KeyError):
        stages.stage_of("news.page", "/news")
    with pytest.raises(KeyError):
        stages.stage_of("rest.list_news", "/api/v1/news")


MENUS = {
    Stage.ENTRY: {"home", "tickets", "submit", "queue", "roadmap"},
    Stage.PROCESS: {"rota", "changes", "policies", "escalations", "calendars", "judgements"},
    Stage.AUTOMATION: {"knowledge"},
    Stage.BOARD: {"board", "business-services", "reports"},
}


@pytest.mark.parametrize("app", list(Stage), indirect=True)
def test_a_menu_has_the_stages_in_force(app: Flask) -> None:
    """Each stage adds its own places to those before it; together they are the whole menu."""
    with app.app_context():
        made = profile.profile()
        assert {one.key for one in made.places} >= MENUS[made.in_force]
        wanted = set().union(*(MENUS[one] for one in Stage if one <= made.in_force))
        # What others add to the menu belongs to a stage that is in force, too.
        assert {one.key for one in made.places if one.key in set().union(*MENUS.values())} == wanted
        assert all(made.offers(app.url_map.bind("").match(one.path)[0]) for one in made.places)
        assert (len(made.places) == len(navigation.PLACES)) == (made.in_force is Stage.BOARD)


@pytest.mark.parametrize("app", list(Stage), indirect=True)
def test_everybody_lands_on_a_page_that_there_is(app: Flask) -> None:
    """Managers on the roadmap until there is a board; administrators always find the roadmap in their menu."""
    with app.app_context():
        made = profile.profile()
        for role in ALL:
            landed = navigation.landing({role}, made.places)
            assert made.offers(app.url_map.bind("").match(landed)[0]), (role, landed)
        last = made.in_force is Stage.BOARD
        assert navigation.landing({"finance"}, made.places) == ("/board" if last else "/board/roadmap")
        menus = {
            role: {one.place.key for group in navigation.groups({role}, places=made.places) for one in group.entries}
            for role in ("administrator", "agent", "requester")
        }
        assert {role: "roadmap" in menu for role, menu in menus.items()} == {
            "administrator": True,
            "agent": not last,
            "requester": False,
        }


@pytest.mark.parametrize("stage", ["0", "5", "two", ""])
def test_a_stage_that_there_is_not_stops_the_start(keys: Path, monkeypatch: pytest.MonkeyPatch, stage: str) -> None:
    """The message names the setting."""
    monkeypatch.setenv("TL_STAGE", stage)
    with pytest.raises(SystemExit, match="TL_STAGE is unusable"):
        WebSettings.load("portal", keys_dir=keys)


def test_stages_are_called_as_on_the_roadmap(app: Flask) -> None:
    """The portal names them for readers who may not see the roadmap, in both languages by the same words."""
    for place, language in enumerate(("en", "zh")):
        with app.test_request_context(headers={"Cookie": f"{i18n.COOKIE}={language}"}):
            named = {one.value: later_stage.told(one)["name"] for one in Stage}
        assert named == {one.value: plan.names[place] for one, plan in criteria.STAGES.items()}
