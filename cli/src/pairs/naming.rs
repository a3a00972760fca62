//! The rules that derive the name of a case from a file's path without its extension.

use std::collections::BTreeSet;
use std::iter;

use super::pattern::CASE;

/// The characters that separate a prefix or suffix from a name: `p10` is not `p1` with the suffix `0`.
pub(super) const SEPARATORS: [char; 5] = ['_', '-', '.', ' ', '/'];

/// An error shows at most this many names of each side.
const SHOWN: usize = 3;

/// The names by one rule.
pub(super) struct Naming {
    /// One per file, without duplicates.
    pub(super) names: Vec<String>,
    /// The path pattern of this rule.
    pub(super) pattern: String,
}

impl Naming {
    /// The unchanged names.
    pub(super) fn whole(names: &[String]) -> Self {
        Self {
            names: names.to_vec(),
            pattern: CASE.to_owned(),
        }
    }

    /// The names of the folders, if every file has a folder and every folder has one file.
    pub(super) fn folders(&self) -> Option<Self> {
        let split: Option<Vec<(&str, &str)>> = (self.names.iter())
            .map(|name| name.rsplit_once('/'))
            .collect();
        let split = split?;
        let folders: BTreeSet<&str> = split.iter().map(|(folder, _)| *folder).collect();
        let files: BTreeSet<String> = (split.iter())
            .map(|(folder, file)| file.replace(folder, CASE))
            .collect();
        let file = match files.first() {
            Some(file) if files.len() == 1 => file,
            _ => "…",
        };
        (folders.len() == split.len()).then(|| Self {
            names: split.iter().map(|(folder, _)| (*folder).into()).collect(),
            pattern: format!("{CASE}/{file}"),
        })
    }

    /// The names without a common prefix and suffix, for all possible pairs of these; the shortest ones first.
    pub(super) fn without_additions(&self) -> Vec<Self> {
        let names = &self.names;
        let Some(first) = names.first() else {
            return Vec::new();
        };
        let before = (names.iter().map(|name| alike(first.chars(), name.chars()))).min();
        let after = (names.iter())
            .map(|name| alike(first.chars().rev(), name.chars().rev()))
            .min();
        let (before, after) = (before.unwrap_or(0), after.unwrap_or(0));
        let shortest = names.iter().map(String::len).min().unwrap_or(0);
        let separators = || first.match_indices(SEPARATORS);
        let starts = separators()
            .map(|(at, text)| at + text.len())
            .filter(|at| *at <= before);
        let ends = separators()
            .map(|(at, _)| first.len() - at)
            .filter(|length| *length <= after);
        let starts: Vec<usize> = iter::once(0).chain(starts).collect();
        let ends: Vec<usize> = iter::once(0).chain(ends).collect();
        let mut lengths: Vec<(usize, usize)> = (starts.iter())
            .flat_map(|start| ends.iter().map(|end| (*start, *end)))
            .filter(|(start, end)| (1..shortest).contains(&(start + end)))
            .collect();
        lengths.sort_by_key(|(start, end)| start + end);
        let without = |(start, end): (usize, usize)| Self {
            names: names
                .iter()
                .map(|name| name[start..name.len() - end].to_owned())
                .collect(),
            pattern: format!("{}{CASE}{}", &first[..start], &first[first.len() - end..]),
        };
        lengths.into_iter().map(without).collect()
    }

    /// The first few names, for a message.
    pub(super) fn shown(&self) -> String {
        let some: Vec<&str> = self.names.iter().take(SHOWN).map(String::as_str).collect();
        let more = self.names.len() - some.len();
        let more = if more > 0 {
            format!(" and {more} more")
        } else {
            String::new()
        };
        some.join(", ") + &more
    }
}

/// The length in bytes of the common beginning of two texts.
fn alike(a: impl Iterator<Item = char>, b: impl Iterator<Item = char>) -> usize {
    let alike = a.zip(b).take_while(|(a, b)| a == b);
    alike.map(|(a, _)| a.len_utf8()).sum()
}
