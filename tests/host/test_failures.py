"""Failures of plugins: the plugin, the author's line, and what to do."""

from __future__ import annotations

import importlib
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from processes import Call

import modnet
from modnet.cli.given import give_modules
from modnet.compose import plugins
from modnet.compose.plugins import explain, get_host, load_plugins

FAULTY = """
import attrs
import numpy as np
import modnet

AT = HOW = ""

class Odd(Exception):
    def __str__(self):
        raise ValueError

def deeper():
    return deeper()  # recursion

def fail(at):
    if at == AT:
        if HOW == "zero":
            1 / 0  # zero
        elif HOW == "numpy":
            np.linalg.inv(np.zeros((2, 3)))  # numpy
        elif HOW == "modnet":
            modnet.activation("nothing")  # modnet
        elif HOW == "words":
            raise modnet.DataError("no table of weights")  # words
        elif HOW == "recursion":
            deeper()
        elif HOW == "memory":
            np.empty(2**48)  # memory
        elif HOW == "lines":
            raise ValueError("one\\ntwo")  # lines
        elif HOW == "note":
            error = KeyError("key")
            error.add_note("have a look at the manual")
            raise error  # note
        elif HOW == "group":
            raise ExceptionGroup("two", [ValueError("first"), KeyError("second")])  # group
        elif HOW == "cause":
            try:
                {}["key"]
            except KeyError as error:
                raise RuntimeError("no table") from error  # cause
        elif HOW == "warning":
            raise RuntimeWarning("overflow")  # warning
        elif HOW == "exit":
            raise SystemExit(0)  # exit
        elif HOW == "import":
            import nowhere_to_be_found  # import
        elif HOW == "odd":
            raise Odd  # odd
        elif HOW == "read":
            open("/nowhere/table.csv")  # read

@attrs.frozen
class Cubed(modnet.Activation):  # Cubed
    elementwise = True

    @property
    def kinks(self):
        fail("property")
        return ()

    def __repr__(self):
        fail("repr")
        return "Cubed()"

    def __call__(self, a, axis=-1):
        fail("call")
        return {"none": None, "shape": a[:1], "dtype": a + 0j}.get(AT, a**3)

    def backward(self, a, z, dz, axis=-1):
        fail("backward")
        return {"backward-none": None, "backward-shape": dz[:1]}.get(AT, 3 * a**2 * dz)

@attrs.frozen
class Off(modnet.Loss):  # Off
    task = "classification"

    def __call__(self, y, t, axis=-1):
        fail("loss")
        return {"loss-none": None, "loss-mean": 0.5}.get(AT, modnet.loss("cross-entropy")(y, t, axis))

    def backward(self, y, t, axis=-1):
        return None if AT == "loss-backward" else modnet.loss("cross-entropy").backward(y, t, axis)

@attrs.frozen
class Through(modnet.GradientEstimator):  # Through
    def __call__(self, objective, params, stream):
        fail("estimator")
        return None if AT == "gradient-none" else objective.backward(params)

@attrs.frozen
class Stepping(modnet.Optimizer):  # Stepping
    def init(self, params):
        fail("init")

    def step(self, params, grads, state):
        fail("step")
        return None if AT == "step-none" else ({name: value - grads[name] for name, value in params.items()}, None)

@attrs.frozen
class Points(modnet.DataSource):  # Points
    suffixes = (".points",)

    @classmethod
    def recognises(cls, path, head):
        fail("recognises")
        return path.suffix == ".points"

    def read(self, path):
        fail("source")
        return None

@modnet.hookimpl
def register_activations(register):
    register(Cubed)

@modnet.hookimpl
def register_losses(register):
    register(Off)

@modnet.hookimpl
def register_gradients(register):
    register(Through)

@modnet.hookimpl
def register_optimizers(register):
    register(Stepping)

@modnet.hookimpl
def register_data_sources(register):
    register(Points)

@modnet.hookimpl
def run_started(run):
    fail("run_started")

@modnet.hookimpl
def epoch_ended(run):
    fail("epoch_ended")

@modnet.hookimpl
def run_ended(run):
    fail("run_ended")
"""
PLUGIN = "the plugin faulty fails: "
ZERO = f"{PLUGIN}ZeroDivisionError: division by zero: correct it, or "
OTHER = "take another "
LEAVE_OUT = "where none of its parts is used, leave it out, --without faulty"
RAISED = {
    "numpy": f"{PLUGIN}LinAlgError: Last 2 dimensions of the array must be square: correct it, or {OTHER}activation",
    "modnet": "no activation 'nothing'; available: {}\nin the plugin faulty: correct it, or take another activation",
    "words": "no table of weights\nin the plugin faulty: correct it, or take another activation",
    "recursion": f"{PLUGIN}RecursionError: maximum recursion depth exceeded: correct it, or {OTHER}activation",
    "memory": f"{PLUGIN}MemoryError: Unable to allocate 2.00 PiB for an array with shape (281474976710656,) and data "
    f"type float64: take less data, a smaller network or a smaller batch, or {OTHER}activation",
    "lines": f"{PLUGIN}ValueError: one: correct it, or {OTHER}activation",
    "note": f"{PLUGIN}KeyError: 'key': correct it, or {OTHER}activation",
    "group": f"{PLUGIN}ExceptionGroup: two (2 sub-exceptions): ValueError: first: correct it, or {OTHER}activation",
    "cause": f"{PLUGIN}RuntimeError: no table, from KeyError: 'key': correct it, or {OTHER}activation",
    "warning": f"{PLUGIN}RuntimeWarning: overflow: correct it, or {OTHER}activation",
    "exit": f"the plugin faulty ends the program: SystemExit: 0: correct it, or {OTHER}activation",
    "import": f"{PLUGIN}ModuleNotFoundError: No module named 'nowhere_to_be_found': install what it needs, "
    f"or {OTHER}activation",
    "odd": f"{PLUGIN}Odd: correct it, or {OTHER}activation",
    "read": f"{PLUGIN}FileNotFoundError: [Errno 2] No such file or directory: '/nowhere/table.csv': correct it, "
    f"or {OTHER}activation",
}
FAILS = {
    "call": "activation",
    "backward": "activation",
    "loss": "loss",
    "estimator": "gradient estimator",
    "init": "optimizer",
    "step": "optimizer",
}
RETURNS = {
    "none": ("Cubed", "activation", "Cubed() returned a NoneType: an array of shape (1, 3) is expected"),
    "shape": ("Cubed", "activation", "Cubed() returned an array of shape (1, 3): an array of shape (8, 3) is expected"),
    "dtype": ("Cubed", "activation", "Cubed() returned an array of complex128: float64 is expected"),
    "backward-none": ("Cubed", "activation", "Cubed() returned a NoneType: an array of shape (8, 3) is expected"),
    "backward-shape": (
        "Cubed",
        "activation",
        "Cubed() returned an array of shape (1, 3): an array of shape (8, 3) is expected",
    ),
    "loss-none": ("Off", "loss", "Off() returned a NoneType: an array of shape (8,) is expected"),
    "loss-mean": ("Off", "loss", "Off() returned a float: an array of shape (8,) is expected"),
    "loss-backward": ("Off", "loss", "Off() returned a NoneType: an array of shape (8, 2) is expected"),
    "gradient-none": (
        "Through",
        "gradient estimator",
        "Through() returned a NoneType: an array for each of W1, b1, W2, b2 is expected",
    ),
    "step-none": ("Stepping", "optimizer", "Stepping() returned a NoneType: new parameters and a state are expected"),
}
Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Write]:
    """Return a function that writes a module where the user works."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(plugins, "_hosts", [])
    monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))
    before = set(sys.modules)

    def put(module: str, source: str) -> Path:
        file = tmp_path / f"{module}.py"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(textwrap.dedent(source))
        importlib.invalidate_caches()
        return file

    yield put
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", "")).startswith(str(tmp_path)):
            del sys.modules[name]


@pytest.fixture
def faulty(write: Write) -> ModuleType:
    write("faulty", FAULTY)
    load_plugins((), give_modules(["faulty"]))
    return sys.modules["faulty"]


def line_of(module: ModuleType, mark: str) -> str:
    """Return the place of a line that ends with a mark; of a class, that of its decorator."""
    lines = FAULTY.splitlines()
    number = next(i for i, line in enumerate(lines, 1) if line.endswith(f"  # {mark}"))
    return f"{module.__file__}:{number - (lines[number - 2] == '@attrs.frozen')}"


def train() -> BaseException:
    """Return what ends a small run in Python."""
    x = np.random.default_rng(0).normal(size=(24, 2))
    data = modnet.Dataset.from_arrays((x[:16], (x[:16, 0] > 0).astype(int)), (x[16:], (x[16:, 0] > 0).astype(int)))
    net = modnet.TwoLayerNet(2, 3, 2, hidden="cubed", loss="off", seed=0)
    with pytest.raises(BaseException) as caught:  # noqa: PT011 - any may come
        modnet.train(net, data, iterations=2, batch_size=8, gradient="through", optimizer="stepping")
    return caught.value


def describe(error: BaseException) -> str:
    problem = explain(error)
    assert problem is not None
    return str(problem)


@pytest.mark.parametrize("how", RAISED)
def test_whatever_is_raised(faulty: ModuleType, how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """In Python it stays what it is, and carries the line as a note."""
    monkeypatch.setattr(faulty, "AT", "call")
    monkeypatch.setattr(faulty, "HOW", how)
    error = train()
    words = RAISED[how].format(", ".join(get_host().registry.names("activation")))
    if how == "exit":
        assert (type(error), str(error)) == (modnet.PluginError, f"{words} ({line_of(faulty, how)})")
        return
    assert not isinstance(error, modnet.PluginError)
    assert describe(error) == f"{words} ({line_of(faulty, how)})"
    assert error.__notes__[-1] == describe(error).rpartition("\n")[2]
    problem = explain(error)
    assert getattr(problem, "__notes__", []) == (["have a look at the manual"] if how == "note" else [])


@pytest.mark.parametrize("at", FAILS)
def test_wherever_a_part_fails(faulty: ModuleType, at: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(faulty, "AT", at)
    monkeypatch.setattr(faulty, "HOW", "zero")
    error = train()
    assert isinstance(error, ZeroDivisionError)
    assert describe(error) == f"{ZERO}take another {FAILS[at]} ({line_of(faulty, 'zero')})"


@pytest.mark.parametrize("at", ["run_started", "epoch_ended", "run_ended"])
@pytest.mark.parametrize("how", ["zero", "words"])
def test_a_hook_may_be_left_out(faulty: ModuleType, at: str, how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(faulty, "AT", at)
    monkeypatch.setattr(faulty, "HOW", how)
    words = ZERO if how == "zero" else "no table of weights\nin the plugin faulty: correct it, or "
    assert describe(train()) == f"{words}{LEAVE_OUT} ({line_of(faulty, how)})"


@pytest.mark.parametrize("at", RETURNS)
def test_a_part_that_returns_something_else(faulty: ModuleType, at: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The part is named that returned it, not the one that used it."""
    monkeypatch.setattr(faulty, "AT", at)
    cls, kind, words = RETURNS[at]
    remedy = f"in the plugin faulty: correct it, or take another {kind}"
    assert describe(train()) == f"{words}\n{remedy} ({line_of(faulty, cls)})"


def test_a_source_that_fails_is_named_and_its_words_about_a_file_are_enough(
    faulty: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.points").write_text("x")
    monkeypatch.setattr(faulty, "AT", "recognises")
    monkeypatch.setattr(faulty, "HOW", "zero")
    with (
        pytest.warns(UserWarning, match=r"^the plugin faulty fails: ZeroDivisionError: .*take another data source \("),
        pytest.raises(modnet.DataError, match="no source recognises it"),
    ):
        modnet.load("a.points")
    source = "in the plugin faulty: correct it, or take another data source"
    monkeypatch.setattr(faulty, "AT", "source")
    monkeypatch.setattr(faulty, "HOW", "zero")
    with pytest.raises(modnet.DataError) as caught:
        modnet.load("a.points")
    what = "a.points: cannot be read by the source points: ZeroDivisionError: division by zero"
    assert describe(caught.value) == f"{what}\n{source} ({line_of(faulty, 'zero')})"
    monkeypatch.setattr(faulty, "HOW", "words")
    with pytest.raises(modnet.DataError, match=r"^no table of weights$") as caught:
        modnet.load("a.points")
    assert explain(caught.value) is None
    monkeypatch.setattr(faulty, "AT", "")
    with pytest.raises(modnet.PluginError) as wrong:
        modnet.load("a.points")
    assert describe(wrong.value).endswith(f"\n{source} ({line_of(faulty, 'Points')})")


def test_a_user_of_modnet_who_makes_a_mistake_is_no_plugin(faulty: ModuleType) -> None:
    with pytest.raises(modnet.UnknownNameError) as caught:
        modnet.activation("nothing")
    assert explain(caught.value) is None
    assert explain(ZeroDivisionError("division by zero")) is None


HOOK = """
import modnet
{imports}

@modnet.hookimpl
def register_activations(register):
    register({cls}{name})
"""
SQUARE = """
import modnet

class Square(modnet.Activation):
    def __call__(self, a, axis=-1):
        {code}
"""


def call(name: str) -> str:
    with pytest.raises(ZeroDivisionError) as caught:
        modnet.activation(name)(np.ones(2))
    return describe(caught.value)


class TestWhose:
    """Code of a plugin is what it registers, its module, what it reads beside it, and its package."""

    def test_a_class_in_a_module_beside_the_plugins(self, write: Write) -> None:
        file = write("shapes", SQUARE.format(code="return 1 / 0"))
        write("given", HOOK.format(imports="import shapes", cls="shapes.Square", name=""))
        load_plugins((), give_modules(["given"]))
        assert call("square").startswith("the plugin given fails: ZeroDivisionError")
        assert call("square").endswith(f"({file}:6)")

    def test_a_function_in_a_module_beside_the_plugins_and_one_that_is_imported_late(self, write: Write) -> None:
        beside = write("beside", "def divide(a):\n    return a / 0\n")
        write("pack/late", "def divide(a):\n    from beside import divide\n    return divide(a)\n")
        source = SQUARE.format(code="from pack.late import divide; return divide(1)")
        write("pack/__init__", source + HOOK.format(imports="", cls="Square", name=""))
        load_plugins((), give_modules(["pack"]))
        assert call("square").endswith(f"({beside}:2)")

    def test_a_library_that_the_plugin_calls_is_not_its_own(self, write: Write) -> None:
        code = "import fractions; return fractions.Fraction(1, 0)"
        file = write("given", SQUARE.format(code=code) + HOOK.format(imports="", cls="Square", name=""))
        load_plugins((), give_modules(["given"]))
        assert call("square").endswith(f"({file}:6)")

    def test_two_plugins_in_one_package(self, write: Write) -> None:
        write("pack/__init__", "")
        shared = write("pack/shared", "def divide(a):\n    return a / 0\n")
        for name in ("left", "right"):
            source = SQUARE.format(code="from pack.shared import divide; return divide(1)").replace(
                "Square", name.title()
            )
            write(f"pack/{name}", source + HOOK.format(imports="", cls=name.title(), name=""))
        load_plugins((), give_modules(["pack.left", "pack.right"]))
        for name in ("left", "right"):
            assert call(name).startswith(f"the plugin pack.{name} fails: ")
            assert call(name).endswith(f"({shared}:2)")

    def test_another_package_of_the_same_namespace(self, write: Write) -> None:
        source = SQUARE.format(code="import space.theirs; return space.theirs.divide(1)")
        file = write("space/ours/__init__", source + HOOK.format(imports="", cls="Square", name=""))
        write("space/theirs/__init__", "def divide(a):\n    return a / 0\n")
        load_plugins((), ["space.ours"])
        assert call("square").endswith(f"({file}:6)")

    def test_an_estimator_is_not_blamed_for_the_activation_that_it_calls(self, write: Write) -> None:
        file = write("given", SQUARE.format(code="return 1 / 0") + HOOK.format(imports="", cls="Square", name=""))
        write("other", FAULTY)
        load_plugins((), give_modules(["other", "given"]))
        net = modnet.TwoLayerNet(2, 3, 2, hidden="square", seed=0)
        with pytest.raises(ZeroDivisionError) as caught:
            net.gradient(np.ones((4, 2)), np.zeros(4, int), "through")
        assert describe(caught.value).startswith("the plugin given fails: ZeroDivisionError: division by zero: ")
        assert describe(caught.value).endswith(f"take another activation ({file}:6)")


def test_a_part_of_a_script_is_found_by_its_line_in_a_comparison(tmp_path: Path) -> None:
    script = tmp_path / "study.py"
    script.write_text(
        SQUARE.format(code="return [][a.size]").lstrip()
        + textwrap.dedent("""
        modnet.register(Square)
        net = {"activation": "square", "hidden": [3]}
        table = {"network": net, "training": {"iterations": 2}, "data": {"name": "xor"}}
        try:
            modnet.compare(table, seeds=2, workers=1, out="many")
        except modnet.ModnetError as error:
            print(error)
        """)
    )
    done = subprocess.run([sys.executable, script], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.stdout.strip().endswith(f"({script}:5)"), done.stdout + done.stderr


def test_the_whole_traceback_is_shown_to_who_asks_for_it(
    tmp_path: Path, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "faulty.py").write_text(FAULTY.replace('AT = HOW = ""', 'AT, HOW = "epoch_ended", "zero"'))
    train = (
        "train",
        "-p",
        "faulty",
        "--data",
        "xor",
        "--hidden",
        "2",
        "--iterations",
        "2",
        "--overwrite",
        "--out",
        "r",
    )
    done = call(*train, cwd=tmp_path)
    line = line_of(sys.modules[__name__], "zero").replace(str(__file__), str(tmp_path / "faulty.py"))
    last = f"modnet: {ZERO}{LEAVE_OUT} ({line})\n"
    assert (done.returncode, done.stderr) == (1, last)
    monkeypatch.setenv("MODNET_TRACEBACK", "1")
    done = call(*train, cwd=tmp_path)
    assert (done.returncode, done.stderr.startswith("Traceback")) == (1, True)
    assert done.stderr.endswith(last)
    assert "1 / 0  # zero\n" in done.stderr
