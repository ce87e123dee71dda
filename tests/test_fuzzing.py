"""The harness of the fuzzers finds what it is to find."""

from __future__ import annotations

import os
import signal
import time
import warnings
from pathlib import Path

from fuzzing import feed

import modnet

WRONG = {
    b"dies": "died with status -11",
    b"hangs": "hangs for more than 1 s",
    b"raises": "ZeroDivisionError",
    b"warns": "UserWarning",
    b"swells": "MiB of memory",
    b"escapes": "a message of 8 characters",
    b"exits": "SystemExit",
}


def judge(path: Path) -> str:
    """Do what the file says."""
    content = path.read_bytes()
    if content == b"dies":
        os.kill(os.getpid(), signal.SIGSEGV)
    elif content == b"hangs":
        time.sleep(60)
    elif content == b"raises":
        raise ZeroDivisionError
    elif content == b"warns":
        warnings.warn("odd", stacklevel=1)
    elif content == b"swells":
        return str(len(bytearray(b"x") * 2**27))[:0] or "read"
    elif content == b"escapes":
        raise modnet.ModnetError("escape \x1b")
    elif content == b"exits":
        raise SystemExit
    elif content == b"refused":
        raise modnet.DataError("not good")
    return "read"


def test_whatever_goes_wrong_is_a_fault_and_the_next_file_is_judged(tmp_path: Path) -> None:
    contents = [b"good", *WRONG, b"refused", b"good"]
    files = [(f"{i}.bin", content) for i, content in enumerate(contents)]
    counts, faults = feed("test_fuzzing:judge", files, tmp_path, seconds=1, memory=2**26)
    assert counts == {"read": 2, "refused": 1, "fault": len(WRONG)}
    for fault, (content, words) in zip(faults, WRONG.items(), strict=True):
        assert words in fault.what
        assert fault.file.read_bytes() == content
    assert {*tmp_path.iterdir()} == {fault.file for fault in faults}
