"""Write docs/reference.md from the docstrings and signatures: `python tools/make_reference.py`."""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from pathlib import Path
from typing import Any

import attrs
from modnet_optimizers import schedules

import modnet
import modnet.book
import modnet.sklearn
from modnet import types
from modnet.compose.plugins import get_host
from modnet.host.kinds import KINDS
from modnet.host.problems import HOOKS
from modnet.host.registry import BUILT_IN

REFERENCE = Path(__file__).parents[1] / "docs" / "reference.md"
INTRODUCTION = """\
# Reference

This page is written by `tools/make_reference.py` from the docstrings and signatures; `make reference` writes it
anew. In the examples, `np` is NumPy.
"""
HOOKIMPL = "Marks a module's function as the implementation of the hook that has its name: `@modnet.hookimpl`."


def reference() -> str:
    """Return the page."""
    registry = get_host().registry
    blocks = [INTRODUCTION, "## Built-in parts"]
    for kind in KINDS.values():
        blocks.append(f"### {kind.plural.capitalize()}")
        for component in registry.components(kind.name):
            if component.owner == BUILT_IN:
                blocks += [f"#### {component.name}", settings(component.cls), prose(component.cls)]
    blocks.append("## Public names")
    for name in sorted(modnet.__all__, key=str.lower):
        blocks += [f"### modnet.{name}", *public(name, getattr(modnet, name))]
    for module in (modnet.book, modnet.sklearn):
        for name in module.__all__:
            blocks += [f"### {module.__name__}.{name}", *public(name, getattr(module, name))]
    blocks.append("## Hooks")
    for hook in HOOKS.values():
        blocks += [f"### {hook.__name__}", code(f"{hook.__name__}{signature(hook)}"), prose(hook)]
    return "\n\n".join(block.strip() for block in blocks if block) + "\n"


def public(name: str, value: Any) -> list[str]:
    """Return the blocks about a public name."""
    if name == "hookimpl":
        return [HOOKIMPL]
    if name in (known := aliases()):
        return [code(f"{name} = {known[name]}")]
    if inspect.ismodule(value):
        listed = getattr(value, "__all__", ())
        named = listed if "." in name else dict.fromkeys([*listed, *vars(value)])
        found = [getattr(value, member) for member in named]
        own = tuple({value.__name__, *(f.__module__ for f in found if inspect.isfunction(f) and f.__name__ in listed)})
        functions = [f for f in found if inspect.isfunction(f) and f.__module__.startswith(own)]
        told = [(f"{name}.{f.__name__}{signature(f)}", f) for f in functions if not f.__name__.startswith("_")]
        inside = {member: getattr(value, member) for member in listed if inspect.ismodule(getattr(value, member))}
        return [
            prose(value),
            *(block for head, function in told for block in (code(head), prose(function))),
            *(block for member, module in inside.items() for block in public(f"{name}.{member}", module)),
        ]
    if not isinstance(value, type):
        return [code(f"{name}{signature(value)}"), prose(value)]
    public_bases = [base.__name__ for base in value.__bases__ if base in ancestors(value) or base is Exception]
    head = f"class {name}({', '.join(public_bases)})" if public_bases else f"class {name}"
    blocks = [code(head), prose(value)]
    if "__init__" in vars(value) and not inspect.isabstract(value) and not getattr(value, "_is_protocol", False):
        blocks.append(code(f"{name}{signature(value)}"))
    return [*blocks, *members(value)]


def ancestors(cls: type) -> list[type]:
    """Return the bases of a class that are public, or Python's exceptions."""
    public = [getattr(modnet, name) for name in modnet.__all__]
    return [base for base in cls.__mro__[1:] if base in public or base in {ValueError, KeyboardInterrupt}]


def members(cls: type) -> list[str]:
    """Return a list of a class's public attributes and methods, those of bases that are not public among them."""
    if issubclass(cls, BaseException):
        return []
    lines = {}
    for base in cls.__mro__:
        if base in ancestors(cls):
            break
        if not base.__module__.startswith("modnet"):
            continue
        fields = {field.name for field in attrs.fields(base)} if attrs.has(base) else set()
        for name, note in attribute_notes(base).items():
            if name not in fields:
                lines.setdefault(name, f"- `{name}`{': ' + note if note else ''}")
        for name, member in vars(base).items():
            if (name == "__call__" or not name.startswith("_")) and (line := member_line(name, member)):
                lines.setdefault(name, line)
    return ["\n".join(lines.values())]


def member_line(name: str, member: Any) -> str:
    """Return a property or method in one line, nothing for anything else."""
    if isinstance(member, property):
        return f"- `{name}`: {oneline(member)}"
    function = member.__func__ if isinstance(member, classmethod) else member
    if not inspect.isfunction(function) or not function.__doc__:
        return ""
    return f"- `{'self' if name == '__call__' else name}{signature(function, 10_000)}`: {oneline(function)}"


def attribute_notes(cls: type) -> dict[str, str]:
    """Return the public attributes that a class's body declares, and the strings below them."""
    body = ast.parse(textwrap.dedent(inspect.getsource(cls))).body[0].body  # type: ignore[attr-defined]
    notes = {}
    for statement, below in zip(body, [*body[1:], None], strict=True):
        if isinstance(statement, ast.AnnAssign) and not ast.unparse(statement.target).startswith("_"):
            text = isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant) and below.value.value
            notes[ast.unparse(statement.target)] = " ".join(text.split()) if isinstance(text, str) else ""
    return notes


def aliases() -> dict[str, str]:
    """Return the type aliases as their source has them."""
    body = [statement for module in (types, schedules) for statement in ast.parse(inspect.getsource(module)).body]
    found = [statement for statement in body if isinstance(statement, ast.AnnAssign) and statement.value]
    return {ast.unparse(statement.target): ast.unparse(statement.value or statement) for statement in found}


def settings(cls: type) -> str:
    """Return a class's settings with types and defaults."""
    parameters = inspect.signature(cls).parameters.values()
    lines = [f"- `{parameter_text(parameter)}`" for parameter in parameters]
    return "Settings:\n\n" + "\n".join(lines) if lines else "No settings."


def signature(function: Any, width: int = 100) -> str:
    """Return a signature without `self`, its annotations as the source has them, a parameter a line beyond `width`."""
    found, texts = inspect.signature(function), []
    for parameter in found.parameters.values():
        if parameter.kind is parameter.KEYWORD_ONLY and not any(text.startswith("*") for text in texts):
            texts.append("*")
        if parameter.name not in {"self", "cls"} or parameter.annotation is not parameter.empty:
            texts.append(parameter_text(parameter))
    returned = annotation_text(found.return_annotation)
    returns = "" if inspect.isclass(function) or not returned else f" -> {returned}"
    whole = f"({', '.join(texts)}){returns}"
    return whole if len(whole) < width else "(\n    " + ",\n    ".join(texts) + f",\n){returns}"


def parameter_text(parameter: inspect.Parameter) -> str:
    """Return `name: annotation = default`."""
    stars = {parameter.VAR_POSITIONAL: "*", parameter.VAR_KEYWORD: "**"}.get(parameter.kind, "")
    annotation = annotation_text(parameter.annotation)
    text = f"{stars}{parameter.name}{': ' + annotation if annotation else ''}"
    if parameter.default is parameter.empty:
        return text
    default = "..." if parameter.default is attrs.NOTHING else repr(parameter.default)
    return f"{text} = {default}" if annotation else f"{text}={default}"


def annotation_text(annotation: Any) -> str:
    """Return an annotation as text, nothing where there is none."""
    if annotation is inspect.Parameter.empty:
        return ""
    return annotation if isinstance(annotation, str) else inspect.formatannotation(annotation)


def prose(value: Any) -> str:
    """Return a docstring as Markdown, its examples as code."""
    text = inspect.cleandoc(value.__doc__)
    return re.sub(r"(?m)^>>> (?:.+\n?)+", lambda example: code(example[0].rstrip(), "pycon") + "\n", text)


def oneline(value: Any) -> str:
    """Return a docstring's prose in one line."""
    return " ".join(inspect.cleandoc(value.__doc__ or "").split(">>>")[0].split())


def code(text: str, language: str = "text") -> str:
    """Return a block of code."""
    return f"```{language}\n{text}\n```"


if __name__ == "__main__":
    REFERENCE.write_text(reference(), encoding="utf-8")
