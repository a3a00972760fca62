//! The error of a loss by name and parameters.

use core::fmt;

use crate::parameter::ParameterError;
use crate::{Name, Parameter, UnknownName, UnknownParameter, spelling};

/// Why a name and parameters do not make a loss.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum LossError {
    /// No loss has this name.
    Name(UnknownName),
    /// No parameter has this name.
    Parameter(UnknownParameter),
    /// The loss does not have the parameter; [`Name::parameters`] lists the ones it has.
    NotOfLoss {
        /// The loss.
        loss: Name,
        /// The parameter.
        parameter: Parameter,
    },
    /// A parameter is outside its range.
    Value(ParameterError),
    /// The value of a parameter is neither a number nor `none`.
    Number {
        /// The parameter.
        parameter: Parameter,
    },
    /// A parameter is given twice.
    Repeated {
        /// The parameter.
        parameter: Parameter,
    },
    /// The text does not have the form `name(parameter=value, …)`.
    Form,
    /// The loss [has no name](crate::AnyLoss::name), so its parameters cannot be accessed by name.
    Nameless,
}

impl fmt::Display for LossError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(error) => error.fmt(f),
            Self::Parameter(error) => error.fmt(f),
            Self::NotOfLoss { loss, parameter } => {
                write!(f, "{loss} has no parameter {parameter}, expected one of ")?;
                spelling::list(f, loss.parameters())
            }
            Self::Value(error) => error.fmt(f),
            Self::Number { parameter } => write!(f, "{parameter} is not a number, expected a number or none"),
            Self::Repeated { parameter } => write!(f, "{parameter} is given twice, expected once"),
            Self::Form => f.write_str("this is not a loss, expected a name or name(parameter=value, …)"),
            Self::Nameless => f.write_str(
                "this loss has no name, so it cannot be stored or changed by name; use the methods of its type",
            ),
        }
    }
}

impl core::error::Error for LossError {}

impl From<UnknownName> for LossError {
    fn from(error: UnknownName) -> Self {
        Self::Name(error)
    }
}

impl From<UnknownParameter> for LossError {
    fn from(error: UnknownParameter) -> Self {
        Self::Parameter(error)
    }
}

impl From<ParameterError> for LossError {
    fn from(error: ParameterError) -> Self {
        Self::Value(error)
    }
}
