"""Fusion strategies as one writes them in PyTorch, batched, for two modalities: image and text.

Each function takes the weights `w` (see Weights), the vectors x and y, `[batch, width]`, and the
tokens s and t, `[batch, tokens, width]`, of image and text, and gives z.
"""

import math

import numpy as np
import torch
import torch.nn.functional as F


def parameter(array):
    return torch.nn.Parameter(torch.tensor(np.ascontiguousarray(array)))


class Weights:
    """Parameters by path. Kernels of dense layers are transposed, once, as PyTorch has them."""

    def __init__(self, arrays):
        params = {k[len("params/") :]: a for k, a in arrays.items() if k.startswith("params/")}
        self.constants = {
            k[len("constants/") :]: torch.tensor(a)
            for k, a in arrays.items()
            if k.startswith("constants/")
        }
        self.leaves = {}
        self.packed = {}
        for path, array in params.items():
            if "statistics" in path:
                continue
            dense = path.endswith("/kernel") and array.ndim == 2
            self.leaves[path] = array.T if dense else array

    def __getitem__(self, path):
        leaf = self.leaves[path]
        if not isinstance(leaf, torch.nn.Parameter):
            leaf = self.leaves[path] = parameter(leaf)
        return leaf

    def get(self, path):
        return self[path] if path in self.leaves else None

    def count(self, at):
        """How many layers stand in the list at this path."""
        starts = {p[len(at) + 1 :].split("/")[0] for p in self.leaves if p.startswith(f"{at}/")}
        return len(starts)

    def pack(self, at, names):
        """Layers of the same input as one, which is one product; the keys' bias is 0."""
        if at not in self.packed:
            kernels = [self.leaves.pop(f"{at}/{n}/kernel") for n in names]
            biases = [self.leaves.pop(f"{at}/{n}/bias", np.zeros(len(k), np.float32))
                      for n, k in zip(names, kernels)]
            self.packed[at] = (
                parameter(np.concatenate(kernels)),
                parameter(np.concatenate(biases)),
            )
        return self.packed[at]

    def parameters(self):
        return [*self.leaves.values(), *(leaf for pair in self.packed.values() for leaf in pair)]

    def dense(self, at, x):
        return F.linear(x, self[f"{at}/kernel"], self.get(f"{at}/bias"))

    def norm(self, at, x):
        return F.layer_norm(x, x.shape[-1:], self[f"{at}/scale"], self[f"{at}/offset"])


def power_normalize(x):
    root = x * torch.rsqrt(x.abs() + 1e-8)
    return root * torch.rsqrt(root.square().sum(-1, keepdim=True) + 1e-12)


def sum_pool(x, count):
    return x.view(len(x), count, -1).sum(1)


def bilinear_form(x, kernel, y):
    m, n, width = kernel.shape
    matrices = (x @ kernel.view(m, n * width)).view(-1, n, width)
    return torch.bmm(y[:, None], matrices)[:, 0]


def with_one(x):
    return F.pad(x, (0, 1), value=1.0)


def sum_(w, x, y, s, t):
    return x + y


def mean(w, x, y, s, t):
    return (x + y) / 2


def max_(w, x, y, s, t):
    return torch.maximum(x, y)


def product(w, x, y, s, t):
    return x * y


def concat(w, x, y, s, t):
    return torch.cat([x, y], 1)


def gated(w, x, y, s, t):
    a, b = torch.tanh(w.dense("hidden/image", x)), torch.tanh(w.dense("hidden/text", y))
    gate = torch.sigmoid(w.dense("gates/image", torch.cat([x, y], 1)))
    return torch.lerp(b, a, gate)


def film(w, x, y, s, t):
    return torch.addcmul(w.dense("beta", y), 1 + w.dense("gamma", y), x)


def weighted(w, x, y, s, t):
    a, b = torch.softmax(w["logits"], 0)
    return a * x + b * y


def mmtm(w, x, y, s, t):
    both = torch.cat([x, y], 1)
    gates = torch.sigmoid(w.dense("excite", F.relu(w.dense("squeeze", both))))
    return 2 * gates * both


def bilinear(w, x, y, s, t):
    return bilinear_form(x, w["kernels/image/text"], y) + w["bias"]


def mlb(w, x, y, s, t):
    a, b = (torch.tanh(w.dense(f"projections/{m}", v)) for m, v in (("image", x), ("text", y)))
    return w.dense("dense", a * b)


def mfb(w, x, y, s, t):
    return power_normalize(sum_pool(w.dense("image", x) * w.dense("text", y), 5))


def mfh(w, x, y, s, t):
    pooled, before = [], 1
    for q in range(w.count("blocks")):
        before = before * w.dense(f"blocks/{q}/image", x) * w.dense(f"blocks/{q}/text", y)
        pooled.append(power_normalize(sum_pool(before, 5)))
    return torch.cat(pooled, 1)


def mutan(w, x, y, s, t):
    a, b = (torch.tanh(w.dense(f"projections/{m}", v)) for m, v in (("image", x), ("text", y)))
    return sum_pool(w.dense("core/image", a) * w.dense("core/text", b), 10)


def block(w, x, y, s, t):
    factors = []
    for m, v in (("image", x), ("text", y)):
        kernel = w[f"core/{m}/kernel"]
        blocks, width, _ = kernel.shape
        cut = w.dense(f"projections/{m}", v).view(-1, blocks, width).transpose(0, 1)
        factors.append(torch.baddbmm(w[f"core/{m}/bias"], cut, kernel))
    products = (factors[0] * factors[1]).view(blocks, len(x), -1, width)
    together = power_normalize(products.sum(2)).transpose(0, 1).reshape(len(x), -1)
    return w.dense("dense", together)


def tfn(w, x, y, s, t):
    a, b = with_one(w.dense("projections/image", x)), with_one(w.dense("projections/text", y))
    return torch.bmm(a[:, :, None], b[:, None]).flatten(1)


def lmf(w, x, y, s, t):
    return sum_pool((with_one(x) @ w["image"]) * (with_one(y) @ w["text"]), 4)


def mcb(w, x, y, s, t):
    size = 1024
    spectrum = 1
    for m, v in (("image", x), ("text", y)):
        sketch = v.new_zeros(len(v), size)
        bins, signs = w.constants[f"bins/{m}"].long(), w.constants[f"signs/{m}"]
        spectrum = spectrum * torch.fft.rfft(sketch.index_add(1, bins, v * signs))
    return power_normalize(torch.fft.irfft(spectrum, size))


def hypernetwork(w, x, y, s, t):
    return bilinear_form(y, w["kernel"], x) + w.dense("features", x) + w.dense("condition", y)


def select(w, at, features, x, y):
    def branch(name):
        h = features
        for layer in ("down", "up"):
            base = f"{at}/image/{name}/{layer}"
            h = F.relu(h) if layer == "up" else h
            h = w.dense(base, h)
            h = F.batch_norm(h, None, None, w[f"{base}Norm/scale"], w[f"{base}Norm/offset"], True)
        return h

    return torch.lerp(y, x, torch.sigmoid(branch("local") + branch("global")))


def aff(w, x, y, s, t):
    return select(w, "attention", x + y, x, y)


def iaff(w, x, y, s, t):
    return select(w, "second", select(w, "first", x + y, x, y), x, y)


def deep_set(w, x, y, s, t):
    mlp = lambda at, v: w.dense(f"{at}/layers/1", F.relu(w.dense(f"{at}/layers/0", v)))
    a, b = mlp("phi", torch.cat([x, y])).chunk(2)
    return mlp("rho", a + b)


def product_of_experts(w, x, y, s, t):
    (a, p), (b, q) = w.dense("image", x).chunk(2, 1), w.dense("text", y).chunk(2, 1)
    share = torch.softmax(torch.stack([p, q, torch.zeros_like(p)]), 0)
    return a * share[0] + b * share[1]


def mixture_of_experts(w, x, y, s, t):
    opinions = F.relu(torch.cat([w.dense("experts/image", x), w.dense("experts/text", y)], 1))
    weights = torch.softmax(w.dense("gate", torch.cat([x, y], 1)), 1)
    return torch.bmm(weights[:, None], opinions.view(len(x), weights.shape[1], -1))[:, 0]


def late(w, x, y, s, t):
    return (w.dense("classifiers/image", x) + w.dense("classifiers/text", y)) / 2


def evidential(w, x, y, s, t):
    a, b = F.softplus(w.dense("image", x)), F.softplus(w.dense("text", y))
    classes = a.shape[1]
    evidence = classes * ((a / classes + 1) * (b / classes + 1) - 1)
    return torch.log((evidence + 1) / (evidence.sum(1, keepdim=True) + classes))


def attention_pooling(w, x, y, s, t):
    h = torch.stack([w.dense("projections/image", x), w.dense("projections/text", y)], 1)
    a = torch.softmax(w.dense("score", torch.tanh(w.dense("hidden", h))), 1)
    return (a * h).sum(1)


def heads_of(x, heads):
    return x.view(*x.shape[:2], heads, -1).transpose(1, 2)


def attend(w, at, query, memory=None, heads=4):
    if memory is None:
        packed = F.linear(query, *w.pack(at, ("query", "key", "value")))
        q, k, v = (heads_of(part, heads) for part in packed.chunk(3, 2))
    else:
        q = heads_of(w.dense(f"{at}/query", query), heads)
        packed = F.linear(memory, *w.pack(at, ("key", "value")))
        k, v = (heads_of(part, heads) for part in packed.chunk(2, 2))
    gathered = F.scaled_dot_product_attention(q, k, v)
    return w.dense(f"{at}/out", gathered.transpose(1, 2).flatten(2))


def layer(w, at, x, memory=None, outputs=None):
    """A pre-norm transformer layer; of the last one only the first `outputs` tokens are computed."""
    normed = w.norm(f"{at}/norm", x)
    if memory is not None:
        attended = attend(w, f"{at}/attention", normed, w.norm(f"{at}/memoryNorm", memory))
    elif outputs is None:
        attended = attend(w, f"{at}/attention", normed)
    else:
        attended = attend(w, f"{at}/attention", normed[:, :outputs], normed)
        x = x[:, :outputs]
    x = x + attended
    hidden = F.gelu(w.dense(f"{at}/hidden", w.norm(f"{at}/feedForwardNorm", x)), approximate="tanh")
    return x + w.dense(f"{at}/out", hidden)


def transformer(w, at, x, memory=None, outputs=None):
    count = w.count(f"{at}/layers")
    for i in range(count):
        x = layer(w, f"{at}/layers/{i}", x, memory, outputs if i == count - 1 else None)
    return w.norm(f"{at}/norm", x)


POSITIONS = {}


def positioned(x):
    """Adds sinusoidal positions."""
    shape = tuple(x.shape[1:])
    if shape not in POSITIONS:
        places, columns = torch.arange(shape[0])[:, None], torch.arange(shape[1])
        angle = places / 10000 ** ((columns - columns % 2) / shape[1])
        POSITIONS[shape] = torch.where(columns % 2 == 0, angle.sin(), angle.cos())
    return x + POSITIONS[shape]


def cross_attention(w, x, y, s, t):
    q = w.dense("query", y)[:, None]
    return (q + attend(w, "attention", q, w.dense("tokens/image", s)))[:, 0]


def co_attention(w, x, y, s, t):
    a, b = w.dense("tokens/image", s), w.dense("tokens/text", t)
    ha, hb = w.dense("hidden/image", a), w.dense("hidden/text", b)
    affinity = torch.tanh(w.dense("affinity/image/text", a) @ b.transpose(1, 2))
    total = 0
    for m, tokens, h in (
        ("image", a, ha + affinity @ hb),
        ("text", b, hb + affinity.transpose(1, 2) @ ha),
    ):
        weights = torch.softmax(w.dense(f"score/{m}", torch.tanh(h)), 1)
        total = total + (weights.transpose(1, 2) @ tokens)[:, 0]
    return torch.tanh(w.dense("out", total))


def bilinear_attention(w, x, y, s, t):
    u, v = F.relu(w.dense("u/text", t)), F.relu(w.dense("v/image", s))
    p = w["p"]
    logits = torch.einsum("bmr,gr,bnr->bgmn", u, p, v)
    maps = torch.softmax(logits.flatten(2), 2).view_as(logits)
    f = w.dense("query/text", t)
    for g in range(len(p)):
        values = F.relu(w.dense(f"glimpses/{g}/v/image", s))
        joint = (F.relu(w.dense(f"glimpses/{g}/u", f)) * (maps[:, g] @ values)).sum(1)
        f = f + w.dense(f"glimpses/{g}/out", joint)[:, None]
    return f.sum(1)


def non_local_gate(w, x, y, s, t):
    own = w.dense("query/text", t)
    keys, values = w.dense("phi/image", s), w.dense("g/image", s)
    weights = torch.softmax(w.dense("theta", own) @ keys.transpose(1, 2), 2)
    return (own + w.dense("out", weights @ values)).mean(1)


def places(n):
    side = math.isqrt(n)
    rows, columns = (side, side) if side * side == n else (1, n)
    line = lambda count: torch.linspace(-1, 1, count) if count > 1 else torch.zeros(1)
    return torch.cartesian_prod(line(rows), line(columns))


def placed(tokens):
    batch, n, _ = tokens.shape
    return torch.cat([tokens, places(n).expand(batch, -1, -1)], 2)


def film_blocks(w, x, y, s, t):
    h, found = w.dense("projections/image", placed(s)), None
    for k in range(w.count("films")):
        seen = y if found is None else torch.cat([y, found], 1)
        gamma, beta = w.dense(f"films/{k}", seen)[:, None].chunk(2, 2)
        if k:
            h = w.dense(f"convolutions/{k - 1}", h)
        h = F.relu(torch.addcmul(beta, 1 + gamma, h))
        found = torch.cat([h.amax(1), h.mean(1)], 1)
    return w.dense("out", found)


def relation_network(w, x, y, s, t):
    o = placed(s)
    size = o.shape[2]
    kernel = w["layers/0/kernel"]
    left, right = o @ kernel[:, :size].T, o @ kernel[:, size : 2 * size].T
    asked = F.linear(y, kernel[:, 2 * size :], w["layers/0/bias"])
    h = F.relu(left[:, :, None] + right[:, None] + asked[:, None, None])
    for i in range(1, w.count("layers")):
        h = F.relu(w.dense(f"layers/{i}", h))
    return h.sum((1, 2))


def early_transformer(w, x, y, s, t):
    summary = w["summary"].expand(len(x), -1, -1)
    streams = [positioned(w.dense(f"tokens/{m}", v)) for m, v in (("image", s), ("text", t))]
    return transformer(w, "transformer", torch.cat([summary, *streams], 1), outputs=1)[:, 0]


def bottleneck(w, x, y, s, t):
    names = ("image", "text")
    streams = {}
    for m, tokens in zip(names, (s, t)):
        summary = w[f"summaries/{m}"].expand(len(x), -1, -1)
        streams[m] = torch.cat([summary, positioned(w.dense(f"tokens/{m}", tokens))], 1)
    shared = w["bottleneck"].expand(len(x), -1, -1)
    count = w.count("layers/image")
    for i in range(count - 1):
        seen = []
        for m in names:
            length = streams[m].shape[1]
            output = layer(w, f"layers/{m}/{i}", torch.cat([streams[m], shared], 1))
            streams[m] = output[:, :length]
            seen.append(output[:, length:])
        shared = (seen[0] + seen[1]) / 2
    last = [
        layer(w, f"layers/{m}/{count - 1}", torch.cat([streams[m], shared], 1), outputs=1)[:, 0]
        for m in names
    ]
    return (w.norm("norm", last[0]) + w.norm("norm", last[1])) / 2


def perceiver_resampler(w, x, y, s, t):
    memory = torch.cat(
        [positioned(w.dense(f"tokens/{m}", v)) for m, v in (("image", s), ("text", t))], 1
    )
    q = w["queries"].expand(len(x), -1, -1)
    for i in range(w.count("layers")):
        q = layer(w, f"layers/{i}/self", q)
        q = layer(w, f"layers/{i}/cross", q, memory)
    return w.norm("norm", q).mean(1)


def crossmodal_transformer(w, x, y, s, t):
    a, b = positioned(w.dense("tokens/image", s)), positioned(w.dense("tokens/text", t))
    pooled = []
    for target, source, own, memory in (("image", "text", a, b), ("text", "image", b, a)):
        rewritten = transformer(w, f"cross/{target}/{source}", own, memory)
        pooled.append(transformer(w, f"self/{target}", rewritten).mean(1))
    return w.dense("out", torch.cat(pooled, 1))


def camel(name):
    first, *rest = name.rstrip("_").split("_")
    return first + "".join(part.capitalize() for part in rest)


HELPERS = {
    *("parameter", "power_normalize", "sum_pool", "bilinear_form", "with_one", "select", "heads_of"),
    *("attend", "layer", "transformer", "positioned", "places", "placed", "camel"),
}
STRATEGIES = {
    camel(name): f
    for name, f in list(globals().items())
    if callable(f) and getattr(f, "__module__", "") == __name__ and name not in HELPERS
    and name != "Weights"
}
