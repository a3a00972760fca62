//! Names as people type them: finding the known word that matches, or the most similar one.

use core::fmt;

/// The item with this name, ignoring case and reading `_` as `-`.
pub(crate) fn find<T>(name: &str, mut known: impl Iterator<Item = (T, &'static str)>) -> Option<T> {
    known
        .find(|(_, word)| letters(name).eq(word.bytes()))
        .map(|(what, _)| what)
}

/// The item with the most similar name.
pub(crate) fn nearest<T>(name: &str, known: impl Iterator<Item = (T, &'static str)>) -> Option<T> {
    known
        .min_by_key(|(_, word)| distance(name, word))
        .map(|(what, _)| what)
}

/// Writes words separated by commas.
pub(crate) fn list(
    f: &mut fmt::Formatter<'_>,
    words: impl IntoIterator<Item: fmt::Display>,
) -> fmt::Result {
    for (index, word) in words.into_iter().enumerate() {
        let comma = if index == 0 { "" } else { ", " };
        write!(f, "{comma}{word}")?;
    }
    Ok(())
}

fn letters(name: &str) -> impl Iterator<Item = u8> {
    name.bytes().map(|letter| match letter {
        b'_' => b'-',
        letter => letter.to_ascii_lowercase(),
    })
}

/// The length of the longest known word, with some room.
const LONGEST: usize = 32;

/// The cost of a missing letter. Low, because people shorten names more often than they lengthen
/// them.
const LACKED: usize = 1;
/// The cost of two swapped letters.
const SWAPPED: usize = 2;
/// The cost of an extra or a wrong letter.
const WRONG: usize = 3;

/// The weighted edit distance, with swaps, from a known word to the name.
fn distance(name: &str, word: &str) -> usize {
    let word = word.as_bytes();
    debug_assert!(word.len() <= LONGEST, "{} letters", word.len());
    // Row i holds, for each prefix of the word, the cost of the name's first i letters.
    let mut row = [0; LONGEST + 1];
    for (j, cost) in row.iter_mut().enumerate() {
        *cost = j * LACKED;
    }
    let mut above = row;
    let mut last = None;
    for letter in letters(name) {
        let above_that = core::mem::replace(&mut above, row);
        row[0] += WRONG;
        for (j, known) in word.iter().enumerate() {
            let right = if letter == *known { 0 } else { WRONG };
            let mut cost = (above[j] + right)
                .min(above[j + 1] + WRONG)
                .min(row[j] + LACKED);
            if j > 0 && last == Some(*known) && letter == word[j - 1] {
                cost = cost.min(above_that[j - 1] + SWAPPED);
            }
            row[j + 1] = cost;
        }
        last = Some(letter);
    }
    row[word.len()]
}
