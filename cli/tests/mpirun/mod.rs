//! Runs the program as several processes.

use std::path::Path;
use std::process::Command;

/// Several processes on this machine, as root or not, on any number of cores.
pub(super) fn mpirun(folder: &Path, ranks: usize, arguments: &[&str]) -> Command {
    let mut command = Command::new("mpirun");
    command
        .current_dir(folder)
        .args(["--allow-run-as-root", "--oversubscribe", "-n"])
        .arg(ranks.to_string())
        .arg(env!("CARGO_BIN_EXE_unifocal"))
        .args(arguments);
    command
}
