"""Locks exclude other threads and processes, end with their process, and leave nothing behind."""

from __future__ import annotations

import errno
import os
import re
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from modnet.files.locks import hold_lock

HOLD = """
import sys, time
from pathlib import Path
from modnet.files.locks import hold_lock
with hold_lock(Path(sys.argv[1])) as mine:
    print(mine, flush=True)
    time.sleep(60)
"""
COUNT = """
import sys
from pathlib import Path
from modnet.files.locks import hold_lock
count = Path(sys.argv[1]).with_name("count")
for _ in range(100):
    with hold_lock(Path(sys.argv[1]), wait=True):
        count.write_text(str(int(count.read_text()) + 1))
"""


def test_the_same_thread_does_not_get_it_twice(tmp_path: Path) -> None:
    path = tmp_path / ".lock"
    with hold_lock(path) as mine, hold_lock(path) as other:
        assert (mine, other) == (True, False)
        assert path.exists()
    assert not list(tmp_path.iterdir())
    with hold_lock(path) as mine:
        assert mine


def test_another_thread_waits_for_it(tmp_path: Path) -> None:
    path, order = tmp_path / ".lock", list[str]()

    def wait() -> None:
        with hold_lock(path, wait=True) as mine:
            order.append(f"second {mine}")

    with hold_lock(path):
        thread = threading.Thread(target=wait)
        thread.start()
        time.sleep(0.2)
        order.append("first")
    thread.join(10)
    assert order == ["first", "second True"]


def test_a_process_that_is_killed_holds_nobody_up(tmp_path: Path) -> None:
    path = tmp_path / ".lock"
    with subprocess.Popen([sys.executable, "-c", HOLD, str(path)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "True\n"
        with hold_lock(path) as mine:
            assert not mine
        process.kill()
    assert path.exists()
    with hold_lock(path) as mine:
        assert mine
    assert not list(tmp_path.iterdir())


def test_only_one_process_at_a_time_is_in_the_block(tmp_path: Path) -> None:
    """Though the file is removed each time, under the eyes of those who wait."""
    (tmp_path / "count").write_text("0")
    command = [sys.executable, "-c", COUNT, str(tmp_path / ".lock")]
    for process in [subprocess.Popen(command) for _ in range(3)]:
        assert process.wait(60) == 0
    assert (tmp_path / "count").read_text() == "300"


def test_a_lock_file_that_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for wait in (False, True):
        with pytest.raises(OSError, match="lock"), hold_lock(tmp_path / "file/.lock", wait=wait):
            pass


def test_a_file_system_that_cannot_lock_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that is there would not do instead: a process that is killed leaves it."""
    fcntl = pytest.importorskip("fcntl")

    def flock(*_: object) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(fcntl, "flock", flock)
    for code in (errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP):
        with pytest.raises(OSError, match=re.escape(os.strerror(code))), hold_lock(tmp_path / ".lock"):
            pass


@pytest.mark.parametrize("target", ["precious", "missing", "/dev/zero", ".lock"])
def test_a_link_in_place_of_the_lock_is_not_followed(tmp_path: Path, target: str) -> None:
    (tmp_path / "precious").write_text("text")
    path = tmp_path / ".lock"
    path.symlink_to(target)
    with pytest.raises(OSError, match=r"\.lock"):
        hold_lock(path).__enter__()
    assert path.is_symlink()
    assert (tmp_path / "precious").read_text() == "text"
    assert not (tmp_path / "missing").exists()


def test_a_folder_in_place_of_the_lock(tmp_path: Path) -> None:
    (tmp_path / ".lock").mkdir()
    with pytest.raises(OSError, match=r"\.lock"):
        hold_lock(tmp_path / ".lock").__enter__()
    assert (tmp_path / ".lock").exists()
