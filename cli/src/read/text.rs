//! Volumes with a text header (NRRD, MetaImage), whose numbers are in the same file or in another.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom, copy, sink};
use std::path::Path;

use flate2::bufread::ZlibDecoder;

use super::payload::{Layout, verify_end};
use super::stream::{Gunzip, open_regular};
use super::{Fault, Values};

/// The longest header. Headers that describe hundreds of segments have some 100 kB.
const MAX_HEADER: u64 = 16 << 20;

/// A file that begins with lines of text.
pub(super) struct TextFile<'a> {
    path: &'a Path,
    source: std::io::Take<BufReader<File>>,
}

impl<'a> TextFile<'a> {
    pub(super) fn new(path: &'a Path, file: File) -> Self {
        let source = BufReader::new(file).take(MAX_HEADER);
        Self { path, source }
    }

    /// Reads the next line, without its end; `None` at the end of the file.
    pub(super) fn line(&mut self) -> Result<Option<String>, Fault> {
        let mut line = Vec::new();
        if self.source.read_until(b'\n', &mut line)? == 0 {
            return Ok(None);
        }
        let text = String::from_utf8_lossy(&line);
        Ok(Some(text.trim_end_matches(['\n', '\r']).to_owned()))
    }

    /// The file with the numbers, and the first offset at which they can begin: in the file that the header names, or in this one
    /// after the last line that was read.
    pub(super) fn data(self, named: Option<&str>) -> Result<(File, u64), Fault> {
        match named {
            None => {
                let position = MAX_HEADER - self.source.limit();
                Ok((self.source.into_inner().into_inner(), position))
            }
            Some(name) if name.starts_with("LIST") || name.contains('%') => {
                Err(Fault::Unsupported {
                    found: "data in several files".to_owned(),
                    expected: "data in one file",
                })
            }
            Some(name) => Ok((open_named(self.path, name)?, 0)),
        }
    }
}

/// The fields of a header, by their names.
pub(super) struct Fields {
    format: &'static str,
    fields: HashMap<String, String>,
}

impl Fields {
    pub(super) fn new(format: &'static str) -> Self {
        let fields = HashMap::new();
        Self { format, fields }
    }

    /// Adds a field.
    pub(super) fn insert(&mut self, name: impl Into<String>, value: &str) {
        self.fields.insert(name.into(), value.trim().to_owned());
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.fields.get(name).map(String::as_str)
    }

    /// The first of these fields that is present, and its name.
    pub(super) fn any<'a>(&self, names: &[&'a str]) -> Option<(&'a str, &str)> {
        names.iter().find_map(|name| Some((*name, self.get(name)?)))
    }

    pub(super) fn require(&self, name: &str) -> Result<&str, Fault> {
        let missing = || Fault::malformed(self.format, format!("no field {name:?}"), "that field");
        self.get(name).ok_or_else(missing)
    }
}

/// Parses numbers that are separated by white space.
pub(super) fn numbers<T: std::str::FromStr>(text: &str) -> Option<Vec<T>> {
    text.split_whitespace().map(|n| n.parse().ok()).collect()
}

/// Where and how the numbers are stored.
pub(super) struct Data {
    pub file: File,
    pub start: Start,
    pub encoding: Encoding,
    /// The number of bytes to skip after the start, after unpacking.
    pub skip: u64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Start {
    Byte(u64),
    /// The numbers are the last bytes of the file.
    FromEnd,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Encoding {
    Raw,
    Gzip,
    /// Zlib or gzip, by the first bytes.
    Deflate,
}

impl Data {
    pub(super) fn read(mut self, layout: &Layout) -> Result<Values, Fault> {
        let size = self.file.metadata()?.len();
        let start = match self.start {
            Start::Byte(start) => start,
            Start::FromEnd => {
                let expected = layout.bytes()?;
                let fault = Fault::Truncated {
                    expected,
                    found: size,
                };
                size.checked_sub(expected).ok_or(fault)?
            }
        };
        if self.encoding == Encoding::Raw {
            let start = start.saturating_add(self.skip);
            let available = size.saturating_sub(start);
            if let Some(values) = layout.map(&self.file, start, available)? {
                return Ok(values);
            }
            self.file.seek(SeekFrom::Start(start))?;
            return layout.read(&mut BufReader::new(self.file), Some(available));
        }
        self.file.seek(SeekFrom::Start(start))?;
        let mut packed = BufReader::new(self.file);
        let is_gzip =
            self.encoding == Encoding::Gzip || packed.fill_buf()?.starts_with(b"\x1f\x8b");
        let mut source: Box<dyn Read> = if is_gzip {
            Box::new(Gunzip::new(packed))
        } else {
            Box::new(ZlibDecoder::new(packed))
        };
        let damaged = |error: std::io::Error| Fault::Damaged(error.to_string());
        copy(&mut (&mut source).take(self.skip), &mut sink()).map_err(damaged)?;
        let values = layout.read(&mut *source, None)?;
        verify_end(&mut *source)?;
        Ok(values)
    }
}

/// Opens the file that the header in `path` names.
fn open_named(path: &Path, name: &str) -> Result<File, Fault> {
    let file = open_regular(&path.parent().unwrap_or(Path::new("")).join(name))?;
    // Generated files, as in /proc, have size 0 and may be endless.
    if file.metadata()?.len() == 0 {
        return Err(Fault::Truncated {
            expected: 1,
            found: 0,
        });
    }
    Ok(file)
}
