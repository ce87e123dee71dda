"""Parameters and checkpoints on disk: atomic, bit for bit, without pickle."""

from __future__ import annotations

import copy
import io
import json
import math
import re
import warnings
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import attrs
import numpy as np

from modnet.errors import DataError, PluginError, SettingError, ShapeError
from modnet.files import replacing, sweep, write_atomically
from modnet.files.arrays import unpack_arrays
from modnet.files.opening import read_plain
from modnet.files.writing import delete, move
from modnet.interfaces import Callback, GradientEstimator, Optimizer, Part, is_same_name, name_of
from modnet.nn.arrays import NUMPY, Library, get_dtype, to_numpy, to_numpy_all
from modnet.nn.serialization import STORABLE, flatten, unflatten
from modnet.text import printable
from modnet.types import Array, History, Params, State

CHECKPOINT, PREVIOUS = "checkpoint.npz", "checkpoint-previous.npz"
VERSION = 1  # of a checkpoint's format
DIGEST = "sha256"  # the entry of a description of parameters that seals both
_HEX = 64  # letters of a SHA-256
_COLUMN = re.compile("[a-z][a-z0-9_]*")


Flattened = tuple[Any, list[Array]]  # a state as `flatten` returns it, and its arrays


@attrs.frozen(eq=False)
class Checkpoint:
    """The state of a run after `iteration` iterations: all that it takes to resume to the same bits.

    It goes with the network, the data, the estimator and the settings of its run. `states` are the names and states of
    the optimizer and of the callbacks, as `flatten_state` returns them; `history` and `seconds` are those of training
    until then, and `factor` is that of the learning rate, by the callbacks' decisions. `gradient` is the name and state
    of a gradient estimator that has one.
    """

    iteration: int
    params: Params = attrs.field(repr=False)
    states: tuple[tuple[str, Flattened], ...] = attrs.field(repr=False)
    history: History
    seconds: float
    factor: float = 1.0
    gradient: tuple[str, Flattened] | None = attrs.field(default=None, repr=False)

    def check(self, params: Params, optimizer: Optimizer, callbacks: Sequence[Callback] = ()) -> None:
        """Raise SettingError or ShapeError where it is not of these parts, or not of a network with such parameters.

        The checkpoint's values need not be theirs.
        """
        names = [name for name, _ in self.states]
        _check_names("optimizer", names[:1], [optimizer])
        _check_names("callbacks", names[1:], callbacks)
        for name in {**self.params, **params}:
            pair = self.params.get(name), params.get(name)
            there, here = ("missing" if array is None else f"{get_dtype(array)} {tuple(array.shape)}" for array in pair)
            if here != there:
                raise ShapeError(f"the checkpoint is of another network: {name} is {there} in it, here it is {here}")

    def restore(self, number: int, first: State, library: Library = NUMPY) -> State:
        """Return one of the states, of the structure of the part's first one, and for a network of some array library.

        Raises DataError of another structure.
        """
        return _restore(self.states[number], first, library)

    def restore_gradient(self, estimator: GradientEstimator, first: State, library: Library = NUMPY) -> State:
        """Return the state of a gradient estimator, None where it has none; raises SettingError of another one's."""
        if self.gradient or first is not None:
            _check_names("gradient estimator", [self.gradient[0]] if self.gradient else [], [estimator])
        return _restore(self.gradient, first, library) if self.gradient else None


def _restore(flattened: tuple[str, Flattened], first: State, library: Library) -> State:
    name, (node, arrays) = flattened
    try:
        return copy.deepcopy(unflatten(node, first, arrays, library))
    except Exception as error:  # a file may hold anything
        what = printable(f"of {name} is of another structure than now: {error}", 200)
        raise DataError(f"the checkpoint's state {what}") from None


def _check_names(what: str, names: Sequence[str], parts: Sequence[Part]) -> None:
    wanted = [name_of(part) for part in parts]
    if len(names) != len(wanted) or not all(map(is_same_name, names, wanted)):
        of, not_of = (", ".join(each) or "none" for each in (names, wanted))
        raise SettingError([f"the checkpoint is of the {what} {of}, not {not_of}"], "start")


def flatten_state(part: Part, state: State, first: State, native: type = np.ndarray) -> tuple[str, Flattened]:
    """Return a part's name and its state, of the structure of its first one; raises PluginError where it cannot be.

    `native` is the class of the network's arrays.
    """
    arrays: list[Array] = []
    try:
        return name_of(part), (flatten(state, first, arrays, "state", native), arrays)
    except (TypeError, RecursionError) as error:
        kinds: dict[type, str] = {Optimizer: "optimizer", GradientEstimator: "gradient estimator", Callback: "callback"}
        kind = next(word for cls, word in kinds.items() if isinstance(part, cls))
        why = f"a checkpoint cannot hold the state of the {kind} {name_of(part)} ({error})"
        raise PluginError(why, f"use {STORABLE}", part=part) from None


def hash_params(params: Params) -> str:
    """Return the SHA-256 of all parameters: their names, dtypes, shapes and little-endian bytes.

    >>> hash_params({"b1": np.zeros(2)})[:16]
    'bcebd382c00962f5'
    """
    digest = sha256()
    for name in sorted(params):
        value = to_numpy(params[name])
        digest.update(json.dumps([name, value.dtype.name, value.shape]).encode())
        digest.update(np.ascontiguousarray(value, dtype=value.dtype.newbyteorder("<")).tobytes())
    return digest.hexdigest()


def save_params(path: Path, params: Params, about: dict[str, Any]) -> None:
    """Write parameters and a JSON-able description, with the SHA-256 of both in it, as an npz file."""
    content, params = io.BytesIO(), to_numpy_all(params)
    sealed = {**about, DIGEST: _hash_described(params, about)}
    np.savez(content, allow_pickle=False, about=np.array(json.dumps(sealed)), **params)
    write_atomically(path, content.getvalue())


def load_params(path: Path) -> tuple[dict[str, Array], dict[str, Any]]:
    """Return the parameters and the description; raises DataError where the file is missing or damaged."""
    if not path.exists():
        raise DataError(f"{path}: the parameters are missing: has the run been started?", path=path)
    content = read_plain(path)
    try:
        params = unpack_arrays(content)
        about: dict[str, Any] = dict(json.loads(str(params.pop("about"))))
        then = about.pop(DIGEST, None)  # runs of older versions have none
        is_intact = then is None or then == _hash_described(params, about)
    except Exception as error:  # zipfile, zlib, NumPy and json have many of their own
        why = printable(str(error), 200)
        raise DataError(f"{path}: not the parameters of a run, or damaged ({why})", path=path) from None
    if not is_intact:
        raise DataError(f"{path}: damaged, its digest is not that of its content", path=path)
    return params, about


def _hash_described(params: Params, about: dict[str, Any]) -> str:
    return sha256(json.dumps([hash_params(params), about], sort_keys=True).encode()).hexdigest()


@attrs.define
class Checkpoints:
    """The last two checkpoints of a run in its folder: where the newest is damaged, the one before is read.

    `about` is a JSON-able description of the run.
    """

    folder: Path
    about: dict[str, Any] = attrs.field(factory=dict)
    _newest_is_good: bool = attrs.field(default=False, init=False)

    def save(self, checkpoint: Checkpoint) -> None:
        """Write a checkpoint; the newest so far becomes the one before. Raises OSError."""
        content = self._pack(checkpoint)
        newest = self.folder / CHECKPOINT
        with replacing(newest) as new:
            new.write_bytes(content)
            if self._newest_is_good:  # or else it must not take the place of one that is
                self._newest_is_good = False
                move(newest, self.folder / PREVIOUS)
        self._newest_is_good = True

    def load(self) -> tuple[Checkpoint, dict[str, Any]] | None:
        """Return the last good checkpoint and its description, None without any; warns, and raises DataError."""
        paths = self.folder / CHECKPOINT, self.folder / PREVIOUS
        if not any(path.exists() for path in paths):
            return None
        wrong: list[str] = []
        for path in paths:
            try:
                checkpoint, about = _read(path)
            except DataError as error:
                wrong.append(str(error))
                continue
            if wrong:
                what = f"{wrong[0]}; the one before is used, of iteration {checkpoint.iteration:,}"
                warnings.warn(what, stacklevel=2)
            self._newest_is_good = not wrong
            return checkpoint, about
        raise DataError("\n".join([*wrong, "the run cannot be resumed: start it again from the beginning"]))

    def discard(self, *, but_the_last: bool = False) -> None:
        """Remove the checkpoints, or all but the last, and the temporary files of a killed process."""
        self._newest_is_good = self._newest_is_good and but_the_last
        for name in (PREVIOUS,) if but_the_last else (PREVIOUS, CHECKPOINT):
            delete(self.folder / name)
            sweep(self.folder / name)

    def _pack(self, checkpoint: Checkpoint) -> bytes:
        """Return an npz archive whose comment is the SHA-256 of every byte before it."""
        (optimizer, (state, own)), *callbacks = checkpoint.states
        arrays = [*own]  # first, so that each keeps its number in the optimizer's state
        history = checkpoint.history
        recorded = {"loss": history.loss, "iterations": history.evaluated_at, **history.columns}
        header = {
            "version": VERSION,
            "iteration": checkpoint.iteration,
            "seconds": checkpoint.seconds,
            "optimizer": optimizer,
            "state": state,
            "params": flatten(dict(checkpoint.params), None, arrays),
            "callbacks": [_number(each, arrays) for each in callbacks],
            "gradient": checkpoint.gradient and _number(checkpoint.gradient, arrays),
            "factor": checkpoint.factor,
            "history": flatten({name: np.array(values) for name, values in recorded.items()}, None, arrays),
            "about": self.about,
        }
        content = io.BytesIO()
        numbered = {str(i): array for i, array in enumerate(arrays)}
        np.savez(content, allow_pickle=False, header=np.array(json.dumps(header)), **numbered)
        sealed = content.getvalue()[:-2] + _HEX.to_bytes(2, "little")  # the archive ends with its comment's length
        return sealed + sha256(sealed).hexdigest().encode()


def hash_checkpoints(folder: Path) -> set[str]:
    """Return the digests of the parameters in a run's checkpoints; none where one of these is damaged."""
    paths = [path for path in (folder / CHECKPOINT, folder / PREVIOUS) if path.exists()]
    try:
        return {hash_params(_read(path)[0].params) for path in paths}
    except DataError:
        return set()


def _read(path: Path) -> tuple[Checkpoint, dict[str, Any]]:
    """Return a checkpoint and its description; raises DataError."""
    if not path.exists():
        raise DataError(f"{path}: missing")
    content = read_plain(path)
    if sha256(content[:-_HEX]).hexdigest().encode() != content[-_HEX:]:
        raise DataError(f"{path}: damaged, its digest is not that of its content")
    try:
        return _unpack(content)
    except Exception as error:  # zipfile, zlib, NumPy and json have many of their own
        why = printable(str(error), 200)
        raise DataError(f"{path}: not a checkpoint of this run ({why})", path=path) from None


def _unpack(content: bytes) -> tuple[Checkpoint, dict[str, Any]]:
    members = unpack_arrays(content)
    header = json.loads(str(members["header"]))
    if header["version"] != VERSION:
        raise ValueError(f"of format {header['version']}, this modnet reads {VERSION}")
    arrays = [members[str(i)] for i in range(len(members) - 1)]
    iteration, numbers = (
        header["iteration"],
        (header["seconds"], header.get("factor", 1.0)),
    )  # older ones have no factor
    if type(iteration) is not int or iteration < 0 or not all(type(n) is float and 0 <= n < math.inf for n in numbers):
        raise ValueError(f"iteration {iteration!r}, seconds and factor {numbers}")
    params = unflatten(header["params"], None, arrays)
    history = _to_history(unflatten(header["history"], None, arrays), iteration)
    callbacks = header.get("callbacks", ())  # which older versions had none of
    own = header.get("gradient")
    optimizer = str(header["optimizer"]), (header["state"], arrays)
    states = optimizer, *(_find_numbered(each, arrays) for each in callbacks)
    gradient = own and _find_numbered(own, arrays)
    return Checkpoint(iteration, params, states, history, *numbers, gradient), dict(header["about"])


def _number(state: tuple[str, Flattened], arrays: list[Array]) -> list[Any]:
    name, (node, own) = state
    return [name, node, flatten(own, None, arrays)]


def _find_numbered(numbered: list[Any], arrays: list[Array]) -> tuple[str, Flattened]:
    name, node, own = numbered
    return str(name), (node, unflatten(own, None, arrays))


def _to_history(columns: dict[str, Array], iteration: int) -> History:
    """Return the history of so many iterations; raises ValueError where it is none."""
    at = columns.pop("iterations")
    wrong = [name for name in columns if not _COLUMN.fullmatch(name)]
    wrong += [name for name, values in columns.items() if values.dtype.kind != "f" or values.ndim != 1]
    loss, rows = columns.pop("loss").tolist(), at.tolist()
    wrong += [name for name, values in columns.items() if len(values) != len(rows)]
    if (
        wrong
        or len(loss) != iteration
        or rows != sorted(rows)
        or not all(type(k) is int and k <= iteration for k in rows)
    ):
        raise ValueError(f"a history that is none of {iteration} iterations {wrong or ''}")
    return History(loss, rows, {name: values.tolist() for name, values in columns.items()})
