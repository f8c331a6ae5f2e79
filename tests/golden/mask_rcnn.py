"""Numbers of Mask R-CNN, from torchvision 0.26.

    python tests/golden/mask_rcnn.py        [NAME]...   # writes mask_rcnn_NAME.json beside itself

Weights, images and momenta are functions of (stream, position) in 32-bit integers, which
tests/models/golden_numbers.h repeats; masks are ellipses in integers. Sampling takes the first
candidates instead of random ones. A gradient, computed in float64, is held by its norm and its products
with 4 vectors of signs, as in unet.py.
"""

import json
import math
import pathlib
import sys

import numpy as np
import torch
import torchvision
from torch import nn
from torchvision.models.detection import MaskRCNN, _utils, rpn
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.backbone_utils import _resnet_fpn_extractor
from torchvision.models.detection.faster_rcnn import FastRCNNConvFCHead, TwoMLPHead, FastRCNNPredictor
from torchvision.models.detection.mask_rcnn import MaskRCNNHeads, MaskRCNNPredictor
from torchvision.ops import FrozenBatchNorm2d

from counter_numbers import bits, uniform

FOLDER = pathlib.Path(__file__).parent
FIRST_OF_HEADS = ("roi_heads.box_head.fc6", "roi_heads.box_head.0", "roi_heads.mask_head.0.0", "rpn.head.conv.0")
IMAGES, SIGNS, WEIGHTS, MOMENTA = 1, 1000, 5000, 20000
CLASSES = 3
SIZES = [(96, 128), (112, 90)]
OBJECTS = [[((8, 10, 50, 60), 1), ((60, 20, 120, 90), 2), ((30, 50, 44, 70), 3)],
           [((5, 40, 70, 100), 2), ((50, 6, 88, 40), 1)]]


def products(gradient):
    signs = bits(SIGNS, gradient.numel())
    flat = gradient.double().flatten()
    return [float(flat @ torch.from_numpy(1.0 - 2.0 * ((signs >> np.uint32(8 + k)) & np.uint32(1)).astype(np.float64)))
            for k in range(4)]


def ellipse(box, height, width):
    x1, y1, x2, y2 = box
    w, h = x2 - x1, y2 - y1
    dx = (2 * np.arange(width) + 1 - x1 - x2)[None] * h
    dy = (2 * np.arange(height) + 1 - y1 - y2)[:, None] * w
    return torch.from_numpy((dx * dx + dy * dy <= (w * h) ** 2).astype(np.uint8))


def batch(step=0):
    images = [(uniform(IMAGES + i + 10 * step, (3, *size)) + 1) / 2 for i, size in enumerate(SIZES)]
    targets = [{"boxes": torch.tensor([b for b, _ in objects], dtype=torch.float32),
                "labels": torch.tensor([k for _, k in objects]),
                "masks": torch.stack([ellipse(b, *size) for b, _ in objects])}
               for objects, size in zip(OBJECTS, SIZES)]
    return images, targets


class FirstCandidates(_utils.BalancedPositiveNegativeSampler):
    def __call__(self, matched_idxs):
        chosen = []
        for labels in matched_idxs:
            positive, negative = torch.where(labels >= 1)[0], torch.where(labels == 0)[0]
            count = min(positive.numel(), int(self.batch_size_per_image * self.positive_fraction))
            rest = min(negative.numel(), self.batch_size_per_image - count)
            masks = [torch.zeros_like(labels, dtype=torch.uint8) for _ in range(2)]
            masks[0][positive[:count]] = 1
            masks[1][negative[:rest]] = 1
            chosen.append(masks)
        return [c[0] for c in chosen], [c[1] for c in chosen]


def make(backbone, frozen=False, version=1, channels=256, representation=1024):
    norm = FrozenBatchNorm2d if frozen else nn.BatchNorm2d
    body = getattr(torchvision.models, backbone)(weights=None, norm_layer=norm)
    second = {"norm_layer": nn.BatchNorm2d} if version == 2 else {}
    fpn = _resnet_fpn_extractor(body, 5, **second)
    if channels != 256:
        fpn.fpn = torchvision.ops.FeaturePyramidNetwork(
            [body.inplanes // 8 * 2**i for i in range(4)], channels, torchvision.ops.feature_pyramid_network.LastLevelMaxPool())
        fpn.out_channels = channels
    options = {}
    if version == 2:
        options["rpn_head"] = rpn.RPNHead(channels, 3, conv_depth=2)
        options["box_head"] = FastRCNNConvFCHead((channels, 7, 7), [channels] * 4, [representation], norm_layer=nn.BatchNorm2d)
    else:
        options["box_head"] = TwoMLPHead(channels * 49, representation)
    options["box_predictor"] = FastRCNNPredictor(representation, CLASSES + 1)
    options["mask_head"] = MaskRCNNHeads(channels, [channels] * 4, 1, **second)
    options["mask_predictor"] = MaskRCNNPredictor(channels, channels, CLASSES + 1)
    model = MaskRCNN(fpn, min_size=128, max_size=192, box_detections_per_img=20, **options)
    model.rpn.fg_bg_sampler = FirstCandidates(256, 0.5)
    model.roi_heads.fg_bg_sampler = FirstCandidates(512, 0.25)
    return model


def gain(key, score_gain):
    if "bbox_pred" in key:
        return 0.02
    if "cls_score" in key:
        return score_gain
    if "cls_logits" in key:
        return 0.05
    return 0.2 if "mask_fcn_logits" in key else 1


def calm_values(key, shape, values, first_gain):
    """Values with which no ReLU decides near 0: there the rounding of another processor's kernels would
    switch some of millions of activations, and a switched share s changes gradients by sqrt(s). Of every
    four channels one is off, the same in all layers, so that what residual blocks add agrees."""
    if len(shape) == 1 and key.endswith(".weight"):
        return np.float32(0.05) + np.float32(0.01) * values
    if len(shape) == 1:
        return torch.where(torch.arange(shape[0]) % 4 == 3, -1, 1) * (1 + np.float32(0.2) * values)
    first = key.startswith(FIRST_OF_HEADS)
    return np.float32((first_gain if first else 0.1) * math.sqrt(6 / (math.prod(shape) // shape[0]))) * values


def feeds_relu(key):
    return (key.startswith(("backbone.body", "rpn.head.conv", "roi_heads.box_head", "roi_heads.mask_head",
                            "roi_heads.mask_predictor.conv5_mask")) and "running" not in key)


def fill(model, step=0, score_gain=0.05, first_gain=None):
    """The tensors of the state dictionary in the order of their keys; calm ones with a `first_gain`."""
    state = sorted((k, v) for k, v in model.state_dict().items() if not k.endswith("num_batches_tracked"))
    with torch.no_grad():
        for index, (key, tensor) in enumerate(state):
            values = uniform(WEIGHTS + index + 1000 * step, tensor.shape)
            if first_gain is not None and feeds_relu(key):
                tensor.copy_(calm_values(key, tensor.shape, values, first_gain))
            elif key.endswith("running_var"):
                tensor.copy_(1 + np.float32(0.5) * values)
            elif tensor.dim() == 1 and key.endswith(".weight"):
                tensor.copy_(0.5 + np.float32(0.1) * values)
            elif tensor.dim() == 1:
                tensor.copy_(np.float32(0.1) * values)
            else:
                fan_in = tensor.numel() // tensor.shape[0]
                tensor.copy_(np.float32(gain(key, score_gain) * math.sqrt(6 / fan_in)) * values)


def rounded(values, digits=9):
    return [float(f"{v:.{digits}g}") for v in values]


def make_calm(score_gain, first_gain, **kind):
    """A network for training; where its statistics are frozen, they are those of the batch."""
    model = make(**kind)
    fill(model, 0, score_gain, first_gain)
    if kind.get("frozen"):
        batchwise = make(**{**kind, "frozen": False})
        fill(batchwise, 0, score_gain, first_gain)
        for module in batchwise.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.momentum = 1
        batchwise.train()(*batch())
        model.load_state_dict({k: v for k, v in batchwise.state_dict().items() if not k.endswith("num_batches_tracked")})
    return model.train()


def doubles(images, targets):
    return [i.double() for i in images], [{k: v.double() if v.is_floating_point() else v for k, v in t.items()} for t in targets]


def run(name, score_gain=0.05, first_gain=0.005, **kind):
    model = make_calm(score_gain, first_gain, **kind).double()
    margins = []
    for key, module in model.named_modules():
        if isinstance(module, nn.ReLU):
            module.inplace = False
            module.register_forward_pre_hook(lambda _, x, key=key: margins.append((x[0].abs().min().item(), key)))
        if key.startswith(("roi_heads.box_head.fc", "roi_heads.mask_predictor.conv5")):
            module.register_forward_hook(lambda _, __, y, key=key: margins.append((y.abs().min().item(), key)))
    losses = model(*doubles(*batch()))
    smallest = sorted(margins)[:3]
    sum(losses.values()).backward()
    gradients = {key: {"norm": p.grad.double().norm().item(), "products": rounded(products(p.grad))}
                 for key, p in sorted(model.named_parameters())}
    model.float()
    fill(model, 0, score_gain)
    model.eval()
    with torch.no_grad():
        detections = model(batch()[0])
    found = [{"boxes": [rounded(b, 8) for b in d["boxes"].tolist()], "scores": rounded(d["scores"].tolist(), 8),
              "labels": d["labels"].tolist(),
              "masks": rounded(d["masks"][:, 0].flatten()[::97].tolist(), 6)} for d in detections]
    print(name, "smallest inputs of ReLUs", smallest, {k: round(v.item(), 5) for k, v in losses.items()}, [len(f["scores"]) for f in found],
          [f["scores"][:3] + f["scores"][-1:] for f in found], flush=True)
    return {"name": name, "score_gain": score_gain, "first_gain": first_gain, **kind, "losses": {k: v.item() for k, v in losses.items()}, "gradients": gradients,
            "detections": found}


def teacher_forced(steps=20):
    """SGD steps, each from weights and momenta that are functions of its number."""
    result = []
    for step in range(steps):
        model = make("resnet18", channels=64, representation=256)
        fill(model, step + 1, first_gain=0.01)
        model.double()
        named = sorted(model.named_parameters())
        optimizer = torch.optim.SGD([p for _, p in named], lr=0.02, momentum=0.9, weight_decay=1e-4)
        for index, (_, p) in enumerate(named):
            optimizer.state[p]["momentum_buffer"] = (np.float32(1e-3) * uniform(MOMENTA + index + 1000 * step, p.shape)).double()
        before = [p.detach().clone() for _, p in named]
        losses = model.train()(*doubles(*batch(step + 1)))
        sum(losses.values()).backward()
        optimizer.step()
        updates = [p.detach() - b for (_, p), b in zip(named, before)]
        result.append({"losses": {k: v.item() for k, v in losses.items()},
                       "updates": {key: {"norm": float(f"{u.norm().item():.6g}"), "products": rounded(products(u), 6)}
                                   for (key, _), u in zip(named, updates)}})
        print(step, {k: round(v.item(), 5) for k, v in losses.items()}, flush=True)
    return result


CASES = {"resnet18_batch": dict(backbone="resnet18"),
         "resnet18_frozen": dict(backbone="resnet18", frozen=True),
         "resnet18_v2": dict(backbone="resnet18", version=2, score_gain=1.0, first_gain=0.05),
         "resnet50_batch": dict(backbone="resnet50"),
         "resnet50_frozen": dict(backbone="resnet50", frozen=True)}


def keys():
    """The state dictionaries of the published architectures: key, shape."""
    for version, make_model in (("v1", torchvision.models.detection.maskrcnn_resnet50_fpn),
                                ("v2", torchvision.models.detection.maskrcnn_resnet50_fpn_v2)):
        state = make_model(weights=None, weights_backbone=None).state_dict()
        lines = [f"{key} {'x'.join(map(str, tensor.shape))}" for key, tensor in sorted(state.items())]
        (FOLDER / f"mask_rcnn_keys_{version}.txt").write_text("\n".join(lines) + "\n")


def main():
    torch.set_num_threads(1)
    names = sys.argv[1:] or [*CASES, "steps", "keys"]
    for name in names:
        if name == "keys":
            keys()
            continue
        numbers = teacher_forced() if name == "steps" else run(name, **CASES[name])
        text = json.dumps(numbers, separators=(",", ":"))
        (FOLDER / f"mask_rcnn_{name}.json").write_text(text.replace('},"', '},\n"') + "\n")


if __name__ == "__main__":
    main()
