"""A workbench for small neural networks in which every part is a plugin."""

import sys
from importlib import import_module
from pathlib import Path
from typing import Any

__version__ = "0.1.0"

# `python -m modnet` imports this before its `__main__`; with -m, the name of the module is before the arguments.
if sys.argv[:1] == ["-m"] and sys.orig_argv[-len(sys.argv) :][:1] == ["modnet"]:
    import_module("modnet_start").end_when_interrupted()

# A new name is a line in `__init__.pyi`. These rooms are loaded when first used: importing them takes longer than all
# the rest, and most commands need none of them.
_LATER = ("modnet.comparison", "modnet.runs", "modnet.testing", "modnet_")


def _read_names() -> dict[str, str]:
    """Return the modules of the public names, from the lines `from MODULE import NAME as NAME` of the stub."""
    lines = Path(__file__).with_suffix(".pyi").read_text(encoding="utf-8").splitlines()
    words = [line.split() for line in lines if line.startswith("from ")]
    return {name: module if "." in module else f"{module}.{name}" for _, module, _, name, *_ in words}


_MODULES = _read_names()
__all__ = sorted(_MODULES)


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = import_module(_MODULES[name])
    return module if module.__name__.partition(".")[2] == name else getattr(module, name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]


globals().update({name: __getattr__(name) for name, module in _MODULES.items() if not module.startswith(_LATER)})
