//! A plot of the results: a panel per set of images, a line per loss, a dot with its interval.

use std::fmt::Write;

use crate::report::Summary;
use crate::sets::Name;

const PANEL: f64 = 180.0;
const LABELS: f64 = 190.0;
const LINE: f64 = 22.0;
const TOP: f64 = 40.0;

/// The plot as SVG.
pub(crate) fn svg(summaries: &[Summary]) -> String {
    let mut sets: Vec<&Name> = summaries.iter().map(|of| &of.set).collect();
    sets.dedup();
    let mut losses: Vec<&str> = summaries.iter().map(|of| of.loss).collect();
    losses.sort_unstable();
    losses.dedup();
    let width = LABELS + PANEL * sets.len() as f64 + 10.0;
    let height = TOP + LINE * losses.len() as f64 + 40.0;
    let bottom = height - 36.0;

    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"{width}\" height=\"{height}\" fill=\"white\"/>\n"
    );
    // Writing to a string cannot fail.
    let mut text = |x: f64, y: f64, anchor: &str, label: &str| {
        let _ = writeln!(
            svg,
            "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{label}</text>"
        );
    };
    for (row, loss) in losses.iter().enumerate() {
        text(LABELS - 10.0, TOP + LINE * (row as f64 + 0.7), "end", loss);
    }
    for (column, set) in sets.iter().enumerate() {
        let left = LABELS + PANEL * column as f64;
        text(left + PANEL / 2.0, TOP - 18.0, "middle", &set.to_string());
        for tick in [0.0, 0.5, 1.0] {
            text(at(left, tick), bottom + 14.0, "middle", &tick.to_string());
        }
        text(left + PANEL / 2.0, bottom + 30.0, "middle", "Dice");
    }
    for (column, set) in sets.iter().enumerate() {
        let left = LABELS + PANEL * column as f64;
        for tick in [0.0, 0.5, 1.0] {
            let x = at(left, tick);
            let _ = writeln!(
                svg,
                "<line x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{TOP}\" y2=\"{bottom}\" stroke=\"#ddd\"/>"
            );
        }
        for of in summaries.iter().filter(|of| of.set == **set) {
            let row = losses.iter().position(|loss| *loss == of.loss).unwrap_or(0);
            let y = TOP + LINE * (row as f64 + 0.5);
            let [dice, low, high] = of.dice.map(|dice| at(left, dice));
            let _ = writeln!(
                svg,
                "<line x1=\"{low:.1}\" x2=\"{high:.1}\" y1=\"{y:.1}\" y2=\"{y:.1}\" stroke=\"#4477aa\" stroke-width=\"2\"/>\n\
                 <circle cx=\"{dice:.1}\" cy=\"{y:.1}\" r=\"4\" fill=\"#4477aa\"/>"
            );
        }
    }
    svg + "</svg>\n"
}

/// Where a score stands in a panel.
fn at(left: f64, score: f64) -> f64 {
    left + 12.0 + (PANEL - 24.0) * score
}
