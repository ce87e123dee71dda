"""Good pickles with a few bytes changed: read, or refused by DataError.

As a script it tries many and prints as JSON how many were read and refused: `python mutated_pickles.py COUNT SEED`.
Anything but DataError, a warning included, ends it.
"""

from __future__ import annotations

import json
import pickle
import random
import sys
import time
import warnings
from collections import Counter, OrderedDict, defaultdict
from pathlib import Path

import numpy as np
from modnet_data.arrays.source import text_labels
from modnet_data.pickle.opcodes import ALLOWED, REFUSED
from modnet_data.pickle.source import parts, rows_to_predict
from sklearn.utils import Bunch

import modnet

X = np.arange(12.0).reshape(4, 3)
T = np.array([0, 1, 1, 0])
CONTENTS = [
    (X, T),
    {"x": X > 3, "t": T.astype(">i2")},
    {"train_img": np.asfortranarray(X.astype("f2")), "train_label": T, "test_img": X[:1], "test_label": T[:1]},
    ((X.astype(np.longdouble), list("abba")), (X.astype(">u4"), ("a",) * 4)),
    {"x": X.reshape(2, 2, 3).transpose(1, 0, 2), "t": [np.int8(3), np.int8(4)], "note": "é" * 3, 3: None, "k": 2.5},
    (np.arange(3000, dtype=np.uint8).reshape(4, 750), T.astype("u1")),
    OrderedDict(data=X.tolist(), target=np.array([*"abba"]), more={1, (2, b"b"), frozenset("c")}, b=bytearray(b"\xe9")),
    defaultdict(list, x=[*X], t=np.array([b"oak", b"ash", b"ash", b"oak"]), more=[1j, 2**99, Counter("a"), {"a": {}}]),
    {"train": {"x": X, "t": np.array([*"abba"], object)}, "test": (X[:1].tolist(), [np.str_("a")])},
    ((X.tolist(), [b"a", b"b", b"b", b"a"]), (X.tolist(), np.array(["b"] * 4, ">U3")), (X[:1], [np.bytes_(b"a")])),
    Bunch(data=X.astype(int).tolist(), target=np.array([1, 0, 0, 1], object), target_names=np.array(["oak", "ash"])),
]
COMPLEX = (X.astype("c8"), np.eye(2)[T])
PYTHON_2 = (
    b"(cnumpy.core.multiarray\n_reconstruct\np1\n(cnumpy\nndarray\np2\n(I0\ntS'b'\ntRp3\n(I1\n(I2\nL2L\ntcnumpy\ndtype\np4\n"
    b"(S'u1'\nI0\nI1\ntRp5\n(I3\nS'|'\nNNNI-1\nI-1\nI0\ntbI00\nS'\\x00a\\n\\\\'\ntb(lp6\nI3\naI4\nat."
)
GOOD = [pickle.dumps(content, protocol) for content in CONTENTS for protocol in range(6)]
GOOD += [content.replace(b"numpy._core", b"numpy.core") for content in GOOD if content[:2] <= b"\x80\x03"]
GOOD.append(PYTHON_2)
BASES = [*GOOD, *(pickle.dumps(COMPLEX, protocol) for protocol in range(6))]
OPCODES = b"".join([*ALLOWED, *REFUSED])
EXTREMES = [b"\xff" * 4, b"\xff\xff\xff\x7f", b"\0\0\0\x80", b"\xff" * 8, b"\0" * 8, b"\0\0\0\0\1\0\0\0"]


def mutate(draw: random.Random) -> bytes:
    """Return one of the good pickles with one to five changes."""
    content = bytearray(draw.choice(BASES))
    for _ in range(draw.choice([1, 1, 1, 2, 5])):
        at, what = draw.randrange(len(content) or 1), draw.random()
        if what < 0.35:
            content[at : at + 1] = bytes([draw.randrange(256)])
        elif what < 0.55:
            content[at : at + 1] = bytes([draw.choice(OPCODES)])
        elif what < 0.7:
            content[at:at] = draw.randbytes(draw.choice([1, 1, 4]))
        elif what < 0.8:
            del content[at : at + draw.choice([1, 2, 8])]
        elif what < 0.9:
            piece = draw.choice(BASES)
            start = draw.randrange(len(piece))
            content[at:at] = piece[start : start + draw.choice([1, 5, 40])]
        elif what < 0.97:
            extreme = draw.choice(EXTREMES)
            content[at : at + len(extreme)] = extreme
        else:
            del content[at:]
    return bytes(content)


def load(content: bytes) -> bool:
    """Say whether a pickle is read, as a whole data set, rather than refused."""
    path = Path("mutated.pkl")
    try:
        arrays = [np.concatenate(blocks) for blocks in parts(content, path)]
        arrays[1::2] = [text_labels(labels, path) for labels in arrays[1::2]]
        data = modnet.Dataset.from_arrays((arrays[0], arrays[1]), tuple(arrays[2:]) or None, scale=1)
        data.check()
        assert np.isfinite(data.train.x).all()
        assert len(data.train.x) == len(data.train.t)
        rows_to_predict(content, path)
    except modnet.DataError as error:
        if len(str(error)) > 500:
            raise AssertionError("a long message") from error
        return False
    return True


def main(count: int, seed: int) -> None:
    """Try so many."""
    import resource

    warnings.simplefilter("error")
    limit = 2**30  # of address space, most of it libraries and threads' stacks
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    assert all(map(load, GOOD))
    draw = random.Random(seed)  # noqa: S311 - nothing is secret here
    read, slowest = 0, 0.0
    for _ in range(count):
        content = mutate(draw)
        begin = time.process_time()
        read += load(content)
        slowest = max(slowest, time.process_time() - begin)
    print(json.dumps({"read": read, "refused": count - read, "slowest": slowest}))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
