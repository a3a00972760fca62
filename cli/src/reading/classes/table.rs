//! The classes, in order, and their labels.

use rustc_hash::FxHashMap;

use super::fault::Fault;
use super::name::Name;
use super::options::Region;

/// The classes, in order, and their labels.
#[derive(Clone, Debug)]
pub(crate) struct Classes {
    pub(crate) names: Vec<Name>,
    /// The classes of each label: one class, several regions, or none.
    pub(super) of_label: FxHashMap<i64, Vec<usize>>,
    /// Whether the classes are regions, which may overlap.
    pub(crate) regions: bool,
    /// The classes of all other labels.
    pub(super) rest: Vec<usize>,
    /// Whether label k is class k.
    pub(crate) plain: bool,
    pub(crate) notes: Vec<String>,
    pub(crate) warning: Option<String>,
}

impl Classes {
    /// The classes 0 to `count` − 1 of a target without labels.
    pub(crate) fn of_channels(count: usize) -> Self {
        Self::of_labels((0..count as i64).collect(), Vec::new())
    }

    pub(super) fn of_labels(labels: Vec<i64>, notes: Vec<String>) -> Self {
        let plain = labels.iter().zip(0..).all(|(label, class)| *label == class);
        Self {
            of_label: labels
                .iter()
                .enumerate()
                .map(|(class, label)| (*label, vec![class]))
                .collect(),
            names: labels.into_iter().map(Name::Label).collect(),
            regions: false,
            rest: Vec::new(),
            plain,
            notes,
            warning: None,
        }
    }

    /// Regions as classes.
    pub(super) fn of_regions(regions: &[Region]) -> Self {
        let mut of_label: FxHashMap<i64, Vec<usize>> = FxHashMap::default();
        for (class, region) in regions.iter().enumerate() {
            for label in &region.labels {
                let classes = of_label.entry(*label).or_default();
                if !classes.contains(&class) {
                    classes.push(class);
                }
            }
        }
        Self {
            names: regions
                .iter()
                .map(|region| Name::Region(region.name.clone()))
                .collect(),
            of_label,
            regions: true,
            rest: Vec::new(),
            plain: false,
            notes: Vec::new(),
            warning: None,
        }
    }

    /// The classes of `--labels`, which must have every label that counts.
    pub(super) fn listed(labels: &[i64], counted: &[i64]) -> Result<Self, Fault> {
        for (index, label) in labels.iter().enumerate() {
            if labels[..index].contains(label) {
                return Err(Fault::Twice { label: *label });
            }
        }
        match counted.iter().find(|label| !labels.contains(label)) {
            Some(label) => Err(Fault::Unlisted {
                label: *label,
                listed: labels.to_vec(),
            }),
            None => Ok(Self::of_labels(labels.to_vec(), Vec::new())),
        }
    }

    /// Puts the labels of the classes that are not kept into the first class, or into none if the classes are regions.
    pub(crate) fn merge(&mut self, is_kept: impl Fn(usize) -> bool) {
        let regions = self.regions;
        let merge = |classes: &mut Vec<usize>| match regions {
            true => classes.retain(|class| is_kept(*class)),
            false => classes
                .iter_mut()
                .filter(|class| !is_kept(**class))
                .for_each(|class| *class = 0),
        };
        self.of_label.values_mut().for_each(merge);
        merge(&mut self.rest);
        self.plain = false;
    }

    /// The classes that a label belongs to.
    pub(crate) fn of(&self, label: i64) -> &[usize] {
        self.of_label.get(&label).unwrap_or(&self.rest)
    }

    pub(crate) fn len(&self) -> usize {
        self.names.len()
    }
}
