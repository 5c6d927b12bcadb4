#include "bell.h"
#include "block.h"
#include "ends.h"
#include "errors.h"
#include "forks.h"
#include "record.h"

NB_MODULE(_shmq, m)
{
	m.doc() = "libshmq for package shmq, which documents what is here.";
	// Records and consumers that a program's last frames hold are no fault of its.
	nb::set_leak_warnings(false);
	define_errors(m);
	define_block(m);
	define_record(m);
	define_ends(m);
	define_producer(m);
	define_consumer(m);
	define_queues(m);
	define_forks(m);
	define_bell(m);
}
