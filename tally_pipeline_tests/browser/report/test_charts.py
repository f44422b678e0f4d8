"""The report in a real Chromium, as a file: drawn, filtered, by keyboard, on a phone, in the dark, offline."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tally_pipeline.orchestration.assets.common import ATTRIBUTION
from tally_pipeline.report.figures import as_script
from tally_pipeline.report.page import render
from tally_pipeline.tmdb.lists import LISTS
from tally_pipeline_tests.report.world import EMOJI, EVIL, LONG, RTL, inputs, world

pytestmark = [pytest.mark.browser, pytest.mark.slow]

Open = Callable[..., Page]

LINES = "#popularity-plot .mark-line path"
GENRES = "#genres-plot .mark-line path"


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page of ninety days with gaps, a day held back, and titles that are markup."""
    lost = [(one.name, day) for one in LISTS for day in ("2026-11-02", "2026-11-03", "2026-09-20")]
    held = [("airing_today", "2026-11-15"), ("popular_shows", "2026-10-20")]
    made = world(lost=[*lost, ("trending_shows", "2026-10-12")], held=held, begins=6)
    path = tmp_path_factory.mktemp("report") / "index.html"
    path.write_text(render(inputs(made, source="sandbox"), ATTRIBUTION), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def long_labels(report: Path) -> Path:
    """The same page with axes whose labels are as long as "12.5 %" and "1,500,000"."""
    html = report.read_text(encoding="utf-8")
    start = html.index('id="figures">') + len('id="figures">')
    end = html.index("</script>", start)
    figures = json.loads(html[start:end])
    for one in figures["lists"].values():
        for line in one["genres"]:
            line["share"] = [None if value is None else 12 + value / 40 for value in line["share"]]
        for line in one["shows"]:
            line["popularity"] = [value and 1000 * value for value in line["popularity"]]
    path = report.with_name("long_labels.html")
    path.write_text(html[:start] + as_script(figures) + html[end:], encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def first_day(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of a lake's first day."""
    path = tmp_path_factory.mktemp("first_day") / "index.html"
    path.write_text(render(inputs(world(begins=89)), ATTRIBUTION), encoding="utf-8")
    return path


@pytest.fixture
def opened(report: Path, browser: Browser) -> Iterator[Open]:
    """Opens the report, or another page; at the end it must have asked for nothing and complained of nothing."""
    asked: list[str] = []
    complaints: list[str] = []
    pages: list[Page] = []

    opened_: set[str] = set()

    def open_(path: Path = report, **settings: Any) -> Page:
        page = browser.new_context(**settings).new_page()
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(path.as_uri())
        opened_.add(path.as_uri())
        page.wait_for_selector("html[data-drawn]", state="attached")
        pages.append(page)
        return page

    yield open_
    hurt = [page.evaluate("window.hurt") for page in pages]
    for page in pages:
        page.context.close()
    assert {url for url in asked if not url.startswith("data:")} == opened_
    assert complaints == []
    assert hurt == [None] * len(pages)


@pytest.fixture
def keep(tmp_path: Path) -> Callable[[Page, str], None]:
    """Keeps a screenshot of the whole page in the folder that TALLY_TEST_OUTPUT names."""
    folder = Path(os.environ.get("TALLY_TEST_OUTPUT") or tmp_path)
    folder.mkdir(parents=True, exist_ok=True)

    def take(page: Page, name: str) -> None:
        page.screenshot(path=folder / f"{name}.png", full_page=True, animations="disabled")

    return take


def shapes(page: Page, selector: str) -> list[str]:
    """The lines as they are drawn; each must have a size and a colour that can be told from the page."""
    drawn: list[dict[str, Any]] = page.locator(selector).evaluate_all(
        """paths => paths.map(path => {
            const box = path.getBBox();
            return { d: path.getAttribute("d"), width: box.width, height: box.height,
                     stroke: getComputedStyle(path).stroke };
        })"""
    )
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    for line in drawn:
        assert line["width"] > 100
        assert line["height"] > 5
        assert line["stroke"].startswith("rgb(")
        assert line["stroke"] != ground
    return [line["d"] for line in drawn]


def choose(page: Page, name: str, value: str) -> None:
    page.locator(f'input[name="{name}"][value="{value}"]').check(force=True)


def test_the_charts_are_drawn_with_their_gaps(opened: Open, keep: Callable[[Page, str], None]) -> None:
    page = opened(viewport={"width": 1280, "height": 900})
    lines = shapes(page, LINES)
    assert len(lines) == 5
    assert len(shapes(page, GENRES)) == 6
    # Two gaps of every list and a day held back: four pieces at least.
    assert all(line.count("M") >= 4 for line in lines)
    bands = page.locator("#popularity-plot .mark-rect path")
    assert bands.count() == 4
    assert all(box["width"] > 3 and box["height"] > 100 for box in map(_box, bands.all()))
    assert page.locator("#popularity-plot .role-axis text").count() > 8
    expect(page.locator("figure:has(#popularity-plot) figcaption")).to_have_text(
        "Hatched: 4 days without data."
    )
    keep(page, "report-light")


def test_a_list_is_chosen_for_the_whole_page(opened: Open) -> None:
    page = opened(viewport={"width": 1280, "height": 900})
    before = shapes(page, LINES), shapes(page, GENRES)
    choose(page, "list", "airing_today")
    expect(page.locator('[data-list="popular_shows"]:visible')).to_have_count(0)
    expect(page.locator('[data-list="airing_today"]:visible')).to_have_count(3)
    assert set(shapes(page, LINES)).isdisjoint(before[0])
    assert set(shapes(page, GENRES)).isdisjoint(before[1])


def test_a_genre_that_is_unticked_goes_from_the_chart(opened: Open) -> None:
    page = opened(viewport={"width": 1280, "height": 900})
    before = shapes(page, GENRES)
    row = page.locator('[data-list="popular_shows"] table[data-chart="genres"] tbody tr').first
    row.get_by_role("checkbox").uncheck()
    expect(page.locator(GENRES)).to_have_count(len(before) - 1)
    row.get_by_role("checkbox").check()
    expect(page.locator(GENRES)).to_have_count(len(before))


def test_another_measure_draws_other_lines(opened: Open) -> None:
    page = opened(viewport={"width": 1280, "height": 900})
    before = shapes(page, GENRES)
    expect(page.locator("#genres-plot .role-axis")).to_contain_text(["%"])
    choose(page, "genres-measure", "popularity")
    expect(page.locator("#genres-plot .role-axis", has_text="%")).to_have_count(0)
    assert set(shapes(page, GENRES)).isdisjoint(before)


def test_ranks_have_the_first_place_on_top(opened: Open) -> None:
    page = opened(viewport={"width": 1280, "height": 900})
    choose(page, "popularity-measure", "rank")
    labels = [
        (_box(label)["y"], float(label.inner_html()))
        for label in page.locator("#popularity-plot .role-axis text").all()
        if label.inner_html().isdecimal()
    ]
    assert len(labels) > 2
    assert [rank for _, rank in sorted(labels)] == sorted(rank for _, rank in labels)


def test_a_pointer_on_a_line_says_which_show_and_how_much(
    opened: Open, keep: Callable[[Page, str], None]
) -> None:
    page = opened(viewport={"width": 1280, "height": 900})
    plot = page.locator("#popularity-plot")
    plot.scroll_into_view_if_needed()
    box = _box(plot)
    tip = page.locator("#tip")
    # A machine that is busy may lose a single move.
    for step in range(50):
        page.mouse.move(box["x"] + box["width"] * 0.55 + step % 2, box["y"] + box["height"] * 0.5)
        page.wait_for_timeout(100)
        if tip.is_visible():
            break
    expect(tip).to_be_visible()
    expect(tip).to_contain_text("2026: popularity ")
    titles = page.locator(
        '[data-list="popular_shows"] table[data-chart="popularity"] label'
    ).all_inner_texts()
    assert tip.locator("b").inner_text() in {title.strip() for title in titles}
    expect(page.locator('table[data-chart="popularity"] tr.lit')).to_have_count(1)
    opacities = page.locator(LINES).evaluate_all("paths => paths.map(path => path.getAttribute('opacity'))")
    assert len([opacity for opacity in opacities if opacity not in (None, "1")]) == 4
    keep(page, "report-tooltip")
    page.mouse.move(5, 5)
    expect(tip).to_be_hidden()


def test_a_day_of_the_calendar_says_what_became_of_it(opened: Open) -> None:
    page = opened(viewport={"width": 1280, "height": 900})
    page.locator(".calendars rect.held").first.hover()
    expect(page.locator("#tip")).to_contain_text("Tuesday 20 October 2026: captured, not published")
    page.locator(".calendars rect.missing").first.hover()
    expect(page.locator("#tip")).to_contain_text("no data")


def test_the_keyboard_reaches_lists_lines_and_days(opened: Open) -> None:
    page = opened(viewport={"width": 1280, "height": 900})
    page.keyboard.press("Tab")
    expect(page.locator(".skip")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.locator('input[value="popular_shows"]')).to_be_focused()
    assert (
        page.locator('input[value="popular_shows"] + span').evaluate(
            "it => getComputedStyle(it).outlineStyle"
        )
        == "solid"
    )
    before = shapes(page, LINES)
    page.keyboard.press("ArrowRight")
    expect(page.locator('input[value="trending_shows"]')).to_be_checked()
    assert set(shapes(page, LINES)).isdisjoint(before)
    box = page.locator('[data-list="trending_shows"] table[data-chart="popularity"] input').first
    box.focus()
    page.keyboard.press("Space")
    expect(box).not_to_be_checked()
    expect(page.locator(LINES)).to_have_count(4)
    page.locator(".calendars rect.last").first.focus()
    page.keyboard.press("ArrowLeft")
    expect(page.locator("#tip")).to_contain_text("Monday 16 November 2026")
    page.keyboard.press("ArrowUp")
    expect(page.locator("#tip")).to_contain_text("Sunday 15 November 2026")


def test_a_title_that_is_markup_or_written_otherwise_is_shown_as_it_is(opened: Open) -> None:
    page = opened(viewport={"width": 1280, "height": 900})
    for title in (EVIL, RTL, LONG, EMOJI):
        assert page.get_by_text(title).count() > 0
    ends = page.locator("#popularity-plot + .ends span")
    assert {EVIL, RTL, LONG, EMOJI} & set(ends.all_text_contents()) >= {EVIL, LONG, RTL}
    assert page.locator("img").count() == 0


def cut_labels(page: Page) -> list[str]:
    """The texts of charts and calendars that stick out of their drawing, names of lines included."""
    cut: list[str] = page.evaluate(
        """() => {
            const inside = (box, frame) => box.left >= frame.left - 0.5 && box.right <= frame.right + 0.5
                && box.top >= frame.top - 0.5 && box.bottom <= frame.bottom + 0.5;
            const shown = (it) => it.checkVisibility() && it.textContent.trim();
            const texts = [...document.querySelectorAll(".plot svg text, .calendars svg text")].filter(shown)
                .map((text) => [text, text.closest("svg")]);
            const names = [...document.querySelectorAll(".ends span")].filter(shown)
                .map((name) => [name, name.closest(".drawing")]);
            return [...texts, ...names]
                .filter(([it, frame]) => !inside(it.getBoundingClientRect(), frame.getBoundingClientRect()))
                .map(([it]) => it.textContent);
        }"""
    )
    return cut


def line_names(page: Page, name: str) -> list[dict[str, Any]]:
    """The names at the ends of a chart's lines, from top to bottom."""
    names: list[dict[str, Any]] = page.locator(f"#{name}-plot + .ends span").evaluate_all(
        """names => names.map((name) => {
            const box = name.getBoundingClientRect();
            return { text: name.textContent, top: box.top, bottom: box.bottom,
                     whole: name.scrollHeight <= name.clientHeight + 1 };
        })"""
    )
    return sorted(names, key=lambda name: float(name["top"]))


@pytest.mark.parametrize("width", [1280, 768, 360])
def test_no_label_of_a_chart_is_cut(opened: Open, long_labels: Path, width: int) -> None:
    page = opened(long_labels, viewport={"width": width, "height": 900})
    fractions = 0
    for one in LISTS:
        choose(page, "list", one.name)
        for measures in (("popularity", "share"), ("rank", "popularity")):
            for chart, measure in zip(("popularity", "genres"), measures, strict=True):
                choose(page, f"{chart}-measure", measure)
            page.wait_for_timeout(150)
            assert page.locator(".plot svg text:visible").count() > 8
            assert cut_labels(page) == []
            fractions += page.locator("#genres-plot svg text", has_text=re.compile(r"\d\.\d %$")).count()
    assert fractions > 2


def test_a_label_that_is_cut_would_be_found(opened: Open) -> None:
    page = opened(viewport={"width": 1280, "height": 900})
    page.evaluate(
        "document.querySelectorAll('.plot svg text').forEach((it) => { it.textContent = '1,000,000.5 %'; })"
    )
    assert "1,000,000.5 %" in cut_labels(page)


@pytest.mark.parametrize("width", [1280, 768, 360])
def test_lines_are_named_where_they_end(opened: Open, width: int) -> None:
    page = opened(viewport={"width": width, "height": 900})
    for chart in ("popularity", "genres"):
        table = page.locator(f'[data-list="{LISTS[0].name}"] table[data-chart="{chart}"]')
        ticked = [
            row.locator("label span").inner_text()
            for row in table.locator("tbody tr").all()
            if row.get_by_role("checkbox").is_checked()
        ]
        names = line_names(page, chart)
        assert sorted(name["text"] for name in names) == sorted(ticked)
        for upper, lower in pairwise(names):
            assert upper["bottom"] <= lower["top"] + 1
        # Only what is longer than any name should be is shortened.
        assert {name["text"] for name in names if not name["whole"]} <= {LONG, EVIL}


def test_many_lines_are_named_without_one_name_over_another(opened: Open) -> None:
    page = opened(viewport={"width": 360, "height": 900})
    for box in page.locator(f'[data-list="{LISTS[0].name}"] table[data-chart="genres"] input').all():
        box.check()
    expect(page.locator("#genres-plot + .ends span")).to_have_count(page.locator(GENRES).count())
    names = line_names(page, "genres")
    assert len(names) > 12
    for upper, lower in pairwise(names):
        assert upper["bottom"] <= lower["top"] + 1
    assert cut_labels(page) == []


def test_the_movers_of_a_week_are_a_click_away(opened: Open) -> None:
    page = opened(viewport={"width": 1280, "height": 900})
    shown = page.locator(f'[data-list="{LISTS[0].name}"] .panel:visible')
    expect(shown).to_have_count(4)
    choose(page, "span", "7d")
    expect(shown).to_have_count(2)
    expect(page.locator(".note:visible", has_text="Compared with 16 Nov")).to_have_count(1)


@pytest.mark.parametrize("data_type", [one.name for one in LISTS])
def test_on_a_phone_the_change_is_never_what_is_cut(opened: Open, data_type: str) -> None:
    page = opened(viewport={"width": 360, "height": 780}, has_touch=True)
    choose(page, "list", data_type)
    for span in ("1d", "7d"):
        choose(page, "span", span)
        changes: list[dict[str, Any]] = page.locator(
            ".panel .change:visible, .lines td.up:visible, .lines td.down:visible, .lines td.flat:visible"
        ).evaluate_all(
            """all => all.map((it) => {
                const text = document.createRange();
                text.selectNodeContents(it);
                const box = text.getBoundingClientRect(), frame = it.getBoundingClientRect();
                it.scrollIntoView({ block: "center" });
                const seen = it.getBoundingClientRect();
                const on = document.elementFromPoint(seen.right - 2, seen.top + seen.height / 2);
                return { text: it.textContent, left: box.left, right: box.right, frame: frame.right,
                         lines: Math.round(box.height / parseFloat(getComputedStyle(it).lineHeight)),
                         on_top: on === it };
            })"""
        )
        assert len(changes) > 20
        for change in changes:
            assert 0 < change["left"] < change["right"] <= min(360, change["frame"] + 1), change
            assert change["lines"] == 1, change
            assert change["on_top"], change
    assert page.evaluate("document.documentElement.scrollWidth") == 360


@pytest.mark.parametrize("width", [1280, 360])
def test_a_first_day_has_no_empty_charts_but_says_when_they_fill(
    opened: Open, first_day: Path, keep: Callable[[Page, str], None], width: int
) -> None:
    page = opened(first_day, viewport={"width": width, "height": 900})
    for one in LISTS:
        choose(page, "list", one.name)
        expect(page.locator(".plot:visible")).to_have_count(0)
        captions = page.locator("[data-gaps]:visible")
        expect(captions).to_have_text(
            ["Lines are drawn from the second day with data on, 24 Nov at the earliest."] * 2
        )
        rows = page.locator(f'[data-list="{one.name}"] table[data-chart="popularity"] tbody tr')
        expect(rows).to_have_count(10)
    assert page.evaluate("document.documentElement.scrollWidth") == width
    keep(page, f"report-first-day-{width}")


@pytest.mark.parametrize("data_type", [one.name for one in LISTS])
def test_nothing_sticks_out_of_a_phone(
    opened: Open, keep: Callable[[Page, str], None], data_type: str
) -> None:
    page = opened(viewport={"width": 390, "height": 844}, has_touch=True)
    choose(page, "list", data_type)
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    assert len(shapes(page, LINES)) == 5
    tables = page.locator(".scroll:visible").evaluate_all(
        "all => all.map(it => it.scrollWidth - it.clientWidth)"
    )
    assert max(tables) <= 0
    if data_type == LISTS[0].name:
        keep(page, "report-phone")


def test_the_page_follows_into_the_dark(opened: Open, keep: Callable[[Page, str], None]) -> None:
    page = opened(viewport={"width": 1280, "height": 900}, color_scheme="dark")
    ground, ink = page.evaluate(
        "[getComputedStyle(document.body).backgroundColor, getComputedStyle(document.body).color]"
    )
    assert _lightness(ground) < 40 < 200 < _lightness(ink)
    assert len(shapes(page, LINES)) == 5
    in_the_dark = page.locator(LINES).first.evaluate("it => getComputedStyle(it).stroke")
    keep(page, "report-dark")
    page.emulate_media(color_scheme="light")
    assert page.locator(LINES).first.evaluate("it => getComputedStyle(it).stroke") != in_the_dark


def test_text_stands_out_from_its_ground(opened: Open) -> None:
    """WCAG AA: 4.5 to 1, in the light and in the dark."""
    for scheme in ("light", "dark"):
        page = opened(viewport={"width": 1280, "height": 900}, color_scheme=scheme)
        for selector in ("h1", ".note", ".changes dt", "td.up", "td.down", "thead th", "summary", ".sandbox"):
            text, ground = page.locator(selector).first.evaluate(
                """it => { let at = it;
                    while (getComputedStyle(at).backgroundColor === "rgba(0, 0, 0, 0)") at = at.parentElement;
                    return [getComputedStyle(it).color, getComputedStyle(at).backgroundColor]; }"""
            )
            assert _contrast(text, ground) >= 4.5, (scheme, selector, text, ground)


def test_without_javascript_the_tables_are_all_there(report: Path, browser: Browser) -> None:
    with browser.new_context(java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(report.as_uri())
        for one in LISTS:
            expect(page.locator(f'[data-list="{one.name}"]').first).to_be_visible()
        expect(page.locator("nav")).to_be_hidden()


def _box(locator: Any) -> dict[str, float]:
    box: dict[str, float] | None = locator.bounding_box()
    assert box is not None
    return box


def _channels(colour: str) -> list[float]:
    return [float(part) for part in colour[colour.index("(") + 1 : -1].split(",")[:3]]


def _lightness(colour: str) -> float:
    return sum(_channels(colour)) / 3


def _contrast(one: str, other: str) -> float:
    def luminance(colour: str) -> float:
        parts = [part / 255 for part in _channels(colour)]
        red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)
