"""Layers, broken and odd."""

from __future__ import annotations

import os

import attrs
import numpy as np
from array_api_compat import array_namespace
from attrs.validators import ge

import modnet
from modnet import Param
from zoo import Cage

CAGE = Cage("layer")


class Scale(modnet.Layer):
    """A right one, for others to spoil: a factor and a shift for each number."""

    elementwise = True

    def params(self, inputs):
        return Param("scale", inputs, init=1.0, linear=True), Param("shift", inputs, init=0.0, linear=True)

    def forward(self, params, x, mode, stream):
        return params["scale"] * x + params["shift"], None

    def backward(self, params, x, z, memo, dz):
        return params["scale"] * dz

    def gradients(self, params, x, z, memo, dz):
        return {"scale": (dz * x).sum(axis=0), "shift": dz.sum(axis=0)}


@attrs.frozen
class Affine(modnet.Layer):
    """A right one of rows, for others to spoil."""

    units: int = attrs.field(default=4, validator=ge(1))

    def shape(self, inputs):
        if len(inputs) != 1:
            raise modnet.ShapeError(f"expects rows of numbers, found samples of shape {inputs}")
        return (self.units,)

    def params(self, inputs):
        weight = Param("W", (*inputs, self.units), channel_axis=1, linear=True)
        return weight, Param("b", (self.units,), channel_axis=0, linear=True)

    def forward(self, params, x, mode, stream):
        return x @ params["W"] + params["b"], None

    def backward(self, params, x, z, memo, dz):
        return dz @ params["W"].T

    def gradients(self, params, x, z, memo, dz):
        return {"W": x.T @ dz, "b": dz.sum(axis=0)}

    def change(self, params, x, z, memo, dx, channels, mode, stream):
        return dx @ params["W"][channels]

    def slopes(self, params, x, memo, name, channel):
        return x.T if name == "W" else np.ones((1, len(x)), x.dtype)


@attrs.frozen
class Dropout(modnet.Layer):
    """A right one that draws, for others to spoil."""

    share: float = 0.5

    elementwise = True

    def forward(self, params, x, mode, stream):
        if mode == "predict":
            return x, None
        kept = (stream.generator().random(x.shape) >= self.share).astype(x.dtype) / x.dtype.type(1 - self.share)
        return x * kept, kept

    def backward(self, params, x, z, memo, dz):
        return dz if memo is None else dz * memo


@attrs.frozen
class Normalization(modnet.Layer):
    """A right one with buffers, for others to spoil: batch normalization without factor and shift."""

    eps: float = 1e-5
    keep: float = 0.9

    couples_samples = True

    def buffers(self, inputs):
        return Param("mean", inputs, init=0.0), Param("variance", inputs, init=1.0)

    def forward(self, params, x, mode, stream):
        if mode == "predict":
            mean, variance = params["mean"], params["variance"]
        else:
            mean, variance = x.mean(axis=0), x.var(axis=0)
        return (x - mean) / np.sqrt(variance + self.eps), (mode, mean, variance)

    def update(self, params, x, memo):
        found = {"mean": memo[1], "variance": memo[2]}
        return {name: self.keep * params[name] + (1 - self.keep) * value for name, value in found.items()}

    def backward(self, params, x, z, memo, dz):
        mode, _, variance = memo
        if mode == "train":
            dz = dz - dz.mean(axis=0) - z * (dz * z).mean(axis=0)
        return dz / np.sqrt(variance + self.eps)


@CAGE.add_broken("other-arrays", shape=[1])
class ForgetsTheShiftOfOthers(Scale):
    def forward(self, params, x, mode, stream):
        return params["scale"] * x + (params["shift"] if isinstance(x, np.ndarray) else 0), None

    def gradients(self, params, x, z, memo, dz):
        xp = array_namespace(dz)
        return {"scale": xp.sum(dz * x, axis=0), "shift": xp.sum(dz, axis=0)}


@CAGE.add_broken("takes")
class TakesNothing(Scale):
    """Compares a sample's shape with a batch's."""

    def shape(self, inputs):
        if len(inputs) < 5:
            raise modnet.ShapeError(f"expects a batch, found {inputs}")
        return inputs


@CAGE.add_broken("takes")
class SaysANumber(Affine):
    """The number of units in place of a shape."""

    def shape(self, inputs):
        return Affine.shape(self, inputs)[0]


@CAGE.add_broken("takes", shape=[3, 6, 6])
class RefusesWhatIsNamed(Affine):
    """Rows alone, where an image is named."""


@CAGE.add_broken("arrays")
class DigitAtTheEnd(Scale):
    """In a network its second layer would have W12."""

    def params(self, inputs):
        return (Param("W1", inputs, init=1.0),)

    def forward(self, params, x, mode, stream):
        return params["W1"] * x, None

    backward, gradients = modnet.Layer.backward, modnet.Layer.gradients


@CAGE.add_broken("arrays")
class OneNameTwice(Normalization):
    """A buffer that hides a parameter."""

    def params(self, inputs):
        return (Param("mean", inputs, init=0.0),)


@CAGE.add_broken("arrays")
class RuleOfNoWeight(Affine):
    """He's rule for what is no weight by its name."""

    def params(self, inputs):
        return Param("kernel", (*inputs, self.units), init="he"), Param("b", (self.units,))

    def forward(self, params, x, mode, stream):
        return x @ params["kernel"] + params["b"], None

    backward, gradients, change, slopes = (
        modnet.Layer.backward,
        modnet.Layer.gradients,
        modnet.Layer.change,
        modnet.Layer.slopes,
    )


@CAGE.add_broken("arrays")
class UnknownRule(Affine):
    def params(self, inputs):
        return Param("W", (*inputs, self.units), init="kaiming"), Param("b", (self.units,))


@CAGE.add_broken("arrays")
class BufferOfNoNumber(Normalization):
    def buffers(self, inputs):
        return Param("mean", inputs), Param("variance", inputs, init=1.0)


@CAGE.add_broken("shape-and-dtype")
class Widens(Scale):
    """Computes with a float64 constant array."""

    def forward(self, params, x, mode, stream):
        return params["scale"] * x * np.ones(x.shape[1:]) + params["shift"], None


@CAGE.add_broken("derivatives")
class WidensTheGradients(Scale):
    def gradients(self, params, x, z, memo, dz):
        return {"scale": (dz * x).sum(axis=0, dtype=np.float64), "shift": dz.sum(axis=0)}


@CAGE.add_broken("shape-and-dtype")
class NoMemo(Scale):
    """Returns the outputs alone."""

    def forward(self, params, x, mode, stream):
        return params["scale"] * x + params["shift"]


@CAGE.add_broken("shape-and-dtype")
class SaysAnotherShape(modnet.Layer):
    """Flattens, and does not say so."""

    def forward(self, params, x, mode, stream):
        return x.reshape(len(x), -1)[:, 1:], None


@CAGE.add_broken("shape-and-dtype")
class Squeezes(Affine):
    """Of a single sample the batch's axis is lost."""

    def forward(self, params, x, mode, stream):
        return np.squeeze(x @ params["W"] + params["b"]), None


@CAGE.add_broken("shape-refused")
class TakesAnyShape(Affine):
    """Says that it takes images, and multiplies them as rows."""

    def shape(self, inputs):
        return (self.units,)


@CAGE.add_broken("shape-refused")
class FailsOtherwise(Affine):
    """Fails by an error of Python's."""

    def shape(self, inputs):
        (_,) = inputs
        return (self.units,)


@CAGE.add_broken("channel-axis")
class WrongAxis(Affine):
    """The axis of the inputs in place of that of the outputs."""

    units: int = 6

    def params(self, inputs):
        return Param("W", (*inputs, 6), channel_axis=0), Param("b", (6,), channel_axis=0)

    def forward(self, params, x, mode, stream):
        return x @ params["W"] + params["b"], None

    def shape(self, inputs):
        return (*Affine.shape(self, inputs)[:0], 6)

    change, slopes = modnet.Layer.change, modnet.Layer.slopes


@CAGE.add_broken("channel-axis")
class MixesChannels(Affine):
    """A softmax after the sum, so that each weight moves all outputs."""

    def forward(self, params, x, mode, stream):
        return modnet.activation("softmax")(x @ params["W"] + params["b"]), None

    backward, gradients, change, slopes = (
        modnet.Layer.backward,
        modnet.Layer.gradients,
        modnet.Layer.change,
        modnet.Layer.slopes,
    )


@CAGE.add_broken("linear")
class FalselyLinear(Scale):
    """The exponential of a parameter that is called linear."""

    def forward(self, params, x, mode, stream):
        return np.exp(params["scale"]) * x + params["shift"], None

    def backward(self, params, x, z, memo, dz):
        return np.exp(params["scale"]) * dz

    def gradients(self, params, x, z, memo, dz):
        return {"scale": (dz * x).sum(axis=0) * np.exp(params["scale"]), "shift": dz.sum(axis=0)}


@CAGE.add_broken("slopes")
class SlopesTransposed(Affine):
    def slopes(self, params, x, memo, name, channel):
        return x if name == "W" else np.ones((1, len(x)), x.dtype)


@CAGE.add_broken("slopes")
class SlopesInAnotherOrder(Affine):
    def slopes(self, params, x, memo, name, channel):
        return x.T[::-1] if name == "W" else np.ones((1, len(x)), x.dtype)


@CAGE.add_broken("slopes")
class OneSlopeForAll(Affine):
    """Takes the mean over the samples."""

    def slopes(self, params, x, memo, name, channel):
        return np.repeat(x.mean(axis=0)[:, np.newaxis], len(x), 1) if name == "W" else np.ones((1, len(x)), x.dtype)


@CAGE.add_broken("elementwise")
class FalselyElementwise(modnet.Layer):
    """Centres each sample."""

    elementwise = True

    def forward(self, params, x, mode, stream):
        return x - x.mean(axis=1, keepdims=True), None


@CAGE.add_broken("kinks")
class FalselySmooth(modnet.Layer):
    """Bends where it says it does not."""

    kinks = ()

    def forward(self, params, x, mode, stream):
        return np.maximum(x - 0.3, 0.1 * (x - 0.3)), None


@CAGE.add_broken("couples-samples")
class CouplesInSecret(Normalization):
    couples_samples = False


@CAGE.add_broken("rows")
class ForgetsTheMode(Normalization):
    """Predicts with the batch's own mean."""

    def forward(self, params, x, mode, stream):
        return Normalization.forward(self, params, x, "train", stream)


@CAGE.add_broken("predicts")
class AlwaysDrops(Dropout):
    def forward(self, params, x, mode, stream):
        return Dropout.forward(self, params, x, "train", stream)


@CAGE.add_broken("stream")
class SeedsByTheSeed(Dropout):
    """Drops the same numbers in each iteration, and in each layer."""

    def forward(self, params, x, mode, stream):
        return Dropout.forward(self, params, x, mode, modnet.Stream(stream.seed))


@CAGE.add_broken("finite")
class DividesByNothing(Normalization):
    """No eps, so that a constant input is 0 / 0."""

    def __init__(self):
        Normalization.__init__(self, eps=0.0)


@CAGE.add_broken("finite")
class Exponentials(modnet.Layer):
    """A softmax that overflows."""

    def forward(self, params, x, mode, stream):
        e = np.exp(x)
        return e / e.sum(axis=1, keepdims=True), None


@CAGE.add_broken("layout")
class ReadsTheMemory(Scale):
    def forward(self, params, x, mode, stream):
        return params["scale"] * np.frombuffer(x.tobytes("A"), x.dtype).reshape(x.shape) + params["shift"], None


@CAGE.add_broken("layout")
class ReadsTheDerivativesMemory(Scale):
    """A shape set in place takes the numbers as they lie there."""

    def backward(self, params, x, z, memo, dz):
        return params["scale"] * np.frombuffer(dz.tobytes("A"), dz.dtype).reshape(dz.shape)


@CAGE.add_broken("memo")
class UsesTheMemoUp(Dropout):
    def forward(self, params, x, mode, stream):
        z, kept = Dropout.forward(self, params, x, mode, stream)
        return z, [np.ones_like(x) if kept is None else kept]

    def backward(self, params, x, z, memo, dz):
        return dz * memo.pop()


@CAGE.add_broken("memo")
class WritesIntoTheMemo(Dropout):
    def backward(self, params, x, z, memo, dz):
        if memo is None:
            return dz
        memo *= dz
        return memo


@CAGE.add_broken("backward")
class ForgetsTheFactor(Scale):
    def backward(self, params, x, z, memo, dz):
        return dz + 0


@CAGE.add_broken("backward")
class ForgetsTheStatistics(Normalization):
    """Takes mean and variance of the batch for constants."""

    def backward(self, params, x, z, memo, dz):
        return dz / np.sqrt(memo[2] + self.eps)


@CAGE.add_broken("backward")
class WrongInPredictModeAlone(Dropout):
    """The mask is drawn in each mode, and used in one."""

    def forward(self, params, x, mode, stream):
        z, kept = Dropout.forward(self, params, x, mode, stream)
        return z, kept if mode == "train" else np.full_like(x, 2.0)


@CAGE.add_broken("backward")
class OneEntryOff(Scale):
    """The last number of a sample has no derivative: an edge that is forgotten."""

    def backward(self, params, x, z, memo, dz):
        dx = params["scale"] * dz
        dx.reshape(len(x), -1)[:, -1:] = 0
        return dx


@CAGE.add_broken("ties")
class AllLargestOnes(modnet.Layer):
    """The maximum of each sample, whose derivative each of several largest numbers gets."""

    def shape(self, inputs):
        return (1,)

    def forward(self, params, x, mode, stream):
        return x.reshape(len(x), int(np.prod(x.shape[1:]))).max(axis=1, keepdims=True), None

    def backward(self, params, x, z, memo, dz):
        axes = tuple(range(1, x.ndim))
        return (x == x.max(axis=axes, keepdims=True)) * dz.reshape(-1, *[1] * len(axes))


@CAGE.add_broken("gradients")
class MeanNotSum(Scale):
    def gradients(self, params, x, z, memo, dz):
        return {"scale": (dz * x).mean(axis=0), "shift": dz.mean(axis=0)}


@CAGE.add_broken("gradients")
class ForgetsAParameter(Scale):
    def gradients(self, params, x, z, memo, dz):
        return {"scale": (dz * x).sum(axis=0)}


@CAGE.add_broken("gradients")
class DerivesTheOutputs(Affine):
    """Uses the outputs where it needs the inputs."""

    units: int = 6

    def shape(self, inputs):
        return (*Affine.shape(self, inputs)[:0], 6)

    def params(self, inputs):
        return Param("W", (*inputs, 6)), Param("b", (6,))

    def gradients(self, params, x, z, memo, dz):
        return {"W": z.T[: x.shape[1]] @ dz, "b": dz.sum(axis=0)}

    slopes = modnet.Layer.slopes


@CAGE.add_broken("gradients")
class TrainsABuffer(Normalization):
    def params(self, inputs):
        return (Param("shift", inputs, init=0.0),)

    def forward(self, params, x, mode, stream):
        z, memo = Normalization.forward(self, params, x, mode, stream)
        return z + params["shift"], memo

    def backward(self, params, x, z, memo, dz):
        return Normalization.backward(self, params, x, z - params["shift"], memo, dz)

    def gradients(self, params, x, z, memo, dz):
        return {"shift": dz.sum(axis=0), "mean": -dz.sum(axis=0)}


@CAGE.add_broken("change")
class ChangesTheShift(Scale):
    """The outputs of the moves, in place of the change."""

    def change(self, params, x, z, memo, dx, channels, mode, stream):
        return params["scale"][channels] * dx + params["shift"][channels]


@CAGE.add_broken("change")
class AllChannelsOfAFew(Affine):
    """Right where all channels move, and for the first of them."""

    def change(self, params, x, z, memo, dx, channels, mode, stream):
        return dx @ params["W"][: dx.shape[2]]


@CAGE.add_broken("change")
class FirstOrder(modnet.Layer):
    """The slope times the move, which is right for small moves alone."""

    elementwise = True

    def forward(self, params, x, mode, stream):
        return np.tanh(x), None

    def backward(self, params, x, z, memo, dz):
        return dz * (1 - z * z)

    def change(self, params, x, z, memo, dx, channels, mode, stream):
        return dx * (1 - z[:, channels] ** 2)


@CAGE.add_broken("change")
class ForgetsTheMoves(Scale):
    """Works for one move."""

    def change(self, params, x, z, memo, dx, channels, mode, stream):
        return params["scale"][channels] * dx[:1]


class Reversal(modnet.Layer):
    """A right one, for others to spoil: the channels in reverse order."""

    def forward(self, params, x, mode, stream):
        return x[:, ::-1], None

    def backward(self, params, x, z, memo, dz):
        return dz[:, ::-1]

    def reach(self, inputs, channels):
        start, stop, _ = channels.indices(inputs[0])
        return slice(inputs[0] - stop, inputs[0] - start)


@CAGE.add_broken("reach")
class ReachesTheSame(Reversal):
    def reach(self, inputs, channels):
        return channels


@CAGE.add_broken("reach")
class ReachesOneTooFew(Reversal):
    def reach(self, inputs, channels):
        found = Reversal.reach(self, inputs, channels)
        return slice(found.start, found.stop - 1) if found.stop - found.start > 1 else found


@CAGE.add_broken("update")
class ForgetsABuffer(Normalization):
    def update(self, params, x, memo):
        return {"mean": memo[1]}


@CAGE.add_broken("update")
class ScalarBuffer(Normalization):
    """A mean over all numbers, where each has one."""

    def update(self, params, x, memo):
        return {**Normalization.update(self, params, x, memo), "mean": 0.1 * x.mean()}


@CAGE.add_broken("update")
class UnbiasedVariance(Normalization):
    """Divides by the number of samples less 1: of the last batch, which may be a single one, there is none."""

    def update(self, params, x, memo):
        return {**Normalization.update(self, params, x, memo), "variance": x.var(axis=0, ddof=1)}


@CAGE.add_broken("update")
class WidensTheBuffers(Normalization):
    def update(self, params, x, memo):
        return {name: value.astype(np.float64) for name, value in Normalization.update(self, params, x, memo).items()}


@CAGE.add_broken("standard")
class FalselyDense(Affine):
    """A dense layer, and a ReLU."""

    is_dense = True

    def forward(self, params, x, mode, stream):
        return np.maximum(x @ params["W"] + params["b"], 0), None

    backward, gradients, change, slopes = (
        modnet.Layer.backward,
        modnet.Layer.gradients,
        modnet.Layer.change,
        modnet.Layer.slopes,
    )


@CAGE.add_broken("standard")
class FalselyRelu(modnet.Layer):
    """Says that it is a ReLU, and is leaky."""

    elementwise = True

    @property
    def activation(self):
        return modnet.activation("relu")

    def forward(self, params, x, mode, stream):
        return np.where(x > 0, x, x.dtype.type(0.01) * x), None


@CAGE.add_broken("network")
class BeginsWithNothing(Scale):
    """Divides by what begins with 0."""

    def params(self, inputs):
        return Param("scale", inputs, init=0.0), Param("shift", inputs, init=0.0, linear=True)

    def forward(self, params, x, mode, stream):
        return x / params["scale"] + params["shift"], None

    def backward(self, params, x, z, memo, dz):
        return dz / params["scale"]

    def gradients(self, params, x, z, memo, dz):
        return {"scale": -(dz * x).sum(axis=0) / params["scale"] ** 2, "shift": dz.sum(axis=0)}


@CAGE.add_broken("network")
class WeightOfNoAxis(Scale):
    """A single number that is called a weight, and drawn as one."""

    def params(self, inputs):
        return (Param("W", (), init="he"),)

    def forward(self, params, x, mode, stream):
        return params["W"] * x, None

    def backward(self, params, x, z, memo, dz):
        return params["W"] * dz

    def gradients(self, params, x, z, memo, dz):
        return {"W": (dz * x).sum(keepdims=True).reshape(())}


@CAGE.add_broken("differences")
class WrongInTheMiddle(Affine):
    """Its slopes are right for the first and the last channel."""

    def slopes(self, params, x, memo, name, channel):
        return Affine.slopes(self, params, x, memo, name, channel) * (0 if channel == 1 else 1)


@CAGE.add_broken("resume")
class CountsItself(Scale):
    """Changes with the number of its calls in training, which no checkpoint has."""

    def __init__(self):
        self.calls = 0

    def forward(self, params, x, mode, stream):
        self.calls += mode == "train"
        factor = 1 + 0.5 * np.sin(self.calls)
        return factor * params["scale"] * x, factor

    def backward(self, params, x, z, memo, dz):
        return memo * params["scale"] * dz

    def gradients(self, params, x, z, memo, dz):
        return {"scale": memo * (dz * x).sum(axis=0), "shift": 0 * dz.sum(axis=0)}


@CAGE.add_broken("unchanged")
class InPlace(Scale):
    def forward(self, params, x, mode, stream):
        if x.flags.writeable:
            x *= params["scale"]
            x += params["shift"]
            return x, None
        return Scale.forward(self, params, x, mode, stream)


@CAGE.add_broken("unchanged")
class UpdatesInPlace(Normalization):
    """The buffers that it was given become the new ones."""

    def update(self, params, x, memo):
        for name, value in Normalization.update(self, params, x, memo).items():
            params[name][...] = value
        return {name: params[name] for name in ("mean", "variance")}


@CAGE.add_broken("unchanged")
class DerivesInPlace(Dropout):
    def backward(self, params, x, z, memo, dz):
        if memo is not None:
            dz *= memo
        return dz


@CAGE.add_broken("read-only")
class BorrowsTheInput(Scale):
    def forward(self, params, x, mode, stream):
        np.negative(x, out=x)
        z = params["shift"] - params["scale"] * x
        np.negative(x, out=x)
        return z, None


@CAGE.add_broken("deterministic")
class DrawsElsewhere(modnet.Layer):
    """Has a generator of its own, and so other noise each time within an iteration."""

    def forward(self, params, x, mode, stream):
        noise = np.random.default_rng().standard_normal(x.shape)
        return (x + noise * (mode == "train")).astype(x.dtype), None


@CAGE.add_broken("memory")
class KeepsItsMask(modnet.Layer):
    """Keeps on itself what belongs into the memo."""

    elementwise = True

    def forward(self, params, x, mode, stream):
        self.mask = x > 0
        return x * self.mask, None

    def backward(self, params, x, z, memo, dz):
        return dz * self.mask


@CAGE.add_broken("global-state")
class SeedsNumpy(Dropout):
    def forward(self, params, x, mode, stream):
        np.random.seed(stream.seed + 7)
        return Dropout.forward(self, params, x, mode, stream)


@CAGE.add_broken("global-state")
class SetsTheEnvironment(Scale):
    def forward(self, params, x, mode, stream):
        os.environ["OMP_NUM_THREADS"] = str(len(x))
        return Scale.forward(self, params, x, mode, stream)


@CAGE.add_broken("settings-kept")
class LosesItsSetting(Scale):
    """A plain class that keeps something else than it was given."""

    def __init__(self, units: int = 3):
        self.units = units + 1


CAGE.add_legal()(Scale)
CAGE.add_legal()(Affine)
CAGE.add_legal()(Dropout)
CAGE.add_legal()(Normalization)
CAGE.add_legal()(Reversal)


@CAGE.add_legal(shape=[1, 5, 5])
class ScaleOfSmallImages(Scale):
    """On images alone, of one channel."""


@CAGE.add_legal()
class Identity(modnet.Layer):
    """Returns what it was given."""

    elementwise = True

    def forward(self, params, x, mode, stream):
        return x, x

    def backward(self, params, x, z, memo, dz):
        return dz

    def change(self, params, x, z, memo, dx, channels, mode, stream):
        return dx


@CAGE.add_legal()
class Flattening(modnet.Layer):
    """A row for each sample, whatever it is: the outputs are a view, of another rank."""

    def shape(self, inputs):
        return (int(np.prod(inputs)),)

    def forward(self, params, x, mode, stream):
        return x.reshape(len(x), -1) if x.size else np.empty((len(x), int(np.prod(x.shape[1:]))), x.dtype), None

    def backward(self, params, x, z, memo, dz):
        return dz.reshape(x.shape)


@CAGE.add_legal()
class MeanOfEachChannel(modnet.Layer):
    """Global average pooling, of images alone."""

    def shape(self, inputs):
        if len(inputs) != 3:
            raise modnet.ShapeError(f"expects images (channels, height, width), found samples of shape {inputs}")
        return inputs[:1]

    def forward(self, params, x, mode, stream):
        return x.mean(axis=(2, 3)), None

    def backward(self, params, x, z, memo, dz):
        size = x.dtype.type(x.shape[2] * x.shape[3])
        return np.broadcast_to((dz / size)[..., np.newaxis, np.newaxis], x.shape)

    def reach(self, inputs, channels):
        return channels


@CAGE.add_legal()
class Permutation(modnet.Layer):
    """The units in a fixed random order, another one for each number of units."""

    def forward(self, params, x, mode, stream):
        return x[:, self.order(x)], None

    def backward(self, params, x, z, memo, dz):
        return dz[:, np.argsort(self.order(x))]

    def order(self, x):
        return modnet.Stream(0, ("order",)).generator().permutation(x.shape[1])


@CAGE.add_legal()
@attrs.frozen
class Noise(modnet.Layer):
    """Gaussian noise on each number in training, which has the derivative 1."""

    std: float = attrs.field(default=0.1, validator=ge(0))

    elementwise = True

    def forward(self, params, x, mode, stream):
        if mode == "predict" or not self.std:
            return x.copy(), None
        return x + (self.std * stream.generator().standard_normal(x.shape)).astype(x.dtype), None

    def backward(self, params, x, z, memo, dz):
        return dz


@CAGE.add_legal()
class WithoutBackward(Affine):
    """Backpropagation measures it."""

    backward, gradients, change, slopes = (
        modnet.Layer.backward,
        modnet.Layer.gradients,
        modnet.Layer.change,
        modnet.Layer.slopes,
    )


@CAGE.add_legal()
class Centring(modnet.Layer):
    """Buffers alone: subtracts a running mean, in training too, so that no sample moves another one."""

    elementwise = True

    def buffers(self, inputs):
        return Param("mean", inputs, init=0.0), Param("batches", (), init=0)

    def forward(self, params, x, mode, stream):
        return x - params["mean"], None

    def update(self, params, x, memo):
        batches = params["batches"] + 1
        mean = params["mean"] + (x.mean(axis=0) - params["mean"]) / batches if len(x) else params["mean"]
        return {"mean": mean.astype(x.dtype), "batches": np.asarray(batches, x.dtype)}

    def backward(self, params, x, z, memo, dz):
        return dz


@CAGE.add_legal()
class FactorOfEachChannel(modnet.Layer):
    """One factor for all numbers of a channel, and slopes of it."""

    elementwise = True

    def params(self, inputs):
        return (Param("gamma", inputs[:1], init=1.0, channel_axis=0, linear=True),)

    def forward(self, params, x, mode, stream):
        return self.spread(params["gamma"], x) * x, None

    def backward(self, params, x, z, memo, dz):
        return self.spread(params["gamma"], x) * dz

    def gradients(self, params, x, z, memo, dz):
        return {"gamma": (dz * x).sum(axis=(0, *range(2, x.ndim)))}

    def slopes(self, params, x, memo, name, channel):
        return x[np.newaxis, :, channel]

    def spread(self, gamma, x):
        return gamma.reshape(-1, *[1] * (x.ndim - 2))


@CAGE.add_legal()
class GatedLinearUnit(modnet.Layer):
    """The one half of the channels, times the sigmoid of the other (Dauphin et al. 2017)."""

    def shape(self, inputs):
        if inputs[0] % 2:
            raise modnet.ShapeError(f"expects an even number of channels, found {inputs[0]}")
        return (inputs[0] // 2, *inputs[1:])

    def forward(self, params, x, mode, stream):
        values, gates = np.split(x, 2, axis=1)
        gates = modnet.activation("sigmoid")(gates)
        return values * gates, gates

    def backward(self, params, x, z, memo, dz):
        values = x[:, : memo.shape[1]]
        return np.concatenate([dz * memo, dz * values * memo * (1 - memo)], axis=1)


@CAGE.add_legal()
@attrs.frozen
class Upsampling(modnet.Layer):
    """Each pixel, a few times in both directions."""

    times: int = attrs.field(default=2, validator=ge(1))

    def shape(self, inputs):
        if len(inputs) != 3:
            raise modnet.ShapeError(f"expects images, found samples of shape {inputs}")
        return (inputs[0], *(self.times * n for n in inputs[1:]))

    def forward(self, params, x, mode, stream):
        return x.repeat(self.times, axis=2).repeat(self.times, axis=3), None

    def backward(self, params, x, z, memo, dz):
        n, c, height, width = x.shape
        return dz.reshape(n, c, height, self.times, width, self.times).sum(axis=(3, 5))

    def reach(self, inputs, channels):
        return channels


@CAGE.add_legal()
class LayerNormalization(modnet.Layer):
    """Each sample by its own mean and variance (Ba et al. 2016), with a factor for each number."""

    def params(self, inputs):
        return (Param("gain", inputs, init=1.0, linear=True),)

    def forward(self, params, x, mode, stream):
        axes = tuple(range(1, x.ndim))
        deviation = np.sqrt(x.var(axis=axes, keepdims=True) + x.dtype.type(1e-5))
        normal = (x - x.mean(axis=axes, keepdims=True)) / deviation
        return params["gain"] * normal, (normal, deviation)

    def backward(self, params, x, z, memo, dz):
        (normal, deviation), axes = memo, tuple(range(1, x.ndim))
        dn = dz * params["gain"]
        mean, along = dn.mean(axis=axes, keepdims=True), (dn * normal).mean(axis=axes, keepdims=True)
        return (dn - mean - normal * along) / deviation

    def gradients(self, params, x, z, memo, dz):
        return {"gain": (dz * memo[0]).sum(axis=0)}


@CAGE.add_legal(largest=80)
class Exponential(modnet.Layer):
    """Overflows, as it should, where inputs are too large."""

    elementwise = True

    def forward(self, params, x, mode, stream):
        return np.exp(x), None

    def backward(self, params, x, z, memo, dz):
        return z * dz

    def change(self, params, x, z, memo, dx, channels, mode, stream):
        return z[:, channels] * np.expm1(dx)


@CAGE.add_legal()
class Highway(modnet.Layer):
    """A gate between a sum and the inputs (Srivastava et al. 2015): weights that are not linear, without slopes."""

    def shape(self, inputs):
        if len(inputs) != 1:
            raise modnet.ShapeError(f"expects rows of numbers, found samples of shape {inputs}")
        return inputs

    def params(self, inputs):
        return Param("W_gate", inputs * 2, init="xavier", channel_axis=1), Param("b_gate", inputs, init=-1.0)

    def forward(self, params, x, mode, stream):
        gate = modnet.activation("sigmoid")(x @ params["W_gate"] + params["b_gate"])
        return gate * np.tanh(x) + (1 - gate) * x, gate


@CAGE.add_legal()
class WholeChannelsDropped(modnet.Layer):
    """Drops channels of a sample as a whole (Tompson et al. 2015)."""

    elementwise = True

    def forward(self, params, x, mode, stream):
        if mode == "predict":
            return x, None
        kept = stream.generator().random((*x.shape[:2], *[1] * (x.ndim - 2))) < 0.5
        kept = 2 * kept.astype(x.dtype)
        return x * kept, kept

    def backward(self, params, x, z, memo, dz):
        return dz if memo is None else dz * memo
