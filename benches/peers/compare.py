"""Time other implementations and ours, and print how many times as long theirs take.

The data are like those of benches/src/lib.rs: lesions, two classes with discs of radius 16 that cover 1 % of the voxels; and organs, blocks
with sides of 16 voxels, one class per block.
"""

import argparse
import ctypes
import gc
import json
import platform
import subprocess
import sys
import time
from functools import partial

import monai
import numpy as np
import torch
import torch.nn.functional as F
from monai.losses import AsymmetricUnifiedFocalLoss, DiceCELoss, DiceFocalLoss

LESIONS = {"2d": (4, 2, 512, 512), "3d": (1, 2, 128, 128, 128)}
DICE_CE = {"5": (2, 5, 256, 256), "14": (1, 14, 96, 96, 96), "117": (1, 117, 64, 64, 64)}
CROSS_ENTROPY = {"2": (4, 2, 512, 512), "4": (2, 4, 256, 256), "14": (1, 14, 96, 96, 96)}

# Measurements in which ours is compared with one read of the prediction and one write of the gradient.
LIMITS = {f"limit_{size}": f"unified_{size}" for size in ["2d", "3d", "1gib", "1gib-slices"]}
LIMITS |= {f"dice_limit_{size}": f"dice_{size}" for size in LESIONS}


def lesions(shape):
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


def organs(shape):
    """Logits, and labels with a class axis of length 1."""
    generator = np.random.default_rng(0)
    samples, classes, *sides = shape
    labels = generator.integers(classes, size=(samples, *(-(-side // 16) for side in sides)))
    for axis, side in enumerate(sides, start=1):
        labels = labels.repeat(16, axis).take(range(side), axis)
    noise = generator.random(shape, dtype=np.float32) * 4 - 2
    is_right = np.arange(classes).reshape(-1, *(1 for _ in sides)) == labels[:, None]
    return torch.from_numpy(noise + 3 * is_right.astype(np.float32)), torch.from_numpy(labels[:, None])


def asymmetric_unified_focal(p, y, weight=0.5, delta=0.6, gamma=0.5, epsilon=1e-7):
    """The published equations in plain PyTorch, as the input of torch.compile."""
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
    """The time of one value and gradient, in milliseconds."""
    given = prediction.detach().clone().requires_grad_(True)
    start = time.perf_counter()
    loss(given, target).backward()
    return (time.perf_counter() - start) * 1e3


def sizes_of_gradient(call, prediction):
    """The peak memory of a call above what was in use before, in sizes of the gradient; needs Linux and glibc."""

    def status(key):
        with open("/proc/self/status") as lines:
            return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(key))

    gc.collect()
    # Return freed memory to the system; otherwise the call could reuse it uncounted.
    ctypes.CDLL(None).malloc_trim(0)
    try:
        with open("/proc/self/clear_refs", "w") as peak:
            peak.write("5")
    except OSError:
        return None
    before = status("VmRSS:")
    call()
    return (status("VmHWM:") - before) / (prediction.numel() * prediction.element_size())


def theirs():
    """Yields for each of their losses: its name, the name of ours, a warmed-up call that returns milliseconds, and its memory."""
    of_probabilities = {
        "eager": ("unified", AsymmetricUnifiedFocalLoss()),
        "compile": ("unified", torch.compile(asymmetric_unified_focal)),
        "gamma02": ("gamma02", AsymmetricUnifiedFocalLoss(gamma=0.2)),
    }
    of_logits = {
        "dicefocal": ("dicefocal", DiceFocalLoss(softmax=True, to_onehot_y=True)),
        "dicece": ("dicece", DiceCELoss(softmax=True, to_onehot_y=True)),
        "ce": ("ce", lambda logits, labels: F.cross_entropy(logits, labels[:, 0])),
    }
    rows = []
    for size, shape in LESIONS.items():
        probabilities, labels = lesions(shape)
        one_hot = torch.cat([~labels, labels], 1).float()
        for kind, (ours, loss) in of_probabilities.items():
            if kind != "gamma02" or size == "2d":
                rows.append((kind, size, ours, loss, probabilities, one_hot))
        rows.append(("dicefocal", size, *of_logits["dicefocal"], probabilities.log(), labels.long()))
    for kind, shapes in {"dicece": DICE_CE, "ce": CROSS_ENTROPY}.items():
        for size, shape in shapes.items():
            rows.append((kind, size, *of_logits[kind], *organs(shape)))
    for kind, size, ours, loss, prediction, target in rows:
        call = partial(milliseconds, loss, prediction, target)
        for _ in range(3):
            call()
        yield f"{kind}_{size}", f"{ours}_{size}", call, sizes_of_gradient(call, prediction)


class Ours:
    """Our program, which runs a measurement on request."""

    def __init__(self, program, threads):
        command = [program, str(threads)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def measure(self, name):
        """Milliseconds of value and gradient ("ours") and of the limit ("limit"), and "memory" in sizes of the gradient."""
        print(name, file=self.process.stdin, flush=True)
        answer = json.loads(self.process.stdout.readline())
        self.simd = answer.pop("simd")
        return answer


def shortest(ours, name, call=None):
    """The best of several turns of ours and, if there is a call, of theirs."""
    least = {}
    for _ in range(25 if call else 7):
        times = ours.measure(name)
        if call:
            # Like ours, an untimed call first to warm the caches.
            call()
            times["theirs"] = call()
        least = {key: min(time, least.get(key, time)) for key, time in times.items() if time is not None}
    return least


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ours", required=True)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)

    # Measure in pairs, so that noise affects both.
    ours = Ours(arguments.ours, arguments.threads)
    pairs, memory = {}, {}
    for name, of_ours, call, memory[name] in theirs():
        pairs[name] = shortest(ours, of_ours, call)
    limits = {name: shortest(ours, of_ours) for name, of_ours in LIMITS.items()}

    ratios = {name: least["theirs"] / least["ours"] for name, least in pairs.items()}
    ratios |= {name: least["limit"] / least["ours"] for name, least in limits.items()}
    if arguments.json:
        print(json.dumps({name.replace("-", "_"): ratio for name, ratio in ratios.items()}))
        return
    print(f"{platform.processor() or platform.machine()}, {arguments.threads} threads, {ours.simd}, "
          f"torch {torch.__version__}, MONAI {monai.__version__}", file=sys.stderr)
    print("Milliseconds of value and gradient, and peak memory in sizes of the gradient (0 if free memory sufficed)", file=sys.stderr)
    print(f"{'':18}{'theirs, ms':>12}{'ours, ms':>12}{'ratio':>8}{'theirs':>10}{'ours':>8}")
    for name, least in pairs.items():
        sizes = [f"{size:.1f}" if size is not None else "?" for size in (memory[name], least.get("memory"))]
        print(f"{name:18}{least['theirs']:12.2f}{least['ours']:12.2f}{ratios[name]:8.1f}{sizes[0]:>10}{sizes[1]:>8}")
    print(f"{'':18}{'limit, ms':>12}{'ours, ms':>12}{'ratio':>8}")
    for name, least in limits.items():
        print(f"{name:18}{least['limit']:12.2f}{least['ours']:12.2f}{ratios[name]:8.2f}")


if __name__ == "__main__":
    main()
