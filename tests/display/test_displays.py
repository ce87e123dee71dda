"""Displays of objects in notebooks, as HTML."""

from __future__ import annotations

import re
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import attrs
import modnet_display.displays
import numpy as np
import pytest
from modnet_display.html import VOID

import modnet

EVIL = '<script>alert("&")</script>'


class Reader(HTMLParser):
    """A reader of HTML that is well formed, and runs nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.text = ""
        self.tags: set[str] = set()
        self.ids: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        assert not any(name.startswith("on") for name, _ in attrs)
        self.ids += [value or "" for name, value in attrs if name == "id"]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.text += f" {data}"


def read(thing: Any) -> Reader:
    shown = thing._repr_html_()
    assert type(shown).__mro__[-2] is str
    assert len(shown) <= modnet_display.displays.LARGEST + 20_000
    reader = Reader()
    reader.feed(shown)
    assert not reader.open
    assert "script" not in reader.tags
    assert len(reader.ids) == len({*reader.ids})
    return reader


def make_table(rows: int = 30) -> modnet.Dataset:
    generator = np.random.default_rng(0)
    cells = [[generator.normal(), ["red", EVIL][i % 2], float(i)] for i in range(rows)]
    labels = [["yes", EVIL][i % 3 > 0] for i in range(rows)]
    return modnet.Dataset.from_arrays(cells, labels, feature_names=["width", EVIL, "age"])


@pytest.fixture(scope="module")
def run() -> modnet.Run:
    data = make_table()
    net = modnet.Network.for_data(data, hidden=3)
    return modnet.train(net, data, iterations=30, batch_size=4, optimizer=modnet.optimizer("adam"))


@pytest.fixture(scope="module")
def comparison() -> modnet.Comparison:
    quick = {"gradient": "backpropagation", "training": {"iterations": 2, "batch_size": 5}}
    return modnet.compare(quick, {"hidden": [2, 3]}, seeds=2, workers=1)


@pytest.fixture(scope="module")
def things(run: modnet.Run, comparison: modnet.Comparison, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("runs") / "run"
    run.save(folder)
    x, t = run.data.train.x[:4], run.data.train.t[:4]
    names = ["central-difference", "spsa", "torch-autograd"]
    check = modnet.check_gradient(run.network, x, t, estimators=names)
    return {
        "network": run.network,
        "data": run.data,
        "run": run,
        "saved": modnet.open_run(folder),
        "history": run.history,
        "comparison": comparison,
        "check": check,
        "derivative": modnet.check_derivative(lambda x: (x**2).sum(), lambda x: 2 * x, np.ones(3)),
    }


def test_a_saved_run_names_its_data(tmp_path: Path) -> None:
    data = modnet.load("iris")
    run = {"data": {"name": "iris"}, "training": {"iterations": 1}}
    with modnet.train_grid(run, {"hidden": [2]}, seeds=1, workers=1, out=tmp_path) as found:
        saved = modnet.open_run(next(found.folder.glob("*/seed-0")))
    assert "<td>iris</td>" in saved._repr_html_()
    modnet.train(modnet.Network.for_data(data, hidden=2), data, iterations=1).save(tmp_path / "given")
    assert "<td>given in Python</td>" in modnet.open_run(tmp_path / "given")._repr_html_()


ALL = ["network", "data", "run", "saved", "history", "comparison", "check", "derivative"]


@pytest.mark.parametrize("name", ALL)
def test_a_display_is_safe_html_and_says_what_it_is_of(name: str, things: dict[str, Any]) -> None:
    words = {
        "network": "dense(",
        "data": "24 training and 6 test samples",
        "run": "finished after 30 of 30 iterations",
        "saved": "adam",
        "history": "30 losses",
        "comparison": "hidden",
        "check": "central-difference",
        "derivative": "passed",
    }
    found = read(things[name])
    assert "there is no display" not in found.text
    assert words[name] in found.text.replace("Dense(units=3)", "dense(units=3)")
    assert "table" in found.tags
    if name != "derivative":
        assert "without the picture" not in found.text
        assert "svg" in found.tags


@pytest.mark.parametrize("name", ALL)
def test_reprs_are_short(name: str, things: dict[str, Any]) -> None:
    assert len(repr(things[name])) < 300


@pytest.fixture
def without_matplotlib(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)


@pytest.mark.parametrize("name", ALL)
def test_without_matplotlib_a_display_has_its_tables(
    name: str, things: dict[str, Any], without_matplotlib: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = read(things[name])
    assert "svg" not in found.tags
    assert "table" in found.tags
    assert ("without the picture" in found.text) == (name != "derivative")


def test_a_picture_that_fails_is_a_line(run: modnet.Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any, **__: Any) -> Any:
        raise ValueError("no <fonts>")

    monkeypatch.setattr(modnet.figures.learning_curves, "from_history", fail)
    found = read(run.history)
    assert "without the picture: ValueError: no <fonts>" in found.text
    assert "table" in found.tags


def test_a_display_that_fails_is_the_text_of_the_object(run: modnet.Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(modnet.History, "__str__", lambda _: f"a history {EVIL}")
    monkeypatch.setattr(modnet_display.displays, "LARGEST", 10)
    found = read(run.history)
    assert f"a history {EVIL}" in found.text
    assert "there is no display of it: it would be too large here" in found.text


def test_an_object_that_cannot_even_be_text_has_a_display() -> None:
    class Odd(modnet.Network):
        def __str__(self) -> str:
            raise ValueError("odd")

        @property
        def shape(self) -> Any:
            raise ValueError("odder")

    assert "Odd: ValueError: odd" in read(Odd([2, 3, 2])).text


def test_a_display_changes_nothing(things: dict[str, Any]) -> None:
    run = things["run"]
    before = {name: array.copy() for name, array in run.network.params.items()}
    made = modnet.Dataset.from_arrays(np.ones((4, 49)), [0, 1, 0, 1], test_fraction=0)
    kept = {**made.train._made}
    for name in ("network", "run"):
        read(things[name])
    read(made)
    assert made.train._made.keys() == kept.keys()
    assert all(np.array_equal(before[name], run.network.params[name]) for name in before)


def test_a_saved_run_is_shown_without_its_parts(things: dict[str, Any]) -> None:
    experiment = {**things["saved"].experiment, "plugins": {"modules": ["evil_module"]}, "optimizer": {"name": EVIL}}
    found = read(attrs.evolve(things["saved"], experiment=experiment))
    assert EVIL in found.text
    assert "evil_module" not in sys.modules


def test_an_odd_experiment_has_a_display(things: dict[str, Any]) -> None:
    for experiment in ({}, {"network": 3, "data": [], "optimizer": [1]}, {"network": {"layers": 5, "hidden": {}}}):
        assert "finished" in read(attrs.evolve(things["saved"], experiment=experiment)).text


def test_a_history_of_a_million_losses_is_small(tmp_path: Path) -> None:
    history = modnet.History(np.linspace(2, 0, 300_000).tolist(), [150_000, 300_000], {"test_accuracy": [0.5, 0.9]})
    assert repr(history) == "<History: 300,000 losses, 2 evaluations; last loss 0.0000, test accuracy 0.9000>"
    assert "300,000" in read(history).text
    assert repr(modnet.History()) == "<History: 0 losses, 0 evaluations>"
    read(modnet.History())


def test_many_classes_and_columns_are_cut(without_matplotlib: None) -> None:
    data = modnet.Dataset.from_arrays(np.arange(120.0).reshape(4, 30), [0, 1, 2, 3], test_fraction=0)
    assert "4 training rows, 12 of 30 columns" in read(data).text
    many = modnet.Dataset.from_arrays(np.ones((60, 2)), list(range(60)), classes=list(range(60)), test_fraction=0)
    assert "the 20 largest of 60 classes" in read(many).text


def test_a_regression_shows_its_targets_in_their_unit(without_matplotlib: None) -> None:
    data = modnet.Dataset.from_arrays(
        np.arange(8.0).reshape(4, 2), [1000.0, 2000.0, 3000.0, 4000.5], task="regression", test_fraction=0
    )
    assert re.search(r"1000\s+.*4001|4000\.5", read(data).text, re.DOTALL)


def test_a_judgement_has_a_display(without_matplotlib: None) -> None:
    scores = {("a",): {"": {"0": 0.9, "1": 0.91, "2": 0.89}}, ("b",): {"": {"0": 0.8, "1": 0.82, "2": 0.81}}}
    result = modnet.Judgement.from_scores(
        scores, ["setting"], seeds=["0", "1", "2"], score="accuracy", higher_is_better=True
    )
    found = read(result)
    assert "setting" in found.text
    assert repr(result) == "<Judgement of 2 settings: accuracy of a 0.9000, b 0.8100>"


def test_a_display_says_its_picture_apart_from_others(run: modnet.Run) -> None:
    first, second = read(run.history).ids, read(run.history).ids
    assert not {*first} & {*second}


def test_large_whole_numbers_are_shown_whole() -> None:
    data = modnet.Dataset.from_arrays([[1234567.0, 0.5], [7654321.0, 1.5]] * 10, [0, 1] * 10)
    assert '<td class="number">1234567</td>' in data._repr_html_()
