//! The numbers of a window: a range of the indices of each axis.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;

use super::payload::{CHUNK, Layout, unpacked, verify_end};
use super::{Fault, Values, Whole};

/// A part of a file to read.
#[derive(Clone, Copy, Debug)]
pub(super) enum Part<'a> {
    Whole,
    /// No number.
    Header,
    /// The numbers within a range of each axis.
    Window(&'a [Range<usize>]),
}

impl Part<'_> {
    /// The range of each of so many axes; `None` for all numbers.
    pub(super) fn ranges(self, axes: usize) -> Option<Vec<Range<usize>>> {
        match self {
            Self::Whole => None,
            Self::Header => Some(vec![0..0; axes]),
            Self::Window(ranges) => Some(ranges.to_vec()),
        }
    }
}

/// The bytes of numbers in a file.
pub(super) enum Source<'a> {
    /// From this offset on, with the number of bytes that are left.
    Plain(&'a File, u64, u64),
    /// A stream that is unpacked.
    Packed(&'a mut dyn Read),
}

impl Layout {
    /// The array that a window is a part of.
    pub(super) fn whole(&self, window: &[Range<usize>]) -> Option<Whole> {
        let shape = self.shape.iter().map(|length| usize::try_from(*length));
        Some(Whole {
            shape: shape.collect::<Result<_, _>>().ok()?,
            fortran: self.fortran,
            first: window.iter().map(|range| range.start).collect(),
        })
    }

    /// Reads the numbers of a window. Unless it is empty, a compressed stream is unpacked to its end, so that its checksum is verified.
    pub(super) fn read_window(
        &self,
        mut source: Source<'_>,
        window: &[Range<usize>],
    ) -> Result<Values, Fault> {
        let expected = self.bytes()?;
        let held = Layout {
            shape: window.iter().map(|range| range.len() as u64).collect(),
            ..self.clone()
        };
        if let Source::Plain(_, _, found) = source
            && found < expected
        {
            return Err(Fault::Truncated { expected, found });
        }
        let is_plain = matches!(source, Source::Plain(..));
        let available = is_plain.then(|| held.bytes()).transpose()?;
        let mut kept = Kept::new(self, window, &mut source);
        let values = held.read(&mut kept, available);
        let mut found = kept.passed;
        if let (Source::Packed(stream), Ok(_) | Err(Fault::Truncated { .. })) =
            (&mut source, &values)
            && !held.shape.contains(&0)
        {
            skip(stream, expected - found, &mut found).map_err(unpacked)?;
            if found < expected {
                return Err(Fault::Truncated { expected, found });
            }
            verify_end(stream)?;
        }
        match values {
            Err(Fault::OutOfRange { value, mut index }) => {
                for (index, range) in index.iter_mut().zip(window) {
                    *index += range.start;
                }
                Err(Fault::OutOfRange { value, index })
            }
            values => values,
        }
    }
}

/// Reads past `count` bytes, or to the end of the stream, and counts them.
fn skip(stream: &mut dyn Read, count: u64, passed: &mut u64) -> io::Result<()> {
    let mut buffer = vec![0; CHUNK];
    let end = *passed + count;
    while *passed < end {
        let wanted = usize::try_from(end - *passed).map_or(CHUNK, |left| left.min(CHUNK));
        match stream.read(&mut buffer[..wanted]) {
            Ok(0) => break,
            Ok(found) => *passed += found as u64,
            Err(error) => match error.kind() {
                io::ErrorKind::Interrupted => {}
                // A compressed stream ends too early. The caller reports how much is missing.
                io::ErrorKind::UnexpectedEof => break,
                _ => return Err(error),
            },
        }
    }
    Ok(())
}

/// The bytes of a window, which are runs of neighbouring bytes.
struct Kept<'a, 'b> {
    source: &'a mut Source<'b>,
    /// The length of a run.
    run: u64,
    /// How many of its bytes are left.
    left: u64,
    /// The axes that runs do not cover, the fastest first: the range, the distance between indices, and the index of the next run.
    outer: Vec<(Range<u64>, u64, u64)>,
    /// Where the first run begins.
    first: u64,
    ended: bool,
    /// The number of bytes up to here.
    passed: u64,
}

impl<'a, 'b> Kept<'a, 'b> {
    fn new(layout: &Layout, window: &[Range<usize>], source: &'a mut Source<'b>) -> Self {
        let mut axes: Vec<(u64, Range<u64>)> = (layout.shape.iter().zip(window))
            .map(|(length, range)| (*length, range.start as u64..range.end as u64))
            .collect();
        if !layout.fortran {
            axes.reverse();
        }
        let ended = axes.iter().any(|(_, range)| range.is_empty());
        let (mut run, mut first, mut distance) = (layout.element.bytes() as u64, 0, 0);
        let mut outer = Vec::new();
        for (length, range) in axes {
            // The first axis of which a part is kept ends the runs.
            if distance == 0 {
                let is_whole = range == (0..length);
                first = range.start * run;
                distance = if is_whole { 0 } else { length * run };
                run *= range.end - range.start;
            } else {
                let start = range.start;
                outer.push((range, distance, start));
                distance *= length;
            }
        }
        Self {
            source,
            run,
            left: 0,
            outer,
            first,
            ended,
            passed: 0,
        }
    }

    /// Moves to the next run, if there is one.
    fn next_run(&mut self) -> io::Result<()> {
        let place = |(_, distance, index): &(Range<u64>, u64, u64)| distance * index;
        let start = self.first + self.outer.iter().map(place).sum::<u64>();
        match self.source {
            Source::Plain(file, offset, _) => {
                file.seek(SeekFrom::Start(*offset + start))?;
                self.passed = start;
            }
            Source::Packed(stream) => skip(stream, start - self.passed, &mut self.passed)?,
        }
        if self.passed < start {
            self.ended = true;
            return Ok(());
        }
        self.left = self.run;
        for (range, _, index) in &mut self.outer {
            *index += 1;
            if *index < range.end {
                return Ok(());
            }
            *index = range.start;
        }
        self.ended = true;
        Ok(())
    }
}

impl Read for Kept<'_, '_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 && !self.ended && !buffer.is_empty() {
            self.next_run()?;
        }
        let wanted = buffer
            .len()
            .min(usize::try_from(self.left).unwrap_or(usize::MAX));
        let buffer = &mut buffer[..wanted];
        let found = match self.source {
            Source::Plain(file, ..) => file.read(buffer)?,
            Source::Packed(stream) => stream.read(buffer)?,
        };
        self.left -= found as u64;
        self.passed += found as u64;
        Ok(found)
    }
}
