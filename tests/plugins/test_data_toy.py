"""Toy data sets."""

import numpy as np
import pytest
from sklearn import datasets

import modnet

GENERATED = ["circles", "moons", "spiral", "xor"]


@pytest.mark.parametrize("name", GENERATED)
def test_settings_fix_the_points_whole(name):
    one, again = modnet.load(name, samples=90), modnet.load(name, samples=90)
    np.testing.assert_array_equal(one.train.unscaled(slice(None)), again.train.unscaled(slice(None)))
    other = modnet.load(name, samples=90, seed=1)
    assert (one.train.x != other.train.x).all()
    counts = np.bincount(np.concatenate([one.train.t, one.test.t]))
    assert len(one.train) + len(one.test) == counts.sum() == 90
    assert counts.max() - counts.min() <= 1
    assert one.feature_names == ("x1", "x2")


@pytest.mark.parametrize("name", GENERATED)
def test_noise_moves_points_about_their_places(name):
    exact, noisy = modnet.load(name, noise=0), modnet.load(name, noise=0.25)
    moved = noisy.train.unscaled(slice(None)) - exact.train.unscaled(slice(None))
    assert moved.mean() == pytest.approx(0, abs=0.03)
    assert moved.std() == pytest.approx(0.25, abs=0.02)


def points(name: str) -> tuple[np.ndarray, np.ndarray]:
    data = modnet.load(name, noise=0, test_fraction=0)
    return data.train.unscaled(slice(None)), data.train.t


def test_circles_have_the_radius_of_their_class():
    x, t = points("circles")
    np.testing.assert_allclose(np.hypot(*x.T), np.where(t == 0, 1, 0.5))


def test_moons_are_those_of_scikit_learn():
    x, t = points("moons")
    np.testing.assert_allclose(np.hypot(*x[t == 0].T), 1)
    np.testing.assert_allclose(np.hypot(*(x[t == 1] - [1, 0.5]).T), 1)
    theirs, labels = datasets.make_moons(1000)
    for label in (0, 1):
        for end in (np.min, np.max):
            np.testing.assert_allclose(end(x[t == label], axis=0), end(theirs[labels == label], axis=0), atol=0.01)


def test_spiral_arms_are_one_arm_turned():
    x, t = points("spiral")
    radius, angle = np.hypot(*x.T), np.arctan2(*x.T)
    turned = (angle - 4 * radius - 2 * np.pi * t / 3) / (2 * np.pi)
    np.testing.assert_allclose(turned, np.round(turned), atol=1e-9)


def test_xor_is_a_truth_table():
    x, t = points("xor")
    np.testing.assert_array_equal(t, x[:, 0] != x[:, 1])
    assert len(np.unique(x, axis=0)) == 4


@pytest.mark.parametrize(("name", "load"), [("iris", datasets.load_iris), ("wine", datasets.load_wine)])
def test_textbook_sets_are_those_of_scikit_learn(name, load):
    theirs, data = load(), modnet.load(name, test_fraction=0)
    np.testing.assert_array_equal(data.train.unscaled(slice(None)), theirs.data)
    np.testing.assert_array_equal(data.train.t, theirs.target)
    assert data.features == len(data.feature_names)


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"samples": 3}, "'samples' must be >= 10"),
        ({"noise": -1}, "'noise' must be a number >= 0"),
        ({"nois": 0}, "nois"),
    ],
)
def test_settings_that_cannot_be(settings, problem):
    with pytest.raises(modnet.SettingError, match=problem):
        modnet.load("moons", **settings)
