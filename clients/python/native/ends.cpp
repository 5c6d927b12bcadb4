#include "ends.h"

#include <algorithm>

#include <nanobind/stl/string.h>

#include "calls.h"
#include "errors.h"

End::End(const OpenOptions &o, shmq_role role)
{
	OpenArgs args{queue_name(o.name), role, SHMQ_OPTIONS_INIT};
	shmq_options &to = args.options;
	to.flags = o.flags;
	to.wait = o.wait;
	to.create.slots = o.slots;
	to.create.slot_size = o.slot_size;
	to.create.seats = o.seats;
	to.create.mode = o.mode;
	to.create.producers = o.producers;
	to.create.consumers = o.consumers;
	to.create.flags = o.shape_flags;
	h = handle_open(args);
	if (h == nullptr)
		throw nb::python_error();
	if (!o.codec.is_none()) {
		codec = o.codec.ptr();
		Py_INCREF(codec);
	}
}

End::~End()
{
	Py_XDECREF(codec);
	handle_unref(h);
}

int end_traverse(PyObject *self, visitproc visit, void *arg)
{
	Py_VISIT(Py_TYPE(self));
	if (nb::inst_ready(nb::handle(self)))
		Py_VISIT(nb::inst_ptr<End>(nb::handle(self))->codec);
	return 0;
}

int end_clear(PyObject *self)
{
	if (nb::inst_ready(nb::handle(self)))
		Py_CLEAR(nb::inst_ptr<End>(nb::handle(self))->codec);
	return 0;
}

static Handle *usable(End &e)
{
	throw_if(handle_usable(e.h));
	return e.h;
}

static int known(End &e, int rc)
{
	if (rc < 0)
		throw_if(raise_last(e.h, rc));
	return rc;
}

static nb::dict counters(End &e)
{
	struct shmq_counters c;
	nb::dict d;
	known(e, shmq_counters(usable(e)->q, &c));
	d["records"] = c.records;
	d["bytes"] = c.bytes;
	d["waits"] = c.waits;
	d["wakes"] = c.wakes;
	d["redelivered"] = c.redelivered;
	return d;
}

// Without the GIL: a slow call that does not wait for others.
template <class F> static int slow(End &e, F f)
{
	Handle *h = usable(e);
	handle_busy(h);
	int rc = without_gil([&] { return f(h->q); });
	handle_idle(h);
	return known(e, rc);
}

static bool wait(End &e, nb::handle timeout, nb::handle bytes)
{
	size_t size;
	int64_t t = timeout_of(timeout.ptr());
	if (t < SHMQ_FOREVER || !size_of(bytes.ptr(), "size", &size))
		throw nb::python_error();
	Handle *h = usable(e);
	int64_t rc = wait_call(h, t, false, [h, size](int64_t left) -> int64_t { return shmq_wait(h->q, size, left); });
	if (rc == SHMQ_E_TIMEOUT || rc == SHMQ_E_EMPTY || rc == SHMQ_E_FULL)
		return false;
	if (rc < 0)
		throw_if(raise_last(h, int(rc)));
	return true;
}

/*
 * Waits for the first of several ends, and returns its index, or -1 when the time is over. turn is the
 * index that it returned last.
 */
static Py_ssize_t wait_any(nb::list ends, size_t turn, nb::handle timeout)
{
	std::vector<shmq_member> members;
	std::vector<Handle *> handles;
	int64_t t = timeout_of(timeout.ptr());
	if (t < SHMQ_FOREVER)
		throw nb::python_error();
	for (nb::handle o : ends) {
		if (!nb::isinstance<End>(o)) {
			PyErr_Format(PyExc_TypeError, "shmq: producers and consumers can be waited for, and this is a %s", Py_TYPE(o.ptr())->tp_name);
			throw nb::python_error();
		}
		End *e = end_of(o.ptr());
		if (e == nullptr)
			throw nb::python_error();
		handles.push_back(usable(*e));
		members.push_back({e->h->q, 0});
	}
	if (handles.empty() || handles.size() > SHMQ_MOST_MEMBERS) {
		raise_code(SHMQ_E_MISUSE, "shmq: a thread can wait for 1 to " + std::to_string(SHMQ_MOST_MEMBERS) + " queues together");
		throw nb::python_error();
	}
	int64_t end = t > 0 ? now_ns() + t : t;
	int rc;
	for (;;) {
		int64_t left = t < 0 ? SLICE_NS : t > 0 ? std::max<int64_t>(end - now_ns(), 1) : 0;
		for (Handle *h : handles)
			handle_busy(h);
		rc = without_gil([&] { return shmq_wait_any(members.data(), members.size(), nullptr, &turn, std::min(left, SLICE_NS)); });
		for (Handle *h : handles)
			handle_idle(h);
		bool over = rc == SHMQ_E_TIMEOUT && t >= 0 && left <= SLICE_NS;
		if (over || rc >= 0)
			return over ? -1 : rc;
		if (PyErr_CheckSignals() < 0)
			throw nb::python_error();
		for (Handle *h : handles)
			throw_if(handle_usable(h)); // one that was closed meanwhile
		if (rc != SHMQ_E_TIMEOUT && rc != SHMQ_E_INTERRUPTED)
			throw_if(raise_code(rc, std::string("shmq: wait for queues: ") + shmq_strerror(rc)));
	}
}

void define_ends(nb::module_ &m)
{
	nb::class_<End>(m, "End")
		.def("close", [](End &e) { throw_if(handle_leave(e.h, Leave::Close)); })
		.def("check", [](End &e) { slow(e, shmq_check); })
		.def("recover", [](End &e) { return slow(e, shmq_recover_now); })
		.def("sync", [](End &e) { slow(e, shmq_sync); })
		.def("counters", counters)
		.def("wait", wait, nb::arg("timeout") = nb::none(), nb::arg("size").none() = 0)
		.def_prop_ro("queue", [](End &e) { return e.h->name; })
		.def_prop_ro("closed", [](End &e) { return e.h->closed || e.h->forked; })
		.def_prop_ro("max_record", [](End &e) { return shmq_max_record(usable(e)->q); })
		.def_prop_ro("slot_size", [](End &e) { return shmq_slot_size(usable(e)->q); })
		.def_prop_ro("seat", [](End &e) { return shmq_seat_of(usable(e)->q); });
	nb::class_<OpenOptions>(m, "_OpenOptions")
		.def("__init__", [](OpenOptions *o, std::string name, uint32_t flags, uint32_t wait, uint32_t slots, uint32_t slot_size,
				    uint32_t seats, uint32_t mode, uint8_t producers, uint8_t consumers, uint8_t shape_flags, nb::object codec) {
			new (o) OpenOptions{name, flags, wait, slots, slot_size, seats, mode, producers, consumers, shape_flags, codec};
		}, nb::arg(), nb::arg(), nb::arg(), nb::arg(), nb::arg(), nb::arg(), nb::arg(), nb::arg(), nb::arg(), nb::arg(), nb::arg().none());
	m.def("_wait_any", wait_any, nb::arg(), nb::arg(), nb::arg().none());
}
