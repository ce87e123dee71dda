"""Functions with right and with wrong derivatives: 100 of each.

How they were chosen, before any checker had seen them: the functions are what people differentiate by hand (test
functions of optimizers, likelihoods, layers of networks, energies, matrix functions, numerical methods), at ordinary
points, and then at the places that the issue asks for: kinks, single precision, scales from 1e-12 to 1e12, noise, many
dimensions, constants, minima. The mistakes are the usual ones: a factor, a sign, a transpose, a term or a case that
was forgotten, one entry, 1 % and 0.01 %, state and chance. Each function takes one array and returns one number, so
that every checker can call it. A wrong derivative has a right twin, and is apart from it by 1e-5 of its largest entry
at the least, or else its function has no derivative at that point, or none that can be relied on.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
import numpy as np
from scipy import special

Array = np.ndarray[Any, np.dtype[Any]]
F = Callable[[Array], Any]


@attrs.frozen(eq=False)
class Case:
    """A function, a derivative of it, and a place."""

    group: str
    name: str
    f: F
    grad: F
    x: Array
    twin: F | None = None
    """The right derivative, of a wrong one; None where none is right."""

    def copy(self) -> Case:
        """Return the case with an array of its own, whatever a function does to it."""
        return attrs.evolve(self, x=self.x.copy())


RIGHT: list[Case] = []
WRONG: list[Case] = []
GROUP = [""]


def add(name: str, f: F, grad: F, x: Any, **wrong: F) -> None:
    """Add a right case, and wrong ones, named by their mistakes."""
    x = np.asarray(x) if np.asarray(x).dtype.kind == "f" else np.asarray(x, float)
    RIGHT.append(Case(GROUP[0], name, f, grad, x))
    WRONG.extend(
        Case(GROUP[0], f"{name}: {mistake.replace('_', ' ')}", f, bad, x, grad) for mistake, bad in wrong.items()
    )


def add_broken(name: str, f: F, grad: F, x: Any) -> None:
    """Add a case in which no derivative is right."""
    WRONG.append(Case(GROUP[0], name, f, grad, np.asarray(x, float)))


def rng(seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)


def sigmoid(a: Array) -> Array:
    return special.expit(a)


def softmax(a: Array) -> Array:
    e = np.exp(a - a.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def one_entry(grad: F, entry: int, factor: float) -> F:
    """Return a derivative with one entry that is off."""

    def bad(x: Array) -> Array:
        g = np.array(grad(x), order="C")
        g.reshape(-1)[entry] *= factor
        return g

    return bad


def times(grad: F, factor: float) -> F:
    return lambda x: factor * np.asarray(grad(x))


# Test functions of optimizers
GROUP[:] = ["plain functions"]


def rosenbrock(x: Array) -> Any:
    return (100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum()


def rosenbrock_grad(x: Array, inner: float = 400.0) -> Array:
    g = np.zeros_like(x)
    g[:-1] = -inner * x[:-1] * (x[1:] - x[:-1] ** 2) - 2 * (1 - x[:-1])
    g[1:] += 200 * (x[1:] - x[:-1] ** 2)
    return g


def rosenbrock_overwritten(x: Array) -> Array:
    g = rosenbrock_grad(x)
    g[1:-1] = 200 * (x[1:-1] - x[:-2] ** 2)
    return g


add(
    "rosenbrock",
    rosenbrock,
    rosenbrock_grad,
    [-1.2, 1.0, 0.7, 1.3],
    inner_factor=lambda x: rosenbrock_grad(x, 200.0),
    overwrites_a_term=rosenbrock_overwritten,
)
add("rosenbrock at its minimum", rosenbrock, rosenbrock_grad, np.ones(5))
add(
    "rosenbrock in 60 dimensions",
    rosenbrock,
    rosenbrock_grad,
    rng(0).normal(size=60),
    one_entry_1_percent=one_entry(rosenbrock_grad, 37, 1.01),
)


def beale(x: Array) -> Any:
    a, b = x
    return (1.5 - a + a * b) ** 2 + (2.25 - a + a * b**2) ** 2 + (2.625 - a + a * b**3) ** 2


def beale_grad(x: Array, last: float = 3.0) -> Array:
    a, b = x
    r = 1.5 - a + a * b, 2.25 - a + a * b**2, 2.625 - a + a * b**3
    return np.array(
        [
            2 * r[0] * (b - 1) + 2 * r[1] * (b**2 - 1) + 2 * r[2] * (b**3 - 1),
            2 * r[0] * a + 4 * r[1] * a * b + 2 * last * r[2] * a * b**2,
        ]
    )


add("beale", beale, beale_grad, [1.0, 0.5], exponent_not_brought_down=lambda x: beale_grad(x, 1.0))
add(
    "himmelblau",
    lambda x: (x[0] ** 2 + x[1] - 11) ** 2 + (x[0] + x[1] ** 2 - 7) ** 2,
    lambda x: np.array(
        [
            4 * x[0] * (x[0] ** 2 + x[1] - 11) + 2 * (x[0] + x[1] ** 2 - 7),
            2 * (x[0] ** 2 + x[1] - 11) + 4 * x[1] * (x[0] + x[1] ** 2 - 7),
        ]
    ),
    [0.3, -1.7],
    swapped_entries=lambda x: np.array(
        [
            2 * (x[0] ** 2 + x[1] - 11) + 4 * x[1] * (x[0] + x[1] ** 2 - 7),
            4 * x[0] * (x[0] ** 2 + x[1] - 11) + 2 * (x[0] + x[1] ** 2 - 7),
        ]
    ),
)
add(
    "rastrigin",
    lambda x: 10 * x.size + (x**2 - 10 * np.cos(2 * np.pi * x)).sum(),
    lambda x: 2 * x + 20 * np.pi * np.sin(2 * np.pi * x),
    [0.2, -1.3, 2.6],
    inner_derivative_forgotten=lambda x: 2 * x + 10 * np.sin(2 * np.pi * x),
)
add(
    "styblinski-tang",
    lambda x: 0.5 * (x**4 - 16 * x**2 + 5 * x).sum(),
    lambda x: 2 * x**3 - 16 * x + 2.5,
    rng(1).uniform(-4, 4, 8),
    constant_dropped=lambda x: 2 * x**3 - 16 * x,
)


def ackley(x: Array) -> Any:
    return (-20 * np.exp(-0.2 * np.sqrt((x**2).mean())) - np.exp(np.cos(2 * np.pi * x).mean())) + 20 + np.e


def ackley_grad(x: Array, n: float = 1.0) -> Array:
    r = np.sqrt((x**2).mean())
    pull = 4 * np.exp(-0.2 * r) * x / (r * x.size * n)
    return pull + np.exp(np.cos(2 * np.pi * x).mean()) * 2 * np.pi * np.sin(2 * np.pi * x) / x.size


add("ackley", ackley, ackley_grad, [0.4, -1.1, 0.9])


A = rng(2).normal(size=(5, 5))
add(
    "quadratic form",
    lambda x: x @ A @ x,
    lambda x: (A + A.T) @ x,
    rng(3).normal(size=5),
    assumes_symmetry=lambda x: 2 * A @ x,
)
add("sphere", lambda x: (x**2).sum(), lambda x: 2 * x, rng(4).normal(size=6), ten_ppm=times(lambda x: 2 * x, 1.0001))
add(
    "sphere at its minimum",
    lambda x: (x**2).sum(),
    lambda x: 2 * x,
    np.zeros(4),
    adds_a_constant=lambda x: 2 * x + 1e-3,
)

# Regressions and likelihoods
GROUP[:] = ["likelihoods"]

X = rng(5).normal(size=(30, 4))
Y = X @ np.array([1.0, -2.0, 0.5, 0.0]) + 0.1 * rng(6).normal(size=30)
W = np.array([0.8, -1.5, 0.3, 0.2])
T = (rng(7).random(30) < 0.5).astype(float)
K = rng(8).poisson(3.0, 30).astype(float)


def least_squares(w: Array) -> Any:
    return ((X @ w - Y) ** 2).mean()


def least_squares_grad(w: Array) -> Array:
    return 2 * X.T @ (X @ w - Y) / len(Y)


add(
    "least squares",
    least_squares,
    least_squares_grad,
    W,
    sum_for_mean=times(least_squares_grad, 30.0),
    sign=times(least_squares_grad, -1.0),
)
add(
    "ridge",
    lambda w: least_squares(w) + 0.1 * w @ w,
    lambda w: least_squares_grad(w) + 0.2 * w,
    W,
    penalty_forgotten=least_squares_grad,
)
add(
    "lasso off its kinks",
    lambda w: least_squares(w) + 0.1 * abs(w).sum(),
    lambda w: least_squares_grad(w) + 0.1 * np.sign(w),
    W,
    sign_forgotten=lambda w: least_squares_grad(w) + 0.1,
)


def logistic(w: Array) -> Any:
    return np.logaddexp(0, X @ w).mean() - T @ (X @ w) / len(T)


def logistic_grad(w: Array) -> Array:
    return X.T @ (sigmoid(X @ w) - T) / len(T)


add(
    "logistic regression",
    logistic,
    logistic_grad,
    W,
    slope_of_sigmoid_too_many=lambda w: X.T @ ((sigmoid(X @ w) - T) * sigmoid(X @ w) * (1 - sigmoid(X @ w))) / len(T),
    a_hundredth=times(logistic_grad, 1.01),
    a_ten_thousandth=times(logistic_grad, 1.0001),
)
add("logistic regression far out", logistic, logistic_grad, 12 * W)
add(
    "poisson likelihood",
    lambda w: (np.exp(X @ w) - K * (X @ w) + special.gammaln(K + 1)).sum(),
    lambda w: X.T @ (np.exp(X @ w) - K),
    0.3 * W,
    link_forgotten=lambda w: X.T @ (X @ w - K),
)


def gaussian(p: Array) -> Any:
    return (0.5 * ((Y - p[0]) / np.exp(p[1])) ** 2 + p[1]).sum()


def gaussian_grad(p: Array) -> Array:
    r = (Y - p[0]) / np.exp(p[1])
    return np.array([-r.sum() / np.exp(p[1]), (1 - r**2).sum()])


add(
    "gaussian likelihood in log sigma",
    gaussian,
    gaussian_grad,
    [0.2, 0.5],
    by_sigma_for_log_sigma=lambda p: gaussian_grad(p) * [1, np.exp(-p[1])],
)
add(
    "gamma likelihood",
    lambda p: (
        -(p[0] * np.log(p[1]) - special.gammaln(p[0])) * 30 - (p[0] - 1) * np.log(K + 1).sum() + p[1] * (K + 1).sum()
    ),
    lambda p: np.array(
        [30 * (special.digamma(p[0]) - np.log(p[1])) - np.log(K + 1).sum(), -30 * p[0] / p[1] + (K + 1).sum()]
    ),
    [2.3, 0.7],
    digamma_forgotten=lambda p: np.array([-30 * np.log(p[1]) - np.log(K + 1).sum(), -30 * p[0] / p[1] + (K + 1).sum()]),
)
add(
    "probit",
    lambda w: -special.log_ndtr((2 * T - 1) * (X @ w)).sum(),
    lambda w: (
        -X.T @ ((2 * T - 1) * np.exp(-0.5 * (X @ w) ** 2) / np.sqrt(2 * np.pi) / special.ndtr((2 * T - 1) * (X @ w)))
    ),
    W,
    constant_of_the_density=lambda w: (
        -X.T @ ((2 * T - 1) * np.exp(-0.5 * (X @ w) ** 2) / special.ndtr((2 * T - 1) * (X @ w)))
    ),
)


def huber(w: Array) -> Any:
    r = abs(X @ w - Y)
    return np.where(r < 1, 0.5 * r**2, r - 0.5).sum()


def huber_grad(w: Array) -> Array:
    return X.T @ np.clip(X @ w - Y, -1, 1)


add("huber loss", huber, huber_grad, 2 * W)
add(
    "squared hinge",
    lambda w: (np.maximum(0, 1 - (2 * T - 1) * (X @ w)) ** 2).sum(),
    lambda w: X.T @ (-2 * (2 * T - 1) * np.maximum(0, 1 - (2 * T - 1) * (X @ w))),
    W,
    margin_forgotten=lambda w: X.T @ (-2 * (2 * T - 1) * (1 - (2 * T - 1) * (X @ w))),
)
C = rng(9).integers(0, 3, 30)


def multinomial(w: Array) -> Any:
    a = X @ w.reshape(4, 3)
    return (special.logsumexp(a, axis=1) - a[np.arange(30), C]).mean()


def multinomial_grad(w: Array) -> Array:
    return (X.T @ (softmax(X @ w.reshape(4, 3)) - np.eye(3)[C]) / 30).reshape(w.shape)


add(
    "softmax regression",
    multinomial,
    multinomial_grad,
    rng(10).normal(size=(4, 3)),
    one_hot_forgotten=lambda w: (X.T @ softmax(X @ w.reshape(4, 3)) / 30).reshape(w.shape),
    transposed=lambda w: multinomial_grad(w).T.reshape(w.shape),
)
P = np.array([0.1, 0.2, 0.3, 0.4])
add("kl divergence", lambda q: (P * np.log(P / q)).sum() + q.sum(), lambda q: 1 - P / q, [0.3, 0.2, 0.25, 0.25])
add(
    "entropy of logits",
    lambda a: -(softmax(a) * np.log(softmax(a))).sum(),
    lambda a: -softmax(a) * (np.log(softmax(a)) - (softmax(a) * np.log(softmax(a))).sum()),
    [0.2, 1.5, -0.7],
)

# Layers of networks
GROUP[:] = ["networks"]

IN = rng(11).normal(size=(7, 5))
OUT = rng(12).normal(size=(7, 2))


def unpack(p: Array) -> tuple[Array, Array, Array, Array]:
    return p[:20].reshape(5, 4), p[20:24], p[24:32].reshape(4, 2), p[32:34]


def mlp(act: F, slope: F) -> tuple[F, Callable[..., Array]]:
    """Return a network of one hidden layer and its backward pass."""

    def f(p: Array) -> Any:
        w1, b1, w2, b2 = unpack(p)
        return 0.5 * ((act(IN @ w1 + b1) @ w2 + b2 - OUT) ** 2).sum() / 7

    def grad(p: Array, mistake: str = "") -> Array:
        w1, b1, w2, b2 = unpack(p)
        a = IN @ w1 + b1
        h = act(a)
        dy = (h @ w2 + b2 - OUT) / 7
        dh = dy @ w2.T
        da = dh if mistake == "slope" else dh * slope(h if mistake == "at the output" else a)
        db1, db2 = da.sum(axis=0), dy.sum(axis=0)
        if mistake == "bias":
            db1 = da.mean(axis=0)
        if mistake == "zero bias":
            db2 = 0 * db2
        dw1 = IN.T @ da
        if mistake == "first sample":
            dw1 = IN[1:].T @ da[1:]
        return np.concatenate([dw1.ravel(), db1, (h.T @ dy).ravel(), db2])

    return f, grad


PARAMS = 0.5 * rng(13).normal(size=34)
tanh_net, tanh_back = mlp(np.tanh, lambda a: 1 - np.tanh(a) ** 2)
relu_net, relu_back = mlp(lambda a: np.maximum(a, 0), lambda a: (a > 0) * 1.0)
add(
    "network with tanh",
    tanh_net,
    tanh_back,
    PARAMS,
    slope_forgotten=lambda p: tanh_back(p, "slope"),
    slope_at_the_output=lambda p: tanh_back(p, "at the output"),
    bias_averaged=lambda p: tanh_back(p, "bias"),
    a_sample_left_out=lambda p: tanh_back(p, "first sample"),
)
add("network with relu", relu_net, relu_back, PARAMS)
leaky_net, leaky_back = mlp(lambda a: np.where(a > 0, a, 0.1 * a), lambda a: np.where(a > 0, 1, 0.1))
add(
    "network with leaky relu",
    leaky_net,
    leaky_back,
    PARAMS,
    slope_of_relu=lambda p: mlp(lambda a: np.where(a > 0, a, 0.1 * a), lambda a: (a > 0) * 1.0)[1](p),
)
gelu = lambda a: a * special.ndtr(a)  # noqa: E731
gelu_slope = lambda a: special.ndtr(a) + a * np.exp(-0.5 * a**2) / np.sqrt(2 * np.pi)  # noqa: E731
gelu_net, gelu_back = mlp(gelu, gelu_slope)
add(
    "network with gelu",
    gelu_net,
    gelu_back,
    PARAMS,
    derivative_of_the_tanh_form=lambda p: mlp(
        gelu,
        lambda a: (
            0.5 * (1 + np.tanh(np.sqrt(2 / np.pi) * (a + 0.044715 * a**3)))
            + 0.5
            * a
            * (1 - np.tanh(np.sqrt(2 / np.pi) * (a + 0.044715 * a**3)) ** 2)
            * np.sqrt(2 / np.pi)
            * (1 + 3 * 0.044715 * a**2)
        ),
    )[1](p),
)
DZ = rng(14).normal(size=(6, 5))


def layer_norm(x: Array) -> Any:
    z = (x - x.mean(axis=1, keepdims=True)) / np.sqrt(x.var(axis=1, keepdims=True) + 1e-5)
    return (DZ * z).sum()


def layer_norm_grad(x: Array, mistake: str = "") -> Array:
    s = np.sqrt(x.var(axis=1, keepdims=True) + (0 if mistake == "eps" else 1e-5))
    z = (x - x.mean(axis=1, keepdims=True)) / s
    if mistake == "statistics":
        return DZ / s
    g = DZ - DZ.mean(axis=1, keepdims=True)
    if mistake != "variance":
        g = g - z * (DZ * z).mean(axis=1, keepdims=True)
    return g / s


add(
    "layer normalization",
    layer_norm,
    layer_norm_grad,
    rng(15).normal(size=(6, 5)),
    statistics_as_constants=lambda x: layer_norm_grad(x, "statistics"),
)
add(
    "layer normalization of small values",
    layer_norm,
    layer_norm_grad,
    1e-2 * rng(15).normal(size=(6, 5)),
    eps_forgotten=lambda x: layer_norm_grad(x, "eps"),
)


def attention(q: Array) -> Any:
    a = softmax(q @ IN[:, :4].T / 2.0)
    return (a @ OUT).sum() + (a**2).sum()


def attention_grad(q: Array, scale: float = 2.0) -> Array:
    a = softmax(q @ IN[:, :4].T / 2.0)
    da = OUT.sum(axis=1) + 2 * a
    return (a * (da - (a * da).sum(axis=1, keepdims=True))) @ IN[:, :4] / scale


add(
    "attention by its queries",
    attention,
    attention_grad,
    rng(16).normal(size=(3, 4)),
    diagonal_of_softmax_alone=lambda q: (
        (
            softmax(q @ IN[:, :4].T / 2.0)
            * (1 - softmax(q @ IN[:, :4].T / 2.0))
            * (OUT.sum(axis=1) + 2 * softmax(q @ IN[:, :4].T / 2.0))
        )
        @ IN[:, :4]
        / 2
    ),
)
SIGNAL = rng(17).normal(size=40)
add(
    "convolution by its kernel",
    lambda k: (np.convolve(SIGNAL, k, "valid") ** 2).sum(),
    lambda k: 2 * np.correlate(SIGNAL, np.convolve(SIGNAL, k, "valid"), "valid")[::-1],
    rng(18).normal(size=5),
    kernel_not_flipped=lambda k: 2 * np.correlate(SIGNAL, np.convolve(SIGNAL, k, "valid"), "valid"),
)
ROOT = 0.4 * rng(19).normal(size=(3, 3))


def recurrent(w: Array) -> Any:
    h = np.array([0.1, -0.2, 0.3])
    for _ in range(8):
        h = np.tanh(w @ h + 0.1)
    return (h**2).sum()


def recurrent_grad(w: Array, steps: int = 8) -> Array:
    hs = [np.array([0.1, -0.2, 0.3])]
    for _ in range(8):
        hs.append(np.tanh(w @ hs[-1] + 0.1))
    dh, g = 2 * hs[-1], np.zeros_like(w)
    for step in range(7, 7 - steps, -1):
        da = dh * (1 - hs[step + 1] ** 2)
        g += np.outer(da, hs[step])
        dh = w.T @ da
    return g


def recurrent_untransposed(w: Array) -> Array:
    hs = [np.array([0.1, -0.2, 0.3])]
    for _ in range(8):
        hs.append(np.tanh(w @ hs[-1] + 0.1))
    dh, g = 2 * hs[-1], np.zeros_like(w)
    for step in range(7, -1, -1):
        da = dh * (1 - hs[step + 1] ** 2)
        g += np.outer(da, hs[step])
        dh = w @ da
    return g


add(
    "recurrent network",
    recurrent,
    recurrent_grad,
    ROOT,
    truncated_in_time=lambda w: recurrent_grad(w, 3),
    weights_not_transposed=recurrent_untransposed,
)
add(
    "max pooling",
    lambda x: (x.reshape(4, 3).max(axis=1) ** 2).sum(),
    lambda x: (2 * x.reshape(4, 3) * (x.reshape(4, 3) == x.reshape(4, 3).max(axis=1, keepdims=True))).ravel(),
    rng(20).normal(size=12),
)
MASK = (rng(21).random(12) < 0.5) / 0.5
add(
    "dropout with a fixed mask",
    lambda x: (np.tanh(x) * MASK).sum(),
    lambda x: MASK * (1 - np.tanh(x) ** 2),
    rng(22).normal(size=12),
    scale_forgotten=lambda x: (MASK > 0) * (1 - np.tanh(x) ** 2),
)
add(
    "swish", lambda x: (x * sigmoid(x)).sum(), lambda x: sigmoid(x) * (1 + x * (1 - sigmoid(x))), rng(23).normal(size=9)
)
add(
    "softplus over a wide range",
    lambda x: np.logaddexp(0, x).sum(),
    sigmoid,
    [-40.0, -5.0, 0.0, 5.0, 40.0],
    of_the_wrong_sign_below_0=lambda x: np.where(x < 0, -sigmoid(x), sigmoid(x)),
)
add(
    "cosine similarity",
    lambda x: x @ OUT[:, 0] / np.sqrt(x @ x),
    lambda x: OUT[:, 0] / np.sqrt(x @ x) - x * (x @ OUT[:, 0]) / (x @ x) ** 1.5,
    rng(24).normal(size=7),
    norm_as_constant=lambda x: OUT[:, 0] / np.sqrt(x @ x),
)

# Physics, chemistry, finance: some in SI units
GROUP[:] = ["physics"]


def lennard_jones(scale: float, depth: float) -> tuple[F, Callable[..., Array]]:
    """Return the energy of atoms at places (n, 3), and its derivative."""

    def f(x: Array) -> Any:
        d = x[:, np.newaxis] - x
        r = np.sqrt((d**2).sum(axis=2))[np.triu_indices(len(x), 1)]
        return 4 * depth * ((scale / r) ** 12 - (scale / r) ** 6).sum()

    def grad(x: Array, sign: float = 1.0, six: float = 6.0) -> Array:
        d = x[:, np.newaxis] - x
        r = np.sqrt((d**2).sum(axis=2)) + np.eye(len(x)) * scale
        slope = 4 * depth * (-12 * (scale / r) ** 12 + six * (scale / r) ** 6) / r**2
        return sign * ((slope * (1 - np.eye(len(x))))[:, :, np.newaxis] * d).sum(axis=1)

    return f, grad


ATOMS = np.array([[0.0, 0.1, 0.2], [1.2, 0.0, -0.1], [0.1, 1.3, 0.3], [1.1, 1.0, 0.9]])
lj, lj_grad = lennard_jones(1.0, 1.0)
lj_si, lj_si_grad = lennard_jones(3.4e-10, 1.65e-21)
add("lennard-jones", lj, lj_grad, ATOMS, force_for_derivative=lambda x: lj_grad(x, -1.0))
add(
    "lennard-jones in SI units",
    lj_si,
    lj_si_grad,
    3.5e-10 * ATOMS,
    a_hundredth=times(lj_si_grad, 1.01),
    exponent=lambda x: lj_si_grad(x, 1.0, 12.0),
)
add(
    "gravity in SI units",
    lambda x: -6.674e-11 * 1.989e30 * 5.972e24 / np.sqrt(x @ x),
    lambda x: 6.674e-11 * 1.989e30 * 5.972e24 * x / (x @ x) ** 1.5,
    [1.2e11, -0.6e11, 0.3e11],
    one_percent=times(lambda x: 6.674e-11 * 1.989e30 * 5.972e24 * x / (x @ x) ** 1.5, 1.01),
)
add(
    "coulomb in SI units",
    lambda x: 8.988e9 * 1.602e-19**2 / np.sqrt(x @ x),
    lambda x: -8.988e9 * 1.602e-19**2 * x / (x @ x) ** 1.5,
    [0.5e-10, 0.2e-10, -0.4e-10],
    sign=lambda x: 8.988e9 * 1.602e-19**2 * x / (x @ x) ** 1.5,
)


def pendulum(p: Array) -> Any:
    """Return the angle after some time, by semi-implicit Euler steps."""
    angle, speed, length = p
    for _ in range(50):
        speed = speed - 0.02 * 9.81 / length * np.sin(angle)
        angle = angle + 0.02 * speed
    return angle


def pendulum_grad(p: Array, *, forgets: bool = False) -> Array:
    angle, speed, length = p
    da, ds = np.array([1.0, 0, 0]), np.array([0, 1.0, 0])
    for _ in range(50):
        ds = ds - 0.02 * 9.81 / length * np.cos(angle) * da
        if not forgets:
            ds = ds + 0.02 * 9.81 / length**2 * np.sin(angle) * np.array([0, 0, 1.0])
        speed = speed - 0.02 * 9.81 / length * np.sin(angle)
        da, angle = da + 0.02 * ds, angle + 0.02 * speed
    return da


add(
    "pendulum by euler steps",
    pendulum,
    pendulum_grad,
    [0.8, -0.3, 1.5],
    a_parameter_forgotten=lambda p: pendulum_grad(p, forgets=True),
)


def black_scholes(p: Array) -> Any:
    s, v = p
    d = (np.log(s / 100) + 0.5 * v**2) / v
    return s * special.ndtr(d) - 100 * special.ndtr(d - v)


def black_scholes_grad(p: Array) -> Array:
    s, v = p
    d = (np.log(s / 100) + 0.5 * v**2) / v
    return np.array([special.ndtr(d), s * np.exp(-0.5 * d**2) / np.sqrt(2 * np.pi)])


add(
    "black-scholes by price and volatility",
    black_scholes,
    black_scholes_grad,
    [103.0, 0.25],
    vega_per_percent=lambda p: black_scholes_grad(p) * [1, 0.01],
)
add(
    "michaelis-menten",
    lambda p: ((p[0] * K / (p[1] + K) - 0.3) ** 2).sum(),
    lambda p: np.array(
        [
            (2 * (p[0] * K / (p[1] + K) - 0.3) * K / (p[1] + K)).sum(),
            (-2 * (p[0] * K / (p[1] + K) - 0.3) * p[0] * K / (p[1] + K) ** 2).sum(),
        ]
    ),
    [1.4, 2.2],
)
add(
    "arrhenius: 1e13 and 8e4 J",
    lambda p: p[0] * np.exp(-p[1] / (8.314 * 350.0)),
    lambda p: np.array([1.0, -p[0] / (8.314 * 350.0)]) * np.exp(-p[1] / (8.314 * 350.0)),
    [1e13, 8e4],
    temperature_forgotten=lambda p: np.array([1.0, -p[0] / 8.314]) * np.exp(-p[1] / (8.314 * 350.0)),
)


def kepler(p: Array) -> Any:
    """Return the eccentric anomaly, by Newton's method."""
    e = p[0]
    for _ in range(30):
        e = e - (e - p[1] * np.sin(e) - p[0]) / (1 - p[1] * np.cos(e))
    return e


def kepler_grad(p: Array) -> Array:
    e = kepler(p)
    return np.array([1.0, np.sin(e)]) / (1 - p[1] * np.cos(e))


add(
    "kepler's equation by newton",
    kepler,
    kepler_grad,
    [1.1, 0.4],
    implicit_term_forgotten=lambda p: np.array([1.0, np.sin(kepler(p))]),
)
SIGMA = A @ A.T / 25
add(
    "sharpe ratio",
    lambda w: w @ A[0] / np.sqrt(w @ SIGMA @ w),
    lambda w: A[0] / np.sqrt(w @ SIGMA @ w) - (w @ A[0]) * SIGMA @ w / (w @ SIGMA @ w) ** 1.5,
    rng(25).random(5),
    root_not_differentiated=lambda w: A[0] / np.sqrt(w @ SIGMA @ w) - (w @ A[0]) * SIGMA @ w / (w @ SIGMA @ w),
)

# Functions of matrices
GROUP[:] = ["matrices"]

M = rng(26).normal(size=(4, 4))
SPD = M @ M.T + 4 * np.eye(4)
add(
    "log determinant",
    lambda a: np.linalg.slogdet(a)[1],
    lambda a: np.linalg.inv(a).T,
    SPD + 0.3 * M,
    not_transposed=np.linalg.inv,
)
add("determinant", np.linalg.det, lambda a: np.linalg.det(a) * np.linalg.inv(a).T, M)
add(
    "trace of the inverse",
    lambda a: np.trace(np.linalg.inv(a)),
    lambda a: -(np.linalg.inv(a) @ np.linalg.inv(a)).T,
    SPD + 0.3 * M,
    squared_entry_by_entry=lambda a: -(np.linalg.inv(a) ** 2).T,
)
add(
    "linear solve",
    lambda b: (np.linalg.solve(SPD, b) ** 2).sum(),
    lambda b: 2 * np.linalg.solve(SPD.T, np.linalg.solve(SPD, b)),
    M[0],
    one_solve_too_few=lambda b: 2 * np.linalg.solve(SPD, b),
)
add(
    "orthogonality penalty",
    lambda w: ((w.T @ w - np.eye(3)) ** 2).sum(),
    lambda w: 4 * w @ (w.T @ w - np.eye(3)),
    rng(27).normal(size=(5, 3)),
    factor_2_for_4=lambda w: 2 * w @ (w.T @ w - np.eye(3)),
)
add(
    "largest singular value",
    lambda a: np.linalg.norm(a, 2),
    lambda a: np.outer(np.linalg.svd(a)[0][:, 0], np.linalg.svd(a)[2][0]),
    M,
    transposed=lambda a: np.outer(np.linalg.svd(a)[2][0], np.linalg.svd(a)[0][:, 0]),
)
add(
    "matrix square",
    lambda a: (DZ[:4, :4] * (a @ a)).sum(),
    lambda a: DZ[:4, :4] @ a.T + a.T @ DZ[:4, :4],
    M,
    one_factor_as_constant=lambda a: DZ[:4, :4] @ a.T,
)
PLACES = rng(28).random(8)


def gaussian_process(p: Array) -> Any:
    k = np.exp(p[0]) * np.exp(-0.5 * (PLACES[:, np.newaxis] - PLACES) ** 2 / np.exp(2 * p[1])) + 0.1 * np.eye(8)
    return 0.5 * Y[:8] @ np.linalg.solve(k, Y[:8]) + 0.5 * np.linalg.slogdet(k)[1]


def gaussian_process_grad(p: Array, half: float = 0.5) -> Array:
    d = (PLACES[:, np.newaxis] - PLACES) ** 2 / np.exp(2 * p[1])
    own = np.exp(p[0]) * np.exp(-0.5 * d)
    k = own + 0.1 * np.eye(8)
    a = np.linalg.solve(k, Y[:8])
    inner = half * np.linalg.inv(k) - 0.5 * np.outer(a, a)
    return np.array([(inner * own).sum(), (inner * own * d).sum()])


add(
    "gaussian process likelihood",
    gaussian_process,
    gaussian_process_grad,
    [0.3, -0.8],
    half_of_a_term=lambda p: gaussian_process_grad(p, 1.0),
)

# Numerical methods
GROUP[:] = ["methods"]

add("log-sum-exp", special.logsumexp, softmax, [800.0, 801.5, 799.0])
add(
    "power spectrum",
    lambda x: (abs(np.fft.rfft(x)[:5]) ** 2).sum(),
    lambda x: 2 * (np.exp(2j * np.pi * np.outer(np.arange(16), np.arange(5)) / 16) @ np.fft.rfft(x)[:5]).real,
    SIGNAL[:16],
    inverse_transform_scaled=lambda x: (
        2 * (np.exp(2j * np.pi * np.outer(np.arange(16), np.arange(5)) / 16) @ np.fft.rfft(x)[:5]).real / 16
    ),
)
add(
    "simpson's rule",
    lambda p: special.ndtr(p[0]) + np.exp(-p[0] * np.linspace(0, 1, 101) ** 2) @ SIMPSON,
    lambda p: np.array(
        [
            np.exp(-0.5 * p[0] ** 2) / np.sqrt(2 * np.pi)
            - (np.linspace(0, 1, 101) ** 2 * np.exp(-p[0] * np.linspace(0, 1, 101) ** 2)) @ SIMPSON
        ]
    ),
    [0.7],
)
SIMPSON = np.r_[1, np.tile([4, 2], 49), 4, 1] / 300
add(
    "linear interpolation of a table",
    lambda x: np.interp(x, np.arange(10.0), SIGNAL[:10]).sum(),
    lambda x: np.diff(SIGNAL[:10])[np.floor(x).astype(int)],
    [1.3, 4.8, 7.5],
    next_interval=lambda x: np.diff(SIGNAL[:10])[np.ceil(x).astype(int)],
)
add(
    "total variation",
    lambda x: abs(np.diff(x)).sum(),
    lambda x: -np.diff(np.sign(np.diff(x)), prepend=0, append=0),
    SIGNAL[:10],
    ends_forgotten=lambda x: np.r_[0, -np.diff(np.sign(np.diff(x))), 0],
)
add(
    "cumulative sum",
    lambda x: (np.cumsum(x) ** 2).sum(),
    lambda x: 2 * np.cumsum(np.cumsum(x)[::-1])[::-1],
    SIGNAL[:12],
    not_reversed=lambda x: 2 * np.cumsum(np.cumsum(x)),
)
add(
    "heat equation, 40 steps",
    lambda x: (np.linalg.matrix_power(HEAT, 40) @ x) @ x,
    lambda x: 2 * np.linalg.matrix_power(HEAT, 40) @ x,
    SIGNAL[:20],
    one_step_less=lambda x: 2 * np.linalg.matrix_power(HEAT, 39) @ x,
)
HEAT = np.eye(20) + 0.2 * (np.eye(20, k=1) + np.eye(20, k=-1) - 2 * np.eye(20))
add(
    "sorted weights",
    lambda x: np.sort(x) @ np.arange(6.0),
    lambda x: np.argsort(np.argsort(x)) * 1.0,
    SIGNAL[:6],
    order_for_rank=lambda x: np.argsort(x) * 1.0,
)
add("arc tangent of two", lambda x: np.arctan2(x[0], x[1]), lambda x: np.array([x[1], -x[0]]) / (x @ x), [-1.3, -0.4])

# At kinks: any slope between both sides is as good
GROUP[:] = ["kinks"]

add(
    "relu at 0",
    lambda x: np.maximum(x, 0).sum(),
    lambda x: (x > 0) * 1.0,
    [-1.0, 0.0, 2.0],
    outside_of_both=lambda x: np.where(x > 0, 1.0, -0.5 * (x == 0)),
)
add("absolute value at 0", lambda x: abs(x).sum(), np.sign, [0.0, 0.0, 1.5], twice=lambda x: 2.0 * (x >= 0))
add(
    "lasso at zero weights",
    lambda w: least_squares(w) + 0.1 * abs(w).sum(),
    lambda w: least_squares_grad(w) + 0.1 * np.sign(w),
    [0.5, 0.0, 0.0, -0.2],
    penalty_of_10_at_0=lambda w: least_squares_grad(w) + np.where(w == 0, 10.0, 0.1 * np.sign(w)),
)
add("clip at its bound", lambda x: np.clip(x, -1, 1).sum(), lambda x: (abs(x) <= 1) * 1.0, [1.0, -1.0, 0.3])
add(
    "relu next to 0",
    lambda x: np.maximum(x, 0).sum(),
    lambda x: (x > 0) * 1.0,
    [1e-9, -1e-9, 1e-6, -1e-6],
    mean_of_both_sides=lambda x: np.full(4, 0.5),
)
add(
    "huber at its joint",
    lambda x: np.where(abs(x) < 1, 0.5 * x**2, abs(x) - 0.5).sum(),
    lambda x: np.clip(x, -1, 1),
    [1.0, -1.0, 0.4],
)
add_broken("step at its jump", lambda x: np.heaviside(x, 1.0).sum(), lambda x: np.zeros_like(x), [0.0, 1.0])
add_broken("rounding at its jump", lambda x: np.floor(x).sum() + x.sum(), lambda x: np.ones_like(x), [2.0, 0.3])
add(
    "straight-through rounding",
    lambda x: np.round(x).sum(),
    lambda x: np.zeros_like(x),
    [0.3, 1.8, -2.2],
    slope_1_for_0=lambda x: np.ones_like(x),
)

# In single precision
GROUP[:] = ["float32"]

F32 = np.float32


def as_float32(f: F) -> F:
    return lambda x: f(np.asarray(x, F32))


X32, Y32 = X.astype(F32), Y.astype(F32)
add(
    "least squares in float32",
    lambda w: ((X32 @ w - Y32) ** 2).mean(),
    lambda w: 2 * X32.T @ (X32 @ w - Y32) / F32(30),
    W.astype(F32),
    one_entry_10_percent=one_entry(lambda w: 2 * X32.T @ (X32 @ w - Y32) / F32(30), 1, 1.1),
)
add(
    "sum of tanh in float32",
    lambda x: np.tanh(x).sum(),
    lambda x: 1 - np.tanh(x) ** 2,
    SIGNAL[:10].astype(F32),
    one_percent=lambda x: F32(1.01) * (1 - np.tanh(x) ** 2),
)
add("rosenbrock in float32", rosenbrock, rosenbrock_grad, np.array([-1.2, 1.0, 0.7], F32))
add(
    "layer normalization in float32",
    lambda x: (
        DZ.astype(F32) * ((x - x.mean(axis=1, keepdims=True)) / np.sqrt(x.var(axis=1, keepdims=True) + F32(1e-5)))
    ).sum(),
    lambda x: layer_norm_grad(x).astype(F32),
    rng(15).normal(size=(6, 5)).astype(F32),
)
add(
    "sum of sines, float32 within",
    as_float32(lambda x: np.sin(x).sum()),
    as_float32(np.cos),
    SIGNAL[:8],
    five_percent=as_float32(lambda x: F32(1.05) * np.cos(x)),
)
add(
    "network, float32 within",
    as_float32(tanh_net),
    as_float32(tanh_back),
    PARAMS,
    slope_forgotten=as_float32(lambda p: tanh_back(p, "slope")),
)
add(
    "logistic, float32 within",
    lambda w: float(np.logaddexp(0, X32 @ w.astype(F32)).mean() - T.astype(F32) @ (X32 @ w.astype(F32)) / F32(30)),
    logistic_grad,
    W,
)
add(
    "sum of squares, float32 within, float64 sum",
    lambda x: float((x.astype(F32) ** 2).astype(float).sum()),
    lambda x: 2 * x,
    SIGNAL[:8],
    factor_2=lambda x: x,
)

# Of all scales
GROUP[:] = ["scales"]

add(
    "small values",
    lambda x: 1e-12 * np.sin(x).sum(),
    lambda x: 1e-12 * np.cos(x),
    SIGNAL[:5],
    one_entry=one_entry(lambda x: 1e-12 * np.cos(x), 2, 1.1),
)
add(
    "large values",
    lambda x: 1e12 * np.sin(x).sum(),
    lambda x: 1e12 * np.cos(x),
    SIGNAL[:5],
    one_percent=lambda x: 1.01e12 * np.cos(x),
)
add(
    "small parameters",
    lambda x: np.exp(x / 1e-9).sum(),
    lambda x: 1e9 * np.exp(x / 1e-9),
    1e-9 * SIGNAL[:5],
    one_percent=lambda x: 1.01e9 * np.exp(x / 1e-9),
)
add(
    "large parameters",
    lambda x: np.log(x).sum(),
    lambda x: 1 / x,
    1e9 * np.array([1.0, 2.5, 7.0]),
    ten_percent=lambda x: 1.1 / x,
)
add("sine of large parameters", lambda x: np.sin(x).sum(), np.cos, [1e4, -3e5, 2e6], sign=lambda x: -np.cos(x))
add(
    "small parameters of a plain function",
    lambda x: np.sin(x).sum() + np.cos(x).sum(),
    lambda x: np.cos(x) - np.sin(x),
    [1e-12, -3e-10, 2e-8],
    zero=lambda x: 0 * x,
)
MIXED = np.array([1e-6, 1.0, 1e6])
add(
    "mixed scales",
    lambda x: np.sin(x / MIXED).sum(),
    lambda x: np.cos(x / MIXED) / MIXED,
    MIXED * [0.3, 1.2, 2.0],
    large_one_zero=one_entry(lambda x: np.cos(x / MIXED) / MIXED, 2, 0.0),
    large_one_2_percent=one_entry(lambda x: np.cos(x / MIXED) / MIXED, 2, 1.02),
)
add(
    "on top of a large constant",
    lambda x: 1e6 + np.sin(x).sum(),
    np.cos,
    SIGNAL[:4],
    one_percent=lambda x: 1.01 * np.cos(x),
)
add(
    "a slope beside a larger one",
    lambda x: 1e4 * np.sin(x[0]) + np.sin(x[1]),
    lambda x: np.array([1e4 * np.cos(x[0]), np.cos(x[1])]),
    [0.4, 1.1],
    small_one_zero=lambda x: np.array([1e4 * np.cos(x[0]), 0.0]),
)
add("constant", lambda x: 3.7, lambda x: np.zeros_like(x), SIGNAL[:4], not_zero=lambda x: np.full_like(x, 1e-3))
add(
    "an argument that is not used",
    lambda x: np.sin(x[0]),
    lambda x: np.array([np.cos(x[0]), 0.0]),
    [0.4, 1.1],
    not_zero=lambda x: np.array([np.cos(x[0]), np.cos(x[1])]),
)
add(
    "saddle point",
    lambda x: x[0] ** 2 - x[1] ** 2 + x[0] ** 3,
    lambda x: np.array([2 * x[0] + 3 * x[0] ** 2, -2 * x[1]]),
    [0.0, 0.0],
)

# With noise
GROUP[:] = ["noise"]

add(
    "noise of 1e-9",
    lambda x: (x**2).sum() + 1e-9 * noise(x),
    lambda x: 2 * x,
    SIGNAL[:4],
    ten_percent=lambda x: 2.2 * x,
)
add("noise of 1e-6", lambda x: np.exp(x).sum() + 1e-6 * noise(x), np.exp, SIGNAL[:4])


def noise(x: Array) -> float:
    """Return what looks random, and is a function of the last bits."""
    return float(np.sin(1e15 * np.asarray(x, float).sum()))


def root_by_bisection(x: Array) -> Any:
    low, high = 0.0, 4.0
    while high - low > 1e-7:
        middle = (low + high) / 2
        low, high = (middle, high) if middle**3 + middle < x[0] ** 2 + x[1] else (low, middle)
    return (low + high) / 2


def root_grad(x: Array) -> Array:
    r = root_by_bisection(x)
    return np.array([2 * x[0], 1.0]) / (3 * r**2 + 1)


add(
    "root by bisection to 1e-7",
    root_by_bisection,
    root_grad,
    [1.3, 2.1],
    implicit_term=lambda x: np.array([2 * x[0], 1.0]) / (3 * root_by_bisection(x) ** 2),
)
DRAWS = rng(29).normal(size=2000)
add(
    "monte carlo with fixed draws",
    lambda p: np.maximum(np.exp(p[0] + p[1] * DRAWS) - 1, 0).mean(),
    lambda p: np.array(
        [
            (np.exp(p[0] + p[1] * DRAWS) * (p[0] + p[1] * DRAWS > 0)).mean(),
            (DRAWS * np.exp(p[0] + p[1] * DRAWS) * (p[0] + p[1] * DRAWS > 0)).mean(),
        ]
    ),
    [0.1, 0.3],
    payoff_forgotten=lambda p: np.array(
        [np.exp(p[0] + p[1] * DRAWS).mean(), (DRAWS * np.exp(p[0] + p[1] * DRAWS)).mean()]
    ),
)
add(
    "values rounded to 6 digits",
    lambda x: round(float((np.sin(x) * 3).sum()), 6),
    lambda x: 3 * np.cos(x),
    SIGNAL[:3],
    factor=np.cos,
)

# In many dimensions
GROUP[:] = ["dimensions"]

LONG = rng(30).normal(size=2000)
add(
    "2000 dimensions",
    lambda x: np.tanh(x * SPREAD).sum(),
    lambda x: SPREAD * (1 - np.tanh(x * SPREAD) ** 2),
    LONG,
    one_entry_zero=one_entry(lambda x: SPREAD * (1 - np.tanh(x * SPREAD) ** 2), 1234, 0.0),
    one_entry_1_percent=one_entry(lambda x: SPREAD * (1 - np.tanh(x * SPREAD) ** 2), 77, 1.01),
)
SPREAD = 0.5 + rng(31).random(2000)
WIDE = rng(32).normal(size=(100, 50)) / 10
add(
    "a layer of 100 times 50",
    lambda w: (np.tanh(LONG[:200].reshape(2, 100) @ w) ** 2).sum(),
    lambda w: (
        LONG[:200].reshape(2, 100).T
        @ (2 * np.tanh(LONG[:200].reshape(2, 100) @ w) * (1 - np.tanh(LONG[:200].reshape(2, 100) @ w) ** 2))
    ),
    WIDE,
    slope_forgotten=lambda w: LONG[:200].reshape(2, 100).T @ (2 * np.tanh(LONG[:200].reshape(2, 100) @ w)),
)

# Chance, state, and what else no derivative can be relied on
GROUP[:] = ["chance"]


def make_noisy(size: float) -> F:
    draw = rng(33)
    return lambda x: (x**2).sum() + size * draw.normal()


def make_counting() -> F:
    count = [0]

    def f(x: Array) -> Any:
        count[0] += 1
        return (x**2).sum() * (1 + 0.01 * count[0])

    return f


def make_random_grad() -> F:
    draw = rng(34)
    return lambda x: 2 * x * (1 + 0.1 * draw.normal(size=x.shape))


def make_dropout() -> F:
    draw = rng(35)
    return lambda x: (np.tanh(x) * (draw.random(x.size) < 0.5) / 0.5).sum()


def make_remembering() -> F:
    """Return a derivative that is that at the place where it was called first."""
    seen: list[Array] = []

    def grad(x: Array) -> Array:
        seen.append(np.array(x))
        return 2 * seen[0] if len(seen) % 2 else 2 * seen[-1] * 1.5

    return grad


def doubles_in_place(x: Array) -> Any:
    x *= 2
    return x.sum()


add_broken("noise that is drawn anew", make_noisy(1e-3), lambda x: 2 * x, SIGNAL[:3])
add_broken("small noise that is drawn anew", make_noisy(1e-6), lambda x: 2 * x, SIGNAL[:3])
add_broken("a function that counts its calls", make_counting(), lambda x: 2 * x, SIGNAL[:3])
add_broken("a derivative from a random estimate", lambda x: (x**2).sum(), make_random_grad(), SIGNAL[:3])
add_broken("dropout without a fixed mask", make_dropout(), lambda x: 1 - np.tanh(x) ** 2, SIGNAL[:6])
add_broken("a derivative that remembers", lambda x: (x**2).sum(), make_remembering(), SIGNAL[:3])
add_broken("a function that doubles its argument", doubles_in_place, lambda x: np.full_like(x, 2.0), SIGNAL[:3])
