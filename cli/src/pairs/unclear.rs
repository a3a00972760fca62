//! The error for names that cannot be paired, with options that would pair them.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::path::Path;

use super::naming::Naming;
use super::pattern::CASE;

/// An error makes at most this many proposals.
const PROPOSED: usize = 3;

/// Why names cannot be paired.
#[derive(Debug, PartialEq)]
pub(super) enum Unclear {
    /// No two names match. Has the first few names of each side, and options that would pair them.
    Nothing {
        predictions: String,
        targets: String,
        proposals: Vec<String>,
    },
    /// Each of these options pairs them, but differently.
    Several(Vec<String>),
}

impl Unclear {
    /// The error if no two names match.
    pub(super) fn nothing(ours: &Naming, theirs: &Naming) -> Self {
        Self::Nothing {
            predictions: ours.shown(),
            targets: theirs.shown(),
            proposals: proposals(ours, theirs),
        }
    }

    /// The message, which follows the folder of predictions.
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
                    proposals => format!("; try {}", proposals.join(", or ")),
                };
                format!(
                    "found no prediction and target with the same name: predictions {predictions}, targets {targets} in {folder} \
                     (--prediction-pattern and --target-pattern mark the name of the case in a path; --recursive searches \
                     subfolders){what_pairs}"
                )
            }
            Unclear::Several(ways) => format!(
                "found several ways to pair its files with those in {folder}, choose one: {}",
                ways.join(", or ")
            ),
        }
    }
}

/// The options that set these patterns.
pub(super) fn options(ours: &str, theirs: &str) -> String {
    let ours = (ours != CASE).then(|| format!("--prediction-pattern '{ours}'"));
    let theirs = (theirs != CASE).then(|| format!("--target-pattern '{theirs}'"));
    let options: Vec<String> = ours.into_iter().chain(theirs).collect();
    if options.is_empty() {
        return format!("--target-pattern '{CASE}'");
    }
    options.join(" ")
}

/// Options that pair all files of one side.
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

/// The patterns for `longer` by which each of `names` is a case.
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

/// The options that pair all files if both sides have a prefix or suffix.
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
