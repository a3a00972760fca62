//! Arrays through the seam of the core.

use unifocal_conformance::{Target, seam_cases, seam_with_gradient, tolerance};
use unifocal_ndarray::Evaluation;

#[test]
fn arrays_are_a_backend() {
    for case in seam_cases() {
        let prediction = case.prediction.view();
        macro_rules! check {
            ($evaluation:expr) => {{
                let evaluation = $evaluation.with_settings(case.settings.clone());
                let entries = |gradient: ndarray::ArrayD<f64>| gradient.into_iter().collect();
                seam_with_gradient(&evaluation, &case, entries, tolerance::F64_OURS);
            }};
        }
        match &case.target {
            Target::Labels(labels) => check!(Evaluation::labels(prediction, labels.view())),
            Target::Soft(target) => check!(Evaluation::soft(prediction, target.view())),
        }
    }
}
