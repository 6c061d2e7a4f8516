//! A progress bar on the terminal; nothing where there is none.

use std::sync::atomic::{AtomicU64, Ordering};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use infoplane::experiment::Progress;

/// The bar counts thousandths of the work: half of it training epochs, half measured epochs.
///
/// Which half takes longer depends on the network; they advance side by side, so the time left is right soon.
pub struct Bar {
    bar: ProgressBar,
    trained: AtomicU64,
    measured: AtomicU64,
    to_train: u64,
    to_measure: u64,
}

const STEPS: u64 = 1000;

impl Bar {
    /// A bar for so many epochs to be trained and measured, over all seeds.
    pub fn new(to_train: u64, to_measure: u64, quiet: bool) -> Self {
        let target = if quiet { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
        let bar = ProgressBar::with_draw_target(Some(STEPS), target);
        let style = ProgressStyle::with_template("{bar:32} {percent:>3}%  {msg}  {elapsed} gone, {eta} left")
            .unwrap_or_else(|_| ProgressStyle::default_bar());
        bar.set_style(style.progress_chars("█▉ "));
        Bar { bar, trained: AtomicU64::new(0), measured: AtomicU64::new(0), to_train, to_measure }
    }

    /// Clears the bar away.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }

    /// Draws anew where something is to be seen: formatting for each of many thousand epochs would cost.
    fn update(&self) {
        let share = |done: &AtomicU64, all: u64| done.load(Ordering::Relaxed) as f64 / all.max(1) as f64;
        let done = share(&self.trained, self.to_train) + share(&self.measured, self.to_measure);
        let position = (done / 2.0 * STEPS as f64) as u64;
        if position == self.bar.position() {
            return;
        }
        self.bar.set_position(position);
        self.bar.set_message(format!(
            "{}/{} epochs trained, {}/{} measured",
            self.trained.load(Ordering::Relaxed),
            self.to_train,
            self.measured.load(Ordering::Relaxed),
            self.to_measure
        ));
    }
}

impl Progress for Bar {
    fn trained(&self, epochs: u64) {
        self.trained.fetch_add(epochs, Ordering::Relaxed);
        self.update();
    }

    fn measured(&self, _seed: u64, _epoch: u64) {
        self.measured.fetch_add(1, Ordering::Relaxed);
        self.update();
    }
}
