"""Gradient checks with estimators by name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from modnet.compose.parts import find_name, is_registered, list_usable_names, make_part
from modnet.interfaces import GradientEstimator
from modnet.nn.network import LayeredNetwork
from modnet.testing.gradcheck.check import GradientCheck, judge_gradient
from modnet.types import Mode


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
    return judge_gradient(objective, network.params, _label(parts), judged, repeats, seed)


def _label(estimators: Sequence[GradientEstimator]) -> dict[str, GradientEstimator]:
    """Return estimators by their names: with their settings where others have the same, and counted if need be."""
    names = [find_name(e) if is_registered(e) else repr(e) for e in estimators]
    named = [repr(e) if names.count(name) > 1 else name for e, name in zip(estimators, names, strict=True)]
    labels = [f"{name} ({named[:i].count(name) + 1})" if name in named[:i] else name for i, name in enumerate(named)]
    return dict(zip(labels, estimators, strict=True))
