//! The sweep that leaves the terms of a distribution-based loss at their voxels, where the others add
//! them up.

use super::class_source::ClassSource;
use super::data::Data;
use super::{Chunk, RealOf, Scratch, Sweep, Workspace, channel};
use crate::expect::expect_shape;
use crate::form::Plan;
use crate::kernel::{self, Inside, Nothing, Outside, Soft, Targets, Vectors, Worst};
use crate::source::{FromP, Source};
use crate::stretch::{COMPACT, STRETCH, Stretch};
use crate::{
    Class, Classes, Element, Error, Extent, Field, FieldMut, Float, Focal, Loss, Segmentation,
    Target, Visitor, VoxelLoss,
};

impl<P, T, W, V> Segmentation<P, T, W, V>
where
    P: Field<Item: Element>,
    T: Target,
    W: Field<Item: Element>,
    V: Vectors,
{
    /// Writes the [loss of each voxel](VoxelLoss) to `losses`, [N, voxels]; 0 for a voxel that does not
    /// count. If the samples are regions, so are those of `losses`.
    ///
    /// Its gradient is that [by slopes](Segmentation::gradient_by): the [factor](VoxelLoss::factor) for
    /// the sum F of each class.
    ///
    /// # Examples
    ///
    /// ```
    /// use unifocal_core::{Classes, Dense, DenseMut, Error, Focal, Labels, Layout, Segmentation, engine::{VoxelLoss, Workspace}};
    ///
    /// let prediction = Dense::channels_first(&[0.9, 0.2, 0.1, 0.8], [1, 2, 2])?;
    /// let labels = Labels::new(Dense::per_voxel(&[0_u8, 0], [1, 2])?);
    /// let segmentation = Segmentation::new(prediction, labels)?;
    ///
    /// let mut losses = [0.0; 2];
    /// let mut out = DenseMut::new(&mut losses, [1, 1, 2], Layout::ChannelsFirst)?;
    /// let loss = VoxelLoss::new(Focal::cross_entropy())?;
    /// segmentation.voxel_losses(&loss, &Classes::default(), &mut out, &mut Workspace::new())?;
    /// assert_eq!(losses, [-f64::ln(0.9), -f64::ln(0.2)]);
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`add_sums`](Segmentation::add_sums); `losses` of the wrong size. On error, its contents are
    /// unspecified.
    pub fn voxel_losses(
        &self,
        loss: &VoxelLoss,
        classes: &Classes<'_>,
        losses: &mut impl FieldMut<Item = RealOf<P>>,
        workspace: &mut Workspace<RealOf<P>>,
    ) -> Result<(), Error> {
        let shape = self.prediction.shape();
        classes.check_regions(self.class_count(), self.regions)?;
        expect_shape("voxel losses", losses.shape(), shape.without_channels())?;
        self.sweep().voxel_losses(loss, classes, losses, workspace)
    }
}

impl<D: Data + ?Sized, V: Vectors> Sweep<'_, D, V> {
    /// Writes the losses of all voxels.
    fn voxel_losses(
        &self,
        loss: &VoxelLoss,
        classes: &Classes<'_>,
        losses: &mut impl FieldMut<Item = D::Real>,
        workspace: &mut Workspace<D::Real>,
    ) -> Result<(), Error> {
        let scratch = workspace.scratch();
        for sample in 0..self.shape.samples {
            for chunk in self.chunks(sample) {
                for part in self.subchunks(&chunk) {
                    self.write_voxel_losses(loss, classes, &part, scratch, losses)?;
                }
            }
        }
        Ok(())
    }

    /// Writes the losses of a part of a chunk.
    fn write_voxel_losses(
        &self,
        loss: &VoxelLoss,
        classes: &Classes<'_>,
        part: &Chunk,
        Scratch {
            survey,
            temporaries,
            slopes: [buffer, terms],
        }: &mut Scratch<D::Real>,
        losses: &mut impl FieldMut<Item = D::Real>,
    ) -> Result<(), Error> {
        let (n, vectors) = (part.stretches(), self.vectors);
        let classes = classes.of_group(part.sample, self.class_count());
        let mut worst = Worst::none();
        let out = &mut buffer[..n];
        out.fill([Float::ZERO; STRETCH]);
        self.look_at(part, survey, temporaries, |z| worst.see(vectors, z))?;
        for group in self.groups_of_classes(part.sample) {
            self.prepare(group, part, survey, temporaries, |z| worst.see(vectors, z));
            let (given, logits) = (&temporaries.given, &temporaries.logits);
            let sources = self.sources(group, part, survey, given, logits);
            for (&index, source) in group.classes().iter().zip(sources) {
                if let ClassSource::FromP(p) = source {
                    kernel::see(vectors, FromP(p), n, &mut worst);
                }
                let factor = loss.factor(&classes, index, self.class_count());
                if factor == 0.0 {
                    continue;
                }
                self.find_target(index, part, survey, &mut temporaries.target);
                let term = Term {
                    loss: loss.focal(),
                    class: classes.class(index, self.class_count()),
                    factor: Float::from_f64(factor.min(D::Real::MAX / 64.0)),
                };
                for (kind, run) in temporaries.target.runs() {
                    let Some(kind) = kind else { continue };
                    let y = Soft(&temporaries.target.y[run.clone()]);
                    let (out, terms) = (&mut out[run.clone()], &mut terms[0]);
                    macro_rules! add {
                        ($source:expr) => {{
                            let source = $source.run(run);
                            match kind.covered {
                                _ if COMPACT => term.add(vectors, source, y, terms, out),
                                Extent::None => term.add(vectors, source, Outside, terms, out),
                                Extent::Some => term.add(vectors, source, y, terms, out),
                                Extent::All => term.add(vectors, source, Inside, terms, out),
                            }
                        }};
                    }
                    match source {
                        ClassSource::FromP(p) => add!(FromP(p)),
                        ClassSource::FromLn(ln) => add!(ln),
                        ClassSource::FromSoftmax(softmax) => add!(softmax),
                    }
                }
            }
        }
        let most = D::Real::from_f64(D::Real::MAX);
        for (index, out) in out.iter_mut().enumerate() {
            match survey.counted[index] {
                Extent::None => *out = [Float::ZERO; STRETCH],
                Extent::Some => {
                    let weights = core::slice::from_ref(&survey.weights[index]);
                    kernel::weigh(vectors, weights, core::slice::from_mut(out), most);
                }
                Extent::All => {}
            }
        }
        channel::store(losses, 0, part, out);
        match worst.is_valid(self.input) {
            true => Ok(()),
            false => self.data.check(part),
        }
    }
}

/// The term of a class, and its factor.
#[derive(Clone, Copy)]
struct Term<T> {
    loss: Focal,
    class: Class,
    factor: T,
}

impl<T: Float> Term<T> {
    /// Adds factor·term of each voxel to `out`. `terms` is room for a stretch.
    fn add(
        self,
        vectors: impl Vectors,
        source: impl Source<T>,
        y: impl Targets<T>,
        terms: &mut Stretch<T>,
        out: &mut [Stretch<T>],
    ) {
        let add = Add {
            term: self,
            vectors,
            source,
            y,
            terms,
            out,
        };
        self.loss.specialize(&self.class, add);
    }
}

/// Adds the terms, by the form of the loss.
struct Add<'a, T, V, S, Y> {
    term: Term<T>,
    vectors: V,
    source: S,
    y: Y,
    terms: &'a mut Stretch<T>,
    out: &'a mut [Stretch<T>],
}

impl<T: Float, V: Vectors, S: Source<T>, Y: Targets<T>> Visitor<1> for Add<'_, T, V, S, Y> {
    type Output = ();

    const EXTENT: Extent = Y::EXTENT;

    #[inline(always)]
    fn visit(self, loss: impl Loss<1>) {
        let Term { class, factor, .. } = self.term;
        if self.y.is_zero(&Plan::new(&loss, &class), 0) {
            return;
        }
        let terms = core::array::from_mut(self.terms);
        for (index, out) in self.out.iter_mut().enumerate() {
            let stretch = index..index + 1;
            let (source, y) = (self.source.run(stretch.clone()), self.y.run(stretch));
            kernel::terms(
                self.vectors,
                loss,
                class,
                source,
                y,
                Nothing,
                &mut [],
                terms,
            );
            add_product(self.vectors, factor, &terms[0], out);
        }
    }
}

/// Adds factor·term to `out`, up to the largest number.
fn add_product<T: Float>(
    vectors: impl Vectors,
    factor: T,
    terms: &Stretch<T>,
    out: &mut Stretch<T>,
) {
    vectors.run(
        #[inline(always)]
        || {
            for (out, term) in out.iter_mut().zip(terms) {
                *out = (*out + *term * factor).clip(-T::MAX, T::MAX);
            }
        },
    );
}
