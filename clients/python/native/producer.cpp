#include "block.h"
#include "calls.h"
#include "ends.h"
#include "errors.h"

// An open reservation, until it is committed or aborted.
struct Reservation {
	Handle *h;
	Lease memory{}; // data and size
	bool done = false;
	Viewed viewed;

	explicit Reservation(Handle *handle) : h(handle) { handle_ref(h); }
	Reservation(const Reservation &) = delete;
	~Reservation();
};

// Gives it back: now, or when the last view is gone, since what is written through one would be another's.
static void abort_reservation(Reservation *r)
{
	if (r->done || r->h->q == nullptr || r->h->forked)
		return;
	r->done = true;
	bool viewed = r->viewed.drop();
	r->viewed.end(Fate::Abort);
	if (!viewed)
		handle_settle(r->h, &r->memory, Fate::Abort);
}

Reservation::~Reservation()
{
	abort_reservation(this);
	handle_unref(h);
}

static Reservation *reservation_of(PyObject *o) { return nb::inst_ptr<Reservation>(nb::handle(o)); }

static int open_still(Reservation *r)
{
	if (handle_usable(r->h) < 0)
		return -1;
	if (!r->done)
		return 0;
	return raise_code(SHMQ_E_NOT_RESERVED, "shmq: queue \"" + r->h->name + "\": the reservation was committed or aborted; make another one");
}

static int commit(Reservation *r, PyObject *size)
{
	size_t n = r->memory.size;
	if (open_still(r) < 0)
		return -1;
	if (size != nullptr && size != Py_None) {
		if (!size_of(size, "size", &n))
			return -1;
		if (n > r->memory.size)
			return raise_code(SHMQ_E_NOT_RESERVED, "shmq: send to queue \"" + r->h->name + "\": " + std::to_string(r->memory.size) +
								       " bytes are reserved; commit no more, or reserve what is needed");
	}
	if (r->viewed.drop()) {
		PyErr_Format(PyExc_BufferError,
			     "shmq: queue \"%s\": a reservation can't be committed while a memoryview or an array looks at it, "
			     "because that could go on writing into the record; delete it first",
			     r->h->name.c_str());
		return -1;
	}
	int rc = shmq_commit(r->h->q, n);
	if (rc < 0)
		return raise_last(r->h, rc);
	r->done = true;
	r->viewed.end(Fate::Ack);
	return 0;
}

static int get_buffer(PyObject *self, Py_buffer *view, int flags)
{
	Reservation *r = reservation_of(self);
	view->obj = nullptr;
	if (open_still(r) < 0 || r->viewed.make(r->h, r->memory, false) == nullptr)
		return -1;
	return PyObject_GetBuffer(r->viewed.block, view, flags);
}

static Py_ssize_t length(PyObject *self) { return Py_ssize_t(reservation_of(self)->memory.size); }

static PyType_Slot reservation_slots[] = {
	slot_no_new(),
	{Py_bf_getbuffer, reinterpret_cast<void *>(get_buffer)},
	{Py_bf_releasebuffer, reinterpret_cast<void *>(release_elsewhere)},
	{Py_sq_length, reinterpret_cast<void *>(length)},
	{0, nullptr},
};

static PyObject *send_data(Handle *h, PyObject *data, int64_t timeout)
{
	Bytes b;
	if (!b.of(data, h) || handle_usable(h) < 0)
		return nullptr;
	const void *p = b.data;
	size_t n = b.size;
	int64_t rc = wait_call(h, timeout, n >= LARGE, [h, p, n](int64_t t) -> int64_t { return shmq_send(h->q, p, n, t); });
	if (rc == 0)
		Py_RETURN_NONE;
	raise_last(h, int(rc));
	return nullptr;
}

static const char *const value_names[] = {"value", "timeout"};
static const char *const data_names[] = {"data", "timeout"};

static PyObject *send(PyObject *self, PyObject *const *args, Py_ssize_t n, PyObject *kwnames)
{
	Arguments<2> a("send", args, n, kwnames, 1, value_names);
	End *e = end_of(self);
	int64_t timeout;
	if (!a.ok || e == nullptr || (timeout = timeout_of(a.value[1])) < SHMQ_FOREVER)
		return nullptr;
	if (e->codec == nullptr)
		return send_data(e->h, a.value[0], timeout);
	PyObject *data = PyObject_CallOneArg(e->codec, a.value[0]);
	if (data == nullptr)
		return nullptr;
	PyObject *r = send_data(e->h, data, timeout);
	Py_DECREF(data);
	return r;
}

static PyObject *send_bytes(PyObject *self, PyObject *const *args, Py_ssize_t n, PyObject *kwnames)
{
	Arguments<2> a("send_bytes", args, n, kwnames, 1, data_names);
	End *e = end_of(self);
	int64_t timeout;
	if (!a.ok || e == nullptr || (timeout = timeout_of(a.value[1])) < SHMQ_FOREVER)
		return nullptr;
	return send_data(e->h, a.value[0], timeout);
}

// An exception is set: tells how many were sent before it.
static PyObject *sent_before(size_t sent)
{
	PyObject *type, *value, *trace;
	PyErr_Fetch(&type, &value, &trace);
	PyErr_NormalizeException(&type, &value, &trace);
	PyObject *n = PyLong_FromSize_t(sent);
	if (n == nullptr || PyObject_SetAttrString(value, "sent", n) < 0)
		PyErr_Clear();
	Py_XDECREF(n);
	PyErr_Restore(type, value, trace);
	return nullptr;
}

static PyObject *send_list(Handle *h, PyObject *const *items, size_t n, int64_t timeout)
{
	constexpr size_t CHUNK = 256;
	int64_t end = timeout > 0 ? now_ns() + timeout : timeout;
	size_t sent = 0;
	while (sent < n) {
		size_t k = std::min(n - sent, CHUNK), got = 0;
		Bytes pinned[CHUNK];
		shmq_bytes records[CHUNK];
		for (size_t i = 0; i < k; i++) {
			if (!pinned[i].of(items[sent + i], h)) {
				k = i; // those before it are sent
				break;
			}
			records[i] = {pinned[i].data, pinned[i].size};
		}
		PyObject *type, *value, *trace;
		PyErr_Fetch(&type, &value, &trace); // of the item that is not bytes
		while (got < k) {
			if (handle_usable(h) < 0)
				break;
			int64_t left = timeout > 0 ? std::max<int64_t>(end - now_ns(), 0) : timeout;
			const shmq_bytes *at = records + got;
			size_t m = k - got;
			int64_t rc = wait_call(h, left, false, [h, at, m](int64_t t) { return shmq_send_batch(h->q, at, m, t); });
			if (rc < 0) {
				raise_last(h, int(rc));
				break;
			}
			got += size_t(rc);
		}
		sent += got;
		if (got < k) {
			Py_XDECREF(type);
			Py_XDECREF(value);
			Py_XDECREF(trace);
			return sent_before(sent);
		}
		if (type != nullptr) {
			PyErr_Restore(type, value, trace);
			return sent_before(sent);
		}
	}
	return PyLong_FromSize_t(sent);
}

static PyObject *send_bytes_many(PyObject *self, PyObject *const *args, Py_ssize_t n, PyObject *kwnames)
{
	Arguments<2> a("send_bytes_many", args, n, kwnames, 1, data_names);
	End *e = end_of(self);
	int64_t timeout;
	if (!a.ok || e == nullptr || (timeout = timeout_of(a.value[1])) < SHMQ_FOREVER)
		return nullptr;
	PyObject *list = PySequence_Tuple(a.value[0]); // nobody changes it meanwhile
	if (list == nullptr)
		return nullptr;
	PyObject *r = send_list(e->h, &PyTuple_GET_ITEM(list, 0), size_t(PyTuple_GET_SIZE(list)), timeout);
	Py_DECREF(list);
	return r;
}

static PyObject *send_many(PyObject *self, PyObject *const *args, Py_ssize_t n, PyObject *kwnames)
{
	Arguments<2> a("send_many", args, n, kwnames, 1, value_names);
	End *e = end_of(self);
	int64_t timeout;
	if (!a.ok || e == nullptr || (timeout = timeout_of(a.value[1])) < SHMQ_FOREVER)
		return nullptr;
	PyObject *list = PySequence_List(a.value[0]);
	if (list == nullptr)
		return nullptr;
	for (Py_ssize_t i = 0; e->codec != nullptr && i < PyList_GET_SIZE(list); i++) {
		PyObject *data = PyObject_CallOneArg(e->codec, PyList_GET_ITEM(list, i));
		if (data == nullptr) {
			Py_DECREF(list);
			return sent_before(0);
		}
		PyList_SetItem(list, i, data);
	}
	PyObject *tuple = PyList_AsTuple(list), *r = nullptr;
	Py_DECREF(list);
	if (tuple != nullptr)
		r = send_list(e->h, &PyTuple_GET_ITEM(tuple, 0), size_t(PyTuple_GET_SIZE(tuple)), timeout);
	Py_XDECREF(tuple);
	return r;
}

static nb::object reserve(End &e, nb::handle bytes, nb::handle timeout)
{
	size_t size;
	int64_t t = timeout_of(timeout.ptr());
	if (t < SHMQ_FOREVER || !size_of(bytes.ptr(), "size", &size) || handle_usable(e.h) < 0)
		throw nb::python_error();
	nb::object o = nb::inst_alloc(nb::type<Reservation>());
	Reservation *r = new (nb::inst_ptr<Reservation>(o)) Reservation(e.h);
	r->done = true;
	nb::inst_mark_ready(o);
	Handle *h = e.h;
	void *data = nullptr;
	void **to = &data;
	int64_t rc = wait_call(h, t, false, [h, size, to](int64_t left) -> int64_t { return shmq_reserve(h->q, size, to, left); });
	if (rc < 0)
		throw_if(raise_last(h, int(rc)));
	r->memory.data = data;
	r->memory.size = size;
	r->done = false;
	return o;
}

static PyMethodDef methods[] = {
	fast("send", send),
	fast("send_bytes", send_bytes),
	fast("send_many", send_many),
	fast("send_bytes_many", send_bytes_many),
	class_getitem(),
	{nullptr, nullptr, 0, nullptr},
};

static PyType_Slot slots[] = {
	{Py_tp_methods, methods},
	{Py_tp_traverse, reinterpret_cast<void *>(end_traverse)},
	{Py_tp_clear, reinterpret_cast<void *>(end_clear)},
	{0, nullptr},
};

struct ProducerEnd : End {
	using End::End;
};

void define_producer(nb::module_ &m)
{
	nb::class_<Reservation>(m, "Reservation", nb::type_slots(reservation_slots))
		.def_prop_ro("data", [](Reservation &r) {
			throw_if(open_still(&r));
			return nb::steal(or_throw(r.viewed.data(r.h, r.memory, false)));
		})
		.def("commit", [](Reservation &r, nb::handle size) { throw_if(commit(&r, size.ptr())); }, nb::arg("size") = nb::none())
		.def("abort", [](Reservation &r) { abort_reservation(&r); })
		.def("__enter__", [](nb::handle self) { return nb::borrow(self); })
		.def("__exit__", [](Reservation &r, nb::handle type, nb::handle, nb::handle) {
			if (!type.is_none())
				abort_reservation(&r);
			else if (!r.done)
				throw_if(commit(&r, nullptr));
		}, nb::arg().none(), nb::arg().none(), nb::arg().none());

	nb::class_<ProducerEnd, End>(m, "Producer", nb::type_slots(slots))
		.def("__init__", [](ProducerEnd *p, const OpenOptions &o) { new (p) ProducerEnd(o, SHMQ_PRODUCER); })
		.def("reserve", reserve, nb::arg("size").none(), nb::arg("timeout") = nb::none())
		.def("finish", [](ProducerEnd &p) { throw_if(handle_leave(p.h, Leave::Finish)); })
		.def("abandon", [](ProducerEnd &p) { throw_if(handle_leave(p.h, Leave::Abandon)); });
}
