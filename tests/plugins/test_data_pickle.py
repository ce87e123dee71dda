"""Pickles: every kind that people have is read, and none is ever run."""

from __future__ import annotations

import bz2
import gzip
import lzma
import pickle
import pickletools
import re
import struct
import time
from collections import Counter, OrderedDict, defaultdict
from mmap import mmap
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from modnet_data.pickle import arrays as arrays_in_pickles
from modnet_data.pickle import machine, opcodes
from modnet_data.pickle import values as values_in_pickles
from modnet_data.pickle.source import parts
from sklearn.utils import Bunch

import modnet
from modnet import DataError, SettingError

X = np.arange(12, dtype=np.float64).reshape(4, 3)
T = np.array([0, 1, 1, 0])
MNIST = Path(__file__).parents[2].parent / "shared" / "data" / "mnist"
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
    np.testing.assert_array_equal(data.train.unscaled(slice(None)), x.reshape(4, 3).astype(np.float64))
    np.testing.assert_array_equal(data.train.t, T)


KINDS = ["b1", "u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "f2", "f4", "f8", "c8", "c16"]
numbers = st.sampled_from([order + kind for kind in KINDS for order in "<>"])
shapes = array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=5)


@given(
    x=numbers.flatmap(lambda dtype: shapes.flatmap(lambda shape: arrays(dtype, shape))),
    protocol=st.sampled_from(PROTOCOLS),
    data=st.data(),
)
def test_what_pickle_wrote_comes_back_bit_for_bit(x, protocol, data):
    x = x.transpose(data.draw(st.permutations(range(x.ndim))))
    found = machine.load(pickle.dumps(x, protocol)).make()
    assert (found.shape, found.dtype) == (x.shape, x.dtype.newbyteorder("="))
    assert found.astype(x.dtype).tobytes() == x.tobytes()
    assert not found.flags.writeable


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_long_doubles_come_back(protocol):
    x = np.array([[0.1, -2.5, np.inf]], np.longdouble) / 3
    np.testing.assert_array_equal(machine.load(pickle.dumps(x, protocol)).make(), x)


@pytest.mark.skipif(np.finfo(np.longdouble).max == np.finfo(np.float64).max, reason="long doubles are no longer here")
def test_a_long_double_that_is_too_much_has_its_place(path):
    x = X.astype(np.longdouble)
    x[2, 1] = np.finfo(np.longdouble).max
    with pytest.raises(DataError, match="row 3, feature 2: expected a finite number, found inf"):
        load(path, pickle.dumps((x, T)))


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize(
    ("labels", "classes"),
    [
        (["oak", "ash", "ash", "oak"], ("ash", "oak")),
        (("\u03b1", "b", "\U0001f600", "b"), ("b", "\u03b1", "\U0001f600")),
        ([3, 1, 1, 3], (1, 3)),
        ([-(2**63), 2**63 - 1, 0, 0], (-(2**63), 0, 2**63 - 1)),
        ([True, False, False, True], (False, True)),
        (list(T.astype(np.uint8)), (0, 1)),
        (tuple(T.astype(">i4")), (0, 1)),
        ([np.True_, np.False_, np.False_, np.True_], (False, True)),
    ],
    ids=["text", "beyond ASCII", "numbers", "large", "truths", "uint8", "big-endian", "NumPy's truths"],
)
def test_labels_may_be_a_list(path, protocol, labels, classes):
    data = load(path, pickle.dumps({"x": X, "t": labels}, protocol), test_fraction=0)
    assert data.classes == classes
    assert [data.classes[i] for i in data.train.t] == list(labels)
    assert load(path, pickle.dumps((X, labels), protocol), test_fraction=0).classes == classes


def with_dict(kind: type, protocol: int, **entries: Any) -> bytes:
    return pickle.dumps(defaultdict(list, entries) if kind is defaultdict else kind(**entries), protocol)


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("kind", [OrderedDict, defaultdict, Counter, Bunch])
def test_dicts_of_every_kind(path, protocol, kind):
    data = load(path, with_dict(kind, protocol, data=X, target=T, DESCR="about" * 1000), test_fraction=0)
    np.testing.assert_array_equal(data.train.unscaled(slice(None)), X)
    assert data.classes == (0, 1)


def test_ordered_dicts_of_python_2(path):
    """As a list of lists of two, and with what someone set on it."""
    for state in (b"", b"(dS'_note'\nS'mine'\nsb"):
        pairs = b"(l(lS'x'\na" + python_2(X) + b"aa(lS't'\na" + python_2(T) + b"aa"
        data = load(path, b"ccollections\nOrderedDict\n(" + pairs + b"tR" + state + b".", test_fraction=0)
        np.testing.assert_array_equal(data.train.unscaled(slice(None)), X)


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize(
    "labels",
    [
        np.array(["oak", "ash", "ash", "떡갈"]),
        np.array(["oak", "ash", "ash", "떡갈"]).astype(">U7"),
        np.array(["oak", "ash", "ash", "떡갈"])[:, None],
        np.array(["oak", "ash", "ash", "떡갈"], object),
        np.char.encode(["oak", "ash", "ash", "떡갈"], "utf-8"),
        ["oak", "ash", "ash", "떡갈"],
        [np.str_("oak"), "ash", np.str_("ash"), np.str_("떡갈")],
        [b"oak", b"ash", np.bytes_(b"ash"), "떡갈".encode()],
        np.array([b"oak", b"ash", b"ash", "떡갈".encode()], object),
    ],
    ids=["U", ">U", "column", "objects", "S", "list", "str_", "bytes_", "objects of bytes"],
)
def test_labels_of_text(path, protocol, labels):
    for content in (pickle.dumps((X, labels), protocol), numpy_1(pickle.dumps((X, labels), min(protocol, 3)))):
        data = load(path, content, test_fraction=0)
        assert [data.classes[i] for i in data.train.t] == ["oak", "ash", "ash", "떡갈"]


def test_labels_of_objects_are_numbers_too(path):
    for labels, classes in (
        (np.array([3, 1, 1, 3], object), (1, 3)),
        (np.array([True, False] * 2, object), (False, True)),
    ):
        assert load(path, pickle.dumps((X, labels)), test_fraction=0).classes == classes


@pytest.mark.parametrize("labels", [[b"oak", b"ash", b"\xff", b"oak"], np.array([b"oak", b"ash", b"\xff", b"oak"])])
def test_bytes_that_are_no_text_are_refused_with_their_row(path, labels):
    assert refusal(path, pickle.dumps((X, labels))).endswith("label 3 is no text in UTF-8; save labels as text")


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize(
    "x",
    [
        X.tolist(),
        tuple(map(tuple, X.tolist())),
        X.astype(int).tolist(),
        [list(row) for row in X],
        [list(row) for row in X.astype(np.float32)],
        list(X),
        list(X.astype("u1")),
        X[:, :, None, None].tolist(),
    ],
    ids=["lists", "tuples", "integers", "float64", "float32", "arrays", "arrays of bytes", "images"],
)
def test_rows_may_be_lists(path, protocol, x):
    for content in ({"x": x, "t": T}, {"x": x, "t": T.tolist()}, {"x": x, "t": np.eye(2)[T].tolist()}):
        data = load(path, pickle.dumps(content, protocol), test_fraction=0)
        np.testing.assert_array_equal(data.train.unscaled(slice(None)), X)
        np.testing.assert_array_equal(data.train.t, T)


def test_thousands_of_rows_in_lists(path):
    x = np.arange(20_000.0).reshape(5000, 2, 2)
    data = load(path, pickle.dumps({"x": x.tolist(), "t": [i % 3 for i in range(5000)]}, 2), test_fraction=0)
    np.testing.assert_array_equal(data.train.unscaled(slice(None)), x.reshape(5000, 4))


@pytest.mark.parametrize(
    ("x", "words"),
    [
        ([[1, 2], [3, 4], [5], [6, 7]], "row 3: expected 2 values, as in row 1, found 1 values"),
        ([[1, 2], [3, 4], 5, [6, 7]], "row 3: expected 2 values, as in row 1, found int"),
        ([[[1], [2]], [[3], [4]], [[5], [6]], [[7], [8, 9]]], "row 4: expected 1 values, as in row 1, found 2 values"),
        ([[1, 2], [3, None], [5, 6], [7, 8]], "row 2, feature 2: expected a number, found NoneType"),
        ([[1, 2], [3, 4], ["5", 6], [7, 8]], "row 3, feature 1: expected a number, found '5'"),
        ([1, 2, 3, "4"], "row 4, feature 1: expected a number, found '4'"),
        ([[], [], [], []], "expected rows of numbers, found nothing in them"),
        ([[1, 2], [3, 4], [5, 2**64], [7, 8]], "row 3, feature 2: expected a number, found int"),
        ([X[0], X[1], X[2], X[3][:2]], r"row 4: expected float64 of shape \(3,\), as row 1 is, found float64 of shape"),
        ([X[0], X[1], [1, 2, 3], X[3]], "row 3: expected an array, as row 1 is, found list"),
    ],
)
def test_lists_that_are_no_rows(path, x, words):
    assert re.search(words, refusal(path, pickle.dumps({"x": x, "t": T})))


PLAIN = {
    "set": {1, "a", None, (2, b"b"), frozenset({3})}, "frozenset": frozenset({"c"}), "bytearray": bytearray(b"\xe9"),
    "long": bytearray(5000), "complex": 1 - 2j, "big": 2**1500, "none": None, "empty": [(), [], {}, set()],
    "deep": [[[[(1, {"a": [OrderedDict(b=[2])]})]]]], "str_": np.str_(""), "scalars": [np.float16(1), np.complex64(1j)],
    "objects": np.array([None, {1}, X], object), "words": {f"word {i}": i for i in range(3000)},
    "keys": {None: 1, True: 2, 1.5: 3, (1, "a"): 4, b"b": 5, 2**70: 6, 1j: 7} | {i: f"{i}" for i in range(2, 3000)},
    "records": [{"id": i, "box": [i, i]} for i in range(3000)], "pairs": [(X[0], i) for i in range(3000)],
}  # fmt: skip


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_plain_values_beside_the_data_do_no_harm(path, protocol):
    data = load(path, pickle.dumps({**PLAIN, "x": X, "t": T}, protocol), test_fraction=0)
    np.testing.assert_array_equal(data.train.unscaled(slice(None)), X)


def test_plain_values_of_python_2(path):
    values = [b"c__builtin__\nset\n((lI1\natR", b"c__builtin__\nbytearray\n(V\xe9\nS'latin-1'\ntR"]
    values += [b"(dS'\xc3\xa9'\nS'\xc3\xa9'\ns"]  # text that could be read in two ways
    values += [b"c__builtin__\ncomplex\n(F1\nF2\ntR", b"ccollections\ndefaultdict\n(c__builtin__\nlist\ntR"]
    for value in values:
        content = b"(dS'x'\n" + python_2(X) + b"sS't'\n" + python_2(T) + b"sS'more'\n" + value + b"s."
        assert len(load(path, content, test_fraction=0).train) == 4


keys = st.text(max_size=5) | st.integers() | st.binary(max_size=5) | st.none() | st.floats() | st.tuples(st.booleans())
plain = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**1500), 2**1500) | st.floats() | st.complex_numbers() | st.binary()
    | st.text(st.characters(exclude_categories=["Cs"])) | st.just("long" * 300) | st.just(b"long" * 300)
    | st.binary().map(bytearray)
    | st.sampled_from([np.float32(0.1), np.int8(-3), np.uint64(2**63), np.True_, np.str_("é"), np.bytes_(b"\xff")]),
    lambda inner: st.lists(inner, max_size=4) | st.lists(inner, max_size=4).map(tuple)
    | st.dictionaries(keys, inner, max_size=4) | st.dictionaries(keys, inner, max_size=4).map(OrderedDict)
    | st.dictionaries(keys, inner, max_size=4).map(lambda entries: defaultdict(int, entries))
    | st.sets(st.integers() | st.text(max_size=3) | st.binary(max_size=3) | st.tuples(st.booleans()), max_size=4)
    | st.frozensets(st.integers() | st.text(max_size=3), max_size=4)
    | arrays("U3", st.integers(0, 3), elements=st.text("a\u00e9\uac00\U0001f600", max_size=3))
    | arrays("S2", st.integers(0, 3)) | arrays(object, st.integers(0, 3), elements=inner),
    max_leaves=12,
)  # fmt: skip


def canonical(value: Any) -> Any:
    """Return a value, by pickle or by our machine, so that both can be compared: with types, and NaN equal to NaN."""
    if type(value) is opcodes.Piece:
        content = value.content[value.start : value.end]
        return repr(content.decode({"raw-unicode-escape": "raw-unicode-escape"}.get(value.encoding, "utf-8")))
    if type(value) is arrays_in_pickles.PickledArray:
        if value.dtype.hasobject:
            return value.shape, "|O", [canonical(each) for each in value.data]
        return canonical(value.make())
    if isinstance(value, np.ndarray):
        return value.shape, value.dtype.newbyteorder("=").str, [canonical(each) for each in value.tolist()]
    if isinstance(value, (np.generic, values_in_pickles.Key)):
        return canonical(value.item() if isinstance(value, np.generic) else value.value)
    if isinstance(value, (set, frozenset, values_in_pickles.PickledSet)):
        return "set", sorted(map(repr, map(canonical, value)))
    if isinstance(value, dict):
        return "dict", [(canonical(key), canonical(each)) for key, each in value.items()]
    if isinstance(value, (list, tuple)):
        return type(value).__name__, [canonical(each) for each in value]
    if isinstance(value, (bytes, bytearray)):
        return repr(bytes(value).decode("latin-1"))
    return repr(value)


@given(value=plain, protocol=st.sampled_from(PROTOCOLS), numpy_2=st.booleans())
def test_values_are_those_of_pickle_itself(value, protocol, numpy_2):
    content = pickle.dumps(value, protocol)
    content = content if numpy_2 or protocol > 3 else numpy_1(content)
    assert canonical(machine.load(content)) == canonical(pickle.loads(content))  # noqa: S301 - written here
    optimized = pickletools.optimize(content)
    assert canonical(machine.load(optimized)) == canonical(value)


@pytest.mark.parametrize("size", [10, 20_000])
def test_frames_are_checked_as_pickle_does_in_python(path, size):
    """Or a little more: a frame may not end between an opcode and its argument. Its C code takes them for a hint."""
    content = pickle.dumps({"x": X, "t": T, "text": [str(i) for i in range(size)]}, 4)
    assert len(load(path, content, test_fraction=0).train) == 4
    verdicts = set()
    for start in [match.end() for match in re.finditer(b"\x95(?=.{3}\0{5})", content, re.DOTALL)]:
        for change in range(-15, 3):
            length = int.from_bytes(content[start : start + 8], "little") + change
            changed = content[:start] + length.to_bytes(8, "little") + content[start + 8 :]
            try:
                load(path, changed)
            except DataError as error:
                verdicts.add(re.findall("frame does|cut off", str(error))[0])
            else:
                verdicts.add("read")
                pickle._loads(changed)  # type: ignore[attr-defined]
    assert verdicts == {"read", "frame does", "cut off"}


def test_sixty_thousand_labels_of_text(path):
    labels = [f"class {i % 10}" for i in range(60_000)]
    for protocol in PROTOCOLS:
        content = pickle.dumps((np.zeros((60_000, 1), np.uint8), labels), protocol)
        assert len(load(path, content, test_fraction=0).classes) == 10


def test_other_entries_do_no_harm(path):
    others = {"note": "extra" * 1000, 3: None, "k": np.float32(0.5), "l": [1, (2, "b")], "b": b"bytes", "many": [X, T]}
    for protocol in PROTOCOLS:
        assert len(load(path, pickle.dumps({"x": X, "t": T} | others, protocol), test_fraction=0).train) == 4


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_long_arrays_in_text_are_read_in_pieces(path, protocol):
    x = np.arange(4 * 500_000, dtype=np.uint8).reshape(4, -1)
    data = load(path, pickle.dumps((x, T), protocol), test_fraction=0)
    np.testing.assert_array_equal(data.train.table, x)


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
        ((X.tolist(), T.tolist()), (X[:1].tolist(), T[:1].tolist())),
        {"train": {"x": X, "t": T}, "test": {"x": X[:1], "t": T[:1]}, "note": "extra"},
        {b"x_train": X, b"y_train": T, b"x_test": X[:1], b"y_test": T[:1], b"\xff": None},
        {"Train": (X, T), "Test": (X[:1].tolist(), T[:1].tolist())},
        {"train": {"data": X[:3], "target": T[:3]}, "val": (X[3:], T[3:]), "test": OrderedDict(x=X[:1], y=T[:1])},
    ],
    ids=[
        "book",
        "keras",
        "one-hot",
        "extras",
        "images",
        "pairs",
        "lists",
        "nielsen",
        "lists of lists",
        "dicts in a dict",
        "names of bytes",
        "pairs in a dict",
        "three in a dict",
    ],
)
def test_the_shapes_that_people_have(path, content):
    data = load(path, pickle.dumps(content))
    np.testing.assert_array_equal(data.train.unscaled(slice(None)), X)
    np.testing.assert_array_equal(data.train.t, T)
    np.testing.assert_array_equal(data.test.unscaled(slice(None)), X[:1])
    assert data.settings == {"standardize": True}


def test_without_a_test_part_rows_are_drawn(path):
    one, same = (load(path, pickle.dumps((X, T)), test_fraction=0.5) for _ in range(2))
    other = load(path, pickle.dumps((X, T)), test_fraction=0.5, split_seed=3)
    assert one.test.x.shape == (2, 3)
    np.testing.assert_array_equal(one.test.unscaled(slice(None)), same.test.unscaled(slice(None)))
    assert not np.array_equal(one.test.x, other.test.x)
    np.testing.assert_array_equal(
        np.sort(np.concatenate([one.train.unscaled(slice(None)), one.test.unscaled(slice(None))]), axis=0), X
    )


@pytest.mark.parametrize("opener", [open, gzip.open, bz2.open, lzma.open], ids=["plain", "gzip", "bzip2", "xz"])
def test_compression_is_recognised_by_the_content(tmp_path, opener):
    with opener(tmp_path / "x.pkl", "wb") as file:
        pickle.dump((X, T), file)
    assert modnet.load(tmp_path / "x.pkl", test_fraction=0.0).train.x.shape == (4, 3)


def test_it_goes_by_these_names():
    assert modnet.source("pickle").suffixes == (".pkl", ".pickle", ".p")


# Large files


def digits(rows: int, dtype: str) -> tuple[np.ndarray, np.ndarray]:
    return np.random.default_rng(0).integers(0, 256, (rows, 784)).astype(dtype), np.arange(rows) % 10


@pytest.mark.parametrize("protocol", [3, 4, 5])
def test_a_large_file_is_mapped_not_copied(path, protocol):
    x, t = digits(6000, "u1")
    data = load(
        path, pickle.dumps({"train_img": x, "train_label": t, "test_img": x[:9], "test_label": t[:9]}, protocol)
    )
    base = data.train.table
    while isinstance(base, np.ndarray):
        base = base.base
    assert isinstance(base, mmap)
    assert not data.train.table.flags.writeable
    np.testing.assert_array_equal(data.train.table, x)
    np.testing.assert_array_equal(data.test.table, x[:9])


def test_a_large_compressed_file_is_unpacked_once(path, tmp_path, monkeypatch):
    monkeypatch.setenv("MODNET_CACHE", str(tmp_path / "cache"))
    x, t = digits(6000, "f4")
    content = gzip.compress(
        pickle.dumps(((x[:5000], t[:5000]), (x[5000:5900], t[5000:5900]), (x[5900:], t[5900:])), 2), 1
    )
    assert len(content) > 2**22
    first = load(path, content)
    assert first.train.table.shape == (5900, 784)
    monkeypatch.setattr("modnet_data.pickle.source._unpack", lambda _: pytest.fail("it was unpacked again"))
    again = load(path, content)
    for data in (first, again):
        np.testing.assert_array_equal(data.train.table, x[:5900])
        np.testing.assert_array_equal(data.train.t, t[:5900])
        np.testing.assert_array_equal(data.test.table, x[5900:])


def test_a_large_refused_file_leaves_nothing_in_the_cache(path, tmp_path, monkeypatch):
    monkeypatch.setenv("MODNET_CACHE", str(tmp_path / "cache"))
    x, t = digits(6000, "f8")
    content = gzip.compress(pickle.dumps((x, t.astype("M8[s]")), 5), 1)
    assert len(content) > 2**22
    assert "dtype 'M8'" in refusal(path, content)
    assert not list((tmp_path / "cache" / "arrays").iterdir())


@pytest.mark.skipif(not MNIST.is_dir(), reason="needs MNIST's IDX files beside the repository")
def test_mnist_loads_in_half_a_second(path):
    whole = modnet.load(MNIST)
    images, labels = whole.train.unscaled(slice(None)), whole.train.t.astype(np.uint8)
    book = {"train_img": images, "train_label": labels, "test_img": images[:10_000], "test_label": labels[:10_000]}
    path.write_bytes(pickle.dumps(book, 5))
    assert path.stat().st_size > 54 * 10**6
    seconds = []
    for _ in range(3):
        start = time.process_time()
        data = modnet.load(path)
        seconds.append(time.process_time() - start)
    np.testing.assert_array_equal(data.train.table, images)
    assert min(seconds) <= 0.5


# Python 2 and NumPy 1


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
    np.testing.assert_array_equal(data.train.unscaled(slice(None)), X)
    assert data.classes == (0, 1)


def test_long_arrays_of_python_2(path):
    x = np.arange(4 * 800, dtype=np.uint8).reshape(4, -1)
    for write in (python_2, binary_python_2):
        data = load(path, b"(" + write(x) + write(T) + b"t.", test_fraction=0.0)
        np.testing.assert_array_equal(data.train.table, x)


def test_text_of_python_2(path):
    names = b"(lS'it\\'s'\naS\"a\\\\b\\n\"\naU\x01\xe9aV\\ud83d\\ude00\na"
    data = load(path, b"(" + python_2(X) + names + b"t.", test_fraction=0.0)
    assert [data.classes[i] for i in data.train.t] == ["it's", "a\\b\n", "\xe9", "\U0001f600"]
    for wrong in (b"S'\\q'\n", b"S'\\x0'\n", b"S'\\'\n", b"V\\ud83d\n", b"V\\u12\n", b"V\\U00110000\n"):
        assert "a damaged pickle: text" in refusal(path, wrong + b".")


def test_labels_of_python_2_that_could_be_read_in_two_ways(path):
    """As UTF-8, which it mostly was, or as Latin-1, which pickle takes for the bytes of arrays."""
    for label in (b"U\x02\xc3\xa9", b"S'\xc3\xa9'\n", b"S'\\xc3\\xa9'\n", b"T\x02\0\0\0\xc3\xa9"):
        content = b"(" + python_2(X) + b"(lU\x01aa" + label + b"aU\x01aaU\x01ba" + b"t."
        words = (
            "label 2 could be UTF-8 or Latin-1, as Python 2 wrote it; write the pickle anew with labels of type unicode"
        )
        assert words in refusal(path, content)
    x = np.frombuffer("é가".encode() * 2, np.uint8).reshape(
        2, 5
    )  # bytes that could be text are an array's all the same
    for write in (python_2, binary_python_2):
        data = load(path, b"(" + write(x) + write(T[:2]) + b"t.", test_fraction=0)
        np.testing.assert_array_equal(data.train.unscaled(slice(None)), x)


@pytest.mark.parametrize("protocol", [0, 1, 2, 3])
def test_numpy_1(path, protocol):
    content = numpy_1(pickle.dumps((X, T), protocol))
    assert b"numpy.core" in content
    np.testing.assert_array_equal(load(path, content, test_fraction=0.0).train.unscaled(slice(None)), X)


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


# What is not data


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"a": X}, "no rows and labels under the names a; expected names: x_train"),
        ({}, r"under the names \(none\)"),
        ({"x": X, "t": T, "y": T}, "names of several conventions: x, t and x, y; keep one"),
        ({"x": X, "X": X, "t": T}, "differ in case only"),
        ({"x": [], "t": T}, "an array is expected where it has list"),
        ({"x": X, "t": [0, 1, 1, 0.5]}, "labels are text or whole numbers, found float, int"),
        ({"x": X, "t": []}, "labels are text or whole numbers, found nothing"),
        ({"x": X, "t": [0, 1, 1]}, "4 rows need 4 labels"),
        ({"x": X, "t": "secret"}, "an array is expected where it has 'secret'"),
        ({"x": X, "t": np.int64(3)}, "an array is expected where it has int"),
        (X, "no rows and labels in a pickle of array"),
        ([1, 2], "no rows and labels in a pickle of list"),
        ("text", "no rows and labels in a pickle of 'text'"),
        (None, "no rows and labels in a pickle of NoneType"),
        ((X, T[:3]), "4 rows need 4 labels, found labels of shape"),
        (((X, T), (X[:, :2], T)), "training rows have 3 features, test rows 2"),
        (((X, T), (X[:, :2], T), (X, T)), "not of one shape"),
        ((X + 1j, T), r"training rows: expected numbers of shape \(N, features\), found complex128"),
        ((X, T + 1j), "must be classes"),
        ((np.array(3.0), T), "an array of rows is expected where it has an array of a single number"),
        ({b"x": X, "x": X, b"t": T}, "'x' is there as text and as bytes; keep one"),
        ({b"\xe9": X, b"t": T}, "no rows and labels under the names t"),
        ((X * np.nan, T), "row 1, feature 1: expected a finite number, found nan"),
        ((X[:0], T[:0]), "no training rows"),
        ((X[:, :0], T), "no features"),
        ((np.float64(1), T), "an array is expected|no rows and labels"),
        ((X, T + 0.5), "must be classes"),
        ((X, np.zeros((4, 2))), "not one-hot"),
        ({"train": {"x": X, "t": T}, "test": {"x": X}}, "no rows and labels under the names x; expected names"),
        (
            {"train": {"x": X, "t": T}, "Train": (X, T), "test": (X, T)},
            "names that differ in case only: train, Train, test",
        ),
        (
            {"train": {"x_train": X, "y_train": T, "x_test": X, "y_test": T}},
            "a part that has parts itself: x_train, y_",
        ),
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


def test_every_cut_is_found(path):
    for protocol in PROTOCOLS:
        content = pickle.dumps((X, T), protocol)
        assert parts(content, path)
        for end in range(len(content)):
            with pytest.raises(DataError, match=r"digits\.pkl: a damaged pickle"):
                parts(content[:end], path)


def test_a_long_path_leaves_the_message_short(tmp_path):
    folder = tmp_path / ("a" * 120) / ("b" * 120)
    folder.mkdir(parents=True)
    assert "posix.system" in refusal(folder / "evil.pkl", b"cposix\nsystem\n)R.")


def test_damaged_or_too_much_when_unpacked(path, monkeypatch):
    content = gzip.compress(pickle.dumps((X, T)))
    with pytest.raises(DataError, match="damaged or cut off"):
        load(path, content[:-20])
    with pytest.raises(DataError, match="damaged or cut off"):
        load(path, content[:15] + bytes([content[15] ^ 0xFF]) + content[16:])
    monkeypatch.setattr("modnet_data.pickle.source.LIMIT", 2**21)
    with pytest.raises(DataError, match="unpacks to more than 2 MiB; if that is meant, decompress it first"):
        load(path, gzip.compress(bytes(2**22)))
