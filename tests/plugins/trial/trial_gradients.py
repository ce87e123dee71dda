"""Estimators of the gradient, and of a direction."""

import attrs
import numpy as np
from attrs.validators import ge, gt

import modnet


class Exact(modnet.GradientEstimator):
    """The gradient, from the network's own backward pass."""

    def __call__(self, objective, params, stream):
        return objective.backward(params)


@attrs.frozen
class TwoPoints(modnet.GradientEstimator):
    """One difference along random signs (Spall 1992)."""

    size: float = attrs.field(default=1e-3, validator=gt(0))

    def __call__(self, objective, params, stream):
        draw = stream.generator()
        signs = {name: draw.choice([-1.0, 1.0], size=w.shape).astype(w.dtype) for name, w in params.items()}
        above = objective({name: w + w.dtype.type(self.size) * signs[name] for name, w in params.items()})
        below = objective({name: w - w.dtype.type(self.size) * signs[name] for name, w in params.items()})
        return {name: ((above - below) / (2 * self.size) * sign).astype(sign.dtype) for name, sign in signs.items()}

    def evaluations(self, params):
        return 2


@attrs.frozen
class FixedFeedback(modnet.GradientEstimator):
    """Backpropagation with fixed random feedback weights (Lillicrap et al. 2016)."""

    promises = "direction"

    std: float = attrs.field(default=0.1, validator=gt(0))
    seed: int = attrs.field(default=0, validator=ge(0))

    def __call__(self, objective, params, stream):
        trace, da = objective.trace(params), objective.output_error(params)
        grads = {}
        for k, layer in reversed(list(enumerate(objective.layers))):
            grads[layer.weight], grads[layer.bias] = trace.inputs[k].T @ da, da.sum(axis=0)
            if k:
                before, z = objective.layers[k - 1], trace.inputs[k]
                stream = modnet.Stream(self.seed, ("feedback", layer.number))
                feedback = self.std * stream.generator().standard_normal((layer.outputs, layer.inputs), dtype=da.dtype)
                da = before.activation.backward(trace.pre_activations[k - 1], z, da @ feedback)
        return grads


@attrs.frozen
class Clipped(modnet.GradientEstimator):
    """The gradient up to a length; of any length where that is None."""

    length: float | None = attrs.field(default=0.5)

    @property
    def promises(self):
        return "gradient" if self.length is None else "direction"

    def __call__(self, objective, params, stream):
        exact = objective.backward(params)
        size = float(np.sqrt(sum((g.astype(np.float64) ** 2).sum() for g in exact.values())))
        factor = 1.0 if self.length is None or size <= self.length else self.length / size
        return {name: (g * factor).astype(g.dtype) for name, g in exact.items()}


@modnet.hookimpl
def register_gradients(register):
    register(Exact)
    register(TwoPoints)
    register(FixedFeedback)
    register(Clipped)
