"""Fingerprints of data, code and machine."""

from __future__ import annotations

import os
import subprocess
import sys
import types
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import modnet
from modnet import Dataset
from modnet.data import fingerprint
from modnet.data.fingerprint import data_fingerprint
from modnet.files.code import code_fingerprint
from modnet.host.entry_points import list_code
from modnet.runs.surroundings import describe_machine, list_libraries

pixels = hnp.arrays(np.uint8, st.tuples(st.integers(1, 20), st.integers(1, 4)))
numbers = hnp.arrays(np.float64, st.tuples(st.integers(1, 20), st.integers(1, 4)), elements=st.floats(-300, 300))


def of(x: Any, labels: Any = None, **settings: Any) -> dict[str, Any]:
    labels = [i % 2 for i in range(len(x))] if labels is None else labels
    return data_fingerprint(Dataset.from_arrays((x, labels), **{"test_fraction": 0, "scale": 1, **settings}))


def differing(first: dict[str, Any], second: dict[str, Any]) -> set[str]:
    return {key for key in first if first[key] != second[key]}


class TestData:
    @given(pixels, st.sampled_from([np.int64, np.float32, np.float64, ">f8", ">i4", np.uint16]))
    def test_the_dtype_does_not_matter(self, x: Any, dtype: Any) -> None:
        assert of(x) == of(x.astype(dtype)) == of(np.asfortranarray(x))

    @given(numbers, st.data())
    def test_any_other_number_does(self, x: Any, data: st.DataObject) -> None:
        other = x.copy()
        place = tuple(data.draw(st.integers(0, size - 1)) for size in x.shape)
        other[place] = data.draw(st.one_of(st.just(np.nextafter(x[place], np.inf)), st.floats(-300, 300)))
        same = np.array_equal(x.view(np.int64), other.view(np.int64))
        assert differing(of(x), of(other)) == (set() if same else {"training features"})

    def test_blocks_end_nowhere_in_particular(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """One byte tells two sets of many blocks apart, in whichever block it is."""
        monkeypatch.setattr(fingerprint, "BLOCK", 8)
        x = np.arange(40, dtype=np.uint8).reshape(20, 2)
        found = set()
        for row in range(20):
            other = x.copy()
            other[row, 1] += 100
            found.add(of(other)["training features"])
        assert len(found | {of(x)["training features"]}) == 21

    def test_what_differs_is_reported(self) -> None:
        x, labels = np.arange(8.0).reshape(4, 2), ["a", "b", "a", "b"]
        first = of(x, labels)
        assert differing(first, of(x[::-1], labels)) == {"training features"}
        assert differing(first, of(x, labels[::-1])) == {"training labels"}
        assert differing(first, of(x, ["a", "c", "a", "c"])) == {"names of the classes"}
        assert differing(first, of(x, labels, scale=2)) == {"divisor"}
        assert differing(first, of(x, labels, test_fraction=0.5)) > {"training rows", "test rows", "test features"}
        halves = [of(x, labels, test_fraction=0.5, split_seed=seed) for seed in range(9)]
        assert len({half["test features"] for half in halves}) > 1

    def test_numbers_and_text_are_different_classes(self) -> None:
        x = np.zeros((2, 1))
        assert differing(of(x, [1, 2]), of(x, ["1", "2"])) == {"names of the classes"}

    def test_the_same_digits_from_any_format(self, tmp_path: Path) -> None:
        data = modnet.load("mnist-small")
        found = [data_fingerprint(data)]
        for source, name in (("csv", "digits.csv"), ("npz", "digits.npz"), ("pickle", "digits.pkl"), ("idx", "d")):
            folder = tmp_path / source
            folder.mkdir()
            part = modnet.source(source)
            path = part.write(data, folder / (name if source != "idx" else "train-images-idx3-ubyte"))[0]
            found.append(data_fingerprint(modnet.load(path)))
        assert all(other == found[0] for other in found)

    def test_where_the_rows_lie_does_not(self) -> None:
        x, t = np.arange(12.0).reshape(6, 2), np.array([0, 1, 0, 1, 0, 1])
        split = Dataset.from_arrays((x, t), test_fraction=0.4, scale=1)
        apart = Dataset.from_arrays((split.train.x, split.train.t), (split.test.x, split.test.t), scale=split.scale)
        assert data_fingerprint(split) == data_fingerprint(apart)


@pytest.fixture
def package(tmp_path: Path) -> Path:
    folder = tmp_path / "shared" / "part"
    (folder / "inner").mkdir(parents=True)
    (folder / "__init__.py").write_text("from shared.part.inner import deep\n")
    (folder / "inner" / "__init__.py").write_text("")
    (folder / "inner" / "deep.py").write_text("A = 1\n")
    (tmp_path / "alone.py").write_text("A = 1\n")
    return tmp_path


def code(package: Path, module: str) -> tuple[str, str]:
    """Return the fingerprint as another process finds it: a module is imported once."""
    ask = f"import {module}; from modnet.files.code import code_fingerprint as f; print(*f({module!r}))"
    path = f"{package}:{':'.join(sys.path)}"
    done = subprocess.run([sys.executable, "-B", "-c", ask], env={"PYTHONPATH": path}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    name, _, digest = done.stdout.strip().partition(" ")
    return name, digest


class TestCode:
    def test_it_is_that_of_the_whole_package_but_not_of_a_shared_namespace(self, package: Path) -> None:
        name, first = code(package, "shared.part.inner.deep")
        assert name == "shared.part"
        assert code(package, "shared.part") == (name, first)
        (package / "shared" / "stranger.py").write_text("B = 2\n")
        (package / "shared" / "part" / "notes.txt").write_text("no code")
        assert code(package, "shared.part") == (name, first)
        (package / "shared" / "part" / "inner" / "deep.py").write_text("A = 2\n")
        _, second = code(package, "shared.part")
        (package / "shared" / "part" / "inner" / "deep.py").rename(package / "shared" / "part" / "deep.py")
        (package / "shared" / "part" / "__init__.py").write_text("")
        _, third = code(package, "shared.part")
        assert len({first, second, third}) == 3

    def test_a_module_is_its_file(self, package: Path) -> None:
        name, first = code(package, "alone")
        (package / "beside.py").write_text("B = 2\n")
        assert code(package, "alone") == (name, first) == ("alone", first)
        (package / "alone.py").write_text("A = 2\n")
        assert code(package, "alone")[1] != first

    def test_what_only_has_the_name_of_a_file_of_code_is_none(
        self, package: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A pipe would be waited for, a folder and a dangling link cannot be read."""
        part = package / "shared" / "part"
        _, first = code(package, "shared.part")
        os.mkfifo(part / "pipe.py")
        (part / "folder.py").mkdir()
        (part / "gone.py").symlink_to(package / "nowhere.py")
        assert code(package, "shared.part")[1] == first
        module = types.ModuleType("part")
        module.__file__ = str(part / "__init__.py")
        monkeypatch.setitem(sys.modules, "part", module)
        assert list_libraries({"no-such-distribution": "part"}) == list_libraries({})
        assert len(list_code("part")) == 3

    def test_what_has_no_file_has_none(self) -> None:
        assert code_fingerprint("sys") == ("sys", "")
        assert code_fingerprint("no.such.module") == ("no.such.module", "")


class TestEnvironment:
    def test_a_library_that_a_plugin_requires_is_named_once(self) -> None:
        required = list_libraries({"hypothesis": "hypothesis", "no-such-distribution": "no_such_package"})
        assert "sortedcontainers" in required
        assert required["numpy"] == np.__version__
        assert set(list_libraries({})) < set(required)

    def test_the_machine_is_the_same_when_asked_again(self) -> None:
        assert describe_machine() == describe_machine()
        assert describe_machine()["machine"]
