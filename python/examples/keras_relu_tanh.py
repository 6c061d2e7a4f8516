"""Does a network compress its input while it learns? Tanh against ReLU, in Keras.

Two networks of the same shape learn the 12-bit task of Shwartz-Ziv & Tishby (2017). With tanh, I(X;T) of the layers near the
output rises and then falls, the compression that was found then; with ReLU the hidden layers have none to speak of, as Saxe et al.
(2018) objected: bins of one width see tanh units that saturate at -1 and 1.

    KERAS_BACKEND=jax python keras_relu_tanh.py runs/relu-tanh
"""

import os
import sys
import tempfile
from pathlib import Path

# Any backend will do.
os.environ.setdefault("KERAS_BACKEND", "jax")

import keras
import numpy as np

import infoplane
import infoplane.keras

EPOCHS = 500
WIDTHS = [10, 7, 5, 4, 3]


def record(nonlinearity: str, folder: Path, epochs: int) -> infoplane.Run:
    """Trains a network on most samples, and records its layers on all."""
    inputs, labels = infoplane.samples("tishby2017")
    keras.utils.set_random_seed(3)
    hidden = [keras.layers.Dense(width, activation=nonlinearity, name=f"{width} units") for width in WIDTHS]
    model = keras.Sequential([keras.layers.Input((12,)), *hidden, keras.layers.Dense(2, activation="softmax", name="output")])
    model.compile(keras.optimizers.Adam(5e-3), "sparse_categorical_crossentropy", metrics=["accuracy"])
    callback = infoplane.keras.Callback(
        inputs,
        labels,
        run=folder / nonlinearity,
        # Bins as wide as those of Saxe et al.; they suit both nonlinearities, as bins from -1 to 1 would not.
        estimators=[infoplane.Binned(rule="floor", bin_width=0.07)],
        # Layers move most at first.
        schedule={"kind": "log-spaced", "points": 40},
    )
    order = np.random.default_rng(0).permutation(len(labels))
    trained, held_out = order[:3277], order[3277:]
    model.fit(
        inputs[trained],
        labels[trained],
        batch_size=512,
        epochs=epochs,
        validation_data=(inputs[held_out], labels[held_out]),
        validation_freq=20,
        verbose=0,
        callbacks=[callback],
    )
    return callback.run


def main(folder: Path, epochs: int = EPOCHS) -> dict[str, dict[str, float]]:
    """Trains and records both; returns how many bits I(X;T) of each layer fell from its highest value to its last."""
    fell: dict[str, dict[str, float]] = {}
    for nonlinearity in ("tanh", "relu"):
        run = record(nonlinearity, folder, epochs)
        plane, fell[nonlinearity] = run.plane, {}
        accuracy = run.training["test_accuracy"]
        print(f"{nonlinearity}: accuracy {accuracy[np.isfinite(accuracy)][-1]:.3f} on samples that were not trained on")
        for layer in dict.fromkeys(plane["layer_name"]):
            here = plane["layer_name"] == layer
            of_input, of_label = plane["i_xt_bits"][here], plane["i_ty_bits"][here]
            highest = int(np.argmax(of_input))
            fell[nonlinearity][layer] = float(of_input[highest] - of_input[-1])
            print(
                f"  {layer:9} I(X;T) {of_input[0]:5.2f} bits, at most {of_input[highest]:5.2f} in epoch "
                f"{plane['epoch'][here][highest]:3}, in the end {of_input[-1]:5.2f}; I(T;Y) {of_label[-1]:.2f}"
            )
    print(f"the planes are in {folder}: infoplane.load(...).report() draws them")
    return fell


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(tempfile.mkdtemp()))
