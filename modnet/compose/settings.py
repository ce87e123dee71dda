"""Objects from tables of settings (TOML, keyword arguments), with all mistakes at once."""

from __future__ import annotations

import inspect
import json
import re
import types
from collections import OrderedDict, abc, deque
from collections.abc import Callable, Iterable, Mapping, MutableMapping, MutableSequence, Sequence
from contextlib import suppress
from dataclasses import is_dataclass
from enum import Enum
from functools import lru_cache, partial
from numbers import Integral, Number, Real
from os import PathLike
from pathlib import Path
from typing import Any, Final, Literal, NewType, TypeVar, Union, cast, get_args, get_origin, is_typeddict

import attrs
import numpy as np

from modnet.compose.tables import NO_VALUE, NONE, Table, Unquoted, find_member, is_no_value, is_text, to_plain
from modnet.errors import ModnetError, SettingError
from modnet.host.registry import find_override_by
from modnet.host.signatures import Setting, expand_aliases, find_declared_types, find_settings
from modnet.interfaces import Part, name_of
from modnet.text import describe_unknown, did_you_mean

T = TypeVar("T")

_WORDS: dict[Any, str] = {int: "a whole number", float: "a number", bool: "true or false", str: "text", Path: "a path"}
_SETS: dict[Any, Callable[[list[Any]], Any]] = {set: set, abc.MutableSet: set, frozenset: frozenset, abc.Set: frozenset}
_LISTS: dict[Any, Any] = {tuple: tuple, list: list, Sequence: tuple, MutableSequence: list, deque: deque, **_SETS}
LISTS = (tuple, list, deque, set, frozenset)
"""The classes that are written as a list."""
_NUMPY: dict[str, Any] = {"b": bool, "i": int, "u": int, "f": float, "c": complex, "U": str}  # by `np.dtype.kind`
_FACTORY: Any = attrs.Factory  # a class, whatever its stub says
_AMBIGUOUS = "must be {none=true} for none, or 'none' in quotes for the text: it may be either"
_MISTAKES = (ModnetError, ValueError, TypeError)  # what a validator or an `__init__` raises for a user's mistake
_find_of_class: Callable[[type], dict[str, Setting]] = lru_cache(maxsize=100)(find_settings)
# Of all that attrs calls as a converter, these take anything and say nothing.
_EASY_CONVERTERS = {int, float, bool, str, tuple, list, set, frozenset, dict, Path}


class Settings:
    """A reader of settings, by type and strictly, and their writer; parts are written under their `name`."""

    def __init__(self, name: Callable[[Part], str] = name_of) -> None:
        self._name = name
        self._readers: dict[Any, Callable[[Any, Any], Any]] = {  # each takes a value and its whole type
            **dict.fromkeys(_WORDS, _read_primitive),
            **dict.fromkeys(_LISTS, self._read_list),
            **dict.fromkeys((dict, OrderedDict, Mapping, MutableMapping), self._read_mapping),
            **dict.fromkeys((Union, types.UnionType), self._read_union),
            Any: self._read_any,
            Literal: _read_literal,
        }

    def on(self, wanted: Any, read: Callable[[Any], Any]) -> None:
        """Let `read` read what is annotated as exactly `wanted`."""
        self._readers[wanted] = lambda value, _: read(value)

    def read(self, table: object, cls: type[T], where: str = "") -> T:
        """Return an instance of `cls` with the settings of `table`; raises SettingError with all mistakes in `where`.

        An attrs class has its fields as settings, any other class the arguments of its `__init__`. An instance is
        returned as it is.
        """
        if isinstance(table, cls):
            return table
        if not isinstance(table, Mapping):
            raise SettingError([f"must be a table, not {table!r}"])
        settings = _find_of_class(cls)
        mistakes = [describe_unknown("unknown setting", key, settings) for key in table if key not in settings]
        values = {}
        for key, setting in settings.items():
            try:
                if key in table:
                    found = self.read_value(table[key], _find_type(setting))
                    values[key] = self._prefer_default(found, table[key], setting)
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
        if isinstance(value, Unquoted) and kind not in {Any, Union, types.UnionType}:
            value = str(value)
        if reader := self._readers.get(wanted) or self._readers.get(kind):
            return reader(value, wanted)
        if is_typeddict(kind):
            return self._read_mapping(value, kind)
        if isinstance(kind, type) and issubclass(kind, tuple) and hasattr(kind, "_fields"):
            items = find_declared_types([kind], kind._fields).values()
            return kind(*self._read_list(value, types.GenericAlias(tuple, tuple(items))))
        if attrs.has(kind) or is_dataclass(kind):
            return self.read(value, cast("type", kind))
        if not isinstance(kind, type) or isinstance(value, kind):  # no table can hold one, a keyword argument can
            return value
        return self._read_single(value, kind)

    def _read_single(self, value: Any, kind: Any) -> Any:
        """Return an object without settings of its own, of the number or text that it is written as."""
        with suppress(ValueError, TypeError, ArithmeticError, LookupError):
            if issubclass(kind, Enum):
                return find_member(value, kind)
            if issubclass(kind, np.generic):
                return kind(self.read_value(value, _NUMPY[np.dtype(kind).kind]))
            if is_text(kind) and isinstance(value, (str, int, float) if issubclass(kind, Number) else str):
                return kind(str(value))
        raise SettingError([f"must be {_describe(kind)}, not {value!r}"])

    def write(self, value: Any) -> Any:
        """Return a part, an object with settings or a value as TOML holds it; raises SettingError where it cannot.

        A setting is left out where it is None by default, or where TOML has nothing like its default.
        """
        if has_settings(value):
            name = {"name": self._name(value)} if isinstance(value, Part) else {}
            return {**name, **self._write_settings(value), **name}
        if isinstance(value, Mapping):
            found = collect((str(key), partial(self.write, item)) for key, item in value.items())
            keys = [json.dumps(key) if isinstance(key, (int, float)) else str(key) for key in map(to_plain, value)]
            return dict(zip(keys, found, strict=True))
        if isinstance(value, LISTS):
            items = sorted(value, key=repr) if isinstance(value, (set, frozenset)) else value
            return collect((f"item {number}", partial(self.write, item)) for number, item in enumerate(items, start=1))
        return to_plain(value)

    def _write_settings(self, value: Any) -> Table:
        table: Table = {}
        mistakes: list[str] = []
        for key, item in get_settings(value).items():
            setting = _find_of_class(type(value))[key]
            try:
                if item is not None or setting.default is not None:
                    table[key] = self._write_none(setting) if item is None else self.write(item)
            except SettingError as error:
                mistakes += [] if item is setting.default else _place(key, error)
        if mistakes:
            raise SettingError(mistakes)
        return table

    def _write_none(self, setting: Setting) -> Any:
        with suppress(*_MISTAKES):
            if self.read_value(NONE, _find_type(setting)) is None:
                return NONE
        return dict(NO_VALUE)

    def _prefer_default(self, found: Any, written: Any, setting: Setting) -> Any:
        """Return a setting's default for what is written as it is, but read otherwise for want of an annotation."""
        default: Any = setting.default
        if isinstance(default, _FACTORY) and not default.takes_self:
            default = default.factory()
        if type(default) not in {type(found), int, float} or not is_same(default, found):
            with suppress(SettingError):
                return default if default is not attrs.NOTHING and is_same(self.write(default), written) else found
        return found

    def _read_any(self, value: Any, _: Any) -> Any:
        if isinstance(value, Unquoted):
            raise SettingError([_AMBIGUOUS])
        return None if is_no_value(value) else value

    def _read_union(self, value: Any, wanted: Any) -> Any:
        options = [option for option in get_args(wanted) if option is not types.NoneType]
        may_be_none = len(options) < len(get_args(wanted))
        if may_be_none and (value is None or is_no_value(value)):
            return None
        telling: list[Exception] = []  # errors in the settings of a part that could be made
        for option in sorted(options, key=lambda option: (not _is_enum(option), option is not type(value))):
            try:
                found = self.read_value(value, option)
            except _MISTAKES as error:
                plain = "must be " if len(options) > 1 else f"must be {_describe(option)}, not {value!r}"
                telling += [] if str(error).startswith(plain) else [error]
            else:
                if may_be_none and isinstance(value, Unquoted):
                    raise SettingError([_AMBIGUOUS])
                return found
        if may_be_none and isinstance(value, str) and value == NONE:
            return None
        raise telling[0] if len(telling) == 1 else SettingError([f"must be {_describe(wanted)}, not {value!r}"])

    def _read_list(self, value: Any, wanted: Any) -> Any:
        kind, items = get_origin(wanted) or wanted, get_args(wanted)
        if not isinstance(value, LISTS if kind in _SETS else (list, tuple, deque)):  # a set has no order
            raise SettingError([f"must be a list, not {value!r}"])
        fixed = kind is tuple and items and items[-1] is not Ellipsis
        if fixed and len(items) != len(value):
            raise SettingError([f"must be a list of {len(items)}, not {value!r}"])
        each = items if fixed else [items[0] if items else Any] * len(value)
        pairs = enumerate(zip(value, each, strict=True), start=1)
        return _LISTS[kind](collect((f"item {number}", partial(self.read_value, *pair)) for number, pair in pairs))

    def _read_mapping(self, value: Any, wanted: Any) -> dict[str, Any]:
        if not isinstance(value, Mapping):
            raise SettingError([f"must be a table, not {value!r}"])
        each = find_declared_types([wanted], wanted.__annotations__) if is_typeddict(wanted) else {}
        of_keys, other = get_args(wanted) or (str, Any)
        found = collect((str(k), partial(self.read_value, item, each.get(k, other))) for k, item in value.items())
        table = zip((self._read_key(key, of_keys) for key in value), found, strict=True)
        return OrderedDict(table) if get_origin(wanted) is OrderedDict else dict(table)

    def _read_key(self, key: Any, wanted: Any) -> Any:
        """Return the key of a table, which in TOML is text, as its type asks."""
        if not isinstance(key, str) or wanted in {str, Any}:
            return key
        with suppress(*_MISTAKES):
            return self.read_value(key, wanted)
        with suppress(*_MISTAKES):
            return self.read_value(json.loads(key), wanted)
        raise SettingError([f"{key!r} must be {_describe(wanted)}"])


def get_settings(value: object) -> Table:
    """Return the settings of an object by the names its class takes them.

    Raises SettingError where a class that is no attrs class keeps one under another name, or not at all. A ready object
    that overrides a part has none: its name alone finds it.
    """
    if (override := find_override_by(value)) and override.instead is value:
        return {}
    settings = _find_of_class(type(value))
    names = {key: setting.field.name if setting.field else key for key, setting in settings.items()}
    if lost := [name for name in names.values() if not hasattr(value, name)]:
        mistakes = [f"keep the setting {name!r} as self.{name}, to be written down" for name in lost]
        raise SettingError(mistakes, type(value).__name__)
    return {key: getattr(value, name) for key, name in names.items()}


def has_settings(value: object) -> bool:
    """Say whether a value is a part, or another object that is made of a table of settings."""
    return isinstance(value, Part) or attrs.has(type(value)) or (is_dataclass(value) and not isinstance(value, type))


def is_same(one: Any, other: Any) -> bool:
    """Say whether two values of settings are the same: NaN is NaN, 0.0 is not -0.0, and True not 1.

    A list is the same as a tuple, and a number as that with a point.

    >>> is_same({"a": (float("nan"), 1)}, {"a": [float("nan"), 1.0]}), is_same(0.0, -0.0)
    (True, False)
    """
    one, other = (value.item() if isinstance(value, np.generic) else value for value in (one, other))
    if {type(one), type(other)} == {int, float}:
        return bool(one == other)
    if isinstance(one, (list, tuple)) and isinstance(other, (list, tuple)):
        return len(one) == len(other) and all(map(is_same, one, other))
    if one is other or type(one) is not type(other):
        return one is other
    if has_settings(one):
        return is_same(get_settings(one), get_settings(other))
    if isinstance(one, Mapping):
        return one.keys() == other.keys() and all(is_same(item, other[key]) for key, item in one.items())
    if isinstance(one, (set, frozenset)):
        return sorted(map(repr, one)) == sorted(map(repr, other))
    return repr(one) == repr(other)


def find_change(then: object, now: object) -> str:
    """Return which setting of an object is another in the one that was read again, "" where none is."""
    both = zip(get_settings(then).items(), get_settings(now).values(), strict=True)
    return next((f"{key} = {a!r}, read again as {b!r}" for (key, a), b in both if not is_same(a, b)), "")


def collect(items: Iterable[tuple[str, Callable[[], Any]]]) -> list[Any]:
    """Return what each of several calls gives; the mistakes of all are raised together, each with its place."""
    found, mistakes = [], []
    for place, call in items:
        try:
            found.append(call())
        except _MISTAKES as error:
            mistakes += _place(place, error)
    if mistakes:
        raise SettingError(mistakes)
    return found


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
    for option in options:
        written = to_plain(option) if isinstance(option, (Enum, types.NoneType)) else option
        if value is option or (type(value) is type(written) and value == written):
            return option
    near = did_you_mean(str(value), [str(option) for option in options])
    raise SettingError([f"must be {_describe(wanted)}, not {value!r}{near}"])


def _is_enum(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, Enum)


def _describe(wanted: Any) -> str:
    """Return a type in words: `a number or 'he'`."""
    origin = get_origin(wanted) or wanted
    if origin is Literal or _is_enum(origin):
        return " or ".join(repr(to_plain(option)) for option in get_args(wanted) or origin)
    if origin in {Union, types.UnionType}:
        options = [option for option in get_args(wanted) if option is not types.NoneType]
        return " or ".join([*map(_describe, options), *[NONE] * (len(options) < len(get_args(wanted)))])
    if origin in _LISTS:
        return "a list"
    if origin is Callable:
        return "a function"
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
