#include "record.h"

#include <nanobind/stl/string.h>

#include "calls.h"
#include "errors.h"

PyObject *record_new(Handle *h, const Lease &l, PyObject *decode)
{
	try {
		nb::object o = nb::inst_alloc(nb::type<Record>());
		new (nb::inst_ptr<Record>(o)) Record(h, l, decode);
		nb::inst_mark_ready(o);
		return o.release().ptr();
	} catch (nb::python_error &e) {
		Lease copy = l;
		handle_settle(h, &copy, Fate::Release);
		e.restore();
		return nullptr;
	}
}

Record::~Record()
{
	if (!settled)
		record_settle(this, Fate::Release, false);
	Py_XDECREF(decode);
	Py_XDECREF(value);
	handle_unref(h);
}

int record_settle(Record *r, Fate fate, bool strict)
{
	if (r->settled || r->h->q == nullptr || r->h->forked) {
		r->viewed.drop();
		return 0;
	}
	if (r->viewed.drop()) {
		if (strict) {
			PyErr_Format(PyExc_BufferError,
				     "shmq: queue \"%s\": a record can't be settled while a memoryview or an array looks at its bytes; "
				     "delete that first, or make a copy of what is needed longer",
				     r->h->name.c_str());
			return -1;
		}
		r->viewed.get()->fate = fate;
		r->settled = true;
		return 1;
	}
	r->settled = true;
	r->viewed.end(fate);
	return handle_settle(r->h, &r->lease, fate);
}

// 0 if the bytes may be looked at.
static int held(Record *r)
{
	if (!r->settled && r->h->q != nullptr && !r->h->forked && !r->h->closed)
		return 0;
	if (r->h->forked)
		return raise_code(SHMQ_E_FORKED, forked_text(r->h));
	return raise_code(SHMQ_PY_SETTLED, "shmq: queue \"" + r->h->name +
						   "\": the record was acknowledged or given back, and its bytes are others' now; "
						   "copy what is needed longer before");
}

static PyObject *bytes_of(Record *r)
{
	if (held(r) < 0)
		return nullptr;
	PyObject *b = PyBytes_FromStringAndSize(static_cast<const char *>(r->lease.data), Py_ssize_t(r->lease.size));
	// Zeros for what was cut off are no record. A call of another thread that goes on now is told itself.
	if (b != nullptr && !r->h->busy && shmq_intact(r->h->q) < 0) {
		raise_last(r->h, shmq_last_error(r->h->q)->code);
		Py_CLEAR(b);
	}
	return b;
}

static PyObject *value_of(PyObject *self, void *)
{
	Record *r = record_of(self);
	if (r->value == nullptr) {
		PyObject *data = bytes_of(r);
		if (data == nullptr || r->decode == nullptr)
			return data;
		PyObject *value = PyObject_CallOneArg(r->decode, data);
		if (value == nullptr)
			raise_undecodable(r->h, data);
		Py_DECREF(data);
		if (value == nullptr)
			return nullptr;
		Py_XSETREF(r->value, value);
	}
	Py_INCREF(r->value);
	return r->value;
}

static PyObject *data_of(PyObject *self, void *)
{
	Record *r = record_of(self);
	return held(r) < 0 ? nullptr : r->viewed.data(r->h, r->lease, true);
}

static PyObject *redelivered_of(PyObject *self, void *) { return PyLong_FromUnsignedLong(record_of(self)->lease.redelivered); }

static int get_buffer(PyObject *self, Py_buffer *view, int flags)
{
	Record *r = record_of(self);
	view->obj = nullptr;
	if (held(r) < 0 || r->viewed.make(r->h, r->lease, true) == nullptr)
		return -1;
	return PyObject_GetBuffer(r->viewed.block, view, flags);
}

static Py_ssize_t length(PyObject *self) { return Py_ssize_t(record_of(self)->lease.size); }

static PyGetSetDef getset[] = {
	{"value", value_of, nullptr, nullptr, nullptr},
	{"data", data_of, nullptr, nullptr, nullptr},
	{"redelivered", redelivered_of, nullptr, nullptr, nullptr},
	{nullptr, nullptr, nullptr, nullptr, nullptr},
};

static int traverse(PyObject *self, visitproc visit, void *arg)
{
	Py_VISIT(Py_TYPE(self));
	if (nb::inst_ready(nb::handle(self))) {
		Py_VISIT(record_of(self)->decode);
		Py_VISIT(record_of(self)->value);
	}
	return 0;
}

static int clear(PyObject *self)
{
	if (nb::inst_ready(nb::handle(self))) {
		Py_CLEAR(record_of(self)->decode);
		Py_CLEAR(record_of(self)->value);
	}
	return 0;
}

static PyType_Slot slots[] = {
	slot_no_new(),
	{Py_tp_traverse, reinterpret_cast<void *>(traverse)},
	{Py_tp_clear, reinterpret_cast<void *>(clear)},
	{Py_tp_getset, getset},
	{Py_bf_getbuffer, reinterpret_cast<void *>(get_buffer)},
	{Py_bf_releasebuffer, reinterpret_cast<void *>(release_elsewhere)},
	{Py_sq_length, reinterpret_cast<void *>(length)},
	{0, nullptr},
};

static std::string id_of(Record &r)
{
	shmq_id id;
	char text[72];
	if (held(&r) < 0)
		throw nb::python_error();
	if (r.h->busy)
		throw_if(handle_usable(r.h));
	int rc = shmq_record_id(r.h->q, &r.lease, &id);
	if (rc < 0)
		throw_if(raise_last(r.h, rc));
	shmq_id_text(&id, text);
	return text;
}

static bool settle(Record &r, Fate fate, bool strict)
{
	int rc = record_settle(&r, fate, strict);
	if (rc < 0)
		throw_if(raise_last(r.h, rc));
	return rc == 1;
}

void define_record(nb::module_ &m)
{
	nb::class_<Record>(m, "Record", nb::type_slots(slots), nb::is_generic())
		.def("ack", [](Record &r) { return settle(r, Fate::Ack, true); })
		.def("release", [](Record &r) { return settle(r, Fate::Release, true); })
		.def("tobytes", [](Record &r) { return nb::steal<nb::bytes>(or_throw(bytes_of(&r))); })
		.def("__bytes__", [](Record &r) { return nb::steal<nb::bytes>(or_throw(bytes_of(&r))); })
		.def_prop_ro("sent_at", [](Record &r) -> nb::object {
			if (r.lease.sent_at == 0)
				return nb::none();
			return nb::int_(r.lease.sent_at);
		})
		.def_prop_ro("id", id_of)
		.def_prop_ro("queue", [](Record &r) { return r.h->name; })
		.def_prop_ro("settled", [](Record &r) { return r.settled || r.h->q == nullptr || r.h->forked; })
		.def("__enter__", [](nb::handle self) { return nb::borrow(self); })
		.def("__exit__", [](Record &r, nb::handle type, nb::handle, nb::handle) {
			if (type.is_none())
				settle(r, Fate::Ack, false);
			else
				(void)record_settle(&r, Fate::Release, false); // the body's exception is the one to be told
		}, nb::arg().none(), nb::arg().none(), nb::arg().none());
}
