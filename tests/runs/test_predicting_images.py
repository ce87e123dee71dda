"""Predictions of images from files, by a network that has a shape of samples."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import modnet

IMAGES = np.random.default_rng(0).random((20, 3, 4, 4))


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a run on images of three channels."""
    layers = [modnet.layer("convolution", filters=2, size=3), "flatten", modnet.layer("dense", units=2), "softmax"]
    found = modnet.train(
        modnet.Network(layers, shape=(3, 4, 4), weight_init="he"),
        modnet.Dataset.from_arrays((IMAGES, np.arange(20) % 2)),
        iterations=2,
    )
    folder = tmp_path_factory.mktemp("runs") / "images"
    found.save(folder)
    return folder


@pytest.mark.parametrize("suffix", ["npy", "npz"])
def test_images_that_are_laid_out_otherwise_are_refused(run: Path, suffix: str, tmp_path: Path, call) -> None:
    """They have as many numbers, so that nothing would show but other answers."""
    images = np.moveaxis(IMAGES, 1, -1)
    np.save(tmp_path / "x.npy", images)
    np.savez(tmp_path / "x.npz", x=images)
    done = call("predict", str(run), f"x.{suffix}", cwd=tmp_path)
    expected = f"modnet: x.{suffix}: samples of shape (4, 4, 3), expected (3, 4, 4), or rows\n"
    assert (done.returncode, done.stdout, done.stderr) == (1, "", expected)


def test_images_and_rows_of_them_have_the_same_predictions(run: Path, tmp_path: Path, call) -> None:
    rows = IMAGES.reshape(20, -1)
    np.save(tmp_path / "images.npy", IMAGES)
    np.save(tmp_path / "rows.npy", rows)
    np.savetxt(tmp_path / "rows.csv", rows, delimiter=",", header=",".join(f"p{i}" for i in range(48)), comments="")
    answers = {call("predict", str(run), name, cwd=tmp_path).stdout for name in ("images.npy", "rows.npy", "rows.csv")}
    assert len(answers) == 1
    assert answers != {""}
