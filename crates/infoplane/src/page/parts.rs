//! The scripts and the style of a page, and the file that holds them.

use std::fmt::Write as _;

/// The modules of the page, each after those that it uses.
const MODULES: [&str; 14] = [
    include_str!("content.js"),
    include_str!("scales.js"),
    include_str!("view.js"),
    include_str!("surfaces.js"),
    include_str!("colors.js"),
    include_str!("draw.js"),
    include_str!("keys.js"),
    include_str!("files.js"),
    include_str!("element.js"),
    include_str!("values.js"),
    include_str!("card.js"),
    include_str!("player.js"),
    include_str!("page.js"),
    include_str!("main.js"),
];

/// What shows the document that is in the page; others show one that they are given.
const MAIN: usize = MODULES.len() - 1;

/// The style of a page; all of it is below the class `infoplane`.
pub fn style() -> &'static str {
    include_str!("page.css")
}

/// The scripts as one module of JavaScript, which exports `Page`, `element` and `refill`: `new Page(root, content)` shows the values of a page
/// in an element.
pub fn script() -> String {
    let mut script = joined(&MODULES[..MAIN]);
    script += "export { Page, element, refill };\n";
    script
}

/// Modules as one: they share their names, and need not import them.
fn joined(modules: &[&str]) -> String {
    let mut script = String::new();
    for line in modules.iter().flat_map(|module| module.lines()) {
        if !line.starts_with("import ") {
            script += line.strip_prefix("export ").unwrap_or(line);
            script.push('\n');
        }
    }
    script
}

/// Nothing is loaded, sent or framed by it.
const POLICY: &str = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; \
                      img-src data: blob:; base-uri 'none'; form-action 'none'";

/// The whole file.
pub(super) fn html(title: &str, json: &str) -> String {
    let mut page = String::with_capacity(json.len() + 130_000);
    let title = escaped(title);
    // No name and no text of a run can end the element that holds the values.
    let json = json.replace('<', "\\u003c");
    let script = joined(&MODULES);
    let style = style();
    let _ = write!(
        page,
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\">\n\
         <meta name=\"generator\" content=\"infoplane {}\">\n<title>{title} – infoplane</title>\n\
         <style>\nbody {{ margin: 0; }}\n{style}</style>\n</head>\n<body>\n<div id=\"page\"></div>\n\
         <noscript>The figures of this page are drawn by a script, which this browser does not run.</noscript>\n\
         <script type=\"application/json\" id=\"document\">{json}</script>\n\
         <script type=\"module\">\n{script}</script>\n</body>\n</html>\n",
        env!("CARGO_PKG_VERSION"),
    );
    page
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn joined_modules_import_nothing_and_declare_each_name_once() {
        let script = joined(&MODULES);
        let mut names: Vec<&str> = script
            .lines()
            .filter_map(|line| {
                let starts = ["const ", "let ", "function ", "class ", "async function "];
                let rest = starts.iter().find_map(|start| line.strip_prefix(start))?;
                rest.split(|c: char| !c.is_alphanumeric() && c != '_' && c != '$').next()
            })
            .collect();
        assert!(names.len() > 60 && !script.lines().any(|line| line.starts_with("import ")));
        names.sort_unstable();
        let twice: Vec<_> = names.windows(2).filter(|pair| pair[0] == pair[1]).collect();
        assert!(twice.is_empty(), "{twice:?}");
    }

    #[test]
    fn every_module_of_the_folder_is_on_the_page() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/page");
        let files = std::fs::read_dir(folder).expect("the folder").map(|entry| entry.expect("a file").path());
        let scripts: Vec<_> =
            files.filter(|path| path.extension().is_some_and(|ending| ending == "js")).collect();
        // Types alone are not run.
        let run = scripts.iter().filter(|path| !path.ends_with("types.js"));
        let mut n = 0;
        for path in run {
            let text = std::fs::read_to_string(path).expect("a script");
            assert!(MODULES.contains(&&*text), "{}", path.display());
            n += 1;
        }
        assert_eq!(n, MODULES.len());
    }
}
