//! Runs the suite on the core itself, in f64 on slices.

use unifocal_conformance::{CoreF64, Target, checks, seam_cases, seam_with_gradient, tolerance};
use unifocal_core::{Dense, Labels, Regions, Segmentation, Soft, data::Channels};

checks!(CoreF64 => goldens peers hierarchy gradients invariances edges overlapping bad_input);

#[test]
fn slices_are_a_backend() {
    for case in seam_cases() {
        let shape = case.prediction.shape();
        let size = [shape[0], shape[1], shape[2]];
        let numbers: Vec<f64> = case.prediction.iter().copied().collect();
        let prediction = Dense::channels_first(&numbers, size).expect("as many numbers");
        macro_rules! check {
            ($prediction:expr, $target:expr) => {{
                let segmentation = Segmentation::new($prediction, $target)
                    .and_then(|segmentation| segmentation.with_input(case.settings.input))
                    .expect("a valid case")
                    .with_pooling(case.settings.pooling);
                seam_with_gradient(
                    &segmentation,
                    &case,
                    |gradient| gradient,
                    tolerance::F64_OURS,
                );
            }};
        }
        match &case.target {
            Target::Labels(labels) => {
                let labels: Vec<i64> = labels.iter().copied().collect();
                let labels = Dense::per_voxel(&labels, [size[0], size[2]]).expect("as many labels");
                match &case.settings.regions {
                    None => check!(prediction, Labels::new(labels)),
                    Some(sets) => check!(Channels::new(prediction), Regions::new(labels, sets)),
                }
            }
            Target::Soft(target) => {
                let target: Vec<f64> = target.iter().copied().collect();
                let target = Dense::channels_first(&target, size).expect("as many numbers");
                check!(prediction, Soft(target));
            }
        }
    }
}
