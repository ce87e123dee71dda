"""Length, pictures and commands of the README.

conftest.py runs its code in an empty folder, in this environment; here it is typed as a new user types it.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "README.ko.md"]
BLOCK = re.compile(r"^```(console|python)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
PICTURE = re.compile(r"!\[([^]]+)]\(([^)]+)\)")
DRIVER = """\
import json, subprocess, sys
from pathlib import Path
names = {}
for kind, text in json.loads(sys.argv[1]):
    if kind == "console":
        subprocess.run(["bash", "-ec", text], check=True)
    elif text.startswith("# ") and ".py" in text.splitlines()[0]:
        Path(text.splitlines()[0][2:]).write_text(text)
    else:
        exec(text, names)
"""


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_it_is_short_and_opens_on_the_five_interfaces(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert len(text.splitlines()) < 250
    beginning = text.split("\n## ")[0]
    rows = re.findall(r"(?m)^\| (?!-)(.*) \|$", beginning)
    assert len(rows) == 6
    for name in ("784", "sigmoid", "cross-entropy", "central-difference", "sgd", "mnist"):
        assert name in beginning


def test_both_have_the_same_pictures_which_are_small() -> None:
    english, korean = (PICTURE.findall(page.read_text(encoding="utf-8")) for page in PAGES)
    assert [path for _, path in english] == [path for _, path in korean]
    assert {path for _, path in english} >= {f"docs/pictures/{path.name}" for path in ROOT.glob("docs/pictures/*")}
    assert [path for _, path in english if (ROOT / path).stat().st_size > 60_000] == []


def test_nobody_types_what_was_not_made() -> None:
    """The environment is activated right after it is made, and the first run is the demo's."""
    commands = [
        line.partition("  #")[0].strip()
        for kind, block in BLOCK.findall(PAGES[0].read_text(encoding="utf-8"))
        for line in block.splitlines()
        if kind == "console"
    ]
    assert commands[:2] == ["$ make demo", "$ . .venv/bin/activate"]
    out = [found[1] for command in commands if (found := re.search(r"--out (\S+)", command))]
    assert len(out) == len({*out, "runs/demo"}) - 1


@pytest.mark.check
def test_its_commands_run_in_order_in_a_fresh_copy(tmp_path: Path) -> None:
    if not (ROOT / ".git").exists():
        pytest.skip("not a git repository")
    clone = tmp_path / "modnet"
    subprocess.run(["git", "clone", "--quiet", "--no-local", ROOT, clone], check=True)
    first, *steps = BLOCK.findall((clone / "README.md").read_text(encoding="utf-8"))
    lines = [(kind, re.sub(r"(?m)^\$ ", "", text)) for kind, text in [first, *steps]]
    script = f"{lines[0][1]}\npython - \"$@\" <<'END'\n{DRIVER}END\n"
    environment = {key: value for key, value in os.environ.items() if key not in {"PYTHONPATH", "VIRTUAL_ENV"}}
    environment |= {"PYTHON": sys.executable, "MODNET_CONFIG": str(tmp_path / "config")}
    command = ["bash", "-ec", script, "readme", json.dumps(lines[1:])]
    done = subprocess.run(command, cwd=clone, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    for name in ("demo/page.html", "exact/curves.png", "iris/params.npz", "mine/params.npz", "hidden/comparison.png"):
        assert (clone / "runs" / name).is_file(), name
    assert (clone / "weights.png").is_file()
