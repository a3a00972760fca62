//! Patterns that mark the name of the case in a file's path.

use std::path::Path;
use std::str::FromStr;

use crate::read::Format;

/// The placeholder of a case's name.
pub(super) const CASE: &str = "{case}";

/// A path in which [`CASE`] stands for the name of the case, one or more times. The extension is optional.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Pattern {
    /// The literal text before, between and after the placeholders.
    literals: Vec<String>,
    /// In lower case.
    extension: Option<String>,
}

impl FromStr for Pattern {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (stem, extension) = if Format::by_name(Path::new(text)).is_some() {
            let (stem, extension) = split_extension(text);
            (stem, Some(extension.to_ascii_lowercase()))
        } else {
            (text, None)
        };
        let literals: Vec<String> = stem.split(CASE).map(str::to_owned).collect();
        if literals.len() == 1 {
            return Err(format!(
                "expected {CASE} in place of the name of the case, as in '{CASE}_seg.nii.gz'"
            ));
        }
        Ok(Self {
            literals,
            extension,
        })
    }
}

impl Pattern {
    /// Whether the pattern contains a folder.
    pub(super) fn has_folders(&self) -> bool {
        self.literals.iter().any(|literal| literal.contains('/'))
    }

    /// The name of the case in a path without its extension, if the path matches.
    pub(super) fn case<'a>(&self, stem: &'a str, extension: &str) -> Option<&'a str> {
        if self
            .extension
            .as_ref()
            .is_some_and(|ours| ours != extension)
        {
            return None;
        }
        // All that is not literal text is the name, repeated for each placeholder, which gives its length.
        let fixed: usize = self.literals.iter().map(String::len).sum();
        let length = stem.len().checked_sub(fixed)? / (self.literals.len() - 1);
        let start = self.literals[0].len();
        let case = stem.get(start..start + length)?;
        (!case.is_empty() && self.literals.join(case) == stem).then_some(case)
    }
}

/// Splits a path into the part before the extension and the extension; `.nii.gz` is one extension.
pub(super) fn split_extension(path: &str) -> (&str, &str) {
    let start = path.rfind('/').map_or(0, |slash| slash + 1);
    let name = &path[start..];
    let bare = if name.to_ascii_lowercase().ends_with(".gz") {
        &name[..name.len() - 3]
    } else {
        name
    };
    // A leading dot marks a hidden file, not an extension.
    let end = match bare.rfind('.') {
        Some(dot) if dot > 0 => dot,
        _ => bare.len(),
    };
    path.split_at(start + end)
}

/// The file's name without its extension.
pub(crate) fn stem(file: &Path) -> String {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    split_extension(&name).0.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(text: &str) -> Pattern {
        text.parse().expect("a pattern")
    }

    #[test]
    fn extensions_are_split_off() {
        for (path, expected) in [
            ("case.nii.gz", ("case", ".nii.gz")),
            ("CASE.NII.GZ", ("CASE", ".NII.GZ")),
            ("a.b/case.v2.npy", ("a.b/case.v2", ".npy")),
            ("a.b/case", ("a.b/case", "")),
            ("é.gz", ("é", ".gz")),
            (".npy", (".npy", "")),
        ] {
            assert_eq!(split_extension(path), expected);
        }
    }

    #[test]
    fn the_placeholder_matches_the_name() {
        for (text, stem, expected) in [
            ("{case}", "case_001", Some("case_001")),
            ("{case}_0000", "case_001_0000", Some("case_001")),
            ("{case}_0000", "case_001_0001", None),
            ("{case}_0000", "_0000", None),
            ("pred-{case}.nii.gz", "pred-é", Some("é")),
            ("{case}/{case}-seg", "B-1/B-1-seg", Some("B-1")),
            ("{case}/{case}-seg", "B-1/B-2-seg", None),
            ("{case}/{case}-seg", "B-1/B-10-seg", None),
            ("x{case}", "é", None),
        ] {
            assert_eq!(
                pattern(text).case(stem, ".nii.gz"),
                expected,
                "{text} {stem}"
            );
        }
    }

    #[test]
    fn an_extension_in_a_pattern_ignores_case() {
        assert_eq!(pattern("{case}.NPZ").case("a", ".npz"), Some("a"));
        assert_eq!(pattern("{case}.npz").case("a", ".nii.gz"), None);
        assert_eq!(pattern("{case}.v2").case("a.v2", ".npy"), Some("a"));
        assert!("seg.nii.gz".parse::<Pattern>().is_err());
    }
}
