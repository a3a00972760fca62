"""Deep supervision by MONAI and nnU-Net, and losses per voxel by PyTorch and torchvision.

    python make_levels_and_voxels.py OUT

OUT receives `deep_supervision.json` and `voxel_losses.json`: small inputs, drawn from a seed, with the values and gradients of the libraries,
and beside each the loss and the settings that are equal to it here (`loss`, `settings`).

Run with Python 3.11, torch 2.15.0 (CPU), torchvision 0.29.2, monai 1.6.1, nnunetv2 2.8.1 (its losses alone, installed without
dependencies) and numpy 2.4.6.

- `deep_supervision.json`: `weights` has the weights of `DeepSupervisionLoss.get_weights` for 1 to 8 levels, and those of nnU-Net's trainer, by
  the lines of `nnUNetTrainer._build_loss`. `cases` has predictions at several sizes, one label map, the value and the gradient of each level. The
  targets of nnU-Net's levels are made as batchgeneratorsv2's `DownsampleSegForDSTransform` makes them, with `interpolate(mode="nearest-exact")`.
  MONAI adds the levels up in float32 and casts the predictions to it, and nnU-Net's Dice sums are in float32: `precision` says so.
- `voxel_losses.json`: losses with `reduction="none"`, and the gradient of Σ upstream·loss. Losses per channel are averaged over the channels, as
  the value is.

Logits are multiples of 1/64, so that they are the same in float32.
"""

import argparse
import json
import pathlib

import monai
import numpy as np
import torch
import torch.nn.functional as F
import torchvision
from monai.losses import DeepSupervisionLoss, DiceCELoss, DiceLoss, FocalLoss
from nnunetv2.training.loss.compound_losses import DC_and_BCE_loss, DC_and_CE_loss
from nnunetv2.training.loss.deep_supervision import DeepSupervisionWrapper

rng = np.random.default_rng(20)
MONAI = f"monai {monai.__version__}"
NNUNET = "nnunetv2 2.8.1"
TORCH = f"torch {torch.__version__.split('+')[0]}"


def logits(*shape):
    return torch.from_numpy(rng.integers(-192, 193, size=shape) / 64.0)


def labels(classes, *shape, ignored=None):
    drawn = rng.integers(0, classes, size=shape)
    if ignored is not None:
        drawn = np.where(rng.random(shape) < 0.2, ignored, drawn)
    return torch.from_numpy(drawn)


def array(tensor):
    return {"shape": list(tensor.shape), "values": tensor.detach().double().flatten().tolist()}


# ---------------------------------------------------------------------------------------------------------------------
# Deep supervision


def trainer_weights(levels):
    weights = np.array([1 / (2 ** i) for i in range(levels)])
    weights[-1] = 0
    return (weights / weights.sum()).tolist()


def resized(target, size):
    """[N, 1, spatial…], as batchgeneratorsv2 does it."""
    return F.interpolate(target.float(), size, mode="nearest-exact").to(target.dtype)


def regions(target, sets):
    """A channel per set of labels, [N, R, spatial…]."""
    return torch.cat([torch.isin(target, torch.tensor(of)).double() for of in sets], 1)


def deep(version, call, precision, loss, settings, weights, sizes, channels, samples, classes, evaluate, ignored=None):
    target = labels(classes, samples, 1, *sizes[0], ignored=ignored)
    predictions = [logits(samples, channels, *size).requires_grad_(True) for size in sizes]
    value = evaluate(predictions, target)
    gradients = torch.autograd.grad(value, predictions, allow_unused=True)
    zeros = [torch.zeros_like(p) for p in predictions]
    return {
        "version": version, "call": call, "precision": precision, "loss": loss, "settings": settings, "weights": weights,
        "labels": array(target[:, 0]), "predictions": [array(p) for p in predictions], "value": value.item(),
        "gradients": [array(zero if g is None else g) for g, zero in zip(gradients, zeros)],
    }


def deep_supervision():
    exact, single = "float64", "float32"
    softmax, sigmoid = {"input": "softmax"}, {"input": "sigmoid"}
    plane = [(8, 8), (4, 4), (2, 2), (1, 1)]
    volume = [(4, 4, 8), (2, 2, 4), (1, 1, 2)]
    flat = [(3, 4, 8), (3, 2, 4), (3, 1, 2)]  # the spacing of the first axis is too coarse to pool
    odd = [(9, 15), (3, 5)]  # factors of 3
    uneven = [(10, 12), (7, 5), (3, 4)]  # no whole factors
    cases = []

    dice_ce = lambda: DiceCELoss(softmax=True, to_onehot_y=True)
    ours = "dice-cross-entropy(smooth=0.5e-5)"
    for mode in ("exp", "same", "two"):
        for sizes in (plane, volume, uneven):
            if sizes is uneven and mode != "exp":
                continue
            call = f'DeepSupervisionLoss(DiceCELoss(softmax=True, to_onehot_y=True), weight_mode="{mode}")'
            wrapped = DeepSupervisionLoss(dice_ce(), weight_mode=mode)
            cases.append(deep(MONAI, call, single, ours, softmax, mode, sizes, 3, 2, 3, lambda p, y: wrapped(p, y.float())))
    given = [1.0, 0.25, 0.5]
    call = "DeepSupervisionLoss(DiceLoss(softmax=True, to_onehot_y=True, include_background=False, batch=True), weights=[1, 0.25, 0.5])"
    wrapped = DeepSupervisionLoss(DiceLoss(softmax=True, to_onehot_y=True, include_background=False, batch=True), weights=given)
    settings = softmax | {"pooling": "batch", "class_weights": [0.0, 1.0, 1.0]}
    cases.append(deep(MONAI, call, single, "dice(smooth=0.5e-5)", settings, given, volume, 3, 2, 3, lambda p, y: wrapped(p, y.float())))
    call = "DeepSupervisionLoss(FocalLoss())"
    focal = DeepSupervisionLoss(FocalLoss())
    settings = sigmoid | {"regions": [[1, 2], [2]]}
    evaluate = lambda p, y: focal(p, regions(y, [[1, 2], [2]]))
    cases.append(deep(MONAI, call, single, "focal", settings, "exp", plane, 2, 2, 3, evaluate))

    def nnunet(loss, sets=None):
        def evaluate(predictions, target):
            targets = [resized(target, p.shape[2:]) for p in predictions]
            if sets is not None:
                targets = [regions(t, sets) for t in targets]
            return DeepSupervisionWrapper(loss, trainer_weights(len(predictions)))(predictions, targets)
        return evaluate

    entropy = lambda p, y: F.cross_entropy(p, y[:, 0], ignore_index=255)
    call = "DeepSupervisionWrapper(cross_entropy(ignore_index=255))"
    settings = softmax | {"pooling": "batch", "ignore_label": 255}
    for sizes in (plane, volume, flat, odd, uneven):
        of = "nnunet" if sizes is not uneven else [0.5, 0.0, 0.25]
        evaluate = nnunet(entropy)
        if sizes is uneven:
            evaluate = lambda p, y: DeepSupervisionWrapper(entropy, of)(p, [resized(y, q.shape[2:]) for q in p])
        if sizes is odd:
            # Two levels: the second one has the weight 0.
            of, evaluate = [1.0, 0.5], lambda p, y: DeepSupervisionWrapper(entropy, [1.0, 0.5])(p, [resized(y, q.shape[2:]) for q in p])
        cases.append(deep(NNUNET, call, exact, "cross-entropy", settings, of, sizes, 3, 2, 3, evaluate, ignored=255))
    loss = DC_and_CE_loss({"batch_dice": True, "smooth": 1e-5, "do_bg": False, "ddp": False}, {}, ignore_label=255)
    call = 'DeepSupervisionWrapper(DC_and_CE_loss({"batch_dice": True, "smooth": 1e-5, "do_bg": False}, {}, ignore_label=255))'
    settings = softmax | {"pooling": "batch", "ignore_label": 255, "region_weights": [0.0, 1.0, 1.0]}
    for sizes in (plane, volume):
        cases.append(deep(NNUNET, call, single, "nnunet", settings, "nnunet", sizes, 3, 2, 3, nnunet(loss), ignored=255))
    loss = DC_and_BCE_loss({}, {"batch_dice": True, "smooth": 1e-5, "do_bg": True, "ddp": False})
    call = 'DeepSupervisionWrapper(DC_and_BCE_loss({}, {"batch_dice": True, "smooth": 1e-5, "do_bg": True}))'
    settings = sigmoid | {"pooling": "batch", "regions": [[1, 2], [2]], "region_weights": [0.0, 1.0]}
    cases.append(deep(NNUNET, call, single, "nnunet", settings, "nnunet", volume, 2, 2, 3, nnunet(loss, [[1, 2], [2]])))

    levels = range(1, 9)
    weights = {mode: [DeepSupervisionLoss(dice_ce(), weight_mode=mode).get_weights(n) for n in levels] for mode in ("exp", "same", "two")}
    # The trainer divides by 0 for one level.
    weights["nnunet"] = [None if n == 1 else trainer_weights(n) for n in levels]
    return {"weights": weights, "cases": cases}


# ---------------------------------------------------------------------------------------------------------------------
# Losses per voxel


def voxel(call, loss, settings, prediction, evaluate, **target):
    version = TORCH if "sigmoid_focal" not in call else f"torchvision {torchvision.__version__.split('+')[0]}"
    prediction.requires_grad_(True)
    losses = evaluate(prediction)
    upstream = torch.from_numpy(rng.integers(-64, 65, size=losses.shape) / 64.0)
    gradient, = torch.autograd.grad((upstream * losses).sum(), prediction)
    return {
        "version": version, "call": call, "loss": loss, "settings": settings, "prediction": array(prediction),
        "target": {kind: array(of) for kind, of in target.items()}, "losses": array(losses), "upstream": array(upstream),
        "gradient": array(gradient),
    }


def voxel_losses():
    cases = []
    softmax, sigmoid = {"input": "softmax"}, {"input": "sigmoid"}
    weight = [0.5, 2.0, 1.25]
    w = torch.tensor(weight, dtype=torch.float64)
    for shape in ((5, 7), (2, 3, 4)):
        for smoothing in (0.0, 0.1):
            for alpha in (None, weight):
                for ignored in (None, 255):
                    z, y = logits(2, 3, *shape), labels(3, 2, *shape, ignored=ignored)
                    options = {"label_smoothing": smoothing}
                    settings = dict(softmax)
                    if alpha:
                        options["weight"] = w
                        settings["class_alpha"] = alpha
                    if ignored:
                        options["ignore_index"] = ignored
                        settings["ignore_label"] = ignored
                    call = f'cross_entropy(z, y, weight={alpha}, ignore_index={ignored}, label_smoothing={smoothing}, reduction="none")'
                    ours = f"cross-entropy(label-smoothing={smoothing})" if smoothing else "cross-entropy"
                    evaluate = lambda z: F.cross_entropy(z, y, reduction="none", **options)
                    cases.append(voxel(call, ours, settings, z, evaluate, labels=y))
        # Class probabilities as target.
        z, y = logits(2, 3, *shape), torch.from_numpy(rng.dirichlet([0.5] * 3, size=(2, *shape))).movedim(-1, 1)
        call = 'cross_entropy(z, y, weight=[0.5, 2.0, 1.25], label_smoothing=0.2, reduction="none"), y of z\'s shape'
        evaluate = lambda z: F.cross_entropy(z, y, weight=w, label_smoothing=0.2, reduction="none")
        cases.append(voxel(call, "cross-entropy(label-smoothing=0.2)", softmax | {"class_alpha": weight}, z, evaluate, soft=y))
        for alpha, gamma in ((0.25, 2.0), (-1.0, 2.0), (0.75, 0.5), (0.25, 3.7)):
            settings = sigmoid | ({"class_alpha": [1.0 - alpha, alpha]} if alpha >= 0.0 else {})
            ours, focal = f"focal(gamma={gamma})", torchvision.ops.sigmoid_focal_loss
            call = f'sigmoid_focal_loss(z, y, alpha={alpha}, gamma={gamma}, reduction="none")'
            # One channel is its own mean.
            z, y = logits(2, 1, *shape), labels(2, 2, *shape)
            evaluate = lambda z: focal(z, y[:, None].double(), alpha=alpha, gamma=gamma, reduction="none")[:, 0]
            cases.append(voxel(call, ours, settings, z, evaluate, labels=y))
            z, y = logits(2, 3, *shape), labels(2, 2, 3, *shape).double()
            evaluate = lambda z: focal(z, y, alpha=alpha, gamma=gamma, reduction="none").mean(1)
            cases.append(voxel(call + ".mean(1)", ours, settings | {"multilabel": True}, z, evaluate, soft=y))
        z, y = logits(2, 3, *shape), labels(2, 2, 3, *shape).double()
        call = 'binary_cross_entropy_with_logits(z, y, pos_weight=3, reduction="none").mean(1)'
        evaluate = lambda z: F.binary_cross_entropy_with_logits(z, y, pos_weight=torch.tensor(3.0), reduction="none").mean(1)
        settings = sigmoid | {"multilabel": True, "class_alpha": [1.0, 3.0]}
        cases.append(voxel(call, "cross-entropy", settings, z, evaluate, soft=y))
    return {"cases": cases}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("out", type=pathlib.Path)
    out = parser.parse_args().out
    for name, content in (("deep_supervision.json", deep_supervision()), ("voxel_losses.json", voxel_losses())):
        (out / name).write_text(json.dumps(content, separators=(",", ":")) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
