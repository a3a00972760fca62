"""Times other implementations beside ours, and prints their time over ours.

The data are those of benches/src/lib.rs: two classes, discs of radius 16 that cover one voxel in a hundred.
"""

import argparse
import json
import platform
import subprocess
import sys
import time

import monai
import numpy as np
import torch
from monai.losses import AsymmetricUnifiedFocalLoss, DiceFocalLoss

SHAPES = {"2d": (4, 2, 512, 512), "3d": (1, 2, 128, 128, 128)}


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


def shortest(loss, prediction, target, runs):
    """Milliseconds of value and gradient."""
    best = float("inf")
    for _ in range(runs):
        given = prediction.detach().clone().requires_grad_(True)
        start = time.perf_counter()
        loss(given, target).backward()
        best = min(best, time.perf_counter() - start)
    return best * 1e3


def ours(program, threads):
    output = subprocess.run([program, str(threads)], check=True, capture_output=True, text=True)
    return json.loads(output.stdout)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ours", required=True)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)

    # By turns, so that a noisy machine is noisy to all.
    rounds = [ours(arguments.ours, arguments.threads)]
    theirs = {}
    for name, shape in SHAPES.items():
        probabilities, labels = phantom(shape)
        one_hot = torch.cat([~labels, labels], 1).float()
        theirs[f"eager_{name}"] = shortest(AsymmetricUnifiedFocalLoss(), probabilities, one_hot, 15)
        compiled = torch.compile(asymmetric_unified_focal)
        shortest(compiled, probabilities, one_hot, 3)
        theirs[f"compile_{name}"] = shortest(compiled, probabilities, one_hot, 15)
        dice_focal = DiceFocalLoss(softmax=True, to_onehot_y=True)
        logits = probabilities.log()
        theirs[f"dicefocal_{name}"] = shortest(dice_focal, logits, labels.long(), 15)
    rounds.append(ours(arguments.ours, arguments.threads))
    best = {key: min(r[key] for r in rounds) for key, value in rounds[0].items() if isinstance(value, float)}

    def key(name):
        kind, size = name.split("_")
        return f"dicefocal_{size}" if kind == "dicefocal" else f"unified_{size}"

    ratios = {name: milliseconds / best[key(name)] for name, milliseconds in theirs.items()}
    for size in ("2d", "1gib"):
        ratios[f"limit_{size}"] = best[f"limit_{size}"] / best[f"unified_{size}"]
    if arguments.json:
        print(json.dumps(ratios))
        return
    print(f"{platform.processor() or platform.machine()}, {arguments.threads} threads, {rounds[0]['simd']}, "
          f"torch {torch.__version__}, MONAI {monai.__version__}", file=sys.stderr)
    print(f"{'':16}{'theirs, ms':>12}{'ours, ms':>12}{'ratio':>8}")
    for name, milliseconds in theirs.items():
        print(f"{name:16}{milliseconds:12.2f}{best[key(name)]:12.2f}{ratios[name]:8.1f}")
    for size in ("2d", "3d", "1gib", "1gib_slices"):
        least, mine = best[f"limit_{size}"], best[f"unified_{size}"]
        print(f"{'limit_' + size:16}{least:12.2f}{mine:12.2f}{least / mine:8.2f}")


if __name__ == "__main__":
    main()
