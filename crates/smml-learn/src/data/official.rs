//! The published data sets this crate knows: where they come from, their files and hashes, and the folder loader.

use super::{DataSet, cifar, idx};
use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};
use std::{
    fmt::Write as _,
    path::{Path, PathBuf},
};

/// A published data set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Known {
    /// Handwritten digits, 60,000 + 10,000 images of 28 × 28 (LeCun, Cortes, Burges).
    Mnist,
    /// Clothing, in the same format (Xiao, Rasul, Vollgraf, arXiv:1708.07747).
    FashionMnist,
    /// Things and animals, 50,000 + 10,000 colour images of 32 × 32 in ten classes, in the binary format and read as grey
    /// images ([`cifar`]; Krizhevsky, Learning Multiple Layers of Features from Tiny Images, 2009).
    #[serde(rename = "cifar-10")]
    Cifar10,
}

/// One file of a published set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OfficialFile {
    /// Name without `.gz`.
    pub name: &'static str,
    /// SHA-256 of the uncompressed content; `None` where it is not published file by file.
    pub sha256: Option<&'static str>,
}

const NAMES: [&str; 4] = [
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
];
const CIFAR: [&str; 6] = [
    "data_batch_1.bin",
    "data_batch_2.bin",
    "data_batch_3.bin",
    "data_batch_4.bin",
    "data_batch_5.bin",
    "test_batch.bin",
];
const MNIST: [&str; 4] = [
    "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
];
const FASHION: [&str; 4] = [
    "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
    "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
    "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
    "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
];

/// Whether a file is the published one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Provenance {
    /// The content has the published SHA-256.
    Official,
    /// It has another one, given here in hexadecimal.
    Unknown(String),
    /// The content has the right form, and this SHA-256; none is published for this file.
    Unlisted(String),
}

/// A file that was read, and whether it is the published one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileReport {
    /// Where it was found.
    pub path: PathBuf,
    /// SHA-256 of the uncompressed content.
    pub sha256: String,
    /// Compared with the published hash.
    pub provenance: Provenance,
}

/// A training set and a test set of images with labels.
#[derive(Clone, Debug, PartialEq)]
pub struct TrainTest {
    /// The training set.
    pub train: DataSet,
    /// The test set.
    pub test: DataSet,
    /// Its files, in the order of [`Known::files`].
    pub files: Vec<FileReport>,
}

impl Known {
    /// All of them.
    pub const ALL: [Known; 3] = [Known::Mnist, Known::FashionMnist, Known::Cifar10];

    /// Name, which is also the name of the usual folder.
    pub fn name(self) -> &'static str {
        match self {
            Known::Mnist => "mnist",
            Known::FashionMnist => "fashion-mnist",
            Known::Cifar10 => "cifar-10",
        }
    }
    /// Folders in which its files are looked for: one of its name, and the one its archive unpacks to.
    pub fn folders(self) -> &'static [&'static str] {
        match self {
            Known::Mnist => &["mnist"],
            Known::FashionMnist => &["fashion-mnist"],
            Known::Cifar10 => &["cifar-10", "cifar-10-batches-bin"],
        }
    }
    /// Number of classes, whether or not all of them occur among the labels at hand.
    pub fn n_classes(self) -> usize {
        match self {
            Known::Mnist | Known::FashionMnist | Known::Cifar10 => 10,
        }
    }
    /// Where the files are published.
    pub fn source(self) -> &'static str {
        match self {
            Known::Mnist => {
                "http://yann.lecun.com/exdb/mnist/ (mirror: https://ossci-datasets.s3.amazonaws.com/mnist/)"
            }
            Known::FashionMnist => "https://github.com/zalandoresearch/fashion-mnist (data/fashion)",
            Known::Cifar10 => {
                "https://www.cs.toronto.edu/~kriz/cifar.html (cifar-10-binary.tar.gz, whose SHA-256 is \
                 c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd; unpack it)"
            }
        }
    }
    /// Its files: training images and labels, test images and labels; of CIFAR-10 five batches for training and one for the
    /// test.
    pub fn files(self) -> Vec<OfficialFile> {
        let with = |hashes: [&'static str; 4]| {
            let file = |(name, hash)| OfficialFile { name, sha256: Some(hash) };
            NAMES.into_iter().zip(hashes).map(file).collect()
        };
        match self {
            Known::Mnist => with(MNIST),
            Known::FashionMnist => with(FASHION),
            Known::Cifar10 => CIFAR.into_iter().map(|name| OfficialFile { name, sha256: None }).collect(),
        }
    }
    /// SHA-256 of the uncompressed content of a file in the format of the set. Errors: as reading it has.
    pub fn sha256(self, path: &Path) -> Result<String> {
        match self {
            Known::Mnist | Known::FashionMnist => Ok(idx::read(path)?.sha256),
            Known::Cifar10 => Ok(cifar::read(path)?.sha256),
        }
    }
    /// Source, files and hashes, as text for people.
    pub fn how_to_get(self) -> String {
        let mut text = format!("\n{} is published at {}\n", self.name(), self.source());
        let files = self.files();
        text.push_str(match files.iter().all(|f| f.sha256.is_some()) {
            true => "files (plain or .gz) with the SHA-256 of their uncompressed content:",
            false => "files (plain or .gz):",
        });
        for file in files {
            // Writing to a String cannot fail.
            let _ = match file.sha256 {
                Some(sha256) => write!(text, "\n  {sha256}  {}", file.name),
                None => write!(text, "\n  {}", file.name),
            };
        }
        text
    }
    /// The set and file that has this hash.
    pub fn by_hash(sha256: &str) -> Option<(Known, OfficialFile)> {
        Known::ALL
            .iter()
            .find_map(|k| k.files().into_iter().find(|f| f.sha256 == Some(sha256)).map(|f| (*k, f)))
    }

    /// The files of the set that are in one of its [`Known::folders`] in `folder` or, when there are none, in `folder`
    /// itself, as `NAME`, `NAME.gz` or with `.idx` in place of `-idx`; with the place where they were looked for. The order
    /// is that of [`Known::files`]. A place that has all of them is taken before one that has some.
    pub fn find(self, folder: &Path) -> (PathBuf, Vec<Option<PathBuf>>) {
        let own = self.folders().iter().map(|name| folder.join(name));
        let places: Vec<PathBuf> = own.chain([folder.to_path_buf()]).collect();
        let in_place = |place: &PathBuf| -> Vec<Option<PathBuf>> {
            let find = |file: OfficialFile| {
                [file.name.to_string(), file.name.replace("-idx", ".idx")]
                    .into_iter()
                    .flat_map(|n| [format!("{n}.gz"), n])
                    .map(|n| place.join(n))
                    .find(|p| p.is_file())
            };
            self.files().into_iter().map(find).collect()
        };
        let found: Vec<_> = places.iter().map(in_place).collect();
        let chosen = found
            .iter()
            .position(|f| f.iter().all(Option::is_some))
            .or_else(|| found.iter().position(|f| f.iter().any(Option::is_some)))
            .or_else(|| places.iter().take(places.len() - 1).position(|p| p.is_dir()))
            .unwrap_or(places.len() - 1);
        (places[chosen].clone(), found[chosen].clone())
    }

    /// The files of the set, by the rule of [`Known::find`].
    ///
    /// Errors: [`Error::MissingData`], which says where the set is published, with names and hashes.
    pub fn locate(self, folder: &Path) -> Result<Vec<PathBuf>> {
        let (place, found) = self.find(folder);
        let missing = |name: &str| Error::MissingData {
            set: self.name().into(),
            folder: place.clone(),
            missing: format!("{name}(.gz)"),
            how_to_get: self.how_to_get(),
        };
        found
            .into_iter()
            .zip(self.files())
            .map(|(path, file)| path.ok_or_else(|| missing(file.name)))
            .collect()
    }

    /// Reads the set from a folder and compares every file with the published hash.
    ///
    /// A file with another hash is read all the same and reported as [`Provenance::Unknown`], so that own data in this
    /// format can be used. It is an error when the hash shows that it is another file, or belongs to another set.
    pub fn load(self, folder: &Path) -> Result<TrainTest> {
        let paths = self.locate(folder)?;
        match self {
            Known::Mnist | Known::FashionMnist => self.load_idx(paths),
            Known::Cifar10 => self.load_batches(paths),
        }
    }

    /// Compares the hash of a file with the published one.
    fn report(self, path: PathBuf, official: OfficialFile, sha256: String) -> Result<FileReport> {
        if let Some((set, file)) = Known::by_hash(&sha256)
            && (set, file) != (self, official)
        {
            let problem = format!(
                "this is {} of {}, where {} of {} should be",
                file.name,
                set.name(),
                official.name,
                self.name()
            );
            return Err(smml_core::Error::corrupt(&path, "content", problem).into());
        }
        let provenance = match official.sha256 {
            None => Provenance::Unlisted(sha256.clone()),
            Some(published) if published == sha256 => Provenance::Official,
            Some(_) => Provenance::Unknown(sha256.clone()),
        };
        Ok(FileReport { path, sha256, provenance })
    }

    /// Images and labels in files of their own.
    fn load_idx(self, paths: Vec<PathBuf>) -> Result<TrainTest> {
        let mut files = Vec::with_capacity(paths.len());
        let mut parts = Vec::with_capacity(paths.len());
        for (path, official) in paths.into_iter().zip(self.files()) {
            let part = idx::read(&path)?;
            files.push(self.report(path, official, part.sha256.clone())?);
            parts.push(part);
        }
        let mut sets = parts.chunks_exact_mut(2).zip(files.chunks_exact(2)).map(|(part, file)| {
            let images = std::mem::take(&mut part[0].values);
            let labels = std::mem::take(&mut part[1].values);
            let [n, rows, columns] = part[0].dims[..] else {
                let problem = "these are labels, images were expected";
                return Err(Error::from(smml_core::Error::corrupt(&file[0].path, "byte 0", problem)));
            };
            let [n_labels] = part[1].dims[..] else {
                let problem = "these are images, labels were expected";
                return Err(smml_core::Error::corrupt(&file[1].path, "byte 0", problem).into());
            };
            if n_labels != n {
                let problem = format!("{n_labels} labels for the {n} images of {}", file[0].path.display());
                return Err(smml_core::Error::corrupt(&file[1].path, "byte 4", problem).into());
            }
            DataSet::new(images, rows, columns, labels)
        });
        let missing = || Error::length("files", 0, 4);
        let train = sets.next().ok_or_else(missing)??;
        let test = sets.next().ok_or_else(missing)??;
        drop(sets);
        if (train.rows(), train.columns()) != (test.rows(), test.columns()) {
            let problem = format!(
                "test images are {} x {}, training images {} x {}",
                test.rows(),
                test.columns(),
                train.rows(),
                train.columns()
            );
            return Err(smml_core::Error::corrupt(&files[2].path, "byte 8", problem).into());
        }
        Ok(TrainTest { train, test, files })
    }

    /// Batches of images with their labels, the last one for the test.
    fn load_batches(self, paths: Vec<PathBuf>) -> Result<TrainTest> {
        let mut files = Vec::with_capacity(paths.len());
        let (mut images, mut labels) = (Vec::new(), Vec::new());
        let mut test = None;
        let n = paths.len();
        for (k, (path, official)) in paths.into_iter().zip(self.files()).enumerate() {
            let batch = cifar::read(&path)?;
            files.push(self.report(path, official, batch.sha256)?);
            if k + 1 == n {
                test = Some(batch.set);
            } else {
                images.extend_from_slice(batch.set.images());
                labels.extend_from_slice(batch.set.labels());
            }
        }
        let train = DataSet::new(images, cifar::SIDE, cifar::SIDE, labels)?;
        let test = test.ok_or_else(|| Error::length("files", 0, CIFAR.len()))?;
        Ok(TrainTest { train, test, files })
    }
}

impl std::str::FromStr for Known {
    type Err = Error;
    fn from_str(name: &str) -> Result<Self> {
        Known::ALL
            .into_iter()
            .find(|k| k.name() == name)
            .ok_or_else(|| Error::out_of_range("data set", name, "mnist, fashion-mnist or cifar-10"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn idx_file(magic: u32, dims: &[u32], n: usize) -> Vec<u8> {
        let mut out = magic.to_be_bytes().to_vec();
        dims.iter().for_each(|d| out.extend(d.to_be_bytes()));
        out.extend((0..n).map(|i| (i % 10) as u8));
        out
    }

    fn write_set(dir: &Path, n_labels: u32) {
        std::fs::create_dir_all(dir).unwrap();
        std::fs::write(dir.join(NAMES[0]), idx_file(0x803, &[5, 2, 3], 30)).unwrap();
        std::fs::write(dir.join(NAMES[1]), idx_file(0x801, &[n_labels], n_labels as usize)).unwrap();
        std::fs::write(dir.join("t10k-images.idx3-ubyte"), idx_file(0x803, &[2, 2, 3], 12)).unwrap();
        std::fs::write(dir.join(NAMES[3]), idx_file(0x801, &[2], 2)).unwrap();
    }

    #[test]
    fn own_data_in_the_format_is_read_and_reported_as_unknown() {
        let dir = tempfile::tempdir().unwrap();
        write_set(&dir.path().join("mnist"), 5);
        let set = Known::Mnist.load(dir.path()).unwrap();
        assert_eq!((set.train.len(), set.test.len(), set.train.n_pixels()), (5, 2, 6));
        assert_eq!(set.train.labels(), [0, 1, 2, 3, 4]);
        assert!(set.files.iter().all(|f| matches!(f.provenance, Provenance::Unknown(_))));
        // the folder of the set itself does as well
        assert_eq!(Known::Mnist.load(&dir.path().join("mnist")).unwrap().train, set.train);
    }

    #[test]
    fn counts_that_differ_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        write_set(dir.path(), 4);
        let text = Known::Mnist.load(dir.path()).unwrap_err().to_string();
        assert!(text.contains("4 labels for the 5 images") && text.contains(NAMES[1]), "{text}");
        std::fs::copy(dir.path().join(NAMES[1]), dir.path().join(NAMES[0])).unwrap();
        let text = Known::Mnist.load(dir.path()).unwrap_err().to_string();
        assert!(text.contains("images were expected"), "{text}");
    }

    #[test]
    fn a_missing_set_says_how_to_get_it() {
        let dir = tempfile::tempdir().unwrap();
        let text = Known::FashionMnist.load(dir.path()).unwrap_err().to_string();
        for part in ["fashion-mnist", "zalandoresearch", NAMES[0], FASHION[0], FASHION[3]] {
            assert!(text.contains(part), "{text}");
        }
        write_set(dir.path(), 5);
        std::fs::remove_file(dir.path().join(NAMES[3])).unwrap();
        let text = Known::Mnist.load(dir.path()).unwrap_err().to_string();
        assert!(text.contains(&format!("{}(.gz) not found", NAMES[3])), "{text}");
        // The folder that the user named, when it has no folder of the set.
        assert!(text.contains(&format!("mnist is not in {}:", dir.path().display())), "{text}");
        std::fs::create_dir(dir.path().join("mnist")).unwrap();
        std::fs::rename(dir.path().join(NAMES[1]), dir.path().join("mnist").join(NAMES[1])).unwrap();
        let (place, found) = Known::Mnist.find(dir.path());
        assert_eq!(
            (place, found.iter().map(Option::is_some).collect::<Vec<_>>()),
            (dir.path().join("mnist"), vec![false, true, false, false])
        );
    }

    #[test]
    fn batches_of_colour_images_are_read_as_grey() {
        let record = |label: u8, value: u8| [vec![label], vec![value; 3072]].concat();
        let dir = tempfile::tempdir().unwrap();
        let text = Known::Cifar10.load(dir.path()).unwrap_err().to_string();
        for part in
            ["cifar-10 is not in", "data_batch_1.bin(.gz) not found", "cifar-10-binary.tar.gz", "toronto"]
        {
            assert!(text.contains(part), "{text}");
        }
        for folder in Known::Cifar10.folders() {
            let place = dir.path().join(folder);
            std::fs::create_dir(&place).unwrap();
            for (k, name) in CIFAR.into_iter().enumerate() {
                let k = k as u8;
                std::fs::write(place.join(name), [record(k, 10 * k), record(9 - k, 10 * k + 1)].concat())
                    .unwrap();
            }
            let set = Known::Cifar10.load(dir.path()).unwrap();
            assert_eq!((set.train.len(), set.test.len(), set.train.rows()), (10, 2, 32));
            assert_eq!(set.train.labels(), [0, 9, 1, 8, 2, 7, 3, 6, 4, 5]);
            assert_eq!(
                (set.train.image(5)[77], set.test.image(1)[1023], set.test.labels()),
                (21, 51, &[5, 4][..])
            );
            assert!(set.files.iter().all(|f| f.path.starts_with(&place)));
            for file in &set.files {
                assert_eq!(file.provenance, Provenance::Unlisted(file.sha256.clone()));
                assert_eq!(Known::Cifar10.sha256(&file.path).unwrap(), file.sha256);
            }
            assert_eq!(Known::Cifar10.load(&place).unwrap(), set);
            std::fs::write(place.join(CIFAR[3]), &record(3, 0)[..3000]).unwrap();
            let text = Known::Cifar10.load(dir.path()).unwrap_err().to_string();
            assert!(text.contains("data_batch_4.bin") && text.contains("record 0"), "{text}");
            std::fs::remove_dir_all(place).unwrap();
        }
    }

    #[test]
    fn hashes_are_told_apart() {
        assert_eq!(Known::by_hash(FASHION[2]).map(|k| k.0), Some(Known::FashionMnist));
        assert_eq!(Known::by_hash("00"), None);
        assert!(Known::ALL.iter().all(|k| k.n_classes() == 10));
        assert!("mnits".parse::<Known>().is_err());
    }
}
