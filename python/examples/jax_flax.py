"""How narrow may a layer be? A network in Flax with a layer of one, two or four units, on handwritten digits.

Flax gives the output of every module with `capture_intermediates`, as a dictionary, which is what a recorder takes: no more is
needed than to put the names in order. What a layer tells of the digit, I(T;Y), is at most log2(10) bits, and what it lacks of that
no layer behind it can make up for: the narrow layer limits the accuracy of the network. (Layers behind it are told to have more,
since the noise that is measured with is added to each layer by itself, and they spread wider what the narrow one has.)

    python jax_flax.py runs/narrow
"""

import sys
import tempfile
from pathlib import Path

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
from sklearn.datasets import load_digits

import infoplane

EPOCHS = 60
BATCH = 128


class Block(nn.Module):
    """A layer with its nonlinearity, as one module: then what is captured is the activation."""

    width: int

    @nn.compact
    def __call__(self, x):
        return nn.tanh(nn.Dense(self.width)(x))


class Network(nn.Module):
    """Three blocks, the second one narrow, and an output."""

    narrow: int

    @nn.compact
    def __call__(self, x):
        for place, width in enumerate([48, self.narrow, 24]):
            x = Block(width, name=f"block {place + 1}")(x)
        return nn.Dense(10, name="output")(x)


def activations(model, variables, inputs):
    """The outputs of the modules of the network, by name."""
    _, state = model.apply(
        variables,
        inputs,
        # Those directly in the network; without it the Dense in each block, too.
        capture_intermediates=lambda module, _: module.path is not None and len(module.path) == 1,
        mutable=["intermediates"],
    )
    # Of each module a tuple, with an entry for each call.
    found = {name: calls["__call__"][0] for name, calls in state["intermediates"].items() if name != "__call__"}
    # JAX sorts the keys of what it compiles.
    return {name: found[name] for name in sorted(found)}


def record(narrow: int, folder: Path, epochs: int) -> infoplane.Run:
    """Trains a network, and records its blocks on digits that it is not trained on."""
    digits = load_digits()
    inputs, labels = (digits.data / 16.0).astype(np.float32), digits.target
    order = np.random.default_rng(0).permutation(len(labels))
    trained, held_out = order[:900], order[900:]
    model = Network(narrow)
    variables = model.init(jax.random.key(0), inputs[:1])
    optimizer = optax.adam(5e-3)
    state = optimizer.init(variables)

    @jax.jit
    def step(variables, state, x, y):
        def loss_of(variables):
            logits = model.apply(variables, x)
            return optax.softmax_cross_entropy_with_integer_labels(logits, y).mean()

        loss, gradients = jax.value_and_grad(loss_of)(variables)
        updates, state = optimizer.update(gradients, state, variables)
        return optax.apply_updates(variables, updates), state, loss

    layers_of = jax.jit(lambda variables: activations(model, variables, inputs[held_out]))
    rng = np.random.default_rng(1)
    recorder = infoplane.Recorder(
        folder / f"narrow-{narrow}",
        labels[held_out],
        estimators=[infoplane.Kde(noise_variances=[0.01])],
        schedule=5,
        epochs=epochs,
    )
    with recorder:
        loss = np.nan
        for epoch in range(epochs + 1):
            if recorder.wants(epoch):
                layers = layers_of(variables)
                accuracy = float(jnp.mean(layers["output"].argmax(1) == labels[held_out]))
                recorder.record(epoch, layers, loss=loss, test_accuracy=accuracy)
            if epoch < epochs:
                batches = rng.permutation(trained)[: len(trained) // BATCH * BATCH].reshape(-1, BATCH)
                for batch in batches:
                    variables, state, loss = step(variables, state, inputs[batch], labels[batch])
    return infoplane.load(recorder.path)


def main(folder: Path, epochs: int = EPOCHS) -> dict[int, tuple[float, float]]:
    """Trains and records them; returns I(T;Y) of the narrow layer in bits, and the accuracy, by its number of units."""
    found: dict[int, tuple[float, float]] = {}
    for narrow in (1, 2, 4):
        run = record(narrow, folder, epochs)
        plane, accuracy = run.plane, float(run.training["test_accuracy"][-1])
        print(f"{narrow} unit{'s' if narrow > 1 else ''}: accuracy {accuracy:.3f} on digits that were not trained on")
        last = (plane["epoch"] == epochs) & (plane["bound"] == "upper")
        for layer in np.flatnonzero(last):
            of_input, of_label = plane["i_xt_bits"][layer], plane["i_ty_bits"][layer]
            print(f"  {plane['layer_name'][layer]:7} I(X;T) {of_input:5.2f} bits, I(T;Y) {of_label:4.2f} of {np.log2(10):.2f}")
            if plane["layer_name"][layer] == "block 2":
                found[narrow] = (float(of_label), accuracy)
    print(f"the planes are in {folder}: infoplane.load(...).report() draws them")
    return found


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(tempfile.mkdtemp()))
