//! `unifocal`; see [`unifocal_cli::run`].

use std::process::ExitCode;

fn main() -> ExitCode {
    unifocal_cli::run()
}
