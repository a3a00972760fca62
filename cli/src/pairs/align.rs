//! Matches two lists of names by case.
//!
//! A name is a path in a folder without its extension. Two names mean the same case if
//!
//! 1. they are equal, or
//! 2. every case has its own folder with one file, and the folder's name is a name or a folder of the other side, or
//! 3. all names of one side are those of the other with the same prefix or suffix, separated by one of
//!    [`SEPARATORS`](super::naming::SEPARATORS).
//!
//! The first rule that pairs every file applies, unless another one pairs them differently. If both sides have a prefix or suffix,
//! such as `1_pred` and `1_true`, the user decides, because `train_1` and `test_1` look the same.

use std::collections::BTreeMap;

use super::naming::Naming;
use super::pattern::CASE;
use super::unclear::{self, Unclear};

/// The files of a case, as indices into the lists. There is at least one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) prediction: Option<usize>,
    pub(super) target: Option<usize>,
}

/// The cases in the order of their names.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Alignment {
    pub(super) cases: BTreeMap<String, Found>,
    /// The path patterns of predictions and targets.
    patterns: [String; 2],
}

/// Pairs names by the rules above.
pub(super) fn align(predictions: &[String], targets: &[String]) -> Result<Alignment, Unclear> {
    let (ours, theirs) = (Naming::whole(predictions), Naming::whole(targets));
    let equal = Alignment::of(&ours, &theirs);
    if equal.is_complete() {
        return Ok(equal);
    }
    let others = other_alignments(&ours, &theirs);
    let complete = distinct(others.iter().filter(|other| other.is_complete()));
    let mut fitting = if equal.paired() > 0 {
        if complete.is_empty() {
            return Ok(equal);
        }
        [vec![&equal], complete].concat()
    } else if complete.is_empty() {
        let most = predictions.len().min(targets.len());
        distinct(others.iter().filter(|other| other.paired() == most))
    } else {
        complete
    };
    match fitting.len() {
        0 => Err(Unclear::nothing(&ours, &theirs)),
        1 => Ok(fitting.remove(0).clone()),
        _ => Err(Unclear::Several(
            fitting.into_iter().map(Alignment::options).collect(),
        )),
    }
}

/// Pairs names that are equal.
pub(super) fn by_equal_names(
    predictions: &[String],
    targets: &[String],
) -> Result<Alignment, Unclear> {
    let (ours, theirs) = (Naming::whole(predictions), Naming::whole(targets));
    let equal = Alignment::of(&ours, &theirs);
    if equal.paired() == 0 {
        return Err(Unclear::nothing(&ours, &theirs));
    }
    Ok(equal)
}

/// All alignments by rules 2 and 3.
fn other_alignments(ours: &Naming, theirs: &Naming) -> Vec<Alignment> {
    let (our_folders, their_folders) = (ours.folders(), theirs.folders());
    let mut alignments = Vec::new();
    for (ours, theirs) in [
        (our_folders.as_ref(), their_folders.as_ref()),
        (our_folders.as_ref(), Some(theirs)),
        (Some(ours), their_folders.as_ref()),
    ] {
        if let (Some(ours), Some(theirs)) = (ours, theirs) {
            alignments.push(Alignment::of(ours, theirs));
        }
    }
    let additions = ours.without_additions();
    alignments.extend(additions.iter().map(|ours| Alignment::of(ours, theirs)));
    let additions = theirs.without_additions();
    alignments.extend(additions.iter().map(|theirs| Alignment::of(ours, theirs)));
    alignments
}

/// The alignments without those that pair the same files as an earlier one.
fn distinct<'a>(alignments: impl Iterator<Item = &'a Alignment>) -> Vec<&'a Alignment> {
    let mut distinct: Vec<&Alignment> = Vec::new();
    for alignment in alignments {
        if distinct
            .iter()
            .all(|other| other.pairs() != alignment.pairs())
        {
            distinct.push(alignment);
        }
    }
    distinct
}

impl Alignment {
    fn of(ours: &Naming, theirs: &Naming) -> Self {
        let mut cases: BTreeMap<String, Found> = BTreeMap::new();
        for (index, name) in ours.names.iter().enumerate() {
            cases.entry(name.clone()).or_default().prediction = Some(index);
        }
        for (index, name) in theirs.names.iter().enumerate() {
            cases.entry(name.clone()).or_default().target = Some(index);
        }
        let patterns = [ours, theirs].map(|naming| naming.pattern.clone());
        Self { cases, patterns }
    }

    /// States how the cases were matched, unless by equal names.
    pub(super) fn note(&self) -> Option<String> {
        let [ours, theirs] = &self.patterns;
        let plain = ours == CASE && theirs == CASE;
        (!plain).then(|| {
            format!(
                "matched predictions named '{ours}' with targets named '{theirs}' (pairs: {})",
                self.paired()
            )
        })
    }

    /// The options that select this alignment.
    fn options(&self) -> String {
        let [ours, theirs] = &self.patterns;
        unclear::options(ours, theirs)
    }

    /// The pairs, in the order of the predictions.
    fn pairs(&self) -> Vec<(usize, usize)> {
        let mut pairs: Vec<_> = (self.cases.values())
            .filter_map(|found| found.prediction.zip(found.target))
            .collect();
        pairs.sort_unstable();
        pairs
    }

    fn paired(&self) -> usize {
        self.pairs().len()
    }

    fn is_complete(&self) -> bool {
        self.paired() == self.cases.len()
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use proptest::prelude::*;

    use super::*;

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    /// The names of the pairs, and the number of all cases.
    fn aligned(predictions: &[&str], targets: &[&str]) -> Result<(Vec<String>, usize), Unclear> {
        let alignment = align(&names(predictions), &names(targets))?;
        let paired = (alignment.cases.iter())
            .filter(|(_, found)| found.prediction.is_some() && found.target.is_some())
            .map(|(name, _)| name.clone());
        Ok((paired.collect(), alignment.cases.len()))
    }

    #[test]
    fn names_that_mean_the_same_case() {
        for (predictions, targets, expected, cases) in [
            (vec!["b", "a"], vec!["a", "b"], vec!["a", "b"], 2),
            // A case that is on one side only is kept.
            (vec!["a", "b"], vec!["a", "b", "c"], vec!["a", "b"], 3),
            (vec!["a", "b"], vec!["a", "c"], vec!["a"], 3),
            // nnU-Net's channel suffix, a prefix, both.
            (
                vec!["c_1_0000", "c_2_0000"],
                vec!["c_1", "c_2"],
                vec!["c_1", "c_2"],
                2,
            ),
            (
                vec!["c_1", "c_2"],
                vec!["gt-c_1", "gt-c_2"],
                vec!["c_1", "c_2"],
                2,
            ),
            (
                vec!["x.é_1_y", "x.é_2_y"],
                vec!["é_1", "é_2"],
                vec!["é_1", "é_2"],
                2,
            ),
            (vec!["c_1_0000"], vec!["c_1", "c_2"], vec!["c_1"], 2),
            // A folder per case, on one side or on both.
            (
                vec!["1/seg", "2/seg"],
                vec!["1/seg", "2/seg"],
                vec!["1/seg", "2/seg"],
                2,
            ),
            (
                vec!["1/pred", "2/pred"],
                vec!["1/true", "2/true"],
                vec!["1", "2"],
                2,
            ),
            (vec!["1/a1", "2/a2"], vec!["1", "2"], vec!["1", "2"], 2),
            (vec!["1", "2"], vec!["1/a", "2/b", "3/c"], vec!["1", "2"], 3),
        ] {
            let found = aligned(&predictions, &targets);
            assert_eq!(
                found,
                Ok((names(&expected), cases)),
                "{predictions:?} {targets:?}"
            );
        }
    }

    #[test]
    fn prefixes_and_suffixes_need_a_separator() {
        for (predictions, targets) in [
            (vec!["p10", "p20"], vec!["p1", "p2"]),
            (vec!["train_1", "train_2"], vec!["test_1", "test_2"]),
            (vec!["c_0000", "c_0001", "d_0000"], vec!["c", "d"]),
            (vec!["1/a", "1/b", "2/a"], vec!["1", "2"]),
        ] {
            let found = aligned(&predictions, &targets);
            assert!(
                matches!(found, Err(Unclear::Nothing { .. })),
                "{predictions:?}: {found:?}"
            );
        }
    }

    #[test]
    fn suffixes_on_both_sides_are_proposed_but_not_applied() {
        let unclear =
            aligned(&["1_pred", "2_pred"], &["1_true", "2_true"]).expect_err("two additions");
        let message = unclear.message(Path::new("targets"));
        let options = "--prediction-pattern '{case}_pred' --target-pattern '{case}_true'";
        assert!(message.contains(options), "{message}");
    }

    #[test]
    fn each_file_of_a_case_is_proposed_if_there_are_several() {
        let targets = ["a/a-seg", "a/a-t1", "b/b-seg", "b/b-t1"];
        let unclear = aligned(&["a", "b"], &targets).expect_err("two files per case");
        let message = unclear.message(Path::new("targets"));
        for pattern in ["{case}/{case}-seg", "{case}/{case}-t1"] {
            assert!(
                message.contains(&format!("--target-pattern '{pattern}'")),
                "{message}"
            );
        }
        let unclear = aligned(&["a_0", "b_0", "b_1"], &["a", "b"]).expect_err("two files");
        let message = unclear.message(Path::new("targets"));
        assert!(
            message.contains("--prediction-pattern '{case}_0'"),
            "{message}"
        );
        assert!(!message.contains("{case}_1"), "{message}");
    }

    #[test]
    fn two_ways_to_pair_are_an_error() {
        // Equal names pair a_b with a_b, the suffix pairs it with a.
        let unclear = aligned(&["a_b", "a_b_b"], &["a", "a_b"]).expect_err("two ways");
        let message = unclear.message(Path::new("targets"));
        assert!(message.contains("'{case}_b'"), "{message}");
    }

    proptest! {
        /// With any prefix and suffix on one side, in any order, each name is paired with its own case or none is.
        #[test]
        fn prefixes_and_suffixes_pair_each_name_with_its_own_case(
            cases in prop::collection::btree_set("[a-c1-2_/é]{1,6}", 1..8),
            before in "([a-c1]{0,3}[-_. ])?",
            after in "([-_. /][a-c1]{0,3})?",
            on_predictions: bool,
        ) {
            let cases: Vec<String> = cases.into_iter().collect();
            let longer: Vec<String> = cases.iter().rev().map(|case| format!("{before}{case}{after}")).collect();
            let (predictions, targets) = if on_predictions { (&longer, &cases) } else { (&cases, &longer) };
            match align(predictions, targets) {
                Ok(alignment) => {
                    prop_assert_eq!(alignment.paired(), cases.len());
                    for (prediction, target) in alignment.pairs() {
                        prop_assert_eq!(prediction, cases.len() - 1 - target);
                    }
                }
                Err(unclear) => prop_assert!(matches!(unclear, Unclear::Several(_))),
            }
        }
    }
}
