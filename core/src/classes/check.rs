//! Checks that class options fit the classes.

use super::Classes;
use crate::Error;
use crate::expect::expect_len;
use crate::parameter::Range;

impl Classes<'_> {
    /// Checks that these options are valid for `count` classes.
    ///
    /// # Errors
    ///
    /// The wrong number of weights or alphas; a weight or alpha outside [0, 10³⁰]; no weight above
    /// 0; a rare class that does not exist.
    pub fn check(&self, count: usize) -> Result<(), Error> {
        self.check_regions(count, 1)
    }

    /// Checks that these options are valid for `regions` regions of `count` classes each.
    ///
    /// # Errors
    ///
    /// Those of [`check`](Classes::check).
    pub fn check_regions(&self, count: usize, regions: usize) -> Result<(), Error> {
        if let Some(weights) = self.weights {
            check_each("class weights", "class weight", weights, count)?;
        }
        if let Some(weights) = self.region_weights {
            check_each("region weights", "region weight", weights, count)?;
        }
        if let Some(alpha) = self.alpha {
            let expected = if alpha.len() == count * regions {
                alpha.len()
            } else {
                count
            };
            check_each("values of alpha", "alpha", alpha, expected)?;
        }
        let all = self.weights.into_iter().chain(self.region_weights);
        if all
            .into_iter()
            .any(|weights| weights.iter().sum::<f64>() <= 0.0)
        {
            return Err(Error::NoClassLeft);
        }
        match self.rare.into_iter().flatten().find(|rare| **rare >= count) {
            Some(&found) => Err(Error::RareClass {
                found,
                classes: count,
            }),
            None => Ok(()),
        }
    }

    /// Checks that these options are valid for `groups` groups of `count` classes each.
    pub(crate) fn check_groups(&self, count: usize, groups: usize) -> Result<(), Error> {
        let regions = self.region_count(count);
        self.check_regions(
            count,
            if groups.is_multiple_of(regions) {
                regions
            } else {
                1
            },
        )
    }
}

/// Checks an option that has a value for each of `count` classes.
fn check_each(
    what: &'static str,
    parameter: &'static str,
    values: &[f64],
    count: usize,
) -> Result<(), Error> {
    expect_len(what, values.len(), count)?;
    for value in values {
        Range::WEIGHT.check(parameter, *value)?;
    }
    Ok(())
}
