//! Arguments of `smml graph`.

use super::problem::FileFormat;
use clap::Args;
use smml_hw::topology::Shape;
use std::path::PathBuf;

/// Arguments of `smml graph`.
#[derive(Args, Clone, Debug)]
pub(crate) struct GraphArgs {
    /// king, chimera, pegasus or zephyr; or the file of a problem, whose graph is taken
    #[arg(value_name = "FAMILY|FILE")]
    pub(crate) what: PathBuf,
    /// king: ROWS and COLUMNS, chimera: ROWS, COLUMNS and TILE, pegasus: SIZE, zephyr: SIZE and TILE; columns as many as rows,
    /// tiles of 4, when absent
    #[arg(value_name = "SIZES", value_delimiter = ',')]
    pub(crate) sizes: Vec<u32>,
    /// Pegasus with the qubits at its borders that cross no other one
    #[arg(long)]
    pub(crate) full: bool,
    /// Qubits that are missing: their numbers as 3,17,42, or a file of them
    #[arg(long, value_name = "LIST|FILE")]
    pub(crate) missing: Option<String>,
    /// Couplers that are missing: pairs of numbers as 3-17,4-18, or a file with one pair on each line
    #[arg(long, value_name = "LIST|FILE")]
    pub(crate) missing_couplers: Option<String>,
    /// Say how many colours there are, and how many qubits of each; draw them
    #[arg(long)]
    pub(crate) colour: bool,
    /// Format of the file of a problem [default: by its extension, then by its content]
    #[arg(long, value_enum)]
    pub(crate) format: Option<FileFormat>,
    /// Write the couplers, each with weight 1, to this file, in the format of its extension [default: rudy]. Vertices are
    /// counted over the qubits that are there; names in dimod JSON are qubit numbers
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// Write of each vertex its qubit number, coordinate, place and colour to this file
    #[arg(long, value_name = "FILE.csv")]
    pub(crate) nodes: Option<PathBuf>,
    /// Draw the graph into this file
    #[arg(long, value_name = "FILE.svg")]
    pub(crate) image: Option<PathBuf>,
    /// Replace files that exist
    #[arg(long)]
    pub(crate) force: bool,
    /// Print as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// The shape of a family with these sizes.
pub(crate) fn shape(word: &str, sizes: &[u32], full: bool) -> Result<Shape, String> {
    let most = if word == "chimera" { 3 } else { 2 - usize::from(word == "pegasus") };
    let wanted = match word {
        "king" => "ROWS [COLUMNS]",
        "chimera" => "ROWS [COLUMNS [TILE]]",
        "pegasus" => "SIZE",
        _ => "SIZE [TILE]",
    };
    let (Some(&first), true) = (sizes.first(), sizes.len() <= most) else {
        let n = sizes.len();
        let plural = if n == 1 { "" } else { "s" };
        return Err(format!("{word}: {n} size{plural} given, it takes {wanted}"));
    };
    if full && word != "pegasus" {
        return Err(format!("--full: for pegasus, {word} has no such qubits"));
    }
    let size = |k: usize, default: u32| sizes.get(k).copied().unwrap_or(default);
    Ok(match word {
        "king" => Shape::King { rows: first, columns: size(1, first) },
        "chimera" => Shape::Chimera { rows: first, columns: size(1, first), tile: size(2, 4) },
        "pegasus" => Shape::Pegasus { size: first, fabric: !full },
        _ => Shape::Zephyr { size: first, tile: size(1, 4) },
    })
}
