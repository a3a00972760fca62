//! Runs the command line's readers on any bytes: they return an array or an error, do not panic, and bound their memory by the file's size.

use std::alloc::{GlobalAlloc, Layout, System};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use tempfile::TempDir;

/// The readers' sources. Depending on their library would also build the engine for every kind of number, which takes minutes with a
/// sanitizer.
#[path = "../../cli/src/read/mod.rs"]
#[allow(dead_code, unused_imports, reason = "the program uses more of it")]
mod read;

use read::{Fault, Values};

/// The system's allocator, with a count of allocated bytes.
pub struct Counting;

static NOW: AtomicUsize = AtomicUsize::new(0);
static MOST: AtomicUsize = AtomicUsize::new(0);

fn grow(bytes: usize) {
    let now = NOW.fetch_add(bytes, Relaxed) + bytes;
    MOST.fetch_max(now, Relaxed);
}

// SAFETY: all calls are forwarded to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        grow(layout.size());
        // SAFETY: guaranteed by the caller.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        NOW.fetch_sub(layout.size(), Relaxed);
        // SAFETY: guaranteed by the caller.
        unsafe { System.dealloc(at, layout) }
    }
}

/// Names for content without a known magic number, whose readers look beyond the first bytes.
const NAMES: [&str; 6] = ["a.npz", "a.safetensors", "a.nii", "a.hdr", "a.mha", "a.bmp"];

/// Names whose readers reject content without their magic number.
const STRICT_NAMES: [&str; 5] = ["a.npy", "a.nrrd", "a.png", "a.tif", "a.gif"];

/// The voxel file of a pair, whose header is the same content.
const VOXELS: &str = "a.img";

/// The peak memory that reading a file may take.
fn bound(data: &[u8]) -> usize {
    const MIB: usize = 1 << 20;
    // A one-byte number becomes four bytes, or eight if scaled, in a vector that grows by copying.
    let plain = 2 * MIB + 64 * data.len();
    // Deflate expands a byte to at most 1032 bytes, LZW to 2731, and a one-bit number becomes a byte.
    match data {
        [0x89, b'P', b'N', b'G', ..] => plain + 1032 * 32 * data.len() + 192 * MIB,
        [b'G', b'I', b'F', ..] => plain + 2731 * 64 * data.len(),
        // The crate allows 256 MiB for the values of a tag in the first directory, and keeps two such tags.
        [b'I', b'I', ..] | [b'M', b'M', ..] => plain + 2731 * 64 * data.len() + 768 * MIB,
        _ => plain + 1032 * 32 * data.len(),
    }
}

/// A folder with one file, `input`, and a link to it for each reader's file name.
fn folder() -> &'static PathBuf {
    static FOLDER: OnceLock<(TempDir, PathBuf)> = OnceLock::new();
    let (_, path) = FOLDER.get_or_init(|| {
        let memory = PathBuf::from("/dev/shm");
        let folder = if memory.is_dir() {
            tempfile::tempdir_in(memory)
        } else {
            tempfile::tempdir()
        };
        let folder = folder.expect("a temporary folder can be created");
        for name in [&NAMES[..], &STRICT_NAMES, &[VOXELS]].concat() {
            symlink("input", folder.path().join(name)).expect("the temporary folder is writable");
        }
        let path = folder.path().to_owned();
        (folder, path)
    });
    path
}

/// Reads the bytes by their magic number. Without one, reads them under the name of every format. Also reads them as the voxel file of a
/// pair.
pub fn readers(data: &[u8]) {
    let folder = folder();
    fs::write(folder.join("input"), data).expect("the temporary folder is writable");
    if is_unknown(data, "input") {
        for name in NAMES {
            is_unknown(data, name);
        }
        // These readers reject the content at once, so trying them now and then is enough.
        if data.len().is_multiple_of(16) {
            for name in STRICT_NAMES {
                is_unknown(data, name);
            }
        }
    }
    if may_be_pair(data) {
        is_unknown(data, VOXELS);
    }
}

/// Whether the bytes are compressed, or have the magic number of a header with a separate voxel file.
fn may_be_pair(data: &[u8]) -> bool {
    let has = |at: usize, magic: &[u8]| data.get(at..).is_some_and(|rest| rest.starts_with(magic));
    data.starts_with(b"\x1f\x8b") || has(344, b"ni1\0") || has(4, b"ni2\0")
}

/// Reads `data` under this name. Returns whether neither content nor name tells the format.
fn is_unknown(data: &[u8], name: &str) -> bool {
    let path = folder().join(name);
    let before = NOW.load(Relaxed);
    MOST.store(before, Relaxed);
    let volume = read::read(&path);
    let most = MOST.load(Relaxed) - before;
    let allowed = bound(data);
    assert!(
        most <= allowed,
        "{name}: reading {} bytes allocated {most} bytes, expected at most {allowed}",
        data.len()
    );
    match volume {
        Ok(volume) => {
            let (len, shape) = (len(&volume.values), volume.values.shape());
            assert_eq!(len, shape.iter().product::<usize>(), "{name}: {shape:?}");
            false
        }
        Err(error) => {
            assert!(!error.to_string().is_empty());
            matches!(error.fault, Fault::UnknownExtension { .. })
        }
    }
}

/// Counts the numbers, reading each of them.
fn len(values: &Values) -> usize {
    macro_rules! count {
        ($($kind:ident)*) => {
            match values {
                $(Values::$kind(numbers) => numbers.view().iter().map(|x| std::hint::black_box(*x)).count(),)*
            }
        };
    }
    count!(U8 U16 I32 I64 F32 F64)
}
