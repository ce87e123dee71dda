"""Adam."""

from __future__ import annotations

import attrs
from array_api_compat import array_namespace
from attrs.validators import and_, ge, gt, lt

from modnet import Grads, LearningRate, Optimizer, Params, State
from modnet_optimizers.decay import add_decay, decay_field
from modnet_optimizers.rate import check_rate, to_number


@attrs.frozen
class Adam(Optimizer):
    """Adam: m <- beta1 m + (1 - beta1) g, v <- beta2 v + (1 - beta2) g², then w <- w - lr m' / (√v' + eps).

    Both means start from 0, which m' = m / (1 - beta1^k) and v' = v / (1 - beta2^k) make good in step k; eps
    stands outside the root and is not corrected. Kingma and Ba (2015), "Adam: a method for stochastic
    optimization", algorithm 1.

    >>> optimizer, params, grads = Adam(lr=0.1), {"w": np.array([1.0])}, {"w": np.array([2.0])}
    >>> params, state = optimizer.step(params, grads, optimizer.init(params))
    >>> params["w"].round(4), state["steps"], state["mean"]["w"].round(4), state["mean_square"]["w"].round(4)
    (array([0.9]), 1, array([0.2]), array([0.004]))
    """

    lr: LearningRate = attrs.field(default=0.001, validator=check_rate)
    beta1: float = attrs.field(default=0.9, validator=and_(ge(0), lt(1)))
    beta2: float = attrs.field(default=0.999, validator=and_(ge(0), lt(1)))
    eps: float = attrs.field(default=1e-8, validator=gt(0))
    weight_decay: float = decay_field()

    def init(self, params: Params) -> State:
        """Return both means 0, after 0 steps."""
        zeros = {name: array_namespace(w).zeros_like(w) for name, w in params.items()}
        return {"steps": 0, "mean": zeros, "mean_square": dict(zeros)}

    def step(self, params: Params, grads: Grads, state: State) -> tuple[Params, State]:
        """Return the parameters one step further, both means, and the number of steps."""
        lr = to_number(self.lr)
        steps = state["steps"] + 1
        mean, mean_square = dict(state["mean"]), dict(state["mean_square"])
        rate = lr / (1 - self.beta1**steps)
        correction = (1 - self.beta2**steps) ** 0.5
        new = {}
        for name, w in params.items():
            g = add_decay(name, grads[name], w, self.weight_decay)
            m = self.beta1 * mean[name]
            m += (1 - self.beta1) * g
            v = g * g
            v *= 1 - self.beta2
            v += self.beta2 * mean_square[name]
            mean[name], mean_square[name] = m, v
            scale = array_namespace(v).sqrt(v)
            scale /= correction
            scale += self.eps
            downhill = rate * m
            downhill /= scale
            new[name] = w - downhill
        return new, {"steps": steps, "mean": mean, "mean_square": mean_square}
