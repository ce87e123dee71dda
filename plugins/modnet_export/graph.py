"""Graphs of ONNX in the making: nodes, and constant arrays."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256
from typing import Any

import attrs
import numpy as np
import onnx
from onnx import helper, numpy_helper

from modnet import Array


@attrs.frozen(eq=False)
class Node:
    """An array of a graph: its name, and what it is for the samples that the graph is made along with."""

    name: str
    sample: Array

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return self.sample.ndim


class Graph:
    """Nodes and constant arrays; `taken` are the names of the inputs and outputs.

    >>> graph = Graph(["x", "y"])
    >>> graph.add("Mul", "x", graph.constant(np.array(2.0), "two"), output="y")
    'y'
    >>> [(node.op_type, [*node.input]) for node in graph.nodes]
    [('Mul', ['x', 'two'])]
    """

    def __init__(self, taken: Iterable[str] = ()) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: dict[str, onnx.TensorProto] = {}
        self._known: dict[tuple[Any, ...], str] = {}
        self._taken = {*taken}

    def take_name(self, wanted: str) -> str:
        """Return a name that nothing has, and take it."""
        name, count = wanted, 1
        while name in self._taken:
            count += 1
            name = f"{wanted}_{count}"
        self._taken.add(name)
        return name

    def add(
        self, operator: str, *inputs: str, output: str = "", name: str = "", unused: int = 0, **attributes: Any
    ) -> str:
        """Add a node, and return the name of its output, which may be given; behind it are some that are not used."""
        output = output or self.take_name(operator.lower())
        others = [self.take_name("unused") for _ in range(unused)]
        domain = "ai.onnx.ml" if operator == "LabelEncoder" else ""
        self.nodes.append(
            helper.make_node(operator, inputs, [output, *others], name or output, domain=domain, **attributes)
        )
        return output

    def constant(self, value: Any, name: str = "constant") -> str:
        """Return the name of a constant array; the same one is there once."""
        array = np.asarray(value)
        array = array.astype(object) if array.dtype.kind == "U" else array
        content = tuple(array.flat) if array.dtype == object else sha256(array.tobytes()).digest()
        key = (array.dtype.str, array.shape, content)
        if key not in self._known:
            self._known[key] = self.take_name(name)
            tensor = numpy_helper.from_array(np.array(array, order="C"), self._known[key])
            self.constants[self._known[key]] = tensor
        return self._known[key]

    def integers(self, *values: int) -> str:
        """Return the name of a constant array of whole numbers, such as axes or a shape."""
        return self.constant(np.array(values, np.int64))

    def cast(self, name: str, dtype: Any) -> str:
        """Return the name of an array in another dtype."""
        return self.add("Cast", name, to=find_type(np.dtype(dtype)))


def find_type(dtype: np.dtype[Any]) -> int:
    """Return ONNX's number of a dtype; objects are words."""
    return int(onnx.TensorProto.STRING if dtype.kind == "O" else helper.np_dtype_to_tensor_dtype(dtype))
