"""Scores of runs by setting, data set and seed."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

import attrs
import numpy as np

from modnet import Array, DataError, SettingError
from modnet.files import list_some, printable, quote
from modnet_data.run_tables.columns import KNOWN, Rows, choose_columns, shorten, spread_scores

TRUTH = {"true": 1.0, "false": 0.0}
LARGEST = 1e100  # size of a score; the square of one, or of its reciprocal, is still a number

Place = tuple[tuple[str, ...], str, str]  # setting, data set, seed


@attrs.frozen(eq=False)
class RunTable:
    """The scores of runs by setting, data set and seed, or the hits or errors of samples by setting."""

    name: str
    """Its name in messages."""
    heads: tuple[str, ...]
    """The names of what varies."""
    score: str
    """The name of the score, "" where it has none."""
    scores: dict[tuple[str, ...], dict[str, dict[str, float]]]
    of_samples: dict[tuple[str, ...], Array] = attrs.field(factory=dict)
    """In place of scores: hits (bool) or errors of samples, (seeds, samples), in the order of the seeds."""
    seeds: tuple[str, ...] = ()
    """In order; none where the runs have no seeds."""
    seed: str = ""
    """The name of the column of seeds."""
    lost: int = 0
    """The number of runs without a finite score."""
    unused: tuple[str, ...] = ()
    """The names of the other columns."""

    @property
    def has_hits(self) -> bool:
        """True where each sample was a hit or none."""
        return bool(self.of_samples) and all(values.dtype == np.bool_ for values in self.of_samples.values())


def from_rows(
    where: str,
    names: list[str],
    rows: Rows,
    asked: Mapping[str, Any],
    diverged: float | None,
) -> RunTable:
    """Return the scores in rows whose columns have `names`; `asked` are those of each role, `where` stands in messages.

    A run without a finite score counts with `diverged`. Raises SettingError, UnknownNameError and DataError.
    """
    if not names:
        raise DataError(f"{where}: no columns: the first line names them")
    if len(names) == 1:
        what = f"a single column, {printable(names[0], 40)!r}"
        raise DataError(f"{where}: {what}: a table of runs has a setting and a score at least")
    if "*" in str(asked["score"]) and asked["score"] not in names:
        names, rows = spread_scores(names, rows, str(asked["score"]))
        asked = {**asked, "seed": names[-2]}
    columns = choose_columns(names, asked, where)
    at = {role: [names.index(name) for name in of] for role, of in columns.items()}
    found: dict[Place, dict[str, float]] = {}
    first: dict[tuple[Place, str], str] = {}
    missing: list[str] = []
    for place, row in rows:
        words = {role: tuple(to_word(row[i]) for i in at[role]) for role in KNOWN if role != "score"}
        if empty := [role for role, of in words.items() if "" in of]:
            raise DataError(f"{place}: the {empty[0]} is missing: fill it in, or leave the row out")
        setting, dataset = words["setting"], "".join(words["dataset"])
        seed = _to_seed("".join(words["seed"])) or f"run {len(found) + 1}"
        run, sample = (setting, dataset, seed), "".join(words["sample"])
        both = (zip(columns[role], words[role], strict=True) for role in ("seed", "sample"))
        named = [f"{name} {word}" for role in both for name, word in role]
        what = printable(", ".join([*setting, *words["dataset"], *named]), 200)
        if before := first.get((run, sample)):
            raise DataError(
                f"{place}: {what}: it stands in {before.removeprefix(f'{where}, ')} as well: remove one of them, or "
                "name the columns that tell them apart (--setting, --dataset)"
            )
        first[run, sample] = place
        score = _to_number(row[at["score"][0]], place, columns["score"][0])
        if not math.isfinite(score):
            missing.append(f"{place}: {what}")
        elif score and not 1 / LARGEST <= abs(score) <= LARGEST:
            sizes = f"sizes from {1 / LARGEST:g} to {LARGEST:g}, or 0"
            raise DataError(f"{place}: {what}: the score {score:g} is out of range: expected {sizes}")
        found.setdefault(run, {})[sample] = score
    return _gather(where, columns, found, missing, diverged)


def to_word(cell: Any) -> str:
    """Return a cell as a line of text: whole numbers without a point, which frames with missing values give them."""
    if cell is None or (isinstance(cell, float) and math.isnan(cell)):
        return ""
    return f"{cell:.0f}" if isinstance(cell, float) and cell.is_integer() else " ".join(str(cell).split())


def _to_seed(word: str) -> str:
    """Return the name of a seed: the same number is the same seed, in all of its spellings.

    >>> [_to_seed(word) for word in ("7", "7.0", "007", "+7", "-7", "0", "a7")]
    ['7', '7', '7', '7', '-7', '0', 'a7']
    """
    number = re.fullmatch(r"\+?(-?)0*(\d+?)(\.0*)?", word)
    return number[1] + number[2] if number else word


def _to_number(cell: Any, place: str, name: str) -> float:
    """Return a score; NaN where it is missing. Raises DataError."""
    word = to_word(cell).lower()
    if not word or word in ("none", "null", "na", "<na>"):
        return math.nan
    try:
        return TRUTH[word] if word in TRUTH else float(cell)
    except (TypeError, ValueError):
        what = f"{quote(str(cell))} is no number: write it as 0.93, or leave the cell empty where there is none"
        raise DataError(f"{place}: {name}: {what}") from None


def _gather(
    where: str,
    columns: Mapping[str, tuple[str, ...]],
    found: Mapping[Place, Mapping[str, float]],
    missing: Sequence[str],
    diverged: float | None,
) -> RunTable:
    """Return runs by setting; raises DataError where a score is not finite, and nothing says what it counts with."""
    if not found:
        raise DataError(f"{where}: no runs: a row for each is expected")
    has_samples = bool(columns["sample"])
    if missing and (diverged is None or has_samples):
        more = f" (and {len(missing) - 1:,} more)" if len(missing) > 1 else ""
        remedy = (
            "each sample of each run needs a value"
            if has_samples
            else "a run that diverged counts too: say with what score, as that of guessing: --diverged (diverged=)"
        )
        raise DataError(f"{missing[0]}{more}: no finite score: {remedy}")
    counted = 0.0 if diverged is None else diverged
    scores: dict[tuple[str, ...], dict[str, dict[str, float]]] = {}
    for (setting, dataset, seed), of in found.items():
        mean = math.fsum(of.values()) / len(of)
        scores.setdefault(setting, {}).setdefault(dataset, {})[seed] = mean if math.isfinite(mean) else counted
    seeds = order_seeds(seed for *_, seed in found) if columns["seed"] else ()
    short = tuple(map(shorten, columns["setting"]))
    heads = short if len({*short}) == len(short) else columns["setting"]
    seed, lost = "".join(columns["seed"]), len(missing)
    table = RunTable(where, heads, columns["score"][0], scores, {}, seeds, seed, lost, columns["unused"])
    return _with_samples(table, found) if has_samples else table


def order_seeds(seeds: Iterable[str]) -> tuple[str, ...]:
    """Return seeds in the order of their numbers, or, where they have none, as they come."""
    known = dict.fromkeys(seeds)
    return tuple(sorted(known, key=Decimal) if all(re.fullmatch(r"-?\d+", seed) for seed in known) else known)


def _with_samples(table: RunTable, found: Mapping[Place, Mapping[str, float]]) -> RunTable:
    """Return a table with the hits or errors of single samples; raises DataError where a run lacks one."""
    if len(datasets := {dataset for _, dataset, _ in found}) > 1:
        some = list_some(sorted(datasets), 3)
        raise DataError(f"{table.name}: samples of several data sets ({some}): judge each in a table of its own")
    if not table.seeds:
        raise SettingError(["samples are compared seed by seed: name its column (--seed, seed=)"], table.name)
    samples = [*dict.fromkeys(sample for of in found.values() for sample in of)]
    dataset, arrays = datasets.pop(), {}
    for setting in table.scores:
        for seed in table.seeds:
            of = found.get((setting, dataset, seed), {})
            if len(of) < len(samples):
                lacking = next(sample for sample in samples if sample not in of)
                what = printable(f"{', '.join(setting)}, {table.seed} {seed}, sample {lacking}", 200)
                raise DataError(f"{table.name}: nothing for {what}: each setting needs each seed and each sample")
        arrays[setting] = np.array([[found[setting, dataset, seed][s] for s in samples] for seed in table.seeds])
    return attrs.evolve(table, of_samples=to_hits(arrays))


def to_hits(arrays: dict[tuple[str, ...], Array]) -> dict[tuple[str, ...], Array]:
    """Return arrays of hits as truth values, where nothing but 0 and 1 is in them; errors as they are."""
    if all(((values == 0) | (values == 1)).all() for values in arrays.values()):
        return {key: values.astype(np.bool_) for key, values in arrays.items()}
    return arrays
