//! The frame of every page, and the escaping that everything from outside goes through.

/// A text that is safe between tags and inside quoted attributes.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c => escaped.push(c),
        }
    }
    escaped
}

/// A whole page. The paragraphs are texts, not markup.
pub(crate) fn page(title: &str, paragraphs: &[String], refresh_seconds: Option<u32>) -> String {
    let refresh = refresh_seconds.map_or_else(String::new, |seconds| {
        format!("<meta http-equiv=\"refresh\" content=\"{seconds}\">\n")
    });
    let title = escape(title);
    let paragraphs: Vec<String> = paragraphs
        .iter()
        .map(|text| format!("<p>{}</p>\n", escape(text)))
        .collect();
    let paragraphs = paragraphs.concat();
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         {refresh}<title>{title}</title>\n\
         <style>body{{font:1.1rem/1.6 system-ui,sans-serif;max-width:36rem;margin:12vh auto;\
         padding:0 1rem;color:#1a1f36}}h1{{font-size:1.6rem}}</style>\n\
         </head>\n<body>\n<main>\n<h1>{title}</h1>\n{paragraphs}</main>\n</body>\n</html>\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_from_outside_stays_text() {
        let html = page(
            "<b>",
            &["<script>alert('x')</script> & \"y\"".to_owned()],
            None,
        );
        assert!(!html.contains("<script>"));
        assert!(
            html.contains("&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt; &amp; &quot;y&quot;")
        );
        assert!(html.contains("<h1>&lt;b&gt;</h1>"));
    }
}
