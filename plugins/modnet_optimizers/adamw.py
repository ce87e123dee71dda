"""AdamW."""

from __future__ import annotations

import attrs
from attrs.validators import and_, ge, gt, lt

from modnet import Grads, LearningRate, Optimizer, Params, State
from modnet_optimizers.adam import Adam
from modnet_optimizers.decay import decay_field, shrink
from modnet_optimizers.rate import check_rate, to_number


@attrs.frozen
class AdamW(Optimizer):
    """Adam with decoupled weight decay: a step of Adam, then w <- w - lr weight_decay w' for weights w' before it.

    The decay does not pass through Adam's means, so that it does not depend on how steep the loss is. Loshchilov and
    Hutter (2019), "Decoupled weight decay regularization", algorithm 2, with `lr` as the multiplier of both, as
    PyTorch has it.

    >>> optimizer, params, grads = AdamW(lr=0.1), {"W1": np.array([1.0])}, {"W1": np.array([2.0])}
    >>> params, state = optimizer.step(params, grads, optimizer.init(params))
    >>> params["W1"].round(4), state["steps"]
    (array([0.899]), 1)
    """

    lr: LearningRate = attrs.field(default=0.001, validator=check_rate)
    beta1: float = attrs.field(default=0.9, validator=and_(ge(0), lt(1)))
    beta2: float = attrs.field(default=0.999, validator=and_(ge(0), lt(1)))
    eps: float = attrs.field(default=1e-8, validator=gt(0))
    weight_decay: float = decay_field(0.01)

    def init(self, params: Params) -> State:
        """Return Adam's state before the first step."""
        return self._adam.init(params)

    def step(self, params: Params, grads: Grads, state: State) -> tuple[Params, State]:
        """Return the parameters one step further, both means, and the number of steps."""
        new, state = self._adam.step(params, grads, state)
        return shrink(new, params, to_number(self.lr) * self.weight_decay), state

    @property
    def _adam(self) -> Adam:
        return Adam(self.lr, self.beta1, self.beta2, self.eps)
