"""Weight decay, of which biases are left out."""

from __future__ import annotations

from typing import Any

import attrs
from attrs.validators import ge

from modnet import Array, Params, is_weight


def decay_field(default: float = 0.0) -> Any:
    """Return the field of a rate of decay, at least 0."""
    return attrs.field(default=default, validator=ge(0), kw_only=True)


def add_decay(name: str, g: Array, w: Array, weight_decay: float) -> Array:
    """Return the gradient `g` of the loss with weight_decay / 2 times the sum of all squared weights added to it.

    `name` is that of the array `w`; of biases it is `g` itself. Krogh and Hertz (1992), "A simple weight decay can
    improve generalization"; Saitoh, "Deep Learning from Scratch", chapter 6.4.2.

    >>> w, g = np.array([5.0]), np.array([2.0])
    >>> add_decay("W1", g, w, 0.1), add_decay("b1", g, w, 0.1)
    (array([2.5]), array([2.]))
    """
    return g + weight_decay * w if weight_decay and is_weight(name) else g


def shrink(new: Params, params: Params, share: float) -> Params:
    """Return new parameters, less a share of each weight before the step: decay apart from the gradient.

    Loshchilov and Hutter (2019), "Decoupled weight decay regularization", algorithm 2.

    >>> shrink({"W1": np.array([2.0])}, {"W1": np.array([5.0])}, 0.1)
    {'W1': array([1.5])}
    """
    return {name: w - share * params[name] if is_weight(name) else w for name, w in new.items()}
