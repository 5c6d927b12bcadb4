package conn

import (
	"fmt"
	"net"
	"syscall"

	"github.com/shmq/shmq/internal/fail"
)

// Sentinels, beside those of net, os, io and syscall: test for them with errors.Is.
var (
	// ErrName: the name can't be a connection's.
	ErrName = fail.ErrName
	// ErrOption: an option has a value that is not allowed.
	ErrOption = fail.ErrOption
	// ErrDamaged: the shared memory holds what no end of a connection writes.
	ErrDamaged = fail.ErrDamaged
	// ErrRefused: the kernel, a limit or a sandbox refuses what a connection needs.
	ErrRefused = fail.ErrRefused
	// ErrNoSpace: there is not enough memory for the buffers.
	ErrNoSpace = fail.ErrNoSpace
	// ErrProtocol: what listens there, or what connected, does not speak this protocol, or
	// another version of it.
	ErrProtocol = fmt.Errorf("%w: no connection over shared memory", syscall.EPROTO)
)

const network = "shmq"

// because is an error of the kind of reason, in words of its own.
type because struct {
	text   string
	reason error
}

func (b *because) Error() string { return b.text }
func (b *because) Unwrap() error { return b.reason }

func saying(reason error, format string, args ...any) error {
	return &because{fmt.Sprintf(format, args...), reason}
}

// Why a connection came to its end.
var (
	errReset = saying(syscall.ECONNRESET, "the other process ended, or was killed, before it closed the connection: what is missing is lost; dial again")
	errPipe  = saying(syscall.EPIPE, "the other end was closed, or its process ended: nobody reads what is written; dial again")
	errShut  = saying(syscall.EPIPE, "this end was closed for writing")
	errBroke = saying(fail.ErrDamaged, "the shared memory is damaged: the other end does not keep to the protocol; close the connection and dial again")
)

// opError names operation and connection, unless err is nil or says that a stream ended in
// order.
func opError(op string, from, to net.Addr, err error) error {
	return &net.OpError{Op: op, Net: network, Source: from, Addr: to, Err: err}
}
