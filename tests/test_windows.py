"""Files, processes, encodings, shells and line ends of Windows and macOS."""

from __future__ import annotations

import ast
import errno
import io
import ntpath
import os
import re
import shutil
import subprocess
import sys
import threading
import unicodedata
import warnings
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path, PureWindowsPath
from subprocess import list2cmdline
from typing import Any

import click.core
import modnet_data.cached
import numpy as np
import pytest
from processes import Call
from windows import Fewer, find_lack, lacking, refusing

import modnet
from modnet import DataError
from modnet.cli.main import main
from modnet.comparison.grid import create_settings
from modnet.files import write_atomically, writing
from modnet.files.code import code_fingerprint
from modnet.files.opening import read_plain
from modnet.host import catalogue
from modnet.host.entry_points import make_plugin
from modnet.host.modules import Code
from modnet.text import quote_argument

ROOT = Path(__file__).parents[1]
FEW = "--data", "a.csv", "--iterations", "20"
on_linux = pytest.mark.skipif(sys.platform != "linux", reason="/proc tells which files are open")


@on_linux
def test_commands_run_without_what_windows_lacks_and_rename_nothing_that_is_open(
    tmp_path: Path, call: Call, points: Callable[..., Path]
) -> None:
    points(tmp_path / "a.csv")
    commands = [
        ["train", *FEW, "--out", "run"],
        ["train", *FEW, "--out", "run", "--overwrite"],
        ["resume", "run", "--iterations", "30"],
        ["verify", "run"],
        ["compare", *FEW, "--callback", "json-log", "--seeds", "2", "--out", "lab", "--workers", "1"],
        ["data", "convert", "a.csv", "b.csv.zip"],
        ["data", "convert", "b.csv.zip", "b.csv.zip", "--overwrite"],
        ["plugins", "new", "soft-cap", "--kind", "activation"],
    ]
    for command in commands:
        with lacking(), refusing():
            done = call(*command, cwd=tmp_path, MODNET_CACHE=str(tmp_path / "cache"))
        assert (done.returncode, done.stderr) == (0, ""), command


@pytest.mark.check
@on_linux
def test_processes_of_their_own_are_started_without_what_windows_lacks(
    tmp_path: Path, call: Call, points: Callable[..., Path], install: Callable[..., Path]
) -> None:
    table = points(tmp_path / "a.csv")
    install("modnet-cube", "import modnet\n@modnet.hookimpl\ndef register_activations(register): ...")
    pytest.importorskip("pandas").read_csv(table).to_parquet(tmp_path / "a.parquet")
    for command in (
        ["compare", *FEW, "--lr", "0.1,0.2", "--seeds", "1", "--out", "lab", "--workers", "2"],
        ["data", "show", "a.parquet"],
        ["plugins"],
    ):
        with lacking(), refusing():
            done = call(*command, cwd=tmp_path)
        assert (done.returncode, done.stderr) == (0, ""), command
    assert "plugin  (modnet-cube 1.0)  ready" in done.stdout


@on_linux
def test_a_file_that_somebody_reads_is_replaced_when_he_has_read_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "history.csv"
    path.write_bytes(b"old")
    reader = path.open("rb")
    with refusing():
        timer = threading.Timer(0.1, reader.close)
        timer.start()
        write_atomically(path, b"new")
        timer.join()
        assert path.read_bytes() == b"new"
        monkeypatch.setattr(writing, "PATIENCE", 0.05)
        with path.open("rb"), pytest.raises(PermissionError):
            write_atomically(path, b"newer")
    assert [each.name for each in tmp_path.iterdir()] == ["history.csv"]
    assert path.read_bytes() == b"new"


@on_linux
def test_a_large_file_is_stored_in_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODNET_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(modnet_data.cached, "SMALL", 1)
    (tmp_path / "a.txt").write_bytes(b"1")

    def convert(put: modnet_data.cached.Put) -> modnet_data.cached.Facts:
        put("x", np.arange(2))
        put("x", np.array([0.5]))  # for which all is written anew
        return {}

    with refusing():
        arrays, _ = modnet_data.cached.arrays_of(tmp_path / "a.txt", "recipe", convert)
        np.testing.assert_array_equal(arrays["x"], [0, 1, 0.5])
    assert len([*(tmp_path / "cache" / "arrays").glob("*/about.json")]) == 1


def test_a_folder_is_named_as_one_where_its_opening_is_denied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Any, *_: Any) -> int:
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(DataError, match=r": a folder, expected a file$"):
        read_plain(tmp_path)
    with pytest.raises(DataError, match=r": cannot be read: Permission denied$"):
        read_plain(tmp_path / "a.csv")


KOREAN = "길이,이름\n" + "".join(f"{i},{name}\n" for i in range(30) for name in ("붓꽃", "rosé", "→±"))


@pytest.mark.parametrize("encoding", ["cp949", "cp1252"])
def test_every_terminal_and_file_can_show_every_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, encoding: str
) -> None:
    (tmp_path / "붓꽃.csv").write_text(KOREAN, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    read = "--data", "붓꽃.csv", "--set", "data.label=이름"
    shown = ""
    for command in (
        ["data", "show", "붓꽃.csv"],
        ["train", *read, "--iterations", "5", "--out", "길 이"],
        ["predict", "길 이", "붓꽃.csv"],
        ["compare", *read, "--iterations", "5", "--lr", "0.1,0.2", "--seeds", "2", "--out", "비교", "--workers", "1"],
        ["train", "--data", "없다.csv"],
    ):
        out, err = (io.TextIOWrapper(io.BytesIO(), encoding, errors) for errors in ("strict", "backslashreplace"))
        with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings(action="default"):
            patch.setattr(sys, "stdout", out)
            patch.setattr(sys, "stderr", err)
            patch.setattr(sys, "argv", ["modnet", *command])
            patch.setattr("modnet_figures.figures.try_to_draw", lambda *_: "")
            with pytest.raises(SystemExit) if "없다.csv" in command else nullcontext():
                main()
        told = err.buffer.getvalue().decode(encoding)
        assert told.count("which lacks some characters: they are escaped") <= 1
        shown += out.buffer.getvalue().decode(encoding) + told
    assert ("붓꽃" if encoding == "cp949" else r"\ubd93\uaf43") in shown


def test_an_exported_file_reads_and_writes_utf_8_whatever_the_system_has(tmp_path: Path) -> None:
    labels = ["붓꽃", "rosé"] * 6
    data = modnet.Dataset.from_arrays([[float(i)] for i in range(12)], labels, test_fraction=0)
    run = modnet.train(modnet.Network.for_data(data, hidden=4), data, iterations=5)
    path = modnet.export(run, tmp_path / "model.py")
    known = {**os.environ, "PYTHONIOENCODING": "cp1252", "PYTHONUTF8": "0"}
    done = subprocess.run([sys.executable, path, "-"], input=b"\xef\xbb\xbf1.0\n7.0\n", env=known, capture_output=True)
    assert (done.returncode, done.stderr) == (0, b"")
    answers = [line.split(",")[1] for line in done.stdout.decode("utf-8").splitlines()[1:]]
    assert answers == run.predict([[1.0], [7.0]]).tolist()


def test_a_star_is_no_pattern_for_files(tmp_path: Path, call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.csv").touch()
    monkeypatch.setattr(click.core, "os", Fewer(os, name="nt"))  # where click replaces patterns by the files there
    done = call("plugins", "--without", "*", "--json", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("argument", "quoted"),
    [
        ("runs/a", "runs/a"),
        (r"C:\runs\a", r"C:\runs\a"),
        ("C:\\my runs\\", '"C:\\my runs\\\\"'),
        ("data.label=kind", "data.label=kind"),
        ("callbacks=[]", '"callbacks=[]"'),
        ("a&b", '"a&b"'),
        ("0.1,0.2", '"0.1,0.2"'),
        ('say "hi"', r'"say \"hi\""'),
        ("", '""'),
        ("붓꽃.csv", "붓꽃.csv"),
    ],
)
def test_arguments_in_advice_are_quoted_as_both_shells_of_windows_take_them(argument: str, quoted: str) -> None:
    assert quote_argument(argument, windows=True) == quoted
    if quoted.startswith('"') and " " in argument:  # where Python quotes, too
        assert quoted == list2cmdline([argument])


def is_reserved(path: str) -> bool:
    """Return whether Windows keeps a name in a path for a device."""
    find = getattr(ntpath, "isreserved", None)  # of Python 3.13, which warns of the other way
    return bool(find(path) if find else PureWindowsPath(path).is_reserved())


def test_settings_that_differ_in_case_have_folders_that_do_not() -> None:
    paths = ["a.jsonl", "A.jsonl", "a?.jsonl", "b.jsonl", unicodedata.normalize("NFD", "길.jsonl"), "길.jsonl"]
    settings = create_settings({}, {"callbacks": [[{"name": "json-log", "path": path}] for path in paths]})
    folders = [setting.folder for setting in settings]
    assert folders[3] == "callbacks-json-log-path-b.jsonl"
    assert len({unicodedata.normalize("NFC", folder).casefold() for folder in folders}) == len(folders)
    for folder in folders:
        assert not re.search(r'[<>:"/\\|?*]|[. ]$', folder)
        assert not is_reserved(folder)


def test_code_is_the_same_whatever_ends_its_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    found = []
    for ends in ("\n", "\r\n", "\n\n"):
        (tmp_path / "line_ends.py").write_text(f"X = 1{ends}Y = 2{ends}", encoding="utf-8", newline="")
        monkeypatch.delitem(sys.modules, "line_ends", raising=False)
        __import__("line_ends")
        code = Code("line_ends", tmp_path, {"line_ends.py": (tmp_path / "line_ends.py").read_bytes()})
        found.append((code_fingerprint("line_ends"), code.digest, code.digests["line_ends.py"]))
    unix, windows, other = found
    assert unix[:2] == windows[:2]
    assert unix[2] != windows[2], "what is approved are the bytes"
    assert not set(other) & set(unix)


def test_the_files_of_the_repository_have_names_for_every_system_and_one_kind_of_line_ends() -> None:
    if not (ROOT / ".git").exists() or not shutil.which("git"):
        pytest.skip("not in a repository")
    listed = subprocess.run(["git", "ls-files", "--eol"], cwd=ROOT, capture_output=True, encoding="utf-8", check=True)
    kinds = dict(reversed(line.split("\t")) for line in listed.stdout.splitlines())
    for name, kind in kinds.items():
        assert not is_reserved(name)
        assert not re.search(r'[<>:"\\|?*]|[. ](/|$)', name)
        assert len(name) < 120
        assert re.match(r"i/(lf|none) |i/-text ", kind), f"{name}: {kind}"
    assert len({unicodedata.normalize("NFC", name).casefold() for name in kinds}) == len(kinds)


def test_no_file_is_opened_in_the_encoding_of_the_system() -> None:
    found = []
    for file in [each for folder in ("modnet", "plugins") for each in (ROOT / folder).rglob("*.py")]:
        source = file.read_bytes()
        for call in ast.walk(ast.parse(source)) if b"_text(" in source else ():
            if isinstance(call, ast.Call) and getattr(call.func, "attr", "") in {"read_text", "write_text"}:
                named = {keyword.arg for keyword in call.keywords}
                found += [f"{file.name}:{call.lineno}"] * ("encoding" not in named)
    of_metadata = ["packaging.py", "packaging.py"]  # which have their own
    assert sorted(name.partition(":")[0] for name in found) == of_metadata, found


@pytest.mark.parametrize(
    ("cause", "lacks"),
    [
        (lambda: Fewer(os, ["mkfifo"], __name__="os").mkfifo, True),
        (lambda: __import__("fcntl_of_nobody"), False),
        (lambda: Path("x").unlink(), False),
    ],
    ids=["a name", "another module", "a file"],
)
def test_what_a_test_itself_lacks_is_no_fault(cause: Callable[[], object], lacks: bool) -> None:
    with pytest.raises((AttributeError, ImportError, OSError)) as caught:
        cause()
    assert bool(find_lack(caught.value)) == lacks


@pytest.mark.check
def test_a_checkout_with_other_line_ends_does_the_same(tmp_path: Path) -> None:
    for folder in ("modnet", "plugins"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    for file in [*tmp_path.rglob("*.*")]:
        if file.is_file() and file.suffix not in {".gz", ".pyc"}:
            file.write_bytes(file.read_bytes().replace(b"\n", b"\r\n"))
    program = """
import json, sys
from pathlib import Path
import modnet
from modnet.data.fingerprint import data_fingerprint
from modnet.files.code import code_fingerprint
from modnet.testing.scaffold import NewPlugin
found = [code_fingerprint("modnet"), code_fingerprint("modnet_data.csv.source")]
found += [data_fingerprint(modnet.load(name)) for name in ("iris", "wine", "mnist-small")]
found += [NewPlugin(kind, "soft-cap").files() for kind in ("activation", "data-source")]
print(json.dumps([found, sorted(modnet.__all__)], default=str))
"""
    both = []
    for place in (ROOT, tmp_path):
        path = os.pathsep.join([str(place), str(place / "plugins")])
        done = subprocess.run(
            [sys.executable, "-P", "-c", program], cwd=tmp_path, capture_output=True, encoding="utf-8",
            env={**os.environ, "PYTHONPATH": path}, timeout=120,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        both.append(done.stdout)
    assert both[0] == both[1]


@pytest.mark.parametrize(
    ("status", "words"),
    [(0xC0000005, "it crashes while it is imported (status 0xc0000005)"), (3, "it ends the program (exit status 3)")],
)
def test_a_crash_on_windows_is_no_end_of_the_program(status: int, words: str) -> None:
    assert catalogue._describe_failure(make_plugin("cube"), status, 10.0, late=False).why == words
