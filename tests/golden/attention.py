"""Numbers of the attention modules, from PyTorch.

    python tests/golden/attention.py   # writes attention.json beside itself

The modules are written here anew, in PyTorch, plainly (whole matrices of weights, loops over channels), with
the keys that Medsweep uses: their state dictionaries exchange. Weights, features and targets are a function of
(stream, position), which tests/models/golden_numbers.h repeats. Everything is computed in double precision, in
training mode; the loss is the sum of the output times the targets.

Each tensor is held by its norm and its products with 4 vectors of signs, as in backbones.py.
"""

import json
import pathlib

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from counter_numbers import bits, uniform

FOLDER = pathlib.Path(__file__).parent
FEATURES, TARGETS, GATING, SIGNS, WEIGHTS = 1, 20, 21, 1000, 5000
CONVOLUTION = {2: nn.Conv2d, 3: nn.Conv3d}
BATCH_NORM = {2: nn.BatchNorm2d, 3: nn.BatchNorm3d}
INSTANCE_NORM = {2: nn.InstanceNorm2d, 3: nn.InstanceNorm3d}


def axes(x):
    return tuple(range(2, x.dim()))


def over(gate, x):
    return gate.reshape(*gate.shape, *[1] * (x.dim() - gate.dim()))


class SE(nn.Module):
    def __init__(self, d, c, reduction):
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(c, c // reduction), nn.Linear(c // reduction, c)

    def forward(self, x):
        return x * over(torch.sigmoid(self.fc2(torch.relu(self.fc1(x.mean(axes(x)))))), x)


class ScSE(nn.Module):
    def __init__(self, d, c, reduction, join):
        super().__init__()
        self.channel, self.spatial, self.join = SE(d, c, reduction), CONVOLUTION[d](c, 1, 1), join

    def forward(self, x):
        by_channel, by_position = self.channel(x), x * torch.sigmoid(self.spatial(x))
        return torch.maximum(by_channel, by_position) if self.join == "max" else by_channel + by_position


class Spatial(nn.Module):
    def __init__(self, d, c, size):
        super().__init__()
        self.convolution = CONVOLUTION[d](2, 1, size, padding=size // 2, bias=False)

    def forward(self, x):
        return x * torch.sigmoid(self.convolution(torch.stack([x.mean(1), x.max(1).values], 1)))


class CBAM(nn.Module):
    def __init__(self, d, c, reduction, size):
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(c, c // reduction), nn.Linear(c // reduction, c)
        self.convolution = CONVOLUTION[d](2, 1, size, padding=size // 2, bias=False)
        self.normalization = BATCH_NORM[d](1, momentum=0.01)

    def forward(self, x):
        flat = x.flatten(2)
        mlp = nn.Sequential(self.fc1, nn.ReLU(), self.fc2)
        x = x * over(torch.sigmoid(mlp(flat.mean(2)) + mlp(flat.max(2).values)), x)
        both = torch.stack([x.max(1).values, x.mean(1)], 1)
        return x * torch.sigmoid(self.normalization(self.convolution(both)))


class ECA(nn.Module):
    def __init__(self, d, c):
        super().__init__()
        self.convolution = nn.Conv1d(1, 1, 3, padding=1, bias=False)

    def forward(self, x):
        return x * over(torch.sigmoid(self.convolution(x.mean(axes(x))[:, None])[:, 0]), x)


class SelfAttention(nn.Module):
    """heads = 0: without tables of relative positions."""

    def __init__(self, d, c, heads=0, clip=0):
        super().__init__()
        self.query, self.key, self.value = (CONVOLUTION[d](c, out, 1) for out in (c // 8, c // 8, c))
        self.heads, self.clip = heads, clip
        if heads:
            self.names = ["relative_depth", "relative_height", "relative_width"][3 - d:]
            for name in self.names:
                self.register_parameter(name, nn.Parameter(torch.zeros(2 * clip + 1, c // 8 // heads)))

    def forward(self, x):
        heads = max(1, self.heads)
        q, k, v = (layer(x).flatten(2).unflatten(1, (heads, -1)) for layer in (self.query, self.key, self.value))
        logits = torch.einsum("nhdi,nhdj->nhij", q, k)
        if self.heads:
            places = torch.cartesian_prod(*[torch.arange(side) for side in x.shape[2:]])  # [P, dimensions]
            for axis, name in enumerate(self.names):
                offset = (places[None, :, axis] - places[:, None, axis]).clamp(-self.clip, self.clip) + self.clip
                logits = logits + torch.einsum("nhdi,ijd->nhij", q, getattr(self, name)[offset])
        weights = torch.softmax(logits / (x.shape[1] / heads) ** 0.5, -1)
        return x + torch.einsum("nhij,nhdj->nhdi", weights, v).reshape(x.shape)


class ProjectExcite(nn.Module):
    def __init__(self, d, c, reduction, projection):
        super().__init__()
        self.squeeze, self.excite = CONVOLUTION[d](c, c // reduction, 1), CONVOLUTION[d](c // reduction, c, 1)
        self.prelu = nn.PReLU(c // reduction) if projection == "mean_prelu" else None

    def forward(self, x):
        z = sum(x.mean([other for other in axes(x) if other != axis], keepdim=True) for axis in axes(x))
        if self.prelu is None:
            return x * torch.sigmoid(self.excite(torch.relu(self.squeeze(z))))
        return x * torch.sigmoid(self.excite(self.prelu(self.squeeze(z / len(axes(x))))))


class Dual(nn.Module):
    def __init__(self, d, c):
        super().__init__()
        self.query, self.key, self.value = (CONVOLUTION[d](c, out, 1) for out in (c // 8, c // 8, c))
        self.position_scale, self.channel_scale = nn.Parameter(torch.zeros(1)), nn.Parameter(torch.zeros(1))

    def forward(self, x):
        q, k, v = (layer(x).flatten(2) for layer in (self.query, self.key, self.value))
        by_position = v @ torch.softmax(q.transpose(1, 2) @ k, -1).transpose(1, 2)
        flat = x.flatten(2)
        by_channel = torch.softmax(flat @ flat.transpose(1, 2), -1) @ flat
        return x + (self.position_scale * by_position + self.channel_scale * by_channel).reshape(x.shape)


class SliceLayers(nn.Module):
    def __init__(self, c, slices, reduction):
        super().__init__()
        inner = max(1, slices // reduction)
        self.fc1 = nn.Conv1d(c * slices, c * inner, 1, groups=c)
        self.fc2 = nn.Conv1d(c * inner, c * slices, 1, groups=c)

    def forward(self, pooled):
        return self.fc2(torch.relu(self.fc1(pooled.flatten(1)[:, :, None]))).reshape(pooled.shape)


class Slices(nn.Module):
    """cs, sc and pam."""

    def __init__(self, d, c, order, slices, slice_reduction, channel_reduction, slice_pooling="avg",
                 channel_pooling="avg", detach_squeeze=False):
        super().__init__()
        self.order, self.detach = order, detach_squeeze
        self.slice_pooling, self.channel_pooling = slice_pooling, channel_pooling
        self.slices = SliceLayers(c, slices, slice_reduction)
        self.channels = nn.Module()
        inner = max(1, c // channel_reduction)
        self.channels.fc1, self.channels.fc2 = nn.Linear(c, inner), nn.Linear(inner, c)

    @staticmethod
    def pooled(values, pooling, layers):
        """values: [N, C, ..., P], pooled over the last."""
        kinds = {"avg": [values.mean(-1)], "max": [values.max(-1).values]}
        return torch.sigmoid(sum(layers(p) for p in kinds.get(pooling, kinds["avg"] + kinds["max"])))

    def weigh_slices(self, x):
        gate = self.pooled(x.flatten(3), self.slice_pooling, self.slices)
        return x * over(gate, x), gate

    def weigh_channels(self, x, kept=None):
        layers = nn.Sequential(self.channels.fc1, nn.ReLU(), self.channels.fc2)
        rows = []
        for n in range(x.shape[0]):
            chosen = [x[n, c] if kept is None else x[n, c][kept[n, c]] for c in range(x.shape[1])]
            mean = torch.stack([part.mean() for part in chosen])
            most = torch.stack([part.max() for part in chosen])
            kinds = {"avg": [mean], "max": [most]}.get(self.channel_pooling, [mean, most])
            rows.append(sum(layers(z.detach() if self.detach else z) for z in kinds))
        return x * over(torch.sigmoid(torch.stack(rows)), x)

    def forward(self, x):
        if self.order == "cs":
            return self.weigh_slices(self.weigh_channels(x))[0]
        weighed, gate = self.weigh_slices(x)
        weights = torch.softmax(gate.detach(), 2)
        return self.weigh_channels(weighed, weights >= weights.mean(2, True) if self.order == "pam" else None)


class AttentionGate(nn.Module):
    def __init__(self, d, c, gating, inner, normalization):
        super().__init__()
        self.theta = CONVOLUTION[d](c, inner, 2, 2, bias=False)
        self.phi, self.psi, self.output = (CONVOLUTION[d](*io, 1) for io in ((gating, inner), (inner, 1), (c, c)))
        self.normalization = BATCH_NORM[d](c) if normalization == "batch" else INSTANCE_NORM[d](c, affine=True)
        self.mode = {2: "bilinear", 3: "trilinear"}[d]

    def forward(self, x, g):
        seen = self.theta(x)
        told = functional.interpolate(self.phi(g), seen.shape[2:], mode=self.mode)
        gate = torch.sigmoid(self.psi(torch.relu(seen + told)))
        return self.normalization(self.output(x * functional.interpolate(gate, x.shape[2:], mode=self.mode)))


class Split(nn.Module):
    """radix convolutions as a list, one after the other."""

    def __init__(self, d, c, outputs, radix, cardinality, normalization):
        super().__init__()
        norm = {"batch": BATCH_NORM[d], "group": lambda channels: nn.GroupNorm(8, channels)}[normalization]
        inner = max(32, c * radix // 4)
        self.conv = CONVOLUTION[d](c, outputs * radix, 3, padding=1, groups=radix * cardinality, bias=False)
        self.bn0, self.bn1 = norm(outputs * radix), norm(inner)
        self.fc1 = CONVOLUTION[d](outputs, inner, 1, groups=cardinality)
        self.fc2 = CONVOLUTION[d](inner, outputs * radix, 1, groups=cardinality)
        self.radix, self.cardinality = radix, cardinality

    def forward(self, x):
        splits = torch.relu(self.bn0(self.conv(x))).chunk(self.radix, 1)
        means = sum(splits).mean(axes(x), keepdim=True)
        logits = self.fc2(torch.relu(self.bn1(self.fc1(means)))).flatten(1)
        groups = [group.chunk(self.radix, 1) for group in logits.chunk(self.cardinality, 1)]
        by_split = [torch.cat([group[r] for group in groups], 1) for r in range(self.radix)]  # radix x [N, C]
        weights = torch.sigmoid(by_split[0])[None] if self.radix == 1 else torch.softmax(torch.stack(by_split), 0)
        return sum(split * over(weight, split) for split, weight in zip(splits, weights))


class Transformer(nn.Module):
    """Images moved by theta, and what comes of them moved back."""

    def __init__(self, d, c, align_corners):
        super().__init__()
        for index, (inputs, outputs) in enumerate(((c, 8), (8, 16), (16, 32))):
            self.add_module(f"convolution{index}", CONVOLUTION[d](inputs, outputs, 3, stride=2, padding=1))
        self.fc = nn.Linear(32 * 4**d, 32)
        self.matrix, self.offset = nn.Parameter(torch.zeros(d * (d + 1), 32)), nn.Parameter(torch.zeros(d * (d + 1)))
        self.d, self.align = d, align_corners

    def move(self, x, theta):
        grid = functional.affine_grid(theta, list(x.shape), align_corners=self.align)
        return functional.grid_sample(x, grid, padding_mode="border", align_corners=self.align)

    def forward(self, x):
        h = x
        for index in range(3):
            h = torch.relu(getattr(self, f"convolution{index}")(h))
        h = torch.relu(self.fc(torch.nn.functional.interpolate(h, (4,) * self.d, mode="area").flatten(1)))
        theta = torch.eye(self.d, self.d + 1, dtype=x.dtype) + torch.tanh(h @ self.matrix.T + self.offset).reshape(
            -1, self.d, self.d + 1) / 4
        square = torch.cat([theta, torch.eye(self.d + 1, dtype=x.dtype)[-1:].expand(len(x), 1, -1)], 1)
        return self.move(torch.sin(3 * self.move(x, theta)), torch.linalg.inv(square)[:, :-1])


def fill(module):
    """As fill_attention() of tests/models/attention."""
    with torch.no_grad():
        for index, (key, parameter) in enumerate(sorted(module.named_parameters())):
            numbers = uniform(WEIGHTS + index, parameter.shape).double()
            if parameter.dim() > 1:
                parameter.copy_(numbers * np.sqrt(3 / (parameter.numel() // parameter.shape[0])))
            else:
                parameter.copy_(0.5 * numbers)


def products(tensor):
    flat = tensor.detach().double().contiguous().flatten()
    signs = bits(SIGNS, flat.numel())
    return [float(flat @ torch.from_numpy(1.0 - 2.0 * ((signs >> np.uint32(8 + k)) & np.uint32(1)).astype(np.float64)))
            for k in range(4)]


def held(tensor):
    return {"shape": list(tensor.shape), "norm": tensor.detach().double().norm().item(), "products": products(tensor)}


def case(name, options, module, shape, gating=None):
    module.double()
    fill(module)
    inputs = [uniform(FEATURES, shape).double().requires_grad_()]
    if gating:
        inputs.append(uniform(GATING, gating).double().requires_grad_())
    output = module(*inputs)
    (output * uniform(TARGETS, output.shape).double()).sum().backward()
    gradients = {key: p.grad if p.grad is not None else torch.zeros_like(p) for key, p in module.named_parameters()}
    return {
        "name": name, "options": options, "shape": list(shape), "gating": list(gating or []),
        "parameters": sum(p.numel() for p in module.parameters()), "output": held(output),
        "inputs": [held(x.grad) for x in inputs],
        "gradients": {key: held(gradient) for key, gradient in gradients.items()},
    }


def module_cases(d, shape):
    c = shape[1]
    yield case("se", {"reduction": 4}, SE(d, c, 4), shape)
    for join in ("max", "add"):
        yield case("scse", {"reduction": 4, "join": join}, ScSE(d, c, 4, join), shape)
    yield case("spatial", {"kernel_size": 5}, Spatial(d, c, 5), shape)
    yield case("cbam", {"reduction": 4, "kernel_size": 3}, CBAM(d, c, 4, 3), shape)
    yield case("eca", {}, ECA(d, c), shape)
    yield case("self_attention", {}, SelfAttention(d, c), shape)
    yield case("relative_self_attention", {"heads": 2, "clip_distance": 2}, SelfAttention(d, c, 2, 2), shape)
    for projection in ("sum", "mean_prelu"):
        yield case("project_excite", {"reduction": 2, "projection": projection},
                   ProjectExcite(d, c, 2, projection), shape)
    yield case("dual", {}, Dual(d, c), shape)


def slice_cases(shape):
    c, slices = shape[1:3]
    for order in ("cs", "sc", "pam"):
        for pooling in ("avg", "max", "avg_and_max"):
            options = {"slice_reduction": 3, "channel_reduction": 4, "slice_pooling": pooling,
                       "channel_pooling": "avg" if pooling == "max" else pooling}
            yield case(order, options, Slices(3, c, order, slices, 3, 4, pooling, options["channel_pooling"]), shape)
    options = {"slice_reduction": 16, "channel_reduction": 8, "detach_squeeze": True}
    yield case("pam", options, Slices(3, c, "pam", slices, 16, 8, detach_squeeze=True), shape)


def gate_cases(d, shape):
    c = shape[1]
    for normalization in ("batch", "instance"):
        for gating in ((shape[0], 2 * c, *[side // 2 for side in shape[2:]]), (shape[0], 6, *[3] * d)):
            yield case("attention_gate", {"normalization": normalization},
                       AttentionGate(d, c, gating[1], c // 2, normalization), shape, gating)


def block_and_input_cases(d, shape):
    c = shape[1]
    for radix, cardinality, outputs in ((2, 1, c), (1, 2, 8), (4, 2, 24)):
        for normalization in ("batch", "group"):
            options = {"radix": radix, "cardinality": cardinality, "normalization": normalization, "outputs": outputs}
            yield case("split", options, Split(d, c, outputs, radix, cardinality, normalization), shape)
    for align_corners in (False, True):
        yield case("stn", {"align_corners": align_corners}, Transformer(d, c, align_corners), shape)


def rounded(value):
    """Twelve digits: more than the tolerance asks for."""
    if isinstance(value, float):
        return float(f"{value:.12g}")
    if isinstance(value, dict):
        return {key: rounded(entry) for key, entry in value.items()}
    return [rounded(entry) for entry in value] if isinstance(value, list) else value


def main():
    torch.set_num_threads(1)
    cases = []
    for shape in ((2, 16, 7, 5), (3, 16, 8, 12)):
        cases += [*module_cases(2, shape), *gate_cases(2, shape), *block_and_input_cases(2, shape)]
    for shape in ((2, 16, 5, 7, 3), (3, 16, 6, 4, 8)):
        cases += [*module_cases(3, shape), *slice_cases(shape), *gate_cases(3, shape),
                  *block_and_input_cases(3, shape)]
    text = json.dumps(rounded({"torch": torch.__version__, "cases": cases}), separators=(",", ":"))
    (FOLDER / "attention.json").write_text(text.replace('},{"name"', '},\n{"name"') + "\n")


main()
