"""Estimates: the functions, the classes and the names, against closed forms and against each other."""

from __future__ import annotations

import copy
import importlib.util
import inspect
import math
import pickle
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import infoplane
from infoplane import _estimate, _native

ESTIMATORS = {info["name"]: info for info in _native.estimators()}

#: What those need that have no default.
NEEDED: dict[str, dict[str, Any]] = {
    "binned": {"rule": "floor", "bin_width": 0.5},
    "kde": {"noise_variances": [0.1]},
    "noise": {"noise_variances": [0.1]},
}

#: Settings for speed.
QUICK: dict[str, dict[str, Any]] = {"critic": {"folds": 2, "hidden": 16, "layers": 1}, "mixture-ksg": {"surrogates": 2}}

COUNTING = [name for name, info in ESTIMATORS.items() if "discrete symbols" in info["estimates"]]


#: Of what is not I(X;Y) of two columns of numbers.
ANOTHER_QUANTITY = ["noise", "kde", "renyi", "ross", "classifier"]


def class_of(name: str) -> type[infoplane.Estimator]:
    found: type[infoplane.Estimator] = getattr(infoplane, "".join(part.capitalize() for part in name.split("-")))
    return found


def made(name: str) -> infoplane.Estimator:
    return class_of(name)(**NEEDED.get(name, {}))


def gaussian(n: int, correlation: float = 0.8, seed: int = 1) -> tuple[Any, Any]:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n)
    return x, correlation * x + math.sqrt(1 - correlation**2) * rng.normal(size=n)


def symbols(n: int = 800, seed: int = 2) -> tuple[Any, Any, float]:
    """Two symbols that differ in a tenth of the samples, and their information."""
    rng = np.random.default_rng(seed)
    x = np.tile([0, 1], n // 2)
    y = x ^ (rng.permutation(n) < n // 10)
    return x, y, math.log(2) + 0.1 * math.log(0.1) + 0.9 * math.log(0.9)


# Closed forms.


@pytest.mark.parametrize("name", [name for name in ESTIMATORS if name not in [*COUNTING, *ANOTHER_QUANTITY]])
def test_information_of_a_gaussian_pair(name: str) -> None:
    n = 300 if name in ("critic", "klnn", "combined", "auto", "mixture-ksg") else 600
    x, y = gaussian(n)
    empirical = -0.5 * math.log(1 - np.corrcoef(x, y)[0, 1] ** 2)
    estimate = made(name).mutual_information(x, y, standard_error=False)
    assert estimate.quantity == "I(X;Y)"
    assert estimate.n_samples == n
    assert estimate.dims == (1, 1)
    if name == "critic":
        assert estimate.bound == "lower"
        assert estimate.limit is not None
        assert 0 < estimate.limit.nats < empirical + 0.15
        assert math.isnan(estimate.nats)
    else:
        assert estimate.bound is None
        assert abs(estimate.nats - empirical) < 0.15
        assert estimate.bits == pytest.approx(estimate.nats / math.log(2))


@pytest.mark.parametrize("name", ["auto", "mixed-ksg", "ross", "classifier", "gcmi", "sliced", "edge"])
def test_information_of_two_classes_that_numbers_tell_apart(name: str) -> None:
    rng = np.random.default_rng(3)
    y = np.repeat(["left", "right"], 200)
    x = np.where(y == "left", -5.0, 5.0) + rng.normal(size=400)
    estimate = made(name).mutual_information(x, y, standard_error=False)
    value = estimate.information if estimate.limit is None else estimate.limit
    # A Gaussian copula has one mode.
    assert abs(value.nats - math.log(2)) < (0.2 if name == "gcmi" else 0.12)
    swapped = made(name).mutual_information(y, x, standard_error=False)
    other = swapped.information if swapped.limit is None else swapped.limit
    assert abs(value.nats - other.nats) < 1e-6


@pytest.mark.parametrize("name", [*COUNTING, "mixed-ksg", "edge", "auto"])
def test_information_of_symbols(name: str) -> None:
    x, y, truth = symbols()
    estimate = made(name).mutual_information(x, y, x_discrete=True, y_discrete=True)
    assert abs(estimate.nats - truth) < 0.05
    assert estimate.standard_error is not None
    assert estimate.interval is not None
    assert truth in estimate.interval


@pytest.mark.parametrize("name", [*COUNTING, "auto"])
def test_other_quantities_of_symbols(name: str) -> None:
    x, y, truth = symbols()
    estimator = made(name)
    words = np.where(x == 0, "no", "yes")
    assert abs(estimator.entropy(words).nats - math.log(2)) < 0.02
    assert abs(estimator.total_correlation(words, y.astype(bool)).nats - truth) < 0.05
    # What Z says already is not said again.
    nothing = estimator.conditional_mutual_information(x, y, y, x_discrete=True, y_discrete=True, z_discrete=True)
    assert abs(nothing.nats) < 0.02
    assert nothing.quantity == "I(X;Y|Z)"


@pytest.mark.parametrize("name", ["kl", "gknn", "klnn", "auto"])
def test_differential_entropy(name: str) -> None:
    x, _ = gaussian(1000)
    truth = 0.5 * math.log(2 * math.pi * math.e * 9.0)
    estimate = made(name).entropy(3.0 * x)
    assert abs(estimate.nats - truth) < 0.25
    assert estimate.quantity == "H(X)"


def test_information_through_noise() -> None:
    x, _ = gaussian(400)
    lower_and_upper = infoplane.layer_information(x, x > 0, "kde", noise_variances=[0.25])
    (exact,) = infoplane.layer_information(x, x > 0, "noise", noise_variances=[0.25])
    bounds = {reading.bound: reading for reading in lower_and_upper}
    assert bounds["lower"].i_xt.nats <= exact.i_xt.nats <= bounds["upper"].i_xt.nats
    assert abs(exact.i_xt.nats - 0.5 * math.log(1 + x.var() / 0.25)) < 0.1
    assert exact.i_ty.nats <= math.log(2) + 1e-9


def test_renyi_of_two_equal_symbols() -> None:
    x = np.repeat([0, 1], 100)
    estimate = infoplane.mutual_information(x, x, "renyi", x_discrete=True, y_discrete=True)
    assert abs(estimate.nats - math.log(2)) < 0.02


@pytest.mark.parametrize("name", ["ksg", "gcmi", "auto"])
def test_conditional_information(name: str) -> None:
    rng = np.random.default_rng(5)
    z = rng.normal(size=600)
    x, y = z + 0.5 * rng.normal(size=600), z + 0.5 * rng.normal(size=600)
    alone = made(name).mutual_information(x, y, standard_error=False).nats
    given = made(name).conditional_mutual_information(x, y, z, standard_error=False).nats
    assert alone > 0.3
    assert abs(given) < 0.1


@pytest.mark.parametrize("name", ["ksg", "ksg2", "cv-ksg", "untied-ksg", "lnc", "gcmi", "auto"])
def test_total_correlation(name: str) -> None:
    x, y = gaussian(600)
    z = np.random.default_rng(6).normal(size=600)
    empirical = -0.5 * math.log(1 - np.corrcoef(x, y)[0, 1] ** 2)
    estimate = made(name).total_correlation(x, y, z)
    assert abs(estimate.nats - empirical) < 0.2
    assert estimate.dims == (1, 1, 1)
    assert made(name).total_correlation(np.column_stack([x, y, z])).nats == estimate.nats


def test_permutations_tell_dependence_from_independence() -> None:
    x, y = gaussian(150)
    z = np.random.default_rng(8).normal(size=150)
    dependent = infoplane.mutual_information(x, y, "ksg", permutations=40, standard_error=False)
    independent = infoplane.mutual_information(x, z, "ksg", permutations=40, standard_error=False)
    assert dependent.p_value == pytest.approx(1 / 41)
    assert independent.p_value is not None and independent.p_value > 0.1
    assert dependent.permutations == 40
    assert infoplane.mutual_information(x, y, "ksg", standard_error=False).p_value is None


def test_the_seed_decides_the_permutations() -> None:
    x, y = gaussian(120, 0.2)

    def p_value(seed: int, scheme: Any = "free") -> Any:
        return infoplane.mutual_information(
            x, y, "ksg", permutations=99, permutation_scheme=scheme, seed=seed, standard_error=False
        ).p_value

    assert p_value(0) == p_value(0)
    assert len({p_value(seed) for seed in range(4)}) > 1
    assert p_value(2**64 - 1) == p_value(np.uint64(2**64 - 1))
    assert len({p_value(0, scheme) for scheme in ("free", "rotated", "blocks")}) > 1


# One number, however it is asked for.


@pytest.mark.parametrize("name", ESTIMATORS)
def test_function_class_table_and_name_agree(name: str) -> None:
    settings = {**NEEDED.get(name, {}), **QUICK.get(name, {})}
    estimator = class_of(name)(**settings)
    table = estimator.config
    x, y = gaussian(120)
    side: dict[str, Any] = {}
    if ESTIMATORS[name]["labels"] == "one" or name in COUNTING:
        x, y, side = np.repeat([0, 1, 2], 40), x + np.repeat([0, 1, 2], 40), {"x_discrete": True}
    if name in COUNTING:
        y, side = np.digitize(y, [0.0, 1.0]), {"x_discrete": True, "y_discrete": True}
    said = estimator.mutual_information(x, y, standard_error=False, **side)
    for form, more in [(name, settings), (estimator, {}), (table, {}), (class_of(name), settings), ({"kind": name}, settings)]:
        assert infoplane.mutual_information(x, y, form, standard_error=False, **side, **more) == said
    if not side:
        plain = estimator.estimate(x, y)
        assert plain == said.nats or (math.isnan(plain) and math.isnan(said.nats))


@pytest.mark.parametrize("name", ["auto", "binned", "kde", "noise", "plug-in"])
def test_layers_of_function_and_class_agree(name: str) -> None:
    rng = np.random.default_rng(9)
    labels = np.arange(90) % 3
    t = np.round(rng.normal(size=(90, 2)) + labels[:, None], 1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", infoplane.InfoplaneWarning)
        said = infoplane.layer_information(t, labels, name, **NEEDED.get(name, {}))
        assert made(name).layer_information(t, labels) == said
        assert infoplane.layer_information(t, np.eye(3)[labels], made(name)) == said
        assert infoplane.layer_information(t, np.array(["a", "b", "c"])[labels], made(name)) == said
        without = infoplane.layer_information(t, labels, made(name), shuffled=False)
    assert [reading.i_ty for reading in without] == [reading.i_ty for reading in said]
    assert all(reading.i_ty_shuffled is None for reading in without)


def test_a_target_of_numbers_is_measured_as_the_pair() -> None:
    rng = np.random.default_rng(4)
    t = rng.normal(size=(400, 2))
    target = 0.8 * t[:, 0] + 0.6 * rng.normal(size=400)
    for name in ["auto", "ksg", "gcmi", "edge"]:
        pair = infoplane.mutual_information(t, target, name, standard_error=False)
        (reading,) = infoplane.layer_information(t, target=target, estimator=name)
        assert reading.i_ty.nats == pair.nats and reading.i_ty.estimator == pair.estimator, name
        assert reading.i_ty_shuffled is None
        # Inputs that are all different are measured by cells alone.
        assert np.isnan(reading.i_xt.nats) == (name != "edge") and (reading.i_xt.missing is None) == (name == "edge")
        assert made(name).layer_information(t, target=target[:, None]) == [reading]
    (chosen,) = infoplane.layer_information(t, target=target)
    assert chosen.i_ty.nats == infoplane.mutual_information(t, target, standard_error=False).nats
    # Of a layer that follows from the target no value is known.
    with pytest.warns(infoplane.InfoplaneWarning, match="without noise"):
        (bounded,) = infoplane.layer_information(target, target=2 * target, estimator="ksg")
    assert np.isnan(bounded.i_ty.nats) and bounded.i_ty.bound == "lower"


def test_what_is_no_target_says_so() -> None:
    t, y = np.random.default_rng(5).normal(size=(2, 50, 1))
    for name in ["ross", "kde", "binned", "plug-in", "classifier"]:
        with pytest.raises(infoplane.EstimateError, match=f"{name} measures .* classes, not .* numbers; those .* are auto, ") as told:
            made(name).layer_information(t, target=y)
        assert told.value.code == "needs-classes"
    with pytest.raises(TypeError, match="both are given"):
        infoplane.layer_information(t, np.arange(50) % 2, target=y)
    with pytest.raises(TypeError, match="neither is given"):
        infoplane.layer_information(t)
    with pytest.raises(ValueError, match="target has 49 samples and t has 50"):
        infoplane.layer_information(t, target=y[1:])
    y[3] = np.nan
    with pytest.raises(infoplane.EstimateError, match="target: .* row 3"):
        infoplane.layer_information(t, target=y, estimator="ksg")
    with pytest.raises(TypeError, match="target holds text"):
        infoplane.layer_information(t, target=np.array(["a", "b"] * 25))


@pytest.mark.parametrize("name", ["binned", "plug-in", "chao-wang-jost"])
def test_units_of_function_and_class_agree_and_are_those_of_the_layer(name: str) -> None:
    rng = np.random.default_rng(9)
    labels = np.arange(300) % 3
    t = np.round(rng.normal(size=(300, 2)) + labels[:, None])
    settings = {"rule": "exact"} if name == "binned" else {}
    units = infoplane.unit_information(t, labels, name, **settings)
    assert infoplane.unit_information(t.astype(np.float32), np.eye(3)[labels], name, **settings) == units
    assert made(name).unit_information(t, labels).n_samples == 300
    (reading,) = infoplane.layer_information(t, labels, name, **settings)
    assert units.i_ty.nats == pytest.approx(reading.i_ty.nats, abs=1e-9)
    assert units.shuffled.i_ty.nats == pytest.approx(reading.i_ty_shuffled.nats, abs=1e-9)
    for unit in range(2):
        (alone,) = infoplane.layer_information(t[:, [unit]], labels, name, **settings)
        assert units.alone[unit].nats == pytest.approx(alone.i_ty.nats, abs=1e-9)
        assert units.beyond_others[1 - unit].nats == pytest.approx(units.i_ty.nats - alone.i_ty.nats, abs=1e-9)
    assert units.redundancy_degree + units.vulnerability_degree == pytest.approx(2)
    if name != "chao-wang-jost":
        # Atoms are not corrected.
        assert sum(atom.information.nats for atom in units.atoms.values()) == pytest.approx(units.i_ty.nats)
        assert sum(part.nats for part in units.by_degree_of_synergy) == pytest.approx(units.i_ty.nats)
    assert repr(units).startswith("<I(T;Y) = ") and "vulnerability" in repr(units)


def test_units_of_wide_layers_and_what_has_no_units() -> None:
    rng = np.random.default_rng(3)
    t, labels = rng.normal(size=(50, 20)), np.arange(50) % 2
    with pytest.warns(infoplane.InfoplaneWarning, match="shuffled labels have nearly all"):
        units = infoplane.unit_information(t, labels, rule="floor", bin_width=0.1)
    assert units.is_all_bias and units.atoms is None and units.representational_complexity is None
    assert units.vulnerability_degree == 0 and units.n_alone == 50
    constant = infoplane.unit_information(np.ones((50, 1)), labels, "plug-in")
    assert constant.redundancy_degree is None and constant.i_ty.nats == 0
    for name, why in [("auto", "auto has no cells"), ("ksg", "ksg has no cells")]:
        with pytest.raises(infoplane.EstimateError, match=why):
            infoplane.unit_information(t, labels, name)
    with pytest.raises(ValueError, match="labels has 49 samples and t has 50"):
        infoplane.unit_information(t, labels[1:], "plug-in")
    with pytest.raises(infoplane.EstimateError, match="binned needs the setting rule"):
        infoplane.unit_information(t, labels)


def test_inputs_that_repeat_are_known_less() -> None:
    t = np.repeat(np.arange(4.0), 10)[:, None]
    labels = np.repeat([0, 1], 20)
    binned = infoplane.Binned(rule="exact")
    (each,) = binned.layer_information(t, labels)
    (same,) = binned.layer_information(t, labels, inputs=np.tile([0, 1], 20))
    assert each.i_xt.bits == pytest.approx(2.0)
    assert same.i_xt.bits == pytest.approx(0.0, abs=1e-9)
    assert same.i_ty.bits == pytest.approx(1.0)


def test_readings_of_each_setting() -> None:
    x, _ = gaussian(60)
    readings = infoplane.layer_information(x, x > 0, "kde", noise_variances=[0.1, 0.01])
    assert [reading.bound for reading in readings] == ["upper", "lower"] * 2
    assert "0.1" in readings[0].setting and "0.01" in readings[2].setting


# Classes.


@pytest.mark.parametrize("name", ESTIMATORS)
def test_a_class_has_defaults_or_names_what_is_missing(name: str) -> None:
    needed = [key["name"] for key in ESTIMATORS[name]["keys"] if key["required"]]
    assert sorted(needed) == sorted(key for key in NEEDED.get(name, {}) if key != "bin_width")
    if needed:
        with pytest.raises(TypeError, match=needed[0]):
            class_of(name)()
        with pytest.raises(infoplane.EstimateError, match=f"{name} needs the setting {needed[0]}"):
            infoplane.mutual_information([1.0, 2.0], [1.0, 2.0], name)
    estimator = made(name)
    assert estimator.name == name
    assert estimator.config == {"kind": name, **estimator.settings}


@pytest.mark.parametrize("name", ESTIMATORS)
def test_settings_return(name: str) -> None:
    estimator = made(name)
    again = [
        class_of(name)(**estimator.settings),
        copy.copy(estimator),
        copy.deepcopy(estimator),
        pickle.loads(pickle.dumps(estimator)),
        _estimate.estimator_of(name, estimator.settings),
        _estimate.estimator_of(estimator.config, {}),
        pickle.loads(pickle.dumps(_estimate.estimator_of(name, estimator.settings))),
        eval(repr(estimator), vars(infoplane)),
    ]
    for other in again:
        assert other == estimator
        assert hash(other) == hash(estimator)
        assert other.settings == estimator.settings
    assert {estimator: 1}[again[0]] == 1
    assert estimator != "ksg"


def test_estimators_differ_by_their_settings() -> None:
    assert infoplane.Ksg(k=3) == infoplane.Ksg()
    assert infoplane.Ksg(k=4) != infoplane.Ksg()
    assert infoplane.Ksg() != infoplane.Ksg2()
    assert len({infoplane.Ksg(k=k % 2 + 1) for k in range(6)}) == 2


def test_settings_cannot_be_changed_from_outside() -> None:
    kde = infoplane.Kde(noise_variances=[0.1])
    kde.settings["noise_variances"].append(0.2)
    kde.config["noise_variances"].append(0.2)
    assert kde.settings == {"noise_variances": [0.1]}


def test_settings_of_numpy_and_none() -> None:
    assert infoplane.Ksg(k=np.int64(5)) == infoplane.Ksg(k=5)
    assert infoplane.Kde(noise_variances=np.array([0.1, 1])) == infoplane.Kde(noise_variances=(0.1, 1.0))
    assert infoplane.Lnc(alpha=np.float64(0.5), k=None) == infoplane.Lnc(alpha=0.5)
    assert infoplane.Renyi(bandwidth={"factor": np.float32(2.0)}).settings["bandwidth"] == {"factor": 2.0}
    x, y = gaussian(50)
    assert infoplane.mutual_information(x, y, "ksg", k=None) == infoplane.mutual_information(x, y, "ksg")


def test_a_table_may_be_changed_by_keywords() -> None:
    x, y = gaussian(50)
    table = {"kind": "ksg", "k": 4}
    assert infoplane.mutual_information(x, y, table, k=7) == infoplane.mutual_information(x, y, infoplane.Ksg(k=7))
    assert table == {"kind": "ksg", "k": 4}


def test_signatures_show_the_settings() -> None:
    parameters = inspect.signature(infoplane.Ksg).parameters
    assert parameters["k"].default == 3
    assert all(parameter.kind is inspect.Parameter.KEYWORD_ONLY for parameter in parameters.values())
    for name, info in ESTIMATORS.items():
        signature = inspect.signature(class_of(name))
        assert sorted(signature.parameters) == sorted(key["name"] for key in info["keys"])
        assert info["title"] in (class_of(name).__doc__ or "")


def test_the_file_of_estimators_is_current() -> None:
    writer = Path(__file__).parents[1] / "generate_estimators.py"
    if not writer.exists():
        pytest.skip("the tests run without the source of the package")
    spec = importlib.util.spec_from_file_location("generate_estimators", writer)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.HERE.read_text(encoding="utf-8") == module.source(), "run python python/generate_estimators.py"


def test_names_that_are_exported_exist() -> None:
    assert len(set(infoplane.__all__)) == len(infoplane.__all__)
    for name in infoplane.__all__:
        assert hasattr(infoplane, name)
    assert {class_of(name).__name__ for name in ESTIMATORS} <= set(infoplane.__all__)


# Arguments that are wrong.

X, Y = gaussian(60)


@pytest.mark.parametrize(
    ("arguments", "kind", "words"),
    [
        ({"estimator": "ksq"}, ValueError, 'estimator = "ksq" is not known; did you mean "ksg"'),
        ({"estimator": ""}, ValueError, "allowed are auto, plug-in"),
        ({"estimator": None}, TypeError, "estimator is a NoneType; allowed are a name"),
        ({"estimator": 5}, TypeError, "estimator is a int"),
        ({"estimator": {"k": 4}}, TypeError, "needs the key kind"),
        ({"estimator": infoplane.Ksg(), "k": 5}, TypeError, "k: the estimator Ksg.* has its settings already"),
        ({"estimator": "ksg", "kk": 5}, TypeError, "kk is no setting of ksg .did you mean k.*; it has k, scaling"),
        ({"estimator": "plug-in", "k": 5}, TypeError, "k is no setting of plug-in; it has none"),
        ({"k": 5}, TypeError, "k is no setting of auto"),
        ({"estimator": "ksg", "k": 0}, ValueError, "k = 0; allowed is a whole number above 0"),
        ({"estimator": "ksg", "k": -1}, ValueError, "k = -1"),
        ({"estimator": "ksg", "k": 1.5}, ValueError, "k = 1.5"),
        ({"estimator": "ksg", "k": "5"}, ValueError, 'k = "5"'),
        ({"estimator": "ksg", "k": True}, ValueError, "k = true"),
        ({"estimator": "ksg", "k": [5]}, ValueError, r"k = \[5\]"),
        ({"estimator": "ksg", "k": 60}, ValueError, "k = 60 needs at least 61 samples"),
        ({"estimator": "ksg", "k": object()}, TypeError, "settings of ksg"),
        ({"estimator": "ksg", "scaling": "x"}, ValueError, 'scaling = "x".*standardized'),
        ({"estimator": "kde", "noise_variances": []}, ValueError, "noise_variances"),
        ({"estimator": "kde", "noise_variances": [-1.0]}, ValueError, "noise_variances = -1; allowed is one or more finite"),
        ({"estimator": "kde", "noise_variances": [math.nan]}, ValueError, "noise_variances = NaN"),
        ({"estimator": "kde", "noise_variances": 0.1}, ValueError, "noise_variances = 0.1"),
        ({"estimator": "binned", "rule": "floor"}, ValueError, "bin_width = .not given"),
        ({"estimator": "binned", "rule": "equal", "bins": 5, "range": [1, 0]}, ValueError, "range = .*the lower first"),
        ({"estimator": "renyi", "bandwidth": -1}, ValueError, "bandwidth = -1; allowed"),
        ({"permutations": 0}, ValueError, "permutations = 0; allowed are whole numbers from 1 to 10000000"),
        ({"permutations": -1}, ValueError, "permutations = -1"),
        ({"permutations": 10**8}, ValueError, "permutations = 100000000"),
        ({"permutations": 1.5}, TypeError, "permutations = 1.5 is a float; allowed are whole numbers"),
        ({"permutations": "10"}, TypeError, "permutations = '10' is a str"),
        ({"permutations": True}, TypeError, "permutations = True is a bool"),
        ({"seed": -1}, ValueError, r"seed = -1; allowed are whole numbers from 0 to 2\*\*64 - 1"),
        ({"seed": 2**64}, ValueError, "seed = 18446744073709551616"),
        ({"seed": None}, TypeError, "seed = None is a NoneType"),
        ({"seed": 0.5}, TypeError, "seed = 0.5 is a float"),
        ({"permutations": 5, "permutation_scheme": "x"}, ValueError, 'permutation_scheme = "x"; allowed are "free"'),
        ({"permutations": 5, "permutation_scheme": None}, TypeError, "permutation_scheme = None; allowed are 'free'"),
        ({"block_length": 0}, ValueError, 'block_length = 0; allowed are "auto" and whole numbers'),
        ({"block_length": "x"}, ValueError, "block_length = 'x'"),
        ({"block_length": 50, "permutation_scheme": "blocks", "permutations": 5}, ValueError, "block_length = 50 for 60 samples"),
        ({"progress": 1}, TypeError, "progress is neither a function"),
        ({"progress": "yes"}, TypeError, "progress is neither a function"),
        ({"x_discrete": "no"}, TypeError, "x_discrete = 'no'; allowed are true, false"),
        ({"y_discrete": 1}, TypeError, "y_discrete = 1"),
    ],
    ids=repr,
)
def test_arguments_of_estimates(arguments: dict[str, Any], kind: type[Exception], words: str) -> None:
    with pytest.raises(kind, match=words):
        infoplane.mutual_information(X, Y, **arguments)


@pytest.mark.parametrize(
    ("call", "kind", "words"),
    [
        (lambda: infoplane.Ksg(5), TypeError, "positional"),  # type: ignore[call-arg, misc]
        (lambda: infoplane.Estimator(k=3), TypeError, "Estimator is the base of all estimators; make one"),
        (lambda: infoplane.entropy(X, "ksg"), infoplane.EstimateError, "ksg does not estimate the entropy"),
        (lambda: infoplane.entropy(X, "kde", noise_variances=[0.1]), infoplane.EstimateError, "kde does not estimate"),
        (lambda: infoplane.total_correlation(), TypeError, "at least one part"),
        (lambda: infoplane.total_correlation([X, Y]), TypeError, "list of arrays; give each as an argument"),
        (lambda: infoplane.total_correlation(X, Y[:-1]), ValueError, "part 0 has 60, part 1 has 59"),
        (lambda: infoplane.conditional_mutual_information(X, Y, X[:-1]), ValueError, "x has 60, y has 60, z has 59"),
        (lambda: infoplane.mutual_information(X, Y, "ross"), infoplane.EstimateError, "ross needs labels on one side"),
        (lambda: infoplane.layer_information(X, X > 0), infoplane.EstimateError, "kde needs the setting noise_variances"),
        (lambda: infoplane.layer_information(X, Y > 0, "binned", rule="exact", inputs=[1]), ValueError, "inputs has 1 samples"),
        (lambda: infoplane.layer_information(X, (Y > 0)[1:], "auto"), ValueError, "labels has 59 samples and t has 60"),
        (lambda: infoplane.layer_information(X, Y, "auto"), ValueError, "labels holds numbers with decimals.*np.digitize"),
        (lambda: infoplane.layer_information(X, np.ones((60, 3)), "auto"), ValueError, "labels has 3 columns and is not one-hot"),
        (lambda: infoplane.layer_information(X, None, "auto"), TypeError, "or target, its numbers; neither is given"),
        (lambda: infoplane.set_threads(-1), ValueError, "threads = -1; allowed are whole numbers from 0 to 1024"),
        (lambda: infoplane.set_threads(5000), ValueError, "threads = 5000"),
        (lambda: infoplane.set_threads("2"), TypeError, "threads = '2' is a str"),  # type: ignore[arg-type]
        (lambda: infoplane.set_threads(1.5), TypeError, "threads = 1.5 is a float"),  # type: ignore[arg-type]
        (lambda: infoplane.load("/no/such/run"), infoplane.RunError, "/no/such/run holds no run: it does not exist"),
        (lambda: infoplane.load(None), TypeError, "NoneType"),  # type: ignore[arg-type]
    ],
)
def test_other_arguments(call: Callable[[], Any], kind: type[Exception], words: str) -> None:
    with pytest.raises(kind, match=words):
        call()


def test_errors_have_a_code_and_a_base() -> None:
    with pytest.raises(infoplane.EstimateError) as few:
        infoplane.mutual_information(X, Y, "ksg", k=60)
    assert few.value.code == "too-few-samples"
    assert isinstance(few.value, (ValueError, infoplane.InfoplaneError))
    with pytest.raises(infoplane.UndeterminedError) as infinite:
        infoplane.mutual_information(X, X)
    assert infinite.value.code == "undetermined"
    assert isinstance(infinite.value, infoplane.EstimateError)
    assert issubclass(infoplane.RunError, OSError)
    assert issubclass(infoplane.RecordError, ValueError)


# Warnings.


def test_warnings_are_those_of_the_result() -> None:
    x, _ = gaussian(200)
    with pytest.warns(infoplane.InfoplaneWarning) as told:
        estimate = infoplane.mutual_information(x, x + 1.0, "plug-in")
    assert estimate.warnings
    assert sorted(str(one.message) for one in told) == sorted(estimate.warnings)
    assert len(set(estimate.warnings)) == len(estimate.warnings)


@pytest.mark.parametrize(
    "call",
    [
        lambda x: infoplane.mutual_information(x, x + 1.0, "plug-in"),
        lambda x: infoplane.PlugIn().mutual_information(x, x + 1.0),
        lambda x: infoplane.PlugIn().estimate(x, x + 1.0),
        lambda x: infoplane.entropy(x, "plug-in"),
        lambda x: infoplane.total_correlation(x, x + 1.0, estimator="plug-in"),
        lambda x: infoplane.layer_information(x, x > 0, "plug-in"),
    ],
)
def test_warnings_point_at_the_line_of_the_caller(call: Callable[[Any], Any]) -> None:
    x, _ = gaussian(100)
    with pytest.warns(infoplane.InfoplaneWarning) as told:
        call(x)
    assert {one.filename for one in told} == {__file__}
    assert {one.lineno for one in told} == {call.__code__.co_firstlineno}


def test_warnings_may_be_errors_and_may_be_silent() -> None:
    x, _ = gaussian(100)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(infoplane.InfoplaneWarning):
            infoplane.entropy(x, "plug-in")
        infoplane.entropy(np.repeat([0, 1], 50), "plug-in", x_discrete=True)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("ignore", infoplane.InfoplaneWarning)
        infoplane.entropy(x, "plug-in")
    assert not told
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("default")
        for _ in range(3):
            infoplane.entropy(x, "plug-in")
    assert len(told) == len({str(one.message) for one in told}), "each once for a line"


def coupled(n: int, a: float = 0.5, b: float = 0.5, c: float = 0.8, seed: int = 0) -> tuple[Any, Any]:
    rng = np.random.default_rng(seed)
    x, y = np.zeros(n), np.zeros(n)
    for t in range(1, n):
        x[t] = a * x[t - 1] + rng.normal()
        y[t] = b * y[t - 1] + c * x[t - 1] + rng.normal()
    return x, y


def test_transfer_entropy_is_that_of_coupled_autoregressions() -> None:
    x, y = coupled(20_000)
    # 0.5 ln(1 + c² (Sxx − Sxy²/Syy)) with the variances of the stationary series.
    sxx, sxy = 4 / 3, 0.4 * (4 / 3) / 0.75
    truth = 0.5 * np.log1p(0.64 * (sxx - sxy**2 / ((0.64 * sxx + 0.8 * sxy + 1) / 0.75)))
    assert truth == pytest.approx(0.280700064, abs=1e-8)
    forth = infoplane.transfer_entropy(x, y, "gcmi")
    assert forth.nats == pytest.approx(truth, abs=0.02)
    assert infoplane.transfer_entropy(y, x, "gcmi").nats == pytest.approx(0, abs=0.002)
    assert infoplane.Gcmi().transfer_entropy(x, y, history=1) == forth
    assert forth.n_samples == 19_999 and forth.quantity == "transfer entropy" and forth.standard_error is not None
    tested = infoplane.transfer_entropy(x[:300], y[:300], "gcmi", permutations=39, standard_error=False)
    assert tested.p_value == 0.025


def test_missing_rows_of_series_are_refused_or_left_out() -> None:
    x, y = coupled(200)
    x[50] = np.nan
    with pytest.raises(infoplane.EstimateError):
        infoplane.transfer_entropy(x, y, "gcmi")
    with pytest.warns(infoplane.InfoplaneWarning, match="3 times are left out"):
        found = infoplane.transfer_entropy(x, y, "gcmi", source_history=3, missing="drop")
    assert (found.n_samples, found.dropped) == (197 - 3, 3)
    with pytest.raises(ValueError, match="'refuse' and 'drop'"):
        infoplane.transfer_entropy(x, y, missing="maybe")


def test_lagged_information_has_an_estimate_for_each_lag() -> None:
    rng = np.random.default_rng(1)
    x = rng.normal(size=600)
    y = np.roll(x, 2) + rng.normal(size=600)
    found = infoplane.lagged_information(x, y, range(-2, 4), "gcmi", permutations=39)
    assert list(found) == [-2, -1, 0, 1, 2, 3] and max(found, key=lambda lag: found[lag].nats) == 2
    assert found[2].p_value == 0.025 and found[3].n_samples == 597
    itself = infoplane.lagged_information(x, x, [0, 1], standard_error=False)
    assert itself[0].missing is not None and itself[1].missing is None
    wrong: Any
    for wrong in [[], [0.5], ["a"]]:
        with pytest.raises((TypeError, ValueError)):
            infoplane.lagged_information(x, y, wrong)
    with pytest.raises(infoplane.EstimateError, match="at least 15"):
        infoplane.lagged_information(x[:12], y[:12], [5], "gcmi")
    with pytest.raises(ValueError, match="whole numbers from 1"):
        infoplane.transfer_entropy(x, y, lag=0)


def test_z_may_be_several_variables_of_symbols_and_numbers() -> None:
    rng = np.random.default_rng(2)
    group, age, x = rng.choice(["a", "b"], size=800), rng.normal(size=800), rng.normal(size=800)
    y = age + np.where(group == "a", 1, -1) * 0.8 * x + 0.6 * rng.normal(size=800)
    found = infoplane.conditional_mutual_information(x, y, (group, age), permutations=39)
    assert found.estimator == "frenzel-pompe" and found.p_value == 0.025
    assert found.nats == pytest.approx(-0.5 * np.log(0.36), abs=0.12)
    assert infoplane.conditional_mutual_information(x, y, age).nats < found.nats - 0.2
    assert infoplane.conditional_mutual_information(x, y, (age,)).nats == infoplane.conditional_mutual_information(x, y, age).nats
    with pytest.raises(TypeError, match="auto and frenzel-pompe"):
        infoplane.conditional_mutual_information(x, y, (group, age), "ksg")
    with pytest.raises(ValueError, match="number of samples"):
        infoplane.conditional_mutual_information(x, y, (group, age[1:]))
    with pytest.warns(infoplane.InfoplaneWarning, match="Z determines X"):
        assert infoplane.conditional_mutual_information(group, y, (group, age)).nats == 0


def test_normalised_information_is_that_of_scikit_learn() -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(3)
    x, y = rng.integers(0, 4, 300), rng.integers(0, 3, 300)
    y[:150] = x[:150] % 3
    found = infoplane.normalised_information(x, y, "plug-in", x_discrete=True, y_discrete=True)
    averages = {"max": "max", "sum": "arithmetic", "sqrt": "geometric", "min": "min"}
    for name, average in averages.items():
        expected = metrics.normalized_mutual_info_score(x, y, average_method=average)
        assert getattr(found, name) == pytest.approx(expected, abs=1e-12)
    assert found.joint == pytest.approx(found.i_xy.nats / (found.h_x.nats + found.h_y.nats - found.i_xy.nats), abs=1e-12)
    constant = infoplane.normalised_information(["a"] * 20, ["b", "c"] * 10, "plug-in")
    assert (constant.max, constant.min, constant.sqrt) == (0, None, None)
    with pytest.raises(infoplane.UndeterminedError, match="differential"):
        infoplane.normalised_information(rng.normal(size=50), rng.normal(size=50))
    rho = infoplane.mutual_information(*np.random.default_rng(4).multivariate_normal([0, 0], [[1, 0.6], [0.6, 1]], 5000).T, "gcmi")
    assert rho.linfoot_correlation == pytest.approx(0.6, abs=0.03)
