"""Runs of any framework, judged by a table of them."""

from __future__ import annotations

import csv
import io
import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from os import PathLike
from pathlib import Path
from typing import Any

import attrs
import numpy as np

from modnet import Array, DataError, Judgement, SettingError, UnknownNameError
from modnet.files import list_some, printable, quote, read_bytes, reading
from modnet_data.frame.given import from_native

LONGEST = 60  # characters of a setting's name in a message
MOST_COLUMNS = 12  # that a message names
# Names of columns that say what is in them, in lower case; other characters than letters and digits are one "_". What
# stands before a point or a slash is left out, as in params.seed or config/seed.
KNOWN = {
    "seed": "seed seeds random_seed rng_seed random_state fold split repeat repetition",
    "sample": "sample sample_id test_sample example example_id instance",
    "dataset": "dataset data_set dataset_name data_name",
    "setting": "setting model method algorithm config configuration estimator classifier variant flow_name params",
    "score": "score value",
}
FOLDS = ("fold", "split")  # seeds of a cross-validation, which share training rows
HIGHER = "accuracy acc f1 auc auroc r2 precision recall bleu rouge iou dice mcc kappa reward return hit hits correct"
LOWER = "loss error errors err mse rmse mae mape nll perplexity ppl wer cer fid brier regret"
# What is made of a score, as the drop of an accuracy or the time to one, and may be better the other way round.
DERIVED = (
    "change code cost decrease delta deviation diff difference distance drop epochs gain gap improvement increase "
    "iterations minus negative rank ratio reduction sd seconds std stddev steps time to var variance"
)
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


def read_runs(
    runs: Any, asked: Mapping[str, str | Sequence[str] | None], diverged: float | None, *, paired: bool | None
) -> RunTable:
    """Return the runs in a CSV file, a data frame, or a mapping of settings; `asked` are the names of columns.

    Raises SettingError and DataError.
    """
    if isinstance(runs, Mapping):
        if given := [role for role, name in asked.items() if name]:
            raise SettingError(["a mapping of settings has no columns: leave it out"], given[0])
        return _from_mapping(runs, diverged, paired=bool(paired))
    if paired is not None:
        raise SettingError(["a table pairs by its seeds: leave it out, or name the column of seeds"], "paired")
    if isinstance(runs, (str, PathLike)):
        path = Path(runs)
        return _from_rows(str(path), *_read_csv(path), asked, diverged)
    return _from_rows("data frame", *_read_frame(runs), asked, diverged)


def find_direction(name: str) -> bool | None:
    """Return whether higher values of a score are better, as far as its name says so.

    >>> [find_direction(name) for name in ("test_acc", "metrics.val_loss", "neg_log_loss", "accuracy_drop", "1-acc")]
    [True, False, True, None, None]
    """
    short = shorten(name)
    words = {*_normalize(short).split("_")}
    is_higher, is_lower, is_derived = (not words.isdisjoint(known.split()) for known in (HIGHER, LOWER, DERIVED))
    is_turned = (is_higher and "neg" in words) or re.match(r"\s*\d*\s*[-\u2212]", short)
    return None if is_higher == is_lower or is_derived or is_turned else is_higher or "neg" in words


def shorten(name: str) -> str:
    """Return the name of a column without what stands before a point or a slash.

    >>> shorten("params.lr"), shorten("lr"), shorten("F1/s.")
    ('lr', 'lr', 'F1/s.')
    """
    return re.split(r"[./]", name)[-1] or name


def _normalize(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")


def _read_csv(path: Path) -> tuple[list[str], Iterator[tuple[str, list[Any]]]]:
    """Return the names of a file's columns, and its rows, each with its place; raises DataError."""
    content = read_bytes(path)
    with reading(path):
        text = content.decode("utf-8-sig")
    head = text.partition("\n")[0]
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=max(",;\t", key=head.count), strict=True)
    with reading(path):
        names = [_to_word(name) for name in next(rows, [])]

    def read() -> Iterator[tuple[str, list[Any]]]:
        with reading(path):
            for row in rows:
                place = f"{path}, line {rows.line_num}"
                if len(row) != len(names) and row:
                    raise DataError(f"{place}: cells: {len(row)}, expected {len(names)} as in line 1")
                if row:
                    yield place, row

    return names, read()


def _read_frame(given: Any) -> tuple[list[str], Iterator[tuple[str, list[Any]]]]:
    frame = from_native(given, Path("data frame"))
    if hasattr(frame, "to_frame"):
        raise DataError("data frame: expected a table with a row for each run, found a series: give its data frame")
    frame = frame.collect() if hasattr(frame, "collect") else frame
    known = {word for words in KNOWN.values() for word in words.split()}
    index = [name for name in getattr(getattr(given, "index", None), "names", ()) if _normalize(str(name)) in known]
    if index:
        what = f"{quote(str(index[0]))} is in the index, which is not read"
        raise DataError(f"data frame: {what}: make a column of it, by frame.reset_index()")
    cells = zip(*(_list_cells(series) for series in frame.iter_columns()), strict=True)
    return [*map(str, frame.columns)], ((f"data frame, row {i}", [*row]) for i, row in enumerate(cells, 1))


def _list_cells(series: Any) -> list[Any]:
    found: list[Any] = series.to_list()
    return _to_decimals(np.array(found, np.float32)).tolist() if str(series.dtype) == "Float32" else found


def _to_decimals(values: Array) -> Array:
    """Return numbers of few bits as the decimals that they print, 0.91 and not 0.910000026, which show the rounding."""
    return values.astype(np.str_).astype(np.float64) if values.dtype in (np.float16, np.float32) else values


def _choose_columns(names: Sequence[str], asked: Mapping[str, Any], where: str) -> dict[str, tuple[str, ...]]:
    """Return the names of the columns of each role, those asked for or those that say it."""
    if twice := [name for i, name in enumerate(names) if name in names[:i]]:
        raise DataError(f"{where}: two columns are named {quote(twice[0])}: rename one of them")
    chosen = {role: (of,) if isinstance(of, str) else tuple(of) for role, of in asked.items() if of}
    every = [name for of in chosen.values() for name in of]
    if twice := [name for i, name in enumerate(every) if name in every[:i]]:
        raise SettingError([f"the column {quote(twice[0])} is asked for twice: name another one"], where)
    if unknown := [name for of in chosen.values() for name in of if name not in names]:
        raise UnknownNameError("column", unknown[0], names, f" ({where})")
    left = [name for name in names if not any(name in of for of in chosen.values())]
    for role in KNOWN:
        if role in chosen:
            continue
        found = [name for name in left if _normalize(shorten(name)) in KNOWN[role].split()]
        if role == "score":
            found = found or [name for name in left if find_direction(name) is not None]
        if len(found) == 1:
            chosen[role] = (found[0],)
            left.remove(found[0])
        elif found or role in ("setting", "score"):
            columns = list_some([quote(name) for name in found or names], MOST_COLUMNS)
            what = f"which column is the {role}" + (" (several make one together)" if role == "setting" else "")
            raise SettingError([f"{what}? Say --{role} ({role}=): {columns}"], where)
    return {**{role: chosen.get(role, ()) for role in KNOWN}, "unused": tuple(left)}


def _spread(
    names: list[str], rows: Iterator[tuple[str, list[Any]]], score: str
) -> tuple[list[str], Iterator[tuple[str, list[Any]]]]:
    """Return a table with a column of seeds and one of scores in place of columns that are the scores of a seed each.

    `score` is their names with an asterisk for what differs, the seeds: "split*_test_score".
    """
    before, _, after = score.partition("*")
    matches = [re.fullmatch(f"{re.escape(before)}(.+){re.escape(after)}", name) for name in names]
    of_seeds = {i: match[1] for i, match in enumerate(matches) if match}
    if not of_seeds:
        raise UnknownNameError("column", score, names)
    kept = [i for i in range(len(names)) if i not in of_seeds]
    every = ((place, row, i) for place, row in rows for i in of_seeds)
    spread = ((place, [*(row[k] for k in kept), of_seeds[i], row[i]]) for place, row, i in every)
    return [*(names[i] for i in kept), before.strip(" _-.") or "seed", score], spread


def _from_rows(
    where: str,
    names: list[str],
    rows: Iterator[tuple[str, list[Any]]],
    asked: Mapping[str, Any],
    diverged: float | None,
) -> RunTable:
    if not names:
        raise DataError(f"{where}: no columns: the first line names them")
    if len(names) == 1:
        what = f"a single column, {printable(names[0], 40)!r}"
        raise DataError(f"{where}: {what}: a table of runs has a setting and a score at least")
    if "*" in str(asked["score"]) and asked["score"] not in names:
        names, rows = _spread(names, rows, str(asked["score"]))
        asked = {**asked, "seed": names[-2]}
    columns = _choose_columns(names, asked, where)
    at = {role: [names.index(name) for name in of] for role, of in columns.items()}
    found: dict[Place, dict[str, float]] = {}
    first: dict[tuple[Place, str], str] = {}
    missing: list[str] = []
    for place, row in rows:
        words = {role: tuple(_to_word(row[i]) for i in at[role]) for role in KNOWN if role != "score"}
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


def _to_word(cell: Any) -> str:
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
    word = _to_word(cell).lower()
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


def _from_mapping(runs: Mapping[Any, Any], diverged: float | None, *, paired: bool) -> RunTable:
    found: list[tuple[str, list[Any], Array]] = []  # name, seeds, values
    for key, given in runs.items():
        name, has_seeds = _to_word(key), isinstance(given, Mapping)
        try:
            values = np.asarray([*given.values()] if has_seeds else given)
        except ValueError:  # of rows that are not equally long
            values = np.asarray([])
        if values.dtype.kind not in "biuf" or values.ndim not in (1, 2) or not values.size:
            what = " ".join(repr(given).split())
            expected = f"expected scores (seeds,), or hits (seeds, samples), found {what:.100}"
            raise DataError(f"{printable(name, LONGEST)}: {expected}")
        found.append((name, [*given] if has_seeds else [*range(len(values))] if paired else [], values))
    if twice := [name for name, count in Counter(name for name, *_ in found).items() if count > 1]:
        raise DataError(f"two settings are named {quote(twice[0])}: rename one of them")
    if len({(values.ndim, bool(seeds)) for _, seeds, values in found}) > 1:
        raise DataError("expected the same of each setting: scores, scores by seed ({seed: score}), or hits of samples")
    if found and found[0][2].ndim == 2:
        return _from_arrays({(name,): values for name, _, values in found})
    columns = ["setting", *["seed"] * any(seeds for _, seeds, _ in found), "score"]
    rows = (
        (f"runs, place {i}", [name, *seeds[i : i + 1], score])
        for name, seeds, values in found
        for i, score in enumerate(_to_decimals(values).tolist())
    )
    return attrs.evolve(_from_rows("runs", columns, rows, dict.fromkeys(KNOWN), diverged), score="")


def _from_arrays(arrays: dict[tuple[str, ...], Array]) -> RunTable:
    shapes = {key[0]: values.shape for key, values in arrays.items()}
    if len({*shapes.values()}) > 1:
        raise DataError(f"expected hits of the same seeds and samples of each setting, found shapes {shapes}")
    if not all(np.isfinite(values).all() for values in arrays.values()):
        raise DataError("each sample of each run needs a finite value")
    seeds = tuple(map(str, range(len(next(iter(arrays.values()))))))
    return RunTable("runs", ("setting",), "", {key: {} for key in arrays}, to_hits(arrays), seeds)
