"""Networks of modnet as estimators of scikit-learn."""

from modnet import MissingExtraError

try:
    from modnet_sklearn.classifier import ModnetClassifier
    from modnet_sklearn.regressor import ModnetRegressor
except ImportError as error:
    if (error.name or "").partition(".")[0] != "sklearn":  # not installed, or older than the extra asks for
        raise
    raise MissingExtraError("modnet.sklearn", "sklearn") from None

__all__ = ["ModnetClassifier", "ModnetRegressor"]
