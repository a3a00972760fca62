//! The page. Every text is escaped, but for the pictures, which this program drew.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::content::{Chart, Content, Worst};
use super::facts::Reading;
use super::tables;
use crate::overlay::LEGEND;
use crate::report::cells::digits;
use crate::summary::count;

const STYLE: &str = include_str!("style.css");

/// The sections: their anchor and their heading.
const SECTIONS: [(&str, &str); 8] = [
    ("run", "Run"),
    ("reading", "How the inputs were read"),
    ("loss", "Loss"),
    ("summary", "Summary"),
    ("distributions", "Distributions"),
    ("worst", "Worst cases"),
    ("failures", "Cases without a score"),
    ("versions", "Versions"),
];

pub(super) fn render(content: &Content<'_>) -> String {
    let bodies = [
        run(content),
        readings(&content.readings),
        loss(content),
        tables::summary(content),
        distributions(&content.charts),
        worst(content),
        failures(content),
        versions(content),
    ];
    let loss = content.run.as_ref().map(|run| run.loss.name.as_str());
    let title = match loss {
        Some(loss) => format!("Segmentation scores: {loss}"),
        None => "Segmentation scores".to_owned(),
    };
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                header {
                    h1 { (title) }
                    nav {
                        @for (anchor, heading) in SECTIONS {
                            a href={ "#" (anchor) } { (heading) }
                        }
                    }
                }
                main {
                    @for ((anchor, heading), body) in SECTIONS.into_iter().zip(bodies) {
                        section id=(anchor) {
                            h2 { (heading) }
                            (body)
                        }
                    }
                }
            }
        }
    };
    page.into_string()
}

fn run(content: &Content<'_>) -> Markup {
    let run = &content.summary.run;
    html! {
        p { (count(run.cases.len(), run.failed.len())) }
        p { code { (run.run) } }
        @for file in content.files {
            p { "From " code { (file.display()) } }
        }
    }
}

fn readings(readings: &[Reading]) -> Markup {
    html! {
        @if readings.is_empty() {
            p { "No case was read." }
        }
        @for reading in readings {
            @match reading.cases {
                1 => p { "1 case, " code { (reading.first) } ":" },
                cases => p { (cases) " cases, such as " code { (reading.first) } ":" },
            }
            ul {
                @for line in &reading.lines {
                    li { (line) }
                }
            }
        }
    }
}

fn loss(content: &Content<'_>) -> Markup {
    let Some(run) = &content.run else {
        return html! {
            p { "The text of the run above is not one of this version, so its loss is not drawn." }
        };
    };
    html! {
        p { code { (run.loss.loss) } }
        (tables::parameters(&run.loss))
        @if let Some(curve) = &content.curve {
            figure {
                (PreEscaped(curve))
                figcaption {
                    "The loss and its gradient: the distribution-based side of a voxel against the probability of its true class, the \
                     region-based side against overlap, where as many other voxels are predicted wrongly as the class has left. "
                    @if run.loss.alpha.is_some() {
                        "It is drawn with α = 1; each class has its own α."
                    }
                }
            }
        }
    }
}

fn distributions(charts: &[Chart]) -> Markup {
    html! {
        @if charts.is_empty() {
            p { "No score has a value." }
        }
        @for chart in charts {
            figure {
                (PreEscaped(&chart.svg))
                figcaption {
                    "The " code { (chart.score.name()) } " of each case, per class: a point per case, or bars for more than 200. The line is \
                     the median. "
                    @if chart.left_out > 0 {
                        (chart.left_out) " values are not finite numbers, and not drawn."
                    }
                }
            }
        }
    }
}

fn worst(content: &Content<'_>) -> Markup {
    html! {
        @if content.worst.is_empty() {
            p { "None." }
        } @else {
            (tables::worst(&content.worst))
            @if content.worst.iter().any(|worst| matches!(worst.picture, Some(Ok(_)))) {
                p { "Colours of the pictures: " (LEGEND) ". A volume is shown in the axial, the coronal and the sagittal plane with the most errors, or through the centre of what TARGET has." }
            }
        }
        @for (index, worst) in content.worst.iter().enumerate() {
            (case(index, worst, content))
        }
    }
}

fn case(index: usize, worst: &Worst, content: &Content<'_>) -> Markup {
    let Worst { record, picture } = worst;
    html! {
        article id={ "case-" (index + 1) } {
            h3 { (record.key.case) }
            p { "Loss " (digits(record.value)) ", " code { (record.key.prediction) } " against " code { (record.key.target) } }
            (tables::classes(record, content))
            @match picture {
                None => {}
                Some(Err(reason)) => p { "No picture: " (reason) },
                Some(Ok(shown)) => figure {
                    img src=(shown.data) width=(shown.width) height=(shown.height) alt={ "Errors of " (record.key.case) ": " (shown.errors) };
                    figcaption { (shown.planes) "; " (shown.errors) }
                },
            }
        }
    }
}

fn failures(content: &Content<'_>) -> Markup {
    let failed = &content.summary.run.failed;
    html! {
        @if failed.is_empty() {
            p { "None: every case has a score." }
        } @else {
            p { "These cases are not in the numbers above." }
            ul {
                @for (case, error) in failed {
                    li { code { (case) } ": " (error) }
                }
            }
        }
    }
}

fn versions(content: &Content<'_>) -> Markup {
    let resampling = content.summary.resampling;
    html! {
        ul {
            @if let Some(run) = &content.run {
                li { "Scored by unifocal " (run.version) }
            }
            li { "This page, its statistics and its pictures by unifocal " (env!("CARGO_PKG_VERSION")) }
            @if resampling.times > 0 {
                li { "Bootstrap of " (resampling.times) " samples, seed " (resampling.seed) }
            }
        }
    }
}
