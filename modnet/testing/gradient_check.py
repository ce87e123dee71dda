"""Gradient checks with estimators by name."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import attrs

from modnet.compose.parts import find_name, is_registered, list_usable_names, make_part
from modnet.interfaces import GradientEstimator, Layer, Loss
from modnet.nn.arrays import NUMPY, Library, is_other_array, to_numpy, to_numpy_all
from modnet.nn.network import LayeredNetwork
from modnet.nn.objective import NetworkObjective
from modnet.testing.gradcheck.check import GradientCheck, judge_gradient
from modnet.types import Mode, is_numpy

METHODS = ("__call__", "forward", "update", "backward", "gradients", "losses", "change", "changes_along", "slopes")


def check_gradient(
    network: LayeredNetwork,
    x: Any,
    t: Any,
    *,
    estimators: Iterable[object] | None = None,
    gradient: object = None,
    repeats: int = 5,
    seed: int = 0,
    weights: Any = None,
    mode: Mode = "train",
) -> GradientCheck:
    """Return the verdicts on a network's derivatives at a batch, and estimators beside its exact gradient.

    `x` (N, inputs), `t` and `weights` are a batch, as for `loss`. `estimators` are names or parts, by default all
    that are registered; each is run `repeats` times where it is random. `gradient` is a whole gradient to be judged
    besides the parts: a mapping of arrays, or a name or part that obtains it; by default the network's own chain rule.
    Layers are in the `mode` of training or prediction, and what they draw is the same each time.
    `str` of the result is a table. Raises as `Network.gradient` does where the gradient to judge cannot be obtained.
    Saitoh, "Deep Learning from Scratch", chapter 5.7.3, does it with one step and a tolerance.

    >>> data = modnet.load("mnist-small")
    >>> net = modnet.TwoLayerNet(784, 50, 10, seed=0)
    >>> check = modnet.check_gradient(net, data.train.x[:3], data.train.t[:3], estimators=["central-difference"])
    >>> [verdict.verdict for verdict in check.verdicts], check.estimators[0].error < 1e-7
    (['correct', 'correct', 'correct'], True)
    """
    wanted = list_usable_names("gradient") if estimators is None else estimators
    parts = [make_part("gradient", value) for value in wanted]
    judged = gradient if gradient is None or isinstance(gradient, Mapping) else make_part("gradient", gradient)
    objective = network.objective(x, t, weights, mode=mode)
    if network.library is not NUMPY:
        objective = _compute_on(network.library, objective)
    return judge_gradient(objective, to_numpy_all(network.params), _label(parts), judged, repeats, seed)


def _compute_on(library: Library, objective: NetworkObjective) -> NetworkObjective:
    """Return an objective of NumPy's arrays whose parts compute on another library's."""
    return attrs.evolve(
        objective,
        placed=tuple(attrs.evolve(place, layer=_move(place.layer, library)) for place in objective.placed),
        loss_function=_move(objective.loss_function, library),
        fused=objective.fused and _move(objective.fused, library),
        x=to_numpy(objective.x),
        t=to_numpy(objective.t),
        weights=None if objective.weights is None else to_numpy(objective.weights),
        buffers=to_numpy_all(objective.buffers),
    )


def _move(part: Any, library: Library) -> Any:
    """Return a part that takes and returns NumPy's arrays, and computes as `part` does on those of a library."""

    def convert(value: Any) -> Any:
        if isinstance(value, Mapping):
            return {name: convert(each) for name, each in value.items()}
        return library.convert(value) if is_numpy(value) else value

    def restore(value: Any) -> Any:
        if isinstance(value, Mapping):
            return {name: restore(each) for name, each in value.items()}
        if type(value) is tuple:
            return tuple(map(restore, value))
        return to_numpy(value) if is_other_array(value) else value

    def compute_by(name: str) -> Callable[..., Any]:
        def compute(_: object, *args: Any, **settings: Any) -> Any:
            return restore(getattr(part, name)(*map(convert, args), **{k: convert(v) for k, v in settings.items()}))

        return compute

    cls = type(part)
    of_library: dict[str, Any] = {name: compute_by(name) for name in METHODS if getattr(cls, name, None)}
    if isinstance(part, Layer) and part.activation:
        of_library["activation"] = property(lambda _: _move(part.activation, library))
    if isinstance(part, Loss):
        of_library["fused"] = lambda _, activation: (found := part.fused(activation)) and _move(found, library)
    moved = copy.copy(part)
    object.__setattr__(moved, "__class__", type(cls.__name__, (cls,), {"__slots__": (), **of_library}))
    return moved


def _label(estimators: Sequence[GradientEstimator]) -> dict[str, GradientEstimator]:
    """Return estimators by their names: with their settings where others have the same, and counted if need be."""
    names = [find_name(e) if is_registered(e) else repr(e) for e in estimators]
    named = [repr(e) if names.count(name) > 1 else name for e, name in zip(estimators, names, strict=True)]
    labels = [f"{name} ({named[:i].count(name) + 1})" if name in named[:i] else name for i, name in enumerate(named)]
    return dict(zip(labels, estimators, strict=True))
