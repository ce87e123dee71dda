"""Damaged Parquet and Arrow files, and the process that reads them."""

from __future__ import annotations

import io
import multiprocessing
import os
import re
import signal
import struct
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.feather
import pytest
from modnet_data.parquet import table
from processes import wait_until

import modnet
from modnet import DataError

ROWS = 23
NUMBERS = np.arange(ROWS) * 1.5
WORDS = [*(["oak", "ash"] * 11), "oak"]
TABLE = pa.table({"a": NUMBERS, "label": WORDS})


def parquet(**options: Any) -> bytes:
    file = io.BytesIO()
    pa.parquet.write_table(TABLE, file, compression="none", **options)
    return file.getvalue()


def arrow(label: Any = WORDS) -> bytes:
    file = io.BytesIO()
    pa.feather.write_feather(pa.table({"a": NUMBERS, "label": label}), file, compression="uncompressed")
    return file.getvalue()


def replace(content: bytes, old: bytes, new: bytes) -> bytes:
    assert old in content
    return content.replace(old, new, 1)


OFFSETS = np.array([0, 3, 6, 9, 12], "<i4").tobytes()
INDICES = np.array([0, 1, 0, 1, 0, 1], "<i4").tobytes()
DAMAGED = {
    "text that begins behind its end": replace(arrow(), OFFSETS, np.array([0, 3, 1_000_000, 9, 12], "<i4").tobytes()),
    "text of negative length": replace(arrow(), OFFSETS, np.array([0, 3, -6, 9, 12], "<i4").tobytes()),
    "text that is not UTF-8": replace(arrow(), b"oakash", b"oak\xff\xffh"),
    "an index behind the dictionary": replace(
        arrow(pa.array(WORDS).dictionary_encode()), INDICES, np.array([0, 10**9, 0, 1, 0, 1], "<i4").tobytes()
    ),
    "a negative index": replace(
        arrow(pa.array(WORDS).dictionary_encode()), INDICES, np.array([0, -7, 0, 1, 0, 1], "<i4").tobytes()
    ),
    "a negative number of values": replace(arrow(), struct.pack("<qq", ROWS, 0), struct.pack("<qq", -ROWS, 0)),
    "more values than there are": replace(arrow(), struct.pack("<qq", ROWS, 0), struct.pack("<qq", 10**9, 0)),
    "a bit under a checksum": replace(
        parquet(use_dictionary=False, write_page_checksum=True), NUMBERS[3:5].tobytes(), NUMBERS[4:6].tobytes()
    ),
    "an end that is cut off": parquet()[:-9],
    "no end": arrow()[:-100],
    "nothing": b"",
}


def check_refused(path: Path, **settings: Any) -> str:
    with pytest.raises(DataError) as caught:
        modnet.load(path, source="parquet", test_fraction=0, **settings)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert message.isprintable()
    return message


@pytest.mark.parametrize("content", DAMAGED.values(), ids=DAMAGED)
def test_damaged_files_are_refused(tmp_path, content):
    path = tmp_path / "a"
    path.write_bytes(content)
    check_refused(path)


def test_a_wrong_count_of_rows_changes_no_value(tmp_path):
    content = parquet(use_dictionary=False)
    path, count = tmp_path / "a.parquet", b"\x16" + bytes([2 * ROWS])  # as Thrift writes a whole number
    places = [i for i in range(len(content)) if content.startswith(count, i)]
    assert len(places) >= 4  # of the file, of its row group, of both columns
    refusals = 0
    for place in places:
        for other in (ROWS - 1, ROWS + 1, -ROWS):
            path.write_bytes(
                content[: place + 1] + bytes([2 * other if other > 0 else -2 * other - 1]) + content[place + 2 :]
            )
            try:
                found = modnet.load(path, test_fraction=0, scale=1)
            except DataError:
                refusals += 1
            else:
                np.testing.assert_array_equal(found.train.x[:, 0], NUMBERS)
    assert refusals == 3 * len(places)


def test_other_formats_of_the_family_are_named(tmp_path):
    path, out = tmp_path / "a.feather", io.BytesIO()
    with pa.ipc.new_stream(out, TABLE.schema) as stream:
        stream.write_table(TABLE)
    path.write_bytes(out.getvalue())
    assert "an Arrow stream, expected a Parquet or an Arrow file: save it as Parquet or Feather" in check_refused(path)
    path.write_bytes(b"FEA1" + bytes(50))
    assert "Feather of version 1, expected" in check_refused(path)
    path.write_bytes(b"\x1f\x8b" + bytes(50))
    assert "compressed as a whole (.gz): decompress it first" in check_refused(path)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "a.parquet"
    path.write_bytes(parquet())
    return path


PROGRAM = """
import os, sys, time

def send(message, arrays=b""):
    sys.stdout.buffer.write(len(message).to_bytes(8, "little") + message + arrays)
    sys.stdout.buffer.flush()

{}
"""
READY = "send(b'{}')"
COLUMNS = '{"columns": [["a", "double", "<f8"], ["label", "string", "text"]], "rows": 3}'
HEADER = f"{READY}; send(b'{COLUMNS}'); sys.stdin.readline()"
BLOCK = '"words": [[], ["x"]]}'


@pytest.mark.parametrize(
    ("program", "words"),
    [
        ("", r"in a process of their own, which cannot be started: .* ends at once \(exit status 0\)$"),
        ("sys.exit(3)", r"cannot be started: .* \(exit status 3\)$"),
        (f"{READY}; os.kill(os.getpid(), 11)", r"damaged: the library that reads it crashed \(signal 11, Segmentation"),
        (f"{READY}; os.kill(os.getpid(), 9)", "the process that reads it was killed; memory may have run out$"),
        (f"{READY}; sys.exit(3)", r"damaged: the process that reads it ended \(exit status 3\)$"),
        (f"{READY}; {READY}", "damaged: the process that reads it answers nonsense$"),
        (f"{READY}; send(b'[' * 100_000)", "answers nonsense$"),
        (f"{READY}; sys.stdout.buffer.write(b'x' * 99)", "answers nonsense$"),
        (f"""{READY}; send(b'{{"columns": [["a", "object", "|O"]], "rows": 3}}')""", "answers nonsense$"),
        (f"{HEADER}; send(b'{{}}')", "answers nonsense$"),
        (
            f"""{HEADER}; send(b'{{"rows": 1, "lacking": [0, 0], {BLOCK}', bytes(8) + b"aaaa")""",
            "answers nonsense$",
        ),
        (
            f"""{HEADER}; send(b'{{"rows": 1, "lacking": [1, 0], {BLOCK}', bytes(8) + b"a" + bytes(4))""",
            "answers nonsense$",
        ),
        (f"""{HEADER}; send(b'{{"rows": 100000000000, "lacking": [0, 0], {BLOCK}')""", "answers nonsense$"),
        (f"""{READY}; send(b'{{"error": "\\u001b[31mred"}}')""", r"cannot be read as a Parquet file: \?\[31mred$"),
    ],
)
def test_whatever_the_process_does_is_one_error(path, tmp_path, monkeypatch, program, words):
    reader = tmp_path / "reader.py"
    reader.write_text(PROGRAM.format(program))
    monkeypatch.setattr(table, "READER", reader)
    assert re.search(words, check_refused(path))


def test_a_process_that_does_not_come_to_an_end_is_ended(path, tmp_path, monkeypatch):
    reader = tmp_path / "reader.py"
    reader.write_text(PROGRAM.format(f"{READY}; time.sleep(60)"))
    monkeypatch.setattr(table, "READER", reader)
    monkeypatch.setattr(table, "PATIENCE", -9)
    assert check_refused(path).endswith("damaged: the library that reads it does not come to an end")


def test_a_program_that_does_not_answer_is_no_damage_of_the_file(path, tmp_path, monkeypatch):
    reader = tmp_path / "reader.py"
    reader.write_text("import time; time.sleep(60)")
    monkeypatch.setattr(table, "READER", reader)
    monkeypatch.setattr(table, "START", 0.5)
    assert re.search("which cannot be started: .* does not answer$", check_refused(path))


def test_time_of_computing_is_limited(path, tmp_path, monkeypatch):
    limited = replace(
        table.READER.read_bytes(), b"fields, rows, batches =", b"while True: pass\n    fields, rows, batches ="
    )
    reader = tmp_path / "reader.py"
    reader.write_bytes(limited)
    monkeypatch.setattr(table, "READER", reader)
    monkeypatch.setattr(table, "SECONDS", 0)
    assert check_refused(path).endswith("damaged: the library that reads it does not come to an end")


@pytest.mark.skipif(sys.platform != "linux", reason="other systems limit no memory")
def test_memory_is_limited(tmp_path, monkeypatch):
    path = tmp_path / "a.feather"
    pa.feather.write_feather(pa.table({"a": np.zeros(2**24), "label": np.zeros(2**24)}), str(path), chunksize=2**24)
    monkeypatch.setattr(table, "MEMORY", 2**26)
    assert "takes more than 7" in (message := check_refused(path))
    assert message.endswith(" MB of memory to read: damaged, or to be saved in smaller row groups or record batches")


def test_a_process_that_cannot_be_started_is_one_error(path, monkeypatch):
    monkeypatch.setattr(sys, "executable", str(path))
    assert "cannot be started: Permission denied" in check_refused(path)
    monkeypatch.setattr(sys, "executable", None)
    assert check_refused(path).endswith(
        "read in a process of their own, which cannot be started: this program is no Python"
    )


@pytest.mark.skipif(sys.platform != "linux", reason="other systems take no such names")
@pytest.mark.parametrize("locale", ["C", "C.UTF-8", "en_US.ISO-8859-1"])
def test_a_name_of_any_bytes(path, tmp_path, locale):
    named = tmp_path / os.fsdecode("붓꽃 \xe9".encode() + b"\xff\n.parquet")
    path.rename(named)
    program = "import sys, modnet; print(modnet.load(sys.argv[1]).classes)"
    process = python(program, named, env={**os.environ, "LC_ALL": locale, "PYTHONUTF8": "0"})
    assert process.communicate(timeout=60)[0] == "('ash', 'oak')\n"


def test_threads_and_workers_read_too(path):
    found = []
    threads = [threading.Thread(target=lambda: found.append(modnet.load(path))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 3
    with multiprocessing.get_context("spawn").Pool(1) as pool:  # whose workers may have no processes of its own kind
        assert pool.apply(modnet.load, [path]).classes == ("ash", "oak")


def python(program: str, path: Path, **options: Any) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", program, str(path)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options
    )


def test_the_parent_never_loads_pyarrow_and_nobody_a_module_of_the_users(path, tmp_path):
    for name in ("pyarrow", "pandas"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('imported')")
    program = "import sys, modnet; print(modnet.load(sys.argv[1]).classes, 'pyarrow' in sys.modules)"
    process = python(program, path, cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(tmp_path)})
    assert process.communicate(timeout=60) == ("('ash', 'oak') False\n", "")
    process = python(program.replace("load", "source('parquet').read"), path, cwd=tmp_path)
    assert process.communicate(timeout=60) == ("('ash', 'oak') False\n", "")


WAITING = """
import subprocess, sys, time
from pathlib import Path
from modnet_data.parquet.table import open_table

class Telling(subprocess.Popen):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        print(self.pid, flush=True)

subprocess.Popen = Telling
with open_table(Path(sys.argv[1])):
    print("open", flush=True)
    time.sleep(60)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, 9])
def test_an_interrupted_parent_leaves_no_process_and_no_file(path, tmp_path, how):
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    process = python(WAITING, path, env={**os.environ, "TMPDIR": str(scratch), "MODNET_CACHE": str(scratch)})
    assert process.stdout
    reader = int(process.stdout.readline())
    assert process.stdout.readline() == "open\n"
    os.kill(reader, 0)
    process.send_signal(how)
    process.communicate(timeout=60)
    wait_until(lambda: not is_running(reader))
    assert not list(scratch.iterdir())


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    status = Path(f"/proc/{pid}/stat")
    return not (
        status.exists() and status.read_text(encoding="utf-8").rpartition(")")[2].split()[0] == "Z"
    )  # not yet collected
