//! The classes of two label maps.

use super::fault::Fault;
use super::options::Options;
use super::table::Classes;
use crate::listed::listed;

impl Classes {
    /// The classes of two label maps: all labels that occur.
    pub(crate) fn for_labels(
        options: &Options,
        in_prediction: &[i64],
        in_target: &[i64],
    ) -> Result<Self, Fault> {
        let mut occurring = [in_prediction, in_target].concat();
        occurring.sort_unstable();
        occurring.dedup();
        if !options.regions.is_empty() {
            return Ok(Self::of_regions(&options.regions));
        }
        let counted = options.counted(&occurring);
        if let Some(labels) = &options.labels {
            return Self::listed(labels, &counted);
        }
        if let ([0, mask], [0]) = (in_target, counted.as_slice())
            && *mask != 1
            && occurring == in_target
        {
            return Err(Fault::WholeForeground { ignored: *mask });
        }
        // In a mask of 0 and 1 and one of 0 and 255, the foreground is the same class.
        let is_mask =
            |labels: &[i64], foreground| labels.iter().all(|label| [0, foreground].contains(label));
        let masks = [(1, 255), (255, 1)];
        if counted == [0, 1, 255]
            && let Some((ours, theirs)) = masks
                .into_iter()
                .find(|(ours, theirs)| is_mask(in_prediction, *ours) && is_mask(in_target, *theirs))
        {
            let note = format!(
                "label {ours} of PRED and label {theirs} of TARGET are both the foreground"
            );
            let mut classes = Self::of_labels(vec![0, theirs], vec![note]);
            classes.of_label.insert(ours, vec![1]);
            return Ok(classes);
        }
        let mut classes = Self::of_labels(counted, Vec::new());
        let foreground = |labels: &[i64]| -> Vec<i64> {
            let labels = labels
                .iter()
                .copied()
                .filter(|label| *label != 0 && !options.ignored.contains(label));
            labels.collect()
        };
        let [ours, theirs] = [in_prediction, in_target].map(foreground);
        if !ours.is_empty()
            && !theirs.is_empty()
            && !ours.iter().any(|label| theirs.contains(label))
        {
            classes.warning = Some(format!(
                "PRED has the labels {} and TARGET {}: no label except 0 can match",
                listed(&ours),
                listed(&theirs)
            ));
        }
        Ok(classes)
    }
}
