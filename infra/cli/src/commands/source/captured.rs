//! A captured request in a file: its head as HTTP/1.1 writes it, an empty line, and the body byte for byte.

use crate::error::CliError;
use countersign_app::ingest::Request;
use countersign_domain::signature::Headers;
use std::net::IpAddr;
use std::path::Path;

/// Most headers that are read.
const HEADERS_MAX: usize = 100;

/// Reads a captured request. Lines of the head may end in LF alone, as an editor leaves them; where `content-length` says
/// that the body is shorter, the file's last line end is not the body's.
///
/// # Errors
/// [`CliError`] names the file and what is wrong with its head.
pub(super) fn read(
    path: &Path,
    has_secret_path: bool,
    source_ip: Option<IpAddr>,
) -> Result<Request, CliError> {
    let bytes =
        std::fs::read(path).map_err(|error| CliError::file("read the captured request in", path, error))?;
    parse(&bytes, has_secret_path, source_ip).map_err(|why| {
        CliError::Usage(format!(
            "{}: {why}; a captured request is a line such as `POST /v1/webhooks/acme HTTP/1.1`, a line for each header, an \
             empty line, and the body",
            path.display()
        ))
    })
}

/// A captured request, from its bytes.
///
/// # Errors
/// What is wrong with its head.
pub(super) fn parse(
    bytes: &[u8],
    has_secret_path: bool,
    source_ip: Option<IpAddr>,
) -> Result<Request, String> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut head = httparse::Request::new(&mut headers);
    let length = match head.parse(bytes).map_err(|error| format!("its head cannot be read: {error}"))? {
        httparse::Status::Complete(length) => length,
        httparse::Status::Partial => return Err("no empty line ends its head".to_owned()),
    };
    let target = head.path.unwrap_or_default();
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let mut pairs = Vec::new();
    for header in head.headers.iter() {
        let value = std::str::from_utf8(header.value)
            .map_err(|_| format!("the header {} is no text", header.name))?;
        pairs.push((header.name, value));
    }
    let headers = Headers::new(pairs);
    let body = body(bytes.get(length..).unwrap_or_default(), &headers);
    let path_token = has_secret_path.then(|| path.rsplit('/').next().unwrap_or_default().to_owned());
    Ok(Request {
        method: head.method.unwrap_or_default().to_owned(),
        source: String::new(),
        path_token,
        source_ip,
        query: query.to_owned(),
        headers,
        body: body.to_vec(),
    })
}

fn body<'b>(rest: &'b [u8], headers: &Headers) -> &'b [u8] {
    let length = headers.one("content-length").ok().flatten();
    let said =
        length.and_then(|text| text.trim().parse().ok()).and_then(|length| rest.split_at_checked(length));
    match said {
        Some((body, behind)) if behind.iter().all(|byte| b"\r\n".contains(byte)) => body,
        _ => rest,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Result<(&str, &str), &str>) {
        let read = parse(text.as_bytes(), true, None);
        let found = read.map(|request| {
            let body = String::from_utf8(request.body).expect("a text");
            (format!("{} {} {}", request.method, request.path_token.expect("a token"), request.query), body)
        });
        let expected = expected.map(|(line, body)| (line.to_owned(), body.to_owned())).map_err(str::to_owned);
        assert_eq!(found, expected, "{text:?}");
    }

    #[test]
    fn a_head_and_a_body() {
        check("POST /hooks/a/t?x=1 HTTP/1.1\r\nA: b\r\n\r\n{}\r\n", Ok(("POST t x=1", "{}\r\n")));
        check("POST /hooks/a/t HTTP/1.1\nA: b\n\n{}", Ok(("POST t ", "{}")));
        check("POST / HTTP/1.1\nContent-Length: 2\n\n{}\n", Ok(("POST  ", "{}")));
        check("POST / HTTP/1.1\nContent-Length: 2\n\n{} {}\n", Ok(("POST  ", "{} {}\n")));
        check("POST / HTTP/1.1\nContent-Length: 9\n\n{}\n", Ok(("POST  ", "{}\n")));
        check("{}", Err("its head cannot be read: invalid token"));
        check("POST / HTTP/1.1\nA: b", Err("no empty line ends its head"));
    }
}
