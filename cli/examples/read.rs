//! Reads files and does nothing with them, as a lower bound for the time in which `unifocal` scores them:
//!
//! ```sh
//! cargo run --release -p unifocal-cli --example read -- THREADS FOLDER…
//! ```
//!
//! Files whose names end in `.gz` are unpacked, by the crate with which `unifocal` unpacks them. Prints the number of bytes.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;
use std::process::ExitCode;

use flate2::bufread::MultiGzDecoder;
use rayon::ThreadPoolBuilder;
use rayon::prelude::*;
use walkdir::WalkDir;

/// The bytes of a read. So many fit into the second-level cache beside other things.
const CHUNK: usize = 1 << 17;

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let threads = arguments.next().and_then(|threads| threads.parse().ok());
    let Some(threads) = threads else {
        eprintln!("expected the number of threads and folders");
        return ExitCode::from(2);
    };
    match read_all(threads, arguments) {
        Ok(bytes) => {
            println!("{bytes} bytes");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// Reads the files of all folders and counts their bytes.
fn read_all(threads: usize, folders: impl Iterator<Item = String>) -> io::Result<u64> {
    let mut files = Vec::new();
    for folder in folders {
        for entry in WalkDir::new(folder).sort_by_file_name() {
            let entry = entry?;
            if entry.file_type().is_file() {
                files.push(entry.into_path());
            }
        }
    }
    let pool = ThreadPoolBuilder::new().num_threads(threads).build();
    let pool = pool.map_err(io::Error::other)?;
    pool.install(|| files.par_iter().map(|file| read(file)).sum())
}

/// Reads a file through a buffer and counts its bytes.
fn read(path: &Path) -> io::Result<u64> {
    let file = File::open(path)?;
    if path.extension().is_some_and(|extension| extension == "gz") {
        let packed = BufReader::with_capacity(CHUNK, file);
        drain(MultiGzDecoder::new(packed))
    } else {
        drain(file)
    }
}

fn drain(mut source: impl Read) -> io::Result<u64> {
    let mut buffer = vec![0; CHUNK];
    let mut bytes = 0;
    loop {
        match source.read(&mut buffer)? {
            0 => return Ok(bytes),
            found => bytes += found as u64,
        }
    }
}
