"""`modnet predict`, `plot` and `gradient-check`: what a network makes of data, how it learned, is it right."""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path
from typing import Any

import attrs
import click

from modnet.cli.options import assigned, changes_of, experiment_options, plugin_options, with_plugins
from modnet.compose.experiment import create_experiment, create_network, format_title, read_data, read_toml
from modnet.compose.gradient_check import check_gradient
from modnet.compose.parts import part, registered_name
from modnet.compose.settings import settings_of
from modnet.compose.sources import recognised
from modnet.compose.tables import merge
from modnet.display.figures import FORMATS, accuracy_per_evaluation, curves, rendered
from modnet.display.progress import file_progress
from modnet.errors import DataError
from modnet.files import write_atomically
from modnet.nn.batches import Batches
from modnet.randomness import Stream
from modnet.runs.folder import CURVES, EXPERIMENT, HISTORY, read_experiment
from modnet.runs.history import read_history
from modnet.runs.model import TrainedModel
from modnet.text import to_json


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--probabilities", is_flag=True, help="Print the network's outputs, a column for each class.")
@click.option("--json", "json_", is_flag=True, help="Print JSON.")
@click.option("--source", metavar="NAME", help="The kind of file, where it is not recognised.")
@click.option("--set", "assignments", multiple=True, metavar="KEY=VALUE", help="A setting of that source: header=false")
@plugin_options
def predict(
    run: Path,
    file: Path,
    *,
    probabilities: bool,
    json_: bool,
    source: str | None,
    assignments: tuple[str, ...],
    without: tuple[str, ...],
    modules: tuple[str, ...],
) -> None:
    """Predict the class of each row of FILE with the network of RUN.

    FILE has the same features as the training data; labels may stand beside them, and are then compared. The output is
    CSV: row, prediction, and label where there is one.
    """
    table = read_toml(run / EXPERIMENT) if (run / EXPERIMENT).is_file() else {}
    with_plugins(table, without, modules)
    model = TrainedModel.read(run)
    kind = source or recognised(file)
    # The run's own settings (which column is the label, say) go for a file of the same kind.
    known = settings_of(model.source) if registered_name(model.source) == kind else {}
    reader = part("data-source", kind, **{**known, **assigned(assignments)})
    with file_progress():
        rows, labels = reader.read_rows(file, model.network.layers[0].inputs)
    predictions, outputs = model.predict(rows)
    columns: dict[str, list[Any]] = {"row": list(range(1, len(rows) + 1)), "prediction": predictions}
    if labels is not None:
        columns["label"] = labels.tolist()
    if probabilities:
        columns |= {f"output {label}": outputs[:, i].tolist() for i, label in enumerate(model.classes)}
    accuracy = None
    if labels is not None:
        pairs = zip(predictions, labels.tolist(), strict=True)
        accuracy = sum(str(prediction) == str(label) for prediction, label in pairs) / len(rows)
    if json_:
        records = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
        click.echo(json.dumps({"accuracy": accuracy, "rows": records}))
        return
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(zip(*columns.values(), strict=True))
    if accuracy is not None:
        click.echo(f"accuracy {accuracy:.4f} on {len(rows):,} rows", err=True)


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), help=f"A .{', .'.join(FORMATS)} file (default: RUN/{CURVES}).")
@plugin_options
def plot(run: Path, out: Path | None, *, without: tuple[str, ...], modules: tuple[str, ...]) -> None:
    """Draw the learning curves of RUN: the loss of every mini-batch, and both accuracies."""
    history = read_history(run / HISTORY)
    with_plugins(read_toml(run / EXPERIMENT), without, modules)
    path = out or run / CURVES
    if not path.parent.is_dir():
        raise DataError(f"{path}: there is no folder {path.parent}")
    write_atomically(path, rendered(curves(history, format_title(read_experiment(run))), path.suffix[1:].lower()))
    click.echo(f"drawn in {path}")


@click.command("gradient-check")
@click.argument("experiment", required=False, type=click.Path(path_type=Path))
@experiment_options
@click.option("--estimator", "estimators", multiple=True, metavar="NAME", help="To compare (repeatable; default: all).")
@click.option("--repeats", type=click.IntRange(1), default=5, help="Estimates by each that is random (default: 5).")
@click.option("--json", "json_", is_flag=True, help="Print JSON.")
@click.option("--out", type=click.Path(path_type=Path), help=f"Draw the estimators: a .{', .'.join(FORMATS)} file.")
@plugin_options
def gradient_check(
    experiment: Path | None,
    estimators: tuple[str, ...],
    repeats: int,
    out: Path | None,
    *,
    json_: bool,
    without: tuple[str, ...],
    modules: tuple[str, ...],
    **flags: Any,
) -> None:
    """Judge the derivatives of an experiment's network, and compare gradient estimators on it.

    The network is the untrained one of EXPERIMENT and the options, on its first mini-batch. Each part's own derivative
    gets a verdict: correct, wrong, corner, too noisy, or not deterministic; so does the whole gradient, as --gradient
    obtains it, or else the chain rule. The exit status is 1 where a derivative is wrong or not deterministic.
    """
    table = with_plugins(read_toml(experiment) if experiment else {}, without, modules)
    wanted = create_experiment(merge(table, changes_of(flags)))
    with file_progress():
        data, wanted = read_data(wanted)
    size, sampling = wanted.training.batch_size, wanted.training.sampling
    chosen = Batches(len(data.train), size, sampling, Stream(wanted.seed, ("batches",))).indices(0)
    check = check_gradient(
        create_network(wanted, data),
        data.train.rows(chosen),
        data.train.t[chosen],
        estimators=estimators or None,
        gradient=wanted.gradient if flags["gradient"] else None,
        repeats=repeats,
        seed=wanted.seed,
    )
    click.echo(to_json(attrs.asdict(check), indent=2) if json_ else str(check))
    if out:
        picture = accuracy_per_evaluation(check.estimators, format_title(wanted))
        write_atomically(out, rendered(picture, out.suffix[1:].lower()))
        if not json_:
            click.echo(f"drawn in {out}")
    sys.exit(0 if check.passed else 1)
