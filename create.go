package shmq

import (
	"errors"
	"io/fs"
	"net"
	"os"

	"github.com/shmq/shmq/internal/fail"
	"github.com/shmq/shmq/internal/name"
	"github.com/shmq/shmq/internal/place"
	"github.com/shmq/shmq/internal/place/memfd"
	"github.com/shmq/shmq/internal/sys"
)

// Create makes a queue. It is complete, and its memory is reserved, before its
// name appears; of two processes that create the same name one gets fs.ErrExist.
// Other errors: ErrName, ErrOption, fs.ErrPermission, ErrNoSpace when the filesystem or the
// memory cannot hold it, ErrSync. opts may be nil.
func Create(queue string, opts *Options) error {
	at, err := name.Find(queue)
	if err != nil {
		return err
	}
	s, err := opts.spec()
	if err == nil {
		err = at.Create(s)
	}
	return fail.In("create", queue, err)
}

// anonymous stands for the name in errors about a queue that has none.
const anonymous = "anonymous"

// CreateAnonymous makes a queue without a name and returns the file that it is. It is
// in no directory, and gone, with the records in it, when the last process that has the
// file open or is attached ends. A process that is to use it has to be handed the file: a child
// by exec.Cmd.ExtraFiles, any other by SendFile. Each then uses the name that FileName
// returns; a child the number that it was given, as "fd:3".
//
// The caller closes the file when it has attached and handed it out; a participant does
// not need it. It is closed on exec, and sealed: its size is final, so no process can
// harm attached participants by cutting it.
//
// opts.Mode decides which users that are handed the file can attach: a process of
// another user than the maker needs 0666, of which only they can make use. It can be
// changed later, by os.File.Chmod. Bits to execute are left out. opts may be nil.
//
// Errors: ErrOption; ErrNoSpace if the machine has not that much memory left;
// ErrRefused where the system allows no such files.
func CreateAnonymous(opts *Options) (f *os.File, err error) {
	s, err := opts.spec()
	if err == nil {
		f, err = memfd.Create(s)
	}
	return f, fail.In("create", anonymous, err)
}

// FileName returns the name, fd:N, by which this process can use the queue in a file for
// as long as the file is open: until it is closed, or nothing refers to f any more. What
// was attached or opened by it stays.
func FileName(f *os.File) string { return memfd.Name(f) }

// SendFile hands an anonymous queue to the process at the other end of a Unix domain
// socket, which takes it by ReceiveFile, or as any descriptor (SCM_RIGHTS) that comes
// with one byte. The caller keeps its own. It waits for room in the socket until conn's
// deadline. Errors: ErrNotQueue, ErrVersion, ErrDamaged, and those of the connection.
func SendFile(conn *net.UnixConn, f *os.File) error {
	return fail.In("send", anonymous, memfd.Send(conn, f))
}

// ReceiveFile takes a queue that was sent by SendFile. It waits, until conn's deadline,
// for one byte of conn and takes the one descriptor that has to come with it. The file that
// it returns is a queue whose size is final, whichever process sent it; the caller attaches
// by FileName, and closes it. A file that is not sealed yet is sealed, and refused if it
// can't be: any process that has it could end those attached by cutting it.
//
// Errors: ErrNotQueue for anything else that comes, ErrVersion, ErrDamaged; ErrRefused
// if this process can have no more descriptors; those of the connection, io.EOF among
// them.
func ReceiveFile(conn *net.UnixConn) (*os.File, error) {
	f, err := memfd.Receive(conn)
	return f, fail.In("receive", anonymous, err)
}

// Dir returns the directory of queues that are named without a slash: SHMQ_DIR
// if it is set, else /dev/shm.
func Dir() string { return place.Dir() }

// Path returns the file that a queue's name means; of fd:N, a path that leads to it in
// this process alone; of a queue in a System V segment (sysv:KEY, sysv:id:ID) its side
// file. Error: ErrName.
func Path(queue string) (string, error) { return name.Path(queue) }

// Entry is one queue of a List: Err tells why Info is nil.
type Entry struct {
	Name string
	Info *Info
	Err  error
}

// List describes the queues in Dir, in the order of their names. A queue that can't
// be described, for lack of permission for example, has an entry with the error;
// one that is removed meanwhile has none.
func List() ([]Entry, error) {
	names, err := name.All()
	if err != nil {
		return nil, err
	}
	var entries []Entry
	processes := sys.NewProcesses()
	for _, queue := range names {
		var info *Info
		err := name.ErrSparse
		if !name.Sparse(queue) {
			info, err = stat(queue, processes)
		}
		err = fail.In("describe", queue, err)
		if errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fail.ErrUnfinished) {
			continue
		}
		entries = append(entries, Entry{queue, info, err})
	}
	return entries, nil
}
