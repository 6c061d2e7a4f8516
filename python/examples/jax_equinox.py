"""Learning and memorizing, told apart by a recorder: a network in Equinox on true and on random labels.

Equinox modules are functions: this one returns what its layers give beside its output, and `infoplane.record` takes that. Both
networks learn what they are trained on by heart. Layers are measured on other digits: what they keep beside the digit is
I(X;T) - I(T;Y). On true labels the later layers forget much of it; a network that memorizes has to tell all inputs apart.

    python jax_equinox.py runs/memorizing
"""

import sys
import tempfile
from pathlib import Path

import equinox as eqx
import jax
import numpy as np
import optax
from sklearn.datasets import load_digits

import infoplane

EPOCHS = 150


class Network(eqx.Module):
    """Tanh layers and a linear output."""

    layers: list[eqx.nn.Linear]

    def __init__(self, widths, key):
        keys = jax.random.split(key, len(widths) - 1)
        self.layers = [eqx.nn.Linear(*pair, key=one) for pair, one in zip(zip(widths, widths[1:]), keys)]

    def __call__(self, x):
        """The output, and all layers by name, from the one nearest the input."""
        found = {}
        for place, layer in enumerate(self.layers[:-1]):
            x = jax.nn.tanh(layer(x))
            found[f"layer {place + 1}"] = x
        found["output"] = self.layers[-1](x)
        return found["output"], found


def record(random_labels: bool, folder: Path, epochs: int) -> infoplane.Run:
    """Trains a network on some digits, and records its layers on others."""
    digits = load_digits()
    inputs, labels = (digits.data / 16.0).astype(np.float32), digits.target
    rng = np.random.default_rng(0)
    order = rng.permutation(len(labels))
    trained, held_out = order[:400], order[400:]
    targets = rng.permutation(labels[trained]) if random_labels else labels[trained]
    network = Network([64, 128, 64, 32, 10], jax.random.key(0))
    optimizer = optax.adam(3e-3)
    state = optimizer.init(eqx.filter(network, eqx.is_array))

    def loss_of(network, x, y):
        logits, _ = jax.vmap(network)(x)
        return optax.softmax_cross_entropy_with_integer_labels(logits, y).mean()

    @eqx.filter_jit
    def step(network, state, x, y):
        loss, gradients = eqx.filter_value_and_grad(loss_of)(network, x, y)
        updates, state = optimizer.update(gradients, state)
        return eqx.apply_updates(network, updates), state, loss

    layers_of = eqx.filter_jit(lambda network, x: jax.vmap(network)(x))
    path = folder / ("random" if random_labels else "true")
    loss = np.nan
    for epoch in range(epochs + 1):
        if epoch % 10 == 0:
            # The order of the layers is that of the network, not that of a dictionary of JAX, which is sorted.
            layers = layers_of(network, inputs[held_out])[1]
            infoplane.record(
                path,
                epoch,
                {name: layers[name] for name in ["layer 1", "layer 2", "layer 3", "output"]},
                labels=labels[held_out],
                estimators=[infoplane.Kde(noise_variances=[1.0])],
                last=epoch == epochs,
                loss=loss,
                accuracy=np.mean(layers_of(network, inputs[trained])[0].argmax(1) == targets),
                test_accuracy=np.mean(layers["output"].argmax(1) == labels[held_out]),
            )
        for batch in rng.permutation(len(trained)).reshape(-1, 100):
            network, state, loss = step(network, state, inputs[trained[batch]], targets[batch])
    return infoplane.load(path)


def main(folder: Path, epochs: int = EPOCHS) -> dict[str, dict[str, float]]:
    """Trains and records both; returns what each layer keeps beside the digit, in bits."""
    found: dict[str, dict[str, float]] = {}
    for kind in ("true", "random"):
        run = record(kind == "random", folder, epochs)
        plane, training = run.plane, run.training
        print(
            f"{kind} labels: accuracy {training['train_accuracy'][-1]:.3f} on what was trained on, "
            f"{training['test_accuracy'][-1]:.3f} on other digits"
        )
        found[kind] = {}
        for row in np.flatnonzero((plane["epoch"] == epochs) & (plane["bound"] == "upper")):
            layer, of_input, of_label = plane["layer_name"][row], plane["i_xt_bits"][row], plane["i_ty_bits"][row]
            found[kind][layer] = float(of_input - of_label)
            print(f"  {layer:7} I(T;Y) {of_label:4.2f} bits, and {of_input - of_label:4.2f} bits beside")
    print(f"the planes are in {folder}: infoplane.load(...).report() draws them")
    return found


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(tempfile.mkdtemp()))
