//! Logging in and out.
//!
//! In: the admin token from a form. Out: a session's cookie. Source: OWASP, "Authentication" and "Cross-Site Request
//! Forgery". Odd: the log-in form has no session yet, so it repeats the value of a cookie that came with it; every POST
//! must also come from a page of ours, as `Origin` or `Sec-Fetch-Site` say.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use axum::{
    Form,
    extract::{ConnectInfo, FromRequestParts, Query, Request, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, header, request::Parts},
    middleware::Next,
    response::{AppendHeaders, IntoResponse, Redirect, Response},
};
use maud::{Markup, html};
use serde::Deserialize;

use super::{
    load::Load,
    page, picture,
    refusal::Refusal,
    session::{Cookies, Session, cookie, random_text, same},
};
use crate::context::{Context, Refused};

/// Where to go after the log-in.
#[derive(Deserialize, Default)]
pub(super) struct Destination {
    #[serde(default)]
    next: String,
}

/// The log-in form.
#[derive(Deserialize)]
pub(super) struct LogIn {
    #[serde(default)]
    login: String,
    #[serde(default)]
    token: String,
    #[serde(default)]
    next: String,
}

/// A form that carries nothing but its session's token.
#[derive(Deserialize)]
pub(super) struct Confirmed {
    #[serde(default)]
    csrf: String,
}

impl Confirmed {
    /// Whether the form was made for this session.
    pub(super) fn check(&self, session: &Session) -> Result<(), Refusal> {
        same_session(&self.csrf, session)
    }
}

/// Whether a form with this token was made for this session.
pub(super) fn same_session(csrf: &str, session: &Session) -> Result<(), Refusal> {
    if same(csrf, &session.csrf) {
        return Ok(());
    }
    let words = "This form is not of your session. Go back, load the page again and repeat.";
    Err(Refusal::Refused(StatusCode::FORBIDDEN, words))
}

/// The address that a request came from.
pub(super) struct Client(IpAddr);

impl<S: Sync> FromRequestParts<S> for Client {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        let info = parts.extensions.get::<ConnectInfo<SocketAddr>>();
        Ok(Self(info.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |info| info.0.ip())))
    }
}

/// `GET /console/login`
pub(super) async fn get(
    State(context): State<Context>,
    Query(query): Query<Destination>,
) -> Result<Response, Refusal> {
    form(&context, &query.next, StatusCode::OK, None)
}

/// `POST /console/login`
pub(super) async fn post(
    State(context): State<Context>,
    Client(from): Client,
    headers: HeaderMap,
    Form(given): Form<LogIn>,
) -> Result<Response, Refusal> {
    let cookies = Cookies { secure: context.secure };
    if !same(cookie(&headers, cookies.login()).unwrap_or_default(), &given.login) {
        let words = "The form was too old. Please try again.";
        return form(&context, &given.next, StatusCode::FORBIDDEN, Some(words));
    }
    match context.admit(given.token.trim(), from).await {
        Ok(()) => {}
        Err(Refused::Wrong) => {
            tracing::warn!(client.address = %from, "console log-in refused");
            let words = "That is not the admin token.";
            return form(&context, &given.next, StatusCode::FORBIDDEN, Some(words));
        }
        Err(Refused::TooMany { retry_after }) => {
            let words = "Too many wrong tokens came from your address. Wait a minute.";
            let mut answer =
                form(&context, &given.next, StatusCode::TOO_MANY_REQUESTS, Some(words))?;
            answer.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(retry_after));
            return Ok(answer);
        }
        Err(Refused::Store(error)) => return Err(error.into()),
    }
    let id = context.store.create_session(context.clock.now()).await?;
    let set = AppendHeaders([
        (header::SET_COOKIE, cookies.set(cookies.session(), id.reveal())),
        (header::SET_COOKIE, cookies.clear(cookies.login())),
    ]);
    Ok((set, Redirect::to(inside(&given.next))).into_response())
}

/// `POST /console/logout`
pub(super) async fn log_out(
    State(context): State<Context>,
    session: axum::Extension<Session>,
    headers: HeaderMap,
    Form(given): Form<Confirmed>,
) -> Result<Response, Refusal> {
    given.check(&session)?;
    let cookies = Cookies { secure: context.secure };
    if let Some(id) = cookie(&headers, cookies.session()) {
        context.store.remove_session(id).await?;
    }
    let set = [(header::SET_COOKIE, cookies.clear(cookies.session()))];
    Ok((set, Redirect::to("/console/login")).into_response())
}

/// Lets through who is logged in, and sends everybody else to the form.
pub(super) async fn require(
    State(context): State<Context>,
    mut request: Request,
    next: Next,
) -> Result<Response, Refusal> {
    let cookies = Cookies { secure: context.secure };
    if let Some(id) = cookie(request.headers(), cookies.session())
        && context.store.session(id, context.clock.now()).await?.is_some()
    {
        let session = Session::of(id);
        request.extensions_mut().insert(session);
        return Ok(next.run(request).await);
    }
    if request.method() != Method::GET {
        let words = "Your session has ended. Log in and repeat.";
        return Err(Refusal::Refused(StatusCode::FORBIDDEN, words));
    }
    let wanted = request.uri().path_and_query().map_or("", |both| both.as_str());
    let query =
        form_urlencoded::Serializer::new(String::new()).append_pair("next", wanted).finish();
    Ok(Redirect::to(&format!("/console/login?{query}")).into_response())
}

/// Refuses a POST that another site's page caused.
pub(super) async fn refuse_foreign_posts(
    request: Request,
    next: Next,
) -> Result<Response, Refusal> {
    if matches!(*request.method(), Method::GET | Method::HEAD) || is_own(request.headers()) {
        return Ok(next.run(request).await);
    }
    Err(Refusal::Refused(StatusCode::FORBIDDEN, "This form was not sent by a page of this server."))
}

/// Browsers say where a POST comes from; programs that say nothing hold no cookie of ours by accident.
fn is_own(headers: &HeaderMap) -> bool {
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    if let Some(site) = text("sec-fetch-site") {
        return matches!(site, "same-origin" | "none");
    }
    match (text("origin"), text("host")) {
        (None, _) => true,
        (Some(origin), Some(host)) => {
            let authority =
                origin.strip_prefix("https://").or_else(|| origin.strip_prefix("http://"));
            authority == Some(host)
        }
        (Some(_), None) => false,
    }
}

/// Only a page of the console; anything else becomes the risk list.
fn inside(next: &str) -> &str {
    let plain = |c: char| c.is_ascii_graphic() && c != '\\';
    if next.starts_with("/console/") && next.chars().all(plain) { next } else { "/console/images" }
}

fn form(
    context: &Context,
    next: &str,
    status: StatusCode,
    problem: Option<&str>,
) -> Result<Response, Refusal> {
    let login = random_text()
        .ok_or_else(|| Refusal::Inside("the system gives no random numbers".to_owned()))?;
    let cookies = Cookies { secure: context.secure };
    let set = [(header::SET_COOKIE, cookies.set(cookies.login(), &login))];
    let page = page::document("Log in", &form_body(&login, inside(next), problem));
    Ok((status, set, page).into_response())
}

fn form_body(login: &str, next: &str, problem: Option<&str>) -> Markup {
    html! {
        main class="entrance" id="content" {
            div class="card" {
                p class="brand" { (picture::mark(Load::At, None)) "Plimsoll" }
                h1 { "Log in" }
                p class="muted" { "Which container images are loaded too deep, why, and what to do." }
                @if let Some(problem) = problem { p class="error" role="alert" { (problem) } }
                form method="post" action="/console/login" {
                    input type="hidden" name="login" value=(login);
                    input type="hidden" name="next" value=(next);
                    // Password managers want to know whose password it is.
                    input type="text" name="username" value="admin" autocomplete="username" hidden;
                    label for="token" { "Admin token" }
                    input id="token" name="token" type="password" autocomplete="current-password"
                        required autofocus aria-describedby="token-help";
                    p id="token-help" class="muted small" {
                        "The server wrote it to the file " code { "admin-token" } " in its data folder."
                    }
                    button class="button" type="submit" { "Log in" }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_post_of_another_site_is_told_by_its_headers() {
        let own = |pairs: &[(&'static str, &'static str)]| {
            let mut headers = HeaderMap::new();
            for (name, value) in pairs {
                headers.insert(*name, value.parse().unwrap());
            }
            is_own(&headers)
        };
        assert!(own(&[("host", "a:1"), ("origin", "http://a:1")]));
        assert!(own(&[("sec-fetch-site", "same-origin")]));
        assert!(own(&[("host", "a:1")]));
        assert!(!own(&[("host", "a:1"), ("origin", "http://a:2")]));
        assert!(!own(&[("host", "a:1"), ("origin", "null")]));
        assert!(!own(&[
            ("host", "a:1"),
            ("origin", "http://a:1"),
            ("sec-fetch-site", "cross-site")
        ]));
        assert!(!own(&[("sec-fetch-site", "same-site")]));
    }

    #[test]
    fn after_the_log_in_only_a_page_of_the_console_follows() {
        assert_eq!(inside("/console/ranking?x=1"), "/console/ranking?x=1");
        for elsewhere in [
            "https://evil.example/",
            "//evil.example",
            "/other",
            "/console/\\x",
            "",
            "/console/a\n",
        ] {
            assert_eq!(inside(elsewhere), "/console/images", "{elsewhere:?}");
        }
    }
}
