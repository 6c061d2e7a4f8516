"""Replacements of scikit-learn's functions have its values where the definition is the same."""

import numpy as np
import pytest

pytest.importorskip("sklearn")

from sklearn import datasets
from sklearn.feature_selection import SelectKBest
from sklearn.feature_selection import mutual_info_classif as their_classif
from sklearn.feature_selection import mutual_info_regression as their_regression

import infoplane
from infoplane.sklearn import mutual_info_classif, mutual_info_regression


@pytest.fixture
def data():
    rng = np.random.default_rng(3)
    X = rng.normal(size=(400, 4))
    y = X[:, 0] + 0.5 * rng.normal(size=400)
    return X, y


def test_regression_has_the_values_of_scikit_learn(data):
    X, y = data
    # Theirs adds noise of 1e-10 to the numbers.
    assert np.allclose(mutual_info_regression(X, y), their_regression(X, y, random_state=0), atol=1e-6)
    assert np.allclose(
        mutual_info_regression(X, y, n_neighbors=7), their_regression(X, y, n_neighbors=7, random_state=0), atol=1e-6
    )


def test_classification_has_the_values_of_scikit_learn(data):
    X, y = data
    classes = np.digitize(y, [-0.5, 0.5])
    assert np.allclose(mutual_info_classif(X, classes), their_classif(X, classes, random_state=0), atol=1e-6)
    counts = np.round(X).astype(int)
    assert np.allclose(
        mutual_info_classif(counts, classes, discrete_features=True), their_classif(counts, classes, discrete_features=True)
    )


def test_masks_and_indices_name_discrete_columns(data):
    X, y = data
    X = np.column_stack([X, np.round(X[:, 0])])
    by_mask = mutual_info_regression(X, y, discrete_features=[False] * 4 + [True])
    by_index = mutual_info_regression(X, y, discrete_features=[4])
    assert (by_mask == by_index).all()
    # A radius of theirs may be off by its last digit, and a count by one: a coarser comparison, and one with the definition.
    assert np.allclose(by_index, their_regression(X, y, discrete_features=[4], random_state=0), atol=2e-3)
    assert by_index[4] == pytest.approx(ross(y, X[:, 4], 3), abs=1e-12)


def ross(t, labels, k):
    """The definition, by all pairs."""
    digamma = pytest.importorskip("scipy.special").digamma
    distances = np.abs(t[:, None] - t[None, :])
    terms = []
    for row, label in enumerate(labels):
        own = np.sort(distances[row, labels == label])
        neighbours = min(k, len(own) - 1)
        nearer = (distances[row] < own[neighbours]).sum()
        terms.append(digamma(neighbours) - digamma(len(own)) - digamma(nearer))
    return digamma(len(t)) + np.mean(terms)


def test_it_selects_features(data):
    X, y = data
    assert SelectKBest(mutual_info_regression, k=1).fit(X, y).get_support().tolist() == [True, False, False, False]


def test_other_estimators_are_an_option(data):
    X, y = data
    found = mutual_info_regression(X, y, estimator="gcmi")
    assert abs(found[0] + 0.5 * np.log(1 - np.corrcoef(X[:, 0], y)[0, 1] ** 2)) < 0.05
    assert mutual_info_regression(X, y, estimator="ksg", k=7)[0] == pytest.approx(mutual_info_regression(X, y, n_neighbors=7)[0])


def test_what_is_wrong_is_named(data):
    X, y = data
    with pytest.raises(ValueError, match="X has 400 samples and y has 3"):
        mutual_info_regression(X, y[:3])
    with pytest.raises(ValueError, match="discrete_features = 'all'"):
        mutual_info_regression(X, y, discrete_features="all")
    with pytest.raises(ValueError, match="X has the shape"):
        mutual_info_regression(y, y)


@pytest.mark.parametrize("name", ["iris", "wine", "breast_cancer", "digits"])
@pytest.mark.parametrize("seed", [0, 3])
def test_values_that_repeat_are_told_apart_as_scikit_learn_does(name, seed):
    X, y = getattr(datasets, f"load_{name}")(return_X_y=True)
    # A radius of theirs may be off by its last digit, and a count by one.
    tolerance = 1e-3 if name == "digits" else 1e-9
    assert np.allclose(mutual_info_classif(X, y, random_state=seed), their_classif(X, y, random_state=seed), atol=tolerance)


def test_a_target_that_repeats_has_the_noise_of_scikit_learn():
    X, y = datasets.load_diabetes(return_X_y=True)
    for state in (1, np.random.RandomState(4)):
        theirs = their_regression(X, y, random_state=1 if state == 1 else 4)
        assert np.allclose(mutual_info_regression(X, y, random_state=state), theirs, atol=1e-9)
    assert (mutual_info_regression(X, y) == mutual_info_regression(X, y, random_state=0)).all()


def test_columns_are_named_in_messages():
    X, y = datasets.load_iris(return_X_y=True)
    with pytest.raises(infoplane.EstimateError, match=r"X\[:, 0\]"):
        mutual_info_classif(X, y, estimator="ross")
