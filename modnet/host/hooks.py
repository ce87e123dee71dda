"""Markers of hooks, and the lifecycle hooks that follow a run."""

from __future__ import annotations

import pluggy

from modnet.interfaces import Observer

hookspec = pluggy.HookspecMarker("modnet")
hookimpl = pluggy.HookimplMarker("modnet")

# The hooks that follow a run are the methods of an observer, and stand there alone.
LIFECYCLE_HOOKS = {name: hookspec(method) for name, method in vars(Observer).items() if not name.startswith("_")}
