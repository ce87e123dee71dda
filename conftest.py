"""Fixtures of all tests, and the collector that runs the pages of the documentation.

README.md and each page of docs/ is one test: its blocks run from top to bottom in an empty folder, as a reader
would run them. A `python` block is run, one with `>>>` is compared with what it prints; a `console` block runs its
`$ modnet` and `$ pytest` lines, and what the Makefile has for `$ make demo`; a `text` block right below shows what they
print, up to times and a little rounding; a block that begins with a file's name in a comment is written to that file.
Other blocks are only read.
"""

from __future__ import annotations

import contextlib
import csv
import gc
import io
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

# Tests run side by side: linear algebra that spreads each of them over all cores makes all of them wait.
os.environ["OPENBLAS_NUM_THREADS"] = os.environ["OMP_NUM_THREADS"] = "1"

# What the user has approved is nobody's test's.
os.environ["MODNET_CONFIG"] = tempfile.mkdtemp(prefix="modnet-config-")

# Where Python is to keep no bytecode, each of the hundreds of processes of the tests would compile modnet anew, and
# each that runs pytest would rewrite the asserts of its plugins: that of what is collected is kept all the same.
sys.dont_write_bytecode = False

import numpy as np
import pytest
from hypothesis import settings
from processes import run_warm
from sybil import Document, Example, Region, Sybil
from sybil.example import SybilFailure
from sybil.parsers.markdown import CodeBlockParser, PythonCodeBlockParser

import modnet
from modnet.cli.main import main
from modnet.compose.plugins import load_plugins

pytest_plugins = ["modnet.testing.fixtures", "environments"]

# What a shell starts in the background ignores Ctrl-C, and so would each process that a test interrupts.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Files are not kept for a day without power: tests write tens of thousands, and would wait for the disk at each.
os.fsync = lambda _: None

# How long an example takes says how busy the machine is. CI tries the same examples each time; `make long` tries many:
# of a test, too, that takes a share of `settings.default.max_examples`, and no number of its own.
settings.register_profile("modnet", deadline=None)
settings.register_profile("ci", settings.get_profile("ci"), deadline=None, derandomize=True)
settings.register_profile("long", deadline=None, max_examples=2000)
settings.load_profile("ci" if os.environ.get("CI") else "modnet")

DOCS = Path(__file__).parent / "docs"
PROSE = {DOCS.parent / "README.md"} | set(DOCS.glob("*.md")) - set(DOCS.glob("*.ko.md"))  # whose code is the same
# They train whole networks: `make check` runs them, tests/test_chapters.py and test_weight_mirror.py a few iterations.
LONG = {DOCS / name for name in ("hidden-size.md", "chapter-6.md", "chapter-7.md", "weight-mirror.md")}
LONG_CHECKS = DOCS.parent / "tests" / "test_long_checks.py"  # each is a script of minutes
MAKEFILE = (DOCS.parent / "Makefile").read_text(encoding="utf-8")
FILE_NAME = re.compile(r"# (\S+\.(?:py|toml))\n")


@pytest.fixture(autouse=True)
def _names_in_examples(doctest_namespace: dict[str, object], request: pytest.FixtureRequest) -> None:
    doctest_namespace.update(np=np, modnet=modnet)
    if isinstance(request.node, pytest.DoctestItem):  # whose examples may write files
        request.getfixturevalue("monkeypatch").chdir(request.getfixturevalue("tmp_path"))


@pytest.fixture(scope="session")
def call() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Return a function that calls the command line within this process, which takes less time than a process does.

    The pictures of runs and comparisons are drawn if wanted, which takes longer than most of these runs.
    """

    def call(*arguments: str, cwd: Path, draws: bool = False, **environment: str) -> subprocess.CompletedProcess[str]:
        out, err, status = io.StringIO(), io.StringIO(), 0
        with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            patch.chdir(cwd)
            patch.setattr(sys, "argv", ["modnet", *arguments])
            patch.setattr("warnings.showwarning", None)  # which the command line sets
            if not draws:
                patch.setattr("modnet_figures.figures.try_to_draw", lambda *_: "")
            for name, value in environment.items():
                patch.setenv(name, value)
            try:
                main()
            except SystemExit as ended:
                status = int(ended.code or 0)
            if {"-p", "--plugin", "--without"} & {*arguments}:
                load_plugins()  # those that other tests find
        return subprocess.CompletedProcess(arguments, status, out.getvalue(), err.getvalue())

    return call


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Collect a page as one test: its blocks build on each other, whatever shuffles or spreads the tests."""
    return Page.from_parent(parent, path=file_path) if file_path in PROSE else None


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the pages and the long checks: whoever runs tests side by side would wait for the last of them.

    Of a sweep most cases are of `make check`. A number without a common divisor with the parameters' numbers of values
    takes each value of each of them.
    """
    items.sort(key=lambda item: not isinstance(item, Blocks) and item.path != LONG_CHECKS)
    cases = Counter[str]()
    for item in items:
        sweep = item.get_closest_marker("sweep")
        if sweep and not item.get_closest_marker("check"):
            function = item.nodeid.partition("[")[0]
            if cases[function] % sweep.kwargs["every"]:
                item.add_marker(pytest.mark.check)
            cases[function] += 1


def pytest_collection_finish() -> None:
    """Leave the tests themselves out of garbage collection, which some tests ask for again and again."""
    sys.dont_write_bytecode = bool(os.environ.get("PYTHONDONTWRITEBYTECODE"))
    gc.collect()
    gc.freeze()


def pytest_unconfigure() -> None:
    """Remove what the tests have approved."""
    shutil.rmtree(os.environ["MODNET_CONFIG"], ignore_errors=True)


class Page(pytest.File):
    """A page of prose with code in it."""

    def collect(self) -> Iterable[pytest.Item]:
        """Return its one test."""
        blocks = Blocks.from_parent(self, name="blocks")
        if self.path in LONG:
            blocks.add_marker(pytest.mark.check)
        return [blocks]


class Blocks(pytest.Item):
    """The blocks of a page, run in order."""

    def runtest(self) -> None:
        """Run them in an empty folder."""
        limit = csv.field_size_limit()  # SciPy's reader of ARFF sets another one
        before, registered = Path.cwd(), modnet.compose.plugins.get_host().registry.components()
        with tempfile.TemporaryDirectory() as folder:
            os.chdir(folder)
            try:
                for example in Sybil([_blocks]).parse(self.path):
                    example.evaluate()
            finally:
                os.chdir(before)
                csv.field_size_limit(limit)
        if modnet.compose.plugins.get_host().registry.components() != registered:
            pytest.fail("the page leaves something registered: call the function that undoes it")

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """Return what a reader needs: the place, what was expected and what came."""
        if isinstance(excinfo.value, SybilFailure):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """Return the name in reports."""
        return self.path, None, self.path.name


def _blocks(document: Document) -> Iterable[Region]:
    commands = list(CodeBlockParser("console", _run_commands)(document))
    yield from commands
    for region in CodeBlockParser("text", _compare)(document):
        if any(not document.text[c.end : region.start].strip() for c in commands if c.end <= region.start):
            yield region
    for parser in (PythonCodeBlockParser(), CodeBlockParser("toml", _read_only)):
        for region in parser(document):
            if isinstance(region.parsed, str) and FILE_NAME.match(region.parsed):
                region.evaluator = _write_file
            yield region


def _read_only(_: Example) -> None:
    """Leave a block alone."""


def _write_file(example: Example) -> None:
    name = FILE_NAME.findall(example.parsed)[0]
    Path(name).write_text(example.parsed, encoding="utf-8")


def _run_commands(example: Example) -> None:
    printed = ""
    typed = [line.removeprefix("$ ").partition("  #")[0] for line in example.parsed.splitlines() if line[:2] == "$ "]
    for line in (line for each in typed for line in _list_recipe(each)):
        program, *arguments = shlex.split(line)
        if program in {"modnet", "pytest"}:
            if program == "modnet":
                done = run_warm(*arguments, cwd=Path.cwd(), environment=os.environ)
            else:
                command = [sys.executable, "-m", program, *arguments]
                done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
            if done.returncode:
                pytest.fail(f"{example.path}:{example.line}: {line}\n{done.stderr}", pytrace=False)
            printed += done.stdout + done.stderr
    example.namespace["printed"] = printed


def _list_recipe(line: str) -> list[str]:
    """Return the commands that a target of the Makefile has for an environment that is there, or the line itself."""
    target = line.strip().removeprefix("make ")
    recipe = re.search(rf"(?m)^{re.escape(target)}:.*\n((?:\t.*\n)+)", MAKEFILE) if target != line.strip() else None
    return re.findall(r"(?m)^\t\$\(BIN\)/(.*)$", recipe[1]) if recipe else [line]


def _compare(example: Example) -> None:
    """Find every line that is shown among those that were printed, in order; `...` stands for any lines."""
    printed = iter(example.namespace["printed"].splitlines())
    for line in example.parsed.splitlines():
        if line != "..." and not any(_alike(line, other) for other in printed):
            pytest.fail(f"{example.path}:{example.line}: not printed: {line}", pytrace=False)


def _alike(shown: str, printed: str) -> bool:
    one, other = (re.sub(r" in (\d+ min)?( ?[\d.]+ s)?(?=:)", "", line).replace(",", "") for line in (shown, printed))
    number = re.compile(r"\d+(?:\.\d+)?")
    values = zip(number.findall(one), number.findall(other), strict=False)
    near = all(float(a) == pytest.approx(float(b), rel=0.02, abs=0.02 if "." in a else 0) for a, b in values)
    return near and number.sub("", one).split() == number.sub("", other).split()
