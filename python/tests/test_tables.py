"""Runs that are read, and their tables as other libraries take them."""

from __future__ import annotations

import ctypes
import gc
import html
import math
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import infoplane

LABELS = np.arange(40) % 2
HOSTILE = "<script>alert('1 & 2')</script>"
TABLES = ["plane", "repeats", "training", "layers", "schedule", "methods"]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> infoplane.Run:
    """A run with names that are no words, statistics that lack, and estimators that cannot measure all."""
    rng = np.random.default_rng(0)
    estimators = [{"kind": "kde", "noise_variances": [0.1]}, {"kind": "binned", "rule": "floor", "bin_width": 0.5}, "ksg"]
    path = tmp_path_factory.mktemp("runs") / "run"
    recorder = infoplane.Recorder(path, LABELS, estimators, name="a <b> & 'c'", background=False)
    for epoch in range(6):
        first, second = rng.normal(size=(40, 2)), rng.normal(size=(40, 3)).astype(np.float32)
        statistics = {"loss": 1.0 / (epoch + 1)} if epoch % 2 else {"test_accuracy": 0.5, "β": epoch}
        recorder.record(epoch, {HOSTILE: first + epoch * LABELS[:, None], "größe": second}, **statistics)
    finished: infoplane.Run = recorder.finish()
    return finished


def plain(values: Any) -> list[Any]:
    return [None if value is None or value != value else value for value in values.tolist()]


def test_a_run(run: infoplane.Run) -> None:
    assert run.name == "a <b> & 'c'"
    assert run.state == "finished"
    assert run.manifest["name"] == run.name
    assert [layer["name"] for layer in run.manifest["layers"]] == [HOSTILE, "größe"]
    assert repr(run) == f"<run {run.name!r} in {run.path}: finished, {len(run.plane)} measurements>"
    assert not run.follow()
    assert infoplane.load(Path(run.path)).plane["i_ty_bits"].shape == (len(run.plane),)


def test_columns_of_numpy(run: infoplane.Run) -> None:
    plane = run.plane
    assert len(plane) == 6 * 2 * 4  # epochs, layers, readings
    assert list(plane) == plane.columns == list(plane.to_dict())
    assert set(plane.about) == set(plane.columns) and all(plane.about.values())
    assert plane["epoch"].tolist() == sorted(np.repeat(np.arange(6), 8))
    assert set(plane["layer_name"]) == {HOSTILE, "größe"}
    assert set(plane["bound"]) == {"upper", "lower", None}
    assert plane["i_ty_bits"].dtype == np.float64
    lacking = plane["estimator"] == "ksg"
    assert np.isnan(plane["i_xt_bits"][lacking]).all() and not np.isnan(plane["i_xt_bits"][~lacking]).any()
    assert set(plane["status"][~lacking]) == {"ok"} and "ok" not in plane["status"][lacking]
    assert "epoch" in plane and "nothing" not in plane and 5 not in plane
    with pytest.raises(KeyError, match=r"nothing.*the table plane has seed, epoch"):
        plane["nothing"]


def test_differences_of_epochs_have_a_sign(run: infoplane.Run) -> None:
    assert (run.plane["epoch"] - 3).min() == -3
    assert (run.plane["layer"] - 3).min() == -2
    assert run.schedule.to_dict()["seed"].dtype == np.int64


def test_training(run: infoplane.Run) -> None:
    training = run.training
    assert plain(training["train_loss"]) == [None, 0.5, None, 0.25, None, pytest.approx(1 / 6)]
    assert plain(training["test_accuracy"]) == [0.5, None, 0.5, None, 0.5, None]
    assert plain(training["β"]) == [0.0, None, 2.0, None, 4.0, None]


def test_a_run_of_the_command_has_all_tables(tmp_path: Path) -> None:
    found = infoplane.run("saxe2018-tanh", tmp_path / "run", training={"epochs": 2}, seeds=2)
    for name in TABLES:
        table = getattr(found, name)
        assert table.name == name and len(table) > 0
        assert all(len(values) == len(table) for values in table.to_dict().values())
    assert set(found.plane["seed"]) == {0, 1}


# Arrow.


@pytest.mark.parametrize("name", TABLES)
def test_pyarrow(run: infoplane.Run, name: str) -> None:
    pa = pytest.importorskip("pyarrow")
    table = getattr(run, name)
    found = pa.table(table)
    found.validate(full=True)
    assert found.column_names == table.columns and found.num_rows == len(table)
    for field in found.schema:
        values = table[field.name]
        if values.dtype == object:
            assert field.type == pa.dictionary(pa.int32(), pa.string())
        else:
            assert str(field.type) in ("double", "uint64", "uint32")
        assert field.nullable or found[field.name].null_count == 0
        assert field.metadata[b"about"].decode() == table.about[field.name]
        assert found[field.name].to_pylist() == plain(values)


def test_units_are_told(run: infoplane.Run) -> None:
    pa = pytest.importorskip("pyarrow")
    assert pa.table(run.plane).schema.field("i_xt_bits").metadata[b"unit"] == b"bits"
    assert b"unit" not in pa.table(run.plane).schema.field("epoch").metadata


@pytest.mark.parametrize("name", TABLES)
def test_polars(run: infoplane.Run, name: str) -> None:
    pl = pytest.importorskip("polars")
    table = getattr(run, name)
    for found in (table.to_polars(), pl.DataFrame(table)):
        assert found.columns == table.columns and found.height == len(table)
        for column in table:
            assert found[column].to_list() == plain(table[column])
            assert (found[column].dtype == pl.Categorical) == (table[column].dtype == object)


@pytest.mark.parametrize("name", TABLES)
def test_pandas(run: infoplane.Run, name: str) -> None:
    pd = pytest.importorskip("pandas")
    table = getattr(run, name)
    frames = [table.to_pandas()]
    if hasattr(pd.DataFrame, "from_arrow"):
        pytest.importorskip("pyarrow")
        frames.append(pd.DataFrame.from_arrow(table))
    for found in frames:
        assert list(found.columns) == table.columns and len(found) == len(table)
        for column in table:
            assert [None if pd.isna(value) else value for value in found[column]] == plain(table[column])
            assert (found[column].dtype == "category") == (table[column].dtype == object)


def test_categories_are_in_the_order_of_the_layers(run: infoplane.Run) -> None:
    pytest.importorskip("pandas")
    assert list(run.plane.to_pandas()["layer_name"].cat.categories) == [HOSTILE, "größe"]
    assert list(run.plane.to_pandas()["bound"].cat.categories) == ["upper", "lower"]


def test_nanoarrow(run: infoplane.Run) -> None:
    na = pytest.importorskip("nanoarrow")
    found = na.Array(run.plane)
    assert len(found) == len(run.plane)
    columns = dict(zip(run.plane.columns, zip(*found.iter_tuples(), strict=True), strict=True))
    for name in ("epoch", "i_xt_bits", "layer_name", "bound", "alone"):
        assert list(columns[name]) == plain(run.plane[name])


def test_duckdb(run: infoplane.Run) -> None:
    duckdb = pytest.importorskip("duckdb")
    pytest.importorskip("pyarrow")
    plane = run.plane  # which the query names
    ((rows, names, total),) = duckdb.sql("select count(*), count(distinct layer_name), sum(i_ty_bits) from plane").fetchall()
    assert (rows, names) == (len(plane), 2)
    assert total == pytest.approx(np.nansum(plane["i_ty_bits"]))


def test_an_empty_table(tmp_path: Path) -> None:
    with infoplane.Recorder(tmp_path / "run", LABELS, ["plug-in"]) as recorder:
        recorder.record(0, {"t": LABELS})
    training = infoplane.load(tmp_path / "run").training
    assert len(training) == 0 and training["epoch"].shape == (0,)
    assert "<table>" in training._repr_html_()
    for library, convert in [("pandas", lambda: training.to_pandas()), ("polars", lambda: training.to_polars())]:
        pytest.importorskip(library)
        assert len(convert()) == 0


# The C structures themselves.


class Schema(ctypes.Structure):
    """``ArrowSchema``."""


class Array(ctypes.Structure):
    """``ArrowArray``."""


class Stream(ctypes.Structure):
    """``ArrowArrayStream``."""


Schema._fields_ = [
    ("format", ctypes.c_char_p),
    ("name", ctypes.c_char_p),
    ("metadata", ctypes.c_void_p),
    ("flags", ctypes.c_int64),
    ("n_children", ctypes.c_int64),
    ("children", ctypes.POINTER(ctypes.POINTER(Schema))),
    ("dictionary", ctypes.POINTER(Schema)),
    ("release", ctypes.c_void_p),
    ("private_data", ctypes.c_void_p),
]
Array._fields_ = [
    *[(name, ctypes.c_int64) for name in ("length", "null_count", "offset", "n_buffers", "n_children")],
    ("buffers", ctypes.POINTER(ctypes.c_void_p)),
    ("children", ctypes.POINTER(ctypes.POINTER(Array))),
    ("dictionary", ctypes.POINTER(Array)),
    ("release", ctypes.c_void_p),
    ("private_data", ctypes.c_void_p),
]
Stream._fields_ = [(name, ctypes.c_void_p) for name in ("get_schema", "get_next", "get_last_error", "release", "private_data")]

FILL = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)
RELEASE = ctypes.CFUNCTYPE(None, ctypes.c_void_p)


def release(structure: Any) -> None:
    """As a consumer does: once, after which the structure says that it is released."""
    assert structure.release
    RELEASE(structure.release)(ctypes.addressof(structure))
    assert not structure.release


def stream_in(capsule: Any) -> Stream:
    pointer = ctypes.pythonapi.PyCapsule_GetPointer
    pointer.restype, pointer.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    return Stream.from_address(pointer(capsule, b"arrow_array_stream"))


def test_a_stream_gives_one_batch_and_ends(run: infoplane.Run) -> None:
    capsule = run.plane.__arrow_c_stream__()
    stream = stream_in(capsule)
    for _ in range(2):
        schema = Schema()
        assert FILL(stream.get_schema)(ctypes.addressof(stream), ctypes.addressof(schema)) == 0
        assert schema.format == b"+s" and schema.n_children == len(run.plane.columns)
        assert [schema.children[place][0].name.decode() for place in range(schema.n_children)] == run.plane.columns
        release(schema)
    batch = Array()
    assert FILL(stream.get_next)(ctypes.addressof(stream), ctypes.addressof(batch)) == 0
    assert (batch.length, batch.n_children, batch.offset) == (len(run.plane), len(run.plane.columns), 0)
    release(batch)
    assert FILL(stream.get_next)(ctypes.addressof(stream), ctypes.addressof(batch)) == 0
    assert not batch.release
    release(stream)
    del capsule
    gc.collect()


def test_a_column_outlives_its_table(run: infoplane.Run) -> None:
    table = run.plane
    capsule = table.__arrow_c_stream__()
    stream, batch = stream_in(capsule), Array()
    FILL(stream.get_next)(ctypes.addressof(stream), ctypes.addressof(batch))
    place, text = table.columns.index("i_ty_bits"), table.columns.index("layer_name")
    moved = []
    for child in (place, text):
        column = Array()
        ctypes.memmove(ctypes.addressof(column), ctypes.addressof(batch.children[child][0]), ctypes.sizeof(Array))
        batch.children[child][0].release = None
        moved.append(column)
    release(batch)
    release(stream)
    del capsule
    gc.collect()
    numbers, words = moved
    values = np.ctypeslib.as_array(ctypes.cast(numbers.buffers[1], ctypes.POINTER(ctypes.c_double)), (numbers.length,))
    known = ~np.isnan(table["i_ty_bits"])
    assert np.array_equal(values[known], table["i_ty_bits"][known])
    assert words.dictionary[0].length >= 2
    release(numbers)
    release(words)


def test_streams_that_nobody_reads_are_freed(run: infoplane.Run) -> None:
    for _ in range(50):
        run.plane.__arrow_c_stream__()
        capsule = run.plane.__arrow_c_stream__(None)
        schema = Schema()
        stream = stream_in(capsule)
        FILL(stream.get_schema)(ctypes.addressof(stream), ctypes.addressof(schema))
        release(schema)
    del capsule
    gc.collect()


def test_a_table_survives_its_run_and_its_readers(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    program = f"""
import gc, infoplane, numpy as np, pyarrow as pa
with infoplane.Recorder({str(tmp_path / "run")!r}, np.arange(40) % 2, ["plug-in"]) as recorder:
    for epoch in range(3):
        recorder.record(epoch, {{"t": np.arange(40) % 4}})
for _ in range(20):
    found = pa.table(infoplane.load({str(tmp_path / "run")!r}).plane)
    column = found["i_ty_bits"]
    del found
    gc.collect()
    assert len(column.to_pylist()) == 3
    reader = pa.RecordBatchReader.from_stream(infoplane.load({str(tmp_path / "run")!r}).plane)
    del reader
print("good")
"""
    environment = {**os.environ, "PYTHONMALLOC": "debug"}
    command = [sys.executable, "-X", "dev", "-W", "ignore", "-c", program]
    said = subprocess.run(command, capture_output=True, text=True, timeout=120, env=environment)
    assert (said.returncode, said.stdout.strip()) == (0, "good"), said.stderr


# Notebooks, figures, reports.


def test_a_table_in_a_notebook(run: infoplane.Run) -> None:
    shown = run.plane._repr_html_()
    assert "<script>" not in shown and "&lt;script&gt;alert(&#x27;1 &amp; 2&#x27;)&lt;/script&gt;" in shown
    assert shown.count("<tr>") == 11 and f"10 of {len(run.plane)} rows" in shown
    assert "nan" not in shown and "None" not in shown
    assert repr(run.plane) == f"<table plane: {len(run.plane)} rows of {', '.join(run.plane.columns)}>"


def test_a_run_in_a_notebook(run: infoplane.Run, tmp_path: Path) -> None:
    shown = run._repr_html_()
    assert "<b>" not in shown and "&lt;b&gt;" in shown
    # The page is an attribute of a frame that may do nothing to the notebook.
    before, _, rest = shown.partition("sandbox='allow-scripts allow-downloads' srcdoc=\"")
    page, _, after = rest.partition('"')
    assert before.count("<iframe ") == 1 and after.endswith("</iframe>")
    assert "<" not in page and html.unescape(page).startswith("<!doctype html>")
    path = run.page(tmp_path / "page")
    assert Path(path).name == "index.html" and Path(path).read_text(encoding="utf-8") == html.unescape(page)


def test_figures_and_reports(run: infoplane.Run, tmp_path: Path) -> None:
    starts = {"svg": b"<svg", "png": b"\x89PNG", "pdf": b"%PDF"}
    for form in ("svg", "png", "pdf"):
        figures = run.figures(form)
        assert any(name.startswith("plane") for name in figures)
        assert all(name.endswith(form) and picture.startswith(starts[form]) for name, picture in figures.items())
    assert not any(HOSTILE.encode() in picture for picture in run.figures().values())
    with pytest.raises(ValueError, match="`bmp` is not a format of figures: svg, png, pdf"):
        run.figures("bmp")
    files = run.report(tmp_path / "report")
    assert files and all(Path(name).is_file() and Path(name).parent == tmp_path / "report" for name in files)
    assert run.name in run.summary()


def test_a_run_that_grows_is_followed(tmp_path: Path) -> None:
    recorder = infoplane.Recorder(tmp_path / "run", LABELS, ["plug-in"], background=False)
    recorder.record(0, {"t": LABELS})
    run = infoplane.load(tmp_path / "run")
    assert (run.state, len(run.plane)) == ("running", 1)
    before = run.plane
    recorder.record(1, {"t": LABELS}, loss=0.5)
    assert run.follow() and not run.follow()
    assert (len(run.plane), len(before), len(run.training)) == (2, 1, 1)
    recorder.finish()
    run.follow()
    assert run.state == "finished"


def test_what_is_no_run(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(infoplane.RunError, match="holds no run: there is no manifest"):
        infoplane.load(tmp_path)
    with pytest.raises(infoplane.RunError, match="file is a file; name a directory"):
        infoplane.load(tmp_path / "file")
    (tmp_path / "manifest.toml").write_text("format_version = 1\n")
    with pytest.raises(infoplane.RunError, match=r"manifest\.toml"):
        infoplane.load(tmp_path)
    with pytest.raises(OSError, match="does not exist"):
        infoplane.load(tmp_path / "nothing")


def test_numbers_of_tables_are_those_of_estimates(run: infoplane.Run) -> None:
    rng = np.random.default_rng(0)
    first = rng.normal(size=(40, 2))
    upper, lower = infoplane.layer_information(first, LABELS, "kde", noise_variances=[0.1])
    rows = run.plane.to_dict()
    for reading in (upper, lower):
        (place,) = np.flatnonzero((rows["epoch"] == 0) & (rows["layer"] == 1) & (rows["bound"] == reading.bound))
        assert rows["i_xt_bits"][place] == pytest.approx(reading.i_xt.bits, abs=1e-12)
        assert rows["i_ty_bits"][place] == pytest.approx(reading.i_ty.bits, abs=1e-12)
    assert not math.isnan(upper.i_xt.bits)
