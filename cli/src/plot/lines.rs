//! Curves.

use std::error::Error;

use plotters::prelude::*;

use super::frame::{LABEL, SIZE, Titles, range, svg};
use crate::failure::Failure;

/// A curve and its name.
pub(crate) struct Line {
    pub(crate) name: String,
    pub(crate) points: Vec<(f64, f64)>,
}

/// Draws curves, in a panel for each quantity.
pub(crate) fn lines(panels: &[(Titles<'_>, Vec<Line>)]) -> Result<String, Failure> {
    svg(|svg| draw_lines(svg, panels))
}

fn draw_lines(svg: &mut String, panels: &[(Titles<'_>, Vec<Line>)]) -> Result<(), Box<dyn Error>> {
    let root = SVGBackend::with_string(svg, SIZE).into_drawing_area();
    root.fill(&WHITE)?;
    let areas = root.split_evenly((1, panels.len()));
    for (area, (titles, lines)) in areas.iter().zip(panels) {
        draw_panel(area, *titles, lines)?;
    }
    root.present()?;
    Ok(())
}

fn draw_panel<B: DrawingBackend>(
    area: &DrawingArea<B, plotters::coord::Shift>,
    titles: Titles<'_>,
    lines: &[Line],
) -> Result<(), Box<dyn Error>>
where
    B::ErrorType: 'static,
{
    let points = || lines.iter().flat_map(|line| &line.points);
    let x = range(points().map(|(x, _)| *x));
    let y = range(points().map(|(_, y)| *y));
    let mut chart = ChartBuilder::on(area)
        .caption(titles.title, ("sans-serif", 20))
        .margin(12)
        .x_label_area_size(48)
        .y_label_area_size(64)
        .build_cartesian_2d(x, y)?;
    chart
        .configure_mesh()
        .x_labels(6)
        .x_desc(titles.x)
        .y_desc(titles.y)
        .label_style(LABEL)
        .axis_desc_style(LABEL)
        .light_line_style(TRANSPARENT)
        .draw()?;
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
