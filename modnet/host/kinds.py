"""Kinds of parts, a row each, and the hooks of plugins.

A new kind takes its interface, a hook and a row here, `NAME.py` in `modnet/testing/suites` and `NAME.py.template` in
`modnet/testing/templates`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeVar

import attrs
import pluggy

from modnet.errors import UnknownNameError
from modnet.interfaces import (
    Activation,
    Callback,
    DataSource,
    GradientEstimator,
    Layer,
    Loss,
    Metric,
    Observer,
    Optimizer,
)

hookspec = pluggy.HookspecMarker("modnet")
hookimpl = pluggy.HookimplMarker("modnet")
# The hooks that follow a run are the methods of an observer, and stand there alone.
LIFECYCLE_HOOKS = {name: hookspec(method) for name, method in vars(Observer).items() if not name.startswith("_")}
Interface = TypeVar("Interface", contravariant=True)


class Register(Protocol[Interface]):
    """The argument of a register hook: call it once for each class. Raises PluginError where that is no such part."""

    def __call__(self, cls: type[Interface], name: str | None = None) -> None:
        """Register `cls` under `name`, by default the class's name in kebab case (`LeakyRelu` is `leaky-relu`)."""


@hookspec
def register_activations(register: Register[Activation]) -> None:
    """Register subclasses of `modnet.Activation`. Called once, when the plugin is imported for its parts.

    >>> @modnet.hookimpl
    ... def register_activations(register):
    ...     register(Cube)
    ...     register(SoftCap, "soft-cap-2")
    """


@hookspec
def register_layers(register: Register[Layer]) -> None:
    """Register subclasses of `modnet.Layer`, as `register_activations` those of `modnet.Activation`."""


@hookspec
def register_losses(register: Register[Loss]) -> None:
    """Register subclasses of `modnet.Loss`, as `register_activations` those of `modnet.Activation`."""


@hookspec
def register_gradients(register: Register[GradientEstimator]) -> None:
    """Register subclasses of `modnet.GradientEstimator`, as `register_activations` those of `modnet.Activation`."""


@hookspec
def register_optimizers(register: Register[Optimizer]) -> None:
    """Register subclasses of `modnet.Optimizer`, as `register_activations` those of `modnet.Activation`."""


@hookspec
def register_metrics(register: Register[Metric]) -> None:
    """Register subclasses of `modnet.Metric`, as `register_activations` those of `modnet.Activation`."""


@hookspec
def register_data_sources(register: Register[DataSource]) -> None:
    """Register subclasses of `modnet.DataSource`, as `register_activations` those of `modnet.Activation`."""


@hookspec
def register_callbacks(register: Register[Callback]) -> None:
    """Register subclasses of `modnet.Callback`, as `register_activations` those of `modnet.Activation`."""


@attrs.frozen
class Kind:
    """A kind of part; by its name are found its checks, in `modnet/testing/suites`, and its template."""

    name: str
    interface: type
    hookspec: Callable[..., None]  # specifies the hook that registers such parts
    words: str = attrs.field(default=attrs.Factory(lambda self: self.name, takes_self=True), kw_only=True)
    """The name in prose."""

    @property
    def hook(self) -> str:
        """The name of the hook that registers such parts."""
        return self.hookspec.__name__

    @property
    def plural(self) -> str:
        """The name in prose, of several."""
        return f"{self.words}es" if self.words.endswith("s") else f"{self.words}s"


_ROWS = (
    Kind("activation", Activation, register_activations),
    Kind("layer", Layer, register_layers),
    Kind("loss", Loss, register_losses),
    Kind("gradient", GradientEstimator, register_gradients, words="gradient estimator"),
    Kind("optimizer", Optimizer, register_optimizers),
    Kind("metric", Metric, register_metrics),
    Kind("data-source", DataSource, register_data_sources, words="data source"),
    Kind("callback", Callback, register_callbacks),
)
KINDS = {kind.name: kind for kind in _ROWS}
OBSERVER = Kind("observer", Observer, LIFECYCLE_HOOKS["run_started"])
"""Plugins that follow runs: no kind of part, as they register nothing, but checked and begun as parts are."""


def find_kind(name: str) -> Kind:
    """Return the kind of that name; raises UnknownNameError.

    >>> find_kind("loss").interface
    <class 'modnet.interfaces.functions.Loss'>
    """
    if name not in KINDS:
        raise UnknownNameError("kind of part", name, KINDS)
    return KINDS[name]


def find_kinds(cls: object) -> list[Kind]:
    """Return the kinds of part that a class implements: none where it is no class, or no part."""
    return [kind for kind in KINDS.values() if isinstance(cls, type) and issubclass(cls, kind.interface)]
