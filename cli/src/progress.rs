//! A progress bar on stderr for many cases.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// The progress of a run. It shows nothing for one case, or if stderr is not a terminal, and disappears at the end.
pub(crate) struct Progress(ProgressBar);

/// The bar, the number of cases, their rate, and the time left.
const STYLE: &str = "{wide_bar} {pos}/{len} cases, {per_sec}, {eta} left";

impl Progress {
    pub(crate) fn of(cases: usize) -> Self {
        let bar = if cases > 1 {
            let shown = ProgressDrawTarget::stderr();
            ProgressBar::with_draw_target(Some(cases as u64), shown)
        } else {
            ProgressBar::hidden()
        };
        // The style is fixed, so it is valid; else the default one shows.
        Self(match ProgressStyle::with_template(STYLE) {
            Ok(style) => bar.with_style(style),
            Err(_) => bar,
        })
    }

    /// Counts a case.
    pub(crate) fn advance(&self) {
        self.0.inc(1);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
