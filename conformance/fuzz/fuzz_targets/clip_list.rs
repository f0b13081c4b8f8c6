//! The signed lists of clips on a memory card.

#![no_main]

use libfuzzer_sys::fuzz_target;
use lightleak_fuzz::parts;
use lightleak_judge::dissect::clip_list::{self, End, ListKey};

fuzz_target!(|input: &[u8]| {
    let [key, list] = parts(input);
    let Ok(key) = ListKey::parse(&String::from_utf8_lossy(key)) else {
        return;
    };
    let reading = clip_list::read(list, &key);
    assert!(reading.signed <= list.len());
    let mut at = 0;
    for entry in &reading.entries {
        assert!(at <= entry.range.start && entry.range.start < entry.range.end);
        at = entry.range.end;
        assert!(reading.entry(&entry.name).is_some());
    }
    assert!(at <= reading.signed);
    match reading.end {
        End::Whole => {}
        End::Cut(range) => assert_eq!(range.end, list.len()),
        End::Wrong(wrong) => assert!(list.get(wrong.range).is_some()),
    }
});
