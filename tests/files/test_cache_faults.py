"""Damaged, forged, full and vanishing caches."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from modnet_data.cached import Facts, Put, arrays_of

from modnet import DataError, cached
from modnet.cli.data import cache_entries, clear_cache
from modnet.files.cache import digest, hash_file, read_note, write_note
from modnet.types import Array

X, T = np.arange(3000).reshape(300, 10) % 251, np.arange(300) % 3


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MODNET_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(cached, "SMALL", 100)
    monkeypatch.setattr(cached, "MAPPED", 5_000)  # x is mapped, t is read
    cached._warn_once.cache_clear()
    return tmp_path / "cache"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "large.txt"
    path.write_bytes(b"1" * 1000)
    return path


def convert(put: Put) -> Facts:
    put("x", X)
    put("t", T)
    return {"rows": 300}


def read(path: Path, recipe: str = "recipe") -> tuple[Array, Array]:
    arrays, facts = arrays_of(path, recipe, convert)
    np.testing.assert_array_equal(arrays["x"], X)
    np.testing.assert_array_equal(arrays["t"], T)
    assert facts == {"rows": 300}
    return arrays["x"], arrays["t"]


def entry_of(cache: Path) -> Path:
    (entry,) = (cache / "arrays").iterdir()
    return entry


def rest(folder: Path) -> None:
    """Have the files in a folder look old, so that their digests are remembered."""
    for file in folder.iterdir():
        os.utime(file, (1e9, 1e9))


def change(file: Path, content: bytes) -> None:
    """Write into a file, and hide it as well as one can: its size and its times look as before."""
    before = file.stat()
    with file.open("r+b") as out:
        out.truncate(len(content))
        out.write(content)
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))


def flip(content: bytes, at: int, bit: int) -> bytes:
    return content[:at] + bytes([content[at] ^ 1 << bit]) + content[at + 1 :]


@pytest.mark.parametrize("name", ["x.raw", "t.raw", "about.json"])
def test_a_flipped_bit_is_found_wherever_it_is(path: Path, cache: Path, name: str) -> None:
    draw = random.Random(0)  # noqa: S311 - anything will do
    for _ in range(40):
        read(path)
        rest(entry_of(cache))
        read(path)  # the digest of the mapped file is remembered now
        file = entry_of(cache) / name
        content = file.read_bytes()
        change(file, flip(content, draw.randrange(len(content)), draw.randrange(8)))
        read(path)
        assert file.read_bytes() == content


HARM: dict[str, Callable[[Path], object]] = {
    "cut": lambda file: change(file, file.read_bytes()[:-1]),
    "longer": lambda file: change(file, file.read_bytes() + b"0"),
    "empty": lambda file: change(file, b""),
    "zeros": lambda file: change(file, bytes(file.stat().st_size)),
    "pipe": lambda file: (file.unlink(), os.mkfifo(file)),
    "folder": lambda file: (file.unlink(), file.mkdir(), (file / "inside").touch()),
    "device": lambda file: (file.unlink(), file.symlink_to("/dev/zero")),
    "loop": lambda file: (file.unlink(), file.symlink_to(file.name)),
    "nested": lambda file: change(file, b"[" * 100_000),
}


@pytest.mark.parametrize("harm", HARM)
@pytest.mark.parametrize("name", ["x.raw", "t.raw", "about.json"])
def test_an_entry_of_which_a_file_is_damaged_is_made_anew(path: Path, cache: Path, name: str, harm: str) -> None:
    read(path)
    HARM[harm](entry_of(cache) / name)
    read(path)
    assert sorted(file.name for file in entry_of(cache).iterdir()) == ["about.json", "t.raw", "x.raw"]


@pytest.mark.parametrize("harm", ["pipe", "folder", "device", "loop", "file"])
def test_something_else_in_place_of_an_entry(path: Path, cache: Path, harm: str) -> None:
    read(path)
    entry = entry_of(cache)
    shutil.rmtree(entry)
    entry.touch()
    HARM.get(harm, lambda file: file)(entry)
    read(path)
    assert entry.is_dir()
    assert not entry.is_symlink()


def test_the_entry_of_another_file_or_recipe_is_not_taken(path: Path, cache: Path, tmp_path: Path) -> None:
    read(path)
    mine = entry_of(cache)
    other = tmp_path / "other.txt"
    other.write_bytes(b"2" * 1000)
    for file, recipe in ((other, "recipe"), (path, "another")):
        arrays_of(file, recipe, lambda put: put("x", np.zeros(9)) or {})
        (theirs,) = set((cache / "arrays").iterdir()) - {mine}
        shutil.rmtree(mine)
        theirs.rename(mine)
        read(path)
        shutil.rmtree(theirs, ignore_errors=True)


def test_arrays_that_are_swapped_within_an_entry_are_found(path: Path, cache: Path) -> None:
    read(path)
    first, second = entry_of(cache) / "x.raw", entry_of(cache) / "t.raw"
    first.rename(cache / "x"), second.rename(first), (cache / "x").rename(second)
    read(path)


def test_an_entry_of_an_older_version_is_made_anew(path: Path, cache: Path) -> None:
    read(path)
    about = entry_of(cache) / "about.json"
    about.write_bytes(about.read_bytes().partition(b"\n")[2])
    read(path)
    assert read_note(about)["facts"] == {"rows": 300}


def test_a_remembered_digest_that_is_damaged_is_taken_again(path: Path, cache: Path) -> None:
    os.utime(path, (1e9, 1e9))
    right = digest(path)
    (note,) = (cache / "digests").iterdir()
    content = note.read_bytes()
    for at in range(0, len(content), 7):
        note.write_bytes(flip(content, at, 0))
        assert digest(path) == right


def test_a_note_is_what_was_written_or_nothing(tmp_path: Path) -> None:
    note = tmp_path / "note"
    assert read_note(note) is None
    write_note(note, {"a": [1, None]})
    assert read_note(note) == {"a": [1, None]}
    for content in (b"", b"[1]", b"\n[1]", b"[" * 100_000):
        note.write_bytes(content)
        assert read_note(note) is None


NO_FOLDER: dict[str, Callable[[Path], object]] = {
    "a file": lambda folder: folder.write_text("text"),
    "a link to itself": lambda folder: folder.symlink_to(folder.name),
    "a link to nothing": lambda folder: folder.symlink_to("nothing/at/all"),
    "a link to a device": lambda folder: folder.symlink_to("/dev/null"),
    "a pipe": lambda folder: os.mkfifo(folder),
}


@pytest.mark.parametrize("what", NO_FOLDER)
@pytest.mark.parametrize("inside", ["", "arrays", "digests"])
def test_what_is_no_folder_is_done_without(path: Path, cache: Path, what: str, inside: str, recwarn) -> None:
    (cache / inside).parent.mkdir(exist_ok=True)
    NO_FOLDER[what](cache / inside)
    os.utime(path, (1e9, 1e9))
    read(path)
    read(path, "another")
    words = [str(warning.message) for warning in recwarn.list]
    assert len(words) == (inside != "digests")
    assert all("files are read into memory; set MODNET_CACHE to another folder" in text for text in words)
    assert len(cache_entries()) == (2 if inside == "digests" else 0)


@pytest.mark.skipif(getattr(os, "getuid", int)() == 0, reason="the superuser may write anywhere")
def test_a_cache_that_may_not_be_written(path: Path, cache: Path) -> None:
    read(path)
    for folder in (cache / "arrays", cache):
        folder.chmod(0o500)
    read(path)
    with pytest.warns(UserWarning, match="the cache folder cannot be written"):
        read(path, "another")


@pytest.mark.parametrize("harm", ["garbage", "nothing"])
def test_a_cache_that_may_be_read_alone(path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch, harm: str) -> None:
    """Simulated, as the superuser may write anywhere."""
    read(path)

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("os.mkdir", refuse)
    monkeypatch.setattr(Path, "touch", refuse)
    read(path)
    if harm == "garbage":
        change(entry_of(cache) / "x.raw", b"garbage")
    with pytest.warns(UserWarning, match=r"cannot be written \(Permission denied\)"):
        read(path, "another" if harm == "nothing" else "recipe")


def test_a_cache_that_vanishes_while_it_is_written(path: Path, cache: Path) -> None:
    def vanish(put: Put) -> Facts:
        facts = convert(put)
        shutil.rmtree(cache, ignore_errors=True)
        return facts

    with pytest.warns(UserWarning, match="the cache folder cannot be written"):
        arrays, _ = arrays_of(path, "recipe", vanish)
    np.testing.assert_array_equal(arrays["x"], X)


def test_arrays_stay_when_their_entry_is_removed(path: Path, cache: Path) -> None:
    read(path)
    x, t = read(path)
    clear_cache()
    assert not cache.exists()
    np.testing.assert_array_equal(x, X)
    np.testing.assert_array_equal(t, T)


def test_what_is_wrong_with_the_file_is_no_fault_of_the_cache(path: Path, recwarn) -> None:
    def fail(put: Put) -> Facts:
        put("x", X)
        raise FileNotFoundError(2, "No such file or directory", "source")

    with pytest.raises(FileNotFoundError):
        arrays_of(path, "recipe", fail)
    assert not recwarn.list


def test_all_is_on_the_disk_before_the_entry_takes_its_place(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    order = list[str]()
    fsync, rename = os.fsync, Path.rename

    def note_fsync(descriptor: int) -> None:
        order.append(Path(f"/proc/self/fd/{descriptor}").readlink().name)
        fsync(descriptor)

    def note_rename(old: Path, new: Path) -> Path:
        order.append("renamed")
        return rename(old, new)

    monkeypatch.setattr("os.fsync", note_fsync)
    monkeypatch.setattr(Path, "rename", note_rename)
    read(path)
    before, after = order[: order.index("renamed")], order[order.index("renamed") + 1 :]
    assert {"x.raw", "t.raw"} <= {*before}
    assert any(name.startswith(".about.json.") for name in before)
    assert before[-1].endswith(cached.NEW)
    assert after == ["arrays"]


LIMITED = """
import resource, signal, sys
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
limit = int(sys.argv[1])
from modnet.cli.main import main
if limit >= 0:
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
sys.argv[1:] = sys.argv[2:]
main()
"""


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a CSV file of more than 4 MiB."""
    path = tmp_path_factory.mktemp("large") / "large.csv"
    rows = np.random.default_rng(0).random((1_100, 200)).tolist()  # few cells of many digits
    path.write_text("".join(",".join(map(str, row)) + f",{i % 2}\n" for i, row in enumerate(rows)))
    assert path.stat().st_size > 2**22
    os.utime(path, (1e9, 1e9))
    return path


@pytest.mark.parametrize("limit", [10_000, *(pytest.param(n, marks=pytest.mark.check) for n in (0, 100, 1_000_000))])
def test_a_full_disk_fails_no_command(large: Path, cache: Path, limit: int) -> None:
    """Files that may not grow fail as a full disk does: at whatever byte."""
    command = ["data", "show", str(large), "--json", "--set", "header=false", "--set", "label=last"]

    def show(limit: int) -> subprocess.CompletedProcess[str]:
        return subprocess.run([sys.executable, "-c", LIMITED, str(limit), *command], capture_output=True, text=True)

    done, known = show(limit), show(-1)
    assert known.returncode == 0
    assert known.stderr == ""
    assert (done.returncode, done.stdout) == (0, known.stdout)
    assert done.stderr.count("\n") == 1
    assert "the cache folder cannot be written (File too large): files are read into memory" in done.stderr
    assert [entry.what for entry in cache_entries()] == ["converted"]


def test_processes_that_convert_at_once_all_get_it(large: Path, cache: Path) -> None:
    settings = ["--set", "header=false", "--set", "label=last"]
    command = [sys.executable, "-m", "modnet", "data", "show", str(large), "--json", *settings]
    started = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(3)]
    answers = [process.communicate(timeout=60) for process in started]
    assert len(set(answers)) == 1
    assert answers[0][1] == b""
    assert [path.suffix for path in (cache / "arrays").iterdir()] == [""]


def test_a_folder_that_cannot_be_removed_is_reported(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read(path)
    monkeypatch.setattr("modnet.cli.data.remove", lambda path: None)
    with pytest.raises(DataError, match=r"arrays: cannot be removed: remove it by hand, or set MODNET_CACHE"):
        clear_cache()


@pytest.mark.parametrize("arrays", [[], 3, "x", {"x": 3}, {"../x": ""}])
def test_an_entry_that_somebody_else_prepared_is_made_anew(tmp_path: Path, arrays: object) -> None:
    write_note(tmp_path / "about.json", {"recipe": "r", "arrays": arrays, "facts": {}})
    assert cached._read_entry(tmp_path, {"recipe": "r"}) is None


def test_an_entry_of_objects_is_made_anew(tmp_path: Path) -> None:
    """Its bytes would be taken for addresses."""
    (tmp_path / "x.raw").write_bytes(bytes(8))
    stored = {"sha256": hash_file(tmp_path / "x.raw"), "dtype": "O", "shape": [1]}
    write_note(tmp_path / "about.json", {"recipe": "r", "arrays": {"x": stored}, "facts": {}})
    assert cached._read_entry(tmp_path, {"recipe": "r"}) is None
