//! Cases in which little or nothing counts.

use arbitrary::{Result, Unstructured};
use unifocal_core::{
    data::Shape,
    formula::{ClassSums, mean},
};

use super::outcomes::{assert_near, outcomes};
use crate::case::{Case, IGNORED, Target};
use crate::loss;
use crate::numbers::Numbers;

/// Empty masks, absent classes, single voxels and channels, samples without counting voxels.
pub fn degenerate(u: &mut Unstructured<'_>) -> Result<()> {
    let loss = loss::any(u)?;
    let kind = u.int_in_range(0..=5)?;
    let mut case = Case::draw(u, Numbers::All)?;
    let Shape {
        samples, voxels, ..
    } = case.shape;
    match kind {
        0 => case.target = Target::Labels(vec![0; samples * voxels]),
        1 => case.target = Target::Labels(vec![IGNORED; samples * voxels]),
        2 => case.weights = Some(vec![0.0; samples * voxels]),
        3 => case = case.pick(&[0]),
        4 => {
            // Ignore the whole first sample.
            if let Target::Labels(labels) = &mut case.target {
                labels[..voxels].fill(IGNORED);
            }
        }
        _ => {}
    }
    let [wide, _] = outcomes(&case, &loss);
    let counted: Vec<usize> = (0..case.shape.voxels)
        .filter(|voxel| (0..samples).any(|sample| case.weight(sample, *voxel) != 0.0))
        .collect();
    if counted.is_empty() {
        let empty = vec![ClassSums::default(); case.classes()];
        let nothing = mean(&loss, &case.settings.classes(), empty.len(), &empty);
        assert_eq!(
            nothing,
            Ok(wide.value),
            "{loss:?} of no voxels, on {case:?}"
        );
        assert!(
            wide.gradient.iter().all(|g| *g == 0.0),
            "{loss:?} on {case:?}"
        );
    } else if counted.len() < case.shape.voxels {
        // Ignored voxels can be removed without effect.
        let without = case.pick(&counted);
        let outcome = without
            .evaluate(&loss)
            .expect("some voxels of a valid case");
        assert_near(wide.value, outcome.value, 1e-11, || {
            format!("{loss:?} on {case:?}")
        });
    }
    Ok(())
}
