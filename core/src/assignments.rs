//! Losses from text: a name, and values assigned to parameters.

use core::str::FromStr;

use crate::loss_error::LossError;
use crate::{AnyLoss, Name, Parameter};

/// Parses a name, or a name and parameters: `focal-tversky(gamma=0.5, clip=none)`.
impl FromStr for AnyLoss {
    type Err = LossError;

    fn from_str(text: &str) -> Result<Self, LossError> {
        let (name, inner) = match text.split_once('(') {
            None => (text, ""),
            Some((name, rest)) => {
                let inner = rest.trim_end().strip_suffix(')');
                (name, inner.ok_or(LossError::Form)?.trim())
            }
        };
        let name = name.trim().parse()?;
        let mut assignments = Assignments::default();
        for assignment in inner.split(',').filter(|_| !inner.is_empty()) {
            let (parameter, value) = assignment.split_once('=').ok_or(LossError::Form)?;
            let parameter = parameter.trim().parse()?;
            let value = read(value.trim()).ok_or(LossError::Number { parameter })?;
            assignments.add(parameter, value)?;
        }
        assignments.of(name)
    }
}

/// Parses the value of a parameter: a number, or `none`.
pub(crate) fn read(value: &str) -> Option<Option<f64>> {
    match value {
        "none" => Some(None),
        number => number.parse().ok().map(Some),
    }
}

/// Values assigned to the parameters of a loss, in any order.
#[derive(Default)]
pub(crate) struct Assignments([Option<Option<f64>>; Parameter::ALL.len()]);

impl Assignments {
    pub(crate) fn add(
        &mut self,
        parameter: Parameter,
        value: Option<f64>,
    ) -> Result<(), LossError> {
        match self.0[parameter as usize].replace(value) {
            None => Ok(()),
            Some(_) => Err(LossError::Repeated { parameter }),
        }
    }

    /// The loss called `name` with these values.
    pub(crate) fn of(self, name: Name) -> Result<AnyLoss, LossError> {
        let given = Parameter::ALL.into_iter().zip(self.0);
        given
            .filter_map(|(parameter, value)| Some((parameter, value?)))
            .try_fold(name.loss(), |loss, (parameter, value)| {
                loss.with(parameter, value)
            })
    }
}
