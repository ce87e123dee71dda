"""The common base of both estimators: parameters, training and prediction."""

from __future__ import annotations

import copy
import math
import multiprocessing
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from numbers import Integral, Real
from typing import Any, ClassVar, Self

import attrs
import numpy as np
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning, InconsistentVersionWarning
from sklearn.preprocessing import StandardScaler
from sklearn.utils.validation import check_array, check_is_fitted, check_random_state, validate_data

import modnet
from modnet import Array, Checkpoint, Dataset, History, Network, Run
from modnet_sklearn.nested import MAKERS, list_nested, make_parts, replace_nested

BATCH = 100  # rows of a mini-batch, and below the bounds of iterations: those of modnet's default experiment for tables
EPOCHS, FEWEST, MOST = 200, 500, 10_000
LARGEST_SEED = 2**31 - 1
LOSSES: Mapping[str, str] = {"classification": "cross-entropy", "regression": "mean-squared-error"}


class Printing(modnet.Observer):
    """An observer that prints the loss of each epoch."""

    def epoch_ended(self, run: modnet.ObservedRun) -> None:
        """Print a line, but for parameters that are chosen at the end."""
        history = run.history
        before, now = [0, *history.evaluated_at][-2:]
        column = next((name for name in history.columns if name.startswith("validation_")), "")
        score = f", {column} = {history.columns[column][-1]:.6f}" if column else ""
        if now > before:
            sys.stdout.write(f"Epoch {run.epoch:.0f}, loss = {np.mean(history.loss[before:now]):.8f}{score}\n")


@attrs.frozen
class LaterRate:
    """A learning rate that continues after so many iterations of earlier calls."""

    rate: Callable[[int], float]
    before: int

    def __call__(self, iteration: int) -> float:
        """Return the rate of an iteration of this call."""
        return self.rate(self.before + iteration)


class RunningScaler(StandardScaler):  # type: ignore[misc]
    """Mean and deviation of all rows so far: 0 where a feature has had one value, and not what sums round to."""

    def partial_fit(self, X: Array, y: None = None, sample_weight: Array | None = None) -> Self:
        """Add rows (N, features) with their weights."""
        super().partial_fit(X, y, sample_weight)
        rows = X if sample_weight is None else X[sample_weight > 0]
        if not hasattr(self, "first_"):
            self.first_, self.varies_ = rows[0].copy(), np.zeros(rows.shape[1], bool)
        self.varies_ = self.varies_ | (rows != self.first_).any(axis=0)
        self.first_ = np.where(self.varies_, 0.0, self.first_)  # a pickle holds no row
        return self

    @property
    def deviation(self) -> Array:
        """The deviation of each feature."""
        found: Array = np.where(self.varies_, np.sqrt(self.var_), 0.0)
        return found


class VersionWarning(InconsistentVersionWarning):  # type: ignore[misc]
    """A pickled estimator of another modnet, or of another scikit-learn."""

    def __str__(self) -> str:
        then, now = self.original_sklearn_version, self.current_sklearn_version
        return f"{self.estimator_name} was pickled by modnet {then}, and this is modnet {now}: its results may differ"


@contextmanager
def all_or_nothing(model: object) -> Iterator[None]:
    """Leave an estimator as it was where a fit fails: labels of one fit never go with the network of another."""
    before = dict(vars(model))
    try:
        yield
    except BaseException:
        vars(model).clear()
        vars(model).update(before)
        raise


@contextmanager
def explaining() -> Iterator[None]:
    """Raise ValueError, as scikit-learn does, for data that modnet refuses; say why a worker process knows no name."""
    try:
        yield
    except modnet.DataError as error:
        raise ValueError(str(error)) from error
    except modnet.UnknownNameError as error:
        if multiprocessing.parent_process() is None:
            raise
        note = f"; a worker process knows no part that modnet.register added elsewhere: give the {error.kind} itself"
        raise modnet.UnknownNameError(error.kind, error.name, error.choices, note) from None


class ModnetEstimator(BaseEstimator):  # type: ignore[misc]
    """A network with all that trains it, as an estimator."""

    _task: ClassVar[modnet.Task]
    _output: ClassVar[str]
    _rate: ClassVar[float]

    network_: Network
    """The trained network."""
    preparation_: modnet.Preparation | None
    """The preparation of rows for it; None where they are taken as they are."""
    target_scale_: Any
    """The mean and the deviation of targets, which it learned standardized; None of a classification."""
    loss_curve_: list[float]
    """The mean loss of the mini-batches of each epoch."""
    n_iter_: int
    """The number of epochs, those of earlier calls included that are continued."""
    validation_scores_: list[float] | None
    """Of each epoch the accuracy, or R², on the rows for validation; None where there are none."""
    best_validation_score_: float
    """The best of them, where there are some."""

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
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.output = output
        self.layers = layers
        self.shape = shape
        self.loss = loss
        self.gradient = gradient
        self.optimizer = optimizer
        self.learning_rate_init = learning_rate_init
        self.weight_decay = weight_decay
        self.weight_init = weight_init
        self.bias_init = bias_init
        self.standardize = standardize
        self.batch_size = batch_size
        self.sampling = sampling
        self.max_iter = max_iter
        self.tol = tol
        self.n_iter_no_change = n_iter_no_change
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.callbacks = callbacks
        self.metrics = metrics
        self.dtype = dtype
        self.array = array
        self.device = device
        self.blas_threads = blas_threads
        self.warm_start = warm_start
        self.random_state = random_state
        self.verbose = verbose

    # Parameters

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the parameters by name; with `deep` the settings of parts, too, as `optimizer__lr`."""
        params: dict[str, Any] = super().get_params(deep=False)
        nested: dict[str, Any] = {}
        if deep:
            for name, value in params.items():
                nested |= list_nested(name, self._find_part(name, value))
        return params | nested

    def set_params(self, **params: Any) -> Self:
        """Set parameters; a path such as `optimizer__lr` replaces a part by one with that setting.

        Raises ValueError for a path that leads to no setting.
        """
        super().set_params(**{name: value for name, value in params.items() if "__" not in name})
        for path, value in params.items():
            name, _, rest = path.partition("__")
            if rest:
                known = super().get_params(deep=False)
                if name not in known:
                    raise ValueError(f"Invalid parameter {path!r}: available: {', '.join(known)}")
                setattr(self, name, replace_nested(self._find_part(name, known[name]), rest, value))
        return self

    def _find_part(self, name: str, value: Any) -> Any:
        """Return the part, or the list of parts, that a parameter stands for; or its value."""
        if name == "optimizer" and isinstance(value, str):
            with suppress(modnet.ModnetError, ValueError, TypeError):  # which `fit` raises
                return self._make_optimizer()
        if value is None and name == "loss":
            return self._make_loss()
        return make_parts(name, self._make_output() if value is None and name == "output" else value)

    def _make_loss(self) -> Any:
        return make_parts("loss", LOSSES[self._task] if self.loss is None else self.loss)

    def _make_output(self) -> Any:
        if self.output is not None:
            return self.output
        return "sigmoid" if is_binary(self._make_loss()) else self._output

    def _make_optimizer(self) -> modnet.Optimizer:
        """Return the optimizer; raises SettingError where a ready one is to have other settings."""
        wanted = {"lr": self.learning_rate_init, "weight_decay": self.weight_decay}
        # NumPy's numbers would make float64 of float32.
        plain = {name: value.item() if isinstance(value, np.generic) else value for name, value in wanted.items()}
        wanted = {name: value for name, value in plain.items() if value is not None}
        if isinstance(self.optimizer, str):
            own = {"lr": self._rate} if self.optimizer == "adam" else {}
            return modnet.optimizer(self.optimizer, **{**own, **wanted})
        if any(getattr(self.optimizer, name, None) != value for name, value in wanted.items()):
            what = "'learning_rate_init' and 'weight_decay' go with the name of an optimizer"
            remedy = f"leave them out, and set optimizer__{next(iter(wanted))}"
            raise modnet.SettingError([f"{what}, and this is {self.optimizer!r}: {remedy}"], "optimizer")
        return self.optimizer  # type: ignore[no-any-return]

    def _make_callbacks(self) -> list[Any]:
        if not isinstance(self.callbacks, (list, tuple)):
            raise modnet.SettingError([f"must be a list, not {self.callbacks!r}"], "callbacks")
        found = make_parts("callbacks", self.callbacks)
        return list(found) if isinstance(found, (list, tuple)) else [found]  # a pair of a name and its settings

    def _check_flags(self) -> None:
        """Raise SettingError where text such as "no", which Python takes for true, stands for true or false."""
        for name in ("standardize", "early_stopping", "warm_start"):
            if not isinstance(value := getattr(self, name), (bool, np.bool_)):
                raise modnet.SettingError([f"{name!r} must be True or False: {value!r}"])

    # Training

    def _fit(self, X: Array, t: Array, weights: Array | None, labels: Sequence[Any], **more: Any) -> None:
        """Train on checked rows with class indices (N,), or numbers (N, targets), and set what `fit` promises."""
        self._check_flags()
        is_further = self.warm_start and hasattr(self, "network_")
        if is_further:
            self._steps = 0  # of a new optimizer
        else:
            self._begin()
        callbacks = self._make_callbacks()
        with explaining():
            data = self._make_data(X, t, weights, labels, standardize=bool(self.standardize), **more)
            if self.early_stopping or any(map(needs_validation, callbacks)):
                data = data.with_validation(self.validation_fraction, seed=self._seed)
        self._scaler = RunningScaler().fit(X, sample_weight=weights) if self.standardize else None
        self._target_scaler = None if data.classes else RunningScaler().fit(t, sample_weight=weights)
        with explaining():
            network: Any = self._make_network(data)
            optimizer = self._make_optimizer()
        if is_further:
            last, now = ({k: tuple(v.shape) for k, v in net.arrays.items()} for net in (self.network_, network))
            if last != now:
                what = f"warm_start continues with {self.network_!r}, and the settings now make {network!r}"
                raise ValueError(f"{what}: set the layers as before, or warm_start=False")
            network = network.with_arrays(self.network_.arrays)
        if self.early_stopping:
            settings = {"patience": self.n_iter_no_change, "min_delta": self.tol or 0.0}
            callbacks.append(modnet.callback("early-stopping", **settings))
        elif self.tol is not None:
            callbacks.append(modnet.callback("stop-on-plateau", patience=self.n_iter_no_change, tol=self.tol))
        observer = Printing() if self.verbose else None
        iterations = self._count_iterations(len(data.train))
        run = self._train(network, data, callbacks, optimizer, iterations, observer)
        if self.max_iter is not None and self.tol is not None and not run.stop_reason:
            what = f"{self.max_iter} epochs were made, and the loss was still falling"
            warnings.warn(f"{what}: raise max_iter, or set it to None", ConvergenceWarning, stacklevel=3)
        self._take(run)

    def _fit_part(self, X: Array, t: Array, weights: Array | None, labels: Sequence[Any], **more: Any) -> None:
        """Train for one epoch on checked rows, from where the last call has ended.

        The lifecycle hooks of plugins do not follow it: a stream of rows is thousands of calls.
        """
        self._check_flags()
        callbacks = self._make_callbacks()
        if self.early_stopping or any(map(needs_validation, callbacks)):
            what = "partial_fit has no rows to validate by"
            raise ValueError(f"{what}: set early_stopping=False, and leave out callbacks that go by validation")
        start: Checkpoint | None = getattr(self, "_final", None)
        if start is None:
            self._begin()
            self._scaler = RunningScaler() if self.standardize else None
            self._target_scaler = None if labels else RunningScaler()
        is_scaled = self._scaler is not None  # as it began: the network knows such features alone
        with explaining():
            data = self._make_data(X, t, weights, labels, standardize=is_scaled, **more)
            self._scaler, self._target_scaler = copy.deepcopy((self._scaler, self._target_scaler))
            for scaler, seen in ((self._scaler, X), (self._target_scaler, t)):
                if scaler is not None:
                    scaler.partial_fit(seen, sample_weight=weights)
            data = self._prepare_as_seen(data, t)
            network: Any = self._make_network(data) if start is None else self.network_
            optimizer = self._make_optimizer()
        rate = getattr(optimizer, "lr", None)
        if callable(rate):
            optimizer = attrs.evolve(optimizer, lr=LaterRate(rate, self._steps))  # type: ignore[misc]
        if start is not None:
            start = attrs.evolve(start, states=start.states[: 1 + len(callbacks)])
            then, now = [name for name, _ in start.states], [*map(modnet.find_name, (optimizer, *callbacks))]
            if then != now:
                what = f"partial_fit continues with {', '.join(then)}, and the settings now say {', '.join(now)}"
                raise ValueError(f"{what}: set optimizer and callbacks as before, or begin again with fit")
        iterations = -(-len(data.train) // self._find_batch_size(len(data.train)))
        observer = Printing() if self.verbose else modnet.Observer()
        self._take(self._train(network, data, callbacks, optimizer, iterations, observer, start))

    def _begin(self) -> None:
        """Draw the seed of a new network, and forget the course of the last one."""
        state = self.random_state
        draws = check_random_state(state)  # which refuses what is none
        is_number = isinstance(state, Integral) and not isinstance(state, bool)
        self._seed = int(state) if is_number else int(draws.randint(LARGEST_SEED))
        self._fits = self._steps = 0
        self.loss_curve_ = []
        self.validation_scores_ = None
        if hasattr(self, "best_validation_score_"):  # of the last one
            del self.best_validation_score_

    def _make_data(
        self,
        X: Array,
        t: Array,
        weights: Array | None,
        labels: Sequence[Any],
        *,
        standardize: bool,
        class_weight: Any = None,
    ) -> Dataset:
        """Return the rows as a data set, prepared as training asks; its classes are the labels."""
        own = [str(name) for name in getattr(self, "feature_names_in_", ())]
        is_named = len({*own}) == len(own) and all(own)
        settings: dict[str, Any] = {"scale": "auto" if standardize else 1.0, "class_weight": class_weight}
        data = Dataset.from_arrays(
            (X, t),
            classes=range(len(labels)) if labels else None,
            task=self._task,
            feature_names=own if is_named else (),
            weights=weights,
            standardize=standardize,
            test_fraction=0.0,
            **settings,
        )
        return attrs.evolve(data, classes=to_plain_labels(labels)) if labels else data

    def _prepare_as_seen(self, data: Dataset, t: Array) -> Dataset:
        """Return a data set that is prepared by all rows so far, not by its own alone."""
        train, scale = data.train, data.target_scale
        if self._scaler is not None and data.preparation is not None:
            numbers = zip(self._scaler.mean_.tolist(), self._scaler.deviation.tolist(), strict=True)
            columns = zip(data.preparation.columns, numbers, strict=True)
            changed = tuple(attrs.evolve(column, mean=mean, deviation=width) for column, (mean, width) in columns)
            train = attrs.evolve(train, preparation=attrs.evolve(data.preparation, columns=changed))
        if self._target_scaler is not None and scale is not None:
            mean, width = self._target_scaler.mean_, self._target_scaler.deviation
            scale = attrs.evolve(scale, mean=mean.tolist(), deviation=np.where(width > 0, width, 1.0).tolist())
            train = attrs.evolve(train, t=scale.standardize(t))
        test = attrs.evolve(train, x=train.table[:0], t=train.t[:0], weights=None)
        return attrs.evolve(data.with_parts({"train": train, "test": test}), target_scale=scale, unprepared=None)

    def _make_network(self, data: Dataset) -> Network:
        loss = self._make_loss()
        settings = {"loss": loss, "weight_init": self.weight_init, "bias_init": self.bias_init}
        settings |= {"seed": self._seed, "dtype": self.dtype, "array": self.array, "device": self.device}
        outputs = 1 if is_binary(loss) and data.outputs == 2 else data.outputs
        if self.layers is None:
            if self.shape is not None:
                what = "'shape' goes with 'layers': leave it out, or give a list of layers"
                raise modnet.SettingError([what], "network")
            hidden = self.hidden_layer_sizes
            hidden = [hidden] if isinstance(hidden, Integral) else hidden
            if isinstance(hidden, str) or not np.iterable(hidden):
                raise modnet.SettingError([f"'hidden_layer_sizes' must be whole numbers, as (50, 20): {hidden!r}"])
            sizes = [data.features, *hidden, outputs]
            return Network(sizes, hidden=self.activation, output=self._make_output(), **settings)
        of_sizes = [repr(value) for value in (self.hidden_layer_sizes, self.activation, self.output)]
        if of_sizes != ["(100,)", "'relu'", "None"]:
            what = "'layers' stand in place of 'hidden_layer_sizes', 'activation' and 'output'"
            raise modnet.SettingError([f"{what}: leave these out"], "network")
        network = Network(self.layers, shape=data.features if self.shape is None else self.shape, **settings)
        if network.outputs != outputs:
            needed = f"{data.outputs} {'classes' if data.classes else 'targets'} need {outputs}"
            what = f"'layers' have {network.outputs} outputs, and {needed}: set the units of the last ones"
            raise modnet.SettingError([what], "network")
        return network

    def _find_batch_size(self, rows: int) -> int:
        """Return the number of rows in a mini-batch; "auto" makes all of one size, as far as they divide."""
        given = self.batch_size
        if isinstance(given, str) and given == "auto":
            return int(-(-rows // -(-rows // BATCH)))
        if not is_count(given):
            raise modnet.SettingError([f"'batch_size' must be a whole number > 0, or 'auto': {given!r}"])
        return min(int(given), rows)

    def _count_iterations(self, rows: int) -> int:
        """Return the number of iterations to make at most: those of whole epochs."""
        size, epochs = self._find_batch_size(rows), self.max_iter
        an_epoch = rows / size if self.sampling == "replacement" else -(-rows // size)
        if epochs is None:
            epochs = math.ceil(min(max(EPOCHS, FEWEST / an_epoch), MOST / an_epoch))
        elif not is_count(epochs):
            raise modnet.SettingError([f"'max_iter' must be a whole number of epochs > 0, or None: {epochs!r}"])
        return math.ceil(int(epochs) * an_epoch)

    def _train(
        self,
        network: Any,
        data: Dataset,
        callbacks: Sequence[Any],
        optimizer: modnet.Optimizer,
        iterations: int,
        observer: modnet.Observer | None,
        start: Checkpoint | None = None,
    ) -> Run:
        seed = self._seed
        if self._fits:  # other batches than before
            seed = int(modnet.Stream(seed, ("fit", self._fits)).generator().integers(LARGEST_SEED))
        self._fits += 1
        sampling: Any = self.sampling
        with explaining():
            return modnet.train(
                network,
                data,
                gradient=self.gradient,
                optimizer=optimizer,
                batch_size=self._find_batch_size(len(data.train)),
                iterations=iterations,
                sampling=sampling,
                seed=seed,
                blas_threads=self.blas_threads,
                callbacks=callbacks,
                metrics=self.metrics,
                observer=observer,
                progress=False,  # as scikit-learn's estimators: a search fits hundreds
                start=start,
            )

    def _take(self, run: Run) -> None:
        """Set the attributes of a trained run."""
        self._run = run
        network: Any = run.network
        self.network_ = network
        self.preparation_, self.target_scale_ = run.data.preparation, run.data.target_scale
        # All that a further call continues from but the course, which is on record here.
        self._final = attrs.evolve(run.final, iteration=0, history=History(), seconds=0.0)
        an_epoch = max(1, round(run.batches.iterations_per_epoch))
        losses = run.history.loss
        curve = [float(np.mean(losses[i : i + an_epoch])) for i in range(0, len(losses), an_epoch)]
        self.loss_curve_ = [*self.loss_curve_, *curve]
        self.n_iter_ = len(self.loss_curve_)
        self._steps += len(losses)
        if "validation" in run.data.parts:
            column = "validation_accuracy" if run.data.classes else "validation_r2"
            scores = run.history.until(run.iteration).columns[column]
            self.validation_scores_ = [*(self.validation_scores_ or ()), *scores]
            self.best_validation_score_ = max(self.validation_scores_)

    @property
    def run_(self) -> Run:
        """The run that trained the network; pickles leave it out, as it holds the training rows."""
        check_is_fitted(self)
        found: Run | None = vars(self).get("_run")
        if found is None:
            raise AttributeError("run_ stayed in the process that trained: fit again, or use network_")
        return found

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "network_")

    # Prediction

    def _compute_outputs(self, X: Any) -> Array:
        """Return a score for each class (N, classes), or the targets in their unit (N, targets)."""
        check_is_fitted(self)
        rows = self.prepare(X)
        with modnet.limit_blas_threads(self.blas_threads):
            y: Array = self.network_.predict_scores(rows)
        return y if self.target_scale_ is None else self.target_scale_.restore(y)

    def prepare(self, X: Any) -> Array:
        """Return rows (N, features) as `network_` takes them: standardized as in training, where that was asked for."""
        check_is_fitted(self)
        X = self._check_rows(X, reset=False)
        return X if self.preparation_ is None else self.preparation_.transform(X)

    def _check_rows(self, X: Any, *, reset: bool) -> Array:
        found: Array = validate_data(self, X, reset=reset, dtype=[np.float64, np.float32])
        return found

    def _check_weights(self, weights: Any, rows: int) -> Array | None:
        """Return weights of rows (N,) float64, at least 0 and not all 0; None where none are given."""
        if weights is None:
            return None
        if isinstance(weights, Real):
            weights = np.full(rows, float(weights))
        found: Array = check_array(weights, ensure_2d=False, dtype=np.float64, input_name="sample_weight")
        if found.shape != (rows,):
            raise ValueError(f"sample_weight must have shape ({rows},), it has {found.shape}")
        if (found < 0).any():
            raise ValueError("Negative values in data passed to `sample_weight`")
        if not found.any():
            raise ValueError("Sample weights must contain at least one non-zero number.")
        return found

    # Pickles

    def __getstate__(self) -> dict[str, Any]:
        state = dict(super().__getstate__())
        state.pop("_run", None)  # which holds all training rows
        for name in MAKERS:  # a name that modnet.register gave is unknown in other processes, and its class is not
            part = self._find_part(name, state[name]) if isinstance(state[name], str) else None
            if part is not None and not type(part).__module__.startswith("modnet_"):
                state[name] = part
        return {**state, "_modnet_version": modnet.__version__}

    def __setstate__(self, state: dict[str, Any]) -> None:
        then = state.pop("_modnet_version", "0")
        if then != modnet.__version__:
            words = {"current_sklearn_version": modnet.__version__, "original_sklearn_version": then}
            warnings.warn(VersionWarning(estimator_name=type(self).__name__, **words), stacklevel=2)
        super().__setstate__(state)


def needs_validation(callback: object) -> bool:
    """Say whether a callback decides by rows that are set aside."""
    return isinstance(callback, modnet.Callback) and callback.needs_validation


def is_count(value: object) -> bool:
    """Say whether a value is a whole number above 0."""
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool) and bool(value > 0)


def is_binary(loss: object) -> bool:
    """Say whether one output tells two classes apart with a loss, a part or a function."""
    return isinstance(loss, modnet.Loss) and loss.is_binary


def to_plain_labels(labels: Sequence[Any]) -> tuple[Any, ...]:
    """Return the labels of classes as modnet has them, or the places of labels that it refuses."""
    found = tuple(labels)
    texts = [label for label in found if isinstance(label, str)]
    are_plain = all(isinstance(label, (str, int, float)) for label in found) and len({*map(str, found)}) == len(found)
    return found if are_plain and not modnet.find_unclear_labels(texts) else tuple(range(len(found)))
