"""Parameters and checkpoints on disk: atomic, bit for bit, without pickle."""

from __future__ import annotations

import json
import math
import os
import pickle
import tempfile
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

import modnet
from modnet import Checkpoint, DataError, History, PluginError, SettingError, ShapeError
from modnet.files import write_atomically
from modnet.nn.arrays import to_numpy
from modnet.nn.checkpoint import CHECKPOINT, PREVIOUS, Checkpoints, flatten_state, hash_params, load_params, save_params

floats = arrays(st.sampled_from([np.float32, np.float64]), array_shapes(max_dims=3, max_side=4))


@given(st.dictionaries(st.sampled_from(["W1", "b1", "W2", "b2"]), floats))
def test_parameters_come_back_bit_for_bit(tmp_path_factory: pytest.TempPathFactory, params) -> None:
    path = tmp_path_factory.mktemp("params") / "params.npz"
    save_params(path, params, {"classes": ["α", 1]})
    again, about = load_params(path)
    assert about == {"classes": ["α", 1]}
    assert hash_params(again) == hash_params(params)
    assert {name: (p.dtype, p.tobytes()) for name, p in again.items()} == {
        name: (p.dtype, p.tobytes()) for name, p in params.items()
    }


class TestDigest:
    def test_one_bit_changes_it(self) -> None:
        w = np.ones(3)
        assert hash_params({"w": w}) != hash_params({"w": np.nextafter(w, 2)})

    def test_names_shapes_and_dtypes_count(self) -> None:
        w = np.zeros(4)
        digests = {hash_params(p) for p in ({"w": w}, {"v": w}, {"w": w.reshape(2, 2)}, {"w": w.astype("f4")}, {})}
        assert len(digests) == 5

    def test_order_and_memory_layout_do_not(self) -> None:
        w, b = np.arange(6.0).reshape(2, 3), np.ones(2)
        assert hash_params({"w": w, "b": b}) == hash_params({"b": b, "w": np.asfortranarray(w)})


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
        with pytest.raises(DataError, match="the parameters are missing: has the run been started"):
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


PARAMS = {"W1": np.arange(6.0).reshape(2, 3) / 7, "b1": np.ones(3, np.float32)}


def checkpoint(iteration: int = 4, params: Any = PARAMS) -> Checkpoint:
    optimizer = modnet.optimizer("adam")
    _, state = optimizer.step(params, {name: value + 1 for name, value in params.items()}, optimizer.init(params))
    history = History(
        [0.1, 1 / 3, 1e-300, 2.0], [2, 4], {"train_accuracy": [0.5, 1.0], "test_accuracy": [0.25, float("nan")]}
    )
    return Checkpoint(iteration, params, (flatten_state(optimizer, state, state),), history.until(iteration), 1.5)


def on(folder: Path) -> Checkpoints:
    return Checkpoints(folder, {"of": "α"})


def restore(found: Checkpoint) -> Any:
    return found.restore(0, modnet.optimizer("adam").init(found.params))


@pytest.fixture(scope="module")
def sealed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a checkpoint."""
    folder = tmp_path_factory.mktemp("sealed")
    on(folder).save(checkpoint())
    return folder


class TestCheckpoints:
    def test_all_of_it_comes_back_to_the_last_bit(self, tmp_path: Path) -> None:
        params = {"W1": np.asfortranarray(PARAMS["W1"]), "a/b": np.zeros((0, 2)), "file": np.array(3.0)}
        saved = checkpoint(params=params)
        on(tmp_path).save(saved)
        loaded = on(tmp_path).load()
        assert loaded
        found, about = loaded
        assert about == {"of": "α"}
        assert (found.iteration, found.states[0][0], found.seconds) == (4, "adam", 1.5)
        assert repr(found.history) == repr(saved.history)
        assert hash_params(found.params) == hash_params(params)
        assert found.params["W1"].flags.f_contiguous  # another layout may be summed in another order
        assert restore(found)["steps"] == 1
        for part in ("mean", "mean_square"):
            assert hash_params(restore(found)[part]) == hash_params(restore(saved)[part])

    def test_it_is_an_npz_file_without_a_pickle(self, sealed: Path) -> None:
        with np.load(sealed / CHECKPOINT, allow_pickle=False) as file:
            header = json.loads(str(file["header"]))
            assert header["version"] == 1
            _, ((name, (_, number)), _) = header["params"]
            assert name == "W1"
            assert np.array_equal(file[str(number)], PARAMS["W1"])

    def test_nothing_has_been_saved(self, tmp_path: Path) -> None:
        assert on(tmp_path).load() is None

    def test_the_last_two_are_kept_and_nothing_else(self, tmp_path: Path) -> None:
        checkpoints = on(tmp_path)
        for iteration in (1, 2, 3):
            checkpoints.save(checkpoint(iteration))
        assert sorted(path.name for path in tmp_path.iterdir()) == [PREVIOUS, CHECKPOINT]
        (tmp_path / CHECKPOINT).unlink()
        with pytest.warns(UserWarning, match=r"checkpoint\.npz: missing; the one before is used, of iteration 2"):
            found = on(tmp_path).load()
        assert found
        assert found[0].iteration == 2
        checkpoints.discard()
        assert not list(tmp_path.iterdir())

    def test_a_damaged_one_never_takes_the_place_of_a_good_one(self, tmp_path: Path) -> None:
        on(tmp_path).save(checkpoint(1))
        (tmp_path / CHECKPOINT).rename(tmp_path / PREVIOUS)
        (tmp_path / CHECKPOINT).write_bytes(b"torn")
        good = (tmp_path / PREVIOUS).read_bytes()
        again = on(tmp_path)
        with pytest.warns(UserWarning, match="damaged, its digest is not that of its content; the one before is used"):
            again.load()
        again.save(checkpoint(2))
        assert (tmp_path / PREVIOUS).read_bytes() == good
        again.save(checkpoint(3))
        assert (tmp_path / PREVIOUS).read_bytes() != good

    def test_where_both_are_damaged_it_is_said_of_both(self, tmp_path: Path) -> None:
        (tmp_path / CHECKPOINT).write_bytes(b"")
        (tmp_path / PREVIOUS).write_bytes(b"x" * 1000)
        with pytest.raises(
            DataError,
            match=r"checkpoint\.npz: damaged.*\n.*previous\.npz: damaged.*\n.*start it again from the beginning",
        ):
            on(tmp_path).load()

    def test_a_folder_in_its_place_is_an_error_not_a_beginning_from_0(self, tmp_path: Path) -> None:
        (tmp_path / CHECKPOINT).mkdir()
        with pytest.raises(DataError, match=r"checkpoint\.npz: a folder, expected a file"):
            on(tmp_path).load()

    def test_a_later_format_is_named(self, tmp_path: Path, monkeypatch) -> None:
        monkeypatch.setattr("modnet.nn.checkpoint.VERSION", 2)
        on(tmp_path).save(checkpoint())
        monkeypatch.undo()
        with pytest.raises(DataError, match=r"not a checkpoint of this run \(of format 2, this modnet reads 1"):
            on(tmp_path).load()

    @given(st.data())
    def test_whatever_byte_is_changed_it_is_found(self, sealed: Path, data: st.DataObject) -> None:
        content = (sealed / CHECKPOINT).read_bytes()
        place = data.draw(st.integers(0, len(content) - 1))
        changed = content[:place] + bytes([content[place] ^ data.draw(st.integers(1, 255))]) + content[place + 1 :]
        self._is_refused(sealed, changed)

    @given(st.data())
    def test_wherever_it_is_cut_it_is_found(self, sealed: Path, data: st.DataObject) -> None:
        content = (sealed / CHECKPOINT).read_bytes()
        self._is_refused(sealed, content[: data.draw(st.integers(0, len(content) - 1))])
        self._is_refused(sealed, content + data.draw(st.binary(min_size=1)))

    @staticmethod
    def _is_refused(sealed: Path, content: bytes) -> None:
        with tempfile.TemporaryDirectory(dir=sealed) as folder:
            (Path(folder) / CHECKPOINT).write_bytes(content)
            with pytest.raises(DataError, match="damaged, its digest is not that of its content"):
                on(Path(folder)).load()

    @pytest.mark.parametrize(
        ("wrong", "words"),
        [({"factor": factor}, "seconds and factor") for factor in ("2", True, math.inf, math.nan, -1.0)]
        + [({"seconds": seconds}, "seconds and factor") for seconds in (-1.0, math.nan, None)]
        + [
            ({"history": history}, "a history that is none of 4 iterations")
            for history in (
                History([0.1] * 3),
                History([0.1] * 4, [2, 5], {}),
                History([0.1] * 4, [4, 2], {}),
                History([0.1] * 4, [2, 4], {"train_accuracy": [0.5]}),
                History([0.1] * 4, [4], {"train_accuracy": ["x"]}),  # type: ignore[list-item]
                History([0.1] * 4, [4], {"a\x1b[31m\n": [0.5]}),
            )
        ],
    )
    def test_a_forged_one_is_no_checkpoint(self, tmp_path: Path, wrong: dict[str, Any], words: str) -> None:
        on(tmp_path).save(attrs.evolve(checkpoint(), **wrong))
        with pytest.raises(DataError, match=rf"not a checkpoint of this run \(.*{words}"):
            on(tmp_path).load()

    @pytest.mark.parametrize("node", [["array", 99], ["fields", [["a", 1]]], ["list"], ["what", 1], [[]], ["dict", 3]])
    def test_a_state_of_another_structure_is_no_state(self, node: Any) -> None:
        found = Checkpoint(4, PARAMS, (("adam", (node, [])),), History(), 0.0)
        with pytest.raises(DataError, match="the checkpoint's state of adam is of another structure than now: "):
            restore(found)

    def test_a_state_that_cannot_be_kept_is_named_with_its_optimizer_and_place(self) -> None:
        class Hoarder(modnet.Optimizer):
            def init(self, params: Any) -> Any:
                return {"seen": set()}

            def step(self, params: Any, grads: Any, state: Any) -> Any:
                return params, state

        words = r"^a checkpoint cannot hold the state of the optimizer hoarder \(set at state\['seen'\]\): use arrays, "
        with pytest.raises(PluginError, match=words):
            flatten_state(Hoarder(), {"seen": set()}, {"seen": set()})


class TestContinuedInPython:
    def test_another_optimizer(self) -> None:
        with pytest.raises(SettingError, match="start: the checkpoint is of the optimizer adam, not sgd"):
            checkpoint().check(PARAMS, modnet.optimizer("sgd"))

    @pytest.mark.parametrize(
        ("params", "words"),
        [
            ({"W1": np.ones((2, 4)), "b1": PARAMS["b1"]}, r"W1 is float64 \(2, 3\) in it, here it is float64 \(2, 4\)"),
            ({"W1": PARAMS["W1"]}, r"b1 is float32 \(3,\) in it, here it is missing"),
            ({**PARAMS, "W2": np.ones(1)}, r"W2 is missing in it, here it is float64 \(1,\)"),
        ],
    )
    def test_another_network(self, params: Any, words: str) -> None:
        with pytest.raises(ShapeError, match=words):
            checkpoint().check(params, modnet.optimizer("adam"))

    @pytest.mark.parametrize("array", ["numpy", "array-api-strict"])
    def test_the_state_after_the_last_step_continues_on_other_data(self, array: str) -> None:
        rows = np.random.default_rng(0).normal(size=(24, 3))
        whole = modnet.Dataset.from_arrays(rows, np.arange(24) % 2, test_fraction=0, standardize=False, scale=1.0)
        parts = [whole.with_parts({**whole.parts, "train": each}) for each in take_halves(whole.train)]
        settings: Any = {"optimizer": "adam", "batch_size": 12, "sampling": "shuffle", "iterations": 1}
        net = modnet.Network([3, 4, 2], hidden="tanh", weight_init="he", array=array)
        first = modnet.train(net, parts[0], **settings)
        second = modnet.train(
            net, parts[1], **settings, start=attrs.evolve(first.final, iteration=0, history=History())
        )
        adam = modnet.optimizer("adam")
        params, state = net.params, adam.init(net.params)
        for part in parts:
            x, t = (net.library.convert(each) for each in (part.train.x, part.train.t))
            params, state = adam.step(params, net.with_arrays(params).gradient(x, t), state)
        assert (first.final.iteration, first.checkpoint.iteration) == (1, 0)
        for name, value in params.items():
            np.testing.assert_allclose(to_numpy(second.params[name]), to_numpy(value), rtol=1e-12)


def take_halves(samples: modnet.Samples) -> list[modnet.Samples]:
    return [attrs.evolve(samples, x=samples.table[i::2], t=samples.t[i::2]) for i in range(2)]
