package backup

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/consumer"
	"github.com/shmq/shmq/internal/cli/exit"
	"github.com/shmq/shmq/internal/cli/pump"
	"github.com/shmq/shmq/internal/dump"
	"github.com/shmq/shmq/internal/sys"
	"github.com/shmq/shmq/internal/words"
)

// saver writes records to a file.
type saver struct {
	hold   pump.Hold
	name   string
	view   *shmq.Viewer
	leased bool
	takes  bool
	header dump.Header

	to      *os.File
	created bool
	buf     []byte
	records uint64
	bytes   int64
	held    int    // leased records that were left out
	writing int    // claims that were left out
	missed  missed // records that went before they were copied
	taken   uint64 // acknowledged
}

func (d *saver) open(file string) (err error) {
	if file == "-" {
		d.to = os.Stdout
		if err := exit.LostOutput(d.name); d.takes && err != nil {
			return err
		}
		if _, _, terminal := sys.TerminalSize(d.to.Fd()); terminal {
			return exit.Usage("a dump is nothing for a terminal; name a FILE, or redirect the output")
		}
		return nil
	}
	d.to, err = os.OpenFile(file, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return exit.Tell(d.name, fs.ErrExist, "%s exists already; name another file, or remove it first", file)
	}
	if err != nil {
		return exit.Tell(d.name, exit.ErrOutput, "can't write the dump: %v", err)
	}
	d.created = true
	return nil
}

// copy writes the records that a viewer sees.
func (d *saver) copy() error {
	d.buf = dump.AppendHeader(d.buf, d.header)
	if err := d.missed.begin(d.name); err != nil {
		return err
	}
	end := d.view.Rewind()
	rec := shmq.Record{}
	for {
		err := d.view.Next(&rec)
		if errors.Is(err, shmq.ErrEmpty) || err == nil && rec.Position >= end {
			d.missed.until(d.view.Position(), d.view.Missed())
			break
		}
		if err != nil {
			return err
		}
		d.missed.until(rec.Position, d.view.Missed())
		d.missed.next = rec.Position + uint64(rec.Slots)
		switch {
		case rec.State == shmq.Writing:
			d.writing++
			continue
		case rec.State == shmq.Leased && !d.leased:
			d.held++
			continue
		}
		d.add(rec.Data, rec.Redelivered)
		if len(d.buf) >= pump.PageBytes {
			if err := d.write(); err != nil {
				return err
			}
		}
		if err := context.Cause(d.hold.Ctx); err != nil {
			return err
		}
	}
	d.buf = dump.AppendEnd(d.buf, d.records)
	if err := d.write(); err != nil {
		return err
	}
	return d.sync()
}

func (d *saver) add(payload []byte, redelivered int) {
	d.buf = dump.AppendRecord(d.buf, payload, redelivered)
	d.records++
	d.bytes += int64(len(payload))
}

// take moves records out of the queue, until it is empty. A signal ends it with a
// whole file.
func (d *saver) take(from *consumer.Raw) error {
	d.buf = dump.AppendHeader(d.buf, d.header)
	if err := d.write(); err != nil {
		return err
	}
	if d.created {
		if err := syncDir(filepath.Dir(d.to.Name())); err != nil {
			return exit.Tell(d.name, exit.ErrOutput, "can't sync the directory: %v", err)
		}
	}
	ls := make([]consumer.Lease, pump.BatchSize)
	var stop error
	for stop == nil {
		n, err := from.TryLeaseBatch(ls)
		if err == io.EOF || errors.Is(err, shmq.ErrEmpty) {
			break
		}
		if err != nil {
			stop = err
		}
		if err := from.Guard(func() error {
			for i := range ls[:n] {
				d.add(ls[i].Bytes(), ls[i].Redelivered())
			}
			return nil
		}); err != nil {
			return err
		}
		if err := d.write(); err != nil {
			return err
		}
		if err := d.sync(); err != nil {
			return err
		}
		for i := range ls[:n] {
			ls[i].Ack()
		}
		d.taken += uint64(n)
		if stop == nil {
			stop = context.Cause(d.hold.Ctx)
		}
	}
	d.buf = dump.AppendEnd(d.buf, d.records)
	err := d.write()
	if err == nil {
		err = d.sync()
	}
	if stop != nil {
		return stop
	}
	return err
}

// write writes the gathered records. The output may block for ever; a signal ends that.
func (d *saver) write() (err error) {
	d.hold.Outside(func() { _, err = d.to.Write(d.buf) })
	d.buf = d.buf[:0]
	return d.failed(err)
}

// sync waits until the disk has the file, if it is on one.
func (d *saver) sync() (err error) {
	d.hold.Outside(func() { err = d.to.Sync() })
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.ENOTSUP) || errors.Is(err, syscall.EROFS) {
		return nil // a pipe, a terminal, a device
	}
	return d.failed(err)
}

func (d *saver) failed(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, syscall.EPIPE):
		return exit.ErrPipe
	}
	return exit.Tell(d.name, exit.ErrOutput, "can't write the dump: %v", err)
}

func syncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// close closes the file, and removes it if it would be of no use.
func (d *saver) close(err error) error {
	if !d.created {
		return err
	}
	if e := d.to.Close(); err == nil {
		err = d.failed(e)
	}
	if err != nil && d.taken == 0 {
		if e := os.Remove(d.to.Name()); e != nil {
			return errors.Join(err, e)
		}
	}
	return err
}

func (d *saver) summary(whole bool) string {
	if !whole {
		return fmt.Sprintf("%s written and taken out before that", words.Records(d.taken))
	}
	s := fmt.Sprintf("%s, %s", words.Records(d.records), words.Bytes(d.bytes))
	if d.held > 0 {
		s += fmt.Sprintf("; left out: %s in the hands of receivers (--leased)", words.Records(uint64(d.held)))
	}
	if d.writing > 0 {
		s += fmt.Sprintf("; left out: %d claims of senders that have not sent yet", d.writing)
	}
	if d.missed.slots > 0 {
		s += fmt.Sprintf("; missed: %d that went while this looked, or fewer if some took several slots", d.missed.slots)
	}
	return s
}
