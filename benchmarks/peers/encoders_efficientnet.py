"""EfficientNet-Lite0 on pictures, as one runs it in PyTorch: channels last, batch norm folded into
the convolutions. `encoders_efficientnet.py DATA`."""

import sys

import numpy as np
import torch
import torch.nn.functional as F

from protocol import read_data, serve

arrays, settings = read_data(sys.argv[1])
BATCH = int(settings["batch"])
SIDE = 224


def unit(path):
    """A convolution's kernel [out, in, h, w] and bias, with the norm in them."""
    at = f"params/{path}"
    norm = {k: arrays[f"{at}/norm/{k}"] for k in
            ("scale", "offset", "statistics/mean", "statistics/variance")}
    factor = norm["scale"] / np.sqrt(norm["statistics/variance"] + 1e-3)
    kernel = arrays[f"{at}/kernel"]
    depthwise = kernel.shape[3] == 1
    kernel = kernel.transpose((2, 3, 0, 1) if depthwise else (3, 2, 0, 1)) * factor[:, None, None, None]
    bias = norm["offset"] - norm["statistics/mean"] * factor
    weight = torch.tensor(np.ascontiguousarray(kernel)).contiguous(memory_format=torch.channels_last)
    return weight, torch.tensor(bias), depthwise


def apply(u, x, stride=1):
    weight, bias, depthwise = u
    side = weight.shape[2]
    total = max((-(-x.shape[2] // stride) - 1) * stride + side - x.shape[2], 0)
    pad = total // 2
    if total % 2:
        x, pad = F.pad(x, (pad, total - pad, pad, total - pad)), 0
    return F.conv2d(x, weight, bias, stride, pad, groups=x.shape[1] if depthwise else 1)


STRIDES = [1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1, 1, 1, 1]
stem, features = unit("stem"), unit("features")
blocks = [
    [unit(f"blocks/{i}/{p}") if f"params/blocks/{i}/{p}/kernel" in arrays else None
     for p in ("expand", "depthwise", "project")]
    for i in range(len(STRIDES))
]
kernel, bias = (torch.tensor(arrays[f"params/dense/{k}"]) for k in ("kernel", "bias"))
pixels = torch.tensor(arrays["pixels"].view(np.uint8).reshape(-1, SIDE, SIDE, 3))
inputs = ((pixels.float() - 127) / 128).permute(0, 3, 1, 2)


@torch.inference_mode()
def logits(x):
    x = F.relu6(apply(stem, x, 2), inplace=True)
    for stride, (expand, depthwise, project) in zip(STRIDES, blocks):
        y = F.relu6(apply(expand, x), inplace=True) if expand else x
        y = apply(project, F.relu6(apply(depthwise, y, stride), inplace=True))
        x = x + y if stride == 1 and x.shape[1] == y.shape[1] else y
    x = F.relu6(apply(features, x), inplace=True)
    return torch.addmm(bias, x.mean((2, 3)), kernel)


def checks(_):
    out = {}
    for i, row in enumerate(torch.cat([logits(x) for x in inputs.split(BATCH)]).numpy()):
        out[f"norm of the logits of picture {i}"] = float(np.linalg.norm(row.astype(np.float64)))
        out[f"largest logit of picture {i}"] = float(row.max())
    return out


batch = inputs[:BATCH].contiguous(memory_format=torch.channels_last)
count = sum(a.size for k, a in arrays.items() if k.startswith("params/"))
serve(count, lambda: float(logits(batch)[0, 0]), checks)
