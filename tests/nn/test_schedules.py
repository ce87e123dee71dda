"""Schedules of the learning rate."""

from __future__ import annotations

import math
from itertools import pairwise
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import modnet
from modnet.compose.experiment import create_experiment, to_file, to_table
from modnet.compose.tables import parse_toml
from modnet.errors import SettingError
from modnet.nn.schedules import fix_rate

RNG = np.random.default_rng(0)
DATA = modnet.Dataset.from_arrays(RNG.standard_normal((60, 3)), np.arange(60) % 2, test_fraction=0.2)


def list_rates(count: int, name: str, **settings: Any) -> list[float]:
    schedule = modnet.Schedule(name, **settings)  # type: ignore[arg-type]
    return [schedule(k) for k in range(count)]


def train(optimizer: Any, iterations: int = 20, **settings: Any) -> modnet.Run:
    net = modnet.Network([3, 4, 2], weight_init="he")
    return modnet.train(net, DATA, optimizer=optimizer, iterations=iterations, batch_size=8, **settings)


@pytest.mark.parametrize(
    ("settings", "rates"),
    [
        ({"name": "constant"}, [1, 1, 1, 1, 1, 1]),
        ({"name": "constant", "warmup": 3}, [1 / 4, 2 / 4, 3 / 4, 1, 1, 1]),
        ({"name": "step", "every": 2}, [1, 1, 0.1, 0.1, 0.01, 0.01]),
        ({"name": "step", "every": 2, "factor": 0.5, "warmup": 1}, [0.5, 1, 1, 0.5, 0.5, 0.25]),
        ({"name": "linear", "iterations": 4}, [1, 0.75, 0.5, 0.25, 0, 0]),
        ({"name": "linear", "iterations": 5, "final": 0.5, "warmup": 1}, [0.5, 1, 0.875, 0.75, 0.625, 0.5]),
        ({"name": "cosine", "iterations": 4}, [1, (1 + 0.5**0.5) / 2, 0.5, (1 - 0.5**0.5) / 2, 0, 0]),
        ({"name": "cosine", "iterations": 2, "final": 0.2}, [1, 0.6, 0.2, 0.2, 0.2, 0.2]),
        ({"name": "exponential", "final": 1 / 16, "iterations": 4}, [1, 1 / 2, 1 / 4, 1 / 8, 1 / 16, 1 / 16]),
    ],
)
def test_the_rates_are_the_formulas(settings: dict[str, Any], rates: list[float]) -> None:
    assert list_rates(6, **settings, initial=1.0) == pytest.approx(rates, abs=1e-15)


@given(
    name=st.sampled_from(["linear", "cosine", "exponential"]),
    initial=st.floats(1e-6, 10),
    share=st.floats(0.001, 1),
    warmup=st.integers(0, 20),
    length=st.integers(1, 200),
)
def test_the_rate_grows_in_the_warm_up_and_falls_from_then_on(
    name: str, initial: float, share: float, warmup: int, length: int
) -> None:
    rates = list_rates(
        warmup + length + 3, name, initial=initial, final=initial * share, warmup=warmup, iterations=warmup + length
    )
    slack = 1e-12 * initial
    assert all(a < b for a, b in pairwise(rates[: warmup + 1]))
    assert rates[warmup] == pytest.approx(initial)
    assert all(a >= b - slack for a, b in pairwise(rates[warmup:]))
    assert rates[-1] == pytest.approx(initial * share)


@pytest.mark.parametrize("name", ["sgd", "momentum", "adam", "adamw", "lion"])
def test_a_run_by_a_schedule_is_one_whose_rate_is_set_before_each_step(name: str) -> None:
    schedule = modnet.Schedule("cosine", initial=0.1, warmup=5)
    run = train(modnet.optimizer(name, lr=schedule))
    net, optimizer = modnet.Network([3, 4, 2], weight_init="he"), modnet.optimizer(name)
    known = attrs.evolve(schedule, iterations=20)
    params, state = dict(net.params), optimizer.init(net.params)
    for k in range(20):
        x, t = DATA.train.x, DATA.train.t
        rows = run.batches.draw(k)
        grads = net.with_arrays(params).gradient(x[rows], t[rows])
        params, state = attrs.evolve(optimizer, lr=known(k)).step(params, grads, state)
    for key, value in params.items():
        np.testing.assert_allclose(run.params[key], value, rtol=1e-12)


def test_the_rate_that_followers_see_is_that_of_the_last_step() -> None:
    seen = []

    class Follower(modnet.Observer):
        def epoch_ended(self, run: modnet.ObservedRun) -> None:
            seen.append((run.iteration, run.rate))

    train(modnet.optimizer("sgd", lr=modnet.Schedule("linear", initial=0.2)), observer=Follower())
    assert len(seen) > 2
    assert all(rate == pytest.approx(0.2 * (1 - (k - 1) / 20)) for k, rate in seen)


def test_a_function_of_the_iteration_is_a_learning_rate_too() -> None:
    by_function = train(modnet.optimizer("sgd", lr=lambda k: 0.2 * (1 - k / 20)))
    by_name = train(modnet.optimizer("sgd", lr=modnet.Schedule("linear", initial=0.2)))
    assert by_function.history == by_name.history
    rates = np.full(20, 0.5, np.float32)
    by_array = train(modnet.optimizer("sgd", lr=lambda k: rates[k]))
    assert by_array.history == train(modnet.optimizer("sgd", lr=0.5)).history


@pytest.mark.parametrize(
    ("rate", "message"),
    [
        (lambda _: 0.0, "refuses the learning rate of iteration 0: 'lr' must be > 0: 0.0"),
        (lambda k: 0.1 if k < 3 else None, "'lr' must give a number at iteration 3, not None"),
        (lambda k: 0.1 if k < 3 else math.nan, "refuses the learning rate of iteration 3"),
    ],
)
def test_a_function_that_gives_no_rate_is_an_error_that_names_the_iteration(rate: Any, message: str) -> None:
    with pytest.raises(SettingError, match=message):
        train(modnet.optimizer("sgd", lr=rate))


@pytest.mark.parametrize("stop", [1, 7, 19])
def test_a_resumed_run_keeps_the_rates_of_its_horizon(stop: int) -> None:
    optimizer = modnet.optimizer("adam", lr=modnet.Schedule("cosine", initial=0.1, warmup=3, iterations=20))
    whole = train(optimizer)
    half = train(optimizer, stop)
    again = train(optimizer, 20, start=half.checkpoint)
    assert again.history == whole.history
    assert all(np.array_equal(again.params[name], value) for name, value in whole.params.items())


def test_without_a_horizon_of_its_own_a_run_is_not_resumed_by_another_one() -> None:
    optimizer = modnet.optimizer("sgd", lr=modnet.Schedule("cosine", initial=0.1))
    with pytest.raises(SettingError, match="needs the horizon that it began with: give it 'iterations'"):
        train(optimizer, 40, start=train(optimizer, 20).checkpoint)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"name": "cosin", "initial": 0.1}, "'name' must be .*, did you mean 'cosine'"),
        ({"name": "cosine"}, "'initial' is missing"),
        ({"name": "cosine", "initial": 0}, "'initial' must be > 0: 0"),
        ({"name": "cosine", "initial": 0.1, "every": 3}, "'every' is no setting of the schedule 'cosine': take it out"),
        ({"name": "step", "initial": 0.1}, "'every' is missing, which the schedule 'step' needs"),
        ({"name": "exponential", "initial": 0.1, "final": 0}, "'final' must be > 0 in the schedule 'exponential'"),
        ({"name": "linear", "initial": 0.1, "warmup": 3, "iterations": 3}, "'iterations' must be more than the 3"),
        ("cosine", "'lr' must be a number or a table or a function, not 'cosine'"),
    ],
)
def test_other_settings_are_refused_by_name(settings: Any, message: str) -> None:
    with pytest.raises(SettingError, match=message):
        modnet.optimizer("sgd", lr=settings)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"name": "linear", "initial": 0.1, "iterations": 10},
            "comes to 0 before the run ends",
        ),
        ({"name": "cosine", "initial": 0.1, "warmup": 20}, "a warm-up of 20 iterations leaves nothing of the run's 20"),
    ],
)
def test_a_schedule_that_does_not_go_with_the_run_is_refused_before_it(settings: Any, message: str) -> None:
    table = {"optimizer": {"name": "sgd", "lr": settings}, "training": {"iterations": 20}}
    for call in (lambda: create_experiment(table), lambda: train(modnet.optimizer("sgd", lr=settings))):
        with pytest.raises(SettingError, match=message):
            call()


def test_an_experiment_writes_the_horizon_and_comes_back_from_its_file() -> None:
    table = {"optimizer": {"name": "sgd", "lr": {"name": "cosine", "initial": 0.1, "warmup": 5}}}
    experiment = create_experiment({**table, "training": {"iterations": 70}})
    written = to_table(experiment)["optimizer"]["lr"]
    assert written == {"name": "cosine", "initial": 0.1, "warmup": 5, "iterations": 70}
    assert create_experiment(parse_toml(to_file(experiment))) == experiment


def test_a_function_cannot_be_written_down() -> None:
    experiment = attrs.evolve(create_experiment({}), optimizer=modnet.optimizer("sgd", lr=lambda _: 0.1))
    with pytest.raises(SettingError, match="optimizer"):
        to_file(experiment)


def test_the_command_trains_resumes_and_verifies_by_a_schedule(call, tmp_path: Path) -> None:
    options = ["--set", "optimizer.lr.name=cosine", "--set", "optimizer.lr.initial=0.2", "--hidden", "4"]
    done = call("train", *options, "--gradient", "backpropagation", "--iterations", "60", "--out", "run", cwd=tmp_path)
    assert "sgd(lr=cosine from 0.2)" in done.stdout, done.stdout + done.stderr
    verified = call("verify", "run", cwd=tmp_path)
    assert verified.returncode == 0, verified.stdout + verified.stderr


def test_an_optimizer_without_a_rate_is_left_alone() -> None:
    @attrs.frozen
    class Still(modnet.Optimizer):
        def init(self, params: modnet.Params) -> modnet.State:
            return {}

        def step(self, params: Any, grads: Any, state: Any) -> Any:
            return dict(params), state

    assert fix_rate(Still(), 3) == Still()
    with pytest.raises(SettingError, match="has no setting 'lr' to scale"):
        fix_rate(Still(), 3, 0.5)


@pytest.mark.parametrize("decorate", [attrs.frozen, lambda cls: cls], ids=["attrs", "plain"])
def test_a_method_of_that_name_is_the_optimizers_own_affair(decorate: Any) -> None:
    """As one has that was written before there were schedules."""

    class Fading(modnet.Optimizer):
        def init(self, params: modnet.Params) -> modnet.State:
            return 1

        def lr(self, count: int, *, power: float) -> float:
            return 0.1 / count**power

        def step(self, params: Any, grads: Any, state: Any) -> Any:
            return {name: params[name] - self.lr(state, power=0.5) * grads[name] for name in params}, state + 1

    seen: list[float | None] = []

    class Follower(modnet.Observer):
        def epoch_ended(self, run: modnet.ObservedRun) -> None:
            seen.append(run.rate)

    run = train(decorate(Fading)(), 12, observer=Follower())
    assert run.history.loss == train(modnet.optimizer("sgd", lr=lambda k: 0.1 / (k + 1) ** 0.5), 12).history.loss
    assert set(seen) == {None}
    assert train(Outer(decorate(Fading)()), 12).history.loss == run.history.loss


@attrs.frozen
class Outer(modnet.Optimizer):
    """Another optimizer, followed."""

    inner: modnet.Optimizer

    def init(self, params):
        return self.inner.init(params)

    def step(self, params, grads, state):
        return self.inner.step(params, grads, state)


@pytest.mark.parametrize("lr", [{"name": "cosine", "initial": 0.1}, lambda _: 0.1], ids=["by name", "a function"])
def test_a_schedule_of_an_inner_optimizer_is_refused(lr):
    net, data = modnet.TwoLayerNet(784, 2, 10), modnet.load("mnist-small")
    modnet.train(net, data, optimizer=Outer(modnet.optimizer("sgd", lr=0.1)), iterations=1)
    with pytest.raises(modnet.SettingError, match="the optimizer inside outer has a schedule, which is followed in"):
        modnet.train(net, data, optimizer=Outer(modnet.optimizer("sgd", lr=lr)), iterations=1)
