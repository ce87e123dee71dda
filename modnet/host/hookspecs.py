"""The hooks a plugin may implement: one to register parts of each kind, three to follow a run."""

from __future__ import annotations

from typing import Protocol, TypeVar

import pluggy

from modnet.interfaces import Activation, DataSource, GradientEstimator, Loss, Observer, Optimizer

hookspec = pluggy.HookspecMarker("modnet")
hookimpl = pluggy.HookimplMarker("modnet")


Interface = TypeVar("Interface", contravariant=True)


class Register(Protocol[Interface]):
    """What a register hook is given: call it once for each class. It raises PluginError where that is no such part."""

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
def register_losses(register: Register[Loss]) -> None:
    """Register subclasses of `modnet.Loss`. Called once, when the plugin is imported for its parts.

    >>> @modnet.hookimpl
    ... def register_losses(register):
    ...     register(Huber)
    """


@hookspec
def register_gradients(register: Register[GradientEstimator]) -> None:
    """Register subclasses of `modnet.GradientEstimator`. Called once, when the plugin is imported for its parts.

    >>> @modnet.hookimpl
    ... def register_gradients(register):
    ...     register(FeedbackAlignment)
    """


@hookspec
def register_optimizers(register: Register[Optimizer]) -> None:
    """Register subclasses of `modnet.Optimizer`. Called once, when the plugin is imported for its parts.

    >>> @modnet.hookimpl
    ... def register_optimizers(register):
    ...     register(SignMomentum)
    """


@hookspec
def register_data_sources(register: Register[DataSource]) -> None:
    """Register subclasses of `modnet.DataSource`. Called once, when the plugin is imported for its parts.

    >>> @modnet.hookimpl
    ... def register_data_sources(register):
    ...     register(JsonLines)
    """


# The hooks that follow a run are the methods of an observer, and stand there alone.
LIFECYCLE_HOOKS = {name: hookspec(method) for name, method in vars(Observer).items() if not name.startswith("_")}
