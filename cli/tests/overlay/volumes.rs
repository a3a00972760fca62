//! The three planes of a volume, and its geometry.

use std::fs;
use std::path::Path;

use ndarray::{Array3, ArrayD, Axis};
use tempfile::TempDir;

use crate::build::{Nifti1, nifti1};
use crate::pixels::{BETWEEN, BLACK, GREEN, MAGENTA, PALE_BLUE, Pixels};
use crate::program::{npy, stdout};

/// A volume [z, y, x] with these voxels.
fn volume(voxels: &[[usize; 3]]) -> ArrayD<u8> {
    let mut volume = Array3::zeros((3, 4, 5));
    for voxel in voxels {
        volume[*voxel] = 1;
    }
    volume.into_dyn()
}

/// The three planes by their colours, if a voxel is this many pixels high and wide in each.
fn planes(path: &Path, sizes: [[usize; 2]; 3]) -> [Vec<Vec<[u8; 3]>>; 3] {
    let pixels = Pixels::read(path);
    let shapes = [[4, 5], [3, 5], [3, 4]];
    let mut left = 0;
    let planes = [0, 1, 2].map(|plane| {
        let ([rows, columns], [tall, wide]) = (shapes[plane], sizes[plane]);
        let voxels = pixels.voxels(left, [rows, columns], sizes[plane]);
        left += columns * wide;
        if plane < 2 {
            assert_eq!(pixels.at(0, left), BETWEEN);
            left += 4;
        }
        if rows * tall < pixels.height {
            assert_eq!(pixels.at(rows * tall, left.min(pixels.width) - 1), BETWEEN);
        }
        voxels
    });
    assert_eq!(left, pixels.width);
    planes
}

/// Where a plane has this colour.
fn places(plane: &[Vec<[u8; 3]>], colour: [u8; 3]) -> Vec<[usize; 2]> {
    let rows = plane.iter().enumerate();
    let places = rows.flat_map(|(row, voxels)| {
        let columns = voxels.iter().enumerate();
        let columns = columns.filter(move |(_, found)| **found == colour);
        columns.map(move |(column, _)| [row, column])
    });
    places.collect()
}

/// Without a geometry, indices grow downwards and to the right, and the planes are those with the most errors.
#[test]
fn planes_have_the_most_errors() {
    let folder = TempDir::new().expect("a folder");
    let folder = folder.path();
    // Two errors at z 2, two at y 1, two at x 3.
    npy(folder, "p.npy", &volume(&[[2, 1, 3], [2, 3, 0]]));
    npy(folder, "y.npy", &volume(&[[0, 1, 3], [1, 2, 2]]));
    let overlay = [
        "overlay", "p.npy", "y.npy", "--input", "labels", "--zoom", "2", "--output", "o.png",
    ];
    let text = stdout(folder, &overlay);
    assert!(
        text.contains("axial at z 2, coronal at y 1, sagittal at x 3"),
        "{text}"
    );
    let [axial, coronal, sagittal] = planes(&folder.join("o.png"), [[2, 2]; 3]);
    assert_eq!(places(&axial, MAGENTA), [[1, 3], [3, 0]]);
    assert_eq!(places(&axial, GREEN), [[0; 2]; 0]);
    assert_eq!(places(&coronal, MAGENTA), [[2, 3]]);
    assert_eq!(places(&coronal, GREEN), [[0, 3]]);
    assert_eq!(places(&sagittal, MAGENTA), [[2, 1]]);
    assert_eq!(places(&sagittal, GREEN), [[0, 1]]);
    // Another voxel.
    let text = stdout(folder, &[&overlay[..], &["--at", "1,2,0"]].concat());
    assert!(
        text.contains("axial at z 1, coronal at y 2, sagittal at x 0"),
        "{text}"
    );
    let [axial, coronal, sagittal] = planes(&folder.join("o.png"), [[2, 2]; 3]);
    assert_eq!(places(&axial, GREEN), [[2, 2]]);
    assert_eq!(places(&coronal, GREEN), [[1, 2]]);
    assert_eq!(places(&sagittal, MAGENTA), [[2, 3]]);
}

/// Without an error, the planes are through the centre of the target, and without a target through that of the volume.
#[test]
fn without_errors_the_target_is_in_the_centre() {
    let folder = TempDir::new().expect("a folder");
    let folder = folder.path();
    npy(folder, "y.npy", &volume(&[[0, 0, 1], [0, 2, 3]]));
    npy(folder, "empty.npy", &volume(&[]));
    for (file, expected, right) in [
        ("y.npy", "axial at z 0, coronal at y 1, sagittal at x 2", 2),
        (
            "empty.npy",
            "axial at z 1, coronal at y 2, sagittal at x 2",
            0,
        ),
    ] {
        let overlay = [
            "overlay", file, file, "--input", "labels", "--zoom", "1", "--output", "o.png",
        ];
        let text = stdout(folder, &overlay);
        assert!(text.contains(expected), "{text}");
        let [axial, ..] = planes(&folder.join("o.png"), [[1, 1]; 3]);
        assert_eq!(places(&axial, PALE_BLUE).len(), right);
        assert_eq!(places(&axial, BLACK).len(), 20 - right);
    }
}

/// Of several samples, the one with the most errors is drawn.
#[test]
fn a_sample_of_several_is_drawn() {
    let folder = TempDir::new().expect("a folder");
    let folder = folder.path();
    let batch = |volumes: [ArrayD<u8>; 2]| {
        let views = [volumes[0].view(), volumes[1].view()];
        ndarray::stack(Axis(0), &views).expect("two samples")
    };
    npy(
        folder,
        "p.npy",
        &batch([volume(&[]), volume(&[[0, 0, 0], [1, 1, 1]])]),
    );
    npy(folder, "y.npy", &batch([volume(&[[2, 2, 2]]), volume(&[])]));
    let overlay = [
        "overlay", "p.npy", "y.npy", "--input", "labels", "--batch", "yes", "--output", "o.png",
    ];
    let text = stdout(folder, &overlay);
    assert!(text.contains("sample 1: axial at z 0"), "{text}");
    let text = stdout(folder, &[&overlay[..], &["--sample", "0"]].concat());
    assert!(
        text.contains("sample 0: axial at z 2, coronal at y 2, sagittal at x 2"),
        "{text}"
    );
}

/// A NIfTI file of a volume [z, y, x].
fn nii(folder: &Path, name: &str, labels: &ArrayD<u8>, affine: [[f32; 4]; 3]) {
    let shape: Vec<i64> = labels.shape().iter().rev().map(|n| *n as i64).collect();
    let voxels: Vec<u8> = labels.iter().copied().collect();
    let file = nifti1(&Nifti1 {
        shape: &shape,
        datatype: 2,
        affine,
        scaling: [0.0, 0.0],
        voxels: &voxels,
    });
    fs::write(folder.join(name), file).expect("a NIfTI file");
}

/// Pixels are square: a slice that is three times as thick is three times as high. Front and top are at the top of the picture, right
/// and front at the left, however the file stores the volume.
#[test]
fn the_geometry_decides_about_size_and_direction() {
    let folder = TempDir::new().expect("a folder");
    let folder = folder.path();
    // x to the right, y to the front, z up.
    let ras = [
        [1.0, 0.0, 0.0, 0.0],
        [0.0, 1.0, 0.0, 0.0],
        [0.0, 0.0, 3.0, 0.0],
    ];
    let (ours, theirs) = (
        volume(&[[2, 1, 3], [2, 3, 3]]),
        volume(&[[2, 3, 3], [0, 1, 3]]),
    );
    nii(folder, "p.nii", &ours, ras);
    nii(folder, "y.nii", &theirs, ras);
    let draw = |prediction, output: &str| {
        let files = ["overlay", prediction, "y.nii", "--input", "labels"];
        stdout(
            folder,
            &[&files[..], &["--zoom", "2", "--output", output]].concat(),
        )
    };
    let text = draw("p.nii", "o.png");
    assert!(
        text.contains("axial at z 0, coronal at y 1, sagittal at x 3"),
        "{text}"
    );
    let [axial, coronal, sagittal] = planes(&folder.join("o.png"), [[2, 2], [6, 2], [6, 2]]);
    // x 3 of 5 is column 1 from the right side; y 1 of 4 is row 2 from the front; z 0 of 3 is the last row from the top.
    assert_eq!(places(&axial, GREEN), [[2, 1]]);
    assert_eq!(places(&axial, MAGENTA), [[0; 2]; 0]);
    assert_eq!(places(&coronal, GREEN), [[2, 1]]);
    assert_eq!(places(&coronal, MAGENTA), [[0, 1]]);
    assert_eq!(places(&sagittal, GREEN), [[2, 2]]);
    assert_eq!(places(&sagittal, MAGENTA), [[0, 2]]);
    assert_eq!(places(&sagittal, PALE_BLUE), [[0, 0]]);

    // Without a geometry of its own, a prediction has that of the target.
    npy(folder, "p.npy", &ours);
    let files = [
        "overlay", "p.npy", "y.nii", "--input", "labels", "--axes", "zyx",
    ];
    let output = ["--zoom", "2", "--output", "plain.png"];
    stdout(folder, &[&files[..], &output].concat());
    let [one, other] = ["o.png", "plain.png"].map(|name| Pixels::read(&folder.join(name)));
    assert_eq!(one, other);

    // The same place, stored with x to the left, y to the back, and the slices first.
    let mut turned = ours.clone();
    turned.invert_axis(Axis(1));
    turned.invert_axis(Axis(2));
    let turned = turned.permuted_axes(vec![1, 2, 0]);
    let turned = turned.as_standard_layout().into_owned();
    let affine = [
        [0.0, -1.0, 0.0, 4.0],
        [0.0, 0.0, -1.0, 3.0],
        [3.0, 0.0, 0.0, 0.0],
    ];
    nii(folder, "turned.nii", &turned, affine);
    let text = draw("turned.nii", "turned.png");
    assert!(text.contains("TARGET was reoriented to PRED"), "{text}");
    let [one, other] = ["o.png", "turned.png"].map(|name| Pixels::read(&folder.join(name)));
    assert_eq!(one, other);
}

/// The image lies as the volume does, whatever way its file stores it.
#[test]
fn an_image_is_turned_to_the_volume() {
    let folder = TempDir::new().expect("a folder");
    let folder = folder.path();
    let ras = [
        [1.0, 0.0, 0.0, 0.0],
        [0.0, 1.0, 0.0, 0.0],
        [0.0, 0.0, 1.0, 0.0],
    ];
    let labels = volume(&[[0, 0, 0]]);
    nii(folder, "p.nii", &labels, ras);
    nii(folder, "y.nii", &labels, ras);
    // White at x 4, in a file whose x runs to the left: index 0 there.
    let image = Array3::from_shape_fn((3, 4, 5), |(_, _, x)| if x == 0 { 200_u8 } else { 0 });
    let left = [[-1.0, 0.0, 0.0, 4.0], ras[1], ras[2]];
    nii(folder, "image.nii", &image.into_dyn(), left);
    let overlay = [
        "overlay",
        "p.nii",
        "y.nii",
        "--input",
        "labels",
        "--image",
        "image.nii",
    ];
    stdout(
        folder,
        &[
            &overlay[..],
            &["--zoom", "1", "--at", "0,1,0", "--output", "o.png"],
        ]
        .concat(),
    );
    let [axial, ..] = planes(&folder.join("o.png"), [[1, 1]; 3]);
    assert_eq!(places(&axial, [255; 3]), [[0, 0], [1, 0], [2, 0], [3, 0]]);
}
