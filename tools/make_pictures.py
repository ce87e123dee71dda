"""Draw the pictures of the documentation, docs/images/*.svg: `python tools/make_pictures.py [NAME...]`.

The same versions draw the same bytes. A page has a picture as `![what it shows](images/NAME.svg)`.
As a file it stands on light and dark grounds; in the documentation it takes the colors and the font of the page.
"""

from __future__ import annotations

import os
import re
import sys
import tempfile
from collections.abc import Callable
from contextlib import chdir
from functools import cache
from pathlib import Path
from typing import Any

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # sums in the same order on every machine

import numpy as np
from modnet_display import html

import modnet
from modnet import figures

FOLDER = Path(__file__).parents[1] / "docs" / "images"
STYLE = "<style>svg{color:#1c1c1c}@media(prefers-color-scheme:dark){svg{color:#d8d8d8}}</style>"

PICTURES: dict[str, Callable[[], Any]] = {}


def picture(draw: Callable[[], Any]) -> Callable[[], Any]:
    """Register a function that returns a figure: its name is that of the file."""
    PICTURES[draw.__name__.replace("_", "-")] = draw
    return draw


def to_file(figure: Any) -> str:
    """Return a figure as an SVG file that can be read on light and on dark grounds."""
    svg = re.sub(r' aria-label="[^"]*"', "", str(html.to_svg(figure, "")), count=1)
    return svg.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1).replace(">", f">{STYLE}", 1) + "\n"


def to_inline(svg: str, alt: str) -> str:
    """Return a picture as it stands in a page, with what it shows for those who do not see it."""
    svg = re.sub(r' (aria-label|xmlns)="[^"]*"', "", svg.strip().replace(STYLE, ""))
    return svg.replace("<svg ", f'<svg aria-label="{html.escape(alt)}" ', 1)


@cache
def digits() -> tuple[modnet.Dataset, modnet.Run]:
    """Return the digits, and the tutorial's network trained on them."""
    data = modnet.load("mnist-small")
    net = modnet.TwoLayerNet(784, 50, 10, seed=0)
    return data, modnet.train(net, data, optimizer=modnet.optimizer("sgd", lr=0.1), iterations=1000, seed=0)


@picture
def home() -> Any:
    """Draw a network, what another one has learned, and the boundary of a third."""
    data = modnet.load("moons")
    net, adam = modnet.Network.for_data(data, hidden=20), modnet.optimizer("adam", lr=0.01)
    run = modnet.train(net, data, optimizer=adam, iterations=1500)
    with figures.drawing():
        figure = figures.create_figure((10, 3.3))
        drawing, weights, boundary = figure.subplots(1, 3)
        figures.network.from_network(modnet.TwoLayerNet(2, 3, 2, weight_init_std=1.0, seed=0), title=" ", ax=drawing)
        figures.weights.from_estimator(digits()[1], most=9, ax=weights)
        test = data.test
        figures.decision_boundary.from_estimator(run.network, test.x[:100], test.t[:100], ax=boundary)
        boundary.get_legend().remove()
    for axes, title in ((drawing, "a network"), (weights, "what units look for"), (boundary, "what a network decides")):
        axes.set_title(title, fontsize=10)
    return figure


@picture
def tutorial_sigmoid() -> Any:
    """Draw the sigmoid, and its slope."""
    a, sigmoid = np.linspace(-6, 6, 121), modnet.activation("sigmoid")
    return lines(a, {"z = sigmoid(a)": sigmoid(a), "its slope": sigmoid.backward(a, sigmoid(a), np.ones_like(a))}, "a")


@picture
def tutorial_cross_entropy() -> Any:
    """Draw the cross entropy, by the probability of the right class."""
    p = np.linspace(0.01, 1, 100)
    losses = modnet.loss("cross-entropy")(np.stack([p, 1 - p], axis=1), np.zeros(100, int))
    return lines(p, {"loss": losses}, "probability of the right class", ylabel="loss")


@picture
def tutorial_slope() -> Any:
    """Draw a parabola, and its tangents at 5 and 10."""
    x = np.linspace(0, 20, 101)
    y = 0.01 * x**2 + 0.1 * x
    found = {"0.01 x² + 0.1 x": y, "slope 0.2 at 5": 0.2 * (x - 5) + 0.75, "slope 0.3 at 10": 0.3 * (x - 10) + 2}
    figure = lines(x, found, "x")
    figure.axes[0].plot([5, 10], [0.75, 2], "o", color=figures.GREY)
    return figure


@picture
def tutorial_weights() -> Any:
    """Draw what each hidden unit of the trained network looks for."""
    return figures.weights.from_estimator(digits()[1], most=12)


@picture
def tutorial_curves() -> Any:
    """Draw loss and accuracies as it learns."""
    return figures.learning_curves.from_run(digits()[1])


@picture
def tutorial_mistakes() -> Any:
    """Draw the digits that it gets wrong, and is most certain of."""
    return figures.mistakes.from_estimator(digits()[1], most=12)


@picture
def gradients_sizes() -> Any:
    """Draw the size of the gradient in each layer of a deep network."""
    data, _ = digits()
    net = modnet.Network([784, 50, 50, 50, 50, 10], weight_init_std="xavier")
    return figures.gradient_sizes.from_estimator(net, data.test.x, data.test.t)


@picture
def judging_runs() -> Any:
    """Draw the scores of the page, and their differences."""
    scores = {
        "adam": [0.941, 0.944, 0.939, 0.946, 0.942, 0.940, 0.945, 0.943, 0.938, 0.944],
        "adam with warm-up": [0.945, 0.947, 0.944, 0.950, 0.944, 0.946, 0.948, 0.947, 0.943, 0.947],
        "sgd": [0.941, 0.943, 0.941, 0.947, 0.939, 0.942, 0.947, 0.941, 0.939, 0.945],
    }
    return modnet.judge(scores, rope=0.003, paired=True, higher_is_better=True).figure()


@picture
def table_confusion() -> Any:
    """Draw which wines are taken for which."""
    data = modnet.load("iris")
    return figures.confusion_matrix.from_estimator(modnet.train(modnet.Network.for_data(data), data, iterations=300))


@picture
def callbacks_stopped() -> Any:
    """Draw a run that early stopping ends at its best epoch."""
    data = modnet.load("mnist-small").with_validation(0.1)
    net, sgd = modnet.Network.for_data(data, hidden=30), modnet.optimizer("sgd", lr=3.0)
    run = modnet.train(net, data, optimizer=sgd, iterations=2000, callbacks=["early-stopping"])
    return figures.learning_curves.from_run(run)


@picture
def regression_predictions() -> Any:
    """Draw predictions beside the numbers that were to be predicted."""
    x = np.random.default_rng(0).uniform(-3, 3, (200, 1))
    y = np.sin(2 * x[:, 0]) + 0.1 * np.random.default_rng(1).normal(size=200)
    data = modnet.Dataset.from_arrays(x, y, task="regression")
    net = modnet.Network.for_data(data, hidden=[20, 20])
    run = modnet.train(net, data, optimizer=modnet.optimizer("adam", lr=0.01), iterations=1500)
    grid = np.linspace(-3, 3, 200)[:, None]
    figure = lines(grid[:, 0], {"prediction": run.predict(grid)}, "x", "y")
    figure.axes[0].plot(x[:, 0], y, ".", color=figures.GREY, markersize=3, zorder=0)
    return figure


@picture
def sklearn_boundaries() -> Any:
    """Draw three estimators on the same two features."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.tree import DecisionTreeClassifier

    from modnet.sklearn import ModnetClassifier

    samples = modnet.load("moons").train
    models = [
        ModnetClassifier((20,), random_state=0, max_iter=100, tol=None),
        DecisionTreeClassifier(max_depth=4),
        LogisticRegression(),
    ]
    with figures.drawing():
        figure = figures.create_figure((9, 3.2))
        for axes, model in zip(figure.subplots(1, 3), models, strict=True):
            fitted = model.fit(samples.x, samples.t)
            figures.decision_boundary.from_estimator(fitted, samples.x[:100], samples.t[:100], ax=axes)
            axes.set_title(type(model).__name__, fontsize=10)
    return figure


@picture
def chapter_6_outputs() -> Any:
    """Draw what comes out of six layers with three rules of initial weights."""
    x = np.random.default_rng(0).standard_normal((1000, 100))
    with figures.drawing():
        figure = figures.create_figure((9, 5.4))
        for row, rule in zip(figure.subfigures(3, 1), (1.0, 0.01, "lecun"), strict=True):
            network = modnet.Network([100] * 7, hidden="sigmoid", weight_init=rule)
            outputs = network.objective(x, np.zeros(1000, int)).trace(network.params).values[2:11:2]
            row.suptitle(f"weight_init = {rule}", fontsize=10)
            for number, (axes, z) in enumerate(zip(row.subplots(1, 5, sharex=True), outputs, strict=True), start=1):
                axes.hist(z.ravel(), bins=30, range=(0, 1), histtype="stepfilled", color=figures.COLORS[0])
                axes.set_title(f"layer {number}", fontsize=8)
                axes.set_yticks(())
                axes.spines[["top", "right", "left"]].set_visible(False)
    return figure


@picture
def chapter_6_weight_decay() -> Any:
    """Draw 300 digits learned by heart, and with weight decay."""
    data = modnet.load("mnist-small")
    train, test = data.train, data.test
    few = modnet.Dataset.from_arrays((train.x[:300], train.t[:300]), (test.x, test.t), scale=1.0)
    network = modnet.Network([784, *[100] * 6, 10], hidden="relu", weight_init="he")
    with figures.drawing():
        figure = figures.create_figure((8, 3))
        for axes, decay in zip(figure.subplots(1, 2, sharey=True), (0.0, 0.1), strict=True):
            sgd = modnet.optimizer("sgd", lr=0.01, weight_decay=decay)
            history = modnet.train(network, few, optimizer=sgd, iterations=600).history
            for part, color in zip(("train", "test"), figures.COLORS, strict=False):
                axes.plot(history.iterations, history.columns[f"{part}_accuracy"], label=part, color=color)
            axes.set(xlabel="iteration", ylim=(0, 1))
            axes.set_title(f"weight decay {decay}", fontsize=10)
            axes.grid(alpha=0.25)
            axes.spines[["top", "right"]].set_visible(False)
            axes.legend(frameon=False, loc="lower right")
    return figure


@picture
def chapter_7_filters() -> Any:
    """Draw the filters of a convolution before and after training."""
    data = modnet.load("mnist-small")
    kernel = modnet.layer("convolution", filters=16, size=5)
    layers = [kernel, "relu", modnet.layer("max-pool", size=2), "flatten", ("dense", {"units": 10}), "softmax"]
    network = modnet.Network(layers, shape=data.shape, seed=0)
    run = modnet.train(network, data, optimizer=modnet.optimizer("adam", lr=0.003), iterations=300)
    with figures.drawing():
        figure = figures.create_figure((8, 3.6))
        for axes, found, title in zip(figure.subplots(1, 2), (network, run), ("before", "after"), strict=True):
            figures.weights.from_estimator(found, most=16, ax=axes)
            axes.set_title(title, fontsize=10)
    return figure


@picture
def comparing_widths() -> Any:
    """Draw the runs of a comparison, with intervals."""
    quick = {"gradient": "backpropagation", "training": {"iterations": 300}}
    return modnet.compare(quick, {"hidden_size": [5, 20]}, seeds=5, workers=1).figure()


@picture
def tutorial_descent() -> Any:
    """Draw the path of the tutorial's gradient descent."""

    def sum_of_squares(x: Any) -> Any:
        return (x**2).sum()

    start = np.array([-3.0, 4.0])
    path = [modnet.gradient_descent(sum_of_squares, start, lr=0.1, step_num=steps) for steps in range(30)]
    return figures.contour.from_function(sum_of_squares, path)


@picture
def tutorial_network() -> Any:
    """Draw the two-layer network."""
    return figures.network.from_network(modnet.TwoLayerNet(784, 50, 10, seed=0))


@picture
def table_samples() -> Any:
    """Draw the columns of a table, each with the share of its classes."""
    return figures.samples.from_dataset(modnet.load("iris"))


@picture
def data_digits() -> Any:
    """Draw digits that ship with modnet, of each class."""
    return figures.samples.from_dataset(modnet.load("mnist-small"), most=40)


@picture
def data_toys() -> Any:
    """Draw the four toy sets."""
    with figures.drawing():
        figure = figures.create_figure((9, 2.6))
        for axes, name in zip(figure.subplots(1, 4), ("xor", "moons", "circles", "spiral"), strict=True):
            figures.samples.from_dataset(modnet.load(name), most=90, title=name, ax=axes)
    return figure


@picture
def gradient_check_estimators() -> Any:
    """Draw the errors and the costs of the gradient estimators."""
    data = modnet.load("mnist-small")
    batch = data.train.x[:100], data.train.t[:100]
    return figures.gradient_check.from_check(modnet.check_gradient(modnet.TwoLayerNet(784, 50, 10, seed=0), *batch))


def lines(x: Any, curves: dict[str, Any], xlabel: str, ylabel: str = "") -> Any:
    """Return a figure of curves over x."""
    with figures.drawing():
        figure = figures.create_figure((4.5, 3))
        axes = figure.subplots()
        for (label, y), color in zip(curves.items(), figures.COLORS, strict=False):
            axes.plot(x, y, label=label, color=color)
        axes.grid(alpha=0.25)
        axes.spines[["top", "right"]].set_visible(False)
        axes.set(xlabel=xlabel, ylabel=ylabel)
        if len(curves) > 1:
            axes.legend(frameon=False, fontsize=9)
    return figure


def main(names: list[str]) -> None:
    """Draw these pictures, or all of them, into docs/images or the folder behind `--to`, and remove others."""
    folder = FOLDER
    if names[:1] == ["--to"]:
        folder, names = Path(names[1]), names[2:]
    folder.mkdir(exist_ok=True)
    if not names:
        for path in folder.glob("*.svg"):
            if path.stem not in PICTURES:
                path.unlink()
    with tempfile.TemporaryDirectory() as empty, chdir(empty):
        for name in names or PICTURES:
            (folder / f"{name}.svg").write_text(to_file(PICTURES[name]()), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
