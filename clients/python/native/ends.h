// What Producer and Consumer have in common.
#pragma once

#include "handle.h"

// The options of an end, in the order in which package shmq passes them.
struct OpenOptions {
	std::string name;
	uint32_t flags, wait, slots, slot_size, seats, mode;
	uint8_t producers, consumers, shape_flags;
	nb::object codec; // encodes or decodes; None for bytes
};

struct End {
	Handle *h = nullptr;
	PyObject *codec = nullptr; // NULL for bytes

	End(const OpenOptions &o, shmq_role role);
	End(const End &) = delete;
	~End();
};

// The end of a Python object; NULL with an exception if its __init__ did not run.
inline End *end_of(PyObject *self)
{
	if (nb::inst_ready(nb::handle(self)))
		return nb::inst_ptr<End>(nb::handle(self));
	PyErr_SetString(PyExc_RuntimeError, "shmq: __init__ of the producer or consumer was not called");
	return nullptr;
}

// What the garbage collector finds in an end: slots of the types that derive from it.
int end_traverse(PyObject *self, visitproc visit, void *arg);
int end_clear(PyObject *self);

void define_ends(nb::module_ &m);
void define_producer(nb::module_ &m);
void define_consumer(nb::module_ &m);
void define_queues(nb::module_ &m);
