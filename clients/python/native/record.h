// A record in the hands of the program, until it is settled.
#pragma once

#include "block.h"

struct Record {
	Handle *h;
	Lease lease;
	bool settled = false;
	PyObject *decode; // NULL: the value is bytes
	PyObject *value = nullptr;
	Viewed viewed;

	Record(Handle *handle, const Lease &l, PyObject *d) : h(handle), lease(l), decode(d)
	{
		handle_ref(h);
		Py_XINCREF(decode);
	}
	Record(const Record &) = delete;
	~Record(); // gives it back, unless it is settled
};

PyObject *record_new(Handle *h, const Lease &l, PyObject *decode);

// Settles: 1, 0 if it was settled before, or a code of the library without an exception, which raise_last makes. While
// arrays look at the record a strict call fails with a BufferError, and another one leaves it to the last of them.
int record_settle(Record *r, Fate fate, bool strict);

inline Record *record_of(PyObject *o) { return nb::inst_ptr<Record>(nb::handle(o)); }

void define_record(nb::module_ &m);
