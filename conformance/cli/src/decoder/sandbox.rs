//! The decoder's sandbox: limits of the kernel's, and a seccomp filter that
//! leaves it its memory and its pipes.

use std::{collections::BTreeMap, io};

use rustix::process::{Resource, Rlimit, setrlimit};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, apply_filter,
};

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

/// The same for a program that is not ours, with its libraries.
const ADDRESS_SPACE_OF_A_PROGRAM: u64 = 4 << 30;
const PROCESSOR_TIME_OF_A_PROGRAM: u64 = 20;

/// What a program that decodes has no use for.
const REFUSED: &[i64] = &[
    libc::SYS_accept,
    libc::SYS_accept4,
    libc::SYS_bind,
    libc::SYS_bpf,
    libc::SYS_connect,
    libc::SYS_fchmodat,
    libc::SYS_fchownat,
    libc::SYS_io_uring_setup,
    libc::SYS_kill,
    libc::SYS_linkat,
    libc::SYS_listen,
    libc::SYS_mkdirat,
    libc::SYS_mknodat,
    libc::SYS_mount,
    libc::SYS_openat2,
    libc::SYS_pidfd_send_signal,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_ptrace,
    libc::SYS_renameat,
    libc::SYS_renameat2,
    libc::SYS_rt_sigqueueinfo,
    libc::SYS_sendmmsg,
    libc::SYS_sendmsg,
    libc::SYS_sendto,
    libc::SYS_setxattr,
    libc::SYS_socket,
    libc::SYS_socketpair,
    libc::SYS_symlinkat,
    libc::SYS_tkill,
    libc::SYS_truncate,
    libc::SYS_unlinkat,
    libc::SYS_utimensat,
];

/// The same, where there are older calls as well.
#[cfg(target_arch = "x86_64")]
const REFUSED_OLD: &[i64] = &[
    libc::SYS_chmod,
    libc::SYS_chown,
    libc::SYS_creat,
    libc::SYS_link,
    libc::SYS_mkdir,
    libc::SYS_mknod,
    libc::SYS_rename,
    libc::SYS_rmdir,
    libc::SYS_symlink,
    libc::SYS_unlink,
];
#[cfg(not(target_arch = "x86_64"))]
const REFUSED_OLD: &[i64] = &[];

/// Shuts this process in, for good. A system call that is not allowed ends it.
pub(super) fn enter() -> io::Result<()> {
    limit(ADDRESS_SPACE, PROCESSOR_TIME)?;
    filter(SeccompAction::KillProcess)
}

/// Shuts this process in, for good, and whatever program it becomes: no network, no
/// file that is written, no other process that is touched.
pub(super) fn enter_for_a_program() -> io::Result<()> {
    limit(ADDRESS_SPACE_OF_A_PROGRAM, PROCESSOR_TIME_OF_A_PROGRAM)?;
    refuse()
}

fn limit(address_space: u64, processor_time: u64) -> io::Result<()> {
    for (resource, most) in [
        (Resource::As, address_space),
        (Resource::Cpu, processor_time),
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
    Ok(())
}

/// Applies a filter that lets everything through but what [`REFUSED`] has and the
/// opening of files for writing: these fail.
fn refuse() -> io::Result<()> {
    const ACCESS: u64 = libc::O_ACCMODE as u64;
    let writing = |argument: u8| {
        let flags = [libc::O_WRONLY, libc::O_RDWR].map(|flag| (ACCESS, flag as u64));
        let others = [libc::O_CREAT, libc::O_TRUNC].map(|flag| (flag as u64, flag as u64));
        let rules = flags.into_iter().chain(others).map(|(mask, value)| {
            let how = SeccompCmpOp::MaskedEq(mask);
            SeccompCondition::new(argument, SeccompCmpArgLen::Dword, how, value)
                .and_then(|condition| SeccompRule::new(vec![condition]))
        });
        rules.collect::<Result<Vec<_>, _>>()
    };
    let refused = REFUSED.iter().chain(REFUSED_OLD);
    let mut rules: BTreeMap<_, _> = refused.map(|call| (*call, Vec::new())).collect();
    rules.insert(libc::SYS_openat, writing(2).map_err(io::Error::other)?);
    #[cfg(target_arch = "x86_64")]
    rules.insert(libc::SYS_open, writing(1).map_err(io::Error::other)?);
    let refused = SeccompAction::Errno(libc::EPERM as u32);
    apply(rules, SeccompAction::Allow, refused)
}

/// Applies the filter to this thread and those that it starts.
fn filter(otherwise: SeccompAction) -> io::Result<()> {
    let allowed = SYSTEM_CALLS.iter().map(|call| (*call, Vec::new()));
    apply(allowed.collect(), otherwise, SeccompAction::Allow)
}

fn apply(
    rules: BTreeMap<i64, Vec<SeccompRule>>,
    otherwise: SeccompAction,
    matched: SeccompAction,
) -> io::Result<()> {
    let architecture = std::env::consts::ARCH
        .try_into()
        .map_err(io::Error::other)?;
    let filter = SeccompFilter::new(rules, otherwise, matched, architecture);
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

    #[test]
    fn a_program_reads_and_has_no_network_and_writes_no_file() {
        const EPERM: i32 = 1;
        let inside = std::thread::spawn(|| {
            refuse().unwrap();
            File::open("/proc/self/status").expect("files can be read");
            let refused = |result: io::Result<()>| result.unwrap_err().raw_os_error();
            [
                refused(File::create("leaked").map(drop)),
                refused(File::options().append(true).open("Cargo.toml").map(drop)),
                refused(std::fs::remove_file("leaked")),
                refused(UdpSocket::bind("127.0.0.1:0").map(drop)),
                refused(std::net::TcpStream::connect("127.0.0.1:1").map(drop)),
            ]
        });
        assert_eq!(inside.join().unwrap(), [Some(EPERM); 5]);
    }
}
