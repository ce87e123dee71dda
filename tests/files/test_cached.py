"""Large files converted once and mapped into memory."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from hashlib import file_digest as hash_whole
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from modnet_data.cached import Facts, Put, arrays_of

import modnet
from modnet import DataError, cached
from modnet.cli.data import cache_entries, clear_cache
from modnet.data.samples import find_mapping
from modnet.files.cache import SETTLED
from modnet.nn.checkpoint import hash_params
from modnet.types import Array


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MODNET_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(cached, "SMALL", 100)
    return tmp_path / "cache"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "large.txt"
    path.write_bytes(b"1" * 1000)
    return path


class Converter:
    """Counts how often it is asked."""

    def __init__(self, *blocks: Array) -> None:
        self.blocks, self.calls = blocks or (np.arange(6).reshape(3, 2),), 0

    def __call__(self, put: Put) -> Facts:
        self.calls += 1
        for block in self.blocks:
            put("x", block)
        return {"calls": self.calls}


def test_a_large_file_is_converted_once(path):
    convert = Converter()
    for _ in range(3):
        arrays, facts = arrays_of(path, "recipe", convert)
        np.testing.assert_array_equal(arrays["x"], [[0, 1], [2, 3], [4, 5]])
        assert facts == {"calls": 1}
        with pytest.raises(ValueError, match="read-only"):
            arrays["x"][0] = 7
    assert convert.calls == 1


def test_a_small_one_each_time_and_nothing_is_kept(path, cache):
    path.write_bytes(b"1" * 99)
    convert = Converter()
    for calls in (1, 2):
        arrays, facts = arrays_of(path, "recipe", convert)
        assert facts == {"calls": calls}
        assert not arrays["x"].flags.writeable
    assert not cache.exists()


@pytest.mark.parametrize("size", [99, 2**22])
def test_facts_are_those_of_json_whether_they_are_stored_or_not(path, size):
    path.write_bytes(b"1" * size)
    assert arrays_of(path, "recipe", lambda put: {"pair": (1, 2), "table": {3: None}})[1] == {
        "pair": [1, 2],
        "table": {"3": None},
    }


def test_another_content_or_recipe_is_converted_anew_and_another_name_is_not(path, tmp_path):
    convert = Converter()
    arrays_of(path, "one", convert)
    arrays_of(path, "two", convert)
    assert convert.calls == 2
    copy = shutil.copy(path, tmp_path / "copy.txt")
    arrays_of(copy, "one", convert)
    assert convert.calls == 2
    before = path.stat()
    path.write_bytes(b"2" * 1000)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    arrays_of(path, "one", convert)
    assert convert.calls == 3


def test_the_digest_of_a_file_that_rests_is_not_taken_again(path, monkeypatch):
    convert = Converter()
    long_ago = time.time() - 10 * SETTLED
    os.utime(path, (long_ago, long_ago))
    arrays_of(path, "recipe", convert)
    hashed = list[str]()
    monkeypatch.setattr("hashlib.file_digest", lambda file, name: hashed.append(file.name) or hash_whole(file, name))
    arrays_of(path, "recipe", convert)
    assert convert.calls == 1
    assert str(path) not in map(str, hashed)


HARM: dict[str, Callable[[Path], object]] = {
    "cut": lambda entry: (entry / "x.raw").write_bytes((entry / "x.raw").read_bytes()[:-9]),
    "garbage": lambda entry: (entry / "x.raw").write_bytes(b"garbage"),
    "no array": lambda entry: (entry / "x.raw").unlink(),
    "no about": lambda entry: (entry / "about.json").unlink(),
    "another about": lambda entry: (entry / "about.json").write_bytes(b"[1]"),
    "nothing": shutil.rmtree,
}


@pytest.mark.parametrize("harm", HARM)
def test_what_was_damaged_is_made_anew(path, cache, harm):
    convert = Converter()
    arrays_of(path, "recipe", convert)
    (entry,) = (cache / "arrays").iterdir()
    HARM[harm](entry)
    arrays, _ = arrays_of(path, "recipe", convert)
    np.testing.assert_array_equal(arrays["x"], [[0, 1], [2, 3], [4, 5]])
    assert convert.calls == 2


def test_a_conversion_that_fails_leaves_nothing(path, cache):
    def fails(put: Put) -> Facts:
        put("x", np.ones((1000, 10)))
        raise DataError("line 7: no number")

    with pytest.raises(DataError, match="line 7"):
        arrays_of(path, "recipe", fails)
    assert not list((cache / "arrays").iterdir())


@pytest.mark.parametrize("is_small", [False, True])
def test_blocks_that_do_not_fit_each_other(path, is_small):
    if is_small:
        path.write_bytes(b"1" * 99)
    with pytest.raises(DataError, match=r"x: a block of rows \(3,\) after one of \(2,\)"):
        arrays_of(path, "recipe", Converter(np.ones((2, 2)), np.ones((2, 3))))


def test_without_a_folder_to_write_in_memory_does(path, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("not a folder")
    monkeypatch.setenv("MODNET_CACHE", str(tmp_path / "file"))
    with pytest.warns(UserWarning, match=r"the cache folder cannot be written .*set MODNET_CACHE to another folder"):
        arrays, _ = arrays_of(path, "recipe", Converter())
    assert arrays["x"].shape == (3, 2)


KINDS = st.sampled_from(["u1", "i2", "i8", "f4", "f8", "?"])
BLOCKS = st.lists(st.tuples(KINDS, st.integers(0, 4)), min_size=1, max_size=6)


@given(BLOCKS)
def test_blocks_become_the_array_that_holds_them_all(tmp_path_factory, blocks):
    folder = tmp_path_factory.mktemp("blocks")
    (folder / "large").write_bytes(bytes(1000))
    arrays = [np.arange(3 * rows).reshape(rows, 3).astype(kind) for kind, rows in blocks]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MODNET_CACHE", str(folder / "cache"))
        patch.setattr(cached, "PROMOTED", 2)
        found, _ = arrays_of(folder / "large", "recipe", Converter(*arrays))
        patch.setattr(cached, "SMALL", 2000)
        in_memory, _ = arrays_of(folder / "large", "recipe", Converter(*arrays))
    expected = np.concatenate(arrays)
    for each in (found["x"], in_memory["x"]):
        assert (each.dtype, each.shape) == (expected.dtype, expected.shape)
        np.testing.assert_array_equal(each, expected)


@pytest.mark.parametrize("harm", ["garbage", "nothing"])
def test_of_several_at_once_one_converts_and_all_get_it(path, cache, harm):
    """They find nothing, or a damaged entry, at the same instant, again and again."""
    found, converted = list[Array](), list[str]()

    def damage() -> None:
        for entry in cache.glob("arrays/*"):
            HARM[harm](entry)

    begin = threading.Barrier(4, damage, timeout=10)

    def convert(put: Put) -> Facts:
        converted.append(threading.current_thread().name)
        put("x", np.arange(4))
        return {}

    def use() -> None:
        for _ in range(25):
            begin.wait()
            found.append(arrays_of(path, "recipe", convert)[0]["x"])

    with ThreadPoolExecutor() as pool:
        for each in [pool.submit(use) for _ in range(4)]:
            each.result()
    assert [each.tolist() for each in found] == [[0, 1, 2, 3]] * 100
    assert len(converted) == 25
    assert len(list((cache / "arrays").iterdir())) == 1


KILLED = """
import sys, time
from pathlib import Path
import numpy as np
from modnet import cached
def convert(put):
    put("x", np.ones((1000, 1000)))
    print("begun", flush=True)
    time.sleep(60)
cached.SMALL = 100
cached.arrays_of(Path(sys.argv[1]), "recipe", convert)
"""


def test_what_a_killed_process_left_is_reported_and_nobody_waits_for_it(path, cache):
    process = subprocess.Popen([sys.executable, "-c", KILLED, str(path)], stdout=subprocess.PIPE)
    assert process.stdout
    assert process.stdout.readline() == b"begun\n"
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    assert [(entry.what, entry.file) for entry in cache_entries()] == [("converted", "(unfinished)")]
    arrays_of(path, "another", Converter())
    assert [entry.file for entry in cache_entries()] == ["(unfinished)", str(path)]
    arrays_of(path, "recipe", Converter())
    assert [entry.file for entry in cache_entries()] == [str(path)] * 2
    assert len(list((cache / "arrays").iterdir())) == 2
    assert clear_cache() > 0
    assert not cache.exists()


def csv_file(folder: Path, rows: int) -> Path:
    pixels = np.random.default_rng(0).integers(0, 256, (rows, 20))
    with (folder / "pixels.csv").open("w") as file:
        for i, row in enumerate(pixels.tolist()):
            file.write(",".join(map(str, [*row, i % 3])) + "\n")
    return folder / "pixels.csv"


@pytest.mark.parametrize("settings", [{}, {"stratified": True}, {"test_fraction": 0.0}], ids=str)
def test_training_from_a_mapped_file_has_the_same_bits_as_from_memory(tmp_path, monkeypatch, settings):
    path = csv_file(tmp_path, 3000)
    digests = set()
    for small, mapped in ((10**9, 2**20), (1, 2**20), (1, 1)):
        monkeypatch.setattr(cached, "SMALL", small)
        monkeypatch.setattr(cached, "MAPPED", mapped)
        data = modnet.load(path, label="last", header=False, **settings)
        assert (find_mapping(data.train.table) is not None) == (mapped == 1)
        net = modnet.TwoLayerNet(20, 7, 3, seed=0)
        run = modnet.train(net, data, gradient="backpropagation", sampling="shuffle", iterations=120, seed=1)
        digests.add((hash_params(run.params), tuple(run.history.test_accuracy)))
    assert len(digests) == 1


LARGE = """
import sys
import modnet
data = modnet.load(sys.argv[1])
net = modnet.TwoLayerNet(784, 5, 2, seed=0)
run = modnet.train(net, data, gradient="backpropagation", batch_size=1000, iterations=5)
peak = open("/proc/self/status").read().partition("VmHWM:")[2].split()[0]  # without that of the process before exec
print(len(data.train), int(peak) // 1000)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="how large a process was is measured as Linux does")
def test_what_does_not_fit_into_memory_is_trained_on(tmp_path):
    rows, path = 300_000, tmp_path / "x.npy"
    with path.open("wb") as file:
        header = {"descr": "|u1", "fortran_order": False, "shape": (rows, 784)}
        np.lib.format.write_array_header_1_0(file, header)
        file.truncate(file.tell() + rows * 784)  # 235 MB of zeros, which take no place on the disk
    np.save(tmp_path / "t.npy", np.arange(rows) % 2)
    done = subprocess.run([sys.executable, "-c", LARGE, str(path)], capture_output=True, text=True, check=True)
    count, peak = map(int, done.stdout.split())
    assert count == 240_000
    assert peak < 225
    assert peak > 40


def test_kept_is_nothing_where_there_is_nothing(cache: Path) -> None:
    assert cache_entries() == []
    assert clear_cache() == 0
    assert not cache.exists()
