"""Arrays of any library, as the native code takes them.

Numbers become a NumPy array of two axes, ``(n_samples, width)``, of float32 or float64, which shares memory with what was given
where that is such an array on the CPU. Symbols become one int64 code for each sample.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
from numpy.typing import NDArray

#: Whole numbers from here on are not all numbers of double precision.
_MOST_EXACT = 2**53

Numbers = NDArray[np.float32] | NDArray[np.float64]
Codes = NDArray[np.int64]


def array_of(values: Any, name: str) -> NDArray[Any]:
    """Any array, tensor, series, frame or nested list as a NumPy array, without a copy where possible."""
    if isinstance(values, np.ndarray):
        if isinstance(values, np.ma.MaskedArray) and bool(np.ma.getmaskarray(values).any()):
            raise ValueError(f"{name} has masked values; leave out those samples, {name}[~{name}.mask]")
        return values
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(values, torch.Tensor):
        return _of_tensor(values, torch, name)
    if _is_frame(values):
        return _of_frame(values, name)
    if hasattr(values, "__array__"):
        return np.asarray(values)
    if hasattr(values, "__dlpack__"):
        try:
            return np.from_dlpack(values)
        except (BufferError, RuntimeError, TypeError) as error:
            raise TypeError(f"{name} cannot be read as an array on the CPU: {error}; move it to the CPU first") from error
    if isinstance(values, (list, tuple, range)):
        try:
            return np.asarray(values)
        except ValueError as error:
            raise ValueError(f"{name} is a nested list whose rows differ in length: {error}") from error
    raise TypeError(
        f"{name} is a {type(values).__name__}; allowed are arrays, tensors, series, tables and lists of numbers or symbols"
    )


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
    if hasattr(values, "to_numpy"):
        found = values.to_numpy()
        return found if isinstance(found, np.ndarray) else np.asarray(found)
    columns = getattr(values, "columns", None)
    if columns is not None and hasattr(values, "column_names"):  # a table of Arrow
        return np.column_stack([np.asarray(column.to_numpy()) for column in columns])
    if hasattr(values, "__arrow_c_stream__"):
        raise TypeError(
            f"{name} is a {type(values).__name__}; give its columns as an array, such as {name}.to_pandas().to_numpy()"
        )
    return np.asarray(values)


def is_symbolic(array: NDArray[Any]) -> bool:
    """Whether the values are symbols by their type alone: text, truth values, objects that are no numbers."""
    return array.dtype.kind in "USb" or (array.dtype.kind == "O" and not _all_numbers(array))


def _all_numbers(array: NDArray[Any]) -> bool:
    return all(isinstance(value, (int, float, np.number)) and not isinstance(value, bool) for value in array.flat)


def numbers(values: Any, name: str) -> Numbers:
    """``(n_samples, width)`` of float32 or float64; one axis is one column."""
    array = array_of(values, name)
    kind = array.dtype.kind
    if kind == "O":
        if not _all_numbers(array):
            what = "text or objects" if array.size else "nothing"
            raise TypeError(
                f"{name} is an array of objects and holds {what}, not numbers alone; give an array of numbers, or "
                f"{_discrete(name)} for rows that are symbols"
            )
        array = array.astype(np.float64)
    elif kind in "iu":
        if array.dtype.itemsize == 8 and array.size and _magnitude(array) > _MOST_EXACT:
            raise ValueError(
                f"{name} holds whole numbers above 2**53, which are not all numbers of double precision; give "
                f"{_discrete(name)} if they are names"
            )
        array = array.astype(np.float32 if array.dtype.itemsize <= 2 else np.float64)
    elif kind == "b":
        array = array.astype(np.float32)
    elif kind == "f":
        if array.dtype.itemsize == 2:
            array = array.astype(np.float32)
        elif array.dtype.itemsize > 8:
            array = array.astype(np.float64)
    elif kind in "US":
        raise TypeError(f"{name} holds text; give {_discrete(name)} for rows that are symbols")
    elif kind == "c":
        raise TypeError(f"{name} holds complex numbers; give their real and imaginary parts as columns")
    elif kind in "mM":
        raise TypeError(f"{name} holds dates or durations; give numbers, such as {name}.astype('float64')")
    else:
        raise TypeError(f"{name} has the data type {array.dtype}; allowed are numbers and symbols")
    if not array.dtype.isnative:
        array = array.astype(array.dtype.newbyteorder("="))
    return rows_of(array, name)


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


def _magnitude(array: NDArray[Any]) -> int:
    return max(abs(int(array.max())), abs(int(array.min())))


def _discrete(name: str) -> str:
    return f"{name}_discrete=True" if name in ("x", "y", "z") else "symbols"


def codes(values: Any, name: str) -> Codes:
    """One code for each row, from 0, in ascending order of what the rows are."""
    array = array_of(values, name)
    if array.ndim == 0:
        raise ValueError(f"{name} is a single value; allowed are arrays of one row for each sample")
    if array.ndim > 2:
        rows_of(array, name)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise ValueError(f"{name} holds values that are not finite; of symbols leave out the samples that lack one")
    if array.dtype.kind == "O":
        return _codes_of_objects(array, name)
    if array.ndim == 2:
        if array.shape[1] == 0:
            raise ValueError(f"{name} has no columns")
        _, inverse = np.unique(array, axis=0, return_inverse=True)
    else:
        _, inverse = np.unique(array, return_inverse=True)
    return np.asarray(inverse, dtype=np.int64).reshape(-1)


def _codes_of_objects(array: NDArray[Any], name: str) -> Codes:
    rows = [tuple(row) for row in array] if array.ndim == 2 else list(array)
    missing = next((place for place, row in enumerate(rows) if row is None or row != row), None)
    if missing is not None:
        raise ValueError(f"{name} lacks the value of sample {missing}; leave out such samples")
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
    if array.dtype.kind == "f" and array.size and np.isfinite(array).all() and (array != np.floor(array)).any():
        raise ValueError(
            f"{name} holds numbers with decimals, of which every one would be a class; put them into bins first, such as "
            f"np.digitize({name}, np.quantile({name}, [0.25, 0.5, 0.75]))"
        )
    return codes(array, name)
