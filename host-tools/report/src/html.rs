//! Pages that need nothing but themselves.
//!
//! # Why
//! Every page that a person keeps looks alike and opens without a network: one frame, one style, and what a page adds to it.

use core::fmt::Write;

/// The style of every page; a page's own comes after it.
const STYLE: &str = include_str!("page.css");

/// `&`, `<`, `>` and quotes as entities.
pub fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            c => safe.push(c),
        }
    }
    safe
}

/// A whole page around `body`, with `style` behind that of all pages.
pub fn page(title: &str, style: &str, body: &str) -> String {
    let title = escaped(title);
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\"><title>{title}</title>\n<style>\n{STYLE}{style}</style></head>\
         <body>\n<h1>{title}</h1>\n{body}</body></html>\n"
    )
}

/// A table named `id`; cells that are numbers, with or without a unit, stand to the right.
pub fn table<'a>(
    id: &str,
    head: impl IntoIterator<Item = &'a str>,
    rows: impl IntoIterator<Item = impl AsRef<[String]>>,
) -> String {
    let mut html = format!("<table id=\"{id}\"><thead><tr>");
    for name in head {
        // Writing to a String cannot fail.
        let _ = write!(html, "<th>{}</th>", escaped(name));
    }
    html.push_str("</tr></thead><tbody>\n");
    for row in rows {
        html.push_str("<tr>");
        for cell in row.as_ref() {
            let digits = cell.starts_with(|c: char| c.is_ascii_digit() || c == '-');
            // A device's or a model's digits are a name.
            let class = match digits && cell.chars().count() < 24 && !is_hex(cell) {
                true => " class=\"number\"",
                false => "",
            };
            let _ = write!(html, "<td{class}>{}</td>", escaped(cell));
        }
        html.push_str("</tr>\n");
    }
    html + "</tbody></table>\n"
}

/// Whether this is an identity of 16 hexadecimal digits.
fn is_hex(cell: &str) -> bool {
    cell.len() == 16 && cell.bytes().all(|b| b.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_cannot_open_elements() {
        assert_eq!(escaped("a<b>&\"'"), "a&lt;b&gt;&amp;&quot;&#39;");
        let rows = [[
            "<i>".to_owned(),
            "-3".to_owned(),
            "0123456789abcdef".to_owned(),
        ]];
        let html = table("t", ["a", "b", "c"], rows);
        assert!(
            html.contains("<td>&lt;i&gt;</td><td class=\"number\">-3</td><td>0123456789abcdef")
        );
        assert!(page("<b>", "", "x").contains("<h1>&lt;b&gt;</h1>\nx</body>"));
    }
}
