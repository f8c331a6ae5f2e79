"""Learning rates of torch.optim.lr_scheduler, one for each step, for tests/runner/schedule_test.cpp.

Run with PyTorch 2.11:  python tests/golden/schedules.py > tests/golden/schedules.json
"""
import json

import torch
from torch.optim import lr_scheduler as lrs

EPOCHS, STEPS, BASE = 12, 5, 0.1
LOSSES = [1.0, 0.8, 0.8, 0.9, 0.79999, 0.85, 0.7, 0.71, 0.72, 0.73, 0.74, 0.75]


def rates(by_epoch=None, by_step=None, metric=None):
    """The rate of every step; `by_epoch` and `by_step` make schedulers that multiply (chained)."""
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=BASE)
    epoch_scheduler = by_epoch(optimizer) if by_epoch else None
    step_scheduler = by_step(optimizer) if by_step else None
    values = []
    for epoch in range(EPOCHS):
        for _ in range(STEPS):
            values.append(optimizer.param_groups[0]["lr"])
            optimizer.step()
            if step_scheduler:
                step_scheduler.step()
        if epoch_scheduler:
            epoch_scheduler.step(metric[epoch]) if metric else epoch_scheduler.step()
    return values


def after_warm_up(main, steps, factor):
    """LinearLR for `steps`, then `main`."""
    return lambda o: lrs.SequentialLR(
        o, [lrs.LinearLR(o, start_factor=factor, total_iters=steps), main(o)], milestones=[steps])


def warm_up(steps, factor):
    return lambda o: lrs.LinearLR(o, start_factor=factor, total_iters=steps)


def plateau(**options):
    return lambda o: lrs.ReduceLROnPlateau(o, **options)


TOTAL = EPOCHS * STEPS
cases = [
    ({"name": "constant"}, rates()),
    ({"name": "constant", "warm_up_steps": 7, "warm_up_factor": 0.25},
     rates(by_step=warm_up(7, 0.25))),
    ({"name": "step", "every_epochs": 4, "factor": 0.3},
     rates(by_epoch=lambda o: lrs.StepLR(o, 4, 0.3))),
    ({"name": "step", "every_epochs": 1, "factor": 0.5, "warm_up_epochs": 2, "warm_up_factor": 0.1},
     rates(by_epoch=lambda o: lrs.StepLR(o, 1, 0.5), by_step=warm_up(10, 0.1))),
    ({"name": "multi_step", "milestones": [3, 4, 9], "factor": 0.1},
     rates(by_epoch=lambda o: lrs.MultiStepLR(o, [3, 4, 9], 0.1))),
    ({"name": "multi_step", "milestones": [1, 6], "factor": 0.2, "warm_up_steps": 8,
      "warm_up_factor": 0.001},
     rates(by_epoch=lambda o: lrs.MultiStepLR(o, [1, 6], 0.2), by_step=warm_up(8, 0.001))),
    ({"name": "polynomial", "power": 0.9},
     rates(by_step=lambda o: lrs.PolynomialLR(o, TOTAL, 0.9))),
    ({"name": "polynomial", "power": 2.0, "interval": "epoch"},
     rates(by_epoch=lambda o: lrs.PolynomialLR(o, EPOCHS, 2.0))),
    ({"name": "polynomial", "power": 0.9, "warm_up_steps": 10, "warm_up_factor": 0.1},
     rates(by_step=after_warm_up(lambda o: lrs.PolynomialLR(o, TOTAL - 10, 0.9), 10, 0.1))),
    ({"name": "cosine", "minimum_learning_rate": 0.001},
     rates(by_step=lambda o: lrs.CosineAnnealingLR(o, TOTAL, 0.001))),
    ({"name": "cosine", "interval": "epoch"},
     rates(by_epoch=lambda o: lrs.CosineAnnealingLR(o, EPOCHS))),
    ({"name": "cosine", "warm_up_epochs": 3, "warm_up_factor": 0.2, "minimum_learning_rate": 0.01},
     rates(by_step=after_warm_up(lambda o: lrs.CosineAnnealingLR(o, TOTAL - 15, 0.01), 15, 0.2))),
    ({"name": "plateau", "factor": 0.5, "patience": 0},
     rates(plateau(factor=0.5, patience=0), metric=LOSSES)),
    ({"name": "plateau", "factor": 0.5, "patience": 1, "cooldown": 2, "threshold": 0.01,
      "minimum_learning_rate": 0.04},
     rates(plateau(factor=0.5, patience=1, cooldown=2, threshold=0.01, min_lr=0.04),
           metric=LOSSES)),
    ({"name": "plateau", "factor": 0.1, "patience": 1, "direction": "higher"},
     rates(plateau(factor=0.1, patience=1, mode="max"), metric=LOSSES)),
]
print(json.dumps({
    "torch": torch.__version__, "epochs": EPOCHS, "steps_per_epoch": STEPS, "base": BASE,
    "losses": LOSSES,
    "cases": [{"options": options, "rates": values} for options, values in cases]}))
