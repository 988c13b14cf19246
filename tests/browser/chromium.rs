//! A headless Chromium behind Debian's chromedriver: started for one test, gone with it.

use std::env;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use tempfile::TempDir;

/// How long anything on a page may take before the test calls it stuck.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// How often a page is looked at meanwhile.
const LOOK_EVERY: Duration = Duration::from_millis(50);

const FLAGS: [&str; 8] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
];

/// A window of a browser with an empty profile.
pub(crate) struct Browser {
    pub(crate) window: Client,
    http: reqwest::Client,
    session: String,
    _driver: Driver,
    _profile: TempDir,
}

impl Browser {
    /// Opens a browser, or says that the test is skipped where there is none.
    ///
    /// # Panics
    /// Where there is none and `CI=true`.
    pub(crate) async fn open() -> Option<Self> {
        let found = [
            program("CHROMEDRIVER", "/usr/bin/chromedriver"),
            program("CHROMIUM", "/usr/bin/chromium"),
        ];
        let [Some(driver), Some(chromium)] = found else {
            let is_ci = env::var("CI").is_ok_and(|ci| ci == "true");
            assert!(!is_ci, "chromedriver and chromium must be there in CI");
            // Tests have no other way to say it.
            let _ = writeln!(
                std::io::stderr(),
                "SKIPPED: needs chromium and chromedriver (CHROMIUM and CHROMEDRIVER say where)"
            );
            return None;
        };
        // What the program does in `main`: no client can be built before. A second test finds it done.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let driver = Driver::start(&driver);
        let profile = TempDir::new().expect("a temporary folder");
        let mut flags: Vec<String> = FLAGS.iter().map(ToString::to_string).collect();
        flags.push(format!("--user-data-dir={}", profile.path().display()));
        let options = json!({ "binary": chromium, "args": flags });
        let capabilities = [("goog:chromeOptions".to_owned(), options)];
        let window = ClientBuilder::new(HttpConnector::new())
            .capabilities(capabilities.into_iter().collect())
            .connect(&driver.url())
            .await
            .expect("chromium starts");
        let id = window.session_id().await.expect("the browser answers");
        let http = reqwest::Client::builder().no_proxy().build();
        Some(Self {
            window,
            http: http.expect("an HTTP client"),
            session: format!("{}/session/{}", driver.url(), id.expect("a session")),
            _driver: driver,
            _profile: profile,
        })
    }

    /// Tells Chromium something that WebDriver has no word for.
    pub(crate) async fn devtools(&self, command: &str, params: Value) {
        let body = json!({ "cmd": command, "params": params });
        let url = format!("{}/goog/cdp/execute", self.session);
        let answer = self.http.post(url).json(&body).send().await;
        let status = answer.expect("the browser answers").status();
        assert!(status.is_success(), "{command}: {status}");
    }

    pub(crate) async fn go(&self, url: &str) {
        self.window.goto(url).await.expect("the page opens");
    }

    /// Waits until the page shows a text, and gives what the page says.
    pub(crate) async fn see(&self, text: &str) -> String {
        let path = format!("//body[contains(normalize-space(), \"{text}\")]");
        let seen = self
            .window
            .wait()
            .at_most(PATIENCE)
            .every(LOOK_EVERY)
            .for_element(Locator::XPath(&path))
            .await;
        match seen {
            Ok(_) => self.source().await,
            Err(error) => panic!("no \"{text}\" ({error}) on {}", self.source().await),
        }
    }

    /// The page as it is now.
    pub(crate) async fn source(&self) -> String {
        self.window.source().await.expect("there is a page")
    }

    /// The address of the page without its query.
    pub(crate) async fn path(&self) -> String {
        let url = self.window.current_url().await.expect("there is a page");
        url.path().to_owned()
    }

    /// What the page knows about itself.
    pub(crate) async fn ask(&self, script: &str) -> Value {
        let answer = self.window.execute(script, Vec::new()).await;
        answer.expect("the page answers")
    }

    /// Clicks on a text: a button, a link, a label.
    pub(crate) async fn click(&self, text: &str) {
        let path = format!(
            "//*[self::a or self::button or self::label][contains(normalize-space(), \"{text}\")]"
        );
        let found = self.window.find(Locator::XPath(&path)).await;
        let element = found.unwrap_or_else(|error| panic!("no \"{text}\" to click: {error}"));
        element.click().await.expect("it can be clicked");
    }

    /// Presses keys where the cursor is.
    pub(crate) async fn press(&self, keys: &str) {
        let focused = self.window.active_element().await;
        let focused = focused.expect("something has the focus");
        focused.send_keys(keys).await.expect("it takes keys");
    }

    /// The label of the field in which the cursor is.
    pub(crate) async fn focused_label(&self) -> String {
        let focused = self.window.active_element().await;
        let focused = focused.expect("something has the focus");
        let id = focused.attr("id").await.expect("the page answers");
        let path = format!("label[for={}]", id.unwrap_or_default());
        let label = self.window.find(Locator::Css(&path)).await;
        let label = label.expect("the field has a label");
        label.text().await.expect("the page answers")
    }
}

fn program(variable: &str, usual: &str) -> Option<PathBuf> {
    let path = env::var_os(variable).map_or_else(|| PathBuf::from(usual), PathBuf::from);
    path.is_file().then_some(path)
}

/// A chromedriver process on a port of its own choice.
struct Driver {
    process: Child,
    port: u16,
    /// Open as long as the process may want to say something.
    _output: BufReader<ChildStdout>,
}

impl Driver {
    fn start(program: &Path) -> Self {
        let mut process = Command::new(program)
            .arg("--port=0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("chromedriver starts");
        let mut output = BufReader::new(process.stdout.take().expect("its output is piped"));
        let mut said = String::new();
        let port = loop {
            let mut line = String::new();
            let count = output.read_line(&mut line).expect("its output is text");
            assert!(count > 0, "chromedriver ended: {said}");
            said.push_str(&line);
            let port = line.split(" started successfully on port ").nth(1);
            if let Some(port) = port {
                let digits = port.trim_end().trim_end_matches('.');
                break digits.parse().expect("a port");
            }
        };
        Self {
            process,
            port,
            _output: output,
        }
    }

    fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Ends the driver's browsers too, which would outlive it.
    fn ask_to_end(&self) -> std::io::Result<()> {
        let mut connection = TcpStream::connect(("127.0.0.1", self.port))?;
        connection.set_read_timeout(Some(Duration::from_secs(5)))?;
        connection.write_all(b"GET /shutdown HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n")?;
        connection.read_to_end(&mut Vec::new()).map(|_| ())
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        // One that does not listen any more is killed, and one that has ended cannot be.
        let _ = self.ask_to_end();
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
