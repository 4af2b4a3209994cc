//! The folder of a run: `config.toml` (resolved, written first), `checkpoint` and its previous generation, `results.json`
//! (renamed into place last: a folder that has it holds a finished run), `manifest.json` (the only file that knows
//! threads, dates and times).

use super::{
    config::{self, LENGTHS, PLACES},
    input::{Hashes, hex},
};
use crate::{args::RunArgs, error::Failure, output};
use serde::{Deserialize, Serialize};
use smml_core::{simd, store};
use std::{
    cell::RefCell,
    collections::BTreeMap,
    fs,
    path::{Component, Path, PathBuf},
    time::{Instant, SystemTime, UNIX_EPOCH},
};

/// Holds the configuration; what makes a folder that of a run.
pub(crate) const CONFIG: &str = "config.toml";
const RESULTS: &str = "results.json";
const MANIFEST: &str = "manifest.json";
const CHECKPOINT: &str = "checkpoint";

/// Where a run goes when the user names no folder.
pub(crate) fn default_path(command: &str, seed: u64) -> PathBuf {
    PathBuf::from(format!("smml-runs/{command}-{seed}"))
}

/// A run folder in use.
pub(crate) struct Folder {
    path: PathBuf,
    command: &'static str,
    started: Instant,
    started_unix: u64,
    /// Files that were read, with the SHA-256 of their content.
    inputs: RefCell<Hashes>,
    /// How long each part took, in seconds, where a run has parts.
    parts: RefCell<BTreeMap<String, f64>>,
    /// What a search says of its time.
    time_to_solution: RefCell<Option<serde_json::Value>>,
    /// Of a run with one configuration: what its manifest says from the start.
    seed: Option<u64>,
}

/// How a folder is to be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Open {
    /// A new run; the same run may be there already, finished.
    New,
    /// A new run whatever is there.
    Force,
    /// The run that is there, perhaps to be made longer.
    Resume,
}

impl Open {
    /// What `--resume` and `--force` ask for.
    pub(crate) fn asked(resume: bool, force: bool) -> Self {
        match (resume, force) {
            (true, _) => Open::Resume,
            (_, true) => Open::Force,
            _ => Open::New,
        }
    }
}

impl Folder {
    /// Opens the folder that the arguments of a run name (`smml-runs/<command>-<seed>` when they name none), for the
    /// run with this configuration and these inputs, and begins.
    pub(crate) fn of_run(
        run: &RunArgs,
        command: &'static str,
        seed: u64,
        config: &str,
        inputs: &Hashes,
    ) -> Result<Self, Failure> {
        let folder = Folder::open_run(run, command, seed, config, inputs)?;
        folder.begin(config)?;
        Ok(folder)
    }

    /// [`Folder::of_run`] without [`Folder::begin`]: for a run whose configuration is known only with its checkpoint.
    pub(crate) fn open_run(
        run: &RunArgs,
        command: &'static str,
        seed: u64,
        config: &str,
        inputs: &Hashes,
    ) -> Result<Self, Failure> {
        let path = run.out.clone().unwrap_or_else(|| default_path(command, seed));
        let mut folder =
            Folder::open_with(&path, command, config, inputs, Open::asked(run.resume, run.force))?;
        folder.seed = Some(seed);
        // A drawn seed is always told: without it nobody could repeat the run.
        output::remark(run.seed.is_some(), &format!("seed {seed}"));
        Ok(folder)
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Opens the folder for a run with this configuration. Nothing in it is changed when it is refused.
    ///
    /// - A new run needs a folder that is empty or holds the same run, finished: the same bytes come out again. What it
    ///   had written is removed.
    /// - A run that is resumed may differ in how long it goes on ([`LENGTHS`]), and in where its data lie.
    /// - Another run is replaced only when forced.
    pub(crate) fn open(path: &Path, command: &'static str, config: &str, how: Open) -> Result<Self, Failure> {
        Folder::open_with(path, command, config, &Hashes::new(), how)
    }

    /// Refuses what [`Folder::of_run`] would refuse, and changes nothing: for a run that has to work before it knows whether
    /// there will be results.
    pub(crate) fn check_run(
        run: &RunArgs,
        command: &'static str,
        seed: u64,
        config: &str,
        inputs: &Hashes,
    ) -> Result<(), Failure> {
        let path = run.out.clone().unwrap_or_else(|| default_path(command, seed));
        let how = Open::asked(run.resume, run.force);
        Folder::examine(&path, command, config, inputs, how).map(drop)
    }

    /// [`Folder::open`] for a run that reads files: files of another content make another run of it, files in other places
    /// do not.
    pub(crate) fn open_with(
        path: &Path,
        command: &'static str,
        config: &str,
        inputs: &Hashes,
        how: Open,
    ) -> Result<Self, Failure> {
        let (folder, occupied) = Folder::examine(path, command, config, inputs, how)?;
        if how == Open::Resume {
            folder.remove_half_written()?;
            return Ok(folder);
        }
        fs::create_dir_all(path).map_err(|e| Failure::io(path, &e))?;
        if !occupied {
            folder.remove_half_written()?;
        }
        // First what makes the folder look finished, then what the old run has written, as its manifest has it.
        let written = folder.manifest().outputs;
        folder.remove(RESULTS)?;
        for name in written.keys().filter(|n| *n != CONFIG && is_inside(n)) {
            folder.remove(name)?;
        }
        for name in [MANIFEST, CHECKPOINT, "checkpoint.previous"] {
            folder.remove(name)?;
        }
        folder.write(CONFIG, config.as_bytes())?;
        Ok(folder)
    }

    /// The folder, unless the run is refused, and whether it holds something else. Nothing in it is changed.
    fn examine(
        path: &Path,
        command: &'static str,
        config: &str,
        inputs: &Hashes,
        how: Open,
    ) -> Result<(Self, bool), Failure> {
        let folder = Folder {
            path: path.to_path_buf(),
            command,
            started: Instant::now(),
            started_unix: unix_seconds(),
            inputs: RefCell::new(inputs.clone()),
            parts: RefCell::default(),
            time_to_solution: RefCell::default(),
            seed: None,
        };
        let refuse = |why: String| Err(Failure::Usage(format!("{}: {why}", path.display())));
        let found = folder.read_text(CONFIG)?;
        let finished = folder.file(RESULTS).exists();
        let long = [&PLACES[..], &LENGTHS].concat();
        // A run that was killed while it wrote its first file has left no more than a part of that.
        let damaged = |e: Failure| Failure::Usage(format!("{}: {e}", folder.file(CONFIG).display()));
        let occupied = found.is_none() && names(path)?.iter().any(|n| written_to(n) != Some(CONFIG));
        match (how, &found) {
            (Open::Resume, None) => {
                return Err(Failure::File(format!("{}: no run to resume here", path.display())));
            }
            (Open::Resume, Some(there)) => {
                if let Some(difference) = config::difference(there, config, &long).map_err(damaged)? {
                    return refuse(format!(
                        "holds another configuration, cannot resume it with this one ({difference})"
                    ));
                }
                if let Some(other) = folder.other_input(finished) {
                    return refuse(format!(
                        "holds a run of other files, cannot resume it with these ({other})"
                    ));
                }
            }
            (Open::New, Some(there)) => {
                if let Some(difference) = config::difference(there, config, &long).map_err(damaged)? {
                    return refuse(format!(
                        "holds another configuration ({difference}); use another --out, or --force to overwrite it"
                    ));
                }
                if let Some(other) = folder.other_input(finished) {
                    return refuse(format!(
                        "holds a run of other files ({other}); use another --out, or --force to overwrite it"
                    ));
                }
                if folder.file(CHECKPOINT).exists() && !finished {
                    return refuse(
                        "holds this run unfinished; --resume continues it, --force starts again".into(),
                    );
                }
                if let Some(difference) = config::difference(there, config, &PLACES).map_err(damaged)? {
                    return refuse(format!(
                        "holds another configuration ({difference}); --resume goes on from there, --force starts again"
                    ));
                }
            }
            (Open::New, None) if occupied => {
                return refuse("is not empty and holds no run; use another --out, or --force".into());
            }
            (Open::New, None) | (Open::Force, _) => {}
        }
        Ok((folder, occupied))
    }

    /// What the run in the folder read that is not what this one reads, in words.
    fn other_input(&self, finished: bool) -> Option<String> {
        let (there, here) = (self.manifest().inputs, self.inputs.borrow());
        let contents = |of: &Hashes| {
            let mut all: Vec<String> = of.values().cloned().collect();
            all.sort();
            all
        };
        // A manifest is written before anything else that is worth keeping.
        if contents(&there) == contents(&here) || (there.is_empty() && !finished) || here.is_empty() {
            return None;
        }
        let short = |hash: &String| hash.chars().take(12).collect::<String>();
        let other = here.iter().find(|(_, hash)| !there.values().any(|h| h == *hash));
        Some(match other {
            Some((path, hash)) => match there.get(path) {
                Some(old) => format!("{path}: SHA-256 there {}..., here {}...", short(old), short(hash)),
                None => format!("{path}: SHA-256 {}... is not among those there", short(hash)),
            },
            None => "files that were read there are missing here".into(),
        })
    }

    /// Writes the configuration. When it is not the one that is there (a run is made longer), the old results no longer
    /// belong to the folder and go first; how long they took is kept. From here on there is a manifest.
    pub(crate) fn begin(&self, config: &str) -> Result<(), Failure> {
        let there = self.read_text(CONFIG)?.unwrap_or_default();
        let longer = there != config && config::difference(&there, config, &PLACES)?.is_some();
        if longer {
            self.remove(RESULTS)?;
        }
        match self.seed {
            Some(seed) if longer || !self.file(MANIFEST).exists() => self.write_manifest(seed)?,
            None if longer => self.remove(MANIFEST)?,
            _ => {}
        }
        if there == config { Ok(()) } else { self.write(CONFIG, config.as_bytes()) }
    }

    /// The results of this very configuration, if the folder has them.
    pub(crate) fn finished(&self, config: &str) -> Result<Option<String>, Failure> {
        let there = self.read_text(CONFIG)?.unwrap_or_default();
        match config::difference(&there, config, &PLACES)? {
            None => self.read_text(RESULTS),
            Some(_) => Ok(None),
        }
    }

    /// A text file of the folder; none when it is not there.
    fn read_text(&self, name: &str) -> Result<Option<String>, Failure> {
        let path = self.file(name);
        match fs::read(&path) {
            // Bytes that are no text belong to no run of ours, and differ from all that do.
            Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(Failure::io(&path, &e)),
        }
    }

    /// The manifest that is there; an empty one when there is none that can be read.
    fn manifest(&self) -> Manifest {
        let text = fs::read_to_string(self.file(MANIFEST)).unwrap_or_default();
        serde_json::from_str(&text).unwrap_or_default()
    }

    /// Notes a file that the run read, with the SHA-256 of its content, for the manifest.
    pub(crate) fn input(&self, path: &Path, sha256: &str) {
        self.inputs.borrow_mut().insert(path.display().to_string(), sha256.to_string());
    }

    /// Notes how long a part took, for the manifest.
    pub(crate) fn part(&self, name: &str, seconds: f64) {
        self.parts.borrow_mut().insert(name.to_string(), milliseconds(seconds));
    }

    /// How long each part took, also before an interruption.
    pub(crate) fn parts(&self) -> BTreeMap<String, f64> {
        let mut all = self.manifest().parts;
        all.extend(self.parts.borrow().iter().map(|(k, v)| (k.clone(), *v)));
        all
    }

    /// Notes how long it takes to find a solution, for the manifest.
    pub(crate) fn time_to_solution(&self, found: serde_json::Value) {
        *self.time_to_solution.borrow_mut() = Some(found);
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
        for folder in [self.path.clone(), self.file("figures")] {
            for name in names(&folder)?.iter().filter(|n| written_to(n).is_some()) {
                let file = folder.join(name);
                fs::remove_file(&file).map_err(|e| Failure::io(&file, &e))?;
            }
        }
        Ok(())
    }

    /// Writes a file whole or not at all.
    pub(crate) fn write(&self, name: &str, bytes: &[u8]) -> Result<(), Failure> {
        Ok(store::write_atomically(&self.file(name), bytes)?)
    }

    /// Writes the manifest of a run that is under way.
    pub(crate) fn write_manifest(&self, seed: u64) -> Result<(), Failure> {
        self.save_manifest(seed, BTreeMap::new())
    }

    fn save_manifest(&self, seed: u64, outputs: BTreeMap<String, String>) -> Result<(), Failure> {
        let manifest = Manifest {
            program: "smml".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            command: self.command.into(),
            seed,
            threads: rayon::current_num_threads(),
            cpu_path: simd::path().name().into(),
            target: std::env::consts::ARCH.into(),
            started_unix: self.started_unix,
            seconds: milliseconds(self.elapsed()),
            parts: self.parts(),
            time_to_solution: self.time_to_solution.borrow().clone(),
            inputs: self.inputs.borrow().clone(),
            outputs,
        };
        self.write(MANIFEST, output::json(&manifest)?.as_bytes())
    }

    /// Writes the resolved configuration, the manifest with the hashes of the inputs and of the named outputs, and last
    /// the results.
    pub(crate) fn finish(
        &self,
        config: &str,
        results: &str,
        seed: u64,
        outputs: &[PathBuf],
    ) -> Result<(), Failure> {
        self.write(CONFIG, config.as_bytes())?;
        let mut hashes = BTreeMap::new();
        hashes.insert(CONFIG.to_string(), hex(config.as_bytes()));
        hashes.insert(RESULTS.to_string(), hex(results.as_bytes()));
        for path in outputs {
            let bytes = fs::read(path).map_err(|e| Failure::io(path, &e))?;
            let name = path.strip_prefix(&self.path).unwrap_or(path);
            hashes.insert(name.display().to_string(), hex(&bytes));
        }
        self.save_manifest(seed, hashes)?;
        self.write(RESULTS, results.as_bytes())?;
        // Which generation was the last but one is a matter of time.
        self.remove("checkpoint.previous")
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

/// Whether a name leads to a file in the folder or below, and not out of it.
fn is_inside(name: &str) -> bool {
    !name.is_empty() && Path::new(name).components().all(|c| matches!(c, Component::Normal(_)))
}

/// `manifest.json`: what a run was made with and how long it took. Nothing here decides a result.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct Manifest {
    program: String,
    version: String,
    command: String,
    seed: u64,
    threads: usize,
    cpu_path: String,
    target: String,
    started_unix: u64,
    seconds: f64,
    /// Seconds of each check of `smml reproduce`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    parts: BTreeMap<String, f64>,
    /// Of a search: how long it takes to find what it found.
    #[serde(skip_serializing_if = "Option::is_none")]
    time_to_solution: Option<serde_json::Value>,
    /// SHA-256 of what was read: of data sets, that of the uncompressed content.
    inputs: BTreeMap<String, String>,
    /// SHA-256 of what was written.
    outputs: BTreeMap<String, String>,
}

/// Seconds to three digits after the point.
fn milliseconds(seconds: f64) -> f64 {
    (seconds * 1e3).round() / 1e3
}

fn unix_seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "command = \"x\"\nseed = 1\nsweeps = 10\n";
    const LONGER: &str = "command = \"x\"\nseed = 1\nsweeps = 20\n";
    const B: &str = "command = \"x\"\nseed = 2\nsweeps = 10\n";

    fn open(path: &Path, config: &str, how: Open) -> Result<Folder, String> {
        Folder::open(path, "x", config, how).map_err(|e| e.to_string())
    }

    #[test]
    fn what_may_replace_what() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("run");
        let refused = |config, how, why: &str| match open(&path, config, how) {
            Ok(_) => panic!("not refused: {why}"),
            Err(e) => assert!(e.contains(why), "{e}"),
        };
        refused(A, Open::Resume, "no run to resume");
        let folder = open(&path, A, Open::New).unwrap();
        assert!(folder.finished(A).unwrap().is_none());
        // Nothing is lost yet.
        open(&path, A, Open::New).unwrap();
        folder.write("checkpoint", b"x").unwrap();
        refused(A, Open::New, "unfinished; --resume continues it");
        refused(LONGER, Open::New, "unfinished; --resume continues it");
        refused(B, Open::New, "another configuration (there: seed = 1, here: seed = 2)");
        open(&path, A, Open::Resume).unwrap();
        folder.finish(A, "{}", 1, &[folder.file("checkpoint")]).unwrap();
        refused(LONGER, Open::New, "sweeps = 20); --resume goes on");
        refused(B, Open::New, "--force to overwrite");
        refused(B, Open::Resume, "cannot resume");
        assert_eq!(folder.finished(A).unwrap().as_deref(), Some("{}"));
        // Longer: the results go with the old configuration, the checkpoint stays.
        let longer = open(&path, LONGER, Open::Resume).unwrap();
        assert!(longer.finished(LONGER).unwrap().is_none() && folder.file(RESULTS).exists());
        longer.begin(LONGER).unwrap();
        assert!(!folder.file(RESULTS).exists() && folder.file(CHECKPOINT).exists());
        refused(A, Open::New, "unfinished");
        open(&path, B, Open::Force).unwrap();
        assert_eq!(names(&path).unwrap(), [CONFIG]);
        // A configuration that cannot be read is not taken for one without keys.
        folder.write(CONFIG, b"command = [").unwrap();
        for how in [Open::New, Open::Resume] {
            refused(B, how, "no configuration");
        }
        open(&path, B, Open::Force).unwrap();
    }

    #[test]
    fn another_content_of_an_input_is_another_run() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("run");
        let hashes = |path: &str, hash: &str| Hashes::from([(path.to_string(), hash.to_string())]);
        let open = |inputs: &Hashes, how| {
            let mut folder = Folder::open_with(&path, "x", A, inputs, how)?;
            folder.seed = Some(1);
            folder.begin(A).map(|()| folder)
        };
        let (old, moved, new) = (hashes("/f", "aaa"), hashes("/g", "aaa"), hashes("/f", "bbb"));
        let folder = open(&old, Open::New).unwrap();
        folder.write(CHECKPOINT, b"x").unwrap();
        for finished in [false, true] {
            if finished {
                folder.finish(A, "{}", 1, &[]).unwrap();
                open(&moved, Open::New).unwrap().finish(A, "{}", 1, &[]).unwrap();
            }
            for how in [Open::New, Open::Resume] {
                let said = open(&new, how).err().unwrap().to_string();
                assert!(said.contains("other files") && said.contains("bbb"), "{said}");
            }
            open(&moved, Open::Resume).unwrap();
        }
        open(&new, Open::Force).unwrap();
        assert_eq!(folder.manifest().inputs, new);
    }

    #[test]
    fn a_new_run_removes_what_the_manifest_names_and_nothing_else() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("run");
        let folder = open(&path, A, Open::New).unwrap();
        let outside = place.path().join("outside.csv");
        fs::write(&outside, "x").unwrap();
        fs::create_dir(path.join("figures")).unwrap();
        for name in ["figures/a.svg", "mine.txt"] {
            folder.write(name, b"x").unwrap();
        }
        folder.finish(A, "{}", 1, &[folder.file("figures/a.svg"), path.join("../outside.csv")]).unwrap();
        open(&path, A, Open::New).unwrap();
        assert!(outside.exists() && folder.file("mine.txt").exists());
        assert!(!folder.file("figures/a.svg").exists() && !folder.file(MANIFEST).exists());
    }

    #[test]
    fn times_survive_an_interruption() {
        let place = tempfile::tempdir().unwrap();
        let folder = open(place.path(), A, Open::New).unwrap();
        folder.part("one", 1.25);
        folder.write_manifest(1).unwrap();
        let mut resumed = open(place.path(), LONGER, Open::Resume).unwrap();
        resumed.seed = Some(1);
        resumed.begin(LONGER).unwrap();
        resumed.part("two", 0.5);
        assert_eq!(
            resumed.parts().into_iter().collect::<Vec<_>>(),
            [("one".into(), 1.25), ("two".into(), 0.5)]
        );
    }
}
