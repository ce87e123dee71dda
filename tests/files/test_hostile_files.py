"""Hostile files: devices, endless files, bombs."""

from __future__ import annotations

import io
import os
import signal
import socket
import tracemalloc
import zipfile
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest

from modnet import DataError
from modnet.files.arrays import unpack_array, unpack_arrays
from modnet.files.cache import digest, hash_file
from modnet.files.opening import read_json, read_plain
from modnet.nn.checkpoint import Checkpoints, load_params
from modnet.runs.contents import read_history

READERS: dict[str, Callable[[Path], object]] = {
    "bytes": read_plain,
    "JSON": read_json,
    "digest": hash_file,
    "remembered digest": digest,
    "parameters": load_params,
    "history": read_history,
}


def make_socket(path: Path) -> None:
    os.chdir(path.parent)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(path.name)


KINDS: dict[str, Callable[[Path], object]] = {
    "pipe": lambda path: os.mkfifo(path),
    "socket": make_socket,
    "folder": os.mkdir,
    "link to a device that never ends": lambda path: path.symlink_to("/dev/zero"),
    "link to a terminal": lambda path: path.symlink_to("/dev/tty"),
    "link to itself": lambda path: path.symlink_to(path.name),
    "link to nothing": lambda path: path.symlink_to("nothing"),
    "nothing": lambda path: None,
}


@pytest.fixture(autouse=True)
def _hangs_fail(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("MODNET_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    # Without it, a test that waits for a pipe never ends.
    before = signal.signal(signal.SIGALRM, _give_up)
    signal.alarm(20)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


def _give_up(*_: object) -> None:
    raise TimeoutError


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("reader", READERS)
def test_what_is_no_file_is_refused_and_not_waited_for(tmp_path: Path, kind: str, reader: str) -> None:
    path = tmp_path / "file"
    KINDS[kind](path)
    with pytest.raises(DataError, match="file"):
        READERS[reader](path)


@pytest.mark.parametrize("reader", sorted(set(READERS) - {"remembered digest"}))
def test_a_file_larger_than_any_of_a_run_is_not_read(tmp_path: Path, reader: str) -> None:
    path = tmp_path / "file"
    with path.open("wb") as file:
        file.truncate(2**40)  # which take no place on the disk
    with pytest.raises(DataError, match=r"file: more than [\d,]+ MiB"):
        READERS[reader](path)


@pytest.mark.skipif(not Path("/proc/self/pagemap").exists(), reason="a file of Linux")
@pytest.mark.parametrize("name", ["pagemap", "mem"])
def test_a_file_of_the_system_that_never_ends_is_as_long_as_it_says(name: str) -> None:
    assert read_plain(Path("/proc/self", name)) == b""
    assert hash_file(Path("/proc/self", name)).startswith("e3b0c442")


def test_a_link_to_a_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "there").write_text("[1]")
    (tmp_path / "link").symlink_to("there")
    assert read_plain(tmp_path / "link") == b"[1]"


def npy(shape: tuple[int, ...], dtype: str, data: bytes = b"") -> bytes:
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(file, {"descr": dtype, "fortran_order": False, "shape": shape})
    return file.getvalue() + data


DECLARED = {
    "more than is there": npy((2**33,), "<f8", bytes(8)),
    "less than is there": npy((1,), "<f8", bytes(16)),
    "elements of no size": npy((2**40,), "|V0"),
    "empty rows without end": npy((2**40, 0), "<f8"),
    "sides below nothing": npy((-1, -1), "<f8", bytes(8)),
    "objects": npy((1,), "|O", bytes(8)),
    "no header": b"\x93NUMPY\x01\x00\xff\xff",
    "nothing": b"",
}


@pytest.mark.parametrize("what", DECLARED)
def test_an_array_is_as_long_as_it_says(what: str) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match=r"declared|header|magic|EOF|unknown dimension|Object arrays"):
            unpack_array(DECLARED[what])
        assert tracemalloc.get_traced_memory()[1] < 2**20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    "array", [np.arange(6.0).reshape(2, 3), np.asfortranarray(np.eye(3)), np.array("x"), np.empty((0, 784))]
)
def test_what_numpy_writes_is_read_back(array: np.ndarray) -> None:
    one, several = io.BytesIO(), io.BytesIO()
    np.save(one, array)
    np.savez(several, array=array, again=array)
    for found in (unpack_array(one.getvalue()), *unpack_arrays(several.getvalue()).values()):
        np.testing.assert_array_equal(found, array)
        assert found.dtype == array.dtype


def make_compressed() -> bytes:
    """Return a small archive of parameters that unpack to 200 MB."""
    out = io.BytesIO()
    np.savez_compressed(out, W1=np.zeros((5_000, 5_000)), about=np.array("{}"))
    return out.getvalue()


def make_overlapping() -> bytes:
    """Return an archive that lists one member a thousand times: each list entry points to the same bytes."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("W1.npy", npy((100_000,), "<f8", bytes(800_000)))
        info = archive.infolist()[0]
        archive.filelist += [info] * 999
    return out.getvalue()


def test_a_checkpoint_takes_no_more_memory_than_it_is_long(tmp_path: Path) -> None:
    content = make_compressed()[:-2] + (64).to_bytes(2, "little")
    (tmp_path / "checkpoint.npz").write_bytes(content + sha256(content).hexdigest().encode())
    tracemalloc.start()
    try:
        with pytest.raises(DataError, match="its arrays are larger than the file"):
            Checkpoints(tmp_path).load()
        assert tracemalloc.get_traced_memory()[1] < 2**23
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("make", [make_compressed, make_overlapping])
def test_an_archive_takes_no_more_memory_than_it_is_long(tmp_path: Path, make: Callable[[], bytes]) -> None:
    path = tmp_path / "params.npz"
    path.write_bytes(make())
    tracemalloc.start()
    try:
        with pytest.raises(DataError, match=r"damaged \(its arrays are larger than the file"):
            load_params(path)
        assert tracemalloc.get_traced_memory()[1] < 2**23
    finally:
        tracemalloc.stop()
