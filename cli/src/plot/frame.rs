//! The size, fonts and file of every plot.

use std::error::Error;
use std::path::Path;

use plotters::chart::MeshStyle;
use plotters::coord::{Shift, ranged1d::Ranged};
use plotters::prelude::*;

use crate::failure::Failure;
use crate::output::Complete;

const SIZE: (u32, u32) = (960, 480);

/// The font of the title, and its size.
const TITLE: (&str, u32) = ("sans-serif", 20);

/// The font of labels, and its size.
pub(super) const LABEL: (&str, u32) = ("sans-serif", 15);

/// The names of a picture and its axes.
#[derive(Clone, Copy)]
pub(crate) struct Titles<'a> {
    pub(crate) title: &'a str,
    pub(crate) x: &'a str,
    pub(crate) y: &'a str,
}

/// Writes a picture to a file, whole or not at all.
pub(crate) fn save(file: &Path, svg: &str) -> Result<(), Failure> {
    let mut written = Complete::new(file)?;
    written.append(svg.as_bytes())?;
    written.persist()?;
    Ok(())
}

/// A picture or a part of it.
pub(super) type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// Draws a picture into a text.
pub(super) fn svg(
    draw: impl FnOnce(&Area<'_>) -> Result<(), Box<dyn Error>>,
) -> Result<String, Failure> {
    let mut svg = String::new();
    match draw_svg(&mut svg, draw) {
        Ok(()) => Ok(svg),
        Err(error) => Err(Failure::Report(format!(
            "a picture cannot be drawn: {error}"
        ))),
    }
}

fn draw_svg(
    svg: &mut String,
    draw: impl FnOnce(&Area<'_>) -> Result<(), Box<dyn Error>>,
) -> Result<(), Box<dyn Error>> {
    let root = SVGBackend::with_string(svg, SIZE).into_drawing_area();
    root.fill(&WHITE)?;
    draw(&root)?;
    root.present()?;
    Ok(())
}

/// A chart with its title, and room for the names of its axes.
pub(super) fn chart<'a, 'b, 'svg>(
    area: &'a Area<'svg>,
    titles: Titles<'_>,
) -> ChartBuilder<'a, 'b, SVGBackend<'svg>> {
    let mut chart = ChartBuilder::on(area);
    chart
        .caption(titles.title, TITLE)
        .margin(12)
        .x_label_area_size(48)
        .y_label_area_size(64);
    chart
}

/// Names the axes of a chart.
pub(super) fn name_axes<X: Ranged, Y: Ranged>(
    mesh: &mut MeshStyle<'_, '_, X, Y, SVGBackend<'_>>,
    titles: Titles<'_>,
) {
    mesh.x_desc(titles.x)
        .y_desc(titles.y)
        .label_style(LABEL)
        .axis_desc_style(LABEL);
}

/// Numbers that differ by a smaller part of their size are equal up to rounding.
const ROUNDING: f64 = 1e-9;

/// The range of numbers, or one around them if they are equal.
pub(super) fn range(numbers: impl Iterator<Item = f64>) -> std::ops::Range<f64> {
    let (low, high) = numbers.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), number| {
        (low.min(number), high.max(number))
    });
    if low > high {
        0.0..1.0
    } else if high - low <= ROUNDING * low.abs().max(high.abs()) {
        low - 0.5..high + 0.5
    } else {
        low..high
    }
}

#[cfg(test)]
mod tests {
    use super::range;

    #[test]
    fn rounding_is_not_drawn() {
        assert_eq!(range([2.0, 3.0, 1.0].into_iter()), 1.0..3.0);
        let equal = range([-1.0, -1.0 + 1e-15].into_iter());
        assert!(equal.end - equal.start > 0.9, "{equal:?}");
        assert_eq!(range([0.0, 0.0].into_iter()), -0.5..0.5);
        assert_eq!(range([0.0, 1e-20].into_iter()), 0.0..1e-20);
        assert_eq!(range([].into_iter()), 0.0..1.0);
    }
}
