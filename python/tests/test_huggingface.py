"""Recording of what the `Trainer` of Transformers trains."""

import os
import warnings

import numpy as np
import pytest

os.environ.setdefault("HF_HUB_OFFLINE", "1")
torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
pytest.importorskip("accelerate")

import infoplane
import infoplane.huggingface

pytestmark = pytest.mark.filterwarnings("ignore")

KDE = [{"kind": "kde", "noise_variances": [1e-3]}]
BLOCKS = ["bert.encoder.layer.[0-9]", "classifier"]
N = 48


def bert():
    torch.manual_seed(3)
    settings = transformers.BertConfig(
        vocab_size=20,
        hidden_size=8,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=12,
        max_position_embeddings=12,
        num_labels=2,
    )
    return transformers.BertForSequenceClassification(settings)


@pytest.fixture
def data():
    generator = torch.Generator().manual_seed(1)
    labels = torch.arange(N) % 2
    tokens = torch.randint(2, 20, (N, 6), generator=generator)
    tokens[:, 2] = 4 + labels
    mask = torch.ones_like(tokens)
    mask[::3, 4:] = 0
    return {"input_ids": tokens, "attention_mask": mask}, labels


class Samples(torch.utils.data.Dataset):
    """As the `Trainer` takes them."""

    def __init__(self, data):
        self.inputs, self.labels = data

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, place):
        return {**{name: tensor[place] for name, tensor in self.inputs.items()}, "labels": self.labels[place], "text": "words"}


def accuracy(found):
    return {"accuracy": float((found.predictions.argmax(-1) == found.label_ids).mean()), "f1": 0.5}


def trained(path, data, *callbacks, resume=None, **settings):
    """Trains, and returns the model."""
    model = bert()
    arguments = transformers.TrainingArguments(
        output_dir=str(path),
        use_cpu=True,
        report_to=[],
        disable_tqdm=True,
        seed=5,
        learning_rate=1e-2,
        per_device_train_batch_size=16,
        **{"num_train_epochs": 3, "save_strategy": "no", "logging_strategy": "epoch", "eval_strategy": "epoch", **settings},
    )
    samples = Samples(data)
    trainer = transformers.Trainer(
        model, arguments, train_dataset=samples, eval_dataset=samples, compute_metrics=accuracy, callbacks=list(callbacks)
    )
    trainer.train(resume_from_checkpoint=resume)
    return model, trainer.state.log_history


def callback(path, data, **settings):
    return infoplane.huggingface.Callback(*data, run=path, **{"estimators": KDE, "layers": BLOCKS, "positions": 0, **settings})


def test_training_is_the_same_with_and_without(tmp_path, data):
    used = callback(tmp_path / "run", data)
    without, _ = trained(tmp_path / "out", data)
    state = torch.random.get_rng_state()
    with_callback, history = trained(tmp_path / "out", data, used)
    assert torch.equal(state, torch.random.get_rng_state())
    for name, tensor in without.state_dict().items():
        assert torch.equal(tensor, with_callback.state_dict()[name]), name
    assert used.run.state == "finished" and used.recorder is None
    assert sorted(set(used.run.plane["epoch"])) == [0, 1, 2, 3]
    training = used.run.training
    assert training["epoch"].tolist() == [1, 2, 3]
    for name, logged in [("train_loss", "loss"), ("test_loss", "eval_loss"), ("test_accuracy", "eval_accuracy")]:
        assert training[name] == pytest.approx([log[logged] for log in history if logged in log], rel=1e-6), name
    assert training["eval_f1"].tolist() == [0.5] * 3
    assert not [name for name in training.columns if "runtime" in name or "second" in name or "flos" in name]


def test_what_is_measured_is_what_the_blocks_give(tmp_path, data):
    seen = []

    class Kept(infoplane.huggingface.Callback):
        def on_epoch_end(self, args, state, control, model=None, **rest):
            found = self.recorder.activations()
            modes = [module.training for module in model.modules()]
            model.eval()
            with torch.no_grad():
                hidden = model(**data[0], output_hidden_states=True)
            for module, mode in zip(model.modules(), modes, strict=True):
                module.training = mode
            for name, tensor in [
                ("bert.encoder.layer.0", hidden.hidden_states[1][:, 0]),
                ("bert.encoder.layer.1", hidden.hidden_states[2][:, 0]),
                ("classifier", hidden.logits),
            ]:
                assert np.abs(found[name] - tensor.numpy()).max() < 1e-6
            seen.append(list(found))
            super().on_epoch_end(args, state, control, model=model, **rest)

    used = Kept(*data, BLOCKS, run=tmp_path / "run", estimators=KDE, positions=0)
    trained(tmp_path / "out", data, used, num_train_epochs=2)
    assert seen == [["bert.encoder.layer.0", "bert.encoder.layer.1", "classifier"]] * 2


def test_by_steps(tmp_path, data):
    used = callback(tmp_path / "run", data, by="steps", schedule=4)
    _, history = trained(tmp_path / "out", data, used, logging_strategy="steps", logging_steps=2)
    assert sorted(set(used.run.plane["epoch"])) == [0, 4, 8, 9]  # three epochs of three steps
    training = used.run.training
    logged = {log["step"]: log["loss"] for log in history if "loss" in log}
    evaluated = {log["step"]: log["eval_loss"] for log in history if "eval_loss" in log}
    assert list(logged) == [2, 4, 6, 8] and list(evaluated) == [3, 6, 9]
    assert training["epoch"].tolist() == [2, 3, 4, 6, 8, 9]
    for step, loss, held_out in zip(training["epoch"], training["train_loss"], training["test_loss"], strict=True):
        assert loss == pytest.approx(logged.get(int(step), np.nan), rel=1e-6, nan_ok=True)
        assert held_out == pytest.approx(evaluated.get(int(step), np.nan), rel=1e-6, nan_ok=True)
    log_spaced = callback(tmp_path / "log", data, by="steps", schedule={"kind": "log-spaced", "points": 4})
    trained(tmp_path / "out", data, log_spaced)
    assert log_spaced.run.plane["epoch"].max() == 9 and log_spaced.run.manifest["planned_epochs"] == 9


@pytest.mark.parametrize(("schedule", "epochs"), [(2, [0, 2, 3]), ([1], [1, 3])])
def test_schedules(tmp_path, data, schedule, epochs):
    used = callback(tmp_path / "run", data, schedule=schedule)
    trained(tmp_path / "out", data, used)
    assert sorted(set(used.run.plane["epoch"])) == epochs


def test_a_training_that_ends_within_an_epoch(tmp_path, data):
    used = callback(tmp_path / "run", data)
    trained(tmp_path / "out", data, used, max_steps=4)
    assert sorted(set(used.run.plane["epoch"])) == [0, 1, 2]


class Stop(transformers.TrainerCallback):
    """Ctrl-C in an epoch."""

    def on_step_begin(self, args, state, control, **_):
        if state.global_step == 7:
            raise KeyboardInterrupt


def test_an_interrupted_training_goes_on(tmp_path, data):
    whole = callback(tmp_path / "whole", data)
    trained(tmp_path / "out", data, whole)
    first = callback(tmp_path / "run", data)
    with pytest.raises(KeyboardInterrupt):
        trained(tmp_path / "saved", data, first, Stop(), save_strategy="epoch")
    assert first.run is None
    second = callback(tmp_path / "run", data)
    trained(tmp_path / "saved", data, second, save_strategy="epoch", resume=True)
    assert second.run.state == "finished"
    for column in ("epoch", "layer_name", "i_xt_bits", "i_ty_bits"):
        assert second.run.plane[column].tolist() == whole.run.plane[column].tolist()
    assert second.run.training["epoch"].tolist() == [1, 2, 3]


def test_inputs_as_data_sets_and_with_labels(tmp_path, data):
    samples = Samples(data)
    inputs, labels = infoplane.huggingface._inputs(samples)
    assert sorted(inputs) == ["attention_mask", "input_ids"] and torch.equal(labels, data[1])
    assert torch.equal(inputs["input_ids"], data[0]["input_ids"])
    inputs, labels = infoplane.huggingface._inputs({**data[0], "label": data[1]})
    assert sorted(inputs) == ["attention_mask", "input_ids"] and labels is data[1]
    batch = transformers.BatchEncoding(data[0])
    assert infoplane.huggingface._inputs(batch)[1] is None
    used = infoplane.huggingface.Callback(
        samples, run=tmp_path / "run", estimators=KDE, layers=BLOCKS, positions="mean", batch_size=7
    )
    trained(tmp_path / "out", data, used, num_train_epochs=1)
    assert sorted(set(used.run.plane["epoch"])) == [0, 1]


def test_errors(tmp_path, data):
    with pytest.raises(infoplane.RecordError, match="by = 'tokens'; allowed are 'epochs' and 'steps'"):
        callback(tmp_path / "run", data, by="tokens")
    with pytest.raises(TypeError, match="inputs is a int; allowed are"):
        infoplane.huggingface.Callback(3, run=tmp_path / "run", estimators=KDE)
    with pytest.raises(ValueError, match="samples differ in length"):
        infoplane.huggingface.Callback(
            [{"input_ids": [1, 2], "labels": 0}, {"input_ids": [1], "labels": 1}], run=tmp_path / "run", estimators=KDE
        )
    with pytest.raises(TypeError, match="its samples are no dictionaries"):
        infoplane.huggingface.Callback([(1, 2)], run=tmp_path / "run", estimators=KDE)
    with pytest.raises(TypeError, match="labels is missing"):
        trained(tmp_path / "out", data, infoplane.huggingface.Callback(data[0], run=tmp_path / "run", estimators=KDE))
    assert not (tmp_path / "run").exists()


def test_layers_are_measured_where_they_are(tmp_path, data):
    inputs, labels = data
    settings = {"run": tmp_path / "run", "estimators": KDE, "positions": "mean"}
    callback = infoplane.huggingface.Callback(inputs, labels, BLOCKS, on_device=True, **settings)
    trained(tmp_path / "model", data, callback)
    assert callback.run.manifest["origin"]["recorded"]["settings"]["on_device"] is True


def test_the_best_model_is_not_taken_for_training(tmp_path, data):
    inputs, labels = data
    callback = infoplane.huggingface.Callback(inputs, labels, BLOCKS, run=tmp_path / "run", estimators=KDE, positions="mean")
    best = {"load_best_model_at_end": True, "save_strategy": "epoch", "metric_for_best_model": "loss", "greater_is_better": True}
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        trained(tmp_path / "model", data, callback, **best)
    assert not any("was trained after" in str(warning.message) for warning in told)
    assert sorted(set(callback.run.plane["epoch"])) == [0, 1, 2, 3]
