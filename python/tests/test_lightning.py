"""Recording of what Lightning trains."""

import signal
import warnings

import numpy as np
import pytest

torch = pytest.importorskip("torch")
lightning = pytest.importorskip("lightning.pytorch")

import infoplane
import infoplane.lightning

pytestmark = pytest.mark.filterwarnings("ignore")

KDE = [{"kind": "kde", "noise_variances": [1e-3]}]
N = 96


class Module(lightning.LightningModule):
    """Logs in the ways that modules do."""

    def __init__(self, stop=None):
        super().__init__()
        self.first = torch.nn.Linear(6, 5)
        self.norm = torch.nn.BatchNorm1d(5)
        self.drop = torch.nn.Dropout(0.3)
        self.last = torch.nn.Linear(5, 3)
        self.stop = stop

    def forward(self, x):
        return self.last(self.drop(torch.tanh(self.norm(self.first(x)))))

    def training_step(self, batch, _):
        if self.stop is not None and self.current_epoch == self.stop[0]:
            raise self.stop[1]
        loss = torch.nn.functional.cross_entropy(self(batch[0]), batch[1])
        self.log("train/loss", loss, on_step=True, on_epoch=True)
        return loss

    def validation_step(self, batch, _):
        output = self(batch[0])
        self.log("val_loss", torch.nn.functional.cross_entropy(output, batch[1]))
        self.log("val_acc", (output.argmax(1) == batch[1]).float().mean())
        self.log("margin", output.max())

    def configure_optimizers(self):
        return torch.optim.Adam(self.parameters(), 1e-2)


@pytest.fixture(autouse=True)
def interrupts():
    """Lightning ignores Ctrl-C from the first one on."""
    before = signal.getsignal(signal.SIGINT)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def data():
    generator = torch.Generator().manual_seed(1)
    y = torch.arange(N) % 3
    return torch.randn(N, 6, generator=generator) + y[:, None], y


def fit(data, *callbacks, epochs=4, module=None, package=lightning, **settings):
    """Trains, and returns the module, the trainer and the callback's metrics."""
    torch.manual_seed(7)
    module = module() if callable(module) and not isinstance(module, torch.nn.Module) else module or Module()
    dataset = torch.utils.data.TensorDataset(*data)
    loader = torch.utils.data.DataLoader(dataset, batch_size=32, shuffle=True)
    held_out = torch.utils.data.DataLoader(dataset, batch_size=48)
    ckpt_path = settings.pop("ckpt_path", None)
    trainer = package.Trainer(
        max_epochs=epochs,
        callbacks=list(callbacks),
        accelerator="cpu",
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        **{"enable_checkpointing": False, **settings},
    )
    trainer.fit(module, loader, held_out, ckpt_path=ckpt_path)
    return module, trainer


def callback(path, data, **settings):
    return infoplane.lightning.Callback(*data, run=path, **{"estimators": KDE, **settings})


def test_what_is_measured_is_what_the_layers_give(tmp_path, data):
    x, _ = data
    seen = {}

    class Kept(infoplane.lightning.Callback):
        def on_train_epoch_end(self, trainer, pl_module):
            seen[trainer.current_epoch + 1] = self.recorder.activations()
            with torch.no_grad():
                pl_module.eval()
                first = torch.tanh(pl_module.norm(pl_module.first(x)))
                expected = {"first": first, "last": pl_module.last(first)}
                pl_module.train()
            for name, tensor in expected.items():
                assert np.abs(seen[trainer.current_epoch + 1][name] - tensor.numpy()).max() < 1e-6
            super().on_train_epoch_end(trainer, pl_module)

    used = Kept(*data, run=tmp_path / "run", estimators=KDE)
    fit(data, used, epochs=2)
    assert list(seen) == [1, 2] and list(seen[1]) == ["first", "last"]
    floor = infoplane.layer_information(seen[2]["first"], data[1].numpy(), noise_variances=[1e-3])[0]
    plane = used.run.plane
    last = (plane["epoch"] == 2) & (plane["layer_name"] == "first") & (plane["bound"] == floor.bound)
    assert plane["i_ty_bits"][last] == pytest.approx([floor.i_ty.bits])


def test_training_is_the_same_with_and_without(tmp_path, data):
    used = callback(tmp_path / "run", data)
    without, _ = fit(data)
    state = torch.random.get_rng_state()
    with_callback, trainer = fit(data, used)
    assert torch.equal(state, torch.random.get_rng_state())
    for name, tensor in without.state_dict().items():
        assert torch.equal(tensor, with_callback.state_dict()[name]), name
    assert used.run.state == "finished" and used.recorder is None
    assert sorted(set(used.run.plane["epoch"])) == [0, 1, 2, 3, 4]
    training = used.run.training
    assert training["epoch"].tolist() == [1, 2, 3, 4]
    logged = trainer.callback_metrics
    assert training["train_loss"][-1] == pytest.approx(float(logged["train/loss_epoch"]))
    assert training["test_loss"][-1] == pytest.approx(float(logged["val_loss"]))
    assert training["test_accuracy"][-1] == pytest.approx(float(logged["val_acc"]))
    assert training["margin"][-1] == pytest.approx(float(logged["margin"]))


@pytest.mark.parametrize(("schedule", "epochs"), [(3, [0, 3, 6, 7]), ([0, 2], [0, 2, 7]), ("log-spaced", list(range(8)))])
def test_schedules(tmp_path, data, schedule, epochs):
    used = callback(tmp_path / "run", data, schedule=schedule)
    fit(data, used, epochs=7)
    assert sorted(set(used.run.plane["epoch"])) == epochs


@pytest.mark.parametrize("error", [KeyboardInterrupt(), RuntimeError("broken")])
def test_an_interrupted_training_goes_on(tmp_path, data, error):
    whole = callback(tmp_path / "whole", data)
    fit(data, whole, epochs=5)
    saved = lightning.callbacks.ModelCheckpoint(tmp_path, filename="{epoch}", every_n_epochs=1, save_top_k=-1)
    first = callback(tmp_path / "run", data)
    with pytest.raises((SystemExit, RuntimeError)):
        fit(data, first, saved, module=lambda: Module((3, error)), epochs=5, enable_checkpointing=True)
    assert first.run is None
    run = infoplane.load(tmp_path / "run")
    assert run.state == "interrupted" and sorted(set(run.plane["epoch"])) == [0, 1, 2, 3]
    second = callback(tmp_path / "run", data)
    fit(data, second, epochs=5, ckpt_path=tmp_path / "epoch=2.ckpt")
    assert second.run.state == "finished"
    assert second.run.plane["epoch"].tolist() == whole.run.plane["epoch"].tolist()
    assert second.run.training["epoch"].tolist() == [1, 2, 3, 4, 5]
    # Until the checkpoint the trainings are the same; then batches are shuffled otherwise.
    same = whole.run.plane["epoch"] <= 3
    assert (second.run.plane["i_ty_bits"][same] == whole.run.plane["i_ty_bits"][same]).all()


def test_a_checkpoint_within_an_epoch_is_no_epoch(tmp_path, data):
    saved = lightning.callbacks.ModelCheckpoint(tmp_path, filename="{step}", every_n_train_steps=4, save_top_k=-1)
    fit(data, saved, epochs=2, enable_checkpointing=True)
    used = callback(tmp_path / "run", data)
    fit(data, used, epochs=3, ckpt_path=tmp_path / "step=4.ckpt")
    assert sorted(set(used.run.plane["epoch"])) == [2, 3]


def test_a_module_without_forward(tmp_path, data):
    class Inner(Module):
        def __init__(self):
            super().__init__()
            self.network = torch.nn.Sequential(self.first, torch.nn.ReLU(), self.last)

        def forward(self, *_):
            raise NotImplementedError

        def training_step(self, batch, _):
            return torch.nn.functional.cross_entropy(self.network(batch[0]), batch[1])

        validation_step = None

    used = callback(tmp_path / "run", data, layers="network.*", forward=lambda module, batch: module.network(batch))
    fit(data, used, module=Inner(), epochs=1)
    assert list(dict.fromkeys(used.run.plane["layer_name"])) == ["network.0", "network.1", "network.2"]


def test_both_packages(tmp_path, data):
    package = pytest.importorskip("pytorch_lightning")

    class Other(package.LightningModule):
        __init__ = Module.__init__
        forward, training_step, validation_step = Module.forward, Module.training_step, Module.validation_step
        configure_optimizers = Module.configure_optimizers

    # A class with super() of another one.
    module = Other.__new__(Other)
    package.LightningModule.__init__(module)
    for name, part in Module().named_children():
        setattr(module, name, part)
    module.stop = None
    used = callback(tmp_path / "run", data)
    fit(data, used, module=module, package=package, epochs=2)
    assert sorted(set(used.run.plane["epoch"])) == [0, 1, 2]
    assert used.run.training["test_loss"].tolist() != []


def test_names_that_are_logged():
    logged = {
        "loss": torch.tensor(1.0),
        "train_acc_step": torch.tensor(0.1),
        "train_acc_epoch": torch.tensor(0.5),
        "valid/accuracy": torch.tensor(0.25),
        "n_step": torch.tensor(3),
        "per_class": torch.ones(3),
        "epoch": torch.tensor(1),
    }
    found = infoplane.lightning._statistics(logged)
    assert found == {"loss": 1.0, "train_accuracy": 0.5, "test_accuracy": 0.25, "n_step": 3.0}


def test_errors(tmp_path, data):
    with pytest.raises(infoplane.RecordError, match="estimators is empty"):
        callback(tmp_path / "run", data, estimators=[])
    with pytest.raises(infoplane.RecordError, match="schedule = 'sometimes'"):
        callback(tmp_path / "run", data, schedule="sometimes")
    with pytest.raises(infoplane.RecordError, match="matches no module"):
        fit(data, callback(tmp_path / "run", data, layers="conv*"))

    class FSDPStrategy:
        pass

    class Trainer:
        strategy = FSDPStrategy()

    with pytest.raises(TypeError, match="FSDPStrategy keeps parts of the model in different processes"):
        callback(tmp_path / "run", data).setup(Trainer(), None, "fit")
    assert not (tmp_path / "run").exists()


def test_weights_that_are_exchanged_at_the_end_are_not_taken_for_training(tmp_path, data):
    class Averaged(lightning.Callback):
        def on_train_end(self, trainer, pl_module):
            with torch.no_grad():
                pl_module.first.weight.zero_()

    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        fit(data, Averaged(), callback(tmp_path / "run", data))
    assert not any("was trained after" in str(warning.message) for warning in told)


def test_layers_are_measured_where_they_are(tmp_path, data):
    fit(data, callback(tmp_path / "run", data, on_device=True))
    assert infoplane.load(tmp_path / "run").manifest["origin"]["recorded"]["settings"]["on_device"] is True
