//! Names that cannot be paired: what was found, and the options that say how to.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::path::Path;

use super::naming::Naming;
use super::pattern::CASE;

/// The most proposals that an error makes.
const PROPOSED: usize = 3;

/// The reason why names cannot be paired.
#[derive(Debug, PartialEq)]
pub(super) enum Unclear {
    /// No two of them mean the same case; the first few of each side, and options that would pair them.
    Nothing {
        predictions: String,
        targets: String,
        proposals: Vec<String>,
    },
    /// They can be paired by each of these options.
    Several(Vec<String>),
}

impl Unclear {
    /// No two names mean the same case.
    pub(super) fn nothing(ours: &Naming, theirs: &Naming) -> Self {
        Self::Nothing {
            predictions: ours.shown(),
            targets: theirs.shown(),
            proposals: proposals(ours, theirs),
        }
    }

    /// The message about the folder of predictions beside that of targets.
    pub(super) fn message(&self, targets_folder: &Path) -> String {
        let folder = targets_folder.display();
        match self {
            Unclear::Nothing {
                predictions,
                targets,
                proposals,
            } => {
                let what_pairs = match proposals.as_slice() {
                    [] => String::new(),
                    proposals => format!("; {} pairs them", proposals.join(", or ")),
                };
                format!(
                    "found no prediction of a target's name: predictions {predictions}, targets {targets} in {folder}, expected \
                     equal names, or --prediction-pattern and --target-pattern that say where a path has the case's name \
                     (--recursive for files in folders){what_pairs}"
                )
            }
            Unclear::Several(ways) => format!(
                "found several ways to pair it with {folder}: {}, expected one of these",
                ways.join(", or ")
            ),
        }
    }
}

/// The options that say these patterns.
pub(super) fn options(ours: &str, theirs: &str) -> String {
    let ours = (ours != CASE).then(|| format!("--prediction-pattern '{ours}'"));
    let theirs = (theirs != CASE).then(|| format!("--target-pattern '{theirs}'"));
    let given: Vec<String> = ours.into_iter().chain(theirs).collect();
    if given.is_empty() {
        return format!("--target-pattern '{CASE}'");
    }
    given.join(" ")
}

/// Options that find a file on the other side for all of one.
fn proposals(ours: &Naming, theirs: &Naming) -> Vec<String> {
    let of_ours = patterns(&ours.names, &theirs.names);
    let of_theirs = patterns(&theirs.names, &ours.names);
    let mut proposals: Vec<String> = (of_ours.iter().map(|ours| options(ours, CASE)))
        .chain(of_theirs.iter().map(|theirs| options(CASE, theirs)))
        .chain(two_additions(ours, theirs))
        .collect();
    proposals.truncate(PROPOSED);
    proposals
}

/// The patterns by which each of some names is a case of longer names.
fn patterns(longer: &[String], names: &[String]) -> Vec<String> {
    let Some(first) = names.first() else {
        return Vec::new();
    };
    let known: HashSet<&str> = longer.iter().map(String::as_str).collect();
    let fits = |pattern: &String| {
        let path = |name: &String| pattern.replace(CASE, name);
        names.iter().all(|name| known.contains(&*path(name)))
    };
    longer
        .iter()
        .filter(|longer| longer.contains(first))
        .map(|longer| longer.replace(first, CASE))
        .filter(fits)
        .take(PROPOSED)
        .collect()
}

/// The options that pair all of two sides that have an addition each.
fn two_additions(ours: &Naming, theirs: &Naming) -> Option<String> {
    let sorted = |naming: &Naming| naming.names.iter().cloned().collect::<BTreeSet<_>>();
    let (our_additions, their_additions) = (ours.without_additions(), theirs.without_additions());
    let mut known: HashMap<BTreeSet<String>, &Naming> = HashMap::new();
    for naming in &their_additions {
        known.entry(sorted(naming)).or_insert(naming);
    }
    our_additions.iter().find_map(|ours| {
        let theirs = known.get(&sorted(ours))?;
        Some(options(&ours.pattern, &theirs.pattern))
    })
}
