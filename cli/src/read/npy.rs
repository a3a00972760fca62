//! NumPy's files: one array (`.npy`), or a zip archive of arrays (`.npz`).

use std::fs::File;
use std::io::{BufReader, Read, Seek};

use zip::ZipArchive;
use zip::result::ZipError;

use super::element::Element;
use super::payload::{Layout, read_up_to, verify_end};
use super::spec::choose;
use super::window::{Part, Source};
use super::{Fault, Format, Volume};

const MAGIC: &[u8; 6] = b"\x93NUMPY";

/// NumPy refuses longer headers, too.
const MAX_HEADER: usize = 10_000;

pub(super) fn read_npy(file: File, size: u64, part: Part<'_>) -> Result<Volume, Fault> {
    let mut source = BufReader::new(file);
    let layout = read_header(&mut source)?;
    let offset = source.stream_position()?;
    let available = size.saturating_sub(offset);
    let stored = layout.element.into();
    if let Some(window) = part.ranges(layout.shape.len()) {
        let source = Source::Plain(source.get_ref(), offset, available);
        let values = layout.read_window(source, &window)?;
        return Ok(Volume {
            whole: layout.whole(&window),
            ..Volume::plain(Format::Npy, stored, values)
        });
    }
    let values = match layout.map(source.get_ref(), offset, available)? {
        Some(values) => values,
        None => layout.read(&mut source, Some(available))?,
    };
    Ok(Volume::plain(Format::Npy, stored, values))
}

pub(super) fn read_npz(file: File, key: Option<&str>) -> Result<Volume, Fault> {
    let mut archive = ZipArchive::new(BufReader::new(file)).map_err(zip_fault)?;
    let mut names = Vec::new();
    for name in archive.file_names() {
        let name = name.map_err(zip_fault)?;
        names.extend(name.strip_suffix(".npy").map(str::to_owned));
    }
    // Like NumPy, accept a key with or without the suffix.
    let key = key.map(|key| key.strip_suffix(".npy").unwrap_or(key));
    let key = choose(names, key)?;
    let mut entry = archive.by_name(&format!("{key}.npy")).map_err(zip_fault)?;
    let layout = read_header(&mut entry)?;
    let values = layout.read(&mut entry, None)?;
    verify_end(&mut entry)?;
    let stored = layout.element.into();
    Ok(Volume {
        key: Some(key),
        ..Volume::plain(Format::Npz, stored, values)
    })
}

fn zip_fault(error: ZipError) -> Fault {
    match error {
        ZipError::Io(error) if error.kind() != std::io::ErrorKind::UnexpectedEof => error.into(),
        ZipError::CompressionMethodNotSupported(_) | ZipError::UnsupportedArchive(_) => {
            Fault::Unsupported {
                found: error.to_string(),
                expected: "a zip archive whose entries are stored or deflated, without a password",
            }
        }
        _ => Fault::malformed("npz", error.to_string(), "a zip archive of .npy files"),
    }
}

/// Reads everything before the numbers.
fn read_header(source: &mut dyn Read) -> Result<Layout, Fault> {
    let mut start = [0; 8];
    let found = read_up_to(source, &mut start)?;
    if !start[..found].starts_with(MAGIC) {
        let found = format!("the first bytes {}", start[..found].escape_ascii());
        return Err(malformed(found, "the magic of a .npy file"));
    }
    let mut length = [0; 4];
    // The length is a u16 in version 1 and a u32 afterwards.
    let length_bytes = match (start[6], start[7]) {
        (1, 0) => 2,
        (2 | 3, 0) => 4,
        (major, minor) => {
            let found = format!("format version {major}.{minor}");
            return Err(malformed(found, "1.0, 2.0 or 3.0"));
        }
    };
    if read_up_to(source, &mut length[..length_bytes])? < length_bytes {
        return Err(malformed("a truncated header", "a complete one"));
    }
    let length = u32::from_le_bytes(length) as usize;
    if length > MAX_HEADER {
        let found = format!("a header of {length} bytes");
        return Err(malformed(found, format!("at most {MAX_HEADER}")));
    }
    let mut header = vec![0; length];
    if read_up_to(source, &mut header)? < length {
        return Err(malformed("a truncated header", "a complete one"));
    }
    let text = str::from_utf8(&header).map_err(|e| malformed(e.to_string(), "a text header"))?;
    Parser { rest: text }.layout()
}

fn malformed(found: impl Into<String>, expected: impl Into<String>) -> Fault {
    Fault::malformed("npy", found, expected)
}

/// Reads the header's Python literal, `{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }`: the format
/// allows these three keys only, so no general parser of Python is needed.
struct Parser<'a> {
    rest: &'a str,
}

impl<'a> Parser<'a> {
    fn layout(mut self) -> Result<Layout, Fault> {
        let (mut kind, mut fortran, mut shape) = (None, None, None);
        self.expect("{")?;
        while !self.take("}") {
            let key = self.string()?;
            self.expect(":")?;
            match key {
                "descr" => kind = Some(self.element()?),
                "fortran_order" => fortran = Some(self.boolean()?),
                "shape" => shape = Some(self.shape()?),
                _ => return Err(self.unexpected("the keys descr, fortran_order and shape")),
            }
            if !self.take(",") {
                self.expect("}")?;
                break;
            }
        }
        let (Some((element, big_endian)), Some(fortran), Some(shape), "") =
            (kind, fortran, shape, self.rest.trim())
        else {
            return Err(self.unexpected("only the keys descr, fortran_order and shape"));
        };
        Ok(Layout {
            element,
            big_endian,
            fortran,
            shape,
        })
    }

    fn take(&mut self, token: &str) -> bool {
        self.rest = self.rest.trim_start();
        let rest = self.rest.strip_prefix(token);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn expect(&mut self, token: &str) -> Result<(), Fault> {
        if self.take(token) {
            Ok(())
        } else {
            Err(self.unexpected(token))
        }
    }

    fn unexpected(&self, expected: &str) -> Fault {
        let rest: String = self.rest.chars().take(40).collect();
        malformed(format!("{rest:?} in the header"), expected)
    }

    fn string(&mut self) -> Result<&'a str, Fault> {
        let quote = if self.take("'") { '\'' } else { '"' };
        if quote == '"' {
            self.expect("\"")?;
        }
        let Some((string, rest)) = self.rest.split_once(quote) else {
            return Err(self.unexpected("a closing quote"));
        };
        self.rest = rest;
        Ok(string)
    }

    fn boolean(&mut self) -> Result<bool, Fault> {
        if self.take("True") {
            return Ok(true);
        }
        self.expect("False").map(|()| false)
    }

    fn shape(&mut self) -> Result<Vec<u64>, Fault> {
        let mut shape = Vec::new();
        self.expect("(")?;
        while !self.take(")") {
            self.rest = self.rest.trim_start();
            let digits = self.rest.len()
                - self
                    .rest
                    .trim_start_matches(|c: char| c.is_ascii_digit())
                    .len();
            let (number, rest) = self.rest.split_at(digits);
            let Ok(number) = number.parse() else {
                return Err(self.unexpected("a length below 2^64"));
            };
            shape.push(number);
            // Python 2 wrote long integers with an L.
            self.rest = rest.strip_prefix('L').unwrap_or(rest);
            if !self.take(",") {
                self.expect(")")?;
                break;
            }
        }
        Ok(shape)
    }

    /// The number type, and whether it is big-endian.
    fn element(&mut self) -> Result<(Element, bool), Fault> {
        let unsupported = |found| Fault::Unsupported {
            found,
            expected: "an array of booleans, integers of 8 to 64 bits or floats of 16 to 64 bits",
        };
        if self.take("[") {
            return Err(unsupported("a structured array".to_owned()));
        }
        let descr = self.string()?;
        let element = match descr.get(1..) {
            Some("b1") => Element::Bool,
            Some("u1") => Element::U8,
            Some("i1") => Element::I8,
            Some("u2") => Element::U16,
            Some("i2") => Element::I16,
            Some("u4") => Element::U32,
            Some("i4") => Element::I32,
            Some("u8") => Element::U64,
            Some("i8") => Element::I64,
            Some("f2") => Element::F16,
            Some("f4") => Element::F32,
            Some("f8") => Element::F64,
            _ => return Err(unsupported(format!("an array of dtype {descr:?}"))),
        };
        match &descr[..1] {
            "<" => Ok((element, false)),
            ">" => Ok((element, true)),
            "|" if matches!(element, Element::Bool | Element::U8 | Element::I8) => {
                Ok((element, false))
            }
            _ => Err(unsupported(format!("an array of dtype {descr:?}"))),
        }
    }
}
