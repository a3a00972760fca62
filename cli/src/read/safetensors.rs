//! Tensors in `.safetensors` files.

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};

use safetensors::Dtype;
use safetensors::tensor::Metadata;

use super::element::Element;
use super::payload::Layout;
use super::spec::choose;
use super::{Fault, Format, Volume};

/// The limit that the format sets.
const MAX_HEADER: u64 = 100_000_000;

pub(super) fn read(file: File, size: u64, key: Option<&str>) -> Result<Volume, Fault> {
    let mut source = BufReader::new(file);
    let (metadata, data_start) = read_header(&mut source, size)?;
    let key = choose(metadata.tensors().into_keys().collect(), key)?;
    let Some(info) = metadata.info(&key) else {
        return Err(malformed(format!("no tensor {key:?}"), "that tensor"));
    };
    let layout = Layout {
        element: element(info.dtype)?,
        big_endian: false,
        fortran: false,
        shape: info.shape.iter().map(|&n| n as u64).collect(),
    };
    let start = data_start + info.data_offsets.0 as u64;
    source.seek(SeekFrom::Start(start))?;
    let values = layout.read(&mut source, Some(size.saturating_sub(start)))?;
    let stored = layout.element.into();
    Ok(Volume {
        key: Some(key),
        ..Volume::plain(Format::Safetensors, stored, values)
    })
}

/// Reads the header and the offset of the data. The tensors are checked to fill the rest of the file without overlap.
fn read_header(source: &mut impl Read, size: u64) -> Result<(Metadata, u64), Fault> {
    let mut length = [0; 8];
    if size < 8 {
        return Err(malformed(format!("{size} bytes"), "at least 8"));
    }
    source.read_exact(&mut length)?;
    let length = u64::from_le_bytes(length);
    if length > MAX_HEADER.min(size - 8) {
        let found = format!("a header of {length} bytes");
        return Err(malformed(
            found,
            format!("at most {}", MAX_HEADER.min(size - 8)),
        ));
    }
    let mut text = vec![0; length as usize];
    source.read_exact(&mut text)?;
    let metadata: Metadata = serde_json::from_slice(&text)
        .map_err(|error| malformed(format!("a header with {error}"), "contiguous tensors"))?;
    let data_start = 8 + length;
    let (expected, found) = (metadata.data_len() as u64, size - data_start);
    if expected > found {
        return Err(Fault::Truncated { expected, found });
    }
    if expected < found {
        let found = format!("{found} bytes of data");
        return Err(malformed(found, format!("{expected} by the header")));
    }
    Ok((metadata, data_start))
}

fn malformed(found: impl Into<String>, expected: impl Into<String>) -> Fault {
    Fault::malformed("safetensors", found, expected)
}

fn element(dtype: Dtype) -> Result<Element, Fault> {
    Ok(match dtype {
        Dtype::BOOL => Element::Bool,
        Dtype::U8 => Element::U8,
        Dtype::I8 => Element::I8,
        Dtype::U16 => Element::U16,
        Dtype::I16 => Element::I16,
        Dtype::U32 => Element::U32,
        Dtype::I32 => Element::I32,
        Dtype::U64 => Element::U64,
        Dtype::I64 => Element::I64,
        Dtype::F16 => Element::F16,
        Dtype::BF16 => Element::Bf16,
        Dtype::F32 => Element::F32,
        Dtype::F64 => Element::F64,
        other => {
            return Err(Fault::Unsupported {
                found: format!("a tensor of {other:?}"),
                expected: "booleans, integers of 8 to 64 bits or floats of 16 to 64 bits",
            });
        }
    })
}
