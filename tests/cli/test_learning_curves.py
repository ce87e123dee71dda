"""Learning curves."""

from __future__ import annotations

import builtins
from typing import Any

import pytest
from modnet_figures.figures import render
from modnet_figures.figures.learning_curves import from_history

import modnet
from modnet import History, MissingExtraError


@pytest.fixture
def history() -> History:
    loss = [2.3 / (1 + i / 20) for i in range(200)]
    columns = {"train_accuracy": [0.3, 0.6, 0.7, 0.8], "test_accuracy": [0.3, 0.5, 0.6, 0.7]}
    return History(loss, [50, 100, 150, 200], columns)


def test_loss_and_both_accuracies_are_drawn(history: History) -> None:
    left, right = from_history(history, "a title").axes
    raw, mean = left.lines
    assert raw.get_ydata().tolist() == history.loss
    assert raw.get_xdata().tolist() == list(range(1, 201))
    assert mean.get_ydata()[0] == pytest.approx(sum(history.loss[:5]) / 5)
    assert mean.get_xdata()[0] == 3, "the mean stands in the middle of what it is of"
    train, test = right.lines
    assert (list(train.get_xdata()), list(train.get_ydata())) == (history.evaluated_at, history.train_accuracy)
    assert list(test.get_ydata()) == history.test_accuracy
    assert [text.get_text() for text in right.get_legend().get_texts()] == ["train: 0.8000", "test: 0.7000"]


def test_an_unknown_test_accuracy_is_left_out(history: History) -> None:
    history.columns["test_accuracy"] = [float("nan")] * 4
    assert len(from_history(history).axes[1].lines) == 1


def test_parameters_that_a_callback_chose_are_marked_where_they_come_from(history: History) -> None:
    history.record(200, {"train_accuracy": 0.6, "test_accuracy": 0.5})
    left, right = from_history(history).axes
    assert left.get_legend().get_texts()[0].get_text() == "parameters of 100"
    mark, train, _ = right.lines
    assert list(mark.get_xdata()) == [100, 100]
    assert list(train.get_xdata()) == [50, 100, 150, 200]
    assert [text.get_text() for text in right.get_legend().get_texts()] == ["train: 0.6000", "test: 0.5000"]


def test_parameters_of_no_evaluation_have_no_mark(history: History) -> None:
    history.record(200, {"train_accuracy": 0.65, "test_accuracy": 0.5})
    assert len(from_history(history).axes[1].lines) == 2


def test_each_metric_has_a_plot_of_its_own_with_all_parts(history: History) -> None:
    history.columns |= {"train_balanced_accuracy": [0.2, 0.4, 0.5, 0.6], "test_balanced_accuracy": [0.1, 0.3, 0.4, 0.5]}
    history.columns |= {"train_log_loss": [3.0, 2.0, 1.0, 0.5], "test_log_loss": [3.0, 2.0, 1.5, 1.0]}
    history.columns |= {"validation_log_loss": [3.0, 2.5, 2.0, 1.5], "gradient_norm": [1.0] * 4}
    metrics = [modnet.metric(name) for name in ("accuracy", "balanced-accuracy", "log-loss")]
    _, *plots = from_history(history, "", metrics).axes
    assert [(axes.get_title(), len(axes.lines)) for axes in plots] == [
        ("accuracy", 2),
        ("balanced accuracy", 2),
        ("log loss", 3),
        ("gradient norm", 1),
    ]
    assert [axes.get_ylim()[0] for axes in plots] == [0, 0, 0, 0]
    assert [axes.get_ylim()[1] for axes in plots[:2]] == [1, 1]
    assert plots[2].get_ylim()[1] > 2  # an error has no upper bound
    assert [text.get_text() for text in plots[2].get_legend().get_texts()][1] == "test: 1"


def test_a_validation_loss_stands_beside_that_of_training(history: History) -> None:
    history.columns["validation_loss"] = [2.0, 1.0, 0.5, 0.25]
    left, _ = from_history(history).axes
    assert left.get_legend().get_texts()[-1].get_text() == "validation: 0.25"


def test_more_metrics_than_can_be_seen_are_left_out(history: History) -> None:
    history.columns.update({f"train_{i}": [1.0] * 4 for i in range(1_000)})
    assert len(from_history(history).axes) == 12


def test_what_callbacks_have_recorded_has_panels_of_its_own(history: History) -> None:
    history.columns["gradient_norm"] = [2.0, float("nan"), 1.5, float("nan")]
    *_, metric, recorded = from_history(history).axes
    assert (metric.get_title(), recorded.get_title()) == ("accuracy", "gradient norm")
    assert list(recorded.lines[0].get_xdata()) == [50, 150]
    assert recorded.get_ylim()[0] == 0


def test_a_column_of_a_part_stands_in_the_plot_of_the_whole(history: History) -> None:
    history.columns |= {"gradient_angle": [80.0, 60.0, 50.0, 40.0], "size_of_w1": [1.0] * 4}
    history.columns |= {"gradient_angle_of_w1": [85.0, 70.0, 60.0, 50.0], "gradient_angle_of_w2": [0.0] * 4}
    *_, angle, other = from_history(history).axes
    assert (angle.get_title(), angle.get_ylabel(), other.get_title()) == ("gradient angle", "degrees", "size of w1")
    assert [text.get_text() for text in angle.get_legend().get_texts()] == ["all", "w1", "w2"]
    assert list(angle.lines[1].get_ydata()) == [85, 70, 60, 50]
    assert set(angle.lines[-1].get_ydata()) == {90}  # no estimate below it points downhill
    assert angle.get_ylim() == (0, pytest.approx(94.5))


def test_many_columns_take_no_time_and_no_formula_is_read_in_them(history: History) -> None:
    accuracies = history.columns["test_accuracy"]
    history.columns.update({rf"${i}\frac$" + "x" * 1000 + "_accuracy": accuracies for i in range(5_000)})
    figure = from_history(history)
    assert len(figure.axes[1].lines) < 50
    assert render(figure, "png").startswith(b"\x89PNG")


def test_a_run_without_an_iteration_can_be_drawn() -> None:
    assert render(from_history(History()), "png").startswith(b"\x89PNG")


@pytest.mark.parametrize(("kind", "magic"), [("png", b"\x89PNG"), ("svg", b"<?xml"), ("pdf", b"%PDF")])
def test_the_same_history_gives_the_same_bytes(history: History, kind: str, magic: bytes) -> None:
    first, second = (render(from_history(history), kind) for _ in range(2))
    assert first == second
    assert first.startswith(magic)


def test_without_matplotlib_the_extra_is_named(history: History, monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *rest: Any) -> Any:
        if name.startswith("matplotlib"):
            raise ModuleNotFoundError(name=name.partition(".")[0])
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingExtraError, match=r"a plot needs an extra .*: pip install 'modnet-workbench\[plot\]'"):
        from_history(history)
