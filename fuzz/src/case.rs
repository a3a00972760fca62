//! Draws a prediction and its target, with random settings.

use std::ops::Range;

use arbitrary::{Arbitrary, Result, Unstructured};
use unifocal_core::{
    AbsentClass, AnyLoss, BuffersMut, ClassSums, Content, Dense, DenseMut, Element, Error, Extent,
    Field, Float, Input, Labels, Layout, Pooling, Segmentation, Settings, Shape, Soft, Target,
    class_count,
};

/// The ignored label, in cases that have one.
pub const IGNORED: u8 = 255;

/// A prediction [N, C, voxels] and its target, with settings.
#[derive(Clone, Debug)]
pub struct Case {
    pub shape: Shape,
    pub settings: Settings,
    pub prediction: Vec<f64>,
    pub truth: Truth,
    pub weights: Option<Vec<f64>>,
    pub layout: Layout,
}

/// The target of a case.
#[derive(Clone, Debug)]
pub enum Truth {
    /// [N, voxels].
    Labels(Vec<u8>),
    /// [N, C, voxels].
    Soft(Vec<f64>),
}

/// The numbers that a prediction is drawn from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Numbers {
    /// All valid numbers.
    All,
    /// Numbers that f32 can represent well: nothing underflows in f32.
    Plain,
    /// Numbers on which central differences are accurate: probabilities in (0.02, 0.98), logits in (−4, 4).
    Inner,
}

/// The result of evaluating a case.
#[derive(Clone, Debug)]
pub struct Outcome {
    pub value: f64,
    /// [N, C, voxels].
    pub gradient: Vec<f64>,
    pub sums: Vec<ClassSums<f64, 4>>,
}

/// One of the special numbers, or one from the ordinary range.
fn number(u: &mut Unstructured<'_>, special: &[f64], ordinary: Range<f64>) -> Result<f64> {
    let code = usize::from(u.arbitrary::<u8>()?);
    Ok(match special.get(code) {
        Some(number) => *number,
        None => {
            let share = f64::from(u.arbitrary::<u16>()?) / 65_535.0;
            ordinary.start + share * (ordinary.end - ordinary.start)
        }
    })
}

/// A number in [0, 1].
pub fn unit(u: &mut Unstructured<'_>) -> Result<f64> {
    let special = [
        0.0,
        1.0,
        0.5,
        1e-7,
        1e-30,
        1e-45,
        1e-310,
        1.0 - 1e-7,
        1.0 - 1e-16,
        1e-3,
        0.999,
        0.0,
        1.0,
    ];
    number(u, &special, 0.0..1.0)
}

fn probability(u: &mut Unstructured<'_>, numbers: Numbers) -> Result<f64> {
    match numbers {
        Numbers::All => unit(u),
        Numbers::Plain => number(u, &[0.0, 1.0, 0.5, 1e-7, 1e-3, 1.0 - 1e-6], 0.0..1.0),
        Numbers::Inner => number(u, &[], 0.02..0.98),
    }
}

fn logit(u: &mut Unstructured<'_>, numbers: Numbers) -> Result<f64> {
    let special = [
        0.0, 30.0, -30.0, 88.0, -88.0, 104.0, 745.0, -745.0, 1e4, -1e4, 1e30, -1e30, 3e38, -3e38,
    ];
    match numbers {
        Numbers::All => number(u, &special, -8.0..8.0),
        Numbers::Plain => number(u, &special[..3], -8.0..8.0),
        Numbers::Inner => number(u, &[], -4.0..4.0),
    }
}

/// The weight of a voxel or a class.
fn weight(u: &mut Unstructured<'_>, numbers: Numbers) -> Result<f64> {
    let special = [0.0, 1.0, 1.0, 0.5, 1e-300, 1e30];
    match numbers {
        Numbers::All => number(u, &special, 0.0..2.0),
        _ => number(u, &special[..4], 0.25..2.0),
    }
}

/// Run lengths of voxels with the same target: mostly short, some longer than a stretch or a chunk.
const RUNS: [usize; 16] = [1, 1, 1, 1, 2, 2, 3, 5, 8, 13, 62, 64, 65, 130, 300, 1000];

impl Case {
    /// Draws a case with numbers of this kind.
    pub fn draw(u: &mut Unstructured<'_>, numbers: Numbers) -> Result<Self> {
        let channels = *u.choose(&[1, 2, 2, 2, 3, 3, 4, 9])?;
        let samples = *u.choose(&[1, 1, 1, 2])?;
        // Mostly small cases: they reach the edge cases, and many of them run in the same time.
        let large = numbers != Numbers::Inner && u.ratio(1, 64)?;
        let (samples, runs) = if large {
            (1, &RUNS[..])
        } else {
            (samples, &RUNS[..10])
        };
        let count = u.int_in_range(1..=4)?;
        let lengths = (0..count).map(|_| u.choose(runs).copied());
        let lengths = lengths.collect::<Result<Vec<_>>>()?;
        let shape = Shape::from([samples, channels, lengths.iter().sum()]);
        let input = match u.int_in_range(0..=2)? {
            1 => Input::Sigmoid,
            2 if channels > 1 => Input::Softmax,
            _ => Input::Probabilities,
        };
        let mut case = Self {
            shape,
            settings: Settings::default().with_input(input),
            prediction: vec![0.0; samples * channels * shape.voxels],
            truth: Truth::Labels(vec![0; samples * shape.voxels]),
            weights: None,
            layout: *u.choose(&[Layout::ChannelsFirst, Layout::ChannelsLast])?,
        };
        case.settings.pooling = *u.choose(&[Pooling::PerSample, Pooling::Batch])?;
        case.settings.absent_class = *u.choose(&[AbsentClass::Smooth, AbsentClass::Skip])?;
        let classes = case.classes();
        let (soft, ignoring, weighted) = (u.ratio(1, 3)?, u.ratio(1, 3)?, u.ratio(1, 3)?);
        let mut labels = Vec::new();
        let mut weights = Vec::new();
        let mut shares = vec![0.0; case.prediction.len()];
        for sample in 0..samples {
            let mut start = 0;
            for length in &lengths {
                let voxels = start..start + length;
                start += length;
                for channel in 0..channels {
                    let mut given = || match input {
                        Input::Probabilities => probability(u, numbers),
                        Input::Softmax | Input::Sigmoid => logit(u, numbers),
                    };
                    // Neighbouring voxels differ.
                    let pair = [given()?, given()?];
                    let y = if soft { unit(u)? } else { 0.0 };
                    for voxel in voxels.clone() {
                        let at = case.at(sample, channel, voxel);
                        case.prediction[at] = pair[voxel % 2];
                        shares[at] = y;
                    }
                }
                let label = if ignoring && u.ratio(1, 4)? {
                    IGNORED
                } else {
                    u.int_in_range(0..=classes as u8 - 1)?
                };
                labels.extend(voxels.clone().map(|_| label));
                if weighted {
                    let weight = weight(u, numbers)?;
                    weights.extend(voxels.map(|_| weight));
                }
            }
        }
        case.truth = if soft {
            Truth::Soft(shares)
        } else {
            Truth::Labels(labels)
        };
        case.weights = weighted.then_some(weights);
        if u.ratio(1, 4)? {
            case.settings.rare_classes = Some(vec![u.choose_index(classes)?]);
        }
        if u.ratio(1, 4)? {
            let mut weights = (0..classes)
                .map(|_| weight(u, numbers))
                .collect::<Result<Vec<_>>>()?;
            if weights.iter().sum::<f64>() <= 0.0 {
                weights[0] = 1.0;
            }
            case.settings.class_weights = Some(weights);
        }
        if u.ratio(1, 4)? {
            let alpha = (0..classes).map(|_| weight(u, numbers));
            case.settings.class_alpha = Some(alpha.collect::<Result<_>>()?);
        }
        Ok(case)
    }

    pub fn classes(&self) -> usize {
        class_count(self.shape.channels)
    }

    /// The index of a number of the prediction.
    pub fn at(&self, sample: usize, channel: usize, voxel: usize) -> usize {
        (sample * self.shape.channels + channel) * self.shape.voxels + voxel
    }

    /// The voxel's weight; 0 if the voxel is ignored.
    pub fn weight(&self, sample: usize, voxel: usize) -> f64 {
        let at = sample * self.shape.voxels + voxel;
        match &self.truth {
            Truth::Labels(labels) if labels[at] == IGNORED => 0.0,
            _ => self.weights.as_ref().map_or(1.0, |weights| weights[at]),
        }
    }

    /// Evaluates the value, the sums and the gradient in f64.
    pub fn evaluate(&self, loss: &AnyLoss) -> core::result::Result<Outcome, Error> {
        self.evaluate_in(loss, |x| x)
    }

    /// Evaluates in f32.
    pub fn evaluate_narrow(&self, loss: &AnyLoss) -> core::result::Result<Outcome, Error> {
        self.evaluate_in(loss, |x| x as f32)
    }

    fn evaluate_in<T: Element<Real = T> + Float>(
        &self,
        loss: &AnyLoss,
        narrow: fn(f64) -> T,
    ) -> core::result::Result<Outcome, Error> {
        let Shape {
            samples, voxels, ..
        } = self.shape;
        let prediction: Vec<T> = self.laid_out(&self.prediction, narrow);
        let soft: Vec<T> = match &self.truth {
            Truth::Labels(_) => Vec::new(),
            Truth::Soft(shares) => self.laid_out(shares, narrow),
        };
        let truth = match &self.truth {
            Truth::Labels(labels) => AnyTarget::Labels(
                Labels::new(Dense::labels(labels, [samples, voxels])?)
                    .with_ignore_label(i64::from(IGNORED)),
            ),
            Truth::Soft(_) => AnyTarget::Soft(Soft(Dense::new(&soft, self.shape, self.layout)?)),
        };
        let weights = match &self.weights {
            None => Weights::One(self.shape.without_channels()),
            Some(weights) => Weights::Given(Dense::labels(weights, [samples, voxels])?),
        };
        let segmentation =
            Segmentation::new(Dense::new(&prediction, self.shape, self.layout)?, truth)?
                .with_input(self.settings.input)?
                .with_voxel_weights(weights)?
                .with_pooling(self.settings.pooling);
        let classes = self.settings.classes();
        let len = segmentation.buffers_len();
        let (mut sums, mut slopes) = (vec![ClassSums::default(); len], vec![[0.0; 4]; len]);
        let buffers = BuffersMut::new(&mut sums, &mut slopes);
        let mut evaluated = segmentation.evaluate(loss, &classes, buffers)?;
        let mut written = vec![T::default(); prediction.len()];
        let mut out = DenseMut::new(&mut written, self.shape, self.layout)?;
        evaluated.gradient_into(&mut out)?;
        let value = evaluated.value();
        let written = Dense::new(&written, self.shape, self.layout)?;
        let mut gradient = Vec::with_capacity(self.prediction.len());
        self.for_each(|sample, channel, voxel| {
            gradient.push(written.get(sample, channel, voxel).to_f64());
        });
        Ok(Outcome {
            value,
            gradient,
            sums,
        })
    }

    /// Calls `visit` with sample, channel and voxel of every number of the prediction, in order.
    pub fn for_each(&self, mut visit: impl FnMut(usize, usize, usize)) {
        for sample in 0..self.shape.samples {
            for channel in 0..self.shape.channels {
                for voxel in 0..self.shape.voxels {
                    visit(sample, channel, voxel);
                }
            }
        }
    }

    /// Rearranges numbers [N, C, voxels] to the layout of the case.
    fn laid_out<T: Float>(&self, numbers: &[f64], narrow: fn(f64) -> T) -> Vec<T> {
        let Shape {
            channels, voxels, ..
        } = self.shape;
        let mut out: Vec<T> = numbers.iter().map(|x| narrow(*x)).collect();
        if self.layout == Layout::ChannelsLast {
            self.for_each(|sample, channel, voxel| {
                out[(sample * voxels + voxel) * channels + channel] =
                    narrow(numbers[self.at(sample, channel, voxel)]);
            });
        }
        out
    }

    /// Rounds every number to f32.
    pub fn rounded(mut self) -> Self {
        let round = |numbers: &mut Vec<f64>| {
            for x in numbers {
                *x = f64::from(*x as f32);
            }
        };
        round(&mut self.prediction);
        if let Truth::Soft(shares) = &mut self.truth {
            round(shares);
        }
        self
    }

    /// Turns a one-channel prediction (probabilities or sigmoid logits) into a two-channel one. The background's probability and target are
    /// 1 − p and 1 − y, rounded to f32 as in an f32 evaluation; its logit is −z.
    pub fn apart(&self) -> Self {
        let voxels = self.shape.voxels;
        let both = |numbers: &[f64], rest: fn(f64) -> f64| -> Vec<f64> {
            let rows = numbers.chunks(voxels);
            rows.flat_map(|row| {
                let rest = row.iter().copied().map(rest);
                rest.chain(row.iter().copied()).collect::<Vec<_>>()
            })
            .collect()
        };
        let rounded = |x| f64::from(1.0 - x as f32);
        Self {
            shape: Shape {
                channels: 2,
                ..self.shape
            },
            prediction: match self.settings.input {
                Input::Probabilities => both(&self.prediction, rounded),
                _ => both(&self.prediction, |z| -z),
            },
            truth: match &self.truth {
                Truth::Labels(labels) => Truth::Labels(labels.clone()),
                Truth::Soft(shares) => Truth::Soft(both(shares, rounded)),
            },
            ..self.clone()
        }
    }

    /// Selects these voxels of every sample; they may be reordered, repeated or left out.
    pub fn pick(&self, voxels: &[usize]) -> Self {
        let shape = Shape {
            voxels: voxels.len(),
            ..self.shape
        };
        let rows = |numbers: &[f64]| -> Vec<f64> {
            let rows = numbers.chunks(self.shape.voxels);
            rows.flat_map(|row| voxels.iter().map(|voxel| row[*voxel]))
                .collect()
        };
        Self {
            shape,
            prediction: rows(&self.prediction),
            truth: match &self.truth {
                Truth::Labels(labels) => {
                    let rows = labels.chunks(self.shape.voxels);
                    Truth::Labels(
                        rows.flat_map(|row| voxels.iter().map(|voxel| row[*voxel]))
                            .collect(),
                    )
                }
                Truth::Soft(shares) => Truth::Soft(rows(shares)),
            },
            weights: self.weights.as_ref().map(|weights| rows(weights)),
            ..self.clone()
        }
    }
}

impl<'a> Arbitrary<'a> for Case {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        Self::draw(u, Numbers::All)
    }
}

/// Either kind of target in one type, so that the engine is compiled only once.
enum AnyTarget<'a, T> {
    Labels(Labels<Dense<'a, u8>>),
    Soft(Soft<Dense<'a, T>>),
}

macro_rules! either {
    ($target:expr, $inner:ident => $call:expr) => {
        match $target {
            AnyTarget::Labels($inner) => $call,
            AnyTarget::Soft($inner) => $call,
        }
    };
}

impl<T: Element> Target for AnyTarget<'_, T> {
    fn shape(&self) -> Shape {
        either!(self, target => target.shape())
    }

    fn expected_shape(&self, prediction: Shape) -> Shape {
        either!(self, target => target.expected_shape(prediction))
    }

    fn check(
        &self,
        sample: usize,
        voxel: usize,
        classes: usize,
    ) -> core::result::Result<bool, Error> {
        either!(self, target => target.check(sample, voxel, classes))
    }

    fn get<R: Float>(&self, sample: usize, class: usize, voxel: usize, classes: usize) -> R {
        either!(self, target => target.get(sample, class, voxel, classes))
    }

    fn survey(
        &self,
        sample: usize,
        voxels: Range<usize>,
        classes: usize,
        contents: &mut [Content],
    ) {
        either!(self, target => target.survey(sample, voxels, classes, contents));
    }

    fn cover<R: Float>(
        &self,
        sample: usize,
        class: usize,
        voxels: Range<usize>,
        classes: usize,
        y: &mut [R],
        covered: &mut [Extent],
    ) {
        either!(self, target => target.cover(sample, class, voxels, classes, y, covered));
    }
}

/// Voxel weights, if any.
enum Weights<'a> {
    One(Shape),
    Given(Dense<'a, f64>),
}

impl Field for Weights<'_> {
    type Item = f64;

    fn shape(&self) -> Shape {
        match self {
            Self::One(shape) => *shape,
            Self::Given(weights) => weights.shape(),
        }
    }

    fn get(&self, sample: usize, channel: usize, voxel: usize) -> f64 {
        match self {
            Self::One(_) => 1.0,
            Self::Given(weights) => weights.get(sample, channel, voxel),
        }
    }

    fn slice(&self, sample: usize, channel: usize, voxels: Range<usize>) -> Option<&[f64]> {
        match self {
            Self::One(_) => None,
            Self::Given(weights) => weights.slice(sample, channel, voxels),
        }
    }

    fn constant(&self) -> Option<f64> {
        match self {
            Self::One(_) => Some(1.0),
            Self::Given(_) => None,
        }
    }
}
