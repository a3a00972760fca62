//! Small masks scored in every way. The same code runs on the host, for the expected values, and on
//! the device.

use unifocal_core::{
    AbsentClass, Buffers, Classes, Dense, DenseMut, Error, Focal, Input, Labels, Layout, Quantized,
    Segmentation, Soft, Tversky, UnifiedFocal,
    data::{Element, Field, Shape, Target},
    formula::Loss,
};

/// More than a chunk, and not a whole number of stretches.
pub const VOXELS: usize = 1100;

/// Numbers computed on access.
struct Computed<F> {
    shape: Shape,
    number: F,
}

impl<T: Copy, F: Fn(usize, usize) -> T> Field for Computed<F> {
    type Item = T;

    fn shape(&self) -> Shape {
        self.shape
    }

    fn get(&self, _: usize, channel: usize, voxel: usize) -> T {
        (self.number)(channel, voxel)
    }
}

/// A predicted lesion in 8-bit probabilities: two runs with soft borders on a noisy background.
pub const PREDICTED: [u8; VOXELS] = {
    let mut mask = [0; VOXELS];
    let mut voxel = 0;
    while voxel < VOXELS {
        let noise = (voxel * 37 + voxel / 7) % 23;
        let place = voxel % 500;
        mask[voxel] = match place {
            200..=260 => 255 - noise as u8,
            190..=199 | 261..=270 => 128 + 4 * noise as u8,
            _ => noise as u8,
        };
        voxel += 1;
    }
    mask
};

/// The true lesion.
pub const DRAWN: [u8; VOXELS] = {
    let mut mask = [0; VOXELS];
    let mut voxel = 0;
    while voxel < VOXELS {
        let place = voxel % 500;
        mask[voxel] = (place >= 195 && place < 268) as u8;
        voxel += 1;
    }
    mask
};

/// The number of scores.
pub const COUNT: usize = 2 * (TVERSKY.len() + FOCAL.len() + UNIFIED.len()) + 8;

const TVERSKY: [fn() -> Tversky; 6] = [
    Tversky::dice,
    Tversky::new,
    Tversky::jaccard,
    Tversky::focal,
    Tversky::symmetric_focal,
    Tversky::asymmetric_focal,
];

const FOCAL: [fn() -> Focal; 4] = [
    Focal::cross_entropy,
    Focal::new,
    Focal::symmetric,
    Focal::asymmetric,
];

const UNIFIED: [fn() -> UnifiedFocal; 3] = [
    UnifiedFocal::symmetric,
    UnifiedFocal::asymmetric,
    UnifiedFocal::tversky_cross_entropy,
];

/// Scores every loss from 8-bit probabilities and from logits of three classes, then every other
/// path of the engine.
pub fn scores() -> Result<[f64; COUNT], Error> {
    let mut scores = [0.0; COUNT];
    let mut next = scores.iter_mut();
    let mut store = |score| {
        if let Some(place) = next.next() {
            *place = score;
        }
    };
    for loss in TVERSKY {
        store(quantized(&loss())?);
        store(softmax(&loss())?);
    }
    for loss in FOCAL {
        store(quantized(&loss())?);
        store(softmax(&loss())?);
    }
    for loss in UNIFIED {
        store(quantized(&loss())?);
        store(softmax(&loss())?);
    }
    store(weighted()?);
    store(soft()?);
    store(absent()?);
    store(pushed()?);
    store(wide()?);
    for wrong in [Wrong::Probability, Wrong::Label, Wrong::Weight] {
        store(refused(wrong)?);
    }
    Ok(scores)
}

fn drawn<'a>() -> Result<Labels<Dense<'a, u8>>, Error> {
    Ok(Labels::new(Dense::per_voxel(&DRAWN, [1, VOXELS])?))
}

/// The number of voxels of the shorter examples.
const FEW: usize = 200;

fn few<'a>() -> Result<Labels<Dense<'a, u8>>, Error> {
    Ok(Labels::new(Dense::per_voxel(
        &DRAWN[100..][..FEW],
        [1, FEW],
    )?))
}

fn logits() -> impl Field<Item = f32> {
    let number =
        |channel, voxel| (f32::from(PREDICTED[(voxel + 11 * channel) % VOXELS]) - 100.0) / 16.0;
    Computed {
        shape: Shape::from([1, 3, VOXELS]),
        number,
    }
}

/// The value of a loss in these buffers.
fn value<const K: usize, const N: usize>(
    segmentation: &Segmentation<impl Field<Item: Element>, impl Target, impl Field<Item: Element>>,
    loss: &impl Loss<K>,
    classes: &Classes<'_>,
    mut buffers: Buffers<K, N>,
) -> Result<f64, Error> {
    Ok(segmentation.evaluate(loss, classes, &mut buffers)?.value())
}

/// 8-bit probabilities q/255.
// Inlined, since moving the result costs code.
#[inline(always)]
fn predicted(numbers: &[u8]) -> Result<Quantized<Dense<'_, u8>>, Error> {
    let field = Dense::channels_first(numbers, [1, 1, numbers.len()])?;
    Quantized::new(field, 1.0 / 255.0, 0)
}

// Not inlined: one frame would hold the buffers of all functions at once.

#[inline(never)]
fn quantized<const K: usize>(loss: &impl Loss<K>) -> Result<f64, Error> {
    let segmentation = Segmentation::new(predicted(&PREDICTED)?, drawn()?)?;
    value(
        &segmentation,
        loss,
        &Classes::default(),
        Buffers::with_len::<2>(),
    )
}

#[inline(never)]
fn softmax<const K: usize>(loss: &impl Loss<K>) -> Result<f64, Error> {
    let segmentation = Segmentation::new(logits(), drawn()?)?.with_input(Input::Softmax)?;
    value(
        &segmentation,
        loss,
        &Classes::default(),
        Buffers::with_len::<3>(),
    )
}

#[inline(never)]
fn weighted() -> Result<f64, Error> {
    let weights = Computed {
        shape: Shape::from([1, 1, VOXELS]),
        number: |_, voxel| [1.0, 0.0, 0.3][voxel / 90 % 3],
    };
    let segmentation = Segmentation::new(logits(), drawn()?)?
        .with_input(Input::Softmax)?
        .with_voxel_weights(weights)?;
    let (loss, classes) = (Focal::symmetric(), Classes::default());
    value(&segmentation, &loss, &classes, Buffers::with_len::<3>())
}

#[inline(never)]
fn soft() -> Result<f64, Error> {
    let share = Computed {
        shape: Shape::from([1, 1, VOXELS]),
        number: |_, voxel: usize| f32::from(PREDICTED[VOXELS - 1 - voxel]) / 255.0,
    };
    let segmentation = Segmentation::new(predicted(&PREDICTED)?, Soft(share))?;
    let (loss, classes) = (Tversky::focal(), Classes::default());
    value(&segmentation, &loss, &classes, Buffers::with_len::<2>())
}

#[inline(never)]
fn absent() -> Result<f64, Error> {
    let none = Labels::new(Dense::per_voxel(&[0_u8; FEW], [1, FEW])?);
    let segmentation = Segmentation::new(predicted(&PREDICTED[..FEW])?, none)?;
    let classes = Classes::default().with_absent_class(AbsentClass::Skip);
    value(
        &segmentation,
        &UnifiedFocal::asymmetric(),
        &classes,
        Buffers::with_len::<2>(),
    )
}

/// A weighted sum of the gradient, which changes with every entry.
#[inline(never)]
fn pushed() -> Result<f64, Error> {
    let logits = Computed {
        shape: Shape::from([1, 1, FEW]),
        number: |_, voxel| (f32::from(PREDICTED[voxel + 100]) - 128.0) / 16.0,
    };
    let segmentation = Segmentation::new(logits, few()?)?.with_input(Input::Sigmoid)?;
    let (loss, classes) = (UnifiedFocal::asymmetric(), Classes::default());
    let (mut buffers, mut gradient) = (Buffers::with_len::<2>(), [0.0_f32; FEW]);
    let mut out = DenseMut::new(&mut gradient, segmentation.shape(), Layout::ChannelsFirst)?;
    segmentation.evaluate_with_gradient(&loss, &classes, &mut buffers, &mut out)?;
    let parts = gradient.iter().zip(1_u32..);
    Ok(parts.map(|(g, i)| f64::from(*g) * f64::from(i)).sum())
}

/// In `f64`.
#[inline(never)]
fn wide() -> Result<f64, Error> {
    let logits = Computed {
        shape: Shape::from([1, 2, FEW]),
        number: |channel, voxel: usize| f64::from(PREDICTED[voxel + 100 + channel]) / 16.0 - 7.5,
    };
    let segmentation = Segmentation::new(logits, few()?)?.with_input(Input::Softmax)?;
    let (loss, classes) = (Tversky::focal(), Classes::default());
    value(&segmentation, &loss, &classes, Buffers::with_len::<2>())
}

/// Which value is invalid.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wrong {
    Probability,
    Label,
    Weight,
}

/// The voxel of the reported error, where one value among many is invalid.
#[inline(never)]
fn refused(wrong: Wrong) -> Result<f64, Error> {
    const AT: usize = 1031;
    let number_or = move |kind, instead: f32, number: f32, voxel| {
        if wrong == kind && voxel == AT {
            instead
        } else {
            number
        }
    };
    let shape = Shape::from([1, 1, VOXELS]);
    let prediction = Computed {
        shape,
        number: |_, voxel| {
            let p = f32::from(PREDICTED[voxel]) / 255.0;
            number_or(Wrong::Probability, 1.5, p, voxel)
        },
    };
    let labels = Computed {
        shape,
        number: |_, voxel| number_or(Wrong::Label, 2.0, f32::from(DRAWN[voxel]), voxel) as u8,
    };
    let weights = Computed {
        shape,
        number: |_, voxel| number_or(Wrong::Weight, f32::NAN, 0.5, voxel),
    };
    let segmentation =
        Segmentation::new(prediction, Labels::new(labels))?.with_voxel_weights(weights)?;
    let (loss, classes) = (Tversky::dice(), Classes::default());
    match value(&segmentation, &loss, &classes, Buffers::with_len::<2>()) {
        Err(Error::Value { at, .. } | Error::Label { at, .. }) => Ok(at.voxel as f64),
        other => other,
    }
}

/// The Dice loss of the 8-bit prediction, the first of the scores.
#[allow(dead_code, reason = "the build script needs the scores only")]
pub fn dice() -> Result<f64, Error> {
    let labels = Labels::new(Dense::per_voxel(&DRAWN, [1, VOXELS])?);
    let segmentation = Segmentation::new(predicted(&PREDICTED)?, labels)?;
    let mut buffers = Buffers::with_len::<2>();
    let evaluated = segmentation.evaluate(&Tversky::dice(), &Classes::default(), &mut buffers)?;
    Ok(evaluated.value())
}
