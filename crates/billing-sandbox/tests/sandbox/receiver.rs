//! A webhook receiver that answers what it is told, and keeps what it got.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

#[derive(Debug, Clone)]
pub(crate) struct Received {
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Received {
    pub(crate) fn header(&self, name: &str) -> String {
        self.head
            .lines()
            .filter_map(|line| line.split_once(": "))
            .find(|(n, _)| n.eq_ignore_ascii_case(name))
            .map_or(String::new(), |(_, value)| value.to_owned())
    }
}

pub(crate) struct Receiver {
    pub(crate) url: String,
    statuses: Arc<Mutex<Vec<u16>>>,
    received: Arc<Mutex<Vec<Received>>>,
}

impl Receiver {
    /// Answers these statuses in turn, then 200 for ever.
    pub(crate) async fn answering(statuses: &[u16]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let statuses = Arc::new(Mutex::new(statuses.to_vec()));
        let received = Arc::new(Mutex::new(Vec::new()));
        let (turns, kept) = (Arc::clone(&statuses), Arc::clone(&received));
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut bytes = Vec::new();
                let mut chunk = [0_u8; 8192];
                let (head, body) = loop {
                    let count = stream.read(&mut chunk).await.unwrap_or(0);
                    bytes.extend_from_slice(&chunk[..count]);
                    let text = String::from_utf8_lossy(&bytes).into_owned();
                    if let Some((head, body)) = text.split_once("\r\n\r\n") {
                        let got = Received {
                            head: head.to_owned(),
                            body: body.to_owned(),
                        };
                        let length: usize = got.header("content-length").parse().unwrap_or(0);
                        if body.len() >= length || count == 0 {
                            break (got.head, got.body);
                        }
                    }
                    if count == 0 {
                        break (String::new(), String::new());
                    }
                };
                let status = {
                    let mut turns = turns.lock().unwrap();
                    if turns.is_empty() {
                        200
                    } else {
                        turns.remove(0)
                    }
                };
                kept.lock().unwrap().push(Received { head, body });
                let answer = format!(
                    "HTTP/1.1 {status} X\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
                );
                let _ = stream.write_all(answer.as_bytes()).await;
            }
        });
        Self {
            url,
            statuses,
            received,
        }
    }

    pub(crate) fn received(&self) -> Vec<Received> {
        self.received.lock().unwrap().clone()
    }

    pub(crate) fn has_answered_all(&self) -> bool {
        self.statuses.lock().unwrap().is_empty()
    }
}
