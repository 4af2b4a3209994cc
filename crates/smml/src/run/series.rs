//! Series as files: CSV for people and spreadsheets, NPZ for NumPy.

use crate::error::Failure;
use npyz::WriterBuilder;
use std::{
    io::{Cursor, Write},
    path::{Path, PathBuf},
};

/// Files that some runs write into their folder.
const OWN: [&str; 4] = ["best.csv", "marginals.csv", "network.dbm", "network.hex"];

/// A named column.
pub(crate) struct Column {
    /// Its name.
    pub(crate) name: String,
    /// Its values.
    pub(crate) values: Vec<f64>,
}

/// Whether a path names a kind of file that [`fn@write`] can write.
pub(crate) fn check_path(path: &Path) -> Result<(), Failure> {
    match path.extension().and_then(|e| e.to_str()) {
        Some("csv" | "npz") => Ok(()),
        _ => Err(Failure::Usage(format!("--series {}: the name must end in .csv or .npz", path.display()))),
    }
}

/// Whether a series can be written to `path`: the kind of file, and [`check_file`]. Checked before the run, not after it.
pub(crate) fn check_place(path: &Path, out: Option<&Path>, inputs: &[PathBuf]) -> Result<(), Failure> {
    check_path(path)?;
    check_file("--series", path, out, inputs)
}

/// Whether a file that a flag names can be written: its folder (`out` is made by the run), and that it is none of the inputs
/// and none of the run's other files.
pub(crate) fn check_file(
    flag: &str,
    path: &Path,
    out: Option<&Path>,
    inputs: &[PathBuf],
) -> Result<(), Failure> {
    let bad = |why: &str| Err(Failure::Usage(format!("{flag} {}: {why}", path.display())));
    if path.is_dir() {
        return bad("is a folder");
    }
    if let Some(input) = inputs.iter().find(|i| is_same(path, i)) {
        return bad(&format!("{} is an input of this run", input.display()));
    }
    let folder = match path.parent() {
        Some(p) if !p.as_os_str().is_empty() => p,
        _ => Path::new("."),
    };
    if let Some(out) = out {
        let name = path.file_name().and_then(|n| n.to_str()).unwrap_or_default();
        if is_same(folder, out) && OWN.contains(&name) {
            return bad("the run writes a file of this name itself");
        }
        if is_same(folder, &out.join("figures")) {
            return bad("the figures of the report are written there");
        }
        if !folder.exists() && is_same(folder, out) {
            return Ok(());
        }
    }
    // The only sure way to find out. The file has no name, so that nothing can be left behind.
    let at =
        |e: std::io::Error| Failure::File(format!("{flag} {}: {}: {e}", path.display(), folder.display()));
    tempfile::tempfile_in(folder).map(drop).map_err(at)
}

/// Whether two paths lead to the same place, under whatever names.
fn is_same(a: &Path, b: &Path) -> bool {
    match (a.canonicalize(), b.canonicalize()) {
        (Ok(a), Ok(b)) => a == b,
        _ => std::path::absolute(a).ok() == std::path::absolute(b).ok(),
    }
}

/// Writes columns whole or not at all. In CSV shorter columns end in empty cells; NPZ holds one array for each.
pub(crate) fn write(path: &Path, columns: &[Column]) -> Result<(), Failure> {
    let bad = |e: &dyn std::fmt::Display| Failure::File(format!("{}: {e}", path.display()));
    let bytes = if path.extension().is_some_and(|e| e == "csv") {
        let mut out = csv::Writer::from_writer(Vec::new());
        out.write_record(columns.iter().map(|c| c.name.as_str())).map_err(|e| bad(&e))?;
        let rows = columns.iter().map(|c| c.values.len()).max().unwrap_or(0);
        for i in 0..rows {
            out.write_record(columns.iter().map(|c| c.values.get(i).map_or(String::new(), f64::to_string)))
                .map_err(|e| bad(&e))?;
        }
        out.into_inner().map_err(|e| bad(&e))?
    } else {
        let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
        // A fixed date: the same series give the same bytes.
        let options = zip::write::SimpleFileOptions::default()
            .compression_method(zip::CompressionMethod::Stored)
            .last_modified_time(zip::DateTime::default());
        for column in columns {
            zip.start_file(format!("{}.npy", column.name), options).map_err(|e| bad(&e))?;
            let mut array = Vec::new();
            let mut writer = npyz::WriteOptions::new()
                .default_dtype()
                .shape(&[column.values.len() as u64])
                .writer(&mut array)
                .begin_nd()
                .map_err(|e| bad(&e))?;
            writer.extend(&column.values).map_err(|e| bad(&e))?;
            writer.finish().map_err(|e| bad(&e))?;
            zip.write_all(&array).map_err(|e| bad(&e))?;
        }
        zip.finish().map_err(|e| bad(&e))?.into_inner()
    };
    Ok(smml_core::store::write_atomically(path, &bytes)?)
}
