//! Compares the 8-bit output of a device with the float output of the host, on the same labels: the loss and the Dice score of each
//! class.
//!
//! ```sh
//! cargo run --package unifocal-core --example quantized
//! ```

use unifocal_core::{
    Buffers, Classes, Dense, Error, Labels, Quantized, Segmentation, Tversky, UnifiedFocal,
    data::{Element, Field, Target},
};

/// A row of voxels with a lesion in the middle.
const VOXELS: usize = 1000;

/// The scale and the zero point of TensorFlow Lite's 8-bit softmax.
const SCALE: f32 = 1.0 / 256.0;
const ZERO_POINT: i32 = -128;

fn main() -> Result<(), Error> {
    // The host's probabilities, [N, C, voxels]; the device's are these in 8 bits, [N, voxels, C].
    let lesion = |voxel: usize| 1.0 / (1.0 + ((voxel as f32 - 500.0).abs() / 20.0 - 3.0).exp());
    let of_class = |class: usize, voxel: usize| match class {
        0 => 1.0 - lesion(voxel),
        _ => lesion(voxel),
    };
    let host: Vec<f32> = (0..2 * VOXELS)
        .map(|i| of_class(i / VOXELS, i % VOXELS))
        .collect();
    let quantise = |p: f32| (p / SCALE).round().min(255.0) as i32 + ZERO_POINT;
    let device: Vec<i8> = (0..2 * VOXELS)
        .map(|i| quantise(of_class(i % 2, i / 2)) as i8)
        .collect();
    let labels: Vec<u8> = (0..VOXELS)
        .map(|voxel| u8::from((445..550).contains(&voxel)))
        .collect();
    let labels = Labels::new(Dense::per_voxel(&labels, [1, VOXELS])?);

    let host = Dense::channels_first(&host, [1, 2, VOXELS])?;
    let device = Dense::channels_last(&device, [1, 2, VOXELS])?;
    let device = Quantized::new(device, SCALE, ZERO_POINT)?;
    let host = scores(Segmentation::new(host, labels)?)?;
    let device = scores(Segmentation::new(device, labels)?)?;

    println!("                          host      device  difference");
    for (name, (host, device)) in NAMES.into_iter().zip(host.into_iter().zip(device)) {
        println!(
            "{name:20} {host:9.6}   {device:9.6}   {:9.6}",
            device - host
        );
    }
    Ok(())
}

const NAMES: [&str; 3] = ["unified focal loss", "Dice of background", "Dice of lesion"];

/// The loss, and the Dice score of each class.
fn scores(
    segmentation: Segmentation<impl Field<Item: Element>, impl Target>,
) -> Result<[f64; 3], Error> {
    let classes = Classes::default();
    let (loss, mut buffers) = (UnifiedFocal::asymmetric(), Buffers::with_len::<2>());
    let unified = segmentation
        .evaluate(&loss, &classes, &mut buffers)?
        .value();
    let (loss, mut buffers) = (Tversky::dice(), Buffers::with_len::<2>());
    let dice = segmentation.evaluate(&loss, &classes, &mut buffers)?;
    let mut dice = dice.per_class().map(|loss| 1.0 - loss);
    let mut next = || dice.next().unwrap_or(f64::NAN);
    Ok([unified, next(), next()])
}
