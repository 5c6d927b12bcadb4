// Package cli holds the commands: one file a verb, one a format of the data.
//
// Data goes one way. A sender's input cuts stdin into records, its outbox sends
// them in batches. A receiver's drain takes leases, formats them, writes, and
// acknowledges what was written. Whatever can block for ever happens outside of a
// hold, so that a signal ends a command at once and in order.
package cli
