"""Classification."""

from __future__ import annotations

from typing import Any, ClassVar, Self

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import column_or_1d, validate_data

from modnet import Array, SettingError, Task
from modnet_sklearn.base import ModnetEstimator, all_or_nothing

ROUNDING = 1e-4  # of the sum of a row's probabilities, in float32 as well


class ModnetClassifier(ClassifierMixin, ModnetEstimator):  # type: ignore[misc]
    """A network that classifies, as an estimator of scikit-learn.

    `hidden_layer_sizes` are the units of each hidden layer, with one `activation` or a list of one for each, and
    `output`, by default softmax. `layers` stand in their place, of rows of a `shape`. `loss`, `gradient` (how the
    gradient is estimated) and `optimizer` are names or parts; `learning_rate_init`, by default 0.003 of adam and its
    own of another, and `weight_decay` go with the name of an optimizer. `weight_init` and `bias_init` are those of
    `modnet.Network`, as are `dtype`, `array` and `device`.

    With `standardize` features get mean 0 and deviation 1. `class_weight` is "balanced" or a weight for each label.
    Mini-batches have `batch_size` rows, "auto" at most 100 of one size; `sampling` is "shuffle" or "replacement".
    Training makes `max_iter` epochs, by default 200, but 500 mini-batches at least and 10,000 at most. It ends where
    the training loss falls by less than `tol`, unless that is None, in each of `n_iter_no_change` epochs; with
    `early_stopping`, where the loss of a `validation_fraction` of the rows does, and it takes the best epoch's
    parameters. `callbacks` and `metrics` are lists of names or parts. More `blas_threads` change the last bits.

    `warm_start`, `random_state` and `verbose` are as in scikit-learn; a whole number is the seed of modnet's run.
    A setting of a part is a nested parameter, as `optimizer__lr`.

    >>> from sklearn.datasets import load_iris
    >>> from modnet.sklearn import ModnetClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> ModnetClassifier(8, max_iter=100, tol=None, random_state=0).fit(X, y).score(X, y) > 0.9
    True
    """

    _task: ClassVar[Task] = "classification"
    _output: ClassVar[str] = "softmax"
    _rate: ClassVar[float] = 0.003
    classes_: Array
    """The labels (K,), in the order of the network's outputs."""

    def __init__(
        self,
        hidden_layer_sizes: Any = (100,),
        *,
        activation: Any = "relu",
        output: Any = None,
        layers: Any = None,
        shape: Any = None,
        loss: Any = None,
        gradient: Any = "backpropagation",
        optimizer: Any = "adam",
        learning_rate_init: Any = None,
        weight_decay: float | None = None,
        weight_init: Any = "xavier",
        bias_init: Any = None,
        standardize: bool = True,
        class_weight: Any = None,
        batch_size: Any = "auto",
        sampling: str = "shuffle",
        max_iter: Any = None,
        tol: float | None = 1e-4,
        n_iter_no_change: int = 10,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        callbacks: Any = (),
        metrics: Any = (),
        dtype: str = "float64",
        array: str = "numpy",
        device: str | None = None,
        blas_threads: int = 1,
        warm_start: bool = False,
        random_state: Any = None,
        verbose: bool = False,
    ) -> None:
        super().__init__(
            hidden_layer_sizes,
            activation=activation,
            output=output,
            layers=layers,
            shape=shape,
            loss=loss,
            gradient=gradient,
            optimizer=optimizer,
            learning_rate_init=learning_rate_init,
            weight_decay=weight_decay,
            weight_init=weight_init,
            bias_init=bias_init,
            standardize=standardize,
            batch_size=batch_size,
            sampling=sampling,
            max_iter=max_iter,
            tol=tol,
            n_iter_no_change=n_iter_no_change,
            early_stopping=early_stopping,
            validation_fraction=validation_fraction,
            callbacks=callbacks,
            metrics=metrics,
            dtype=dtype,
            array=array,
            device=device,
            blas_threads=blas_threads,
            warm_start=warm_start,
            random_state=random_state,
            verbose=verbose,
        )
        self.class_weight = class_weight

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Train a network on rows (N, features) and their labels (N,), each row counted by its weight (N,)."""
        with all_or_nothing(self):
            X, y = self._check(X, y, reset=not (self.warm_start and hasattr(self, "classes_")))
            classes, t = np.unique(y, return_inverse=True)
            if self.warm_start and hasattr(self, "classes_") and not np.array_equal(classes, self.classes_):
                what = f"warm_start continues with the classes {self.classes_.tolist()}, and y has {classes.tolist()}"
                raise ValueError(f"{what}: give the same classes, or set warm_start=False")
            weights = self._check_weights(sample_weight, len(X))
            self.classes_ = classes
            self._fit(X, t, weights, classes.tolist(), class_weight=self._weigh_classes(t))
        return self

    def partial_fit(self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None) -> Self:
        """Train for one epoch on rows and labels; the first call needs all `classes` that there will be."""
        with all_or_nothing(self):
            is_first = not hasattr(self, "classes_")
            X, y = self._check(X, y, reset=is_first)
            if is_first and classes is None:
                raise ValueError("classes must be passed on the first call to partial_fit.")
            known = self.classes_ if classes is None else np.unique(np.asarray(classes))
            if not is_first and not np.array_equal(known, self.classes_):
                what = f"classes={known.tolist()} is not the same as on the last call"
                raise ValueError(f"{what}: {self.classes_.tolist()}")
            if len(unknown := np.setdiff1d(y, known)):
                raise ValueError(f"y has labels that are not in classes: {unknown.tolist()}")
            if self.class_weight == "balanced":
                what = "class_weight='balanced' needs all rows, and partial_fit sees some"
                raise ValueError(f"{what}: give a weight for each class, or sample_weight")
            weights = self._check_weights(sample_weight, len(X))
            self.classes_ = known
            of_class = self._weigh_classes(np.arange(len(known)))
            self._fit_part(X, np.searchsorted(known, y), weights, known.tolist(), class_weight=of_class)
        return self

    def _check(self, X: Any, y: Any, *, reset: bool) -> tuple[Array, Array]:
        """Return rows and labels as arrays."""
        X, y = validate_data(self, X, y, reset=reset, dtype=[np.float64, np.float32], multi_output=True)
        y = column_or_1d(y, warn=True)
        check_classification_targets(y)
        return X, y

    def _weigh_classes(self, t: Array) -> Any:
        """Return the weights of classes as modnet takes them, by their places."""
        if self.class_weight is None or self.class_weight == "balanced":
            return self.class_weight
        weights = compute_class_weight(self.class_weight, classes=self.classes_, y=self.classes_[t])
        return {str(place): float(weight) for place, weight in enumerate(weights)}

    def predict(self, X: Any) -> Array:
        """Return the label of each row (N,): that of the largest output."""
        scores = self._compute_outputs(X)
        found: Array = self.classes_[scores.argmax(axis=1)]
        return found

    def predict_proba(self, X: Any) -> Array:
        """Return the probability of each class (N, classes); raises SettingError where outputs are none."""
        y = self._compute_outputs(X)
        if (y < 0).any() or not (abs(y.sum(axis=1) - 1) < ROUNDING).all():
            what = "the network's outputs are no probabilities"
            raise SettingError([f"{what}: fit with output='softmax', or take predict"], "predict_proba")
        return y

    def predict_log_proba(self, X: Any) -> Array:
        """Return the logarithm of the probability of each class (N, classes)."""
        with np.errstate(divide="ignore"):
            found: Array = np.log(self.predict_proba(X))
        return found
