#include <algorithm>

#include "calls.h"
#include "ends.h"
#include "errors.h"
#include "record.h"
#include "records.h"

constexpr size_t SCRATCH = 4096; // larger records are copied straight into their bytes objects
constexpr size_t BATCH = 256;

static PyObject *receive_data(Handle *h, int64_t timeout)
{
	char scratch[SCRATCH], *to = scratch;
	if (handle_usable(h) < 0)
		return nullptr;
	int64_t rc = wait_call(h, timeout, false, [h, to](int64_t t) { return shmq_receive(h->q, to, SCRATCH, t); });
	if (rc >= 0)
		return PyBytes_FromStringAndSize(scratch, Py_ssize_t(rc));
	if (rc != SHMQ_E_SMALL) {
		raise_last(h, int(rc));
		return nullptr;
	}
	size_t size = shmq_pending_size(h->q);
	PyObject *b = PyBytes_FromStringAndSize(nullptr, Py_ssize_t(size));
	if (b == nullptr)
		return nullptr; // the record is the next one to be received
	to = PyBytes_AS_STRING(b);
	rc = wait_call(h, 0, size >= LARGE, [h, to, size](int64_t t) { return shmq_receive(h->q, to, size, t); });
	if (rc == int64_t(size))
		return b;
	Py_DECREF(b);
	raise_last(h, int(rc));
	return nullptr;
}

static PyObject *decoded(Handle *h, PyObject *decode, PyObject *data)
{
	if (data == nullptr || decode == nullptr)
		return data;
	PyObject *value = PyObject_CallOneArg(decode, data);
	if (value == nullptr)
		raise_undecodable(h, data);
	Py_DECREF(data);
	return value;
}

int64_t take(Handle *h, Lease *ls, size_t n, int64_t timeout)
{
	if (handle_usable(h) < 0)
		return INT64_MIN;
	return wait_call(h, timeout, false, [h, ls, n](int64_t t) -> int64_t {
		return n == 1 ? shmq_lease(h->q, ls, t) : shmq_lease_batch(h->q, ls, n, t);
	});
}

static const char *const timeout_names[] = {"timeout"};
static const char *const most_names[] = {"most", "timeout"};

static PyObject *receive(PyObject *self, PyObject *const *args, Py_ssize_t n, PyObject *kwnames)
{
	Arguments<1> a("receive", args, n, kwnames, 0, timeout_names);
	End *e = end_of(self);
	int64_t timeout;
	if (!a.ok || e == nullptr || (timeout = timeout_of(a.value[0])) < SHMQ_FOREVER)
		return nullptr;
	return decoded(e->h, e->codec, receive_data(e->h, timeout));
}

static PyObject *receive_bytes(PyObject *self, PyObject *const *args, Py_ssize_t n, PyObject *kwnames)
{
	Arguments<1> a("receive_bytes", args, n, kwnames, 0, timeout_names);
	End *e = end_of(self);
	int64_t timeout;
	if (!a.ok || e == nullptr || (timeout = timeout_of(a.value[0])) < SHMQ_FOREVER)
		return nullptr;
	return receive_data(e->h, timeout);
}

static PyObject *lease(PyObject *self, PyObject *const *args, Py_ssize_t n, PyObject *kwnames)
{
	Arguments<1> a("lease", args, n, kwnames, 0, timeout_names);
	End *e = end_of(self);
	int64_t timeout, rc;
	Lease l;
	if (!a.ok || e == nullptr || (timeout = timeout_of(a.value[0])) < SHMQ_FOREVER)
		return nullptr;
	if ((rc = take(e->h, &l, 1, timeout)) == 0)
		return record_new(e->h, l, e->codec);
	raise_last(e->h, int(rc));
	return nullptr;
}

// lease without waiting, and None instead of the exception.
static PyObject *try_lease(PyObject *self, PyObject *)
{
	End *e = end_of(self);
	Lease l;
	int64_t rc;
	if (e == nullptr)
		return nullptr;
	if ((rc = take(e->h, &l, 1, 0)) == 0)
		return record_new(e->h, l, e->codec);
	if (rc == SHMQ_E_EMPTY)
		Py_RETURN_NONE;
	raise_last(e->h, int(rc));
	return nullptr;
}

// How many, of the argument most. 0 with an exception.
static size_t most_of(PyObject *most)
{
	if (most == nullptr || most == Py_None)
		return BATCH;
	size_t n;
	if (!size_of(most, "most", &n))
		return 0;
	if (n == 0)
		PyErr_SetString(PyExc_ValueError, "shmq: most is how many records to take at most, from 1 on");
	return n;
}

// Appends copies of leased records to list, and returns of how many: all, unless memory is short. -1 with an exception if
// the file was cut: zeros for what is not there are no record.
static int64_t copy_records(Handle *h, const Lease *ls, int64_t n, PyObject *list)
{
	int64_t i = 0;
	for (; i < n; i++) {
		PyObject *data = PyBytes_FromStringAndSize(static_cast<const char *>(ls[i].data), Py_ssize_t(ls[i].size));
		if (data == nullptr || PyList_Append(list, data) < 0) {
			Py_XDECREF(data);
			break;
		}
		Py_DECREF(data);
	}
	return shmq_intact(h->q) < 0 ? raise_last(h, shmq_last_error(h->q)->code) : i;
}

// Decodes n copies in list, from its index at on, and returns how many: all, unless an exception is set.
static int64_t decode_copies(Handle *h, PyObject *decode, PyObject *list, Py_ssize_t at, int64_t n)
{
	for (int64_t i = 0; i < n; i++) {
		PyObject *data = PyList_GET_ITEM(list, at + i);
		Py_INCREF(data);
		PyObject *value = decoded(h, decode, data);
		if (value == nullptr || PyList_SetItem(list, at + i, value) < 0)
			return i;
	}
	return n;
}

// At once and in one step, or when a call of another thread is over.
static int64_t ack_batch(Handle *h, Lease *ls, int64_t n)
{
	if (!h->busy)
		return n > 0 ? shmq_ack_batch(h->q, ls, size_t(n)) : 0;
	for (int64_t i = 0; i < n; i++)
		handle_settle(h, &ls[i], Fate::Ack);
	return n;
}

/*
 * Takes up to BATCH records, copies them, decodes the copies, and then acknowledges the records in one step. No record is
 * looked at after the first codec has run: it, or another thread meanwhile, may have closed the consumer, forked, or be in a
 * call. A record that can't be decoded ends the batch before it: it comes next, alone, and is then acknowledged
 * with its exception. Ctrl-C while a codec runs gives the batch back. Returns 1, 0 if the batch ended early, or -1 with an exception.
 */
static int receive_batch(Handle *h, PyObject *decode, PyObject *list, size_t most, int64_t timeout)
{
	Lease ls[BATCH];
	Py_ssize_t from = PyList_GET_SIZE(list);
	most = std::min(most, BATCH);
	int64_t n = take(h, ls, most, timeout);
	if (n == 0 && most == 1)
		n = 1;
	if (n < 0) {
		raise_last(h, int(n));
		return -1;
	}
	int64_t copied = copy_records(h, ls, n, list);
	int64_t good = decode != nullptr && copied > 0 ? decode_copies(h, decode, list, from, copied) : copied;
	bool ends = PyErr_Occurred() && !PyErr_ExceptionMatches(PyExc_Exception); // Ctrl-C: no record's fault
	if (ends)
		good = 0;
	bool gone = copied < 0 || h->q == nullptr || h->forked; // and the leases with it
	PyList_SetSlice(list, from + (gone ? 0 : good), PY_SSIZE_T_MAX, nullptr);
	if (gone)
		return PyErr_Occurred() ? -1 : handle_usable(h);
	bool bad = good < n, told = ends || (bad && good == 0 && from == 0);
	if (bad && !told)
		PyErr_Clear();
	int64_t done = told && copied > 0 && !ends ? 1 : good; // one that memory is short for is given back
	int64_t rc = ack_batch(h, ls, done);
	for (int64_t i = done; i < n; i++)
		handle_settle(h, &ls[i], Fate::Release);
	if (told)
		return -1;
	if (rc < 0)
		return raise_last(h, int(rc));
	return bad ? 0 : 1;
}

static PyObject *receive_list(Handle *h, PyObject *decode, PyObject *most_arg, int64_t timeout)
{
	size_t most = most_of(most_arg), got = 0;
	PyObject *list = most > 0 ? PyList_New(0) : nullptr;
	if (list == nullptr)
		return nullptr;
	int rc = receive_batch(h, decode, list, most, timeout);
	while (rc > 0 && (got = size_t(PyList_GET_SIZE(list))) < most && got % BATCH == 0) {
		rc = receive_batch(h, decode, list, most - got, 0);
		if (rc < 0 && PyErr_ExceptionMatches(PyExc_Exception)) { // what is there is returned; the next call tells the rest
			PyErr_Clear();
			rc = 0;
		}
	}
	if (rc >= 0)
		return list;
	Py_DECREF(list);
	return nullptr;
}

static PyObject *receive_many(PyObject *self, PyObject *const *args, Py_ssize_t n, PyObject *kwnames)
{
	Arguments<2> a("receive_many", args, n, kwnames, 0, most_names);
	End *e = end_of(self);
	int64_t timeout;
	if (!a.ok || e == nullptr || (timeout = timeout_of(a.value[1])) < SHMQ_FOREVER)
		return nullptr;
	return receive_list(e->h, e->codec, a.value[0], timeout);
}

static PyObject *receive_bytes_many(PyObject *self, PyObject *const *args, Py_ssize_t n, PyObject *kwnames)
{
	Arguments<2> a("receive_bytes_many", args, n, kwnames, 0, most_names);
	End *e = end_of(self);
	int64_t timeout;
	if (!a.ok || e == nullptr || (timeout = timeout_of(a.value[1])) < SHMQ_FOREVER)
		return nullptr;
	return receive_list(e->h, nullptr, a.value[0], timeout);
}

static PyObject *lease_many(PyObject *self, PyObject *const *args, Py_ssize_t n, PyObject *kwnames)
{
	Arguments<2> a("lease_many", args, n, kwnames, 0, most_names);
	End *e = end_of(self);
	Lease ls[BATCH];
	int64_t timeout, got;
	size_t most;
	if (!a.ok || e == nullptr || (timeout = timeout_of(a.value[1])) < SHMQ_FOREVER || (most = most_of(a.value[0])) == 0)
		return nullptr;
	most = std::min(most, BATCH);
	got = take(e->h, ls, most, timeout);
	if (got == 0 && most == 1)
		got = 1;
	if (got < 0) {
		raise_last(e->h, int(got));
		return nullptr;
	}
	PyObject *list = PyList_New(Py_ssize_t(got));
	for (int64_t i = 0; i < got; i++) {
		PyObject *r = list != nullptr ? record_new(e->h, ls[i], e->codec) : nullptr;
		if (r == nullptr) {
			for (int64_t k = list != nullptr ? i + 1 : i; k < got; k++)
				handle_settle(e->h, &ls[k], Fate::Release);
			Py_XDECREF(list);
			return nullptr;
		}
		PyList_SET_ITEM(list, Py_ssize_t(i), r);
	}
	return list;
}

static int64_t ack_many(End &e, nb::object records)
{
	nb::object list = nb::steal(or_throw(or_stop([&] { return PySequence_Tuple(records.ptr()); })));
	std::vector<Lease> ls;
	std::vector<Record *> settled;
	throw_if(handle_usable(e.h));
	for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(list.ptr()); i++) {
		nb::handle o(PyTuple_GET_ITEM(list.ptr(), i));
		if (!nb::isinstance<Record>(o)) {
			PyErr_Format(PyExc_TypeError, "shmq: queue \"%s\": records are acknowledged, and this is a %s", e.h->name.c_str(), Py_TYPE(o.ptr())->tp_name);
			throw nb::python_error();
		}
		Record *r = record_of(o.ptr());
		if (r->h != e.h)
			throw_if(raise_code(SHMQ_E_MISUSE, "shmq: queue \"" + e.h->name + "\": a record of another consumer can't be acknowledged here"));
		if (r->viewed.drop())
			throw_if(record_settle(r, Fate::Ack, true)); // which says why not
		if (r->settled)
			continue;
		ls.push_back(r->lease);
		settled.push_back(r);
	}
	if (ls.empty())
		return 0;
	for (Record *r : settled) {
		r->settled = true;
		r->viewed.end(Fate::Ack);
	}
	int64_t rc = shmq_ack_batch(e.h->q, ls.data(), ls.size());
	if (rc < 0)
		throw_if(raise_last(e.h, int(rc)));
	return rc;
}

static PyMethodDef methods[] = {
	fast("receive", receive),
	fast("receive_bytes", receive_bytes),
	fast("receive_many", receive_many),
	fast("receive_bytes_many", receive_bytes_many),
	fast("lease", lease),
	fast("lease_many", lease_many),
	{"try_lease", try_lease, METH_NOARGS, nullptr},
	class_getitem(),
	{nullptr, nullptr, 0, nullptr},
};

static PyType_Slot slots[] = {
	{Py_tp_methods, methods},
	{Py_tp_traverse, reinterpret_cast<void *>(end_traverse)},
	{Py_tp_clear, reinterpret_cast<void *>(end_clear)},
	{Py_tp_iter, reinterpret_cast<void *>(records_iter)},
	{0, nullptr},
};

struct ConsumerEnd : End {
	using End::End;
};

void define_consumer(nb::module_ &m)
{
	define_records(m);
	nb::class_<ConsumerEnd, End>(m, "Consumer", nb::type_slots(slots))
		.def("__init__", [](ConsumerEnd *c, const OpenOptions &o) { new (c) ConsumerEnd(o, SHMQ_CONSUMER); })
		.def("records", records_of_consumer, nb::arg("timeout") = nb::none())
		.def("ack_many", ack_many)
		.def("next_stream", [](ConsumerEnd &c) {
			throw_if(handle_usable(c.h));
			int rc = shmq_next_stream(c.h->q);
			if (rc < 0)
				throw_if(raise_last(c.h, rc));
		});
}
