//! Things that are independent of one another, on as many cores as there are.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

/// What is made of each number below `count`, in their order.
pub(crate) fn in_parallel<T: Send>(count: usize, make: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let mut made = Vec::with_capacity(count);
    as_made(count, make, |index, one| made.push((index, one)));
    made.sort_by_key(|(index, _)| *index);
    made.into_iter().map(|(_, one)| one).collect()
}

/// Takes what is made of each number below `count`, one after the other, as soon as it
/// is made.
pub(crate) fn as_made<T: Send>(
    count: usize,
    make: impl Fn(usize) -> T + Sync,
    take: impl FnMut(usize, T) + Send,
) {
    let next = AtomicUsize::new(0);
    let take = Mutex::new(take);
    let threads = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        for _ in 0..threads.min(count) {
            scope.spawn(|| {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    if index >= count {
                        break;
                    }
                    let one = make(index);
                    let mut take = take.lock().unwrap_or_else(PoisonError::into_inner);
                    take(index, one);
                }
            });
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_in_order_whoever_is_first() {
        let wait = |index: usize| {
            thread::sleep(std::time::Duration::from_micros(200 * (index as u64 % 7)));
            index * 3
        };
        let expected: Vec<_> = (0..100).map(|index| index * 3).collect();
        assert_eq!(in_parallel(100, wait), expected);
        assert!(in_parallel(0, wait).is_empty());
    }
}
