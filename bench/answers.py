"""What the peers of the benches share; answers.h has the same for Medsweep's programs."""

import sys
import time

import torch


def noise(stream, shape):
    """Numbers in [-1, 1) that look random: a function of (stream, position) that the programs of a bench share."""
    count = torch.Size(shape).numel()
    positions = torch.arange(count, dtype=torch.float64)
    waves = torch.sin(positions * 12.9898 + stream * 78.233)
    return ((waves * 43758.5453).frac().abs() * 2 - 1).float().view(shape)


def fill_kernels(module, factor_of):
    """Biases become 0, kernels noise times factor_of(key, inputs); streams count in the order of the keys."""
    kernels = {}
    with torch.no_grad():
        for key, parameter in module.named_parameters():
            if key.endswith("bias"):
                parameter.zero_()
            if parameter.dim() > 1:
                kernels[key] = parameter
        for stream, key in enumerate(sorted(kernels), 1):
            kernel = kernels[key]
            inputs = kernel.numel() // kernel.shape[0]
            kernel.copy_(noise(stream, kernel.shape) * factor_of(key, inputs))


def training_step(optimizer, loss_of_step):
    def step():
        optimizer.zero_grad()
        loss = loss_of_step()
        loss.backward()
        optimizer.step()
        return loss.item()

    return step


def peak_resident_mib():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM:")) / 1024


def answer(run):
    """Prints "ready", then for each line "N" on the standard input runs N times and prints "<seconds a run> <what the
    last one gave> <peak resident MiB>"."""
    print("ready", flush=True)
    for line in sys.stdin:
        runs = int(line)
        start = time.perf_counter()
        for _ in range(runs):
            value = run()
        seconds = (time.perf_counter() - start) / runs
        print(f"{seconds:.6f} {value:.6f} {peak_resident_mib():.0f}", flush=True)
