//! The options that the numbers of a run depend on, as text. Two runs with the same text can be continued, merged and compared.

use clap::{ArgMatches, Command, parser::ValueSource};
use unifocal_ndarray::core::AnyLoss;

use crate::loss::Chosen;
use crate::metrics::Empty;

/// The headings of the options that say how inputs are read.
const HEADINGS: [&str; 3] = ["Numbers", "Axes", "Classes"];

/// The options about reading that were given, in the order of the help.
pub(crate) fn reading(command: &Command, matches: &ArgMatches) -> String {
    let options = command.get_arguments().filter(|argument| {
        let heading = argument.get_help_heading();
        heading.is_some_and(|heading| HEADINGS.contains(&heading))
            && matches.value_source(argument.get_id().as_str()) == Some(ValueSource::CommandLine)
    });
    let mut text = String::new();
    for option in options {
        let id = option.get_id().as_str();
        text += &format!(" --{}", option.get_long().unwrap_or(id));
        if !option.get_action().takes_values() {
            continue;
        }
        let separator = option.get_value_delimiter().unwrap_or(' ');
        let values = matches.get_raw(id).into_iter().flatten();
        let values: Vec<String> = values
            .map(|value| value.to_string_lossy().into_owned())
            .collect();
        text += &format!(" {}", values.join(&separator.to_string()));
    }
    text
}

/// The text of a run.
pub(crate) fn of(loss: &Chosen, empty: Empty, reading: &str) -> String {
    let version = env!("CARGO_PKG_VERSION");
    let alpha = loss.alpha.iter().flatten().map(f64::to_string);
    let alpha: Vec<String> = alpha.collect();
    let alpha = if alpha.is_empty() {
        String::new()
    } else {
        format!(" --alpha {}", alpha.join(","))
    };
    let loss = &loss.loss;
    let empty = empty.name();
    format!("unifocal {version}: --loss {loss:#}{alpha} --empty {empty}{reading}")
}

/// A run as its text describes it.
#[derive(Debug)]
pub(crate) struct Run {
    /// The version of the program that scored it.
    pub(crate) version: String,
    pub(crate) loss: Chosen,
    /// The options about reading.
    pub(crate) reading: String,
}

/// Reads the text of a run; `None` if it is not one of this program.
pub(crate) fn parse(text: &str) -> Option<Run> {
    let (version, options) = text.strip_prefix("unifocal ")?.split_once(": --loss ")?;
    let (loss, rest) = options.split_once(" --empty ")?;
    let (_, reading) = rest.split_once(' ').unwrap_or((rest, ""));
    let (loss, alpha) = match loss.split_once(" --alpha ") {
        Some((loss, alpha)) => (loss, Some(alpha.split(',').map(str::parse))),
        None => (loss, None),
    };
    let loss: AnyLoss = loss.parse().ok()?;
    Some(Run {
        version: version.to_owned(),
        loss: Chosen {
            name: loss.name()?,
            loss,
            alpha: alpha.map(Iterator::collect).transpose().ok()?,
        },
        reading: reading.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use unifocal_ndarray::core::catalogue::Name;

    use super::*;

    #[test]
    fn a_run_is_read_as_it_is_written() {
        for name in Name::ALL {
            for alpha in [None, Some(vec![0.25, 1.0])] {
                let loss = Chosen {
                    alpha,
                    ..Chosen::default_of(name)
                };
                let text = of(&loss, Empty::Zero, " --input labels --regions a=1,2 b=2");
                let run = parse(&text).expect("a run");
                assert_eq!(run.version, env!("CARGO_PKG_VERSION"));
                assert_eq!((run.loss.name, run.loss.loss), (name, loss.loss));
                assert_eq!(run.loss.alpha, loss.alpha);
                assert_eq!(run.reading, "--input labels --regions a=1,2 b=2");
                let without = parse(&of(&loss, Empty::Skip, "")).expect("a run");
                assert_eq!(without.reading, "");
            }
        }
        for other in [
            "",
            "other 1: --loss dice --empty skip",
            "unifocal 1: --loss none --empty 0",
        ] {
            assert!(parse(other).is_none(), "{other}");
        }
    }
}
