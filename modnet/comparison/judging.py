"""Verdicts on anybody's runs, by their scores or by the hits of samples."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import attrs
import numpy as np

from modnet.comparison.decisions import ANALYSES, ROPE
from modnet.comparison.figure import draw_judgement
from modnet.comparison.pairs import (
    LEVEL,
    compare_samples,
    compare_scores,
    format_pairs,
    records_to_csv,
    tabulate_pairs,
    to_finite,
    to_interval,
    to_markdown,
    to_records,
)
from modnet.comparison.result import PairResult
from modnet.comparison.run_tables import FOLDS, RunTable, find_direction, read_runs
from modnet.comparison.scores import JudgedSetting, ScoreDifference, find_unit, vary_mean
from modnet.comparison.statistics import Variation, load_special
from modnet.errors import DataError, SettingError
from modnet.text import format_count, format_table, list_some, quote

if TYPE_CHECKING:
    from matplotlib.figure import Figure

WIDTH = 80  # of the lines below a table
ALONE = (
    "Scores alone know nothing of the test samples: verdicts and intervals are for other seeds on the same test data. "
    "What holds for new samples takes the hits of the test samples (--sample)."
)
SHARES = ("accuracy", "acc")  # words in the names of scores for which the ROPE of accuracies is taken


@attrs.frozen(eq=False)
class Judgement:
    """Settings judged by the runs of a table; `str` of it is a table."""

    settings: tuple[JudgedSetting, ...]
    """A record for each setting and data set."""
    pairs: tuple[PairResult, ...]
    score: str
    """The name of the score."""
    higher_is_better: bool
    rope: float
    """The region of practical equivalence: a difference that is smaller is none in practice."""
    notes: tuple[str, ...]
    """The assumptions, and what the verdicts hold for."""

    def __str__(self) -> str:
        entries = sum(bool(key) for key in self.settings[0].entries) + bool(self.settings[0].dataset)
        blocks = ["\n".join(format_table(self._settings_table(), left=entries))]
        blocks += ["\n".join(format_pairs(tabulate_pairs(self.pairs, self._format)))] * bool(self.pairs)
        return "\n\n".join([*blocks, *("\n".join(textwrap.wrap(note, WIDTH)) for note in self.notes)])

    def markdown(self) -> str:
        """Return the tables in Markdown."""
        tables = [self._settings_table(), *[tabulate_pairs(self.pairs, self._format)] * bool(self.pairs)]
        return "\n\n".join([*map(to_markdown, tables), *self.notes]) + "\n"

    def pairs_csv(self) -> str:
        """Return a row for each pair of settings as CSV: difference, intervals, p-values, claims, verdict."""
        return records_to_csv(to_records(self.pairs))

    def as_json(self) -> dict[str, Any]:
        """Return all but the hits, or errors, of single samples, as JSON can hold it."""
        return {
            "score": self.score,
            "higher_is_better": self.higher_is_better,
            "rope": self.rope,
            "level": LEVEL,
            "settings": [
                {
                    "label": each.label,
                    "entries": each.entries,
                    "dataset": each.dataset,
                    "score": float(each.scores.mean()),
                    "standard_deviation": to_finite(each.deviation),
                    "on_such_samples": to_interval(each.on_such_samples),
                    "on_these_samples": to_interval(each.on_these_samples),
                    "scores": each.scores.tolist(),
                }
                for each in self.settings
            ],
            "pairs": to_records(self.pairs),
            "notes": list(self.notes),
        }

    def figure(self, title: str = "") -> Figure:
        """Return the score of each run, and all differences, with intervals; raises MissingExtraError."""
        return draw_judgement(self.settings, self.pairs, self.score, title)

    def _settings_table(self) -> list[list[str]]:
        first = self.settings[0]
        blocks = ["data set"] * bool(first.dataset)
        rows = [[*first.entries, *blocks, "runs", self.score, "lowest", "highest"]]
        for each in self.settings:
            spread = "" if math.isnan(each.deviation) else f" ± {self._format(each.deviation)}"
            mean, low, high = map(self._format, (each.scores.mean(), each.scores.min(), each.scores.max()))
            place = [each.dataset] * bool(blocks)
            rows.append([*each.entries.values(), *place, str(len(each.scores)), mean + spread, low, high])
        return rows

    def _format(self, number: float) -> str:
        """Return a score with so many decimals that the standard deviation between seeds has two digits."""
        deviations = [each.deviation for each in self.settings if each.deviation > 0]
        places = 1 - math.floor(math.log10(float(np.median(deviations)))) if deviations else 4
        return f"{number:z.{min(max(places, 0), 9)}f}"


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
    load_special()
    if rope is not None and not (rope >= 0 and math.isfinite(rope)):
        raise SettingError([f"must be a number >= 0, not {rope!r}"], "rope")
    if diverged is not None and not math.isfinite(diverged):
        raise SettingError([f"must be a finite number, not {diverged!r}"], "diverged")
    asked = {"setting": setting, "dataset": dataset, "seed": seed, "sample": sample, "score": score}
    table = read_runs(runs, asked, diverged, paired=paired)
    is_higher, assumed = _find_direction(table, higher_is_better)
    if rope is None:
        rope = _choose_rope(table)
    judged = _judge_samples if table.of_samples else _judge_scores
    return judged(table, rope, assumed, is_higher)


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


def _choose_rope(table: RunTable) -> float:
    """Return the ROPE of accuracies, if these are some, or 0."""
    if table.of_samples:
        return ROPE if table.has_hits else 0.0
    values = [value for of in table.scores.values() for block in of.values() for value in block.values()]
    is_share = any(word in table.score.lower().replace("-", "_").split("_") for word in SHARES)
    return ROPE if is_share and min(values) >= 0 and max(values) <= 1 else 0.0


def _label(table: RunTable, setting: tuple[str, ...]) -> str:
    """Return the name of a setting: "adam", or of several columns "optimizer adam, lr 0.1"."""
    both = zip(table.heads, setting, strict=True)
    return setting[0] if len(setting) == 1 else ", ".join(f"{head} {word}" for head, word in both)


def _judge_samples(table: RunTable, rope: float, assumed: str, is_higher: bool) -> Judgement:
    values = list(table.of_samples.values())
    seeds, samples = values[0].shape
    if samples < 2:
        raise DataError(f"{table.name}: one test sample, expected at least 2")
    if not is_higher and any((of < 0).any() for of in values):
        raise DataError(f"{table.name}: the errors of samples must not be negative")
    labels = [_label(table, setting) for setting in table.of_samples]
    pairs = compare_samples(labels, values, rope, "accuracy" if is_higher else "error")
    settings = []
    for setting, label, of in zip(table.of_samples, labels, values, strict=True):
        variation = Variation.from_values(of, are_differences=False) if seeds > 1 else None
        such, these = (variation.on_such_samples(), variation.on_these_samples()) if variation else (None, None)
        entries = dict(zip(table.heads, setting, strict=True))
        settings.append(JudgedSetting(label, entries, "", of.mean(axis=1), these, such))
    counts = f"{format_count(seeds, 'seed')}, {samples:,} test samples; ± is the standard deviation between seeds."
    holds = "Intervals are over seeds and test samples. A verdict is for all seeds and new samples like these; it"
    name = "accuracy" if is_higher else "error"
    notes = [f"{counts} {holds} {_explain_errors(name, rope)}", _note_order(table), _note_folds(table)]
    return Judgement(tuple(settings), pairs, name, is_higher, rope, tuple(filter(None, [assumed, *notes])))


def _judge_scores(table: RunTable, rope: float, assumed: str, is_higher: bool) -> Judgement:
    labels = [_label(table, setting) for setting in table.scores]
    blocks = list(table.scores.values())
    datasets = [*dict.fromkeys(dataset for of in blocks for dataset in of)]
    pairs, differences = compare_scores(labels, blocks, table.seeds, rope, higher_is_better=is_higher)
    settings = []
    for dataset in datasets:
        for (setting, of), label in zip(table.scores.items(), labels, strict=True):
            if dataset not in of:
                continue
            scores = np.array([of[dataset][seed] for seed in table.seeds or of[dataset] if seed in of[dataset]])
            these = None
            if len(scores) > 1:
                these = vary_mean(float(scores.mean()), [scores], 1, find_unit(scores)).on_these_samples()
            entries = dict(zip(table.heads, setting, strict=True))
            settings.append(JudgedSetting(label, entries, dataset, scores, these))
    notes = [
        assumed,
        _note_lost(table),
        _explain_scores(pairs, differences, rope),
        _note_blocks(datasets, differences),
        _note_order(table),
        _note_folds(table),
        _note_left_out(blocks, labels, pairs, differences),
        ALONE,
    ]
    return Judgement(
        tuple(settings), pairs, table.score or "score", is_higher, rope, tuple(note for note in notes if note)
    )


def _explain_errors(what: str, rope: float) -> str:
    """Return when verdicts fall, and how often they are wrong."""
    first = ", ".join(map(str, ANALYSES[:3]))
    equal = (
        f"and 5 that something is practically equal: that {what} differs by less than {rope:g}."
        if rope
        else "and none that something is practically equal: say what difference would be none in practice (--rope)."
    )
    return (
        f"falls after {first}, ... {ANALYSES[-1]} seeds. Of 100 tables, however many pairs there are and "
        f"however often one looks, 5 at most say wrongly that something is better, {equal}"
    )


def _explain_scores(pairs: Sequence[PairResult], differences: Sequence[ScoreDifference], rope: float) -> str:
    paired = sum(difference.is_paired for difference in differences)
    how = "Runs of the same seed are paired (Student's t)."
    if paired < len(pairs):
        how = "Runs are not paired, as few or no seeds are shared (Welch's t)."
        if paired:
            how = f"In {paired} of {len(pairs)} pairs runs are paired by seed (Student's t), in others not (Welch's t)."
    deviation = "± is the standard deviation between runs."
    return f"{deviation} {how} A verdict {_explain_errors('the score', rope)}" if pairs else deviation


def _note_lost(table: RunTable) -> str:
    what = format_count(table.lost, "run has", "runs have")
    return f"{what} no finite score and count with the one that was given for it." if table.lost else ""


def _note_blocks(datasets: Sequence[str], differences: Sequence[ScoreDifference]) -> str:
    if len(datasets) < 2:
        return ""
    fewer = [difference for difference in differences if len(difference.blocks) < len(datasets)]
    note = (
        f"{len(datasets)} data sets ({list_some(datasets, 4)}): a difference is taken within each, and each counts the "
        "same. Verdicts are for these data sets, and speak for no others."
    )
    if fewer:
        note += f" In {format_count(len(fewer), 'pair')} only the data sets that both settings were run on count."
    return note


def _note_order(table: RunTable) -> str:
    if table.seeds:
        order = f"Seeds are taken in the order {list_some(table.seeds, 6)}"
        return f"{order}: give later ones larger numbers, so that the first ones stay the first."
    unused = f" Columns that are not used: {list_some(map(quote, table.unused), 6)}." if table.unused else ""
    note = "Runs have no seeds (--seed): each row is a run of its own, in the order of the table. Add later ones below."
    return note + unused


def _note_folds(table: RunTable) -> str:
    if not table.seed.lower().startswith(FOLDS):
        return ""
    return (
        f"{table.seed}: the runs of a cross-validation share training rows, and so vary less than those of independent "
        "samples: its verdicts come too easily. Repeat with other seeds instead."
    )


def _note_left_out(
    blocks: Sequence[dict[str, dict[str, float]]],
    labels: Sequence[str],
    pairs: Sequence[PairResult],
    differences: Sequence[ScoreDifference],
) -> str:
    """Return how many runs are in no difference of a pair."""
    of = dict(zip(labels, blocks, strict=True))
    lacking = [
        sum(len(scores) for name in (pair.first, pair.second) for scores in of[name].values())
        - sum(len(one) + len(other) for one, other in difference.blocks)
        for pair, difference in zip(pairs, differences, strict=True)
    ]
    if not any(lacking):
        return ""
    i = int(np.argmax(lacking))
    what = f"{format_count(lacking[i], 'run')} of {pairs[i].first} against {pairs[i].second}"
    return f"Runs without a counterpart of the same seed or data set are in no difference: {what} at most."
