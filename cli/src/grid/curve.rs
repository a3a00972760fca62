//! The curves of losses: the distribution-based side against the probability of the true class, the region-based side against overlap.

use serde_json::json;
use unifocal_ndarray::core::{
    AnyLoss,
    formula::{Class, ClassSums, Dual, Loss, Probability},
};

use super::args::CurveArgs;
use super::axis::Shown;
use crate::failure::Failure;
use crate::format::Format;
use crate::loss::Chosen;
use crate::plot::{self, Line, Titles};
use crate::report::cells::{digits, table as new_table};

/// The horizontal axis of a curve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Against {
    /// The probability of the true class of a voxel.
    Probability,
    /// The share of a class that is predicted, where as many other voxels are predicted wrongly: the Dice score.
    Overlap,
}

impl Against {
    fn name(self) -> &'static str {
        match self {
            Self::Probability => "probability",
            Self::Overlap => "overlap",
        }
    }
}

/// A curve of a loss.
struct Curve<'a> {
    loss: &'a Chosen,
    against: Against,
    /// The classes that it is of.
    class: &'static str,
    /// x, the loss, and its derivative by x.
    points: Vec<[f64; 3]>,
}

/// The number of points of a smooth curve.
const SMOOTH: u32 = 99;

/// The volume of the class whose overlap varies, in voxels: next to it, smoothing is small.
const VOLUME: f64 = 1000.0;

/// The report of `curve`.
pub(crate) fn curve(arguments: &CurveArgs) -> Result<Vec<u8>, Failure> {
    let CurveArgs {
        grid,
        points,
        output,
    } = arguments;
    let losses = grid.losses()?;
    let default = match (output.format, &output.plot) {
        (Format::Table, None) => 9,
        _ => SMOOTH,
    };
    let points = points.unwrap_or(default);
    if !(1..=100_000).contains(&points) {
        return Err(Failure::Option(format!(
            "--points is {points}, expected a number from 1 to 100000"
        )));
    }
    let curves: Vec<Curve<'_>> = losses
        .iter()
        .flat_map(|loss| curves(loss, points))
        .collect();
    if let Some(file) = &output.plot {
        plot::save(file, &draw(&curves, |loss| grid_names(arguments, loss))?)?;
    }
    match output.format {
        Format::Table => Ok(table(arguments, &curves).into_bytes()),
        Format::Json => Ok(json(&curves)),
        Format::Csv => csv(&curves),
    }
}

/// The picture of a loss and its gradient.
pub(crate) fn picture(loss: &Chosen) -> Result<String, Failure> {
    draw(&curves(loss, SMOOTH), |_| String::new())
}

/// Draws the curves, and those of their gradients. `parameters` tells losses apart.
fn draw(curves: &[Curve<'_>], parameters: impl Fn(&Chosen) -> String) -> Result<String, Failure> {
    let loss = curves[0].loss;
    let panel = |title, y, column: usize| {
        let line = |curve: &Curve<'_>| Line {
            name: curve.label(&parameters(curve.loss)),
            points: curve
                .points
                .iter()
                .map(|point| (point[0], point[column]))
                .collect(),
        };
        let titles = Titles {
            title,
            // One axis serves both, a share from 0 to 1.
            x: match loss.loss {
                AnyLoss::Tversky(_) | AnyLoss::Matthews(_) => "overlap",
                AnyLoss::Focal(_) | AnyLoss::HardVoxels(_) => "probability of the true class",
                AnyLoss::UnifiedFocal(_) => "probability of the true class; overlap",
            },
            y,
        };
        (titles, curves.iter().map(line).collect())
    };
    let name = loss.name.as_str();
    plot::lines(&[panel(name, "loss", 1), panel("its gradient", "gradient", 2)])
}

/// The parameters that vary, with their values.
fn grid_names(arguments: &CurveArgs, loss: &Chosen) -> String {
    let varied = arguments.grid.varied();
    let names = varied.iter().map(|parameter| {
        let value = loss.loss.get(*parameter).ok().flatten();
        format!("{parameter} {}", Shown(value))
    });
    names.collect::<Vec<_>>().join(", ")
}

/// The curves of a loss: of each of its sides, and of common and rare classes if they differ.
fn curves(loss: &Chosen, points: u32) -> Vec<Curve<'_>> {
    let sides: &[Against] = match loss.loss {
        AnyLoss::Tversky(_) | AnyLoss::Matthews(_) => &[Against::Overlap],
        AnyLoss::Focal(_) | AnyLoss::HardVoxels(_) => &[Against::Probability],
        AnyLoss::UnifiedFocal(_) => &[Against::Probability, Against::Overlap],
    };
    let mut curves = Vec::new();
    for against in sides {
        let of = |rare: bool| -> Vec<[f64; 3]> {
            let class = Class {
                index: usize::from(rare),
                count: 2,
                rare,
                alpha: 1.0,
            };
            let x = (1..=points).map(|point| f64::from(point) / f64::from(points + 1));
            x.map(|x| evaluate(&loss.loss, &class, *against, x))
                .collect()
        };
        let (common, rare) = (of(false), of(true));
        let curve = |class, points| Curve {
            loss,
            against: *against,
            class,
            points,
        };
        if common == rare {
            curves.push(curve("all", common));
        } else {
            curves.extend([curve("common", common), curve("rare", rare)]);
        }
    }
    curves
}

/// x, the loss there, and its derivative.
fn evaluate(loss: &AnyLoss, class: &Class, against: Against, x: f64) -> [f64; 3] {
    let x = Dual::variable(x);
    let zero = Dual::constant(0.0);
    let sums = |terms: [Dual<f64>; 4], voxels: f64| ClassSums {
        terms,
        target: Dual::constant(voxels),
        voxels: Dual::constant(voxels),
    };
    let score = match against {
        Against::Probability => {
            let terms = loss.terms(class, &Probability::new(x), &1.0);
            let score = loss.finalize(class, &sums(terms, 1.0));
            match loss {
                AnyLoss::HardVoxels(_) => score.mean,
                _ => score.sum,
            }
        }
        Against::Overlap => {
            let scaled = |share: Dual<f64>| share * Dual::constant(VOLUME);
            let (inside, outside) = (scaled(x), scaled(Dual::constant(1.0) - x));
            // TN of a class that covers half of the voxels.
            let rest = match loss {
                AnyLoss::Matthews(_) => inside,
                _ => zero,
            };
            let terms = [inside, outside, outside, rest];
            loss.finalize(class, &sums(terms, VOLUME)).mean
        }
    };
    [x.value, score.value, score.derivative]
}

impl Curve<'_> {
    fn label(&self, parameters: &str) -> String {
        let class = match self.class {
            "all" => String::new(),
            class => format!("{class} classes"),
        };
        let parts = [self.against.name(), &class, parameters];
        let parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        parts.join(", ")
    }
}

fn table(arguments: &CurveArgs, curves: &[Curve<'_>]) -> String {
    let mut text = format!("{}\n", curves[0].loss.name);
    let mut table = new_table(&["against", "x", "loss", "gradient"]);
    for curve in curves {
        let label = curve.label(&grid_names(arguments, curve.loss));
        for (index, [x, loss, gradient]) in curve.points.iter().enumerate() {
            let first = if index == 0 {
                label.clone()
            } else {
                String::new()
            };
            table.add_row([
                first,
                format!("{x:.3}"),
                digits(Some(*loss)),
                digits(Some(*gradient)),
            ]);
        }
    }
    text += &format!("{table}\n");
    text
}

fn json(curves: &[Curve<'_>]) -> Vec<u8> {
    let curves = curves.iter().map(|curve| {
        let column =
            |place: usize| -> Vec<f64> { curve.points.iter().map(|point| point[place]).collect() };
        json!({
            "loss": curve.loss.name.as_str(),
            "parameters": curve.loss.parameters(),
            "against": curve.against.name(),
            "classes": curve.class,
            "x": column(0),
            "value": column(1),
            "gradient": column(2),
        })
    });
    let mut text = json!(curves.collect::<Vec<_>>()).to_string();
    text.push('\n');
    text.into_bytes()
}

fn csv(curves: &[Curve<'_>]) -> Result<Vec<u8>, Failure> {
    let unwritable = |error: csv::Error| Failure::Report(error.to_string());
    let mut csv = csv::Writer::from_writer(Vec::new());
    csv.write_record(["loss", "against", "classes", "x", "value", "gradient"])
        .map_err(unwritable)?;
    for curve in curves {
        let loss = curve.loss.loss.to_string();
        for point in &curve.points {
            csv.serialize((&loss, curve.against.name(), curve.class, point))
                .map_err(unwritable)?;
        }
    }
    csv.into_inner()
        .map_err(|error| Failure::Report(error.to_string()))
}
