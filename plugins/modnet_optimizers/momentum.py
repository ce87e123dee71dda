"""Gradient descent with momentum."""

from __future__ import annotations

import attrs
from array_api_compat import array_namespace
from attrs.validators import and_, ge, lt

from modnet import Grads, LearningRate, Optimizer, Params, State
from modnet_optimizers.decay import add_decay, decay_field
from modnet_optimizers.rate import check_rate, to_number


@attrs.frozen
class Momentum(Optimizer):
    """Gradient descent with classical momentum: v <- momentum v - lr g, then w <- w + v, from v = 0.

    Polyak (1964), "Some methods of speeding up the convergence of iteration methods"; Saitoh, "Deep Learning
    from Scratch", eq. 6.3 and 6.4.

    >>> optimizer, params, grads = Momentum(lr=0.1), {"w": np.array([1.0])}, {"w": np.array([2.0])}
    >>> params, state = optimizer.step(params, grads, optimizer.init(params))
    >>> params, state = optimizer.step(params, grads, state)
    >>> params["w"].round(4), state["velocity"]["w"].round(4)
    (array([0.42]), array([-0.38]))
    """

    lr: LearningRate = attrs.field(default=0.01, validator=check_rate)
    momentum: float = attrs.field(default=0.9, validator=and_(ge(0), lt(1)))
    weight_decay: float = decay_field()

    def init(self, params: Params) -> State:
        """Return the velocity 0."""
        return {"velocity": {name: array_namespace(w).zeros_like(w) for name, w in params.items()}}

    def step(self, params: Params, grads: Grads, state: State) -> tuple[Params, State]:
        """Return the parameters one step further, and their velocity."""
        lr = to_number(self.lr)
        velocity = dict(state["velocity"])
        for name, w in params.items():
            g = add_decay(name, grads[name], w, self.weight_decay)
            v = self.momentum * velocity[name]
            v -= lr * g
            velocity[name] = v
        return {name: w + velocity[name] for name, w in params.items()}, {"velocity": velocity}
