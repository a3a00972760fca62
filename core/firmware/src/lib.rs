//! Shared by the programs: the scores, their expected values, and the exit.

#![no_std]

pub mod scores;

#[cfg(target_arch = "arm")]
pub mod board;

/// The bits of the scores, computed on the build host.
pub const EXPECTED: [u64; scores::COUNT] = include!(concat!(env!("OUT_DIR"), "/expected.rs"));

#[cfg(not(target_arch = "arm"))]
#[cfg(target_os = "unknown")]
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    core::arch::wasm32::unreachable()
}
