"""False alarms and misses of checkers of derivatives, on 200 functions.

Usage: python tests/benchmarks/derivative_checkers.py [--names] [--hindsight] [--near N]

Beside modnet.testing.assert_gradient: torch.autograd.gradcheck, scipy.optimize.check_grad, jax.test_util.check_grads,
as they are installed, each on the functions of tests/testing/functions_right_and_wrong.py in its own form. All
but modnet get parameters in double precision, which gradcheck asks for. --hindsight tries other steps and tolerances
of the others, one setting for all functions, and shows the one with the fewest mistakes. --near tries modnet on right
functions at N places near each.
"""

from __future__ import annotations

import argparse
import itertools
import sys
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

sys.path.append(str(Path(__file__).parents[1] / "testing"))

from functions_right_and_wrong import RIGHT, WRONG, Case, one_entry

import modnet

Accepts = Callable[..., bool]
# SciPy's documentation names no threshold; its own tests compare with 0 to 7 decimals.
SCIPY_THRESHOLD = 1.5e-7


def modnet_accepts(case: Case) -> bool:
    """Return whether modnet's assertion passes."""
    try:
        modnet.testing.assert_gradient(case.f, case.grad, case.x)
    except AssertionError:
        return False
    return True


def make_torch() -> Accepts:
    """Return whether torch.autograd.gradcheck passes, of a function of torch's autograd."""
    import torch

    def accepts(case: Case, **settings: Any) -> bool:
        class Function(torch.autograd.Function):
            @staticmethod
            def forward(ctx: Any, x: Any) -> Any:
                ctx.save_for_backward(x)
                return torch.as_tensor(np.float64(case.f(x.detach().numpy())))

            @staticmethod
            def backward(ctx: Any, dz: Any) -> Any:
                return dz * torch.as_tensor(np.asarray(case.grad(ctx.saved_tensors[0].numpy()), np.float64))

        x = torch.tensor(case.x.astype(np.float64), requires_grad=True)
        return bool(torch.autograd.gradcheck(Function.apply, (x,), raise_exception=False, **settings))

    return accepts


def make_jax() -> Accepts:
    """Return whether jax.test_util.check_grads passes, of a function with a VJP of its own."""
    import jax
    from jax.test_util import check_grads

    jax.config.update("jax_enable_x64", True)

    def accepts(case: Case, **settings: Any) -> bool:
        x = jax.numpy.asarray(case.x.astype(np.float64))
        number, array = jax.ShapeDtypeStruct((), np.float64), jax.ShapeDtypeStruct(x.shape, np.float64)

        @jax.custom_vjp
        def function(x: Any) -> Any:
            return jax.pure_callback(lambda x: np.float64(case.f(np.array(x))), number, x)

        def backward(x: Any, dz: Any) -> Any:
            grad = jax.pure_callback(lambda x: np.asarray(case.grad(np.array(x)), np.float64), array, x)
            return (dz * grad,)

        function.defvjp(lambda x: (function(x), x), backward)
        try:
            check_grads(function, (x,), order=1, modes=["rev"], **settings)
        except AssertionError:
            return False
        return True

    return accepts


def measure_scipy(case: Case) -> tuple[float, float]:
    """Return what scipy.optimize.check_grad gives, and the length of the derivative."""
    from scipy.optimize import check_grad

    shape = case.x.shape
    x = case.x.astype(np.float64).ravel()

    def grad(x: Any) -> Any:
        return np.asarray(case.grad(x.reshape(shape)), np.float64).ravel()

    error = check_grad(lambda x: float(case.f(x.reshape(shape))), grad, x)
    return float(error), float(np.linalg.norm(grad(x)))


def scipy_accepts(case: Case, threshold: float = SCIPY_THRESHOLD) -> bool:
    """Return whether the error of scipy.optimize.check_grad is below a threshold."""
    return measure_scipy(case)[0] < threshold


def list_checkers() -> Iterator[tuple[str, Accepts, Mapping[str, list[float]]]]:
    """Yield the name of each checker that is installed, the checker, and settings that are tried in hindsight."""
    yield "modnet.testing.assert_gradient", modnet_accepts, {}
    if find_spec("torch"):
        grid = {"eps": [1e-4, 1e-5, 1e-6, 1e-7], "atol": [1e-3, 1e-5, 1e-7, 1e-9], "rtol": [1e-2, 1e-3, 1e-4]}
        yield "torch.autograd.gradcheck", make_torch(), grid
    yield "scipy.optimize.check_grad", scipy_accepts, {"threshold": [10.0**e for e in range(-9, 5)]}
    if find_spec("jax"):
        grid = {"eps": [1e-4, 1e-5], "atol": [1e-5, 1e-8], "rtol": [1e-3, 1e-5]}  # each takes more than a minute
        yield "jax.test_util.check_grads", make_jax(), grid


def count(accepts: Accepts, settings: Mapping[str, float], *, names: bool = False) -> tuple[Counter[str], Counter[str]]:
    """Return false alarms and misses by group."""
    counts: tuple[Counter[str], Counter[str]] = Counter(), Counter()
    for kind, cases in enumerate((RIGHT, WRONG)):
        for case in cases:
            is_accepted = accepts(case.copy(), **settings)
            if is_accepted == bool(kind):
                counts[kind][case.group] += 1
                print(f"  {'miss' if kind else 'false alarm'}: {case.group}: {case.name}") if names else None
    return counts


def find_best(
    accepts: Accepts, grid: Mapping[str, list[float]]
) -> tuple[dict[str, float], tuple[Counter[str], Counter[str]]]:
    """Return the settings with the fewest mistakes, and these."""
    tried = [dict(zip(grid, values, strict=True)) for values in itertools.product(*grid.values())]
    found = [(settings, count(accepts, settings)) for settings in tried]
    return min(found, key=lambda pair: sum(each.total() for each in pair[1]))


def format_counts(counts: tuple[Counter[str], Counter[str]]) -> str:
    """Return false alarms and misses in words."""
    groups = [
        f"{sum(each[group] for each in counts)} {group}"
        for group in dict.fromkeys(case.group for case in RIGHT + WRONG)
        if any(each[group] for each in counts)
    ]
    alarms, misses = (each.total() for each in counts)
    return f"{alarms:3} false alarms, {misses:3} misses" + (f": {', '.join(groups)}" if groups else "")


def try_places(places: int) -> tuple[Counter[str], Counter[str]]:
    """Return modnet's false alarms at places near those of the right functions, and misses of one entry 2 % off.

    Entries count that make a thousandth of the largest change, or in float32 and with noise, where 2 % of that is
    nothing, three tenths.
    """
    draw, alarms, misses = np.random.default_rng(0), Counter[str](), Counter[str]()
    for case in RIGHT:
        for _ in range(places):
            x = (case.x * (1 + 0.1 * draw.uniform(-1, 1, case.x.shape))).astype(case.x.dtype)
            alarms[case.name] += not modnet.check_derivative(case.f, case.grad, x)
            weights = (np.abs(case.grad(x)) * np.maximum(np.abs(x), 1e-6)).ravel()
            if weights.any():
                entry = int(weights.argmax()) if draw.random() < 0.5 else int(draw.choice(weights.size))
                bad = one_entry(case.grad, entry, 1.02)
                least = 0.3 if case.group in {"float32", "noise"} else 1e-3
                misses[case.name] += weights[entry] > least * weights.max() and bool(
                    modnet.check_derivative(case.f, bad, x)
                )
    return +alarms, +misses


def main() -> None:
    """Print a line for each checker."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--names", action="store_true", help="name each false alarm and miss")
    parser.add_argument("--hindsight", action="store_true", help="try other settings of the others")
    parser.add_argument("--near", type=int, default=0, help="places near each right function")
    asked = parser.parse_args()
    warnings.simplefilter("ignore")
    np.seterr(all="ignore")
    print(f"{len(RIGHT)} right and {len(WRONG)} wrong functions")
    for name, accepts, grid in list_checkers():
        start = time.perf_counter()
        counts = count(accepts, {}, names=asked.names)
        print(f"{name:31} {format_counts(counts)} ({time.perf_counter() - start:.0f} s)")
        if asked.hindsight and grid:
            settings, best = find_best(accepts, grid)
            print(f"  in hindsight {settings}: {format_counts(best)}")
    if asked.near:
        alarms, misses = try_places(asked.near)
        print(f"modnet at {len(RIGHT) * asked.near} places near: {alarms.total()} false alarms {dict(alarms)},")
        print(f"  {misses.total()} misses of one entry 2 % off {dict(misses)}")


if __name__ == "__main__":
    main()
