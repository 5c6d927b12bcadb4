#include "records.h"

#include <set>

#include "calls.h"
#include "errors.h"
#include "record.h"

/*
 * The iterator of a for statement. It settles a record when the next one is asked for, or when it is dropped: it
 * acknowledges it if it is certain that a break or a return dropped it, and gives it back otherwise. That is certain if
 * no exception is on its way, and the frame that asked for the record executes one of the instructions that
 * take the iterator of a loop from the stack, and not behind one that has put something else there. A loop that an exception has left does not come there; an iterator that
 * a variable, or a generator that is not resumed, refers to goes in another way.
 *
 * An array of the step before, which the program's variables still hold, is none of its mistakes: the record
 * is acknowledged when the array goes, and that has to be before the next but one is asked for.
 */
static std::set<int> pops;       // opcodes that take an iterator from the stack
static std::set<int> not_behind; // unless it is directly behind one of these

static bool executes_pop(PyFrameObject *frame)
{
	PyObject *type, *value, *trace;
	bool yes = false;
	PyErr_Fetch(&type, &value, &trace);
#if PY_VERSION_HEX >= 0x030B0000
	int at = PyFrame_GetLasti(frame);
#else
	PyObject *last = PyObject_GetAttrString(reinterpret_cast<PyObject *>(frame), "f_lasti");
	int at = last != nullptr ? int(PyLong_AsLong(last)) : -1;
	Py_XDECREF(last);
#endif
	PyCodeObject *code = PyFrame_GetCode(frame);
	PyObject *ops = PyObject_GetAttrString(reinterpret_cast<PyObject *>(code), "co_code");
	if (ops != nullptr && PyBytes_Check(ops) && at >= 0 && at < PyBytes_GET_SIZE(ops)) {
		auto *op = reinterpret_cast<unsigned char *>(PyBytes_AS_STRING(ops));
		int before = at - 2;
		while (before >= 0 && op[before] == 0) // caches of the instruction before
			before -= 2;
		yes = pops.count(op[at]) > 0 && (before < 0 || not_behind.count(op[before]) == 0);
	}
	Py_XDECREF(ops);
	Py_DECREF(code);
	PyErr_Clear();
	PyErr_Restore(type, value, trace);
	return yes;
}

struct Records {
	PyObject *consumer, *current = nullptr, *before = nullptr;
	PyFrameObject *asked = nullptr; // the frame that asked for current; only to be compared. NULL: a coroutine's
	Handle *h;
	int64_t timeout;

	Records(PyObject *c, int64_t t) : consumer(c), h(nb::inst_ptr<End>(nb::handle(c))->h), timeout(t)
	{
		Py_INCREF(consumer);
		handle_ref(h);
	}
	Records(const Records &) = delete;
	~Records()
	{
		drop(current != nullptr && left_by_program() ? Fate::Ack : Fate::Release);
		handle_unref(h);
		Py_XDECREF(consumer);
	}
	bool left_by_program() const
	{
		PyFrameObject *now = PyEval_GetFrame();
		return !PyErr_Occurred() && now != nullptr && (asked == nullptr || asked == now) && executes_pop(now);
	}
	void drop(Fate fate)
	{
		if (current != nullptr)
			record_settle(record_of(current), fate, false);
		Py_CLEAR(current);
		Py_CLEAR(before);
	}
	// Acknowledges what the body is done with.
	int step()
	{
		if (before != nullptr && record_of(before)->viewed.drop()) {
			PyErr_Format(PyExc_BufferError,
				     "shmq: queue \"%s\": a memoryview or an array of the record before the last one is still there, and "
				     "keeps that record from being acknowledged; make a copy of what is needed longer",
				     h->name.c_str());
			return -1;
		}
		Py_CLEAR(before);
		if (current == nullptr)
			return 0;
		int rc = record_settle(record_of(current), Fate::Ack, false);
		before = current;
		current = nullptr;
		if (!record_of(before)->viewed.drop())
			Py_CLEAR(before);
		return rc < 0 ? raise_last(h, rc) : 0;
	}
	PyObject *hand_out(const Lease &l)
	{
		PyObject *r = record_new(h, l, consumer != nullptr ? nb::inst_ptr<End>(nb::handle(consumer))->codec : nullptr);
		if (current != nullptr) // a signal handler took that meanwhile, and is done with it
			drop(Fate::Ack);
		current = r;
		Py_XINCREF(r);
		return r;
	}
};

static Records *records_of(PyObject *o) { return nb::inst_ptr<Records>(nb::handle(o)); }

static PyObject *next(PyObject *self)
{
	Records *r = records_of(self);
	Lease l;
	r->asked = PyEval_GetFrame();
	if (r->step() < 0)
		return nullptr;
	int64_t rc = take(r->h, &l, 1, r->timeout);
	if (rc == 0)
		return r->hand_out(l);
	if (rc != SHMQ_E_END)
		raise_last(r->h, int(rc));
	return nullptr;
}

static PyObject *itself(PyObject *self)
{
	Py_INCREF(self);
	return self;
}

// For asynchronous iteration: a record that is ready, or None.
static nb::object try_next(Records &r)
{
	Lease l;
	int64_t rc = take(r.h, &l, 1, 0);
	if (rc == 0)
		return nb::steal(or_throw(r.hand_out(l)));
	if (rc == SHMQ_E_EMPTY)
		return nb::none();
	throw_if(raise_last(r.h, int(rc)));
	return nb::none();
}

static nb::object make(PyObject *consumer, int64_t timeout)
{
	nb::object o = nb::inst_alloc(nb::type<Records>());
	new (nb::inst_ptr<Records>(o)) Records(consumer, timeout);
	nb::inst_mark_ready(o);
	return o;
}

PyObject *records_iter(PyObject *consumer)
{
	if (end_of(consumer) == nullptr)
		return nullptr;
	try {
		return make(consumer, SHMQ_FOREVER).release().ptr();
	} catch (nb::python_error &e) {
		e.restore();
		return nullptr;
	}
}

static int traverse(PyObject *self, visitproc visit, void *arg)
{
	Py_VISIT(Py_TYPE(self));
	if (nb::inst_ready(nb::handle(self))) {
		Py_VISIT(records_of(self)->consumer);
		Py_VISIT(records_of(self)->current);
		Py_VISIT(records_of(self)->before);
	}
	return 0;
}

static int clear(PyObject *self)
{
	if (nb::inst_ready(nb::handle(self))) {
		records_of(self)->drop(Fate::Release);
		Py_CLEAR(records_of(self)->consumer);
	}
	return 0;
}

// What records(timeout=...) returns: not an iterator, so that the loop has one to itself.
struct RecordsOf {
	nb::object consumer;
	int64_t timeout;
};

static int traverse_of(PyObject *self, visitproc visit, void *arg)
{
	Py_VISIT(Py_TYPE(self));
	if (nb::inst_ready(nb::handle(self)))
		Py_VISIT(nb::inst_ptr<RecordsOf>(nb::handle(self))->consumer.ptr());
	return 0;
}

static int clear_of(PyObject *self)
{
	nb::object gone; // NULL in its place before it goes
	if (nb::inst_ready(nb::handle(self)))
		std::swap(gone, nb::inst_ptr<RecordsOf>(nb::handle(self))->consumer);
	return 0;
}

nb::object records_of_consumer(nb::handle consumer, nb::handle timeout)
{
	int64_t t = timeout_of(timeout.ptr());
	if (t < SHMQ_FOREVER || end_of(consumer.ptr()) == nullptr)
		throw nb::python_error();
	return nb::cast(RecordsOf{nb::borrow(consumer), t});
}

static PyType_Slot slots[] = {
	slot_no_new(),
	{Py_tp_traverse, reinterpret_cast<void *>(traverse)},
	{Py_tp_clear, reinterpret_cast<void *>(clear)},
	{Py_tp_iter, reinterpret_cast<void *>(itself)},
	{Py_tp_iternext, reinterpret_cast<void *>(next)},
	{0, nullptr},
};

static PyType_Slot slots_of[] = {
	slot_no_new(),
	{Py_tp_traverse, reinterpret_cast<void *>(traverse_of)},
	{Py_tp_clear, reinterpret_cast<void *>(clear_of)},
	{0, nullptr},
};

void define_records(nb::module_ &m)
{
	m.def("_set_pops", [](nb::list opcodes, nb::list others) {
		for (nb::handle o : opcodes)
			pops.insert(nb::cast<int>(o));
		for (nb::handle o : others)
			not_behind.insert(nb::cast<int>(o));
	});
	nb::class_<RecordsOf>(m, "Records", nb::type_slots(slots_of)).def("__iter__", [](RecordsOf &r) { return make(r.consumer.ptr(), r.timeout); });
	nb::class_<Records>(m, "_RecordIterator", nb::type_slots(slots))
		.def("_step", [](Records &r) { throw_if(r.step()); })
		.def("_try_next", try_next);
}
