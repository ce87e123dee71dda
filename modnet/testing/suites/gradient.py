"""Checks of gradient estimators."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, get_args

import attrs
import numpy as np
from attrs.validators import ge, in_, instance_of, optional

import modnet
from modnet.interfaces import GradientEstimator, Objective
from modnet.nn.arrays import find_library, to_numpy
from modnet.nn.checkpoint import Checkpoints, flatten_state
from modnet.nn.serialization import unflatten
from modnet.testing.checks import Inputs, SkippedError, Suite, catch_error, preserve_process
from modnet.testing.gradcheck.estimators import estimate_after, states_after
from modnet.testing.report import Report
from modnet.testing.suites.shared import DTYPES, ONE_LIBRARY, add_other_arrays, add_shared, make_folder, to_values

Promise = Literal["gradient", "direction"]
DIRECTION = "it promises a direction, not the gradient"
DRAWS = "it draws at random: its mean is checked instead"
DRAWS_NOTHING = "it draws nothing at random: it is compared with the gradient itself"
NEEDS_NETWORK = "it needs a network, not any function of the parameters"
NO_STATE = "the check state has to pass first"
NO_COUNT = "it does not say how many evaluations it makes"
STRUCTURE = ("layers", "loss_function", "x", "t", "weights", "trace", "output_error", "backward")


@attrs.frozen
class Subject:
    """A gradient estimator, and its promise."""

    part: GradientEstimator
    promises: Promise | None = attrs.field(default=None, validator=optional(in_(get_args(Promise))))
    """In place of what the estimator says itself."""
    tolerance: float = attrs.field(default=1e-3, validator=instance_of((int, float)))
    most: int = attrs.field(default=2000, validator=[instance_of(int), ge(50)])
    network: Mapping[str, Any] = attrs.field(factory=dict)
    """Settings of the network whose gradient it estimates, in place of the usual ones."""

    @network.validator
    def _check_network(self, _: Any, settings: Mapping[str, Any]) -> None:
        small_network(0, **settings)

    @property
    def draws(self) -> bool:
        """True if another stream gives another estimate."""
        with preserve_process():
            one, other = (flat(estimate_once(self.part, 0, stream, **self.network)) for stream in (1, 2))
        return not np.array_equal(one, other)

    @property
    def steps(self) -> tuple[int, ...]:
        """The numbers of estimates after which one is checked: of a part with a state a later one, too."""
        net, x, t = small_network(0, **self.network)
        states: list[Any] = []

        def look(part: Any) -> None:
            params, stream = dict(net.params), modnet.Stream(0)
            states.append(part.estimate(net.objective(x, t), params, stream, part.init(params, stream))[1])

        catch_error(look, self.part, {})  # which is for the checks to find
        return (0,) if states == [None] else (0, 2)


@attrs.frozen
class Translated(GradientEstimator):
    """An estimator of another library's arrays, for the checks, which hand in NumPy's."""

    part: GradientEstimator

    def __repr__(self) -> str:
        return repr(self.part)

    @property
    def promises(self) -> Promise:  # type: ignore[override]
        """The promise of the part."""
        return self.part.promises

    def __call__(self, objective: Any, params: Any, stream: Any) -> Any:
        """Return the gradient, as NumPy's arrays."""
        return self.estimate(objective, params, stream, self.init(params, stream))[0]

    def init(self, params: Any, stream: Any) -> Any:
        """Return the part's state."""
        return self.part.init(self._translate(params), stream)

    def estimate(self, objective: Any, params: Any, stream: Any, state: Any) -> tuple[Any, Any]:
        """Return the gradient, as NumPy's arrays, and the part's state."""
        there = self._translate(params)
        if isinstance(objective, Objective):
            objective = objective.match(next(iter(there.values())))
        grads, state = self.part.estimate(objective, there, stream, state)
        return {name: to_numpy(grad) for name, grad in grads.items()}, state

    def evaluations(self, params: Any) -> int | None:
        """Return the part's number."""
        return self.part.evaluations(params)

    def _translate(self, params: Any) -> dict[str, Any]:
        library = find_library(self.part.array_library or "numpy")
        return {name: library.convert(value) for name, value in params.items()}


def create_subject(part: GradientEstimator, **options: Any) -> Subject:
    """Return the subject; one that computes with another library's arrays alone is given these."""
    return Subject(part if part.array_library in {None, "numpy"} else Translated(part), **options)


SUITE = Suite("gradient", create_subject, use="--gradient $name --hidden 1 --iterations 20")


def check_gradient_estimator(
    part: object,
    *,
    promises: Promise | None = None,
    tolerance: float = 1e-3,
    most: int = 2000,
    network: Mapping[str, Any] | None = None,
    raises: bool = True,
) -> Report:
    """Check a gradient estimator: an instance, a name, or a function.

    One that draws nothing must come to the exact gradient, up to `tolerance` of its length; one that draws must do so
    on average, of `most` estimates at most. What promises a direction only must point downhill; `promises` is by
    default what the part says itself. `network` has settings of the `modnet.Network` that it is tried on, for one that
    needs certain layers: `layers` of three inputs, `hidden`, `output` and `loss`. Returns a report; raises
    ConformanceError, an AssertionError with all of its text, where the part does not pass, unless `raises` is False.
    """
    __tracebackhide__ = True
    return SUITE.run(part, promises=promises, tolerance=tolerance, most=most, network=network or {}, raises=raises)


def small_network(seed: int, dtype: str = "float64", **network: Any) -> tuple[modnet.Network, Any, Any]:
    """Return a small network none of whose parameters is 0, of some settings, and a batch for it."""
    net = modnet.Network(
        **{
            "weight_init_std": 0.7,
            **({} if "shape" in network else {"layers": (3, 4, 2), "hidden": "tanh"}),
            **network,
        },
        dtype=dtype,
        seed=seed,
    )
    return (
        net.with_arrays({name: value + np.asarray(0.1, dtype) for name, value in net.params.items()}),
        np.sin(np.arange(15)).reshape(5, 3).astype(dtype),
        np.arange(5) % 2 if net.outputs > 1 else np.arange(5.0),
    )


def learnable(**network: Any) -> tuple[modnet.Network, Any]:
    """Return a small network of some settings, and data that it can learn."""
    usual: dict[str, Any] = {} if "shape" in network else {"layers": (2, 4, 2), "hidden": "tanh"}
    net = modnet.Network(**{**usual, "weight_init_std": 0.5, **network}, seed=0)
    x = np.sin(np.arange(60 * net.inputs)).reshape(60, -1)
    task: Any = "classification" if net.outputs > 1 or net.is_binary else "regression"
    return net, modnet.Dataset.from_arrays((x, (x[:, 0] > x[:, 1]).astype(int)), scale=1.0, task=task)


def estimate_once(part: Any, seed: int, stream: int, **network: Any) -> Any:
    """Estimate the gradient of a small network."""
    net, x, t = small_network(seed, **network)
    return dict(part(net.objective(x, t), net.params, modnet.Stream(stream, ("gradient", 3))))


def use_estimator(part: Any, seed: int, stream: int, **network: Any) -> Any:
    """Estimate the gradient of a small network, twice where there is a state, and return the last one, too."""
    net, x, t = small_network(seed, **network)
    objective, at = net.objective(x, t), modnet.Stream(stream, ("gradient", 3))
    grads, state = part.estimate(objective, net.params, at, part.init(net.params, at))
    if state is None:
        return dict(grads)
    again, state = part.estimate(objective, net.params, at.child("again"), state)
    return dict(grads), dict(again), to_values(state)


def flat(grads: Any) -> Any:
    """Return all entries of a gradient in one row."""
    return np.concatenate([np.ravel(grads[name]) for name in sorted(grads)])


def bowl(params: Any) -> Any:
    """Return the sum of (w² + w) / 2, a number of Python's: a function of any parameters."""
    return sum(((w * w + w) / 2).sum().item() for w in params.values())


def any_params() -> dict[str, Any]:
    """Return parameters that are no network's: of several shapes, one of which has no entries, and of both dtypes."""
    return {
        "w": np.array([[1.0, -2.0], [0.5, 3.0]]),
        "one": np.array(0.25),
        "none": np.empty((0, 2)),
        "narrow": np.array([3.0, 4.0], np.float32),
    }


def find_inner(part: Any) -> list[str]:
    """Return the names of the settings of an attrs class that are estimators themselves."""
    fields = attrs.fields(type(part)) if attrs.has(type(part)) else ()
    return [f.name for f in fields if f.init and isinstance(getattr(part, f.name), GradientEstimator)]


def shared_cases(subject: Subject) -> list[Inputs]:
    """Return the inputs of the shared probes."""
    inputs, other = ({"seed": seed, "stream": seed + 1, **subject.network} for seed in (0, 1))
    return [{"use": use_estimator, "inputs": inputs, "other": other}]


def seeds(*numbers: int) -> Callable[[Subject], list[Inputs]]:
    """Return a function that returns a network for each number."""
    return lambda subject: [{"seed": seed, **subject.network} for seed in numbers]


def after_steps(subject: Subject, *cases: Inputs) -> list[Inputs]:
    """Return the cases of a small network, each for the estimates that are checked: of a new state, and a later one."""
    return [{**case, "steps": steps, **subject.network} for steps in subject.steps for case in cases]


def last_step(subject: Subject) -> list[Inputs]:
    """Return a small network, and the number of estimates after which the last one is checked."""
    return [{"seed": 0, "steps": subject.steps[-1], **subject.network}]


def once_there_is_a_state(cases: Callable[[Any], Iterable[Inputs]]) -> Callable[[Any], Iterable[Inputs]]:
    """Return the same cases; they raise SkippedError where the check `state` reports what spoils others."""

    def create(subject: Subject) -> Iterable[Inputs]:
        if isinstance(catch_error(state, subject.part, last_step(subject)[0]), modnet.PluginError):
            raise SkippedError(NO_STATE)
        return cases(subject)

    return create


def plain(subject: Subject) -> list[Inputs]:
    """Return parameters for one that takes any function; raises SkippedError where it needs a network."""
    error = catch_error(lambda part: part(bowl, any_params(), modnet.Stream(0)), subject.part, {})
    asks_for_more = isinstance(error, AttributeError) and error.obj is bowl and error.name in STRUCTURE
    if asks_for_more or isinstance(error, modnet.NoDerivativeError):  # any other is for the checks to find
        raise SkippedError(NEEDS_NETWORK)
    return [{"params": any_params()}]


def params_to_count(subject: Subject) -> list[Inputs]:
    """Return parameters for one that counts its evaluations; raises SkippedError for any other."""
    if subject.part.evaluations(any_params()) is None:
        raise SkippedError(NO_COUNT)
    return plain(subject)


def require_promise(subject: Subject, *, draws: bool) -> Subject:
    """Return the subject if it promises the gradient in this way; raises SkippedError where it does not."""
    if (subject.promises or subject.part.promises) == "direction":
        raise SkippedError(DIRECTION)
    if subject.draws != draws:
        raise SkippedError(DRAWS if subject.draws else DRAWS_NOTHING)
    return subject


@SUITE.check(lambda subject: after_steps(subject, *({"dtype": dtype} for dtype in DTYPES)))
def shape_and_dtype(part: Any, dtype: str, steps: int, **network: Any) -> None:
    """A gradient has the names, shapes and dtypes of the parameters, float64 or float32, and is finite."""
    net, x, t = small_network(0, dtype, **network)
    grads = estimate_after(part, net.objective(x, t), net.params, modnet.Stream(0), steps)
    found, expected = ({name: (g.shape, str(g.dtype)) for name, g in some.items()} for some in (grads, net.params))
    assert found == expected, f"parameters {expected} have the gradient {found}"
    assert all(np.isfinite(g).all() for g in grads.values()), "some of it is not finite"


@SUITE.check(lambda subject: [{**case, "steps": n} for case in plain(subject) for n in subject.steps], NEEDS_NETWORK)
def any_function(part: Any, params: Any, steps: int) -> None:
    """Of any function of any arrays, read-only ones too, it gives a gradient of their names, shapes and dtypes."""
    for array in params.values():
        array.flags.writeable = False
    grads = estimate_after(part, bowl, MappingProxyType(params), modnet.Stream(0), steps)
    found, expected = ({name: (g.shape, str(g.dtype)) for name, g in some.items()} for some in (grads, params))
    assert found == expected, f"parameters {expected} have the gradient {found}"


@SUITE.check(seeds(0, 1))
def unchanged(part: Any, seed: int, **network: Any) -> None:
    """It changes neither the parameters nor the batch, nor the state that it was given."""
    net, x, t = small_network(seed, **network)
    objective, params, stream = net.objective(x, t), net.params, modnet.Stream(0)
    _, state = part.estimate(objective, dict(params), stream, part.init(dict(params), stream))
    given = {"the parameters": [*params.values()], "the batch": [objective.x, objective.t], "the state": state}
    before = copy.deepcopy({name: to_values(value) for name, value in given.items()})
    part.init(params, stream)
    part.estimate(objective, params, stream, state)
    for name, value in given.items():
        np.testing.assert_equal(to_values(value), before[name], f"{name} changed")


@SUITE.check(seeds(0))
def read_only(part: Any, seed: int, **network: Any) -> None:
    """Parameters that nobody may write to will do."""
    net, x, t = small_network(seed, **network)
    params = {name: value.copy() for name, value in net.params.items()}
    for array in params.values():
        array.flags.writeable = False
    estimate_after(part, net.objective(x, t), MappingProxyType(params), modnet.Stream(0), 1)


@SUITE.check(seeds(0))
def stream(part: Any, seed: int, **network: Any) -> None:
    """Random numbers come from the stream that it is given, and from no other generator."""
    found = []
    for elsewhere in (1, 2):
        np.random.seed(elsewhere)  # noqa: NPY002
        random.seed(elsewhere)
        found.append(use_estimator(part, seed, 1, **network))
    np.testing.assert_equal(found[0], found[1])


@SUITE.check(seeds(0))
def plain_call(part: Any, seed: int, **network: Any) -> None:
    """The plain call is one estimate by a new state: `part.estimate(..., stream, part.init(params, stream))[0]`."""
    net, x, t = small_network(seed, **network)
    objective, stream = net.objective(x, t), modnet.Stream(0)
    estimated, _ = part.estimate(objective, net.params, stream, part.init(net.params, stream))
    np.testing.assert_equal(dict(part(objective, net.params, stream)), dict(estimated))


@SUITE.check(last_step)
def state(part: Any, seed: int, steps: int, **network: Any) -> None:
    """Its state can be saved in a checkpoint, and is loaded as it was: classes in it are those of the first one."""
    net, x, t = small_network(seed, **network)
    first, state = states_after(part, net.objective(x, t), net.params, modnet.Stream(0), steps)
    kept, arrays = flatten_state(part, state, first)[1]
    loaded = unflatten(json.loads(json.dumps(kept)), part.init(net.params, modnet.Stream(1)), arrays)
    np.testing.assert_equal(to_values(loaded), to_values(state))


@SUITE.check(lambda subject: [{"names": find_inner(subject.part), **subject.network}])
def inner_state(part: Any, names: Any, **network: Any) -> None:
    """An estimator that it is made of keeps its own state from step to step, as `estimate` passes it on."""
    made = []

    class Counting(modnet.GradientEstimator):
        promises = part.promises

        def __call__(self, objective: Any, params: Any, stream: Any) -> Any:
            return self.estimate(objective, params, stream, self.init(params, stream))[0]

        def init(self, params: Any, stream: Any) -> Any:  # noqa: ARG002
            return {"made": 0}

        def estimate(self, objective: Any, params: Any, stream: Any, state: Any) -> Any:  # noqa: ARG002
            made.append(state["made"])
            return objective.backward(params), {"made": state["made"] + 1}

    net, x, t = small_network(0, **network)
    for name in names:
        made.clear()
        wrapper = attrs.evolve(part, **{name: Counting()})
        estimate_after(wrapper, net.objective(x, t), net.params, modnet.Stream(0), 2)
        assert not made or max(made) > 0, f"{name} begins anew in each step: let init and estimate pass its state on"


@SUITE.check(lambda subject: [{"stop": stop, **subject.network} for stop in (1, 4)])
def resume(part: Any, stop: int, **network: Any) -> None:
    """A run that stops and resumes from its checkpoint ends with the numbers of one that does not stop."""
    net, data = learnable(**network)
    settings: Any = {
        "gradient": part,
        "optimizer": modnet.optimizer("sgd", lr=1e-3),
        "batch_size": 5,
        "progress": False,
    }
    whole = modnet.train(net, data, iterations=6, **settings)
    half = modnet.train(net, data, iterations=stop, **settings)
    with make_folder() as folder:
        Checkpoints(Path(folder)).save(half.checkpoint)
        loaded = Checkpoints(Path(folder)).load()
    start = loaded[0] if loaded else None
    again = modnet.train(net, data, iterations=6, start=start, **settings)
    np.testing.assert_equal(dict(again.params), dict(whole.params))
    np.testing.assert_equal(list(again.history.loss), list(whole.history.loss))


@SUITE.check(
    lambda subject: after_steps(
        subject, *({"seed": seed, "tolerance": require_promise(subject, draws=False).tolerance} for seed in (0, 1))
    ),
    DIRECTION,
    DRAWS,
)
def gradient(part: Any, seed: int, tolerance: float, steps: int, **network: Any) -> None:
    """Without random numbers it computes the exact gradient of a small network."""
    net, x, t = small_network(seed, **network)
    found = flat(estimate_after(part, net.objective(x, t), net.params, modnet.Stream(0), steps))
    exact = flat(net.gradient(x, t))
    error = np.linalg.norm(found - exact) / np.linalg.norm(exact)
    assert error <= tolerance, f"it is off by {error:.2g} of the gradient's length"


@SUITE.check(
    lambda subject: [{"seed": 0, "tolerance": require_promise(subject, draws=False).tolerance, **subject.network}],
    DIRECTION,
    DRAWS,
)
def weighted(part: Any, seed: int, tolerance: float, **network: Any) -> None:
    """With weights of samples it computes the gradient of the weighted mean."""
    net, x, t = small_network(seed, **network)
    weights = np.array([0.0, 1.0, 2.0, 0.5, 3.0])
    exact, objective = net.gradient(x, t, weights=weights), net.objective(x, t, weights)
    error = np.linalg.norm(flat(part(objective, net.params, modnet.Stream(0))) - flat(exact))
    error /= np.linalg.norm(flat(exact))
    assert error <= tolerance, f"it is off by {error:.2g} of the gradient's length"


@SUITE.check(
    lambda subject: after_steps(subject, {"seed": 0, "most": require_promise(subject, draws=True).most}),
    DIRECTION,
    DRAWS_NOTHING,
)
def mean(part: Any, seed: int, most: int, steps: int, **network: Any) -> None:
    """With random numbers its mean is the exact gradient, to within what the estimates' own variance allows."""
    net, x, t = small_network(seed, **network)
    objective, exact, error = net.objective(x, t), flat(net.gradient(x, t)), 1.0
    estimates: list[Any] = []
    while len(estimates) < most and error > 0.03:
        streams = [modnet.Stream(0, ("mean", len(estimates) + k)) for k in range(50)]
        estimates += [flat(estimate_after(part, objective, net.params, stream, steps)) for stream in streams]
        shares = np.array(estimates) @ exact / (exact @ exact)
        error = shares.std(ddof=1) / len(shares) ** 0.5
    length, errors = shares.mean(), np.std(estimates, axis=0, ddof=1) / len(estimates) ** 0.5
    assert error < 0.2, f"{len(estimates)} estimates do not tell: their mean is known to {error:.2g} of the gradient"
    assert abs(length - 1) < 5 * error + 0.01, f"the mean is {length:.3g} times the gradient, known to {error:.2g}"
    off = np.abs(np.mean(estimates, axis=0) - exact) - 6 * errors - 0.01 * np.abs(exact).max()
    assert off.max() < 0, f"the mean of entry {off.argmax()} is not that of the gradient"


@SUITE.check(lambda subject: after_steps(subject, {"seed": 0, "estimates": 100 if subject.draws else 2}))
def direction(part: Any, seed: int, estimates: int, steps: int, **network: Any) -> None:
    """On average it points where the loss grows: a step the other way is downhill."""
    net, x, t = small_network(seed, **network)
    objective, exact = net.objective(x, t), flat(net.gradient(x, t))
    streams = [modnet.Stream(0, ("direction", k)) for k in range(estimates)]
    found = [flat(estimate_after(part, objective, net.params, stream, steps)) for stream in streams]
    shares = np.array(found) @ exact / (exact @ exact)
    error = np.std(shares, ddof=1) / len(shares) ** 0.5
    assert np.mean(shares) > 2 * error, f"along the gradient it has {np.mean(shares):.2g}, known to {error:.2g}"


@SUITE.check(params_to_count, NO_COUNT, NEEDS_NETWORK)
def evaluations(part: Any, params: Any) -> None:
    """`evaluations` returns how many evaluations of the loss one gradient costs."""
    calls: list[Any] = []
    part(lambda moved: calls.append(moved) or bowl(moved), params, modnet.Stream(0))  # type: ignore[func-returns-value, redundant-expr]
    assert len(calls) == part.evaluations(params), f"it makes {len(calls)}, and says {part.evaluations(params)}"


@SUITE.check(lambda subject: [{"rates": [0.1, 1.0, 0.03, 0.01, 3e-3, 1e-3], "iterations": 100, **subject.network}])
def learns(part: Any, rates: Any, iterations: int, **network: Any) -> None:
    """A network learns with it, with one of the learning rates that are tried."""
    (net, data), shares = learnable(**network), []
    for rate in rates:
        sgd = modnet.optimizer("sgd", lr=rate)
        try:
            run = modnet.train(
                net, data, gradient=part, optimizer=sgd, batch_size=20, iterations=iterations, progress=False
            )
        except modnet.DivergedError:
            continue
        shares.append(np.mean(run.history.loss[-10:]) / np.mean(run.history.loss[:10]))
        if shares[-1] < 0.98:
            return
    raise AssertionError(f"at best the loss becomes {min(shares, default=np.inf):.3g} times what it was")


def call_any(part: Any, params: Any, **network: Any) -> Any:
    """Estimate the gradient of a small network of parameters of any library."""
    net, x, t = small_network(0, **network)
    objective, at = net.objective(x, t).match(next(iter(params.values()))), modnet.Stream(1, ("gradient", 3))
    return dict(part.estimate(objective, params, at, part.init(params, at))[0])


def calls_of_any(subject: Subject) -> list[Inputs]:
    """Return the inputs of the probe of other libraries' arrays; raises SkippedError for one of a single library."""
    if isinstance(subject.part, Translated):
        raise SkippedError(ONE_LIBRARY)
    params = dict(small_network(0, **subject.network)[0].params)
    return [{"call": call_any, "inputs": {"params": params, **subject.network}}]


add_other_arrays(SUITE, calls_of_any)
add_shared(SUITE, shared_cases)
for name, check in SUITE.checks.items():
    if name != "state" and not name.startswith("settings-"):
        SUITE.checks[name] = attrs.evolve(check, cases=once_there_is_a_state(check.cases))
