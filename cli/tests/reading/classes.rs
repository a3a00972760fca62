//! Which labels and channels are which class, and which voxels count.

use ndarray::{ArrayD, Axis};

use crate::files::{Files, labels, one_hot, probabilities};

#[test]
fn classes_are_the_labels_that_occur() {
    let files = Files::new();
    let truth = labels(&[9, 8], 4, 1);
    let mask = labels(&[9, 8], 4, 2);
    let p = probabilities(&truth, 4, 3);
    files.npy("y.npy", &truth);
    files.npy("m.npy", &mask);
    files.npy("p.npy", &p);
    let hard = files.dice("m.npy y.npy --input labels");
    let soft = files.dice("p.npy y.npy");
    for (name, values) in [
        ("brats", [0_u16, 1, 2, 4]),
        ("large", [3, 2035, 41, 65_000]),
    ] {
        // In ascending order, as channels are.
        let mut sorted = values;
        sorted.sort_unstable();
        let rename = |array: &ArrayD<u8>| array.mapv(|label| sorted[usize::from(label)]);
        files.npy("y2.npy", &rename(&truth));
        files.npy("m2.npy", &rename(&mask));
        files.same("m2.npy y2.npy --input labels", hard);
        files.same("p.npy y2.npy", soft);
        let (report, _) = files.report("m2.npy y2.npy --input labels");
        let classes = &report["cases"][0]["reading"]["classes"];
        assert_eq!(classes, &serde_json::json!(sorted), "{name}");
        assert_eq!(report["cases"][0]["per_class"][3]["class"], sorted[3]);
    }
    // Masks of 0 and 255 are background and foreground, on one side or on both.
    let fore = |array: &ArrayD<u8>, value| array.mapv(|label| if label > 1 { value } else { 0_u8 });
    files.npy("y1.npy", &fore(&truth, 1));
    files.npy("m1.npy", &fore(&mask, 1));
    files.npy("y255.npy", &fore(&truth, 255));
    files.npy("m255.npy", &fore(&mask, 255));
    let masks = files.dice("m1.npy y1.npy --input labels");
    files.same("m255.npy y255.npy --input labels", masks);
    files.same("m1.npy y255.npy --input labels", masks);
    files.npy("f.npy", &p.index_axis(Axis(0), 2).to_owned());
    let foreground = files.dice("f.npy y1.npy");
    files.same("f.npy y255.npy", foreground);
    files.refused(
        "f.npy y255.npy --ignore-label 255",
        &["whole foreground", "--labels 0,1"],
    );
    files.refused("p.npy y255.npy", &["255", "--labels", "--ignore-label 255"]);
}

#[test]
fn labels_can_be_listed_left_out_and_shifted() {
    let files = Files::new();
    let truth = labels(&[9, 8], 3, 1);
    files.npy("p.npy", &probabilities(&truth, 3, 2));
    files.npy("m.npy", &labels(&[9, 8], 3, 5));
    let with = |name: &str, f: fn(usize, u8) -> u8| {
        let mut at = 0;
        let changed = truth.mapv(|label| {
            at += 1;
            f(at, label)
        });
        files.npy(name, &changed);
    };
    with(
        "void.npy",
        |at, label| if at % 5 == 0 { 255 } else { label },
    );
    with("two.npy", |at, label| match at % 10 {
        0 => 255,
        5 => 254,
        _ => label,
    });
    with(
        "shifted.npy",
        |at, label| if at % 5 == 0 { 0 } else { label + 1 },
    );
    let void = files.dice("p.npy void.npy --ignore-label 255");
    files.same("p.npy two.npy --ignore-label 255 --ignore-label 254", void);
    files.same("p.npy two.npy --ignore-label 255,254", void);
    files.same("p.npy shifted.npy --ignore-label 0", void);
    files.same("p.npy shifted.npy --ignore-label 0 --labels 1,2,3", void);
    // Void on both sides is no class on either.
    let hard = files.dice("m.npy void.npy --input labels --ignore-label 255");
    let mut at = 0;
    let voided = labels(&[9, 8], 3, 5).mapv(|label| {
        at += 1;
        if at % 5 == 0 { 255 } else { label }
    });
    files.npy("mv.npy", &voided);
    files.same("mv.npy void.npy --input labels --ignore-label 255", hard);
    let (report, _) = files.report("mv.npy void.npy --input labels --ignore-label 255");
    assert_eq!(
        report["cases"][0]["reading"]["classes"],
        serde_json::json!([0, 1, 2])
    );
    // A list is the classes of a run, and says what else is wrong.
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
    // What is left out of a one-hot target is nothing.
    files.npy("hot.npy", &one_hot(&truth, 3));
    files.refused("p.npy hot.npy --ignore-label 255", &["--mask"]);
}

#[test]
fn regions_are_unions_of_labels() {
    let files = Files::new();
    let values = [0_u8, 1, 2, 4];
    let truth = labels(&[7, 9], 4, 1).mapv(|label| values[usize::from(label)]);
    let mask = labels(&[7, 9], 4, 2).mapv(|label| values[usize::from(label)]);
    files.npy("y.npy", &truth);
    files.npy("m.npy", &mask);
    let regions = |array: &ArrayD<u8>| {
        let region = |labels: &[u8]| array.mapv(|label| u8::from(labels.contains(&label)));
        let regions = [region(&[1, 2, 4]), region(&[1, 4]), region(&[4])];
        ndarray::stack(
            Axis(0),
            &[regions[0].view(), regions[1].view(), regions[2].view()],
        )
        .expect("regions of one shape")
    };
    files.npy("r.npy", &regions(&truth));
    files.npy("h.npy", &regions(&mask));
    let p = regions(&truth).mapv(|y| if y == 1 { 0.8_f32 } else { 0.3 });
    files.npy("p.npy", &p);
    files.npy("z.npy", &p.mapv(|p| (p / (1.0 - p)).ln()));
    let said = "--regions whole=1,2,4 core=1,4 enhancing=4";
    let expected = files.dice("p.npy r.npy --axes cyx");
    files.same(&format!("p.npy y.npy {said}"), expected);
    files.same(&format!("z.npy y.npy --input logits {said}"), expected);
    let hard = files.dice("h.npy r.npy --axes cyx");
    files.same(&format!("m.npy y.npy --input labels {said}"), hard);
    let (report, _) = files.report(&format!("m.npy y.npy --input labels {said}"));
    assert_eq!(report["cases"][0]["per_class"][1]["class"], "core");
    files.refused("p.npy y.npy", &["--regions", "--labels"]);
    files.refused(
        "p.npy y.npy --regions whole=1,2,4",
        &["--regions lists 1", "3 channels"],
    );
    files.refused(
        "p.npy r.npy --axes cyx --regions a=1 b=2 c=4",
        &["label map", "--regions"],
    );
    files.refused(
        &format!("z.npy y.npy --input logits --activation softmax {said}"),
        &["sigmoid"],
    );
}

#[test]
fn a_mask_says_where_to_score() {
    let files = Files::new();
    let truth = labels(&[9, 8], 3, 1);
    let p = probabilities(&truth, 3, 2);
    let mut at = 0;
    let inside = truth.mapv(|_| {
        at += 1;
        if at % 3 == 0 { 0 } else { 255_u8 }
    });
    let void = ndarray::Zip::from(&truth)
        .and(&inside)
        .map_collect(|y, inside| if *inside == 0 { 99 } else { *y });
    files.npy("p.npy", &p);
    files.npy("y.npy", &truth);
    files.npy("void.npy", &void);
    files.npy("roi.npy", &inside);
    files.npy("m.npy", &labels(&[9, 8], 3, 6));
    files.npy("hot.npy", &one_hot(&truth, 3));
    let expected = files.dice("p.npy void.npy --ignore-label 99");
    files.same("p.npy y.npy --mask roi.npy", expected);
    files.same("p.npy hot.npy --mask roi.npy", expected);
    let hard = files.dice("m.npy void.npy --input labels --ignore-label 99");
    files.same("m.npy y.npy --input labels --mask roi.npy", hard);
    // A label that is nowhere inside of the mask is no class.
    let outside = ndarray::Zip::from(&truth)
        .and(&inside)
        .map_collect(|y, inside| if *inside == 0 { 200 } else { *y });
    files.npy("outside.npy", &outside);
    files.same("m.npy outside.npy --input labels --mask roi.npy", hard);
    files.same("p.npy outside.npy --mask roi.npy", expected);
    files.npy("small.npy", &labels(&[3, 3], 2, 1));
    files.refused("p.npy y.npy --mask small.npy", &["mask", "[3, 3]"]);
}
