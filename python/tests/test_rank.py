"""Columns ranked against a target."""

import warnings

import numpy as np
import pytest

import infoplane

N = 400


@pytest.fixture
def table():
    random = np.random.default_rng(3)
    y = random.integers(0, 3, N)
    age = y + random.normal(size=N)
    gaps = random.normal(size=N)
    gaps[::10] = np.nan
    town = np.array(["Ulm", "Kiel", None], dtype=object)[random.integers(0, 3, N)]
    return {"idle": random.normal(size=N), "age": age, "gaps": gaps, "town": town, "id": np.arange(N).astype(str), "y": y}


def test_columns_of_a_mapping_are_ranked_and_what_lacks_is_told(table):
    ranking = infoplane.rank(table, "y")
    rows = {name: {key: ranking[key][at] for key in ranking} for at, name in enumerate(ranking["column"])}
    assert next(iter(rows)) == "age" and rows["age"]["rank"] == 1
    assert rows["age"]["q_value"] < 0.01 and rows["idle"]["p_value"] > 0.001
    assert (rows["gaps"]["n"], rows["gaps"]["missing"]) == (N - N // 10, N // 10)
    assert rows["town"]["p_kind"] == "chi2" and rows["town"]["missing"] > N / 5
    assert np.isnan(rows["id"]["bits"]) and "identifier" in rows["id"]["note"]
    assert (ranking.target_kind, ranking.n_samples, ranking.target_missing) == ("names", N, 0)
    same = infoplane.rank(table, "y", missing="symbol")
    assert same["missing"][list(same["column"]).index("town")] == 0


def test_values_are_those_of_the_estimators_on_normal_scores(table):
    y, age = table["y"], table["age"]
    ross = infoplane.Ross(scaling="normal-scores")
    found = infoplane.rank({"age": age}, y, permutations=0)
    expected = infoplane.mutual_information(age, y, ross, y_discrete=True, standard_error=False).bits
    assert found["bits"][0] == pytest.approx(expected, abs=1e-12)
    assert np.isnan(found["p_value"][0])
    ksg = infoplane.Ksg(scaling="normal-scores")
    found = infoplane.rank({"age": age}, table["idle"], permutations=0)
    expected = infoplane.mutual_information(age, table["idle"], ksg, standard_error=False).bits
    assert found["bits"][0] == pytest.approx(expected, abs=1e-12)


def test_values_and_order_are_near_those_of_scikit_learn():
    selection = pytest.importorskip("sklearn.feature_selection")
    random = np.random.default_rng(5)
    n = 2000
    y = random.normal(size=n)
    x = np.outer(y, np.linspace(0.3, 2, 8)) + random.normal(size=(n, 8))
    for target, theirs in [((y > 0).astype(int), selection.mutual_info_classif), (y, selection.mutual_info_regression)]:
        expected = theirs(x, target, random_state=0) / np.log(2)
        found = infoplane.rank(x, target, permutations=0)
        bits = dict(zip(found["column"], found["bits"], strict=True))
        # Of ranks and of standardised numbers neighbours differ a little: a standard error is .02.
        assert np.abs([bits[str(column)] - expected[column] for column in range(8)]).max() < 0.06
        assert found["column"][0] in ("6", "7")


def test_frames_and_matrices_are_tables(table):
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(table)
    of_frame, of_mapping = infoplane.rank(frame, "y"), infoplane.rank(table, "y")
    assert list(of_frame["column"]) == list(of_mapping["column"])
    np.testing.assert_array_equal(of_frame["bits"], of_mapping["bits"])
    matrix = np.column_stack([table["idle"], table["age"], table["y"]])
    of_matrix = infoplane.rank(matrix, 2)
    assert list(of_matrix["column"]) == ["1", "0"]
    categories = frame.assign(code=pd.Categorical(table["y"]))
    one_to_one = infoplane.rank(categories[["code", "age"]], table["y"])
    assert one_to_one["column"][0] == "code" and one_to_one["kind"][0] == "names"


def test_what_is_wrong_is_told(table):
    with pytest.raises(KeyError, match="klass"):
        infoplane.rank(table, "klass")
    with pytest.raises(KeyError, match="weight"):
        infoplane.rank(table, "y", names=["weight"])
    with pytest.raises(infoplane.UndeterminedError, match="never changes"):
        infoplane.rank(table, np.ones(N))
    with pytest.raises(ValueError, match="column age has 400 rows"):
        infoplane.rank({"age": table["age"]}, table["y"][:300])
    with pytest.raises(ValueError, match="benjamini-yekutieli"):
        infoplane.rank(table, "y", correction="bh")
    with pytest.raises(ValueError, match="names.*lattice"):
        infoplane.rank(table, "y", target_kind="class")
    with pytest.raises(infoplane.EstimateError, match="target_kind = continuous; allowed is names"):
        infoplane.rank(table, "town", target_kind="continuous")
    with pytest.warns(infoplane.InfoplaneWarning, match="more permutations"):
        infoplane.rank(table, "y", permutations=19)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        infoplane.rank(table, "y")


def test_a_target_of_categories_is_symbols_whatever_their_numbers():
    pandas = pytest.importorskip("pandas")
    random = np.random.default_rng(5)
    y = random.normal(size=30)[random.integers(0, 30, N)]
    table = {"x": y + random.normal(size=N)}
    assert infoplane.rank(table, pandas.Series(y).astype("category"), permutations=0).target_kind == "names"
    with_kind = infoplane.rank(table, pandas.Series(y).astype("category"), target_kind="continuous", permutations=0)
    assert with_kind.target_kind == "continuous"
