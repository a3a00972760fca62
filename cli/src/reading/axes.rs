//! The names of an array's axes.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

/// The meaning of an axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Axis {
    Sample,
    Class,
    Time,
    Z,
    Y,
    X,
    /// An axis of length 1 without a meaning.
    Single,
}

impl Axis {
    fn letter(self) -> char {
        match self {
            Axis::Sample => 'n',
            Axis::Class => 'c',
            Axis::Time => 't',
            Axis::Z => 'z',
            Axis::Y => 'y',
            Axis::X => 'x',
            Axis::Single => '1',
        }
    }

    /// Whether this is a spatial (or time) axis.
    pub(crate) fn is_space(self) -> bool {
        matches!(self, Axis::Time | Axis::Z | Axis::Y | Axis::X)
    }
}

/// The names of all axes of an array, in its order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Axes(pub(crate) Vec<Axis>);

impl Axes {
    /// The position of this axis, if it is present.
    pub(crate) fn position(&self, axis: Axis) -> Option<usize> {
        self.0.iter().position(|own| *own == axis)
    }

    pub(crate) fn has(&self, axis: Axis) -> bool {
        self.position(axis).is_some()
    }

    /// The spatial axes, in order.
    pub(crate) fn space(&self) -> Vec<Axis> {
        let space = self.0.iter().copied().filter(|axis| axis.is_space());
        space.collect()
    }

    /// The names for an array of this shape, in which axes of length 1 lose their meaning.
    pub(crate) fn squeezed(&self, shape: &[usize]) -> Self {
        let axes = self.0.iter().zip(shape);
        Axes(
            axes.map(|(axis, length)| if *length == 1 { Axis::Single } else { *axis })
                .collect(),
        )
    }

    /// The names for an array of this shape: one letter for each axis, or for each that is longer than 1.
    pub(crate) fn for_shape(&self, shape: &[usize]) -> Option<Self> {
        if self.0.len() == shape.len() {
            return Some(self.squeezed(shape));
        }
        let long = shape.iter().filter(|length| **length != 1).count();
        let mut letters = self.0.iter().filter(|axis| **axis != Axis::Single);
        if letters.clone().count() != long {
            return None;
        }
        let axes = shape.iter().map(|length| match length {
            1 => Some(Axis::Single),
            _ => letters.next().copied(),
        });
        axes.collect::<Option<_>>().map(Axes)
    }
}

impl fmt::Display for Axes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text: String = self.0.iter().map(|axis| axis.letter()).collect();
        f.write_str(&text)
    }
}

impl Serialize for Axes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl FromStr for Axes {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let letters = text
            .chars()
            .filter(|letter| !matches!(letter, ',' | ' ' | '[' | ']'));
        let axes = letters.map(|letter| match letter.to_ascii_lowercase() {
            'n' | 'b' => Ok(Axis::Sample),
            'c' => Ok(Axis::Class),
            't' => Ok(Axis::Time),
            'z' | 'd' => Ok(Axis::Z),
            'y' | 'h' => Ok(Axis::Y),
            'x' | 'w' => Ok(Axis::X),
            '1' | '_' => Ok(Axis::Single),
            other => Err(format!(
                "found the axis {other:?}, expected n (samples), c (classes), z or d, y or h, x or w, t (time) or \
                 1 (an axis of length 1)"
            )),
        });
        let axes: Vec<Axis> = axes.collect::<Result<_, _>>()?;
        let twice =
            |(index, axis): (usize, &Axis)| *axis != Axis::Single && axes[..index].contains(axis);
        match axes.iter().enumerate().find(|entry| twice(*entry)) {
            Some((_, axis)) => Err(format!(
                "found the axis {} twice, expected each once",
                axis.letter()
            )),
            None if axes.is_empty() => {
                Err("found no axis, expected one letter for each axis".to_owned())
            }
            None => Ok(Axes(axes)),
        }
    }
}
