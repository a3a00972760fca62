//! Pictures of grids, as SVG.

use std::error::Error;
use std::path::Path;

use plotters::prelude::*;

use crate::failure::Failure;
use crate::output::Complete;

const SIZE: (u32, u32) = (960, 480);

/// The font of labels, and its size.
const LABEL: (&str, u32) = ("sans-serif", 15);

/// A curve and its name.
pub(super) struct Line {
    pub(super) name: String,
    pub(super) points: Vec<(f64, f64)>,
}

/// The names of a picture and its axes.
#[derive(Clone, Copy)]
pub(super) struct Titles<'a> {
    pub(super) title: &'a str,
    pub(super) x: &'a str,
    pub(super) y: &'a str,
}

/// Draws curves, in a panel for each quantity.
pub(super) fn lines(file: &Path, panels: &[(Titles<'_>, Vec<Line>)]) -> Result<(), Failure> {
    save(file, |svg| draw_lines(svg, panels))
}

/// Draws a value for each x and y as a colour. The values are row by row, a row per y.
pub(super) fn heat_map(
    file: &Path,
    titles: Titles<'_>,
    [x, y]: [&[String]; 2],
    values: &[Option<f64>],
) -> Result<(), Failure> {
    save(file, |svg| draw_heat_map(svg, titles, [x, y], values))
}

fn save(
    file: &Path,
    draw: impl FnOnce(&mut String) -> Result<(), Box<dyn Error>>,
) -> Result<(), Failure> {
    let mut svg = String::new();
    draw(&mut svg).map_err(|error| Failure::file(file, format!("cannot be drawn: {error}")))?;
    let mut written = Complete::new(file)?;
    written.write(svg.as_bytes())?;
    written.persist()?;
    Ok(())
}

/// The range of numbers, or one around them if they are equal.
fn range(numbers: impl Iterator<Item = f64>) -> std::ops::Range<f64> {
    let (low, high) = numbers.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), number| {
        (low.min(number), high.max(number))
    });
    match low.partial_cmp(&high) {
        Some(std::cmp::Ordering::Less) => low..high,
        Some(std::cmp::Ordering::Equal) => low - 0.5..high + 0.5,
        _ => 0.0..1.0,
    }
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
    svg: &mut String,
    titles: Titles<'_>,
    [x, y]: [&[String]; 2],
    values: &[Option<f64>],
) -> Result<(), Box<dyn Error>> {
    let root = SVGBackend::with_string(svg, SIZE).into_drawing_area();
    root.fill(&WHITE)?;
    let (columns, rows) = (x.len() as i32, y.len() as i32);
    let name = |names: &[String], place: i32| {
        let place = usize::try_from(place).ok();
        place
            .and_then(|place| names.get(place))
            .cloned()
            .unwrap_or_default()
    };
    let mut chart = ChartBuilder::on(&root)
        .caption(titles.title, ("sans-serif", 20))
        .margin(12)
        .x_label_area_size(48)
        .y_label_area_size(64)
        .build_cartesian_2d(
            (0..columns - 1).into_segmented(),
            (0..rows - 1).into_segmented(),
        )?;
    let segment = |names: &[String], value: &SegmentValue<i32>| match value {
        SegmentValue::CenterOf(place) | SegmentValue::Exact(place) => name(names, *place),
        SegmentValue::Last => String::new(),
    };
    chart
        .configure_mesh()
        .disable_mesh()
        .x_desc(titles.x)
        .y_desc(titles.y)
        .label_style(LABEL)
        .axis_desc_style(LABEL)
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
    root.present()?;
    Ok(())
}
