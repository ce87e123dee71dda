"""The sections of a run's page."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import tomli_w

import modnet
from modnet import Array, Dataset, Metric, Network, Run, Samples, Status, figures
from modnet.text import format_metric, printable, quote_argument
from modnet_display.html import Html, element, escape, join, panels, table
from modnet_display.pages.class_scores import count_pairs, score_counts
from modnet_display.pages.document import caption_of, label, scrolling, section
from modnet_display.pages.facts import GIVEN, RunFacts, Unknown, attempt, format_entry
from modnet_display.pages.words import LANGUAGES, WORDS, say, say_each, tell

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SHOWN = 40  # letters of a label inside a sentence
MANY = 60  # classes of which each has its row
SMALL = (4.6, 4.3)  # inches of a picture that is to be read on a phone, too
PARTS = ("train", "validation", "test")
Sentence = tuple[str, Mapping[str, str]]
HALVES = ("confusion", "classes", "mistakes", "weights", "boundary", "activations", "gradients")
"""Sections that are no wider than half a page."""
BAD = (Status.DIVERGED, Status.FAILED)


class RunPage:
    """The sections of one run, whose ids begin with `key`, for pages of several runs."""

    def __init__(self, facts: RunFacts, *, key: str = "", level: int = 2, language: str = "en") -> None:
        self.facts, self.key, self.level, self.language = facts, key, level, language

    def make(self) -> tuple[list[tuple[str, Html]], Html]:
        """Return the id and the title of each section that there is something to say in, and all of them."""
        found = [
            (name, self._section(name, *content))
            for name, make in {
                "trained": self._describe_training,
                "curves": self._draw_curves,
                "results": self._show_metrics,
                "confusion": self._draw_confusion,
                "classes": self._score_classes,
                "residuals": self._draw_residuals,
                "mistakes": self._draw_mistakes,
                "weights": self._draw_weights,
                "boundary": self._draw_boundary,
                "activations": self._draw_activations,
                "gradients": self._draw_gradients,
                "lacking": self._list_lacking,
                "receipt": self._show_receipt,
            }.items()
            if (content := [*make()])
        ]
        titles = [(self.key + name, say(self._find_title(name))) for name, _ in found]
        return titles, element("div", *(html for _, html in found), class_="sections")

    def _find_title(self, name: str) -> str:
        return {"boundary": "surface", "mistakes": "errors"}.get(name, name) if self.facts.is_regression else name

    def _section(self, name: str, *children: object) -> Html:
        shown = self._find_title(name)
        half = "half" if name in HALVES else None
        return section(self.key + name, shown, *children, level=self.level, class_=half)

    # the head of the page

    def describe(self) -> Iterator[Html]:
        """Yield what the run is in a sentence or two, and its main numbers."""
        facts, history = self.facts, self.facts.history
        made = f"{facts.run.iteration:,}"
        wanted = "?" if facts.wanted is None else f"{facts.wanted:,}"
        status = str(facts.status)
        stopped = status == Status.FINISHED and facts.run.stop_reason
        kind = "stopped" if stopped else status
        sentence = say(f"says {kind}", made=made, wanted=wanted, reason=facts.run.stop_reason)
        badge = element("span", say(status), class_="badge bad" if facts.status in BAD else "badge")
        if not history.loss:
            sentence = say("no iterations")
        if lead := self._say_result():
            yield element("p", lead, class_="lead")
        yield element("p", badge, " ", sentence, class_="warning" if facts.status in BAD else None)
        tiles = [
            (say_column(name, facts.metrics), format_metric(facts.find_last(name)))
            for name in history.columns
            if name.startswith("test_") and math.isfinite(facts.find_last(name))
        ][:3]
        baseline = self._find_baseline()
        more = [(say("baseline"), format_metric(baseline))] if baseline is not None else []
        more += [(say("iterations"), made)]
        seconds = facts.run.seconds if isinstance(facts.run, Run) else facts.summary.get("seconds")
        if isinstance(seconds, (int, float)):
            more.append((say("seconds"), f"{seconds:,.1f}"))
        more.append((say("seed"), str(facts.experiment.get("seed", ""))))
        yield element(
            "dl", *(element("div", element("dt", k), element("dd", v)) for k, v in [*tiles, *more]), class_="tiles"
        )

    def _say_result(self) -> Html | None:
        """Return the result in a sentence, where there is one."""
        facts = self.facts
        part = facts.part if isinstance(facts.data, Dataset) else "test"
        notes = [" ", say("on training")] if isinstance(facts.data, Dataset) and part == "train" else []
        if facts.is_regression:
            r2, count = facts.find_last(f"{part}_r2"), self._count_samples(part)
            if not math.isfinite(r2):
                return None
            return join([say("lead regression", r2=format_metric(r2), count=count, part=say(part)), *notes])
        share, baseline = facts.find_last(f"{part}_accuracy"), self._find_baseline()
        if not math.isfinite(share) or baseline is None:
            return None
        t = facts.targets
        if isinstance(t, Unknown) or not facts.classes:
            return say("lead accuracy alone", share=f"{share:.1%}", part=say(part), baseline=f"{baseline:.1%}")
        largest = facts.classes[int(np.bincount(t).argmax())]
        sentence = say(
            "lead accuracy", share=f"{share:.1%}", count=self._count_samples(part), part=say(part),
            label=_quote(largest), baseline=f"{baseline:.1%}",
        )  # fmt: skip
        return join([sentence, *notes])

    def _count_samples(self, part: str) -> str:
        data, receipt = self.facts.data, self.facts.receipt
        if isinstance(data, Dataset):
            return f"{len(data.parts[part]):,}"
        rows = receipt.get("data", {}) if isinstance(receipt, Mapping) else {}
        found = rows.get(f"{part} rows") if isinstance(rows, Mapping) else None
        return f"{found:,}" if isinstance(found, int) else "?"

    def _find_baseline(self) -> float | None:
        """Return the accuracy of always answering the largest class; None of a regression."""
        if self.facts.is_regression:
            return None
        known = self.facts.summary.get("baseline")
        if isinstance(known, (int, float)) and math.isfinite(known):
            return float(known)
        t = self.facts.targets
        return None if isinstance(t, Unknown) or not len(t) else float(np.bincount(t).max() / len(t))

    # what was trained

    def _describe_training(self) -> Iterator[Html]:
        facts, table_ = self.facts, self.facts.experiment
        rows: list[tuple[object, object]] = [(say("data"), self._name_data()), *self._describe_data()]
        network, entry = facts.network, table_.get("network")
        of_network = entry if isinstance(entry, Mapping) else {}
        if isinstance(network, Unknown):
            parts = {key: value for key, value in of_network.items() if key not in {"loss", "weight_init_std"}}
            shown = "; ".join(f"{key}: {format_entry(value)}" for key, value in parts.items())
            rows.append((say("network"), shown))
        else:
            count = sum(math.prod(param.shape) for param in network.params.values())
            rows += [(say("network"), _name_layers(network)), (say("parameters"), f"{count:,}")]
        training = table_.get("training")
        training = training if isinstance(training, Mapping) else {}
        made = say(
            "batches", iterations=_format_count(training.get("iterations")),
            size=_format_count(training.get("batch_size")), sampling=_say_or_show(training.get("sampling")),
        )  # fmt: skip
        rows += [
            (say("loss"), format_entry(of_network.get("loss", ""))),
            (say("gradient"), format_entry(table_.get("gradient", ""))),
            (say("optimizer"), format_entry(table_.get("optimizer", ""))),
            (say("training"), made),
        ]
        if callbacks := table_.get("callbacks"):
            rows.append((say("callbacks"), format_entry(callbacks)))
        yield _facts_table(rows)
        if isinstance(network, Network):
            yield _details(say("layers"), _code(network.summary()))
        if facts.run.experiment is not None and isinstance(text := attempt(lambda: tomli_w.dumps(dict(table_))), str):
            yield _details(say("experiment"), _code(text))

    def _name_data(self) -> object:
        entry = self.facts.experiment.get("data")
        entry = entry if isinstance(entry, Mapping) else {"name": entry}
        if entry.get("name") == GIVEN:
            return say("given")
        return Path(str(entry.get("path") or entry.get("name") or "?")).name

    def _describe_data(self) -> Iterator[tuple[object, object]]:
        """Yield the counts of the data: as it is, or as the receipt has them."""
        data, receipt = self.facts.data, self.facts.receipt
        known = receipt.get("data", {}) if isinstance(receipt, Mapping) else {}
        known = known if isinstance(known, Mapping) else {}
        if isinstance(data, Dataset):
            counts = {name: len(part) for name, part in data.parts.items()}
            features: Any = data.features
            scale: Any = data.scale
            classes: Any = len(data.classes)
        else:
            rows = {key.removesuffix(" rows"): value for key, value in known.items() if key.endswith(" rows")}
            counts = {"train" if name == "training" else name: value for name, value in rows.items()}
            features, scale, classes = (known.get(key) for key in ("features", "divisor", "classes"))
        if counts:
            words = [say("part", count=_format_count(n), name=_say_or_show(name)) for name, n in counts.items() if n]
            yield say("samples"), join(words, ", ")
        if features is not None:
            count = _format_count(features)
            is_divided = isinstance(scale, (int, float)) and scale != 1
            yield say("features"), say("divided", features=count, scale=f"{scale:g}") if is_divided else count
        if classes:
            labels = [printable(str(name), 20) for name in self.facts.classes[:12]]
            more = ", ..." if len(self.facts.classes) > len(labels) else ""
            yield say("labels"), f"{_format_count(classes)}" + (f": {', '.join(labels)}{more}" if labels else "")

    # curves and numbers

    def _draw_curves(self) -> Iterator[Html]:
        facts, loss = self.facts, self.facts.history.loss
        if not loss:
            return
        numbers = {"first": f"{loss[0]:.4g}", "last": f"{loss[-1]:.4g}", "made": f"{len(loss):,}"}
        found: list[Sentence] = [("loss fell", numbers)]
        ends = {name: facts.find_last(name) for name in facts.history.columns}
        shown = [(name, format_metric(value)) for name, value in ends.items() if math.isfinite(value)][:6]
        if shown:
            values = {
                each: ", ".join(f"{name_column(name, facts.metrics, each)} {value}" for name, value in shown)
                for each in LANGUAGES
            }
            found.append(("metrics ended", values))
        yield self._draw(
            "curves", lambda: figures.learning_curves.from_history(facts.history, "", facts.metrics), found, ""
        )
        if facts.history.evaluated_at[-1:] == [len(loss)] == facts.history.evaluated_at[-2:-1]:
            yield element("p", say("chosen parameters"), class_="note")

    def _show_metrics(self) -> Iterator[Html]:
        facts, history = self.facts, self.facts.history
        parts = [p for p in PARTS if any(c.startswith(f"{p}_") for c in history.columns)]
        names = list(dict.fromkeys(c.partition("_")[2] for c in history.columns if c.partition("_")[0] in parts))
        titles = {metric.column: metric.title for metric in facts.metrics}
        rows = []
        for name in names:
            values = [facts.find_last(f"{part}_{name}") for part in parts]
            cells = [format_metric(value) if math.isfinite(value) else "-" for value in values]
            if any(map(math.isfinite, values)):
                rows.append([titles.get(name) or name.replace("_", " "), *cells])
        if rows:
            yield scrolling(table([say("metric"), *map(say, parts)], rows, caption=say("metrics caption")))
        signs = facts.summary.get("diagnosis")
        found = [each for each in signs if isinstance(each, Mapping)] if isinstance(signs, list) else []
        if found:
            items = (element("li", f"{each.get('problem')}: {each.get('remedy')}") for each in found)
            yield element("div", element("p", say("signs")), element("ul", *items), class_="warning")

    # pictures of samples

    def _classify(self) -> tuple[Samples, Array, Array] | None:
        """Return the samples of a classification, their classes and the scores."""
        samples, t, y = self.facts.samples, self.facts.targets, self.facts.outputs
        if isinstance(samples, Unknown) or isinstance(t, Unknown) or isinstance(y, Unknown) or not self.facts.classes:
            return None
        return samples, t, y

    def _regress(self) -> tuple[Array, Array] | None:
        t, y = self.facts.targets, self.facts.outputs
        if isinstance(t, Unknown) or isinstance(y, Unknown) or self.facts.classes:
            return None
        return t, y

    def _draw_confusion(self) -> Iterator[Html]:
        if (found := self._classify()) is None:
            return
        (_, t, y), names = found, self.facts.classes
        counts = count_pairs(t, y.argmax(axis=1), len(names))
        right = int(np.trace(counts))
        numbers = {"right": f"{right:,}", "all": f"{len(t):,}", "share": f"{right / len(t):.1%}"}
        sentences: list[Sentence] = [("confused", numbers)]
        wrong = counts - np.diag(np.diagonal(counts))
        if wrong.any():
            a, b = np.unravel_index(int(wrong.argmax()), wrong.shape)
            pair = {"true": _quote(names[a]), "predicted": _quote(names[b]), "times": f"{wrong[a, b]:,}"}
            sentences.append(("most confused", pair))
        size, labels = SMALL if len(names) <= 12 else None, [names[k] for k in t]
        yield self._draw(
            "confusion",
            lambda: _draw_within(size, figures.confusion_matrix.from_predictions, labels, y, classes=names),
            sentences,
            "confusion caption",
        )
        yield from self._note_samples()

    def _note_samples(self) -> Iterator[Html]:
        samples, count = self.facts.samples, self.facts.all_samples
        if isinstance(samples, Samples) and len(samples) < count:
            yield element("p", say("first samples", count=f"{len(samples):,}", all=f"{count:,}"), class_="note")
        if self.facts.part == "train":
            yield element("p", say("on training"), class_="note")

    def _score_classes(self) -> Iterator[Html]:
        if (found := self._classify()) is None:
            return
        (_, t, y), names = found, self.facts.classes
        counts = count_pairs(t, y.argmax(axis=1), len(names))
        scores, there = np.array(score_counts(counts)), counts.sum(axis=1)
        order = np.arange(len(names)) if len(names) <= MANY else np.argsort(-there, kind="stable")[:MANY]
        rows: list[list[object]] = [
            [_shorten(names[k]), *map(_format_share, scores[:, k]), f"{there[k]:,}"] for k in order
        ]
        largest = int(there.argmax())
        base = np.zeros_like(counts)
        base[:, largest] = there
        of_base = np.array(score_counts(base))
        known = there > 0
        rows.append([say("mean of classes"), *map(_format_share, np.nan_to_num(scores[:, known]).mean(axis=1)),
                     f"{len(t):,}"])  # fmt: skip
        always = say("always", label=_quote(names[largest]))
        rows.append([always, *map(_format_share, np.nan_to_num(of_base[:, known]).mean(axis=1)), f"{len(t):,}"])
        heads = [say("class"), say("precision"), say("recall"), say("f1"), say("rows")]
        caption = caption_of(say("classes caption", baseline=f"{there[largest] / len(t):.4f}"), say("sort"))
        if known.any():
            low = int(np.where(known, np.nan_to_num(scores[1], nan=2.0), 2.0).argmin())
            yield element("p", say("weakest", low=_format_share(scores[1, low]), label=_quote(names[low])))
        yield scrolling(table(heads, rows, caption=caption, class_="sortable", totals=2))
        if len(names) > MANY:
            yield element("p", say("largest classes", count=MANY, all=f"{len(names):,}"), class_="note")

    def _draw_residuals(self) -> Iterator[Html]:
        if (found := self._regress()) is None:
            return
        t, y = found
        names = self._name_targets(t.shape[1])
        errors = (y - t)[:, 0]
        numbers = {
            "mean": f"{errors.mean():.4g}", "std": f"{errors.std():.4g}", "targets": f"{t[:, 0].std():.4g}"
        }  # fmt: skip
        yield self._draw(
            "residuals",
            lambda: figures.residuals.from_predictions(t, y, names=names),
            [("residuals spread", numbers)],
            "residuals caption",
        )
        yield from self._note_samples()

    def _name_targets(self, count: int) -> list[str]:
        return ["target"] if count == 1 else [f"target {j + 1}" for j in range(count)]

    def _draw_mistakes(self) -> Iterator[Html]:
        if (regression := self._regress()) is not None:
            t, y = regression
            worst = int(np.abs((y - t)[:, 0]).argmax())
            numbers = {"row": f"{worst + 1:,}", "true": f"{t[worst, 0]:.4g}", "predicted": f"{y[worst, 0]:.4g}"}
            yield self._draw(
                "errors",
                lambda: _draw_within((4.8, 4.6), figures.mistakes.from_estimator, self.facts.run, self.facts.samples),
                [("largest error", numbers)],
                "",
            )
            return
        if (found := self._classify()) is None:
            return
        (samples, t, y), names = found, self.facts.classes
        predicted = y.argmax(axis=1)
        wrong = np.flatnonzero(predicted != t)
        counts = {"wrong": f"{len(wrong):,}", "all": f"{len(t):,}"}
        if not len(wrong):
            yield element("p", say("none wrong"))
            return
        scores = y[wrong, predicted[wrong]]
        first = wrong[int(scores.argmax())]
        pair = {
            "true": _quote(names[t[first]]), "predicted": _quote(names[predicted[first]]),
            "score": f"{scores.max():.0%}" if 0 <= scores.max() <= 1 + 1e-6 else f"{scores.max():.3g}",
        }  # fmt: skip
        shape = self.facts.data.shape if isinstance(self.facts.data, Dataset) else None
        size = (4.8, 5.4) if self._is_image() else (4.8, 1.1 + 0.28 * min(len(wrong), 15))
        yield self._draw(
            "mistakes",
            lambda: _draw_within(
                size, figures.mistakes.from_predictions, samples.unscaled(slice(None)), [names[k] for k in t],
                y,                 classes=names, shape=shape, most=15,
            ),
            [
                ("mistaken", counts),
                ("most confident", pair),
            ],
            "mistakes caption",
        )  # fmt: skip

    # pictures of the network

    def _draw_weights(self) -> Iterator[Html]:
        network, data = self.facts.network, self.facts.data
        if isinstance(network, Unknown):
            return
        name = next(key for key in network.params if modnet.is_weight(key))
        values = modnet.to_numpy(network.params[name])
        numbers = {
            "name": name, "count": f"{values.size:,}", "low": f"{values.min():.3g}", "high": f"{values.max():.3g}"
        }  # fmt: skip
        shape = data.shape if isinstance(data, Dataset) and len(data.shape) == 3 and len(network.shape) == 1 else None
        is_image, rows = self._is_image(), min(math.prod(network.shape), 30)
        yield self._draw(
            "weights",
            lambda: _draw_within(
                SMALL if is_image else (4.8, 1.4 + 0.22 * rows),
                figures.weights.from_estimator,
                self.facts.run,
                shape=shape,
            ),
            [("weights range", numbers)],
            "weights image" if is_image else "weights table",
        )

    def _is_image(self) -> bool:
        """Return whether samples are images, or seem to be square ones, as `modnet.figures` shows them."""
        data, network = self.facts.data, self.facts.network
        shape = data.shape if isinstance(data, Dataset) else () if isinstance(network, Unknown) else network.shape
        count = math.prod(shape)
        return len(shape) in {2, 3} or math.isqrt(count) ** 2 == count >= 36

    def _draw_boundary(self) -> Iterator[Html]:
        samples = self.facts.samples
        if isinstance(samples, Unknown) or isinstance(self.facts.network, Unknown):
            return
        if samples.unscaled(slice(0, 1)).shape[1] != 2:
            return
        caption = "surface caption" if self.facts.is_regression else "boundary caption"
        sentences: list[Sentence] = []
        if (found := self._classify()) is not None:
            _, t, y = found
            sentences.append(("mistaken", {"wrong": f"{int((y.argmax(axis=1) != t).sum()):,}", "all": f"{len(t):,}"}))
        yield self._draw(
            "boundary",
            lambda: _draw_within(SMALL, figures.decision_boundary.from_estimator, self.facts.run, samples),
            sentences,
            caption,
        )

    def _draw_activations(self) -> Iterator[Html]:
        samples = self.facts.samples
        if isinstance(samples, Unknown) or isinstance(self.facts.network, Unknown):
            return
        figure = attempt(lambda: figures.activations.from_estimator(self.facts.run, samples))
        if isinstance(figure, Unknown):
            yield element("p", say("not drawn", why=self.facts.clean(figure.why)), class_="note")
            return
        yield self._draw(
            "activations",
            lambda: figure,
            [],
            "activations caption",
            spread=", ".join(panel.get_title().replace("\n", ": ") for panel in figure.axes[:15]),
        )

    def _draw_gradients(self) -> Iterator[Html]:
        samples = self.facts.samples
        if isinstance(samples, Unknown) or isinstance(self.facts.network, Unknown):
            return
        sizes = attempt(self._measure_gradients)
        if isinstance(sizes, Unknown):
            yield element("p", say("not drawn", why=self.facts.clean(sizes.why)), class_="note")
            return
        shown = ", ".join(f"{name} {size:.2g}" for name, size in list(sizes.items())[:12])
        yield self._draw(
            "gradients",
            lambda: _draw_within(
                (5.0, max(2.4, 1.2 + 0.3 * len(sizes))), figures.gradient_sizes.from_estimator, self.facts.run, samples
            ),
            [("gradient sizes", {"sizes": shown})],
            "gradients caption",
        )

    def _measure_gradients(self) -> dict[str, float]:
        samples, network = self.facts.samples, self.facts.network
        assert isinstance(samples, Samples)  # noqa: S101
        some = samples.choose(np.arange(min(100, len(samples))))
        grads = network.gradient(some.x, some.t, "backpropagation")
        return {name: float(np.sqrt((modnet.to_numpy(g) ** 2).mean())) for name, g in grads.items()}

    def _draw(
        self,
        name: str,
        make: Callable[[], Figure],
        sentences: Sequence[Sentence],
        caption: str = "",
        *,
        spread: str = "",
    ) -> Html:
        """Return a picture with its numbers in words before it, how to read it below, or why it cannot be made.

        These words are the picture's name for screen readers, too; there `spread` follows them.
        """
        shown = attempt(lambda: panels(make()))
        if isinstance(shown, Unknown):
            return element("p", say("not drawn", why=self.facts.clean(shown.why)), class_="note")
        words = {each: " ".join(_tell(sentence, each) for sentence in sentences) for each in LANGUAGES}
        alts = {each: " ".join(filter(None, [f"{tell(name, each)}.", words[each], spread])) for each in LANGUAGES}
        named = {"aria_label": alts[self.language], **{f"data_{each}": alts[each] for each in LANGUAGES}}
        drawing = element("div", *shown, class_="drawing", role="img", **named)
        below = element("figcaption", say(caption)) if caption else ""
        return join([element("p", say_each(words)) if sentences else "", element("figure", drawing, below)])

    # what is lacking, and the receipt

    def _list_lacking(self) -> Iterator[Html]:
        facts = self.facts
        for kind, found in (("no network", facts.network), ("no data", facts.data)):
            if isinstance(found, Unknown):
                yield element("p", say(kind, why=facts.clean(found.why)), class_="warning")
                if kind == "no network":
                    return  # without it nothing is drawn of the data either
        if isinstance(facts.outputs, Unknown) and isinstance(facts.data, Dataset):
            yield element("p", say("not measured", why=facts.clean(facts.outputs.why)), class_="warning")

    def _show_receipt(self) -> Iterator[Html]:
        facts, receipt = self.facts, self.facts.receipt
        if facts.run.folder is None:
            yield element("p", say("no receipt"))
            return
        if isinstance(receipt, Unknown):
            yield element("p", say("no receipt file", why=facts.clean(receipt.why)), class_="warning")
        else:
            yield element("p", say("receipt says"))
            yield _facts_table([*self._list_receipt(receipt)])
            of_data = receipt.get("data")
            if isinstance(of_data, Mapping):
                rows = [[key, _digest(value)] for key, value in of_data.items()]
                yield _details(say("fingerprint"), scrolling(table([say("entry"), say("value")], rows)))
        yield from self._list_commands()

    def _list_receipt(self, receipt: Mapping[str, Any]) -> Iterator[tuple[object, object]]:
        results, segments = receipt.get("results"), receipt.get("segments")
        if isinstance(results, Mapping) and results.get("params_sha256"):
            yield say("digest of parameters"), _digest(results["params_sha256"])
        versions = self.facts.summary.get("versions")
        if isinstance(versions, Mapping) and "modnet" in versions:
            yield "modnet", versions["modnet"]
        last = segments[-1] if isinstance(segments, list) and segments else None
        for name, key in (("libraries", "libraries"), ("made on", "platform")):
            if isinstance(last, Mapping) and isinstance(found := last.get(key), Mapping):
                yield say(name), ", ".join(f"{what} {value}" for what, value in found.items())

    def _list_commands(self) -> Iterator[Html]:
        facts, folder = self.facts, self.facts.folder
        entry = facts.experiment.get("data")
        is_given = isinstance(entry, Mapping) and entry.get("name") == GIVEN
        where = quote_argument(folder)
        commands = []
        if is_given:
            yield element("p", say("data in python"))
        elif facts.status.is_final:
            commands.append(("verify", f"modnet verify {where}"))
        else:
            commands.append(("resume", f"modnet resume {where}"))
        if not is_given:
            new = quote_argument(f"{folder}-again")
            commands.append(("repeat", f"modnet train {quote_argument(f'{folder}/experiment.toml')} --out {new}"))
        commands.append(("in python", f"import modnet\nrun = modnet.open_run({folder!a})"))
        yield element(f"h{self.level + 1}", say("commands"))
        yield element("p", say("commands say"), class_="note")
        for name, text in commands:
            yield command(name, text, f"{self.key}{name.replace(' ', '-')}", self.language)


def _tell(sentence: Sentence, language: str) -> str:
    """Return a sentence in a language; its values may be others in each."""
    key, values = sentence
    own = {"values": values[language]} if language in values else values
    return tell(key, language, **own)


def name_column(name: str, metrics: Sequence[Metric], language: str) -> str:
    """Return the name of a history's column in a language.

    >>> name_column("test_accuracy", [], "en"), name_column("test_accuracy", [], "ko")
    ('test accuracy', '시험 정확도')
    """
    part, _, column = name.partition("_")
    if part not in PARTS or not column:
        return printable(name.replace("_", " "), SHOWN)
    title = next((metric.title for metric in metrics if metric.column == column), "") or column.replace("_", " ")
    known = f"metric {title}"
    return f"{tell(part, language)} {tell(known, language) if known in WORDS else printable(title, SHOWN)}"


def say_column(name: str, metrics: Sequence[Metric]) -> Html:
    """Return the name of a history's column in both languages."""
    return say_each({each: name_column(name, metrics, each) for each in LANGUAGES})


def command(name: str, text: str, key: str, language: str) -> Html:
    """Return a command with what it does, and a button that copies it."""
    shown = element(
        "pre", element("code", text, id=f"command-{key}"), tabindex="0", role="group", **label(name, language)
    )
    button = element(
        "button", say("copy"), element("span", " ", say(name), class_="hidden"), type="button",
        data_copy=f"command-{key}", hidden=True,
    )  # fmt: skip
    return join([element("p", say(name)), element("div", shown, button, class_="command")])


def _draw_within(size: tuple[float, float] | None, draw: Callable[..., Figure], *args: Any, **options: Any) -> Figure:
    """Draw into a figure of a size in inches, or let the function choose it."""
    if size is None:
        return draw(*args, **options)
    with figures.drawing():
        figure = figures.create_figure(size)
        axes = figure.subplots()
    draw(*args, ax=axes, **options)
    return figure


def _facts_table(rows: Sequence[tuple[object, object]]) -> Html:
    body = (element("tr", element("th", key, scope="row"), element("td", value)) for key, value in rows)
    return element("table", element("tbody", *body), class_="facts")


def _details(name: object, *children: object) -> Html:
    return element("details", element("summary", name), *children)


def _code(text: str) -> Html:
    return element("pre", element("code", escape(text, 20_000)), tabindex="0", role="group", **label("wide"))


def _digest(value: object) -> object:
    return element("span", value, class_="digest") if isinstance(value, str) else _format_count(value)


def _name_layers(network: Any) -> str:
    """Return the shapes and the layers in a row: 784 → dense 50, sigmoid → dense 10, softmax."""
    found = ["x".join(map(str, network.shape))]
    for place in network.placed:
        activation = place.layer.activation
        if activation is not None and modnet.find_name(place.layer) == "activation":
            found[-1] += f", {modnet.find_name(activation)}"
        else:
            found.append(f"{modnet.find_name(place.layer)} {'x'.join(map(str, place.outputs))}")
    return " → ".join(found)


def _format_share(value: float) -> str:
    return f"{value:.4f}" if math.isfinite(value) else "-"


def _format_count(value: object) -> str:
    if isinstance(value, float):
        return f"{value:g}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def _say_or_show(word: object) -> object:
    return say(word) if isinstance(word, str) and word in WORDS else word


def _shorten(name: object) -> str:
    return printable(str(name), SHOWN)


def _quote(name: object) -> str:
    return f"“{_shorten(name)}”"
