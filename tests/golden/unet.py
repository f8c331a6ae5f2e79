"""Numbers of the two U-Nets and of the losses, from PyTorch and MONAI.

    python tests/golden/unet.py        # writes unet.json and *_gradients.f32 beside itself

The networks are written here anew, in PyTorch, with the keys that Medsweep uses. Weights, images and
labels are a function of (stream, position) in 32-bit integers, which tests/models/golden_numbers.h
repeats: no weights file is needed. Batch normalisation is in training mode.

width 2: <network>_gradients.f32 holds every gradient whole (float32, keys sorted).
width 64, in double precision (in single precision, some of millions of activations lie so near to zero
that another order of summation takes them across a ReLU): each gradient is held by its norm and its products with 4 vectors of signs; the mean of the
squared differences of those products is an unbiased estimate of the squared norm of the difference.
"""

import json
import pathlib

import numpy as np
import torch
from monai.losses import DiceCELoss, DiceLoss, FocalLoss, GeneralizedDiceLoss, TverskyLoss
from torch import nn

from counter_numbers import bits, integers, uniform
from pytorch_unet import UNet

FOLDER = pathlib.Path(__file__).parent
IMAGES, LABELS, LOGITS, SIGNS, WEIGHTS = 1, 2, 3, 1000, 5000
IGNORED = -1
ALPHA, BETA, GAMMA = 0.3, 0.7, 4 / 3


def cbr(inputs, outputs):
    return nn.Sequential(nn.Conv2d(inputs, outputs, 3, padding=1), nn.BatchNorm2d(outputs), nn.ReLU())


class RetinaUNet(nn.Module):
    def __init__(self, inputs, outputs, w):
        super().__init__()
        self.enc1_1, self.enc1_2 = cbr(inputs, w), cbr(w, w)
        self.enc2_1, self.enc2_2 = cbr(w, 2 * w), cbr(2 * w, 2 * w)
        self.enc3_1, self.enc3_2 = cbr(2 * w, 4 * w), cbr(4 * w, 4 * w)
        self.enc4_1, self.enc4_2 = cbr(4 * w, 8 * w), cbr(8 * w, 8 * w)
        self.enc5_1, self.dec5_1 = cbr(8 * w, 16 * w), cbr(16 * w, 8 * w)
        self.unpool4 = nn.ConvTranspose2d(8 * w, 8 * w, 2, 2)
        self.dec4_2, self.dec4_1 = cbr(16 * w, 8 * w), cbr(8 * w, 4 * w)
        self.unpool3 = nn.ConvTranspose2d(4 * w, 4 * w, 2, 2)
        self.dec3_2, self.dec3_1 = cbr(8 * w, 4 * w), cbr(4 * w, 2 * w)
        self.unpool2 = nn.ConvTranspose2d(2 * w, 2 * w, 2, 2)
        self.dec2_2, self.dec2_1 = cbr(4 * w, 2 * w), cbr(2 * w, w)
        self.unpool1 = nn.ConvTranspose2d(w, w, 2, 2)
        self.dec1_2, self.dec1_1 = cbr(2 * w, w), cbr(w, w)
        self.dec1_0 = nn.Conv2d(w, outputs, 1)

    def forward(self, x):
        pool = nn.functional.max_pool2d
        e1 = self.enc1_2(self.enc1_1(x))
        e2 = self.enc2_2(self.enc2_1(pool(e1, 2)))
        e3 = self.enc3_2(self.enc3_1(pool(e2, 2)))
        e4 = self.enc4_2(self.enc4_1(pool(e3, 2)))
        d = self.unpool4(self.dec5_1(self.enc5_1(pool(e4, 2))))
        d = self.unpool3(self.dec4_1(self.dec4_2(torch.cat([d, e4], 1))))
        d = self.unpool2(self.dec3_1(self.dec3_2(torch.cat([d, e3], 1))))
        d = self.unpool1(self.dec2_1(self.dec2_2(torch.cat([d, e2], 1))))
        return self.dec1_0(self.dec1_1(self.dec1_2(torch.cat([d, e1], 1))))


class DropFreeConvolution(nn.Module):
    """SA-UNet's block without DropBlock, with Keras' batch normalisation."""

    def __init__(self, inputs, outputs):
        super().__init__()
        self.convolution = nn.Conv2d(inputs, outputs, 3, padding=1)
        self.normalization = nn.BatchNorm2d(outputs, eps=1e-3, momentum=0.01)

    def forward(self, x):
        return torch.relu(self.normalization(self.convolution(x)))


class SpatialGate(nn.Module):
    def __init__(self):
        super().__init__()
        self.convolution = nn.Conv2d(2, 1, 7, padding=3, bias=False)

    def forward(self, x):
        return x * torch.sigmoid(self.convolution(torch.stack([x.mean(1), x.max(1).values], 1)))


class SaUNet(nn.Module):
    def __init__(self, inputs, outputs, width, depth=4):
        super().__init__()
        self.depth = depth
        for level in range(depth):
            self.add_module(f"encoder{level}_1", DropFreeConvolution(inputs, width << level))
            self.add_module(f"encoder{level}_2", DropFreeConvolution(width << level, width << level))
            inputs = width << level
        self.spatial = SpatialGate()
        for level in reversed(range(depth - 1)):
            self.add_module(f"up{level}", nn.ConvTranspose2d(width << (level + 1), width << level, 3, 2))
            self.add_module(f"decoder{level}_1", DropFreeConvolution(width << (level + 1), width << level))
            self.add_module(f"decoder{level}_2", DropFreeConvolution(width << level, width << level))
        self.head = nn.Conv2d(width, outputs, 1)

    def forward(self, x):
        skips = []
        for level in range(self.depth):
            x = getattr(self, f"encoder{level}_1")(x if level == 0 else nn.functional.max_pool2d(x, 2))
            if level + 1 == self.depth:
                x = self.spatial(x)
            x = getattr(self, f"encoder{level}_2")(x)
            skips.append(x)
        for level in reversed(range(self.depth - 1)):
            height, width = skips[level].shape[2:]
            up = getattr(self, f"up{level}")(x)[:, :, :height, :width]
            x = getattr(self, f"decoder{level}_1")(torch.cat([up, skips[level]], 1))
            x = getattr(self, f"decoder{level}_2")(x)
        return self.head(x)


def fill(network):
    with torch.no_grad():
        for index, (key, parameter) in enumerate(sorted(network.named_parameters())):
            values = uniform(WEIGHTS + index, parameter.shape)
            if parameter.dim() > 1:
                fan_in = parameter.numel() // parameter.shape[0]
                parameter.copy_(values * np.float32(np.sqrt(6 / fan_in)))
            elif key.endswith(("normalization.weight", ".1.weight")):
                parameter.copy_(1 + np.float32(0.2) * values)
            else:
                parameter.copy_(np.float32(0.2) * values)


def network_numbers(name, network, shape, classes, dtype=torch.float32):
    """classes: 1 = sigmoid and bce, above = softmax and cross_entropy. Of a network's logits `auxiliary` a
    third is added; labels within `margin` of a side count nothing."""
    fill(network)
    network.to(dtype)
    images = uniform(IMAGES, shape).to(dtype)
    labels = integers(LABELS, (shape[0], *shape[2:]), classes + 1)
    logits = network(images)
    margin = getattr(network, "margin", 0)
    if classes == 1:
        loss = nn.functional.binary_cross_entropy_with_logits(logits[:, 0], labels.to(dtype))
    else:
        inner = slice(margin, -margin or None)
        labels = labels[(slice(None), *[inner] * (labels.dim() - 1))]
        loss = nn.functional.cross_entropy(logits, labels)
        for auxiliary in getattr(network, "auxiliary", []):
            loss = loss + nn.functional.cross_entropy(auxiliary, labels) / 3
    loss.backward()
    flat = logits.detach().flatten()
    step = max(flat.numel() // 64, 1)
    return {
        "network": name, "shape": list(shape), "classes": classes, "loss": loss.item(),
        "parameters": sum(p.numel() for p in network.parameters()),
        "logits_step": step, "logits": flat[::step].tolist(), "logits_norm": flat.double().norm().item(),
    }


def gradients(network):
    return [(key, p.grad.double().flatten()) for key, p in sorted(network.named_parameters())]


def projections(gradient):
    signs = bits(SIGNS, gradient.numel())
    return [float(gradient @ torch.from_numpy(1.0 - 2.0 * ((signs >> np.uint32(8 + k)) & np.uint32(1)).astype(np.float64)))
            for k in range(4)]


def loss_numbers():
    cases = []
    for activation, classes in (("sigmoid", 1), ("sigmoid", 3), ("softmax", 3)):
        channels = classes + (activation == "softmax")
        for ignored in (False, True):
            labels = integers(LABELS + 10 * classes, (2, 6, 10), classes + 1)
            if ignored:
                labels[integers(LABELS + 7, (2, 6, 10), 5) == 0] = IGNORED
            for name, value in reference_losses(activation, classes, ignored).items():
                logits = (3 * uniform(LOGITS, (2, channels, 6, 10))).requires_grad_()
                mean = value(logits, labels)
                mean.backward()
                cases.append({"loss": name, "activation": activation, "classes": classes, "ignored": ignored,
                              "mean": mean.item(), "gradient": [float(f"{g:.9g}") for g in logits.grad.flatten().tolist()]})
    return cases


def reference_losses(activation, classes, ignored):
    """name -> mean loss of (logits, labels). MONAI's where no pixel is ignored, which it has no notion of."""
    sigmoid = activation == "sigmoid"

    def maps(labels):
        return torch.stack([(labels == k + 1).float() for k in range(classes)], 1)

    def entropy(logits, labels):
        if not sigmoid:
            return nn.functional.cross_entropy(logits, labels, ignore_index=IGNORED)
        valid = (labels != IGNORED)[:, None].expand_as(logits)
        return nn.functional.binary_cross_entropy_with_logits(logits[valid], maps(labels)[valid])

    def dice(logits, labels, batch=False):
        if not ignored:
            if sigmoid:
                return DiceLoss(sigmoid=True, batch=batch)(logits, maps(labels))
            return DiceLoss(softmax=True, to_onehot_y=True, include_background=False, batch=batch)(logits, labels[:, None])
        p = (torch.sigmoid(logits) if sigmoid else torch.softmax(logits, 1)[:, 1:]) * (labels != IGNORED)[:, None]
        axes = (0, 2, 3) if batch else (2, 3)
        t = maps(labels)
        return (1 - (2 * (p * t).sum(axes) + 1e-5) / (p.sum(axes) + t.sum(axes) + 1e-5)).mean()

    def dice_ce(logits, labels):
        if sigmoid or ignored:
            return dice(logits, labels) + entropy(logits, labels)
        return DiceCELoss(softmax=True, to_onehot_y=True, include_background=False)(logits, labels[:, None])

    def monai_form():
        return {"sigmoid": True} if sigmoid else {"softmax": True, "to_onehot_y": True, "include_background": False}

    def truth(labels):
        return maps(labels) if sigmoid else labels[:, None]

    def sums(logits, labels):
        p = (torch.sigmoid(logits) if sigmoid else torch.softmax(logits, 1)[:, 1:]) * (labels != IGNORED)[:, None]
        t = maps(labels)
        return (p * t).sum((2, 3)), p.sum((2, 3)), t.sum((2, 3))

    def tversky(logits, labels, root=1):
        if ignored:
            overlap, predicted, true = sums(logits, labels)
            errors = ALPHA * (predicted - overlap) + BETA * (true - overlap)
            losses = 1 - (overlap + 1e-5) / (overlap + errors + 1e-5)
        else:
            losses = TverskyLoss(alpha=ALPHA, beta=BETA, reduction="none", **monai_form())(logits, truth(labels))
        return (losses ** (1 / root)).mean()

    def generalized_dice(logits, labels):
        if not ignored:
            return GeneralizedDiceLoss(**monai_form())(logits, truth(labels))
        overlap, predicted, true = sums(logits, labels)
        assert (true > 0).all()
        w = 1 / true**2
        return (1 - (2 * (w * overlap).sum(1) + 1e-5) / ((w * (predicted + true)).sum(1) + 1e-5)).mean()

    def focal(logits, labels):
        if not ignored:
            if sigmoid:
                return FocalLoss(gamma=2)(logits, maps(labels))
            # MONAI's mean counts a pixel once for each channel.
            return FocalLoss(gamma=2, use_softmax=True, to_onehot_y=True)(logits, labels[:, None]) * (classes + 1)
        valid = labels != IGNORED
        if sigmoid:
            p = torch.sigmoid(logits)
            q = torch.where(maps(labels) == 1, p, 1 - p).movedim(1, -1)[valid]
        else:
            q = torch.softmax(logits, 1).gather(1, labels.clamp(min=0)[:, None])[:, 0][valid]
        return (-((1 - q) ** 2) * q.log()).mean()

    return {"bce" if sigmoid else "cross_entropy": entropy, "dice": dice,
            "dice_batch": lambda x, y: dice(x, y, True), "dice_ce": dice_ce, "generalized_dice": generalized_dice,
            "tversky": tversky, "focal_tversky": lambda x, y: tversky(x, y, GAMMA), "focal": focal}


def main():
    torch.set_num_threads(1)
    numbers = {"torch": torch.__version__, "whole": [], "projected": [], "losses": loss_numbers()}
    for name, make in (("unet", UNet), ("retina_unet", RetinaUNet), ("sa_unet", SaUNet)):
        small = make(3, 4, 2)
        numbers["whole"].append(network_numbers(name, small, (2, 3, 64, 48), 3))
        whole = torch.cat([gradient for _, gradient in gradients(small)])
        whole.numpy().astype("<f4").tofile(FOLDER / f"{name}_gradients.f32")
    for name, make in (("unet", UNet), ("retina_unet", RetinaUNet)):
        large = make(3, 1, 64)
        entry = network_numbers(name, large, (1, 3, 64, 96), 1, torch.float64)
        entry["gradients"] = {key: {"norm": gradient.norm().item(), "products": projections(gradient)}
                              for key, gradient in gradients(large)}
        numbers["projected"].append(entry)
    text = json.dumps(numbers, separators=(",", ":"))
    (FOLDER / "unet.json").write_text(text.replace('},{', '},\n{').replace('},"', '},\n"') + "\n")


if __name__ == "__main__":
    main()
