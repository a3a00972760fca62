//! The options that the numbers of a run depend on, as text. Two runs with the same text can be continued, merged and compared.

use clap::{ArgMatches, Command, parser::ValueSource};

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
