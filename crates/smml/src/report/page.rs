//! The frame of every page: head, style sheet, colours.

use super::{palette, text::escape};

/// A whole HTML document. It is well-formed XML too, so that any program can read it.
pub(super) fn page(title: &str, body: &str) -> String {
    let style = include_str!("style.css").trim();
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n\
         <meta name=\"color-scheme\" content=\"light dark\"/>\n<meta name=\"generator\" content=\"smml\"/>\n\
         <title>{}</title>\n<style>\n:root{{{}}}\n\
         @media screen and (prefers-color-scheme:dark){{:root{{{}}}}}\n{style}\n</style>\n</head>\n<body>\n{body}\
         </body>\n</html>\n",
        escape(title),
        palette::variables(false),
        palette::variables(true),
    )
}
