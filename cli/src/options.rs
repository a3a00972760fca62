//! Refuses options that have no effect with the other options.

use crate::args::{Absent, Data, Shown, ShownMetrics};
use crate::failure::Failure;
use crate::format::Format;
use crate::input::Input;
use crate::loss::Chosen;
use crate::stream::args::Stream;

/// Refuses data options that do not apply to the kind of input.
pub(crate) fn check_data(data: &Data) -> Result<(), Failure> {
    let is_for = |option: &str, input: &str| {
        Err(Failure::Option(format!(
            "{option} applies to {input} only, expected --input {input}"
        )))
    };
    if data.input != Input::Probabilities {
        for (option, used) in [("--scale", data.scale.is_some()), ("--clamp", data.clamp)] {
            if used {
                return is_for(option, "probabilities");
            }
        }
    }
    if !data.regions.is_empty() {
        for (option, used) in [
            ("--rare", data.rare.is_some()),
            ("--region-weights", data.region_weights.is_some()),
        ] {
            if used {
                return Err(Failure::Option(format!(
                    "{option} applies to classes that exclude each other, found --regions: each region is scored by itself, its inside is rare, \
                     and region-based losses score the inside only"
                )));
            }
        }
    }
    if data.input == Input::Labels {
        for (option, used) in [
            ("--layout", data.layout.is_some()),
            ("--foreground", data.foreground),
            ("--target-scale", data.target_scale.is_some()),
        ] {
            if used {
                return no_labels(option);
            }
        }
    }
    for (option, scale) in [
        ("--scale", data.scale),
        ("--target-scale", data.target_scale),
    ] {
        if let Some(scale) = scale.filter(|scale| !(scale.is_finite() && *scale > 0.0)) {
            return Err(Failure::Option(format!(
                "{option} is {scale}, expected a number above 0"
            )));
        }
    }
    Ok(())
}

/// Refuses options that do not apply to the loss or to its gradient.
pub(crate) fn check_loss(data: &Data, loss: &Chosen, gradient: bool) -> Result<(), Failure> {
    if data.rare.is_some() && !loss.is_asymmetric() {
        return Err(Failure::Option(format!(
            "--rare applies to asymmetric losses only, found --loss {}",
            loss.name
        )));
    }
    if data.absent_class == Absent::Skip && !loss.averages_classes() {
        return Err(Failure::Option(format!(
            "--absent-class skip applies to losses that average over classes, found --loss {}, which sums over voxels",
            loss.name
        )));
    }
    if data.region_weights.is_some() && !loss.has_both_sides() {
        return Err(Failure::Option(format!(
            "--region-weights applies to losses with a region-based and a distribution-based side, found --loss {}: use --class-weights",
            loss.name
        )));
    }
    if gradient && data.input == Input::Labels {
        return no_labels("--gradient");
    }
    Ok(())
}

/// Refuses options about what is reported that have no effect.
pub(crate) fn check_shown(shown: &Shown, stream: &Stream, format: Format) -> Result<(), Failure> {
    if shown.per_class && stream.output.is_some() {
        return in_file("--per-class");
    }
    check_metrics(&shown.metrics, stream, format)
}

/// Refuses options about metrics that have no effect.
pub(crate) fn check_metrics(
    metrics: &ShownMetrics,
    stream: &Stream,
    format: Format,
) -> Result<(), Failure> {
    let to_file = stream.output.is_some();
    if metrics.empty.is_some() && !(metrics.shown || to_file) && format != Format::Json {
        return Err(Failure::Option(
            "--empty applies to metrics only: use it with --metrics, --output or --format json"
                .to_owned(),
        ));
    }
    if metrics.shown && to_file {
        return in_file("--metrics");
    }
    Ok(())
}

/// Refuses options that do not work on slabs.
pub(crate) fn check_slabs(stream: &Stream, gradient: bool) -> Result<(), Failure> {
    if stream.slabs && gradient {
        return Err(Failure::Option(
            "--gradient has no effect on slabs yet, found --slabs: score without the gradient, or without --slabs"
                .to_owned(),
        ));
    }
    Ok(())
}

fn in_file(option: &str) -> Result<(), Failure> {
    Err(Failure::Option(format!(
        "{option} has no effect with --output: the file has the loss and the metrics of each class"
    )))
}

fn no_labels(option: &str) -> Result<(), Failure> {
    Err(Failure::Option(format!(
        "{option} applies to probabilities and logits only, found --input labels"
    )))
}
