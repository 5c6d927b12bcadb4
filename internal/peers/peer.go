//go:build linux

package main

import (
	"os/user"
	"time"
)

// peer is one way to hand records over, as it is measured.
type peer struct {
	name    string // the program's name for it, too
	program *program
	// what it is, and its limits
	sides   string // producers and consumers that it allows: "1:1", "n:n"
	waits   bool   // its ends sleep in the kernel; else they poll
	threads bool   // its ends are threads of one process
	batches bool
	only    []kind // empty: all that it can do
	without []kind
	// service starts a process that has to run beside the ends, and returns the line that says
	// that it runs.
	service func(dir string, mortal bool) (argv []string, ready string)
	most    int // bytes that a turn moves at most, if it keeps them
	// leaves lists files that the service may leave, though nothing is called as the directory is.
	leaves func() []string
	// patience is how long the others may take to go on after a death.
	patience time.Duration
	// goneOn is how many records of the others have to arrive after a death.
	goneOn int
	// trials of deaths are so many times fewer.
	costly int
	// dies tells why its ends are not killed, if they are not.
	dies string
}

// kind is what is measured in a turn.
type kind struct {
	name      string
	size      int
	batch     int
	roundTrip bool
	pause     bool // between tries
}

var (
	small     = kind{"48 B", 48, 1, false, false}
	smallP    = kind{"48 B, PAUSE", 48, 1, false, true}
	batch     = kind{"batch", 48, 16, false, false}
	batchP    = kind{"batch, PAUSE", 48, 16, false, true}
	trip      = kind{"round trip", 48, 1, true, false}
	tripP     = kind{"round trip, PAUSE", 48, 1, true, true}
	kilo      = kind{"1 KiB", 1024, 1, false, true}
	large     = kind{"64 KiB", 65536, 1, false, true}
	kinds     = []kind{small, smallP, batch, batchP, trip, tripP, kilo, large}
	trips     = []kind{trip, tripP}
	noKiB     = []kind{kilo, large}
	smallOnly = []kind{small, smallP, batch, batchP, trip, tripP}
)

// window is how many records of the size are on their way at most.
func window(size int) int {
	switch {
	case size <= 48:
		return 1024
	case size <= 1024:
		return 256
	}
	return 16
}

// kinds lists what is measured of a peer. An end that waits in the kernel has no tries to
// pause between.
func (p *peer) kinds() (ks []kind) {
	for _, k := range kinds {
		switch {
		case len(p.only) > 0 && !has(p.only, k), has(p.without, k):
		case k.batch > 1 && !p.batches:
		case p.waits && !k.pause:
		default:
			ks = append(ks, k)
		}
	}
	return ks
}

func has(ks []kind, k kind) bool {
	for _, other := range ks {
		if other == k {
			return true
		}
	}
	return false
}

// probe tells how far apart the cores are.
var probe = &peer{name: "bare/cache-lines", program: bare, sides: "1:1", only: trips, dies: "no queue"}

var (
	bare = cpp("bare.cpp", "g++")
	goes = &program{kind: inGo}
	rust = &program{kind: inRust}
	java = &program{kind: inJava}

	peers = []*peer{
		probe,
		{name: "bare/futex", program: bare, sides: "1:1", waits: true, only: trips, dies: "no queue"},
		{name: "bare/slots", program: bare, sides: "1:1", dies: "no queue"},

		{name: "shmq/one-one/polling", program: goes, sides: "1:1", batches: true, patience: 10 * time.Second},
		{name: "shmq/one-one/waiting", program: goes, sides: "1:1", waits: true, batches: true, patience: 10 * time.Second},
		{name: "shmq/many-many/polling", program: goes, sides: "n:n", batches: true, patience: 10 * time.Second},
		{name: "shmq/many-many/waiting", program: goes, sides: "n:n", waits: true, batches: true, patience: 10 * time.Second},

		{name: "shmq/one-each/polling", program: goes, sides: "1:n, broadcast", batches: true, patience: 10 * time.Second},
		{name: "shmq/one-each/waiting", program: goes, sides: "1:n, broadcast", waits: true, batches: true, patience: 10 * time.Second},
		{name: "shmq/many-each/polling", program: goes, sides: "n:n, broadcast", batches: true, patience: 10 * time.Second},
		{name: "shmq/many-each/waiting", program: goes, sides: "n:n, broadcast", waits: true, batches: true, patience: 10 * time.Second},

		{name: "rigtorp-spsc", program: rigtorp, sides: "1:1"},
		{name: "rigtorp-mpmc", program: rigtorp, sides: "n:n"},
		{name: "vyukov-mpmc", program: cpp("vyukov.cpp", "g++"), sides: "n:n"},
		{name: "ck_ring/spsc", program: ck, sides: "1:1"},
		{name: "ck_ring/mpmc", program: ck, sides: "n:n"},
		{name: "rte_ring/sp-sc", program: rte, sides: "1:1", batches: true},
		{name: "rte_ring/mp-mc", program: rte, sides: "n:n", batches: true},
		{name: "rte_ring/hts", program: rte, sides: "n:n", batches: true},
		{name: "boost-spsc-queue", program: cpp("boost_spsc.cpp", "libboost-dev"), sides: "1:1", batches: true},
		{name: "boost-message-queue/polling", program: boostMQ, sides: "n:n"},
		{name: "boost-message-queue/waiting", program: boostMQ, sides: "n:n", waits: true},
		{name: "moodycamel-readerwriterqueue", program: readerwriter, sides: "1:1", threads: true},
		{name: "moodycamel-blocking-ring", program: readerwriter, sides: "1:1", threads: true, waits: true},
		{name: "moodycamel-concurrentqueue", program: cpp("moodycamel.cpp", "libconcurrentqueue-dev"), sides: "n:n", threads: true, batches: true},
		{name: "libqb/no-semaphore", program: libqb, sides: "1:1"},
		{name: "libqb/semaphore", program: libqb, sides: "1:1", waits: true},
		{name: "iceoryx", program: cpp("iceoryx.cpp", "libiceoryx-posh-dev", "-w", "-I/usr/include/iceoryx/v2.0.3", "-liceoryx_posh", "-liceoryx_hoofs", "-liceoryx_platform"),
			sides: "n:n, broadcast", service: roudi, leaves: roudiLeaves, patience: 10 * time.Second, costly: 5},
		{name: "iceoryx2/publish-subscribe", program: rust, sides: "n:n, broadcast", patience: 10 * time.Second, costly: 2},
		{name: "iceoryx2/its-benchmark", program: rust, sides: "1:1", only: trips, dies: "as publish-subscribe"},
		{name: "iceoryx2/request-response", program: rust, sides: "1:1", only: trips, dies: "no stream of records"},
		{name: "crossbeam-arrayqueue", program: rust, sides: "n:n", threads: true},
		{name: "rtrb", program: rust, sides: "1:1", threads: true, batches: true},
		aeron("64KiB", 5000),
		aeron("1MiB", 20_000),
		aeron("64MiB", 1_000_000),
		{name: "agrona/one-to-one", program: java, sides: "1:1", patience: 5 * time.Second, costly: 3},
		{name: "agrona/many-to-one", program: java, sides: "n:1", patience: 5 * time.Second, costly: 3},
		{name: "chronicle-queue", program: java, sides: "n:n, broadcast", most: 32 << 20, patience: 20 * time.Second, costly: 5},
		{name: "disruptor/single", program: java, sides: "1:n, broadcast", threads: true, batches: true},
		{name: "disruptor/multi", program: java, sides: "n:n, broadcast", threads: true, batches: true},
		{name: "zeromq-ipc", program: cpp("zeromq.cpp", "libzmq3-dev", "-lzmq"), sides: "1:1", waits: true, costly: 2},
		{name: "shmipc", program: goes, sides: "1:1", waits: true, batches: true, without: noKiB, dies: "a session ends with either end"},
	}

	rigtorp      = cpp("rigtorp.cpp", "the headers of rigtorp, which Debian has not, in CPLUS_INCLUDE_PATH", "-Wno-interference-size")
	ck           = cpp("ck.cpp", "libck-dev", "ck_calls.c")
	rte          = cpp("rte.cpp", "libdpdk-dev", "-march=corei7", "-I/usr/include/dpdk", "-I/usr/include/x86_64-linux-gnu/dpdk", "-lrte_ring", "-lrte_eal")
	boostMQ      = cpp("boost_mq.cpp", "libboost-dev")
	readerwriter = cpp("readerwriter.cpp", "libreaderwriterqueue-dev")
	libqb        = cpp("libqb.cpp", "libqb-dev", "-lqb")
)

// roudi is iceoryx's daemon. In a run of turns it is stopped in between, with the ends, and
// must not take them for dead then.
func roudi(_ string, mortal bool) (argv []string, ready string) {
	monitoring := "off"
	if mortal {
		monitoring = "on"
	}
	return []string{"iox-roudi", "-m", monitoring, "-k", "1"}, "RouDi is ready for clients"
}

// roudiLeaves is its memory, which it leaves when it ends while an end that died is still on its
// list: Debian's 2.0.3 aborts then.
func roudiLeaves() []string {
	files := []string{"/dev/shm/iceoryx_mgmt"}
	if u, err := user.Current(); err == nil {
		files = append(files, "/dev/shm/"+u.Username)
	}
	return files
}

// aeron is Aeron over shared memory, with its media driver beside the ends. Its buffers are three
// terms; a record may take an eighth of one. It takes ten seconds for an end to be taken for dead.
func aeron(terms string, goneOn int) *peer {
	p := &peer{name: "aeron-ipc/" + terms + "-terms", program: java, sides: "n:n, broadcast", goneOn: goneOn, patience: 30 * time.Second, costly: 10}
	p.service = func(dir string, mortal bool) (argv []string, ready string) {
		kind := "lasting"
		if mortal {
			kind = "mortal"
		}
		return append(java.argv[:len(java.argv):len(java.argv)], p.name, "driver", dir, kind), "driving"
	}
	if terms == "64KiB" {
		p.without = []kind{large}
	}
	return p
}
