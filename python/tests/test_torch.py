"""The recorder of PyTorch models: what it measures, and that it disturbs nothing."""

import collections
import contextlib
import dataclasses
import gc
import os
import random
import signal
import subprocess
import sys
import textwrap
import warnings
import weakref

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import torch.nn.functional as F
from torch import nn
from torch.nn.utils import prune
from torch.utils.data import DataLoader, Dataset, IterableDataset, SubsetRandomSampler, TensorDataset

import infoplane
import infoplane.torch
from infoplane._torch_observer import same_inputs
from infoplane._torch_weights import KeptWeights
from infoplane.torch import Recorder

# Threads for such small matrices only wait for each other.
torch.set_num_threads(1)

FLOOR = [{"kind": "binned", "rule": "floor", "bin_width": 0.05}]
KDE = [{"kind": "kde", "noise_variances": [1e-2]}]


@pytest.fixture(autouse=True)
def seeded():
    """Every test has the same random numbers."""
    random.seed(1)
    np.random.seed(1)
    torch.manual_seed(1)


@pytest.fixture
def record(tmp_path):
    """Makes recorders, each in a directory of its own."""
    made = []

    def make(model, inputs, labels=None, layers=None, **options):
        if labels is None and not isinstance(inputs, (Dataset, DataLoader)):
            several = list(inputs.values()) if isinstance(inputs, dict) else inputs
            labels = np.arange(len(several[0] if isinstance(several, (list, tuple)) else several)) % 2
        options.setdefault("run", tmp_path / f"run{len(made)}")
        recorder = Recorder(model, inputs, labels, layers, **{"estimators": FLOOR, **options})
        made.append(recorder)
        return recorder

    yield make
    for recorder in made:
        recorder.close()


def nonlinearities(recorder):
    """Of every layer, what the run says of it."""
    return {layer["name"]: layer.get("nonlinearity", "") for layer in infoplane.load(recorder.path).manifest["layers"]}


def plain(model, *inputs):
    """A model as it is measured."""
    was = model.training
    model.eval()
    with torch.no_grad():
        result = model(*inputs)
    model.train(was)
    return result


def check(recorder, expected):
    """Compares layers with those by hand, in order: pairs of rows and nonlinearity by name."""
    found = recorder.activations()
    assert list(found) == list(expected) == recorder.layers
    said = nonlinearities(recorder)
    for name, (rows, nonlinearity) in expected.items():
        rows = rows.detach().reshape(len(rows), -1).numpy()
        assert found[name].shape == rows.shape, name
        np.testing.assert_allclose(found[name], rows, rtol=0, atol=1e-6, err_msg=name)
        assert said[name] == nonlinearity, name


# Nothing is disturbed


def bits(tensor):
    return tensor.detach().contiguous().view(-1).view(torch.uint8).numpy().tobytes() if tensor.numel() else b""


def state_of(model, optimizer=None):
    """All that training goes on from, as bytes and numbers to compare."""
    found = {
        "weights": {name: bits(tensor) for name, tensor in model.named_parameters()},
        "buffers": {name: bits(tensor) for name, tensor in model.named_buffers()},
        "gradients": {name: None if tensor.grad is None else bits(tensor.grad) for name, tensor in model.named_parameters()},
        "requires_grad": [tensor.requires_grad for tensor in model.parameters()],
        "storages": [tensor.data_ptr() for tensor in [*model.parameters(), *model.buffers()]],
        "tensors": [id(tensor) for tensor in [*model.parameters(), *model.buffers()]],
        "modes": [module.training for module in model.modules()],
        "hooks": [(len(module._forward_hooks), len(module._forward_pre_hooks)) for module in model.modules()],
        "attributes": [sorted(module.__dict__) for module in model.modules()],
        "torch": bits(torch.get_rng_state()),
        "python": random.getstate(),
        "numpy": [value.tobytes() if isinstance(value, np.ndarray) else value for value in np.random.get_state()],
        "gradient mode": (torch.is_grad_enabled(), torch.is_inference_mode_enabled()),
        "autocast": (torch.is_autocast_enabled("cpu"), torch.get_autocast_dtype("cpu")),
        "types": (torch.get_default_dtype(), torch.get_default_device()),
        "attention": torch.backends.mha.get_fastpath_enabled(),
        "modes of functions": torch.overrides._get_current_function_mode_stack(),
    }
    if optimizer is not None:
        found["optimizer"] = [
            {name: bits(value) if isinstance(value, torch.Tensor) else value for name, value in state.items()}
            for state in optimizer.state_dict()["state"].values()
        ]
    return found


class Moody(nn.Module):
    """A network that leaves traces wherever a network may: in buffers, attributes, lists, generators and an embedding."""

    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(20, 8, max_norm=0.5)
        self.first = nn.Linear(8, 16)
        self.norm = nn.BatchNorm1d(16)
        self.frozen = nn.BatchNorm1d(16)
        self.drop = nn.Dropout(0.3)
        self.last = nn.Linear(16, 3)
        self.register_buffer("calls", torch.zeros(()))
        self.n_calls = 0
        self.seen = []
        self.memory = torch.zeros(16)
        self.deque = collections.deque(maxlen=3)
        self.generator = torch.Generator().manual_seed(5)
        self.numpy = np.random.default_rng(5)
        with torch.no_grad():
            self.embedding.weight.mul_(3)

    def forward(self, x):
        self.calls += 1
        self.n_calls += 1
        self.seen.append(self.n_calls)
        self.deque.append(self.n_calls)
        noise = torch.rand(16, generator=self.generator) + torch.rand(16) + random.random() + np.random.rand()
        noise = noise + self.numpy.random()
        hidden = F.relu(self.norm(self.first(self.embedding(x))))
        self.memory = 0.9 * self.memory + hidden.detach().mean(0)
        hidden = self.drop(self.frozen(hidden + 0.01 * noise + 0.01 * self.memory + 0.001 * self.n_calls))
        return self.last(hidden)


def train(recorder_of, epochs=10):
    torch.manual_seed(3)
    random.seed(3)
    np.random.seed(3)
    model = Moody()
    model.train()
    model.frozen.eval()
    model.embedding.weight.requires_grad_(False)
    x, y = torch.randint(0, 20, (64,)), torch.randint(0, 3, (64,))
    optimizer = torch.optim.Adam([tensor for tensor in model.parameters() if tensor.requires_grad], lr=0.01)
    recorder = recorder_of(model, x, y)
    states = []
    for epoch in range(epochs + 1):
        if epoch:
            order = list(range(64))
            random.shuffle(order)
            order = np.random.permutation(order)
            loader = DataLoader(TensorDataset(x[order[:48]], y[order[:48]]), batch_size=16, shuffle=True)
            for inputs, labels in loader:
                optimizer.zero_grad()
                F.cross_entropy(model(inputs), labels).backward()
                optimizer.step()
        if recorder is not None:
            recorder.epoch(epoch, loss=1.0)
        states.append((state_of(model, optimizer), model.n_calls, list(model.seen), list(model.deque), bits(model.memory)))
    if recorder is not None:
        recorder.finish()
        states.append((state_of(model, optimizer), model.n_calls, list(model.seen), list(model.deque), bits(model.memory)))
    return states


@pytest.mark.parametrize("schedule", [1, 3, {"kind": "delta-exact", "delta": 0.01}, {"kind": "delta-approximate", "delta": 0.01}])
@pytest.mark.parametrize("background", [True, False])
def test_training_is_the_same_with_a_recorder(record, schedule, background):
    alone = train(lambda *_: None)
    recorded = train(lambda *of: record(*of, schedule=schedule, background=background))
    assert recorded[-1][1:] == recorded[-2][1:]
    # Where tensors lie in memory is another place in another network.
    for before, after in zip(alone, recorded[:-1], strict=True):
        assert before[1:] == after[1:]
        for key in set(before[0]) - {"storages", "tensors"}:
            assert before[0][key] == after[0][key], key
    assert all(state[0]["storages"] == recorded[0][0]["storages"] for state in recorded)
    assert all(state[0]["tensors"] == recorded[0][0]["tensors"] for state in recorded)


def test_a_probe_inside_of_training_leaves_gradients_and_graphs(record):
    model = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 2))
    x = torch.randn(40, 4)
    recorder = record(model, x, schedule={"kind": "delta-exact", "delta": 1e-9})
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for epoch in range(6):
        loss = model(x).square().mean()
        recorder.epoch(epoch)
        loss.backward()  # fails if weights were changed behind it
        before = state_of(model, optimizer)
        recorder.epoch(epoch)
        assert state_of(model, optimizer) == before
        optimizer.step()


@pytest.mark.parametrize("around", ["autocast", "no_grad", "inference", "double", "anomaly"])
def test_the_surroundings_stay_and_do_not_change_what_is_measured(record, around):
    model = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 2))
    x = torch.randn(40, 4)
    at_first = state_of(model)
    recorder = record(model, x)
    expected = recorder.activations()
    assert state_of(model) == at_first
    surroundings = {
        "autocast": lambda: torch.autocast("cpu", dtype=torch.bfloat16),
        "no_grad": torch.no_grad,
        "inference": torch.inference_mode,
        "anomaly": torch.autograd.detect_anomaly,
        "double": contextlib.nullcontext,
    }
    if around == "double":
        torch.set_default_dtype(torch.float64)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            with surroundings[around]():
                before = state_of(model)
                found = recorder.activations()
                assert state_of(model) == before
    finally:
        torch.set_default_dtype(torch.float32)
    assert all(np.array_equal(found[name], expected[name]) and found[name].dtype == np.float32 for name in expected)


def test_models_made_in_inference_mode_are_measured(record):
    class Counting(Net):
        def __init__(self):
            super().__init__()
            self.register_buffer("calls", torch.zeros(()))

        def forward(self, x):
            self.calls += 1
            return super().forward(x)

    with torch.inference_mode():
        model = Counting()
        x = torch.randn(40, 4)
    recorder = record(model, x)
    before = state_of(model)
    with torch.inference_mode():
        recorder.epoch(0)
    recorder.epoch(1)
    assert state_of(model) == before
    assert set(recorder.finish().plane["epoch"]) == {0, 1}


def test_what_a_model_keeps_of_a_probe_is_fit_for_training(record):
    tables = {}

    class Rotating(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(4, 4)

        def forward(self, x):
            if not tables:
                tables["table"] = torch.arange(4.0).sin()
            return self.fc(x) * tables["table"]

    model, x = Rotating(), torch.randn(40, 4)
    with torch.inference_mode():
        record(model, x).epoch(0)
    model(x).sum().backward()  # fails with tensors that were made for inference


def test_an_exception_in_the_model_leaves_everything_as_it_was(record):
    class Failing(Moody):
        fails = False

        def forward(self, x):
            result = super().forward(x)
            if self.fails:
                raise ZeroDivisionError("by hand")
            return result

    model = Failing()
    model.frozen.eval()
    recorder = record(model, torch.randint(0, 20, (64,)), schedule=[0, 1])
    recorder.epoch(0)
    model.fails = True
    before = (state_of(model), model.n_calls, list(model.seen), list(model.deque), bits(model.memory))
    with pytest.raises(ZeroDivisionError, match="by hand"):
        recorder.epoch(1)
    assert (state_of(model), model.n_calls, list(model.seen), list(model.deque), bits(model.memory)) == before
    model.fails = False
    assert recorder.epoch(1)
    assert set(recorder.finish().plane["epoch"]) == {0, 1}


def test_inputs_that_a_model_changes_in_place_stay(record):
    model = nn.Sequential(nn.ReLU(inplace=True), nn.Linear(4, 3))
    x = torch.randn(40, 4)
    before = x.clone()
    recorder = record(model, x)
    recorder.epoch(0)
    assert torch.equal(x, before)


def test_what_is_random_in_a_model_is_the_same_every_time(record):
    class Noisy(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(4, 3)

        def forward(self, x):
            return self.fc(x + torch.randn_like(x) + random.random() + float(np.random.rand()))

    recorder = record(Noisy(), torch.randn(40, 4))
    first = recorder.activations()["fc"]
    torch.manual_seed(9)
    assert np.array_equal(recorder.activations()["fc"], first)
    state = torch.get_rng_state()
    recorder.activations()
    assert torch.equal(torch.get_rng_state(), state)


def test_hooks_of_others_are_kept_and_called(record):
    model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
    calls = []
    model[0].register_forward_hook(lambda *_: calls.append(1))
    model[0].register_forward_hook(lambda module, inputs, output: output + 1)
    x = torch.randn(40, 4)
    recorder = record(model, x)
    recorder.epoch(0)
    assert calls and len(model[0]._forward_hooks) == 2
    check(recorder, {"0": (F.relu(F.linear(x, model[0].weight, model[0].bias) + 1), "relu"), "2": (plain(model, x), "")})


# Layers

ACTIVATIONS = {
    "relu": [
        *(F.relu, torch.relu, torch.relu_, nn.ReLU(), nn.ReLU(True), lambda x: x.relu(), lambda x: x.relu_()),
        *(lambda x: F.relu(input=x), lambda x: F.relu(x, inplace=True), lambda x: torch.ops.aten.relu(x)),
    ],
    "tanh": [F.tanh, torch.tanh, lambda x: x.tanh(), lambda x: x.tanh_(), nn.Tanh()],
    "sigmoid": [F.sigmoid, torch.sigmoid, lambda x: x.sigmoid(), nn.Sigmoid(), torch.special.expit],
    "softmax": [lambda x: F.softmax(x, 1), lambda x: x.softmax(-1), nn.Softmax(1)],
    "log-softmax": [lambda x: F.log_softmax(x, 1), nn.LogSoftmax(1)],
    "leaky-relu": [F.leaky_relu, nn.LeakyReLU(), nn.LeakyReLU(inplace=True)],
    "prelu": [nn.PReLU(), lambda x: F.prelu(x, torch.tensor([0.3]))],
    "rrelu": [nn.RReLU()],
    "elu": [F.elu, nn.ELU(inplace=True)],
    "selu": [F.selu, nn.SELU()],
    "celu": [nn.CELU()],
    "gelu": [F.gelu, nn.GELU(), nn.GELU("tanh")],
    "glu": [nn.GLU()],
    "silu": [F.silu, nn.SiLU(), nn.SiLU(True)],
    "mish": [nn.Mish()],
    "softplus": [nn.Softplus()],
    "softsign": [nn.Softsign()],
    "relu6": [nn.ReLU6(), F.relu6],
    "hardtanh": [nn.Hardtanh(), F.hardtanh_],
    "hardswish": [nn.Hardswish()],
    "hardsigmoid": [nn.Hardsigmoid()],
    "log-sigmoid": [nn.LogSigmoid(), F.logsigmoid],
    "tanhshrink": [nn.Tanhshrink()],
    "softshrink": [nn.Softshrink()],
    "hardshrink": [nn.Hardshrink()],
    "threshold": [nn.Threshold(0.1, 0.0), lambda x: F.threshold(x, 0.1, 0.0)],
    "softmin": [nn.Softmin(1)],
    "sin": [lambda x: torch.sin(30 * x)],
    "square": [torch.square],
    "clamp": [lambda x: x.clamp(min=0)],
    # By hand
    "custom": [
        lambda x: x * torch.sigmoid(1.702 * x),
        lambda x: 0.5 * x * (1 + torch.tanh(0.8 * (x + 0.044715 * x**3))),
        lambda x: F.relu(x) ** 2,
        lambda x: torch.where(x > 0, x, 0.1 * x),
        lambda x: x * (x > 0),
        lambda x: (lambda a, b: a * F.gelu(b))(*x.chunk(2, 1)),
        lambda x: torch.cat([F.relu(x), F.relu(-x)], 1),
        lambda x: (lambda a, b: torch.stack([F.relu(a), torch.tanh(b)]).transpose(0, 1).flatten(1))(*x.chunk(2, 1)),
        lambda x: x + torch.sin(x) ** 2,
        lambda x: torch.maximum(x, torch.tensor(0.0)) - 0.5 * torch.exp(x),
    ],
}


class Two(nn.Module):
    """Two layers with something between them."""

    def __init__(self, between, width=8):
        super().__init__()
        self.first = nn.Linear(4, 8)
        self.between = between
        self.second = nn.LazyLinear(3)

    def forward(self, x):
        return self.second(self.between(self.first(x)))


@pytest.mark.parametrize("word", ACTIVATIONS)
def test_a_layer_is_taken_after_its_nonlinearity(record, word):
    x = torch.randn(40, 4)
    for between in ACTIVATIONS[word]:
        model = Two(between)
        plain(model, x)
        model.eval()
        expected = between(model.first(x).detach().clone())
        model.train()
        check(record(model, x), {"first": (expected, word), "second": (plain(model, x), "")})


class ByHand(nn.Module):
    """A norm that is written by hand."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.rand(8))

    def forward(self, x):
        return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-6) * self.weight


class HandNorm(ByHand):
    pass


class NormAct(nn.BatchNorm1d):
    def forward(self, x):
        return F.relu(super().forward(x))


def test_norms_dropout_pools_and_other_shapes_are_passed(record):
    x = torch.randn(40, 4)
    norms = [nn.BatchNorm1d(8), nn.LayerNorm(8), nn.GroupNorm(2, 8), nn.RMSNorm(8), HandNorm(), nn.Identity(), nn.Dropout()]
    norms += [nn.AlphaDropout(), nn.Sequential(nn.BatchNorm1d(8), nn.Dropout(0.2))]
    for norm in norms:
        model = Two(nn.Sequential(norm, nn.Tanh(), nn.Dropout(0.5)))
        model(x)
        model.eval()
        check(record(model, x), {"first": (torch.tanh(norm(model.first(x))), "tanh"), "second": (model(x), "")})
    # Where the norm comes after the nonlinearity it belongs to what follows.
    model = Two(nn.Sequential(nn.ReLU(), nn.BatchNorm1d(8)))
    model(x)
    check(record(model, x), {"first": (F.relu(model.first(x)), "relu"), "second": (plain(model, x), "")})
    model = Two(NormAct(8))
    model(x)
    model.eval()
    check(record(model, x), {"first": (model.between(model.first(x)), "relu"), "second": (model(x), "")})
    # Where a function runs the model it is not known what is given back.
    class Encoding(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc, self.norm = nn.Linear(4, 8), HandNorm()

        def encode(self, x):
            return torch.tanh(self.norm(self.fc(x)))

    model = Encoding()
    check(record(model, x, forward=lambda model, batch: model.encode(batch)), {"fc": (model.encode(x), "tanh")})
    # Norm without a nonlinearity: the output as it is.
    model = Two(HandNorm())
    model(x)
    check(record(model, x), {"first": (model.first(x), ""), "second": (plain(model, x), "")})


def test_shapes_in_between_do_not_change_what_a_layer_is(record):
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(1, 3, 3)
            self.fc = nn.Linear(3 * 36, 6)
            self.out = nn.Linear(6, 2)

        def forward(self, x):
            x = torch.flatten(self.conv(x), 1).relu()
            x = F.relu(self.fc(x).view(-1, 2, 3)).reshape(len(x), -1)
            return self.out(x).squeeze(-1)

    model, x = Net(), torch.randn(40, 1, 8, 8)
    conv = F.relu(plain(model.conv, x))
    expected = {"conv": (conv, "relu"), "fc": (F.relu(plain(model.fc, conv.flatten(1))), "relu"), "out": (plain(model, x), "")}
    check(record(model, x), expected)
    # Axes in another order, and samples that are put together on the way.
    class Turned(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc, self.norm, self.conv, self.out = nn.Linear(3, 6), nn.BatchNorm1d(6), nn.Conv2d(1, 4, 3), nn.Linear(6, 2)
            self.each, self.mixed = nn.Linear(6, 2), nn.Linear(3, 6)

        def forward(self, x, image):
            mixed = torch.sigmoid(self.mixed(x).transpose(1, 2).flatten(1))
            x = self.norm(self.fc(x).transpose(1, 2)).permute(0, 2, 1)
            h = torch.permute(input=self.conv(image), dims=(0, 1, 3, 2)).transpose_(2, 3)
            h = F.gelu(F.layer_norm(h.movedim(1, -1), (4,)))
            x = F.relu(x) + h.mean() + mixed.sum(1)[:, None, None]
            return self.out(x).sum(1) + torch.tanh(self.each(x.reshape(-1, 6)).reshape(len(x), -1, 2)).sum(1)

    model, image = Turned().eval(), torch.randn(20, 1, 5, 6)
    x = torch.randn(20, 5, 3)
    with torch.no_grad():
        fc = F.relu(model.norm(model.fc(x).transpose(1, 2)).transpose(1, 2))
        conv = F.gelu(F.layer_norm(model.conv(image).permute(0, 2, 3, 1), (4,))).permute(0, 3, 1, 2)
        found = record(model, (x, image)).activations()
        np.testing.assert_allclose(found["fc"], fc.flatten(1), atol=1e-6)
        np.testing.assert_allclose(found["conv"], conv.flatten(1), atol=1e-6)
        assert found["each"].shape == (20, 10) and found["each"].min() < 0
        mixed = torch.sigmoid(model.mixed(x).transpose(1, 2))
        np.testing.assert_allclose(found["mixed"], mixed.flatten(1), atol=1e-6)
        means = record(model, (x, image), positions="mean")
        np.testing.assert_allclose(means.activations()["conv"], conv.mean((2, 3)), atol=1e-6)
        np.testing.assert_allclose(means.activations()["fc"], fc.mean(1), atol=1e-6)
        said = nonlinearities(means)
        assert (said["fc"], said["conv"], said["each"], said["out"]) == ("relu", "gelu", "tanh", "")


def test_positions_of_maps_are_known_after_other_shapes(record):
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.fc = nn.Conv2d(1, 3, 3), nn.Linear(3 * 36, 6)

        def forward(self, x):
            return self.fc(torch.flatten(self.conv(x), 1).relu())

    model, x = Net(), torch.randn(40, 1, 8, 8)
    conv = F.relu(plain(model.conv, x))
    means = record(model, x, positions="mean").activations()
    np.testing.assert_allclose(means["conv"], conv.mean((2, 3)).numpy(), atol=1e-6)


def test_what_is_not_only_of_a_layer_is_not_its_nonlinearity(record):
    class Residual(nn.Module):
        def __init__(self, kind):
            super().__init__()
            self.a, self.b, self.kind = nn.Linear(4, 4), nn.Linear(4, 4), kind

        def forward(self, x):
            if self.kind == "after":
                x = x + F.relu(self.a(x))
                return x + F.relu(self.b(x))
            if self.kind == "sum":
                return F.relu(self.a(x) + self.b(x))
            if self.kind == "in place":
                out = self.a(x)
                out += x
                out = F.relu(out, inplace=True)
                identity = self.b(out)
                identity.add_(out)
                return torch.tanh(identity)
            if self.kind == "both":
                h = self.a(x)
                return self.b(F.relu(h)) + h
            if self.kind == "two":
                h = self.a(x)
                return self.b(F.relu(h) + torch.tanh(h) * x)
            if self.kind == "part":
                h = self.a(x)
                return self.b(torch.cat([F.relu(h[:, :2]), h[:, 2:]], 1))
            if self.kind == "mask":
                h = self.a(x)
                return self.b(torch.where(x > 0, h, torch.tanh(h)))
            if self.kind == "set":
                h = self.a(x)
                h[:, 0] = x[:, 0]
                return self.b(F.relu(h))
            if self.kind == "looked at":
                h = self.a(x)
                self.size = float(h.abs().mean()) + h.shape[1] + len(h)
                h = F.relu(h)
                return self.b(h)
            if self.kind == "like":
                h = self.a(x)
                noise = torch.zeros_like(h) + h.new_zeros(h.shape) + x.view_as(h).type_as(h) * 0
                return self.b(F.relu(h)) + noise
            raise AssertionError

    x = torch.randn(40, 4)

    def layers(kind):
        model = Residual(kind).eval()
        with torch.no_grad():
            return model, record(model, x), model.a(x)

    with torch.no_grad():
        model, recorder, a = layers("after")
        h = x + F.relu(a)
        check(recorder, {"a": (F.relu(a), "relu"), "b": (F.relu(model.b(h)), "relu")})
        model, recorder, a = layers("sum")
        check(recorder, {"a": (a, ""), "b": (model.b(x), "")})
        model, recorder, a = layers("in place")
        check(recorder, {"a": (a, ""), "b": (model.b(F.relu(a + x)), "")})
        model, recorder, a = layers("both")
        check(recorder, {"a": (a, ""), "b": (model.b(F.relu(a)), "")})
        model, recorder, a = layers("two")
        check(recorder, {"a": (a, ""), "b": (model.b(F.relu(a) + torch.tanh(a) * x), "")})
        model, recorder, a = layers("part")
        check(recorder, {"a": (a, ""), "b": (model.b(torch.cat([F.relu(a[:, :2]), a[:, 2:]], 1)), "")})
        model, recorder, a = layers("mask")
        check(recorder, {"a": (a, ""), "b": (model.b(torch.where(x > 0, a, torch.tanh(a))), "")})
        model, recorder, a = layers("set")
        b = model(x)
        check(recorder, {"a": (a, ""), "b": (b, "")})
        model, recorder, a = layers("looked at")
        check(recorder, {"a": (F.relu(a), "relu"), "b": (model.b(F.relu(a)), "")})
        # Only the shape and the type of something are no use of it.
        model, recorder, a = layers("like")
        check(recorder, {"a": (F.relu(a), "relu"), "b": (model.b(F.relu(a)), "")})


def test_nonlinearities_of_the_output_layer(record):
    class Net(nn.Module):
        def __init__(self, what):
            super().__init__()
            self.fc, self.what = nn.Linear(4, 3), what

        def forward(self, x):
            return self.what(self.fc(x))

    x = torch.randn(40, 4)
    for what, expected, word in [
        (lambda h: h, lambda h: h, ""),
        (lambda h: h.squeeze(), lambda h: h, ""),
        (lambda h: F.log_softmax(h, 1), lambda h: F.log_softmax(h, 1), "log-softmax"),
        (lambda h: {"logits": h, "probabilities": h.softmax(1)}, lambda h: h, ""),
        (lambda h: (h, torch.tanh(h)), lambda h: h, ""),
        (lambda h: {"y": torch.sigmoid(h / 0.7)}, lambda h: torch.sigmoid(h / 0.7), "sigmoid"),
    ]:
        model = Net(what)
        check(record(model, x), {"fc": (expected(plain(model.fc, x)), word)})


def test_convolutional_networks(record):
    def block(n, m):
        return nn.Sequential(nn.Conv2d(n, m, 3, padding=1, bias=False), nn.BatchNorm2d(m), nn.ReLU(inplace=True), nn.MaxPool2d(2))

    parts = {"one": block(1, 4), "two": block(4, 8), "pool": nn.AdaptiveAvgPool2d(1), "flat": nn.Flatten(), "fc": nn.Linear(8, 3)}
    model = nn.Sequential(collections.OrderedDict(parts))
    x = torch.randn(20, 1, 8, 8)
    model(x)
    model.eval()
    one = model.one[:3](x)
    two = model.two[:3](F.max_pool2d(one, 2))
    check(record(model, x, batch_size=7), {"one.0": (one, "relu"), "two.0": (two, "relu"), "fc": (model(x), "")})

    class PoolFirst(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.fc = nn.Conv2d(1, 4, 3), nn.Linear(36, 2)

        def forward(self, x):
            return self.fc(F.relu(F.max_pool2d(self.conv(x), 2)).flatten(1))

    model = PoolFirst().eval()
    check(record(model, x), {"conv": (F.relu(F.max_pool2d(model.conv(x), 2)), "relu"), "fc": (model(x), "")})


@pytest.mark.parametrize("batch_first", [True, False])
def test_recurrent_networks(record, batch_first):
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.embedding = nn.Embedding(10, 4)
            self.lstm = nn.LSTM(4, 6, num_layers=2, batch_first=batch_first, bidirectional=True)
            self.gru = nn.GRU(12, 5, batch_first=batch_first)
            self.fc = nn.Linear(5, 2)

        def forward(self, x):
            x = self.embedding(x)
            x = x if batch_first else x.transpose(0, 1)
            x, _ = self.gru(self.lstm(x)[0])
            return self.fc(x[:, -1] if batch_first else x[-1])

    model, x = Net().eval(), torch.randint(0, 10, (23, 7))
    embedded = model.embedding(x)
    turned = (lambda tensor: tensor) if batch_first else (lambda tensor: tensor.transpose(0, 1))
    lstm = model.lstm(turned(embedded))[0]
    gru = model.gru(lstm)[0]
    expected = {"embedding": (embedded, ""), "lstm": (turned(lstm), ""), "gru": (turned(gru), ""), "fc": (model(x), "")}
    check(record(model, x, batch_size=7), expected)  # as many samples as positions
    last = record(model, x, positions=-1).activations()
    np.testing.assert_allclose(last["gru"], turned(gru)[:, -1].detach().numpy(), atol=1e-6)


def test_packed_sequences(record):
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.rnn, self.fc = nn.RNN(3, 4, batch_first=True), nn.Linear(4, 2)

        def forward(self, x):
            lengths = 5 - torch.arange(len(x)) % 3
            packed = nn.utils.rnn.pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
            out, _ = self.rnn(packed)
            out, _ = nn.utils.rnn.pad_packed_sequence(out, batch_first=True)
            return self.fc(out[:, 0])

    found = record(Net().eval(), torch.randn(9, 5, 3)).activations()
    assert found["rnn"].shape == (9, 20) and not found["rnn"][2, 12:].any() and found["rnn"][3].all()


def test_attention(record):
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.attention = nn.MultiheadAttention(8, 2, batch_first=True)
            self.fc = nn.Linear(8, 2)

        def forward(self, x):
            return self.fc(self.attention(x, x, x)[0].mean(1))

    model, x = Net().eval(), torch.randn(30, 5, 8)
    with warnings.catch_warnings():
        warnings.simplefilter("error", infoplane.InfoplaneWarning)
        recorder = record(model, x)
    check(recorder, {"attention": (model.attention(x, x, x)[0], ""), "fc": (model(x), "")})


@pytest.mark.parametrize("batch_first", [True, False])
@pytest.mark.parametrize("activation", ["relu", "gelu", nn.ReLU()])
def test_transformers_with_their_fast_path(record, batch_first, activation):
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=batch_first, activation=activation)
            self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
            self.fc = nn.Linear(8, 2)

        def forward(self, x):
            x = x if batch_first else x.transpose(0, 1)
            return self.fc(self.encoder(x).mean(1 if batch_first else 0))

    model, x = Net().eval(), torch.randn(30, 5, 8)
    recorder = record(model, x)
    names = [f"encoder.layers.{layer}.{part}" for layer in (0, 1) for part in ("self_attn", "linear1", "linear2")]
    assert recorder.layers == [*names, "fc"]
    turned = (lambda tensor: tensor) if batch_first else (lambda tensor: tensor.transpose(0, 1))
    with torch.no_grad():
        layer, given = model.encoder.layers[0], turned(x)
        attended = layer.self_attn(given, given, given)[0]
        between = layer.norm1(given + attended)
        word = "gelu" if activation == "gelu" else "relu"
        hidden = (F.gelu if word == "gelu" else F.relu)(layer.linear1(between))
        found = recorder.activations()
        np.testing.assert_allclose(found[names[0]], turned(attended).flatten(1), atol=1e-6)
        np.testing.assert_allclose(found[names[1]], turned(hidden).flatten(1), atol=1e-6)
        np.testing.assert_allclose(found[names[2]], turned(layer.linear2(hidden)).flatten(1), atol=1e-6)
        np.testing.assert_allclose(found["fc"], model(x), atol=1e-5)  # the fast path rounds otherwise
        assert nonlinearities(recorder)[names[1]] == word
        # Patterns find modules that the fast path passes by.
        assert recorder.layers.index(names[3]) == 3
        alone = record(model, x, layers=["encoder.layers.1.linear1"]).activations()
        assert alone["encoder.layers.1.linear1"].shape == (30, 5 * 16)


def test_padding_is_measured_without_the_fast_path(record):
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.encoder = nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 16, batch_first=True), 1)

        def forward(self, x):
            return self.encoder(x, src_key_padding_mask=torch.arange(5).expand(len(x), 5) > 2).mean(1)

    model, x = Net().eval(), torch.randn(30, 5, 8)
    found = record(model, x, layers="encoder").activations()["encoder"]
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with torch.no_grad():
            expected = model.encoder(x, src_key_padding_mask=torch.arange(5).expand(30, 5) > 2)
    finally:
        torch.backends.mha.set_fastpath_enabled(True)
    np.testing.assert_allclose(found, expected.flatten(1), atol=1e-6)
    assert found.reshape(30, 5, 8)[:, 3:].any()


def test_positions_that_belong_to_no_sample_are_left_out(record, tmp_path):
    class Small(nn.Module):
        def __init__(self):
            super().__init__()
            self.words, self.places = nn.Embedding(10, 4), nn.Embedding(3, 4)
            self.fc, self.never = nn.Linear(4, 2), nn.Linear(4, 4)

        def forward(self, x):
            return self.fc((self.words(x) + self.places(torch.arange(x.shape[1]))).mean(1))

    model = Small()
    for n in (2, 3):  # as many positions as samples of one of the first runs
        x = torch.randint(0, 10, (20, n))
        with pytest.warns(infoplane.InfoplaneWarning, match="not run: never; no row for each sample: places") as told:
            recorder = Recorder(model, x, np.arange(20) % 2, run=tmp_path / f"{n}", estimators=FLOOR)
        assert told[0].filename == __file__
        recorder.close()
        assert recorder.layers == ["words", "fc"]
    with pytest.raises(infoplane.RecordError, match=r"row for each sample; of 2 samples there is places \(3, 4\)"):
        record(model, x, layers=["fc", "places"])
    for names in (["fc", "never"], ["n*", "fc"]):
        with pytest.raises(infoplane.RecordError, match=r"does not run n"):
            record(model, x, layers=names)
    # A pattern may match more.
    with pytest.warns(infoplane.InfoplaneWarning, match="not run: never; no row for each sample: places"):
        assert record(model, x, layers="*").layers == ["words", "fc", "Small"]


def test_weights_that_two_modules_have(record):
    class Tied(nn.Module):
        def __init__(self):
            super().__init__()
            self.embedding = nn.Embedding(10, 4)
            self.hidden = nn.Linear(4, 4)
            self.out = nn.Linear(4, 10, bias=False)
            self.out.weight = self.embedding.weight

        def forward(self, x):
            return self.out(torch.tanh(self.hidden(self.embedding(x))))

    model, x = Tied().eval(), torch.randint(0, 10, (20,))
    hidden = torch.tanh(model.hidden(model.embedding(x)))
    check(record(model, x), {"embedding": (model.embedding(x), ""), "hidden": (hidden, "tanh"), "out": (model(x), "")})


class Shared(nn.Module):
    def __init__(self, times=2):
        super().__init__()
        self.fc, self.out, self.times = nn.Linear(4, 4), nn.Linear(4, 2), times
        self.again = self.fc
        self.act = nn.Tanh()

    def forward(self, x):
        for _ in range(self.times):
            x = self.act(self.again(x))
        return self.out(x)


def test_a_module_that_is_called_several_times(record):
    model, x = Shared().eval(), torch.randn(30, 4)
    first = torch.tanh(model.fc(x))
    second = torch.tanh(model.fc(first))
    check(record(model, x, batch_size=7), {"fc#1": (first, "tanh"), "fc#2": (second, "tanh"), "out": (model(x), "")})
    check(record(model, x, layers="act"), {"act#1": (first, ""), "act#2": (second, "")})
    check(record(model, x, layers="again"), {"again#1": (model.fc(x), ""), "again#2": (model.fc(first), "")})
    recorder = record(model, x)
    recorder.epoch(0)
    model.times = 3
    with pytest.raises(infoplane.RecordError, match="'fc' 2 times at first and 3 times now"):
        recorder.epoch(1)
    model.times = 1
    with pytest.raises(infoplane.RecordError, match="'fc' 2 times at first and 1 times now"):
        recorder.epoch(1)


def test_branches_on_data_are_refused(record):
    class Branch(nn.Module):
        def __init__(self, kind):
            super().__init__()
            self.a, self.b, self.c, self.kind = nn.Linear(4, 4), nn.Linear(4, 4), nn.Linear(4, 2), kind

        def forward(self, x):
            large = bool(x[-1, 0] > 0)
            if self.kind == "module":
                return self.c((self.a if large else self.b)(x))
            return self.c(torch.relu(self.a(x)) if large else torch.tanh(self.a(x)) + self.b(x).sum() * 0)

    x = torch.randn(30, 4)
    x[:3, 0] = 1
    x[-1, 0] = -1
    for kind in ("module", "function"):
        recorder = record(Branch(kind), x)
        with pytest.raises(infoplane.RecordError, match=r"'a' 1 times at first and 0 times now|always do the same with a"):
            recorder.epoch(0)
    x[1, 0] = -1
    with pytest.raises(infoplane.RecordError, match="same with 2 samples as with 3"):
        record(Branch("module"), x)
    assert record(Branch("module"), x, layers="c").epoch(0)


def test_lists_of_modules_and_of_parameters(record):
    class Bank(nn.Module):
        def __init__(self):
            super().__init__()
            self.weights = nn.ParameterList([nn.Parameter(torch.randn(4, 4)) for _ in range(2)])

        def forward(self, x):
            for weight in self.weights:
                x = torch.tanh(x @ weight)
            return x

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.layers = nn.ModuleList([nn.Linear(4, 4) for _ in range(3)])
            self.heads = nn.ModuleDict({"one": nn.Linear(4, 2)})
            self.bank = Bank()
            self.scale = nn.Parameter(torch.ones(4))

        def forward(self, x):
            for layer in self.layers:
                x = F.elu(layer(x))
            return self.heads["one"](self.bank(x) * self.scale)

    model, x = Net().eval(), torch.randn(30, 4)
    expected, h = {}, x
    for place, layer in enumerate(model.layers):
        h = F.elu(layer(h))
        expected[f"layers.{place}"] = (h, "elu")
    h = model.bank(h)
    check(record(model, x), {**expected, "bank": (h, ""), "heads.one": (model(x), "")})
    # A model that has weights and no modules is one layer.
    bank = Bank()
    check(record(bank, x), {"Bank": (bank(x), "")})
    linear = nn.Linear(4, 2)
    check(record(linear, x), {"Linear": (linear(x), "")})


def test_parametrized_and_pruned_layers_are_layers(record):
    model = nn.Sequential(
        nn.utils.parametrizations.spectral_norm(nn.Linear(4, 8)),
        nn.ReLU(),
        nn.utils.parametrizations.weight_norm(nn.Linear(8, 8)),
        nn.Tanh(),
        nn.Linear(8, 2),
    )
    prune.l1_unstructured(model[4], "weight", 0.5)
    x = torch.randn(30, 4)
    before = state_of(model)
    recorder = record(model, x)
    recorder.epoch(0)
    assert state_of(model) == before
    model.eval()
    check(recorder, {"0": (model[:2](x), "relu"), "2": (model[:4](x), "tanh"), "4": (model(x), "")})


def test_parametrizations_with_weights_are_no_layers(record):
    class LowRank(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = nn.Parameter(torch.randn(8, 2)), nn.Parameter(torch.randn(2, 4))

        def forward(self, weight):
            return weight + self.a @ self.b

    model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
    nn.utils.parametrize.register_parametrization(model[0], "weight", LowRank())
    x = torch.randn(30, 4)
    with warnings.catch_warnings():
        warnings.simplefilter("error", infoplane.InfoplaneWarning)
        check(record(model, x), {"0": (model[:2](x), "relu"), "2": (model(x), "")})


def test_a_layer_with_norm_in_its_name_is_a_layer(record):
    class NormedLinear(nn.Linear):
        def forward(self, x):
            return F.linear(F.normalize(x), F.normalize(self.weight))

    model = nn.Sequential(NormedLinear(4, 8), nn.LayerNorm(8), nn.ReLU(), nn.Linear(8, 2))
    x = torch.randn(30, 4)
    check(record(model, x), {"0": (model[:3](x), "relu"), "3": (model(x), "")})


def test_lazy_modules_are_to_be_run_before(record):
    model = nn.Sequential(nn.LazyLinear(8), nn.ReLU(), nn.Linear(8, 2))
    x = torch.randn(30, 4)
    with pytest.raises(infoplane.RecordError, match=r"0\.weight is not known before the model has run; run it once"):
        record(model, x)
    model(x)
    assert record(model, x).layers == ["0", "2"]


@dataclasses.dataclass
class Output:
    note: str
    hidden: torch.Tensor
    extra: object = None


def test_models_and_modules_that_give_dictionaries_tuples_and_objects(record):
    class Inner(nn.Module):
        def __init__(self, kind):
            super().__init__()
            self.weight, self.kind = nn.Parameter(torch.randn(4, 4)), kind

        def forward(self, x):
            h = x @ self.weight
            return {
                "dict": {"index": torch.arange(len(x)), "hidden": h},
                "tuple": (torch.arange(len(x)), (h,)),
                "dataclass": Output("a", h),
                "namedtuple": collections.namedtuple("Pair", "n hidden")(3, h),
            }[self.kind]

    class Net(nn.Module):
        def __init__(self, kind):
            super().__init__()
            self.inner, self.fc = Inner(kind), nn.Linear(4, 2)

        def forward(self, x):
            found = self.inner(x)
            h = found["hidden"] if isinstance(found, dict) else found[1][0] if self.inner.kind == "tuple" else found.hidden
            return self.inner(x) and Output("", self.fc(torch.relu(h)))

    x = torch.randn(30, 4)
    for kind in ("dict", "tuple", "dataclass", "namedtuple"):
        model = Net(kind)
        h = x @ model.inner.weight
        check(record(model, x), {"inner#1": (F.relu(h), "relu"), "inner#2": (h, ""), "fc": (model.fc(F.relu(h)), "")})


def test_patterns_name_modules_whose_outputs_are_measured_as_they_are(record):
    parts = {"conv1": nn.Conv1d(1, 2, 3), "act1": nn.ReLU(inplace=True), "conv2": nn.Conv1d(2, 2, 3), "act2": nn.ReLU()}
    model = nn.Sequential(collections.OrderedDict(**parts, flat=nn.Flatten(), fc=nn.Linear(8, 2)))
    x = torch.randn(30, 1, 8)
    conv1 = model.conv1(x)
    conv2 = model.conv2(F.relu(conv1))
    check(record(model, x, layers=["fc", "conv*"]), {"conv1": (conv1, ""), "conv2": (conv2, ""), "fc": (model(x), "")})
    check(record(model, x, layers="act?"), {"act1": (F.relu(conv1), ""), "act2": (F.relu(conv2), "")})
    check(record(model, x, layers="Sequential"), {"Sequential": (model(x), "")})
    with pytest.raises(infoplane.RecordError, match="layers = 'con' matches no module; there are Sequential, conv1, act1"):
        record(model, x, layers=["conv1", "con"])

    class Integers(nn.Module):
        def forward(self, x):
            return x.long()

    with pytest.raises(infoplane.RecordError, match="gets no numbers of it"):
        record(nn.Sequential(nn.Linear(4, 2), Integers()), torch.randn(10, 4), layers="1")
    with pytest.raises(infoplane.RecordError, match="no module with parameters"):
        record(nn.ReLU(), torch.randn(10, 4))


def test_settings_of_patterns_are_in_the_manifest(record):
    recorder = record(nn.Sequential(nn.Linear(4, 2)), torch.randn(10, 4), layers="0")
    manifest = infoplane.load(recorder.path).manifest
    assert "'layers': ['0']" in str(manifest) and "infoplane.torch.Recorder" in str(manifest) and "Sequential" in str(manifest)


# Positions


@pytest.mark.parametrize("positions", ["flatten", "mean", "channels", 0, 3, -1])
def test_positions_agree_with_numpy(record, positions):
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.map, self.line = nn.Conv2d(1, 3, 3), nn.Conv1d(1, 2, 3)
            self.rnn, self.fc = nn.GRU(2, 4, batch_first=True), nn.Linear(4, 2)

        def forward(self, x):
            x = torch.relu(self.map(x)).flatten(1)
            x = torch.tanh(self.line(x[:, None])).transpose(1, 2)
            return self.fc(self.rnn(x)[0].mean(1))

    model, x = Net().eval(), torch.randn(25, 1, 5, 4)
    with torch.no_grad():
        maps = torch.relu(model.map(x)).numpy()
        lines = torch.tanh(model.line(torch.from_numpy(maps).flatten(1)[:, None])).numpy()
        sequences = model.rnn(torch.from_numpy(lines).transpose(1, 2))[0].numpy()
    flat = maps.reshape(25, 3, 6)
    expected = {"fc": plain(model, x).numpy()}
    if positions == "flatten":
        expected |= {"map": maps.reshape(25, -1), "line": lines.reshape(25, -1), "rnn": sequences.reshape(25, -1)}
    elif positions == "mean":
        expected |= {"map": maps.mean((2, 3)), "line": lines.mean(2), "rnn": sequences.mean(1)}
    elif positions == "channels":
        expected |= {f"map[{channel}]": flat[:, channel] for channel in range(3)}
        expected |= {f"line[{channel}]": lines[:, channel] for channel in range(2)}
        expected |= {f"rnn[{unit}]": sequences[:, :, unit] for unit in range(4)}
    else:
        expected |= {"map": flat[:, :, positions], "line": lines[:, :, positions], "rnn": sequences[:, positions]}
    recorder = record(model, x, positions=positions, batch_size=10)
    found = recorder.activations()
    assert set(found) == set(expected)
    for name, rows in expected.items():
        np.testing.assert_allclose(found[name], rows, rtol=0, atol=1e-6, err_msg=name)
    assert recorder.epoch(0)


def test_positions_that_there_are_not_are_refused(record):
    model = nn.Sequential(nn.Conv1d(1, 2, 3), nn.Flatten(), nn.Linear(12, 2))
    with pytest.raises(infoplane.RecordError, match="position 6 of 6; allowed is -6 to 5"):
        record(model, torch.randn(10, 1, 8), positions=6)
    with pytest.raises(infoplane.RecordError, match="positions"):
        record(model, torch.randn(10, 1, 8), positions="all")


# Models and inputs


class Net(nn.Module):
    """A small network with what differs in training and evaluation."""

    def __init__(self):
        super().__init__()
        self.one, self.norm, self.drop, self.two = nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Dropout(), nn.Linear(8, 3)

    def forward(self, x):
        return self.two(self.drop(F.relu(self.norm(self.one(x)))))


def expected_of(model, x):
    model.eval()
    with torch.no_grad():
        return {"one": (F.relu(model.norm(model.one(x))), "relu"), "two": (model(x), "")}


@pytest.mark.filterwarnings("ignore::UserWarning")  # of PyTorch, while it compiles
def test_compiled_models(record):
    from torch._dynamo.testing import CompileCounter

    x, y = torch.randn(40, 4), torch.randint(0, 3, (40,))

    def trained(kind, recorded):
        torch.manual_seed(4)
        torch._dynamo.reset()
        counter = CompileCounter()
        model = Net()
        called = model
        if kind == "before":
            called = torch.compile(model, backend=counter)
            F.cross_entropy(called(x), y).backward()
        elif kind == "in place":
            model.compile(backend=counter)
        elif kind == "part":
            model.two = torch.compile(model.two, backend=counter)
        recorder = record(called, x, y) if recorded else None
        if kind == "after":
            called = torch.compile(model, backend=counter)
        elif kind == "in place after":
            model.compile(backend=counter)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        for epoch in range(3):
            if recorder is not None:
                recorder.epoch(epoch)
            optimizer.zero_grad()
            F.cross_entropy(called(x), y).backward()
            optimizer.step()
        assert counter.frame_count
        weights = {name.replace("_orig_mod.", ""): bits(tensor) for name, tensor in model.state_dict().items()}
        return weights, counter.frame_count, recorder, model

    for kind in ("before", "in place", "part", "after", "in place after"):
        weights, frames, _, _ = trained(kind, False)
        others, others_frames, recorder, model = trained(kind, True)
        assert others == weights, kind
        assert others_frames == frames, kind
        model.eval()
        torch._dynamo.reset()
        with torch.compiler.set_stance("force_eager"):
            check(recorder, expected_of(model, x))
    torch._dynamo.reset()


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_compiled_by_another_backend(record):
    model = Net()
    x = torch.randn(40, 4)
    compiled = torch.compile(model, backend="aot_eager")
    compiled(x)
    check(record(compiled, x), expected_of(model, x))
    torch._dynamo.reset()


def test_wrappers_are_taken_off(record):
    x = torch.randn(40, 4)
    for wrap in (nn.DataParallel, torch.optim.swa_utils.AveragedModel, lambda model: nn.DataParallel(nn.DataParallel(model))):
        wrapped = wrap(Net())
        model = wrapped.module.module if isinstance(wrapped.module, nn.DataParallel) else wrapped.module
        recorder = record(wrapped, x)
        check(recorder, expected_of(model, x))
        assert recorder.epoch(0)


PROCESSES = """
import sys, warnings
import torch, torch.distributed as dist
from torch import nn
import infoplane.torch

rank, folder = int(sys.argv[1]), sys.argv[2]
torch.set_num_threads(1)
dist.init_process_group("gloo", init_method=f"file://{folder}/store", rank=rank, world_size=2)
torch.manual_seed(0)
x, y = torch.randn(64, 4), torch.arange(64) % 3
model = nn.parallel.DistributedDataParallel(nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 3)))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
floor = {"kind": "binned", "rule": "floor", "bin_width": 0.05}
# The inputs of the other process are not even looked at.
with infoplane.torch.Recorder(model, x if rank == 0 else None, y if rank == 0 else None, run=f"{folder}/run",
                              estimators=floor, schedule=2, epochs=5) as recorder:
    for epoch in range(6):
        assert recorder.epoch(epoch, loss=1.0) == (rank == 0 and epoch % 2 == 0)
        assert recorder.wants(100) == (rank == 0)
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(x[rank::2]), y[rank::2]).backward()
        optimizer.step()
    recorder.record(1)
    run = recorder.finish()
assert (run is None) == (rank == 1), run
assert recorder.layers == (["0", "3"] if rank == 0 else []), recorder.layers
weights = [torch.zeros_like(model.module[0].weight) for _ in range(2)]
dist.all_gather(weights, model.module[0].weight.detach())
assert torch.equal(*weights)
dist.barrier()
dist.destroy_process_group()
print("done", rank)
"""


def start(source, *arguments):
    """Starts a program that has this file and the package."""
    paths = [os.path.dirname(os.path.dirname(infoplane.__file__)), os.path.dirname(__file__), *sys.path]
    command = [sys.executable, "-c", textwrap.dedent(source), *map(str, arguments)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    return subprocess.Popen(command, text=True, env=os.environ | {"PYTHONPATH": os.pathsep.join(paths)}, **pipes)


@pytest.mark.skipif(not torch.distributed.is_available(), reason="no torch.distributed")
def test_of_processes_that_train_together_the_first_measures(tmp_path):
    processes = [start(PROCESSES, rank, tmp_path) for rank in (0, 1)]
    try:
        outputs = [process.communicate(timeout=120)[0] for process in processes]
    finally:
        for process in processes:
            process.kill()
    assert [output.strip().splitlines()[-1] for output in outputs] == ["done 0", "done 1"], outputs
    run = infoplane.load(tmp_path / "run")
    assert run.state == "finished"
    assert sorted(set(run.plane["epoch"])) == [0, 1, 2, 4]


@pytest.mark.skipif(not torch.distributed.is_available(), reason="no torch.distributed")
@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::FutureWarning")
def test_models_that_are_sharded_are_refused(record, tmp_path):
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import fully_shard

    torch.distributed.init_process_group("gloo", init_method=f"file://{tmp_path}/store", rank=0, world_size=1)
    try:
        model = nn.Sequential(nn.Linear(4, 4), nn.Sequential(nn.Linear(4, 4)))
        fully_shard(model[1], mesh=init_device_mesh("cpu", (1,)))
        for one, name in ((model, "its module 1"), (model[1], "it")):
            with pytest.raises(TypeError, match=f"{name} is sharded over processes; give the model before it is sharded"):
                record(one, torch.randn(10, 4))
    finally:
        torch.distributed.destroy_process_group()


def test_numbers_of_half_and_of_double_precision(record):
    x = torch.randn(40, 4)
    model = Net().bfloat16()
    recorder = record(model, x)
    found, expected = recorder.activations(), expected_of(model, x.bfloat16())
    assert all(found[name].dtype == np.float32 for name in found)
    assert all(np.array_equal(found[name], expected[name][0].float().numpy()) for name in found)
    assert recorder.epoch(0)
    model = Net().double()
    for inputs in (x, x.double(), x.numpy()):
        recorder = record(model, inputs)
        found, expected = recorder.activations(), expected_of(model, x.double())
        assert all(found[name].dtype == np.float64 for name in found)
        assert all(np.array_equal(found[name], expected[name][0].numpy()) for name in found)
        assert recorder.epoch(0)
    # Means of numbers of half precision are not of half precision.
    model = nn.Sequential(nn.Conv1d(1, 2, 1)).bfloat16()
    x = torch.randn(10, 1, 400)
    means = record(model, x, positions="mean").activations()["0"]
    with torch.no_grad():
        assert np.allclose(means, model(x.bfloat16()).float().mean(2).numpy(), atol=1e-6)


def test_mixed_precision_of_training_is_not_measured(record):
    model, x = Net(), torch.randn(40, 4)
    recorder = record(model, x)
    expected = {name: rows.numpy() for name, (rows, _) in expected_of(model, x).items()}
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = recorder.activations()
        assert torch.is_autocast_enabled("cpu") and model.one(x).dtype == torch.bfloat16
    assert all(np.allclose(found[name], expected[name], atol=1e-6) for name in expected)


def test_models_that_cannot_be_observed_are_refused(record):
    x = torch.randn(10, 4)
    with pytest.raises(TypeError, match="model is a function; allowed are modules"):
        record(lambda x: x, x)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        scripted = torch.jit.script(nn.Linear(4, 2))
        quantized = torch.ao.nn.quantized.dynamic.Linear(4, 2)
    with pytest.raises(TypeError, match="it is TorchScript; give the module that it was made of"):
        record(scripted, x)
    with pytest.raises(TypeError, match="its module 0 is TorchScript"):
        record(nn.Sequential(scripted), x)
    with pytest.raises(TypeError, match="its module 1 is quantized; give the model before"):
        record(nn.Sequential(nn.Linear(4, 4), quantized), x)
    fake = type("FullyShardedDataParallel", (nn.Module,), {})
    with pytest.raises(TypeError, match="sharded over processes"):
        record(nn.Sequential(fake()), x)
    with pytest.raises(infoplane.RecordError, match=r"0\.weight is on the device meta"):
        record(nn.Sequential(nn.Linear(4, 2, device="meta")), x)
    with pytest.raises(ValueError, match="batch_size = 0"):
        record(nn.Linear(4, 2), x, batch_size=0)
    with pytest.raises(TypeError, match=r"batch_size = 2\.5"):
        record(nn.Linear(4, 2), x, batch_size=2.5)
    with pytest.raises(ValueError, match="keep_bytes = -1"):
        record(nn.Linear(4, 2), x, keep_bytes=-1)


class Several(nn.Module):
    def __init__(self):
        super().__init__()
        self.left, self.right, self.out = nn.Linear(4, 3), nn.Linear(2, 3), nn.Linear(3, 2)

    def forward(self, left, right):
        return self.out(torch.tanh(self.left(left)) * torch.tanh(self.right(right)))


def items(item, n):
    """A dataset of what a function gives."""
    return type("Items", (Dataset,), {"__len__": lambda _: n, "__getitem__": lambda _, place: item(place)})()


def test_inputs_of_several_arguments(record):
    model, left, right = Several(), torch.randn(40, 4), torch.randn(40, 2)
    expected = {
        "left": (torch.tanh(plain(model.left, left)), "tanh"),
        "right": (torch.tanh(plain(model.right, right)), "tanh"),
        "out": (plain(model, left, right), ""),
    }
    y = torch.arange(40) % 3
    for given in ((left, right), [left, right.numpy()], {"right": right, "left": left.numpy()}):
        check(record(model, given, batch_size=7), expected)
    check(record(model, torch.cat([left, right], 1), forward=lambda model, batch: model(batch[:, :4], batch[:, 4:])), expected)
    for labels in (y, None):
        nested = items(lambda n: ((left[n], right[n]), y[n]), 40)
        named = items(lambda n: {"left": left[n], "right": right[n], "label": y[n]}, 40)
        for dataset in (nested, named):
            recorder = record(model, dataset, labels)
            check(recorder, expected)
            assert np.array_equal(recorder._labels, y)


@pytest.mark.parametrize(
    "kind", ["numpy", "read-only", "dataset", "shuffled", "sampler", "batches", "subset", "iterable", "alone"]
)
def test_inputs_of_all_kinds_are_read_in_order_and_leave_the_generators(record, kind):
    model, x, y = Net(), torch.randn(700, 4), torch.arange(700) % 3

    class Augmented(Dataset):
        """Takes random numbers of every kind, as augmentations do."""

        def __len__(self):
            return 700

        def __getitem__(self, n):
            torch.rand(()), random.random(), np.random.rand()
            return x[n], int(y[n])

    class Stream(IterableDataset):
        def __iter__(self):
            torch.rand(()), random.random(), np.random.rand()
            return iter((x[n], int(y[n])) for n in range(700))

    generator = torch.Generator().manual_seed(3)
    rows = x.numpy().copy()
    rows.flags.writeable = kind != "read-only"
    order = slice(None)
    given, labels = {
        "numpy": lambda: (rows, y.numpy()),
        "read-only": lambda: (rows, y),
        "dataset": lambda: (Augmented(), None),
        "shuffled": lambda: (DataLoader(Augmented(), 32, shuffle=True, num_workers=2, generator=generator, drop_last=True), None),
        "sampler": lambda: (DataLoader(TensorDataset(x, y), 32, sampler=torch.randperm(700).tolist()), None),
        "batches": lambda: (DataLoader(Augmented(), batch_sampler=[[5, 6], [7]]), None),
        "subset": lambda: (DataLoader(TensorDataset(x, y), 32, sampler=SubsetRandomSampler([9, 3, 500])), None),
        "iterable": lambda: (DataLoader(Stream(), 32), None),
        "alone": lambda: (TensorDataset(x), y),
    }[kind]()
    if kind == "subset":
        order = [3, 9, 500]
    def states():
        return bits(torch.get_rng_state()), random.getstate(), np.random.get_state()[1].tolist(), bits(generator.get_state())

    before = states()
    recorder = record(model, given, labels, batch_size=128)
    recorder.epoch(0)
    assert states() == before
    check(recorder, expected_of(model, x[order]))
    assert np.array_equal(recorder._labels, [0, 0, 1] if kind == "subset" else y)  # classes are counted from 0


def test_augmented_inputs_are_the_same_when_a_run_goes_on(record, tmp_path):
    x = torch.randn(30, 4)

    augmented = items(lambda n: (x[n] + torch.rand(4) + random.random(), n % 2), 30)
    model = Net()
    first = record(model, augmented, run=tmp_path / "run")
    first.epoch(0)
    first.close()
    torch.manual_seed(8)
    again = record(model, augmented, run=tmp_path / "run")
    assert not again.wants(0) and again.epoch(1)


def test_equal_inputs_are_one_input(record):
    x = torch.randn(40, 4)
    x[7], x[9] = x[3], x[3]
    x[0, 0], x[1] = 0.0, x[0]
    x[1, 0] = -0.0
    codes = record(Net(), x)._inputs
    assert codes[7] == codes[9] == codes[3] and codes[0] == codes[1] and len(set(codes)) == 37
    assert len(set(record(Net(), x, x=np.arange(40))._inputs)) == 40
    pair = record(Several(), (x, torch.arange(80.0).reshape(40, 2)))
    assert len(set(pair._inputs)) == 40
    for kind in (torch.uint8, torch.int64, torch.bool, torch.bfloat16, torch.float16):
        codes = same_inputs(torch.tensor([[1, 0], [0, 1], [1, 0]]).to(kind))
        assert codes.tolist() == [0, 1, 0]
    many = torch.arange(3000).reshape(-1, 1) % 1500  # more than are read at once
    assert same_inputs(many).tolist() == [*range(1500)] * 2


def test_whole_numbers_are_given_as_they_are(record):
    class Scaled(Net):
        def forward(self, x):
            assert x.dtype == torch.uint8
            return super().forward(x.float() / 255)

    x = torch.randint(0, 256, (40, 4), dtype=torch.uint8)
    model = Scaled()
    check(record(model, x), {"one": (F.relu(model.norm.eval()(model.one(x / 255))), "relu"), "two": (plain(model, x), "")})
    with pytest.raises(infoplane.RecordError, match=r"cannot be run on inputs of torch.uint8.*inputs.float\(\) / 255"):
        record(Net(), x)


def test_inputs_and_labels_that_do_not_fit_are_refused(record):
    x = torch.randn(40, 4)
    refused = [
        ((x[:0], np.arange(0)), infoplane.RecordError, "inputs has no samples"),
        ((x, np.arange(39)), infoplane.RecordError, "40 samples and labels has 39|39"),
        (((x, x[:3, :2]), np.arange(40)), infoplane.RecordError, "differ in their number of samples: 3, 40"),
        (({}, np.arange(40)), infoplane.RecordError, "no samples"),
        ((TensorDataset(x, x, x), np.arange(40)), TypeError, "3 parts; allowed are inputs, and pairs"),
        ((TensorDataset(x[:0]), np.arange(40)), infoplane.RecordError, "inputs is empty"),
        ((TensorDataset(x), None), TypeError, "labels is missing"),
        ((3.0, np.arange(40)), TypeError, "inputs is a float; allowed are a tensor"),
        (([1.0, 2.0], np.arange(2)), TypeError, "inputs is a list; allowed are a tensor"),
        ((np.array(["a", "b"]), np.arange(2)), TypeError, "inputs is an array of <U1"),
        ((x.to_sparse(), np.arange(40)), TypeError, "sparse tensor"),
    ]
    for (inputs, labels), kind, message in refused:
        with pytest.raises(kind, match=message):
            if labels is None:
                Recorder(Net(), inputs, run="never", estimators=FLOOR)
            else:
                record(Net(), inputs, labels)
    assert not os.path.exists("never")


def test_labels_of_all_kinds(record):
    x, y = torch.randn(6, 4), [1, 0, 2, 2, 1, 0]
    names = ["b", "a", "c", "c", "b", "a"]
    numbers = torch.tensor(y)
    for labels in (y, np.array(y), numbers, numbers.float(), numbers[:, None], F.one_hot(numbers), names):
        assert record(Net(), x, labels)._labels.tolist() == y
    texts = items(lambda n: (x[n], names[n]), 6)
    assert record(Net(), texts)._labels.tolist() == y
    assert record(Net(), DataLoader(texts, batch_size=4))._labels.tolist() == y
    with pytest.raises(ValueError, match="decimals"):
        record(Net(), x, torch.rand(6))


def test_one_sample_and_batches_of_one_size(record):
    for n in (1, 2, 3):
        x = torch.randn(n, 4)
        recorder = record(Net(), x, np.zeros(n))
        assert recorder.layers == ["one", "two"] and recorder.activations()["one"].shape == (n, 8)

    class Fixed(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(4, 2)

        def forward(self, x):
            return self.fc(x.view(10, 4))

    model, x = Fixed(), torch.randn(30, 4)
    assert np.allclose(record(model, x, batch_size=10).activations()["fc"], model.fc(x).detach(), atol=1e-6)


def test_sizes_that_differ_between_samples_are_refused(record):
    class Ragged(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(1, 2)

        def forward(self, x):
            return self.fc(x[:, : int(x[0, 0]), None])

    x = torch.full((20, 5), 4.0)
    x[10:] = 3.0
    recorder = record(Ragged(), x, batch_size=10)
    with pytest.raises(infoplane.RecordError, match="fc has 6 columns for some samples and 8 for others"):
        recorder.epoch(0)


# Costs


def test_a_probe_runs_the_model_once_on_every_sample(record):
    model = Net()
    calls = []
    model.register_forward_pre_hook(lambda _, inputs: calls.append(len(inputs[0])))
    recorder = record(model, torch.randn(100, 4), batch_size=40, schedule=2)
    assert calls == [2, 3]  # looking for its layers
    calls.clear()
    assert recorder.epoch(0) and calls == [40, 40, 20]
    assert not recorder.epoch(1) and calls == [40, 40, 20]


@pytest.mark.parametrize("background", [True, False])
def test_nothing_is_kept_after_a_probe(record, background):
    model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(inplace=True), nn.Linear(8, 2))
    tensors, arrays = [], []
    for module in model:
        module.register_forward_hook(lambda _module, _inputs, output: tensors.append(weakref.ref(output)))

    class Looking(Recorder):
        def activations(self):
            found = super().activations()
            arrays.extend(map(weakref.ref, found.values()))
            return found

    recorder = record(model, torch.randn(40, 4), background=background)
    recorder.__class__ = Looking
    gc.disable()
    try:
        for epoch in range(3):
            assert recorder.epoch(epoch)
        recorder.wanted()  # waits until all is measured
        assert len(tensors) == 3 * 5 and len(arrays) == 6
        assert not any(reference() is not None for reference in [*tensors, *arrays])
    finally:
        gc.enable()


def test_nothing_is_kept_within_a_pass(record):
    alive = []

    class Deep(nn.Module):
        def __init__(self):
            super().__init__()
            self.layers = nn.ModuleList([nn.Linear(4, 4) for _ in range(6)])

        def forward(self, x):
            seen = []
            for layer in self.layers:
                hidden = layer(x)
                seen.append(weakref.ref(hidden))
                x = torch.tanh(hidden) * 2
                del hidden
                alive.append(sum(reference() is not None for reference in seen))
            return x

    recorder = record(Deep(), torch.randn(40, 4))
    assert nonlinearities(recorder)["layers.0"] == "tanh"
    recorder.epoch(0)
    assert alive and not any(alive)


def test_rows_are_copied_once(record):
    model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
    recorder = record(model, torch.randn(40, 4), background=False)
    given = []
    kept = recorder._native

    class Native:
        def __getattr__(self, name):
            return getattr(kept, name)

        def record(self, epoch, layers, statistics):
            given.extend(id(rows) for rows in layers)
            return kept.record(epoch, layers, statistics)

    made = []

    class Looking(Recorder):
        def activations(self):
            found = super().activations()
            made.extend(id(rows) for rows in found.values())
            assert all(rows.flags.c_contiguous for rows in found.values())
            return found

    recorder.__class__ = Looking
    recorder._native = Native()
    recorder.epoch(0)
    recorder._native = kept
    assert given == made and len(made) == 2


# Runs


def same_rows(run, other):
    """Whether what one run measured is what another measured at these epochs."""

    def rows(table, epochs):
        columns = [[repr(value) for value in values] for values in table.to_dict().values()]
        return sorted(row for epoch, row in zip(table["epoch"], zip(*columns, strict=True), strict=True) if epoch in epochs)

    epochs = set(run.plane["epoch"])
    found = rows(run.plane, epochs)
    assert found and found == rows(other.plane, epochs)
    return True


def small_training(recorder_of, epochs, last=None, seed=5):
    """Trains a small network up to an epoch; gives the recorder."""
    torch.manual_seed(seed)
    model = Net()
    x = torch.randn(60, 4)
    y = (x[:, 0] > 0).long() + (x[:, 1] > 0).long()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
    recorder = recorder_of(model, x, y)
    for epoch in range(epochs + 1):
        if epoch:
            model.train()
            optimizer.zero_grad()
            loss = F.cross_entropy(model(x), y)
            loss.backward()
            optimizer.step()
        recorder.epoch(epoch, loss=loss.item() if epoch else None, custom=epoch)
        if epoch == last:
            break
    return recorder


@pytest.mark.parametrize(
    "schedule, epochs",
    [
        (1, range(13)),
        (5, [0, 5, 10, 12]),
        ("every", range(13)),
        ([0, 3, 7], [0, 3, 7, 12]),
        ({"kind": "list", "epochs": [2, 12]}, [2, 12]),
        ({"kind": "log-spaced", "points": 4}, [0, 1, 3, 12]),
        ({"kind": "delta-approximate", "delta": 1e3}, [0, 1, 3, 7, 12]),
        ({"kind": "delta-exact", "delta": 1e3}, [0, 1, 3, 7, 12]),
        ({"kind": "delta-exact", "delta": 1e-9}, range(13)),
    ],
)
@pytest.mark.parametrize("background", [True, False])
def test_schedules_measure_their_epochs_and_the_last(record, schedule, epochs, background):
    full = small_training(lambda *of: record(*of, estimators=KDE), 12).finish()
    recorder = small_training(lambda *of: record(*of, estimators=KDE, schedule=schedule, epochs=12, background=background), 12)
    run = recorder.finish()
    assert sorted(set(run.plane["epoch"])) == list(epochs)
    assert run.state == "finished"
    assert same_rows(run, full)
    assert run.training["epoch"].tolist() == list(range(13))
    with pytest.raises(infoplane.RecordError, match="has ended"):
        recorder.epoch(13)


def test_measuring_beside_the_training_measures_the_same(record):
    def run(background):
        return small_training(lambda *of: record(*of, estimators=[*FLOOR, *KDE], background=background), 10).finish()

    one, other = run(True), run(False)
    assert one.plane.columns == other.plane.columns
    assert same_rows(one, other) and same_rows(other, one)


@pytest.mark.parametrize(
    "optimizer", ["SGD", "SGD foreach", "Adam", "Adam fused", "RMSprop", "by hand", "other weights", "buffer", None]
)
def test_the_last_epoch_is_measured_at_the_end_if_the_model_is_still_that(record, optimizer):
    model = Net()
    x = torch.randn(40, 4)
    recorder = record(model, x, schedule=5)
    for epoch in range(4):
        assert recorder.epoch(epoch) == (epoch == 0)
    expected = [0, 3] if optimizer is None else [0]
    if optimizer == "by hand":
        with torch.no_grad():
            model.one.weight[0, 0] += 1
    elif optimizer == "other weights":
        model.two = nn.Linear(8, 3)
    elif optimizer == "buffer":
        model(x)
    elif optimizer:
        kind, _, how = optimizer.partition(" ")
        model.eval()
        stepping = getattr(torch.optim, kind)(model.parameters(), lr=0.1, **({how: True} if how else {}))
        model(x).square().mean().backward()
        stepping.step()
    run = recorder.finish()
    assert sorted(set(run.plane["epoch"])) == expected
    recorder = record(model, x, schedule=5)
    recorder.epoch(0)
    recorder.epoch(3)
    assert sorted(set(recorder.finish(last=4).plane["epoch"])) == [0]


def test_epochs_that_are_recorded_twice_stand_as_they_were(record):
    model, x = Net(), torch.randn(40, 4)
    recorder = record(model, x)
    assert recorder.epoch(0, loss=1.0) and recorder.epoch(1, loss=2.0)
    model.one.weight.data.zero_()
    assert not recorder.wants(1) and not recorder.epoch(1, loss=3.0)
    recorder.record(1, loss=4.0)
    other = record(Net(), x)
    other.record(0, loss=1.0)
    assert not other.wants(0) and other.wants(1)
    run = recorder.finish()
    assert sorted(set(run.plane["epoch"])) == [0, 1] and len(run.plane) == 4
    assert run.training["train_loss"].tolist() == [1.0, 2.0]
    i = run.plane["i_xt_bits"].reshape(2, 2)
    assert i[1].all()  # not the network of zeros


def test_activations_of_ones_own_are_recorded(record):
    model, x = Net(), torch.randn(40, 4)
    recorder, other = record(model, x), record(model, x)
    layers = recorder.activations()
    assert recorder.epoch(0, layers) and other.epoch(0)
    recorder.record(1, layers)
    with pytest.raises(infoplane.RecordError, match="the layers are one, but the run records one, two"):
        recorder.record(2, {"one": layers["one"]})
    with pytest.raises(ValueError, match="epoch = -1"):
        recorder.epoch(-1)
    assert same_rows(other.finish(), recorder.finish())


def test_statistics_are_kept_in_any_case(record):
    recorder = record(Net(), torch.randn(40, 4), schedule=2)
    for epoch in range(4):
        recorder.epoch(epoch, loss=torch.tensor(float(epoch)), val_acc=np.float32(0.5), mine=epoch, nothing=None)
    training = recorder.finish().training
    assert training["train_loss"].tolist() == [0, 1, 2, 3] and training["test_accuracy"].tolist() == [0.5] * 4
    with pytest.raises(infoplane.RecordError, match="loss is a str; allowed are numbers"):
        record(Net(), torch.randn(40, 4)).epoch(0, loss="low")


@pytest.mark.parametrize("schedule", [1, {"kind": "delta-exact", "delta": 0.02}, {"kind": "delta-approximate", "delta": 0.02}])
@pytest.mark.parametrize("end", ["close", "exception", "dropped"])
def test_a_run_that_was_interrupted_goes_on(record, tmp_path, schedule, end):
    whole = small_training(lambda *of: record(*of, estimators=KDE, schedule=schedule), 16).finish()
    path = tmp_path / "interrupted"

    def make(*of):
        return record(*of, estimators=KDE, schedule=schedule, run=path)

    if end == "exception":
        with pytest.raises(ZeroDivisionError):
            with contextlib.ExitStack() as stack:
                small_training(lambda *of: stack.enter_context(make(*of)), 16, 7)
                raise ZeroDivisionError
    else:
        recorder = small_training(make, 16, 7)
        if end == "close":
            recorder.close()
        del recorder
    # The program that goes on trains from the beginning, or the recorder that was not closed is still there.
    before = infoplane.load(path)
    assert before.state in ("interrupted", "running")
    counted = []

    def again(*of):
        recorder = make(*of)
        recorder._model.register_forward_pre_hook(lambda *_: counted.append(recorder._model.training))
        return recorder

    run = small_training(again, 16).finish()
    assert run.state == "finished"
    assert sorted(set(run.plane["epoch"])) == sorted(set(whole.plane["epoch"]))
    assert same_rows(run, whole) and len(run.plane) == len(whole.plane)
    # What was measured before is not run again, nor are epochs that the thread of the other recorder still had.
    n = len(set(run.plane["epoch"])) - len(set(before.plane["epoch"]))
    assert n - 3 <= counted.count(False) <= n if end == "dropped" else counted.count(False) == n


KILLED = """
import ast, sys
from test_torch import KDE, Recorder, small_training

schedule = ast.literal_eval(sys.argv[2])
recorder = small_training(lambda *of: Recorder(*of, run=sys.argv[1], estimators=KDE, schedule=schedule), 16, 9)
print("there", flush=True)
sys.stdin.read()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")
def test_a_program_that_was_killed_goes_on(record, tmp_path):
    schedule = {"kind": "delta-exact", "delta": 0.02}
    whole = small_training(lambda *of: record(*of, estimators=KDE, schedule=schedule), 16).finish()
    path = tmp_path / "run"
    process = start(KILLED, path, schedule)
    try:
        assert process.stdout.readline() == "there\n"
        with pytest.raises(infoplane.RunError):
            small_training(lambda *of: record(*of, estimators=KDE, schedule=schedule, run=path), 16)
        process.send_signal(signal.SIGKILL)
        process.wait()
    finally:
        process.kill()
        process.communicate()
    assert infoplane.load(path).state == "interrupted"
    run = small_training(lambda *of: record(*of, estimators=KDE, schedule=schedule, run=path), 16).finish()
    assert run.state == "finished" and set(run.plane["epoch"]) == set(whole.plane["epoch"]) and same_rows(run, whole)


def test_a_program_that_ends_without_finishing_ends(tmp_path):
    source = """
    import sys, torch
    from torch import nn
    import infoplane.torch
    x = torch.randn(4000, 30)
    recorder = infoplane.torch.Recorder(nn.Linear(30, 20), x, torch.arange(4000) % 3, run=sys.argv[1],
                                        estimators={"kind": "kde", "noise_variances": [1e-2]})
    for epoch in range(3):
        recorder.epoch(epoch)
    print("end", flush=True)
    """
    process = start(source, tmp_path / "run")
    output, _ = process.communicate(timeout=100)
    assert (process.returncode, output) == (0, "end\n")
    assert infoplane.load(tmp_path / "run").state == "interrupted"


def test_another_recording_does_not_go_on_in_the_same_run(record, tmp_path):
    model, x = Net(), torch.randn(40, 4)
    record(model, x, run=tmp_path / "run").close()
    changes = [{"labels": np.arange(40) % 3}, {"estimators": KDE}, {"schedule": 2}, {"layers": "one"}]
    changes += [{"inputs": torch.zeros(40, 4)}]
    for change in changes:
        options = {"inputs": x, "run": tmp_path / "run"} | change
        with pytest.raises(infoplane.RecordError, match=r"others|another"):
            record(model, options.pop("inputs"), options.pop("labels", None), **options)
    assert record(model, x, run=tmp_path / "run").epoch(0)


# Going back


class Moving(nn.Module):
    """A network whose weights are a function of the epoch: it rests, moves fast, and rests again."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(7)
        self.frozen = nn.Linear(4, 6)
        self.moving = nn.Linear(6, 3)
        self.register_buffer("offset", torch.zeros(6))
        self.register_buffer("private", torch.zeros(6), persistent=False)
        self.scale = 1.0
        self.shift = torch.zeros(6)
        self.start = self.moving.weight.detach().clone()

    def forward(self, x):
        return self.moving(torch.tanh(self.frozen(x)) * self.scale + self.offset + self.private + self.shift)

    def train_to(self, epoch):
        """As an optimizer and a schedule would, in place."""
        step = 1 / (1 + np.exp(-(epoch - 40) / 2.0)) + 1 / (1 + np.exp(-(epoch - 90) / 5.0))
        with torch.no_grad():
            self.moving.weight.copy_(self.start * (1 + step))
            self.offset.fill_(0.5 * step)
            self.private.fill_(0.1 * step)
            self.shift.fill_(0.2 * step)
        self.scale = 1.0 + step


def moving(recorder_of, epochs=120, last=None):
    model = Moving()
    x = torch.randn(80, 4)
    recorder = recorder_of(model, x, (x[:, 0] > 0).long())
    most = 0
    for epoch in range(epochs + 1):
        model.train_to(epoch)
        before, scale = state_of(model), model.scale
        recorder.epoch(epoch)
        assert state_of(model) == before and model.scale == scale
        if recorder._kept is not None:
            most = max(most, len(recorder._kept))
    return recorder, most


DELTA = {"kind": "delta-exact", "delta": 0.03}


@pytest.mark.parametrize("background", [True, False])
def test_a_schedule_that_goes_back_measures_earlier_epochs_on_their_weights(record, background):
    full, _ = moving(lambda *of: record(*of, estimators=KDE))
    full = full.finish()
    recorder, most = moving(lambda *of: record(*of, estimators=KDE, schedule=DELTA, background=background))
    model = recorder._model
    before = state_of(model)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        run = recorder.finish()
    assert state_of(model) == before
    assert same_rows(run, full)
    schedule = run.schedule.to_dict()
    epochs, reasons = schedule["epoch"].astype(int), schedule["reason"]
    assert list(reasons).count("filling") > 5 and len(epochs) < 70 and epochs[-1] == 120
    # Neighbours are near, or adjacent.
    assert all(distance <= 0.03 or gap == 1 for distance, gap in zip(schedule["distance"][1:], np.diff(epochs), strict=True))
    # Only copies between one head and the next are held, and none in the end.
    heads = epochs[reasons != "filling"]
    assert most <= max(np.diff(heads)) and len(recorder._kept) == 0


def test_the_last_epoch_may_ask_for_earlier_ones(record):
    full, _ = moving(lambda *of: record(*of, estimators=KDE), 42)
    full = full.finish()
    for end in ({}, {"last": 42}):
        recorder, _ = moving(lambda *of: record(*of, estimators=KDE, schedule=DELTA), 42)
        measured = set(infoplane.load(recorder.path).plane["epoch"])
        run = recorder.finish(**end)
        assert max(measured) < 42 and set(run.plane["epoch"]) >= {41, 42} and same_rows(run, full)
        schedule = run.schedule.to_dict()
        gaps = np.diff(schedule["epoch"].astype(int))
        assert all(distance <= 0.03 or gap == 1 for distance, gap in zip(schedule["distance"][1:], gaps, strict=True))
    with record(Moving(), torch.randn(80, 4), estimators=KDE, schedule=DELTA) as recorder:
        for epoch in range(43):
            recorder._model.train_to(epoch)
            recorder.epoch(epoch)
        recorder._model.train_to(0)  # its weights are kept
    assert max(infoplane.load(recorder.path).plane["epoch"]) == 42


def test_weights_that_do_not_fit_are_left_out_evenly_and_said_once(record):
    full, _ = moving(lambda *of: record(*of, estimators=KDE))
    full = full.finish()
    exact, _ = moving(lambda *of: record(*of, estimators=KDE, schedule=DELTA))
    exact = set(exact.finish().plane["epoch"])
    model = Moving()
    frozen = sum(tensor.nbytes for tensor in [model.frozen.weight, model.frozen.bias, model.moving.bias, model.start])
    one = sum(tensor.nbytes for tensor in [model.moving.weight, model.offset, model.private, model.shift])
    for keep_bytes in (0, frozen + 4 * one):
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            recorder, most = moving(lambda *of, keep=keep_bytes: record(*of, estimators=KDE, schedule=DELTA, keep_bytes=keep))
            run = recorder.finish()
        messages = [str(warning.message) for warning in told if warning.category is infoplane.InfoplaneWarning]
        assert len(messages) == 1 and f"keep_bytes = {keep_bytes}" in messages[0] and "max_skip" in messages[0]
        assert all(warning.filename == __file__ for warning in told)
        assert most == (4 if keep_bytes else 0)
        epochs = set(run.plane["epoch"])
        assert epochs < exact and {0, 1, 120} <= epochs and same_rows(run, full)
        assert run.state == "finished"
        assert not keep_bytes or "filling" in set(run.schedule["reason"])
    # With a bound on skips all of them fit.
    bounded = DELTA | {"max_skip": 4}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        recorder, _ = moving(lambda *of: record(*of, estimators=KDE, schedule=bounded, keep_bytes=frozen + 4 * one))
        assert "filling" in set(recorder.finish().schedule["reason"])


def test_a_training_that_is_begun_again_measures_what_was_still_asked_for(record, tmp_path):
    whole, _ = moving(lambda *of: record(*of, estimators=KDE, schedule=DELTA))
    whole = whole.finish()
    path = tmp_path / "run"

    class Stopped(Exception):
        pass

    class Stopping(Recorder):
        def _catch_up(self, now):
            # The program ends where earlier epochs are asked for.
            if any(epoch < now - 2 for epoch in self.wanted()):
                raise Stopped
            super()._catch_up(now)

    def stopping(*of):
        recorder = record(*of, estimators=KDE, schedule=DELTA, run=path)
        recorder.__class__ = Stopping
        return recorder

    with pytest.raises(Stopped):
        moving(stopping)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", ".* goes on: ")
        recorder, _ = moving(lambda *of: record(*of, estimators=KDE, schedule=DELTA, run=path))
        run = recorder.finish()
    assert set(run.plane["epoch"]) == set(whole.plane["epoch"]) and same_rows(run, whole)


def test_epochs_before_an_interruption_are_said_to_be_lost(record, tmp_path):
    path = tmp_path / "run"
    first, _ = moving(lambda *of: record(*of, estimators=KDE, schedule=DELTA, run=path), 35)
    assert len(first._kept)
    first.close()
    assert len(first._kept) == 0
    model = Moving()
    x = torch.randn(80, 4)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        recorder = record(model, x, (x[:, 0] > 0).long(), estimators=KDE, schedule=DELTA, run=path)
        for epoch in range(36, 121):
            model.train_to(epoch)
            recorder.epoch(epoch)
            assert len(recorder._kept) < 40
        run = recorder.finish()
    messages = [str(warning.message) for warning in told]
    assert len(messages) == 2 and "goes on" in messages[0] and "its weights were not kept" in messages[1]
    assert "filling" in set(run.schedule["reason"]) and 120 in run.plane["epoch"]


def test_graphs_that_are_sparse_tensors_stay(record):
    class Graph(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(4, 4)
            self.register_buffer("graph", torch.eye(4).to_sparse())

        def forward(self, x):
            return torch.tanh(self.fc(x) @ self.graph)

    model, x = Graph(), torch.randn(40, 4)
    recorder = record(model, x, schedule={"kind": "delta-exact", "delta": 1e3})
    for epoch in range(6):
        recorder.epoch(epoch)
    assert recorder._kept.n_bytes == sum(tensor.nbytes for tensor in model.parameters())
    assert sorted(set(recorder.finish().plane["epoch"])) == [0, 1, 3, 5]


def test_copies_of_weights():
    model = nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4))
    model[0].bias.data[0] = -0.0
    kept = KeptWeights(model, 1 << 20)
    kept.keep(3)
    once = kept.n_bytes
    assert once == sum(tensor.nbytes for tensor in [*model.parameters(), *model.buffers()])
    kept.keep(4)
    kept.keep(4)
    assert kept.n_bytes == once and len(kept) == 2 and 4 in kept and 5 not in kept
    model[0].bias.data[0] = 0.0  # the same number in other bits
    kept.keep(5)
    assert kept.n_bytes == once + model[0].bias.nbytes
    model[1].running_mean += 1
    model.eval()
    model[0].weight.data = torch.full((4, 4), float("nan"), dtype=torch.float32)
    kept.keep(6)
    now = state_of(model)
    loss = model(torch.ones(3, 4)).sum()
    with kept.exchanged() as exchange:
        exchange(5)
        assert bits(model[0].bias)[:4] == b"\0\0\0\0" and not model[1].running_mean.any()
        exchange(3)
        assert bits(model[0].bias)[:4] == b"\0\0\0\x80" and not model[0].weight.isnan().any()
        exchange(6)
        assert model[0].weight.isnan().all()
    assert state_of(model) == now
    loss.backward()  # fails if the weights count as changed
    model.zero_grad()
    with pytest.raises(ZeroDivisionError), kept.exchanged() as exchange:
        exchange(3)
        raise ZeroDivisionError
    assert state_of(model) == now
    kept.drop(6)
    assert 5 not in kept and 6 in kept and kept.n_bytes == once
    kept.keep(5)
    kept.budget = 0
    assert kept.thin([4, 7]) in (5, 6) and len(kept) == 0 == kept.n_bytes
    # Of 1 to 15 between 0 and 16 those in the middle stay.
    for epoch in range(1, 16):
        model[0].weight.data.fill_(epoch)
        kept.keep(epoch)
    kept.budget = kept.n_bytes - 8 * model[0].weight.nbytes
    kept.thin([0, 16])
    assert [epoch for epoch in range(17) if epoch in kept] == [2, 4, 6, 8, 10, 12, 15]
    # Of sections the longer ones have epochs that are asked for later.
    kept.budget = kept.n_bytes - 2 * model[0].weight.nbytes
    kept.thin([0, 3, 5, 9, 11])
    assert [epoch for epoch in range(17) if epoch in kept] == [2, 4, 6, 10, 15]
    model[0] = nn.Linear(4, 5)
    with pytest.raises(infoplane.RecordError, match=r"0\.weight was \(4, 4\) and is \(5, 4\)"), kept.exchanged() as exchange:
        exchange(10)
    kept.clear()
    assert len(kept) == 0 == kept.n_bytes


def test_training_that_is_not_told_of_is_warned_of(record):
    model = nn.Sequential(nn.Linear(4, 3), nn.Tanh(), nn.Linear(3, 2))
    for told, last in ((True, None), (False, None), (False, 2)):
        recorder = record(model, torch.randn(20, 4))
        for epoch in range(2):
            recorder.epoch(epoch)
            if told and epoch == 1:
                break
            with torch.no_grad():
                model[0].weight.add_(0.1)
        with warnings.catch_warnings(record=True) as words:
            warnings.simplefilter("always")
            recorder.finish(last)
        said = [str(word.message) for word in words if "was trained after epoch 1" in str(word.message)]
        assert len(said) == (not told and last is None), said


class Skips(nn.Module):
    """A block whose output has its input, too."""

    def __init__(self):
        super().__init__()
        self.inner = nn.Linear(4, 4)

    def forward(self, x):
        return x + torch.tanh(self.inner(x))


class Reversed(nn.Sequential):
    """Parts that are run in another order."""

    def forward(self, x):
        for part in reversed(self):
            x = part(x)
        return x


@pytest.mark.parametrize(
    ("model", "options", "chain"),
    [
        (lambda: nn.Sequential(nn.Linear(4, 4), nn.Sequential(nn.Linear(4, 4), nn.Tanh()), nn.Linear(4, 2)), {}, True),
        (lambda: nn.Sequential(nn.Linear(4, 4), Skips(), nn.Linear(4, 2)), {}, False),
        (lambda: nn.Sequential(Reversed(nn.Linear(4, 4), nn.Linear(4, 4)), nn.Linear(4, 2)), {}, False),
        (lambda: nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 2)), {"positions": "mean"}, False),
        (lambda: nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 2)), {"forward": lambda model, x: model(x)}, False),
    ],
    ids=["sequential", "a block that skips", "another order", "part of each layer", "a pass of its own"],
)
def test_layers_are_a_chain_where_the_model_says_so(record, model, options, chain):
    recorder = record(model(), torch.randn(20, 4), **options)
    assert infoplane.load(recorder.path).manifest["origin"]["recorded"]["settings"].get("chain", False) == chain
