//! Kernels for each form of a loss: visitors that call them with the form's own type.

use core::slice;

use crate::form::Plan;
use crate::kernel::{self, Keep, Lanes, Slopes, Targets, Vectors, Worst};
use crate::source::Source;
use crate::stretch::{STRETCH, Stretch};
use crate::{Class, Extent, Float, Loss, Visitor};

/// [`kernel::add`].
pub(super) struct Add<'a, T: Float, V, S, Y, P, const K: usize> {
    pub(super) vectors: V,
    pub(super) class: Class,
    pub(super) source: S,
    pub(super) y: Y,
    pub(super) keep: P,
    pub(super) kept: &'a mut [Stretch<T>],
    pub(super) run: usize,
    pub(super) sums: &'a mut [Lanes<T>; K],
    pub(super) worst: &'a mut Worst<T>,
}

impl<T, V, S, Y, P, const K: usize> Visitor<K> for Add<'_, T, V, S, Y, P, K>
where
    T: Float,
    V: Vectors,
    S: Source<T>,
    Y: Targets<T>,
    P: Keep<T>,
{
    type Output = ();

    const EXTENT: Extent = Y::EXTENT;

    #[inline(always)]
    fn visit(self, loss: impl Loss<K>) {
        kernel::add(
            self.vectors,
            loss,
            self.class,
            self.source,
            self.y,
            self.keep,
            self.kept,
            self.run,
            self.sums,
            self.worst,
        );
    }
}

/// [`add_weighted`].
pub(super) struct AddWeighted<'a, T, V, S, Y, P, const K: usize> {
    pub(super) vectors: V,
    pub(super) class: Class,
    pub(super) source: S,
    pub(super) y: Y,
    pub(super) keep: P,
    pub(super) kept: &'a mut [Stretch<T>],
    pub(super) weights: &'a [Stretch<f64>],
    pub(super) sums: &'a mut [Lanes<f64>; K],
}

impl<T, V, S, Y, P, const K: usize> Visitor<K> for AddWeighted<'_, T, V, S, Y, P, K>
where
    T: Float,
    V: Vectors,
    S: Source<T>,
    Y: Targets<T>,
    P: Keep<T>,
{
    type Output = ();

    const EXTENT: Extent = Y::EXTENT;

    #[inline(always)]
    fn visit(self, loss: impl Loss<K>) {
        add_weighted(
            self.vectors,
            loss,
            self.class,
            self.source,
            self.y,
            self.keep,
            self.kept,
            self.weights,
            self.sums,
        );
    }
}

/// [`kernel::slope`].
pub(super) struct Slope<'a, T, V, S, Y, const K: usize> {
    pub(super) vectors: V,
    pub(super) class: Class,
    pub(super) source: S,
    pub(super) y: Y,
    pub(super) slopes: Slopes<T, K>,
    pub(super) out: &'a mut [Stretch<T>],
}

impl<T, V, S, Y, const K: usize> Visitor<K> for Slope<'_, T, V, S, Y, K>
where
    T: Float,
    V: Vectors,
    S: Source<T>,
    Y: Targets<T>,
{
    type Output = ();

    const EXTENT: Extent = Y::EXTENT;

    #[inline(always)]
    fn visit(self, loss: impl Loss<K>) {
        kernel::slope(
            self.vectors,
            loss,
            self.class,
            self.source,
            self.y,
            self.slopes,
            self.out,
        );
    }
}

/// Adds the terms of a run of stretches to their sums, each term times the weight of its voxel.
#[expect(
    clippy::too_many_arguments,
    reason = "of what, from what, and where to"
)]
fn add_weighted<T: Float, const K: usize>(
    vectors: impl Vectors,
    loss: impl Loss<K>,
    class: Class,
    source: impl Source<T>,
    y: impl Targets<T>,
    keep: impl Keep<T>,
    kept: &mut [Stretch<T>],
    weights: &[Stretch<f64>],
    sums: &mut [Lanes<f64>; K],
) {
    let plan = Plan::new(&loss, &class);
    let mut terms = [[T::ZERO; STRETCH]; K];
    for (index, weights) in weights.iter().enumerate() {
        let stretch = index..index + 1;
        let (source, y) = (source.run(stretch.clone()), y.run(stretch.clone()));
        let kept = keep.of(kept, stretch);
        kernel::terms(vectors, loss, class, source, y, keep, kept, &mut terms);
        for (k, sum) in sums.iter_mut().enumerate() {
            if !y.is_zero(&plan, k) {
                let (weights, terms) = (slice::from_ref(weights), slice::from_ref(&terms[k]));
                kernel::add_products(vectors, weights, terms, sum);
            }
        }
    }
}
