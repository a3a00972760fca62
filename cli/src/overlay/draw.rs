//! Draws a case.

use std::fmt;

use ndarray::{ArrayD, ArrayViewD, Axis, Zip};
use serde::Serialize;

use super::args::{Map, View};
use super::colour::{self, LEGEND};
use super::maps::Question;
use super::marks::{self, Mark};
use super::picture::{self, Panel, Picture};
use super::place::{self, Place};
use super::planes::{self, Plane};
use super::shades;
use super::window::Window;
use crate::args::Data;
use crate::case::{Case, Content};
use crate::failure::Failure;
use crate::listed::listed;
use crate::loss::Chosen;
use crate::pair::Pair;
use crate::reading::Axes;
use crate::score::{self, Wanted};

/// The picture of a case, and what it shows in words.
#[derive(Debug)]
pub(crate) struct Drawn {
    pub(crate) picture: Picture,
    pub(crate) planes: Planes,
    pub(crate) errors: Errors,
    /// The meaning of the colours.
    pub(crate) legend: String,
    /// The loss of the case.
    pub(crate) loss: Option<f64>,
}

/// Which sample and planes a picture shows.
#[derive(Clone, Debug)]
pub(crate) struct Planes {
    pub(super) sample: usize,
    samples: usize,
    pub(super) planes: Vec<Shown>,
}

/// A plane, and the index along each axis that it is at, with the axes as PRED's account names them.
#[derive(Clone, Debug)]
pub(super) struct Shown {
    pub(super) name: &'static str,
    pub(super) at: Vec<(Axes, usize)>,
}

/// How many voxels of a sample are wrong, and how.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Errors {
    false_positives: usize,
    false_negatives: usize,
    another_class: usize,
    /// The voxels that are scored.
    scored: usize,
}

/// Draws a case. Every number that counts is checked, as for a score.
pub(crate) fn draw(
    pair: &Pair,
    case: &Case,
    data: &Data,
    loss: &Chosen,
    view: &View,
) -> Result<Drawn, Failure> {
    let class = class(pair, case, view)?;
    let wanted = Wanted {
        gradient: view.map == Some(Map::Gradient),
        hard: true,
        ..Wanted::default()
    };
    let scored = score::score(case, pair, data, std::slice::from_ref(loss), wanted)?;
    let marks = marks::of(case, scored.hard.as_ref(), class);
    let marks = marks.map_err(|error| pair.failure(error.to_string()))?;
    if marks.is_empty() {
        return Err(pair.failure("has no voxels, so there is nothing to draw"));
    }
    let axes = Axes(case.account.prediction.axes.space());
    let place = place::of(&marks, &axes, view, pair)?;
    let planes = planes::of(&case.grid);
    let of_plane = |plane: &Plane| plane.cut(marks.view(), 0, &place).to_owned();
    let cuts: Vec<ArrayD<Mark>> = planes.iter().map(of_plane).collect();
    let (colours, legend) = match (view.map, &case.content) {
        (Some(map), Content::Arrays(arrays)) => {
            let question = Question {
                map,
                pair,
                case,
                arrays,
                data,
                loss,
                class,
            };
            let gradient = scored.gradient.as_ref();
            shades::of(&question.answer(gradient, &planes, &place)?, &cuts)
        }
        _ => {
            let window = case.image.as_ref().map(Window::of);
            let colours = planes.iter().zip(&cuts).map(|(plane, marks)| {
                let greys = match (&case.image, window) {
                    (Some(image), Some(window)) => {
                        window.greys(&plane.cut(image.view(), 0, &place))
                    }
                    _ => ArrayD::zeros(marks.raw_dim()),
                };
                Zip::from(marks)
                    .and(&greys)
                    .map_collect(|mark, grey| colour::of_mark(*mark, *grey))
            });
            (colours.collect(), LEGEND.to_owned())
        }
    };
    let panels = planes.iter().zip(colours).map(|(plane, voxels)| Panel {
        voxels,
        steps: plane.steps,
    });
    let panels: Vec<Panel> = panels.collect();
    let picture = picture::draw(&panels, view.zoom);
    let picture = picture.map_err(|error| pair.failure(error.to_string()))?;
    Ok(Drawn {
        picture,
        planes: shown(&axes, &planes, &place, marks.len_of(Axis(0))),
        errors: counted(&marks.index_axis(Axis(0), place.sample)),
        legend,
        loss: scored.scores[0].value,
    })
}

/// The index of the class that the options name.
fn class(pair: &Pair, case: &Case, view: &View) -> Result<Option<usize>, Failure> {
    let Some(wanted) = &view.class else {
        return Ok(None);
    };
    let found = (case.names.iter()).position(|name| name.to_string() == *wanted);
    match found {
        Some(class) if case.has(class) => Ok(Some(class)),
        Some(_) => Err(pair.failure(format!("--class: the class {wanted} is not annotated"))),
        None => Err(pair.failure(format!(
            "--class: found {wanted}, expected one of {}",
            listed(&case.names)
        ))),
    }
}

fn shown(axes: &Axes, planes: &[Plane], place: &Place, samples: usize) -> Planes {
    let plane = |plane: &Plane| {
        let fixed = plane.fixed(place);
        Shown {
            name: plane.name,
            at: fixed
                .map(|(own, index)| (Axes(vec![axes.0[own]]), index))
                .collect(),
        }
    };
    Planes {
        sample: place.sample,
        samples,
        planes: planes.iter().map(plane).collect(),
    }
}

/// `axial at z 3, coronal at y 2, sagittal at x 5`
impl fmt::Display for Planes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.samples != 1 {
            write!(f, "sample {}: ", self.sample)?;
        }
        for (place, Shown { name, at }) in self.planes.iter().enumerate() {
            let comma = if place > 0 { ", " } else { "" };
            let at: Vec<String> = at.iter().map(|(axis, at)| format!("{axis} {at}")).collect();
            match at[..] {
                [] => write!(f, "{comma}the whole {name}")?,
                _ => write!(f, "{comma}{name} at {}", at.join(", "))?,
            }
        }
        Ok(())
    }
}

fn counted(marks: &ArrayViewD<'_, Mark>) -> Errors {
    let count = |wanted: Mark| marks.iter().filter(|mark| **mark == wanted).count();
    Errors {
        false_positives: count(Mark::FalsePositive),
        false_negatives: count(Mark::FalseNegative),
        another_class: count(Mark::OtherClass),
        scored: marks.len() - count(Mark::Unscored),
    }
}

impl fmt::Display for Errors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            false_positives,
            false_negatives,
            another_class,
            scored,
        } = self;
        write!(
            f,
            "false positives {false_positives}, false negatives {false_negatives}, another class {another_class}, of {scored} scored voxels"
        )
    }
}
