"""Layers alone: calls of their methods, and verdicts on their derivatives."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

import attrs
import numpy as np

from modnet.errors import NoDerivativeError
from modnet.interfaces import Layer, Param
from modnet.randomness import Stream
from modnet.testing.gradcheck.conduct import MisconductError, call_part, check_array
from modnet.testing.gradcheck.parts import ENTRIES, Claim, judge_claim
from modnet.testing.gradcheck.taylor import CORRECT, TOO_NOISY, WRONG, judge
from modnet.testing.gradcheck.verdicts import Verdict, conclude
from modnet.testing.gradcheck.whole import Block, find_worst, judge_blocks, locate, narrow, split_into_blocks
from modnet.types import Array, Mode, Params

INPUTS = "inputs"
STREAM = Stream(0, ("layer",))
BLOCKS = 8  # directions in one array at most
NUMBERS = 50_000  # of the inputs or the outputs that are evaluated at a time
LEAST = 3  # samples, however large they are
BEYOND = 3  # samples of other inputs than those of the batch
OUTPUTS = 64  # that are judged one by one, where a slope may be wrong for a kink alone
MOVE = 0.1  # of inputs, in proportion to their size, and of parameters, off the kinks of a batch
CHANNELS = 16  # that are moved by themselves
SMALL = 1e-9  # a sum below this share of its summands is what rounding leaves of 0
LEAST_SIZE = 1e-30  # of inputs that steps are in proportion to, in float32 too


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


@attrs.frozen(kw_only=True, eq=False)
class LayerCase:
    """A layer at one batch, with what its methods are given."""

    layer: Layer
    own: Params
    """Its parameters and buffers, by its own names."""
    x: Array
    mode: Mode = "train"
    stream: Stream = STREAM
    number: str = ""
    """The number behind the names of its parameters in a network."""
    fields: Mapping[str, Any] = attrs.field(factory=dict)
    """The fields of a verdict that say where it is."""

    @property
    def params(self) -> tuple[Param, ...]:
        """Its parameters."""
        return tuple(self.layer.params(self.x.shape[1:]))

    @property
    def couples_samples(self) -> bool:
        """True where a sample's outputs depend on other samples."""
        return self.mode == "train" and self.layer.couples_samples

    def run(self, own: Params | None = None, x: Array | None = None) -> tuple[Array, Any]:
        """Return what `forward` returns for copies of the arrays, of its own or others."""
        given = {name: value.copy() for name, value in (own or self.own).items()}
        z, memo = self.layer.forward(given, (self.x if x is None else x).copy(), self.mode, self.stream)
        return z, memo

    def name(self, method: str) -> str:
        """Return the name of a method in a verdict."""
        return f"{method} of {self.layer!r}{' in predict mode' if self.mode == 'predict' else ''}"

    def limit(self, numbers: int) -> LayerCase:
        """Return the case with fewer samples, of so many numbers, but some at least."""
        largest = max(self.x[:1].size, self.run(x=self.x[:1])[0].size)
        return attrs.evolve(self, x=self.x[: max(LEAST, numbers // largest)])

    def move_off_kinks(self, draws: Stream) -> LayerCase:
        """Return the case with inputs and parameters moved a little."""
        draw, size = draws.child("off kinks").generator(), measure_size(self.x)
        moved = {param.name: _move(draw, self.own[param.name], MOVE) for param in self.params}
        return attrs.evolve(self, x=_move(draw, self.x, MOVE * size), own={**self.own, **moved})

    def move_beyond(self, draws: Stream) -> LayerCase | None:
        """Return the case with other inputs, of either sign, at most a few; None where it is not defined there."""
        x = self.x[:BEYOND]
        inputs = draws.child("beyond").generator().standard_normal(x.shape) * measure_size(x)
        other = attrs.evolve(self, x=np.asarray(inputs, x.dtype))
        with suppress(Exception):  # of third-party code, which may refuse what no batch has
            if np.isfinite(other.run()[0]).all():
                return other
        return None

    def to_float64(self) -> LayerCase:
        """Return the case in float64."""
        own = {name: value.astype(np.float64) for name, value in self.own.items()}
        return attrs.evolve(self, x=self.x.astype(np.float64), own=own)


def _move(draw: np.random.Generator, value: Array, size: float) -> Array:
    return np.asarray(value + draw.uniform(-size, size, value.shape), value.dtype)


def measure_size(x: Array) -> float:
    """Return the root of the mean square of numbers; 1 where these are all 0."""
    largest = float(np.abs(x).max(initial=0.0))
    if not largest:
        return 1.0
    return min(max(largest * float(np.sqrt(np.mean(np.square(x / largest)))), LEAST_SIZE), 1 / LEAST_SIZE)


def judge_backward(case: LayerCase, draws: Stream = STREAM) -> Verdict | None:
    """Judge a layer's `backward` where the case has it; returns None where it has none.

    A verdict names the entry of the inputs, "inputs[0, 1]". Raises any error of the layer's `forward`.
    """
    fields = {"part": case.name("backward"), **case.fields}
    if problem := _find_broken_promise(case):
        return Verdict(**fields, verdict=WRONG, size=np.inf, explanation=problem)
    claim_of = _claim_of_entries if case.layer.elementwise else _claim_of_inputs

    def judge_at(case: LayerCase) -> Verdict | None:
        verdict = judge_claim(claim_of(case, draws, fields))
        return verdict and name_entry(verdict, case.x.shape)

    return _judge_twice(judge_at, case.limit(ENTRIES if case.layer.elementwise else NUMBERS), draws)


def judge_gradients(case: LayerCase, draws: Stream = STREAM) -> tuple[Verdict, ...] | None:
    """Judge a layer's `gradients`, one verdict for each parameter, as `judge_backward` does; None where it has none."""
    case = case.limit(NUMBERS)
    own = [param.name for param in case.params]
    fields = {"part": case.name("gradients"), **case.fields}
    if not own:
        return ()
    try:
        found = _call_gradients(case, draws)
    except NoDerivativeError:
        return None
    except MisconductError as error:
        return (Verdict(**fields, verdict=WRONG, size=np.inf, explanation=str(error)),)
    if unknown := [name for name in found if name not in own]:
        text = f"they have {', '.join(map(repr, unknown))}, which is no parameter: leave it out"
        return (Verdict(**fields, verdict=WRONG, size=np.inf, explanation=text),)
    verdicts = [_judge_gradient(case, param, draws, fields, is_there=param.name in found) for param in case.params]
    return tuple(verdict for verdict in verdicts if verdict)


def _judge_gradient(
    case: LayerCase, param: Param, draws: Stream, fields: Mapping[str, Any], *, is_there: bool
) -> Verdict | None:
    """Judge the gradient by one parameter."""
    named = {**fields, "parameter": f"{param.name}{case.number}"}
    if not is_there:
        return Verdict(**named, verdict=WRONG, size=np.inf, explanation="it is missing")
    return _judge_twice(lambda case: judge_claim(_claim_of_param(case, param, draws, named)), case, draws)


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


def name_entry(verdict: Verdict, shape: tuple[int, ...]) -> Verdict:
    """Return a verdict that names the entry of inputs of a shape in place of its sample and unit."""
    if verdict.unit is None or verdict.sample is None:
        return verdict
    index = (verdict.sample, *(int(i) for i in np.unravel_index(verdict.unit, shape[1:])))
    return attrs.evolve(verdict, unit=None, sample=None, parameter=INPUTS, index=index)


def _judge_twice(judge_at: Callable[[LayerCase], Verdict | None], case: LayerCase, draws: Stream) -> Verdict | None:
    """Judge a case, and where all is right, a failure with other inputs; what is wrong in float32, in float64 too."""
    verdict = judge_at(case)
    if verdict is not None and verdict.verdict == WRONG and case.x.dtype != np.float64 and np.isfinite(verdict.size):
        there = judge_at(case.to_float64())  # rounding may hide a slope
        if there is not None and there.verdict != WRONG:
            text = f"rounding hides the slope; in float64 {there.explanation}"
            return attrs.evolve(there, verdict=TOO_NOISY, size=verdict.size, explanation=text)
    if verdict is None or verdict.verdict != CORRECT or (beyond := case.move_beyond(draws)) is None:
        return verdict
    there = judge_at(beyond if case.x.dtype == np.float64 else beyond.to_float64())
    if there is None or not there.is_failure:
        return verdict
    return attrs.evolve(there, explanation=f"right in this batch, but with other inputs: {there.explanation}")


def _call_gradients(case: LayerCase, draws: Stream) -> Mapping[str, Any]:
    """Return what `gradients` returns; raises MisconductError where it is no mapping."""
    z, memo = case.run()
    names = [*case.own]

    def call(x: Array, z: Array, dz: Array, *own: Array) -> Any:
        return case.layer.gradients(dict(zip(names, own, strict=True)), x, z, memo, dz)

    found = call_part("gradients", call, {"x": case.x, "z": z, "dz": _draw_derivatives(z, draws), **quote(case.own)})
    if not isinstance(found, Mapping):
        raise MisconductError(f"gradients returns a {type(found).__name__}, not an array by each parameter's name")
    return found


def quote(own: Params) -> dict[str, Array]:
    """Return arrays by the words that name them in code."""
    return {f'params["{name}"]': value for name, value in own.items()}


def _draw_derivatives(z: Array, draws: Stream) -> Array:
    """Return another derivative for each output, none of them near 0: what forgets it, or mixes it up, shows."""
    draw = draws.child("dz").generator()
    dz: Array = (draw.uniform(0.5, 1.5, z.shape) * draw.choice([-1.0, 1.0], z.shape)).astype(z.dtype)
    return dz


def _find_broken_promise(case: LayerCase) -> str:
    """Return words on a layer that says it is elementwise, or couples no samples, and is not so; else ""."""
    layer, x = case.layer, case.x
    z, again = (case.run()[0] for _ in range(2))
    if not np.array_equal(z, again, equal_nan=True):
        return ""  # of what depends on chance nothing can be said
    masks = {}
    if not case.couples_samples and len(x) > 1:
        masks["samples do not depend on each other", "couples_samples = True"] = np.arange(len(x)) % 2 == 0
    if layer.elementwise:
        if z.shape != x.shape:
            return f"it says it is elementwise, but gives {z.shape} for {x.shape}: set elementwise = False"
        masks["it is elementwise", "elementwise = False"] = np.arange(x.size).reshape(x.shape) % 2 == 0
    for (promise, remedy), mask in masks.items():
        moved = x.copy()
        moved[mask] = np.where(moved[mask] == 0, 1, -0.9 * moved[mask])
        gap = float(np.abs(case.run(x=moved)[0] - z)[~mask].max(initial=0.0))
        if gap > 1e-6 * float(np.abs(z).max(initial=0.0)):
            return f"it says that {promise}, but outputs move by up to {gap:.2g} with other inputs: set {remedy}"
    return ""


def _claim_of_entries(case: LayerCase, draws: Stream, fields: Mapping[str, Any]) -> Claim:
    """Return the claim of an elementwise layer's `backward`, entry by entry."""
    z, memo = case.run()
    n, shape, names = len(case.x), case.x.shape, [*case.own]
    dz = _draw_derivatives(z, draws)

    def call(x: Array, *own: Array) -> Array:
        found, _ = case.layer.forward(dict(zip(names, own, strict=True)), x.reshape(shape), case.mode, case.stream)
        return check_array("calling it", found, shape).reshape(n, -1)

    def backward(x: Array, z: Array, dz: Array, *own: Array) -> Array:
        x, z, dz = (values.reshape(shape) for values in (x, z, dz))
        found = case.layer.backward(dict(zip(names, own, strict=True)), x, z, memo, dz)
        return check_array("backward", found, shape).reshape(n, -1)

    x, own = case.x.reshape(n, -1), quote(case.own)
    return Claim(
        values=lambda moved: case.run(x=moved.reshape(shape))[0].reshape(n, -1),
        call=call,
        called={"x": x, **own},
        shape=x.shape,
        backward=backward,
        given={"x": x, "z": z.reshape(n, -1), "dz": dz.reshape(n, -1), **own},
        fields=fields,
        elementwise=True,
        unit=np.maximum(np.abs(x), 1.0),
        weight=dz.reshape(n, -1),
    )


@attrs.frozen(kw_only=True, eq=False)
class DirectionClaim(Claim):
    """A claim that is judged along directions; its `values` are the outputs of the layer."""

    array: str
    """The name of the argument."""
    dz: Array
    claim: Callable[[Array], Array]
    """The claim of `backward` for another `dz`."""
    draws: Stream
    axis: int | None
    """The axis that counts units; each direction lies in one of them, or some."""
    of_samples: bool = False
    """True where the argument holds samples that do not depend on each other."""
    off_kinks: Callable[[], Verdict | None] | None = None
    """The verdict with all moved a little."""

    def conclude(self, claimed: Array) -> Verdict:
        """Return the verdict: at a kink that on what each output claims, or that of a place beside it."""
        lead = len(self.at) if self.of_samples else 1
        at, grads = {self.array: self.at}, {self.array: claimed}
        blocks = self._split()
        found = judge_blocks(self._weigh, at, grads, blocks, lead)

        def place(block: Block, sample: int) -> dict[str, Any]:
            shape = self.at.shape[1:] if self.of_samples else self.at.shape
            entry = locate(block, shape)
            if self.of_samples:
                return (
                    {**entry, "index": (sample, *entry["index"])} if "index" in entry else {**entry, "sample": sample}
                )
            return entry

        batch = len(self.dz)
        verdict = conclude(found, lambda i: place(blocks[i // lead], i % lead), batch, **self.fields)
        if verdict.verdict != WRONG:
            return verdict
        number, sample = divmod(find_worst(found), lead)
        block, narrowed = narrow(self._weigh, at, grads, blocks[number], lead, sample)
        verdict = conclude(narrowed, lambda _: place(block, sample), batch, among=found, **self.fields)
        there = self.off_kinks() if self.off_kinks and np.isfinite(verdict.size) else None
        if there is None or there.is_failure or self._has_wrong_output(block, lead, sample):
            return verdict
        text = f"with all moved by up to {MOVE:g}, off the kinks that the batch lies at: {there.explanation}"
        return attrs.evolve(there, explanation=text)

    def _split(self) -> list[Block]:
        value: Array = self.at[0] if self.of_samples else self.at
        axis = 0 if self.of_samples else self.axis
        blocks = split_into_blocks(self.array, value, self.draws.child("directions"), 1.0, axis, BLOCKS)
        return [attrs.evolve(block, unit=float(self.unit) * len(block.entries) ** 0.5) for block in blocks]

    def _weigh(self, moved: Params) -> Any:
        weighed = self.dz.astype(np.float64) * self.values(moved[self.array])
        return weighed.reshape(len(weighed), -1).sum(axis=1) if self.of_samples else float(weighed.sum())

    def _has_wrong_output(self, block: Block, lead: int, sample: int) -> bool:
        """Return whether a slope is wrong for a single output: at kinks of several, right slopes need not add up."""
        at = {self.array: self.at}
        step = 2.0**-20 if self.at.dtype == np.float64 else 2.0**-10
        ends = [self.values(block.move(at, s, lead)[self.array]) for s in (-step, step)]
        moves = np.abs(ends[1] - self.values(self.at)) + np.abs(ends[0] - self.values(self.at))
        if self.of_samples:
            moves[np.arange(lead) != sample] = 0
        outputs = np.argsort(-moves, axis=None, kind="stable")[:OUTPUTS]
        outputs = outputs[moves.ravel()[outputs] > 0]
        claimed = []
        for output in outputs:
            one: Array = np.zeros_like(self.dz)
            one[np.unravel_index(int(output), one.shape)] = 1
            claimed.append(block.project({self.array: self.claim(one)}, lead)[sample])

        def values(step: float) -> Array:
            found: Array = self.values(block.move(at, step, lead)[self.array]).ravel()[outputs]
            return found

        sizes = np.full(len(outputs), block.measure(at, lead)[sample])
        return bool((judge(values, np.array(claimed), sizes, self.at.dtype, block.unit).verdict == WRONG).any())


def _claim_of_inputs(case: LayerCase, draws: Stream, fields: Mapping[str, Any], *, here: bool = True) -> DirectionClaim:
    """Return the claim of `backward`, by the inputs; `here` is False where these were moved off kinks."""
    z, memo = case.run()
    names, own = [*case.own], quote(case.own)
    dz = _draw_derivatives(z, draws)

    def call(x: Array, *own: Array) -> Array:
        return case.layer.forward(dict(zip(names, own, strict=True)), x, case.mode, case.stream)[0]

    def backward(x: Array, z: Array, dz: Array, *own: Array) -> Array:
        return case.layer.backward(dict(zip(names, own, strict=True)), x, z, memo, dz)

    return DirectionClaim(
        values=lambda moved: case.run(x=moved)[0],
        call=call,
        called={"x": case.x, **own},
        shape=z.shape,
        backward=backward,
        given={"x": case.x, "z": z, "dz": dz, **own},
        fields=fields,
        unit=measure_size(case.x),
        array=INPUTS,
        dz=dz,
        claim=lambda dz: np.array(case.layer.backward(case.own, case.x, z, memo, dz)),
        draws=draws.child("backward"),
        axis=1,
        of_samples=not case.couples_samples,
        off_kinks=(lambda: judge_claim(_claim_of_inputs(case.move_off_kinks(draws), draws, fields, here=False)))
        if here
        else None,
    )


def _claim_of_param(
    case: LayerCase, param: Param, draws: Stream, fields: Mapping[str, Any], *, here: bool = True
) -> DirectionClaim:
    """Return the claim of `gradients` for a parameter; `here` is False where all was moved off kinks."""
    z, memo = case.run()
    others = {name: value for name, value in case.own.items() if name != param.name}
    dz = _draw_derivatives(z, draws)

    def join(value: Array, own: tuple[Array, ...]) -> Params:
        return {**dict(zip(others, own, strict=True)), param.name: value}

    def call(value: Array, x: Array, *own: Array) -> Array:
        return case.layer.forward(join(value, own), x, case.mode, case.stream)[0]

    def gradient(value: Array, x: Array, z: Array, dz: Array, *own: Array) -> Array:
        return np.asarray(case.layer.gradients(join(value, own), x, z, memo, dz)[param.name])

    at = {f'params["{param.name}"]': case.own[param.name]}
    return DirectionClaim(
        values=lambda moved: case.run({**case.own, param.name: moved})[0],
        call=call,
        called={**at, "x": case.x, **quote(others)},
        shape=z.shape,
        name="gradients",
        backward=gradient,
        given={**at, "x": case.x, "z": z, "dz": dz, **quote(others)},
        fields=fields,
        unit=measure_unit(param, case.x),
        array=fields["parameter"],
        dz=dz,
        claim=lambda dz: np.array(case.layer.gradients(case.own, case.x, z, memo, dz)[param.name]),
        draws=draws.child("gradients", param.name),
        axis=param.channel_axis,
        off_kinks=(lambda: judge_claim(_claim_of_param(case.move_off_kinks(draws), param, draws, fields, here=False)))
        if here
        else None,
    )


def measure_unit(param: Param, x: Array) -> float:
    """Return the step of a weight that moves what it is multiplied with, inputs `x`, by about 1; 1 of other arrays."""
    return 1 / measure_size(x) if param.is_weight else 1.0
