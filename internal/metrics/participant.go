package metrics

import (
	"strconv"

	"github.com/shmq/shmq"
)

var (
	records      = seatCounter("records_total", "Records sent, or acknowledged.")
	bytesMoved   = seatCounter("bytes_total", "Payload of those.")
	waits        = seatCounter("waits_total", "Times it went to sleep.")
	wakes        = seatCounter("wakes_total", "Sleepers it woke.")
	again        = seatCounter("redelivered_records_total", "Records received that were delivered before.")
	attached     = seatGauge("attached_timestamp_seconds", "When it attached.")
	alive        = seatGauge("alive", "Whether it lives.")
	halted       = seatGauge("stopped", "Whether its process is stopped, as far as that can be told.")
	cgroupFrozen = seatGauge("frozen", "Whether its cgroup is frozen, as far as that can be told.")
	heldSlots    = seatGauge("held_slots", "Slots of what it holds.")
	heldRecords  = seatGauge("held_records", "Records it has not acknowledged; of a single consumer, at most so many.")
	heldSince    = seatGauge("held_since_timestamp_seconds", "Since when it has held something without a break.")
)

// Participants adds what is known of each participant of a queue.
func Participants(i *shmq.Info, add Add) {
	for n := range i.Participants {
		participant(&i.Participants[n], add)
	}
}

func participant(p *shmq.Participant, add Add) {
	labels := []string{strconv.Itoa(p.Seat), p.Role.String(), strconv.Itoa(p.PID), p.Command}
	one := func(f *Family, v float64) { add(f, v, labels...) }
	one(records, float64(p.Records))
	one(bytesMoved, float64(p.Bytes))
	one(waits, float64(p.Waits))
	one(wakes, float64(p.Wakes))
	one(again, float64(p.Redelivered))
	one(attached, seconds(p.Attached))
	one(alive, truth(p.Alive))
	one(halted, truth(p.Stopped))
	one(cgroupFrozen, truth(p.Frozen))
	var slots, records uint64
	if p.Holds != nil {
		slots, records = p.Holds.Slots, uint64(p.Holds.Records)
	}
	one(heldSlots, float64(slots))
	one(heldRecords, float64(records))
	if !p.HeldSince.IsZero() {
		one(heldSince, seconds(p.HeldSince))
	}
}
