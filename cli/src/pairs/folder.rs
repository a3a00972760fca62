//! The files of a folder that are cases, one file each.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use walkdir::WalkDir;

use super::pattern::{CASE, Pattern, split_extension};
use crate::failure::Failure;
use crate::read::{self, Format};

/// A file of a segmentation, or of the probabilities that it was made of: nnU-Net writes both under one name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Image,
    Archive,
}

/// PRED or TARGET, and what was said of it.
#[derive(Debug)]
pub(super) struct Side<'a> {
    pub(super) folder: &'a Path,
    pub(super) key: Option<&'a str>,
    pub(super) pattern: Option<&'a Pattern>,
    pub(super) recursive: bool,
    /// The kind that is meant where an image and an archive have one name.
    pub(super) preferred: Option<Kind>,
    /// The option that says the pattern.
    pub(super) option: &'static str,
}

/// A file that is a case, or one of several that could be.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct File {
    /// The case's name: the path in the folder without its extension, or what the pattern makes of it.
    pub(super) name: String,
    /// In small letters.
    extension: String,
    format: Format,
    /// Its place, with the key.
    pub(super) path: PathBuf,
}

impl Side<'_> {
    /// The files of the folder, one per case, in the order of their names, and what was chosen.
    pub(super) fn files(&self) -> Result<(Vec<File>, Option<String>), Failure> {
        let deep = self.recursive || self.pattern.is_some_and(Pattern::has_folders);
        let mut paths = list(self.folder, deep)?;
        // Folders are looked into where there is nothing else.
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

    /// The file at a path in the folder, if it can be a case.
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

    /// Says why there is no case among these files.
    fn nothing(&self, paths: &[PathBuf]) -> String {
        let found = match paths {
            [] => "no file in it".to_owned(),
            [path] => format!("only {} in it", path.display()),
            [path, ..] => format!("{} files in it, {} the first", paths.len(), path.display()),
        };
        let expected = match (self.pattern, self.key) {
            (Some(_), _) => format!("one that {} fits", self.option),
            (None, Some(key)) => {
                format!("one of {} with an array {key:?}", read::keyed_extensions())
            }
            (None, None) => format!("one to score, of {}", read::extensions()),
        };
        format!("found {found}, expected {expected}")
    }

    /// Chooses one of several files of a case, where that is plain.
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
                        format!("{folder}: of {found} of one name, {read} is read")
                    });
                }
            }
            match <[File; 1]>::try_from(files) {
                Ok([file]) => chosen.push(file),
                Err(_) => {
                    return Err(format!(
                        "found {} files of the name {name} ({}), expected one, or an option that says which: {} '{CASE}{}'",
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

/// The paths of a folder's files in it, those in its folders too if it is to be looked into deeply; without what is hidden, such
/// as macOS's `._` files.
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
                // A link to nowhere fails where it is read.
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
    fn of_segmentation_and_probabilities_the_input_chooses() {
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
        let said = chosen(&side(None, Some(&pattern)), &paths);
        assert_eq!(said, Ok(vec!["folder/a.npz".into()]));
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
    fn a_key_is_for_files_that_take_one() {
        let side = Side {
            key: Some("label"),
            ..side(None, None)
        };
        let files = chosen(&side, &["a.nii.gz", "a.npz", "b.safetensors"]);
        let expected = ["folder/a.npz:label", "folder/b.safetensors:label"];
        assert_eq!(files, Ok(expected.map(PathBuf::from).to_vec()));
    }

    #[test]
    fn folders_are_part_of_names_if_wanted() {
        let pattern = "{case}_seg".parse().expect("a pattern");
        let mut side = side(None, Some(&pattern));
        assert_eq!(side.file(Path::new("x/a_seg.npy")), None);
        side.recursive = true;
        let file = side.file(Path::new("x/a_seg.NPY")).expect("a case");
        assert_eq!((&*file.name, &*file.extension), ("x/a", ".npy"));
    }
}
