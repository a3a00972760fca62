//! All that is said of a loss besides its tensors.

use serde::{Deserialize, Serialize};
use unifocal_core::{AbsentClass, Activation, AnyLoss, Classes, Pooling};

/// How many sums a class has: the four of its terms, Σ v·y and Σ v.
pub(crate) const SUMS: usize = 6;

/// How a loss is computed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Route {
    /// Fused where the device has it, composed elsewhere.
    #[default]
    Auto,
    /// Composed of Burn's tensor operations, which Burn differentiates: slower, and with temporaries of the prediction's size.
    Composed,
}

/// A loss, and all that is said of it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Plan {
    pub(crate) loss: AnyLoss,
    pub(crate) activation: Activation,
    pub(crate) pooling: Pooling,
    pub(crate) ignored: Option<i64>,
    pub(crate) class_weights: Option<Vec<f64>>,
    pub(crate) alpha: Option<Vec<f64>>,
    pub(crate) rare: Option<Vec<usize>>,
    pub(crate) absent: AbsentClass,
    pub(crate) route: Route,
}

impl From<AnyLoss> for Plan {
    /// The loss, of which nothing is said.
    fn from(loss: AnyLoss) -> Self {
        Self {
            loss,
            activation: Activation::Identity,
            pooling: Pooling::PerSample,
            ignored: None,
            class_weights: None,
            alpha: None,
            rare: None,
            absent: AbsentClass::Smooth,
            route: Route::Auto,
        }
    }
}

impl Plan {
    /// What is said of the classes.
    pub(crate) fn classes(&self) -> Classes<'_> {
        let mut classes = Classes::default().with_absent(self.absent);
        if let Some(weights) = &self.class_weights {
            classes = classes.with_weights(weights);
        }
        if let Some(alpha) = &self.alpha {
            classes = classes.with_alpha(alpha);
        }
        if let Some(rare) = &self.rare {
            classes = classes.with_rare(rare);
        }
        classes
    }
}
