//! What listening to a capture costs, stage by stage, each with those before it, beside
//! copying the octets once.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use lightleak_benches::traffic;
use lightleak_case::CaptureParts;
use lightleak_judge::{
    decoder::{Decoder, DecoderError, Picture},
    dissect::Dissector,
    inspect::{Eavesdropper, Inspection, Label, Limits},
};

/// Octets of the capture, its flows, and octets that are read at once.
const CAPTURE: usize = 128 << 20;
const FLOWS: u16 = 400;
const PART: usize = 8 << 20;

/// Nothing here is to be played.
struct None;

impl Decoder for None {
    fn decode(&self, _: &[u8], _: usize) -> Result<Vec<Picture>, DecoderError> {
        Ok(Vec::new())
    }
}

fn inspect(criterion: &mut Criterion) {
    let capture = traffic::capture(CAPTURE, FLOWS);
    prove(&listen(&capture));

    let mut group = criterion.benchmark_group("inspect");
    group.sample_size(10);
    group.throughput(Throughput::Bytes(capture.len() as u64));
    let mut stage = |name: &str, run: fn(&[u8])| {
        let id = BenchmarkId::new(name, "128 MiB, 400 flows of SRTP and TLS");
        group.bench_function(id, |bencher| bencher.iter(|| run(black_box(&capture))));
    };
    stage("copied once", |capture| {
        black_box(capture.to_vec());
    });
    stage("read", |capture| each_part(capture, |_, _| ()));
    stage("dissected", |capture| {
        let mut dissector = Dissector::default();
        each_part(capture, |part, last| {
            dissector.add(part, last);
            for flow in dissector.flows_mut() {
                flow.from_a.leave_out(0);
                flow.from_b.leave_out(0);
            }
        });
    });
    stage("judged", |capture| {
        black_box(listen(capture));
    });
    group.finish();
}

fn each_part(capture: &[u8], mut take: impl FnMut(&lightleak_case::Capture, bool)) {
    let mut parts = CaptureParts::new(capture).expect("a capture");
    while let Some(part) = parts.part(PART) {
        take(&part, parts.is_at_end());
    }
}

fn listen(capture: &[u8]) -> Inspection {
    let limits = Limits {
        pictures_per_flow: 0,
    };
    let mut eavesdropper = Eavesdropper::new(&None, limits);
    each_part(capture, |part, last| eavesdropper.add(part, last));
    eavesdropper.finish()
}

/// Half of the flows are sealed, of the others nobody can tell.
fn prove(found: &Inspection) {
    let count = |label: Label, kind: &str| {
        let flows = found.flows.iter();
        let those = flows.filter(|flow| flow.label == label && flow.kind == kind);
        those.count()
    };
    let half = usize::from(FLOWS) / 2;
    assert_eq!(count(Label::Sealed, "tls1.3"), half);
    assert_eq!(count(Label::Undetermined, "srtp?"), half);
}

criterion_group!(benches, inspect);
criterion_main!(benches);
