//! The folder of a run: `config.toml` (resolved), `checkpoint` and its previous generation, `results.json` (renamed into
//! place last), `manifest.json` (the only file that knows threads, dates and times).

use crate::{args::RunArgs, error::Failure, output};
use serde::Serialize;
use sha2::{Digest, Sha256};
use smml_core::{simd, store};
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    time::{Instant, SystemTime, UNIX_EPOCH},
};

/// Holds the identity of the run; written first.
const MARKER: &str = "run-identity.toml";

/// A run folder in use.
pub(crate) struct Folder {
    path: PathBuf,
    started: Instant,
    started_unix: u64,
}

/// How a folder is to be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Open {
    /// A new run; the same configuration may be there already.
    New,
    /// A new run whatever is there.
    Force,
    /// The run that is there.
    Resume,
}

impl Folder {
    /// Opens the folder that the arguments of a run name (`smml-runs/<command>-<seed>` when they name none), for the
    /// run with this identity.
    pub(crate) fn of_run(run: &RunArgs, command: &str, seed: u64, identity: &str) -> Result<Self, Failure> {
        let path = run.out.clone().unwrap_or_else(|| PathBuf::from(format!("smml-runs/{command}-{seed}")));
        let how = if run.resume {
            Open::Resume
        } else if run.force {
            Open::Force
        } else {
            Open::New
        };
        let folder = Folder::open(&path, identity, how)?;
        // A drawn seed is always told: without it nobody could repeat the run.
        output::remark(run.seed.is_some(), &format!("seed {seed}"));
        Ok(folder)
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Opens the folder for a run whose identity (everything that decides its results, but how long it goes on) is the
    /// TOML text `identity`.
    ///
    /// Refuses a folder that holds another run, unless forced; a fresh start removes old checkpoints and results.
    pub(crate) fn open(path: &Path, identity: &str, how: Open) -> Result<Self, Failure> {
        let folder =
            Folder { path: path.to_path_buf(), started: Instant::now(), started_unix: unix_seconds() };
        let marker = folder.file(MARKER);
        let found = match fs::read_to_string(&marker) {
            Ok(text) => Some(text),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => None,
            Err(e) => return Err(Failure::io(&marker, &e)),
        };
        // A run that was killed while it wrote its first file has left no more than a part of that.
        let occupied = found.is_none() && names(path)?.iter().any(|n| written_to(n) != Some(MARKER));
        let found_here = found.is_some();
        match how {
            Open::Resume => match found {
                None => {
                    return Err(Failure::File(format!("{}: no run to resume here", path.display())));
                }
                Some(text) if text != identity => {
                    return Err(Failure::Usage(format!(
                        "{}: holds another configuration, cannot resume it with this one ({})",
                        path.display(),
                        first_difference(&text, identity)
                    )));
                }
                Some(_) => {
                    folder.remove_half_written()?;
                    return Ok(folder);
                }
            },
            Open::New => {
                if let Some(text) = found.filter(|t| t != identity) {
                    return Err(Failure::Usage(format!(
                        "{}: holds another configuration ({}); use another --out, or --force to overwrite it",
                        path.display(),
                        first_difference(&text, identity)
                    )));
                }
                if folder.file("checkpoint").exists() && !folder.file("results.json").exists() {
                    return Err(Failure::Usage(format!(
                        "{}: holds this run unfinished; --resume continues it, --force starts again",
                        path.display()
                    )));
                }
                if occupied {
                    return Err(Failure::Usage(format!(
                        "{}: is not empty and holds no run; use another --out, or --force",
                        path.display()
                    )));
                }
            }
            Open::Force => {}
        }
        fs::create_dir_all(path).map_err(|e| Failure::io(path, &e))?;
        if found_here || !occupied {
            folder.remove_half_written()?;
        }
        for old in ["results.json", "manifest.json", "config.toml", "checkpoint", "checkpoint.previous"] {
            folder.remove(old)?;
        }
        store::write_atomically(&marker, identity.as_bytes())?;
        Ok(folder)
    }

    /// A file of the folder.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Removes a file of the folder, if it is there.
    pub(crate) fn remove(&self, name: &str) -> Result<(), Failure> {
        let path = self.file(name);
        match fs::remove_file(&path) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(Failure::io(&path, &e)),
            _ => Ok(()),
        }
    }

    /// When the folder was opened, in seconds since 1970.
    pub(crate) fn started_unix(&self) -> u64 {
        self.started_unix
    }

    /// Seconds since the folder was opened.
    pub(crate) fn elapsed(&self) -> f64 {
        self.started.elapsed().as_secs_f64()
    }

    /// Removes the temporary files that a killed run left in its folder.
    fn remove_half_written(&self) -> Result<(), Failure> {
        for name in names(&self.path)?.iter().filter(|n| written_to(n).is_some()) {
            let file = self.file(name);
            fs::remove_file(&file).map_err(|e| Failure::io(&file, &e))?;
        }
        Ok(())
    }

    /// Writes a file whole or not at all.
    pub(crate) fn write(&self, name: &str, bytes: &[u8]) -> Result<(), Failure> {
        Ok(store::write_atomically(&self.file(name), bytes)?)
    }

    /// Writes the resolved configuration, the manifest with the hashes of the named files, and last the results.
    pub(crate) fn finish(
        &self,
        config: &str,
        results: &str,
        seed: u64,
        extra: &[PathBuf],
    ) -> Result<(), Failure> {
        self.write("config.toml", config.as_bytes())?;
        let mut sha256 = BTreeMap::new();
        sha256.insert("config.toml".to_string(), hex(config.as_bytes()));
        sha256.insert("results.json".to_string(), hex(results.as_bytes()));
        for path in extra {
            let bytes = fs::read(path).map_err(|e| Failure::io(path, &e))?;
            let name = path.strip_prefix(&self.path).unwrap_or(path);
            sha256.insert(name.display().to_string(), hex(&bytes));
        }
        let manifest = Manifest {
            program: "smml",
            version: env!("CARGO_PKG_VERSION"),
            seed,
            threads: rayon::current_num_threads(),
            cpu_path: simd::path().name(),
            target: std::env::consts::ARCH,
            started_unix: self.started_unix,
            seconds: (self.elapsed() * 1e3).round() / 1e3,
            sha256,
        };
        self.write("manifest.json", output::json(&manifest)?.as_bytes())?;
        self.write("results.json", results.as_bytes())
    }
}

/// The names in a folder, none when there is no folder.
fn names(path: &Path) -> Result<Vec<String>, Failure> {
    if !path.is_dir() {
        return Ok(Vec::new());
    }
    let entries = fs::read_dir(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let entries = entries.map_err(|e| Failure::io(path, &e))?;
    Ok(entries.iter().map(|e| e.file_name().to_string_lossy().into_owned()).collect())
}

/// The file that a temporary file of [`store::write_atomically`] (NAME.PROCESS.tmp) was to become.
fn written_to(name: &str) -> Option<&str> {
    let (target, process) = name.strip_suffix(".tmp")?.rsplit_once('.')?;
    process.parse::<u32>().ok().map(|_| target)
}

#[derive(Serialize)]
struct Manifest {
    program: &'static str,
    version: &'static str,
    seed: u64,
    threads: usize,
    cpu_path: &'static str,
    target: &'static str,
    started_unix: u64,
    seconds: f64,
    sha256: BTreeMap<String, String>,
}

fn unix_seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs())
}

fn hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|b| format!("{b:02x}")).collect()
}

/// The first line in which two configurations differ, for the message.
fn first_difference(there: &str, here: &str) -> String {
    let (mut a, mut b) = (there.lines(), here.lines());
    loop {
        match (a.next(), b.next()) {
            (Some(x), Some(y)) if x == y => {}
            (Some(x), Some(y)) => return format!("there: {x}, here: {y}"),
            (Some(x), None) => return format!("only there: {x}"),
            (None, Some(y)) => return format!("only here: {y}"),
            (None, None) => return "they differ in white space".into(),
        }
    }
}
