"""Layers alone: calls of their methods, and verdicts on their derivatives."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import attrs
import numpy as np

from modnet.errors import NoDerivativeError
from modnet.interfaces import Layer
from modnet.randomness import Stream
from modnet.testing.gradcheck.taylor import WRONG, judge
from modnet.testing.gradcheck.verdicts import Verdict, conclude
from modnet.testing.gradcheck.whole import judge_whole
from modnet.types import Array, Grads, Mode, Params

INPUTS = "inputs"
STREAM = Stream(0, ("layer",))
CHANNELS = 16  # that are moved by themselves
SMALL = 1e-9  # a sum below this share of its summands is what rounding leaves of 0


def draw_params(layer: Layer, x: Array) -> dict[str, Array]:
    """Return parameters and buffers for batches like `x`: around what they begin with, buffers of no other sign."""
    draw, shape, arrays = STREAM.child("params").generator(), x.shape[1:], {}
    params = layer.params(shape)
    for array in (*params, *layer.buffers(shape)):
        noise: Array = np.asarray(draw.random(array.shape))
        start = 0.0 if array.is_weight else array.init or 0.0
        found = start * (0.6 + 0.8 * noise) if start else noise - 0.5 * (array in params)
        arrays[array.name] = np.asarray(found, x.dtype)
    return arrays


def evaluate(layer: Layer, params: Params, x: Array, mode: Mode) -> Array:
    """Return the outputs, always with the same stream."""
    return layer.forward(params, x, mode, STREAM)[0]


def prepare(layer: Layer, x: Array, mode: Mode) -> dict[str, Any]:
    """Return all that the methods of a layer are given for a batch, by name."""
    params = draw_params(layer, x)
    z, memo = layer.forward({name: array.copy() for name, array in params.items()}, x.copy(), mode, STREAM)
    dz = np.cos(np.arange(z.size)).reshape(z.shape).astype(x.dtype)
    dx = np.sin(np.arange(2 * x.size)).reshape(2, *x.shape).astype(x.dtype)
    return {"params": params, "x": x, "z": z, "memo": memo, "dz": dz, "dx": dx}


def call_methods(
    layer: Layer, mode: Mode, params: Params, x: Array, z: Array, memo: Any, dz: Array, dx: Array
) -> dict[str, Any]:
    """Return what each method of a layer returns, by name: nothing for derivatives that it has not."""
    found: dict[str, Any] = {"forward": evaluate(layer, params, x, mode)}
    for method in (layer.backward, layer.gradients):
        with suppress(NoDerivativeError):
            found[method.__name__] = method(params, x, z, memo, dz)
    found["change"] = layer.change(params, x, z, memo, dx, slice(None), mode, STREAM)
    if mode == "train":
        found["update"] = dict(layer.update(params, x, memo))
    return found


def judge_backward(layer: Layer, params: Params, x: Array, mode: Mode, stream: Stream) -> Verdict | None:
    """Judge a layer's `backward` at the inputs `x` (N, *inputs); returns None where it has none.

    `params` are its parameters and buffers, by its own names. A verdict names the entry of the inputs, "inputs[0, 1]".
    Raises any error of the layer.
    """
    dz = _draw_derivatives(layer, params, x, mode, stream)
    z, memo = layer.forward(params, x, mode, stream)
    try:
        claimed = layer.backward(params, x, z, memo, dz)
    except NoDerivativeError:
        return None

    def weigh(moved: Params) -> float:
        return float((dz * layer.forward(params, moved[INPUTS], mode, stream)[0]).sum())

    part = f"backward of {layer!r} in {mode} mode"
    return judge_whole(weigh, {INPUTS: x}, {INPUTS: claimed}, stream.child("backward"), part=part, batch=len(x))


def judge_gradients(layer: Layer, params: Params, x: Array, mode: Mode, stream: Stream) -> Verdict | None:
    """Judge a layer's `gradients`, as `judge_backward` does; returns None where it has none, or no parameters."""
    own = {param.name: params[param.name] for param in layer.params(x.shape[1:])}
    dz = _draw_derivatives(layer, params, x, mode, stream)
    z, memo = layer.forward(params, x, mode, stream)
    try:
        claimed: Grads = layer.gradients(params, x, z, memo, dz) if own else {}
    except NoDerivativeError:
        return None

    def weigh(moved: Params) -> float:
        return float((dz * layer.forward({**params, **moved}, x, mode, stream)[0]).sum())

    part = f"gradients of {layer!r} in {mode} mode"
    verdict = judge_whole(weigh, own, claimed, stream.child("gradients"), part=part, batch=len(x)) if own else None
    if verdict and not verdict.is_failure and (unknown := [name for name in claimed if name not in own]):
        text = f"they have {', '.join(map(repr, unknown))}, which is no parameter: leave it out"
        return attrs.evolve(verdict, verdict=WRONG, size=np.inf, explanation=text)
    return verdict


def judge_ties(layer: Layer, params: Params, x: Array, mode: Mode) -> Verdict:
    """Judge a layer's `backward` where inputs are moved together: all, and those of each channel.

    So an output that several equal inputs have a claim to, as to a maximum, has one derivative to share among them.
    """
    z, memo = layer.forward(params, x, mode, STREAM)
    dx = layer.backward(params, x, z, memo, np.ones_like(z))
    channels = np.eye(x.shape[1]).reshape(-1, 1, x.shape[1], *[1] * (x.ndim - 2))
    moves = np.concatenate([np.ones_like(channels[:1]), channels[:CHANNELS]]).astype(x.dtype)
    claimed, sizes = (np.array([(move * each).sum() for move in moves]) for each in (dx, np.abs(dx)))
    found = judge(
        lambda s: np.array([evaluate(layer, params, x + x.dtype.type(s) * move, mode).sum() for move in moves]),
        np.where(np.abs(claimed) > SMALL * sizes, claimed, 0.0),
        np.full(len(moves), np.abs(x).max(initial=0.0)),
        x.dtype,
    )
    part = f"backward of {layer!r} in {mode} mode, where inputs move together"
    return conclude(found, lambda i: {"unit": i - 1} if i else {}, part=part)


def _draw_derivatives(layer: Layer, params: Params, x: Array, mode: Mode, stream: Stream) -> Array:
    """Return another derivative for each output, none of them near 0: what forgets it, or mixes it up, shows."""
    z, _ = layer.forward(params, x.copy(), mode, stream)
    draw = stream.child("dz").generator()
    dz: Array = (draw.uniform(0.5, 1.5, z.shape) * draw.choice([-1.0, 1.0], z.shape)).astype(z.dtype)
    return dz
