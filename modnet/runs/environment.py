"""The libraries and the machine that the last bits of a run depend on."""

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

# SciPy is used by plugins alone: unless it is loaded, it has no part in the numbers.
LIBRARIES = ("numpy", "array-api-compat", "scipy")


def list_libraries(blas_threads: int, distributions: Iterable[str] = ()) -> dict[str, str]:
    """Return the versions of Python, NumPy and its BLAS, and of the distributions that `distributions` require.

    `distributions` are those of plugins. The version of a BLAS includes the kernels that it has chosen for the
    processor, and the number of threads that it starts when `blas_threads` are asked for.
    """
    required = {name for distribution in distributions for name in _read_requirements(distribution)}
    names = sorted(required | {name for name in LIBRARIES if name.replace("-", "_") in sys.modules})
    return {
        "python": f"{platform.python_version()} ({platform.python_implementation()})",
        "BLAS": _describe_blas(blas_threads),
        **{name: version for name in names if (version := _find_version(name))},
    }


def describe_machine() -> dict[str, str]:
    """Return the processor, the instructions of it that NumPy uses, and the system with its mathematical library."""
    simd = _read_numpy_config("SIMD Extensions")
    return {
        "machine": platform.machine(),
        "CPU": _find_cpu(),
        "instructions": " ".join([*simd.get("baseline", ()), *simd.get("found", ())]),
        "system": " ".join([platform.system(), *filter(None, (*platform.libc_ver(), platform.mac_ver()[0]))]),
    }


def _read_requirements(distribution: str) -> list[str]:
    """Return the names of the distributions that a distribution requires, without those of its extras."""
    with suppress(metadata.PackageNotFoundError):
        lines = [line for line in metadata.requires(distribution) or () if "extra ==" not in line]
        names = [re.split(r"[^\w.-]", line.strip(), maxsplit=1)[0] for line in lines]
        return [name.lower() for name in names if name.lower() not in {"modnet", "modnet-workbench"}]
    return []


def _find_version(distribution: str) -> str:
    with suppress(metadata.PackageNotFoundError):
        return metadata.version(distribution)
    return ""


def _describe_blas(threads: int) -> str:
    with threadpool_limits(threads, user_api="blas"):
        pools = [pool for pool in threadpool_info() if pool["user_api"] == "blas"]
    found = {
        f"{pool['internal_api']} {pool.get('version')} ({pool.get('architecture')}, {pool.get('threading_layer')}), "
        f"threads: {pool['num_threads']}"
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
