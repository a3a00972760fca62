//! Computes the expected scores on the host, and tells the linker the memory layout of the device.

use std::env;
use std::error::Error;
use std::fs;
use std::path::PathBuf;

#[path = "src/scores.rs"]
mod scores;

fn main() -> Result<(), Box<dyn Error>> {
    let out = PathBuf::from(env::var("OUT_DIR")?);
    let expected = scores::scores()?.map(f64::to_bits);
    fs::write(out.join("expected.rs"), format!("{expected:#x?}"))?;
    println!("cargo::rerun-if-changed=src/scores.rs");
    println!("cargo::rerun-if-changed=build.rs");

    let memory = match env::var("TARGET")?.as_str() {
        // mps2-an386, a Cortex-M4F.
        "thumbv7em-none-eabihf" => {
            "MEMORY { FLASH : ORIGIN = 0x00000000, LENGTH = 4M\nRAM : ORIGIN = 0x20000000, LENGTH = 4M }"
        }
        // micro:bit, a Cortex-M0.
        "thumbv6m-none-eabi" => {
            "MEMORY { FLASH : ORIGIN = 0x00000000, LENGTH = 256K\nRAM : ORIGIN = 0x20000000, LENGTH = 16K }"
        }
        _ => {
            println!("cargo::rustc-link-arg-bin=wasm=--no-entry");
            println!("cargo::rustc-link-arg-bin=wasm=--export=wrong");
            return Ok(());
        }
    };
    fs::write(out.join("memory.x"), memory)?;
    println!("cargo::rustc-link-search={}", out.display());
    println!("cargo::rustc-link-arg-bins=-Tlink.x");
    Ok(())
}
