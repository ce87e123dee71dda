"""The registry of parts: from kind and name to class and owner.

Two parts of one name never have a silent winner.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

import attrs

from modnet.errors import PluginError, UnknownNameError
from modnet.host.kinds import KINDS, find_kinds
from modnet.host.signatures import find_type_mistakes, to_mypy_words
from modnet.interfaces import Part, is_same_name, kebab_case

BUILT_IN = "modnet"  # the owner of the built-ins, as in `modnet:relu`
SESSION = "session"  # the owner of the parts that a program registers for itself
overrides: list[Override] = []  # those that last, in the order in which they began
_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


@attrs.frozen
class Component:
    """A registered class: its kind, name and owner."""

    kind: str
    name: str
    _cls: Any  # the class, or a function that imports its plugin and returns it
    owner: str  # the distribution that it comes with
    plugin: str  # the plugin of that distribution that registered it
    origin: tuple[str, str] = ("", "")  # the module and name of the class, while it is not imported

    @property
    def cls(self) -> Any:
        """The class; its plugin is imported when this is first asked for. Raises PluginError if it breaks then."""
        return self._cls if isinstance(self._cls, type) else self._cls()

    @property
    def qualified_name(self) -> str:
        """The name that cannot clash: `distribution:name`."""
        return f"{self.owner}:{self.name}"

    def is_of(self, cls: type) -> bool:
        """Say whether it is this class that was registered."""
        if self.origin == (cls.__module__, cls.__qualname__):
            with suppress(PluginError):
                return bool(self.cls is cls)
        return self._cls is cls


@attrs.frozen(eq=False)
class Override:
    """Another part under a registered name, while a test lasts; `modnet.testing.swap` says who sees it."""

    kind: str
    name: str  # the qualified name: that of one component, whichever of its names is asked for
    instead: object  # a class, or a ready part
    nameless: bool  # true where its class is not registered: then it goes by the name that it overrides

    @property
    def rank(self) -> int:
        """Its weight in this thread or task, 0 where it is not seen here."""
        return 1


def active_overrides() -> tuple[Override, ...]:
    """Return the overrides that are seen here: the higher their rank, the later, and the latest last."""
    return tuple(sorted((each for each in overrides[:] if each.rank), key=lambda each: each.rank))


def find_override(kind: str, name: str) -> Override | None:
    """Return the override of the component of that qualified name."""
    return next((o for o in reversed(active_overrides()) if (o.kind, o.name) == (kind, name)), None)


def find_override_by(part: object) -> Override | None:
    """Return the override by a part that has no registered name of its own."""
    found = (o for o in reversed(active_overrides()) if o.nameless and (o.instead is part or o.instead is type(part)))
    return next(found, None)


@attrs.define
class Registry:
    """All registered classes.

    The class that a bare name finds does not depend on the order of registration. No third-party plugin changes what
    finds a built-in; before any other answer `settle` is called, which asks the plugins that were not asked yet. While
    a thread changes it, others can read it.
    """

    settle: Callable[[], object] = lambda: None
    hint: Callable[[], str] = lambda: ""  # returns another possible reason why a name is not found
    aliases: dict[str, str] = attrs.field(factory=dict)  # owners by the modules that were named, and are installed
    _components: dict[tuple[str, str], dict[str, Component]] = attrs.field(factory=dict)  # by kind and name, then owner

    def add(self, *components: Component) -> None:
        """Add components, all or none; raises PluginError if an owner has another one of the same kind and name."""
        for number, component in enumerate(components):
            owners = self._components.setdefault((component.kind, component.name), {})
            if component.owner in owners:
                self.discard(components[:number])
                why = f"{component.owner} registers the {component.kind} {component.name!r} twice"
                raise PluginError(why, "give one another name, register(cls, name)")
            owners[component.owner] = component

    def discard(self, components: Iterable[Component]) -> None:
        """Remove components."""
        for component in components:
            owners = self._components.get((component.kind, component.name), {})
            if owners.get(component.owner) is component:
                del owners[component.owner]

    def components(self, kind: str | None = None, *, known: bool = False) -> list[Component]:
        """Return all components, or those of a kind: built-in first, then by name and owner.

        With `known`, those that are known without asking a plugin.
        """
        if not known:
            self.settle()
        order = list(KINDS).index
        return sorted(self._list(kind), key=lambda c: (c.owner != BUILT_IN, order(c.kind), c.name, c.owner))

    def at_hand(self, kind: str) -> list[Component]:
        """Return the components of a kind that are built in, or that this program registered."""
        return [c for c in self.components(kind, known=True) if c.owner in {BUILT_IN, SESSION}]

    def usable(self, kind: str) -> list[Component]:
        """Return the components of a kind with all their plugins imported, but for those that break then."""
        for component in self.components(kind):
            with suppress(PluginError):
                component.cls  # noqa: B018 - which imports it
        return self.components(kind, known=True)

    def names(self, kind: str, *, known: bool = False) -> list[str]:
        """Return the names that `find` takes: bare where one owner has it, qualified for the others."""
        return [self.name_for(component) for component in self.components(kind, known=known)]

    def find(self, kind: str, name: str, *others: str) -> Component:
        """Return the component of that bare or qualified name, of the kind or of others; raises UnknownNameError."""
        kinds = (kind, *others)
        found = [component for each in kinds if (component := self._find(each, name))]
        if at_once := [component for component in found if component.owner == BUILT_IN or ":" in name]:
            return at_once[0]
        self.settle()
        if found := [component for each in kinds if (component := self._find(each, name))]:
            return found[0]
        every = [component for each in kinds for component in self._list(each)]
        named = [c for c in every if is_same_name(name, c.name) or is_same_name(name, c.qualified_name)]
        if len(named) == 1:
            return named[0]
        rivals = sorted(c.qualified_name for c in every if c.name == name)
        note = f"; {name!r} alone is ambiguous between {' and '.join(rivals)}" if rivals else ""
        choices = [choice for each in kinds for choice in self.names(each, known=True)]
        raise UnknownNameError(" or ".join(kinds), name, choices, note + self.hint())

    def are_same(self, name: str, other: str) -> bool:
        """Say whether two names, of which one may be qualified or of an older modnet, find the same part."""
        found = [(self._find(kind, name), self._find(kind, other)) for kind in KINDS if ":" in name + other]
        return is_same_name(name, other) or any(one is not None and one is two for one, two in found)

    def component_of(self, part: object) -> Component | None:
        """Return the component that a part's class was registered as, else the one that it overrides, or None."""
        if own := self._component_of_class(type(part)):
            return own
        if override := find_override_by(part):
            return self._find(override.kind, override.name)
        self.settle()
        return self._component_of_class(type(part))

    def _component_of_class(self, cls: type) -> Component | None:
        found = [c for c in self._list() if c.is_of(cls)]
        return min(found, key=lambda c: (c.owner != BUILT_IN, c.owner), default=None)

    def name_for(self, component: Component) -> str:
        """Return the shortest name that finds a component."""
        holder = self._find(component.kind, component.name)  # maybe the same one, imported
        is_holder = holder is not None and holder.owner == component.owner
        return component.name if is_holder else component.qualified_name

    def _find(self, kind: str, name: str) -> Component | None:
        """Return the component that a bare or qualified name finds: the built-in, else the only one, else None."""
        owner, _, bare = name.rpartition(":")
        owners = self._components.get((kind, bare), {}).copy()
        if owner:
            return owners.get(owner) or owners.get(self.aliases.get(owner, ""))
        return owners.get(BUILT_IN) or (owners.popitem()[1] if len(owners) == 1 else None)

    def _list(self, kind: str | None = None) -> list[Component]:
        found = (component for owners in [*self._components.values()] for component in [*owners.values()])
        return [component for component in found if kind in {None, component.kind}]


def could_be_name(text: str) -> bool:
    """Say whether a text has the form of a name, bare or qualified; the path of a file mostly has not."""
    return bool(_NAME.fullmatch(text.rpartition(":")[2]))


def create_component(kind: str, cls: object, name: str | None, owner: str, plugin: str) -> Component:
    """Return the component for a class that a plugin registers; raises PluginError."""
    interface = KINDS[kind].interface
    wanted = f'"type[{interface.__name__}]"'
    if not isinstance(cls, type) or not issubclass(cls, interface):
        found = f"type[{cls.__qualname__}]" if isinstance(cls, type) else to_mypy_words(type(cls))
        why = f'Argument 1 to "__call__" of "Register" has incompatible type "{found}"; expected {wanted}'
        raise PluginError(why, _suggest_class(cls, interface))
    if inspect.isabstract(cls):
        missing = ", ".join(sorted(getattr(cls, "__abstractmethods__", ())))
        why = f"Only concrete class can be given where {wanted} is expected"
        raise PluginError(why, f"define {missing} in {cls.__qualname__}")
    if owner != BUILT_IN and (mistakes := find_type_mistakes(cls, interface)):  # the tests check built-ins
        raise PluginError(*attrs.astuple(mistakes[0]))
    given: object = kebab_case(cls) if name is None else name
    if not isinstance(given, str) or not _NAME.fullmatch(given):
        raise PluginError(f"a name is lower-case words joined by hyphens, {given!r} is none", "register(cls, name)")
    return Component(kind, given, cls, owner, plugin)


def _suggest_class(cls: object, interface: type) -> str:
    if isinstance(cls, Part):
        return "register the class itself"
    for kind in find_kinds(cls):
        return f"register it in {kind.hook}"
    how = "derive it" if isinstance(cls, type) else "register a class derived"
    return f"{how} from modnet.{interface.__name__}"


def determine_kind(cls: object) -> str:
    """Return the kind of part that a class implements; raises PluginError where it is none, or several."""
    kinds = find_kinds(cls)
    if len(kinds) != 1:
        names = ", ".join(kind.interface.__name__ for kind in KINDS.values())
        raise PluginError(f"{cls!r} must be a subclass of exactly one of modnet's {names}")
    return kinds[0].name
