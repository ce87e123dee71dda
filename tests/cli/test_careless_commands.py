"""Careless commands, and the line or two that they end with."""

from __future__ import annotations

import errno
import io
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tomllib
import warnings
from pathlib import Path
from typing import Any

import pytest
from processes import run_modnet

from modnet.cli.main import main

TABLES = tomllib.loads(Path(__file__).with_name("careless_commands.toml").read_text(encoding="utf-8"))
COMMANDS: dict[str, dict[str, Any]] = {line: said for table in TABLES.values() for line, said in table.items()}
FOLLOWED = [line for line, said in COMMANDS.items() if "so" in said]


class Full(io.StringIO):
    def write(self, text: str) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def run_here(
    line: str, monkeypatch: pytest.MonkeyPatch, out_class: type[io.StringIO] = io.StringIO
) -> tuple[Any, str, str]:
    """Run a command in this process; returns its status, and what it prints."""
    out, err = out_class(), io.StringIO()
    with monkeypatch.context() as patch, warnings.catch_warnings():
        warnings.simplefilter("always")  # as in a process of its own
        for name, value in {"stdout": out, "stderr": err, "argv": ["modnet", *shlex.split(line)]}.items():
            patch.setattr(sys, name, value)
        try:
            main()
        except SystemExit as error:
            return error.code, out.getvalue(), err.getvalue()
    return 0, out.getvalue(), err.getvalue()


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a run, a comparison, tables, and files that are none."""
    folder = tmp_path_factory.mktemp("careless")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for line in (
            "data convert iris iris.csv",
            "train --data iris --hidden 3 --iterations 20 --out run --quiet",
            "compare --data iris --hidden 3,4 --iterations 1 --seeds 2 --workers 1 --out both --quiet",
        ):
            assert run_here(line, patch)[0] == 0, line
    for name in ("folder", "empty_run"):
        (folder / name).mkdir()
    for name, text in {
        "empty.csv": "",
        "nan.csv": "a,b,label\n1,2,x\n3,nan,y\n2,4,x\n3,5,y\n" + "2,4,x\n3,5,y\n" * 10,
        "notes.txt": "x\n",
        "good.toml": 'data = "iris"\n[training]\niterations = 1\n',
        "bad.toml": "seed = \n",
        "typo.toml": "[network]\nhiden = [3]\n",
        "flat.toml": "hidden = [3]\n",
        "named.toml": 'data = "iris.csv"\n',
        "grid.toml": 'data = "iris"\ntraining.iterations = 1\n[compare]\nseeds = 2\ngrid = { hidden = [3, 4] }\n',
    }.items():
        (folder / name).write_text(text, encoding="utf-8")
    (folder / "picture.png").write_bytes(b"\x89PNG\r\n\x1a\n123")
    return folder


@pytest.fixture
def place(prepared: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(prepared)
    return prepared


def list_files(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_the_list_is_long() -> None:
    assert len(COMMANDS) >= 300


@pytest.mark.parametrize("line", COMMANDS)
def test_a_careless_command_says_in_a_line_or_two_what_to_do(
    line: str, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said, before = COMMANDS[line], list_files(place)
    status, _, err = run_here(line, monkeypatch)
    assert status == said.get("status", 2), err
    assert len(err.splitlines()) <= said.get("lines", 2), err
    assert not [words for words in said["says"] if words not in err], err
    assert "Traceback" not in err
    assert not re.search(r"\bNone\b|\w+Error\b|Errno|0x[0-9a-f]{6}", err), err
    assert list_files(place) == before


def find_advice(words: str) -> list[str]:
    """Return what words advise to write, one of several: a name, a value, an option or a command."""
    for form in (r"did you mean '(.+?)'", r"write (\S+)", r"modnet (.+)", r"available: (.+)", r"(--.+)"):
        if found := re.search(form, words):
            return found[1].split(", ") if form.startswith("avail") else [found[1]]
    return words.strip("'").split(", ")


@pytest.mark.parametrize("line", FOLLOWED)
def test_each_command_that_follows_advice_has_its_words(line: str) -> None:
    said = COMMANDS[line]
    assert any(words in said["so"] for words in find_advice(said["says"][-1]))


def follow(line: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    command = COMMANDS[line]["so"]
    monkeypatch.chdir(shutil.copytree(folder, folder.parent / f"{folder.name}-{abs(hash(line))}"))
    if command.startswith("train") and "--out" not in command and "--help" not in command:
        command += " --out followed"
    status, _, err = run_here(command, monkeypatch)
    assert status == 0, err


@pytest.mark.parametrize("line", [line for line in FOLLOWED if not COMMANDS[line]["so"].startswith("train -")])
def test_what_a_line_advises_works(line: str, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    follow(line, place, monkeypatch)


@pytest.mark.check
@pytest.mark.parametrize("line", [line for line in FOLLOWED if COMMANDS[line]["so"].startswith("train -")])
def test_training_as_a_line_advises_works(line: str, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    follow(line, place, monkeypatch)


@pytest.mark.parametrize(
    ("careless", "exact"),
    [
        ("--activation ReLU --optimizer SGD --data IRIS", "--activation relu --optimizer sgd --data iris"),
        ("--LOSS Cross_Entropy --sampling Shuffle", "--loss cross-entropy --sampling shuffle"),
    ],
)
def test_names_are_matched_without_case(careless: str, exact: str, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    common = "--hidden 3 --iterations 2 --data iris --quiet"
    for name, options in (("a", careless), ("b", exact)):
        assert run_here(f"train {common} {options} --out {name}", monkeypatch)[0] == 0
    assert (tmp_path / "a/experiment.toml").read_text() == (tmp_path / "b/experiment.toml").read_text()


@pytest.mark.parametrize("setting", ["encoding=latin-1", "data.encoding=latin-1"])
def test_settings_of_data_have_one_language_in_all_commands(setting: str, place: Path, monkeypatch: Any) -> None:
    options = f"--set {setting} --set data.test_fraction=0.2"
    for line in (
        f"data show iris.csv {options}",
        f"predict run iris.csv {options}",
        f"train --data iris.csv {options} --hidden 3 --iterations 1 --out {setting} --dry-run",
    ):
        status, _, err = run_here(line, monkeypatch)
        assert status == 0, err
        is_said = line.startswith("train") and not setting.startswith("data")
        assert ("is data.encoding here" in err) == is_said, line


def test_a_data_set_by_name_is_predicted(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    status, out, err = run_here("predict run iris", monkeypatch)
    assert (status, out.splitlines()[0], len(out.splitlines())) == (0, "row,prediction,label", 31)
    assert "30 rows, the test part of iris" in err


@pytest.mark.parametrize("line", ["plugins", "verify run --dry-run"])
def test_no_line_is_wider_than_the_terminal(line: str, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    _, out, err = run_here(line, monkeypatch, Terminal)
    assert max(map(len, out.split("\n\napproved", maxsplit=1)[0].splitlines()), default=99) <= 60, err


@pytest.mark.skipif(sys.platform == "win32", reason="paths have other limits there")
@pytest.mark.parametrize(
    ("line", "name"),
    [("plot run --out NAME", f"{'a' * 250}.png"), ("show NAME", "a" * 300)],
)
def test_what_the_system_refuses_is_said_of_the_file_that_was_named(
    line: str, name: str, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    status, _, err = run_here(line.replace("NAME", name), monkeypatch)
    assert (status, err) == (1, f"modnet: {name}: {os.strerror(errno.ENAMETOOLONG)}\n")


def test_a_full_disk_behind_the_output_is_said(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    status, _, err = run_here("plugins", monkeypatch, Full)
    assert (status, err) == (1, f"modnet: a file or the output cannot be written: {os.strerror(errno.ENOSPC)}\n")


def test_a_number_of_thousands_of_digits_is_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    status, _, err = run_here(f"train --hidden {'9' * 5000}", monkeypatch)
    assert (status, err.endswith(f"found {'9' * 40}...\n")) == (2, True), err


def test_nobody_reading_the_output_is_no_error_of_a_command(tmp_path: Path) -> None:
    for closed in ("data show iris >&-", "--help | head -1", "data show iris | head -1", "--nosuch 2>&-"):
        shell = ["bash", "-c", f"{shlex.quote(sys.executable)} -m modnet {closed}"]
        done = subprocess.run(shell, cwd=tmp_path, capture_output=True, text=True, timeout=60)
        assert done.stderr == "", closed
    assert run_modnet("train", "--hidden", "50,,10", cwd=tmp_path).stderr.count("\n") == 1


INTERRUPTED = """
import os, signal, sys
import modnet_start

class Interrupting:
    def find_spec(name, path=None, target=None):
        if name == sys.argv[1]:
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, Interrupting)
modnet_start.main()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")
@pytest.mark.parametrize("module", ["modnet.cli.main", "numpy", "modnet.host.catalogue"])
def test_an_interrupt_while_modnet_is_imported_ends_in_a_line(tmp_path: Path, module: str) -> None:
    command = [sys.executable, "-c", INTERRUPTED, module]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=30)
    assert (done.returncode, done.stderr) == (130, "\nmodnet: interrupted\n")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")
def test_an_interrupt_of_the_module_ends_in_a_line_from_its_first_import_on(tmp_path: Path) -> None:
    (tmp_path / "numpy.py").write_text("import signal\nsignal.raise_signal(signal.SIGINT)\n")
    found = {}
    for how in (["-m", "modnet"], ["-c", "import modnet"]):
        environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
        done = subprocess.run([sys.executable, *how], env=environment, capture_output=True, text=True, timeout=60)
        found[how[0]] = done.returncode, done.stderr.strip().splitlines()[-1]
    assert found["-m"] == (130, "modnet: interrupted")
    assert found["-c"] == (-signal.SIGINT, "KeyboardInterrupt")  # which is the program's own


def test_an_interrupt_of_another_program_is_its_own_whatever_its_arguments(tmp_path: Path) -> None:
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs/__init__.py").write_text("import modnet\n")
    (tmp_path / "theirs/__main__.py").write_text(
        "import signal\nprint(signal.getsignal(signal.SIGINT) is signal.default_int_handler)\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "theirs", "modnet"], cwd=tmp_path, capture_output=True, text=True, timeout=60
    )
    assert (done.stdout, done.stderr) == ("True\n", "")
