"""Networks of JAX are recorded by dictionaries: Flax, Equinox, plain functions."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

jax = pytest.importorskip("jax")

import jax.numpy as jnp

import infoplane

pytestmark = pytest.mark.filterwarnings("ignore")

KDE = [{"kind": "kde", "noise_variances": [1e-2]}]
EXAMPLES = Path(__file__).parent.parent / "examples"
N = 60


@pytest.fixture
def data():
    rng = np.random.default_rng(1)
    labels = np.arange(N) % 3
    return (rng.normal(size=(N, 6)) + labels[:, None]).astype(np.float32), labels


def example(name):
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def readings(run, layer, epoch=0):
    """I(X;T) and I(T;Y) of a layer, lower bound and upper."""
    here = (run.plane["layer_name"] == layer) & (run.plane["epoch"] == epoch)
    return [run.plane[column][here].tolist() for column in ("i_xt_bits", "i_ty_bits")]


def by_hand(tensor, labels):
    found = infoplane.layer_information(np.asarray(tensor), labels, noise_variances=[1e-2])
    return [[reading.i_xt.bits for reading in found], [reading.i_ty.bits for reading in found]]


def test_flax_with_captured_intermediates(tmp_path, data):
    nn = pytest.importorskip("flax.linen")

    class Block(nn.Module):
        width: int

        @nn.compact
        def __call__(self, x):
            return nn.tanh(nn.Dense(self.width)(x))

    class Network(nn.Module):
        @nn.compact
        def __call__(self, x):
            return nn.Dense(3, name="output")(Block(4, name="second")(Block(5, name="first")(x)))

    x, y = data
    model = Network()
    variables = model.init(jax.random.key(0), x)
    _, state = model.apply(variables, x, capture_intermediates=True, mutable=["intermediates"])
    found = state["intermediates"]
    layers = {name: found[name]["__call__"][0] for name in ("first", "second", "output")}
    weights = variables["params"]
    first = np.tanh(x @ weights["first"]["Dense_0"]["kernel"] + weights["first"]["Dense_0"]["bias"])
    second = np.tanh(first @ weights["second"]["Dense_0"]["kernel"] + weights["second"]["Dense_0"]["bias"])
    assert np.abs(layers["first"] - first).max() < 1e-6 and np.abs(layers["second"] - second).max() < 1e-6
    with infoplane.Recorder(tmp_path / "run", y, KDE) as recorder:
        recorder.record(0, layers)
    run = infoplane.load(tmp_path / "run")
    assert [layer["name"] for layer in run.manifest["layers"]] == ["first", "second", "output"]
    for name, tensor in layers.items():
        assert readings(run, name) == by_hand(tensor, y)


def test_nnx_with_what_it_sows(tmp_path, data):
    nnx = pytest.importorskip("flax.nnx")

    class Network(nnx.Module):
        def __init__(self, rngs):
            self.first = nnx.Linear(6, 5, rngs=rngs)
            self.last = nnx.Linear(5, 3, rngs=rngs)

        def __call__(self, x):
            hidden = nnx.relu(self.first(x))
            self.sow(nnx.Intermediate, "hidden", hidden)
            return self.last(hidden)

    x, y = data
    model = Network(nnx.Rngs(0))
    output = model(x)
    hidden = nnx.pop(model, nnx.Intermediate)["hidden"][0]
    expected = np.maximum(x @ model.first.kernel[...] + model.first.bias[...], 0.0)
    assert np.abs(np.asarray(hidden) - expected).max() < 1e-6
    with infoplane.Recorder(tmp_path / "run", y, KDE) as recorder:
        recorder.record(0, {"hidden": hidden, "output": output})
    run = infoplane.load(tmp_path / "run")
    assert readings(run, "hidden") == by_hand(hidden, y) and readings(run, "output") == by_hand(output, y)


def test_equinox_with_what_it_returns(tmp_path, data):
    eqx = pytest.importorskip("equinox")
    first, last = (eqx.nn.Linear(*widths, key=jax.random.key(place)) for place, widths in enumerate([(6, 5), (5, 3)]))

    @jax.vmap
    def network(x):
        hidden = jax.nn.relu(first(x))
        return {"hidden": hidden, "output": last(hidden)}

    x, y = data
    layers = network(x)
    assert np.abs(layers["hidden"] - np.maximum(x @ first.weight.T + first.bias, 0.0)).max() < 1e-6
    infoplane.record(tmp_path / "run", 0, layers, labels=jnp.asarray(y), estimators=KDE, last=True, loss=jnp.float32(2.0))
    run = infoplane.load(tmp_path / "run")
    assert readings(run, "hidden") == by_hand(layers["hidden"], y) and run.training["train_loss"].tolist() == [2.0]


def test_a_training_of_which_only_some_epochs_are_computed(tmp_path, data):
    x, y = data
    targets = jnp.eye(3)[y]

    def trained(record):
        weights = jax.random.normal(jax.random.key(0), (6, 3))
        step = jax.jit(jax.grad(lambda w: -(targets * jax.nn.log_softmax(x @ w)).sum(1).mean()))
        for epoch in range(7):
            record(epoch, weights)
            weights = weights - 0.5 * step(weights)
        return np.asarray(weights)

    asked = []

    def record(epoch, weights):
        if recorder.wants(epoch):
            asked.append(epoch)
            recorder.record(epoch, {"logits": x @ weights})
        else:
            recorder.describe(epoch, loss=float(epoch))

    without = trained(lambda *_: None)
    recorder = infoplane.Recorder(tmp_path / "run", y, KDE, schedule=[0, 2, 5], epochs=6)
    assert (trained(record) == without).all()
    run = recorder.finish(last=6)
    assert asked == [0, 2, 5, 6] and sorted(set(run.plane["epoch"])) == asked
    assert run.training["epoch"].tolist() == [1, 3, 4]


def test_an_interrupted_program_goes_on(tmp_path, data):
    x, y = data
    kernels = [jax.random.normal(jax.random.key(epoch), (6, 4)) for epoch in range(4)]

    def record(epochs, path):
        for epoch in epochs:
            layers = {"t": jnp.tanh(x @ kernels[epoch])}
            infoplane.record(path, epoch, layers, labels=y, estimators=KDE, last=epoch == 3)

    record(range(4), tmp_path / "whole")
    recorder = infoplane.Recorder(tmp_path / "run", y, KDE)
    for epoch in range(2):
        recorder.record(epoch, {"t": jnp.tanh(x @ kernels[epoch])})
    recorder.close()
    assert infoplane.load(tmp_path / "run").state == "interrupted"
    record(range(2, 4), tmp_path / "run")
    run, whole = infoplane.load(tmp_path / "run"), infoplane.load(tmp_path / "whole")
    for column in ("epoch", "i_xt_bits", "i_ty_bits"):
        assert run.plane[column].tolist() == whole.plane[column].tolist()


def test_positions_of_maps_of_jax(tmp_path):
    maps = jax.random.normal(jax.random.key(2), (N, 3, 4, 2))  # JAX has channels last
    y = np.arange(N) % 2
    for positions, expected in [
        ("flatten", {"m": maps.reshape(N, -1)}),
        ("mean", {"m": maps.mean((1, 2))}),
        ("channels", {"m[0]": maps[..., 0].reshape(N, -1), "m[1]": maps[..., 1].reshape(N, -1)}),
        (-1, {"m": maps[:, 2, 3]}),
    ]:
        with infoplane.Recorder(tmp_path / str(positions), y, KDE, positions=positions, channels_last=True) as recorder:
            recorder.record(0, {"m": maps})
        run = infoplane.load(tmp_path / str(positions))
        assert [layer["name"] for layer in run.manifest["layers"]] == list(expected)
        for name, tensor in expected.items():
            assert np.allclose(readings(run, name), by_hand(tensor, y), atol=1e-5)


def test_half_precision_of_jax(tmp_path, data):
    x, y = data
    half = jnp.asarray(x, dtype=jnp.bfloat16)
    with infoplane.Recorder(tmp_path / "run", y, KDE) as recorder:
        recorder.record(0, {"t": half})
    assert readings(infoplane.load(tmp_path / "run"), "t") == by_hand(half.astype(jnp.float32), y)


def test_traced_arrays_are_refused(tmp_path, data):
    x, y = data
    recorder = infoplane.Recorder(tmp_path / "run", y, KDE)

    @jax.jit
    def step(x):
        recorder.record(0, {"t": x})
        return x

    with pytest.raises(Exception, match="(?i)tracer|traced"):
        step(x)


def test_a_narrow_layer_limits_a_network_of_flax(tmp_path):
    for module in ("flax", "optax", "sklearn"):
        pytest.importorskip(module)
    found = example("jax_flax").main(tmp_path, epochs=15)
    of_label, accuracy = zip(*found.values(), strict=True)
    assert list(of_label) == sorted(of_label) and list(accuracy) == sorted(accuracy)
    assert of_label[0] < 2.5 and of_label[-1] > 3.0
    run = infoplane.load(tmp_path / "narrow-1")
    assert [layer["name"] for layer in run.manifest["layers"]] == ["block 1", "block 2", "block 3", "output"]


def test_a_network_of_equinox_that_memorizes_keeps_more(tmp_path):
    for module in ("equinox", "optax", "sklearn"):
        pytest.importorskip(module)
    beside = example("jax_equinox").main(tmp_path, epochs=60)
    assert list(beside["true"]) == ["layer 1", "layer 2", "layer 3", "output"]
    assert all(beside["random"][layer] > beside["true"][layer] + 1.0 for layer in ("layer 2", "layer 3", "output"))
