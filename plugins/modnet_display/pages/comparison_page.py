"""The page of a comparison, from the record that `modnet compare` writes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from modnet.text import printable, quote_argument
from modnet_display.html import Html, element, table
from modnet_display.pages.document import caption_of, create_document, label, scrolling, section
from modnet_display.pages.sections.elements import command
from modnet_display.pages.several_page import draw_curves
from modnet_display.pages.strips import Interval, Scale, draw_strip
from modnet_display.pages.verdicts import translate_note, translate_verdict
from modnet_display.pages.words import LANGUAGES, say, say_each, tell

LONGEST = 120  # letters of a label
MANY = 500  # pairs that have a row
COLUMNS = 6  # of what settings differ by
GROUPS = 12  # settings whose curves are drawn


class ComparisonPage:
    """The sections of a comparison's page; `record` is as `Comparison.as_json` returns it, or a file holds it."""

    def __init__(self, record: Mapping[str, Any], language: str = "en") -> None:
        self.record, self.language = record, language
        self.settings = [each for each in _list(record.get("settings")) if isinstance(each, Mapping)]
        self.pairs = [each for each in _list(record.get("pairs")) if isinstance(each, Mapping)]
        self.seeds = _list(record.get("seeds"))
        first = self.settings[0] if self.settings else {}
        self.measure = "accuracy" if "test_accuracy" in first else "error"
        self.has_r2 = self.measure == "error" and all(_numbers(each.get("test_r2")) for each in self.settings)
        self.level = f"{100 * _number(record.get('level'), 0.95):.0f} %"
        self.rope = _number(record.get("rope"))

    def describe(self) -> Html:
        """Return in a sentence what was compared."""
        counts = {"settings": f"{len(self.settings):,}", "seeds": f"{len(self.seeds):,}"}
        samples = _number(self.record.get("test_samples"))
        if samples > 0:
            return say("comparison lead", **counts, samples=f"{samples:,.0f}")
        return say("comparison lead alone", **counts)

    def list_verdicts(self) -> Html:
        """Return the table of pairs."""
        if len(self.seeds) < 2:
            return section("verdicts", "verdicts", element("p", say("one seed")))
        if not self.pairs:
            return section("verdicts", "verdicts", element("p", say("no verdicts")))
        shown = self.pairs[:MANY]
        intervals = [_interval(each.get("such_samples")) or _interval(each.get("these_samples")) for each in shown]
        differences = [_number(each.get("difference")) for each in shown]
        band = (-self.rope, self.rope) if self.rope > 0 else None
        scale = Scale([0.0, *differences, *(end for interval in intervals if interval for end in interval)])
        rows: list[list[object]] = []
        for pair, difference, interval in zip(shown, differences, intervals, strict=True):
            low, high = (self._form(end) for end in interval) if interval else ("-", "-")
            words = label("difference strip", self.language, mean=self._form(difference), low=low, high=high)
            strip = draw_strip(scale, difference, thick=interval, band=band, words=words)
            rows.append(
                [
                    _shorten(pair.get("first")),
                    _shorten(pair.get("second")),
                    element("strong", _say_verdict(pair.get("verdict"))),
                    self._cell(difference),
                    f"{low} … {high}" if interval else "-",
                    strip,
                ]
            )
        interval_head = say("interval of", level=self.level)
        heads = [say("first"), say("second"), say("verdict"), say("difference"), interval_head, _unseen("interval")]
        key = "pairs caption" if band else "pairs caption alone"
        caption = caption_of(say(key, level=self.level, rope=f"{self.rope:g}"), say("sort"))
        shown_table = scrolling(table(heads, rows, caption=caption, class_="sortable wide"))
        return section("verdicts", "verdicts", shown_table, _note_first("first pairs", MANY, len(self.pairs)))

    def list_settings(self) -> Html:
        """Return the table of settings with every run as a dot."""
        scores = [_numbers(each.get("test_accuracies", each.get("test_errors"))) for each in self.settings]
        if self.has_r2:
            scores = [_numbers(each.get("test_r2")) for each in self.settings]
        flip = self.has_r2
        inside = [_flip(_interval(each.get("on_these_samples")), flip) for each in self.settings]
        outside = [_flip(_interval(each.get("on_such_samples")), flip) for each in self.settings]
        ends = [end for interval in (*inside, *outside) if interval for end in interval]
        scale = Scale([*(score for each in scores for score in each), *ends])
        names = list(dict.fromkeys(key for each in self.settings for key in _map(each.get("entries"))))
        names = names if len(names) <= COLUMNS else []  # a label has all of them
        collapses = any(_number(each.get("collapsed")) for each in self.settings)
        trained = f"train_{'r2' if self.has_r2 else self.measure}"
        rows: list[list[object]] = []
        for each, values, thick, thin in zip(self.settings, scores, inside, outside, strict=True):
            entries = _map(each.get("entries"))
            mean = sum(values) / len(values) if values else math.nan
            words = label(
                "strip", self.language, name=_shorten(each.get("label")), mean=self._form(mean),
                runs=", ".join(map(self._form, values[:20])),
            )  # fmt: skip
            dots = [(value, f"seed {_name(self.seeds, i)}: {self._form(value)}") for i, value in enumerate(values)]
            strip = draw_strip(scale, mean, dots=dots, thick=thick, thin=thin, words=words)
            found = _numbers(each.get(trained))
            row: list[object] = [_shorten(entries.get(name, "")) for name in names] or [_shorten(each.get("label"))]
            deviation = _number(each.get("standard_deviation"), math.nan)
            row += [self._cell(mean), self._cell(deviation), element("data", strip, value=repr(mean))]
            known = values if all(map(math.isfinite, values)) else []
            row += [self._cell(min(known, default=math.nan)), self._cell(max(known, default=math.nan))]
            row.append(self._cell(sum(found) / len(found) if found else math.nan))
            if collapses:
                row.append(f"{_number(each.get('collapsed')):.0f} / {len(values)}")
            rows.append(row)
        score = "r2" if self.has_r2 else self.measure
        heads: list[object] = [*(names or [say("settings title")]), say(score), say("deviation"), say("every run"),
                               say("lowest"), say("highest"), say("training of")]  # fmt: skip
        if collapses:
            heads.append(say("collapsed"))
        caption = caption_of(say("settings caption", level=self.level), say("sort"))
        content: list[object] = [scrolling(table(heads, rows, caption=caption, class_="sortable wide"))]
        baseline = self.record.get("baseline")
        if self.measure == "accuracy" and isinstance(baseline, (int, float)):
            content.append(element("p", say("majority", baseline=self._form(float(baseline))), class_="note"))
        return section("settings", "settings title", *content)

    def explain(self) -> Html | None:
        """Return the notes of the comparison, where the record has them."""
        notes = [note for note in _list(self.record.get("notes")) if isinstance(note, str)]
        if not notes:
            return None
        paragraphs = (element("p", _say_note(note)) for note in notes)
        return section("notes", "notes", element("p", say("notes language"), class_="note"), *paragraphs)

    def _form(self, number: float) -> str:
        if not math.isfinite(number):
            return "-"
        return f"{number:z.4f}" if self.measure == "accuracy" else f"{number:z.4g}"

    def _cell(self, number: float) -> object:
        return element("data", self._form(number), value=repr(number)) if math.isfinite(number) else "-"


def create_comparison_page(
    record: Mapping[str, Any], groups: Mapping[str, Sequence[Any]], folder: str, language: str | None, example: str = ""
) -> str:
    """Return the page of a comparison as an HTML file.

    `groups` are the histories of its runs by the label of their setting; `folder` is that of the comparison as commands
    name it, and `example` that of one of its runs, where it has folders.
    """
    first = language or "en"
    page = ComparisonPage(record, first)
    count = len(page.settings)
    name = folder.rstrip("/").rpartition("/")[2]
    titles = {
        each: tell("comparison", each, name=name) if name else tell("comparison of", each, count=count)
        for each in LANGUAGES
    }
    top = element("header", element("h1", say_each(titles)), element("p", page.describe(), class_="lead"), class_="top")
    sections = [("verdicts", "verdicts", page.list_verdicts()), ("settings", "settings title", page.list_settings())]
    if drawn := {_shorten(key): list(value) for key, value in list(groups.items())[:GROUPS] if value}:
        curves = draw_curves(drawn, first), _note_first("first settings", GROUPS, len(groups))
        sections.append(("all-curves", "runs curves", section("all-curves", "runs curves", *curves)))
    if notes := page.explain():
        sections.append(("notes", "notes", notes))
    if folder:
        commands = [("compare again", (f"modnet compare {quote_argument(f'{folder}/comparison.toml')} --out "
                                      f"{quote_argument(folder)}"))]  # fmt: skip
        if example:
            commands.append(("show run", f"modnet show {quote_argument(example)}"))
        lines = [command(key, text, key.replace(" ", "-"), first) for key, text in commands]
        lines.insert(0, element("p", say("commands say"), class_="note"))
        sections.append(("repeat", "repeat title", section("repeat", "repeat title", *lines)))
    links = [(key, say(title)) for key, title, _ in sections]
    return create_document(titles, [top, *(html for _, _, html in sections)], links, language)


def _note_first(key: str, count: int, all_: int) -> Html | str:
    return element("p", say(key, count=f"{count:,}", all=f"{all_:,}"), class_="note") if all_ > count else ""


def _unseen(key: str) -> Html:
    return element("span", say(key), class_="hidden")


def _say_verdict(text: object) -> Html:
    verdict = printable(str(text), 3 * LONGEST)
    return say_each({"en": verdict, "ko": translate_verdict(verdict)})


def _say_note(note: str) -> Html:
    korean = translate_note(note)
    return element("span", note, lang="en") if korean is None else say_each({"en": note, "ko": korean})


def _shorten(text: object) -> str:
    return printable(str(text), LONGEST)


def _name(seeds: Sequence[Any], place: int) -> str:
    return str(seeds[place]) if place < len(seeds) else str(place)


def _list(value: object) -> list[Any]:
    return list(value) if isinstance(value, (list, tuple)) else []


def _map(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _number(value: object, default: float = 0.0) -> float:
    return float(value) if isinstance(value, (int, float)) else default


def _numbers(value: object) -> list[float]:
    return [_number(each, math.nan) for each in _list(value)]


def _interval(value: object) -> Interval | None:
    found = _map(value)
    ends = [_number(found.get(key), math.nan) for key in ("low", "high")]
    return (ends[0], ends[1]) if all(map(math.isfinite, ends)) else None


def _flip(interval: Interval | None, flip: bool) -> Interval | None:
    return (1 - interval[1], 1 - interval[0]) if interval and flip else interval
