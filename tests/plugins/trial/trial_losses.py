"""Losses of probabilities and of scores, one of them fused with the softmax."""

import attrs
import numpy as np
from attrs.validators import gt

import modnet


@attrs.frozen
class Winsorized(modnet.Loss):
    """Quadratic up to `delta`, linear beyond; None is quadratic everywhere."""

    delta: float | None = attrs.field(default=1.0)

    def __call__(self, y, t, axis=-1):
        difference = abs(y - modnet.one_hot(t, y, axis))
        delta = np.inf if self.delta is None else self.delta
        quadratic = np.minimum(difference, delta)
        rest = 0 if self.delta is None else self.delta * (difference - quadratic)
        return (0.5 * quadratic**2 + rest).sum(axis=axis)

    def backward(self, y, t, axis=-1):
        difference = y - modnet.one_hot(t, y, axis)
        return difference if self.delta is None else np.clip(difference, -self.delta, self.delta)


@attrs.frozen
class LogLikelihood(modnet.Loss):
    """-log y_c, with a fused form after a softmax."""

    floor: float = attrs.field(default=1e-30, validator=gt(0))

    def __call__(self, y, t, axis=-1):
        return -(modnet.one_hot(t, y, axis) * np.log(np.maximum(y, self.floor))).sum(axis=axis)

    def backward(self, y, t, axis=-1):
        return -modnet.one_hot(t, y, axis) / np.maximum(y, self.floor)

    def fused(self, activation):
        return SoftmaxLogLikelihood() if activation.computes == "softmax" else None


@attrs.frozen
class SoftmaxLogLikelihood(modnet.FusedLoss):
    def __call__(self, a, t, axis=-1):
        shifted = a - a.max(axis=axis, keepdims=True)
        log_y = shifted - np.log(np.exp(shifted).sum(axis=axis, keepdims=True))
        return -(modnet.one_hot(t, a, axis) * log_y).sum(axis=axis), np.exp(log_y)

    def backward(self, a, y, t, axis=-1):
        return y - modnet.one_hot(t, y, axis)


@attrs.frozen
class Hinge(modnet.Loss):
    """The hinge of scores, which come from the identity (Weston and Watkins 1999)."""

    margin: float = attrs.field(default=1.0, validator=gt(0))

    task = "classification"

    def __call__(self, y, t, axis=-1):
        return np.maximum(self.gaps(y, t, axis), 0).sum(axis=axis)

    def backward(self, y, t, axis=-1):
        hot = modnet.one_hot(t, y, axis)
        wrong = (self.gaps(y, t, axis) > 0) * (1 - hot)
        return wrong - hot * wrong.sum(axis=axis, keepdims=True)

    def gaps(self, y, t, axis):
        hot = modnet.one_hot(t, y, axis)
        return (self.margin + y - (hot * y).sum(axis=axis, keepdims=True)) * (1 - hot)


@modnet.hookimpl
def register_losses(register):
    register(Winsorized)
    register(LogLikelihood)
    register(Hinge)
