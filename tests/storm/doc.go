// Package storm is a test: many processes on one queue, killed, stopped and replaced
// at random, and an account of every record, wait and seat afterwards. SHMQ_LONG=1
// makes a storm of minutes of it.
package storm
