//! Distributions side by side: a point per number, or bars for many.

use std::error::Error;

use plotters::prelude::*;

use super::frame::{Area, Titles, chart, name_axes, range, svg};
use crate::failure::Failure;

/// Numbers and their name.
pub(crate) struct Strip {
    pub(crate) name: String,
    /// All finite.
    pub(crate) numbers: Vec<f64>,
    /// The number at which a line is drawn.
    pub(crate) line: Option<f64>,
}

/// More numbers than this are drawn as bars.
const MOST_POINTS: usize = 200;

/// The number of bars.
const BARS: usize = 40;

const COLOUR: RGBColor = RGBColor(40, 100, 170);

/// The part of a strip's place that it fills.
const WIDTH: f64 = 0.7;

/// Draws the strips from the left to the right, with a line at each one's number.
pub(crate) fn strips(titles: Titles<'_>, strips: &[Strip]) -> Result<String, Failure> {
    svg(|root| draw(root, titles, strips))
}

fn draw(root: &Area<'_>, titles: Titles<'_>, strips: &[Strip]) -> Result<(), Box<dyn Error>> {
    let all = strips
        .iter()
        .flat_map(|strip| strip.numbers.iter().copied());
    let values = range(all);
    // Points at the ends are drawn whole.
    let margin = 0.03 * (values.end - values.start);
    let values = values.start - margin..values.end + margin;
    let mut chart =
        chart(root, titles).build_cartesian_2d(-0.5..strips.len() as f64 - 0.5, values.clone())?;
    let name = |x: &f64| {
        let place = x.round();
        let is_place = (x - place).abs() < 1e-6 && place >= 0.0;
        let strip = is_place.then(|| strips.get(place as usize)).flatten();
        strip.map_or(String::new(), |strip| strip.name.clone())
    };
    let mut mesh = chart.configure_mesh();
    name_axes(&mut mesh, titles);
    mesh.disable_x_mesh()
        .x_labels(2 * strips.len() + 1)
        .x_label_formatter(&name)
        .light_line_style(TRANSPARENT)
        .draw()?;
    for (place, strip) in strips.iter().enumerate() {
        let middle = place as f64;
        if strip.numbers.len() <= MOST_POINTS {
            let points = strip.numbers.iter().enumerate();
            let points = points.map(|(index, number)| (middle + offset(index), *number));
            chart
                .draw_series(points.map(|point| Circle::new(point, 4, COLOUR.mix(0.6).filled())))?;
        } else {
            let height = (values.end - values.start) / BARS as f64;
            let mut counts = [0_usize; BARS];
            for number in &strip.numbers {
                let bar = ((number - values.start) / height) as usize;
                counts[bar.min(BARS - 1)] += 1;
            }
            let most = counts.iter().copied().max().unwrap_or(1).max(1);
            let bars = counts.iter().enumerate().filter(|(_, count)| **count > 0);
            chart.draw_series(bars.map(|(bar, count)| {
                let half = 0.5 * WIDTH * *count as f64 / most as f64;
                let low = values.start + bar as f64 * height;
                let corners = [(middle - half, low), (middle + half, low + height)];
                Rectangle::new(corners, COLOUR.mix(0.6).filled())
            }))?;
        }
        if let Some(line) = strip.line {
            let ends = [(middle - 0.5 * WIDTH, line), (middle + 0.5 * WIDTH, line)];
            chart.draw_series([PathElement::new(ends, BLACK.stroke_width(2))])?;
        }
    }
    Ok(())
}

/// How far to the side a point is drawn, so that equal numbers are seen beside each other: the golden ratio spreads them evenly.
fn offset(index: usize) -> f64 {
    const RATIO: f64 = 0.618_033_988_749_894_9;
    WIDTH * ((index as f64 * RATIO + 0.5).fract() - 0.5)
}
