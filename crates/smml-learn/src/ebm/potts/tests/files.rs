use super::*;
use proptest::prelude::*;
use smml_core::parallel::Par;
use std::path::Path;

fn read(text: &str, options: &FastaOptions) -> Result<Alignment, String> {
    read_fasta(text.as_bytes(), Path::new("family.fasta"), options).map_err(|e| e.to_string())
}

#[test]
fn alignments_are_read_and_written() {
    let options = FastaOptions::new(Alphabet::Protein);
    let text = ">one of two\r\nACDEFGHIKL\r\n\r\nMNPQRSTVWY-\r\n; a comment\n>\nYWVTSRQPNM\nLKIHGFEDCA-";
    let found = read(text, &options).unwrap();
    assert_eq!((found.len(), found.n_sites()), (2, 21));
    assert_eq!(found.row(0), (0..21).collect::<Vec<u8>>());
    assert_eq!(found.names(), ["one of two", ""]);
    let mut long = String::from(">x\n");
    (0..130).for_each(|k| long.push(Alphabet::Dna.letter((k * 7 % 5) as u8)));
    let dna = read(&long, &FastaOptions::new(Alphabet::Dna)).unwrap();
    let written = write_fasta(&dna);
    assert_eq!(written.lines().map(str::len).collect::<Vec<_>>(), [2, 60, 60, 10]);
    assert_eq!(read(&written, &FastaOptions::new(Alphabet::Dna)).unwrap(), dna);
}

#[test]
fn every_fault_names_line_and_character() {
    let strict = FastaOptions::new(Alphabet::Dna);
    for (text, parts) in [
        ("", ["line 1", "no sequence"]),
        ("\n;\n", ["line 1", "no sequence"]),
        ("AC\n", ["line 1", "before the first"]),
        (">a\nAC\n>b\nACG\n>c\nAC\n", ["line 3", "'b' has 3 letters, the first sequence has 2"]),
        (">a\n>b\nA\n", ["line 1", "'a' has no letters"]),
        (">a\nA\n>b\n", ["line 3", "'b' has no letters"]),
        (">a\nAC\nGJ\n", ["line 3, character 2", "'J' is none of ACGT-"]),
        (">a\nACN\n", ["line 2, character 3", "'N' is ambiguous"]),
        (">a\nAcG\n", ["line 2, character 2", "insertion"]),
        (">a\nA.G\n", ["line 2, character 2", "insertion"]),
        (">a\nA G\n", ["line 2, character 2", "byte 32"]),
        (">a\nA\u{e9}\n", ["line 2, character 2", "byte 195"]),
    ] {
        let error = read(text, &strict).unwrap_err();
        assert!(
            error.contains("family.fasta") && parts.iter().all(|p| error.contains(p)),
            "{error}: {parts:?}"
        );
    }
    let mild = FastaOptions { ambiguous_as_gaps: true, drop_insertions: true, ..strict };
    assert_eq!(read(">a\nAcgN.T\n>b\nA-T\n", &mild).unwrap().row(0), [0, 4, 3]);
    let error = read(">a\nACGT\n>b\nACGT\n", &FastaOptions { max_letters: 6, ..strict }).unwrap_err();
    assert!(error.contains("line 4") && error.contains("6 letters"), "{error}");
    assert!(read(">a\nACGT\n>b\nACGT\n", &FastaOptions { max_letters: 8, ..strict }).is_ok());
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(prop_oneof![
        Just(b'>'), Just(b'\n'), Just(b'A'), Just(b'C'), Just(b'-'), Just(b'n'), any::<u8>()], 0..60)) {
        for drop_insertions in [false, true] {
            let options = FastaOptions { drop_insertions, ..FastaOptions::new(Alphabet::Dna) };
            if let Ok(found) = read_fasta(&bytes, Path::new("x"), &options) {
                prop_assert!(found.rows().all(|r| r.len() == found.n_sites()));
                let again = read_fasta(write_fasta(&found).as_bytes(), Path::new("x"), &options).unwrap();
                prop_assert_eq!(again.row(0), found.row(0));
            }
        }
    }
}

#[test]
fn weights_and_frequencies_are_sums_over_sequences() {
    let mut rng = Streams::new(3).stream("alignment", 0);
    let (n, l) = (40, 10);
    let codes: Vec<u8> = (0..n * l).map(|_| if rng.chance(0.7) { 0 } else { rng.below(5) as u8 }).collect();
    let names = (0..n).map(|k| k.to_string()).collect();
    let alignment = Alignment::new(Alphabet::Dna, l, codes, names).unwrap();
    for (identity, agree) in [(0.8, 8), (0.65, 7), (1.0, 10), (0.05, 1)] {
        let weights = alignment.weights(identity, Par::Rayon).unwrap();
        for (k, w) in weights.iter().enumerate() {
            let same = |other: &[u8]| other.iter().zip(alignment.row(k)).filter(|(a, b)| a == b).count();
            let near = alignment.rows().filter(|r| same(r) >= agree).count();
            assert_eq!(*w, 1.0 / near as f64, "{identity} {k}");
        }
    }
    let weights = alignment.weights(0.8, Par::Serial).unwrap();
    let sum: f64 = weights.iter().sum();
    for pseudocount in [0.0, 0.3] {
        let f = alignment.frequencies(&weights, pseudocount, Par::Rayon).unwrap();
        let mean = |has: &dyn Fn(&[u8]) -> bool| -> f64 {
            alignment.rows().zip(&weights).filter(|(r, _)| has(r)).map(|(_, w)| w / sum).sum()
        };
        let mut pair = 0;
        for i in 0..l {
            for a in 0..5u8 {
                let want = (1.0 - pseudocount) * mean(&|r| r[i] == a) + pseudocount / 5.0;
                assert!((f.single[i * 5 + usize::from(a)] - want).abs() < 1e-13);
            }
            for j in i + 1..l {
                for (a, b) in [(0u8, 0u8), (1, 4), (3, 2)] {
                    let want = (1.0 - pseudocount) * mean(&|r| r[i] == a && r[j] == b) + pseudocount / 25.0;
                    let found = f.pairs[pair * 25 + usize::from(a) * 5 + usize::from(b)];
                    assert!((found - want).abs() < 1e-13);
                }
                pair += 1;
            }
        }
    }
    for bad in [0.0, 1.1, f64::NAN] {
        assert!(alignment.weights(bad, Par::Serial).is_err());
    }
    assert!(alignment.frequencies(&weights, 1.0, Par::Serial).is_err());
    assert!(alignment.frequencies(&[1.0], 0.0, Par::Serial).is_err());
    assert!(alignment.frequencies(&vec![0.0; n], 0.0, Par::Serial).is_err());
    let (least, place) = alignment.nearest(alignment.row(7));
    assert!(least == 0 && alignment.row(place) == alignment.row(7));
}

#[test]
fn hostile_alignments_are_refused() {
    let new = |n_sites, codes: &[u8], names: &[&str]| {
        let names = names.iter().map(|n| n.to_string()).collect();
        Alignment::new(Alphabet::Dna, n_sites, codes.to_vec(), names)
    };
    assert!(new(2, &[0, 4, 1, 2], &["a", "b"]).is_ok());
    for (n_sites, codes, names) in [
        (0, &[][..], &["a"][..]),
        (2, &[], &[]),
        (2, &[0, 1, 2], &["a", "b"]),
        (2, &[0, 5], &["a"]),
        (2, &[0, 1], &["a\n>b"]),
    ] {
        assert!(new(n_sites, codes, names).is_err());
    }
    let text = r#"{"alphabet":"dna","n_sites":2,"codes":[0,9],"names":["a"]}"#;
    assert!(
        serde_json::from_str::<Alignment>(text).unwrap_err().to_string().contains("letter 1 of sequence 0")
    );
    assert!(Alphabet::Dna.codes("AC-").unwrap() == [0, 1, 4]);
    assert!(Alphabet::Dna.codes("AX").unwrap_err().to_string().contains("character 2"));
}
