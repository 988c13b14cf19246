//! The demo: the same story for the same seed, on either database; and a world to click through.

use std::net::TcpListener;

use billing_app::demo::world::form_encoded;
use billing_seaorm::testing::TestDatabase;
use reqwest::{Client, Method, StatusCode, redirect};
use serde_json::Value;

use crate::program::{Running, program, run};
use crate::stage::eventually;

fn told(arguments: &[&str]) -> String {
    let all = [&["demo", "--auto"], arguments].concat();
    without_times(&run(&all, []).success())
}

/// The story without the milliseconds before each line and the duration in its last sentence.
fn without_times(said: &str) -> String {
    let lines = said.lines().map(|line| {
        if let Some(rest) = line.strip_prefix("Done in ") {
            return rest.split_once(' ').map_or(rest, |(_, rest)| rest);
        }
        match line.split_once(" ms  ") {
            Some((at, rest)) if at.trim().parse::<i64>().is_ok() => rest,
            Some(_) | None => line,
        }
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn the_same_seed_tells_the_same_story_and_another_seed_another() {
    let first = told(&[]);
    assert!(first.contains("sees the purchase fulfilled"), "{first}");
    assert!(first.contains("one sale of 10 licences"), "{first}");
    assert_eq!(first, told(&[]));
    assert_eq!(first, told(&["--seed", "42"]));
    assert_ne!(first, told(&["--seed", "43"]));
}

#[test]
fn the_story_is_told_of_as_many_licences_as_are_asked_for() {
    let story = told(&["--quantity", "7"]);
    assert!(story.contains("asks for 7 licences"), "{story}");
    assert!(story.contains("one sale of 7 licences"), "{story}");
    for quantity in ["4", "31", "many"] {
        let ended = run(&["demo", "--auto", "--quantity", quantity], []);
        assert_eq!(ended.code, Some(2), "{quantity}");
        assert!(ended.stderr.contains("--quantity"), "{}", ended.stderr);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_story_on_postgresql_is_the_same() {
    let Some(database) = TestDatabase::postgres().await else {
        return;
    };
    let url = database.config().url;
    assert_eq!(told(&["--database-url", &url]), told(&[]));
}

#[test]
fn a_taken_port_is_said_with_the_flag() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().display().to_string();
    for flag in ["--port", "--sandbox-port"] {
        let other = if flag == "--port" {
            "--sandbox-port"
        } else {
            "--port"
        };
        let arguments = ["demo", flag, &port, other, "0", "--data", &data];
        let ended = run(&arguments, []);
        let sentence = ended.sentence(1);
        assert!(sentence.contains(&port), "{sentence}");
        assert!(sentence.contains(&format!("with {flag},")), "{sentence}");
    }
}

#[test]
fn a_folder_that_cannot_be_made_is_said_with_the_flag() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    let data = file.join("data").display().to_string();
    let ended = run(
        &[
            "demo",
            "--port",
            "0",
            "--sandbox-port",
            "0",
            "--data",
            &data,
        ],
        [],
    );
    let sentence = ended.sentence(1);
    assert!(
        sentence.contains(&data) && sentence.contains("--data"),
        "{sentence}"
    );
}

/// A `curl` command of the banner, as a request.
struct Curl {
    url: String,
    headers: Vec<(String, String)>,
    body: Option<String>,
}

impl Curl {
    fn parse(command: &str) -> Self {
        let mut words = shell_words(command).into_iter();
        assert_eq!(words.next().as_deref(), Some("curl"));
        let (mut url, mut headers, mut body) = (None, Vec::new(), None);
        while let Some(word) = words.next() {
            match word.as_str() {
                "-s" => {}
                "-H" => {
                    let header = words.next().unwrap();
                    let (name, value) = header.split_once(": ").unwrap();
                    headers.push((name.to_owned(), value.to_owned()));
                }
                "-d" => body = words.next(),
                _ => assert_eq!(url.replace(word), None, "{command}"),
            }
        }
        Self {
            url: url.unwrap(),
            headers,
            body,
        }
    }

    async fn run(&self, http: &Client) -> (StatusCode, Value) {
        let method = self.body.as_ref().map_or(Method::GET, |_| Method::POST);
        let mut request = http.request(method, &self.url);
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        if let Some(body) = &self.body {
            request = request.body(body.clone());
        }
        let answer = request.send().await.unwrap();
        let status = answer.status();
        (status, answer.json().await.unwrap())
    }
}

/// The words of a command as a shell sees them: between blanks, or within single quotes.
fn shell_words(command: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    for (at, part) in command.split('\'').enumerate() {
        if at % 2 == 1 {
            words.last_mut().unwrap().push_str(part);
            continue;
        }
        for (at, bare) in part.split(' ').enumerate() {
            if at > 0 {
                words.push(String::new());
            }
            words.last_mut().unwrap().push_str(bare);
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

/// The commands of the banner, each in one line.
fn commands(banner: &str) -> Vec<Curl> {
    let joined = banner.replace("\\\n", " ");
    let lines = joined.lines().map(str::trim);
    let commands = lines.filter(|line| line.starts_with("curl "));
    commands.map(Curl::parse).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_the_banner_proposes_works() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().display().to_string();
    let arguments = [
        "demo",
        "--port",
        "0",
        "--sandbox-port",
        "0",
        "--data",
        &data,
    ];
    let running = Running::start(program(&arguments, []));
    let service = running.line("service");
    let sandbox = running.line("sandbox");
    running.line("Ctrl-C stops");
    let banner = running.said();
    let http = Client::builder()
        .no_proxy()
        .redirect(redirect::Policy::none())
        .build()
        .unwrap();

    let url = service.split(' ').next().unwrap();
    for page in [
        format!("{url}/docs/"),
        sandbox.split(' ').next().unwrap().to_owned(),
    ] {
        let status = http.get(&page).send().await.unwrap().status();
        assert_eq!(status, StatusCode::OK, "{page}");
    }

    let commands = commands(&banner);
    let [buy, watch, ask] = commands.as_slice() else {
        panic!("{banner}");
    };
    let (status, sale) = buy.run(&http).await;
    assert_eq!(status, StatusCode::CREATED, "{sale}");
    let (status, intents) = watch.run(&http).await;
    assert_eq!(status, StatusCode::OK, "{intents}");
    assert_eq!(intents["items"][0]["state"], "created", "{intents}");

    let page = sale["checkout_session_url"].as_str().unwrap();
    let shown = http.get(page).send().await.unwrap();
    assert_eq!(shown.status(), StatusCode::OK);
    let card = [
        ("number", "4242 4242 4242 4242"),
        ("expiry", "12/34"),
        ("cvc", "123"),
        ("name", "Ada Lovelace"),
        ("email", "ada@acme.example"),
    ];
    let paying = http
        .post(page)
        .header("Content-Type", "application/x-www-form-urlencoded")
        .body(form_encoded(&card));
    assert_eq!(paying.send().await.unwrap().status(), StatusCode::SEE_OTHER);
    eventually("the intent is fulfilled", async || {
        let (_, intents) = watch.run(&http).await;
        (intents["items"][0]["state"] == "fulfilled").then_some(())
    })
    .await;
    let (status, verdict) = ask.run(&http).await;
    assert_eq!(status, StatusCode::OK, "{verdict}");
    assert_eq!(verdict["entitled"], false, "{verdict}");

    running.signal("INT");
    let ended = running.end();
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let last = ended.stdout.split("Stopped. ").nth(1).unwrap();
    for name in ["demo.db", "demo.log"] {
        let kept = folder.path().join(name).display().to_string();
        assert!(last.contains(&kept), "{last}");
        assert!(folder.path().join(name).is_file());
    }
}
