#include "errors.h"

#include <cmath>

static PyObject *classes;     // from codes to exception classes
static PyObject *undecodable; // (queue, data, cause) to a DecodeError

std::string role_word(const Handle *h) { return h->role == SHMQ_PRODUCER ? "producer" : "consumer"; }

std::string closed_text(const Handle *h) { return "shmq: queue \"" + h->name + "\": the " + role_word(h) + " is closed"; }

std::string forked_text(const Handle *h)
{
	return "shmq: queue \"" + h->name + "\": the " + role_word(h) +
	       " is that of the process that opened it, not of its forked child; open another one in the child";
}

static int raise_with(int code, int os, const char *text)
{
	PyObject *key = PyLong_FromLong(code), *cls = nullptr, *str = nullptr, *e = nullptr;
	if (key != nullptr && classes != nullptr)
		cls = PyDict_GetItemWithError(classes, key);
	if (cls == nullptr && !PyErr_Occurred())
		cls = PyExc_RuntimeError;
	if (cls != nullptr)
		str = PyUnicode_DecodeUTF8(text, Py_ssize_t(strlen(text)), "backslashreplace");
	if (str != nullptr)
		e = cls == PyExc_RuntimeError ? PyObject_CallFunction(cls, "O", str) : PyObject_CallFunction(cls, "Oii", str, code, os);
	if (e != nullptr)
		PyErr_SetObject(reinterpret_cast<PyObject *>(Py_TYPE(e)), e);
	Py_XDECREF(e);
	Py_XDECREF(str);
	Py_XDECREF(key);
	return -1;
}

int raise_error(const shmq_error &err)
{
	return raise_with(err.code, err.os, err.text[0] != 0 ? err.text : shmq_strerror(err.code));
}

int raise_code(int code, const std::string &text) { return raise_with(code, 0, text.c_str()); }

int raise_last(Handle *h, int code)
{
	if (PyErr_Occurred())
		return -1;
	const shmq_error *err = shmq_last_error(h->q);
	if (err->code == code)
		return raise_error(*err);
	return raise_code(code, "shmq: queue \"" + h->name + "\": " + shmq_strerror(code));
}

void raise_undecodable(Handle *h, PyObject *data)
{
	PyObject *type, *value, *trace;
	if (undecodable == nullptr || !PyErr_ExceptionMatches(PyExc_Exception) || PyErr_ExceptionMatches(PyExc_MemoryError))
		return;
	PyErr_Fetch(&type, &value, &trace);
	PyErr_NormalizeException(&type, &value, &trace);
	if (trace != nullptr)
		PyException_SetTraceback(value, trace);
	PyObject *e = PyObject_CallFunction(undecodable, "sOO", h->name.c_str(), data, value);
	if (e != nullptr)
		PyErr_SetObject(reinterpret_cast<PyObject *>(Py_TYPE(e)), e);
	Py_XDECREF(e);
	Py_XDECREF(type);
	Py_XDECREF(value);
	Py_XDECREF(trace);
}

int64_t timeout_of(PyObject *timeout)
{
	if (timeout == nullptr || timeout == Py_None)
		return SHMQ_FOREVER;
	double s = PyFloat_AsDouble(timeout);
	if (s == -1.0 && PyErr_Occurred())
		return -2;
	if (std::isnan(s) || s < 0) {
		PyErr_SetString(PyExc_ValueError, "shmq: a timeout is a number of seconds from 0 on, or None to wait for ever");
		return -2;
	}
	return s > 9e9 ? SHMQ_FOREVER : int64_t(s * 1e9);
}

void define_errors(nb::module_ &m)
{
	// They live as long as the process: exceptions are raised until its end.
	m.def("_set_errors", [](nb::dict by_code, nb::object decode_error) {
		classes = by_code.release().ptr();
		undecodable = decode_error.release().ptr();
	});
	m.def("_code_name", [](int code) { return shmq_code_name(code); });
}
