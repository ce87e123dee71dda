"""NAdam."""

from __future__ import annotations

import attrs
from array_api_compat import array_namespace
from attrs.validators import and_, ge, gt, lt

from modnet import Grads, LearningRate, Optimizer, Params, State
from modnet_optimizers.decay import add_decay, decay_field
from modnet_optimizers.rate import check_rate, to_number


@attrs.frozen
class NAdam(Optimizer):
    """Adam with Nesterov's momentum: a step takes the gradient itself, and the mean as the next step would.

    With mu_k = beta1 (1 - 0.96^(k momentum_decay) / 2) and M_k the product of mu_1 to mu_k, step k is
    w <- w - lr ((1 - mu_k) g / (1 - M_k) + mu_k+1 m / (1 - M_k+1)) / (√v' + eps); m, v and v' are Adam's. Dozat (2016),
    "Incorporating Nesterov momentum into Adam", algorithm 2, with the warming momentum of PyTorch.

    >>> optimizer, params, grads = NAdam(lr=0.1), {"w": np.array([1.0])}, {"w": np.array([2.0])}
    >>> params, state = optimizer.step(params, grads, optimizer.init(params))
    >>> params["w"].round(4), state["steps"]
    (array([0.8944]), 1)
    """

    lr: LearningRate = attrs.field(default=0.002, validator=check_rate)
    beta1: float = attrs.field(default=0.9, validator=and_(ge(0), lt(1)))
    beta2: float = attrs.field(default=0.999, validator=and_(ge(0), lt(1)))
    eps: float = attrs.field(default=1e-8, validator=gt(0))
    momentum_decay: float = attrs.field(default=0.004, validator=ge(0))
    weight_decay: float = decay_field()

    def init(self, params: Params) -> State:
        """Return both means 0, after 0 steps."""
        zeros = {name: array_namespace(w).zeros_like(w) for name, w in params.items()}
        return {"steps": 0, "product": 1.0, "mean": zeros, "mean_square": dict(zeros)}

    def step(self, params: Params, grads: Grads, state: State) -> tuple[Params, State]:
        """Return the parameters one step further, both means, the number of steps and the product of momenta."""
        lr = to_number(self.lr)
        steps = state["steps"] + 1
        now, following = self._momentum(steps), self._momentum(steps + 1)
        product = state["product"] * now
        of_gradient = lr * (1 - now) / (1 - product)
        of_mean = lr * following / (1 - product * following)
        correction = (1 - self.beta2**steps) ** 0.5
        mean, mean_square, new = dict(state["mean"]), dict(state["mean_square"]), {}
        for name, w in params.items():
            g = add_decay(name, grads[name], w, self.weight_decay)
            m = self.beta1 * mean[name] + (1 - self.beta1) * g
            v = self.beta2 * mean_square[name] + (1 - self.beta2) * (g * g)
            mean[name], mean_square[name] = m, v
            new[name] = w - (of_gradient * g + of_mean * m) / (array_namespace(v).sqrt(v) / correction + self.eps)
        return new, {"steps": steps, "product": product, "mean": mean, "mean_square": mean_square}

    def _momentum(self, step: int) -> float:
        return self.beta1 * (1 - 0.5 * 0.96 ** (step * self.momentum_decay))
