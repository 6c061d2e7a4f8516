"""Arguments: arrays of every kind and library, and what is said of those that are none."""

from __future__ import annotations

import array as array_module
import tracemalloc
from collections.abc import Callable, Iterator
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

import infoplane
from infoplane import _arrays, _native

N = 120
RNG = np.random.default_rng(0)
X = RNG.normal(size=N)
Y = X + RNG.normal(size=N)
WIDE = RNG.normal(size=(N, 3))
WORDS = np.where(X > 0, "up", "down")


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Any]]:
    """The arrays that reach the native code."""
    seen: list[Any] = []
    native = _native.estimate

    def spy(quantity: str, estimator: str, settings: Any, variables: Any, *rest: Any) -> Any:
        seen[:] = variables
        return native(quantity, estimator, settings, variables, *rest)

    monkeypatch.setattr(_native, "estimate", spy)
    yield seen


def information(x: Any, y: Any = Y, estimator: Any = "ksg", **more: Any) -> float:
    return infoplane.mutual_information(x, y, estimator, standard_error=False, **more).nats


# Values are those that were given, whatever the memory looks like.


def in_record(values: Any) -> Any:
    """One column of packed records, whose numbers are at odd addresses."""
    records = np.zeros(len(values), dtype=[("flag", "i1"), ("value", "f8")])
    records["value"] = values
    return records["value"]


def at_wide_steps(values: Any) -> Any:
    """Numbers of 8 bytes, 12 bytes from each other."""
    records = np.zeros(len(values), dtype=[("value", "f8"), ("more", "f4")])
    records["value"] = values
    return records["value"]


LAYOUTS: dict[str, Callable[[Any], Any]] = {
    "contiguous": lambda a: a.copy(),
    "Fortran": np.asfortranarray,
    "transposed": lambda a: a.T.copy().T,
    "every second row": lambda a: np.repeat(a, 2, axis=0)[::2],
    "every second column": lambda a: np.repeat(a, 2, axis=1)[:, ::2],
    "backward": lambda a: a[::-1].copy()[::-1],
    "columns backward": lambda a: a[:, ::-1].copy()[:, ::-1],
    "read-only": lambda a: np.frombuffer(a.tobytes(), dtype=a.dtype).reshape(a.shape),
    "other byte order": lambda a: a.astype(a.dtype.newbyteorder()),
    "odd address": lambda a: np.frombuffer(b"\0" + a.tobytes(), dtype=a.dtype, offset=1).reshape(a.shape),
    "longdouble": lambda a: a.astype(np.longdouble),
    "objects": lambda a: a.astype(object),
    "list": lambda a: a.tolist(),
    "tuple of arrays": lambda a: tuple(a),
    "matrix": lambda a: a.view(np.matrix),
    "nothing masked": lambda a: np.ma.masked_array(a, mask=np.zeros(a.shape, dtype=bool)),
    "memory": lambda a: memoryview(np.ascontiguousarray(a)),
    "fractions": lambda a: [[Fraction(float(value)) for value in row] for row in a],
    "decimals": lambda a: [[Decimal(float(value)) for value in row] for row in a],
    "records": lambda a: np.column_stack([in_record(column) for column in a.T]),
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("kind", [np.float64, np.float32])
def test_the_layout_does_not_matter(layout: str, kind: Any, given: list[Any]) -> None:
    values = WIDE.astype(kind)
    expected = infoplane.mutual_information(values, Y, "gcmi").nats
    laid_out = LAYOUTS[layout](values)
    assert infoplane.mutual_information(laid_out, Y, "gcmi").nats == expected
    assert np.array_equal(given[0], values)
    assert given[0].dtype.isnative and given[0].dtype.kind == "f"


@pytest.mark.parametrize("laid_out", [in_record, at_wide_steps, lambda a: np.repeat(a, 3)[::3], lambda a: a[::-1].copy()[::-1]])
def test_the_layout_of_a_column_does_not_matter(laid_out: Callable[[Any], Any], given: list[Any]) -> None:
    column = laid_out(X)
    assert np.array_equal(column, X)
    assert information(column) == information(X)
    assert information(column[:, None]) == information(X)
    information(column)
    assert np.array_equal(given[0][:, 0], X)
    assert given[0].flags.aligned and given[0].strides[0] % 8 == 0


def test_one_value_for_all_samples() -> None:
    assert information(np.broadcast_to(np.float64(1.0), (N,)), estimator="mixed-ksg") == pytest.approx(0.0, abs=0.2)


@pytest.mark.parametrize("kind", ["f2", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8"])
def test_other_types_become_numbers_that_hold_them(kind: str, given: list[Any]) -> None:
    values = np.arange(N).astype(kind)
    infoplane.mutual_information(values, Y, "ksg", x_discrete=False)
    assert np.array_equal(given[0][:, 0], np.arange(N))
    assert given[0].dtype == (np.float32 if values.dtype.itemsize <= 2 else np.float64)


def test_float32_stays_float32_and_float64_stays_float64(given: list[Any]) -> None:
    information(X.astype(np.float32), X.astype(np.float64))
    assert [array.dtype for array in given] == [np.float32, np.float64]


def test_truth_values(given: list[Any]) -> None:
    infoplane.mutual_information(X > 0, Y, "ross")
    assert given[0].dtype == np.int64
    infoplane.mutual_information(X > 0, Y, "mixed-ksg", x_discrete=False)
    assert given[0].dtype == np.float32
    # Among numbers they are numbers.
    infoplane.mutual_information(np.array([[value, value > 0] for value in X], dtype=object), Y, "mixed-ksg")
    assert given[0].dtype == np.float64


# No copies.


@pytest.mark.parametrize("kind", [np.float32, np.float64])
@pytest.mark.parametrize("layout", ["contiguous", "Fortran", "every second row", "backward", "read-only", "memory"])
def test_numbers_are_not_copied(kind: Any, layout: str, given: list[Any]) -> None:
    values = LAYOUTS[layout](WIDE.astype(kind))
    infoplane.mutual_information(values, X, "gcmi")
    assert np.shares_memory(given[0], np.asarray(values))
    assert np.shares_memory(given[1], X)


def test_layers_are_not_copied(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []
    native = _native.estimate_layer
    monkeypatch.setattr(_native, "estimate_layer", lambda *arguments: (seen.append(arguments[2]), native(*arguments))[1])
    t = WIDE.astype(np.float32)
    infoplane.layer_information(t, X > 0, "binned", rule="floor", bin_width=0.5)
    assert np.shares_memory(seen[0], t)


def test_a_large_array_takes_no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    large = np.zeros((1_000_000, 25), dtype=np.float64)  # 200 MB, of which nothing is touched
    monkeypatch.setattr(_native, "estimate", lambda *_: (_ for _ in ()).throw(StopIteration("enough")))
    tracemalloc.start()
    try:
        with pytest.raises((StopIteration, RuntimeError)):
            infoplane.mutual_information(large, large, "gcmi", x_discrete=False, y_discrete=False)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 10_000_000


def test_what_is_given_is_not_changed() -> None:
    x, y, z = X.copy(), WORDS.copy(), WIDE.copy()
    infoplane.mutual_information(x, y)
    infoplane.mutual_information(z, x, "ksg", permutations=3)
    infoplane.layer_information(z, y, "kde", noise_variances=[0.1])
    assert np.array_equal(x, X) and np.array_equal(y, WORDS) and np.array_equal(z, WIDE)


# Symbols.


def same_partition(codes: Any, symbols: Any) -> bool:
    rows = [tuple(row) if np.ndim(row) else row for row in symbols]
    pairs = set(zip(codes.tolist(), rows, strict=True))
    return len(pairs) == len(set(codes.tolist())) == len(set(rows))


@pytest.mark.parametrize(
    "values",
    [
        ["b", "a", "b", "c"],
        [3, 1, 3, 2**62],
        [2**70, 1, 1, -(2**70)],
        [1.5, 2.5, 1.5, -0.0],
        [True, False, True, True],
        [("a", 1), ("a", 2), ("a", 1), ("b", 1)],
        [["a", "x"], ["a", "y"], ["a", "x"], ["b", "x"]],
        [[1, 2], [1, 3], [1, 2], [2, 2]],
        [1, "one", 1, None.__class__],
        np.array([b"x", b"y", b"x", b"x"]),
        np.array([1 + 2j, 3, 3, 1 + 2j]),
        np.array(["2000-01-01", "2000-01-02", "2000-01-01", "1999-01-01"], dtype="M8[D]"),
        np.array([2**63, 2**63 + 1, 2**63, 0], dtype=np.uint64),
    ],
    ids=repr,
)
def test_codes_tell_the_same_rows_apart(values: Any) -> None:
    array = np.empty(4, dtype=object)
    array[:] = values if not isinstance(values, np.ndarray) else list(values)
    for form in (values, array):
        codes = _arrays.codes(form, "x")
        assert codes.dtype == np.int64 and codes.shape == (4,)
        assert same_partition(codes, [tuple(row) if isinstance(row, list) else row for row in list(values)])
        assert codes.min() == 0


def test_codes_are_in_order_of_the_symbols() -> None:
    assert _arrays.codes(["b", "a", "c"], "x").tolist() == [1, 0, 2]
    assert _arrays.codes(np.array([["b"], ["a"]], dtype=object), "x").tolist() == [1, 0]
    assert _arrays.codes([0.0, -0.0, 1.0], "x").tolist() == [0, 0, 1]


def test_labels() -> None:
    assert _arrays.labels(np.eye(3)[[2, 0, 1]], "labels").tolist() == [2, 0, 1]
    assert _arrays.labels(np.eye(3, dtype=bool)[[2, 0, 1]], "labels").tolist() == [2, 0, 1]
    assert _arrays.labels([[1], [0]], "labels").tolist() == [1, 0]
    assert _arrays.labels([1.0, 0.0, 2.0], "labels").tolist() == [1, 0, 2]
    for wrong in (np.ones((3, 2)), np.zeros((3, 2)), [[1, 0], [2, 0]]):
        with pytest.raises(ValueError, match="labels has 2 columns and is not one-hot"):
            _arrays.labels(wrong, "labels")
    for kind in (float, object):
        with pytest.raises(ValueError, match="labels holds numbers with decimals"):
            _arrays.labels(np.array([0.5, 1.0], dtype=kind), "labels")
    with pytest.raises(ValueError, match="labels is not finite at sample 1"):
        _arrays.labels([0.0, np.nan], "labels")


def test_which_variables_are_symbols(given: list[Any]) -> None:
    infoplane.mutual_information(WORDS, Y)
    assert [array.dtype.kind for array in given] == ["i", "f"]
    infoplane.mutual_information(WORDS.astype(object), Y.astype(object))
    assert [array.dtype.kind for array in given] == ["i", "f"]
    # Of an estimator that needs labels on one side, whole numbers alone are they.
    infoplane.mutual_information(X, np.digitize(Y, [0.0]), "ross")
    assert [array.dtype.kind for array in given] == ["f", "i"]
    with pytest.raises(infoplane.EstimateError, match="ross needs labels"):
        infoplane.mutual_information(X, np.digitize(Y, [0.0]), "ross", y_discrete=False)


# Other libraries.


def test_pandas(given: list[Any]) -> None:
    pd = pytest.importorskip("pandas")
    expected = information(X)
    assert information(pd.Series(X)) == expected
    assert information(pd.Series(X, index=RNG.permutation(N))) == expected
    assert information(pd.DataFrame({"a": X})) == expected
    assert information(pd.DataFrame({"a": X, "b": Y})["a"]) == expected
    assert information(pd.Index(X)) == expected
    assert information(pd.Series(X, dtype="Float64")) == expected
    assert information(pd.DataFrame({"a": pd.Series(X, dtype="Float64")})) == expected
    information(pd.DataFrame({"a": X, "b": np.arange(N), "c": X > 0}), estimator="gcmi")
    assert np.array_equal(given[0], np.column_stack([X, np.arange(N), X > 0]))
    ints = pd.Series(np.arange(N), dtype="Int64")
    information(ints)
    assert np.array_equal(given[0][:, 0], np.arange(N))
    words = pd.Series(WORDS)
    for column in (words, words.astype("string"), words.astype("category"), pd.DataFrame({"a": words})):
        infoplane.mutual_information(column, Y)
        assert np.array_equal(given[0], (WORDS == "up").astype(int))
    # Categories are symbols even where they are numbers.
    infoplane.mutual_information(pd.Series(np.digitize(X, [0.0]), dtype="category"), Y)
    assert given[0].dtype == np.int64
    infoplane.mutual_information(pd.DataFrame({"a": pd.Series(np.digitize(X, [0.0]), dtype="category")}), Y)
    assert given[0].dtype == np.int64


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_what_pandas_lacks_is_named() -> None:
    pd = pytest.importorskip("pandas")
    ints, floats = pd.Series(np.arange(N), dtype="Int64"), pd.Series(X, dtype="Float64")
    words, truths = pd.Series(WORDS, dtype="string"), pd.Series(X > 0, dtype="boolean")
    categories = pd.Series(WORDS, dtype="category")
    for column in (ints, floats, words, truths, categories):
        column[7] = pd.NA
        for whole in (column, pd.DataFrame({"a": column})):
            with pytest.raises(ValueError, match=r"^x.* (row|sample) 7"):
                infoplane.mutual_information(whole, Y)
    with pytest.raises(ValueError, match=r"^x.* (row|sample) 7"):
        infoplane.mutual_information(pd.Series(X).where(np.arange(N) != 7), Y)
    with pytest.raises(ValueError, match="x lacks the value of sample 3"):
        infoplane.mutual_information(pd.DataFrame({"a": [1.5] * N, "b": ["u", "v", "u", None] * (N // 4)}), Y)
    with pytest.raises(TypeError, match="x has columns of numbers and of text"):
        infoplane.mutual_information(pd.DataFrame({"a": X, "b": WORDS}), Y)
    with pytest.raises(TypeError, match="x holds dates"):
        infoplane.mutual_information(pd.Series(pd.date_range("2000-01-01", periods=N)), Y)


def test_polars(given: list[Any]) -> None:
    pl = pytest.importorskip("polars")
    expected = information(X)
    assert information(pl.Series(X)) == expected
    assert information(pl.DataFrame({"a": X})) == expected
    information(pl.DataFrame({"a": X, "b": np.arange(N)}), estimator="gcmi")
    assert np.array_equal(given[0], np.column_stack([X, np.arange(N)]))
    information(pl.Series(WIDE.tolist()), estimator="gcmi")
    assert np.array_equal(given[0], WIDE)
    words = pl.Series(WORDS.tolist())
    for column in (words, words.cast(pl.Categorical), pl.DataFrame({"a": words})):
        infoplane.mutual_information(column, Y)
        assert np.array_equal(given[0], (WORDS == "up").astype(int))
    infoplane.mutual_information(pl.Series((X > 0).tolist()), Y)
    assert given[0].dtype == np.int64
    for values in (X.tolist(), WORDS.tolist(), [True] * N):
        with pytest.raises(ValueError, match=rf"^x.* (row|sample) {N - 1}"):
            infoplane.mutual_information(pl.Series([*values[:-1], None]), Y)
    with pytest.raises(TypeError, match=r"x is a LazyFrame; give x.collect\(\)"):
        information(pl.DataFrame({"a": X}).lazy())


def test_arrow(given: list[Any]) -> None:
    pa = pytest.importorskip("pyarrow")
    expected = information(X)
    for numbers in (pa.array(X), pa.chunked_array([X[:50], X[50:]]), pa.table({"a": X}), pa.RecordBatch.from_pydict({"a": X})):
        assert information(numbers) == expected
    information(pa.table({"a": X, "b": np.arange(N)}), estimator="gcmi")
    assert np.array_equal(given[0], np.column_stack([X, np.arange(N)]))
    information(pa.FixedSizeListArray.from_arrays(pa.array(WIDE.ravel()), 3), estimator="gcmi")
    assert np.array_equal(given[0], WIDE)
    words = pa.array(WORDS.tolist())
    for symbols in (words, words.dictionary_encode(), pa.table({"a": words}), pa.chunked_array([words[:9], words[9:]])):
        infoplane.mutual_information(symbols, Y)
        assert np.array_equal(given[0], (WORDS == "up").astype(int))
    infoplane.mutual_information(pa.array(X > 0), Y)
    assert given[0].dtype == np.int64
    infoplane.mutual_information(pa.array((X > 0).astype(int)).dictionary_encode(), Y)
    assert given[0].dtype == np.int64
    for lacking in (pa.array([*X[:-1], None]), pa.array([*WORDS[:-1].tolist(), None]), pa.array([*range(N - 1), None])):
        with pytest.raises(ValueError, match=rf"^x.* (row|sample) {N - 1}"):
            infoplane.mutual_information(lacking, Y)
    with pytest.raises(TypeError, match="x has columns of numbers and of text"):
        infoplane.mutual_information(pa.table({"a": X, "b": words}), Y)


def test_arrow_streams_of_others() -> None:
    na = pytest.importorskip("nanoarrow")
    pa = pytest.importorskip("pyarrow")
    assert information(na.Array(pa.array(X))) == information(X)
    table = pa.table({"a": X, "b": Y})
    assert information(na.ArrayStream(table), WIDE, "gcmi") == information(np.column_stack([X, Y]), WIDE, "gcmi")


def test_arrays_of_the_standard_library() -> None:
    assert information(array_module.array("d", X)) == information(X)
    assert information(range(N)) == information(np.arange(N))
    assert information(memoryview(X)) == information(X)


class WithArray:
    """What JAX, TensorFlow and others have."""

    def __init__(self, values: Any, error: Exception | None = None) -> None:
        self.values, self.error = values, error

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        if self.error is not None:
            raise self.error
        return self.values


class WithDlpack:
    """What array libraries have that know nothing of NumPy."""

    def __init__(self, values: Any, error: Exception | None = None) -> None:
        self.values, self.error = values, error

    def __dlpack__(self, **more: Any) -> Any:
        if self.error is not None:
            raise self.error
        return self.values.__dlpack__()

    def __dlpack_device__(self) -> Any:
        return self.values.__dlpack_device__()


def test_protocols_of_arrays(given: list[Any]) -> None:
    assert information(WithArray(X)) == information(X)
    assert information(WithDlpack(X)) == information(X)
    information(WithDlpack(X))
    assert np.shares_memory(given[0], X)
    with pytest.raises(TypeError, match=r"x cannot be read as an array: use \.get"):
        information(WithArray(X, TypeError("use .get()")))
    with pytest.raises(TypeError, match="x cannot be read as an array: no values"):
        information(WithArray(X, NotImplementedError("no values")))
    with pytest.raises(TypeError, match="x cannot be read as an array on the CPU: on a device; move it to the CPU first"):
        information(WithDlpack(X, BufferError("on a device")))


def test_small_floats_of_other_libraries(given: list[Any]) -> None:
    types = pytest.importorskip("ml_dtypes")
    small = X.astype(types.bfloat16)
    information(WithArray(small))
    assert given[0].dtype == np.float32
    assert np.array_equal(given[0][:, 0], small.astype(np.float32))


def test_text_of_numpy_2(given: list[Any]) -> None:
    if not hasattr(np, "dtypes") or not hasattr(np.dtypes, "StringDType"):
        pytest.skip("this NumPy has no such type")
    infoplane.mutual_information(WORDS.astype(np.dtypes.StringDType()), Y)
    assert np.array_equal(given[0], (WORDS == "up").astype(int))
    with pytest.raises(ValueError, match="x lacks the value of sample 1"):
        infoplane.mutual_information(np.array(["a", None] * (N // 2), dtype=np.dtypes.StringDType(na_object=None)), Y)


# What is wrong.


def masked() -> Any:
    return np.ma.masked_array(X, mask=X > 1)


def sparse() -> Any:
    return pytest.importorskip("scipy.sparse").csr_matrix(WIDE)


def ragged() -> Any:
    return [[1.0, 2.0], [3.0]] * (N // 2)


def lists_that_differ() -> Any:
    rows = np.empty(N, dtype=object)
    rows[:] = [np.zeros(place % 2 + 1) for place in range(N)]
    return rows


@pytest.mark.parametrize(
    ("values", "kind", "words"),
    [
        (None, TypeError, "is a NoneType; allowed are arrays, tensors"),
        (1.0, TypeError, "is a float; allowed are arrays"),
        (np.float64(1.0), ValueError, "is a single value; allowed are arrays of one row for each sample"),
        (np.array(1.0), ValueError, "is a single value"),
        ("text", TypeError, "is a str"),
        (b"bytes", TypeError, "is a bytes"),
        ({"a": 1}, TypeError, "is a dict"),
        ({1.0, 2.0}, TypeError, "is a set"),
        ((value for value in X), TypeError, "is a generator"),
        (len, TypeError, "is a builtin_function_or_method"),
        (np.float64, TypeError, "is the type float64"),
        (np.zeros((N, 2, 2)), ValueError, r"has 3 axes, \(120, 2, 2\); allowed are .*reshape\(len"),
        (np.empty((N, 0)), ValueError, "has no columns"),
        ([], ValueError, "the variables differ in their number of samples"),
        (X[:-1], ValueError, "the variables differ in their number of samples: .* 119"),
        (X + 0j, TypeError, "holds complex numbers; give their real and imaginary parts as columns"),
        (np.arange(N).astype("M8[D]"), TypeError, "holds dates or durations; give numbers"),
        (np.arange(N).astype("m8[s]"), TypeError, "holds dates or durations"),
        (np.zeros(N, dtype="V3"), TypeError, "has the data type"),
        (np.zeros(N, dtype=[("a", "f8"), ("b", "f8")]), TypeError, "has the fields a, b; give them as columns"),
        (np.arange(N) + 2**53 + 1, ValueError, r"whole numbers above 2\*\*53.*_discrete=True if they are names"),
        (np.arange(N) - 2**60, ValueError, r"above 2\*\*53"),
        (np.arange(N).astype(np.uint64) + np.uint64(2**63), ValueError, r"above 2\*\*53"),
        ([2**80 + place for place in range(N)], ValueError, r"above 2\*\*53"),
        ([1.5, None] * (N // 2), ValueError, "lacks the value of sample 1"),
        (["a", None] * (N // 2), ValueError, "lacks the value of sample 1"),
        (np.array([["a", 1], ["b", None]] * (N // 2), dtype=object), ValueError, "lacks the value of sample 1"),
        (np.array([["a", 1.0], ["b", np.nan]] * (N // 2), dtype=object), ValueError, "lacks the value of sample 1"),
        (np.array([[1.5, "a"]] * N, dtype=object), TypeError, "has columns of numbers and of text or objects"),
        (np.array([{}] * N, dtype=object), TypeError, "holds objects that cannot be told apart"),
        (masked, ValueError, "has masked values; leave out those samples"),
        (sparse, TypeError, r"is a sparse csr_matrix; give .\.toarray\(\)"),
        (ragged, (TypeError, ValueError), "differ in length"),
        (lists_that_differ, ValueError, "is a column of lists that differ in length"),
    ],
    ids=lambda value: repr(value)[:30],
)
@pytest.mark.parametrize("name", ["x", "y"])
@pytest.mark.filterwarnings("ignore:Creating an ndarray from ragged")
def test_what_is_no_array_is_named(name: str, values: Any, kind: Any, words: str) -> None:
    if callable(values) and getattr(values, "__module__", None) == __name__:
        values = values()
    others = {"x": X, "y": Y, name: values}
    with pytest.raises(kind, match=words) as error:
        infoplane.mutual_information(**others, estimator="ksg")
    assert f"{name} " in str(error.value) or f"{name}:" in str(error.value)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("name", ["x", "y", "z"])
@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_what_is_not_finite_is_named(bad: float, name: str, kind: Any) -> None:
    arrays = {"x": WIDE.astype(kind), "y": Y.astype(kind)[:, None], "z": WIDE[:, :1].astype(kind)}
    arrays[name] = arrays[name].copy()
    arrays[name][17, -1] = bad
    with pytest.raises(infoplane.EstimateError, match=rf"^{name}: .* at row 17, column {arrays[name].shape[1] - 1}") as error:
        infoplane.conditional_mutual_information(**arrays, estimator="ksg")
    assert error.value.code == "not-finite"


def test_numbers_too_large_for_float64_are_not_finite() -> None:
    large = X.astype(np.longdouble) * np.longdouble("1e400")
    if not np.isfinite(large).all():
        pytest.skip("longdouble is float64 here")
    with pytest.raises(infoplane.EstimateError, match=r"^x: .*inf"), np.errstate(all="ignore"):
        information(large)


def test_the_name_of_every_argument_is_told() -> None:
    nothing = np.zeros((N, 2, 2))
    with pytest.raises(ValueError, match=r"^z has 3 axes"):
        infoplane.conditional_mutual_information(X, Y, nothing)
    with pytest.raises(ValueError, match=r"^part 1 has 3 axes"):
        infoplane.total_correlation(X, nothing)
    with pytest.raises(ValueError, match=r"^x has 3 axes"):
        infoplane.entropy(nothing)
    with pytest.raises(ValueError, match=r"^t has 3 axes"):
        infoplane.layer_information(nothing, WORDS, "auto")
    with pytest.raises(ValueError, match=r"^labels has 3 axes"):
        infoplane.layer_information(X, nothing, "auto")
    with pytest.raises(ValueError, match=r"^inputs has 3 axes"):
        infoplane.layer_information(X, WORDS, "auto", inputs=nothing)
    with pytest.raises(TypeError, match=r"^t holds text; give numbers"):
        infoplane.layer_information(WORDS, WORDS, "auto")
    with pytest.raises(TypeError, match=r"^x holds text; give x_discrete=True"):
        infoplane.mutual_information(WORDS, Y, x_discrete=False)


def test_nothing_at_all_is_an_error() -> None:
    for empty in ([], np.empty(0), np.empty((0, 3))):
        with pytest.raises(infoplane.EstimateError, match="nothing to measure"):
            infoplane.mutual_information(empty, empty)
        with pytest.raises(infoplane.EstimateError, match="nothing to measure"):
            infoplane.entropy(empty)
    with pytest.raises(infoplane.EstimateError):
        infoplane.mutual_information([1.0], [2.0])


@pytest.mark.parametrize(
    "symbols",
    [
        np.array([3, 1, 3, 2]),
        np.array([-128, 127, 0, 127], dtype=np.int8),
        np.array([200, 5, 200], dtype=np.uint8),
        np.array([2**63 - 1, 2**63 - 3, 2**63 - 1]),
        np.array([2**64 - 1, 2**64 - 2, 2**64 - 1], dtype=np.uint64),
        np.array([-(2**63), 2**63 - 1, 0]),
        np.arange(5000)[::-1] * 7,
        np.arange(5000)[::-2],
    ],
    ids=str,
)
def test_whole_numbers_are_numbered_in_ascending_order(symbols: np.ndarray[Any, Any]) -> None:
    found = _arrays.codes(symbols, "labels")
    assert found.dtype == np.int64
    assert np.array_equal(found, np.unique(symbols, return_inverse=True)[1])
