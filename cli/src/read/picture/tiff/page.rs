//! One page: its directory and its numbers.

use std::fmt;
use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};

use tiff::decoder::Decoder;
use tiff::tags::Tag;

use super::super::super::Fault;
use super::super::super::element::Element;
use super::super::{Channels, too_large, unpack};
use super::fault::{fault, malformed};
use super::strips::{self, Predictor};

type Source = Decoder<BufReader<File>>;

/// A page, as its directory describes it.
#[derive(Clone)]
pub(super) struct Page {
    pub width: usize,
    pub height: usize,
    pub bits: u8,
    pub element: Element,
    channels: Channels,
    /// Whether each channel has its own strips.
    planar: bool,
    compression: u16,
    predictor: Predictor,
    /// The width and height of a strip or tile.
    chunk: (usize, usize),
    offsets: Vec<u64>,
    lengths: Vec<u64>,
    description: String,
}

/// How many bytes the remaining pages may take in the file and in memory. In a valid file, pages do not overlap.
pub(super) struct Budget {
    packed: u64,
    unpacked: u64,
}

impl Budget {
    pub(super) fn new(size: u64) -> Self {
        Self {
            packed: size,
            unpacked: size.saturating_mul(strips::MOST),
        }
    }
}

impl fmt::Display for Page {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            width,
            height,
            element,
            ..
        } = self;
        write!(f, "[{height}, {width}] of {element:?}")
    }
}

impl Page {
    /// The page whose directory the decoder has read; `None` for a smaller copy of another page.
    pub(super) fn describe(decoder: &mut Source) -> Result<Option<Self>, Fault> {
        let subfile: u32 = tag(decoder, Tag::NewSubfileType)?.unwrap_or(0);
        if subfile & 1 == 1 {
            return Ok(None);
        }
        let (width, height) = decoder.dimensions().map_err(fault)?;
        let (width, height) = (width as usize, height as usize);
        let samples = tag::<u16>(decoder, Tag::SamplesPerPixel)?.unwrap_or(1);
        let channels = channels(decoder, samples.into())?;
        let bits = tags::<u16>(decoder, Tag::BitsPerSample)?.map_or(1, |bits| bits[0]);
        let kind = tags::<u16>(decoder, Tag::SampleFormat)?.map_or(1, |kinds| kinds[0]);
        let predictor = Predictor::new(tag(decoder, Tag::Predictor)?.unwrap_or(1))?;
        let element = element(bits, kind)?;
        if bits < 8 && (predictor != Predictor::None || channels.all > 1) {
            let found = format!("{bits} bits per number with a predictor or several channels");
            return Err(Fault::unsupported(found, "one channel without a predictor"));
        }
        if predictor == Predictor::Float
            && !matches!(element, Element::F16 | Element::F32 | Element::F64)
        {
            return Err(malformed("the float predictor for integers", "floats"));
        }
        if tag::<u16>(decoder, Tag::FillOrder)?.unwrap_or(1) != 1 {
            return Err(Fault::unsupported(
                "bytes with reversed bits",
                "fill order 1",
            ));
        }
        let is_tiled = decoder.find_tag(Tag::TileWidth).map_err(fault)?.is_some();
        let (offsets, lengths, chunk) = if is_tiled {
            let side = |found: Option<u32>| found.unwrap_or(0) as usize;
            let chunk = (
                side(tag(decoder, Tag::TileWidth)?),
                side(tag(decoder, Tag::TileLength)?),
            );
            (Tag::TileOffsets, Tag::TileByteCounts, chunk)
        } else {
            let rows = tag::<u32>(decoder, Tag::RowsPerStrip)?.map_or(height, |n| n as usize);
            (
                Tag::StripOffsets,
                Tag::StripByteCounts,
                (width, rows.min(height)),
            )
        };
        if chunk.0 == 0 || chunk.1 == 0 {
            return Err(malformed(
                "strips or tiles without pixels",
                "at least one pixel",
            ));
        }
        let description = decoder
            .find_tag(Tag::ImageDescription)
            .ok()
            .flatten()
            .and_then(|value| value.into_string().ok());
        Ok(Some(Self {
            width,
            height,
            bits: bits as u8,
            element,
            channels,
            planar: tag::<u16>(decoder, Tag::PlanarConfiguration)?.unwrap_or(1) == 2
                && channels.all > 1,
            compression: tag(decoder, Tag::Compression)?.unwrap_or(1),
            predictor,
            chunk,
            offsets: tags(decoder, offsets)?.unwrap_or_default(),
            lengths: tags(decoder, lengths)?.unwrap_or_default(),
            description: description.unwrap_or_default(),
        }))
    }

    /// Whether both pages can be slices of one volume.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        (self.width, self.height, self.element, self.bits)
            == (other.width, other.height, other.element, other.bits)
    }

    /// Refuses ImageJ stacks of more than 4 GiB, which have one page and the number of slices as text.
    pub(super) fn check_hidden_pages(&self, pages: usize) -> Result<(), Fault> {
        let lines = self.description.lines();
        let promised = lines
            .filter_map(|line| line.strip_prefix("images="))
            .find_map(|n| n.trim().parse::<usize>().ok());
        match promised {
            Some(promised) if self.description.starts_with("ImageJ=") && promised > pages => {
                let found =
                    format!("an ImageJ stack of {promised} slices with {pages} directories");
                Err(Fault::unsupported(found, "a directory for each slice"))
            }
            _ => Ok(()),
        }
    }

    fn bytes(&self) -> usize {
        usize::from(self.bits / 8).max(1)
    }

    /// The numbers of one channel, row by row and in the byte order of the file, if they fit into `budget`.
    pub(super) fn read(
        &self,
        decoder: &mut Source,
        big_endian: bool,
        budget: &mut Budget,
    ) -> Result<Vec<u8>, Fault> {
        let too_large = || too_large(self.width, self.height);
        let pixel = self.channels.all * self.bytes();
        let row = self.width.checked_mul(pixel).ok_or_else(too_large)?;
        let size = row.checked_mul(self.height).ok_or_else(too_large)?;
        // Numbers smaller than a byte become bytes.
        let unpacked = size as u64 / u64::from(8 / self.bits.min(8));
        let packed = self.lengths.iter().copied().fold(0, u64::saturating_add);
        let left = (
            budget.packed.checked_sub(packed),
            budget.unpacked.checked_sub(unpacked),
        );
        let (Some(packed), Some(unpacked)) = left else {
            return Err(too_large());
        };
        *budget = Budget { packed, unpacked };
        let across = self.width.div_ceil(self.chunk.0);
        let down = self.height.div_ceil(self.chunk.1);
        let planes = if self.planar { self.channels.all } else { 1 };
        let count = across.checked_mul(down).and_then(|n| n.checked_mul(planes));
        if count != Some(self.offsets.len()) || count != Some(self.lengths.len()) {
            let found = format!("{} strips or tiles", self.offsets.len());
            return Err(malformed(found, format!("{across} × {down} × {planes}")));
        }
        // Allocate once the first strip is read.
        let mut numbers = Vec::new();
        for index in 0..self.offsets.len() {
            let chunk = self.read_chunk(decoder, index, across, down, big_endian)?;
            if numbers.is_empty() {
                numbers.resize(size, 0);
            }
            let (plane, place) = (index / (across * down), index % (across * down));
            let (left, top) = (place % across * self.chunk.0, place / across * self.chunk.1);
            let width = self.chunk.0.min(self.width - left);
            let stride = self.chunk.0 * pixel / planes;
            for (y, line) in chunk.chunks_exact(stride).enumerate() {
                let start = (top + y) * row + left * pixel;
                if top + y >= self.height {
                    break;
                }
                if self.planar {
                    let bytes = self.bytes();
                    for (x, number) in line.chunks_exact(bytes).take(width).enumerate() {
                        let at = start + x * pixel + plane * bytes;
                        numbers[at..at + bytes].copy_from_slice(number);
                    }
                } else {
                    numbers[start..start + width * pixel].copy_from_slice(&line[..width * pixel]);
                }
            }
        }
        self.channels.grey(numbers, self.bytes(), self.width)
    }

    /// The numbers of a strip or tile.
    fn read_chunk(
        &self,
        decoder: &mut Source,
        index: usize,
        across: usize,
        down: usize,
        big_endian: bool,
    ) -> Result<Vec<u8>, Fault> {
        let too_large = || too_large(self.chunk.0, self.chunk.1);
        let samples = if self.planar { 1 } else { self.channels.all };
        let width = self.chunk.0.checked_mul(samples).ok_or_else(too_large)?;
        let bits = width.checked_mul(self.bits.into()).ok_or_else(too_large)?;
        let stride = bits.div_ceil(8);
        // Tiles are always complete, but the last strip may be shorter.
        let is_strip = self.chunk.0 == self.width && across == 1;
        let top = index % (across * down) / across * self.chunk.1;
        let rows = match self.chunk.1.min(self.height - top) {
            rows if is_strip => rows,
            _ => self.chunk.1,
        };
        let expected = stride.checked_mul(rows).ok_or_else(too_large)?;
        let source = decoder.inner();
        source.seek(SeekFrom::Start(self.offsets[index]))?;
        let mut packed = Vec::new();
        source.take(self.lengths[index]).read_to_end(&mut packed)?;
        if (packed.len() as u64) < self.lengths[index] {
            return Err(Fault::Truncated {
                expected: self.lengths[index],
                found: packed.len() as u64,
            });
        }
        let mut chunk = strips::unpack(self.compression, packed, expected)?;
        for line in chunk.chunks_exact_mut(stride) {
            self.predictor.undo(line, self.bytes(), samples, big_endian);
        }
        if self.bits >= 8 {
            return Ok(chunk);
        }
        let mut numbers = Vec::new();
        for line in chunk.chunks_exact(stride) {
            unpack(line, self.bits, width, &mut numbers);
        }
        Ok(numbers)
    }
}

fn tags<T: TryFrom<u64>>(decoder: &mut Source, tag: Tag) -> Result<Option<Vec<T>>, Fault> {
    let found = decoder.find_tag_unsigned_vec(tag).map_err(fault)?;
    match found {
        Some(found) if found.is_empty() => {
            Err(malformed(format!("{tag:?} without a value"), "one"))
        }
        found => Ok(found),
    }
}

fn tag<T: TryFrom<u64> + Copy>(decoder: &mut Source, name: Tag) -> Result<Option<T>, Fault> {
    Ok(tags(decoder, name)?.map(|found| found[0]))
}

/// The channels of pixels with `all` numbers.
fn channels(decoder: &mut Source, all: usize) -> Result<Channels, Fault> {
    let expected = "grey, a palette or RGB, with or without transparency";
    let colours = match (tag(decoder, Tag::PhotometricInterpretation)?, all) {
        (Some(1_u16), 1 | 2) | (Some(3), 1) => 1,
        (Some(2), 3 | 4) => 3,
        (Some(0), _) => {
            let found = "white stored as 0, which some programs invert and others do not";
            return Err(Fault::unsupported(found, "black stored as 0"));
        }
        (kind, _) => {
            let found = format!("{all} channels of photometric interpretation {kind:?}");
            return Err(Fault::unsupported(found, expected));
        }
    };
    Ok(Channels { colours, all })
}

fn element(bits: u16, kind: u16) -> Result<Element, Fault> {
    Ok(match (kind, bits) {
        (1 | 4, 1 | 2 | 4 | 8) => Element::U8,
        (1 | 4, 16) => Element::U16,
        (1 | 4, 32) => Element::U32,
        (1 | 4, 64) => Element::U64,
        (2, 8) => Element::I8,
        (2, 16) => Element::I16,
        (2, 32) => Element::I32,
        (2, 64) => Element::I64,
        (3, 16) => Element::F16,
        (3, 32) => Element::F32,
        (3, 64) => Element::F64,
        _ => {
            let found = format!("numbers of {bits} bits, sample format {kind}");
            let expected = "integers of 1, 2, 4, 8, 16, 32 or 64 bits or floats of 16, 32 or 64";
            return Err(Fault::unsupported(found, expected));
        }
    })
}
