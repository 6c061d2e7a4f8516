//! The figure in the README is the one that the command next to it draws.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The figure, as the README links to it.
const FIGURE: &str = "docs/figures/tishby2017-binned.png";

/// The repository; a published package does not have it.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Returns the pixels of a PNG file, and the bytes of a row.
fn pixels(bytes: &[u8]) -> (Vec<u8>, usize) {
    let mut reader = png::Decoder::new(std::io::Cursor::new(bytes)).read_info().expect("a PNG file");
    let mut pixels = vec![0; reader.output_buffer_size().expect("a size that fits")];
    let frame = reader.next_frame(&mut pixels).expect("one frame");
    (pixels, frame.line_size)
}

#[test]
#[ignore = "trains five networks of 8000 epochs; `cargo xtask test` runs it"]
fn the_figure_of_the_readme_is_what_the_command_draws() {
    let readme = fs::read_to_string(root().join("README.md")).expect("the README");
    assert!(readme.contains(FIGURE), "the README shows {FIGURE}");
    let shown = root().join(FIGURE);
    let folder = tempfile::TempDir::new().unwrap();
    let run = Command::new(env!("CARGO_BIN_EXE_infoplane"))
        .args(["run", "--out", "run"])
        .current_dir(folder.path())
        .output()
        .expect("the command was built");
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    let drawn: Vec<PathBuf> = fs::read_dir(folder.path().join("run/report"))
        .expect("figures")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            name.starts_with("plane-binned") && name.ends_with(".png")
        })
        .collect();
    let [drawn] = &drawn[..] else { panic!("one plane in bins, not {drawn:?}") };
    let (shown_bytes, drawn_bytes) =
        (fs::read(&shown).expect("the picture"), fs::read(drawn).expect("the figure"));
    if shown_bytes == drawn_bytes {
        return;
    }
    // Kept for whoever has to look at it, or to put it in place of the old one.
    let kept = std::env::temp_dir().join("infoplane-first-picture.png");
    fs::write(&kept, &drawn_bytes).expect("a copy of the figure");
    let (shown_pixels, shown_line) = pixels(&shown_bytes);
    let (drawn_pixels, drawn_line) = pixels(&drawn_bytes);
    assert_eq!(
        (shown_pixels.len(), shown_line),
        (drawn_pixels.len(), drawn_line),
        "the pictures differ in size; the new one is {}",
        kept.display()
    );
    let differing = shown_pixels.iter().zip(&drawn_pixels).filter(|(a, b)| a.abs_diff(**b) > 32).count();
    let share = differing as f64 / shown_pixels.len() as f64;
    // Numbers are the same on every processor and system.
    assert!(
        share == 0.0,
        "{:.2} % of the picture differ from a fresh run; if the new one is right, copy {} to {}",
        100.0 * share,
        kept.display(),
        shown.display()
    );
}
