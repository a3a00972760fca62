//! The second sweep: turns the numbers that the first sweep stored into the gradient.

use super::class_source::{ClassSource, Group};
use super::class_target::ClassTarget;
use super::data::Data;
use super::runs::Runs;
use super::softmax::{self, Collected};
use super::survey::Survey;
use super::{Chunk, Scratch, Sweep, Temporaries, channel, kept};
use crate::activation;
use crate::form::Plan;
use crate::kernel::{Finish, Slopes, Vectors};
use crate::source::{FromFolded, FromP, Source};
use crate::stretch::Stretch;
use crate::{Classes, FieldMut, Input, Loss};

impl<D: Data + ?Sized, V: Vectors> Sweep<'_, D, V> {
    /// Writes the gradient of a part of a chunk, from the numbers that
    /// [`add_chunk`](Sweep::add_chunk) stored.
    #[cfg_attr(target_os = "none", inline(always))]
    pub(crate) fn finish<const K: usize>(
        &self,
        loss: &impl Loss<K>,
        classes: &Classes<'_>,
        slopes: &[[f64; K]],
        chunk: &Chunk,
        scratch: &mut Scratch<D::Real>,
        gradient: &mut impl FieldMut<Item = D::Real>,
    ) {
        self.survey_again(chunk, &mut scratch.survey);
        if self.is_normalized(chunk.sample) {
            self.finish_softmax(loss, classes, slopes, chunk, scratch, gradient);
        } else {
            for group in self.groups_of_classes(chunk.sample) {
                if self.input == Input::Probabilities {
                    self.finish_given(loss, classes, slopes, group, chunk, scratch, gradient);
                } else {
                    self.finish_sigmoid(loss, classes, slopes, group, chunk, scratch, gradient);
                }
            }
        }
        if let Some(annotated) = self.data.annotated(chunk.sample) {
            self.share_out(annotated, chunk, scratch, gradient);
        }
    }

    /// Writes the gradient of a group with respect to its probabilities.
    #[cfg_attr(target_os = "none", inline(always))]
    #[expect(
        clippy::too_many_arguments,
        reason = "of what, from what, and where to"
    )]
    fn finish_given<const K: usize>(
        &self,
        loss: &impl Loss<K>,
        classes: &Classes<'_>,
        slopes: &[[f64; K]],
        group: Group,
        chunk: &Chunk,
        Scratch {
            survey,
            temporaries,
            slopes: [own, other],
        }: &mut Scratch<D::Real>,
        gradient: &mut impl FieldMut<Item = D::Real>,
    ) {
        let index = group.channel();
        let class = classes.class(index, self.class_count());
        if let Some(kept) = kept(loss, &class, group) {
            self.find_target(index, chunk, survey, &mut temporaries.target);
            let runs = Runs {
                survey,
                target: &temporaries.target,
            };
            let slopes = Slopes::new(&slopes[index], self.class_count());
            let slopes = Finish::new(&slopes, &Plan::new(loss, &class));
            let finish = |out: &mut [_]| runs.finish(self.vectors, slopes, kept > 0, out);
            if kept > 0 {
                channel::rewrite(gradient, index, chunk, own, finish);
            } else {
                channel::write(gradient, index, chunk, own, finish);
            }
            return;
        }
        self.prepare(group, chunk, survey, temporaries, |_| {});
        let Temporaries {
            target,
            given,
            logits,
            ..
        } = temporaries;
        let sources = self.sources(group, chunk, survey, given, logits);
        let mut slope = |slot: usize, out: &mut [Stretch<D::Real>]| {
            if let ClassSource::FromP(p) = sources[slot] {
                let index = group.classes()[slot];
                self.slope(
                    loss,
                    classes,
                    slopes,
                    index,
                    FromP(p),
                    chunk,
                    survey,
                    target,
                    out,
                );
            }
        };
        channel::write(gradient, index, chunk, own, |out| {
            slope(0, out);
            if let [_, _] = group.classes() {
                let other = &mut other[..out.len()];
                slope(1, other);
                activation::subtract(self.vectors, out, other);
            }
        });
    }

    /// Writes the gradient of a group with respect to its logits, from folded probabilities.
    #[cfg_attr(target_os = "none", inline(always))]
    #[expect(
        clippy::too_many_arguments,
        reason = "of what, from what, and where to"
    )]
    fn finish_sigmoid<const K: usize>(
        &self,
        loss: &impl Loss<K>,
        classes: &Classes<'_>,
        slopes: &[[f64; K]],
        group: Group,
        chunk: &Chunk,
        Scratch {
            survey,
            temporaries,
            slopes: [own, other],
        }: &mut Scratch<D::Real>,
        gradient: &mut impl FieldMut<Item = D::Real>,
    ) {
        let n = chunk.stretches();
        let Temporaries { target, given, .. } = temporaries;
        let [h, of_other] = given;
        let (h, of_other, other) = (&mut h[..n], &mut of_other[..n], &mut other[..n]);
        let mut slope = |slot: usize, folded: &[_], h: &mut [_]| {
            let index = group.classes()[slot];
            let folded = FromFolded(folded);
            self.slope(
                loss, classes, slopes, index, folded, chunk, survey, target, h,
            );
        };
        channel::rewrite(gradient, group.channel(), chunk, own, |folded| {
            slope(0, folded, h);
            if let [_, _] = group.classes() {
                activation::fold_complements(self.vectors, folded, other);
                slope(1, other, of_other);
                activation::carry_pair(self.vectors, h, of_other, folded, other);
            } else {
                activation::carry_one(self.vectors, h, folded);
            }
        });
        if let Group::Difference = group {
            channel::store(gradient, 0, chunk, other);
        }
    }

    /// Writes Σ slope·derivative of a class, with respect to the variable of its source.
    #[cfg_attr(target_os = "none", inline(always))]
    #[expect(
        clippy::too_many_arguments,
        reason = "of what, from what, and where to"
    )]
    fn slope<const K: usize>(
        &self,
        loss: &impl Loss<K>,
        classes: &Classes<'_>,
        slopes: &[[f64; K]],
        index: usize,
        source: impl Source<D::Real>,
        chunk: &Chunk,
        survey: &Survey,
        target: &mut ClassTarget<D::Real>,
        out: &mut [Stretch<D::Real>],
    ) {
        self.find_target(index, chunk, survey, target);
        let runs = Runs { survey, target };
        let slopes = Slopes::new(&slopes[index], self.class_count());
        let class = classes.class(index, self.class_count());
        runs.slope(self.vectors, *loss, class, source, slopes, out);
    }

    /// Writes the gradient of a softmax over more than two classes, from folded
    /// probabilities.
    #[cfg_attr(target_os = "none", inline(always))]
    fn finish_softmax<const K: usize>(
        &self,
        loss: &impl Loss<K>,
        classes: &Classes<'_>,
        slopes: &[[f64; K]],
        chunk: &Chunk,
        Scratch {
            survey,
            temporaries,
            slopes: [buffer, _],
        }: &mut Scratch<D::Real>,
        gradient: &mut impl FieldMut<Item = D::Real>,
    ) {
        let n = chunk.stretches();
        let Temporaries {
            target,
            logits,
            collected,
            ..
        } = temporaries;
        *collected = Collected::EMPTY;
        let mut slope = |index: usize, folded: &[_], h: &mut [_]| {
            let folded = FromFolded(folded);
            self.slope(
                loss, classes, slopes, index, folded, chunk, survey, target, h,
            );
        };
        for index in self.groups_of_classes(chunk.sample).map(Group::channel) {
            let folded = channel::read_back(gradient, index, chunk, buffer);
            let h = logits.softmax.of_class_mut(index, n);
            slope(index, folded, h);
            collected.add(self.vectors, folded, h);
        }
        for index in self.groups_of_classes(chunk.sample).map(Group::channel) {
            channel::rewrite(gradient, index, chunk, buffer, |folded| {
                let is_known = softmax::has_place(index, n);
                let h = logits.softmax.of_class_mut(index, n);
                if !is_known {
                    slope(index, folded, h);
                }
                collected.carry(self.vectors, h, folded);
            });
        }
    }
}
