package keep

import (
	"cmp"
	"errors"
	"fmt"
	"time"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/words"
)

// keep fills in what is known of a queue and reports whether it has to stay.
func (f *gcFlags) keep(g *garbage) (stay bool, err error) {
	info, err := shmq.Stat(g.Name)
	if err != nil {
		return true, err
	}
	v, err := shmq.View(g.Name)
	if err != nil {
		return true, err
	}
	defer func() {
		if e := v.Close(); e != nil {
			stay, err = true, cmp.Or(err, e)
		}
	}()
	living, _ := words.LivingAndDead(info)
	idle := words.Ago(v.LastAttach())
	g.Size, g.Age, g.Action = info.Size, int64(idle/time.Second), "kept"
	if info.Broken { // its numbers mean little until it is rebuilt
		g.Reason = "to be rebuilt; see shmq recover"
		return true, nil
	}
	if g.Records, err = inQueue(info, v); err != nil {
		return true, err
	}
	switch {
	case living > 0:
		g.Reason = fmt.Sprintf("in use: %d attached", living)
		return true, nil
	case durable(info) != "":
		g.Reason = fmt.Sprintf("durable subscription %q; see shmq unsubscribe", durable(info))
		return true, nil
	case g.Records > 0 && !f.withRecords:
		g.Reason = fmt.Sprintf("%s in it; see --with-records", words.Records(uint64(g.Records)))
		return true, nil
	case idle < time.Duration(f.older):
		g.Reason = fmt.Sprintf("not older than %s", words.Age(time.Duration(f.older)))
		return true, nil
	}
	g.Reason = "nobody is attached, " + words.Records(uint64(g.Records))
	return false, nil
}

// durable returns the name of a durable subscription, or "" if there is none: one stays until
// it is ended, also where it has acknowledged everything.
func durable(info *shmq.Info) string {
	for _, s := range info.Subscriptions {
		if s.Durable {
			return s.Name
		}
	}
	return ""
}

// inQueue counts the records that removing a queue would lose. A take of a dead consumer
// that is not recovered yet may be several records, and counts once. Where each consumer gets
// every record, the numbers of Info are those of the slowest subscription, and it is what is
// there for one that is still to come that counts.
func inQueue(info *shmq.Info, v *shmq.Viewer) (n int, err error) {
	if info.Consumers != shmq.Each {
		return info.Records + info.Orphans + info.Leased, nil
	}
	rec := shmq.Record{}
	for end := v.Rewind(); ; {
		err := v.Next(&rec)
		if errors.Is(err, shmq.ErrEmpty) || err == nil && rec.Position >= end {
			return n, nil
		}
		if err != nil {
			return n, err
		}
		if rec.State != shmq.Writing {
			n++
		}
	}
}
