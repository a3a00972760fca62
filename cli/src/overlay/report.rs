//! The text that `overlay` prints.

use super::cases::Saved;
use super::draw::Drawn;
use crate::loss::Chosen;
use crate::pair::Pair;
use crate::report::cells::digits;

/// States what each picture shows, and how its case was read.
pub(crate) fn report(loss: &Chosen, cases: &[(Pair, Saved)]) -> String {
    let mut text = String::new();
    for (pair, saved) in cases {
        let Saved {
            file,
            drawn,
            reading,
        } = saved;
        let Drawn {
            picture,
            planes,
            errors,
            legend,
            loss: value,
        } = drawn;
        let (width, height) = (picture.width, picture.height);
        let value = value.map_or("none".to_owned(), |value| digits(Some(value)));
        text += &format!(
            "{}: {width} × {height} pixels, {} against {}\n  {planes}\n  {errors}; {} {value}\n  {legend}\nread as\n",
            file.display(),
            pair.prediction.display(),
            pair.target.display(),
            loss.name,
        );
        for line in reading {
            text += &format!("  {line}\n");
        }
    }
    text
}
