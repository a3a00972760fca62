//! The files of a folder that are cases, one file per case.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use walkdir::WalkDir;

use super::pattern::{CASE, Pattern, split_extension};
use crate::failure::Failure;
use crate::read::{self, Format};

/// A segmentation or its probabilities; nnU-Net writes both under one name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Image,
    Archive,
}

/// PRED or TARGET and its options.
#[derive(Debug)]
pub(super) struct Side<'a> {
    pub(super) folder: &'a Path,
    pub(super) key: Option<&'a str>,
    pub(super) pattern: Option<&'a Pattern>,
    pub(super) recursive: bool,
    /// The kind to read if an image and an archive have the same name.
    pub(super) preferred: Option<Kind>,
    /// The option that sets the pattern.
    pub(super) option: &'static str,
}

/// A file that can be a case.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct File {
    /// The name of the case: the path in the folder without its extension, or the part of it that matches `{case}`.
    pub(super) name: String,
    /// In lower case.
    extension: String,
    format: Format,
    /// The path, with the key.
    pub(super) path: PathBuf,
}

impl Side<'_> {
    /// The files of the folder, one per case, in the order of their names, and a note if a choice was made.
    pub(super) fn files(&self) -> Result<(Vec<File>, Option<String>), Failure> {
        let deep = self.recursive || self.pattern.is_some_and(Pattern::has_folders);
        let mut paths = list(self.folder, deep)?;
        // Subfolders are searched if the folder itself has no cases.
        if !deep && self.pattern.is_none() && !paths.iter().any(|path| self.could_be_case(path)) {
            paths = list(self.folder, true)?;
        }
        let files: Vec<File> = paths.iter().filter_map(|path| self.file(path)).collect();
        if files.is_empty() {
            return Err(Failure::file(self.folder, self.nothing(&paths)));
        }
        self.one_per_case(files)
            .map_err(|message| Failure::file(self.folder, message))
    }

    fn could_be_case(&self, path: &Path) -> bool {
        self.file(path).is_some()
    }

    /// The file at this path in the folder, if it can be a case.
    fn file(&self, path: &Path) -> Option<File> {
        let format = Format::by_name(path)?;
        let parts: Vec<_> = path.iter().map(|part| part.to_string_lossy()).collect();
        let text = parts.join("/");
        let (stem, extension) = split_extension(&text);
        let extension = extension.to_ascii_lowercase();
        if self.key.is_some() && !format.has_keys() {
            return None;
        }
        let name = match self.pattern {
            Some(pattern) => pattern
                .case(stem, &extension)
                .filter(|name| self.recursive || !name.contains('/'))?,
            None => stem,
        };
        let mut file = self.folder.join(path).into_os_string();
        if let Some(key) = self.key {
            file.push(":");
            file.push(key);
        }
        Some(File {
            name: name.to_owned(),
            extension,
            format,
            path: file.into(),
        })
    }

    /// The message if none of these files is a case.
    fn nothing(&self, paths: &[PathBuf]) -> String {
        let found = match paths {
            [] => "no file".to_owned(),
            [path] => format!("only {}", path.display()),
            [path, ..] => format!("{} files, such as {}", paths.len(), path.display()),
        };
        let expected = match (self.pattern, self.key) {
            (Some(_), _) => format!("a file that matches {}", self.option),
            (None, Some(key)) => {
                format!("a {} file with the array {key:?}", read::keyed_extensions())
            }
            (None, None) => format!("a file with one of the extensions {}", read::extensions()),
        };
        format!("found {found}, expected {expected}")
    }

    /// Chooses one of several files of a case by the preferred kind.
    fn one_per_case(&self, files: Vec<File>) -> Result<(Vec<File>, Option<String>), String> {
        let mut by_name: BTreeMap<String, Vec<File>> = BTreeMap::new();
        for file in files {
            by_name.entry(file.name.clone()).or_default().push(file);
        }
        let (mut chosen, mut note) = (Vec::new(), None);
        for (name, mut files) in by_name {
            let found: Vec<String> = files.iter().map(|file| file.extension.clone()).collect();
            if files.len() == 2 && files.iter().any(|file| file.kind() == Some(Kind::Archive)) {
                files.retain(|file| self.preferred.is_none() || file.kind() == self.preferred);
                if let [file] = files.as_slice() {
                    note.get_or_insert_with(|| {
                        let folder = self.folder.display();
                        let (found, read) = (found.join(" and "), &file.extension);
                        format!("{folder}: found {found} files with the same name, {read} is read")
                    });
                }
            }
            match <[File; 1]>::try_from(files) {
                Ok([file]) => chosen.push(file),
                Err(_) => {
                    return Err(format!(
                        "found {} files named {name} ({}), expected one: choose it by {} '{CASE}{}'",
                        found.len(),
                        found.join(", "),
                        self.option,
                        found[0]
                    ));
                }
            }
        }
        Ok((chosen, note))
    }
}

impl File {
    fn kind(&self) -> Option<Kind> {
        match self.format {
            Format::Npz => Some(Kind::Archive),
            Format::Npy | Format::Safetensors => None,
            _ => Some(Kind::Image),
        }
    }
}

/// The paths of a folder's files, relative to it and including subfolders if `deep`. Hidden files, such as macOS's `._` files, are
/// left out.
fn list(folder: &Path, deep: bool) -> Result<Vec<PathBuf>, Failure> {
    let walk = WalkDir::new(folder)
        .follow_links(true)
        .min_depth(1)
        .max_depth(if deep { usize::MAX } else { 1 })
        .sort_by_file_name();
    let mut files = Vec::new();
    for entry in walk
        .into_iter()
        .filter_entry(|entry| entry.depth() == 0 || !is_hidden(entry.path()))
    {
        let file = match entry {
            Ok(entry) if entry.file_type().is_dir() => continue,
            Ok(entry) => entry.into_path(),
            Err(error) => match error.path() {
                // A broken link is reported when it is read.
                Some(path) if Format::by_name(path).is_some() && !is_hidden(path) => {
                    path.to_owned()
                }
                _ => {
                    let message = format!("cannot be read: {error}");
                    return Err(Failure::file(folder, message));
                }
            },
        };
        files.extend(file.strip_prefix(folder).map(Path::to_owned));
    }
    Ok(files)
}

fn is_hidden(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default();
    name.as_encoded_bytes().starts_with(b".")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn side<'a>(preferred: Option<Kind>, pattern: Option<&'a Pattern>) -> Side<'a> {
        Side {
            folder: Path::new("folder"),
            key: None,
            pattern,
            recursive: false,
            preferred,
            option: "--prediction-pattern",
        }
    }

    fn chosen(side: &Side<'_>, paths: &[&str]) -> Result<Vec<PathBuf>, String> {
        let files = paths.iter().filter_map(|path| side.file(Path::new(path)));
        let (files, _) = side.one_per_case(files.collect())?;
        let paths = files.into_iter().map(|file| file.path);
        Ok(paths.collect())
    }

    #[test]
    fn the_kind_of_input_chooses_between_segmentation_and_probabilities() {
        let paths = ["a.nii.gz", "a.npz", "a.pkl", "dataset.json"];
        let image = chosen(&side(Some(Kind::Image), None), &paths);
        assert_eq!(image, Ok(vec!["folder/a.nii.gz".into()]));
        let archive = chosen(&side(Some(Kind::Archive), None), &paths);
        assert_eq!(archive, Ok(vec!["folder/a.npz".into()]));
        let neither = chosen(&side(None, None), &paths).expect_err("nothing says which");
        assert!(
            neither.contains("--prediction-pattern '{case}.nii.gz'"),
            "{neither}"
        );
        let pattern = "{case}.npz".parse().expect("a pattern");
        let named = chosen(&side(None, Some(&pattern)), &paths);
        assert_eq!(named, Ok(vec!["folder/a.npz".into()]));
    }

    #[test]
    fn other_files_of_one_name_are_an_error() {
        for paths in [
            ["a.npy", "a.nii.gz"],
            ["a.png", "a.nii"],
            ["a.npy", "a.npz"],
        ] {
            let side = side(Some(Kind::Image), None);
            let message = chosen(&side, &paths).expect_err("nothing says which");
            assert!(
                message.contains(".n") && message.contains("{case}"),
                "{message}"
            );
        }
    }

    #[test]
    fn a_key_selects_only_files_with_keys() {
        let side = Side {
            key: Some("label"),
            ..side(None, None)
        };
        let files = chosen(&side, &["a.nii.gz", "a.npz", "b.safetensors"]);
        let expected = ["folder/a.npz:label", "folder/b.safetensors:label"];
        assert_eq!(files, Ok(expected.map(PathBuf::from).to_vec()));
    }

    #[test]
    fn recursive_makes_subfolders_part_of_names() {
        let pattern = "{case}_seg".parse().expect("a pattern");
        let mut side = side(None, Some(&pattern));
        assert_eq!(side.file(Path::new("x/a_seg.npy")), None);
        side.recursive = true;
        let file = side.file(Path::new("x/a_seg.NPY")).expect("a case");
        assert_eq!((&*file.name, &*file.extension), ("x/a", ".npy"));
    }
}
