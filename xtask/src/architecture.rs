//! The order of the modules in `docs/architecture.md` is the order in the sources of the libraries.

use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn read(path: impl AsRef<Path>) -> String {
    let path = root().join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Returns the words between backquotes.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// Returns the modules of the table, from the first to the last, and the small ones that any module may use.
fn documented() -> (Vec<String>, BTreeSet<String>) {
    let text = read("docs/architecture.md");
    let (_, rest) = text.split_once("## What each module may use").expect("the heading of the table");
    let (section, _) = rest.split_once("\n## ").expect("the heading after the table");
    let table = section
        .lines()
        .filter(|line| line.starts_with("| `"))
        .flat_map(|line| quoted(line.split('|').nth(1).unwrap_or_default()))
        .map(String::from)
        .collect();
    let (_, small) = section.split_once("Small modules").expect("the list of small modules");
    let small = quoted(small.split("\n\n").next().unwrap_or_default()).map(String::from).collect();
    (table, small)
}

/// Returns the source without comments and without what only tests compile.
fn code(source: &str) -> String {
    let source = source.split("#[cfg(test)]\nmod ").next().unwrap_or_default();
    source.lines().map(|line| line.split("//").next().unwrap_or_default()).collect::<Vec<_>>().join("\n")
}

/// The libraries, each of which uses those before it.
const LIBRARIES: [&str; 3] = ["infoplane-estimators", "infoplane-train", "infoplane"];

/// Returns the names that follow each `crate::` or the name of a library, of lists in braces all of them.
fn crate_paths(code: &str) -> BTreeSet<String> {
    let code = code.replace("infoplane_estimators::", "crate::").replace("infoplane_train::", "crate::");
    let word = |text: &str| -> String {
        text.trim_start().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
    };
    let mut names = BTreeSet::new();
    for after in code.split("crate::").skip(1) {
        let Some(list) = after.strip_prefix('{') else {
            names.insert(word(after));
            continue;
        };
        let mut depth = 0;
        let mut start = 0;
        for (at, c) in list.char_indices() {
            match c {
                '{' => depth += 1,
                '}' if depth > 0 => depth -= 1,
                ',' | '}' if depth == 0 => {
                    names.insert(word(&list[start..at]));
                    start = at + 1;
                    if c == '}' {
                        break;
                    }
                }
                _ => {}
            }
        }
    }
    names.remove("");
    names
}

fn sources(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).expect("a directory").map(|entry| entry.expect("an entry").path()) {
        if entry.is_dir() {
            sources(&entry, found);
        } else if entry.extension().is_some_and(|extension| extension == "rs") {
            found.push(entry);
        }
    }
}

/// Returns the source files of the libraries with their code, apart from those that only tests compile.
fn library_code() -> Vec<(PathBuf, String)> {
    LIBRARIES.into_iter().flat_map(code_of).collect()
}

fn code_of(library: &str) -> Vec<(PathBuf, String)> {
    let src = root().join("crates").join(library).join("src");
    let mut files = Vec::new();
    sources(&src, &mut files);
    // `tests.rs`, `parts_tests.rs`: compiled for tests only.
    let is_test =
        |file: &Path| file.file_stem().is_some_and(|stem| stem.to_string_lossy().ends_with("tests"));
    let read = |file: PathBuf| {
        let text = fs::read_to_string(&file).expect("a source file");
        (file.strip_prefix(&src).expect("a file of the library").to_path_buf(), code(&text))
    };
    files.into_iter().filter(|file| !is_test(file)).map(read).collect()
}

#[test]
fn modules_use_only_those_above_them_in_the_documentation() {
    let (order, small) = documented();
    let place: HashMap<&str, usize> =
        order.iter().enumerate().map(|(place, name)| (name.as_str(), place)).collect();
    let library: String =
        LIBRARIES.into_iter().map(|name| code(&read(format!("crates/{name}/src/lib.rs")))).collect();
    let modules: BTreeSet<&str> = library
        .lines()
        .map(str::trim)
        .filter_map(|line| line.trim_start_matches("pub ").strip_prefix("mod ")?.strip_suffix(';'))
        .collect();
    // `pub use network::{Activations, …};` makes `crate::Activations` a use of `network`.
    let mut reexports: HashMap<String, &str> = HashMap::new();
    for item in library.split("pub use ").skip(1) {
        let (path, _) = item.split_once(';').expect("the end of a `use`");
        // A whole crate, under its own name or another, is no module of these.
        let Some((module, names)) = path.split_once("::") else { continue };
        if LIBRARIES.iter().any(|library| library.replace('-', "_") == module) {
            // The library that has it says where it is from.
            continue;
        }
        for name in names.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|name| !name.is_empty()) {
            reexports.insert(name.into(), module);
        }
    }
    for module in &modules {
        assert!(
            place.contains_key(module) || small.contains(*module),
            "`{module}` is missing in the table of docs/architecture.md"
        );
    }
    for name in order.iter().chain(&small) {
        assert!(modules.contains(name.as_str()), "docs/architecture.md names `{name}`, which is no module");
    }
    let mut wrong = BTreeSet::new();
    let mut uses = 0;
    for (file, code) in library_code() {
        let first = file.components().next().expect("a name").as_os_str().to_string_lossy();
        let module = first.trim_end_matches(".rs");
        for used in crate_paths(&code) {
            let used = reexports.get(&used).copied().unwrap_or(&used);
            let Some(used_at) = place.get(used) else { continue };
            uses += 1;
            match place.get(module) {
                Some(at) if used_at > at => wrong.insert(format!("{} uses `{used}`", file.display())),
                None if module != "lib" && small.contains(module) => {
                    wrong.insert(format!("{} is small and uses `{used}`", file.display()))
                }
                _ => false,
            };
        }
    }
    assert!(uses > 100, "only {uses} uses were found: the search is broken");
    assert!(wrong.is_empty(), "against the order of docs/architecture.md:\n{wrong:#?}");
}

#[test]
fn drawing_knows_figures_only_and_nothing_else_knows_colours() {
    // `math` and `printable` are small modules, which any may use.
    let allowed = BTreeSet::from(["draw", "figure", "math", "printable", "schedule"].map(String::from));
    let mut drawing = 0;
    for (file, code) in library_code() {
        if file.starts_with("draw") {
            drawing += 1;
            let used = crate_paths(&code);
            assert!(used.is_subset(&allowed), "{} uses {used:?}; allowed is {allowed:?}", file.display());
        } else {
            let words = code.split(|c: char| !c.is_alphanumeric() && c != '_');
            let colours = words.filter(|word| *word == "Color").count();
            assert_eq!(colours, 0, "{} names a colour; roles say what has which", file.display());
        }
    }
    assert!(drawing > 20, "only {drawing} files of draw were found: the search is broken");
}
