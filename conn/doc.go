// Package conn is connections over shared memory for Linux: a Listener is a net.Listener, a
// Conn a net.Conn, so net/http, gRPC and all else that works with those goes over it.
//
//	l, err := conn.Listen("web")         c, err := conn.Dial(ctx, "web")
//	http.Serve(l, handler)               c.Write(...); c.Read(...)
//
// Two processes of one machine share two rings of bytes, one for each direction, in a file
// without a name. While both are busy, reading and writing is copying: no system call. An
// end that waits spins for a moment and then sleeps without a thread of its own. A Unix
// socket brings the two together, wakes a sleeping end and tells when the other is gone,
// whatever ended it.
//
// # Names
//
// A name without a slash means the socket shmq-conn.NAME in /dev/shm, or in the directory
// that the environment variable SHMQ_DIR names; a name with a slash is a path. Who may write
// to the socket's file may connect: its mode is 0600 unless ListenConfig.Mode says otherwise.
//
// # Behaviour
//
// A Conn is a stream of bytes, as a Unix socket of the kind SOCK_STREAM: writes have no
// bounds that a reader sees, deadlines end calls with os.ErrDeadlineExceeded, a full buffer
// makes the writer wait. All methods are safe for concurrent use. What was written before
// Close is delivered, and then io.EOF; if the other process ended without Close, what it had
// written is delivered, and then syscall.ECONNRESET. Writing to an end that is closed or
// gone fails with syscall.EPIPE. docs/conn.md tells more, and what is not promised.
//
// # The other end
//
// The other process is not trusted with anything but its own bytes. It may write anything
// into the shared memory; the worst that comes of it is wrong bytes, a call that waits until
// its deadline, or an error, ErrDamaged.
package conn
