"""numerical_gradient and gradient_descent, for any function of any array."""

from __future__ import annotations

import math
import signal
import subprocess
import sys
import warnings
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

import modnet
from modnet import PrecisionWarning, SettingError, ShapeError, gradient_descent, numerical_gradient


def book(x: float) -> float:
    return 0.01 * x**2 + 0.1 * x


def squares(x: np.ndarray) -> float:
    return float((x**2).sum())


class TestNumericalGradient:
    def test_the_books_example_comes_out_to_the_last_bit(self) -> None:
        assert numerical_gradient(book, 5) == 0.1999999999990898
        assert numerical_gradient(book, 10) == 0.2999999999986347

    def test_a_function_that_writes_to_its_argument_has_the_same_gradient(self) -> None:
        def center(x: np.ndarray) -> float:
            x -= x.mean()
            return squares(x)

        x = np.array([[1.0, 2.0], [4.0, 0.5]])
        expected = numerical_gradient(lambda x: squares(x - x.mean()), x)
        assert np.array_equal(numerical_gradient(center, x), expected)
        assert x.tolist() == [[1.0, 2.0], [4.0, 0.5]]

    def test_a_function_may_keep_its_argument(self) -> None:
        kept: list[np.ndarray] = []
        numerical_gradient(lambda x: kept.append(x) or x.sum(), np.array([1.0, 2.0]), h=0.5)
        assert [x.tolist() for x in kept] == [[1.5, 2.0], [0.5, 2.0], [1.0, 2.5], [1.0, 1.5]]

    @pytest.mark.parametrize(("x", "kind"), [(2, float), (2.0, float), (np.float64(2), np.float64)])
    def test_a_function_of_a_number_is_given_a_number(self, x: float, kind: type) -> None:
        seen: list[object] = []
        assert type(numerical_gradient(lambda x: seen.append(x) or x, x)) is float
        assert [type(value) for value in seen] == [kind, kind]

    def test_a_number_of_an_array_gives_the_same_as_the_number_alone(self) -> None:
        gradient = numerical_gradient(lambda x: book(float(x[0])), np.array([5.0]))
        assert gradient.tolist() == [0.1999999999990898]

    @given(arrays(np.float64, array_shapes(min_dims=0, max_dims=4, max_side=3), elements=st.floats(-10, 10)))
    def test_any_shape_comes_back_as_it_was_given(self, x: np.ndarray) -> None:
        gradient = numerical_gradient(squares, x)
        assert gradient.shape == x.shape
        np.testing.assert_allclose(gradient, 2 * x, atol=1e-8)

    def test_a_matrix_is_not_mistaken_for_its_rows(self) -> None:
        x = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
        gradient = numerical_gradient(lambda w: float(np.prod(w)), x)
        np.testing.assert_allclose(gradient, 720 / x, rtol=1e-9)

    def test_integers_are_not_truncated(self) -> None:
        np.testing.assert_allclose(numerical_gradient(squares, np.array([3, 4])), [6, 8], atol=1e-8)

    def test_the_callers_array_stays_as_it_is_even_when_the_function_raises(self) -> None:
        x = np.array([1.0, 2.0])
        x.flags.writeable = False
        calls = []

        def fails_late(value: np.ndarray) -> float:
            calls.append(value.copy())
            if len(calls) == 3:
                raise RuntimeError("no more")
            return squares(value)

        with pytest.raises(RuntimeError, match="no more"):
            numerical_gradient(fails_late, x)
        assert x.tolist() == [1.0, 2.0]
        assert len(calls) == 3

    def test_a_function_that_spoils_its_argument_cannot_spoil_the_callers(self) -> None:
        x = np.array([1.0])

        def spoils(value: np.ndarray) -> float:
            result = squares(value)
            value[:] = 0
            return result

        numerical_gradient(spoils, x)
        assert x.tolist() == [1.0]

    def test_float32_stays_float32(self) -> None:
        assert numerical_gradient(squares, np.ones(2, np.float32), h=1e-2).dtype == np.float32

    def test_the_step_is_the_callers(self) -> None:
        seen: list[float] = []
        numerical_gradient(lambda x: seen.append(x) or x, 1.0, h=0.25)
        assert seen == [1.25, 0.75]

    @pytest.mark.parametrize("h", [0, -1e-4, float("nan")])
    def test_a_step_that_is_none_is_refused(self, h: float) -> None:
        with pytest.raises(SettingError, match="'h' must be > 0"):
            numerical_gradient(book, 5, h=h)

    def test_a_step_that_rounding_swallows_is_refused_with_the_figure(self) -> None:
        with pytest.raises(SettingError, match=r"h=0\.0001 vanishes beside 10000 in float32: use float64"):
            numerical_gradient(squares, np.array([1e4], np.float32))

    def test_a_function_of_many_values_is_refused(self) -> None:
        with pytest.raises(ShapeError, match=r"must return one number, it returned shape \(2,\)"):
            numerical_gradient(lambda x: x, np.array([1.0, 2.0]))
        with pytest.raises(ShapeError, match="it returned None: end it by return"):
            numerical_gradient(lambda x: None, np.array([1.0, 2.0]))

    def test_complex_numbers_are_refused(self) -> None:
        with pytest.raises(ShapeError, match="real numbers, found an array of complex128"):
            numerical_gradient(squares, np.array([1j]))


class TwoLayerNet:
    """The network of the book's chapter 4: its loss reads the parameters from the network, not from an argument."""

    def __init__(self, **advice: bool) -> None:
        draw = modnet.Stream(0, ("book",)).generator().standard_normal
        self.params = {"W1": draw((4, 3)), "b1": np.zeros(3), "W2": draw((3, 2)), "b2": np.zeros(2)}
        self.advice = advice

    def predict(self, x: np.ndarray) -> np.ndarray:
        hidden = 1 / (1 + np.exp(-(x @ self.params["W1"] + self.params["b1"])))
        scores = np.exp(hidden @ self.params["W2"] + self.params["b2"])
        return scores / scores.sum(axis=1, keepdims=True)

    def loss(self, x: np.ndarray, t: np.ndarray) -> float:
        return -np.log(self.predict(x)[np.arange(len(t)), t] + 1e-7).mean()

    def numerical_gradient(self, x: np.ndarray, t: np.ndarray) -> dict[str, np.ndarray]:
        loss_W = lambda W: self.loss(x, t)  # noqa: E731 - the book's own line
        return {name: numerical_gradient(loss_W, value, **self.advice) for name, value in self.params.items()}


INTERRUPTED = """
import signal
import numpy as np
from modnet import numerical_gradient

def interrupt(*_):
    raise KeyboardInterrupt

signal.signal(signal.SIGALRM, interrupt)
x = np.linspace(0.1, 1, 7)
before, interrupted = x.tobytes(), 0
for moment in np.linspace(5e-6, 3e-4, 1000):
    try:
        signal.setitimer(signal.ITIMER_REAL, moment)
        numerical_gradient(lambda v: v.sum(), x, in_place=True)
        signal.setitimer(signal.ITIMER_REAL, 0)
    except KeyboardInterrupt:
        interrupted += 1
    assert x.tobytes() == before, moment
print("restored" if interrupted else "never interrupted")
"""


class TestInPlace:
    """For functions that read the array from elsewhere."""

    x, t = np.linspace(0, 1, 20).reshape(5, 4), np.array([0, 1, 1, 0, 1])

    def test_the_books_network_is_warned_about_and_learns_as_the_warning_says(self) -> None:
        with pytest.warns(PrecisionWarning, match="seems to ignore its argument") as caught:
            zeros = TwoLayerNet().numerical_gradient(self.x, self.t)
        assert not any(grad.any() for grad in zeros.values())
        assert len(caught) == 4
        assert str(caught[0].message).endswith("call numerical_gradient(f, x, in_place=True)")
        book, net = TwoLayerNet(in_place=True), modnet.TwoLayerNet(4, 3, 2)
        net.params = {name: value.copy() for name, value in book.params.items()}
        exact = net.gradient(self.x, self.t)
        for name, grad in book.numerical_gradient(self.x, self.t).items():
            np.testing.assert_allclose(grad, exact[name], atol=1e-8)
            assert np.array_equal(book.params[name], net.params[name])

    @given(
        arrays(np.float64, array_shapes(min_dims=0, max_dims=3, max_side=3), elements=st.floats(-10, 10)),
        st.sampled_from([np.float32, np.float64]),
    )
    def test_it_is_the_gradient_of_copies_to_the_last_bit(self, values: np.ndarray, dtype: type) -> None:
        x = values.astype(dtype)
        before = x.tobytes()
        expected = numerical_gradient(squares, x, h=0.01)
        found = numerical_gradient(lambda _: squares(x), x, h=0.01, in_place=True)
        assert found.tobytes() == expected.tobytes()
        assert x.tobytes() == before

    @pytest.mark.parametrize("form", ["every second", "transposed", "0-d", "-0.0 and NaN"])
    def test_views_and_odd_numbers_are_restored(self, form: str) -> None:
        owner = np.array([[1.0, -0.0, 3.0], [np.nan if "NaN" in form else 4.0, 0.1, -2.0]])
        x = {"every second": owner[:, ::2], "transposed": owner.T, "0-d": owner[0, 1, ...]}.get(form, owner)
        before = owner.tobytes()
        gradient = numerical_gradient(lambda _: np.nansum(owner**2), x, in_place=True)
        np.testing.assert_allclose(gradient[~np.isnan(x)], 2 * x[~np.isnan(x)], atol=1e-8)
        assert owner.tobytes() == before

    @pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, ShapeError])
    @pytest.mark.parametrize("calls", [1, 2, 5])
    def test_the_array_is_restored_where_the_function_writes_and_raises(self, error: type, calls: int) -> None:
        x, made = np.array([1.0, 2.0, 4.0]), []

        def center(v: np.ndarray) -> object:
            v -= v.mean()
            made.append(1)
            if len(made) == calls and error is not ShapeError:
                raise error
            return v if len(made) == calls else squares(v)

        with pytest.raises(error):
            numerical_gradient(center, x, in_place=True)
        assert x.tolist() == [1.0, 2.0, 4.0]
        expected = numerical_gradient(lambda v: squares(v - v.mean()), x)
        assert np.array_equal(numerical_gradient(center, x, in_place=True), expected)

    @pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="there is no timer")
    def test_ctrl_c_at_any_time_leaves_the_array_as_it_was(self) -> None:
        done = subprocess.run([sys.executable, "-c", INTERRUPTED], capture_output=True, text=True, timeout=100)
        assert done.stdout == "restored\n", done.stderr

    @pytest.mark.parametrize(
        ("x", "found"),
        [
            (np.array([3, 4]), "an array of int64"),
            (np.broadcast_to(1.0, 3), "an array of float64, read-only"),
            ([1.0, 2.0], "list"),
            (3.0, "float"),
        ],
    )
    def test_what_cannot_be_moved_is_refused_and_the_advice_works(self, x: object, found: str) -> None:
        advice = r"make it x = np.array\(x, float\), and let f read that"
        with pytest.raises(SettingError, match=f"needs a writable array of floats, found {found}: {advice}"):
            numerical_gradient(lambda _: 0.0, x, in_place=True)
        x = np.array(x, float)
        numerical_gradient(lambda _: squares(x), x, in_place=True)

    def test_an_array_that_the_function_does_not_read(self) -> None:
        x = np.array([1.0, 2.0])
        with pytest.warns(PrecisionWarning, match="seems not to read the array x.*: pass the array that f reads"):
            numerical_gradient(lambda _: squares(x), x.copy(), in_place=True)


class TestConstantFunctions:
    @pytest.mark.parametrize("x", [3.0, 3, np.array(3.0), np.ones((2, 2)), np.ones(2, np.float32)])
    def test_a_function_that_seems_to_ignore_its_argument_is_warned_about_once(self, x: float) -> None:
        with pytest.warns(
            PrecisionWarning, match="f seems to ignore its argument, as it returns 7 .*: let f use"
        ) as seen:
            gradient = numerical_gradient(lambda _: 7.0, x, h=0.01)
        assert not np.any(gradient)
        assert [warning.filename for warning in seen] == [__file__]
        assert ("in_place" in str(seen[0].message)) == isinstance(x, np.ndarray)

    @pytest.mark.parametrize(
        ("f", "x"),
        [
            (lambda _: 7.0, np.empty((0, 2))),
            (lambda x: x**2, 0.0),
            (squares, np.zeros(3)),
            (lambda x: x[0], np.array([1.0, 2.0])),
            (lambda _: math.nan, np.ones(2)),
        ],
        ids=["an empty array", "a minimum", "a minimum of an array", "one of two entries is ignored", "not a number"],
    )
    def test_no_warning(self, f: Callable[[object], float], x: float) -> None:
        with warnings.catch_warnings(action="error"):
            numerical_gradient(f, x)


class TestGradientDescent:
    def test_the_books_example_reaches_the_minimum(self) -> None:
        end = gradient_descent(lambda x: x[0] ** 2 + x[1] ** 2, np.array([-3.0, 4.0]), lr=0.1, step_num=100)
        np.testing.assert_allclose(end, [-6.11110793e-10, 8.14814391e-10], atol=1e-11)

    def test_the_start_stays_as_it_is(self) -> None:
        start = np.array([[-3.0], [4.0]])
        gradient_descent(squares, start, lr=0.1, step_num=3)
        assert start.tolist() == [[-3.0], [4.0]]

    def test_integers_descend_as_floats(self) -> None:
        assert abs(gradient_descent(squares, np.array([-3, 4]), lr=0.1)).max() < 1e-8

    def test_a_number_descends_too(self) -> None:
        assert gradient_descent(lambda x: (x - 2) ** 2, 0, lr=0.1, step_num=200) == pytest.approx(2)

    def test_no_step_returns_the_start_as_a_new_array(self) -> None:
        start = np.array([1.0])
        end = gradient_descent(squares, start, step_num=0)
        assert end.tolist() == [1.0]
        assert end is not start
