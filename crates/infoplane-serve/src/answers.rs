//! What is answered at which address.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{RawQuery, Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::{Next, from_fn};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use futures_util::Stream;
use serde_json::json;

use crate::access::{Access, Guard, guard};
use crate::followed::Followed;

/// How often a run that somebody looks at is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// So many runs can be beside each other.
const MOST_COMPARED: usize = 32;

type Runs = Arc<Followed>;

pub(crate) fn routes(runs: Runs, access: Access, address: SocketAddr) -> Router {
    let guarded = Guard { access, address };
    Router::new()
        .route("/", get(|| async { shell("Runs", "/list.js") }))
        .route("/run", get(|| async { shell("Run", "/live.js") }))
        .route("/compare", get(|| async { shell("Comparison", "/live.js") }))
        .route("/sweep", get(|| async { shell("Sweep", "/live.js") }))
        .route("/page.js", get(|| async { script(infoplane::page::script()) }))
        .route("/list.js", get(|| async { script(include_str!("web/list.js").into()) }))
        .route("/live.js", get(|| async { script(include_str!("web/live.js").into()) }))
        .route("/page.css", get(style))
        .route("/api/runs", get(list))
        .route("/api/run", get(run))
        .route("/api/compare", get(compare))
        .route("/api/sweep", get(sweep))
        .route("/api/events", get(events))
        .fallback(|| async { (StatusCode::NOT_FOUND, "there is nothing at this address") })
        .with_state(runs)
        .layer(from_fn(move |request: Request, next: Next| guard(guarded.clone(), request, next)))
}

/// A page that is all script.
fn shell(title: &str, module: &str) -> Response {
    let html = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{title} – infoplane</title>\n<link rel=\"stylesheet\" href=\"/page.css\">\n</head>\n<body>\n\
         <div id=\"page\"></div>\n<script type=\"module\" src=\"{module}\"></script>\n</body>\n</html>\n"
    );
    ([(header::CONTENT_TYPE, "text/html; charset=utf-8")], html).into_response()
}

fn script(text: String) -> Response {
    ([(header::CONTENT_TYPE, "text/javascript; charset=utf-8")], text).into_response()
}

async fn style() -> Response {
    let text = format!("body {{ margin: 0; }}\n{}{}", infoplane::page::style(), include_str!("web/list.css"));
    ([(header::CONTENT_TYPE, "text/css; charset=utf-8")], text).into_response()
}

fn values(json: impl Into<axum::body::Body>) -> Response {
    let body: axum::body::Body = json.into();
    ([(header::CONTENT_TYPE, "application/json")], body).into_response()
}

fn failure(status: StatusCode, message: &str) -> Response {
    let mut response = values(json!({ "error": message }).to_string());
    *response.status_mut() = status;
    response
}

/// Does work that waits for a disk, where it keeps no other answer waiting.
async fn apart<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Box<Response>> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|_| Box::new(failure(StatusCode::INTERNAL_SERVER_ERROR, "the run could not be read")))
}

async fn list(State(runs): State<Runs>) -> Response {
    match apart(move || (runs.list(), runs.sweep.status())).await {
        Ok((found, sweep)) => values(json!({ "runs": found, "sweep": sweep }).to_string()),
        Err(response) => *response,
    }
}

async fn run(State(runs): State<Runs>, RawQuery(query): RawQuery) -> Response {
    let Some(id) = named("id", query.as_deref()).pop() else {
        return failure(StatusCode::BAD_REQUEST, "name a run, as in /api/run?id=tanh");
    };
    match apart(move || runs.page(&id)).await {
        Ok(Ok((version, page))) => {
            let text = format!("{{\"version\":{version},\"content\":{page}}}");
            values(text)
        }
        Ok(Err(error)) => failure(StatusCode::NOT_FOUND, &error),
        Err(response) => *response,
    }
}

async fn sweep(State(runs): State<Runs>) -> Response {
    match apart(move || runs.sweep.page()).await {
        Ok(Ok((version, page))) => values(format!("{{\"version\":{version},\"content\":{page}}}")),
        Ok(Err(error)) => failure(StatusCode::NOT_FOUND, &error),
        Err(response) => *response,
    }
}

async fn compare(State(runs): State<Runs>, RawQuery(query): RawQuery) -> Response {
    let (mut ids, keys) = (named("id", query.as_deref()), named("by", query.as_deref()));
    let mut seen = std::collections::HashSet::new();
    ids.retain(|id| seen.insert(id.clone()));
    if ids.len() < 2 || ids.len() > MOST_COMPARED {
        let told = format!("2 to {MOST_COMPARED} runs can be compared; {} are named", ids.len());
        return failure(StatusCode::BAD_REQUEST, &told);
    }
    match apart(move || runs.comparison(&ids, &keys)).await {
        Ok(Ok(page)) => values(format!("{{\"version\":0,\"content\":{page}}}")),
        Ok(Err(error)) => failure(StatusCode::UNPROCESSABLE_ENTITY, &error),
        Err(response) => *response,
    }
}

/// What somebody looks at.
#[derive(Debug, Clone)]
enum Watched {
    Run(String),
    Sweep,
}

impl Watched {
    fn version(&self, runs: &Followed) -> Result<u64, String> {
        match self {
            Watched::Run(id) => runs.version(id),
            Watched::Sweep => runs.sweep.version(),
        }
    }
}

/// Tells the version of a run, or of the comparison of the sweep, at once, and again whenever it is another one.
async fn events(State(runs): State<Runs>, RawQuery(query): RawQuery) -> Response {
    let watched = match named("id", query.as_deref()).pop() {
        Some(id) => Watched::Run(id),
        None if query.as_deref() == Some("sweep") => Watched::Sweep,
        None => return failure(StatusCode::BAD_REQUEST, "name a run, as in /api/events?id=tanh"),
    };
    Sse::new(versions(runs, watched))
        .keep_alive(KeepAlive::new().interval(Duration::from_secs(10)))
        .into_response()
}

fn versions(runs: Runs, watched: Watched) -> impl Stream<Item = Result<Event, Infallible>> {
    let start = (runs, watched, None::<Result<u64, String>>);
    futures_util::stream::unfold(start, |(runs, watched, told)| async move {
        loop {
            let (of, seen) = (Arc::clone(&runs), watched.clone());
            let now = apart(move || seen.version(&of)).await.unwrap_or_else(|_| Err("cannot be read".into()));
            if told.as_ref() != Some(&now) {
                let event = match &now {
                    Ok(version) => Event::default().event("version").data(version.to_string()),
                    Err(error) => Event::default().event("gone").data(error.replace(['\r', '\n'], " ")),
                };
                return Some((Ok(event), (runs, watched, Some(now))));
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    })
}

/// The values of a name in the part of an address after the question mark.
fn named(name: &str, query: Option<&str>) -> Vec<String> {
    let parts = query.unwrap_or_default().split('&').filter_map(|part| part.split_once('='));
    parts.filter(|(of, _)| *of == name).filter_map(|(_, value)| decoded(value)).collect()
}

/// Text as it was before it was made part of an address.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let digit = |byte: u8| char::from(byte).to_digit(16);
                let (high, low) = (digit(rest.next()?)?, digit(rest.next()?)?);
                u8::try_from(16 * high + low).ok()?
            }
            byte => byte,
        });
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_as_they_were_before_the_address() {
        assert_eq!(named("id", Some("id=a%2Fb+c&x=1&id=%C3%A4&ids=b&id")), ["a/b c", "ä"]);
        assert_eq!(named("id", Some("id=%&id=%4&id=%zz&id=%ff")), Vec::<String>::new());
        assert_eq!(named("id", None), Vec::<String>::new());
    }
}
