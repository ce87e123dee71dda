"""The public API as a stub, and its changes: `python tools/public_api.py`."""

from __future__ import annotations

import inspect
import keyword
from collections.abc import Iterable, Iterator
from enum import Enum
from functools import cached_property
from pathlib import Path
from textwrap import indent
from typing import Any

import attrs
import click
import griffe
from make_reference import aliases

import modnet
import modnet.book
import modnet.sklearn
from modnet.cli.main import modnet_command
from modnet.compose.plugins import get_host
from modnet.host.kinds import KINDS
from modnet.host.problems import HOOKS
from modnet.host.registry import BUILT_IN

KEPT = Path(__file__).parents[1] / "tests" / "compat" / "public_api.pyi"
WIDTH = 90
PLAIN = {type(None), bool, int, float, str}
HEAD = """\
# What is promised to those who use modnet: `make api` writes it, tests/test_public_api.py holds it.

from abc import abstractmethod
"""


def write_stub() -> str:
    """Return the public API: names, hooks, parts with their settings, commands with their options."""
    names = [describe(name, getattr(modnet, name)) for name in sorted([*modnet.__all__, "book", "sklearn"])]
    hooks = [describe(name, hook) for name, hook in sorted(HOOKS.items())]
    commands = [describe_command(name, command) for name, command in list_commands("modnet", modnet_command)]
    blocks = [HEAD, *names, block("hooks", hooks), block("parts", describe_parts()), block("commands", commands)]
    return "\n".join(blocks)


def describe(name: str, value: Any) -> str:
    """Return a public name's lines."""
    if inspect.ismodule(value):
        own = [each for each, member in vars(value).items() if getattr(member, "__module__", "") == value.__name__]
        names = getattr(value, "__all__", [each for each in own if not each.startswith("_")])
        return block(name, [describe(each, getattr(value, each)) for each in sorted(names)])
    if inspect.isclass(value):
        return describe_class(name, value)
    if inspect.isroutine(value):
        return f"def {name}{signature(value)}: ...\n"
    return f"{name}: {aliases().get(name, type(value).__name__)}\n"


def describe_class(name: str, cls: type) -> str:
    """Return a class's lines: its public bases, and members of its own and of other bases."""
    public = [getattr(modnet, each) for each in modnet.__all__]
    bases = [base for base in cls.__mro__[1:-1] if base in public or base.__module__ == "builtins"]
    inherited = {each for base in bases for each in base.__mro__}
    lines: dict[str, str] = {}
    for base in cls.__mro__:
        if base in inherited or not base.__module__.startswith("modnet"):
            continue
        fields = [field.name for field in attrs.fields(base)] if attrs.has(base) else []
        own = {each: f"{each}: {text_of(kind)}\n" for each, kind in inspect.get_annotations(base).items()}
        own |= {each: describe_member(each, member) for each, member in vars(base).items() if each not in fields}
        lines = {each: line for each, line in own.items() if not each.startswith("_") or each == "__call__"} | lines
    if (
        not inspect.isabstract(cls)
        and not issubclass(cls, BaseException | Enum)
        and not getattr(cls, "_is_protocol", False)
    ):
        lines["__init__"] = f"def __init__{signature(cls)}: ...\n"
    nearest = [base.__name__ for base in bases if not any(issubclass(each, base) for each in bases if each is not base)]
    return block(f"{name}({', '.join(nearest)})", [lines[each] for each in sorted(lines)])


def describe_member(name: str, member: Any) -> str:
    """Return the lines of a class's member."""
    abstract = "@abstractmethod\n" if getattr(member, "__isabstractmethod__", False) else ""
    if isinstance(member, property | cached_property):
        function = member.fget if isinstance(member, property) else member.func
        return f"{abstract}@property\ndef {name}{signature(function)}: ...\n"
    if isinstance(member, classmethod | staticmethod):
        return f"@{type(member).__name__}\n{abstract}def {name}{signature(member.__func__)}: ...\n"
    if inspect.isfunction(member):
        return f"{abstract}def {name}{signature(member)}: ...\n"
    return f"{name} = {default_of(member)}\n"


def describe_parts() -> Iterator[str]:
    """Yield the lines of each kind: the names of its built-in parts, and their settings."""
    for kind in sorted(KINDS.values(), key=lambda kind: kind.plural):
        ours = [part for part in get_host().registry.components(kind.name) if part.owner == BUILT_IN]
        parts = {name_of(part.name): f"def {name_of(part.name)}{signature(part.cls)}: ...\n" for part in ours}
        yield block(name_of(kind.plural), [parts[name] for name in sorted(parts)])


def list_commands(name: str, command: click.Command) -> Iterator[tuple[str, click.Command]]:
    """Yield a command and those below it, by name."""
    yield name_of(name), command
    if isinstance(command, click.Group):
        for each in sorted(command.commands):
            yield from list_commands(f"{name}-{each}", command.commands[each])


def describe_command(name: str, command: click.Command) -> str:
    """Return a command as a function of its arguments and options."""
    arguments = [name_of(each.name or "").upper() for each in command.params if isinstance(each, click.Argument)]
    options = [option for each in command.params if isinstance(each, click.Option) for option in each.opts]
    options += [option for each in command.params for option in each.secondary_opts]
    texts = [*arguments, *["*"] * bool(options), *(f"{name_of(option)}=..." for option in sorted(options))]
    return f"def {name}({join(texts)}): ...\n"


def name_of(text: str) -> str:
    """Return a name with hyphens or spaces as one of Python."""
    name = text.lstrip("-").replace("-", "_").replace(" ", "_")
    return f"{name}_" if keyword.iskeyword(name) else name


def block(name: str, lines: Iterable[str]) -> str:
    """Return lines as the body of a class."""
    return f"class {name.removesuffix('()')}:\n{indent(''.join(lines) or '...', '    ').rstrip()}\n"


def join(texts: list[str]) -> str:
    """Return the parameters of a function, each in a line where they are many."""
    line = ", ".join(texts)
    return line if len(line) < WIDTH else "\n" + "".join(f"    {text},\n" for text in texts)


@attrs.frozen
class Text:
    """A text that is written into a signature as it is."""

    text: str

    def __repr__(self) -> str:
        return self.text


def signature(function: Any) -> str:
    """Return a signature as its source has it; a default that is no plain value is `...`."""
    found = inspect.signature(function)
    texts = ["self"] if inspect.isclass(function) else []
    for each in found.parameters.values():
        if each.kind is each.KEYWORD_ONLY and not any(text.startswith("*") for text in texts):
            texts.append("*")
        annotation = each.annotation if each.annotation is each.empty else Text(text_of(each.annotation))
        default = each.default if each.default is each.empty else Text(default_of(each.default))
        texts.append(str(each.replace(annotation=annotation, default=default)))
    returned = found.return_annotation
    is_told = returned is not found.empty and not inspect.isclass(function)
    return f"({join(texts)}){f' -> {text_of(returned)}' if is_told else ''}"


def text_of(annotation: Any) -> str:
    """Return an annotation as its source has it."""
    return annotation if isinstance(annotation, str) else inspect.formatannotation(annotation)


def default_of(value: Any) -> str:
    """Return a default as it is written, or `...` where it is no plain value."""
    return repr(value) if type(value) in PLAIN or value == () else "..."


def find_changes(old: str, new: str) -> list[str]:
    """Return what breaks code that was written for the old stub, a line each. Whatever is added is no change."""
    before, after = (griffe.visit("modnet", filepath=KEPT, code=stub) for stub in (old, new))
    found = []
    for breakage in griffe.find_breaking_changes(before, after):
        both = [value for value in (breakage.old_value, breakage.new_value) if value is not None]
        values = [", ".join(map(str, value)) if isinstance(value, list) else str(value) for value in both]
        told = "" if breakage.kind is griffe.BreakageKind.OBJECT_REMOVED else f" ({' -> '.join(values)})"
        found.append(f"{breakage.obj.path}: {breakage.kind.value[0].lower()}{breakage.kind.value[1:]}{told}")
    return found + list(find_other_changes(before, after))


def find_other_changes(before: Any, after: Any) -> Iterator[str]:
    """Yield changes that griffe does not see: of types and values, and methods that the plugins of yesterday lack."""
    for name, now in after.members.items():
        then = before.members.get(name)
        if now.is_alias:
            continue
        if then is None:
            if "abstractmethod" in now.labels:
                yield f"{now.path}: abstract method was added"
        elif then.kind is now.kind:
            yield from find_other_changes(then, now)
            old, new = list_types(then), list_types(now)
            changed = [each for each in old if each in new and old[each] != new[each]]
            yield from (f"{now.path}{each} was changed ({old[each]} -> {new[each]})" for each in changed)


def list_types(member: Any) -> dict[str, str]:
    """Return the types and the value of a member, by what of it they are of."""
    if member.is_function:
        types = {f"({each.name}): type": str(each.annotation) for each in member.parameters}
        return types | {": returned type": str(member.returns)}
    return {": type": str(member.annotation), ": value": str(member.value)} if member.is_attribute else {}


@click.command
@click.option("--check", is_flag=True, help="Write nothing; exit status 1 where the stub is not the API as it is.")
def main(check: bool) -> None:
    """Write the stub, and print what breaks code that was written for the one before."""
    old, new = KEPT.read_text(encoding="utf-8"), write_stub()
    for change in find_changes(old, new):
        print(change)
    if not check:
        KEPT.write_text(new, encoding="utf-8")
    elif old != new:
        raise click.ClickException(f"{KEPT.name} lacks what is new: run make api")


if __name__ == "__main__":
    main()
