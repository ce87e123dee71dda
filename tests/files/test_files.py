"""Files, compressed or not, with progress, and atomic writes."""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from modnet import DataError, files
from modnet.errors import MissingExtraError
from modnet.files import created, digest, opened, read_bytes, reading, replacing, telling, write_atomically

TEXT = b"".join(b"%d,%d\n" % (i, i * i) for i in range(50_000))
SUFFIXES = ["", ".gz", ".bz2", ".xz", ".zst"]
each = pytest.mark.parametrize("suffix", SUFFIXES)


def write_text(path: Path) -> Path:
    with created(path) as file:
        file.write(TEXT)
    return path


@each
def test_what_is_written_as_the_name_says_reads_back(tmp_path, suffix):
    path = write_text(tmp_path / f"a.csv{suffix}")
    assert files.compression(path) == suffix
    assert (path.stat().st_size < len(TEXT)) == bool(suffix)
    assert read_bytes(path) == TEXT
    assert read_bytes(path, 10) == TEXT[:10]
    moved = path.rename(tmp_path / "without-suffix")  # the content says how it is compressed
    assert read_bytes(moved) == TEXT


@each
def test_the_same_content_is_the_same_file(tmp_path, suffix):
    assert write_text(tmp_path / f"a{suffix}").read_bytes() == write_text(tmp_path / f"b{suffix}").read_bytes()


@each
def test_how_far_a_file_is_read_is_reported(tmp_path, suffix):
    path = write_text(tmp_path / f"a{suffix}")
    told: list[tuple[Path, int, int]] = []
    with telling(lambda *how_far: told.append(how_far)), opened(path) as file:
        while file.read(10_000):
            pass
    assert told == sorted(told)
    assert told[-1] == (path, path.stat().st_size, path.stat().st_size)
    told.clear()
    with opened(path) as file:
        file.read()
    assert not told


@pytest.mark.parametrize("suffix", SUFFIXES[1:])
def test_a_cut_or_damaged_file_is_named(tmp_path, suffix):
    path = write_text(tmp_path / f"a{suffix}")
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(DataError, match=rf"a{suffix}: the compressed file is damaged or cut off: "):
        read_bytes(path)
    path.write_bytes(content[:200] + bytes(byte ^ 0xFF for byte in content[200:300]) + content[300:])
    with pytest.raises(DataError, match=r"the compressed file is damaged or cut off: "):
        read_bytes(path)


def test_a_bomb_is_not_unpacked_to_its_end(tmp_path, monkeypatch):
    monkeypatch.setattr(files.opening, "LIMIT", 2**21)
    for name, content in (("a.gz", gzip.compress(bytes(2**23))), ("a.bz2", bz2.compress(bytes(2**23)))):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(DataError, match="unpacks to more than 2 MiB; if that is meant, decompress it first"):
            read_bytes(tmp_path / name)


def test_what_can_be_wrong_with_a_path_is_reported_in_a_line(tmp_path):
    for path, words in ((tmp_path / "a", "no such file"), (tmp_path, "a folder, expected a file")):
        with pytest.raises(DataError, match=words):
            read_bytes(path)
    if hasattr(os, "mkfifo"):  # Windows has none
        os.mkfifo(tmp_path / "pipe")
        with pytest.raises(DataError, match="a device or a pipe, expected a file"):
            read_bytes(tmp_path / "pipe")
    with pytest.raises(DataError, match="does not fit into memory"), reading(tmp_path / "large"):
        raise MemoryError
    why = "bug: cannot be read: ZeroDivisionError: by none"
    with pytest.raises(DataError, match=why) as caught, reading(tmp_path / "bug"):
        raise ZeroDivisionError("by none")  # which may have nothing to do with the file, and keeps its traceback
    assert isinstance(caught.value.__cause__, ZeroDivisionError)
    for passes in (KeyboardInterrupt, SystemExit):
        with pytest.raises(passes), reading(tmp_path / "a"):
            raise passes


def test_without_its_extra_a_zst_file_names_it(tmp_path, monkeypatch):
    path = write_text(tmp_path / "a.csv.zst")
    monkeypatch.setitem(sys.modules, "backports.zstd", None)
    monkeypatch.setitem(sys.modules, "compression.zstd", None)
    with pytest.raises(
        MissingExtraError, match=r"a\.csv\.zst: a \.zst file needs .*pip install 'modnet-workbench\[zst\]'"
    ):
        read_bytes(path)


def test_the_first_bytes_of_anything(tmp_path):
    (tmp_path / "a.xz").write_bytes(lzma.compress(b"hello"))
    assert files.head_of(tmp_path / "a.xz", 3) == b"hel"
    (tmp_path / "b.gz").write_bytes(b"\x1f\x8b\x00rubbish")
    assert files.head_of(tmp_path / "b.gz", 3) == b"\x1f\x8b\x00"
    assert files.head_of(tmp_path, 3) == b""


def test_a_block_that_fails_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")

    def fails() -> None:
        with replacing(path) as new:
            new.write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fails()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_block_that_ends_well_takes_the_place_with_the_usual_mode(tmp_path):
    path = tmp_path / "a.txt"
    (tmp_path / "usual").write_text("")
    write_atomically(path, b"new")
    assert path.read_bytes() == b"new"
    assert path.stat().st_mode == (tmp_path / "usual").stat().st_mode
    assert stat.S_IMODE(path.stat().st_mode) & 0o400


def test_a_file_reaches_the_disk_by_a_descriptor_that_may_write(tmp_path, monkeypatch):
    """Windows refuses others."""
    fcntl, written = pytest.importorskip("fcntl"), []

    def fsync(descriptor: int) -> None:
        if stat.S_ISREG(os.fstat(descriptor).st_mode):
            assert fcntl.fcntl(descriptor, fcntl.F_GETFL) & (os.O_WRONLY | os.O_RDWR)
            written.append(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    write_atomically(tmp_path / "a", b"new")
    assert len(written) == 1
    assert (tmp_path / "a").read_bytes() == b"new"


def test_a_full_disk_leaves_nothing(tmp_path):
    pytest.importorskip("resource")
    code = "from pathlib import Path; from modnet.files import write_atomically; import resource, signal, sys;"
    code += "signal.signal(signal.SIGXFSZ, signal.SIG_IGN); resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000));"
    code += "write_atomically(Path(sys.argv[1]), bytes(5000))"
    command = [sys.executable, "-B", "-c", code, str(tmp_path / "a")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "File too large" in done.stderr
    assert not list(tmp_path.iterdir())


def test_a_digest_is_that_of_the_bytes_as_they_are(tmp_path, monkeypatch):
    monkeypatch.setenv("MODNET_CACHE", str(tmp_path / "cache"))
    path = tmp_path / "a"
    path.write_bytes(b"abc")
    assert digest(path) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    path.write_bytes(b"abd")
    assert digest(path) == "a52d159f262b2c6ddb724a61840befc36eb30c88877a4030b65cbe86298449c9"
    with pytest.raises(DataError, match="no such file"):
        digest(tmp_path / "missing")
