//! Compares the scores of a WebAssembly machine with the host's.

#![no_std]
#![cfg_attr(target_arch = "wasm32", no_main)]

/// The number of scores whose bits differ from the host's, or −1 if they could not be computed.
#[cfg(target_arch = "wasm32")]
#[unsafe(no_mangle)]
extern "C" fn wrong() -> i32 {
    match firmware::scores::scores() {
        Ok(scores) => {
            let pairs = scores.iter().zip(firmware::EXPECTED);
            pairs
                .filter(|(score, expected)| score.to_bits() != *expected)
                .count() as i32
        }
        Err(_) => -1,
    }
}

#[cfg(not(target_arch = "wasm32"))]
fn main() {}
