"""Verdicts on derivatives of any functions."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import functions_right_and_wrong
import numpy as np
import pytest
from scipy import optimize

import modnet
from modnet.testing import assert_gradient

sys.path.append(str(Path(__file__).parents[1] / "benchmarks"))

import derivative_checkers

X = np.array([1.0, 2.0, -0.5])


def report(check: modnet.DerivativeCheck) -> str:
    """Return a report in one line."""
    return " ".join(str(check).split())


def cube(x: Any) -> Any:
    return (x**3).sum()


def cube_grad(x: Any) -> Any:
    return 3 * x**2


@pytest.mark.filterwarnings("ignore")  # of functions that are evaluated at large steps
class TestRightAndWrongFunctions:
    @pytest.mark.parametrize("case", functions_right_and_wrong.RIGHT, ids=lambda case: case.name)
    def test_a_right_derivative_passes(self, case: functions_right_and_wrong.Case) -> None:
        check = modnet.check_derivative(case.f, case.grad, case.x)
        assert check, str(check)

    @pytest.mark.parametrize("case", functions_right_and_wrong.WRONG, ids=lambda case: case.name)
    def test_a_wrong_derivative_fails(self, case: functions_right_and_wrong.Case) -> None:
        check = modnet.check_derivative(case.f, case.grad, case.x.copy())
        assert not check, str(check)

    @pytest.mark.check
    def test_at_places_near_nothing_is_mistaken(self) -> None:
        assert derivative_checkers.try_places(3) == ({}, {})

    def test_there_are_100_of_each_and_the_wrong_ones_are_off(self) -> None:
        assert len(functions_right_and_wrong.RIGHT) == len(functions_right_and_wrong.WRONG) == 100
        for case in functions_right_and_wrong.WRONG:
            if case.twin:
                right, wrong = (np.asarray(g(case.x), float) for g in (case.twin, case.grad))
                size = np.abs(right) if "mixed" in case.name else np.abs(right).max() or 1.0
                assert (np.abs(wrong - right) > 1e-5 * size).any(), case.name


class TestVerdicts:
    def test_place_size_and_slopes_of_a_wrong_entry(self) -> None:
        check = modnet.check_derivative(cube, lambda x: cube_grad(x) * [1, 1.03, 1], X)
        worst = check.worst
        assert (check.verdict, worst.place, worst.index, len(check.entries)) == ("wrong", "x[1]", (1,), 1)
        assert worst.size == pytest.approx(0.03, rel=1e-6)
        assert (worst.given, worst.slope) == (pytest.approx(12.36), pytest.approx(12.0))
        assert not check.passed

    def test_each_wrong_entry_has_a_verdict_with_its_own_sign(self) -> None:
        x = np.linspace(-2, 3, 12)
        check = modnet.check_derivative(cube, lambda x: -cube_grad(x), x)
        assert len(check.entries) == 12
        for verdict in check.entries:
            assert verdict.index is not None
            assert verdict.slope == pytest.approx(3 * x[verdict.index] ** 2, rel=1e-6)
            assert verdict.given == pytest.approx(-verdict.slope, rel=1e-6)

    def test_a_kink_passes_and_a_jump_does_not(self) -> None:
        assert modnet.check_derivative(abs, np.sign, 0.0).verdict == "kink"
        assert modnet.check_derivative(abs, np.sign, 0.0)
        assert not modnet.check_derivative(lambda x: x > 0, lambda x: 0.0, 0.0)

    def test_the_worst_is_what_does_not_pass(self) -> None:
        verdicts = tuple(
            modnet.Verdict(verdict=word, part="derivative", parameter=name, size=0.1, explanation="why")
            for name, word in (("a", "kink"), ("b", "too noisy"), ("c", "correct"))
        )
        check = modnet.DerivativeCheck(verdicts=verdicts, shapes={})
        assert not check
        assert (check.verdict, check.worst.parameter) == ("too noisy", "b")

    def test_what_differences_cannot_see_is_too_noisy(self) -> None:
        noise = lambda x: 1e-2 * np.sin(1e15 * x.sum())  # noqa: E731
        check = modnet.check_derivative(lambda x: 1e-3 * cube(x) + noise(x), lambda x: 1e-3 * cube_grad(x), X)
        assert check.verdict == "too noisy"
        assert not check

    def test_a_derivative_that_approximates_passes_within_rtol(self) -> None:
        def near(x: Any) -> Any:
            return cube_grad(x) * (1 + 1e-6)

        assert not modnet.check_derivative(cube, near, X)
        assert modnet.check_derivative(cube, near, X, rtol=1e-5)
        assert not modnet.check_derivative(cube, lambda x: 1.001 * cube_grad(x), X, rtol=1e-5)
        assert_gradient(cube, near, X, rtol=1e-5)

    def test_what_rounding_leaves_of_a_slope_of_0_is_right(self) -> None:
        data = np.random.default_rng(0).standard_normal((8, 2))

        def f(bias: Any) -> Any:  # of which a normalization takes the mean away
            a = data + bias
            return np.tanh((a - a.mean(axis=0)) / a.std(axis=0)).sum()

        assert modnet.check_derivative(f, lambda bias: 0 * bias, [0.3, 0.2])
        assert modnet.check_derivative(f, lambda bias: 1e-17 + 0 * bias, [0.3, 0.2])
        assert not modnet.check_derivative(f, lambda bias: 1e-3 + 0 * bias, [0.3, 0.2])

    def test_chance_and_memory(self) -> None:
        draw, calls = np.random.default_rng(0), [0]

        def count(x: Any) -> Any:
            calls[0] += 1
            return cube(x) + calls[0]

        for f in (lambda x: cube(x) + 1e-5 * draw.normal(), count):
            assert modnet.check_derivative(f, cube_grad, X).verdict == "not deterministic"
        last = [X]

        def remember(x: Any) -> Any:
            last.append(x)
            return cube(x)

        check = modnet.check_derivative(remember, lambda x: cube_grad(last[-1]), X)
        assert check.verdict == "not deterministic"
        assert "called again after f at other parameters" in report(check)

    def test_a_function_that_writes_into_its_argument(self) -> None:
        def f(x: Any) -> Any:
            x *= 2
            return x.sum()

        x = X.copy()
        check = modnet.check_derivative(f, lambda x: np.full(3, 2.0), x)
        assert "f writes into x, which it was given" in report(check)
        np.testing.assert_array_equal(x, X)

    def test_a_derivative_that_its_next_call_overwrites(self) -> None:
        out = np.empty(3)
        check = modnet.check_derivative(cube, lambda x: np.multiply(3 * x, x, out=out), X)
        assert "grad returns an array that its next call overwrites" in report(check)

    @pytest.mark.parametrize(
        ("grad", "words"),
        [
            (lambda x: np.full(3, np.nan), "it is nan"),
            (lambda x: np.ones(2), "x: it has shape (2,), not (3,)"),
            (lambda x: np.ones((3, 3)), "x: it has shape (3, 3), not (3,)"),
            (lambda x: 1j * x, "x is an array of complex128: real numbers are expected"),
            (lambda x: "no", "x is an array of <U2: real numbers are expected"),
        ],
    )
    def test_what_is_no_derivative(self, grad: Any, words: str) -> None:
        check = modnet.check_derivative(cube, grad, X)
        assert check.verdict == "wrong"
        assert words in report(check)


class TestPrecision:
    def test_a_function_in_float32_is_judged_by_what_it_can_tell(self) -> None:
        def f(x: Any) -> float:
            return float(np.sin(x.astype(np.float32)).sum())

        check = modnet.check_derivative(f, np.cos, X)
        assert (check.verdict, check.dtype) == ("correct", "float32")
        assert modnet.check_derivative(f, lambda x: 1.02 * np.cos(x), X).verdict == "wrong"

    def test_float32_within_and_a_sum_in_float64(self) -> None:
        def f(x: Any) -> float:
            return float(np.sin(x.astype(np.float32)).astype(np.float64).sum())

        assert modnet.check_derivative(f, np.cos, X)
        assert not modnet.check_derivative(f, lambda x: 1.05 * np.cos(x), X)

    def test_parameters_in_float32_are_judged_in_float64_where_the_function_follows_them(self) -> None:
        check = modnet.check_derivative(cube, lambda x: np.float32(1.0001) * cube_grad(x), X.astype(np.float32))
        assert (check.verdict, check.dtype) == ("wrong", "float32")
        assert modnet.check_derivative(cube, cube_grad, X.astype(np.float32))

    def test_a_derivative_returned_in_float32_is_not_wrong_for_its_last_bits(self) -> None:
        assert modnet.check_derivative(cube, lambda x: cube_grad(x).astype(np.float32), X)


class TestForms:
    def test_numbers_lists_and_scalars_of_numpy(self) -> None:
        seen: list[Any] = []
        assert modnet.check_derivative(lambda x: seen.append(x) or x**3, lambda x: 3 * x**2, 2.0)
        assert {type(x) for x in seen} == {float}
        assert modnet.check_derivative(lambda x: x**3, lambda x: 3 * x**2, 2)
        assert modnet.check_derivative(lambda x: x**3, lambda x: 3 * x**2, np.float32(2))
        assert modnet.check_derivative(cube, cube_grad, [1.0, 2.0])
        assert modnet.check_derivative(cube, cube_grad, [[1, 2], [3, 4]])

    def test_dicts_of_arrays(self) -> None:
        params = {"W": np.ones((2, 3)), "b": np.array([0.3, 0.1])}
        f = lambda p: np.tanh(p["W"].sum(axis=1) + p["b"]).sum()  # noqa: E731

        def grad(p: Any) -> Any:
            slope = 1 - np.tanh(p["W"].sum(axis=1) + p["b"]) ** 2
            return {"W": np.repeat(slope[:, np.newaxis], 3, axis=1), "b": slope}

        assert modnet.check_derivative(f, grad, params)
        check = modnet.check_derivative(f, lambda p: {**grad(p), "b": 2 * grad(p)["b"]}, params)
        assert [(v.parameter, v.verdict) for v in check.verdicts] == [("W", "correct"), ("b", "wrong")]
        assert "it is missing" in report(modnet.check_derivative(f, lambda p: {"W": grad(p)["W"]}, params))
        assert "'c', which is no parameter" in report(modnet.check_derivative(f, lambda p: {**grad(p), "c": 1}, params))

    def test_a_tuple_is_several_arguments_and_integers_are_not_moved(self) -> None:
        def f(a: Any, b: Any, n: int) -> Any:
            return n * (a * b).sum()

        params = (np.ones(3), np.arange(3.0), 4)
        check = modnet.check_derivative(f, lambda a, b, n: (n * b, n * a, None), params)
        assert check
        assert check.fixed == ("params[2]",)
        assert "not judged, as only floats are: params[2]" in report(check)
        wrong = modnet.check_derivative(f, lambda a, b, n: (n * b, a, None), params)
        assert wrong.worst.parameter == "params[1]"
        assert "return as many arrays" in report(modnet.check_derivative(f, lambda a, b, n: n * b, params))

    def test_nested_lists_and_dicts(self) -> None:
        params = [{"w": np.array([1.0, 2.0])}, {"w": np.array([3.0])}]
        f = lambda p: cube(p[0]["w"]) * p[1]["w"][0]  # noqa: E731
        good = lambda p: [{"w": cube_grad(p[0]["w"]) * p[1]["w"]}, {"w": [cube(p[0]["w"])]}]  # noqa: E731
        assert modnet.check_derivative(f, good, params)
        bad = modnet.check_derivative(f, lambda p: [good(p)[0], {"w": [1.0]}], params)
        assert bad.worst.place == "params[1]['w'][0]"

    def test_value_and_gradient_in_one(self) -> None:
        assert modnet.check_derivative(lambda x: (cube(x), cube_grad(x)), True, X)
        assert not modnet.check_derivative(lambda x: (cube(x), x), True, X)

    def test_a_gradient_that_is_there_already(self) -> None:
        assert modnet.check_derivative(cube, cube_grad(X), X)
        assert not modnet.check_derivative(cube, X, X)

    def test_jacobians(self) -> None:
        f = lambda x: np.array([x[0] * x[1], np.sin(x[2]), x[0]])  # noqa: E731

        def jac(x: Any) -> Any:
            return np.array([[x[1], x[0], 0], [0, 0, np.cos(x[2])], [1, 0, 0]])

        assert modnet.check_derivative(f, jac, X)
        check = modnet.check_derivative(f, lambda x: np.add(jac(x), [[0, 0, 0], [0, 0, 0.1], [0, 0, 0]]), X)
        assert (check.worst.index, check.worst.output) == ((2,), (1,))
        assert "x[2], output [1]" in report(check)
        assert modnet.check_derivative(f, lambda x: jac(x).T, X).verdict == "wrong"

    def test_an_entry_of_a_large_jacobian(self) -> None:
        a = np.random.default_rng(0).standard_normal((150, 80)) / 9

        def jac(x: Any) -> Any:
            return (1 - np.tanh(a @ x) ** 2)[:, np.newaxis] * a

        def bad(x: Any) -> Any:
            found = jac(x)
            found[123, 77] *= 1.01
            return found

        at = np.linspace(-1, 1, 80)
        assert modnet.check_derivative(lambda x: np.tanh(a @ x), jac, at)
        worst = modnet.check_derivative(lambda x: np.tanh(a @ x), bad, at).worst
        assert (worst.index, worst.output) == ((77,), (123,))
        assert worst.size == pytest.approx(0.01, rel=1e-3)

    def test_scipys_fun_and_jac(self) -> None:
        assert modnet.check_derivative(optimize.rosen, optimize.rosen_der, [1.3, 0.7, 0.8])
        assert modnet.check_derivative(optimize.rosen_der, optimize.rosen_hess, [1.3, 0.7, 0.8])

    def test_the_callers_arrays_stay_as_they_are(self) -> None:
        x = X.copy()
        x.setflags(write=False)
        assert modnet.check_derivative(cube, cube_grad, x)

    def test_arrays_of_another_library(self) -> None:
        xp = pytest.importorskip("array_api_strict")
        x = xp.asarray([1.0, 2.0])
        seen: list[Any] = []
        assert modnet.check_derivative(lambda x: seen.append(x) or xp.sum(x**3), lambda x: 3 * x**2, x)
        assert {type(each) for each in seen} == {type(x)}


class TestTorch:
    """Of a library that the tests do not install."""

    def test_autograd_functions(self) -> None:
        torch = pytest.importorskip("torch")

        def make(factor: float) -> Any:
            class Cube(torch.autograd.Function):
                @staticmethod
                def forward(ctx: Any, x: Any) -> Any:
                    ctx.save_for_backward(x)
                    return x**3

                @staticmethod
                def backward(ctx: Any, dz: Any) -> Any:
                    return factor * ctx.saved_tensors[0] ** 2 * dz

            return Cube.apply

        for dtype in (torch.float32, torch.float64):
            x = torch.tensor([[1.0, 2.0], [-1.0, 0.5]], dtype=dtype)
            assert modnet.check_derivative(make(3.0), None, x)
            worst = modnet.check_derivative(make(3.1), None, x).worst
            assert worst.verdict == "wrong"
            assert worst.index == worst.output
        assert not x.requires_grad

    def test_parameters_of_a_model(self) -> None:
        torch = pytest.importorskip("torch")
        torch.manual_seed(0)
        model = torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.ReLU(), torch.nn.Linear(3, 2))
        x, t = torch.randn(5, 4), torch.tensor([0, 1, 1, 0, 1])

        def loss(params: Any) -> Any:
            return torch.nn.functional.cross_entropy(torch.func.functional_call(model, params, x), t)

        before = [parameter.detach().clone() for parameter in model.parameters()]
        check = modnet.check_derivative(loss, None, dict(model.named_parameters()))
        assert check, str(check)
        assert [verdict.parameter for verdict in check.verdicts] == ["0.weight", "0.bias", "2.weight", "2.bias"]
        assert all(map(torch.equal, before, model.parameters()))

    def test_only_what_requires_a_gradient_is_moved_and_functions_get_tensors(self) -> None:
        torch = pytest.importorskip("torch")
        w, x = torch.tensor([1.0, 2.0], requires_grad=True), torch.tensor([3.0, 4.0])
        check = modnet.check_derivative(lambda w, x: (torch.tanh(w) * x).sum(), None, (w, x))
        assert check
        assert check.fixed == ("params[1]",)
        assert modnet.check_derivative(lambda x: (x**2).sum(), lambda x: 2 * x, x)
        assert modnet.check_derivative(lambda x: (x**2).sum(), torch.func.grad(lambda x: (x**2).sum()), x)
        assert not modnet.check_derivative(lambda x: (x.detach() ** 2).sum(), None, x)


def test_jax() -> None:
    jax = pytest.importorskip("jax")
    f = lambda p: jax.numpy.tanh(p[0]["w"] @ p[1] + 1).sum()  # noqa: E731
    params = [{"w": jax.numpy.ones((2, 3)) / 5}, jax.numpy.arange(3.0)]
    assert modnet.check_derivative(f, jax.grad(f), params)
    assert modnet.check_derivative(jax.value_and_grad(f), True, params)
    assert not modnet.check_derivative(f, lambda p: jax.tree.map(lambda g: 1.1 * g, jax.grad(f)(p)), params)
    check = modnet.check_derivative(jax.numpy.sin, jax.grad(jax.numpy.sin), 1.2)  # float32 within
    assert (check.verdict, check.dtype) == ("correct", "float32")


class TestErrors:
    @pytest.mark.parametrize(
        ("f", "grad", "params", "words"),
        [
            (cube, cube_grad, "no", "params has no real numbers, it is str"),
            (cube, cube_grad, np.ones(2) * 1j, "real numbers are expected"),
            (cube, cube_grad, np.array([1.0, np.nan]), "x has a number that is not finite"),
            (lambda x: np.inf, cube_grad, X, "f is inf at these parameters"),
            (lambda x: np.ones(0), cube_grad, X, "f returns an empty array"),
            (lambda x: None, cube_grad, X, "what f returns is an array of object"),
            (lambda x: (cube(x), 1), cube_grad, X, "pass grad=True"),
            (6.875, cube_grad, X, "f must be a function, it is float"),
            (cube, True, X, "f must return its value and its gradient"),
            (cube, None, X, "pass tensors, or the gradient as grad"),
        ],
    )
    def test_a_call_that_cannot_be_judged(self, f: Any, grad: Any, params: Any, words: str) -> None:
        with pytest.raises((modnet.ShapeError, modnet.SettingError), match=r"^[^\n]*$") as caught:
            modnet.check_derivative(f, grad, params)
        assert words in str(caught.value)

    @pytest.mark.parametrize("rtol", [-1e-6, 1.0, float("nan"), "a", None, True])
    def test_a_tolerance_that_is_none(self, rtol: Any) -> None:
        with pytest.raises(modnet.SettingError, match=r"^check_derivative: 'rtol' must be a number from 0 to"):
            modnet.check_derivative(cube, lambda x: 9 * x**2, X, rtol=rtol)

    def test_errors_of_the_function_are_its_own(self) -> None:
        def fails(x: Any) -> Any:
            raise ZeroDivisionError("mine")

        with pytest.raises(ZeroDivisionError, match="mine"):
            modnet.check_derivative(fails, cube_grad, X)
        with pytest.raises(ZeroDivisionError, match="mine"):
            modnet.check_derivative(cube, fails, X)

    def test_a_function_may_refuse_what_is_out_of_its_domain(self) -> None:
        def f(x: Any) -> Any:
            if x <= 0:
                raise ValueError("x must be positive")
            return np.log(x)

        assert modnet.check_derivative(f, lambda x: 1 / x, 1e-5)


class TestAssertGradient:
    def test_it_says_where_and_by_how_much(self) -> None:
        with pytest.raises(AssertionError) as caught:
            assert_gradient(cube, lambda x: cube_grad(x) * [1, 1.03, 1], X)
        lines = str(caught.value).splitlines()
        assert lines[0].startswith("wrong: derivative, x[1]: 12.36 is given, the slope is 12 (relative error 0.03)")
        assert lines[1].startswith("given 12.36, expected 12, from a step of ")
        assert lines[2] == "Correct the derivative at the place that is named, or the function."

    def test_it_passes_what_is_right(self) -> None:
        assert_gradient(cube, cube_grad, X)
        assert_gradient(abs, np.sign, 0.0)

    @pytest.mark.parametrize("name", ["noise", "chance", "jump"])
    def test_what_is_not_confirmed_fails_with_advice(self, name: str) -> None:
        draw = np.random.default_rng(0)
        f, words = {
            "noise": (lambda x: 1e-3 * np.sin(x) + 1e-2 * np.sin(1e15 * x), "Nothing was confirmed"),
            "chance": (lambda x: x + draw.normal(), "Fix the seed"),
            "jump": (lambda x: np.floor(x), "The function jumps here"),
        }[name]
        with pytest.raises(AssertionError, match=words):
            assert_gradient(f, lambda x: 1e-3, 1.0)


def test_the_report_fits_into_80_columns_and_names_some_wrong_entries() -> None:
    params = {"weights of the first layer": np.linspace(0.1, 2, 40).reshape(8, 5), "b": X}
    f = lambda p: sum(cube(value) for value in p.values())  # noqa: E731
    found = str(modnet.check_derivative(f, dict, params))
    assert max(map(len, found.splitlines())) <= 80
    assert "and 34 more" in found
