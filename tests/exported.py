"""Exported models in onnxruntime and in Python, beside their runs."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import onnxruntime

import modnet
from modnet import Array

BATCHES = (1, 7, 1000)


@attrs.frozen
class Difference:
    """The largest difference of an exported model's outputs from the run's own, and whether all labels are the same."""

    onnx: float
    numpy: float
    labels: bool
    nodes: int = 0
    bytes: dict[str, int] = attrs.field(factory=dict)

    @property
    def largest(self) -> float:
        """The larger difference."""
        return max(self.onnx, self.numpy)


def open_onnx(path: Path) -> onnxruntime.InferenceSession:
    """Return a session whose errors are raised, and not printed as well."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(path, options)


def read_about(session: onnxruntime.InferenceSession) -> dict[str, Any]:
    """Return what a model in ONNX says of itself."""
    found: dict[str, Any] = json.loads(session.get_modelmeta().custom_metadata_map["modnet"])
    return found


def feed(session: onnxruntime.InferenceSession, rows: Any) -> dict[str, Array]:
    """Return the inputs for raw rows: an array (N, ...), or a list of rows with words, None where a cell is missing."""
    inputs = session.get_inputs()
    if len(inputs) == 1 and inputs[0].type != "tensor(string)":
        dtype = np.float64 if inputs[0].type == "tensor(double)" else np.float32
        return {inputs[0].name: np.asarray(rows, dtype).reshape(len(rows), *inputs[0].shape[1:])}
    columns = zip(*rows, strict=True)
    found: dict[str, Array] = {}
    for each, cells in zip(inputs, columns, strict=True):
        if each.type == "tensor(string)":
            cells = ["" if cell is None else cell for cell in cells]
        found[each.name] = np.array(cells, object if each.type == "tensor(string)" else np.float64)[:, np.newaxis]
    return found


def load_python(path: Path) -> Any:
    """Return an exported file of Python as a module."""
    spec = importlib.util.spec_from_file_location(f"exported_{path.stem}", path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def compare(run: Any, rows: Any, folder: Path, batches: tuple[int, ...] = BATCHES) -> Difference:
    """Export a run as ONNX and as Python, and return how far their outputs are from its own, for batches of rows."""
    files = {kind: modnet.export(run, folder / f"model{suffix}", overwrite=True) for kind, suffix in KINDS.items()}
    session, module = open_onnx(files["onnx"]), load_python(files["numpy"])
    about, largest, labels = read_about(session), {"onnx": 0.0, "numpy": 0.0}, True
    for count in batches:
        some = [rows[n % len(rows)] for n in range(count)]
        some = some if isinstance(rows, list) else np.stack(some)
        own = run.model.compute_outputs(run.model.to_samples(some))
        answers = run.predict(some)
        outputs = session.run(None, feed(session, some))
        of_python = module.predict_outputs(some)
        for kind, found in (("onnx", outputs[-1]), ("numpy", of_python)):
            assert found.shape == own.shape, (kind, found.shape, own.shape)
            assert found.dtype == own.dtype, (kind, found.dtype, own.dtype)
            largest[kind] = max(largest[kind], float(abs(found - own).max()))
        if about["classes"]:
            close = np.sort(own, axis=1)[:, -2:] @ [-1, 1] > 1e-6  # elsewhere rounding may decide
            labels &= bool((outputs[0] == answers)[close].all() and (module.predict(some) == answers)[close].all())
    sizes = {kind: path.stat().st_size for kind, path in files.items()}
    return Difference(largest["onnx"], largest["numpy"], labels, 0, sizes)


KINDS = {"onnx": ".onnx", "numpy": ".py", "safetensors": ".safetensors"}


def train(network: Any, data: Any, iterations: int = 5) -> Any:
    """Return a run of a few iterations, so that biases, running means and slopes are none that parts begin with."""
    return modnet.train(
        network, data, iterations=iterations, batch_size=16, optimizer=modnet.optimizer("adam", lr=0.01)
    )
