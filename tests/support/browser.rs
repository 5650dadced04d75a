//! A browser without a memory: one request, no redirection followed.

/// What a browser was given.
#[derive(Debug)]
pub struct Page {
    /// HTTP status.
    pub status: u16,
    /// Where it is sent; empty for nowhere.
    pub location: String,
    /// Cookies that were set, with their attributes.
    pub cookies: Vec<String>,
    /// Why it was refused; empty if it was not.
    pub reason: String,
}

/// Opens an address with a cookie; a form is posted.
#[track_caller]
pub fn visit(address: &str, cookie: &str, form: Option<&str>) -> Page {
    let agent: ureq::Agent =
        ureq::Agent::config_builder().http_status_as_error(false).max_redirects(0).proxy(None).build().into();
    let accept = "text/html,application/xhtml+xml,*/*;q=0.8";
    let answer = match form {
        Some(form) => agent
            .post(address)
            .header("Accept", accept)
            .header("Content-Type", "application/x-www-form-urlencoded")
            .header("Cookie", cookie)
            .send(form),
        None => agent.get(address).header("Accept", accept).header("Cookie", cookie).call(),
    };
    let answer = answer.unwrap_or_else(|error| panic!("{address}: {error}"));
    let text =
        |name: &str| answer.headers().get(name).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default();
    let cookies = answer.headers().get_all("set-cookie").iter().map(|value| value.to_str().unwrap().to_owned());
    Page {
        status: answer.status().as_u16(),
        location: text("location"),
        cookies: cookies.collect(),
        reason: text("x-semaphore-error"),
    }
}
