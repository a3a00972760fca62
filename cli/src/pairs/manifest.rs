//! A CSV file that lists the cases.

use std::collections::HashMap;
use std::fs::File;
use std::io::Read;
use std::path::{Component, Path, PathBuf};

use csv::{ReaderBuilder, StringRecord, Trim};

use super::pattern::split_extension;
use crate::failure::{Failed, Failure};
use crate::pair::Pair;

/// The cases of a manifest, in its order. Paths are relative to its folder.
pub(super) fn read(manifest: &Path) -> Result<Vec<Result<Pair, Failed>>, Failure> {
    match File::open(manifest) {
        Ok(file) => cases(file, manifest),
        Err(error) => Err(Failure::file(manifest, format!("cannot be read: {error}"))),
    }
}

/// The values of a column by the names of the cases.
pub(crate) fn column(manifest: &Path, name: &str) -> Result<HashMap<String, String>, Failure> {
    let malformed =
        |error: csv::Error| Failure::file(manifest, format!("is not a valid CSV file: {error}"));
    let mut csv = ReaderBuilder::new()
        .trim(Trim::All)
        .from_path(manifest)
        .map_err(malformed)?;
    let columns = csv.headers().map_err(malformed)?.clone();
    let place = |name: &str| columns.iter().position(|column| column == name);
    let Some(column) = place(name) else {
        let found: Vec<&str> = columns.iter().collect();
        return Err(Failure::file(
            manifest,
            format!("has no column {name}, found {}", found.join(", ")),
        ));
    };
    let cases = read(manifest)?;
    let mut values = HashMap::new();
    for (case, row) in cases.into_iter().zip(csv.records()) {
        let row = row.map_err(malformed)?;
        let (Ok(pair), Some(value)) = (case, row.get(column)) else {
            continue;
        };
        if let Some(other) = values.insert(pair.name.clone(), value.to_owned())
            && other != value
        {
            return Err(Failure::file(
                manifest,
                format!(
                    "has the case {} twice, with the {name} {other} and {value}",
                    pair.name
                ),
            ));
        }
    }
    Ok(values)
}

/// The cases in the text of a manifest.
fn cases(text: impl Read, manifest: &Path) -> Result<Vec<Result<Pair, Failed>>, Failure> {
    let malformed =
        |error: csv::Error| Failure::file(manifest, format!("is not a valid CSV file: {error}"));
    let mut csv = ReaderBuilder::new().trim(Trim::All).from_reader(text);
    let columns = csv.headers().map_err(malformed)?.clone();
    let column = |name: &str| {
        columns
            .iter()
            .position(|column| column.eq_ignore_ascii_case(name))
    };
    let (Some(prediction), Some(target)) = (column("prediction"), column("target")) else {
        let found: Vec<&str> = columns.iter().collect();
        let message = format!(
            "found the columns {}, expected prediction and target, separated by commas (and, optionally, case and annotated)",
            found.join(", ")
        );
        return Err(Failure::file(manifest, message));
    };
    let (case, annotated) = (column("case"), column("annotated"));
    let folder = manifest.parent().unwrap_or(Path::new(""));
    let mut cases = Vec::new();
    for row in csv.records() {
        let row = row.map_err(malformed)?;
        let path = |column: usize| row.get(column).filter(|text| !text.is_empty());
        let named = case
            .and_then(|case| row.get(case))
            .filter(|name| !name.is_empty());
        let classes = annotated.and_then(|annotated| row.get(annotated));
        let classes = classes.map(|classes| classes.split_whitespace().map(str::to_owned));
        let classes: Option<Vec<String>> = classes.map(Iterator::collect);
        cases.push(match (path(prediction), path(target)) {
            (Some(prediction), Some(target)) => Ok(Pair {
                name: named.map_or_else(|| name_of(prediction), str::to_owned),
                prediction: folder.join(prediction),
                target: folder.join(target),
                annotated: classes.filter(|classes| !classes.is_empty()),
            }),
            (prediction, target) => {
                let missing = if prediction.is_none() {
                    "prediction"
                } else {
                    "target"
                };
                let message = format!("found no {missing} in line {}", line(&row));
                let path = |path: Option<&str>| path.map(|path| folder.join(path));
                Err(Failed {
                    case: named.unwrap_or_default().to_owned(),
                    prediction: path(prediction),
                    target: path(target),
                    failure: Failure::file(manifest, message).into(),
                })
            }
        });
    }
    if cases.is_empty() {
        return Err(Failure::file(
            manifest,
            "found no case, expected one line per case",
        ));
    }
    Ok(cases)
}

fn line(row: &StringRecord) -> u64 {
    row.position().map_or(0, csv::Position::line)
}

/// The prediction's path without its extension, or only its file name if the path leads out of the manifest's folder.
fn name_of(prediction: &str) -> String {
    let path = PathBuf::from(split_extension(prediction).0);
    let inside = path
        .components()
        .all(|part| matches!(part, Component::Normal(_)));
    let name = if inside {
        path.as_os_str()
    } else {
        path.file_name().unwrap_or_default()
    };
    name.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(text: &str) -> Result<Vec<String>, String> {
        let cases = cases(text.as_bytes(), Path::new("data/cases.csv"))
            .map_err(|failure| failure.to_string())?;
        let shown = cases.into_iter().map(|case| match case {
            Ok(pair) => format!(
                "{}={} {}",
                pair.name,
                pair.prediction.display(),
                pair.target.display()
            ),
            Err(failed) => failed.failure.to_string(),
        });
        Ok(shown.collect())
    }

    #[test]
    fn paths_are_relative_to_the_manifest() {
        let text = "\u{feff}Target, centre, prediction\r\ny/1.npy, A, p/1.nii.gz\r\n/y/2.npz:y,B,../2.npy\r\n";
        let expected = [
            "p/1=data/p/1.nii.gz data/y/1.npy",
            "2=data/../2.npy /y/2.npz:y",
        ];
        assert_eq!(listed(text), Ok(expected.map(str::to_owned).to_vec()));
    }

    #[test]
    fn the_case_column_names_cases() {
        let cases = listed("case,prediction,target\nanna,1.npy,y.npy\n,2.npy,y.npy\n");
        let expected = ["anna=data/1.npy data/y.npy", "2=data/2.npy data/y.npy"];
        assert_eq!(cases, Ok(expected.map(str::to_owned).to_vec()));
    }

    #[test]
    fn errors_say_what_a_manifest_lacks() {
        let cases = listed("prediction,target\n1.npy,1.npy\n2.npy,\n").expect("one case");
        assert_eq!(cases[1], "data/cases.csv: found no target in line 3");
        for (text, word) in [
            ("prediction;target\n1;2\n", "prediction;target"),
            ("prediction,target\n", "no case"),
            ("", "columns"),
            ("prediction,target\n1,2,3\n", "line: 2"),
        ] {
            let message = listed(text).expect_err("no manifest");
            assert!(message.contains(word), "{message}");
        }
    }
}
