"""The libraries and the machine that the last bits of a run depend on."""

from __future__ import annotations

import platform
import re
import sys
from collections.abc import Mapping
from contextlib import suppress
from importlib import metadata
from pathlib import Path
from typing import Any, cast

import numpy as np
from threadpoolctl import ThreadpoolController

from modnet.files.code import list_code_files
from modnet.host.entry_points import DISTRIBUTION

# Those that every run uses; what plugins use besides is found from them, not from what happens to be imported.
LIBRARIES = ("numpy", "array-api-compat")
INSTRUCTIONS = "instructions"  # the entry with names by NumPy, which calls them otherwise in other versions


def list_libraries(plugins: Mapping[str, str]) -> dict[str, str]:
    """Return the versions of Python, of NumPy and its BLAS, and of what plugins require or import.

    `plugins` are the packages of third-party plugins, each with its distribution, or "" for a module that is not
    installed as one. The version of the BLAS includes the kernels that it has chosen for the processor. SciPy's own
    BLAS goes by SciPy's version.
    """
    required = {name for item in plugins.items() for name in (*_find_imports(item[0]), *_read_requirements(item[1]))}
    own = {distribution or package for package, distribution in plugins.items()}
    names = sorted({*LIBRARIES, *required} - {"modnet", DISTRIBUTION} - own)
    return {
        "python": f"{platform.python_version()} ({platform.python_implementation()})",
        "BLAS": _describe_blas(),
        **{name: version for name in names if (version := _find_version(name))},
    }


def describe_machine() -> dict[str, str]:
    """Return the processor, the instructions of it that NumPy uses, and the system with its mathematical library."""
    simd = _read_numpy_config("SIMD Extensions")
    return {
        "machine": platform.machine(),
        "CPU": _find_cpu(),
        INSTRUCTIONS: " ".join(sorted([*simd.get("baseline", ()), *simd.get("found", ())])),
        "system": " ".join([platform.system(), *filter(None, (*platform.libc_ver(), platform.mac_ver()[0]))]),
    }


def _read_requirements(distribution: str) -> list[str]:
    """Return the names of the distributions that a distribution requires, without those of its extras."""
    with suppress(metadata.PackageNotFoundError, ValueError):  # of which the latter is of no name
        lines = [line for line in metadata.requires(distribution) or () if "extra ==" not in line]
        names = [re.split(r"[^\w.-]", line.strip(), maxsplit=1)[0] for line in lines]
        return [name.lower() for name in names]
    return []


def _find_version(distribution: str) -> str:
    with suppress(metadata.PackageNotFoundError):
        return metadata.version(distribution)
    return ""


def _find_imports(package: str) -> set[str]:
    file = Path(getattr(sys.modules.get(package), "__file__", None) or "")
    files = [path for path in list_code_files(file) if path.suffix == ".py"]
    text = "\n".join(path.read_text(encoding="utf-8", errors="replace") for path in files)
    return set(re.findall(r"(?m)^\s*(?:import|from)\s+(\w+)", text))


def _describe_blas() -> str:
    """Return the BLAS that NumPy calls; processes have others beside it, as SciPy's, once these are imported."""
    every = [library for library in ThreadpoolController().lib_controllers if library.user_api == "blas"]
    wheel = Path(np.__file__).parent.with_suffix(".libs")
    # Outside of a wheel it is the first one loaded: whatever brings another BLAS imports NumPy before it.
    chosen = [library for library in every if wheel in Path(library.filepath).parents] or every[:1]
    pools = [library.info() for library in chosen]
    found = {
        f"{pool['internal_api']} {pool.get('version')} ({pool.get('architecture')}, {pool.get('threading_layer')})"
        for pool in pools
    }
    # A BLAS without a number of threads to set, as Apple's, is known by the build of NumPy.
    return "; ".join(sorted(found)) or str(_read_numpy_config("Build Dependencies").get("blas", {}).get("name", ""))


def _read_numpy_config(section: str) -> dict[str, Any]:
    config = cast("dict[str, Any]", np.show_config(mode="dicts"))
    return config.get(section) or {}


def _find_cpu() -> str:
    """Return the name of the processor, which Python does not know on Linux."""
    with suppress(OSError):
        named = re.search(r"(?m)^model name\s*: (.+)$", Path("/proc/cpuinfo").read_text(encoding="utf-8"))
        if named:
            return " ".join(named[1].split())
    return platform.processor()
