//! Lists in messages.

/// A message lists at most this many.
const SHOWN: usize = 12;

/// The first of these classes or labels, and their number if there are more.
pub(crate) fn listed(items: &[impl ToString]) -> String {
    let mut text: Vec<String> = items.iter().take(SHOWN).map(ToString::to_string).collect();
    if items.len() > SHOWN {
        text.push(format!("… ({} in all)", items.len()));
    }
    text.join(", ")
}
