//! A loss with its settings: everything but the tensors and the reduction.

use unifocal_core::{
    AnyLoss, Pooling, Settings,
    formula::{ClassSums, Loss, Real},
};

/// How a loss is computed and differentiated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Route {
    /// Analytic gradients, which reuse the sums of the forward pass. On the CPU, vector code runs directly on the tensors' memory;
    /// elsewhere as [operations](Route::Operations). It can be differentiated once.
    #[default]
    Fused,
    /// The same, computed by libtorch's operations on any device.
    Operations,
    /// Composed of operations that libtorch records and can differentiate any number of times. The recorded graph takes some twenty times
    /// the prediction's memory.
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
    /// The plan for regions that are samples with one channel each, whose labels are 0 and 1.
    pub(crate) fn of_one_region(&self) -> Self {
        let mut plan = self.clone();
        plan.settings.multilabel = false;
        plan.settings.regions = None;
        plan.settings.ignore_label = None;
        // The sums do not depend on it.
        if let Some(alpha) = &mut plan.settings.class_alpha {
            alpha.truncate(2);
        }
        plan.settings.pooling = Pooling::PerSample;
        plan
    }

    /// The plan for sums per sample.
    pub(crate) fn per_sample(&self) -> Self {
        let mut plan = self.clone();
        plan.settings.pooling = Pooling::PerSample;
        plan
    }

    /// The plan for one region, if the regions differ in α.
    pub(crate) fn of_region(&self, region: usize, count: usize) -> Self {
        let mut plan = self.clone();
        if let Some(alpha) = &self.settings.class_alpha {
            plan.settings.class_alpha = alpha.chunks(count).map(Vec::from).nth(region);
        }
        plan
    }

    /// The loss of class `index` of `count`, where groups follow each other.
    pub(crate) fn score<R: Real>(&self, index: usize, count: usize, sums: &ClassSums<R, 4>) -> R {
        let classes = self.settings.classes().of_group(index / count, count);
        let class = classes.class(index % count, count);
        self.loss.finalize(&class, sums).total()
    }
}
