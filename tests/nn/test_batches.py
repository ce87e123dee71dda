"""The samples of each mini-batch."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modnet import SettingError, Stream
from modnet.nn.batches import Batches

sizes = st.integers(1, 40)
samplings = st.sampled_from(["replacement", "shuffle"])


def batches(samples: int, size: int, sampling: str = "replacement", seed: int = 0) -> Batches:
    return Batches(samples, size, sampling, Stream(seed, ("batches",)))


@given(sizes, sizes, samplings, st.integers(0, 5000))
def test_a_batch_can_be_had_without_those_before_it(a: int, b: int, sampling: str, t: int) -> None:
    samples, size = max(a, b), min(a, b)
    straight, jumping = batches(samples, size, sampling), batches(samples, size, sampling)
    for earlier in range(max(0, t - 3), t):
        straight.draw(earlier)
    chosen = jumping.draw(t)
    assert np.array_equal(straight.draw(t), chosen)
    assert ((chosen >= 0) & (chosen < samples)).all()


@given(sizes, sizes, st.integers(0, 3))
def test_a_shuffled_epoch_takes_every_sample_once(a: int, b: int, epoch: int) -> None:
    samples, size = max(a, b), min(a, b)
    drawn = batches(samples, size, "shuffle")
    per_epoch = -(-samples // size)
    taken = np.concatenate([drawn.draw(t) for t in range(epoch * per_epoch, (epoch + 1) * per_epoch)])
    assert sorted(taken) == list(range(samples))


def test_epochs_are_shuffled_differently() -> None:
    drawn = batches(30, 30, "shuffle")
    assert not np.array_equal(drawn.draw(0), drawn.draw(1))


def test_drawing_with_replacement_repeats_samples() -> None:
    assert len(set(batches(10, 100).draw(0))) == 10


@given(sizes, sizes)
def test_with_replacement_an_epoch_ends_as_often_as_the_samples_were_drawn(samples: int, size: int) -> None:
    """The book's code asks for whole multiples of samples / size: at 128 out of 60,000 every fourth epoch only."""
    drawn = batches(samples, size)
    ends = [t for t in range(200) if drawn.ends_epoch(t)]
    expected = min(200 * size // samples, 200)
    assert len(ends) == expected
    assert batches(60_000, 128).ends_epoch(468)


def test_a_shuffled_epoch_ends_with_its_last_batch() -> None:
    drawn = batches(10, 4, "shuffle")
    assert [drawn.ends_epoch(t) for t in range(6)] == [False, False, True, False, False, True]


def test_another_seed_draws_other_batches() -> None:
    assert not np.array_equal(batches(100, 20, seed=0).draw(0), batches(100, 20, seed=1).draw(0))


def test_more_than_there_are_cannot_be_drawn_without_replacement() -> None:
    words = "'batch_size' must be <= the 10 training samples when they are shuffled: 11"
    with pytest.raises(SettingError, match=words):
        batches(10, 11, "shuffle")
