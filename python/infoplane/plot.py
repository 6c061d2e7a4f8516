"""Figures with matplotlib.

There is one function for each, axes in, axes out::

    infoplane.plot.plane(run)
    infoplane.plot.information(run, quantity="i_ty")
    infoplane.plot.training(run)
"""

from __future__ import annotations

import os
from typing import Any, Literal

import numpy as np

from ._runs import Run, load

__all__ = ["information", "plane", "training"]

_INK = "#1b1b1b"

#: By which layers are told apart, from the one nearest the input, as in the report: the colours of Okabe & Ito (2008).
_COLOURS = ("#000000", "#e69f00", "#56b4e9", "#009e73", "#0072b2", "#d55e00", "#cc79a7")
_MARKERS = "os^Dvp<>hP*X"


def _axes(axes: Any) -> Any:
    if axes is not None:
        return axes
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise ImportError("figures need matplotlib: pip install matplotlib; run.figures() gives those of the report without it") from error
    _, axes = plt.subplots(figsize=(5.2, 4.2), layout="constrained")
    return axes


def _of(run: Run | str | os.PathLike[str]) -> Run:
    if isinstance(run, (str, os.PathLike)):
        return load(run)
    if not isinstance(run, Run):
        raise TypeError(f"run is a {type(run).__name__}; allowed are runs and their directories")
    return run


def _shades(colour: str) -> Any:
    """From light, at the untrained network, to the colour itself at the last epoch."""
    from matplotlib.colors import LinearSegmentedColormap, to_rgb

    light = tuple(0.25 * part + 0.75 for part in to_rgb(colour))
    return LinearSegmentedColormap.from_list(colour, [light, to_rgb(colour)])


def _plain_numbers(axis: Any) -> None:
    """Writes epochs as 0, 1, 10 instead of powers."""
    from matplotlib.ticker import ScalarFormatter

    axis.set_major_formatter(ScalarFormatter())


def _by_epoch(axes: Any) -> None:
    """Makes epochs the horizontal axis, on a logarithmic scale from 1 on."""
    axes.set_xscale("symlog", linthresh=1)
    axes.set_xlim(left=-0.1)
    _plain_numbers(axes.xaxis)
    axes.set_xlabel("epoch")


class _Rows:
    """The rows of one method of a run, means over seeds."""

    def __init__(self, run: Run, method: str | None) -> None:
        table = run.repeats.to_dict()
        if len(table["epoch"]) == 0:
            raise ValueError(f"{run!r} holds no measurement")
        names = list(dict.fromkeys(table["method"]))
        if method is None:
            method = names[0]
        elif method not in names:
            raise ValueError(f"method = {method!r}; the run has {', '.join(names)}")
        chosen = np.array([name == method for name in table["method"]])
        first = int(np.flatnonzero(chosen)[0])
        bound = table["bound"][first]
        said = [table["estimator"][first], str(table["setting"][first]).replace("_", " ").replace("=", " "), bound and f"{bound} bound"]
        self.title = ", ".join(word for word in said if word)
        self.columns = {name: values[chosen] for name, values in table.items()}
        self.layers = list(dict.fromkeys(self.columns["layer_name"]))

    def of(self, layer: str) -> dict[str, Any]:
        chosen = np.array([name == layer for name in self.columns["layer_name"]])
        return {name: values[chosen] for name, values in self.columns.items()}


def plane(run: Run | str | os.PathLike[str], method: str | None = None, *, axes: Any = None) -> Any:
    """Draw the information plane: I(X;T) against I(T;Y), a path for each layer from light to dark; dashed lines are H(X) and H(Y).

    Parameters
    ----------
    run
        A run, or its directory.
    method
        One of ``run.methods["method"]``; the first unless given.
    axes
        Axes of matplotlib to draw into.

    Returns
    -------
    The axes.
    """
    from matplotlib.cm import ScalarMappable
    from matplotlib.collections import LineCollection
    from matplotlib.colors import SymLogNorm
    from matplotlib.lines import Line2D

    run = _of(run)
    axes = _axes(axes)
    rows = _Rows(run, method)
    norm = SymLogNorm(1.0, vmin=0.0, vmax=max(1.0, float(rows.columns["epoch"].max())))
    named = []
    for place, layer in enumerate(rows.layers):
        of, marker, colour = rows.of(layer), _MARKERS[place % len(_MARKERS)], _COLOURS[place % len(_COLOURS)]
        shades = _shades(colour)
        x, y, epochs = of["i_xt_mean_bits"], of["i_ty_mean_bits"], of["epoch"].astype(float)
        points = np.column_stack([x, y])
        if len(points) > 1:
            lines = LineCollection(list(np.stack([points[:-1], points[1:]], axis=1)), cmap=shades, norm=norm, linewidths=1.0)
            lines.set_array(epochs[1:])
            axes.add_collection(lines)
        # The last epoch stands out: most of what is read of a plane is where its paths end.
        sizes = np.where(epochs == epochs.max(), 40.0, 9.0)
        axes.scatter(x, y, c=epochs, cmap=shades, norm=norm, s=sizes, marker=marker, zorder=3, edgecolors="white", linewidths=0.3)
        named.append(Line2D([], [], color=colour, marker=marker, markersize=5, linestyle="", label=layer))
    data = run.manifest["data"]
    axes.axvline(float(data["h_x_bits"]), color=_INK, linewidth=0.7, linestyle="--")
    if "h_y_bits" in data:  # not of a target of numbers
        axes.axhline(float(data["h_y_bits"]), color=_INK, linewidth=0.7, linestyle="--")
    axes.legend(handles=named, fontsize=7, framealpha=0.8, handletextpad=0.2, borderpad=0.4)
    bar = axes.figure.colorbar(ScalarMappable(norm, _shades("#3a3a3a")), ax=axes, pad=0.02)
    _plain_numbers(bar.ax.yaxis)
    bar.set_label("epoch")
    axes.set_xlabel("I(X;T) in bits")
    axes.set_ylabel("I(T;Y) in bits")
    axes.set_title(f"{run.name}: {rows.title}", fontsize=9)
    return axes


def information(
    run: Run | str | os.PathLike[str],
    method: str | None = None,
    *,
    quantity: Literal["i_xt", "i_ty"] = "i_xt",
    axes: Any = None,
) -> Any:
    """Draw I(X;T) or I(T;Y) of every layer over the epochs; a band is the standard error over seeds, the dashed line H(X) or H(Y)."""
    if quantity not in ("i_xt", "i_ty"):
        raise ValueError(f"quantity = {quantity!r}; allowed are 'i_xt' and 'i_ty'")
    run = _of(run)
    axes = _axes(axes)
    rows = _Rows(run, method)
    for place, layer in enumerate(rows.layers):
        of = rows.of(layer)
        epochs, mean = of["epoch"].astype(float), of[f"{quantity}_mean_bits"]
        (line,) = axes.plot(epochs, mean, linewidth=1.2, label=layer, color=_COLOURS[place % len(_COLOURS)])
        error = of.get(f"{quantity}_standard_error_bits")
        if error is not None and np.isfinite(error).any():
            axes.fill_between(epochs, mean - error, mean + error, color=line.get_color(), alpha=0.2, linewidth=0)
    entropy = run.manifest["data"].get("h_x_bits" if quantity == "i_xt" else "h_y_bits")
    if entropy is not None:
        axes.axhline(float(entropy), color=_INK, linewidth=0.7, linestyle="--")
    _by_epoch(axes)
    axes.set_ylabel(f"{'I(X;T)' if quantity == 'i_xt' else 'I(T;Y)'} in bits")
    axes.set_title(f"{run.name}: {rows.title}", fontsize=9)
    axes.legend(fontsize=8, framealpha=0.8)
    return axes


def training(run: Run | str | os.PathLike[str], *, axes: Any = None) -> Any:
    """Draw losses over the epochs, and accuracies on a second axis; a line for each seed."""
    run = _of(run)
    axes = _axes(axes)
    table = run.training.to_dict()
    if len(table["epoch"]) == 0:
        raise ValueError(f"{run!r} holds no statistics of the training")
    of_seeds = [table["seed"] == seed for seed in dict.fromkeys(table["seed"])]
    lines: list[Any] = []

    def is_known(name: str) -> bool:
        return name in table and bool(np.isfinite(table[name]).any())

    def draw(on: Any, kind: str, style: str) -> None:
        for place, part in enumerate(("train", "test")):
            name = f"{part}_{kind}"
            if not is_known(name):
                continue
            settings = {"color": _COLOURS[(4, 5)[place]], "linestyle": style, "linewidth": 1.2 if len(of_seeds) == 1 else 0.7}
            drawn = [
                on.plot(table["epoch"][chosen].astype(float), table[name][chosen], label=name.replace("_", " "), **settings)[0]
                for chosen in of_seeds
            ]
            # One entry of the legend stands for all seeds.
            lines.append(drawn[0])

    draw(axes, "loss", "-")
    named = axes
    if is_known("train_accuracy") or is_known("test_accuracy"):
        # Its axes lie above the others.
        named = axes.twinx()
        draw(named, "accuracy", "--")
        named.set_ylim(0, 1)
        named.set_ylabel("accuracy")
    _by_epoch(axes)
    axes.set_ylabel("loss")
    axes.set_title(run.name, fontsize=9)
    named.legend(handles=lines, fontsize=8, framealpha=0.8)
    return axes
