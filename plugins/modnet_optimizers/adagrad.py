"""Adagrad."""

from __future__ import annotations

import attrs
from array_api_compat import array_namespace
from attrs.validators import gt

from modnet import Grads, LearningRate, Optimizer, Params, State
from modnet_optimizers.decay import add_decay, decay_field
from modnet_optimizers.rate import check_rate, to_number


@attrs.frozen
class Adagrad(Optimizer):
    """Adagrad: h <- h + g², then w <- w - lr g / (√h + eps), from h = 0.

    The variant with eps outside the root, as Saitoh's, PyTorch's and ONNX's. Duchi, Hazan and Singer (2011),
    "Adaptive subgradient methods for online learning and stochastic optimization"; Saitoh, "Deep Learning
    from Scratch", eq. 6.5 and 6.6.

    >>> optimizer, params, grads = Adagrad(lr=0.1), {"w": np.array([1.0])}, {"w": np.array([2.0])}
    >>> params, state = optimizer.step(params, grads, optimizer.init(params))
    >>> params["w"].round(4), state["square_sum"]["w"]
    (array([0.9]), array([4.]))
    """

    lr: LearningRate = attrs.field(default=0.01, validator=check_rate)
    eps: float = attrs.field(default=1e-7, validator=gt(0))
    weight_decay: float = decay_field()

    def init(self, params: Params) -> State:
        """Return the sum of squares 0."""
        return {"square_sum": {name: array_namespace(w).zeros_like(w) for name, w in params.items()}}

    def step(self, params: Params, grads: Grads, state: State) -> tuple[Params, State]:
        """Return the parameters one step further, and the sum of squares so far."""
        lr = to_number(self.lr)
        square_sum = dict(state["square_sum"])
        new = {}
        for name, w in params.items():
            g = add_decay(name, grads[name], w, self.weight_decay)
            h = g * g
            h += square_sum[name]
            square_sum[name] = h
            scale = array_namespace(h).sqrt(h)
            scale += self.eps
            downhill = lr * g
            downhill /= scale
            new[name] = w - downhill
        return new, {"square_sum": square_sum}
