"""A run trained again, and compared with what is in its folder."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from hashlib import sha256
from itertools import zip_longest
from pathlib import Path
from typing import Any

import attrs
import numpy as np

from modnet.cli.show.diagnosis import diagnose
from modnet.cli.verify.verification import Departure, Retraining, Verification
from modnet.compose.experiment import Experiment, run_experiment, to_table
from modnet.compose.tables import read_toml
from modnet.data.dataset import Dataset
from modnet.errors import DataError, DivergedError, SettingError
from modnet.files.opening import read_json, read_plain
from modnet.interfaces import Callback, ObservedRun, Observer, Stop
from modnet.nn.arrays import to_numpy_all
from modnet.nn.checkpoint import hash_params, load_params
from modnet.runs import contents
from modnet.runs.folder import ERRORS, EXPERIMENT, HISTORY, HITS, PARAMS, PREPARATION, SUMMARY
from modnet.runs.receipt import PLACE, RECEIPT, Results, compare_settings, flatten
from modnet.runs.surroundings import Difference, compare_entries
from modnet.types import Array, Params, State, Status

UNVERIFIED = ("seconds", "versions")  # of a summary: another run of the same bits may have them otherwise


def retrain(wanted: Verification, progress: Observer) -> Verification:
    """Return a verification with the results of training again, as far as the run went; its folder stays as it is.

    Where the loss is another, it ends at the next epoch's end. Hooks of plugins are not called.
    """
    results, experiment, data = wanted.results, wanted.experiment, wanted.data
    if experiment is None or data is None:
        return wanted
    stopped = results.status in {Status.INTERRUPTED, Status.FAILED}
    # A run that diverged made one step more than it saved, and then computed the loss.
    until = results.iterations + 2 if results.status is Status.DIVERGED else results.iterations if stopped else None
    watch, table = _Watch(progress, _read_losses(wanted)), to_table(experiment)
    repeatable = attrs.evolve(experiment, callbacks=_choose_callbacks(experiment.callbacks, results))
    try:
        run: Any = run_experiment(repeatable, data, observer=watch, until=until, table=table)
    except DivergedError as error:
        run = error.run
    except _DepartedError as departed:
        return attrs.evolve(wanted, again=_compare_results(wanted, *departed.args))
    if run.status is not Status.DIVERGED and stopped:
        run.status = results.status  # as far as it went
    if run.status is Status.FAILED:  # it was evaluated at the ends of epochs alone
        run.history, run.of_samples = run.history_of_epochs(run.iteration), watch.of_samples
    found = _find_deviations(wanted.folder, run, experiment, data)
    return attrs.evolve(wanted, again=_compare_results(wanted, run, found))


@attrs.frozen
class _StopAgain(Callback):
    """Stops a run where a callback stopped it that is not repeatable."""

    iteration: int
    reason: str

    def on_iteration(self, run: ObservedRun, state: State) -> tuple[State, Stop | None]:
        return state, Stop(self.reason) if run.iteration == self.iteration else None


def _choose_callbacks(callbacks: Sequence[Callback], results: Results) -> tuple[Callback, ...]:
    """Return the callbacks that are repeatable, with one that stops the run in place of all others."""
    chosen = [callback for callback in callbacks if callback.repeatable]
    if results.stop_reason and len(chosen) < len(callbacks):
        chosen.append(_StopAgain(results.iterations, results.stop_reason))
    return tuple(chosen)


def _read_losses(wanted: Verification) -> list[float] | None:
    """Return the recorded losses, which training again must have, or None where the file is not as the run left it."""
    if any(difference.what == HISTORY for difference in wanted.differences):
        return None
    try:
        return contents.read_history(wanted.folder / HISTORY).loss
    except DataError:  # the receipt was changed with it
        return None


class _DepartedError(Exception):
    """The run, its one argument, differs from the recorded one; the rest of it would show nothing more."""


@attrs.define
class _Watch(Observer):
    """An observer that passes on each event, and ends a run that has left the recorded one."""

    progress: Observer
    expected: list[float] | None  # the recorded losses, if they are to be compared
    of_samples: Array | None = None  # the hits or errors at the last epoch's end
    _seen: int = 0

    def run_started(self, run: ObservedRun) -> None:
        self.progress.run_started(run)

    def epoch_ended(self, run: ObservedRun) -> None:
        """Pass it on, and compare the losses since the last time; raises _DepartedError."""
        self.progress.epoch_ended(run)
        losses = run.history.loss
        if run.status is Status.RUNNING:
            self.of_samples = run.errors if run.hits is None else run.hits
            if self.expected is not None and losses[self._seen :] != self.expected[self._seen : len(losses)]:
                raise _DepartedError(run)
            self._seen = len(losses)


def _compare_results(wanted: Verification, run: ObservedRun, deviations: Sequence[Difference] = ()) -> Retraining:
    """Return what came of training again, compared with the receipt's results and the history, too."""
    results, history = wanted.results, contents.history_to_csv(run.history)
    digest = hash_params(run.params)
    made = Results(run.status, run.iteration, digest, results.files, run.stop_reason)
    wrong = compare_entries(RECEIPT, attrs.asdict(results), attrs.asdict(made))
    same = not wrong and sha256(history.encode()).hexdigest() == results.files.get(HISTORY)
    departure = None
    try:
        text = read_plain(wanted.folder / HISTORY).decode("utf-8")
        departure = find_departure(text, history)
        if text != history and not departure:
            wrong.append(Difference(HISTORY, "not written as the run writes it"))
    except (DataError, UnicodeDecodeError):
        wrong.append(Difference(HISTORY, "cannot be read"))
    return Retraining(same, made.iterations, made.params_sha256, departure, (*deviations, *wrong))


def _find_deviations(folder: Path, run: ObservedRun, experiment: Experiment, data: Dataset) -> list[Difference]:
    """Return what a run's folder has otherwise than a run that was trained again; the history is not compared."""
    fitted = flatten(data.preparation.to_dict() if data.preparation else {})
    comparisons: dict[str, Callable[[Path], Iterable[Difference]]] = {
        EXPERIMENT: lambda path: compare_settings(read_toml(path), to_table(experiment), PLACE, EXPERIMENT),
        PARAMS: lambda path: _compare_params(path, to_numpy_all(run.params), contents.describe_params(data)),
        PREPARATION: lambda path: compare_entries(path.name, flatten(read_json(path) if path.exists() else {}), fitted),
        HITS: lambda path: _compare_of_samples(path, run.hits, run.status),
        ERRORS: lambda path: _compare_of_samples(path, run.errors, run.status),
        SUMMARY: lambda path: _compare_summary(
            path, contents.summarize(run, experiment, data, diagnose(run, experiment, data))
        ),
    }
    found: list[Difference] = []
    for name, compare in comparisons.items():
        try:
            found += compare(folder / name)
        except (DataError, SettingError) as error:
            found.append(Difference(name, str(error).removeprefix(f"{folder / name}: ")))
    return found


def _compare_params(path: Path, made: Params, about: dict[str, Any]) -> Iterator[Difference]:
    """Yield the first number of each array that differs in its bits, or else dtypes and shapes; then other entries."""
    there, description = load_params(path)
    for name in {**made, **there}:
        kinds = [f"{side[name].dtype.name} {side[name].shape}" if name in side else "" for side in (there, made)]
        if kinds[0] != kinds[1]:
            yield Difference(PARAMS, name, *kinds)
            continue
        pair = there[name], made[name]
        # Byte by byte, in which not even a NaN is another.
        bits = [np.ascontiguousarray(array, array.dtype.newbyteorder("<")).reshape(-1).view("u1") for array in pair]
        for byte in np.flatnonzero(bits[0] != bits[1])[:1]:
            index = tuple(map(int, np.unravel_index(byte // pair[0].itemsize, pair[0].shape)))
            yield Difference(PARAMS, f"{name}{[*index]}", *(repr(array[index].item()) for array in pair))
    yield from compare_entries(PARAMS, description, about)


def _compare_of_samples(path: Path, values: Array | None, status: Status) -> list[Difference]:
    """Return the first hit, or error, of a test sample that differs."""
    content, expected = read_plain(path) if path.exists() else b"", contents.pack_of_samples(values)
    # A run that failed again as soon as it was resumed was not evaluated since.
    if content == expected or (not content and status is Status.FAILED):
        return []
    if values is None or not content or not expected:
        return [Difference(path.name, "the file", *("there" if side else "" for side in (content, expected)))]
    pair = contents.unpack_of_samples(path, content, len(values)), values
    numbered = [{f"sample {i}": value for i, value in enumerate(side.tolist())} for side in pair]
    return compare_entries(path.name, *numbered)[:1]


def _compare_summary(path: Path, made: dict[str, Any]) -> list[Difference]:
    there = read_json(path)
    made |= {key: there[key] for key in UNVERIFIED if key in there}
    # An older modnet knew no reasons, and only commands that train one run look for signs that it failed.
    made = {key: value for key, value in made.items() if (value != "" and key != "diagnosis") or key in there}
    is_as_written = read_plain(path) == contents.pack_json(made)
    different = compare_entries(SUMMARY, there, made)
    return different or [Difference(SUMMARY, "not written as the run writes it")] * (not is_as_written)


def find_departure(then: str, now: str) -> Departure | None:
    r"""Return the first row that differs between two histories, as CSV.

    >>> head = "iteration,loss,train_accuracy,test_accuracy"
    >>> str(find_departure(f"{head}\n1,2.3,,\n2,2.25,,", f"{head}\n1,2.3,,\n2,2.2500001,,"))
    'loss 2.25 then, 2.2500001 now'
    """
    head, *_ = now.splitlines()
    columns = re.sub(r"\btrain_", "training_", head).replace("_", " ").split(",")
    for number, (old, new) in enumerate(zip_longest(then.splitlines(), now.splitlines(), fillvalue="")):
        if old != new:
            rows = [(*line.split(","), *("",) * len(columns)) for line in (old, new)]
            pairs = zip(columns, *rows, strict=False)
            what, *values = next((pair for pair in pairs if pair[1] != pair[2]), ("row", old, new))
            iteration = rows[1][0] or rows[0][0]
            return Departure(int(iteration) if iteration.isdecimal() else number, what, *values)
    return None
