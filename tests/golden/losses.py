"""Numbers of losses in two and three dimensions, from MONAI, PyTorch and SciPy.

    python tests/golden/losses.py        # writes losses.json beside itself

Logits and labels are those of counter_numbers.py. A case is a loss by its name and options in a study,
its mean and the gradient of the logits. tests/golden/unet.py has the other losses.
"""

import json
import pathlib

import numpy as np
import torch
from monai.losses import DiceLoss
from scipy.ndimage import distance_transform_edt

from counter_numbers import integers, uniform

FOLDER = pathlib.Path(__file__).parent
LABELS, LOGITS = 2, 3
CLASSES = 3
WEIGHTS = [0.25, 1.0, 2.0, 0.5]
DICE = [0.9, 0.4, 0.75]
IGNORED = -1


def maps(labels, first):
    return torch.stack([(labels == k).float() for k in range(first, CLASSES + 1)], 1)


def monai_dice(activation, background, **options):
    if activation == "sigmoid":
        loss = DiceLoss(sigmoid=True, **options)
        return lambda x, y: loss(x, maps(y, 1))
    loss = DiceLoss(softmax=True, to_onehot_y=True, include_background=background, **options)
    return lambda x, y: loss(x, y[:, None])


def signed_distance(inside):
    if not inside.any() or inside.all():
        return np.zeros(inside.shape)
    return np.where(inside, 1 - distance_transform_edt(inside), distance_transform_edt(~inside))


def boundary(activation):
    def value(x, y):
        p = torch.sigmoid(x) if activation == "sigmoid" else torch.softmax(x, 1)[:, 1:]
        truth = maps(y, 1).numpy() > 0
        phi = np.stack([np.stack([signed_distance(m) for m in sample]) for sample in truth])
        counted = (y != IGNORED)[:, None]
        return (p * torch.from_numpy(phi).float() * counted).sum() / (counted.sum() * CLASSES)
    return value


def cbl(dice=None):
    """The zoo's: Dice of all channels over the batch; weighted cross-entropy, later by the Dice of each class."""
    batch_dice = monai_dice("softmax", True, batch=True)

    def value(x, y):
        if dice is None:
            entropy = torch.nn.functional.cross_entropy(x, y, torch.tensor(WEIGHTS))
        else:
            below = min(dice) - 0.05
            weights = torch.tensor([0.0] + [(np.median(dice) - below) / (d - below) for d in dice])
            entropy = (torch.nn.functional.cross_entropy(x, y, reduction="none") * weights.float()[y]).mean()
        return batch_dice(x, y) + entropy
    return value


def cases():
    for activation in ("softmax", "sigmoid"):
        yield "dice", {"squared": True}, activation, monai_dice(activation, False, squared_pred=True)
        yield ("dice", {"squared": True, "over": "batch"}, activation,
               monai_dice(activation, False, squared_pred=True, batch=True))
        yield "boundary", {}, activation, boundary(activation)
        yield "boundary", {"ignored": True}, activation, boundary(activation)
    yield "dice", {"background": True}, "softmax", monai_dice("softmax", True)
    yield "dice", {"background": True, "squared": True}, "softmax", monai_dice("softmax", True, squared_pred=True)
    weights = torch.tensor(WEIGHTS)
    for ignored in (False, True):
        yield ("cross_entropy", {"class_weights": WEIGHTS, "ignored": ignored}, "softmax",
               lambda x, y: torch.nn.functional.cross_entropy(x, y, weights, ignore_index=IGNORED))
    yield "cbl", {"class_weights": WEIGHTS}, "softmax", cbl()
    yield "cbl", {"class_weights": WEIGHTS, "observed": DICE}, "softmax", cbl(DICE)


def main():
    numbers = []
    for shape in ((6, 10), (4, 5, 6)):
        for name, options, activation, value in cases():
            labels = integers(LABELS, (2, *shape), CLASSES + 1)
            if options.get("ignored"):
                labels[integers(LABELS + 7, (2, *shape), 5) == 0] = IGNORED
            logits = (3 * uniform(LOGITS, (2, CLASSES + (activation == "softmax"), *shape))).requires_grad_()
            mean = value(logits, labels)
            mean.backward()
            numbers.append({"loss": name, "options": options, "activation": activation, "shape": list(shape),
                            "mean": mean.item(), "gradient": [float(f"{g:.9g}") for g in logits.grad.flatten().tolist()]})
    text = json.dumps({"torch": torch.__version__, "cases": numbers}, separators=(",", ":"))
    (FOLDER / "losses.json").write_text(text.replace('},{"loss', '},\n{"loss') + "\n")


main()
