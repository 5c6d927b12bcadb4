//! What can go wrong.

use std::ffi::{c_int, CStr};
use std::{fmt, io};

use crate::ffi;

/// The result of a call of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// What the library says of a failure: a text that names the queue, the operation, the reason and
/// a remedy, and the number of the system's error if there was one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    text: String,
    os: i32,
}

impl Report {
    /// The text for people.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// `errno` of the system call that failed, if one did.
    pub fn raw_os_error(&self) -> Option<i32> {
        (self.os != 0).then_some(self.os)
    }
}

macro_rules! errors {
    ($($(#[doc = $doc:literal])* $variant:ident = $name:ident $code:literal, $io:ident;)*) => {
        /// Why a call failed.
        ///
        /// `Display` gives the library's text. [`Empty`](Error::Empty) and [`Full`](Error::Full) are
        /// the everyday answers of calls that do not wait: they carry nothing, and cost nothing.
        #[derive(Debug)]
        #[non_exhaustive]
        pub enum Error {
            /// No record is ready, and the call was not to wait.
            Empty,
            /// No room for the record, and the call was not to wait.
            Full,
            $($(#[doc = $doc])* $variant(Box<Report>),)*
            /// A value could not be encoded; nothing was sent. The source is what serde said.
            Encode(Box<CodecError>),
            /// A record could not be decoded. It is taken from the queue, and kept in the error.
            Decode(Box<CodecError>),
            /// A failure with a code that this version of the crate does not know.
            Other(c_int, Box<Report>),
        }

        /// The codes by their names in the header.
        #[cfg(all(test, not(miri)))]
        pub(crate) const CODES: &[(&str, c_int)] =
            &[("EMPTY", EMPTY), ("FULL", FULL), $((stringify!($name), $code)),*];

        impl Error {
            fn from_report(code: c_int, report: Box<Report>) -> Error {
                match code {
                    $($code => Error::$variant(report),)*
                    _ => Error::Other(code, report),
                }
            }

            /// The report of the library: none of `Empty`, `Full`, `Encode` and `Decode`.
            pub fn report(&self) -> Option<&Report> {
                match self {
                    $(Error::$variant(report) => Some(report),)*
                    Error::Other(_, report) => Some(report),
                    Error::Empty | Error::Full | Error::Encode(_) | Error::Decode(_) => None,
                }
            }

            fn code(&self) -> Option<c_int> {
                match self {
                    Error::Empty => Some(EMPTY),
                    Error::Full => Some(FULL),
                    $(Error::$variant(_) => Some($code),)*
                    Error::Other(code, _) => Some(*code),
                    Error::Encode(_) | Error::Decode(_) => None,
                }
            }

            /// The kind of `std::io` that comes nearest.
            pub fn kind(&self) -> io::ErrorKind {
                match self {
                    Error::Empty | Error::Full => io::ErrorKind::WouldBlock,
                    $(Error::$variant(_) => io::ErrorKind::$io,)*
                    Error::Encode(_) => io::ErrorKind::InvalidInput,
                    Error::Decode(_) => io::ErrorKind::InvalidData,
                    Error::Other(..) => io::ErrorKind::Other,
                }
            }
        }
    };
}

const EMPTY: c_int = -1;
const FULL: c_int = -2;
pub(crate) const SMALL: c_int = -8;
pub(crate) const MISUSE: c_int = -12;
pub(crate) const BAD_NAME: c_int = -14;
pub(crate) const BAD_OPTION: c_int = -15;
#[cfg(feature = "async")]
pub(crate) const CANCELLED: c_int = -4;
#[cfg(feature = "async")]
pub(crate) const TRUNCATED: c_int = -18;
#[cfg(feature = "async")]
pub(crate) const REFUSED: c_int = -29;
#[cfg(feature = "async")]
pub(crate) const SYSTEM: c_int = -31;

errors! {
    /// The time is over.
    Timeout = TIMEOUT -3, TimedOut;
    /// The wait was cancelled: see [`Cancel`](crate::Cancel).
    Cancelled = CANCELLED -4, Interrupted;
    /// A signal handler ran; with [`interruptible`](crate::OpenOptions::interruptible) only.
    Interrupted = INTERRUPTED -5, Interrupted;
    /// All records of the stream were received; with [`until_end`](crate::OpenOptions::until_end) only.
    End = END -6, UnexpectedEof;
    /// The same, but a producer died or gave up before it had sent all.
    Broken = BROKEN -7, BrokenPipe;
    /// The buffer is too small; the record is the next one to be received.
    Small = SMALL -8, InvalidInput;
    /// The record can never fit: see [`max_record`](crate::Producer::max_record).
    TooLarge = TOO_LARGE -9, InvalidInput;
    /// A reservation is open: one that was forgotten (`std::mem::forget`).
    Reserved = RESERVED -10, InvalidInput;
    /// No reservation is open, or it is smaller.
    NotReserved = NOT_RESERVED -11, InvalidInput;
    /// The library was called in a way that it can't be.
    Misuse = MISUSE -12, InvalidInput;
    /// The handle is the parent process's: the child opens its own.
    Forked = FORKED -13, InvalidInput;
    /// No queue can have this name.
    BadName = NAME -14, InvalidInput;
    /// An option is out of range, or the queue has another shape.
    BadOption = OPTION -15, InvalidInput;
    /// A shared word holds what no participant writes. The handle may go on.
    Damaged = DAMAGED -16, InvalidData;
    /// The queue was removed, or replaced. The handle can only be closed.
    Removed = REMOVED -17, NotConnected;
    /// The queue's file was cut shorter, or overwritten. The handle can only be closed.
    Truncated = TRUNCATED -18, InvalidData;
    /// No memory, or no room on the filesystem. A handle can only be closed.
    NoSpace = NO_SPACE -19, StorageFull;
    /// The file is something else.
    NotQueue = NOT_QUEUE -20, InvalidData;
    /// A layout version or a feature that the library does not know.
    Layout = LAYOUT -21, Unsupported;
    /// The machine stopped while the queue was in use, and it has to be rebuilt: `shmq recover`.
    Rebuild = REBUILD -22, InvalidData;
    /// There is no queue of this name.
    Absent = ABSENT -23, NotFound;
    /// There is one already.
    Exists = EXISTS -24, AlreadyExists;
    /// Another participant has the role to itself.
    RoleTaken = ROLE_TAKEN -25, AddrInUse;
    /// All seats are taken.
    NoSeat = NO_SEAT -26, QuotaExceeded;
    /// Participants are attached, or a process is stopped in the middle.
    InUse = IN_USE -27, ResourceBusy;
    /// The file's mode forbids it.
    Permission = PERMISSION -28, PermissionDenied;
    /// The kernel or the filesystem can't do it.
    Refused = REFUSED -29, Unsupported;
    /// The queue is not on stable storage.
    Sync = SYNC -30, Other;
    /// Any other system call failed.
    System = SYSTEM -31, Other;
    /// Where each consumer gets every record and producers wait for none: this one was a lap behind, and records were
    /// overwritten. The next call goes on behind them; the text tells the positions.
    Lagged = LAGGED -32, Other;
}

/// A value or a record that the codec refused.
#[derive(Debug)]
pub struct CodecError {
    pub(crate) queue: String,
    pub(crate) record: Option<Vec<u8>>,
    pub(crate) source: Box<dyn std::error::Error + Send + Sync>,
}

impl CodecError {
    /// The name of the queue, as it was given to open it.
    pub fn queue(&self) -> &str {
        &self.queue
    }

    /// The record that could not be decoded; empty if a value could not be encoded.
    pub fn record(&self) -> &[u8] {
        self.record.as_deref().unwrap_or_default()
    }

    /// The record, to be kept elsewhere.
    pub fn into_record(self) -> Vec<u8> {
        self.record.unwrap_or_default()
    }
}

impl Error {
    /// The error of a call on a handle that returned `code`.
    #[cold]
    pub(crate) fn of_handle(code: c_int, handle: *mut ffi::shmq) -> Error {
        match code {
            EMPTY => Error::Empty,
            FULL => Error::Full,
            // SAFETY: the function takes any handle, and its result lives until the next call on it,
            // which can't be made before the text is copied: a handle is for one thread.
            _ => Error::of(code, unsafe { &*ffi::shmq_last_error(handle) }),
        }
    }

    /// The error of a call that has no handle.
    #[cold]
    pub(crate) fn of(code: c_int, err: &ffi::shmq_error) -> Error {
        // SAFETY: the library ends its texts with a NUL; so does a struct that was zeroed.
        let text = unsafe { CStr::from_ptr(err.text.as_ptr()) }
            .to_string_lossy()
            .into_owned();
        let text = if text.is_empty() { text_of(code) } else { text };
        Error::from_report(code, Box::new(Report { text, os: err.os }))
    }

    /// The error of a call that tells its code and no more.
    pub(crate) fn of_code(code: c_int) -> Error {
        match code {
            EMPTY => Error::Empty,
            FULL => Error::Full,
            _ => Error::with_text(code, text_of(code)),
        }
    }

    pub(crate) fn with_text(code: c_int, text: String) -> Error {
        Error::from_report(code, Box::new(Report { text, os: 0 }))
    }

    /// Reports whether the handle can only be closed.
    pub fn is_final(&self) -> bool {
        matches!(
            self,
            Error::Removed(_) | Error::Truncated(_) | Error::NoSpace(_) | Error::Forked(_)
        )
    }
}

fn text_of(code: c_int) -> String {
    // SAFETY: the function takes any code and returns a text in static memory.
    let text = unsafe { CStr::from_ptr(ffi::shmq_strerror(code)) }.to_string_lossy();
    format!("shmq: {text}")
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self, self.report(), self.code()) {
            (_, Some(report), _) => f.write_str(&report.text),
            (Error::Encode(e) | Error::Decode(e), ..) => e.fmt(f),
            (_, None, code) => f.write_str(&text_of(code.unwrap_or_default())),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Error::Encode(e) | Error::Decode(e) => Some(&*e.source),
            _ => None, // the system's text is part of the library's
        }
    }
}

impl fmt::Display for CodecError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.record {
            None => write!(
                f,
                "shmq: send to queue {:?}: a value that can't be encoded: {}",
                self.queue, self.source
            ),
            Some(r) => {
                let n = r.len();
                write!(
                    f,
                    "shmq: receive from queue {:?}: a record of {n} bytes that can't be decoded: {}",
                    self.queue, self.source
                )
            }
        }
    }
}

impl From<Error> for io::Error {
    fn from(e: Error) -> io::Error {
        io::Error::new(e.kind(), e)
    }
}
