"""Regression."""

from __future__ import annotations

from typing import Any, ClassVar, Self

import numpy as np
from sklearn.base import RegressorMixin
from sklearn.utils.validation import column_or_1d, validate_data

from modnet import Array, Task
from modnet_sklearn.base import ModnetEstimator, all_or_nothing


class ModnetRegressor(RegressorMixin, ModnetEstimator):  # type: ignore[misc]
    """A network that predicts numbers, as an estimator of scikit-learn.

    Its parameters are those of `ModnetClassifier`, without `class_weight`. Targets are learned standardized; `output`
    is by default identity, `loss` mean-squared-error, and the learning rate of adam 0.001.

    >>> from sklearn.datasets import load_diabetes
    >>> from modnet.sklearn import ModnetRegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> ModnetRegressor(8, random_state=0).fit(X, y).predict(X[:2]).shape
    (2,)
    """

    _task: ClassVar[Task] = "regression"
    _output: ClassVar[str] = "identity"
    _rate: ClassVar[float] = 0.001

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Train a network on rows (N, features) and numbers (N,) or (N, targets), each row counted by its weight."""
        with all_or_nothing(self):
            X, y = self._check(X, y, reset=not (self.warm_start and hasattr(self, "network_")))
            self._fit(X, y, self._check_weights(sample_weight, len(X)), ())
        return self

    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Train for one epoch on rows and numbers."""
        with all_or_nothing(self):
            X, y = self._check(X, y, reset=not hasattr(self, "network_"))
            self._fit_part(X, y, self._check_weights(sample_weight, len(X)), ())
        return self

    def _check(self, X: Any, y: Any, *, reset: bool) -> tuple[Array, Array]:
        """Return rows and targets (N, targets) as arrays."""
        X, y = validate_data(self, X, y, reset=reset, dtype=[np.float64, np.float32], multi_output=True, y_numeric=True)
        y = column_or_1d(y, warn=True) if y.ndim == 2 and y.shape[1] == 1 else y
        y = np.asarray(y, np.float64).reshape(len(X), -1)
        if not reset and y.shape[1] != self.network_.outputs:
            raise ValueError(f"y has {y.shape[1]} targets, and {self.network_.outputs} were learned before")
        return X, y

    def predict(self, X: Any) -> Array:
        """Return the predicted numbers in the unit of the targets: (N,), or (N, targets) of several."""
        found = self._compute_outputs(X)
        return found[:, 0] if found.shape[1] == 1 else found

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
