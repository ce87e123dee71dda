"""The built-in parts in the kit, and the checks it skips."""

from __future__ import annotations

import pickle
import struct
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import polars as pl
import pytest

import modnet
import modnet.testing
from modnet.compose.parts import make_part
from modnet.compose.plugins import get_host
from modnet.testing.kit import find_suite

# Settings that have no default.
NEEDED: dict[tuple[str, str], dict[str, Any]] = {
    ("layer", "activation"): {"activation": "relu"},
    ("layer", "convolution"): {"filters": 3, "size": 3},
    ("layer", "dense"): {"units": 4},
    ("layer", "maxout"): {"units": 4},
}
BUILT_IN = [
    (c.kind, c.name, NEEDED.get((c.kind, c.name), {})) for c in get_host().registry.components() if c.owner == "modnet"
]
# Settings that take another way through the code than the defaults do.
VARIANTS = [
    ("activation", "gelu", {"approximate": True}),
    ("activation", "leaky-relu", {"slope": 0.3}),
    ("activation", "elu", {"alpha": 2.0}),
    ("activation", "swish", {"beta": 3.0}),
    ("layer", "activation", {"activation": "softmax"}),
    ("layer", "activation", {"activation": "step"}),
    ("layer", "convolution", {"filters": 2, "size": [2, 3], "stride": [2, 1], "padding": "same", "bias": False}),
    ("layer", "dropout", {"rate": 0.0}),
    ("layer", "max-pool", {"size": [2, 3], "stride": [2, 1]}),
    ("loss", "cross-entropy", {"eps": 0.0}),
    ("loss", "cross-entropy", {"eps": 0.1}),
    ("loss", "huber", {"delta": 0.1}),
    ("gradient", "evolution-strategies", {"directions": 1, "sigma": 1e-3}),
    ("gradient", "forward-gradient", {"directions": 1}),
    ("gradient", "random-coordinates", {"coordinates": 5}),
    ("gradient", "spsa", {"directions": 1}),
    ("callback", "early-stopping", {"monitor": "train_accuracy", "patience": 1}),
    ("callback", "reduce-on-plateau", {"patience": 1}),
    ("callback", "gradient-quality", {"rows": 10, "repeats": 2, "every": 2, "per_array": True}),
    ("callback", "gradient-report", {"threshold": 0.1}),
    ("callback", "json-log", {"iterations": True}),
    ("callback", "loss-report", {"rows": 3, "weight_decay": 0.1}),
]
# How fast each may go down the two valleys, parabola and Rosenbrock's; another one tries several rates.
RATES = {
    "adagrad": (1.0, 0.5),
    "adam": (0.05, 0.02),
    "momentum": (0.05, 2e-4),
    "nesterov": (0.05, 2e-4),
    "rmsprop": (0.002, 0.002),
    "sgd": (0.1, 1e-3),
}
FUSED = {"fused", "fused-finite", "fused-arrays", "fused-change"}
OF_FILES = {"empty", "truncated", "garbage", "missing", "recognised", "rows-to-predict", "rows-by-name", "written"}
OF_OBJECTS = {"accepted"}
OF_PARAMS = {"channel-axis", "linear", "slopes", "gradients"}
OF_SETTINGS = {"settings-refused", "settings-odd", "settings-kept"}
# The checks that have nothing to say of a part, where they are others than its kind's.
USUALLY_SKIPPED = {
    "activation": {"standard"},
    "gradient": {"mean"},
    "callback": {"cost"},
    "layer": {"standard", "update"},
    "data-source": {"rows-by-name", "accepted"},
}
SKIPPED = {
    "gelu": {"standard", "settings-odd"},
    "sigmoid": set(),
    "softmax": {"elementwise"},
    "step": {"standard", "derivative", "backward"},
    "activation(activation=relu)": {"update", *OF_PARAMS},
    "activation(activation=softmax)": {"update", "elementwise", "reach", *OF_PARAMS},
    "activation(activation=step)": {"update", "backward", "ties", *OF_PARAMS},
    "batch-norm": {"standard", "elementwise", "couples-samples"},
    "convolution": {"standard", "update", "elementwise", "reach"},
    "dense": {"update", "elementwise", "reach"},
    "dropout": {"standard", "update", *OF_PARAMS},
    "flatten": {"standard", "update", "elementwise", *OF_PARAMS},
    "max-pool": {"standard", "update", "elementwise", "kinks", *OF_PARAMS},
    "maxout": {"standard", "update", "elementwise", "kinks", "reach", "linear", "slopes"},
    "huber": FUSED | {"smooth", "targets"},
    "mean-squared-error": FUSED,
    "backpropagation": {"mean", "any-function", "evaluations"},
    "evolution-strategies": {"gradient", "weighted"},
    "activity-perturbation": {"gradient", "weighted", "any-function", "evaluations"},
    **{
        name: {"gradient", "weighted", "mean", "any-function", "evaluations"}
        for name in ("feedback-alignment", "direct-feedback-alignment")
    },
    "node-perturbation": {"gradient", "weighted", "any-function", "evaluations"},
    "forward-gradient": {"gradient", "weighted", "evaluations"},
    "random-coordinates(coordinates=5)": {"gradient", "weighted"},
    "spsa": {"gradient", "weighted"},
    "torch-autograd": {"mean", "any-function", "evaluations", "other-arrays"},
    "best-checkpoint": {"clock", "cost"},
    "gradient-report": set(),
    "json-log": {"clock", "settings-odd"},
    "tensorboard": {"clock", "cost", "settings-odd"},
    "time-limit": {"clock"},
    **{name: {"indices"} for name in ("mae", "r2", "rmse")},
    "csv": OF_OBJECTS,
    "parquet": OF_OBJECTS,
    "frame": OF_FILES,
    **dict.fromkeys(["circles", "iris", "mnist-small", "moons", "spiral", "wine", "xor"], OF_FILES | OF_OBJECTS),
    "mnist": set(find_suite("data-source").checks) - {"recognises-quietly", "accepts-quietly", *OF_SETTINGS},
}
# Without eps the loss of a certain error is infinite, as documented.
FAILED = {"cross-entropy(eps=0.0)": {"certain"}}


def name_variant(name: str, settings: dict[str, Any]) -> str:
    return f"{name}({', '.join(f'{key}={value}' for key, value in settings.items())})" if settings else name


def options_of(kind: str, name: str, folder: Path) -> dict[str, Any]:
    """Return what the kit is to know of a part, so that it asks for as much as that can do."""
    if kind == "gradient":
        return {"tolerance": 1e-6}
    if name in RATES:
        parabola, rosenbrock = (modnet.optimizer(name, lr=rate) for rate in RATES[name])
        return {"parabola": parabola, "rosenbrock": rosenbrock}
    if name == "frame":
        return {"given": pl.DataFrame({"x": np.arange(20.0), "y": [3, 1] * 10, "species": ["a", "b", "b", "a"] * 5})}
    return {"file": write_idx(folder)} if name == "idx" else {}


def write_idx(folder: Path) -> list[Path]:
    x, t = np.arange(120, dtype=np.uint8).reshape(30, 4), np.arange(30, dtype=np.uint8) % 3
    images, labels = folder / "train-images-idx3-ubyte", folder / "train-labels-idx1-ubyte"
    images.write_bytes(struct.pack(">4B3I", 0, 0, 8, 3, 30, 2, 2) + x.tobytes())
    labels.write_bytes(struct.pack(">4BI", 0, 0, 8, 1, 30) + t.tobytes())
    return [images, labels]


@pytest.mark.parametrize(
    ("kind", "name", "settings"),
    [
        pytest.param(
            *row,
            id=f"{row[0]} {name_variant(*row[1:])}",
            # A process for each of a hundred readings, and a run for each of many checks.
            marks=[pytest.mark.check] if row[1] == "parquet" or (row[0] == "callback" and row[2]) else [],
        )
        for row in BUILT_IN + VARIANTS
    ],
)
def test_each_passes(kind, name, settings, tmp_path, monkeypatch):
    if name in {"tensorboard", "torch-autograd"}:
        pytest.importorskip(name.partition("-")[0])
    monkeypatch.setenv("MODNET_CACHE", str(tmp_path / "cache"))
    made = make_part(kind, name, **settings)
    report = find_suite(kind).run(made, **options_of(kind, name, tmp_path))
    variant = name_variant(name, settings)
    assert {outcome.name for outcome in report.failed} == FAILED.get(variant, set()), str(report)
    assert not report.missing
    expected = SKIPPED.get(variant, SKIPPED.get(name, USUALLY_SKIPPED.get(kind, set())))
    has_settings = attrs.fields(type(made)) or made.array_library == "torch"  # it is checked as a setting of another
    expected = expected if has_settings else expected | OF_SETTINGS
    assert {outcome.name for outcome in report.skipped} == expected


@pytest.mark.parametrize(
    ("kind", "name", "options"),
    [
        ("activation", "softmax", {"width": 1}),
        ("activation", "sigmoid", {"width": 1}),
        ("loss", "cross-entropy", {"classes": 1}),
        ("loss", "mean-squared-error", {"classes": 1}),
        ("loss", "cross-entropy", {"classes": 10}),
    ],
)
def test_some_pass_at_other_sizes(kind, name, options):
    find_suite(kind).run(make_part(kind, name), raises=True, **options)


def test_files_that_others_wrote_pass(tmp_path):
    x, t = np.arange(60, dtype=np.uint8).reshape(12, 5), np.arange(12) % 3
    np.savetxt(tmp_path / "data.csv", np.column_stack([t, x]), "%d", ",", header="label,a,b,c,d,e", comments="")
    (tmp_path / "data.pkl").write_bytes(pickle.dumps({"train_img": x, "train_label": t}))
    np.savez_compressed(tmp_path / "data.npz", x_train=x, y_train=t, x_test=x[:3], y_test=t[:3])
    for name, file in (("csv", "data.csv"), ("pickle", "data.pkl"), ("npz", "data.npz")):
        modnet.testing.check_data_source(name, file=tmp_path / file)
