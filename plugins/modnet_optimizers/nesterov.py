"""Gradient descent with Nesterov's momentum."""

from __future__ import annotations

import attrs
from array_api_compat import array_namespace
from attrs.validators import and_, ge, lt

from modnet import Grads, LearningRate, Optimizer, Params, State
from modnet_optimizers.decay import add_decay, decay_field
from modnet_optimizers.rate import check_rate, to_number


@attrs.frozen
class Nesterov(Optimizer):
    """Nesterov's accelerated gradient: v <- momentum v - lr g, then w <- w + momentum v - lr g, from v = 0.

    The variant of PyTorch and ONNX, and of Saitoh's code: `w` stands where the velocity would carry it next,
    so that the gradient is taken there. Sutskever, Martens, Dahl and Hinton (2013), "On the importance of
    initialization and momentum in deep learning", eq. 3 and 4, in the form of Bengio, Boulanger-Lewandowski
    and Pascanu (2013), "Advances in optimizing recurrent networks".

    >>> optimizer, params, grads = Nesterov(lr=0.1), {"w": np.array([1.0])}, {"w": np.array([2.0])}
    >>> params, state = optimizer.step(params, grads, optimizer.init(params))
    >>> params["w"].round(4), state["velocity"]["w"].round(4)
    (array([0.62]), array([-0.2]))
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
        new = {}
        for name, w in params.items():
            g = add_decay(name, grads[name], w, self.weight_decay)
            downhill = lr * g
            v = self.momentum * velocity[name]
            v -= downhill
            velocity[name] = v
            new[name] = w + self.momentum * v
            new[name] -= downhill
        return new, {"velocity": velocity}
