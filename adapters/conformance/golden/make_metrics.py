"""Scores of hard segmentations by MONAI and scikit-learn, for the tests of the overlap scores.

    python make_metrics.py OUT

OUT receives `metrics.json`: label maps, drawn from a seed, and what the libraries say about them.

Run with Python 3.11, torch 2.15.0 (CPU), monai 1.6.1, scikit-learn 1.9.1 and numpy 2.4.6.

- `monai`: `DiceMetric` and `MeanIoU` over all samples of a case, one-hot and in float64, by `ignore_empty` and `include_background`:
  `mean` (over the classes of a sample, then over the samples) and `mean_batch` (each class over the samples; null where no sample
  counts). Cases with ignored voxels are left out, since MONAI ignores none.
- `sklearn`: `f1_score`, `jaccard_score`, `precision_score` and `recall_score` of all voxels that are not ignored, with
  `zero_division=0`: each class, and the `macro` average. A class that neither map contains scores 0 there.
"""

import argparse
import json
import pathlib

import monai
import numpy as np
import sklearn
import torch
from monai.metrics import DiceMetric, MeanIoU
from sklearn import metrics

IGNORED = 255


def draw(rng, classes, shape, present, right, ignored):
    """Predicted and target label maps; sample n contains the classes `present[n]` only."""
    target = np.stack([rng.choice(labels, size=shape) for labels in present])
    guess = rng.integers(0, classes, size=target.shape)
    predicted = np.where(rng.random(target.shape) < right, target, guess)
    if ignored:
        target = np.where(rng.random(target.shape) < ignored, IGNORED, target)
    return predicted, target


def number(x):
    x = np.asarray(x).item()
    return None if np.isnan(x) else x


def by_monai(predicted, target, classes):
    def one_hot(labels):
        return torch.nn.functional.one_hot(torch.from_numpy(labels), classes).movedim(-1, 1).to(torch.float64)

    found = []
    for name, metric in (("dice", DiceMetric), ("iou", MeanIoU)):
        for ignore_empty in (True, False):
            for background in (True, False):
                entry = {"score": name, "ignore_empty": ignore_empty, "include_background": background}
                for reduction in ("mean", "mean_batch"):
                    of = metric(include_background=background, reduction=reduction, ignore_empty=ignore_empty, get_not_nans=True)
                    for sample in zip(one_hot(predicted), one_hot(target)):
                        of(*(labels[None] for labels in sample))
                    values, counted = of.aggregate()
                    values = np.where(counted > 0, values, np.nan)
                    entry[reduction] = number(values) if reduction == "mean" else [number(x) for x in values]
                found.append(entry)
    return found


def by_sklearn(predicted, target, classes):
    counts = target != IGNORED
    y, p = target[counts], predicted[counts]
    labels = list(range(classes))
    found = []
    for name in ("f1", "jaccard", "precision", "recall"):
        score = getattr(metrics, f"{name}_score")
        each = score(y, p, labels=labels, average=None, zero_division=0)
        macro = score(y, p, labels=labels, average="macro", zero_division=0)
        found.append({"score": name, "per_class": [float(x) for x in each], "macro": float(macro)})
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=pathlib.Path)
    out = parser.parse_args().out
    rng = np.random.default_rng(7)
    cases = []
    for name, classes, shape, present, right, ignored in (
        ("two_classes", 2, (6, 7), [[0, 0, 0, 1]] * 5, 0.8, 0.0),
        ("absent_in_some", 4, (5, 8), [[0, 1, 2, 3], [0], [0, 0, 2], [1], [0, 3]], 0.6, 0.0),
        ("never_predicted", 3, (4, 5), [[0, 1], [0, 2], [0, 1, 2]], 1.0, 0.0),
        ("absent_everywhere", 4, (4, 6), [[0, 1], [0, 2], [0, 1, 2]], 1.0, 0.0),
        ("ignored", 3, (6, 6), [[0, 1, 2], [0, 0, 1], [2]], 0.7, 0.3),
    ):
        predicted, target = draw(rng, classes, shape, present, right, ignored)
        if name == "never_predicted":
            predicted = np.where(predicted == 2, 0, predicted)
        case = {"case": name, "classes": classes, "shape": list(target.shape), "predicted": predicted.ravel().tolist(), "target": target.ravel().tolist()}
        case["monai"] = [] if ignored else by_monai(predicted, target, classes)
        case["sklearn"] = by_sklearn(predicted, target, classes)
        cases.append(case)
    versions = {"monai": monai.__version__, "torch": torch.__version__, "scikit-learn": sklearn.__version__, "numpy": np.__version__}
    lines = ",\n".join(json.dumps(case) for case in cases)
    text = f'{{"versions": {json.dumps(versions)}, "ignored": {IGNORED}, "cases": [\n{lines}\n]}}\n'
    (out / "metrics.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
