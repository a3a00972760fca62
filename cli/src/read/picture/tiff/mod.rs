//! TIFF and BigTIFF; several pages are a stack of slices.
//!
//! The crate `tiff` reads the directories. It does not support palettes, inverts pictures whose white is 0, and allocates a page
//! before it reads the data, so pages are read here.

mod fault;
mod page;
mod strips;

use std::fs::File;
use std::io::BufReader;

use tiff::decoder::ifd::Value;
use tiff::decoder::{Decoder, Limits};
use tiff::tags::ByteOrder;

use super::super::element::Element;
use super::super::{Fault, Format, Stored, Volume};
use super::values;
use fault::{fault, malformed};
use page::{Budget, Page};

/// Limits the values of a tag: each takes at least one byte of the file, whatever number the tag promises.
fn limits(size: u64) -> Limits {
    let mut limits = Limits::default();
    let values = usize::try_from(size).unwrap_or(usize::MAX);
    let most = values.saturating_mul(size_of::<Value>());
    limits.decoding_buffer_size = limits.decoding_buffer_size.min(most);
    limits
}

pub(in super::super) fn read(file: File, size: u64) -> Result<Volume, Fault> {
    let decoder = Decoder::new(BufReader::new(file)).map_err(fault)?;
    let mut decoder = decoder.with_limits(limits(size));
    let big_endian = decoder.byte_order() == ByteOrder::BigEndian;
    let mut first: Option<Page> = None;
    let (mut pages, mut numbers, mut budget) = (0, Vec::new(), Budget::new(size));
    loop {
        if let Some(page) = Page::describe(&mut decoder)? {
            let first = first.get_or_insert(page.clone());
            if !first.is_like(&page) {
                return Err(Fault::Unsupported {
                    found: format!("pages {first} and {page}"),
                    expected: "pages of the same size and type",
                });
            }
            numbers.append(&mut page.read(&mut decoder, big_endian, &mut budget)?);
            pages += 1;
        }
        if !decoder.more_images() {
            break;
        }
        decoder.next_image().map_err(fault)?;
    }
    let Some(page) = first else {
        return Err(malformed("no page at full resolution", "one or more"));
    };
    page.check_hidden_pages(pages)?;
    let shape = [pages, page.height, page.width];
    let shape = if pages == 1 { &shape[1..] } else { &shape };
    let stored = match page.element {
        Element::U8 => Stored::Integer {
            max: (1 << page.bits) - 1,
        },
        element => element.into(),
    };
    Ok(Volume::plain(
        Format::Tiff,
        stored,
        values(page.element, big_endian, shape, &numbers)?,
    ))
}
