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
import torch.nn.utils.prune
from torch import nn
from torch.utils.data import DataLoader, Dataset, IterableDataset, SubsetRandomSampler, TensorDataset

import infoplane
import infoplane.torch
from infoplane.torch import Recorder, _Kept

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
            first = inputs if isinstance(inputs, (torch.Tensor, np.ndarray)) else next(iter(inputs.values() if isinstance(inputs, dict) else inputs))
            labels = np.arange(len(first)) % 2
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
        "modes of functions": torch.overrides._len_torch_function_stack() if hasattr(torch.overrides, "_len_torch_function_stack") else 0,
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
        noise = torch.rand(16, generator=self.generator) + torch.rand(16) + random.random() + np.random.rand() + self.numpy.random()
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
    recorder = record(model, x)
    expected = recorder.activations()
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
    with torch.inference_mode():
        model = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU())
        x = torch.randn(40, 4)
        recorder = record(model, x)
        before = state_of(model)
        recorder.epoch(0)
        assert state_of(model) == before
    assert len(recorder.finish().plane)


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
    "relu": [F.relu, torch.relu, lambda x: x.relu(), lambda x: x.relu_(), torch.relu_, lambda x: F.relu(input=x), nn.ReLU(), nn.ReLU(True)]
    + [lambda x: torch.ops.aten.relu(x), lambda x: F.relu(x, inplace=True)],
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
        expected = model.between.eval()(model.first(x).clone()) if isinstance(between, nn.Module) else between(model.first(x).detach().clone())
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
    # Positions of the map are still known.
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

    model = nn.Sequential(
        collections.OrderedDict(one=block(1, 4), two=block(4, 8), pool=nn.AdaptiveAvgPool2d(1), flat=nn.Flatten(), fc=nn.Linear(8, 3))
    )
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


def test_positions_that_belong_to_no_sample_are_left_out(record):
    class Small(nn.Module):
        def __init__(self):
            super().__init__()
            self.words, self.places, self.fc, self.never = nn.Embedding(10, 4), nn.Embedding(3, 4), nn.Linear(4, 2), nn.Linear(4, 4)

        def forward(self, x):
            return self.fc((self.words(x) + self.places(torch.arange(x.shape[1]))).mean(1))

    model = Small()
    for n in (2, 3):  # as many positions as samples of one of the first runs
        x = torch.randint(0, 10, (20, n))
        with pytest.warns(infoplane.InfoplaneWarning, match="not run: never; no row for each sample: places"):
            recorder = record(model, x)
        assert recorder.layers == ["words", "fc"]
    with pytest.raises(infoplane.RecordError, match=r"row for each sample.*places \(3, 4\)"):
        record(model, x, layers=["places"])
    with pytest.raises(infoplane.RecordError, match="does not run never"):
        record(model, x, layers=["fc", "never"])


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
    with pytest.raises(infoplane.RecordError, match="runs fc 3 times for some samples and 2 times"):
        recorder.epoch(1)
    model.times = 1
    with pytest.raises(infoplane.RecordError, match="runs fc 1 times for some samples and 2 times"):
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
        with pytest.raises(infoplane.RecordError, match="runs a 0 times|always do the same with a"):
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
        nn.utils.parametrizations.spectral_norm(nn.Linear(4, 8)), nn.ReLU(), nn.utils.parametrizations.weight_norm(nn.Linear(8, 8)),
        nn.Tanh(), nn.Linear(8, 2),
    )
    nn.utils.prune.l1_unstructured(model[4], "weight", 0.5)
    x = torch.randn(30, 4)
    before = state_of(model)
    recorder = record(model, x)
    recorder.epoch(0)
    assert state_of(model) == before
    model.eval()
    check(recorder, {"0": (model[:2](x), "relu"), "2": (model[:4](x), "tanh"), "4": (model(x), "")})


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
    model = nn.Sequential(
        collections.OrderedDict(conv1=nn.Conv1d(1, 2, 3), act1=nn.ReLU(inplace=True), conv2=nn.Conv1d(2, 2, 3), act2=nn.ReLU(), flat=nn.Flatten(), fc=nn.Linear(8, 2))
    )
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
