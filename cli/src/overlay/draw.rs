//! Draws a case.

use ndarray::{ArrayD, ArrayViewD, Axis, Zip};

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
    /// Which sample and planes.
    pub(crate) planes: String,
    /// How many errors the sample has.
    pub(crate) errors: String,
    /// The meaning of the colours.
    pub(crate) legend: String,
    /// The loss of the case.
    pub(crate) loss: Option<f64>,
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
        Some(class) => Ok(Some(class)),
        None => Err(pair.failure(format!(
            "--class: found {wanted}, expected one of {}",
            listed(&case.names)
        ))),
    }
}

/// `axial at z 3, coronal at y 2, sagittal at x 5`, with the axes as PRED's account names them.
fn shown(axes: &Axes, planes: &[Plane], place: &Place, samples: usize) -> String {
    let plane = |plane: &Plane| {
        let fixed = plane.fixed(place);
        let fixed = fixed.map(|(own, index)| format!("{} {index}", Axes(vec![axes.0[own]])));
        let fixed: Vec<String> = fixed.collect();
        match fixed[..] {
            [] => format!("the whole {}", plane.name),
            _ => format!("{} at {}", plane.name, fixed.join(", ")),
        }
    };
    let planes: Vec<String> = planes.iter().map(plane).collect();
    let planes = planes.join(", ");
    match samples {
        1 => planes,
        _ => format!("sample {}: {planes}", place.sample),
    }
}

/// How many voxels of a sample are wrong, and how.
fn counted(marks: &ArrayViewD<'_, Mark>) -> String {
    let count = |wanted: Mark| marks.iter().filter(|mark| **mark == wanted).count();
    format!(
        "false positives {}, false negatives {}, another class {}, of {} scored voxels",
        count(Mark::FalsePositive),
        count(Mark::FalseNegative),
        count(Mark::OtherClass),
        marks.len() - count(Mark::Unscored)
    )
}
