//! Standard output that survives a reader who goes away, and tables.

use crate::error::Failure;
use std::io::{self, Write};

/// Writes to standard output; a broken pipe is its own, harmless, failure.
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(|e| match e.kind() {
        io::ErrorKind::BrokenPipe => Failure::BrokenPipe,
        _ => Failure::File(format!("standard output: {e}")),
    })
}

/// A number of things: "1 run", "2 runs", "3 batches".
pub(crate) fn counted(n: u64, thing: &str) -> String {
    let ending = match (n, thing.ends_with("ch")) {
        (1, _) => "",
        (_, true) => "es",
        _ => "s",
    };
    format!("{n} {thing}{ending}")
}

/// Writes a remark for people to standard error; nobody is told when that is closed.
pub(crate) fn remark(quiet: bool, text: &str) {
    if !quiet {
        drop(writeln!(io::stderr().lock(), "{text}"));
    }
}

/// A table with aligned columns: the first left, the others right.
pub(crate) struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with its head.
    pub(crate) fn new(head: &[&str]) -> Self {
        Table { rows: vec![head.iter().map(|h| (*h).to_string()).collect()] }
    }
    /// Adds a row.
    pub(crate) fn row(&mut self, cells: Vec<String>) {
        self.rows.push(cells);
    }
    /// The text, ending in a newline.
    pub(crate) fn text(&self) -> String {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let width = |c: usize| {
            self.rows.iter().filter_map(|r| r.get(c)).map(|t| t.chars().count()).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..columns).map(width).collect();
        let mut text = String::new();
        for row in &self.rows {
            let mut line = String::new();
            for (c, cell) in row.iter().enumerate() {
                let fill = " ".repeat(widths[c] - cell.chars().count());
                line += &if c == 0 { format!("{cell}{fill}") } else { format!("  {fill}{cell}") };
            }
            text += line.trim_end();
            text.push('\n');
        }
        text
    }
}

/// A JSON document, indented, with a newline at its end.
pub(crate) fn json(value: &impl serde::Serialize) -> Result<String, Failure> {
    serde_json::to_string_pretty(value)
        .map(|t| t + "\n")
        .map_err(|e| Failure::File(format!("results as JSON: {e}")))
}

/// The bytes of an 8-bit grey PNG file.
pub(crate) fn png(width: usize, height: usize, pixels: &[u8]) -> Result<Vec<u8>, Failure> {
    let bad = |e: &dyn std::fmt::Display| Failure::File(format!("PNG of {width} x {height} pixels: {e}"));
    let side = |n: usize| u32::try_from(n).map_err(|e| bad(&e));
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, side(width)?, side(height)?);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header().map_err(|e| bad(&e))?;
    writer.write_image_data(pixels).map_err(|e| bad(&e))?;
    writer.finish().map_err(|e| bad(&e))?;
    Ok(bytes)
}
