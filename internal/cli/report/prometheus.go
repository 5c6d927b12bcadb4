package report

import (
	"errors"
	"io"
	"io/fs"
	"strconv"
	"strings"
	"time"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/cli/exit"
	"github.com/shmq/shmq/internal/name"
	"github.com/shmq/shmq/internal/words"
)

// metric is a family of samples in Prometheus' text exposition format 0.0.4, which
// wants them together, below one HELP and one TYPE.
type metric struct {
	name, kind, help string
	samples          strings.Builder
}

// metrics are families in the order of their first sample.
type metrics struct {
	order  []*metric
	byName map[string]*metric
}

// add adds a sample. labels are names and values in turn.
func (m *metrics) add(name, kind, help, value string, labels ...string) {
	f := m.byName[name]
	if f == nil {
		f = &metric{name: name, kind: kind, help: help}
		m.byName[name] = f
		m.order = append(m.order, f)
	}
	f.samples.WriteString(name)
	for i := 0; i+1 < len(labels); i += 2 {
		sep := ","
		if i == 0 {
			sep = "{"
		}
		f.samples.WriteString(sep + labels[i] + `="` + labelEscapes.Replace(strings.ToValidUTF8(labels[i+1], "?")) + `"`)
	}
	f.samples.WriteString("} " + value + "\n")
}

var labelEscapes = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`)

func (m *metrics) write(out io.Writer) error {
	var text strings.Builder
	for _, f := range m.order {
		text.WriteString("# HELP " + f.name + " " + f.help + "\n# TYPE " + f.name + " " + f.kind + "\n" + f.samples.String())
	}
	_, err := io.WriteString(out, text.String())
	return exit.Output(err)
}

const gauge, counter = "gauge", "counter"

// Prometheus prints the metrics of the queues of these names, or of all. A queue that
// can't be described is down; of one that was asked for by name, the error comes back
// when the others are printed.
func Prometheus(out io.Writer, names []string) error {
	all := len(names) == 0
	if all {
		var err error
		if names, err = name.All(); err != nil {
			return err
		}
	}
	m := &metrics{byName: map[string]*metric{}}
	var failed error
	seen := map[string]bool{} // a series may stand there once
	for _, name := range names {
		if seen[name] {
			continue
		}
		seen[name] = true
		info, err := shmq.Stat(name)
		switch {
		case err == nil:
			m.queue(info)
			continue
		case all && errors.Is(err, fs.ErrNotExist):
			continue // removed just now
		case !all && failed == nil:
			failed = err
		}
		m.up(name, false)
	}
	return errors.Join(m.write(out), failed)
}

func (m *metrics) up(name string, up bool) {
	m.add("shmq_up", gauge, "Whether the queue could be described.", boolText(up), "queue", name)
}

// queue adds what is known of a queue.
func (m *metrics) queue(i *shmq.Info) {
	m.up(i.Name, true)
	m.add("shmq_queue_info", gauge, "The queue; always 1.", "1", "queue", i.Name, "path", i.Path, "creation_id", i.CreationID,
		"layout_version", strconv.Itoa(i.Layout), "producers", i.Producers.String(), "consumers", i.Consumers.String())
	q := []string{"queue", i.Name}
	number := func(name, help string, v int) { m.add(name, gauge, help, strconv.Itoa(v), q...) }
	flag := func(name, help string, v bool) { m.add(name, gauge, help, boolText(v), q...) }
	total := func(name, help string, v uint64) {
		m.add(name, counter, help, strconv.FormatUint(v, 10), q...)
	}
	m.add("shmq_created_timestamp_seconds", gauge, "When the queue was made.", secondsText(i.Created), q...)
	m.add("shmq_file_size_bytes", gauge, "Size of the queue's file.", strconv.FormatInt(i.Size, 10), q...)
	number("shmq_slots", "Slots of the ring.", i.Slots)
	number("shmq_slot_size_bytes", "Payload that fits into one slot.", i.SlotSize)
	number("shmq_record_max_bytes", "Payload of the largest record.", i.MaxRecord)
	number("shmq_seats", "How many participants can be attached at a time.", i.Seats)
	total("shmq_tail_slots_total", "Slots that producers have claimed: the position of the next claim.", i.Tail)
	total("shmq_head_slots_total", "Slots that consumers have taken; with a single consumer: acknowledged.", i.Head)
	number("shmq_depth_slots", "Slots between head and tail.", i.Depth)
	number("shmq_records_waiting", "Records that no consumer was handed yet.", i.Records)
	number("shmq_records_orphaned", "Records to be delivered again: their holder died, or gave them back.", i.Orphans)
	number("shmq_records_leased", "Records in the hands of living consumers; of a single one, at most so many.", i.Leased)
	number("shmq_claims_open", "Claims of producers that are being written.", i.Claimed)
	if i.Timestamps {
		age := 0.0
		if !i.OldestSent.IsZero() {
			age = words.Ago(i.OldestSent).Seconds()
		}
		m.add("shmq_oldest_record_age_seconds", gauge, "Since when the oldest record waits that no consumer has, the orphaned ones too; 0 if there is none.", strconv.FormatFloat(age, 'f', 3, 64), q...)
	}
	total("shmq_records_sent_total", "Records sent, by all participants that ever were.", i.Sent)
	total("shmq_bytes_sent_total", "Payload of those.", i.SentBytes)
	total("shmq_records_received_total", "Records received and acknowledged, by all participants that ever were.", i.Received)
	total("shmq_bytes_received_total", "Payload of those.", i.ReceivedBytes)
	total("shmq_records_redelivered_total", "Records received that had been delivered before.", i.Redelivered)
	m.add("shmq_records_uncounted", gauge, "Received, torn, waiting, orphaned and leased records less those sent: what killed participants had not counted.", strconv.FormatInt(i.Uncounted, 10), q...)
	total("shmq_claims_skipped_total", "Claims of dead producers that were passed over.", i.Skipped)
	flag("shmq_checksum", "Whether each record has a checksum.", i.Checksum)
	total("shmq_torn_records_total", "Records dropped because their checksum was wrong.", i.Torn)
	flag("shmq_broken", "Whether the next participant has to rebuild the queue, because the machine stopped.", i.Broken)
	flag("shmq_full", "Whether there is no room for a record of one slot.", i.Full)
	flag("shmq_producers_asleep", "Whether producers may be asleep, for want of room.", i.ProducersAsleep)
	flag("shmq_consumers_asleep", "Whether consumers may be asleep, for want of records.", i.ConsumersAsleep)
	flag("shmq_stream_begun", "Whether a producer has ever attached.", i.Begun)
	flag("shmq_stream_finished", "Whether the stream is marked as finished.", i.Finished)
	for _, role := range []shmq.Role{shmq.Producer, shmq.Consumer} {
		alive, dead, stopped, frozen := 0, 0, 0, 0
		for _, p := range i.Participants {
			switch {
			case p.Role != role:
			case !p.Alive:
				dead++
			case p.Frozen:
				alive++
				frozen++
			case p.Stopped:
				alive++
				stopped++
			default:
				alive++
			}
		}
		const name, help = "shmq_participants", "Participants; dead ones are those that no participant has recovered yet."
		m.add(name, gauge, help, strconv.Itoa(alive), "queue", i.Name, "role", role.String(), "alive", "true")
		m.add(name, gauge, help, strconv.Itoa(dead), "queue", i.Name, "role", role.String(), "alive", "false")
		m.add("shmq_participants_stopped", gauge, "Living participants whose process is stopped, and not frozen.", strconv.Itoa(stopped), "queue", i.Name, "role", role.String())
		m.add("shmq_participants_frozen", gauge, "Living participants whose cgroup is frozen.", strconv.Itoa(frozen), "queue", i.Name, "role", role.String())
	}
	for n := range i.Participants {
		m.participant(i.Name, &i.Participants[n])
	}
}

func (m *metrics) participant(queue string, p *shmq.Participant) {
	labels := []string{"queue", queue, "seat", strconv.Itoa(p.Seat), "role", p.Role.String(), "pid", strconv.Itoa(p.PID), "command", p.Command}
	total := func(name, help string, v uint64) {
		m.add("shmq_participant_"+name, counter, help, strconv.FormatUint(v, 10), labels...)
	}
	number := func(name, help, v string) { m.add("shmq_participant_"+name, gauge, help, v, labels...) }
	total("records_total", "Records sent, or acknowledged.", p.Records)
	total("bytes_total", "Payload of those.", p.Bytes)
	total("waits_total", "Times it went to sleep.", p.Waits)
	total("wakes_total", "Sleepers it woke.", p.Wakes)
	total("redelivered_records_total", "Records received that were delivered before.", p.Redelivered)
	number("attached_timestamp_seconds", "When it attached.", secondsText(p.Attached))
	number("alive", "Whether it lives.", boolText(p.Alive))
	number("stopped", "Whether its process is stopped, as far as that can be told.", boolText(p.Stopped))
	number("frozen", "Whether its cgroup is frozen, as far as that can be told.", boolText(p.Frozen))
	var slots, records uint64
	if p.Holds != nil {
		slots, records = p.Holds.Slots, uint64(p.Holds.Records)
	}
	number("held_slots", "Slots of what it holds.", strconv.FormatUint(slots, 10))
	number("held_records", "Records it has not acknowledged; of a single consumer, at most so many.", strconv.FormatUint(records, 10))
	if !p.HeldSince.IsZero() {
		number("held_since_timestamp_seconds", "Since when it has held something without a break.", secondsText(p.HeldSince))
	}
}

func boolText(b bool) string {
	if b {
		return "1"
	}
	return "0"
}

// secondsText is a time as Unix seconds.
func secondsText(t time.Time) string {
	return strconv.FormatFloat(float64(t.UnixMilli())/1e3, 'f', 3, 64)
}
