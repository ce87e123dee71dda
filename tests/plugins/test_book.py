"""The slides' names beside naive versions of them, and the slides' script."""

# ruff: noqa: NPY002 - the slides draw by np.random

from __future__ import annotations

import gzip
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import modnet
from modnet import book

MNIST = Path(__file__).parents[3] / "shared" / "data" / "mnist"

# As in the slides, on the book's own modules: the first two imports are all that changes.
SCRIPT = """\
import numpy as np
from dataset.mnist import load_mnist
from two_layer_net import TwoLayerNet

(x_train, t_train), (x_test, t_test) = load_mnist(normalize=True, one_hot_label=True)

train_loss_list = []
train_acc_list = []
test_acc_list = []

iters_num = 10000
train_size = x_train.shape[0]
batch_size = 100
learning_rate = 0.1
iter_per_epoch = max(train_size / batch_size, 1)

network = TwoLayerNet(input_size=784, hidden_size=50, output_size=10)

for i in range(iters_num):
    batch_mask = np.random.choice(train_size, batch_size)
    x_batch = x_train[batch_mask]
    t_batch = t_train[batch_mask]

    grad = network.numerical_gradient(x_batch, t_batch)

    for key in ('W1', 'b1', 'W2', 'b2'):
        network.params[key] -= learning_rate * grad[key]

    loss = network.loss(x_batch, t_batch)
    train_loss_list.append(loss)

    if i % iter_per_epoch == 0:
        train_acc = network.accuracy(x_train, t_train)
        test_acc = network.accuracy(x_test, t_test)
        train_acc_list.append(train_acc)
        test_acc_list.append(test_acc)
        print("train acc, test acc | " + str(train_acc) + ", " + str(test_acc))
"""
THEIRS = "from dataset.mnist import load_mnist\nfrom two_layer_net import TwoLayerNet\n"
OURS = "from modnet.book import TwoLayerNet, load_mnist\n"


def sigmoid(a: Any) -> Any:
    return 1 / (1 + np.exp(-a))


def softmax(a: Any) -> Any:
    powers = np.exp(a - np.max(a, axis=-1, keepdims=True))
    return powers / np.sum(powers, axis=-1, keepdims=True)


def cross_entropy(y: Any, t: Any) -> Any:
    """Return the slides' first version, for one-hot targets."""
    return -np.sum(t * np.log(y + 1e-7)) / (len(y) if y.ndim == 2 else 1)


def difference(f: Any, x: Any) -> Any:
    """Return the slides' loop: one entry after the other is moved by h, and back."""
    h, gradient = 1e-4, np.zeros_like(x)
    for index in np.ndindex(x.shape):
        value = x[index]
        x[index] = value + h
        above = f(x)
        x[index] = value - h
        gradient[index] = (above - f(x)) / (2 * h)
        x[index] = value
    return gradient


class NaiveNet:
    """The slides' network, term by term."""

    def __init__(self, inputs: int, hidden: int, outputs: int, weight_init_std: float = 0.01) -> None:
        self.params = {"W1": weight_init_std * np.random.randn(inputs, hidden), "b1": np.zeros(hidden)}
        self.params |= {"W2": weight_init_std * np.random.randn(hidden, outputs), "b2": np.zeros(outputs)}

    def predict(self, x: Any) -> Any:
        z = sigmoid(np.dot(x, self.params["W1"]) + self.params["b1"])
        return softmax(np.dot(z, self.params["W2"]) + self.params["b2"])

    def loss(self, x: Any, t: Any) -> Any:
        return cross_entropy(self.predict(x), t)

    def accuracy(self, x: Any, t: Any) -> Any:
        return np.mean(np.argmax(self.predict(x), axis=1) == np.argmax(t, axis=1))

    def numerical_gradient(self, x: Any, t: Any) -> Any:
        return {name: difference(lambda _: self.loss(x, t), value) for name, value in self.params.items()}


@pytest.fixture
def digits() -> Any:
    return book.load_mnist(one_hot_label=True, data="mnist-small")


@pytest.fixture
def batch() -> tuple[Any, Any]:
    rng = np.random.default_rng(3)
    return rng.random((7, 6)).astype(np.float32), np.eye(4)[rng.integers(0, 4, 7)]


VALUES = np.random.default_rng(0).normal(size=(5, 4))


def test_functions_return_what_the_slides_do() -> None:
    for x in (VALUES, VALUES[0], VALUES.astype(np.float32), 0.5, -2, np.array([-1, 0, 2])):
        found = book.sigmoid(x), book.sigmoid_grad(x), book.relu(x), book.step_function(x), book.identity_function(x)
        z = sigmoid(np.asarray(x))
        for value, expected in zip(found, (z, z * (1 - z), np.maximum(0, x), 1 * (np.asarray(x) > 0), x), strict=True):
            assert np.shape(value) == np.shape(x)
            assert value == pytest.approx(expected, rel=1e-6)
    assert book.sigmoid(VALUES.astype(np.float32)).dtype == np.float32
    assert book.step_function(VALUES).dtype == int
    for x in (VALUES, VALUES[0], 1000 * VALUES, np.array([1, 2, 3])):
        assert book.softmax(x) == pytest.approx(softmax(x))
    assert book.sigmoid(np.array([-1e4, 1e4])).tolist() == [0.0, 1.0]  # without the slides' warning
    y, t = softmax(VALUES), np.eye(4)[[0, 3, 1, 1, 2]]
    assert book.mean_squared_error(y, t) == book.sum_squared_error(y, t) == pytest.approx(0.5 * np.sum((y - t) ** 2))
    assert book.function_1(5) == pytest.approx(0.75)
    assert book.function_2(np.array([3.0, 4.0])) == 25
    assert book.function_2(np.meshgrid(range(3), range(2))).shape == (2, 3)


def test_the_cross_entropy_takes_each_form_of_targets() -> None:
    y, classes = softmax(VALUES), np.array([0, 3, 1, 1, 2])
    whole = cross_entropy(y, np.eye(4)[classes])
    for t in (np.eye(4)[classes], np.eye(4, dtype=int)[classes], classes, classes.astype(np.uint8), classes.tolist()):
        assert book.cross_entropy_error(y, t) == pytest.approx(whole)
    one = cross_entropy(y[1], np.eye(4)[3])
    for t in (np.eye(4)[3], np.array(3), np.array([3]), 3, [0, 0, 0, 1]):
        assert book.cross_entropy_error(y[1], t) == pytest.approx(one)
    assert isinstance(book.cross_entropy_error(y, classes), np.float64)
    assert book.cross_entropy_error(y, classes.reshape(-1, 1)) == pytest.approx(whole)
    assert np.isfinite(book.cross_entropy_error(np.array([1.0, 0.0]), 1))


@pytest.mark.parametrize(
    ("t", "words"),
    [([4, 0, 0, 0, 0], "target 4 is no class: 4 outputs"), ([0.5] * 5, "target 0.5 is no class"), ([1, 2], "(2,)")],
)
def test_targets_that_are_none_are_refused(t: Any, words: str) -> None:
    with pytest.raises(modnet.ShapeError) as error:
        book.cross_entropy_error(softmax(VALUES), t)
    assert words in str(error.value)


@pytest.mark.parametrize("t", [[0, 1, 1, 0], [[0, 1, 1, 0]], [0, 1]])
def test_squares_of_outputs_and_targets_that_do_not_fit_are_refused(t: Any) -> None:
    """A column of outputs beside a row of targets would be summed over all pairs."""
    with pytest.raises(modnet.ShapeError, match=r"beside outputs of shape \(4, 1\)"):
        book.mean_squared_error(np.ones((4, 1)), np.array(t))


@pytest.mark.parametrize("shape", [(), (1,), (3,), (2, 3), (2, 3, 4)])
def test_the_numerical_gradient_is_the_slides_and_puts_all_back(shape: tuple[int, ...]) -> None:
    x = np.asarray(np.random.default_rng(1).normal(size=shape))
    kept, seen = x.copy(), []

    def f(given: Any) -> Any:
        seen.append(given is x)
        return np.sum(np.sin(given) * given)

    expected = difference(f, x.copy())
    seen.clear()
    assert np.array_equal(book.numerical_gradient(f, x), expected)
    assert all(seen)
    assert x.tobytes() == kept.tobytes()
    assert np.array_equal(book.numerical_gradient(lambda _: f(x), x), expected)


def test_integers_are_no_trap() -> None:
    """The slides' loop cannot move them, and returns zeros."""
    x = np.array([3, 4])
    assert difference(book.function_2, x.copy()).tolist() != [6, 8]
    assert book.numerical_gradient(book.function_2, x) == pytest.approx(np.array([6.0, 8.0]))
    assert book.gradient_descent(book.function_2, x, lr=0.1) == pytest.approx(np.zeros(2), abs=1e-8)
    assert x.tolist() == [3, 4]
    assert book.numerical_diff(book.function_1, 5) == 0.1999999999990898


def test_too_large_a_step_leads_where_it_leads_in_the_book() -> None:
    """Its differences end as 0, which is said."""
    start, expected = np.array([-3.0, 4.0]), np.array([-3.0, 4.0])
    for _ in range(100):
        expected -= 10.0 * difference(book.function_2, expected)
    with pytest.warns(modnet.PrecisionWarning, match=r"vanishes beside \d\S+e\+1\d, .* smaller lr"):
        assert book.gradient_descent(book.function_2, start, lr=10.0, step_num=100) is start
    assert np.array_equal(start, expected)
    assert start.round(-10).tolist() == [-25900000000000.0, -1300000000000.0]  # as the book prints


def test_a_function_of_each_row_has_a_gradient_of_each_row() -> None:
    """As the book's picture of gradients takes it, of a grid of points."""
    points = np.random.default_rng(2).normal(size=(6, 2))
    kept = points.copy()
    assert book.numerical_gradient(lambda x: np.sum(x**2, axis=-1), points) == pytest.approx(2 * points)
    assert points.tobytes() == kept.tobytes()
    with pytest.raises(modnet.ShapeError, match="must return one number"):
        book.numerical_gradient(lambda x: x, points)


def test_descent_moves_the_array_itself() -> None:
    start = np.array([-3.0, 4.0])
    expected = start.copy()
    for _ in range(20):
        expected -= 0.1 * difference(book.function_2, expected)
    assert book.gradient_descent(lambda _: book.function_2(start), init_x=start, lr=0.1, step_num=20) is start
    assert np.array_equal(start, expected)


def test_the_network_is_the_slides(batch: tuple[Any, Any]) -> None:
    np.random.seed(5)
    naive = NaiveNet(6, 5, 4, 0.5)
    after = np.random.choice(60000, 100)
    np.random.seed(5)
    net = book.TwoLayerNet(6, 5, 4, 0.5)
    assert np.array_equal(np.random.choice(60000, 100), after)
    assert [*net.params] == [*naive.params]
    assert all(np.array_equal(net.params[name], value) for name, value in naive.params.items())
    x, t = batch
    for _ in range(3):
        assert net.predict(x) == pytest.approx(naive.predict(x))
        assert net.loss(x, t) == pytest.approx(naive.loss(x, t))
        assert net.loss(x, t.argmax(axis=1)) == pytest.approx(naive.loss(x, t))
        assert net.accuracy(x, t) == naive.accuracy(x, t)
        found, expected, exact = net.numerical_gradient(x, t), naive.numerical_gradient(x, t), net.gradient(x, t)
        for name in ("W1", "b1", "W2", "b2"):
            assert found[name] == pytest.approx(expected[name], rel=1e-7, abs=1e-11)  # what the slides' loop rounds
            assert exact[name] == pytest.approx(expected[name], rel=1e-6, abs=1e-8)
            net.params[name] -= 0.5 * found[name]
            naive.params[name] -= 0.5 * expected[name]
    assert net.predict(x[0]) == pytest.approx(naive.predict(x[0]))
    found = book.numerical_gradient(lambda _: net.loss(x, t), net.params["W2"])
    assert found == pytest.approx(net.numerical_gradient(x, t)["W2"], rel=1e-7, abs=1e-11)


def test_a_named_deviation_is_refused() -> None:
    with pytest.raises(modnet.SettingError, match=r"must be a number here: 'he'; modnet\.TwoLayerNet takes"):
        book.TwoLayerNet(6, 5, 4, "he")  # type: ignore[arg-type]


def test_digits_come_in_each_form(tmp_path: Path) -> None:
    small = modnet.load("mnist-small")
    (x, t), (x_test, t_test) = book.load_mnist(data="mnist-small")
    assert (x.shape, x.dtype, t.shape, t.dtype) == ((5000, 784), np.float32, (5000,), np.uint8)
    assert (x_test.shape, t_test.shape) == ((1000, 784), (1000,))
    assert np.allclose(x, small.train.x, rtol=1e-6, atol=0)
    assert np.array_equal(t, small.train.t)
    (pixels, one_hot), _ = book.load_mnist(False, False, True, data="mnist-small")
    assert (pixels.shape, pixels.dtype, one_hot.dtype) == ((5000, 1, 28, 28), np.uint8, np.float64)
    assert np.array_equal(pixels.reshape(-1, 784).astype(np.float32) / 255, x)
    assert np.array_equal(one_hot.argmax(axis=1), t)
    assert one_hot.sum() == 5000
    np.savez(tmp_path / "one.npz", x=np.full((20, 28, 28), 0.5), t=np.arange(20) % 10)
    with pytest.raises(modnet.DataError, match="has no pixels from 0 to 255"):
        book.load_mnist(data=tmp_path / "one.npz")
    with pytest.raises(modnet.DataError, match="iris is no set of digits"):
        book.load_mnist(data="iris")


def test_mnist_that_is_not_there_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODNET_CACHE", str(tmp_path))
    with pytest.raises(modnet.DataError) as error:
        book.load_mnist()
    first, second = str(error.value).splitlines()
    assert first == "mnist: not downloaded yet; run: modnet data fetch mnist"
    assert second.startswith('or take digits without a download: load_mnist(..., data="mnist-small")')
    assert list(tmp_path.rglob("*")) == []


def run_script(folder: Path, iterations: int) -> tuple[list[float], list[float]]:
    """Run the slides' script in a process of its own, and return the accuracies that it prints."""
    assert THEIRS in SCRIPT
    script = SCRIPT.replace(THEIRS, OURS).replace("iters_num = 10000", f"iters_num = {iterations}")
    environment = {**os.environ, "MODNET_CACHE": str(folder)}
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment, cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert not done.stderr
    rows = re.findall(r"^train acc, test acc \| ([\d.]+), ([\d.]+)$", done.stdout, re.MULTILINE)
    assert len(rows) == len(done.stdout.splitlines())
    return [float(row[0]) for row in rows], [float(row[1]) for row in rows]


def test_the_slides_script_runs_with_its_import_changed(tmp_path: Path, digits: Any) -> None:
    """On the digits that ship with modnet, in the place of MNIST's."""
    folder = tmp_path / "downloads" / "mnist"
    folder.mkdir(parents=True)
    small = modnet.load("mnist-small")
    for name, part in (("train", small.train), ("t10k", small.test)):
        pixels = part.unscaled(slice(None)).astype(np.uint8)
        for kind, values in (("images-idx3", pixels.reshape(-1, 28, 28)), ("labels-idx1", part.t.astype(np.uint8))):
            head = np.array([0x800 + values.ndim, *values.shape], ">i4").tobytes()
            (folder / f"{name}-{kind}-ubyte.gz").write_bytes(gzip.compress(head + values.tobytes(), 1))
    train, test = run_script(tmp_path, 60)
    assert len(train) == len(test) == 2  # epochs of 50 iterations


@pytest.mark.check
def test_the_slides_whole_script_learns_mnist(tmp_path: Path) -> None:
    if not MNIST.is_dir():
        pytest.skip("MNIST is not beside this repository")
    (tmp_path / "downloads").mkdir()
    shutil.copytree(MNIST, tmp_path / "downloads" / "mnist")
    train, test = run_script(tmp_path, 10000)
    assert len(train) == 17
    assert train[-1] > 0.94
    assert test[-1] > 0.94
