package bench

import "github.com/shmq/shmq"

var (
	oneEach  = Sides{shmq.One, shmq.Each}
	manyEach = Sides{shmq.Many, shmq.Each}
)

// broadcasts are of queues of which each consumer gets every record. An operation is a delivery:
// a record that two subscriptions get counts twice.
func broadcasts() []Case {
	bare := []string{"throughput/one-one"}
	one := onRing("broadcast/one", "one producer waits for one subscription", Throughput, oneEach)
	one.Limit = bare
	batch := one
	batch.Name, batch.What, batch.Batch, batch.Limit = "broadcast/one/batch-16", "batches of 16", 16, []string{"throughput/one-one/batch-16"}

	// The producer waits for nobody, so what keeps the reader from being lapped stands outside of
	// the queue: it reports now and then how far it is.
	skip := one
	skip.Name, skip.What, skip.Skip, skip.Paced = "broadcast/skip", "a producer that waits for nobody, and a reader that keeps up", true, true

	many := onRing("broadcast/many", "as one of many producers", Throughput, manyEach)
	many.Limit = []string{"throughput/many-one"}
	two := many
	two.Name, two.What, two.Producers, two.Limit = "broadcast/many/2x1", "two producers, one subscription", 2, nil

	trip := onRing("broadcast/round-trip", "there and back through two queues, both ends poll", RoundTrip, oneEach)
	trip.Limit = []string{"round-trip/one-one"}
	cs := []Case{one, batch, skip, many, two, trip}

	// More ends than cores take turns on a core. What is sent in such a turn, some milliseconds, has to fit into the
	// ring: otherwise all sleep and wake each other once a lap.
	for _, ring := range []struct {
		slots int
		name  string
	}{{1 << 16, ""}, {slots, "/small"}} {
		for _, n := range []int{1, 2, 4} {
			c := one
			c.Name, c.What = name("broadcast/to-%d%s", n, ring.name), name("one producer, %d subscriptions, %d slots; a delivery", n, ring.slots)
			c.Consumers, c.Slots, c.Limit = n, ring.slots, nil
			if n > 1 {
				c.Limit = []string{name("broadcast/to-1%s", ring.name)}
			}
			cs = append(cs, c)
		}
	}
	for _, s := range []bool{false, true} {
		c := onRing("broadcast/alone", "the producer of a queue without readers", Alone, oneEach)
		c.Consumers, c.Limit = 0, []string{"bare/stores"}
		if c.Skip = s; s {
			c.Name, c.What = "broadcast/skip/alone", "the same, of a producer that waits for nobody"
		}
		cs = append(cs, c)
	}
	for _, n := range []int{64, 1000} {
		c := onRing(name("broadcast/scan/%d", n), name("a look at %d subscriptions, of which none has moved; one of them", n), Alone, oneEach)
		c.Link, c.Consumers, c.Subscriptions = linkScan, 0, n
		cs = append(cs, c)
	}
	return cs
}

func broadcastGoals() []Goal {
	one := func(name string) []string { return []string{name} }
	return []Goal{
		{Case: "broadcast/one", Against: one("throughput/one-one"), Kind: Time, Bound: 1.1},
		{Case: "broadcast/skip", Against: one("throughput/one-one"), Kind: Time, Bound: 1.3},
		{Case: "broadcast/skip/alone", Against: one("bare/stores"), Kind: Time, Bound: 1.1, Beside: one("broadcast/alone")},
		{Case: "broadcast/many", Against: one("throughput/many-one"), Kind: Time, Bound: 1.1},
		{Case: "broadcast/round-trip", Against: one("round-trip/one-one"), Kind: Time, Bound: 1.1},
		{Case: "broadcast/to-2", Against: one("broadcast/to-1"), Kind: Speed, Bound: 0.8},
		{Case: "broadcast/to-4", Against: one("broadcast/to-1"), Kind: Speed, Bound: 0.8},
		{Case: "broadcast/one", Kind: Allocations},
		{Case: "broadcast/skip", Kind: Allocations},
	}
}
