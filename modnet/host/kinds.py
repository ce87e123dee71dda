"""The kinds of parts, a row each: all that the core knows of one."""

from __future__ import annotations

from collections.abc import Callable

import attrs

from modnet.errors import UnknownNameError
from modnet.host import hookspecs
from modnet.interfaces import Activation, DataSource, GradientEstimator, Loss, Optimizer


@attrs.frozen
class Kind:
    """A kind of part. What else it needs is found by its name.

    The checks are those of `modnet.testing.suites`, in the module of that name; a new plugin is written from
    `NAME.py.template` in `modnet/compose/templates`.
    """

    name: str
    interface: type
    hookspec: Callable[..., None]
    """Specifies the hook that registers such parts."""
    factory: str
    """The function of modnet's that returns such a part by its name."""
    words: str
    """The name in prose."""
    use: str
    """The options of `modnet train` that use the part `$name`."""
    check: str = ""
    """The options of `modnet plugins check` that the part `$name` needs."""

    @property
    def hook(self) -> str:
        """The name of the hook that registers such parts."""
        return self.hookspec.__name__

    @property
    def module(self) -> str:
        """The name as that of a module."""
        return self.name.replace("-", "_")


_EXACT = "--gradient backpropagation --iterations 200"
KINDS = {
    kind.name: kind
    for kind in (
        Kind(
            "activation",
            Activation,
            hookspecs.register_activations,
            factory="activation",
            words="activation",
            use="--activation $name --iterations 200",
        ),
        Kind("loss", Loss, hookspecs.register_losses, factory="loss", words="loss", use=f"--loss $name {_EXACT}"),
        Kind(
            "gradient",
            GradientEstimator,
            hookspecs.register_gradients,
            factory="gradient",
            words="gradient estimator",
            use="--gradient $name --hidden 1 --iterations 20",
        ),
        Kind(
            "optimizer",
            Optimizer,
            hookspecs.register_optimizers,
            factory="optimizer",
            words="optimizer",
            use=f"--optimizer $name {_EXACT}",
        ),
        Kind(
            "data-source",
            DataSource,
            hookspecs.register_data_sources,
            factory="source",
            words="data source",
            use="--data FILE.$name",
            check="--file $name=FILE.$name",
        ),
    )
}


def find_kind(name: str) -> Kind:
    """Return the kind of that name; raises UnknownNameError.

    >>> find_kind("loss").interface
    <class 'modnet.interfaces.Loss'>
    """
    if name not in KINDS:
        raise UnknownNameError("kind of part", name, KINDS)
    return KINDS[name]


def kinds_of(cls: object) -> list[Kind]:
    """Return the kinds of part that a class implements: none where it is no class, or no part."""
    return [kind for kind in KINDS.values() if isinstance(cls, type) and issubclass(cls, kind.interface)]
