"""PyTorch peers: `torch_peer.py WORKLOAD eager|compile DATA`."""

import math
import os
import sys

import numpy as np
import torch
import torch.nn.functional as F
from fusion_strategies import STRATEGIES, Weights
from mini_lm import mini_lm
from protocol import norm, read_data, serve

THREADS = int(os.environ["OMP_NUM_THREADS"])
torch.set_num_threads(THREADS)


def parameter(array):
    return torch.nn.Parameter(torch.tensor(np.ascontiguousarray(array)))


def conv_kernel(array):
    """[height, width, in, out] → [out, in, height, width]"""
    return parameter(array.transpose(3, 2, 0, 1))


def linear_kernel(array):
    """[in, out] → [out, in]"""
    return parameter(array.T)


def count(parameters):
    return sum(p.numel() for p in parameters)


def step(arrays, _settings, compiled):
    """The article's training step. PyTorch has no LSTM with ReLU, so its loop is written out, with
    one product for the inputs of all steps."""
    p = lambda name: arrays[f"params/encoders/{name}"]
    conv, conv_bias = conv_kernel(p("image/blocks/0/kernel")), parameter(p("image/blocks/0/bias"))
    # Flattened, PyTorch's feature map has its channels first.
    filters = conv.shape[0]
    side = math.isqrt(p("image/dense/kernel").shape[0] // filters)
    dense = p("image/dense/kernel").reshape(side, side, filters, -1).transpose(2, 0, 1, 3)
    dense = linear_kernel(dense.reshape(side * side * filters, -1))
    dense_bias = parameter(p("image/dense/bias"))
    kernel, bias = linear_kernel(p("text/kernel")), parameter(p("text/bias"))
    recurrent = linear_kernel(p("text/recurrent"))
    image = torch.tensor(arrays["batch/inputs/image"].transpose(0, 3, 1, 2).copy())
    text = torch.tensor(arrays["batch/inputs/text"].transpose(1, 0, 2).copy())
    target = torch.tensor(arrays["batch/target"])

    def loss_of(image, text, target):
        x = F.relu(F.conv2d(image, conv, conv_bias)).flatten(1)
        x = F.relu(F.linear(x, dense, dense_bias))
        h = c = None
        for inputs in F.linear(text, kernel, bias).unbind():
            gates = inputs if h is None else inputs + F.linear(h, recurrent)
            i, f, g, o = gates.chunk(4, 1)
            new = torch.sigmoid(i) * F.relu(g)
            c = new if c is None else torch.sigmoid(f) * c + new
            h = torch.sigmoid(o) * F.relu(c)
        return F.mse_loss(x + h, target)

    parameters = [conv, conv_bias, dense, dense_bias, kernel, bias, recurrent]
    optimizer = torch.optim.Adam(parameters, lr=1e-3, eps=1e-8, fused=True)
    forward = torch.compile(loss_of) if compiled else loss_of

    def train():
        optimizer.zero_grad(set_to_none=True)
        loss = forward(image, text, target)
        loss.backward()
        optimizer.step()
        return loss.item()

    serve(count(parameters), train, lambda loss: {"first loss": loss, "second loss": train()})


def gradients(parameters, x, loss_of, compiled):
    """Forward and backward, the gradient with respect to the input too."""
    leaves = [*parameters, *([] if x is None else [x])]
    forward = torch.compile(loss_of) if compiled else loss_of

    def run():
        for leaf in leaves:
            leaf.grad = None
        loss = forward()
        loss.backward()
        return loss.item()

    def checks(loss):
        return {"loss": loss, "norm of the gradient": norm(leaf.grad.numpy() for leaf in leaves if leaf.grad is not None)}

    serve(count(parameters), run, checks)


def lstm(arrays, _settings, compiled):
    """`torch.nn.LSTM`, whose second bias is not needed and not trained here."""
    model = torch.nn.LSTM(*arrays["params/kernel"].shape[:1], arrays["params/recurrent"].shape[0])
    model.weight_ih_l0 = linear_kernel(arrays["params/kernel"])
    model.weight_hh_l0 = linear_kernel(arrays["params/recurrent"])
    model.bias_ih_l0 = parameter(arrays["params/bias"])
    model.bias_hh_l0 = torch.nn.Parameter(torch.zeros_like(model.bias_ih_l0), requires_grad=False)
    model.flatten_parameters()
    # Time first is what it computes with.
    x = parameter(arrays["batch/x"].transpose(1, 0, 2))
    target = torch.tensor(arrays["batch/target"].transpose(1, 0, 2).copy())
    trained = [p for p in model.parameters() if p.requires_grad]
    gradients(trained, x, lambda: F.mse_loss(model(x)[0], target), compiled)


def attention(arrays, _settings, compiled):
    """Queries, keys and values in one product, as `torch.nn.MultiheadAttention` has it; the keys have
    a bias, whose gradient is 0."""
    heads = 8
    p = lambda name: arrays[f"params/{name}"]
    layers = []
    for i in range(sum(name.endswith("feedForwardNorm/scale") for name in arrays)):
        at = lambda part: p(f"layers/{i}/{part}")
        key = at("attention/key/kernel")
        qkv = [at("attention/query/kernel"), key, at("attention/value/kernel")]
        biases = [at("attention/query/bias"), np.zeros_like(key[0]), at("attention/value/bias")]
        layers.append(
            [
                parameter(at("norm/scale")),
                parameter(at("norm/offset")),
                linear_kernel(np.concatenate(qkv, 1)),
                parameter(np.concatenate(biases)),
                linear_kernel(at("attention/out/kernel")),
                parameter(at("attention/out/bias")),
                parameter(at("feedForwardNorm/scale")),
                parameter(at("feedForwardNorm/offset")),
                linear_kernel(at("hidden/kernel")),
                parameter(at("hidden/bias")),
                linear_kernel(at("out/kernel")),
                parameter(at("out/bias")),
            ]
        )
    last = [parameter(p("norm/scale")), parameter(p("norm/offset"))]
    x, target = parameter(arrays["batch/x"]), torch.tensor(arrays["batch/target"])
    batch, time, width = x.shape

    def loss_of():
        y = x
        for s1, o1, wqkv, bqkv, wo, bo, s2, o2, w1, b1, w2, b2 in layers:
            qkv = F.linear(F.layer_norm(y, (width,), s1, o1), wqkv, bqkv)
            q, k, v = qkv.view(batch, time, 3, heads, -1).permute(2, 0, 3, 1, 4)
            mixed = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(y.shape)
            y = y + F.linear(mixed, wo, bo)
            inner = F.linear(F.layer_norm(y, (width,), s2, o2), w1, b1)
            y = y + F.linear(F.gelu(inner, approximate="tanh"), w2, b2)
        return F.mse_loss(F.layer_norm(y, (width,), *last).mean(1), target)

    gradients([p for layer in layers for p in layer] + last, x, loss_of, compiled)


def convolve_same(conv, x):
    """Padded by zeros as TensorFlow does: where their number is odd, one more at the end."""
    (kernel, stride), side = (conv.kernel_size[0], conv.stride[0]), x.shape[-1]
    missing = max((math.ceil(side / stride) - 1) * stride + kernel - side, 0)
    before = missing // 2
    if missing % 2 == 0:
        return F.conv2d(x, conv.weight, conv.bias, stride, before)
    return conv(F.pad(x, (before, missing - before) * 2))


class Vqa(torch.nn.Module):
    """Conv blocks, the maximum over all places, a dense layer; word vectors and an LSTM; their
    product; two dense layers."""

    def __init__(self, p, normalization, strides, pool):
        super().__init__()
        self.strides, self.pool = strides, pool
        image, text = "encoders/image", "encoders/text"
        convs, norms = [], []
        while f"params/{image}/blocks/{len(convs)}/kernel" in p:
            at = f"params/{image}/blocks/{len(convs)}"
            kernel = conv_kernel(p[f"{at}/kernel"])
            plain = normalization == "none"
            conv = torch.nn.Conv2d(
                *kernel.shape[1::-1], kernel.shape[2], stride=strides[len(convs)], bias=plain
            )
            conv.weight = kernel
            if plain:
                conv.bias = parameter(p[f"{at}/bias"])
                norms.append(torch.nn.Identity())
            else:
                channels = kernel.shape[0]
                batch = normalization == "batch"
                layer = torch.nn.BatchNorm2d(channels) if batch else torch.nn.GroupNorm(8, channels)
                layer.weight = parameter(p[f"{at}/norm/scale"])
                layer.bias = parameter(p[f"{at}/norm/offset"])
                norms.append(layer)
            convs.append(conv)
        self.convs, self.norms = torch.nn.ModuleList(convs), torch.nn.ModuleList(norms)
        self.dense = linear(p, f"params/{image}/dense")
        self.words = torch.nn.Embedding(*p[f"params/{text}/embedding"].shape)
        self.words.weight = parameter(p[f"params/{text}/embedding"])
        width, gates = p[f"params/{text}/lstm/kernel"].shape
        self.lstm = torch.nn.LSTM(width, gates // 4, batch_first=True)
        self.lstm.weight_ih_l0 = linear_kernel(p[f"params/{text}/lstm/kernel"])
        self.lstm.weight_hh_l0 = linear_kernel(p[f"params/{text}/lstm/recurrent"])
        self.lstm.bias_ih_l0 = parameter(p[f"params/{text}/lstm/bias"])
        zero = torch.zeros_like(self.lstm.bias_ih_l0)
        self.lstm.bias_hh_l0 = torch.nn.Parameter(zero, requires_grad=False)
        self.lstm.flatten_parameters()
        self.hidden = linear(p, "params/head/layers/0")
        self.output = linear(p, "params/head/layers/1")

    def forward(self, pixels, ids, image_rows, text_rows):
        x = pixels * 2 - 1
        for conv, norm_layer in zip(self.convs, self.norms):
            x = F.relu(norm_layer(convolve_same(conv, x)))
            x = F.max_pool2d(x, self.pool) if self.pool > 1 else x
        x = F.relu(self.dense(x.amax((2, 3))))
        states = self.lstm(self.words(ids))[0]
        lengths = (ids != 0).sum(1)
        y = states[torch.arange(len(ids)), lengths - 1]
        z = x[image_rows] * y[text_rows]
        return self.output(F.relu(self.hidden(z)))


def linear(p, at):
    layer = torch.nn.Linear(*p[f"{at}/kernel"].shape)
    layer.weight, layer.bias = linear_kernel(p[f"{at}/kernel"]), parameter(p[f"{at}/bias"])
    return layer


def vqa(arrays, settings, compiled):
    """One epoch of easy-VQA: batches of 64 pictures with all their questions, each picture and each
    text encoded once, flips, AdamW, one cycle."""
    torch.manual_seed(0)
    pictures = torch.tensor(arrays["pixels"].view(np.uint8).reshape(-1, 64, 64, 3))
    texts = torch.tensor(arrays["texts"], dtype=torch.int64)
    image_rows, text_rows = arrays["imageRows"], arrays["textRows"]
    target = torch.tensor(arrays["target"], dtype=torch.int64)
    order = np.argsort(image_rows, kind="stable")
    starts = np.searchsorted(image_rows[order], np.arange(len(pictures) + 1))
    questions = [order[a:b] for a, b in zip(starts[:-1], starts[1:])]
    size = int(settings["batch"])
    steps = int(settings["epochs"]) * math.ceil(len(pictures) / size)

    strides = [int(stride) for stride in settings["strides"].split(",")]
    model = Vqa(arrays, settings["norm"], strides, int(settings["pool"]))
    model = model.to(memory_format=torch.channels_last)
    trained = [p for p in model.parameters() if p.requires_grad]
    decay, peak = float(settings["weightDecay"]), float(settings["peak"])
    optimizer = torch.optim.AdamW(trained, lr=peak, weight_decay=decay, fused=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, peak, total_steps=steps, cycle_momentum=False
    )
    forward = torch.compile(model, dynamic=True) if compiled else model

    def batch_of(images, flips):
        indices = np.concatenate([questions[image] for image in images])
        repeats = [len(questions[image]) for image in images]
        used, own_rows = np.unique(text_rows[indices], return_inverse=True)
        # Channels last in memory, as the pictures are: the faster of the two layouts here.
        x = pictures[images].permute(0, 3, 1, 2).float() / 255
        if flips:
            x = torch.where(torch.rand(len(images), 1, 1, 1) < 0.5, x.flip(3), x)
        rows = torch.from_numpy(np.repeat(np.arange(len(images)), repeats))
        return (x, texts[used], rows, torch.from_numpy(own_rows)), target[indices]

    def initial_loss():
        model.eval()
        total = 0.0
        with torch.no_grad():
            for begin in range(0, len(pictures), size):
                inputs, labels = batch_of(np.arange(begin, min(begin + size, len(pictures))), False)
                total += F.cross_entropy(model(*inputs), labels, reduction="sum").item()
        model.train()
        return total / len(target)

    before = initial_loss()
    done = 0

    def epoch():
        nonlocal done
        total = 0.0
        images = np.random.permutation(len(pictures))
        for begin in range(0, len(images), size):
            inputs, labels = batch_of(images[begin : begin + size], True)
            optimizer.zero_grad(set_to_none=True)
            loss = F.cross_entropy(forward(*inputs), labels)
            loss.backward()
            optimizer.step()
            done += 1
            if done < steps:
                schedule.step()
            total += loss.item()
        return total

    serve(count(trained), epoch, lambda _: {"loss before training": before})


def fusion(arrays, settings, compiled):
    """One fusion strategy, forward and backward, the gradients of all it is given too."""
    weights = Weights(arrays)
    given = {k[len("batch/x/") :]: parameter(a) for k, a in arrays.items() if "batch/x/" in k}
    target = torch.tensor(arrays["batch/target"])
    strategy = STRATEGIES[settings["strategy"]]
    inputs = [given.get(name) for name in ("image", "text", "imageTokens", "textTokens")]
    loss_of = lambda: F.mse_loss(strategy(weights, *inputs), target)
    loss_of()  # layers of one input are packed into one
    gradients([*weights.parameters(), *given.values()], None, loss_of, compiled)


def embed_texts(arrays, _settings, compiled):
    """Forward alone, with the weights of MiniLM-L6."""
    parameters = sum(a.size for name, a in arrays.items() if name.startswith("params/"))
    serve(parameters, mini_lm(arrays, compiled), lambda checksum: {"checksum": checksum})


WORKLOADS = {"mini-lm": embed_texts, "step": step, "lstm": lstm, "attention": attention, "vqa": vqa, "fusion": fusion}

if __name__ == "__main__":
    workload, variant, path = sys.argv[1:]
    WORKLOADS[workload](*read_data(path), variant == "compile")
