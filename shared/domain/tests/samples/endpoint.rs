//! An endpoint on loopback that answers one request and keeps it.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread::JoinHandle;

/// One request as it came.
#[derive(Debug)]
pub(crate) struct Received {
    pub(crate) request_line: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

/// Answers one request.
pub(crate) struct Endpoint {
    address: SocketAddr,
    url: String,
    answering: JoinHandle<Option<Received>>,
}

impl Endpoint {
    /// Listens on a free port, to answer with this status.
    pub(crate) fn start(status: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("its address");
        let answering = std::thread::spawn(move || answer(listener.accept().ok()?.0, status));
        Self { address, url: format!("http://{address}/v1/webhooks/acme"), answering }
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// The request, once whoever should have sent it has ended; nothing when there was none.
    pub(crate) fn received(self) -> Option<Received> {
        // Ends the wait for a request that never came; after one, nobody listens any more.
        drop(TcpStream::connect(self.address));
        self.answering.join().expect("no panic")
    }
}

fn answer(stream: TcpStream, status: u16) -> Option<Received> {
    let mut reader = BufReader::new(stream);
    let mut line = || {
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|bytes| *bytes > 0)?;
        Some(line.trim_end_matches(['\r', '\n']).to_owned())
    };
    let request_line = line()?;
    let mut headers = Vec::new();
    while let Some((name, value)) = line()?.split_once(':') {
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let length = headers.iter().find(|(name, _)| name == "content-length")?.1.parse().ok()?;
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let said = if status == 401 { "the delivery is not authentic" } else { "" };
    let head =
        format!("HTTP/1.1 {status} Answer\r\ncontent-type: text/plain\r\ncontent-length: {}\r\n", said.len());
    reader.get_mut().write_all(format!("{head}connection: close\r\n\r\n{said}").as_bytes()).ok()?;
    Some(Received { request_line, headers, body })
}
