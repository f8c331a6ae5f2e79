"""Numbers of networks of label maps and of their backbones, from torchvision, segmentation_models_pytorch and timm.

    python tests/golden/segmentation_networks.py   # writes segmentation_networks.json beside itself

Weights and images are a function of (stream, position), as in backbones.py, and everything is computed in double
precision; tests/models/golden_segmentation_slow_test.cpp repeats it. Tensors are held by their norm and their products
with 4 vectors of signs. Where no library has a network (attention_unet: MONAI's gates another way; deeplabv3_plus, fcn8s)
it is written here anew in PyTorch, of torchvision's parts where it has them, with the keys that Medsweep uses.
"""

import json

import segmentation_models_pytorch as smp
import timm
import torch
import torchvision
from torch import nn
from torch.nn import functional as F
from torchvision.models import segmentation
from torchvision.models.segmentation.deeplabv3 import ASPP

from backbones import FOLDER, IMAGES, TARGETS, fill, held, resnet_maps, rounded
from counter_numbers import uniform
from pytorch_unet import Double


class AttentionGate(nn.Module):
    """Oktay's grid gate: the skip and the coarser features meet at half the skip's size."""

    def __init__(self, channels, gating):
        super().__init__()
        self.theta = nn.Conv2d(channels, channels // 2, 2, stride=2, bias=False)
        self.phi = nn.Conv2d(gating, channels // 2, 1)
        self.psi = nn.Conv2d(channels // 2, 1, 1)
        self.output = nn.Conv2d(channels, channels, 1)
        self.normalization = nn.BatchNorm2d(channels)

    def forward(self, x, gating):
        gate = torch.sigmoid(self.psi(F.relu(self.theta(x) + self.phi(gating))))
        gate = F.interpolate(gate, size=x.shape[2:], mode="bilinear", align_corners=False)
        return self.normalization(self.output(x * gate))


class AttentionUNet(nn.Module):
    def __init__(self, inputs, outputs, width, depth):
        super().__init__()
        self.depth = depth
        for level in range(depth):
            self.add_module(f"encoder{level}", Double(inputs, width << level))
            inputs = width << level
        for level in range(depth - 1):
            here = width << level
            if level > 0:
                self.add_module(f"gate{level}", AttentionGate(here, 2 * here))
            self.add_module(f"up{level}", nn.ConvTranspose2d(2 * here, here, 2, stride=2))
            self.add_module(f"decoder{level}", Double(2 * here, here))
        self.head = nn.Conv2d(width, outputs, 1)

    def forward(self, x):
        skips = []
        for level in range(self.depth):
            x = getattr(self, f"encoder{level}")(x if level == 0 else F.max_pool2d(x, 2))
            skips.append(x)
        for level in reversed(range(self.depth - 1)):
            skip = getattr(self, f"gate{level}")(skips[level], x) if level > 0 else skips[level]
            x = getattr(self, f"decoder{level}")(torch.cat([skip, getattr(self, f"up{level}")(x)], 1))
        return self.head(x)


class DeepLabV3Plus(nn.Module):
    def __init__(self, outputs):
        super().__init__()
        self.backbone = torchvision.models.resnet50(replace_stride_with_dilation=[False, False, True])
        del self.backbone.fc
        self.aspp = ASPP(2048, [6, 12, 18])
        self.low_level = nn.Sequential(nn.Conv2d(256, 48, 1, bias=False), nn.BatchNorm2d(48), nn.ReLU())
        self.decoder = nn.Sequential(nn.Conv2d(304, 256, 3, padding=1, bias=False), nn.BatchNorm2d(256), nn.ReLU(),
                                     nn.Conv2d(256, 256, 3, padding=1, bias=False), nn.BatchNorm2d(256), nn.ReLU())
        self.head = nn.Conv2d(256, outputs, 1)

    def forward(self, x):
        maps = resnet_maps(self.backbone, x)
        low = self.low_level(maps[0])
        high = F.interpolate(self.aspp(maps[3]), size=low.shape[2:], mode="bilinear", align_corners=False)
        logits = self.head(self.decoder(torch.cat([high, low], 1)))
        return F.interpolate(logits, size=x.shape[2:], mode="bilinear", align_corners=False)


class Fcn8s(nn.Module):
    def __init__(self, outputs, width):
        super().__init__()
        self.backbone = nn.Module()
        self.backbone.features = torchvision.models.vgg16().features
        self.fc6, self.fc7 = nn.Conv2d(512, width, 7, padding=3), nn.Conv2d(width, width, 1)
        self.score_fr, self.score_pool4 = nn.Conv2d(width, outputs, 1), nn.Conv2d(512, outputs, 1)
        self.score_pool3 = nn.Conv2d(256, outputs, 1)
        self.upscore2 = nn.ConvTranspose2d(outputs, outputs, 4, stride=2, padding=1, bias=False)
        self.upscore_pool4 = nn.ConvTranspose2d(outputs, outputs, 4, stride=2, padding=1, bias=False)
        self.upscore8 = nn.ConvTranspose2d(outputs, outputs, 16, stride=8, padding=4, bias=False)

    def forward(self, x):
        pools = []
        for layer in self.backbone.features:
            x = layer(x)
            if isinstance(layer, nn.MaxPool2d):
                pools.append(x)
        x = self.score_fr(F.relu(self.fc7(F.relu(self.fc6(x)))))
        x = self.upscore_pool4(self.upscore2(x) + self.score_pool4(pools[3]))
        return self.upscore8(x + self.score_pool3(pools[2]))


def smp_unet(encoder, outputs):
    network = smp.Unet(encoder, encoder_weights=None, in_channels=3, classes=outputs)
    network.requires_divisible_input_shape = False
    network.decoder.center = nn.Identity()  # which only its VGGs have
    return network


def without_dropout(network):
    for module in network.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    return network


def rounded_gradients(network):
    gradients = {}
    for key, parameter in network.named_parameters():
        gradient = held(parameter.grad)
        del gradient["shape"]
        gradients[key] = gradient
    return gradients


def network_numbers(name, network, options, shape, mode="eval"):
    outputs = options["out_channels"]
    fill(network)
    without_dropout(network).double().train(mode == "train")
    result = network(uniform(IMAGES, shape).double())
    logits = [result["out"], result["aux"]] if isinstance(result, dict) else [result]
    assert logits[0].shape[1] == outputs
    loss = sum((x * uniform(TARGETS + i, x.shape).double()).sum() for i, x in enumerate(logits))
    loss.backward()
    return {"network": name, "options": options, "shape": list(shape), "mode": mode, "loss": loss.item(),
            "parameters": sum(p.numel() for p in network.parameters()), "logits": [held(x) for x in logits],
            "gradients": rounded_gradients(network)}


def vgg_maps(features, x):
    maps = []
    for layer in features:
        if isinstance(layer, nn.MaxPool2d):
            maps.append(x)
        x = layer(x)
    return maps[1:] + [x]


def densenet_maps(features, x):
    maps = [features.relu0(features.norm0(features.conv0(x)))]
    x = features.pool0(maps[0])
    for i in range(1, 5):
        x = getattr(features, f"denseblock{i}")(x)
        transition = getattr(features, f"transition{i}", None)
        maps.append(F.relu(transition.norm(x) if transition else features.norm5(x)))
        if transition:
            x = transition.pool(transition.conv(maps[-1]))
    return maps


def efficientnet_maps(features, x):
    maps = []
    for i, stage in enumerate(list(features)[:8]):
        x = stage(x)
        if i in (1, 2, 3, 5, 7):
            maps.append(x)
    return maps


def resnest_maps(body, x):
    maps = [body.act1(body.bn1(body.conv1(x)))]
    x = body.maxpool(maps[0])
    for stage in (body.layer1, body.layer2, body.layer3, body.layer4):
        x = stage(x)
        maps.append(x)
    return maps


def backbone_numbers(name, mode):
    if name.startswith("resnest"):
        network = timm.create_model({"resnest50": "resnest50d", "resnest101": "resnest101e"}[name], pretrained=False)
        del network.fc
        maps_of = lambda x: resnest_maps(network, x)
    else:
        network = getattr(torchvision.models, name)(weights=None)
        for head in ("classifier", "avgpool"):
            if hasattr(network, head):
                delattr(network, head)
        if name.startswith("efficientnet"):
            network.features = network.features[:8]
            for module in network.modules():
                if isinstance(module, torchvision.ops.StochasticDepth):
                    module.p = 0.0
        which = {"v": vgg_maps, "d": densenet_maps, "e": efficientnet_maps}[name[0]]
        maps_of = lambda x: which(network.features, x)
    fill(network)
    network.double().train(mode == "train")
    maps = maps_of(uniform(IMAGES, (2, 3, 64, 96)).double())
    loss = sum((x * uniform(TARGETS + i, x.shape).double()).sum() for i, x in enumerate(maps))
    loss.backward()
    return {"backbone": name, "mode": mode, "loss": loss.item(), "maps": [held(x) for x in maps],
            "parameters": sum(p.numel() for p in network.parameters()), "keys": len(network.state_dict()),
            "gradients": rounded_gradients(network) if mode == "train" else {}}


def torchvision_network(name, outputs):
    return getattr(segmentation, name)(weights=None, weights_backbone=None, num_classes=outputs, aux_loss=True)


def counts():
    """Parameters of what studies mean by a name, with one channel of logits (torchvision's: 21)."""
    def of(network):
        return {"parameters": sum(p.numel() for p in network.parameters()), "keys": len(network.state_dict())}
    torchvisions = ("fcn_resnet50", "fcn_resnet101", "deeplabv3_resnet50", "deeplabv3_resnet101")
    return {**{name: of(torchvision_network(name, 21)) for name in torchvisions},
            **{f"unet_{name}": of(smp_unet(name, 1)) for name in ("resnet34", "resnet50", "resnet101", "resnext50_32x4d")},
            "attention_unet": of(AttentionUNet(3, 1, 64, 5)), "deeplabv3_plus": of(DeepLabV3Plus(1)),
            "fcn8s": of(Fcn8s(1, 4096))}


def main():
    torch.set_num_threads(2)
    torch.manual_seed(0)
    odd, even = (2, 3, 53, 70), (2, 3, 64, 96)
    cases = [
        network_numbers("attention_unet", AttentionUNet(3, 3, 4, 4), {"out_channels": 3, "width": 4, "depth": 4}, (2, 3, 40, 24), "train"),
        network_numbers("unet_resnet", smp_unet("resnet18", 3), {"out_channels": 3, "backbone": "resnet18", "width": 16}, odd),
        network_numbers("unet_resnet", smp_unet("resnet18", 3), {"out_channels": 3, "backbone": "resnet18", "width": 16}, even, "train"),
        network_numbers("unet_resnet", smp_unet("resnext50_32x4d", 1), {"out_channels": 1, "backbone": "resnext50_32x4d", "width": 16}, odd),
        network_numbers("unet_resnet", smp_unet("vgg16_bn", 2), {"out_channels": 2, "backbone": "vgg16_bn", "width": 16}, even),
        network_numbers("fcn_resnet50", torchvision_network("fcn_resnet50", 3), {"out_channels": 3}, odd),
        network_numbers("fcn_resnet50", torchvision_network("fcn_resnet50", 3), {"out_channels": 3}, even, "train"),
        network_numbers("deeplabv3", torchvision_network("deeplabv3_resnet50", 3), {"out_channels": 3, "backbone": "resnet50"}, odd),
        network_numbers("deeplabv3", torchvision_network("deeplabv3_resnet50", 3), {"out_channels": 3, "backbone": "resnet50"}, even, "train"),
        network_numbers("deeplabv3_plus", DeepLabV3Plus(3), {"out_channels": 3, "backbone": "resnet50"}, odd),
        network_numbers("fcn8s", Fcn8s(3, 16), {"out_channels": 3, "width": 16}, even),
    ]
    backbones = [backbone_numbers(name, mode) for name, mode in (
        ("vgg16", "eval"), ("vgg16_bn", "train"), ("densenet121", "eval"), ("densenet121", "train"),
        ("efficientnet_b0", "eval"), ("efficientnet_b0", "train"), ("efficientnet_b7", "eval"), ("resnest50", "eval"),
        ("resnest50", "train"), ("densenet161", "eval"), ("densenet169", "eval"), ("densenet201", "eval"),
        ("resnest101", "eval"))]
    numbers = {"torchvision": torchvision.__version__, "timm": timm.__version__, "smp": smp.__version__,
               "counts": counts(), "cases": cases, "backbones": backbones}
    text = json.dumps(rounded(numbers), separators=(",", ":"))
    (FOLDER / "segmentation_networks.json").write_text(text.replace('},"', '},\n"') + "\n")


if __name__ == "__main__":
    main()
