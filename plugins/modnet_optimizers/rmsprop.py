"""RMSprop."""

from __future__ import annotations

import attrs
from array_api_compat import array_namespace
from attrs.validators import and_, ge, gt, lt

from modnet import Grads, LearningRate, Optimizer, Params, State
from modnet_optimizers.decay import add_decay, decay_field
from modnet_optimizers.rate import check_rate, to_number


@attrs.frozen
class Rmsprop(Optimizer):
    """RMSprop: h <- decay h + (1 - decay) g², then w <- w - lr g / (√h + eps), from h = 0.

    The variant with eps outside the root and neither momentum nor centring, as PyTorch's default and Saitoh's
    code. Tieleman and Hinton (2012), "Neural networks for machine learning", lecture 6.5.

    >>> optimizer, params, grads = Rmsprop(lr=0.1), {"w": np.array([1.0])}, {"w": np.array([2.0])}
    >>> params, state = optimizer.step(params, grads, optimizer.init(params))
    >>> params["w"].round(4), state["mean_square"]["w"].round(4)
    (array([0.]), array([0.04]))
    """

    lr: LearningRate = attrs.field(default=0.01, validator=check_rate)
    decay: float = attrs.field(default=0.99, validator=and_(ge(0), lt(1)))
    eps: float = attrs.field(default=1e-7, validator=gt(0))
    weight_decay: float = decay_field()

    def init(self, params: Params) -> State:
        """Return the mean square 0."""
        return {"mean_square": {name: array_namespace(w).zeros_like(w) for name, w in params.items()}}

    def step(self, params: Params, grads: Grads, state: State) -> tuple[Params, State]:
        """Return the parameters one step further, and the mean square of the gradients."""
        lr = to_number(self.lr)
        mean_square = dict(state["mean_square"])
        new = {}
        for name, w in params.items():
            g = add_decay(name, grads[name], w, self.weight_decay)
            h = g * g
            h *= 1 - self.decay
            h += self.decay * mean_square[name]
            mean_square[name] = h
            scale = array_namespace(h).sqrt(h)
            scale += self.eps
            downhill = lr * g
            downhill /= scale
            new[name] = w - downhill
        return new, {"mean_square": mean_square}
