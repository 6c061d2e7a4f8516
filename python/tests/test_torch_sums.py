"""What PyTorch computes of a layer where it is, against the library and against loops in double precision."""

import math
import subprocess
import sys

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

import infoplane
import infoplane.torch
from infoplane import _native
from infoplane._estimate import estimator_of
from infoplane._recorder import Elsewhere
from infoplane._torch_sums import Sums, computable

#: The processor, and a CUDA device where there is one.
DEVICES = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]

#: What the library's own sums may be off by, in bits.
LIBRARY = 1e-6


@pytest.fixture(params=DEVICES)
def device(request):
    return request.param


def readings_of(t, labels, estimator, inputs=None, shuffled=True, nonlinearity="", device="cpu"):
    """Readings by PyTorch."""
    estimator = estimator_of(estimator, {})
    sums = Sums([estimator], labels, inputs, shuffled)
    source = sums.source(torch.as_tensor(t, device=device), nonlinearity, "t")
    # Rows too far apart for noise in products, or for bins that are whole numbers, are handed over.
    assert np.abs(t).max() > 1e5 or (isinstance(source, Elsewhere) and source.values is None and None not in source.computed)
    return _native.estimate_layer(estimator.name, estimator.settings, source, labels, inputs, shuffled)


def of_library(t, labels, estimator, inputs=None, shuffled=True):
    estimator = estimator_of(estimator, {})
    return _native.estimate_layer(estimator.name, estimator.settings, np.ascontiguousarray(t), labels, inputs, shuffled)


def numbers_of(readings):
    """All amounts of readings, in bits."""
    found = []
    for reading in readings:
        for side in ("i_xt", "i_ty"):
            found += [reading[side]["nats"], reading[side]["standard_error_nats"], reading[side]["ceiling_nats"]]
        found.append(reading["i_ty_shuffled_nats"])
    return np.array([math.nan if value is None else value for value in found]) / math.log(2)


def words_of(readings):
    """All of readings but the amounts."""
    drop = ("nats", "standard_error_nats", "ceiling_nats")
    sides = ("i_xt", "i_ty")
    return [
        {
            key: {name: of for name, of in value.items() if name not in drop} if key in sides else value
            for key, value in reading.items()
            if key != "i_ty_shuffled_nats"
        }
        for reading in readings
    ]


def layers():
    rng = np.random.default_rng(3)
    wide = rng.normal(size=(700, 60))
    clusters = rng.normal(size=(8, 20))[rng.integers(8, size=600)] + 1e-3 * rng.normal(size=(600, 20))
    saturated = np.sign(rng.normal(size=(500, 4)))
    return {
        "one column": rng.normal(size=(400, 1)),
        "narrow": np.tanh(rng.normal(size=(900, 5))),
        "wide": wide,
        "single precision": wide.astype(np.float32),
        "clusters": clusters,
        "repeated rows": saturated,
        "far from 0": wide[:, :8] + 1e6,
        "constant": np.full((50, 3), 0.5),
        "large": 1e8 * rng.normal(size=(300, 20)),
        "two samples": rng.normal(size=(2, 3)),
        "a far row": np.where(np.arange(200)[:, None] == 3, 1e20, 1.0) * np.abs(wide[:200, :20]),
        "a far value": np.where(np.arange(700 * 5).reshape(700, 5) == 8, 1e14, wide[:, :5]),
        "clusters far apart": clusters + 1e12 * (np.arange(600) % 2)[:, None],
    }


LAYERS = layers()


def classes(n, seed=0, of=4):
    return np.random.default_rng(seed).integers(of, size=n)


def double_loop(t, codes, variance, factor):
    """mean_i ln [1/gᵢ Σ_{j: label j = label i} exp(−‖tᵢ − tⱼ‖² / factor σ²)], row by row in double precision."""
    t = t.astype(np.float64)
    total = 0.0
    for row, code in zip(t, codes, strict=True):
        among = t[codes == code]
        total += math.log(np.exp(-((among - row) ** 2).sum(1) / (factor * variance)).sum() / len(among))
    return total / len(t)


@pytest.mark.parametrize("name", LAYERS)
def test_kernel_sums_are_those_of_a_loop_in_double_precision(name, device):
    t, variance = LAYERS[name], 0.05
    y = classes(len(t))
    readings = readings_of(t, y, {"kind": "kde", "noise_variances": [variance]}, device=device)
    together = np.zeros(len(t), dtype=int)
    for reading, factor in zip(readings, (2.0, 8.0), strict=True):
        every = double_loop(t, together, variance, factor)
        within = double_loop(t, y, variance, factor)
        assert reading["i_xt"]["nats"] == pytest.approx(-every, abs=1e-9 * math.log(2))
        assert reading["i_ty"]["nats"] == pytest.approx(within - every, abs=1e-9 * math.log(2))


@pytest.mark.parametrize("repeated", [False, True])
@pytest.mark.parametrize(
    "estimator",
    [
        {"kind": "kde", "noise_variances": [1e-3, 0.1, 10.0]},
        {"kind": "noise", "noise_variances": [0.1], "draws": 3},
        {"kind": "noise", "noise_variances": [0.01, 1.0], "draws": 1, "points": 40, "seed": 5, "bounds": True},
    ],
)
@pytest.mark.parametrize("name", LAYERS)
def test_noise_is_measured_as_by_the_library(name, estimator, repeated, device):
    t = LAYERS[name]
    y, x = classes(len(t)), classes(len(t), 1, max(1, len(t) // 3)) if repeated else None
    by_torch, by_library = readings_of(t, y, estimator, x, device=device), of_library(t, y, estimator, x)
    assert np.allclose(numbers_of(by_torch), numbers_of(by_library), rtol=0, atol=LIBRARY, equal_nan=True)
    if name != "constant":  # of which amounts are within rounding of 0, as their notes say
        assert words_of(by_torch) == words_of(by_library)


BINS = [
    {"kind": "binned", "rule": "edges", "bins": 30, "range": [-1, 1]},
    {"kind": "binned", "rule": "equal", "bins": 7, "range": [-0.7, 0.9]},
    {"kind": "binned", "rule": "equal", "bins": 1, "range": [0, 1]},
    {"kind": "binned", "rule": "equal", "bins": 1000, "range": [-1, 1], "correction": "chao-wang-jost"},
    {"kind": "binned", "rule": "floor", "bin_width": 0.07},
    {"kind": "binned", "rule": "floor", "bin_width": 1e-6, "correction": "miller-madow"},
    {"kind": "binned", "rule": "exact"},
]


@pytest.mark.parametrize("estimator", BINS)
@pytest.mark.parametrize("name", LAYERS)
def test_bins_are_those_of_the_library_to_the_last_bit(name, estimator, device):
    t = LAYERS[name]
    y = classes(len(t))
    for inputs in (None, classes(len(t), 1, max(1, len(t) // 3))):
        assert readings_of(t, y, estimator, inputs, device=device) == of_library(t, y, estimator, inputs)


@pytest.mark.parametrize("single", [True, False])
def test_values_at_edges_fall_where_the_library_puts_them(single, device):
    edges = np.linspace(-1, 1, 30)
    kind = np.float32 if single else np.float64
    beside = [np.nextafter(edges.astype(kind), kind(way)) for way in (-2, 2)]
    t = np.concatenate([edges.astype(kind), *beside, [kind(-0.0), kind(0.0), kind(1.0), kind(-1.0)]]).reshape(-1, 1)
    y = classes(len(t))
    for estimator in BINS:
        assert readings_of(t, y, estimator, device=device) == of_library(t, y, estimator), estimator


def test_many_wide_cells_are_told_apart(device):
    rng = np.random.default_rng(0)
    t = rng.integers(3, size=(300, 500)).astype(np.float32)
    t[150:] = t[:150]
    t[200, 499] += 1
    y = classes(300)
    for estimator in ({"kind": "binned", "rule": "floor", "bin_width": 1.0}, {"kind": "binned", "rule": "exact"}):
        found = readings_of(t, y, estimator, device=device)
        assert found == of_library(t, y, estimator)
        assert found[0]["alone"] == 2


def test_bins_on_the_range_of_a_nonlinearity(tmp_path, device):
    named = [infoplane.Binned(rule="equal", bins=30, range="activation")]
    there = recorded(tmp_path / "there", device, named, on_device=True).plane
    here = recorded(tmp_path / "here", device, named, on_device=False).plane
    assert list(there["i_ty_bits"][:1]) == list(here["i_ty_bits"][:1]) and there["i_ty_bits"][0] > 0
    # The layer without a nonlinearity has no such range.
    assert list(there["status"]) == list(here["status"]) and there["status"][1] != there["status"][0]


def test_what_cannot_be_computed_here_keeps_its_values(device):
    y = classes(10)
    t = torch.zeros(10, 2, device=device)
    t[3, 1] = math.nan
    for kind in ({"kind": "kde", "noise_variances": [0.1]}, {"kind": "binned", "rule": "exact"}):
        values = Sums([estimator_of(kind, {})], y, None, False).source(t, "", "t")
        assert isinstance(values, np.ndarray) and np.isnan(values[3, 1])
    large = torch.full((10, 2), 1e200, dtype=torch.float64, device=device)
    assert isinstance(Sums([estimator_of(kind, {})], y, None, False).source(large, "", "t"), np.ndarray)
    both = [estimator_of("ksg", {}), estimator_of({"kind": "kde", "noise_variances": [0.1]}, {})]
    source = Sums(both, y, None, False).source(torch.zeros(10, 2, device=device), "", "t")
    assert source.values.shape == (10, 2) and source.computed[0] is None and source.computed[1] is not None
    assert not computable(estimator_of({"kind": "binned", "rule": "quantile", "bins": 3, "range": "layer"}, {}))


def test_the_native_code_refuses_sums_of_something_else():
    y = classes(10)
    kde = estimator_of({"kind": "kde", "noise_variances": [0.1]}, {})
    wrong = {"constant": False, "variances": []}
    with pytest.raises(infoplane.EstimateError, match="expected is sums for noise_variance=0.1"):
        _native.estimate_layer("kde", kde.settings, Elsewhere((10, 2), None, [wrong]), y, None, False)
    with pytest.raises(infoplane.EstimateError, match="the values of the layer"):
        _native.estimate_layer("ksg", {}, Elsewhere((10, 2), None, [None]), y, None, False)


def network(device):
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Linear(6, 8), torch.nn.Tanh(), torch.nn.Linear(8, 3)).to(device)


ESTIMATORS = [
    infoplane.Kde(noise_variances=[1e-3, 0.1]),
    infoplane.Noise(noise_variances=[0.1]),
    infoplane.Binned(rule="edges", bins=30, range=[-1, 1]),
    infoplane.Binned(rule="floor", bin_width=0.5),
]


def recorded(path, device, estimators=ESTIMATORS, **settings):
    model = network(device)
    inputs = torch.linspace(-1, 1, 600).reshape(100, 6)
    with infoplane.torch.Recorder(model, inputs, classes(100), run=path, estimators=estimators, **settings) as recorder:
        for epoch in range(3):
            recorder.epoch(epoch)
            with torch.no_grad():
                for parameter in model.parameters():
                    parameter.mul_(1.5)
    return infoplane.load(path)


@pytest.mark.parametrize("background", [True, False])
def test_a_run_is_the_same_wherever_it_is_computed(tmp_path, device, background):
    there = recorded(tmp_path / "there", device, on_device=True, background=background)
    here = recorded(tmp_path / "here", device, on_device=False)
    settings = [run.manifest["origin"]["recorded"]["settings"] for run in (there, here)]
    assert settings[0]["on_device"] is True and "on_device" not in settings[1]
    assert len(there.plane) == len(here.plane) == 3 * 2 * 7
    for column in there.plane:
        if column.endswith("_bits"):
            of_there, of_here = there.plane[column].astype(float), here.plane[column].astype(float)
            assert np.allclose(of_there, of_here, rtol=0, atol=LIBRARY, equal_nan=True), column
        else:
            assert list(map(str, there.plane[column])) == list(map(str, here.plane[column])), column


def test_values_that_are_not_finite_are_told(tmp_path):
    model = network("cpu")
    with torch.no_grad():
        model[0].bias[2] = math.nan
    run = tmp_path / "run"
    with infoplane.torch.Recorder(model, torch.ones(10, 6), classes(10), run=run, estimators=ESTIMATORS, on_device=True) as recorder:
        recorder.epoch(0)
    found = infoplane.load(run).plane
    assert len(found) == 14 and all("NaN at row 0" in str(status) for status in found["status"]), found["status"]


def test_other_estimators_measure_the_values(tmp_path, device):
    estimators = [infoplane.Kde(noise_variances=[0.1]), infoplane.Ross(k=3), infoplane.Binned(rule="floor", bin_width=0.5)]
    there = recorded(tmp_path / "there", device, estimators, on_device=True)
    here = recorded(tmp_path / "here", device, estimators, on_device=False)
    assert np.allclose(there.plane["i_ty_bits"], here.plane["i_ty_bits"], rtol=0, atol=LIBRARY, equal_nan=True)


@pytest.mark.parametrize("wrong", [1, "cuda", 0.0])
def test_on_device_is_true_false_or_nothing(tmp_path, wrong):
    with pytest.raises(TypeError, match="on_device"):
        recorded(tmp_path / "run", "cpu", on_device=wrong)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")
def test_layers_on_a_cuda_device_are_measured_there():
    t = torch.as_tensor(LAYERS["wide"])
    y = classes(len(t))
    for estimator in (*ESTIMATORS, infoplane.Binned(rule="exact")):
        there = infoplane.layer_information(t.cuda(), y, estimator)
        here = infoplane.layer_information(t, y, estimator)
        for one, other in zip(there, here, strict=True):
            assert one.i_ty.bits == pytest.approx(other.i_ty.bits, abs=LIBRARY)
            assert one.i_xt.bits == pytest.approx(other.i_xt.bits, abs=LIBRARY)


@pytest.mark.parametrize("kind", [torch.bfloat16, torch.float16, torch.float64])
def test_the_default_type_changes_nothing(kind, device):
    t = np.array([[1.0], [0.9999], [0.0], [0.5], [0.50001]])
    y = classes(5)
    kept = torch.get_default_dtype()
    torch.set_default_dtype(kind)
    try:
        for estimator in [*BINS, {"kind": "kde", "noise_variances": [0.1]}]:
            found = numbers_of(readings_of(t, y, estimator, device=device))
            assert np.allclose(found, numbers_of(of_library(t, y, estimator)), rtol=0, atol=LIBRARY, equal_nan=True)
    finally:
        torch.set_default_dtype(kept)


def test_draws_are_made_as_they_are_needed(device, monkeypatch):
    t = np.random.default_rng(0).normal(size=(300, 40))
    y = classes(300)
    noise = {"kind": "noise", "noise_variances": [0.5], "draws": 4, "points": 200}
    whole = numbers_of(readings_of(t, y, noise, device=device))
    largest = []
    normals = _native.noise_normals

    def seen(settings, draw, rows, width):
        largest.append(len(rows))
        return normals(settings, draw, rows, width)

    monkeypatch.setattr("infoplane._torch_sums._BLOCK", 300 * 16)
    monkeypatch.setattr(_native, "noise_normals", seen)
    assert np.allclose(numbers_of(readings_of(t, y, noise, device=device)), whole, rtol=0, atol=1e-12, equal_nan=True)
    assert max(largest) == 16 and sum(largest) == 4 * 200


@pytest.mark.parametrize("estimator", [*BINS[:2], *BINS[4:]])
def test_bins_take_little_memory_beside_a_layer(estimator):
    """In a process of its own: cells of a wide layer are counted some columns at a time."""
    program = f"""
import resource, numpy as np, torch
from infoplane._estimate import estimator_of
from infoplane._torch_sums import Sums
y = np.arange(1000) % 2
sums = Sums([estimator_of({estimator!r}, {{}})], y, None, False)
small, large = torch.rand(1000, 20), torch.rand(1000, 20000)
sums.source(small, "", "t")
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
sums.source(large, "", "t")
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024 / large.nbytes)
"""
    pytest.importorskip("resource")
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert float(found.stdout) < 1.5, found.stdout
