//! Runs as one page of HTML, with figures that answer to a pointer and to keys.
//!
//! A [`Page`] holds the figures of a run or of a comparison as values, and what a reader must know of the runs. [`Page::html`] makes one
//! file of it that needs no network and no other file; [`Page::json`] gives the values alone, for a page that is shown already.
//! The scripts beside this file draw what the figures say; they add no numbers to them, and words only for what a reader does.

mod columns;
mod document;
mod parts;

use crate::figure::{
    Arrangement, Comparison, Figure, FigureKind, ReportData, bounds, figures, listed, names_of,
};
use crate::run::Run;
use document::{Document, RunView};

pub use parts::{script, style};

/// A run or a comparison, to be looked at in a browser.
///
/// # Examples
/// ```
/// use infoplane::experiment::{Experiment, RunOptions};
/// use infoplane::figure::ReportData;
/// use infoplane::page::Page;
/// use infoplane::run::Run;
/// # use std::sync::atomic::AtomicBool;
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("short");
/// let short = Experiment::load("tishby2017", &["training.epochs=4".into(), "seeds=1".into()])?;
/// short.run(&path, RunOptions::default(), &(), &AtomicBool::new(false))?;
///
/// let run = Run::read(&path)?;
/// let page = Page::of_run(&run, &ReportData::of(&run)).made_by("infoplane report runs/short --html");
/// let html = page.html();
/// assert!(html.starts_with("<!doctype html>") && html.contains("Information plane: "));
/// assert!(!html.contains("https://"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Page {
    document: Document,
}

impl Page {
    /// The page of one run: its figures, and what is known of it.
    pub fn of_run(run: &Run, data: &ReportData<'_>) -> Page {
        let run = RunView::of(run, data, of_page(data));
        Page { document: Document::new(data.title.clone(), vec![run], vec![]) }
    }

    /// The page of several runs beside each other: the figures that compare them, then those of each.
    pub fn of_comparison(
        comparison: &Comparison,
        arrangement: Arrangement,
        runs: &[(&Run, ReportData<'_>)],
    ) -> Page {
        let compared = comparison.figures(arrangement);
        let members: Vec<&Run> = runs.iter().map(|(run, _)| *run).collect();
        // The names by which the figures tell them apart.
        let named = runs.iter().zip(names_of(&members));
        let views =
            named.map(|((run, data), name)| RunView { name, ..RunView::of(run, data, of_page(data)) });
        let views = views.collect();
        let names = comparison.names();
        let title = if names.len() > 4 { format!("{} groups", names.len()) } else { listed(&names) };
        let mut document = Document::new(title, views, compared);
        document.remarks = comparison.warnings();
        Page { document }
    }

    /// The page of figures that are of no run.
    pub fn of_figures(title: impl Into<String>, figures: Vec<Figure>) -> Page {
        Page { document: Document::new(title.into(), vec![], figures) }
    }

    /// With the command that makes it, to be shown at its end.
    pub fn made_by(mut self, command: impl Into<String>) -> Page {
        self.document.command = command.into();
        self
    }

    /// The page as one file. The same page gives the same bytes.
    pub fn html(&self) -> String {
        parts::html(&self.document.title, &self.json())
    }

    /// The values of the page, as its scripts read them.
    pub fn json(&self) -> String {
        self.document.value().to_string()
    }
}

/// The figures of a report, and for methods with two bounds what is between them.
fn of_page(data: &ReportData<'_>) -> Vec<Figure> {
    let mut all = figures(data);
    let place =
        all.iter().rposition(|figure| figure.kind == FigureKind::Information).map_or(0, |place| place + 1);
    all.splice(place..place, bounds(data));
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_the_values_ends_the_script_that_holds_them() {
        let page = Page::of_figures("</script><script>alert(1)</script><!--", vec![]);
        let html = page.html();
        assert!(!html.contains("<script>alert(1)"));
        assert_eq!(html.matches("</script>").count(), 2);
        assert!(html.contains("&lt;/script&gt;&lt;script&gt;alert(1)"), "the title");
    }

    #[test]
    fn a_page_asks_for_nothing_from_elsewhere() {
        let html = Page::of_figures("small", vec![]).html();
        assert!(html.contains("default-src 'none'"));
        for word in ["https://", "src=", "@import", "fetch("] {
            assert!(!html.contains(word), "{word}");
        }
        // The name of the format of vector graphics is an address.
        assert!(html.matches("http://").all(|_| html.contains("http://www.w3.org/2000/svg")));
        assert!(html.len() < 200_000, "{}", html.len());
    }
}
