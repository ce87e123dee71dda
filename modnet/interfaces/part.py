"""Base of all parts, and the names of their classes."""

from __future__ import annotations

import inspect
import re
from typing import ClassVar


class Part:
    """The common base of all parts; its `repr` is for parts that are no attrs classes."""

    array_library: ClassVar[str | None] = None
    """The name of the array library that it computes with alone, "numpy" or "torch"; None: it takes any arrays."""

    def __repr__(self) -> str:
        kept = getattr(self, "__dict__", {})
        settings = [f"{name}={kept[name]!r}" for name in inspect.signature(type(self)).parameters if name in kept]
        return f"{type(self).__name__}({', '.join(settings)})"


def name_of(part: object) -> str:
    """Return the name a part's class has: the registered name of a built-in.

    >>> from modnet_activations.leaky_relu import LeakyRelu
    >>> name_of(LeakyRelu())
    'leaky-relu'
    """
    return kebab_case(part if isinstance(part, type) else type(part))


def kebab_case(cls: type) -> str:
    """Return the default name of a class: a hyphen stands between a small letter or digit and a capitalized word.

    >>> [kebab_case(type(name, (), {})) for name in ("LeakyReLU", "PReLU", "SmoothL1Loss", "AdamW", "KLDivergence")]
    ['leaky-relu', 'prelu', 'smooth-l1-loss', 'adamw', 'kldivergence']
    """
    words = re.sub("(?<=[a-z0-9])(?=[A-Z][a-z0-9])", "-", cls.__name__)
    return re.sub("[_-]+", "-", words).strip("-").lower()


def is_same_name(one: str, other: str) -> bool:
    """Say whether two names are the same but for hyphens and case: people write `ReLU`, an older modnet `pre-lu`."""
    return re.sub("[-_ ]", "", one).lower() == re.sub("[-_ ]", "", other).lower()
