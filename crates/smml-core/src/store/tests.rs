use super::*;
use std::{cell::RefCell, collections::BTreeMap};

#[test]
fn every_bit_flip_and_every_cut_is_caught() {
    let bytes = encode(&vec![1.5f64; 20], 42).unwrap();
    for i in 0..bytes.len() * 8 {
        let mut bad = bytes.clone();
        bad[i / 8] ^= 1 << (i % 8);
        assert!(decode::<Vec<f64>>(&bad, 42).is_err(), "bit {i}");
    }
    for n in 0..bytes.len() {
        assert!(decode::<Vec<f64>>(&bytes[..n], 42).is_err());
    }
    let mut longer = bytes.clone();
    longer.push(0);
    assert!(decode::<Vec<f64>>(&longer, 42).is_err());
    assert!(decode::<Vec<f64>>(&bytes, 41).unwrap_err().to_string().contains("other parameters"));
    assert_eq!(decode::<Vec<f64>>(&bytes, 42).unwrap(), vec![1.5; 20]);
}

#[test]
fn hostile_lengths_and_other_types_are_errors() {
    // A valid envelope around a vector that claims 2⁶³ elements.
    let crafted = encode(&(1u64 << 63, 7u64), 0).unwrap();
    assert!(decode::<Vec<f64>>(&crafted, 0).is_err());
    assert!(decode::<String>(&encode(&vec![0xffu8; 9], 0).unwrap(), 0).is_err());
    assert!(
        decode::<u64>(&encode(&(1u64, 2u64), 0).unwrap(), 0).unwrap_err().to_string().contains("left over")
    );
}

#[test]
fn floats_keep_their_bits() {
    let odd = vec![f64::from_bits(0x7ff8_0000_0000_1234), f64::INFINITY, -0.0, 5e-324];
    let back: Vec<f64> = decode(&encode(&odd, 0).unwrap(), 0).unwrap();
    assert!(odd.iter().zip(&back).all(|(a, b)| a.to_bits() == b.to_bits()));
}

#[test]
fn generations_and_fall_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.ckpt");
    assert_eq!(load::<u32>(&path, 1).unwrap(), None);
    save(&path, &10u32, 1).unwrap();
    save(&path, &11u32, 1).unwrap();
    assert_eq!(load::<u32>(&path, 1).unwrap().unwrap(), Loaded { value: 11, fell_back: None });
    let mut bytes = fs::read(&path).unwrap();
    bytes.truncate(bytes.len() - 1);
    fs::write(&path, bytes).unwrap();
    let back = load::<u32>(&path, 1).unwrap().unwrap();
    assert_eq!(back.value, 10);
    assert!(back.fell_back.unwrap().contains("run.ckpt"));
    fs::write(previous(&path), b"nonsense").unwrap();
    let message = load::<u32>(&path, 1).unwrap_err().to_string();
    assert!(message.contains("run.ckpt: byte 20"), "{message}");
    assert!(save(&folder.path().join("no such folder/x"), &1u32, 1).is_err());
    let names: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|f| f.unwrap().file_name()).collect();
    assert_eq!(names.len(), 2, "temporary files are left: {names:?}");
}

/// A disk that stops at the k-th operation, after doing a part of it.
struct Failing {
    disk: RefCell<BTreeMap<PathBuf, Vec<u8>>>,
    left: RefCell<usize>,
    /// Bytes of a torn write that still arrive.
    torn: usize,
}

impl Failing {
    fn tick(&self) -> io::Result<()> {
        let mut left = self.left.borrow_mut();
        if *left == 0 {
            return Err(io::Error::other("power failure"));
        }
        *left -= 1;
        Ok(())
    }
}

impl Files for Failing {
    fn create_synced(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let done = self.tick();
        let arrived = if done.is_ok() { bytes.len() } else { self.torn.min(bytes.len()) };
        self.disk.borrow_mut().insert(path.into(), bytes[..arrived].to_vec());
        done
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.tick()?;
        let mut disk = self.disk.borrow_mut();
        let bytes = disk.remove(from).ok_or(io::ErrorKind::NotFound)?;
        disk.insert(to.into(), bytes);
        Ok(())
    }
    fn is_whole(&self, path: &Path) -> bool {
        self.disk.borrow().get(path).is_some_and(|bytes| open(bytes).is_ok())
    }
    fn sync_folder(&self, _: &Path) -> io::Result<()> {
        self.tick()
    }
    fn remove(&self, _: &Path) {} // after a power failure nobody cleans up
}

#[test]
fn a_failure_at_any_operation_leaves_a_whole_generation() {
    let path = Path::new("/run.ckpt");
    for torn in [0, 1, 20, 33] {
        for fail_at in 0..4 {
            let files = Failing { disk: Default::default(), left: RefCell::new(usize::MAX), torn };
            for value in [1u64, 2] {
                commit(&files, path, &encode(&value, 0).unwrap(), true).unwrap();
            }
            *files.left.borrow_mut() = fail_at;
            assert!(commit(&files, path, &encode(&3u64, 0).unwrap(), true).is_err());
            let disk = files.disk.borrow();
            let whole = |p: &Path| disk.get(p).and_then(|b| parse::<u64>(b, 0).ok());
            let found = whole(path).or(whole(&previous(path)));
            let expected = if fail_at == 3 { 3 } else { 2 };
            assert_eq!(found, Some(expected), "failure at operation {fail_at}, {torn} bytes written");
        }
    }
}

#[test]
fn a_damaged_file_never_replaces_the_whole_generation_before_it() {
    let path = Path::new("/run.ckpt");
    for fail_at in 0..4 {
        let files = Failing { disk: Default::default(), left: RefCell::new(usize::MAX), torn: 0 };
        for value in [1u64, 2] {
            commit(&files, path, &encode(&value, 0).unwrap(), true).unwrap();
        }
        files.disk.borrow_mut().get_mut(path).unwrap()[36] ^= 1;
        *files.left.borrow_mut() = fail_at;
        // With nothing to rename to the previous generation there are three operations.
        assert_eq!(commit(&files, path, &encode(&3u64, 0).unwrap(), true).is_err(), fail_at < 3);
        let disk = files.disk.borrow();
        let whole = |p: &Path| disk.get(p).and_then(|b| parse::<u64>(b, 0).ok());
        assert_eq!(whole(&previous(path)), Some(1), "failure at operation {fail_at}");
        assert_eq!(whole(path), (fail_at >= 2).then_some(3));
    }
}

#[test]
fn parameter_hash_sees_every_field() {
    let of = |x: &(u64, f64, &str)| parameter_hash(x).unwrap();
    assert_eq!(of(&(1, 2.0, "a")), of(&(1, 2.0, "a")));
    assert_ne!(of(&(1, 2.0, "a")), of(&(1, 2.0, "b")));
    assert_ne!(of(&(1, 2.0, "a")), of(&(1, -2.0, "a")));
}
