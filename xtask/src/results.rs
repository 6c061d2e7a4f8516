//! Makes `docs/results.md` anew: every published figure at the quick size, and at the full one what needs no MNIST.

use std::fs;
use std::path::Path;

/// Trains what is not there yet in `target/results`, draws, and copies the page with its pictures and tables into `docs`.
pub fn make(mnist: Option<&str>) -> Result<(), String> {
    let out = super::root().join("target").join("results");
    let out = out.to_str().ok_or("the path of the checkout is not text")?;
    let reproduce =
        ["run", "--release", "--package", "infoplane-cli", "--", "reproduce", "--all", "--out", out];
    let with_mnist: Vec<&str> = mnist.iter().flat_map(|directory| ["--mnist", directory]).collect();
    // Figures that lack their data are told, and the page names them; the full grid of MNIST takes a day.
    for (more, needs_all) in [([&["--quick"], &with_mnist[..]].concat(), mnist.is_some()), (vec![], false)] {
        let done = super::cargo(&[&reproduce[..], &more].concat(), &[]);
        if needs_all {
            done?;
        }
    }
    copy(Path::new(out), &super::root().join("docs"))
}

/// Copies the page and what it links to.
fn copy(from: &Path, docs: &Path) -> Result<(), String> {
    let failed = |path: &Path| {
        let path = path.display().to_string();
        move |error: std::io::Error| format!("{path}: {error}")
    };
    let page = from.join("results.md");
    let text = fs::read_to_string(&page).map_err(failed(&page))?;
    let figures = docs.join("figures").join("results");
    if figures.exists() {
        fs::remove_dir_all(&figures).map_err(failed(&figures))?;
    }
    let links = text.split("](figures/").skip(1).filter_map(|rest| rest.split_once(')'));
    for (link, _) in links {
        let (source, target) = (from.join("figures").join(link), figures.join(link));
        let folder = target.parent().unwrap_or(docs);
        fs::create_dir_all(folder).map_err(failed(folder))?;
        fs::copy(&source, &target).map_err(failed(&source))?;
    }
    let page = docs.join("results.md");
    fs::write(&page, text.replace("](figures/", "](figures/results/")).map_err(failed(&page))
}
