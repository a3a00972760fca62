//! Slices of a brain with six structures in it: one hemisphere to train on, the other to test on.
//!
//! The brain is Colin27, a T1-weighted image at 1 mm (Holmes et al. 1998), with the AAL regions that were drawn on it (Tzourio-Mazoyer et al.
//! 2002), in the files of MRIcron's templates.

use std::path::Path;

use ndarray::{Array3, ArrayView3, ShapeBuilder, s};
use nifti::{NiftiError, NiftiObject, NiftiVolume, ReaderOptions};

use crate::images::Image;

type Failure = Box<dyn std::error::Error>;

/// The structures in the order of their classes, which begin at 1, with the labels of the left and the right one.
pub(crate) const STRUCTURES: [(&str, [u8; 2]); 6] = [
    ("hippocampus", [37, 38]),
    ("amygdala", [41, 42]),
    ("caudate", [71, 72]),
    ("putamen", [73, 74]),
    ("pallidum", [75, 76]),
    ("thalamus", [77, 78]),
];

/// Height and width of a slice.
pub(crate) const SIZE: [usize; 2] = [48, 32];

/// The number of slices.
const SLICES: usize = 48;

/// The first voxels of a hemisphere's part around the structures: from the midline, the back, and the bottom.
const CORNER: [usize; 3] = [0, 70, 22];

/// The size of both volumes in voxels of 1 mm: left to right, back to front, bottom to top.
const VOLUME: [usize; 3] = [181, 217, 181];

/// Every so many slices of the training hemisphere, one is for validation.
const VALIDATION: usize = 5;

/// Slices to train on, to validate on, and to test on: coronal, at 2 mm, with the midline at their left edge.
pub(crate) fn read(folder: &Path) -> Result<[Vec<Image>; 3], Failure> {
    let image = volume(&folder.join("ch2.nii.gz"))?;
    let classes = volume(&folder.join("aal.nii.gz"))?.mapv(class);
    // Both hemispheres from the midline outwards. The voxels of the midline itself belong to neither.
    let middle = VOLUME[0] / 2;
    let left = s![..middle;-1, .., ..];
    let right = s![middle + 1.., .., ..];
    let mut training = hemisphere(image.slice(left), classes.slice(left));
    let mut test = hemisphere(image.slice(right), classes.slice(right));
    standardize(&mut training, &mut test);
    let (validation, training) = training
        .into_iter()
        .enumerate()
        .partition::<Vec<_>, _>(|(slice, _)| slice % VALIDATION == VALIDATION / 2);
    let [training, validation] =
        [training, validation].map(|part| part.into_iter().map(|(_, image)| image).collect());
    Ok([training, validation, test])
}

/// The voxels of a file, which are bytes in both.
fn volume(path: &Path) -> Result<Array3<u8>, Failure> {
    let of_file = |error: NiftiError| format!("{}: {error}", path.display());
    let object = ReaderOptions::new().read_file(path).map_err(of_file)?;
    let found = object.volume().dim().to_vec();
    if found != VOLUME.map(|length| length as u16) {
        let path = path.display();
        return Err(format!(
            "{path}: found {found:?} voxels, expected {VOLUME:?}, the size of MRIcron's template"
        )
        .into());
    }
    let voxels = object
        .into_volume()
        .into_nifti_typed_data()
        .map_err(of_file)?;
    // NIfTI's first axis varies fastest.
    Ok(Array3::from_shape_vec(VOLUME.f(), voxels)?)
}

/// The class of a label.
fn class(label: u8) -> u8 {
    let structure = STRUCTURES
        .iter()
        .position(|(_, labels)| labels.contains(&label));
    structure.map_or(0, |structure| 1 + structure as u8)
}

/// Coronal slices around a hemisphere's structures at 2 mm, back to front.
fn hemisphere(image: ArrayView3<'_, u8>, classes: ArrayView3<'_, u8>) -> Vec<Image> {
    let [height, width] = SIZE;
    let slice = |slice: usize| {
        // The cube of 8 voxels at each pixel, from the top and from the midline.
        let cubes = |volume: &ArrayView3<'_, u8>| -> Vec<Vec<u8>> {
            let pixels = (0..height)
                .rev()
                .flat_map(|z| (0..width).map(move |x| [x, slice, z]));
            let range = |axis: usize, at: usize| CORNER[axis] + 2 * at..CORNER[axis] + 2 * at + 2;
            pixels
                .map(|[x, y, z]| {
                    volume
                        .slice(s![range(0, x), range(1, y), range(2, z)])
                        .iter()
                        .copied()
                        .collect()
                })
                .collect()
        };
        Image {
            pixels: cubes(&image)
                .iter()
                .map(|cube| mean(cube.iter().map(|voxel| f32::from(*voxel))))
                .collect(),
            labels: cubes(&classes)
                .iter()
                .map(|cube| most_frequent(cube))
                .collect(),
        }
    };
    (0..SLICES).map(slice).collect()
}

/// The most frequent class of some voxels; of equally frequent ones, the highest.
fn most_frequent(voxels: &[u8]) -> u8 {
    let count = |class: u8| voxels.iter().filter(|voxel| **voxel == class).count();
    let all = voxels.iter().copied();
    all.max_by_key(|class| (count(*class), *class)).unwrap_or(0)
}

/// Brings the training images to mean 0 and standard deviation 1, and the test images along.
fn standardize(training: &mut [Image], test: &mut [Image]) {
    let all = || {
        training
            .iter()
            .flat_map(|image| image.pixels.iter().copied())
    };
    let middle = mean(all());
    let spread = mean(all().map(|pixel| (pixel - middle).powi(2))).sqrt();
    let pixels = training
        .iter_mut()
        .chain(test)
        .flat_map(|image| &mut image.pixels);
    pixels.for_each(|pixel| *pixel = (*pixel - middle) / spread);
}

fn mean(numbers: impl Iterator<Item = f32>) -> f32 {
    let (count, sum) = numbers.fold((0_u32, 0.0), |(count, sum), number| {
        (count + 1, sum + f64::from(number))
    });
    (sum / f64::from(count)) as f32
}
