//! Computes a loss and its gradient without any library. The exit status is the result.

#![no_std]
#![no_main]

use core::arch::{asm, global_asm};
use core::panic::PanicInfo;

use unifocal_core::{
    Buffers, Classes, Dense, DenseMut, Error, Labels, Layout, Segmentation, UnifiedFocal,
};

global_asm!(
    ".globl _start",
    "_start:",
    "xor ebp, ebp",
    "and rsp, -16",
    "call {run}",
    "ud2",
    run = sym run,
);

extern "C" fn run() -> ! {
    exit(match evaluate() {
        Ok(true) => 0,
        Ok(false) => 1,
        Err(_) => 2,
    })
}

/// Whether the value and the signs of the gradient are as on any host.
fn evaluate() -> Result<bool, Error> {
    let probabilities = [0.9, 0.8, 0.7, 0.4, 0.1, 0.2, 0.3, 0.6];
    let labels = [0_u8, 0, 0, 1];
    let segmentation = Segmentation::new(
        Dense::channels_first(&probabilities, [1, 2, 4])?,
        Labels::new(Dense::per_voxel(&labels, [1, 4])?),
    )?;
    let loss = UnifiedFocal::asymmetric().with_gamma(0.2)?;
    let classes = Classes::default();
    let (mut buffers, mut gradient) = (Buffers::with_len::<2>(), [0.0; 8]);
    let mut out = DenseMut::new(&mut gradient, [1, 2, 4], Layout::ChannelsFirst)?;
    let mut evaluated = segmentation.evaluate(&loss, &classes, &mut buffers)?;
    evaluated.gradient_into(&mut out)?;
    let right = (evaluated.value() - 0.238_935_680_757_339_12).abs() < 1e-15;
    let scored = evaluated.per_class().all(|score| score > 0.0);

    let mut in_two_sweeps = [0.0; 8];
    let mut out = DenseMut::new(&mut in_two_sweeps, [1, 2, 4], Layout::ChannelsFirst)?;
    segmentation.evaluate_with_gradient(&loss, &classes, &mut buffers, &mut out)?;
    let pushes = gradient[..3].iter().all(|g| *g < 0.0)
        && gradient[3..7].iter().all(|g| *g > 0.0)
        && gradient[7] < 0.0;
    Ok(right && scored && pushes && gradient == in_two_sweeps)
}

fn exit(status: i32) -> ! {
    // SAFETY: system call 60 of x86-64 Linux, exit, takes the status in edi and does not return.
    unsafe { asm!("syscall", in("eax") 60, in("edi") status, options(noreturn)) }
}

#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    exit(3)
}

/// The compiler may call it; a C library would provide it.
///
/// # Safety
///
/// As the C function of this name.
#[unsafe(no_mangle)]
unsafe extern "C" fn memmove(to: *mut u8, from: *const u8, count: usize) -> *mut u8 {
    for step in 0..count {
        let index = if to.addr() < from.addr() {
            step
        } else {
            count - 1 - step
        };
        // SAFETY: both are valid for `count` bytes, and each byte is read before it is overwritten.
        unsafe {
            to.add(index)
                .write_volatile(from.add(index).read_volatile())
        };
    }
    to
}

/// The compiler may call it; a C library would provide it.
///
/// # Safety
///
/// As the C function of this name.
#[unsafe(no_mangle)]
unsafe extern "C" fn memcpy(to: *mut u8, from: *const u8, count: usize) -> *mut u8 {
    for index in 0..count {
        // SAFETY: the caller guarantees `count` bytes on both sides. Volatile, so that the compiler
        // does not turn this loop into a call of memcpy.
        unsafe {
            to.add(index)
                .write_volatile(from.add(index).read_volatile())
        }
    }
    to
}

/// The compiler may call it; a C library would provide it.
///
/// # Safety
///
/// As the C function of this name.
#[unsafe(no_mangle)]
unsafe extern "C" fn memset(to: *mut u8, byte: i32, count: usize) -> *mut u8 {
    for index in 0..count {
        // SAFETY: the caller guarantees `count` bytes.
        unsafe { to.add(index).write_volatile(byte as u8) }
    }
    to
}
