//! Measures peak memory.

/// The peak memory of a run in bytes, above what was in use before; Linux only.
pub fn peak(run: impl FnOnce()) -> Option<f64> {
    let status = |key: &str| {
        let status = std::fs::read_to_string("/proc/self/status").ok()?;
        let line = status.lines().find(|line| line.starts_with(key))?;
        line.split_whitespace().nth(1)?.parse::<f64>().ok()
    };
    // Reset the peak.
    std::fs::write("/proc/self/clear_refs", "5").ok()?;
    let before = status("VmRSS:")?;
    run();
    Some((status("VmHWM:")? - before) * 1024.0)
}
