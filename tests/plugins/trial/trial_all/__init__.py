"""A package with a part of each kind."""

import modnet

from . import learning, parts  # noqa: TID252 (as third parties write it)


@modnet.hookimpl
def register_activations(register):
    register(parts.Gaussian)


@modnet.hookimpl
def register_layers(register):
    register(parts.Shift)


@modnet.hookimpl
def register_losses(register):
    register(parts.LogCosh)


@modnet.hookimpl
def register_gradients(register):
    register(learning.Sparse)


@modnet.hookimpl
def register_optimizers(register):
    register(learning.Lion)


@modnet.hookimpl
def register_metrics(register):
    register(parts.Sureness)


@modnet.hookimpl
def register_data_sources(register):
    register(parts.HalfCircles)


@modnet.hookimpl
def run_ended(run):
    print(f"all: {run.status}")
