"""What estimates return: amounts, intervals, estimates, readings of layers."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import math
import pickle
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

import infoplane
from infoplane import _errors
from infoplane._results import estimate_of, reading_of

FIELDS: dict[str, Any] = {
    "quantity": "I(X;Y)",
    "nats": 0.5,
    "bound": None,
    "limit_nats": None,
    "standard_error_nats": 0.01,
    "interval_nats": [0.48, 0.52],
    "kind": "consistent estimate",
    "estimator": "ksg",
    "setting": "k=3",
    "reason": None,
    "n_samples": 100,
    "dims": [1, 2],
    "ties": 3,
    "dropped": 1,
    "ceiling_nats": 4.0,
    "warnings": [],
    "notes": ["note"],
    "p_value": None,
    "permutations": None,
    "missing": None,
}


def estimate(**changes: Any) -> infoplane.Estimate:
    return estimate_of({**FIELDS, **changes})


BOUND = estimate(nats=None, bound="lower", limit_nats=0.25)
NONE = estimate(nats=None, missing="too few samples", standard_error_nats=None, interval_nats=None)


def test_amounts() -> None:
    one = infoplane.Information(math.log(2))
    assert one.bits == pytest.approx(1.0)
    assert repr(one) == "0.693147 nats (1 bits)"
    assert one == infoplane.Information(math.log(2)) and one != infoplane.Information(0.5) and one != math.log(2)
    assert infoplane.Information(-0.1) < infoplane.Information(0.0) <= one
    assert max(infoplane.Information(0.2), one) is one
    assert len({one, infoplane.Information(math.log(2)), infoplane.Information(0.0)}) == 2
    with pytest.raises(dataclasses.FrozenInstanceError):
        one.nats = 3.0  # type: ignore[misc]
    with pytest.raises(TypeError):
        _ = one < 0.5  # type: ignore[operator]


def test_an_amount_that_is_not_known_is_like_another() -> None:
    unknown = infoplane.Information(math.nan)
    assert unknown == infoplane.Information(float("nan"))
    assert hash(unknown) == hash(infoplane.Information(float("nan")))
    assert unknown != infoplane.Information(0.0)
    assert math.isnan(unknown.bits)


def test_intervals() -> None:
    interval = infoplane.Interval(infoplane.Information(0.1), infoplane.Information(0.3))
    assert 0.2 in interval and infoplane.Information(0.1) in interval and np.float32(0.2) in interval
    assert 0.31 not in interval and infoplane.Information(0.05) not in interval and math.nan not in interval
    assert repr(interval) == "0.1 to 0.3 nats"


def test_the_fields_of_an_estimate() -> None:
    found = estimate()
    assert (found.nats, found.bits) == (0.5, 0.5 / math.log(2))
    assert found.standard_error == infoplane.Information(0.01)
    assert found.interval == infoplane.Interval(infoplane.Information(0.48), infoplane.Information(0.52))
    assert found.dims == (1, 2) and (found.ties, found.dropped, found.n_samples) == (3, 1, 100)
    assert found.ceiling == infoplane.Information(4.0)
    assert found.notes == ("note",) and found.warnings == ()
    assert math.isnan(BOUND.nats) and math.isnan(BOUND.bits)
    assert BOUND.limit == infoplane.Information(0.25) and BOUND.bound == "lower"
    assert NONE.missing == "too few samples" and math.isnan(NONE.nats)


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (estimate(), "<I(X;Y) = 0.5 ± 0.01 nats (0.7213 bits) by ksg (k=3), n = 100>"),
        (estimate(standard_error_nats=None, setting=""), "<I(X;Y) = 0.5 nats (0.7213 bits) by ksg, n = 100>"),
        (estimate(warnings=["a"]), "<I(X;Y) = 0.5 ± 0.01 nats (0.7213 bits) by ksg (k=3), n = 100, 1 warning>"),
        (estimate(warnings=["a", "b"]), "<I(X;Y) = 0.5 ± 0.01 nats (0.7213 bits) by ksg (k=3), n = 100, 2 warnings>"),
        (estimate(p_value=0.0125), "<I(X;Y) = 0.5 ± 0.01 nats (0.7213 bits) by ksg (k=3), n = 100, p = 0.0125>"),
        (BOUND, "<I(X;Y): at least 0.25 ± 0.01 nats (0.3607 bits) by ksg (k=3), n = 100>"),
        (estimate(nats=None, bound="upper", limit_nats=0.25, standard_error_nats=None), "<I(X;Y): at most 0.25 nats (0.3607"),
        (NONE, "<I(X;Y): none, too few samples by ksg (k=3), n = 100>"),
    ],
)
def test_an_estimate_is_shown_in_words(found: infoplane.Estimate, words: str) -> None:
    assert repr(found).startswith(words)


def reading(i_xt: Any, i_ty: Any, **changes: Any) -> infoplane.LayerReading:
    fields = {"setting": "k=3", "bound": None, "i_ty_shuffled_nats": 0.1, "alone": None, "out_of_range": 0, **changes}
    return reading_of({**fields, "i_xt": {**FIELDS, **i_xt}, "i_ty": {**FIELDS, **i_ty}})


def test_a_reading_is_shown_in_words() -> None:
    xt, ty = {"quantity": "I(X;T)"}, {"quantity": "I(T;Y)"}
    assert repr(reading(xt, ty)) == "<I(X;T) = 0.7213 bits, I(T;Y) = 0.7213 bits by ksg (k=3)>"
    assert repr(reading(xt, ty, bound="upper")).endswith("by ksg (k=3, upper bound)>")
    assert repr(reading(xt, ty, setting="")).endswith("by ksg>")
    lacking = reading({**xt, "nats": None, "missing": "x"}, {**ty, "nats": None, "bound": "lower", "limit_nats": 0.25})
    assert repr(lacking) == "<I(X;T): none, I(T;Y) at least 0.3607 bits by ksg (k=3)>"


@pytest.mark.parametrize("found", [estimate(), BOUND, NONE, reading({}, {}), reading({"nats": None, "missing": "x"}, {})])
def test_results_can_be_copied_compared_and_sent(found: Any) -> None:
    for other in (copy.copy(found), copy.deepcopy(found), pickle.loads(pickle.dumps(found))):
        assert other == found
        assert hash(other) == hash(found)
        assert repr(other) == repr(found)
    assert found != "something else"


ERRORS = [
    infoplane.EstimateError("why", "too-few-samples"),
    infoplane.UndeterminedError("why", "undetermined"),
    infoplane.RunError("why"),
    infoplane.RecordError("why"),
    infoplane.ExperimentError("why"),
    infoplane.SweepError("why"),
    infoplane.InfoplaneWarning("why"),
    infoplane.InfoplaneError("why"),
]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_errors_can_be_copied_and_sent(error: Exception) -> None:
    for other in (copy.copy(error), copy.deepcopy(error), pickle.loads(pickle.dumps(error))):
        assert type(other) is type(error)
        assert str(other) == "why"
        assert getattr(other, "code", None) == getattr(error, "code", None)


def test_all_errors_have_one_base() -> None:
    kinds = [kind for _, kind in inspect.getmembers(_errors, inspect.isclass)]
    assert {kind for kind in kinds if not issubclass(kind, infoplane.InfoplaneError)} == {infoplane.InfoplaneWarning}
    assert {kind.__name__ for kind in kinds} <= set(infoplane.__all__)
    assert {type(error) for error in ERRORS} == set(kinds)


def test_another_process_reads_a_result() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=60)
    found = [infoplane.mutual_information(x, x + rng.normal(size=60), "ksg"), infoplane.Ksg(k=4), BOUND, ERRORS[0]]
    program = "import pickle, sys; print(pickle.load(sys.stdin.buffer))"
    command = [sys.executable, "-X", "utf8", "-c", program]
    said = subprocess.run(command, input=pickle.dumps(found), capture_output=True, check=True, timeout=60)
    assert said.stdout.decode("utf-8").strip() == repr(found)
