//! The HTML report of `smml reproduce` and of single runs: one file, no network, no script; beside it each figure as
//! SVG and CSV, images as PNG too, tables as CSV alone.
//!
//! `figure` says what is drawn; `scale`, `canvas`, `palette`, `svg`, `csv` and `image` make files of it; `status` says
//! what holds; `page`, `blocks` and `entries` write HTML. Nothing here computes a result.

mod blocks;
mod canvas;
pub(crate) mod csv;
mod entries;
pub(crate) mod figure;
pub(crate) mod histogram;
mod image;
pub(crate) mod network;
mod page;
mod palette;
mod scale;
mod status;
pub(crate) mod svg;
#[cfg(test)]
mod tests;
mod text;

use crate::{
    error::Failure,
    reproduce::check::{CheckResult, Level, Row},
    run::results::Gate,
};
use figure::{Content, Figure};
use smml_core::store::write_atomically;
use std::{
    collections::HashSet,
    fs,
    path::{Path, PathBuf},
};

/// A run of `smml reproduce`, with all that its report says.
pub(crate) struct Report<'a> {
    /// Heading of the page.
    pub(crate) title: &'a str,
    /// How much work was done.
    pub(crate) level: Level,
    /// Seed of all randomness.
    pub(crate) seed: u64,
    /// Version of the program.
    pub(crate) version: &'a str,
    /// The command that repeats the run.
    pub(crate) command: &'a str,
    /// Number of threads.
    pub(crate) threads: usize,
    /// Name of the SIMD path.
    pub(crate) cpu_path: &'a str,
    /// Start, in seconds since 1970.
    pub(crate) started_unix: u64,
    /// Duration in seconds.
    pub(crate) seconds: f64,
    /// What the checks found, in the order of a full run.
    pub(crate) results: &'a [CheckResult],
}

/// A single run (`smml ising`, `smml rbm train`), with all that its report says. It holds no date and no duration, so
/// that the same seed gives the same bytes.
pub(crate) struct RunReport<'a> {
    /// Heading of the page.
    pub(crate) title: &'a str,
    /// Version of the program.
    pub(crate) version: &'a str,
    /// Seed of all randomness.
    pub(crate) seed: u64,
    /// The resolved configuration as TOML.
    pub(crate) config: &'a str,
    /// Sentences under the heading.
    pub(crate) notes: &'a [String],
    /// Tables of results with their headings.
    pub(crate) tables: &'a [(&'a str, &'a [Row])],
    /// How sampled numbers are judged.
    pub(crate) gate: Gate,
    /// Pictures.
    pub(crate) figures: &'a [Figure],
}

/// Writes `figures/*` and then `index.html` into a folder, each whole or not at all; returns their paths.
pub(crate) fn write(folder: &Path, report: &Report<'_>) -> Result<Vec<PathBuf>, Failure> {
    let outcomes = report.results.iter().filter_map(|r| r.outcome.as_ref().ok());
    let figures = Named::all(outcomes.flat_map(|o| &o.figures));
    let html = entries::reproduction(report, &figures)?;
    let mut paths = save_figures(folder, &figures)?;
    let path = folder.join("index.html");
    write_atomically(&path, html.as_bytes())?;
    paths.push(path);
    Ok(paths)
}

/// Writes `figures/*` and then `report.html` into the folder of a run, each whole or not at all; returns their paths.
pub(crate) fn run_report(folder: &Path, report: &RunReport<'_>) -> Result<Vec<PathBuf>, Failure> {
    let figures = Named::all(report.figures.iter());
    let html = entries::single_run(report, &figures)?;
    let mut paths = save_figures(folder, &figures)?;
    let path = folder.join("report.html");
    write_atomically(&path, html.as_bytes())?;
    paths.push(path);
    Ok(paths)
}

/// A figure under the name that its files and anchors have in this report.
struct Named<'a> {
    name: String,
    original: &'a Figure,
}

impl<'a> Named<'a> {
    /// Names that are unique whatever the ids are, also where file names ignore case.
    fn all(figures: impl Iterator<Item = &'a Figure>) -> Vec<Named<'a>> {
        let mut taken = HashSet::new();
        figures
            .map(|original| {
                let slug = text::slug(&original.id);
                let mut name = slug.clone();
                let mut n = 1;
                while !taken.insert(name.to_ascii_lowercase()) {
                    n += 1;
                    name = format!("{slug}-{n}");
                }
                Named { name, original }
            })
            .collect()
    }
    /// The figure with its unique name as id.
    fn figure(&self) -> Figure {
        Figure { id: self.name.clone(), ..self.original.clone() }
    }
    /// The one made of this figure.
    fn of<'b>(all: &'b [Named<'a>], figure: &Figure) -> Option<&'b Named<'a>> {
        all.iter().find(|n| std::ptr::eq(n.original, figure))
    }
}

fn save_figures(folder: &Path, figures: &[Named<'_>]) -> Result<Vec<PathBuf>, Failure> {
    let folder = if figures.is_empty() { folder.to_path_buf() } else { folder.join("figures") };
    fs::create_dir_all(&folder).map_err(|e| Failure::io(&folder, &e))?;
    let mut paths = Vec::new();
    for named in figures {
        let mut save = |extension: &str, bytes: &[u8]| -> Result<(), Failure> {
            let path = folder.join(format!("{}.{extension}", named.name));
            write_atomically(&path, bytes)?;
            paths.push(path);
            Ok(())
        };
        if !matches!(named.original.content, Content::Table { .. }) {
            save("svg", svg::standalone(named.original)?.as_bytes())?;
        }
        save("csv", &csv::csv(named.original)?)?;
        if matches!(named.original.content, Content::Image { .. }) {
            save("png", &image::png(named.original)?)?;
        }
    }
    Ok(paths)
}
