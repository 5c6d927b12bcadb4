//go:build linux

package testagent

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"

	"github.com/shmq/shmq/consumer"
	"github.com/shmq/shmq/producer"
)

// HeadSize is the size of a head, which says whose and which a record is: two numbers of 32 bits, little-endian.
// Records have one where all are that long.
const HeadSize = 8

// step is the generator of numbers that all languages have.
func step(x uint32) uint32 { return x*1664525 + 1013904223 }

// Sizes gives each size from least to most once, in an order that the sender's number decides, and then
// again, in another order.
func Sizes(sender, least, most int) func() int {
	x := uint32(sender)*2654435761 + 1
	var left []int
	return func() int {
		if len(left) == 0 {
			for n := least; n <= most; n++ {
				left = append(left, n)
			}
			for i := len(left) - 1; i > 0; i-- {
				x = step(x)
				j := uint64(x) * uint64(i+1) >> 32
				left[i], left[j] = left[j], left[i]
			}
		}
		n := left[0]
		left = left[1:]
		return n
	}
}

// Pattern is what record number seq of a sender holds beyond its head.
func Pattern(dst []byte, sender, seq int) {
	x := uint32(sender)*2654435761 + uint32(seq)*40503 + 1
	for i := range dst {
		x = step(x)
		dst[i] = byte(x >> 24)
	}
}

// sendStream sends count records of all sizes from least to most, in all ways there are, and closes.
func sendStream(ctx context.Context, p *producer.Raw, sender, count, least, most int) error {
	size := Sizes(sender, least, most)
	record := func(b []byte, seq int) []byte {
		body := b
		if least >= HeadSize {
			binary.LittleEndian.PutUint32(b, uint32(sender))
			binary.LittleEndian.PutUint32(b[4:], uint32(seq))
			body = b[HeadSize:]
		}
		Pattern(body, sender, seq)
		return b
	}
	for seq := 0; seq < count; seq++ {
		var err error
		switch {
		case seq%7 == 0 && count-seq > 3:
			batch := make([][]byte, 3)
			for i := range batch {
				batch[i] = record(make([]byte, size()), seq+i)
			}
			var n int
			if n, err = p.SendBatch(ctx, batch); n < len(batch) && err == nil {
				err = fmt.Errorf("%d of %d sent", n, len(batch))
			}
			seq += 2
		case seq%5 == 0:
			n := size()
			var b []byte
			if b, err = p.Reserve(ctx, most); err == nil {
				record(b[:n], seq)
				err = p.Commit(n)
			}
		case seq%11 == 0:
			if _, err = p.Reserve(ctx, min(100, most)); err == nil {
				p.Abort()
				err = p.Send(ctx, record(make([]byte, size()), seq))
			}
		default:
			err = p.Send(ctx, record(make([]byte, size()), seq))
		}
		if err != nil {
			return err
		}
	}
	return p.Close()
}

// receiveStream receives until the end, in all ways there are, checks each record and each sender's
// order, and returns for each sender how often it got each record, a digit each.
func receiveStream(ctx context.Context, in *consumer.Raw, senders, count int) (string, error) {
	got, last := make([][]byte, senders), make([]int, senders)
	for i := range got {
		got[i], last[i] = bytes.Repeat([]byte("0"), count), -1
	}
	check := func(b []byte, redelivered int) error {
		if len(b) < HeadSize {
			return fmt.Errorf("a record of %d bytes", len(b))
		}
		sender, seq := int(binary.LittleEndian.Uint32(b)), int(binary.LittleEndian.Uint32(b[4:]))
		if sender >= senders || seq >= count {
			return fmt.Errorf("there is no record %d of sender %d", seq, sender)
		}
		want := make([]byte, len(b)-HeadSize)
		Pattern(want, sender, seq)
		switch {
		case !bytes.Equal(b[HeadSize:], want):
			return fmt.Errorf("record %d of sender %d is torn", seq, sender)
		case seq <= last[sender]:
			return fmt.Errorf("record %d of sender %d after %d", seq, sender, last[sender])
		case redelivered != 0:
			return fmt.Errorf("record %d of sender %d was delivered before", seq, sender)
		}
		last[sender] = seq
		got[sender][seq]++
		return nil
	}
	ls := make([]consumer.Lease, 3)
	var err error
	for round := 0; err == nil; round++ {
		n := 1
		switch round % 3 {
		case 0:
			n, err = in.LeaseBatch(ctx, ls)
		case 1:
			ls[0], err = in.Lease(ctx)
		case 2:
			var b []byte
			if b, err = in.Receive(ctx, nil); err == nil {
				err = check(b, 0)
			}
			continue
		}
		for i := 0; i < n && err == nil; i++ {
			err = check(ls[i].Bytes(), ls[i].Redelivered())
			ls[i].Ack()
		}
	}
	if err != io.EOF {
		return "", err
	}
	return string(bytes.Join(got, []byte(" "))), nil
}
