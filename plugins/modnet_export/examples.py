"""Raw rows of all kinds, with a model's own predictions."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np

from modnet import Array

ROWS, FEW = 11, 3  # two numbers of samples: what is right for both is right for all
LIKE_PIXELS = 2  # standard deviations of a divisor


@attrs.frozen(eq=False)
class Examples:
    """Raw rows as the inputs of an exported model, (N, ...) each with a name, and what the network makes of them."""

    names: tuple[str, ...]
    """The names of the columns where each is an input of its own; or one for all numbers."""
    inputs: tuple[Array, ...]
    """Float64 where columns are prepared, otherwise of the network's dtype; objects are words, "" a missing one."""
    table: Array
    """The same rows as codes and numbers (N, columns)."""
    x: Array
    """The samples (N, *inputs) that are made of them, in the network's dtype."""
    outputs: Array
    """Scores of the classes, or the values of a regression in their unit."""
    are_probabilities: bool

    @property
    def scores_name(self) -> str:
        """The name of the outputs for classes."""
        return "probabilities" if self.are_probabilities else "scores"


def make_examples(model: Any, rows: int = ROWS) -> Examples:
    """Return rows with numbers and words of all kinds, such as may be missing, for a trained model."""
    network, generator = model.network, np.random.default_rng(0)
    shape = (rows, *network.shape)
    names: tuple[str, ...] = ("images" if len(network.shape) > 1 else "features",)
    inputs: tuple[Array, ...]
    if model.preparation is None:
        table = np.abs(generator.normal(size=shape) * model.scale / LIKE_PIXELS).astype(network.dtype)
        x = np.divide(table, model.scale, dtype=np.float64).astype(network.dtype)
        inputs, table = (table,), table.reshape(rows, -1)
    else:
        columns = model.preparation.columns
        table = np.stack([_make_column(column, rows, generator) for column in columns], axis=1)
        x = model.preparation.transform(table).astype(network.dtype).reshape(shape)
        inputs = (table.reshape(shape) if len(network.shape) > 1 else table,)
        if any(column.words is not None for column in columns):
            names = tuple(column.name or f"feature {j}" for j, column in enumerate(columns, start=1))
            inputs = tuple(_to_input(column, table[:, j]) for j, column in enumerate(columns))
    outputs = network.predict_scores(x)
    are_probabilities = bool((outputs >= 0).all() and (abs(outputs.sum(axis=1) - 1) < 1e-4).all())
    if model.target_scale:
        outputs = model.target_scale.restore(outputs)
    return Examples(names, inputs, table, x, outputs, are_probabilities)


def _make_column(column: Any, rows: int, generator: np.random.Generator) -> Array:
    """Return numbers or codes of words, of which some are missing where that is imputed."""
    if column.words is None:
        found = column.mean + (column.deviation or 1.0) * generator.normal(size=rows)
    else:
        found = generator.integers(0, len(column.words), rows).astype(np.float64)
    lacks = generator.random(rows) < (0.3 if column.fill is not None and "" not in (column.words or ()) else 0)
    return np.where(lacks, np.nan, found)


def _to_input(column: Any, values: Array) -> Array:
    if column.words is None:
        return values[:, np.newaxis]
    words = ["" if np.isnan(code) else column.words[int(code)] for code in values]
    return np.array(words, object)[:, np.newaxis]
