//! Pages that need nothing but themselves.
//!
//! # Why
//! Every page that a person keeps looks alike and opens without a network: one frame, one style, and what a page adds to it.

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_cannot_open_elements() {
        assert_eq!(escaped("a<b>&\"'"), "a&lt;b&gt;&amp;&quot;&#39;");
        assert!(page("<b>", "", "x").contains("<h1>&lt;b&gt;</h1>\nx</body>"));
    }
}
