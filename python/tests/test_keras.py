"""Recording of Keras models: what is measured is what the layers give, and the training is what it would be without."""

import gc
import importlib.util
import os
import random
import threading
import time
from pathlib import Path

import numpy as np
import pytest

os.environ.setdefault("KERAS_BACKEND", "jax")
pytest.importorskip({"jax": "jax", "torch": "torch", "tensorflow": "tensorflow"}[os.environ["KERAS_BACKEND"]])
keras = pytest.importorskip("keras", minversion="3")

from keras import layers

import infoplane
import infoplane.keras

pytestmark = pytest.mark.filterwarnings("ignore")

KDE = [{"kind": "kde", "noise_variances": [1e-3]}]
N = 90


@pytest.fixture(autouse=True)
def seed():
    keras.utils.clear_session()
    keras.utils.set_random_seed(5)


@pytest.fixture
def data():
    rng = np.random.default_rng(1)
    labels = np.arange(N) % 3
    return (rng.normal(size=(N, 6)) + labels[:, None]).astype(np.float32), labels


def mlp():
    return keras.Sequential(
        [
            layers.Input((6,)),
            layers.Dense(5, activation="tanh", name="first"),
            layers.Dropout(0.5),
            layers.Dense(4, name="second"),
            layers.BatchNormalization(),
            layers.ReLU(),
            layers.Dense(3, activation="softmax", name="last"),
        ]
    )


def compiled(model, jit=False):
    # Compilation takes longer than such trainings.
    jit = jit if keras.backend.backend() == "jax" else "auto"
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"], jit_compile=jit)
    return model


def recorder(path, model, inputs, labels, *arguments, **settings):
    return infoplane.keras.Recorder(model, inputs, labels, *arguments, run=path, estimators=KDE, **settings)


def close(found, expected):
    expected = keras.ops.convert_to_numpy(expected)
    assert found.shape == expected.shape
    assert np.abs(found - expected).max() <= 1e-6 * max(1.0, np.abs(expected).max())


def weights(model):
    return [keras.ops.convert_to_numpy(variable).copy() for variable in model.variables]


def all_equal(some, others):
    return len(some) == len(others) and all((one == other).all() for one, other in zip(some, others, strict=True))


class Net(keras.Model):
    """A class that calls functions on what its layers give."""

    def __init__(self):
        super().__init__()
        self.a = layers.Dense(5, name="a")
        self.norm = layers.LayerNormalization()
        self.drop = layers.Dropout(0.5)
        self.b = layers.Dense(4, name="b")
        self.c = layers.Dense(3, name="c")

    def call(self, x, training=None):
        h = keras.ops.tanh(self.drop(self.norm(self.a(x)), training=training))
        return self.c(keras.activations.relu(self.b(h), negative_slope=0.1))


class Gate(layers.Layer):
    """A layer of layers."""

    def __init__(self, **settings):
        super().__init__(**settings)
        self.inner = layers.Dense(4, name="inner")
        self.gate = layers.Dense(4, activation="sigmoid", name="gate")

    def call(self, x):
        return self.inner(x) * self.gate(x)


def test_activations_are_those_after_the_nonlinearity(tmp_path, data):
    x, y = data
    model = mlp()
    found = recorder(tmp_path / "run", model, x, y, batch_size=40).activations()
    assert list(found) == ["first", "second", "last"]
    first = model.layers[0](x)
    second = model.layers[4](model.layers[3](model.layers[2](first), training=False))
    close(found["first"], first)
    close(found["second"], second)
    close(found["last"], model(x, training=False))


def test_the_manifest_says_what_the_layers_are(tmp_path, data):
    recorder(tmp_path / "run", mlp(), *data).close()
    manifest = infoplane.load(tmp_path / "run").manifest
    assert [(one["name"], one["width"], one.get("nonlinearity")) for one in manifest["layers"]] == [
        ("first", 5, "tanh"),
        ("second", 4, "relu"),
        ("last", 3, "softmax"),
    ]
    assert manifest["origin"]["recorded"]["by"] == "infoplane.keras.Recorder" if "recorded" in manifest["origin"] else True


def test_functional_models_with_functions_and_several_inputs(tmp_path, data):
    x, y = data
    left, right = keras.Input((6,), name="left"), keras.Input((2,), name="right")
    a = keras.ops.relu(layers.Dense(4, name="a")(left))
    b = layers.Activation("gelu")(layers.Dense(3, name="b")(right))
    c = keras.activations.sigmoid(layers.Dense(2, name="c")(layers.Concatenate()([a, b])))
    model = keras.Model({"left": left, "right": right}, c)
    given = {"left": x, "right": x[:, :2]}
    made = recorder(tmp_path / "run", model, given, y)
    found = made.activations()
    assert list(found) == ["a", "b", "c"] or list(found) == ["b", "a", "c"]
    a = keras.ops.relu(model.get_layer("a")(x))
    b = keras.ops.gelu(model.get_layer("b")(x[:, :2]), approximate=False)
    close(found["a"], a)
    close(found["b"], b)
    close(found["c"], model(given))
    in_order = keras.Model([left, right], c)
    found = recorder(tmp_path / "list", in_order, [x, x[:, :2]], y).activations()
    close(found["c"], in_order([x, x[:, :2]]))


def test_classes_with_functions_in_their_call(tmp_path, data):
    x, y = data
    model = Net()
    found = recorder(tmp_path / "run", model, x, y).activations()
    assert model.built
    a = keras.ops.tanh(model.norm(model.a(x)))
    b = keras.activations.relu(model.b(a), negative_slope=0.1)
    assert list(found) == ["a", "b", "c"]
    close(found["a"], a)
    close(found["b"], b)
    close(found["c"], model.c(b))


def test_functions_that_were_imported_by_name(tmp_path, data):
    from keras.ops import relu

    class Imported(keras.Model):
        def __init__(self):
            super().__init__()
            self.a = layers.Dense(5, name="a")

        def call(self, x):
            return relu(self.a(x))

    found = recorder(tmp_path / "run", Imported(), *data).activations()
    assert found["a"].min() == 0.0


def test_what_only_a_part_of_the_output_goes_through_is_not_its_nonlinearity(tmp_path, data):
    x, y = data
    given = keras.Input((6,))
    a = layers.Dense(6, name="a")(given)
    by_hand = a * keras.ops.sigmoid(a)
    b = layers.Dense(6, name="b")(by_hand)
    skipped = layers.Add()([b, layers.ReLU()(layers.BatchNormalization()(b))])
    c = layers.Dense(6, name="c")(skipped)
    both = layers.Concatenate()([keras.ops.relu(c), keras.ops.relu(-c)])
    d = layers.Dense(6, name="d")(both)
    two = layers.Concatenate()([layers.ReLU()(d), layers.Activation("tanh")(d)])
    e = layers.Conv1D(4, 2, name="e")(layers.Reshape((12, 1))(two))
    model = keras.Model(given, layers.ReLU()(layers.Flatten()(layers.MaxPooling1D()(e))))
    made = recorder(tmp_path / "run", model, x, y)
    found = made.activations()
    close(found["a"], model.get_layer("a")(x))
    assert all(found[name].min() < 0.0 for name in "abcd") and found["e"].min() == 0.0
    close(found["e"], model(x))
    words = {layer["name"]: layer.get("nonlinearity") for layer in infoplane.load(tmp_path / "run").manifest["layers"]}
    assert words == {"a": None, "b": None, "c": None, "d": None, "e": "relu"}


def test_layers_in_layers_and_in_models(tmp_path, data):
    x, y = data
    block = keras.Sequential([layers.Input((6,)), layers.Dense(4, activation="relu", name="same")], name="block")
    other = keras.Sequential([layers.Input((6,)), layers.Dense(4, name="same")], name="other")
    given = keras.Input((6,))
    model = keras.Model(given, Gate(name="around")(layers.Add()([block(given), other(given)])))
    found = recorder(tmp_path / "run", model, x, y).activations()
    assert sorted(found) == ["block/same", "gate", "inner", "other/same"]
    close(found["block/same"], block(x))
    close(found["other/same"], other(x))


def test_layers_by_pattern_are_measured_as_they_are(tmp_path, data):
    x, y = data
    model = mlp()
    made = recorder(tmp_path / "run", model, x, y, ["second", "re_lu*"])
    found = made.activations()
    assert list(found) == ["second", "re_lu"]
    assert found["second"].min() < 0.0 and found["re_lu"].min() == 0.0
    close(found["second"], model.layers[2](model.layers[0](x)))
    with pytest.raises(infoplane.RecordError, match=r"'conv\*' matches no layer; there are first"):
        recorder(tmp_path / "other", model, x, y, "conv*")


def test_a_pattern_may_name_a_layer_and_one_in_it(tmp_path, data):
    x, y = data
    model = keras.Sequential([layers.Input((6,)), Gate(name="whole"), layers.Dense(3)])
    found = recorder(tmp_path / "run", model, x, y, ["whole", "gate"]).activations()
    close(found["whole"], model.layers[0](x))
    close(found["gate"], model.layers[0].gate(x))


def test_a_layer_that_is_called_twice(tmp_path, data):
    x, y = data
    shared = layers.Dense(6, activation="tanh", name="shared")
    given = keras.Input((6,))
    model = keras.Model(given, shared(shared(given)))
    found = recorder(tmp_path / "run", model, x, y).activations()
    assert list(found) == ["shared#1", "shared#2"]
    close(found["shared#1"], shared(x))
    close(found["shared#2"], shared(shared(x)))


def test_recurrent_and_attention_layers_are_one_layer(tmp_path, data):
    x, y = data
    sequences = np.repeat(x[:, None, :], 4, axis=1)
    given = keras.Input((4, 6))
    attended = layers.MultiHeadAttention(2, 3, name="attention")(given, given)
    both = layers.Bidirectional(layers.GRU(3, return_sequences=True), name="both")(attended)
    parts = layers.TimeDistributed(layers.Dense(2, activation="relu"), name="parts")(both)
    model = keras.Model(given, layers.LSTM(3, name="memory")(parts))
    found = recorder(tmp_path / "run", model, sequences, y, positions="mean").activations()
    assert {name: rows.shape[1] for name, rows in found.items()} == {"attention": 6, "both": 6, "parts": 2, "memory": 3}
    close(found["memory"], model(sequences, training=False))


@pytest.mark.parametrize("channels", ["channels_last", "channels_first"])
def test_positions_of_maps(tmp_path, channels):
    if channels == "channels_first" and keras.backend.backend() == "tensorflow":
        pytest.skip("TensorFlow has no such convolutions on CPUs")
    before = keras.config.image_data_format()
    keras.config.set_image_data_format(channels)
    try:
        last = channels == "channels_last"
        rng = np.random.default_rng(2)
        x = rng.normal(size=(20, 6, 5, 2) if last else (20, 2, 6, 5)).astype(np.float32)
        y = np.arange(20) % 2
        conv = layers.Conv2D(3, 2, activation="relu", name="conv")
        model = keras.Sequential([layers.Input(x.shape[1:]), conv, layers.Flatten(), layers.Dense(2, name="out")])
        maps = keras.ops.convert_to_numpy(conv(x))
        by_channel = maps if last else np.moveaxis(maps, 1, -1)

        def found(positions):
            return recorder(tmp_path / str(positions), model, x, y, positions=positions).activations()

        close(found("flatten")["conv"], maps.reshape(20, -1))
        close(found("mean")["conv"], by_channel.mean((1, 2)))
        close(found(7)["conv"], by_channel.reshape(20, -1, 3)[:, 7])
        channels = found("channels")
        assert list(channels) == ["conv[0]", "conv[1]", "conv[2]", "out"]
        close(channels["conv[1]"], by_channel[..., 1].reshape(20, -1))
        layer = infoplane.load(tmp_path / "channels").manifest["layers"][1]
        assert (layer["name"], layer["nonlinearity"]) == ("conv[1]", "relu")
        with pytest.raises(infoplane.RecordError, match="position 20 of 20"):
            found(20)
    finally:
        keras.config.set_image_data_format(before)


def test_channels_first_of_one_layer_with_one_dimension(tmp_path):
    if keras.backend.backend() == "tensorflow":
        pytest.skip("TensorFlow has no such convolutions on CPUs")
    x = np.random.default_rng(2).normal(size=(20, 2, 7)).astype(np.float32)
    conv = layers.Conv1D(4, 2, data_format="channels_first", name="conv")
    model = keras.Sequential([layers.Input((2, 7)), conv])
    found = recorder(tmp_path / "run", model, x, np.arange(20) % 2, positions="mean").activations()
    close(found["conv"], keras.ops.mean(conv(x), axis=2))


def test_equal_inputs_are_one_input(tmp_path, data):
    x, y = data
    x = x.copy()
    x[4], x[3, 0] = x[1], 0.0
    x[5] = x[3]
    x[5, 0] = -0.0
    made = recorder(tmp_path / "run", mlp(), x, y)
    assert made._inputs[4] == made._inputs[1] and made._inputs[5] == made._inputs[3]
    assert len(np.unique(made._inputs)) == N - 2


def test_training_is_the_same_with_and_without(tmp_path, data):
    x, y = data

    def trained(*callbacks):
        keras.utils.clear_session()
        keras.utils.set_random_seed(11)
        # Not built: its layers have no weights before the training begins.
        model = compiled(
            keras.Sequential(
                [
                    layers.GaussianNoise(0.2),
                    layers.Dense(8, activation="relu"),
                    layers.BatchNormalization(),
                    layers.Dropout(0.3),
                    layers.Dense(3, activation="softmax"),
                ]
            ),
            jit=True,
        )
        history = model.fit(x, y, epochs=4, batch_size=16, validation_split=0.2, verbose=0, callbacks=list(callbacks)).history
        return weights(model) + weights(model.optimizer), history, random.random(), np.random.random()

    callback = infoplane.keras.Callback(x, y, run=tmp_path / "run", estimators=KDE)
    without, with_callback = trained(), trained(callback)
    assert all_equal(without[0], with_callback[0])
    assert without[1:] == with_callback[1:]
    assert sorted(set(callback.run.plane["epoch"])) == [0, 1, 2, 3, 4]
    history = with_callback[1]
    training = callback.run.training
    assert training["epoch"].tolist() == [1, 2, 3, 4]
    assert training["train_loss"] == pytest.approx(history["loss"], rel=1e-6)
    assert training["test_loss"] == pytest.approx(history["val_loss"], rel=1e-6)
    assert training["train_accuracy"] == pytest.approx(history["accuracy"], rel=1e-6)
    assert training["test_accuracy"] == pytest.approx(history["val_accuracy"], rel=1e-6)


def test_a_pass_changes_nothing(tmp_path, data):
    x, y = data
    model = compiled(mlp())
    model.get_layer("second").trainable = False
    model.fit(x, y, epochs=1, verbose=0)
    made = recorder(tmp_path / "run", model, x, y)
    functions = (keras.Layer.__call__, keras.Operation.__call__, keras.ops.relu, keras.activations.tanh)

    def state():
        metrics = [keras.ops.convert_to_numpy(v).copy() for v in model.metrics_variables]
        return weights(model) + weights(model.optimizer) + metrics, (
            [layer.trainable for layer in model.layers],
            random.getstate(),
            str(np.random.get_state()),
            model.train_function,
            model.predict_function,
            [layer.name for layer in model.layers],
            [len(layer._inbound_nodes) for layer in model.layers],
        )

    before = state()
    made.activations()
    after = state()
    assert all_equal(before[0], after[0])
    assert before[1] == after[1]
    assert functions == (keras.Layer.__call__, keras.Operation.__call__, keras.ops.relu, keras.activations.tanh)


@pytest.mark.parametrize("eager", [False, True])
def test_what_a_model_changes_in_every_call_is_as_before(tmp_path, data, eager):
    class Restless(keras.Model):
        def __init__(self):
            super().__init__()
            self.a = layers.Dense(5, name="a")
            self.random = keras.random.SeedGenerator(3)
            self.calls = self.add_weight(shape=(), initializer="zeros", trainable=False, name="calls")
            self.mean = keras.metrics.Mean()

        def call(self, x):
            if eager:
                random.random(), np.random.random()
            x = self.a(x) + keras.random.normal((5,), seed=self.random) + self.calls
            self.calls.assign(self.calls + 1.0)
            self.mean.update_state(x)
            return x

    x, y = data
    model = Restless()
    model.compile(run_eagerly=eager)
    made = recorder(tmp_path / "run", model, x, y, batch_size=20)
    assert model.built and float(model.calls.value) == 0.0
    close(made.activations()["a"], model.a(x))

    def state():
        variables = [*model.variables, model.random.state, *model.mean.variables]
        found = [keras.ops.convert_to_numpy(variable).copy() for variable in variables]
        return found, (random.getstate(), str(np.random.get_state()))

    before = state()
    first, second = made.activations(), made.activations()
    after = state()
    assert all_equal(before[0], after[0]) and before[1] == after[1]
    assert (first["a"] == second["a"]).all()


def test_an_error_in_the_model_leaves_keras_as_it_was(tmp_path, data):
    class Wrong(keras.Model):
        def __init__(self):
            super().__init__()
            self.a = layers.Dense(5, name="a")
            self.fails = False

        def call(self, x):
            x = self.a(x)
            if self.fails:
                raise RuntimeError("no more")
            return x

    model = Wrong()
    functions = (keras.Layer.__call__, keras.Operation.__call__, keras.ops.relu)
    made = recorder(tmp_path / "run", model, *data)
    model.fails = True
    with pytest.raises(RuntimeError, match="no more"):
        made.activations()
    assert functions == (keras.Layer.__call__, keras.Operation.__call__, keras.ops.relu)
    model.fails = False
    assert made.activations()["a"].shape == (N, 5)


def test_settings_that_change_are_followed(tmp_path, data):
    class Scaled(keras.Model):
        def __init__(self):
            super().__init__()
            self.a = layers.Dense(5, name="a")
            self.scale = 1.0

        def call(self, x):
            return self.a(x * self.scale)

    x, y = data
    model = Scaled()
    made = recorder(tmp_path / "run", model, x, y)
    close(made.activations()["a"], model.a(x))
    model.scale = 3.0
    close(made.activations()["a"], model.a(3.0 * x))
    model.a.kernel.assign(model.a.kernel * 2.0)
    close(made.activations()["a"], model.a(3.0 * x))


def test_models_that_cannot_be_compiled_run_as_they_are(tmp_path, data):
    class Looks(keras.Model):
        def __init__(self):
            super().__init__()
            self.a = layers.Dense(5, name="a")

        def call(self, x):
            h = self.a(x)
            return h if float(keras.ops.sum(h)) > 1e9 else -h

    x, y = data
    model = Looks()
    close(recorder(tmp_path / "run", model, x, y).activations()["a"], model.a(x))


def test_other_threads_are_not_followed(tmp_path, data):
    x, y = data
    model, stop = mlp(), threading.Event()

    def busy():
        while not stop.is_set():
            model(x[:7], training=False)

    thread = threading.Thread(target=busy)
    thread.start()
    try:
        made = recorder(tmp_path / "run", model, x, y)
        for _ in range(5):
            close(made.activations()["last"], model(x, training=False))
    finally:
        stop.set()
        thread.join()


def test_half_precision_becomes_single(tmp_path, data):
    x, y = data
    given = keras.Input((6,))
    model = keras.Model(given, layers.Dense(4, activation="relu", dtype="mixed_bfloat16", name="half")(given))
    found = recorder(tmp_path / "run", model, x, y).activations()["half"]
    assert found.dtype == np.float32 and found.min() == 0.0


@pytest.mark.parametrize(
    ("schedule", "epochs"), [(2, [0, 2, 4, 6]), ([0, 1, 5], [0, 1, 5, 6]), ("log-spaced", [0, 1, 2, 3, 4, 5, 6])]
)
def test_schedules(tmp_path, data, schedule, epochs):
    x, y = data
    callback = infoplane.keras.Callback(x, y, run=tmp_path / "run", estimators=KDE, schedule=schedule)
    compiled(mlp()).fit(x, y, epochs=6, verbose=0, callbacks=[callback])
    assert sorted(set(callback.run.plane["epoch"])) == epochs
    assert callback.run.training["epoch"].tolist() == [1, 2, 3, 4, 5, 6]
    assert callback.run.state == "finished"


def test_a_schedule_by_what_is_measured(tmp_path, data):
    x, y = data
    schedule = {"kind": "delta-approximate", "delta": 0.05}
    callback = infoplane.keras.Callback(x, y, run=tmp_path / "run", estimators=KDE, schedule=schedule)
    compiled(mlp()).fit(x, y, epochs=6, verbose=0, callbacks=[callback])
    assert callback.run.plane["epoch"].max() == 6


def test_early_stopping_ends_the_run(tmp_path, data):
    x, y = data
    callback = infoplane.keras.Callback(x, y, run=tmp_path / "run", estimators=KDE, schedule=3)
    stop = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: setattr(model, "stop_training", epoch == 3))
    model = compiled(mlp())
    model.fit(x, y, epochs=30, verbose=0, callbacks=[stop, callback])
    assert callback.run.state == "finished"
    # The last one is measured in any case.
    assert sorted(set(callback.run.plane["epoch"])) == [0, 3, 4]
    assert callback.run.training["epoch"].max() == 4


class Interrupt(keras.callbacks.Callback):
    """Ctrl-C in an epoch."""

    def __init__(self, epoch):
        super().__init__()
        self.epoch = epoch

    def on_epoch_begin(self, epoch, logs=None):
        if epoch == self.epoch:
            raise KeyboardInterrupt


def test_an_interrupted_training_goes_on(tmp_path, data):
    x, y = data
    settings = {"run": tmp_path / "run", "estimators": KDE}

    def straight():
        keras.utils.set_random_seed(3)
        model = compiled(mlp())
        callback = infoplane.keras.Callback(x, y, run=tmp_path / "straight", estimators=KDE)
        model.fit(x, y, epochs=5, shuffle=False, verbose=0, callbacks=[callback])
        return callback.run

    whole = straight()
    keras.utils.set_random_seed(3)
    model = compiled(mlp())
    callback = infoplane.keras.Callback(x, y, **settings)
    with pytest.raises(KeyboardInterrupt):
        model.fit(x, y, epochs=5, shuffle=False, verbose=0, callbacks=[callback, Interrupt(2)])
    assert callback.run is None
    # The weights and the optimizer are in memory still, as after a checkpoint.
    callback = infoplane.keras.Callback(x, y, **settings)
    model.fit(x, y, epochs=5, initial_epoch=2, shuffle=False, verbose=0, callbacks=[callback])
    assert callback.run.state == "finished"
    plane = callback.run.plane
    assert plane["epoch"].tolist() == whole.plane["epoch"].tolist()
    assert np.allclose(plane["i_ty_bits"], whole.plane["i_ty_bits"], equal_nan=True)
    assert callback.run.training["epoch"].tolist() == [1, 2, 3, 4, 5]


def test_what_waits_is_measured_when_an_interrupted_callback_is_forgotten(tmp_path, data):
    x, y = data
    callback = infoplane.keras.Callback(x, y, run=tmp_path / "run", estimators=KDE)
    model = compiled(mlp())
    with pytest.raises(KeyboardInterrupt):
        model.fit(x, y, epochs=5, verbose=0, callbacks=[callback, Interrupt(3)])
    del callback
    gc.collect()
    for _ in range(100):  # it is measured on a thread of its own
        run = infoplane.load(tmp_path / "run")
        if run.state == "interrupted":
            break
        time.sleep(0.1)
    assert run.state == "interrupted"
    assert sorted(set(run.plane["epoch"])) == [0, 1, 2, 3]


def test_keras_numbers_do_not_keep_a_run_from_going_on(tmp_path, data):
    x, y = data

    def unnamed():
        return keras.Sequential([layers.Input((6,)), layers.Dense(4, activation="tanh"), layers.Dense(3)])

    first = recorder(tmp_path / "run", unnamed(), x, y)
    first.epoch(0)
    first.close()
    model = unnamed()
    assert [layer.name for layer in model.layers] == ["dense_2", "dense_3"]
    second = recorder(tmp_path / "run", model, x, y)
    assert list(second.activations()) == ["dense", "dense_1"]
    second.epoch(1)
    assert second.finish().plane["epoch"].max() == 1
    with pytest.raises(infoplane.RecordError, match="its layers are others"):
        started = recorder(tmp_path / "other", mlp(), x, y)
        started.epoch(0)
        started.close()
        recorder(tmp_path / "other", unnamed(), x, y)


def test_a_loop_of_ones_own(tmp_path, data):
    x, y = data
    model = compiled(mlp())
    with recorder(tmp_path / "run", model, x, y, schedule=2) as made:
        for epoch in range(4):
            assert made.epoch(epoch) == (epoch % 2 == 0)
            model.train_on_batch(x, y)
        made.epoch(4, loss=0.5, f1=0.25)
    run = infoplane.load(tmp_path / "run")
    assert run.state == "finished" and sorted(set(run.plane["epoch"])) == [0, 2, 4]
    assert run.training["train_loss"].tolist() == [0.5] and run.training["f1"].tolist() == [0.25]


def test_a_measurement_within_an_epoch_has_the_weights_of_then(tmp_path, data):
    x, y = data
    seen = []

    class Within(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            seen.append(made.activations()["first"])

    model = compiled(mlp(), jit=True)
    made = recorder(tmp_path / "run", model, x, y)
    model.fit(x, y, epochs=1, batch_size=45, shuffle=False, verbose=0, callbacks=[Within()])
    assert len(seen) == 2 and np.abs(seen[0] - seen[1]).max() > 0.0
    close(seen[1], model.layers[0](x))


def test_metrics_that_are_no_numbers_do_not_stop_a_training():
    logs = {"loss": np.float32(2.0), "val_sparse_categorical_accuracy": 0.5, "per_class": np.ones(3), "lr": 0.1}
    assert infoplane.keras._statistics(logs) == {"loss": 2.0, "val_accuracy": 0.5, "lr": 0.1}


def test_errors_name_the_argument(tmp_path, data):
    x, y = data
    run = tmp_path / "run"
    with pytest.raises(TypeError, match=r"model is a builtins\.int; allowed are models of Keras 3"):
        recorder(run, 1, x, y)
    with pytest.raises(infoplane.RecordError, match="inputs has 90 samples and labels has 89"):
        recorder(run, mlp(), x, y[:-1])
    with pytest.raises(ValueError, match=r"inputs differ in their number of samples, or have none: \[89, 90\]"):
        recorder(run, mlp(), [x, x[:-1]], y)
    with pytest.raises(TypeError, match="inputs is a generator; allowed are an array, a list of arrays"):
        recorder(run, mlp(), (row for row in x), y)
    with pytest.raises(ValueError, match="batch_size = 0"):
        infoplane.keras.Callback(x, y, run=run, estimators=KDE, batch_size=0)
    with pytest.raises(infoplane.RecordError, match="take 'delta-approximate'"):
        infoplane.keras.Callback(x, y, run=run, estimators=KDE, schedule={"kind": "delta-exact", "delta": 0.1})
    with pytest.raises(infoplane.RecordError, match="estimators is empty"):
        infoplane.keras.Callback(x, y, run=run, estimators=[])
    with pytest.raises(infoplane.RecordError, match="the model has no layer with weights"):
        recorder(run, keras.Sequential([layers.Input((6,)), layers.ReLU()]), x, y)
    assert not run.exists()


def test_a_layer_that_the_model_does_not_call(tmp_path, data):
    class Tied(keras.Model):
        def __init__(self):
            super().__init__()
            self.a = layers.Dense(6, name="a")
            self.b = layers.Dense(6, name="b")
            self.b.build((None, 6))

        def call(self, x):
            return keras.ops.matmul(self.a(x), self.b.kernel)

    assert list(recorder(tmp_path / "run", Tied(), *data).activations()) == ["a"]
    with pytest.raises(infoplane.RecordError, match="does not call the layer b, but uses the weights"):
        recorder(tmp_path / "other", Tied(), *data, ["a", "b"])


def test_a_layer_that_the_model_does_not_call_this_time(tmp_path, data):
    class Sometimes(keras.Model):
        def __init__(self):
            super().__init__()
            self.a = layers.Dense(6, name="a")
            self.b = layers.Dense(6, name="b")
            self.skips = False

        def call(self, x):
            return self.a(x) if self.skips else self.b(self.a(x))

    model = Sometimes()
    made = recorder(tmp_path / "run", model, *data)
    model.skips = True
    with pytest.raises(infoplane.RecordError, match="the model did not run b this time"):
        made.activations()


def test_tanh_layers_compress_and_relu_layers_do_not(tmp_path):
    path = Path(__file__).parent.parent / "examples" / "keras_relu_tanh.py"
    spec = importlib.util.spec_from_file_location("keras_relu_tanh", path)
    example = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(example)
    fell = example.main(tmp_path, epochs=80)
    assert fell["tanh"]["3 units"] > 1.0 > fell["relu"]["3 units"]
    assert infoplane.load(tmp_path / "tanh").training["epoch"].max() == 80


def test_layers_are_a_chain_in_a_sequential_model(tmp_path, data):
    def chain(name, model):
        with recorder(tmp_path / name, model, *data) as made:
            return infoplane.load(made.path).manifest["origin"]["recorded"]["settings"].get("chain", False)

    assert chain("flat", mlp())
    assert chain("nested", keras.Sequential([layers.Input((6,)), mlp(), layers.Dense(2)]))
    x = layers.Input((6,))
    inner = layers.Dense(6, activation="tanh")(x)
    assert not chain("functional", keras.Model(x, layers.Dense(3)(x + inner)))
