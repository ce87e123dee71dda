"""What a run leaves behind: a folder from which it can be repeated, looked at, and used for predictions."""

from __future__ import annotations

import csv
import io
import json
import math
import platform
import time
from importlib import metadata
from pathlib import Path
from typing import Any

import attrs
import numpy as np

from modnet.build import Network, plugins, registered_name
from modnet.checkpoint import load_params, params_sha256, save_params
from modnet.dataset import Dataset, scaled
from modnet.errors import DataError, MissingExtraError, SettingError, ShapeError
from modnet.experiment import Experiment, experiment_from, network_of_sizes, read_toml, toml_of
from modnet.figures import curves, rendered
from modnet.files import write_atomically
from modnet.hookspecs import hookimpl
from modnet.interfaces import DataSource, ObservedRun
from modnet.receipt import RECEIPT, Receipt, naming_plugins
from modnet.types import Array, History

EXPERIMENT, HISTORY, SUMMARY, PARAMS, CURVES, _ = FILES = (
    "experiment.toml",
    "history.csv",
    "summary.json",
    "params.npz",
    "curves.png",
    RECEIPT,
)
# Which of them the receipt vouches for; curves are drawn anew as one likes.
SEALED = (EXPERIMENT, HISTORY, SUMMARY, PARAMS)
# What has been learned is saved at epochs' ends, but not more often than this, in seconds.
SAVE_EVERY = 5.0


class RunFolder:
    """Writes a run's files as the run goes on; each of them whole or not at all."""

    def __init__(self, path: Path, experiment: Experiment, data: Dataset, *, overwrite: bool = False) -> None:
        self.path = path
        self.notes: list[str] = []
        self._experiment = experiment
        self._about = {"classes": list(data.classes), "scale": data.scale}
        self._saved = time.monotonic()
        if path.exists() and (not path.is_dir() or any(path.iterdir())):
            if not overwrite or not (path / EXPERIMENT).is_file():
                what = "holds a run" if (path / EXPERIMENT).is_file() else "is there and not a run's folder"
                raise SettingError([f"{path} {what}; choose another, or --overwrite a run"], "--out")
            for name in FILES:
                (path / name).unlink(missing_ok=True)
        toml = toml_of(experiment)
        # Made now: what is installed, and the code that is loaded, may change on the disk while the run goes on.
        self._receipt = Receipt.of(experiment, toml, data)
        path.mkdir(parents=True, exist_ok=True)
        write_atomically(path / EXPERIMENT, toml.encode())
        self._receipt.write(path)

    # Before a stranger's hooks, so that what those do wrong loses nothing.
    @hookimpl(tryfirst=True)
    def epoch_ended(self, run: ObservedRun) -> None:
        """Save what has been learned so far, unless it was just saved."""
        if time.monotonic() - self._saved > SAVE_EVERY:
            self._save(run)
            self._saved = time.monotonic()

    @hookimpl(tryfirst=True)
    def run_ended(self, run: ObservedRun) -> None:
        """Save everything; where the run failed before it began, leave nothing behind."""
        if run.status == "failed" and not run.iteration:
            for name in FILES:
                (self.path / name).unlink(missing_ok=True)
            if not any(self.path.iterdir()):
                self.path.rmdir()
            return
        self._save(run)
        summary = json.dumps(self._summary(run), indent=2) + "\n"
        write_atomically(self.path / SUMMARY, summary.encode())
        self._receipt.ended(run, self.path, SEALED).write(self.path)
        try:
            picture = rendered(curves(run.history, title_of(self._experiment)), "png")
        except MissingExtraError as error:
            self.notes.append(f"{CURVES} was not drawn: {error}")
        else:
            write_atomically(self.path / CURVES, picture)

    def _save(self, run: ObservedRun) -> None:
        save_params(self.path / PARAMS, run.params, self._about)
        write_atomically(self.path / HISTORY, history_csv(run.history).encode())

    def _summary(self, run: ObservedRun) -> dict[str, Any]:
        history = run.history
        return {
            "status": run.status,
            "iterations": run.iteration,
            "final_loss": history.loss[-1] if history.loss else None,
            "train_accuracy": _last(history.train_accuracy),
            "test_accuracy": _last(history.test_accuracy),
            "gradient": registered_name(self._experiment.gradient),
            "seed": self._experiment.seed,
            "seconds": round(run.seconds, 3),
            "params_sha256": params_sha256(run.params),
            "versions": {
                "python": platform.python_version(),
                "numpy": np.__version__,
                **{name: metadata.version(name) for name in _distributions()},
            },
        }


@attrs.frozen(eq=False)
class TrainedModel:
    """A network read back from its run's folder, with what is needed to predict from raw rows."""

    network: Network
    classes: tuple[Any, ...]
    scale: float
    source: DataSource
    """What read the training data, with its settings."""

    @classmethod
    def read(cls, folder: Path) -> TrainedModel:
        """Read a run's folder; raises DataError where it is none, or damaged."""
        if not (folder / EXPERIMENT).is_file():
            raise DataError(f"{folder}: not the folder of a run, there is no {EXPERIMENT} in it")
        experiment = read_experiment(folder)
        params, about = load_params(folder / PARAMS)
        try:
            inputs, classes = len(params["W1"]), tuple(about["classes"])
            network = network_of_sizes(experiment, inputs, len(classes)).with_params(params)
            network.predict(np.zeros((1, inputs)))
            return cls(network, classes, float(about["scale"]), experiment.data.source)
        except (KeyError, TypeError, ShapeError) as error:
            raise DataError(f"{folder}: {PARAMS} does not fit {EXPERIMENT} ({error})") from None

    def predict(self, rows: Array) -> tuple[list[Any], Array]:
        """Return the label of each raw row (N, features), and the network's outputs (N, classes)."""
        outputs = self.network.predict(scaled(rows, self.scale))
        return [self.classes[i] for i in outputs.argmax(axis=1)], outputs


def read_experiment(folder: Path) -> Experiment:
    """Return a run's experiment; raises PluginError where a plugin is missing, saying which one to install."""
    with naming_plugins(folder / EXPERIMENT):
        return experiment_from(read_toml(folder / EXPERIMENT))


def read_history(folder: Path) -> History:
    """Return what a run recorded; raises DataError with file and line."""
    path = folder / HISTORY
    history = History()
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: cannot be read ({error})") from None
    reader = csv.DictReader(io.StringIO(text))
    try:
        for row in reader:
            if row["loss"]:
                history.loss.append(float(row["loss"]))
            if row["train_accuracy"]:
                history.iterations.append(int(row["iteration"]))
                history.train_accuracy.append(float(row["train_accuracy"]))
                history.test_accuracy.append(float(row["test_accuracy"] or "nan"))
    except (KeyError, ValueError, TypeError) as error:
        raise DataError(f"{path}, line {reader.line_num}: not a run's history ({error})") from None
    return history


def history_csv(history: History) -> str:
    """Return a history as CSV: a row per iteration, accuracies where they were taken; numbers read back exactly."""
    accuracies = {
        iteration: (repr(train), "" if math.isnan(test) else repr(test))
        for iteration, train, test in zip(
            history.iterations, history.train_accuracy, history.test_accuracy, strict=True
        )
    }
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["iteration", "loss", "train_accuracy", "test_accuracy"])
    if 0 in accuracies:
        writer.writerow([0, "", *accuracies[0]])
    for iteration, loss in enumerate(history.loss, start=1):
        writer.writerow([iteration, repr(loss), *accuracies.get(iteration, ("", ""))])
    return out.getvalue()


def title_of(experiment: Experiment) -> str:
    """Return an experiment in one line, for a plot."""
    network, training = experiment.network, experiment.training
    data = experiment.data.path.name if experiment.data.path else registered_name(experiment.data.source)
    hidden = ", ".join(str(n) for n in network.hidden) or "no"
    parts = ", ".join(registered_name(part) for part in (*network.activation, network.output, network.loss))
    return (
        f"{data} · {hidden} hidden units · {parts} · {registered_name(experiment.gradient)}, "
        f"{registered_name(experiment.optimizer)} · {training.iterations:,} × {training.batch_size} · "
        f"seed {experiment.seed}"
    )


def _last(values: list[float]) -> float | None:
    return values[-1] if values and not math.isnan(values[-1]) else None


def _distributions() -> list[str]:
    """Return the installed distributions whose plugins are loaded."""
    return sorted({report.distribution for report in plugins().reports if report.state == "loaded" and report.version})
