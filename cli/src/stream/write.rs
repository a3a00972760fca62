//! Scores cases into a file of results, as they come.

use std::collections::HashSet;
use std::iter;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::args::Stream;
use crate::args::Data;
use crate::failure::{Failed, Failure};
use crate::outcome;
use crate::pair::Pair;
use crate::pairs::Cases;
#[cfg(feature = "mpi")]
use crate::parallel::{Helpers, Limits};
#[cfg(feature = "mpi")]
use crate::ranks::Ranks;
use crate::results::{Key, Layout, Record, ResultsFile};
use crate::score::Score;

/// The facts about a run that its file does not hold.
#[derive(Debug, Default)]
pub(crate) struct Streamed {
    pub(crate) failed: Vec<Failed>,
    /// The number of cases of the run, with those of earlier runs.
    pub(crate) cases: usize,
    pub(crate) notes: Vec<String>,
    pub(crate) warnings: Vec<String>,
}

/// The rows that a case adds to the files and to the report.
#[derive(Debug, Serialize, Deserialize)]
struct Scored {
    /// A record for each file.
    records: Vec<Record>,
    warnings: Vec<String>,
}

/// A file of results that is being written, and the cases that it had before this run.
struct Opened {
    file: ResultsFile,
    done: HashSet<Key>,
}

impl Stream {
    /// Scores each case and appends its scores to the files, one file for each score of a case. `output` names the files in messages.
    /// `None` if this process is one of several, and not the one that writes.
    pub(crate) fn write(
        &self,
        output: &Path,
        files: Vec<(PathBuf, Layout)>,
        mut found: Cases,
        data: &Data,
        score: impl Fn(&Pair) -> Result<Vec<Score>, Failure> + Sync,
    ) -> Result<Option<Streamed>, Failure> {
        let mut streamed = Streamed {
            cases: found.cases.len(),
            notes: std::mem::take(&mut found.notes),
            ..Streamed::default()
        };
        let mut expected = HashSet::new();
        for pair in found.cases.iter().flatten() {
            if !expected.insert(Key::of(pair)) {
                return Err(pair.failure(format!(
                    "is listed twice as the case {}: give each a name of its own in the manifest's column case",
                    pair.name
                )));
            }
        }
        let score = |pair: &Pair| {
            let scores = score(pair)?;
            let of_case = scores.first().map(|score| &score.account.warnings);
            let prediction = pair.prediction.display();
            Ok(Scored {
                records: scores
                    .iter()
                    .map(|score| Record::scored(pair, score))
                    .collect(),
                warnings: (of_case.into_iter().flatten())
                    .map(|warning| format!("{prediction}: {warning}"))
                    .collect(),
            })
        };
        #[cfg(feature = "mpi")]
        let ranks = if self.slabs { None } else { Ranks::join()? };
        #[cfg(feature = "mpi")]
        if let Some(ranks) = &ranks {
            ranks.agree(&found.cases)?;
        }
        #[cfg(feature = "mpi")]
        let mut leader = match &ranks {
            Some(ranks) if ranks.is_first() => Some(ranks.lead(&found.cases)),
            Some(ranks) => {
                return ranks
                    .help(&found.cases, Limits::of(data), score)
                    .map(|()| None);
            }
            None => None,
        };
        #[cfg(feature = "mpi")]
        let helpers = leader.as_mut().map(|leader| leader as &mut dyn Helpers<_>);
        #[cfg(not(feature = "mpi"))]
        let helpers = None;
        let mut files = self.open(files, &expected)?;
        if self.resume {
            found.cases.retain(|case| match case {
                Ok(pair) => {
                    let key = Key::of(pair);
                    !files.iter().all(|file| file.done.contains(&key))
                }
                Err(_) => true,
            });
            let done = streamed.cases - found.cases.len();
            if done > 0 {
                streamed.notes.push(format!(
                    "{done} of {} cases were in {} already",
                    streamed.cases,
                    output.display()
                ));
            }
        }
        let take = |result| {
            let failed = match result {
                Ok((_, Scored { records, warnings })) => {
                    streamed.warnings.extend(warnings);
                    return append(&mut files, records.into_iter());
                }
                Err(failed) => failed,
            };
            append(&mut files, iter::repeat(Record::failed(&failed)))?;
            streamed.failed.push(failed);
            Ok(())
        };
        outcome::each(found.cases, data, score, take, helpers)?;
        files
            .into_iter()
            .try_for_each(|opened| opened.file.finish())?;
        Ok(Some(streamed))
    }

    /// Creates the files, or opens those of the run that is continued.
    fn open(
        &self,
        files: Vec<(PathBuf, Layout)>,
        expected: &HashSet<Key>,
    ) -> Result<Vec<Opened>, Failure> {
        if !self.resume {
            // Before any is created, so that a refused run leaves none.
            for (path, _) in &files {
                ResultsFile::check_new(path)?;
            }
        }
        let open = |(path, layout): (PathBuf, Layout)| {
            if !self.resume {
                return Ok(Opened {
                    file: ResultsFile::create(&path, layout)?,
                    done: HashSet::new(),
                });
            }
            let (file, done) = ResultsFile::resume(&path, layout)?;
            match done.iter().find(|key| !expected.contains(*key)) {
                Some(other) => Err(Failure::file(
                    &path,
                    format!(
                        "has the case {} ({} against {}), which this run does not have: --resume needs the files, the folder and the shard of the run that it continues",
                        other.case, other.prediction, other.target
                    ),
                )),
                None => Ok(Opened { file, done }),
            }
        };
        files.into_iter().map(open).collect()
    }
}

/// Appends a record to each file that does not have the case yet.
fn append(files: &mut [Opened], records: impl Iterator<Item = Record>) -> Result<(), Failure> {
    for (opened, record) in files.iter_mut().zip(records) {
        if !opened.done.contains(&record.key) {
            opened.file.append(&record)?;
        }
    }
    Ok(())
}
