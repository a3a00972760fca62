//! The options `--loss` and its parameters, generated from the core's list. A parameter that the loss does not have is an error.

use std::num::ParseFloatError;
use std::str::FromStr;

use clap::builder::ValueParser;
use clap::{Arg, ArgMatches, Args, Command, FromArgMatches, value_parser};
use serde_json::{Map, Value, json};
use unifocal_ndarray::core::{
    AnyLoss, Parameter,
    catalogue::{LossError, Name, Range},
};

use crate::failure::Failure;

/// The chosen loss, its name, and α per class if there are several.
#[derive(Debug)]
pub(crate) struct Chosen {
    pub(crate) name: Name,
    pub(crate) loss: AnyLoss,
    pub(crate) alpha: Option<Vec<f64>>,
}

impl Chosen {
    /// The loss of this name with its default parameters.
    pub(crate) fn default_of(name: Name) -> Self {
        Self {
            name,
            loss: name.loss(),
            alpha: None,
        }
    }

    /// The effective value of each parameter, by option name.
    pub(crate) fn parameters(&self) -> Map<String, Value> {
        let value = |(parameter, value)| match (parameter, &self.alpha) {
            (Parameter::Alpha, Some(alpha)) => (parameter.to_string(), json!(alpha)),
            _ => (parameter.to_string(), json!(value)),
        };
        self.loss.parameters().map(value).collect()
    }

    /// Whether it treats rare and common classes differently.
    pub(crate) fn is_asymmetric(&self) -> bool {
        matches!(
            self.name,
            Name::AsymmetricFocal | Name::AsymmetricFocalTversky | Name::AsymmetricUnifiedFocal
        )
    }

    /// Whether it has a region-based and a distribution-based side, so that their class weights can differ.
    pub(crate) fn has_both_sides(&self) -> bool {
        matches!(self.loss, AnyLoss::UnifiedFocal(_))
    }

    /// Whether it averages over classes, so that an absent class can be left out of the mean.
    pub(crate) fn averages_classes(&self) -> bool {
        !matches!(self.loss, AnyLoss::Focal(_) | AnyLoss::HardVoxels(_))
    }
}

/// The text that lists all losses with their default parameters, and their aliases.
pub(crate) fn list() -> String {
    let line = |name: Name| {
        let parameters = Chosen::default_of(name).parameters();
        let parameters = parameters.iter().map(|(name, value)| match value {
            Value::Null => format!("--{name} none"),
            value => format!("--{name} {value}"),
        });
        let parameters: Vec<String> = parameters.collect();
        format!("  {:26}{}\n", name.as_str(), parameters.join(" "))
    };
    let lines: String = Name::ALL.into_iter().map(line).collect();
    let aliases: Vec<String> = Name::ALL
        .into_iter()
        .filter(|name| !name.aliases().is_empty())
        .map(|name| format!("{} = {name}", name.aliases().join(", ")))
        .collect();
    format!(
        "{lines}\nAliases: {}. Names ignore case, and _ can replace -.\n",
        aliases.join("; ")
    )
}

/// A loss and its parameters, from the command line.
#[derive(Debug)]
pub(crate) struct LossArgs {
    loss: String,
    parameters: Vec<(Parameter, Setting)>,
}

/// The option that names the loss.
const LOSS: &str = "loss";

/// Adds `--loss` and an option for each parameter, whose values `parser` reads.
pub(crate) fn options(
    command: Command,
    parser: ValueParser,
    value_name: fn(Parameter) -> &'static str,
) -> Command {
    let loss = Arg::new(LOSS)
        .value_name("NAME")
        .default_value(Name::default().as_str())
        .help("Set the loss; see the list below");
    let parameters = Parameter::ALL.map(|parameter| {
        Arg::new(parameter.as_str())
            .value_name(value_name(parameter))
            .value_parser(parser.clone())
            .allow_negative_numbers(true)
            .help(help(parameter))
    });
    let options = [loss].into_iter().chain(parameters);
    command.args(options.map(|option| {
        let long = option.get_id().clone();
        option.long(long).help_heading("Loss")
    }))
}

/// The text of `--loss`.
pub(crate) fn name(matches: &ArgMatches) -> String {
    matches.get_one(LOSS).cloned().unwrap_or_default()
}

/// The parameters that are given, in the order of [`Parameter::ALL`].
pub(crate) fn given<V: Clone + Send + Sync + 'static>(matches: &ArgMatches) -> Vec<(Parameter, V)> {
    let value = |parameter: Parameter| {
        let value: &V = matches.get_one(parameter.as_str())?;
        Some((parameter, value.clone()))
    };
    Parameter::ALL.into_iter().filter_map(value).collect()
}

impl Args for LossArgs {
    fn augment_args(command: Command) -> Command {
        options(command, value_parser!(Setting).into(), value_name)
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for LossArgs {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        Ok(Self {
            loss: name(matches),
            parameters: given(matches),
        })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

/// The placeholder for an option's value in the help.
fn value_name(parameter: Parameter) -> &'static str {
    let none = ranges(parameter)
        .iter()
        .any(|(range, _)| range.allows_none());
    match (parameter, none) {
        (Parameter::Alpha, _) => "X[,X…]|none",
        (_, true) => "X|none",
        (_, false) => "X",
    }
}

/// The description of a parameter and its range. If losses have different ranges, the first is that of the default loss, and the
/// others name their losses.
fn help(parameter: Parameter) -> String {
    let mut text = parameter.description().to_owned();
    if parameter == Parameter::Alpha {
        text += &format!(
            "; {} takes one number, one per class, or two per region",
            Name::Focal
        );
    }
    let ranges: Vec<String> = ranges(parameter)
        .into_iter()
        .map(|(range, names)| {
            if names.contains(&Name::default()) {
                range.to_string()
            } else {
                let names: Vec<&str> = names.into_iter().map(Name::as_str).collect();
                format!("{range} for {}", names.join(", "))
            }
        })
        .collect();
    format!("{text} [range: {}]", ranges.join("; "))
}

/// The ranges of a parameter, each with the losses that have it; the range of the default loss comes first.
fn ranges(parameter: Parameter) -> Vec<(Range, Vec<Name>)> {
    let mut ranges: Vec<(Range, Vec<Name>)> = Vec::new();
    let others = Name::ALL
        .into_iter()
        .filter(|name| *name != Name::default());
    for name in [Name::default()].into_iter().chain(others) {
        let Ok(range) = name.range(parameter) else {
            continue;
        };
        match ranges.iter_mut().find(|(known, _)| *known == range) {
            Some((_, names)) => names.push(name),
            None => ranges.push((range, vec![name])),
        }
    }
    ranges
}

impl LossArgs {
    /// A loss with these values of parameters.
    pub(crate) fn new(loss: &str, parameters: Vec<(Parameter, Option<f64>)>) -> Self {
        let setting = |value: Option<f64>| Setting(value.map(|number| vec![number]));
        let parameters = parameters.into_iter();
        Self {
            loss: loss.to_owned(),
            parameters: parameters
                .map(|(parameter, value)| (parameter, setting(value)))
                .collect(),
        }
    }

    /// Builds the loss.
    pub(crate) fn choose(&self) -> Result<Chosen, Failure> {
        let failure = |error| match error {
            LossError::NotOfLoss { loss, parameter } => {
                Failure::NoSuchParameter { loss, parameter }
            }
            LossError::Value(error) => Failure::Parameter(error),
            error => Failure::Loss {
                found: self.loss.clone(),
                error,
            },
        };
        let mut loss: AnyLoss = self.loss.parse().map_err(failure)?;
        let name = loss.name().ok_or(LossError::Nameless).map_err(failure)?;
        let mut alpha = None;
        for (parameter, Setting(numbers)) in &self.parameters {
            name.range(*parameter).map_err(failure)?;
            let value = match numbers.as_deref() {
                Some([number]) => Some(*number),
                Some(several) if (*parameter, name) == (Parameter::Alpha, Name::Focal) => {
                    alpha = Some(several.to_owned());
                    continue;
                }
                Some(_) => {
                    return Err(Failure::Option(format!(
                        "--{parameter} takes one number for --loss {name}, found several: only --{} of --loss {} takes one number per class",
                        Parameter::Alpha,
                        Name::Focal
                    )));
                }
                None => None,
            };
            loss = loss.with(*parameter, value).map_err(failure)?;
        }
        Ok(Chosen { name, loss, alpha })
    }
}

/// The value of a parameter option: a number, several separated by commas, or `none`.
#[derive(Clone, Debug)]
struct Setting(Option<Vec<f64>>);

impl FromStr for Setting {
    type Err = ParseFloatError;

    fn from_str(text: &str) -> Result<Self, ParseFloatError> {
        if text == "none" {
            return Ok(Self(None));
        }
        let numbers = text.split(',').map(str::parse);
        numbers.collect::<Result<_, _>>().map(Some).map(Self)
    }
}
