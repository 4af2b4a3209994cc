//! Letters of sequences.

use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};

/// The letters of a kind of sequence. A letter is kept as its place in [`Alphabet::letters`]; the gap is the last one.
///
/// ```
/// use smml_learn::ebm::potts::Alphabet;
/// assert_eq!((Alphabet::Dna.n_letters(), Alphabet::Protein.n_letters()), (5, 21));
/// assert_eq!((Alphabet::Dna.code('G'), Alphabet::Dna.code('-'), Alphabet::Dna.code('U')), (Some(2), Some(4), None));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Alphabet {
    /// Four nucleotides and the gap.
    Dna,
    /// Twenty amino acids and the gap.
    Protein,
}

impl Alphabet {
    /// The letters in order, the gap '-' last.
    pub fn letters(self) -> &'static str {
        match self {
            Alphabet::Dna => "ACGT-",
            Alphabet::Protein => "ACDEFGHIKLMNPQRSTVWY-",
        }
    }
    /// Letters that stand for more than one, or for rare ones: IUPAC's codes.
    pub fn ambiguous(self) -> &'static str {
        match self {
            Alphabet::Dna => "NRYSWKMBDHV",
            Alphabet::Protein => "XBZJUO",
        }
    }
    /// q, the number of letters with the gap.
    pub fn n_letters(self) -> usize {
        self.letters().len()
    }
    /// The code of the gap.
    pub fn gap(self) -> u8 {
        (self.n_letters() - 1) as u8
    }
    /// The code of a letter (a capital, or '-').
    pub fn code(self, letter: char) -> Option<u8> {
        self.letters().chars().position(|l| l == letter).map(|k| k as u8)
    }
    /// The letter of a code; '?' where there is none.
    pub fn letter(self, code: u8) -> char {
        self.letters().as_bytes().get(usize::from(code)).map_or('?', |l| char::from(*l))
    }
    /// A sequence of codes as text.
    pub fn text(self, codes: &[u8]) -> String {
        codes.iter().map(|code| self.letter(*code)).collect()
    }
    /// The codes of a text. Errors: a character that is no letter, with its place from 1.
    pub fn codes(self, text: &str) -> Result<Vec<u8>> {
        let code = |(k, letter): (usize, char)| {
            let name = format!("character {} of the sequence", k + 1);
            let allowed = format!("one of {}", self.letters());
            self.code(letter).ok_or_else(|| Error::out_of_range(name, format!("'{letter}'"), allowed))
        };
        text.chars().enumerate().map(code).collect()
    }
}
