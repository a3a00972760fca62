"""Times other implementations beside ours, and prints their time over ours.

The data are those of benches/src/lib.rs: two classes, discs of radius 16 that cover one voxel in a hundred.
"""

import argparse
import json
import platform
import subprocess
import sys
import time
from functools import partial

import monai
import numpy as np
import torch
from monai.losses import AsymmetricUnifiedFocalLoss, DiceFocalLoss

SHAPES = {"2d": (4, 2, 512, 512), "3d": (1, 2, 128, 128, 128)}

# Where ours is compared with one read of the prediction and one write of the gradient.
LIMITS = ["2d", "3d", "1gib", "1gib-slices"]


def phantom(shape):
    """Probabilities of two classes, and labels with a class axis of length 1."""
    samples, width = shape[0], shape[-1]
    voxels = int(np.prod(shape[2:]))
    index = np.arange(voxels)
    labels = np.zeros((samples, voxels), dtype=bool)
    for sample in range(samples):
        y, x = ((at + 71 * sample) % 284 - 142 for at in (index // width, index % width))
        labels[sample] = y * y + x * x < 16 * 16
    error = 0.01 + 0.5 * np.random.default_rng(0).random((samples, voxels), dtype=np.float32)
    p = np.where(labels, 1 - error, error).astype(np.float32)
    prediction = np.stack([1 - p, p], axis=1).reshape(shape)
    return torch.from_numpy(prediction), torch.from_numpy(labels.reshape(shape[0], 1, *shape[2:]))


def asymmetric_unified_focal(p, y, weight=0.5, delta=0.6, gamma=0.5, epsilon=1e-7):
    """The loss as it is written in the published equations, in plain PyTorch: what torch.compile is given."""
    p = p.clamp(epsilon, 1 - epsilon)
    axes = tuple(range(2, p.dim()))
    tp, fn, fp = (y * p).sum(axes), (y * (1 - p)).sum(axes), ((1 - y) * p).sum(axes)
    index = (tp + epsilon) / (tp + delta * fn + (1 - delta) * fp + epsilon)
    region = torch.stack([1 - index[:, 0], (1 - index[:, 1]) * (1 - index[:, 1]).pow(-gamma)], -1).mean()
    entropy = -y * p.log()
    background = (1 - delta) * (1 - p[:, 0]).pow(gamma) * entropy[:, 0]
    distribution = (background + delta * entropy[:, 1]).mean()
    return weight * region + (1 - weight) * distribution


def milliseconds(loss, prediction, target):
    """The time of one value and gradient."""
    given = prediction.detach().clone().requires_grad_(True)
    start = time.perf_counter()
    loss(given, target).backward()
    return (time.perf_counter() - start) * 1e3


def theirs():
    """Each of theirs on each shape, warm: name to a call that gives its milliseconds."""
    calls = {}
    for name, shape in SHAPES.items():
        probabilities, labels = phantom(shape)
        one_hot = torch.cat([~labels, labels], 1).float()
        of_probabilities = {
            "eager": AsymmetricUnifiedFocalLoss(),
            "compile": torch.compile(asymmetric_unified_focal),
        }
        for kind, loss in of_probabilities.items():
            calls[f"{kind}_{name}"] = partial(milliseconds, loss, probabilities, one_hot)
        dice_focal = DiceFocalLoss(softmax=True, to_onehot_y=True)
        calls[f"dicefocal_{name}"] = partial(milliseconds, dice_focal, probabilities.log(), labels.long())
    for call in calls.values():
        for _ in range(3):
            call()
    return calls


class Ours:
    """Our program, which takes one of its measurements whenever it is asked to."""

    def __init__(self, program, threads):
        command = [program, str(threads)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def measure(self, name):
        """The milliseconds of value and gradient, "ours", and of the "limit"."""
        print(name, file=self.process.stdin, flush=True)
        answer = json.loads(self.process.stdout.readline())
        self.simd = answer.pop("simd")
        return answer


def shortest(ours, name, call=None):
    """The least of several turns of ours, and of theirs, if there is a call."""
    kind, size = name.split("_")
    least = {}
    for _ in range(25 if call else 7):
        times = ours.measure(f"{'dicefocal' if kind == 'dicefocal' else 'unified'}_{size}")
        if call:
            # As ours: what was done in between is in the caches.
            call()
            times["theirs"] = call()
        least = {key: min(time, least.get(key, time)) for key, time in times.items()}
    return least


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ours", required=True)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)

    # Pair by pair, so that a noisy machine is noisy to both.
    ours = Ours(arguments.ours, arguments.threads)
    pairs = {name: shortest(ours, name, call) for name, call in theirs().items()}
    limits = {f"limit_{size}": shortest(ours, f"unified_{size}") for size in LIMITS}

    ratios = {name: least["theirs"] / least["ours"] for name, least in pairs.items()}
    ratios |= {name: least["limit"] / least["ours"] for name, least in limits.items()}
    if arguments.json:
        print(json.dumps({name.replace("-", "_"): ratio for name, ratio in ratios.items()}))
        return
    print(f"{platform.processor() or platform.machine()}, {arguments.threads} threads, {ours.simd}, "
          f"torch {torch.__version__}, MONAI {monai.__version__}", file=sys.stderr)
    print(f"{'':18}{'theirs, ms':>12}{'ours, ms':>12}{'ratio':>8}")
    for name, least in pairs.items():
        print(f"{name:18}{least['theirs']:12.2f}{least['ours']:12.2f}{ratios[name]:8.1f}")
    for name, least in limits.items():
        print(f"{name:18}{least['limit']:12.2f}{least['ours']:12.2f}{ratios[name]:8.2f}")


if __name__ == "__main__":
    main()
