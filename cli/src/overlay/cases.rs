//! Draws the cases of a run, each into a file.

use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

use super::args::OverlayArgs;
use super::draw::{Drawn, draw};
use crate::account::Account;
use crate::args::Data;
use crate::assemble;
use crate::failure::Failure;
use crate::loss::Chosen;
use crate::outcome::{self, Outcome};
use crate::output::{self, Staged};
use crate::pairs;

/// A picture in its file.
#[derive(Debug)]
pub(crate) struct Saved {
    pub(super) file: PathBuf,
    pub(super) drawn: Drawn,
    /// How the case was read.
    pub(super) account: Arc<Account>,
}

/// The extension of pictures.
const PNG: &str = "png";

/// Draws each case, and moves the pictures into place when all are drawn.
pub(crate) fn draw_all(
    data: &Data,
    loss: &Chosen,
    arguments: &OverlayArgs,
) -> Result<Outcome<Saved>, Failure> {
    let OverlayArgs {
        view,
        image,
        output,
        ..
    } = arguments;
    let found = pairs::find(&data.pairing, data.input)?;
    let beside = [data.mask.as_deref(), image.as_deref()];
    output::check(output, &found, &beside, PNG)?;
    let drawn = outcome::of_each(found, data, |pair| {
        let case = assemble::read_with_image(pair, data, image.as_deref())?;
        let drawn = draw(pair, &case, data, loss, view)?;
        let write = |file: &mut dyn Write| drawn.picture.write(file);
        let staged = Staged::new(output, pair, PNG, write)?;
        let saved = Saved {
            file: staged.file().to_owned(),
            drawn,
            account: Arc::clone(&case.account),
        };
        Ok((staged, saved))
    })?;
    drawn.and_then(data, |(staged, saved)| {
        staged.persist()?;
        Ok(saved)
    })
}
