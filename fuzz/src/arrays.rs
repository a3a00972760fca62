//! Arrays of any shape and strides give a typed error, or the core's result for a contiguous copy.

use arbitrary::{Result, Unstructured};
use ndarray::{ArrayD, ArrayView2, ArrayViewD, ArrayViewMutD, Axis, Ix2, Slice};
use unifocal_core::{
    Classes, Dense, DenseMut, Error as CoreError, Input, Labels, Layout, Pooling, Regions,
    Segmentation, Soft, UnifiedFocal,
    data::{Channels, Element, Field, ForEachRegion, Shape, Target},
    engine::BuffersMut,
    formula::{ClassSums, class_count},
};
use unifocal_ndarray::{Error, Evaluation};

use crate::numbers::unit;

/// An array viewed with steps and permuted axes.
#[derive(Debug)]
struct Strided<T> {
    base: ArrayD<T>,
    steps: Vec<isize>,
    order: Vec<usize>,
}

impl<T: Copy> Strided<T> {
    fn draw(
        u: &mut Unstructured<'_>,
        shape: &[usize],
        mut number: impl FnMut(&mut Unstructured<'_>) -> Result<T>,
    ) -> Result<Self> {
        let steps = shape
            .iter()
            .map(|_| u.choose(&[1, 1, 1, -1, 2, -3]).copied());
        let steps = steps.collect::<Result<Vec<isize>>>()?;
        let mut order: Vec<usize> = (0..shape.len()).collect();
        if u.ratio(1, 3)? && !order.is_empty() {
            let turn = u.choose_index(order.len())?;
            order.rotate_left(turn);
        }
        let few = [number(u)?, number(u)?, number(u)?, number(u)?, number(u)?];
        // The base has its axes in `order`, each as long as its steps reach.
        let lengths: Vec<usize> = order
            .iter()
            .map(|axis| shape[*axis] * steps[*axis].unsigned_abs())
            .collect();
        let mut seed = u.arbitrary::<u32>()? | 1;
        let base = ArrayD::from_shape_simple_fn(lengths, || {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            few[(seed >> 24) as usize % few.len()]
        });
        Ok(Self { base, steps, order })
    }

    /// For each axis of the view, its axis of the base.
    fn inverse(&self) -> Vec<usize> {
        let axes = 0..self.order.len();
        axes.map(|axis| {
            let place = self.order.iter().position(|other| *other == axis);
            place.expect("`order` is a permutation")
        })
        .collect()
    }

    fn view(&self) -> ArrayViewD<'_, T> {
        let mut view = self.base.view().permuted_axes(self.inverse());
        for (axis, step) in self.steps.iter().enumerate() {
            view.slice_axis_inplace(Axis(axis), Slice::new(0, None, *step));
        }
        view
    }

    fn view_mut(&mut self) -> ArrayViewMutD<'_, T> {
        let inverse = self.inverse();
        let mut view = self.base.view_mut().permuted_axes(inverse);
        for (axis, step) in self.steps.iter().enumerate() {
            view.slice_axis_inplace(Axis(axis), Slice::new(0, None, *step));
        }
        view
    }

    /// A contiguous copy.
    fn plain(&self) -> Vec<T> {
        self.view().iter().copied().collect()
    }
}

/// A shape, sometimes with an empty or a long axis.
fn shape(u: &mut Unstructured<'_>, rank: usize) -> Result<Vec<usize>> {
    let lengths = (0..rank).map(|_| u.choose(&[1, 2, 2, 3, 3, 4, 7, 0, 65]).copied());
    let shape: Vec<usize> = lengths.collect::<Result<_>>()?;
    // Bound the size even if an axis is empty.
    if shape.iter().map(|length| length.max(&1)).product::<usize>() <= 4000 {
        Ok(shape)
    } else {
        Err(arbitrary::Error::IncorrectFormat)
    }
}

/// This shape, or sometimes another one.
fn nearly(u: &mut Unstructured<'_>, expected: &[usize]) -> Result<Vec<usize>> {
    if u.ratio(1, 8)? {
        let rank = u.int_in_range(0..=5)?;
        return shape(u, rank);
    }
    Ok(expected.to_vec())
}

pub fn arrays(u: &mut Unstructured<'_>) -> Result<()> {
    let rank = *u.choose(&[3, 3, 4, 4, 5, 2, 1, 0])?;
    let shape = shape(u, rank)?;
    let layout = *u.choose(&[Layout::ChannelsFirst, Layout::ChannelsLast])?;
    let input = *u.choose(&[Input::Probabilities, Input::Softmax, Input::Sigmoid])?;
    let pooling = *u.choose(&[Pooling::PerSample, Pooling::Batch])?;
    let multilabel = u.ratio(1, 4)?;
    let wild = u.ratio(1, 8)?;
    let prediction = Strided::draw(u, &shape, |u| match input {
        _ if wild => u.arbitrary(),
        Input::Probabilities => unit(u),
        _ => Ok(16.0 * unit(u)? - 8.0),
    })?;
    let mut without: Vec<usize> = shape.clone();
    if rank >= 2 {
        without.remove(match layout {
            Layout::ChannelsFirst => 1,
            Layout::ChannelsLast => rank - 1,
        });
    }
    let weights = if u.ratio(1, 3)? {
        let shape = nearly(u, &without)?;
        Some(Strided::draw(u, &shape, |u| {
            if wild { u.arbitrary() } else { unit(u) }
        })?)
    } else {
        None
    };
    let annotated = if u.ratio(1, 4)? {
        let samples = shape.first().map_or(1, |samples| *samples);
        let channels = match layout {
            Layout::ChannelsFirst => shape.get(1),
            Layout::ChannelsLast => shape.last(),
        };
        let (samples, channels) = (samples + usize::from(u.ratio(1, 8)?), channels.copied());
        // Mostly, the background of several classes is annotated.
        let whole = u.ratio(7, 8)?;
        let mut mask = Strided::draw(u, &[samples, channels.unwrap_or(1)], |u| u.arbitrary())?;
        if whole && !multilabel && channels > Some(1) {
            mask.view_mut().index_axis_mut(Axis(1), 0).fill(true);
        }
        Some(mask)
    } else {
        None
    };
    let gradient_shape = nearly(u, &shape)?;
    let gradient = Strided::draw(u, &gradient_shape, |_| Ok(f64::NAN))?;
    let inputs = Inputs {
        shape,
        without,
        layout,
        input,
        pooling,
        multilabel,
        prediction,
        weights,
        annotated,
    };
    if u.ratio(1, 2)? {
        let shape = nearly(u, &inputs.without)?;
        let classes = inputs.classes().unwrap_or(2) as i64;
        let labels = Strided::draw(u, &shape, |u| {
            if wild {
                u.arbitrary()
            } else {
                u.int_in_range(0..=classes - 1)
            }
        })?;
        let ignored = if u.arbitrary()? {
            Some(u.arbitrary::<i8>()?.into())
        } else {
            None
        };
        let view = labels.view();
        let evaluation =
            Evaluation::labels(inputs.prediction.view(), view).with_ignore_label(ignored);
        let fits = labels.view().shape() == inputs.without;
        let plain = labels.plain();
        if multilabel {
            // Overlapping sets, with labels that name no class.
            let sets: Vec<_> = (0..inputs.channels().unwrap_or(1) as i64)
                .map(|region| vec![region + 1, classes - 1])
                .collect();
            let evaluation = evaluation.with_regions(&sets);
            check(&inputs, evaluation, gradient, fits, |shape| {
                let shape = [shape.samples, shape.voxels];
                let labels = Dense::per_voxel(&plain, shape)?;
                Ok(Regions::new(labels, &sets).with_ignore_label(ignored))
            });
            return Ok(());
        }
        check(&inputs, evaluation, gradient, fits, |shape| {
            let shape = [shape.samples, shape.voxels];
            Ok(Labels::new(Dense::per_voxel(&plain, shape)?).with_ignore_label(ignored))
        });
    } else {
        let shape = nearly(u, &inputs.shape)?;
        let soft = Strided::draw(u, &shape, |u| if wild { u.arbitrary() } else { unit(u) })?;
        let evaluation = Evaluation::soft(inputs.prediction.view(), soft.view());
        let fits = soft.view().shape() == inputs.shape;
        let plain = soft.plain();
        check(&inputs, evaluation, gradient, fits, |shape| {
            let field = Dense::new(&plain, shape, inputs.layout)?;
            Ok(Soft(inputs.apart(field)))
        });
    }
    Ok(())
}

#[derive(Debug)]
struct Inputs {
    shape: Vec<usize>,
    without: Vec<usize>,
    layout: Layout,
    input: Input,
    pooling: Pooling,
    multilabel: bool,
    prediction: Strided<f64>,
    weights: Option<Strided<f64>>,
    annotated: Option<Strided<bool>>,
}

impl Inputs {
    /// Which channels are annotated in each sample.
    fn annotated(&self) -> Option<ArrayView2<'_, bool>> {
        let mask = self.annotated.as_ref()?.view();
        Some(mask.into_dimensionality::<Ix2>().expect("two axes"))
    }

    fn channels(&self) -> Option<usize> {
        match self.layout {
            _ if self.shape.len() < 2 => None,
            Layout::ChannelsFirst => self.shape.get(1).copied(),
            Layout::ChannelsLast => self.shape.last().copied(),
        }
    }

    fn classes(&self) -> Option<usize> {
        self.channels().map(class_count)
    }

    /// The number of regions; 1 if the channels are classes.
    fn regions(&self) -> usize {
        match self.multilabel {
            true => self.channels().unwrap_or(1),
            false => 1,
        }
    }

    /// The channels as samples, if they are regions.
    fn apart<F: Field>(&self, field: F) -> Channels<F> {
        match self.multilabel {
            true => Channels::new(field),
            false => Channels::together(field),
        }
    }

    /// The shape that the core sees, if it is one.
    fn flat(&self) -> Option<Shape> {
        let channels = self.channels()?;
        let len: usize = self.shape.iter().product();
        let samples = *self.shape.first()?;
        (len > 0).then(|| Shape {
            samples,
            channels,
            voxels: len / samples / channels,
        })
    }
}

/// Compares the adapter with the core on contiguous copies.
fn check<'a, T: Target, U: unifocal_ndarray::TargetArray + std::fmt::Debug>(
    inputs: &'a Inputs,
    evaluation: Evaluation<'a, f64, ndarray::IxDyn, U>,
    mut gradient: Strided<f64>,
    target_fits: bool,
    target: impl FnOnce(Shape) -> std::result::Result<T, CoreError>,
) where
    Evaluation<'a, f64, ndarray::IxDyn, U>: Clone,
{
    let mut evaluation = evaluation
        .with_layout(inputs.layout)
        .with_input(inputs.input)
        .with_multilabel(inputs.multilabel)
        .with_pooling(inputs.pooling);
    if let Some(weights) = &inputs.weights {
        evaluation = evaluation.with_voxel_weights(weights.view());
    }
    if let Some(mask) = inputs.annotated() {
        evaluation = evaluation.with_annotated(mask);
    }
    let loss = UnifiedFocal::asymmetric();
    let found = evaluation.value_and_gradient_into(&loss, gradient.view_mut());
    let weights_fit = match &inputs.weights {
        None => true,
        Some(weights) => weights.view().shape() == inputs.without,
    };
    let gradient_fits = gradient.view().shape() == inputs.shape;
    let shape = inputs.flat().filter(|shape| {
        let expected = [shape.samples, shape.channels];
        let annotated = inputs.annotated();
        let mask_fits = annotated.is_none_or(|mask| mask.shape() == expected);
        target_fits && weights_fit && gradient_fits && mask_fits
    });
    let Some(shape) = shape else {
        let error = found.expect_err("mismatched shapes are an error");
        assert!(!error.to_string().is_empty());
        return;
    };
    match (found, reference(inputs, shape, target, &loss)) {
        (Ok(value), Ok((expected, by))) => {
            let bound = 1e-11 * expected.abs().max(1.0);
            assert!(
                value.is_finite() && (value - expected).abs() <= bound,
                "{value} is not {expected} on {inputs:?} with {:?}",
                evaluation
            );
            let largest = by.iter().fold(0.0_f64, |size, x| size.max(x.abs()));
            for (found, expected) in gradient.view().iter().zip(&by) {
                let error = (found - expected).abs();
                assert!(
                    error <= 1e-9 * largest + 1e-290,
                    "{found} is not {expected} on {inputs:?}"
                );
            }
        }
        (Err(Error::Core(found)), Err(expected)) => {
            // Of several faults, either may be reported.
            assert!(!found.to_string().is_empty() && !expected.to_string().is_empty());
        }
        (found, expected) => {
            panic!("found {found:?}, expected {expected:?}, the result of the core")
        }
    }
}

fn reference<T: Target>(
    inputs: &Inputs,
    shape: Shape,
    target: impl FnOnce(Shape) -> std::result::Result<T, CoreError>,
    loss: &UnifiedFocal,
) -> std::result::Result<(f64, Vec<f64>), CoreError> {
    let plain = inputs.prediction.plain();
    let prediction = Dense::new(&plain, shape, inputs.layout)?;
    let mask: Option<Vec<bool>> = inputs.annotated.as_ref().map(Strided::plain);
    let segmentation = Segmentation::new(inputs.apart(prediction), target(shape)?)?
        .with_annotated(mask.as_deref())?
        .with_input(inputs.input)?
        .with_regions(inputs.regions())?
        .with_pooling(inputs.pooling);
    match &inputs.weights {
        None => finish(inputs, &segmentation, loss),
        Some(weights) => {
            let plain = weights.plain();
            let weights = Dense::per_voxel(&plain, [shape.samples, shape.voxels])?;
            let weights = ForEachRegion::new(weights, inputs.regions());
            finish(inputs, &segmentation.with_voxel_weights(weights)?, loss)
        }
    }
}

fn finish<T: Target, W: Field<Item: Element>>(
    inputs: &Inputs,
    segmentation: &Segmentation<Channels<Dense<'_, f64>>, T, W>,
    loss: &UnifiedFocal,
) -> std::result::Result<(f64, Vec<f64>), CoreError> {
    let len = segmentation.buffers_len();
    let (mut sums, mut slopes) = (vec![ClassSums::default(); len], vec![[0.0; 4]; len]);
    let buffers = BuffersMut::new(&mut sums, &mut slopes);
    let mut evaluated = segmentation.evaluate(loss, &Classes::default(), buffers)?;
    let shape = inputs.flat().expect("it has been evaluated");
    let mut gradient = vec![0.0; shape.samples * shape.channels * shape.voxels];
    let out = DenseMut::new(&mut gradient, shape, inputs.layout)?;
    let mut out = match inputs.multilabel {
        true => Channels::new_mut(out),
        false => Channels::together(out),
    };
    evaluated.gradient_into(&mut out)?;
    Ok((evaluated.value(), gradient))
}
