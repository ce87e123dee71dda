"""Runs exported to a file."""

from __future__ import annotations

from importlib import import_module
from os import PathLike
from pathlib import Path
from typing import Any, Literal, get_args

import attrs
import numpy as np

from modnet import DataError, MissingExtraError, Run, SavedRun, SettingError, Status, match_array, open_run
from modnet.files import write_atomically
from modnet.text import quote

Format = Literal["onnx", "safetensors", "numpy"]
FORMATS: tuple[Format, ...] = get_args(Format)
SUFFIXES = {"onnx": ".onnx", "safetensors": ".safetensors", "numpy": ".py"}


def export(
    run: Run | SavedRun | str | PathLike[str],
    path: str | PathLike[str],
    *,
    to: Format | None = None,
    overwrite: bool = False,
) -> Path:
    """Write the trained network of a run to a file that needs no modnet, and return its path.

    `run` is one that `train` or `open_run` returned, or its folder. `to` is "onnx", "safetensors" or "numpy", by
    default what the path ends with: .onnx, .safetensors or .py. ONNX and "numpy" take raw rows, and have the
    preparation inside; "safetensors" has the parameters, with all settings as JSON. Raises SettingError for an unknown
    format or a file that is there already, unless `overwrite`; PluginError, with the part, for one that cannot be
    expressed; DataError for a run that diverged; MissingExtraError.

    >>> data = modnet.load("iris")
    >>> run = modnet.train(modnet.Network.for_data(data), data, iterations=100)
    >>> modnet.export(run, "iris.py").name  # doctest: +SKIP
    'iris.py'
    """
    given: Any = run
    if not isinstance(given, (Run, SavedRun, str, PathLike)):
        what = f"takes a run, or its folder, not a {type(given).__name__}: an estimator's run is model.run_"
        raise SettingError([what], "export")
    target = Path(path)
    kind = find_format(target, to)
    if target.is_dir():
        raise SettingError([f"{target} is a folder: name a file"], "export")
    if target.exists() and not overwrite:
        raise SettingError([f"{target} exists already: choose another name, or overwrite=True"], "export")
    return write_export(run, target, kind)


def find_format(path: Path, to: str | None) -> Format:
    """Return the format of a file, by default that of its suffix; raises SettingError where there is none."""
    found = to or next((name for name, suffix in SUFFIXES.items() if path.suffix.lower() == suffix), None)
    for name in FORMATS:
        if name == found:
            return name
    what = f"no format {to!r}" if to else f"{path.name}: the name says no format"
    raise SettingError([f"{what}: available: {', '.join(FORMATS)}"], "export")


def write_export(run: Run | SavedRun | str | PathLike[str], target: Path, kind: Format) -> Path:
    """Write the trained network of a run in a format, in place of a file that is there; raises as `export` does."""
    if not isinstance(run, (Run, SavedRun)):
        run = open_run(run)
    if run.status is Status.DIVERGED:
        raise DataError(f"{_describe(run)} diverged: its network predicts nothing: train it with a smaller lr")
    if not target.parent.is_dir():
        raise DataError(f"{target}: there is no folder {target.parent}", path=target)
    try:
        module = import_module(f"modnet_export.{kind}_file")
    except ModuleNotFoundError as error:
        if str(error.name).partition(".")[0] not in {"onnx", "safetensors"}:
            raise
        raise MissingExtraError(f"export to {kind}", "export") from None
    try:
        content: bytes = getattr(module, f"write_{kind}")(_to_numpy(run.model))
    except UnicodeEncodeError as error:
        what = f"{quote(error.object, ascii)} is no text that a file can hold"
        raise DataError(f"{what}: name the label, word or column otherwise") from None
    try:
        write_atomically(target, content)
    except OSError as error:
        raise DataError(f"{target}: cannot be written: {error.strerror or error}", path=target) from None
    return target


def _to_numpy(model: Any) -> Any:
    """Return a trained model with arrays of NumPy, whatever library and device it was trained on."""
    network = model.network
    arrays = {name: match_array(value, np.empty(0, network.dtype)) for name, value in network.arrays.items()}
    return attrs.evolve(model, network=network.with_arrays(arrays))


def _describe(run: Run | SavedRun) -> str:
    return f"{run.folder}: the run" if isinstance(run, SavedRun) else "the run"
