"""What the last bits of a run depend on besides its settings: libraries and their versions, and the machine."""

from __future__ import annotations

import platform
import re
import sys
from collections.abc import Iterable
from contextlib import suppress
from importlib import metadata
from pathlib import Path
from typing import Any, cast

import numpy as np
from threadpoolctl import threadpool_info, threadpool_limits

# SciPy is used by plugins alone: where it is not loaded, it has no part in the numbers.
LIBRARIES = ("numpy", "array-api-compat", "scipy")


def libraries(blas_threads: int, distributions: Iterable[str] = ()) -> dict[str, str]:
    """Return Python, NumPy, what it multiplies matrices with, and what `distributions` require; with their versions.

    `distributions` are those of plugins. Of a BLAS the kernels it has chosen for the processor belong to the version,
    and how many threads it takes where `blas_threads` are asked for.
    """
    required = {name for distribution in distributions for name in _requirements(distribution)}
    names = sorted(required | {name for name in LIBRARIES if name.replace("-", "_") in sys.modules})
    return {
        "python": f"{platform.python_version()} ({platform.python_implementation()})",
        "BLAS": _blas(blas_threads),
        **{name: version for name in names if (version := _version(name))},
    }


def machine() -> dict[str, str]:
    """Return the processor, the instructions of it that NumPy uses, and the system with its mathematical library."""
    simd = _numpy_config("SIMD Extensions")
    return {
        "machine": platform.machine(),
        "CPU": _cpu(),
        "instructions": " ".join([*simd.get("baseline", ()), *simd.get("found", ())]),
        "system": " ".join([platform.system(), *filter(None, (*platform.libc_ver(), platform.mac_ver()[0]))]),
    }


def _requirements(distribution: str) -> list[str]:
    """Return the names of what a distribution requires, its extras left out."""
    with suppress(metadata.PackageNotFoundError):
        lines = [line for line in metadata.requires(distribution) or () if "extra ==" not in line]
        names = [re.split(r"[^\w.-]", line.strip(), maxsplit=1)[0] for line in lines]
        return [name.lower() for name in names if name.lower() not in {"modnet", "modnet-workbench"}]
    return []


def _version(distribution: str) -> str:
    with suppress(metadata.PackageNotFoundError):
        return metadata.version(distribution)
    return ""


def _blas(threads: int) -> str:
    with threadpool_limits(threads, user_api="blas"):
        pools = [pool for pool in threadpool_info() if pool["user_api"] == "blas"]
    found = {
        f"{pool['internal_api']} {pool.get('version')} ({pool.get('architecture')}, {pool.get('threading_layer')}), "
        f"threads: {pool['num_threads']}"
        for pool in pools
    }
    # One that has no threads to set, as Apple's, is known by what NumPy was built with.
    return "; ".join(sorted(found)) or str(_numpy_config("Build Dependencies").get("blas", {}).get("name", ""))


def _numpy_config(section: str) -> dict[str, Any]:
    config = cast("dict[str, Any]", np.show_config(mode="dicts"))
    return config.get(section) or {}


def _cpu() -> str:
    """Return the processor's name; on Linux Python does not know it."""
    with suppress(OSError):
        named = re.search(r"(?m)^model name\s*: (.+)$", Path("/proc/cpuinfo").read_text(encoding="utf-8"))
        if named:
            return " ".join(named[1].split())
    return platform.processor()
