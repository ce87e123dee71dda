"""Distributions that are called, or require, modnet by its first name."""

from __future__ import annotations

import importlib.metadata
from contextlib import suppress
from importlib.metadata import Distribution

from modnet.errors import Problem
from modnet.host.entry_points import DISTRIBUTION, ENTRY_POINTS, find_requirements
from modnet.host.registry import BUILT_IN


def find_misnamed() -> list[Problem]:
    """Return where `modnet`, on the package index another distribution's name, is installed or required as if it were.

    Metadata alone is read; nothing is imported.
    """
    found: dict[Problem, None] = {}  # a distribution may be met twice on sys.path
    for distribution in importlib.metadata.distributions():
        with suppress(Exception):  # damaged metadata, which `find_installed` warns of
            if problem := _find_misnamed(distribution):
                found[problem] = None
    return list(found)


def _find_misnamed(distribution: Distribution) -> Problem | None:
    name, version = distribution.metadata["Name"], distribution.version
    if name.lower() == BUILT_IN:
        why = f"the distribution {name} {version} is installed, which is not {DISTRIBUTION}; both own the folder modnet"
        remedy = f"pip uninstall {name}, then pip install --force-reinstall {DISTRIBUTION}"
        return Problem(why, remedy, str(distribution.locate_file("")))
    needs = find_requirements(distribution.requires or ())
    if distribution.entry_points.select(group=ENTRY_POINTS) and any(each.name.lower() == BUILT_IN for each in needs):
        why = f"{name} {version} requires {BUILT_IN}, which on the package index is another distribution"
        return Problem(why, f"have its author require {DISTRIBUTION} instead")
    return None
