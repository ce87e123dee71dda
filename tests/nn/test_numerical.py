"""numerical_gradient and gradient_descent, for any function of any array."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from modnet import SettingError, ShapeError, gradient_descent, numerical_gradient


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
        numerical_gradient(lambda x: seen.append(x) or 0.0, 1.0, h=0.25)
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

    def test_complex_numbers_are_refused(self) -> None:
        with pytest.raises(ShapeError, match="real numbers, found an array of complex128"):
            numerical_gradient(squares, np.array([1j]))


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
