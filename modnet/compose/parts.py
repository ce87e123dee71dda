"""Names and settings -> ready objects: where the plugin half and the numeric half meet."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any, cast

from modnet.compose.adapters import adapted
from modnet.compose.recognition import recognise
from modnet.compose.settings import Settings
from modnet.data.dataset import Dataset
from modnet.errors import DataError, PluginError, SettingError, UnknownNameError
from modnet.gradcheck import check as _gradient_check
from modnet.gradcheck.check import GradientCheck
from modnet.host.catalogue import Catalogue
from modnet.host.discovery import PluginHost, is_loading, loading, lock
from modnet.host.entry_points import installed
from modnet.host.kinds import KINDS, find_kind
from modnet.host.overrides import stand_in_for
from modnet.host.registry import could_be_name
from modnet.host.signatures import type_mistakes
from modnet.interfaces import Activation, DataSource, GradientEstimator, Loss, Observer, Optimizer, name_of
from modnet.nn import training as _training
from modnet.nn.batches import Sampling
from modnet.nn.checkpoint import Checkpoint
from modnet.nn.network import DenseNetwork, WeightInitStd, dense_layers, initial_params
from modnet.randomness import Stream
from modnet.types import Grads

_hosts: list[PluginHost] = []  # none until the first part is asked for, then one


def plugins() -> PluginHost:
    """Return the plugin host, which finds what is installed when it is first asked for."""
    with lock:
        return _hosts[0] if _hosts and not is_loading() else load_plugins()


def load_plugins(without: Iterable[str] = (), modules: Iterable[str] = ()) -> PluginHost:
    """Find all installed plugins but those named in `without`, and load `modules` that are not installed as such.

    Each of the names may be several, joined by commas; `*` are all that are not built in. The environment variable
    MODNET_WITHOUT has others. Replaces the host there was. Raises PluginError where one of `modules` is broken; a
    broken installed plugin is a row in `reports`.
    """
    with loading():
        host = PluginHost([*without, os.environ.get("MODNET_WITHOUT", "")], Catalogue())
        host.load(installed(), modules)
        _hosts[:] = [host]
        return host


def register(cls: type, name: str | None = None) -> Callable[[], None]:
    """Register a part for this process, without packaging; returns the function that undoes it.

    `cls` is a subclass of one of modnet's five interfaces, `name` by default its name in kebab case.
    Raises PluginError where the class is not one, or the name is taken.

    >>> class Cube(modnet.Activation):
    ...     def __call__(self, a, axis=-1):
    ...         return a**3
    >>> undo = modnet.register(Cube)
    >>> modnet.activation("cube")(np.array([2.0]))
    array([8.])
    >>> undo()
    """
    return plugins().add_class(cls, name)


def part(kind: str, value: object, **settings: Any) -> Any:
    """Return the part of a kind: by name and settings, as it is if it is one, or adapted if it acts as one."""
    interface = find_kind(kind).interface
    if isinstance(value, interface):
        _no_settings(kind, settings)
        if mistakes := [str(mistake) for mistake in type_mistakes(type(value), interface)]:
            raise SettingError(mistakes, kind)
        return value
    if isinstance(value, str):
        try:
            component = plugins().registry.find(kind, value)
        except UnknownNameError as error:
            broken = ", ".join(report.name for report in [*plugins().broken(), *plugins().not_asked()])
            hint = f"; broken, see 'modnet plugins doctor': {broken}" if broken else ""
            raise UnknownNameError(kind, value, error.choices, error.note + hint) from None
        stand_in = stand_in_for(kind, component.qualified_name)
        instead = stand_in.what if stand_in else component.cls
        try:
            # Those of a ready stand-in's place are read all the same: a test is to find mistakes in them, too.
            made = settings_reader().read(settings, instead if isinstance(instead, type) else component.cls)
        except SettingError as error:
            raise SettingError(error.mistakes, value) from None
        return made if isinstance(instead, type) else instead
    _no_settings(kind, settings)
    return adapted(kind, value)


def _no_settings(kind: str, settings: Mapping[str, Any]) -> None:
    if settings:
        raise SettingError([f"settings go with a name, not with a ready object: {', '.join(settings)}"], kind)


def activation(name: str, **settings: Any) -> Activation:
    """Return the activation of that name with these settings.

    >>> modnet.activation("leaky-relu", slope=0.1)(np.array([-1.0, 2.0]))
    array([-0.1,  2. ])
    """
    return cast("Activation", part("activation", name, **settings))


def loss(name: str, **settings: Any) -> Loss:
    """Return the loss of that name with these settings.

    >>> modnet.loss("cross-entropy")
    CrossEntropy(eps=1e-07)
    """
    return cast("Loss", part("loss", name, **settings))


def gradient(name: str, **settings: Any) -> GradientEstimator:
    """Return the gradient estimator of that name with these settings.

    >>> modnet.gradient("central-difference", h=1e-5)
    CentralDifference(h=1e-05, threads=None)
    """
    return cast("GradientEstimator", part("gradient", name, **settings))


def optimizer(name: str, **settings: Any) -> Optimizer:
    """Return the optimizer of that name with these settings.

    >>> modnet.optimizer("sgd", lr=0.1)
    Sgd(lr=0.1)
    """
    return cast("Optimizer", part("optimizer", name, **settings))


def source(name: str, **settings: Any) -> DataSource:
    """Return the data source of that name with these settings.

    >>> modnet.source("csv", label="species").label
    'species'
    """
    return cast("DataSource", part("data-source", name, **settings))


class Network(DenseNetwork):
    """Any number of dense layers, made from names or ready parts.

    `sizes` are the inputs, each hidden layer's units and the outputs; `hidden` is the activation of all hidden layers,
    or a list of one for each. `weight_init_std` is the initial weights' standard deviation, "he" or "xavier".
    Raises SettingError and UnknownNameError.

    >>> net = modnet.Network([784, 100, 50, 10], hidden="relu", weight_init_std="he", seed=1)
    >>> net.params["W3"].shape
    (50, 10)
    """

    def __init__(
        self,
        sizes: Sequence[int],
        *,
        hidden: object = "sigmoid",
        output: object = "softmax",
        loss: object = "cross-entropy",
        weight_init_std: WeightInitStd = 0.01,
        seed: int = 0,
        dtype: str = "float64",
    ) -> None:
        each = list(hidden) if isinstance(hidden, (list, tuple)) else [hidden] * (len(sizes) - 2)
        layers = dense_layers(sizes, [part("activation", a) for a in [*each, output]])
        super().__init__(layers, part("loss", loss), initial_params(layers, weight_init_std, seed, dtype), seed)

    def gradient(self, x: Any, t: Any, estimator: object = "backpropagation", stream: Stream | None = None) -> Grads:
        """Return the gradient of the loss by each parameter, as `estimator` (a name or a part) obtains it.

        What the estimator draws at random comes from `stream`, by default one of the network's own seed.
        """
        return super().gradient(x, t, part("gradient", estimator), stream)

    def numerical_gradient(self, x: Any, t: Any) -> Grads:
        """Return the gradient by central differences (h = 1e-4), as the book's network does."""
        return self.gradient(x, t, "central-difference")


class TwoLayerNet(Network):
    """The book's network: one hidden layer, sigmoid, softmax, cross entropy, weights drawn with deviation 0.01.

    Saitoh, "Deep Learning from Scratch", chapter 4.5.1. Parts are names or ready objects, as for `Network`.

    >>> net = modnet.TwoLayerNet(784, 50, 10, seed=0)
    >>> net.predict(np.zeros((2, 784))).shape
    (2, 10)
    """

    def __init__(self, input_size: int, hidden_size: int, output_size: int, **settings: Any) -> None:
        super().__init__([input_size, hidden_size, output_size], **settings)


def load(what: str | PathLike[str], *, source: str | None = None, **settings: Any) -> Dataset:
    """Return a data set: by a registered name, or from a file.

    A file's source is chosen by its suffix and content, or named by `source`. Settings are the source's.
    Raises DataError that finds the place of a mistake.

    >>> data = modnet.load("mnist-small")
    >>> data.train.x.shape, data.test.x.shape
    ((5000, 784), (1000, 784))
    """
    path = Path(what)
    if isinstance(what, str) and source is None:
        if is_data_set(what):
            return read(part("data-source", what, **settings), None)
        if not path.exists() and what in plugins().registry.names("data-source"):
            raise DataError(f"the source {what!r} reads files: modnet.load(FILE, source={what!r})")
    return read(part("data-source", source or recognised(path), **settings), path)


def read(source: DataSource, path: Path | None) -> Dataset:
    """Return what a source reads; raises PluginError where that is no data set."""
    data: object = source.read(path)
    if not isinstance(data, Dataset):
        why = f"the source {registered_name(source)} returned a {type(data).__name__}"
        raise PluginError(why, "a modnet.Dataset is expected, see modnet.Dataset.from_arrays")
    return data


def is_data_set(name: str) -> bool:
    """Say whether there is a data set of that name, which needs no file of the user's."""
    if not could_be_name(name):
        return False
    try:
        component = plugins().registry.find("data-source", name)
    except UnknownNameError:
        return False
    return not component.cls.reads_files


def recognised(path: Path) -> str:
    """Return the name of the one source that recognises a file; raises DataError where none or several do."""
    return recognise(path, plugins().registry)


def train(
    network: DenseNetwork,
    data: Dataset,
    *,
    gradient: object = "backpropagation",
    optimizer: object = "sgd",
    batch_size: int = 100,
    iterations: int = 1000,
    sampling: Sampling = "replacement",
    seed: int = 0,
    blas_threads: int = 1,
    observer: Observer | None = None,
    start: Checkpoint | None = None,
    keep: Callable[[Checkpoint], object] | None = None,
) -> _training.Run:
    """Train a copy of `network` and return the run; the network that was given stays as it is.

    `sampling` is "replacement" (each batch drawn with replacement, as the book does) or "shuffle" (shuffled epochs).
    More `blas_threads` may be faster for wide networks; how many there are shows in the last bits of the result.
    The lifecycle hooks of the plugins follow the run, unless another `observer` is given. Raises DivergedError when the
    loss stops being finite and TrainingInterrupted on Ctrl-C, both with the run so far.

    With `start`, another run's `checkpoint`, it goes on from there, up to `iterations` in all, and comes to the same
    bits as if it had never stopped. `keep` is called with a checkpoint in the first iteration, every few seconds, and
    where the run ends before its last iteration.

    >>> data = modnet.load("mnist-small")
    >>> run = modnet.train(
    ...     modnet.TwoLayerNet(784, 50, 10, seed=0),
    ...     data,
    ...     iterations=100,
    ...     seed=0,
    ...     optimizer=modnet.optimizer("sgd", lr=0.1),
    ... )
    >>> len(run.history.loss), run.history.iterations
    (100, [50, 100])
    """
    return _training.train(
        network,
        data,
        part("gradient", gradient),
        part("optimizer", optimizer),
        batch_size=batch_size,
        iterations=iterations,
        sampling=sampling,
        seed=seed,
        blas_threads=blas_threads,
        observer=observer or cast("Observer", plugins().relay()),
        start=start,
        keep=keep,
    )


def check_gradient(
    network: DenseNetwork,
    x: Any,
    t: Any,
    *,
    estimators: Iterable[object] | None = None,
    gradient: object = None,
    repeats: int = 5,
    seed: int = 0,
) -> GradientCheck:
    """Return the verdicts on a network's derivatives at a batch, and estimators beside its exact gradient.

    `x` (N, inputs) and `t` are a batch, as for `loss`. `estimators` are names or parts, by default all that are
    registered; each is run `repeats` times where it is random. `gradient` is a whole gradient to be judged besides the
    parts: a mapping of arrays, or a name or part that obtains it; by default the network's own chain rule. `str` of
    the result is a table. Raises as `Network.gradient` does where the gradient that is judged cannot be obtained.
    Saitoh, "Deep Learning from Scratch", chapter 5.7.3, does it with one step and a tolerance.

    >>> data = modnet.load("mnist-small")
    >>> net = modnet.TwoLayerNet(784, 50, 10, seed=0)
    >>> check = modnet.check_gradient(net, data.train.x[:3], data.train.t[:3], estimators=["central-difference"])
    >>> [verdict.verdict for verdict in check.verdicts], check.estimators[0].error < 1e-7
    (['correct', 'correct', 'correct'], True)
    """
    wanted = usable_names("gradient") if estimators is None else estimators
    parts = [part("gradient", value) for value in wanted]
    judged = gradient if gradient is None or isinstance(gradient, Mapping) else part("gradient", gradient)
    return _gradient_check.check_gradient(
        network.objective(x, t),
        network.params,
        _labelled(parts),
        judged,
        repeats,
        seed,
    )


def _labelled(estimators: Sequence[GradientEstimator]) -> dict[str, GradientEstimator]:
    """Return estimators by their names: with their settings where others have the same, and counted if need be."""
    names = [registered_name(e) if is_registered(e) else repr(e) for e in estimators]
    named = [repr(e) if names.count(name) > 1 else name for e, name in zip(estimators, names, strict=True)]
    labels = [f"{name} ({named[:i].count(name) + 1})" if name in named[:i] else name for i, name in enumerate(named)]
    return dict(zip(labels, estimators, strict=True))


def usable_names(kind: str) -> list[str]:
    """Return the names of all parts of a kind but those whose plugins break when they are imported for it."""
    registry = plugins().registry
    return [registry.name_for(component) for component in registry.usable(kind)]


def registered_name(value: object) -> str:
    """Return the name that a part is registered under, or the name of its class."""
    registry = plugins().registry
    component = registry.component_of(value)
    return registry.name_for(component) if component else name_of(value)


def is_registered(value: object) -> bool:
    """Say whether a part's class is registered, so that a name stands for it."""
    return plugins().registry.component_of(value) is not None


def settings_reader() -> Settings:
    """Return the reader of settings that knows the kinds of parts."""
    settings = Settings()
    for kind in KINDS.values():
        settings.on(kind.interface, functools.partial(part_from, kind.name))
    return settings


def part_from(kind: str, value: Any) -> Any:
    """Return the part that a name, or a table of a name and settings, stands for."""
    if isinstance(value, Mapping):
        rest = dict(value)
        name = rest.pop("name", None)
        if not isinstance(name, str):
            raise SettingError([f"'name' must say which {kind} it is"])
        return part(kind, name, **rest)
    if isinstance(value, KINDS[kind].interface):
        return value
    if not isinstance(value, str):
        raise SettingError([f"must be a name or a table with a name, not {value!r}"])
    return part(kind, value)
