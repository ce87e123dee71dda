"""Every command on runs and comparisons of which one file is hostile."""

from __future__ import annotations

import atexit
import base64
import contextlib
import copy
import functools
import io
import json
import os
import random
import shutil
import signal
import socket
import sys
import tempfile
import tomllib
import warnings
from collections.abc import Callable, Iterable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tomli_w
from fuzzing import RUN_TOKENS, change_member, feed, make_files, mutate, seal

from modnet.cli.main import main

QUICK = ["--gradient", "backpropagation", "--iterations", "8", "--batch-size", "8", "--optimizer", "adam"]
DATA = ["--data", "points.csv", "--set", "data.label=where"]
COMPARE = ["compare", *DATA, "--hidden", "3,4", *QUICK, "--seeds", "2", "--workers", "1", "--out", "cmp"]
COMMANDS: dict[str, list[str]] = {
    "predict": ["predict", "run", "points.csv"],
    "predict as JSON": ["predict", "run", "points.csv", "--json", "--probabilities"],
    "plot": ["plot", "run"],
    "look": ["verify", "run", "--dry-run"],
    "verify": ["verify", "run", "--json"],
    "resume": ["resume", "run"],
    "train": ["train", "run/experiment.toml", "--out", "other"],
    "forecast": ["train", "run/experiment.toml", "--dry-run"],
    "overwrite": ["train", *DATA, "--hidden", "3", *QUICK, "--out", "run", "--overwrite"],
    "compare": COMPARE,
    "compare again": ["compare", "cmp/comparison.toml", "--out", "cmp", "--workers", "1"],
}
BUSY = 8
"""The seconds after which a command is stopped by Ctrl-C: a changed experiment may train for years."""
SEED = "cmp/hidden-3/seed-0"
CHANGED_WORK = ("experiment.toml", "comparison.toml")
"""The files that say how long a command works."""


@functools.cache
def base() -> Path:
    """Return a folder with data, a finished run, an interrupted one and a comparison."""
    folder = Path(tempfile.mkdtemp())
    atexit.register(shutil.rmtree, folder)
    rows = np.random.default_rng(0).normal(size=(60, 2)).tolist()
    lines = [f"{a!r},{b!r},{'up' if a > b else 'down'}" for a, b in rows]
    (folder / "points.csv").write_text("\n".join(["a,b,where", *lines]) + "\n")
    train = ["train", *DATA, "--hidden", "3", *QUICK]
    for command in ([*train, "--out", "run"], [*train, "--iterations", "4", "--out", "interrupted"], COMPARE):
        status, words = call(command, folder)
        assert status == 0, words
    shutil.copytree(folder / "run", folder / "interrupted", dirs_exist_ok=True)
    return folder


def call(command: list[str], folder: Path) -> tuple[int, str]:
    """Call the command line in a folder, as long as is patient; return its status and all that it prints."""
    out = io.StringIO()

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    before, sys.argv = sys.argv, ["modnet", *command]
    os.chdir(folder)
    signal.signal(signal.SIGALRM, stop)
    signal.alarm(BUSY)
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out), warnings.catch_warnings():
            warnings.simplefilter("default")
            main()
    except SystemExit as ended:
        return int(ended.code or 0), out.getvalue()
    finally:
        signal.alarm(0)
        sys.argv = before
    return 0, out.getvalue()


def make_socket(path: Path) -> None:
    os.chdir(path.parent)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(path.name)


def make_sparse(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(2**40)


KINDS: dict[str, Callable[[Path], object]] = {
    "pipe": lambda path: os.mkfifo(path),
    "socket": make_socket,
    "folder": lambda path: (path.mkdir(), (path / "inside").touch()),
    "endless": lambda path: path.symlink_to("/dev/zero"),
    "full": lambda path: path.symlink_to("/dev/full"),
    "terminal": lambda path: path.symlink_to("/dev/tty"),
    "memory": lambda path: path.symlink_to("/proc/self/mem"),
    "pages": lambda path: path.symlink_to("/proc/self/pagemap"),
    "loop": lambda path: path.symlink_to(path.name),
    "dangling": lambda path: path.symlink_to(path.parents[1] / "created"),
    "outside": lambda path: path.symlink_to(path.parents[1] / "precious"),
    "sparse": make_sparse,
    "nothing": lambda path: None,
    "empty": lambda path: path.touch(),
    "nested lists": lambda path: path.write_bytes(b"[" * 200_000),
    "nested objects": lambda path: path.write_bytes(b'{"a":' * 100_000),
    "nested TOML": lambda path: path.write_bytes(b"a = " + b"[" * 200_000),
}
VALUES: list[Any] = [
    *[None, True, 0, -1, 1, 2**31, 2**63, 10**30, 10**4000, 0.5, 1e308, float("nan"), float("inf"), -0.0],
    *["", "x", "\x1b[2J\u202e", "a\nmodnet: identical", "a" * 5000, "../../x", "/dev/zero", "\udcff", "nan", "sgd"],
    *[[], {}, [[]], [None], ["a", 1], {"": ""}, {"name": "sgd"}, {"name": 1}, [3, 3, 3], list(range(5000))],
]
FILES = ["experiment.toml", "history.csv", "summary.json", "params.npz", "hits.npy", "curves.png", "receipt.json"]
OTHERS = [".lock", "checkpoint.npz", "checkpoint-previous.npz", ".summary.json.12345678", ".params.npz.abcdefgh"]
READ = {
    "predict": ["experiment.toml", "params.npz", "receipt.json"],
    "predict as JSON": ["experiment.toml", "params.npz", "receipt.json"],
    "plot": ["experiment.toml", "history.csv", "receipt.json"],
    "train": ["experiment.toml"],
    "forecast": ["experiment.toml"],
}
"""The files that a command reads, where it does not read all."""
COMPARISON = ["comparison.toml", "comparison.json", "comparison.md", "runs.csv", "pairs.csv", "comparison.png", ".lock"]


def make(draw: random.Random) -> tuple[str, bytes]:
    """Return what is done to which file, and with which command, as JSON."""
    command = draw.choice([*COMMANDS])
    names = READ.get(command, FILES + OTHERS[:3])
    if command.startswith("compare"):
        file = f"cmp/{draw.choice(COMPARISON)}" if draw.random() < 0.3 else f"{SEED}/{draw.choice(FILES + OTHERS)}"
    elif (what := draw.random()) < 0.05:
        file = "points.csv"
    else:
        file = f"run/{draw.choice(names if what < 0.9 else OTHERS)}"
    path = base() / file
    case: dict[str, Any] = {"command": command, "file": file, "resealed": draw.random() < 0.7}
    if not path.is_file() or draw.random() < 0.25:
        case["kind"] = draw.choice([*KINDS])
    else:
        content = change(draw, path)
        case["content"] = base64.b64encode(content).decode()
    return "case.json", json.dumps(case).encode()


def change(draw: random.Random, path: Path) -> bytes:
    """Return the content of a file with changes: in its bytes, or in its fields."""
    content = path.read_bytes()
    if draw.random() < 0.3:
        return mutate(draw, content, tokens=RUN_TOKENS)
    if path.suffix == ".npz":
        changed = change_arrays(draw, content) if draw.random() < 0.6 else change_member(draw, content)
        return seal(changed) if path.name.startswith("checkpoint") else changed
    if path.suffix == ".json":
        return json.dumps(change_field(draw, json.loads(content))).encode("utf-8", "surrogatepass")
    if path.suffix == ".toml":
        table = change_field(draw, tomllib.loads(content.decode()))
        with contextlib.suppress(TypeError, ValueError, AttributeError):
            return tomli_w.dumps(table).encode("utf-8", "surrogatepass")
    return mutate(draw, content, tokens=RUN_TOKENS)


def change_field(draw: random.Random, value: Any) -> Any:
    """Return a nested value in which one to three fields are others, are gone, or are new."""
    value = copy.deepcopy(value)
    for _ in range(draw.choice([1, 1, 2, 3])):
        at = value
        while isinstance(at, (dict, list)) and at:
            key = draw.choice([*at]) if isinstance(at, dict) else draw.randrange(len(at))
            if not isinstance(at[key], (dict, list)) or not at[key] or draw.random() < 0.3:
                what = draw.random()
                if what < 0.8:
                    at[key] = copy.deepcopy(draw.choice(VALUES))
                elif what < 0.9:
                    del at[key]
                elif isinstance(at, dict):
                    at[draw.choice(["", "x", "\x1b[2J", "a.b"])] = copy.deepcopy(draw.choice(VALUES))
                break
            at = at[key]
    return value


def change_arrays(draw: random.Random, content: bytes) -> bytes:
    """Return an archive in which one array is another, as NumPy writes it, or its description has another field."""
    with np.load(io.BytesIO(content)) as file:
        arrays = {name: file[name] for name in file.files}
    name = draw.choice([*arrays])
    value = arrays[name]
    texts = [key for key in ("about", "header") if key in arrays]
    if draw.random() < 0.5 and texts:
        arrays[texts[0]] = np.array(json.dumps(change_field(draw, json.loads(str(arrays[texts[0]])))))
    else:
        number = value if value.dtype.kind in "fiu" else np.zeros(3)
        choices: list[Callable[[], Any]] = [
            lambda: number * np.nan,
            lambda: number * 1e308 * 10,
            lambda: number.astype("f4"),
            lambda: number.astype("c16"),
            lambda: number.astype("i1"),
            lambda: number.astype("U9"),
            lambda: number.astype("S0"),
            lambda: number.astype(">f8"),
            lambda: number.ravel(),
            lambda: number[None],
            lambda: number[:0],
            lambda: np.asfortranarray(number),
            lambda: np.zeros((3000, 1000)),
            lambda: np.zeros(2, [("a", "f8"), ("b", "U3")]),
            lambda: np.zeros(3, "M8[s]"),
            lambda: np.float64(1),
        ]
        with np.errstate(all="ignore"), contextlib.suppress(ValueError, TypeError), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            arrays[name] = np.asarray(draw.choice(choices)())
    out = io.BytesIO()
    np.savez(out, **arrays)
    return out.getvalue()


def reseal(run: Path) -> None:
    """Have the receipt of a run vouch for its files as they are."""
    path = run / "receipt.json"
    with contextlib.suppress(OSError, ValueError, TypeError, AttributeError, KeyError, RecursionError):
        if not path.is_file() or path.stat().st_size > 2**20:
            return
        table = json.loads(path.read_bytes())
        for name in table["results"]["files"]:
            if (run / name).is_file() and (run / name).stat().st_size < 2**20:
                table["results"]["files"][name] = sha256((run / name).read_bytes()).hexdigest()
        del table["sha256"]
        table["sha256"] = sha256(json.dumps(table, sort_keys=True).encode()).hexdigest()
        path.write_text(json.dumps(table))


def judge(path: Path) -> str:
    """Run a command on a folder with one hostile file: it works, or fails in words, and writes nowhere else."""
    case = json.loads(path.read_bytes())
    here = Path.cwd()
    work = path.with_name("work")
    shutil.rmtree(work, ignore_errors=True)
    shutil.copytree(base(), work)
    (work / "precious").write_text("precious")
    file = work / case["file"]
    file.unlink(missing_ok=True)
    if "kind" in case:
        KINDS[case["kind"]](file)
    else:
        file.write_bytes(base64.b64decode(case["content"]))
    if case["resealed"]:
        reseal(file.parent)
    try:
        status, words = call(COMMANDS[case["command"]], work)
    finally:
        os.chdir(here)
    assert status in {0, 1, 2} or (status == 130 and file.name in CHANGED_WORK), (status, words)
    assert "Traceback" not in words
    assert words.replace("\n", "").replace("\t", "").isprintable(), words
    assert (work / "precious").read_text() == "precious"
    assert not (work / "created").exists()
    return f"{case['command']}: {'works' if status == 0 else 'refused'}"


FORGED = "a\nmodnet: identical\x1b[2J"
READERS = ("predict", "plot", "look", "resume", "forecast")


def forge(name: str) -> Iterator[str]:
    """Yield the text of a TOML or JSON file of a run with each of its entries and keys forged in turn."""
    read, write = (json.loads, json.dumps) if name.endswith(".json") else (tomllib.loads, tomli_w.dumps)
    table = read((base() / "run" / name).read_text())
    for place in list_places(table):
        forged = copy.deepcopy(table)
        inside = forged
        for key in place[:-1]:
            inside = inside[key]
        inside[FORGED if place[-1] is None else place[-1]] = FORGED
        yield write(forged)


def list_places(value: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if not isinstance(value, (dict, list)) or not value:
        yield place
        return
    for key in value if isinstance(value, dict) else range(min(len(value), 2)):
        yield from list_places(value[key], (*place, key))
    if isinstance(value, dict):
        yield (*place, None)


def check_forged(cases: Iterable[tuple[str, str, str]], folder: Path) -> None:
    """Run commands on runs with a forged file each: no line of what they print is forged, or clears the screen."""
    work, here = folder / "work", Path.cwd()
    try:
        for name, text, command in cases:
            shutil.rmtree(work, ignore_errors=True)
            shutil.copytree(base(), work)
            (work / "run" / name).write_text(text)
            reseal(work / "run")
            status, words = call(COMMANDS[command], work)
            assert status in {0, 1, 2}
            assert "\nmodnet: identical" not in words, (command, text)
            assert "\x1b" not in words, (command, text)
    finally:
        os.chdir(here)


CASES = [(name, command) for name in ("experiment.toml", "receipt.json", "summary.json") for command in READERS]


@pytest.mark.check
@pytest.mark.parametrize(("name", "command"), CASES)
def test_entries_forge_no_line(tmp_path: Path, name: str, command: str) -> None:
    texts = [*forge(name)]
    some = random.Random(0).sample(texts, min(20, len(texts)))  # noqa: S311 - anything will do
    check_forged(((name, text, command) for text in some), tmp_path)


def test_some_entries_forge_no_line(tmp_path: Path) -> None:
    cases = [(name, text, command) for name, command in CASES for text in forge(name)]
    check_forged(random.Random(0).sample(cases, 15), tmp_path)  # noqa: S311 - anything will do


def test_a_line_break_in_a_path_forges_no_line(tmp_path: Path, call) -> None:
    for command in (
        ["plot", FORGED],
        ["train", FORGED],
        ["data", "show", f"{FORGED}.csv"],
        ["predict", FORGED, FORGED],
    ):
        done = call(*command, cwd=tmp_path)
        assert done.returncode in {1, 2}
        assert "\nmodnet: identical" not in done.stderr
    (tmp_path / "x.toml").write_text(tomli_w.dumps({"data": {"source": "csv", "test_path": FORGED}}))
    assert "\nmodnet: identical" not in call("train", "x.toml", cwd=tmp_path).stderr


@pytest.mark.check
def test_every_command_copes_with_hostile_files(tmp_path: Path) -> None:
    counts, faults = feed("test_fuzz_commands:judge", make_files(600, 0, make), tmp_path, memory=2**32)
    assert not faults
    assert all(counts[f"{command}: refused"] for command in COMMANDS)
    assert sum(counts[f"{command}: works"] for command in COMMANDS) > 100


def test_some_commands_cope_with_hostile_files(tmp_path: Path) -> None:
    _, faults = feed("test_fuzz_commands:judge", make_files(25, 1, make), tmp_path, memory=2**32)
    assert not faults
