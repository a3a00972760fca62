//! NRRD (`.nrrd`, `.seg.nrrd`, or `.nhdr` beside its data), as 3D Slicer writes it.

use std::fs::File;
use std::io::{BufRead, BufReader, Seek, SeekFrom};
use std::path::Path;

use super::element::Element;
use super::payload::Layout;
use super::text::{Data, Encoding, Fields, Start, TextFile, numbers};
use super::{Fault, Format, Geometry, Volume};

pub(super) fn read(path: &Path, file: File) -> Result<Volume, Fault> {
    let mut text = TextFile::new(path, file);
    let header = Header::read(&mut text)?;
    let layout = header.layout()?;
    let values = header.data(text)?.read(&layout)?;
    let directions = header.directions(layout.shape.len())?;
    let (order, spatial) = header.order(&directions, layout.shape.len());
    Ok(Volume {
        geometry: header.geometry(&order[..spatial], &directions),
        ..Volume::plain(Format::Nrrd, layout.element.into(), values.permuted(&order))
    })
}

fn malformed(found: impl Into<String>, expected: impl Into<String>) -> Fault {
    Fault::malformed("NRRD", found, expected)
}

/// The names of the field that gives the data file.
const DATA_FILE: [&str; 2] = ["data file", "datafile"];

/// The step along an axis, if it is a spatial axis.
type Direction = Option<Vec<f64>>;

/// A header. Field names are in lower case.
struct Header {
    fields: Fields,
}

impl Header {
    fn read(text: &mut TextFile<'_>) -> Result<Self, Fault> {
        let magic = text.line()?.unwrap_or_default();
        if !magic.starts_with("NRRD000") {
            let found = format!("the first line {magic:.40?}");
            return Err(malformed(found, "NRRD0001 to NRRD0005"));
        }
        let mut fields = Fields::new("NRRD");
        while let Some(line) = text.line()?.filter(|line| !line.is_empty()) {
            // Lines with := are key/value pairs of other programs.
            if line.starts_with('#') || line.contains(":=") {
                continue;
            }
            let Some((name, value)) = line.split_once(':') else {
                let found = format!("the line {line:.40?} in the header");
                return Err(malformed(found, "NAME: VALUE"));
            };
            let name = name.trim().to_ascii_lowercase();
            let is_list = DATA_FILE.contains(&&*name) && value.trim().starts_with("LIST");
            fields.insert(name, value);
            if is_list {
                break;
            }
        }
        Ok(Self { fields })
    }

    fn layout(&self) -> Result<Layout, Fault> {
        let element = element(self.fields.require("type")?)?;
        let sizes = self.fields.require("sizes")?;
        let shape: Option<Vec<u64>> = numbers(sizes);
        let dimension = self.fields.require("dimension")?;
        let rank: Option<usize> = dimension.parse().ok();
        let shape = shape.filter(|shape| {
            Some(shape.len()) == rank && (1..=16).contains(&shape.len()) && !shape.contains(&0)
        });
        let Some(shape) = shape else {
            let found = format!("dimension {dimension:.40} and sizes {sizes:.200}");
            return Err(malformed(
                found,
                "one positive size per dimension, at most 16",
            ));
        };
        let big_endian = match self.fields.get("endian") {
            Some("little") => false,
            Some("big") => true,
            None if element.bytes() == 1 => false,
            found => {
                let found = format!("endian {:.40}", found.unwrap_or("missing"));
                return Err(malformed(found, "little or big"));
            }
        };
        Ok(Layout {
            element,
            big_endian,
            fortran: true,
            shape,
        })
    }

    fn data(&self, text: TextFile<'_>) -> Result<Data, Fault> {
        let encoding = match self
            .fields
            .require("encoding")?
            .to_ascii_lowercase()
            .as_str()
        {
            "raw" => Encoding::Raw,
            "gzip" | "gz" => Encoding::Gzip,
            other => {
                let found = format!("the encoding {other:.40}");
                return Err(Fault::unsupported(found, "raw or gzip"));
            }
        };
        let skips = |names: [&str; 2]| -> Result<i64, Fault> {
            let Some((name, text)) = self.fields.any(&names) else {
                return Ok(0);
            };
            let fault = || malformed(format!("{name} {text:.40}"), "an integer");
            text.parse().map_err(|_| fault())
        };
        let (lines, bytes) = (
            skips(["line skip", "lineskip"])?,
            skips(["byte skip", "byteskip"])?,
        );
        let named = self.fields.any(&DATA_FILE).map(|(_, name)| name);
        let (file, start) = text.data(named)?;
        let start = match (bytes, encoding) {
            (-1, Encoding::Raw) => Start::FromEnd,
            (..-1, _) | (-1, _) => {
                return Err(malformed(
                    format!("byte skip {bytes}"),
                    "0 or more, or -1 for raw data",
                ));
            }
            _ => Start::Byte(skip_lines(&file, start, lines)?),
        };
        Ok(Data {
            file,
            start,
            encoding,
            skip: bytes.max(0).unsigned_abs(),
        })
    }

    /// The step along each axis of an array of this rank; `None` if the field is missing.
    fn directions(&self, rank: usize) -> Result<Option<Vec<Direction>>, Fault> {
        let Some(text) = self.fields.get("space directions") else {
            return Ok(None);
        };
        let found = vectors(text).filter(|found| found.len() == rank);
        let fault = || {
            let found = format!("space directions {text:.200}");
            malformed(
                found,
                format!("a vector or none for each of the {rank} axes"),
            )
        };
        found.map(Some).ok_or_else(fault)
    }

    /// The axes in the order x, y, z, others, and the number of spatial ones.
    fn order(&self, directions: &Option<Vec<Direction>>, rank: usize) -> (Vec<usize>, usize) {
        let kinds: Vec<String> = self
            .fields
            .get("kinds")
            .map(str::to_ascii_lowercase)
            .map_or(Vec::new(), |text| {
                text.split_whitespace().map(str::to_owned).collect()
            });
        let is_spatial = |axis: &usize| match (directions, kinds.get(*axis)) {
            (Some(directions), _) => directions[*axis].is_some(),
            (None, Some(kind)) => matches!(kind.as_str(), "space" | "domain" | "???" | "none"),
            (None, None) => true,
        };
        let (mut order, others): (Vec<usize>, Vec<usize>) = (0..rank).partition(is_spatial);
        let spatial = order.len();
        order.extend(others);
        (order, spatial)
    }

    /// The geometry of a volume with three spatial axes in an anatomical space.
    fn geometry(&self, spatial: &[usize], directions: &Option<Vec<Direction>>) -> Option<Geometry> {
        let signs = match self.fields.get("space")?.to_ascii_lowercase().as_str() {
            "right-anterior-superior" | "ras" => [1.0, 1.0, 1.0],
            "left-anterior-superior" | "las" => [-1.0, 1.0, 1.0],
            "left-posterior-superior" | "lps" => [-1.0, -1.0, 1.0],
            _ => return None,
        };
        let triple = |vector: &[f64]| <[f64; 3]>::try_from(vector).ok();
        let [x, y, z] = <[usize; 3]>::try_from(spatial).ok()?;
        let directions = directions.as_ref()?;
        let step = |axis: usize| triple(directions.get(axis)?.as_deref()?);
        let origin = vectors(self.fields.get("space origin")?)?;
        let [Some(origin)] = origin.as_slice() else {
            return None;
        };
        Some(Geometry::new(
            [step(x)?, step(y)?, step(z)?],
            triple(origin)?,
            signs,
        ))
    }
}

/// The offset after skipping this many lines.
fn skip_lines(file: &File, start: u64, lines: i64) -> Result<u64, Fault> {
    let mut source = BufReader::new(file.try_clone()?);
    source.seek(SeekFrom::Start(start))?;
    for _ in 0..lines {
        if source.skip_until(b'\n')? == 0 {
            break;
        }
    }
    Ok(source.stream_position()?)
}

/// Parses vectors such as `(1, 0, 0) none (0, 0, 1)`.
fn vectors(text: &str) -> Option<Vec<Direction>> {
    let mut found = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix("none") {
            found.push(None);
            rest = after.trim_start();
            continue;
        }
        let (inside, after) = rest.strip_prefix('(')?.split_once(')')?;
        let numbers = inside.split(',').map(|n| n.trim().parse().ok());
        found.push(Some(numbers.collect::<Option<_>>()?));
        rest = after.trim_start();
    }
    Some(found)
}

fn element(name: &str) -> Result<Element, Fault> {
    Ok(match name.to_ascii_lowercase().as_str() {
        "signed char" | "int8" | "int8_t" => Element::I8,
        "uchar" | "unsigned char" | "uint8" | "uint8_t" => Element::U8,
        "short" | "short int" | "signed short" | "signed short int" | "int16" | "int16_t" => {
            Element::I16
        }
        "ushort" | "unsigned short" | "unsigned short int" | "uint16" | "uint16_t" => Element::U16,
        "int" | "signed int" | "int32" | "int32_t" => Element::I32,
        "uint" | "unsigned int" | "uint32" | "uint32_t" => Element::U32,
        "longlong"
        | "long long"
        | "long long int"
        | "signed long long"
        | "signed long long int"
        | "int64"
        | "int64_t" => Element::I64,
        "ulonglong" | "unsigned long long" | "unsigned long long int" | "uint64" | "uint64_t" => {
            Element::U64
        }
        "float" => Element::F32,
        "double" => Element::F64,
        other => {
            let expected = "integers of 8 to 64 bits, float or double";
            return Err(Fault::unsupported(
                format!("the type {other:.40}"),
                expected,
            ));
        }
    })
}
