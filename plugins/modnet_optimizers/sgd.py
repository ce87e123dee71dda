"""Stochastic gradient descent."""

from __future__ import annotations

import attrs

from modnet import Grads, LearningRate, Optimizer, Params, State
from modnet_optimizers.decay import add_decay, decay_field
from modnet_optimizers.rate import check_rate, to_number


@attrs.frozen
class Sgd(Optimizer):
    """Gradient descent on mini-batches: w <- w - lr g.

    Saitoh, "Deep Learning from Scratch", eq. 4.7 and 6.1.

    >>> params, state = Sgd(lr=0.1).step({"w": np.array([1.0])}, {"w": np.array([2.0])}, {})
    >>> params["w"]
    array([0.8])
    """

    lr: LearningRate = attrs.field(default=0.01, validator=check_rate)
    weight_decay: float = decay_field()

    def init(self, params: Params) -> State:  # noqa: ARG002 - nothing to remember
        """Return an empty state."""
        return {}

    def step(self, params: Params, grads: Grads, state: State) -> tuple[Params, State]:
        """Return the parameters one step further."""
        lr = to_number(self.lr)
        moved = {}
        for name, w in params.items():
            step = add_decay(name, grads[name], w, self.weight_decay) * -lr
            step += w  # into the new array: one pass through memory less
            moved[name] = step
        return moved, state
