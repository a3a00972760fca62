//! The protocol of the comparison: the losses, and the number and length of the trainings, the same for each loss.

use crate::sets::Set;

/// The size of an experiment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scale {
    /// The learning rates to choose from, with one trial each.
    pub(crate) rates: &'static [f64],
    /// Trainings at the best rate, each with its own weights and order of images, and with its own images if they are phantoms.
    pub(crate) seeds: u64,
    /// Steps of a training.
    pub(crate) steps: usize,
    /// Images in a step.
    pub(crate) batch: usize,
    /// Steps between two validations.
    pub(crate) every: usize,
    /// Channels of the network at full resolution.
    pub(crate) channels: usize,
}

impl Scale {
    /// About twenty minutes of a core for each set.
    pub(crate) const FULL: Self = Self {
        rates: &[1e-3, 4e-3, 1e-2],
        seeds: 5,
        steps: 400,
        batch: 6,
        every: 20,
        channels: 6,
    };

    /// About a minute, too few steps to learn anything.
    pub(crate) const MINUTE: Self = Self {
        rates: &[1e-2],
        seeds: 2,
        steps: 12,
        batch: 4,
        every: 6,
        channels: 4,
    };
}

/// The phantoms of an experiment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Phantoms {
    /// The shares of the pixels that lesions cover.
    pub(crate) shares: &'static [f32],
    /// Images to train on; to choose a rate by; and to test on.
    pub(crate) images: [usize; 3],
}

impl Phantoms {
    /// A set per share.
    pub(crate) fn sets(&self) -> Vec<Set> {
        let of_share = |share: &f32| Set::phantoms(*share, self.images);
        self.shares.iter().map(of_share).collect()
    }

    /// Little foreground.
    pub(crate) const FULL: Self = Self {
        shares: &[0.01],
        images: [192, 16, 64],
    };

    /// A few images.
    pub(crate) const MINUTE: Self = Self {
        shares: &[0.05],
        images: [16, 4, 8],
    };
}

/// The losses by name, with their default parameters.
pub(crate) const LOSSES: [&str; 9] = [
    "cross-entropy",
    "dice",
    "dice-cross-entropy",
    "dice-focal",
    "tversky",
    "focal-tversky",
    "combo",
    "symmetric-unified-focal",
    "asymmetric-unified-focal",
];

/// The loss that the others are compared with.
pub(crate) const BASELINE: &str = "dice-cross-entropy";
