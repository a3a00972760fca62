"""Time `unifocal eval` on data sets, beside reading the same files, unpacking them, and nnU-Net's evaluation."""

import argparse
import csv
import gzip
import json
import os
import shutil
import struct
import subprocess
import sys
import tempfile
import time
from multiprocessing import Pool
from pathlib import Path

import numpy as np

# So many cases differ. Others are copies of them, because packing them takes longer than all that is measured.
DIFFERENT = 10

# How many times as long as ours the other side should take, at least.
GOALS = {".nii, in memory": 0.7, ".nii, on the disk": 0.7, ".nii.gz": 0.8, "label maps": 10.0}


def nifti(array):
    """The bytes of a NIfTI-1 file with this array, whose axes are x, y, z and classes, and voxels of 1 mm."""
    kind = {"float32": (16, 32), "uint8": (2, 8)}[array.dtype.name]
    dim = [array.ndim, *array.shape, *[1] * (7 - array.ndim)]
    header = bytearray(352)
    struct.pack_into("<i", header, 0, 348)
    struct.pack_into("<8h", header, 40, *dim)
    struct.pack_into("<2h", header, 70, *kind)
    struct.pack_into("<8f", header, 76, *[1.0] * 8)
    struct.pack_into("<f", header, 108, 352.0)
    struct.pack_into("<h", header, 254, 1)
    struct.pack_into("<12f", header, 280, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0)
    header[344:348] = b"n+1\0"
    return bytes(header) + array.tobytes(order="F")


def lesion(side, seed):
    """Probabilities of two classes, and labels in a ball that covers 1 % of the voxels."""
    generator = np.random.default_rng(seed)
    centre = generator.uniform(0.3 * side, 0.7 * side, 3)
    z, y, x = np.ogrid[:side, :side, :side]
    radius = side * (0.01 * 3 / (4 * np.pi)) ** (1 / 3)
    labels = sum((axis - at) ** 2 for axis, at in zip((z, y, x), centre)) < radius**2
    error = 0.01 + 0.5 * generator.random(labels.shape, dtype=np.float32)
    p = np.where(labels, 1 - error, error).astype(np.float32)
    return np.stack([1 - p, p], axis=-1), labels.astype(np.uint8)


def organs(side, classes, seed):
    """Two label maps of cells with bent borders; those of the prediction are bent otherwise."""
    generator = np.random.default_rng(seed)
    cells = generator.integers(classes, size=(side // 16 + 2,) * 3).astype(np.uint8)
    at = np.indices((side,) * 3, dtype=np.float32) + 8

    def bent(amplitude):
        waves = [amplitude * np.sin(at[(axis + 1) % 3] / 9 + axis) for axis in range(3)]
        return cells[tuple(((at[axis] + waves[axis]) // 16).astype(np.int64) for axis in range(3))]

    return bent(3.0), bent(4.0)


def write(task):
    """Write the files of a case to two folders."""
    make, arguments, folder, name, pack = task
    for side, array in zip(("predictions", "targets"), make(*arguments)):
        content = nifti(array)
        if pack:
            content = gzip.compress(content, compresslevel=1)
        (folder / side / name).write_bytes(content)


def generate(folder, make, arguments, cases, pack):
    """Write the cases of a data set."""
    for side in ("predictions", "targets"):
        (folder / side).mkdir(parents=True)
    names = [f"case_{case:04}.nii{'.gz' if pack else ''}" for case in range(cases)]
    first = names[:DIFFERENT]
    with Pool() as pool:
        pool.map(write, [(make, (*arguments, seed), folder, name, pack) for seed, name in enumerate(first)])
    for index, name in enumerate(names[len(first) :]):
        for side in ("predictions", "targets"):
            shutil.copyfile(folder / side / first[index % len(first)], folder / side / name)


def seconds(command):
    """The time that a command takes."""
    start = time.perf_counter()
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    elapsed = time.perf_counter() - start
    if done.returncode:
        sys.exit(f"{command[0]} failed:\n{done.stderr}")
    return elapsed


def forget(folder):
    """Drop the files of a folder from the system's file cache."""
    for file in folder.rglob("*.nii*"):
        with file.open("rb") as opened:
            os.fsync(opened.fileno())
            os.posix_fadvise(opened.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def in_turns(runs, *commands, before=lambda: None):
    """The shortest times of commands that run in turns. The first turn is not counted: it fills the system's file cache."""

    def timed(command):
        arguments = command()
        before()
        return seconds(arguments)

    turns = [[timed(command) for command in commands] for _ in range(runs + 1)]
    return [min(times) for times in zip(*turns[1:])]


def evaluate(options, folder, *more):
    """A command that scores a data set."""
    return [options.ours, "eval", folder / "predictions", folder / "targets", "--threads", options.threads, *more]


def probabilities(options, root, pack):
    """Ours beside reading or unpacking the files, which are in memory; without packing, also with files on the disk."""
    folder = root / "probabilities"
    generate(folder, lesion, (options.side,), options.cases, pack)
    reading = [options.reader, options.threads, folder / "predictions", folder / "targets"]
    commands = (lambda: reading, lambda: evaluate(options, folder))
    measured = [in_turns(options.runs, *commands)]
    if not pack:
        measured.append(in_turns(options.runs, *commands, before=lambda: forget(folder)))
    shutil.rmtree(folder)
    return measured


def label_maps(options, root):
    """Ours beside nnU-Net with as many processes, and the largest difference between the Dice scores of a class of a case."""
    folder = root / "labels"
    generate(folder, organs, (options.label_side, options.classes), options.label_cases, True)
    dataset, plans, summary = (folder / name for name in ("dataset.json", "plans.json", "summary.json"))
    labels = {"background": 0} | {f"organ{label}": label for label in range(1, options.classes)}
    dataset.write_text(json.dumps({"labels": labels, "file_ending": ".nii.gz", "channel_names": {"0": "CT"}}))
    plans.write_text(json.dumps({"image_reader_writer": "SimpleITKIO"}))
    theirs = [options.peer, folder / "targets", folder / "predictions", "-djfile", dataset, "-pfile", plans,
              "-o", summary, "-np", options.threads]
    results = folder / "results.csv"

    def ours():
        results.unlink(missing_ok=True)
        labels = ",".join(map(str, range(options.classes)))
        return evaluate(options, folder, "--input", "labels", "--labels", labels, "--loss", "dice", "--output", results)

    # nnU-Net takes minutes, so one turn has to do.
    measured = seconds(theirs), min(seconds(ours()) for _ in range(options.runs + 1))
    difference = largest_difference(summary, results)
    shutil.rmtree(folder)
    return measured, difference


def largest_difference(summary, results):
    """The largest difference between the Dice scores of two evaluations. Both must have the same cases and classes."""
    theirs = {
        (Path(case["prediction_file"]).name, label): metrics["Dice"]
        for case in json.loads(summary.read_text())["metric_per_case"]
        for label, metrics in case["metrics"].items()
    }
    with results.open(newline="") as rows:
        ours = {
            (Path(row["prediction"]).name, row["class"]): float(row["dice"] or "nan")
            for row in csv.DictReader(rows)
            if row["class"] not in ("", "0")
        }
    if theirs.keys() != ours.keys():
        sys.exit(f"nnU-Net scored {len(theirs)} classes of cases and we {len(ours)}, expected the same ones")
    pairs = np.array([(theirs[key], ours[key]) for key in theirs], dtype=float)
    if (np.isnan(pairs[:, 0]) != np.isnan(pairs[:, 1])).any():
        sys.exit("a Dice score is undefined in one evaluation only")
    return float(np.nanmax(np.abs(pairs[:, 0] - pairs[:, 1])))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ours", type=Path, required=True)
    parser.add_argument("--reader", type=Path, required=True)
    parser.add_argument("--peer", type=Path, required=True)
    parser.add_argument("--json", action="store_true")
    for option, default in {"threads": 2, "runs": 3, "cases": 200, "side": 96,
                            "label-cases": 20, "label-side": 192, "classes": 117}.items():
        parser.add_argument(f"--{option}", type=int, default=default)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as root:
        root = Path(root)
        memory, disk = probabilities(options, root, False)
        [packed] = probabilities(options, root, True)
        maps, difference = label_maps(options, root)
    rows = {
        ".nii, in memory": ("reading", *memory),
        ".nii, on the disk": ("reading", *disk),
        ".nii.gz": ("unpacking", *packed),
        "label maps": ("nnUNetv2_evaluate_folder", *maps),
    }
    if options.json:
        named = {name: dict(zip(("beside", "theirs", "ours"), row)) for name, row in rows.items()}
        print(json.dumps({**named, "dice_difference": difference}))
        return
    print("| data | beside | theirs, s | ours, s | ratio | goal |")
    print("|---|---|---|---|---|---|")
    for name, (beside, theirs, ours) in rows.items():
        print(f"| {name} | {beside} | {theirs:.3f} | {ours:.3f} | {theirs / ours:.2f} | {GOALS[name]} |")
    print(f"\nLargest difference between Dice scores: {difference:.1e}")


if __name__ == "__main__":
    main()
