//! A server for tests that plays a script of answers and remembers what it was asked.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use reqwest::Url;
use secrecy::SecretString;

use crate::config::{StripeConfig, StripeMode};

/// What the server does with one request.
#[derive(Debug, Clone)]
pub(crate) enum Reply {
    /// Answers with a status, extra header lines and a body.
    Answer(u16, &'static [&'static str], String),
    /// Closes the connection instead of answering.
    Cut,
    /// Promises a longer body than it sends, and closes.
    CutBody,
    /// Never answers.
    Silence,
}

impl Reply {
    pub(crate) fn ok(body: &str) -> Self {
        Self::Answer(200, &[], body.to_owned())
    }

    pub(crate) fn error(status: u16, error: &str) -> Self {
        Self::Answer(
            status,
            &["Request-Id: req_stub"],
            format!("{{\"error\":{error}}}"),
        )
    }
}

/// What the server was asked.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    /// Which connection it came on.
    pub(crate) connection: usize,
    /// Method and target.
    pub(crate) line: String,
    /// The form as it came.
    pub(crate) body: String,
    headers: Vec<(String, String)>,
}

impl Seen {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    /// The form's pairs, decoded, `key=value`, in the order of their keys.
    pub(crate) fn form(&self) -> Vec<String> {
        pairs(&self.body)
    }

    /// The same of the query.
    pub(crate) fn query(&self) -> Vec<String> {
        let target = self.line.split(' ').nth(1).unwrap_or_default();
        pairs(target.split_once('?').map_or("", |(_, query)| query))
    }
}

fn pairs(encoded: &str) -> Vec<String> {
    let url = Url::parse(&format!("http://stub/?{encoded}")).unwrap();
    let mut pairs: Vec<String> = url
        .query_pairs()
        .map(|(key, value)| format!("{key}={value}"))
        .collect();
    pairs.sort();
    pairs
}

/// The server; it lives as long as the test's process.
pub(crate) struct StubStripe {
    base: String,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl StubStripe {
    /// Plays the replies in order, over all connections.
    pub(crate) fn playing(script: impl IntoIterator<Item = Reply>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let script = Arc::new(Mutex::new(
            script.into_iter().collect::<Vec<_>>().into_iter(),
        ));
        let seen = Arc::new(Mutex::new(Vec::new()));
        let remembered = Arc::clone(&seen);
        thread::spawn(move || {
            for (connection, stream) in listener.incoming().enumerate() {
                let (script, seen) = (Arc::clone(&script), Arc::clone(&seen));
                thread::spawn(move || {
                    let mut stream = stream.unwrap();
                    while let Some(request) = read_request(&mut stream, connection) {
                        seen.lock().unwrap().push(request);
                        let reply = script.lock().unwrap().next();
                        if !play(&mut stream, reply) {
                            break;
                        }
                    }
                });
            }
        });
        Self {
            base,
            seen: remembered,
        }
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    /// A configuration that reaches the server and does not pause long.
    pub(crate) fn config(&self) -> StripeConfig {
        let key = SecretString::from("sk_test_stub".to_owned());
        StripeConfig {
            api_base: self.base.clone(),
            backoff_base: Duration::from_millis(1),
            ..StripeConfig::new(StripeMode::Test, Some(key))
        }
    }
}

/// Answers; `false` once the connection is done.
fn play(stream: &mut TcpStream, reply: Option<Reply>) -> bool {
    let end = Reply::Answer(418, &[], "the script is over".to_owned());
    match reply.unwrap_or(end) {
        Reply::Answer(status, headers, body) => {
            let extra: String = headers.iter().flat_map(|line| [*line, "\r\n"]).collect();
            let length = body.len();
            let text =
                format!("HTTP/1.1 {status} Stub\r\nContent-Length: {length}\r\n{extra}\r\n{body}");
            stream.write_all(text.as_bytes()).is_ok()
        }
        Reply::Cut => {
            let _ = stream.shutdown(Shutdown::Both);
            false
        }
        Reply::CutBody => {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{\"id\":");
            let _ = stream.shutdown(Shutdown::Both);
            false
        }
        Reply::Silence => {
            // Until the client has had enough.
            let _ = stream.read(&mut [0]);
            false
        }
    }
}

fn read_request(stream: &mut TcpStream, connection: usize) -> Option<Seen> {
    let mut bytes = Vec::new();
    let head_end = loop {
        if let Some(at) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break at;
        }
        read_more(stream, &mut bytes)?;
    };
    let head = String::from_utf8(bytes[..head_end].to_vec()).unwrap();
    let mut lines = head.split("\r\n");
    let line = lines.next()?.to_owned();
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let length: usize = length.map_or(0, |(_, value)| value.parse().unwrap());
    while bytes.len() < head_end + 4 + length {
        read_more(stream, &mut bytes)?;
    }
    Some(Seen {
        connection,
        line,
        headers,
        body: String::from_utf8(bytes[head_end + 4..].to_vec()).unwrap(),
    })
}

fn read_more(stream: &mut TcpStream, bytes: &mut Vec<u8>) -> Option<()> {
    let mut chunk = [0; 4096];
    let count = stream.read(&mut chunk).ok().filter(|count| *count > 0)?;
    bytes.extend_from_slice(&chunk[..count]);
    Some(())
}
