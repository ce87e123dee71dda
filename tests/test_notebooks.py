"""Notebooks of the tutorials, in kernels and browsers."""

from __future__ import annotations

import importlib.util
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from make_notebooks import NOTEBOOKS, PAGES, make_notebook

ROOT = Path(__file__).parents[1]
SHORT = [page for page in PAGES if not page.endswith(".ko") and page != "hidden-size"]  # that takes minutes

needs_kernel = pytest.mark.skipif(
    not all(map(importlib.util.find_spec, ("nbclient", "ipykernel"))), reason="needs the group notebook"
)


@pytest.mark.parametrize("page", PAGES)
def test_a_notebook_is_in_step_with_its_page(page: str) -> None:
    written = (NOTEBOOKS / f"{page}.ipynb").read_text(encoding="utf-8")
    assert written == make_notebook(page), "call: make notebooks"


def test_there_is_no_notebook_without_a_page() -> None:
    assert sorted(path.stem for path in NOTEBOOKS.iterdir()) == sorted(PAGES)


def test_a_notebook_has_all_code_of_its_page_and_no_outputs() -> None:
    cells = json.loads(make_notebook("tutorial"))["cells"]
    code = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    assert not any(cell.get("outputs") for cell in cells)
    assert not any(">>>" in each for each in code)
    assert code[0] == "import numpy as np\n\nimport modnet"
    assert code[1].endswith("sigmoid(np.array([-1.0, 0.0, 2.0])).round(4)")
    assert len({cell["id"] for cell in cells}) == len(cells)


def run_notebook(page: str, folder: Path) -> list[dict[str, Any]]:
    """Run a notebook in a kernel of its own, and return its cells of code."""
    tool = [sys.executable, str(ROOT / "tools" / "make_notebooks.py"), "--execute", str(folder), page]
    done = subprocess.run(tool, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]
    cells = json.loads((folder / f"{page}.ipynb").read_text(encoding="utf-8"))["cells"]
    return [cell for cell in cells if cell["cell_type"] == "code"]


def list_html(cells: list[dict[str, Any]]) -> list[str]:
    data = (output.get("data", {}) for cell in cells for output in cell["outputs"])
    return ["".join(each["text/html"]) for each in data if "text/html" in each]


@needs_kernel
@pytest.mark.check
@pytest.mark.parametrize("page", SHORT)
def test_a_notebook_runs_without_errors_and_warnings(page: str, tmp_path: Path) -> None:
    outputs = [output for cell in run_notebook(page, tmp_path) for output in cell["outputs"]]
    assert outputs
    assert not [output for output in outputs if output["output_type"] == "error"]
    assert not [output["text"] for output in outputs if output.get("name") == "stderr"]
    assert (tmp_path / f"{page}.ipynb").stat().st_size < 500_000


@needs_kernel
@pytest.mark.check
def test_displays_in_a_notebook_stand_in_a_browser(tmp_path: Path) -> None:
    sync_api = pytest.importorskip("playwright.sync_api")
    browser = shutil.which("chromium")
    if browser is None:
        pytest.skip("needs chromium")
    shown = list_html(run_notebook("notebooks", tmp_path))
    assert len(shown) >= 4  # how the run ended, the data, the network, the run
    assert "trained 300 iterations in " in shown[0]
    assert not [each for each in shown if "without the picture" in each or "there is no display" in each]
    with sync_api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=browser, args=["--no-sandbox", "--disable-gpu"])
        for ground, ink in (("#ffffff", "rgb(20, 20, 20)"), ("#111111", "rgb(230, 230, 230)")):
            page = chromium.new_page(viewport={"width": 390, "height": 800})
            problems: list[str] = []
            page.on("console", lambda message, found=problems: found.append(message.text))
            page.on("pageerror", lambda error, found=problems: found.append(str(error)))
            style = f"background:{ground};color:{ink};font-family:sans-serif;margin:8px"
            page.set_content(f'<meta charset="utf-8"><body style="{style}">{"".join(shown)}')
            assert page.evaluate("document.documentElement.scrollWidth") <= 390
            texts = page.evaluate(
                "[...document.querySelectorAll('.modnet-picture text')].map(each => getComputedStyle(each).fill)"
            )
            assert ink in texts  # the text of pictures follows that of the page
            assert page.evaluate("[...document.querySelectorAll('[id]')].length") == page.evaluate(
                "new Set([...document.querySelectorAll('[id]')].map(each => each.id)).size"
            )
            assert problems == []
            page.close()
        chromium.close()


@needs_kernel
@pytest.mark.check
def test_an_interrupted_cell_leaves_its_progress_whole(tmp_path: Path) -> None:
    code = """
import os, signal
import modnet
data = modnet.load("mnist-small")
class Impatient(modnet.Observer):
    def epoch_ended(self, run):
        if run.seconds > 2:
            os.kill(os.getpid(), signal.SIGINT)
try:
    modnet.train(modnet.TwoLayerNet(784, 50, 10), data, iterations=10**6, observer=Impatient())
except modnet.TrainingInterrupted as stopped:
    print(stopped.run.status)
"""
    script = f"""
import json, nbformat
from nbclient import NotebookClient
book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell({code!r})])
NotebookClient(book, timeout=60).execute()
print(json.dumps(book.cells[0].outputs))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr[-3000:]
    outputs = json.loads(done.stdout)
    shown = [output["data"] for output in outputs if output["output_type"] == "display_data"]
    assert len(shown) == 1
    assert shown[0]["text/plain"].startswith("interrupted after ")
    assert 'class="bar"' not in shown[0]["text/html"]
    assert any(output.get("text") == "interrupted\n" for output in outputs)
