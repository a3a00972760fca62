//! The built-in example: a phantom with two small lesions, and a prediction that misses part of them.
//!
//! It is computed from a few ellipses, so no third-party data or licence is involved.

mod files;
mod phantom;

use clap::Parser;

use crate::args::{Cli, Command, Data};
use crate::assemble::{self, Files};
use crate::case::Case;
use crate::failure::Failure;
use crate::pair::Pair;
use crate::read::{Format, Stored, Values, Volume};

pub(crate) use files::write;

/// The lines below the table.
pub(crate) const HINT: &str = "
A phantom of 128 x 128 pixels, of which 2 % are lesions. To score your own files (.npy, .npz, .nii.gz, .png, .safetensors):
  unifocal compare PREDICTION LABELS        unifocal eval PREDICTION LABELS --loss dice --per-class
";

/// The phantom, its prediction, and the options to read them with.
pub(crate) fn example() -> Result<(Pair, Case, Data), Failure> {
    let (prediction, labels) = (phantom::prediction(), phantom::labels());
    let pair = Pair {
        name: "demo".to_owned(),
        prediction: "demo prediction".into(),
        target: "demo labels".into(),
        annotated: None,
    };
    let data = data()?;
    let volume = |values, stored| Volume::plain(Format::Npy, stored, values);
    let files = Files {
        prediction: volume(Values::F32(prediction.into()), Stored::F32),
        target: volume(Values::U8(labels.into()), Stored::Integer { max: 255 }),
        mask: None,
        image: None,
        slab: None,
    };
    let case = assemble::assemble(&pair, &data, files)?;
    Ok((pair, case, data))
}

/// The options of a command without any.
fn data() -> Result<Data, Failure> {
    match Cli::try_parse_from(["unifocal", "compare", "PRED", "TARGET"]) {
        Ok(Cli {
            command: Command::Compare { data, .. },
        }) => Ok(data),
        _ => Err(Failure::Option(
            "the options of compare cannot be read".to_owned(),
        )),
    }
}
