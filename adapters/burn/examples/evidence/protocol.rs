//! The protocol of the comparison: losses with their trials, shares of foreground, and the length of each training.

/// The size of an experiment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scale {
    /// The shares of the pixels that lesions cover.
    pub(crate) shares: &'static [f32],
    /// Trials of each loss, the last ones of its list.
    pub(crate) trials: usize,
    /// Trainings of the best trial, each with its own images and weights.
    pub(crate) seeds: u64,
    /// Steps of a training.
    pub(crate) steps: usize,
    /// Images in a step.
    pub(crate) batch: usize,
    /// Images to train on; to choose a trial by; and to test on.
    pub(crate) images: [usize; 3],
    /// Steps between two validations.
    pub(crate) every: usize,
    /// Channels of the network at full resolution.
    pub(crate) channels: usize,
}

impl Scale {
    /// Some hours on two cores.
    pub(crate) const FULL: Self = Self {
        shares: &[0.002, 0.01, 0.05, 0.2],
        trials: 4,
        seeds: 5,
        steps: 400,
        batch: 8,
        images: [192, 32, 64],
        every: 20,
        channels: 6,
    };

    /// About a minute, too few steps to learn anything.
    pub(crate) const MINUTE: Self = Self {
        shares: &[0.05],
        trials: 1,
        seeds: 2,
        steps: 12,
        batch: 4,
        images: [16, 4, 8],
        every: 6,
        channels: 4,
    };
}

/// A loss as it is parsed, and a learning rate.
pub(crate) type Trial = (&'static str, f64);

/// A loss by its name, with its trials: four for each loss. A loss with a parameter has two values of it at two learning rates; a loss without
/// has four learning rates.
pub(crate) const LOSSES: [(&str, [Trial; 4]); 9] = [
    ("cross-entropy", rates("cross-entropy")),
    ("dice", rates("dice")),
    ("dice-cross-entropy", rates("dice-cross-entropy")),
    ("dice-focal", pair("dice-focal(gamma=1)", "dice-focal")),
    ("tversky", pair("tversky(delta=0.6)", "tversky")),
    (
        "focal-tversky",
        pair("focal-tversky(gamma=0.5)", "focal-tversky"),
    ),
    ("combo", pair("combo", "combo(alpha=0.7)")),
    (
        "symmetric-unified-focal",
        pair(
            "symmetric-unified-focal(gamma=0.2)",
            "symmetric-unified-focal",
        ),
    ),
    (
        "asymmetric-unified-focal",
        pair(
            "asymmetric-unified-focal(gamma=0.2)",
            "asymmetric-unified-focal",
        ),
    ),
];

/// The loss that the others are compared with.
pub(crate) const BASELINE: &str = "dice-cross-entropy";

const fn rates(loss: &'static str) -> [Trial; 4] {
    [(loss, 1e-3), (loss, 2e-3), (loss, 4e-3), (loss, 8e-3)]
}

const fn pair(one: &'static str, other: &'static str) -> [Trial; 4] {
    [(one, 2e-3), (one, 8e-3), (other, 2e-3), (other, 8e-3)]
}
