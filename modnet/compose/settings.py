"""Objects from tables of settings (TOML, keyword arguments), with all mistakes at once."""

from __future__ import annotations

import inspect
import re
import types
from collections import OrderedDict, abc, deque
from collections.abc import Callable, Iterable, Mapping, MutableMapping, MutableSequence, Sequence
from contextlib import suppress
from dataclasses import is_dataclass
from enum import Enum
from numbers import Integral, Real
from os import PathLike
from pathlib import Path
from typing import Any, Final, Literal, NewType, TypeVar, Union, cast, get_args, get_origin, is_typeddict

import attrs

from modnet.errors import ModnetError, SettingError, describe_unknown, did_you_mean
from modnet.host.registry import find_override_by
from modnet.host.signatures import Setting, expand_aliases, find_declared_types, find_settings

T = TypeVar("T")
Table = dict[str, Any]

_WORDS: dict[Any, str] = {
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    str: "text",
    bytes: "bytes",
    Path: "a path",
}
_LISTS: dict[Any, Callable[[list[Any]], Any]] = {
    tuple: tuple,
    list: list,
    Sequence: tuple,
    MutableSequence: list,
    deque: deque,
    set: set,
    abc.MutableSet: set,
    frozenset: frozenset,
    abc.Set: frozenset,
}
_MISTAKES = (ModnetError, ValueError, TypeError)  # what a validator or an `__init__` raises for a user's mistake
# Of all that attrs calls as a converter, these take anything and say nothing.
_EASY_CONVERTERS = {int, float, bool, str, tuple, list, set, frozenset, dict, Path}


class Settings:
    """A reader of settings: by type, strictly."""

    def __init__(self) -> None:
        self._own: dict[Any, Callable[[Any], Any]] = {}
        self._settings: dict[type, dict[str, Setting]] = {}
        self._by_kind: dict[Any, Callable[[Any, Any], Any]] = {
            **dict.fromkeys((int, float, bool, str, bytes, Path), _read_primitive),
            **dict.fromkeys(_LISTS, self._read_list),
            **dict.fromkeys((dict, OrderedDict, Mapping, MutableMapping), self._read_mapping),
            **dict.fromkeys((Union, types.UnionType), self._read_union),
            Any: lambda value, _: value,
            Literal: _read_literal,
        }

    def on(self, wanted: Any, read: Callable[[Any], Any]) -> None:
        """Let `read` read what is annotated as exactly `wanted`."""
        self._own[wanted] = read

    def read(self, table: object, cls: type[T], where: str = "") -> T:
        """Return an instance of `cls` with the settings of `table`; raises SettingError with all mistakes in `where`.

        An attrs class has its fields as settings, any other class the arguments of its `__init__`. An instance is
        returned as it is.
        """
        if isinstance(table, cls):
            return table
        if not isinstance(table, Mapping):
            raise SettingError([f"must be a table, not {table!r}"])
        if cls not in self._settings:
            self._settings[cls] = find_settings(cls)
        settings = self._settings[cls]
        mistakes = [describe_unknown("unknown setting", key, settings) for key in table if key not in settings]
        values = {}
        for key, setting in settings.items():
            try:
                if key in table:
                    values[key] = self.read_value(table[key], _find_type(setting))
                    _check(key, setting.field, values[key])
                elif setting.default is attrs.NOTHING:
                    mistakes.append(f"{key!r} is missing")
            except _MISTAKES as error:
                mistakes += _place(key, error)
        if not mistakes:
            try:
                return cls(**values)
            except _MISTAKES as error:  # from a validator of several settings
                mistakes = [_get_message(error)]
        raise SettingError(mistakes, where)

    def read_value(self, value: Any, wanted: Any) -> Any:
        """Return one value as its type asks; raises SettingError and what the type itself raises."""
        wanted = _unwrap(wanted)
        kind = get_origin(wanted) or wanted
        if wanted in self._own:
            return self._own[wanted](value)
        if kind in self._by_kind:
            return self._by_kind[kind](value, wanted)
        if is_typeddict(kind):
            return self._read_mapping(value, kind)
        if isinstance(kind, type) and issubclass(kind, tuple) and hasattr(kind, "_fields"):
            items = find_declared_types([kind], kind._fields).values()
            return kind(*self._read_list(value, types.GenericAlias(tuple, tuple(items))))
        if attrs.has(kind) or is_dataclass(kind):
            return self.read(value, cast("type", kind))
        if isinstance(kind, type) and issubclass(kind, Enum):
            return kind(value)
        if not isinstance(kind, type) or isinstance(value, kind):  # no table can hold one, a keyword argument can
            return value
        raise SettingError([f"must be {_describe(wanted)}, not {value!r}"])

    def _read_union(self, value: Any, wanted: Any) -> Any:
        options = [option for option in get_args(wanted) if option is not types.NoneType]
        if type(value) in options or (value is None and types.NoneType in get_args(wanted)):
            return value
        if len(options) == 1:
            return self.read_value(value, options[0])
        telling = []  # errors in the settings of a part that could be made
        for option in options:
            try:
                return self.read_value(value, option)
            except _MISTAKES as error:
                telling += [] if str(error).startswith("must be ") else [error]
        raise telling[0] if len(telling) == 1 else SettingError([f"must be {_describe(wanted)}, not {value!r}"])

    def _read_list(self, value: Any, wanted: Any) -> Any:
        kind, items = get_origin(wanted) or wanted, get_args(wanted)
        is_set = isinstance(value, (set, frozenset))  # whose order changes from one process to the next
        if not isinstance(value, (list, tuple)) and not (is_set and _LISTS.get(kind) in {set, frozenset}):
            raise SettingError([f"must be a list, not {value!r}"])
        fixed = kind is tuple and items and items[-1] is not Ellipsis
        if fixed and len(items) != len(value):
            raise SettingError([f"must be a list of {len(items)}, not {value!r}"])
        each = items if fixed else [items[0] if items else Any] * len(value)
        places = (f"item {number}" for number in range(1, len(value) + 1))
        return _LISTS[kind](self._read_values(zip(places, value, each, strict=True)))

    def _read_mapping(self, value: Any, wanted: Any) -> dict[str, Any]:
        if not isinstance(value, Mapping):
            raise SettingError([f"must be a table, not {value!r}"])
        each = find_declared_types([wanted], wanted.__annotations__) if is_typeddict(wanted) else {}
        _, other = get_args(wanted) or (str, Any)
        items = ((str(key), item, each.get(key, other)) for key, item in value.items())
        found = zip(value, self._read_values(items), strict=True)
        return OrderedDict(found) if get_origin(wanted) is OrderedDict else dict(found)

    def _read_values(self, items: Iterable[tuple[str, Any, Any]]) -> list[Any]:
        """Return each value as its type asks; the mistakes of all are raised together, each with its place."""
        found, mistakes = [], []
        for place, value, wanted in items:
            try:
                found.append(self.read_value(value, wanted))
            except _MISTAKES as error:
                mistakes += _place(place, error)
        if mistakes:
            raise SettingError(mistakes)
        return found


def get_settings(value: object) -> Table:
    """Return the settings of an object by the names its class takes them.

    Raises SettingError where a class that is no attrs class keeps one under another name, or not at all. A ready object
    that overrides a part has none: its name alone finds it.
    """
    cls = type(value)
    if (override := find_override_by(value)) and override.instead is value:
        return {}
    if attrs.has(cls):
        return {f.alias or f.name: getattr(value, f.name) for f in attrs.fields(cls) if f.init}
    names = list(find_settings(cls))
    if lost := [name for name in names if not hasattr(value, name)]:
        mistakes = [f"keep the setting {name!r} as self.{name}, to be written down" for name in lost]
        raise SettingError(mistakes, cls.__name__)
    return {name: getattr(value, name) for name in names}


def _find_type(setting: Setting) -> Any:
    """Return the type that a table may hold: the setting's own, or where it has a converter what that takes."""
    converter: Any = setting.field.converter if setting.field else None
    if converter is None or converter in _EASY_CONVERTERS:
        return setting.wanted
    first = next(iter(inspect.signature(converter).parameters), "") if inspect.isfunction(converter) else ""
    return find_declared_types([converter], {first}).get(first, Any)


def _check(key: str, field: attrs.Attribute[Any] | None, value: Any) -> None:
    """Ask a field's validator, as the object will, with the name that the user knows."""
    converter: Any = field.converter if field else None
    if field is None or isinstance(converter, attrs.Converter):  # such a converter may need the object
        return
    if converter is not None:
        value = converter(value)
    if field.validator is not None:
        with suppress(AttributeError):  # it needs other settings: it waits until the object exists
            field.validator(None, field.evolve(name=key), value)


def _unwrap(wanted: Any) -> Any:
    """Return the type that an alias, `Final` or `NewType` stands for."""
    wanted = expand_aliases(wanted)
    if get_origin(wanted) is Final:
        return _unwrap(*get_args(wanted))
    return _unwrap(wanted.__supertype__) if isinstance(wanted, NewType) else wanted


def _read_primitive(value: Any, wanted: Any) -> Any:
    """Return a plain Python value: NumPy's scalars, which count as numbers and text, are brought to it."""
    if wanted is str and isinstance(value, PathLike):
        value = str(value)
    kind: Any = {int: Integral, float: Real, Path: (str, PathLike)}.get(wanted, wanted)
    if not isinstance(value, kind) or (isinstance(value, bool) and wanted is not bool):
        raise SettingError([f"must be {_WORDS[wanted]}, not {value!r}"])
    try:
        return wanted(value)
    except OverflowError:
        raise SettingError([f"must be {_WORDS[wanted]} that fits into 64 bits, not {value!r}"]) from None


def _read_literal(value: Any, wanted: Any) -> Any:
    options = get_args(wanted)
    if not any(type(value) is type(option) and value == option for option in options):
        near = did_you_mean(str(value), [str(option) for option in options])
        raise SettingError([f"must be {_describe(wanted)}, not {value!r}{near}"])
    return value


def _describe(wanted: Any) -> str:
    """Return a type in words: `a number or 'he'`."""
    origin = get_origin(wanted) or wanted
    if origin is Literal:
        return " or ".join(repr(option) for option in get_args(wanted))
    if origin in {Union, types.UnionType}:
        return " or ".join(_describe(option) for option in get_args(wanted) if option is not types.NoneType)
    if origin in _LISTS:
        return "a list"
    if origin in {dict, Mapping} or attrs.has(origin) or is_dataclass(origin):
        return "a table"
    return _WORDS.get(origin) or f"of type {getattr(origin, '__name__', origin)}"


def _get_message(error: Exception) -> str:
    """Return an error's words; those of attrs carry the field and more behind them."""
    return error.args[0] if error.args and isinstance(error.args[0], str) else str(error)


def _place(key: str, error: Exception) -> list[str]:
    """Return mistakes with their place: `'lr' must be > 0: -1`, further down `optimizer: 'lr' must be > 0: -1`."""
    name = key if key.startswith("item ") else repr(key)
    if not isinstance(error, SettingError):
        text = _get_message(error)
        own = text.startswith(f"{name} ")
        return [f"{name} {text}" if text.startswith("must be ") else text if own else f"{key}: {text}"]
    mistakes = []
    for mistake in error.mistakes:
        below = re.match(r"[a-zA-Z_]\w*(\.\w+)*: ", mistake)  # itself placed further down: a path grows
        apart = " " if mistake.startswith("must be ") else "." if below else ": "
        mistakes.append(f"{name if apart == ' ' else key}{apart}{mistake}")
    return mistakes
