"""Facts of a run for its page, and reasons why some are unknown."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import attrs
import numpy as np

import modnet
from modnet import Array, Dataset, History, Metric, ModnetError, Run, Samples, SavedRun, Status, figures
from modnet.files import read_bytes
from modnet.text import format_error, printable
from modnet_display.entries import GIVEN

T = TypeVar("T")

MOST = 10_000  # samples that a page is made of
LONGEST = 600  # letters of a reason


@attrs.frozen(eq=False)
class Unknown:
    """An unknown fact, and why it is unknown."""

    why: str


@attrs.define(eq=False, kw_only=True)
class RunFacts:
    """The facts of a run, each read when it is first asked for."""

    run: Run | SavedRun
    folder: str = ""
    """The run's folder as commands name it; "" where it is not saved."""

    @property
    def name(self) -> str:
        """The name of its folder; "" where it is not saved."""
        return Path(self.run.folder).name if self.run.folder else ""

    def clean(self, why: str) -> str:
        """Return a reason in which the run's folder is named as in commands."""
        return why.replace(str(self.run.folder), self.folder) if self.run.folder else why

    @property
    def history(self) -> History:
        """Its course."""
        return self.run.history

    @property
    def status(self) -> Status:
        """The state that it is in."""
        return self.run.status

    @cached_property
    def experiment(self) -> Mapping[str, Any]:
        """The experiment's table, as far as it is one; of a run that has none its parts in this form."""
        run = self.run
        if run.experiment is not None:
            return run.experiment
        assert isinstance(run, Run)  # noqa: S101 - the others have an experiment
        return {
            "seed": run.seed,
            "data": {"name": GIVEN},
            "network": {"loss": _to_entry(run.network.loss_function)},
            "gradient": _to_entry(run.gradient),
            "optimizer": _to_entry(run.optimizer),
            "training": attrs.asdict(run.settings),
            "callbacks": [*map(_to_entry, run.callbacks.parts)],
        }

    @cached_property
    def summary(self) -> Mapping[str, Any]:
        """The content of summary.json; nothing where there is none."""
        found = self._read_json("summary.json")
        return {} if isinstance(found, Unknown) else found

    @cached_property
    def receipt(self) -> Mapping[str, Any] | Unknown:
        """The content of receipt.json."""
        return self._read_json("receipt.json")

    def _read_json(self, name: str) -> Mapping[str, Any] | Unknown:
        if self.run.folder is None:
            return Unknown("")
        path = Path(self.run.folder) / name

        def read() -> Mapping[str, Any]:
            found = json.loads(read_bytes(path, 2**25))
            if not isinstance(found, dict):
                raise ModnetError(f"{name} is damaged")
            return found

        return attempt(read) if path.is_file() else Unknown(f"there is no {name}")

    @cached_property
    def metrics(self) -> list[Metric]:
        """The metrics that its columns may be of."""
        found = attempt(lambda: figures.learning_curves.find_metrics(self.run))
        return [] if isinstance(found, Unknown) else found

    @cached_property
    def network(self) -> Any:
        """The network with what it has learned, or why it is `Unknown`."""
        return attempt(lambda: self.run.network)

    @cached_property
    def data(self) -> Dataset | Unknown:
        """The data that it was trained on, as it was; or why it is unknown."""
        return attempt(lambda: self.run.data)

    @property
    def part(self) -> str:
        """The part of the data that pictures are of: the test part, where there is one."""
        return "test" if isinstance(self.data, Dataset) and len(self.data.test) else "train"

    @cached_property
    def samples(self) -> Samples | Unknown:
        """The first samples of that part."""
        if isinstance(self.data, Unknown):
            return self.data
        found = self.data.parts[self.part]
        return found.choose(np.arange(min(len(found), MOST))) if len(found) else Unknown("there are no samples")

    @property
    def all_samples(self) -> int:
        """The number of samples in that part."""
        return len(self.data.parts[self.part]) if isinstance(self.data, Dataset) else 0

    @cached_property
    def outputs(self) -> Array | Unknown:
        """The scores (N, classes) of samples, or the predictions (N, targets) of a regression in the data's unit."""
        samples = self.samples
        if isinstance(samples, Unknown) or isinstance(self.network, Unknown):
            return samples if isinstance(samples, Unknown) else self.network

        def compute() -> Array:
            model = self.run.model
            found: Array = model.compute_outputs(model.to_samples(samples))
            return found.reshape(len(found), -1)

        return attempt(compute)

    @cached_property
    def targets(self) -> Array | Unknown:
        """The class indices (N,) of samples, or the targets (N, targets) of a regression in the data's unit."""
        if isinstance(self.data, Unknown) or isinstance(self.samples, Unknown):
            return self.data if isinstance(self.data, Unknown) else Unknown("there are no samples")
        t, scale = self.samples.t, self.data.target_scale
        return t if self.data.classes else np.asarray(scale.restore(t) if scale else t).reshape(len(t), -1)

    @property
    def classes(self) -> tuple[Any, ...]:
        """The labels of the classes; none of a regression, or where nobody knows."""
        if isinstance(self.data, Dataset):
            return self.data.classes
        return () if isinstance(self.network, Unknown) else self.run.classes

    @property
    def is_regression(self) -> bool:
        """True where the run has recorded what only a regression has."""
        columns = self.history.columns
        return "train_r2" in columns and "train_accuracy" not in columns

    @property
    def classification(self) -> tuple[Array, Array] | None:
        """The class indices (N,) of samples and their scores (N, classes); None where it is none, or unknown."""
        t, y = self.targets, self.outputs
        return None if isinstance(t, Unknown) or isinstance(y, Unknown) or not self.classes else (t, y)

    @property
    def regression(self) -> tuple[Array, Array] | None:
        """The targets (N, targets) of samples and the predictions of them; None where it is none, or unknown."""
        t, y = self.targets, self.outputs
        return None if isinstance(t, Unknown) or isinstance(y, Unknown) or self.classes else (t, y)

    @property
    def baseline(self) -> float | None:
        """The accuracy of always answering the largest class; None of a regression."""
        if self.is_regression:
            return None
        known = self.summary.get("baseline")
        if isinstance(known, (int, float)) and math.isfinite(known):
            return float(known)
        t = self.targets
        return None if isinstance(t, Unknown) or not len(t) else float(np.bincount(t).max() / len(t))

    @property
    def has_images(self) -> bool:
        """True where samples are images, or seem to be square ones, as `modnet.figures` shows them."""
        data, network = self.data, self.network
        shape = data.shape if isinstance(data, Dataset) else () if isinstance(network, Unknown) else network.shape
        names = data.feature_names if isinstance(data, Dataset) else ()
        if len(shape) == 1 and len({re.sub(r"\d+", "", name) for name in names}) > 1:
            return False  # columns of their own
        count = math.prod(shape)
        if len(shape) == 3:
            return shape[0] in {1, 3}
        return len(shape) == 2 or math.isqrt(count) ** 2 == count >= 36

    def find_last(self, column: str) -> float:
        """Return the last value of a column of the history, NaN where there is none."""
        return (self.history.columns.get(column) or [math.nan])[-1]

    @property
    def wanted(self) -> int | None:
        """The iterations that were asked for, where the experiment says so."""
        training = self.experiment.get("training")
        found = training.get("iterations") if isinstance(training, Mapping) else None
        return found if isinstance(found, int) else None


def attempt(make: Callable[[], T]) -> T | Unknown:
    """Return what a function returns, or why it fails: third-party parts of a run may fail in any way."""
    try:
        return make()
    except (ModnetError, OSError) as error:
        return Unknown(printable(str(error).rstrip("."), LONGEST, "\n"))
    except Exception as error:
        return Unknown(format_error(error))


def _to_entry(part: Any) -> dict[str, Any]:
    """Return a part's name and settings."""
    settings = attrs.asdict(part, recurse=False) if attrs.has(type(part)) else {}
    return {"name": modnet.find_name(part), **{key: value for key, value in settings.items() if value is not None}}
