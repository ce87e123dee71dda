"""Signatures and annotations of parts, checked without a type checker.

The words are mypy's. Only what is certain is a mistake; what only a type checker can decide is accepted.
"""

from __future__ import annotations

import dataclasses
import functools
import inspect
import operator
import re
import sys
from abc import ABCMeta
from collections.abc import Callable, Container, Iterable, Iterator
from inspect import Parameter
from itertools import chain
from types import FunctionType, GenericAlias, MethodType, NoneType, UnionType
from typing import Any, ClassVar, Literal, Union, get_args, get_origin, get_type_hints

import attrs

from modnet.errors import Problem
from modnet.files.code import find_line

_NUMBERS: dict[Any, tuple[type, ...]] = {float: (float, int), complex: (complex, float, int)}
_BY_NAME = (Parameter.POSITIONAL_OR_KEYWORD, Parameter.KEYWORD_ONLY)
_FACTORY: Any = attrs.Factory  # a class, whatever its stub says


def find_type_mistakes(cls: type, interface: type) -> tuple[Problem, ...]:
    """Return the mistakes in the methods, attributes and defaults of a class that implements an interface.

    >>> class Cube(modnet.Activation):
    ...     def __call__(self, a):
    ...         return a**3
    >>> [mistake.remedy for mistake in find_type_mistakes(Cube, modnet.Activation)]
    ['Cube.__call__(a) does not take (a, axis=-1)']
    """
    known: Any = cls  # to mypy, not every class can be hashed
    return _mistakes(known, interface)


@functools.lru_cache  # a ready part may be used again and again
def _mistakes(cls: type, interface: type) -> tuple[Problem, ...]:
    methods = [name for name, value in vars(interface).items() if isinstance(value, (FunctionType, classmethod))]
    of_methods = (_method_mistakes(cls, interface, name) for name in methods)
    return (*chain.from_iterable(of_methods), *_attribute_mistakes(cls, interface), *_default_mistakes(cls))


def explain_mismatch(
    function: Callable[..., Any], interface: type, name: str = "__call__", *, by_default: bool = True
) -> str:
    """Return which arguments of an interface's method a function does not take: `(y) does not take (y, t)`.

    Returns nothing where it takes all, those with a default by their names too; or where that cannot be known. Without
    `by_default` it need not take those with a default.
    """
    try:
        signature = inspect.signature(function)
    except (ValueError, TypeError):  # some built-in functions have no signature
        return ""
    method = inspect.getattr_static(interface, name).__get__(interface, interface)  # without `self`
    wanted = [p for p in inspect.signature(method).parameters.values() if by_default or p.default is p.empty]
    needed = [p.name for p in wanted if p.default is p.empty]
    optional = [p.name for p in wanted if p.default is not p.empty]
    try:
        signature.bind(*needed)
        signature.bind(*needed, *optional)
        signature.bind(*needed, **dict.fromkeys(optional))
    except TypeError:
        return f"{_bare(signature.parameters.values())} does not take {_bare(wanted)}"
    return ""


def _bare(parameters: Iterable[Parameter]) -> str:
    return f"({', '.join(str(p.replace(annotation=p.empty)) for p in parameters)})"


def _method_mistakes(cls: type, interface: type, name: str) -> Iterator[Problem]:
    wanted = inspect.getattr_static(interface, name)
    found = inspect.getattr_static(cls, name, wanted)
    function, original = (getattr(method, "__func__", method) for method in (found, wanted))
    if found is wanted or not isinstance(function, FunctionType):
        return  # inherited; or without a signature, a mock for instance
    method, code = f"{cls.__qualname__}.{name}", inspect.unwrap(function).__code__
    where = f"{code.co_filename}:{code.co_firstlineno}"
    supertype = f'supertype "{interface.__module__}.{interface.__qualname__}"'
    incompatible = f'Signature of "{name}" incompatible with {supertype}'
    if isinstance(wanted, classmethod) and found is function:
        yield Problem(incompatible, f"make {method} a @classmethod", where)
        return
    bound = MethodType(function, cls) if found is function else found.__get__(None, cls)
    if mistake := explain_mismatch(bound, interface, name):
        yield Problem(incompatible, f"{method}{mistake}", where)
    returned, expected = (find_declared_types([f], {"return"}).get("return", Any) for f in (function, original))
    possible, accepted = _classes(returned), _classes(expected)
    if accepted is not None and not all(issubclass(each, accepted) for each in possible or ()):
        why = f'Return type {_quote(returned)} of "{name}" incompatible with return type {_quote(expected)}'
        what = (inspect.getdoc(original) or "").partition("\n")[0].removeprefix("Return ").rstrip(".")
        yield Problem(f"{why} in {supertype}", f"{method} is to return {what}", where)


def _attribute_mistakes(cls: type, interface: type) -> Iterator[Problem]:
    for name, declared in find_declared_types([interface], inspect.get_annotations(interface)).items():
        if get_origin(declared) is not ClassVar:
            continue
        (wanted,), value = get_args(declared), inspect.getattr_static(cls, name, getattr(interface, name, None))
        has_many = hasattr(type(value), "__get__") and not isinstance(value, FunctionType)  # as a property
        if not has_many and not _fits(value, wanted):
            base = f'base class "{interface.__qualname__}" defined the type as {_quote(wanted)}'
            why = f"Incompatible types in assignment (expression has type {_quote_type_of(value)}, {base})"
            yield Problem(why, f"{cls.__qualname__}.{name} is {value!r}", find_line(cls, name))


def _default_mistakes(cls: type) -> Iterator[Problem]:
    for key, setting in find_settings(cls).items():
        default, field = setting.default, setting.field
        if default is None or default is attrs.NOTHING or isinstance(default, _FACTORY) or (field and field.converter):
            continue  # None in place of a number is harmless here
        if not _fits(default, setting.wanted):
            name = field.name if field else key
            found, types = _quote_type_of(default), _quote(setting.wanted)
            why = f"Incompatible types in assignment (expression has type {found}, variable has type {types})"
            if not field:
                has = f"default has type {found}, parameter has type {types}"
                why = f'Incompatible default for parameter "{name}" ({has})'
            remedy = f"the default of {cls.__qualname__}'s setting {name!r} is {default!r}"
            yield Problem(why, remedy, find_line(cls, name))


@attrs.frozen
class Setting:
    """A setting of a class: its type, its default if it has one, and its field in an attrs class."""

    wanted: Any
    default: object
    field: attrs.Attribute[Any] | None = None


def find_settings(cls: type) -> dict[str, Setting]:
    """Return the settings of a class, by name: an attrs class's fields, or what any other's `__init__` takes."""
    if attrs.has(cls):
        fields = {f.alias or f.name: f for f in attrs.fields(cls) if f.init}
        types = find_declared_types(reversed(cls.__mro__), {f.name for f in fields.values()})
        return {key: Setting(types.get(f.name, f.type or Any), f.default, f) for key, f in fields.items()}
    try:
        taken = [p for p in inspect.signature(cls).parameters.values() if p.kind in _BY_NAME]
    except ValueError:  # a class derived from one of the built-in ones that have no signature
        return {}
    types = find_declared_types([inspect.getattr_static(cls, "__init__")], {p.name for p in taken})
    defaults = {p.name: attrs.NOTHING if p.default is p.empty else p.default for p in taken}
    for field in dataclasses.fields(cls) if dataclasses.is_dataclass(cls) else ():
        if field.name in defaults and callable(field.default_factory):
            defaults[field.name] = attrs.Factory(field.default_factory)
    return {name: Setting(types.get(name, Any), default) for name, default in defaults.items()}


def _fits(value: object, wanted: Any) -> bool:
    if get_origin(wanted) is Literal:
        return value in get_args(wanted)
    classes = _classes(wanted)
    return classes is None or isinstance(value, classes)


def _classes(wanted: Any) -> tuple[type, ...] | None:
    """Return the classes whose instances are of a type; None where only a type checker can decide."""
    found: list[type] = []
    wanted = expand_aliases(wanted)
    for option in get_args(wanted) if get_origin(wanted) in {Union, UnionType} else (wanted,):
        cls = get_origin(option) or option
        if type(cls) not in {type, ABCMeta}:  # a Literal, a Protocol, Any, a class with its own isinstance
            return None
        found += _NUMBERS.get(cls, (cls,))
    return tuple(found)


def _quote(wanted: Any) -> str:
    return f'"{to_mypy_words(wanted)}"'


def _quote_type_of(value: object) -> str:
    if isinstance(value, list) and value:
        return _quote(list[type(value[0])])  # type: ignore[misc]
    return _quote(tuple[*map(type, value)] if isinstance(value, tuple) else type(value))  # type: ignore[misc]


def find_declared_types(owners: Iterable[Any], names: Container[str]) -> dict[str, Any]:
    """Return the annotations of names in classes or functions; those of later ones win.

    A name that was imported for type checkers only is Any.
    """
    found: dict[str, Any] = {}
    for owner in owners:
        module = sys.modules.get(getattr(owner, "__module__", None) or "")
        for name, annotation in inspect.get_annotations(owner).items():
            if name in names:
                one: Any = type("", (), {})
                one.__annotations__ = {name: annotation}
                try:
                    found |= get_type_hints(one, vars(module) if module else {})
                except (NameError, AttributeError, TypeError):
                    found[name] = Any
    return found


def expand_aliases(wanted: Any) -> Any:
    """Return a type with the aliases in it expanded: from Python 3.12 on, some are objects of their own.

    >>> expand_aliases(modnet.Array | None)
    numpy.ndarray[tuple[typing.Any, ...], numpy.dtype[typing.Any]] | None
    """
    origin, arguments = get_origin(wanted), get_args(wanted)
    if hasattr(origin, "__value__"):
        return expand_aliases(origin.__value__[arguments])
    if origin in {Union, UnionType}:
        return functools.reduce(operator.or_, map(expand_aliases, arguments))
    if isinstance(origin, type) and arguments and not any(isinstance(each, list) for each in arguments):
        return GenericAlias(origin, tuple(map(expand_aliases, arguments)))
    return expand_aliases(wanted.__value__) if hasattr(wanted, "__value__") else wanted


def to_mypy_words(wanted: Any) -> str:
    """Return a type in mypy's words.

    >>> to_mypy_words(float), to_mypy_words(tuple[Any, ...] | None)
    ('float', 'tuple[Any, ...] | None')
    """
    wanted = expand_aliases(wanted)
    if isinstance(wanted, type) and not hasattr(wanted, "__origin__"):
        return "None" if wanted is NoneType else wanted.__qualname__
    return re.sub(r"(\w+\.)+(?=\w)", "", repr(wanted)).replace("NoneType", "None")
