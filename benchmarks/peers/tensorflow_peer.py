"""TensorFlow-Keras peers: `tensorflow_peer.py WORKLOAD function|xla DATA`."""

import os
import sys

import numpy as np
import tensorflow as tf
from protocol import norm, read_data, serve
from tensorflow import keras

tf.config.threading.set_intra_op_parallelism_threads(int(os.environ["TF_NUM_INTRAOP_THREADS"]))
tf.config.threading.set_inter_op_parallelism_threads(int(os.environ["TF_NUM_INTRAOP_THREADS"]))


def count(variables):
    return sum(int(v.numpy().size) for v in variables)


def step(arrays, _settings, xla):
    """The article's training step, of Keras layers and Keras' Adam."""
    p = lambda name: arrays[f"params/encoders/{name}"]
    image_input = keras.Input(arrays["batch/inputs/image"].shape[1:])
    text_input = keras.Input(arrays["batch/inputs/text"].shape[1:])
    filters = p("image/blocks/0/bias").size
    layers = [
        keras.layers.Conv2D(filters, 3, activation="relu"),
        keras.layers.Dense(128, activation="relu"),
        # Unrolled it is faster than as a loop.
        keras.layers.LSTM(128, activation="relu", unroll=True),
    ]
    conv, dense, lstm = layers
    x = dense(keras.layers.Flatten()(conv(image_input)))
    model = keras.Model([image_input, text_input], x + lstm(text_input))
    conv.set_weights([p("image/blocks/0/kernel"), p("image/blocks/0/bias")])
    dense.set_weights([p("image/dense/kernel"), p("image/dense/bias")])
    lstm.set_weights([p("text/kernel"), p("text/recurrent"), p("text/bias")])
    optimizer = keras.optimizers.Adam(1e-3, epsilon=1e-8)
    optimizer.build(model.trainable_variables)
    image = tf.constant(arrays["batch/inputs/image"])
    text = tf.constant(arrays["batch/inputs/text"])
    target = tf.constant(arrays["batch/target"])

    @tf.function(jit_compile=xla)
    def train_step(image, text, target):
        with tf.GradientTape() as tape:
            z = model([image, text], training=True)
            loss = tf.reduce_mean(tf.square(z - target))
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables))
        return loss

    train = lambda: float(train_step(image, text, target))
    checks = lambda loss: {"first loss": loss, "second loss": train()}
    serve(count(model.trainable_variables), train, checks)


def gradients(variables, x, loss_of, xla):
    """Forward and backward, the gradient with respect to the input too."""
    x = tf.constant(x)
    latest = []

    @tf.function(jit_compile=xla)
    def compute(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            loss = loss_of(x)
        return loss, tape.gradient(loss, [*variables, x])

    def run():
        nonlocal latest
        loss, latest = compute(x)
        return float(loss)

    def checks(loss):
        return {"loss": loss, "norm of the gradient": norm(g.numpy() for g in latest)}

    serve(count(variables), run, checks)


def lstm(arrays, _settings, xla):
    layer = keras.layers.LSTM(arrays["params/recurrent"].shape[0], return_sequences=True, unroll=True)
    layer.build(arrays["batch/x"].shape)
    layer.set_weights([arrays[f"params/{name}"] for name in ("kernel", "recurrent", "bias")])
    target = tf.constant(arrays["batch/target"])
    loss_of = lambda x: tf.reduce_mean(tf.square(layer(x) - target))
    gradients(layer.trainable_variables, arrays["batch/x"], loss_of, xla)


def attention(arrays, _settings, xla):
    heads = 8
    batch, time, width = arrays["batch/x"].shape
    v = {name: a for name, a in arrays.items() if name.startswith("params/")}
    layers = sum(name.endswith("feedForwardNorm/scale") for name in v)
    for i in range(layers):
        # Queries, keys and values in one product.
        at = f"params/layers/{i}/attention"
        parts = [v.pop(f"{at}/{part}/kernel") for part in ("query", "key", "value")]
        bias, zero = v.pop(f"{at}/query/bias"), np.zeros(width, np.float32)
        v[f"{at}/project/kernel"] = np.concatenate(parts, 1)
        v[f"{at}/project/bias"] = np.concatenate([bias, zero, v.pop(f"{at}/value/bias")])
    v = {name: tf.Variable(a) for name, a in v.items()}
    target = tf.constant(arrays["batch/target"])

    def normalize(y, at):
        mean, variance = tf.nn.moments(y, -1, keepdims=True)
        return tf.nn.batch_normalization(
            y, mean, variance, v[f"{at}/offset"], v[f"{at}/scale"], 1e-5
        )

    def dense(y, at):
        return tf.matmul(y, v[f"{at}/kernel"]) + v[f"{at}/bias"]

    def loss_of(x):
        y = tf.reshape(x, [batch * time, width])
        for i in range(layers):
            at = f"params/layers/{i}"
            qkv = dense(normalize(y, f"{at}/norm"), f"{at}/attention/project")
            qkv = tf.reshape(qkv, [batch, time, 3, heads, width // heads])
            q, k, values = tf.unstack(tf.transpose(qkv, [2, 0, 3, 1, 4]))
            scores = tf.matmul(q, k, transpose_b=True) * (width // heads) ** -0.5
            mixed = tf.transpose(tf.matmul(tf.nn.softmax(scores), values), [0, 2, 1, 3])
            y += dense(tf.reshape(mixed, [batch * time, width]), f"{at}/attention/out")
            inner = dense(normalize(y, f"{at}/feedForwardNorm"), f"{at}/hidden")
            y += dense(tf.nn.gelu(inner, approximate=True), f"{at}/out")
        z = tf.reduce_mean(tf.reshape(normalize(y, "params/norm"), [batch, time, width]), 1)
        return tf.reduce_mean(tf.square(z - target))

    gradients(list(v.values()), arrays["batch/x"], loss_of, xla)


WORKLOADS = {"step": step, "lstm": lstm, "attention": attention}

if __name__ == "__main__":
    workload, variant, path = sys.argv[1:]
    WORKLOADS[workload](*read_data(path), variant == "xla")
