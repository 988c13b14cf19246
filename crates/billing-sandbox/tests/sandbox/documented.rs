//! What `docs/sandbox.md` says about the sandbox's own endpoints is there, and what is there is said.

use crate::client::Client;

const PAGE: &str = include_str!("../../../../docs/sandbox.md");

#[tokio::test]
async fn every_endpoint_of_the_sandbox_is_on_its_page() {
    let client = Client::start().await;
    let told = client.get("/sandbox/").await.json;
    let lines = told["error"]["endpoints"].as_array().unwrap();
    assert!(lines.len() > 8);
    for line in lines.iter().filter_map(|line| line.as_str()) {
        let paths = line
            .split_whitespace()
            .filter(|word| word.starts_with("/sandbox/"));
        for path in paths.map(|path| path.trim_end_matches(',')) {
            // Only for this crate's own tests.
            if path == "/sandbox/shapes"
                || path.starts_with("/sandbox/deliveries/{account}/{number}")
            {
                continue;
            }
            let is_told = PAGE.contains(path)
                || path
                    .rsplit_once('/')
                    .is_some_and(|(head, _)| PAGE.contains(&format!("{head}/")));
            assert!(is_told, "docs/sandbox.md does not mention {path}");
        }
    }
}

#[tokio::test]
async fn every_kind_of_fault_is_on_the_page() {
    let client = Client::start().await;
    let refused = client
        .post("/sandbox/faults", &[("kind", "nonsense")])
        .await;
    let kinds: Vec<&str> = refused.message().split('`').skip(3).step_by(2).collect();
    assert_eq!(kinds.len(), 11, "{}", refused.text);
    for kind in kinds {
        assert!(
            PAGE.contains(&format!("`{kind}`")),
            "docs/sandbox.md does not mention {kind}"
        );
    }
}
