//! The program `unifocal`, which scores segmentation predictions on disk with the Unified Focal family of losses.
//!
//! Only [`run`] is public. The program is a library so that its documentation is built and checked like that of the other crates.

#![deny(unsafe_code)]

mod account;
mod annotated;
mod args;
mod arrange;
mod assemble;
mod case;
mod check;
mod compare;
mod counts;
mod demo;
mod failure;
mod format;
mod grid;
mod html;
mod input;
mod labels;
mod listed;
mod loss;
mod man;
mod merge;
mod metrics;
mod options;
mod outcome;
mod output;
mod overlay;
mod pair;
mod pairs;
mod parallel;
mod plot;
mod progress;
#[cfg(feature = "mpi")]
mod ranks;
mod read;
mod reading;
mod report;
mod results;
mod run_text;
mod score;
mod score_files;
mod slab;
mod statistics;
mod stream;
mod summary;
mod survey;
mod sweeps;
mod team;

use std::fmt::Display;
use std::io::{ErrorKind, Write};
use std::process::ExitCode;

use anstyle::{AnsiColor, Style};
use clap::{CommandFactory, FromArgMatches};

use args::{Cli, Command, ShownMetrics};
use failure::{Failed, Failure};
use format::Format;
use outcome::Outcome;
use output::Staged;
use pair::Pair;
use report::{Report, Run};
use results::Layout;
use score::Wanted;
use score_files::score_files;
use stream::Streamed;
use summary::SummaryArgs;
use team::{follow, with_note};

/// The extension of gradients.
const NPY: &str = "npy";

/// Runs the program with the arguments of this process. The exit status is 0 for success, 1 for bad input, 2 for wrong usage.
pub fn run() -> ExitCode {
    let mut program = command_line();
    let matches = program.get_matches_mut();
    let arguments = Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    let used = matches.subcommand();
    let used = used.and_then(|(name, matches)| Some((program.find_subcommand(name)?, matches)));
    let reading = used.map_or(String::new(), |(command, matches)| {
        run_text::reading(command, matches)
    });
    let done = match execute(arguments.command, &reading) {
        Ok(done) => done,
        Err(failure) => return failed(failure),
    };
    let bold = Style::new().bold();
    for note in &done.notes {
        anstream::eprintln!("{bold}note:{bold:#} {note}");
    }
    let yellow = bold.fg_color(Some(AnsiColor::Yellow.into()));
    for warning in &done.warnings {
        anstream::eprintln!("{yellow}warning:{yellow:#} {warning}");
    }
    let mut code = ExitCode::SUCCESS;
    match anstream::stdout().lock().write_all(&done.report) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            code = failed(format!("cannot write the report: {error}"));
        }
        _ => {}
    }
    for Failed { failure, .. } in &done.failed {
        code = failed(failure);
    }
    if done.problems > 0 {
        let s = if done.problems == 1 { "" } else { "s" };
        code = failed(format!("found {} problem{s}", done.problems));
    }
    if done.cases > 1 && !done.failed.is_empty() {
        let (without, cases) = (done.failed.len(), done.cases);
        let product = done.product.unwrap_or("score");
        code = failed(format!("{without} of {cases} cases have no {product}"));
    }
    code
}

/// The command-line parser. The help of commands with a loss lists the losses and their parameters.
fn command_line() -> clap::Command {
    let mut program = Cli::command();
    for name in ["eval", "sweep", "curve", "check", "overlay"] {
        program = program.mut_subcommand(name, |command| {
            let losses = loss::list();
            let examples = command.get_after_help().cloned().unwrap_or_default();
            command.after_help(format!(
                "Losses and the defaults of their parameters:\n{losses}\n{examples}"
            ))
        });
    }
    program
}

/// Prints an error.
fn failed(message: impl Display) -> ExitCode {
    let red = Style::new().bold().fg_color(Some(AnsiColor::Red.into()));
    anstream::eprintln!("{red}error:{red:#} {message}");
    ExitCode::from(1)
}

/// The outcome of a command.
#[derive(Default)]
struct Done {
    /// The whole report; empty if no case has a score.
    report: Vec<u8>,
    failed: Vec<Failed>,
    /// The number of cases.
    cases: usize,
    /// The result of a case, if it is not a score.
    product: Option<&'static str>,
    notes: Vec<String>,
    warnings: Vec<String>,
    /// The number of problems in the report.
    problems: usize,
}

impl Done {
    /// The outcome of a run that wrote files of results.
    fn streamed(streamed: Streamed, report: Vec<u8>) -> Self {
        Self {
            report,
            failed: streamed.failed,
            cases: streamed.cases,
            notes: streamed.notes,
            warnings: streamed.warnings,
            ..Self::default()
        }
    }
}

/// Executes a command. `reading` are the options of a run about reading, as text.
fn execute(command: Command, reading: &str) -> Result<Done, Failure> {
    match command {
        Command::Eval {
            mut data,
            loss,
            shown,
            stream,
            gradient,
            format,
        } => {
            let loss = loss.choose()?;
            options::check_data(&data)?;
            options::check_loss(&data, &loss, gradient.is_some())?;
            options::check_shown(&shown, &stream, format)?;
            options::check_slabs(&stream, gradient.is_some())?;
            let mut found = pairs::find(&data.pairing, data.input)?;
            stream.select(&mut found)?;
            if let Some(out) = &gradient {
                output::check(out, &found, &[data.mask.as_deref()], NPY)?;
            }
            let wanted = Wanted {
                gradient: gradient.is_some(),
                known_sums: shown.per_class
                    || shown.metrics.shown
                    || format == Format::Json
                    || stream.output.is_some(),
                ..Wanted::default()
            };
            let losses = [loss];
            data.team = stream.team(&found)?;
            let score = |pair: &Pair| {
                let mut scored = score_files(pair, &data, &losses, wanted)?;
                let staged = match (&gradient, scored.gradient) {
                    (Some(out), Some(slopes)) => {
                        Some(Staged::new(out, pair, NPY, |file| slopes.write(file))?)
                    }
                    _ => None,
                };
                Ok((scored.scores.swap_remove(0), staged))
            };
            if follow(&data, &found.cases, |pair| score(pair).map(drop))? {
                return Ok(Done::default());
            }
            if let Some(output) = &stream.output {
                let layout = Layout {
                    run: run_text::of(&losses[0], shown.metrics.empty(), reading),
                    empty: shown.metrics.empty(),
                };
                let score = |pair: &Pair| {
                    let (score, staged) = score(pair)?;
                    staged.map_or(Ok(()), Staged::persist)?;
                    Ok(vec![score])
                };
                let files = vec![(output.clone(), layout)];
                let Some(streamed) = stream.write(output, files, found, &data, score)? else {
                    return Ok(Done::default());
                };
                let report = summary::summarize(&SummaryArgs::of(output, format))?;
                return Ok(with_note(Done::streamed(streamed, report), &data));
            }
            let evaluated = outcome::of_each(found, &data, score)?;
            let scored = evaluated.and_then(&data, |(score, staged)| {
                staged.map_or(Ok(()), Staged::persist)?;
                Ok(score)
            })?;
            let done = done(scored, format, |cases, run| {
                report::eval(&losses[0], cases, &shown, run)
            })?;
            Ok(with_note(done, &data))
        }
        Command::Compare {
            data,
            shown,
            stream,
            format,
        } => compare::compare(data, &shown, &stream, format, reading),
        Command::Sweep { data, grid, output } => {
            options::check_data(&data)?;
            grid::check_sweep(&grid, &output)?;
            let losses = grid.losses()?;
            for loss in &losses {
                options::check_loss(&data, loss, false)?;
            }
            let found = pairs::find(&data.pairing, data.input)?;
            let scored = outcome::of_each(found, &data, |pair| {
                Ok(score_files(pair, &data, &losses, Wanted::default())?.scores)
            })?;
            done(scored, output.format, |cases, run| {
                let (points, warnings) = report::points(cases, losses.len(), run);
                let text = grid::report_sweep(&grid, &losses, &points, &output)?;
                Ok(Report { text, warnings })
            })
        }
        Command::Curve(arguments) => grid::curve(&arguments).map(printed),
        Command::Check { data, loss, check } => {
            let loss = loss.choose()?;
            options::check_data(&data)?;
            options::check_loss(&data, &loss, false)?;
            let mut found = pairs::find(&data.pairing, data.input)?;
            let (1, Some(case)) = (found.cases.len(), found.cases.pop()) else {
                return Err(Failure::Option(
                    "check takes one case: name a file as PRED and one as TARGET".to_owned(),
                ));
            };
            let pair = case.map_err(|failed| *failed.failure)?;
            let case = assemble::read(&pair, &data)?;
            let (report, problems) = check::check(&pair, case, &data, &loss, &check)?;
            Ok(Done {
                report,
                problems,
                ..Done::default()
            })
        }
        Command::Overlay {
            data,
            loss,
            overlay,
        } => {
            let loss = loss.choose()?;
            options::check_data(&data)?;
            options::check_loss(&data, &loss, false)?;
            overlay::check(&data, &loss, &overlay)?;
            let drawn = overlay::draw_all(&data, &loss, &overlay)?;
            Ok(Done {
                cases: drawn.count(),
                product: Some("picture"),
                report: overlay::report(&loss, &overlay, &drawn)?,
                failed: drawn.failed,
                notes: drawn.notes,
                ..Done::default()
            })
        }
        Command::Summary(arguments) => summary::summarize(&arguments).map(printed),
        Command::Report(arguments) => html::report(&arguments).map(noted),
        Command::Diff(arguments) => summary::difference(&arguments).map(noted),
        Command::Merge(arguments) => Ok(Done {
            notes: vec![merge::merge(&arguments)?],
            ..Done::default()
        }),
        Command::Demo { format, output } => {
            let (pair, case, data) = demo::example()?;
            let values = compare::with_all_losses(|losses| {
                score::score(&case, &pair, &data, losses, Wanted::default())
            })?;
            let run = Run {
                failed: &[],
                notes: &[],
                format,
            };
            let mut report =
                report::compare(&[(pair, values)], &ShownMetrics::default(), run)?.text;
            if format == Format::Table {
                report.extend_from_slice(demo::HINT.as_bytes());
            }
            let note = output.map(|folder| demo::write(&folder)).transpose()?;
            Ok(noted((report, note.into_iter().collect())))
        }
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut command_line(), "unifocal", &mut script);
            Ok(printed(script))
        }
        Command::Man { command } => {
            let page = man::page(command_line(), command.as_deref())
                .map_err(|error| Failure::Report(error.to_string()))?;
            Ok(printed(page))
        }
    }
}

fn printed(report: Vec<u8>) -> Done {
    Done {
        report,
        ..Done::default()
    }
}

fn noted((report, notes): (Vec<u8>, Vec<String>)) -> Done {
    Done {
        report,
        notes,
        ..Done::default()
    }
}

/// Reports the scored cases and keeps the failed ones.
fn done<R>(
    outcome: Outcome<R>,
    format: Format,
    report: impl FnOnce(&[(Pair, R)], Run<'_>) -> Result<Report, Failure>,
) -> Result<Done, Failure> {
    let cases = outcome.count();
    let Outcome {
        good,
        failed,
        notes,
    } = outcome;
    let Report { text, warnings } = if good.is_empty() {
        Report::default()
    } else {
        let run = Run {
            failed: &failed,
            notes: &notes,
            format,
        };
        report(&good, run)?
    };
    Ok(Done {
        report: text,
        warnings,
        failed,
        cases,
        notes,
        ..Done::default()
    })
}
