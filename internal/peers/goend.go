//go:build linux

package main

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/shmq/shmq"
)

// goEnd is what this program is called with when it is an end of a peer in Go.
const goEnd = "end"

// order is a command that an end is given.
type order struct {
	verb               string
	size, pause, batch int
	n, area            int
	receiver           bool
	dir                string
	polling            bool
	producers          shmq.Multiplicity
	consumers          shmq.Multiplicity
}

// goLink is an end of a peer in Go, for one size of records.
type goLink interface {
	// throughput and roundTrip return when this end began and when it was done.
	throughput(o order) (start, end int64, err error)
	roundTrip(o order) (start, end int64, err error)
	stream(o order, p *progress) error
}

// serveGo carries out the commands of standard input, and ends the process with it.
func serveGo(args []string) {
	link, role, dir := args[0], args[1], args[2]
	links := map[int]goLink{}
	orders := make(chan order)
	go func() {
		// The goroutine that measures has this thread for itself.
		runtime.LockOSThread()
		pinTo(role == "receiver")
		for o := range orders {
			if err := obey(link, o, links); err != nil {
				fmt.Fprintln(os.Stderr, link+":", err)
				os.Exit(1)
			}
		}
	}()
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		o := order{receiver: role == "receiver", dir: dir,
			polling: strings.HasSuffix(link, "polling"), producers: side(link, "/many-"), consumers: side(link, "-many/")}
		if strings.Contains(link, "-each/") {
			o.consumers = shmq.Each
		}
		if _, err := fmt.Sscan(in.Text(), &o.verb, &o.size, &o.pause, &o.batch, &o.n, &o.area); err != nil {
			fmt.Fprintln(os.Stderr, link+":", err)
			os.Exit(1)
		}
		orders <- o
	}
	os.Exit(0)
}

// side is what a side of the queues of a link is.
func side(link, many string) shmq.Multiplicity {
	if strings.Contains(link, many) {
		return shmq.Many
	}
	return shmq.One
}

func obey(link string, o order, links map[int]goLink) (err error) {
	l := links[o.size]
	var start, end int64
	switch o.verb {
	case "open":
		if links[o.size], err = openGo(link, o); err == nil {
			fmt.Println("ready")
		}
		return err
	case "throughput":
		start, end, err = l.throughput(o)
	case "roundtrip":
		start, end, err = l.roundTrip(o)
	case "stream":
		all, err := progresses(o.dir)
		if err != nil {
			return err
		}
		fmt.Println("streaming")
		return l.stream(o, &all[o.area])
	}
	if err == nil {
		fmt.Println("done", start, end)
	}
	return err
}

func openGo(link string, o order) (goLink, error) {
	if link == "shmipc" {
		return openShmipc(o)
	}
	return openShmq(o)
}

func (o order) path(name string) string { return filepath.Join(o.dir, fmt.Sprint(name, o.size)) }

// now is the clock that all processes of a machine share.
func now() int64 {
	var t unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &t) // this clock is always there
	return t.Nano()
}

// pinTo keeps the caller's thread on the first or the second core that it may use.
func pinTo(second bool) {
	n := 0
	if second {
		n = 1
	}
	var all unix.CPUSet
	_ = unix.SchedGetaffinity(0, &all) // empty: then it is not pinned
	for cpu := range 8 * int(unsafe.Sizeof(all)) {
		if !all.IsSet(cpu) {
			continue
		}
		if n == 0 {
			var one unix.CPUSet
			one.Set(cpu)
			_ = unix.SchedSetaffinity(0, &one) // refused: it is only less exact
			return
		}
		n--
	}
}

// number marks a record as the n-th, at both its ends: one that is torn, lost or out of
// order does not pass checkNumber.
func number(rec []byte, n uint64) {
	binary.NativeEndian.PutUint64(rec, n)
	binary.NativeEndian.PutUint64(rec[len(rec)-8:], ^n)
}

func checkNumber(rec []byte, size int, n uint64) error {
	if len(rec) != size {
		return fmt.Errorf("record %d has %d bytes", n, len(rec))
	}
	first, last := binary.NativeEndian.Uint64(rec), binary.NativeEndian.Uint64(rec[size-8:])
	if first != n || last != ^n {
		return fmt.Errorf("record %d holds %d and, inverted, %d", n, first, ^last)
	}
	return nil
}

// read tells the number of a record, and whether it is whole.
func read(rec []byte) (n uint64, whole bool) {
	n = binary.NativeEndian.Uint64(rec)
	return n, binary.NativeEndian.Uint64(rec[len(rec)-8:]) == ^n
}
