//! The protocol of the comparison: the losses and their trials, and the number and length of the trainings, the same for each loss.

use crate::sets::Set;

/// A loss, and what its trials choose from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Candidate {
    pub(crate) name: &'static str,
    /// Its default parameter and an alternative; or none, if it has no parameter.
    parameters: Option<[&'static str; 2]>,
}

impl Candidate {
    /// The trials: parameters and learning rate. There are as many for each loss, over the same range of rates: a loss without
    /// parameters has rates in between.
    pub(crate) fn trials(&self, scale: &Scale) -> Vec<(&'static str, f64)> {
        let at_rates = |parameter: &'static str, rates: &[f64]| -> Vec<_> {
            rates.iter().map(|rate| (parameter, *rate)).collect()
        };
        match self.parameters {
            Some(parameters) => parameters
                .into_iter()
                .flat_map(|parameter| at_rates(parameter, scale.rates))
                .collect(),
            None => [scale.rates, scale.rates_between]
                .into_iter()
                .flat_map(|rates| at_rates("", rates))
                .collect(),
        }
    }
}

/// The size of an experiment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scale {
    /// The learning rates to choose from, with one trial each.
    pub(crate) rates: &'static [f64],
    /// As many further rates within the same range, for the losses without parameters.
    pub(crate) rates_between: &'static [f64],
    /// Trainings at the best rate, each with its own weights and order of images, and with its own images if they are phantoms.
    pub(crate) seeds: u64,
    /// Steps of a training on phantoms with small lesions.
    pub(crate) steps: usize,
    /// Images in a step.
    pub(crate) batch: usize,
    /// Steps between two validations.
    pub(crate) every: usize,
    /// Channels of the network at full resolution.
    pub(crate) channels: usize,
}

impl Scale {
    /// Five to fifteen minutes of a core for each set.
    pub(crate) const FULL: Self = Self {
        rates: &[3e-3, 1e-2, 3e-2],
        rates_between: &[4.5e-3, 6.5e-3, 1.7e-2],
        seeds: 5,
        steps: 120,
        batch: 6,
        every: 10,
        channels: 6,
    };

    /// About a minute, too few steps to learn anything.
    pub(crate) const MINUTE: Self = Self {
        rates: &[1e-2],
        rates_between: &[3e-3],
        seeds: 2,
        steps: 8,
        batch: 4,
        every: 4,
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

    /// Extreme imbalance to little, the most common one first.
    pub(crate) const FULL: Self = Self {
        shares: &[0.01, 0.002, 0.05, 0.2],
        images: [192, 16, 64],
    };

    /// A few images.
    pub(crate) const MINUTE: Self = Self {
        shares: &[0.05],
        images: [16, 4, 8],
    };
}

/// The losses. The alternatives to the default parameters are from the literature.
pub(crate) const LOSSES: [Candidate; 9] = [
    Candidate {
        name: "cross-entropy",
        parameters: None,
    },
    Candidate {
        name: "dice",
        parameters: None,
    },
    Candidate {
        name: BASELINE,
        parameters: None,
    },
    // Lin et al. 2017 try both.
    Candidate {
        name: "dice-focal",
        parameters: Some(["gamma=2", "gamma=1"]),
    },
    // Salehi et al. 2017 try values up to 0.9.
    Candidate {
        name: "tversky",
        parameters: Some(["delta=0.7", "delta=0.9"]),
    },
    // As large an exponent as that of the Unified Focal losses.
    Candidate {
        name: "focal-tversky",
        parameters: Some(["gamma=0.75", "gamma=0.5"]),
    },
    // A weight of 0.7 for the foreground.
    Candidate {
        name: "combo",
        parameters: Some(["beta=0.5", "beta=0.3"]),
    },
    // Many ports to PyTorch have 0.2.
    Candidate {
        name: "symmetric-unified-focal",
        parameters: Some(["gamma=0.5", "gamma=0.2"]),
    },
    Candidate {
        name: ASYMMETRIC,
        parameters: Some(["gamma=0.5", "gamma=0.2"]),
    },
];

/// The loss that the others are compared with.
pub(crate) const BASELINE: &str = "dice-cross-entropy";

/// The loss whose region-based side has the background as a class of its own.
pub(crate) const ASYMMETRIC: &str = "asymmetric-unified-focal";
