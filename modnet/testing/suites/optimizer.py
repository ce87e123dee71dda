"""Checks of optimizers."""

from __future__ import annotations

import contextlib
import copy
import json
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import attrs
import numpy as np

import modnet
from modnet.compose.parts import make_part, make_settings_reader
from modnet.compose.settings import get_settings
from modnet.errors import SettingError
from modnet.interfaces import Optimizer
from modnet.nn.checkpoint import Checkpoints
from modnet.nn.serialization import flatten, unflatten
from modnet.randomness import Stream
from modnet.testing.checks import Inputs, Suite
from modnet.testing.report import Report
from modnet.testing.suites.shared import DTYPES, add_other_arrays, add_shared, make_folder, to_values

RATES = (1.0, 0.3, 0.1, 0.03, 0.01, 3e-3, 1e-3, 3e-4, 1e-4)
RATE_NAMES = ("lr", "learning_rate", "rate", "step_size", "eta")
SHAPES = {"W1": (3, 2), "b1": (2,), "W2": (2, 4), "b2": (4,)}


@attrs.frozen
class Subject:
    """An optimizer, and those like it that are to go down two valleys."""

    part: Optimizer
    parabola: Optimizer | None = None
    rosenbrock: Optimizer | None = None


def create_subject(part: Optimizer, *, parabola: object = None, rosenbrock: object = None) -> Subject:
    """Return the subject; each of the others is an optimizer, its name, or settings in place of the part's own."""
    given: dict[str, Optimizer] = {}
    for name, wanted in {"parabola": parabola, "rosenbrock": rosenbrock}.items():
        if isinstance(wanted, Mapping):
            given[name] = with_settings(part, wanted)
        elif wanted is not None:
            given[name] = make_part("optimizer", wanted)
    return Subject(part, **given)


def with_settings(part: Optimizer, settings: Mapping[str, Any]) -> Optimizer:
    """Return an optimizer with other settings; raises SettingError."""
    return make_settings_reader().read({**get_settings(part), **settings}, type(part))


SUITE = Suite("optimizer", create_subject)


def check_optimizer(part: object, *, parabola: object = None, rosenbrock: object = None, raises: bool = True) -> Report:
    """Check an optimizer: an instance, or a name.

    `parabola` and `rosenbrock` are the same with settings that suit these two functions, or a mapping of those
    settings. Without them the part itself is tried, and with other learning rates, if it has a setting `lr`,
    `learning_rate`, `rate`, `step_size` or `eta`. Returns a report; raises ConformanceError, an AssertionError with all
    of its text, where the part does not pass, unless `raises` is False.
    """
    __tracebackhide__ = True
    return SUITE.run(part, parabola=parabola, rosenbrock=rosenbrock, raises=raises)


def draw_params(seed: int, dtype: str = "float64") -> dict[str, Any]:
    """Return parameters, or gradients, of several shapes."""
    draw = Stream(seed, ("optimizer",)).generator()
    return {name: draw.standard_normal(shape).astype(dtype) for name, shape in SHAPES.items()}


def steps(_: Subject, dtypes: tuple[str, ...] = ("float64",)) -> list[Inputs]:
    """Return parameters and gradients."""
    return [{"params": draw_params(0, dtype), "grads": draw_params(1, dtype)} for dtype in dtypes]


def shared_cases(_: Subject) -> list[Inputs]:
    """Return the inputs of the shared probes."""
    one, other = ({"params": {"w": np.arange(n) - 0.5}, "grads": {"w": np.arange(n) - 1.5}} for n in (3, 4))
    return [{"use": use_optimizer, "inputs": one, "other": other}]


def use_optimizer(part: Any, params: Any, grads: Any) -> Any:
    """Take two steps and return where they lead."""
    params, state = part.step(params, grads, part.init(params))
    params, state = part.step(params, grads, state)
    return dict(params)


@SUITE.check(lambda subject: steps(subject, DTYPES))
def shape_and_dtype(part: Any, params: Any, grads: Any) -> None:
    """New parameters have the names, shapes and dtypes of the old ones, float64 or float32."""
    new, state = part.step(params, grads, part.init(params))
    new, state = part.step(new, grads, state)
    found, expected = ({name: (w.shape, str(w.dtype)) for name, w in some.items()} for some in (new, params))
    assert found == expected, f"{expected} become {found}"


@SUITE.check(steps)
def unchanged(part: Any, params: Any, grads: Any) -> None:
    """Neither `init` nor `step` changes what it was given, the state included."""
    _, state = part.step(copy.deepcopy(params), copy.deepcopy(grads), part.init(copy.deepcopy(params)))
    given = {"params": params, "grads": grads, "state": state}
    before = copy.deepcopy({name: to_values(value) for name, value in given.items()})
    part.init(params)
    part.step(params, grads, state)
    for name, value in given.items():
        np.testing.assert_equal(to_values(value), before[name], f"{name} changed")


@SUITE.check(steps)
def read_only(part: Any, params: Any, grads: Any) -> None:
    """Parameters and gradients that nobody may write to will do."""
    for array in [*params.values(), *grads.values()]:
        array.flags.writeable = False
    use_optimizer(part, MappingProxyType(params), MappingProxyType(grads))


@SUITE.check(steps)
def state(part: Any, params: Any, grads: Any) -> None:
    """Its state can be saved in a checkpoint, and is loaded as it was."""
    arrays: list[Any] = []
    first = part.init(params)
    new, state = part.step(params, grads, first)
    new, state = part.step(new, grads, state)
    kept = json.loads(json.dumps(flatten(state, first, arrays, "state")))
    np.testing.assert_equal(to_values(unflatten(kept, part.init(params), arrays)), to_values(state))


@SUITE.check(lambda _: [{"stop": 1, "dtype": "float64"}, {"stop": 5, "dtype": "float32"}])
def resume(part: Any, stop: int, dtype: str) -> None:
    """A run that stops and resumes from its checkpoint ends with the numbers of one that does not stop."""
    data = modnet.Dataset.from_arrays((np.linspace(-1, 1, 40).reshape(20, 2), np.arange(20) % 2), scale=1.0)
    net = modnet.TwoLayerNet(2, 3, 2, weight_init_std=0.5, dtype=dtype, seed=0)
    settings: dict[str, Any] = {"optimizer": part, "batch_size": 4, "progress": False}
    whole = modnet.train(net, data, iterations=8, **settings)
    half = modnet.train(net, data, iterations=stop, **settings)
    with make_folder() as folder:
        Checkpoints(Path(folder)).save(half.checkpoint)
        loaded = Checkpoints(Path(folder)).load()
    start = loaded[0] if loaded else None
    again = modnet.train(net, data, iterations=8, start=start, **settings)
    np.testing.assert_equal(dict(again.params), dict(whole.params))
    np.testing.assert_equal(list(again.history.loss), list(whole.history.loss))


@SUITE.check(lambda _: [{"slope": slope, "dtype": dtype} for slope in (0.0, 1e-8, 1e8) for dtype in DTYPES])
def finite(part: Any, slope: float, dtype: str) -> None:
    """Steps are finite where it is flat, nearly flat and steep."""
    params, grads = {"w": np.array([1.0, -1.0], dtype)}, {"w": np.array([slope, -slope], dtype)}
    state = part.init(params)
    for _ in range(3):
        params, state = part.step(params, grads, state)
    assert np.isfinite(params["w"]).all(), f"with slopes of {slope:g} the parameters become {params['w']}"


@SUITE.check(lambda subject: [{"optimizers": candidates(subject.part, subject.parabola), "steps": 2000}])
def parabola(part: Any, optimizers: Any, steps: int) -> None:  # noqa: ARG001 - it stands among the others
    """It reaches the minimum of a parabola, with one of the learning rates that are tried."""
    distances = []
    for optimizer in optimizers:
        params, state = {"w": np.zeros(3)}, optimizer.init({"w": np.zeros(3)})
        for _ in range(steps):
            slope = 2 * np.array([1.0, 2.0, 0.5]) * (params["w"] - np.array([1.0, -0.5, 0.25]))
            params, state = optimizer.step(params, {"w": slope}, state)
        distances.append(np.abs(params["w"] - np.array([1.0, -0.5, 0.25])).max())
    assert np.nanmin(distances) < 0.01, (
        f"after {steps} steps it is {np.nanmin(distances):.3g} from the minimum; if other settings suit it, give them: "
        "parabola={...}"
    )


@SUITE.check(lambda subject: [{"optimizers": candidates(subject.part, subject.rosenbrock), "steps": 3000}])
def rosenbrock(part: Any, optimizers: Any, steps: int) -> None:  # noqa: ARG001 - it stands among the others
    """It goes round the bend of Rosenbrock's valley, from a height of 24 to below 1, where only the floor is left."""
    heights = []
    for optimizer in optimizers:
        params = {"w": np.array([-1.2, 1.0])}
        state = optimizer.init(params)
        for _ in range(steps):
            x, y = params["w"]
            slope = np.array([-2 * (1 - x) - 400 * x * (y - x * x), 200 * (y - x * x)])
            params, state = optimizer.step(params, {"w": slope}, state)
        x, y = params["w"]
        heights.append((1 - x) ** 2 + 100 * (y - x * x) ** 2)
    assert np.nanmin(heights) < 1, (
        f"after {steps} steps it is at a height of {np.nanmin(heights):.3g}; if other settings suit it, give them: "
        "rosenbrock={...}"
    )


def candidates(part: Optimizer, wanted: Optimizer | None) -> list[Optimizer]:
    """Return the optimizers to try: the wanted one, or the part itself and it with other learning rates."""
    if wanted is not None:
        return [wanted]
    found = [part]
    for name in [name for name in RATE_NAMES if isinstance(get_settings(part).get(name), (int, float))][:1]:
        for rate in RATES:
            with contextlib.suppress(SettingError):  # a rate that it does not take
                found.append(with_settings(part, {name: rate}))
    return found


add_other_arrays(SUITE, lambda subject: [{"call": use_optimizer, "inputs": inputs} for inputs in steps(subject)])
add_shared(SUITE, shared_cases)
