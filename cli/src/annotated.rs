//! Classes that are annotated in some cases only.

use ndarray::Array2;

use crate::args::Data;
use crate::failure::Failure;
use crate::input::Input;
use crate::listed::listed;
use crate::pair::Pair;
use crate::reading::classes::{Classes, Name};

/// Whether each class of a case is annotated; not all are. The others are part of the first class, unless the classes are regions.
#[derive(Clone, Debug)]
pub(crate) struct Annotated(Vec<bool>);

impl Annotated {
    /// The classes that the manifest names for the case, or `--annotated` for all cases. `None` if all are annotated.
    pub(crate) fn of(pair: &Pair, data: &Data, classes: &Classes) -> Result<Option<Self>, Failure> {
        let (option, given) = match (&pair.annotated, &data.annotated) {
            (Some(given), _) => ("the column annotated", given),
            (None, Some(given)) => ("--annotated", given),
            (None, None) => return Ok(None),
        };
        let mut annotated = vec![false; classes.len()];
        for class in
            places(option, given, &classes.names, data).map_err(|message| pair.failure(message))?
        {
            annotated[class] = true;
        }
        if classes.regions {
            return Ok(annotated.contains(&false).then_some(Self(annotated)));
        }
        if let Some(background) = annotated.first_mut() {
            *background = true;
        }
        if !annotated.contains(&false) {
            return Ok(None);
        }
        // The labels that occur may lack the background.
        let is_listed = data.labels.is_some() || data.input != Input::Labels;
        if !is_listed && classes.names.first() != Some(&Name::Label(0)) {
            return Err(pair.failure(format!(
                "{option}: found the labels {} without label 0, to which classes without annotations belong: --labels sets the labels \
                 of all cases, the background first",
                listed(&classes.names)
            )));
        }
        Ok(Some(Self(annotated)))
    }

    /// Whether a class is annotated.
    pub(crate) fn has(&self, class: usize) -> bool {
        self.0[class]
    }

    /// The names of the others.
    pub(crate) fn others<'a>(&self, names: &'a [Name]) -> Vec<&'a Name> {
        let names = names.iter().zip(&self.0);
        names
            .filter_map(|(name, annotated)| (!annotated).then_some(name))
            .collect()
    }

    /// The same for each sample and channel. A single channel may be the foreground of two classes.
    pub(crate) fn rows(&self, samples: usize, channels: usize) -> Array2<bool> {
        let first = self.0.len() - channels;
        Array2::from_shape_fn([samples, channels], |(_, channel)| self.0[first + channel])
    }
}

/// The indices of classes that an option gives by label or region name. Without `--labels`, the classes of label maps are those that
/// occur, so a case may lack one.
pub(crate) fn places(
    option: &str,
    given: &[String],
    names: &[Name],
    data: &Data,
) -> Result<Vec<usize>, String> {
    let may_lack = data.input == Input::Labels && data.labels.is_none() && data.regions.is_empty();
    let mut places = Vec::new();
    for name in given {
        match names.iter().position(|class| class.to_string() == *name) {
            Some(place) => places.push(place),
            None if may_lack && name.parse::<i64>().is_ok() => {}
            None => {
                return Err(format!(
                    "{option}: found the class {name}, expected one of {}",
                    listed(names)
                ));
            }
        }
    }
    Ok(places)
}
