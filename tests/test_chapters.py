"""The book's networks in the documentation, with few iterations."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[1] / "docs"
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize(
    ("page", "pictures"),
    [
        ("chapter-6.md", {"outputs.png", "batch-normalization.png", "weight-decay.png", "dropout.png"}),
        ("chapter-7.md", {"filters.png"}),
    ],
)
def test_a_chapter_runs(page: str, pictures: set[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    for block in BLOCK.findall((DOCS / page).read_text(encoding="utf-8")):
        exec(re.sub(r"iterations=\d+", "iterations=2", block), names)  # noqa: S102 - the project's own page
    assert {path.name for path in tmp_path.iterdir()} == pictures


def test_the_deep_network_of_chapter_8(call, tmp_path: Path) -> None:
    few = ["--iterations", "2", "--set", "training.batch_size=10", "--out", "deep"]
    done = call("train", str(DOCS / "examples/deep-conv-net.toml"), *few, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "deep/params.npz").exists()
