//! A loss with its settings: everything but the tensors.

use std::ops::RangeInclusive;
use std::sync::Arc;

use burn::tensor::DType;
use serde::{Deserialize, Serialize};
use unifocal_core::{AnyLoss, Settings};

/// Number of sums per class: four terms, Σ v·y and Σ v.
pub(crate) const SUMS: usize = 6;

/// How a loss is computed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Route {
    /// Fused where the device supports it, otherwise composed.
    #[default]
    Auto,
    /// Composed of Burn's tensor operations and differentiated by Burn: slower, with temporaries of the prediction's size.
    Composed,
}

/// A loss, its settings, and how it is computed.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Plan {
    pub(crate) loss: AnyLoss,
    pub(crate) settings: Settings,
    pub(crate) route: Route,
}

impl From<AnyLoss> for Plan {
    fn from(loss: AnyLoss) -> Self {
        Self {
            loss,
            settings: Settings::default(),
            route: Route::default(),
        }
    }
}

impl Plan {
    /// The plan for a single region, whose labels are 0 and 1.
    pub(crate) fn of_one_region(&self) -> Arc<Self> {
        let mut plan = self.clone();
        plan.settings.multilabel = false;
        plan.settings.regions = None;
        plan.settings.ignore_label = None;
        // The sums do not depend on it.
        if let Some(alpha) = &mut plan.settings.class_alpha {
            alpha.truncate(2);
        }
        Arc::new(plan)
    }

    /// The plan for labels of this type: drops an ignored label that the type cannot hold.
    pub(crate) fn beside(self: &Arc<Self>, labels: DType) -> Arc<Self> {
        match self.settings.ignore_label {
            Some(label) if !range(labels).contains(&label) => Arc::new(Self {
                settings: self.settings.clone().with_ignore_label(None::<i64>),
                ..(**self).clone()
            }),
            _ => Arc::clone(self),
        }
    }
}

/// The range of an integer type, cut off at that of `i64`.
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
