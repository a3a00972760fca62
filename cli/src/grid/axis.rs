//! The values of a parameter of a grid.

use std::fmt;
use std::str::FromStr;

/// Values of a parameter: numbers and `none`, separated by commas, and ranges FROM:TO:STEP.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Axis(pub(super) Vec<Option<f64>>);

/// A range has at most this many values.
const MOST: f64 = 1e5;

impl FromStr for Axis {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut values = Vec::new();
        for item in text.split(',') {
            let expected = || {
                format!(
                    "found {item:?}, expected a number, none, or a range such as 0:1:0.1 (from, to, step)"
                )
            };
            let parts: Vec<&str> = item.split(':').collect();
            let number = |text: &str| -> Result<f64, String> {
                let number: f64 = text.trim().parse().map_err(|_| expected())?;
                if number.is_finite() {
                    Ok(number)
                } else {
                    Err(expected())
                }
            };
            match parts[..] {
                ["none"] => values.push(None),
                [one] => values.push(Some(number(one)?)),
                [from, to, step] => {
                    let range = range(number(from)?, number(to)?, number(step)?);
                    values.extend(range.ok_or_else(expected)?.into_iter().map(Some));
                }
                _ => return Err(expected()),
            }
        }
        Ok(Self(values))
    }
}

/// The numbers from `from` to `to`. Where the steps end at `to`, each is the nearest number to its decimal: 0.3, not
/// 0.30000000000000004.
fn range(from: f64, to: f64, step: f64) -> Option<Vec<f64>> {
    let steps = (to - from) / step;
    if !(0.0..MOST).contains(&steps) {
        return None;
    }
    let whole = steps.round();
    let ends = (steps - whole).abs() < 1e-9;
    let value = |index: f64| {
        if ends && whole > 0.0 {
            (from * (whole - index) + to * index) / whole
        } else {
            from + index * step
        }
    };
    let last = if ends { whole } else { steps.floor() };
    Some((0..=last as u64).map(|index| value(index as f64)).collect())
}

/// A value of a parameter, for reports.
pub(super) struct Shown(pub(super) Option<f64>);

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(number) => write!(f, "{number}"),
            None => f.write_str("none"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_decimal() {
        let axis: Axis = "0:1:0.1,2,none".parse().expect("an axis");
        let mut expected: Vec<Option<f64>> = (0..=10)
            .map(|tenth| Some(f64::from(tenth) / 10.0))
            .collect();
        expected.extend([Some(2.0), None]);
        assert_eq!(axis.0, expected);
        assert_eq!(
            "0:1:0.4".parse(),
            Ok(Axis([0.0, 0.4, 0.8].map(Some).to_vec()))
        );
        assert_eq!("2:2:1".parse(), Ok(Axis(vec![Some(2.0)])));
        for wrong in [
            "", "1:2", "0:1:0", "1:0:0.1", "0:1:1e-9", "a", "inf", "0:nan:1",
        ] {
            assert!(wrong.parse::<Axis>().is_err(), "{wrong:?}");
        }
    }
}
