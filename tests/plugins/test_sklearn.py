"""Estimators for scikit-learn: its own checks, its tools, and what is modnet's."""

from __future__ import annotations

import copy
import pickle
import re
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pandas as pd
import pytest
import sklearn
from joblib import parallel_config
from packaging.version import Version
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import load_diabetes, load_iris, load_wine, make_classification
from sklearn.exceptions import ConvergenceWarning, InconsistentVersionWarning, NotFittedError
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.inspection import permutation_importance
from sklearn.model_selection import GridSearchCV, HalvingGridSearchCV, cross_val_score, cross_validate
from sklearn.multioutput import MultiOutputClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from sklearn.utils.estimator_checks import check_estimator, estimator_checks_generator

import modnet
from modnet.sklearn import ModnetClassifier, ModnetRegressor

IRIS = load_iris(return_X_y=True)
# A few of the checks, for `make test`: all of them train over a hundred networks.
SOME = re.compile(
    "params|tags|clone|pickle|sample_weights?_|nan_inf|complex|sparse|partial_fit|one_label|2d|empty|names"
)


def small(**settings: Any) -> ModnetClassifier:
    return ModnetClassifier(**{"hidden_layer_sizes": 8, "random_state": 0, **settings})


def copy_by_pickle(model: Any) -> Any:
    return pickle.loads(pickle.dumps(model))  # noqa: S301 - our own


def test_a_new_fit_has_nothing_of_the_last_one() -> None:
    model = small(max_iter=2, early_stopping=True, tol=None).fit(*IRIS)
    assert model.best_validation_score_ > 0
    model.set_params(early_stopping=False).fit(*IRIS)
    assert not hasattr(model, "best_validation_score_")


def test_a_pair_of_a_name_and_settings_is_one_callback() -> None:
    model = small(max_iter=2, tol=None, callbacks=("early-stopping", {"patience": 1})).fit(*IRIS)
    assert [modnet.find_name(part) for part in model.run_.callbacks.parts] == ["early-stopping"]


def test_pictures_are_of_rows_and_targets_as_the_network_has_learned_them() -> None:
    X, y = load_diabetes(return_X_y=True)
    model = copy_by_pickle(ModnetRegressor(4, max_iter=2, tol=None, random_state=0).fit(X, y))
    axes = modnet.figures.gradient_sizes.from_estimator(model, X, y).axes[0]
    learned = (y - y.mean()) / y.std()
    grads = model.network_.gradient(StandardScaler().fit_transform(X)[:100], learned[:100, None], "backpropagation")
    drawn = [line.get_xdata()[0] for line in axes.lines if line.get_marker() == "o" and len(line.get_xdata())]
    np.testing.assert_allclose(drawn, [np.sqrt((grad**2).mean()) for grad in grads.values()])


@pytest.mark.check
@pytest.mark.parametrize("cls", [ModnetClassifier, ModnetRegressor])
def test_every_check_of_scikit_learn_passes(cls: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCIPY_ARRAY_API", "1")  # without which one is skipped
    with warnings.catch_warnings(action="ignore"):
        found = check_estimator(cls(), on_fail=None, on_skip=None)
    assert len(found) > 55
    assert {check["check_name"]: check["exception"] for check in found if check["status"] != "passed"} == {}
    assert not any(check["expected_to_fail"] for check in found)


@pytest.mark.parametrize("cls", [ModnetClassifier, ModnetRegressor])
def test_some_checks_of_scikit_learn_pass(cls: Any) -> None:
    count = 0
    with warnings.catch_warnings(action="ignore"):
        for estimator, check in estimator_checks_generator(cls(hidden_layer_sizes=4, max_iter=40)):
            if SOME.search(check.func.__name__):
                check(estimator)
                count += 1
    assert count > 15


class TestFit:
    def test_the_defaults_learn_unscaled_features(self) -> None:
        X, y = load_wine(return_X_y=True)
        assert cross_val_score(ModnetClassifier(random_state=0), X, y, cv=3).mean() > 0.95

    def test_it_is_modnets_own_run(self) -> None:
        X, y = IRIS
        fitted = small(tol=None, max_iter=20).fit(X, y)
        data = modnet.Dataset.from_arrays(X, y, standardize=True, test_fraction=0)
        run = modnet.train(
            modnet.Network([4, 8, 3], hidden="relu", weight_init="xavier", seed=0),
            data,
            optimizer=modnet.optimizer("adam", lr=0.003),
            batch_size=75,
            iterations=40,
            sampling="shuffle",
        )
        for name, value in run.params.items():
            np.testing.assert_array_equal(fitted.network_.params[name], value)
        assert (fitted.n_iter_, len(fitted.loss_curve_)) == (20, 20)
        np.testing.assert_array_equal(fitted.predict_proba(X), run.predict_proba(X))
        np.testing.assert_array_equal(fitted.predict_proba(X), fitted.run_.predict_proba(X))

    def test_same_random_state_same_bits(self) -> None:
        X, y = IRIS
        states: list[Any] = [3, np.int64(3), np.random.RandomState(3)]
        found = [
            [small(random_state=state, max_iter=2, tol=None).fit(X, y).predict_proba(X) for _ in range(2)]
            for state in states
        ]
        for one, other in found[:2]:
            np.testing.assert_array_equal(one, other)
        assert not np.array_equal(*found[2])  # whose state moves on, as scikit-learn's rules have it
        np.testing.assert_array_equal(found[0], found[1])
        again = small(random_state=np.random.RandomState(3), max_iter=2, tol=None).fit(X, y)
        np.testing.assert_array_equal(again.predict_proba(X), found[2][0])
        one, other = (small(random_state=None, max_iter=2, tol=None).fit(X, y).predict_proba(X) for _ in range(2))
        assert not np.array_equal(one, other)

    def test_labels_are_text_and_frames_have_names(self) -> None:
        frame = pd.DataFrame(IRIS[0], columns=["a", "b", "c", "d"])
        labels = np.array(["red", "green", "blue"])[IRIS[1]]
        fitted = small(max_iter=30, tol=None, learning_rate_init=0.02).fit(frame, labels)
        assert fitted.classes_.tolist() == ["blue", "green", "red"]
        assert fitted.feature_names_in_.tolist() == list(frame.columns)
        assert fitted.n_features_in_ == 4
        assert fitted.score(frame, labels) > 0.8
        assert fitted.run_.classes == ("blue", "green", "red")
        with pytest.raises(ValueError, match="feature names should match"):
            fitted.predict(frame[["b", "a", "c", "d"]])

    @pytest.mark.parametrize(
        "labels", [[True, False, True], [0.0, 1.0, 2.0], ["", " ", "a"], [-1, 5, 7], np.array(["x", "z", "y"], object)]
    )
    def test_labels_of_any_kind(self, labels: Any) -> None:
        y = np.asarray(labels)[IRIS[1]]
        fitted = small(max_iter=30, tol=None, learning_rate_init=0.02).fit(IRIS[0], y)
        assert fitted.predict(IRIS[0]).dtype == y.dtype
        assert fitted.score(IRIS[0], y) > 0.8

    def test_a_regression_of_several_targets(self) -> None:
        X, y = load_diabetes(return_X_y=True)
        both = np.stack([y, -y / 1e6], axis=1)
        fitted = ModnetRegressor(8, max_iter=30, tol=None, learning_rate_init=0.01, random_state=0).fit(X, both)
        assert fitted.predict(X).shape == both.shape
        assert fitted.score(X, both) > 0.4
        assert fitted.fit(X, y).predict(X).shape == y.shape

    def test_several_labels_a_row_are_refused(self) -> None:
        with pytest.raises(ValueError, match=r"1d array"):
            small().fit(IRIS[0], np.eye(3, dtype=int)[IRIS[1]])

    def test_weights_of_rows_and_classes(self) -> None:
        X, y = make_classification(200, weights=[0.9], flip_y=0.2, random_state=0)
        plain, balanced = (small(class_weight=weight, max_iter=40, tol=None) for weight in (None, "balanced"))
        assert balanced.fit(X, y).predict(X).sum() > plain.fit(X, y).predict(X).sum()
        of_rows = small(max_iter=40, tol=None).fit(X, y, np.where(y == 1, 9.0, 1.0))
        of_classes = small(class_weight={1: 9.0}, max_iter=40, tol=None).fit(X, y)
        assert abs(of_rows.predict(X).mean() - of_classes.predict(X).mean()) < 0.1  # that of rows prepares, too
        with pytest.raises(ValueError, match=r"not in class_weight"):
            small(class_weight={"tree": 2.0}).fit(X, y)

    def test_one_class(self) -> None:
        fitted = small(max_iter=2, tol=None).fit(IRIS[0], np.full(150, "only"))
        assert set(fitted.predict(IRIS[0])) == {"only"}
        np.testing.assert_array_equal(fitted.predict_proba(IRIS[0]), np.ones((150, 1)))

    def test_early_stopping_by_modnets_callback(self) -> None:
        fitted = small(early_stopping=True, n_iter_no_change=3, learning_rate_init=0.05).fit(*IRIS)
        assert "validation_loss was best" in fitted.run_.stop_reason
        assert len(fitted.validation_scores_) == fitted.n_iter_ == len(fitted.loss_curve_)
        assert fitted.best_validation_score_ == max(fitted.validation_scores_)
        assert small(max_iter=1, tol=None).fit(*IRIS).validation_scores_ is None

    def test_it_stops_where_the_loss_no_longer_falls(self) -> None:
        fitted = small(tol=0.05, n_iter_no_change=4).fit(*IRIS)
        assert fitted.n_iter_ < 100
        assert "training loss fell by less than 0.05 in each of 4 epochs" in fitted.run_.stop_reason

    def test_it_warns_where_max_iter_was_too_few(self) -> None:
        with pytest.warns(ConvergenceWarning, match="3 epochs were made, and the loss was still falling"):
            small(max_iter=3).fit(*IRIS)

    def test_warm_start_continues(self) -> None:
        model = small(max_iter=10, tol=None, warm_start=True)
        first = model.fit(*IRIS).loss_curve_
        assert model.fit(*IRIS).loss_curve_[:10] == first
        assert model.n_iter_ == 20
        assert model.loss_curve_[10] < first[-1]
        with pytest.raises(ValueError, match="continues with the classes"):
            model.fit(IRIS[0], IRIS[1] % 2)
        with pytest.raises(ValueError, match="set the layers as before, or warm_start=False"):
            model.set_params(hidden_layer_sizes=(9, 9)).fit(*IRIS)

    def test_partial_fit_prepares_rows_as_at_its_beginning(self) -> None:
        model = small(learning_rate_init=0.02, max_iter=30, tol=None).fit(*IRIS)
        changed = copy.deepcopy(model).set_params(standardize=False)
        expected = model.partial_fit(*IRIS).predict_proba(IRIS[0])
        assert np.array_equal(changed.partial_fit(*IRIS).predict_proba(IRIS[0]), expected)
        raw = small(standardize=False, max_iter=3, tol=None).fit(*IRIS).set_params(standardize=True).partial_fit(*IRIS)
        assert raw.run_.data.preparation is None

    def test_all_parameters_of_an_estimator_can_be_set_again(self) -> None:
        model = small(learning_rate_init=0.02, max_iter=3, tol=None)
        again = clone(model).set_params(**model.get_params())
        assert np.array_equal(again.fit(*IRIS).predict_proba(IRIS[0]), model.fit(*IRIS).predict_proba(IRIS[0]))

    def test_callbacks_that_are_no_list_are_refused(self) -> None:
        with pytest.raises(modnet.SettingError, match="callbacks: must be a list, not 'early-stopping'"):
            small(callbacks="early-stopping").fit(*IRIS)

    def test_verbose_prints_a_line_an_epoch(self, capsys: pytest.CaptureFixture[str]) -> None:
        small(max_iter=2, tol=None, verbose=True).fit(*IRIS)
        printed = capsys.readouterr().out
        assert re.fullmatch(r"(Epoch \d, loss = \d\.\d{8}\n){2}", printed)
        model = small(max_iter=2, tol=None, early_stopping=True, learning_rate_init=3.0, verbose=True).fit(*IRIS)
        lines = capsys.readouterr().out.splitlines()
        scores = [f"{score:.6f}" for score in model.validation_scores_]
        assert [line.split()[-1] for line in lines] == scores
        assert [float(line.split()[4].strip(",")) for line in lines] == pytest.approx(model.loss_curve_)

    def test_a_fit_that_diverged_is_no_fit(self) -> None:
        model = ModnetRegressor(8, activation="identity", optimizer="sgd", learning_rate_init=1e9, random_state=0)
        with pytest.raises(modnet.DivergedError, match=r"became (nan|inf) at iteration"):
            model.fit(*IRIS)
        with pytest.raises(NotFittedError):
            model.predict(IRIS[0])

    def test_a_fit_that_fails_leaves_the_last_one_as_it_was(self) -> None:
        model, twin = (small(max_iter=2, tol=None).fit(*IRIS) for _ in range(2))
        with pytest.raises(modnet.UnknownNameError):
            model.set_params(optimizer="sgdd").fit(IRIS[0] * 9, np.array(["x", "y", "z"])[IRIS[1]])
        with pytest.raises(modnet.UnknownNameError):
            model.partial_fit(IRIS[0] * 9, IRIS[1])
        assert model.predict(IRIS[0]).dtype == IRIS[1].dtype
        assert (model.n_iter_, model.loss_curve_) == (2, twin.loss_curve_)
        found = model.set_params(optimizer="adam").partial_fit(*IRIS).predict_proba(IRIS[0])
        assert np.array_equal(found, twin.partial_fit(*IRIS).predict_proba(IRIS[0]))
        first = small(optimizer="sgdd")
        with pytest.raises(modnet.UnknownNameError):
            first.partial_fit(*IRIS, classes=[0, 1, 2, 3])
        assert first.set_params(optimizer="sgd").partial_fit(*IRIS, classes=[0, 1, 2]).classes_.tolist() == [0, 1, 2]

    @pytest.mark.parametrize(
        ("settings", "message"),
        [
            ({"activation": "relo"}, "did you mean 'relu'"),
            ({"batch_size": 0}, "'batch_size' must be a whole number > 0, or 'auto': 0"),
            ({"batch_size": "all"}, "'auto': 'all'"),
            ({"max_iter": 0}, "'max_iter' must be a whole number of epochs > 0, or None: 0"),
            ({"sampling": "sorted"}, "'sampling'"),
            ({"validation_fraction": 2, "early_stopping": True}, "must be > 0 and < 1"),
            ({"optimizer": modnet.optimizer("adam"), "learning_rate_init": 0.1}, "set optimizer__lr"),
            ({"loss": "huber", "output": "identity"}, "is for regression"),
            ({"hidden_layer_sizes": (8, 0)}, "sizes must be"),
            ({"layers": [("dense", {"units": 3}), "softmax"]}, "leave these out"),  # small() gives a size
            ({"shape": (2, 2)}, "'shape' goes with 'layers'"),
            ({"random_state": -1}, "Seed must be"),
            ({"early_stopping": "no"}, "'early_stopping' must be True or False: 'no'"),
            ({"hidden_layer_sizes": None}, r"'hidden_layer_sizes' must be whole numbers, as \(50, 20\): None"),
        ],
    )
    def test_a_mistake_in_a_setting_is_reported(self, settings: dict[str, Any], message: str) -> None:
        with pytest.raises((ValueError, modnet.UnknownNameError), match=message):
            small(**settings).fit(*IRIS)

    def test_layers_of_any_kind(self) -> None:
        x = np.random.default_rng(0).normal(size=(40, 36))
        layers = [("convolution", {"filters": 2, "size": 3}), "relu", "flatten", ("dense", {"units": 2}), "softmax"]
        fitted = ModnetClassifier(layers=layers, shape=(1, 6, 6), max_iter=3, tol=None, random_state=0)
        assert fitted.fit(x, x[:, 0] > 0).predict(x).dtype == bool
        assert clone(fitted).set_params(layers__0__filters=5).fit(x, x[:, 0] > 0).network_.params["W1"].shape[0] == 5

    def test_layers_have_an_output_for_each_class(self) -> None:
        layers = [("dense", {"units": 10}), "softmax"]
        with pytest.raises(ValueError, match="'layers' have 10 outputs, and 3 classes need 3: set the units"):
            ModnetClassifier(layers=layers).fit(*IRIS)
        model = ModnetClassifier(layers=layers, max_iter=2, tol=None).set_params(layers__0__units=3)
        assert model.fit(*IRIS).predict_proba(IRIS[0]).shape == (150, 3)

    def test_one_output_for_two_classes(self) -> None:
        X, y = IRIS[0][:100], IRIS[1][:100]
        fitted = small(loss="binary-cross-entropy", max_iter=30, tol=None, learning_rate_init=0.02).fit(X, y)
        assert fitted.network_.outputs == 1
        assert fitted.score(X, y) == 1
        np.testing.assert_allclose(fitted.predict_proba(X).sum(axis=1), 1)

    def test_outputs_that_are_no_probabilities(self) -> None:
        fitted = small(output="identity", loss="mean-squared-error", max_iter=2, tol=None).fit(*IRIS)
        assert fitted.predict(IRIS[0]).shape == (150,)
        with pytest.raises(ValueError, match="no probabilities: fit with output='softmax'"):
            fitted.predict_proba(IRIS[0])

    @pytest.mark.parametrize("array", ["array-api-strict", pytest.param("torch", marks=pytest.mark.check)])
    def test_networks_on_other_arrays(self, array: str) -> None:
        pytest.importorskip(array.replace("-", "_"))
        model, other = (
            small(max_iter=3, tol=None, array=name).fit(*IRIS).partial_fit(*IRIS) for name in ("numpy", array)
        )
        assert other.network_.array == array
        found = copy_by_pickle(other).partial_fit(*IRIS).predict_proba(IRIS[0])
        np.testing.assert_allclose(found, model.partial_fit(*IRIS).predict_proba(IRIS[0]), rtol=1e-9)

    def test_a_callback_that_goes_by_validation_has_rows_for_it(self) -> None:
        model = small(callbacks=["reduce-on-plateau"], max_iter=3, tol=None).fit(*IRIS)
        assert len(model.validation_scores_) == 3
        with pytest.raises(ValueError, match="leave out callbacks that go by validation"):
            model.partial_fit(*IRIS)

    def test_it_is_saved_as_a_run(self, tmp_path: Path) -> None:
        frame = pd.DataFrame(IRIS[0], columns=["a", "b", "c", "d"])
        labels = np.array(["red", "green", "blue"])[IRIS[1]]
        early = small(early_stopping=True).fit(frame, labels)
        for model in (early, small().fit(frame, labels).partial_fit(frame, labels)):
            model.run_.save(tmp_path / "run", overwrite=True)
            saved = modnet.open_run(tmp_path / "run")
            np.testing.assert_array_equal(saved.predict(frame), model.predict(frame))
            np.testing.assert_array_equal(saved.predict_proba(frame), model.predict_proba(frame))


class TestPartialFit:
    def test_each_call_is_an_epoch_and_steps_remember(self) -> None:
        X, y = IRIS
        model = small(learning_rate_init=0.03)
        for _ in range(30):
            model.partial_fit(X, y, classes=[0, 1, 2])
        assert model.n_iter_ == len(model.loss_curve_) == 30
        assert model.score(X, y) > 0.93
        assert model.network_.params["W1"].shape == (4, 8)

    def test_steps_are_those_of_one_run(self) -> None:
        X, y = IRIS
        whole = small(batch_size=150, max_iter=6, tol=None).fit(X, y)
        model = small(batch_size=150)
        for _ in range(6):
            model.partial_fit(X, y, [0, 1, 2])
        np.testing.assert_allclose(model.predict_proba(X), whole.predict_proba(X), rtol=1e-9)

    def test_a_schedule_continues(self) -> None:
        X, y = IRIS
        rate = modnet.Schedule("linear", initial=0.1, iterations=12)
        model = small(learning_rate_init=rate)
        assert [model.partial_fit(X, y, [0, 1, 2]).run_.rate for _ in range(3)] == [rate(1), rate(3), rate(5)]
        with pytest.raises(ValueError, match="needs its number of iterations"):
            small(learning_rate_init=modnet.Schedule("cosine", initial=0.1)).partial_fit(X, y, [0, 1, 2])

    def test_a_schedule_begins_again_with_the_optimizer(self) -> None:
        rate = modnet.Schedule("linear", initial=0.1, iterations=12)
        model = small(learning_rate_init=rate, max_iter=2, tol=None, warm_start=True).fit(*IRIS).fit(*IRIS)
        assert model.partial_fit(*IRIS).run_.rate == rate(5)

    def test_a_feature_without_differences_stays_0(self) -> None:
        """Sums round its deviation to 1e-18, by which the next other number was divided."""
        X, y = IRIS[0].copy(), IRIS[1]
        X[:, 1] = 0.1
        model = small()
        for part in np.array_split(np.arange(150), 9):
            model.partial_fit(X[part], y[part], classes=[0, 1, 2])
        assert (model.prepare(IRIS[0])[:, 1] == 0).all()
        assert vars(model)["_scaler"].first_.tolist() == [0, 0.1, 0, 0]  # a pickle holds no row
        targets = ModnetRegressor(4, random_state=0)
        for part in np.array_split(np.arange(150), 9):
            targets.partial_fit(X[part], X[part, 1])
        assert targets.target_scale_.deviation == (1.0,)

    def test_rows_come_in_any_order_and_number(self) -> None:
        X, y = IRIS
        model = small(learning_rate_init=0.05)
        model.partial_fit(X[:1], y[:1], classes=[0, 1, 2])
        for _ in range(15):
            for part in np.array_split(np.random.default_rng(0).permutation(150), [11, 80]):
                model.partial_fit(X[part], y[part])
        assert model.score(X, y) > 0.93

    def test_it_continues_after_fit_and_after_a_pickle(self) -> None:
        X, y = load_diabetes(return_X_y=True)
        model = ModnetRegressor(8, random_state=0, max_iter=20, tol=None).fit(X, y)
        again = copy_by_pickle(model)
        np.testing.assert_array_equal(model.partial_fit(X, y).predict(X), again.partial_fit(X, y).predict(X))
        assert model.n_iter_ == 21

    def test_what_it_refuses(self) -> None:
        X, y = IRIS
        with pytest.raises(ValueError, match="classes must be passed on the first call"):
            small().partial_fit(X, y)
        model = small().partial_fit(X, y, [0, 1, 2])
        with pytest.raises(ValueError, match="not the same as on"):
            model.partial_fit(X, y, [0, 1])
        with pytest.raises(ValueError, match="continues with adam, and the settings now say sgd: set optimizer and"):
            clone(model).partial_fit(X, y, [0, 1, 2]).set_params(optimizer="sgd").partial_fit(X, y)
        with pytest.raises(ValueError, match=r"not in classes: \[2\]"):
            small().partial_fit(X, y, [0, 1])
        with pytest.raises(ValueError, match="balanced"):
            small(class_weight="balanced").partial_fit(X, y, [0, 1, 2])
        with pytest.raises(ValueError, match="early_stopping"):
            small(early_stopping=True).partial_fit(X, y, [0, 1, 2])


class TestParameters:
    def test_settings_of_parts_are_nested(self) -> None:
        params = small().get_params()
        assert params["optimizer__lr"] == 0.003
        assert params["loss__eps"] == 1e-7
        assert ModnetRegressor().get_params()["optimizer__lr"] == 0.001

    def test_a_nested_parameter_replaces_a_part(self) -> None:
        adam = modnet.optimizer("adam", lr=0.1)
        model = small(optimizer=adam).set_params(optimizer__beta1=0.5)
        assert (model.optimizer, adam.beta1) == (attrs.evolve(adam, beta1=0.5), 0.9)
        model.set_params(optimizer="momentum", optimizer__lr=np.float64(0.2), activation="leaky-relu")
        model.set_params(activation__slope=0.2, hidden_layer_sizes=(3, 3))
        assert (model.optimizer.lr, type(model.optimizer.lr)) == (0.2, float)
        assert type(small(learning_rate_init=np.float64(0.2)).get_params()["optimizer__lr"]) is float
        assert model.activation == modnet.activation("leaky-relu", slope=0.2)
        model.set_params(callbacks=["early-stopping"], callbacks__0__patience=9)
        assert model.callbacks == [modnet.callback("early-stopping", patience=9)]
        rate = modnet.Schedule("cosine", initial=0.1)
        model.set_params(optimizer__lr=rate, optimizer__lr__initial=0.3)
        assert model.optimizer.lr == attrs.evolve(rate, initial=0.3)

    @pytest.mark.parametrize(
        ("params", "message"),
        [
            ({"optimizer__rate": 1}, "has no setting 'rate': available: lr, beta1"),
            ({"optimiser__lr": 1}, "Invalid parameter 'optimiser__lr'"),
            ({"max_iter__lr": 1}, "None has no setting 'lr': available: none"),
            ({"optimizer__lr": -1}, "must be > 0"),
            ({"lr": 1}, "Invalid parameter 'lr'"),
        ],
    )
    def test_a_path_that_leads_nowhere(self, params: dict[str, Any], message: str) -> None:
        with pytest.raises(ValueError, match=message):
            small().set_params(**params)

    def test_a_clone_has_the_parameters_and_nothing_learned(self) -> None:
        model = small(optimizer=modnet.optimizer("sgd"), max_iter=1, tol=None).fit(*IRIS)
        twin = clone(model)
        assert twin.get_params() == model.get_params()
        with pytest.raises(NotFittedError):
            twin.predict(IRIS[0])

    def test_it_shows_itself(self) -> None:
        assert repr(small(optimizer="sgd")) == "ModnetClassifier(hidden_layer_sizes=8, optimizer='sgd', random_state=0)"
        assert "ModnetClassifier" in small()._repr_html_()


class Cube(modnet.Activation):
    def __call__(self, a: modnet.Array, axis: int = -1) -> modnet.Array:
        return a**3


class TestPickle:
    def test_it_predicts_the_same_bits(self) -> None:
        model = small(max_iter=5, tol=None, optimizer=modnet.optimizer("adam"), early_stopping=True).fit(*IRIS)
        again = copy_by_pickle(model)
        np.testing.assert_array_equal(again.predict_proba(IRIS[0]), model.predict_proba(IRIS[0]))
        assert (again.n_iter_, again.loss_curve_, again.get_params()) == (5, model.loss_curve_, model.get_params())
        with pytest.raises(AttributeError, match="run_ stayed in the process that trained"):
            again.run_  # noqa: B018
        assert pickle.dumps(again) == pickle.dumps(copy_by_pickle(again))

    def test_it_holds_no_rows_and_is_no_larger_than_scikit_learns(self) -> None:
        X, y = make_classification(2000, 50, random_state=0)
        model, other = (cls((100,), max_iter=2, random_state=0) for cls in (ModnetClassifier, MLPClassifier))
        with warnings.catch_warnings(action="ignore"):
            sizes = [len(pickle.dumps(each.fit(X, y))) for each in (model, other)]
        assert sizes[0] < 1.05 * sizes[1] < X.nbytes

    def test_another_version_warns(self) -> None:
        state = small(max_iter=1, tol=None).fit(*IRIS).__getstate__()
        with pytest.warns(InconsistentVersionWarning, match=r"pickled by modnet 0\.0\.9, and this is modnet"):
            ModnetClassifier.__new__(ModnetClassifier).__setstate__({**state, "_modnet_version": "0.0.9"})

    def test_a_part_that_was_registered_travels_as_itself(self) -> None:
        undo = modnet.register(Cube)
        try:
            again = copy_by_pickle(small(activation="cube"))
        finally:
            undo()
        assert isinstance(again.activation, Cube)


class TestTools:
    def test_a_grid_reaches_parts_and_routes_weights(self) -> None:
        X, y = IRIS
        grid = {"optimizer__lr": np.array([0.003, 0.05]), "activation": ["tanh"]}
        search = GridSearchCV(small(max_iter=15, tol=None), grid, cv=3).fit(X, y, sample_weight=np.ones(150))
        assert search.best_params_["optimizer__lr"] == 0.05
        assert search.best_estimator_.run_.optimizer.lr == 0.05

    def test_a_pipeline_of_frames(self) -> None:
        frame = pd.DataFrame(IRIS[0], columns=["a", "b", "c", "d"])
        chain = make_pipeline(
            StandardScaler(), small(max_iter=30, tol=None, learning_rate_init=0.02, standardize=False)
        )
        chain.set_output(transform="pandas").fit(frame, IRIS[1])
        assert chain.score(frame, IRIS[1]) > 0.8
        assert chain[-1].feature_names_in_.tolist() == list(frame.columns)
        assert chain.set_params(modnetclassifier__optimizer__lr=0.5)[-1].optimizer.lr == 0.5

    def test_what_else_takes_estimators(self) -> None:
        X, y = IRIS
        model = small(max_iter=15, tol=None, learning_rate_init=0.02)
        halving = HalvingGridSearchCV(model, {"hidden_layer_sizes": [4, 8]}, cv=2, random_state=0).fit(X, y)
        assert halving.best_score_ > 0.6
        calibrated = CalibratedClassifierCV(model, cv=2).fit(X, y, sample_weight=np.ones(150))
        assert calibrated.score(X, y) > 0.8
        importance = permutation_importance(model.fit(X, y), X, y, n_repeats=2, random_state=0)
        assert importance.importances_mean.argmax() in {2, 3}

    def test_threads_come_to_the_same_bits(self) -> None:
        X, y = IRIS
        found = []
        for jobs in (1, 2):
            with parallel_config("threading", n_jobs=jobs):
                found.append(
                    cross_validate(small(max_iter=5, tol=None), X, y, cv=4, return_estimator=True)["estimator"]
                )
        for a, b in zip(*found, strict=True):
            np.testing.assert_array_equal(a.predict_proba(X), b.predict_proba(X))

    @pytest.mark.skipif(
        Version(sklearn.__version__) < Version("1.8"), reason="its pipelines route no weights to a score"
    )
    def test_weights_are_routed(self) -> None:
        X, y = IRIS
        weights = np.where(y == 0, 1.0, 0.0)
        with sklearn.config_context(enable_metadata_routing=True):
            model = small(max_iter=20, tol=None, learning_rate_init=0.1).set_fit_request(sample_weight=True)
            chain = make_pipeline(MinMaxScaler(), model).fit(X, y, sample_weight=weights)
        assert (chain.predict(X) == 0).all()

    def test_several_labels_a_row_by_scikit_learns_wrapper(self) -> None:
        X, y = IRIS
        several = np.stack([y == 0, y > 0], axis=1).astype(int)
        model = MultiOutputClassifier(small(max_iter=20, tol=None, learning_rate_init=0.05)).fit(X, several)
        assert model.score(X, several) == 1


SCRIPT = """
import modnet
import numpy as np
from sklearn.datasets import load_iris
from sklearn.model_selection import GridSearchCV, cross_validate
from modnet.sklearn import ModnetClassifier

class Cube(modnet.Activation):
    def __call__(self, a, axis=-1):
        return a**3

if __name__ == "__main__":
    modnet.register(Cube)
    X, y = load_iris(return_X_y=True)
    model = ModnetClassifier(4, activation="cube", max_iter=2, tol=None, random_state=0)
    wanted = {"cv": 2, "error_score": "raise", "return_estimator": True}
    fitted = [cross_validate(model, X, y, n_jobs=jobs, **wanted)["estimator"] for jobs in (1, 2)]
    print(all(np.array_equal(a.predict_proba(X), b.predict_proba(X)) for a, b in zip(*fitted)))
    search = GridSearchCV(model, {"activation": ["cube"]}, cv=2, n_jobs=2, error_score="raise")
    try:
        search.fit(X, y)
    except modnet.UnknownNameError as error:
        print(error)
    print(GridSearchCV(model, {"activation": [Cube()]}, cv=2, n_jobs=2, error_score="raise").fit(X, y).n_splits_)
"""


@pytest.mark.check
def test_a_part_of_a_script_in_workers(tmp_path: Path) -> None:
    path = tmp_path / "script.py"
    path.write_text(SCRIPT)
    done = subprocess.run([sys.executable, path], capture_output=True, text=True, check=False, timeout=120)
    first, message, last = done.stdout.splitlines()
    assert (first, last) == ("True", "2")
    assert message.endswith(
        "a worker process knows no part that modnet.register added elsewhere: give the activation itself"
    )


def test_without_scikit_learn_the_extra_is_named(tmp_path: Path) -> None:
    code = "import sys, modnet; print('sklearn' in sys.modules); sys.modules['sklearn'] = None; import modnet.sklearn"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout == "False\n"
    last = done.stderr.splitlines()[-1]
    assert last.endswith("modnet.sklearn needs an extra that is not installed: pip install 'modnet-workbench[sklearn]'")
