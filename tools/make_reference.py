"""Write the pages of the reference from the docstrings and signatures: `python tools/make_reference.py`.

`make docs` writes them to docs/reference, where Sphinx reads them: a page for each kind of part, with its built-ins,
interface and hook, and pages for all other public names. Each name is an object of Sphinx's Python domain.
"""

from __future__ import annotations

import ast
import inspect
import re
import sys
import textwrap
import tomllib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import attrs
from modnet_optimizers import schedules

import modnet
import modnet.book
import modnet.sklearn
from modnet import types
from modnet.compose.plugins import get_host
from modnet.host.kinds import KINDS, LIFECYCLE_HOOKS, Kind
from modnet.host.registry import BUILT_IN

FORMULAS = Path(__file__).parents[1] / "docs" / "formulas.toml"
TITLES = {
    "training": "Training and runs",
    "data": "Data sets",
    "comparing": "Comparing and judging",
    "checking": "Gradients and checks",
    "seeing": "Pictures and pages",
    "plugins": "Plugins and their tests",
    "arrays": "Arrays and random numbers",
    "errors": "Errors",
    "types": "Types",
    "text": "Text and files",
    "more": "Other names",
}
OWN_PAGES = (modnet.book, modnet.sklearn)
# The page of a public name, by the beginning of its module: the longest that fits.
MODULES = {
    "": "more",
    "modnet.comparison": "comparing",
    "modnet.compose": "training",
    "modnet.compose.plugins": "plugins",
    "modnet.compose.sources": "data",
    "modnet.data": "data",
    "modnet.errors": "errors",
    "modnet.files": "text",
    "modnet.host": "plugins",
    "modnet.interfaces": "plugins",
    "modnet.interfaces.followers": "callbacks",
    "modnet.interfaces.functions": "losses",
    "modnet.interfaces.layers": "layers",
    "modnet.interfaces.learning": "gradient-estimators",
    "modnet.interfaces.sources": "data-sources",
    "modnet.nn": "arrays",
    "modnet.nn.checkpoint": "training",
    "modnet.nn.layers": "layers",
    "modnet.randomness": "arrays",
    "modnet.runs": "training",
    "modnet.testing": "plugins",
    "modnet.testing.derivative_check": "checking",
    "modnet.testing.gradcheck": "checking",
    "modnet.testing.gradient_check": "checking",
    "modnet.text": "text",
    "modnet.types": "types",
    "modnet_data": "data",
    "modnet_data.run_tables.judge": "comparing",
    "modnet_datasets": "data",
    "modnet_display": "seeing",
    "modnet_executors": "comparing",
    "modnet_export": "training",
    "modnet_figures": "seeing",
    "modnet_optimizers": "types",
    "modnet_progress": "seeing",
    "modnet_trace": "checking",
    "modnet_verdicts": "comparing",
}
IN_USE = {  # what stands above the built-ins of a kind; {} is the first of them
    "activation": 'Take one by its name, `modnet.activation("{}")`, or train with it: `modnet train --activation {}`.',
    "layer": 'Take one by its name, `modnet.layer("{}", ...)`. An experiment file lists the `layers` of a network.',
    "loss": 'Take one by its name, `modnet.loss("{}")`, or train with it: `modnet train --loss {}`.',
    "gradient": 'Take one by its name, `modnet.gradient("{}")`, or train with it: `modnet train --gradient {}`.',
    "optimizer": 'Take one by its name, `modnet.optimizer("{}")`, or train with it: `modnet train --optimizer {}`.',
    "metric": 'Take one by its name, `modnet.metric("{}")`, or add it to a run: `modnet train --metric {}`.',
    "data-source": "`modnet.load` finds the source of a file by itself; `modnet.source` takes one by its name.",
    "callback": 'Take one by its name, `modnet.callback("{}")`, or add it to a run: `modnet train --callback {}`.',
}
HOOKIMPL = "Marks a module's function as the implementation of the hook that has its name: `@modnet.hookimpl`."


def make_pages() -> dict[str, str]:
    """Return the text of each page by its name."""
    names, kinds = public_names(), {page_of_kind(kind): kind for kind in KINDS.values()}
    pages: dict[str, list[str]] = {page: kind_blocks(kind) for page, kind in kinds.items()}
    for page in sorted(set(map(page_of, names))):
        here = {name: value for name, value in names.items() if page_of(name) == page}
        if page not in kinds:
            pages[page] = [f"# {TITLES.get(page, f'modnet.{page}')}", "```{py:currentmodule} modnet\n```"]
            pages[page].append(summary({f"{{py:obj}}`~{name}`": value for name, value in here.items()}))
        else:
            pages[page].append("## Interfaces" if len(here) > 1 else "## Interface")
        for name, value in here.items():
            pages[page] += public(name, value)
    for page, kind in kinds.items():
        pages[page] += [
            "## Hooks" if kind.name == "callback" else "## Hook",
            "```{py:currentmodule} None\n```",
            hook(kind.hookspec),
        ]
        if kind.name == "callback":
            pages[page] += [hook(specification) for specification in LIFECYCLE_HOOKS.values()]
    return {page: "\n\n".join(block.strip() for block in blocks if block) + "\n" for page, blocks in pages.items()}


def write_pages(folder: Path) -> None:
    """Write the pages that have changed, and remove those that are no longer made."""
    folder.mkdir(exist_ok=True)
    pages = {folder / f"{page}.md": text for page, text in make_pages().items()}
    for path in set(folder.glob("*.md")) - set(pages):
        path.unlink()
    for path, text in pages.items():
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")


def public_names() -> dict[str, Any]:
    """Return all public names, `modnet.` in front, and what they are."""
    found = {f"modnet.{name}": getattr(modnet, name) for name in sorted(modnet.__all__, key=str.lower)}
    return found | {
        f"{module.__name__}.{name}": getattr(module, name) for module in OWN_PAGES for name in module.__all__
    }


def page_of_kind(kind: Kind) -> str:
    """Return the page of a kind."""
    return kind.plural.replace(" ", "-")


def page_of(name: str) -> str:
    """Return the page of a public name."""
    value = public_names()[name]
    for kind in KINDS.values():
        if value is kind.interface:
            return page_of_kind(kind)
    for module in OWN_PAGES:
        if name.startswith(f"{module.__name__}."):
            return module.__name__.rpartition(".")[2]
    module = value.__name__ if inspect.ismodule(value) else vars(modnet)["_MODULES"][name.removeprefix("modnet.")]
    return MODULES[max((start for start in MODULES if f"{module}.".startswith(f"{start}." if start else "")), key=len)]


def kind_blocks(kind: Kind) -> list[str]:
    """Return the blocks about a kind's built-in parts."""
    components = [c for c in get_host().registry.components(kind.name) if c.owner == BUILT_IN]
    known = formulas().get(kind.name, {})
    blocks = [
        f"# {kind.plural.capitalize()}",
        "```{py:currentmodule} modnet\n```",
        IN_USE[kind.name].format(*[components[0].name] * 2)
        + " [Writing a plugin](../plugins.md) says how to write your"
        f" own {{py:class}}`~modnet.{kind.interface.__name__}`.",
        summary({f"[`{c.name}`](#{kind.name}-{c.name})": c.cls for c in components}),
    ]
    for c in components:
        blocks += [f"({kind.name}-{c.name})=\n## {c.name}", f"$$\n{known[c.name]}\n$$" if c.name in known else ""]
        options = f":module: {c.cls.__module__}\n:no-contents-entry:\n"
        blocks.append(describe("class", f"{c.cls.__qualname__}{signature(c.cls)}", [prose(c.cls)], options))
    return blocks


def formulas() -> dict[str, dict[str, str]]:
    """Return the formulas of built-in parts in TeX, by kind and name."""
    return tomllib.loads(FORMULAS.read_text(encoding="utf-8"))


def summary(entries: dict[str, Any]) -> str:
    """Return a table of names and the first lines of their docstrings."""
    rows = [f"| {head} | {first_line(head, value)} |" for head, value in entries.items()]
    return "\n".join(["| name | |", "|---|---|", *rows])


def first_line(head: str, value: Any) -> str:
    """Return the first line of a docstring, for a table."""
    name = head.split("`")[1].removeprefix("~modnet.")
    if name in aliases():
        return f"`{aliases()[name]}`".replace("|", "\\|")
    text = HOOKIMPL if name == "hookimpl" else inspect.cleandoc(value.__doc__).split("\n\n")[0]
    return " ".join(text.split()).replace("|", "\\|")


def public(name: str, value: Any) -> list[str]:
    """Return the blocks about a public name."""
    module, _, short = name.rpartition(".")
    within = f":module: {module}\n"
    if short == "hookimpl":
        return [describe("decorator", short, [HOOKIMPL], within)]
    if short in (known := aliases()):
        return [describe("type", short, [], f"{within}:canonical: {known[short]}\n")]
    if inspect.ismodule(value):
        return module_blocks(name, value)
    if not isinstance(value, type):
        return [describe("function", f"{short}{signature(value)}", [prose(value)], within)]
    bases = [base for base in value.__bases__ if base in ancestors(value) or base is Exception]
    called = "__init__" in vars(value) and not inspect.isabstract(value) and not getattr(value, "_is_protocol", False)
    text = [prose(value), "Bases: " + ", ".join(reference(base) for base in bases) if bases else ""]
    kind = "exception" if issubclass(value, BaseException) else "class"
    canonical = f":canonical: {value.__module__}.{value.__qualname__}\n"
    head = f"{short}{signature(value) if called and kind == 'class' else ''}"
    return [describe(kind, head, [*text, *members(value)], within + canonical)]


def reference(base: type) -> str:
    """Return a link to a class."""
    public = base.__name__ in modnet.__all__
    return f"{{py:class}}`~modnet.{base.__name__}`" if public else f"`{base.__name__}`"


def module_blocks(name: str, module: ModuleType) -> list[str]:
    """Return the blocks about a module: its functions and classes, and then its modules that have such."""
    blocks = [f"```{{py:module}} {name}\n```", "```{py:currentmodule} modnet\n```", prose(module)]
    exported = getattr(module, "__all__", None) or [key for key in vars(module) if not key.startswith("_")]
    found = {key: getattr(module, key) for key in exported}
    room = module.__name__.rpartition(".")[0] or module.__name__
    home = room if hasattr(module, "__all__") else module.__name__  # what it lists may be of a file beside it
    for key, value in found.items():
        if (inspect.isfunction(value) or inspect.isclass(value)) and value.__module__.startswith(home):
            blocks += public(f"{name}.{key}", value)
    for key, value in found.items():
        if inspect.ismodule(value) and value.__name__.startswith(f"{room}."):
            blocks += module_blocks(f"{name}.{key}", value)
    return blocks


def hook(specification: Any) -> str:
    """Return the block about a hook."""
    return describe("function", f"{specification.__name__}{signature(specification)}", [prose(specification)])


def describe(kind: str, head: str, blocks: list[str], options: str = "") -> str:
    """Return an object of the Python domain, fenced so that what it holds may be fenced, too."""
    text = "\n\n".join(block for block in blocks if block)
    fence = "~" * (max((len(found) for found in re.findall(r"(?m)^~{3,}", text)), default=2) + 1)
    return f"{fence}{{py:{kind}}} {' '.join(head.split())}\n{options}\n{text}\n{fence}"


def ancestors(cls: type) -> list[type]:
    """Return the bases of a class that are public, or Python's exceptions."""
    public = [getattr(modnet, name) for name in modnet.__all__]
    return [base for base in cls.__mro__[1:] if base in public or base in {ValueError, KeyboardInterrupt}]


def members(cls: type) -> Iterator[str]:
    """Yield a class's public attributes and methods, those of bases that are not public among them."""
    if issubclass(cls, BaseException):
        return
    seen: set[str] = set()
    for base in cls.__mro__:
        if base in ancestors(cls):
            break
        if not base.__module__.startswith("modnet"):
            continue
        fields = {field.name for field in attrs.fields(base)} if attrs.has(base) else set()
        for member, (annotation, note) in attribute_notes(base).items():
            if member not in fields and member not in seen:
                seen.add(member)
                yield describe("attribute", member, [note], f":type: {annotation}\n")
        for member, value in vars(base).items():
            if (member == "__call__" or not member.startswith("_")) and member not in seen:
                seen.add(member)
                yield describe_member(member, value)


def describe_member(name: str, member: Any) -> str:
    """Return the block about a property or method, nothing for anything else."""
    if isinstance(member, property):
        returned = annotation_text(inspect.signature(member.fget).return_annotation)  # type: ignore[arg-type]
        return describe("property", name, [prose(member)], f":type: {returned}\n" if returned else "")
    kind = {classmethod: "classmethod", staticmethod: "staticmethod"}.get(type(member), "method")
    function = getattr(member, "__func__", member)
    if not inspect.isfunction(function) or not function.__doc__:
        return ""
    return describe(kind, f"{name}{signature(function)}", [prose(function)])


def attribute_notes(cls: type) -> dict[str, tuple[str, str]]:
    """Return the public attributes that a class's body declares: their annotations, and the strings below them."""
    body = ast.parse(textwrap.dedent(inspect.getsource(cls))).body[0].body  # type: ignore[attr-defined]
    notes = {}
    for statement, below in zip(body, [*body[1:], None], strict=True):
        if isinstance(statement, ast.AnnAssign) and not ast.unparse(statement.target).startswith("_"):
            text = isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant) and below.value.value
            note = inspect.cleandoc(text) if isinstance(text, str) else ""
            notes[ast.unparse(statement.target)] = (ast.unparse(statement.annotation), note)
    return notes


def aliases() -> dict[str, str]:
    """Return the type aliases as their source has them."""
    body = [statement for module in (types, schedules) for statement in ast.parse(inspect.getsource(module)).body]
    found = [statement for statement in body if isinstance(statement, ast.AnnAssign) and statement.value]
    return {ast.unparse(statement.target): ast.unparse(statement.value or statement) for statement in found}


def signature(function: Any) -> str:
    """Return a signature without `self`, its annotations as the source has them."""
    found, texts = inspect.signature(function), []
    for parameter in found.parameters.values():
        if parameter.kind is parameter.KEYWORD_ONLY and not any(text.startswith("*") for text in texts):
            texts.append("*")
        if parameter.name not in {"self", "cls"} or parameter.annotation is not parameter.empty:
            texts.append(parameter_text(parameter))
    returned = annotation_text(found.return_annotation)
    returns = "" if inspect.isclass(function) or not returned else f" -> {returned}"
    return f"({', '.join(texts)}){returns}"


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


def code(text: str, language: str = "text") -> str:
    """Return a block of code."""
    return f"```{language}\n{text}\n```"


if __name__ == "__main__":
    write_pages(Path(sys.argv[1]) if sys.argv[1:] else FORMULAS.parent / "reference")
