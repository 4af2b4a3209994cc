//! What the tests of the program as a process share.
#![allow(dead_code)] // not every test file uses all of it

use std::{
    fs,
    path::Path,
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};

/// The program with arguments, not yet started. Its environment names no data folder.
pub(crate) fn smml<S: AsRef<std::ffi::OsStr>>(arguments: impl IntoIterator<Item = S>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_smml"));
    command.args(arguments).env_remove("SMML_DATA");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Runs the program to its end.
pub(crate) fn run<S: AsRef<std::ffi::OsStr>>(arguments: impl IntoIterator<Item = S>) -> Output {
    smml(arguments).output().unwrap()
}

/// Runs the program, which must end with this code; returns what it wrote to standard error.
pub(crate) fn run_to<S: AsRef<std::ffi::OsStr>>(
    expected: i32,
    arguments: impl IntoIterator<Item = S>,
) -> String {
    let mut command = smml(arguments);
    let done = command.output().unwrap();
    assert_eq!(code(&done), expected, "{command:?}: {}", message(&done));
    message(&done)
}

pub(crate) fn code(output: &Output) -> i32 {
    output.status.code().unwrap_or_else(|| panic!("{output:?}"))
}

pub(crate) fn message(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Words and one more: `--out=FOLDER`.
pub(crate) fn line(words: &[&str], folder: &Path) -> Vec<String> {
    let mut line: Vec<String> = words.iter().map(|a| (*a).to_string()).collect();
    line.push(out(folder));
    line
}

pub(crate) fn out(folder: &Path) -> String {
    format!("--out={}", folder.display())
}

pub(crate) fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|e| panic!("{path:?}: {e}"))
}

pub(crate) fn bytes(folder: &Path, names: &[&str]) -> Vec<Vec<u8>> {
    names.iter().map(|n| fs::read(folder.join(n)).unwrap_or_else(|e| panic!("{folder:?}/{n}: {e}"))).collect()
}

pub(crate) fn assert_same(a: &Path, b: &Path, names: &[&str], what: &str) {
    for (name, (x, y)) in names.iter().zip(bytes(a, names).into_iter().zip(bytes(b, names))) {
        assert!(x == y, "{what}: {name} differs");
    }
}

/// All files below a folder, sorted, without those named.
pub(crate) fn files(folder: &Path, without: &[&str]) -> Vec<String> {
    fn walk(folder: &Path, prefix: &str, found: &mut Vec<String>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = format!("{prefix}{}", path.file_name().unwrap().to_string_lossy());
            if path.is_dir() {
                walk(&path, &format!("{name}/"), found);
            } else {
                found.push(name);
            }
        }
    }
    let mut found = Vec::new();
    walk(folder, "", &mut found);
    found.retain(|f| !without.contains(&f.as_str()));
    found.sort();
    found
}

/// Two folders hold the same files, byte for byte, but for those named.
pub(crate) fn assert_same_folders(a: &Path, b: &Path, without: &[&str], what: &str) {
    let names = files(a, without);
    assert_eq!(names, files(b, without), "{what}");
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    assert_same(a, b, &names, what);
}

/// Waits for a file that the program writes.
pub(crate) fn wait_for(path: &Path, child: &mut Child) {
    let start = Instant::now();
    while !path.exists() {
        assert!(child.try_wait().unwrap().is_none(), "ended without {path:?}");
        assert!(start.elapsed().as_secs() < 60, "no {path:?}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Sends a signal by name.
pub(crate) fn send(signal: &str, child: &Child) {
    let sent = Command::new("kill").args([&format!("-{signal}"), &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
}

/// Files in the idx format.
pub(crate) fn idx(magic: u32, dims: &[u32], values: &[u8]) -> Vec<u8> {
    let mut out = magic.to_be_bytes().to_vec();
    dims.iter().for_each(|d| out.extend(d.to_be_bytes()));
    out.extend(values);
    out
}

/// A data set of 3 x 3 images in two classes: the left column or the right one is bright.
pub(crate) fn write_set(folder: &Path, train: u32, test: u32) {
    fs::create_dir_all(folder).unwrap();
    for (name, n) in [("train", train), ("t10k", test)] {
        let images: Vec<u8> = (0..n)
            .flat_map(|i| if i % 2 == 0 { [200, 0, 0].repeat(3) } else { [0, 0, 200].repeat(3) })
            .collect();
        let labels: Vec<u8> = (0..n).map(|i| (i % 2) as u8).collect();
        fs::write(folder.join(format!("{name}-images-idx3-ubyte")), idx(0x803, &[n, 3, 3], &images)).unwrap();
        fs::write(folder.join(format!("{name}-labels-idx1-ubyte")), idx(0x801, &[n], &labels)).unwrap();
    }
}
