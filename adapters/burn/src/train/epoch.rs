//! The state of a metric: the scores of the epoch so far, and of the last batch.

use burn::tensor::TensorReadError;
use burn::train::metric::{NumericEntry, SerializedEntry, format_float};
use unifocal_core::{
    Pooling, Scores, Settings,
    formula::{ClassSums, Loss},
};

use super::output::failure;

/// The digits after the point that are displayed.
const PRECISION: usize = 4;

/// A score of one class, or the value over all of them.
#[derive(Clone, Debug)]
pub(super) struct Epoch<L> {
    pub(super) loss: L,
    pub(super) settings: Settings,
    pub(super) class: Option<usize>,
    all: Option<Scores<L>>,
    last: Option<(Scores<L>, usize)>,
    samples: usize,
}

/// A value and the number of samples that it stands for.
type Counted = Option<(f64, usize)>;

impl<L: Loss<4>> Epoch<L> {
    pub(super) fn new(loss: L, settings: Settings) -> Self {
        Self {
            loss,
            settings,
            class: None,
            all: None,
            last: None,
            samples: 0,
        }
    }

    /// Adds the sums of a batch of so many samples and classes.
    pub(super) fn update(
        &mut self,
        sums: &[ClassSums<f64, 4>],
        samples: usize,
        classes: usize,
    ) -> Result<SerializedEntry, TensorReadError> {
        if let Some(class) = self.class.filter(|class| *class >= classes) {
            return Err(failure(format!(
                "class {class} of the metric does not exist: there are {classes} classes"
            )));
        }
        let error = |error: unifocal_core::Error| failure(error.to_string());
        let empty = || Scores::new(self.loss, classes, self.settings.clone()).map_err(error);
        let mut last = empty()?;
        last.add(sums).map_err(error)?;
        let mut all = match self.all.take() {
            Some(all) => all,
            None => empty()?,
        };
        all.add(sums).map_err(error)?;
        (self.all, self.last) = (Some(all), Some((last, samples)));
        self.samples += samples;
        Ok(self.entry(self.value()))
    }

    /// The entry of the whole epoch.
    pub(super) fn compute(&self) -> SerializedEntry {
        let is_known = self.of_epoch().is_some();
        self.entry(is_known.then(|| self.final_value()))
    }

    pub(super) fn clear(&mut self) {
        *self = Self {
            class: self.class,
            ..Self::new(self.loss, self.settings.clone())
        };
    }

    pub(super) fn value(&self) -> Option<NumericEntry> {
        self.of_last().map(aggregated)
    }

    pub(super) fn running_value(&self) -> Option<NumericEntry> {
        self.of_epoch().map(aggregated)
    }

    pub(super) fn final_value(&self) -> NumericEntry {
        NumericEntry::Final(self.of_epoch().map_or(f64::NAN, |(value, _)| value))
    }

    fn of_last(&self) -> Counted {
        let (last, samples) = self.last.as_ref()?;
        self.counted(last, *samples)
    }

    fn of_epoch(&self) -> Counted {
        self.counted(self.all.as_ref()?, self.samples)
    }

    /// The score of the class, or of all classes.
    fn counted(&self, scores: &Scores<L>, samples: usize) -> Counted {
        let (value, counted) = match self.class {
            Some(class) => (
                scores.per_class().get(class).copied().flatten(),
                scores.counted_per_class()[class],
            ),
            None => (scores.value(), scores.counted()),
        };
        // Over the whole batch, all its samples are one.
        let samples = match self.settings.pooling {
            Pooling::PerSample => counted,
            Pooling::Batch => samples,
        };
        value.map(|value| (value, samples))
    }

    /// The text to display, with the number to log; none where nothing counts.
    fn entry(&self, logged: Option<NumericEntry>) -> SerializedEntry {
        let shown = |counted: Counted| match counted {
            Some((value, _)) => format_float(value, PRECISION),
            None => SerializedEntry::NOT_AVAILABLE.to_owned(),
        };
        let (epoch, batch) = (shown(self.of_epoch()), shown(self.of_last()));
        SerializedEntry::new(
            format!("epoch {epoch} - batch {batch}"),
            logged.map_or_else(
                || SerializedEntry::NOT_AVAILABLE.to_owned(),
                |entry| entry.serialize(),
            ),
        )
    }
}

fn aggregated((aggregated_value, count): (f64, usize)) -> NumericEntry {
    NumericEntry::Aggregated {
        aggregated_value,
        count,
    }
}

/// `name [part, part]`, or the name alone.
pub(super) fn named(name: &str, parts: &[String]) -> String {
    match parts {
        [] => name.to_owned(),
        parts => format!("{name} [{}]", parts.join(", ")),
    }
}
