//! Queues from outside: made, looked at, removed.

use std::ffi::{c_char, c_int, CStr, OsStr, OsString};
use std::os::fd::{FromRawFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;
use std::time::SystemTime;

use crate::handle::{c_name, with_error};
use crate::record::time;
use crate::{ffi, Counters, Result, Shape};

/// Makes a queue. It is complete, with its memory reserved, before it has its name.
///
/// # Errors
/// `Exists`, `BadName`, `BadOption`, `NoSpace`, `Permission`, `Refused`, `System`.
pub fn create(name: impl AsRef<OsStr>, shape: &Shape) -> Result<()> {
    let name = c_name(name.as_ref())?;
    let shape = shape.to_raw();
    // SAFETY: the pointers are valid for the call.
    with_error(|err| unsafe { ffi::shmq_create(name.as_ptr(), &shape, err) }).map(|_| ())
}

/// Makes a queue without a name and returns the descriptor of the file that it is, sealed and closed on
/// exec. The name for this process is `fd:N`; a process that is handed the descriptor uses its own
/// number. The queue is gone with the last descriptor and the last participant.
///
/// ```
/// use std::os::fd::AsRawFd;
/// let fd = shmq::create_anonymous(&shmq::Shape::new())?;
/// let producer = shmq::Producer::open(format!("fd:{}", fd.as_raw_fd()))?;
/// producer.send(b"to whom the descriptor is handed")?;
/// # Ok::<(), shmq::Error>(())
/// ```
///
/// # Errors
/// `BadOption`, `NoSpace`, `Refused`.
pub fn create_anonymous(shape: &Shape) -> Result<OwnedFd> {
    let shape = shape.to_raw();
    // SAFETY: the pointers are valid for the call.
    let fd = with_error(|err| unsafe { ffi::shmq_create_anonymous(&shape, err) })?;
    // SAFETY: the descriptor was made just now, and nobody else has it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Removes a queue that nobody is attached to.
///
/// # Errors
/// `Absent`, `InUse`, `BadName`, `Permission`, `Refused`.
pub fn remove(name: impl AsRef<OsStr>) -> Result<()> {
    remove_how(name.as_ref(), 0)
}

/// Removes a queue whoever is attached; the participants find out.
///
/// # Errors
/// As of [`remove`], but for `InUse`.
pub fn remove_force(name: impl AsRef<OsStr>) -> Result<()> {
    remove_how(name.as_ref(), 1)
}

fn remove_how(name: &OsStr, force: c_int) -> Result<()> {
    let name = c_name(name)?;
    // SAFETY: the pointers are valid for the call.
    with_error(|err| unsafe { ffi::shmq_remove(name.as_ptr(), force, err) }).map(|_| ())
}

/// The path of the file that a name means; of a queue in a System V segment that is its side file.
///
/// # Errors
/// `BadName`.
pub fn path(name: impl AsRef<OsStr>) -> Result<PathBuf> {
    let name = c_name(name.as_ref())?;
    let mut buf = vec![0u8; 4096]; // PATH_MAX
                                   // SAFETY: the pointers are valid for the call, and buf has so many bytes.
    let n =
        with_error(|err| unsafe { ffi::shmq_path(name.as_ptr(), buf.as_mut_ptr().cast::<c_char>(), buf.len(), err) })?;
    buf.truncate(n as usize);
    Ok(PathBuf::from(OsString::from_vec(buf)))
}

/// Recovers the dead participants of a queue without attaching to it, and returns how many.
///
/// # Errors
/// As of [`stat`]; of a queue with checksums `InUse`, `Rebuild`, `Sync`.
pub fn recover(name: impl AsRef<OsStr>) -> Result<usize> {
    let name = c_name(name.as_ref())?;
    // SAFETY: the pointers are valid for the call.
    with_error(|err| unsafe { ffi::shmq_recover(name.as_ptr(), err) }).map(|n| n as usize)
}

/// What is known of a queue. The numbers are of slightly different moments.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Info {
    /// Its shape.
    pub shape: Shape,
    /// Bytes that it takes.
    pub size: u64,
    /// When it was made.
    pub created: Option<SystemTime>,
    /// The id of the queue, which no other one has.
    pub creation: [u8; 16],
    /// The position of the next record to be taken.
    pub head: u64,
    /// The position of the next record to be sent.
    pub tail: u64,
    /// Slots between head and tail.
    pub depth: u64,
    /// Producers that ever began to send.
    pub epoch: u64,
    /// Producers that left in order.
    pub left: u64,
    /// Streams that ended.
    pub ends: u64,
    /// The epoch that was marked as the last.
    pub finished: u64,
    /// Claims of the dead that were passed over.
    pub skipped: u64,
    /// Records dropped for their checksum.
    pub torn: u64,
    /// Records sent, by all participants ever.
    pub sent: u64,
    /// Bytes of their payload.
    pub sent_bytes: u64,
    /// Records received, by all participants ever.
    pub received: u64,
    /// Bytes of their payload.
    pub received_bytes: u64,
    /// Records that were delivered again.
    pub redelivered: u64,
    /// Producers attached and alive.
    pub producers: u32,
    /// Consumers attached and alive.
    pub consumers: u32,
    /// Participants that died and are not recovered yet.
    pub dead: u32,
}

/// Describes a queue, from a mapping that can only be read. It needs no seat and disturbs nobody.
///
/// # Errors
/// `Absent`, `BadName`, `NotQueue`, `Layout`, `Damaged`, `Permission`.
pub fn stat(name: impl AsRef<OsStr>) -> Result<Info> {
    let name = c_name(name.as_ref())?;
    let mut i = ffi::shmq_info::default();
    // SAFETY: the pointers are valid for the call.
    with_error(|err| unsafe { ffi::shmq_stat(name.as_ptr(), &mut i, err) })?;
    Ok(Info {
        shape: Shape::from_raw(i.shape),
        size: i.size,
        created: time(i.created),
        creation: i.creation,
        head: i.head,
        tail: i.tail,
        depth: i.depth,
        epoch: i.epoch,
        left: i.left,
        ends: i.ends,
        finished: i.finished,
        skipped: i.skipped,
        torn: i.torn,
        sent: i.sent,
        sent_bytes: i.sent_bytes,
        received: i.received,
        received_bytes: i.received_bytes,
        redelivered: i.redelivered,
        producers: i.producers,
        consumers: i.consumers,
        dead: i.dead,
    })
}

/// A participant, as it describes itself.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Participant {
    /// Its seat.
    pub seat: u32,
    /// Whether it sends; otherwise it receives.
    pub is_producer: bool,
    /// Its process, in its own namespace.
    pub pid: u32,
    /// Its user.
    pub uid: u32,
    /// When its process started, in clock ticks since boot.
    pub start_time: u64,
    /// When it attached.
    pub attached: Option<SystemTime>,
    /// What it has counted.
    pub counters: Counters,
    /// Whether it lives; otherwise it is to be recovered.
    pub alive: bool,
    /// The name of its program.
    pub command: OsString,
}

/// Lists the participants that are attached, or dead and not recovered yet.
///
/// # Errors
/// As of [`stat`].
pub fn participants(name: impl AsRef<OsStr>) -> Result<Vec<Participant>> {
    const NOBODY: ffi::shmq_participant = ffi::shmq_participant {
        seat: 0,
        role: 0,
        pid: 0,
        uid: 0,
        start_time: 0,
        attached: 0,
        counters: ffi::shmq_counters {
            records: 0,
            bytes: 0,
            waits: 0,
            wakes: 0,
            redelivered: 0,
        },
        alive: 0,
        command: [0; 28],
    };
    let name = c_name(name.as_ref())?;
    let mut list = vec![NOBODY; 1024]; // seats of the largest queue
                                       // SAFETY: the pointers are valid for the call, and the list has so many entries.
    let n = with_error(|err| unsafe { ffi::shmq_participants(name.as_ptr(), list.as_mut_ptr(), list.len(), err) })?;
    list.truncate(n as usize);
    Ok(list.iter().map(participant).collect())
}

fn participant(p: &ffi::shmq_participant) -> Participant {
    let command: Vec<u8> = p.command.iter().map(|&c| c as u8).take_while(|&c| c != 0).collect();
    Participant {
        seat: p.seat,
        is_producer: p.role == ffi::SHMQ_PRODUCER,
        pid: p.pid,
        uid: p.uid,
        start_time: p.start_time,
        attached: time(p.attached.max(0) as u64),
        counters: Counters::from_raw(&p.counters),
        alive: p.alive != 0,
        command: OsStr::from_bytes(&command).to_owned(),
    }
}

/// The version of the library in C that does the work.
pub fn library_version() -> &'static str {
    // SAFETY: the text is in static memory, and ASCII.
    unsafe { CStr::from_ptr(ffi::shmq_version()) }
        .to_str()
        .unwrap_or("unknown")
}
