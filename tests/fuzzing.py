"""Damaged files, judged by a child process that may die or hang.

A fuzzer is a file tests/fuzz/test_fuzz_KIND.py with the marker `check`: `judge(path) -> str` reads a file, `make(draw)`
returns a name and a content, and the test asserts that there are no faults in
`feed("test_fuzz_KIND:judge", make_files(5000, 0, make), tmp_path)`.
"""

from __future__ import annotations

import importlib
import io
import json
import os
import random
import select
import subprocess
import sys
import traceback
import warnings
import zipfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Self

import attrs

import modnet

TESTS = Path(__file__).parent
SECONDS = 20.0
MEMORY = 2**30
"""Bytes that the child may grow by over one file."""

File = tuple[str, bytes]
"""A name and a content."""

EXTREMES = [b"\xff" * 4, b"\xff\xff\xff\x7f", b"\0\0\0\x80", b"\xff" * 8, b"\0" * 8, b"\0\0\0\0\1\0\0\0"]


RUN_TOKENS = [
    *[b"{", b"}", b"[", b"]", b'"', b",", b":", b"null", b"NaN", b"-1", b"1e400", b"9" * 30, b"[" * 3000, b"\n", b"\0"],
    *[b"../../x", b"/dev/zero", b"softmax", b"[5]", b"true", b"\\u001b", b"\x1b[31m", b"finished", b"diverged", b"<f8"],
]
"""Pieces of the files of runs, and pieces that should not be in them."""


@attrs.frozen
class Fault:
    """A file that was neither read nor refused in words, kept for whoever mends it."""

    file: Path
    what: str


def mutate(draw: random.Random, content: bytes, others: Sequence[bytes] = (), tokens: Sequence[bytes] = ()) -> bytes:
    """Return a content with one to five changes: bytes, `tokens`, cuts, repeats, pieces of others, extreme numbers."""
    text = bytearray(content)
    for _ in range(draw.choice([1, 1, 1, 2, 5])):
        at, what = draw.randrange(len(text) or 1), draw.random()
        if what < 0.25:
            text[at : at + 1] = bytes([draw.randrange(256)])
        elif what < 0.35 and at < len(text):
            text[at] ^= 1 << draw.randrange(8)
        elif what < 0.6 and tokens:
            text[at : at + draw.choice([0, 1, 1, 4])] = draw.choice(tokens)
        elif what < 0.7:
            text[at:at] = draw.randbytes(draw.choice([1, 1, 4]))
        elif what < 0.8:
            del text[at : at + draw.choice([1, 2, 8, 64])]
        elif what < 0.9:
            piece = draw.choice([*others, content])
            start = draw.randrange(len(piece) or 1)
            text[at:at] = piece[start : start + draw.choice([1, 5, 40, 400])]
        elif what < 0.97:
            extreme = draw.choice(EXTREMES)
            text[at : at + len(extreme)] = extreme
        else:
            del text[at:]
    return bytes(text)


def change_member(draw: random.Random, content: bytes) -> bytes:
    """Return an archive in which one array is changed; its checksums are right."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = {info.filename: archive.read(info) for info in archive.infolist()}
    chosen = draw.choice([*members])
    members[chosen] = mutate(draw, members[chosen], tokens=RUN_TOKENS)
    if draw.random() < 0.1:
        del members[chosen]
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, member in members.items():
            archive.writestr(name, member)
    return out.getvalue()


def seal(content: bytes) -> bytes:
    """Return an archive with its digest as the comment, as a checkpoint has it."""
    sealed = content[:-2] + (64).to_bytes(2, "little")
    return sealed + sha256(sealed).hexdigest().encode()


def feed(
    judge: str, files: Iterable[File], folder: Path, *, seconds: float = SECONDS, memory: int = MEMORY
) -> tuple[Counter[str], list[Fault]]:
    """Write each file (name, content) into `folder`, and let a child process judge it.

    `judge` is "module:function" of a file in tests/fuzz. The function takes the path; where it returns, its text is
    counted; where it raises an error of modnet in printable words, "refused" is. Anything else is a fault: another
    exception, a warning, death, more than `seconds`, more than `memory` bytes. Returns the counts and the faults.
    """
    counts, faults = Counter[str](), list[Fault]()
    with _Child(judge, folder) as child:
        for name, content in files:
            path = folder / name
            path.write_bytes(content)
            verdict, what = child.judge(path, seconds, memory)
            counts[verdict] += 1
            if verdict == "fault":
                kept = folder / f"fault-{len(faults)}-{name}"
                path.rename(kept)
                faults.append(Fault(kept, what))
            else:
                path.unlink()
    return counts, faults


class _Child:
    """A process that judges files, begun anew when it has died or is stuck."""

    def __init__(self, judge: str, folder: Path) -> None:
        self._judge, self._folder = judge, folder
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stop()

    def judge(self, path: Path, seconds: float, memory: int) -> tuple[str, str]:
        process = self._process = self._process or self._start()
        assert process.stdin
        assert process.stdout
        process.stdin.write(f"{json.dumps(str(path))}\n".encode())
        process.stdin.flush()
        if not select.select([process.stdout], [], [], seconds)[0]:
            self._stop()
            return "fault", f"hangs for more than {seconds:g} s"
        line = process.stdout.readline()
        if not line:
            status = process.wait()
            self._stop()
            return "fault", f"the process died with status {status}"
        verdict, what, grown = json.loads(line)
        if grown > memory:
            self._stop()
            return "fault", f"takes {grown / 2**20:,.0f} MiB of memory"
        return verdict, what

    def _start(self) -> subprocess.Popen[bytes]:
        path = os.pathsep.join(map(str, (TESTS, TESTS / "fuzz", TESTS / "plugins")))
        return subprocess.Popen(
            [sys.executable, __file__, self._judge], cwd=self._folder, env={**os.environ, "PYTHONPATH": path},
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip

    def _stop(self) -> None:
        if self._process:
            self._process.kill()
            self._process.communicate()
            self._process = None


def _peak() -> int:
    """Return the most memory that this process has taken, in bytes; what its parent had does not count."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024


def _verdict(judge: Callable[[Path], str], path: Path) -> tuple[str, str]:
    try:
        return judge(path), ""
    except modnet.ModnetError as error:
        text = str(error)
        odd = not all(line.isprintable() for line in text.split("\n"))
        if odd or len(text) > 2000 or text.count("\n") > 3:
            return "fault", f"a message of {len(text)} characters, {text.count(chr(10)) + 1} lines: {text[:300]!r}"
        return "refused", text
    except BaseException:
        return "fault", traceback.format_exc()


def _serve(judge: str) -> None:
    warnings.simplefilter("error")
    module, _, name = judge.partition(":")
    function: Callable[[Path], str] = getattr(importlib.import_module(module), name)
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what native code prints is not taken for an answer
    for line in sys.stdin:
        before = _peak()
        verdict, what = _verdict(function, Path(json.loads(line)))
        print(json.dumps([verdict, what, _peak() - before]), file=out, flush=True)


def make_files(
    count: int, seed: int, make: Callable[[random.Random], tuple[str, bytes]]
) -> Iterator[tuple[str, bytes]]:
    """Yield so many files that `make` draws, each from a seed of its own: one can be made again alone."""
    for i in range(count):
        yield make(random.Random(f"{seed} {i}"))  # noqa: S311 - nothing is secret here


if __name__ == "__main__":
    _serve(sys.argv[1])
