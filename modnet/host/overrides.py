"""What stands in for a registered part while a test lasts: the seam that `modnet.testing.swap` works by.

They are kept in a context variable. So a thread, or a task, sees its own and no other's, and no lock is needed; whoever
wants them in another thread hands the context over: `contextvars.copy_context().run`.
"""

from __future__ import annotations

from contextvars import ContextVar

import attrs

_entered: ContextVar[tuple[StandIn, ...]] = ContextVar("stand_ins", default=())


@attrs.define(eq=False)
class StandIn:
    """What a name stands for as long as this is in use."""

    kind: str
    name: str
    """The qualified name: that of one component, whichever of its names is asked for."""
    what: object
    """A class, or a ready part."""
    nameless: bool
    """Whether its class is not registered: then it is known by the name that it stands in for."""
    in_use: bool = True


def begin(stand_in: StandIn) -> None:
    """Let it stand in, before all others for the same name."""
    _entered.set((*active(), stand_in))


def end(stand_in: StandIn) -> None:
    """Let it stand in no longer, in whatever order; nor where this context was copied to."""
    stand_in.in_use = False
    _entered.set(active())


def active() -> tuple[StandIn, ...]:
    """Return those that are in use here, the latest last."""
    return tuple(stand_in for stand_in in _entered.get() if stand_in.in_use)


def stand_in_for(kind: str, name: str) -> StandIn | None:
    """Return what stands in for the component of that qualified name."""
    return next((s for s in reversed(active()) if (s.kind, s.name) == (kind, name)), None)


def named_after(part: object) -> StandIn | None:
    """Return as what a part is known that has no registered name, but stands in for one."""
    return next((s for s in reversed(active()) if s.nameless and (s.what is part or s.what is type(part))), None)
