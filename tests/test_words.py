"""The project's vocabulary, held over code and documentation."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[1]
SAMPLE = '''"""How a run goes on, told
to a stranger."""

def kept(): "Whether it is so."

@property
def begun(self): "Return what begins."  # the way back

many = 3
"""How many."""

def raise_it(): raise ValueError(f"no part {1}; there is: sigmoid")
'''


@pytest.fixture(scope="module")
def checker() -> ModuleType:
    spec = importlib.util.spec_from_file_location("check_words", ROOT / "tools" / "check_words.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_vocabulary_holds(checker: ModuleType) -> None:
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
    found = list(checker.check_paths(paths))
    assert not found, "\n".join(["see CONTRIBUTING.md, Words:", *found])


def test_each_kind_of_finding_is_reported_with_its_line(checker: ModuleType) -> None:
    found = [(line, what) for line, what, _ in sorted(checker.check_python(SAMPLE))]
    assert found == [
        (1, "How a run"),
        (1, "goes on"),
        (1, "told"),
        (2, "stranger"),
        (4, "Whether it is"),
        (4, "def kept"),
        (7, "way back"),
        (10, "How many."),
        (12, "there is:"),
    ]


def test_code_in_a_page_is_left_out(checker: ModuleType) -> None:
    page = "# Title\n\n`told` is code.\n\n```python\n# told\n```\n\nYou are told it.\n"
    assert [(line, found) for line, found, _ in checker.check_markdown(page)] == [(9, "told")]
