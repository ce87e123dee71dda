"""The callback gradient-quality: its columns, and the bits of the run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest

import modnet
from modnet import Dataset, Grads, Params, Stream
from modnet.nn.checkpoint import Checkpoints, hash_params

X = np.sin(np.arange(240)).reshape(60, 4)
T = np.arange(60) * 3 // 60
BLOBS = Dataset.from_arrays((X[:48], T[:48]), (X[48:], T[48:]))
EPOCH = 4  # 48 rows in batches of 12
COLUMNS = ["gradient_angle", "gradient_norm_ratio", "gradient_variance"]


def train(gradient: Any, data: Dataset = BLOBS, layers: Any = None, iterations: int = 12, **options: Any) -> modnet.Run:
    options = {"callbacks": [modnet.callback("gradient-quality")], **options}
    settings = {"hidden": 6, "activation": "tanh", "weight_init": 0.5} if layers is None else {}
    network = modnet.Network.for_data(data, layers=layers, seed=3, **{**settings, **options.pop("network", {})})
    return modnet.train(network, data, gradient=gradient, batch_size=12, iterations=iterations, seed=1, **options)


def find_recorded(run: modnet.Run) -> dict[str, list[float]]:
    return {name: values for name, values in run.history.columns.items() if name.startswith("gradient_")}


@attrs.frozen
class Changed(modnet.GradientEstimator):
    """The exact gradient times a function of a random number."""

    factor: Callable[[float], float]

    def __call__(self, objective: Any, params: Params, stream: Stream) -> Grads:
        factor = self.factor(float(stream.generator().uniform()))
        return {name: factor * g for name, g in objective.backward(params).items()}


@attrs.frozen
class Counting(modnet.GradientEstimator):
    """The exact gradient times the number of estimates so far."""

    def init(self, params: Params, stream: Stream) -> Any:
        return {"made": 0}

    def estimate(self, objective: Any, params: Params, stream: Stream, state: Any) -> tuple[Grads, Any]:
        made = state["made"] + 1
        return {name: made * g for name, g in objective.backward(params).items()}, {"made": made}

    def __call__(self, objective: Any, params: Params, stream: Stream) -> Grads:
        return self.estimate(objective, params, stream, self.init(params, stream))[0]


class TestColumns:
    def test_the_exact_gradient_is_at_an_angle_of_0_with_its_length_and_no_variance(self) -> None:
        found = find_recorded(train("backpropagation"))
        assert found == {"gradient_angle": [0.0] * 3, "gradient_norm_ratio": [1.0] * 3, "gradient_variance": [0.0] * 3}

    @pytest.mark.parametrize(("factor", "angle", "ratio"), [(2.0, 0.0, 2.0), (-0.5, 180.0, 0.5)])
    def test_what_is_along_the_exact_gradient(self, factor: float, angle: float, ratio: float) -> None:
        found = find_recorded(train(Changed(lambda _: factor)))
        assert found["gradient_angle"] == pytest.approx([angle] * 3, abs=1e-6)
        assert found["gradient_norm_ratio"] == pytest.approx([ratio] * 3)
        assert found["gradient_variance"] == [0.0] * 3

    def test_the_variance_is_that_of_all_repeats(self) -> None:
        drawn: list[float] = []
        estimator = Changed(lambda u: drawn.append(1 + u) or 1 + u)  # type: ignore[func-returns-value]
        quality = modnet.callback("gradient-quality", repeats=7)
        found = find_recorded(train(estimator, iterations=EPOCH, callbacks=[quality]))
        factors = drawn[EPOCH:]
        assert len(factors) == 7
        assert found["gradient_variance"] == pytest.approx([np.var(factors, ddof=1)])
        assert found["gradient_norm_ratio"] == pytest.approx([np.mean(factors)])

    def test_one_estimate_has_no_variance(self) -> None:
        quality = modnet.callback("gradient-quality", repeats=1)
        assert list(find_recorded(train("spsa", callbacks=[quality]))) == [*COLUMNS[:2], "gradient_evaluations"]

    def test_the_evaluations_are_those_of_an_estimate(self) -> None:
        assert find_recorded(train(modnet.gradient("spsa", directions=3)))["gradient_evaluations"] == [6] * 3

    def test_each_weight_array_may_have_an_angle_of_its_own(self) -> None:
        quality = modnet.callback("gradient-quality", per_array=True)
        found = find_recorded(train("feedback-alignment", callbacks=[quality]))
        assert list(found) == [*COLUMNS, "gradient_angle_of_w1", "gradient_angle_of_w2"]
        assert all(angle > 1 for angle in found["gradient_angle_of_w1"])
        assert found["gradient_angle_of_w2"] == pytest.approx([0, 0, 0], abs=1e-5)  # the last layer's is exact

    def test_epochs_may_be_left_out(self) -> None:
        quality = modnet.callback("gradient-quality", every=2)
        found = find_recorded(train("feedback-alignment", iterations=5 * EPOCH, callbacks=[quality]))
        assert np.isfinite(found["gradient_angle"]).tolist() == [True, False, True, False, True]

    def test_no_angle_of_estimates_that_are_0_and_nothing_where_the_exact_gradient_is(self) -> None:
        @attrs.frozen
        class Flat(modnet.Loss):
            def __call__(self, y: Any, t: Any, axis: int = -1) -> Any:
                return 0 * y.sum(axis=axis)

            def backward(self, y: Any, t: Any, axis: int = -1) -> Any:
                return 0 * y

        assert list(find_recorded(train(Changed(lambda _: 0.0)))) == COLUMNS[1:]
        assert find_recorded(train("backpropagation", network={"loss": Flat()})) == {}


class TestBatch:
    def test_it_is_the_same_at_each_epoch_and_drawn_from_all_rows(self) -> None:
        seen: list[tuple[bytes, Any]] = []

        class Looking(modnet.GradientEstimator):
            def __call__(self, objective: Any, params: Params, stream: Stream) -> Grads:
                if len(objective.x) == 20:
                    seen.append((objective.x.tobytes(), objective.t))
                grads: Grads = objective.backward(params)
                return grads

        train(Looking(), callbacks=[modnet.callback("gradient-quality", rows=20)])
        assert len({x for x, _ in seen}) == 1
        assert set(seen[0][1]) == {0, 1, 2}  # of rows that lie there by class

    def test_rows_without_weight_are_left_alone(self) -> None:
        weights = np.where(np.arange(48) % 2, 0.0, 3.0)
        data = Dataset.from_arrays((X[:48], T[:48]), (X[48:], T[48:]), weights=(weights, None))
        found = find_recorded(train("backpropagation", data, callbacks=[modnet.callback("gradient-quality", rows=1)]))
        assert found["gradient_norm_ratio"] == [1.0] * 3

    @pytest.mark.parametrize("dtype", ["float64", "float32"])
    def test_layers_that_draw_and_layers_that_couple_samples(self, dtype: str) -> None:
        images = np.sin(np.arange(48 * 36)).reshape(48, 36)
        shaped = Dataset.from_arrays((images, T[:48]), (images[::6], T[:48:6]), shape=(1, 6, 6))
        convolution = modnet.layer("convolution", filters=2, size=3)
        dense, dropout = modnet.layer("dense", units=3), modnet.layer("dropout", rate=0.5)
        layers = [convolution, "batch-norm", "relu", "flatten", dropout, dense, "softmax"]
        run = train("backpropagation", shaped, layers, network={"dtype": dtype})
        assert find_recorded(run)["gradient_angle"] == [0.0] * 3
        direct = train("direct-feedback-alignment", shaped, layers, network={"dtype": dtype})
        assert all(0 < angle < 180 for angle in find_recorded(direct)["gradient_angle"])

    def test_a_regression(self) -> None:
        data = Dataset.from_arrays((X[:48], X[:48].sum(axis=1)), (X[48:], X[48:].sum(axis=1)), task="regression")
        assert find_recorded(train("node-perturbation", data))["gradient_angle"][-1] < 90


class TestTheRun:
    @pytest.mark.parametrize("gradient", ["spsa", "feedback-alignment", Counting()], ids=str)
    def test_it_keeps_its_bits(self, gradient: Any) -> None:
        watched, alone = train(gradient), train(gradient, callbacks=[])
        assert hash_params(watched.params) == hash_params(alone.params)
        assert watched.history.loss == alone.history.loss
        np.testing.assert_equal(watched.gradient_state, alone.gradient_state)

    def test_estimates_are_made_with_the_state_that_the_run_has_come_to(self) -> None:
        assert find_recorded(train(Counting()))["gradient_norm_ratio"] == pytest.approx([5, 9, 13])

    @pytest.mark.parametrize("gradient", ["spsa", "feedback-alignment"])
    @pytest.mark.parametrize("stop", [3, 4, 9])
    def test_it_resumes_to_the_same_bits(self, gradient: str, stop: int, tmp_path: Path) -> None:
        quality = [modnet.callback("gradient-quality", every=2, per_array=True)]
        whole = train(gradient, callbacks=quality)
        Checkpoints(tmp_path).save(train(gradient, callbacks=quality, iterations=stop).checkpoint)
        loaded = Checkpoints(tmp_path).load()
        assert loaded
        again = train(gradient, callbacks=quality, start=loaded[0])
        np.testing.assert_equal(again.history.columns, whole.history.columns)
        assert hash_params(again.params) == hash_params(whole.params)
