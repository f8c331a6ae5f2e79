"""Whether torchvision loads a checkpoint's model.safetensors with strict=True.

    python tests/golden/torchvision_loads.py model.safetensors --network maskrcnn_resnet50_fpn --classes 4 \
        [--backbone resnet18] [--channels 1] [--norm frozen_batch]

--classes counts the background, as torchvision does. Prints the number of tensors; exits with 1, and torchvision's
list of names, where one is missing, foreign or of another shape, and where a value is not finite.
"""
import argparse
import sys

import safetensors.torch
import torch
from torchvision.models import detection
from torchvision.models.detection.backbone_utils import resnet_fpn_backbone
from torchvision.ops import FrozenBatchNorm2d

WITH_BACKBONE = {"maskrcnn_resnet50_fpn": detection.MaskRCNN, "fasterrcnn_resnet50_fpn": detection.FasterRCNN}


def network_of(options):
    if options.backbone == "resnet50":
        network = getattr(detection, options.network)(weights=None, weights_backbone=None, num_classes=options.classes)
    else:
        backbone = resnet_fpn_backbone(backbone_name=options.backbone, weights=None, norm_layer=torch.nn.BatchNorm2d)
        network = WITH_BACKBONE[options.network](backbone, num_classes=options.classes)
    stem = network.backbone.body.conv1
    if options.channels != stem.in_channels:
        network.backbone.body.conv1 = torch.nn.Conv2d(options.channels, stem.out_channels, 7, 2, 3, bias=False)
    if options.norm == "frozen_batch":
        freeze(network.backbone.body)
    return network


def freeze(module):
    for name, child in module.named_children():
        if isinstance(child, torch.nn.BatchNorm2d):
            setattr(module, name, FrozenBatchNorm2d(child.num_features))
        else:
            freeze(child)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("file")
    parser.add_argument("--network", default="maskrcnn_resnet50_fpn")
    parser.add_argument("--classes", type=int, default=91)
    parser.add_argument("--backbone", default="resnet50")
    parser.add_argument("--channels", type=int, default=3)
    parser.add_argument("--norm", choices=["batch", "frozen_batch"], default="batch")
    options = parser.parse_args()
    state = safetensors.torch.load_file(options.file)
    try:
        network_of(options).load_state_dict(state, strict=True)
    except RuntimeError as error:
        sys.exit(str(error))
    for name, tensor in state.items():
        if not torch.isfinite(tensor.double()).all():
            sys.exit(f"{name} is not finite")
    print(f"torchvision loads {len(state)} tensors strictly")


main()
