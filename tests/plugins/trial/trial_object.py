"""Two plugins in one module: entry points name them as `module:object`."""

import attrs
from attrs.validators import gt

import modnet


@attrs.frozen
class Softsign(modnet.Activation):
    """z = s a / (1 + |s a|)."""

    sharpness: float = attrs.field(default=1.0, validator=gt(0))

    elementwise = True
    kinks = (0.0,)

    def __call__(self, a, axis=-1):
        return self.sharpness * a / (1 + abs(self.sharpness * a))

    def backward(self, a, z, dz, axis=-1):
        return self.sharpness * dz / (1 + abs(self.sharpness * a)) ** 2


@attrs.frozen
class Careful(modnet.Optimizer):
    """Descent whose rate has a name of its own."""

    step_size: float = attrs.field(default=0.1, validator=gt(0))

    def init(self, params):
        return None

    def step(self, params, grads, state):
        return {name: w - w.dtype.type(self.step_size) * grads[name] for name, w in params.items()}, None


class Parts:
    """An object whose methods are the hooks."""

    @modnet.hookimpl
    def register_activations(self, register):
        register(Softsign)


class Steps:
    @staticmethod
    @modnet.hookimpl
    def register_optimizers(register):
        register(Careful)


parts = Parts()
steps = Steps()
