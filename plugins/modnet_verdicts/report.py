"""A whole comparison: its claims, and the tables and files that report them."""

from __future__ import annotations

import math
import textwrap
from functools import cached_property
from importlib import import_module
from os import PathLike
from typing import TYPE_CHECKING, Any

import attrs

import modnet
from modnet import Array, DataError, Metric, Mixture, Status, figures
from modnet.text import format_column, format_count, format_table, list_some, to_csv
from modnet_verdicts.decisions import ANALYSES, ROPE
from modnet_verdicts.pairs import (
    LEVEL,
    WIDTH,
    compare_samples,
    escape,
    format_pairs,
    records_to_csv,
    tabulate_pairs,
    to_finite,
    to_interval,
    to_markdown,
    to_records,
)
from modnet_verdicts.result import Measure, PairResult, SettingResult
from modnet_verdicts.statistics import bound_share

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@attrs.frozen(eq=False, repr=False)
class Comparison:
    """Settings compared, all run with the same seeds and tested on the same samples; `str` of it is a table."""

    settings: tuple[SettingResult, ...]
    seeds: tuple[int, ...]
    rope: float = ROPE
    """The region of practical equivalence: a difference that is smaller is none in practice."""
    mixtures: tuple[Mixture, ...] = ()
    """Accepted differences in the code and the libraries of the runs."""
    baseline: float | None = None
    """The test accuracy of always answering the largest class."""
    metrics: tuple[Metric, ...] = ()
    """The metrics that are reported; verdicts rest on accuracy or R² alone."""

    def __attrs_post_init__(self) -> None:
        shapes = {result.of_samples.shape for result in self.settings if result.of_samples is not None}
        if len({result.measure for result in self.settings}) > 1 or len(shapes) > 1:
            raise DataError("settings are compared by the hits, or by the errors, of the same seeds and samples")

    @property
    def measure(self) -> Measure:
        """The name of what is compared."""
        return self.settings[0].measure

    @property
    def samples(self) -> int:
        """The number of test samples; 0 where there are neither hits nor errors of single ones."""
        return int(self._of_samples[0].shape[1]) if self._of_samples else 0

    @property
    def _has_r2(self) -> bool:
        return all(result.has_r2 for result in self.settings)

    @cached_property
    def _columns(self) -> list[str]:
        """The columns of histories that are reported beside the scores; of the validation part, those that all have."""
        names = dict.fromkeys(["r2" if self._has_r2 else self.measure, *(metric.column for metric in self.metrics)])
        measured = [f"{part}_{name}" for name in names for part in ("test", "train")]
        first, *others = [history.columns for result in self.settings for history in result.histories]
        shared = [name for name in first if all(name in columns for columns in others)]
        validation = [name for name in shared if name.startswith("validation_")]
        return [name for name in (*measured, *validation) if name != f"test_{self.measure}"]

    @cached_property
    def _of_samples(self) -> list[Array]:
        """The hits or errors of single samples for each setting; none if one setting has neither."""
        found = [result.of_samples for result in self.settings if result.of_samples is not None]
        return found if len(found) == len(self.settings) else []

    @cached_property
    def pairs(self) -> tuple[PairResult, ...]:
        """Every pair of settings, all decided together; none without hits or errors. Raises MissingExtraError."""
        if not self._of_samples:
            return ()
        return compare_samples([each.label for each in self.settings], self._of_samples, self.rope, self.measure)

    def __repr__(self) -> str:
        what = f"{format_count(len(self.settings), 'setting')}, {format_count(len(self.seeds), 'seed')}"
        shown = (f"{each.label} {self._format(each.score)}" for each in self.settings)
        return f"<Comparison of {what}: test {self.measure} of {list_some(shown, 4)}>"

    def _repr_html_(self) -> str:
        return modnet.html.display(self)

    def __str__(self) -> str:
        blocks = [format_table(self._settings_table(), left=len(self.settings[0].entries))]
        if self.pairs:
            blocks.append(format_pairs(tabulate_pairs(self.pairs, self._format)))
        blocks += [textwrap.wrap(note, WIDTH) for note in self._notes()]
        return "\n\n".join("\n".join(block) for block in blocks)

    def markdown(self) -> str:
        """Return the tables in Markdown."""
        blocks = [to_markdown(self._settings_table())]
        if self.pairs:
            blocks.append(to_markdown(tabulate_pairs(self.pairs, self._format)))
        return "\n\n".join([*blocks, *map(escape, self._notes())]) + "\n"

    def runs_csv(self) -> str:
        """Return a row for each run as CSV: what varies, seed, status, iterations, accuracies (or errors)."""
        heads = [*self.settings[0].entries, "seed", "status", "iterations", f"test_{self.measure}", *self._columns]
        rows: list[list[Any]] = [heads]
        for result in self.settings:
            iterations = [history.evaluated_at[-1] for history in result.histories]
            values = [each.tolist() for each in (result.scores, *map(result.find_last, self._columns))]
            runs = zip(self.seeds, result.statuses, iterations, *values, strict=True)
            rows += [[*result.entries.values(), *run] for run in runs]
        return to_csv(rows)

    def pairs_csv(self) -> str:
        """Return a row for each pair of settings as CSV: difference, intervals, p-values, claims, verdict."""
        return records_to_csv(to_records(self.pairs))

    def as_json(self) -> dict[str, Any]:
        """Return all but the hits, or errors, of single samples, as JSON can hold it."""
        plural = "test_accuracies" if self.measure == "accuracy" else "test_errors"
        return {
            "seeds": list(self.seeds),
            "test_samples": self.samples,
            "baseline": self.baseline,
            "rope": self.rope,
            "level": LEVEL,
            "settings": [
                {
                    "label": result.label,
                    "entries": result.entries,
                    f"test_{self.measure}": to_finite(result.score),
                    "standard_deviation": to_finite(result.deviation),
                    "on_such_samples": to_interval(result.on_such_samples),
                    "on_these_samples": to_interval(result.on_these_samples),
                    plural: [*map(to_finite, result.scores.tolist())],
                    **{name: [*map(to_finite, result.find_last(name).tolist())] for name in self._columns},
                    "statuses": list(result.statuses),
                    "collapsed": result.collapsed,
                    "collapsed_at_most": bound_share(result.collapsed, len(self.seeds)),
                }
                for result in self.settings
            ],
            "pairs": to_records(self.pairs),
            "notes": self._notes(),
            "accepted": [attrs.asdict(mixture) for mixture in self.mixtures],
        }

    def figure(self, title: str = "") -> Figure:
        """Return learning curves with bands, and the score of each run with intervals; raises MissingExtraError."""
        return figures.comparison.from_comparison(self, title=title)

    def show(self, out: str | PathLike[str] | None = None, *, language: str | None = None) -> Any:
        """Write a page of the comparison, one HTML file, and return it; in a notebook it is shown.

        By default it is page.html in the current folder; its `open()` opens it in a browser. `language` is "en" or
        "ko", by default the browser's. Raises SettingError where `out` is another file.
        """
        return import_module("modnet_display.pages").show(self, out, language=language)

    def _settings_table(self) -> list[list[str]]:
        name, column = ("R²", "r2") if self._has_r2 else (self.measure, self.measure)
        more = [each for each in self._columns if not each.startswith("train_") and each != "test_r2"]
        titles = [format_column(each, self.metrics) for each in more]
        rows = [[*self.settings[0].entries, f"test {name}", "lowest", "highest", f"training {name}", *titles]]
        for result in self.settings:
            spread = "" if math.isnan(result.deviation) else f" ± {self._format(result.deviation)}"
            scores = 1 - result.scores if self._has_r2 else result.scores
            last = (result.find_last(name).mean() for name in (f"train_{column}", *more))
            numbers = [scores.mean(), scores.min(), scores.max(), *last]
            mean, *others = ("-" if math.isnan(number) else self._format(number) for number in numbers)
            rows.append([*result.entries.values(), mean + spread, *others])
        if any(Status.DIVERGED in result.statuses for result in self.settings):
            counts = [f"{result.statuses.count(Status.DIVERGED)} of {len(self.seeds)}" for result in self.settings]
            rows = [[*row, cell] for row, cell in zip(rows, [Status.DIVERGED, *counts], strict=True)]
        if self.baseline is not None and self.measure == "accuracy":
            cells = [*[""] * len(result.entries), f"majority {self.baseline:.4f}"]
            rows.append([*cells, *[""] * (len(rows[0]) - len(cells))])
        return rows

    def _format(self, number: float) -> str:
        """Return an accuracy with four decimals; of an error, whose size may be any, four digits."""
        return f"{number:z.4f}" if self.measure == "accuracy" else f"{number:z.4g}"

    def _notes(self) -> list[str]:
        """Return the paragraphs below the tables."""
        start = "Accepted, though differences may come from it: not all runs have the same"
        accepted = f"{start} {list_some(map(str, self.mixtures), 3)}." if self.mixtures else ""
        return [*filter(None, [accepted, self._explain(), self._note_samples(), self._note_collapses()])]

    def _note_samples(self) -> str:
        """Return what it takes to show equality, where the samples are too few for the ROPE."""
        limits = [pair.decision.smallest_rope for pair in self.pairs if pair.decision.claim == "undecided"]
        missed = [limit for limit in limits if limit > self.rope]
        if not missed:
            return ""
        return (
            f"Settings may differ on samples that are too rare to be among {self.samples:,}, whatever the seeds. For "
            f"new samples these can show equality within {_round_up(min(missed)):g} at best, not within "
            f"{self.rope:g}: choose a larger ROPE (--rope), or more test samples."
        )

    def _note_collapses(self) -> str:
        """Return what collapsed runs say about other seeds; nothing where no run of any setting collapsed."""
        failed = [result for result in self.settings if result.collapsed]
        if not failed:
            return ""
        runs = len(self.seeds)
        counts = "; ".join(f"{result.label}: {result.collapsed} of {runs}" for result in failed)
        note = f"Runs that collapsed (they diverged, or are far below the others of their setting): {counts}."
        if len(failed) < len(self.settings):
            bound = f"{bound_share(0, runs):.0%}".replace("%", " %")
            note += f" Where none of {runs} did, up to {bound} of all seeds still may (95 % bound for each setting)."
        return f"{note} Intervals and verdicts do not allow for collapses that no run has shown."

    def _explain(self) -> str:
        seeds = format_count(len(self.seeds), "seed")
        counts = f"{seeds}, {self.samples:,} test samples; ± is the standard deviation between seeds."
        if not self._of_samples:
            return f"{seeds}; ± is the standard deviation between them. A verdict takes the hits or errors of samples."
        if not self.pairs:
            return counts
        first = ", ".join(map(str, ANALYSES[:3]))
        compared = "accuracies" if self.measure == "accuracy" else "errors (1 - R²)" if self._has_r2 else "errors"
        return (
            f"{counts} Intervals are over seeds and test samples. A verdict is for all seeds and new samples like "
            f"these; it falls after {first}, ... {ANALYSES[-1]} seeds. Of 100 comparisons, however many pairs there "
            f"are and however often one looks, 5 at most say wrongly that something is better, and 5 that something "
            f"is practically equal: that {compared} differ by less than {self.rope:g}."
        )


def _round_up(number: float) -> float:
    """Return a number with two digits that is not smaller."""
    step = 10.0 ** (math.floor(math.log10(number)) - 1)
    return math.ceil(number / step) * step
