//! The search of adversary 1 for a whole ledger, beside `memmem` for a single
//! needle of it and beside reading the memory once: the ratios say for how many
//! needles it pays, and how far it is from what the memory allows.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use lightleak_benches::random;
use lightleak_case::{Ledger, Track};
use lightleak_judge::adversary::known_plaintext::Index;

const HAYSTACK: usize = 64 << 20;
const LEDGER: usize = 4 << 20;

fn known_plaintext(criterion: &mut Criterion) {
    let octets = random(1, LEDGER);
    let needle = octets[LEDGER / 2..LEDGER / 2 + 24].to_vec();
    let track = Track {
        bytes: octets,
        units: Vec::new(),
    };
    let ledger = Ledger {
        tracks: [("video".to_string(), track)].into(),
    };
    let index = Index::new(&ledger, &Ledger::default());
    let haystack = random(2, HAYSTACK);
    prove(
        &index,
        &haystack,
        &needle,
        &ledger.tracks["video"].bytes[500..600],
    );

    let mut group = criterion.benchmark_group("known_plaintext");
    group.sample_size(20);
    group.throughput(Throughput::Bytes(HAYSTACK as u64));
    group.bench_function(BenchmarkId::new("raw", "ledger of 4 MiB"), |bencher| {
        bencher.iter(|| index.search_raw(black_box(&haystack), 1));
    });
    group.bench_function(BenchmarkId::new("sum", "memory read once"), |bencher| {
        bencher.iter(|| sum(black_box(&haystack)));
    });
    let finder = memchr::memmem::Finder::new(&needle);
    group.bench_function(BenchmarkId::new("memmem", "one needle"), |bencher| {
        bencher.iter(|| finder.find(black_box(&haystack)));
    });
    group.sample_size(10);
    group.bench_function(
        BenchmarkId::new("all disguises", "ledger of 4 MiB"),
        |bencher| {
            bencher.iter(|| index.search(black_box(&haystack), 1));
        },
    );
    group.finish();
}

/// Both find a needle at the very end, XOR does not hide `plain`, and nothing
/// is found before it was planted.
fn prove(index: &Index, haystack: &[u8], needle: &[u8], plain: &[u8]) {
    assert!(index.search_raw(haystack, 1).is_empty());
    assert_eq!(memchr::memmem::find(haystack, needle), None);
    let at = haystack.len() - needle.len();
    let planted = [&haystack[..at], needle].concat();
    let hits = index.search_raw(&planted, 2);
    assert_eq!(hits.len(), 1);
    assert_eq!(
        (hits[0].at + hits[0].length, hits[0].matched >= 24),
        (HAYSTACK, true)
    );
    assert_eq!(memchr::memmem::find(&planted, needle), Some(at));
    let mut planted = haystack.to_vec();
    for (octet, plain) in planted[1000..].iter_mut().zip(plain) {
        *octet = plain ^ 0x5A;
    }
    assert_eq!(index.search(&planted, 2).len(), 1);
}

fn sum(octets: &[u8]) -> u64 {
    let (words, _) = octets.as_chunks();
    words
        .iter()
        .fold(0, |sum, word| sum.wrapping_add(u64::from_le_bytes(*word)))
}

criterion_group!(benches, known_plaintext);
criterion_main!(benches);
