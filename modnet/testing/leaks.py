"""Leaks of a test, found by comparing two snapshots of the process."""

from __future__ import annotations

import gc
import os
import random
import warnings
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import attrs
import numpy as np

from modnet.compose.plugins import get_host
from modnet.host.registry import Component, Override, active_overrides
from modnet.process import read_generator

LINUX = Path("/proc/self/fd")


@attrs.frozen(kw_only=True)
class Snapshot:
    """The state that all tests of a process share, at a moment."""

    registered: tuple[Component, ...]
    swapped: tuple[Override, ...]
    python_random: object = attrs.field(repr=False)
    numpy_random: object = attrs.field(repr=False)
    environment: dict[str, str] = attrs.field(repr=False)
    numpy_errors: dict[str, Any]
    warnings_filters: tuple[Any, ...] = attrs.field(repr=False)
    open_files: dict[int, str]

    @classmethod
    def take(cls) -> Snapshot:
        """Return how things are; the plugins are loaded for it, if they are not yet."""
        return cls(
            registered=tuple(get_host().registry.components()),
            swapped=active_overrides(),
            python_random=random.getstate(),
            numpy_random=read_generator(),
            environment={key: value for key, value in os.environ.items() if key != "PYTEST_CURRENT_TEST"},
            numpy_errors={**np.geterr(), "call": np.geterrcall()},
            warnings_filters=tuple(warnings.filters),
            open_files=_open_files(),
        )

    def leaks(self) -> list[str]:
        """Say what is not as it was when this was taken, a line each."""
        now = Snapshot.take()
        if now.open_files != self.open_files:
            gc.collect()  # what nobody holds any more closes its file
            now = attrs.evolve(now, open_files=_open_files())
        found = [
            *_added_and_gone(
                "registered", self.registered, now.registered, lambda c: f"the {c.kind} {c.qualified_name!r}"
            ),
            *_added_and_gone("swapped", self.swapped, now.swapped, lambda s: f"the {s.kind} {s.name!r}"),
        ]
        if now.python_random != self.python_random:
            found.append("random's global state: draw from a random.Random(seed) of your own")
        if now.numpy_random != self.numpy_random:
            found.append("numpy.random's global state: draw from a numpy.random.default_rng(seed) of your own")
        return [
            *found,
            *_changes("the environment variable", self.environment, now.environment),
            *_changes("numpy's error state,", self.numpy_errors, now.numpy_errors),
            *_added_and_gone("a warnings filter", self.warnings_filters, now.warnings_filters, _filter_in_words),
            *_changes("the open file", self.open_files, now.open_files),
        ]


def _added_and_gone(
    what: str, before: tuple[Any, ...], now: tuple[Any, ...], in_words: Callable[[Any], str]
) -> list[str]:
    added = [f"{what}: {in_words(item)} was added" for item in now if item not in before]
    gone = [f"{what}: {in_words(item)} is gone" for item in before if item not in now]
    return added + gone or [f"{what}: in another order, or another number of times"] * (before != now)


def _changes(what: str, before: Mapping[Any, object], now: Mapping[Any, object]) -> list[str]:
    lines = []
    for key in sorted({**before, **now}):
        if key not in before:
            lines.append(f"{what} {key} was added: {now[key]!r}")
        elif key not in now:
            lines.append(f"{what} {key} is gone: {before[key]!r}")
        elif before[key] != now[key]:
            lines.append(f"{what} {key} was {before[key]!r}, is {now[key]!r}")
    return lines


def _filter_in_words(entry: tuple[Any, ...]) -> str:
    action, message, category, *_ = entry
    text = getattr(message, "pattern", message)
    return f"{action} {category.__name__}{f' {text!r}' if text else ''}"


def _open_files() -> dict[int, str]:
    """Return the open descriptors, and what each is of where the system tells."""
    folder = next((path for path in (LINUX, Path("/dev/fd")) if path.is_dir()), None)
    numbers = [int(name) for name in os.listdir(folder)] if folder else range(2048)  # noqa: PTH208 - names are enough
    found = {}
    for number in numbers:
        with suppress(OSError):  # not open, as is the one that the listing was read through
            os.fstat(number)
            found[number] = str((folder / str(number)).readlink()) if folder == LINUX else "open"
    return found
