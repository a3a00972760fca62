//! A plot of the results: a panel per set of images with the scores, one below it with the differences to the baseline, a line per loss,
//! a dot with its interval.

use std::fmt::Write;

use crate::protocol::LOSSES;
use crate::report::Summary;
use crate::sets::Name;

const PANEL: f64 = 180.0;
const LABELS: f64 = 190.0;
const LINE: f64 = 22.0;
const TOP: f64 = 40.0;
const BELOW: f64 = 50.0;

/// A row of panels.
struct Panels {
    title: &'static str,
    /// The mean with its interval.
    of: fn(&Summary) -> [f64; 3],
    /// The ends of the axis of a set.
    ends: fn(&[&Summary]) -> [f64; 2],
}

/// The plot as SVG.
pub(crate) fn svg(summaries: &[Summary]) -> String {
    let mut sets: Vec<&Name> = summaries.iter().map(|of| &of.set).collect();
    sets.dedup();
    let rows = [
        Panels {
            title: "Dice",
            of: |of| of.dice,
            ends: |_| [0.0, 1.0],
        },
        Panels {
            title: "difference",
            of: |of| of.difference,
            ends: |of| {
                let all = of.iter().flat_map(|of| of.difference).map(f64::abs);
                // In steps of 0.1.
                let most = all.fold(0.05, f64::max);
                let end = (10.0 * most).ceil() / 10.0;
                [-end, end]
            },
        },
    ];
    let row = LINE * LOSSES.len() as f64 + BELOW;
    let width = LABELS + PANEL * sets.len() as f64 + 10.0;
    let height = TOP + row * rows.len() as f64;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"{width}\" height=\"{height}\" fill=\"white\"/>\n"
    );
    for (column, set) in sets.iter().enumerate() {
        let middle = LABELS + PANEL * (column as f64 + 0.5);
        text(&mut svg, [middle, TOP - 18.0], "middle", &set.to_string());
    }
    for (number, panels) in rows.iter().enumerate() {
        let top = TOP + row * number as f64;
        for (line, loss) in LOSSES.iter().enumerate() {
            let y = top + LINE * (line as f64 + 0.7);
            text(&mut svg, [LABELS - 10.0, y], "end", loss.name);
        }
        for (column, set) in sets.iter().enumerate() {
            let own: Vec<&Summary> = summaries.iter().filter(|of| of.set == **set).collect();
            panel(
                &mut svg,
                panels,
                &own,
                [LABELS + PANEL * column as f64, top],
            );
        }
    }
    svg + "</svg>\n"
}

/// Draws a panel, whose upper left corner is given.
fn panel(svg: &mut String, panels: &Panels, summaries: &[&Summary], [left, top]: [f64; 2]) {
    let bottom = top + LINE * LOSSES.len() as f64;
    let [low, high] = (panels.ends)(summaries);
    let at = |score: f64| left + 16.0 + (PANEL - 32.0) * (score - low) / (high - low);
    for tick in [low, (low + high) / 2.0, high] {
        let x = at(tick);
        // Writing to a string cannot fail.
        let _ = writeln!(
            svg,
            "<line x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{top}\" y2=\"{bottom}\" stroke=\"#ddd\"/>"
        );
        text(svg, [x, bottom + 14.0], "middle", &tick.to_string());
    }
    let middle = left + PANEL / 2.0;
    text(svg, [middle, bottom + 30.0], "middle", panels.title);
    for (line, loss) in LOSSES.iter().enumerate() {
        let y = top + LINE * (line as f64 + 0.5);
        for of in summaries.iter().filter(|of| of.loss == loss.name) {
            let [mean, low, high] = (panels.of)(of).map(at);
            let _ = writeln!(
                svg,
                "<line x1=\"{low:.1}\" x2=\"{high:.1}\" y1=\"{y:.1}\" y2=\"{y:.1}\" stroke=\"#4477aa\" stroke-width=\"2\"/>\n\
                 <circle cx=\"{mean:.1}\" cy=\"{y:.1}\" r=\"4\" fill=\"#4477aa\"/>"
            );
        }
    }
}

fn text(svg: &mut String, [x, y]: [f64; 2], anchor: &str, label: &str) {
    let _ = writeln!(
        svg,
        "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{label}</text>"
    );
}
