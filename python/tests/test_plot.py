"""Figures of matplotlib: axes in, axes out."""

import numpy as np
import pytest

matplotlib = pytest.importorskip("matplotlib")
matplotlib.use("Agg")

import matplotlib.pyplot as plt

import infoplane
import infoplane.plot


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    path = tmp_path_factory.mktemp("runs") / "run"
    return infoplane.run("saxe2018-tanh", path, training={"epochs": 8}, seeds=2)


def test_a_plane_shows_every_layer_where_it_is(run):
    _, axes = plt.subplots()
    assert infoplane.plot.plane(run, axes=axes) is axes
    rows = run.repeats.to_dict()
    first = rows["method"] == rows["method"][0]
    offsets = np.concatenate([np.asarray(drawn.get_offsets()) for drawn in axes.collections if len(drawn.get_offsets()) > 1])
    assert len(offsets) == first.sum()
    assert np.allclose(np.sort(offsets[:, 0]), np.sort(rows["i_xt_mean_bits"][first]))
    assert [text.get_text() for text in axes.get_legend().get_texts()] == list(dict.fromkeys(rows["layer_name"]))
    plt.close("all")


def test_information_and_training_are_lines_over_epochs(run):
    axes = infoplane.plot.information(run, quantity="i_ty")
    assert len(axes.lines) == len(set(run.repeats["layer_name"])) + 1  # H(Y)
    assert "I(T;Y)" in axes.get_ylabel()
    axes = infoplane.plot.training(run.path)
    assert axes.get_xlabel() == "epoch"
    # Of two seeds the losses on two parts of the data; no line goes back in time from one seed to the next.
    assert len(axes.lines) == 4
    assert all((np.diff(line.get_xdata()) > 0).all() for line in axes.lines)
    plt.close("all")


def test_what_is_not_there_is_named(run):
    with pytest.raises(ValueError, match="method = 'none'"):
        infoplane.plot.plane(run, "none")
    with pytest.raises(TypeError, match="run is a dict"):
        infoplane.plot.plane({})
    with pytest.raises(ValueError, match="quantity = 'x'"):
        infoplane.plot.information(run, quantity="x")
    plt.close("all")
