"""Summaries of a data set in one pass, compared with NumPy's."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from modnet_figures.contents import (
    Contents,
    choose_bin_edges,
    count_histograms,
    find_first_of_each,
    find_most_frequent,
    pick_varied,
)
from modnet_figures.images import resample

from modnet import Dataset, Samples
from modnet.cli.show.summary import MOST_VALUES, summarize
from modnet.data import samples

VALUES: dict[str, st.SearchStrategy[Any]] = {
    "uint8": st.integers(0, 255),
    "int32": st.integers(-(2**31), 2**31 - 1),
    "bool": st.booleans(),
    "float32": st.floats(-1e6, 1e6, width=32),
    ">f8": st.floats(-1e9, 1e9),
}


@st.composite
def datasets(draw: st.DrawFn) -> Dataset:
    dtype = draw(st.sampled_from(sorted(VALUES)))
    rows, columns = draw(st.integers(1, 30)), draw(st.integers(1, 25))
    x = draw(hnp.arrays(dtype, (rows, columns), elements=VALUES[dtype]))
    labels = draw(hnp.arrays(np.int64, rows, elements=st.integers(0, 3)))
    if draw(st.booleans()):
        cut = draw(st.integers(1, rows))
        return Dataset.from_arrays((x[:cut], labels[:cut]), (x[cut:], labels[cut:]))
    return Dataset.from_arrays((x, labels), test_fraction=draw(st.sampled_from([0, 0.4])))


@given(datasets())
@example(Dataset.from_arrays((np.full((3, 1), 0.1), [0, 0, 0]), test_fraction=0))
def test_it_says_what_numpy_says(data: Dataset) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(samples, "BLOCK", 60)  # several blocks
        summary = summarize(data)
    parts = [part.unscaled(slice(None)) for part in (data.train, data.test)]
    x = np.concatenate(parts).astype(np.float64)
    for found, expected in (
        (summary.minimum, x.min(axis=0)),
        (summary.maximum, x.max(axis=0)),
        (summary.counts["train"], [(data.train.t == i).sum() for i in range(len(data.classes))]),
        (summary.counts["test"], [(data.test.t == i).sum() for i in range(len(data.classes))]),
    ):
        np.testing.assert_array_equal(found, expected)
    size = np.abs(x).max() + 1e-300
    np.testing.assert_allclose(summary.mean, x.mean(axis=0), rtol=1e-12, atol=1e-12 * size)
    np.testing.assert_allclose(summary.deviation, x.std(axis=0), rtol=1e-6, atol=1e-8 * size)
    assert summary.whole_mean == pytest.approx(x.mean(), rel=1e-12, abs=1e-12 * size)
    assert summary.whole_deviation == pytest.approx(x.std(), rel=1e-6, abs=1e-8 * size)
    assert summary.constant == sum(len(np.unique(column)) == 1 for column in x.T)
    few = x.shape[1] <= 20
    assert summary.distinct == (tuple(len(np.unique(column)) for column in x.T) if few else ())
    assert summary.size == sum(part.nbytes for part in parts)


@given(datasets())
def test_repeated_samples_are_counted(data: Dataset) -> None:
    summary = summarize(data)
    train, test = (
        [row.tobytes() for row in part.unscaled(slice(None)).astype(data.train.table.dtype)]
        for part in (data.train, data.test)
    )
    assert summary.repeated == len(train) - len(set(train)) + len(test) - len(set(test))
    assert summary.shared == sum(row in set(train) for row in test)


def test_samples_are_compared_whatever_each_part_is_kept_as() -> None:
    train, test = np.array([[1, 2], [3, 4]], np.uint8), np.array([[3.0, 4.0], [0.5, 1.0]])
    assert summarize(Dataset.from_arrays((train, [0, 1]), (test, [0, 1]))).shared == 1


def test_too_many_samples_are_not_compared() -> None:
    data = Dataset.from_arrays((np.zeros((200_001, 1), np.uint8), np.zeros(200_001, int)), test_fraction=0)
    assert summarize(data).repeated is None


def test_a_small_spread_about_a_large_mean_is_not_lost() -> None:
    x = 1e9 + np.arange(100_000.0)[:, None] % 3
    summary = summarize(Dataset.from_arrays((x, np.zeros(len(x), int)), test_fraction=0))
    assert summary.deviation[0] == pytest.approx(x.std(), rel=1e-9)


def test_numbers_whose_squares_are_too_large_have_no_deviation_and_no_warning() -> None:
    summary = summarize(Dataset.from_arrays(([[1e200], [-1e200]], [0, 1]), test_fraction=0))
    assert summary.maximum[0] == 1e200
    assert not np.isfinite(summary.deviation[0])


def test_different_values_are_counted_up_to_a_thousand() -> None:
    x = np.stack([np.arange(3000) % MOST_VALUES, np.arange(3000) % (MOST_VALUES + 1)], axis=1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(samples, "BLOCK", 500)
        assert summarize(Dataset.from_arrays((x, x[:, 0] % 2), test_fraction=0)).distinct == (MOST_VALUES, None)


def test_a_part_without_a_sample_does_no_harm() -> None:
    none = Samples(np.empty((0, 16)), np.empty(0, np.int64))
    summary = summarize(Dataset(none, none, ("a",)))
    assert summary.counts["train"].tolist() == summary.counts["test"].tolist() == [0]
    assert np.isnan(summary.minimum).all()


PIXELS = np.random.default_rng(0).integers(0, 256, (40, 64))
PIXELS[::3] = 0


@pytest.mark.parametrize(
    ("x", "names", "side"),
    [
        (PIXELS, (), 8),
        (PIXELS[:, :16], tuple(f"pixel{i}" for i in range(16)), 4),
        (PIXELS[:, :16] / 255 - 0.5, (), 4),
        (PIXELS[1:2], (), 8),  # one image, evidently pixels
        (PIXELS[:, :15], (), None),
        (PIXELS[:, :9], (), None),
        (PIXELS[:, :16], ("width", "height", *(f"x{i}" for i in range(14))), None),
        (PIXELS[:, :16] * np.arange(1, 17) + np.arange(16) * 1000, (), None),
    ],
)
def test_images_are_square_and_their_features_alike(x: Any, names: tuple[str, ...], side: int | None) -> None:
    data = Dataset.from_arrays((x, np.arange(len(x)) % 2), test_fraction=0)
    assert summarize(attrs.evolve(data, feature_names=names)).side == side


@given(hnp.arrays(np.int64, st.integers(0, 60), elements=st.integers(0, 6)), st.integers(0, 70))
def test_samples_of_each_class_in_turn(t: Any, count: int) -> None:
    each = find_first_of_each(t, 7, count)
    assert [indices.tolist() for indices in each] == [np.flatnonzero(t == i)[:count].tolist() for i in range(7)]
    chosen = pick_varied(t, 7, count)
    assert len(chosen) == len(set(chosen.tolist())) == min(count, len(t))
    turns = [int((t[:i] == t[i]).sum()) for i in chosen]  # how many of its class came before
    order = list(zip(turns, t[chosen].tolist(), strict=True))
    assert order == sorted(order)


@given(hnp.arrays(np.int64, st.integers(1, 40), elements=st.integers(0, 5)), st.integers(1, 10))
def test_the_most_frequent_classes(counts: Any, most: int) -> None:
    shown = find_most_frequent(counts, most)
    assert len(shown) == min(most, len(counts))
    if len(counts) <= most:
        assert shown.tolist() == sorted(shown)
    else:
        assert sorted(counts[shown], reverse=True) == counts[shown].tolist()
        assert counts[shown].min() >= np.delete(counts, shown).max()


@given(datasets())
def test_histograms_hold_each_sample_once_in_the_bin_of_its_value(data: Dataset) -> None:
    contents = Contents.from_dataset(data)
    features = list(range(min(3, data.features)))
    edges = [choose_bin_edges(contents, j) for j in features]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(samples, "BLOCK", 60)
        found = count_histograms(data, features, edges)
    x = np.concatenate([part.unscaled(slice(None)) for part in (data.train, data.test)]).astype(np.float64)
    t = np.concatenate([data.train.t, data.test.t])
    for j, some, counts in zip(features, edges, found, strict=True):
        assert some[0] <= x[:, j].min()
        assert x[:, j].max() <= some[-1]
        for i, count in enumerate(counts):
            inside = x[t == i, j]
            bins = np.clip(np.searchsorted(some, inside, side="right") - 1, 0, len(count) - 1)
            assert count.tolist() == np.bincount(bins, minlength=len(count)).tolist()


@pytest.mark.parametrize(
    ("column", "edges"),
    [
        ([2, 3, 5], [1.5, 2.5, 3.5, 4.5, 5.5]),
        ([7, 7], [3.5, 10.5]),
        ([0.1, 0.1], [-0.4, 0.6]),
        ([0.0, 1.5], np.linspace(0, 1.5, 6)),
        (range(1000), np.linspace(0, 999, 24)),
    ],
)
def test_few_whole_numbers_get_a_bin_each(column: Any, edges: Any) -> None:
    x = np.array(column, float)[:, None]
    contents = Contents.from_dataset(Dataset.from_arrays((x, np.zeros(len(x), int)), test_fraction=0))
    np.testing.assert_allclose(choose_bin_edges(contents, 0), edges)


@given(
    hnp.arrays(np.float64, st.tuples(st.integers(1, 12), st.integers(1, 12)), elements=st.floats(0, 1)),
    st.integers(1, 30),
    st.integers(1, 30),
)
def test_an_image_of_another_size_is_as_bright(image: Any, height: int, width: int) -> None:
    other = resample(image, height, width)
    assert other.shape == (height, width)
    assert other.mean() == pytest.approx(image.mean(), abs=1e-12)
    assert image.min() - 1e-12 <= other.min() <= other.max() <= image.max() + 1e-12


def test_an_image_enlarged_by_a_whole_factor_has_its_pixels_repeated() -> None:
    image = np.arange(6.0).reshape(2, 3)
    np.testing.assert_allclose(resample(image, 4, 9), image.repeat(2, axis=0).repeat(3, axis=1))
    np.testing.assert_allclose(resample(image, 2, 3), image)


MEMORY = """
import numpy as np
from modnet import Dataset
from modnet.cli.show.summary import summarize
from modnet_figures.contents import Contents, choose_bin_edges, count_histograms
x = np.load("large.npy", mmap_mode="r")
data = Dataset.from_arrays((x, np.zeros(len(x), np.int64)), test_fraction=0)
summary = summarize(data)
assert summary.minimum.max() == summary.maximum.max() == 0
assert count_histograms(data, [0], [choose_bin_edges(Contents.from_dataset(data), 0)])[0].sum() == len(x)
print(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="a process tells its memory in /proc on Linux only")
def test_a_mapped_file_need_not_fit_into_memory(tmp_path: Path) -> None:
    large = np.lib.format.open_memmap(tmp_path / "large.npy", "w+", np.float32, (90_000, 784))  # 282 MB, all holes
    del large
    done = subprocess.run(
        [sys.executable, "-c", MEMORY], cwd=tmp_path, capture_output=True, text=True, timeout=120, env=os.environ
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 200_000, "kB"
