//! Opens files, and gzip streams in practice: with several members and zero padding.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek};
use std::path::Path;

use flate2::bufread::GzDecoder;

use super::fault::Fault;
use super::payload::CHUNK;

/// Unpacks all members of a gzip stream, up to the end or to zeros that pad a block, as tapes and some object stores do.
pub(super) struct Gunzip<R> {
    member: Option<GzDecoder<R>>,
}

impl<R: BufRead> Gunzip<R> {
    pub(super) fn new(source: R) -> Self {
        Self {
            member: Some(GzDecoder::new(source)),
        }
    }
}

impl<R: BufRead> Read for Gunzip<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while let Some(member) = &mut self.member {
            let found = member.read(buffer)?;
            if found > 0 || buffer.is_empty() {
                return Ok(found);
            }
            let Some(mut rest) = self.member.take().map(GzDecoder::into_inner) else {
                break;
            };
            if skip_zeros(&mut rest)? {
                self.member = Some(GzDecoder::new(rest));
            }
        }
        Ok(0)
    }
}

/// Skips zeros and returns whether anything else follows.
fn skip_zeros(source: &mut impl BufRead) -> io::Result<bool> {
    loop {
        let bytes = source.fill_buf()?;
        if bytes.is_empty() {
            return Ok(false);
        }
        match bytes.iter().position(|&byte| byte != 0) {
            Some(zeros) => {
                source.consume(zeros);
                return Ok(true);
            }
            None => {
                let zeros = bytes.len();
                source.consume(zeros);
            }
        }
    }
}

/// Opens a file that may be gzipped, whatever its name, and returns whether it is.
pub(super) fn open(mut file: File) -> io::Result<(Box<dyn Read>, bool)> {
    let mut magic = Vec::new();
    (&mut file).take(2).read_to_end(&mut magic)?;
    file.rewind()?;
    Ok(if magic == b"\x1f\x8b" {
        let packed = BufReader::with_capacity(CHUNK, file);
        (Box::new(Gunzip::new(packed)), true)
    } else {
        // Of a plain file, little more than the header is read by it.
        (Box::new(BufReader::new(file)), false)
    })
}

/// Opens a regular file. A pipe or a device has no size to check a header against, and could block forever.
pub(super) fn open_regular(path: &Path) -> Result<File, Fault> {
    if !path.metadata()?.is_file() {
        return Err(Fault::NotAFile);
    }
    Ok(File::open(path)?)
}
