"""`modnet predict`: the classes of the rows of a file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from modnet.cli.options import load_all_plugins, parse_assignments, plugin_options
from modnet.compose.experiment import read_toml
from modnet.compose.parts import find_name, make_part
from modnet.compose.settings import get_settings
from modnet.compose.sources import recognise_source
from modnet.display.progress import file_progress
from modnet.runs.folder import EXPERIMENT
from modnet.runs.model import TrainedModel
from modnet.text import to_csv


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--probabilities", is_flag=True, help="Print the network's outputs, a column for each class.")
@click.option("--json", "json_", is_flag=True, help="Print JSON.")
@click.option("--source", metavar="NAME", help="The kind of file (default: recognised).")
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
    """Predict the class of each row of FILE with RUN's network.

    FILE has the same features as the training data; labels may be beside them, and are then compared. The output is
    CSV: row, prediction, and label where there is one.
    """
    table = read_toml(run / EXPERIMENT) if (run / EXPERIMENT).is_file() else {}
    load_all_plugins(table, without, modules)
    model = TrainedModel.read(run)
    kind = source or recognise_source(file)
    # A file of the same kind has the settings of the run: the column of the label, for instance.
    known = get_settings(model.source) if find_name(model.source) == kind else {}
    reader = make_part("data-source", kind, **{**known, **parse_assignments(assignments)})
    with file_progress():
        rows, labels = reader.read_rows(file, model.network.layers[0].inputs)
    predictions, outputs = model.predict(rows)
    columns: dict[str, list[Any]] = {"row": list(range(1, len(rows) + 1)), "prediction": predictions}
    accuracy = None
    if labels is not None:
        columns["label"] = labels.tolist()
        pairs = zip(predictions, columns["label"], strict=True)
        accuracy = sum(str(prediction) == str(label) for prediction, label in pairs) / len(rows)
    if probabilities:
        columns |= {f"output {label}": outputs[:, i].tolist() for i, label in enumerate(model.classes)}
    _print_predictions(columns, accuracy, json_=json_)


def _print_predictions(columns: dict[str, list[Any]], accuracy: float | None, *, json_: bool) -> None:
    if json_:
        records = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
        click.echo(json.dumps({"accuracy": accuracy, "rows": records}))
        return
    click.echo(to_csv([list(columns), *zip(*columns.values(), strict=True)]), nl=False)
    if accuracy is not None:
        click.echo(f"accuracy {accuracy:.4f} on {len(columns['row']):,} rows", err=True)
