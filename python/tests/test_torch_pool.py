"""Pools of weights of PyTorch models."""

import copy
import json
import math
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

from torch import nn

import infoplane
import infoplane.torch
from infoplane.torch import as_if_random

torch.set_num_threads(1)


def network(seed=0):
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(6, 5), nn.Tanh(), nn.BatchNorm1d(5), nn.Linear(5, 3), nn.ReLU(), nn.Linear(3, 2))


INPUTS = torch.from_numpy(np.random.default_rng(1).normal(size=(64, 6)).astype(np.float32))
LABELS = (INPUTS[:, 0] > 0).long()


def trained(model, epochs, rate=0.05):
    """The weights after each epoch, and the losses."""
    optimizer = torch.optim.SGD(model.parameters(), lr=rate)
    weights, losses = {}, []
    for epoch in range(1, epochs + 1):
        for batch in torch.randperm(len(INPUTS)).split(16):
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(model(INPUTS[batch]), LABELS[batch])
            loss.backward()
            optimizer.step()
        weights[epoch] = copy.deepcopy(model.state_dict())
        losses.append(loss.item())
    return weights, losses


def plug_in(symbols):
    counts = np.unique(symbols, axis=0, return_counts=True)[1]
    shares = counts / counts.sum()
    return -(shares * np.log2(shares)).sum()


def test_a_pool_of_epochs_is_measured_as_defined(tmp_path):
    model = network()
    weights, losses = trained(model, 16)
    last = {epoch: of for epoch, of in weights.items() if epoch > 8}
    now = copy.deepcopy(model.state_dict())
    estimators = [{"kind": "binned", "rule": "floor", "bin_width": 0.25}]
    told = []
    pooled = as_if_random(
        model,
        INPUTS,
        LABELS,
        weights=last,
        out=tmp_path / "pooled",
        estimators=estimators,
        losses=losses[8:],
        progress=lambda done, of: told.append((done, of)),
    )
    assert told == [(done, 8) for done in range(1, 9)]
    assert all(torch.equal(now[key], value) for key, value in model.state_dict().items())
    assert model.training
    # By hand: cells of all networks on all inputs, H(T) − H(T|X).
    cells = []
    for of in last.values():
        other = network()
        other.load_state_dict(of)
        other.eval()
        with torch.no_grad():
            cells.append(np.floor(other[:2](INPUTS).double().numpy() / 0.25))
    stacked = np.stack(cells)
    h_t = plug_in(stacked.reshape(-1, 5))
    h_t_given_x = np.mean([plug_in(stacked[:, row]) for row in range(len(INPUTS))])
    table = pooled.pool.to_dict()
    whole = [
        place
        for place in range(len(pooled.pool))
        if table["layer"][place] == 1 and table["n_networks"][place] == 8 and table["method"][place].startswith("binned-floor")
        and "correct" not in table["method"][place] and "chao" not in table["method"][place]
    ]
    assert table["i_xt_bits"][whole[0]] == pytest.approx(h_t - h_t_given_x, abs=1e-9)
    assert list(pooled.window["epoch"]) == list(range(9, 17))
    assert np.allclose(pooled.window["train_loss"], losses[8:]) and np.isnan(pooled.window["train_accuracy"]).all()
    # The drift of the first layer: the shift of its mean weights by their fluctuation.
    flat = np.stack([torch.cat([of["0.weight"].reshape(-1), of["0.bias"], of["2.weight"], of["2.bias"]]).numpy() for of in last.values()])
    halves = flat[:4].astype(float), flat[4:].astype(float)
    shift = np.linalg.norm(halves[1].mean(0) - halves[0].mean(0))
    drift = pooled.drift.to_dict()
    assert drift["mean_shift"][list(drift["layer"]).index(1)] == pytest.approx(shift, rel=1e-4)
    report = pooled.report()
    assert any(path.endswith("drift.png") for path in report)
    summary = (tmp_path / "pooled" / "summary.md").read_text()
    assert "drift" in summary.lower()
    # Layers have their own names everywhere, not numbers.
    pictures = [Path(path).read_text() for path in report if path.endswith(".svg")]
    assert pictures and not any("T₁" in text or "T₂" in text for text in [summary, *pictures])


def test_the_same_pool_is_read_again_and_another_is_refused(tmp_path):
    model = network()
    weights, _ = trained(model, 6)
    first = as_if_random(model, INPUTS, LABELS, weights=weights, out=tmp_path / "pooled")
    written = (tmp_path / "pooled" / "pool.jsonl").stat().st_mtime_ns
    again = as_if_random(model, INPUTS, LABELS, weights=list(weights.values()), out=tmp_path / "pooled")
    assert (tmp_path / "pooled" / "pool.jsonl").stat().st_mtime_ns == written
    assert again.pool.to_dict()["i_xt_bits"].tolist() == first.pool.to_dict()["i_xt_bits"].tolist()
    weights[6]["0.weight"][0, 0] += 1
    with pytest.raises(infoplane.ExperimentError, match="another directory|other"):
        as_if_random(model, INPUTS, LABELS, weights=weights, out=tmp_path / "pooled")
    # What differs in more than the networks is seen before they are run.
    for other in ({"losses": range(5)}, {"weights": {1: weights[1], 2: weights[2]}}, {"layers": ["0"]}):
        ran = []
        with pytest.raises((infoplane.ExperimentError, infoplane.RecordError)):
            given = {"weights": weights, "out": tmp_path / "pooled", **other}
            as_if_random(model, INPUTS, LABELS, progress=lambda *done, ran=ran: ran.append(done), **given)
        assert not ran


def test_a_pool_of_seeds_has_no_drift(tmp_path):
    weights = {seed: copy.deepcopy(network(seed).state_dict()) for seed in (3, 5, 9)}
    pooled = as_if_random(network(), INPUTS, LABELS, weights=weights, out=tmp_path / "pooled", over="seeds")
    assert len(pooled.drift) == 0 and list(pooled.window["seed"]) == [3, 5, 9]
    with pytest.raises(infoplane.ExperimentError, match="other|another"):
        others = {seed + 1: of for seed, of in weights.items()}
        as_if_random(network(), INPUTS, LABELS, weights=others, out=tmp_path / "pooled", over="seeds")
    assert pooled.report()


def test_weights_are_taken_as_programs_save_them(tmp_path):
    model = network()
    weights, _ = trained(model, 4)
    expected = as_if_random(model, INPUTS, LABELS, weights=weights, out=tmp_path / "expected").pool.to_dict()["i_xt_bits"]
    files = []
    for epoch, of in weights.items():
        files.append(tmp_path / f"{epoch}.pt")
        torch.save({"epoch": epoch, "state_dict": {f"module.{key}": value for key, value in of.items()}}, files[-1])
    modules = []
    for of in weights.values():
        modules.append(network())
        modules[-1].load_state_dict(of)
    arrays = [{key: value.numpy() for key, value in of.items()} for of in weights.values()]
    averaged = []
    for of in modules:
        averaged.append(torch.optim.swa_utils.AveragedModel(of).state_dict())  # with a count beside the weights
    named = [{f"net.{key}": value for key, value in of.items()} for of in weights.values()]
    nested = [{"epoch": 1, "net": {**of, "loss.weight": torch.ones(2)}} for of in named]
    for place, given in enumerate((files, modules, arrays, averaged, nested)):
        found = as_if_random(model, INPUTS, LABELS, weights=given, out=tmp_path / str(place)).pool.to_dict()["i_xt_bits"]
        assert np.array_equal(found, expected, equal_nan=True)


def test_statistics_are_paired_with_their_networks(tmp_path):
    model = network()
    weights, losses = trained(model, 3)
    backwards = {epoch: weights[epoch] for epoch in (3, 2, 1)}
    by_order = as_if_random(model, INPUTS, LABELS, weights=backwards, out=tmp_path / "a", losses=losses[::-1], accuracies=[0.3, 0.2, 0.1])
    by_epoch = as_if_random(model, INPUTS, LABELS, weights=weights, out=tmp_path / "b", losses=dict(zip((1, 2, 3), losses, strict=True)))
    for pooled in (by_order, by_epoch):
        assert np.allclose(pooled.window["train_loss"], losses)
    assert np.allclose(by_order.window["train_accuracy"], [0.1, 0.2, 0.3])


def test_drift_is_that_of_the_weights_that_a_layer_depends_on(tmp_path):
    model = network()
    weights = []
    for step in range(6):
        with torch.no_grad():
            model[5].bias.fill_(float(step))
        weights.append(copy.deepcopy(model.state_dict()))

    def drift(out, model=model, inputs=INPUTS, weights=weights, **settings):
        found = as_if_random(model, inputs, LABELS, weights=weights, out=tmp_path / out, **settings).drift.to_dict()
        return dict(zip(found["layer"], found["mean_shift"], strict=True))

    assert drift("all")[1] == 0 and drift("all")[3] == pytest.approx(3 * math.sqrt(2))
    # What comes after the only layer that is observed is none of its weights.
    assert drift("first", layers=["0"])[1] == 0
    # What comes before it is.
    assert drift("last", layers=["5"])[1] == pytest.approx(3 * math.sqrt(2))

    conv = nn.Sequential(nn.Conv1d(1, 3, 2), nn.Flatten(), nn.Linear(15, 2))
    moved = []
    for step in range(6):
        with torch.no_grad():
            conv[0].bias.fill_(float(step))
        moved.append(copy.deepcopy(conv.state_dict()))
    by_channel = drift("conv", conv, INPUTS[:, None, :], moved, positions="channels")
    assert [by_channel[layer] for layer in (1, 2, 3)] == [pytest.approx(3 * math.sqrt(3))] * 3


def test_models_with_something_beside_their_weights(tmp_path):
    class Hooked(nn.Module):
        def __init__(self):
            super().__init__()
            self.a = nn.Linear(6, 3)
            self.register_state_dict_post_hook(lambda module, of, prefix, meta: of.update({key: of[key].clone() for key in list(of)}))
            self.register_buffer("graph", torch.eye(3).to_sparse())
            self.register_buffer("one", torch.zeros(1).expand(3))

        def forward(self, x):
            seen.append(self.a.weight.sum().item())
            return self.a(x)

    seen = []
    model = Hooked()
    weights = []
    for _ in range(3):
        with torch.no_grad():
            model.a.weight.add_(1.0)
        weights.append({key: value.clone() for key, value in model.state_dict().items()})
    as_if_random(model, INPUTS, LABELS, weights=weights, out=tmp_path / "hooked")
    assert len(set(seen)) == 3  # the model as it is has the last weights

    class Extra(nn.Linear):
        def get_extra_state(self):
            return {"temperature": 1.0}

        def set_extra_state(self, state):
            pass

    with pytest.raises(infoplane.RecordError, match="extra state"):
        extra = Extra(6, 2)
        as_if_random(extra, INPUTS, LABELS, weights=[extra.state_dict()], out=tmp_path / "extra")


def test_parameters_belong_to_the_layer_before_them(tmp_path):
    class Two(nn.Module):
        def __init__(self):
            super().__init__()
            self.scale = nn.Parameter(torch.ones(6))
            self.first = nn.Linear(6, 4)
            self.norm = nn.LayerNorm(4)
            self.second = nn.Linear(4, 2)

        def forward(self, x):
            return self.second(torch.relu(self.norm(self.first(x * self.scale))))

    model = Two()
    weights = []
    for step in range(6):
        with torch.no_grad():
            model.norm.bias.fill_(float(step % 2))
            model.second.bias.fill_(float(step))
        weights.append(copy.deepcopy(model.state_dict()))
    drift = as_if_random(model, INPUTS, LABELS, weights=weights, out=tmp_path / "pooled").drift.to_dict()
    by_layer = dict(zip(drift["layer"], drift["mean_shift"], strict=True))
    # Of norm.bias 0 1 0 and 1 0 1, four times; of second.bias 0 1 2 and 3 4 5, twice.
    assert by_layer[1] == pytest.approx(math.sqrt(4) / 3)
    assert by_layer[2] == pytest.approx(3 * math.sqrt(2))


def test_what_cannot_be_pooled_is_refused_before_anything_is_written(tmp_path):
    model = network()
    weights, losses = trained(model, 3)
    out = tmp_path / "pooled"

    def refused(kind, match, model=model, **changes):
        given = {"weights": weights, "out": out, **changes}
        with pytest.raises(kind, match=match):
            as_if_random(model, INPUTS, LABELS, **given)
        assert not out.exists()

    refused(infoplane.RecordError, "empty", weights=[])
    refused(TypeError, "weights is one network", weights=model.state_dict())
    refused(TypeError, "weights is one network", weights=model)
    refused(TypeError, "allowed are lists", weights=3)
    refused(infoplane.RecordError, "not a copy", weights=[model.state_dict()] * 3)
    without = {key: value for key, value in weights[2].items() if key != "0.bias"}
    refused(infoplane.RecordError, r"weights\[2\] lacks 0.bias", weights={**weights, 2: without})
    refused(infoplane.RecordError, "0.weight is", weights={**weights, 3: {**weights[3], "0.weight": torch.zeros(5, 7)}})
    refused(TypeError, r"weights\[1\] is a int", weights=[1, 2])
    refused(ValueError, "over = 'both'", over="both")
    refused(infoplane.RecordError, "losses has 2 values", losses=losses[:2])
    refused(infoplane.RecordError, "memory = 1000", memory=1000)
    refused(infoplane.ExperimentError, "evenly spaced", weights={1: weights[1], 2: weights[2], 5: weights[3]})
    nan = {**weights[2], "0.bias": torch.full((5,), math.nan)}
    refused(infoplane.RecordError, "epoch 2, layer 0: not all parameters are finite", weights={**weights, 2: nan})
    infinite = {**weights[2], "5.weight": torch.full((2, 3), math.inf)}
    refused(infoplane.RecordError, "not all", weights={**weights, 2: infinite}, layers=["0"])
    refused(infoplane.RecordError, "on meta", weights=[{key: value.to("meta") for key, value in weights[1].items()}])
    refused(TypeError, "losses = 0.5", losses=0.5)
    refused(TypeError, "losses = ", losses=["a", "b", "c"])
    refused(infoplane.RecordError, "losses has no value for the network 3", losses={1: 0.1, 2: 0.2})
    refused(infoplane.RecordError, "fractions from 0 to 1", accuracies=[5, -1, 0.5])
    refused(TypeError, "name is a int", name=5)
    refused(infoplane.RecordError, "out is empty", out="")
    refused(TypeError, "a key of weights", weights={"a": weights[1], "b": weights[2]})
    refused(ValueError, "x .* sample 0", x=np.full(64, math.nan))
    torch.save({"net": model}, tmp_path / "whole.pt")
    refused(infoplane.RecordError, r"weights\[1\]: the file .* more than tensors", weights=[tmp_path / "whole.pt"])
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "notes.txt").write_text("mine")
    with pytest.raises(infoplane.RunError, match="taken"):
        as_if_random(model, INPUTS, LABELS, weights=weights, out=tmp_path / "taken", progress=lambda *_: pytest.fail("too late"))
    refused(infoplane.RecordError, "names no module|no module|matches", layers=["nothing*"])
    with pytest.raises((infoplane.RecordError, ValueError), match="labels"):
        as_if_random(model, INPUTS, LABELS[:5], weights=weights, out=out)
    with pytest.raises(TypeError, match="labels is missing"):
        as_if_random(model, INPUTS, weights=weights, out=out)


def test_the_model_is_itself_again_after_a_failure(tmp_path):
    model = network()
    weights, _ = trained(model, 3)
    now = copy.deepcopy(model.state_dict())
    versions = [parameter._version for parameter in model.parameters()]

    def fails(model, batch):
        if not torch.equal(model[0].weight, now["0.weight"]):
            raise RuntimeError("on purpose")
        return model(batch)

    with pytest.raises(RuntimeError, match="on purpose"):
        as_if_random(model, INPUTS, LABELS, weights=weights, out=tmp_path / "pooled", forward=fails)
    assert all(torch.equal(now[key], value) for key, value in model.state_dict().items())
    assert versions == [parameter._version for parameter in model.parameters()]


def test_the_command_reads_a_pool(tmp_path):
    model = network()
    weights, _ = trained(model, 4)
    out = tmp_path / "pooled"
    as_if_random(model, INPUTS, LABELS, weights=weights, out=out, name="mine")
    text = (out / "as-if-random.toml").read_text()
    assert 'by = "infoplane.torch.as_if_random"' in text and 'name = "mine"' in text
    rows = [json.loads(line) for line in (out / "pool.jsonl").read_text().splitlines()]
    assert {row["n_networks"] for row in rows} == {1, 2, 4}
