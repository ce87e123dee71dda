"""The built-in optimizers: formulas, states, warnings, settings, other array libraries."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import modnet
from modnet.compose.plugins import get_host

NAMES = get_host().registry.names("optimizer")
ALL = {name: modnet.optimizer(name) for name in NAMES}

# The first step from rest by hand: g -> w - w', with the settings below.
LR, MOMENTUM, DECAY, EPS = 0.25, 0.5, 0.75, 0.125
FIRST_STEPS = {
    "sgd": ({"lr": LR}, lambda g: LR * g),
    "momentum": ({"lr": LR, "momentum": MOMENTUM}, lambda g: LR * g),
    "nesterov": ({"lr": LR, "momentum": MOMENTUM}, lambda g: (1 + MOMENTUM) * LR * g),
    "adagrad": ({"lr": LR, "eps": EPS}, lambda g: LR * g / (abs(g) + EPS)),
    "rmsprop": ({"lr": LR, "decay": DECAY, "eps": EPS}, lambda g: LR * g / (abs(g) / 2 + EPS)),
    "adam": ({"lr": LR, "beta1": 0.5, "beta2": 0.75, "eps": EPS}, lambda g: LR * g / (abs(g) + EPS)),
    "adamw": ({"lr": LR, "beta1": 0.5, "beta2": 0.75, "eps": EPS}, lambda g: LR * g / (abs(g) + EPS)),
    "nadam": (
        {"lr": LR, "beta1": 0.5, "beta2": 0.75, "eps": EPS, "momentum_decay": 0.0},
        lambda g: LR * g * (1 + 2 / 15) / (abs(g) + EPS),  # a quarter is the momentum of each step
    ),
    "lion": ({"lr": LR, "beta1": 0.5, "beta2": 0.75}, lambda g: LR * np.sign(0.5 * g)),
}

# The learning rate that suits a parabola.
LR_ON_A_PARABOLA = {
    "adagrad": 1.0,
    "adam": 0.05,
    "adamw": 0.05,
    "lion": 0.001,
    "momentum": 0.05,
    "nadam": 0.05,
    "nesterov": 0.05,
    "rmsprop": 0.002,
    "sgd": 0.1,
}

SHARES = {"momentum", "decay", "beta1", "beta2"}
OLDER = [name for name in NAMES if name not in {"adamw", "lion", "nadam"}]

each = pytest.mark.parametrize("optimizer", ALL.values(), ids=ALL)
each_name = pytest.mark.parametrize("name", NAMES)
each_dtype = pytest.mark.parametrize("dtype", [np.float64, np.float32])


def draw(seed: int, dtype: type = np.float64) -> dict[str, np.ndarray]:
    """Parameters, or gradients, of several shapes: one of them has no entries, one is a single number."""
    rng = np.random.default_rng(seed)
    shapes = {"W2": (3, 2), "b2": (2,), "W1": (4, 3), "none": (0, 2), "one": ()}
    return {name: np.asarray(rng.standard_normal(shape), dtype=dtype) for name, shape in shapes.items()}


def travel(optimizer, params, steps):
    """Take some steps, each with gradients of its own; return where they lead, and the state there."""
    state = optimizer.init(params)
    for k in range(steps):
        grads = draw(100 + k, dtype=next(iter(params.values())).dtype)
        params, state = optimizer.step(params, grads, state)
    return params, state


def descend(optimizer, gradient, w, steps):
    params = {"w": np.array(w)}
    state = optimizer.init(params)
    for _ in range(steps):
        params, state = optimizer.step(params, {"w": gradient(params["w"])}, state)
    return params["w"]


def arrays_in(value):
    """All arrays in a nest of mappings."""
    if isinstance(value, np.ndarray):
        return [value]
    return [array for v in value.values() for array in arrays_in(v)] if hasattr(value, "items") else []


@each
@each_dtype
def test_a_step_keeps_names_order_shapes_and_dtypes_in_the_state_too(optimizer, dtype):
    """But for counters in the state."""
    params = draw(0, dtype)
    new, state = travel(optimizer, params, 3)
    for values in [new, *(value for value in state.values() if isinstance(value, dict))]:
        assert list(values) == list(params)
        for name, w in params.items():
            assert (np.shape(values[name]), values[name].dtype) == (w.shape, dtype)


@each
def test_new_parameters_and_state_are_no_views_of_what_was_given(optimizer):
    params, grads = draw(0), draw(1)
    state = travel(optimizer, params, 2)[1]
    new, after = optimizer.step(params, grads, state)
    given_arrays = [*arrays_in(params), *arrays_in(grads)]
    made = [*arrays_in(new), *arrays_in(after), *arrays_in(optimizer.init(params))]
    assert not any(np.shares_memory(a, b) for a in made for b in given_arrays)


@each_name
def test_without_a_slope_and_decay_it_stays_where_it_is_without_a_warning(name):
    optimizer, params = modnet.optimizer(name, weight_decay=0.0), draw(0)
    flat = {name: np.zeros_like(w) for name, w in params.items()}
    with np.errstate(all="raise"):
        new, state = optimizer.step(params, flat, optimizer.init(params))
        new, _ = optimizer.step(new, flat, state)
    assert all(np.array_equal(new[name], w) for name, w in params.items())


@each
@each_dtype
@pytest.mark.parametrize("size", [1e-15, 1e15])
def test_steep_and_flat_slopes_are_finite_without_a_warning(optimizer, size, dtype):
    params = {"w": np.array([1.0, -1.0], dtype=dtype)}
    grads = {"w": np.array([size, -size], dtype=dtype)}
    state = optimizer.init(params)
    with np.errstate(all="raise", under="ignore"):
        for _ in range(3):
            params, state = optimizer.step(params, grads, state)
    assert all(np.isfinite(a).all() for a in [*arrays_in(params), *arrays_in(state)])


@each_name
def test_it_reaches_the_minimum_of_a_parabola_more_closely_than_the_kit_asks(name):
    optimizer = modnet.optimizer(name, lr=LR_ON_A_PARABOLA[name])
    minimum, curvature = np.array([1.0, -0.5, 0.25]), np.array([1.0, 2.0, 0.5])
    w = descend(optimizer, lambda w: 2 * curvature * (w - minimum), [0.0, 0.0, 0.0], 2000)
    np.testing.assert_allclose(w, minimum, atol=2e-3)


@each_name
def test_it_trains_a_network(name):
    rng = np.random.default_rng(0)
    x = rng.standard_normal((200, 2))
    data = modnet.Dataset.from_arrays((x, (x[:, 0] > x[:, 1]).astype(int)), scale=1.0)
    net = modnet.TwoLayerNet(2, 8, 2, weight_init_std=0.5, seed=0)
    optimizer = modnet.optimizer(name, lr=LR_ON_A_PARABOLA[name])
    run = modnet.train(net, data, optimizer=optimizer, batch_size=50, iterations=300, seed=0)
    assert np.mean(run.history.loss[-20:]) < 0.7 * np.mean(run.history.loss[:20])


@pytest.mark.parametrize(("name", "row"), FIRST_STEPS.items(), ids=FIRST_STEPS)
@given(g=st.floats(-100, 100))
def test_the_first_step_is_the_formulas(name, row, g):
    settings, formula = row
    optimizer, params = modnet.optimizer(name, **settings), {"w": np.array([0.0])}
    new, _ = optimizer.step(params, {"w": np.array([g])}, optimizer.init(params))
    assert -new["w"][0] == pytest.approx(formula(g), rel=1e-14, abs=1e-150)


@pytest.mark.parametrize("name", ["momentum", "nesterov"])
def test_without_momentum_it_is_plain_descent(name):
    plain, _ = travel(modnet.optimizer("sgd", lr=0.1), draw(0), 5)
    found, _ = travel(modnet.optimizer(name, lr=0.1, momentum=0), draw(0), 5)
    for key, w in plain.items():
        np.testing.assert_allclose(found[key], w, rtol=1e-15)


def test_nesterov_takes_the_gradient_where_momentum_would_carry_it():
    lr, mu = 0.05, 0.9

    def gradient(w):
        return 4 * w**3 - w

    # Sutskever et al. (2013), eq. 3 and 4, as printed: the gradient is taken at w + mu v.
    w, v = 1.5, 0.0
    for _ in range(20):
        v = mu * v - lr * gradient(w + mu * v)
        w = w + v
    found = descend(modnet.optimizer("nesterov", lr=lr, momentum=mu), gradient, [1.5], 20)
    assert found[0] == pytest.approx(w + mu * v, rel=1e-12)


def test_adam_forgets_its_start_at_once():
    # The bias correction's purpose: with constant gradients every step has length lr, the first one included.
    params = {"w": np.array([1.0, 1.0])}
    optimizer, grads = modnet.optimizer("adam", lr=0.1), {"w": np.array([1e-3, -1e3])}
    state = optimizer.init(params)
    for k in range(1, 6):
        params, state = optimizer.step(params, grads, state)
        np.testing.assert_allclose(params["w"], [1 - 0.1 * k, 1 + 0.1 * k], rtol=1e-4)
    assert state["steps"] == 5


POSITIVE = [(name, key) for name in FIRST_STEPS for key in FIRST_STEPS[name][0] if key in {"lr", "eps"}]
FRACTIONS = [(name, key) for name in FIRST_STEPS for key in FIRST_STEPS[name][0] if key in SHARES]


@pytest.mark.parametrize(("name", "key"), POSITIVE)
@pytest.mark.parametrize("value", [0.0, -1.0, math.nan])
def test_rates_must_be_positive(name, key, value):
    with pytest.raises(modnet.SettingError, match=f"^{name}: '{key}' must be > 0: {value}$"):
        modnet.optimizer(name, **{key: value})


@pytest.mark.parametrize(("name", "key"), FRACTIONS)
@pytest.mark.parametrize(("value", "words"), [(1.0, "< 1: 1.0"), (-0.1, ">= 0: -0.1"), (math.nan, ">= 0: nan")])
def test_shares_of_the_past_must_be_below_one(name, key, value, words):
    with pytest.raises(modnet.SettingError, match=f"^{name}: '{key}' must be {words}$"):
        modnet.optimizer(name, **{key: value})


@pytest.mark.parametrize("name", OLDER)
def test_weight_decay_is_the_gradient_of_half_the_squared_weights(name):
    decay, params, grads = 0.25, draw(0), draw(1)
    by_hand = {key: g + decay * params[key] if key.startswith("W") else g for key, g in grads.items()}
    plain, decaying = modnet.optimizer(name), modnet.optimizer(name, weight_decay=decay)
    wanted, found = (one.step(params, g, one.init(params))[0] for one, g in ((plain, by_hand), (decaying, grads)))
    assert all(np.array_equal(found[key], wanted[key]) for key in params)


@pytest.mark.parametrize("name", ["adamw", "lion"])
def test_decoupled_decay_shrinks_weights_whatever_the_gradient(name):
    lr, decay, params, grads = 0.5, 0.25, draw(0), draw(1)
    plain, decaying = (modnet.optimizer(name, lr=lr, weight_decay=each) for each in (0.0, decay))
    wanted, found = (one.step(params, grads, one.init(params))[0] for one in (plain, decaying))
    for key, w in params.items():
        np.testing.assert_allclose(found[key], wanted[key] - lr * decay * w * key.startswith("W"), atol=1e-15)


@each_name
def test_weight_decay_must_not_be_negative(name):
    with pytest.raises(modnet.SettingError, match=f"^{name}: 'weight_decay' must be >= 0: -1"):
        modnet.optimizer(name, weight_decay=-1)


def test_nadam_is_the_algorithm_as_printed():
    lr, beta1, beta2, eps, psi = 0.1, 0.9, 0.99, 1e-3, 0.02
    optimizer = modnet.optimizer("nadam", lr=lr, beta1=beta1, beta2=beta2, eps=eps, momentum_decay=psi)
    params = {"w": np.array([1.5])}
    state = optimizer.init(params)
    w, m, v, product = 1.5, 0.0, 0.0, 1.0
    for k in range(1, 9):
        g = 4 * w**3 - w
        now, following = (beta1 * (1 - 0.5 * 0.96 ** (i * psi)) for i in (k, k + 1))
        product *= now
        m, v = beta1 * m + (1 - beta1) * g, beta2 * v + (1 - beta2) * g * g
        ahead = following * m / (1 - product * following) + (1 - now) * g / (1 - product)
        params, state = optimizer.step(params, {"w": 4 * params["w"] ** 3 - params["w"]}, state)
        w -= lr * ahead / (math.sqrt(v / (1 - beta2**k)) + eps)
        assert params["w"][0] == pytest.approx(w, rel=1e-12)


def test_lion_steps_by_the_sign_of_one_mean_and_keeps_another():
    optimizer, params = modnet.optimizer("lion", lr=0.1, beta1=0.5, beta2=0.75), {"w": np.array([0.0])}
    state = optimizer.init(params)
    for g, w, mean in ((4.0, -0.1, 1.0), (-0.5, -0.2, 0.625), (-2.0, -0.1, -0.03125)):
        params, state = optimizer.step(params, {"w": np.array([g])}, state)
        assert (params["w"][0], state["mean"]["w"][0]) == (pytest.approx(w), pytest.approx(mean))


def test_every_mistake_is_reported_at_once():
    with pytest.raises(modnet.SettingError) as caught:
        modnet.optimizer("adam", lr=-1, beta1=2, betta2=0.5)
    assert len(caught.value.mistakes) == 3
    assert "did you mean 'beta2'?" in str(caught.value)
