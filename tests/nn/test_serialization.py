"""Nested state: flattened and unflattened to the last bit."""

from __future__ import annotations

import dataclasses
import json
import math
from collections import OrderedDict
from types import MappingProxyType
from typing import Any, NamedTuple

import attrs
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays, scalar_dtypes

from modnet.nn.serialization import flatten, unflatten


class Pair(NamedTuple):
    first: Any
    second: Any


@attrs.frozen
class Frozen:
    mean: Any
    _steps: Any = attrs.field(default=0, converter=lambda steps: steps)
    derived: Any = attrs.field(init=False, default=7)


@dataclasses.dataclass(frozen=True, slots=True)
class Slotted:
    names: Any
    rest: Any = None


leaves = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.complex_numbers()
    | st.text()
    | arrays(scalar_dtypes(), array_shapes(min_dims=0, max_dims=3, max_side=3))
    | st.sampled_from([np.float32(0.1), np.int64(3), np.bool_(True), np.float64("nan"), np.str_("a")])
)
nests = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner)
        | st.tuples(inner, inner)
        | st.dictionaries(st.text() | st.integers(), inner)
        | st.dictionaries(st.text(), inner).map(OrderedDict)
        | st.dictionaries(st.text(), inner).map(MappingProxyType)
        | st.builds(Pair, inner, inner)
        | st.builds(Frozen, inner, inner)
        | st.builds(Slotted, inner, inner)
    ),
    max_leaves=10,
)


def through_json(value: Any, like: Any) -> Any:
    parts: list[Any] = []
    node = json.loads(json.dumps(flatten(value, like, parts)))
    return unflatten(node, like, [part.copy() for part in parts])


def assert_alike(found: Any, expected: Any) -> None:
    assert type(found) is type(expected)
    if isinstance(expected, (np.ndarray, np.generic)):
        assert (found.dtype, found.shape, found.tobytes()) == (expected.dtype, expected.shape, expected.tobytes())
    elif isinstance(expected, (dict, MappingProxyType)):
        assert list(found) == list(expected)
        for key, value in expected.items():
            assert_alike(found[key], value)
    elif isinstance(expected, (list, tuple)):
        assert len(found) == len(expected)
        for one, other in zip(found, expected, strict=True):
            assert_alike(one, other)
    elif isinstance(expected, (Frozen, Slotted)):
        for field in ("mean", "_steps", "derived") if isinstance(expected, Frozen) else ("names", "rest"):
            assert_alike(getattr(found, field), getattr(expected, field))
    elif isinstance(expected, complex):
        assert_alike([found.real, found.imag], [expected.real, expected.imag])
    elif isinstance(expected, float):
        assert (math.isnan(found) and math.isnan(expected)) or found.hex() == expected.hex()
    else:
        assert found == expected


@given(nests)
def test_everything_comes_back_to_the_last_bit(value: Any) -> None:
    assert_alike(through_json(value, value), value)


def test_without_classes_the_structure_may_change() -> None:
    value = {"gradients": [np.ones(2), np.zeros(2)], "best": None, "late": (1, {"a": 2.5})}
    assert_alike(through_json(value, {}), value)


def test_a_list_of_records_may_grow() -> None:
    value = {"pairs": [Pair(1, 2.0), Pair(3, 4.0)]}
    assert_alike(through_json(value, {"pairs": [Pair(0, 0.0)]}), value)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ({"seen": {1, 2}}, r"set at state\['seen'\]"),
        ({"a": [1, (2, object())]}, r"object at state\['a'\]\[1\]\[1\]"),
        ({"a": Frozen(mean=print)}, r"builtin_function_or_method at state\['a'\]\.mean"),
        ({"a": np.array([None])}, r"ndarray at state\['a'\]"),
        ({"a": np.ma.masked_array([1.0])}, r"MaskedArray at state\['a'\]"),
        ({(1, 2): 0}, r"the key \(1, 2\) at state, not text or a whole number"),
        (np.random.default_rng(0), "Generator at state"),
        (Pair, "type at state"),
    ],
)
def test_what_cannot_be_is_named_with_its_place(value: Any, words: str) -> None:
    with pytest.raises(TypeError, match=words):
        flatten(value, value, [], "state")


def test_a_class_that_was_not_there_at_first_is_refused_when_it_is_written() -> None:
    with pytest.raises(TypeError, match=r"Pair at state\['a'\], where NoneType was at first"):
        flatten({"a": Pair(1, 2)}, {"a": None}, [], "state")


def test_fields_of_another_class_are_refused_when_they_are_read() -> None:
    parts: list[Any] = []
    node = flatten({"a": Pair(1, 2)}, {"a": Pair(0, 0)}, parts)
    with pytest.raises(ValueError, match="expected the fields first, second, found Slotted"):
        unflatten(node, {"a": Slotted(1)}, parts)
