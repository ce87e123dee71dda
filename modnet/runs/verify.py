"""A run verified: compared with its receipt, and trained again."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from hashlib import sha256
from itertools import zip_longest
from pathlib import Path
from typing import Any

import attrs
import numpy as np

from modnet.compose.experiment import Experiment, create_experiment, read_data, run_experiment, to_table
from modnet.compose.tables import read_toml
from modnet.data.dataset import Dataset
from modnet.errors import DataError, DivergedError, ModnetError, PluginError, SettingError
from modnet.files.opening import read_json, read_plain
from modnet.interfaces import Callback, ObservedRun, Observer, Stop
from modnet.nn.checkpoint import hash_params, load_params
from modnet.runs import contents
from modnet.runs.folder import ERRORS, EXPERIMENT, HISTORY, HITS, PARAMS, PREPARATION, SUMMARY, format_resume
from modnet.runs.missing_plugins import name_missing_plugins
from modnet.runs.receipt import PLACE, RECEIPT, Receipt, Results, compare_settings, flatten
from modnet.runs.surroundings import LONGEST, STOPPING, Difference, compare_entries
from modnet.text import printable
from modnet.types import Array, Params, State, Status

# Differences that make another run; from another library or machine the same bits are the same run.
OWN = {"file", "data", "setting"}
UNVERIFIED = ("seconds", "versions")  # of a summary: another run of the same bits may have them otherwise


@attrs.frozen
class Departure:
    """The first row that differs between two histories; "" is a missing value."""

    iteration: int
    what: str
    then: str
    now: str

    def __str__(self) -> str:
        return f"{self.what} {printable(self.then, LONGEST) or 'none'} then, {self.now or 'none'} now"


@attrs.frozen
class Retraining:
    """The results of training a run again."""

    reproduced: bool  # true where they are, bit for bit, those of the receipt
    iterations: int
    params_sha256: str
    departure: Departure | None
    deviations: tuple[Difference, ...] = ()
    """All that is not what was made; the history alone where training ended early, at a row that differs."""


@attrs.frozen(eq=False)
class Verification:
    """A run compared with its receipt. What cannot be read any more is one of the differences."""

    folder: Path
    receipt: Receipt
    results: Results
    differences: tuple[Difference, ...]
    experiment: Experiment | None = None
    data: Dataset | None = None
    again: Retraining | None = None

    @property
    def identical(self) -> bool:
        """Return whether training again gave what is there, bit for bit; untrained, whether nothing differs at all."""
        if self.again is None:
            return all(difference.part == "observer" for difference in self.differences)
        as_made = self.again.reproduced and not self.again.departure and not self.again.deviations
        return as_made and not any(difference.part in OWN for difference in self.differences)

    def can_be_trained(self, *, accept: bool = False) -> bool:
        """Return whether training again can show something: not on other data; by other code if it is accepted."""
        stopping = {difference.part for difference in self.differences if difference.stops}
        is_loaded = self.experiment is not None and self.data is not None
        return is_loaded and not stopping - (set(STOPPING) if accept else set())


def compare_with_receipt(folder: Path, data_path: Path | None = None) -> Verification:
    """Return what differs now from the receipt of a run that has ended; raises DataError where there is none.

    `data_path` is where its data file is now.
    """
    then = Receipt.read(folder)
    if then.results is None:
        raise DataError(f"{folder}: the run has not ended, or was killed: finish it with {format_resume(folder)}")
    so_far = Verification(folder, then, then.results, tuple(then.find_changed_files(folder)))
    part = "setting"
    try:
        table = read_toml(folder / EXPERIMENT)
        with name_missing_plugins(folder / EXPERIMENT):
            experiment = create_experiment(table)
        if data_path:
            at = attrs.evolve(experiment.data, path=data_path.resolve())
            experiment = attrs.evolve(experiment, data=at)
        part = "data"
        data, experiment = read_data(experiment)
    except (ModnetError, OSError) as error:
        part = "plugin" if isinstance(error, PluginError) else part
        said = [*str(error).splitlines(), *getattr(error, "__notes__", ())]
        mistake = Difference(part, f"cannot be loaded: {'; '.join(said)}")
        return attrs.evolve(so_far, differences=(*so_far.differences, mistake))
    found = (*so_far.differences, *then.find_differences(Receipt.create(experiment, table, data)))
    return attrs.evolve(so_far, differences=found, experiment=experiment, data=data)


_TOO_EARLY = {Status.INTERRUPTED, Status.FAILED, Status.DIVERGED}


def retrain(wanted: Verification, progress: Observer) -> Verification:
    """Return a verification with the results of training again, as far as the run went; its folder stays as it is.

    Where the loss is another, it ends at the next epoch's end. Hooks of plugins are not called.
    """
    results, experiment, data = wanted.results, wanted.experiment, wanted.data
    if experiment is None or data is None:
        return wanted
    # A run that diverged made one step more than it saved, and then computed the loss.
    more = 2 * (results.status is Status.DIVERGED)
    until = results.iterations + more if results.status in _TOO_EARLY else None
    watch, table = _Watch(progress, _read_losses(wanted)), to_table(experiment)
    repeatable = attrs.evolve(experiment, callbacks=_choose_callbacks(experiment.callbacks, results))
    try:
        run: Any = run_experiment(repeatable, data, observer=watch, until=until, table=table)
    except DivergedError as error:
        run = error.run
    except _DepartedError as departed:
        return attrs.evolve(wanted, again=_compare_results(wanted, *departed.args))
    if run.status is not Status.DIVERGED and results.status in {Status.INTERRUPTED, Status.FAILED}:
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
        PARAMS: lambda path: _compare_params(path, run.params, contents.describe_params(data)),
        PREPARATION: lambda path: compare_entries(path.name, flatten(read_json(path) if path.exists() else {}), fitted),
        HITS: lambda path: _compare_of_samples(path, run.hits, run.status),
        ERRORS: lambda path: _compare_of_samples(path, run.errors, run.status),
        SUMMARY: lambda path: _compare_summary(path, contents.summarize(run, experiment, data)),
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
        pair = there.get(name), made.get(name)
        kinds = ["" if array is None else f"{array.dtype.name} {array.shape}" for array in pair]
        if kinds[0] != kinds[1]:
            yield Difference(PARAMS, name, *kinds)
            continue
        for index, *values in _find_first_change(there[name], made[name]):
            yield Difference(PARAMS, f"{name}[{', '.join(map(str, index))}]", *map(repr, values))
    yield from compare_entries(PARAMS, description, about)


def _find_first_change(there: Array, made: Array) -> Iterator[tuple[tuple[int, ...], Any, Any]]:
    """Yield the place of the first number that differs in its bits, with both values."""
    pair = [np.ascontiguousarray(array, made.dtype.newbyteorder("<")).reshape(-1) for array in (there, made)]
    bits = [array.view(np.uint8) for array in pair]
    for byte in np.flatnonzero(bits[0] != bits[1])[:1]:
        i = int(byte) // made.itemsize
        yield tuple(map(int, np.unravel_index(i, made.shape))), pair[0][i].item(), pair[1][i].item()


def _compare_of_samples(path: Path, values: Array | None, status: Status) -> Iterator[Difference]:
    """Yield the first hit, or error, of a test sample that differs."""
    content, expected = read_plain(path) if path.exists() else b"", contents.pack_of_samples(values)
    # A run that failed again as soon as it was resumed was not evaluated since.
    if content == expected or (not content and status is Status.FAILED):
        return
    if values is None or not content or not expected:
        yield Difference(path.name, "the file", *("there" if side else "" for side in (content, expected)))
        return
    words = {True: "recognised", False: "missed"} if path.name == HITS else {}
    for (i,), *pair in _find_first_change(contents.unpack_of_samples(path, content, len(values)), values):
        yield Difference(path.name, f"sample {i}", *(words.get(value, repr(value)) for value in pair))


def _compare_summary(path: Path, made: dict[str, Any]) -> list[Difference]:
    there, text = read_json(path), read_plain(path)
    made |= {key: there[key] for key in UNVERIFIED if key in there}
    made = {key: value for key, value in made.items() if value != "" or key in there}  # an older modnet knew no reasons
    found = compare_entries(SUMMARY, there, made)
    if not found and text != contents.pack_json(made):
        found = [Difference(SUMMARY, "not written as the run writes it")]
    return found


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
