//! The frame of every page, and the escaping that everything from outside goes through.

const STYLE: &str = include_str!("style.css");

/// What a page says. All of it is text, not markup.
#[derive(Debug)]
pub(crate) struct Page<'a> {
    /// How things stand, in a few words.
    pub(crate) title: &'a str,
    /// The same in a sentence or two.
    pub(crate) message: &'a str,
    /// What the reader can do now.
    pub(crate) advice: Option<&'a str>,
    /// What to quote to us.
    pub(crate) reference: Option<&'a str>,
    /// After how long the page looks again by itself.
    pub(crate) refresh_seconds: Option<u32>,
}

impl Page<'_> {
    /// The whole page. Nothing is loaded from elsewhere, and nothing needs a script.
    pub(crate) fn html(&self) -> String {
        let (head, again) = match self.refresh_seconds {
            Some(seconds) => (
                format!("<meta http-equiv=\"refresh\" content=\"{seconds}\">\n"),
                format!(
                    "<p class=\"quiet\">This page looks again every {seconds} seconds. \
                     <a href=\"\">Look again now</a></p>\n"
                ),
            ),
            None => (String::new(), String::new()),
        };
        let advice = self
            .advice
            .map_or_else(String::new, |text| format!("<p>{}</p>\n", escape(text)));
        let reference = self.reference.map_or_else(String::new, |text| {
            format!(
                "<p class=\"quiet reference\">Reference, should you ask us about it: \
                 <code>{}</code></p>\n",
                escape(text)
            )
        });
        let (title, message) = (escape(self.title), escape(self.message));
        format!(
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             {head}<title>{title}</title>\n<link rel=\"icon\" href=\"data:,\">\n\
             <style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n<h1>{title}</h1>\n\
             <p role=\"status\">{message}</p>\n{advice}{again}{reference}</main>\n</body>\n</html>\n"
        )
    }
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_from_outside_stays_text() {
        let hostile = "<script>alert('x')</script> & \"y\"";
        let html = Page {
            title: hostile,
            message: hostile,
            advice: Some(hostile),
            reference: Some(hostile),
            refresh_seconds: None,
        }
        .html();
        assert!(!html.contains("<script>"));
        let escaped = "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt; &amp; &quot;y&quot;";
        // The title stands in the head as well.
        assert_eq!(html.matches(escaped).count(), 5);
        assert!(html.contains(&format!("<h1>{escaped}</h1>")));
    }
}
