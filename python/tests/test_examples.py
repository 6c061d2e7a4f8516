"""The examples for PyTorch run, and find what they say."""

import importlib.util
from pathlib import Path

import pytest

pytest.importorskip("torch")

EXAMPLES = Path(__file__).parent.parent / "examples"


def example(name):
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_same_weights_have_the_same_plane_in_pytorch(tmp_path):
    assert example("pytorch_same_weights").main(tmp_path) < 1e-4


def test_a_regression_network_learns_of_its_target(tmp_path):
    run, told = example("pytorch_regression").main(tmp_path, epochs=50)
    assert told == sorted(told) and told[-1] > 0.5
    assert list(dict.fromkeys(run.plane["layer_name"])) == ["0", "2", "4"]


def test_the_last_position_of_a_transformer_has_the_answer(tmp_path):
    runs = example("pytorch_transformer").main(tmp_path, epochs=2)
    assert list(dict.fromkeys(runs["last"].plane["layer_name"])) == ["blocks.0", "blocks.1"]
    # Blocks are observed at one position: rows of 32 units, not of all positions.
    assert set(runs["last"].plane["width"]) == {32}
