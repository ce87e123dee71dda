"""Printing of text from hostile files."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import warnings
from collections.abc import Callable
from pathlib import Path

import modnet_progress
import pytest

import modnet
from modnet.cli.output import escape

CLEAR, OVERRIDE, CSI = "\x1b[2J", "\u202e", "\x9b2J"
HOSTILE = {
    "experiment.toml": f'[data]\npath = "points.csv"\n[network]\nactivation = "{OVERRIDE}a"\nhidden = ["{CSI}"]\n',
    "receipt.json": json.dumps({"format": CLEAR, "sha256": OVERRIDE}),
    "summary.json": json.dumps({"status": CLEAR}),
    "history.csv": f"iteration,loss,{CLEAR}\n1,{CSI}\n",
}
COMMANDS = ("predict RUN points.csv", "plot RUN", "verify RUN", "resume RUN", "train RUN/experiment.toml --out other")


def is_harmless(text: str) -> bool:
    return text.replace("\n", "").replace("\t", "").isprintable()


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, call: Callable[..., object]) -> Path:
    folder = tmp_path_factory.mktemp("trained")
    rows = "".join(f"{i % 7},{i % 5},{'up' if i % 7 > i % 5 else 'down'}\n" for i in range(40))
    (folder / "points.csv").write_text(f"a,b,where\n{rows}")
    quick = ("--gradient", "backpropagation", "--iterations", "3", "--hidden", "3")
    call("train", "--data", "points.csv", "--set", "data.label=where", *quick, "--out", "run", cwd=folder)
    return folder


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("command", COMMANDS)
def test_a_hostile_run_is_shown_in_visible_characters(tmp_path, trained, call, name, command) -> None:
    run = tmp_path / f"r{CLEAR}un{OVERRIDE}"
    run.mkdir()
    for file in (trained / "run").iterdir():
        (run / file.name).write_bytes(file.read_bytes())
    (run / name).write_text(HOSTILE[name])
    (tmp_path / "points.csv").write_bytes((trained / "points.csv").read_bytes())
    done = call(*(word.replace("RUN", str(run)) for word in command.split()), cwd=tmp_path)
    assert done.stdout + done.stderr
    assert is_harmless(done.stdout + done.stderr)


def test_labels_and_names_of_a_file_are_shown_in_visible_characters(tmp_path, trained, call) -> None:
    params, about = modnet.nn.checkpoint.load_params(trained / "run/params.npz")
    about["classes"] = [f"u{CLEAR}p", f"do{CSI}wn"]
    modnet.nn.checkpoint.save_params(trained / "run/params.npz", params, about)
    done = call("predict", "run", "points.csv", "--probabilities", cwd=trained)
    assert is_harmless(done.stdout + done.stderr)
    answer = call("predict", "run", "points.csv", "--json", cwd=trained)
    assert is_harmless(answer.stdout)


@pytest.mark.filterwarnings("default")
def test_warnings_are_shown_in_visible_characters(tmp_path, call, monkeypatch) -> None:
    monkeypatch.setattr("modnet.cli.train.read_experiment_file", _warn)
    done = call("train", "x.toml", cwd=tmp_path)
    assert "warning: \\x1b[2J" in done.stderr


def _warn(path: Path) -> object:
    warnings.warn(f"{CLEAR}{path}", stacklevel=1)
    raise modnet.DataError("no more")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain\ttext\n", "plain\ttext\n"),
        ("붓꽃 👩‍🔬 می‌خواهم\u00a0", "붓꽃 👩‍🔬 می‌خواهم\u00a0"),
        ("\x1b]0;title\x07", r"\x1b]0;title\x07"),
        ("over\rwritten\x08", r"over\rwritten\x08"),
        ("\x9b31m\u2028\ufeff\u200b", r"\x9b31m\u2028\ufeff\u200b"),
        ("\u202ab\u2066c\u200f\U000e0041", r"\u202ab\u2066c\u200f\U000e0041"),
        ("\udcff", r"\udcff"),
    ],
)
def test_characters_that_are_obeyed_or_hidden_are_escaped(text: str, shown: str) -> None:
    assert escape(text) == shown


def test_every_command_prints_through_one_function() -> None:
    """The overview of data alone has codes of its own, for greys; a line of progress is written over."""
    folders = Path(modnet.__file__).parent / "cli", Path(modnet_progress.__file__).parent
    direct = [
        (file.relative_to(folder).as_posix(), ast.unparse(node.args[0]))
        for folder in folders
        for file in sorted(folder.rglob("*.py"))
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and ast.unparse(node.func) in {"click.echo", "click.secho", "print"}
    ]
    assert direct == [
        ("data/__init__.py", "overview_to_text(view, screen)"),
        ("output.py", "escape(text)"),
        ("terminal.py", "escape(line)"),
    ]


def test_advice_about_a_folder_of_any_name_can_be_obeyed_in_a_shell(tmp_path, trained, call) -> None:
    name = "it's $(touch pwned); touch pwned #"
    run = tmp_path / name
    run.mkdir()
    for file in (trained / "run").iterdir():
        (run / file.name).write_bytes(file.read_bytes())
    receipt = json.loads((run / "receipt.json").read_text())
    for change in ({"format": 1}, {"results": None}):
        (run / "receipt.json").write_text(json.dumps({**receipt, **change}))
        done = call("verify", name, cwd=tmp_path)
        assert done.returncode == 1
        advice = re.search("modnet (?:train|resume) .*", done.stderr)
        assert advice
        shown = subprocess.run(
            ["sh", "-c", advice[0].replace("modnet", "printf '%s\\n'", 1)], cwd=tmp_path, capture_output=True, text=True
        )
        assert shown.stdout.split("\n")[1].removesuffix("/experiment.toml") == name
    assert not (tmp_path / "pwned").exists()
