"""The first training rows alone, and soft targets in place of classes."""

from __future__ import annotations

import re
from typing import Any

import attrs
import numpy as np
import pytest

import modnet
from modnet import DataError, Dataset, SettingError
from modnet.cli.data.conversion import write
from modnet.compose.experiment import create_experiment, read_data, run_experiment, to_table
from modnet.data.fingerprint import data_fingerprint

DRAW = np.random.default_rng(5)
X, T = DRAW.normal(3, 2, (60, 4)), np.arange(60) % 3
SOFT = DRAW.dirichlet(np.ones(3), 60)


@pytest.mark.parametrize("settings", [{}, {"class_weight": "balanced"}, {"task": "regression"}])
@pytest.mark.parametrize("share", [None, 0.25])
def test_what_is_learned_of_training_rows_is_learned_of_the_first_ones(settings: Any, share: float | None) -> None:
    """Preparation, scales and weights are those of a data set that never had the others."""
    data = Dataset.from_arrays((X[:48], T[:48]), (X[48:], T[48:]), **settings)
    whole = data if share is None else data.with_validation(share)
    found = whole.with_first_rows(20)
    kept = np.arange(48) if share is None else whole.train.chosen
    assert kept is not None
    parts = (
        {"validation": None}
        if share is None
        else {"validation": [(X[:48][whole.parts["validation"].chosen], T[:48][whole.parts["validation"].chosen])][0]}
    )
    alone = Dataset.from_arrays((X[kept[:20]], T[kept[:20]]), (X[48:], T[48:]), **parts, **settings)
    assert found.preparation == alone.preparation
    assert found.target_scale == alone.target_scale
    assert found.parts.keys() == alone.parts.keys()
    for name, part in found.parts.items():
        np.testing.assert_array_equal(part.x, alone.parts[name].x)
        np.testing.assert_array_equal(part.t, alone.parts[name].t)
        np.testing.assert_array_equal(part.weights, alone.parts[name].weights)
    found.check()
    assert found.classes == data.classes


def test_the_rows_for_validation_do_not_depend_on_their_number() -> None:
    def read(rows: int | None) -> Dataset:
        chosen = {} if rows is None else {"first_rows": rows}
        return read_data(create_experiment({"data": {"name": "iris", "validation_fraction": 0.2, **chosen}}))[0]

    whole, few = read(None), read(30)
    assert (len(whole.train), len(few.train), len(few.test)) == (96, 30, 30)
    np.testing.assert_array_equal(few.parts["validation"].chosen, whole.parts["validation"].chosen)
    assert whole.train.chosen is not None
    np.testing.assert_array_equal(few.train.chosen, whole.train.chosen[:30])


def test_an_experiment_says_how_many_and_its_data_have_another_fingerprint() -> None:
    data, experiment = read_data(create_experiment({"data": {"name": "iris", "first_rows": 30}}))
    assert to_table(experiment)["data"]["first_rows"] == 30
    again, _ = read_data(create_experiment(to_table(experiment)))
    whole, resolved = read_data(create_experiment({"data": {"name": "iris"}}))
    assert data_fingerprint(again) == data_fingerprint(data)
    assert data_fingerprint(data) != data_fingerprint(whole)
    assert "first_rows" not in to_table(resolved)["data"]
    assert data.notes[-1] == "the first 30 training rows have none of a class: 'versicolor', 'virginica'"


@pytest.mark.parametrize("rows", [0, -1, 121, 1.5, True, "3"])
def test_a_number_of_rows_that_are_not_there_is_refused(rows: Any) -> None:
    with pytest.raises(SettingError, match=re.escape(f"from 1 to the 120 training rows that there are: {rows!r}")):
        modnet.load("iris").with_first_rows(rows)
    with pytest.raises(SettingError, match="'first_rows' must be"):
        read_data(create_experiment({"data": {"name": "iris", "first_rows": rows}}))


@attrs.frozen
class Choosing(modnet.DataSource):
    """A source that has always had a setting of that name."""

    reads_files = False
    first_rows: str = "a"

    def read(self, path: Any) -> Dataset:
        """Return the data set."""
        return Dataset.from_arrays((X, T))


def test_a_source_with_a_setting_of_that_name_keeps_it() -> None:
    undo = modnet.register(Choosing)
    try:
        data, experiment = read_data(create_experiment({"data": {"name": "choosing", "first_rows": "b"}}))
        assert len(data.train) == 48
        assert to_table(experiment)["data"] == {"name": "choosing", "first_rows": "b"}
    finally:
        undo()


def make_soft() -> Dataset:
    return Dataset.from_arrays((X, T), (X, T)).with_soft_targets(SOFT)


def test_a_network_learns_soft_targets_and_metrics_go_by_the_classes() -> None:
    data = make_soft()
    net = modnet.Network.for_data(data, hidden=5, seed=1)
    run = modnet.train(net, data, optimizer=modnet.optimizer("adam", lr=0.01), iterations=300, batch_size=60)
    first = modnet.train(net, data, iterations=1, batch_size=60, sampling="shuffle").history.loss[0]
    assert first == pytest.approx(net.loss(data.train.x, SOFT), rel=1e-12)
    assert run.network.loss(data.train.x, SOFT) < net.loss(data.train.x, SOFT)
    assert run.history.train_accuracy[-1] == run.network.accuracy(data.train.x, T)


@pytest.mark.parametrize("estimator", ["central-difference", "complex-step", "forward-gradient"])
def test_estimators_take_soft_targets(estimator: str) -> None:
    data = make_soft()
    net = modnet.Network.for_data(data, hidden=3, activation="tanh", seed=1)
    run, exact = (
        modnet.train(net, data, gradient=modnet.gradient(name), iterations=3, batch_size=20)
        for name in (estimator, "backpropagation")
    )
    assert run.history.loss[0] == exact.history.loss[0]
    if estimator != "forward-gradient":
        np.testing.assert_allclose(run.params["W1"], exact.params["W1"], rtol=1e-6)


def test_one_output_learns_the_probability_of_the_second_class() -> None:
    soft = np.tile([0.8, 0.2], (60, 1))
    data = Dataset.from_arrays((X, T % 2), (X, T % 2)).with_soft_targets(soft)
    net = modnet.Network.for_data(data, hidden=5, output="sigmoid", loss="binary-cross-entropy")
    assert net.outputs == 1
    run = modnet.train(net, data, optimizer=modnet.optimizer("adam", lr=0.03), iterations=300)
    np.testing.assert_allclose(run.network.predict(data.train.x), 0.2, atol=0.05)


def test_soft_targets_go_with_their_rows_and_into_the_fingerprint_and_the_loss_of_validation() -> None:
    data = Dataset.from_arrays((X, T), (X, T), standardize=False)
    soft = data.with_soft_targets(SOFT)
    np.testing.assert_array_equal(soft.with_first_rows(7).train.soft, SOFT[:7])
    split = soft.with_validation(0.25)
    assert split.train.chosen is not None
    np.testing.assert_array_equal(split.train.soft, SOFT[split.train.chosen])
    part = split.parts["validation"]
    run = modnet.train(modnet.Network.for_data(split, hidden=3), split, iterations=2)
    assert run.history.validation_loss[-1] == pytest.approx(run.network.loss(part.x, part.soft), rel=1e-12)
    assert data_fingerprint(soft) != data_fingerprint(data)
    assert data_fingerprint(soft) != data_fingerprint(data.with_soft_targets(SOFT[::-1]))


def test_soft_targets_of_a_validation_part_are_given_apart() -> None:
    data = Dataset.from_arrays((X, T), (X, T)).with_validation(0.25)
    soft = data.with_soft_targets(SOFT[:45], SOFT[45:])
    np.testing.assert_array_equal(soft.parts["validation"].soft, SOFT[45:])
    soft.check()


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"train": SOFT[:59]}, "soft targets of the training rows are float64 of shape (59, 3), not 60 rows of 3"),
        ({"train": SOFT[:, :2]}, "not 60 rows of 3 probabilities whose sum is 1"),
        ({"train": SOFT * 2}, "not 60 rows of 3 probabilities whose sum is 1"),
        ({"train": SOFT - [[1, -1, 0]]}, "not 60 rows of 3 probabilities whose sum is 1"),
        ({"train": np.full((60, 3), np.nan)}, "not 60 rows of 3 probabilities whose sum is 1"),
        ({"train": [[1], [1, 2]]}, "soft targets of the training rows must be rows of numbers"),
        (
            {"train": SOFT, "validation": SOFT},
            "soft targets need classes, and the validation part: one of them is not there",
        ),
    ],
)
def test_what_are_no_soft_targets_is_refused(given: Any, words: str) -> None:
    with pytest.raises(DataError, match=re.escape(words)):
        Dataset.from_arrays((X, T), (X, T)).with_soft_targets(**given)


def test_a_regression_has_none_and_no_format_holds_them(tmp_path: Any) -> None:
    with pytest.raises(DataError, match="soft targets need classes"):
        Dataset.from_arrays((X, T), (X, T), task="regression").with_soft_targets(SOFT)
    with pytest.raises(DataError, match="data sets with soft targets are not written"):
        write(make_soft(), tmp_path / "soft.npz")


def test_the_caller_may_change_what_was_given() -> None:
    given = SOFT.copy()
    data = Dataset.from_arrays((X, T), (X, T)).with_soft_targets(given)
    given[:] = 0
    np.testing.assert_array_equal(data.train.soft, SOFT)


def test_a_run_of_an_experiment_with_few_rows_sees_these_alone() -> None:
    data, experiment = read_data(create_experiment({"data": {"name": "xor", "first_rows": 12}}))
    experiment = attrs.evolve(experiment, training=attrs.evolve(experiment.training, batch_size=4, iterations=3))
    assert run_experiment(experiment, data).history.evaluated_at == [3]  # an epoch of 12 rows
