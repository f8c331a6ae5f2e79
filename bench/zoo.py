"""Training steps of the networks of label maps in PyTorch eager: what bench/zoo.cpp does.

    python bench/zoo.py NETWORK PRECISION LAYOUT THREADS IN SIDE...

See answers.answer(); what a step gives is its loss. The networks are those of tests/golden, which bench/common.sh puts in the path, with their keys;
weights and data are those of bench/zoo.cpp.
"""

import sys

import torch
from torch import nn

import pytorch_unet
import segmentation_networks as images
import unet
import volume_networks as volumes
from answers import answer, fill_kernels, noise, training_step

MAPS = 4


def made(name, channels):
    return {
        "unet": lambda: pytorch_unet.UNet(channels, MAPS, 64),
        "retina_unet": lambda: unet.RetinaUNet(channels, MAPS, 64),
        "sa_unet": lambda: unet.SaUNet(channels, MAPS, 16),
        "attention_unet": lambda: images.AttentionUNet(channels, MAPS, 64, 5),
        "unet_resnet": lambda: images.smp_unet("resnet50", MAPS),
        "fcn_resnet50": lambda: without_auxiliary(images.torchvision_network("fcn_resnet50", MAPS)),
        "fcn_resnet101": lambda: without_auxiliary(images.torchvision_network("fcn_resnet101", MAPS)),
        "deeplabv3": lambda: without_auxiliary(images.torchvision_network("deeplabv3_resnet50", MAPS)),
        "deeplabv3_plus": lambda: images.DeepLabV3Plus(MAPS),
        "fcn8s": lambda: images.Fcn8s(MAPS, 1024),
        "unet3d": lambda: volumes.UNet3d(channels, MAPS, (16, 32, 64, 128)),
        "unet3d_original": lambda: volumes.UNet3dOriginal(channels, MAPS, (64, 128, 256, 512)),
        "attention_unet3d": lambda: volumes.AttentionUNet3d(channels, MAPS, (16, 32, 64, 128, 256)),
        "vnet": lambda: volumes.VNet(channels, MAPS, 16),
        "vnet_original": lambda: volumes.Named(channels, MAPS),
        "anatomynet": lambda: volumes.AnatomyNet(channels, MAPS),
        "deepmedic": lambda: volumes.DeepMedic(channels, MAPS),
        "voxresnet": lambda: volumes.VoxResNet(channels, MAPS, 32),
        "h_denseunet": lambda: volumes.HDenseUNet(channels, MAPS),
    }[name]()


def without_auxiliary(network):
    network.aux_classifier = None
    return network


def fill(network):
    fill_kernels(network, lambda _, inputs: (2 / inputs) ** 0.5)
    for module in network.modules():
        if isinstance(module, (nn.Dropout, nn.Dropout2d, nn.Dropout3d)):
            module.p = 0.0


def main():
    name, precision, layout, threads, channels, *sides = sys.argv[1:]
    torch.set_num_threads(int(threads))
    channels, sides = int(channels), [int(side) for side in sides]
    network = made(name, channels).train()
    fill(network)
    count = 1 if len(sides) == 3 else 2
    images = noise(1000, (count, channels, *sides))
    if layout == "channels_last":
        formats = {4: torch.channels_last, 5: torch.channels_last_3d}
        images = images.to(memory_format=formats[images.dim()])
        for parameter in network.parameters():
            if parameter.dim() in formats:
                parameter.data = parameter.data.to(memory_format=formats[parameter.dim()])
    labels = ((noise(2000, (count, *sides)) + 1) * 2).long().clamp(0, MAPS - 1)
    margin = getattr(network, "margin", 0)
    labels = labels[(slice(None), *[slice(margin, -margin or None)] * len(sides))]
    optimizer = torch.optim.SGD(network.parameters(), lr=1e-5, momentum=0.9)

    def loss_of_step():
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"):
            logits = network(images)
        if isinstance(logits, dict):
            logits = logits["out"]
        loss = nn.functional.cross_entropy(logits.float(), labels)
        for auxiliary in getattr(network, "auxiliary", []):
            loss = loss + nn.functional.cross_entropy(auxiliary.float(), labels) / 3
        return loss

    answer(training_step(optimizer, loss_of_step))


if __name__ == "__main__":
    main()
