"""Pictures on the axes that are given, and of odd data."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from typing import Any

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.figure import Figure
from modnet_figures import canvas
from modnet_figures.figures import comparison, render
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

import modnet
from modnet import DataError, Dataset, EstimatorRow, GradientCheck, SettingError, figures
from modnet.sklearn import ModnetClassifier

NAMES = ("사과", "a very long name of a class that no axis has a place for " * 3, "$x_1$")
TWO = np.random.default_rng(0).normal(size=(60, 2))
THREE = np.arange(60) % 3
QUICK = modnet.optimizer("adam")


def make_run(data: Dataset, hidden: int = 4) -> modnet.Run:
    return modnet.train(modnet.Network.for_data(data, hidden=hidden, seed=0), data, optimizer=QUICK, iterations=20)


@pytest.fixture(scope="module")
def run() -> modnet.Run:
    """Return a run on two features with odd names of classes."""
    return make_run(Dataset.from_arrays(TWO, [NAMES[i] for i in THREE], feature_names=("길이", "너비" * 40)))


@pytest.fixture(scope="module")
def regression() -> modnet.Run:
    return make_run(Dataset.from_arrays(TWO, TWO.sum(axis=1), task="regression"))


@pytest.fixture(scope="module")
def check() -> GradientCheck:
    net = modnet.TwoLayerNet(2, 3, 2, seed=0)
    return modnet.check_gradient(net, TWO[:4], np.array([0, 1, 1, 0]), estimators=["backpropagation", "spsa"])


def bowl(x: Any) -> Any:
    return x[0] ** 2 / 20 + x[1] ** 2


PATH = [(-7.0, 2.0), (-6.0, -1.0), (-5.0, 0.5)]
PICTURES: dict[str, Callable[[Any, Any, Any], Figure]] = {
    "activations": lambda run, _, ax: figures.activations.from_estimator(run, ax=ax),
    "confusion matrix": lambda run, _, ax: figures.confusion_matrix.from_estimator(run, ax=ax),
    "contour": lambda *of: figures.contour.from_function(bowl, PATH, title=NAMES[1], ax=of[-1]),
    "decision boundary": lambda run, _, ax: figures.decision_boundary.from_estimator(run, ax=ax),
    "gradient check": lambda _, check, ax: figures.gradient_check.from_check(check, title=NAMES[1], ax=ax),
    "gradient sizes": lambda run, _, ax: figures.gradient_sizes.from_estimator(run, ax=ax),
    "learning curves": lambda run, _, ax: figures.learning_curves.from_run(run, title=NAMES[1], ax=ax),
    "mistakes": lambda run, _, ax: figures.mistakes.from_estimator(run, ax=ax),
    "network": lambda run, _, ax: figures.network.from_network(run, title=NAMES[1], ax=ax),
    "samples": lambda run, _, ax: figures.samples.from_dataset(run.data, title=NAMES[0], ax=ax),
    "several runs": lambda run, _, ax: figures.several_runs.from_runs({NAMES[0]: run, "two": [run, run]}, ax=ax),
    "weights": lambda run, _, ax: figures.weights.from_estimator(run, ax=ax),
}


def list_arrays(run: modnet.Run) -> Iterator[np.ndarray[Any, Any]]:
    yield from run.network.arrays.values()
    for part in run.data.parts.values():
        yield from (part.table, part.t, part.x)


@pytest.mark.parametrize("name", PICTURES)
def test_it_is_drawn_on_the_axes_that_are_given_in_their_colors_and_changes_nothing(
    name: str, run: modnet.Run, check: GradientCheck
) -> None:
    before, settings = [array.copy() for array in list_arrays(run)], dict(mpl.rcParams)
    with mpl.rc_context({"figure.facecolor": "black", "axes.facecolor": "black", "text.color": "white"}):
        figure = Figure(figsize=(3.5, 2.9), layout="constrained")
        _, ax = figure.subplots(1, 2, width_ratios=(1, 30))
        assert PICTURES[name](run, check, ax) is figure
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            figure.savefig("/dev/null", format="svg")
    assert dict(mpl.rcParams) == settings
    for array, kept in zip(list_arrays(run), before, strict=True):
        np.testing.assert_array_equal(array, kept)


@pytest.mark.parametrize("name", PICTURES)
def test_it_is_a_figure_of_its_own_without_axes(name: str, run: modnet.Run, check: GradientCheck) -> None:
    assert render(PICTURES[name](run, check, None), "svg").startswith(b"<?xml")


@pytest.mark.parametrize(
    "estimator", [LogisticRegression(solver="newton-cg"), LinearSVC(), ModnetClassifier(max_iter=None)]
)
def test_any_classifier_of_scikit_learn_is_drawn_as_one_of_modnet(estimator: Any) -> None:
    estimator.fit(TWO, THREE)
    figure = figures.confusion_matrix.from_estimator(estimator, TWO, THREE)
    right = int((estimator.predict(TWO) == THREE).sum())
    assert figure.axes[0].get_title() == f"{right} of 60 right ({right / 60:.1%})"
    figures.decision_boundary.from_estimator(estimator, TWO, THREE)
    mistakes = figures.mistakes.from_estimator(estimator, TWO, THREE).axes[0].get_title().replace("\n", " ")
    assert mistakes.startswith(f"{60 - right} mistakes in 60 samples")


def test_an_estimator_sees_a_frame_of_numbers_with_its_names() -> None:
    frame = pytest.importorskip("pandas").DataFrame(TWO, columns=["a", "b"])
    estimator = make_pipeline(ColumnTransformer([("scaled", StandardScaler(), ["b", "a"])]), LogisticRegression())
    estimator.fit(frame, THREE)
    right = int((estimator.predict(frame) == THREE).sum())
    title = figures.confusion_matrix.from_estimator(estimator, frame, THREE).axes[0].get_title()
    assert title.startswith(f"{right} of 60 right")
    axes = figures.decision_boundary.from_estimator(estimator, frame, THREE).axes[0]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("a", "b")


def test_an_estimator_that_is_not_fitted_is_refused_as_such() -> None:
    for estimator in (LogisticRegression(), make_pipeline(StandardScaler(), ModnetClassifier())):
        with pytest.raises(SettingError, match=r"Classifier is not fitted|LogisticRegression is not fitted"):
            figures.confusion_matrix.from_estimator(estimator, TWO, THREE)


def test_what_has_no_network_or_no_classes_is_refused_in_a_line(regression: modnet.Run) -> None:
    linear = LinearRegression().fit(TWO, TWO.sum(axis=1))
    for call in (
        lambda: figures.network.from_network(linear),
        lambda: figures.activations.from_estimator(linear, TWO),
        lambda: figures.confusion_matrix.from_estimator(regression),
        lambda: figures.samples.from_dataset(TWO),
        lambda: figures.samples.from_dataset(regression.data, most=-1),
        lambda: figures.comparison.from_comparison(regression),
        lambda: figures.comparison.from_judgement(None),
        lambda: figures.gradient_check.from_check(regression),
        lambda: figures.contour.from_function(3),  # type: ignore[arg-type]
        lambda: figures.contour.from_function(lambda x: x),
        lambda: figures.contour.from_function(bowl, xlim=(3, 1)),
    ):
        with pytest.raises(SettingError) as caught:
            call()  # type: ignore[no-untyped-call]
        assert str(caught.value).count("\n") == 0


class TestSamples:
    @pytest.mark.parametrize(
        ("x", "t"),
        [
            ([[1.0, 2.0]], ["one sample"]),
            (np.zeros((4, 64)), [0, 0, 1, 1]),
            (np.zeros((3, 2)), [0, 0, 0]),
            (np.random.default_rng(0).normal(size=(1000, 3)), np.arange(1000)),
            (np.random.default_rng(0).normal(size=(4, 1000)), [0, 1, 0, 1]),
            ([[1, "가"], [2, "나"], [3, "가"]], ["a", "b", "a"]),
        ],
    )
    def test_odd_data(self, x: Any, t: Any) -> None:
        data = Dataset.from_arrays(x, t, test_fraction=0, **({"encode": "one-hot"} if len(x) == 3 else {}))
        figure = figures.samples.from_dataset(data)
        assert render(figure, "svg").startswith(b"<?xml")

    def test_regressions(self, regression: modnet.Run) -> None:
        assert figures.samples.from_dataset(regression.data).axes[0].get_title() == "target: 60 samples"
        data = Dataset.from_arrays(TWO[:, :1], TWO.sum(axis=1), task="regression", test_fraction=0)
        (line,) = figures.samples.from_dataset(data).axes[0].lines
        np.testing.assert_allclose(line.get_ydata(), TWO.sum(axis=1))

    def test_most_are_as_many_as_the_text_shows_of_each_class_in_turn(self) -> None:
        data = modnet.load("mnist-small")
        mosaic, _ = figures.samples.from_dataset(data, most=23).axes
        shown = ~np.ma.getmaskarray(mosaic.images[0].get_array())
        filled = [bool(shown[29 * row, 29 * column]) for row in range(10) for column in range(3)]
        assert (sum(filled), filled[:9]) == (23, [True] * 9)
        assert len(figures.samples.from_dataset(data, most=0).axes) == 1
        moons = modnet.load("moons")
        first, second, *_ = figures.samples.from_dataset(moons, most=5).axes[0].lines
        assert (len(first.get_xdata()), len(second.get_xdata())) == (3, 2)

    def test_images_have_their_colors(self) -> None:
        x = np.zeros((4, 3, 5, 5))
        x[:, 0] = 1
        image = figures.samples.from_dataset(Dataset.from_arrays(x, [0, 1, 0, 1], test_fraction=0)).axes[0].images[0]
        np.testing.assert_allclose(np.asarray(image.get_array())[0, 0], (1, 0, 0, 1))

    def test_a_class_of_few_is_as_high_as_one_of_many(self) -> None:
        x = np.random.default_rng(0).normal(size=(1004, 3))
        data = Dataset.from_arrays(x, [0] * 1000 + [1] * 4, test_fraction=0)
        _, first, *_ = figures.samples.from_dataset(data).axes
        few = first.patches[-1].get_data().values
        assert few.sum() == pytest.approx(1)
        assert few.max() >= 0.25
        assert first.get_ylabel() == "share of each class"


class TestGradientCheck:
    def test_an_error_of_0_stands_at_0_apart_from_the_logarithmic_axis(self, check: GradientCheck) -> None:
        errors = figures.gradient_check.from_check(check).axes[0]
        places = {line.get_ydata()[0]: line.get_xdata()[0] for line in errors.lines if line.get_marker() == "o"}
        zero = next(tick for tick, label in zip(errors.get_xticks(), errors.get_xticklabels(), strict=True)
                    if label.get_text() == "0")  # fmt: skip
        assert [label.get_text() for label in errors.get_yticklabels()] == ["backpropagation", "spsa"]
        assert places[0] == zero < places[1]

    def test_equal_errors_and_costs_are_not_behind_each_other(self) -> None:
        rows = tuple(
            EstimatorRow(name=f"{i}", error=1e-3, errors=(1e-3,), evaluations=20, seconds=0.1) for i in range(4)
        )
        figure = figures.gradient_check.from_check(GradientCheck(verdicts=(), without=(), estimators=rows))
        for axes in figure.axes:
            places = [y for line in axes.lines if line.get_marker() == "o" for y in line.get_ydata()]
            assert sorted(places) == [0, 1, 2, 3]

    def test_one_without_an_estimate_says_why(self) -> None:
        rows = (EstimatorRow(name="mine", problem="it needs torch"),)
        errors, *_ = figures.gradient_check.from_check(GradientCheck(verdicts=(), without=(), estimators=rows)).axes
        assert [text.get_text() for text in errors.texts] == ["it needs torch"]


class TestContour:
    def test_a_path_begins_and_ends_at_its_points_inside_the_plane(self) -> None:
        axes = figures.contour.from_function(bowl, PATH).axes[0]
        np.testing.assert_array_equal(np.transpose(axes.lines[0].get_data()), PATH)
        assert axes.get_xlim()[0] < -7
        assert axes.get_ylim()[1] > 2
        assert axes.get_legend().get_texts()[0].get_text() == "descent: 2 steps from ○ to (-5, 0.5)"

    def test_several_paths_have_a_label_each(self) -> None:
        axes = figures.contour.from_function(bowl, {"sgd": PATH, "모멘텀": np.array(PATH) + 1}).axes[0]
        assert [text.get_text().partition(":")[0] for text in axes.get_legend().get_texts()] == ["sgd", "모멘텀"]

    @pytest.mark.parametrize(
        "f",
        [lambda _: 1.0, lambda _: np.nan, lambda x: np.log(x[0]), lambda x: 1 / x[0] ** 400],
        ids=["constant", "nowhere", "half", "infinite"],
    )
    def test_functions_that_are_constant_or_undefined_in_places(self, f: Any) -> None:
        assert render(figures.contour.from_function(f), "svg").startswith(b"<?xml")

    def test_a_path_that_diverged_is_refused_where_it_did(self) -> None:
        with pytest.raises(
            DataError, match=r"point 2 of the path is \[inf, 0.0\]: the descent diverged, draw path\[:2\]"
        ):
            figures.contour.from_function(bowl, [(0, 1), (1, 2), (np.inf, 0)])
        with pytest.raises(DataError, match=r"a path must be points of two numbers, \(N, 2\)"):
            figures.contour.from_function(bowl, [1, 2, 3])


class TestNetwork:
    def test_layers_have_their_sizes_and_arrays(self) -> None:
        axes = figures.network.from_network(modnet.TwoLayerNet(784, 50, 10)).axes[0]
        words = [text.get_text() for text in axes.texts if "\n" in text.get_text()]
        assert words == ["784\ninput", "50\ndense\nsigmoid\nW1 784×50\nb1 50", "10\ndense\nsoftmax\nW2 50×10\nb2 10"]
        assert axes.get_title().startswith("39,760 parameters")

    def test_a_line_has_the_color_of_its_weight(self) -> None:
        net = modnet.TwoLayerNet(1, 2, 2)
        net.params["W1"] = np.array([[2.0, -1.0]])
        lines = figures.network.from_network(net).axes[0].collections[1]
        red, blue = lines.get_colors()[:, [0, 2]]
        assert red[0] > red[1]
        assert blue[0] < blue[1]

    @pytest.mark.parametrize("sizes", [[1, 1], [3] * 12, [5] * 80])
    def test_small_and_deep_networks(self, sizes: list[int]) -> None:
        assert render(figures.network.from_network(modnet.Network(sizes)), "svg").startswith(b"<?xml")


def test_a_legend_is_below_the_curves_whatever_these_do() -> None:
    history = modnet.History([1.0] * 200, [50, 100], {"train_accuracy": [0.1, 0.1], "test_accuracy": [0.1, 0.1]})
    figure = figures.learning_curves.from_history(history)
    figure.draw_without_rendering()
    for axes in figure.axes:
        assert axes.get_legend().get_window_extent().y1 <= axes.get_window_extent().y0


def test_letters_that_the_first_font_lacks_are_of_an_installed_one() -> None:
    if not canvas._find_fallbacks():
        pytest.skip("no font with Hangul is installed")
    figure = figures.confusion_matrix.from_predictions(["사과", "배"], ["사과", "사과"])
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # a glyph that is missing is a warning
        figure.draw_without_rendering()


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_numbers_that_are_not_finite_are_refused(value: float) -> None:
    with pytest.raises(DataError):
        figures.residuals.from_predictions([1.0, value], [1.0, 2.0])
    with pytest.raises(DataError):
        figures.confusion_matrix.from_predictions([0, 1], [[0.5, value], [0.5, 0.5]])
    with pytest.raises(DataError):
        figures.mistakes.from_predictions(TWO[:2], [0, 1], [[0.5, value], [0.5, 0.5]])


@pytest.mark.parametrize(("size", "most"), [((4.8, 4.4), 15), ((3.0, 5.4), 16), ((7.0, 1.8), 5), ((2.2, 2.2), 9)])
def test_a_caption_of_an_image_covers_no_other_image(size: tuple[float, float], most: int) -> None:
    images, labels = np.random.default_rng(0).random((40, 1, 8, 8)), ["cat", "dog"] * 20
    scores = np.tile([0.9, 0.1], (40, 1))
    figure = Figure(figsize=size, layout="constrained")
    axes = figure.subplots()
    figures.mistakes.from_predictions(images, labels, scores, classes=["cat", "dog"], most=most, ax=axes)
    figure.draw_without_rendering()
    assert len(axes.texts) == len(axes.images) == most
    pictures = [image.get_window_extent() for image in axes.images]
    captions = [text.get_window_extent() for text in axes.texts]
    assert not [1 for text in captions for image in pictures if text.height > 1 and text.shrunk(1, 0.9).overlaps(image)]
    assert captions[0].y1 <= axes.title.get_window_extent().y0 + 1


def test_a_picture_of_some_of_the_weights_says_so(run: modnet.Run) -> None:
    def draw(sizes: tuple[int, ...]) -> str:
        title: str = figures.weights.from_estimator(modnet.Network(sizes, seed=0)).axes[0].get_title()
        return title.replace("\n", " ")

    assert draw((784, 50, 10)) == "W1: the weights of 50 units, the first 25"
    assert draw((784, 9, 10)) == "W1: the weights of 9 units"
    assert draw((70, 70, 2)) == "W1: the weights of 70 units, the first 60: the first 60 of 70 features"


def test_gradients_whose_squares_overflow_are_drawn() -> None:
    net = modnet.Network([2, 2], output="identity", loss="mean-squared-error", weight_init_std=1e180, seed=0)
    axes = figures.gradient_sizes.from_estimator(net, TWO[:4], np.eye(2)[[0, 1, 1, 0]]).axes[0]
    sizes = [line.get_xdata()[0] for line in axes.lines if line.get_marker() == "o" and len(line.get_xdata())]
    assert len(sizes) == 2
    assert np.isfinite(sizes).all()
    assert max(sizes) > 1e170


def test_a_network_sees_samples_that_were_divided_as_it_learned_them() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (60, 9), dtype=np.uint8)
    samples = modnet.Samples(pixels, THREE, scale=255)
    net = modnet.Network([9, 4, 3], weight_init_std=3.0, seed=0)
    right = round(60 * net.accuracy(samples.x, samples.t))
    assert right != round(60 * net.accuracy(samples.x * 255, samples.t))
    assert f"{right} of 60 right" in figures.confusion_matrix.from_estimator(net, samples).axes[0].get_title()
    assert figures.mistakes.from_estimator(net, samples).axes[0].get_title().startswith(f"{60 - right} mistakes")


def test_labels_and_scores_that_do_not_fit_are_refused_in_a_line() -> None:
    draw, scores = figures.confusion_matrix.from_predictions, np.eye(3)[[0, 2]]
    for call, words in (
        (lambda: draw([0, 1], scores, classes=["a", "b"]), "y has scores of 3 classes beside 2 classes"),
        (lambda: figures.mistakes.from_predictions(TWO[:2], [0, 1], scores, classes=["a", "b"]), "3 classes beside 2"),
        (lambda: draw([0, np.nan], [0, 1]), "t must be finite, and there is nan in row 1"),
        (lambda: draw([], []), "t and y are empty"),
    ):
        with pytest.raises(DataError) as caught:
            call()
        assert words in str(caught.value)
    assert draw([1.0, 2.0], [1, 2]).axes[0].get_title() == "2 of 2 right (100.0%)"  # as pandas has them


def test_careless_calls_end_in_a_line_that_does_not_blame_matplotlib(run: modnet.Run) -> None:
    net: Any = run.network
    for call, words in (
        (lambda: figures.learning_curves.from_run("runs/demo"), "of a run, not of str: give a run"),
        (lambda: figures.learning_curves.from_history(run), "give run.history"),
        (lambda: figures.several_runs.from_runs(run), r"give \[run\]"),
        (
            lambda: figures.activations.from_estimator(net, np.ones((3, 5))),
            "5 numbers in a row, and the network takes 2",
        ),
        (lambda: figures.weights.from_estimator(net, shape=(1, 5, 5)), r"image of shape \(1, 5, 5\) 25"),
        (lambda: figures.weights.from_estimator(net, most=0), "most: must be a whole number, 1 or more: 0"),
        (lambda: figures.mistakes.from_estimator(run, most=-1), "most: must be a whole number, 0 or more: -1"),
        (lambda: figures.contour.from_function(bowl, names=("a",)), "names must be those of the two numbers"),
        (lambda: figures.residuals.from_predictions([], []), "give as many, one at least"),
        (lambda: figures.weights.from_estimator(net, ax=[1, 2]), "ax: must be axes of Matplotlib, not list"),
    ):
        with pytest.raises((SettingError, DataError), match=words):
            call()  # type: ignore[no-untyped-call]


def test_points_that_are_left_out_are_said() -> None:
    rows = np.random.default_rng(0).normal(size=(2100, 2))
    data = Dataset.from_arrays(rows, rows[:, 0] > 0, test_fraction=0)
    figure = figures.decision_boundary.from_estimator(modnet.Network([2, 2]), data)
    assert figure.axes[0].get_title() == "the first 2,000 of 2,100 samples"
    assert figures.samples.from_dataset(data).get_suptitle() == "the first 2,000 of each part"
    title = figures.residuals.from_predictions(rows[:, 0], rows[:, 1]).axes[0].get_title()
    assert title.replace("\n", " ") == "predicted and true, 2,000 of 2,100 samples"


def test_a_curve_far_below_its_axes_is_cut_and_spoils_no_other() -> None:
    wild = modnet.History([1.0, 1e54], [1, 2], {"test_r2": [-5.0, -1e96]})
    figure = figures.several_runs.from_histories({"wild": [wild]}, "")
    figure.draw_without_rendering()  # it warned that there is no room
    assert all(line.get_clip_on() for line in figure.axes[1].lines)


def test_a_logarithmic_axis_has_its_numbers_however_long_it_is() -> None:
    for high in (50.0, 1e5, 1e200):
        axes = Figure().subplots()
        axes.plot([0, 1], [1.0, high])
        comparison._scale_curves(axes, "error")
        low, top = axes.get_ylim()
        assert len([tick for tick in axes.get_yticks() if low <= tick <= top]) >= 3


def test_pairs_that_are_left_out_are_said() -> None:
    scores = {f"m{i}": [0.1 * i, 0.1 * i + 0.01, 0.1 * i + 0.02] for i in range(8)}
    figure = figures.comparison.from_judgement(modnet.judge(scores, higher_is_better=True))
    assert figure.axes[1].get_title() == "differences, 95 % interval\n7 of 28 pairs: those of m7"


def test_points_of_a_regression_have_colors_of_their_own_beyond_all_predictions(regression: modnet.Run) -> None:
    targets = np.linspace(-50, 50, 60)
    image = figures.decision_boundary.from_estimator(regression, TWO, targets).axes[0].images[0]
    assert image.get_clim() == (-50, 50)


def test_losses_below_0_are_in_the_picture() -> None:
    history = modnet.History([-5.0, -7.0], [1, 2], {"train_accuracy": [0.1, 0.2], "test_accuracy": [0.1, 0.2]})
    for figure in (
        figures.learning_curves.from_history(history),
        figures.several_runs.from_histories({"a": [history]}, ""),
    ):
        low, high = figure.axes[0].get_ylim()
        assert low < -7 < -5 < high
