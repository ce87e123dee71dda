"""Checks that all kinds share, which call a part through `use(part, **inputs)`.

`use` returns all that the part makes of the inputs; `other` are inputs of another shape.
"""

from __future__ import annotations

import copy
import os
import random
import sys
import threading
import warnings
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import suppress
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import tomli_w

import modnet
from modnet.compose.adapters import ADAPTERS
from modnet.compose.parts import find_name, make_settings_reader
from modnet.compose.settings import Settings, find_change, get_settings
from modnet.compose.tables import parse_toml
from modnet.host.signatures import find_settings
from modnet.nn.serialization import flatten
from modnet.testing.checks import Inputs, SkippedError, Suite, catch_error
from modnet.testing.gradcheck.conduct import OTHER, call_with_others, compare_libraries

DTYPES = ("float64", "float32")
NO_DERIVATIVE = "it has no derivative of its own"
NO_SETTINGS = "it has no settings"
NO_TYPES = "none of its settings has a type, or a number in it, that could be wrong"
ONE_LIBRARY = "it says that it computes with one library's arrays alone"
NO_OTHER = "array-api-strict is not installed here"
NUMPY_ALONE = 'it takes NumPy\'s arrays alone: use array_namespace(x), or say so with array_library = "numpy"'
ODD_NUMBERS = (0, -1, float("nan"), float("inf"), 10**30)
Use = Callable[..., Any]
make_folder = partial(TemporaryDirectory[str], ignore_cleanup_errors=True)  # Windows keeps files that a part holds open


def add_shared(suite: Suite, cases: Callable[[Any], Any], *skips: str, most: int = 200) -> None:
    """Add these probes to a suite, to be tried on `cases` of `use`, `inputs` and `other`.

    `most` calls at most are made by other threads.
    """
    for probe in (deterministic, memory, global_state):
        suite.check(cases, *skips)(probe)
    suite.check(
        lambda subject: [{**case, "packages": packages_of(subject.part), "most": most} for case in cases(subject)],
        *skips,
    )(threads)
    suite.check(_wrong_settings, NO_SETTINGS, NO_TYPES)(settings_refused)
    suite.check(_odd_settings, NO_SETTINGS, NO_TYPES)(settings_odd)
    suite.check(_has_settings, NO_SETTINGS)(settings_kept)


def add_for_arrays(suite: Suite, cases: Callable[[Any], Any]) -> None:
    """Add to a suite the probes of what is done to arrays that are handed in."""
    for probe in (unchanged, read_only):
        suite.check(cases)(probe)


def add_other_arrays(suite: Suite, calls: Callable[[Any], Iterable[Inputs]]) -> None:
    """Add to a suite the probe of another library's arrays, to be tried on `calls`, each a `call` and its `inputs`."""

    def cases(subject: Any) -> list[Inputs]:
        if subject.part.array_library is not None:
            raise SkippedError(ONE_LIBRARY)
        if find_spec(OTHER) is None:
            raise SkippedError(NO_OTHER)
        found = list(calls(subject))
        for case in found:
            if catch_error(call_with_others, subject.part, case):
                raise SkippedError(NUMPY_ALONE)
        return found

    suite.check(cases, ONE_LIBRARY, NO_OTHER, NUMPY_ALONE)(other_arrays)


def other_arrays(part: Any, call: Use, inputs: Any) -> None:
    """It gives the same numbers for arrays of another library, array-api-strict, if it takes these."""
    compare_libraries(part, call, inputs)


def unchanged(part: Any, use: Use, inputs: Any, other: Any) -> None:  # noqa: ARG001
    """It never writes into an array that it was given."""
    before = copy.deepcopy(inputs)
    use(part, **inputs)
    np.testing.assert_equal(inputs, before)


def read_only(part: Any, use: Use, inputs: Any, other: Any) -> None:  # noqa: ARG001
    """Arrays that nobody may write to will do."""
    for array in inputs.values():
        array.flags.writeable = False
    use(part, **inputs)


def deterministic(part: Any, use: Use, inputs: Any, other: Any) -> None:
    """The same input gives the same numbers, whatever was asked before."""
    first = use(part, **copy.deepcopy(inputs))
    use(part, **other)
    np.testing.assert_equal(use(part, **copy.deepcopy(inputs)), first)


def memory(part: Any, use: Use, inputs: Any, other: Any) -> None:
    """It keeps nothing between calls, neither on itself nor on its class."""
    use(part, **inputs)
    before = list_attributes(part)
    use(part, **other)
    changed = [name for name, value in list_attributes(part).items() if value != before.get(name)]
    assert not changed, f"another call changes {', '.join(changed)}"


def list_attributes(part: Any) -> dict[str, str]:
    """Return all that stands on an object and its class, as text."""
    slots = [name for cls in type(part).__mro__ for name in getattr(cls, "__slots__", ())]
    own = {name: getattr(part, name, None) for name in [*vars(part), *slots] if name != "__weakref__"}
    with np.printoptions(threshold=sys.maxsize):
        return {name: repr(value) for name, value in {**vars(type(part)), **own}.items()}


def global_state(part: Any, use: Use, inputs: Any, other: Any) -> None:
    """It leaves the process alone: random state, floating-point errors, warnings, environment, folder."""
    before = process()
    use(part, **inputs)
    use(part, **other)
    changed = [name for name, value in process().items() if value != before[name]]
    assert not changed, f"a call changes {', '.join(changed)}"


def process() -> dict[str, Any]:
    """Return the global state of this process that a part could change by mistake."""
    return {
        "the state of random": random.getstate(),
        "the state of np.random": str(np.random.get_state(legacy=False)),  # noqa: NPY002
        "np.geterr()": np.geterr(),
        "np.get_printoptions()": np.get_printoptions(),
        "os.environ": dict(os.environ),
        "warnings.filters": list(warnings.filters),
        "sys.path": list(sys.path),
        "the current folder": os.getcwd(),  # noqa: PTH109 - one import less in an example
    }


def count_open() -> dict[str, int]:
    """Return the number of open files, where the system tells it, and of threads."""
    files = Path("/dev/fd")
    return {"open files": len(os.listdir(files)) if files.is_dir() else 0, "threads": threading.active_count()}  # noqa: PTH208


def to_values(value: Any) -> Any:
    """Return a nested value as JSON holds it, and the arrays in it."""
    arrays: list[Any] = []
    return flatten(value, value, arrays), arrays


def threads(part: Any, use: Use, inputs: Any, other: Any, packages: Any, most: int) -> None:
    """Several threads may use it at once: here another one does, in between its lines."""
    wanted, wanted_there = use(part, **inputs), use(part, **other)
    lines: list[Any] = []
    calls: list[Any] = []

    def interrupt(frame, event, arg):  # type: ignore[no-untyped-def]  # noqa: ARG001
        if frame.f_globals.get("__name__", "").partition(".")[0] not in packages or len(lines) >= most:
            return None  # lines of others are not followed, which takes long
        line = (frame.f_code, frame.f_lineno)
        if lines.count(line) < 2:
            lines.append(line)
            calls.append(pool.submit(use, part, **other))
            wait(calls, 0.05)  # not longer: it may need a lock that is held here
        return interrupt

    with ThreadPoolExecutor() as pool:
        tracing = sys.gettrace()
        sys.settrace(interrupt)
        try:
            found = use(part, **inputs)
        finally:
            sys.settrace(tracing)
    np.testing.assert_equal(found, wanted)
    for call in calls:
        np.testing.assert_equal(call.result(), wanted_there)


def packages_of(part: Any) -> list[str]:
    """Return the packages that a part's own code is in."""
    classes = type(getattr(part, "part", part)).__mro__
    modules = [getattr(getattr(part, "part", part), "__module__", ""), *(cls.__module__ for cls in classes)]
    packages = {str(module).partition(".")[0] for module in modules}
    return sorted(packages - {"abc", "builtins", "modnet", "numpy"} | {"__main__"})


def settings_refused(part: Any, setting: str, value: Any) -> None:
    """A setting of a wrong type, and one that it does not have, are refused with a SettingError."""
    try:
        make_settings_reader().read({**get_settings(part), setting: value}, type(part))
    except modnet.SettingError:
        return
    raise AssertionError(f"{setting} = {value!r} is taken")


def settings_odd(part: Any, setting: str, value: Any) -> None:
    """A setting that is out of range is taken, or refused with a SettingError: no other error, and no exit."""
    try:
        make_settings_reader().read({**get_settings(part), setting: value}, type(part))
    except modnet.SettingError:
        return


def settings_kept(part: Any) -> None:
    """Its settings come back from an experiment file as they were."""
    written = parse_toml(tomli_w.dumps(Settings(find_name).write(part)).encode())
    written.pop("name")
    change = find_change(part, make_settings_reader().read(written, type(part)))
    assert not change, change


def _has_settings(subject: Any) -> list[Inputs]:
    with suppress(modnet.SettingError):  # one that it does not keep is for the probe to find
        _settings(subject.part)
    return [{}]  # the probe needs no input but the part


def _settings(part: Any) -> dict[str, Any]:
    """Return a part's settings; raises SkippedError where it has none."""
    settings = {} if isinstance(part, tuple(ADAPTERS.values())) else get_settings(part)
    if not settings:
        raise SkippedError(NO_SETTINGS)
    return settings


def _types(part: Any) -> dict[str, Any]:
    """Return the settings that have a type that not everything is of."""
    settings = _settings(part)
    found = {name: setting.wanted for name, setting in find_settings(type(part)).items() if name in settings}
    found = {name: wanted for name, wanted in found.items() if "complex" not in str(wanted)}
    return {name: wanted for name, wanted in found.items() if wanted not in {Any, object}}


def _wrong_settings(subject: Any) -> Iterator[Inputs]:
    typed = _types(subject.part)
    if not typed:
        raise SkippedError(NO_TYPES)
    yield {"setting": "nonsense", "value": 1}
    for setting in typed:
        yield {"setting": setting, "value": 1j}


def _odd_settings(subject: Any) -> list[Inputs]:
    numbers = [name for name, wanted in _types(subject.part).items() if "int" in str(wanted) or "float" in str(wanted)]
    if not numbers:
        raise SkippedError(NO_TYPES)
    return [{"setting": name, "value": value} for name in numbers for value in ODD_NUMBERS]
