"""Parameters on disk: atomic, bit for bit, without pickle."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from modnet import DataError
from modnet.checkpoint import load_params, params_sha256, save_params
from modnet.files import write_atomically

floats = arrays(st.sampled_from([np.float32, np.float64]), array_shapes(max_dims=3, max_side=4))


@given(st.dictionaries(st.sampled_from(["W1", "b1", "W2", "b2"]), floats))
def test_parameters_come_back_bit_for_bit(tmp_path_factory: pytest.TempPathFactory, params) -> None:
    path = tmp_path_factory.mktemp("params") / "params.npz"
    save_params(path, params, {"classes": ["α", 1]})
    again, about = load_params(path)
    assert about == {"classes": ["α", 1]}
    assert params_sha256(again) == params_sha256(params)
    assert {name: (p.dtype, p.tobytes()) for name, p in again.items()} == {
        name: (p.dtype, p.tobytes()) for name, p in params.items()
    }


class TestDigest:
    def test_one_bit_changes_it(self) -> None:
        w = np.ones(3)
        assert params_sha256({"w": w}) != params_sha256({"w": np.nextafter(w, 2)})

    def test_names_shapes_and_dtypes_count(self) -> None:
        w = np.zeros(4)
        digests = {params_sha256(p) for p in ({"w": w}, {"v": w}, {"w": w.reshape(2, 2)}, {"w": w.astype("f4")}, {})}
        assert len(digests) == 5

    def test_order_and_memory_layout_do_not(self) -> None:
        w, b = np.arange(6.0).reshape(2, 3), np.ones(2)
        assert params_sha256({"w": w, "b": b}) == params_sha256({"b": b, "w": np.asfortranarray(w)})


class TestDamage:
    def test_a_flipped_byte_is_found(self, tmp_path: Path) -> None:
        path = tmp_path / "params.npz"
        save_params(path, {"W1": np.ones((20, 20))}, {})
        content = bytearray(path.read_bytes())
        content[1000] ^= 1
        path.write_bytes(content)
        with pytest.raises(DataError, match="not the parameters of a run, or damaged"):
            load_params(path)

    def test_a_truncated_file_is_found(self, tmp_path: Path) -> None:
        path = tmp_path / "params.npz"
        save_params(path, {"W1": np.ones((20, 20))}, {})
        path.write_bytes(path.read_bytes()[:-40])
        with pytest.raises(DataError, match="damaged"):
            load_params(path)

    def test_a_pickle_is_never_loaded(self, tmp_path: Path) -> None:
        path = tmp_path / "params.npz"
        path.write_bytes(pickle.dumps({"W1": [1.0]}))
        with pytest.raises(DataError, match="not the parameters of a run"):
            load_params(path)

    def test_a_missing_file(self, tmp_path: Path) -> None:
        with pytest.raises(DataError, match="there are no parameters"):
            load_params(tmp_path / "params.npz")


class TestAtomicWrites:
    def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(self, tmp_path: Path, monkeypatch) -> None:
        path = tmp_path / "file"
        path.write_bytes(b"old")

        def no_space(descriptor: int) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(os, "fsync", no_space)
        with pytest.raises(OSError, match="No space left"):
            write_atomically(path, b"new")
        assert path.read_bytes() == b"old"
        assert list(tmp_path.iterdir()) == [path]

    def test_the_files_mode_is_that_of_any_new_file(self, tmp_path: Path) -> None:
        (tmp_path / "plain").write_bytes(b"")
        write_atomically(tmp_path / "file", b"new")
        assert (tmp_path / "file").stat().st_mode == (tmp_path / "plain").stat().st_mode
