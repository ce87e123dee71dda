"""The curves of several runs in one picture, and the command that draws them."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner
from modnet_figures.figures import render
from modnet_figures.figures.several_runs import from_histories

import modnet
from modnet import History, SettingError
from modnet.cli.main import modnet_command
from modnet.cli.plot import label_runs


def make_history(accuracy: float, angle: float | None = None, ends: int = 200) -> History:
    loss, places = [2.3 / (1 + i / 20) for i in range(ends)], list(range(50, ends + 1, 50))
    columns = {"train_accuracy": [accuracy] * len(places), "test_accuracy": [accuracy - 0.1] * len(places)}
    if angle is not None:
        columns |= {"gradient_angle": [angle, angle, float("nan"), angle][: len(places)]}
        columns |= {"gradient_variance": [angle * angle] * len(places), "gradient_evaluations": [20.0] * len(places)}
    return History(loss, places, columns)


class TestPicture:
    def test_each_group_has_a_line_in_each_plot_with_the_mean_and_range_of_its_runs(self) -> None:
        groups = {"near": [make_history(0.9, 1.0)], "spsa": [make_history(0.5, 80.0), make_history(0.7, 84.0, 150)]}
        figure = from_histories(groups, "a title", [modnet.metric("accuracy")])
        loss, accuracy, angle, variance = figure.axes
        assert [axes.get_title() for axes in figure.axes] == [
            "loss of each mini-batch",
            "test accuracy",
            "gradient angle",
            "gradient variance",
        ]
        assert [len(axes.lines) for axes in figure.axes] == [2, 2, 3, 2]
        mean = accuracy.lines[1]
        assert list(mean.get_xdata()) == [50, 100, 150]  # what all runs of the group have
        assert list(mean.get_ydata()) == pytest.approx([0.5] * 3)
        assert list(angle.lines[1].get_xdata()) == [50, 100]  # where it is known
        assert (angle.get_ylabel(), variance.get_yscale(), angle.get_yscale()) == ("degrees", "symlog", "linear")
        assert [len(axes.collections) for axes in figure.axes] == [1, 1, 1, 1]
        (legend,) = figure.legends
        assert [text.get_text() for text in legend.get_texts()] == ["near (20 evaluations)", "spsa (20 evaluations)"]
        assert loss.lines[0].get_xdata()[0] == 3

    def test_a_run_that_lacks_a_column_has_no_line_of_it(self) -> None:
        _, _, angle, _ = from_histories({"a": [make_history(0.9)], "b": [make_history(0.5, 80.0)]}, "").axes
        assert [len(line.get_xdata()) for line in angle.lines] == [0, 3, 2]

    def test_many_groups_runs_without_iterations_and_odd_names_can_be_drawn(self) -> None:
        groups = {rf"$\\frac{i}$": [make_history(0.5)] for i in range(30)}
        assert render(from_histories({**groups, "none": [History()]}, ""), "png").startswith(b"\x89PNG")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a comparison of two estimators."""
    folder = tmp_path_factory.mktemp("lab")
    options = "--gradient backpropagation,spsa --seeds 2 --hidden 2 --iterations 3 --callback gradient-quality"
    arguments = ["compare", *options.split(), "--data", "iris", "--out", str(folder / "both")]
    CliRunner().invoke(modnet_command, arguments, catch_exceptions=False)
    return folder


class TestCommand:
    def plot(self, *arguments: object) -> None:
        CliRunner().invoke(modnet_command, ["plot", *map(str, arguments)], catch_exceptions=False)

    def test_a_comparison_and_chosen_runs_are_drawn(self, folder: Path) -> None:
        both, picture = folder / "both", folder / "picture.svg"
        self.plot(both, "--out", picture)
        first = picture.read_bytes()
        self.plot(both / "gradient-spsa/seed-0", both / "gradient-backpropagation/seed-1", "--out", picture)
        assert picture.read_bytes() != first

    def test_one_run_of_a_comparison_is_drawn_into_its_folder(self, folder: Path) -> None:
        alone = folder / "alone"
        shutil.copytree(folder / "both/gradient-spsa/seed-0", alone / "gradient-spsa/seed-0")
        (alone / "comparison.toml").touch()
        self.plot(alone)
        assert (alone / "gradient-spsa/seed-0/curves.png").is_file()

    def test_labels_are_what_tells_the_runs_apart(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.chdir(tmp_path)
        runs = [Path("lab/lr-0.1/seed-0"), tmp_path / "lab/lr-0.1/seed-1", Path("lab/lr-0.5/seed-0")]
        assert label_runs(runs) == ["lr-0.1", "lr-0.1", "lr-0.5"]
        assert label_runs([Path("first"), Path("more/second")]) == ["first", "more/second"]

    def test_labels_of_a_comparison_are_its_settings_in_words(self, tmp_path: Path) -> None:
        (tmp_path / "lab").mkdir()
        grid = '[compare.grid]\noptimizer = ["sgd", {name = "adam", lr = 0.1}]\nhidden = [[20, 10]]\n'
        (tmp_path / "lab/comparison.toml").write_text(grid, encoding="utf-8")
        runs = [
            tmp_path / "lab/optimizer-sgd,hidden-20-10/seed-0",
            tmp_path / "lab/optimizer-adam-lr-0.1-,hidden-20-10",
        ]
        assert label_runs([*runs, tmp_path / "lab/other/seed-0"]) == [
            "optimizer sgd, hidden 20-10", "optimizer adam(lr=0.1), hidden 20-10", "other",
        ]  # fmt: skip
        assert label_runs([runs[0], tmp_path / "alone"]) == ["lab/optimizer sgd, hidden 20-10", "alone"]
        (tmp_path / "lab/comparison.toml").write_text("compare = 3", encoding="utf-8")
        assert label_runs(runs) == ["optimizer-sgd,hidden-20-10", "optimizer-adam-lr-0.1-,hidden-20-10"]

    def test_several_runs_need_a_file(self, folder: Path) -> None:
        with pytest.raises(SettingError, match=r"^--out: 4 runs are drawn in one picture: name its file by --out$"):
            self.plot(folder / "both")

    def test_a_comparison_without_runs(self, tmp_path: Path) -> None:
        (tmp_path / "comparison.toml").touch()
        with pytest.raises(SettingError, match="no run of this comparison has been trained: call `modnet compare`"):
            self.plot(tmp_path, "--out", "p.png")
