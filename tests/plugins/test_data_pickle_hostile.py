"""Hostile pickles: refused, and nothing of them is run."""

from __future__ import annotations

import ast
import copyreg
import importlib.util
import json
import pickle
import pickletools
import re
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from modnet_data.pickle.opcodes import ALLOWED, REFUSED

import modnet
from modnet import DataError

SCRIPT, MUTATIONS = (Path(__file__).with_name(f"{name}_pickles.py") for name in ("hostile", "mutated"))
HOSTILE = runpy.run_path(str(SCRIPT))
CASES, CANARY, X, T = (HOSTILE[name] for name in ("CASES", "CANARY", "X", "T"))
QUICK = [name for name, (content, _) in CASES.items() if isinstance(content, bytes)]
SECONDS, MEMORY = 2, 256 * 2**20
needs_proc = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs a system that tells peak memory")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "evil.pkl"


def refusal(path: Path, content: bytes) -> str:
    """Return the words of the error that a pickle is refused with: one line of at most 500 characters."""
    path.write_bytes(content)
    with pytest.raises(DataError) as caught:
        modnet.load(path, source="pickle")
    with pytest.raises(DataError):
        modnet.source("pickle").read_rows(path, 3)
    words = str(caught.value)
    assert len(words) <= 500
    assert words.isprintable()
    assert path.name in words
    assert caught.value.__cause__ is None
    return words


def test_there_are_hundreds_and_they_cover_every_opcode():
    assert len(CASES) >= 300
    known = {op.code.encode("latin1"): op.name for op in pickletools.opcodes}
    assert known == {code: name for code, (name, _) in ALLOWED.items()} | REFUSED
    words = " ".join(expected for _, expected in CASES.values())
    assert all(rf"\({name} at" in words for name in REFUSED.values())


@pytest.mark.parametrize("name", QUICK)
def test_refused_and_nothing_run(path, name, monkeypatch):
    monkeypatch.chdir(path.parent)
    content, words = CASES[name]
    found = refusal(path, content)
    assert re.search(words, found), found
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.check
@needs_proc
def test_each_in_two_seconds_and_all_in_256_mb(tmp_path):
    (tmp_path / "good.pkl").write_bytes(pickle.dumps((X, T)))
    names = list(CASES)
    for i, name in enumerate(names):
        (tmp_path / f"case-{i}.pkl").write_bytes(HOSTILE["content_of"](name))
    before = set(tmp_path.iterdir())
    done = subprocess.run(
        [sys.executable, str(SCRIPT), str(tmp_path)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    told = json.loads(done.stdout)
    assert told["good"][0] == ""
    assert set(told["found"]) == {f"case-{i}" for i in range(len(names))}
    for i, name in enumerate(names):
        words, seconds = told["found"][f"case-{i}"]
        assert re.search(CASES[name][1], words), (name, words)
        assert len(words) <= 500
        assert seconds <= SECONDS, name
    assert told["peak"] <= MEMORY
    assert set(tmp_path.iterdir()) == before


def test_the_canary_would_tell(tmp_path):
    """The pickles that are refused here do run elsewhere: the tests above can fail."""
    content = HOSTILE["call"]("posix", "system", HOSTILE["COMMAND"])
    assert content == CASES["posix.system"][0]
    program = f"import pickle; pickle.loads({content!r})"
    subprocess.run([sys.executable, "-c", program], cwd=tmp_path, check=True, timeout=60)
    assert (tmp_path / CANARY).exists()


# Nothing but the file


class NoImports:
    """A finder that ends every import."""

    def find_spec(self, name: str, *_: object) -> None:
        raise AssertionError(f"{name} is imported")


def test_nothing_is_imported_while_a_pickle_is_read(path, monkeypatch):
    source = modnet.source("pickle", test_fraction=0.5)
    good = pickle.dumps({"x": X, "t": [*"abba"]}, 2), pickle.dumps((np.asfortranarray(X), T), 5)
    path.write_bytes(good[0])
    source.read(path)
    before = dict(sys.modules)
    monkeypatch.setattr(sys, "meta_path", [NoImports()])
    for content in good:
        path.write_bytes(content)
        source.read(path)
    for name in QUICK:
        path.write_bytes(CASES[name][0])
        with pytest.raises(DataError):
            source.read(path)
    assert sys.modules == before


def test_not_even_a_module_beside_the_file(path, monkeypatch):
    monkeypatch.syspath_prepend(path.parent)
    path.with_name("trap.py").write_text("raise AssertionError('this must never be imported')")
    for content in (b"ctrap\nx\n.", b"\x80\x04\x8c\x04trap\x8c\x01x\x93.", b"(itrap\nx\n."):
        refusal(path, content)
    assert "trap" not in sys.modules


def test_the_extension_registry_is_out_of_reach(path):
    copyreg.add_extension("os", "getcwd", 240)
    try:
        pickle.loads(b"\x80\x02\x82\xf0.")  # noqa: S301 - so that pickle remembers it
        assert "(EXT1 at byte 2)" in refusal(path, b"\x80\x02\x82\xf0)R.")
    finally:
        copyreg.remove_extension("os", "getcwd", 240)


def test_nothing_carries_over_to_the_next_load(path):
    refusal(path, b"c_codecs\nencode\n}S'kind'\nS'bytes'\nsb.")
    refusal(path, HOSTILE["dtype"]("i8") + b"q\0.")
    assert "no value was remembered" in refusal(path, b"h\0.")
    path.write_bytes(pickle.dumps((X, T), 2))
    assert modnet.load(path, test_fraction=0.0).classes == (0, 1)


# What CPython tests itself with


def find_malformed() -> list[bytes]:
    """Return the malformed pickles that CPython's own tests have, read out of their source."""
    try:
        spec = importlib.util.find_spec("test.pickletester")
    except ModuleNotFoundError:
        spec = None
    if spec is None or spec.origin is None:
        return []
    functions = [
        node
        for node in ast.walk(ast.parse(Path(spec.origin).read_bytes()))
        if isinstance(node, ast.FunctionDef) and node.name.startswith(("test_bad", "test_truncated"))
    ]
    constants = [node for function in functions for node in ast.walk(function) if isinstance(node, ast.Constant)]
    return [node.value for node in constants if isinstance(node.value, bytes)]


def test_what_cpython_calls_malformed(path):
    found = find_malformed()
    if not found:
        pytest.skip("needs CPython's own tests, which are not installed here")
    assert len(found) >= 150
    for content in found:
        refusal(path, content)


# Whatever else there may be


def try_mutations(count: int, seed: int) -> dict[str, Any]:
    command = [sys.executable, str(MUTATIONS), str(count), str(seed)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=240)
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout)


@needs_proc
@pytest.mark.parametrize("count", [4_000, pytest.param(100_000, marks=pytest.mark.check)])
def test_mutations_are_read_or_refused(count):
    found = try_mutations(count, 0)
    assert found["read"] + found["refused"] == count
    assert found["read"] > count / 20
    assert found["refused"] > count / 2
    assert found["slowest"] < SECONDS
