"""Notebooks of the tutorials, made from their pages, so that both say the same."""

from __future__ import annotations

import doctest
import json
import re
import sys
import tempfile
import time
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import click

DOCS = Path(__file__).parents[1] / "docs"
NOTEBOOKS = DOCS / "notebooks"
PAGES = (
    "tutorial",
    "tutorial.ko",
    "from-the-slides",
    "from-the-slides.ko",
    "hidden-size",
    "hidden-size.ko",
    "notebooks",
    "callbacks",
    "scikit-learn",
    "own-layer",
)
LONGEST = 600  # seconds that a cell may take

FENCE = re.compile(r"^(`{3,}|:{3,})[ \t]*(.*?)[ \t]*\n(.*?)^\1[ \t]*\n?", re.MULTILINE | re.DOTALL)
FILE = re.compile(r"# (\S+\.(?:py|toml))\n")
LINK = re.compile(r"\]\((?!https?:|#|mailto:)([^)]+)\)")
COMMANDS = ("modnet", "pytest")  # that are modules of the kernel's Python
NOTE = "<small>This notebook is made of [a page](../{page}.md): run its cells from top to bottom.</small>"
NOTE_KO = "<small>이 노트북은 [문서의 한 쪽](../{page}.md)으로 만들었습니다. 셀을 위에서 아래로 실행하세요.</small>"


def make_notebook(page: str) -> str:
    """Return the notebook of a page, without outputs, as it stands in its file."""
    text = (DOCS / f"{page}.md").read_text(encoding="utf-8")
    cells = [cell for cell in convert(text) if cell["source"].strip()]
    note = NOTE_KO if page.endswith(".ko") else NOTE
    cells[0]["source"] += f"\n\n{note.format(page=page)}"
    for place, cell in enumerate(cells):
        cell["id"] = sha256(f"{page} {place}".encode()).hexdigest()[:12]
        cell["source"] = cell["source"].strip("\n").splitlines(keepends=True)
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    about = {"kernelspec": kernel, "language_info": {"name": "python"}}
    content = {"cells": cells, "metadata": about, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(content, ensure_ascii=False, indent=1, sort_keys=True) + "\n"


def convert(text: str) -> Iterator[dict[str, Any]]:
    """Yield the cells of a page: prose, and code that can be run."""
    prose, end, shows_output = "", 0, False
    for found in FENCE.finditer(text):
        prose += text[end : found.start()]
        end = found.end()
        kind, content = found[2], found[3]
        cells = [*_convert_code(kind, content)] if found[1].startswith("`") else []
        if kind == "text" and shows_output and not prose.strip():
            continue  # the cell above prints it
        if cells:
            yield _write_prose(prose)
            yield from cells
            prose = ""
        elif not kind.startswith("{"):
            prose += found[0]
        shows_output = bool(cells) and kind == "console"
    yield _write_prose(prose + text[end:])


def _write_prose(text: str) -> dict[str, Any]:
    return {"cell_type": "markdown", "metadata": {}, "source": LINK.sub(r"](../\1)", text.strip("\n"))}


def _write_code(source: str, **metadata: Any) -> dict[str, Any]:
    return {"cell_type": "code", "execution_count": None, "metadata": metadata, "outputs": [], "source": source}


def _convert_code(kind: str, content: str) -> Iterator[dict[str, Any]]:
    if kind in {"python", "toml"} and (name := FILE.match(content)):
        yield _write_code(f"%%writefile {name[1]}\n{content}")
    elif kind == "python" and ">>> " in content:
        yield from _convert_examples(content)
    elif kind == "python":
        yield _write_code(content)
    elif kind == "console" and (lines := [line[2:] for line in content.splitlines() if _is_command(line)]):
        yield _write_code("import sys\n\n" + "\n".join(f'!"{{sys.executable}}" -m {line}' for line in lines))


def _is_command(line: str) -> bool:
    return line.startswith(tuple(f"$ {command} " for command in COMMANDS))


def _convert_examples(content: str) -> Iterator[dict[str, Any]]:
    """Yield a cell for each example that prints something, with those before it that print nothing."""
    source = ""
    for example in doctest.DocTestParser().get_examples(content):
        source += re.sub(r"  # doctest: .*", "", example.source)
        if example.exc_msg:
            yield _write_code(source, tags=["raises-exception"])
        elif example.want:
            yield _write_code(source)
        else:
            continue
        source = ""
    if source:
        yield _write_code(source)


def execute(page: str, folder: Path) -> tuple[Path, float]:
    """Run a notebook in an empty folder, and write it with its outputs; return its path and the seconds it took."""
    import nbformat
    from nbclient import NotebookClient

    notebook = nbformat.reads(make_notebook(page), as_version=4)
    begin = time.monotonic()
    with tempfile.TemporaryDirectory() as place:
        NotebookClient(notebook, timeout=LONGEST, resources={"metadata": {"path": place}}).execute()
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)  # when it was run
    path = folder / f"{page}.ipynb"
    nbformat.write(notebook, path)
    return path, time.monotonic() - begin


@click.command()
@click.argument("pages", nargs=-1, type=click.Choice(PAGES))
@click.option(
    "--execute", "folder", type=click.Path(path_type=Path), help="Run them, and write them with outputs here."
)
def main(pages: tuple[str, ...], folder: Path | None) -> None:
    """Write the notebooks of PAGES, by default of all, into docs/notebooks."""
    for page in pages or PAGES:
        if folder:
            folder.mkdir(parents=True, exist_ok=True)
            path, seconds = execute(page, folder)
            click.echo(f"{path}: {path.stat().st_size:,} bytes, {seconds:.0f} s")
        else:
            NOTEBOOKS.mkdir(exist_ok=True)
            (NOTEBOOKS / f"{page}.ipynb").write_text(make_notebook(page), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
