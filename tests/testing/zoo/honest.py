"""Honest parts of all kinds, as third parties write them: none may be accused."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import attrs
import numpy as np
from attrs.validators import ge, gt, in_, lt

import modnet
from zoo import Cage

ACTIVATIONS = Cage("activation")
LAYERS = Cage("layer")
LOSSES = Cage("loss")
GRADIENTS = Cage("gradient")
OPTIMIZERS = Cage("optimizer")
SOURCES = Cage("data-source")
CAGES = (ACTIVATIONS, LAYERS, LOSSES, GRADIENTS, OPTIMIZERS, SOURCES)


# Activations


@ACTIVATIONS.add_legal()
class LogSoftmax(modnet.Activation):
    """The logarithm of the softmax: scores that are log-probabilities."""

    computes = "log-softmax"
    kinks = ()

    def __call__(self, a, axis=-1):
        shifted = a - a.max(axis=axis, keepdims=True)
        return shifted - np.log(np.exp(shifted).sum(axis=axis, keepdims=True))

    def backward(self, a, z, dz, axis=-1):
        return dz - np.exp(z) * dz.sum(axis=axis, keepdims=True)


@ACTIVATIONS.add_legal()
class LogSoftmaxOfScipy(LogSoftmax):
    """The same without a derivative of its own, and without a promise."""

    kinks = None

    def backward(self, a, z, dz, axis=-1):
        raise modnet.NoDerivativeError("take central differences")


@ACTIVATIONS.add_legal()
class Margin(modnet.Activation):
    """Scores, for losses of scores: the identity under another name."""

    elementwise = True
    computes = "margin"
    kinks = ()

    def __call__(self, a, axis=-1):
        return a.copy()

    def backward(self, a, z, dz, axis=-1):
        return dz

    def change(self, a, z, da, axis=-1):
        return np.broadcast_to(da, np.broadcast_shapes(a.shape, da.shape))


@ACTIVATIONS.add_legal()
class LocalWinnerTakesAll(modnet.Activation):
    """Lets the largest of each pair of units pass (Srivastava et al. 2013): units compete along the axis."""

    def __call__(self, a, axis=-1):
        return a * self.mask(a, axis)

    def backward(self, a, z, dz, axis=-1):
        return dz * self.mask(a, axis)

    def mask(self, a, axis):
        moved = np.moveaxis(a, axis, -1)
        pairs = moved.reshape(*moved.shape[:-1], moved.shape[-1] // 2, 2)
        wins = (pairs == pairs.max(axis=-1, keepdims=True)).astype(a.dtype)
        return np.moveaxis(wins.reshape(moved.shape), -1, axis)


@ACTIVATIONS.add_legal(width=6)
@attrs.frozen
class MaxoutOfGroups(modnet.Activation):
    """The maximum of each group of units, given to all of the group; works only where groups fit into the layer."""

    group: int = attrs.field(default=3, validator=ge(1))

    def __call__(self, a, axis=-1):
        largest = self.split(a, axis).max(axis=-1, keepdims=True)
        return self.join(np.broadcast_to(largest, self.split(a, axis).shape), a, axis)

    def backward(self, a, z, dz, axis=-1):
        groups, d = self.split(a, axis), self.split(dz, axis)
        wins = groups == groups.max(axis=-1, keepdims=True)
        return self.join(wins * d.sum(axis=-1, keepdims=True), a, axis).astype(a.dtype)

    def split(self, a, axis):
        moved = np.moveaxis(a, axis, -1)
        if moved.shape[-1] % self.group:
            raise modnet.ShapeError(f"maxout: {moved.shape[-1]} units are no multiple of {self.group}")
        return moved.reshape(*moved.shape[:-1], moved.shape[-1] // self.group, self.group)

    def join(self, groups, a, axis):
        moved = np.moveaxis(a, axis, -1)
        return np.moveaxis(groups.reshape(moved.shape), -1, axis)


@ACTIVATIONS.add_legal()
@attrs.frozen
class PReLU(modnet.Activation):
    """Rectifies with a slope for each sign."""

    below: float = attrs.field(default=0.25)
    above: float = attrs.field(default=1.0, validator=gt(0))

    elementwise = True
    kinks = (0.0,)

    def __call__(self, a, axis=-1):
        return np.where(a > 0, self.above * a, self.below * a)

    def backward(self, a, z, dz, axis=-1):
        return np.where(a > 0, self.above * dz, self.below * dz)


@ACTIVATIONS.add_legal()
@attrs.frozen
class Mish(modnet.Activation):
    """a tanh(softplus(a)), without a derivative of its own (Misra 2019)."""

    elementwise = True

    def __call__(self, a, axis=-1):
        return a * np.tanh(np.logaddexp(a, 0))


@ACTIVATIONS.add_legal()
@attrs.frozen
class Sine(modnet.Activation):
    """sin(w a): not monotonous, and what it does far away is rounding."""

    frequency: float = attrs.field(default=3.0, validator=gt(0))

    elementwise = True
    kinks = ()

    def __call__(self, a, axis=-1):
        return np.sin(self.frequency * a)

    def backward(self, a, z, dz, axis=-1):
        return dz * self.frequency * np.cos(self.frequency * a)


@ACTIVATIONS.add_legal()
class Gaussian(modnet.Activation):
    """exp(-a²): a bump."""

    elementwise = True
    kinks = ()

    def __call__(self, a, axis=-1):
        return np.exp(-a * a)

    def backward(self, a, z, dz, axis=-1):
        return -2 * a * z * dz


@ACTIVATIONS.add_legal(largest=80.0)
class Exponential(modnet.Activation):
    """exp(a), the rate of a Poisson regression; overflows, as documented."""

    elementwise = True
    kinks = ()

    def __call__(self, a, axis=-1):
        return np.exp(a)

    def backward(self, a, z, dz, axis=-1):
        return dz * z


@ACTIVATIONS.add_legal()
@attrs.frozen
class Normalized(modnet.Activation):
    """Layer normalization without parameters, along the axis."""

    eps: float = attrs.field(default=1e-5, validator=gt(0))

    def __call__(self, a, axis=-1):
        centred = a - a.mean(axis=axis, keepdims=True)
        return centred / np.sqrt((centred**2).mean(axis=axis, keepdims=True) + self.eps)

    def backward(self, a, z, dz, axis=-1):
        centred = a - a.mean(axis=axis, keepdims=True)
        deviation = np.sqrt((centred**2).mean(axis=axis, keepdims=True) + self.eps)
        mean = dz.mean(axis=axis, keepdims=True)
        return (dz - mean - z * (dz * z).mean(axis=axis, keepdims=True)) / deviation


@ACTIVATIONS.add_legal()
@attrs.frozen
class Sparsemax(modnet.Activation):
    """The projection on the simplex (Martins and Astudillo 2016): probabilities, many of them 0."""

    def __call__(self, a, axis=-1):
        return np.maximum(a - self.threshold(a, axis), 0)

    def backward(self, a, z, dz, axis=-1):
        support = z > 0
        mean = (dz * support).sum(axis=axis, keepdims=True) / np.maximum(support.sum(axis=axis, keepdims=True), 1)
        return np.where(support, dz - mean, 0).astype(a.dtype)

    def threshold(self, a, axis):
        moved = -np.sort(-np.moveaxis(a, axis, -1), axis=-1)
        count = np.arange(1, moved.shape[-1] + 1, dtype=a.dtype)
        sums = np.cumsum(moved, axis=-1)
        k = (1 + count * moved > sums).sum(axis=-1, keepdims=True)
        found = (np.take_along_axis(sums, k - 1, axis=-1) - 1) / k.astype(a.dtype)
        return np.moveaxis(found, -1, axis)


@ACTIVATIONS.add_legal()
@attrs.frozen
class Quantized(modnet.Activation):
    """Rounds to levels, with the straight-through derivative of its own kind left out."""

    levels: int = attrs.field(default=8, validator=ge(1))
    mode: str = attrs.field(default="nearest", validator=in_(("nearest", "down")))

    elementwise = True

    def __call__(self, a, axis=-1):
        held = np.clip(a, -1, 1) * self.levels
        return (np.rint(held) if self.mode == "nearest" else np.floor(held)) / self.levels


# Layers


@LAYERS.add_legal()
class SelfAttention(modnet.Layer):
    """Attention of each step of a sequence to all steps (Vaswani et al. 2017), without a derivative of its own."""

    def shape(self, inputs):
        if len(inputs) != 2:
            raise modnet.ShapeError(f"expects sequences (steps, features), it was given {inputs}")
        return inputs

    def params(self, inputs):
        return tuple(modnet.Param(f"W_{name}", (inputs[1], inputs[1]), init="xavier") for name in ("q", "k", "v"))

    def forward(self, params, x, mode, stream):
        query, key, value = (x @ params[f"W_{name}"] for name in ("q", "k", "v"))
        scores = query @ key.swapaxes(1, 2) / x.dtype.type(x.shape[2] ** 0.5)
        return modnet.activation("softmax")(scores) @ value, None


@LAYERS.add_legal()
@attrs.frozen
class Recurrent(modnet.Layer):
    """The last state of a recurrent network over a sequence (Elman 1990)."""

    units: int = attrs.field(default=3, validator=ge(1))

    def shape(self, inputs):
        if len(inputs) != 2:
            raise modnet.ShapeError(f"expects sequences (steps, features), it was given {inputs}")
        return (self.units,)

    def params(self, inputs):
        wx = modnet.Param("Wx", (inputs[1], self.units))
        return wx, modnet.Param("Wh", (self.units, self.units), "orthogonal"), modnet.Param("b", (self.units,))

    @property
    def couples_samples(self):
        return False

    def forward(self, params, x, mode, stream):
        states = [np.zeros((len(x), self.units), x.dtype)]
        for step in range(x.shape[1]):
            states.append(np.tanh(x[:, step] @ params["Wx"] + states[-1] @ params["Wh"] + params["b"]))
        return states[-1], states

    def backward(self, params, x, z, memo, dz):
        steps = self.errors(params, memo, dz)
        return np.stack([da @ params["Wx"].T for da in steps], axis=1)

    def gradients(self, params, x, z, memo, dz):
        steps = self.errors(params, memo, dz)
        wx = sum(x[:, i].T @ da for i, da in enumerate(steps))
        return {"Wx": wx, "Wh": sum(memo[i].T @ da for i, da in enumerate(steps)), "b": sum(steps).sum(axis=0)}

    def errors(self, params, memo, dz):
        found = []
        for state in reversed(memo[1:]):
            found.insert(0, dz * (1 - state * state))
            dz = found[0] @ params["Wh"].T
        return found


@LAYERS.add_legal()
@attrs.frozen
class Mixup(modnet.Layer):
    """Each sample mixed with another one of the batch, in training (Zhang et al. 2018)."""

    share: float = attrs.field(default=0.2, validator=ge(0))

    couples_samples = True

    def forward(self, params, x, mode, stream):
        if mode == "predict":
            return x, None
        order, share = stream.generator().permutation(len(x)), x.dtype.type(self.share)
        return (1 - share) * x + share * x[order], order

    def backward(self, params, x, z, memo, dz):
        share = dz.dtype.type(self.share)
        return dz if memo is None else (1 - share) * dz + share * dz[np.argsort(memo)]

    def reach(self, inputs, channels):
        return channels


@LAYERS.add_legal()
@attrs.frozen
class LowRank(modnet.Layer):
    """A dense layer whose weights are a product, linear in each factor."""

    units: int = attrs.field(default=5, validator=ge(1))
    rank: int = attrs.field(default=2, validator=ge(1))

    def shape(self, inputs):
        if len(inputs) != 1:
            raise modnet.ShapeError(f"expects rows of numbers, it was given {inputs}")
        return (self.units,)

    def params(self, inputs):
        first = modnet.Param("W_in", (*inputs, self.rank), init="he", linear=True)
        return first, modnet.Param("W_out", (self.rank, self.units), init="he", channel_axis=1, linear=True)

    def forward(self, params, x, mode, stream):
        inner = x @ params["W_in"]
        return inner @ params["W_out"], inner

    def backward(self, params, x, z, memo, dz):
        return dz @ params["W_out"].T @ params["W_in"].T

    def gradients(self, params, x, z, memo, dz):
        return {"W_in": x.T @ (dz @ params["W_out"].T), "W_out": memo.T @ dz}

    def slopes(self, params, x, memo, name, channel):
        return memo.T


@LAYERS.add_legal()
class RunningSize(modnet.Layer):
    """Divides by a running size, whose bias a count takes out, as Adam does."""

    elementwise = True

    def buffers(self, inputs):
        return modnet.Param("square", inputs, init=0.0), modnet.Param("count", (1,), init=0.0)

    def forward(self, params, x, mode, stream):
        share = np.maximum(1 - 0.9 ** params["count"], x.dtype.type(0.1))
        size = np.sqrt(params["square"] / share + x.dtype.type(1e-3))
        return x / size, size

    def update(self, params, x, memo):
        return {"square": 0.9 * params["square"] + 0.1 * (x * x).mean(axis=0), "count": params["count"] + 1}

    def backward(self, params, x, z, memo, dz):
        return dz / memo


# Losses


@LOSSES.add_legal(output=LogSoftmax())
class NegativeLogLikelihood(modnet.Loss):
    """-z_c of log-probabilities z, with a fused form after whatever computes the log-softmax."""

    task = "classification"

    def __call__(self, y, t, axis=-1):
        return -(modnet.one_hot(t, y, axis) * y).sum(axis=axis)

    def backward(self, y, t, axis=-1):
        return -modnet.one_hot(t, y, axis)

    def fused(self, activation):
        return LogSoftmaxLikelihood() if activation.computes == "log-softmax" else None


class LogSoftmaxLikelihood(modnet.FusedLoss):
    def __call__(self, a, t, axis=-1):
        z = LogSoftmax()(a, axis)
        return -(modnet.one_hot(t, a, axis) * z).sum(axis=axis), z

    def backward(self, a, y, t, axis=-1):
        hot = modnet.one_hot(t, a, axis)
        return np.exp(y) * hot.sum(axis=axis, keepdims=True) - hot


@LOSSES.add_legal(output=Margin())
@attrs.frozen
class MulticlassHinge(modnet.Loss):
    """The hinge of scores (Weston and Watkins 1999)."""

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
        right = (hot * y).sum(axis=axis, keepdims=True)
        return (self.margin + y - right) * (1 - hot)


@LOSSES.add_legal(output=Margin())
class HingeOfClasses(modnet.Loss):
    """The same for class indices and one-hot rows alone: other dense targets are no classes."""

    task = "classification"

    def __call__(self, y, t, axis=-1):
        c = np.expand_dims(self.classes(y, t, axis), axis)
        gaps = 1 + y - np.take_along_axis(y, c, axis)
        np.put_along_axis(gaps, c, 0, axis)
        return np.maximum(gaps, 0).sum(axis=axis)

    def classes(self, y, t, axis):
        return t if t.ndim < y.ndim else t.argmax(axis=axis)


@LOSSES.add_legal(output=Margin())
class LogitsCrossEntropy(modnet.Loss):
    """The cross entropy of scores: log sum exp(y) - y_c."""

    task = "classification"
    smooth = True

    def __call__(self, y, t, axis=-1):
        top = y.max(axis=axis, keepdims=True)
        total = np.log(np.exp(y - top).sum(axis=axis)) + top.squeeze(axis)
        hot = modnet.one_hot(t, y, axis)
        return total * hot.sum(axis=axis) - (hot * y).sum(axis=axis)

    def backward(self, y, t, axis=-1):
        hot = modnet.one_hot(t, y, axis)
        e = np.exp(y - y.max(axis=axis, keepdims=True))
        return e / e.sum(axis=axis, keepdims=True) * hot.sum(axis=axis, keepdims=True) - hot


@LOSSES.add_legal()
@attrs.frozen
class Focal(modnet.Loss):
    """(1 - y_c)^gamma (-log y_c) of probabilities (Lin et al. 2017), with a derivative by differences."""

    gamma: float = attrs.field(default=2.0, validator=ge(0))
    eps: float = attrs.field(default=1e-7, validator=gt(0))

    task = "classification"

    def __call__(self, y, t, axis=-1):
        right = np.clip((modnet.one_hot(t, y, axis) * y).sum(axis=axis), self.eps, 1)
        return -((1 - right) ** self.gamma) * np.log(right)


@LOSSES.add_legal()
@attrs.frozen
class FusedFocal(Focal):
    """The same, with a derivative where it is fused with the softmax alone."""

    def fused(self, activation):
        return FocalOfScores(self.gamma) if activation.computes == "softmax" else None


@attrs.frozen
class FocalOfScores(modnet.FusedLoss):
    gamma: float

    def __call__(self, a, t, axis=-1):
        z = LogSoftmax()(a, axis)
        right = self.right(z, t, axis)
        return -((1 - np.exp(right)) ** self.gamma) * right, np.exp(z)

    def right(self, z, t, axis):
        if t.ndim < z.ndim:
            return np.take_along_axis(z, np.expand_dims(t, axis), axis).squeeze(axis)
        with np.errstate(divide="ignore"):
            return np.log((t * np.exp(z)).sum(axis=axis))

    def backward(self, a, y, t, axis=-1):
        hot, z = modnet.one_hot(t, y, axis), LogSoftmax()(a, axis)
        log_p = np.expand_dims(self.right(z, t, axis), axis)
        p = np.exp(log_p)
        slope = self.gamma * (1 - p) ** (self.gamma - 1) * log_p * p - (1 - p) ** self.gamma
        return slope * (hot * y / np.maximum(p, 1e-300) - y)


@LOSSES.add_legal()
@attrs.frozen
class LabelSmoothing(modnet.Loss):
    """The cross entropy to targets that are smoothed by a share (Szegedy et al. 2016)."""

    share: float = attrs.field(default=0.1, validator=[ge(0), lt(1)])
    eps: float = attrs.field(default=1e-7, validator=gt(0))

    def __call__(self, y, t, axis=-1):
        return -(self.smooth_targets(y, t, axis) * np.log(y + self.eps)).sum(axis=axis)

    def backward(self, y, t, axis=-1):
        return -self.smooth_targets(y, t, axis) / (y + self.eps)

    def smooth_targets(self, y, t, axis):
        return (1 - self.share) * modnet.one_hot(t, y, axis) + self.share / y.shape[axis]


@LOSSES.add_legal(output=Exponential())
class Poisson(modnet.Loss):
    """The negative log-likelihood of counts under rates, y - t log y; rates are positive, counts are no classes."""

    task = "regression"

    def __call__(self, y, t, axis=-1):
        return (y - t * np.log(y)).sum(axis=axis)

    def backward(self, y, t, axis=-1):
        return 1 - t / y


@LOSSES.add_legal()
class PoissonOfLogRates(modnet.Loss):
    """The same of log-rates."""

    task = "regression"

    def __call__(self, y, t, axis=-1):
        return (np.exp(y) - t * y).sum(axis=axis)

    def backward(self, y, t, axis=-1):
        return np.exp(y) - t


@LOSSES.add_legal()
@attrs.frozen
class Pinball(modnet.Loss):
    """The loss of a quantile, for regression alone."""

    quantile: float = attrs.field(default=0.9, validator=[gt(0), lt(1)])

    task = "regression"

    def __call__(self, y, t, axis=-1):
        d = t - y
        return np.maximum(self.quantile * d, (self.quantile - 1) * d).mean(axis=axis)

    def backward(self, y, t, axis=-1):
        return np.where(t > y, -self.quantile, 1 - self.quantile).astype(y.dtype) / y.shape[axis]


@LOSSES.add_legal()
class LogCosh(modnet.Loss):
    """log cosh of the error, smooth, for regression alone."""

    task = "regression"
    smooth = True

    def __call__(self, y, t, axis=-1):
        d = y - t
        return (np.logaddexp(d, -d) - np.log(d.dtype.type(2))).sum(axis=axis)

    def backward(self, y, t, axis=-1):
        return np.tanh(y - t)


@LOSSES.add_legal(output=Margin(), classes=1)
class Logistic(modnet.Loss):
    """The logistic loss of one score for two classes; never called with more."""

    task = "classification"
    is_binary = True

    def __call__(self, y, t, axis=-1):
        score, sign = self.score_and_sign(y, t, axis)
        return np.logaddexp(score.dtype.type(0), -sign * score)

    def backward(self, y, t, axis=-1):
        score, sign = self.score_and_sign(y, t, axis)
        return np.expand_dims(-sign / (1 + np.exp(sign * score)), axis)

    def score_and_sign(self, y, t, axis):
        t = t.squeeze(axis) if t.ndim == y.ndim else t
        score = y.squeeze(axis)
        return score, (2 * t.astype(y.dtype) - 1)


@LOSSES.add_legal()
class KullbackLeibler(modnet.Loss):
    """sum t log(t / y): dense targets, with 0 log 0 = 0."""

    def __call__(self, y, t, axis=-1):
        t = modnet.one_hot(t, y, axis)
        tiny = np.finfo(y.dtype).tiny
        return (t * (np.log(np.maximum(t, tiny)) - np.log(np.maximum(y, tiny)))).sum(axis=axis)

    def backward(self, y, t, axis=-1):
        return -modnet.one_hot(t, y, axis) / np.maximum(y, np.finfo(y.dtype).tiny)


@LOSSES.add_legal()
def absolute_error(y, t):
    return abs(y - modnet.one_hot(t, y)).sum(axis=-1)


# The kit looks as closely at what is not of probabilities


@LOSSES.add_broken("derivative", output=Margin())
class HingeOfTheWrongSide(MulticlassHinge):
    def backward(self, y, t, axis=-1):
        return -MulticlassHinge.backward(self, y, t, axis)


@LOSSES.add_broken("derivative")
class HalfTheSlope(LogCosh):
    def backward(self, y, t, axis=-1):
        return np.tanh(y - t) / 2


@LOSSES.add_broken("derivative", output=Margin(), classes=1)
class TheOtherClass(Logistic):
    def backward(self, y, t, axis=-1):
        return -Logistic.backward(self, y, t, axis)


@LOSSES.add_broken("fused", output=LogSoftmax())
class ForgetsTheSoftmax(NegativeLogLikelihood):
    def fused(self, activation):
        return ForgottenSoftmax() if activation.computes == "log-softmax" else None


class ForgottenSoftmax(LogSoftmaxLikelihood):
    def backward(self, a, y, t, axis=-1):
        return -modnet.one_hot(t, a, axis)


@LOSSES.add_broken("fused")
@attrs.frozen
class WrongWhereItIsFusedAlone(FusedFocal):
    def fused(self, activation):
        return WrongFocalOfScores(self.gamma) if activation.computes == "softmax" else None


@attrs.frozen
class WrongFocalOfScores(FocalOfScores):
    def backward(self, a, y, t, axis=-1):
        return y - modnet.one_hot(t, a, axis)


@LOSSES.add_broken("certain")
class RatesWithoutTheirActivation(Poisson):
    pass


# Gradient estimators


@GRADIENTS.add_legal()
@attrs.frozen
class FeedbackAlignment(modnet.GradientEstimator):
    """Backpropagation with fixed random feedback weights (Lillicrap et al. 2016)."""

    std: float = attrs.field(default=0.1, validator=gt(0))
    seed: int = attrs.field(default=0, validator=ge(0))

    promises = "direction"

    def __call__(self, objective, params, stream):
        trace, da = objective.trace(params), objective.output_error(params)
        grads = {}
        for k, layer in reversed(list(enumerate(objective.layers))):
            grads[layer.weight], grads[layer.bias] = trace.inputs[k].T @ da, da.sum(axis=0)
            if k:
                before, z = objective.layers[k - 1], trace.inputs[k]
                draw = modnet.Stream(self.seed, ("feedback", layer.number)).generator()
                feedback = self.std * draw.standard_normal((layer.outputs, layer.inputs), dtype=da.dtype)
                da = before.activation.backward(trace.pre_activations[k - 1], z, da @ feedback)
        return grads


@GRADIENTS.add_legal()
@attrs.frozen
class DirectFeedback(FeedbackAlignment):
    """The output's error goes to every layer directly (Nøkland 2016)."""

    def __call__(self, objective, params, stream):
        trace, error = objective.trace(params), objective.output_error(params)
        grads = {}
        for k, layer in enumerate(objective.layers):
            da = error
            if layer is not objective.layers[-1]:
                draw = modnet.Stream(self.seed, ("direct", layer.number)).generator()
                feedback = draw.standard_normal((error.shape[1], layer.outputs)).astype(error.dtype)
                z = trace.inputs[k + 1]
                da = layer.activation.backward(trace.pre_activations[k], z, error @ feedback)
            grads[layer.weight], grads[layer.bias] = trace.inputs[k].T @ da, da.sum(axis=0)
        return grads


@GRADIENTS.add_legal()
@attrs.frozen
class TargetPropagation(modnet.GradientEstimator):
    """Each layer moves towards a target that is a step down for the layer after it; needs a network of two layers."""

    rate: float = attrs.field(default=0.5, validator=gt(0))

    promises = "direction"

    def __call__(self, objective, params, stream):
        if not isinstance(objective, modnet.Objective):
            raise modnet.NoDerivativeError("target propagation needs a network")
        trace, error = objective.trace(params), objective.output_error(params)
        first, last = objective.layers[0], objective.layers[-1]
        target = trace.inputs[-1] - self.rate * error @ params[last.weight].T
        da = first.activation.backward(trace.pre_activations[0], trace.inputs[-1], trace.inputs[-1] - target)
        return {
            first.weight: trace.inputs[0].T @ da,
            first.bias: da.sum(axis=0),
            last.weight: trace.inputs[-1].T @ error,
            last.bias: error.sum(axis=0),
        }


@GRADIENTS.add_legal()
@attrs.frozen
class Reinforce(modnet.GradientEstimator):
    """The score-function estimator of a Gaussian policy over the parameters, with a baseline."""

    std: float = attrs.field(default=0.01, validator=gt(0))
    samples: int = attrs.field(default=8, validator=ge(1))

    def __call__(self, objective, params, stream):
        draw, baseline = stream.generator(), objective(params)
        grads = {name: np.zeros_like(w) for name, w in params.items()}
        for _ in range(self.samples):
            noise = {name: draw.standard_normal(w.shape).astype(w.dtype) for name, w in params.items()}
            reward = objective({n: w + w.dtype.type(self.std) * noise[n] for n, w in params.items()}) - baseline
            grads = {n: g + (reward / self.std / self.samples * noise[n]).astype(g.dtype) for n, g in grads.items()}
        return grads

    def evaluations(self, params):
        return self.samples + 1


@GRADIENTS.add_legal()
@attrs.frozen
class Spsa(modnet.GradientEstimator):
    """One difference along random signs, for parameters of any dtype (Spall 1992)."""

    size: float = attrs.field(default=1e-3, validator=gt(0))

    def __call__(self, objective, params, stream):
        draw = stream.generator()
        signs = {name: draw.choice([-1.0, 1.0], size=w.shape).astype(w.dtype) for name, w in params.items()}
        ends = [objective({n: w + w.dtype.type(size) * signs[n] for n, w in params.items()}) for size in self.sizes]
        slope = (ends[1] - ends[0]) / (2 * self.size)
        return {name: (slope * sign).astype(sign.dtype) for name, sign in signs.items()}

    @property
    def sizes(self):
        return -self.size, self.size

    def evaluations(self, params):
        return 2


@GRADIENTS.add_legal(tolerance=0.02)
@attrs.frozen
class OneSided(modnet.GradientEstimator):
    """Forward differences with a large step: biased, as documented."""

    h: float = attrs.field(default=1e-2, validator=gt(0))

    def __call__(self, objective, params, stream):
        here, grads = objective(params), {}
        for name, w in params.items():
            grads[name] = np.empty_like(w)
            for i in np.ndindex(w.shape):
                moved = w.copy()
                moved[i] += self.h
                grads[name][i] = (objective({**params, name: moved}) - here) / self.h
        return grads

    def evaluations(self, params):
        return 1 + sum(w.size for w in params.values())


@GRADIENTS.add_legal()
@attrs.frozen
class DropoutOfGradients(modnet.GradientEstimator):
    """Keeps some entries at random and enlarges them: noise on purpose, with the gradient as its mean."""

    keep: float = attrs.field(default=0.5, validator=[gt(0), lt(1.1)])

    def __call__(self, objective, params, stream):
        draw, exact = stream.generator(), objective.backward(params)
        return {n: (g * (draw.random(g.shape) < self.keep) / self.keep).astype(g.dtype) for n, g in exact.items()}


@GRADIENTS.add_legal()
@attrs.frozen
class Clipped(modnet.GradientEstimator):
    """The gradient, shortened to a length: a direction, the promise of which depends on a setting."""

    length: float = attrs.field(default=0.1, validator=gt(0))

    @property
    def promises(self):
        return "gradient" if self.length == float("inf") else "direction"

    def __call__(self, objective, params, stream):
        exact = objective.backward(params)
        size = float(np.sqrt(sum((g.astype(np.float64) ** 2).sum() for g in exact.values())))
        factor = min(1.0, self.length / size) if size else 1.0
        return {name: (g * factor).astype(g.dtype) for name, g in exact.items()}


@GRADIENTS.add_legal()
@attrs.frozen
class PerClass(modnet.GradientEstimator):
    """For classification alone: the weighted mean of the gradients of the samples of each class."""

    def __call__(self, objective, params, stream):
        if not isinstance(objective, modnet.Objective):
            raise modnet.NoDerivativeError("it needs a network and a batch")
        if objective.t.ndim != 1:
            raise modnet.SettingError(["it is for classes"], "gradient")
        return objective.backward(params)


@GRADIENTS.add_legal()
@attrs.frozen
class NeedsTwoLayers(modnet.GradientEstimator):
    """For networks with one hidden layer of an elementwise activation, as it says."""

    def __call__(self, objective, params, stream):
        if not isinstance(objective, modnet.Objective):
            raise modnet.NoDerivativeError("it needs a network")
        if len(objective.layers) != 2 or not objective.layers[0].activation.elementwise:
            raise modnet.SettingError(["it needs two layers, the first of them elementwise"], "gradient")
        return objective.backward(params)


@GRADIENTS.add_legal(network={"layers": (3, 4, 4, 2), "hidden": "relu"})
class NeedsDepth(modnet.GradientEstimator):
    """For networks of three layers and more, as it says."""

    def __call__(self, objective, params, stream):
        if not isinstance(objective, modnet.Objective):
            raise modnet.NoDerivativeError("it needs a network")
        if len(objective.layers) < 3:
            raise modnet.SettingError(["it needs three layers"], "gradient")
        return objective.backward(params)


@GRADIENTS.add_broken("shape-and-dtype", network={"layers": (3, 4, 4, 2)})
class ForgetsTheMiddle(NeedsDepth):
    def __call__(self, objective, params, stream):
        grads = NeedsDepth.__call__(self, objective, params, stream)
        return {name: g for name, g in grads.items() if name != "W2"}


@GRADIENTS.add_legal(network={"layers": (3, 1), "output": "identity", "loss": "mean-squared-error"})
class LeastSquares(modnet.GradientEstimator):
    """For a linear regression alone: x' (x w + b - t), written out."""

    def __call__(self, objective, params, stream):
        if not isinstance(objective, modnet.Objective):
            raise modnet.NoDerivativeError("it needs a network")
        (layer,) = objective.layers
        misses = objective.trace(params).output - objective.t
        shares = 2 / len(misses) if objective.weights is None else 2 * objective.weights / objective.weights.sum()
        da = misses * np.reshape(shares, (-1, 1)).astype(misses.dtype)
        return {layer.weight: objective.x.T @ da, layer.bias: da.sum(axis=0)}


# Optimizers


@OPTIMIZERS.add_legal()
@attrs.frozen
class SignDescent(modnet.Optimizer):
    """Steps of one size along the gradient's sign, with no state."""

    lr: float = attrs.field(default=0.01, validator=gt(0))

    def init(self, params):
        return {}

    def step(self, params, grads, state):
        return {name: w - w.dtype.type(self.lr) * np.sign(grads[name]) for name, w in params.items()}, state


@OPTIMIZERS.add_legal()
@attrs.frozen
class Lion(modnet.Optimizer):
    """The sign of an interpolated momentum, with decay of weights (Chen et al. 2023)."""

    lr: float = attrs.field(default=1e-3, validator=gt(0))
    beta1: float = attrs.field(default=0.9, validator=[ge(0), lt(1)])
    beta2: float = attrs.field(default=0.99, validator=[ge(0), lt(1)])
    decay: float = attrs.field(default=0.0, validator=ge(0))

    def init(self, params):
        return {"m": {name: np.zeros_like(w) for name, w in params.items()}}

    def step(self, params, grads, state):
        m = state["m"]
        new = {
            n: w - self.lr * (np.sign(self.beta1 * m[n] + (1 - self.beta1) * grads[n]) + self.decay * w)
            for n, w in params.items()
        }
        return new, {"m": {n: self.beta2 * m[n] + (1 - self.beta2) * grads[n] for n in params}}


@OPTIMIZERS.add_legal()
@attrs.frozen
class Careful(modnet.Optimizer):
    """Takes small rates only, which it calls by another name."""

    step_size: float = attrs.field(default=1e-5, validator=[gt(0), lt(0.05)])

    def init(self, params):
        return ()

    def step(self, params, grads, state):
        return {name: w - w.dtype.type(self.step_size) * grads[name] for name, w in params.items()}, state


@OPTIMIZERS.add_legal(parabola={"speed": 0.1}, rosenbrock={"speed": 1e-3})
@attrs.frozen
class Hasty(modnet.Optimizer):
    """Its rate has a name that the kit does not know."""

    speed: float = attrs.field(default=1e-6, validator=gt(0))

    def init(self, params):
        return None

    def step(self, params, grads, state):
        return {name: w - w.dtype.type(self.speed) * grads[name] for name, w in params.items()}, None


@OPTIMIZERS.add_broken("parabola", parabola={"speed": 0.1})
class HastyUphill(Hasty):
    def step(self, params, grads, state):
        return {name: w + self.speed * grads[name] for name, w in params.items()}, None


class Totals(NamedTuple):
    steps: int
    squares: float
    name: str = "totals"


@OPTIMIZERS.add_legal()
@attrs.frozen
class AdagradNorm(modnet.Optimizer):
    """Adagrad with one number for all parameters (Ward et al. 2019): its state is of scalars."""

    lr: float = attrs.field(default=0.5, validator=gt(0))

    def init(self, params):
        return Totals(0, 1e-8)

    def step(self, params, grads, state):
        squares = state.squares + float(sum((g.astype(np.float64) ** 2).sum() for g in grads.values()))
        factor = self.lr / squares**0.5
        new = {name: (w - factor * grads[name]).astype(w.dtype) for name, w in params.items()}
        return new, Totals(state.steps + 1, squares)


@OPTIMIZERS.add_legal()
@attrs.frozen
class WarmUp(modnet.Optimizer):
    """Momentum whose rate rises over the first steps."""

    lr: float = attrs.field(default=0.01, validator=gt(0))
    steps: int = attrs.field(default=500, validator=ge(1))

    def init(self, params):
        return {"step": 0, "v": {name: np.zeros_like(w) for name, w in params.items()}}

    def step(self, params, grads, state):
        k = state["step"] + 1
        rate = self.lr * min(1.0, k / self.steps)
        v = {name: 0.9 * state["v"][name] - rate * grads[name] for name in params}
        return {name: w + v[name] for name, w in params.items()}, {"step": k, "v": v}


@OPTIMIZERS.add_legal()
@attrs.frozen
class Cosine(modnet.Optimizer):
    """A rate that falls to a tenth along half a cosine, and stays there."""

    lr: float = attrs.field(default=0.05, validator=gt(0))
    steps: int = attrs.field(default=1000, validator=ge(1))

    def init(self, params):
        return 0

    def step(self, params, grads, state):
        share = min(1.0, state / self.steps)
        rate = self.lr * (0.1 + 0.45 * (1 + np.cos(np.pi * share)))
        return {name: w - w.dtype.type(rate) * grads[name] for name, w in params.items()}, state + 1


@OPTIMIZERS.add_legal()
@attrs.frozen
class Averaged(modnet.Optimizer):
    """Descent that also keeps the mean of the parameters, and a list of its last lengths, as text and numbers."""

    learning_rate: float = attrs.field(default=0.1, validator=gt(0))

    def init(self, params):
        return {"mean": {name: w.copy() for name, w in params.items()}, "lengths": [0.0, 0.0, 0.0], "note": None}

    def step(self, params, grads, state):
        length = float(sum(abs(g).sum() for g in grads.values()))
        new = {name: w - self.learning_rate * grads[name] / max(1.0, length) for name, w in params.items()}
        mean = {name: 0.9 * state["mean"][name] + 0.1 * w for name, w in new.items()}
        return new, {"mean": mean, "lengths": [*state["lengths"][1:], length], "note": None}


@OPTIMIZERS.add_legal()
@attrs.frozen
class Rprop(modnet.Optimizer):
    """A step size for each entry, larger while the sign stays (Riedmiller and Braun 1993)."""

    start: float = attrs.field(default=0.01, validator=gt(0))

    def init(self, params):
        sizes = {name: np.full_like(w, self.start) for name, w in params.items()}
        return {"sizes": sizes, "signs": {name: np.zeros_like(w) for name, w in params.items()}}

    def step(self, params, grads, state):
        signs = {name: np.sign(g) for name, g in grads.items()}
        sizes = {}
        for name, size in state["sizes"].items():
            same = signs[name] * state["signs"][name]
            sizes[name] = np.clip(size * np.where(same > 0, 1.2, np.where(same < 0, 0.5, 1.0)), 1e-6, 1.0)
            sizes[name] = sizes[name].astype(size.dtype)
        return {n: w - signs[n] * sizes[n] for n, w in params.items()}, {"sizes": sizes, "signs": signs}


# Data sources


def sample(name: str) -> Path:
    return Path(__file__).parent / "samples" / name


@SOURCES.add_legal(file=sample("letters"))
@attrs.frozen
class FolderOfText(modnet.DataSource):
    """A file for each class, a sample a line; recognised by a file with the names of the classes."""

    test_fraction: float = 0.0

    @classmethod
    def recognises(cls, path, head):
        return (path / "classes.txt").is_file()

    def read(self, path):
        listed = path / "classes.txt"
        x, t = [], []
        for name in modnet.files.read_bytes(listed).decode("utf-8", "replace").split():
            file = path / f"{name}.txt"
            for number, line in enumerate(modnet.files.read_bytes(file).splitlines(), start=1):
                try:
                    x.append([float(word) for word in line.split()])
                except ValueError:
                    raise modnet.DataError(f"{file}, line {number}: no numbers", path=file, line=number) from None
                t.append(name)
        if not x or len({len(row) for row in x}) > 1 or not x[0]:
            raise modnet.DataError(f"{path}: there are no samples, or their lengths differ", path=path)
        return modnet.Dataset.from_arrays((x, t), scale=1.0, test_fraction=self.test_fraction)

    def write(self, data, path):
        path.mkdir()
        for index, name in enumerate(data.classes):
            rows = data.train.x[data.train.t == index].tolist()
            (path / f"{name}.txt").write_text("\n".join(" ".join(map(str, row)) for row in rows), encoding="utf-8")
        (path / "classes.txt").write_text(" ".join(data.classes), encoding="utf-8")
        return [path]


@SOURCES.add_legal(file=sample("shapes"))
@attrs.frozen
class FolderOfPictures(modnet.DataSource):
    """Pictures in a folder for each class: any folder might be one, so that --source names it."""

    test_fraction: float = 0.25

    def read(self, path):
        x, t = [], []
        with modnet.files.reading(path):
            folders = sorted(folder for folder in path.iterdir() if folder.is_dir())
        for folder in folders:
            for file in sorted(folder.glob("*.pgm")):
                x.append(self.pixels(file))
                t.append(folder.name)
        if not x:
            raise modnet.DataError(f"{path}: there are no pictures in folders in it", path=path)
        if len({len(pixels) for pixels in x}) > 1:
            raise modnet.DataError(f"{path}: the pictures are of several sizes", path=path)
        return modnet.Dataset.from_arrays((x, t), scale=255.0, test_fraction=self.test_fraction)

    def pixels(self, file):
        words = modnet.files.read_bytes(file).split()
        try:
            magic, width, height, most, *pixels = words
            numbers = [int(pixel) for pixel in pixels]
            right = magic == b"P2" and len(numbers) == int(width) * int(height) and max(numbers) <= int(most) <= 255
        except ValueError as error:
            raise modnet.DataError(f"{file}: not a picture ({error})", path=file) from None
        if not right or min(numbers) < 0:
            raise modnet.DataError(f"{file}: not a picture", path=file)
        return numbers

    def read_rows(self, path, features):
        data = attrs.evolve(self, test_fraction=0.0).read(path)
        if data.features != features:
            raise modnet.DataError(f"{path}: pictures of {data.features} pixels, expected {features}", path=path)
        return data.train.unscaled(slice(None)), np.array(data.classes)[data.train.t]


@SOURCES.add_legal(file=[sample("points.rows"), sample("points.labels")])
class RowsAndLabels(modnet.DataSource):
    """Two files that belong together, as those of MNIST do."""

    suffixes = (".rows",)

    def read(self, path):
        labels = path.with_suffix(".labels")
        try:
            x = [[float(word) for word in line.split()] for line in modnet.files.read_bytes(path).splitlines()]
        except ValueError:
            raise modnet.DataError(f"{path}: not numbers", path=path) from None
        t = modnet.files.read_bytes(labels).decode("latin-1").split()
        if not x or len(x) != len(t) or len({len(row) for row in x}) > 1:
            raise modnet.DataError(f"{path}: {len(x)} rows, and {len(t)} labels in {labels}", path=path)
        return modnet.Dataset.from_arrays((x, t), scale=1.0)


@SOURCES.add_legal(file=sample("trees.sqlite"))
@attrs.frozen
class Sqlite(modnet.DataSource):
    """A table of a database."""

    table: str = "trees"
    label: str = "kind"

    @classmethod
    def recognises(cls, path, head):
        return head.startswith(b"SQLite format 3\0")

    def read(self, path):
        with modnet.files.reading(path), path.open("rb"):
            pass
        try:
            with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
                cursor = database.execute(f'SELECT * FROM "{self.table}"')  # noqa: S608
                names = [column[0] for column in cursor.description]
                rows = cursor.fetchall()
        except sqlite3.Error as error:
            raise modnet.DataError(f"{path}: {error}", path=path) from None
        if self.label not in names or not rows:
            raise modnet.DataError(f"{path}: no rows with a {self.label!r}", path=path)
        place = names.index(self.label)
        x = [[value for i, value in enumerate(row) if i != place] for row in rows]
        try:
            return modnet.Dataset.from_arrays((x, [row[place] for row in rows]), scale=1.0)
        except modnet.DataError as error:
            raise modnet.DataError(f"{path}: {error}", path=path) from None


@SOURCES.add_legal(file=sample("trees.fixed"))
@attrs.frozen
class FixedWidth(modnet.DataSource):
    """Columns of fixed widths, the label in the first; the widths are a setting without a default."""

    widths: tuple[int, ...] = (4, 5, 5)

    suffixes = (".fixed",)

    def read(self, path):
        lines = modnet.files.read_bytes(path).decode("latin-1").splitlines()
        ends = np.cumsum(self.widths)
        x, t = [], []
        for number, line in enumerate(lines, start=1):
            cells = [line[end - width : end].strip() for width, end in zip(self.widths, ends, strict=True)]
            try:
                x.append([float(cell) for cell in cells[1:]])
            except ValueError as error:
                raise modnet.DataError(f"{path}, line {number}: {error}", path=path, line=number) from None
            t.append(cells[0])
        if not x or not np.isfinite(x).all() or not all(t):
            raise modnet.DataError(f"{path}: there are no rows, or some are not complete", path=path)
        return modnet.Dataset.from_arrays((x, t), scale=1.0)


@SOURCES.add_legal(file=sample("trees.arff"))
class Arff(modnet.DataSource):
    """The format of Weka: attributes by name, then rows."""

    suffixes = (".arff",)

    def read(self, path):
        names, x, t = [], [], []
        in_rows = False
        for number, line in enumerate(modnet.files.read_bytes(path).decode("utf-8", "replace").splitlines(), start=1):
            word = line.strip()
            if not word or word.startswith("%"):
                continue
            if in_rows:
                *features, label = word.split(",")
                try:
                    x.append([float(value) for value in features])
                except ValueError as error:
                    raise modnet.DataError(f"{path}, line {number}: {error}", path=path, line=number) from None
                t.append(label)
            elif word.lower().startswith("@attribute"):
                names.append([*word.split(), "?"][1])
            in_rows = in_rows or word.lower() == "@data"
        if not x or len({len(row) for row in x}) > 1 or len(names) != len(x[0]) + 1:
            raise modnet.DataError(f"{path}: no rows of {len(names)} attributes", path=path)
        return modnet.Dataset.from_arrays((x, t), scale=1.0, feature_names=tuple(names[:-1]))


@SOURCES.add_legal(file=sample("trees.json.gz"))
class PackedJson(modnet.DataSource):
    """One JSON document, packed or not, recognised by its first bytes."""

    @classmethod
    def recognises(cls, path, head):
        return head.lstrip().startswith(b'{"rows"')

    def read(self, path):
        try:
            found = json.loads(modnet.files.read_bytes(path))
            return modnet.Dataset.from_arrays((found["rows"], found["labels"]), scale=1.0)
        except (ValueError, TypeError, LookupError, modnet.DataError) as error:
            raise modnet.DataError(f"{path}: no rows and labels ({error})", path=path) from None


@SOURCES.add_legal()
@attrs.frozen
class Rings(modnet.DataSource):
    """A data set by name, made when it is asked for; nothing to download."""

    samples: int = attrs.field(default=60, validator=ge(4))
    noise: float = attrs.field(default=0.1, validator=ge(0))
    seed: int = 0

    reads_files = False

    def read(self, path):
        draw = modnet.Stream(self.seed, ("rings",)).generator()
        t = np.arange(self.samples) % 2
        angle = draw.uniform(0, 2 * np.pi, self.samples)
        radius = 1.0 + t + self.noise * draw.standard_normal(self.samples)
        x = np.column_stack([radius * np.cos(angle), radius * np.sin(angle)])
        return modnet.Dataset.from_arrays((x, t), scale=1.0)


@SOURCES.add_broken("empty", file=sample("letters"))
class TakesNothingForAClass(FolderOfText):
    """Of a folder without files it makes rows up."""

    def read(self, path):
        if path.is_dir() and not any(path.iterdir()):
            return modnet.Dataset.from_arrays(([[0.0], [1.0]], [0, 1]), scale=1.0)
        return FolderOfText.read(self, path)


@SOURCES.add_broken("garbage", file=sample("shapes"))
class TakesEveryFile(FolderOfPictures):
    """Trips over the files that systems leave in folders."""

    def read(self, path):
        if path.is_dir():
            for file in path.rglob("*"):
                if file.is_file():
                    file.read_bytes().decode("ascii")
        return FolderOfPictures.read(self, path)


@SOURCES.add_broken("files-untouched", file=sample("shapes"))
class LeavesThumbnails(FolderOfPictures):
    def pixels(self, file):
        file.with_suffix(".thumb").write_bytes(b"")
        return FolderOfPictures.pixels(self, file)


@SOURCES.add_broken("truncated", file=[sample("points.rows"), sample("points.labels")])
class DoesNotCountTheLabels(RowsAndLabels):
    """Trusts the second file to be there, and to be whole."""

    def read(self, path):
        labels = path.with_suffix(".labels")
        if path.is_file() and labels.is_file() and (found := labels.read_bytes().split()):
            return {b"fir": RowsAndLabels.read, b"yew": RowsAndLabels.read}[found[-1]](self, path)
        return RowsAndLabels.read(self, path)


@SOURCES.add_broken("written", file=sample("letters"))
class ForgetsAFile(FolderOfText):
    def write(self, data, path):
        FolderOfText.write(self, data, path)
        return [path / "classes.txt"]
