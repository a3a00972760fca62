//! The options about files of results.

use std::path::PathBuf;
use std::str::FromStr;

use clap::Args;

use crate::failure::Failure;
use crate::pairs::Cases;
use crate::team::Team;

/// Where results go.
#[derive(Debug, Args)]
#[command(next_help_heading = "Output")]
pub(crate) struct Stream {
    /// Write the scores of each case to FILE as they come, as CSV (.csv) or JSON Lines (.jsonl), and report their summary. `compare` writes
    /// a file for each loss, whose name takes the place of {loss} in FILE
    #[arg(long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Continue an interrupted run: keep the cases that have a score in FILE and score the others
    #[arg(long, requires = "output")]
    pub(crate) resume: bool,
    /// Score part I of N of the cases, such as 1/8 in the first of 8 jobs; `unifocal merge` joins the files
    #[arg(long, value_name = "I/N", requires = "output", help_heading = "Run")]
    pub(crate) shard: Option<Shard>,
    /// Under `mpirun`, have the processes share each case by slabs of its volume, in place of sharing the cases: for volumes that are larger
    /// than the memory of one machine
    #[arg(long, help_heading = "Run")]
    pub(crate) slabs: bool,
}

/// Part `index` of `count`, from 1 on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shard {
    index: usize,
    count: usize,
}

impl FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts = text.split_once('/');
        let parts =
            parts.and_then(|(index, count)| Some((index.parse().ok()?, count.parse().ok()?)));
        match parts {
            Some((index, count)) if (1..=count).contains(&index) => Ok(Self { index, count }),
            _ => Err(format!(
                "found {text:?}, expected a part and the number of parts, from 1/N to N/N"
            )),
        }
    }
}

impl Shard {
    /// Every N-th case, so that parts take about as long where neighbouring cases are alike.
    fn part(self, cases: &mut Cases) {
        let mut place = 0;
        cases.cases.retain(|_| {
            place += 1;
            (place - 1) % self.count == self.index - 1
        });
    }
}

impl Stream {
    /// Restricts the cases to those of the shard. Several processes have to write to a file.
    pub(crate) fn select(&self, found: &mut Cases) -> Result<(), Failure> {
        #[cfg(feature = "mpi")]
        if self.output.is_none()
            && !self.slabs
            && let Some(ranks) = crate::ranks::Ranks::join()?
        {
            return Err(Failure::Option(format!(
                "found {} processes, expected --output FILE, by which the processes of mpirun share the cases, or --slabs, by which they share each case",
                ranks.count()
            )));
        }
        let Some(shard) = self.shard else {
            return Ok(());
        };
        let all = found.cases.len();
        shard.part(found);
        if found.cases.is_empty() {
            return Err(Failure::Option(format!(
                "--shard {}/{} has no case: there are {all} cases",
                shard.index, shard.count
            )));
        }
        Ok(())
    }

    /// The processes that share each case, if there are any.
    pub(crate) fn team(&self, found: &Cases) -> Result<Option<Team>, Failure> {
        if !self.slabs {
            return Ok(None);
        }
        #[cfg(feature = "mpi")]
        if let Some(ranks) = crate::ranks::Ranks::start()? {
            ranks.agree(&found.cases)?;
            return Ok(Some(Team::new(Box::new(ranks), &found.cases)));
        }
        #[cfg(not(feature = "mpi"))]
        let _ = found;
        Err(Failure::Option(
            "--slabs shares each case among the processes of mpirun, found none: start `mpirun -n N unifocal …`, with a build that has the feature mpi"
                .to_owned(),
        ))
    }
}
