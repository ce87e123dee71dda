"""Tables of settings (TOML, keyword arguments) <-> attrs classes: strict, and with all mistakes at once."""

from __future__ import annotations

import inspect
import types
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal, TypeVar, Union, cast, get_args, get_origin

import attrs
import cattrs

from modnet.errors import ModnetError, SettingError, did_you_mean

T = TypeVar("T")
Table = dict[str, Any]

_WORDS: dict[type, str] = {int: "a whole number", float: "a number", bool: "true or false", str: "text"}


class Settings:
    """Turns tables into objects and back. `cattrs` finds the way by type; the strictness is ours.

    cattrs' own hooks read "false" as True and 3.7 as 3, and ignore keys that they do not know.
    """

    def __init__(self) -> None:
        self._converter = cattrs.Converter(detailed_validation=False)
        for kind in (int, float, bool, str):
            self._converter.register_structure_hook(kind, _primitive)
        self._converter.register_structure_hook(Path, lambda value, _: Path(_primitive(value, str)))
        self._converter.register_structure_hook_func(lambda t: _origin(t) is Literal, _literal)
        self._converter.register_structure_hook_func(
            lambda t: _origin(t) in {Union, types.UnionType}, self._union
        )
        self._converter.register_structure_hook_func(lambda t: _origin(t) is tuple, self._tuple)
        self._converter.register_structure_hook_func(attrs.has, self._attrs_class)

    def on(self, wanted: Any, structure: Callable[[Any], Any]) -> None:
        """Let `structure` read what is annotated as exactly `wanted`."""
        self._converter.register_structure_hook_func(lambda t: t == wanted, lambda value, _: structure(value))

    def read(self, table: Mapping[str, Any], cls: type[T]) -> T:
        """Return an instance of `cls` with the settings of `table`; raises SettingError with all mistakes."""
        if attrs.has(cls):
            return cast("T", self._attrs_class(table, cls))
        unknown = set(table) - set(inspect.signature(cls).parameters)
        if unknown:
            raise SettingError([_unknown(key, inspect.signature(cls).parameters) for key in sorted(unknown)])
        return cls(**table)

    def _attrs_class(self, table: Any, cls: type[attrs.AttrsInstance]) -> object:
        if not isinstance(table, Mapping):
            raise SettingError([f"must be a table, not {table!r}"])
        fields = {f.alias or f.name: f for f in attrs.fields(attrs.resolve_types(cls)) if f.init}
        mistakes = [_unknown(key, fields) for key in table if key not in fields]
        values = {}
        for key, field in fields.items():
            try:
                if key in table:
                    values[key] = self._field(field, table[key])
                elif field.default is attrs.NOTHING:
                    mistakes.append(f"{key!r} is missing")
            except SettingError as error:
                mistakes += [_placed(key, mistake) for mistake in error.mistakes]
            except (ModnetError, ValueError, TypeError) as error:
                mistakes.append(_placed(key, str(error)))
        if not mistakes:
            try:
                return cls(**values)
            except (ValueError, TypeError) as error:  # a validator that looks at several fields
                mistakes = [str(error)]
        raise SettingError(mistakes)

    def _field(self, field: attrs.Attribute[Any], value: Any) -> Any:
        if field.type is not None:
            value = self._converter.structure(value, field.type)
        if field.validator is not None and field.converter is None:
            field.validator(None, field, value)
        return value

    def _union(self, value: Any, wanted: Any) -> Any:
        for option in get_args(wanted):
            try:
                return None if option is types.NoneType and value is None else self._converter.structure(value, option)
            except (SettingError, cattrs.StructureHandlerNotFoundError):
                continue
        raise SettingError([f"must be {_words(wanted)}, not {value!r}"])

    def _tuple(self, value: Any, wanted: Any) -> tuple[Any, ...]:
        if not isinstance(value, (list, tuple)):
            raise SettingError([f"must be a list, not {value!r}"])
        return tuple(self._converter.structure(item, get_args(wanted)[0]) for item in value)


def table_of(value: Any, part: Callable[[Any], Table | None]) -> Any:
    """Return an attrs object as a table that TOML can hold, with every setting in it but those that are None.

    `part` returns the table of a plugin's part, or None for anything else.
    """
    if (table := part(value)) is not None:
        return table
    if attrs.has(type(value)):
        return {key: table_of(item, part) for key, item in settings_of(value).items() if item is not None}
    if isinstance(value, tuple):
        return [table_of(item, part) for item in value]
    return str(value) if isinstance(value, Path) else value


def settings_of(value: object) -> Table:
    """Return the settings of an attrs object by the names its class takes them, none of any other object."""
    cls = type(value)
    fields = attrs.fields(cls) if attrs.has(cls) else ()
    return {f.alias or f.name: getattr(value, f.name) for f in fields if f.init}


def merged(base: Table, change: Table) -> Table:
    """Return `base` changed by `change`, table by table; a table whose name changes starts afresh.

    >>> merged({"optimizer": {"name": "sgd", "lr": 0.1}, "seed": 0}, {"optimizer": {"lr": 1.0}})
    {'optimizer': {'name': 'sgd', 'lr': 1.0}, 'seed': 0}
    >>> merged({"optimizer": {"name": "sgd", "lr": 0.1}}, {"optimizer": "adam"})
    {'optimizer': {'name': 'adam'}}
    """
    result = dict(base)
    for key, new in change.items():
        old = result.get(key)
        if isinstance(old, dict) and isinstance(new, str) and "name" in old:
            new = {"name": new}  # noqa: PLW2901 - the short form of the same table
        if isinstance(old, str) and isinstance(new, dict):
            old = {"name": old}
        if isinstance(old, dict) and isinstance(new, dict):
            renamed = "name" in new and new["name"] != old.get("name")
            result[key] = dict(new) if renamed else merged(old, new)
        else:
            result[key] = new
    return result


def _primitive(value: Any, wanted: type) -> Any:
    if wanted is float and type(value) is int:
        return float(value)
    if type(value) is not wanted:
        raise SettingError([f"must be {_WORDS[wanted]}, not {value!r}"])
    return value


def _literal(value: Any, wanted: Any) -> Any:
    options = get_args(wanted)
    if value not in options or type(value) not in {type(option) for option in options}:
        near = did_you_mean(str(value), [str(option) for option in options])
        raise SettingError([f"must be {_words(wanted)}, not {value!r}{near}"])
    return value


def _words(wanted: Any) -> str:
    """Say a type in words: `a number or 'he'`."""
    if _origin(wanted) is Literal:
        return " or ".join(repr(option) for option in get_args(wanted))
    if get_args(wanted) and _origin(wanted) is not tuple:
        return " or ".join(_words(option) for option in get_args(wanted) if option is not types.NoneType)
    return _WORDS.get(wanted, "a list" if _origin(wanted) is tuple else getattr(wanted, "__name__", str(wanted)))


def _origin(wanted: Any) -> Any:
    return get_origin(wanted)


def _placed(key: str, mistake: str) -> str:
    """Put the setting's place before a mistake: `'lr' must be ...` as it is, nested ones behind their path."""
    if mistake.startswith("must be "):
        return f"{key!r} {mistake}"
    if mistake.startswith(f"{key!r} "):
        return mistake
    head, colon, rest = mistake.partition(": ")
    nested = bool(colon) and all(word.isidentifier() for word in head.split("."))
    return f"{key}.{head}: {rest}" if nested else f"{key}: {mistake}"


def _unknown(key: str, fields: Mapping[str, Any]) -> str:
    return f"unknown setting {key!r}{did_you_mean(key, fields)}; there is: {', '.join(fields) or 'none'}"
