"""MiniLM-L6 in PyTorch: queries, keys and values in one product, no gradients."""

import torch
import torch.nn.functional as F


def mini_lm(arrays, compiled):
    """From the arrays of the workload to a function that embeds its ids, and its checksum."""
    t = lambda name: torch.tensor(arrays[f"params/{name}"])
    heads = 12
    layers = []
    while f"params/layers/{len(layers)}/out/kernel" in arrays:
        p = lambda part: t(f"layers/{len(layers)}/{part}")
        query, key, value = (p(f"attention/{n}/kernel") for n in ("query", "key", "value"))
        bias = [p("attention/query/bias"), torch.zeros(len(key)), p("attention/value/bias")]
        layers.append(
            [
                torch.cat([query, key, value], 1).T.contiguous(),
                torch.cat(bias),
                p("attention/out/kernel").T.contiguous(),
                p("attention/out/bias"),
                p("attentionNorm/scale"),
                p("attentionNorm/offset"),
                p("hidden/kernel").T.contiguous(),
                p("hidden/bias"),
                p("out/kernel").T.contiguous(),
                p("out/bias"),
                p("outNorm/scale"),
                p("outNorm/offset"),
            ]
        )
    words, positions = t("words"), t("positions")
    scale, offset = t("norm/scale"), t("norm/offset")
    ids = torch.tensor(arrays["ids"]).long()
    batch, time = ids.shape
    width = words.shape[1]
    norm = lambda x, s, o: F.layer_norm(x, (width,), s, o, 1e-12)
    weights = (torch.arange(batch * width) * 1e-4 + 1).reshape(batch, width)

    def vectors_of():
        mask = ids != 0
        x = norm(words[ids] + positions[:time], scale, offset)
        for wqkv, bqkv, wo, bo, s1, o1, w1, b1, w2, b2, s2, o2 in layers:
            qkv = F.linear(x, wqkv, bqkv).view(batch, time, 3, heads, -1).permute(2, 0, 3, 1, 4)
            mixed = F.scaled_dot_product_attention(*qkv, attn_mask=mask[:, None, None, :])
            x = norm(x + F.linear(mixed.transpose(1, 2).reshape(x.shape), wo, bo), s1, o1)
            x = norm(x + F.linear(F.gelu(F.linear(x, w1, b1)), w2, b2), s2, o2)
        real = mask[:, :, None].float()
        return F.normalize((x * real).sum(1) / real.sum(1))

    forward = torch.compile(vectors_of) if compiled else vectors_of

    @torch.inference_mode()
    def run():
        return (forward() * weights).sum().item()

    return run
