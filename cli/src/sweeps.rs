//! The sweeps over the voxels that give the sums of several losses. Losses share the sums that they have in common.

use unifocal_ndarray::core::{
    AnyLoss, Focal, Tversky, UnifiedFocal,
    formula::{ClassSums, Clip},
};

use crate::loss::Chosen;

/// The sums of a loss, or of a class in a sample.
pub(crate) type Sums = ClassSums<f64, 4>;

/// The sweeps, and which of them gives the sums of each loss.
#[derive(Debug, Default)]
pub(crate) struct Sweeps {
    regions: Vec<Tversky>,
    distributions: Vec<(Focal, bool)>,
    /// Losses that share no sums with others.
    others: Vec<AnyLoss>,
    sources: Vec<Source>,
}

/// The sweeps that give the sums of a loss.
#[derive(Clone, Copy, Debug)]
enum Source {
    /// Of its two sides.
    Sides {
        region: Option<usize>,
        distribution: Option<usize>,
    },
    /// One of the others.
    Other(usize),
}

impl Sweeps {
    pub(crate) fn of<'a>(losses: impl IntoIterator<Item = &'a Chosen>) -> Self {
        let mut sweeps = Self::default();
        for loss in losses {
            let (region, distribution) = match loss.loss {
                AnyLoss::Tversky(region) => (Some(region), None),
                AnyLoss::Focal(distribution) => (None, Some(distribution)),
                AnyLoss::UnifiedFocal(both) => (Some(both.region()), Some(both.distribution())),
                AnyLoss::Matthews(_) | AnyLoss::HardVoxels(_) => {
                    let place = place(&mut sweeps.others, loss.loss, |loss| *loss);
                    sweeps.sources.push(Source::Other(place));
                    continue;
                }
            };
            let distribution = distribution.map(|side| (side, loss.is_asymmetric()));
            let source = Source::Sides {
                region: region.map(|side| place(&mut sweeps.regions, side, region_terms)),
                distribution: distribution
                    .map(|side| place(&mut sweeps.distributions, side, distribution_terms)),
            };
            sweeps.sources.push(source);
        }
        sweeps
    }

    /// The loss whose sums each sweep adds up. It is an [`AnyLoss`] because the engine is compiled for each type.
    pub(crate) fn losses(&self) -> Vec<AnyLoss> {
        let loss = |index| {
            let region = self.regions.get(index);
            let distribution = self.distributions.get(index).map(|(side, _)| side);
            Some(match (region, distribution) {
                (Some(region), Some(side)) => UnifiedFocal::sum(*region, *side).into(),
                (Some(region), None) => (*region).into(),
                (None, side) => (*side?).into(),
            })
        };
        let sides = (0..self.of_sides()).filter_map(loss);
        sides.chain(self.others.iter().copied()).collect()
    }

    /// How many sweeps give the sums of sides.
    fn of_sides(&self) -> usize {
        self.regions.len().max(self.distributions.len())
    }

    /// The sums of the loss with this index, from those of all sweeps.
    pub(crate) fn sums(&self, loss: usize, swept: &[Vec<Sums>]) -> Vec<Sums> {
        let (region, distribution) = match self.sources[loss] {
            Source::Sides {
                region,
                distribution,
            } => (region, distribution),
            Source::Other(place) => return swept[self.of_sides() + place].clone(),
        };
        let of = |side: Option<usize>, place: usize| side.map(|sweep| swept[sweep][place]);
        let voxels = swept.first().map_or(&[][..], |sums| sums);
        let sums = voxels.iter().enumerate().map(|(place, sums)| {
            let [tp, fp, fn_, _] = of(region, place).map_or([0.0; 4], |sums| sums.terms);
            let [.., f] = of(distribution, place).map_or([0.0; 4], |sums| sums.terms);
            sums.with_terms([tp, fp, fn_, f])
        });
        sums.collect()
    }
}

/// The place of a side with the same terms as this one, which is added if there is none.
fn place<S: Copy, K: PartialEq>(sides: &mut Vec<S>, side: S, terms: fn(&S) -> K) -> usize {
    let known = sides.iter().position(|known| terms(known) == terms(&side));
    known.unwrap_or_else(|| {
        sides.push(side);
        sides.len() - 1
    })
}

/// The terms TP, FP and FN depend on these parameters: the order, the exponent of the noise-robust loss, and the clip.
fn region_terms(side: &Tversky) -> (Option<u32>, Option<f64>, Option<Clip>) {
    let exponent = side.noise_robust().then_some(side.gamma());
    (side.order(), exponent, side.clip())
}

/// The term F depends on these parameters: γ, whether it applies to common classes only, the form of the term, label smoothing, and the clip.
fn distribution_terms(
    (side, asymmetric): &(Focal, bool),
) -> (f64, bool, [f64; 2], bool, Option<Clip>) {
    let coefficients = [side.poly(), side.label_smoothing()];
    let is_exponential = side.is_exponential();
    (
        side.gamma(),
        *asymmetric,
        coefficients,
        is_exponential,
        side.clip(),
    )
}

#[cfg(test)]
mod tests {
    use unifocal_ndarray::core::catalogue::Name;

    use super::*;

    /// All losses of the catalogue need few sweeps, and a loss alone needs its own.
    #[test]
    fn losses_share_sweeps() {
        let all: Vec<Chosen> = Name::ALL.into_iter().map(Chosen::default_of).collect();
        let sweeps = Sweeps::of(&all).losses().len();
        assert!(sweeps <= 9, "{sweeps} sweeps for {} losses", all.len());
        for loss in &all {
            let [sweep] = Sweeps::of([loss]).losses()[..] else {
                panic!("several sweeps for {}", loss.name)
            };
            let same_type = std::mem::discriminant(&sweep) == std::mem::discriminant(&loss.loss);
            assert!(same_type, "{}", loss.name);
        }
    }
}
