package metrics

import (
	"math"
	"strconv"
	"time"

	"github.com/shmq/shmq"
)

var (
	up           = gauge("shmq_up", "Whether the queue could be described.")
	info         = gauge("shmq_queue_info", "The queue; always 1.", "path", "creation_id", "layout_version", "producers", "consumers")
	created      = gauge("shmq_created_timestamp_seconds", "When the queue was made.")
	fileSize     = gauge("shmq_file_size_bytes", "Size of the queue's file.")
	slots        = gauge("shmq_slots", "Slots of the ring.")
	slotSize     = gauge("shmq_slot_size_bytes", "Payload that fits into one slot.")
	recordMax    = gauge("shmq_record_max_bytes", "Payload of the largest record.")
	seats        = gauge("shmq_seats", "How many participants can be attached at a time.")
	tail         = counter("shmq_tail_slots_total", "Slots that producers have claimed: the position of the next claim.")
	head         = counter("shmq_head_slots_total", "Slots that consumers have taken; with a single consumer: acknowledged.")
	depth        = gauge("shmq_depth_slots", "Slots between head and tail.")
	waiting      = gauge("shmq_records_waiting", "Records that no consumer was handed yet.")
	orphaned     = gauge("shmq_records_orphaned", "Records to be delivered again: their holder died, or gave them back.")
	leased       = gauge("shmq_records_leased", "Records in the hands of living consumers; of a single one, at most so many.")
	claims       = gauge("shmq_claims_open", "Claims of producers that are being written.")
	oldest       = gauge("shmq_oldest_record_age_seconds", "Since when the oldest record waits that no consumer has, the orphaned ones too; 0 if there is none.")
	sent         = counter("shmq_records_sent_total", "Records sent, by all participants that ever were.")
	bytesSent    = counter("shmq_bytes_sent_total", "Payload of those.")
	received     = counter("shmq_records_received_total", "Records received and acknowledged, by all participants that ever were.")
	bytesRecv    = counter("shmq_bytes_received_total", "Payload of those.")
	redelivered  = counter("shmq_records_redelivered_total", "Records received that had been delivered before.")
	uncounted    = gauge("shmq_records_uncounted", "Received, torn, waiting, orphaned and leased records less those sent: what killed participants had not counted.")
	skipped      = counter("shmq_claims_skipped_total", "Claims of dead producers that were passed over.")
	checksum     = gauge("shmq_checksum", "Whether each record has a checksum.")
	torn         = counter("shmq_torn_records_total", "Records dropped because their checksum was wrong.")
	broken       = gauge("shmq_broken", "Whether the next participant has to rebuild the queue, because the machine stopped.")
	full         = gauge("shmq_full", "Whether there is no room for a record of one slot.")
	asleepSend   = gauge("shmq_producers_asleep", "Whether producers may be asleep, for want of room.")
	asleepRecv   = gauge("shmq_consumers_asleep", "Whether consumers may be asleep, for want of records.")
	begun        = gauge("shmq_stream_begun", "Whether a producer has ever attached.")
	finished     = gauge("shmq_stream_finished", "Whether the stream is marked as finished.")
	participants = gauge("shmq_participants", "Participants; dead ones are those that no participant has recovered yet.", "role", "alive")
	stopped      = gauge("shmq_participants_stopped", "Living participants whose process is stopped, and not frozen.", "role")
	frozen       = gauge("shmq_participants_frozen", "Living participants whose cgroup is frozen.", "role")
)

// Of a queue of which each consumer gets every record. All labels of a subscription are of its
// entry: a durable one has a name, any other none.
var (
	maxSubs    = gauge("shmq_subscriptions_max", "How many subscriptions there can be at a time.")
	subs       = gauge("shmq_subscriptions", "Subscriptions; those that are not held are durable ones that no process has, or those of dead consumers.", "held")
	subLag     = gauge("shmq_subscription_lag_slots", "Slots between the oldest record that the subscription has not acknowledged and the next claim.", subLabels...)
	subRecords = gauge("shmq_subscription_lag_records", "Records that the subscription has not acknowledged, as far as they are still there.", subLabels...)
	subBytes   = gauge("shmq_subscription_lag_bytes", "Payload of those.", subLabels...)
	subLost    = counter("shmq_subscription_lost_slots_total", "Slots that were overwritten before the subscription received them.", subLabels...)
	subHeld    = gauge("shmq_subscription_held", "Whether a living process has the subscription.", subLabels...)
	subSince   = gauge("shmq_subscription_since_timestamp_seconds", "When the subscription was made.", subLabels...)
)

var subLabels = []string{"entry", "subscription", "pid", "command"}

// Down adds what there is of a queue that can't be described.
func Down(add Add) { add(up, 0) }

// Queue adds what is known of a queue, but for Participants.
func Queue(i *shmq.Info, add Add) {
	add(up, 1)
	add(info, 1, i.Path, i.CreationID, strconv.Itoa(i.Layout), i.Producers.String(), i.Consumers.String())
	add(created, seconds(i.Created))
	add(fileSize, float64(i.Size))
	add(slots, float64(i.Slots))
	add(slotSize, float64(i.SlotSize))
	add(recordMax, float64(i.MaxRecord))
	add(seats, float64(i.Seats))
	add(tail, float64(i.Tail))
	add(head, float64(i.Head))
	add(depth, float64(i.Depth))
	add(waiting, float64(i.Records))
	add(orphaned, float64(i.Orphans))
	add(leased, float64(i.Leased))
	add(claims, float64(i.Claimed))
	if i.Timestamps {
		age := 0.0
		if !i.OldestSent.IsZero() {
			age = math.Round(max(0, time.Since(i.OldestSent)).Seconds()*1e3) / 1e3
		}
		add(oldest, age)
	}
	add(sent, float64(i.Sent))
	add(bytesSent, float64(i.SentBytes))
	add(received, float64(i.Received))
	add(bytesRecv, float64(i.ReceivedBytes))
	add(redelivered, float64(i.Redelivered))
	add(uncounted, float64(i.Uncounted))
	add(skipped, float64(i.Skipped))
	add(checksum, truth(i.Checksum))
	add(torn, float64(i.Torn))
	add(broken, truth(i.Broken))
	add(full, truth(i.Full))
	add(asleepSend, truth(i.ProducersAsleep))
	add(asleepRecv, truth(i.ConsumersAsleep))
	add(begun, truth(i.Begun))
	add(finished, truth(i.Finished))
	for _, role := range []shmq.Role{shmq.Producer, shmq.Consumer} {
		states(i, role, add)
	}
	if i.Consumers == shmq.Each {
		subscriptions(i, add)
	}
}

func subscriptions(i *shmq.Info, add Add) {
	add(maxSubs, float64(i.MaxSubscriptions))
	held := 0
	for n := range i.Subscriptions {
		s := &i.Subscriptions[n]
		if s.Held {
			held++
		}
		if s.Joining {
			continue
		}
		labels := []string{strconv.Itoa(s.Entry), s.Name, strconv.Itoa(s.PID), s.Command}
		add(subLag, float64(s.Lag), labels...)
		add(subRecords, float64(s.Records), labels...)
		add(subBytes, float64(s.Bytes), labels...)
		add(subLost, float64(s.Lost), labels...)
		add(subHeld, truth(s.Held), labels...)
		add(subSince, seconds(s.Since), labels...)
	}
	add(subs, float64(held), "true")
	add(subs, float64(len(i.Subscriptions)-held), "false")
}

// states counts the participants of a role by their states.
func states(i *shmq.Info, role shmq.Role, add Add) {
	alive, dead, isStopped, isFrozen := 0, 0, 0, 0
	for n := range i.Participants {
		p := &i.Participants[n]
		switch {
		case p.Role != role:
		case !p.Alive:
			dead++
		case p.Frozen:
			alive++
			isFrozen++
		case p.Stopped:
			alive++
			isStopped++
		default:
			alive++
		}
	}
	add(participants, float64(alive), role.String(), "true")
	add(participants, float64(dead), role.String(), "false")
	add(stopped, float64(isStopped), role.String())
	add(frozen, float64(isFrozen), role.String())
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// seconds is a time as Unix seconds, to the millisecond.
func seconds(t time.Time) float64 { return float64(t.UnixMilli()) / 1e3 }
