"""Rules for initial weights and biases."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import modnet
from modnet.compose.experiment import create_experiment, create_network_of_size, to_table
from modnet.errors import SettingError

WIDE = (400, 300, 200)


def make(sizes: tuple[int, ...] = WIDE, **settings: Any) -> dict[str, np.ndarray]:
    return modnet.Network(sizes, **settings).params


@pytest.mark.parametrize(
    ("rule", "deviations"),
    [
        ("he", ((2 / 400) ** 0.5, (2 / 300) ** 0.5)),
        ("xavier", ((2 / 700) ** 0.5, (2 / 500) ** 0.5)),
        ("lecun", (1 / 20, 1 / 300**0.5)),
        (0.5, (0.5, 0.5)),
        ("normal", (0.01, 0.01)),
        (None, (0.01, 0.01)),
        ([0.5, "lecun"], (0.5, 1 / 300**0.5)),
        (("normal", 0.0), (0.01, 0.0)),
    ],
)
def test_a_rule_is_a_standard_deviation(rule: Any, deviations: tuple[float, float]) -> None:
    params = make(weight_init=rule)
    for name, wanted in zip(("W1", "W2"), deviations, strict=True):
        assert params[name].std() == pytest.approx(wanted, rel=0.02)
        assert abs(params[name].mean()) <= wanted / 50


@pytest.mark.parametrize("rule", ["he", "xavier", 0.3])
def test_what_both_settings_know_is_the_same_to_the_bit(rule: Any) -> None:
    old, new = make(weight_init_std=rule), make(weight_init=rule)
    assert all(np.array_equal(old[name], new[name]) for name in old)


@pytest.mark.parametrize("sizes", [(6, 4), (4, 6), (5, 5), (1, 3), (3, 1)])
def test_orthogonal_rows_or_columns_have_length_one(sizes: tuple[int, int]) -> None:
    w = make((*sizes, 2), weight_init="orthogonal", seed=3)["W1"]
    product = w @ w.T if w.shape[0] <= w.shape[1] else w.T @ w
    np.testing.assert_allclose(product, np.eye(min(w.shape)), atol=1e-14)


def test_orthogonal_weights_have_no_preferred_sign() -> None:
    first = [make((3, 3, 2), weight_init="orthogonal", seed=seed)["W1"][0, 0] > 0 for seed in range(200)]
    assert 70 < sum(first) < 130


def test_a_function_draws_from_the_stream_of_its_layer() -> None:
    def uniform(inputs: int, outputs: int, draw: np.random.Generator) -> np.ndarray:
        return draw.uniform(-1, 1, (inputs, outputs))

    one, again, other = (make(weight_init=uniform, seed=seed) for seed in (0, 0, 1))
    assert np.array_equal(one["W1"], again["W1"])
    assert not np.array_equal(one["W1"], other["W1"])
    assert not np.array_equal(one["W1"][:300, :200], one["W2"])
    assert (np.abs(one["W1"]) < 1).all()


@pytest.mark.parametrize(("given", "wanted"), [(None, (0, 0)), (0.1, (0.1, 0.1)), ([0.5, -1], (0.5, -1))])
def test_biases_begin_at_what_is_given(given: Any, wanted: tuple[float, float]) -> None:
    params = make((3, 4, 2), bias_init=given, dtype="float32")
    for name, value in zip(("b1", "b2"), wanted, strict=True):
        assert params[name].dtype == np.float32
        assert (params[name] == np.float32(value)).all()


def test_biases_are_drawn_about_what_is_given_each_from_a_stream_of_its_own() -> None:
    params = make(bias_init=[1, -1], bias_init_std=0.5)
    for name, mean in (("b1", 1.0), ("b2", -1.0)):
        assert params[name].mean() == pytest.approx(mean, abs=0.15)
        assert params[name].std() == pytest.approx(0.5, rel=0.15)
    assert not np.array_equal(params["b1"][:200] - 1, params["b2"] + 1)
    assert np.array_equal(params["b1"], make((400, 350, 200), bias_init=[1, -1], bias_init_std=0.5)["b1"][:300])
    assert not np.array_equal(params["b1"], make(bias_init=[1, -1], bias_init_std=0.5, seed=1)["b1"])
    weights, plain = make(bias_init_std=0.5), make()
    assert all(np.array_equal(weights[name], plain[name]) for name in ("W1", "W2"))
    assert np.array_equal(make(bias_init_std=0)["b1"], plain["b1"])
    assert make(bias_init_std=0.5, dtype="float32")["b1"].dtype == np.float32


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"bias_init_std": -0.1}, "'bias_init_std' must be a finite number >= 0: -0.1"),
        ({"bias_init_std": np.inf}, "'bias_init_std' must be a finite number >= 0: inf"),
        ({"bias_init_std": "he"}, "'bias_init_std' must be a finite number >= 0: 'he'"),
        ({"weight_init": "kaiming"}, "'weight_init' must be >= 0, 'he', 'xavier', 'lecun' or 'orthogonal': 'kaiming'"),
        ({"weight_init": -1}, "'weight_init' must be >= 0, .*: -1"),
        ({"weight_init": True}, "'weight_init' must be >= 0, .*: True"),
        ({"weight_init": ["he"]}, "'weight_init' must be one, or one for each of the 2 layers"),
        ({"weight_init": lambda n, m, draw: draw.random((m, n))}, r"must return finite numbers of shape \(3, 4\)"),
        ({"weight_init": lambda n, m, _: np.full((n, m), np.nan)}, "must return finite numbers"),
        ({"bias_init": "zeros"}, "'bias_init' must be a finite number: 'zeros'"),
        ({"bias_init": np.inf}, "'bias_init' must be a finite number: inf"),
        ({"bias_init": [0.0] * 3}, "'bias_init' must be one, or one for each of the 2 layers"),
    ],
)
def test_other_rules_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingError, match=message):
        make((3, 4, 2), **settings)


@pytest.mark.parametrize(
    ("entries", "same"),
    [
        ({}, {}),
        ({"weight_init": "orthogonal", "bias_init": 0.1}, {"weight_init": "orthogonal", "bias_init": 0.1}),
        ({"weight_init": ["he", 0.5], "bias_init": [0.1, 0]}, {"weight_init": ["he", 0.5], "bias_init": [0.1, 0.0]}),
        ({"bias_init_std": 1}, {"bias_init_std": 1.0}),
        ({"weight_init": ["lecun"], "bias_init": [1]}, {"weight_init": "lecun", "bias_init": 1}),
    ],
)
def test_an_experiment_has_them_and_comes_back_from_its_file(entries: dict[str, Any], same: dict[str, Any]) -> None:
    experiment = create_experiment({"network": {"hidden": [3], **entries}})
    wanted = modnet.Network([4, 3, 2], **same).params
    for each in (experiment, create_experiment(to_table(experiment))):
        made = create_network_of_size(each, 4, 2).params
        assert all(np.array_equal(made[name], value) for name, value in wanted.items())


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ({"weight_init": "foo"}, "'weight_init' must be a number or 'normal' or 'he'"),
        ({"weight_init": [1, 2, 3]}, "'weight_init' must be one, or one for each of the 2 layers"),
        ({"bias_init": [0, 0, 0]}, "'bias_init' must be one, or one for each of the 2 layers"),
        ({"bias_init_std": -1}, "'bias_init_std' must be"),
    ],
)
def test_an_experiment_refuses_them_by_name(entries: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingError, match=message):
        create_experiment({"network": {"hidden": [3], **entries}})
