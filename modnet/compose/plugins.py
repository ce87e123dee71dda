"""The plugin host of this process."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from modnet.compose.tables import Table
from modnet.errors import PluginError
from modnet.host.catalogue import Catalogue
from modnet.host.discovery import PluginHost, exclusively
from modnet.host.entry_points import Plugin, find_installed
from modnet.host.problems import explain_failure

_hosts: list[PluginHost] = []  # empty until the first part is asked for, then one


def get_host() -> PluginHost:
    """Return the plugin host, which finds what is installed when it is first asked for."""
    with exclusively():
        return _hosts[0] if _hosts else load_plugins()


def load_plugins(without: Iterable[str] = (), modules: Iterable[str | Plugin] = ()) -> PluginHost:
    """Find all installed plugins but those named in `without`, and load `modules` that are not installed as such.

    Each of the names may be several, joined by commas; `*` are all that are not built in. The environment variable
    MODNET_WITHOUT has others. A module that is given by its name needs no approval. Replaces the host there was.
    Raises PluginError where one of `modules` is broken; a broken installed plugin is a row in `plugins`.
    """
    with exclusively():
        host = PluginHost([*without, os.environ.get("MODNET_WITHOUT", "")], Catalogue())
        host.load(find_installed(), modules)
        _hosts[:] = [host]
        return host


def list_asked(table: Table) -> dict[str, list[str]]:
    """Return the plugins that an experiment leaves out and the modules that it names, as far as these are names.

    >>> list_asked({"plugins": {"modules": ["my_cube", 3]}})
    {'without': [], 'modules': ['my_cube']}
    """
    asked = table.get("plugins")
    lists = {key: asked.get(key) if isinstance(asked, dict) else () for key in ("without", "modules")}
    return {
        key: [name for name in names if isinstance(name, str)] if isinstance(names, (list, tuple)) else []
        for key, names in lists.items()
    }


def register(cls: type, name: str | None = None) -> Callable[[], None]:
    """Register a part for this process, without packaging; returns the function that undoes it.

    `cls` is a subclass of one of modnet's interfaces, `name` by default its name in kebab case.
    Raises PluginError where the class is not one, or the name is taken.

    >>> class Cube(modnet.Activation):
    ...     def __call__(self, a, axis=-1):
    ...         return a**3
    >>> undo = modnet.register(Cube)
    >>> modnet.activation("cube")(np.array([2.0]))
    array([8.])
    >>> undo()
    """
    return get_host().add_class(cls, name)


def explain(error: BaseException) -> PluginError | None:
    """Return what an error says that a third-party plugin raised while it was used, or None where none did."""
    return explain_failure(error, _hosts[0].plugins) if _hosts else None


@contextmanager
def containing_plugins() -> Iterator[None]:
    """Note on an error which third-party plugin raised it; raise PluginError where one tries to end the program."""
    try:
        yield
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        if problem := explain(error):
            if isinstance(error, SystemExit):
                raise problem from error
            error.add_note(str(problem).rpartition("\n")[2])
        raise
