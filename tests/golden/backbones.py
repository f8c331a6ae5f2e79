"""Numbers of ResNets and feature pyramids, from torchvision.

    python tests/golden/backbones.py   # writes backbones.json beside itself

Weights and images are a function of (stream, position), as in unet.py; tests/models/backbones repeat it.
Everything is computed in double precision: in single precision some activations lie so near to zero that
another order of summation takes them across a ReLU. What is compared in single precision are features only.

Each tensor is held by its norm and its products with 4 vectors of signs; the mean of the squared differences
of those products is an unbiased estimate of the squared norm of the difference.
"""

import json
import pathlib

import numpy as np
import torch
import torchvision
from torch import nn
from torchvision.ops import FeaturePyramidNetwork, FrozenBatchNorm2d
from torchvision.ops.feature_pyramid_network import LastLevelMaxPool

from counter_numbers import bits, uniform

FOLDER = pathlib.Path(__file__).parent
IMAGES, TARGETS, SIGNS, WEIGHTS = 1, 20, 1000, 5000
SHAPE = (2, 3, 75, 64)


def fill(network):
    """Parameters and statistics in the order of their keys."""
    state = {key: value for key, value in network.state_dict().items() if "num_batches_tracked" not in key}
    with torch.no_grad():
        for index, (key, value) in enumerate(sorted(state.items())):
            numbers = uniform(WEIGHTS + index, value.shape).double()
            if value.dim() > 1:
                value.copy_(numbers * np.sqrt(6 / (value.numel() // value.shape[0])))
            elif key.endswith("running_var"):
                value.copy_(1.5 + numbers)
            elif key.endswith("running_mean") or key.endswith("bias"):
                value.copy_(0.2 * numbers)
            else:
                value.copy_(0.5 + 0.2 * numbers)


def as_matterport(body):
    """He et al.'s own block: stride in the first 1x1 convolution; biases everywhere."""
    for stage in (body.layer2, body.layer3, body.layer4):
        stage[0].conv1.stride, stage[0].conv2.stride = (2, 2), (1, 1)
    for module in body.modules():
        if isinstance(module, nn.Conv2d):
            module.bias = nn.Parameter(torch.zeros(module.out_channels))


def products(tensor):
    flat = tensor.detach().double().contiguous().flatten()
    signs = bits(SIGNS, flat.numel())
    return [float(flat @ torch.from_numpy(1.0 - 2.0 * ((signs >> np.uint32(8 + k)) & np.uint32(1)).astype(np.float64)))
            for k in range(4)]


def held(tensor):
    return {"shape": list(tensor.shape), "norm": tensor.detach().double().norm().item(), "products": products(tensor)}


def resnet_maps(body, x):
    x = body.maxpool(body.relu(body.bn1(body.conv1(x))))
    maps = []
    for stage in (body.layer1, body.layer2, body.layer3, body.layer4):
        x = stage(x)
        maps.append(x)
    return maps


def network_numbers(name, mode, pyramid_norm):
    frozen = mode in ("frozen", "matterport")
    eps = 1e-3 if mode == "matterport" else 0.0
    layer = (lambda channels: FrozenBatchNorm2d(channels, eps=eps)) if frozen else nn.BatchNorm2d
    body = getattr(torchvision.models, name)(weights=None, norm_layer=layer)
    del body.fc
    if mode == "matterport":
        as_matterport(body)
    expansion = 4 if hasattr(body.layer1[-1], "conv3") else 1
    widths = [64 * expansion * 2**i for i in range(4)]
    pyramid = FeaturePyramidNetwork(widths, 256, LastLevelMaxPool(), nn.BatchNorm2d if pyramid_norm else None)
    for network in (body, pyramid):
        fill(network)
        network.double().train(mode == "train")
    maps = resnet_maps(body, uniform(IMAGES, SHAPE).double())
    levels = list(pyramid({str(i): m for i, m in enumerate(maps)}).values())
    loss = sum((level * uniform(TARGETS + i, level.shape).double()).sum() for i, level in enumerate(levels))
    loss.backward()
    return {
        "backbone": name, "mode": mode, "pyramid": "batch" if pyramid_norm else "none",
        "parameters": sum(p.numel() for p in body.parameters()),
        "pyramid_parameters": sum(p.numel() for p in pyramid.parameters()),
        "loss": loss.item(), "maps": [held(m) for m in maps], "levels": [held(level) for level in levels],
        "body": {key: held(p.grad) for key, p in body.named_parameters()},
        "fpn": {key: held(p.grad) for key, p in pyramid.named_parameters()},
        "running_mean": None if frozen else held(body.bn1.running_mean),
        "running_var": None if frozen else held(body.bn1.running_var),
    }


def counts():
    names = ("resnet18", "resnet34", "resnet50", "resnet101", "resnet152", "resnext50_32x4d")
    result = {}
    for name in names:
        body = getattr(torchvision.models, name)(weights=None)
        del body.fc
        result[name] = {"parameters": sum(p.numel() for p in body.parameters()), "keys": len(body.state_dict())}
    return result


def keys(name):
    body = getattr(torchvision.models, name)(weights=None)
    del body.fc
    return sorted(body.state_dict())


def rounded(value):
    """Ten digits: more than the tolerance asks for."""
    if isinstance(value, float):
        return float(f"{value:.10g}")
    if isinstance(value, dict):
        return {key: rounded(entry) for key, entry in value.items()}
    return [rounded(entry) for entry in value] if isinstance(value, list) else value


def main():
    torch.set_num_threads(1)
    cases = [network_numbers("resnet18", "eval", True), network_numbers("resnet18", "train", True),
             network_numbers("resnet18", "frozen", False), network_numbers("resnet50", "eval", False),
             network_numbers("resnet50", "train", True), network_numbers("resnet50", "frozen", False),
             network_numbers("resnext50_32x4d", "train", False), network_numbers("resnet50", "matterport", False)]
    numbers = {"torchvision": torchvision.__version__, "shape": list(SHAPE), "counts": counts(),
               "keys": {name: keys(name) for name in ("resnet18", "resnet50")}, "cases": cases}
    text = json.dumps(rounded(numbers), separators=(",", ":"))
    (FOLDER / "backbones.json").write_text(text.replace('},"', '},\n"') + "\n")


if __name__ == "__main__":
    main()
