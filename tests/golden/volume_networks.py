"""Numbers of the networks of volumes, from PyTorch and MONAI, in double precision.

    python tests/golden/volume_networks.py        # writes volume_networks.json beside itself

`vnet_original` is MONAI's VNet with its output replaced by one 1x1x1 convolution; the others are written
here anew with the keys that Medsweep uses. Weights, images and labels are those of unet.py; each gradient is
held by its norm and its products with 4 vectors of signs.
"""

import json

import torch
from monai.networks.nets import VNet as MonaiVNet
from torch import nn

from unet import FOLDER, gradients, network_numbers, projections


class Ordered(nn.Module):
    """Convolution, PReLU, instance normalisation."""

    def __init__(self, inputs, outputs, kernel=3, stride=1):
        super().__init__()
        self.convolution = nn.Conv3d(inputs, outputs, kernel, stride, padding=kernel // 2 if stride == 1 else 0)
        self.layer1 = nn.PReLU(outputs)
        self.layer2 = nn.InstanceNorm3d(outputs, affine=True)

    def forward(self, x):
        return self.layer2(self.layer1(self.convolution(x)))


class Double(nn.Module):
    def __init__(self, inputs, middle, outputs):
        super().__init__()
        self.first, self.second = Ordered(inputs, middle), Ordered(middle, outputs)

    def forward(self, x):
        return self.second(self.first(x))


class UNet3d(nn.Module):
    def __init__(self, inputs, outputs, widths):
        super().__init__()
        self.levels = len(widths)
        for level, width in enumerate(widths):
            self.add_module(f"encoder{level}", Double(inputs, max(width // 2, inputs), width))
            inputs = width
        for level in reversed(range(self.levels - 1)):
            self.add_module(f"decoder{level}", Double(widths[level + 1] + widths[level], widths[level], widths[level]))
        self.head = nn.Conv3d(widths[0], outputs, 1)

    def forward(self, x):
        skips = []
        for level in range(self.levels):
            x = getattr(self, f"encoder{level}")(x if level == 0 else nn.functional.max_pool3d(x, 2))
            skips.append(x)
        for level in reversed(range(self.levels - 1)):
            up = nn.functional.interpolate(x, skips[level].shape[2:], mode="nearest")
            x = getattr(self, f"decoder{level}")(torch.cat([skips[level], up], 1))
        return self.head(x)


class Stage(nn.Module):
    def __init__(self, inputs, outputs, count):
        super().__init__()
        self.count = count
        for i in range(count):
            self.add_module(f"convolution{i}", Ordered(inputs if i == 0 else outputs, outputs, 5))
        self.activation = nn.PReLU(outputs)

    def forward(self, x, residual):
        for i in range(self.count):
            x = getattr(self, f"convolution{i}")(x)
        return self.activation(x + residual)


class VNet(nn.Module):
    COUNTS = (1, 2, 3, 3)

    def __init__(self, inputs, outputs, width):
        super().__init__()
        for level, count in enumerate(self.COUNTS):
            half = (width << level) // 2
            self.add_module(f"encoder{level}", Stage(inputs, half, count))
            self.add_module(f"down{level}", Ordered(half, 2 * half, 2, 2))
            inputs = 2 * half
        self.bottleneck = Ordered(inputs, inputs, 5)
        for level in reversed(range(4)):
            half = (width << level) // 2
            self.add_module(f"up{level}", nn.ConvTranspose3d(inputs, half, 2, 2))
            self.add_module(f"decoder{level}", Stage(2 * half, half, self.COUNTS[level]))
            inputs = half
        self.head = nn.Conv3d(inputs, outputs, 1)
        self.width = width

    def forward(self, x):
        skips = []
        for level in range(4):
            half = (self.width << level) // 2
            x = getattr(self, f"encoder{level}")(x, x[:, torch.arange(half) % x.shape[1]])
            skips.append(x)
            x = getattr(self, f"down{level}")(x)
        x = self.bottleneck(x)
        for level in reversed(range(4)):
            up = getattr(self, f"up{level}")(x)
            x = getattr(self, f"decoder{level}")(torch.cat([skips[level], up], 1), up)
        return self.head(x)


class Residual(nn.Module):
    def __init__(self, inputs, outputs, reduction, kernel=1):
        super().__init__()
        self.first = nn.Conv3d(inputs, outputs, 3, padding=1, bias=False)
        self.first_norm = nn.BatchNorm3d(outputs)
        self.second = nn.Conv3d(outputs, outputs, 3, padding=1, bias=False)
        self.second_norm = nn.BatchNorm3d(outputs)
        if reduction:
            self.squeeze = nn.Linear(outputs, outputs // reduction)
            self.excite = nn.Linear(outputs // reduction, outputs)
        if inputs != outputs:
            self.shortcut = nn.Conv3d(inputs, outputs, kernel, padding=kernel // 2, bias=False)
            self.shortcut_norm = nn.BatchNorm3d(outputs)

    def forward(self, x):
        leaky = nn.functional.leaky_relu
        y = self.second_norm(self.second(leaky(self.first_norm(self.first(x)))))
        if hasattr(self, "squeeze"):
            gate = torch.sigmoid(self.excite(leaky(self.squeeze(y.mean((2, 3, 4))))))
            y = y * gate[:, :, None, None, None]
        return leaky(y + (self.shortcut_norm(self.shortcut(x)) if hasattr(self, "shortcut") else x))


class AnatomyNet(nn.Module):
    WIDTHS = (28, 30, 32, 34)

    def __init__(self, inputs, outputs):
        super().__init__()
        self.stem = nn.Conv3d(inputs, 28, 3, 2, padding=1, bias=False)
        self.stem_norm = nn.BatchNorm3d(28)
        for level in (1, 2, 3):
            self.add_module(f"encoder{level}_1", Residual(self.WIDTHS[level - 1], self.WIDTHS[level], 15))
            self.add_module(f"encoder{level}_2", Residual(self.WIDTHS[level], self.WIDTHS[level], 15))
        for level in (2, 1, 0):
            width = self.WIDTHS[level]
            self.add_module(f"decoder{level}_1", Residual(self.WIDTHS[level + 1] + width, width, 16))
            self.add_module(f"decoder{level}_2", Residual(width, width, 15))
        self.up = nn.ConvTranspose3d(28, 14, 2, 2)
        self.last = Residual(14 + inputs, 14, 0, 3)
        self.head = nn.Conv3d(14, outputs, 3, padding=1)

    def forward(self, x):
        skips = [nn.functional.leaky_relu(self.stem_norm(self.stem(x)))]
        for level in (1, 2, 3):
            skips.append(getattr(self, f"encoder{level}_2")(getattr(self, f"encoder{level}_1")(skips[-1])))
        y = skips[3]
        for level in (2, 1, 0):
            y = getattr(self, f"decoder{level}_2")(getattr(self, f"decoder{level}_1")(torch.cat([y, skips[level]], 1)))
        return self.head(self.last(torch.cat([self.up(y), x], 1)))


class Pathway(nn.Module):
    WIDTHS = (30, 30, 40, 40, 40, 40, 50, 50)

    def __init__(self, inputs):
        super().__init__()
        for i, width in enumerate(self.WIDTHS):
            self.add_module(f"convolution{i}", nn.Conv3d(inputs, width, 3, bias=False))
            self.add_module(f"normalization{i}", nn.BatchNorm3d(width))
            inputs = width

    def forward(self, x):
        for i in range(len(self.WIDTHS)):
            x = torch.relu(getattr(self, f"normalization{i}")(getattr(self, f"convolution{i}")(x)))
        return x


class DeepMedic(nn.Module):
    margin = 24

    def __init__(self, inputs, outputs):
        super().__init__()
        self.normal, self.reduced = Pathway(inputs), Pathway(inputs)
        self.fully1, self.fully1_norm = nn.Conv3d(100, 150, 1, bias=False), nn.BatchNorm3d(150)
        self.fully2, self.fully2_norm = nn.Conv3d(150, 150, 1, bias=False), nn.BatchNorm3d(150)
        self.head = nn.Conv3d(150, outputs, 1)

    def forward(self, x):
        normal = self.normal(x[:, :, 16:-16, 16:-16, 16:-16])
        reduced = self.reduced(nn.functional.avg_pool3d(x, 3))
        for axis in (2, 3, 4):
            reduced = reduced.repeat_interleave(3, axis)
        y = torch.relu(self.fully1_norm(self.fully1(torch.cat([normal, reduced], 1))))
        return self.head(torch.relu(self.fully2_norm(self.fully2(y))))


class VoxRes(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.first_norm, self.first = nn.BatchNorm3d(channels), nn.Conv3d(channels, channels, 3, padding=1)
        self.second_norm, self.second = nn.BatchNorm3d(channels), nn.Conv3d(channels, channels, 3, padding=1)

    def forward(self, x):
        return x + self.second(torch.relu(self.second_norm(self.first(torch.relu(self.first_norm(x))))))


class VoxResNet(nn.Module):
    def __init__(self, inputs, outputs, width):
        super().__init__()
        low = 2 * width
        self.stem1, self.stem_norm = nn.Conv3d(inputs, width, 3, padding=1), nn.BatchNorm3d(width)
        self.stem2 = nn.Conv3d(width, width, 3, padding=1)
        for depth in (1, 2, 3):
            channels = width if depth == 1 else low
            self.add_module(f"down_norm{depth}", nn.BatchNorm3d(channels))
            self.add_module(f"down{depth}", nn.Conv3d(channels, low, 3, 2, padding=1))
            self.add_module(f"block{depth}_1", VoxRes(low))
            self.add_module(f"block{depth}_2", VoxRes(low))
        self.enlarge0 = nn.Conv3d(width, width, 3, padding=1)
        for depth in (1, 2, 3):
            self.add_module(f"enlarge{depth}", nn.ConvTranspose3d(low, width, 1 << depth, 1 << depth))
        for depth in (0, 1, 2, 3):
            self.add_module(f"classify{depth}", nn.Conv3d(width, outputs, 1))

    def forward(self, x):
        y = self.stem2(torch.relu(self.stem_norm(self.stem1(x))))
        said = [self.classify0(self.enlarge0(y))]
        for depth in (1, 2, 3):
            y = getattr(self, f"down{depth}")(torch.relu(getattr(self, f"down_norm{depth}")(y)))
            y = getattr(self, f"block{depth}_2")(getattr(self, f"block{depth}_1")(y))
            said.append(getattr(self, f"classify{depth}")(getattr(self, f"enlarge{depth}")(y)))
        self.auxiliary = said
        return sum(said)


class Named(nn.Module):
    """MONAI's VNet with its parameters under Medsweep's keys."""

    def __init__(self, inputs, outputs):
        super().__init__()
        network = MonaiVNet(in_channels=inputs, out_channels=outputs, act="prelu", dropout_prob_down=None,
                            dropout_prob_up=(None, 0.0))
        network.out_tr = nn.Conv3d(32, outputs, 1)
        for module in network.modules():
            if isinstance(module, nn.Dropout3d):  # some are at 0.5, whatever is asked for
                module.p = 0.0
        self.__dict__["network"] = network
        for key, parameter in network.named_parameters():
            name = self.renamed(key)
            if name is None:  # a bias before batch normalisation, which Medsweep leaves out
                nn.init.zeros_(parameter)
                parameter.requires_grad_(False)
                continue
            self.nest(name, parameter)

    @staticmethod
    def renamed(key):
        parts = key.split(".")
        if parts[0] == "out_tr":
            return "head." + parts[1]
        places = {"in_tr": "input", "down_tr32": "encoder1", "down_tr64": "encoder2", "down_tr128": "encoder3",
                  "down_tr256": "encoder4", "up_tr256": "decoder3", "up_tr128": "decoder2", "up_tr64": "decoder1",
                  "up_tr32": "decoder0"}
        place = places[parts[0]]
        enlarge = place.replace("encoder", "down").replace("decoder", "up")
        if place == "input":
            own = {"conv_block.conv.weight": "input.weight", "act_function.weight": "input_activation.weight"}
            rest = ".".join(parts[1:])
            return own.get(rest, "input_normalization." + parts[-1])
        if parts[1] in ("down_conv", "up_conv"):
            return None if parts[2] == "bias" else f"{enlarge}.convolution.weight"
        if parts[1] == "bn1":
            return f"{enlarge}.normalization.{parts[2]}"
        if parts[1] == "act_function1":
            return f"{enlarge}.activation.weight"
        if parts[1] == "act_function2":
            return f"{place}.activation.weight"
        layer = f"{place}.convolution{parts[2]}"
        if parts[3] == "act_function":
            return f"{layer}.activation.weight"
        return f"{layer}.convolution.weight" if parts[4] == "conv" else f"{layer}.normalization.{parts[-1]}"

    def nest(self, name, parameter):
        *folders, last = name.split(".")
        module = self
        for folder in folders:
            if folder not in module._modules:
                module.add_module(folder, nn.Module())
            module = module._modules[folder]
        module.register_parameter(last, parameter)

    def to(self, *arguments, **options):
        self.network.to(*arguments, **options)
        return self

    def forward(self, x):
        return self.network(x)


def main():
    torch.set_num_threads(1)
    networks = [
        ("unet3d", UNet3d(2, 4, (4, 8, 16)), (2, 2, 9, 14, 12)),
        ("vnet", VNet(3, 4, 4), (2, 3, 16, 16, 32)),
        ("anatomynet", AnatomyNet(1, 4), (2, 1, 8, 12, 10)),
        ("vnet_original", Named(1, 4), (2, 1, 16, 16, 32)),
        ("deepmedic", DeepMedic(2, 4), (1, 2, 51, 54, 57)),
        ("voxresnet", VoxResNet(1, 4, 4), (2, 1, 8, 16, 24)),
    ]
    numbers = {"torch": torch.__version__, "networks": []}
    for name, network, shape in networks:
        entry = network_numbers(name, network, shape, 3, torch.float64)
        entry["gradients"] = {key: {"norm": gradient.norm().item(), "products": projections(gradient)}
                              for key, gradient in gradients(network)}
        numbers["networks"].append(entry)
    text = json.dumps(numbers, separators=(",", ":"))
    (FOLDER / "volume_networks.json").write_text(text.replace("},{", "},\n{").replace('},"', '},\n"') + "\n")


if __name__ == "__main__":
    main()
