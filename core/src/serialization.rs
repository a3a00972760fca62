//! Losses in files: a map of name and parameters, or a text in binary formats.

use core::fmt;

use serde::de::{self, Deserializer, MapAccess, Unexpected, Visitor};
use serde::ser::{self, SerializeMap, Serializer};
use serde::{Deserialize, Serialize};

use crate::assignments::{Assignments, read};
use crate::{
    AnyLoss, Focal, HardVoxels, LossError, Matthews, Name, Parameter, Tversky, UnifiedFocal,
};

/// The key of the name.
const NAME: &str = "name";

/// The value of a parameter that is none. A text, because not all formats have a null.
const NONE: &str = "none";

/// All valid keys.
const KEYS: [&str; 1 + Parameter::ALL.len()] = {
    let mut keys = [NAME; 1 + Parameter::ALL.len()];
    let mut index = 0;
    while index < Parameter::ALL.len() {
        keys[1 + index] = Parameter::ALL[index].as_str();
        index += 1;
    }
    keys
};

impl Serialize for AnyLoss {
    /// Writes every parameter, so that a file keeps its meaning if defaults change.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let name = self
            .name()
            .ok_or_else(|| ser::Error::custom(LossError::Nameless))?;
        if !serializer.is_human_readable() {
            return serializer.collect_str(&format_args!("{self:#}"));
        }
        let mut map = serializer.serialize_map(Some(1 + name.parameters().len()))?;
        map.serialize_entry(NAME, &name)?;
        for (parameter, value) in self.parameters() {
            match value {
                Some(number) => map.serialize_entry(&parameter, &number)?,
                None => map.serialize_entry(&parameter, NONE)?,
            }
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for AnyLoss {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            deserializer.deserialize_any(LossVisitor)
        } else {
            deserializer.deserialize_str(LossVisitor)
        }
    }
}

struct LossVisitor;

impl<'de> Visitor<'de> for LossVisitor {
    type Value = AnyLoss;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name and parameters of a loss")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<AnyLoss, E> {
        text.parse().map_err(E::custom)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<AnyLoss, A::Error> {
        let mut name = None;
        let mut assignments = Assignments::default();
        while let Some(key) = map.next_key()? {
            match key {
                Key::Name if name.is_some() => return Err(de::Error::duplicate_field(NAME)),
                Key::Name => name = Some(map.next_value()?),
                Key::Parameter(parameter) => {
                    let Value(value) = map.next_value()?;
                    assignments
                        .add(parameter, value)
                        .map_err(de::Error::custom)?;
                }
            }
        }
        let name = name.ok_or_else(|| de::Error::missing_field(NAME))?;
        assignments.of(name).map_err(de::Error::custom)
    }
}

enum Key {
    Name,
    Parameter(Parameter),
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_identifier(KeyVisitor)
    }
}

struct KeyVisitor;

impl Visitor<'_> for KeyVisitor {
    type Value = Key;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("`name` or a parameter")
    }

    fn visit_str<E: de::Error>(self, key: &str) -> Result<Key, E> {
        if key == NAME {
            return Ok(Key::Name);
        }
        key.parse()
            .map(Key::Parameter)
            .map_err(|_| E::unknown_field(key, &KEYS))
    }
}

/// The value of a parameter: a number, or `none` or `null`.
struct Value(Option<f64>);

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

impl Visitor<'_> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number or none")
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<Value, E> {
        Ok(Value(Some(number)))
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Value, E> {
        Ok(Value(Some(number as f64)))
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Value, E> {
        Ok(Value(Some(number as f64)))
    }

    fn visit_unit<E: de::Error>(self) -> Result<Value, E> {
        Ok(Value(None))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Value, E> {
        read(text)
            .map(Value)
            .ok_or_else(|| E::invalid_value(Unexpected::Str(text), &self))
    }
}

/// Reads and writes one type of loss through [`AnyLoss`].
macro_rules! one_of_the_losses {
    ($($loss:ident $expected:literal,)*) => {
        $(
            impl Serialize for $loss {
                fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                    AnyLoss::from(*self).serialize(serializer)
                }
            }

            impl<'de> Deserialize<'de> for $loss {
                fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                    match AnyLoss::deserialize(deserializer)? {
                        AnyLoss::$loss(loss) => Ok(loss),
                        other => Err(de::Error::custom(format_args!(
                            "expected a {} loss, found {other}",
                            $expected
                        ))),
                    }
                }
            }
        )*
    };
}

one_of_the_losses! {
    Tversky "region-based",
    Focal "distribution-based",
    UnifiedFocal "compound",
    Matthews "Matthews correlation",
    HardVoxels "hard-voxel",
}

/// Reads and writes names as text.
macro_rules! names {
    ($($name:ident $expected:literal,)*) => {
        $(
            impl Serialize for $name {
                fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                    serializer.serialize_str(self.as_str())
                }
            }

            impl<'de> Deserialize<'de> for $name {
                fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                    struct Text;

                    impl Visitor<'_> for Text {
                        type Value = $name;

                        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                            f.write_str($expected)
                        }

                        fn visit_str<E: de::Error>(self, text: &str) -> Result<$name, E> {
                            text.parse().map_err(E::custom)
                        }
                    }

                    deserializer.deserialize_str(Text)
                }
            }
        )*
    };
}

names! {
    Name "the name of a loss",
    Parameter "the name of a parameter",
}
