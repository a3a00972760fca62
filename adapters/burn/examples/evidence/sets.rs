//! The sets of images: phantoms with a share of foreground, and the hemispheres of a brain.

use std::fmt::{Display, Formatter};
use std::path::Path;

use unifocal_burn::burn::data::dataset::InMemDataset;
use unifocal_burn::{Input, Pooling, Settings};

use crate::brain;
use crate::images::Image;
use crate::phantoms::{self, Difficulty};
use crate::protocol::{ASYMMETRIC, Scale};

/// Images to compare losses on.
#[derive(Clone, Debug)]
pub(crate) struct Set {
    pub(crate) kind: Kind,
    /// Height and width of an image, multiples of 4 for the network.
    pub(crate) size: [usize; 2],
    /// Classes, of which class 0 is the background.
    pub(crate) classes: usize,
    /// The loss has the sums of each image, or those of the batch.
    pub(crate) pooling: Pooling,
}

/// Where the images come from.
#[derive(Clone, Debug)]
pub(crate) enum Kind {
    /// Generated for each seed.
    Phantoms {
        /// The share of the pixels that a lesion covers.
        share: f32,
        /// Images to train on; to validate on; and to test on.
        images: [usize; 3],
    },
    /// Slices of one brain, the same for each seed: to train on; to validate on; and to test on.
    Brain([Vec<Image>; 3]),
}

impl Set {
    /// Phantoms with one lesion each. Sums are those of an image, as each image has a lesion.
    pub(crate) fn phantoms(share: f32, images: [usize; 3]) -> Self {
        Self {
            kind: Kind::Phantoms { share, images },
            size: [48; 2],
            classes: 2,
            pooling: Pooling::PerSample,
        }
    }

    /// The brain in a folder. Sums are those of a batch, as most slices lack most structures.
    pub(crate) fn brain(folder: &Path) -> Result<Self, Box<dyn std::error::Error>> {
        Ok(Self {
            kind: Kind::Brain(brain::read(folder)?),
            size: brain::SIZE,
            classes: 1 + brain::STRUCTURES.len(),
            pooling: Pooling::Batch,
        })
    }

    /// The settings of a loss, which gets logits.
    ///
    /// The region-based side of a symmetric loss counts the foreground alone, as nnU-Net does. The asymmetric loss keeps its definition, in which the
    /// background is the common class, and all others are rare.
    pub(crate) fn settings(&self, loss: &str) -> Settings {
        let settings = Settings::default()
            .with_input(Input::Softmax)
            .with_pooling(self.pooling);
        if loss == ASYMMETRIC {
            return settings;
        }
        let foreground = (0..self.classes).map(|class| f64::from(u8::from(class > 0)));
        settings.with_region_weights(foreground.collect::<Vec<_>>())
    }

    /// The number of Dice scores of this many images: one per phantom, or one per structure.
    pub(crate) fn scores(&self, images: usize) -> usize {
        match self.pooling {
            Pooling::PerSample => images * (self.classes - 1),
            Pooling::Batch => self.classes - 1,
        }
    }

    /// The steps of a training: half as many on large lesions, which are easy, and twice as many on the brain, which has more classes.
    pub(crate) fn steps(&self, scale: &Scale) -> usize {
        match self.kind {
            Kind::Phantoms { share, .. } if share >= 0.05 => scale.steps / 2,
            Kind::Phantoms { .. } => scale.steps,
            Kind::Brain(_) => 2 * scale.steps,
        }
    }

    /// The name of the set.
    pub(crate) fn name(&self) -> Name {
        let (set, share) = match self.kind {
            Kind::Phantoms { share, .. } => (PHANTOMS, Some(share)),
            Kind::Brain(_) => (BRAIN, None),
        };
        let set = set.to_owned();
        Name { set, share }
    }

    /// The images for a seed: to train on; to validate on; and to test on.
    pub(crate) fn images(&self, seed: u64) -> [InMemDataset<Image>; 3] {
        match &self.kind {
            Kind::Phantoms { share, images } => [0, 1, 2].map(|part: u64| {
                let difficulty = Difficulty {
                    size: self.size[0],
                    noise: 0.4,
                    contrast: 1.0,
                    share: *share,
                };
                phantoms::phantoms(images[part as usize], 3 * seed + part, difficulty)
            }),
            Kind::Brain(images) => images.clone().map(InMemDataset::new),
        }
    }
}

/// Names a set.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Name {
    /// `phantoms` or `brain`.
    pub(crate) set: String,
    /// The share of the pixels that a lesion covers, of phantoms.
    pub(crate) share: Option<f32>,
}

pub(crate) const PHANTOMS: &str = "phantoms";
pub(crate) const BRAIN: &str = "brain";

impl Display for Name {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.set)?;
        self.share
            .map_or(Ok(()), |share| write!(f, ", {:.1} %", 100.0 * share))
    }
}
