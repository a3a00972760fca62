//! Curves.

use std::error::Error;

use plotters::prelude::*;

use super::frame::{Area, LABEL, Titles, chart, name_axes, range, svg};
use crate::failure::Failure;

/// A curve and its name.
pub(crate) struct Line {
    pub(crate) name: String,
    pub(crate) points: Vec<(f64, f64)>,
}

/// Draws curves, in a panel for each quantity.
pub(crate) fn lines(panels: &[(Titles<'_>, Vec<Line>)]) -> Result<String, Failure> {
    svg(|root| draw_lines(root, panels))
}

fn draw_lines(root: &Area<'_>, panels: &[(Titles<'_>, Vec<Line>)]) -> Result<(), Box<dyn Error>> {
    let areas = root.split_evenly((1, panels.len()));
    for (area, (titles, lines)) in areas.iter().zip(panels) {
        draw_panel(area, *titles, lines)?;
    }
    Ok(())
}

fn draw_panel(area: &Area<'_>, titles: Titles<'_>, lines: &[Line]) -> Result<(), Box<dyn Error>> {
    let points = || lines.iter().flat_map(|line| &line.points);
    let x = range(points().map(|(x, _)| *x));
    let y = range(points().map(|(_, y)| *y));
    let mut chart = chart(area, titles).build_cartesian_2d(x, y)?;
    let mut mesh = chart.configure_mesh();
    name_axes(&mut mesh, titles);
    mesh.x_labels(6).light_line_style(TRANSPARENT).draw()?;
    for (index, line) in lines.iter().enumerate() {
        let style = Palette99::pick(index).stroke_width(2);
        let drawn = chart.draw_series(LineSeries::new(line.points.iter().copied(), style))?;
        drawn
            .label(&line.name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], style));
    }
    if lines.len() > 1 {
        chart
            .configure_series_labels()
            .position(SeriesLabelPosition::UpperRight)
            .label_font(LABEL)
            .background_style(WHITE.mix(0.8))
            .border_style(BLACK.mix(0.4))
            .draw()?;
    }
    Ok(())
}
