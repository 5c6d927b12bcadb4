package layout

// Bytes of the file that are locked, never read or written. The locks are the
// kernel's open file description locks; seat i locks its entry's first byte.
const (
	// LockProducer is held shared by every producer of a many-producer
	// queue, exclusively by the producer of a single-producer one.
	LockProducer = 1024
	// LockConsumer is the same for consumers.
	LockConsumer = 1025
	// LockImage is the gate of a queue with checksums. A process that attaches to one
	// holds it exclusively while it finds out whether any other is attached,
	// rebuilds the ring from what a disk kept if it has to, and takes its role; so does
	// one that leaves, recovers from outside, or removes the queue. In any queue a process
	// that begins an incarnation holds it, until it has taken its role; see HotHome.
	LockImage = 1026
	// LockName is held exclusively by the remover of the queue, from its check that the
	// name means this file until the name is gone.
	LockName = 1027
	// LockStream is held exclusively, for an instant, by each producer that attaches,
	// from before it takes its role until it knows whether another producer has it; by each
	// that leaves, from before it drops its role; and by a participant that notes the end
	// of a stream. So its holder, if it finds no producer attached, knows that none comes
	// meanwhile. A producer that can't have it for long leaves without it: that only makes
	// them fewer.
	LockStream = 1028
	// LockSubscribe is held exclusively by a process that finds or creates a durable
	// subscription by name, only for that: two that create the same name at once would make
	// two entries, one of which holds the ring up for ever.
	LockSubscribe = 1030
	// LockRecovery is held shared by every process that recovers dead participants, from
	// before it locks the first of their seats until it has unlocked the last. A participant
	// that has recovered them, and then finds nobody holding this byte, knows that a seat
	// that looked alive was.
	LockRecovery = 1029
)
