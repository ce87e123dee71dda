"""Failed probes as short programs that run without this kit."""

from __future__ import annotations

import ast
import builtins
import inspect
import re
import sys
import textwrap
from collections.abc import Callable, Iterable, Mapping
from pathlib import PurePath
from types import FunctionType, ModuleType
from typing import Any

import attrs
import numpy as np

from modnet.compose.adapters import ADAPTERS, adapt
from modnet.compose.settings import get_settings
from modnet.errors import ModnetError
from modnet.host.kinds import find_kinds

KIT = __name__.rpartition(".")[0]
GRADCHECK = f"{KIT}.gradcheck."  # is at hand wherever modnet is, as `modnet.check_gradient`
ADAPTED = {adapter: kind for kind, adapter in ADAPTERS.items()}


def example(probe: Callable[..., object], part: object, inputs: Mapping[str, Any], line: int = 0) -> str:
    """Return a program that fails as `probe(part, **inputs)` does; what is after its `line` is left away, if given."""
    writer = _Writer()
    name = writer.function(probe, line)
    arguments = [writer.literal(part), *(f"{key}={writer.literal(value)}" for key, value in inputs.items())]
    call = f"{name}({', '.join(arguments)})"
    return "\n".join([*_join_imports(writer.imports), *writer.definitions.values(), call])


def _join_imports(imports: Iterable[str]) -> list[str]:
    """Return import statements in order, what comes from one module in one of them."""
    lines: dict[str, list[str]] = {}
    for statement in sorted(imports):
        module, word, name = statement.partition(" import ")
        lines.setdefault(module + word, []).append(name)
    return [start + ", ".join(names) for start, names in lines.items()]


@attrs.define
class _Writer:
    """Collects what a program needs: its imports, and the functions and classes that it defines."""

    imports: set[str] = attrs.field(factory=set)
    definitions: dict[str, str] = attrs.field(factory=dict)

    def literal(self, value: Any) -> str:
        """Return an expression for a value."""
        if isinstance(value, np.ndarray):
            return self._array(value)
        if isinstance(value, ModuleType):
            self.imports.add(f"import {value.__name__}")
            return value.__name__
        if isinstance(value, np.generic):
            return repr(value.item())
        if type(value) in {dict, list, tuple}:
            return self._to_nested(value)
        if isinstance(value, float) and not np.isfinite(value):
            return f"float({str(value)!r})"
        if isinstance(value, PurePath):
            self.imports.add("from pathlib import Path")
            return f"Path({str(value)!r})"
        if type(value) in ADAPTED:
            self._import("adapt", adapt)
            return f"adapt({ADAPTED[type(value)]!r}, {self.literal(value.part)})"
        if (
            find_kinds(type(value))
            or getattr(type(value), "__repr__", None) is object.__repr__
            or attrs.has(type(value))
        ):
            return self._to_call(value)
        if callable(value) and hasattr(value, "__name__"):
            return self.function(value) if _is_kit(value) else self._import(value.__name__, value)
        return repr(value)

    def _to_nested(self, value: Any) -> str:
        if type(value) is dict:
            return "{" + ", ".join(f"{key!r}: {self.literal(item)}" for key, item in value.items()) + "}"
        inside = ", ".join(map(self.literal, value))
        return f"[{inside}]" if type(value) is list else f"({inside}{',' if len(value) == 1 else ''})"

    def function(self, function: Callable[..., object], line: int = 0) -> str:
        """Define a function of this kit, up to a `line` if that is given, and all that it uses; return its name."""
        name = str(function.__name__)
        if name not in self.definitions:
            self.definitions[name] = ""  # for the time being, as it may call itself
            tree = _plain(function)
            last = line - inspect.unwrap(function).__code__.co_firstlineno + 1 if line else sys.maxsize
            body = tree.body[1:] if ast.get_docstring(tree) else tree.body
            tree.body = [statement for statement in body if statement.lineno <= last]
            self._names(tree, function.__globals__)
            del self.definitions[name]  # below what it uses
            self.definitions[name] = ast.unparse(tree)
        return name

    def _names(self, tree: ast.AST, there: Mapping[str, Any]) -> None:
        """Provide the global names that a function uses."""
        names = [node for node in ast.walk(tree) if isinstance(node, ast.Name)]
        own = {node.id for node in names if isinstance(node.ctx, ast.Store)}
        own |= {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)}
        for name in dict.fromkeys(node.id for node in names):
            if name not in there or name in own or hasattr(builtins, name):
                continue
            value = there[name]
            if isinstance(value, ModuleType):
                whole = value.__name__ == name
                self.imports.add(f"import {name}" if whole else f"import {value.__name__} as {name}")
            elif _is_kit(value):
                self.function(value)
            elif hasattr(value, "__module__") and hasattr(value, "__name__"):
                self._import(name, value)
            else:
                self.definitions[name] = f"{name} = {self.literal(value)}"

    def _array(self, value: np.ndarray[Any, Any]) -> str:
        self.imports.add("import numpy as np")
        dtype = "" if value.dtype in {np.dtype(np.float64), np.dtype(np.int64)} else f", dtype={value.dtype.name!r}"
        numbers = re.sub(r"\b(nan|inf)\b", r"np.\1", repr(value.tolist()))
        return f"np.array({numbers}{dtype})" if value.size else f"np.empty({value.shape}{dtype})"

    def _to_call(self, value: Any) -> str:
        """Return the call that makes an object of its settings."""
        cls = type(value)
        try:
            settings = get_settings(value)
        except (ModnetError, ValueError, TypeError):
            settings = {}
        usual = {name: repr(parameter.default) for name, parameter in inspect.signature(cls).parameters.items()}
        unusual = {key: item for key, item in settings.items() if repr(item) != usual.get(key)}
        arguments = ", ".join(f"{key}={self.literal(item)}" for key, item in unusual.items())
        return f"{self._import(cls.__name__, cls)}({arguments})"

    def _import(self, name: str, value: Any) -> str:
        """Import a class or function; one that cannot be imported is defined as its source has it."""
        module, place = getattr(value, "__module__", None), str(getattr(value, "__qualname__", name))
        if module and module != "__main__" and "<" not in place:
            alias = f" as {name}" if name != place and "." not in place else ""
            self.imports.add(f"from {module} import {place.partition('.')[0]}{alias}")
            return name if alias else place
        if place not in self.definitions:
            self.definitions[place] = source = _source(name, value)
            self._names(ast.parse(source), vars(sys.modules[module]) if module in sys.modules else {})
        return name


def _is_kit(value: object) -> bool:
    """Say whether a value is a function of this kit, which a program without it has to define."""
    return (
        isinstance(value, FunctionType)
        and value.__module__.startswith(KIT)
        and not value.__module__.startswith(GRADCHECK)
    )


def _source(name: str, value: Any) -> str:
    try:
        return textwrap.dedent(inspect.getsource(value)).rstrip()
    except (OSError, TypeError):
        return f"# {name} is defined where no other program can import it"


def _plain(function: Callable[..., object]) -> ast.FunctionDef:
    """Return a function's definition without what only its readers and the type checker need."""
    tree = _Unannotated().visit(ast.parse(textwrap.dedent(inspect.getsource(function))).body[0])
    assert isinstance(tree, ast.FunctionDef)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            node.decorator_list, node.returns = [], None
            arguments = node.args
            for argument in [*arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg]:
                if argument:
                    argument.annotation = None
    return tree


class _Unannotated(ast.NodeTransformer):
    """Takes the types off assignments."""

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        """Return the plain assignment."""
        value = node.value or ast.Constant(None)
        return ast.copy_location(ast.Assign([node.target], value, lineno=node.lineno), node)
