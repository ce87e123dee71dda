"""Gradient estimators with a state: a value in the checkpoint, as an optimizer's is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest

import modnet
from modnet import DataError, Grads, Params, PluginError, SettingError, Stream
from modnet.nn.checkpoint import Checkpoints, hash_params

DATA = modnet.load("iris")


@attrs.frozen
class Averaged(modnet.GradientEstimator):
    """An average of the gradients so far, begun with noise, and the number of them."""

    share: float = 0.3

    def init(self, params: Params, stream: Stream) -> Any:
        noise = {name: stream.child(name).generator().normal(size=w.shape) for name, w in params.items()}
        return {"mean": noise, "count": 0}

    def estimate(self, objective: Any, params: Params, stream: Stream, state: Any) -> tuple[Grads, Any]:
        exact = objective.backward(params)
        mean = {name: self.share * exact[name] + (1 - self.share) * state["mean"][name] for name in params}
        return mean, {"mean": mean, "count": state["count"] + 1}

    def __call__(self, objective: Callable[[Params], float], params: Params, stream: Stream) -> Grads:
        return self.estimate(objective, params, stream, self.init(params, stream))[0]


def train(gradient: object, **options: Any) -> modnet.Run:
    network = modnet.Network([DATA.features, 4, DATA.outputs], seed=1)
    return modnet.train(network, DATA, gradient=gradient, batch_size=8, iterations=30, seed=3, **options)


def test_the_state_goes_from_step_to_step() -> None:
    run = train(Averaged())
    assert run.gradient_state["count"] == 30
    assert hash_params(run.params) != hash_params(train("backpropagation").params)
    assert hash_params(run.params) == hash_params(train(Averaged()).params)


def test_a_run_resumes_to_the_bits_of_a_whole_one_from_any_checkpoint(tmp_path: Path) -> None:
    whole, kept = train(Averaged()), []
    assert whole.checkpoint.gradient[0] == "averaged"
    for iteration in (1, 7, 29):
        with pytest.raises(modnet.TrainingInterrupted) as stopped:
            train(Averaged(), callbacks=[Interrupting(iteration)])
        Checkpoints(tmp_path).save(stopped.value.run.checkpoint)
        checkpoint, _ = Checkpoints(tmp_path).load() or pytest.fail("there is none")
        assert checkpoint.iteration == iteration
        again = train(Averaged(), start=checkpoint, callbacks=[Interrupting(99)])
        kept.append((hash_params(again.params), again.history.loss, again.gradient_state["count"]))
    assert kept == [(hash_params(whole.params), whole.history.loss, 30)] * 3


@attrs.frozen
class Interrupting(modnet.Callback):
    """A user who presses Ctrl-C after an iteration."""

    iteration: int

    def on_iteration(self, run: Any, state: Any) -> Any:
        if run.iteration > self.iteration:
            raise KeyboardInterrupt
        return state, None


def test_observers_have_a_copy() -> None:
    seen = []

    class Following(modnet.Observer):
        def epoch_ended(self, run: Any) -> None:
            run.gradient_state["count"] = -1
            seen.append((run.gradient.share, run.gradient_state["count"], run.iteration))

    train(Averaged(), observer=Following())
    assert all(share == 0.3 and count == iteration for share, count, iteration in seen)
    assert seen


class TestCheckpointsOfOthers:
    def test_an_estimator_that_has_a_state_needs_one(self) -> None:
        plain = train("backpropagation").checkpoint
        assert plain.gradient is None
        with pytest.raises(SettingError, match="start: the checkpoint is of the gradient estimator none, not averaged"):
            train(Averaged(), start=plain)

    def test_one_that_has_none_refuses_one(self) -> None:
        words = "start: the checkpoint is of the gradient estimator averaged, not backpropagation"
        with pytest.raises(SettingError, match=words):
            train("backpropagation", start=train(Averaged()).checkpoint)

    def test_another_structure(self) -> None:
        checkpoint = train(Structured()).checkpoint
        wrong = attrs.evolve(checkpoint, gradient=("structured", (["fields", [["other", 1]]], [])))
        with pytest.raises(DataError, match="the checkpoint's state of structured is of another structure than now"):
            train(Structured(), start=wrong)


@attrs.frozen
class Count:
    made: int = 0


@attrs.frozen
class Structured(Averaged):
    def init(self, params: Params, stream: Stream) -> Any:
        return Count()

    def estimate(self, objective: Any, params: Params, stream: Stream, state: Any) -> tuple[Grads, Any]:
        return objective.backward(params), Count(state.made + 1)


def test_a_state_that_cannot_be_kept_is_named() -> None:
    class Hoarder(Structured):
        def init(self, params: Params, stream: Stream) -> Any:
            return {1, 2}

        def estimate(self, objective: Any, params: Params, stream: Stream, state: Any) -> tuple[Grads, Any]:
            return objective.backward(params), state

    with pytest.raises(PluginError, match="cannot hold the state of the gradient estimator hoarder"):
        _ = train(Hoarder()).checkpoint


def test_what_is_no_gradient_and_state_is_refused() -> None:
    class Forgetful(Structured):
        def estimate(self, objective: Any, params: Params, stream: Stream, state: Any) -> Any:
            return objective.backward(params)

    with pytest.raises(PluginError, match="returned a dict of W1, b1, W2, b2: a gradient and a state are expected"):
        train(Forgetful())


def test_estimators_without_one_are_called_as_ever() -> None:
    estimator = modnet.gradient("spsa")
    state = estimator.init({"w": np.ones(2)}, Stream(0))
    assert state is None
    grads, after = estimator.estimate(lambda p: float((p["w"] ** 2).sum()), {"w": np.ones(2)}, Stream(0), state)
    assert after is None
    assert grads["w"].shape == (2,)
