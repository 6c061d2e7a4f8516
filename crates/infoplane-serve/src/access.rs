//! Who is answered, and what a browser may do with an answer.

use std::net::SocketAddr;

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

/// Who may look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Access {
    /// Programs of this machine.
    Loopback,
    /// Whoever knows this word, from anywhere.
    Token(String),
}

/// What is needed to decide on a request.
#[derive(Debug, Clone)]
pub(crate) struct Guard {
    pub access: Access,
    pub address: SocketAddr,
}

/// Nothing but the scripts, the style and the values of this server; no frame around it.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
                      img-src data: blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

impl Guard {
    /// Why a request is refused, or nothing.
    fn refusal(&self, request: &Request) -> Option<(StatusCode, &'static str)> {
        if request.method() != Method::GET && request.method() != Method::HEAD {
            return Some((StatusCode::METHOD_NOT_ALLOWED, "this server is read-only"));
        }
        let headers = request.headers();
        let host = text(headers, header::HOST);
        // A name of another site that was made to mean this machine.
        if self.access == Access::Loopback && !host.is_some_and(|host| self.is_own(host)) {
            return Some((StatusCode::FORBIDDEN, "this address is not one of this server"));
        }
        let foreign = text(headers, header::ORIGIN)
            .is_some_and(|origin| host.is_none_or(|host| origin != format!("http://{host}")));
        if foreign
            || text(headers, "sec-fetch-site")
                .is_some_and(|site| site == "cross-site" && !is_navigation(headers))
        {
            return Some((StatusCode::FORBIDDEN, "pages of other sites are not answered"));
        }
        None
    }

    /// Whether a host is a name of this machine; with any port, for ports are forwarded. What a name of another site is made to mean is
    /// not one of them.
    fn is_own(&self, host: &str) -> bool {
        let is_port = |port: &str| port.bytes().all(|byte| byte.is_ascii_digit());
        let name = match host.rsplit_once(':') {
            Some((name, port)) if is_port(port) && !name.is_empty() => name,
            _ => host,
        };
        let names = ["127.0.0.1", "localhost", "[::1]"];
        names.iter().any(|own| name.eq_ignore_ascii_case(own)) || host == self.address.to_string()
    }

    /// The name of the cookie that holds the token: of one machine, all ports share their cookies.
    fn cookie(&self) -> String {
        format!("infoplane-{}", self.address.port())
    }

    /// Whether a request may see anything.
    fn is_known(&self, headers: &HeaderMap) -> bool {
        let Access::Token(token) = &self.access else { return true };
        let cookies = text(headers, header::COOKIE).unwrap_or_default();
        let found = cookies.split(';').filter_map(|cookie| cookie.trim().split_once('='));
        let own = self.cookie();
        found.into_iter().any(|(name, value)| name == own && same(value, token))
    }
}

/// Whether a person opened the address: following a link of another site is no harm where everything is only read.
fn is_navigation(headers: &HeaderMap) -> bool {
    text(headers, "sec-fetch-mode").is_some_and(|mode| mode == "navigate")
}

fn text(headers: &HeaderMap, name: impl axum::http::header::AsHeaderName) -> Option<&str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// Compares in a time that does not tell how much of the word is right.
fn same(given: &str, token: &str) -> bool {
    let (given, token) = (given.as_bytes(), token.as_bytes());
    given.len() == token.len() && given.iter().zip(token).fold(0, |sum, (a, b)| sum | (a ^ b)) == 0
}

/// Refuses what is not to be answered, and tells browsers what they may do with the rest.
pub(crate) async fn guard(guard: Guard, request: Request, next: Next) -> Response {
    let mut response = match guard.refusal(&request) {
        Some(refusal) => refusal.into_response(),
        None => admitted(&guard, request, next).await,
    };
    let headers = response.headers_mut();
    let fixed: [(HeaderName, &'static str); 6] = [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    ];
    for (name, value) in fixed {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

async fn admitted(guard: &Guard, request: Request, next: Next) -> Response {
    if guard.is_known(request.headers()) {
        return next.run(request).await;
    }
    let Access::Token(token) = &guard.access else { return next.run(request).await };
    let query = request.uri().query().unwrap_or_default();
    let given = query.split('&').find_map(|part| part.strip_prefix("token="));
    if !given.is_some_and(|given| same(given, token)) {
        return (StatusCode::UNAUTHORIZED, "open the address with its token, as the command printed it")
            .into_response();
    }
    // From here on a cookie says it, and the address can be shown.
    let cookie = format!("{}={token}; HttpOnly; SameSite=Strict; Path=/", guard.cookie());
    let others: Vec<&str> =
        query.split('&').filter(|part| !part.is_empty() && !part.starts_with("token=")).collect();
    let question = if others.is_empty() { "" } else { "?" };
    // Two slashes at its beginning would lead to another site.
    let place = format!("/{}{question}{}", request.uri().path().trim_start_matches('/'), others.join("&"));
    let mut response = (StatusCode::SEE_OTHER, [(header::LOCATION, place)]).into_response();
    if let Ok(cookie) = HeaderValue::from_str(&cookie) {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    response
}
