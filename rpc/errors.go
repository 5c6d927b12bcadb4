package rpc

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/shmq/shmq"
)

var (
	// ErrNoServer: no server is attached to the request queue. It is an error of a call whose
	// context ended, beside that of the context.
	ErrNoServer = errors.New("no server is attached")
	// ErrClientGone is the cause of a handler's context when the client of its request has
	// closed, or was killed.
	ErrClientGone = errors.New("the client is gone")
)

// Codes of errors that are not a handler's own.
const (
	// CodeFailed: the handler returned an error that is no *Error.
	CodeFailed = "failed"
	// CodePanic: the handler panicked, or ended its goroutine.
	CodePanic = "panic"
	// CodeBadRequest: the request can't be decoded into what the handler takes.
	CodeBadRequest = "bad-request"
	// CodeBadAnswer: the codec can't encode what the handler returned.
	CodeBadAnswer = "bad-answer"
	// CodeTooLarge: the answer does not fit into the client's answer queue.
	CodeTooLarge = "too-large"
	// CodeDropped: there was an answer, and the client's answer queue had no room for it.
	CodeDropped = "dropped"
)

const (
	maxCode = 64
	maxText = 4 << 10
)

// Error is a server's answer that a call failed: what its handler returned, or what became of
// the handler. It is found by errors.As in what Call returns, and a handler returns one to
// choose the code.
type Error struct {
	// Code tells programs what kind of error it is: up to 64 bytes.
	Code string
	// Text is for people: up to 4 KiB, less where the answer queue has only small records.
	Text string
}

func (e *Error) Error() string {
	if e.Text == "" {
		return e.Code
	}
	return e.Code + ": " + e.Text
}

// asError returns what the caller learns of a handler's error. Its methods may panic, as those of
// a nil pointer in an error do.
func asError(err error) (e *Error) {
	defer func() {
		if p := recover(); p != nil {
			e = &Error{CodePanic, fmt.Sprintf("in an error of type %T: %v", err, p)}
		}
	}()
	if errors.As(err, &e) && e != nil {
		return &Error{e.Code, e.Text}
	}
	return &Error{CodeFailed, err.Error()}
}

// valid returns s as UTF-8, cut to n bytes at the end of a character.
func valid(s string, n int) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	if len(s) <= n {
		return s
	}
	for n = max(n, 0); n > 0 && !utf8.RuneStart(s[n]); n-- {
	}
	return s[:n]
}

// tooLarge says that a payload does not fit.
func tooLarge(what string, size, limit int) error {
	return fmt.Errorf("%w: the %s has %d bytes, the limit is %d", shmq.ErrTooLarge, what, size, limit)
}
