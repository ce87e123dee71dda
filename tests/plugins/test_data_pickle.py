"""Pickles: every kind that people have is read, and none is ever run."""

from __future__ import annotations

import copyreg
import gzip
import io
import os
import pickle
import re
import struct
import subprocess
import sys
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

import modnet
from modnet import DataError, SettingError

X = np.arange(12, dtype=np.float64).reshape(4, 3)
T = np.array([0, 1, 1, 0])
PROTOCOLS = range(pickle.HIGHEST_PROTOCOL + 1)


def load(path: Path, content: bytes, **options: Any) -> modnet.Dataset:
    path.write_bytes(content)
    return modnet.load(path, source="pickle", **options)


def refusal(path: Path, content: bytes) -> str:
    """Return the words of the error that a pickle is refused with, on one line of at most 500 characters."""
    with pytest.raises(DataError) as caught:
        load(path, content)
    words = str(caught.value)
    assert len(words) <= 500
    assert "\n" not in words
    assert path.name in words
    assert caught.value.__cause__ is None
    return words


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "digits.pkl"


# What is read


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize(
    "x",
    [
        X,
        np.asfortranarray(X),
        X[::2].repeat(2, axis=0)[:, ::-1],
        X.astype(">f8"),
        X.astype(">i2"),
        X.astype(np.float16),
        X.astype(np.float32),
        X.astype(np.uint8),
        X > 5,
        X.astype(np.uint8).reshape(4, 3, 1),
        X.reshape(4, 1, 3, order="F"),
    ],
    ids=lambda x: f"{x.dtype.str}{x.shape}{'C' if x.flags.c_contiguous else 'F' if x.flags.f_contiguous else ''}",
)
def test_arrays_of_every_layout_and_protocol(path, protocol, x):
    data = load(path, pickle.dumps({"x": x, "t": T}, protocol), test_fraction=0.0)
    np.testing.assert_array_equal(data.train.x, x.reshape(4, 3).astype(np.float64))
    np.testing.assert_array_equal(data.train.t, T)


numbers = st.sampled_from(["u1", "i4", ">i8", "f4", ">f8", "f8", "b1"])


@given(
    x=numbers.flatmap(lambda d: arrays(d, array_shapes(min_dims=2, max_dims=3, max_side=5))),
    protocol=st.sampled_from(PROTOCOLS),
    fortran=st.booleans(),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_what_pickle_wrote_comes_back(tmp_path, x, protocol, fortran):
    x = np.asfortranarray(x) if fortran else x
    content = pickle.dumps((x, np.arange(len(x))), protocol)
    if x.dtype.kind == "f" and not np.isfinite(x).all():
        assert "expected a finite number" in refusal(tmp_path / "x.pkl", content)
    else:
        data = load(tmp_path / "x.pkl", content, test_fraction=0.0, scale=1.0)
        np.testing.assert_array_equal(data.train.x, x.reshape(len(x), -1).astype(np.float64))


@pytest.mark.parametrize(
    "content",
    [
        {"train_img": X, "train_label": T, "test_img": X[:1], "test_label": T[:1]},
        {"x_train": X, "y_train": T, "x_test": X[:1], "y_test": T[:1]},
        {"X_train": X, "Y_train": np.eye(2)[T], "X_test": X[:1], "Y_test": np.eye(2)[T[:1]]},
        {"x_train": X, "t_train": T[:, None], "x_test": X[:1], "t_test": T[:1, None], "note": "extra", 3: None},
        {"train_images": X, "train_labels": T, "test_images": X[:1], "test_labels": T[:1]},
        ((X, T), (X[:1], T[:1])),
        [[X, T], [X[:1], T[:1]]],
        ((X[:3], T[:3]), (X[3:], T[3:]), (X[:1], T[:1])),
    ],
    ids=["book", "keras", "one-hot", "extras", "images", "pairs", "lists", "nielsen"],
)
def test_the_shapes_that_people_have(path, content):
    data = load(path, pickle.dumps(content))
    np.testing.assert_array_equal(data.train.x, X)
    np.testing.assert_array_equal(data.train.t, T)
    np.testing.assert_array_equal(data.test.x, X[:1])
    assert data.settings == {"scale": 1.0}


def test_without_a_test_part_rows_are_drawn(path):
    one, same = (load(path, pickle.dumps((X, T)), test_fraction=0.5) for _ in range(2))
    other = load(path, pickle.dumps((X, T)), test_fraction=0.5, split_seed=3)
    assert one.test.x.shape == (2, 3)
    np.testing.assert_array_equal(one.test.x, same.test.x)
    assert not np.array_equal(one.test.x, other.test.x)
    np.testing.assert_array_equal(np.sort(np.concatenate([one.train.x, one.test.x]), axis=0), X)


@pytest.mark.parametrize("opener", [open, gzip.open], ids=["plain", "gzip"])
def test_compression_is_told_by_the_content(tmp_path, opener):
    with opener(tmp_path / "x.pkl", "wb") as file:
        pickle.dump((X, T), file)
    assert modnet.load(tmp_path / "x.pkl", test_fraction=0.0).train.x.shape == (4, 3)


def numpy_1(content: bytes) -> bytes:
    """Return a pickle of protocol 2 as NumPy 1 would have written it."""
    return content.replace(b"numpy._core", b"numpy.core")


def python_2(array: np.ndarray, module: bytes = b"numpy.core") -> bytes:
    """Return an array as Python 2 pickled it, in text."""
    escaped = "".join(f"\\x{byte:02x}" for byte in array.tobytes()).encode()
    shape = b"(" + b"".join(b"I%d\n" % n for n in array.shape) + b"t"
    code, order = array.dtype.str[1:].encode(), array.dtype.str[:1].encode()
    return b"c%b.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I0\ntS'b'\ntR(I1\n%b" % (
        module,
        shape,
    ) + b"cnumpy\ndtype\n(S'%b'\nI0\nI1\ntR(I3\nS'%b'\nNNNI-1\nI-1\nI0\ntbI00\nS'%b'\ntb" % (code, order, escaped)


def binary_python_2(array: np.ndarray) -> bytes:
    """Return an array as Python 2 pickled it at protocol 2, its bytes a BINSTRING."""
    text = python_2(array)
    start, end = text.index(b"I00\nS'") + 4, text.rindex(b"tb")
    return text[:start] + b"T" + struct.pack("<i", array.nbytes) + array.tobytes() + text[end:]


@pytest.mark.parametrize("write", [python_2, binary_python_2])
def test_python_2(path, write):
    data = load(path, b"(" + write(X) + write(T) + b"t.", test_fraction=0.0)
    np.testing.assert_array_equal(data.train.x, X)
    assert data.classes == (0, 1)


@pytest.mark.parametrize("protocol", [0, 1, 2, 3])
def test_numpy_1(path, protocol):
    content = numpy_1(pickle.dumps((X, T), protocol))
    assert b"numpy.core" in content
    np.testing.assert_array_equal(load(path, content, test_fraction=0.0).train.x, X)


def test_rows_lie_one_behind_the_other(path):
    data = load(path, pickle.dumps((np.asfortranarray(X), T)), test_fraction=0.0)
    assert data.train.x.flags.c_contiguous


# Rows to predict


@pytest.mark.parametrize(
    ("content", "rows", "labels"),
    [
        ({"x_train": X, "y_train": T, "x_test": X[:1], "y_test": T[:1]}, X[:1], T[:1]),
        ({"x": X, "t": T}, X, T),
        ({"x": X}, X, None),
        (X, X, None),
        ((X, T), X, T),
        (((X, T), (X[:2], T[:2])), X[:2], T[:2]),
    ],
)
def test_rows_to_predict(path, content, rows, labels):
    path.write_bytes(pickle.dumps(content))
    found, found_labels = modnet.source("pickle").read_rows(path, 3)
    np.testing.assert_array_equal(found, rows)
    if labels is None:
        assert found_labels is None
    else:
        np.testing.assert_array_equal(found_labels, labels)


def test_rows_of_another_width(path):
    path.write_bytes(pickle.dumps(X))
    with pytest.raises(DataError, match=r"digits\.pkl: rows of 3 features, expected 784"):
        modnet.source("pickle").read_rows(path, 784)


# What is not data


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"a": X}, "no rows and labels under the names a; expected names: x_train"),
        ({}, r"under the names \(none\)"),
        ({"x": X, "t": T, "y": T}, "names of several conventions: x, t and x, y; keep one"),
        ({"x": X, "X": X, "t": T}, "differ in case only"),
        ({"x": X, "t": [0, 1, 1, 0]}, "an array is expected where it has list"),
        ({"x": X, "t": "secret"}, "an array is expected where it has 'secret'"),
        ({"x": X, "t": np.int64(3)}, "an array is expected where it has scalar"),
        (X, "no rows and labels in a pickle of _reconstruct|_frombuffer"),
        ([1, 2], "no rows and labels in a pickle of list"),
        ("text", "no rows and labels in a pickle of 'text'"),
        (None, "no rows and labels in a pickle of NoneType"),
        ((X, T[:3]), "4 rows need 4 labels, found labels of shape"),
        (((X, T), (X[:, :2], T)), "training rows have 3 features, test rows 2"),
        (((X, T), (X[:, :2], T), (X, T)), "not of one shape"),
        ((X * np.nan, T), "row 1, feature 1: expected a finite number, found nan"),
        ((X[:0], T[:0]), "no training rows"),
        ((X[:, :0], T), "no features"),
        ((np.float64(1), T), "an array is expected|no rows and labels"),
        ((X, T + 0.5), "must be classes"),
        ((X, np.zeros((4, 2))), "not one-hot"),
    ],
)
def test_words_of_errors(path, content, words):
    with pytest.raises(DataError, match=words):
        load(path, pickle.dumps(content), test_fraction=0.0)


def test_settings_are_checked():
    with pytest.raises(SettingError, match="'scale' must be a number > 0 or 'auto': 0"):
        modnet.source("pickle", scale=0)
    with pytest.raises(SettingError, match="'test_fraction' must be >= 0 and < 1: 1"):
        modnet.source("pickle", test_fraction=1)


def test_missing_and_empty_files(path):
    with pytest.raises(DataError, match="no such file"):
        modnet.load(path, source="pickle")
    assert "a damaged pickle: it ends before its STOP" in refusal(path, b"")


# What would run


class Runs:
    """Pickles as a call of any function."""

    def __init__(self, function: Any, *args: Any) -> None:
        self.call = function, args

    def __reduce__(self) -> Any:
        return self.call


class Nested:
    def __reduce__(self) -> Any:
        return getattr, (Runs(__import__, "os"), "system")


class WithState:
    def __setstate__(self, state: object) -> None:
        raise AssertionError("this must never be called")

    def __getstate__(self) -> object:
        return {"a": 1}


class Persistent(pickle.Pickler):
    def persistent_id(self, obj: object) -> object:
        return "file" if obj is T else None


def persistent() -> bytes:
    file = io.BytesIO()
    Persistent(file).dump((X, T))
    return file.getvalue()


def forged(old: bytes, new: bytes, array: np.ndarray = X, protocol: int = 2) -> bytes:
    content = pickle.dumps((array, T), protocol)
    assert content.count(old) >= 1
    return content.replace(old, new)


CANARY = "canary"
DTYPE_STATE = b"(K\x03X\x01\x00\x00\x00<"
TIMES = b"c%b\n%b\n(%bt%b"  # a global, arguments, and what to do with them

REFUSED = {
    "os.system": (pickle.dumps(Runs(os.system, f"touch {CANARY}")), "system"),
    "subprocess": (pickle.dumps((X, Runs(subprocess.Popen, ["touch", CANARY]))), "subprocess.Popen"),
    "eval": (pickle.dumps(Runs(eval, f"open('{CANARY}', 'w')")), "eval"),
    "open": (pickle.dumps({"x": X, "t": Runs(open, CANARY, "w")}), "open"),
    "getattr": (pickle.dumps(Nested()), "getattr"),
    "numpy.load": (pickle.dumps(Runs(np.load, CANARY)), "load"),
    "numpy.dotted": (b"\x80\x04\x8c\x05numpy\x8c\x0ccore.os.path\x93.", "numpy.core.os.path"),
    "a class": (pickle.dumps(WithState()), "opcode NEWOBJ|_reconstructor|WithState"),
    "a class, protocol 0": (pickle.dumps(WithState(), 0), "copyreg._reconstructor|copy_reg._reconstructor"),
    "a set": (pickle.dumps({1, 2}), "opcode EMPTY_SET"),
    "OrderedDict": (pickle.dumps(OrderedDict(x=X, t=T)), "collections.OrderedDict"),
    "objects": (pickle.dumps((np.array([None, Runs(os.system, f"touch {CANARY}")]), T)), "system"),
    "object array": (pickle.dumps((np.array([None, 1]), T[:2])), "dtype 'O8'"),
    "text array": (pickle.dumps((X, np.array(list("abba")))), "dtype 'U1'"),
    "structured": (pickle.dumps((np.zeros(2, "f8,i4"), T[:2])), "dtype 'V12'"),
    "complex": (pickle.dumps((X + 1j, T)), "dtype 'c16'"),
    "dates": (pickle.dumps((X.astype("M8[s]"), T)), "dtype 'M8'"),
    "subclass": (pickle.dumps((np.ma.masked_array(X), T)), "_mareconstruct"),
    "matrix": (pickle.dumps((np.recarray((2,), "f8"), T)), "recarray|numpy.rec|record"),
    "INST": (b"(S'touch canary'\nios\nsystem\n.", "opcode INST"),
    "OBJ": (b"(cos\nsystem\nS'touch canary'\no.", "opcode OBJ"),
    "NEWOBJ": (b"\x80\x02cnumpy\nndarray\n(K\x02t\x81.", "opcode NEWOBJ"),
    "NEWOBJ_EX": (b"\x80\x04cnumpy\nndarray\n)}\x92.", "opcode NEWOBJ_EX"),
    "EXT1": (b"\x80\x02\x82\x01.", "opcode EXT1"),
    "EXT2": (b"\x80\x02\x83\x01\x00.", "opcode EXT2"),
    "EXT4": (b"\x80\x02\x84\x01\x00\x00\x00.", "opcode EXT4"),
    "PERSID": (b"Pfile\n.", "opcode PERSID"),
    "BINPERSID": (persistent(), "opcode BINPERSID"),
    "NEXT_BUFFER": (b"\x80\x05\x97.", "opcode NEXT_BUFFER"),
    "protocol 6": (b"\x80\x06N.", "protocol 6"),
    "calls ndarray": (TIMES % (b"numpy", b"ndarray", b"(I9\nt", b"R."), "it calls numpy.ndarray"),
    "bytes of a size": (TIMES % (b"builtins", b"bytes", b"J\xff\xff\xff\x7f", b"R."), "bytes with arguments"),
    "encode as rot13": (TIMES % (b"_codecs", b"encode", b"Va\nVrot13\n", b"R."), "_codecs.encode otherwise"),
    "encode with a hook": (TIMES % (b"_codecs", b"encode", b"Va\nVlatin1\nVx\n", b"R."), "_codecs.encode otherwise"),
    "_codecs.decode": (b"c_codecs\ndecode\n.", "_codecs.decode"),
    "BUILD on a function": (b"c_codecs\nencode\n}S'__name__'\nS'x'\nsb.", "it changes encode itself"),
    "BUILD by slots": (b"cnumpy\ndtype\n(N}S'kind'\nS'ndarray'\nstb.", "it changes dtype itself"),
    "BUILD on ndarray": (b"cnumpy\nndarray\n}b.", "it changes ndarray itself"),
    "BUILD on bytes": (b"cbuiltins\nbytes\n)R}b.", "sets the state of bytes"),
    "more bytes than there are": (
        forged(b"K\x04K\x03\x86", b"K\x04K\x07\x86"),
        "96 bytes whose shape and dtype need 224",
    ),
    "fewer bytes": (forged(b"K\x04K\x03\x86", b"K\x01K\x03\x86"), "96 bytes whose shape and dtype need 24"),
    "a negative shape": (forged(b"K\x04K\x03\x86", b"J\xff\xff\xff\xffK\x03\x86"), "shape is not a few whole numbers"),
    "a shape of text": (forged(b"K\x04K\x03\x86", b"U\x01aK\x03\x86"), "shape is not a few whole numbers"),
    "a huge shape": (
        forged(b"K\x04K\x03\x86", b"\x8a\x09\x00\x00\x00\x00\x00\x00\x00\x00\x01K\x00\x86"),
        "shape is not a few whole numbers",
    ),
    "a list for a shape": (forged(b"K\x04K\x03\x86", b"]K\x04aK\x03a"), "shape is not a few whole numbers|state"),
    "a forged dtype": (forged(b"X\x02\x00\x00\x00f8", b"X\x02\x00\x00\x00O8"), "dtype 'O8'"),
    "a dtype by name": (forged(b"X\x02\x00\x00\x00f8", b"X\x06\x00\x00\x00object"), "dtype 'object'"),
    "a long double": (forged(b"X\x02\x00\x00\x00f8", b"X\x03\x00\x00\x00f16"), "dtype 'f16'"),
    "a byte order": (forged(DTYPE_STATE, DTYPE_STATE[:-1] + b"O"), "unknown byte order"),
    "dtype fields": (forged(DTYPE_STATE + b"q\x0fN", DTYPE_STATE + b"q\x0f}"), "dtype with fields"),
    "a truth of 2": (forged(b"\x01\x01\x01", b"\x01\x02\x01", X > 5, 5), "neither 0 nor 1"),
}


@pytest.mark.parametrize(("content", "words"), REFUSED.values(), ids=REFUSED)
def test_refused_and_nothing_run(path, content, words, monkeypatch):
    monkeypatch.chdir(path.parent)
    found = refusal(path, content)
    assert "refused, and nothing of it was run" in found
    assert re.search(words, found), found
    assert list(path.parent.iterdir()) == [path]


def test_not_even_a_module_is_imported(path, monkeypatch):
    monkeypatch.syspath_prepend(path.parent)
    path.with_name("trap.py").write_text("raise AssertionError('this must never be imported')")
    assert "it asks for trap.x" in refusal(path, b"ctrap\nx\n.")


def test_the_extension_registry_is_out_of_reach(path):
    copyreg.add_extension("os", "getcwd", 240)
    try:
        pickle.loads(b"\x80\x02\x82\xf0.")  # noqa: S301 - so that pickle remembers it
        assert "opcode EXT1" in refusal(path, b"\x80\x02\x82\xf0)R.")
    finally:
        copyreg.remove_extension("os", "getcwd", 240)


def test_nothing_carries_over_to_the_next_load(path):
    refusal(path, b"c_codecs\nencode\n}S'kind'\nS'bytes'\nsb.")
    assert load(path, pickle.dumps((X, T), 2), test_fraction=0.0).classes == (0, 1)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"\x80\x04r\xff\xff\xff\xff.", "LONG_BINPUT with an index of 10000 or more"),
        (b"Nr\xff\xff\xff\x7f.", "LONG_BINPUT with an index of 10000 or more"),
        (b"Np999999999\n.", "PUT with an index of 10000 or more"),
        (b"Np" + b"0" * 40 + b"999999999\n.", "PUT with an index of 10000 or more"),
        (b"Np-1\n.", "PUT with an index of 10000 or more"),
        (b"\x80\x05\x8e\x00\x00\x00\x00\x10\x00\x00\x00.", "BINBYTES8 is cut off"),
        (b"\x80\x05\x96\x00\x00\x00\x00\x10\x00\x00\x00.", "BYTEARRAY8 is cut off"),
        (b"\x80\x04\x95\x00\x00\x00\x00\x10\x00\x00\x00N.", "FRAME is cut off"),
        (b"B\xff\xff\xff\x7f.", "BINBYTES is cut off"),
        (b"T\xff\xff\xff\xff.", "BINSTRING is cut off"),
        (b"\x8b\xff\xff\xff\xff.", "LONG4 is cut off"),
        (b"N" * 20_000 + b".", "more than 10000 opcodes"),
        (b"(" * 4000 + b"t" * 4000 + b".", "no rows and labels in a pickle of tuple"),
        (b"N" + b"\x85" * 9990 + b".", "no rows and labels in a pickle of tuple"),
        (b"\xff\xff.", "no opcode 0xff at byte 0"),
        (b"hello world", "damaged|refused"),
        (b"I" + b"9" * 5000 + b"\n.", "damaged"),
        (b"c" + b"a" * 5000 + b"\n" + b"b" * 5000 + b"\n.", "it asks for aaaa"),
        (b"ca\x1b[2J\nb\n.", r"it asks for a\?\[2J\.b"),
        (b"\x80\x04\x8c\x02\xc3\x28\x8c\x01a\x93.", "damaged"),
    ],
)
def test_bombs_and_rubbish(path, content, words):
    assert re.search(words, refusal(path, content))


def test_every_cut_is_found(path):
    for protocol in (0, 2, 5):
        content = pickle.dumps((X, T), protocol)
        for end in range(len(content)):
            with pytest.raises(DataError, match="damaged"):
                load(path, content[:end])


def test_one_array_shown_many_times_is_made_once_only(path):
    # 500 references to a text of a megabyte, each to be encoded: 500 MB if each were.
    text = b"X" + struct.pack("<I", 2**20) + b"a" * 2**20
    content = b"\x80\x02c_codecs\nencode\nq\x00" + text + b"q\x01X\x06\x00\x00\x00latin1q\x02"
    content += b"000](" + b"h\x00h\x01h\x02\x86R" * 500 + b"e."
    assert "no rows and labels in a pickle of list" in refusal(path, content)


def test_a_long_path_leaves_the_message_short(tmp_path):
    folder = tmp_path / ("a" * 120) / ("b" * 120)
    folder.mkdir(parents=True)
    assert "posix.system" in refusal(folder / "evil.pkl", pickle.dumps(Runs(os.system, "true")))


def test_gzip_damaged_or_too_large(path, monkeypatch):
    content = gzip.compress(pickle.dumps((X, T)))
    with pytest.raises(DataError, match="damaged or cut off"):
        load(path, content[:-20])
    with pytest.raises(DataError, match="damaged or cut off"):
        load(path, content[:15] + bytes([content[15] ^ 0xFF]) + content[16:])
    monkeypatch.setattr("modnet.files.LIMIT", 2**21)
    with pytest.raises(DataError, match="unpacks to more than 2 MiB; if that is meant, decompress it first"):
        load(path, gzip.compress(bytes(2**22)))


MUTATIONS = """
import pickle, random, resource, sys
from pathlib import Path
import numpy as np
import modnet
source = modnet.source("pickle", test_fraction=0.3)
resource.setrlimit(resource.RLIMIT_AS, (4 * 2**30, 4 * 2**30))
x, t = np.arange(12.0).reshape(4, 3), np.array([0, 1, 1, 0])
good = [pickle.dumps(content, p) for p in range(6) for content in ((x, t), {"x": x > 3, "t": t.astype(">i2")})]
path, random = Path(sys.argv[1]), random.Random(int(sys.argv[2]))
read = refused = 0
for _ in range(int(sys.argv[3])):
    content = bytearray(random.choice(good))
    for _ in range(random.choice([1, 1, 2, 5])):
        i = random.randrange(len(content))
        what = random.random()
        if what < 0.5:
            content[i] = random.randrange(256)
        elif what < 0.7:
            content[i:i] = bytes(random.choices(range(256), k=random.choice([1, 4])))
        elif what < 0.85:
            del content[i:i + random.choice([1, 3])]
        else:
            j = random.randrange(len(content))
            content[i:i] = content[j:j + 20]
        content = content or bytearray(b".")
    path.write_bytes(content)
    try:
        data = source.read(path)
        assert np.isfinite(data.train.x).all()
        read += 1
    except modnet.DataError as error:
        assert len(str(error)) <= 500
        refused += 1
print(read, refused)
"""


def test_thousands_of_mutations_are_read_or_refused(tmp_path):
    command = [sys.executable, "-c", MUTATIONS, str(tmp_path / "x.pkl"), "0", "4000"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr[-2000:]
    read, refused = map(int, done.stdout.split())
    assert read + refused == 4000
    assert read > 50
    assert refused > 2000
