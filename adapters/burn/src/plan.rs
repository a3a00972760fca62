//! All that is said of a loss besides its tensors.

use std::ops::RangeInclusive;
use std::sync::Arc;

use burn::tensor::DType;
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
    /// The same beside labels of this type: a label that the type does not hold can be none of theirs.
    pub(crate) fn beside(self: &Arc<Self>, labels: DType) -> Arc<Self> {
        match self.ignored {
            Some(label) if !range(labels).contains(&label) => Arc::new(Self {
                ignored: None,
                ..(**self).clone()
            }),
            _ => Arc::clone(self),
        }
    }

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

/// The numbers that integers of this type can be, as far as `i64` goes.
pub(crate) fn range(dtype: DType) -> RangeInclusive<i64> {
    match dtype {
        DType::I8 => i8::MIN.into()..=i8::MAX.into(),
        DType::I16 => i16::MIN.into()..=i16::MAX.into(),
        DType::I32 => i32::MIN.into()..=i32::MAX.into(),
        DType::U8 => 0..=u8::MAX.into(),
        DType::U16 => 0..=u16::MAX.into(),
        DType::U32 => 0..=u32::MAX.into(),
        DType::U64 => 0..=i64::MAX,
        _ => i64::MIN..=i64::MAX,
    }
}
