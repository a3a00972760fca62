//! `check`: whether a case can be trained and scored with a loss, in plain words.

pub(crate) mod args;
mod findings;
mod gradient;
mod reference;
mod saturation;

pub(crate) use findings::check;
