"""`modnet predict`: the classes of the rows of a file."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import chdir, nullcontext
from pathlib import Path
from typing import Any

import attrs
import click
import numpy as np
from modnet_progress.terminal import file_progress

from modnet.cli.options.changes import read_data_settings
from modnet.cli.options.groups import plugin_options
from modnet.cli.options.loading import load_all_plugins
from modnet.cli.options.parameters import InputPath, RunPath
from modnet.cli.output import Command, echo
from modnet.cli.show.class_report import find_majority, format_class_report, score_classes
from modnet.compose.parts import create_metrics, make_part
from modnet.compose.sources import is_data_set, load, read_rows, recognise_source
from modnet.compose.tables import Table, read_toml
from modnet.data.samples import Samples
from modnet.errors import SettingError
from modnet.interfaces import RowsToPredict
from modnet.runs.folder import EXPERIMENT, PARAMS, check_files
from modnet.runs.missing_plugins import name_missing_plugins
from modnet.runs.model import TrainedModel
from modnet.text import format_count, list_some, quote, to_csv
from modnet.types import Array

COLUMNS = ("label", "features", "leave_out")
"""The settings that say which columns are what."""
MOST_LABELS = 6  # that a note names


@click.command(cls=Command)
@click.argument("run", type=RunPath())
@click.argument("file", metavar="FILE|NAME", type=InputPath())
@click.option("--probabilities", is_flag=True, help="Print the network's outputs, a column for each class.")
@click.option("--json", "json_", is_flag=True, help="Print JSON.")
@click.option("--source", metavar="NAME", help="The kind of file (default: recognised).")
@click.option("--set", "assignments", multiple=True, metavar="KEY=VALUE", help="A setting of it: data.header=false")
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

    NAME is a data set, of which the test part is predicted. After a regression the class is a number. FILE has the
    same features as the training data, found by their names where both have names; other columns are ignored. Labels
    may be beside them, and are then compared. The output is CSV: row, prediction, and label where there is one.
    """
    check_files(run, (EXPERIMENT, PARAMS))
    table = read_toml(run / EXPERIMENT) if (run / EXPERIMENT).is_file() else {}
    load_all_plugins(table, run / EXPERIMENT, without, modules, optional=True)
    with chdir("."):  # wherever a part changes it to
        model = TrainedModel.read(run)
    if probabilities and not model.classes:
        raise SettingError([f"{run} is a regression: its predictions are numbers, without probabilities"], "predict")
    if source is None and is_data_set(str(file)) and not file.exists():
        found, samples = _read_data_set(str(file), read_data_settings(assignments), model)
    else:
        found = _read_file(run, file, source, read_data_settings(assignments), model)
        samples = model.to_samples(found)
    outputs = model.compute_outputs(samples)
    predictions = model.to_answers(outputs).tolist()
    columns: dict[str, list[Any]] = {"row": list(range(1, len(predictions) + 1)), "prediction": predictions}
    notes = [*found.notes, *model.describe(samples)]
    measured = dict[str, Any]({"accuracy": None} if model.classes else {})
    if found.labels is not None and (problem := _describe_other_labels(found.labels, outputs, model.classes)):
        notes.append(problem)
    elif found.labels is not None:
        columns["label"] = found.labels.tolist()
        if model.classes:
            measured = _measure(predictions, columns["label"])
            notes += _describe_unknown_labels(columns["label"], model.classes)
        else:
            labels = found.labels.reshape(outputs.shape)
            measured = {metric.column: metric(outputs, labels) for metric in create_metrics("regression")}
    if probabilities:
        columns |= {f"output {label}": outputs[:, i].tolist() for i, label in enumerate(model.classes)}
    _print_predictions(columns, measured, notes, json_=json_)


def _read_data_set(name: str, settings: Table, model: TrainedModel) -> tuple[RowsToPredict, Samples]:
    """Return the test part of a data set by name, or all of one without, as rows and as the network takes it."""
    with file_progress():
        data = load(name, **settings)
    part = data.test if len(data.test) else data.train
    labels = part.targets(slice(None), data.outputs)
    labels = np.array(data.classes)[part.t] if data.classes else data.to_unit(labels)
    what = f"{len(part):,} rows, the test part of {name}" if len(data.test) else f"all {len(part):,} rows of {name}"
    return RowsToPredict(part.x, labels, (what, *data.notes)), model.to_samples(part)


def _read_file(run: Path, file: Path, source: str | None, settings: Table, model: TrainedModel) -> RowsToPredict:
    """Return the rows of a file, read with the settings of the run that its source has, too."""
    is_missing = model.source is None and file.exists()
    with name_missing_plugins(run / EXPERIMENT, {"data-source"}) if is_missing else nullcontext():
        kind = source or recognise_source(file)
    # A file has the settings of the run that its source has, too: the column of the label, for instance.
    reader = make_part("data-source", kind, **_without_places(model.find_shared_settings(kind), settings))
    # Who lists the features goes by that list: the file has other names.
    names = () if settings.get("features") else model.feature_names
    with file_progress():
        return read_rows(reader, file, model.columns, names, may_lack=model.preparation is not None)


def _measure(predictions: Sequence[Any], labels: Sequence[Any]) -> dict[str, Any]:
    """Return the accuracy, that of always answering the largest class, and the scores of each class."""
    pairs = zip(predictions, labels, strict=True)
    accuracy = sum(str(prediction) == str(label) for prediction, label in pairs) / len(predictions)
    return {"accuracy": accuracy, "baseline": find_majority(labels), "classes": score_classes(predictions, labels)}


def _without_places(shared: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return both kinds of settings; where columns of this file are given, their numbers in another file say nothing.

    >>> _without_places({"label": 4, "leave_out": ["id"]}, {"leave_out": [0]})
    {'leave_out': [0]}
    """
    kept = dict(shared)
    for key in COLUMNS if settings.keys() & set(COLUMNS) else ():
        value = shared.get(key)
        if any(isinstance(column, int) for column in (value if isinstance(value, (list, tuple)) else [value])):
            del kept[key]
    return {**kept, **settings}


def _describe_unknown_labels(labels: Sequence[Any], classes: Sequence[Any]) -> list[str]:
    """Return a note on the labels that are no class of the run, or none."""
    known = {str(name) for name in classes}
    unknown = list(dict.fromkeys(str(label) for label in labels if str(label) not in known))
    shown = list_some(map(quote, unknown), MOST_LABELS)
    return [f"the run knows no class {shown}: such rows count as wrong"] if unknown else []


def _describe_other_labels(labels: Array, outputs: Array, classes: Sequence[Any]) -> str:
    """Return a note on labels that cannot be compared with what the run predicts: of another number; or ""."""
    wanted = 1 if classes else outputs.shape[1]
    there = 1 if labels.ndim == 1 else labels.shape[1]
    if there == wanted and not (classes and labels.ndim > 1):
        return ""
    what = "a class" if classes else format_count(wanted, "number")
    return f"each row has {format_count(there, 'label')}, and the run predicts {what}: they are not compared"


def _split_targets(columns: Mapping[str, list[Any]]) -> dict[str, list[Any]]:
    """Return columns of single values: of several targets one for each, with its number.

    >>> _split_targets({"row": [1, 2], "label": [[0.5, 3.0], [1.5, 4.0]]})
    {'row': [1, 2], 'label 1': [0.5, 1.5], 'label 2': [3.0, 4.0]}
    """
    found: dict[str, list[Any]] = {}
    for name, values in columns.items():
        if values and isinstance(values[0], list):
            found |= {f"{name} {i}": list(each) for i, each in enumerate(zip(*values, strict=True), start=1)}
        else:
            found[name] = values
    return found


def _print_predictions(
    columns: dict[str, list[Any]], measured: Mapping[str, Any], notes: Sequence[str], *, json_: bool
) -> None:
    for note in notes:
        echo(f"note: {note}", err=True)
    if json_:
        records = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
        classes = [attrs.asdict(score) for score in measured.get("classes", ())]
        scores = {**measured, **({"classes": classes} if classes else {})}
        echo(json.dumps({**scores, "notes": notes, "rows": records}))
        return
    columns = _split_targets(columns)
    echo(to_csv([list(columns), *zip(*columns.values(), strict=True)]), nl=False)
    if "r2" in measured:
        echo(f"R² {measured['r2']:.4f}, RMSE {measured['rmse']:.4g} on {len(columns['row']):,} rows", err=True)
    elif "classes" in measured:
        echo("\n".join(format_class_report(measured["classes"])), err=True)
        rows = f"on {len(columns['row']):,} rows"
        echo(f"accuracy {measured['accuracy']:.4f} {rows} (majority {measured['baseline']:.4f})", err=True)
