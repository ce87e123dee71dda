"""Names, links, tables and translations of the documentation.

conftest.py runs the code in it: each page is a test.
"""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from make_reference import FORMULAS, formulas, make_pages

import modnet
from modnet.cli.main import modnet_command
from modnet.compose.plugins import get_host
from modnet.host.kinds import KINDS, OBSERVER
from modnet.host.problems import HOOKS
from modnet.runs.folder import FILES
from modnet.testing.kit import find_suite

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = [*ROOT.glob("*.md"), *DOCS.glob("*.md"), *DOCS.glob("decisions/*.md")]
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
SHELL_BLOCK = re.compile(r"^```(?:sh|console)\n.*?^```$", re.DOTALL | re.MULTILINE)
COMMENT = re.compile(r"(^|\s+)# .*$", re.MULTILINE)


def text(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def prose(page: Path) -> str:
    return BLOCK.sub("", text(page))


def table_rows(page: Path, heading: str) -> list[list[str]]:
    """Return the cells of the table below a heading, without its head, the code marks taken off."""
    section = re.split(r"(?m)^#+ ", prose(page).split(f"# {heading}\n")[1])[0]
    rows = re.findall(r"(?m)^\| (.*) \|$", section)
    return [[cell.strip() for cell in row.replace("`", "").split(" | ")] for row in rows[1:]]


def command_lines() -> list[tuple[str, str]]:
    """Return every `modnet ...` line in the blocks of the prose, and where it stands."""
    found = []
    for page in PAGES:
        for language, block in BLOCK.findall(text(page)):
            if language in {"sh", "console"}:
                whole = COMMENT.sub("", block).replace("\\\n", " ")  # a backslash continues a line
                lines = [line.removeprefix("$ ") for line in whole.splitlines()]
                found += [(page.name, line) for line in lines if line.startswith("modnet ")]
    return list(dict.fromkeys(found))


@pytest.mark.parametrize(
    ("english", "korean"),
    [
        ("README.md", "README.ko.md"),
        ("docs/installing.md", "docs/installing.ko.md"),
        ("docs/tutorial.md", "docs/tutorial.ko.md"),
        ("docs/from-the-slides.md", "docs/from-the-slides.ko.md"),
        ("docs/hidden-size.md", "docs/hidden-size.ko.md"),
        ("docs/your-own-table.md", "docs/your-own-table.ko.md"),
    ],
)
def test_a_translation_is_in_step(english: str, korean: str) -> None:
    """As many headings in the same order of levels, and the same code between the same headings."""
    shapes = []
    for name in (english, korean):
        page = SHELL_BLOCK.sub(lambda block: COMMENT.sub("", block[0]), text(ROOT / name))
        parts = re.findall(r"^```\w*\n.*?^```$|^#+(?= )|^\|(?= )|^- ", page, re.DOTALL | re.MULTILINE)
        shapes.append(parts)
    assert shapes[0] == shapes[1]
    assert re.search("[가-힣]", text(ROOT / korean))


def test_every_part_hook_and_public_name_stands_in_the_reference() -> None:
    pages = make_pages()
    found = re.findall(r"(?m)^~+\{py:\w+\} (\w+).*\n(?::module: (.+)\n)?", "\n".join(pages.values()))
    objects = [f"{module}.{name}".removeprefix(".") for name, module in found]
    modules = re.findall(r"(?m)^```\{py:module\} ([\w.]+)", "\n".join(pages.values()))
    built_in = [c for c in get_host().registry.components() if c.owner == "modnet"]
    assert len(built_in) >= 26
    assert len(HOOKS) >= 8
    expected = {*HOOKS, *(f"modnet.{name}" for name in modnet.__all__)}
    assert not expected - {*objects, *modules}
    labels = [f"({component.kind}-{component.name})=" for component in built_in]
    assert not [label for label in labels if label not in "\n".join(pages.values())]
    whole = [name for name in objects if name.startswith("modnet")]  # not what stands within a class
    assert len(whole) == len(set(whole))
    assert "more" not in pages, "say in tools/make_reference.py on which page names of these modules stand"
    assert {f"reference/{page}" for page in pages} >= set(
        re.findall(r"(?m)^reference/\w.*$", text(DOCS / "reference.md"))
    )


def test_formulas_are_of_built_in_parts() -> None:
    built_in = {(c.kind, c.name) for c in get_host().registry.components() if c.owner == "modnet"}
    assert {(kind, name) for kind, found in formulas().items() for name in found} <= built_in, FORMULAS
    mathematical = {(kind, name) for kind, name in built_in if kind in {"activation", "loss", "optimizer"}}
    assert not mathematical - {(kind, name) for kind, found in formulas().items() for name in found}


@pytest.mark.parametrize(("page", "line"), command_lines())
def test_a_command_line_in_the_prose_can_be_called(page: str, line: str) -> None:
    """Also one that is not run, as it needs a file of the reader's."""
    name, *arguments = shlex.split(line)[1:]
    command = modnet_command.commands[name]
    if isinstance(command, click.Group) and arguments and arguments[0] in command.commands:
        command = command.commands[arguments.pop(0)]
    command.make_parser(click.Context(command)).parse_args(arguments)


def test_every_option_in_the_prose_exists_and_every_option_stands_in_it() -> None:
    groups = [modnet_command, *(c for c in modnet_command.commands.values() if isinstance(c, click.Group))]
    commands = [*groups, *(command for group in groups for command in group.commands.values())]
    there = {option for c in commands for p in c.params for option in (*p.opts, *p.secondary_opts) if "-" in option}
    there |= {"--help", "--version", "-h"}
    named = {option: page.name for page in PAGES for option in re.findall(r"(?<![\w-])--[a-z][a-z-]+", prose(page))}
    assert not {option: page for option, page in named.items() if option not in there}
    assert there - {"-h", "--version"} <= set(re.findall(r"(?<![\w-])--?[a-z][a-z-]*", prose(DOCS / "experiments.md")))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_names_and_links_in_the_prose_lead_somewhere(page: Path) -> None:
    for name in re.findall(r"`modnet\.([a-zA-Z_]+)", prose(page)):
        assert hasattr(modnet, name), f"modnet.{name}"
    for target in re.findall(r"`make ([a-z]+)`", prose(page)):
        assert re.search(rf"(?m)^{target}:", (ROOT / "Makefile").read_text(encoding="utf-8")), f"make {target}"
    for link in re.findall(r"\]\(([^)#:]+)\)", prose(page)):
        assert (page.parent / link).exists(), link


def test_every_file_of_a_run_stands_in_the_docs(tmp_path: Path) -> None:
    done = CliRunner().invoke(modnet_command, ["train", "--iterations", "0", "--out", str(tmp_path / "run")])
    assert done.exit_code == 0, done.output
    summary = json.loads((tmp_path / "run" / "summary.json").read_text(encoding="utf-8"))
    page = DOCS / "experiments.md"
    keys = [key for row in table_rows(page, "The folder of a run") for key in row[0].split(", ")]
    assert set(keys) - {"---", "key"} == {*FILES, *summary}


def test_every_kind_and_its_hook_stand_in_the_guide_for_plugin_authors() -> None:
    rows = table_rows(DOCS / "plugins.md", "Writing a plugin")
    expected = [[kind.name, f"modnet.{kind.interface.__name__}", kind.hook] for kind in KINDS.values()]
    assert [row[:3] for row in rows if row[0] in KINDS] == expected


@pytest.mark.parametrize("kind", [*KINDS, OBSERVER.name])
def test_every_check_of_the_kit_stands_in_the_docs(kind: str) -> None:
    rows = table_rows(DOCS / "testing-plugins.md", (KINDS | {OBSERVER.name: OBSERVER})[kind].plural.capitalize())
    expected = [[check.name, check.claim.replace("`", "")] for check in find_suite(kind).checks.values()]
    assert [row for row in rows if row[0] != "---"] == expected


def test_what_the_kit_offers_stands_in_the_docs() -> None:
    page = text(DOCS / "testing-plugins.md") + text(DOCS / "swapping.md")
    assert [name for name in modnet.testing.__all__ if name.islower() and f"{name}(" not in page] == []


def test_every_room_stands_in_the_design_and_every_decision_in_their_index() -> None:
    rooms = {path.parent.name for path in (ROOT / "modnet").glob("*/__init__.py")}
    assert set(re.findall(r"(?m)^  (\w+)/ ", text(DOCS / "design.md"))) == rooms
    decisions = sorted(path.stem for path in DOCS.glob("decisions/0*.md"))
    assert re.findall(r"(?m)^0\d{3}-.*$", text(DOCS / "decisions" / "index.md")) == decisions
