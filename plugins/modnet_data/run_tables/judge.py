"""A judgement of runs of any framework."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from modnet import Judgement, SettingError
from modnet.files import list_some, quote
from modnet_data.run_tables.columns import find_direction
from modnet_data.run_tables.reading import read_runs
from modnet_data.run_tables.table import RunTable

FOLDS = ("fold", "split")  # seeds of a cross-validation, which share training rows


def judge(
    runs: Any,
    *,
    setting: str | Sequence[str] | None = None,
    seed: str | None = None,
    score: str | None = None,
    sample: str | None = None,
    dataset: str | None = None,
    higher_is_better: bool | None = None,
    rope: float | None = None,
    diverged: float | None = None,
    paired: bool | None = None,
) -> Judgement:
    """Return what may be claimed of the differences between settings, by runs of any framework.

    `runs` is the path of a CSV file or a data frame with a row for each run, or for each test sample of each run; or a
    mapping of settings: to scores (seeds,), to scores by seed, or to hits (seeds, samples). Arrays are taken for runs
    of unrelated seeds; with `paired`, those in the same place are of the same seed.

    `setting`, `seed`, `score`, `sample` and `dataset` are the names of columns, where their names do not say it;
    several make a setting together. `higher_is_better` may be left out where the name of the score says it. Settings
    whose scores differ by less than `rope`, in the unit of the score, are practically equal. A run without a finite
    score counts with `diverged`.

    Raises SettingError, DataError and MissingExtraError.

    >>> runs = {"adam": [0.971, 0.969, 0.972, 0.97, 0.973], "sgd": [0.941, 0.938, 0.944, 0.94, 0.939]}
    >>> result = modnet.judge(runs, higher_is_better=True)
    >>> result.pairs[0].verdict, round(result.pairs[0].difference, 4)
    ('adam is better', 0.0306)
    """
    if rope is not None and not (_is_finite(rope) and rope >= 0):
        raise SettingError([f"must be a number >= 0, not {rope!r}"], "rope")
    if diverged is not None and not _is_finite(diverged):
        raise SettingError([f"must be a finite number, not {diverged!r}"], "diverged")
    if not (higher_is_better is None or isinstance(higher_is_better, bool | np.bool_)):
        raise SettingError([f"must be True or False, not {higher_is_better!r}"], "higher_is_better")
    asked = {"setting": setting, "dataset": dataset, "seed": seed, "sample": sample, "score": score}
    table = read_runs(runs, asked, diverged, paired=paired)
    is_higher, assumed = _find_direction(table, higher_is_better)
    notes = [note for note in (*_describe(table), assumed) if note]
    if table.of_samples:
        return Judgement.from_samples(table.of_samples, table.heads, rope=rope, notes=notes)
    name = table.score or "score"
    return Judgement.from_scores(
        table.scores, table.heads, seeds=table.seeds, score=name, higher_is_better=is_higher, rope=rope, notes=notes
    )


def _is_finite(number: Any) -> bool:
    return isinstance(number, int | float | np.number) and math.isfinite(number)


def _find_direction(table: RunTable, given: bool | None) -> tuple[bool, str]:
    """Return whether higher is better, and what was assumed for it; raises SettingError."""
    if table.of_samples:
        is_higher = table.has_hits
        if given not in (None, is_higher):
            what = "a hit is better than none" if is_higher else "errors of samples are better if smaller"
            raise SettingError([f"{what}: leave the direction out"], table.name)
        return is_higher, ""
    if given is not None:
        return given, ""
    found = find_direction(table.score)
    if found is None:
        name = quote(table.score) if table.score else "score"
        remedy = "Say --higher-is-better or --lower-is-better (higher_is_better=True or False)"
        raise SettingError([f"is a higher {name} better? {remedy}"], table.name)
    return found, f"{'Higher' if found else 'Lower'} {table.score} is taken for better, as its name says."


def _describe(table: RunTable) -> Iterator[str]:
    """Yield what is to be known of the runs of a table."""
    if table.lost:
        what = "1 run has" if table.lost == 1 else f"{table.lost:,} runs have"
        yield f"{what} no finite score and count with the one that was given for it."
    if table.seeds:
        order = f"Seeds are taken in the order {list_some(table.seeds, 6)}"
        yield f"{order}: give later ones larger numbers, so that the first ones stay the first."
    else:
        order = "each row is a run of its own, in the order of the table. Add later ones below."
        unused = f" Columns that are not used: {list_some(map(quote, table.unused), 6)}." if table.unused else ""
        yield f"Runs have no seeds (--seed): {order}{unused}"
    if table.seed.lower().startswith(FOLDS):
        yield (
            f"{table.seed}: the runs of a cross-validation share training rows, and so vary less than those of "
            "independent samples: its verdicts come too easily. Repeat with other seeds instead."
        )
