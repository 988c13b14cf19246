//! A plain PDF of lines of text: one font, as many A4 pages as it takes. Only bytes below 128 are
//! written, other letters of Windows-1252 as escapes, so that it stays a text.

use std::fmt::Write;

const LINES_PER_PAGE: usize = 46;
const CHARS_PER_LINE: usize = 88;

/// The document; its first line is set larger, as the title.
pub(crate) fn of_lines(lines: &[String]) -> String {
    let cut: Vec<String> = lines
        .iter()
        .map(|line| line.chars().take(CHARS_PER_LINE).collect())
        .collect();
    let pages: Vec<&[String]> = cut.chunks(LINES_PER_PAGE).collect();
    let mut objects = vec![
        "<< /Type /Catalog /Pages 2 0 R >>".to_owned(),
        String::new(),
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>"
            .to_owned(),
    ];
    let mut kids = String::new();
    for (index, page) in pages.iter().enumerate() {
        let number = objects.len() + 1;
        let _ = write!(kids, "{number} 0 R ");
        objects.push(format!(
            "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents {} 0 R \
             /Resources << /Font << /F1 3 0 R >> >> >>",
            number + 1
        ));
        let content = content(page, index == 0);
        objects.push(format!(
            "<< /Length {} >>\nstream\n{content}\nendstream",
            content.len()
        ));
    }
    let count = pages.len();
    if let Some(tree) = objects.get_mut(1) {
        *tree = format!("<< /Type /Pages /Kids [{kids}] /Count {count} >>");
    }
    assembled(&objects)
}

/// The objects, numbered from 1, and the table of where each begins.
fn assembled(objects: &[String]) -> String {
    let mut out = "%PDF-1.4\n".to_owned();
    let mut starts = Vec::new();
    for (index, object) in objects.iter().enumerate() {
        starts.push(out.len());
        let _ = write!(out, "{} 0 obj\n{object}\nendobj\n", index + 1);
    }
    let table_at = out.len();
    let count = objects.len() + 1;
    let _ = write!(out, "xref\n0 {count}\n0000000000 65535 f \n");
    for start in starts {
        let _ = writeln!(out, "{start:010} 00000 n ");
    }
    let _ = write!(
        out,
        "trailer\n<< /Size {count} /Root 1 0 R >>\nstartxref\n{table_at}\n%%EOF\n"
    );
    out
}

fn content(lines: &[String], has_title: bool) -> String {
    let mut out = "BT\n56 780 Td\n15 TL\n".to_owned();
    for (index, line) in lines.iter().enumerate() {
        let size = if has_title && index == 0 { 18 } else { 11 };
        let _ = write!(out, "/F1 {size} Tf\n({}) Tj\nT*\n", escaped(line));
    }
    out.push_str("ET");
    out
}

/// Text for a PDF string in `WinAnsiEncoding`; what that lacks becomes a question mark.
fn escaped(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '(' | ')' | '\\' => {
                out.push('\\');
                out.push(c);
            }
            ' '..='~' => out.push(c),
            '€' => out.push_str("\\200"),
            '\u{a0}'..='\u{ff}' => {
                let _ = write!(out, "\\{:03o}", u32::from(c));
            }
            _ => out.push('?'),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_says_where_every_object_begins() {
        let lines: Vec<String> = (0..60).map(|n| format!("Line {n} × (€5)")).collect();
        let pdf = of_lines(&lines);
        assert!(pdf.is_ascii());
        assert!(pdf.contains("/Count 2"));
        assert!(pdf.contains("(Line 0 \\327 \\(\\2005\\)) Tj"));
        let table = pdf.split("xref\n").nth(1).unwrap_or_default();
        let starts: Vec<usize> = table
            .lines()
            .filter(|line| line.ends_with(" n "))
            .filter_map(|line| line.get(..10)?.parse().ok())
            .collect();
        assert_eq!(starts.len(), 7);
        for (index, start) in starts.into_iter().enumerate() {
            assert!(pdf[start..].starts_with(&format!("{} 0 obj", index + 1)));
        }
    }
}
