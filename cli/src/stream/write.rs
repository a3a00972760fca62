//! Scores cases into a file of results, as they come.

use std::collections::HashSet;
use std::path::Path;

use super::args::Stream;
use crate::args::Data;
use crate::failure::{Failed, Failure};
use crate::outcome;
use crate::output::Staged;
use crate::pair::Pair;
use crate::pairs::Cases;
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

impl Stream {
    /// Scores each case and appends it to the file.
    pub(crate) fn write(
        &self,
        output: &Path,
        mut found: Cases,
        data: &Data,
        layout: Layout,
        score: impl Fn(&Pair) -> Result<(Score, Option<Staged>), Failure> + Sync,
    ) -> Result<Streamed, Failure> {
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
        let mut file = if self.resume {
            let (file, done) = ResultsFile::resume(output, layout)?;
            if let Some(other) = done.iter().find(|key| !expected.contains(*key)) {
                return Err(Failure::file(
                    output,
                    format!(
                        "has the case {} ({} against {}), which this run does not have: --resume needs the files, the folder and the shard of the run that it continues",
                        other.case, other.prediction, other.target
                    ),
                ));
            }
            found.cases.retain(|case| match case {
                Ok(pair) => !done.contains(&Key::of(pair)),
                Err(_) => true,
            });
            if !done.is_empty() {
                streamed.notes.push(format!(
                    "{} of {} cases were in {} already",
                    done.len(),
                    streamed.cases,
                    output.display()
                ));
            }
            file
        } else {
            ResultsFile::create(output, layout)?
        };
        outcome::each(found.cases, data, score, |result| {
            let mut written = |pair: &Pair, score: &Score| {
                let of_case = score.account.warnings.iter();
                let prediction = pair.prediction.display();
                streamed
                    .warnings
                    .extend(of_case.map(|warning| format!("{prediction}: {warning}")));
                file.append(&Record::scored(pair, score))
            };
            let failed = match result {
                Ok((pair, (score, staged))) => match staged.map_or(Ok(()), Staged::persist) {
                    Ok(()) => return written(&pair, &score),
                    Err(failure) => Failed::new(pair, failure),
                },
                Err(failed) => failed,
            };
            file.append(&Record::failed(&failed))?;
            streamed.failed.push(failed);
            Ok(())
        })?;
        file.finish()?;
        Ok(streamed)
    }
}
