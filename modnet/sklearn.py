"""Estimators for scikit-learn, of the package `modnet_sklearn`."""

from modnet_sklearn import ModnetClassifier as ModnetClassifier
from modnet_sklearn import ModnetRegressor as ModnetRegressor

__all__ = ["ModnetClassifier", "ModnetRegressor"]
