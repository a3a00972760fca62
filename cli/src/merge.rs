//! Joins the files of results of the shards of a run.

use std::path::{Path, PathBuf};

use clap::Args;
use rustc_hash::FxHashSet;

use crate::failure::Failure;
use crate::results::{self, Layout, WholeFile};

#[derive(Debug, Args)]
pub(crate) struct MergeArgs {
    /// The files of the shards, in order
    #[arg(required = true, value_name = "RESULTS", help_heading = "Arguments")]
    results: Vec<PathBuf>,
    /// Write all results to FILE, which must not exist: CSV (.csv) or JSON Lines (.jsonl)
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    output: PathBuf,
}

/// Merges the files. With the files in the order of the shards, the cases are in the order of the run.
pub(crate) fn merge(arguments: &MergeArgs) -> Result<String, Failure> {
    let MergeArgs { results, output } = arguments;
    if output.exists() {
        return Err(Failure::file(output, "exists already: choose another name"));
    }
    let mut written = WholeFile::new(output)?;
    let opened = results.iter().map(|file| Ok((file, results::read(file)?)));
    let mut open: Vec<_> = opened.collect::<Result<_, Failure>>()?;
    let mut common: Option<(&Path, Layout)> = None;
    let mut seen = FxHashSet::default();
    // One case of each file in turn, as `--shard` deals them out.
    while !open.is_empty() {
        let mut rest = Vec::with_capacity(open.len());
        for (file, mut records) in open {
            let Some(found) = records.next() else {
                continue;
            };
            let (record, layout) = found?;
            let (first, expected) = common.get_or_insert_with(|| (file, layout.clone()));
            if *expected != layout {
                return Err(Failure::file(
                    file,
                    format!(
                        "is of another run than {}: found {:?}, expected {:?}",
                        first.display(),
                        layout.run,
                        expected.run
                    ),
                ));
            }
            written.add(&record, &layout)?;
            let name = record.key.case.clone();
            if !seen.insert(record.key) {
                return Err(Failure::file(
                    file,
                    format!("has the case {name}, which another file has as well"),
                ));
            }
            rest.push((file, records));
        }
        open = rest;
    }
    written.persist()?;
    Ok(format!(
        "merged {} cases of {} files",
        seen.len(),
        results.len()
    ))
}
