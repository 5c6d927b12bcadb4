package rpc

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"github.com/shmq/shmq/internal/wire"
)

// Requests and answers are msgpack maps, so that every command can show them:
//
//	{mac: bin 16, rpc: 1, client: bin 8, call: uint 64, deadline: uint 64, request: value}
//	{rpc: 1, call: uint 64, answer: value}
//	{rpc: 1, call: uint 64, code: str, error: str}
//
// The keys are in this order, and the numbers have these widths. A payload that is not one
// msgpack value stands as bin 32 under request_bytes or answer_bytes. docs/rpc.md says what
// the fields mean.

// version is the value of the key rpc.
const version = 1

const (
	requestKeys = 6
	answerKeys  = 3
	errorKeys   = 4
)

// The constant parts of a request, in their order; the fields stand between them.
var (
	requestMAC      = join([]byte{0x80 | requestKeys}, key("mac"), []byte{codeBin8, macSize})
	requestClient   = join(key("rpc"), []byte{version}, key("client"), []byte{codeBin8, tokenSize})
	requestCall     = join(key("call"), []byte{codeUint64})
	requestDeadline = join(key("deadline"), []byte{codeUint64})
	requestValue    = key("request")
	requestBytes    = key("request_bytes")

	answerCall  = join([]byte{0x80 | answerKeys}, key("rpc"), []byte{version}, key("call"), []byte{codeUint64})
	errorCall   = join([]byte{0x80 | errorKeys}, key("rpc"), []byte{version}, key("call"), []byte{codeUint64})
	answerValue = key("answer")
	answerBytes = key("answer_bytes")
	errorCode   = key("code")
	errorText   = key("error")
)

const (
	codeBin8   = 0xc4
	codeBin32  = 0xc6
	codeUint64 = 0xcf

	tokenSize = 8
	macSize   = 16
	bin32Head = 5
)

// What a request and an answer have beside their payload, at most.
var (
	requestOverhead = len(requestMAC) + macSize + len(requestClient) + tokenSize + len(requestCall) + 8 + len(requestDeadline) + 8 + len(requestBytes) + bin32Head
	answerOverhead  = len(answerCall) + 8 + len(answerBytes) + bin32Head
)

func key(k string) []byte { return wire.AppendString(nil, k) }

func join(parts ...[]byte) (all []byte) {
	for _, p := range parts {
		all = append(all, p...)
	}
	return all
}

// token tells the answer queues of one request queue apart.
type token [tokenSize]byte

// request is a request in its parts. The payload lies in the record.
type request struct {
	client   token
	call     uint64
	deadline uint64 // CLOCK_MONOTONIC in nanoseconds, 0 for none
	payload  []byte
}

// appendRequest appends the record of a request. Its MAC is still zero: it is the caller's to set,
// see sealed.
func appendRequest(dst []byte, r *request) []byte {
	dst = append(dst, requestMAC...)
	dst = append(dst, make([]byte, macSize)...)
	dst = append(append(dst, requestClient...), r.client[:]...)
	dst = binary.BigEndian.AppendUint64(append(dst, requestCall...), r.call)
	dst = binary.BigEndian.AppendUint64(append(dst, requestDeadline...), r.deadline)
	return appendPayload(dst, requestValue, requestBytes, r.payload)
}

// sealed returns the two parts of a record of appendRequest: the MAC, and what it covers.
func sealed(record []byte) (mac, covered []byte) {
	at := len(requestMAC)
	return record[at : at+macSize], record[at+macSize:]
}

// appendPayload appends a payload as a value if it is one, else as bytes. One that is a value
// may be nested as deep as a record may be, less the map around it.
func appendPayload(dst, asValue, asBytes, payload []byte) []byte {
	if n, _, err := wire.Walk(payload, 1); err == nil && n == len(payload) {
		return append(append(dst, asValue...), payload...)
	}
	dst = append(append(dst, asBytes...), codeBin32)
	return append(binary.BigEndian.AppendUint32(dst, uint32(len(payload))), payload...)
}

// errWire: a record is no request, or no answer.
var errWire = errors.New("it is none of version 1")

// parser takes a record apart.
type parser struct {
	rest []byte
	bad  bool
}

func (p *parser) want(part []byte) {
	if !p.sees(part) {
		p.bad = true
	}
}

// sees takes part if it comes next.
func (p *parser) sees(part []byte) bool {
	if len(p.rest) < len(part) || string(p.rest[:len(part)]) != string(part) {
		return false
	}
	p.rest = p.rest[len(part):]
	return true
}

func (p *parser) bytes(n int) []byte {
	if p.bad || len(p.rest) < n {
		p.bad = true
		return make([]byte, n)
	}
	b := p.rest[:n]
	p.rest = p.rest[n:]
	return b
}

func (p *parser) uint64() uint64 { return binary.BigEndian.Uint64(p.bytes(8)) }

// payload takes all that is left. What stands there as a value need not be one: its decoder
// will say so.
func (p *parser) payload(asValue, asBytes []byte) []byte {
	if p.sees(asValue) {
		return p.rest
	}
	p.want(asBytes)
	p.want([]byte{codeBin32})
	if n := binary.BigEndian.Uint32(p.bytes(4)); p.bad || uint64(n) != uint64(len(p.rest)) {
		p.bad = true
	}
	return p.rest
}

// str takes a string.
func (p *parser) str() string {
	t, err := wire.Parse(p.rest)
	if p.bad || err != nil || t.Kind != wire.Str || t.Size() > len(p.rest) {
		p.bad = true
		return ""
	}
	s := string(t.Payload(p.rest))
	p.rest = p.rest[t.Size():]
	return s
}

// parseRequest takes a request apart. The record must not change meanwhile, nor while the
// payload is in use.
func parseRequest(record []byte) (r request, err error) {
	p := parser{rest: record}
	p.want(requestMAC)
	p.bytes(macSize)
	p.want(requestClient)
	copy(r.client[:], p.bytes(tokenSize))
	p.want(requestCall)
	r.call = p.uint64()
	p.want(requestDeadline)
	r.deadline = p.uint64()
	r.payload = p.payload(requestValue, requestBytes)
	if p.bad {
		return request{}, fmt.Errorf("a record of %d bytes is no request: %w", len(record), errWire)
	}
	return r, nil
}

// answer is what came of a call: a payload, or an error of the server's.
type answer struct {
	payload []byte
	err     *Error
}

func appendAnswer(dst []byte, call uint64, payload []byte) []byte {
	dst = binary.BigEndian.AppendUint64(append(dst, answerCall...), call)
	return appendPayload(dst, answerValue, answerBytes, payload)
}

// appendError appends an answer that is an error. The text is cut to what limit leaves for it.
func appendError(dst []byte, call uint64, e *Error, limit int) []byte {
	start := len(dst)
	dst = binary.BigEndian.AppendUint64(append(dst, errorCall...), call)
	dst = wire.AppendString(append(dst, errorCode...), valid(e.Code, maxCode))
	dst = append(dst, errorText...)
	room := limit - (len(dst) - start) - bin32Head
	return wire.AppendString(dst, valid(e.Text, min(room, maxText)))
}

func parseAnswer(record []byte) (call uint64, a answer, err error) {
	p := parser{rest: record}
	if p.sees(errorCall) {
		call = p.uint64()
		a.err = &Error{}
		p.want(errorCode)
		a.err.Code = p.str()
		p.want(errorText)
		a.err.Text = p.str()
		p.bad = p.bad || len(p.rest) > 0
	} else {
		p.want(answerCall)
		call = p.uint64()
		a.payload = p.payload(answerValue, answerBytes)
	}
	if p.bad {
		return 0, answer{}, fmt.Errorf("a record of %d bytes is no answer: %w", len(record), errWire)
	}
	return call, a, nil
}

// maxPayload returns the size of the largest payload that a record of limit bytes can have.
func maxPayload(limit, overhead int) int { return max(min(limit-overhead, math.MaxInt32), 0) }
