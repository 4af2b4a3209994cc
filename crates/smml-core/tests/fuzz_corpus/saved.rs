//! What the fuzz target `checkpoint` and the replay of its corpus decode: every kind of value that a checkpoint holds.

use serde::{Deserialize, Serialize};
use smml_core::{
    chain::{Chain, Record},
    rng::Streams,
    sample::Metropolis,
    schedule::Schedule,
    store,
};

/// A bit of everything.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Saved {
    /// A text: the codec allocates it on the word of its length.
    pub(crate) name: String,
    /// A chain with its stream.
    pub(crate) chain: Chain<Metropolis, Vec<i8>>,
    /// Nested lists.
    pub(crate) rows: Vec<Vec<f64>>,
    /// Checked when it is read.
    pub(crate) record: Record,
    /// An enum.
    pub(crate) schedule: Schedule,
    /// An option.
    pub(crate) best: Option<(u64, f32, char, bool)>,
}

/// A valid value.
pub(crate) fn example(n: usize) -> Saved {
    let mut record = Record::new(3).expect("a width of 3");
    for i in 0..n {
        record.push(&[i as f64, -0.5, f64::NAN]).expect("rows of 3");
    }
    Saved {
        name: "Ising ∎".repeat(n),
        chain: Chain::new(
            Metropolis::new(7).expect("7 attempts"),
            vec![-1; n],
            Streams::new(n as u64).stream("saved", 0),
        ),
        rows: vec![vec![1.5; n]; 2],
        record,
        schedule: Schedule::Table(vec![1.0; n.max(1)]),
        best: n.is_multiple_of(2).then_some((n as u64, 0.5, '∎', true)),
    }
}

/// An envelope with a right checksum around any content.
pub(crate) fn enclose(content: &[u8]) -> Vec<u8> {
    let mut bytes = store::encode(&(), 0).expect("nothing is easily saved");
    bytes.truncate(28);
    bytes[20..28].copy_from_slice(&(content.len() as u64).to_le_bytes());
    let mut crc = crc32fast::Hasher::new();
    crc.update(&bytes);
    crc.update(content);
    bytes.extend(crc.finalize().to_le_bytes());
    bytes.extend(content);
    bytes
}

/// Decodes `bytes` as a checkpoint and as the content of one. Whatever is accepted must be saved again as the same
/// bytes: nothing is guessed. Returns which of the two were accepted.
pub(crate) fn replay(bytes: &[u8]) -> (bool, bool) {
    let whole = store::decode::<Saved>(bytes, 0);
    if let Ok(value) = &whole {
        assert_eq!(store::encode(value, 0).expect("it was read"), bytes);
    }
    let enclosed = enclose(bytes);
    let content = store::decode::<Saved>(&enclosed, 0);
    if let Ok(value) = &content {
        assert_eq!(store::encode(value, 0).expect("it was read"), enclosed);
    }
    (whole.is_ok(), content.is_ok())
}
