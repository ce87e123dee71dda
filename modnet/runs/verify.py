"""A run verified: compared with its receipt, and trained again."""

from __future__ import annotations

import re
from collections.abc import Sequence
from hashlib import sha256
from itertools import zip_longest
from pathlib import Path
from typing import Any

import attrs

from modnet.compose.experiment import Experiment, create_experiment, read_data, run_experiment
from modnet.compose.toml import read_toml
from modnet.data.dataset import Dataset
from modnet.errors import DataError, DivergedError, ModnetError, PluginError
from modnet.files.opening import read_plain
from modnet.interfaces import ObservedRun, Observer
from modnet.nn.checkpoint import hash_params
from modnet.runs.contents import history_to_csv, read_history
from modnet.runs.deviations import find_deviations
from modnet.runs.folder import EXPERIMENT, HISTORY, format_resume
from modnet.runs.missing_plugins import name_missing_plugins
from modnet.runs.receipt import RECEIPT, Receipt, Results
from modnet.runs.surroundings import LONGEST, STOPPING, Difference, compare_entries
from modnet.text import printable
from modnet.types import Array, Status

# Differences that make another run; from another library or machine the same bits are the same run.
OWN = {"file", "data", "setting"}


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


def retrain(wanted: Verification, progress: Observer) -> Verification:
    """Return a verification with the results of training again, as far as the run went; its folder stays as it is.

    Where the loss is another, it ends at the next epoch's end. Hooks of plugins are not called.
    """
    results, experiment, data = wanted.results, wanted.experiment, wanted.data
    if experiment is None or data is None:
        return wanted
    count = experiment.training.iterations
    if results.status is not Status.FINISHED:
        # A run that diverged made one step more than it saved, and then computed the loss.
        count = min(count, results.iterations + 2 * (results.status is Status.DIVERGED))
    training = attrs.evolve(experiment.training, iterations=count)
    watch = _Watch(progress, _read_losses(wanted))
    try:
        run: Any = run_experiment(attrs.evolve(experiment, training=training), data, observer=watch)
    except DivergedError as error:
        run = error.run
    except _DepartedError as departed:
        return attrs.evolve(wanted, again=_compare_results(wanted, *departed.args))
    if run.status is Status.FINISHED and results.status in {Status.INTERRUPTED, Status.FAILED}:
        run.status = results.status  # as far as it went
    if run.status is Status.FAILED:  # it was evaluated at the ends of epochs alone
        ends, run.of_samples = run.batches.ends_epoch, watch.of_samples
        run.history = run.history.until(run.iteration, lambda k: k > 0 and ends(k - 1))
    found = find_deviations(wanted.folder, run, experiment, data)
    return attrs.evolve(wanted, again=_compare_results(wanted, run, found))


def _read_losses(wanted: Verification) -> list[float] | None:
    """Return the recorded losses, which training again must have, or None where the file is not as the run left it."""
    if any(difference.what == HISTORY for difference in wanted.differences):
        return None
    try:
        return read_history(wanted.folder / HISTORY).loss
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
    results, history = wanted.results, history_to_csv(run.history)
    made = attrs.evolve(results, status=run.status, iterations=run.iteration, params_sha256=hash_params(run.params))
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
