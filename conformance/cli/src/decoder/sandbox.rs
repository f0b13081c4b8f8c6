//! The decoder's sandbox: limits of the kernel's, and a seccomp filter that
//! leaves it its memory and its pipes.

use std::{collections::BTreeMap, io};

use rustix::process::{Resource, Rlimit, setrlimit};
use seccompiler::{BpfProgram, SeccompAction, SeccompFilter, apply_filter};

/// Octets of address space: enough for a minute of any picture size that
/// H.264 has, and for what is decoded.
const ADDRESS_SPACE: u64 = 2 << 30;

/// Seconds of processor time.
const PROCESSOR_TIME: u64 = 60;

/// What the memory allocator, the pipes, panics and the end of a process need.
/// There is no opening of anything, and no network.
const SYSTEM_CALLS: &[i64] = &[
    libc::SYS_brk,
    libc::SYS_clock_gettime,
    libc::SYS_close,
    libc::SYS_exit,
    libc::SYS_exit_group,
    libc::SYS_futex,
    libc::SYS_getpid,
    libc::SYS_getrandom,
    libc::SYS_gettid,
    libc::SYS_madvise,
    libc::SYS_mmap,
    libc::SYS_mprotect,
    libc::SYS_mremap,
    libc::SYS_munmap,
    libc::SYS_read,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_sched_getaffinity,
    libc::SYS_sched_yield,
    libc::SYS_sigaltstack,
    libc::SYS_tgkill,
    libc::SYS_write,
    libc::SYS_writev,
];

/// Shuts this process in, for good. A system call that is not allowed ends it.
pub(super) fn enter() -> io::Result<()> {
    for (resource, most) in [
        (Resource::As, ADDRESS_SPACE),
        (Resource::Cpu, PROCESSOR_TIME),
        (Resource::Core, 0),
        (Resource::Fsize, 0),
    ] {
        setrlimit(
            resource,
            Rlimit {
                current: Some(most),
                maximum: Some(most),
            },
        )?;
    }
    filter(SeccompAction::KillProcess)
}

/// Applies the filter to this thread and those that it starts.
fn filter(otherwise: SeccompAction) -> io::Result<()> {
    let architecture = std::env::consts::ARCH
        .try_into()
        .map_err(io::Error::other)?;
    let allowed = SYSTEM_CALLS
        .iter()
        .map(|call| (*call, Vec::new()))
        .collect::<BTreeMap<_, _>>();
    let filter = SeccompFilter::new(allowed, otherwise, SeccompAction::Allow, architecture);
    let program: BpfProgram = filter
        .and_then(TryInto::try_into)
        .map_err(io::Error::other)?;
    apply_filter(&program).map_err(io::Error::other)
}

#[cfg(test)]
mod tests {
    use std::{fs::File, net::UdpSocket, process::Command};

    use super::*;

    #[test]
    fn nothing_can_be_opened_inside() {
        const EPERM: i32 = 1;
        let inside = std::thread::spawn(|| {
            filter(SeccompAction::Errno(EPERM as u32)).unwrap();
            let refused = |result: io::Result<()>| result.unwrap_err().raw_os_error();
            [
                refused(File::open("/proc/self/status").map(drop)),
                refused(File::create("leaked").map(drop)),
                refused(UdpSocket::bind("127.0.0.1:0").map(drop)),
                refused(Command::new("true").status().map(drop)),
            ]
        });
        assert_eq!(inside.join().unwrap(), [Some(EPERM); 4]);
        File::open("/proc/self/status").expect("outside all is as it was");
    }
}
