"""Trained models as ONNX, with the preparation of raw rows inside."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import onnx
from onnx import checker, helper
from onnx.reference import ReferenceEvaluator

import modnet
from modnet import Array, DataError, PluginError
from modnet.text import format_error, format_size, printable, quote
from modnet_export.about import KEY, describe_model
from modnet_export.conversion import convert
from modnet_export.examples import FEW, Examples, make_examples
from modnet_export.graph import Graph, find_type
from modnet_export.program import is_close, refuse, trace_network
from modnet_export.tracing import UntraceableError

OPSET, OPSET_OF_TABLES, FORMAT = 17, 3, 8
"""Versions of the operators, those of ONNX-ML, and the format: of 2022, as nothing newer is needed."""
HUGE = 2.0**1000  # the difference of numbers with such a deviation may be infinite
LARGEST = 2**63  # a label that is a whole number
MOST_BYTES = 2**31 - 2**20  # of a file: that of protobuf, less names and nodes
LABELS = {"bool": bool, "int": np.int64, "float": np.float64, "str": object}
Inputs = list[onnx.ValueInfoProto]


def write_onnx(model: Any) -> bytes:
    """Return a trained model as ONNX; raises PluginError for a part that no operators express, by its name."""
    size = sum(array.nbytes for array in model.network.arrays.values())
    if size > MOST_BYTES:
        what = f"the parameters take {format_size(size)}, and a file of ONNX holds {format_size(MOST_BYTES)} at most"
        raise DataError(f"{what}: export --to safetensors")
    program, examples = trace_network(model.network), make_examples(model)
    outputs = ("label", examples.scores_name) if model.classes else ("predictions",)
    graph = Graph(outputs)
    try:
        inputs, x = _add_preparation(graph, model, examples)
        y = convert(graph, program, x, examples.x)
    except UntraceableError as error:
        raise refuse(model.network.placed[error.layer - 1], f"{error}, for which ONNX has nothing") from None
    results = _add_answers(graph, model, y, outputs)
    content = helper.make_graph(graph.nodes, "modnet", inputs, results, list(graph.constants.values()))
    versions = [helper.make_opsetid("", OPSET), helper.make_opsetid("ai.onnx.ml", OPSET_OF_TABLES)]
    found = helper.make_model(
        content,
        opset_imports=versions,
        ir_version=FORMAT,
        producer_name="modnet",
        producer_version=modnet.__version__,
    )
    columns = {each.name: name for each, name in zip(inputs, examples.names, strict=True)}
    about = describe_model(model) | {"inputs": columns}
    helper.set_model_props(found, {KEY: json.dumps(about)})
    try:
        checker.check_model(found, full_check=True)
        problem = _find_problem(found, examples, outputs)
    except Exception as error:  # the evaluator's may be any
        problem = f"fails its check ({printable(format_error(error), 200)})"
    if problem:
        raise PluginError(f"the model in ONNX {problem}", "report it, or export --to numpy")
    return bytes(found.SerializeToString(deterministic=True))


def _find_problem(found: onnx.ModelProto, examples: Examples, outputs: tuple[str, ...]) -> str:
    """Return what is wrong with what a model in ONNX predicts for rows of all kinds, or ""."""
    names, evaluator = [each.name for each in found.graph.input], ReferenceEvaluator(found)
    for count in (FEW, len(examples.x)):
        given = {name: value[:count] for name, value in zip(names, examples.inputs, strict=True)}
        with np.errstate(all="ignore"):
            (y,) = evaluator.run([outputs[-1]], given)
        if not is_close(np.asarray(y), examples.outputs[:count]):
            return "predicts other numbers than the network"
    return ""


def _add_preparation(graph: Graph, model: Any, examples: Examples) -> tuple[Inputs, str]:
    """Add what becomes of raw rows before the network, and return the inputs and the name of the samples."""
    preparation, network = model.preparation, model.network
    inputs = [
        helper.make_tensor_value_info(graph.take_name(name), find_type(value.dtype), ["N", *value.shape[1:]])
        for name, value in zip(examples.names, examples.inputs, strict=True)
    ]
    if preparation is None:
        return inputs, _add_division(graph, inputs[0].name, model.scale, network.dtype)
    if len(inputs) == 1 and not any(column.words is not None for column in preparation.columns):
        raw = inputs[0].name
        if len(network.shape) > 1:
            raw = graph.add("Reshape", raw, graph.constant(np.array([0, network.inputs])))
        numbers, words = [raw], dict[int, str]()
    else:
        names = [each.name for each in inputs]
        words = {j: names[j] for j, column in enumerate(preparation.columns) if column.words is not None}
        numbers = [names[j] for j in range(len(names)) if j not in words]
    x = graph.cast(_add_features(graph, preparation, numbers, words), network.dtype)
    if len(network.shape) > 1:
        x = graph.add("Reshape", x, graph.constant(np.array([0, *network.shape])))
    return inputs, x


def _add_division(graph: Graph, raw: str, scale: float, dtype: Any) -> str:
    """Add the division of features; as in training it is of float64 where float32 has not the divisor itself."""
    is_direct = dtype == np.float64 or float(np.float32(scale)) == scale
    x = raw if is_direct else graph.cast(raw, np.float64)
    divisor = _add_guard(graph, x, np.array([scale], dtype if is_direct else np.float64), "features")
    x = graph.add("Div", x, divisor)
    return x if is_direct else graph.cast(x, dtype)


def _add_guard(graph: Graph, x: str, table: Array, what: str) -> str:
    """Return the first row of a table, which is not found where a number is not finite.

    ONNX has no operator that raises an error: the row's index is beyond the table, which each runtime refuses.
    """
    odd = graph.add("Or", graph.add("IsNaN", x), graph.add("IsInf", x))
    index = graph.add("ReduceSum", graph.cast(odd, np.int64), keepdims=0)
    return graph.add(
        "Gather", graph.constant(table), index, axis=0, name=f"refuses_missing_or_infinite_numbers_in_{what}"
    )


def _add_features(graph: Graph, preparation: Any, numbers: list[str], words: dict[int, str]) -> str:
    """Add what `Preparation.transform` does, and return the name of the features, float64."""
    columns, names = preparation.columns, [*numbers]
    plain = [j for j, column in enumerate(columns) if column.words is None]
    blocks: list[tuple[str, list[tuple[int, int]]]] = []  # of features, with the column and the place of each
    for j, name in words.items():
        column = columns[j]
        found = _add_places(graph, column, preparation.unseen, name, j)
        if column.encode == "ordinal":
            names.append(graph.cast(found, np.float64))
            plain.append(j)
        else:
            count = len(column.words)
            is_word = graph.add("Equal", found, graph.constant(np.arange(count)))
            blocks.append((graph.cast(is_word, np.float64), [(j, n) for n in range(count)]))
        if column.indicator:
            lacks = graph.add("LabelEncoder", name, keys_strings=[""], values_floats=[1.0], default_float=0.0)
            blocks.append((graph.cast(lacks, np.float64), [(j, _LAST)]))
    if plain:
        raw = graph.add("Concat", *names, axis=1) if len(names) > 1 else names[0]
        lacking = graph.add("IsNaN", raw)
        blocks.insert(0, (_add_standardized(graph, columns, plain, raw, lacking), [(j, 0) for j in plain]))
        if any(columns[j].indicator and j not in words for j in plain):
            own = [(j, _LAST if columns[j].indicator and j not in words else _NOWHERE) for j in plain]
            blocks.insert(1, (graph.cast(lacking, np.float64), own))
    found = graph.add("Concat", *(name for name, _ in blocks), axis=1) if len(blocks) > 1 else blocks[0][0]
    places = [place for _, some in blocks for place in some]
    order = sorted((n for n, (_, place) in enumerate(places) if place != _NOWHERE), key=places.__getitem__)
    return (
        found if order == [*range(len(places))] else graph.add("Gather", found, graph.constant(np.array(order)), axis=1)
    )


_LAST, _NOWHERE = 2**40, -1  # the place of the column that says what is missing, and of what is no feature


def _add_places(graph: Graph, column: Any, unseen: str, name: str, j: int) -> str:
    """Add the place of each word among those of a column (N, 1); what training would refuse is beyond a table's end."""
    count = len(column.words)
    unknown = count + 1 if column.encode == "ordinal" or unseen == "refuse" else count
    keys = {word: place for place, word in enumerate(column.words)}
    if "" not in keys:
        fill = column.fill if column.fill is None else keys.get(column.fill, count)
        keys[""] = count + 1 if fill is None else fill
    found = graph.add("LabelEncoder", name, keys_strings=[*keys], values_int64s=[*keys.values()], default_int64=unknown)
    table = graph.constant(np.array([*range(count), -1]))
    return graph.add("Gather", table, found, axis=0, name=f"refuses_words_that_training_lacks_in_feature_{j + 1}")


def _add_standardized(graph: Graph, columns: Any, plain: list[int], raw: str, lacking: str) -> str:
    """Add the imputed and standardized numbers of some columns, (N, columns)."""
    rows = [(columns[j].mean, columns[j].deviation, columns[j].fill_number) for j in plain]
    mean, deviation, fill = np.array(rows, np.float64).T
    filled = raw
    if not np.isnan(fill).all():
        filled = graph.add("Where", lacking, graph.constant(fill), raw)
    half = np.where(deviation > HUGE, 0.5, 1.0)
    centre = _add_guard(graph, filled, (mean * half)[None], "features")
    if (half != 1).any():
        filled = graph.add("Mul", filled, graph.constant(half))
    difference = graph.add("Sub", filled, centre)
    divided = graph.add("Div", difference, graph.constant(np.where(deviation == 0, np.inf, deviation * half)))
    most = np.finfo(np.float64).max
    finite = graph.add("Where", graph.add("IsNaN", divided), graph.constant(np.float64(0)), divided)
    return graph.add("Min", graph.add("Max", finite, graph.constant(-most)), graph.constant(most))


def _to_array(classes: tuple[Any, ...]) -> Array:
    """Return labels as an array; raises DataError where they are of several kinds, or of none that ONNX has."""
    kinds = {type(label).__name__: label for label in classes}
    dtype = LABELS.get(next(iter(kinds))) if len(kinds) == 1 else None
    if dtype is None or (dtype is np.int64 and not all(-LARGEST <= label < LARGEST for label in classes)):
        shown = " and ".join(quote(str(label)) for label in kinds.values())
        raise DataError(
            f"ONNX has no array of labels such as {shown}: export --to numpy, or name the classes otherwise"
        )
    return np.array(classes, dtype)


def _add_answers(graph: Graph, model: Any, y: str, names: tuple[str, ...]) -> Inputs:
    """Add the answers that follow from a network's outputs, and return them."""
    network, classes = model.network, model.classes
    if not classes:
        dtype = np.dtype(np.float64 if model.target_scale else network.dtype)
        if scale := model.target_scale:
            spread = graph.add("Mul", graph.cast(y, np.float64), graph.constant(np.array(scale.deviation)))
            graph.add("Add", spread, graph.constant(np.array(scale.mean)), output=names[0])
        else:
            graph.add("Identity", y, output=names[0])
        return [helper.make_tensor_value_info(names[0], find_type(dtype), ["N", network.outputs])]
    if network.is_binary:
        other = graph.add("Sub", graph.constant(np.array(1, network.dtype)), y)
        graph.add("Concat", other, y, axis=1, output=names[1])
    else:
        graph.add("Identity", y, output=names[1])
    labels = _to_array(classes)
    largest = graph.add("ArgMax", names[1], axis=1, keepdims=0)
    graph.add("Gather", graph.constant(labels, "classes"), largest, axis=0, output=names[0])
    return [
        helper.make_tensor_value_info(names[0], find_type(labels.dtype), ["N"]),
        helper.make_tensor_value_info(names[1], find_type(network.dtype), ["N", len(classes)]),
    ]
