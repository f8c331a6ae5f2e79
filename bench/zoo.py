"""Training steps of the networks of label maps in PyTorch eager: what bench/zoo.cpp does.

    python bench/zoo.py NETWORK PRECISION LAYOUT THREADS IN SIDE...

Prints "ready", then answers each line "N" with "<seconds a step> <loss of the last step> <peak resident
MiB>". The networks are those of tests/golden, which bench/common.sh puts in the path, with their keys;
weights and data are those of bench/zoo.cpp.
"""

import sys
import time

import torch
from torch import nn

MAPS = 4


def waves(stream, shape):
    count = torch.Size(shape).numel()
    positions = torch.arange(count, dtype=torch.float64)
    return torch.sin(positions * 12.9898 + stream * 78.233).float().view(shape)


def made(name, channels):
    sys.path.pop(0)  # this folder has a unet.py, too
    import pytorch_unet
    import segmentation_networks as images
    import unet
    import volume_networks as volumes

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
        "vnet": lambda: volumes.VNet(channels, MAPS, 16),
        "vnet_original": lambda: volumes.Named(channels, MAPS),
        "anatomynet": lambda: volumes.AnatomyNet(channels, MAPS),
        "deepmedic": lambda: volumes.DeepMedic(channels, MAPS),
        "voxresnet": lambda: volumes.VoxResNet(channels, MAPS, 32),
    }[name]()


def without_auxiliary(network):
    network.aux_classifier = None
    return network


def fill(network):
    kernels = {}
    with torch.no_grad():
        for key, parameter in network.named_parameters():
            if key.endswith("bias"):
                parameter.zero_()
            if parameter.dim() > 1:
                kernels[key] = parameter
        for stream, key in enumerate(sorted(kernels), 1):
            kernel = kernels[key]
            kernel.copy_(waves(stream, kernel.shape) * (2 / (kernel.numel() // kernel.shape[0])) ** 0.5)
    for module in network.modules():
        if isinstance(module, (nn.Dropout, nn.Dropout2d, nn.Dropout3d)):
            module.p = 0.0


def peak_resident_mib():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM:")) / 1024


def main():
    name, precision, layout, threads, channels, *sides = sys.argv[1:]
    torch.set_num_threads(int(threads))
    channels, sides = int(channels), [int(side) for side in sides]
    memory_format = torch.contiguous_format
    if layout == "channels_last":
        memory_format = torch.channels_last_3d if len(sides) == 3 else torch.channels_last
    network = made(name, channels)
    fill(network)
    network = network.to(memory_format=memory_format).train()
    count = 1 if len(sides) == 3 else 2
    images = waves(1000, (count, channels, *sides)).to(memory_format=memory_format)
    labels = ((waves(2000, (count, *sides)) + 1) * 2).long().clamp(0, MAPS - 1)
    margin = getattr(network, "margin", 0)
    labels = labels[(slice(None), *[slice(margin, -margin or None)] * len(sides))]
    optimizer = torch.optim.SGD(network.parameters(), lr=1e-5, momentum=0.9)

    def step():
        optimizer.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"):
            logits = network(images)
        if isinstance(logits, dict):
            logits = logits["out"]
        loss = nn.functional.cross_entropy(logits.float(), labels)
        for auxiliary in getattr(network, "auxiliary", []):
            loss = loss + nn.functional.cross_entropy(auxiliary.float(), labels) / 3
        loss.backward()
        optimizer.step()
        return loss.item()

    print("ready", flush=True)
    for line in sys.stdin:
        steps = int(line)
        start = time.perf_counter()
        for _ in range(steps):
            loss = step()
        print(f"{(time.perf_counter() - start) / steps:.6f} {loss:.6f} {peak_resident_mib():.0f}", flush=True)


if __name__ == "__main__":
    main()
