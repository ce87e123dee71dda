"""Pages in a browser: errors, widths, themes, languages, keyboard, names for screen readers."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import modnet

pytestmark = pytest.mark.check

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
ADDRESS = "file://"
NAMES = """() => [...document.querySelectorAll('button, a, summary, [role=img], [role=group], [role=region], nav')]
    .filter(e => e.checkVisibility()).map(e => [e.outerHTML.slice(0, 90),
    (e.getAttribute('aria-label') || e.innerText || '').trim()]).filter(([, name]) => !name)"""
# Text that is cut off: what is wider than its box, and cannot be scrolled.
CUT = """() => [...document.querySelectorAll('main *')].filter(e => !(e instanceof SVGElement) && e.clientWidth
    && e.scrollWidth > e.clientWidth + 1 && getComputedStyle(e).overflowX === 'visible' && getComputedStyle(e).display
    !== 'inline' && !e.closest('.scroll, pre, .hidden')).map(e => e.outerHTML.slice(0, 200))"""
CONTRAST = """() => {
  const light = c => { const [r, g, b] = c.match(/[\\d.]+/g).map(Number).map(v => v / 255)
      .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4); return 0.2126*r + 0.7152*g + 0.0722*b; };
  const ground = e => { for (; e; e = e.parentElement) { const c = getComputedStyle(e).backgroundColor;
      if (!/, 0\\)$/.test(c)) return c; } };
  return [...document.querySelectorAll('body *')].filter(e => !(e instanceof SVGElement) && e.checkVisibility()
      && [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim())).map(e => {
    const [a, b] = [light(getComputedStyle(e).color), light(ground(e))].sort((x, y) => y - x);
    return [(a + 0.05) / (b + 0.05), e.outerHTML.slice(0, 120)]; }).filter(([ratio]) => ratio < 4.5); }"""


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Return pages of digits, of two features, of a regression, of a comparison and of several runs."""
    root = tmp_path_factory.mktemp("pages")
    digits, moons = modnet.load("mnist-small"), modnet.load("moons")
    x = np.random.default_rng(0).normal(size=(120, 3))
    names = ["<b>size", "나이", "a very long name of a column that nobody would give but who is tired of short ones"]
    table = modnet.Dataset.from_arrays(x, x[:, 0] + x[:, 1] ** 2, task="regression", feature_names=names)
    runs = {
        "digits": modnet.train(modnet.TwoLayerNet(784, 20, 10), digits, iterations=100),
        "moons": modnet.train(modnet.Network.for_data(moons, hidden=10), moons, iterations=200),
        "regression": modnet.train(modnet.Network.for_data(table, hidden=10), table, iterations=200),
    }
    found = {name: Path(run.show(root / f"{name}.html")) for name, run in runs.items()}
    quick = {"data": {"name": "moons"}, "training": {"iterations": 30}}
    result = modnet.compare(quick, {"hidden": [2, 5, 20]}, seeds=5, workers=1)
    runs["moons"].save(root / "saved")
    found["saved"] = Path(modnet.open_run(root / "saved").show())
    return {**found, "comparison": Path(result.show(root / "comparison.html"))}


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if CHROMIUM is None:
        pytest.skip("there is no Chromium")
    with playwright.sync_playwright() as started:
        found = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield found
        found.close()


@pytest.fixture
def visit(browser: Any, pages: dict[str, Path]) -> Iterator[Any]:
    """Return a function that opens a page; no page may have an error, or ask for anything."""
    contexts, problems = [], list[str]()

    def open_page(name: str, width: int = 1440, scheme: str = "light", locale: str = "en-US", **options: Any) -> Any:
        context = browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme, locale=locale, **options
        )
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: problems.append(message.text))
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("request", lambda request: problems.append(request.url) if _is_foreign(request.url) else None)
        page.goto(ADDRESS + str(pages[name]))
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert not problems


def _is_foreign(url: str) -> bool:
    return not url.startswith((ADDRESS, "data:"))


ALL = ["digits", "moons", "regression", "comparison"]


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("width", [390, 768, 1440])
@pytest.mark.parametrize("locale", ["en-US", "ko-KR"])
def test_nothing_is_cut_off(visit: Any, name: str, width: int, locale: str) -> None:
    page = visit(name, width, locale=locale)
    page.eval_on_selector_all("details", "all => all.forEach(one => one.open = true)")
    assert page.evaluate("document.documentElement.scrollWidth") == width
    assert page.evaluate(CUT) == []


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_can_be_read_and_everything_has_a_name(visit: Any, name: str, scheme: str) -> None:
    page = visit(name, scheme=scheme)
    assert page.evaluate(CONTRAST) == []
    assert page.evaluate(NAMES) == []


def test_the_theme_is_switched(visit: Any) -> None:
    page = visit("moons", scheme="dark")
    ground = "getComputedStyle(document.querySelector('section')).backgroundColor"
    button = page.locator("#theme")
    dark = page.evaluate(ground)
    assert button.get_attribute("aria-pressed") == "true"
    button.click()
    assert page.evaluate(ground) == "rgb(255, 255, 255)"
    assert button.get_attribute("aria-pressed") == "false"
    button.click()
    assert page.evaluate(ground) == dark


def test_the_language_is_switched(visit: Any) -> None:
    page = visit("digits")
    names = "[...document.querySelectorAll('[role=img]')].map(e => e.getAttribute('aria-label'))"
    assert page.evaluate("document.documentElement.lang") == "en"
    english = page.evaluate(names)
    page.get_by_role("button", name="한국어").click()
    assert page.evaluate("document.documentElement.lang") == "ko"
    assert page.title().startswith("실행")
    assert all(a != b for a, b in zip(english, page.evaluate(names), strict=True))
    assert page.locator("h2").first.inner_text() == "무엇을 어떤 데이터로 학습했나"
    assert page.evaluate("document.activeElement.textContent") == "English"
    page.keyboard.press("Enter")
    assert page.evaluate(names) == english


def test_a_table_is_sorted_by_keyboard(visit: Any) -> None:
    page = visit("comparison")
    settings = page.locator("#settings table")
    head = settings.locator("th", has_text="test accuracy")

    def read() -> list[float]:
        place = head.evaluate("th => th.cellIndex")
        return [float(cell) for cell in settings.locator(f"tbody tr > :nth-child({place + 1})").all_inner_texts()]

    head.locator("button").focus()
    page.keyboard.press("Enter")
    assert head.get_attribute("aria-sort") == "ascending"
    assert read() == sorted(read())
    page.keyboard.press("Space")
    assert head.get_attribute("aria-sort") == "descending"
    assert read() == sorted(read(), reverse=True)
    others = settings.locator("th[aria-sort]:not([aria-sort=none])")
    assert others.count() == 1


def test_sums_stay_below_what_they_are_of(visit: Any) -> None:
    page = visit("digits")
    table = page.locator("#classes table")
    table.locator("th button", has_text="recall").click()
    assert table.locator("tbody tr").last.inner_text().startswith("baseline: always")


def test_a_page_is_gone_through_by_keyboard(visit: Any) -> None:
    page = visit("moons")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    assert page.evaluate("document.activeElement.getBoundingClientRect().left") >= 0
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    page.keyboard.press("Tab")
    focus = "getComputedStyle(document.activeElement).outlineStyle"
    assert page.evaluate(focus) == "solid"


def test_a_command_is_copied(visit: Any) -> None:
    page = visit("saved", permissions=["clipboard-read", "clipboard-write"])
    button = page.locator("[data-copy]").first
    assert button.inner_text().startswith("Copy")
    button.click()
    page.locator("#said", has_text="Copied").wait_for(state="attached")
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied.startswith("import modnet\nrun = modnet.open_run(")


def test_a_page_can_be_read_without_its_script(visit: Any) -> None:
    page = visit("digits", java_script_enabled=False)
    assert page.locator(".bar").is_hidden()
    assert page.locator("h2").first.inner_text() == "What was trained, and on what"
    assert "무엇을" not in page.locator("main").inner_text()


def test_a_page_stays_small(pages: dict[str, Path]) -> None:
    sizes = {name: path.stat().st_size for name, path in pages.items()}
    assert max(sizes.values()) < 1_500_000, sizes
