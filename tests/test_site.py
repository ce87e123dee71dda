"""The documentation as a site, and what a browser makes of it."""

from __future__ import annotations

import functools
import http.server
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
IMAGE = re.compile(r"!\[([^\]]*)\]\((images/[\w-]+\.svg)\)")
WIDTHS = (390, 1440)
# Wide tables and code scroll in themselves; whatever else reaches beyond the window is named.
BEYOND = """() => {
  const width = document.documentElement.clientWidth;
  const scrolls = element => element && element !== document.body &&
    (/auto|scroll|hidden/.test(getComputedStyle(element).overflowX) || scrolls(element.parentElement));
  const found = [...document.querySelectorAll("article *")].filter(element => {
    const box = element.getBoundingClientRect();
    return box.width && box.right > width + 1 && !scrolls(element.parentElement);
  }).map(element => `${element.tagName} ${element.textContent.slice(0, 40)}`);
  const whole = document.documentElement.scrollWidth;
  if (whole > width) found.unshift(`the page is ${whole} wide`);
  return found.slice(0, 3);
}"""


def test_each_picture_is_made_small_and_shown_with_words() -> None:
    import make_pictures

    shown: dict[str, str] = {}
    for page in DOCS.glob("*.md"):
        for words, path in IMAGE.findall(page.read_text(encoding="utf-8")):
            assert words, page
            shown[path] = page.name
    files = {f"images/{path.name}" for path in (DOCS / "images").glob("*.svg")}
    assert {f"images/{name}.svg" for name in make_pictures.PICTURES} == files
    assert files == set(shown)
    for path in files:
        text = (DOCS / path).read_text(encoding="utf-8")
        assert len(text) < 100_000, path
        assert text.startswith('<svg xmlns="http://www.w3.org/2000/svg"')
        assert make_pictures.STYLE in text


def test_read_the_docs_runs_commands_that_there_are() -> None:
    yaml = pytest.importorskip("yaml")
    config = yaml.safe_load((ROOT / ".readthedocs.yaml").read_text(encoding="utf-8"))
    assert config["version"] == 2
    assert config["build"]["tools"]["python"] in {"3.11", "3.12", "3.13"}
    assert config["build"]["commands"][0] == "make docs"
    rule = re.search(r"(?m)^docs:.*\n\t(.*)$", (ROOT / "Makefile").read_text(encoding="utf-8"))
    assert rule is not None
    assert "sphinx-build -W" in rule[1]  # a warning fails the build


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the site, built from what is in the repository alone, as Read the Docs does."""
    pytest.importorskip("sphinx", reason="the group docs is not installed")
    folder = tmp_path_factory.mktemp("site")
    names = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    if names.returncode:
        pytest.skip("this is no clone of the repository")
    for name in names.stdout.splitlines():
        if name.startswith(("docs/", "tools/")):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    command = [sys.executable, "-m", "sphinx", "-W", "-q", "docs", "html"]
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr
    return folder / "html"


@pytest.fixture(scope="module")
def address(site: Path) -> Iterator[str]:
    """Return the address at which the site is served."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(site)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Return Chromium, where it is installed."""
    api = pytest.importorskip("playwright.sync_api", reason="the group browser is not installed")
    if (path := shutil.which("chromium")) is None:
        pytest.skip("chromium is not installed")
    with api.sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        yield found
        found.close()


def pages_of(site: Path) -> list[str]:
    return sorted(path.relative_to(site).as_posix() for path in site.rglob("*.html") if "_static" not in path.parts)


@pytest.mark.check
def test_other_projects_can_link_to_every_public_name(site: Path) -> None:
    from sphinx.util.inventory import InventoryFile

    import modnet

    with (site / "objects.inv").open("rb") as file:
        found = InventoryFile.load(file, "", lambda base, path: path)
    entries = getattr(found, "data", found)
    objects = {name for kind, names in entries.items() if kind.startswith("py:") for name in names}
    assert {f"modnet.{name}" for name in modnet.__all__} <= objects
    members = {"modnet.Network.predict", "modnet.figures.weights.from_estimator", "modnet.book.load_mnist"}
    assert members | {"modnet.testing.check_activation", "modnet.sklearn.ModnetClassifier"} <= objects
    assert not [name for name in objects if name.startswith("modnet.modnet.")]
    prose = (site / "tutorial.html").read_text(encoding="utf-8")
    assert re.search(r'href="reference/\w+\.html#modnet\.activation"', prose)


@pytest.mark.check
def test_each_page_says_its_language_and_leads_to_the_other(site: Path) -> None:
    for name in pages_of(site):
        text = (site / name).read_text(encoding="utf-8")
        language = "ko" if name.endswith(".ko.html") else "en"
        other = "en" if language == "ko" else "ko"
        assert re.search(rf'<html[^>]* lang="{language}"', text), name
        switch = re.search(r'<nav class="language-switch".*?<a href="([^"]+)" lang="(\w+)" hreflang="(\w+)"', text)
        if switch is None:
            assert name in {"genindex.html", "py-modindex.html", "search.html", "404.html"}, name
            continue
        assert switch[2] == switch[3] == other, name
        target = (site / name).parent / switch[1] if switch[1] != "#" else site / name
        assert target.exists(), name
        assert f'<link rel="alternate" hreflang="{other}" href="{switch[1]}">' in text


@pytest.mark.check
def test_each_page_has_its_icon(site: Path) -> None:
    """A browser asks a site for /favicon.ico where a page names none, if it is there for long enough."""
    for name in pages_of(site):
        icon = re.search(r'<link rel="(?:shortcut )?icon" href="([^"]+)"', (site / name).read_text(encoding="utf-8"))
        assert icon is not None, name
        assert icon[1].startswith("data:image/svg+xml;base64,") or ((site / name).parent / icon[1]).is_file(), name


@pytest.mark.check
def test_the_gallery_shows_a_picture_below_each_example(site: Path) -> None:
    text = (site / "gallery.html").read_text(encoding="utf-8")
    examples = re.findall(r'<div class="highlight-python[^>]*>', text)
    shown = re.findall(r'class="modnet-picture"|<div class="shown">|highlight-text', text)
    assert len(shown) >= len(examples) - 1  # the first imports


@pytest.mark.check
@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_is_cut_off_and_no_page_complains(site: Path, address: str, browser: Any, width: int) -> None:
    context = browser.new_context(viewport={"width": width, "height": 900})
    page, problems = context.new_page(), list[str]()
    page.on("console", lambda found: found.type == "error" and problems.append(f"{page.url}: {found.text}"))
    page.on("pageerror", lambda found: problems.append(f"{page.url}: {found}"))
    page.on("response", lambda found: found.status >= 400 and problems.append(f"{found.url}: {found.status}"))
    page.on("request", lambda found: found.url.startswith((address, "data:")) or problems.append(found.url))
    for name in pages_of(site):
        page.goto(address + name)
        problems += [f"{name}: {beyond}" for beyond in page.evaluate(BEYOND)]
    context.close()
    assert not problems


@pytest.mark.check
@pytest.mark.parametrize("from_file", [False, True], ids=["served", "from a file"])
@pytest.mark.parametrize(
    ("words", "page"),
    [
        ("load_mnist", "reference/book"),
        ("confusion matrix", "gallery"),
        ("scikit-learn", "scikit-learn"),
        ("early stopping", "callbacks"),
    ],
)
def test_search_finds(site: Path, address: str, browser: Any, words: str, page: str, from_file: bool) -> None:
    context = browser.new_context()
    tab = context.new_page()
    tab.goto(f"{site.as_uri() if from_file else address.rstrip('/')}/search.html?q={words}")
    tab.wait_for_selector("ul.search li a")
    tab.wait_for_function("!document.querySelector('.search-summary').textContent.endsWith('...')")
    found = tab.eval_on_selector_all("ul.search li a", "links => links.map(link => link.getAttribute('href'))")
    context.close()
    assert [link for link in found if link.startswith(f"{page}.html")], found[:10]


@pytest.mark.check
def test_pictures_follow_the_theme(address: str, browser: Any) -> None:
    colors = []
    for scheme in ("light", "dark"):
        context = browser.new_context(color_scheme=scheme)
        tab = context.new_page()
        tab.goto(f"{address}tutorial.html")
        colors.append(tab.eval_on_selector("svg.modnet-picture text", "text => getComputedStyle(text).fill || 'none'"))
        assert tab.eval_on_selector_all("svg.modnet-picture", "all => all.every(one => one.ariaLabel)")
        context.close()
    assert colors[0] != colors[1]


@pytest.mark.check
def test_pictures_are_those_of_today(tmp_path: Path) -> None:
    """A picture is drawn anew with the same words in it: titles and labels; numbers may differ by the processor."""
    import make_pictures

    (tmp_path / "images").mkdir()
    command = [sys.executable, str(ROOT / "tools" / "make_pictures.py"), "--to", str(tmp_path / "images")]
    subprocess.run(command, check=True)
    for name in make_pictures.PICTURES:
        old, new = (
            [re.sub(r"[\d.,−-]+", "0", text) for text in re.findall(r"<text[^>]*>([^<]*)", path.read_text("utf-8"))]
            for path in (DOCS / "images" / f"{name}.svg", tmp_path / "images" / f"{name}.svg")
        )
        assert sorted(set(old)) == sorted(set(new)), f"draw it anew: python tools/make_pictures.py {name}"
