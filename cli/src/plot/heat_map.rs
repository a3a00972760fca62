//! Values for pairs of numbers, as colours.

use std::error::Error;

use plotters::prelude::*;

use super::frame::{Area, LABEL, Titles, chart, name_axes, range, svg};
use crate::failure::Failure;

/// Draws a value for each x and y as a colour. The values are row by row, a row per y.
pub(crate) fn heat_map(
    titles: Titles<'_>,
    [x, y]: [&[String]; 2],
    values: &[Option<f64>],
) -> Result<String, Failure> {
    svg(|root| draw_heat_map(root, titles, [x, y], values))
}

/// The colours of the least, a middle and the largest value.
const COLOURS: [[f64; 3]; 3] = [
    [255.0, 255.0, 224.0],
    [252.0, 141.0, 89.0],
    [140.0, 20.0, 60.0],
];

/// The colour of a share from 0 to 1.
fn colour(share: f64) -> RGBColor {
    let place = 2.0 * share.clamp(0.0, 1.0);
    let (from, part) = if place < 1.0 {
        (0, place)
    } else {
        (1, place - 1.0)
    };
    let mixed = |channel: usize| {
        let [low, high] = [from, from + 1].map(|index| COLOURS[index][channel]);
        (low + part * (high - low)).round() as u8
    };
    RGBColor(mixed(0), mixed(1), mixed(2))
}

fn draw_heat_map(
    root: &Area<'_>,
    titles: Titles<'_>,
    [x, y]: [&[String]; 2],
    values: &[Option<f64>],
) -> Result<(), Box<dyn Error>> {
    let (columns, rows) = (x.len() as i32, y.len() as i32);
    let name = |names: &[String], place: i32| {
        let place = usize::try_from(place).ok();
        place
            .and_then(|place| names.get(place))
            .cloned()
            .unwrap_or_default()
    };
    let mut chart = chart(root, titles).build_cartesian_2d(
        (0..columns - 1).into_segmented(),
        (0..rows - 1).into_segmented(),
    )?;
    let segment = |names: &[String], value: &SegmentValue<i32>| match value {
        SegmentValue::CenterOf(place) | SegmentValue::Exact(place) => name(names, *place),
        SegmentValue::Last => String::new(),
    };
    let mut mesh = chart.configure_mesh();
    name_axes(&mut mesh, titles);
    mesh.disable_mesh()
        .x_labels(x.len().min(24))
        .y_labels(y.len().min(24))
        .x_label_formatter(&|value| segment(x, value))
        .y_label_formatter(&|value| segment(y, value))
        .draw()?;
    let range = range(values.iter().copied().flatten());
    let small = columns * rows <= 150;
    for (place, value) in values.iter().enumerate() {
        let Some(value) = value else { continue };
        let (column, row) = (place as i32 % columns, place as i32 / columns);
        let share = (value - range.start) / (range.end - range.start);
        let colour = colour(share);
        let corner =
            |column: i32, row: i32| (SegmentValue::Exact(column), SegmentValue::Exact(row));
        chart.draw_series([Rectangle::new(
            [corner(column, row), corner(column + 1, row + 1)],
            colour.filled(),
        )])?;
        if small {
            let ink = if share > 0.6 { WHITE } else { BLACK };
            let style = LABEL.into_font().color(&ink);
            let style = style.pos(plotters::style::text_anchor::Pos::new(
                plotters::style::text_anchor::HPos::Center,
                plotters::style::text_anchor::VPos::Center,
            ));
            let centre = (SegmentValue::CenterOf(column), SegmentValue::CenterOf(row));
            chart.draw_series([Text::new(format!("{value:.3}"), centre, style)])?;
        }
    }
    Ok(())
}
