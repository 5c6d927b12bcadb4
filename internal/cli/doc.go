// Package cli puts the commands together: shmq with all its verbs, shmq-send and shmq-recv.
//
// The verbs are in folders by what they do to a queue, one file a verb: stream moves
// records, backup keeps them in files, look only looks, keep makes and removes queues,
// measure puts queues to work. Below them, format cuts bytes into records and back, pump
// moves records between a queue and a file, worker runs a command for each record, report
// says things in words and metrics, progress writes to standard error, flags holds what
// verbs share of the command line, exit how a command ends.
package cli
