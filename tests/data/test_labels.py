"""Labels that people can see and tell apart."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import modnet
from modnet import DataError, Dataset, find_unclear_labels


@pytest.mark.parametrize(
    "labels",
    [
        ["cat", "dog", "?", "a b", "New\nYork", "a\r\nb", "a\rc"],
        ["고양이", "강아지", "é", "水", "乐", "Ⅳ", "½"],
        ["می\u200cخواهم", "क्\u200dष", "ന്\u200d", "עברית"],
        ["👨\u200d👩\u200d👧", "❤\ufe0f", "1\ufe0f\u20e3"],
        ["e\u0301", "u\u0308"],
        ["\U000f0000", "\ue000"],
    ],
)
def test_labels_that_are_clear(labels):
    assert find_unclear_labels(labels) is None


@pytest.mark.parametrize(
    ("labels", "problem", "concerned"),
    [
        (["a", "\ufeffa"], "an invisible character (U+FEFF)", ("\ufeffa",)),
        (["a", "a\u2028b"], "an invisible character (U+2028)", ("a\u2028b",)),
        (["\U000e0041x"], "an invisible character (U+E0041)", ("\U000e0041x",)),
        (["a\0"], "a control character (U+0000)", ("a\0",)),
        (["\ud800"], "half a character (U+D800)", ("\ud800",)),
        (["\u200d"], "an invisible character (U+200D)", ("\u200d",)),
        (["é", "a", "e\u0301"], r"'\xe9' and 'e\u0301' look alike", ("é", "e\u0301")),
        (["cat", "cat "], "'cat' and 'cat ' look alike", ("cat", "cat ")),
        (["cat", ""], "'' is empty", ("",)),
        (["cat", " \u3000"], r"' \u3000' is empty", (" \u3000",)),
        (["x\u3000y", "x y"], r"'x\u3000y' and 'x y' look alike", ("x\u3000y", "x y")),
        (["x" * 99 + "é", "y", "x" * 99 + "e\u0301"], "...", ("x" * 99 + "é", "x" * 99 + "e\u0301")),
    ],
)
def test_labels_that_are_not(labels, problem, concerned):
    found = find_unclear_labels(labels)
    assert found is not None
    assert problem in found[0]
    assert found[0].isprintable()
    assert found[1] == concerned


@given(st.lists(st.text(max_size=5)))
def test_whatever_the_labels_are_their_problem_can_be_printed(labels):
    found = find_unclear_labels(labels)
    assert found is None or (found[0].isprintable() and set(found[1]) <= set(labels))


def test_arrays_of_labels_are_checked():
    with pytest.raises(DataError, match="look alike"):
        Dataset.from_arrays(([[1], [2]], ["é", "e\u0301"]), test_fraction=0)
    with pytest.raises(DataError, match="look alike"):
        Dataset.from_arrays(([[1]], ["é"]), ([[1]], ["e\u0301"]))
    with pytest.raises(DataError, match="an invisible character"):
        Dataset.from_arrays(([[1], [2]], ["a", "b"]), test_fraction=0, classes=["a", "b", "b\u200b"])


def test_files_of_arrays_are_checked(tmp_path):
    np.savez(tmp_path / "a.npz", x=[[1], [2]], t=["a", "b\x1b"])
    with pytest.raises(DataError, match=r"a\.npz: the label 'b\\x1b' has a control character"):
        modnet.load(tmp_path / "a.npz", test_fraction=0.0)
