"""The project's vocabulary, held over code and documentation."""

from __future__ import annotations

from pathlib import Path

import pytest
from check_words import check_markdown, check_paths, check_python

from modnet.host.kinds import KINDS
from modnet.testing.scaffold import NewPlugin

ROOT = Path(__file__).parents[1]
SAMPLE = '''"""How a run goes on, told
to a stranger."""

def kept(): "Whether it is so."

@property
def begun(self): "Return what begins."  # the way back

many = 3
"""How many."""

class WayBack:
    def is_told(self): pass

def raise_it(): raise ValueError(f"no part {1}; there is: sigmoid")
'''


def test_the_vocabulary_holds() -> None:
    paths = [
        ROOT / name
        for name in (
            "README.md",
            "CHANGELOG.md",
            "CONTRIBUTING.md",
            "SECURITY.md",
            "conftest.py",
            "docs",
            "modnet",
            "plugins",
            "tests",
            "tools",
        )
    ]
    found = list(check_paths(paths))
    assert not found, "\n".join(["see CONTRIBUTING.md, Words:", *found])


@pytest.mark.parametrize("kind", KINDS)
def test_the_vocabulary_holds_in_a_new_plugin(tmp_path: Path, kind: str) -> None:
    NewPlugin(kind, "some-part").write(tmp_path / kind)
    assert list(check_paths([tmp_path])) == []


def test_each_kind_of_finding_is_reported_with_its_line() -> None:
    found = [(line, what) for line, what, _ in sorted(check_python(SAMPLE))]
    assert found == [
        (1, "How a run"),
        (1, "goes on"),
        (1, "told"),
        (2, "stranger"),
        (4, "Whether it is"),
        (4, "def kept"),
        (7, "way back"),
        (10, "How many."),
        (12, "Way Back"),
        (13, "told"),
        (15, "there is:"),
    ]


def test_code_in_a_page_is_left_out() -> None:
    page = "# Title\n\n`told` is code.\n\n```python\n# told\n```\n\nYou are told it.\n"
    assert [(line, found) for line, found, _ in check_markdown(page)] == [(9, "told")]
