//! What a server answers, and to whom.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use infoplane::figure::ReportData;
use infoplane::page::Page;
use infoplane::record::{Recorder, Recording};
use infoplane::run::Run;
use infoplane::{Activations, Labels};
use infoplane_serve::{Access, ServeError, Server};
use ndarray::Array2;
use serde_json::Value;

/// A server on a thread of its own, which ends with the test.
struct Served {
    address: SocketAddr,
    stopped: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Served {
    fn of(folder: &Path, access: Access) -> Served {
        let server = Server::bind(folder, "127.0.0.1:0".parse().unwrap(), access).expect("a server");
        let (address, stopped) = (server.address(), Arc::new(AtomicBool::new(false)));
        let stop = Arc::clone(&stopped);
        let thread = std::thread::spawn(move || {
            server.run_until(move || stop.load(Ordering::Relaxed)).expect("the server ends well");
        });
        Served { address, stopped, thread: Some(thread) }
    }

    fn connected(&self, request: &str) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).expect("a connection");
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        stream
    }

    /// The status, the head and the body of the answer to a request with these lines after the first.
    fn ask(&self, method: &str, path: &str, lines: &[&str]) -> (u16, String, String) {
        let own = format!("Host: {}", self.address);
        let has_host = lines.iter().any(|line| line.starts_with("Host:"));
        let host = if has_host { String::new() } else { own + "\r\n" };
        let more: String = lines.iter().map(|line| format!("{line}\r\n")).collect();
        let mut stream =
            self.connected(&format!("{method} {path} HTTP/1.1\r\n{host}{more}Connection: close\r\n\r\n"));
        let mut text = Vec::new();
        stream.read_to_end(&mut text).expect("an answer");
        let text = String::from_utf8(text).expect("text");
        let (head, body) = text.split_once("\r\n\r\n").expect("a head");
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
        (status, head.to_ascii_lowercase(), body.to_string())
    }

    fn get(&self, path: &str) -> (u16, String) {
        let (status, _, body) = self.ask("GET", path, &[]);
        (status, body)
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::Relaxed);
        self.thread.take().expect("a thread").join().expect("no panic");
    }
}

/// A recording of a layer with three units.
fn recorder(path: &Path, name: &str) -> Recorder {
    let labels = Labels::from_symbols(&[0, 1, 0, 1, 0, 1, 0, 1]);
    Recorder::create(path, Recording::new(name, labels, &[("hidden", 3), ("output", 1)], 1e-3))
        .expect("a recorder")
}

fn record(recorder: &mut Recorder, epoch: u64) {
    let value = |i: usize, j: usize| ((i * 3 + j) as f32 + 0.2 * epoch as f32).sin();
    let layers = vec![
        Array2::from_shape_fn((8, 3), |(i, j)| value(i, j)),
        Array2::from_shape_fn((8, 1), |(i, _)| value(i, 0)),
    ];
    recorder.record(epoch, &Activations { layers }, None).expect("an epoch");
}

fn run(path: &Path, name: &str, epochs: u64) -> Run {
    let mut recorder = recorder(path, name);
    (0..epochs).for_each(|epoch| record(&mut recorder, epoch));
    recorder.finish().expect("a run")
}

/// The content of a chunked or a plain body.
fn json(body: &str) -> Value {
    let (start, end) = (body.find('{').expect("JSON"), body.rfind('}').expect("its end"));
    serde_json::from_str(&body[start..=end]).expect("JSON")
}

#[test]
fn runs_are_listed_shown_and_compared() {
    let folder = tempfile::tempdir().unwrap();
    let tanh = run(&folder.path().join("tanh"), "tanh", 3);
    run(&folder.path().join("sweep/one/relu & co"), "<b>relu</b>", 2);
    drop(recorder(&folder.path().join("begun"), "begun"));
    fs::create_dir_all(folder.path().join("notes")).unwrap();
    let served = Served::of(folder.path(), Access::Loopback);
    let (status, body) = served.get("/api/runs");
    let listed = json(&body);
    let runs = listed["runs"].as_array().unwrap();
    let ids: Vec<&str> = runs.iter().map(|run| run["id"].as_str().unwrap()).collect();
    assert_eq!((status, &ids[..]), (200, &["begun", "sweep/one/relu & co", "tanh"][..]));
    assert_eq!((&runs[0]["state"], &runs[1]["name"]), (&"interrupted".into(), &"<b>relu</b>".into()));
    assert_eq!(
        (&runs[2]["state"], &runs[2]["measured"], &runs[2]["layers"]),
        (&"finished".into(), &3.into(), &2.into())
    );

    let (status, body) = served.get("/api/run?id=tanh");
    let expected: Value = serde_json::from_str(&Page::of_run(&tanh, &ReportData::of(&tanh)).json()).unwrap();
    assert_eq!((status, &json(&body)["content"]), (200, &expected));
    let (status, body) = served.get("/api/run?id=sweep%2Fone%2Frelu+%26%20co");
    assert_eq!((status, &json(&body)["content"]["title"]), (200, &"<b>relu</b>".into()));
    let (status, body) = served.get("/api/compare?id=tanh&id=sweep/one/relu%20%26%20co");
    assert_eq!((status, json(&body)["content"]["runs"].as_array().unwrap().len()), (200, 2), "{body}");
    let (status, body) = served.get("/api/compare?id=tanh&id=sweep/one/relu%20%26%20co&by=name&by=data.name");
    assert_eq!((status, json(&body)["content"]["runs"].as_array().unwrap().len()), (200, 2), "{body}");
    assert!(json(&body)["content"]["title"].as_str().unwrap().starts_with("tanh, "), "{body}");
    let (status, body) = served.get("/api/compare?id=tanh&id=sweep/one/relu%20%26%20co&by=nowhere");
    assert!(status == 422 && body.contains("has no key `nowhere`"), "{status} {body}");
    assert!(!body.contains(folder.path().to_str().unwrap()), "{body}");
    assert_eq!(served.get("/api/compare?id=tanh").0, 400);
    assert_eq!(served.get("/api/compare?id=tanh&id=tanh").0, 400, "a run is not beside itself");
    assert_eq!(served.get("/api/compare?id=tanh&id=nothing").0, 422);

    for (path, kind) in [
        ("/", "text/html"),
        ("/run?id=x", "text/html"),
        ("/page.js", "text/javascript"),
        ("/page.css", "text/css"),
    ] {
        let (status, head, body) = served.ask("GET", path, &[]);
        assert!(status == 200 && head.contains(kind) && !body.is_empty(), "{path}: {head}");
    }
    assert_eq!(served.get("/nothing").0, 404);
    assert_eq!(served.get("/api/run").0, 400);
}

#[test]
fn a_run_itself_can_be_shown() {
    let folder = tempfile::tempdir().unwrap();
    run(&folder.path().join("run"), "alone", 2);
    let served = Served::of(&folder.path().join("run"), Access::Loopback);
    assert_eq!(json(&served.get("/api/runs").1)["runs"][0]["id"], ".");
    assert_eq!(json(&served.get("/api/run?id=.").1)["content"]["title"], "alone");
}

#[test]
fn nothing_outside_of_the_folder_can_be_named() {
    let folder = tempfile::tempdir().unwrap();
    let outside = folder.path().join("outside");
    run(&outside, "secret", 2);
    let runs = folder.path().join("runs");
    run(&runs.join("mine"), "mine", 2);
    fs::create_dir(runs.join("fake")).unwrap();
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink(&outside, runs.join("link")).unwrap();
        std::os::unix::fs::symlink(outside.join("manifest.toml"), runs.join("fake/manifest.toml")).unwrap();
        std::os::unix::fs::symlink(folder.path(), runs.join("up")).unwrap();
    }
    let served = Served::of(&runs, Access::Loopback);
    let (_, body) = served.get("/api/runs");
    assert_eq!(json(&body)["runs"].as_array().unwrap().len(), 1, "{body}");
    let whole = outside.display().to_string();
    let named = [
        "../outside",
        "..%2Foutside",
        "mine/../../outside",
        "%2e%2e/outside",
        "link",
        "fake",
        "up/outside",
        "",
        "/",
        "..",
        "./mine",
        "mine/",
        "//mine",
        "mine%00",
        "..%5Coutside",
        "C:%5C",
        &whole,
    ];
    for id in named {
        let (status, body) = served.get(&format!("/api/run?id={id}"));
        assert!(status == 404 || status == 400, "{id}: {status} {body}");
        assert!(
            !body.contains("secret") && !body.contains(&whole.replace("/outside", "/runs")),
            "{id}: {body}"
        );
    }
    for path in ["/../outside/manifest.toml", "/mine/manifest.toml", "/page.js/../../manifest.toml"] {
        assert_eq!(served.get(path).0, 404, "{path}");
    }
}

#[test]
fn pages_of_other_sites_and_other_names_of_this_machine_get_nothing() {
    let folder = tempfile::tempdir().unwrap();
    run(&folder.path().join("mine"), "mine", 2);
    let served = Served::of(folder.path(), Access::Loopback);
    let port = served.address.port();
    let own = [
        format!("Host: localhost:{port}"),
        format!("Host: 127.0.0.1:{port}"),
        format!("Host: [::1]:{port}"),
        // A port that is forwarded is another one there.
        "Host: localhost:9999".to_string(),
    ];
    for host in &own {
        assert_eq!(served.ask("GET", "/api/runs", &[host]).0, 200, "{host}");
    }
    let foreign = [
        "Host: evil.example",
        "Host: evil.example:80",
        &format!("Host: localhost.evil.example:{port}"),
        "Host: 127.0.0.1.evil.example",
        "Host: evil.example:127.0.0.1",
        "Host:",
    ];
    for host in foreign {
        let (status, _, body) = served.ask("GET", "/api/runs", &[host]);
        assert_eq!(status, 403, "{host}");
        assert!(!body.contains("mine"));
    }
    let site = format!("Origin: http://127.0.0.1:{port}");
    assert_eq!(served.ask("GET", "/api/runs", &[&site]).0, 200);
    for line in [
        "Origin: http://evil.example",
        "Origin: null",
        &format!("Origin: https://127.0.0.1:{port}"),
        "Sec-Fetch-Site: cross-site",
    ] {
        assert_eq!(served.ask("GET", "/api/runs", &[line]).0, 403, "{line}");
    }
    // A link in a mail opens the list.
    let link = ["Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate"];
    assert_eq!(served.ask("GET", "/", &link).0, 200);
    for method in ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"] {
        assert_eq!(served.ask(method, "/api/runs", &["Content-Length: 0"]).0, 405, "{method}");
    }
    for path in ["/", "/api/runs", "/page.js", "/nothing"] {
        let (_, head, _) = served.ask("GET", path, &[]);
        for line in [
            "content-security-policy: default-src 'none'",
            "x-content-type-options: nosniff",
            "frame-ancestors 'none'",
            "referrer-policy: no-referrer",
        ] {
            assert!(head.contains(line), "{path} without {line}");
        }
        assert!(!head.contains("access-control-allow"));
    }
}

#[test]
fn other_machines_need_the_token() {
    let folder = tempfile::tempdir().unwrap();
    run(&folder.path().join("mine"), "mine", 2);
    let open = Server::bind(folder.path(), "0.0.0.0:0".parse().unwrap(), Access::Loopback);
    assert!(matches!(open, Err(ServeError::NeedsToken(_))));
    let nowhere =
        Server::bind(&folder.path().join("nothing"), "127.0.0.1:0".parse().unwrap(), Access::Loopback);
    assert!(matches!(nowhere, Err(ServeError::NoFolder(_))));
    let served = Served::of(folder.path(), Access::Token("abcdef0123456789".into()));
    let cookie = |value: &str| format!("Cookie: a=b; infoplane-{}={value}", served.address.port());
    let (wrong, right) = (cookie("wrong"), cookie("abcdef0123456789"));
    for (path, lines) in [
        ("/api/runs", &[][..]),
        ("/", &[]),
        ("/?token=abcdef012345678", &[]),
        ("/?token=", &[]),
        ("/api/runs", &[&*wrong]),
        ("/api/runs", &["Cookie: other=abcdef0123456789"]),
    ] {
        let (status, _, body) = served.ask("GET", path, lines);
        assert_eq!(status, 401, "{path} {lines:?}");
        assert!(!body.contains("mine"));
    }
    let (status, head, _) =
        served.ask("GET", "/run?id=a%20b&token=abcdef0123456789", &["Host: cluster.example"]);
    let set = format!(
        "set-cookie: infoplane-{}=abcdef0123456789; httponly; samesite=strict",
        served.address.port()
    );
    assert!(status == 303 && head.contains(&set), "{head}");
    assert!(head.contains("location: /run?id=a%20b\r\n"), "{head}");
    let (_, head, _) =
        served.ask("GET", "//evil.example/?token=abcdef0123456789", &["Host: cluster.example"]);
    assert!(head.contains("location: /evil.example/\r\n"), "{head}");
    assert_eq!(served.ask("GET", "/api/runs", &["Host: cluster.example", &right]).0, 200);
}

#[test]
fn who_sends_half_a_request_is_not_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let served = Served::of(folder.path(), Access::Loopback);
    let beginnings = ["GET /api/runs HTTP/1.1\r\nHost: ", "", "PRI * HT"];
    for mut half in beginnings.map(|beginning| served.connected(beginning)) {
        let mut answer = String::new();
        // Until the server closes it.
        half.read_to_string(&mut answer).expect("the end of the connection");
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{answer}");
    }
    assert_eq!(served.get("/api/runs").0, 200);
}

#[cfg(unix)]
#[test]
fn a_run_with_links_in_it_is_not_shown() {
    let folder = tempfile::tempdir().unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    for name in ["whole", "linked"] {
        run(&folder.path().join(name), name, 2);
    }
    let (plane, moved) = (folder.path().join("linked/plane.jsonl"), elsewhere.path().join("plane.jsonl"));
    fs::rename(&plane, &moved).unwrap();
    std::os::unix::fs::symlink(&moved, &plane).unwrap();
    let served = Served::of(folder.path(), Access::Loopback);
    let listed = json(&served.get("/api/runs").1);
    assert_eq!(listed["runs"].as_array().unwrap().len(), 1, "{listed}");
    assert_eq!(served.get("/api/run?id=linked").0, 404);
    assert_eq!(served.get("/api/run?id=whole").0, 200);
}

/// The next event of a stream, by its name and its value.
fn event(lines: &mut impl Iterator<Item = std::io::Result<String>>) -> (String, String) {
    let mut name = String::new();
    for line in lines {
        let line = line.expect("a line");
        if let Some(found) = line.strip_prefix("event: ") {
            name = found.into();
        } else if let Some(value) = line.strip_prefix("data: ") {
            return (name, value.into());
        }
    }
    panic!("the stream ended");
}

#[test]
fn a_run_is_followed_while_it_is_written_until_it_is_gone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("live");
    let mut recorder = recorder(&path, "live");
    record(&mut recorder, 0);
    let served = Served::of(folder.path(), Access::Loopback);
    let request = format!("GET /api/events?id=live HTTP/1.1\r\nHost: {}\r\n\r\n", served.address);
    let mut lines = BufReader::new(served.connected(&request)).lines();
    let (name, first) = event(&mut lines);
    assert_eq!(name, "version");
    let epochs = |body: &str| {
        let content = &json(body)["content"];
        let run = &content["runs"][0];
        let column = run["figures"][0]["panels"][0]["series"][0]["epochs"].as_u64().unwrap();
        let epochs = content["columns"][column as usize].as_array().map_or(0, Vec::len);
        (run["state"].as_str().unwrap().to_string(), epochs)
    };
    assert_eq!(epochs(&served.get("/api/run?id=live").1), ("running".into(), 1));
    let listed = json(&served.get("/api/runs").1);
    assert_eq!((&listed["runs"][0]["state"], &listed["runs"][0]["measured"]), (&"running".into(), &1.into()));
    (1..50).for_each(|epoch| record(&mut recorder, epoch));
    let (name, second) = event(&mut lines);
    assert!(name == "version" && second != first);
    // What came while an answer was under way is told once more; in the end nothing is missing.
    recorder.finish().expect("a run");
    let (name, _) = event(&mut lines);
    assert_eq!(name, "version");
    assert_eq!(epochs(&served.get("/api/run?id=live").1), ("finished".into(), 50));
    fs::remove_dir_all(&path).unwrap();
    let told = std::iter::from_fn(|| Some(event(&mut lines))).find(|(name, _)| name == "gone").unwrap();
    assert!(told.1.contains("moved or removed"), "{}", told.1);
    assert_eq!(served.get("/api/run?id=live").0, 404);
    // Another run at the same place is another one.
    run(&path, "again", 2);
    assert_eq!(json(&served.get("/api/run?id=live").1)["content"]["title"], "again");
}

/// A run that cannot be read for a while keeps neither itself nor others from being answered.
#[test]
fn a_run_that_cannot_be_read_hinders_no_other() {
    let folder = tempfile::tempdir().unwrap();
    run(&folder.path().join("good"), "good", 2);
    let path = folder.path().join("bad");
    let mut half = recorder(&path, "bad");
    record(&mut half, 0);
    drop(half);
    let journal = Run::read(&path).unwrap().directory().journal_path();
    let aside = path.join("aside");
    let served = Served::of(folder.path(), Access::Loopback);
    let request = format!("GET /api/events?id=bad HTTP/1.1\r\nHost: {}\r\n\r\n", served.address);
    let streams: Vec<TcpStream> = (0..20).map(|_| served.connected(&request)).collect();
    for _ in 0..5 {
        assert_eq!(served.get("/api/run?id=bad").0, 200);
        fs::rename(&journal, &aside).unwrap();
        fs::create_dir(&journal).unwrap();
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| (0..10).for_each(|_| assert_ne!(served.get("/api/run?id=bad").0, 500)));
            }
        });
        assert_eq!(served.get("/api/run?id=good").0, 200);
        fs::remove_dir(&journal).unwrap();
        fs::rename(&aside, &journal).unwrap();
    }
    drop(streams);
}

#[test]
fn broken_runs_and_thousands_of_folders_hinder_nothing() {
    let folder = tempfile::tempdir().unwrap();
    for number in 0..10_000 {
        fs::create_dir(folder.path().join(format!("nothing-{number}"))).unwrap();
    }
    run(&folder.path().join("good"), "good", 2);
    let mut half = recorder(&folder.path().join("half"), "half");
    record(&mut half, 0);
    record(&mut half, 1);
    drop(half);
    let journal = Run::read(&folder.path().join("half")).unwrap().directory().journal_path();
    let bytes = fs::read(&journal).unwrap();
    fs::write(&journal, &bytes[..bytes.len() - 7]).unwrap();
    fs::create_dir(folder.path().join("nonsense")).unwrap();
    fs::write(folder.path().join("nonsense/manifest.toml"), "\u{0}{{{{").unwrap();
    fs::create_dir(folder.path().join("empty")).unwrap();
    fs::write(folder.path().join("empty/manifest.toml"), "").unwrap();
    let served = Served::of(folder.path(), Access::Loopback);
    let listed = json(&served.get("/api/runs").1);
    let ids: Vec<&str> =
        listed["runs"].as_array().unwrap().iter().map(|run| run["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["good", "half"]);
    let (status, body) = served.get("/api/run?id=half");
    assert_eq!((status, &json(&body)["content"]["runs"][0]["state"]), (200, &"interrupted".into()));
    let (status, body) = served.get("/api/run?id=nonsense");
    assert!(status == 404 && json(&body)["error"].is_string(), "{body}");
}

#[test]
fn the_store_of_a_sweep_is_shown_and_its_comparison_grows() {
    use infoplane::sweep::{Shard, Store, Sweep, SweepOptions};

    let folder = tempfile::tempdir().unwrap();
    let text = "base = 'tishby2017'\nname = 'small'\nseeds = 2\n\
                estimators = [{ kind = 'binned', rule = 'floor', bin_width = 0.5 }]\n\
                [set]\n'training.epochs' = 4\n[axes]\n'dataset.split.train_fraction' = [0.5, 0.8, 0.00001]";
    let sweep = Sweep::from_toml("sweep", text, "".as_ref()).unwrap();
    // Before there is a sweep the folder is one of runs like any other.
    let served = Served::of(folder.path(), Access::Loopback);
    assert_eq!(json(&served.get("/api/runs").1)["sweep"], Value::Null);
    assert_eq!(served.get("/api/sweep").0, 404);
    let store = Store::open(folder.path()).unwrap();
    let compute = |shard: &str| {
        let options = SweepOptions { shard: shard.parse::<Shard>().unwrap(), ..SweepOptions::default() };
        sweep.run(&store, &options, &(), &AtomicBool::new(false)).unwrap()
    };
    sweep.list().settle(&store).unwrap();
    let (status, body) = served.get("/api/sweep");
    assert!(status == 404 && body.contains("no cell is complete yet"), "{body}");
    // One cell of each group, as those of a group cost the same.
    compute("1/2");
    let listed = json(&served.get("/api/runs").1);
    let counts = |listed: &Value| {
        ["cells", "complete", "failed", "missing"].map(|name| listed["sweep"][name].as_u64())
    };
    assert_eq!(counts(&listed), [Some(6), Some(2), Some(1), Some(3)]);
    let names: Vec<&str> =
        listed["runs"].as_array().unwrap().iter().filter_map(|run| run["name"].as_str()).collect();
    assert!(names.iter().any(|name| name.starts_with("train_fraction 0.5, seed ")), "{names:?}");
    let (status, body) = served.get("/api/sweep");
    let first = json(&body);
    assert_eq!((status, &first["content"]["title"]), (200, &"small: 2 of 6 cells".into()));
    assert!(body.contains("train_fraction 0.8"), "the groups");
    let mut lines =
        BufReader::new(served.connected("GET /api/events?sweep HTTP/1.1\r\nHost: localhost\r\n\r\n")).lines();
    let version = event(&mut lines);
    assert_eq!(version, ("version".into(), first["version"].to_string()));
    let outcome = compute("1/1");
    assert_eq!((outcome.complete, outcome.failed.len()), (4, 2));
    let later = event(&mut lines);
    assert!(later.0 == "version" && later.1 != version.1, "{later:?}");
    let listed = json(&served.get("/api/runs").1);
    assert_eq!(counts(&listed), [Some(6), Some(4), Some(2), Some(0)]);
    let failure = &listed["sweep"]["failures"][0];
    assert!(
        failure[0] == "train_fraction 0.00001, seed 0"
            && failure[1].as_str().unwrap().contains("train_fraction = 0.00001"),
        "{failure}"
    );
    // The page that is made anew has all of them; a little later, if it was made just now.
    let mut title = Value::Null;
    for _ in 0..50 {
        title = json(&served.get("/api/sweep").1)["content"]["title"].clone();
        if title == "small: 4 of 6 cells" {
            break;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    assert_eq!(title, "small: 4 of 6 cells");
}

#[test]
fn of_a_sweep_of_pools_the_cells_are_shown_and_it_is_said_why_there_is_no_comparison() {
    use infoplane::sweep::{Store, Sweep, SweepOptions};

    let folder = tempfile::tempdir().unwrap();
    let text = "base = 'tishby2017'\nseeds = 2\n[set]\n'training.epochs' = 6\n\
                [as-if-random]\npool = { over = 'epochs', window = 4 }\ninputs = 64";
    let sweep = Sweep::from_toml("sweep", text, "".as_ref()).unwrap();
    let store = Store::open(folder.path()).unwrap();
    sweep.run(&store, &SweepOptions::default(), &(), &AtomicBool::new(false)).unwrap();
    let served = Served::of(folder.path(), Access::Loopback);
    let listed = json(&served.get("/api/runs").1);
    let of_sweep = |name: &str| listed["sweep"][name].clone();
    assert_eq!((of_sweep("cells"), of_sweep("complete")), (2.into(), 2.into()));
    assert_eq!(of_sweep("compared"), false);
    let why = of_sweep("note");
    assert!(why.as_str().unwrap().contains("pools of networks, which have no planes over epochs"), "{why}");
    let cells = listed["runs"].as_array().unwrap();
    assert_eq!((cells.len(), &cells[1]["name"], &cells[1]["id"]), (2, &"seed 1".into(), &"".into()));
    let (status, body) = served.get("/api/sweep");
    assert_eq!((status, &json(&body)["error"]), (404, &why));
}

#[test]
fn a_sweep_that_grows_is_shown_with_all_its_cells_and_a_damaged_one_with_what_to_do() {
    use infoplane::sweep::{Store, Sweep};

    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let served = Served::of(folder.path(), Access::Loopback);
    let sweep_of = || json(&served.get("/api/runs").1)["sweep"].clone();
    for seeds in [2, 3] {
        let text = format!("base = 'tishby2017'\nseeds = {seeds}");
        Sweep::from_toml("sweep", &text, "".as_ref()).unwrap().list().settle(&store).unwrap();
        assert_eq!(sweep_of()["cells"], seeds);
    }
    // Whoever has read the list goes on with it; one that begins is told.
    std::fs::remove_dir_all(folder.path().join("cells")).unwrap();
    assert_eq!(sweep_of()["cells"], 3);
    let served = Served::of(folder.path(), Access::Loopback);
    let note = json(&served.get("/api/runs").1)["sweep"]["note"].clone();
    assert!(
        note.as_str().is_some_and(|note| note.contains("is damaged") && note.contains("sweep run FILE")),
        "{note}"
    );
    let (status, body) = served.get("/api/sweep");
    assert!(status == 404 && body.contains("is damaged"), "{body}");
    // The file of a sweep makes no store of the folder that it lies in.
    let other = tempfile::tempdir().unwrap();
    std::fs::write(other.path().join("sweep.toml"), "base = 'tishby2017'").unwrap();
    run(&other.path().join("one"), "one", 2);
    let served = Served::of(other.path(), Access::Loopback);
    let listed = json(&served.get("/api/runs").1);
    assert_eq!((&listed["sweep"], &listed["runs"][0]["id"]), (&Value::Null, &"one".into()));
}
