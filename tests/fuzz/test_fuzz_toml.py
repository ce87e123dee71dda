"""Mutated experiment files: an experiment, or refused in words."""

from __future__ import annotations

import random
import re
from pathlib import Path

import pytest
from fuzzing import feed, make_files, mutate

from modnet.compose.experiment import create_experiment, to_table
from modnet.compose.tables import read_toml
from modnet.errors import SettingError

MAIN = b"""seed = 0

[data]
name = "mnist-small"

[network]
hidden = [50]
activation = "sigmoid"
output = "softmax"
loss = "cross-entropy"
weight_init_std = 0.01

[gradient]
name = "central-difference"

[optimizer]
name = "sgd"
lr = 0.1

[training]
batch_size = 100
iterations = 2000
sampling = "replacement"
blas_threads = 1
dtype = "float64"

[plugins]
without = []
modules = []
"""
OTHERS = [
    b'network.hidden = [100, 50]\nnetwork.activation = ["relu", {name = "leaky-relu", slope = 0.1}]\n',
    b'data = {path = "points.csv", label = "where", leave_out = ["id"], missing = 0, test_fraction = 0.5}\n',
    b'[optimizer]\nname = "adam"\nlr = 1e-3\nbetas = [0.9, 0.999]\n\n[gradient]\nname = "spsa"\ndirections = 3\n',
    'network.weight_init_std = "he" # 초기값\nplugins = {modules = ["my_plugin"], without = ["*"]}\n'.encode(),
    b"[compare]\nseeds = 3\n[compare.grid]\nhidden = [10, 20]\n",
]
TOKENS = [
    *[b"[", b"]", b"[[", b"]]", b"{", b"}", b"=", b".", b",", b'"', b"'", b'"""', b"#", b"\n", b"\r\n", b"\\", b"_"],
    *[b"true", b"nan", b"-inf", b"1e400", b"0x", b"0b1", b"1979-05-27", b"07:32:00", b"1" * 25, b"9" * 5000],
    *[
        b"0x" + b"f" * 5000,
        b"[" * 2000,
        b"{a=" * 2000,
        b"a." * 2000,
        b"- 1",
        b"\\u0000",
        b"\\u001b[31m",
        b"\\U0010ffff",
    ],
    *[
        b"\xef\xbb\xbf",
        b"\xff\xfe",
        b"\0",
        b"\x1b",
        "é한".encode(),
        b"name",
        b"path",
        b"data",
        b"seed",
        b"lr",
        b"hidden",
    ],
    *[b'"/dev/zero"', b'"."', b'"/"', b'"a' + b"b" * 300 + b'"', b'"csv"', b'"softmax"', b'"xavier"', b"None", b"{}"],
]

VALUES = [b"0", b"1", b"-1", b"0.5", b"nan", b"1e400", b"[]", b"[3]", b'"relu"', b'"he"', b"true", b"{}", b'"a\\u001b"']


def make(draw: random.Random) -> tuple[str, bytes]:
    """Return a changed experiment file, in one of the encodings of editors."""
    content = draw.choice([MAIN, *OTHERS])
    if draw.random() < 0.3:  # another value, which may well do
        key, value = draw.choice([*re.finditer(rb"(\w+) = (.+)", content)]).span(2)
        content = content[:key] + draw.choice(VALUES) + content[value:]
    else:
        content = mutate(draw, content, [MAIN, *OTHERS], TOKENS)
    if draw.random() < 0.1:
        content = content.decode("utf-8", "replace").encode(draw.choice(["utf-8-sig", "utf-16"]))
    return "a.toml", content


def judge(path: Path) -> str:
    """Read an experiment, and again what is written of it; of many mistakes each has a line."""
    path.with_name("points.csv").write_text("a,b,where\n1,2,up\n2,1,down\n")
    try:
        experiment = create_experiment(read_toml(path))
    except SettingError as error:
        for mistake in error.mistakes:
            assert mistake.isprintable(), mistake
            assert len(mistake) < 2000, mistake
        return "refused"
    assert to_table(create_experiment(to_table(experiment))) == to_table(experiment)
    return "read"


@pytest.mark.check
def test_mutated_experiments_are_read_or_refused(tmp_path: Path) -> None:
    counts, faults = feed("test_fuzz_toml:judge", make_files(2000, 0, make), tmp_path)
    assert not faults
    assert counts["read"] > 50
    assert counts["refused"] > 1000
