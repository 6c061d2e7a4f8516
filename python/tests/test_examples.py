"""The examples for PyTorch run, and find what they say."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")

EXAMPLES = Path(__file__).parent.parent / "examples"


def example(name):
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("task", ["12-bit", "digits"])
def test_the_same_weights_have_the_same_plane_in_pytorch(task, tmp_path):
    if task == "digits":
        pytest.importorskip("sklearn")
    of_activations, of_bits = example("pytorch_same_weights").main(task, tmp_path)
    assert of_activations < 1e-6 and of_bits < 1e-4


def test_a_regression_network_learns_of_its_target(tmp_path):
    run = example("pytorch_regression").main(tmp_path, epochs=50)
    output = run.plane["i_ty_bits"][run.plane["layer_name"] == "4"]
    assert output[-1] > 0.5 and output[-1] > output[0]
    assert "h_y_bits" not in run.manifest["data"]
    assert list(dict.fromkeys(run.plane["layer_name"])) == ["0", "2", "4"]


def test_the_last_position_of_a_transformer_has_the_answer(tmp_path):
    runs = example("pytorch_transformer").main(tmp_path, epochs=2)
    assert list(dict.fromkeys(runs["last"].plane["layer_name"])) == ["blocks.0", "blocks.1"]
    # Blocks are observed at one position: rows of 32 units, not of all positions.
    assert set(runs["last"].plane["width"]) == {32}


def test_a_convolutional_network_learns_of_digits(tmp_path):
    mnist = Path(__file__).parents[3] / "shared/data/mnist"
    if not mnist.exists():
        pytest.skip("the files of MNIST are not beside the checkout (../shared/data/mnist)")
    run = example("pytorch_cnn_mnist").main(mnist, tmp_path / "run", epochs=1, n_train=1000)
    # Of both bounds: the first maps, the second, the hidden layer and the output, at both epochs.
    of_label = run.plane["i_ty_bits"].reshape(2, 4, 2)
    assert (of_label[1] > of_label[0])[[0, 1, 3]].all()
    # No layer is at its limit, whatever it does.
    assert (run.plane["i_xt_bits"] < np.log2(2000) - 1).all()


def test_units_of_a_digit_classifier_are_measured_while_it_learns(tmp_path):
    mnist = Path(__file__).parents[3] / "shared/data/mnist"
    if not mnist.exists():
        pytest.skip("the files of MNIST are not beside the checkout (../shared/data/mnist)")
    run = example("pytorch_inside_a_layer").main(mnist, tmp_path / "run", epochs=2, n_train=2000)
    plane, units = run.plane, run.units
    assert "single-units-" in " ".join(run.figures())
    # The last layer of five units: r is the sum over its units, over I(T;Y).
    last = np.array([layer == 5 for layer in plane["layer"]])
    assert np.isfinite(plane["redundancy_degree"][last]).all()
    of_last = (units["layer"] == 5) & (units["epoch"] == 2)
    at = last & (plane["epoch"] == 2)
    expected = units["i_unit_bits"][of_last].sum() / plane["i_ty_bits"][at][0]
    np.testing.assert_allclose(plane["redundancy_degree"][at][0], expected, rtol=1e-12)
    assert set(run.synergy["degree"]) == {1, 2, 3, 4, 5}
