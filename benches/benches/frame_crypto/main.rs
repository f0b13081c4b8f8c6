//! What sealing and opening costs per frame: every suite of ours beside what the
//! libraries themselves do (the limits) and beside other implementations (the
//! peers), on the same frames in the same run. See `benches/README.md`.

mod contender;
mod frames;
mod limit;
mod machine;
mod measure;
mod ours;
mod peer;
mod proof;
mod report;
mod scenario;

use std::{env, path::PathBuf, time::Duration};

use criterion::{BenchmarkId, Criterion, Throughput};
use lightleak_peer::Side;

use crate::{
    contender::{Contender, Kind},
    measure::{Pair, Timed},
    report::{Report, Row},
    scenario::Scenario,
};

/// Octets of the frames.
const SIZES: [usize; 5] = [1 << 10, 4 << 10, 16 << 10, 64 << 10, 256 << 10];

fn main() {
    // Not for arguments that measure nothing.
    if env::args().any(|argument| argument == "--list") {
        return;
    }
    let target = target_folder();
    let mut contenders = vec![ours::contender()];
    contenders.extend(limit::contenders());
    let (peers, built) = peer::contenders(&target);
    contenders.extend(peers);
    let before = machine::Machine::now();

    let mut criterion = Criterion::default()
        .sample_size(10)
        .nresamples(1001)
        .warm_up_time(Duration::from_millis(100))
        .measurement_time(Duration::from_millis(300))
        .without_plots()
        .configure_from_args();
    let mut rows = Vec::new();
    for scenario in scenario::all() {
        for size in SIZES {
            for side in [Side::Seal, Side::Open] {
                rows.extend(measure(&mut criterion, &scenario, size, side, &contenders));
            }
        }
    }
    criterion.final_summary();
    let report = Report {
        rows: &rows,
        machine: &before,
        peers: &built,
    }
    .to_string();
    println!("\n{report}");
    report::save(&target.join("frame_crypto.md"), &report);
    report::write(&rows, &before, &target.join("frame_crypto.json"));
}

/// Measures all contenders that have the suite, each beside ours.
fn measure(
    criterion: &mut Criterion,
    scenario: &Scenario,
    size: usize,
    side: Side,
    contenders: &[Contender],
) -> Vec<Row> {
    let frames = frames::plain(scenario.protocol, size);
    let proven = |contender| proof::prove(contender, scenario, side, &frames);
    let ours = contenders.iter().find(|c| c.kind == Kind::Ours);
    let Some(mut ours) = ours.and_then(proven).map(Timed::new) else {
        return Vec::new();
    };

    let mut group = criterion.benchmark_group(format!("{}/{}", scenario.suite, report::op(side)));
    group.throughput(Throughput::Bytes(size as u64));
    let mut rows = Vec::new();
    for contender in contenders {
        let theirs = match contender.kind {
            Kind::Ours => None,
            _ => match proven(contender).map(Timed::new) {
                Some(theirs) => Some(theirs),
                None => continue,
            },
        };
        let mut pair = Pair::new(&mut ours, theirs);
        let id = BenchmarkId::new(&contender.name, format!("{} KiB", size >> 10));
        group.bench_function(id, |bencher| bencher.iter_custom(|frames| pair.run(frames)));
        rows.extend(pair.row(scenario.suite, size, side, contender));
    }
    group.finish();
    rows
}

/// Where cargo builds what this was built with.
fn target_folder() -> PathBuf {
    // TARGET/release/deps/frame_crypto-HASH
    let program = env::current_exe().expect("this program has a path");
    let folder = program.ancestors().nth(3);
    folder.expect("it lies in a target folder").to_owned()
}
