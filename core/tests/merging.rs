//! The sums of parts merge into the sums of the whole, and give the gradient of the whole.

use proptest::prelude::*;
use unifocal_core::{
    AnyLoss, Classes, Dense, DenseMut, Error, Labels, Layout, Pooling, Segmentation,
    catalogue::Name,
    formula::{ClassSums, mean, slopes as slopes_of},
};

const CLASSES: usize = 3;

type Sums = [ClassSums<f64, 4>; CLASSES];

/// The sums of a part of a batch: one voxel per label, all of one sample.
fn sums_of(loss: &AnyLoss, prediction: &[f64], labels: &[u8]) -> Result<Sums, Error> {
    let mut sums = Sums::default();
    segmentation(prediction, labels)?.add_sums(loss, &Classes::default(), &mut sums)?;
    Ok(sums)
}

type Part<'a> = Segmentation<Dense<'a, f64>, Labels<Dense<'a, u8>>>;

fn segmentation<'a>(prediction: &'a [f64], labels: &'a [u8]) -> Result<Part<'a>, Error> {
    let shape = [1, CLASSES, labels.len()];
    let field = Dense::channels_last(prediction, shape)?;
    let target = Labels::new(Dense::per_voxel(labels, [1, labels.len()])?);
    Ok(Segmentation::new(field, target)?.with_pooling(Pooling::Batch))
}

fn gradient(loss: &AnyLoss, part: &Part<'_>, sums: &Sums) -> Result<Vec<f64>, Error> {
    let shape = part.shape();
    let mut gradient = vec![0.0; shape.voxels * CLASSES];
    let mut out = DenseMut::new(&mut gradient, shape, Layout::ChannelsLast)?;
    let (classes, mut slopes) = (Classes::default(), [[0.0; 4]; CLASSES]);
    slopes_of(loss, &classes, CLASSES, sums, &mut slopes)?;
    part.gradient_by(loss, &classes, &slopes, &mut out)?;
    Ok(gradient)
}

proptest! {
    #[test]
    fn merged_shards_equal_the_whole(
        voxels in prop::collection::vec((prop::array::uniform3(0.0..=1.0_f64), 0..3_u8), 2..300),
        cut in any::<prop::sample::Index>(),
    ) {
        let prediction: Vec<f64> = voxels.iter().flat_map(|(p, _)| *p).collect();
        let labels: Vec<u8> = voxels.iter().map(|(_, label)| *label).collect();
        let cut = 1 + cut.index(labels.len() - 1);
        let (near_p, far_p) = prediction.split_at(cut * CLASSES);
        let (near_y, far_y) = labels.split_at(cut);
        for name in Name::ALL {
            let loss = AnyLoss::from(name);
            let whole = sums_of(&loss, &prediction, &labels).unwrap();
            let mut merged = sums_of(&loss, near_p, near_y).unwrap();
            for (sums, other) in merged.iter_mut().zip(&sums_of(&loss, far_p, far_y).unwrap()) {
                sums.merge(other);
            }
            let classes = Classes::default();
            let [a, b] = [&whole, &merged].map(|sums| mean(&loss, &classes, CLASSES, sums).unwrap());
            prop_assert!((a - b).abs() <= 1e-12 * a.abs().max(1.0), "{name}: {a} is not {b}");

            let whole = gradient(&loss, &segmentation(&prediction, &labels).unwrap(), &whole).unwrap();
            let mut parts = gradient(&loss, &segmentation(near_p, near_y).unwrap(), &merged).unwrap();
            parts.extend(gradient(&loss, &segmentation(far_p, far_y).unwrap(), &merged).unwrap());
            let scale = whole.iter().fold(1e-300, |scale: f64, g| scale.max(g.abs()));
            for (a, b) in whole.iter().zip(&parts) {
                prop_assert!((a - b).abs() <= 1e-9 * scale, "{name}: {a} is not {b}");
            }
        }
    }
}
