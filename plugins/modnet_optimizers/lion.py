"""Lion."""

from __future__ import annotations

import attrs
from array_api_compat import array_namespace
from attrs.validators import and_, ge, lt

from modnet import Grads, LearningRate, Optimizer, Params, State
from modnet_optimizers.decay import decay_field, shrink
from modnet_optimizers.rate import check_rate, to_number


@attrs.frozen
class Lion(Optimizer):
    """Lion: w <- w - lr sign(beta1 m + (1 - beta1) g), then m <- beta2 m + (1 - beta2) g, from m = 0.

    Every step has the length `lr` in each parameter: a tenth to a third of Adam's suits it. Weights decay apart from
    the gradient, by lr weight_decay. Chen et al. (2023), "Symbolic discovery of optimization algorithms", program 1.

    >>> optimizer, params, grads = Lion(lr=0.1), {"w": np.array([1.0])}, {"w": np.array([2.0])}
    >>> params, state = optimizer.step(params, grads, optimizer.init(params))
    >>> params["w"].round(4), state["mean"]["w"].round(4)
    (array([0.9]), array([0.02]))
    """

    lr: LearningRate = attrs.field(default=0.0001, validator=check_rate)
    beta1: float = attrs.field(default=0.9, validator=and_(ge(0), lt(1)))
    beta2: float = attrs.field(default=0.99, validator=and_(ge(0), lt(1)))
    weight_decay: float = decay_field()

    def init(self, params: Params) -> State:
        """Return the mean 0."""
        return {"mean": {name: array_namespace(w).zeros_like(w) for name, w in params.items()}}

    def step(self, params: Params, grads: Grads, state: State) -> tuple[Params, State]:
        """Return the parameters one step further, and the mean of the gradients."""
        lr = to_number(self.lr)
        mean, new = dict(state["mean"]), {}
        for name, w in params.items():
            m, g = mean[name], grads[name]
            direction = self.beta1 * m + (1 - self.beta1) * g
            new[name] = w - lr * array_namespace(w).sign(direction)
            mean[name] = self.beta2 * m + (1 - self.beta2) * g
        return shrink(new, params, lr * self.weight_decay), {"mean": mean}
