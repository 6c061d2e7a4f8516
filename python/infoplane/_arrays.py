"""Arrays of any library, as the native code takes them.

Numbers become a NumPy array of two axes, ``(n_samples, width)``, of float32 or float64, which shares memory with what was given
where that is such an array on the CPU. Symbols become one int64 code for each sample.
"""

from __future__ import annotations

import array as _array
import hashlib
import sys
from collections.abc import Iterable, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

#: Whole numbers from here on are not all numbers of double precision.
_MOST_EXACT = 2**53

_ALLOWED = "allowed are arrays, tensors, series, tables and lists of numbers or symbols"

Numbers = NDArray[np.float32] | NDArray[np.float64]
Codes = NDArray[np.int64]


def array_of(values: Any, name: str) -> NDArray[Any]:
    """Any array, tensor, series, frame or nested list as a NumPy array, without a copy where possible."""
    array = _of_any(values, name)
    if array.dtype.kind == "V" and array.dtype.names is None and np.can_cast(array.dtype, np.float32):
        array = array.astype(np.float32)  # bfloat16 and smaller ones of other libraries
    elif array.dtype.kind == "T":
        array = array.astype(object)
    if array.dtype.kind == "O" and array.ndim == 1 and array.size and all(isinstance(row, (np.ndarray, list)) for row in array):
        try:
            return np.stack([np.asarray(row) for row in array])
        except ValueError as error:
            raise ValueError(f"{name} is a column of lists that differ in length: {error}") from error
    return array


def _of_any(values: Any, name: str) -> NDArray[Any]:
    if isinstance(values, np.ndarray):
        # NumPy imports this module when it is first asked for, which a process forked meanwhile would wait for.
        masked = getattr(sys.modules.get("numpy.ma"), "MaskedArray", None)
        if masked is not None and isinstance(values, masked) and bool(np.ma.getmaskarray(values).any()):
            raise ValueError(f"{name} has masked values; leave out those samples of all variables, such as {name}[~{name}.mask]")
        return np.asarray(values)
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(values, torch.Tensor):
        return _of_tensor(values, torch, name)
    if isinstance(values, type):
        raise TypeError(f"{name} is the type {values.__name__}; {_ALLOWED}")
    if _is_frame(values):
        return _of_frame(values, name)
    if hasattr(values, "__array__"):
        try:
            return np.asarray(values)
        except Exception as error:
            raise TypeError(f"{name} cannot be read as an array: {error}") from error
    if hasattr(values, "__dlpack__"):
        try:
            return np.from_dlpack(values)
        except (BufferError, RuntimeError, TypeError) as error:
            raise TypeError(f"{name} cannot be read as an array on the CPU: {error}; move it to the CPU first") from error
    if isinstance(values, (memoryview, _array.array)):
        return np.asarray(values)
    if isinstance(values, (list, tuple, range)):
        try:
            return np.asarray(values)
        except ValueError as error:
            raise ValueError(f"{name} is a nested list whose rows differ in length: {error}") from error
    if hasattr(values, "toarray"):
        raise TypeError(f"{name} is a sparse {type(values).__name__}; give {name}.toarray()")
    if hasattr(values, "collect"):
        raise TypeError(f"{name} is a {type(values).__name__}; give {name}.collect()")
    raise TypeError(f"{name} is a {type(values).__name__}; {_ALLOWED}")


def _of_tensor(values: Any, torch: Any, name: str) -> NDArray[Any]:
    if values.is_sparse or values.layout != torch.strided:
        raise TypeError(f"{name} is a sparse tensor; give {name}.to_dense()")
    if values.is_quantized:
        raise TypeError(f"{name} is a quantized tensor; give {name}.dequantize() or {name}.int_repr()")
    if values.is_complex():
        raise TypeError(f"{name} holds complex numbers; give their real and imaginary parts as columns")
    if values.device.type == "meta":
        raise TypeError(f"{name} is on the device meta and has no values")
    values = values.detach()
    if values.dtype in (torch.bfloat16, torch.float16) or "float8" in str(values.dtype):
        values = values.float()
    return np.asarray(values.resolve_conj().resolve_neg().cpu().numpy())


def _is_frame(values: Any) -> bool:
    """Whether it is a table or column of pandas, polars or Arrow."""
    return hasattr(values, "__dataframe__") or hasattr(values, "__arrow_c_stream__") or hasattr(values, "to_numpy")


def _of_frame(values: Any, name: str) -> NDArray[Any]:
    columns = getattr(values, "columns", None)
    if columns is not None and hasattr(values, "column_names"):  # a table of Arrow
        return _beside([_of_frame(column, name) for column in columns], name)
    if hasattr(values, "to_numpy"):
        # Of Arrow, an array with nulls or text cannot be had without a copy; others do not know the keyword.
        is_array = type(values).__module__.partition(".")[0] == "pyarrow" and not hasattr(values, "chunks")
        found = values.to_numpy(zero_copy_only=False) if is_array and hasattr(values, "null_count") else values.to_numpy()
        return np.asarray(found)
    if hasattr(values, "__arrow_c_stream__"):
        try:
            import pyarrow as pa
        except ImportError as error:
            raise TypeError(f"{name} is a {type(values).__name__}, which needs pyarrow; or give an array of NumPy") from error
        column = pa.chunked_array(values)
        if pa.types.is_struct(column.type):
            return _beside([_of_frame(part, name) for part in column.flatten()], name)
        return _of_frame(column, name)
    return np.asarray(values)


def _beside(columns: list[NDArray[Any]], name: str) -> NDArray[Any]:
    if not columns:
        raise ValueError(f"{name} has no columns")
    if any(column.dtype.kind not in "iufb" for column in columns):
        columns = [column.astype(object) for column in columns]  # else numbers beside text become text
    return np.column_stack(columns)


def is_categorical(values: Any) -> bool:
    """Whether a column, or every column of a table, says of itself that it holds categories."""
    if hasattr(values, "columns") and hasattr(values, "dtypes"):  # a table of pandas
        kinds = list(values.dtypes)
    else:
        kinds = [getattr(values, "dtype", getattr(values, "type", None))]
    return bool(kinds) and all(type(kind).__name__ in ("CategoricalDtype", "DictionaryType") for kind in kinds)


def is_symbolic(array: NDArray[Any], name: str) -> bool:
    """Whether the values are symbols by their type alone: text, truth values, objects that are no numbers."""
    if array.dtype.kind != "O":
        return array.dtype.kind in "USb"
    if _all_numbers(array):
        return False
    if array.ndim == 2 and any(isinstance(value, (float, np.floating)) and not float(value).is_integer() for value in array.flat):
        lack = _first_missing(array)
        if lack is not None:
            raise ValueError(f"{name} lacks the value of sample {lack}; leave out such samples")
        raise TypeError(f"{name} has columns of numbers and of text or objects; give one kind, or {_discrete(name)} for symbols")
    return True


def _all_numbers(array: NDArray[Any]) -> bool:
    """Whether objects are numbers; truth values among numbers are numbers, too."""
    kinds = set(map(type, array.flat))
    truths = {kind for kind in kinds if issubclass(kind, (bool, np.bool_))}
    numeric = (int, float, np.integer, np.floating, Decimal, Fraction)
    return all(issubclass(kind, numeric) for kind in kinds - truths) and (not truths or kinds != truths)


def _first_missing(array: NDArray[Any]) -> int | None:
    """The first sample that lacks a value."""
    kind = array.dtype.kind
    if kind == "O":
        lacks = np.fromiter((_is_missing(value) for value in array.flat), dtype=bool, count=array.size).reshape(array.shape)
    elif kind in "fc":
        lacks = ~np.isfinite(array)
    elif kind in "mM":
        lacks = np.isnat(array)
    else:
        return None
    places = np.flatnonzero(lacks if lacks.ndim == 1 else lacks.any(axis=1))
    return int(places[0]) if len(places) else None


def _is_missing(value: Any) -> bool:
    if value is None or type(value).__name__ == "NAType":
        return True
    try:
        return bool(value != value)
    except (TypeError, ValueError):
        return False


def numbers(values: Any, name: str) -> Numbers:
    """``(n_samples, width)`` of float32 or float64; one axis is one column."""
    array = array_of(values, name)
    kind = array.dtype.kind
    if kind == "O":
        array = _numbers_of_objects(array, name)
    elif kind in "iu":
        if array.dtype.itemsize == 8 and array.size and max(abs(int(array.max())), abs(int(array.min()))) > _MOST_EXACT:
            raise _too_large(name)
        array = array.astype(np.float32 if array.dtype.itemsize <= 2 else np.float64)
    elif kind == "b":
        array = array.astype(np.float32)
    elif kind == "f":
        if array.dtype.itemsize == 2:
            array = array.astype(np.float32)
        elif array.dtype.itemsize > 8:
            array = array.astype(np.float64)
    elif kind in "US":
        raise TypeError(f"{name} holds text; {_instead(name)}")
    elif kind == "c":
        raise TypeError(f"{name} holds complex numbers; give their real and imaginary parts as columns")
    elif kind in "mM":
        raise TypeError(f"{name} holds dates or durations; give numbers, such as {name}.astype('float64')")
    elif array.dtype.names:
        raise TypeError(f"{name} has the fields {', '.join(array.dtype.names)}; give them as columns of an array")
    else:
        raise TypeError(f"{name} has the data type {array.dtype}; allowed are numbers and symbols")
    # The native code reads native numbers, each at a multiple of its size from the next.
    if not array.dtype.isnative:
        array = array.astype(array.dtype.newbyteorder("="))
    elif not array.flags.aligned or any(stride % array.itemsize for stride in array.strides):
        array = array.copy()
    array = rows_of(array, name)
    if array.shape[1] == 0:
        raise ValueError(f"{name} has no columns")
    return array


def _numbers_of_objects(array: NDArray[Any], name: str) -> NDArray[np.float64]:
    if not _all_numbers(array) and not all(isinstance(value, (bool, np.bool_)) for value in array.flat):
        missing = _first_missing(array) if array.ndim in (1, 2) else None
        if missing is not None:
            raise ValueError(f"{name} lacks the value of sample {missing}; leave out such samples")
        raise TypeError(f"{name} is an array of objects and holds text or objects, not numbers alone; {_instead(name)}")
    if any(isinstance(value, (int, np.integer)) and abs(int(value)) > _MOST_EXACT for value in array.flat):
        raise _too_large(name)
    return array.astype(np.float64)


def _too_large(name: str) -> ValueError:
    return ValueError(
        f"{name} holds whole numbers above 2**53, which are not all numbers of double precision; give {_discrete(name)} if they "
        f"are names, else {name}.astype('float64')"
    )


def rows_of(array: NDArray[Any], name: str) -> NDArray[Any]:
    """Two axes, ``(n_samples, width)``, of an array of one or two."""
    if array.ndim == 1:
        return array.reshape(-1, 1)
    if array.ndim != 2:
        raise ValueError(
            f"{name} has {array.ndim} axes, {tuple(array.shape)}; allowed are (n_samples,) and (n_samples, width): "
            f"{name}.reshape(len({name}), -1) puts all values of a sample into one row"
            if array.ndim
            else f"{name} is a single value; allowed are arrays of one row for each sample"
        )
    return array


def _discrete(name: str) -> str:
    return f"{name}_discrete=True" if name in ("x", "y", "z") else "text"


def _instead(name: str) -> str:
    return f"give {name}_discrete=True for rows that are symbols" if name in ("x", "y", "z") else "give numbers"


def codes(values: Any, name: str) -> Codes:
    """One code for each row, from 0, in ascending order of what the rows are."""
    array = array_of(values, name)
    if array.ndim == 0:
        raise ValueError(f"{name} is a single value; allowed are arrays of one row for each sample")
    if array.ndim > 2:
        rows_of(array, name)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim == 2 and array.shape[1] == 0:
        raise ValueError(f"{name} has no columns")
    missing = _first_missing(array)
    if missing is not None:
        what = "is not finite at" if array.dtype.kind in "fc" else "lacks the value of"
        raise ValueError(f"{name} {what} sample {missing}; leave out such samples")
    if array.dtype.kind == "O":
        return _codes_of_objects(array, name)
    if array.ndim == 1 and array.dtype.kind in "iu" and array.size:
        least, most = int(array.min()), int(array.max())
        # Of whole numbers that lie close together, as classes do, a table is faster than sorting.
        if most < 2**63 and most - least < 2 * len(array) + 1024:
            places = array.astype(np.int64) - least
            occurs = np.zeros(most - least + 1, dtype=bool)
            occurs[places] = True
            return places if occurs.all() else (np.cumsum(occurs) - 1)[places]
    _, inverse = np.unique(array, axis=0 if array.ndim == 2 else None, return_inverse=True)
    return np.asarray(inverse, dtype=np.int64).reshape(-1)


def _codes_of_objects(array: NDArray[Any], name: str) -> Codes:
    rows = [tuple(row) for row in array] if array.ndim == 2 else list(array)
    try:
        order: dict[Any, int] = dict.fromkeys(rows, 0)
    except TypeError as error:
        raise TypeError(f"{name} holds objects that cannot be told apart: {error}; give text or whole numbers") from error
    try:
        ordered = sorted(order)
    except TypeError:  # of several types: in the order in which they appear
        ordered = list(order)
    for code, symbol in enumerate(ordered):
        order[symbol] = code
    return np.fromiter((order[row] for row in rows), dtype=np.int64, count=len(rows))


def same_rows(blocks: Iterable[Sequence[NDArray[Any]]]) -> Codes:
    """One code for each sample of arrays side by side, the same for equal ones; the samples come in blocks."""
    seen: dict[bytes, int] = {}
    found: list[int] = []
    for arrays in blocks:
        # Numbers are told apart by their bytes; adding 0 makes the zero of -0 that of 0.
        parts = [array.reshape(len(array), -1) for array in arrays]
        parts = [np.ascontiguousarray(part + 0) if part.dtype.kind in "fiuc" else part for part in parts]
        for row in range(len(parts[0])):
            digest = hashlib.blake2b(digest_size=16)
            for part in parts:
                digest.update(part[row].tobytes() if part.dtype.kind != "O" else repr(part[row].tolist()).encode())
            found.append(seen.setdefault(digest.digest(), len(seen)))
    return np.array(found, dtype=np.int64)


def labels(values: Any, name: str) -> Codes:
    """One class for each sample: a column of symbols, or a matrix of one-hot rows."""
    array = array_of(values, name)
    if array.ndim == 2 and array.shape[1] > 1 and array.dtype.kind in "iufb":
        one_hot = (array == 1).sum(axis=1)
        if (one_hot == 1).all() and ((array == 0) | (array == 1)).all():
            return np.asarray(array.argmax(axis=1), dtype=np.int64)
        raise ValueError(
            f"{name} has {array.shape[1]} columns and is not one-hot; allowed are one class for each sample, and rows with a "
            "single 1 in the column of the class"
        )
    plain = array.astype(np.float64) if array.dtype.kind == "O" and _all_numbers(array) else array
    if plain.dtype.kind == "f" and plain.size and np.isfinite(plain).all() and (plain != np.floor(plain)).any():
        raise ValueError(
            f"{name} holds numbers with decimals, of which every one would be a class; put them into bins first, such as "
            f"np.digitize({name}, np.quantile({name}, [0.25, 0.5, 0.75]))"
        )
    return codes(array, name)
