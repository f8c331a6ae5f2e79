"""Every network of label maps that has a reference in Python, with the keys that Medsweep uses.

    python tests/golden/reference_networks.py NAME CHANNELS MAPS model.safetensors

loads the weights that Medsweep wrote, with strict=True; exits with 1 and PyTorch's list of names where one is
missing, foreign or of another shape, and where a value is not finite.
"""

import sys

import pytorch_unet
import segmentation_networks as images
import unet
import volume_networks as volumes


def reference_network(name, channels, maps):
    """The network of Medsweep's name for images or volumes of `channels`, with `maps` logits a pixel."""
    return {
        "unet": lambda: pytorch_unet.UNet(channels, maps, 64),
        "retina_unet": lambda: unet.RetinaUNet(channels, maps, 64),
        "sa_unet": lambda: unet.SaUNet(channels, maps, 16),
        "attention_unet": lambda: images.AttentionUNet(channels, maps, 64, 5),
        "unet_resnet": lambda: images.smp_unet("resnet50", maps),
        "fcn_resnet50": lambda: without_auxiliary(images.torchvision_network("fcn_resnet50", maps)),
        "fcn_resnet101": lambda: without_auxiliary(images.torchvision_network("fcn_resnet101", maps)),
        "deeplabv3": lambda: without_auxiliary(images.torchvision_network("deeplabv3_resnet50", maps)),
        "deeplabv3_plus": lambda: images.DeepLabV3Plus(maps),
        "fcn8s": lambda: images.Fcn8s(maps, 1024),
        "unet3d": lambda: volumes.UNet3d(channels, maps, (16, 32, 64, 128)),
        "unet3d_original": lambda: volumes.UNet3dOriginal(channels, maps, (64, 128, 256, 512)),
        "attention_unet3d": lambda: volumes.AttentionUNet3d(channels, maps, (16, 32, 64, 128, 256)),
        "vnet": lambda: volumes.VNet(channels, maps, 16),
        "vnet_original": lambda: volumes.Named(channels, maps),
        "anatomynet": lambda: volumes.AnatomyNet(channels, maps),
        "deepmedic": lambda: volumes.DeepMedic(channels, maps),
        "voxresnet": lambda: volumes.VoxResNet(channels, maps, 32),
        "h_denseunet": lambda: volumes.HDenseUNet(channels, maps),
    }[name]()


def without_auxiliary(network):
    network.aux_classifier = None
    return network


def main():
    import safetensors.torch

    name, channels, maps, path = sys.argv[1:]
    state = safetensors.torch.load_file(path)
    try:
        reference_network(name, int(channels), int(maps)).load_state_dict(state, strict=True)
    except RuntimeError as error:
        sys.exit(str(error))
    foreign = [key for key, tensor in state.items() if not tensor.double().isfinite().all()]
    if foreign:
        sys.exit(f"not finite: {foreign}")
    print(f"{name}: {len(state)} tensors loaded strictly")


if __name__ == "__main__":
    main()
