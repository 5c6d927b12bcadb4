// Package selector waits for the first of several queues: for one that has a record, for one
// that has room.
//
//	var set selector.Set
//	set.Add(orders) // a *consumer.Consumer[Order]
//	set.Add(ticks)  // a *consumer.Consumer[Tick]
//	for {
//		q, err := set.Wait(ctx)
//		switch {
//		case q == nil:
//			return err // the context, or io.EOF: no queue is left
//		case err != nil:
//			log.Print(err) // q has come to its end, and the others have not
//		case q == orders:
//			order, err := orders.TryReceive()
//			...
//		case q == ticks:
//			tick, err := ticks.TryReceive()
//			...
//		}
//	}
//
// One goroutine waits, for consumers and producers, of bytes and of values, in any mixture. It
// takes no goroutine a queue, and it does not poll: the kernel wakes it for the first of up to
// 127 queues (futex_waitv, Linux 5.16). For more than that, and where the kernel refuses, it
// looks 500 times a second.
//
// A queue that is never empty does not starve the others: they have their turns, one after the
// other, from the one served last.
package selector
