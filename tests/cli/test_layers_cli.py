"""Networks of layers on the command line."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

FILE = """
[network]
layers = [
    { name = "convolution", filters = 2, size = 5, stride = 4 },
    { name = "relu" },
    { name = "flatten" },
    { name = "dense", units = 10 },
    { name = "softmax" },
]

[gradient]
name = "backpropagation"

[training]
iterations = 2
batch_size = 5
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "net.toml"
    path.write_text(FILE)
    return path


def test_a_file_with_layers_is_trained_plotted_and_predicts(file: Path, call) -> None:
    assert (done := call("train", file.name, "--out", "run", cwd=file.parent)).returncode == 0, done.stderr
    assert "network   1x28x28 -> convolution(filters=2, size=5, stride=4) -> relu -> flatten\n" in done.stdout
    assert "          -> dense(units=10) -> softmax; cross-entropy; 782 parameters\n" in done.stdout
    assert max(map(len, done.stdout.splitlines()[2:6])) <= 80
    for command in (["plot", "run"], ["verify", "run"], ["predict", "run", "digits.csv"]):
        (file.parent / "digits.csv").write_text("\n".join([",".join(["7"] * 784)] * 3) + "\n")
        assert (done := call(*command, cwd=file.parent)).returncode == 0, (command, done.stdout, done.stderr)
    again = ["train", "run/experiment.toml", "--iterations", "3", "--out", "again"]
    assert (done := call(*again, cwd=file.parent)).returncode == 0, done.stderr
    assert (done := call("resume", "again", "--iterations", "4", cwd=file.parent)).returncode == 0, done.stderr


def test_single_settings_of_layers_are_set(file: Path, call) -> None:
    change = ["--set", "network.layers.0.filters=3", "--set", "network.layers.1=tanh"]
    assert (done := call("train", file.name, *change, "--out", "run", cwd=file.parent)).returncode == 0, done.stderr
    layers = tomllib.loads((file.parent / "run/experiment.toml").read_text())["network"]["layers"]
    assert [layers[0]["filters"], layers[1]["name"]] == [3, "tanh"]


def test_a_dry_run_shows_the_layers(file: Path, call) -> None:
    done = call("train", file.name, "--dry-run", cwd=file.parent)
    assert done.returncode == 0, done.stderr
    row = next(line for line in done.stdout.splitlines() if line.startswith("4  dense"))
    assert row.split() == ["4", "dense(units=10)", "10", "W2", "72x10,", "b2", "10", "730"]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--hidden", "5"], "network: 'layers' stand in place of 'hidden': leave one of the two out"),
        (["--activation", "relu"], "network: 'layers' stand in place of 'activation'"),
        (["--set", "network.layers.2=relu"], "layer 4 (dense) expects samples of shape (inputs,)"),
        (["--set", "network.layers.9.units=3"], "network: 'layers' must be a list of tables"),
        (["--set", "network.layers.3.units=3"], "layer 5 (softmax) has 3 outputs, the data has 10 classes"),
        (["--set", "network.layers.0.padding=sme"], "'padding' must be \"same\", a whole number >= 0"),
        (["--set", "network.layers.3.units=99999999999999999999"], "out of memory"),
        (["--data", "iris"], "layer 1 (convolution) expects"),
        (["--set", "data.shape=[28, 28]"], "unknown setting 'shape'"),
    ],
)
def test_mistakes_have_a_line_or_two(file: Path, call, options: list[str], expected: str) -> None:
    done = call("train", file.name, *options, "--out", "run", cwd=file.parent)
    assert done.returncode != 0
    assert expected in done.stderr
    assert len(done.stderr.strip().splitlines()) <= 2
    assert not (file.parent / "run").exists()


def test_a_table_of_pictures_is_given_its_shape(tmp_path: Path, call) -> None:
    rows = [",".join([*(str((i * 37 + j * 11) % 256) for j in range(784)), str(i % 10)]) for i in range(40)]
    header = ",".join([*(f"p{j}" for j in range(784)), "label"])
    (tmp_path / "t.csv").write_text("\n".join([header, *rows]) + "\n")
    (tmp_path / "net.toml").write_text(FILE)
    command = ["train", "net.toml", "--data", "t.csv", "--out", "run"]
    done = call(*command, "--set", "data.shape=[1, 28, 28]", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    found = tomllib.loads((tmp_path / "run/experiment.toml").read_text())
    assert found["data"]["shape"] == found["network"]["shape"] == [1, 28, 28]
    done = call(*command, "--set", "data.shape=[1, 28, 27]", "--overwrite", cwd=tmp_path)
    assert "'shape' (1, 28, 27) takes 756 features, a sample has 784" in done.stderr
