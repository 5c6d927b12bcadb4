// The records of a consumer, one after another.
#pragma once

#include "ends.h"

// Takes up to n records: 0 for one alone, else how many, else as wait_call. In consumer.cpp.
int64_t take(Handle *h, Lease *ls, size_t n, int64_t timeout);

PyObject *records_iter(PyObject *consumer);                             // for rec in consumer
nb::object records_of_consumer(nb::handle consumer, nb::handle timeout); // an iterable with a time-out

void define_records(nb::module_ &m);
