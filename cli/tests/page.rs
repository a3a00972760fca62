//! Each command in docs/cli.md prints what the page shows.
//!
//! `UPDATE_PAGE=1 cargo test -p unifocal-cli --test page` writes the output and the pictures into the page. If `UNIFOCAL_CHROMIUM` names
//! a browser, it also takes the screenshot of the report.

#[path = "build/mod.rs"]
mod build;

use std::ffi::OsStr;
use std::fs;
use std::io::{Cursor, Write};
use std::path::Path;
use std::process::Command;

use build::{Nifti1, nifti1};
use ndarray::{Array2, Array3, ArrayD, Axis, stack};
use ndarray_npy::{WritableElement, WriteNpyExt};
use tempfile::TempDir;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

const README: &str = include_str!("../README.md");
const PICTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/pictures");
const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/cli.md");

fn npy<T: WritableElement>(folder: &Path, name: &str, array: &ArrayD<T>) {
    let file = fs::File::create(folder.join(name)).expect("a file");
    array.write_npy(file).expect("a .npy file");
}

/// A NIfTI file of labels [x, y, z] as integers of 16 bits. With scaling, these do not give back the exact labels.
fn nii(folder: &Path, name: &str, labels: &ArrayD<u8>, affine: [[f32; 4]; 3], scaling: [f32; 2]) {
    let [slope, intercept] = scaling;
    let stored = |label: u8| match slope {
        0.0 => i16::from(label),
        _ => ((f32::from(label) - intercept) / slope).round() as i16,
    };
    let shape: Vec<i64> = labels.shape().iter().map(|n| *n as i64).collect();
    let voxels = labels.t();
    let voxels: Vec<u8> = (voxels.iter())
        .flat_map(|label| stored(*label).to_le_bytes())
        .collect();
    let file = nifti1(&Nifti1 {
        shape: &shape,
        datatype: 4,
        affine,
        scaling,
        voxels: &voxels,
    });
    fs::write(folder.join(name), file).expect("a NIfTI file");
}

/// A disc of label 2 in one of label 1, on 12 × 16 pixels, moved down by `by` pixels.
fn picture(by: usize) -> Array2<u8> {
    Array2::from_shape_fn((12, 16), |(y, x)| {
        let distance = (y as i32 - 5 - by as i32).pow(2) + (x as i32 - 8).pow(2);
        u8::from(distance < 18) + u8::from(distance < 5)
    })
}

/// Probabilities of the three classes of a label map.
fn probabilities(labels: &ArrayD<u8>) -> ArrayD<f32> {
    let channel = |class: u8| labels.mapv(|label| if label == class { 0.75_f32 } else { 0.125 });
    let channels = [0, 1, 2].map(channel);
    stack![
        Axis(0),
        channels[0].view(),
        channels[1].view(),
        channels[2].view()
    ]
}

/// Writes the files that the page names.
fn files(folder: &Path) {
    let [target, mask] = [picture(0), picture(1)].map(Array2::into_dyn);
    npy(folder, "labels.npy", &target);
    npy(folder, "mask.npy", &mask);
    let p = probabilities(&mask);
    npy(folder, "p.npy", &p);
    npy(folder, "bytes.npy", &p.mapv(|p| (p * 255.0) as u8));
    npy(
        folder,
        "overshoot.npy",
        &p.mapv(|p| if p > 0.5 { 1.02 } else { -0.01_f32 }),
    );
    let foreground = |array: &ArrayD<u8>| array.mapv(|label| u8::from(label > 0));
    npy(folder, "binary.npy", &foreground(&target));
    npy(
        folder,
        "mask255.npy",
        &foreground(&mask).mapv(|label| label * 255),
    );
    npy(
        folder,
        "target255.npy",
        &foreground(&target).mapv(|label| label * 255),
    );
    let brats = |array: &ArrayD<u8>| array.mapv(|label| [0_u8, 1, 4][usize::from(label)]);
    npy(folder, "brats.npy", &brats(&target));
    npy(folder, "brats_mask.npy", &brats(&mask));
    let mut void = target.clone();
    void.index_axis_mut(Axis(0), 0).fill(255);
    npy(folder, "void.npy", &void);
    npy(folder, "from_one.npy", &target.mapv(|label| label + 1));
    let mut from_one = target.mapv(|label| label + 1);
    from_one.index_axis_mut(Axis(0), 0).fill(0);
    npy(folder, "ade.npy", &from_one);
    let mut inside = target.mapv(|_| 255_u8);
    inside.index_axis_mut(Axis(0), 0).fill(0);
    npy(folder, "field_of_view.npy", &inside);
    npy(
        folder,
        "raters.npy",
        &foreground(&target).mapv(|label| 0.1 + 0.6 * f32::from(label)),
    );
    npy(
        folder,
        "foreground.npy",
        &foreground(&mask).mapv(|label| 0.1 + 0.75 * f32::from(label)),
    );
    let volume = Array3::from_shape_fn((4, 12, 16), |(z, y, x)| picture(z)[[y, x]]).into_dyn();
    npy(
        folder,
        "volume.npy",
        &volume.mapv(|label| u8::from(label > 0)),
    );
    npy(
        folder,
        "sigmoids.npy",
        &volume.mapv(|label| 0.1 + 0.75 * f32::from(u8::from(label > 0))),
    );
    npy(folder, "volume_labels.npy", &volume);
    let ras = [
        [1.0, 0.0, 0.0, 0.0],
        [0.0, 1.0, 0.0, 0.0],
        [0.0, 0.0, 3.0, 0.0],
    ];
    let segmentation = Array3::from_shape_fn((4, 12, 16), |(z, y, x)| picture(z + 1)[[y, x]]);
    let segmentation = segmentation.into_dyn().reversed_axes();
    nii(folder, "segmentation.nii", &segmentation, ras, [0.0, 0.0]);
    let mut labels = volume.clone().reversed_axes();
    nii(folder, "scaled.nii", &labels, ras, [3.051_804e-5, 1.0]);
    // Flip x and y.
    labels.invert_axis(Axis(0));
    labels.invert_axis(Axis(1));
    let lps = [
        [-1.0, 0.0, 0.0, 15.0],
        [0.0, -1.0, 0.0, 11.0],
        [0.0, 0.0, 3.0, 0.0],
    ];
    nii(folder, "lps.nii", &labels, lps, [0.0, 0.0]);
    let archive = fs::File::create(folder.join("case.npz")).expect("a file");
    let mut archive = ZipWriter::new(archive);
    archive
        .start_file("probabilities.npy", SimpleFileOptions::default())
        .expect("an entry");
    let mut array = Vec::new();
    probabilities(&volume)
        .write_npy(&mut array)
        .expect("an array");
    archive.write_all(&array).expect("an array");
    archive.finish().expect("an archive");
    for (side, arrays) in [
        ("predictions", [&mask, &target]),
        ("targets", [&target, &void]),
    ] {
        fs::create_dir(folder.join(side)).expect("a folder");
        for (index, array) in arrays.into_iter().enumerate() {
            npy(folder, &format!("{side}/{}.npy", index + 1), array);
        }
    }
}

/// The size and the pixels of a PNG file.
fn decoded(picture: &[u8]) -> (png::OutputInfo, Vec<u8>) {
    let mut reader = png::Decoder::new(Cursor::new(picture))
        .read_info()
        .expect("a PNG file");
    let mut pixels = vec![0; reader.output_buffer_size().expect("a size")];
    let info = reader.next_frame(&mut pixels).expect("pixels");
    (info, pixels)
}

/// Whether two pictures are equal, however they are compressed.
fn are_equal(one: &[u8], other: &[u8]) -> bool {
    if one.starts_with(b"\x89PNG") {
        decoded(one) == decoded(other)
    } else {
        one == other
    }
}

/// Takes the picture of a page with a browser. It compresses in a hurry, so the picture is written again.
fn screenshot(browser: &OsStr, page: &Path, picture: &Path) {
    let taken = page.with_extension("png");
    let status = Command::new(browser)
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-lcd-text",
        ])
        .args(["--hide-scrollbars", "--window-size=900,1400"])
        .arg("--force-device-scale-factor=0.6")
        .arg(format!("--screenshot={}", taken.display()))
        .arg(format!("file://{}", page.display()))
        .status();
    assert!(status.expect("the browser starts").success());
    let (info, pixels) = decoded(&fs::read(taken).expect("a screenshot"));
    let file = fs::File::create(picture).expect("a picture");
    let mut encoder = png::Encoder::new(file, info.width, info.height);
    encoder.set_color(info.color_type);
    encoder.set_compression(png::Compression::High);
    let mut writer = encoder.write_header().expect("a head");
    writer.write_image_data(&pixels).expect("pixels");
}

/// The output of a command, stderr after stdout, without trailing spaces.
fn output(folder: &Path, command: &str) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_unifocal"))
        .current_dir(folder)
        .args(command.split_whitespace().skip(1))
        .output()
        .expect("the program starts");
    let printed = [output.stdout, output.stderr].concat();
    let printed = String::from_utf8(printed).expect("UTF-8");
    let lines = printed.lines().map(|line| format!("{}\n", line.trim_end()));
    lines.collect()
}

#[test]
fn commands_print_what_the_page_shows() {
    let folder = TempDir::new().expect("a folder");
    files(folder.path());
    output(folder.path(), "unifocal demo --output demo");
    let page = fs::read_to_string(PAGE).expect("the page");
    let mut blocks = page.split("```console\n");
    let mut printed = blocks.next().expect("a beginning").to_owned();
    let mut commands = 0;
    let mut pictures = Vec::new();
    for block in blocks {
        let (shown, rest) = block.split_once("```").expect("the end of a block");
        printed += "```console\n";
        for line in shown.lines().filter(|line| line.starts_with("$ unifocal ")) {
            printed += &format!("{line}\n{}", output(folder.path(), &line[2..]));
            let mut words = line.split(' ');
            words.find(|word| ["--plot", "--output"].contains(word));
            let written = words.next().filter(|name| !name.contains(".csv"));
            pictures.extend(written.filter(|name| !name.ends_with(".html")));
            commands += 1;
        }
        printed += &format!("```{rest}");
    }
    assert!(commands > 10, "{commands}");
    for picture in &pictures {
        let drawn = fs::read(folder.path().join(picture)).expect("a picture");
        let shown = Path::new(PICTURES).join(picture);
        if std::env::var_os("UPDATE_PAGE").is_some() {
            fs::write(shown, drawn).expect("a picture");
        } else {
            let shown = fs::read(shown).expect("a picture");
            assert!(are_equal(&drawn, &shown), "{picture} differs");
            assert!(page.contains(&format!("(pictures/{picture})")), "{picture}");
        }
    }
    assert_eq!(pictures.len(), 5);
    if std::env::var_os("UPDATE_PAGE").is_some() {
        if let Some(browser) = std::env::var_os("UNIFOCAL_CHROMIUM") {
            let page = folder.path().join("report.html");
            screenshot(&browser, &page, &Path::new(PICTURES).join("report.png"));
        }
        fs::write(PAGE, printed).expect("the page");
        return;
    }
    for (found, shown) in printed.lines().zip(page.lines()) {
        assert_eq!(found, shown, "UPDATE_PAGE=1 writes what the commands print");
    }
    assert_eq!(printed.len(), page.len());
}

/// The example in the README is one of the page, so the test above runs it.
#[test]
fn readme_shows_an_example_of_the_page() {
    let page = fs::read_to_string(PAGE).expect("the page");
    let (_, rest) = README.split_once("```console\n").expect("an example");
    let (example, _) = rest.split_once("```").expect("the end of the example");
    assert!(page.contains(&format!("```console\n{example}```")));
}
