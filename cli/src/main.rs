//! `unifocal`: scores segmentation predictions on disk with every loss of the Unified Focal family.

#![deny(unsafe_code)]

mod args;
mod case;
mod demo;
mod failure;
mod loss;
mod output;
mod pairs;
mod parallel;
mod read;
mod report;
mod score;

use std::io::{self, ErrorKind, Write};
use std::process::ExitCode;

use anstyle::{AnsiColor, Style};
use clap::{CommandFactory, Parser};

use args::{Cli, Command, Data, Format};
use failure::Failure;
use output::Staged;
use rayon::ThreadPoolBuilder;
use unifocal_ndarray::core::Name;

fn main() -> ExitCode {
    let report = match run(Cli::parse().command) {
        Ok(report) => report,
        Err(failure) => {
            let red = Style::new().bold().fg_color(Some(AnsiColor::Red.into()));
            anstream::eprintln!("{red}error:{red:#} {failure}");
            return ExitCode::from(1);
        }
    };
    match anstream::stdout().lock().write_all(&report) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            anstream::eprintln!("error: the report cannot be written: {error}");
            ExitCode::from(1)
        }
        _ => ExitCode::SUCCESS,
    }
}

/// What a command prints. Nothing is printed or written unless all of it could be computed.
fn run(command: Command) -> Result<Vec<u8>, Failure> {
    match command {
        Command::Eval {
            data,
            loss,
            per_class,
            gradient,
            format,
        } => {
            let loss = loss.choose()?;
            let pairs = pairs::pairs(&data.prediction, &data.target)?;
            if let Some(out) = &gradient {
                output::check(out, pairs.len())?;
            }
            let evaluated = in_pool(&data, || {
                parallel::in_order(&pairs, data.memory.as_u64(), |pair| {
                    let case = case::read(pair, &data)?;
                    let (score, slopes) =
                        score::score(&case, pair, &data, &loss, gradient.is_some())?;
                    let staged = match (&gradient, slopes) {
                        (Some(out), Some(slopes)) => Some(Staged::new(out, pair, slopes)?),
                        _ => None,
                    };
                    Ok((pair.clone(), score, staged))
                })
            })?;
            let mut cases = Vec::new();
            for (pair, score, staged) in evaluated {
                staged.map_or(Ok(()), Staged::persist)?;
                cases.push((pair, score));
            }
            report::eval(&loss, &cases, per_class, format)
        }
        Command::Compare { data, format } => compare(&data, format),
        Command::Demo { format } => {
            let (pair, case, data) = demo::example();
            let values = losses(&pair, &case, &data)?;
            let mut report = report::compare(&[(pair, values)], format)?;
            if format == Format::Table {
                report.extend_from_slice(demo::HINT.as_bytes());
            }
            Ok(report)
        }
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "unifocal", &mut script);
            Ok(script)
        }
    }
}

fn compare(data: &Data, format: Format) -> Result<Vec<u8>, Failure> {
    let pairs = pairs::pairs(&data.prediction, &data.target)?;
    let cases = in_pool(data, || {
        parallel::in_order(&pairs, data.memory.as_u64(), |pair| {
            let case = case::read(pair, data)?;
            Ok((pair.clone(), losses(pair, &case, data)?))
        })
    })?;
    report::compare(&cases, format)
}

/// Runs with as many threads as asked for.
fn in_pool<R: Send>(
    data: &Data,
    run: impl FnOnce() -> Result<R, Failure> + Send,
) -> Result<R, Failure> {
    let pool = ThreadPoolBuilder::new().num_threads(data.threads).build();
    match pool {
        Ok(pool) => pool.install(run),
        Err(error) => Err(Failure::Threads(error.to_string())),
    }
}

/// Every loss of the family on one case.
fn losses(
    pair: &pairs::Pair,
    case: &case::Case,
    data: &Data,
) -> Result<Vec<(Name, score::Score)>, Failure> {
    let score = |name: Name| {
        let loss = loss::Chosen::default_of(name);
        let (score, _) = score::score(case, pair, data, &loss, false)?;
        Ok((name, score))
    };
    Name::ALL.into_iter().map(score).collect()
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Report(error.to_string())
    }
}
