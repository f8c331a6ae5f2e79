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


class Rectified(nn.Module):
    """Convolution without bias, batch normalisation, ReLU."""

    def __init__(self, inputs, outputs):
        super().__init__()
        self.convolution = nn.Conv3d(inputs, outputs, 3, padding=1, bias=False)
        self.layer1 = nn.BatchNorm3d(outputs)

    def forward(self, x):
        return torch.relu(self.layer1(self.convolution(x)))


class Double(nn.Module):
    def __init__(self, inputs, middle, outputs, layers=Ordered):
        super().__init__()
        self.first, self.second = layers(inputs, middle), layers(middle, outputs)

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


class UNet3dOriginal(nn.Module):
    def __init__(self, inputs, outputs, widths):
        super().__init__()
        self.levels = len(widths)
        for level, width in enumerate(widths):
            self.add_module(f"encoder{level}", Double(inputs, width // 2, width, Rectified))
            inputs = width
        for level in reversed(range(self.levels - 1)):
            above, width = widths[level + 1], widths[level]
            self.add_module(f"up{level}", nn.ConvTranspose3d(above, above, 2, 2, bias=False))
            self.add_module(f"decoder{level}", Double(above + width, width, width, Rectified))
        self.head = nn.Conv3d(widths[0], outputs, 1)

    def forward(self, x):
        skips = []
        for level in range(self.levels):
            x = getattr(self, f"encoder{level}")(x if level == 0 else nn.functional.max_pool3d(x, 2))
            skips.append(x)
        for level in reversed(range(self.levels - 1)):
            x = torch.cat([self.skip(level, skips[level], x), getattr(self, f"up{level}")(x)], 1)
            x = getattr(self, f"decoder{level}")(x)
        return self.head(x)

    def skip(self, level, x, gating):
        return x


class Gate(nn.Module):
    """Oktay's grid gate: the skip and the coarser features meet at half the skip's size."""

    def __init__(self, channels, gating):
        super().__init__()
        self.theta = nn.Conv3d(channels, channels // 2, 2, 2, bias=False)
        self.phi, self.psi = nn.Conv3d(gating, channels // 2, 1), nn.Conv3d(channels // 2, 1, 1)
        self.output, self.normalization = nn.Conv3d(channels, channels, 1), nn.BatchNorm3d(channels)

    def forward(self, x, gating):
        gate = torch.sigmoid(self.psi(torch.relu(self.theta(x) + self.phi(gating))))
        gate = nn.functional.interpolate(gate, x.shape[2:], mode="trilinear")
        return self.normalization(self.output(x * gate))


class AttentionUNet3d(UNet3dOriginal):
    def __init__(self, inputs, outputs, widths):
        super().__init__(inputs, outputs, widths)
        gated = range(1, self.levels - 1)
        self.attention = nn.ModuleDict({f"skip{level}": Gate(widths[level], widths[level + 1]) for level in gated})

    def skip(self, level, x, gating):
        return x if level == 0 else self.attention[f"skip{level}"](x, gating)


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


class DenseLayer(nn.Module):
    def __init__(self, dimensions, inputs, growth):
        super().__init__()
        convolution, norm = LAYERS[dimensions]
        self.norm1, self.conv1 = norm(inputs, eps=1.1e-5), convolution(inputs, 4 * growth, 1, bias=False)
        self.norm2 = norm(4 * growth, eps=1.1e-5)
        self.conv2 = convolution(4 * growth, growth, 3, padding=1, bias=False)

    def forward(self, x):
        y = self.conv1(torch.relu(self.norm1(x)))
        return torch.cat([x, self.conv2(torch.relu(self.norm2(y)))], 1)


LAYERS = {2: (nn.Conv2d, nn.BatchNorm2d), 3: (nn.Conv3d, nn.BatchNorm3d)}


class DenseUNet(nn.Module):
    """DenseNet with a decoder; in two dimensions the encoder's features are added to the decoder's."""

    def __init__(self, dimensions, inputs, growth, counts, decoders):
        super().__init__()
        convolution, norm = LAYERS[dimensions]
        self.counts, self.dimensions = counts, dimensions
        self.stem, self.stem_norm = convolution(inputs, 96, 7, 2, 3, bias=False), norm(96, eps=1.1e-5)
        channels, last = 96, len(counts) - 1
        for i, count in enumerate(counts):
            for layer in range(count):
                self.add_module(f"block{i}_layer{layer}", DenseLayer(dimensions, channels, growth))
                channels += growth
            if i < last:
                self.add_module(f"transition{i}_norm", norm(channels, eps=1.1e-5))
                self.add_module(f"transition{i}_conv", convolution(channels, channels // 2, 1, bias=False))
                deepest_skip, channels = channels, channels // 2
        self.norm = norm(channels, eps=1.1e-5)
        if dimensions == 2:
            self.line = convolution(deepest_skip, channels, 1, bias=False)
        for i, width in enumerate(decoders):
            self.add_module(f"up{i}_conv", convolution(channels, width, 3, padding=1, bias=False))
            self.add_module(f"up{i}_norm", norm(width, eps=1.1e-5))
            channels = width

    def block(self, i, x):
        for layer in range(self.counts[i]):
            x = getattr(self, f"block{i}_layer{layer}")(x)
        return x

    def forward(self, x):
        flat, F = self.dimensions == 2, nn.functional
        skips = [None, torch.relu(self.stem_norm(self.stem(x)))]
        sizes = [x.shape[2:], skips[1].shape[2:]]
        y = (F.max_pool2d if flat else F.max_pool3d)(skips[1], 3, 2, 1)
        for i in range(len(self.counts) - 1):
            skips.append(self.block(i, y))
            sizes.append(y.shape[2:])
            y = getattr(self, f"transition{i}_conv")(torch.relu(getattr(self, f"transition{i}_norm")(skips[-1])))
            y = F.avg_pool2d(y, 2) if flat else F.avg_pool3d(y, (1, 2, 2))
        y = torch.relu(self.norm(self.block(len(self.counts) - 1, y)))
        for i, level in enumerate(reversed(range(len(skips)))):
            y = F.interpolate(y, sizes[level], mode="nearest")
            if flat and level > 0:
                y = y + (self.line(skips[level]) if i == 0 else skips[level])
            y = torch.relu(getattr(self, f"up{i}_norm")(getattr(self, f"up{i}_conv")(y)))
        return y


class HDenseUNet(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.planar = DenseUNet(2, 3 * inputs, 48, (6, 12, 36, 24), (768, 384, 96, 96, 64))
        self.planar_head = nn.Conv2d(64, outputs, 1)
        self.spatial = DenseUNet(3, inputs + outputs, 32, (3, 4, 12, 8), (504, 224, 192, 96, 64))
        self.fusion, self.fusion_norm = nn.Conv3d(64, 64, 3, padding=1), nn.BatchNorm3d(64)
        self.head = nn.Conv3d(64, outputs, 1)

    def forward(self, x):
        depth = x.shape[2]
        padded = torch.cat([x[:, :, :1], x, x[:, :, -1:]], 2)
        together = torch.stack([padded[:, :, z:z + 3] for z in range(depth)], 1)  # [N, D, C, 3, H, W]
        features = self.planar(together.transpose(2, 3).flatten(2, 3).flatten(0, 1))
        scores = self.planar_head(features)

        def volumes(maps):
            return maps.unflatten(0, (-1, depth)).transpose(1, 2)

        y = self.spatial(torch.cat([x, volumes(scores)], 1)) + volumes(features)
        return self.head(torch.relu(self.fusion_norm(self.fusion(y))))


class Named(nn.Module):
    """MONAI's VNet with its parameters and buffers under Medsweep's keys."""

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
        for key, buffer in network.named_buffers():
            self.nest(self.renamed(key), buffer)

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

    def nest(self, name, tensor):
        *folders, last = name.split(".")
        module = self
        for folder in folders:
            if folder not in module._modules:
                module.add_module(folder, nn.Module())
            module = module._modules[folder]
        if isinstance(tensor, nn.Parameter):
            module.register_parameter(last, tensor)
        else:
            module.register_buffer(last, tensor)

    def to(self, *arguments, **options):
        self.network.to(*arguments, **options)
        return self

    def forward(self, x):
        return self.network(x)


def main():
    torch.set_num_threads(1)
    networks = [
        ("unet3d", UNet3d(2, 4, (4, 8, 16)), (2, 2, 9, 14, 12)),
        ("unet3d_original", UNet3dOriginal(2, 4, (4, 8, 16)), (2, 2, 8, 12, 16)),
        ("attention_unet3d", AttentionUNet3d(2, 4, (4, 8, 16, 32)), (2, 2, 8, 16, 24)),
        ("vnet", VNet(3, 4, 4), (2, 3, 16, 16, 32)),
        ("anatomynet", AnatomyNet(1, 4), (2, 1, 8, 12, 10)),
        ("vnet_original", Named(1, 4), (2, 1, 16, 16, 32)),
        ("deepmedic", DeepMedic(2, 4), (1, 2, 51, 54, 57)),
        ("voxresnet", VoxResNet(1, 4, 4), (2, 1, 8, 16, 24)),
        ("h_denseunet", HDenseUNet(1, 4), (2, 1, 9, 32, 66)),
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
