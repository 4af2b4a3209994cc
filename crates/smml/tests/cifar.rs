//! Colour images in the binary format of CIFAR-10, through the commands that take data sets.
#![cfg(unix)]

mod common;

use common::{code, line, message, read, run, run_to};
use std::{fs, path::Path};

/// Batches of `n` images each: class 0 is bright above, class 1 below.
fn write_set(folder: &Path, n: usize) {
    fs::create_dir_all(folder).unwrap();
    for k in 1..=6 {
        let record = |m: usize| {
            let label = (m % 2) as u8;
            let mut bytes = vec![label];
            for _ in 0..3 {
                bytes.extend((0..1024).map(|p| if (p < 512) == (label == 0) { 220 } else { (m % 40) as u8 }));
            }
            bytes
        };
        let name = if k < 6 { format!("data_batch_{k}.bin") } else { "test_batch.bin".into() };
        fs::write(folder.join(name), (0..n).flat_map(record).collect::<Vec<u8>>()).unwrap();
    }
}

#[test]
fn reduced_colour_images_are_learned_and_classified() {
    let place = tempfile::tempdir().unwrap();
    let set = place.path().join("data/cifar-10-batches-bin");
    write_set(&set, 12);
    let data = format!("--data={}", place.path().join("data").display());
    let listed = run(["data", &place.path().join("data").display().to_string()]);
    let text = String::from_utf8_lossy(&listed.stdout).into_owned();
    assert_eq!(code(&listed), 0, "{}", message(&listed));
    for part in
        ["cifar-10\n", "cifar-10-binary.tar.gz", "c4a38c50a1bc5f3a", "data_batch_1.bin  readable (SHA-256 "]
    {
        assert!(text.contains(part), "{part}: {text}");
    }
    let folder = place.path().join("machine");
    let train = [
        "rbm",
        "train",
        "--dataset=cifar-10",
        &data,
        "--labels",
        "--hidden=8",
        "--epochs=30",
        "--batch=10",
        "--seed=1",
    ];
    let said = run_to(0, line(&[&train[..], &["--quiet"]].concat(), &folder));
    assert!(!said.contains("not the published"), "{said}");
    let config = read(&folder.join("config.toml"));
    assert!(config.contains("side = 16") && config.contains("threshold = \"127\""), "{config}");
    let model = format!("--model={}", folder.join("model.rbm").display());
    let classified = place.path().join("classified");
    run_to(0, line(&["rbm", "classify", &model, &data, "--quiet"], &classified));
    let found: serde_json::Value = serde_json::from_str(&read(&classified.join("results.json"))).unwrap();
    assert_eq!(found["results"][0]["quantities"][0]["value"], 1.0);
    assert_eq!(found["results"][0]["details"]["data"].as_array().unwrap().len(), 6);
    // Sparse machines take them too, as 8 x 8 pixels.
    let sparse = place.path().join("sparse");
    let words = [
        "dbm",
        "train",
        "--dataset=cifar-10",
        &data,
        "--side=8",
        "--network=king10",
        "--copies=4",
        "--epochs=40",
        "--batch=20",
        "--sweeps=200",
        "--seed=1",
        "--quiet",
    ];
    run_to(0, line(&words, &sparse));
    assert!(read(&sparse.join("config.toml")).contains("side = 8"));
    let network = sparse.join("network.dbm").display().to_string();
    let (classified, refused) = (place.path().join("by-sparse"), place.path().join("y"));
    run_to(
        0,
        line(&["dbm", "classify", &network, &data, "--sweeps=200", "--seed=1", "--quiet"], &classified),
    );
    let found: serde_json::Value = serde_json::from_str(&read(&classified.join("results.json"))).unwrap();
    assert_eq!(found["results"][0]["quantities"][0]["value"], 1.0);
    assert!(read(&classified.join("results.json")).contains("class 1 automobile"));
    // The network that comes with the program knows images of 28 x 28.
    let said = run_to(2, line(&["dbm", "classify", "--dataset=cifar-10", &data, "--seed=1"], &refused));
    assert!(said.contains("28 x 28 pixels, those of the data set have 32 x 32"), "{said}");
    // Energies linear in the pixels tell above from below.
    let linear = place.path().join("linear");
    let words =
        ["ebm", "train", "cifar-10", &data, "--side=8", "--epochs=30", "--batch=10", "--seed=1", "--quiet"];
    run_to(0, line(&words, &linear));
    assert!(read(&linear.join("config.toml")).contains("side = 8"));

    for (words, exit, said) in [
        (&["rbm", "train", "--dataset=cifar-10", "--seed=1"][..], 2, "cifar-10-binary.tar.gz"),
        (
            &["rbm", "train", "--dataset=cifar-10", &data, "--side=12"],
            2,
            "--side 12: of cifar-10 it divides 32",
        ),
        (&["rbm", "train", "--side=16"], 2, "--side 16"),
        (&["dbm", "train", "--side=14", &data], 2, "--side: only bars-and-stripes and cifar-10"),
        (&["ebm", "train", "cifar-10", &data, "--side=7"], 2, "--side 7"),
    ] {
        let refused = run_to(exit, line(words, &place.path().join("x")));
        assert!(refused.contains(said), "{words:?}: {refused}");
    }
    let batch = set.join("data_batch_3.bin");
    let whole = fs::read(&batch).unwrap();
    for (bytes, said) in [
        (
            whole[..whole.len() - 5].to_vec(),
            "data_batch_3.bin: byte 36871: the file ends after 3068 of the 3073 bytes of record 11",
        ),
        (
            [&whole[..3073], &[11], &whole[3074..]].concat(),
            "data_batch_3.bin: byte 3073: label 11 of record 1, allowed: 0 to 9",
        ),
    ] {
        fs::write(&batch, bytes).unwrap();
        let refused = run_to(3, line(&train, &place.path().join("x")));
        assert!(refused.contains(said), "{refused}");
    }
    let listed = run(["data", &set.display().to_string()]);
    let text = String::from_utf8_lossy(&listed.stdout).into_owned();
    assert!(code(&listed) == 3 && text.contains("NOT READABLE"), "{text}");
}
