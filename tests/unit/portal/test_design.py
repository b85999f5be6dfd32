"""The rules of the design that a reader of code would miss: colours, contrast, the menu, the words."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

import pytest

from services.portal.web import i18n, navigation, shell
from services.portal.web.gallery import PAGES, create_gallery_app

WEB = Path(i18n.__file__).parents[1]
CSS = WEB / "static" / "css"
TOKENS = (CSS / "tokens.css").read_text()
TEXT = ("ink", "ink-2", "ink-3", "accent", "warn", "bad", "pause", "efficiency", "experience", "value")
TINTED = ("ok", "warn", "bad", "pause", "efficiency", "experience", "value")


def _blocks() -> list[dict[str, str]]:
    """The colours of the light block and of the two dark ones, in order."""
    blocks = [block for block in re.findall(r"\{([^{}]*)\}", TOKENS) if "--ink:" in block]
    return [dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", block)) for block in blocks]


def _ratio(first: str, second: str) -> float:
    def light(colour: str) -> float:
        parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        red, green, blue = (part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    high, low = sorted((light(first), light(second)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_contrast() -> None:
    """Every text colour reaches 4.5 on page, surface and its own tint, every control border 3, in both themes."""
    weak = []
    for colours in _blocks()[:2]:
        pairs = [(text, ground, 4.5) for text in TEXT for ground in ("page", "surface")]
        pairs += [(text, f"{text}-tint", 4.5) for text in TINTED]
        pairs += [("control", ground, 3.0) for ground in ("page", "surface")]
        weak += [(text, ground) for text, ground, least in pairs if _ratio(colours[text], colours[ground]) < least]
    assert weak == []


def test_auto_is_dark() -> None:
    """The dark block that follows the system is the one a reader chooses by hand."""
    light, dark, auto = _blocks()
    assert dark == auto
    assert light.keys() == dark.keys()


def test_no_colour_outside_the_tokens() -> None:
    """No style sheet but the tokens names a colour, and no template carries a style or a handler."""
    sheets = [path.name for path in CSS.glob("*.css") if path.name != "tokens.css"]
    found = [name for name in sheets if re.search(r"#[0-9a-fA-F]{3,8}\b|\brgba?\(|\bhsl", (CSS / name).read_text())]
    forbidden = re.compile(r"\sstyle=|\son[a-z]+=|<style|<script(?![^>]*src=)")
    found += [path.name for path in (WEB / "templates").rglob("*.html") if forbidden.search(path.read_text())]
    assert found == []


def test_every_icon_is_drawn() -> None:
    """Each icon a template or the menu names is in the sprite, and no two drawings share a name."""
    drawn = re.findall(r'<symbol id="([\w-]+)"', (WEB / "static" / "icons.svg").read_text())
    assert len(drawn) == len(set(drawn))
    named = {place.icon for place in navigation.PLACES}
    for path in (WEB / "templates").rglob("*.html"):
        named |= set(re.findall(r'\bicon(?:_button)?\("([\w-]+)"', path.read_text()))
    assert named - set(drawn) == set()


def test_menu_by_role() -> None:
    """A requester sees no queue and no board; roles add up; groups keep their order; the phone's bar holds four."""
    asker = navigation.groups({"requester"}, "home")
    assert [entry.place.key for group in asker for entry in group.entries] == ["home", "tickets", "submit", "knowledge"]
    assert asker[0].entries[0].current
    both = navigation.groups({"requester", "agent", "finance"}, counts={"queue": 14})
    assert [group.label for group in both] == ["", "Service desk", "Evidence"]
    assert both[1].entries[0].count == 14
    assert len(navigation.tabs(both)) == navigation.TABS_AT_MOST
    assert [navigation.landing(roles) for roles in ({"requester"}, {"agent"}, {"change_manager"}, {"executive"})] == [
        "/",
        "/queue",
        "/changes",
        "/board",
    ]


@pytest.mark.parametrize("language", i18n.LANGUAGES)
def test_words_do_not_clash(language: str) -> None:
    """No two files translate one message differently."""
    assert i18n.clashes(i18n.CATALOGUES, language) == []


def test_frame_is_translated() -> None:
    """Every message of the layouts, the macros and the menu has Chinese words."""
    catalogue = i18n.read_catalogue(i18n.CATALOGUES, "zh")
    wanted = {place.label for place in navigation.PLACES} | {place.group for place in navigation.PLACES if place.group}
    for folder in ("layout", "macros"):
        for path in (WEB / "templates" / folder).glob("*.html"):
            wanted |= set(re.findall(r"""\b_\(["']([^"']+)["']""", path.read_text()))
    assert sorted(text for text in wanted if catalogue.gettext(text) == text) == []


@pytest.mark.parametrize("page", PAGES)
def test_gallery_follows_the_reader(page: str) -> None:
    """Each page names its language and theme, has one h1, and gives no id twice."""
    client = create_gallery_app().test_client()
    client.set_cookie("tl_theme", "dark")
    html = client.get(
        "/gallery" if page == "components" else f"/gallery/{page}", headers={"Accept-Language": "zh-CN"}
    ).text
    assert '<html lang="zh-CN" data-theme="dark">' in html
    assert html.count("<h1") == 1
    ids = sorted(re.findall(r'\sid="([^"]+)"', html))
    assert [first for first, second in pairwise(ids) if first == second] == []


def test_appearance_stays_on_this_site() -> None:
    """The form keeps known values only, and returns to a path of this site whatever it is told."""
    client = create_gallery_app().test_client()
    answer = client.post("/appearance", data={"tl_lang": "zh", "back": "//elsewhere.example/x?y=1"})
    assert answer.status_code == 303
    assert answer.headers["Location"] == "/x?y=1"
    assert client.get_cookie("tl_lang") is not None
    client.post("/appearance", data={"tl_theme": "pink", "back": "/"})
    assert client.get_cookie("tl_theme") is None


@pytest.mark.parametrize(("name", "shown"), [("苏晚晴", "苏"), ("Su Wanqing", "SW"), ("Madonna", "M"), ("", "")])
def test_initials(name: str, shown: str) -> None:
    """An avatar shows a surname's sign or two letters."""
    assert shell.initials(name) == shown
