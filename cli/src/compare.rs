//! `compare`: scores cases with every loss at its defaults.

use std::path::{Path, PathBuf};

use unifocal_ndarray::core::catalogue::Name;

use crate::args::{Data, ShownMetrics};
use crate::failure::Failure;
use crate::format::Format;
use crate::loss::Chosen;
use crate::pair::Pair;
use crate::results::Layout;
use crate::score::{Score, Scored, Wanted};
use crate::score_files::score_files;
use crate::stream::args::Stream;
use crate::team::{follow, with_note};
use crate::{Done, done, options, outcome, pairs, report, run_text, summary};

/// Stands for the name of the loss in the name of a file of results.
const LOSS: &str = "{loss}";

/// Reports the scores, or writes them to a file for each loss.
pub(crate) fn compare(
    mut data: Data,
    shown: &ShownMetrics,
    stream: &Stream,
    format: Format,
    reading: &str,
) -> Result<Done, Failure> {
    options::check_data(&data)?;
    options::check_metrics(shown, stream, format)?;
    let files = stream.output.as_deref().map(files).transpose()?;
    let mut found = pairs::find(&data.pairing, data.input)?;
    stream.select(&mut found)?;
    let wanted = Wanted {
        known_sums: shown.shown || format == Format::Json || stream.output.is_some(),
        ..Wanted::default()
    };
    data.team = stream.team(&found)?;
    let data = &data;
    let losses = |pair: &Pair| with_all_losses(|losses| score_files(pair, data, losses, wanted));
    if follow(data, &found.cases, |pair| losses(pair).map(drop))? {
        return Ok(Done::default());
    }
    let (Some(output), Some(files)) = (&stream.output, files) else {
        let scored = outcome::of_each(found, data, losses)?;
        let done = done(scored, format, |cases, run| {
            report::compare(cases, shown, run)
        })?;
        return Ok(with_note(done, data));
    };
    let layout = |name: &Name| Layout {
        run: run_text::of(&Chosen::default_of(*name), shown.empty(), reading),
        empty: shown.empty(),
    };
    let layouts = files
        .iter()
        .map(|(name, file)| (file.clone(), layout(name)));
    let streamed = stream.write(output, layouts.collect(), found, data, |pair| {
        let scores = losses(pair)?.into_iter().map(|(_, score)| score);
        Ok(scores.collect())
    })?;
    let Some(streamed) = streamed else {
        return Ok(Done::default());
    };
    let report = summary::of_losses(&files, format)?;
    Ok(with_note(Done::streamed(streamed, report), data))
}

/// The file of each loss.
fn files(output: &Path) -> Result<Vec<(Name, PathBuf)>, Failure> {
    let name = output.file_name().and_then(|name| name.to_str());
    let Some(name) = name.filter(|name| name.contains(LOSS)) else {
        return Err(Failure::file(
            output,
            format!(
                "is one file, expected {LOSS} in its name, such as scores-{LOSS}.csv: each loss has a file of its own"
            ),
        ));
    };
    let file = |loss: Name| output.with_file_name(name.replace(LOSS, loss.as_str()));
    Ok(Name::ALL.map(|loss| (loss, file(loss))).to_vec())
}

/// Scores one case with every loss.
pub(crate) fn with_all_losses(
    score: impl FnOnce(&[Chosen]) -> Result<Scored, Failure>,
) -> Result<Vec<(Name, Score)>, Failure> {
    let scored = score(&Name::ALL.map(Chosen::default_of))?;
    Ok(Name::ALL.into_iter().zip(scored.scores).collect())
}
