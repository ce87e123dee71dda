"""The hooks a plugin may implement: one to register parts of each kind, three to follow a run."""

from __future__ import annotations

from typing import Protocol

import pluggy

from modnet.interfaces import ObservedRun

hookspec = pluggy.HookspecMarker("modnet")
hookimpl = pluggy.HookimplMarker("modnet")


class Register(Protocol):
    """What a register hook is given: call it once for each class."""

    def __call__(self, cls: type, name: str | None = None) -> None:
        """Register `cls` under `name`, by default the class's name in kebab case (`LeakyRelu` is `leaky-relu`)."""


@hookspec
def register_activations(register: Register) -> None:
    """Register subclasses of `modnet.Activation`."""


@hookspec
def register_losses(register: Register) -> None:
    """Register subclasses of `modnet.Loss`."""


@hookspec
def register_gradients(register: Register) -> None:
    """Register subclasses of `modnet.GradientEstimator`."""


@hookspec
def register_optimizers(register: Register) -> None:
    """Register subclasses of `modnet.Optimizer`."""


@hookspec
def register_data_sources(register: Register) -> None:
    """Register subclasses of `modnet.DataSource`."""


@hookspec
def run_started(run: ObservedRun) -> None:
    """Follow a run: the first iteration is about to begin."""


@hookspec
def epoch_ended(run: ObservedRun) -> None:
    """Follow a run: both accuracies were taken, at the end of an epoch or of the run."""


@hookspec
def run_ended(run: ObservedRun) -> None:
    """Follow a run: it ended, finished or not. Called in every case."""
