//! MetaImage (`.mha`, or `.mhd` beside its data), as ITK, elastix and MONAI write it.

use std::fs::File;
use std::path::Path;

use super::element::Element;
use super::payload::Layout;
use super::text::{Data, Encoding, Fields, Start, TextFile, numbers};
use super::{Fault, Format, Geometry, Volume};

pub(super) fn read(path: &Path, file: File) -> Result<Volume, Fault> {
    let mut text = TextFile::new(path, file);
    let header = Header::read(&mut text)?;
    let (layout, has_channels) = header.layout()?;
    let values = header.data(text)?.read(&layout)?;
    // Channels are interleaved in the file, and last in the shape, as in NIfTI.
    let rank = layout.shape.len();
    let mut order: Vec<usize> = (0..rank).collect();
    order.rotate_left(usize::from(has_channels));
    Ok(Volume {
        geometry: header.geometry()?,
        ..Volume::plain(
            Format::MetaImage,
            layout.element.into(),
            values.permuted(&order),
        )
    })
}

fn malformed(found: impl Into<String>, expected: impl Into<String>) -> Fault {
    Fault::malformed("MetaImage", found, expected)
}

/// A header. Its last field says where the numbers are.
struct Header {
    fields: Fields,
    dimensions: usize,
}

impl Header {
    fn read(text: &mut TextFile<'_>) -> Result<Self, Fault> {
        let mut fields = Fields::new("MetaImage");
        let mut is_whole = false;
        while !is_whole {
            let Some(line) = text.line()? else {
                let found = "a header without ElementDataFile";
                return Err(malformed(found, "one at its end"));
            };
            if line.trim().is_empty() {
                continue;
            }
            let Some((name, value)) = line.split_once('=') else {
                let found = format!("the line {line:.40?} in the header");
                return Err(malformed(found, "NAME = VALUE"));
            };
            is_whole = name.trim() == "ElementDataFile";
            fields.insert(name.trim(), value);
        }
        let dimensions = fields.require("NDims")?;
        let dimensions = match dimensions.parse() {
            Ok(n @ 1..=10) => n,
            _ => return Err(malformed(format!("NDims {dimensions:.40}"), "1 to 10")),
        };
        Ok(Self { fields, dimensions })
    }

    /// The `count` finite numbers of a field, if it is present under one of its names.
    fn vector(&self, names: &[&str], count: usize) -> Result<Option<Vec<f64>>, Fault> {
        let Some((name, text)) = self.fields.any(names) else {
            return Ok(None);
        };
        let found = numbers(text).filter(|found: &Vec<f64>| found.len() == count);
        let fault = || malformed(format!("{name} {text:.200}"), format!("{count} numbers"));
        found.map(Some).ok_or_else(fault)
    }

    /// A field that is True or False; False if it is missing.
    fn flag(&self, names: &[&str]) -> Result<bool, Fault> {
        let Some((name, text)) = self.fields.any(names) else {
            return Ok(false);
        };
        match text.to_ascii_lowercase().as_str() {
            "true" | "t" | "1" => Ok(true),
            "false" | "f" | "0" => Ok(false),
            other => Err(malformed(format!("{name} {other:.40}"), "True or False")),
        }
    }

    /// The layout, and whether its first axis is the channel axis.
    fn layout(&self) -> Result<(Layout, bool), Fault> {
        let element = element(self.fields.require("ElementType")?)?;
        let sizes = self.fields.require("DimSize")?;
        let shape = numbers(sizes)
            .filter(|shape: &Vec<u64>| shape.len() == self.dimensions && !shape.contains(&0));
        let Some(mut shape) = shape else {
            let found = format!("DimSize {sizes:.200}");
            return Err(malformed(
                found,
                format!("{} positive lengths", self.dimensions),
            ));
        };
        let channels = self.fields.get("ElementNumberOfChannels").unwrap_or("1");
        let channels = match channels.parse() {
            Ok(n @ 1..) => n,
            _ => {
                let found = format!("ElementNumberOfChannels {channels:.40}");
                return Err(malformed(found, "a positive number"));
            }
        };
        if channels > 1 {
            shape.insert(0, channels);
        }
        let slope = self.vector(&["ElementToIntensityFunctionSlope"], 1)?;
        let offset = self.vector(&["ElementToIntensityFunctionOffset"], 1)?;
        if slope.is_some_and(|slope| slope != [1.0]) || offset.is_some_and(|offset| offset != [0.0])
        {
            let found = "ElementToIntensityFunctionSlope or …Offset, which other programs ignore";
            return Err(Fault::unsupported(found, "numbers without scaling"));
        }
        let layout = Layout {
            element,
            big_endian: self.flag(&["ElementByteOrderMSB", "BinaryDataByteOrderMSB"])?,
            fortran: true,
            shape,
        };
        Ok((layout, channels > 1))
    }

    fn data(&self, text: TextFile<'_>) -> Result<Data, Fault> {
        if self.fields.get("BinaryData").is_some() && !self.flag(&["BinaryData"])? {
            return Err(Fault::unsupported("numbers as text", "binary numbers"));
        }
        let encoding = if self.flag(&["CompressedData"])? {
            Encoding::Deflate
        } else {
            Encoding::Raw
        };
        let named = match self.fields.require("ElementDataFile")? {
            "LOCAL" | "Local" | "local" => None,
            name => Some(name),
        };
        let (file, start) = text.data(named)?;
        let header_size = self.fields.get("HeaderSize").unwrap_or("0");
        let start = match header_size.parse::<i64>() {
            Ok(-1) if encoding == Encoding::Raw => Start::FromEnd,
            // HeaderSize refers to the header of the data file, not of this one.
            Ok(skip @ 0..) => Start::Byte(start.max(skip.unsigned_abs())),
            _ => {
                let found = format!("HeaderSize {header_size:.40}");
                return Err(malformed(found, "0 or more, or -1 for uncompressed data"));
            }
        };
        Ok(Data {
            file,
            start,
            encoding,
            skip: 0,
        })
    }

    /// The geometry of a volume with three axes. In ITK, x points to the left, y to the back and z up.
    fn geometry(&self) -> Result<Option<Geometry>, Fault> {
        if self.dimensions != 3 {
            return Ok(None);
        }
        let spacing = self.vector(&["ElementSpacing", "ElementSize"], 3)?;
        let origin = self.vector(&["Offset", "Position", "Origin"], 3)?;
        let turn = self.vector(&["TransformMatrix", "Rotation", "Orientation"], 9)?;
        let (Some(spacing), Some(origin)) = (spacing, origin) else {
            return Ok(None);
        };
        let turn = turn.unwrap_or(vec![1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0]);
        // The matrix lists the directions of x, y and z in turn.
        let step = |axis: usize| std::array::from_fn(|i| turn[3 * axis + i] * spacing[axis]);
        Ok(Some(Geometry::new(
            [step(0), step(1), step(2)],
            [origin[0], origin[1], origin[2]],
            [-1.0, -1.0, 1.0],
        )))
    }
}

fn element(name: &str) -> Result<Element, Fault> {
    Ok(match name {
        "MET_CHAR" => Element::I8,
        "MET_UCHAR" => Element::U8,
        "MET_SHORT" => Element::I16,
        "MET_USHORT" => Element::U16,
        "MET_INT" | "MET_LONG" => Element::I32,
        "MET_UINT" | "MET_ULONG" => Element::U32,
        "MET_LONG_LONG" => Element::I64,
        "MET_ULONG_LONG" => Element::U64,
        "MET_FLOAT" => Element::F32,
        "MET_DOUBLE" => Element::F64,
        other => {
            let expected = "MET_CHAR to MET_ULONG_LONG, MET_FLOAT or MET_DOUBLE";
            return Err(Fault::unsupported(
                format!("the type {other:.40}"),
                expected,
            ));
        }
    })
}
