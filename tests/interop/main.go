// Interop runs the msgpack libraries of other languages against shmq's codec:
// what each makes of the values that Go sends, what it sends back, and what Go
// makes of the values that it writes.
//
//	go run .           prints the tables
//	go run . -update   writes them into golden/ and docs/records.md
//	go test .          compares them with both
//
// Peers that a machine lacks are left out, with the reason on standard error.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"sync"
)

func main() {
	update := flag.Bool("update", false, "write golden/ and docs/records.md; needs every library")
	flag.Parse()
	if err := run(*update); err != nil {
		fmt.Fprintln(os.Stderr, "interop:", err)
		os.Exit(1)
	}
}

func run(update bool) error {
	values := sentValues()
	results := tables(values)
	var tables []table
	var failed error
	for _, r := range results {
		switch {
		case r.err == nil:
			tables = append(tables, r.table)
		case errors.Is(r.err, errAbsent) && !update:
			fmt.Fprintf(os.Stderr, "%s: left out: %v\n", r.peer.title(), r.err)
		default:
			failed = errors.Join(failed, fmt.Errorf("%s: %w", r.peer.title(), r.err))
		}
	}
	if failed != nil {
		return failed
	}
	if update {
		return write(values, tables)
	}
	fmt.Print(markdown(values, tables))
	return nil
}

type result struct {
	peer  peer
	table table
	err   error
}

// tables asks all peers, two at a time, in their order.
func tables(values []sent) []result {
	results := make([]result, len(peers))
	cache, err := cacheDir()
	if err == nil {
		err = os.MkdirAll(cache, 0o755)
	}
	installed := make(map[string]func() error)
	for name := range languages {
		installed[name] = sync.OnceValue(func() error { return install(cache, name) })
	}
	var wg sync.WaitGroup
	running := make(chan struct{}, 2)
	for i, p := range peers {
		results[i] = result{peer: p, err: err}
		if err != nil {
			continue
		}
		wg.Go(func() {
			running <- struct{}{}
			defer func() { <-running }()
			r := &results[i]
			if r.err = installed[p.language](); r.err == nil {
				r.table, r.err = makeTable(p, cache, values)
			}
		})
	}
	wg.Wait()
	return results
}

func goldenPath(p peer) string { return filepath.Join("golden", p.id()+".txt") }

func write(values []sent, tables []table) error {
	before, _, after, err := splitPage()
	if err != nil {
		return err
	}
	if err := os.RemoveAll("golden"); err != nil {
		return err
	}
	if err := os.Mkdir("golden", 0o755); err != nil {
		return err
	}
	for _, t := range tables {
		if err := os.WriteFile(goldenPath(t.peer), []byte(t.golden()), 0o644); err != nil {
			return err
		}
	}
	page := string(before) + pageBegin + markdown(values, tables) + pageEnd + string(after)
	return os.WriteFile(pagePath, []byte(page), 0o644)
}
