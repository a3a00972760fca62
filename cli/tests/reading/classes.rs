//! Which labels and channels belong to which class, and which voxels are scored.

use ndarray::{ArrayD, Axis, stack};
use serde_json::{Value, json};

use crate::files::{Files, labels, last, probabilities};
use crate::formula::{asymmetric_unified_focal, counted, dice, foreground, one_hot};

#[test]
fn classes_are_the_labels_that_occur() {
    let files = Files::new();
    let target = labels(&[5, 6, 7], 4, 1);
    let mask = labels(&[5, 6, 7], 4, 2);
    let p = probabilities(&target, 4, 3);
    files.npy("p.npy", &p);
    files.nii("p.nii", &last(&p));
    let one_hot = |array| one_hot(array, &[0, 1, 2, 3]);
    let hard = dice(&one_hot(&mask), &one_hot(&target));
    let soft = dice(&p, &one_hot(&target));
    // In ascending order, like channels: labels as in BraTS, and large ones.
    for values in [[0_u16, 1, 2, 4], [3, 41, 2035, 65_000]] {
        let rename = |array: &ArrayD<u8>| array.mapv(|label| values[usize::from(label)]);
        files.npy("y.npy", &rename(&target));
        files.npy("m.npy", &rename(&mask));
        files.nii("y.nii", &rename(&target).mapv(f32::from));
        files.nii("m.nii", &rename(&mask).mapv(f32::from));
        for format in ["npy", "nii"] {
            let maps = format!("m.{format} y.{format} --input labels");
            files.scores(&maps, hard);
            files.scores(&format!("{maps} --absent-class skip"), hard);
            files.scores(&format!("p.{format} y.{format}"), soft);
        }
        let (report, _) = files.report("m.npy y.npy --input labels");
        let classes = &report["cases"][0]["reading"]["classes"];
        assert_eq!(classes, &json!(values));
        assert_eq!(report["cases"][0]["per_class"][3]["class"], values[3]);
    }
}

#[test]
fn masks_of_0_and_255_are_background_and_foreground() {
    let files = Files::new();
    let is_fore = |array: ArrayD<u8>| array.mapv(|label| u8::from(label > 1));
    let target = is_fore(labels(&[9, 8], 4, 1));
    let mask = is_fore(labels(&[9, 8], 4, 2));
    let p = probabilities(&target, 2, 3);
    files.npy("p.npy", &p);
    files.npy("f.npy", &p.index_axis(Axis(0), 1).to_owned());
    for (value, name) in [(1, "1"), (255, "255")] {
        for (side, array) in [("m", &mask), ("y", &target)] {
            let array = array.mapv(|label| label * value);
            files.npy(&format!("{side}{name}.npy"), &array);
            files.png(&format!("{side}{name}.png"), &array);
        }
    }
    let (hard, fore) = (foreground(&mask), foreground(&target));
    // 255 on one side or on both.
    for pair in [
        "m255.png y255.png",
        "m1.png y255.png",
        "m255.npy y255.npy",
        "m1.npy y1.npy",
    ] {
        files.scores(&format!("{pair} --input labels"), dice(&hard, &fore));
    }
    // With all losses, and with the default loss.
    let compared = files.run("compare m255.png y255.png --input labels --format json");
    let compared: Value = serde_json::from_slice(&compared.stdout).expect("JSON");
    let (report, _) = files.report("m255.png y255.png --input labels");
    for (found, expected) in [
        (&compared["mean"]["dice"], dice(&hard, &fore)),
        (&report["mean"], asymmetric_unified_focal(&hard, &fore)),
    ] {
        let found = found.as_f64().expect("a mean");
        assert!((found - expected).abs() < 1e-6, "{found} is not {expected}");
    }
    for target_file in ["y255.png", "y255.npy", "y1.npy"] {
        files.scores(&format!("f.npy {target_file}"), dice(&p, &fore));
    }
    files.refused(
        "f.npy y255.png --ignore-label 255",
        &["whole foreground", "--labels 0,1"],
    );
    // With more channels, 255 could mark void voxels.
    files.npy("p4.npy", &probabilities(&target, 4, 3));
    files.refused(
        "p4.npy y255.npy",
        &["255", "--labels", "--ignore-label 255"],
    );
}

#[test]
fn labels_can_be_listed_ignored_and_shifted() {
    let files = Files::new();
    let target = labels(&[9, 8], 3, 1);
    let mask = labels(&[9, 8], 3, 5);
    let p = probabilities(&target, 3, 2);
    files.npy("p.npy", &p);
    files.npy("m.npy", &mask);
    // Every fifth voxel is void: label 255, or 255 and 254, or 0.
    let with = |name: &str, array: &ArrayD<u8>, f: fn(usize, u8) -> u8| {
        let mut at = 0;
        let changed = array.mapv(|label| {
            at += 1;
            f(at, label)
        });
        files.npy(&format!("{name}.npy"), &changed);
        files.png(&format!("{name}.png"), &changed);
    };
    let void = |at, label| if at % 5 == 0 { 255 } else { label };
    with("void", &target, void);
    with("mv", &mask, void);
    with("two", &target, |at, label| match at % 10 {
        0 => 255,
        5 => 254,
        _ => label,
    });
    let shifted = |at, label| if at % 5 == 0 { 0 } else { label + 1 };
    with("shifted", &target, shifted);
    let mut at = 0;
    let counts = target.mapv(|_| {
        at += 1;
        at % 5 != 0
    });
    let counted_of = |array| counted(&one_hot(array, &[0, 1, 2]), &counts);
    let soft = dice(&counted(&p, &counts), &counted_of(&target));
    for target in [
        "void.npy --ignore-label 255",
        "two.npy --ignore-label 255 --ignore-label 254",
        "two.npy --ignore-label 255,254",
        "shifted.npy --ignore-label 0",
        "shifted.png --ignore-label 0",
        "shifted.npy --ignore-label 0 --labels 1,2,3",
    ] {
        files.scores(&format!("p.npy {target}"), soft);
    }
    // Void voxels on both sides do not form a class.
    let hard = dice(&counted_of(&mask), &counted_of(&target));
    for prediction in ["m.npy", "mv.npy"] {
        let arguments = format!("{prediction} void.npy --input labels --ignore-label 255");
        files.scores(&arguments, hard);
        let (report, _) = files.report(&arguments);
        let classes = &report["cases"][0]["reading"]["classes"];
        assert_eq!(classes, &json!([0, 1, 2]));
    }
    // --labels sets the classes of a run, and other labels are errors.
    let (report, _) = files.report("m.npy m.npy --input labels --labels 0,1,2,4");
    assert_eq!(report["cases"][0]["per_class"][3]["class"], 4);
    files.refused(
        "m.npy m.npy --input labels --labels 0,1",
        &["label 2", "--labels"],
    );
    files.refused(
        "p.npy m.npy --labels 0,1",
        &["--labels lists 2", "3 channels"],
    );
    files.npy("low.npy", &labels(&[9, 8], 2, 4));
    files.refused(
        "p.npy low.npy --ignore-label 0",
        &["--labels 0,1,2", "--labels 1,2,3"],
    );
    // A one-hot target has no labels to ignore.
    files.npy("hot.npy", &one_hot(&target, &[0, 1, 2]));
    files.refused("p.npy hot.npy --ignore-label 255", &["--mask"]);
}

#[test]
fn regions_are_unions_of_labels() {
    let files = Files::new();
    let values = [0_u8, 1, 2, 4];
    let target = labels(&[5, 6, 7], 4, 1).mapv(|label| values[usize::from(label)]);
    let mask = labels(&[5, 6, 7], 4, 2).mapv(|label| values[usize::from(label)]);
    let regions = |array: &ArrayD<u8>| {
        let region = |labels: &[u8]| array.mapv(|label| u8::from(labels.contains(&label)));
        let [whole, core, enhancing] = [region(&[1, 2, 4]), region(&[1, 4]), region(&[4])];
        stack![Axis(0), whole.view(), core.view(), enhancing.view()]
    };
    let mut at = 0;
    let p = regions(&target).mapv(|y| {
        at += 1;
        0.2 + 0.5 * f32::from(y) + 0.01 * (at % 20) as f32
    });
    for (name, array) in [
        ("p", &p),
        ("z", &p.mapv(|p| (p / (1.0 - p)).ln())),
        ("r", &regions(&target).mapv(f32::from)),
    ] {
        files.npy(&format!("{name}.npy"), array);
        files.nii(&format!("{name}.nii"), &last(array));
    }
    for (name, array) in [("y", &target), ("m", &mask)] {
        files.npy(&format!("{name}.npy"), array);
        files.nii(&format!("{name}.nii"), &array.mapv(f32::from));
    }
    let option = "--regions whole=1,2,4 core=1,4 enhancing=4";
    let soft = dice(&p, &regions(&target));
    files.scores("p.npy r.npy --axes czyx", soft);
    files.scores("p.nii r.nii", soft);
    let hard = dice(&regions(&mask), &regions(&target));
    for format in ["npy", "nii"] {
        files.scores(&format!("p.{format} y.{format} {option}"), soft);
        let logits = format!("z.{format} y.{format} --input logits {option}");
        files.scores(&logits, soft);
        let maps = format!("m.{format} y.{format} --input labels {option}");
        files.scores(&maps, hard);
        files.refused(
            &format!("p.{format} y.{format}"),
            &["--regions", "--labels"],
        );
    }
    let (report, _) = files.report(&format!("m.npy y.npy --input labels {option}"));
    assert_eq!(report["cases"][0]["per_class"][1]["class"], "core");
    files.refused(
        "p.npy y.npy --regions whole=1,2,4",
        &["--regions lists 1", "3 channels"],
    );
    files.refused(
        "p.npy r.npy --axes czyx --regions a=1 b=2 c=4",
        &["label map", "--regions"],
    );
    files.refused(
        &format!("z.npy y.npy --input softmax {option}"),
        &["sigmoid"],
    );
    for refused in ["--region-weights 0,1", "--rare core"] {
        files.refused(&format!("p.npy y.npy {option} {refused}"), &["--regions"]);
    }
}

/// A region is a two-class prediction of its own: cross entropy is binary, and weights are for the regions.
#[test]
fn regions_are_scored_each_by_itself() {
    let files = Files::new();
    let target = labels(&[5, 6, 7], 3, 1);
    let mut at = 0;
    let p = one_hot(&target, &[0, 1, 2]).mapv(|y| {
        at += 1;
        0.2 + 0.5 * f32::from(y) + 0.01 * (at % 20) as f32
    });
    files.npy("p.npy", &p);
    files.npy("z.npy", &p.mapv(|p| (p / (1.0 - p)).ln()));
    files.npy("one.npy", &p.index_axis(Axis(0), 2).to_owned());
    files.npy("y.npy", &target);
    let sets: [&[u8]; 3] = [&[0, 1], &[1, 2], &[2]];
    let regions = "--regions a=0,1 b=1,2 c=2";
    let close = |arguments: &str, expected: f64| {
        let (report, _) = files.report(arguments);
        let found = report["mean"].as_f64().expect("a mean");
        let error = (found - expected).abs();
        assert!(error < 1e-6, "{arguments}: {found} is not {expected}");
        report
    };
    let entropies: Vec<f64> = sets
        .iter()
        .zip(p.outer_iter())
        .map(|(set, p)| {
            let terms = p.iter().zip(&target).map(|(p, label)| {
                let p = f64::from(*p);
                -if set.contains(label) {
                    p.ln()
                } else {
                    (1.0 - p).ln()
                }
            });
            terms.sum::<f64>() / target.len() as f64
        })
        .collect();
    let mean = entropies.iter().sum::<f64>() / 3.0;
    let report = close(&format!("p.npy y.npy {regions} --loss cross-entropy"), mean);
    let of_b = report["cases"][0]["per_class"][1]["value"].as_f64();
    assert!((of_b.expect("a value") - entropies[1]).abs() < 1e-6);
    close(
        &format!("z.npy y.npy --input sigmoid {regions} --loss cross-entropy"),
        mean,
    );
    let weighted = (entropies[0] + 3.0 * entropies[2]) / 4.0;
    let weights = "--class-weights 1,0,3 --loss cross-entropy";
    close(&format!("p.npy y.npy {regions} {weights}"), weighted);
    close(
        "one.npy y.npy --regions c=2 --loss cross-entropy",
        entropies[2],
    );
    let (one, inside) = (
        p.slice_axis(Axis(0), (2..3).into()),
        target.mapv(|y| u8::from(y == 2)),
    );
    let expected = dice(&one.to_owned(), &inside.insert_axis(Axis(0)));
    files.scores("one.npy y.npy --regions c=2", expected);
}

#[test]
fn a_mask_selects_the_voxels_to_score() {
    let files = Files::new();
    let target = labels(&[9, 8], 3, 1);
    let mask = labels(&[9, 8], 3, 6);
    let p = probabilities(&target, 3, 2);
    let mut at = 0;
    let counts = target.mapv(|_| {
        at += 1;
        at % 3 != 0
    });
    let inside = counts.mapv(|counts| if counts { 255_u8 } else { 0 });
    files.npy("p.npy", &p);
    files.npy("y.npy", &target);
    files.png("y.png", &target);
    files.npy("roi.npy", &inside);
    files.png("roi.png", &inside);
    files.npy("m.npy", &mask);
    files.npy("hot.npy", &one_hot(&target, &[0, 1, 2]));
    let counted_of = |array| counted(&one_hot(array, &[0, 1, 2]), &counts);
    let soft = dice(&counted(&p, &counts), &counted_of(&target));
    files.scores("p.npy y.npy --mask roi.npy", soft);
    files.scores("p.npy y.png --mask roi.png", soft);
    files.scores("p.npy hot.npy --mask roi.npy", soft);
    let hard = dice(&counted_of(&mask), &counted_of(&target));
    files.scores("m.npy y.npy --input labels --mask roi.npy", hard);
    // A single channel is the foreground.
    let channel = p.index_axis(Axis(0), 1).to_owned();
    files.npy("f.npy", &channel);
    files.png("f.png", &target.mapv(|label| u8::from(label == 1)));
    let [ours, theirs] = [
        foreground(&channel),
        foreground(&target.mapv(|label| u8::from(label == 1))),
    ];
    let fore = dice(&counted(&ours, &counts), &counted(&theirs, &counts));
    files.scores("f.npy f.png --mask roi.png", fore);
    // A label that does not occur within the mask is not a class.
    let outside = ndarray::Zip::from(&target)
        .and(&counts)
        .map_collect(|y, counts| if *counts { *y } else { 200 });
    files.npy("outside.npy", &outside);
    files.scores("m.npy outside.npy --input labels --mask roi.npy", hard);
    files.scores("p.npy outside.npy --mask roi.npy", soft);
    files.npy("small.npy", &labels(&[3, 3], 2, 1));
    files.refused("p.npy y.npy --mask small.npy", &["mask", "[3, 3]"]);
}
