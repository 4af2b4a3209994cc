//! Series as files: CSV for people and spreadsheets, NPZ for NumPy.

use crate::error::Failure;
use npyz::WriterBuilder;
use std::{
    io::{Cursor, Write},
    path::Path,
};

/// A named column.
pub(crate) struct Column {
    /// Its name.
    pub(crate) name: String,
    /// Its values.
    pub(crate) values: Vec<f64>,
}

/// Whether a path names a kind of file that [`fn@write`] can write; checked before the run, not after it.
pub(crate) fn check_path(path: &Path) -> Result<(), Failure> {
    match path.extension().and_then(|e| e.to_str()) {
        Some("csv" | "npz") => Ok(()),
        _ => Err(Failure::Usage(format!("--series {}: the name must end in .csv or .npz", path.display()))),
    }
}

/// Writes columns whole or not at all. In CSV shorter columns end in empty cells; NPZ holds one array for each.
pub(crate) fn write(path: &Path, columns: &[Column]) -> Result<(), Failure> {
    check_path(path)?;
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
