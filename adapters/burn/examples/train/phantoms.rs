//! Phantoms: noisy images, each with one lesion that covers about a given share of the pixels.

use std::f32::consts::{PI, TAU};

use unifocal_burn::burn::data::dataset::InMemDataset;

use crate::images::Image;

/// The difficulty of the phantoms.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Difficulty {
    /// Height and width of an image.
    pub(crate) size: usize,
    /// The standard deviation of the noise.
    pub(crate) noise: f32,
    /// Brightness of a lesion above its surroundings.
    pub(crate) contrast: f32,
    /// The share of the pixels that the lesion covers.
    pub(crate) share: f32,
}

/// Generates `count` phantoms; the same seed gives the same phantoms.
pub(crate) fn phantoms(count: usize, seed: u64, difficulty: Difficulty) -> InMemDataset<Image> {
    let mut rng = fastrand::Rng::with_seed(seed);
    InMemDataset::new((0..count).map(|_| phantom(&mut rng, difficulty)).collect())
}

fn phantom(rng: &mut fastrand::Rng, difficulty: Difficulty) -> Image {
    let size = difficulty.size;
    // An ellipse at a random angle, which lies in the image.
    let area = difficulty.share * (size * size) as f32;
    let a = (area / PI).sqrt() * (0.78 + 0.6 * rng.f32());
    let b = area / (PI * a);
    let margin = a.max(b).max(8.0);
    let centre = [0, 1].map(|_| margin + (size as f32 - 2.0 * margin) * rng.f32());
    let (sin, cos) = (TAU * rng.f32()).sin_cos();
    // The background is a slow wave, in places as bright as the lesion.
    let wave = [0, 1].map(|_| 0.05 + 0.1 * rng.f32());
    let phase = TAU * rng.f32();

    let mut phantom = Image {
        pixels: Vec::with_capacity(size * size),
        labels: Vec::with_capacity(size * size),
    };
    for pixel in 0..size * size {
        let at = [pixel / size, pixel % size].map(|x| x as f32);
        let [y, x] = [at[0] - centre[0], at[1] - centre[1]];
        let (u, v) = (cos * x + sin * y, cos * y - sin * x);
        let inside = (u / a).powi(2) + (v / b).powi(2) <= 1.0;
        let background = 0.5 * (at[0] * wave[0] + at[1] * wave[1] + phase).sin();
        let lesion = if inside { difficulty.contrast } else { 0.0 };
        phantom
            .pixels
            .push(background + lesion + difficulty.noise * normal(rng));
        phantom.labels.push(u8::from(inside));
    }
    phantom
}

/// Draws from the standard normal distribution (Box–Muller).
fn normal(rng: &mut fastrand::Rng) -> f32 {
    let radius = (-2.0 * (1.0 - rng.f32()).ln()).sqrt();
    radius * (TAU * rng.f32()).cos()
}
