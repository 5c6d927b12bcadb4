//go:build linux

// Peers measures other ways to hand records from one process to another on the same
// machine, beside shmq in the same run, and kills their ends to see what the others do. It is
// a module of its own: programs that use shmq download none of it. See README.md.
package main

import (
	"flag"
	"fmt"
	"os"
	"regexp"
	"runtime"
	"time"
)

func main() {
	// Ends die with the thread that started them, and this one lasts.
	runtime.LockOSThread()
	if len(os.Args) == 6 && os.Args[1] == goEnd {
		serveGo(os.Args[2:])
		return
	}
	var (
		only   = flag.String("run", "", "only peers that match this `expression`")
		length = flag.Duration("for", 150*time.Second, "how long to measure, after the start of all ends")
		turn   = flag.Duration("turn", 30*time.Millisecond, "how long a turn takes")
		deaths = flag.Int("deaths", 0, "instead, kill each end of each peer so many `times`")
		wait   = flag.Duration("patience", patience, "how long the others may take to go on after a death, at least")
		build  = flag.Bool("build", false, "only build")
	)
	flag.Parse()
	patience = *wait
	removeAtSignal()
	if err := run(*only, *length, *turn, *deaths, *build); err != nil {
		fmt.Fprintln(os.Stderr, "peers:", err)
		os.Exit(1)
	}
}

func run(only string, length, turn time.Duration, deaths int, build bool) error {
	match, err := regexp.Compile(only)
	if err != nil {
		return err
	}
	var built []*peer
	for _, p := range peers {
		if !match.MatchString(p.name) && p != probe {
			continue
		}
		switch absent, err := p.program.build(true); {
		case err != nil:
			return fmt.Errorf("%s: %w", p.name, err)
		case absent != "":
			fmt.Printf("skipped %s: %s\n", p.name, absent)
		default:
			built = append(built, p)
		}
	}
	switch {
	case build:
		return nil
	case deaths > 0:
		return killThem(os.Stdout, built, deaths)
	default:
		return takeTurns(os.Stdout, built, length, turn)
	}
}
