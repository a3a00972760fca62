//! The readers of the command line, on any bytes: an error or an array, no panic, and no more memory than the bytes are worth.

use std::alloc::{GlobalAlloc, Layout, System};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use tempfile::TempDir;

/// The readers themselves, by their files: the library that they belong to would bring the whole program, whose engine for every kind
/// of number takes minutes to build with a sanitizer.
#[path = "../../cli/src/read/mod.rs"]
#[allow(dead_code, unused_imports, reason = "the program needs more of them")]
mod read;

use read::{Fault, Values};

/// Counts what is allocated.
pub struct Counting;

static NOW: AtomicUsize = AtomicUsize::new(0);
static MOST: AtomicUsize = AtomicUsize::new(0);

fn grow(bytes: usize) {
    let now = NOW.fetch_add(bytes, Relaxed) + bytes;
    MOST.fetch_max(now, Relaxed);
}

// SAFETY: the system's allocator does it all.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        grow(layout.size());
        // SAFETY: as the caller promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        NOW.fetch_sub(layout.size(), Relaxed);
        // SAFETY: as the caller promises.
        unsafe { System.dealloc(at, layout) }
    }
}

/// Names for content that no reader knows, whose readers look further than at the first bytes.
const NAMES: [&str; 6] = ["a.npz", "a.safetensors", "a.nii", "a.hdr", "a.mha", "a.bmp"];

/// Names whose readers refuse what does not begin as their files do.
const STRICT_NAMES: [&str; 5] = ["a.npy", "a.nrrd", "a.png", "a.tif", "a.gif"];

/// The voxels of a pair whose header is the same file.
const VOXELS: &str = "a.img";

/// How much memory a file may take at once.
fn bound(data: &[u8]) -> usize {
    const MIB: usize = 1 << 20;
    // A number of one byte becomes one of four, or of eight when it is scaled, while the vector that holds it grows by copying.
    let plain = 2 * MIB + 64 * data.len();
    // Deflate makes 1032 bytes of one at most, LZW 2731, and a number of one bit becomes a byte.
    match data {
        [0x89, b'P', b'N', b'G', ..] => plain + 1032 * 32 * data.len() + 192 * MIB,
        [b'G', b'I', b'F', ..] => plain + 2731 * 64 * data.len(),
        // The crate gives the values of a tag in the first directory 256 MiB, and keeps two tags of them.
        [b'I', b'I', ..] | [b'M', b'M', ..] => plain + 2731 * 64 * data.len() + 768 * MIB,
        _ => plain + 1032 * 32 * data.len(),
    }
}

/// A folder with one file, `input`, that has a name for every reader besides.
fn folder() -> &'static PathBuf {
    static FOLDER: OnceLock<(TempDir, PathBuf)> = OnceLock::new();
    let (_, path) = FOLDER.get_or_init(|| {
        let memory = PathBuf::from("/dev/shm");
        let folder = if memory.is_dir() {
            tempfile::tempdir_in(memory)
        } else {
            tempfile::tempdir()
        };
        let folder = folder.expect("a temporary folder");
        for name in [&NAMES[..], &STRICT_NAMES, &[VOXELS]].concat() {
            symlink("input", folder.path().join(name)).expect("a link in a temporary folder");
        }
        let path = folder.path().to_owned();
        (folder, path)
    });
    path
}

/// Reads these bytes as what they are, and as a file of every kind where they do not say; and as the voxels that they describe.
pub fn readers(data: &[u8]) {
    let folder = folder();
    fs::write(folder.join("input"), data).expect("a file in a temporary folder");
    if is_unknown(data, "input") {
        for name in NAMES {
            is_unknown(data, name);
        }
        // A refusal at the first bytes needs no more than a look now and then.
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

/// Whether these bytes are packed, or have the magic of a header with its voxels in another file.
fn may_be_pair(data: &[u8]) -> bool {
    let has = |at: usize, magic: &[u8]| data.get(at..).is_some_and(|rest| rest.starts_with(magic));
    data.starts_with(b"\x1f\x8b") || has(344, b"ni1\0") || has(4, b"ni2\0")
}

/// Reads `data` under this name; whether neither says what it is.
fn is_unknown(data: &[u8], name: &str) -> bool {
    let path = folder().join(name);
    let before = NOW.load(Relaxed);
    MOST.store(before, Relaxed);
    let volume = read::read(&path);
    let most = MOST.load(Relaxed) - before;
    let allowed = bound(data);
    assert!(
        most <= allowed,
        "{name}: {most} bytes for {}, of {allowed}",
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
            matches!(error.fault, Fault::UnknownExtension)
        }
    }
}

/// How many numbers there are, each of which is looked at.
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
