#include "calls.h"

#include "errors.h"

bool arguments(const char *method, PyObject *const *args, Py_ssize_t n, PyObject *kwnames, int needed, const char *const *names,
	       int count, PyObject **out)
{
	if (n > count) {
		PyErr_Format(PyExc_TypeError, "%s() takes at most %d arguments (%zd given)", method, count, n);
		return false;
	}
	for (Py_ssize_t i = 0; i < n; i++)
		out[i] = args[i];
	for (Py_ssize_t i = 0; kwnames != nullptr && i < PyTuple_GET_SIZE(kwnames); i++) {
		PyObject *word = PyTuple_GET_ITEM(kwnames, i);
		int at = 0;
		while (at < count && PyUnicode_CompareWithASCIIString(word, names[at]) != 0)
			at++;
		if (at == count || out[at] != nullptr) {
			PyErr_Format(PyExc_TypeError, at == count ? "%s() got an unexpected keyword argument '%U'"
								  : "%s() got multiple values for argument '%U'", method, word);
			return false;
		}
		out[at] = args[n + i];
	}
	for (int i = 0; i < needed; i++) {
		if (out[i] == nullptr) {
			PyErr_Format(PyExc_TypeError, "%s() missing required argument: '%s'", method, names[i]);
			return false;
		}
	}
	return true;
}

bool size_of(PyObject *o, const char *name, size_t *size)
{
	PyObject *n = PyNumber_Index(o);
	if (n == nullptr) {
		if (PyErr_ExceptionMatches(PyExc_TypeError))
			PyErr_Format(PyExc_TypeError, "shmq: %s is a whole number from 0 on, and not a %s", name, Py_TYPE(o)->tp_name);
		return false;
	}
	int over;
	long long value = PyLong_AsLongLongAndOverflow(n, &over);
	Py_DECREF(n);
	if (over < 0 || (over == 0 && value < 0)) {
		if (!PyErr_Occurred())
			PyErr_Format(PyExc_ValueError, "shmq: %s is a whole number from 0 on", name);
		return false;
	}
	*size = over > 0 ? SIZE_MAX : size_t(value);
	return true;
}

const char *queue_name(const std::string &name)
{
	if (name.find('\0') != std::string::npos)
		throw_if(raise_code(SHMQ_E_NAME, "shmq: the name of a queue has no NUL"));
	return name.c_str();
}

PyObject *no_new(PyTypeObject *type, PyObject *, PyObject *)
{
	PyErr_Format(PyExc_TypeError, "shmq: the objects of %s come from producers and consumers", type->tp_name);
	return nullptr;
}

bool Bytes::of_other(PyObject *o, const Handle *h)
{
	if (PyUnicode_Check(o) || !PyObject_CheckBuffer(o)) {
		PyErr_Format(PyExc_TypeError,
			     "shmq: send to queue \"%s\": a record is bytes, or has the buffer protocol, and this is a %s: encode it, or send it "
			     "as a value with a codec", h->name.c_str(), Py_TYPE(o)->tp_name);
		return false;
	}
	if (or_stop([&] { return PyObject_GetBuffer(o, &view, PyBUF_SIMPLE); }) < 0) {
		view.obj = nullptr;
		return false;
	}
	data = view.buf;
	size = size_t(view.len);
	return true;
}
