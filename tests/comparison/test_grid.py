"""The grid of settings: combinations, names, experiments."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import modnet
from modnet.comparison.grid import complete, create_settings, spread
from modnet.compose.experiment import PLACES, to_table
from modnet.compose.tables import Table


def labels(grid: dict[str, Any], experiment: dict[str, Any] | None = None) -> list[str]:
    return [setting.label for setting in create_settings(experiment or {}, grid)]


def test_all_combinations_in_order() -> None:
    grid = {"hidden": [10, 30], "optimizer": ["sgd", "adam"]}
    assert labels(grid) == [
        "hidden 10, optimizer sgd",
        "hidden 10, optimizer adam",
        "hidden 30, optimizer sgd",
        "hidden 30, optimizer adam",
    ]


def test_the_books_name_of_the_hidden_layer_is_known() -> None:
    assert create_settings({}, {"hidden_size": [10]}) == create_settings({}, {"hidden": [10]})


def test_nothing_that_varies_is_one_setting() -> None:
    (setting,) = create_settings({"network": {"hidden": [7]}}, {})
    assert (setting.label, setting.folder) == ("as it is", "as-it-is")
    assert setting.experiment.network.hidden == (7,)


@pytest.mark.parametrize(
    ("key", "value", "label"),
    [
        ("hidden", [100, 50], "hidden 100-50"),
        ("hidden", [], "hidden none"),
        ("activation", ["relu"], "activation relu"),
        ("activation", "leaky-relu", "activation leaky-relu"),
        ("lr", 0.25, "lr 0.25"),
        ("network.loss.eps", 0.0, "network.loss.eps 0"),
        ("network.weight_init_std", "he", "network.weight_init_std he"),
        ("optimizer", modnet.optimizer("momentum", lr=0.5), "optimizer momentum(lr=0.5, momentum=0.9, weight_decay=0)"),
        ("optimizer", {"name": "adam", "lr": 0.01}, "optimizer adam(lr=0.01)"),
        (
            "gradient",
            modnet.gradient("central-difference", h=1e-3),
            "gradient central-difference(h=0.001)",
        ),
    ],
)
def test_values_are_numbers_names_tables_or_ready_parts(key: str, value: Any, label: str) -> None:
    (setting,) = create_settings({}, {key: [value]})
    assert setting.label == label


def test_a_ready_part_comes_with_all_its_settings() -> None:
    (setting,) = create_settings({}, {"optimizer": [modnet.optimizer("momentum", lr=0.5, momentum=0.8)]})
    assert setting.experiment.optimizer == modnet.optimizer("momentum", lr=0.5, momentum=0.8)


def test_the_experiment_is_the_base_but_for_what_varies() -> None:
    base = {"seed": 4, "training": {"iterations": 7}, "optimizer": {"name": "adam", "lr": 0.01}}
    wanted = [setting.experiment for setting in create_settings(base, {"batch_size": [5, 6]})]
    assert [experiment.training.batch_size for experiment in wanted] == [5, 6]
    assert {experiment.training.iterations for experiment in wanted} == {7}
    assert {experiment.seed for experiment in wanted} == {4}
    assert {experiment.optimizer for experiment in wanted} == {modnet.optimizer("adam", lr=0.01)}


def test_a_learning_rate_goes_with_each_of_the_optimizers() -> None:
    both = create_settings({}, {"optimizer": ["sgd", "adam"], "lr": [0.5]})
    assert [to_table(setting.experiment)["optimizer"]["lr"] for setting in both] == [0.5, 0.5]


LR = {"name": "cosine", "initial": 0.2}
NAMES = ["sgd", "adam"]


@pytest.mark.parametrize(
    ("table", "grid", "found", "axes"),
    [
        ({"optimizer": {"lr": 0.5}}, {"optimizer": NAMES}, {}, {"lr": [0.5]}),
        ({"optimizer": {"lr": LR}}, {"optimizer.name": NAMES}, {}, {"lr": [LR]}),
        ({"optimizer": {"lr": 0.5}}, {"optimizer": NAMES, "lr": [1.0]}, {"lr": 0.5}, {}),
        ({"optimizer": {"name": "sgd", "lr": 0.5}}, {"optimizer": NAMES}, {"name": "sgd", "lr": 0.5}, {}),
        ({"optimizer": {"lr": 0.5}}, {"hidden": [1, 2]}, {"lr": 0.5}, {}),
        ({"optimizer": "sgd"}, {"optimizer": NAMES}, "sgd", {}),
    ],
)
def test_settings_beside_a_name_that_varies_are_for_all_names(
    table: Table, grid: dict[str, Any], found: object, axes: dict[str, Any]
) -> None:
    before = repr(table)
    assert spread(table, grid) == ({"optimizer": found}, {**grid, **axes})
    assert repr(table) == before


def test_what_makes_no_experiment_without_the_grid_begins_with_its_first_values() -> None:
    cosine = {"optimizer": {"lr": {"name": "cosine"}}}
    assert complete(cosine, {"optimizer.lr.initial": [0.2, 0.1]}) == {"optimizer": {"lr": LR}}
    assert complete({"seed": 1}, {"lr": [0.2, 0.1]}) == {"seed": 1}


@settings(max_examples=settings.default.max_examples // 4)
@given(st.lists(st.integers(1, 10**6), min_size=1, max_size=8, unique=True), st.floats(1e-9, 1e9))
def test_every_setting_has_a_folder_of_its_own_that_any_system_can_have(widths: list[int], lr: float) -> None:
    folders = [setting.folder for setting in create_settings({}, {"hidden": widths, "lr": [lr]})]
    assert len({folder.lower() for folder in folders}) == len(widths)
    assert all(set(folder) <= set("abcdefghijklmnopqrstuvwxyz0123456789,.+-_") for folder in folders)


def test_a_folder_of_many_callbacks_has_a_name_that_any_system_can_have() -> None:
    names = ["early-stopping", "reduce-on-plateau", "best-checkpoint", "json-log", "gradient-report"]
    each = [[modnet.callback(name) for name in names[:3]], [modnet.callback(name) for name in names]]
    folders = [setting.folder for setting in create_settings({}, {"callbacks": each})]
    assert len(set(folders)) == 2
    assert max(len(folder.encode()) for folder in folders) == 255


def test_values_of_an_array_are_its_numbers() -> None:
    grid: dict[str, Any] = {"lr": np.array([0.5, 0.25]), "hidden": np.array([3, 4])}
    assert create_settings({}, grid) == create_settings({}, {"lr": [0.5, 0.25], "hidden": [3, 4]})


class TestMistakes:
    @pytest.mark.parametrize(
        ("grid", "words"),
        [
            ({"seed": ["a"]}, "grid: 'seed' cannot vary: "),
            ({"data": ["a"]}, "grid: 'data' cannot vary: "),
            ({"data.label": ["a"]}, "grid: 'data.label' cannot vary: "),
            ({"validation": [0.1, 0.2]}, "grid: 'validation' cannot vary: "),
            ({"plugins.without": ["a"]}, "grid: 'plugins.without' cannot vary: "),
            ({"metrics": [["macro-f1"], []]}, "grid: 'metrics' cannot vary: "),
            ({"metrics.0.k": [2, 3]}, "grid: 'metrics.0.k' cannot vary: "),
            ({"activation": "relu"}, "grid: 'activation' must be a list of values, not "),
            ({"activation": 3}, "grid: 'activation' must be a list of values, not "),
            ({"activation": []}, "grid: 'activation' must be a list of values, not "),
            ({"hidden": [3], "hidden_size": [4]}, "grid: 'hidden' and 'hidden_size' are the same entry: leave one out"),
            ({"lr": [0.1], "optimizer.lr": [0.2]}, "grid: 'lr' and 'optimizer.lr' are the same entry: leave one out"),
            ({"hidden": [3, 3]}, "grid: twice the same: "),
            ({"hidden": [3, [3]]}, "grid: twice the same: "),
            ({"lr": [0.1, 0.1]}, "grid: twice the same: "),
            ({"training.batchsize": [1]}, "unknown setting 'batchsize', did you mean 'batch_size'"),
            ({"batch_size": [10, 0]}, "'batch_size' must be >= 1: 0"),
        ],
    )
    def test_a_grid_that_cannot_be(self, grid: dict[str, Any], words: str) -> None:
        with pytest.raises(modnet.SettingError, match=re.escape(words)):
            create_settings({}, grid)

    def test_numbers_that_six_digits_do_not_tell_apart(self) -> None:
        values = [0.1, 0.1 + 1e-12, 0.2]
        assert [each.folder for each in create_settings({}, {"lr": values})] == [f"lr-{value!r}" for value in values]
        assert [each.label for each in create_settings({}, {"lr": [1 / 3, 0.2]})] == ["lr 0.3333333333333333", "lr 0.2"]

    def test_a_name_that_nothing_has(self) -> None:
        with pytest.raises(modnet.ModnetError, match="did you mean 'sigmoid'"):
            create_settings({}, {"activation": ["relu", "sigmod"]})

    def test_a_part_that_has_no_name(self) -> None:
        class Own(modnet.Activation):
            elementwise = True

            def __call__(self, a: Any, axis: int = -1) -> Any:
                return a

        with pytest.raises(modnet.SettingError, match="Own is not registered"):
            create_settings({}, {"activation": [Own()]})


def test_every_option_but_the_seed_and_those_of_the_samples_can_vary() -> None:
    one_each = {
        "hidden": 3, "activation": "tanh", "output": "softmax", "loss": "cross-entropy", "gradient": "spsa",
        "optimizer": "adam", "lr": 0.3, "batch_size": 2, "iterations": 3, "sampling": "shuffle", "array": "torch",
        "device": "cuda",
    }  # fmt: skip
    assert one_each.keys() == PLACES.keys() - {"seed", "validation"}
    for key, value in one_each.items():
        assert labels({key: [value]})[0].startswith(f"{key} ")
