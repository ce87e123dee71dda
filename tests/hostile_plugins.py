"""Distributions of plugins that do what no plugin should, as wheels."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import attrs

METADATA = "Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n"
PART = """
import modnet

class Part(modnet.Activation):
    elementwise = True

    def __call__(self, a, axis=-1):
        return a * 1

@modnet.hookimpl
def register_activations(register):
    register(Part, {part!r})
"""
PRINTS = """
import atexit, ctypes, os, subprocess, sys, threading

print("noise")
print("noise", file=sys.__stdout__)
os.write(1, b"noise\\n")
ctypes.CDLL(None).puts(b"noise")
subprocess.run(["echo", "noise"])
atexit.register(print, "noise")
thread = threading.Thread(target=print, args=("noise",))
thread.start()
thread.join()
"""
IGNORES = """
import signal, time

for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
    signal.signal(number, signal.SIG_IGN)
while True:
    try:
        time.sleep(1000)
    except BaseException:
        pass
"""
WRITES = """
import os

for number in range(200):
    try:
        os.write(number, b"{]" * 2000)
    except OSError:
        pass
"""
UNSPEAKABLE = """
class Unspeakable(BaseException):
    def __str__(self):
        raise SystemExit(0)
    __repr__ = __str__

raise Unspeakable
"""
REFUSES = """
import modnet

class Base(modnet.Activation):
    def __init_subclass__(cls):
        raise SystemExit

class Derived(Base):
    pass
"""
LIES = """
import modnet

class Lie(type(modnet.Activation)):
    def __getattribute__(cls, name):
        raise SystemExit(0)

class Lying(modnet.Activation, metaclass=Lie):
    def __call__(self, a, axis=-1):
        return a

@modnet.hookimpl
def register_activations(register):
    register(Lying)
"""
MANY = """
import modnet

class Part(modnet.Activation):
    def __call__(self, a, axis=-1):
        return a

@modnet.hookimpl
def register_activations(register):
    for number in range(4000):
        register(type(f"Part{number}", (Part,), {}), f"many-{number}")
"""


@attrs.frozen
class Hostile:
    """A plugin: what its module does, the state that `modnet plugins` shows, and what it says of it."""

    source: str = ""
    state: str = "ready"
    says: str = ""
    entry: str = "plugin = {module}"
    metadata: bytes | None = METADATA.encode()
    is_whole: bool = False  # otherwise it registers a part, too


def breaks(source: str, says: str, **others: Any) -> Hostile:
    return Hostile(source, "broken", says, **others)


def rename(entry: str, state: str = "ready", says: str = "") -> Hostile:
    return Hostile(state=state, says=says, entry=entry)


LATE, ELSEWHERE = "it did not answer within", "names in other modules"
HOSTILE: dict[str, Hostile] = {
    "prints": Hostile(PRINTS),
    "prints-much": Hostile("print('x' * 10**7)"),
    "exits": breaks("import sys\nsys.exit(0)", "it ends the program (0)"),
    "exits-at-once": breaks("import os\nos._exit(0)", "it ends the program (exit status 0)"),
    "forks": Hostile("import os\nos.fork()", says="child processes"),
    "forks-and-waits": Hostile("import os, time\nif not os.fork(): time.sleep(30)", says="child processes"),
    "starts-a-process": Hostile(
        "import subprocess\nsubprocess.Popen(['sleep', '30'], close_fds=False)", says="child processes"
    ),
    "starts-a-thread": Hostile(
        "import threading, time\nthreading.Thread(target=time.sleep, args=(9,)).start()",
        says="running threads (Thread-1",
    ),
    "hangs": breaks("import time\ntime.sleep(1000)", LATE),
    "hangs-for-good": breaks(IGNORES, LATE),
    "hangs-at-exit": Hostile("import atexit, time\natexit.register(time.sleep, 1000)"),
    "crashes": breaks("import ctypes\nctypes.string_at(0)", "it crashes while it is imported (Segmentation fault)"),
    "recurses": breaks("def f(): f()\nf()", "RecursionError"),
    "eats-memory": breaks("x = [0] * 2**60", "MemoryError"),
    "raises-what-cannot-be-told": breaks(UNSPEAKABLE, "Unspeakable: no message"),
    "raises-generator-exit": breaks("raise GeneratorExit", "GeneratorExit"),
    "interrupts": breaks("raise KeyboardInterrupt", "it ends the program"),
    "changes-directory": Hostile("import os\nos.chdir('/')", says="the working directory"),
    "closes-streams": Hostile("import os\nos.closerange(0, 3)", says="open files (0, 1, 2)"),
    "closes-all": Hostile("import os\nos.closerange(0, 200)", says="open files (0, 1, 2"),
    "opens-a-file": Hostile("file = open(__file__)", says="open files"),
    "writes-everywhere": Hostile(WRITES),
    "replaces-streams": Hostile("import sys\nsys.stdout = sys.stderr = sys.stdin = None", says=f"{ELSEWHERE} (sys."),
    "replaces-numpy": Hostile(
        "import sys, types\nsys.modules['numpy'] = types.ModuleType('numpy')", says="imported modules (numpy)"
    ),
    "removes-modnet": Hostile("import sys\ndel sys.modules['modnet']", says="imported modules (modnet)"),
    "removes-itself": breaks("import sys\ndel sys.modules[__name__]", "KeyError"),
    "removes-all-modules": breaks("import sys\nsys.modules.clear()", "AttributeError"),
    "patches-numpy": Hostile(
        "import numpy\nnumpy.exp = numpy.tanh = lambda a: a", says=f"{ELSEWHERE} (numpy.exp, numpy.tanh)"
    ),
    "patches-modnet": Hostile(
        "import modnet\nmodnet.train = modnet.errors.Problem = None", says=f"{ELSEWHERE} (modnet."
    ),
    "patches-builtins": Hostile(
        "import builtins\nbuiltins.print = builtins.open = None", says=f"{ELSEWHERE} (builtins.open, builtins.print)"
    ),
    "patches-pluggy": breaks("import pluggy\npluggy.PluginManager.register = None", "not callable"),
    "sets-numpy": Hostile(
        "import numpy\nnumpy.seterr(all='raise')\nnumpy.random.seed(0)\nnumpy.set_printoptions(precision=1)",
        says="NumPy's error state (divide, invalid, over, ...), NumPy's global generator, NumPy's print options",
    ),
    "sets-signals": Hostile(
        "import signal\nsignal.signal(15, signal.SIG_IGN)\nsignal.signal(2, print)",
        says="signal handlers (SIGINT, SIGTERM)",
    ),
    "sets-variables": Hostile(
        "import os\nos.environ.update(OMP_NUM_THREADS='7', MODNET_CACHE='/nowhere', OF_ITS_OWN='3')",
        says="the environment (MODNET_CACHE, OMP_NUM_THREADS)",
    ),
    "sets-all-else": Hostile(
        "import gc, locale, os, sys\ngc.disable()\nos.umask(0)\nlocale.setlocale(locale.LC_ALL, 'C')\n"
        "sys.path.clear()\nsys.setrecursionlimit(150)",
        says="the umask, the locale, garbage collection, the recursion limit, the module search path",
    ),
    "silences-warnings": Hostile("import warnings\nwarnings.simplefilter('ignore')", says="warning filters"),
    "refuses-subclasses": breaks(REFUSES, "it ends the program", is_whole=True),
    "lies": breaks(LIES, "it ends the program (0)", is_whole=True),
    "has-attributes-that-raise": breaks(
        "def __dir__(): raise SystemExit\ndef __getattr__(name): raise SystemExit", "it ends the program", is_whole=True
    ),
    "kills-its-group": Hostile("import os, signal\nos.killpg(0, signal.SIGTERM)"),
    "has-4000-parts": Hostile(MANY, is_whole=True),
    "unicode": rename("쌍곡선 ☃ = {module}"),
    "spaces": rename("a name with spaces = {module}"),
    "escapes": rename("\x1b[2J\u202e = {module}"),
    "UPPER-case": rename("UPPER = {module}"),
    "long": rename("x" * 200 + " = {module}"),
    "named-modnet": rename("modnet = {module}"),
    "named-as-a-built-in": rename("activations = {module}"),
    "without-a-value": rename("plugin =", "broken", "its entry point is ''"),
    "of-no-module": rename("plugin = no module at all!", "broken", "its entry point is 'no module at all!'"),
    "of-nothing": rename("plugin = {module}:nothing.there [extra]", "broken", "AttributeError"),
    "of-two-lines": Hostile(metadata=METADATA.replace("{name}", "{name}\n  and more").encode()),
    "latin": Hostile(metadata=(METADATA + "Author: Müller\n").encode("latin-1")),
    "without-metadata": Hostile("", "broken", "as unknown:plugin", metadata=None),
}
"""By its name; the last two have no distribution's name, and the first of them is loaded as `unknown`."""
FEW = ("prints", "exits", "crashes", "changes-directory", "patches-numpy", "closes-streams", "spaces")


def to_module(name: str) -> str:
    return f"modnet_{name.replace('-', '_').lower()}"


def write_wheel(folder: Path, name: str) -> Path:
    """Write the wheel of a hostile plugin, which has no RECORD."""
    plugin, module = HOSTILE[name], to_module(name)
    path, info = folder / f"{module}-1.0-py3-none-any.whl", f"{module}-1.0.dist-info"
    with zipfile.ZipFile(path, "w") as wheel:
        part = "" if plugin.is_whole else PART.format(part=f"part-{name.lower()}")
        wheel.writestr(f"{module}.py", plugin.source + part)
        if plugin.metadata:
            wheel.writestr(f"{info}/METADATA", plugin.metadata.replace(b"{name}", f"modnet-{name}".encode()))
        wheel.writestr(f"{info}/entry_points.txt", f"[modnet]\n{plugin.entry.format(module=module)}\n")
    return path


def install(site: Path, *names: str) -> None:
    """Install wheels as pip does, which itself refuses some of them."""
    site.mkdir(exist_ok=True)
    for name in names:
        with zipfile.ZipFile(write_wheel(site.parent, name)) as wheel:
            wheel.extractall(site)
