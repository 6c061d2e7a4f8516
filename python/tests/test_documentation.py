"""What is documented: examples in docstrings and the blocks of code of docs/python.md run, and every public name has a page."""

import copy
import doctest
import importlib
import os
import pkgutil
import re
from pathlib import Path

import numpy as np
import pytest

import infoplane

os.environ.setdefault("KERAS_BACKEND", "jax")

DOCS = Path(__file__).parents[2] / "docs"
N = 120
LABELS = np.arange(N) % 2

pytestmark = pytest.mark.filterwarnings("ignore")
with_source = pytest.mark.skipif(not DOCS.exists(), reason="the tests run without the source of the package")


def modules():
    names = ["infoplane", *(f"infoplane.{module.name}" for module in pkgutil.iter_modules(infoplane.__path__))]
    return [name for name in names if name != "infoplane._native"]


def imported(name):
    try:
        return importlib.import_module(name)
    except ImportError as error:
        pytest.skip(f"{name}: {error}")


@pytest.mark.parametrize("name", modules())
def test_examples_in_docstrings(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert doctest.testmod(imported(name)).failed == 0


@with_source
def test_every_public_name_has_a_page():
    pages = {page.stem: page.read_text(encoding="utf-8") for page in (DOCS / "api").iterdir()}
    assert set(pages) == {name.rpartition(".")[2] for name in modules() if "._" not in name}
    named = re.findall(r"^\.\. auto(?:function|class|exception):: (\w+)", pages["infoplane"], flags=re.MULTILINE)
    elsewhere = {*infoplane.estimators.__all__, "__version__"}
    assert sorted(named) == sorted(set(infoplane.__all__) - elsewhere)


# What the blocks of docs/python.md begin with, by the heading above; the second one below a heading by "heading 2".


def arrays():
    rng = np.random.default_rng(0)
    x = rng.normal(size=N)
    y, z = x + rng.normal(size=N), rng.normal(size=N)
    hidden = (rng.normal(size=(N, 3)) + LABELS[:, None]).astype(np.float32)
    return {
        "infoplane": infoplane,
        "x": x,
        "y": y,
        "z": z,
        "words": ["a", "b", "c"] * 40,
        "t": hidden,
        "hidden": hidden,
        "output": hidden[:, :1],
        "labels": LABELS,
        "loss": 0.5,
    }


def a_run():
    with infoplane.Recorder("runs/mine", LABELS, {"kind": "kde", "noise_variances": [1e-3]}) as recorder:
        recorder.record(0, {"hidden": arrays()["hidden"]}, loss=1.0)
    pytest.importorskip("pandas")
    return {**arrays(), "polars": pytest.importorskip("polars")}


def a_notebook():
    pytest.importorskip("anywidget")
    return {**arrays(), "display": lambda shown: None}


def a_model():
    torch = pytest.importorskip("torch")
    pytest.importorskip("matplotlib").use("agg")
    model = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Tanh(), torch.nn.Linear(4, 2))
    inputs, labels = torch.from_numpy(arrays()["hidden"]), torch.from_numpy(LABELS)
    estimators = [{"kind": "kde", "noise_variances": [1e-3]}]

    def train_one_epoch(model):
        for values in model.parameters():
            values.data += 0.1 * torch.randn_like(values)
        return 0.5

    given = {"model": model, "inputs": inputs, "labels": labels, "estimators": estimators, "train_one_epoch": train_one_epoch}
    imported("infoplane.torch")
    return {**arrays(), **given, "copy": copy}


def a_regression_model():
    given = a_model()
    return {**given, "target": given["inputs"][:, 0] + given["inputs"][:, 1] ** 2}


def a_logged_model():
    pytest.importorskip("wandb")
    return a_model()


def a_trainer():
    found = a_model()
    lightning = pytest.importorskip("lightning.pytorch")
    import torch

    class Module(lightning.LightningModule):
        def __init__(self):
            super().__init__()
            self.network = found["model"]

        def forward(self, x):
            return self.network(x)

        def training_step(self, batch, _):
            return torch.nn.functional.cross_entropy(self(batch[0]), batch[1])

        def configure_optimizers(self):
            return torch.optim.SGD(self.parameters(), lr=0.1)

    dataset = torch.utils.data.TensorDataset(found["inputs"], found["labels"])

    def trainer(**arguments):
        quiet = {"accelerator": "cpu", "logger": False, "enable_checkpointing": False, "enable_progress_bar": False}
        return lightning.Trainer(**quiet, **arguments)

    return {**found, "Trainer": trainer, "module": Module(), "loader": torch.utils.data.DataLoader(dataset, batch_size=N)}


def a_keras_model():
    pytest.importorskip(os.environ["KERAS_BACKEND"])
    keras = pytest.importorskip("keras")
    model = keras.Sequential([keras.layers.Dense(4, activation="tanh"), keras.layers.Dense(2)])
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    inputs = arrays()["hidden"]
    return {**arrays(), "model": model, "inputs": inputs, "x_train": inputs, "y_train": LABELS}


def tables():
    pytest.importorskip("pandas")
    return arrays()


def a_small_task():
    tables()
    found = a_model()
    return {name: found[name] for name in ("infoplane", "inputs", "labels")}


def a_sweep():
    pytest.importorskip("ray")
    labels = LABELS

    def train(cell):
        with infoplane.Recorder(cell.directory, labels, {"kind": "kde", "noise_variances": [1e-3]}) as recorder:
            recorder.record(0, {"hidden": np.ones((N, cell["width"]))})

    return {"sweep": infoplane.Sweep.over(train, {"width": [4, 8]})}


BEGINNINGS = {
    "A network in five minutes": a_model,
    "When training is stopped": a_model,
    "Lightning and Transformers": a_trainer,
    "Keras": a_keras_model,
    "Anything else: JAX, NumPy, a simulation": arrays,
    "Regression networks: a target of numbers": a_regression_model,
    "Runs": a_run,
    "Live in a notebook": a_notebook,
    "Logging": a_logged_model,
    "Estimates": arrays,
    "Experiments": arrays,
    "Experiments 2": a_model,
    "Sweeps": tables,
    "A sweep of your own training": a_small_task,
    "Sweeps on many machines": a_sweep,
}


def blocks():
    """The blocks of code with their names."""
    if not DOCS.exists():
        return []
    heading, found = "", {}
    page = (DOCS / "python.md").read_text(encoding="utf-8")
    for match in re.finditer(r"^#+ ([^\n]+)$|^```python\n(.*?)^```$", page, re.M | re.S):
        heading = match[1] or heading
        if match[2]:
            name = heading if heading not in found else f"{heading} 2"
            assert name not in found, name
            found[name] = match[2]
    return [pytest.param(name, code, id=name) for name, code in found.items()]


@pytest.mark.parametrize(("name", "code"), blocks())
def test_blocks_of_the_page_run(name, code, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WANDB_MODE", "offline")
    # A published training takes longer than a test may.
    code = code.replace('"epochs": 1000', '"epochs": 3').replace("epochs=100", "epochs=3").replace("seeds=3", "seeds=1")
    names = BEGINNINGS[name]()
    exec(compile(code, f"docs/python.md, {name}", "exec"), names)
    if "wandb" in names:
        names["wandb"].finish()
        names["wandb"].teardown()
