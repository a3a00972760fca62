"""Values and gradients of other implementations' segmentation losses on the golden inputs.

    python make_peers.py GOLDEN OUT

GOLDEN holds `inputs/CASE.npz`; OUT receives `monai/`, `smp/`, `nnunet/`, `torch/`, `kornia/`, `keras/`, `optax/`, `polyloss/`, `geodl/`
and `paper/` (one compressed `CASE.npz` each), and `peers.json`, which lists every value with the parameters in force. GOLDEN and OUT may be the same folder.

Run with Python 3.11, torch 2.15.0 (CPU), torchvision 0.29.2, monai 1.6.1, segmentation-models-pytorch 0.6.0 (its `losses`
alone are imported, so its model dependencies are not needed), nnunetv2 2.8.1 (its losses alone, installed without
dependencies), kornia 0.9.0, keras 3.15.1, optax 0.2.8, jax 0.10.2, polyloss 0.0.2 and numpy 2.4.6.

All but two are run. geodl (R) and the paper's printed equations have no Python form: they are written out below from
their definitions, in float64, and their entries say "transliterated, not run".

Everything is computed in float64 from the float32 inputs. MONAI's FocalLoss casts its input to float32, so it and
DiceFocalLoss carry float32 rounding; their entries say so in `precision`.

Gradients are kept for `binary2d` (four-class defects: `multi4_2d`; equations: `GRADIENTS`), every STRIDE-th element of the flattened
gradient in the layout of the prediction (batch, class, row, column), with the sums over the whole gradient beside it.
"""

import argparse
import importlib.util
import json
import pathlib
import sys
import types

import numpy as np
import torch

STRIDE = 11
TWO_CLASS = ("binary2d", "imbalanced2d", "all_bg2d")
ALL = ("binary2d", "imbalanced2d", "multi4_2d", "all_bg2d")
WITH_3D = ALL + ("binary3d",)
GRADIENTS = ("binary2d", "multi4_2d", "all_bg2d")


def smp_losses():
    """segmentation_models_pytorch.losses without the package root, which imports every model."""
    name = "segmentation_models_pytorch"
    root = types.ModuleType(name)
    root.__path__ = list(importlib.util.find_spec(name).submodule_search_locations)
    sys.modules[name] = root
    return importlib.import_module(name + ".losses")


class Case:
    """One golden input, channels first, widened to float64."""

    def __init__(self, golden, name):
        with np.load(golden / "inputs" / f"{name}.npz") as z:
            self.arrays = {k: torch.from_numpy(z[k].astype(np.float64)) for k in ("pred_cf", "logits_cf", "true_cf")}
        self.name = name
        self.true = self.arrays["true_cf"]
        self.labels = self.true.argmax(1)
        self.soft = 0.8 * self.true + 0.2 / self.true.shape[1]
        # Every seventh voxel of the batch is ignored.
        self.index = torch.arange(self.labels.numel()).reshape(self.labels.shape)
        self.ignored = self.index % 7 == 3
        self.ignoring = torch.where(self.ignored, 255, self.labels)
        # Regions: each holds its own class and the last one.
        self.overlapping = torch.maximum(self.true, self.true[:, -1:])


class Recorder:
    """Evaluates a loss on the cases and keeps value, sampled gradient and description."""

    def __init__(self, golden):
        self.cases = {n: Case(golden, n) for n in WITH_3D}
        self.arrays = {}
        self.entries = []

    def add(self, framework, version, loss, tag, parameters, prediction, source, call, cases, *,
            channel=None, target=None, soft=False, grad_case="binary2d", grad=True, notes=None, precision=None):
        """call(prediction, case) -> scalar. `channel` keeps one channel of prediction and target."""
        for name in cases:
            case = self.cases[name]
            x = case.arrays[prediction]
            if channel is not None:
                x = x[:, channel : channel + 1]
            x = x.clone().requires_grad_(True)
            params = {k: by_shape(v, x.shape) for k, v in parameters.items()}
            value = call(x, case, **params)
            assert value.numel() == 1 and torch.isfinite(value).all(), (framework, loss, tag, name)
            key = f"{loss}.{tag}.{prediction}" + ("" if channel is None else f".channel{channel}")
            store = self.arrays.setdefault((framework, name), {})
            assert key + ".value" not in store, key
            store[key + ".value"] = np.float64(value.item())
            entry = {
                "framework": framework, "version": version, "layout": "NCHW", "case": name, "loss": loss,
                "status": "ok", "file": f"{framework}/{name}.npz", "value_key": key + ".value",
                "value": value.item(), "parameters": params, "prediction": prediction, "from": source,
            }
            if channel is not None:
                entry["channel"] = channel
            if soft or target:
                entry["target"] = "soft" if soft else target
            if grad and name in (grad_case if isinstance(grad_case, tuple) else (grad_case,)):
                g, = torch.autograd.grad(value.sum(), x)
                flat = g.numpy().ravel()
                store[key + ".grad"] = flat[::STRIDE].copy()
                entry.update({
                    "grad_key": key + ".grad", "grad_stride": STRIDE, "grad_size": flat.size,
                    "grad_nonfinite": int((~np.isfinite(flat)).sum()), "grad_abs_max": float(np.abs(flat).max()),
                    "grad_sum": float(flat.sum()), "grad_abs_sum": float(np.abs(flat).sum()),
                })
            if precision:
                entry["precision"] = precision
            if notes:
                entry["notes"] = notes
            self.entries.append(entry)

    def write(self, out):
        for (framework, name), arrays in self.arrays.items():
            (out / framework).mkdir(parents=True, exist_ok=True)
            np.savez_compressed(out / framework / f"{name}.npz", **arrays)
        text = json.dumps({"entries": self.entries}, indent=0, ensure_ascii=False)
        (out / "peers.json").write_text(text + "\n", encoding="utf-8")


def by_shape(value, shape):
    """A parameter given as {classes: list} takes the list of that many classes; a function takes the shape."""
    if callable(value):
        return value(shape)
    return value[shape[1]] if isinstance(value, dict) else value


def per_channel(weights, x):
    """A number, or one per channel, as a tensor that broadcasts with x."""
    weights = torch.tensor(weights, dtype=x.dtype)
    return weights if weights.ndim == 0 else weights.reshape(-1, *[1] * (x.ndim - 2))


POS_WEIGHTS = {2: [0.5, 3.0], 4: [0.5, 3.0, 1.0, 2.0]}


# ---------------------------------------------------------------------------------------------------------------------
# MONAI


def monai(rec):
    import monai as package
    from monai import losses as L

    version = f"monai {package.__version__}, torch {torch.__version__}"

    def one(loss, tag, given, prediction, source, cases, **extra):
        def call(x, case, **params):
            params = dict(params)
            if isinstance(params.get("weight"), list):
                params["weight"] = torch.tensor(params["weight"], dtype=x.dtype)
            overlapping = extra.get("target") == "overlapping"
            target = case.soft if extra.get("soft") else case.overlapping if overlapping else case.true
            return getattr(L.unified_focal_loss if loss in PARTS else L, loss)(**params)(x, target)

        rec.add("monai", version, loss, tag, given, prediction, source, call, cases, **extra)

    PARTS = ("AsymmetricFocalLoss", "AsymmetricFocalTverskyLoss")
    p, z = ("pred_cf", "probabilities"), ("logits_cf", "softmax-logits")

    one("AsymmetricUnifiedFocalLoss", "default", dict(weight=0.5, delta=0.7, gamma=0.5), *p, TWO_CLASS)
    one("AsymmetricUnifiedFocalLoss", "unequal", dict(weight=0.3, delta=0.6, gamma=0.25), *p, TWO_CLASS)
    one("AsymmetricFocalLoss", "default", dict(delta=0.7, gamma=2.0, epsilon=1e-7), *p, TWO_CLASS)
    one("AsymmetricFocalLoss", "unequal", dict(delta=0.6, gamma=1.5, epsilon=1e-7), *p, TWO_CLASS)
    one("AsymmetricFocalTverskyLoss", "default", dict(delta=0.7, gamma=0.75, epsilon=1e-7), *p, TWO_CLASS)
    one("AsymmetricFocalTverskyLoss", "unequal", dict(delta=0.6, gamma=0.25, epsilon=1e-7), *p, TWO_CLASS)

    base = dict(include_background=True, batch=False, smooth_nr=1e-5, smooth_dr=1e-5)
    one("DiceLoss", "default", base, *p, ALL)
    one("DiceLoss", "foreground", base | dict(include_background=False), *p, ALL, grad=False)
    one("DiceLoss", "batch", base | dict(batch=True), *p, ALL)
    one("DiceLoss", "foreground_batch", base | dict(include_background=False, batch=True), *p, ALL, grad=False)
    one("DiceLoss", "smooth1", base | dict(smooth_nr=1.0, smooth_dr=1.0), *p, ALL, grad=False)
    one("DiceLoss", "smooth_unequal", base | dict(smooth_nr=0.5, smooth_dr=2.0), *p, WITH_3D)
    one("DiceLoss", "smooth_nr0", base | dict(smooth_nr=0.0), *p, WITH_3D)
    one("DiceLoss", "squared", base | dict(squared_pred=True), *p, WITH_3D)
    one("DiceLoss", "squared_nr0", base | dict(squared_pred=True, smooth_nr=0.0), *p, WITH_3D)
    one("DiceLoss", "squared_jaccard", base | dict(squared_pred=True, jaccard=True), *p, WITH_3D)
    one("DiceLoss", "squared_softmax", base | dict(squared_pred=True, softmax=True, batch=True), *z, WITH_3D)
    soft = base | dict(soft_label=True)
    one("DiceLoss", "soft", soft, *p, WITH_3D, soft=True)
    one("DiceLoss", "soft_squared", soft | dict(squared_pred=True), *p, WITH_3D, soft=True)
    one("DiceLoss", "soft_jaccard", soft | dict(jaccard=True), *p, WITH_3D, soft=True)
    one("DiceLoss", "jaccard", base | dict(jaccard=True), *p, ALL, grad=False)
    one("DiceLoss", "weight", base | dict(weight={2: [0.4, 0.6], 4: [0.1, 0.2, 0.3, 0.4]}), *p, ALL, grad=False,
        notes="weights multiply and are not normalised: mean over classes of w_c (1-TI)")
    one("DiceLoss", "softmax", base | dict(softmax=True), *z, ALL, grad=False)

    base = dict(alpha=0.3, beta=0.7, include_background=True, batch=False, smooth_nr=1e-5, smooth_dr=1e-5)
    one("TverskyLoss", "unequal", base, *p, ALL, notes="alpha multiplies FP, beta FN")
    one("TverskyLoss", "foreground", base | dict(include_background=False), *p, ALL, grad=False)
    one("TverskyLoss", "batch", base | dict(batch=True), *p, ALL, grad=False)
    one("TverskyLoss", "smooth_unequal", base | dict(smooth_nr=0.5, smooth_dr=2.0), *p, WITH_3D)
    one("TverskyLoss", "soft", base | dict(soft_label=True), *p, WITH_3D, soft=True)

    f32 = dict(precision="float32 inside (the loss casts its input)")
    one("FocalLoss", "softmax", dict(gamma=2.0, use_softmax=True), *z, ALL, **f32)
    one("FocalLoss", "softmax_alpha", dict(gamma=1.5, alpha=0.25, use_softmax=True), *z, ALL, grad=False, **f32)
    one("FocalLoss", "softmax_foreground", dict(gamma=2.0, use_softmax=True, include_background=False), *z,
        ("multi4_2d",), grad_case="multi4_2d", **f32,
        notes="defect: channel 0 is dropped before the softmax, which then runs over the other classes alone")
    one("FocalLoss", "sigmoid", dict(gamma=2.0, use_softmax=False), "logits_cf", "sigmoid-logits", ALL, **f32)
    one("FocalLoss", "sigmoid_alpha", dict(gamma=1.5, alpha=0.25, use_softmax=False), "logits_cf", "sigmoid-logits",
        ALL, grad=False, **f32)

    weights = dict(precision="float32 inside (its class weights)")
    base = dict(w_type="square", smooth_nr=1e-5, smooth_dr=1e-5)
    for w_type in ("square", "simple", "uniform"):
        one("GeneralizedDiceLoss", w_type, base | dict(w_type=w_type), *p, WITH_3D, **weights)
    one("GeneralizedDiceLoss", "foreground_batch", base | dict(include_background=False, batch=True), *p, WITH_3D, **weights)
    one("GeneralizedDiceLoss", "softmax_nr0", base | dict(softmax=True, smooth_nr=0.0), *z, WITH_3D, **weights)

    s, regions = ("logits_cf", "sigmoid-logits"), dict(target="overlapping")
    one("FocalLoss", "regions", dict(gamma=2.0, use_softmax=False), *s, WITH_3D, **regions, **f32)
    one("FocalLoss", "regions_alpha", dict(gamma=1.5, alpha=0.25, use_softmax=False), *s, WITH_3D, **regions, **f32)
    base = dict(sigmoid=True, smooth_nr=1e-5, smooth_dr=1e-5)
    one("DiceLoss", "regions", base, *s, WITH_3D, **regions)
    one("DiceLoss", "regions_batch", base | dict(batch=True, squared_pred=True), *s, WITH_3D, **regions)
    base = base | dict(gamma=2.0, lambda_dice=0.3, lambda_focal=0.7)
    one("DiceFocalLoss", "regions", base, *s, WITH_3D, **regions, **f32)

    mixed = "Dice from softmax, focal from sigmoid: softmax=True does not reach the focal part"
    base = dict(softmax=True, gamma=2.0, lambda_dice=1.0, lambda_focal=1.0, smooth_nr=1e-5, smooth_dr=1e-5)
    one("DiceFocalLoss", "default", base, *z, ALL, notes=mixed, **f32)
    one("DiceFocalLoss", "unequal", base | dict(gamma=1.5, lambda_dice=0.3, lambda_focal=0.7), *z, ALL, grad=False,
        notes=mixed, **f32)
    base = dict(softmax=True, lambda_dice=1.0, lambda_ce=1.0, smooth_nr=1e-5, smooth_dr=1e-5)
    one("DiceCELoss", "default", base, *z, ALL)
    one("DiceCELoss", "foreground", base | dict(include_background=False), *z, WITH_3D,
        notes="the background is left out of the Dice part alone")
    one("DiceCELoss", "unequal", base | dict(lambda_dice=0.3, lambda_ce=0.7), *z, ALL, grad=False)
    one("DiceCELoss", "weight", base | dict(weight={2: [0.4, 0.6], 4: [0.1, 0.2, 0.3, 0.4]}), *z, ALL, grad=False,
        notes="one-hot targets: the weighted cross entropy is divided by the voxel count, not by the weights")
    mcc = dict(include_background=True, smooth_nr=0.0, smooth_dr=1e-5, batch=False)
    one("MCCLoss", "default", mcc, *p, WITH_3D, notes="smooth_dr is within the root, and without effect beside D^2 > 1e7")
    one("MCCLoss", "foreground_batch", mcc | dict(include_background=False, batch=True), *p, WITH_3D)
    one("MCCLoss", "softmax", mcc | dict(softmax=True), *z, WITH_3D)
    one("MCCLoss", "regions", mcc | dict(sigmoid=True), *s, WITH_3D, **regions)
    one("DiceCELoss", "label_smoothing", base | dict(label_smoothing=0.1), *z, WITH_3D,
        notes="the Dice part has the labels as they are")


# ---------------------------------------------------------------------------------------------------------------------
# segmentation-models-pytorch


def smp(rec):
    from importlib.metadata import version as installed

    L = smp_losses()
    version = f"segmentation-models-pytorch {installed('segmentation-models-pytorch')}, torch {torch.__version__}"

    def one(loss, tag, given, prediction, source, cases, **extra):
        def call(x, case, **params):
            params = dict(params)
            mode = params.pop("mode", None)
            if params.get("pos_weight") is not None:
                params["pos_weight"] = per_channel(params["pos_weight"], x)
            f = getattr(L, loss)(mode, **params) if mode else getattr(L, loss)(**params)
            overlapping = extra.get("target") == "overlapping"
            given = case.soft if extra.get("soft") else case.overlapping if overlapping else case.true
            if loss == "SoftBCEWithLogitsLoss":
                return f(x, given)
            if loss == "MCCLoss":
                return f(x, given[:, 1:2])
            target = {"binary": given[:, 1:2], "multilabel": given, "multiclass": case.labels, None: case.labels}[mode]
            return f(x, target)

        rec.add("smp", version, loss, tag, given, prediction, source, call, cases, **extra)

    p, z, s = ("pred_cf", "probabilities"), ("logits_cf", "softmax-logits"), ("logits_cf", "sigmoid-logits")
    binary = dict(channel=1)

    base = dict(mode="multiclass", from_logits=False, smooth=0.0, eps=1e-7)
    ab = dict(alpha=0.3, beta=0.7)
    fg = dict(mode="binary")
    per_batch = "TP, FP, FN are summed over the batch; classes absent from the whole batch count 0 in the mean"
    after = per_batch + "; gamma is applied after the mean over classes"
    one("TverskyLoss", "gamma1", base | ab | dict(gamma=1.0), *p, ALL, notes=per_batch)
    one("TverskyLoss", "gamma1.33", base | ab | dict(gamma=1.33), *p, ALL, notes=after)
    one("TverskyLoss", "smooth1", base | ab | dict(gamma=1.0, smooth=1.0), *p, ALL, grad=False, notes=per_batch)
    one("TverskyLoss", "logits", base | ab | dict(gamma=1.0, from_logits=True), *z, ALL, grad=False, notes=per_batch)
    one("TverskyLoss", "binary_gamma1", base | fg | ab | dict(gamma=1.0), *p, TWO_CLASS[:2], grad=False, **binary)
    one("TverskyLoss", "binary_gamma1.33", base | fg | ab | dict(gamma=1.33), *p, TWO_CLASS[:2], **binary)
    one("TverskyLoss", "binary_absent", base | fg | ab | dict(gamma=1.0), *p, ("all_bg2d",), grad=False, **binary,
        notes="no foreground in the batch: the loss is 0 whatever is predicted")
    one("TverskyLoss", "binary_soft", base | fg | ab | dict(gamma=1.33), *p, WITH_3D[:2], soft=True, **binary)
    one("TverskyLoss", "soft", base | ab | dict(mode="multilabel", gamma=1.0), *p, WITH_3D, soft=True)
    for loss in ("DiceLoss", "JaccardLoss"):
        one(loss, "soft", base | dict(mode="multilabel"), *p, WITH_3D, soft=True)
        one(loss, "smooth0", base, *p, ALL, notes=per_batch)
        one(loss, "smooth1", base | dict(smooth=1.0), *p, ALL, grad=False, notes=per_batch)
        one(loss, "binary", base | fg, *p, TWO_CLASS[:2], grad=False, **binary)
        one(loss, "binary_logits", base | fg | dict(from_logits=True), *s, TWO_CLASS[:2], grad=False, **binary)
        one(loss, "log", base | dict(log_loss=True), *p, WITH_3D, notes=per_batch)
        one(loss, "log_binary", base | fg | dict(log_loss=True), *p, TWO_CLASS[:2], **binary)

    smoothed = "sums over the batch; eps is added to TP, TN, FP and FN"
    for tag, eps in (("default", 1e-5), ("eps1", 1.0)):
        extra = dict(notes=smoothed, grad_case=GRADIENTS) | binary
        one("MCCLoss", tag, dict(eps=eps), *p, TWO_CLASS + ("binary3d",), **extra)
    one("MCCLoss", "soft", dict(eps=1e-5), *p, WITH_3D[:2], soft=True, notes=smoothed, **binary)

    one_vs_rest = "one-against-rest: a sigmoid on every logit, then the mean over classes"
    base = dict(mode="multiclass", from_logits=True, gamma=2.0, alpha=None)
    one("FocalLoss", "multiclass", base, *s, ALL, notes=one_vs_rest)
    one("FocalLoss", "multiclass_alpha", base | dict(alpha=0.25, gamma=1.5), *s, ALL, grad=False, notes=one_vs_rest)
    one("FocalLoss", "multiclass_probabilities", base | dict(from_logits=False), *p, ALL, grad=False,
        notes="defect: ln p is taken for a logit, so each p acts as p/(1+p)")
    one("FocalLoss", "binary", base | fg, *s, TWO_CLASS, **binary)
    one("FocalLoss", "binary_alpha", base | fg | dict(alpha=0.25, gamma=1.5), *s, TWO_CLASS, grad=False, **binary)
    one("FocalLoss", "binary_probabilities", base | fg | dict(from_logits=False, eps=1e-7), *p, TWO_CLASS, grad=False,
        **binary)

    regions = dict(target="overlapping")
    base = base | dict(mode="multilabel")
    one("FocalLoss", "regions", base, *s, WITH_3D, **regions)
    one("FocalLoss", "regions_alpha", base | dict(alpha=0.25, gamma=1.5), *s, WITH_3D, **regions)
    base = dict(mode="multilabel", from_logits=True, smooth=1.0, eps=1e-7)
    one("TverskyLoss", "regions", base | ab | dict(gamma=1.0), *s, WITH_3D, **regions)
    for loss in ("DiceLoss", "JaccardLoss"):
        one(loss, "regions", base, *s, WITH_3D, **regions)
    one("SoftBCEWithLogitsLoss", "regions", dict(smooth_factor=None, pos_weight=None), *s, WITH_3D, **regions)
    one("SoftBCEWithLogitsLoss", "regions_pos_weight", dict(smooth_factor=None, pos_weight=3.0), *s, WITH_3D, **regions)
    one("SoftBCEWithLogitsLoss", "regions_smooth", dict(smooth_factor=0.1, pos_weight=3.0), *s, WITH_3D, **regions)
    each = dict(smooth_factor=None, pos_weight=POS_WEIGHTS)
    one("SoftBCEWithLogitsLoss", "regions_pos_weights", each, *s, WITH_3D, **regions)

    one("SoftCrossEntropyLoss", "plain", dict(smooth_factor=0.0), *z, ALL,
        notes="smooth_factor's own default, None, raises a TypeError")
    one("SoftCrossEntropyLoss", "smooth0.1", dict(smooth_factor=0.1), *z, WITH_3D)


# ---------------------------------------------------------------------------------------------------------------------
# nnU-Net


def nnunet(rec):
    from importlib.metadata import version as installed

    from nnunetv2.training.loss.compound_losses import DC_and_BCE_loss, DC_and_CE_loss
    from nnunetv2.training.loss.dice import MemoryEfficientSoftDiceLoss, SoftDiceLoss

    version = f"nnunetv2 {installed('nnunetv2')}, torch {torch.__version__}"

    def one(tag, changes, dice=SoftDiceLoss, **extra):
        given = dict(batch_dice=False, smooth=1e-5, do_bg=False, weight_ce=1.0, weight_dice=1.0) | changes

        def call(x, case, *, weight_ce, weight_dice, **of_dice):
            ignoring = extra.get("target") == "ignoring"
            f = DC_and_CE_loss(of_dice | dict(ddp=False), {}, weight_ce, weight_dice, 255 if ignoring else None, dice)
            return f(x, (case.ignoring if ignoring else case.labels)[:, None])

        rec.add("nnunet", version, "DC_and_CE_loss", tag, given, "logits_cf", "softmax-logits", call, WITH_3D,
                precision="float32 inside (its sums are in float32)", **extra)

    one("default", {})
    one("batch", dict(batch_dice=True))
    one("background", dict(do_bg=True, weight_ce=0.7, weight_dice=0.3))
    one("ignoring", dict(batch_dice=True), target="ignoring")
    one("memory_efficient", {}, MemoryEfficientSoftDiceLoss)

    def regions(tag, changes, target="overlapping", **extra):
        given = dict(batch_dice=False, smooth=1e-5, do_bg=True, weight_ce=1.0, weight_dice=1.0) | changes

        def call(x, case, *, weight_ce, weight_dice, **of_dice):
            ignoring = target == "overlapping-ignoring"
            f = DC_and_BCE_loss({}, of_dice | dict(ddp=False), weight_ce, weight_dice, ignoring, MemoryEfficientSoftDiceLoss)
            marks = [case.overlapping] + ([case.ignored[:, None].double()] if ignoring else [])
            return f(x, torch.cat(marks, 1))

        rec.add("nnunet", version, "DC_and_BCE_loss", tag, given, "logits_cf", "sigmoid-logits", call, WITH_3D,
                precision="float32 inside (its sums are in float32)", target=target, **extra)

    regions("default", {})
    regions("batch", dict(batch_dice=True, weight_ce=0.7))
    regions("ignoring", dict(batch_dice=True), "overlapping-ignoring",
            notes="with ignored voxels, cross entropy is summed over the regions instead of averaged")


# ---------------------------------------------------------------------------------------------------------------------
# PyTorch and torchvision


def pytorch(rec):
    import torchvision
    from torch.nn import functional as F

    version = f"torch {torch.__version__}"
    s, regions = ("logits_cf", "sigmoid-logits"), dict(target="overlapping")

    def bce(x, case, *, pos_weight, weight_period=None):
        pos_weight = None if pos_weight is None else per_channel(pos_weight, x)
        weight = None if weight_period is None else (case.index % weight_period)[:, None].to(x.dtype)
        return F.binary_cross_entropy_with_logits(x, case.overlapping, weight, pos_weight=pos_weight)

    for tag, pos_weight in (("regions", None), ("regions_pos_weight", 3.0), ("regions_pos_weights", POS_WEIGHTS)):
        rec.add("torch", version, "BCEWithLogitsLoss", tag, dict(pos_weight=pos_weight), *s, bce, WITH_3D, **regions)
    rec.add("torch", version, "BCEWithLogitsLoss", "regions_weights", dict(pos_weight=POS_WEIGHTS, weight_period=4), *s, bce,
            WITH_3D, notes="voxel i of the batch has the weight i mod weight_period", **regions)

    def focal(x, case, *, alpha, gamma):
        return torchvision.ops.sigmoid_focal_loss(x, case.overlapping, alpha, gamma, "mean")

    def entropy(x, case, *, weight, ignore_index, label_smoothing=0.0):
        weight = None if weight is None else torch.tensor(weight, dtype=x.dtype)
        labels = case.labels if ignore_index is None else case.ignoring
        return F.cross_entropy(x, labels, weight, ignore_index=ignore_index or -100, label_smoothing=label_smoothing)

    z, w = ("logits_cf", "softmax-logits"), {2: [0.4, 1.6], 4: [0.1, 2.0, 0.3, 1.5]}
    for tag, weight, ignored in (("default", None, None), ("weight", w, None), ("ignoring", w, 255)):
        given, target = dict(weight=weight, ignore_index=ignored), "ignoring" if ignored else "labels"
        rec.add("torch", version, "CrossEntropyLoss", tag, given, *z, entropy, WITH_3D, target=target)
        given = given | dict(label_smoothing=0.1)
        rec.add("torch", version, "CrossEntropyLoss", tag + "_smoothing", given, *z, entropy, WITH_3D, target=target)

    version = f"torchvision {torchvision.__version__}, {version}"
    for tag, alpha, gamma in (("regions", 0.25, 2.0), ("regions_plain", -1.0, 1.5)):
        given = dict(alpha=alpha, gamma=gamma)
        rec.add("torch", version, "sigmoid_focal_loss", tag, given, *s, focal, WITH_3D, **regions)


# ---------------------------------------------------------------------------------------------------------------------
# kornia


def kornia(rec):
    import kornia as package
    from kornia import losses as L

    version = f"kornia {package.__version__}, torch {torch.__version__}"
    z, s = ("logits_cf", "softmax-logits"), ("logits_cf", "sigmoid-logits")

    def one(loss, tag, given, prediction, target, **extra):
        def call(x, case, **params):
            if params.get("weight") is not None:
                params["weight"] = torch.tensor(params["weight"], dtype=x.dtype)
            if params.get("pos_weight") is not None:
                params["pos_weight"] = torch.tensor(params["pos_weight"], dtype=x.dtype)
            y = {"labels": case.labels, "ignoring": case.ignoring, "overlapping": case.overlapping}[target]
            return getattr(L, loss)(x, y, **params)

        rec.add("kornia", version, loss, tag, given, *prediction, call, ALL, target=target, **extra)

    dice, w = dict(average="macro", eps=1e-8), {2: [0.4, 1.6], 4: [0.1, 2.0, 0.3, 1.5]}
    one("dice_loss", "macro", dice, z, "labels")
    one("dice_loss", "ignoring", dice | dict(ignore_index=255, weight=w), z, "ignoring")
    one("tversky_loss", "unequal", dict(alpha=0.3, beta=0.7), z, "labels")
    one("focal_loss", "default", dict(alpha=None, gamma=2.0, reduction="mean"), z, "labels")
    one("focal_loss", "alpha", dict(alpha=0.25, gamma=1.5, reduction="mean"), z, "labels")
    binary = dict(gamma=2.0, reduction="mean")
    one("binary_focal_loss_with_logits", "regions", binary | dict(alpha=0.25), s, "overlapping")
    one("binary_focal_loss_with_logits", "regions_plain", binary | dict(alpha=None), s, "overlapping")
    one("binary_focal_loss_with_logits", "regions_pos_weights", binary | dict(alpha=0.25, pos_weight=POS_WEIGHTS), s, "overlapping")


# ---------------------------------------------------------------------------------------------------------------------
# Keras, with torch as its backend


def keras(rec):
    import os

    os.environ["KERAS_BACKEND"] = "torch"
    import keras as package

    package.config.set_floatx("float64")
    version = f"keras {package.__version__}, torch {torch.__version__}"
    p, z, s = ("pred_cf", "probabilities"), ("logits_cf", "softmax-logits"), ("logits_cf", "sigmoid-logits")

    def one(loss, tag, given, prediction, target=None, cases=WITH_3D, **extra):
        def call(x, case, **params):
            y = (case.overlapping if target else case.true).movedim(1, -1)
            x = x.movedim(1, -1)
            if params.pop("per_sample_and_class", False):
                params["axis"] = list(range(1, x.ndim - 1))
            return getattr(package.losses, loss)(reduction=None, **params)(y, x).mean()

        rec.add("keras", version, loss, tag, given, *prediction, call, cases, target=target, **extra)

    each = dict(per_sample_and_class=True)
    one("Dice", "each", each, p)
    one("Tversky", "each", each | dict(alpha=0.3, beta=0.7), p,
        notes="defect: alpha, documented to weigh false positives, weighs false negatives")
    logits = dict(from_logits=True)
    one("CategoricalCrossentropy", "logits", logits, z)
    one("CategoricalCrossentropy", "smoothing", logits | dict(label_smoothing=0.1), z)
    one("CategoricalFocalCrossentropy", "logits", logits | dict(alpha=0.25, gamma=2.0), z)
    one("CategoricalFocalCrossentropy", "smoothing", logits | dict(alpha=0.25, gamma=2.0, label_smoothing=0.1), z)
    f32 = dict(precision="float32 inside (differs by up to 3e-7 per voxel from PyTorch in float64)")
    one("BinaryCrossentropy", "regions", logits, s, "overlapping", **f32)
    one("BinaryCrossentropy", "smoothing", logits | dict(label_smoothing=0.1), s, "overlapping", **f32)
    focal = logits | dict(alpha=0.25, gamma=2.0)
    one("BinaryFocalCrossentropy", "regions", focal | dict(apply_class_balancing=False), s, "overlapping", **f32)
    one("BinaryFocalCrossentropy", "balanced", focal | dict(apply_class_balancing=True), s, "overlapping", **f32)
    smoothing = focal | dict(apply_class_balancing=True, label_smoothing=0.1)
    one("BinaryFocalCrossentropy", "smoothing", smoothing, s, "overlapping", **f32)


# ---------------------------------------------------------------------------------------------------------------------
# optax


def optax(rec):
    import jax
    import optax as package

    jax.config.update("jax_enable_x64", True)
    version = f"optax {package.__version__}, jax {jax.__version__}"
    z, s = ("logits_cf", "softmax-logits"), ("logits_cf", "sigmoid-logits")

    class Jax(torch.autograd.Function):
        """A function of JAX's with its gradient."""

        @staticmethod
        def forward(ctx, x, f):
            value, gradient = jax.value_and_grad(f)(jax.numpy.asarray(x.detach().numpy()))
            ctx.gradient = torch.from_numpy(np.array(gradient))
            return torch.tensor(float(value), dtype=x.dtype)

        @staticmethod
        def backward(ctx, upstream):
            return upstream * ctx.gradient, None

    def one(loss, tag, given, prediction, target=None, **extra):
        def call(x, case, **params):
            last = lambda t: jax.numpy.moveaxis(jax.numpy.asarray(t.numpy()), 1, -1)
            y = case.labels.numpy() if target == "labels" else last(case.overlapping if target else case.true)
            f = lambda x: getattr(package.losses, loss)(jax.numpy.moveaxis(x, 1, -1), y, **params).mean()
            return Jax.apply(x, f)

        rec.add("optax", version, loss, tag, given, *prediction, call, WITH_3D, target=target, **extra)

    one("dice_loss", "default", dict(smooth=1.0, alpha=0.5, beta=0.5), z)
    one("dice_loss", "unequal", dict(smooth=1e-5, alpha=0.3, beta=0.7, ignore_background=True), z)
    one("softmax_cross_entropy_with_integer_labels", "default", {}, z, "labels")
    one("sigmoid_binary_cross_entropy", "regions", {}, s, "overlapping")
    one("sigmoid_focal_loss", "regions", dict(alpha=0.25, gamma=2.0), s, "overlapping")


# ---------------------------------------------------------------------------------------------------------------------
# polyloss


def polyloss(rec):
    from importlib.metadata import version as installed

    from polyloss import PolyLoss

    version = f"polyloss {installed('polyloss')}, torch {torch.__version__}"

    def call(x, case, *, epsilon):
        return PolyLoss(epsilon)(x.movedim(1, -1).flatten(0, -2), case.labels.flatten())

    for tag, epsilon in (("default", 2.0), ("negative", -0.5)):
        rec.add("polyloss", version, "PolyLoss", tag, dict(epsilon=epsilon), "logits_cf", "softmax-logits", call, WITH_3D,
                target="labels", grad_case=GRADIENTS)


# ---------------------------------------------------------------------------------------------------------------------
# geodl (R), defineUnifiedFocalLoss


def geodl_loss(logits, labels, nCls, lambda_, gamma, delta, smooth, clsWghtsDist, clsWghtsReg, useLogCosH):
    """geodl's unified Focal loss: λ on the focal side, γ the exponent itself, all sums over the whole batch.

    distribution = Σ (1 − p_y^{w_y})^{1−γ} w_y (−ln p_y) / Σ w_y,   w the distribution weights of the true class
    region       = Σ_c r_c (1 − TI_c)^γ / Σ_c r_c,                  δ on FN, 1−δ on FP, smooth above and below
    """
    wide = lambda v: torch.tensor(v if isinstance(v, list) else [v] * nCls, dtype=logits.dtype)
    w, r, d = wide(clsWghtsDist), wide(clsWghtsReg), wide(delta)
    y = torch.nn.functional.one_hot(labels, nCls).movedim(-1, 1).to(logits.dtype)
    log_p = torch.log_softmax(logits, 1)
    p = log_p.exp()

    w_true = w[labels]
    weighted = -w_true * log_p.gather(1, labels[:, None])[:, 0]
    distribution = ((1 - torch.exp(-weighted)) ** (1 - gamma) * weighted).sum() / w_true.sum()

    axes = (0, 2, 3)
    tp, fp, fn = (p * y).sum(axes), (p * (1 - y)).sum(axes), ((1 - p) * y).sum(axes)
    index = (tp + smooth) / (tp + (1 - d) * fp + d * fn + smooth)
    region = ((1 - index) ** gamma * r).sum() / r.sum()
    if useLogCosH:
        region = torch.log(torch.cosh(region))

    if lambda_ == 1:
        return distribution
    return region if lambda_ == 0 else lambda_ * distribution + (1 - lambda_) * region


def geodl(rec):
    def one(tag, changes, cases=ALL, **extra):
        given = dict(gamma=0.5, delta=0.6, smooth=1e-8, clsWghtsDist=1.0, clsWghtsReg=1.0, useLogCosH=False)
        given = {"lambda": 0.5, "zeroStart": True} | given | changes

        def call(x, case, **params):
            params["lambda_"] = params.pop("lambda")
            # zeroStart only says whether the labels count from 0 or from 1: the values are the same.
            params.pop("zeroStart")
            return geodl_loss(x, case.labels, x.shape[1], **params)

        rec.add("geodl", "geodl 0.3.0 (transliterated, not run)", "defineUnifiedFocalLoss", tag, given, "logits_cf",
                "softmax-logits", call, cases, **extra)

    dist, reg = {2: [0.4, 0.6], 4: [0.1, 0.2, 0.3, 0.4]}, {2: [0.25, 0.75], 4: [0.4, 0.1, 0.2, 0.3]}
    one("default", {})
    one("unequal", {"lambda": 0.3, "gamma": 0.8, "delta": 0.7, "smooth": 1e-3})
    one("zero_start_false", {"lambda": 0.3, "gamma": 0.8, "delta": 0.7, "smooth": 1e-3, "zeroStart": False},
        cases=("binary2d",), grad=False, notes="labels counted from 1: the same value as 'unequal'")
    one("weights", {"lambda": 0.3, "gamma": 0.8, "delta": 0.7, "clsWghtsDist": dist, "clsWghtsReg": reg})
    one("distribution", {"lambda": 1.0, "gamma": 0.6}, grad=False)
    one("distribution_weights", {"lambda": 1.0, "gamma": 0.6, "clsWghtsDist": dist}, grad=False,
        notes="the weight is inside the focal factor: (1 - p^w)^(1-gamma)")
    one("cross_entropy_weights", {"lambda": 1.0, "gamma": 1.0, "clsWghtsDist": dist}, grad=False)
    one("region", {"lambda": 0.0, "gamma": 0.6, "delta": 0.7}, grad=False)
    one("region_weights", {"lambda": 0.0, "gamma": 0.6, "delta": 0.7, "clsWghtsReg": reg}, grad=False)
    one("region_smooth1_deltas", {"lambda": 0.0, "gamma": 1.0, "smooth": 1.0,
                                  "delta": {2: [0.55, 0.7], 4: [0.55, 0.6, 0.65, 0.7]}}, grad=False)
    one("log_cosh", {"lambda": 0.3, "gamma": 0.8, "delta": 0.7, "useLogCosH": True}, grad=False)


# ---------------------------------------------------------------------------------------------------------------------
# The paper's printed equations


def printed(p, y, symmetric, lambda_, delta, gamma, delta_on):
    """The Unified Focal loss as printed (equations 16 to 22), per sample, then the mean over samples.

    No clip and no smoothing are printed, so none is applied. N is the voxel count of a sample. `delta_on` is the
    error that δ multiplies in mTI: "FN" as the authors read their equation (and as their code has it), "FP" if p_0, g_0
    are the class itself, as in the Tversky index it is derived from.
    """
    m = p[0, 0].numel()
    axes = (2, 3)
    tp, fp, fn = (p * y).sum(axes), (p * (1 - y)).sum(axes), ((1 - p) * y).sum(axes)
    a, b = (1 - delta, delta) if delta_on == "FN" else (delta, 1 - delta)
    one_minus = (a * fp + b * fn) / (tp + a * fp + b * fn)
    entropy = lambda g: (y * (1 - p) ** g * -torch.log(p)).sum(axes) / m
    if symmetric:
        focal = delta * entropy(1 - gamma).sum(1)
        region = (one_minus ** gamma).sum(1)
    else:
        # equation 20 with log(p_t,c) for the misprinted log(p_t,r) of the common class
        focal = (1 - delta) * entropy(gamma)[:, 0] + delta * entropy(0.0)[:, 1:].sum(1)
        region = one_minus[:, 0] + (one_minus[:, 1:] ** (1 - gamma)).sum(1)
    return (lambda_ * focal + (1 - lambda_) * region).mean()


def paper(rec):
    for symmetric in (True, False):
        loss = ("Symmetric" if symmetric else "Asymmetric") + "UnifiedFocalLoss"
        for tag, given in {
            "default": {"lambda": 0.5, "delta": 0.6, "gamma": 0.5, "delta_on": "FN"},
            "unequal": {"lambda": 0.3, "delta": 0.7, "gamma": 0.25, "delta_on": "FN"},
            "unequal_fp": {"lambda": 0.3, "delta": 0.7, "gamma": 0.25, "delta_on": "FP"},
            "focal_side": {"lambda": 1.0, "delta": 0.7, "gamma": 0.25, "delta_on": "FN"},
            "tversky_side": {"lambda": 0.0, "delta": 0.7, "gamma": 0.25, "delta_on": "FN"},
        }.items():
            def call(x, case, **params):
                params["lambda_"] = params.pop("lambda")
                return printed(x, case.true, symmetric, **params)

            rec.add("paper", "arXiv 2102.04525 (transliterated, not run)", loss, tag, given, "pred_cf",
                    "probabilities", call, ALL, grad=tag in ("default", "unequal"))


# ---------------------------------------------------------------------------------------------------------------------
# The equations of other papers


class Counted:
    """Probabilities, one-hot targets and which voxels count, per sample: [N, C, M] and [N, 1, M]."""

    def __init__(self, x, case, source, target):
        p = torch.softmax(x, 1) if source == "softmax-logits" else x
        self.p, self.y = p.flatten(2), case.true.flatten(2)
        self.v = torch.ones_like(self.p[:, :1])
        if target == "ignoring":
            self.v = (~case.ignored).to(p.dtype).flatten(1)[:, None]

    def sum(self, terms):
        """Per sample and class."""
        return (self.v * terms).sum(2)

    def mean(self, terms):
        """Over the voxels of a sample, summed over the classes."""
        return self.sum(terms).sum(1) / self.v.sum((1, 2))

    def true(self, f):
        """f(p) of the true class of each voxel, and 0 for the other classes."""
        return torch.where(self.y > 0, f(torch.where(self.y > 0, self.p, 0.5)), 0.0)


def equations(rec):
    p, z = ("pred_cf", "probabilities"), ("logits_cf", "softmax-logits")

    def one(source, loss, tag, given, formula, prediction=p, target=None, cases=WITH_3D, **extra):
        def call(x, case, **params):
            return formula(Counted(x, case, prediction[1], target), **params).mean()

        rec.add("paper", f"{source} (transliterated, not run)", loss, tag, given, *prediction, call, cases,
                target=target, grad_case=GRADIENTS, **extra)

    # Wong et al. 2018: w_Dice·E_c[(−ln Dice_c)^γ_Dice] + w_Cross·E_x[w_l·(−ln p_l(x))^γ_Cross], ε a pseudocount
    def exponential_log(c, gamma_dice, gamma_cross, weight_dice, weight_cross, pseudocount, class_weights):
        dice = (2 * c.sum(c.p * c.y) + pseudocount) / (c.sum(c.p) + c.sum(c.y) + pseudocount)
        w = torch.ones(c.p.shape[1]) if class_weights is None else torch.tensor(class_weights)
        cross = c.mean(w.to(c.p.dtype)[:, None] * c.true(lambda p: (-torch.log(p)) ** gamma_cross))
        return weight_dice * ((-torch.log(dice)) ** gamma_dice).mean(1) + weight_cross * cross

    wong = dict(gamma_dice=0.3, gamma_cross=0.3, weight_dice=0.8, weight_cross=0.2, pseudocount=1.0, class_weights=None)
    weights = {2: [1.0, 3.0], 4: [1.0, 2.0, 1.5, 4.0]}
    for tag, changes, extra in (
        ("default", {}, {}),
        ("softmax", {}, dict(prediction=z)),
        ("weights", dict(class_weights=weights), {}),
        ("ignoring", dict(class_weights=weights), dict(target="ignoring")),
        ("unequal", dict(gamma_dice=0.5, gamma_cross=2.0, weight_dice=0.4, weight_cross=1.5, pseudocount=1e-3), {}),
        ("one", dict(gamma_dice=1.0, gamma_cross=1.0), dict(prediction=z)),
    ):
        one("arXiv 1809.00076", "ExponentialLogarithmicLoss", tag, wong | changes, exponential_log, **extra)

    # Leng et al. 2022: −ln p + ε·(1 − p), or the focal loss + ε·(1 − p)^(γ+1)
    def poly1(c, epsilon, gamma, class_weights):
        w = torch.ones(c.p.shape[1]) if class_weights is None else torch.tensor(class_weights)
        terms = c.true(lambda p: (1 - p) ** gamma * -torch.log(p) + epsilon * (1 - p) ** (gamma + 1))
        return c.mean(w.to(c.p.dtype)[:, None] * terms)

    leng = dict(epsilon=2.0, gamma=0.0, class_weights=None)
    for tag, changes, extra in (
        ("default", {}, {}),
        ("focal", dict(epsilon=-1.0, gamma=2.0), {}),
        ("weights", dict(gamma=0.5, class_weights=weights), dict(prediction=z)),
        ("ignoring", dict(epsilon=5.0, class_weights=weights), dict(target="ignoring")),
    ):
        one("arXiv 2204.12511", "Poly1Loss", tag, leng | changes, poly1, **extra)

    # The Dice loss of each class, 1 − (2 Σ p·y + ε) / (Σ p + Σ y + ε), and the weighted mean over the classes
    def dice_loss(c, pseudocount):
        return 1 - (2 * c.sum(c.p * c.y) + pseudocount) / (c.sum(c.p) + c.sum(c.y) + pseudocount)

    def average(c, terms, class_weights):
        w = torch.ones(c.p.shape[1]) if class_weights is None else torch.tensor(class_weights)
        w = w.to(c.p.dtype)
        return (terms * w).sum(1) / w.sum()

    # Jadon 2020: ln cosh of the Dice loss
    def log_cosh_dice(c, pseudocount, class_weights):
        return average(c, torch.log(torch.cosh(dice_loss(c, pseudocount))), class_weights)

    jadon = dict(pseudocount=1.0, class_weights=None)
    variants = (
        ("default", {}, {}),
        ("weights", dict(pseudocount=1e-3, class_weights=weights), dict(prediction=z)),
        ("ignoring", dict(class_weights=weights), dict(target="ignoring")),
    )
    for tag, changes, extra in variants:
        one("arXiv 2006.14822", "LogCoshDiceLoss", tag, jadon | changes, log_cosh_dice, **extra)

    # Wang et al. 2020: Σ |p − y|^γ / (Σ p² + Σ y² + ε)
    def noise_robust_dice(c, gamma, epsilon, class_weights):
        loss = c.sum((c.p - c.y).abs() ** gamma) / (c.sum(c.p**2) + c.sum(c.y**2) + epsilon)
        return average(c, loss, class_weights)

    wang = dict(gamma=1.5, epsilon=1e-5, class_weights=None)
    for tag, changes, extra in (
        ("default", {}, {}),
        ("absolute", dict(gamma=1.0), {}),
        ("squares", dict(gamma=2.0), dict(prediction=z)),
        ("weights", dict(gamma=1.2, epsilon=1e-2, class_weights=weights), dict(prediction=z)),
        ("ignoring", dict(class_weights=weights), dict(target="ignoring")),
    ):
        one("IEEE TMI 39 (2020) 2653", "NoiseRobustDiceLoss", tag, wang | changes, noise_robust_dice, **extra)

    # Wu et al. 2016, equation of the top-K loss: the mean of −ln p over the pixels whose p is below the threshold
    def hard_voxels(c, threshold, class_weights):
        w = torch.ones(c.p.shape[1]) if class_weights is None else torch.tensor(class_weights)
        hard = c.v * c.y * (c.p < threshold) * w.to(c.p.dtype)[:, None]
        return (hard * c.true(lambda p: -torch.log(p))).sum((1, 2)) / hard.sum((1, 2))

    wu = dict(threshold=0.7, class_weights=None)
    for tag, changes, extra in (
        ("default", {}, {}),
        ("softmax", dict(threshold=0.4), dict(prediction=z)),
        ("weights", dict(class_weights=weights), {}),
        ("ignoring", dict(threshold=0.6, class_weights=weights), dict(target="ignoring")),
    ):
        one("arXiv 1605.06885", "HardPixelLoss", tag, wu | changes, hard_voxels, **extra)

    # Shi et al. 2021, marginal loss: classes that are not annotated in a sample are part of the background
    def merged(tensor, annotated):
        mask = torch.tensor(annotated)[:, :, None]
        background = tensor[:, :1] + (tensor * ~mask).sum(1, keepdim=True)
        return torch.cat([background, tensor[:, 1:] * mask[:, 1:]], 1)

    def marginal(formula):
        def of_merged(c, annotated, **params):
            c.p, c.y = merged(c.p, annotated), merged(c.y, annotated)
            return formula(c, torch.tensor(annotated).to(c.p.dtype), **params)

        return of_merged

    @marginal
    def marginal_cross_entropy(c, annotated):
        return c.mean(c.true(lambda p: -torch.log(p)))

    @marginal
    def marginal_dice(c, annotated, pseudocount):
        return (dice_loss(c, pseudocount) * annotated).sum(1) / annotated.sum(1)

    def annotated(shape):
        return [[c == 0 or (n + c) % 3 != 1 for c in range(shape[1])] for n in range(shape[0])]

    # Of two classes, a merged background has p = 1, which sums of float32 probabilities exceed.
    four = dict(cases=("multi4_2d",))
    for tag, extra in (("default", four), ("softmax", dict(prediction=z)), ("ignoring", dict(prediction=z, target="ignoring"))):
        given = dict(annotated=annotated)
        one("arXiv 2007.03868", "MarginalCrossEntropyLoss", tag, given, marginal_cross_entropy, **extra)
        given = given | dict(pseudocount=1e-5)
        one("arXiv 2007.03868", "MarginalDiceLoss", tag, given, marginal_dice, **extra)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("golden", type=pathlib.Path, help="folder that holds inputs/")
    parser.add_argument("out", type=pathlib.Path, help="folder to write to")
    args = parser.parse_args()
    torch.set_num_threads(1)
    rec = Recorder(args.golden)
    for part in (monai, smp, nnunet, pytorch, kornia, keras, optax, polyloss, geodl, paper, equations):
        part(rec)
    rec.write(args.out)
    print(f"{len(rec.entries)} entries")


if __name__ == "__main__":
    main()
