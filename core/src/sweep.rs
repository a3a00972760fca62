//! The two sweeps over the voxels: one adds up the terms, the other writes the gradient.
//!
//! A sample is swept in chunks, which stay in the first cache while all classes look at them; a chunk in stretches, each of
//! which lies inside of a class, outside of it, or across its border, and is left to a [`kernel`] for that. Terms
//! are added up in the precision of the prediction over a chunk, and in `f64` beyond.
//!
//! What is done here is decided once a stretch or once a chunk; the loops are in the kernels, which an adapter compiles for the
//! vectors of several processors.

use core::ops::Range;
use core::slice;

use crate::activation::{self, Activation, Normalizers};
use crate::kernel::{
    self, FromLn, Given, Hard, Lanes, STRETCH, Slopes, Soft, Source, Stretch, Vectors, Worst,
};
use crate::{
    Class, ClassSums, Classes, Element, Error, Extent, Field, FieldMut, Float, Loss, Segmentation,
    Target,
};

/// How many voxels are swept for one class before the next one's turn.
pub(crate) const CHUNK: usize = 1024;

const STRETCHES: usize = CHUNK / STRETCH;

/// The arithmetic of a prediction's values.
type RealOf<P> = <<P as Field>::Item as Element>::Real;

/// What is known of a chunk, in buffers that serve one chunk after the other.
pub(crate) struct Scratch<T> {
    /// How many voxels of each stretch count.
    counted: [Extent; STRETCHES],
    /// The weights of the voxels, in stretches of which only some count.
    weights: [Stretch<f64>; STRETCHES],
    /// What is known of one class, or of the foreground and the background.
    classes: [Cover<T>; 2],
    /// What the logits of each voxel have in common.
    normalizers: [Normalizers<T>; STRETCHES],
    /// The slope by ln p of the likeliest class of each voxel, and the sum of those of its others.
    slopes: [[Stretch<T>; 2]; STRETCHES],
}

/// The target of a class over a chunk.
struct Cover<T> {
    /// How much of each stretch the class covers.
    covered: [Extent; STRETCHES],
    /// y, in stretches of which it covers only some, or of which only some voxels count.
    y: [Stretch<T>; STRETCHES],
}

impl<T: Float> Scratch<T> {
    #[inline(always)]
    pub(crate) fn new() -> Self {
        let zeros = [T::default(); STRETCH];
        let cover = || Cover {
            covered: [Extent::All; STRETCHES],
            y: [zeros; STRETCHES],
        };
        Self {
            counted: [Extent::All; STRETCHES],
            weights: [[0.0; STRETCH]; STRETCHES],
            classes: [cover(), cover()],
            normalizers: [[zeros; 4]; STRETCHES],
            slopes: [[zeros; 2]; STRETCHES],
        }
    }

    /// How many stretches from this one on are alike for the class in the first place: all of their voxels count, and the
    /// class covers them alike. One that does not count in full is a run by itself.
    #[inline(always)]
    fn run(&self, first: usize, end: usize) -> usize {
        let kind = |index: usize| (self.counted[index], self.classes[0].covered[index]);
        let mut last = first;
        while last + 1 < end && kind(last + 1) == kind(first) && kind(first).0 == Extent::All {
            last += 1;
        }
        last + 1 - first
    }
}

/// A channel of a chunk: what was given.
struct Row<'a, P: Field> {
    prediction: &'a P,
    sample: usize,
    channel: usize,
    voxels: Range<usize>,
    slice: Option<&'a [P::Item]>,
}

impl<'a, P: Field<Item: Element>> Row<'a, P> {
    #[inline(always)]
    fn new(prediction: &'a P, sample: usize, channel: usize, voxels: &Range<usize>) -> Self {
        Self {
            prediction,
            sample,
            channel,
            voxels: voxels.clone(),
            slice: prediction.slice(sample, channel, voxels.clone()),
        }
    }

    /// Whether all of its whole stretches are in memory as they are to be evaluated.
    #[inline(always)]
    fn is_direct(&self) -> bool {
        self.slice
            .is_some_and(|slice| P::Item::reals(slice).is_some())
    }

    /// A run of whole stretches that are [in memory](Row::is_direct).
    #[inline(always)]
    fn run(&self, first: usize, len: usize) -> &'a [Stretch<RealOf<P>>] {
        let reals = self.slice.and_then(P::Item::reals).unwrap_or_default();
        &reals.as_chunks().0[first..first + len]
    }

    /// A stretch of it: from memory if it is there in one piece as it is to be evaluated, and through `room` otherwise. What
    /// is missing at the end is made up by copies of the last voxel, and what does not count is ½.
    #[inline(always)]
    fn stretch<'b>(
        &self,
        scratch: &Scratch<RealOf<P>>,
        index: usize,
        room: &'b mut Stretch<RealOf<P>>,
    ) -> &'b Stretch<RealOf<P>>
    where
        'a: 'b,
    {
        let at = index * STRETCH;
        let whole = scratch.counted[index] != Extent::Some;
        if let Some(slice) = self.slice
            && let Some(values) = slice[at..].first_chunk::<STRETCH>()
        {
            if whole
                && let Some(reals) = P::Item::reals(values)
                && let Some(reals) = reals.first_chunk()
            {
                return reals;
            }
            for (real, value) in room.iter_mut().zip(values) {
                *real = value.real();
            }
        } else {
            let start = self.voxels.start + at;
            let last = self.voxels.end - 1;
            for (i, real) in room.iter_mut().enumerate() {
                let voxel = last.min(start + i);
                *real = self.prediction.get(self.sample, self.channel, voxel).real();
            }
        }
        if !whole {
            let harmless = Float::from_f64(0.5);
            for (real, weight) in room.iter_mut().zip(&scratch.weights[index]) {
                *real = if *weight == 0.0 { harmless } else { *real };
            }
        }
        room
    }
}

/// The sums of one class over the whole stretches of a chunk.
struct ChunkSums<T, const K: usize> {
    terms: [Lanes<T>; K],
    target: Lanes<T>,
    covered: usize,
    voxels: usize,
}

impl<T: Float, const K: usize> ChunkSums<T, K> {
    #[inline(always)]
    fn new() -> Self {
        Self {
            terms: [Lanes::zero(); K],
            target: Lanes::zero(),
            covered: 0,
            voxels: 0,
        }
    }

    fn add_to(&self, vectors: impl Vectors, sums: &mut ClassSums<f64, K>) {
        vectors.run(
            #[inline(always)]
            || self.flush(sums),
        );
    }

    #[inline(always)]
    fn flush(&self, sums: &mut ClassSums<f64, K>) {
        for k in 0..K {
            sums.terms[k] += self.terms[k].sum();
        }
        sums.target += self.target.sum() + self.covered as f64;
        sums.voxels += self.voxels as f64;
    }
}

/// The classes that are evaluated together: one, or the foreground and the background of one number.
#[derive(Clone, Copy)]
enum Group {
    /// A class with a channel of its own.
    One(usize),
    /// Class 1 and class 0, from the one channel there is.
    Foreground,
    /// Class 1 and class 0, from the difference of their logits.
    Difference,
}

impl Group {
    /// The classes, the foreground first.
    #[inline(always)]
    fn classes(&self) -> &[usize] {
        match self {
            Self::One(class) => slice::from_ref(class),
            Self::Foreground | Self::Difference => &[1, 0],
        }
    }

    /// The channel that the first class is written to.
    #[inline(always)]
    fn channel(self) -> usize {
        match self {
            Self::One(class) => class,
            Self::Foreground => 0,
            Self::Difference => 1,
        }
    }
}

/// What a group is given over a stretch: the probability of each of its classes, or, from logits, p, 1 − p and ln p of the
/// first, and ln(1 − p).
type Parts<T> = [Stretch<T>; 4];

/// What the class in this place of its group sees of the parts.
#[inline(always)]
fn from_ln<T>([p, complement, ln, ln_complement]: &Parts<T>, slot: usize) -> FromLn<'_, T> {
    if slot == 0 {
        FromLn { p, complement, ln }
    } else {
        FromLn {
            p: complement,
            complement: p,
            ln: ln_complement,
        }
    }
}

impl<P, T, W, V> Segmentation<P, T, W, V>
where
    P: Field<Item: Element>,
    T: Target,
    W: Field<Item: Element>,
    V: Vectors,
{
    #[inline(always)]
    fn class_count(&self) -> usize {
        self.prediction.shape().channels.max(2)
    }

    /// The groups of classes.
    #[inline(always)]
    fn class_groups(&self) -> impl Iterator<Item = Group> + use<P, T, W, V> {
        let pair = match (self.activation, self.prediction.shape().channels) {
            (_, 1) => Some(Group::Foreground),
            (Activation::Softmax, 2) => Some(Group::Difference),
            _ => None,
        };
        let count = if pair.is_some() {
            1
        } else {
            self.class_count()
        };
        (0..count).map(move |class| pair.unwrap_or(Group::One(class)))
    }

    /// Adds the terms of a chunk to the sums of each class.
    #[inline(always)]
    pub(crate) fn add_chunk<const K: usize>(
        &self,
        loss: &impl Loss<K>,
        classes: &Classes<'_>,
        sample: usize,
        voxels: &Range<usize>,
        scratch: &mut Scratch<RealOf<P>>,
        sums: &mut [ClassSums<f64, K>],
    ) -> Result<(), Error> {
        self.count(sample, voxels, scratch)?;
        let mut worst = Worst::none();
        self.normalize(sample, voxels, scratch, &mut worst);
        let stretches = voxels.len().div_ceil(STRETCH);
        let mut parts = [[Default::default(); STRETCH]; 4];
        for group in self.class_groups() {
            self.cover(group, sample, voxels, scratch);
            let row = Row::new(&self.prediction, sample, group.channel(), voxels);
            let mut chunks = [ChunkSums::new(), ChunkSums::new()];
            let mut first = 0;
            while first < stretches {
                if scratch.counted[first] == Extent::None {
                    first += 1;
                    continue;
                }
                let direct = self.is_direct(group, &row, scratch, first);
                let run = if direct {
                    scratch.run(first, stretches)
                } else {
                    1
                };
                if !direct {
                    self.fill(group, &row, scratch, first, &mut worst, &mut parts);
                }
                for (slot, &index) in group.classes().iter().enumerate() {
                    let class = classes.class(index);
                    let at = Place { slot, first, run };
                    let (chunk, sums) = (&mut chunks[slot], &mut sums[index]);
                    if self.activation == Activation::Identity {
                        let given = if direct {
                            row.run(first, run)
                        } else {
                            slice::from_ref(&parts[slot])
                        };
                        if direct {
                            worst.see(self.vectors, given, self.activation);
                        }
                        add_run(
                            self.vectors,
                            *loss,
                            class,
                            Given(given),
                            scratch,
                            at,
                            chunk,
                            sums,
                        );
                    } else {
                        let source = from_ln(&parts, slot);
                        add_run(self.vectors, *loss, class, source, scratch, at, chunk, sums);
                    }
                }
                first += run;
            }
            for (chunk, &index) in chunks.iter().zip(group.classes()) {
                chunk.add_to(self.vectors, &mut sums[index]);
            }
        }
        if worst.is_valid(self.activation) {
            Ok(())
        } else {
            self.check(sample, voxels)
        }
    }

    /// Writes the gradient of a chunk.
    #[inline(always)]
    #[expect(
        clippy::too_many_arguments,
        reason = "of what, from what, and where to"
    )]
    pub(crate) fn chunk_gradient<const K: usize>(
        &self,
        loss: &impl Loss<K>,
        classes: &Classes<'_>,
        slopes: &[[f64; K]],
        sample: usize,
        voxels: &Range<usize>,
        scratch: &mut Scratch<RealOf<P>>,
        gradient: &mut impl FieldMut<Item = RealOf<P>>,
    ) {
        if self.count(sample, voxels, scratch).is_err() {
            // The sums have found it, too: there is no gradient.
            scratch.counted = [Extent::None; STRETCHES];
        }
        let zeros = [Default::default(); STRETCH];
        let mut ignored = Worst::none();
        self.normalize(sample, voxels, scratch, &mut ignored);
        if self.is_normalized() {
            scratch.slopes = [[zeros; 2]; STRETCHES];
        }
        let stretches = voxels.len().div_ceil(STRETCH);
        let (mut parts, mut own) = ([zeros; 4], [zeros; 2]);
        for group in self.class_groups() {
            self.cover(group, sample, voxels, scratch);
            let row = Row::new(&self.prediction, sample, group.channel(), voxels);
            let of_class = |slot: usize| {
                let index = group.classes().get(slot).copied().unwrap_or_default();
                (classes.class(index), Slopes::new(&slopes[index]))
            };
            let known = [of_class(0), of_class(1)];
            let mut first = 0;
            while first < stretches {
                if scratch.counted[first] == Extent::None {
                    store_group(gradient, sample, group, voxels, first, &[zeros; 2]);
                    first += 1;
                    continue;
                }
                let mut direct = self.is_direct(group, &row, scratch, first);
                let run = if direct {
                    scratch.run(first, stretches)
                } else {
                    1
                };
                let start = voxels.start + first * STRETCH;
                let mut slot_of_run = None;
                if direct {
                    let room = start..start + run * STRETCH;
                    slot_of_run = gradient.slice_mut(sample, group.channel(), room);
                    direct = slot_of_run.is_some();
                }
                let run = if direct { run } else { 1 };
                if !direct {
                    self.fill(group, &row, scratch, first, &mut ignored, &mut parts);
                }
                for (slot, (class, slopes)) in known.iter().enumerate().take(group.classes().len())
                {
                    let at = Place { slot, first, run };
                    let out = match &mut slot_of_run {
                        Some(slice) => slice.as_chunks_mut().0,
                        None => slice::from_mut(&mut own[slot]),
                    };
                    if self.activation == Activation::Identity {
                        let given = if direct {
                            row.run(first, run)
                        } else {
                            slice::from_ref(&parts[slot])
                        };
                        run_slope(
                            self.vectors,
                            *loss,
                            *class,
                            Given(given),
                            scratch,
                            at,
                            *slopes,
                            out,
                        );
                    } else {
                        let source = from_ln(&parts, slot);
                        run_slope(
                            self.vectors,
                            *loss,
                            *class,
                            source,
                            scratch,
                            at,
                            *slopes,
                            out,
                        );
                    }
                }
                if !direct {
                    self.combine(group, &row, scratch, first, &parts, &mut own);
                    store_group(gradient, sample, group, voxels, first, &own);
                }
                first += run;
            }
        }
        if self.is_normalized() {
            self.carry(sample, voxels, scratch, gradient);
        }
    }

    /// Whether a group can be evaluated right from memory.
    #[inline(always)]
    fn is_direct(
        &self,
        group: Group,
        row: &Row<'_, P>,
        scratch: &Scratch<RealOf<P>>,
        index: usize,
    ) -> bool {
        matches!(group, Group::One(_))
            && self.activation == Activation::Identity
            && scratch.counted[index] == Extent::All
            && row.is_direct()
    }

    /// Finds the parts of a group over a stretch, and the worst of what was given.
    #[inline(always)]
    fn fill(
        &self,
        group: Group,
        row: &Row<'_, P>,
        scratch: &Scratch<RealOf<P>>,
        index: usize,
        worst: &mut Worst<RealOf<P>>,
        parts: &mut Parts<RealOf<P>>,
    ) {
        let mut room = [Default::default(); STRETCH];
        let given = row.stretch(scratch, index, &mut room);
        worst.see(self.vectors, slice::from_ref(given), self.activation);
        match (self.activation, group) {
            (Activation::Identity, _) => {
                let [p, complement, ..] = parts;
                *p = *given;
                activation::complement(self.vectors, given, complement);
            }
            (Activation::Softmax, Group::One(_)) => {
                let normalizers = &scratch.normalizers[index];
                activation::softmax(self.vectors, given, normalizers, parts);
            }
            (Activation::Softmax, _) => {
                let mut logits = *given;
                let background = Row::new(row.prediction, row.sample, 0, &row.voxels);
                let background = background.stretch(scratch, index, &mut room);
                worst.see(self.vectors, slice::from_ref(background), self.activation);
                activation::difference(self.vectors, &mut logits, background);
                activation::sigmoid(self.vectors, &logits, parts);
            }
            (Activation::Sigmoid, _) => activation::sigmoid(self.vectors, given, parts),
        }
    }

    /// From the slopes of a group's classes by p or ln p to the gradient by what was given; of a softmax over more than two
    /// classes, that is left for [`carry`](Segmentation::carry).
    #[inline(always)]
    fn combine(
        &self,
        group: Group,
        row: &Row<'_, P>,
        scratch: &mut Scratch<RealOf<P>>,
        index: usize,
        parts: &Parts<RealOf<P>>,
        own: &mut [Stretch<RealOf<P>>; 2],
    ) {
        match (self.activation, group) {
            (Activation::Identity, Group::One(_)) => {}
            (Activation::Identity, _) => {
                let [h, other] = own;
                activation::difference(self.vectors, h, other);
            }
            (Activation::Sigmoid, Group::One(_)) => {
                own[1] = [Default::default(); STRETCH];
                activation::carry_pair(self.vectors, parts, own);
            }
            (Activation::Softmax, Group::One(_)) => {
                let mut room = [Default::default(); STRETCH];
                let z = row.stretch(scratch, index, &mut room);
                let normalizers = &scratch.normalizers[index];
                let slopes = &mut scratch.slopes[index];
                activation::collect(self.vectors, z, normalizers, &own[0], slopes);
            }
            _ => activation::carry_pair(self.vectors, parts, own),
        }
    }

    /// Finds which voxels count, and what they weigh.
    #[inline(always)]
    fn count(
        &self,
        sample: usize,
        voxels: &Range<usize>,
        scratch: &mut Scratch<RealOf<P>>,
    ) -> Result<(), Error> {
        let mut counted = [None; STRETCHES];
        let stretches = voxels.len().div_ceil(STRETCH);
        if let Some(weight) = self.weights.constant()
            && weight.real().to_f64() == 1.0
        {
            let counted = &mut counted[..stretches];
            let (target, classes) = (&self.target, self.class_count());
            self.vectors.run(
                #[inline(always)]
                || target.survey(sample, voxels.clone(), classes, counted),
            );
        }
        for (index, counted) in counted[..stretches].iter().enumerate() {
            let start = voxels.start + index * STRETCH;
            let full = voxels.end - start >= STRETCH;
            scratch.counted[index] = match counted {
                Some(extent @ (Extent::None | Extent::All)) if full => *extent,
                _ => {
                    for (i, weight) in scratch.weights[index].iter_mut().enumerate() {
                        let voxel = start + i;
                        let inside = voxel < voxels.end;
                        *weight = if inside {
                            self.weight(sample, voxel)?
                        } else {
                            0.0
                        };
                    }
                    Extent::Some
                }
            };
        }
        Ok(())
    }

    /// Checks the numbers that were given, one by one.
    #[cold]
    fn check(&self, sample: usize, voxels: &Range<usize>) -> Result<(), Error> {
        for voxel in voxels.clone() {
            if self.weight(sample, voxel)? != 0.0 {
                self.check_prediction(sample, voxel)?;
            }
        }
        Ok(())
    }

    /// Whether the classes have a normalizer in common.
    #[inline(always)]
    fn is_normalized(&self) -> bool {
        self.activation == Activation::Softmax && self.prediction.shape().channels > 2
    }

    /// Finds what the logits of each voxel have in common, and the worst of them.
    #[inline(always)]
    fn normalize(
        &self,
        sample: usize,
        voxels: &Range<usize>,
        scratch: &mut Scratch<RealOf<P>>,
        worst: &mut Worst<RealOf<P>>,
    ) {
        if !self.is_normalized() {
            return;
        }
        let mut room = [Default::default(); STRETCH];
        let channels = self.prediction.shape().channels;
        for channel in 0..channels {
            let row = Row::new(&self.prediction, sample, channel, voxels);
            for index in 0..voxels.len().div_ceil(STRETCH) {
                let z = row.stretch(scratch, index, &mut room);
                worst.see(self.vectors, slice::from_ref(z), self.activation);
                let normalizers = &mut scratch.normalizers[index];
                if channel == 0 {
                    normalizers[0] = *z;
                    normalizers[1] = [Default::default(); STRETCH];
                } else {
                    activation::normalize(self.vectors, z, normalizers);
                }
                if channel == channels - 1 {
                    activation::complete(self.vectors, normalizers);
                }
            }
        }
    }

    /// Finds y of each class of a group.
    #[inline(always)]
    fn cover(
        &self,
        group: Group,
        sample: usize,
        voxels: &Range<usize>,
        scratch: &mut Scratch<RealOf<P>>,
    ) {
        let stretches = voxels.len().div_ceil(STRETCH);
        let count = self.class_count();
        for (slot, &class) in group.classes().iter().enumerate() {
            let Cover { y, covered } = &mut scratch.classes[slot];
            let flat = y.as_flattened_mut();
            let extents = &mut covered[..stretches];
            let target = &self.target;
            self.vectors.run(
                #[inline(always)]
                || target.cover(sample, class, voxels.clone(), count, flat, extents),
            );
            for index in 0..stretches {
                if scratch.counted[index] == Extent::Some {
                    match covered[index] {
                        Extent::None => y[index] = [Default::default(); STRETCH],
                        Extent::All => y[index] = [Float::from_f64(1.0); STRETCH],
                        Extent::Some => {}
                    }
                }
            }
        }
    }

    /// Carries the slopes by ln p, which the gradient holds, over to the logits.
    #[inline(always)]
    fn carry(
        &self,
        sample: usize,
        voxels: &Range<usize>,
        scratch: &Scratch<RealOf<P>>,
        gradient: &mut impl FieldMut<Item = RealOf<P>>,
    ) {
        let mut room = [Default::default(); STRETCH];
        let mut own = room;
        for channel in 0..self.prediction.shape().channels {
            let row = Row::new(&self.prediction, sample, channel, voxels);
            for index in 0..voxels.len().div_ceil(STRETCH) {
                let z = row.stretch(scratch, index, &mut room);
                let (normalizers, slopes) = (&scratch.normalizers[index], &scratch.slopes[index]);
                load(gradient, sample, channel, voxels, index, &mut own);
                activation::carry(self.vectors, z, normalizers, slopes, &mut own);
                if scratch.counted[index] == Extent::None {
                    own = [Default::default(); STRETCH];
                }
                store(gradient, sample, channel, voxels, index, &own);
            }
        }
    }
}

/// A run of stretches that are alike, of the class in this place of its group.
#[derive(Clone, Copy)]
struct Place {
    slot: usize,
    first: usize,
    run: usize,
}

/// Adds the terms of a run to the sums of its class.
#[expect(
    clippy::too_many_arguments,
    reason = "of what, from what, and where to"
)]
fn add_run<T: Float, const K: usize>(
    vectors: impl Vectors,
    loss: impl Loss<K>,
    class: Class,
    source: impl Source<T>,
    scratch: &Scratch<T>,
    Place { slot, first, run }: Place,
    chunk: &mut ChunkSums<T, K>,
    sums: &mut ClassSums<f64, K>,
) {
    let Cover { covered, y } = &scratch.classes[slot];
    if scratch.counted[first] == Extent::Some {
        let (y, weights) = (&y[first], &scratch.weights[first]);
        kernel::add_weighted(vectors, loss, class, source, y, weights, &mut sums.terms);
        sums.target += kernel::weighted(vectors, weights, y);
        sums.voxels += kernel::weighted(vectors, weights, &[1.0; STRETCH]);
        return;
    }
    let terms = &mut chunk.terms;
    match covered[first] {
        Extent::None => kernel::add(vectors, loss, class, source, Hard(false), run, terms),
        Extent::All => {
            kernel::add(vectors, loss, class, source, Hard(true), run, terms);
            chunk.covered += run * STRETCH;
        }
        Extent::Some => {
            let y = &y[first..first + run];
            kernel::add(vectors, loss, class, source, Soft(y), run, terms);
            kernel::add_up(vectors, y, &mut chunk.target);
        }
    }
    chunk.voxels += run * STRETCH;
}

/// Writes the slopes of a run by the variable of its source.
#[expect(
    clippy::too_many_arguments,
    reason = "of what, from what, and where to"
)]
fn run_slope<T: Float, const K: usize>(
    vectors: impl Vectors,
    loss: impl Loss<K>,
    class: Class,
    source: impl Source<T>,
    scratch: &Scratch<T>,
    Place { slot, first, run }: Place,
    slopes: Slopes<T, K>,
    out: &mut [Stretch<T>],
) {
    let Cover { covered, y } = &scratch.classes[slot];
    match (scratch.counted[first], covered[first]) {
        (Extent::All, Extent::None) => {
            kernel::slope(vectors, loss, class, source, Hard(false), slopes, out);
        }
        (Extent::All, Extent::All) => {
            kernel::slope(vectors, loss, class, source, Hard(true), slopes, out);
        }
        (counted, _) => {
            let y = Soft(&y[first..first + run]);
            kernel::slope(vectors, loss, class, source, y, slopes, out);
            if counted == Extent::Some {
                kernel::weigh(vectors, &scratch.weights[first], &mut out[0]);
            }
        }
    }
}

/// The voxels of a stretch, as far as there are any.
#[inline(always)]
fn stretch_of(voxels: &Range<usize>, index: usize) -> Range<usize> {
    let start = voxels.start + index * STRETCH;
    start..voxels.end.min(start + STRETCH)
}

/// Reads a stretch of the gradient.
#[inline(always)]
fn load<G: FieldMut>(
    gradient: &mut G,
    sample: usize,
    channel: usize,
    voxels: &Range<usize>,
    index: usize,
    values: &mut Stretch<G::Item>,
) {
    let stretch = stretch_of(voxels, index);
    if let Some(slice) = gradient.slice_mut(sample, channel, stretch.clone())
        && let Some(full) = slice.first_chunk()
    {
        *values = *full;
        return;
    }
    for (value, voxel) in values.iter_mut().zip(stretch) {
        *value = gradient.get(sample, channel, voxel);
    }
}

/// Writes a stretch of the gradient of a group: to its channel, and to that of class 0 if it has another.
#[inline(always)]
fn store_group<G: FieldMut>(
    gradient: &mut G,
    sample: usize,
    group: Group,
    voxels: &Range<usize>,
    index: usize,
    [own, other]: &[Stretch<G::Item>; 2],
) {
    store(gradient, sample, group.channel(), voxels, index, own);
    if let Group::Difference = group {
        store(gradient, sample, 0, voxels, index, other);
    }
}

/// Writes a stretch of the gradient.
#[inline(always)]
fn store<G: FieldMut>(
    gradient: &mut G,
    sample: usize,
    channel: usize,
    voxels: &Range<usize>,
    index: usize,
    values: &Stretch<G::Item>,
) {
    let stretch = stretch_of(voxels, index);
    if let Some(slice) = gradient.slice_mut(sample, channel, stretch.clone())
        && let Some(full) = slice.first_chunk_mut()
    {
        *full = *values;
        return;
    }
    for (value, voxel) in values.iter().zip(stretch) {
        gradient.set(sample, channel, voxel, *value);
    }
}
