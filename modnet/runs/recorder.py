"""A run written into its folder as it is trained."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from modnet.compose.experiment import Experiment, run_experiment, to_file
from modnet.compose.plugins import get_host
from modnet.compose.tables import parse_toml
from modnet.data.dataset import Dataset
from modnet.errors import DataError, Problem, SettingError
from modnet.files import write_atomically
from modnet.files.opening import LARGEST_JSON
from modnet.files.writing import delete
from modnet.host.kinds import hookimpl
from modnet.interfaces import ObservedRun, Observer
from modnet.nn.checkpoint import Checkpoint, Checkpoints, save_params
from modnet.nn.run import Run
from modnet.runs import folder
from modnet.runs.contents import describe_params, history_to_csv, pack_json, pack_of_samples, summarize
from modnet.runs.folder import CURVES, ERRORS, EXPERIMENT, HISTORY, HITS, PAGE, PARAMS, PREPARATION, SEALED, SUMMARY
from modnet.runs.receipt import Receipt, compare_settings
from modnet.runs.surroundings import Difference, compare_entries
from modnet.text import list_some, quote_argument
from modnet.types import History, Params, Status

Diagnose = Callable[[ObservedRun, Experiment, Dataset], Iterable[Problem]]


@contextmanager
def create_run(
    path: Path, experiment: Experiment, data: Dataset, *, overwrite: bool = False, compact: bool = False
) -> Iterator[RunRecorder]:
    """Claim a folder for a new run; a run that fails before its first iteration leaves no folder.

    With `overwrite` a run that was there is kept until the new one has ended or saved a first iteration. Raises
    SettingError where the folder is not empty, and DataError where another process has it.
    """
    folder.recover(path)
    folder.check_is_free(path, overwrite=overwrite)
    absolute = path.absolute()
    try:
        with folder.claim(path):
            folder.check_is_free(path, overwrite=overwrite)  # another process may have been faster
            with begin_run(RunRecorder(path, experiment, data, compact=compact)) as recorder:
                yield recorder
    finally:
        with suppress(OSError):  # the folder is not empty
            absolute.rmdir()


@contextmanager
def begin_run(recorder: RunRecorder) -> Iterator[RunRecorder]:
    """Begin a run in its folder, which must be claimed; if it comes to nothing, the folder is as it was before."""
    try:
        recorder.begin()
        yield recorder
    except Exception as error:
        if not recorder.run and recorder.abandon():
            error.add_note(f"{recorder.path} holds the run that was there before")
        raise
    finally:
        if not recorder.run:
            recorder.abandon()


def train_run(
    experiment: Experiment,
    data: Dataset,
    recorder: RunRecorder,
    start: Checkpoint | None = None,
    *observers: object,
    poll: Callable[[], object] | None = None,
) -> Run:
    """Train, from a checkpoint if there is one, with everything saved during the run, and return it.

    Lifecycle hooks of plugins and `observers` follow it, and `poll` is as of `train_network`. Raises as `modnet.train`
    does; all is saved then, too.
    """
    # A relay for this run alone: a process may have several runs, each with a recorder.
    relay, folder = get_host().relay(*observers, recorder), recorder.path.absolute()
    return run_experiment(experiment, data, start, recorder.save, relay, table=recorder.table, folder=folder, poll=poll)


class RunRecorder(Observer):
    """Writes the files of a run while it is trained, each of them whole or not at all."""

    def __init__(self, path: Path, experiment: Experiment, data: Dataset, *, compact: bool = False) -> None:
        self.path = path
        self._folder = path.absolute()  # wherever a plugin changes the current folder to
        self.compact = compact  # one run of many: when finished, without a checkpoint
        self.diagnose: Diagnose | None = None  # finds the signs that the run has failed, for its summary
        self.run: ObservedRun | None = None  # once it has started
        self.is_saved = False  # whether all of it is saved, as it ended
        self.has_restored = False  # whether it came to nothing, and the folder holds the run that was there before
        self.summary: dict[str, Any] = {}  # the content of summary.json, once it has ended
        self.new_surroundings: list[Difference] = []  # from those that the run had until its checkpoint
        self._experiment, self._data = experiment, data
        self._content = to_file(experiment)
        self.table = parse_toml(self._content)  # the experiment as it is written down
        self._about, self._preparation = describe_params(data), b""
        if data.preparation:
            self._preparation = pack_json(data.preparation.to_dict())
            if len(self._preparation) > LARGEST_JSON:
                raise DataError("too many columns to prepare each: leave some out, or set standardize = false")
        # Made now: what is installed, and the code that is loaded, may change on the disk during the run.
        self._receipt = Receipt.create(experiment, self.table, data)
        origin = {"experiment": self._receipt.identity, "data": self._receipt.content}
        self._checkpoints = Checkpoints(path, origin)
        self._cannot_be_written = False
        self._owns_folder = False  # whose files, if it is not, may be those of another run
        self._start = 0  # the iterations made before

    def load_checkpoint(self, *, accept: bool = False) -> Checkpoint | None:
        """Return the checkpoint to resume from, or None where there is none yet.

        Warns where the newest checkpoint is damaged and the one before is used. Raises DataError where both are, or the
        data is another, or, without `accept`, code or libraries are; and SettingError where the experiment is.
        """
        found = self._checkpoints.load()
        if found is None:
            return None
        checkpoint, then = found
        if not all(isinstance(then.get(name), dict) for name in ("experiment", "data")):
            raise DataError(f"{self.path}: its checkpoint is not of a run: start the run again from the beginning")
        if changed := compare_settings(then["experiment"], self._receipt.identity):
            which = ", ".join(difference.what for difference in changed)
            mistake = f"changed since the run began: {which}: change it back, or begin another run"
            raise SettingError([mistake], str(self.path / EXPERIMENT))
        if changed := compare_entries("data", then["data"], self._receipt.content):
            what = list_some((difference.format() for difference in changed), 2)
            raise DataError(f"{self.path}: the data is not what the run began with: {what}")
        self._start = checkpoint.iteration
        if checkpoint.iteration:
            before = Receipt.read(self.path).until(checkpoint.iteration)
            self.new_surroundings = before.latest.find_differences(self._receipt.latest)
            stopping = [str(difference) for difference in self.new_surroundings if difference.stops]
            if stopping and not accept:
                raise DataError(
                    f"{self.path}: changed since its {checkpoint.iteration:,} iterations were made: "
                    f"{list_some(stopping, 2)}\n"
                    "continue with --accept, which its receipt records, or train it again with "
                    f"modnet train {quote_argument(str(self.path / EXPERIMENT))}"
                )
            self._receipt = before.extend(self._receipt, checkpoint.iteration)
        return checkpoint

    def save(self, checkpoint: Checkpoint) -> None:
        """Save a checkpoint, and the interim results; raises DataError where that cannot be."""
        status = self.run.status if self.run else Status.RUNNING
        if status is Status.FINISHED and self.compact:
            return
        with self._writing(checkpoint.iteration):
            self._checkpoints.save(checkpoint)
            if status is not Status.FINISHED:
                self._save(checkpoint.params, checkpoint.history)
            if status is Status.RUNNING and checkpoint.iteration > self._start:
                folder.discard_replaced(self._folder)

    @hookimpl(tryfirst=True)
    def run_started(self, run: ObservedRun) -> None:
        """Write the receipt, which must know of new surroundings first, and remove what says how the run ended."""
        self.run = run
        self._checkpoints.folder = self._folder
        with self._writing():
            self._receipt.write(self._folder)
            if self._preparation:
                write_atomically(self._folder / PREPARATION, self._preparation)
            for name in (SUMMARY, HITS, ERRORS, CURVES, PAGE):
                delete(self._folder / name)

    # Before the hooks of third-party plugins, so that their mistakes lose nothing.
    @hookimpl(tryfirst=True)
    def run_ended(self, run: ObservedRun) -> None:
        """Save everything; a run that came to nothing leaves the folder to the one before."""
        if self._came_to_nothing(run):
            self.abandon()
            return
        has_raised = self._cannot_be_written
        if run.status is Status.FINISHED and has_raised:
            return  # it is resumed from the checkpoint before, and finishes then
        try:
            with self._writing(run.iteration):
                self._conclude(run)
        except DataError:
            if folder.is_aside(self._folder):
                self.abandon()
            if not has_raised:
                raise

    def _came_to_nothing(self, run: ObservedRun) -> bool:
        if not folder.is_aside(self._folder):
            return run.status is Status.FAILED and not run.iteration
        failed = run.status is Status.FAILED or self._cannot_be_written
        return failed or (run.status is not Status.FINISHED and run.iteration <= self._start)

    def record(self, run: Any) -> None:
        """Write all of a run that has ended; raises DataError where that cannot be, and `begin_run` undoes the rest."""
        self.run_started(run)
        self.run = None
        with self._writing():
            self._checkpoints.save(run.checkpoint)
            self._conclude(run)
        self.run = run

    def begin(self) -> None:
        """Set any run aside that is there, and write the experiment; raises DataError where that cannot be."""
        with self._writing():
            if (self._folder / EXPERIMENT).is_file():
                folder.set_aside(self._folder)
                if not self._start:
                    self._tell_what_stays()
            self._owns_folder = True
            self._checkpoints.discard()
            folder.remove_run(self._folder)
            write_atomically(self._folder / EXPERIMENT, self._content)

    def _tell_what_stays(self) -> None:
        """Warn of files of the folder that are not known to be the replaced run's, as those of its callbacks are."""
        left = sorted(each.name for each in self._folder.iterdir() if not each.name.startswith("."))
        if left:
            what = "what the run before has left stays, which is not of this one unless its callbacks write it anew"
            warnings.warn(f"{self.path}: {what}: {list_some(left, 3)}", stacklevel=2)

    def abandon(self) -> bool:
        """Remove the run, and restore the one that was there before; return whether there was one."""
        if folder.restore(self._folder):
            self.has_restored = True
        elif self._owns_folder:
            folder.remove_run(self._folder)
        self._owns_folder = False
        return self.has_restored

    def _conclude(self, run: ObservedRun) -> None:
        """Write the files of a run that has ended: last the summary, which says so, and the receipt of all of them."""
        self._save(run.params, run.history)
        for name, values in ((HITS, run.hits), (ERRORS, run.errors)):
            if content := pack_of_samples(values):
                write_atomically(self._folder / name, content)
        parts = run, self._experiment, self._data
        self.summary = summarize(*parts, self.diagnose(*parts) if self.diagnose else None)
        write_atomically(self._folder / SUMMARY, pack_json(self.summary))
        names = [name for name in SEALED if (self._folder / name).is_file()]
        self._receipt.with_results(run, self._folder, names).write(self._folder)
        if run.status.is_final:
            self._checkpoints.discard(but_the_last=run.status is Status.FINISHED and not self.compact)
        folder.discard_replaced(self._folder)
        self.is_saved = True

    def _save(self, params: Params, history: History) -> None:
        save_params(self._folder / PARAMS, params, self._about)
        write_atomically(self._folder / HISTORY, history_to_csv(history).encode())

    @contextmanager
    def _writing(self, iteration: int = 0) -> Iterator[None]:
        """Turn an OSError inside the block into a DataError with what to do, after so many iterations."""
        try:
            yield
        except OSError as error:
            self._cannot_be_written = True
            can_resume = iteration and self._folder.is_dir() and not folder.is_aside(self._folder)
            advice = f": continue from the last checkpoint with {folder.format_resume(self.path)}" if can_resume else ""
            raise DataError(f"{self.path}: cannot be written: {error.strerror or error}{advice}") from None
