//! The same data in every format that can hold it and in every order of axes gives the same score, or an error with an option that
//! gives it.

#[path = "build/mod.rs"]
mod build;
#[path = "formula/mod.rs"]
mod formula;

use std::fs;
use std::io::{Cursor, Write};
use std::path::Path;
use std::process::Command;

use build::{Nifti1, bmp, gif, grey, gzip, nifti1, nifti2, png, tiff, zlib};
use ndarray::{ArrayD, IxDyn};
use ndarray_npy::WriteNpyExt;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::Value;
use tempfile::TempDir;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

/// A format to write.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Format {
    Npy,
    Npz,
    /// nnU-Net's archive.
    Archive,
    Safetensors,
    Nifti1 {
        gzip: bool,
    },
    Nifti2 {
        gzip: bool,
    },
    Pair {
        gzip: bool,
    },
    Nrrd {
        gzip: bool,
    },
    MetaImage {
        zlib: bool,
    },
    Tiff {
        zlib: bool,
    },
    Bmp,
    Png,
    Gif,
}

impl Format {
    /// Whether the format fixes the order x, y, z.
    fn begins_with_x(self) -> bool {
        use Format::{MetaImage, Nifti1, Nifti2, Nrrd, Pair};
        matches!(
            self,
            Nifti1 { .. } | Nifti2 { .. } | Pair { .. } | Nrrd { .. } | MetaImage { .. }
        )
    }

    fn is_picture(self) -> bool {
        matches!(self, Self::Tiff { .. } | Self::Bmp | Self::Png | Self::Gif)
    }

    /// Whether it can hold this array.
    fn holds(self, of: &Array) -> bool {
        match self {
            Self::Tiff { .. } => !of.has('n') && !of.has('c'),
            Self::Bmp | Self::Png | Self::Gif => of.axes == "yx" && of.is_bytes,
            Self::Archive => of.has('c') && !of.has('n'),
            format => !(format.begins_with_x() && of.has('n')),
        }
    }

    /// The order of axes in which it holds this array; `free_order` for formats without a fixed order.
    fn order(self, of: &Array, free_order: &str) -> String {
        let order = if self.begins_with_x() {
            let space = if of.has('z') { "xyz" } else { "xy" };
            // The fourth axis is the class axis.
            match (of.has('c'), of.has('z')) {
                (true, true) => "xyzc".to_owned(),
                (true, false) => "xy1c".to_owned(),
                (false, _) => space.to_owned(),
            }
        } else if self.is_picture() || self == Self::Archive {
            "nczyx".to_owned()
        } else {
            free_order.to_owned()
        };
        let own = |axis: &char| *axis == '1' || of.has(*axis);
        order.chars().filter(own).collect()
    }
}

const SAID_BY_SHAPE: [Format; 3] = [Format::Npy, Format::Npz, Format::Safetensors];

fn formats() -> Vec<Format> {
    let mut formats = SAID_BY_SHAPE.to_vec();
    formats.extend([Format::Archive, Format::Bmp, Format::Png, Format::Gif]);
    for packed in [false, true] {
        formats.extend([
            Format::Nifti1 { gzip: packed },
            Format::Nifti2 { gzip: packed },
            Format::Pair { gzip: packed },
            Format::Nrrd { gzip: packed },
            Format::MetaImage { zlib: packed },
            Format::Tiff { zlib: packed },
        ]);
    }
    formats
}

/// An array of f32 or bytes with a letter for each axis.
#[derive(Clone, Debug)]
struct Array {
    axes: String,
    numbers: ArrayD<f32>,
    is_bytes: bool,
}

impl Array {
    fn has(&self, axis: char) -> bool {
        self.axes.contains(axis)
    }

    /// The array in another order of axes; 1 is an axis of length 1.
    fn ordered(&self, order: &str) -> Self {
        let mut numbers = self.numbers.view();
        let mut axes = self.axes.clone();
        if order.contains('1') {
            numbers = numbers.insert_axis(ndarray::Axis(0));
            axes.insert(0, '1');
        }
        let places: Vec<usize> = order
            .chars()
            .map(|axis| axes.find(axis).expect("an axis of the array"))
            .collect();
        let numbers = numbers.permuted_axes(IxDyn(&places));
        Self {
            axes: order.to_owned(),
            numbers: numbers.as_standard_layout().into_owned(),
            is_bytes: self.is_bytes,
        }
    }

    /// The numbers, the last axis fastest.
    fn bytes(&self) -> Vec<u8> {
        encoded(self.numbers.iter(), self.is_bytes)
    }

    /// The numbers, the first axis fastest.
    fn bytes_from_first(&self) -> Vec<u8> {
        encoded(self.numbers.t().iter(), self.is_bytes)
    }

    fn shape(&self) -> &[usize] {
        self.numbers.shape()
    }

    fn npy(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let written = if self.is_bytes {
            self.numbers.mapv(|x| x as u8).write_npy(&mut bytes)
        } else {
            self.numbers.write_npy(&mut bytes)
        };
        written.expect("a .npy file");
        bytes
    }

    /// Writes the array, whose axes are in the order of the format, and returns the file name.
    fn write(&self, folder: &Path, stem: &str, format: Format) -> String {
        let put = |extension: &str, bytes: &[u8]| {
            let name = format!("{stem}.{extension}");
            fs::write(folder.join(&name), bytes).expect("a file");
            name
        };
        let packed = |bytes: Vec<u8>, is_packed: bool| {
            if is_packed { gzip(&bytes) } else { bytes }
        };
        let lengths: Vec<i64> = self.shape().iter().map(|n| *n as i64).collect();
        let sizes: Vec<String> = lengths.iter().map(i64::to_string).collect();
        let datatype = if self.is_bytes { 2 } else { 16 };
        match format {
            Format::Npy => put("npy", &self.npy()),
            Format::Npz => put("npz", &archive("array", &self.npy())),
            Format::Archive => put("npz", &archive("probabilities", &self.npy())),
            Format::Safetensors => {
                let kind = if self.is_bytes { "U8" } else { "F32" };
                let (shape, data) = (self.shape(), self.bytes());
                let header = format!(
                    r#"{{"a":{{"dtype":"{kind}","shape":{shape:?},"data_offsets":[0,{}]}}}}"#,
                    data.len()
                );
                let length = (header.len() as u64).to_le_bytes();
                let bytes = [&length, header.as_bytes(), &data].concat();
                put("safetensors", &bytes)
            }
            Format::Nifti1 { gzip } => {
                let file = nifti1(&Nifti1 {
                    shape: &lengths,
                    datatype,
                    affine: AFFINE,
                    scaling: [0.0, 0.0],
                    voxels: &self.bytes_from_first(),
                });
                let extension = if gzip { "nii.gz" } else { "nii" };
                put(extension, &packed(file, gzip))
            }
            Format::Nifti2 { gzip } => {
                let file = nifti2(&lengths, datatype, &self.bytes_from_first(), false, true);
                let extension = if gzip { "nii.gz" } else { "nii" };
                put(extension, &packed(file, gzip))
            }
            Format::Pair { gzip } => {
                let header = nifti2(&lengths, datatype, b"", false, false);
                let extensions = if gzip {
                    ["hdr.gz", "img.gz"]
                } else {
                    ["hdr", "img"]
                };
                put(extensions[0], &packed(header, gzip));
                put(extensions[1], &packed(self.bytes_from_first(), gzip))
            }
            Format::Nrrd { gzip } => {
                let kind = if self.is_bytes { "uint8" } else { "float" };
                let encoding = if gzip { "gzip" } else { "raw" };
                let header = format!(
                    "NRRD0004\ntype: {kind}\ndimension: {}\nsizes: {}\nendian: little\nencoding: {encoding}\n\n",
                    sizes.len(),
                    sizes.join(" ")
                );
                let data = packed(self.bytes_from_first(), gzip);
                put("nrrd", &[header.as_bytes(), &data].concat())
            }
            Format::MetaImage { zlib: is_packed } => {
                let kind = if self.is_bytes {
                    "MET_UCHAR"
                } else {
                    "MET_FLOAT"
                };
                let header = format!(
                    "ObjectType = Image\nNDims = {}\nDimSize = {}\nElementType = {kind}\nCompressedData = {}\nElementDataFile = LOCAL\n",
                    sizes.len(),
                    sizes.join(" "),
                    if is_packed { "True" } else { "False" }
                );
                let data = self.bytes_from_first();
                let data = if is_packed { zlib(&data) } else { data };
                put("mha", &[header.as_bytes(), &data].concat())
            }
            Format::Tiff { zlib: is_packed } => {
                let [.., height, width] = *self.shape() else {
                    panic!("a picture has two axes")
                };
                let (bits, kind) = if self.is_bytes { (8, 1) } else { (32, 3) };
                let compression = if is_packed { 8 } else { 1 };
                let page = grey(width as u32, height as u32, bits, compression, kind);
                let bytes = self.bytes();
                let pages = bytes.chunks(height * width * bits as usize / 8);
                let strips: Vec<Vec<u8>> = pages
                    .map(|page| if is_packed { zlib(page) } else { page.to_vec() })
                    .collect();
                let pages: Vec<_> = strips.iter().map(|strip| (&page[..], &strip[..])).collect();
                put("tif", &tiff(&pages))
            }
            Format::Bmp => {
                let [height, width] = self.plane();
                let mut rows = Vec::new();
                for row in self.bytes().chunks(width).rev() {
                    rows.extend_from_slice(row);
                    rows.resize(rows.len().next_multiple_of(4), 0);
                }
                put("bmp", &bmp(width as i32, height as i32, 8, &rows))
            }
            Format::Png => {
                let [height, width] = self.plane();
                let bytes = self.bytes();
                let rows: Vec<u8> = bytes
                    .chunks(width)
                    .flat_map(|row| [&[0], row].concat())
                    .collect();
                put(
                    "png",
                    &png(width as u32, height as u32, [8, 0, 0], &zlib(&rows)),
                )
            }
            Format::Gif => {
                let [height, width] = self.plane();
                put("gif", &gif(width as u16, height as u16, &self.bytes()))
            }
        }
    }

    fn plane(&self) -> [usize; 2] {
        self.shape().try_into().expect("a picture has two axes")
    }
}

/// The affine that `nifti2` writes.
const AFFINE: [[f32; 4]; 3] = [
    [2.0, 0.0, 0.0, -10.0],
    [0.0, 2.0, 0.0, -10.0],
    [0.0, 0.0, 2.0, -10.0],
];

fn encoded<'a>(numbers: impl Iterator<Item = &'a f32>, as_bytes: bool) -> Vec<u8> {
    if as_bytes {
        numbers.map(|x| *x as u8).collect()
    } else {
        numbers.flat_map(|x| x.to_le_bytes()).collect()
    }
}

fn archive(key: &str, array: &[u8]) -> Vec<u8> {
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    archive
        .start_file(format!("{key}.npy"), SimpleFileOptions::default())
        .expect("an entry");
    archive.write_all(array).expect("an array");
    archive.finish().expect("an archive").into_inner()
}

/// Random labels with these axes, and class probabilities that mostly agree with them.
fn drawn(axes: &str, shape: &[usize], classes: usize, seed: u64) -> [Array; 2] {
    let mut state = seed;
    let mut next = move || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (state >> 33) as f32 / (1_u64 << 31) as f32
    };
    let labels = ArrayD::from_shape_simple_fn(IxDyn(shape), || (next() * classes as f32).floor());
    let mut with_classes = vec![classes];
    with_classes.extend(shape);
    let mut p = ArrayD::zeros(IxDyn(&with_classes));
    for (index, label) in labels.indexed_iter() {
        let mut at = vec![0];
        at.extend(ndarray::Dimension::slice(&index));
        let weights: Vec<f32> = (0..classes)
            .map(|class| 0.1 + next() + if class as f32 == *label { 1.5 } else { 0.0 })
            .collect();
        let total: f32 = weights.iter().sum();
        for (class, weight) in weights.iter().enumerate() {
            at[0] = class;
            p[&at[..]] = weight / total;
        }
    }
    let labels = Array {
        axes: axes.to_owned(),
        numbers: labels,
        is_bytes: true,
    };
    let probabilities = Array {
        axes: format!("c{axes}"),
        numbers: p,
        is_bytes: false,
    };
    [labels, probabilities]
}

/// The label map of the most likely classes.
fn most_likely(p: &Array) -> Array {
    let numbers = p.numbers.map_axis(ndarray::Axis(0), |p| {
        let better = |best: usize, class: usize| if p[class] > p[best] { class } else { best };
        (0..p.len()).fold(0, better) as f32
    });
    Array {
        axes: p.axes[1..].to_owned(),
        numbers,
        is_bytes: true,
    }
}

/// The labels as channels of 0 and 1, one for each class.
fn one_hot(labels: &Array, classes: &[f32]) -> Array {
    let channels = formula::one_hot(&labels.numbers, classes);
    Array {
        axes: format!("c{}", labels.axes),
        numbers: channels.mapv(f32::from),
        is_bytes: true,
    }
}

/// The expected score: the mean over samples and classes. These are the channels, or the labels of two label maps.
fn expected_dice(prediction: &Array, target: &Array, classes: &[f32]) -> f64 {
    let occurs = |label: &f32| {
        let mut both = prediction.numbers.iter().chain(&target.numbers);
        prediction.has('c') || both.any(|number| number == label)
    };
    let classes: Vec<f32> = classes.iter().copied().filter(occurs).collect();
    let [p, y] = [prediction, target].map(|array| {
        if array.has('c') {
            array.clone()
        } else {
            one_hot(array, &classes)
        }
    });
    if p.has('n') {
        formula::dice_of_samples(&p.numbers, &y.numbers)
    } else {
        formula::dice(&p.numbers, &y.numbers)
    }
}

/// The Dice loss of the files, or the error message.
fn dice(folder: &Path, arguments: &str) -> Result<f64, String> {
    let output = Command::new(env!("CARGO_BIN_EXE_unifocal"))
        .current_dir(folder)
        .args(format!("eval {arguments} --loss dice --format json").split_whitespace())
        .output()
        .expect("the program starts");
    if output.status.success() {
        let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        return Ok(report["mean"].as_f64().expect("a mean"));
    }
    assert_eq!(output.status.code(), Some(1), "{arguments}");
    Err(String::from_utf8_lossy(&output.stderr).into_owned())
}

/// The choices of axis options that a message lists.
fn choices(message: &str) -> Vec<String> {
    let Some((_, list)) = message.split_once("choose one by an option: ") else {
        return Vec::new();
    };
    let choice = |text: &str| text.split(" (").next().map(str::to_owned);
    list.split("; ").filter_map(choice).collect()
}

#[derive(Clone, Debug)]
struct Drawn {
    samples: bool,
    space: usize,
    lengths: [usize; 4],
    classes: usize,
    /// A label map instead of probabilities.
    hard: bool,
    one_hot: bool,
    /// Whether formats without a fixed order have x first (`reversed`) and classes last (`last`).
    reversed: bool,
    last: bool,
    seed: u64,
}

fn strategy() -> impl Strategy<Value = Drawn> {
    (
        (any::<bool>(), 2_usize..4, any::<[bool; 4]>()),
        // Short sides, so that they often have equal lengths.
        (prop::array::uniform4(2_usize..5), 2_usize..5, any::<u64>()),
    )
        .prop_map(|((samples, space, flags), (lengths, classes, seed))| {
            let [hard, one_hot, reversed, last] = flags;
            Drawn {
                samples: samples && seed % 3 == 0,
                space,
                lengths,
                classes,
                hard,
                one_hot,
                reversed,
                last,
                seed,
            }
        })
}

/// Runs a test on this many cases, which are the same in every run.
fn on_each<S: Strategy>(
    cases: u32,
    strategy: &S,
    test: impl Fn(S::Value) -> Result<(), TestCaseError>,
) {
    let config = Config {
        cases,
        failure_persistence: None,
        ..Config::default()
    };
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(config, rng);
    runner.run(strategy, test).expect("the same score");
}

/// In any formats and orders of axes, the score is the same, or an error states how to get it. Two files whose formats do not fix the
/// order have the same spatial order: z, y, x or x, y, z, and z, y, x with a picture. Classes come before or after it.
#[test]
fn the_same_data_gives_the_same_score_or_an_error_with_the_option() {
    let strategy = (strategy(), select(formats()), select(formats()));
    on_each(200, &strategy, |(case, our_format, their_format)| {
        let folder = TempDir::new().expect("a folder");
        let folder = folder.path();
        let space = &"zyx"[3 - case.space..];
        let axes = if case.samples {
            format!("n{space}")
        } else {
            space.to_owned()
        };
        let shape: Vec<usize> = case.lengths[4 - axes.len()..].to_vec();
        let [target, p] = drawn(&axes, &shape, case.classes, case.seed);
        let prediction = if case.hard { most_likely(&p) } else { p };
        let classes: Vec<f32> = (0..case.classes).map(|class| class as f32).collect();
        let target = if case.one_hot && !case.hard {
            one_hot(&target, &classes)
        } else {
            target
        };
        // If a format cannot hold the array, use one that can.
        let format = |format: Format, array: &Array| {
            if format.holds(array) {
                format
            } else {
                Format::Npy
            }
        };
        let (ours, theirs) = (
            format(our_format, &prediction),
            format(their_format, &target),
        );
        let says_zyx = |format: Format| format.is_picture() || format == Format::Archive;
        let reversed = case.reversed && !says_zyx(ours) && !says_zyx(theirs);
        let spatial: String = if reversed { "xyz" } else { "zyx" }.to_owned();
        let free_order = if case.last {
            format!("n{spatial}c")
        } else {
            format!("nc{spatial}")
        };
        let (our_order, their_order) = (
            ours.order(&prediction, &free_order),
            theirs.order(&target, &free_order),
        );
        let input = if case.hard { "--input labels" } else { "" };

        let expected = expected_dice(&prediction, &target, &classes);
        let p = prediction.ordered(&our_order).write(folder, "p", ours);
        let y = target.ordered(&their_order).write(folder, "y", theirs);
        let score = |options: &str| dice(folder, &format!("{p} {y} {input} {options}"));
        let is_expected = |found: f64| (found - expected).abs() <= 1e-6;
        let named = format!("--axes {our_order} --target-axes {their_order}");
        match score(&named) {
            Ok(found) => prop_assert!(is_expected(found), "{named}: {found} is not {expected}"),
            Err(message) => prop_assert!(false, "{named}: {message}"),
        }
        match score("") {
            Ok(found) => prop_assert!(
                is_expected(found),
                "{our_order} {their_order}: {found} is not {expected}"
            ),
            Err(message) => {
                prop_assert!(
                    message.contains("--axes") || message.contains("--target-axes"),
                    "{message}"
                );
                let choices = choices(&message);
                let right = choices
                    .iter()
                    .any(|choice| score(choice).is_ok_and(is_expected));
                prop_assert!(
                    choices.is_empty() || right,
                    "{our_order} {their_order}: {message}"
                );
            }
        }
        Ok(())
    });
}

#[test]
fn labels_have_the_same_score_in_every_format() {
    let folder = TempDir::new().expect("a folder");
    let folder = folder.path();
    let mut formats_of_labels = 0;
    for (axes, shape) in [("yx", &[9, 13][..]), ("zyx", &[5, 6, 7])] {
        let [target, p] = drawn(axes, shape, 3, 1);
        let expected = expected_dice(&p, &target, &[0.0, 1.0, 2.0]);
        let image = Format::Nifti1 { gzip: true };
        for (format, number) in formats().into_iter().zip(1..) {
            if !format.holds(&target) {
                continue;
            }
            // A target with x first needs a prediction with x first.
            let ours = if axes == "zyx" && format.begins_with_x() {
                image
            } else {
                Format::Npy
            };
            let prediction = p.ordered(&ours.order(&p, "czyx")).write(folder, "p", ours);
            let target = target.ordered(&format.order(&target, "zyx"));
            let target = target.write(folder, &format!("y{number}"), format);
            let found = dice(folder, &format!("{prediction} {target}"));
            let found = found.unwrap_or_else(|message| panic!("{format:?}: {message}"));
            assert!(
                (found - expected).abs() <= 1e-6,
                "{format:?}: {found} is not {expected}"
            );
            formats_of_labels += 1;
        }
        // JPEG changes labels.
        fs::write(folder.join("y.jpg"), b"\xff\xd8\xff\xe0..JFIF").expect("a file");
        let message = dice(folder, "p.npy y.jpg").expect_err("no labels");
        assert!(
            message.contains("y.jpg") && message.contains("JPEG"),
            "{message}"
        );
    }
    // All formats except nnU-Net's archive, which holds probabilities. One-page pictures have two axes.
    assert_eq!(formats_of_labels, 2 * (formats().len() - 1) - 3);
}
