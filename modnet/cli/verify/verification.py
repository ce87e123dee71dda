"""A run compared with its receipt."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import attrs

from modnet.compose.experiment import Experiment, create_experiment, read_data
from modnet.compose.tables import read_toml
from modnet.data.dataset import Dataset
from modnet.errors import DataError, ModnetError, PluginError
from modnet.runs.folder import EXPERIMENT, format_resume
from modnet.runs.missing_plugins import name_missing_plugins
from modnet.runs.receipt import FILE, Receipt, Results, compare_settings
from modnet.runs.surroundings import LONGEST, PARTS, STOPPING, Difference, compare_entries
from modnet.text import printable

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
    found, experiment, data, part = then.find_changed_files(folder), None, None, "setting"
    try:
        table = read_toml(folder / EXPERIMENT)
        with name_missing_plugins(folder / EXPERIMENT):
            experiment = create_experiment(table)
        if data_path:
            at = attrs.evolve(experiment.data, path=data_path.resolve())
            experiment = attrs.evolve(experiment, data=at)
        part = "data"
        data, experiment = read_data(experiment)
        found += find_differences(then, Receipt.create(experiment, table, data))
    except (ModnetError, OSError) as error:
        said = [*str(error).splitlines(), *getattr(error, "__notes__", ())]
        part = "plugin" if isinstance(error, PluginError) else part
        found.append(Difference(part, f"cannot be loaded: {'; '.join(said)}"))
    return Verification(folder, then, then.results, tuple(found), experiment, data)


def find_differences(then: Receipt, now: Receipt) -> list[Difference]:
    """Return what differs in another receipt, in the order: data, setting, plugin, library, platform, observer.

    The data's file may have been written again; only what is read from it counts. Of another receipt the last
    segment counts.
    """
    data = compare_entries("data", then.data, now.data)
    if [difference.what for difference in data] == [FILE]:
        data = []
    found = [
        attrs.evolve(each, what=f"{period}{each.what}")
        for segment, period in zip(then.segments, _format_periods(then), strict=True)
        for each in segment.find_differences(now.latest)
    ]
    surroundings = sorted(found, key=lambda each: PARTS.index(each.part))
    return [*data, *compare_settings(then.settings, now.settings), *surroundings]


def _format_periods(receipt: Receipt) -> list[str]:
    """Return the iterations of each segment in words, "" where there is one alone."""
    starts = [segment.start for segment in receipt.segments]
    until = [f"until iteration {starts[1]:,}, "] if starts[1:] else [""]
    between = [f"from iteration {a + 1:,} to {b:,}, " for a, b in pairwise(starts[1:])]
    return [*until, *between, *(f"from iteration {last + 1:,} on, " for last in starts[1:][-1:])]
