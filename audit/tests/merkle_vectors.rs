//! The published vectors of transparency-dev/merkle, read from beside the repository when they are there.
#![cfg(test)]

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lww_audit::merkle::{verify_consistency, verify_inclusion};
use lww_audit::{EntryIndex, Hash, TreeSize};
use serde::Deserialize;
use std::fs;
use std::path::{Path, PathBuf};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Inclusion {
    leaf_idx: u64,
    tree_size: u64,
    root: String,
    leaf_hash: String,
    proof: Option<Vec<String>>,
    want_err: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Consistency {
    size1: u64,
    size2: u64,
    root1: String,
    root2: String,
    proof: Option<Vec<String>>,
    want_err: bool,
}

fn json_files(directory: &Path, found: &mut Vec<PathBuf>) {
    for file in fs::read_dir(directory).unwrap() {
        let path = file.unwrap().path();
        if path.is_dir() {
            json_files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "json") {
            found.push(path);
        }
    }
}

/// The files of one sort, or none, saying so, when the vectors are not there.
fn published(sort: &str) -> Vec<PathBuf> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/vectors/merkle/testdata").join(sort);
    let mut found = Vec::new();
    if directory.is_dir() {
        json_files(&directory, &mut found);
        assert!(!found.is_empty());
    } else {
        println!("SKIPPED: transparency-dev/merkle {sort} vectors are not at {}", directory.display());
    }
    found
}

/// Parses hashes as this crate's formats do: anything that is not 32 bytes is malformed.
fn hash(text: &str) -> Option<Hash> {
    Hash::from_base64(text).ok()
}

fn hashes(texts: Option<&Vec<String>>) -> Option<Vec<Hash>> {
    texts.map_or(Some(Vec::new()), |texts| texts.iter().map(|text| hash(text)).collect())
}

#[test]
fn published_inclusion_vectors_have_their_verdict() {
    for file in published("inclusion") {
        let vector: Inclusion = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
        let parts = (hash(&vector.leaf_hash), hash(&vector.root), hashes(vector.proof.as_ref()));
        let (index, size) = (EntryIndex(vector.leaf_idx), TreeSize(vector.tree_size));
        let verdict = match parts {
            (Some(leaf), Some(root), Some(path)) => verify_inclusion(&leaf, index, size, &path, &root).is_ok(),
            _ => false,
        };
        assert_eq!(verdict, !vector.want_err, "{}", file.display());
    }
}

#[test]
fn published_consistency_vectors_have_their_verdict() {
    let mut malformed = Vec::new();
    for file in published("consistency") {
        let vector: Consistency = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
        let parts = (hash(&vector.root1), hash(&vector.root2), hashes(vector.proof.as_ref()));
        let (old, new) = (TreeSize(vector.size1), TreeSize(vector.size2));
        let verdict = match parts {
            (Some(old_root), Some(new_root), Some(path)) => {
                verify_consistency(old, &old_root, new, &new_root, &path).is_ok()
            }
            _ if !vector.want_err => {
                malformed.push(STANDARD.decode(&vector.root1).unwrap().len());
                continue;
            }
            _ => false,
        };
        assert_eq!(verdict, !vector.want_err, "{}", file.display());
    }
    // Valid for a verifier that takes roots of any length; here a root that is not 32 bytes long is malformed.
    assert!(malformed.iter().all(|length| *length != 32), "{malformed:?}");
    assert!(malformed.len() <= 2, "{malformed:?}");
}
