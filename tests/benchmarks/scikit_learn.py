"""Benchmark of ModnetClassifier and ModnetRegressor beside scikit-learn's MLPs, on the examples of its documentation.

Both have their defaults, but for what the example sets. Times are of `fit` alone, with one thread of BLAS, in turns.
With --checks it lists scikit-learn's checks of estimators, and what came of each.

Usage: python tests/benchmarks/scikit_learn.py [--seeds N] [--checks]
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
import warnings
from collections.abc import Callable
from typing import Any

os.environ["OPENBLAS_NUM_THREADS"] = os.environ["OMP_NUM_THREADS"] = "1"
os.environ["SCIPY_ARRAY_API"] = "1"  # or one of the checks is skipped

import numpy as np
import sklearn
from sklearn import datasets
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import check_estimator

from modnet.sklearn import ModnetClassifier, ModnetRegressor

VERSIONS = f"scikit-learn {sklearn.__version__}, NumPy {np.__version__}"
Example = tuple[Callable[[int], Any], dict[str, Any], dict[str, Any]]  # data of a seed; settings of both


def make_linear(_: int) -> tuple[Any, Any]:
    """Return the linearly separable points of "Varying regularization in Multi-layer Perceptron"."""
    X, y = datasets.make_classification(
        n_features=2, n_redundant=0, n_informative=2, random_state=0, n_clusters_per_class=1
    )
    return X + 2 * np.random.RandomState(2).uniform(size=X.shape), y


ALPHA: tuple[dict[str, Any], ...] = ({"hidden_layer_sizes": (10, 10), "max_iter": 2000}, {"there": {"solver": "lbfgs"}})
CLASSIFIERS: dict[str, Example] = {
    "iris": (lambda _: datasets.load_iris(return_X_y=True), {}, {}),
    "wine": (lambda _: datasets.load_wine(return_X_y=True), {}, {}),
    "breast cancer": (lambda _: datasets.load_breast_cancer(return_X_y=True), {}, {}),
    "digits": (lambda _: datasets.load_digits(return_X_y=True), {}, {}),
    "make_classification": (
        lambda _: datasets.make_classification(n_samples=100, random_state=1),
        {"max_iter": 300},
        {},
    ),
    "moons": (lambda _: datasets.make_moons(noise=0.3, random_state=0), *ALPHA),
    "circles": (lambda _: datasets.make_circles(noise=0.2, factor=0.5, random_state=1), *ALPHA),
    "linearly separable": (make_linear, *ALPHA),
    "digits, sgd": (
        lambda _: datasets.load_digits(return_X_y=True),
        {"hidden_layer_sizes": (40,), "max_iter": 60, "learning_rate_init": 0.2},
        {"there": {"solver": "sgd"}, "here": {"optimizer": "nesterov"}},
    ),
}
REGRESSORS: dict[str, Example] = {
    "diabetes": (lambda _: datasets.load_diabetes(return_X_y=True), {}, {}),
    "make_regression": (
        lambda _: datasets.make_regression(n_samples=200, n_features=20, random_state=1),
        {"max_iter": 2000},
        {"there": {"tol": 0.1}},  # of targets as they are
    ),
}


def time_fit(model: Any, data: Any) -> tuple[float, float]:
    """Return the score on the test rows, and the seconds of `fit`."""
    X, X_test, y, y_test = data
    start = time.perf_counter()
    model.fit(X, y)
    return model.score(X_test, y_test), time.perf_counter() - start


def compare(examples: dict[str, Example], there: Any, here: Any, seeds: int) -> None:
    """Print a line for each example."""
    for name, (load, settings, own) in examples.items():
        X, y = load(0)
        scores: dict[str, list[float]] = {"as it is": [], "standardized": [], "modnet": []}
        times: dict[str, list[float]] = {kind: [] for kind in scores}
        for seed in range(seeds):
            data = train_test_split(X, y, random_state=seed, stratify=y if there is MLPClassifier else None)
            mlp = there(random_state=seed, **settings, **own.get("there", {}))
            models = {
                "as it is": mlp,
                "standardized": make_pipeline(StandardScaler(), sklearn.clone(mlp)),
                "modnet": here(random_state=seed, **settings, **own.get("here", {})),
            }
            for kind, model in models.items():
                score, taken = time_fit(model, data)
                scores[kind].append(score)
                times[kind].append(taken)
        means = "".join(f"{statistics.mean(scores[kind]):>14.3f}" for kind in scores)
        seconds = statistics.median(times["modnet"])
        ratios = [seconds / statistics.median(times[kind]) for kind in ("as it is", "standardized")]
        print(f"{name:<22}{means}{seconds:>9.2f}{ratios[0]:>9.2f}{ratios[1]:>9.2f}", flush=True)


def list_checks() -> None:
    """Print scikit-learn's checks of both estimators, and what came of each."""
    for cls in (ModnetClassifier, ModnetRegressor):
        found = check_estimator(cls(), on_fail=None, on_skip=None)
        passed = sum(check["status"] == "passed" for check in found)
        print(f"{cls.__name__}, {VERSIONS}: {passed} of {len(found)} passed")
        for check in found:
            print(
                f"  {check['status']:<8}{check['check_name']}", *[check["exception"]] * (check["exception"] is not None)
            )


def main() -> None:
    """Print the table, or the checks."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--checks", action="store_true")
    asked = parser.parse_args()
    warnings.simplefilter("ignore")
    if asked.checks:
        list_checks()
        return
    print(f"{VERSIONS}; scores on a quarter of the rows, {asked.seeds} seeds")
    print(f"{'':<22}{'MLP as it is':>14}{'standardized':>14}{'modnet':>14}{'seconds':>9}{'x first':>9}{'x second':>9}")
    compare(CLASSIFIERS, MLPClassifier, ModnetClassifier, asked.seeds)
    compare(REGRESSORS, MLPRegressor, ModnetRegressor, asked.seeds)


if __name__ == "__main__":
    main()
